/*
 * same.c - do two policies say the same?
 */
#include "policy/tree.h"

/* Depth is capped by the parser, so this recursion is too. */
static bool same_expr(const struct expr *a, const struct expr *b)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    if (a->kind != b->kind || a->integer != b->integer || a->boolean != b->boolean ||
        !span_equal(a->string, b->string) || a->property != b->property ||
        a->variable != b->variable || a->function != b->function || a->n_args != b->n_args) {
        return false;
    }
    for (size_t i = 0; i < a->n_args && i < POLICY_MAX_ARGUMENTS; i++) {
        if (!same_expr(a->args[i], b->args[i])) {
            return false;
        }
    }
    return true;
}

static bool same_condition(const struct condition *a, const struct condition *b)
{
    if (a->is_negative != b->is_negative || !span_equal(a->variable, b->variable) ||
        a->n_tests != b->n_tests) {
        return false;
    }
    for (size_t i = 0; i < a->n_tests; i++) {
        const struct test *x = &a->tests[i];
        const struct test *y = &b->tests[i];

        if (x->property != y->property || x->relation != y->relation ||
            !same_expr(x->right, y->right)) {
            return false;
        }
    }
    return true;
}

static bool same_rule(const struct rule *a, const struct rule *b)
{
    const struct action *x = &a->action;
    const struct action *y = &b->action;

    if (a->n_conditions != b->n_conditions || x->kind != y->kind ||
        !span_equal(x->claim, y->claim) || x->variable != y->variable ||
        !same_expr(x->type, y->type) || !same_expr(x->value, y->value) ||
        !same_expr(x->value_type, y->value_type)) {
        return false;
    }
    for (size_t i = 0; i < a->n_conditions; i++) {
        if (!same_condition(&a->conditions[i], &b->conditions[i])) {
            return false;
        }
    }
    return true;
}

bool policy_same(const struct policy *a, const struct policy *b)
{
    if (a->minor != b->minor) {
        return false;
    }
    for (size_t i = 0; i < POLICY_SECTIONS; i++) {
        const struct rule *x = a->sections[i].rules;
        const struct rule *y = b->sections[i].rules;

        if (a->sections[i].is_present != b->sections[i].is_present) {
            return false;
        }
        while (x != NULL && y != NULL && same_rule(x, y)) {
            x = x->next;
            y = y->next;
        }
        if (x != NULL || y != NULL) {
            return false;
        }
    }
    return true;
}
