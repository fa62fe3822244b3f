/*
 * lint.c - what is legal in a policy, but hardly meant (policy-language sections 4 and 12.5).
 */
#include "base/text.h"
#include "jmespath/jmespath.h"
#include "policy/tree.h"

enum { WARNINGS_MAX = 500, NAME_MAX_SHOWN = 80, LITERAL_BYTES = 64 * 1024 * 1024 };

struct linting {
    struct arena *arena;
    const struct policy *policy;
    struct policy_warning *items;
    size_t n;
    enum policy_section section;
    const struct rule *rule;
};

/* Past WARNINGS_MAX nobody reads on. */
static err_t warn(struct linting *l, uint32_t offset, const char *text)
{
    struct policy_warning *warning;

    if (text == NULL) {
        return ERR_MEMORY;
    }
    if (l->n == WARNINGS_MAX) {
        return ERR_OK;
    }
    warning = &l->items[l->n++];
    *warning = (struct policy_warning){.offset = offset, .text = text};
    policy_place(l->policy->source, offset, &warning->line, &warning->column);
    return ERR_OK;
}

/* ---- claims that a policy makes itself ---- */

/* The literal that a condition wants as type; data NULL when it does not say. */
static struct span type_of(const struct condition *condition)
{
    for (size_t i = 0; i < condition->n_tests; i++) {
        const struct test *test = &condition->tests[i];

        if (test->property == PROPERTY_TYPE && test->relation == RELATION_EQUAL &&
            test->right->kind == EXPR_STRING) {
            return test->right->string;
        }
    }
    return (struct span){0};
}

static bool wants_issuer(const struct condition *condition, const char *issuer)
{
    for (size_t i = 0; i < condition->n_tests; i++) {
        const struct test *test = &condition->tests[i];

        if (test->property == PROPERTY_ISSUER && test->relation == RELATION_EQUAL &&
            test->right->kind == EXPR_STRING && span_is(test->right->string, issuer)) {
            return true;
        }
    }
    return false;
}

/* Can the rule make a claim of the type? Yes also when its type is known at run time only. */
static bool may_make(const struct rule *rule, struct span type)
{
    struct span made = {0};

    if (rule->action.kind == ACTION_PERMIT || rule->action.kind == ACTION_DENY) {
        return false;
    }
    if (rule->action.claim.data != NULL) {
        made = type_of(&rule->conditions[rule->action.variable]);
    } else if (rule->action.type->kind == EXPR_STRING) {
        made = rule->action.type->string;
    }
    return made.data == NULL || span_equal(made, type);
}

static const struct rule *maker_before(const struct linting *l, struct span type)
{
    for (int s = POLICY_AUTHORIZATION; s <= (int)l->section; s++) {
        for (const struct rule *r = l->policy->sections[s].rules; r != NULL && r != l->rule;
             r = r->next) {
            if (may_make(r, type)) {
                return r;
            }
        }
    }
    return NULL;
}

static const struct rule *maker_after(const struct linting *l, struct span type)
{
    for (int s = (int)l->section; s <= POLICY_ISSUANCE; s++) {
        for (const struct rule *r = s == (int)l->section ? l->rule : l->policy->sections[s].rules;
             r != NULL; r = r->next) {
            if (may_make(r, type)) {
                return r;
            }
        }
    }
    return NULL;
}

static err_t missing_maker(struct linting *l, const struct condition *condition)
{
    struct span type = type_of(condition);
    const struct rule *after;
    const char *name;

    if (type.data == NULL || l->section == POLICY_CONFIGURATION || condition->is_negative ||
        !wants_issuer(condition, "AttestationPolicy") || maker_before(l, type) != NULL) {
        return ERR_OK;
    }
    name = text_escape_dup(l->arena, type, NAME_MAX_SHOWN);
    after = maker_after(l, type);
    if (after != NULL) {
        return warn(l, condition->offset,
                    arena_printf(l->arena, "\"%s\" is made only later, by the rule of line %u",
                                 name, after->line));
    }
    return warn(l, condition->offset,
                arena_printf(l->arena, "no rule of this policy makes the claim \"%s\"", name));
}

/* ---- literals ---- */

static err_t literal_query(struct linting *l, const struct expr *e)
{
    CLEANUP(arena_free) struct arena *scratch = arena_new(LITERAL_BYTES);
    struct jmespath *query = NULL;
    struct trail trail = {0};
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 64];
    err_t err = scratch == NULL ? ERR_MEMORY : jmespath_compile(scratch, e->string, &trail, &query);

    if (err == ERR_OK || err == ERR_MEMORY) {
        return err;
    }
    trail_format(&trail, err, words, sizeof(words));
    return warn(l, e->offset, arena_printf(l->arena, "the query is not valid: %s", words));
}

static err_t literal_json(struct linting *l, const struct expr *e)
{
    CLEANUP(arena_free) struct arena *scratch = arena_new(LITERAL_BYTES);
    const struct jmespath_value *value = NULL;
    err_t err = scratch == NULL ? ERR_MEMORY : jmespath_read(scratch, e->string, NULL, &value);

    if (err == ERR_OK || err == ERR_MEMORY) {
        return err;
    }
    return warn(l, e->offset,
                err == ERR_UNSUPPORTED
                    ? "a number in the JSON is too large, or has more digits than can be kept"
                    : "the text is not valid JSON");
}

static const char *kind_wanted(enum function function)
{
    switch (function) {
    case FUNCTION_JMESPATH:
    case FUNCTION_JSON_TO_CLAIM_VALUE:
    case FUNCTION_APPEND_STRING:
        return "String";
    case FUNCTION_NEGATE_BOOL:
        return "Boolean";
    case FUNCTION_IS_SUBSET_OF:
    case FUNCTION_CONTAINS_ONLY_VALUE:
    case FUNCTION_COUNT:
    default:
        return NULL;
    }
}

