/*
 * read.c - JSON from outside. Who may send these bytes: anybody who reaches the server, and
 * whoever wrote a file given to the command line.
 */
#include "base/codec.h"
#include "base/text.h"
#include "json/memory.h"

#include <stdio.h>
#include <stdlib.h>

/* Where the string that begins before `from` ends: at its closing quote, or at the end of the text.
 * Every byte is looked at once for quotes and once for backslashes, whatever stands there. */
static size_t string_end(struct span text, size_t from)
{
    size_t end = from;

    while (from < text.len) {
        const uint8_t *backslash;

        if (end <= from) {
            const uint8_t *quote = memchr(text.data + from, '"', text.len - from);

            end = quote == NULL ? text.len : (size_t)(quote - text.data);
        }
        backslash = memchr(text.data + from, '\\', end - from);
        if (backslash == NULL) {
            return end;
        }
        from = (size_t)(backslash - text.data) + 2; /* it and what it escapes */
    }
    return text.len;
}

/* Depth and number of values, before memory is spent on them. Only brackets, commas and colons
 * outside strings count: exact for valid JSON but for one too many for each empty container, and
 * harmless for the rest. */
static err_t check_shape(struct span text, const struct json_limits *limits, struct trail *trail)
{
    size_t depth = 0;
    size_t values = 1;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];

        if (c == '"') {
            i = string_end(text, i + 1);
            continue;
        }
        if (c == '{' || c == '[') {
            depth++;
            values++;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        } else if (c == ',' || c == ':') {
            values++;
        }
        if (depth > limits->max_depth) {
            return trail_set_at(trail, ERR_TOO_DEEP, i, "JSON is nested deeper than %zu levels",
                                limits->max_depth);
        }
        if (values > limits->max_values) {
            return trail_set_at(trail, ERR_TOO_MANY, i, "JSON has more than %zu values",
                                limits->max_values);
        }
    }
    return ERR_OK;
}

static int compare_keys(const void *a, const void *b)
{
    yyjson_val *const *x = a;
    yyjson_val *const *y = b;
    size_t lx = yyjson_get_len(*x);
    size_t ly = yyjson_get_len(*y);
    int order = memcmp(yyjson_get_str(*x), yyjson_get_str(*y), lx < ly ? lx : ly);

    return order != 0 ? order : (lx > ly) - (lx < ly);
}

static err_t check_members(struct arena *arena, yyjson_val *object, struct trail *trail)
{
    size_t n = yyjson_obj_size(object);
    yyjson_val **keys = arena_calloc(arena, n, sizeof(yyjson_val *));
    yyjson_obj_iter iter = yyjson_obj_iter_with(object);

    if (keys == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        keys[i] = yyjson_obj_iter_next(&iter);
    }
    qsort(keys, n, sizeof(yyjson_val *), compare_keys);
    for (size_t i = 1; i < n; i++) {
        if (compare_keys(&keys[i - 1], &keys[i]) == 0) {
            trail_set(trail, ERR_JSON_DUPLICATE, "member occurs twice");
            return trail_in(trail, ERR_JSON_DUPLICATE, yyjson_get_str(keys[i]));
        }
    }
    return ERR_OK;
}

/* Depth is capped by check_shape, so this recursion is too. */
static err_t check_tree(struct arena *arena, yyjson_val *value, struct trail *trail)
{
    size_t index;
    size_t max;
    yyjson_val *key;
    yyjson_val *child;
    char name[24];
    err_t err;

    if (yyjson_is_obj(value)) {
        err = check_members(arena, value, trail);
        if (err) {
            return err;
        }
        yyjson_obj_foreach(value, index, max, key, child)
        {
            err = yyjson_is_ctn(child) ? check_tree(arena, child, trail) : ERR_OK;
            if (err) {
                return trail_in(trail, err, yyjson_get_str(key));
            }
        }
    } else if (yyjson_is_arr(value)) {
        yyjson_arr_foreach(value, index, max, child)
        {
            err = yyjson_is_ctn(child) ? check_tree(arena, child, trail) : ERR_OK;
            if (err) {
                snprintf(name, sizeof(name), "[%zu]", index);
                return trail_in(trail, err, name);
            }
        }
    }
    return ERR_OK;
}

err_t json_read(struct arena *arena, struct span text, const struct json_limits *limits,
                struct trail *trail, yyjson_val **ret)
{
    static const struct json_limits standard = {.max_depth = JSON_MAX_DEPTH,
                                                .max_values = JSON_MAX_VALUES};
    struct json_memory *memory;
    yyjson_read_err fault = {0};
    yyjson_read_flag flags = YYJSON_READ_NOFLAG;
    yyjson_doc *doc;
    err_t err;

    if (limits == NULL) {
        limits = &standard;
    }
    flags |= limits->keeps_numbers ? YYJSON_READ_NUMBER_AS_RAW : 0;
    err = check_shape(text, limits, trail);
    if (err) {
        return err;
    }
    if (text.len == 0) {
        return trail_set(trail, ERR_JSON_SYNTAX, "the text is empty, expected JSON");
    }
    memory = json_memory_new(arena);
    if (memory == NULL) {
        return ERR_MEMORY;
    }
    /* Without YYJSON_READ_INSITU the text is only read. */
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): how const goes away without a warning. */
    doc = yyjson_read_opts((char *)(uintptr_t)text.data, text.len, flags, &memory->alc, &fault);
    if (doc == NULL) {
        if (fault.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION) {
            return ERR_MEMORY;
        }
        return trail_set_at(trail, ERR_JSON_SYNTAX, fault.pos, "the text is not valid JSON: %s",
                            fault.msg);
    }
    err = check_tree(arena, yyjson_doc_get_root(doc), trail);
    if (err == ERR_OK) {
        *ret = yyjson_doc_get_root(doc);
    }
    return err;
}

