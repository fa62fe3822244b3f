/*
 * nft-rule.c - one rule as lines of a chain: one for each family that both its sides can be of.
 *
 * Nothing of a rule goes into the text but numbers, addresses that were read and are written anew,
 * and names of the form that rule_name_is and rule_tag_name_is hold them to.
 */
#include "network/nft-internal.h"

struct writing {
    struct buf *out;
    const struct nft_plan *plan;
    const struct nft_group *group;
    const struct nft_options *options;
    enum nft_part part;
};

/* One rule, seen from its group's network. */
struct seen {
    const struct rule *rule;
    struct world_side source, destination;
};

void nft_add_set(struct buf *out, const struct address_set *set, enum address_family family,
                 bool has_braces)
{
    struct address_set part = address_set_of(set, family);
    bool is_list = has_braces || part.n > 1;

    buf_add_str(out, is_list ? "{ " : "");
    for (size_t i = 0; i < part.n; i++) {
        char text[ADDRESS_RANGE_TEXT_MAX];

        address_range_text(&part.items[i], text);
        buf_addf(out, "%s%s", i == 0 ? "" : ", ", text);
    }
    buf_add_str(out, is_list ? " }" : "");
}

/* ---- ports and protocols ---- */

static void add_ports(struct buf *out, const char *protocol, const char *which,
                      const struct rule_ports *ports)
{
    bool is_list = ports->n_ranges > 1;

    if (rule_ports_are_any(ports)) {
        return;
    }
    buf_addf(out, "%s %s %s", protocol, which, is_list ? "{ " : "");
    for (size_t i = 0; i < ports->n_ranges; i++) {
        const struct port_range *range = &ports->ranges[i];

        buf_addf(out, "%s%u", i == 0 ? "" : ", ", range->first);
        if (range->last > range->first) {
            buf_addf(out, "-%u", range->last);
        }
    }
    buf_add_str(out, is_list ? " } " : " ");
}

/* TCP, UDP, or either: the headers begin with the ports alike. */
static void add_transport(struct buf *out, const struct rule *rule,
                          const struct rule_ports *destination)
{
    const char *name = rule->protocol == RULE_TCP   ? "tcp"
                       : rule->protocol == RULE_UDP ? "udp"
                                                    : "th";
    bool has_ports = !rule_ports_are_any(&rule->source_ports) || !rule_ports_are_any(destination);

    if (rule->protocol == RULE_ANY && has_ports) {
        buf_add_str(out, "meta l4proto { tcp, udp } ");
    } else if (rule->protocol != RULE_ANY && !has_ports) {
        buf_addf(out, "meta l4proto %s ", name);
    }
    add_ports(out, name, "dport", destination);
    add_ports(out, name, "sport", &rule->source_ports);
}

static void add_protocol(const struct writing *w, const struct seen *seen,
                         enum address_family family)
{
    const struct rule *rule = seen->rule;
    const struct port_range single = {seen->destination.port, seen->destination.port};
    const struct rule_ports service = {.ranges = &single, .n_ranges = 1};

    switch (rule->protocol) {
    case RULE_ICMP:
        buf_addf(w->out, "meta l4proto %s ", family == ADDRESS_V4 ? "icmp" : "ipv6-icmp");
        break;
    case RULE_ESP:
    case RULE_AH:
        buf_addf(w->out, "meta l4proto %s ", rule->protocol == RULE_ESP ? "esp" : "ah");
        break;
    case RULE_ANY:
    case RULE_TCP:
    case RULE_UDP:
    default:
        add_transport(w->out, rule,
                      w->part == NFT_PART_PLATFORM ? &service : &rule->destination_ports);
    }
}

/* ---- addresses ---- */

static bool is_named(const struct world_side *side)
{
    return side->name != WORLD_NAME_NONE;
}

/* A named set may be filled later; any other that is empty never matches. */
static bool can_be(const struct world_side *side, enum address_family family)
{
    return side->form == WORLD_EVERYWHERE || is_named(side) ||
           address_set_of(&side->set, family).n > 0;
}

static bool needs_no_match(const struct world_side *side, enum address_family family)
{
    return side->form == WORLD_EVERYWHERE ||
           (!is_named(side) && address_set_is_whole(&side->set, family));
}

static void add_side(const struct writing *w, const struct world_side *side,
                     enum address_family family, const char *which)
{
    char name[NFT_NAME_MAX];

