/*
 * network.h - inside of the kinds room: what lies around a network interface, and what its packets
 * meet. Resources become the groups and worlds of the network room; judging is that room's.
 */
#ifndef KINDS_NETWORK_H
#define KINDS_NETWORK_H

#include "kinds/parts.h"
#include "kinds/service-tags.h"

#include "network/flow.h"

#define NETWORK_VERSIONS "2022-07-01 2022-01-01 2025-05-01 2015-06-15"

/* Tag of a network interface: name of the guest's interface on its host. */
#define TAG_INTERFACE "bootwarden-interface"

enum { PLACE_ADDRESSES_MAX = 256 }; /* of one interface, as in Azure */

extern const struct kind_action interface_actions[];

/* Is the name in TAG_INTERFACE no other interface's? One in another group may have it where the
 * caller may write that one too. False and refused. */
bool interface_name_is_free(struct control_call *call, const struct resource *wanted,
                            struct control_answer *ret);

/* For kind_mention. */
err_t interface_name_mention(struct mentions *mentions,
                             const struct resource *interface) MUST_CHECK;
err_t place_mention(struct mentions *mentions, const struct resource *interface) MUST_CHECK;

/* The group as its rules say. */
err_t group_read(struct control_call *call, const struct resource *group,
                 struct network_fault *fault, struct trail *trail,
                 const struct nsg **ret) MUST_CHECK;

/* What one interface's packets meet. Ids NULL, groups NULL: there is none. */
struct place {
    const char *interface; /* ids */
    const char *subnet, *network, *nic_group, *subnet_group;
    struct address addresses[PLACE_ADDRESSES_MAX]; /* the primary one first */
    size_t n_addresses;
    const struct nsg *nic, *of_subnet;
    const struct network_world *world;
};

/* What several interfaces share is read once: places of one call have the same pointers for it. */
struct places {
    struct control_call *call;
    const struct service_tags *tags;
    size_t max;
    struct place_group {
        const char *key;
        const struct nsg *nsg;
    } * groups;
    size_t n_groups;
    struct place_network {
        const char *key;
        struct address_set set;
        const struct network_world *world;
        yyjson_mut_val *body;
    } * networks;
    size_t n_networks;
    bool has_members; /* of application security groups */
    const struct world_group *members;
    size_t n_members;
};
/* Room for `max` places. */
err_t places_begin(struct control_call *call, const struct service_tags *tags, size_t max,
                   struct places *ret) MUST_CHECK;
/* Who is in which application security group; needed before the first place of several. */
err_t places_need_members(struct places *places, const char *id, struct trail *trail) MUST_CHECK;
/* ERR_NOT_FOUND with words when it refers to what is not there: nobody can say then what passes. */
err_t place_load(struct places *places, const struct resource *interface, struct trail *trail,
                 struct place *ret) MUST_CHECK;
/* Why there is no place, or no verdict in it, as an answer. */
void place_fail(struct control_call *call, const char *interface_id, err_t err,
                const struct trail *trail, struct control_answer *ret);
/* Its address of the family; NULL when it has none. */
const struct address *place_address(const struct place *place, enum address_family family);
/* Id of the group at that stage. */
const char *place_group_id(const struct place *place, enum flow_stage stage);

/* The virtual machine's interfaces: the primary one first, in the arena. */
err_t vm_interfaces(struct control_call *call, const struct resource *vm, struct trail *trail,
                    struct resource **ret, size_t *ret_n) MUST_CHECK;
/* At least one; false and refused. */
bool vm_need_interfaces(struct control_call *call, const struct resource *vm,
                        struct resource **ret_list, size_t *ret_n, struct control_answer *ret);
/* Of a network's body, by name in any case; NULL. */
yyjson_mut_val *find_subnet(yyjson_mut_val *network_body, const char *name);

#endif
