/*
 * vm-identity.c - identity of a virtual machine. Who may send it: its owner.
 *
 * What the principal is stands in the virtual machine's private part, and goes with it; by a row it
 * is found (identity-rows.h).
 */
#include "kinds/vm-identity.h"

#include "base/codec.h"
#include "base/text.h"
#include "crypto/secret.h"
#include "kinds/identity-rows.h"
#include "kinds/vm.h"

#include <stdio.h>

enum { SECRET_BYTES = 21, SWEEP_PAGE = 200, SWEEP_ARENA_BYTES = 64 * 1024 * 1024 };

static const char *const members[] = {IDENTITY_PRINCIPAL, IDENTITY_CLIENT, IDENTITY_SECRET};

static const char *principal_of(const struct resource *vm)
{
    return vm == NULL ? NULL
                      : body_text_at(body_get(vm->body, RESOURCE_PRIVATE), IDENTITY_PRINCIPAL);
}

/* ---- what the owner says ---- */

/* As Azure spells it; NULL for what is none. */
static const char *read_type(struct span text)
{
    static const struct {
        const char *text, *type;
    } types[] = {
        {"None", "None"},
        {"SystemAssigned", "SystemAssigned"},
        {"UserAssigned", "UserAssigned"},
        {"SystemAssigned,UserAssigned", "SystemAssigned, UserAssigned"},
        {"SystemAssigned, UserAssigned", "SystemAssigned, UserAssigned"},
    };

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (text_span_equal_nocase(text, types[i].text)) {
            return types[i].type;
        }
    }
    return NULL;
}

bool vm_identity_prepare(struct control_call *call, struct resource *wanted,
                         struct control_answer *ret)
{
    yyjson_mut_val *identity = body_get(wanted->body, "identity");
    const char *text = body_text_at(identity, "type");
    const char *type = text == NULL ? NULL : read_type(span_str(text));

    if (identity == NULL) {
        return true;
    }
    if (type == NULL) {
        control_refuse(
            call, ret, 400, "InvalidIdentityType",
            "identity.type is SystemAssigned, UserAssigned, both with a comma, or None.");
        return false;
    }
    body_drop(identity, "principalId");
    body_drop(identity, "tenantId");
    body_set_text(call->doc, identity, "type", type);
    if (strcmp(type, "None") == 0) {
        body_drop(wanted->body, "identity");
    }
    if (strstr(type, "System") != NULL) {
        return own_guid(call, wanted, IDENTITY_PRINCIPAL) != NULL &&
               own_guid(call, wanted, IDENTITY_CLIENT) != NULL;
    }
    /* One that is switched on again is another one: no role of the old one comes back. */
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        body_drop(resource_private(call, wanted), members[i]);
    }
    return true;
}

void vm_identity_show(struct control_call *call, const struct resource *vm, yyjson_mut_val *object)
{
    if (principal_of(vm) != NULL) {
        yyjson_mut_val *identity = body_get(object, "identity");

        body_set_text(call->doc, identity, "principalId", principal_of(vm));
        body_set_text(call->doc, identity, "tenantId", control_tenant(call->control));
    }
}

/* ---- the row ---- */

bool vm_identity_enter(struct control_call *call, const struct resource *vm,
                       struct control_answer *ret)
{
    return principal_of(vm) == NULL || identity_row_add(call, vm, principal_of(vm), ret);
}

void vm_identity_forget(struct control_call *call, const struct resource *before,
                        const struct resource *after)
{
    const char *old = principal_of(before), *now = principal_of(after);

    if (old != NULL && (now == NULL || strcmp(old, now) != 0)) {
        identity_row_remove(call, old);
    }
}

/* ---- where its guest gets tokens ---- */

/* The principal's id and random bytes, in hexadecimal: the first finds it, the others are secret.
 */
static err_t make_secret(struct control_call *call, const char *principal, const char **ret,
                         char ret_digest[2 * SHA256_BYTES + 1])
{
    uint8_t bytes[SECRET_BYTES], digest[SHA256_BYTES];
    const char *text = NULL;
    err_t err = random_bytes(bytes, sizeof(bytes));

    if (err == ERR_OK) {
        text = arena_printf(call->arena, "%.8s%.4s%.4s%.4s%.12s%s", principal, principal + 9,
                            principal + 14, principal + 19, principal + 24,
                            hex_dup(call->arena, span_of(bytes, sizeof(bytes))));
        err = text == NULL ? ERR_MEMORY : hash_once(HASH_SHA256, span_str(text), digest);
    }
    secret_wipe(span_of(bytes, sizeof(bytes)));
    if (err) {
        return err;
    }
    hex_encode(span_of(digest, sizeof(digest)), ret_digest, 2 * SHA256_BYTES + 1);
    *ret = text;
    return ERR_OK;
}

