/*
 * protect.h - handlers of protected paths: who is calling, may they, and the audit log.
 *
 *     if (!protect_check(request, response, ACCESS_DATA, ACCESS_ATTESTATION_WRITE, scope, &caller)
 * || !protect_begin(request, response, &change)) { return;     // answered and audited
 *     }
 *     ... change something, fill the response ...
 *     protect_finish(request, response, &change);
 *
 * On the data plane every refusal is 401 Unauthorized with the words of the real service, also for
 * want of a role (attestation-api sections 4 and 5). On the management plane who is not known is
 * 401 AuthenticationFailed (ExpiredAuthenticationToken, InvalidAuthenticationTokenTenant), who has
 * no role 403 AuthorizationFailed (control-plane-api 4.4). Which check failed is in the audit log
 * alone. While an issuer's keys are not known it is 503 with Retry-After.
 */
#ifndef API_PROTECT_H
#define API_PROTECT_H

#include "access/rules.h"
#include "http/request.h"

/* The caller, if it may do action at scope; else false, the refusal answered and audited. */
bool protect_check(struct http_request *request, struct http_response *response,
                   enum access_plane plane, const char *action, const char *scope,
                   struct access_caller *ret);

/* Whoever it is: the caller, for what every signed-in one may ask; else false, the refusal answered
 * and audited. */
bool protect_identify(struct http_request *request, struct http_response *response,
                      enum access_plane plane, struct access_caller *ret);

/* The two of them one by one, for who needs the caller to find out what is wanted. Nothing is
 * answered yet. */
enum access_reason protect_caller(struct http_request *request, enum access_plane plane,
                                  struct access_caller *ret);
/* What that came to, unless it is ACCESS_OK: answered and audited. caller: NULL = not known; action
 * and scope: NULL = nobody knows what was wanted. */
void protect_refuse(struct http_request *request, struct http_response *response,
                    enum access_plane plane, enum access_reason reason,
                    const struct access_caller *caller, const char *action, const char *scope);
/* A caller that is known; else false, the refusal answered and audited. */
bool protect_may(struct http_request *request, struct http_response *response,
                 enum access_plane plane, const struct access_caller *caller, const char *action,
                 const char *scope);

struct protect_change {
    const struct access_caller *caller; /* NULL: a change that needs none */
    const char *action;
    const char *scope;
};
/* Before anything is changed. False when the audit log cannot be written: answered with 503, and
 * nothing must be changed. */
bool protect_begin(struct http_request *request, struct http_response *response,
                   const struct protect_change *change);
/* After it, when the response is filled. */
void protect_finish(struct http_request *request, const struct http_response *response,
                    const struct protect_change *change);
/* A refusal of a handler's own, such as 400 for a change that is not allowed; the response is
 * filled. reason: a stable word; NULL = its error code. */
void protect_refused(struct http_request *request, const struct http_response *response,
                     const struct protect_change *change, const char *reason);

#endif
