/*
 * managed.c - tokens for what runs somewhere and keeps no secret of its own: managed identities.
 *
 * The address is the secret: /metadata/SECRET/identity/oauth2/token, as one machine is told it in
 * MSI_ENDPOINT. It is kept as a digest and compared with all of them, in time that does not depend
 * on it. Those of virtual machines are kept with them (idp_elsewhere): their secret begins with the
 * identity's object id, by which it is found. A header such as "Metadata: true" keeps out whoever
 * can make a program fetch an address, but not set headers. Who may send these bytes: anybody.
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

/* A client that names an identity means that one and no other. */
static bool is_selected(const struct form *form, const struct principal *who)
{
    struct span client = form_get(form, "client_id"), object = form_get(form, "object_id");
    struct span resource = form_get(form, "msi_res_id");

    client = client.data != NULL ? client : form_get(form, "clientid");
    object = object.data != NULL ? object : form_get(form, "principal_id");
    resource = resource.data != NULL ? resource : form_get(form, "mi_res_id");
    return (client.data == NULL || text_span_equal_nocase(client, who->client_id)) &&
           (object.data == NULL || text_span_equal_nocase(object, who->object_id)) &&
           (resource.data == NULL || is_resource_of(resource, who));
}

bool idp_find_elsewhere(const struct idp *provider, struct arena *arena, struct span object_id,
                        struct principal *ret)
{
    return provider->elsewhere.find != NULL &&
           provider->elsewhere.find(provider->elsewhere.context, arena, object_id, ret);
}

/* OBJECTID SECRET, all of it hexadecimal digits. */
static bool find_by_object(const struct idp *provider, const struct idp_call *call,
                           struct span capability, struct principal *ret)
{
    const char *text = (const char *)capability.data, *object_id;
    const size_t id_len = 32;

    if (capability.len <= id_len) {
        return false;
    }
    object_id = arena_printf(call->arena, "%.8s-%.4s-%.4s-%.4s-%.12s", text, text + 8, text + 12,
                             text + 16, text + 20);
    return object_id != NULL && text_is_guid(span_str(object_id)) &&
           idp_find_elsewhere(provider, call->arena, span_str(object_id), ret) &&
           principal_has_capability(ret, capability);
}

/* The managed identity of the address; false when it is answered. */
static bool find(struct idp *provider, const struct idp_call *call, struct span capability,
                 struct idp_answer *ret, struct principal *ret_principal)
{
    CLEANUP(principals_free) struct principals *principals = idp_principals(provider);
    const struct principal *found = principals_find_capability(principals, capability);

    if (found == NULL && find_by_object(provider, call, capability, ret_principal)) {
        return true;
    }
    if (found == NULL) {
        idp_refuse(call, ret, 401, "unauthorized_client", 700016, "identity-unknown",
                   "No managed identity has this address. bootwarden-server principal add "
                   "--managed and bootwarden vm identity show it once.");
        return false;
    }
    *ret_principal = *found;
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

void idp_managed(struct idp *provider, const struct idp_call *call, struct span capability,
                 bool is_metadata, struct span parameters, struct idp_answer *ret)
{
    struct principal who = {0};
    struct form form = {0};
    struct span resource;
    const char *audience;

    *ret = (struct idp_answer){.client_id = "", .object_id = "", .reason = "fault"};
    if (!is_metadata) {
        idp_refuse(call, ret, 400, "invalid_request", 900144, "metadata-missing",
                   "Required metadata header not specified: Metadata: true");
        return;
    }
    if (!find(provider, call, capability, ret, &who) ||
        !idp_read_form(call, parameters, &form, ret)) {
        return;
    }
    ret->client_id = (const char *)arena_dup(call->arena, span_str(who.client_id)).data;
    ret->client_id = ret->client_id == NULL ? "" : ret->client_id;
    resource = form_get(&form, "resource");
    audience = resource.data == NULL ? NULL : idp_known_resource(provider, resource);
    if (!is_selected(&form, &who)) {
        idp_refuse(call, ret, 400, "invalid_request", 700016, "identity-other",
                   "Identity not found: this address is that of another identity.");
    } else if (resource.data == NULL) {
        idp_refuse(call, ret, 400, "invalid_request", 900144, "scope-missing",
                   "Required query variable 'resource' is missing.");
    } else if (audience == NULL) {
        idp_refuse(call, ret, 400, "invalid_resource", 500011, "resource-unknown",
                   "The resource principal named %s was not found in the tenant.",
                   idp_shown(call, resource));
    } else {
        answer_token(provider, call, &who, audience, ret);
    }
}
