/*
 * flow-remedy.c - the rule that would let a denied flow through, and the words for it.
 */
#include "network/flow.h"

#include "base/text.h"

#include <stdio.h>

#define ATTESTATION "AzureAttestation"
enum { NAME_TRIES = 100 };

/* The tag that stands for the address. */
static const struct service_tag *tag_of(const struct service_tags *tags,
                                        const struct address *address)
{
    const struct service_tag *best = tags_find(tags, span_str(ATTESTATION));
    double best_size = 0;

    if (best != NULL && address_set_has(&best->set, address)) {
        return best;
    }
    best = NULL;
    for (size_t i = 0; tags != NULL && i < tags->n; i++) {
        const struct service_tag *tag = &tags->items[i];
        double size = address_set_size(&tag->set, address->family);

        if (address_set_has(&tag->set, address) && (best == NULL || size < best_size)) {
            best = tag;
            best_size = size;
        }
    }
    return best;
}

/* A name that the group has not: "Allow-AzureAttestation-443", or the same with a number. */
static const char *new_name(struct arena *arena, const struct nsg *nsg, const char *remote,
                            const char *service)
{
    char base[RULE_NAME_MAX + 1];
    int len = snprintf(base, sizeof(base), "Allow-%.56s-%s", remote, service);

    for (int i = 0; i < len; i++) {
        if (base[i] == ':' || base[i] == '/') {
            base[i] = '-';
        }
    }
    for (int i = 1; i < NAME_TRIES; i++) {
        const char *name =
            i == 1 ? arena_printf(arena, "%s", base) : arena_printf(arena, "%s-%d", base, i);

        if (name == NULL || nsg_rule(nsg, span_str(name)) == NULL) {
            return name;
        }
    }
    return NULL;
}

static enum rule_protocol protocol_of(uint8_t number)
{
    return number == FLOW_TCP                            ? RULE_TCP
           : number == FLOW_UDP                          ? RULE_UDP
           : number == FLOW_ICMP || number == FLOW_ICMP6 ? RULE_ICMP
           : number == FLOW_ESP                          ? RULE_ESP
           : number == FLOW_AH                           ? RULE_AH
                                                         : RULE_ANY;
}

static err_t make_texts(struct arena *arena, const char *text, const char *const **ret)
{
    const char **texts = arena_calloc(arena, 1, sizeof(*texts));

    if (texts == NULL || text == NULL) {
        return ERR_MEMORY;
    }
    texts[0] = text;
    *ret = texts;
    return ERR_OK;
}

static err_t make_ports(struct arena *arena, bool is_any, uint16_t port, struct rule_ports *ret)
{
    struct port_range *range = arena_calloc(arena, 1, sizeof(*range));

    if (range == NULL) {
        return ERR_MEMORY;
    }
    range->first = is_any ? 0 : port;
    range->last = is_any ? UINT16_MAX : port;
    *ret = (struct rule_ports){.n_texts = 1, .ranges = range, .n_ranges = 1};
    return make_texts(arena, is_any ? "*" : arena_printf(arena, "%u", port), &ret->texts);
}

/* The far side: a tag, else the address. A rule that reaches the platform names one of its tags, so
 * the one that shall come before it does, too. */
static err_t make_remote(struct arena *arena, const struct network_world *world,
                         const struct address *remote, const struct rule *denying,
                         struct rule_side *ret)
{
    bool is_platform = address_set_has(&world->platform, remote) &&
                       denying->destination.kind == RULE_SIDE_TAG &&
                       denying->direction == RULE_OUTBOUND;
    const struct service_tag *tag = tag_of(world->tags, remote);
    const char *name = is_platform ? denying->destination.texts[0] : tag != NULL ? tag->name : NULL;
    struct address_range range = {*remote, *remote};
    char text[ADDRESS_TEXT_MAX];
    err_t err;

    *ret = (struct rule_side){.kind = name != NULL ? RULE_SIDE_TAG : RULE_SIDE_ADDRESSES,
                              .n_texts = 1};
    if (name != NULL) {
        return make_texts(arena, name, &ret->texts);
    }
    address_text(remote, text);
    err = address_set_make(arena, &range, 1, &ret->set);
    return err ? err : make_texts(arena, arena_printf(arena, "%s", text), &ret->texts);
}

