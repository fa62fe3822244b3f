/* Who may send these bytes: anybody who reaches the port, before any authentication. */
#include "http/message.h"

#include "base/codec.h"
#include "base/text.h"

#include <stdio.h>

enum {
    MAX_EMPTY_BYTES = 16, /* empty lines in front of a request */
    PORT_DIGITS = 5,
};

static const struct {
    enum http_method method;
    const char *name;
} methods[] = {
    {HTTP_GET, "GET"},     {HTTP_HEAD, "HEAD"},     {HTTP_POST, "POST"},       {HTTP_PUT, "PUT"},
    {HTTP_PATCH, "PATCH"}, {HTTP_DELETE, "DELETE"}, {HTTP_OPTIONS, "OPTIONS"},
};

const char *http_method_name(enum http_method method)
{
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (methods[i].method == method) {
            return methods[i].name;
        }
    }
    return "?";
}

void http_methods_text(unsigned set, char *text, size_t size)
{
    size_t len = 0;

    text[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(methods) && len < size; i++) {
        if ((set & methods[i].method) != 0) {
            len += (size_t)snprintf(text + len, size - len, "%s%s", len == 0 ? "" : ", ",
                                    methods[i].name);
        }
    }
}

err_t http_head_end(struct span bytes, size_t *scanned, size_t *ret_len)
{
    size_t limit = bytes.len < HTTP_HEAD_MAX_BYTES ? bytes.len : HTTP_HEAD_MAX_BYTES;
    size_t at = *scanned;

    for (; at < limit; at++) {
        if (bytes.data[at] != '\n') {
            continue;
        }
        if (at == 0 || bytes.data[at - 1] != '\r') {
            return ERR_MALFORMED;
        }
        /* CR LF CR LF, unless nothing but empty lines came so far (RFC 9112, 2.2). */
        if (at >= 3 && bytes.data[at - 2] == '\n') {
            size_t first = 0;

            while (first < at && (bytes.data[first] == '\r' || bytes.data[first] == '\n')) {
                first++;
            }
            if (first < at) {
                *scanned = at + 1;
                *ret_len = at + 1;
                return ERR_OK;
            }
            if (at >= MAX_EMPTY_BYTES) {
                return ERR_MALFORMED;
            }
        }
    }
    *scanned = at;
    if (bytes.len >= HTTP_HEAD_MAX_BYTES) {
        return ERR_TOO_LARGE;
    }
    *ret_len = 0;
    return ERR_OK;
}

/* RFC 9110, 5.6.2 */
static bool is_token(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        bool is_alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

        if (!is_alnum && (c == 0 || strchr("!#$%&'*+-.^_`|~", c) == NULL)) {
            return false;
        }
    }
    return text.len > 0;
}

static struct span trim(struct span text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text = span_cut(text, 1, text.len);
    }
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t')) {
        text.len--;
    }
    return text;
}

/* The next line without its CR LF; the head is known to end in an empty line. */
static bool next_line(struct span *rest, struct span *ret_line)
{
    const uint8_t *end = rest->len == 0 ? NULL : memchr(rest->data, '\n', rest->len);
    size_t len;

    if (end == NULL || end == rest->data || end[-1] != '\r') {
        return false;
    }
    len = (size_t)(end - rest->data);
    *ret_line = span_of(rest->data, len - 1);
    *rest = span_cut(*rest, len + 1, rest->len);
    return true;
}

static bool cut_at(struct span *rest, uint8_t separator, struct span *ret_part)
{
    const uint8_t *at = rest->len == 0 ? NULL : memchr(rest->data, separator, rest->len);

    if (at == NULL) {
        return false;
    }
    *ret_part = span_of(rest->data, (size_t)(at - rest->data));
    *rest = span_cut(*rest, ret_part->len + 1, rest->len);
    return true;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Of an IPv6 address (RFC 6874), with the "%25" or without the 25, as clients send both. */
static bool is_zone(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.data[i]) && !is_letter(text.data[i]) &&
            strchr("-._~", text.data[i]) == NULL) {
            return false;
        }
    }
    return text.len > 0;
}

