/*
 * functions-array.c - functions of arrays, and those that take strings or objects as well.
 */
#include "template/functions.h"

#include "base/text.h"

static err_t copy_values(struct call *call, const struct value *items, uint32_t n,
                         struct value *ret)
{
    void *room = NULL;
    err_t err = arm_work_steps(call->w, 1 + n / 8);

    err = err ? err : arm_work_room(call->w, (uint64_t)n * sizeof(*items), &room);
    if (err) {
        return err;
    }
    if (n > 0) {
        memcpy(room, items, n * sizeof(*items));
    }
    return arm_value_array(call->w, room, n, ret);
}

err_t arm_createarray(struct call *call, struct value *ret)
{
    return copy_values(call, call->arguments, call->n, ret);
}

err_t arm_array(struct call *call, struct value *ret)
{
    if (value_is(call->arguments[0], VALUE_ARRAY)) {
        *ret = call->arguments[0];
        return ERR_OK;
    }
    return copy_values(call, call->arguments, 1, ret);
}

/* ---- concat ---- */

static err_t concat_strings(struct call *call, struct value *ret)
{
    struct span *parts;
    void *room = NULL;
    uint8_t *text = NULL;
    uint64_t len = 0;
    size_t used = 0;
    err_t err = arm_work_room(call->w, call->n * sizeof(*parts), &room);

    parts = room;
    for (uint32_t i = 0; err == ERR_OK && i < call->n; i++) {
        err = arm_call_show(call, call->arguments[i], &parts[i]);
        len += err ? 0 : parts[i].len;
    }
    err = err ? err : arm_work_string(call->w, len, &text);
    for (uint32_t i = 0; err == ERR_OK && i < call->n; i++) {
        if (parts[i].len > 0) {
            memcpy(text + used, parts[i].data, parts[i].len);
        }
        used += parts[i].len;
    }
    *ret = value_string(span_of(text, used));
    return err;
}

static err_t concat_arrays(struct call *call, struct value *ret)
{
    struct list list = {0};
    err_t err = ERR_OK;

    for (uint32_t i = 0; i < call->n; i++) {
        for (uint32_t k = 0; err == ERR_OK && k < call->arguments[i].n; k++) {
            err = arm_list_add(call->w, &list, call->arguments[i].items[k]);
        }
        err = err ? err : arm_work_steps(call->w, 1 + call->arguments[i].n / 8);
    }
    return err ? err : arm_list_end(call->w, &list, ret);
}

err_t arm_concat(struct call *call, struct value *ret)
{
    bool is_array = value_is(call->arguments[0], VALUE_ARRAY);

    for (uint32_t i = 1; i < call->n; i++) {
        if (value_is(call->arguments[i], VALUE_ARRAY) != is_array) {
            return arm_call_fail(call,
                                 "the arguments must be all arrays or all strings; argument %u "
                                 "is %s, the first is %s",
                                 i + 1, arm_value_kind_words(call->arguments[i]),
                                 arm_value_kind_words(call->arguments[0]));
        }
    }
    return is_array ? concat_arrays(call, ret) : concat_strings(call, ret);
}

/* ---- looking ---- */

static err_t array_find(struct call *call, struct value array, struct value wanted, bool is_last,
                        int64_t *ret)
{
    bool is_equal = false;
    err_t err = ERR_OK;

    *ret = -1;
    for (uint32_t i = 0; err == ERR_OK && !is_equal && i < array.n; i++) {
        uint32_t at = is_last ? array.n - 1 - i : i;

        err = arm_value_equal(call->w, array.items[at], wanted, &is_equal);
        *ret = is_equal ? (int64_t)at : -1;
    }
    return err;
}

err_t arm_contains(struct call *call, struct value *ret)
{
    struct value where = call->arguments[0];
    struct value wanted = call->arguments[1];
    struct span text = {0};
    int64_t index = -1;
    err_t err;

    if (value_is(where, VALUE_ARRAY)) {
        err = array_find(call, where, wanted, false, &index);
        *ret = value_bool(index >= 0);
        return err;
    }
    if (!value_is(wanted, VALUE_STRING) && !value_is(wanted, VALUE_INT)) {
        return arm_call_fail(call, "argument 2 must be a string, it is %s",
                             arm_value_kind_words(wanted));
    }
    err = arm_call_show(call, wanted, &text);
    if (err == ERR_OK && value_is(where, VALUE_STRING)) {
        err = arm_call_count_search(call, value_span(where), text);
    }
    if (err) {
        return err;
    }
    *ret = value_bool(value_is(where, VALUE_OBJECT)
                          ? arm_value_find(call->w, where, text) != NULL
                          : memmem(where.bytes, where.n, text.data, text.len) != NULL);
    return ERR_OK;
}