static err_t argument(struct linting *l, const struct expr *call, size_t i)
{
    const struct expr *e = call->args[i];
    const char *wanted = kind_wanted(call->function);
    const char *kind = e->kind == EXPR_STRING ? "String"
                       : e->kind == EXPR_INT  ? "Integer"
                       : e->kind == EXPR_BOOL ? "Boolean"
                                              : NULL;

    if (kind == NULL) {
        return ERR_OK;
    }
    if (wanted != NULL && strcmp(kind, wanted) != 0) {
        return warn(l, e->offset,
                    arena_printf(l->arena, "%s needs a %s here and fails always",
                                 policy_function_name(call->function), wanted));
    }
    if (call->function == FUNCTION_JMESPATH || call->function == FUNCTION_JSON_TO_CLAIM_VALUE) {
        return i == 1 ? literal_query(l, e) : literal_json(l, e);
    }
    return ERR_OK;
}

/* Depth is capped by the parser, so this recursion is too. */
static err_t expression(struct linting *l, const struct expr *e)
{
    err_t err = ERR_OK;

    for (size_t i = 0; e->kind == EXPR_CALL && err == ERR_OK && i < e->n_args; i++) {
        err = argument(l, e, i);
        err = err ? err : expression(l, e->args[i]);
    }
    return err;
}

static bool is_one_of(struct span text, const char *a, const char *b, const char *c)
{
    return span_is(text, a) || span_is(text, b) || span_is(text, c);
}

static err_t test(struct linting *l, const struct test *t)
{
    if (t->right->kind == EXPR_STRING && t->property == PROPERTY_VALUE_TYPE &&
        !is_one_of(t->right->string, "String", "Integer", "Boolean")) {
        return warn(l, t->right->offset,
                    "no claim has this valueType: \"String\", \"Integer\" or \"Boolean\"");
    }
    if (t->right->kind == EXPR_STRING && t->property == PROPERTY_ISSUER &&
        !is_one_of(t->right->string, "AttestationService", "AttestationPolicy", "CustomClaim")) {
        return warn(l, t->right->offset,
                    "no claim has this issuer: \"AttestationService\", \"AttestationPolicy\" or "
                    "\"CustomClaim\"");
    }
    return expression(l, t->right);
}

/* ---- rules ---- */

static err_t property(struct linting *l, const struct action *action)
{
    static const struct claim nothing = {.kind = CLAIM_JSON};
    static const enum policy_section other[POLICY_SECTIONS] = {
        POLICY_ISSUANCE, POLICY_AUTHORIZATION, POLICY_CONFIGURATION};
    const char *wanted = "";

    if (action->kind != ACTION_ISSUEPROPERTY || action->claim.data != NULL ||
        action->type->kind != EXPR_STRING ||
        policy_property_fault(l->section, action->type->string, &nothing, &wanted) !=
            POLICY_FAULT_NONE) {
        return ERR_OK;
    }
    return warn(l, action->type->offset,
                policy_property_fault(other[l->section], action->type->string, &nothing, &wanted) !=
                        POLICY_FAULT_NONE
                    ? "the property has no effect in this section"
                    : "no property of this name has an effect");
}

static err_t action(struct linting *l, const struct action *action)
{
    err_t err = ERR_OK;

    if (action->kind == ACTION_ISSUE && l->section == POLICY_AUTHORIZATION) {
        err = warn(l, action->offset,
                   "issue in authorizationrules is the same as add: nothing reaches the token");
    }
    err = err ? err : property(l, action);
    if (err == ERR_OK && action->type != NULL) {
        err = expression(l, action->type);
        err = err ? err : expression(l, action->value);
        if (err == ERR_OK && action->value_type != NULL) {
            err = expression(l, action->value_type);
        }
    }
    return err;
}

static err_t rule(struct linting *l)
{
    err_t err = ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < l->rule->n_conditions; i++) {
        const struct condition *condition = &l->rule->conditions[i];

        err = missing_maker(l, condition);
        for (size_t j = 0; err == ERR_OK && j < condition->n_tests; j++) {
            err = test(l, &condition->tests[j]);
        }
    }
    return err ? err : action(l, &l->rule->action);
}

/* What the authorization section is as a whole. */
static err_t authorization(struct linting *l)
{
    const struct section *section = &l->policy->sections[POLICY_AUTHORIZATION];
    bool has_permit = false;

    for (const struct rule *r = section->rules; r != NULL; r = r->next) {
        has_permit |= r->action.kind == ACTION_PERMIT;
        if (r->action.kind == ACTION_DENY && r->n_conditions == 0) {
            return warn(l, r->offset, "deny() without a condition: every evaluation is denied");
        }
    }
    return has_permit ? ERR_OK
                      : warn(l, section->offset, "no rule permits: every evaluation is denied");
}

err_t policy_lint(struct arena *arena, const struct policy *policy, struct policy_warnings *ret)
{
    struct linting l = {.arena = arena, .policy = policy};
    err_t err = ERR_OK;

    l.items = arena_calloc(arena, WARNINGS_MAX, sizeof(*l.items));
    if (l.items == NULL) {
        return ERR_MEMORY;
    }
    for (int s = 0; err == ERR_OK && s < POLICY_SECTIONS; s++) {
        l.section = (enum policy_section)s;
        if (s == POLICY_AUTHORIZATION) {
            err = authorization(&l);
        }
        for (l.rule = policy->sections[s].rules; err == ERR_OK && l.rule != NULL;
             l.rule = l.rule->next) {
            err = rule(&l);
        }
    }
    if (err == ERR_OK) {
        *ret = (struct policy_warnings){.items = l.items, .n = l.n};
    }
    return err;
}
