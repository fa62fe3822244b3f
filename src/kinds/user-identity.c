/*
 * user-identity.c - Microsoft.ManagedIdentity/userAssignedIdentities: a principal of its own, which
 * virtual machines name (vm-users.c). Who may send it: its owner.
 */
#include "kinds/identity-rows.h"

/* A virtual machine names up to a hundred, and reads them. */
enum { BODY_MAX = 64 * 1024 };

static const char *principal_of(const struct resource *identity)
{
    return body_text_at(body_get(identity->body, RESOURCE_PRIVATE), IDENTITY_PRINCIPAL);
}

static bool prepare(struct control_call *call, const struct resource *before,
                    struct resource *wanted, struct control_answer *ret)
{
    (void)before;
    if (own_guid(call, wanted, IDENTITY_PRINCIPAL) == NULL ||
        own_guid(call, wanted, IDENTITY_CLIENT) == NULL) {
        control_fail(call, ERR_MEMORY, NULL, ret);
        return false;
    }
    return true;
}

/* Also of one that was kept before there were rows. A new one that has no room for it goes again:
 * nobody could use it. */
static void done(struct control_call *call, const struct resource *before, struct resource *after,
                 struct control_answer *ret)
{
    enum store_resource_bar bar;
    struct trail trail = {0};
    bool was_there;

    if (!identity_row_add(call, after, principal_of(after), ret) && before == NULL) {
        control_log_lost("undoing of an identity", after->id,
                         store_resource_remove(control_store(call->control), after->key,
                                               after->version, &trail, &was_there, &bar),
                         &trail);
    }
}

static void gone(struct control_call *call, const struct resource *identity,
                 struct control_answer *ret)
{
    (void)ret;
    if (principal_of(identity) != NULL) {
        identity_row_remove(call, principal_of(identity));
    }
}

static void show(struct control_call *call, const struct resource *resource, yyjson_mut_val *object)
{
    yyjson_mut_val *own = body_get(resource->body, RESOURCE_PRIVATE);
    yyjson_mut_val *properties = body_need_object(call->doc, object, "properties");

    body_drop(properties, "provisioningState");
    body_set_text(call->doc, properties, "tenantId", control_tenant(call->control));
    body_set_text(call->doc, properties, "principalId", body_text_at(own, IDENTITY_PRINCIPAL));
    body_set_text(call->doc, properties, "clientId", body_text_at(own, IDENTITY_CLIENT));
}

const struct kind kind_user_identity = {
    .type = "Microsoft.ManagedIdentity/userAssignedIdentities",
    .versions = "2023-01-31 2018-11-30",
    .flags = KIND_HAS_LOCATION | KIND_HAS_TAGS,
    .body_max = BODY_MAX,
    .prepare = prepare,
    .done = done,
    .gone = gone,
    .show = show,
};
