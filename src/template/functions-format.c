/*
 * functions-format.c - format('{0,5:D3} {1}', ...): composite formats as .NET has them, as far as
 * whole numbers and text go.
 */
#include "template/functions.h"

#include "base/buf.h"

#include <stdio.h>

enum { WIDTH_MAX = 1024, DIGITS_MAX = 99, MAX_ARGUMENTS = TEMPLATE_MAX_EXPRESSION };

struct item {
    uint64_t index;
    uint64_t width;
    bool is_left;
    struct span format;
};

static void group_digits(struct buf *out, const char *digits, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) {
            buf_add_char(out, ',');
        }
        buf_add_char(out, digits[i]);
    }
}

err_t arm_format_integer(struct call *call, struct span format, int64_t integer, struct buf *out)
{
    uint64_t magnitude = integer < 0 ? 0 - (uint64_t)integer : (uint64_t)integer;
    uint8_t letter = format.len > 0 ? format.data[0] : 'D';
    unsigned digits = 0;
    char text[32];
    int n;

    for (size_t i = 1; i < format.len; i++) {
        if (format.data[i] < '0' || format.data[i] > '9' || digits > DIGITS_MAX) {
            letter = 0;
            break;
        }
        digits = digits * 10 + (format.data[i] - '0');
    }
    if (letter == 0 || digits > DIGITS_MAX || strchr("DdGgXxNnFf", letter) == NULL) {
        return arm_call_fail(call,
                             "the format of a number is D, G, X, x, N or F and at most two "
                             "digits, not '%.*s'",
                             format.len < 32 ? (int)format.len : 32, (const char *)format.data);
    }
    if (letter == 'X' || letter == 'x') {
        n = snprintf(text, sizeof(text), letter == 'X' ? "%llX" : "%llx",
                     (unsigned long long)integer);
    } else {
        n = snprintf(text, sizeof(text), "%llu", (unsigned long long)magnitude);
        if (integer < 0) {
            buf_add_char(out, '-');
        }
    }
    if (letter == 'N' || letter == 'n' || letter == 'F' || letter == 'f') {
        if (letter == 'N' || letter == 'n') {
            group_digits(out, text, (size_t)n);
        } else {
            buf_add_str(out, text);
        }
        digits = format.len == 1 ? 2 : digits;
        buf_add_str(out, digits > 0 ? "." : "");
        for (unsigned i = 0; i < digits; i++) {
            buf_add_char(out, '0');
        }
        return ERR_OK;
    }
    for (unsigned i = (unsigned)n; letter != 'G' && letter != 'g' && i < digits; i++) {
        buf_add_char(out, '0');
    }
    buf_add_str(out, text);
    return ERR_OK;
}

static bool read_number(struct span text, size_t *at, uint64_t max, uint64_t *ret)
{
    size_t from = *at;
    uint64_t value = 0;

    for (; *at < text.len && text.data[*at] >= '0' && text.data[*at] <= '9'; (*at)++) {
        value = value * 10 + (text.data[*at] - '0');
        if (value > max) {
            return false;
        }
    }
    *ret = value;
    return *at > from;
}

/* Behind '{': "0,-10:D3}". False when it is not of that form. */
static bool read_item(struct span text, size_t *at, struct item *ret)
{
    struct item item = {0};
    const uint8_t *end;

    if (!read_number(text, at, MAX_ARGUMENTS, &item.index)) {
        return false;
    }
    if (*at < text.len && text.data[*at] == ',') {
        (*at)++;
        item.is_left = *at < text.len && text.data[*at] == '-';
        *at += item.is_left ? 1 : 0;
        if (!read_number(text, at, WIDTH_MAX, &item.width)) {
            return false;
        }
    }
    if (*at < text.len && text.data[*at] == ':') {
        (*at)++;
        end = memchr(text.data + *at, '}', text.len - *at);
        if (end == NULL) {
            return false;
        }
        item.format = span_of(text.data + *at, (size_t)(end - text.data) - *at);
        *at += item.format.len;
    }
    if (*at >= text.len || text.data[*at] != '}') {
        return false;
    }
    (*at)++;
    *ret = item;
    return true;
}

static err_t add_item(struct call *call, const struct item *item, struct buf *out)
{
    CLEANUP(buf_done) struct buf text = {0};
    struct value value;
    struct span shown = {0};
    size_t n, missing;
    err_t err = ERR_OK;

    if (item->index + 1 >= call->n) {
        return arm_call_fail(call, "the format string asks for argument {%llu}, there are %u",
                             (unsigned long long)item->index, call->n - 1);
    }
    value = call->arguments[item->index + 1];
    buf_init(&text, TEMPLATE_MAX_STRING);
    if (item->format.len > 0 && value_is(value, VALUE_INT)) {
        err = arm_format_integer(call, item->format, value.integer, &text);
    } else if (item->format.len > 0) {
        err = arm_call_fail(call, "argument {%llu} is %s, only integers take the format '%.*s'",
                            (unsigned long long)item->index, arm_value_kind_words(value),
                            item->format.len < 32 ? (int)item->format.len : 32,
                            (const char *)item->format.data);
    } else {
        err = arm_call_show(call, value, &shown);
        buf_add(&text, shown);
    }
    if (err) {
        return err;
    }
    n = arm_text_characters(buf_span(&text));
    missing = item->width > n ? item->width - n : 0;
    for (size_t i = 0; !item->is_left && i < missing; i++) {
        buf_add_char(out, ' ');
    }
    buf_add(out, buf_span(&text));
    for (size_t i = 0; item->is_left && i < missing; i++) {
        buf_add_char(out, ' ');
    }
    return arm_work_steps(call->w, 2 + (text.len + missing) / 8);
}

err_t arm_format(struct call *call, struct value *ret)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct span text = call_text(call, 0);
    err_t err = arm_work_steps(call->w, 1 + text.len / 16);
    size_t at = 0;

    buf_init(&out, TEMPLATE_MAX_STRING);
    while (err == ERR_OK && at < text.len) {
        uint8_t c = text.data[at++];
        struct item item = {0};
        bool is_double = at < text.len && text.data[at] == c;

        if (c != '{' && c != '}') {
            buf_add_char(&out, (char)c);
        } else if (is_double) {
            buf_add_char(&out, (char)c);
            at++;
        } else if (c == '{' && read_item(text, &at, &item)) {
            err = add_item(call, &item, &out);
        } else {
            err = arm_call_fail(call,
                                "the format string is not valid at byte %zu; braces are written "
                                "twice",
                                at - 1);
        }
    }
    if (err == ERR_OK && buf_err(&out) == ERR_TOO_LARGE) {
        return arm_work_fail(call->w, ERR_TOO_LARGE, "a string of more than %d bytes would be made",
                             TEMPLATE_MAX_STRING);
    }
    err = err ? err : buf_err(&out);
    return err ? err : arm_work_copy(call->w, buf_span(&out), ret);
}
