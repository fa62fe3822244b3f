/*
 * parser.h - the state of the parser, and what its two files share. Not for other rooms.
 *
 * `outer` and `inner` are the productions that a fault is reported in, under the names that users
 * of Azure's service know.
 */
#ifndef POLICY_PARSER_H
#define POLICY_PARSER_H

#include "policy/lexer.h"
#include "policy/tree.h"

struct parser {
    struct policy *policy;
    struct policy_fault *fault;
    struct lexer lexer;
    struct token token; /* the next one */
    size_t last_end;    /* of the one before */
    const char *outer, *inner;
    size_t n_rules;
    size_t call_depth;
    size_t counted; /* bytes whose line ends are in `line` */
    uint32_t line;
};

/* To the next word that is no comment. */
void policy_parser_advance(struct parser *p);
struct span policy_parser_text(const struct parser *p);
/* Always ERR_VALUE: the fault at the next word. */
err_t policy_parser_fail(struct parser *p, enum policy_fault_kind kind, const char *words);
/* "mismatched input 'x' expecting ';'", as the published message has it. */
err_t policy_parser_mismatch(struct parser *p, const char *expected);
err_t policy_parser_take(struct parser *p, enum token_kind kind) MUST_CHECK;
void *policy_parser_allocate(struct parser *p, size_t count, size_t size);

err_t policy_parser_property(struct parser *p, enum property *ret) MUST_CHECK;
err_t policy_parser_expression(struct parser *p, struct expr **ret) MUST_CHECK;

#endif
