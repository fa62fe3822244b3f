#include "kinds/uses.h"

#include "base/text.h"

#include <stdio.h>

enum {
    EACH_PAGE = 100,
    EACH_ARENA_BYTES = 256 * 1024 * 1024, /* of a page */
    USES_FIRST = 64,
    NAMED_MAX = 5, /* in the words of a refusal */
};

/* ---- one by one ---- */

static err_t visit_page(struct control_call *scan, const struct kind *kind, const char *below,
                        char after[STORE_RESOURCE_KEY_MAX + 1], each_visit *visit, void *context,
                        struct trail *trail, bool *ret_is_end)
{
    struct resource_page page = {0};
    err_t err;

    arena_reset(scan->arena);
    scan->doc = json_new(scan->arena);
    err = scan->doc == NULL ? ERR_MEMORY
                            : resources_page(scan, kind, below, after, EACH_PAGE, trail, &page);
    for (size_t i = 0; err == ERR_OK && i < page.n; i++) {
        err = visit(context, scan, &page.items[i]);
    }
    if (err == ERR_OK && page.last != after) {
        snprintf(after, STORE_RESOURCE_KEY_MAX + 1, "%s", page.last);
    }
    *ret_is_end = page.is_end;
    return err;
}

static const char *subscription_id(struct control_call *call, const char *id)
{
    struct resource_path path;

    return resource_id_read(call->arena, span_str(id), NULL, &path) != ERR_OK
               ? NULL
               : arena_printf(call->arena, "/subscriptions/%.*s", (int)path.subscription.len,
                              (const char *)path.subscription.data);
}

err_t each_in_subscription(struct control_call *call, const struct kind *kind, const char *id,
                           each_visit *visit, void *context, struct trail *trail)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(EACH_ARENA_BYTES);
    struct control_call scan = *call;
    char after[STORE_RESOURCE_KEY_MAX + 1] = "";
    const char *below = subscription_id(call, id);
    bool is_end = false;
    err_t err = arena == NULL || below == NULL ? ERR_MEMORY : ERR_OK;

    scan.arena = arena;
    while (err == ERR_OK && !is_end) {
        err = visit_page(&scan, kind, below, after, visit, context, trail, &is_end);
    }
    return err;
}

/* ---- uses ---- */

struct finding {
    struct control_call *call;
    unsigned kinds;
    const char *key; /* NULL: any */
    struct uses *uses;
};

static bool is_wanted(const struct finding *f, const char *key)
{
    size_t len = f->key == NULL ? 0 : strlen(f->key);

    return len == 0 || (strncmp(key, f->key, len) == 0 && (key[len] == '\0' || key[len] == '/'));
}

static err_t note(struct finding *f, enum use_kind kind, const char *id, const char *who)
{
    struct uses *uses = f->uses;
    const char *key;

    if (id == NULL || (f->kinds & kind) == 0) {
        return ERR_OK;
    }
    key = resource_key(f->call->arena, span_str(id));
    if (key != NULL && !is_wanted(f, key)) {
        return ERR_OK;
    }
    if (uses->n == uses->max) {
        size_t max = uses->max == 0 ? USES_FIRST : 2 * uses->max;
        struct use *items = arena_calloc(f->call->arena, max, sizeof(*items));

        if (items == NULL) {
            return ERR_MEMORY;
        }
        if (uses->n > 0) {
            memcpy(items, uses->items, uses->n * sizeof(*items));
        }
        uses->items = items;
        uses->max = max;
    }
    who = arena_printf(f->call->arena, "%s", who);
    if (key == NULL || who == NULL) {
        return ERR_MEMORY;
    }
    uses->items[uses->n++] = (struct use){kind, key, who};
    return ERR_OK;
}