yyjson_val *json_get(yyjson_val *object, const char *name)
{
    return yyjson_obj_get(object, name);
}

err_t json_get_nocase(yyjson_val *object, const char *name, struct trail *trail, yyjson_val **ret)
{
    size_t index;
    size_t max;
    yyjson_val *key;
    yyjson_val *value;
    yyjson_val *found = NULL;

    yyjson_obj_foreach(object, index, max, key, value)
    {
        if (!text_span_equal_nocase(json_span(key), name)) {
            continue;
        }
        if (found != NULL) {
            trail_set(trail, ERR_JSON_DUPLICATE, "member occurs twice in different spellings");
            return trail_in(trail, ERR_JSON_DUPLICATE, name);
        }
        found = value;
    }
    *ret = found;
    return ERR_OK;
}

struct span json_span(yyjson_val *value)
{
    return yyjson_is_str(value) ? span_of(yyjson_get_str(value), yyjson_get_len(value))
                                : (struct span){0};
}

const char *json_text(yyjson_val *value)
{
    struct span text = json_span(value);

    return text.data != NULL && memchr(text.data, 0, text.len) == NULL ? (const char *)text.data
                                                                       : NULL;
}

static err_t wrong_type(struct trail *trail, const char *name, const char *wanted)
{
    trail_set(trail, ERR_JSON_TYPE, "must be %s", wanted);
    return trail_in(trail, ERR_JSON_TYPE, name);
}

err_t json_need(yyjson_val *object, const char *name, struct trail *trail, yyjson_val **ret)
{
    yyjson_val *value = json_get(object, name);

    if (value == NULL) {
        trail_set(trail, ERR_JSON_MISSING, "is missing");
        return trail_in(trail, ERR_JSON_MISSING, name);
    }
    *ret = value;
    return ERR_OK;
}

err_t json_need_only(yyjson_val *object, const char *const *names, struct trail *trail)
{
    yyjson_val *key, *value;
    size_t index, max;

    if (!yyjson_is_obj(object)) {
        return trail_set(trail, ERR_JSON_TYPE, "is not an object");
    }
    yyjson_obj_foreach(object, index, max, key, value)
    {
        const char *const *name = names;

        while (*name != NULL && !span_is(json_span(key), *name)) {
            name++;
        }
        if (*name == NULL) {
            char shown[64];

            text_escape(json_span(key), shown, sizeof(shown));
            return trail_set(trail, ERR_VALUE, "has the unknown member '%s'", shown);
        }
    }
    (void)value;
    return ERR_OK;
}

err_t json_need_string(yyjson_val *object, const char *name, struct trail *trail, struct span *ret)
{
    yyjson_val *value = NULL;
    err_t err = json_need(object, name, trail, &value);

    if (err) {
        return err;
    }
    if (!yyjson_is_str(value)) {
        return wrong_type(trail, name, "a string");
    }
    *ret = json_span(value);
    return ERR_OK;
}

err_t json_need_object(yyjson_val *object, const char *name, struct trail *trail, yyjson_val **ret)
{
    yyjson_val *value = NULL;
    err_t err = json_need(object, name, trail, &value);

    if (err) {
        return err;
    }
    if (!yyjson_is_obj(value)) {
        return wrong_type(trail, name, "an object");
    }
    *ret = value;
    return ERR_OK;
}

err_t json_need_array(yyjson_val *object, const char *name, struct trail *trail, yyjson_val **ret)
{
    yyjson_val *value = NULL;
    err_t err = json_need(object, name, trail, &value);

    if (err) {
        return err;
    }
    if (!yyjson_is_arr(value)) {
        return wrong_type(trail, name, "an array");
    }
    *ret = value;
    return ERR_OK;
}

err_t json_need_uint(yyjson_val *object, const char *name, uint64_t max, struct trail *trail,
                     uint64_t *ret)
{
    yyjson_val *value = NULL;
    err_t err = json_need(object, name, trail, &value);

    if (err) {
        return err;
    }
    if (!yyjson_is_uint(value) || yyjson_get_uint(value) > max) {
        char wanted[64];

        snprintf(wanted, sizeof(wanted), "a whole number from 0 to %llu", (unsigned long long)max);
        return wrong_type(trail, name, wanted);
    }
    *ret = yyjson_get_uint(value);
    return ERR_OK;
}

err_t json_need_base64(struct arena *arena, yyjson_val *object, const char *name, int form,
                       struct trail *trail, struct span *ret)
{
    struct span text;
    err_t err = json_need_string(object, name, trail, &text);

    if (err) {
        return err;
    }
    err = base64_decode(arena, (enum base64_form)form, text, ret);
    if (err == ERR_ENCODING) {
        trail_set(trail, err, "is not valid base64");
    }
    return err ? trail_in(trail, err, name) : ERR_OK;
}
