/*
 * jmespath.h - queries over JSON in the language JMESPath, for the rules of policies.
 *
 * The whole language of jmespath.org with its functions, and equals_ignore_case(a, b), which
 * published policies use. A query and a document come from whoever writes policies and from guests:
 * text, nesting, memory and work are limited, and what exceeds a limit is an error, never a part of
 * a result.
 *
 * Values are immutable and share their parts: a result borrows from the document and the query, and
 * nothing is copied that was there already. Whole numbers of 64 bits stay exact, members keep their
 * order. A compiled query and a value lie in the arena that they were made in, and may be used by
 * any number of threads at once; a budget and an arena belong to one.
 *
 * Where implementations of JMESPath differ and its test suites are silent, this one follows the
 * written specification: what stands behind a projection belongs to it until `|`, `[]`, a
 * comparison, `&&`, `||` or a closing bracket (so in a.*.b.c and a[?x].b[?y] too), and `!` negates
 * the whole path behind it: !a.b is !(a.b).
 */
#ifndef JMESPATH_JMESPATH_H
#define JMESPATH_JMESPATH_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

#include <yyjson.h>

enum {
    JMESPATH_MAX_TEXT = 64 * 1024,  /* of an expression */
    JMESPATH_MAX_DEPTH = 64,        /* brackets, calls and `!` inside each other */
    JMESPATH_MAX_PROJECTIONS = 256, /* inside each other, as in a[*].b[*].c[*] */
    JMESPATH_MAX_PAIRS = 1024,      /* of one multi-select hash */
    JMESPATH_MAX_JSON_DEPTH = 128,  /* of a document that jmespath_read reads */
    JMESPATH_MAX_JSON_VALUES = 1024 * 1024,
    JMESPATH_MAX_NESTING = 256,             /* of any value, results too */
    JMESPATH_MAX_STRING = 16 * 1024 * 1024, /* bytes of a string or text that a query makes */
    JMESPATH_MAX_STEPS = 10 * 1000 * 1000,  /* what a request usually gets */
};

struct jmespath;       /* a compiled query */
struct jmespath_value; /* a JSON value */

/* Counts down over the calls of one request. A step is about one element of a projection, one
 * comparison, eight small operations; long strings and wide objects cost more. */
struct jmespath_budget {
    uint64_t steps_left;
};

enum jmespath_fault {
    JMESPATH_OK,
    JMESPATH_SYNTAX,
    JMESPATH_INVALID_TYPE,
    JMESPATH_INVALID_VALUE,
    JMESPATH_INVALID_ARITY,
    JMESPATH_UNKNOWN_FUNCTION,
    JMESPATH_LIMIT,
    JMESPATH_OTHER, /* out of memory: none of the query's faults */
};

/* What an error of compile and search means in the words of JMESPath: ERR_MALFORMED syntax,
 * ERR_JSON_TYPE invalid-type, ERR_VALUE invalid-value, ERR_USAGE invalid-arity, ERR_UNSUPPORTED
 * unknown-function, ERR_TOO_LARGE, ERR_TOO_MANY and ERR_TOO_DEEP limit. */
enum jmespath_fault jmespath_fault(err_t err);
/* "invalid-type". Never NULL. */
const char *jmespath_fault_name(enum jmespath_fault fault);

/* ---- queries ---- */

/* Compile text, which is copied. All faults but of values are found here, also in parts that would
 * never be evaluated: syntax, unknown functions, wrong numbers of arguments. The trail has the byte
 * in the text where it went wrong. */
err_t jmespath_compile(struct arena *arena, struct span text, struct trail *trail,
                       struct jmespath **ret) MUST_CHECK;

/* Evaluate. The result borrows from root and query and lives in the arena; it is never NULL, a
 * missing value is null. A limit is JMESPATH_LIMIT, also the arena's. */
err_t jmespath_search(const struct jmespath *query, struct arena *arena,
                      const struct jmespath_value *root, struct jmespath_budget *budget,
                      struct trail *trail, const struct jmespath_value **ret) MUST_CHECK;

/* ---- values ---- */

/* A document as value; strings are borrowed from it. ERR_TOO_DEEP past JMESPATH_MAX_NESTING. */
err_t jmespath_from_json(struct arena *arena, yyjson_val *json, struct trail *trail,
                         const struct jmespath_value **ret) MUST_CHECK;
/* The same from text, strictly as json_read, with the limits above. Whole numbers of 64 bits are
 * exact (9007199254740993.0 is one), others the nearest double; ERR_UNSUPPORTED for a number that
 * is too large for one, or that would become a whole number of 64 bits that it is not. */
err_t jmespath_read(struct arena *arena, struct span text, struct trail *trail,
                    const struct jmespath_value **ret) MUST_CHECK;

enum jmespath_form {
    JMESPATH_COMPACT,  /* one line, no blanks: what the function JmesPath of policies gives */
    JMESPATH_LINE,     /* the same for people: what cannot be seen becomes \u escapes */
    JMESPATH_INDENTED, /* for people, two blanks a level */
};

/* The value as JSON text in the arena. Strings escape only `"`, `\` and control characters; whole
 * numbers have neither exponent nor fraction, others the shortest text that reads back equal.
 * Costs steps as a query does: a small value may have a long text, since parts are shared. */
err_t jmespath_to_text(struct arena *arena, const struct jmespath_value *value,
                       enum jmespath_form form, struct jmespath_budget *budget, struct trail *trail,
                       struct span *ret) MUST_CHECK;

enum jmespath_kind {
    JMESPATH_NULL,
    JMESPATH_BOOLEAN,
    JMESPATH_NUMBER,
    JMESPATH_STRING,
    JMESPATH_ARRAY,
    JMESPATH_OBJECT,
};

enum jmespath_kind jmespath_kind(const struct jmespath_value *value);
/* Does it count as true? False are false, null, "", [] and {}. */
bool jmespath_is_true(const struct jmespath_value *value);
/* The text of a string; data NULL for other kinds, never NULL for strings. */
struct span jmespath_string(const struct jmespath_value *value);
/* A number without fraction (2.0 has none) that fits; false for all else. */
bool jmespath_integer(const struct jmespath_value *value, int64_t *ret);
/* How many elements or members; 0 for other kinds. */
size_t jmespath_count(const struct jmespath_value *value);
/* Element or member value by index; NULL when there is none. */
const struct jmespath_value *jmespath_item(const struct jmespath_value *value, size_t index);
/* Name of a member by index; data NULL when there is none. */
struct span jmespath_name(const struct jmespath_value *value, size_t index);
/* Deep equality, 1 equals 1.0, members in any order. */
err_t jmespath_equal(const struct jmespath_value *a, const struct jmespath_value *b,
                     struct jmespath_budget *budget, struct trail *trail, bool *ret) MUST_CHECK;

/* Names of the functions, sorted, for "did you mean". */
const char *const *jmespath_functions(size_t *ret_n);

#endif
