/*
 * text.c - templates as tools send them, made into strict JSON. Who sends these bytes: everybody
 * who may deploy; `az` puts the raw text of a file into a request.
 *
 * One walk over the tokens serves three purposes: writing them strictly, finding where in the text
 * an offset of the strict form is, and counting values to find where one of them begins. Whether
 * the tokens make a document is for json_read to say.
 */
#include "template/template.h"

enum token_kind { TOKEN_END, TOKEN_STRING, TOKEN_WORD, TOKEN_OPEN, TOKEN_MARK };

struct token {
    enum token_kind kind;
    size_t from, to; /* in the text */
    bool is_name;    /* a word in front of a colon */
};

struct walk {
    struct span text;
    size_t at;
};

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_word(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || c == '-' || c == '+' || c == '.' || c >= 0x80;
}

/* Spaces and comments. ERR_SHORT at a comment that does not end, ERR_OK else. */
static err_t skip_blank(struct span text, size_t *at)
{
    while (*at < text.len) {
        struct span rest = span_cut(text, *at, text.len);
        const uint8_t *end;

        if (is_space(rest.data[0])) {
            (*at)++;
        } else if (span_starts(rest, "//")) {
            end = memchr(rest.data, '\n', rest.len);
            *at = end == NULL ? text.len : (size_t)(end - text.data);
        } else if (span_starts(rest, "/*")) {
            end = memmem(rest.data + 2, rest.len - 2, "*/", 2);
            if (end == NULL) {
                return ERR_SHORT;
            }
            *at = (size_t)(end - text.data) + 2;
        } else {
            break;
        }
    }
    return ERR_OK;
}

static bool is_identifier(struct span word)
{
    for (size_t i = 0; i < word.len; i++) {
        uint8_t c = word.data[i];

        if (c == '-' || c == '+' || c == '.' || (i == 0 && c >= '0' && c <= '9')) {
            return false;
        }
    }
    return true;
}

static size_t string_end(struct span text, size_t at)
{
    for (at++; at < text.len && text.data[at] != '"'; at++) {
        at += text.data[at] == '\\' ? 1 : 0;
    }
    return at < text.len ? at + 1 : text.len;
}

static err_t next_token(struct walk *w, struct token *ret)
{
    struct token token = {.kind = TOKEN_END};
    err_t err = skip_blank(w->text, &w->at);
    uint8_t c;

    if (err) {
        return err;
    }
    token.from = token.to = w->at;
    if (w->at < w->text.len) {
        c = w->text.data[w->at];
        token.to++;
        if (c == '"') {
            token.kind = TOKEN_STRING;
            token.to = string_end(w->text, w->at);
        } else if (is_word(c)) {
            size_t behind;

            token.kind = TOKEN_WORD;
            while (token.to < w->text.len && is_word(w->text.data[token.to])) {
                token.to++;
            }
            behind = token.to;
            err = skip_blank(w->text, &behind);
            token.is_name = err == ERR_OK && behind < w->text.len && w->text.data[behind] == ':' &&
                            is_identifier(span_cut(w->text, token.from, token.to - token.from));
        } else {
            token.kind = c == '{' || c == '[' ? TOKEN_OPEN : TOKEN_MARK;
        }
    }
    w->at = token.to;
    *ret = token;
    return ERR_OK;
}

static struct walk walk_on(struct span text)
{
    return (struct walk){.text = text, .at = span_starts(text, "\xef\xbb\xbf") ? 3 : 0};
}

/* ---- places ---- */

static void place_of(struct span text, size_t offset, unsigned *ret_line, unsigned *ret_column)
{
    size_t begin = span_starts(text, "\xef\xbb\xbf") ? 3 : 0;
    unsigned line = 1;

    for (size_t i = begin; i < offset && i < text.len; i++) {
        if (text.data[i] == '\n') {
            line++;
            begin = i + 1;
        }
    }
    *ret_line = line;
    *ret_column = 1;
    for (size_t i = begin; i < offset && i < text.len; i++) {
        *ret_column += (text.data[i] & 0xc0) != 0x80; /* characters, not bytes */
    }
}

/* Names and values in front of `wanted`, itself not counted. Depth is capped by json_read. */
static bool count_until(yyjson_val *at, yyjson_val *wanted, size_t *count)
{
    yyjson_val *key, *child;
    size_t index, max;

    if (at == wanted) {
        return true;
    }
    (*count)++;
    if (yyjson_is_obj(at)) {
        yyjson_obj_foreach(at, index, max, key, child)
        {
            if (key == wanted) {
                return true;
            }
            (*count)++;
            if (count_until(child, wanted, count)) {
                return true;
            }
        }
    } else if (yyjson_is_arr(at)) {
        yyjson_arr_foreach(at, index, max, child)
        {
            if (count_until(child, wanted, count)) {
                return true;
            }
        }
    }
    return false;
}

