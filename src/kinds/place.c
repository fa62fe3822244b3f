/*
 * place.c - from resources to what the rules are about: addresses, groups, the virtual network.
 */
#include "kinds/network.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { MEMBERS_FIRST = 16, PREFIXES_MAX = 4096 };

/* ---- groups ---- */

err_t group_read(struct control_call *call, const struct resource *group,
                 struct network_fault *fault, struct trail *trail, const struct nsg **ret)
{
    yyjson_mut_val *properties = body_get(group->body, "properties");
    yyjson_val *root = NULL;
    struct span text =
        properties == NULL ? span_str("{}") : json_write(call->arena, call->doc, properties, false);
    err_t err =
        text.data == NULL ? ERR_MEMORY : json_read(call->arena, text, &nsg_json, trail, &root);

    return err ? err : nsg_read(call->arena, span_str(group->name), root, fault, trail, ret);
}

static err_t load_group(struct places *places, const char *id, struct trail *trail,
                        const struct nsg **ret)
{
    struct control_call *call = places->call;
    const char *key = resource_key(call->arena, span_str(id));
    struct resource group;
    err_t err = key == NULL ? ERR_MEMORY : ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < places->n_groups; i++) {
        if (strcmp(places->groups[i].key, key) == 0) {
            *ret = places->groups[i].nsg;
            return ERR_OK;
        }
    }
    err = err ? err : resource_load(call, id, NULL, &group);
    if (err == ERR_NOT_FOUND || (err == ERR_OK && group.kind != &kind_security_group)) {
        return trail_set(trail, ERR_NOT_FOUND, "the network security group %s is not there", id);
    }
    err = err ? err : group_read(call, &group, NULL, trail, ret);
    if (err) {
        return trail_in(trail, err, id);
    }
    if (places->n_groups == 2 * places->max) {
        return trail_set(trail, ERR_TOO_MANY, "more than %zu interfaces", places->max);
    }
    places->groups[places->n_groups++] = (struct place_group){key, *ret};
    return ERR_OK;
}

static bool names_groups(const struct nsg *nsg)
{
    for (size_t i = 0; nsg != NULL && i < nsg->n_rules; i++) {
        if (nsg->rules[i].source.kind == RULE_SIDE_GROUPS ||
            nsg->rules[i].destination.kind == RULE_SIDE_GROUPS) {
            return true;
        }
    }
    return false;
}

/* ---- application security groups ---- */

#define MEMBER "member"

struct membership {
    struct places *places;
    struct world_member *items;
    size_t n, max;
};

static err_t add_member(struct membership *m, struct span key, const struct address *address)
{
    struct arena *arena = m->places->call->arena;

    if (m->n > WORLD_MEMBERS_MAX) {
        return ERR_OK; /* too many already, which is said in the end */
    }
    if (m->n == m->max) {
        size_t max = m->max == 0 ? MEMBERS_FIRST : 2 * m->max;
        struct world_member *items = arena_calloc(arena, max, sizeof(*items));

        if (items == NULL) {
            return ERR_MEMORY;
        }
        if (m->n > 0) {
            memcpy(items, m->items, m->n * sizeof(*items));
        }
        m->items = items;
        m->max = max;
    }
    key = arena_dup(arena, key);
    m->items[m->n++] = (struct world_member){(const char *)key.data, *address};
    return key.data == NULL ? ERR_MEMORY : ERR_OK;
}

