/*
 * rule-read.c - a rule from JSON. Who may send these bytes: whoever may write network security
 * groups, and whoever wrote a file given to the command line.
 */
#include "network/internal.h"
#include "network/reading.h"

#include "base/text.h"

#include <stdlib.h>

enum { SHOWN = 60 };
#define SHOW(span) (int)((span).len < SHOWN ? (span).len : SHOWN), (const char *)(span).data

static const char *const members[] = {
    "description",
    "protocol",
    "sourcePortRange",
    "sourcePortRanges",
    "destinationPortRange",
    "destinationPortRanges",
    "sourceAddressPrefix",
    "sourceAddressPrefixes",
    "destinationAddressPrefix",
    "destinationAddressPrefixes",
    "sourceApplicationSecurityGroups",
    "destinationApplicationSecurityGroups",
    "access",
    "priority",
    "direction",
    "provisioningState",
};

/* ---- lists of texts ---- */

struct list {
    const char *member; /* the one that is used */
    bool is_plural;
    struct span *items;
    size_t n;
};

static err_t list_items(const struct reading *r, yyjson_val *value, size_t max, struct list *list)
{
    size_t n = yyjson_is_arr(value) ? yyjson_arr_size(value) : 1;

    if (n > max) {
        return reading_refuse(r, ERR_TOO_MANY, "InvalidParameter", list->member,
                              "has %zu entries; at most %zu are allowed, make several rules of it",
                              n, max);
    }
    list->items = arena_calloc(r->arena, n, sizeof(*list->items));
    if (list->items == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        yyjson_val *item = yyjson_is_arr(value) ? yyjson_arr_get(value, i) : value;
        const char *text = json_text(item);

        if (text == NULL || text[0] == '\0') {
            return reading_refuse(r, ERR_JSON_TYPE, "InvalidRequestFormat", list->member,
                                  "must be text that is not empty");
        }
        list->items[i] = span_str(text);
    }
    list->n = n;
    return ERR_OK;
}

/* The singular member or the plural one, not both. n is 0 when neither is there. */
static err_t read_list(const struct reading *r, yyjson_val *object, const char *singular,
                       const char *plural, size_t max, struct list *ret)
{
    yyjson_val *one = NULL, *many = NULL;
    err_t err = reading_member(r, object, singular, &one);

    *ret = (struct list){.member = singular};
    err = err ? err : reading_member(r, object, plural, &many);
    if (err) {
        return err;
    }
    if (one != NULL && many != NULL) {
        return reading_refuse(r, ERR_VALUE, "InvalidParameter", plural,
                              "is there beside %s; leave one of them out", singular);
    }
    if (one == NULL && many == NULL) {
        return ERR_OK;
    }
    ret->is_plural = many != NULL;
    ret->member = ret->is_plural ? plural : singular;
    if (ret->is_plural != yyjson_is_arr(ret->is_plural ? many : one)) {
        return reading_refuse(r, ERR_JSON_TYPE, "InvalidRequestFormat", ret->member, "must be %s",
                              ret->is_plural ? "an array of texts" : "a text");
    }
    return list_items(r, ret->is_plural ? many : one, max, ret);
}

static err_t copy_texts(const struct reading *r, const struct list *list, const char *const **ret,
                        size_t *ret_n)
{
    const char **texts = arena_calloc(r->arena, list->n, sizeof(*texts));

    for (size_t i = 0; i < list->n && texts != NULL; i++) {
        texts[i] = reading_copy(r, list->items[i]);
        if (texts[i] == NULL) {
            return ERR_MEMORY;
        }
    }
    *ret = texts;
    *ret_n = list->n;
    return texts == NULL ? ERR_MEMORY : ERR_OK;
}

/* ---- ports ---- */

static bool read_port_range(struct span text, struct port_range *ret)
{
    const uint8_t *dash = memchr(text.data, '-', text.len);
    size_t at = dash == NULL ? text.len : (size_t)(dash - text.data);
    int first, last;

    if (span_is(text, "*")) {
        *ret = (struct port_range){0, UINT16_MAX};
        return true;
    }
    first = network_port_read(span_cut(text, 0, at));
    last = dash == NULL ? first : network_port_read(span_cut(text, at + 1, text.len));
    if (first < 0 || last < first) {
        return false;
    }
    *ret = (struct port_range){(uint16_t)first, (uint16_t)last};
    return true;
}

static int compare_ports(const void *a, const void *b)
{
    const struct port_range *x = a, *y = b;

    return x->first != y->first ? (x->first < y->first ? -1 : 1)
                                : (x->last > y->last) - (x->last < y->last);
}

