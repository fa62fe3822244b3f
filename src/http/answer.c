#include "http/answer.h"

#include "base/text.h"

#include <sys/random.h>

enum { ANSWER_HEAD_MAX = 8 * 1024, TRACEPARENT_LEN = 55, CLIENT_ID_MAX = 128 };

/* W3C Trace Context: 00-<32 hex>-<16 hex>-<2 hex>; version free. */
static bool is_traceparent(struct span value)
{
    if (value.len != TRACEPARENT_LEN) {
        return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.data[i];
        bool is_dash = i == 2 || i == 35 || i == 52;
        bool is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');

        if (is_dash ? c != '-' : !is_hex) {
            return false;
        }
    }
    return true;
}

void answer_request_id(const struct http_head *head, char *text, size_t size)
{
    static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
    struct span trace = {0};
    uint8_t random[16] = {0};
    size_t n = size - 1 < sizeof(random) ? size - 1 : sizeof(random);

    if (head != NULL) {
        trace = http_head_find(head, "traceparent");
    }
    if (is_traceparent(trace) && size > TRACEPARENT_LEN) {
        memcpy(text, trace.data, trace.len);
        text[trace.len] = '\0';
        return;
    }
    /* A name for log lines, not a secret: short of entropy it is merely less unique. */
    (void)!getrandom(random, sizeof(random), GRND_NONBLOCK);
    for (size_t i = 0; i < n; i++) {
        text[i] = alphabet[random[i] % 32];
    }
    text[n] = '\0';
}

/* The client's own id goes back only when it asks, and only if it is plain text. */
static void echo_client_id(struct buf *wire, const struct http_head *head)
{
    struct span id = http_head_find(head, "x-ms-client-request-id");
    struct span wish = http_head_find(head, "x-ms-return-client-request-id");

    if (id.len == 0 || id.len > CLIENT_ID_MAX || !text_span_equal_nocase(wish, "true")) {
        return;
    }
    for (size_t i = 0; i < id.len; i++) {
        if (id.data[i] < ' ' || id.data[i] > '~') {
            return;
        }
    }
    buf_add_str(wire, "x-ms-client-request-id: ");
    buf_add(wire, id);
    buf_add_str(wire, "\r\n");
}

void answer_write(struct buf *wire, const struct answer_context *context,
                  const struct http_response *response)
{
    const char *type =
        response->content_type != NULL ? response->content_type : "application/json; charset=utf-8";

    buf_init(wire, ANSWER_HEAD_MAX + response->body.len);
    buf_addf(wire, "HTTP/1.1 %u %s\r\nDate: %s\r\n", response->status,
             http_status_text(response->status), context->date);
    if (response->body.len > 0) {
        buf_addf(wire, "Content-Type: %s\r\n", type);
    }
    if (response->status != 204) {
        buf_addf(wire, "Content-Length: %zu\r\n", response->body.len);
    }
    buf_addf(wire, "x-ms-request-id: %s\r\n", context->id);
    if (context->service_version != NULL) {
        buf_addf(wire, "x-ms-maa-service-version: %s\r\n", context->service_version);
    }
    if (response->error_code != NULL) {
        buf_addf(wire, "x-ms-error-code: %s\r\n", response->error_code);
    }
    if (response->retry_after_s != 0) {
        buf_addf(wire, "Retry-After: %u\r\n", response->retry_after_s);
    }
    if (context->route != NULL && (context->route->flags & HTTP_NO_STORE) != 0) {
        buf_add_str(wire, "Cache-Control: no-store\r\n");
    }
    if (context->head != NULL) {
        echo_client_id(wire, context->head);
    }
    for (size_t i = 0; i < response->n_headers; i++) {
        buf_addf(wire, "%s: %s\r\n", response->headers[i].name, response->headers[i].value);
    }
    if (context->closes) {
        buf_add_str(wire, "Connection: close\r\n");
    } else if (context->head != NULL && context->head->is_http_1_0) {
        buf_add_str(wire, "Connection: keep-alive\r\n");
    }
    buf_add_str(wire, "\r\n");
    if (!context->omits_body) {
        buf_add(wire, response->body);
    }
}
