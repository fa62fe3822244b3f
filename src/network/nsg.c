/*
 * nsg.c - network security groups. Who may send these bytes: whoever may write such groups, and
 * whoever wrote a file given to the command line.
 */
#include "network/nsg.h"

#include "network/internal.h"
#include "network/reading.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

const struct json_limits nsg_json = {.max_depth = 16, .max_values = NSG_MAX_VALUES};

static const char *const members[] = {
    "securityRules", "defaultSecurityRules", "flushConnection", "provisioningState",
    "resourceGuid",  "networkInterfaces",    "subnets",         "flowLogs",
};

/* ---- order ---- */

static int compare_priority(const void *a, const void *b)
{
    const struct rule *const *x = a, *const *y = b;

    return ((*x)->priority > (*y)->priority) - ((*x)->priority < (*y)->priority);
}

static size_t collect(const struct rule *rules, size_t n, enum rule_direction direction,
                      const struct rule **out)
{
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        if (rules[i].direction == direction) {
            out[used++] = &rules[i];
        }
    }
    return used;
}

static uint32_t free_priority(const struct rule *rules, size_t n, enum rule_direction direction,
                              uint32_t below)
{
    bool is_taken[RULE_PRIORITY_MAX + 1] = {false};

    for (size_t i = 0; i < n; i++) {
        if (rules[i].direction == direction && rules[i].priority <= RULE_PRIORITY_MAX) {
            is_taken[rules[i].priority] = true;
        }
    }
    for (uint32_t p = below > RULE_PRIORITY_MAX ? RULE_PRIORITY_MAX : below - 1;
         p >= RULE_PRIORITY_MIN; p--) {
        if (!is_taken[p]) {
            return p;
        }
    }
    return 0;
}

static err_t refuse_conflict(const struct reading *r, const struct nsg *nsg, const struct rule *a,
                             const struct rule *b)
{
    uint32_t spare = free_priority(nsg->rules, nsg->n_rules, a->direction, RULE_PRIORITY_MAX + 1);
    err_t err = reading_refuse(r, ERR_CONFLICT, "SecurityRuleConflict", "priority",
                               "conflicts with rule %s: both are %s with priority %u; give one of "
                               "them another, for example %u",
                               a->name, rule_direction_name(a->direction), a->priority, spare);

    return trail_in(r->trail, err, b->name);
}

/* Sorted by direction; two rules of one priority would make the order an accident. */
static err_t arrange(const struct reading *r, struct nsg *nsg)
{
    for (int d = 0; d < 2; d++) {
        const struct rule **order =
            arena_calloc(r->arena, nsg->n_rules + RULE_DEFAULTS, sizeof(const struct rule *));
        size_t n;

        if (order == NULL) {
            return ERR_MEMORY;
        }
        n = collect(nsg->rules, nsg->n_rules, (enum rule_direction)d, order);
        qsort(order, n, sizeof(const struct rule *), compare_priority);
        for (size_t i = 1; i < n; i++) {
            if (order[i]->priority == order[i - 1]->priority) {
                const struct rule *a = order[i - 1], *b = order[i];

                return refuse_conflict(r, nsg, a < b ? a : b, a < b ? b : a);
            }
        }
        n += collect(rule_defaults, RULE_DEFAULTS, (enum rule_direction)d, order + n);
        nsg->order[d] = order;
        nsg->n_order[d] = n;
    }
    return ERR_OK;
}

static int compare_names(const void *a, const void *b)
{
    const struct rule *const *x = a, *const *y = b;

    return strcasecmp((*x)->name, (*y)->name);
}

static err_t check_names(const struct reading *r, const struct nsg *nsg)
{
    const struct rule **sorted =
        arena_calloc(r->arena, nsg->n_rules + 1, sizeof(const struct rule *));

    if (sorted == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < nsg->n_rules; i++) {
        sorted[i] = &nsg->rules[i];
    }
    qsort(sorted, nsg->n_rules, sizeof(const struct rule *), compare_names);
    for (size_t i = 1; i < nsg->n_rules; i++) {
        if (compare_names(&sorted[i - 1], &sorted[i]) == 0) {
            return reading_refuse(r, ERR_CONFLICT, "DuplicateResourceName", "securityRules",
                                  "has two rules named %s; names count in any case, rename one",
                                  sorted[i]->name);
        }
    }
    return ERR_OK;
}

