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

static const char *const members[] = {IDENTITY_PRINCIPAL, IDENTITY_CLIENT, IDENTITY_ADDRESS,
                                      IDENTITY_SECRET};

static const char *private_text(const struct resource *vm, const char *name)
{
    return vm == NULL ? NULL : body_text_at(body_get(vm->body, RESOURCE_PRIVATE), name);
}

static const char *principal_of(const struct resource *vm)
{
    return private_text(vm, IDENTITY_PRINCIPAL);
}

/* What its address begins with; NULL = it never had one, and no principal either. */
static const char *address_of(const struct resource *vm)
{
    const char *own = private_text(vm, IDENTITY_ADDRESS);

    return own != NULL ? own : principal_of(vm);
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

/* One that is switched on again is another one: no role of the old one comes back. Its address ends
 * with it, also where user-assigned ones are left. */
static void end_own(struct control_call *call, struct resource *wanted, bool has_users)
{
    if (has_users && principal_of(wanted) == NULL) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        body_drop(resource_private(call, wanted), members[i]);
    }
}

bool vm_identity_prepare(struct control_call *call, struct resource *wanted,
                         struct control_answer *ret)
{
    yyjson_mut_val *identity = body_get(wanted->body, "identity");
    const char *text = body_text_at(identity, "type");
    const char *type = text == NULL ? NULL : read_type(span_str(text));
    bool has_users;

    if (identity == NULL) {
        return true;
    }
    if (type == NULL) {
        control_refuse(
            call, ret, 400, "InvalidIdentityType",
            "identity.type is SystemAssigned, UserAssigned, both with a comma, or None.");
        return false;
    }
    has_users = strstr(type, "User") != NULL;
    body_drop(identity, "principalId");
    body_drop(identity, "tenantId");
    body_set_text(call->doc, identity, "type", type);
    if (!has_users) {
        body_drop(identity, "userAssignedIdentities");
    }
    if (strcmp(type, "None") == 0) {
        body_drop(wanted->body, "identity");
    }
    if (!vm_users_prepare(call, wanted)) {
        return false;
    }
    if (strstr(type, "System") != NULL) {
        return own_guid(call, wanted, IDENTITY_PRINCIPAL) != NULL &&
               own_guid(call, wanted, IDENTITY_CLIENT) != NULL;
    }
    end_own(call, wanted, has_users);
    return true;
}

void vm_identity_show(struct control_call *call, const struct resource *vm, yyjson_mut_val *object)
{
    if (principal_of(vm) != NULL) {
        yyjson_mut_val *identity = body_get(object, "identity");

        body_set_text(call->doc, identity, "principalId", principal_of(vm));
        body_set_text(call->doc, identity, "tenantId", control_tenant(call->control));
    }
    vm_users_show(call, vm, object);
}

/* ---- the rows ---- */

bool vm_identity_enter(struct control_call *call, const struct resource *vm,
                       struct control_answer *ret)
{
    return (principal_of(vm) == NULL || identity_row_add(call, vm, principal_of(vm), ret)) &&
           vm_users_enter(call, vm, ret);
}

/* One of its rows. */
static void forget(struct control_call *call, const char *old, const struct resource *after)
{
    const char *principal = principal_of(after), *address = address_of(after);

    if (old != NULL && (principal == NULL || strcmp(old, principal) != 0) &&
        (address == NULL || strcmp(old, address) != 0)) {
        identity_row_remove(call, old);
    }
}

void vm_identity_forget(struct control_call *call, const struct resource *before,
                        const struct resource *after)
{
    forget(call, principal_of(before), after);
    forget(call, private_text(before, IDENTITY_ADDRESS), after);
}

/* ---- where its guest gets tokens ---- */

/* A GUID and random bytes, in hexadecimal: the first finds the virtual machine, the others are
 * secret. */