static void tell_address(struct control_call *call, const struct resource *vm, const char *secret,
                         struct control_answer *ret)
{
    yyjson_mut_val *object = yyjson_mut_obj(call->doc);
    yyjson_mut_val *own = body_get(vm->body, RESOURCE_PRIVATE);
    const char *path = arena_printf(call->arena, "/metadata/%s/identity/oauth2/token", secret);

    json_add_text(call->doc, object, "path", path);
    json_add_text(call->doc, object, "address",
                  arena_printf(call->arena, "%s%s", control_endpoint(call->control), path));
    json_add_text(call->doc, object, "principalId", body_text_at(own, IDENTITY_PRINCIPAL));
    json_add_text(call->doc, object, "clientId", body_text_at(own, IDENTITY_CLIENT));
    control_answer_value(call, 200, object, ret);
}

void vm_identity_address(struct control_call *call, struct resource *vm, struct control_answer *ret)
{
    char digest[2 * SHA256_BYTES + 1];
    const char *secret = NULL;
    bool is_raced = true;

    for (int i = 0; is_raced && i < 8; i++) {
        struct trail trail = {0};
        err_t err = resource_load(call, vm->id, &trail, vm);

        *ret = (struct control_answer){0};
        if (err == ERR_OK && principal_of(vm) == NULL) {
            control_refuse(call, ret, 409, "OperationNotAllowed",
                           "The virtual machine has no identity of its own: set identity.type to "
                           "SystemAssigned (az vm identity assign).");
            return;
        }
        err = err ? err : make_secret(call, principal_of(vm), &secret, digest);
        if (err) {
            control_fail(call, err, &trail, ret);
            return;
        }
        if (!identity_row_add(call, vm, principal_of(vm), ret)) {
            return;
        }
        body_set_text(call->doc, resource_private(call, vm), IDENTITY_SECRET,
                      arena_printf(call->arena, "%s", digest));
        if (resource_keep(call, vm, "", ret, &is_raced)) {
            break;
        }
    }
    if (ret->code == NULL) {
        tell_address(call, vm, secret, ret);
    }
}

/* ---- who asks about principals ---- */

err_t vm_identity_find(struct store *store, struct arena *arena, struct span principal_id,
                       struct vm_identity *ret)
{
    struct identity_facts facts = {0};
    err_t err = identity_row_find(store, arena, principal_id, &facts);

    if (err) {
        return err;
    }
    if (facts.principal == NULL || facts.client == NULL ||
        !text_span_equal_nocase(principal_id, facts.principal)) {
        return ERR_NOT_FOUND;
    }
    *ret = (struct vm_identity){0};
    snprintf(ret->principal_id, sizeof(ret->principal_id), "%s", facts.principal);
    snprintf(ret->client_id, sizeof(ret->client_id), "%s", facts.client);
    snprintf(ret->name, sizeof(ret->name), "%s", facts.name);
    snprintf(ret->secret_digest, sizeof(ret->secret_digest), "%s", facts.secret_digest);
    return ERR_OK;
}

static err_t sweep_page(struct store *store, const struct store_resource *rows, size_t n,
                        struct trail *trail)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(SWEEP_ARENA_BYTES);
    err_t err = arena == NULL ? ERR_MEMORY : ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < n; i++) {
        struct vm_identity found;
        enum store_resource_bar bar;
        bool was_there;

        arena_reset(arena);
        err = vm_identity_find(store, arena, span_str(strrchr(rows[i].key, '/') + 1), &found);
        if (err == ERR_NOT_FOUND) {
            err = store_resource_remove(store, rows[i].key, 0, trail, &was_there, &bar);
        }
    }
    return err;
}

err_t vm_identities_sweep(struct store *store, struct trail *trail)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(SWEEP_ARENA_BYTES);
    char after[STORE_RESOURCE_KEY_MAX + 1] = "";
    size_t n = SWEEP_PAGE;
    err_t err = arena == NULL ? ERR_MEMORY : ERR_OK;

    while (err == ERR_OK && n == SWEEP_PAGE) {
        const struct store_resource_query query = {
            .below = "/identities", .subscription = "", .type = "", .after = after, .max = n};
        struct store_resource *rows = NULL;

        arena_reset(arena);
        err = store_resources(store, arena, &query, trail, &rows, &n);
        if (err == ERR_OK && n > 0) {
            snprintf(after, sizeof(after), "%s", rows[n - 1].key);
        }
        err = err ? err : sweep_page(store, rows, n, trail);
    }
    return err;
}
