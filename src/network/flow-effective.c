/*
 * flow-effective.c - the rules in force, as the effective rules of a network interface show them.
 */
#include "network/flow.h"

#include "network/internal.h"

#include <stdio.h>

struct showing {
    struct arena *arena;
    yyjson_mut_doc *doc;
    const struct network_world *world;
    struct trail *trail;
    yyjson_mut_val *tag_map;
};

static yyjson_mut_val *text_list(const struct showing *s, const char *const *texts, size_t n)
{
    yyjson_mut_val *list = yyjson_mut_arr(s->doc);

    for (size_t i = 0; i < n; i++) {
        yyjson_mut_arr_add_strcpy(s->doc, list, texts[i]);
    }
    return list;
}

/* Ranges here always have two ends: "443-443", "0-65535". */
static void add_ports(const struct showing *s, yyjson_mut_val *object, const char *singular,
                      const char *plural, const struct rule_ports *ports)
{
    yyjson_mut_val *list = yyjson_mut_arr(s->doc);
    char text[16] = "";

    for (size_t i = 0; i < ports->n_ranges; i++) {
        snprintf(text, sizeof(text), "%u-%u", ports->ranges[i].first, ports->ranges[i].last);
        yyjson_mut_arr_add_strcpy(s->doc, list, text);
    }
    if (ports->n_ranges == 1) {
        json_add_text(s->doc, object, singular, text);
    }
    json_add_value(s->doc, object, plural, list);
}

/* Tags, and what follows from the network: written out. */
static err_t expand(const struct showing *s, const struct world_side *side, const char *const **ret,
                    size_t *ret_n)
{
    const struct address_set *set = side->form == WORLD_OUTSIDE ? &s->world->internet : &side->set;

    return address_set_cidrs(s->arena, set, ret, ret_n);
}

struct side_names {
    const char *singular, *plural, *expanded;
};

static err_t add_side(const struct showing *s, yyjson_mut_val *object,
                      const struct side_names *names, const struct rule_side *side)
{
    struct world_side seen;
    const char *const *texts = side->texts;
    const char *const *cidrs = NULL;
    size_t n_texts = side->n_texts, n_cidrs = 0;
    err_t err = world_side(s->arena, s->world, side, s->trail, &seen);

    if (err) {
        return err;
    }
    if (side->kind == RULE_SIDE_TAG || side->kind == RULE_SIDE_GROUPS) {
        err = expand(s, &seen, &cidrs, &n_cidrs);
        if (err) {
            return err;
        }
    }
    if (side->kind == RULE_SIDE_GROUPS) {
        texts = cidrs;
        n_texts = n_cidrs;
    } else if (!side->is_plural) {
        json_add_text(s->doc, object, names->singular, texts[0]);
    }
    json_add_value(s->doc, object, names->plural, text_list(s, texts, n_texts));
    if (side->kind == RULE_SIDE_TAG) {
        json_add_value(s->doc, object, names->expanded, text_list(s, cidrs, n_cidrs));
        if (yyjson_mut_obj_get(s->tag_map, texts[0]) == NULL) {
            json_add_value(s->doc, s->tag_map, texts[0], text_list(s, cidrs, n_cidrs));
        }
    }
    return ERR_OK;
}

static err_t add_rule(const struct showing *s, yyjson_mut_val *list, const struct rule *rule)
{
    static const struct side_names source = {"sourceAddressPrefix", "sourceAddressPrefixes",
                                             "expandedSourceAddressPrefix"};
    static const struct side_names destination = {"destinationAddressPrefix",
                                                  "destinationAddressPrefixes",
                                                  "expandedDestinationAddressPrefix"};
    yyjson_mut_val *object = yyjson_mut_arr_add_obj(s->doc, list);
    const char *name = arena_printf(
        s->arena, "%s/%s", rule->is_default ? "defaultSecurityRules" : "securityRules", rule->name);
    err_t err;

    json_add_text(s->doc, object, "name", name);
    json_add_text(s->doc, object, "protocol",
                  rule->protocol == RULE_ANY ? "All" : rule_protocol_name(rule->protocol));
    add_ports(s, object, "sourcePortRange", "sourcePortRanges", &rule->source_ports);
    add_ports(s, object, "destinationPortRange", "destinationPortRanges", &rule->destination_ports);
    err = add_side(s, object, &source, &rule->source);
    err = err ? err : add_side(s, object, &destination, &rule->destination);
    json_add_text(s->doc, object, "access", rule_access_name(rule->access));
    json_add_uint(s->doc, object, "priority", rule->priority);
    json_add_text(s->doc, object, "direction", rule_direction_name(rule->direction));
    return err ? err : name == NULL ? ERR_MEMORY : ERR_OK;
}

err_t flow_effective(struct arena *arena, yyjson_mut_doc *doc, const struct network_world *world,
                     const struct nsg *nsg, struct trail *trail, yyjson_mut_val **ret)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc), *list;
    struct showing s = {arena, doc, world, trail, NULL};

    list = json_add_array(doc, root, "effectiveSecurityRules");
    s.tag_map = json_add_object(doc, root, "tagMap");
    for (int d = 0; d < 2; d++) {
        for (size_t i = 0; i < nsg->n_order[d]; i++) {
            err_t err = add_rule(&s, list, nsg->order[d][i]);

            if (err) {
                return nsg_fault(nsg, nsg->order[d][i], err, trail);
            }
        }
    }
    *ret = root;
    return ERR_OK;
}
