/*
 * value.c - building values, comparing them, JSON in both directions; the counting of work.
 */
#include "template/value.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    PRINT_STEPS = 8,    /* what printf takes */
    DOCUMENT_STEPS = 24 /* and a document that is written */
};

/* ---- work ---- */

err_t(arm_work_fail)(struct work *w, err_t err, const char *fmt, ...)
{
    char words[TRAIL_WHAT_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(words, sizeof(words), fmt, args);
    va_end(args);
    if (w->fault->code == NULL) {
        w->fault->code = "InvalidTemplate";
    }
    (void)trail_set(w->trail, err, "%s", words);
    return err;
}

void arm_work_target(struct work *w, struct span target)
{
    if (w->fault->target[0] == '\0') {
        text_escape(target, w->fault->target, sizeof(w->fault->target));
    }
}

err_t arm_work_steps(struct work *w, uint64_t steps)
{
    if (steps > w->steps_left) {
        w->steps_left = 0;
        return arm_work_fail(w, ERR_TOO_MANY, "the template takes more work than it may (%d steps)",
                             TEMPLATE_MAX_STEPS);
    }
    w->steps_left -= steps;
    return ERR_OK;
}

void arm_work_use(struct work *w, uint64_t steps)
{
    w->steps_left -= steps < w->steps_left ? steps : w->steps_left;
}

enum { END_BYTES = 8 };

bool arm_work_same(struct work *w, struct span a, struct span b)
{
    size_t front = a.len < END_BYTES ? 0 : a.len - END_BYTES;

    /* Most that are equally long differ at their ends, as those of a loop do. */
    if (a.len != b.len ||
        !text_spans_equal_nocase(span_cut(a, front, END_BYTES), span_cut(b, front, END_BYTES))) {
        return false;
    }
    arm_work_use(w, front / 32);
    return text_spans_equal_nocase(span_cut(a, 0, front), span_cut(b, 0, front));
}

err_t arm_work_memory(struct work *w)
{
    if (!arena_is_exhausted(w->arena)) {
        return ERR_MEMORY;
    }
    return arm_work_fail(w, ERR_TOO_LARGE, "the template needs more memory than it may use");
}

static err_t work_bytes(struct work *w, uint64_t bytes)
{
    if (bytes > w->bytes_left) {
        w->bytes_left = 0;
        return arm_work_fail(w, ERR_TOO_LARGE, "the template makes more than %d bytes of values",
                             TEMPLATE_MAX_MADE);
    }
    w->bytes_left -= bytes;
    return ERR_OK;
}

err_t arm_work_room(struct work *w, uint64_t bytes, void **ret)
{
    err_t err = work_bytes(w, bytes);
    void *room;

    if (err) {
        return err;
    }
    room = arena_alloc(w->arena, (size_t)bytes + 1);
    if (room == NULL) {
        return arm_work_memory(w);
    }
    *ret = room;
    return ERR_OK;
}

err_t arm_work_string(struct work *w, uint64_t len, uint8_t **ret)
{
    void *room = NULL;
    err_t err = ERR_OK;

    if (len > TEMPLATE_MAX_STRING) {
        return arm_work_fail(w, ERR_TOO_LARGE,
                             "a string of %llu bytes would be made, at most %d may be",
                             (unsigned long long)len, TEMPLATE_MAX_STRING);
    }
    err = arm_work_steps(w, 1 + len / 64);
    err = err ? err : arm_work_room(w, len, &room);
    if (err == ERR_OK) {
        *ret = room;
        (*ret)[len] = '\0';
    }
    return err;
}

err_t arm_work_copy(struct work *w, struct span text, struct value *ret)
{
    uint8_t *room = NULL;
    err_t err = arm_work_string(w, text.len, &room);

    if (err) {
        return err;
    }
    if (text.len > 0) {
        memcpy(room, text.data, text.len);
    }
    *ret = value_string(span_of(room, text.len));
    return ERR_OK;
}

err_t arm_work_printf(struct work *w, struct value *ret, const char *fmt, ...)
{
    char text[TEMPLATE_MAX_ID];
    va_list args;
    int n;

    arm_work_use(w, PRINT_STEPS);
    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(text)) {
        return arm_work_fail(w, ERR_TOO_LARGE, "a text of more than %d bytes would be made",
                             TEMPLATE_MAX_ID);
    }
    return arm_work_copy(w, span_of(text, (size_t)n), ret);
}

