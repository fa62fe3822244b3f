#include "jmespath/value.h"

#include "json/json.h"

#include <math.h>

/* ---- numbers ---- */

struct jmespath_value value_integer(int64_t integer)
{
    if (integer >= 0) {
        return value_natural((uint64_t)integer);
    }
    return (struct jmespath_value){
        .kind = JMESPATH_NUMBER, .form = NUMBER_NEGATIVE, .negative = integer};
}

static bool is_integer(double real)
{
    return real == trunc(real) && real >= -NUMBER_2_63 && real < NUMBER_2_64;
}

struct jmespath_value value_real(double real)
{
    if (is_integer(real)) {
        return real < 0 ? value_integer((int64_t)real) : value_natural((uint64_t)real);
    }
    return (struct jmespath_value){.kind = JMESPATH_NUMBER, .form = NUMBER_REAL, .real = real};
}

double value_to_real(struct jmespath_value number)
{
    return number.form == NUMBER_NATURAL    ? (double)number.natural
           : number.form == NUMBER_NEGATIVE ? (double)number.negative
                                            : number.real;
}

bool value_of_text(const char *text, struct jmespath_value *ret)
{
    bool is_negative = false;
    uint64_t magnitude = 0;
    yyjson_val number = {0};
    const char *end;
    double real;

    if (json_number_whole(span_str(text), &is_negative, &magnitude) &&
        (!is_negative || magnitude <= (uint64_t)INT64_MAX + 1)) {
        *ret = is_negative ? (struct jmespath_value){.kind = JMESPATH_NUMBER,
                                                     .form = NUMBER_NEGATIVE,
                                                     .negative = (int64_t)(0 - magnitude)}
                           : value_natural(magnitude);
        return true;
    }
    end = yyjson_read_number(text, &number, YYJSON_READ_NOFLAG, NULL, NULL);
    if (end == NULL || *end != '\0' || !yyjson_is_real(&number)) {
        return false;
    }
    real = yyjson_get_real(&number);
    if (!isfinite(real) || is_integer(real)) {
        return false; /* a fraction that got lost, or a whole number that became another one */
    }
    *ret = (struct jmespath_value){.kind = JMESPATH_NUMBER, .form = NUMBER_REAL, .real = real};
    return true;
}

static bool value_of_number(yyjson_val *json, struct jmespath_value *ret)
{
    if (yyjson_is_raw(json)) {
        return value_of_text(yyjson_get_raw(json), ret);
    }
    if (yyjson_is_uint(json)) {
        *ret = value_natural(yyjson_get_uint(json));
    } else if (yyjson_is_sint(json)) {
        *ret = value_integer(yyjson_get_sint(json));
    } else if (yyjson_is_real(json) && isfinite(yyjson_get_real(json))) {
        *ret = value_real(yyjson_get_real(json));
    } else {
        return false;
    }
    return true;
}

/* ---- building ---- */

err_t value_container(enum jmespath_kind kind, const struct jmespath_value *items, size_t n,
                      struct trail *trail, struct jmespath_value *ret)
{
    struct jmespath_value made = {.kind = (uint8_t)kind, .n = (uint32_t)n, .items = items};
    size_t width = value_width(made);
    unsigned deepest = 0;

    for (size_t i = 0; i < width; i++) {
        deepest = items[i].nesting > deepest ? items[i].nesting : deepest;
    }
    if (deepest >= JMESPATH_MAX_NESTING) {
        return trail_set(trail, ERR_TOO_DEEP, "a value is nested deeper than %d levels",
                         JMESPATH_MAX_NESTING);
    }
    made.nesting = (uint16_t)(deepest + 1);
    *ret = made;
    return ERR_OK;
}

static err_t from_json(struct arena *arena, yyjson_val *json, size_t depth, struct trail *trail,
                       struct jmespath_value *ret);

static err_t container_from_json(struct arena *arena, yyjson_val *json, size_t depth,
                                 struct trail *trail, struct jmespath_value *ret)
{
    enum jmespath_kind kind = yyjson_is_obj(json) ? JMESPATH_OBJECT : JMESPATH_ARRAY;
    size_t n = yyjson_get_len(json);
    struct jmespath_value *items;
    size_t used = 0;
    size_t index;
    size_t max;
    yyjson_val *key;
    yyjson_val *child;
    err_t err = ERR_OK;

    if (depth == JMESPATH_MAX_NESTING) {
        return trail_set(trail, ERR_TOO_DEEP, "JSON is nested deeper than %d levels",
                         JMESPATH_MAX_NESTING);
    }
    if (n > UINT32_MAX / 2) {
        return trail_set(trail, ERR_TOO_MANY, "JSON has too many values");
    }
    items = arena_calloc(arena, kind == JMESPATH_OBJECT ? 2 * n : n, sizeof(*items));
    if (items == NULL) {
        return arena_refused(arena, trail);
    }
    if (kind == JMESPATH_ARRAY) {
        yyjson_arr_foreach(json, index, max, child)
        {
            err = err ? err : from_json(arena, child, depth + 1, trail, &items[used++]);
        }
    } else {
        yyjson_obj_foreach(json, index, max, key, child)
        {
            err = err ? err : from_json(arena, key, depth + 1, trail, &items[used++]);
            err = err ? err : from_json(arena, child, depth + 1, trail, &items[used++]);
        }
    }
    return err ? err : value_container(kind, items, n, trail, ret);
}

