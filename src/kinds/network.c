/*
 * network.c - virtual networks with their subnets, and interfaces: what says which address a
 * virtual machine has, and which rules its packets meet. They are kept and shown; packets are
 * somebody else's business.
 */
#include "control/known.h"
#include "kinds/seats.h"
#include "kinds/uses.h"

#include "base/text.h"
#include "network/nft.h"

/* ---- what decides which rules hold ---- */

static const struct known_object subnet_members[] = {
    {"properties", "SubnetPropertiesFormat", KNOWN_SOME, KNOWN("networkSecurityGroup")},
    {"properties.networkSecurityGroup", "NetworkSecurityGroup", KNOWN_SOME, KNOWN("id")},
};
static const struct known_object interface_members[] = {
    {"properties", "NetworkInterfacePropertiesFormat", KNOWN_SOME, KNOWN("networkSecurityGroup")},
    {"properties.networkSecurityGroup", "NetworkSecurityGroup", KNOWN_SOME, KNOWN("id")},
};
static const struct known_object configuration_members[] = {
    {"properties", "NetworkInterfaceIPConfigurationPropertiesFormat", KNOWN_SOME,
     KNOWN("applicationSecurityGroups")},
};

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

        if (!known_members(call, item, subnet_members, ARRAY_LEN(subnet_members), ret)) {
            return false;
        }
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
    enum { SUBNETS_MAX = 3000 }; /* as in Azure */

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
    if (yyjson_mut_arr_size(body_get(properties, "subnets")) > SUBNETS_MAX) {
        control_refuse(call, ret, 400, "TooManyItems", "subnets has %zu items; %d are allowed.",
                       yyjson_mut_arr_size(body_get(properties, "subnets")), SUBNETS_MAX);
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
    .flags = KIND_HAS_LOCATION | KIND_HAS_TAGS | KIND_SHOWS_ETAG | KIND_CLAIMS,
    .prepare = prepare_network,
    .show = show_network,
    .mention = uses_mention_of_network,
    .may_go = network_may_go,
};

const struct kind kind_subnet = {
    .type = "Microsoft.Network/virtualNetworks/subnets",
    .versions = NETWORK_VERSIONS,
    .flags = KIND_NO_PATCH | KIND_CLAIMS,
    .member = "subnets",
};

/* ---- interfaces ---- */

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

