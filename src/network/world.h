/*
 * world.h - what a rule's words mean in one virtual network: its own addresses, service tags,
 * application security groups, and the platform's addresses.
 *
 * VirtualNetwork is what the network says it is (its own, peered and routed-in ranges), Internet is
 * every other address, AzureLoadBalancer is the platform's probe address. Traffic that goes out to
 * a platform address is exempt from the rules, since a machine without it has no address, name or
 * metadata; only a rule that names AzurePlatformDNS, AzurePlatformIMDS or AzurePlatformLKM reaches
 * it, and only on that service's port.
 */
#ifndef NETWORK_WORLD_H
#define NETWORK_WORLD_H

#include "network/tags.h"

#define WORLD_PLATFORM "168.63.129.16"
#define WORLD_METADATA "169.254.169.254"
enum { WORLD_DNS_PORT = 53, WORLD_METADATA_PORT = 80, WORLD_LICENCE_PORT = 1688 };

enum { WORLD_MEMBERS_MAX = 131072 }; /* addresses in application security groups, one in each */

/* The addresses of the machines in an application security group. */
struct world_group {
    const char *id; /* compared in any case */
    struct address_set set;
};
/* One of them. */
struct world_member {
    const char *id; /* of the group; kept */
    struct address address;
};
/* Members in any order, which are sorted, into groups as world_new takes them. ERR_TOO_MANY past
 * WORLD_MEMBERS_MAX. */
err_t world_groups_make(struct arena *arena, struct world_member *members, size_t n,
                        struct trail *trail, const struct world_group **ret,
                        size_t *ret_n) MUST_CHECK;

struct network_world {
    struct address_set virtual_network;
    struct address_set internet; /* made by world_new */
    struct address_set platform; /* WORLD_PLATFORM, WORLD_METADATA and the host's own services */
    struct address_set balancer; /* WORLD_PLATFORM */
    const struct service_tags *tags; /* NULL: none */
    const struct world_group *groups;
    size_t n_groups;
};

/* `platform` is what the host offers beside the two well-known addresses: resolver, DHCP, metadata.
 * tags and groups are kept; groups are sorted by id, and each is there once. */
err_t world_new(struct arena *arena, const struct address_set *virtual_network,
                const struct address_set *platform, const struct service_tags *tags,
                const struct world_group *groups, size_t n_groups,
                const struct network_world **ret) MUST_CHECK;

/* VirtualNetwork, Internet, AzureLoadBalancer, or below one of them. */
bool world_tag_is_reserved(struct span name);
/* Do all service tags of the group's rules exist? ERR_NOT_FOUND with rule, member and tag: a rule
 * that denies to nowhere would be open. */
err_t world_check(const struct network_world *world, const struct nsg *nsg,
                  struct network_fault *fault, struct trail *trail) MUST_CHECK;

enum world_form { WORLD_EVERYWHERE, WORLD_INSIDE, WORLD_OUTSIDE };
enum world_name {
    WORLD_NAME_NONE,
    WORLD_NAME_NETWORK, /* VirtualNetwork: what `set` is, or the complement of */
    WORLD_NAME_TAG,
    WORLD_NAME_PLATFORM, /* one of AzurePlatform* */
};
/* A side of a rule in this world: all addresses, those in `set`, or those outside of it. */
struct world_side {
    enum world_form form;
    struct address_set set;
    enum world_name name;
    const struct service_tag *tag; /* of WORLD_NAME_TAG */
    uint16_t port;                 /* of WORLD_NAME_PLATFORM as a destination: this one alone */
};
/* ERR_NOT_FOUND with words when the side names a tag that is not known. A group that nobody is in
 * has no addresses. */
err_t world_side(struct arena *arena, const struct network_world *world,
                 const struct rule_side *side, struct trail *trail,
                 struct world_side *ret) MUST_CHECK;
bool world_side_has(const struct world_side *side, const struct address *address);
/* Is the address on this side? Both of the above, but no set is made of groups: a verdict asks this
 * of every rule. *ret_side has no set for groups. */
err_t world_side_match(const struct network_world *world, const struct rule_side *side,
                       const struct address *address, struct trail *trail,
                       struct world_side *ret_side, bool *ret_is_match) MUST_CHECK;

#endif