/* An address in brackets, without them. Which one it is matters to nobody here. */
static bool is_ip_literal(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];

        if (c == '%') {
            return memchr(text.data, ':', i) != NULL && is_zone(span_cut(text, i + 1, text.len));
        }
        if (!is_digit(c) && c != ':' && c != '.' && ((c | 0x20) < 'a' || (c | 0x20) > 'f')) {
            return false;
        }
    }
    return memchr(text.data, ':', text.len) != NULL;
}

/* Labels of letters, digits, "-" and "_", none of them empty but for one dot at the end: stricter
 * than RFC 3986, 3.2.2, whose escapes and delimiters no name in DNS has. */
static bool is_host_name(struct span text)
{
    bool has_label = false;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];

        if (c == '.' && !has_label) {
            return false;
        }
        if (c != '.' && !is_digit(c) && !is_letter(c) && c != '-' && c != '_') {
            return false;
        }
        has_label = c != '.';
    }
    return text.len > 0;
}

static bool is_port(struct span text)
{
    unsigned port = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.data[i]) || i == PORT_DIGITS) {
            return false;
        }
        port = port * 10 + (text.data[i] - '0');
    }
    return port <= UINT16_MAX;
}

/* uri-host [ ":" port ] (RFC 9110, 7.2). Nobody else's name may pass for one of ours. */
static bool is_authority(struct span text)
{
    struct span host = text;
    struct span port = {0};
    const uint8_t *end;

    if (span_starts(text, "[")) {
        end = memchr(text.data, ']', text.len);
        if (end == NULL || !is_ip_literal(span_cut(text, 1, (size_t)(end - text.data) - 1))) {
            return false;
        }
        port = span_cut(text, (size_t)(end - text.data) + 1, text.len);
        return port.len == 0 || (span_starts(port, ":") && is_port(span_cut(port, 1, port.len)));
    }
    if (cut_at(&text, ':', &host)) {
        port = text;
    }
    return is_host_name(host) && is_port(port);
}

static bool starts_nocase(struct span text, const char *start)
{
    return text_span_equal_nocase(span_cut(text, 0, strlen(start)), start);
}

/* Origin form, absolute form or "*" (RFC 9112, 3.2). The authority of an absolute form is kept in
 * head->host. */
static bool parse_target(struct span target, struct http_head *head)
{
    struct span path;

    for (size_t i = 0; i < target.len; i++) {
        if (target.data[i] <= ' ' || target.data[i] >= 0x7f || target.data[i] == '#') {
            return false;
        }
    }
    if (starts_nocase(target, "https://") || starts_nocase(target, "http://")) {
        size_t len = 0;

        target = span_cut(target, starts_nocase(target, "https") ? 8 : 7, target.len);
        while (len < target.len && target.data[len] != '/' && target.data[len] != '?') {
            len++;
        }
        head->host = span_cut(target, 0, len);
        if (!is_authority(head->host)) {
            return false;
        }
        target = span_cut(target, len, target.len);
        if (target.len == 0) {
            target = span_str("/");
        }
        if (span_starts(target, "?")) {
            head->path = span_str("/");
            head->query = target.len == 1 ? span_str("") : span_cut(target, 1, target.len);
            return true;
        }
    }
    if (!span_starts(target, "/") && !span_is(target, "*")) {
        return false;
    }
    head->query = (struct span){0};
    head->path = target;
    if (cut_at(&target, '?', &path)) {
        head->path = path;
        /* "?" with nothing behind it is a query too, so data must not be NULL. */
        head->query = target.len == 0 ? span_str("") : target;
    }
    return true;
}

static unsigned refuse(struct trail *trail, unsigned status, const char *words)
{
    trail_set(trail, ERR_MALFORMED, "%s", words);
    return status;
}

