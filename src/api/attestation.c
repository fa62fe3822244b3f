/*
 * attestation.c - the data plane of every provider (attestation-api section 3): each path stands at
 * the provider's host and, for one-host use, below /providers/NAME.
 */
#include "api/internal.h"
#include "api/protect.h"

#include "base/text.h"
#include "provider/request.h"
#include "service/service.h"

#include <string.h>

enum { TYPED_MAX = 40 }; /* of what a caller typed, in an answer */

#define BELOW "/providers/{provider}"

static int shown_length(struct span typed)
{
    return (int)(typed.len < TYPED_MAX ? typed.len : TYPED_MAX);
}

/* attestation-api section 2: these, on every path that wants a version. */
static bool check_version(struct http_request *request, struct http_response *response)
{
    static const char *const versions[] = {
        "2018-09-01-preview", "2020-10-01", "2022-08-01",         "2022-09-01-preview",
        "2023-04-01-preview", "2025-06-01", "2026-03-11-preview",
    };
    struct span version = http_request_query(request, "api-version");

    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        if (span_is(version, versions[i])) {
            return true;
        }
    }
    if (version.data == NULL) {
        http_answer_error(request->arena, response, 400, "InvalidParameter",
                          "the query parameter api-version is missing; for example "
                          "?api-version=2025-06-01");
    } else {
        http_answer_error(request->arena, response, 400, "InvalidParameter",
                          "the api-version '%.*s' is not known; the newest stable one is "
                          "2025-06-01",
                          shown_length(version), (const char *)version.data);
    }
    return false;
}

/* ---- which provider ---- */

static bool is_below(const struct http_request *request)
{
    return strncmp(request->route->pattern, BELOW, sizeof(BELOW) - 1) == 0;
}

/* What stood for the {name} behind the provider's. */
static struct span parameter(const struct http_request *request)
{
    return request->parameters[is_below(request) ? 1 : 0];
}

/* A reference; NULL when the answer says that there is none. */
static struct provider *find_provider(struct http_request *request, struct http_response *response)
{
    struct service *service = api_of(request)->service;
    struct provider *provider = is_below(request)
                                    ? service_provider(service, request->parameters[0])
                                    : service_provider_at(service, request->head->host);

    if (provider == NULL) {
        http_answer_error(request->arena, response, 404, "ProviderNotFound",
                          "there is no attestation provider at this address; GET /providers of the "
                          "bare host lists those that everybody may use");
    } else if (provider->is_damaged) {
        http_answer_error(
            request->arena, response, 503, "ProviderUnavailable",
            "the provider %s is damaged: the server's log says how (provider.damaged), "
            "and its operator starts the server again with what is missing",
            provider->name);
        provider_unref(provider);
        provider = NULL;
    } else if (!provider->is_public) {
        /* Private addresses are the network's business; here all are public. */
        http_answer_error(request->arena, response, 403, "PublicNetworkAccessDisabled",
                          "public network access of the provider %s is disabled", provider->name);
        provider_unref(provider);
        provider = NULL;
    }
    return provider;
}

/* ---- evidence ---- */

static void handle_attest_azureguest(struct http_request *request, struct http_response *response)
{
    struct service_call call = api_call(request);
    struct service_answer answer = {0};
    CLEANUP(provider_unref) struct provider *provider = NULL;

    if (!check_version(request, response)) {
        return;
    }
    provider = find_provider(request, response);
    if (provider != NULL) {
        service_attest_azureguest(api_of(request)->service, provider, &call, request->body,
                                  &answer);
        api_finish(request, &answer, response);
    }
}

/* The one kind of evidence that wants to know who sends it, unless the provider does not. */
static void handle_attest_tpm(struct http_request *request, struct http_response *response)
{
    struct service_call call = api_call(request);
    struct service_answer answer = {0};
    struct access_caller caller = {0};
    CLEANUP(provider_unref) struct provider *provider = NULL;

    if (!check_version(request, response)) {
        return;
    }
    provider = find_provider(request, response);
    if (provider == NULL || (provider->needs_tpm_authentication &&
                             !protect_check(request, response, ACCESS_DATA, ACCESS_ATTESTATION_READ,
                                            provider->id, &caller))) {
        return;
    }
    service_attest_tpm(api_of(request)->service, provider, &call, request->body, &answer);
    api_finish(request, &answer, response);
}

static void handle_attest_other(struct http_request *request, struct http_response *response)
{
    enum attestation_type type;

    if (!attestation_type_find(parameter(request), &type)) {
        http_answer_error(request->arena, response, 404, "NotFound",
                          "there is no attestation type '%.*s'; AzureGuest and Tpm are served",
                          shown_length(parameter(request)), (const char *)parameter(request).data);
    } else if (check_version(request, response)) {
        http_answer_error(request->arena, response, 400, "InvalidOperation",
                          "evidence of type %s is not judged here: it is of another kind than boot "
                          "integrity; AzureGuest and Tpm are",
                          attestation_type_name(type));
    }
}

