/*
 * grant.c - the token request. Who may send these bytes: anybody.
 */
#include "identity/idp-internal.h"

#include "base/codec.h"
#include "base/text.h"
#include "crypto/secret.h"

const char *idp_shown(const struct idp_call *call, struct span text)
{
    return text_escape_dup(call->arena, text, IDP_SHOWN_MAX);
}

/* ---- what for ---- */

const char *idp_known_resource(const struct idp *provider, struct span text)
{
    const char *const resources[] = {
        "https://attest.azure.net",
        "https://attest.azure.net/",
        "https://management.azure.com",
        "https://management.azure.com/",
        "https://management.core.windows.net",
        "https://management.core.windows.net/",
        provider->endpoint,
        provider->endpoint_slash,
    };

    for (size_t i = 0; i < ARRAY_LEN(resources); i++) {
        if (span_is(text, resources[i])) {
            return resources[i];
        }
    }
    return NULL;
}

static bool cut_ending(struct span *one, const char *ending)
{
    size_t len = strlen(ending);

    if (one->len <= len || !span_is(span_cut(*one, one->len - len, len), ending)) {
        return false;
    }
    one->len -= len;
    return true;
}

/* The one scope that names a resource; what OpenID adds beside it says what else is wanted. */
static bool find_scope(struct span scope, bool is_person, struct span *ret, bool *ret_wants_refresh)
{
    size_t at = 0, found = 0;

    while (at < scope.len) {
        const uint8_t *space = memchr(scope.data + at, ' ', scope.len - at);
        size_t to = space == NULL ? scope.len : (size_t)(space - scope.data);
        struct span one = span_of(scope.data + at, to - at);

        at = to + 1;
        if (span_is(one, "offline_access")) {
            *ret_wants_refresh = true;
        } else if (one.len != 0 && !span_is(one, "openid") && !span_is(one, "profile") &&
                   !span_is(one, "email")) {
            if (found++ > 0 || (!cut_ending(&one, "/.default") &&
                                !(is_person && cut_ending(&one, "/user_impersonation")))) {
                return false;
            }
            *ret = one;
        }
    }
    return found == 1;
}

/* az asks the graph for the object id of a name (role assignment create --assignee). */
static const char no_graph[] =
    " There is no graph here in which names are looked up: give the object id instead (az: "
    "--assignee-object-id ID --assignee-principal-type User|ServicePrincipal, in lists "
    "--fill-principal-name false). 'bootwarden-server user list' and 'principal list' show it.";

static bool is_graph(struct span resource)
{
    (void)cut_ending(&resource, "/");
    return cut_ending(&resource, "/graph") || span_starts(resource, "https://graph.");
}

bool idp_read_audience(const struct idp *provider, const struct idp_call *call, bool is_person,
                       struct idp_request *request, struct idp_answer *ret)
{
    struct span resource = form_get(&request->form, "resource");

    request->scope = form_get(&request->form, "scope");
    request->is_by_resource = resource.data != NULL && request->scope.data == NULL;
    request->wants_refresh = request->is_by_resource;
    if (resource.data == NULL && request->scope.data == NULL) {
        idp_refuse(call, ret, 400, "invalid_request", 900144, "scope-missing",
                   "The request body must contain the following parameter: '%s'.",
                   call->is_v1 ? "resource" : "scope");
        return false;
    }
    if (request->scope.data != NULL &&
        !find_scope(request->scope, is_person, &resource, &request->wants_refresh)) {
        idp_refuse(call, ret, 400, "invalid_scope", is_person ? 70011 : 1002012, "scope-invalid",
                   "The provided value for scope %s is not valid. %s",
                   idp_shown(call, request->scope),
                   is_person ? "It must name one resource, with /.default suffixed to the resource "
                               "identifier."
                             : "Client credential flows must have a scope value with /.default "
                               "suffixed to the resource identifier.");
        return false;
    }
    request->audience = idp_known_resource(provider, resource);
    if (request->audience == NULL) {
        idp_refuse(call, ret, 400, "invalid_resource", 500011, "resource-unknown",
                   "The resource principal named %s was not found in the tenant.%s",
                   idp_shown(call, resource), is_graph(resource) ? no_graph : "");
        return false;
    }
    return true;
}

