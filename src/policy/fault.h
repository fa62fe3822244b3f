/*
 * fault.h - what is wrong with a policy, or went wrong when it ran.
 *
 * A fault owns its words: it may be kept and copied freely. Everything in it is printable; pieces
 * of the policy's text are escaped, values of claims never appear.
 */
#ifndef POLICY_FAULT_H
#define POLICY_FAULT_H

#include "base/arena.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* clang-format off */
#define POLICY_FAULT_TABLE(X)                                                                      \
    /* when it is set: PolicyParsingError */                                                       \
    X(SYNTAX,               "syntax")                                                              \
    X(UNSUPPORTED_VERSION,  "unsupported-version")                                                 \
    X(FEATURE_NOT_IN_VERSION, "feature-not-in-version")                                            \
    X(MISSING_SECTION,      "missing-section")                                                     \
    X(SECTION_ORDER,        "section-order")                                                       \
    X(ACTION_NOT_ALLOWED,   "action-not-allowed")                                                  \
    X(UNKNOWN_PROPERTY,     "unknown-property")                                                    \
    X(UNKNOWN_FUNCTION,     "unknown-function")                                                    \
    X(WRONG_ARITY,          "wrong-arity")                                                         \
    X(UNKNOWN_VARIABLE,     "unknown-variable")                                                    \
    X(DUPLICATE_VARIABLE,   "duplicate-variable")                                                  \
    X(OPERATOR_TYPE,        "operator-type")                                                       \
    X(INTEGER_RANGE,        "integer-range")                                                       \
    X(TOO_LARGE,            "too-large")                                                           \
    X(ENCODING,             "encoding")                                                            \
    /* when it is set, or when it runs */                                                          \
    X(RESERVED_CLAIM,       "reserved-claim")                                                      \
    X(PROPERTY_TYPE,        "property-type")                                                       \
    X(PROPERTY_RANGE,       "property-range")                                                      \
    /* when it runs: PolicyEvaluationError */                                                      \
    X(TYPE_MISMATCH,        "type-mismatch")                                                       \
    X(NOT_SINGLE_VALUE,     "not-single-value")                                                    \
    X(EMPTY_ARGUMENT,       "empty-argument")                                                      \
    X(INVALID_JSON,         "invalid-json")                                                        \
    X(UNSUPPORTED_JSON,     "unsupported-json")                                                    \
    X(JMESPATH_SYNTAX,      "jmespath-syntax")                                                     \
    X(JMESPATH_RUNTIME,     "jmespath-runtime")                                                    \
    X(READ_ONLY,            "read-only")                                                           \
    X(LIMIT,                "limit")
/* clang-format on */

enum policy_fault_kind {
    POLICY_FAULT_NONE,
#define X(code, name) POLICY_FAULT_##code,
    POLICY_FAULT_TABLE(X)
#undef X
        POLICY_FAULT_COUNT
};

enum { POLICY_SYMBOL_SIZE = 96, POLICY_FAULT_TEXT_SIZE = 320 };

struct policy_fault {
    enum policy_fault_kind kind;
    bool is_evaluation;        /* went wrong when it ran; else when it was read */
    uint32_t line, column;     /* from 1, in characters; of the rule, where it is an evaluation's */
    size_t offset;             /* in the text, in bytes */
    const char *outer, *inner; /* of the grammar: "policy", "versionInfo"; static */
    char symbol[POLICY_SYMBOL_SIZE];   /* offending piece of the text; "<EOF>" at its end */
    char text[POLICY_FAULT_TEXT_SIZE]; /* "mismatched input '[' expecting ';'" */
};

/* "syntax"; "" for none. Static. */
const char *policy_fault_kind_name(enum policy_fault_kind kind);
/* "PolicyParsingError" or "PolicyEvaluationError": the wire code. Static. */
const char *policy_fault_code(const struct policy_fault *fault);
/* The message of the wire (policy-language section 15), several lines. "" at the arena's limit. */
const char *policy_fault_message(struct arena *arena, const struct policy_fault *fault);
/* "NAME:12:9: text", the line of the policy and a caret under the place; for a terminal, every line
 * ended. source is the text that was compiled. "" at the arena's limit. */
const char *policy_fault_show(struct arena *arena, const struct policy_fault *fault,
                              const char *name, struct span source);

#endif
