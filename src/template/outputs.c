/*
 * outputs.c - what a deployment answers when all is made.
 */
#include "template/internal.h"

#include "base/text.h"

static err_t output_value(struct eval *e, yyjson_val *output, struct value *ret)
{
    yyjson_val *copy = json_get(output, "copy");
    yyjson_val *value = json_get(output, "value");

    if (copy != NULL) {
        err_t err = arm_eval_loop(e, span_str(""), false, json_get(copy, "count"),
                                  json_get(copy, "input"), ret);

        return err ? trail_in(e->w.trail, err, "copy") : ERR_OK;
    }
    if (value == NULL) {
        return arm_work_fail(&e->w, ERR_JSON_MISSING, "an output needs a 'value' or a 'copy'");
    }
    return arm_eval_json(e, value, ret);
}

static enum type infer(struct value value)
{
    switch ((enum value_kind)value.kind) {
    case VALUE_STRING:
        return TYPE_STRING;
    case VALUE_INT:
        return TYPE_INT;
    case VALUE_BOOL:
        return TYPE_BOOL;
    case VALUE_ARRAY:
        return TYPE_ARRAY;
    default:
        return TYPE_OBJECT;
    }
}

/* *ret_is false: its condition is. */
static err_t evaluate(struct eval *e, yyjson_val *output, bool *ret_is, enum type *ret_type,
                      struct value *ret)
{
    yyjson_val *type = json_get(output, "type");
    err_t err;

    e->w.at = output;
    *ret_type = arm_type_read(type);
    if (!yyjson_is_obj(output)) {
        return arm_work_fail(&e->w, ERR_JSON_TYPE, "must be an object");
    }
    if (*ret_type == TYPE_UNKNOWN && json_get(output, "$ref") == NULL) {
        return arm_work_fail(
            &e->w, ERR_VALUE,
            "'type' must be string, securestring, int, bool, object, secureObject or "
            "array");
    }
    err = arm_eval_condition(e, output, ret_is);
    if (err || !*ret_is) {
        return err;
    }
    err = output_value(e, output, ret);
    if (*ret_type == TYPE_UNKNOWN) {
        *ret_type = infer(*ret);
    } else if (err == ERR_OK && !arm_type_fits(*ret_type, *ret) && !value_is(*ret, VALUE_UNKNOWN) &&
               !value_is(*ret, VALUE_NULL)) {
        e->w.at = output;
        err =
            arm_work_fail(&e->w, ERR_VALUE,
                          "The template output is not valid: its value must be of type '%s', it is "
                          "%s",
                          arm_type_name(*ret_type), arm_value_kind_words(*ret));
    }
    return err;
}

static err_t write_output(struct eval *e, yyjson_mut_doc *doc, yyjson_mut_val *all, yyjson_val *key,
                          enum type type, struct value value)
{
    yyjson_mut_val *shown = yyjson_mut_obj(doc);
    yyjson_mut_val *json = NULL;
    err_t err = ERR_OK;

    yyjson_mut_obj_add_str(doc, shown, "type", arm_type_name(type));
    if (!arm_type_is_secure(type)) {
        err = arm_value_to_json(&e->w, doc, value, 0, &json);
        json_add_value(doc, shown, "value", json);
    }
    if (err == ERR_OK &&
        !yyjson_mut_obj_add(all, yyjson_mut_strn(doc, yyjson_get_str(key), yyjson_get_len(key)),
                            shown)) {
        err = arm_work_memory(&e->w);
    }
    return err;
}

/* doc NULL: only checked. */
static err_t run(struct eval *e, yyjson_mut_doc *doc, yyjson_mut_val *all)
{
    yyjson_val *key, *output;
    size_t index, max;

    e->stage = STAGE_RUN;
    if (e->t->outputs == NULL) {
        return ERR_OK;
    }
    yyjson_obj_foreach(e->t->outputs, index, max, key, output)
    {
        struct value value = value_null();
        enum type type = TYPE_UNKNOWN;
        bool is_wanted = true;
        err_t err = evaluate(e, output, &is_wanted, &type, &value);

        if (err == ERR_OK && is_wanted && doc != NULL) {
            err = write_output(e, doc, all, key, type, value);
        }
        if (err) {
            arm_work_target(&e->w, json_span(key));
            (void)trail_in(e->w.trail, err, yyjson_get_str(key));
            return trail_in(e->w.trail, err, "outputs");
        }
        e->w.at = NULL;
    }
    return ERR_OK;
}

err_t arm_outputs_check(struct eval *e)
{
    CLEANUP(arena_free) struct arena *scratch = arena_new(TEMPLATE_ARENA_BYTES / 2);
    struct arena *arena = e->w.arena;
    yyjson_val *outputs = e->t->outputs;
    err_t err;

    if (scratch == NULL) {
        return ERR_MEMORY;
    }
    if (outputs != NULL && !yyjson_is_obj(outputs)) {
        return arm_work_fail(&e->w, ERR_JSON_TYPE, "'outputs' must be an object");
    }
    if (yyjson_obj_size(outputs) > TEMPLATE_MAX_OUTPUTS) {
        return arm_work_fail(&e->w, ERR_TOO_MANY,
                             "the template has %zu outputs, at most %d are allowed",
                             yyjson_obj_size(outputs), TEMPLATE_MAX_OUTPUTS);
    }
    e->w.arena = scratch;
    e->w.bytes_left = TEMPLATE_MAX_MADE;
    err = run(e, NULL, NULL);
    e->w.arena = arena;
    return err;
}

err_t template_outputs(const struct template *t, template_reference *reference, void *context,
                       struct arena *arena, yyjson_mut_doc *doc, struct trail *trail,
                       struct template_fault *fault, yyjson_mut_val **ret)
{
    struct template_fault unused_fault = {0};
    struct trail unused_trail = {0};
    yyjson_mut_val *all = yyjson_mut_obj(doc);
    struct eval e;
    err_t err = arm_eval_begin(&e, t, STAGE_RUN, arena, trail != NULL ? trail : &unused_trail,
                               fault != NULL ? fault : &unused_fault);

    if (err) {
        return err;
    }
    e.reference = reference;
    e.context = context;
    err = run(&e, doc, all);
    if (err == ERR_OK) {
        *ret = all;
    }
    return arm_eval_end(&e, err);
}