/* Of all of them, before any address is given out: none is given twice. */
static void keep_addresses(struct control_call *call, const struct resource *before,
                           yyjson_mut_val *list)
{
    yyjson_mut_val *item;
    yyjson_mut_arr_iter iter;

    (void)yyjson_mut_arr_iter_init(list, &iter);
    while ((item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        yyjson_mut_val *properties = body_get(item, "properties");
        const char *subnet = reference_id(properties, "subnet"), *known;

        if (subnet == NULL || body_get(properties, "privateIPAddress") != NULL) {
            continue;
        }
        known = address_before(before, body_text_at(item, "name"), subnet);
        if (known != NULL) {
            body_set_text(call->doc, properties, "privateIPAddress", known);
        }
    }
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

/* Its private address: what its owner says, or a free one. */
static bool prepare_address(struct control_call *call, const struct resource *before,
                            struct seats *seats, yyjson_mut_val *item, const char *prefix,
                            struct control_answer *ret)
{
    yyjson_mut_val *properties = body_get(item, "properties");
    const char *subnet = reference_id(properties, "subnet"), *given = NULL;
    const char *named = body_text_at(properties, "privateIPAddress"), *known;

    if (named == NULL) {
        if (!seats_take(seats, subnet, prefix, &given, ret)) {
            return false;
        }
        if (given != NULL) {
            body_set_text(call->doc, properties, "privateIPAddress", given);
        }
        return true;
    }
    known = address_before(before, body_text_at(item, "name"), subnet);
    return (known != NULL && strcmp(known, named) == 0) ||
           seats_claim(seats, subnet, prefix, named, ret);
}

/* is_kept: the interface stays as it is, but for its tags. */
static bool prepare_configuration(struct control_call *call, bool is_kept,
                                  const struct resource *before, const struct resource *wanted,
                                  struct seats *seats, yyjson_mut_val *item, bool is_first,
                                  struct control_answer *ret)
{
    yyjson_mut_val *properties = body_get(item, "properties");
    const char *subnet = reference_id(properties, "subnet"), *prefix = NULL;
    const char *address = reference_id(properties, "publicIPAddress");

    if (!known_members(call, item, configuration_members, ARRAY_LEN(configuration_members), ret)) {
        return false;
    }
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
    return prepare_address(call, before, seats, item, prefix, ret);
}

static bool prepare_configurations(struct control_call *call, bool is_kept,
                                   const struct resource *before, const struct resource *wanted,
                                   yyjson_mut_val *list, struct control_answer *ret)
{
    yyjson_mut_val *item;
    yyjson_mut_arr_iter iter;
    struct seats seats;
    bool is_first = true;
    err_t err = seats_begin(call, wanted, &seats);

    if (err) {
        control_fail(call, err, NULL, ret);
        return false;
    }
    (void)yyjson_mut_arr_iter_init(list, &iter);
    while ((item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        if (!prepare_configuration(call, is_kept, before, wanted, &seats, item, is_first, ret)) {
            return false;
        }
        is_first = false;
    }
    return true;
}

/* One bad name, or one that two have, would spoil the ruleset of all. What was there before stays.
 */
static bool interface_tag_is_good(struct control_call *call, const struct resource *before,
                                  const struct resource *wanted, struct control_answer *ret)
{
    const char *name = body_text(body_get(wanted->tags, TAG_INTERFACE));
    const char *old = before == NULL ? NULL : body_text(body_get(before->tags, TAG_INTERFACE));

    if (name == NULL || (old != NULL && strcmp(name, old) == 0)) {
        return true;
    }
    if (nft_interface_is(span_str(name))) {
        return interface_name_is_free(call, wanted, ret);
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
    yyjson_mut_val *list = body_get(properties, "ipConfigurations");
    const char *group = reference_id(properties, "networkSecurityGroup");
    size_t n = yyjson_mut_arr_size(list);
    bool is_kept;

    if (!known_members(call, wanted->body, interface_members, ARRAY_LEN(interface_members), ret) ||
        !members_prepare(call, wanted, "ipConfigurations", ret)) {
        return false;
    }
    body_drop(properties, "virtualMachine");
    body_drop(properties, "macAddress");
    body_drop(properties, "resourceGuid");
    is_kept = before != NULL && body_equal(body_get(before->body, "properties"), properties);
    if (n == 0 || n > PLACE_ADDRESSES_MAX) {
        control_refuse(call, ret, 400, n == 0 ? "InvalidRequestFormat" : "TooManyItems",
                       "A network interface has 1 to %d IP configurations: "
                       "properties.ipConfigurations.",
                       PLACE_ADDRESSES_MAX);
        return false;
    }
    if (!interface_tag_is_good(call, before, wanted, ret) ||
        (group != NULL && !need_reference(call, group, &kind_security_group,
                                          is_kept ? NULL : LINK_GROUP, wanted, NULL, ret))) {
        return false;
    }
    keep_addresses(call, before, list);
    return prepare_configurations(call, is_kept, before, wanted, list, ret);
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

static err_t mention_interface(struct mentions *mentions, const struct resource *interface)
{
    err_t err = uses_mention_of_interface(mentions, interface);

    err = err ? err : seats_mention(mentions, interface);
    err = err ? err : place_mention(mentions, interface);
    return err ? err : interface_name_mention(mentions, interface);
}

const struct kind kind_network_interface = {
    .type = "Microsoft.Network/networkInterfaces",
    .versions = NETWORK_VERSIONS,
    .flags = KIND_HAS_LOCATION | KIND_HAS_TAGS | KIND_SHOWS_ETAG | KIND_CLAIMS,
    .prepare = prepare_interface,
    .show = show_interface,
    .mention = mention_interface,
    .may_go = interface_may_go,
    .actions = interface_actions,
};
