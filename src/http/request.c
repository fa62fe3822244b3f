#include "http/request.h"

#include "base/text.h"
#include "json/json.h"

#include <stdarg.h>
#include <stdio.h>

enum { ERROR_MESSAGE_MAX = 8192 };

struct span http_request_header(const struct http_request *request, const char *name)
{
    return http_head_find(request->head, name);
}

struct span http_request_query(const struct http_request *request, const char *name)
{
    struct span rest = request->head->query;
    struct span none = {0};

    while (rest.len > 0) {
        const uint8_t *end = memchr(rest.data, '&', rest.len);
        struct span pair = end == NULL ? rest : span_of(rest.data, (size_t)(end - rest.data));
        const uint8_t *equal = pair.len == 0 ? NULL : memchr(pair.data, '=', pair.len);
        size_t name_len = equal == NULL ? pair.len : (size_t)(equal - pair.data);
        struct span key;

        rest = span_cut(rest, pair.len + 1, rest.len);
        if (http_percent_decode(request->arena, span_cut(pair, 0, name_len), &key) == ERR_OK &&
            text_span_equal_nocase(key, name)) {
            struct span value = none;
            err_t err =
                http_percent_decode(request->arena, span_cut(pair, name_len + 1, pair.len), &value);

            return err ? none : value;
        }
    }
    return none;
}

struct span http_request_bearer(const struct http_request *request)
{
    static const char scheme[] = "Bearer ";
    struct span value = http_request_header(request, "authorization");

    if (value.len <= strlen(scheme) ||
        !text_span_equal_nocase(span_cut(value, 0, strlen(scheme)), scheme)) {
        return (struct span){0};
    }
    return span_cut(value, strlen(scheme), value.len);
}

void http_answer_json(struct http_response *response, unsigned status, struct span body)
{
    static const char failed[] =
        "{\"error\":{\"code\":\"InternalError\",\"message\":\"out of memory\"}}";

    if (body.data == NULL) {
        response->status = 500;
        response->error_code = "InternalError";
        response->body = span_str(failed);
        return;
    }
    response->status = status;
    response->body = body;
}

void http_answer_error(struct arena *arena, struct http_response *response, unsigned status,
                       const char *code, const char *fmt, ...)
{
    char *message = arena_alloc(arena, ERROR_MESSAGE_MAX);
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root, *error;
    va_list args;

    if (message == NULL || doc == NULL) {
        http_answer_json(response, status, (struct span){0});
        return;
    }
    va_start(args, fmt);
    vsnprintf(message, ERROR_MESSAGE_MAX, fmt, args);
    va_end(args);
    root = yyjson_mut_obj(doc);
    error = json_add_object(doc, root, "error");
    json_add_text(doc, error, "code", code);
    json_add_text(doc, error, "message",
                  text_escape_lines_dup(arena, span_str(message), ERROR_MESSAGE_MAX));
    response->error_code = code;
    http_answer_json(response, status, json_write(arena, doc, root, false));
}

void http_answer_header(struct http_response *response, const char *name, const char *value)
{
    if (response->n_headers < HTTP_MAX_RESPONSE_HEADERS) {
        response->headers[response->n_headers].name = name;
        response->headers[response->n_headers].value = value;
        response->n_headers++;
    }
}

const char *http_status_text(unsigned status)
{
    static const struct {
        unsigned status;
        const char *text;
    } texts[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (texts[i].status == status) {
            return texts[i].text;
        }
    }
    return "Status";
}