static bool begins_nocase(struct span text, size_t at, struct span wanted)
{
    return text_spans_equal_nocase(span_of(text.data + at, wanted.len), wanted);
}

/* In characters; -1 when it is nowhere. Case is ignored, as documented for strings. */
static err_t text_find(struct call *call, struct span text, struct span wanted, bool is_last,
                       int64_t *ret)
{
    /* The first character that fits may be tried at each place. */
    err_t err = arm_work_steps(call->w, 1 + (uint64_t)text.len * (1 + wanted.len / 16) / 4);

    *ret = -1;
    if (err || wanted.len > text.len) {
        return err;
    }
    for (size_t i = 0; i <= text.len - wanted.len; i++) {
        size_t at = is_last ? text.len - wanted.len - i : i;

        if (begins_nocase(text, at, wanted)) {
            *ret = (int64_t)arm_text_characters(span_cut(text, 0, at));
            break;
        }
    }
    return ERR_OK;
}

static err_t index_of(struct call *call, bool is_last, struct value *ret)
{
    struct value where = call->arguments[0];
    struct value wanted = call->arguments[1];
    int64_t index = -1;
    err_t err;

    if (value_is(where, VALUE_ARRAY)) {
        err = array_find(call, where, wanted, is_last, &index);
    } else if (value_is(wanted, VALUE_STRING)) {
        err = text_find(call, value_span(where), value_span(wanted), is_last, &index);
    } else {
        err = arm_call_fail(call, "argument 2 must be a string, it is %s",
                            arm_value_kind_words(wanted));
    }
    *ret = value_int(index);
    return err;
}

err_t arm_indexof(struct call *call, struct value *ret)
{
    return index_of(call, false, ret);
}

err_t arm_lastindexof(struct call *call, struct value *ret)
{
    return index_of(call, true, ret);
}

err_t arm_empty(struct call *call, struct value *ret)
{
    *ret = value_bool(value_is(call->arguments[0], VALUE_NULL) || call->arguments[0].n == 0);
    return ERR_OK;
}

err_t arm_length(struct call *call, struct value *ret)
{
    struct value value = call->arguments[0];
    size_t n = value_is(value, VALUE_STRING) ? arm_text_characters(value_span(value)) : value.n;

    *ret = value_int((int64_t)n);
    return ERR_OK;
}

/* ---- parts ---- */

/* Elements or characters from `from`, `n` of them, cut to what is there. */
static err_t part(struct call *call, struct value whole, int64_t from, int64_t n, struct value *ret)
{
    if (value_is(whole, VALUE_STRING)) {
        struct span text = value_span(whole);
        size_t begin = arm_text_offset(text, (size_t)from);
        size_t len = arm_text_offset(span_cut(text, begin, text.len), (size_t)n);

        *ret = value_string(span_cut(text, begin, len));
        return arm_work_steps(call->w, 1 + whole.n / 64);
    }
    from = from < whole.n ? from : whole.n;
    n = n < whole.n - from ? n : whole.n - from;
    return arm_value_array(call->w, n > 0 ? whole.items + from : NULL, (uint32_t)n, ret);
}

err_t arm_first(struct call *call, struct value *ret)
{
    struct value whole = call->arguments[0];

    if (value_is(whole, VALUE_STRING)) {
        return part(call, whole, 0, 1, ret);
    }
    *ret = whole.n > 0 ? whole.items[0] : value_null();
    return ERR_OK;
}

err_t arm_last(struct call *call, struct value *ret)
{
    struct value whole = call->arguments[0];

    if (value_is(whole, VALUE_STRING)) {
        size_t n = arm_text_characters(value_span(whole));

        return part(call, whole, n > 0 ? (int64_t)n - 1 : 0, 1, ret);
    }
    *ret = whole.n > 0 ? whole.items[whole.n - 1] : value_null();
    return ERR_OK;
}