bool template_where(struct span text, yyjson_val *root, yyjson_val *value, unsigned *ret_line,
                    unsigned *ret_column)
{
    struct walk w = walk_on(text);
    struct token token;
    size_t left = 0;

    if (root == NULL || value == NULL || !count_until(root, value, &left)) {
        return false;
    }
    while (next_token(&w, &token) == ERR_OK && token.kind != TOKEN_END) {
        if (token.kind == TOKEN_MARK) {
            continue;
        }
        if (left-- == 0) {
            place_of(text, token.from, ret_line, ret_column);
            return true;
        }
    }
    return false;
}

/* ---- the strict form ---- */

static uint8_t escape_of(uint8_t c)
{
    return c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : 0;
}

static size_t write_string(const uint8_t *from, size_t len, uint8_t *out)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        const uint8_t escape = escape_of(from[i]);

        if (escape != 0) {
            out[n++] = '\\';
        }
        out[n++] = escape != 0 ? escape : from[i];
        if (from[i] == '\\' && i + 1 < len) {
            out[n++] = from[++i];
        }
    }
    return n;
}

static size_t write_token(struct span text, const struct token *token, uint8_t *out)
{
    size_t len = token->to - token->from;

    if (token->kind == TOKEN_STRING) {
        return write_string(text.data + token->from, len, out);
    }
    if (token->is_name) {
        out[0] = '"';
        memcpy(out + 1, text.data + token->from, len);
        out[len + 1] = '"';
        return len + 2;
    }
    memcpy(out, text.data + token->from, len);
    if (token->kind == TOKEN_WORD) {
        out[len++] = ' '; /* two words stay two */
    }
    return len;
}

/* Each token becomes at most twice its length and two bytes more. */
static err_t write_strict(struct span text, uint8_t *out, size_t *ret_len, size_t *ret_stopped)
{
    struct walk w = walk_on(text);
    struct token token;
    size_t len = 0;
    err_t err;

    for (;;) {
        err = next_token(&w, &token);
        if (err || token.kind == TOKEN_END) {
            break;
        }
        len += write_token(text, &token, out + len);
    }
    *ret_len = len;
    *ret_stopped = w.at;
    return err;
}

/* The offset in the text that became this one of the strict form. */
static size_t original_offset(struct span text, size_t offset, uint8_t *scratch)
{
    struct walk w = walk_on(text);
    struct token token;
    size_t len = 0;

    while (next_token(&w, &token) == ERR_OK && token.kind != TOKEN_END) {
        size_t n = write_token(text, &token, scratch);

        if (offset < len + n) {
            size_t inside = offset - len;
            size_t within = token.to - token.from;

            return token.from + (inside < within ? inside : within - 1);
        }
        len += n;
    }
    return text.len;
}

static err_t content_fault(struct span text, size_t offset, err_t err, const char *words,
                           struct trail *trail, struct template_fault *fault)
{
    fault->code = "InvalidRequestContent";
    place_of(text, offset, &fault->line, &fault->column);
    return trail_set_at(trail, err, offset,
                        "the content was invalid and could not be read: %s at line %u, column %u",
                        words, fault->line, fault->column);
}

err_t template_read(struct arena *arena, struct span text, struct trail *trail,
                    struct template_fault *fault, yyjson_val **ret)
{
    static const struct json_limits limits = {.max_depth = TEMPLATE_MAX_DEPTH,
                                              .max_values = TEMPLATE_MAX_VALUES};
    struct template_fault unused = {0};
    struct trail inner = {0};
    size_t len = 0, stopped = 0;
    uint8_t *strict;
    err_t err;

    fault = fault == NULL ? &unused : fault;
    if (text.len > TEMPLATE_MAX_BYTES) {
        fault->code = "RequestTooLarge";
        return trail_set(trail, ERR_TOO_LARGE, "the text has %zu bytes, at most %d are allowed",
                         text.len, TEMPLATE_MAX_BYTES);
    }
    /* Every byte may become a word with two quotes. */
    strict = arena_alloc(arena, text.len * 3 + 4);
    if (strict == NULL) {
        return ERR_MEMORY;
    }
    err = write_strict(text, strict, &len, &stopped);
    if (err) {
        return content_fault(text, stopped, ERR_JSON_SYNTAX, "a comment begins that does not end",
                             trail, fault);
    }
    err = json_read(arena, span_of(strict, len), &limits, &inner, ret);
    if (err == ERR_OK || err == ERR_MEMORY) {
        return err;
    }
    if (inner.has_offset) {
        return content_fault(text, original_offset(text, (size_t)inner.offset, strict), err,
                             inner.what, trail, fault);
    }
    fault->code = "InvalidRequestContent";
    if (trail != NULL) {
        *trail = inner;
    }
    return err;
}