/* ---- reading ---- */

static err_t read_rule(const struct reading *r, yyjson_val *item, size_t index, struct rule *ret)
{
    struct span name = json_span(json_get(item, "name"));
    char place[40];
    err_t err;

    snprintf(place, sizeof(place), "securityRules[%zu]", index);
    if (name.data == NULL) {
        err = reading_refuse(r, ERR_JSON_MISSING, "InvalidResourceName", "name",
                             "is missing; every rule needs one");
        return trail_in(r->trail, err, place);
    }
    err = rule_read(r->arena, name, json_get(item, "properties"), r->fault, r->trail, ret);
    return err && !rule_name_is(name) ? trail_in(r->trail, err, place) : err;
}

static err_t read_rules(const struct reading *r, yyjson_val *list, struct nsg *nsg)
{
    size_t n = yyjson_arr_size(list);
    struct rule *rules;

    if (list != NULL && !yyjson_is_arr(list)) {
        return reading_refuse(r, ERR_JSON_TYPE, "InvalidRequestFormat", "securityRules",
                              "must be an array");
    }
    if (n > NSG_RULES_MAX) {
        return reading_refuse(r, ERR_TOO_MANY, "InvalidParameter", "securityRules",
                              "has %zu rules; a group has at most %d", n, NSG_RULES_MAX);
    }
    rules = arena_calloc(r->arena, n + 1, sizeof(*rules));
    if (rules == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        err_t err = read_rule(r, yyjson_arr_get(list, i), i, &rules[i]);

        if (err) {
            return err;
        }
    }
    nsg->rules = rules;
    nsg->n_rules = n;
    return ERR_OK;
}

static err_t read_properties(const struct reading *r, yyjson_val *properties, struct nsg *nsg)
{
    yyjson_val *rules = NULL, *flush = NULL;
    err_t err;

    if (properties != NULL && !yyjson_is_null(properties) && !yyjson_is_obj(properties)) {
        return reading_refuse(r, ERR_JSON_TYPE, "InvalidRequestFormat", "properties",
                              "must be an object");
    }
    err = reading_only(r, properties, members, ARRAY_LEN(members));
    err = err ? err : reading_member(r, properties, "securityRules", &rules);
    err = err ? err : reading_member(r, properties, "flushConnection", &flush);
    if (!err && flush != NULL && !yyjson_is_bool(flush)) {
        err = reading_refuse(r, ERR_JSON_TYPE, "InvalidRequestFormat", "flushConnection",
                             "must be true or false");
    }
    nsg->flushes_connections = yyjson_is_true(flush);
    err = err ? err : read_rules(r, rules, nsg);
    err = err ? err : check_names(r, nsg);
    return err ? err : arrange(r, nsg);
}

err_t nsg_read(struct arena *arena, struct span name, yyjson_val *properties,
               struct network_fault *fault, struct trail *trail, const struct nsg **ret)
{
    struct reading r = {.arena = arena, .fault = fault, .trail = trail};
    struct nsg *nsg = arena_calloc(arena, 1, sizeof(*nsg));
    err_t err;

    if (nsg == NULL) {
        return ERR_MEMORY;
    }
    if (!rule_name_is(name)) {
        return reading_refuse(&r, ERR_VALUE, "InvalidResourceName", "name",
                              "is no name of a network security group; use up to %d letters, "
                              "digits, '.', '-' and '_', and a letter, digit or '_' at both ends",
                              RULE_NAME_MAX);
    }
    nsg->name = reading_copy(&r, name);
    err = nsg->name == NULL ? ERR_MEMORY : read_properties(&r, properties, nsg);
    if (err) {
        return err;
    }
    *ret = nsg;
    return ERR_OK;
}

