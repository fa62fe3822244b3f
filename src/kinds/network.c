/*
 * network.c - virtual networks with their subnets, and interfaces: what says which address a
 * virtual machine has, and which rules its packets meet. They are kept and shown; packets are
 * somebody else's business.
 */
#include "kinds/network.h"
#include "kinds/uses.h"

#include "base/text.h"
#include "network/nft.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

enum { PREFIX_MAX = 29, FIRST_HOST = 4, TAKEN_MAX = 100000 };

/* ---- virtual networks ---- */

/* Subnets that were there and are not any more must be empty. */
static bool subnets_may_go(struct control_call *call, const struct resource *before,
                           const struct resource *wanted, struct control_answer *ret)
{
    yyjson_mut_val *item;
    yyjson_mut_arr_iter iter;

    (void)yyjson_mut_arr_iter_init(body_at(before->body, "properties.subnets"), &iter);
    while ((item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        const char *name = body_text_at(item, "name");

        if (name != NULL && (wanted == NULL || find_subnet(wanted->body, name) == NULL) &&
            !subnet_is_free(call, arena_printf(call->arena, "%s/subnets/%s", before->id, name),
                            ret)) {
            return false;
        }
    }
    return true;
}

static const char *subnet_group(yyjson_mut_val *subnet)
{
    return reference_id(body_get(subnet, "properties"), "networkSecurityGroup");
}

/* A subnet that keeps its group asks nobody again: who changes one subnet sends all of them. */
static bool need_subnet_groups(struct control_call *call, const struct resource *before,
                               const struct resource *wanted, struct control_answer *ret)
{
    yyjson_mut_val *item;
    yyjson_mut_arr_iter iter;

    (void)yyjson_mut_arr_iter_init(body_at(wanted->body, "properties.subnets"), &iter);
    while ((item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        const char *group = subnet_group(item);
        const char *old = before == NULL || group == NULL
                              ? NULL
                              : subnet_group(find_subnet(before->body, body_text_at(item, "name")));
        bool is_kept = old != NULL && text_equal_nocase(old, group);

        if (group != NULL && !need_reference(call, group, &kind_security_group,
                                             is_kept ? NULL : LINK_GROUP, wanted, NULL, ret)) {
            return false;
        }
    }
    return true;
}

/* Peers' prefixes become part of what VirtualNetwork means here, and effective rules show them. */
static bool need_peers(struct control_call *call, const struct resource *before,
                       const struct resource *wanted, struct control_answer *ret)
{
    enum { PEERS_MAX = 500 }; /* as in Azure */
    static const char member[] = "properties.virtualNetworkPeerings";
    yyjson_mut_val *list = body_at(wanted->body, member), *item;
    yyjson_mut_val *old = before == NULL ? NULL : body_at(before->body, member);
    yyjson_mut_arr_iter iter;

    if (body_equal(old, list)) {
        return true;
    }
    if (yyjson_mut_arr_size(list) > PEERS_MAX) {
        control_refuse(call, ret, 400, "TooManyItems",
                       "virtualNetworkPeerings has %zu items; %d are allowed.",
                       yyjson_mut_arr_size(list), PEERS_MAX);
        return false;
    }
    (void)yyjson_mut_arr_iter_init(list, &iter);
    while ((item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        const char *id = reference_id(body_get(item, "properties"), "remoteVirtualNetwork");

        if (id != NULL && !need_link(call, id, &kind_virtual_network, LINK_PEER, wanted, ret)) {
            return false;
        }
    }
    return true;
}

static bool prepare_network(struct control_call *call, const struct resource *before,
                            struct resource *wanted, struct control_answer *ret)
{
    yyjson_mut_val *properties = resource_properties(call, wanted);
    yyjson_mut_val *prefixes = body_at(properties, "addressSpace.addressPrefixes");
    yyjson_mut_val *known = before == NULL ? NULL : body_at(before->body, "properties.subnets");

    if (known != NULL && body_get(properties, "subnets") == NULL) {
        /* Not named is not taken away: templates make subnets as resources of their own. */
        body_set(call->doc, properties, "subnets", yyjson_mut_val_mut_copy(call->doc, known));
    }
    if (yyjson_mut_arr_size(prefixes) == 0) {
        control_refuse(call, ret, 400, "InvalidRequestFormat",
                       "A virtual network has at least one prefix in "
                       "properties.addressSpace.addressPrefixes, such as 10.0.0.0/16.");
        return false;
    }
    return members_prepare(call, wanted, "subnets", ret) &&
           need_subnet_groups(call, before, wanted, ret) && need_peers(call, before, wanted, ret) &&
           (before == NULL || subnets_may_go(call, before, wanted, ret));
}

static bool network_may_go(struct control_call *call, const struct resource *network,
                           struct control_answer *ret)
{
    return subnets_may_go(call, network, NULL, ret);
}

static void show_network(struct control_call *call, const struct resource *resource,
                         yyjson_mut_val *object)
{
    members_show(call, resource, object, "subnets", &kind_subnet);
    body_set_text(call->doc, body_get(object, "properties"), "resourceGuid",
                  derived_guid(call, resource->id));
}

const struct kind kind_virtual_network = {
    .type = "Microsoft.Network/virtualNetworks",
    .versions = NETWORK_VERSIONS,
    .flags = KIND_HAS_LOCATION | KIND_HAS_TAGS | KIND_SHOWS_ETAG,
    .prepare = prepare_network,
    .show = show_network,
    .may_go = network_may_go,
};

const struct kind kind_subnet = {
    .type = "Microsoft.Network/virtualNetworks/subnets",
    .versions = NETWORK_VERSIONS,
    .flags = KIND_NO_PATCH,
    .member = "subnets",
};

/* ---- interfaces ---- */

/* "10.0.0.0/24" into network and length, in host order; false for what is no IPv4 prefix. */
static bool read_prefix(const char *text, uint32_t *ret_network, unsigned *ret_len)
{
    char address[INET_ADDRSTRLEN];
    struct in_addr in;
    const char *slash = text == NULL ? NULL : strchr(text, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - text);
    char *end = NULL;
    long bits;

    if (len == 0 || len >= sizeof(address)) {
        return false;
    }
    memcpy(address, text, len);
    address[len] = '\0';
    bits = strtol(slash + 1, &end, 10);
    if (inet_pton(AF_INET, address, &in) != 1 || end == slash + 1 || *end != '\0' || bits < 1 ||
        bits > PREFIX_MAX) {
        return false;
    }
    *ret_len = (unsigned)bits;
    *ret_network = ntohl(in.s_addr) & (UINT32_MAX << (32 - (unsigned)bits));
    return true;
}

static const char *prefix_of(yyjson_mut_val *subnet)
{
    const char *one = body_text_at(subnet, "properties.addressPrefix");

    return one != NULL
               ? one
               : body_text(yyjson_mut_arr_get(body_at(subnet, "properties.addressPrefixes"), 0));
}

/* The subnet's prefix. False and refused when the subnet is not there, or not the caller's to join;
 * is_kept: it was joined before. */
static bool need_subnet(struct control_call *call, const char *id, bool is_kept,
                        const struct resource *from, const char **ret_prefix,
                        struct control_answer *ret)
{
    struct resource network;
    yyjson_mut_val *subnet;
    const char *parent = resource_parent_id(call->arena, id), *slash = strrchr(id, '/');

    if (parent == NULL ||
        !need_link(call, id, &kind_subnet, is_kept ? NULL : LINK_SUBNET, from, ret) ||
        !need_reference(call, parent, &kind_virtual_network, NULL, from, &network, ret)) {
        return false;
    }
    subnet = slash == NULL ? NULL : find_subnet(network.body, slash + 1);
    if (subnet == NULL) {
        control_refuse(call, ret, 400, "InvalidResourceReference",
                       "Resource %s referenced by resource %s was not found.", id, from->id);
        return false;
    }
    *ret_prefix = prefix_of(subnet);
    return true;
}

/* Addresses of the subnet that other interfaces have. */
struct taken {
    const char *subnet_key, *own_key;
    uint32_t *addresses;
    size_t n, max;
};

static err_t take_addresses(void *context, struct control_call *scan,
                            const struct resource *interface)
{
    struct taken *taken = context;
    yyjson_mut_val *list = body_at(interface->body, "properties.ipConfigurations"), *item;
    yyjson_mut_arr_iter iter;

    if (strcmp(interface->key, taken->own_key) == 0) {
        return ERR_OK;
    }
    (void)yyjson_mut_arr_iter_init(list, &iter);
    while ((item = yyjson_mut_arr_iter_next(&iter)) != NULL && taken->n < taken->max) {
        const char *id = reference_id(body_get(item, "properties"), "subnet");
        const char *key = id == NULL ? NULL : resource_key(scan->arena, span_str(id));
        const char *text = body_text_at(item, "properties.privateIPAddress");
        struct in_addr in;

        if (key != NULL && strcmp(key, taken->subnet_key) == 0 && text != NULL &&
            inet_pton(AF_INET, text, &in) == 1) {
            taken->addresses[taken->n++] = ntohl(in.s_addr);
        }
    }
    return ERR_OK;
}

static err_t find_taken(struct control_call *call, const struct resource *wanted,
                        const char *subnet_key, struct taken *taken, struct trail *trail)
{
    taken->subnet_key = subnet_key;
    taken->own_key = wanted->key;
    taken->max = TAKEN_MAX;
    taken->addresses = arena_calloc(call->arena, taken->max, sizeof(uint32_t));
    return taken->addresses == NULL
               ? ERR_MEMORY
               : each_in_subscription(call, &kind_network_interface, wanted->id, take_addresses,
                                      taken, trail);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* The lowest free address; the first four and the last are the network's, as in Azure. */
static bool free_address(struct taken *taken, uint32_t network, unsigned len, uint32_t *ret)
{
    uint32_t last = network + (uint32_t)((1ULL << (32 - len)) - 1);
    uint32_t address = network + FIRST_HOST;

    qsort(taken->addresses, taken->n, sizeof(uint32_t), compare);
    for (size_t i = 0; i < taken->n && address < last; i++) {
        if (taken->addresses[i] == address) {
            address++;
        }
    }
    *ret = address;
    return address < last;
}

static bool give_address(struct control_call *call, const struct resource *wanted,
                         yyjson_mut_val *properties, const char *subnet_id, const char *prefix,
                         struct control_answer *ret)
{
    const char *key = resource_key(call->arena, span_str(subnet_id));
    char text[INET_ADDRSTRLEN] = "";
    struct taken taken = {0};
    struct trail trail = {0};
    uint32_t network, address = 0;
    unsigned len;
    err_t err;

    if (!read_prefix(prefix, &network, &len)) {
        return true; /* IPv6 and such: the owner says which */
    }
    err = key == NULL ? ERR_MEMORY : find_taken(call, wanted, key, &taken, &trail);
    if (err) {
        control_fail(call, err, &trail, ret);
        return false;
    }
    if (!free_address(&taken, network, len, &address)) {
        control_refuse(call, ret, 400, "SubnetIsFull",
                       "Subnet %s with address prefix %s does not have enough capacity for 1 IP "
                       "addresses.",
                       subnet_id, prefix);
        return false;
    }
    address = htonl(address);
    (void)inet_ntop(AF_INET, &address, text, sizeof(text));
    body_set_text(call->doc, properties, "privateIPAddress", text);
    return true;
}

/* The configuration of the same name as it was: a dynamic address stays while it does. */
static const char *address_before(const struct resource *before, const char *name,
                                  const char *subnet_id)
{
    yyjson_mut_val *list =
        before == NULL ? NULL : body_at(before->body, "properties.ipConfigurations");
    yyjson_mut_val *item;
    yyjson_mut_arr_iter iter;

    (void)yyjson_mut_arr_iter_init(list, &iter);
    while ((item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        const char *other = body_text_at(item, "name");
        const char *subnet = reference_id(body_get(item, "properties"), "subnet");

        if (other != NULL && text_equal_nocase(other, name) && subnet != NULL &&
            text_equal_nocase(subnet, subnet_id)) {
            return body_text_at(item, "properties.privateIPAddress");
        }
    }
    return NULL;
}

static bool need_applications(struct control_call *call, yyjson_mut_val *list, bool is_kept,
                              const struct resource *wanted, struct control_answer *ret)
{
    enum { GROUPS_MAX = 20 }; /* as in Azure */
    yyjson_mut_val *item;
    yyjson_mut_arr_iter iter;

    if (yyjson_mut_arr_size(list) > GROUPS_MAX) {
        control_refuse(call, ret, 400, "TooManyItems",
                       "applicationSecurityGroups of an IP configuration has %zu items; %d are "
                       "allowed.",
                       yyjson_mut_arr_size(list), GROUPS_MAX);
        return false;
    }
    (void)yyjson_mut_arr_iter_init(list, &iter);
    while ((item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        const char *id = body_text_at(item, "id");

        if (id != NULL &&
            !need_reference(call, id, &kind_security_group_application,
                            is_kept ? NULL : LINK_APPLICATION_BY_ADDRESS, wanted, NULL, ret)) {
            return false;
        }
    }
    return true;
}

/* is_kept: the interface stays as it is, but for its tags. */
static bool prepare_configuration(struct control_call *call, const struct resource *before,
                                  bool is_kept, struct resource *wanted, yyjson_mut_val *item,
                                  bool is_first, struct control_answer *ret)
{
    yyjson_mut_val *properties = body_get(item, "properties");
    const char *subnet = reference_id(properties, "subnet"), *prefix = NULL, *known;
    const char *address = reference_id(properties, "publicIPAddress");

    if (subnet == NULL) {
        control_refuse(call, ret, 400, "InvalidRequestFormat",
                       "An IP configuration of a network interface names its subnet: "
                       "properties.subnet.id.");
        return false;
    }
    if (!need_subnet(call, subnet, is_kept, wanted, &prefix, ret) ||
        (address != NULL &&
         !need_reference(call, address, &kind_public_address, is_kept ? NULL : LINK_PUBLIC_ADDRESS,
                         wanted, NULL, ret)) ||
        !need_applications(call, body_get(properties, "applicationSecurityGroups"), is_kept, wanted,
                           ret)) {
        return false;
    }
    if (body_get(properties, "privateIPAllocationMethod") == NULL) {
        body_set_text(call->doc, properties, "privateIPAllocationMethod", "Dynamic");
    }
    if (body_get(properties, "primary") == NULL) {
        json_add_bool(call->doc, properties, "primary", is_first);
    }
    if (body_get(properties, "privateIPAddress") != NULL) {
        return true;
    }
    known = address_before(before, body_text_at(item, "name"), subnet);
    if (known != NULL) {
        body_set_text(call->doc, properties, "privateIPAddress", known);
        return true;
    }
    return give_address(call, wanted, properties, subnet, prefix, ret);
}

/* One bad name would spoil the ruleset of all. */
static bool interface_tag_is_good(struct control_call *call, const struct resource *wanted,
                                  struct control_answer *ret)
{
    const char *name = body_text(body_get(wanted->tags, TAG_INTERFACE));

    if (name == NULL || nft_interface_is(span_str(name))) {
        return true;
    }
    control_refuse(call, ret, 400, "InvalidParameter",
                   "The tag %s is the name of the guest's interface on its host: up to %d letters, "
                   "digits, '.', '-' and '_'.",
                   TAG_INTERFACE, NFT_INTERFACE_MAX);
    return false;
}

static bool prepare_interface(struct control_call *call, const struct resource *before,
                              struct resource *wanted, struct control_answer *ret)
{
    yyjson_mut_val *properties = resource_properties(call, wanted);
    yyjson_mut_val *list = body_get(properties, "ipConfigurations"), *item;
    const char *group = reference_id(properties, "networkSecurityGroup");
    yyjson_mut_arr_iter iter;
    bool is_first = true, is_kept;

    if (!members_prepare(call, wanted, "ipConfigurations", ret)) {
        return false;
    }
    body_drop(properties, "virtualMachine");
    body_drop(properties, "macAddress");
    body_drop(properties, "resourceGuid");
    is_kept = before != NULL && body_equal(body_get(before->body, "properties"), properties);
    if (yyjson_mut_arr_size(list) == 0) {
        control_refuse(call, ret, 400, "InvalidRequestFormat",
                       "A network interface has at least one IP configuration: "
                       "properties.ipConfigurations.");
        return false;
    }
    if (!interface_tag_is_good(call, wanted, ret) ||
        (group != NULL && !need_reference(call, group, &kind_security_group,
                                          is_kept ? NULL : LINK_GROUP, wanted, NULL, ret))) {
        return false;
    }
    (void)yyjson_mut_arr_iter_init(list, &iter);
    while ((item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        if (!prepare_configuration(call, before, is_kept, wanted, item, is_first, ret)) {
            return false;
        }
        is_first = false;
    }
    return true;
}

/* Locally administered (IEEE 802): no card has it by itself. */
static void show_interface(struct control_call *call, const struct resource *resource,
                           yyjson_mut_val *object)
{
    yyjson_mut_val *properties = body_need_object(call->doc, object, "properties");
    const char *hex = derived_hex(call, resource->id, "mac", 10);
    const char *machine =
        body_text_at(body_get(resource->body, RESOURCE_PRIVATE), "virtualMachine");

    members_show(call, resource, object, "ipConfigurations", NULL);
    if (hex != NULL) {
        body_set_text(call->doc, properties, "macAddress",
                      arena_printf(call->arena, "02-%.2s-%.2s-%.2s-%.2s-%.2s", hex, hex + 2,
                                   hex + 4, hex + 6, hex + 8));
    }
    if (machine != NULL) {
        json_add_text(call->doc, json_add_object(call->doc, properties, "virtualMachine"), "id",
                      machine);
    }
}

static bool interface_may_go(struct control_call *call, const struct resource *resource,
                             struct control_answer *ret)
{
    const char *machine =
        body_text_at(body_get(resource->body, RESOURCE_PRIVATE), "virtualMachine");
    struct resource target;

    if (machine == NULL || resource_load(call, machine, NULL, &target) != ERR_OK) {
        return true;
    }
    control_refuse(call, ret, 400, "NicInUse",
                   "Network Interface %s is used by existing resource %s. In order to delete the "
                   "network interface, it must be dissociated from the resource.",
                   resource->id, machine);
    return false;
}

const struct kind kind_network_interface = {
    .type = "Microsoft.Network/networkInterfaces",
    .versions = NETWORK_VERSIONS,
    .flags = KIND_HAS_LOCATION | KIND_HAS_TAGS | KIND_SHOWS_ETAG,
    .prepare = prepare_interface,
    .show = show_interface,
    .may_go = interface_may_go,
    .actions = interface_actions,
};
