/*
 * functions-text.c - functions of strings. A character is a code point; only the case of ASCII
 * letters is known here.
 */
#include "template/functions.h"

#include "base/text.h"

static err_t change_case(struct call *call, char from, char to, struct value *ret)
{
    struct span text = call_text(call, 0);
    uint8_t *room = NULL;
    err_t err = arm_work_string(call->w, text.len, &room);

    for (size_t i = 0; err == ERR_OK && i < text.len; i++) {
        uint8_t c = text.data[i];
        bool is_letter = c >= (uint8_t)from && c <= (uint8_t)from + 25;

        room[i] = is_letter ? (uint8_t)(c - from + to) : c;
    }
    *ret = value_string(span_of(room, text.len));
    return err;
}

err_t arm_tolower(struct call *call, struct value *ret)
{
    return change_case(call, 'A', 'a', ret);
}

err_t arm_toupper(struct call *call, struct value *ret)
{
    return change_case(call, 'a', 'A', ret);
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

err_t arm_trim(struct call *call, struct value *ret)
{
    struct span text = call_text(call, 0);
    size_t from = 0;
    size_t to = text.len;

    while (from < to && is_blank(text.data[from])) {
        from++;
    }
    while (to > from && is_blank(text.data[to - 1])) {
        to--;
    }
    *ret = value_string(span_cut(text, from, to - from));
    return ERR_OK;
}

err_t arm_startswith(struct call *call, struct value *ret)
{
    struct span text = call_text(call, 0);
    struct span start = call_text(call, 1);

    *ret = value_bool(start.len <= text.len &&
                      text_spans_equal_nocase(span_of(text.data, start.len), start));
    return ERR_OK;
}

err_t arm_endswith(struct call *call, struct value *ret)
{
    struct span text = call_text(call, 0);
    struct span end = call_text(call, 1);

    *ret = value_bool(
        end.len <= text.len &&
        text_spans_equal_nocase(span_of(text.data + (text.len - end.len), end.len), end));
    return ERR_OK;
}

err_t arm_string(struct call *call, struct value *ret)
{
    struct span text = {0};
    err_t err = arm_call_show(call, call->arguments[0], &text);

    *ret = value_string(text);
    return err;
}

err_t arm_substring(struct call *call, struct value *ret)
{
    struct span text = call_text(call, 0);
    int64_t n = (int64_t)arm_text_characters(text);
    int64_t from = call->arguments[1].integer;
    int64_t len = call->n > 2 ? call->arguments[2].integer : n - from;
    struct span rest;
    size_t begin;

    if (from < 0 || from > n || len < 0 || len > n - from) {
        return arm_call_fail(call,
                             "the string has %lld characters, it cannot give %lld from index "
                             "%lld on",
                             (long long)n, (long long)len, (long long)from);
    }
    begin = arm_text_offset(text, (size_t)from);
    rest = span_cut(text, begin, text.len);
    *ret = value_string(span_cut(rest, 0, arm_text_offset(rest, (size_t)len)));
    return arm_work_steps(call->w, text.len / 64);
}

err_t arm_padleft(struct call *call, struct value *ret)
{
    int64_t wanted = call->arguments[1].integer;
    struct span pad = call->n > 2 ? call_text(call, 2) : span_str(" ");
    struct span text = {0};
    uint8_t *room = NULL;
    size_t n, missing;
    err_t err;

    if (!value_is(call->arguments[1], VALUE_INT)) {
        return arm_call_fail(call, "argument 2 must be an integer, it is %s",
                             arm_value_kind_words(call->arguments[1]));
    }
    if (wanted < 0 || wanted > TEMPLATE_MAX_STRING ||
        (call->n > 2 && !value_is(call->arguments[2], VALUE_STRING)) ||
        arm_text_characters(pad) != 1) {
        return arm_call_fail(call, "the length must be from 0 to %d, and what fills one character",
                             TEMPLATE_MAX_STRING);
    }
    err = arm_call_show(call, call->arguments[0], &text);
    n = err ? 0 : arm_text_characters(text);
    missing = (size_t)wanted > n ? (size_t)wanted - n : 0;
    err = err ? err : arm_work_steps(call->w, missing / 16);
    err = err ? err : arm_work_string(call->w, (uint64_t)missing * pad.len + text.len, &room);
    if (err) {
        return err;
    }
    for (size_t i = 0; i < missing; i++) {
        memcpy(room + i * pad.len, pad.data, pad.len);
    }
    if (text.len > 0) {
        memcpy(room + missing * pad.len, text.data, text.len);
    }
    *ret = value_string(span_of(room, missing * pad.len + text.len));
    return ERR_OK;
}

static const uint8_t *find(struct span text, size_t at, struct span wanted)
{
    return memmem(text.data + at, text.len - at, wanted.data, wanted.len);
}

err_t arm_replace(struct call *call, struct value *ret)
{
    struct span text = call_text(call, 0);
    struct span old = call_text(call, 1);
    struct span with = call_text(call, 2);
    const uint8_t *found;
    uint64_t len = text.len;
    uint64_t n = 0;
    uint8_t *room = NULL;
    size_t used = 0;
    size_t at = 0;
    err_t err;

    if (old.len == 0) {
        return arm_call_fail(call, "the string to replace is empty");
    }
    err = arm_call_count_search(call, text, old);
    while (err == ERR_OK && (found = find(text, at, old)) != NULL) {
        len = len - old.len + with.len;
        at = (size_t)(found - text.data) + old.len;
        n++;
    }
    /* Each is looked for twice. */
    err = err ? err : arm_call_count_search(call, text, old);
    err = err ? err : arm_work_steps(call->w, n * 2);
    err = err ? err : arm_work_string(call->w, len, &room);
    at = 0;
    while (err == ERR_OK && (found = find(text, at, old)) != NULL) {
        size_t before = (size_t)(found - text.data) - at;

        memcpy(room + used, text.data + at, before);
        used += before;
        if (with.len > 0) {
            memcpy(room + used, with.data, with.len);
        }
        used += with.len;
        at += before + old.len;
    }
    if (err == ERR_OK && at < text.len) {
        memcpy(room + used, text.data + at, text.len - at);
        used += text.len - at;
    }
    *ret = value_string(span_of(room, used));
    return err;
}

/* The first delimiter at or behind `at`: where, and how long. */
static bool next_delimiter(struct span text, size_t at, const struct value *delimiters, uint32_t n,
                           size_t *ret_at, size_t *ret_len)
{
    for (; at < text.len; at++) {
        for (uint32_t i = 0; i < n; i++) {
            struct span delimiter = value_span(delimiters[i]);

            if (delimiter.len > 0 && delimiter.len <= text.len - at &&
                memcmp(text.data + at, delimiter.data, delimiter.len) == 0) {
                *ret_at = at;
                *ret_len = delimiter.len;
                return true;
            }
        }
    }
    return false;
}

err_t arm_split(struct call *call, struct value *ret)
{
    struct span text = call_text(call, 0);
    struct value by = call->arguments[1];
    const struct value *delimiters = value_is(by, VALUE_ARRAY) ? by.items : &call->arguments[1];
    uint32_t n = value_is(by, VALUE_ARRAY) ? by.n : 1;
    struct list list = {0};
    size_t from = 0, at = 0, len = 0;
    err_t err = ERR_OK;

    if (value_is(by, VALUE_ARRAY)) {
        err = arm_call_need_strings(call, by, 1);
    }
    for (uint32_t i = 0; err == ERR_OK && i < n; i++) {
        /* At each place the most of a delimiter may fit. */
        err = arm_work_steps(call->w, 1 + (uint64_t)text.len * (1 + delimiters[i].n / 32) / 16);
    }
    while (err == ERR_OK && next_delimiter(text, from, delimiters, n, &at, &len)) {
        err = arm_list_add(call->w, &list, value_string(span_cut(text, from, at - from)));
        from = at + len;
    }
    err = err ? err : arm_list_add(call->w, &list, value_string(span_cut(text, from, text.len)));
    return err ? err : arm_list_end(call->w, &list, ret);
}

err_t arm_join(struct call *call, struct value *ret)
{
    struct value array = call->arguments[0];
    struct span glue = call_text(call, 1);
    struct span *parts;
    void *room = NULL;
    uint8_t *text = NULL;
    uint64_t len = array.n > 1 ? (uint64_t)glue.len * (array.n - 1) : 0;
    size_t used = 0;
    err_t err = arm_work_room(call->w, (uint64_t)array.n * sizeof(*parts), &room);

    parts = room;
    for (uint32_t i = 0; err == ERR_OK && i < array.n; i++) {
        err = arm_call_show(call, array.items[i], &parts[i]);
        len += err ? 0 : parts[i].len;
    }
    err = err ? err : arm_work_steps(call->w, array.n);
    err = err ? err : arm_work_string(call->w, len, &text);
    for (uint32_t i = 0; err == ERR_OK && i < array.n; i++) {
        if (i > 0 && glue.len > 0) {
            memcpy(text + used, glue.data, glue.len);
            used += glue.len;
        }
        if (parts[i].len > 0) {
            memcpy(text + used, parts[i].data, parts[i].len);
            used += parts[i].len;
        }
    }
    *ret = value_string(span_of(text, used));
    return err;
}
