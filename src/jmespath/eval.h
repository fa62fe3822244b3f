/*
 * eval.h - evaluating nodes, for the evaluator and the functions. For this room alone.
 *
 * Values that are being collected lie on one stack and are copied into an array of their number
 * when it is complete: memory is what results take. A pointer into the stack is good until the next
 * push.
 */
#ifndef JMESPATH_EVAL_H
#define JMESPATH_EVAL_H

#include "jmespath/node.h"

struct eval {
    struct arena *arena;
    struct jmespath_budget *budget;
    struct trail *trail;
    struct jmespath_value *stack;
    size_t used, size;
    uint64_t nodes; /* evaluated; several are a step */
};

/* The value of `node` for a current value. */
err_t eval_node(struct eval *e, const struct node *node, struct jmespath_value current,
                struct jmespath_value *ret) MUST_CHECK;
err_t eval_steps(struct eval *e, uint64_t steps) MUST_CHECK;
err_t eval_push(struct eval *e, struct jmespath_value value) MUST_CHECK;
/* Everything on the stack above `base` becomes an array, or an object of names and values. */
err_t eval_pop(struct eval *e, enum jmespath_kind kind, size_t base,
               struct jmespath_value *ret) MUST_CHECK;
/* `size` bytes for a string of a result; ERR_TOO_LARGE past JMESPATH_MAX_STRING. */
err_t eval_room(struct eval *e, uint64_t size, uint8_t **ret) MUST_CHECK;

#endif
