/*
 * security-group.c - Microsoft.Network/networkSecurityGroups and their rules: what a client sends
 * is kept as the network room reads it.
 */
#include "kinds/network.h"
#include "kinds/uses.h"

#include "base/text.h"

#include <stdio.h>

#define GROUPS "Microsoft.Network/networkSecurityGroups"
#define DEFAULT_RULES "defaultSecurityRules"

/* ---- what is sent ---- */

static bool refuse(struct control_call *call, err_t err, const struct network_fault *fault,
                   const struct trail *trail, struct control_answer *ret)
{
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 48];

    if (fault->code == NULL) {
        control_fail(call, err, trail, ret);
        return false;
    }
    trail_format(trail, err, words, sizeof(words));
    control_refuse(call, ret, 400, fault->code, "%s", words);
    ret->target = arena_printf(call->arena, "%s", fault->target);
    return false;
}

/* A rule that denies to a tag that nobody knows would be open. */
static bool tags_exist(struct control_call *call, const struct nsg *nsg, struct control_answer *ret)
{
    CLEANUP(tags_release)
    struct tags_snapshot *snapshot = service_tags_take(control_service_tags(call->control));
    const struct address_set none = {0};
    const struct network_world *world = NULL;
    struct network_fault fault = {0};
    struct trail trail = {0};
    err_t err = world_new(call->arena, &none, &none, tags_of(snapshot), NULL, 0, &world);

    if (err) {
        control_fail(call, err, &trail, ret);
        return false;
    }
    err = world_check(world, nsg, &fault, &trail);
    if (err == ERR_NOT_FOUND && fault.code == NULL) {
        fault.code = "SecurityRuleInvalidAddressPrefix";
    }
    return err == ERR_OK || refuse(call, err, &fault, &trail, ret);
}

static bool side_names(const struct rule_side *side, const char *id)
{
    for (size_t i = 0; side->kind == RULE_SIDE_GROUPS && i < side->n_texts; i++) {
        if (text_equal_nocase(side->texts[i], id)) {
            return true;
        }
    }
    return false;
}

/* old: the rule of that name as it was; NULL = none. What it names already asks nobody again: who
 * changes one rule sends all of them. */
static bool need_side(struct control_call *call, const struct rule_side *side,
                      const struct rule *old, const struct resource *wanted,
                      struct control_answer *ret)
{
    for (size_t i = 0; side->kind == RULE_SIDE_GROUPS && i < side->n_texts; i++) {
        bool is_kept = old != NULL && (side_names(&old->source, side->texts[i]) ||
                                       side_names(&old->destination, side->texts[i]));

        if (!need_reference(call, side->texts[i], &kind_security_group_application,
                            is_kept ? NULL : LINK_APPLICATION_BY_RULE, wanted, NULL, ret)) {
            return false;
        }
    }
    return true;
}

static const struct rule *find_rule(const struct nsg *nsg, const char *name)
{
    for (size_t i = 0; nsg != NULL && i < nsg->n_rules; i++) {
        if (text_equal_nocase(nsg->rules[i].name, name)) {
            return &nsg->rules[i];
        }
    }
    return NULL;
}

static bool need_sides(struct control_call *call, const struct resource *before,
                       const struct nsg *nsg, const struct resource *wanted,
                       struct control_answer *ret)
{
    const struct nsg *old = NULL;

    if (before != NULL && group_read(call, before, NULL, NULL, &old) != ERR_OK) {
        old = NULL; /* then all of it is asked about */
    }
    for (size_t i = 0; i < nsg->n_rules; i++) {
        const struct rule *rule = &nsg->rules[i], *known;

        if (rule->source.kind != RULE_SIDE_GROUPS && rule->destination.kind != RULE_SIDE_GROUPS) {
            continue;
        }
        known = find_rule(old, rule->name);
        if (!need_side(call, &rule->source, known, wanted, ret) ||
            !need_side(call, &rule->destination, known, wanted, ret)) {
            return false;
        }
    }
    return true;
}

static void normalise(struct control_call *call, const struct nsg *nsg, yyjson_mut_val *properties)
{
    static const char *const ours[] = {DEFAULT_RULES, "resourceGuid", "networkInterfaces",
                                       "subnets",     "flowLogs",     "securityRules"};
    yyjson_mut_val *list;

    for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
        body_drop(properties, ours[i]);
    }
    list = json_add_array(call->doc, properties, "securityRules");
    for (size_t i = 0; i < nsg->n_rules; i++) {
        yyjson_mut_val *item = yyjson_mut_arr_add_obj(call->doc, list);

        json_add_text(call->doc, item, "name", nsg->rules[i].name);
        json_add_value(call->doc, item, "properties", rule_write(call->doc, &nsg->rules[i]));
    }
}

static bool prepare(struct control_call *call, const struct resource *before,
                    struct resource *wanted, struct control_answer *ret)
{
    struct network_fault fault = {0};
    struct trail trail = {0};
    const struct nsg *nsg = NULL;
    err_t err = group_read(call, wanted, &fault, &trail, &nsg);

    if (err) {
        return refuse(call, err, &fault, &trail, ret);
    }
    if (!need_sides(call, before, nsg, wanted, ret) || !tags_exist(call, nsg, ret)) {
        return false;
    }
    normalise(call, nsg, resource_properties(call, wanted));
    return true;
}

/* ---- what is shown ---- */

static yyjson_mut_val *default_rule(struct control_call *call, const struct resource *group,
                                    const struct rule *rule)
{
    yyjson_mut_val *object = yyjson_mut_obj(call->doc), *properties = rule_write(call->doc, rule);

    json_add_text(call->doc, object, "name", rule->name);
    json_add_text(call->doc, object, "id",
                  arena_printf(call->arena, "%s/%s/%s", group->id, DEFAULT_RULES, rule->name));
    json_add_text(call->doc, object, "type", GROUPS "/" DEFAULT_RULES);
    json_add_text(call->doc, object, "etag", resource_etag(call, group));
    json_add_text(call->doc, properties, "provisioningState", "Succeeded");
    json_add_value(call->doc, object, "properties", properties);
    return object;
}