/* ---- which client ---- */

/* Applications of the vendor that people sign in with; none of them has a secret. */
static const struct {
    const char *id, *name;
} first_party[] = {
    {"04b07795-8ddb-461a-bbee-02f9e1bf7b46", "Microsoft Azure CLI"},
    {"1950a258-227b-4e31-a9cf-717495945fc2", "Microsoft Azure PowerShell"},
    {"aebc6443-996d-45c2-90f0-388ff96faa56", "Visual Studio Code"},
    {"872cd9fa-d31f-45e0-9eab-6e460a02d1f1", "Visual Studio"},
};

static const char *first_party_name(struct span client_id)
{
    for (size_t i = 0; i < ARRAY_LEN(first_party); i++) {
        if (text_span_equal_nocase(client_id, first_party[i].id)) {
            return first_party[i].name;
        }
    }
    return NULL;
}

bool idp_is_client(const struct principals *principals, struct span client_id)
{
    return first_party_name(client_id) != NULL || principals_find(principals, client_id) != NULL;
}

const char *idp_client_name(struct idp *provider, struct arena *arena, struct span client_id)
{
    CLEANUP(principals_free) struct principals *principals = idp_principals(provider);
    const struct principal *known = principals_find(principals, client_id);
    const char *name = first_party_name(client_id);

    if (name != NULL) {
        return name;
    }
    return known == NULL || known->kind != PRINCIPAL_APPLICATION
               ? NULL
               : arena_printf(arena, "%s", known->name);
}

/* RFC 6749, 2.3.1: what many libraries try first. False for a header that is none. */
static bool read_basic(const struct idp_call *call, struct idp_request *request)
{
    static const char scheme[] = "Basic ";
    struct span text = call->authorization, id = {0}, secret = {0};
    const uint8_t *colon;
    size_t at;

    if (text.len <= strlen(scheme) ||
        !text_span_equal_nocase(span_cut(text, 0, strlen(scheme)), scheme) ||
        base64_decode(call->arena, BASE64_STANDARD, span_cut(text, strlen(scheme), text.len),
                      &request->basic) != ERR_OK) {
        return false;
    }
    colon = request->basic.len == 0 ? NULL : memchr(request->basic.data, ':', request->basic.len);
    at = colon == NULL ? 0 : (size_t)(colon - request->basic.data);
    if (at == 0 || form_decode(call->arena, span_cut(request->basic, 0, at), &id) != ERR_OK ||
        form_decode(call->arena, span_cut(request->basic, at + 1, request->basic.len), &secret) !=
            ERR_OK) {
        return false;
    }
    request->client_id = id;
    request->secret = secret;
    return true;
}

/* One way to say who one is, not two (RFC 6749, 2.3); a client_id beside the header must agree. */
static bool name_client(const struct idp_call *call, struct idp_request *request,
                        struct idp_answer *ret)
{
    struct span id = form_get(&request->form, "client_id");
    struct span secret = form_get(&request->form, "client_secret");

    request->assertion = form_get(&request->form, "client_assertion");
    if (call->authorization.data == NULL &&
        (secret.data == NULL || request->assertion.data == NULL)) {
        request->client_id = id;
        request->secret = secret;
        return true;
    }
    if (call->authorization.data == NULL || !read_basic(call, request) || secret.data != NULL ||
        request->assertion.data != NULL ||
        (id.data != NULL && !span_equal(id, request->client_id))) {
        idp_refuse(call, ret, 400, "invalid_request", 90014, "request-malformed",
                   "The request is not properly formatted: it says in more than one way who the "
                   "client is, or in none.");
        return false;
    }
    return true;
}

void idp_request_wipe(const struct idp_call *call, struct idp_request *request)
{
    form_wipe(&request->form);
    if (call->authorization.data != NULL) {
        secret_wipe(request->basic);
        secret_wipe(request->secret);
    }
}

