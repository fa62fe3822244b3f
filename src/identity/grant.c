/*
 * grant.c - the token request. Who may send these bytes: anybody.
 */
#include "identity/idp-internal.h"

#include "base/codec.h"
#include "base/text.h"
#include "crypto/secret.h"
#include "identity/form.h"

enum { SHOWN_MAX = 128, UTI_BYTES = 16 };

struct request {
    struct form form;
    struct span basic; /* id and secret of the header, to be wiped */
    struct span client_id, secret;
    const char *audience;
    bool is_by_resource;
};

static const char *shown(const struct idp_call *call, struct span text)
{
    return text_escape_dup(call->arena, text, SHOWN_MAX);
}

/* ---- what for ---- */

/* The resource as the client wrote it: with or without its last slash, as the token will say. */
static const char *known_resource(const struct idp *provider, struct span text)
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

/* The one scope that ends in /.default; what OpenID adds beside it means nothing here. */
static bool find_scope(struct span scope, struct span *ret)
{
    static const char ending[] = "/.default";
    size_t at = 0, found = 0;

    while (at < scope.len) {
        const uint8_t *space = memchr(scope.data + at, ' ', scope.len - at);
        size_t to = space == NULL ? scope.len : (size_t)(space - scope.data);
        struct span one = span_of(scope.data + at, to - at);

        at = to + 1;
        if (one.len == 0 || span_is(one, "openid") || span_is(one, "profile") ||
            span_is(one, "offline_access")) {
            continue;
        }
        if (one.len <= strlen(ending) ||
            !span_is(span_cut(one, one.len - strlen(ending), one.len), ending) || found++ > 0) {
            return false;
        }
        *ret = span_cut(one, 0, one.len - strlen(ending));
    }
    return found == 1;
}

static bool read_audience(const struct idp *provider, const struct idp_call *call,
                          struct request *request, struct idp_answer *ret)
{
    struct span resource = form_get(&request->form, "resource");
    struct span scope = form_get(&request->form, "scope");

    request->is_by_resource = resource.data != NULL && scope.data == NULL;
    if (resource.data == NULL && scope.data == NULL) {
        idp_refuse(call, ret, 400, "invalid_request", 900144, "scope-missing",
                   "The request body must contain the following parameter: '%s'.",
                   call->is_v1 ? "resource" : "scope");
        return false;
    }
    if (scope.data != NULL && !find_scope(scope, &resource)) {
        idp_refuse(call, ret, 400, "invalid_scope", 1002012, "scope-invalid",
                   "The provided value for scope %s is not valid. Client credential flows "
                   "must have a scope value with /.default suffixed to the resource "
                   "identifier.",
                   shown(call, scope));
        return false;
    }
    request->audience = known_resource(provider, resource);
    if (request->audience == NULL) {
        idp_refuse(call, ret, 400, "invalid_resource", 500011, "resource-unknown",
                   "The resource principal named %s was not found in the tenant.",
                   shown(call, resource));
        return false;
    }
    return true;
}

/* ---- who ---- */

/* RFC 6749, 2.3.1: what many libraries try first. False for a header that is none. */
static bool read_basic(const struct idp_call *call, struct request *request)
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
static bool name_client(const struct idp_call *call, struct request *request,
                        struct idp_answer *ret)
{
    struct span id = form_get(&request->form, "client_id");
    struct span secret = form_get(&request->form, "client_secret");

    if (call->authorization.data == NULL) {
        request->client_id = id;
        request->secret = secret;
        return true;
    }
    if (!read_basic(call, request) || secret.data != NULL ||
        (id.data != NULL && !span_equal(id, request->client_id))) {
        idp_refuse(call, ret, 400, "invalid_request", 90014, "request-malformed",
                   "The request is not properly formatted: the Authorization header names no "
                   "client, or another one than the body.");
        return false;
    }
    return true;
}

static bool read_client(const struct idp_call *call, struct request *request,
                        struct idp_answer *ret)
{
    struct span grant = form_get(&request->form, "grant_type");
    const char *missing = grant.data == NULL ? "grant_type" : NULL;

    if (!name_client(call, request, ret)) {
        return false;
    }
    if (request->client_id.data != NULL) {
        ret->client_id = shown(call, request->client_id);
    } else if (missing == NULL) {
        missing = "client_id";
    }
    if (missing != NULL) {
        idp_refuse(call, ret, 400, "invalid_request", 900144, "request-incomplete",
                   "The request body must contain the following parameter: '%s'.", missing);
        return false;
    }
    if (!span_is(grant, "client_credentials")) {
        idp_refuse(call, ret, 400, "unsupported_grant_type", 70003, "grant-unsupported",
                   "The app requested an unsupported grant type '%s'.", shown(call, grant));
        return false;
    }
    if (request->secret.data == NULL) {
        idp_refuse(call, ret, 401, "invalid_client", 7000218, "secret-missing",
                   "The request body must contain the following parameter: "
                   "'client_assertion' or 'client_secret'.");
        return false;
    }
    return true;
}

