/*
 * functions.h - the functions of the language, for parser and evaluator. For this room alone.
 */
#ifndef JMESPATH_FUNCTIONS_H
#define JMESPATH_FUNCTIONS_H

#include "jmespath/eval.h"

/* The function of that name into a call whose arguments are complete. ERR_UNSUPPORTED when there is
 * none, ERR_USAGE for a wrong number of arguments, ERR_JSON_TYPE when `&` stands where none belongs
 * or is missing. */
err_t function_bind(struct node *call, struct span name, struct trail *trail) MUST_CHECK;
err_t function_call(struct eval *e, const struct node *node, struct jmespath_value current,
                    struct jmespath_value *ret) MUST_CHECK;

/* ---- for the files that implement them ---- */

/* A call with its arguments evaluated and checked. */
struct call {
    struct eval *eval;
    const struct node *node;
    size_t base;                   /* of the arguments on the stack; null for those with `&` */
    const struct node *expression; /* of the argument with `&`, or NULL */
};

static inline struct jmespath_value call_argument(const struct call *call, size_t index)
{
    return call->eval->stack[call->base + index];
}

typedef err_t function_fn(struct call *call, struct jmespath_value *ret);

/* functions-number.c */
function_fn function_abs, function_avg, function_ceil, function_floor, function_sum,
    function_to_number;
/* functions-text.c */
function_fn function_contains, function_ends_with, function_equals_ignore_case, function_join,
    function_length, function_reverse, function_starts_with, function_to_string;
/* functions-order.c */
function_fn function_max, function_max_by, function_min, function_min_by, function_sort,
    function_sort_by;
/* functions-shape.c */
function_fn function_keys, function_map, function_merge, function_not_null, function_to_array,
    function_type, function_values;

const char *kind_name(enum jmespath_kind kind);

#endif