static unsigned parse_request_line(struct span line, struct trail *trail, struct http_head *head)
{
    struct span method, target;

    if (!cut_at(&line, ' ', &method) || !is_token(method) || !cut_at(&line, ' ', &target) ||
        !span_starts(line, "HTTP/")) {
        return refuse(trail, 400, "the request line is not of the form METHOD TARGET HTTP/1.1");
    }
    if (!span_is(line, "HTTP/1.1") && !span_is(line, "HTTP/1.0")) {
        return refuse(trail, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    }
    head->is_http_1_0 = span_is(line, "HTTP/1.0");
    if (!parse_target(target, head)) {
        return refuse(trail, 400, "the request target is neither a path nor the address of one");
    }
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (span_is(method, methods[i].name)) {
            head->method = methods[i].method;
            return 0;
        }
    }
    return refuse(trail, 501, "the method is not known");
}

static unsigned parse_header(struct span line, struct trail *trail, struct http_head *head)
{
    struct http_header header;

    if (head->n_headers == HTTP_MAX_HEADERS) {
        return refuse(trail, 431, "too many headers");
    }
    /* Also refuses space before the colon and folded lines (RFC 9112, 5.1 and 5.2). */
    if (!cut_at(&line, ':', &header.name) || !is_token(header.name)) {
        return refuse(trail, 400, "a header line is not of the form NAME: VALUE");
    }
    header.value = trim(line);
    if (header.value.len == 0) {
        header.value = span_str(""); /* there, and empty: not the same as absent */
    }
    for (size_t i = 0; i < header.value.len; i++) {
        uint8_t c = header.value.data[i];

        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return refuse(trail, 400, "a header holds control characters");
        }
    }
    head->headers[head->n_headers++] = header;
    return 0;
}

struct span http_head_find(const struct http_head *head, const char *name)
{
    for (size_t i = 0; i < head->n_headers; i++) {
        if (text_span_equal_nocase(head->headers[i].name, name)) {
            return head->headers[i].value;
        }
    }
    return (struct span){0};
}

static size_t count_headers(const struct http_head *head, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < head->n_headers; i++) {
        n += text_span_equal_nocase(head->headers[i].name, name);
    }
    return n;
}

static unsigned read_length(const struct http_head *head, struct trail *trail, uint64_t *ret)
{
    struct span text = http_head_find(head, "content-length");
    uint64_t value = 0;

    if (count_headers(head, "content-length") > 1) {
        return refuse(trail, 400, "Content-Length is there twice");
    }
    if (text.data == NULL) {
        *ret = 0;
        return 0;
    }
    if (text.len == 0) {
        return refuse(trail, 400, "Content-Length is not a number");
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return refuse(trail, 400, "Content-Length is not a number");
        }
        if (value > (UINT64_MAX - 9) / 10) {
            return refuse(trail, 413, "Content-Length is larger than any body");
        }
        value = value * 10 + (text.data[i] - '0');
    }
    *ret = value;
    return 0;
}

/* Where the body ends (RFC 9112, 6). */
static unsigned read_framing(struct trail *trail, struct http_head *head)
{
    struct span coding = http_head_find(head, "transfer-encoding");
    struct span expect = http_head_find(head, "expect");
    struct span content_coding = http_head_find(head, "content-encoding");
    unsigned status = read_length(head, trail, &head->content_length);

    if (status != 0) {
        return status;
    }
    if (coding.data != NULL) {
        if (http_head_find(head, "content-length").data != NULL || head->is_http_1_0 ||
            count_headers(head, "transfer-encoding") > 1) {
            return refuse(trail, 400, "the length of the body is given in two ways");
        }
        if (!text_span_equal_nocase(coding, "chunked")) {
            return refuse(trail, 501, "no transfer coding but chunked is spoken here");
        }
        head->is_chunked = true;
    }
    if (expect.data != NULL && !text_span_equal_nocase(expect, "100-continue")) {
        return refuse(trail, 417, "no expectation but 100-continue can be met");
    }
    head->expects_continue = expect.data != NULL && !head->is_http_1_0;
    /* A small body must not unpack into a large one (rule S-6). */
    if (content_coding.data != NULL && !text_span_equal_nocase(content_coding, "identity")) {
        return refuse(trail, 415, "compressed bodies are not read");
    }
    return 0;
}