static bool prove(struct idp *provider, const struct idp_call *call, const struct request *request,
                  struct idp_answer *ret, struct principal *ret_principal)
{
    switch (idp_prove(provider, request->client_id, request->secret, call->now, ret_principal)) {
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
        ret->retry_after_s = IDP_WINDOW_S;
        return false;
    case IDP_BUSY:
        idp_refuse(call, ret, 429, "temporarily_unavailable", 90055, "provider-busy",
                   "Too many sign-ins at a time. Try again.");
        ret->retry_after_s = 1;
        return false;
    case IDP_FAULT:
    default:
        idp_refuse(call, ret, 500, "server_error", 90033, "fault",
                   "A transient error has occurred. Please try again.");
        return false;
    }
}

/* ---- the token ---- */

static err_t issue(const struct idp *provider, const struct idp_call *call,
                   const struct request *request, const struct principal *who, struct span *ret)
{
    CLEANUP(buf_done) struct buf uti = {0};
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *claims =
        doc == NULL ? NULL
                    : token_claims(doc, call->is_v1 ? provider->issuer_v1 : provider->issuer_v2,
                                   call->now, IDP_TOKEN_S);
    uint8_t random[UTI_BYTES];
    err_t err = claims == NULL ? ERR_MEMORY : random_bytes(random, sizeof(random));

    if (err) {
        return err;
    }
    buf_init(&uti, 64);
    base64_encode(&uti, BASE64_URL, span_of(random, sizeof(random)));
    json_add_text(doc, claims, "aud", request->audience);
    json_add_text(doc, claims, call->is_v1 ? "appid" : "azp", who->client_id);
    json_add_text(doc, claims, call->is_v1 ? "appidacr" : "azpacr", "1"); /* by a secret */
    json_add_text(doc, claims, "app_displayname", who->name);
    json_add_text(doc, claims, "idtyp", "app");
    json_add_text(doc, claims, "oid", who->object_id);
    json_add_text(doc, claims, "sub", who->object_id);
    json_add_text(doc, claims, "tid", provider->tenant);
    json_add_text(doc, claims, "uti", buf_cstr(&uti));
    json_add_text(doc, claims, "ver", call->is_v1 ? "1.0" : "2.0");
    return token_issue(provider->signing, call->arena, NULL, doc, claims, ret);
}

/* Version 1 writes its numbers as texts. */
static void add_number(const struct idp_call *call, bool is_text, yyjson_mut_doc *doc,
                       yyjson_mut_val *root, const char *name, int64_t value)
{
    if (is_text) {
        json_add_text(doc, root, name, arena_printf(call->arena, "%lld", (long long)value));
    } else {
        json_add_int(doc, root, name, value);
    }
}

static void grant(const struct idp *provider, const struct idp_call *call,
                  const struct request *request, const struct principal *who,
                  struct idp_answer *ret)
{
    const int64_t left = IDP_TOKEN_S - 1;
    const bool is_text = request->is_by_resource;
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    struct span token = {0};

    if (root == NULL || issue(provider, call, request, who, &token) != ERR_OK) {
        idp_refuse(call, ret, 500, "server_error", 90033, "fault",
                   "A transient error has occurred. Please try again.");
        return;
    }
    json_add_text(doc, root, "token_type", "Bearer");
    add_number(call, is_text, doc, root, "expires_in", left);
    add_number(call, is_text, doc, root, "ext_expires_in", left);
    if (is_text) {
        add_number(call, is_text, doc, root, "expires_on", call->now + IDP_TOKEN_S);
        add_number(call, is_text, doc, root, "not_before", call->now);
        json_add_text(doc, root, "resource", request->audience);
    }
    json_add_span(doc, root, "access_token", token);
    ret->status = 200;
    ret->reason = "ok";
    ret->object_id = (const char *)arena_dup(call->arena, span_str(who->object_id)).data;
    ret->object_id = ret->object_id == NULL ? "" : ret->object_id;
    idp_answer_json(call->arena, ret, doc, root);
}

static bool read_form(const struct idp_call *call, struct span body, struct request *request,
                      struct idp_answer *ret)
{
    struct trail trail = {0};
    err_t err = form_read(call->arena, body, &trail, &request->form);

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

void idp_token(struct idp *provider, const struct idp_call *call, struct span body,
               struct idp_answer *ret)
{
    struct request request = {0};
    struct principal who = {0};

    *ret = (struct idp_answer){.client_id = "", .object_id = "", .reason = "fault"};
    if (!idp_is_tenant(provider, call->tenant)) {
        idp_refuse(call, ret, 400, "invalid_request", 90002, "tenant-unknown",
                   "Tenant '%s' not found.", shown(call, call->tenant));
        return;
    }
    if (read_form(call, body, &request, ret) && read_client(call, &request, ret) &&
        read_audience(provider, call, &request, ret) &&
        prove(provider, call, &request, ret, &who)) {
        grant(provider, call, &request, &who, ret);
    }
    form_wipe(&request.form);
    if (call->authorization.data != NULL) {
        secret_wipe(request.basic);
        secret_wipe(request.secret);
    }
}
