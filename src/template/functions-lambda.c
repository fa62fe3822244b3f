/*
 * functions-lambda.c - filter(), map(), reduce() and their kin: arguments that are expressions of
 * their own, lambda('x', expression), evaluated once for each element.
 */
#include "template/functions.h"

#include "base/text.h"

enum { PARAMETERS_MAX = 3 };

struct lambda {
    const struct node *body;
    struct span names[PARAMETERS_MAX];
    uint32_t n;
};

err_t arm_lambda(struct call *call, struct value *ret)
{
    (void)ret;
    return arm_call_fail(call,
                         "it may only be an argument of filter, groupBy, map, mapValues, reduce, "
                         "sort and toObject");
}

err_t arm_lambdavariables(struct call *call, struct value *ret)
{
    for (const struct binding *b = call->eval->lambdas; b != NULL; b = b->outer) {
        arm_work_use(call->w, 1);
        if (arm_work_same(call->w, b->name, call_text(call, 0))) {
            *ret = b->value;
            return ERR_OK;
        }
    }
    return arm_call_fail(call, "no lambda with this variable runs here");
}

/* An argument that must be lambda('a', .., body), with `min` to `max` names. */
static err_t need_lambda(struct call *call, const struct node *node, uint32_t min, uint32_t max,
                         struct lambda *ret)
{
    struct lambda lambda = {0};
    const struct node *a;

    if (node->kind != NODE_CALL || !text_span_equal_nocase(node->text, "lambda") ||
        node->accesses != NULL || node->n_arguments < min + 1 || node->n_arguments > max + 1) {
        return arm_call_fail(call, "an argument must be a lambda with %u%s%s", min,
                             max > min ? " or more" : "", min == 1 ? " variable" : " variables");
    }
    for (a = node->arguments; a->next != NULL; a = a->next) {
        if (a->kind != NODE_TEXT || a->accesses != NULL) {
            return arm_call_fail(call, "the variables of a lambda are strings");
        }
        lambda.names[lambda.n++] = a->text;
    }
    lambda.body = a;
    *ret = lambda;
    return ERR_OK;
}

static err_t run(struct call *call, const struct lambda *lambda, const struct value *values,
                 struct value *ret)
{
    struct eval *e = call->eval;
    const struct binding *outer = e->lambdas;
    struct binding bindings[PARAMETERS_MAX];
    err_t err;

    for (uint32_t i = 0; i < lambda->n; i++) {
        bindings[i] = (struct binding){.outer = e->lambdas, lambda->names[i], values[i]};
        e->lambdas = &bindings[i];
    }
    err = arm_eval_node(e, lambda->body, ret);
    e->lambdas = outer;
    return err;
}

/* The first argument, which must be of this kind or not known. */
static err_t need_first(struct call *call, enum value_kind kind, struct value *ret)
{
    err_t err = arm_eval_node(call->eval, call->node->arguments, ret);

    if (err == ERR_OK && !value_is(*ret, kind) && !value_is(*ret, VALUE_UNKNOWN)) {
        err = arm_call_fail(call, "argument 1 must be %s, it is %s",
                            kind == VALUE_ARRAY ? "an array" : "an object",
                            arm_value_kind_words(*ret));
    }
    return err;
}

static err_t unknown(struct call *call, struct value *ret)
{
    *ret = value_unknown(call->eval->expression);
    return ERR_OK;
}

/* ERR_END when it is not known yet: then the result of the function is not known either. */
static err_t need_kind(struct call *call, struct value value, enum value_kind kind)
{
    if (value_is(value, VALUE_UNKNOWN)) {
        return ERR_END;
    }
    return value_is(value, kind) ? ERR_OK
                                 : arm_call_fail(call, "the lambda must give %s, it gives %s",
                                                 kind == VALUE_BOOL ? "a boolean" : "a string",
                                                 arm_value_kind_words(value));
}