static bool list_holds(struct span list, const char *word)
{
    struct span part;

    while (cut_at(&list, ',', &part)) {
        if (text_span_equal_nocase(trim(part), word)) {
            return true;
        }
    }
    return text_span_equal_nocase(trim(list), word);
}

static void read_connection(struct http_head *head)
{
    head->keeps_alive = !head->is_http_1_0;
    for (size_t i = 0; i < head->n_headers; i++) {
        if (!text_span_equal_nocase(head->headers[i].name, "connection")) {
            continue;
        }
        if (list_holds(head->headers[i].value, "close")) {
            head->keeps_alive = false;
            return;
        }
        if (list_holds(head->headers[i].value, "keep-alive")) {
            head->keeps_alive = true;
        }
    }
}

/* The usual port is the same as none. */
static struct span without_port(struct span host)
{
    static const char usual[] = ":443";
    size_t len = sizeof(usual) - 1;

    return host.len > len && span_is(span_cut(host, host.len - len, len), usual)
               ? span_cut(host, 0, host.len - len)
               : host;
}

/* RFC 9112, 3.2: one Host header, of the right form. */
static unsigned read_host(struct trail *trail, struct http_head *head)
{
    struct span host = http_head_find(head, "host");
    size_t n = count_headers(head, "host");

    if (n > 1 || (n == 0 && !head->is_http_1_0)) {
        return refuse(trail, 400, "there must be one Host header");
    }
    if (host.len > 0 && !is_authority(host)) {
        char shown[64];

        text_escape(host, shown, sizeof(shown));
        trail_set(trail, ERR_MALFORMED, "the Host header '%s' is not of the form NAME or NAME:PORT",
                  shown);
        return 400;
    }
    if (head->host.data == NULL) {
        head->host = host;
    } else if (n == 1 && !text_spans_equal_nocase(without_port(head->host), without_port(host))) {
        return refuse(trail, 400, "the Host header names another host than the request target");
    }
    return 0;
}

unsigned http_head_parse(struct span bytes, struct trail *trail, struct http_head *ret)
{
    struct http_head head = {0};
    struct span line = {0};
    unsigned status;

    while (bytes.len >= 2 && bytes.data[0] == '\r' && bytes.data[1] == '\n') {
        bytes = span_cut(bytes, 2, bytes.len);
    }
    if (!next_line(&bytes, &line)) {
        return refuse(trail, 400, "there is no request line");
    }
    status = parse_request_line(line, trail, &head);
    while (status == 0 && next_line(&bytes, &line) && line.len > 0) {
        status = parse_header(line, trail, &head);
    }
    status = status != 0 ? status : read_host(trail, &head);
    status = status != 0 ? status : read_framing(trail, &head);
    if (status == 0) {
        read_connection(&head);
        *ret = head;
    }
    return status;
}

err_t http_percent_decode(struct arena *arena, struct span text, struct span *ret)
{
    struct span out = {0};
    err_t err = percent_decode(arena, text, false, &out);

    for (size_t i = 0; i < out.len && err == ERR_OK; i++) {
        err = out.data[i] < ' ' || out.data[i] == 0x7f ? ERR_MALFORMED : ERR_OK;
    }
    if (err == ERR_OK) {
        *ret = out;
    }
    return err;
}

err_t http_path_parse(struct arena *arena, struct span path, struct http_path *ret)
{
    struct http_path out = {0};
    struct span part = {0};
    bool is_last = false;
    err_t err;

    if (!span_starts(path, "/")) {
        return ERR_MALFORMED;
    }
    path = span_cut(path, 1, path.len);
    while (!is_last && (path.len > 0 || out.n > 0)) {
        if (out.n == HTTP_MAX_SEGMENTS) {
            return ERR_TOO_MANY;
        }
        if (!cut_at(&path, '/', &part)) {
            part = path;
            is_last = true;
        }
        err = http_percent_decode(arena, part, &out.segments[out.n]);
        if (err) {
            return err;
        }
        if (memchr(out.segments[out.n].data, '/', out.segments[out.n].len) != NULL) {
            return ERR_MALFORMED;
        }
        out.n++;
    }
    *ret = out;
    return ERR_OK;
}
