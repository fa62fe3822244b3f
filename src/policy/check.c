/*
 * check.c - what a policy must hold to beyond the grammar (policy-language section 4).
 *
 * In the order of the text, so that the first fault is the one a reader comes to first. Variables
 * find their conditions here.
 */
#include "policy/tree.h"

#include <stdio.h>

struct checking {
    struct policy *policy;
    struct policy_fault *fault;
    enum policy_section section;
    const struct rule *rule;
    size_t n_bound; /* conditions whose variables can be used */
    const char *outer, *inner;
};

static err_t fail(struct checking *c, enum policy_fault_kind kind, uint32_t offset, uint32_t end,
                  const char *words)
{
    struct span source = c->policy->source;
    err_t err = policy_fault_at(c->fault, kind, source, offset,
                                span_cut(source, offset, end - offset), "%s", words);

    c->fault->outer = c->outer;
    c->fault->inner = c->inner;
    return err;
}

static err_t fail_expr(struct checking *c, enum policy_fault_kind kind, const struct expr *e,
                       const char *words)
{
    return fail(c, kind, e->offset, e->end, words);
}

static err_t variable(struct checking *c, struct span name, uint32_t offset, int *ret)
{
    for (size_t i = 0; i < c->n_bound; i++) {
        if (c->rule->conditions[i].variable.data != NULL &&
            span_equal(c->rule->conditions[i].variable, name)) {
            *ret = (int)i;
            return ERR_OK;
        }
    }
    return fail(c, POLICY_FAULT_UNKNOWN_VARIABLE, offset, offset + (uint32_t)name.len,
                "no condition to the left in this rule has this variable");
}

/* Depth is capped by the parser, so this recursion is too. */
static err_t expression(struct checking *c, struct expr *e)
{
    const char *outer = c->outer;
    const char *inner = c->inner;
    err_t err = ERR_OK;

    c->outer = inner;
    c->inner = "expression";
    if (e->kind == EXPR_ACCESS) {
        err = variable(c, e->string, e->offset, &e->variable);
    } else if (e->kind == EXPR_CALL) {
        uint32_t name_end = e->offset + (uint32_t)strlen(policy_function_name(e->function));

        if (c->policy->minor < 2) {
            return fail(c, POLICY_FAULT_FEATURE_NOT_IN_VERSION, e->offset, name_end,
                        "functions need version 1.2");
        }
        if (e->n_args != policy_function_arity(e->function)) {
            return fail(c, POLICY_FAULT_WRONG_ARITY, e->offset, name_end,
                        policy_function_arity(e->function) == 1 ? "the function takes 1 argument"
                                                                : "the function takes 2 arguments");
        }
        for (size_t i = 0; err == ERR_OK && i < e->n_args; i++) {
            err = expression(c, e->args[i]);
        }
    }
    c->outer = outer;
    c->inner = inner;
    return err;
}

static err_t test(struct checking *c, const struct test *t)
{
    bool is_ordering = t->relation > RELATION_NOT_EQUAL;
    err_t err;

    c->inner = "claimPropertyCondition";
    err = expression(c, t->right);
    if (err) {
        return err;
    }
    if (t->property != PROPERTY_VALUE) {
        if (is_ordering) {
            return fail(c, POLICY_FAULT_OPERATOR_TYPE, t->offset, t->right->end,
                        "type, valueType and issuer are Strings, which have no order");
        }
        if (t->right->kind == EXPR_INT || t->right->kind == EXPR_BOOL) {
            return fail_expr(c, POLICY_FAULT_OPERATOR_TYPE, t->right,
                             "type, valueType and issuer are Strings");
        }
    } else if (is_ordering && (t->right->kind == EXPR_STRING || t->right->kind == EXPR_BOOL)) {
        return fail_expr(c, POLICY_FAULT_OPERATOR_TYPE, t->right,
                         "Strings and Booleans have no order, only '==' and '!='");
    }
    return ERR_OK;
}

static err_t conditions(struct checking *c)
{
    c->outer = "claimRule";
    for (size_t i = 0; i < c->rule->n_conditions; i++) {
        const struct condition *condition = &c->rule->conditions[i];
        err_t err = ERR_OK;

        c->n_bound = i;
        for (size_t j = 0; err == ERR_OK && j < condition->n_tests; j++) {
            err = test(c, &condition->tests[j]);
        }
        if (err) {
            return err;
        }
        c->inner = "condition";
        for (size_t j = 0; condition->variable.data != NULL && j < i; j++) {
            if (c->rule->conditions[j].variable.data != NULL &&
                span_equal(condition->variable, c->rule->conditions[j].variable)) {
                return fail(c, POLICY_FAULT_DUPLICATE_VARIABLE, condition->variable_offset,
                            condition->variable_offset + (uint32_t)condition->variable.len,
                            "another condition of this rule has this variable");
            }
        }
    }
    c->n_bound = c->rule->n_conditions;
    return ERR_OK;
}

