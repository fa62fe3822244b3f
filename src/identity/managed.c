/*
 * managed.c - tokens for what runs somewhere and keeps no secret of its own: managed identities.
 *
 * The address is the secret: /metadata/SECRET/identity/oauth2/token, as one machine is told it in
 * MSI_ENDPOINT. It is kept as a digest and compared with all of them, in time that does not depend
 * on it. Those of virtual machines are kept with them (idp_elsewhere): theirs begin with a GUID, by
 * which they are found, and give tokens of all identities that the virtual machine has. A header
 * such as "Metadata: true" keeps out whoever can make a program fetch an address, but not set
 * headers. Who may send these bytes: anybody.
 */
#include "identity/idp-internal.h"

#include "base/text.h"

/* .../Microsoft.ManagedIdentity/userAssignedIdentities/NAME */
static bool is_resource_of(struct span id, const struct principal *who)
{
    static const char type[] = "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/";
    size_t name = strlen(who->name), len = strlen(type);

    return id.len > name + len && id.data[0] == '/' &&
           text_span_equal_nocase(span_cut(id, id.len - name, name), who->name) &&
           text_span_equal_nocase(span_cut(id, id.len - name - len, len), type);
}

/* What a client says of the identity that it means. */
struct wish {
    struct span client, object, resource;
};

static struct wish read_wish(const struct form *form)
{
    struct wish wish = {form_get(form, "client_id"), form_get(form, "object_id"),
                        form_get(form, "msi_res_id")};

    wish.client = wish.client.data != NULL ? wish.client : form_get(form, "clientid");
    wish.object = wish.object.data != NULL ? wish.object : form_get(form, "principal_id");
    wish.resource = wish.resource.data != NULL ? wish.resource : form_get(form, "mi_res_id");
    return wish;
}

static bool is_any(const struct wish *wish)
{
    return wish->client.data == NULL && wish->object.data == NULL && wish->resource.data == NULL;
}

/* One of `principal add --managed` is no resource, and answers to its name in an id. */
static bool is_resource(struct span id, const struct idp_held *held)
{
    return held->resource == NULL ? is_resource_of(id, &held->principal)
                                  : text_span_equal_nocase(id, held->resource);
}

/* A client that names an identity means that one and no other. Who names none means the address's
 * own, or the only one. NULL: *ret_is_unclear, or there is no such. */
static const struct idp_held *select_one(const struct wish *wish, const struct idp_held *list,
                                         size_t n, bool *ret_is_unclear)
{
    bool has_own = n > 0 && (list[0].resource == NULL || list[0].resource[0] == '\0');

    *ret_is_unclear = is_any(wish) && n > 1 && !has_own;
    if (*ret_is_unclear) {
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        const struct principal *who = &list[i].principal;

        if ((wish->client.data == NULL || text_span_equal_nocase(wish->client, who->client_id)) &&
            (wish->object.data == NULL || text_span_equal_nocase(wish->object, who->object_id)) &&
            (wish->resource.data == NULL || is_resource(wish->resource, &list[i]))) {
            return &list[i];
        }
    }
    return NULL;
}

bool idp_find_elsewhere(const struct idp *provider, struct arena *arena, struct span object_id,
                        struct principal *ret)
{
    return provider->elsewhere.find != NULL &&
           provider->elsewhere.find(provider->elsewhere.context, arena, object_id, ret);
}

/* GUID SECRET, all of it hexadecimal digits. */
static bool find_by_guid(const struct idp *provider, const struct idp_call *call,
                         struct span capability, struct idp_held **ret, size_t *ret_n)
{
    const struct idp_elsewhere *elsewhere = &provider->elsewhere;
    struct principal digest = {.kind = PRINCIPAL_MANAGED};
    const char *text = (const char *)capability.data, *guid;
    const size_t guid_len = 32;

    if (capability.len <= guid_len || elsewhere->address == NULL) {
        return false;
    }
    guid = arena_printf(call->arena, "%.8s-%.4s-%.4s-%.4s-%.12s", text, text + 8, text + 12,
                        text + 16, text + 20);
    return guid != NULL && text_is_guid(span_str(guid)) &&
           elsewhere->address(elsewhere->context, call->arena, span_str(guid), digest.capability) &&
           principal_has_capability(&digest, capability) &&
           elsewhere->held(elsewhere->context, call->arena, span_str(guid), ret, ret_n);
}

/* Whose tokens the address gives; false when it is answered. */
static bool find(struct idp *provider, const struct idp_call *call, struct span capability,
                 struct idp_answer *ret, struct idp_held **ret_list, size_t *ret_n)
{
    CLEANUP(principals_free) struct principals *principals = idp_principals(provider);
    const struct principal *found = principals_find_capability(principals, capability);