static err_t visit_interface(void *context, struct control_call *scan,
                             const struct resource *interface)
{
    struct finding *f = context;
    yyjson_mut_val *properties = body_get(interface->body, "properties"), *item;
    yyjson_mut_arr_iter iter;
    err_t err = note(f, USE_GROUP_BY_INTERFACE, reference_id(properties, "networkSecurityGroup"),
                     interface->id);

    (void)yyjson_mut_arr_iter_init(body_get(properties, "ipConfigurations"), &iter);
    while (err == ERR_OK && (item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        yyjson_mut_val *inner = body_get(item, "properties");
        const char *name = body_text_at(item, "name");
        const char *who = arena_printf(scan->arena, "%s/ipConfigurations/%s", interface->id,
                                       name == NULL ? "" : name);

        err = who == NULL ? ERR_MEMORY : note(f, USE_SUBNET, reference_id(inner, "subnet"), who);
        err = err ? err : note(f, USE_ADDRESS, reference_id(inner, "publicIPAddress"), who);
    }
    return err;
}

static err_t visit_network(void *context, struct control_call *scan, const struct resource *network)
{
    struct finding *f = context;
    yyjson_mut_val *item;
    yyjson_mut_arr_iter iter;
    err_t err = ERR_OK;

    (void)yyjson_mut_arr_iter_init(body_at(network->body, "properties.subnets"), &iter);
    while (err == ERR_OK && (item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        const char *name = body_text_at(item, "name");
        const char *who =
            arena_printf(scan->arena, "%s/subnets/%s", network->id, name == NULL ? "" : name);

        err = who == NULL
                  ? ERR_MEMORY
                  : note(f, USE_GROUP_BY_SUBNET,
                         reference_id(body_get(item, "properties"), "networkSecurityGroup"), who);
    }
    return err;
}

err_t uses_find(struct control_call *call, const char *id, unsigned kinds, const char *key,
                struct trail *trail, struct uses *ret)
{
    const unsigned of_interfaces =
        (unsigned)USE_GROUP_BY_INTERFACE | (unsigned)USE_SUBNET | (unsigned)USE_ADDRESS;
    struct finding f = {call, kinds, key, ret};
    err_t err = ERR_OK;

    *ret = (struct uses){0};
    if ((kinds & of_interfaces) != 0) {
        err = each_in_subscription(call, &kind_network_interface, id, visit_interface, &f, trail);
    }
    if (err == ERR_OK && (kinds & USE_GROUP_BY_SUBNET) != 0) {
        err = each_in_subscription(call, &kind_virtual_network, id, visit_network, &f, trail);
    }
    return err;
}

/* ---- what is in use stays ---- */

static const char *names_of(struct control_call *call, const struct uses *uses)
{
    const char *names = "";

    for (size_t i = 0; names != NULL && i < uses->n && i < NAMED_MAX; i++) {
        names = arena_printf(call->arena, "%s%s%s", names, i == 0 ? "" : ", ", uses->items[i].who);
    }
    if (names != NULL && uses->n > NAMED_MAX) {
        names = arena_printf(call->arena, "%s and %zu more", names, uses->n - NAMED_MAX);
    }
    return names == NULL ? "" : names;
}

/* "" without any; NULL and refused when nobody can say. */
static const char *users_of(struct control_call *call, const char *id, unsigned kinds,
                            struct control_answer *ret)
{
    const char *key = resource_key(call->arena, span_str(id));
    struct trail trail = {0};
    struct uses uses = {0};
    err_t err = key == NULL ? ERR_MEMORY : uses_find(call, id, kinds, key, &trail, &uses);

    if (err) {
        control_fail(call, err, &trail, ret);
        return NULL;
    }
    return names_of(call, &uses);
}

bool subnet_is_free(struct control_call *call, const char *subnet_id, struct control_answer *ret)
{
    const char *users = users_of(call, subnet_id, USE_SUBNET, ret);

    if (users != NULL && users[0] != '\0') {
        const char *slash = strrchr(subnet_id, '/');

        control_refuse(call, ret, 400, "InUseSubnetCannotBeDeleted",
                       "Subnet %s is in use by %s and cannot be deleted. In order to delete the "
                       "subnet, delete all the resources within the subnet.",
                       slash == NULL ? subnet_id : slash + 1, users);
        ret->target = subnet_id;
    }
    return users != NULL && users[0] == '\0';
}

bool group_is_free(struct control_call *call, const struct resource *group,
                   struct control_answer *ret)
{
    const char *users = users_of(
        call, group->id, (unsigned)USE_GROUP_BY_INTERFACE | (unsigned)USE_GROUP_BY_SUBNET, ret);

    if (users != NULL && users[0] != '\0') {
        control_refuse(call, ret, 400, "InUseNetworkSecurityGroupCannotBeDeleted",
                       "Network security group %s cannot be deleted because it is in use by the "
                       "following resources: %s. In order to delete the network security group, "
                       "remove the association with the resource(s).",
                       group->id, users);
    }
    return users != NULL && users[0] == '\0';
}

bool address_is_free(struct control_call *call, const struct resource *address,
                     struct control_answer *ret)
{
    const char *users = users_of(call, address->id, USE_ADDRESS, ret);

    if (users != NULL && users[0] != '\0') {
        control_refuse(call, ret, 400, "PublicIPAddressCannotBeDeleted",
                       "Public IP address %s can not be deleted since it is still allocated to "
                       "resource %s. In order to delete the public IP, disassociate the public IP "
                       "address from the resource.",
                       address->id, users);
    }
    return users != NULL && users[0] == '\0';
}