/* The depth is capped: the document may come from a reader with other limits. */
static err_t from_json(struct arena *arena, yyjson_val *json, size_t depth, struct trail *trail,
                       struct jmespath_value *ret)
{
    if (yyjson_is_ctn(json)) {
        return container_from_json(arena, json, depth, trail, ret);
    }
    if (yyjson_is_str(json)) {
        struct span text = json_span(json);

        if (text.len > UINT32_MAX) {
            return trail_set(trail, ERR_TOO_LARGE, "a string is too long");
        }
        *ret = value_string(text);
    } else if (yyjson_is_bool(json)) {
        *ret = value_boolean(yyjson_get_bool(json));
    } else if (yyjson_is_null(json)) {
        *ret = value_null();
    } else if (!value_of_number(json, ret)) {
        return trail_set(
            trail, ERR_UNSUPPORTED,
            "a number cannot be kept as it is: too large, too small or with too many digits");
    }
    return ERR_OK;
}

err_t value_from_json(struct arena *arena, yyjson_val *json, struct trail *trail,
                      struct jmespath_value *ret)
{
    return from_json(arena, json, 0, trail, ret);
}

err_t jmespath_from_json(struct arena *arena, yyjson_val *json, struct trail *trail,
                         const struct jmespath_value **ret)
{
    struct jmespath_value *value = arena_alloc(arena, sizeof(*value));
    err_t err =
        value == NULL ? arena_refused(arena, trail) : value_from_json(arena, json, trail, value);

    if (err == ERR_OK) {
        *ret = value;
    }
    return err;
}

err_t jmespath_read(struct arena *arena, struct span text, struct trail *trail,
                    const struct jmespath_value **ret)
{
    static const struct json_limits limits = {.max_depth = JMESPATH_MAX_JSON_DEPTH,
                                              .max_values = JMESPATH_MAX_JSON_VALUES,
                                              .keeps_numbers = true};
    yyjson_val *json = NULL;
    err_t err = json_read(arena, text, &limits, trail, &json);

    if (err == ERR_MEMORY) {
        return arena_refused(arena, trail);
    }
    return err ? err : jmespath_from_json(arena, json, trail, ret);
}

/* ---- looking ---- */

bool value_is_true(struct jmespath_value value)
{
    switch ((enum jmespath_kind)value.kind) {
    case JMESPATH_NULL:
        return false;
    case JMESPATH_BOOLEAN:
        return value.boolean;
    case JMESPATH_NUMBER:
        return true;
    case JMESPATH_STRING:
    case JMESPATH_ARRAY:
    case JMESPATH_OBJECT:
        break;
    }
    return value.n > 0;
}

const struct jmespath_value *value_find(struct jmespath_value object, struct span name)
{
    const struct jmespath_value *items = object.items;

    for (size_t i = 0; i < object.n; i++) {
        if (span_equal(value_span(items[2 * i]), name)) {
            return &items[2 * i + 1];
        }
    }
    return NULL;
}

enum jmespath_kind jmespath_kind(const struct jmespath_value *value)
{
    return (enum jmespath_kind)value->kind;
}

bool jmespath_is_true(const struct jmespath_value *value)
{
    return value_is_true(*value);
}

struct span jmespath_string(const struct jmespath_value *value)
{
    return value->kind == JMESPATH_STRING ? value_span(*value) : (struct span){0};
}

bool jmespath_integer(const struct jmespath_value *value, int64_t *ret)
{
    if (value->kind != JMESPATH_NUMBER || value->form == NUMBER_REAL ||
        (value->form == NUMBER_NATURAL && value->natural > INT64_MAX)) {
        return false;
    }
    *ret = value->form == NUMBER_NATURAL ? (int64_t)value->natural : value->negative;
    return true;
}

size_t jmespath_count(const struct jmespath_value *value)
{
    return value->kind == JMESPATH_ARRAY || value->kind == JMESPATH_OBJECT ? value->n : 0;
}

const struct jmespath_value *jmespath_item(const struct jmespath_value *value, size_t index)
{
    if (index >= jmespath_count(value)) {
        return NULL;
    }
    return value->kind == JMESPATH_ARRAY ? &value->items[index] : &value->items[2 * index + 1];
}

struct span jmespath_name(const struct jmespath_value *value, size_t index)
{
    return value->kind == JMESPATH_OBJECT && index < value->n ? value_span(value->items[2 * index])
                                                              : (struct span){0};
}
