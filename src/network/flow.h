/*
 * flow.h - does a packet get through, which rule says so, and what would change it?
 *
 * Outbound: the group of the NIC first, then the subnet's; inbound the other way round; each must
 * allow, no group allows. Addresses are the machine's own, before any translation. The answer is of
 * a new connection: replies and what is connected already need no rule.
 */
#ifndef NETWORK_FLOW_H
#define NETWORK_FLOW_H

#include "network/world.h"

enum { FLOW_TCP = 6, FLOW_UDP = 17, FLOW_ICMP = 1, FLOW_ICMP6 = 58, FLOW_ESP = 50, FLOW_AH = 51 };
/* A port that the system picks: one of these, whichever. */
enum { FLOW_EPHEMERAL_FIRST = 49152, FLOW_EPHEMERAL_LAST = 65535 };

struct flow_port {
    bool is_any;
    uint16_t number;
};
/* "443", or "*" for one that the system picks. ERR_VALUE with words. */
err_t flow_port_read(struct span text, struct trail *trail, struct flow_port *ret) MUST_CHECK;
struct flow {
    enum rule_direction direction;
    uint8_t protocol;      /* of the IP header; ports count for TCP and UDP alone */
    struct address local;  /* the machine's */
    struct address remote; /* of the same family */
    struct flow_port local_port, remote_port;
};

enum flow_stage { FLOW_NO_STAGE, FLOW_NIC, FLOW_SUBNET };
/* "nic", "subnet"; NULL for no stage. */
const char *flow_stage_name(enum flow_stage stage);

/* What one group says. rule is NULL when the flow is exempt from it. */
struct flow_step {
    enum flow_stage stage;
    const struct nsg *nsg;
    const struct rule *rule;
    bool is_allowed;
};
struct flow_verdict {
    bool is_allowed;
    bool is_platform;     /* to a platform address: exempt but from rules that name the service */
    bool depends_on_port; /* a rule before the deciding one names a part of the ports that the
                             system picks from, and was taken not to match */
    /* The step that decides: the first that denies, else the last one with a rule. All NULL and
     * FLOW_NO_STAGE when no group has a say. */
    struct flow_step decided;
    const char *rule_name;     /* "securityRules/x" or "defaultSecurityRules/y"; NULL */
    struct flow_step steps[2]; /* all of them, in order; those after a denial too */
    size_t n_steps;
};

/* nic and subnet may be NULL: no group. ERR_VALUE when the flow's addresses are of two kinds,
 * ERR_NOT_FOUND when a rule names a tag that is not known. */
err_t flow_judge(struct arena *arena, const struct network_world *world, const struct nsg *nic,
                 const struct nsg *subnet, const struct flow *flow, struct trail *trail,
                 struct flow_verdict *ret) MUST_CHECK;

/* What lets the flow through one step that denies it. */
struct flow_remedy {
    const struct nsg *nsg;
    enum flow_stage stage;
    const struct rule *rule; /* to be added, free of conflicts; NULL: there is no priority left */
    const char *words;       /* the same for people, one sentence */
};
/* One for each step that denies; none for a flow that is allowed. The remote side is a service tag
 * when one has the address (AzureAttestation first, else the smallest), else the address. */
err_t flow_remedies(struct arena *arena, const struct network_world *world, const struct flow *flow,
                    const struct flow_verdict *verdict, struct flow_remedy ret[static 2],
                    size_t *ret_n) MUST_CHECK;

/* The rules in force of a group, in order, with tags written out:
 * {"effectiveSecurityRules": [...], "tagMap": {...}}. Both directions. */
err_t flow_effective(struct arena *arena, yyjson_mut_doc *doc, const struct network_world *world,
                     const struct nsg *nsg, struct trail *trail, yyjson_mut_val **ret) MUST_CHECK;

#endif
