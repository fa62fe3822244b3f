/*
 * api.h - the HTTP form of the use cases: routes, headers, health, metrics, log lines.
 *
 * Shape and codes are those of the attestation API (attestation-api sections 2 to 4) and of
 * docs/formats/guest-api.md; what is decided, is decided in the service room.
 */
#ifndef API_API_H
#define API_API_H

#include "control/control.h"
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

/* Both outlive the api. Registers its metrics. */
struct api *api_new(struct service *service, struct metrics *metrics);
void api_free(struct api *api);
DEFINE_CLEANUP(struct api *, api_free)
/* Who is calling, and where refusals and changes are written; both outlive the api. Before
 * api_install. Without, nobody signs in and nothing is protected. */
void api_set_access(struct api *api, struct gate *gate, struct audit *audit);
/* The resource manager; outlives the api. Before api_install. */
void api_set_control(struct api *api, struct control *control);
/* What a control asks about its callers: of the gate, which is the context. */
bool api_may(void *context, const struct access_caller *caller, const char *action,
             const char *scope);
bool api_may_any(void *context, const struct access_caller *caller, const char *subscription);
err_t api_subscriptions(void *context, const struct access_caller *caller, struct arena *arena,
                        const char ***ret, size_t *ret_n);
err_t api_forget_scope(void *context, const char *scope, struct trail *trail, size_t *ret_n);
/* What a control tells the audit log, which is the context (api/protect.c). */
err_t api_audit(void *context, enum control_audit_event event, const struct control_change *change);
/* Types of resources that are answered by the identity room: who may do what (api/roles.c). */
struct kind;
extern const struct kind *const api_role_kinds[];
/* Routes, context, worker and log callbacks into options. */
void api_install(struct api *api, struct http_options *options);
/* The running server, whose figures /metrics shows; NULL before it is gone. */
void api_set_server(struct api *api, const struct http_server *server);

#endif