const char *arm_value_kind_words(struct value value)
{
    static const char *const words[] = {
        [VALUE_NULL] = "null",        [VALUE_BOOL] = "a boolean",    [VALUE_INT] = "an integer",
        [VALUE_REAL] = "a number",    [VALUE_STRING] = "a string",   [VALUE_ARRAY] = "an array",
        [VALUE_OBJECT] = "an object", [VALUE_UNKNOWN] = "not known",
    };

    return words[value.kind];
}

/* ---- building ---- */

/* Room for one more of `size` bytes; containers double. */
static err_t grow(struct work *w, void **items, uint32_t n, uint32_t *capacity, size_t size)
{
    uint32_t wanted = *capacity == 0 ? 4 : *capacity * 2;
    void *room = NULL;
    err_t err;

    if (n < *capacity) {
        return ERR_OK;
    }
    err = arm_work_room(w, (uint64_t)wanted * size, &room);
    if (err) {
        return err;
    }
    if (n > 0) {
        memcpy(room, *items, n * size);
    }
    *items = room;
    *capacity = wanted;
    return arm_work_steps(w, 1 + wanted / 8);
}

err_t arm_list_add(struct work *w, struct list *list, struct value value)
{
    void *items = list->items;
    err_t err = grow(w, &items, list->n, &list->size, sizeof(*list->items));

    if (err == ERR_OK) {
        list->items = items;
        list->items[list->n++] = value;
    }
    return err;
}

static err_t check_nesting(struct work *w, struct value *value)
{
    if (value->nesting > TEMPLATE_MAX_DEPTH) {
        return arm_work_fail(w, ERR_TOO_DEEP, "a value is nested deeper than %d levels",
                             TEMPLATE_MAX_DEPTH);
    }
    return ERR_OK;
}

err_t arm_value_array(struct work *w, const struct value *items, uint32_t n, struct value *ret)
{
    struct value value = {.kind = VALUE_ARRAY, .nesting = 1, .n = n, .items = items};

    for (uint32_t i = 0; i < n; i++) {
        if (items[i].nesting >= value.nesting) {
            value.nesting = (uint16_t)(items[i].nesting + 1);
        }
    }
    arm_work_use(w, n / 16);
    *ret = value;
    return check_nesting(w, ret);
}

err_t arm_list_end(struct work *w, const struct list *list, struct value *ret)
{
    return arm_value_array(w, list->items, list->n, ret);
}

err_t arm_members_add(struct work *w, struct members *members, struct span name, struct value value)
{
    void *items = members->items;
    err_t err = grow(w, &items, members->n, &members->size, sizeof(*members->items));

    if (err == ERR_OK) {
        members->items = items;
        members->items[members->n++] = (struct member){name, value};
    }
    return err;
}

err_t arm_members_set(struct work *w, struct members *members, struct span name, struct value value)
{
    err_t err = arm_work_steps(w, 1 + members->n / 8);

    for (uint32_t i = 0; err == ERR_OK && i < members->n; i++) {
        if (arm_work_same(w, members->items[i].name, name)) {
            members->items[i].value = value;
            return ERR_OK;
        }
    }
    return err ? err : arm_members_add(w, members, name, value);
}

err_t arm_members_end(struct work *w, const struct members *members, struct value *ret)
{
    struct value value = {
        .kind = VALUE_OBJECT, .nesting = 1, .n = members->n, .members = members->items};

    for (uint32_t i = 0; i < members->n; i++) {
        if (members->items[i].value.nesting >= value.nesting) {
            value.nesting = (uint16_t)(members->items[i].value.nesting + 1);
        }
    }
    arm_work_use(w, members->n / 16);
    *ret = value;
    return check_nesting(w, ret);
}

/* ---- looking ---- */

const struct value *arm_value_find(struct work *w, struct value object, struct span name)
{
    const struct value *found = NULL;

    if (!value_is(object, VALUE_OBJECT)) {
        return NULL;
    }
    arm_work_use(w, object.n / 8);
    for (uint32_t i = 0; i < object.n; i++) {
        struct span other = object.members[i].name;

        if (!arm_work_same(w, other, name)) {
            continue;
        }
        if (span_equal(other, name)) {
            return &object.members[i].value;
        }
        found = found == NULL ? &object.members[i].value : found;
    }
    return found;
}

