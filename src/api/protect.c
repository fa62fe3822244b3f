#include "api/protect.h"

#include "api/internal.h"
#include "base/timestamp.h"
#include "control/control.h"
#include "identity/gate.h"
#include "service/audit.h"

enum { RETRY_S = 5, REFUSAL_BYTES = 64 * 1024 };

static struct audit_entry entry_of(const struct http_request *request,
                                   const struct access_caller *caller, const char *action,
                                   const char *scope)
{
    struct audit_entry entry = {
        .time = timestamp_now(),
        .id = request->id,
        .peer = request->peer,
        .method = http_method_name(request->head->method),
        .path = api_request_path(request),
        .action = action,
        .scope = scope,
    };

    if (caller != NULL) {
        entry.issuer = caller->issuer;
        entry.object_id = caller->object_id;
        entry.name = caller->name;
        entry.home = caller->home;
    }
    return entry;
}

/* ---- refusals ---- */

struct words {
    const char *code, *message;
};

/* What a token's holder can put right, told when its signature held: who cannot sign learns nothing
 * about anybody. The issuer is what the token says of itself. */
static struct words management_words(enum access_reason reason)
{
    switch ((int)reason) {
    case ACCESS_NO_TOKEN:
        return (struct words){"AuthenticationFailed",
                              "Authentication failed. The 'Authorization' header is missing."};
    case ACCESS_EXPIRED:
        return (struct words){"ExpiredAuthenticationToken",
                              "The access token has expired: sign in again, or get a new one. If "
                              "it is new, the clocks differ."};
    case ACCESS_EARLY:
        return (struct words){"AuthenticationFailed",
                              "Authentication failed. The access token is not valid yet: the "
                              "clocks of its issuer and of this server differ."};
    case ACCESS_AUDIENCE:
        return (struct words){"InvalidAuthenticationTokenAudience",
                              "The access token is for another service: ask for one whose "
                              "audience is that which GET /metadata/endpoints names."};
    case ACCESS_ISSUER: /* of another tenant: there is one for each issuer */
        return (struct words){"InvalidAuthenticationTokenTenant",
                              "The access token is from the wrong issuer: sign in at the address "
                              "that authorization_uri names."};
    case ACCESS_TENANT:
        return (struct words){"InvalidAuthenticationTokenTenant",
                              "The access token is of another tenant than that of its issuer."};
    case ACCESS_PRINCIPAL:
        return (struct words){"AuthenticationFailed",
                              "Authentication failed. The account of this access token has been "
                              "disabled or removed."};
    default:
        return (struct words){"AuthenticationFailed",
                              "Authentication failed. The access token is not valid."};
    }
}

static void challenge(struct http_request *request, struct http_response *response,
                      const struct api *api, enum access_reason reason)
{
    const char *value = access_challenge(request->arena, gate_authority(api->gate), reason);

    if (value != NULL) {
        http_answer_header(response, "WWW-Authenticate", value);
    }
}

static void answer(struct http_request *request, struct http_response *response,
                   enum access_plane plane, enum access_reason reason,
                   const struct access_caller *caller, const char *action, const char *scope)
{
    const struct api *api = request->context;

    arena_extend(request->arena, REFUSAL_BYTES);
    if (access_reason_is_temporary(reason)) {
        http_answer_error(request->arena, response, 503, "ServiceUnavailable",
                          "callers cannot be identified now; try again later");
        response->retry_after_s = RETRY_S;
    } else if (plane == ACCESS_DATA) {
        /* That a provider is a shared one is no secret, and no other token would help. */
        http_answer_error(request->arena, response, 401, "Unauthorized", "%s%s",
                          access_message(request->arena, request->head->path),
                          reason == ACCESS_SHARED
                              ? "; no token will do here: this provider is "
                                "shared and nobody changes it, so create one of "
                                "your own"
                              : "");
        challenge(request, response, api, reason);
    } else if (caller != NULL) {
        http_answer_error(request->arena, response, 403, "AuthorizationFailed",
                          "The client '%s' with object id '%s' does not have authorization to "
                          "perform action '%s' over scope '%s'.",
                          access_caller_shown(caller), caller->object_id, action, scope);
    } else {
        const struct words words = management_words(reason);

        http_answer_error(request->arena, response, 401, words.code, "%s", words.message);
        challenge(request, response, api, reason);
    }
    response->note =
        arena_printf(request->arena, "reason=%s", access_reason_name(reason)); /* for the log */
}

enum access_reason protect_caller(struct http_request *request, enum access_plane plane,
                                  struct access_caller *ret)
{
    const struct api *api = request->context;

