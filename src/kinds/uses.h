/*
 * uses.h - inside of the kinds room: which resources of a subscription refer to which, from what
 * they mention (control/kind.h).
 */
#ifndef KINDS_USES_H
#define KINDS_USES_H

#include "kinds/parts.h"

enum use_kind {
    USE_GROUP_BY_INTERFACE = 1 << 0, /* a security group, by a network interface */
    USE_GROUP_BY_SUBNET = 1 << 1,    /* by a subnet */
    USE_SUBNET = 1 << 2,             /* a subnet, by an IP configuration */
    USE_ADDRESS = 1 << 3,            /* a public address, by an IP configuration */
};
struct use {
    enum use_kind kind;
    const char *key; /* of what is used */
    const char *who; /* id */
};
struct uses {
    struct use *items;
    size_t n, max;
};
/* For kind_mention. */
err_t uses_mention_of_interface(struct mentions *mentions,
                                const struct resource *interface) MUST_CHECK;
err_t uses_mention_of_network(struct mentions *mentions, const struct resource *network) MUST_CHECK;
/* In the arena of the call. key NULL: of everything; else of this resource, and of what lies below
 * it. */
err_t uses_find(struct control_call *call, const char *id, unsigned kinds, const char *key,
                struct trail *trail, struct uses *ret) MUST_CHECK;

/* kind_may_go of a subnet that is left out of its network, or goes with it: is there something in
 * it? False and refused. */
bool subnet_is_free(struct control_call *call, const char *subnet_id, struct control_answer *ret);
/* For kind_may_go: false and refused. */
bool group_is_free(struct control_call *call, const struct resource *group,
                   struct control_answer *ret);
bool address_is_free(struct control_call *call, const struct resource *address,
                     struct control_answer *ret);

#endif
