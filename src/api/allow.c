/*
 * allow.c - may whoever sent this request make this call? Asked before the service is.
 *
 * The words of a refusal are those of the plane: of the data plane 401 for everything
 * (attestation-api section 4), of the management plane 401 for an unknown caller and 403 for one
 * who lacks the role.
 */
#include "api/internal.h"

#include "base/timestamp.h"

static struct audit_entry entry_of(const struct http_request *request,
                                   const struct api_permission *permission,
                                   const struct access_caller *caller)
{
    return (struct audit_entry){
        .time = 0,
        .id = request->id,
        .issuer = caller == NULL ? NULL : caller->issuer,
        .object_id = caller == NULL ? NULL : caller->object_id,
        .name = caller == NULL ? NULL : caller->name,
        .peer = request->peer,
        .method = http_method_name(request->method),
        .path = request->head->path,
        .action = permission->action,
        .scope = permission->scope,
    };
}

static void refuse(struct http_request *request, struct http_response *response,
                   const struct api_permission *permission, const struct access_caller *caller,
                   enum access_reason reason)
{
    struct api *api = api_of(request);
    struct audit_entry entry = entry_of(request, permission, caller);
    struct arena *arena = request->arena;

    if (access_reason_is_temporary(reason)) {
        http_answer_error(arena, response, 503, "ServiceUnavailable",
                          "the keys of the token's issuer cannot be fetched now; try again later");
        response->retry_after_s = 5;
    } else if (permission->plane == ACCESS_MANAGEMENT && caller != NULL) {
        http_answer_error(arena, response, 403, "AuthorizationFailed",
                          "The client '%s' with object id '%s' does not have authorization to "
                          "perform action '%s' over scope '%s' or the scope is invalid. If access "
                          "was recently granted, please refresh your credentials.",
                          caller->name[0] != '\0' ? caller->name : caller->client_id,
                          caller->object_id, permission->action, permission->scope);
    } else if (permission->plane == ACCESS_MANAGEMENT) {
        http_answer_error(arena, response, 401, "AuthenticationFailed",
                          "Authentication failed. A valid bearer token is needed.");
    } else {
        http_answer_error(arena, response, 401, "Unauthorized", "%s",
                          access_message(arena, request->head->path));
    }
    if (response->status == 401 && api->gate != NULL) {
        const char *challenge = access_challenge(arena, gate_authority(api->gate), reason);

        if (challenge != NULL) {
            http_answer_header(response, "WWW-Authenticate", challenge);
        }
    }
    entry.time = timestamp_now();
    entry.status = response->status;
    entry.reason = access_reason_name(reason);
    if (api->audit != NULL) {
        audit_refuse(api->audit, &entry);
    }
}

/* Nothing changes unaudited. */
static bool begin_change(struct http_request *request, struct http_response *response,
                         const struct api_permission *permission,
                         const struct access_caller *caller)
{
    struct api *api = api_of(request);
    struct audit_entry entry = entry_of(request, permission, caller);
    struct trail trail = {0};

    entry.time = timestamp_now();
    if (api->audit != NULL && audit_begin(api->audit, &entry, &trail) == ERR_OK) {
        return true;
    }
    http_answer_error(request->arena, response, 503, "ServiceUnavailable",
                      "changes are refused while the audit log cannot be written");
    response->retry_after_s = 5;
    response->note = "fault=audit";
    return false;
}

bool api_allow(struct http_request *request, struct http_response *response,
               const struct api_permission *permission, struct access_caller *ret)
{
    struct api *api = api_of(request);
    enum access_reason reason =
        api->gate == NULL ? ACCESS_NO_KEYS
                          : gate_caller(api->gate, request->arena, permission->plane,
                                        timestamp_now(), http_request_bearer(request), ret);

    if (reason != ACCESS_OK) {
        refuse(request, response, permission, NULL, reason);
        return false;
    }
    reason = gate_may(api->gate, ret, permission->action, span_str(permission->scope));
    if (reason != ACCESS_OK) {
        refuse(request, response, permission, ret, reason);
        return false;
    }
    return !permission->is_change || begin_change(request, response, permission, ret);
}

void api_audit_end(struct http_request *request, const struct http_response *response,
                   const struct api_permission *permission, const struct access_caller *caller)
{
    struct audit_entry entry = entry_of(request, permission, caller);

    entry.time = timestamp_now();
    entry.status = response->status;
    entry.reason = response->error_code != NULL ? response->error_code : "ok";
    audit_finish(api_of(request)->audit, &entry);
}
