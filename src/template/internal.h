/*
 * internal.h - what a template is. For this room alone.
 */
#ifndef TEMPLATE_INTERNAL_H
#define TEMPLATE_INTERNAL_H

#include "template/eval.h"

enum type {
    TYPE_STRING,
    TYPE_SECURE_STRING,
    TYPE_INT,
    TYPE_BOOL,
    TYPE_OBJECT,
    TYPE_SECURE_OBJECT,
    TYPE_ARRAY,
    TYPE_UNKNOWN,
};

struct parameter {
    struct span name;
    yyjson_val *definition; /* "$ref" followed */
    yyjson_val *given;      /* its value; NULL: the default */
    enum type type;
};

struct variable {
    struct span name;
    yyjson_val *json;  /* the value, or the input of a loop */
    yyjson_val *count; /* of a loop; NULL: none */
};

struct member_function {
    struct span name;       /* "namespace.name" */
    yyjson_val *parameters; /* NULL: none */
    yyjson_val *value;      /* of its output */
};

struct row {
    struct template_resource shown;
    struct span behind_providers; /* of its id */
    yyjson_val *json;
    const struct loop *loops; /* innermost first */
    struct span loop_name;
};

struct template
{
    yyjson_val *document;
    struct template_scope scope;
    struct parameter *parameters;
    uint32_t n_parameters;
    struct variable *variables;
    uint32_t n_variables;
    struct member_function *functions;
    uint32_t n_functions;
    yyjson_val *given; /* parameters as they came; NULL: none */
    yyjson_val *outputs;
    struct slot *parameter_slots;
    struct slot *variable_slots; /* those that opening needed are done */
    struct row *rows;
    uint32_t n_rows;
    const char *hash;
};

/* ---- evaluating (eval.c) ---- */

/* Everything from zero; slots as the template has them. */
err_t arm_eval_begin(struct eval *e, const struct template *t, enum stage stage,
                     struct arena *arena, struct trail *trail,
                     struct template_fault *fault) MUST_CHECK;
/* The end of a call of the room: where in the text it went wrong. Returns err. */
err_t arm_eval_end(struct eval *e, err_t err);
/* A string member of a resource or the like, evaluated. `is_needed`: ERR_JSON_MISSING without.
 * *ret is NULL when absent. No text holds NUL. */
err_t arm_eval_text(struct eval *e, yyjson_val *object, const char *name, bool is_needed,
                    const char **ret) MUST_CHECK;
/* A condition; true when absent. */
err_t arm_eval_condition(struct eval *e, yyjson_val *object, bool *ret) MUST_CHECK;
/* For the functions of these names. */
err_t arm_eval_parameter(struct eval *e, struct span name, struct value *ret) MUST_CHECK;
err_t arm_eval_variable(struct eval *e, struct span name, struct value *ret) MUST_CHECK;

/* ---- parameters.c ---- */

/* The definitions, and which values were given for them. */
err_t arm_parameters_open(struct eval *e, struct template *t) MUST_CHECK;
/* The value of one, checked against its definition; with its default when none was given. */
err_t arm_parameter_value(struct eval *e, const struct parameter *p, struct value *ret) MUST_CHECK;
/* TYPE_UNKNOWN when there is no such type. */
enum type arm_type_read(yyjson_val *value);
bool arm_type_is_secure(enum type type);
bool arm_type_fits(enum type type, struct value value);
/* "SecureString" */
const char *arm_type_name(enum type type);

/* ---- definitions.c ---- */

err_t arm_variables_open(struct eval *e, struct template *t) MUST_CHECK;
err_t arm_functions_open(struct eval *e, struct template *t) MUST_CHECK;
/* The value of a call to a function of the template. */
err_t arm_member_call(struct eval *e, const struct node *call, struct value *ret) MUST_CHECK;

/* ---- resources.c, depends.c ---- */

/* Rows of all resources, in the order of the document. */
err_t arm_resources_open(struct eval *e, struct template *t) MUST_CHECK;
/* Their order, from dependsOn, loops and what their bodies ask. */
err_t arm_depends_open(struct eval *e, struct template *t) MUST_CHECK;

/* ---- names.c ---- */

/* Parts between slashes; empty ones do not count. */
size_t arm_name_parts(struct span text);
/* The id below `base` of a resource of this type ("Ns/a/b") with this name ("x/y"). */
err_t arm_name_id(struct work *w, const char *base, struct span type, struct span name,
                  const char **ret) MUST_CHECK;
/* "Ns/a/b/x/y": type and name in one text; the type ends in the middle. False when it cannot. */
bool arm_name_split(struct span text, struct span *ret_type, struct span *ret_name);
/* Equal but for case and for slashes more than one or at the end. Counts its steps. */
bool arm_name_same(struct work *w, struct span a, struct span b);
/* "/subscriptions/S/resourceGroups/G", or without the group. */
err_t arm_scope_id(struct work *w, const struct template_scope *scope, const char **ret) MUST_CHECK;
/* The index of the resource that reference() means; t->n_rows when it is none of the template. */
uint32_t arm_resource_find(struct eval *e, struct span name_or_id, bool is_id);
/* Those of a loop or symbol into `found`, a flag for each. How many. */
uint32_t arm_resource_find_all(const struct template *t, struct span name, uint8_t *found);

/* ---- body.c, outputs.c ---- */

/* The body of a row: all members that are PUT. */
err_t arm_body_value(struct eval *e, const struct row *row, struct value *ret) MUST_CHECK;
err_t arm_outputs_check(struct eval *e) MUST_CHECK;

#endif