/* The port that somebody listens on: the remote one going out, the local one coming in. */
static err_t make_rule(struct arena *arena, const struct network_world *world,
                       const struct flow *flow, const struct flow_step *step, uint32_t priority,
                       struct rule *ret)
{
    bool is_out = flow->direction == RULE_OUTBOUND;
    struct flow_port port = is_out ? flow->remote_port : flow->local_port;
    struct rule_side any = {.kind = RULE_SIDE_ANY, .n_texts = 1}, remote;
    bool has_port = (flow->protocol == FLOW_TCP || flow->protocol == FLOW_UDP) && !port.is_any;
    char service[16];
    err_t err = make_remote(arena, world, &flow->remote, step->rule, &remote);

    *ret = (struct rule){.direction = flow->direction,
                         .access = RULE_ALLOW,
                         .protocol = protocol_of(flow->protocol),
                         .priority = priority};
    err = err ? err : make_texts(arena, "*", &any.texts);
    err = err ? err : make_ports(arena, true, 0, &ret->source_ports);
    err = err ? err : make_ports(arena, !has_port, port.number, &ret->destination_ports);
    if (err) {
        return err;
    }
    ret->source = is_out ? any : remote;
    ret->destination = is_out ? remote : any;
    snprintf(service, sizeof(service), has_port ? "%u" : "any", port.number);
    ret->name = new_name(arena, step->nsg, remote.texts[0], service);
    return ret->name == NULL ? ERR_MEMORY : ERR_OK;
}

/* As people write them. */
static const char *protocol_word(enum rule_protocol protocol)
{
    static const char *const words[] = {"traffic", "TCP", "UDP", "ICMP", "ESP", "AH"};

    return words[protocol];
}

static const char *make_words(struct arena *arena, const struct flow_step *step,
                              const struct rule *rule, bool is_free)
{
    const struct rule_side *remote =
        rule->direction == RULE_OUTBOUND ? &rule->destination : &rule->source;
    bool is_any_port = rule_ports_are_any(&rule->destination_ports);
    const char *what = arena_printf(
        arena, "Allow %s %s%s%s %s %s%s in network security group %s",
        rule->direction == RULE_OUTBOUND ? "outbound" : "inbound", protocol_word(rule->protocol),
        is_any_port ? "" : " ", is_any_port ? "" : rule->destination_ports.texts[0],
        rule->direction == RULE_OUTBOUND ? "to" : "from",
        remote->kind == RULE_SIDE_TAG ? "service tag " : "", remote->texts[0], step->nsg->name);

    if (what == NULL) {
        return NULL;
    }
    if (!is_free) {
        return arena_printf(arena,
                            "%s: no priority below %u is free, so move rule %s to a larger one "
                            "first",
                            what, step->rule->priority, step->rule->name);
    }
    return arena_printf(arena, "%s, with a priority below %u (%u is free).", what,
                        step->rule->priority, rule->priority);
}

static err_t make_remedy(struct arena *arena, const struct network_world *world,
                         const struct flow *flow, const struct flow_step *step,
                         struct flow_remedy *ret)
{
    uint32_t priority = nsg_free_priority(step->nsg, flow->direction, step->rule->priority);
    struct rule *rule = arena_calloc(arena, 1, sizeof(*rule));
    err_t err = rule == NULL ? ERR_MEMORY : make_rule(arena, world, flow, step, priority, rule);

    if (err) {
        return err;
    }
    *ret = (struct flow_remedy){.nsg = step->nsg,
                                .stage = step->stage,
                                .rule = priority == 0 ? NULL : rule,
                                .words = make_words(arena, step, rule, priority != 0)};
    return ret->words == NULL ? ERR_MEMORY : ERR_OK;
}

err_t flow_remedies(struct arena *arena, const struct network_world *world, const struct flow *flow,
                    const struct flow_verdict *verdict, struct flow_remedy ret[static 2],
                    size_t *ret_n)
{
    size_t n = 0;

    for (size_t i = 0; i < verdict->n_steps; i++) {
        if (!verdict->steps[i].is_allowed) {
            err_t err = make_remedy(arena, world, flow, &verdict->steps[i], &ret[n]);

            if (err) {
                return err;
            }
            n++;
        }
    }
    *ret_n = n;
    return ERR_OK;
}