/* map, and filter */
static err_t each(struct call *call, bool is_filter, struct value *ret)
{
    struct lambda lambda = {0};
    struct value array = value_null();
    struct list list = {0};
    err_t err = need_lambda(call, call->node->arguments->next, 1, 2, &lambda);

    err = err ? err : need_first(call, VALUE_ARRAY, &array);
    if (err || value_is(array, VALUE_UNKNOWN)) {
        return err ? err : unknown(call, ret);
    }
    for (uint32_t i = 0; err == ERR_OK && i < array.n; i++) {
        struct value given[PARAMETERS_MAX] = {array.items[i], value_int(i)};
        struct value value = value_null();

        err = run(call, &lambda, given, &value);
        if (err == ERR_OK && value_is(value, VALUE_UNKNOWN)) {
            return unknown(call, ret);
        }
        if (err == ERR_OK && is_filter) {
            err = need_kind(call, value, VALUE_BOOL);
            if (err == ERR_OK && value.boolean) {
                err = arm_list_add(call->w, &list, array.items[i]);
            }
        } else {
            err = err ? err : arm_list_add(call->w, &list, value);
        }
    }
    return err ? err : arm_list_end(call->w, &list, ret);
}

err_t arm_map(struct call *call, struct value *ret)
{
    return each(call, false, ret);
}

err_t arm_filter(struct call *call, struct value *ret)
{
    return each(call, true, ret);
}

err_t arm_mapvalues(struct call *call, struct value *ret)
{
    struct lambda lambda = {0};
    struct value object = value_null();
    struct members members = {0};
    err_t err = need_lambda(call, call->node->arguments->next, 1, 1, &lambda);

    err = err ? err : need_first(call, VALUE_OBJECT, &object);
    if (err || value_is(object, VALUE_UNKNOWN)) {
        return err ? err : unknown(call, ret);
    }
    for (uint32_t i = 0; err == ERR_OK && i < object.n; i++) {
        struct value value = value_null();

        err = run(call, &lambda, &object.members[i].value, &value);
        if (err == ERR_OK && value_is(value, VALUE_UNKNOWN)) {
            return unknown(call, ret);
        }
        err = err ? err : arm_members_add(call->w, &members, object.members[i].name, value);
    }
    return err ? err : arm_members_end(call->w, &members, ret);
}

err_t arm_reduce(struct call *call, struct value *ret)
{
    const struct node *start = call->node->arguments->next;
    struct lambda lambda = {0};
    struct value array = value_null();
    struct value sum = value_null();
    err_t err = need_lambda(call, start->next, 2, 3, &lambda);

    err = err ? err : need_first(call, VALUE_ARRAY, &array);
    err = err ? err : arm_eval_node(call->eval, start, &sum);
    if (err || value_is(array, VALUE_UNKNOWN)) {
        return err ? err : unknown(call, ret);
    }
    for (uint32_t i = 0; err == ERR_OK && i < array.n; i++) {
        struct value given[PARAMETERS_MAX] = {sum, array.items[i], value_int(i)};

        err = run(call, &lambda, given, &sum);
    }
    *ret = sum;
    return err;
}

/* A merge of sorted halves: the lambda says whether its first comes before its second. */
static err_t merge_sort(struct call *call, const struct lambda *lambda, struct value *items,
                        struct value *spare, uint32_t n)
{
    uint32_t half = n / 2;
    uint32_t i = 0;
    uint32_t k = half;
    err_t err = ERR_OK;

    if (n < 2) {
        return ERR_OK;
    }
    err = merge_sort(call, lambda, items, spare, half);
    err = err ? err : merge_sort(call, lambda, items + half, spare, n - half);
    for (uint32_t out = 0; err == ERR_OK && out < n; out++) {
        struct value is_before = value_bool(false);

        if (i < half && k < n) {
            /* Of two that are equal the left one stays in front. */
            struct value given[PARAMETERS_MAX] = {items[k], items[i]};

            err = run(call, lambda, given, &is_before);
            err = err ? err : need_kind(call, is_before, VALUE_BOOL);
        } else {
            is_before = value_bool(i >= half);
        }
        if (err == ERR_OK) {
            spare[out] = is_before.boolean ? items[k++] : items[i++];
        }
    }
    if (err == ERR_OK) {
        memcpy(items, spare, n * sizeof(*items));
    }
    return err;
}

