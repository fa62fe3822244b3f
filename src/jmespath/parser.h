/*
 * parser.h - the parts of the parser that lie in two files. For this room alone.
 *
 * parser.c has operators, paths and calls, brackets.c what stands in brackets and braces. Functions
 * that parse begin at `now` and end behind what they read; what they make is added to `chain`.
 */
#ifndef JMESPATH_PARSER_H
#define JMESPATH_PARSER_H

#include "jmespath/lexer.h"
#include "jmespath/node.h"

struct parser {
    struct arena *arena;
    struct trail *trail;
    struct lexer lexer; /* behind `now` */
    struct token now;
    size_t depth;       /* brackets, calls and negations that are open */
    size_t projections; /* that are open */
};

/* ---- parser.c ---- */

err_t parser_advance(struct parser *p) MUST_CHECK;
/* ERR_MALFORMED at `now`, where something else is wanted. */
err_t parser_unexpected(struct parser *p, const char *wanted) MUST_CHECK;
err_t parser_expect(struct parser *p, enum token_kind kind, const char *wanted) MUST_CHECK;
err_t parser_node(struct parser *p, enum node_kind kind, struct node **ret) MUST_CHECK;
void node_add(struct node *owner, struct node *part);
/* An expression inside brackets or a call, one level deeper. */
err_t parse_inner(struct parser *p, struct node **ret) MUST_CHECK;
/* Dots, indices, projections: all that binds stronger than `[]`. */
err_t parse_steps(struct parser *p, struct node *chain) MUST_CHECK;

/* ---- brackets.c ---- */

/* Is `now` a `[` before an index, a slice or `*]`, not before elements of a multi-select list? */
err_t parse_is_specifier(struct parser *p, bool *ret) MUST_CHECK;
/* `[0]`, `[0:2]`, `[*]`. */
err_t parse_bracket(struct parser *p, struct node *chain) MUST_CHECK;
/* `[?condition]` */
err_t parse_filter(struct parser *p, struct node *chain) MUST_CHECK;
/* `*` */
err_t parse_each_value(struct parser *p, struct node *chain) MUST_CHECK;
/* `[]` */
err_t parse_flatten(struct parser *p, struct node *chain) MUST_CHECK;
/* `[a, b]` */
err_t parse_multi_list(struct parser *p, struct node *chain) MUST_CHECK;
/* `{a: b}` */
err_t parse_multi_hash(struct parser *p, struct node *chain) MUST_CHECK;

#endif
