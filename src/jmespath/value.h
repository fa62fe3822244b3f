/*
 * value.h - what a value is. For this room alone.
 *
 * Sixteen bytes, handed round by value; arrays hold their elements side by side, so that a new
 * array of old elements copies none of what is inside them. Immutable once built.
 */
#ifndef JMESPATH_VALUE_H
#define JMESPATH_VALUE_H

#include "jmespath/jmespath.h"

/* One spelling for each number: what has no fraction and fits is an integer, never a real. So equal
 * numbers are of one form. */
enum number_form { NUMBER_NATURAL, NUMBER_NEGATIVE, NUMBER_REAL };

struct jmespath_value {
    uint8_t kind;     /* enum jmespath_kind */
    uint8_t form;     /* enum number_form */
    uint16_t nesting; /* of arrays and objects: levels, this one included. Caps each recursion */
    uint32_t n;       /* bytes, elements or members */
    union {
        bool boolean;
        uint64_t natural;
        int64_t negative; /* below 0 */
        double real;      /* finite */
        const uint8_t *bytes;
        const struct jmespath_value *items; /* of an object: name, value, name, value */
    };
};
_Static_assert(sizeof(struct jmespath_value) == 16, "values are handed round by value");

/* Numbers from 2 to the 63 and 64 on do not fit the integers. */
#define NUMBER_2_63 9223372036854775808.0
#define NUMBER_2_64 18446744073709551616.0

static inline struct jmespath_value value_null(void)
{
    return (struct jmespath_value){.kind = JMESPATH_NULL};
}

static inline struct jmespath_value value_boolean(bool boolean)
{
    return (struct jmespath_value){.kind = JMESPATH_BOOLEAN, .boolean = boolean};
}

static inline struct jmespath_value value_natural(uint64_t natural)
{
    return (struct jmespath_value){
        .kind = JMESPATH_NUMBER, .form = NUMBER_NATURAL, .natural = natural};
}

/* bytes.len fits 32 bits: texts are limited long before. */
static inline struct jmespath_value value_string(struct span bytes)
{
    return (struct jmespath_value){.kind = JMESPATH_STRING,
                                   .n = (uint32_t)bytes.len,
                                   .bytes = bytes.data == NULL ? (const uint8_t *)"" : bytes.data};
}

static inline struct span value_span(struct jmespath_value string)
{
    return span_of(string.bytes, string.n);
}

static inline bool value_is(struct jmespath_value value, enum jmespath_kind kind)
{
    return value.kind == kind;
}

bool value_is_true(struct jmespath_value value);
struct jmespath_value value_integer(int64_t integer);
/* Must be finite. */
struct jmespath_value value_real(double real);
double value_to_real(struct jmespath_value number);

/* n elements, or n members as 2 * n values, which the result borrows. ERR_TOO_DEEP past
 * JMESPATH_MAX_NESTING. */
err_t value_container(enum jmespath_kind kind, const struct jmespath_value *items, size_t n,
                      struct trail *trail, struct jmespath_value *ret) MUST_CHECK;
/* Values one level inside: 2 for each member. */
static inline size_t value_width(struct jmespath_value value)
{
    return value.kind == JMESPATH_OBJECT ? (size_t)value.n * 2 : value.n;
}

/* A number from its text of JSON: exactly when it is whole and fits, as the nearest double
 * otherwise. False when that would make a whole number of 64 bits of a fraction or of another whole
 * number, and for what is too large for a double. Past 64 bits neighbours are one. */
bool value_of_text(const char *text, struct jmespath_value *ret);
err_t value_from_json(struct arena *arena, yyjson_val *json, struct trail *trail,
                      struct jmespath_value *ret) MUST_CHECK;

/* The value of a member, NULL when there is none. Steps it is worth: value_find_steps. */
const struct jmespath_value *value_find(struct jmespath_value object, struct span name);
static inline uint64_t value_find_steps(struct jmespath_value object)
{
    return object.n / 16;
}

/* Counts down; ERR_TOO_MANY when nothing is left. */
err_t budget_take(struct jmespath_budget *budget, uint64_t steps, struct trail *trail) MUST_CHECK;
/* Why an arena gave nothing: a limit that the query reached, or a machine without memory. */
MUST_CHECK static inline err_t arena_refused(const struct arena *arena, struct trail *trail)
{
    if (!arena_is_exhausted(arena)) {
        return ERR_MEMORY;
    }
    trail_set(trail, ERR_TOO_LARGE, "the query needs more memory than it may use");
    return ERR_TOO_LARGE;
}

/* Deep equality. */
err_t value_equal(struct jmespath_value a, struct jmespath_value b, struct jmespath_budget *budget,
                  struct trail *trail, bool *ret) MUST_CHECK;
/* Below, equal to or above 0, for two numbers or two strings (by code point). */
int value_order(struct jmespath_value a, struct jmespath_value b);
/* Steps that comparing with this value is worth. */
static inline uint64_t value_order_steps(struct jmespath_value value)
{
    return value.kind == JMESPATH_STRING ? 1 + value.n / 64 : 1;
}

#endif