    if (needs_no_match(side, family)) {
        return;
    }
    buf_addf(w->out, "%s %s ", family == ADDRESS_V4 ? "ip" : "ip6", which);
    if (!is_named(side)) {
        nft_add_set(w->out, &side->set, family, false);
        buf_add_char(w->out, ' ');
        return;
    }
    if (side->name == WORLD_NAME_NETWORK) {
        nft_network_set(w->group->world, name);
    } else if (side->name == WORLD_NAME_PLATFORM) {
        nft_platform_set(w->group->world, name);
    } else {
        nft_tag_set(side->tag, name);
    }
    buf_addf(w->out, "%s@%s_v%d ", side->form == WORLD_OUTSIDE ? "!= " : "", name,
             family == ADDRESS_V4 ? 4 : 6);
}

/* ---- lines ---- */

/* family ADDRESS_NONE: of both. */
static void add_match(const struct writing *w, const struct seen *seen, enum address_family family)
{
    buf_add_str(w->out, "\t\t");
    if (family != ADDRESS_NONE && needs_no_match(&seen->source, family) &&
        needs_no_match(&seen->destination, family)) {
        buf_addf(w->out, "meta nfproto ipv%d ", family == ADDRESS_V4 ? 4 : 6);
    }
    add_protocol(w, seen, family);
    if (family != ADDRESS_NONE) {
        add_side(w, &seen->source, family, "saddr");
        add_side(w, &seen->destination, family, "daddr");
    }
}

static void add_line(const struct writing *w, const struct seen *seen, enum address_family family)
{
    const struct rule *rule = seen->rule;
    bool is_deny = rule->access == RULE_DENY;

    if (is_deny && w->options->has_log) {
        add_match(w, seen, family);
        buf_addf(w->out, "limit rate %d/second log prefix \"nsg:%s:%u:%s \" group %u\n",
                 NFT_LOGS_PER_SECOND, rule->direction == RULE_OUTBOUND ? "out" : "in",
                 rule->priority, rule->name, w->options->log_group);
    }
    add_match(w, seen, family);
    buf_addf(w->out, "counter %s comment \"%u %s\"\n", is_deny ? "drop" : "return", rule->priority,
             rule->name);
}

static void add_lines(const struct writing *w, const struct seen *seen)
{
    if (seen->source.form == WORLD_EVERYWHERE && seen->destination.form == WORLD_EVERYWHERE &&
        seen->rule->protocol != RULE_ICMP) {
        add_line(w, seen, ADDRESS_NONE);
        return;
    }
    for (int i = 0; i < 2; i++) {
        enum address_family family = i == 0 ? ADDRESS_V4 : ADDRESS_V6;

        if (can_be(&seen->source, family) && can_be(&seen->destination, family)) {
            add_line(w, seen, family);
        }
    }
}

/* Rules that name the platform's services are asked for the platform's addresses alone, and no
 * others are. */
static bool belongs(const struct writing *w, const struct seen *seen)
{
    bool is_platform =
        seen->rule->direction == RULE_OUTBOUND && seen->destination.name == WORLD_NAME_PLATFORM;
    enum rule_protocol protocol = seen->rule->protocol;

    if (w->part != NFT_PART_PLATFORM) {
        return !is_platform;
    }
    return is_platform && (protocol == RULE_ANY || protocol == RULE_TCP || protocol == RULE_UDP) &&
           rule_ports_have(&seen->rule->destination_ports, seen->destination.port);
}

err_t nft_add_group(struct buf *out, struct arena *arena, const struct nft_plan *plan, size_t group,
                    enum nft_part part, const struct nft_options *options, struct trail *trail)
{
    struct writing w = {out, plan, &plan->groups[group], options, part};
    const struct network_world *world = plan->worlds[w.group->world];
    const struct nsg *nsg = w.group->nsg;
    enum rule_direction direction = part == NFT_PART_IN ? RULE_INBOUND : RULE_OUTBOUND;
    char name[NFT_NAME_MAX];

    nft_chain_name(plan, group, part, name);
    buf_addf(out, "\tchain %s {\n", name);
    for (size_t i = 0; i < nsg->n_order[direction]; i++) {
        struct seen seen = {.rule = nsg->order[direction][i]};
        err_t err = world_side(arena, world, &seen.rule->source, trail, &seen.source);

        err =
            err ? err : world_side(arena, world, &seen.rule->destination, trail, &seen.destination);
        if (err) {
            return trail_in(trail, err, seen.rule->name);
        }
        if (belongs(&w, &seen)) {
            add_lines(&w, &seen);
        }
    }
    buf_add_str(out, "\t}\n");
    return ERR_OK;
}