/* Sorted; what overlaps or touches becomes one. */
static size_t merge_ports(struct port_range *ranges, size_t n)
{
    size_t used = 0;

    qsort(ranges, n, sizeof(*ranges), compare_ports);
    for (size_t i = 0; i < n; i++) {
        if (used > 0 && ranges[i].first <= (uint32_t)ranges[used - 1].last + 1) {
            if (ranges[used - 1].last < ranges[i].last) {
                ranges[used - 1].last = ranges[i].last;
            }
        } else {
            ranges[used++] = ranges[i];
        }
    }
    return used;
}

static err_t read_ports(const struct reading *r, yyjson_val *object, const char *singular,
                        const char *plural, struct rule_ports *ret)
{
    struct port_range *ranges;
    struct list list;
    err_t err = read_list(r, object, singular, plural, RULE_PORTS_MAX, &list);

    if (err) {
        return err;
    }
    if (list.n == 0) {
        return reading_refuse(r, ERR_JSON_MISSING, "InvalidParameter", singular,
                              "is missing; write a port, a range like 8000-8100, or *");
    }
    ranges = arena_calloc(r->arena, list.n, sizeof(*ranges));
    if (ranges == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < list.n; i++) {
        if (!read_port_range(list.items[i], &ranges[i])) {
            return reading_refuse(r, ERR_VALUE, "SecurityRuleInvalidPortRange", list.member,
                                  "'%.*s' is no port range; write a port from 0 to 65535, a range "
                                  "like 8000-8100, or *",
                                  SHOW(list.items[i]));
        }
    }
    ret->is_plural = list.is_plural;
    ret->ranges = ranges;
    ret->n_ranges = merge_ports(ranges, list.n);
    return copy_texts(r, &list, &ret->texts, &ret->n_texts);
}

/* ---- sides ---- */

struct side_members {
    const char *singular, *plural, *groups;
};

static err_t refuse_prefix(const struct reading *r, const struct list *list, struct span text)
{
    struct trail inner = {0};
    struct address_range ignored;
    err_t err = address_range_read(text, false, &inner, &ignored);

    return reading_refuse(r, ERR_VALUE, "SecurityRuleInvalidAddressPrefix", list->member, "%s%s",
                          err ? inner.what : "is no prefix",
                          strchr(inner.what, ';') == NULL ? "; write *, a service tag or a prefix"
                                                          : "");
}

static bool looks_like_address(struct span text)
{
    return (text.data[0] >= '0' && text.data[0] <= '9') ||
           memchr(text.data, ':', text.len) != NULL || memchr(text.data, '/', text.len) != NULL;
}

/* "*" and service tags stand alone: what a list of them meant would be a guess. */
static err_t read_word(const struct reading *r, const struct list *list, struct span word,
                       struct rule_side *side)
{
    bool is_any = span_is(word, "*");

    if (!is_any && (!rule_tag_name_is(word) || text_span_equal_nocase(word, "any"))) {
        return reading_refuse(r, ERR_VALUE, "SecurityRuleInvalidAddressPrefix", list->member,
                              "'%.*s' is no address, prefix, service tag or *", SHOW(word));
    }
    if (list->n > 1) {
        return reading_refuse(r, ERR_VALUE, "SecurityRuleParameterContainsUnsupportedValue",
                              list->member,
                              "has '%.*s' beside other entries; * and service tags stand alone, "
                              "make a rule for each",
                              SHOW(word));
    }
    side->kind = is_any ? RULE_SIDE_ANY : RULE_SIDE_TAG;
    return ERR_OK;
}

static err_t read_prefixes(const struct reading *r, const struct list *list, struct rule_side *side)
{
    struct address_range *ranges = arena_calloc(r->arena, list->n, sizeof(*ranges));

    if (ranges == NULL) {
        return ERR_MEMORY;
    }
    side->kind = RULE_SIDE_ADDRESSES;
    side->is_plural = list->is_plural;
    for (size_t i = 0; i < list->n; i++) {
        struct span text = list->items[i];

        if (!looks_like_address(text)) {
            err_t err = read_word(r, list, text, side);

            return err ? err : copy_texts(r, list, &side->texts, &side->n_texts);
        }
        if (address_range_read(text, false, NULL, &ranges[i]) != ERR_OK) {
            return refuse_prefix(r, list, text);
        }
    }
    if (address_set_make(r->arena, ranges, list->n, &side->set) != ERR_OK) {
        return ERR_MEMORY;
    }
    return copy_texts(r, list, &side->texts, &side->n_texts);
}