    return gate_caller(api->gate, request->arena, plane, timestamp_now(),
                       http_request_bearer(request), ret);
}

void protect_refuse(struct http_request *request, struct http_response *response,
                    enum access_plane plane, enum access_reason reason,
                    const struct access_caller *caller, const char *action, const char *scope)
{
    const struct api *api = request->context;
    struct audit_entry entry;

    answer(request, response, plane, reason, caller, action, scope);
    entry = entry_of(request, caller, action, scope);
    entry.status = response->status;
    entry.reason = access_reason_name(reason);
    audit_refuse(api->audit, &entry);
}

bool protect_identify(struct http_request *request, struct http_response *response,
                      enum access_plane plane, struct access_caller *ret)
{
    enum access_reason reason = protect_caller(request, plane, ret);

    if (reason != ACCESS_OK) {
        protect_refuse(request, response, plane, reason, NULL, NULL, NULL);
    }
    return reason == ACCESS_OK;
}

bool protect_may(struct http_request *request, struct http_response *response,
                 enum access_plane plane, const struct access_caller *caller, const char *action,
                 const char *scope)
{
    const struct api *api = request->context;
    enum access_reason reason = gate_may(api->gate, caller, action, span_str(scope));

    if (reason != ACCESS_OK) {
        protect_refuse(request, response, plane, reason, caller, action, scope);
    }
    return reason == ACCESS_OK;
}

bool protect_check(struct http_request *request, struct http_response *response,
                   enum access_plane plane, const char *action, const char *scope,
                   struct access_caller *ret)
{
    struct access_caller caller = {0};
    enum access_reason reason = protect_caller(request, plane, &caller);

    if (reason != ACCESS_OK) {
        protect_refuse(request, response, plane, reason, NULL, action, scope);
        return false;
    }
    if (!protect_may(request, response, plane, &caller, action, scope)) {
        return false;
    }
    *ret = caller;
    return true;
}

/* ---- changes ---- */

bool protect_begin(struct http_request *request, struct http_response *response,
                   const struct protect_change *change)
{
    const struct api *api = request->context;
    const struct audit_entry entry =
        entry_of(request, change->caller, change->action, change->scope);

    err_t err = audit_begin(api->audit, &entry, NULL);

    if (err == ERR_OK) {
        return true;
    }
    arena_extend(request->arena, REFUSAL_BYTES);
    response->retry_after_s = RETRY_S;
    if (err == ERR_TOO_MANY) {
        http_answer_error(
            request->arena, response, 429, "TooManyRequests",
            "you asked for too many changes in a short time: one a second is taken from now "
            "on; wait, and try again");
        response->note = "limit=changes";
        return false;
    }
    http_answer_error(request->arena, response, 503, "ServiceUnavailable",
                      "the change cannot be recorded now, so it was not made; try again later");
    response->note = "reason=audit-failed";
    return false;
}

void protect_finish(struct http_request *request, const struct http_response *response,
                    const struct protect_change *change)
{
    const struct api *api = request->context;
    struct audit_entry entry = entry_of(request, change->caller, change->action, change->scope);

    entry.status = response->status;
    entry.reason = response->error_code != NULL ? response->error_code : "ok";
    entry.detail = response->note;
    audit_finish(api->audit, &entry);
}

void protect_refused(struct http_request *request, const struct http_response *response,
                     const struct protect_change *change, const char *reason)
{
    const struct api *api = request->context;
    struct audit_entry entry = entry_of(request, change->caller, change->action, change->scope);

    entry.status = response->status;
    entry.reason = reason != NULL ? reason : response->error_code;
    audit_refuse(api->audit, &entry);
}

err_t api_audit(void *context, enum control_audit_event event, const struct control_change *change)
{
    const struct access_caller *caller = change->caller;
    const struct audit_entry entry = {
        .time = change->time,
        .id = change->id,
        /* After a restart nobody knows any more who asked for what goes on. */
        .issuer = caller->issuer[0] != '\0' ? caller->issuer : NULL,
        .object_id = caller->object_id,
        .name = caller->name[0] != '\0' ? caller->name : NULL,
        .home = caller->home,
        .cause = change->cause,
        .method = change->method,
        .path = span_str(change->path),
        .action = change->action,
        .scope = change->scope,
        .status = change->status,
        .reason = change->reason,
        .detail = change->detail,
    };

    switch (event) {
    case CONTROL_AUDIT_BEGIN:
        return audit_begin(context, &entry, NULL);
    case CONTROL_AUDIT_REFUSED:
        audit_refuse(context, &entry);
        return ERR_OK;
    case CONTROL_AUDIT_FINISH:
    default:
        audit_finish(context, &entry);
        return ERR_OK;
    }
}
