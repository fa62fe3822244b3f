/*
 * parse.h - expressions as trees. For this room alone.
 *
 *     expression := (text | integer | call) access*
 *     call       := name ('.' name)? '(' [expression (',' expression)*] ')'
 *     access     := ['.' | '.?'] name | '[' ['?'] expression ']'
 *
 * Functions are found and their arguments counted here; those of the template are not known yet.
 */
#ifndef TEMPLATE_PARSE_H
#define TEMPLATE_PARSE_H

#include "template/value.h"

struct function;

enum node_kind { NODE_TEXT, NODE_INTEGER, NODE_CALL };

struct access {
    struct access *next;
    struct node *index; /* NULL: by name */
    struct span name;
    bool is_optional; /* nothing there is null */
};

struct node {
    enum node_kind kind;
    struct span text; /* of a text, without its quotes; name of a call */
    int64_t integer;
    const struct function *function; /* NULL: one of the template, "ns.name" */
    struct node *arguments;
    size_t n_arguments;
    struct access *accesses;
    struct node *next; /* argument */
};

/* Is this string an expression? "[[..." is not: it stands for "[...". */
bool arm_expression_is(struct span string);
/* The tree of a string that is one. */
err_t arm_expression_parse(struct work *w, struct span string, struct node **ret) MUST_CHECK;

#endif
