/*
 * functions-text.c - functions over strings, and those that take strings as well as arrays. A
 * character is a code point; strings are valid UTF-8.
 */
#include "jmespath/functions.h"

static bool is_continuation(uint8_t c)
{
    return (c & 0xc0) == 0x80;
}

static err_t contains_element(struct call *call, struct jmespath_value array,
                              struct jmespath_value wanted, struct jmespath_value *ret)
{
    bool is_equal = false;
    err_t err = ERR_OK;

    for (size_t i = 0; err == ERR_OK && !is_equal && i < array.n; i++) {
        err = value_equal(array.items[i], wanted, call->eval->budget, call->eval->trail, &is_equal);
    }
    *ret = value_boolean(is_equal);
    return err;
}

err_t function_contains(struct call *call, struct jmespath_value *ret)
{
    struct jmespath_value subject = call_argument(call, 0);
    struct jmespath_value wanted = call_argument(call, 1);
    err_t err;

    if (value_is(subject, JMESPATH_ARRAY)) {
        return contains_element(call, subject, wanted, ret);
    }
    if (!value_is(wanted, JMESPATH_STRING)) {
        *ret = value_boolean(false);
        return ERR_OK;
    }
    err = eval_steps(call->eval, 1 + ((uint64_t)subject.n + wanted.n) / 16);
    *ret = value_boolean(err == ERR_OK &&
                         memmem(subject.bytes, subject.n, wanted.bytes, wanted.n) != NULL);
    return err;
}

err_t function_starts_with(struct call *call, struct jmespath_value *ret)
{
    struct span text = value_span(call_argument(call, 0));
    struct span start = value_span(call_argument(call, 1));

    *ret = value_boolean(start.len <= text.len && span_equal(span_of(text.data, start.len), start));
    return eval_steps(call->eval, 1 + start.len / 64);
}

err_t function_ends_with(struct call *call, struct jmespath_value *ret)
{
    struct span text = value_span(call_argument(call, 0));
    struct span end = value_span(call_argument(call, 1));

    *ret = value_boolean(end.len <= text.len &&
                         span_equal(span_of(text.data + (text.len - end.len), end.len), end));
    return eval_steps(call->eval, 1 + end.len / 64);
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

/* Of published policies: ASCII letters alone are folded, and what is no string equals nothing. */
err_t function_equals_ignore_case(struct call *call, struct jmespath_value *ret)
{
    struct jmespath_value a = call_argument(call, 0);
    struct jmespath_value b = call_argument(call, 1);
    bool is_equal = value_is(a, JMESPATH_STRING) && value_is(b, JMESPATH_STRING) && a.n == b.n;
    err_t err = eval_steps(call->eval, is_equal ? 1 + a.n / 16 : 1);

    for (size_t i = 0; err == ERR_OK && is_equal && i < a.n; i++) {
        is_equal = lower(a.bytes[i]) == lower(b.bytes[i]);
    }
    *ret = value_boolean(is_equal);
    return err;
}

err_t function_join(struct call *call, struct jmespath_value *ret)
{
    struct jmespath_value glue = call_argument(call, 0);
    struct jmespath_value array = call_argument(call, 1);
    uint64_t size = array.n > 1 ? (uint64_t)glue.n * (array.n - 1) : 0;
    uint8_t *text = NULL;
    size_t used = 0;
    err_t err = eval_steps(call->eval, array.n);

    for (size_t i = 0; err == ERR_OK && i < array.n; i++) {
        size += array.items[i].n;
    }
    err = err ? err : eval_room(call->eval, size, &text);
    for (size_t i = 0; err == ERR_OK && i < array.n; i++) {
        if (i > 0) {
            memcpy(text + used, glue.bytes, glue.n);
            used += glue.n;
        }
        memcpy(text + used, array.items[i].bytes, array.items[i].n);
        used += array.items[i].n;
    }
    *ret = value_string(span_of(text, used));
    return err;
}

err_t function_length(struct call *call, struct jmespath_value *ret)
{
    struct jmespath_value value = call_argument(call, 0);
    uint64_t n = value.n;
    err_t err = ERR_OK;

    if (value_is(value, JMESPATH_STRING)) {
        err = eval_steps(call->eval, 1 + value.n / 16);
        for (size_t i = 0; err == ERR_OK && i < value.n; i++) {
            n -= is_continuation(value.bytes[i]);
        }
    }
    *ret = value_natural(n);
    return err;
}

static err_t reverse_array(struct call *call, struct jmespath_value array,
                           struct jmespath_value *ret)
{
    size_t base = call->eval->used;
    err_t err = eval_steps(call->eval, array.n);

    for (size_t i = array.n; err == ERR_OK && i > 0; i--) {
        err = eval_push(call->eval, array.items[i - 1]);
    }
    return err ? err : eval_pop(call->eval, JMESPATH_ARRAY, base, ret);
}

err_t function_reverse(struct call *call, struct jmespath_value *ret)
{
    struct jmespath_value value = call_argument(call, 0);
    uint8_t *text = NULL;
    size_t used = 0;
    size_t end = value.n;
    err_t err;

    if (value_is(value, JMESPATH_ARRAY)) {
        return reverse_array(call, value, ret);
    }
    err = eval_room(call->eval, value.n, &text);
    err = err ? err : eval_steps(call->eval, value.n / 16);
    for (size_t i = value.n; err == ERR_OK && i > 0; i--) {
        if (!is_continuation(value.bytes[i - 1])) {
            memcpy(text + used, value.bytes + i - 1, end - (i - 1));
            used += end - (i - 1);
            end = i - 1;
        }
    }
    *ret = value_string(span_of(text, used));
    return err;
}

err_t function_to_string(struct call *call, struct jmespath_value *ret)
{
    struct jmespath_value value = call_argument(call, 0);
    struct span text = {0};
    err_t err;

    if (value_is(value, JMESPATH_STRING)) {
        *ret = value;
        return ERR_OK;
    }
    err = jmespath_to_text(call->eval->arena, &value, JMESPATH_COMPACT, call->eval->budget,
                           call->eval->trail, &text);
    *ret = value_string(text);
    return err;
}
