/*
 * route.h - which handler answers which path.
 *
 * A table of routes, read only. Literal segments are compared ignoring ASCII case, as Azure's
 * clients expect; "{name}" stands for exactly one segment that is not empty, "*" as the last one
 * for all that follow. "{name}:operation" is a segment that ends so; where it fits, no later route
 * is asked. The first route that fits wins, so exact ones stand before patterns, and those with an
 * operation before those without.
 */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include "http/request.h"

enum http_route_flag {
    HTTP_NO_STORE = 1 << 0,    /* answers carry Cache-Control: no-store */
    HTTP_NO_LOG = 1 << 1,      /* probes: no log line for a success */
    HTTP_SECRET_PATH = 1 << 2, /* a name in the path is a secret: nothing shows it */
};

struct http_route {
    unsigned methods; /* HTTP_GET includes HEAD */
    const char *pattern;
    http_handler *handler;
    size_t body_max_bytes;
    unsigned flags;
    unsigned roles; /* listeners that serve it: any common bit; 0 = every listener */
};

struct http_routes {
    const struct http_route *items;
    size_t n;
};

enum http_match { HTTP_MATCH_FOUND, HTTP_MATCH_NO_PATH, HTTP_MATCH_NO_METHOD };

/* Fills route, parameters and method of request, which has its path already. On
 * HTTP_MATCH_NO_METHOD *ret_allowed is what the path can do. */
enum http_match http_routes_match(const struct http_routes *routes, unsigned roles,
                                  enum http_method method, struct http_request *request,
                                  unsigned *ret_allowed);

#endif
