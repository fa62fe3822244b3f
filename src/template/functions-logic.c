/*
 * functions-logic.c - comparisons, logic and numbers.
 */
#include "template/functions.h"

#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum { TRY_STEPS = 32 }; /* the words of a fault that nobody reads */

err_t arm_true(struct call *call, struct value *ret)
{
    (void)call;
    *ret = value_bool(true);
    return ERR_OK;
}

err_t arm_false(struct call *call, struct value *ret)
{
    (void)call;
    *ret = value_bool(false);
    return ERR_OK;
}

err_t arm_null(struct call *call, struct value *ret)
{
    (void)call;
    *ret = value_null();
    return ERR_OK;
}

/* ---- logic ---- */

/* An argument of a lazy function that must be a boolean; or not known. */
static err_t lazy_bool(struct call *call, const struct node *node, unsigned argument,
                       struct value *ret)
{
    err_t err = arm_eval_node(call->eval, node, ret);

    if (err == ERR_OK && !value_is(*ret, VALUE_BOOL) && !value_is(*ret, VALUE_UNKNOWN)) {
        err = arm_call_fail(call, "argument %u must be a boolean, it is %s", argument,
                            arm_value_kind_words(*ret));
    }
    return err;
}

/* What must not fail, since it may never be taken: done for what it asks reference() for. */
static err_t try_branch(struct call *call, const struct node *node)
{
    struct eval *e = call->eval;
    struct eval saved;
    struct template_fault fault = {0};
    struct trail trail = {0};
    struct value unused = value_null();
    err_t err;

    arm_work_use(&e->w, TRY_STEPS);
    saved = *e;
    e->w.fault = &fault;
    e->w.trail = &trail;
    err = arm_eval_node(e, node, &unused);
    saved.w.steps_left = e->w.steps_left;
    saved.w.bytes_left = e->w.bytes_left;
    *e = saved;
    return err == ERR_MEMORY || err_category(err) == ERR_CAT_LIMIT
               ? arm_work_fail(call->w, err, "%s", trail.what)
               : ERR_OK;
}

err_t arm_if(struct call *call, struct value *ret)
{
    const struct node *condition = call->node->arguments;
    const struct node *yes = condition->next;
    struct value value = value_null();
    err_t err = lazy_bool(call, condition, 1, &value);

    if (err) {
        return err;
    }
    if (value_is(value, VALUE_UNKNOWN)) {
        *ret = value_unknown(call->eval->expression);
        err = try_branch(call, yes);
        return err ? err : try_branch(call, yes->next);
    }
    return arm_eval_node(call->eval, value.boolean ? yes : yes->next, ret);
}

/* Until one of the arguments decides. */
static err_t decide(struct call *call, bool decisive, struct value *ret)
{
    struct value value = value_null();
    unsigned argument = 0;
    bool is_known = true;
    err_t err = ERR_OK;

    for (const struct node *a = call->node->arguments; err == ERR_OK && a != NULL; a = a->next) {
        if (!is_known) {
            err = try_branch(call, a);
            continue;
        }
        err = lazy_bool(call, a, ++argument, &value);
        if (err == ERR_OK && value_is(value, VALUE_BOOL) && value.boolean == decisive) {
            *ret = value;
            return ERR_OK;
        }
        is_known = !value_is(value, VALUE_UNKNOWN);
    }
    *ret = is_known ? value_bool(!decisive) : value_unknown(call->eval->expression);
    return err;
}

err_t arm_and(struct call *call, struct value *ret)
{
    return decide(call, false, ret);
}

err_t arm_or(struct call *call, struct value *ret)
{
    return decide(call, true, ret);
}

err_t arm_not(struct call *call, struct value *ret)
{
    *ret = value_bool(!call->arguments[0].boolean);
    return ERR_OK;
}

err_t arm_bool(struct call *call, struct value *ret)
{
    struct value value = call->arguments[0];

    if (value_is(value, VALUE_BOOL)) {
        *ret = value;
        return ERR_OK;
    }
    if (value_is(value, VALUE_INT)) {
        *ret = value_bool(value.integer != 0);
        return ERR_OK;
    }
    if (text_span_equal_nocase(value_span(value), "true") || span_is(value_span(value), "1")) {
        *ret = value_bool(true);
        return ERR_OK;
    }
    if (text_span_equal_nocase(value_span(value), "false") || span_is(value_span(value), "0")) {
        *ret = value_bool(false);
        return ERR_OK;
    }
    return arm_call_fail(call, "the string is neither 'true' nor 'false'");
}

err_t arm_coalesce(struct call *call, struct value *ret)
{
    struct value value = value_null();
    err_t err = ERR_OK;

    for (const struct node *a = call->node->arguments; err == ERR_OK && a != NULL; a = a->next) {
        err = arm_eval_node(call->eval, a, &value);
        if (err || !value_is(value, VALUE_NULL)) {
            break;
        }
    }
    *ret = value;
    return err;
}

/* ---- comparisons ---- */

err_t arm_equals(struct call *call, struct value *ret)
{
    bool is_equal = false;
    err_t err = arm_value_equal(call->w, call->arguments[0], call->arguments[1], &is_equal);

    *ret = value_bool(is_equal);
    return err;
}

static double to_real(struct value number)
{
    return value_is(number, VALUE_INT) ? (double)number.integer : number.real;
}

