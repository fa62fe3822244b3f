/*
 * identity.c - signing in: the routes of the built-in identity provider, in the places where
 * clients of Entra ID look for them.
 */
#include "api/internal.h"
#include "api/protect.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "identity/form.h"
#include "identity/gate.h"
#include "service/audit.h"

struct idp *api_idp(const struct http_request *request)
{
    const struct api *api = request->context;

    return gate_idp(api->gate);
}

/* "127.0.0.1:4711" to "127.0.0.1" */
static const char *source_of(const struct http_request *request)
{
    const char *colon = request->peer == NULL ? NULL : strrchr(request->peer, ':');

    return colon == NULL
               ? NULL
               : arena_printf(request->arena, "%.*s", (int)(colon - request->peer), request->peer);
}

struct idp_call api_idp_call(const struct http_request *request, bool is_v1)
{
    struct span id = http_request_header(request, "client-request-id");

    return (struct idp_call){
        .arena = request->arena,
        .now = timestamp_now(),
        .tenant = request->parameters[0],
        .is_v1 = is_v1,
        .is_adfs = request->path.n > 0 && span_is(request->path.segments[0], "adfs"),
        .correlation_id = id.data != NULL ? id : http_request_query(request, "client-request-id"),
        .authorization = http_request_header(request, "authorization"),
        .source = source_of(request),
    };
}

static void finish(const struct idp_answer *answer, struct http_response *response)
{
    http_answer_json(response, answer->status, answer->body);
    response->retry_after_s = answer->retry_after_s;
}

/* ---- tokens ---- */

void api_signed_in(struct http_request *request, struct http_response *response, const char *reason,
                   const char *name)
{
    const struct api *api = request->context;

    metric_add(api->sign_ins, &reason, 1);
    response->note = arena_printf(request->arena, "result=%s", reason);
    if (response->status != 200) {
        const struct audit_entry entry = {
            .time = timestamp_now(),
            .id = request->id,
            .name = name[0] != '\0' ? name : NULL,
            .peer = request->peer,
            .method = http_method_name(request->head->method),
            .path = api_request_path(request),
            .action = "sign-in",
            .status = response->status,
            .reason = reason,
        };

        audit_refuse(api->audit, &entry);
    }
}

/* Polling for a code that nobody entered yet is no sign-in. */
static bool is_waiting(const struct idp_answer *answer)
{
    return strcmp(answer->reason, "device-pending") == 0 ||
           strcmp(answer->reason, "device-slow-down") == 0;
}

/* RFC 6749, 5.1: no cache keeps a token; the route says no-store, this the rest. */
static void sign_in(struct http_request *request, struct http_response *response, bool is_v1)
{
    const struct idp_call call = api_idp_call(request, is_v1);
    struct idp_answer answer;

    gate_look(api_of(request)->gate);
    idp_token(api_idp(request), &call, request->body, &answer);
    finish(&answer, response);
    http_answer_header(response, "Pragma", "no-cache");
    if (response->status == 401 && call.authorization.data != NULL) {
        http_answer_header(response, "WWW-Authenticate", "Basic realm=\"bootwarden\"");
    }
    if (is_waiting(&answer)) {
        response->note = arena_printf(request->arena, "result=%s", answer.reason);
        return;
    }
    api_signed_in(request, response, answer.reason, answer.client_id);
}

static void handle_token_v1(struct http_request *request, struct http_response *response)
{
    sign_in(request, response, true);
}

static void handle_token_v2(struct http_request *request, struct http_response *response)
{
    sign_in(request, response, false);
}

static void device_code(struct http_request *request, struct http_response *response, bool is_v1)
{
    const struct idp_call call = api_idp_call(request, is_v1);
    struct idp_answer answer;

    gate_look(api_of(request)->gate);
    idp_device_code(api_idp(request), &call, request->body, &answer);
    finish(&answer, response);
    if (response->status == 200) { /* nobody signed in so far */
        response->note = "result=device-code";
    } else {
        api_signed_in(request, response, answer.reason, answer.client_id);
    }
}

static void handle_device_v1(struct http_request *request, struct http_response *response)
{
    device_code(request, response, true);
}

static void handle_device_v2(struct http_request *request, struct http_response *response)
{
    device_code(request, response, false);
}

/* One of the headers that a browser or a program that was given an address would not send: of
 * virtual machines, of App Service, and the older one of that. What they hold does not matter: the
 * secret is the path. */
static bool has_metadata_header(const struct http_request *request)
{
    return text_span_equal_nocase(http_request_header(request, "metadata"), "true") ||
           http_request_header(request, "x-identity-header").len > 0 ||
           http_request_header(request, "secret").len > 0;
}

/* The parameters of a POST are its form; some clients leave them in the address. */
static void handle_managed(struct http_request *request, struct http_response *response)
{
    struct idp_call call = api_idp_call(request, true);
    struct idp_answer answer;

    call.tenant = (struct span){0}; /* the path has another parameter */
    gate_look(api_of(request)->gate);
    idp_managed(api_idp(request), &call, request->parameters[0], has_metadata_header(request),
                request->body.len > 0 ? request->body : request->head->query, &answer);
    finish(&answer, response);
    api_signed_in(request, response, answer.reason, answer.client_id);
}

