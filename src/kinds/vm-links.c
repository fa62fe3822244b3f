/*
 * vm-links.c - what a virtual machine refers to: interfaces, disks, identities. Whoever may write a
 * virtual machine may not take for it what is somebody else's.
 */
#include "kinds/vm.h"

#include "base/text.h"

/* More than any size of Azure's has; each one is asked about. */
enum { INTERFACES_MAX = 32, DISKS_MAX = 65, IDENTITIES_MAX = 100 };

static bool are_not_too_many(struct control_call *call, const char *what, size_t n, size_t max,
                             struct control_answer *ret)
{
    if (n > max) {
        control_refuse(call, ret, 400, "TooManyItems",
                       "%s of a virtual machine has %zu items; %zu are allowed.", what, n, max);
    }
    return n <= max;
}

/* ---- interfaces ---- */

static const char *user_of(const struct resource *interface)
{
    return body_text_at(body_get(interface->body, RESOURCE_PRIVATE), "virtualMachine");
}

/* Its own already: the interface says so itself, for it may have been made anew since. */
static bool has_interface(struct control_call *call, const struct resource *before, const char *id)
{
    struct resource interface;
    const char *user;

    if (before == NULL || resource_load(call, id, NULL, &interface) != ERR_OK) {
        return false;
    }
    user = user_of(&interface);
    return user != NULL && text_equal_nocase(user, before->id);
}

static bool need_interface(struct control_call *call, const struct resource *before,
                           const struct resource *wanted, const char *id,
                           struct control_answer *ret)
{
    const char *link = has_interface(call, before, id) ? NULL : LINK_INTERFACE, *user;
    struct resource interface, other;

    if (!need_reference(call, id, &kind_network_interface, link, wanted, &interface, ret)) {
        return false;
    }
    user = user_of(&interface);
    if (user != NULL && !text_equal_nocase(user, wanted->id) &&
        resource_load(call, user, NULL, &other) == ERR_OK) {
        control_refuse(call, ret, 400, "NetworkInterfaceInUse",
                       "Network interface %s is used by existing resource %s.", id, user);
        return false;
    }
    return true;
}

static bool need_interfaces(struct control_call *call, const struct resource *before,
                            const struct resource *wanted, struct control_answer *ret)
{
    yyjson_mut_val *list = body_at(wanted->body, "properties.networkProfile.networkInterfaces"),
                   *item;
    yyjson_mut_arr_iter iter;

    if (!are_not_too_many(call, "networkProfile.networkInterfaces", yyjson_mut_arr_size(list),
                          INTERFACES_MAX, ret)) {
        return false;
    }
    (void)yyjson_mut_arr_iter_init(list, &iter);
    while ((item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        const char *id = body_text_at(item, "id");

        if (id == NULL) {
            control_refuse(call, ret, 400, "InvalidParameter",
                           "networkProfile.networkInterfaces: an item has no id.");
            return false;
        }
        if (!need_interface(call, before, wanted, id, ret)) {
            return false;
        }
    }
    return true;
}

/* ---- disks ---- */

struct disks {
    const char *ids[DISKS_MAX];
    size_t n;
};

static void add_disk(struct disks *disks, yyjson_mut_val *disk)
{
    const char *id = body_text_at(disk, "managedDisk.id");

    if (id != NULL && disks->n < DISKS_MAX) {
        disks->ids[disks->n++] = id;
    }
}

static struct disks disks_of(const struct resource *vm)
{
    yyjson_mut_val *storage = vm == NULL ? NULL : body_at(vm->body, "properties.storageProfile");
    yyjson_mut_val *item;
    yyjson_mut_arr_iter iter;
    struct disks disks = {.n = 0};

    add_disk(&disks, body_get(storage, "osDisk"));
    (void)yyjson_mut_arr_iter_init(body_get(storage, "dataDisks"), &iter);
    while ((item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        add_disk(&disks, item);
    }
    return disks;
}

static bool has_disk(const struct disks *disks, const char *id)
{
    for (size_t i = 0; i < disks->n; i++) {
        if (text_equal_nocase(disks->ids[i], id)) {
            return true;
        }
    }
    return false;
}

/* They need not be there: those that come with the machine are no resources here. */
static bool need_disks(struct control_call *call, const struct resource *before,
                       const struct resource *wanted, struct control_answer *ret)
{
    const struct disks old = disks_of(before), disks = disks_of(wanted);
    yyjson_mut_val *list = body_at(wanted->body, "properties.storageProfile.dataDisks");

    if (!are_not_too_many(call, "storageProfile.dataDisks", yyjson_mut_arr_size(list),
                          DISKS_MAX - 1, ret)) {
        return false;
    }
    for (size_t i = 0; i < disks.n; i++) {
        const char *link = has_disk(&old, disks.ids[i]) ? NULL : LINK_DISK;

        if (!need_link(call, disks.ids[i], &kind_disk, link, wanted, ret)) {
            return false;
        }
    }
    return true;
}

/* ---- identities ---- */

static bool need_identities(struct control_call *call, const struct resource *before,
                            const struct resource *wanted, struct control_answer *ret)
{
    static const char member[] = "identity.userAssignedIdentities";
    yyjson_mut_val *list = body_at(wanted->body, member), *key;
    yyjson_mut_val *old = before == NULL ? NULL : body_at(before->body, member);
    yyjson_mut_obj_iter iter;

    if (!are_not_too_many(call, member, yyjson_mut_obj_size(list), IDENTITIES_MAX, ret)) {
        return false;
    }
    (void)yyjson_mut_obj_iter_init(list, &iter);
    while ((key = yyjson_mut_obj_iter_next(&iter)) != NULL) {
        const char *id = yyjson_mut_get_str(key);
        const char *link = body_get(old, id) != NULL ? NULL : LINK_IDENTITY;

        if (!need_link(call, id, &kind_user_identity, link, wanted, ret)) {
            return false;
        }
    }
    return true;
}

bool vm_need_links(struct control_call *call, const struct resource *before,
                   const struct resource *wanted, struct control_answer *ret)
{
    return need_interfaces(call, before, wanted, ret) && need_disks(call, before, wanted, ret) &&
           need_identities(call, before, wanted, ret);
}
