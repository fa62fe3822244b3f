/*
 * api.h - the HTTP form of the use cases: routes, headers, health, metrics, log lines.
 *
 * Shape and codes are those of the attestation API (attestation-api sections 2 to 4) and of
 * docs/formats/guest-api.md; what is decided, is decided in the service room.
 */
#ifndef API_API_H
#define API_API_H

#include "http/server.h"
#include "service/service.h"

/* What a listener can be for; one without roles serves everything. */
enum api_role {
    API_ROLE_ATTEST = 1 << 0,
    API_ROLE_MANAGE = 1 << 1,
    API_ROLE_GUEST = 1 << 2,
    API_ROLE_PORTAL = 1 << 3,
    API_ROLE_METRICS = 1 << 4,
};
/* "attest" to its bit; 0 when unknown. */
unsigned api_role_by_name(struct span name);

struct api;
struct audit; /* service/audit.h */
struct gate;  /* identity/gate.h */

struct api_options {
    struct service *service;
    struct gate *gate;   /* who signs in; NULL: nobody, and what needs that is refused */
    struct audit *audit; /* NULL likewise: nothing is changed unaudited */
    struct metrics *metrics;
};
/* Everything outlives the api. Registers its metrics. NULL without memory. */
struct api *api_new(const struct api_options *options);
void api_free(struct api *api);
DEFINE_CLEANUP(struct api *, api_free)
/* Routes, context, worker and log callbacks into options. */
void api_install(struct api *api, struct http_options *options);
/* The running server, whose figures /metrics shows; NULL before it is gone. */
void api_set_server(struct api *api, const struct http_server *server);

#endif
