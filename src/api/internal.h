/*
 * internal.h - what the files of this room share. Not for other rooms.
 */
#ifndef API_INTERNAL_H
#define API_INTERNAL_H

#include "api/api.h"
#include "crypto/hash.h"
#include "http/request.h"
#include "service/machines.h"
#include "service/provider.h"

#include <stdatomic.h>

enum {
    API_MAX_ROUTES = 256,
    API_ATTEST_BODY_MAX = 1024 * 1024, /* decisions section 1 */
    /* A policy of 256 KiB, in base64url twice, with its signature and certificates. */
    API_POLICY_BODY_MAX = 640 * 1024,
    API_OTHER_BODY_MAX = 64 * 1024,
};

struct api {
    struct service *service;
    struct metrics *metrics;
    struct gate *gate;       /* NULL: nobody signs in here */
    struct audit *audit;     /* NULL: as above */
    struct control *control; /* NULL: no resource manager here */
    struct fair *fair;       /* among its requests */
    unsigned n_workers;
    _Atomic(const struct http_server *) server;
    struct metric *requests, *durations;
    struct metric *connections, *accepted, *refused, *handshakes, *timeouts, *log_dropped;
    struct metric *unsigned_tokens;
    struct metric *sign_ins;
    struct http_route routes[API_MAX_ROUTES];
    size_t n_routes;
};

struct api_worker {
    struct hasher *hasher;
};

static inline struct api *api_of(struct http_request *request)
{
    return request->context;
}

/* What the service needs of a request, and its answer as a response. */
struct service_call api_call(struct http_request *request);
void api_finish(struct http_request *request, const struct service_answer *answer,
                struct http_response *response);

/* The data plane of every provider (api/attestation.c). */
struct http_routes api_attestation_routes(void);
/* The guest API (api/guests.c); machines for their owners (api/machines.c). */
struct http_routes api_guest_routes(void);
struct http_routes api_machine_routes(void);
/* Packages of the agent (api/packages.c). */
struct http_routes api_package_routes(void);
/* Everything below /subscriptions that has no route of its own (api/manage.c); behind all others.
 */
struct http_routes api_manage_routes(void);
/* Signing in (api/identity.c): routes of the built-in identity provider. */
struct http_routes api_identity_routes(void);

/* The page on which people enter codes (api/device-page.c). */
struct http_routes api_device_routes(void);

/* A path as logs may show it. route: the pattern that fits, "" for none; flags are the route's. */
struct span api_shown_path(struct span path, const char *route, unsigned flags);
/* The path of a request in the same way. */
struct span api_request_path(const struct http_request *request);

struct idp;      /* identity/idp.h */
struct idp_call; /* the same */
/* What the identity provider needs of a request, in the arena. */
struct idp *api_idp(const struct http_request *request);
struct idp_call api_idp_call(const struct http_request *request, bool is_v1);
/* Count a sign-in by how it ended, and write one that was refused into the audit log. name: who it
 * was said to be, escaped; "" when not said. */
void api_signed_in(struct http_request *request, struct http_response *response, const char *reason,
                   const char *name);

struct access_caller;
/* Of a subscription that is not there, for anybody (api/subscriptions.c): answered with 404, unless
 * the caller has a role everywhere. */
bool api_refuse_subscription(struct http_request *request, struct http_response *response,
                             const struct access_caller *caller, struct span subscription);

#define API_MONITOR "/subscriptions/{subscription}/providers/Bootwarden.Monitor"
/* A call of who owns machines: may they, the audit log, the answer. kind: "machines", what the
 * path's second parameter names and the scope ends in; NULL: the scope is the subscription. */
void api_owner_run(struct http_request *request, struct http_response *response, const char *kind,
                   const char *action, machine_call *run_call);

#endif