err_t arm_skip(struct call *call, struct value *ret)
{
    int64_t n = call->arguments[1].integer;

    return part(call, call->arguments[0], n > 0 ? n : 0, INT64_MAX, ret);
}

err_t arm_take(struct call *call, struct value *ret)
{
    int64_t n = call->arguments[1].integer;

    return part(call, call->arguments[0], 0, n > 0 ? n : 0, ret);
}

static const struct value *from_end(struct value array, int64_t index)
{
    return value_is(array, VALUE_ARRAY) && index >= 1 && index <= array.n
               ? &array.items[array.n - index]
               : NULL;
}

err_t arm_indexfromend(struct call *call, struct value *ret)
{
    const struct value *found = from_end(call->arguments[0], call->arguments[1].integer);

    if (found == NULL) {
        return arm_call_fail(call, "the array has %u elements, there is none at %lld from the end",
                             call->arguments[0].n, (long long)call->arguments[1].integer);
    }
    *ret = *found;
    return ERR_OK;
}

err_t arm_tryindexfromend(struct call *call, struct value *ret)
{
    const struct value *found = from_end(call->arguments[0], call->arguments[1].integer);

    *ret = found != NULL ? *found : value_null();
    return ERR_OK;
}

err_t arm_tryget(struct call *call, struct value *ret)
{
    struct value value = call->arguments[0];
    err_t err = ERR_OK;

    for (uint32_t i = 1; err == ERR_OK && i < call->n; i++) {
        struct value key = call->arguments[i];

        if (value_is(value, VALUE_NULL)) {
            break;
        }
        err = arm_eval_index(call->eval, value, key, true, &value);
    }
    *ret = value;
    return err;
}

err_t arm_flatten(struct call *call, struct value *ret)
{
    struct value outer = call->arguments[0];
    struct list list = {0};
    err_t err = ERR_OK;

    for (uint32_t i = 0; err == ERR_OK && i < outer.n; i++) {
        if (!value_is(outer.items[i], VALUE_ARRAY)) {
            return arm_call_fail(call, "element %u is %s, not an array", i,
                                 arm_value_kind_words(outer.items[i]));
        }
        err = arm_work_steps(call->w, 1);
        for (uint32_t k = 0; err == ERR_OK && k < outer.items[i].n; k++) {
            err = arm_list_add(call->w, &list, outer.items[i].items[k]);
        }
    }
    return err ? err : arm_list_end(call->w, &list, ret);
}

/* ---- numbers ---- */

err_t arm_range(struct call *call, struct value *ret)
{
    int64_t from = call->arguments[0].integer;
    int64_t n = call->arguments[1].integer;
    struct list list = {0};
    int64_t last;
    err_t err = ERR_OK;

    if (n < 0 || n > TEMPLATE_MAX_RANGE || __builtin_add_overflow(from, n, &last)) {
        return arm_call_fail(call, "the count must be from 0 to %d, and the numbers fit 64 bits",
                             TEMPLATE_MAX_RANGE);
    }
    for (int64_t i = 0; err == ERR_OK && i < n; i++) {
        err = arm_list_add(call->w, &list, value_int(from + i));
    }
    return err ? err : arm_list_end(call->w, &list, ret);
}

static err_t extreme(struct call *call, bool is_max, struct value *ret)
{
    const struct value *items = call->arguments;
    uint32_t n = call->n;

    if (value_is(items[0], VALUE_ARRAY)) {
        if (n != 1) {
            return arm_call_fail(call, "it takes one array, or integers");
        }
        n = items[0].n;
        items = items[0].items;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (!value_is(items[i], VALUE_INT)) {
            return arm_call_fail(call, "element %u is %s, not an integer", i,
                                 arm_value_kind_words(items[i]));
        }
    }
    if (n == 0) {
        return arm_call_fail(call, "the array is empty");
    }
    *ret = items[0];
    for (uint32_t i = 1; i < n; i++) {
        bool is_beyond = is_max ? items[i].integer > ret->integer : items[i].integer < ret->integer;

        *ret = is_beyond ? items[i] : *ret;
    }
    return arm_work_steps(call->w, 1 + n / 8);
}

err_t arm_max(struct call *call, struct value *ret)
{
    return extreme(call, true, ret);
}

err_t arm_min(struct call *call, struct value *ret)
{
    return extreme(call, false, ret);
}