static err_t make_secret(struct control_call *call, const char *guid, const char **ret,
                         char ret_digest[2 * SHA256_BYTES + 1])
{
    uint8_t bytes[SECRET_BYTES], digest[SHA256_BYTES];
    const char *text = NULL;
    err_t err = random_bytes(bytes, sizeof(bytes));

    if (err == ERR_OK) {
        text =
            arena_printf(call->arena, "%.8s%.4s%.4s%.4s%.12s%s", guid, guid + 9, guid + 14,
                         guid + 19, guid + 24, hex_dup(call->arena, span_of(bytes, sizeof(bytes))));
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
    const char *path = arena_printf(call->arena, "/metadata/%s/identity/oauth2/token", secret);

    json_add_text(call->doc, object, "path", path);
    json_add_text(call->doc, object, "address",
                  arena_printf(call->arena, "%s%s", control_endpoint(call->control), path));
    if (principal_of(vm) != NULL) {
        json_add_text(call->doc, object, "principalId", principal_of(vm));
        json_add_text(call->doc, object, "clientId", private_text(vm, IDENTITY_CLIENT));
    }
    control_answer_value(call, 200, object, ret);
}

/* One try. False when it is answered; is_raced: somebody was faster. */
static bool give_address(struct control_call *call, struct resource *vm, const char *fresh,
                         const char **ret_secret, struct control_answer *ret, bool *ret_is_raced)
{
    char digest[2 * SHA256_BYTES + 1];
    struct trail trail = {0};
    err_t err = resource_load(call, vm->id, &trail, vm);

    *ret_is_raced = false;
    if (err == ERR_OK && principal_of(vm) == NULL && !vm_has_users(vm)) {
        control_refuse(call, ret, 409, "OperationNotAllowed",
                       "The virtual machine has no identity: set identity.type to SystemAssigned "
                       "(az vm identity assign), or name a user-assigned identity that is there.");
        return false;
    }
    if (err == ERR_OK && address_of(vm) == NULL) {
        body_set_text(call->doc, resource_private(call, vm), IDENTITY_ADDRESS, fresh);
    }
    err = err ? err : make_secret(call, address_of(vm), ret_secret, digest);
    if (err) {
        control_fail(call, err, &trail, ret);
        return false;
    }
    if (!identity_row_add(call, vm, address_of(vm), ret)) {
        return false;
    }
    body_set_text(call->doc, resource_private(call, vm), IDENTITY_SECRET,
                  arena_printf(call->arena, "%s", digest));
    return resource_keep(call, vm, "", ret, ret_is_raced);
}

void vm_identity_address(struct control_call *call, struct resource *vm, struct control_answer *ret)
{
    const char *secret = NULL;
    char fresh[GUID_SIZE];
    bool is_given = false, is_raced = true;
    err_t err = guid_new(fresh);

    if (err) {
        control_fail(call, err, NULL, ret);
        return;
    }
    for (int i = 0; is_raced && i < 8; i++) {
        *ret = (struct control_answer){0};
        is_given = give_address(call, vm, fresh, &secret, ret, &is_raced);
    }
    if (is_given) {
        tell_address(call, vm, secret, ret);
    }
}

/* ---- who asks about principals ---- */

static void fill(const struct identity_facts *facts, struct vm_identity *ret)
{
    static const char above[] = "/subscriptions/";
    const char *key = facts->resource == NULL ? "" : facts->resource;
    const char *subscription = strncmp(key, above, strlen(above)) == 0 ? key + strlen(above) : "";

    *ret = (struct vm_identity){0};
    snprintf(ret->principal_id, sizeof(ret->principal_id), "%s", facts->principal);
    snprintf(ret->client_id, sizeof(ret->client_id), "%s", facts->client);
    snprintf(ret->name, sizeof(ret->name), "%s", facts->name);
    snprintf(ret->home, sizeof(ret->home), "%.*s", (int)strcspn(subscription, "/"), subscription);
}

static bool is_address(const struct identity_facts *facts, struct span address_id)
{
    return facts->address != NULL && text_span_equal_nocase(address_id, facts->address);
}

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
    fill(&facts, ret);
    return ERR_OK;
}

err_t vm_address_find(struct store *store, struct arena *arena, struct span address_id,
                      char ret_digest[2 * SHA256_BYTES + 1])
{
    struct identity_facts facts = {0};
    err_t err = identity_row_find(store, arena, address_id, &facts);

    if (err) {
        return err;
    }
    if (!is_address(&facts, address_id)) {
        return ERR_NOT_FOUND;
    }
    snprintf(ret_digest, 2 * SHA256_BYTES + 1, "%s", facts.secret_digest);
    return ERR_OK;
}

/* Those of a virtual machine's private part that are still there. */
static err_t add_users(struct store *store, struct arena *arena, yyjson_val *users,
                       struct vm_held *list, size_t *n)
{
    yyjson_obj_iter iter;
    yyjson_val *name;

    (void)yyjson_obj_iter_init(users, &iter);
    while ((name = yyjson_obj_iter_next(&iter)) != NULL) {
        const char *principal =
            json_text(json_get(yyjson_obj_iter_get_val(name), IDENTITY_PRINCIPAL));
        struct vm_held *one = &list[*n];
        err_t err = principal == NULL
                        ? ERR_NOT_FOUND
                        : vm_identity_find(store, arena, span_str(principal), &one->identity);

        one->resource = arena_printf(arena, "%s", yyjson_get_str(name));
        if (one->resource == NULL || (err && err != ERR_NOT_FOUND)) {
            return err ? err : ERR_MEMORY;
        }
        *n += err ? 0 : 1;
    }
    return ERR_OK;
}

err_t vm_address_held(struct store *store, struct arena *arena, struct span address_id,
                      struct vm_held **ret, size_t *ret_n)
{
    CLEANUP(arena_free) struct arena *full = arena_new(IDENTITY_RESOURCE_BYTES);
    struct identity_facts facts = {0};
    struct store_resource row = {0};
    struct vm_held *list;
    yyjson_val *own = NULL, *users;
    size_t n = 0;
    err_t err = full == NULL ? ERR_MEMORY : identity_row_find(store, arena, address_id, &facts);

    err = err ? err : identity_resource_read(store, full, facts.resource, &row, &own);
    if (err) {
        return err;
    }
    facts.name = strrchr(row.id, '/') + 1;
    identity_facts_read(own, &facts);
    users = json_get(own, VM_USERS);
    list = arena_calloc(arena, 1 + yyjson_obj_size(users), sizeof(*list));
    if (list == NULL || !is_address(&facts, address_id)) {
        return list == NULL ? ERR_MEMORY : ERR_NOT_FOUND;
    }
    if (facts.principal != NULL && facts.client != NULL) {
        fill(&facts, &list[n].identity);
        list[n++].resource = "";
    }
    err = add_users(store, arena, users, list, &n);
    if (err) {
        return err;
    }
    *ret = list;
    *ret_n = n;
    return ERR_OK;
}

/* ---- sweeping ---- */

static err_t sweep_page(struct store *store, const struct store_resource *rows, size_t n,
                        struct trail *trail)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(SWEEP_ARENA_BYTES);
    err_t err = arena == NULL ? ERR_MEMORY : ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < n; i++) {
        struct span guid = span_str(strrchr(rows[i].key, '/') + 1);
        char digest[2 * SHA256_BYTES + 1];
        struct vm_identity found;
        enum store_resource_bar bar;
        bool was_there;

        arena_reset(arena);
        err = vm_identity_find(store, arena, guid, &found);
        err = err == ERR_NOT_FOUND ? vm_address_find(store, arena, guid, digest) : err;
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