static bool is_group_id(const char *id)
{
    size_t len = id == NULL ? 0 : strlen(id);

    if (len < 2 || len > RULE_GROUP_ID_MAX || id[0] != '/') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (id[i] <= ' ' || id[i] >= 0x7f || id[i] == '"' || id[i] == '\\') {
            return false;
        }
    }
    return true;
}

static err_t read_groups(const struct reading *r, yyjson_val *array, const char *member,
                         struct rule_side *side)
{
    struct list list = {.member = member, .n = yyjson_arr_size(array)};

    if (!yyjson_is_arr(array) || list.n > RULE_GROUPS_MAX) {
        return reading_refuse(r, ERR_TOO_MANY, "InvalidParameter", member,
                              "must be an array of at most %d objects with an id", RULE_GROUPS_MAX);
    }
    list.items = arena_calloc(r->arena, list.n, sizeof(*list.items));
    if (list.items == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < list.n; i++) {
        const char *id = json_text(json_get(yyjson_arr_get(array, i), "id"));

        if (!is_group_id(id)) {
            return reading_refuse(r, ERR_VALUE, "InvalidParameter", member,
                                  "must be objects with the id of an application security group");
        }
        list.items[i] = span_str(id);
    }
    side->kind = RULE_SIDE_GROUPS;
    return copy_texts(r, &list, &side->texts, &side->n_texts);
}

static err_t read_side(const struct reading *r, yyjson_val *object,
                       const struct side_members *names, struct rule_side *ret)
{
    yyjson_val *groups = NULL;
    struct list list;
    err_t err = read_list(r, object, names->singular, names->plural, RULE_PREFIXES_MAX, &list);

    err = err ? err : reading_member(r, object, names->groups, &groups);
    if (err) {
        return err;
    }
    if (groups != NULL && list.n > 0) {
        return reading_refuse(r, ERR_VALUE, "InvalidParameter", names->groups,
                              "is there beside %s; leave one of them out", list.member);
    }
    if (groups != NULL) {
        return read_groups(r, groups, names->groups, ret);
    }
    if (list.n == 0) {
        return reading_refuse(r, ERR_JSON_MISSING, "InvalidParameter", names->singular,
                              "is missing; write an address, a prefix, a service tag or *");
    }
    return read_prefixes(r, &list, ret);
}

/* ---- the rest ---- */

static err_t read_choice(const struct reading *r, yyjson_val *object, const char *member,
                         const char *allowed, struct span *ret)
{
    yyjson_val *value = NULL;
    err_t err = reading_member(r, object, member, &value);

    if (err) {
        return err;
    }
    if (json_text(value) == NULL) {
        return reading_refuse(r, value == NULL ? ERR_JSON_MISSING : ERR_JSON_TYPE,
                              "InvalidParameter", member, "must be one of %s", allowed);
    }
    *ret = json_span(value);
    return ERR_OK;
}

static err_t read_choices(const struct reading *r, yyjson_val *object, struct rule *rule)
{
    struct span protocol = {0}, direction = {0}, access = {0};
    err_t err = read_choice(r, object, "protocol", "Tcp, Udp, Icmp, Esp, Ah, *", &protocol);

    err = err ? err : read_choice(r, object, "direction", "Inbound, Outbound", &direction);
    err = err ? err : read_choice(r, object, "access", "Allow, Deny", &access);
    if (err) {
        return err;
    }
    if (!rule_protocol_by_name(protocol, &rule->protocol)) {
        return reading_refuse(r, ERR_VALUE, "InvalidParameter", "protocol",
                              "'%.*s' is no protocol of rules; write Tcp, Udp, Icmp, Esp, Ah or *",
                              SHOW(protocol));
    }
    if (!rule_direction_by_name(direction, &rule->direction)) {
        return reading_refuse(r, ERR_VALUE, "InvalidParameter", "direction",
                              "'%.*s' is no direction; write Inbound or Outbound", SHOW(direction));
    }
    rule->access = text_span_equal_nocase(access, "Deny") ? RULE_DENY : RULE_ALLOW;
    if (rule->access == RULE_ALLOW && !text_span_equal_nocase(access, "Allow")) {
        return reading_refuse(r, ERR_VALUE, "InvalidParameter", "access",
                              "'%.*s' is no access; write Allow or Deny", SHOW(access));
    }
    return ERR_OK;
}