err_t arm_sort(struct call *call, struct value *ret)
{
    struct lambda lambda = {0};
    struct value array = value_null();
    void *items = NULL;
    void *spare = NULL;
    err_t err = need_lambda(call, call->node->arguments->next, 2, 2, &lambda);

    err = err ? err : need_first(call, VALUE_ARRAY, &array);
    if (err || value_is(array, VALUE_UNKNOWN)) {
        return err ? err : unknown(call, ret);
    }
    err = arm_work_room(call->w, (uint64_t)array.n * sizeof(struct value), &items);
    err = err ? err : arm_work_room(call->w, (uint64_t)array.n * sizeof(struct value), &spare);
    if (err) {
        return err;
    }
    if (array.n > 0) {
        memcpy(items, array.items, array.n * sizeof(struct value));
    }
    err = merge_sort(call, &lambda, items, spare, array.n);
    if (err == ERR_END) {
        return unknown(call, ret);
    }
    return err ? err : arm_value_array(call->w, items, array.n, ret);
}

err_t arm_toobject(struct call *call, struct value *ret)
{
    const struct node *second = call->node->arguments->next;
    struct lambda key = {0};
    struct lambda value_of = {0};
    struct value array = value_null();
    struct members members = {0};
    err_t err = need_lambda(call, second, 1, 1, &key);

    if (err == ERR_OK && second->next != NULL) {
        err = need_lambda(call, second->next, 1, 1, &value_of);
    }
    err = err ? err : need_first(call, VALUE_ARRAY, &array);
    if (err || value_is(array, VALUE_UNKNOWN)) {
        return err ? err : unknown(call, ret);
    }
    for (uint32_t i = 0; err == ERR_OK && i < array.n; i++) {
        struct value name = value_null();
        struct value value = array.items[i];

        err = run(call, &key, &array.items[i], &name);
        err = err ? err : need_kind(call, name, VALUE_STRING);
        if (err == ERR_OK && value_of.body != NULL) {
            err = run(call, &value_of, &array.items[i], &value);
        }
        err = err ? err : arm_members_set(call->w, &members, value_span(name), value);
    }
    if (err == ERR_END) {
        return unknown(call, ret);
    }
    return err ? err : arm_members_end(call->w, &members, ret);
}

/* The elements of a group: an array that grows by copies would be quadratic, so one pass a group
 * over the names that the lambda gave. */
static err_t collect(struct call *call, struct value array, const struct value *names,
                     struct span name, struct value *ret)
{
    struct list list = {0};
    err_t err = arm_work_steps(call->w, 1 + array.n / 8);

    for (uint32_t i = 0; err == ERR_OK && i < array.n; i++) {
        if (arm_work_same(call->w, value_span(names[i]), name)) {
            err = arm_list_add(call->w, &list, array.items[i]);
        }
    }
    return err ? err : arm_list_end(call->w, &list, ret);
}

err_t arm_groupby(struct call *call, struct value *ret)
{
    struct lambda lambda = {0};
    struct value array = value_null();
    struct value *names;
    struct members members = {0};
    void *room = NULL;
    err_t err = need_lambda(call, call->node->arguments->next, 1, 1, &lambda);

    err = err ? err : need_first(call, VALUE_ARRAY, &array);
    if (err || value_is(array, VALUE_UNKNOWN)) {
        return err ? err : unknown(call, ret);
    }
    err = arm_work_room(call->w, (uint64_t)array.n * sizeof(*names), &room);
    names = room;
    for (uint32_t i = 0; err == ERR_OK && i < array.n; i++) {
        err = run(call, &lambda, &array.items[i], &names[i]);
        err = err ? err : need_kind(call, names[i], VALUE_STRING);
    }
    for (uint32_t i = 0; err == ERR_OK && i < array.n; i++) {
        struct value group = {.kind = VALUE_OBJECT, .n = members.n, .members = members.items};

        err = arm_work_steps(call->w, 1);
        if (err == ERR_OK && arm_value_find(call->w, group, value_span(names[i])) == NULL) {
            err = collect(call, array, names, value_span(names[i]), &group);
            err = err ? err : arm_members_add(call->w, &members, value_span(names[i]), group);
        }
    }
    if (err == ERR_END) {
        return unknown(call, ret);
    }
    return err ? err : arm_members_end(call->w, &members, ret);
}