err_t nsg_read_resource(struct arena *arena, yyjson_val *resource, struct network_fault *fault,
                        struct trail *trail, const struct nsg **ret)
{
    struct reading r = {.arena = arena, .fault = fault, .trail = trail};
    struct span name = json_span(json_get(resource, "name"));
    yyjson_val *properties = json_get(resource, "properties");

    if (name.data == NULL) {
        return reading_refuse(&r, ERR_JSON_MISSING, "InvalidResourceName", "name",
                              "is missing; a group is an object with name and properties");
    }
    if (properties == NULL) {
        return reading_refuse(&r, ERR_JSON_MISSING, "InvalidRequestFormat", "properties",
                              "is missing; a group is an object with name and properties");
    }
    return nsg_read(arena, name, properties, fault, trail, ret);
}

/* ---- changing ---- */

const struct rule *nsg_rule(const struct nsg *nsg, struct span name)
{
    for (size_t i = 0; i < nsg->n_rules; i++) {
        if (text_span_equal_nocase(name, nsg->rules[i].name)) {
            return &nsg->rules[i];
        }
    }
    return NULL;
}

/* The rules but `left_out` (or NULL) copied, with room for one more. */
static struct nsg *copy_without(struct arena *arena, const struct nsg *nsg,
                                const struct rule *left_out, struct rule **ret_rules)
{
    struct nsg *copy = arena_calloc(arena, 1, sizeof(*copy));
    struct rule *rules = arena_calloc(arena, nsg->n_rules + 1, sizeof(*rules));

    if (copy == NULL || rules == NULL) {
        return NULL;
    }
    copy->name = nsg->name;
    copy->flushes_connections = nsg->flushes_connections;
    copy->rules = rules;
    for (size_t i = 0; i < nsg->n_rules; i++) {
        if (&nsg->rules[i] != left_out) {
            rules[copy->n_rules++] = nsg->rules[i];
        }
    }
    *ret_rules = rules;
    return copy;
}

err_t nsg_with_rule(struct arena *arena, const struct nsg *nsg, const struct rule *rule,
                    struct network_fault *fault, struct trail *trail, const struct nsg **ret)
{
    struct reading r = {.arena = arena, .fault = fault, .trail = trail};
    struct rule *rules = NULL;
    struct nsg *copy = copy_without(arena, nsg, nsg_rule(nsg, span_str(rule->name)), &rules);
    err_t err;

    if (copy == NULL) {
        return ERR_MEMORY;
    }
    if (copy->n_rules == NSG_RULES_MAX) {
        return reading_refuse(&r, ERR_TOO_MANY, "InvalidParameter", "securityRules",
                              "has %d rules already, and a group has no more; remove one first",
                              NSG_RULES_MAX);
    }
    rules[copy->n_rules++] = *rule;
    err = arrange(&r, copy);
    if (err) {
        return err;
    }
    *ret = copy;
    return ERR_OK;
}

err_t nsg_without_rule(struct arena *arena, const struct nsg *nsg, struct span name,
                       const struct nsg **ret)
{
    struct reading r = {.arena = arena};
    const struct rule *rule = nsg_rule(nsg, name);
    struct rule *rules = NULL;
    struct nsg *copy = rule == NULL ? NULL : copy_without(arena, nsg, rule, &rules);
    err_t err;

    if (rule == NULL) {
        return ERR_NOT_FOUND;
    }
    err = copy == NULL ? ERR_MEMORY : arrange(&r, copy);
    if (err) {
        return err;
    }
    *ret = copy;
    return ERR_OK;
}

uint32_t nsg_free_priority(const struct nsg *nsg, enum rule_direction direction, uint32_t below)
{
    return free_priority(nsg->rules, nsg->n_rules, direction, below);
}

err_t nsg_fault(const struct nsg *nsg, const struct rule *rule, err_t err, struct trail *trail)
{
    char words[TRAIL_WHAT_MAX];

    if (trail == NULL || err == ERR_OK || trail->what[0] == '\0') {
        return err;
    }
    snprintf(words, sizeof(words), "%s", trail->what);
    trail->what[0] = '\0';
    return trail_set(trail, err, "rule %s of the network security group %s %s", rule->name,
                     nsg->name, words);
}
