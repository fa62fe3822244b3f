/*
 * select.c - which claims a condition means (policy-language section 6.3).
 */
#include "policy/run.h"

/* A condition whose right sides are known. */
struct prepared {
    const struct condition *condition;
    struct values right[POLICY_MAX_TESTS];
};

static err_t prepare(struct run *run, struct prepared *p)
{
    for (size_t i = 0; i < p->condition->n_tests; i++) {
        const struct test *test = &p->condition->tests[i];
        err_t err = run_expression(run, test->right, &p->right[i]);

        if (err) {
            return err;
        }
        /* Asked before any claim is looked at: whether it fails must not hang on what a guest
         * sends, nor on the order of the tests. */
        if (test->relation > RELATION_NOT_EQUAL && p->right[i].n > 1) {
            return run_fail(run, POLICY_FAULT_NOT_SINGLE_VALUE,
                            policy_relation_name(test->relation),
                            "the right side has %zu values, where one is needed", p->right[i].n);
        }
    }
    return ERR_OK;
}

static bool is_ordered(enum relation relation, int64_t left, int64_t right)
{
    switch (relation) {
    case RELATION_LESS:
        return left < right;
    case RELATION_LESS_EQUAL:
        return left <= right;
    case RELATION_GREATER:
        return left > right;
    case RELATION_GREATER_EQUAL:
        return left >= right;
    case RELATION_EQUAL:
    case RELATION_NOT_EQUAL:
    default:
        return false;
    }
}

static err_t holds(struct run *run, const struct test *test, const struct values *right,
                   const struct claim *claim, bool *ret)
{
    struct value left = value_of_property(claim, test->property);
    bool is_in = false;
    err_t err;

    if (right->n == 0) {
        *ret = false;
        return run_spend(run, 1);
    }
    if (test->relation > RELATION_NOT_EQUAL) {
        *ret = left.kind == CLAIM_INT && right->items[0].kind == CLAIM_INT &&
               is_ordered(test->relation, left.integer, right->items[0].integer);
        return run_spend(run, 1);
    }
    err = values_have(run, right, &left, &is_in);
    if (err == ERR_OK) {
        *ret = is_in == (test->relation == RELATION_EQUAL);
    }
    return err;
}

/* Every test, until one does not hold; counts for the trace. */
static err_t all_hold(struct run *run, const struct prepared *p, const struct claim *claim,
                      struct narrowing *narrowing, bool *ret)
{
    bool is_good = true;

    for (size_t i = 0; is_good && i < p->condition->n_tests; i++) {
        err_t err = holds(run, &p->condition->tests[i], &p->right[i], claim, &is_good);

        if (err) {
            return err;
        }
        if (is_good && narrowing != NULL) {
            narrowing->left[i]++;
        }
    }
    *ret = is_good;
    return ERR_OK;
}

/* The one type that claims must have, from a test type==...; false: claims of any type may do. */
static bool wanted_type(const struct prepared *p, struct span *ret)
{
    for (size_t i = 0; i < p->condition->n_tests; i++) {
        const struct test *test = &p->condition->tests[i];

        if (test->property == PROPERTY_TYPE && test->relation == RELATION_EQUAL &&
            p->right[i].n == 1 && p->right[i].items[0].kind == CLAIM_STRING) {
            *ret = p->right[i].items[0].string;
            return true;
        }
    }
    return false;
}

static err_t consider(struct run *run, const struct prepared *p, const struct claim *claim,
                      struct narrowing *narrowing, struct selection *selection)
{
    bool is_good = false;
    err_t err = all_hold(run, p, claim, narrowing, &is_good);

    if (err == ERR_OK && is_good) {
        selection->items[selection->n++] = claim;
    }
    return err;
}

err_t run_condition(struct run *run, size_t at, struct narrowing *narrowing)
{
    const struct claim_index *incoming = &run->incoming;
    const struct claim_group *group = NULL;
    struct selection *selection = &run->selected[at];
    struct prepared p = {.condition = &run->rule->conditions[at]};
    struct span type = {0};
    bool has_type;
    size_t most;
    err_t err = prepare(run, &p);

    if (err) {
        return err;
    }
    if (narrowing != NULL) {
        *narrowing = (struct narrowing){{0}};
    }
    has_type = wanted_type(&p, &type);
    err = run_spend_bytes(run, type.len);
    if (err) {
        return err;
    }
    group = has_type ? claim_index_find(incoming, type) : NULL;
    most = !has_type ? incoming->n : group == NULL ? 0 : group->n;
    *selection = (struct selection){0};
    if (most == 0) {
        return ERR_OK;
    }
    selection->items = arena_alloc(run->scratch, most * sizeof(const struct claim *));
    if (selection->items == NULL) {
        return run_no_memory(run);
    }
    if (group != NULL) {
        for (uint32_t i = group->first; err == ERR_OK && i != CLAIM_INDEX_NONE;
             i = incoming->next[i]) {
            err = consider(run, &p, incoming->items[i], narrowing, selection);
        }
        return err;
    }
    for (size_t i = 0; err == ERR_OK && i < incoming->n; i++) {
        err = consider(run, &p, incoming->items[i], narrowing, selection);
    }
    return err;
}
