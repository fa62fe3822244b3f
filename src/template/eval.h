/*
 * eval.h - from expressions and JSON with expressions to values. For this room alone.
 */
#ifndef TEMPLATE_EVAL_H
#define TEMPLATE_EVAL_H

#include "template/parse.h"

/* What may be called. */
enum stage {
    STAGE_DEFAULT, /* defaults of parameters: newGuid(), utcNow(), no variables */
    STAGE_PLAN,    /* variables, names, conditions, loops: nothing of what is made */
    STAGE_RUN,     /* bodies and outputs: reference() */
    STAGE_MEMBER,  /* functions of the template: nothing but their own arguments */
};

/* A loop that is running. */
struct loop {
    const struct loop *outer;
    struct span name; /* empty: an output's */
    int64_t index;
    bool is_named; /* copyIndex() needs the name: a loop inside properties or variables */
};

/* Arguments of a function of the template, or of a lambda. */
struct binding {
    const struct binding *outer;
    struct span name;
    struct value value;
};

enum slot_state { SLOT_NEW, SLOT_RUNNING, SLOT_DONE };

struct slot {
    struct value value;
    enum slot_state state;
};

struct eval {
    struct work w;
    const struct template *t;
    enum stage stage;
    const struct loop *loops;
    const struct binding *arguments; /* of the function of the template that runs */
    const struct binding *lambdas;
    struct slot *parameters; /* as many as the template has */
    struct slot *variables;
    template_reference *reference; /* NULL: nothing is known */
    void *context;
    uint8_t *seen; /* a flag for each resource that reference() asked for; NULL: nobody looks */
    size_t depth;
    uint32_t n_guids;
    struct arena *keep;     /* for values that stay: those of parameters and variables */
    struct span expression; /* that runs: what a result that is not known says */
};

/* The value of a string of the document: an expression's, else the string without its escape. */
err_t arm_eval_string(struct eval *e, struct span string, struct value *ret) MUST_CHECK;
/* The value of JSON with expressions in it; `copy` loops of members are done. */
err_t arm_eval_json(struct eval *e, yyjson_val *json, struct value *ret) MUST_CHECK;
/* The same of an object without the members that `skip` names (NULL ends them). */
err_t arm_eval_members(struct eval *e, yyjson_val *object, const char *const *skip,
                       struct members *members) MUST_CHECK;
err_t arm_eval_node(struct eval *e, const struct node *node, struct value *ret) MUST_CHECK;
/* What `.name` and `[index]` give; `is_optional`: null when there is nothing. */
err_t arm_eval_property(struct eval *e, struct value object, struct span name, bool is_optional,
                        struct value *ret) MUST_CHECK;
err_t arm_eval_index(struct eval *e, struct value container, struct value index, bool is_optional,
                     struct value *ret) MUST_CHECK;
/* A `copy` count: 0 to TEMPLATE_MAX_RESOURCES. */
err_t arm_eval_count(struct eval *e, yyjson_val *json, struct span loop, int64_t *ret) MUST_CHECK;
/* A loop of `input`, for members, variables and outputs. */
err_t arm_eval_loop(struct eval *e, struct span name, bool is_named, yyjson_val *count,
                    yyjson_val *input, struct value *ret) MUST_CHECK;

#endif