static err_t read_priority(const struct reading *r, yyjson_val *object, struct rule *rule)
{
    yyjson_val *value = NULL;
    err_t err = reading_member(r, object, "priority", &value);

    if (err) {
        return err;
    }
    if (!yyjson_is_uint(value) || yyjson_get_uint(value) < RULE_PRIORITY_MIN ||
        yyjson_get_uint(value) > RULE_PRIORITY_MAX) {
        return reading_refuse(
            r, value == NULL ? ERR_JSON_MISSING : ERR_VALUE, "SecurityRuleInvalidPriority",
            "priority", "must be a number from %d to %d", RULE_PRIORITY_MIN, RULE_PRIORITY_MAX);
    }
    rule->priority = (uint32_t)yyjson_get_uint(value);
    return ERR_OK;
}

static err_t read_description(const struct reading *r, yyjson_val *object, struct rule *rule)
{
    yyjson_val *value = NULL;
    size_t characters = 0;
    struct span text;
    err_t err = reading_member(r, object, "description", &value);

    if (err || value == NULL) {
        return err;
    }
    text = json_span(value);
    for (size_t i = 0; i < text.len; i++) {
        characters += (text.data[i] & 0xc0) != 0x80;
    }
    if (json_text(value) == NULL || characters > RULE_DESCRIPTION_MAX) {
        return reading_refuse(r, ERR_VALUE, "InvalidParameter", "description",
                              "must be text of at most %d characters", RULE_DESCRIPTION_MAX);
    }
    rule->description = reading_copy(r, text);
    return rule->description == NULL ? ERR_MEMORY : ERR_OK;
}

/* A rule for Icmp and port 443 would look as if it did something. */
static err_t check_ports(const struct reading *r, const struct rule *rule)
{
    bool has_ports =
        rule->protocol == RULE_ANY || rule->protocol == RULE_TCP || rule->protocol == RULE_UDP;

    if (has_ports ||
        (rule_ports_are_any(&rule->source_ports) && rule_ports_are_any(&rule->destination_ports))) {
        return ERR_OK;
    }
    return reading_refuse(r, ERR_VALUE, "InvalidParameter",
                          rule_ports_are_any(&rule->source_ports) ? "destinationPortRange"
                                                                  : "sourcePortRange",
                          "%s has no ports; write *", rule_protocol_name(rule->protocol));
}

static err_t read_properties(const struct reading *r, yyjson_val *object, struct rule *rule)
{
    static const struct side_members source = {"sourceAddressPrefix", "sourceAddressPrefixes",
                                               "sourceApplicationSecurityGroups"};
    static const struct side_members destination = {"destinationAddressPrefix",
                                                    "destinationAddressPrefixes",
                                                    "destinationApplicationSecurityGroups"};
    err_t err = reading_only(r, object, members, ARRAY_LEN(members));

    err = err ? err : read_description(r, object, rule);
    err = err ? err : read_choices(r, object, rule);
    err = err ? err : read_priority(r, object, rule);
    err = err ? err
              : read_ports(r, object, "sourcePortRange", "sourcePortRanges", &rule->source_ports);
    err = err ? err
              : read_ports(r, object, "destinationPortRange", "destinationPortRanges",
                           &rule->destination_ports);
    err = err ? err : read_side(r, object, &source, &rule->source);
    err = err ? err : read_side(r, object, &destination, &rule->destination);
    return err ? err : check_ports(r, rule);
}

err_t rule_read(struct arena *arena, struct span name, yyjson_val *properties,
                struct network_fault *fault, struct trail *trail, struct rule *ret)
{
    struct reading r = {.arena = arena, .fault = fault, .trail = trail};
    struct rule rule = {0};
    char shown[RULE_NAME_MAX + 8];
    err_t err;

    if (!rule_name_is(name)) {
        return reading_refuse(&r, ERR_VALUE, "InvalidResourceName", "name",
                              "'%.*s' is no name of a rule; use up to %d letters, digits, '.', "
                              "'-' and '_', and a letter, digit or '_' at both ends",
                              name.len == 0 ? 0 : SHOW(name), RULE_NAME_MAX);
    }
    rule.name = reading_copy(&r, name);
    if (rule.name == NULL) {
        return ERR_MEMORY;
    }
    text_escape(name, shown, sizeof(shown));
    if (!yyjson_is_obj(properties)) {
        err = reading_refuse(&r, ERR_JSON_TYPE, "InvalidRequestFormat", "properties",
                             "must be an object");
        return trail_in(trail, err, shown);
    }
    err = read_properties(&r, properties, &rule);
    if (err) {
        return trail_in(trail, err, shown);
    }
    *ret = rule;
    return ERR_OK;
}
