/*
 * value.h - values of expressions, and the work that making them takes. For this room alone.
 *
 * Sixteen bytes, handed round by value; containers hold what is in them side by side and share it.
 * Immutable once built. What other files of this room call begins with arm_: rooms of one program
 * share their names.
 */
#ifndef TEMPLATE_VALUE_H
#define TEMPLATE_VALUE_H

#include "template/template.h"

enum value_kind {
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_REAL,
    VALUE_STRING,
    VALUE_ARRAY,
    VALUE_OBJECT,
    VALUE_UNKNOWN, /* depends on what is not made yet; its text is the expression */
};

struct member;

struct value {
    uint8_t kind;
    uint16_t nesting; /* levels of containers, this one included */
    uint32_t n;       /* bytes, elements or members */
    union {
        bool boolean;
        int64_t integer;
        double real;
        const uint8_t *bytes;
        const struct value *items;
        const struct member *members;
    };
};

struct member {
    struct span name;
    struct value value;
};

/* What one call of the room may still use, and where its words go. */
struct work {
    struct arena *arena;
    struct trail *trail;          /* never NULL */
    struct template_fault *fault; /* never NULL */
    uint64_t steps_left;
    uint64_t bytes_left;
    bool is_callers_fault; /* what reference() was answered, not the template */
    yyjson_val *at;        /* what of the document is being evaluated */
};

/* The words of a fault of the template, code InvalidTemplate unless there is one. Returns err. */
err_t arm_work_fail(struct work *w, err_t err, const char *fmt, ...) PRINTF_LIKE(3, 4);
#ifdef __clang_analyzer__
/* It reads one file at a time: this tells it what comes back. */
#define arm_work_fail(w, err, ...) ((void)(arm_work_fail)((w), (err), __VA_ARGS__), (err))
#endif
/* What the fault is about; the innermost call wins. */
void arm_work_target(struct work *w, struct span target);
err_t arm_work_steps(struct work *w, uint64_t steps) MUST_CHECK;
/* Steps that are taken, where failing is for who takes the next one. */
void arm_work_use(struct work *w, uint64_t steps);
/* Are they one name, in any case? Names are as long as their author likes: that is counted. */
bool arm_work_same(struct work *w, struct span a, struct span b);
/* Memory for a result, counted. */
err_t arm_work_room(struct work *w, uint64_t bytes, void **ret) MUST_CHECK;
/* Why the arena gave nothing. */
err_t arm_work_memory(struct work *w) MUST_CHECK;
/* Room for a string that a function makes: ERR_TOO_LARGE past TEMPLATE_MAX_STRING. */
err_t arm_work_string(struct work *w, uint64_t len, uint8_t **ret) MUST_CHECK;
err_t arm_work_copy(struct work *w, struct span text, struct value *ret) MUST_CHECK;
err_t arm_work_printf(struct work *w, struct value *ret, const char *fmt, ...)
    PRINTF_LIKE(3, 4) MUST_CHECK;

static inline struct value value_null(void)
{
    return (struct value){.kind = VALUE_NULL};
}

static inline struct value value_bool(bool boolean)
{
    return (struct value){.kind = VALUE_BOOL, .boolean = boolean};
}

static inline struct value value_int(int64_t integer)
{
    return (struct value){.kind = VALUE_INT, .integer = integer};
}

static inline struct value value_real(double real)
{
    return (struct value){.kind = VALUE_REAL, .real = real};
}

/* Lengths fit: no text is near 4 GiB. */
static inline struct value value_string(struct span bytes)
{
    return (struct value){.kind = VALUE_STRING,
                          .n = (uint32_t)bytes.len,
                          .bytes = bytes.data == NULL ? (const uint8_t *)"" : bytes.data};
}

static inline struct value value_text(const char *text)
{
    return value_string(span_str(text));
}

static inline struct value value_unknown(struct span expression)
{
    struct value value = value_string(expression);

    value.kind = VALUE_UNKNOWN;
    return value;
}

static inline bool value_is(struct value value, enum value_kind kind)
{
    return value.kind == kind;
}

static inline struct span value_span(struct value string)
{
    return span_of(string.bytes, string.n);
}

/* "a string" */
const char *arm_value_kind_words(struct value value);

/* ---- building ---- */

struct list {
    struct value *items;
    uint32_t n, size;
};

err_t arm_list_add(struct work *w, struct list *list, struct value value) MUST_CHECK;
err_t arm_list_end(struct work *w, const struct list *list, struct value *ret) MUST_CHECK;

struct members {
    struct member *items;
    uint32_t n, size;
};

/* Without looking for one of that name. */
err_t arm_members_add(struct work *w, struct members *members, struct span name,
                      struct value value) MUST_CHECK;
/* In place of one of that name in any case, or behind all. */
err_t arm_members_set(struct work *w, struct members *members, struct span name,
                      struct value value) MUST_CHECK;
err_t arm_members_end(struct work *w, const struct members *members, struct value *ret) MUST_CHECK;
/* An array of n values of C. */
err_t arm_value_array(struct work *w, const struct value *items, uint32_t n,
                      struct value *ret) MUST_CHECK;

/* ---- looking ---- */

/* A member by name: exactly, else in any case. NULL when there is none. Counts its steps. */
const struct value *arm_value_find(struct work *w, struct value object, struct span name);
/* Deep; names in any case, strings exactly. */
err_t arm_value_equal(struct work *w, struct value a, struct value b, bool *ret) MUST_CHECK;

/* ---- from and to JSON ---- */

err_t arm_value_from_json(struct work *w, yyjson_val *json, struct value *ret) MUST_CHECK;

enum { WRITE_NO_NULLS = 1, WRITE_ESCAPED = 2 };
/* Strings are borrowed. WRITE_NO_NULLS: without members that are null. WRITE_ESCAPED: what would be
 * read as an expression again is escaped. */
err_t arm_value_to_json(struct work *w, yyjson_mut_doc *doc, struct value value, unsigned how,
                        yyjson_mut_val **ret) MUST_CHECK;
/* Compact text. */
err_t arm_value_to_text(struct work *w, struct value value, struct span *ret) MUST_CHECK;

#endif
