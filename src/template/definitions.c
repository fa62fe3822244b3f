/*
 * definitions.c - variables and functions that a template defines.
 */
#include "template/functions.h"
#include "template/internal.h"

#include "base/text.h"

enum { FUNCTIONS_MAX = 256, ARGUMENTS_MAX = 32 };

/* ---- variables ---- */

static err_t add_variable(struct eval *e, struct template *t, struct span name, yyjson_val *json,
                          yyjson_val *count)
{
    if (t->n_variables >= TEMPLATE_MAX_VARIABLES) {
        return arm_work_fail(&e->w, ERR_TOO_MANY,
                             "the template has more variables than %d, which is the most allowed",
                             TEMPLATE_MAX_VARIABLES);
    }
    for (uint32_t i = 0; i < t->n_variables; i++) {
        if (text_spans_equal_nocase(t->variables[i].name, name)) {
            arm_work_target(&e->w, name);
            return arm_work_fail(&e->w, ERR_JSON_DUPLICATE, "the variable '%.*s' is defined twice",
                                 name.len < 64 ? (int)name.len : 64, (const char *)name.data);
        }
    }
    t->variables[t->n_variables++] = (struct variable){name, json, count};
    return ERR_OK;
}

static err_t add_loops(struct eval *e, struct template *t, yyjson_val *loops)
{
    yyjson_val *loop;
    size_t index, max;
    err_t err = ERR_OK;

    yyjson_arr_foreach(loops, index, max, loop)
    {
        struct span name = json_span(json_get(loop, "name"));
        yyjson_val *count = json_get(loop, "count");
        yyjson_val *input = json_get(loop, "input");

        e->w.at = loop;
        if (name.len == 0 || count == NULL || input == NULL) {
            err = arm_work_fail(&e->w, ERR_JSON_MISSING,
                                "a loop of variables needs a name, a count and an input");
        }
        err = err ? err : add_variable(e, t, name, input, count);
        if (err) {
            return trail_in(e->w.trail, err, "copy");
        }
    }
    return ERR_OK;
}

err_t arm_variables_open(struct eval *e, struct template *t)
{
    yyjson_val *variables = NULL;
    yyjson_val *key, *value;
    size_t index, max;
    err_t err = json_get_nocase(t->document, "variables", e->w.trail, &variables);

    if (err || (variables != NULL && !yyjson_is_obj(variables))) {
        return err ? err : arm_work_fail(&e->w, ERR_JSON_TYPE, "'variables' must be an object");
    }
    t->variables = arena_calloc(e->w.arena, TEMPLATE_MAX_VARIABLES, sizeof(*t->variables));
    if (t->variables == NULL) {
        return arm_work_memory(&e->w);
    }
    if (variables == NULL) {
        return ERR_OK;
    }
    yyjson_obj_foreach(variables, index, max, key, value)
    {
        e->w.at = key;
        if (text_span_equal_nocase(json_span(key), "copy") && yyjson_is_arr(value)) {
            err = add_loops(e, t, value);
        } else {
            err = add_variable(e, t, json_span(key), value, NULL);
        }
        if (err) {
            return trail_in(e->w.trail, err, "variables");
        }
    }
    e->w.at = NULL;
    return ERR_OK;
}

/* ---- functions ---- */

static err_t add_function(struct eval *e, struct template *t, struct span space, yyjson_val *key,
                          yyjson_val *definition)
{
    struct span name = json_span(key);
    struct value full = value_null();
    yyjson_val *parameters = json_get(definition, "parameters");
    yyjson_val *value = json_get(json_get(definition, "output"), "value");
    err_t err;

    e->w.at = key;
    if (t->n_functions >= FUNCTIONS_MAX) {
        return arm_work_fail(&e->w, ERR_TOO_MANY, "the template has more functions than %d",
                             FUNCTIONS_MAX);
    }
    if (!yyjson_is_obj(definition) || value == NULL) {
        return arm_work_fail(&e->w, ERR_JSON_MISSING,
                             "the function '%.*s' needs an output with a value",
                             name.len < 64 ? (int)name.len : 64, (const char *)name.data);
    }
    if (yyjson_arr_size(parameters) > ARGUMENTS_MAX) {
        return arm_work_fail(&e->w, ERR_TOO_MANY, "a function takes at most %d parameters",
                             ARGUMENTS_MAX);
    }
    err = arm_work_printf(&e->w, &full, "%.*s.%.*s", space.len < 256 ? (int)space.len : 256,
                          (const char *)space.data, name.len < 256 ? (int)name.len : 256,
                          (const char *)name.data);
    if (err == ERR_OK) {
        t->functions[t->n_functions++] =
            (struct member_function){value_span(full), parameters, value};
    }
    return err;
}