static err_t members_equal(struct work *w, struct value a, struct value b, bool *ret)
{
    bool is_equal = a.n == b.n;
    err_t err = ERR_OK;

    for (uint32_t i = 0; err == ERR_OK && is_equal && i < a.n; i++) {
        const struct value *other = arm_value_find(w, b, a.members[i].name);

        err = arm_work_steps(w, 1);
        is_equal = other != NULL;
        if (err == ERR_OK && is_equal) {
            err = arm_value_equal(w, a.members[i].value, *other, &is_equal);
        }
    }
    *ret = is_equal;
    return err;
}

static bool numbers_equal(struct value a, struct value b)
{
    double x = value_is(a, VALUE_INT) ? (double)a.integer : a.real;
    double y = value_is(b, VALUE_INT) ? (double)b.integer : b.real;

    return value_is(a, VALUE_INT) && value_is(b, VALUE_INT) ? a.integer == b.integer
                                                            : !(x < y) && !(x > y);
}

static bool is_number(struct value value)
{
    return value_is(value, VALUE_INT) || value_is(value, VALUE_REAL);
}

err_t arm_value_equal(struct work *w, struct value a, struct value b, bool *ret)
{
    bool is_equal = a.kind == b.kind;
    err_t err = arm_work_steps(w, 1);

    if (err) {
        return err;
    }
    if (is_number(a) && is_number(b)) {
        *ret = numbers_equal(a, b);
        return ERR_OK;
    }
    if (is_equal && (value_is(a, VALUE_STRING) || value_is(a, VALUE_UNKNOWN))) {
        err = arm_work_steps(w, a.n / 64);
        is_equal = span_equal(value_span(a), value_span(b));
    } else if (is_equal && value_is(a, VALUE_BOOL)) {
        is_equal = a.boolean == b.boolean;
    } else if (is_equal && value_is(a, VALUE_OBJECT)) {
        return members_equal(w, a, b, ret);
    } else if (is_equal && value_is(a, VALUE_ARRAY)) {
        is_equal = a.n == b.n;
        for (uint32_t i = 0; err == ERR_OK && is_equal && i < a.n; i++) {
            err = arm_value_equal(w, a.items[i], b.items[i], &is_equal);
        }
    }
    *ret = is_equal;
    return err;
}

/* ---- from and to JSON ---- */

static err_t container_from_json(struct work *w, yyjson_val *json, struct value *ret)
{
    struct members members = {0};
    struct list list = {0};
    struct value value = value_null();
    yyjson_val *key, *child;
    size_t index, max;
    err_t err = ERR_OK;

    if (yyjson_is_obj(json)) {
        yyjson_obj_foreach(json, index, max, key, child)
        {
            err = err ? err : arm_value_from_json(w, child, &value);
            err = err ? err : arm_members_add(w, &members, json_span(key), value);
        }
        return err ? err : arm_members_end(w, &members, ret);
    }
    yyjson_arr_foreach(json, index, max, child)
    {
        err = err ? err : arm_value_from_json(w, child, &value);
        err = err ? err : arm_list_add(w, &list, value);
    }
    return err ? err : arm_list_end(w, &list, ret);
}

err_t arm_value_from_json(struct work *w, yyjson_val *json, struct value *ret)
{
    err_t err = arm_work_steps(w, 1);

    if (err) {
        return err;
    }
    if (yyjson_is_ctn(json)) {
        return container_from_json(w, json, ret);
    }
    if (yyjson_is_str(json)) {
        *ret = value_string(json_span(json));
    } else if (yyjson_is_bool(json)) {
        *ret = value_bool(yyjson_get_bool(json));
    } else if (yyjson_is_uint(json) && yyjson_get_uint(json) > INT64_MAX) {
        *ret = value_real((double)yyjson_get_uint(json));
    } else if (yyjson_is_int(json)) {
        *ret = value_int(yyjson_is_uint(json) ? (int64_t)yyjson_get_uint(json)
                                              : yyjson_get_sint(json));
    } else if (yyjson_is_real(json)) {
        *ret = value_real(yyjson_get_real(json));
    } else {
        *ret = value_null();
    }
    return ERR_OK;
}

