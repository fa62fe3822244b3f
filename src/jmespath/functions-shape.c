/*
 * functions-shape.c - functions that take objects and arrays apart and put them together.
 */
#include "jmespath/functions.h"

/* Every second value of an object: its names (offset 0) or its values (1). */
static err_t every_second(struct call *call, size_t offset, struct jmespath_value *ret)
{
    struct jmespath_value object = call_argument(call, 0);
    size_t base = call->eval->used;
    err_t err = eval_steps(call->eval, object.n);

    for (size_t i = 0; err == ERR_OK && i < object.n; i++) {
        err = eval_push(call->eval, object.items[2 * i + offset]);
    }
    return err ? err : eval_pop(call->eval, JMESPATH_ARRAY, base, ret);
}

err_t function_keys(struct call *call, struct jmespath_value *ret)
{
    return every_second(call, 0, ret);
}

err_t function_values(struct call *call, struct jmespath_value *ret)
{
    return every_second(call, 1, ret);
}

err_t function_map(struct call *call, struct jmespath_value *ret)
{
    struct jmespath_value array = call_argument(call, 1);
    size_t base = call->eval->used;
    err_t err = ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < array.n; i++) {
        struct jmespath_value value;

        err = eval_node(call->eval, call->expression, array.items[i], &value);
        err = err ? err : eval_steps(call->eval, 1);
        err = err ? err : eval_push(call->eval, value);
    }
    return err ? err : eval_pop(call->eval, JMESPATH_ARRAY, base, ret);
}

/* A member into the object that grows on the stack from base on: the place of the first of its
 * name, the value of the last. */
static err_t merge_member(struct eval *e, size_t base, struct jmespath_value name,
                          struct jmespath_value value)
{
    struct jmespath_value grown = {
        .kind = JMESPATH_OBJECT, .n = (uint32_t)((e->used - base) / 2), .items = e->stack + base};
    const struct jmespath_value *old;
    err_t err = eval_steps(e, value_find_steps(grown));

    if (err) {
        return err;
    }
    old = value_find(grown, value_span(name));
    if (old != NULL) {
        e->stack[old - e->stack] = value;
        return ERR_OK;
    }
    err = eval_push(e, name);
    return err ? err : eval_push(e, value);
}

err_t function_merge(struct call *call, struct jmespath_value *ret)
{
    struct eval *e = call->eval;
    size_t base = e->used;
    err_t err = ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < call->node->n_parts; i++) {
        struct jmespath_value object = call_argument(call, i);

        err = eval_steps(e, object.n);
        for (size_t j = 0; err == ERR_OK && j < object.n; j++) {
            /* Names within one object are distinct: the first has nothing to meet. */
            if (i == 0) {
                err = eval_push(e, object.items[2 * j]);
                err = err ? err : eval_push(e, object.items[2 * j + 1]);
            } else {
                err = merge_member(e, base, object.items[2 * j], object.items[2 * j + 1]);
            }
        }
    }
    return err ? err : eval_pop(e, JMESPATH_OBJECT, base, ret);
}

err_t function_not_null(struct call *call, struct jmespath_value *ret)
{
    struct jmespath_value value = value_null();

    for (size_t i = 0; value_is(value, JMESPATH_NULL) && i < call->node->n_parts; i++) {
        value = call_argument(call, i);
    }
    *ret = value;
    return ERR_OK;
}

err_t function_to_array(struct call *call, struct jmespath_value *ret)
{
    struct jmespath_value value = call_argument(call, 0);
    size_t base = call->eval->used;
    err_t err;

    if (value_is(value, JMESPATH_ARRAY)) {
        *ret = value;
        return ERR_OK;
    }
    err = eval_push(call->eval, value);
    return err ? err : eval_pop(call->eval, JMESPATH_ARRAY, base, ret);
}

err_t function_type(struct call *call, struct jmespath_value *ret)
{
    *ret = value_string(span_str(kind_name((enum jmespath_kind)call_argument(call, 0).kind)));
    return ERR_OK;
}