    if (found == NULL && find_by_guid(provider, call, capability, ret_list, ret_n)) {
        return true;
    }
    if (found == NULL) {
        idp_refuse(call, ret, 401, "unauthorized_client", 700016, "identity-unknown",
                   "No managed identity has this address. bootwarden-server principal add "
                   "--managed and bootwarden vm identity show it once.");
        return false;
    }
    *ret_list = arena_calloc(call->arena, 1, sizeof(**ret_list));
    if (*ret_list == NULL) {
        idp_fault(call, ret);
        return false;
    }
    (*ret_list)->principal = *found;
    *ret_n = 1;
    return true;
}

static void answer_token(const struct idp *provider, const struct idp_call *call,
                         const struct principal *who, const char *audience, struct idp_answer *ret)
{
    const struct idp_grant grant = {
        .principal = who, .client_id = who->client_id, .authentication = "2", .audience = audience};
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    struct span token = {0};

    if (root == NULL || idp_issue(provider, call, &grant, &token) != ERR_OK) {
        idp_fault(call, ret);
        return;
    }
    json_add_span(doc, root, "access_token", token);
    json_add_text(doc, root, "client_id", who->client_id);
    json_add_text(doc, root, "expires_in", arena_printf(call->arena, "%d", IDP_TOKEN_S - 1));
    json_add_text(doc, root, "expires_on",
                  arena_printf(call->arena, "%lld", (long long)call->now + IDP_TOKEN_S));
    json_add_text(doc, root, "ext_expires_in", arena_printf(call->arena, "%d", IDP_TOKEN_S - 1));
    json_add_text(doc, root, "not_before", arena_printf(call->arena, "%lld", (long long)call->now));
    json_add_text(doc, root, "resource", audience);
    json_add_text(doc, root, "token_type", "Bearer");
    ret->status = 200;
    ret->reason = "ok";
    ret->object_id = arena_printf(call->arena, "%s", who->object_id);
    ret->object_id = ret->object_id == NULL ? "" : ret->object_id;
    idp_answer_json(call->arena, ret, doc, root);
}

/* The one that is meant; NULL when it is answered. */
static const struct principal *choose(const struct idp_call *call, const struct form *form,
                                      const struct idp_held *list, size_t n, struct idp_answer *ret)
{
    const struct wish wish = read_wish(form);
    bool is_unclear = false;
    const struct idp_held *held = select_one(&wish, list, n, &is_unclear);
    const struct idp_held *shown = held != NULL ? held : n > 0 ? &list[0] : NULL;

    ret->client_id =
        shown == NULL ? "" : arena_printf(call->arena, "%s", shown->principal.client_id);
    ret->client_id = ret->client_id == NULL ? "" : ret->client_id;
    if (is_unclear) {
        idp_refuse(call, ret, 400, "invalid_request", 700016, "identity-unclear",
                   "Multiple user assigned identities exist, please specify the clientId / "
                   "resourceId of the identity in the token request.");
    } else if (held == NULL) {
        idp_refuse(call, ret, 400, "invalid_request", 700016, "identity-other",
                   "Identity not found: this address is that of another identity.");
    }
    return held == NULL ? NULL : &held->principal;
}

void idp_managed(struct idp *provider, const struct idp_call *call, struct span capability,
                 bool is_metadata, struct span parameters, struct idp_answer *ret)
{
    const struct principal *who;
    struct idp_held *list = NULL;
    struct form form = {0};
    struct span resource;
    const char *audience;
    size_t n = 0;

    *ret = (struct idp_answer){.client_id = "", .object_id = "", .reason = "fault"};
    if (!is_metadata) {
        idp_refuse(call, ret, 400, "invalid_request", 900144, "metadata-missing",
                   "Required metadata header not specified: Metadata: true");
        return;
    }
    if (!find(provider, call, capability, ret, &list, &n) ||
        !idp_read_form(call, parameters, &form, ret)) {
        return;
    }
    who = choose(call, &form, list, n, ret);
    if (who == NULL) {
        return;
    }
    resource = form_get(&form, "resource");
    audience = resource.data == NULL ? NULL : idp_known_resource(provider, resource);
    if (resource.data == NULL) {
        idp_refuse(call, ret, 400, "invalid_request", 900144, "scope-missing",
                   "Required query variable 'resource' is missing.");
    } else if (audience == NULL) {
        idp_refuse(call, ret, 400, "invalid_resource", 500011, "resource-unknown",
                   "The resource principal named %s was not found in the tenant.",
                   idp_shown(call, resource));
    } else {
        answer_token(provider, call, who, audience, ret);
    }
}
