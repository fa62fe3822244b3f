/*
 * request.h - what a handler gets, what it answers with.
 *
 * A handler runs to completion on the worker that read the request. Everything in the request
 * lives in the worker's arena or the connection's buffer: it is gone when the handler's answer
 * has been written. What the answer borrows must live in the arena or be static.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "http/message.h"

enum { HTTP_MAX_RESPONSE_HEADERS = 8, HTTP_ID_MAX = 64, HTTP_PEER_MAX = 64 };

struct http_route;

struct http_request {
    enum http_method method; /* a HEAD request is shown to handlers as GET */
    const struct http_head *head;
    struct http_path path; /* decoded segments */
    const struct http_route *route;
    struct span parameters[HTTP_MAX_SEGMENTS]; /* what stood for each {name}, in order */
    size_t n_parameters;
    struct span body;
    struct arena *arena;
    struct trail *trail; /* empty, for the handler's use */
    const char *peer;    /* "127.0.0.1:4711" */
    const char *id;      /* the x-ms-request-id of the answer */
    void *context;       /* of the server: http_options.context */
    void *worker;        /* of the worker: what worker_new returned */
};

struct http_response {
    unsigned status;
    struct span body;
    const char *content_type; /* NULL = application/json; charset=utf-8 */
    const char *error_code;   /* becomes x-ms-error-code */
    unsigned retry_after_s;   /* 0 = none */
    bool closes;              /* close the connection behind the answer */
    struct {
        const char *name;
        const char *value;
    } headers[HTTP_MAX_RESPONSE_HEADERS];
    size_t n_headers;
    const char *note; /* fields for the closing log line: "verdict=healthy machine=..."; or NULL */
};

typedef void http_handler(struct http_request *request, struct http_response *response);

/* Header of the request; data NULL when absent. */
struct span http_request_header(const struct http_request *request, const char *name);
/* Value of the first query parameter of that name (ASCII case ignored), decoded. data NULL when
 * absent or not decodable. */
struct span http_request_query(const struct http_request *request, const char *name);
/* The token of "Authorization: Bearer TOKEN"; data NULL when there is none. */
struct span http_request_bearer(const struct http_request *request);

/* An answer with a JSON body that lives in the arena. data NULL (out of memory) becomes 500. */
void http_answer_json(struct http_response *response, unsigned status, struct span body);
/* {"error":{"code","message"}} (attestation-api section 4); escapes what is not printable. */
void http_answer_error(struct arena *arena, struct http_response *response, unsigned status,
                       const char *code, const char *fmt, ...) PRINTF_LIKE(5, 6);
/* Add a header; silently dropped past HTTP_MAX_RESPONSE_HEADERS. Both strings are borrowed. */
void http_answer_header(struct http_response *response, const char *name, const char *value);

/* "Not Found" */
const char *http_status_text(unsigned status);

#endif