/* ---- what relying parties read ---- */

typedef void provider_read(struct service *service, const struct provider *provider,
                           const struct service_call *call, struct service_answer *ret);

static void read_provider(struct http_request *request, struct http_response *response,
                          provider_read *read)
{
    CLEANUP(provider_unref) struct provider *provider = find_provider(request, response);
    struct service_call call = api_call(request);
    struct service_answer answer = {0};

    if (provider != NULL) {
        read(api_of(request)->service, provider, &call, &answer);
        api_finish(request, &answer, response);
    }
}

static void handle_certs(struct http_request *request, struct http_response *response)
{
    read_provider(request, response, service_jwks);
}

static void handle_openid(struct http_request *request, struct http_response *response)
{
    read_provider(request, response, service_openid);
}

static void handle_info(struct http_request *request, struct http_response *response)
{
    read_provider(request, response, service_provider_info);
    if (response->status == 200) {
        response->content_type = "text/html; charset=utf-8";
    }
}

static void handle_list(struct http_request *request, struct http_response *response)
{
    struct service_call call = api_call(request);
    struct service_answer answer = {0};

    service_providers_list(api_of(request)->service, &call, &answer);
    api_finish(request, &answer, response);
}

/* Baselines are of enclaves, whose evidence is not judged here: there are none of any type. */
static void handle_baselines(struct http_request *request, struct http_response *response)
{
    CLEANUP(provider_unref) struct provider *provider = NULL;
    enum attestation_type type;

    if (!check_version(request, response)) {
        return;
    }
    provider = find_provider(request, response);
    if (provider != NULL && attestation_type_find(parameter(request), &type)) {
        http_answer_json(response, 200, span_str("{\"tcbBaselines\":[]}"));
    } else if (provider != NULL) {
        http_answer_error(request->arena, response, 404, "NotFound",
                          "there are no TCB baselines of '%.*s': it is no attestation type; there "
                          "are AzureGuest, Tpm, SgxEnclave, OpenEnclave, SevSnpVm and TdxVm",
                          shown_length(parameter(request)), (const char *)parameter(request).data);
    }
}

/* ---- owners ---- */

/* One call of an owner: the last part of the path and the body are its own. */
typedef void owner_call(struct service *service, const struct provider *provider,
                        const struct service_call *call, struct span type, struct span body,
                        struct service_answer *ret);

static void run_owner_call(struct http_request *request, struct http_response *response,
                           const char *action, struct span type, owner_call *run)
{
    CLEANUP(provider_unref) struct provider *provider = NULL;
    struct service_call call = api_call(request);
    struct service_answer answer = {0};
    struct access_caller caller = {0};
    struct protect_change change = {.caller = &caller, .action = action};
    bool is_change = strcmp(action, ACCESS_ATTESTATION_READ) != 0;

    if (!check_version(request, response)) {
        return;
    }
    provider = find_provider(request, response);
    if (provider == NULL) {
        return;
    }
    change.scope = provider->id;
    if (!protect_check(request, response, ACCESS_DATA, action, provider->id, &caller) ||
        (is_change && !protect_begin(request, response, &change))) {
        return;
    }
    run(api_of(request)->service, provider, &call, type, request->body, &answer);
    api_finish(request, &answer, response);
    if (is_change) {
        protect_finish(request, response, &change);
    }
}

static void call_policy_get(struct service *service, const struct provider *provider,
                            const struct service_call *call, struct span type, struct span body,
                            struct service_answer *ret)
{
    (void)body;
    service_policy_get(service, provider, call, type, ret);
}

static void call_signers_get(struct service *service, const struct provider *provider,
                             const struct service_call *call, struct span type, struct span body,
                             struct service_answer *ret)
{
    (void)type;
    (void)body;
    service_signers_get(service, provider, call, ret);
}

/* The JWS of a body in the form of its operation; false when the answer says that it has another
 * form. */
static bool unwrap_signer(const struct service_call *call, enum owner_operation operation,
                          struct span *body, struct service_answer *ret)
{
    struct trail trail = {0};
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX];
    err_t err = owner_request_unwrap(call->arena, *body, operation, &trail, body);

    /* Without memory the service gets the body as it is, and says so. */
    if (err == ERR_OK || err == ERR_MEMORY) {
        return true;
    }
    trail_format(&trail, err, words, sizeof(words));
    ret->status = 400;
    ret->code = "InvalidOperation";
    ret->message = arena_printf(call->arena, "the body is not accepted: %s", words);
    if (ret->message == NULL) {
        ret->message = "the body is not accepted";
    }
    return false;
}

