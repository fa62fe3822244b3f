#include "kinds/uses.h"

enum {
    USES_FIRST = 64,
    NAMED_MAX = 5, /* in the words of a refusal */
};

/* ---- what refers to what ---- */

static const struct {
    enum use_kind kind;
    const char *word;
} words[] = {
    {USE_GROUP_BY_INTERFACE, "group-of-interface"},
    {USE_GROUP_BY_SUBNET, "group-of-subnet"},
    {USE_SUBNET, "subnet"},
    {USE_ADDRESS, "public-address"},
};

static const char *word_of(enum use_kind kind)
{
    size_t i = 0;

    while (words[i].kind != kind) {
        i++;
    }
    return words[i].word;
}

err_t uses_mention_of_interface(struct mentions *mentions, const struct resource *interface)
{
    yyjson_mut_val *properties = body_get(interface->body, "properties"), *item;
    yyjson_mut_arr_iter iter;
    err_t err = mention_id(mentions, word_of(USE_GROUP_BY_INTERFACE),
                           reference_id(properties, "networkSecurityGroup"), interface->id);

    (void)yyjson_mut_arr_iter_init(body_get(properties, "ipConfigurations"), &iter);
    while (err == ERR_OK && (item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        yyjson_mut_val *inner = body_get(item, "properties");
        const char *name = body_text_at(item, "name");
        const char *who = arena_printf(mentions_arena(mentions), "%s/ipConfigurations/%s",
                                       interface->id, name == NULL ? "" : name);

        err = who == NULL
                  ? ERR_MEMORY
                  : mention_id(mentions, word_of(USE_SUBNET), reference_id(inner, "subnet"), who);
        err = err ? err
                  : mention_id(mentions, word_of(USE_ADDRESS),
                               reference_id(inner, "publicIPAddress"), who);
    }
    return err;
}

err_t uses_mention_of_network(struct mentions *mentions, const struct resource *network)
{
    yyjson_mut_val *item;
    yyjson_mut_arr_iter iter;
    err_t err = ERR_OK;

    (void)yyjson_mut_arr_iter_init(body_at(network->body, "properties.subnets"), &iter);
    while (err == ERR_OK && (item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        const char *name = body_text_at(item, "name");
        const char *who = arena_printf(mentions_arena(mentions), "%s/subnets/%s", network->id,
                                       name == NULL ? "" : name);

        err = who == NULL
                  ? ERR_MEMORY
                  : mention_id(mentions, word_of(USE_GROUP_BY_SUBNET),
                               reference_id(body_get(item, "properties"), "networkSecurityGroup"),
                               who);
    }
    return err;
}

struct finding {
    struct arena *arena;
    enum use_kind kind;
    size_t word_len; /* of what stands in front of the key, with the blank */
    struct uses *uses;
};

static err_t note(void *context, struct span word, struct span resource, struct span who)
{
    const struct finding *f = context;
    struct uses *uses = f->uses;
    struct use *use;

    (void)resource;
    if (uses->n == uses->max) {
        size_t max = uses->max == 0 ? USES_FIRST : 2 * uses->max;
        struct use *items = arena_calloc(f->arena, max, sizeof(*items));

        if (items == NULL) {
            return ERR_MEMORY;
        }
        if (uses->n > 0) {
            memcpy(items, uses->items, uses->n * sizeof(*items));
        }
        uses->items = items;
        uses->max = max;
    }
    use = &uses->items[uses->n++];
    use->kind = f->kind;
    use->key = (const char *)arena_dup(f->arena, span_cut(word, f->word_len, word.len)).data;
    use->who = (const char *)arena_dup(f->arena, who).data;
    return use->key == NULL || use->who == NULL ? ERR_MEMORY : ERR_OK;
}

static err_t find(struct control_call *call, const char *id, enum use_kind kind, const char *key,
                  struct trail *trail, struct uses *uses)
{
    const char *word = word_of(kind);
    const char *all = arena_printf(call->arena, "%s ", word);
    const char *it = key == NULL ? "" : arena_printf(call->arena, "%s %s", word, key);
    const char *below = key == NULL ? "" : arena_printf(call->arena, "%s %s/", word, key);
    struct finding f = {call->arena, kind, strlen(word) + 1, uses};
    err_t err;

    if (all == NULL || it == NULL || below == NULL) {
        return ERR_MEMORY;
    }
    if (key == NULL) {
        return resource_mentions(call, id, all, true, note, &f, trail);
    }
    err = resource_mentions(call, id, it, false, note, &f, trail);
    return err ? err : resource_mentions(call, id, below, true, note, &f, trail);
}

err_t uses_find(struct control_call *call, const char *id, unsigned kinds, const char *key,
                struct trail *trail, struct uses *ret)
{
    err_t err = ERR_OK;

    *ret = (struct uses){0};
    for (size_t i = 0; err == ERR_OK && i < ARRAY_LEN(words); i++) {
        if ((kinds & words[i].kind) != 0) {
            err = find(call, id, words[i].kind, key, trail, ret);
        }
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
