/*
 * answer.h - inside of the http room: an answer as bytes.
 */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

#include "http/route.h"

struct answer_context {
    const struct http_head *head;   /* NULL when it was not readable */
    const struct http_route *route; /* NULL when none fits */
    const char *id;
    const char *date;
    const char *service_version; /* NULL = none */
    bool closes;
    bool omits_body; /* HEAD */
};

/* Initialises wire; its error is the caller's to look at. */
void answer_write(struct buf *wire, const struct answer_context *context,
                  const struct http_response *response);
/* The request's traceparent if it has the form of one, else 16 random characters. */
void answer_request_id(const struct http_head *head, char *text, size_t size);

#endif