static err_t string_to_json(struct work *w, yyjson_mut_doc *doc, struct value value, unsigned how,
                            yyjson_mut_val **ret)
{
    /* Sharing makes much of little: what is written counts each time. */
    err_t err = arm_work_steps(w, value.n / 16);

    err = err ? err : work_bytes(w, value.n);
    if (err) {
        return err;
    }
    if ((how & WRITE_ESCAPED) != 0 && value.n > 0 && value.bytes[0] == '[') {
        uint8_t *room = NULL;

        err = arm_work_string(w, (uint64_t)value.n + 1, &room);
        if (err) {
            return err;
        }
        room[0] = '[';
        memcpy(room + 1, value.bytes, value.n);
        value = value_string(span_of(room, (size_t)value.n + 1));
    }
    *ret = yyjson_mut_strn(doc, (const char *)value.bytes, value.n);
    return ERR_OK;
}

static err_t object_to_json(struct work *w, yyjson_mut_doc *doc, struct value value, unsigned how,
                            yyjson_mut_val **ret)
{
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    err_t err = ERR_OK;

    for (uint32_t i = 0; err == ERR_OK && i < value.n; i++) {
        const struct member *member = &value.members[i];
        yyjson_mut_val *name = NULL;
        yyjson_mut_val *child = NULL;

        if ((how & WRITE_NO_NULLS) != 0 && value_is(member->value, VALUE_NULL)) {
            continue;
        }
        err = string_to_json(w, doc, value_string(member->name), 0, &name);
        err = err ? err : arm_value_to_json(w, doc, member->value, how, &child);
        if (err == ERR_OK && !yyjson_mut_obj_add(object, name, child)) {
            err = arm_work_memory(w);
        }
    }
    *ret = object;
    return err;
}

static err_t array_to_json(struct work *w, yyjson_mut_doc *doc, struct value value, unsigned how,
                           yyjson_mut_val **ret)
{
    yyjson_mut_val *array = yyjson_mut_arr(doc);
    err_t err = ERR_OK;

    for (uint32_t i = 0; err == ERR_OK && i < value.n; i++) {
        yyjson_mut_val *child = NULL;

        err = arm_value_to_json(w, doc, value.items[i], how, &child);
        if (err == ERR_OK && !yyjson_mut_arr_append(array, child)) {
            err = arm_work_memory(w);
        }
    }
    *ret = array;
    return err;
}

err_t arm_value_to_json(struct work *w, yyjson_mut_doc *doc, struct value value, unsigned how,
                        yyjson_mut_val **ret)
{
    yyjson_mut_val *made = NULL;
    err_t err = arm_work_steps(w, 1);

    err = err ? err : work_bytes(w, sizeof(struct yyjson_mut_val));
    if (err) {
        return err;
    }
    switch ((enum value_kind)value.kind) {
    case VALUE_NULL:
        made = yyjson_mut_null(doc);
        break;
    case VALUE_BOOL:
        made = yyjson_mut_bool(doc, value.boolean);
        break;
    case VALUE_INT:
        made = yyjson_mut_sint(doc, value.integer);
        break;
    case VALUE_REAL:
        made = yyjson_mut_real(doc, value.real);
        break;
    case VALUE_STRING:
        err = string_to_json(w, doc, value, how, &made);
        break;
    case VALUE_ARRAY:
        err = array_to_json(w, doc, value, how, &made);
        break;
    case VALUE_OBJECT:
        err = object_to_json(w, doc, value, how, &made);
        break;
    case VALUE_UNKNOWN:
        made = yyjson_mut_obj(doc);
        json_add_span(doc, made, "$unknown", value_span(value));
        break;
    }
    if (err == ERR_OK && made == NULL) {
        return arm_work_memory(w);
    }
    *ret = made;
    return err;
}

err_t arm_value_to_text(struct work *w, struct value value, struct span *ret)
{
    yyjson_mut_doc *doc = json_new(w->arena);
    yyjson_mut_val *json = NULL;
    err_t err = doc == NULL ? arm_work_memory(w) : arm_value_to_json(w, doc, value, 0, &json);
    struct span text;

    arm_work_use(w, DOCUMENT_STEPS);
    if (err) {
        return err;
    }
    text = json_write(w->arena, doc, json, false);
    if (text.data == NULL) {
        return arm_work_memory(w);
    }
    *ret = text;
    if (text.len > TEMPLATE_MAX_STRING) {
        return arm_work_fail(w, ERR_TOO_LARGE,
                             "a string of %zu bytes would be made, at most %d may be", text.len,
                             TEMPLATE_MAX_STRING);
    }
    return ERR_OK;
}
