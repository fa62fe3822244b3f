/*
 * metadata.c - the documents from which clients learn where to sign in.
 */
#include "identity/idp-internal.h"

#include "base/text.h"

static void add_list(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name,
                     const char *const *items)
{
    yyjson_mut_val *list = json_add_array(doc, object, name);

    for (; *items != NULL; items++) {
        yyjson_mut_arr_add_strcpy(doc, list, *items);
    }
}

static yyjson_mut_val *begin(const struct idp_call *call, struct idp_answer *ret,
                             yyjson_mut_doc **ret_doc)
{
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);

    *ret = (struct idp_answer){
        .status = root == NULL ? 500 : 200, .reason = "ok", .client_id = "", .object_id = ""};
    *ret_doc = doc;
    return root;
}

/* Says no more of a tenant that is not here. */
static bool check_tenant(struct idp *provider, const struct idp_call *call, struct idp_answer *ret)
{
    if (idp_is_tenant(provider, call->tenant)) {
        return true;
    }
    *ret = (struct idp_answer){.client_id = "", .object_id = ""};
    idp_refuse(call, ret, 400, "invalid_tenant", 90002, "tenant-unknown", "Tenant '%s' not found.",
               text_escape_dup(call->arena, call->tenant, 128));
    return false;
}

/* "https://host:port/path" to "host:port". */
static const char *host_of(const struct idp *provider, struct arena *arena)
{
    const char *scheme = strstr(provider->endpoint, "://");
    const char *host = scheme == NULL ? provider->endpoint : scheme + 3;

    return arena_printf(arena, "%.*s", (int)strcspn(host, "/"), host);
}

void idp_openid(struct idp *provider, const struct idp_call *call, struct idp_answer *ret)
{
    static const char *const methods[] = {"client_secret_post", "client_secret_basic",
                                          "private_key_jwt", NULL};
    static const char *const modes[] = {"query", "fragment", "form_post", NULL};
    static const char *const subjects[] = {"pairwise", NULL};
    static const char *const responses[] = {"code", "id_token", "code id_token", "token", NULL};
    static const char *const scopes[] = {"openid", "profile", "offline_access", NULL};
    static const char *const claims[] = {"aud",   "iss",   "iat", "nbf",  "exp",
                                         "azp",   "appid", "oid", "sub",  "tid",
                                         "idtyp", "ver",   "upn", "name", "preferred_username",
                                         NULL};
    static const char *const kinds[] = {"client_credentials", "password", "refresh_token",
                                        "urn:ietf:params:oauth:grant-type:device_code", NULL};
    const char *const algorithms[] = {token_alg_name(token_key_alg(provider->signing)), NULL};
    const bool is_adfs = call->is_adfs || text_span_equal_nocase(call->tenant, "adfs");
    const char *base =
        is_adfs ? arena_printf(call->arena, "%s/adfs", provider->endpoint) : provider->authority;
    const char *version = call->is_v1 ? "" : "/v2.0";
    yyjson_mut_doc *doc;
    yyjson_mut_val *root;

    if (!check_tenant(provider, call, ret)) {
        return;
    }
    root = begin(call, ret, &doc);
    if (root == NULL || base == NULL) {
        ret->status = 500;
        return;
    }
    /* az posts to exactly this address: for its kind of tenant with the slash that it expects. */
    json_add_text(doc, root, "token_endpoint",
                  arena_printf(call->arena, "%s/oauth2%s/token%s", base, is_adfs ? "" : version,
                               is_adfs ? "/" : ""));
    add_list(doc, root, "token_endpoint_auth_methods_supported", methods);
    json_add_text(
        doc, root, "device_authorization_endpoint",
        arena_printf(call->arena, "%s/oauth2%s/devicecode", base, is_adfs ? "" : version));
    add_list(doc, root, "grant_types_supported", kinds);
    json_add_text(doc, root, "jwks_uri",
                  arena_printf(call->arena, "%s/discovery%s/keys", base, version));
    add_list(doc, root, "response_modes_supported", modes);
    add_list(doc, root, "subject_types_supported", subjects);
    add_list(doc, root, "id_token_signing_alg_values_supported", algorithms);
    add_list(doc, root, "response_types_supported", responses);
    add_list(doc, root, "scopes_supported", scopes);
    json_add_text(doc, root, "issuer",
                  call->is_v1 || is_adfs ? provider->issuer_v1 : provider->issuer_v2);
    json_add_bool(doc, root, "request_uri_parameter_supported", false);
    json_add_text(doc, root, "authorization_endpoint",
                  arena_printf(call->arena, "%s/oauth2%s/authorize", base, is_adfs ? "" : version));
    add_list(doc, root, "claims_supported", claims);
    json_add_text(doc, root, "cloud_instance_name", host_of(provider, call->arena));
    idp_answer_json(call->arena, ret, doc, root);
}

void idp_keys(struct idp *provider, const struct idp_call *call, struct idp_answer *ret)
{
    if (!check_tenant(provider, call, ret) && !text_span_equal_nocase(call->tenant, "common")) {
        return;
    }
    *ret = (struct idp_answer){.status = 200, .reason = "ok", .client_id = "", .object_id = ""};
    ret->body = span_of(provider->jwks, provider->jwks_len);
}

void idp_instance(const struct idp *provider, const struct idp_call *call, struct idp_answer *ret)
{
    yyjson_mut_doc *doc;
    yyjson_mut_val *root = begin(call, ret, &doc), *list, *item;
    const char *host = host_of(provider, call->arena);
    const char *const aliases[] = {host, NULL};

    if (root == NULL || host == NULL) {
        ret->status = 500;
        return;
    }
    json_add_text(
        doc, root, "tenant_discovery_endpoint",
        arena_printf(call->arena, "%s/v2.0/.well-known/openid-configuration", provider->authority));
    json_add_text(doc, root, "api-version", "1.1");
    list = json_add_array(doc, root, "metadata");
    item = yyjson_mut_arr_add_obj(doc, list);
    json_add_text(doc, item, "preferred_network", host);
    json_add_text(doc, item, "preferred_cache", host);
    add_list(doc, item, "aliases", aliases);
    idp_answer_json(call->arena, ret, doc, root);
}