/* Below, equal to or above 0. */
static err_t compare(struct call *call, int *ret)
{
    struct value a = call->arguments[0];
    struct value b = call->arguments[1];

    if (value_is(a, VALUE_STRING) != value_is(b, VALUE_STRING)) {
        return arm_call_fail(call, "both arguments must be numbers, or both strings");
    }
    if (value_is(a, VALUE_STRING)) {
        int order = memcmp(a.bytes, b.bytes, a.n < b.n ? a.n : b.n);

        *ret = order != 0 ? order : (a.n > b.n) - (a.n < b.n);
        return arm_work_steps(call->w, 1 + a.n / 64);
    }
    if (value_is(a, VALUE_INT) && value_is(b, VALUE_INT)) {
        *ret = (a.integer > b.integer) - (a.integer < b.integer);
    } else {
        *ret = (to_real(a) > to_real(b)) - (to_real(a) < to_real(b));
    }
    return ERR_OK;
}

err_t arm_greater(struct call *call, struct value *ret)
{
    int order = 0;
    err_t err = compare(call, &order);

    *ret = value_bool(order > 0);
    return err;
}

err_t arm_greaterorequals(struct call *call, struct value *ret)
{
    int order = 0;
    err_t err = compare(call, &order);

    *ret = value_bool(order >= 0);
    return err;
}

err_t arm_less(struct call *call, struct value *ret)
{
    int order = 0;
    err_t err = compare(call, &order);

    *ret = value_bool(order < 0);
    return err;
}

err_t arm_lessorequals(struct call *call, struct value *ret)
{
    int order = 0;
    err_t err = compare(call, &order);

    *ret = value_bool(order <= 0);
    return err;
}

/* ---- numbers ---- */

static err_t overflow(struct call *call)
{
    return arm_call_fail(call, "the result does not fit 64 bits");
}

err_t arm_add(struct call *call, struct value *ret)
{
    int64_t result;

    if (__builtin_add_overflow(call->arguments[0].integer, call->arguments[1].integer, &result)) {
        return overflow(call);
    }
    *ret = value_int(result);
    return ERR_OK;
}

err_t arm_sub(struct call *call, struct value *ret)
{
    int64_t result;

    if (__builtin_sub_overflow(call->arguments[0].integer, call->arguments[1].integer, &result)) {
        return overflow(call);
    }
    *ret = value_int(result);
    return ERR_OK;
}

err_t arm_mul(struct call *call, struct value *ret)
{
    int64_t result;

    if (__builtin_mul_overflow(call->arguments[0].integer, call->arguments[1].integer, &result)) {
        return overflow(call);
    }
    *ret = value_int(result);
    return ERR_OK;
}

static err_t check_divisor(struct call *call)
{
    if (call->arguments[1].integer == 0) {
        return arm_call_fail(call, "the divisor is 0");
    }
    if (call->arguments[1].integer == -1 && call->arguments[0].integer == INT64_MIN) {
        return overflow(call);
    }
    return ERR_OK;
}

err_t arm_div(struct call *call, struct value *ret)
{
    err_t err = check_divisor(call);

    if (err == ERR_OK) {
        *ret = value_int(call->arguments[0].integer / call->arguments[1].integer);
    }
    return err;
}

err_t arm_mod(struct call *call, struct value *ret)
{
    err_t err = check_divisor(call);

    if (err == ERR_OK) {
        *ret = value_int(call->arguments[0].integer % call->arguments[1].integer);
    }
    return err;
}

/* A number as text: digits and what belongs to numbers, nothing else, and not the "0x10" and "inf"
 * of strtod. */
static bool is_number_text(struct span text, const char *allowed)
{
    if (text.len == 0 || text.len > 64) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == 0 || strchr(allowed, text.data[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static void to_text(struct span span, char text[65])
{
    memcpy(text, span.data, span.len);
    text[span.len] = '\0';
}

err_t arm_int(struct call *call, struct value *ret)
{
    struct value value = call->arguments[0];
    char text[65];
    char *end = NULL;
    long long integer;

    if (value_is(value, VALUE_INT)) {
        *ret = value;
        return ERR_OK;
    }
    if (value_is(value, VALUE_REAL)) {
        if (!(value.real > -9223372036854775808.0 && value.real < 9223372036854775808.0)) {
            return overflow(call);
        }
        *ret = value_int((int64_t)value.real);
        return ERR_OK;
    }
    if (!is_number_text(value_span(value), "0123456789+-")) {
        return arm_call_fail(call, "the string is not a whole number");
    }
    to_text(value_span(value), text);
    errno = 0;
    integer = strtoll(text, &end, 10);
    if (end == text || *end != '\0') {
        return arm_call_fail(call, "the string is not a whole number");
    }
    if (errno != 0) {
        return overflow(call);
    }
    *ret = value_int(integer);
    return ERR_OK;
}

err_t arm_float(struct call *call, struct value *ret)
{
    struct value value = call->arguments[0];
    char text[65];
    char *end = NULL;
    double real;

    if (!value_is(value, VALUE_STRING)) {
        *ret = value_real(to_real(value));
        return ERR_OK;
    }
    if (!is_number_text(value_span(value), "0123456789+-.eE")) {
        return arm_call_fail(call, "the string is not a number");
    }
    arm_work_use(call->w, 4);
    to_text(value_span(value), text);
    real = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(real)) {
        return arm_call_fail(call, "the string is not a number that fits");
    }
    *ret = value_real(real);
    return ERR_OK;
}
