/*
 * functions-order.c - sort, max and min, by value or by the result of an expression.
 */
#include "jmespath/functions.h"

/* An element and what it is ordered by. */
struct ranked {
    struct jmespath_value key;
    struct jmespath_value element;
};

static err_t check_key(struct call *call, struct jmespath_value key, struct jmespath_value first)
{
    if ((value_is(key, JMESPATH_NUMBER) || value_is(key, JMESPATH_STRING)) &&
        key.kind == first.kind) {
        return ERR_OK;
    }
    return trail_set_at(call->eval->trail, ERR_JSON_TYPE, call->node->offset,
                        "the expression gives %s for an element, where %s",
                        kind_name((enum jmespath_kind)key.kind),
                        key.kind == first.kind ? "a number or a string is needed"
                                               : "it gave another kind for the first");
}

/* The array with a key for each element: the element itself when there is no expression. */
static err_t rank(struct call *call, struct jmespath_value array, struct ranked **ret)
{
    struct ranked *ranked = arena_calloc(call->eval->arena, array.n, sizeof(*ranked));
    err_t err = eval_steps(call->eval, array.n);

    if (ranked == NULL) {
        return arena_refused(call->eval->arena, call->eval->trail);
    }
    for (size_t i = 0; err == ERR_OK && i < array.n; i++) {
        ranked[i].element = ranked[i].key = array.items[i];
        if (call->expression != NULL) {
            err = eval_node(call->eval, call->expression, array.items[i], &ranked[i].key);
            err = err ? err : check_key(call, ranked[i].key, ranked[0].key);
        }
    }
    *ret = ranked;
    return err;
}

static err_t compare_keys(struct call *call, const struct ranked *a, const struct ranked *b,
                          int *ret)
{
    *ret = value_order(a->key, b->key);
    return eval_steps(call->eval, value_order_steps(a->key));
}

/* Two sorted neighbours, from..middle and middle..to, into one; the left goes first among equals.
 */
static err_t merge_runs(struct call *call, const struct ranked *in, struct ranked *out, size_t from,
                        size_t middle, size_t to)
{
    size_t left = from;
    size_t right = middle;
    err_t err = ERR_OK;

    for (size_t i = from; err == ERR_OK && i < to; i++) {
        int order = 1;

        if (left < middle && right < to) {
            err = compare_keys(call, &in[left], &in[right], &order);
        } else if (left < middle) {
            order = 0;
        }
        out[i] = order <= 0 ? in[left++] : in[right++];
    }
    return err;
}

/* Merge sort from the bottom up: stable, n log n whatever the input. */
static err_t sort_ranked(struct call *call, struct ranked **ranked, size_t n)
{
    struct ranked *in = *ranked;
    struct ranked *out = arena_calloc(call->eval->arena, n, sizeof(*out));
    err_t err = ERR_OK;

    if (out == NULL) {
        return arena_refused(call->eval->arena, call->eval->trail);
    }
    for (size_t run = 1; err == ERR_OK && run < n; run *= 2) {
        struct ranked *done = out;

        for (size_t from = 0; err == ERR_OK && from < n; from += 2 * run) {
            size_t middle = n - from < run ? n : from + run;
            size_t to = n - middle < run ? n : middle + run;

            err = merge_runs(call, in, out, from, middle, to);
        }
        out = in;
        in = done;
    }
    *ranked = in;
    return err;
}

static err_t sorted(struct call *call, struct jmespath_value array, struct jmespath_value *ret)
{
    size_t base = call->eval->used;
    struct ranked *ranked = NULL;
    err_t err = rank(call, array, &ranked);

    err = err ? err : sort_ranked(call, &ranked, array.n);
    for (size_t i = 0; err == ERR_OK && i < array.n; i++) {
        err = eval_push(call->eval, ranked[i].element);
    }
    return err ? err : eval_pop(call->eval, JMESPATH_ARRAY, base, ret);
}

/* The first of the smallest (sign 1) or largest (sign -1) elements, null of none. */
static err_t extreme(struct call *call, struct jmespath_value array, int sign,
                     struct jmespath_value *ret)
{
    struct ranked *ranked = NULL;
    size_t best = 0;
    err_t err = rank(call, array, &ranked);

    for (size_t i = 1; err == ERR_OK && i < array.n; i++) {
        int order = 0;

        err = compare_keys(call, &ranked[i], &ranked[best], &order);
        best = order * sign < 0 ? i : best;
    }
    if (err == ERR_OK) {
        *ret = array.n == 0 ? value_null() : ranked[best].element;
    }
    return err;
}

err_t function_sort(struct call *call, struct jmespath_value *ret)
{
    return sorted(call, call_argument(call, 0), ret);
}

err_t function_sort_by(struct call *call, struct jmespath_value *ret)
{
    return sorted(call, call_argument(call, 0), ret);
}

err_t function_max(struct call *call, struct jmespath_value *ret)
{
    return extreme(call, call_argument(call, 0), -1, ret);
}

err_t function_max_by(struct call *call, struct jmespath_value *ret)
{
    return extreme(call, call_argument(call, 0), -1, ret);
}

err_t function_min(struct call *call, struct jmespath_value *ret)
{
    return extreme(call, call_argument(call, 0), 1, ret);
}

err_t function_min_by(struct call *call, struct jmespath_value *ret)
{
    return extreme(call, call_argument(call, 0), 1, ret);
}
