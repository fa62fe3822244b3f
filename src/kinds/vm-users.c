/*
 * vm-users.c - user-assigned identities that a virtual machine names. Who may send them: its owner.
 *
 * Whoever names one needs the right to (vm-links.c). Which principal it was then is kept in the
 * virtual machine's private part: one that is made anew under the same id is another, and counts
 * when somebody who may name it changes the virtual machine.
 */
#include "kinds/identity-rows.h"
#include "kinds/vm.h"

#define LIST "identity.userAssignedIdentities"

/* The identity as it is now; false when there is none. */
static bool find(struct control_call *call, const char *id, struct resource *ret)
{
    return resource_load(call, id, NULL, ret) == ERR_OK && ret->kind == &kind_user_identity &&
           body_text_at(body_get(ret->body, RESOURCE_PRIVATE), IDENTITY_PRINCIPAL) != NULL;
}

static bool is_same(yyjson_mut_val *a, yyjson_mut_val *b)
{
    const char *x = body_text_at(a, IDENTITY_PRINCIPAL), *y = body_text_at(b, IDENTITY_PRINCIPAL);

    return x != NULL && y != NULL && strcmp(x, y) == 0;
}

/* {"principalId", "clientId"} of who is meant, or NULL. */
static yyjson_mut_val *entry_of(struct control_call *call, const char *id, yyjson_mut_val *before)
{
    struct resource identity;
    yyjson_mut_val *own, *entry;

    if (!find(call, id, &identity)) {
        return before;
    }
    own = body_get(identity.body, RESOURCE_PRIVATE);
    if (!is_same(own, before) && !control_caller_may(call, LINK_IDENTITY, identity.id)) {
        return before;
    }
    entry = yyjson_mut_obj(call->doc);
    body_set_text(call->doc, entry, IDENTITY_PRINCIPAL, body_text_at(own, IDENTITY_PRINCIPAL));
    body_set_text(call->doc, entry, IDENTITY_CLIENT, body_text_at(own, IDENTITY_CLIENT));
    return entry;
}

bool vm_users_prepare(struct control_call *call, struct resource *wanted)
{
    yyjson_mut_val *private = resource_private(call, wanted), *list = body_at(wanted->body, LIST);
    yyjson_mut_val *before = body_get(private, VM_USERS), *entries = yyjson_mut_obj(call->doc);
    yyjson_mut_val *shown = yyjson_mut_obj(call->doc), *name;
    yyjson_mut_obj_iter iter;

    (void)yyjson_mut_obj_iter_init(list, &iter);
    while ((name = yyjson_mut_obj_iter_next(&iter)) != NULL) {
        const char *id = yyjson_mut_get_str(name), *key = resource_key(call->arena, span_str(id));
        yyjson_mut_val *entry;

        if (yyjson_mut_is_null(yyjson_mut_obj_iter_get_val(name))) {
            continue; /* as Azure has it: it is taken away */
        }
        if (key == NULL) {
            return false;
        }
        entry = entry_of(call, id, body_get(before, key));
        body_set(call->doc, shown, id, yyjson_mut_obj(call->doc));
        if (entry != NULL) {
            body_set(call->doc, entries, key, yyjson_mut_val_mut_copy(call->doc, entry));
        }
    }
    body_drop(private, VM_USERS);
    if (yyjson_mut_obj_size(entries) > 0) {
        body_set(call->doc, private, VM_USERS, entries);
    }
    if (list != NULL) {
        body_set(call->doc, body_get(wanted->body, "identity"), "userAssignedIdentities", shown);
    }
    return true;
}

bool vm_has_users(const struct resource *vm)
{
    return body_get(body_get(vm->body, RESOURCE_PRIVATE), VM_USERS) != NULL;
}

bool vm_users_enter(struct control_call *call, const struct resource *vm,
                    struct control_answer *ret)
{
    yyjson_mut_val *entries = body_get(body_get(vm->body, RESOURCE_PRIVATE), VM_USERS), *name;
    yyjson_mut_obj_iter iter;

    (void)yyjson_mut_obj_iter_init(entries, &iter);
    while ((name = yyjson_mut_obj_iter_next(&iter)) != NULL) {
        yyjson_mut_val *entry = yyjson_mut_obj_iter_get_val(name), *own;
        struct resource identity;

        if (!find(call, yyjson_mut_get_str(name), &identity)) {
            continue;
        }
        own = body_get(identity.body, RESOURCE_PRIVATE);
        if (is_same(own, entry) &&
            !identity_row_add(call, &identity, body_text_at(own, IDENTITY_PRINCIPAL), ret)) {
            return false;
        }
    }
    return true;
}

void vm_users_show(struct control_call *call, const struct resource *vm, yyjson_mut_val *object)
{
    yyjson_mut_val *entries = body_get(body_get(vm->body, RESOURCE_PRIVATE), VM_USERS), *name;
    yyjson_mut_obj_iter iter;

    (void)yyjson_mut_obj_iter_init(body_at(object, LIST), &iter);
    while ((name = yyjson_mut_obj_iter_next(&iter)) != NULL) {
        const char *key = resource_key(call->arena, span_str(yyjson_mut_get_str(name)));
        yyjson_mut_val *entry = key == NULL ? NULL : body_get(entries, key);
        yyjson_mut_val *shown = yyjson_mut_obj_iter_get_val(name);

        if (entry != NULL) {
            body_set_text(call->doc, shown, "principalId", body_text_at(entry, IDENTITY_PRINCIPAL));
            body_set_text(call->doc, shown, "clientId", body_text_at(entry, IDENTITY_CLIENT));
        }
    }
}
