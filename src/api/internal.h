/*
 * internal.h - inside of the api room: what handlers share.
 */
#ifndef API_INTERNAL_H
#define API_INTERNAL_H

#include "api/api.h"
#include "http/request.h"
#include "identity/gate.h"
#include "service/audit.h"
#include "service/provider.h"

#include <stdatomic.h>

enum {
    API_MAX_ROUTES = 128,
    API_ATTEST_BODY_MAX = 1024 * 1024, /* decisions section 1 */
    /* A policy of 256 KiB, in base64url twice, with its signature and certificates. */
    API_POLICY_BODY_MAX = 640 * 1024,
    API_OTHER_BODY_MAX = 64 * 1024,
    API_RESOURCE_BODY_MAX = 512 * 1024, /* policy signing certificates */
};

struct api {
    struct service *service;
    struct gate *gate;   /* NULL: nobody signs in; what needs a token is refused */
    struct audit *audit; /* likewise */
    struct metrics *metrics;
    struct http_route routes[API_MAX_ROUTES];
    size_t n_routes;
    _Atomic(const struct http_server *) server;
    struct metric *requests, *durations;
    struct metric *connections, *accepted, *refused, *handshakes, *timeouts, *log_dropped;
};

struct api_worker {
    struct hasher *hasher;
};

static inline struct api *api_of(struct http_request *request)
{
    return request->context;
}

struct service_call api_call(struct http_request *request);
void api_finish(struct http_request *request, const struct service_answer *answer,
                struct http_response *response);

/* ---- who may (api/allow.c) ---- */

/* A call that somebody must be allowed to make. */
struct api_permission {
    enum access_plane plane;
    const char *action;
    const char *scope; /* a resource path */
    bool is_change;    /* audited before it is made, and after */
};

/* May whoever sent this? Otherwise the refusal is in the response, and audited. Of a change the
 * beginning is in the audit log when this is true; api_audit_end must follow. */
bool api_allow(struct http_request *request, struct http_response *response,
               const struct api_permission *permission, struct access_caller *ret);
/* What came of an allowed change. */
void api_audit_end(struct http_request *request, const struct http_response *response,
                   const struct api_permission *permission, const struct access_caller *caller);

/* ---- handlers ---- */

/* api/attestation.c: the data plane of every provider. */
extern const struct http_route api_attestation_routes[];
extern const size_t api_attestation_n_routes;
/* api/resources.c: providers as resources. */
extern const struct http_route api_resource_routes[];
extern const size_t api_resource_n_routes;

#endif