err_t arm_functions_open(struct eval *e, struct template *t)
{
    yyjson_val *spaces = NULL;
    yyjson_val *space, *members, *key, *value;
    size_t index, max, i, n;
    err_t err = json_get_nocase(t->document, "functions", e->w.trail, &spaces);

    if (err || (spaces != NULL && !yyjson_is_arr(spaces))) {
        return err ? err : arm_work_fail(&e->w, ERR_JSON_TYPE, "'functions' must be an array");
    }
    t->functions = arena_calloc(e->w.arena, FUNCTIONS_MAX, sizeof(*t->functions));
    if (t->functions == NULL) {
        return arm_work_memory(&e->w);
    }
    if (spaces == NULL) {
        return ERR_OK;
    }
    yyjson_arr_foreach(spaces, index, max, space)
    {
        struct span name = json_span(json_get(space, "namespace"));

        members = json_get(space, "members");
        if (name.len == 0 || !yyjson_is_obj(members)) {
            arm_work_fail(&e->w, ERR_JSON_MISSING, "an entry needs a namespace and members");
            return trail_in(e->w.trail, ERR_JSON_MISSING, "functions");
        }
        yyjson_obj_foreach(members, i, n, key, value)
        {
            err = add_function(e, t, name, key, value);
            if (err) {
                return trail_in(e->w.trail, err, "functions");
            }
        }
    }
    e->w.at = NULL;
    return ERR_OK;
}

/* ---- calls ---- */

static const struct member_function *find(struct work *w, const struct template *t,
                                          struct span name)
{
    arm_work_use(w, t->n_functions / 8);
    for (uint32_t i = 0; i < t->n_functions; i++) {
        if (arm_work_same(w, t->functions[i].name, name)) {
            return &t->functions[i];
        }
    }
    return NULL;
}

/* The arguments of a call, bound to the names that the function has for them. */
static err_t bind(struct eval *e, const struct node *call, yyjson_val *parameters,
                  struct binding *bindings, bool *ret_is_known)
{
    const struct node *argument = call->arguments;
    yyjson_val *parameter;
    size_t index, max;
    err_t err = ERR_OK;

    *ret_is_known = true;
    if (parameters == NULL) {
        return ERR_OK;
    }
    yyjson_arr_foreach(parameters, index, max, parameter)
    {
        struct binding *b = &bindings[index];
        enum type type = arm_type_read(json_get(parameter, "type"));

        arm_work_use(&e->w, 1 + yyjson_obj_size(parameter) / 4);
        *b = (struct binding){.outer = index > 0 ? b - 1 : NULL,
                              .name = json_span(json_get(parameter, "name"))};
        err = arm_eval_node(e, argument, &b->value);
        if (err) {
            return err;
        }
        *ret_is_known &= !value_is(b->value, VALUE_UNKNOWN);
        if (*ret_is_known && type != TYPE_UNKNOWN && !arm_type_fits(type, b->value)) {
            return arm_work_fail(&e->w, ERR_VALUE,
                                 "the function '%.*s' takes a value of type '%s' as '%.*s', not %s",
                                 call->text.len < 64 ? (int)call->text.len : 64,
                                 (const char *)call->text.data, arm_type_name(type),
                                 b->name.len < 64 ? (int)b->name.len : 64,
                                 (const char *)b->name.data, arm_value_kind_words(b->value));
        }
        argument = argument->next;
    }
    return ERR_OK;
}

err_t arm_member_call(struct eval *e, const struct node *call, struct value *ret)
{
    const struct member_function *f = find(&e->w, e->t, call->text);
    struct binding bindings[ARGUMENTS_MAX];
    const struct binding *arguments = e->arguments;
    const struct binding *lambdas = e->lambdas;
    enum stage stage = e->stage;
    size_t wanted;
    bool is_known = true;
    err_t err;

    /* Functions call no others, so there are no circles. */
    if (f == NULL || e->stage == STAGE_MEMBER) {
        return arm_work_fail(&e->w, ERR_UNSUPPORTED,
                             f == NULL ? "The template function '%.*s' is not valid: the template "
                                         "defines none of that name"
                                       : "The template function '%.*s' is not expected at this "
                                         "location: functions of a template cannot call each other",
                             call->text.len < 64 ? (int)call->text.len : 64,
                             (const char *)call->text.data);
    }
    wanted = yyjson_arr_size(f->parameters);
    if (wanted != call->n_arguments) {
        return arm_work_fail(
            &e->w, ERR_USAGE,
            "Unable to evaluate the function '%.*s': it takes %zu arguments, not %zu",
            call->text.len < 64 ? (int)call->text.len : 64, (const char *)call->text.data, wanted,
            call->n_arguments);
    }
    err = bind(e, call, f->parameters, bindings, &is_known);
    if (err || !is_known) {
        *ret = value_unknown(e->expression);
        return err;
    }
    e->arguments = wanted > 0 ? &bindings[wanted - 1] : NULL;
    e->lambdas = NULL;
    e->stage = STAGE_MEMBER;
    err = arm_eval_json(e, f->value, ret);
    e->stage = stage;
    e->lambdas = lambdas;
    e->arguments = arguments;
    return err;
}