/* ---- documents ---- */

static void answer_openid(struct http_request *request, struct http_response *response, bool is_v1)
{
    const struct idp_call call = api_idp_call(request, is_v1);
    struct idp_answer answer;

    idp_openid(api_idp(request), &call, &answer);
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
    const struct idp_call call = api_idp_call(request, false);
    struct idp_answer answer;

    idp_keys(api_idp(request), &call, &answer);
    finish(&answer, response);
}

static void handle_instance(struct http_request *request, struct http_response *response)
{
    const struct idp_call call = api_idp_call(request, false);
    struct idp_answer answer;

    idp_instance(api_idp(request), &call, &answer);
    finish(&answer, response);
}

static void handle_endpoints(struct http_request *request, struct http_response *response)
{
    const struct idp_call call = api_idp_call(request, false);
    struct span version = http_request_query(request, "api-version");
    struct idp_answer answer;

    if (idp_cloud(api_idp(request), &call, version, &answer)) {
        finish(&answer, response);
    } else {
        http_answer_error(request->arena, response, 400,
                          version.data == NULL ? "MissingApiVersionParameter"
                                               : "InvalidApiVersionParameter",
                          "the query parameter api-version must be a date, YYYY-MM-DD[-preview]; "
                          "for example ?api-version=2022-09-01");
    }
}

static void handle_aliases(struct http_request *request, struct http_response *response)
{
    const struct idp_call call = api_idp_call(request, false);
    struct idp_answer answer;

    idp_aliases(&call, &answer);
    finish(&answer, response);
}

/* Who is signed in may know where. */
static void handle_tenants(struct http_request *request, struct http_response *response)
{
    const struct idp_call call = api_idp_call(request, false);
    struct access_caller caller = {0};
    struct idp_answer answer;

    if (protect_identify(request, response, ACCESS_MANAGEMENT, &caller)) {
        idp_tenants(api_idp(request), &call, caller.tenant, &answer);
        finish(&answer, response);
    }
}

enum { ROLES = API_ROLE_ATTEST | API_ROLE_MANAGE | API_ROLE_PORTAL };

/* az posts with a slash at the end; it is another path, and the same to us. */
/* clang-format off */
static const struct http_route routes[] = {
    {HTTP_GET, "/metadata/endpoints", handle_endpoints, 0, 0, ROLES},
    {HTTP_GET | HTTP_POST, "/metadata/{capability}/identity/oauth2/token", handle_managed, FORM_MAX_BYTES,
     HTTP_NO_STORE | HTTP_SECRET_PATH, ROLES},
    {HTTP_GET | HTTP_POST, "/metadata/{capability}/identity/oauth2/token/", handle_managed, FORM_MAX_BYTES,
     HTTP_NO_STORE | HTTP_SECRET_PATH, ROLES},
    {HTTP_GET, "/aliases.json", handle_aliases, 0, 0, ROLES},
    {HTTP_GET, "/tenants", handle_tenants, 0, 0, ROLES},
    {HTTP_GET, "/common/discovery/instance", handle_instance, 0, 0, ROLES},
    {HTTP_POST, "/{tenant}/oauth2/v2.0/token", handle_token_v2, FORM_MAX_BYTES, HTTP_NO_STORE, ROLES},
    {HTTP_POST, "/{tenant}/oauth2/token", handle_token_v1, FORM_MAX_BYTES, HTTP_NO_STORE, ROLES},
    {HTTP_POST, "/{tenant}/oauth2/token/", handle_token_v1, FORM_MAX_BYTES, HTTP_NO_STORE, ROLES},
    {HTTP_POST, "/{tenant}/oauth2/v2.0/devicecode", handle_device_v2, FORM_MAX_BYTES, HTTP_NO_STORE, ROLES},
    {HTTP_POST, "/{tenant}/oauth2/devicecode", handle_device_v1, FORM_MAX_BYTES, HTTP_NO_STORE, ROLES},
    {HTTP_POST, "/{tenant}/oauth2/devicecode/", handle_device_v1, FORM_MAX_BYTES, HTTP_NO_STORE, ROLES},
    {HTTP_GET, "/{tenant}/v2.0/.well-known/openid-configuration", handle_openid_v2, 0, 0, ROLES},
    {HTTP_GET, "/{tenant}/.well-known/openid-configuration", handle_openid_v1, 0, 0, ROLES},
    {HTTP_GET, "/adfs/{tenant}/.well-known/openid-configuration", handle_openid_v1, 0, 0, ROLES},
    {HTTP_GET, "/adfs/{tenant}/v2.0/.well-known/openid-configuration", handle_openid_v2, 0, 0, ROLES},
    {HTTP_GET, "/{tenant}/discovery/v2.0/keys", handle_keys, 0, 0, ROLES},
    {HTTP_GET, "/{tenant}/discovery/keys", handle_keys, 0, 0, ROLES},
};
/* clang-format on */

struct http_routes api_identity_routes(void)
{
    return (struct http_routes){.items = routes, .n = ARRAY_LEN(routes)};
}
