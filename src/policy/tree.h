/*
 * tree.h - a compiled policy. Not for other rooms.
 *
 * Everything lies in the policy's own arena and is freed with it; strings are unescaped, places are
 * offsets into the source. The parser builds it, the static checks resolve variables in it, after
 * that nothing changes.
 */
#ifndef POLICY_TREE_H
#define POLICY_TREE_H

#include "policy/policy.h"

#include <stdatomic.h>

enum { POLICY_MAX_ARGUMENTS = 2, POLICY_NO_VARIABLE = -1 };

enum property { PROPERTY_TYPE, PROPERTY_VALUE, PROPERTY_VALUE_TYPE, PROPERTY_ISSUER };

enum relation {
    RELATION_EQUAL,
    RELATION_NOT_EQUAL,
    RELATION_LESS,
    RELATION_LESS_EQUAL,
    RELATION_GREATER,
    RELATION_GREATER_EQUAL,
};

enum function {
    FUNCTION_JMESPATH,
    FUNCTION_JSON_TO_CLAIM_VALUE,
    FUNCTION_IS_SUBSET_OF,
    FUNCTION_APPEND_STRING,
    FUNCTION_NEGATE_BOOL,
    FUNCTION_CONTAINS_ONLY_VALUE,
    FUNCTION_COUNT
};

enum expr_kind { EXPR_STRING, EXPR_INT, EXPR_BOOL, EXPR_ACCESS, EXPR_CALL };

struct expr {
    enum expr_kind kind;
    uint32_t offset, end; /* of its text */
    struct span string;   /* EXPR_STRING: unescaped; EXPR_ACCESS: the variable's name */
    int64_t integer;
    bool boolean;
    int variable; /* EXPR_ACCESS: the condition it stands for, once checked */
    enum property property;
    enum function function;
    size_t n_args; /* as written, which may be more than are kept */
    struct expr *args[POLICY_MAX_ARGUMENTS];
};

struct test {
    enum property property;
    enum relation relation;
    uint32_t offset;
    struct expr *right;
};

struct condition {
    uint32_t offset, end;
    bool is_negative;
    struct span variable; /* data NULL: none */
    uint32_t variable_offset;
    struct test *tests;
    size_t n_tests;
};

enum action_kind { ACTION_PERMIT, ACTION_DENY, ACTION_ADD, ACTION_ISSUE, ACTION_ISSUEPROPERTY };

struct action {
    enum action_kind kind;
    uint32_t offset;
    struct span claim; /* claim=NAME; data NULL: the fields */
    uint32_t claim_offset;
    int variable;                           /* that name's condition, once checked */
    struct expr *type, *value, *value_type; /* value_type may be NULL */
};

struct rule {
    struct rule *next;
    uint32_t offset, end, line;
    struct condition *conditions;
    size_t n_conditions;
    struct action action;
};

struct section {
    bool is_present;
    uint32_t offset;
    struct rule *rules;
    size_t n_rules;
};

enum { POLICY_SECTIONS = 3 };

struct policy {
    atomic_size_t *n_refs;
    struct arena *arena;
    struct span source;
    int minor; /* of version 1 */
    struct section sections[POLICY_SECTIONS];
};

/* Where offset is, from 1, in characters. */
void policy_place(struct span source, size_t offset, uint32_t *ret_line, uint32_t *ret_column);

/* The arena's limit, or the machine's: from a NULL of arena_alloc. */
err_t policy_parse(struct policy *policy, struct policy_fault *fault) MUST_CHECK;
err_t policy_check(struct policy *policy, struct policy_fault *fault) MUST_CHECK;

/* Words of the language: "type", "==", "issueproperty", "JmesPath". Static. */
const char *policy_property_name(enum property property);
const char *policy_relation_name(enum relation relation);
const char *policy_function_name(enum function function);
const char *policy_action_name(enum action_kind kind);
size_t policy_function_arity(enum function function);

/* What the language knows of names. */
bool policy_is_reserved(struct span type);
/* Is the value right for the property of that name in that section? POLICY_FAULT_NONE also when
 * the name means nothing there. */
enum policy_fault_kind policy_property_fault(enum policy_section section, struct span type,
                                             const struct claim *value, const char **ret_wanted);

/* Fill in fault at an offset of source; always ERR_VALUE. symbol is escaped. */
err_t policy_fault_at(struct policy_fault *fault, enum policy_fault_kind kind, struct span source,
                      size_t offset, struct span symbol, const char *fmt, ...) PRINTF_LIKE(6, 7);

#endif
