/*
 * identity.c - signing in: the routes of the built-in identity provider, in the places where
 * clients of Entra ID look for them.
 */
#include "api/internal.h"
#include "base/timestamp.h"
#include "identity/form.h"
#include "identity/gate.h"
#include "service/audit.h"

static struct idp *idp_of(const struct http_request *request)
{
    const struct api *api = request->context;

    return gate_idp(api->gate);
}

static struct idp_call call_of(const struct http_request *request, bool is_v1)
{
    struct span id = http_request_header(request, "client-request-id");

    return (struct idp_call){
        .arena = request->arena,
        .now = timestamp_now(),
        .tenant = request->parameters[0],
        .is_v1 = is_v1,
        .correlation_id = id.data != NULL ? id : http_request_query(request, "client-request-id"),
        .authorization = http_request_header(request, "authorization"),
    };
}

static void finish(const struct idp_answer *answer, struct http_response *response)
{
    http_answer_json(response, answer->status, answer->body);
    response->retry_after_s = answer->retry_after_s;
}

/* ---- tokens ---- */

/* RFC 6749, 5.1: no cache keeps a token; the route says no-store, this the rest. */
static void sign_in(struct http_request *request, struct http_response *response, bool is_v1)
{
    const struct api *api = request->context;
    const struct idp_call call = call_of(request, is_v1);
    struct idp_answer answer;

    idp_token(idp_of(request), &call, request->body, &answer);
    finish(&answer, response);
    http_answer_header(response, "Pragma", "no-cache");
    metric_add(api->sign_ins, &answer.reason, 1);
    response->note = arena_printf(request->arena, "result=%s", answer.reason);
    if (response->status == 401 && call.authorization.data != NULL) {
        http_answer_header(response, "WWW-Authenticate", "Basic realm=\"bootwarden\"");
    }
    if (response->status != 200) {
        const struct audit_entry entry = {
            .time = call.now,
            .id = request->id,
            .name = answer.client_id[0] != '\0' ? answer.client_id : NULL,
            .peer = request->peer,
            .method = "POST",
            .path = request->head->path,
            .action = "sign-in",
            .status = response->status,
            .reason = answer.reason,
        };

        audit_refuse(api->audit, &entry);
    }
}

static void handle_token_v1(struct http_request *request, struct http_response *response)
{
    sign_in(request, response, true);
}

static void handle_token_v2(struct http_request *request, struct http_response *response)
{
    sign_in(request, response, false);
}

/* ---- documents ---- */

static void answer_openid(struct http_request *request, struct http_response *response, bool is_v1)
{
    const struct idp_call call = call_of(request, is_v1);
    struct idp_answer answer;

    idp_openid(idp_of(request), &call, &answer);
    finish(&answer, response);
}

static void handle_openid_v1(struct http_request *request, struct http_response *response)
{
    answer_openid(request, response, true);
}

static void handle_openid_v2(struct http_request *request, struct http_response *response)
{
    answer_openid(request, response, false);
}

static void handle_keys(struct http_request *request, struct http_response *response)
{
    const struct idp_call call = call_of(request, false);
    struct idp_answer answer;

    idp_keys(idp_of(request), &call, &answer);
    finish(&answer, response);
}

static void handle_instance(struct http_request *request, struct http_response *response)
{
    const struct idp_call call = call_of(request, false);
    struct idp_answer answer;

    idp_instance(idp_of(request), &call, &answer);
    finish(&answer, response);
}

enum { ROLES = API_ROLE_ATTEST | API_ROLE_MANAGE | API_ROLE_PORTAL };

/* az posts with a slash at the end; it is another path, and the same to us. */
/* clang-format off */
static const struct http_route routes[] = {
    {HTTP_GET, "/common/discovery/instance", handle_instance, 0, 0, ROLES},
    {HTTP_POST, "/{tenant}/oauth2/v2.0/token", handle_token_v2, FORM_MAX_BYTES, HTTP_NO_STORE, ROLES},
    {HTTP_POST, "/{tenant}/oauth2/token", handle_token_v1, FORM_MAX_BYTES, HTTP_NO_STORE, ROLES},
    {HTTP_POST, "/{tenant}/oauth2/token/", handle_token_v1, FORM_MAX_BYTES, HTTP_NO_STORE, ROLES},
    {HTTP_GET, "/{tenant}/v2.0/.well-known/openid-configuration", handle_openid_v2, 0, 0, ROLES},
    {HTTP_GET, "/{tenant}/.well-known/openid-configuration", handle_openid_v1, 0, 0, ROLES},
    {HTTP_GET, "/{tenant}/discovery/v2.0/keys", handle_keys, 0, 0, ROLES},
    {HTTP_GET, "/{tenant}/discovery/keys", handle_keys, 0, 0, ROLES},
};
/* clang-format on */

struct http_routes api_identity_routes(void)
{
    return (struct http_routes){.items = routes, .n = ARRAY_LEN(routes)};
}
