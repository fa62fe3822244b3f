#include "network/flow.h"

#include "network/internal.h"

static const char *const stages[] = {NULL, "nic", "subnet"};

const char *flow_stage_name(enum flow_stage stage)
{
    return stages[stage];
}

err_t flow_port_read(struct span text, struct trail *trail, struct flow_port *ret)
{
    bool is_any = span_is(text, "*");
    int port = is_any ? 0 : network_port_read(text);

    if (port < 0) {
        return trail_set(trail, ERR_VALUE,
                         "is no port; write a number from 0 to 65535, or * for one that the system "
                         "picks");
    }
    *ret = (struct flow_port){.is_any = is_any, .number = (uint16_t)port};
    return ERR_OK;
}

struct judging {
    struct arena *arena;
    const struct network_world *world;
    const struct flow *flow;
    struct trail *trail;
    struct flow_verdict *verdict;
};

static bool has_ports(const struct flow *flow)
{
    return flow->protocol == FLOW_TCP || flow->protocol == FLOW_UDP;
}

static bool is_protocol(enum rule_protocol wanted, uint8_t protocol)
{
    switch (wanted) {
    case RULE_TCP:
        return protocol == FLOW_TCP;
    case RULE_UDP:
        return protocol == FLOW_UDP;
    case RULE_ICMP:
        return protocol == FLOW_ICMP || protocol == FLOW_ICMP6;
    case RULE_ESP:
        return protocol == FLOW_ESP;
    case RULE_AH:
        return protocol == FLOW_AH;
    case RULE_ANY:
    default:
        return true;
    }
}

enum match { MATCH_NO, MATCH_PARTLY, MATCH_YES };

/* Of the ports that the system picks from: all, none, or some of them. */
static enum match match_ephemeral(const struct rule_ports *ports)
{
    enum match match = MATCH_NO;

    for (size_t i = 0; i < ports->n_ranges; i++) {
        const struct port_range *range = &ports->ranges[i];

        if (range->first <= FLOW_EPHEMERAL_FIRST && range->last == FLOW_EPHEMERAL_LAST) {
            return MATCH_YES;
        }
        if (range->last >= FLOW_EPHEMERAL_FIRST) {
            match = MATCH_PARTLY;
        }
    }
    return match;
}

static enum match match_port(const struct flow *flow, const struct rule_ports *ports,
                             const struct flow_port *port)
{
    if (rule_ports_are_any(ports)) {
        return MATCH_YES;
    }
    if (!has_ports(flow)) {
        return MATCH_NO;
    }
    if (port->is_any) {
        return match_ephemeral(ports);
    }
    return rule_ports_have(ports, port->number) ? MATCH_YES : MATCH_NO;
}

static enum match match_ports(const struct flow *flow, const struct rule *rule)
{
    bool is_out = flow->direction == RULE_OUTBOUND;
    enum match source =
        match_port(flow, &rule->source_ports, is_out ? &flow->local_port : &flow->remote_port);
    enum match destination =
        match_port(flow, &rule->destination_ports, is_out ? &flow->remote_port : &flow->local_port);

    return source < destination ? source : destination;
}

/* Of a platform's tag: its service alone. */
static bool is_at_port(const struct flow *flow, const struct world_side *side)
{
    const struct flow_port *port =
        flow->direction == RULE_OUTBOUND ? &flow->remote_port : &flow->local_port;

    return side->port == 0 || (has_ports(flow) && !port->is_any && port->number == side->port);
}

static err_t match_rule(const struct judging *j, const struct rule *rule, enum match *ret)
{
    const struct flow *flow = j->flow;
    bool is_out = flow->direction == RULE_OUTBOUND;
    const struct address *from = is_out ? &flow->local : &flow->remote;
    const struct address *to = is_out ? &flow->remote : &flow->local;
    struct world_side source, destination;
    bool is_from = false, is_to = false;
    err_t err = world_side_match(j->world, &rule->source, from, j->trail, &source, &is_from);

    err = err ? err
              : world_side_match(j->world, &rule->destination, to, j->trail, &destination, &is_to);
    if (err) {
        return err;
    }
    *ret = MATCH_NO;
    if (j->verdict->is_platform && destination.name != WORLD_NAME_PLATFORM) {
        return ERR_OK;
    }
    if (is_from && is_to && is_protocol(rule->protocol, flow->protocol) &&
        is_at_port(flow, &destination)) {
        *ret = match_ports(flow, rule);
    }
    return ERR_OK;
}

static err_t judge_step(const struct judging *j, const struct nsg *nsg, enum flow_stage stage)
{
    struct flow_step step = {.stage = stage, .nsg = nsg, .is_allowed = true};
    enum rule_direction direction = j->flow->direction;

    for (size_t i = 0; i < nsg->n_order[direction] && step.rule == NULL; i++) {
        const struct rule *rule = nsg->order[direction][i];
        enum match match = MATCH_NO;
        err_t err = match_rule(j, rule, &match);

        if (err) {
            return nsg_fault(nsg, rule, err, j->trail);
        }
        if (match == MATCH_YES) {
            step.rule = rule;
            step.is_allowed = rule->access == RULE_ALLOW;
        } else if (match == MATCH_PARTLY) {
            j->verdict->depends_on_port = true;
        }
    }
    j->verdict->steps[j->verdict->n_steps++] = step;
    return ERR_OK;
}

static void decide(struct flow_verdict *verdict)
{
    verdict->is_allowed = true;
    for (size_t i = 0; i < verdict->n_steps && verdict->is_allowed; i++) {
        if (verdict->steps[i].rule != NULL) {
            verdict->decided = verdict->steps[i];
            verdict->is_allowed = verdict->steps[i].is_allowed;
        }
    }
}

static err_t name_rule(struct arena *arena, struct flow_verdict *verdict)
{
    const struct rule *rule = verdict->decided.rule;

    if (rule == NULL) {
        return ERR_OK;
    }
    verdict->rule_name = arena_printf(
        arena, "%s/%s", rule->is_default ? "defaultSecurityRules" : "securityRules", rule->name);
    return verdict->rule_name == NULL ? ERR_MEMORY : ERR_OK;
}

err_t flow_judge(struct arena *arena, const struct network_world *world, const struct nsg *nic,
                 const struct nsg *subnet, const struct flow *flow, struct trail *trail,
                 struct flow_verdict *ret)
{
    bool is_out = flow->direction == RULE_OUTBOUND;
    const struct nsg *groups[2] = {is_out ? nic : subnet, is_out ? subnet : nic};
    const enum flow_stage order[2] = {is_out ? FLOW_NIC : FLOW_SUBNET,
                                      is_out ? FLOW_SUBNET : FLOW_NIC};
    struct flow_verdict verdict = {0};
    struct judging j = {arena, world, flow, trail, &verdict};
    err_t err = ERR_OK;

    if (flow->local.family != flow->remote.family || flow->local.family == ADDRESS_NONE) {
        return trail_set(trail, ERR_VALUE,
                         "both addresses must be IPv4, or both IPv6: no packet has one of each");
    }
    verdict.is_platform = is_out && address_set_has(&world->platform, &flow->remote);
    for (int i = 0; i < 2 && !err; i++) {
        err = groups[i] == NULL ? ERR_OK : judge_step(&j, groups[i], order[i]);
    }
    decide(&verdict);
    err = err ? err : name_rule(arena, &verdict);
    if (err) {
        return err;
    }
    *ret = verdict;
    return ERR_OK;
}
