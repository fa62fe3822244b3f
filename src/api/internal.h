/*
 * internal.h - what the files of this room share. Not for other rooms.
 */
#ifndef API_INTERNAL_H
#define API_INTERNAL_H

#include "api/api.h"
#include "crypto/hash.h"

#include <stdatomic.h>

enum { API_MAX_ROUTES = 256 };

struct api {
    struct service *service;
    struct metrics *metrics;
    struct gate *gate;   /* NULL: nobody signs in here */
    struct audit *audit; /* NULL: as above */
    _Atomic(const struct http_server *) server;
    struct metric *requests, *durations;
    struct metric *connections, *accepted, *refused, *handshakes, *timeouts, *log_dropped;
    struct metric *sign_ins;
    struct http_route routes[API_MAX_ROUTES];
    size_t n_routes;
};

struct api_worker {
    struct hasher *hasher;
};

/* Signing in (api/identity.c): routes of the built-in identity provider. */
struct http_routes api_identity_routes(void);

#endif