static bool need(const struct idp_call *call, struct span value, const char *name,
                 struct idp_answer *ret)
{
    if (value.data != NULL) {
        return true;
    }
    idp_refuse(call, ret, 400, "invalid_request", 900144, "request-incomplete",
               "The request body must contain the following parameter: '%s'.", name);
    return false;
}

bool idp_read_client(const struct idp_call *call, struct idp_request *request,
                     struct idp_answer *ret)
{
    if (!name_client(call, request, ret)) {
        return false;
    }
    if (request->client_id.data != NULL) {
        ret->client_id = idp_shown(call, request->client_id);
    }
    return need(call, request->client_id, "client_id", ret);
}

/* ---- by the client itself ---- */

static bool prove_secret(struct idp *provider, const struct idp_call *call,
                         const struct idp_request *request, struct idp_answer *ret,
                         struct principal *ret_principal)
{
    unsigned retry_s = 0;

    switch (
        idp_prove(provider, call, request->client_id, request->secret, ret_principal, &retry_s)) {
    case IDP_PROVEN:
        return true;
    case IDP_WRONG:
        /* One answer for both: which clients there are is not told. */
        idp_refuse(call, ret, 401, "invalid_client", 7000215, "secret-wrong",
                   "Invalid client or client secret provided for '%s'. Ensure the secret "
                   "being sent in the request is the client secret value.",
                   ret->client_id);
        return false;
    case IDP_LIMITED:
        idp_refuse(call, ret, 429, "temporarily_unavailable", 50196, "secret-limited",
                   "Too many wrong secrets for this client. Try again later.");
        ret->retry_after_s = retry_s;
        return false;
    case IDP_BUSY:
        idp_refuse(call, ret, 429, "temporarily_unavailable", 90055, "provider-busy",
                   "Too many sign-ins at a time. Try again.");
        ret->retry_after_s = retry_s;
        return false;
    case IDP_DISABLED:
    case IDP_FAULT:
    default:
        idp_fault(call, ret);
        return false;
    }
}

static bool prove_client(struct idp *provider, const struct idp_call *call,
                         struct idp_request *request, struct idp_answer *ret,
                         struct principal *ret_principal)
{
    request->authentication = request->assertion.data != NULL ? "2" : "1";
    return request->assertion.data != NULL
               ? idp_prove_assertion(provider, call, request, ret, ret_principal)
               : prove_secret(provider, call, request, ret, ret_principal);
}

static bool need_proof(const struct idp_call *call, const struct idp_request *request,
                       struct idp_answer *ret)
{
    if (request->secret.data != NULL || request->assertion.data != NULL) {
        return true;
    }
    idp_refuse(call, ret, 401, "invalid_client", 7000218, "secret-missing",
               "The request body must contain the following parameter: "
               "'client_assertion' or 'client_secret'.");
    return false;
}

/* The vendor's applications are on everybody's machine, so they can have no secret. A registered
 * one has: without it anybody who knows its id could ask people for their consent in its name, and
 * use a refresh token that was stolen from it. */
bool idp_check_client(struct idp *provider, const struct idp_call *call,
                      struct idp_request *request, struct idp_answer *ret)
{
    bool is_public = first_party_name(request->client_id) != NULL;
    struct principal who = {0};

    if (idp_client_name(provider, call->arena, request->client_id) == NULL) {
        idp_refuse(call, ret, 400, "unauthorized_client", 700016, "client-unknown",
                   "Application with identifier '%s' was not found in the directory.",
                   ret->client_id);
        return false;
    }
    if (is_public && request->secret.data == NULL && request->assertion.data == NULL) {
        request->authentication = "0";
        return true;
    }
    return need_proof(call, request, ret) && prove_client(provider, call, request, ret, &who);
}

static void grant_client(struct idp *provider, const struct idp_call *call,
                         struct idp_request *request, struct idp_answer *ret)
{
    struct principal who = {0};

    if (!need_proof(call, request, ret)) {
        return;
    }
    if (idp_read_audience(provider, call, false, request, ret) &&
        prove_client(provider, call, request, ret, &who)) {
        const struct idp_grant grant = {
            .principal = &who,
            .client_id = who.client_id,
            .authentication = request->authentication,
            .audience = request->audience,
            .is_by_resource = request->is_by_resource,
        };

        idp_grant(provider, call, &grant, ret);
    }
}

