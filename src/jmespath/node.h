/*
 * node.h - a compiled expression. For this room alone.
 *
 * Each node maps a current value to a result. What stands in a row in the text (a path, a pipe, a
 * chain of `||`) is one node with many parts, so that only what is nested in the text is nested
 * here: the limits of the parser cap the recursion of the evaluator.
 */
#ifndef JMESPATH_NODE_H
#define JMESPATH_NODE_H

#include "jmespath/value.h"

enum node_kind {
    NODE_CHAIN,   /* parts, each applied to the result of the one before; none: the value itself */
    NODE_LITERAL, /* value */
    NODE_FIELD,   /* name */
    NODE_INDEX,   /* index */
    NODE_MULTI_LIST, /* parts */
    NODE_MULTI_HASH, /* parts of NODE_PAIR */
    NODE_PAIR,       /* name, and the expression as the one part */
    NODE_NOT,        /* one part */
    NODE_OR,         /* two or more parts */
    NODE_AND,
    NODE_COMPARISON, /* the first part, then parts with an operator each, from left to right */
    NODE_FUNCTION,   /* function; the arguments */
    NODE_EXPREF,     /* one part; only as an argument */
    /* Projections: the last part is applied to each element. */
    NODE_EACH_ELEMENT,
    NODE_EACH_VALUE,
    NODE_EACH_MATCH, /* the first part decides */
    NODE_EACH_OF_SLICE,
    NODE_FLATTEN,
};

struct slice {
    int64_t start, stop, step;
    bool has_start, has_stop;
};

struct node {
    enum node_kind kind;
    uint8_t comparison; /* enum token_kind of the operator before this part */
    uint32_t offset;    /* in the text */
    uint32_t n_parts;
    struct node *next; /* among the parts of its owner */
    struct node *first, *last;
    union {
        struct jmespath_value value;
        struct span name;
        int64_t index;
        struct slice slice;
        const struct function *function;
    };
};

struct jmespath {
    const struct node *root;
};

#endif