static void call_signers_add(struct service *service, const struct provider *provider,
                             const struct service_call *call, struct span type, struct span body,
                             struct service_answer *ret)
{
    (void)type;
    if (unwrap_signer(call, OWNER_ADDS_SIGNER, &body, ret)) {
        service_signers_add(service, provider, call, body, ret);
    }
}

static void call_signers_remove(struct service *service, const struct provider *provider,
                                const struct service_call *call, struct span type, struct span body,
                                struct service_answer *ret)
{
    (void)type;
    if (unwrap_signer(call, OWNER_REMOVES_SIGNER, &body, ret)) {
        service_signers_remove(service, provider, call, body, ret);
    }
}

static void handle_policy_get(struct http_request *request, struct http_response *response)
{
    run_owner_call(request, response, ACCESS_ATTESTATION_READ, parameter(request), call_policy_get);
}

static void handle_policy_set(struct http_request *request, struct http_response *response)
{
    run_owner_call(request, response, ACCESS_ATTESTATION_WRITE, parameter(request),
                   service_policy_set);
}

static void handle_policy_reset(struct http_request *request, struct http_response *response)
{
    run_owner_call(request, response, ACCESS_ATTESTATION_DELETE, parameter(request),
                   service_policy_reset);
}

static void handle_signers_get(struct http_request *request, struct http_response *response)
{
    run_owner_call(request, response, ACCESS_ATTESTATION_READ, (struct span){0}, call_signers_get);
}

static void handle_signers_add(struct http_request *request, struct http_response *response)
{
    run_owner_call(request, response, ACCESS_ATTESTATION_WRITE, (struct span){0}, call_signers_add);
}

static void handle_signers_remove(struct http_request *request, struct http_response *response)
{
    run_owner_call(request, response, ACCESS_ATTESTATION_WRITE, (struct span){0},
                   call_signers_remove);
}

/* ---- paths ---- */

/* clang-format off */
#define DATA_PLANE(AT) \
    {HTTP_POST, AT "/attest/AzureGuest", handle_attest_azureguest, API_ATTEST_BODY_MAX, HTTP_NO_STORE, API_ROLE_ATTEST}, \
    {HTTP_POST, AT "/attest/Tpm", handle_attest_tpm, API_ATTEST_BODY_MAX, HTTP_NO_STORE, API_ROLE_ATTEST}, \
    {HTTP_POST, AT "/attest/{type}", handle_attest_other, API_ATTEST_BODY_MAX, HTTP_NO_STORE, API_ROLE_ATTEST}, \
    {HTTP_POST, AT "/policies/{type}:reset", handle_policy_reset, API_POLICY_BODY_MAX, HTTP_NO_STORE, API_ROLE_ATTEST}, \
    {HTTP_GET, AT "/policies/{type}", handle_policy_get, 0, HTTP_NO_STORE, API_ROLE_ATTEST}, \
    {HTTP_PUT, AT "/policies/{type}", handle_policy_set, API_POLICY_BODY_MAX, HTTP_NO_STORE, API_ROLE_ATTEST}, \
    {HTTP_GET, AT "/certificates", handle_signers_get, 0, HTTP_NO_STORE, API_ROLE_ATTEST}, \
    {HTTP_POST, AT "/certificates:add", handle_signers_add, API_OTHER_BODY_MAX, HTTP_NO_STORE, API_ROLE_ATTEST}, \
    {HTTP_POST, AT "/certificates:remove", handle_signers_remove, API_OTHER_BODY_MAX, HTTP_NO_STORE, API_ROLE_ATTEST}, \
    {HTTP_GET, AT "/tcbbaselines/{type}", handle_baselines, 0, 0, API_ROLE_ATTEST}, \
    {HTTP_GET, AT "/certs", handle_certs, 0, 0, API_ROLE_ATTEST}, \
    {HTTP_GET, AT "/.well-known/openid-configuration", handle_openid, 0, 0, API_ROLE_ATTEST}

static const struct http_route routes[] = {
    DATA_PLANE(""),
    DATA_PLANE(BELOW),
    {HTTP_GET, "/", handle_info, 0, 0, API_ROLE_ATTEST},
    {HTTP_GET, "/providers", handle_list, 0, 0, API_ROLE_ATTEST},
    {HTTP_GET, BELOW, handle_info, 0, 0, API_ROLE_ATTEST},
    {HTTP_GET, BELOW "/", handle_info, 0, 0, API_ROLE_ATTEST},
};
/* clang-format on */
struct http_routes api_attestation_routes(void)
{
    return (struct http_routes){.items = routes, .n = ARRAY_LEN(routes)};
}