static bool is_literal(const struct expr *e)
{
    return e->kind == EXPR_STRING || e->kind == EXPR_INT || e->kind == EXPR_BOOL;
}

static struct claim literal(const struct expr *e)
{
    return (struct claim){
        .kind = e->kind == EXPR_INT    ? CLAIM_INT
                : e->kind == EXPR_BOOL ? CLAIM_BOOL
                                       : CLAIM_STRING,
        .string = e->string,
        .integer = e->integer,
        .boolean = e->boolean,
    };
}

static err_t value_type(struct checking *c, const struct action *a)
{
    struct claim value = literal(a->value);
    const struct expr *e = a->value_type;

    if (e == NULL || !is_literal(e)) {
        return ERR_OK;
    }
    if (e->kind != EXPR_STRING ||
        (!span_is(e->string, "String") && !span_is(e->string, "Integer") &&
         !span_is(e->string, "Boolean"))) {
        return fail_expr(c, POLICY_FAULT_OPERATOR_TYPE, e,
                         "valueType is \"String\", \"Integer\" or \"Boolean\"");
    }
    if (is_literal(a->value) && !span_is(e->string, claim_kind_name(value.kind))) {
        return fail_expr(c, POLICY_FAULT_OPERATOR_TYPE, e, "the value is not of this valueType");
    }
    return ERR_OK;
}

static err_t names(struct checking *c, const struct action *a)
{
    const char *wanted = "";
    struct claim value = literal(a->value);
    enum policy_fault_kind kind;
    char words[96];

    if (!is_literal(a->type)) {
        return ERR_OK;
    }
    if (a->type->kind != EXPR_STRING || a->type->string.len == 0) {
        return fail_expr(c, POLICY_FAULT_OPERATOR_TYPE, a->type,
                         "the type of a claim is a String that is not empty");
    }
    if (a->kind == ACTION_ISSUE && c->section == POLICY_ISSUANCE &&
        policy_is_reserved(a->type->string)) {
        return fail_expr(c, POLICY_FAULT_RESERVED_CLAIM, a->type,
                         "the service itself writes this claim");
    }
    if (a->kind != ACTION_ISSUEPROPERTY || !is_literal(a->value)) {
        return ERR_OK;
    }
    kind = policy_property_fault(c->section, a->type->string, &value, &wanted);
    if (kind != POLICY_FAULT_NONE) {
        snprintf(words, sizeof(words), "the property must be %s", wanted);
        return fail_expr(c, kind, a->value, words);
    }
    return ERR_OK;
}

/* permit and deny decide; only issuance reaches the token; properties belong to the two others. */
static bool is_allowed(enum policy_section section, enum action_kind kind)
{
    switch (kind) {
    case ACTION_PERMIT:
    case ACTION_DENY:
        return section == POLICY_AUTHORIZATION;
    case ACTION_ISSUEPROPERTY:
        return section != POLICY_AUTHORIZATION;
    case ACTION_ADD:
    case ACTION_ISSUE:
    default:
        return section != POLICY_CONFIGURATION;
    }
}

static err_t action(struct checking *c, struct action *a)
{
    uint32_t name_end = a->offset + (uint32_t)strlen(policy_action_name(a->kind));
    err_t err;

    c->inner = "action";
    if (!is_allowed(c->section, a->kind)) {
        static const char *const words[] = {
            "configurationrules allow issueproperty alone",
            "authorizationrules allow permit, deny, add and issue",
            "issuancerules allow add, issue and issueproperty",
        };

        return fail(c, POLICY_FAULT_ACTION_NOT_ALLOWED, a->offset, name_end, words[c->section]);
    }
    if (a->kind == ACTION_PERMIT || a->kind == ACTION_DENY) {
        return ERR_OK;
    }
    if (a->claim.data != NULL) {
        return variable(c, a->claim, a->claim_offset, &a->variable);
    }
    err = expression(c, a->type);
    err = err ? err : expression(c, a->value);
    if (err == ERR_OK && a->value_type != NULL) {
        err = expression(c, a->value_type);
    }
    err = err ? err : names(c, a);
    return err ? err : value_type(c, a);
}

err_t policy_check(struct policy *policy, struct policy_fault *fault)
{
    struct checking c = {.policy = policy, .fault = fault, .outer = "policy", .inner = "policy"};

    for (size_t i = 0; i < POLICY_SECTIONS; i++) {
        c.section = (enum policy_section)i;
        for (struct rule *r = policy->sections[i].rules; r != NULL; r = r->next) {
            err_t err;

            c.rule = r;
            err = conditions(&c);
            err = err ? err : action(&c, &r->action);
            if (err) {
                return err;
            }
        }
    }
    return ERR_OK;
}
