/*
 * nsg.h - a network security group: its rules, in the order in which they decide.
 *
 * Immutable, in an arena; changing one makes another, which shares what has not changed. So both
 * live in the same arena, or the arena of the older one outlives the younger.
 */
#ifndef NETWORK_NSG_H
#define NETWORK_NSG_H

#include "network/rule.h"

enum {
    NSG_RULES_MAX = 1000,
    NSG_MAX_BYTES = 16 * 1024 * 1024, /* of a document with one */
    NSG_MAX_VALUES = 1024 * 1024,
};
extern const struct json_limits nsg_json;

struct nsg {
    const char *name;
    bool flushes_connections; /* flushConnection: changes reach what is connected already */
    const struct rule *rules; /* the owner's, as they came */
    size_t n_rules;
    /* By direction: the owner's and the default ones, smallest priority first. */
    const struct rule *const *order[2];
    size_t n_order[2];
};

/* From the `properties` of a resource; NULL or null is a group without rules of its own. Its
 * defaultSecurityRules are not read: they are always the same. */
err_t nsg_read(struct arena *arena, struct span name, yyjson_val *properties,
               struct network_fault *fault, struct trail *trail, const struct nsg **ret) MUST_CHECK;
/* From a whole resource, {"name", "properties"}: a file. */
err_t nsg_read_resource(struct arena *arena, yyjson_val *resource, struct network_fault *fault,
                        struct trail *trail, const struct nsg **ret) MUST_CHECK;

/* A group with this rule added, or in place of the one of its name. SecurityRuleConflict when
 * another one has its priority. */
err_t nsg_with_rule(struct arena *arena, const struct nsg *nsg, const struct rule *rule,
                    struct network_fault *fault, struct trail *trail,
                    const struct nsg **ret) MUST_CHECK;
/* A group without the rule of this name; ERR_NOT_FOUND. */
err_t nsg_without_rule(struct arena *arena, const struct nsg *nsg, struct span name,
                       const struct nsg **ret) MUST_CHECK;

/* By name in any case, of the owner's rules; NULL when there is none. */
const struct rule *nsg_rule(const struct nsg *nsg, struct span name);
/* The largest priority below `below` that no rule of this direction has; 0: none is free. */
uint32_t nsg_free_priority(const struct nsg *nsg, enum rule_direction direction, uint32_t below);

#endif