/* One look through the subscription for all groups of a list. */
static const struct uses *uses_of_groups(struct control_call *call, const char *id)
{
    struct uses *uses = call->kept;

    if (uses == NULL && (uses = arena_calloc(call->arena, 1, sizeof(*uses))) != NULL) {
        if (uses_find(call, id, (unsigned)USE_GROUP_BY_INTERFACE | (unsigned)USE_GROUP_BY_SUBNET,
                      NULL, NULL, uses) != ERR_OK) {
            *uses = (struct uses){0}; /* who uses it is told, not decided, by this */
        }
        call->kept = uses;
    }
    return uses;
}

static void show_uses(struct control_call *call, const struct resource *group,
                      yyjson_mut_val *properties, enum use_kind kind, const char *member)
{
    const struct uses *uses = uses_of_groups(call, group->id);
    yyjson_mut_val *list = NULL;

    for (size_t i = 0; uses != NULL && i < uses->n; i++) {
        const struct use *use = &uses->items[i];

        if (use->kind != kind || strcmp(use->key, group->key) != 0) {
            continue;
        }
        list = list == NULL ? json_add_array(call->doc, properties, member) : list;
        json_add_text(call->doc, yyjson_mut_arr_add_obj(call->doc, list), "id", use->who);
    }
}

static void show(struct control_call *call, const struct resource *resource, yyjson_mut_val *object)
{
    yyjson_mut_val *properties, *list;

    members_show(call, resource, object, "securityRules", &kind_security_rule);
    properties = body_get(object, "properties");
    list = json_add_array(call->doc, properties, DEFAULT_RULES);
    for (size_t i = 0; i < RULE_DEFAULTS; i++) {
        (void)yyjson_mut_arr_append(list, default_rule(call, resource, &rule_defaults[i]));
    }
    json_add_text(call->doc, properties, "resourceGuid", derived_guid(call, resource->id));
    show_uses(call, resource, properties, USE_GROUP_BY_INTERFACE, "networkInterfaces");
    show_uses(call, resource, properties, USE_GROUP_BY_SUBNET, "subnets");
}

const struct kind kind_security_group = {
    .type = GROUPS,
    .versions = NETWORK_VERSIONS,
    .flags = KIND_HAS_LOCATION | KIND_HAS_TAGS | KIND_SHOWS_ETAG | KIND_CLAIMS,
    .prepare = prepare,
    .show = show,
    .may_go = group_is_free,
};

const struct kind kind_security_rule = {
    .type = GROUPS "/securityRules",
    .versions = "2022-07-01 2022-01-01 2025-05-01",
    .flags = KIND_NO_PATCH,
    .member = "securityRules",
};

/* ---- the default rules ---- */

static const char *group_id(struct control_call *call, struct control_answer *ret)
{
    const struct resource_path *path = &call->path;

    (void)ret;
    return arena_printf(call->arena,
                        "/subscriptions/%.*s/resourceGroups/%.*s/providers/" GROUPS "/%.*s",
                        (int)path->subscription.len, (const char *)path->subscription.data,
                        (int)path->group.len, (const char *)path->group.data,
                        (int)call->parameters[0].len, (const char *)call->parameters[0].data);
}

static bool load_group(struct control_call *call, struct resource *ret_group,
                       struct control_answer *ret)
{
    const char *id = group_id(call, ret);
    struct trail trail = {0};
    err_t err = id == NULL ? ERR_MEMORY : resource_load(call, id, &trail, ret_group);

    if (err == ERR_NOT_FOUND) {
        control_not_found(call, id, ret);
    } else if (err) {
        control_fail(call, err, &trail, ret);
    }
    return err == ERR_OK;
}

static void handle_defaults(struct control_call *call, struct control_answer *ret)
{
    yyjson_mut_val *list = yyjson_mut_arr(call->doc);
    struct resource group;

    if (!load_group(call, &group, ret)) {
        return;
    }
    for (size_t i = 0; i < RULE_DEFAULTS; i++) {
        (void)yyjson_mut_arr_append(list, default_rule(call, &group, &rule_defaults[i]));
    }
    control_answer_list(call, list, NULL, ret);
}

static void handle_default(struct control_call *call, struct control_answer *ret)
{
    struct span name = call->parameters[1];
    struct resource group;

    if (!load_group(call, &group, ret)) {
        return;
    }
    for (size_t i = 0; i < RULE_DEFAULTS; i++) {
        if (text_span_equal_nocase(name, rule_defaults[i].name)) {
            control_answer_value(call, 200, default_rule(call, &group, &rule_defaults[i]), ret);
            return;
        }
    }
    control_not_found(call,
                      arena_printf(call->arena, "%s/" DEFAULT_RULES "/%.*s", group.id,
                                   (int)name.len, (const char *)name.data),
                      ret);
}

/* clang-format off */
const struct control_row network_rows[] = {
    {HTTP_GET, CONTROL_GROUP, "providers/" GROUPS "/{}/" DEFAULT_RULES, GROUPS "/" DEFAULT_RULES "/read", handle_defaults, 0, group_id},
    {HTTP_GET, CONTROL_GROUP, "providers/" GROUPS "/{}/" DEFAULT_RULES "/{}", GROUPS "/" DEFAULT_RULES "/read", handle_default, 0, group_id},
    {0, CONTROL_TENANT, "", NULL, NULL, 0, NULL},
};
/* clang-format on */