/* Addresses that are members: of which group is the word, which address the value. */
err_t place_mention(struct mentions *mentions, const struct resource *interface)
{
    yyjson_mut_val *item, *group;
    yyjson_mut_arr_iter iter, groups;
    err_t err = ERR_OK;

    (void)yyjson_mut_arr_iter_init(body_at(interface->body, "properties.ipConfigurations"), &iter);
    while ((item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        const char *text = body_text_at(item, "properties.privateIPAddress");

        (void)yyjson_mut_arr_iter_init(body_at(item, "properties.applicationSecurityGroups"),
                                       &groups);
        while (err == ERR_OK && text != NULL &&
               (group = yyjson_mut_arr_iter_next(&groups)) != NULL) {
            err = mention_id(mentions, MEMBER, body_text_at(group, "id"), text);
        }
    }
    return err;
}

static err_t visit_member(void *context, struct span word, struct span resource, struct span value)
{
    struct address address;

    (void)resource;
    return address_read(value, NULL, &address) != ERR_OK
               ? ERR_OK
               : add_member(context, span_cut(word, sizeof(MEMBER), word.len), &address);
}

err_t places_need_members(struct places *places, const char *id, struct trail *trail)
{
    struct membership m = {.places = places};
    err_t err;

    if (places->has_members) {
        return ERR_OK;
    }
    err = resource_mentions(places->call, id, MEMBER " ", true, visit_member, &m, trail);
    err = err ? err
              : world_groups_make(places->call->arena, m.items, m.n, trail, &places->members,
                                  &places->n_members);
    places->has_members = err == ERR_OK;
    return err;
}

/* ---- the virtual network ---- */

struct prefixes {
    struct address_range items[PREFIXES_MAX];
    size_t n;
};

/* What is no prefix was never one of this network's addresses. */
static void add_prefixes(struct prefixes *prefixes, yyjson_mut_val *array)
{
    yyjson_mut_val *item;
    yyjson_mut_arr_iter iter;

    (void)yyjson_mut_arr_iter_init(array, &iter);
    while ((item = yyjson_mut_arr_iter_next(&iter)) != NULL && prefixes->n < PREFIXES_MAX) {
        const char *text = body_text(item);

        if (text != NULL && address_range_read(span_str(text), false, NULL,
                                               &prefixes->items[prefixes->n]) == ERR_OK) {
            prefixes->n++;
        }
    }
}

/* A peer's prefixes are what the peering says, else what the peer has now. */
static void add_peers(struct control_call *call, struct prefixes *prefixes, yyjson_mut_val *body)
{
    yyjson_mut_val *item;
    yyjson_mut_arr_iter iter;

    (void)yyjson_mut_arr_iter_init(body_at(body, "properties.virtualNetworkPeerings"), &iter);
    while ((item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        yyjson_mut_val *properties = body_get(item, "properties");
        yyjson_mut_val *list = body_at(properties, "remoteAddressSpace.addressPrefixes");
        const char *id = reference_id(properties, "remoteVirtualNetwork");
        struct resource peer;

        if (list == NULL && id != NULL && resource_load(call, id, NULL, &peer) == ERR_OK &&
            peer.kind == &kind_virtual_network) {
            list = body_at(peer.body, "properties.addressSpace.addressPrefixes");
        }
        add_prefixes(prefixes, list);
    }
}

static err_t read_network(struct places *places, const char *key, struct trail *trail,
                          struct place_network *ret)
{
    struct prefixes *prefixes = arena_alloc(places->call->arena, sizeof(*prefixes));
    struct resource network;
    err_t err = prefixes == NULL ? ERR_MEMORY : resource_load(places->call, key, NULL, &network);

    if (err == ERR_NOT_FOUND || (err == ERR_OK && network.kind != &kind_virtual_network)) {
        return trail_set(trail, ERR_NOT_FOUND, "the virtual network %s is not there", key);
    }
    if (err) {
        return err;
    }
    prefixes->n = 0;
    add_prefixes(prefixes, body_at(network.body, "properties.addressSpace.addressPrefixes"));
    add_peers(places->call, prefixes, network.body);
    *ret = (struct place_network){.key = key, .body = network.body};
    return address_set_make(places->call->arena, prefixes->items, prefixes->n, &ret->set);
}

static err_t load_network(struct places *places, const char *id, struct trail *trail,
                          struct place_network **ret)
{
    const char *key = resource_key(places->call->arena, span_str(id));
    err_t err = key == NULL ? ERR_MEMORY : ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < places->n_networks; i++) {
        if (strcmp(places->networks[i].key, key) == 0) {
            *ret = &places->networks[i];
            return ERR_OK;
        }
    }
    if (places->n_networks == places->max) {
        return trail_set(trail, ERR_TOO_MANY, "more than %zu interfaces", places->max);
    }
    err = err ? err : read_network(places, key, trail, &places->networks[places->n_networks]);
    if (err == ERR_OK) {
        *ret = &places->networks[places->n_networks++];
    }
    return err;
}

yyjson_mut_val *find_subnet(yyjson_mut_val *network_body, const char *name)
{
    yyjson_mut_val *item;
    yyjson_mut_arr_iter iter;

    (void)yyjson_mut_arr_iter_init(body_at(network_body, "properties.subnets"), &iter);
    while ((item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        const char *other = body_text_at(item, "name");

        if (other != NULL && text_equal_nocase(other, name)) {
            return item;
        }
    }
    return NULL;
}

/* ---- places ---- */

err_t places_begin(struct control_call *call, const struct service_tags *tags, size_t max,
                   struct places *ret)
{
    *ret = (struct places){
        .call = call,
        .tags = tags,
        .max = max,
        .groups = arena_calloc(call->arena, 2 * max, sizeof(*ret->groups)),
        .networks = arena_calloc(call->arena, max, sizeof(*ret->networks)),
    };
    return ret->groups == NULL || ret->networks == NULL ? ERR_MEMORY : ERR_OK;
}

static void read_addresses(yyjson_mut_val *list, struct place *place)
{
    yyjson_mut_val *item;
    yyjson_mut_arr_iter iter;

    (void)yyjson_mut_arr_iter_init(list, &iter);
    while ((item = yyjson_mut_arr_iter_next(&iter)) != NULL &&
           place->n_addresses < PLACE_ADDRESSES_MAX) {
        const char *text = body_text_at(item, "properties.privateIPAddress");
        struct address *next = &place->addresses[place->n_addresses];

        if (text != NULL && address_read(span_str(text), NULL, next) == ERR_OK) {
            place->n_addresses++;
        }
    }
}

static err_t load_subnet(struct places *places, struct place *place, struct trail *trail,
                         struct place_network **ret_network)
{
    const char *slash = strrchr(place->subnet, '/');
    yyjson_mut_val *subnet;
    err_t err;

    place->network = resource_parent_id(places->call->arena, place->subnet);
    err = place->network == NULL ? ERR_MEMORY
                                 : load_network(places, place->network, trail, ret_network);
    if (err) {
        return err;
    }
    subnet = slash == NULL ? NULL : find_subnet((*ret_network)->body, slash + 1);
    if (subnet == NULL) {
        return trail_set(trail, ERR_NOT_FOUND, "the subnet %s is not there", place->subnet);
    }
    place->subnet_group = reference_id(body_get(subnet, "properties"), "networkSecurityGroup");
    return place->subnet_group == NULL
               ? ERR_OK
               : load_group(places, place->subnet_group, trail, &place->of_subnet);
}

static err_t need_world(struct places *places, struct place_network *network,
                        const struct network_world **ret)
{
    const struct address_set none = {0};
    err_t err = ERR_OK;

    if (network->world == NULL) {
        err = world_new(places->call->arena, &network->set, &none, places->tags, places->members,
                        places->n_members, &network->world);
    }
    *ret = network->world;
    return err;
}

err_t place_load(struct places *places, const struct resource *interface, struct trail *trail,
                 struct place *ret)
{
    yyjson_mut_val *properties = body_get(interface->body, "properties");
    yyjson_mut_val *list = body_get(properties, "ipConfigurations");
    yyjson_mut_val *first = body_get(yyjson_mut_arr_get_first(list), "properties");
    struct place_network *network = NULL;
    err_t err = ERR_OK;

    *ret = (struct place){.interface = interface->id,
                          .subnet = reference_id(first, "subnet"),
                          .nic_group = reference_id(properties, "networkSecurityGroup")};
    read_addresses(list, ret);
    if (ret->subnet == NULL) {
        return trail_set(trail, ERR_NOT_FOUND, "the network interface %s is in no subnet",
                         interface->id);
    }
    if (ret->nic_group != NULL) {
        err = load_group(places, ret->nic_group, trail, &ret->nic);
    }
    err = err ? err : load_subnet(places, ret, trail, &network);
    if (err == ERR_OK && (names_groups(ret->nic) || names_groups(ret->of_subnet))) {
        err = places_need_members(places, interface->id, trail);
    }
    return err ? err : need_world(places, network, &ret->world);
}

const struct address *place_address(const struct place *place, enum address_family family)
{
    for (size_t i = 0; i < place->n_addresses; i++) {
        if (place->addresses[i].family == family) {
            return &place->addresses[i];
        }
    }
    return NULL;
}

const char *place_group_id(const struct place *place, enum flow_stage stage)
{
    return stage == FLOW_NIC ? place->nic_group : stage == FLOW_SUBNET ? place->subnet_group : NULL;
}

/* ---- of a virtual machine ---- */

err_t vm_interfaces(struct control_call *call, const struct resource *vm, struct trail *trail,
                    struct resource **ret, size_t *ret_n)
{
    yyjson_mut_val *list = body_at(vm->body, "properties.networkProfile.networkInterfaces"), *item;
    struct resource *interfaces =
        arena_calloc(call->arena, yyjson_mut_arr_size(list) + 1, sizeof(*interfaces));
    yyjson_mut_arr_iter iter;
    size_t n = 0;

    if (interfaces == NULL) {
        return ERR_MEMORY;
    }
    (void)yyjson_mut_arr_iter_init(list, &iter);
    while ((item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        const char *id = body_text_at(item, "id");
        struct resource next;
        err_t err = id == NULL ? ERR_NOT_FOUND : resource_load(call, id, trail, &next);

        if (err != ERR_OK && err != ERR_NOT_FOUND) {
            return err;
        }
        if (err == ERR_NOT_FOUND || next.kind != &kind_network_interface) {
            continue;
        }
        interfaces[n] = next;
        if (body_is_true(body_at(item, "properties.primary"))) {
            interfaces[n] = interfaces[0];
            interfaces[0] = next;
        }
        n++;
    }
    *ret = interfaces;
    *ret_n = n;
    return ERR_OK;
}

bool vm_need_interfaces(struct control_call *call, const struct resource *vm,
                        struct resource **ret_list, size_t *ret_n, struct control_answer *ret)
{
    struct trail trail = {0};
    err_t err = vm_interfaces(call, vm, &trail, ret_list, ret_n);

    if (err) {
        control_fail(call, err, &trail, ret);
    } else if (*ret_n == 0) {
        control_refuse(call, ret, 400, "NetworkInterfaceNotFound",
                       "The virtual machine %s has no network interface, so there are no rules to "
                       "evaluate.",
                       vm->id);
    }
    return err == ERR_OK && *ret_n > 0;
}

void place_fail(struct control_call *call, const char *interface_id, err_t err,
                const struct trail *trail, struct control_answer *ret)
{
    if (err == ERR_NOT_FOUND) {
        control_refuse(
            call, ret, 409, "NetworkRulesNotEvaluable",
            "The rules of %s cannot be evaluated: %s. What rules refer to must be there: "
            "put it back, or change what refers to it, and ask again.",
            interface_id, trail->what);
    } else {
        control_fail(call, err, trail, ret);
    }
}