/* ---- by a person ---- */

/* A user's name and password, by an application that is trusted with them (RFC 6749, 4.3). */
static void grant_password(struct idp *provider, const struct idp_call *call,
                           struct idp_request *request, struct idp_answer *ret)
{
    struct span name = form_get(&request->form, "username");
    struct span password = form_get(&request->form, "password");
    struct idp_grant grant = {.authentication = request->authentication, .began = call->now};
    struct user who = {0};
    unsigned retry_s = 0;
    enum idp_proof proof;

    if (!need(call, name, "username", ret) || !need(call, password, "password", ret) ||
        !idp_read_audience(provider, call, true, request, ret)) {
        return;
    }
    proof = idp_prove_user(provider, call, name, password, &who, &retry_s);
    if (proof != IDP_PROVEN) {
        idp_refuse_user(call, proof, retry_s, ret);
        return;
    }
    grant.user = &who;
    grant.client_id = ret->client_id;
    grant.audience = request->audience;
    grant.scope = request->scope;
    grant.is_by_resource = request->is_by_resource;
    grant.wants_refresh = request->wants_refresh;
    grant.wants_client_info = span_is(form_get(&request->form, "client_info"), "1");
    idp_grant(provider, call, &grant, ret);
}

/* ---- the call ---- */

static const struct {
    const char *name;
    bool is_person;
    void (*run)(struct idp *provider, const struct idp_call *call, struct idp_request *request,
                struct idp_answer *ret);
} grants[] = {
    {"client_credentials", false, grant_client},
    {"password", true, grant_password},
    {"refresh_token", true, idp_grant_refresh},
    {"urn:ietf:params:oauth:grant-type:device_code", true, idp_grant_device},
    {"device_code", true, idp_grant_device}, /* the older name */
};

bool idp_read_form(const struct idp_call *call, struct span body, struct form *form,
                   struct idp_answer *ret)
{
    struct trail trail = {0};
    err_t err = form_read(call->arena, body, &trail, form);

    if (err == ERR_CONFLICT) {
        idp_refuse(call, ret, 400, "invalid_request", 9000411, "request-malformed",
                   "The request is not properly formatted. The parameter '%s' is duplicated.",
                   trail.what);
    } else if (err) {
        idp_refuse(call, ret, 400, "invalid_request", 90014, "request-malformed",
                   "The request is not properly formatted: the body %s.",
                   trail.what[0] != '\0' ? trail.what : err_text(err));
    }
    return err == ERR_OK;
}

static void run_grant(struct idp *provider, const struct idp_call *call,
                      struct idp_request *request, struct idp_answer *ret)
{
    struct span name = form_get(&request->form, "grant_type");

    for (size_t i = 0; i < ARRAY_LEN(grants); i++) {
        if (span_is(name, grants[i].name)) {
            if (!grants[i].is_person || idp_check_client(provider, call, request, ret)) {
                grants[i].run(provider, call, request, ret);
            }
            return;
        }
    }
    idp_refuse(call, ret, 400, "unsupported_grant_type", 70003, "grant-unsupported",
               "The app requested an unsupported grant type '%s'.", idp_shown(call, name));
}

void idp_token(struct idp *provider, const struct idp_call *call, struct span body,
               struct idp_answer *ret)
{
    struct idp_request request = {0};

    *ret = (struct idp_answer){.client_id = "", .object_id = "", .reason = "fault"};
    if (!idp_is_tenant(provider, call->tenant)) {
        idp_refuse(call, ret, 400, "invalid_request", 90002, "tenant-unknown",
                   "Tenant '%s' not found.", idp_shown(call, call->tenant));
        return;
    }
    if (idp_read_form(call, body, &request.form, ret) && idp_read_client(call, &request, ret) &&
        need(call, form_get(&request.form, "grant_type"), "grant_type", ret)) {
        run_grant(provider, call, &request, ret);
    }
    idp_request_wipe(call, &request);
}
