/*
 * body.c - what is PUT for a resource. A deployment inside a template has a template of its own,
 * which is evaluated here (scope outer) or left for later (inner).
 */
#include "template/internal.h"

#include "base/text.h"

static const char deployment_type[] = "Microsoft.Resources/deployments";

/* What says which resource, where and when, and is no part of it. */
static const char *const not_sent[] = {"type", "name",     "apiVersion", "dependsOn", "condition",
                                       "copy", "comments", "resources",  "existing",  NULL};
static const char *const not_sent_deployment[] = {
    "type",      "name",     "apiVersion",     "dependsOn",     "condition",  "copy", "comments",
    "resources", "existing", "subscriptionId", "resourceGroup", "properties", NULL};

static bool is_deployment(const struct row *row)
{
    return text_equal_nocase(row->shown.type, deployment_type);
}

static bool is_inner(yyjson_val *properties)
{
    yyjson_val *options = json_get(properties, "expressionEvaluationOptions");

    return text_span_equal_nocase(json_span(json_get(options, "scope")), "inner");
}

static err_t deployment_properties(struct eval *e, yyjson_val *properties, struct value *ret)
{
    struct members members = {0};
    yyjson_val *key, *child;
    size_t index, max;
    err_t err = ERR_OK;

    if (!yyjson_is_obj(properties)) {
        return arm_work_fail(&e->w, ERR_JSON_MISSING,
                             "a deployment needs properties with a template");
    }
    if (json_get(properties, "templateLink") != NULL ||
        json_get(properties, "parametersLink") != NULL) {
        e->w.fault->code = "InvalidContentLink";
        e->w.at = properties;
        return arm_work_fail(&e->w, ERR_UNSUPPORTED,
                             "links to templates are not supported; put the template itself into "
                             "'template'");
    }
    yyjson_obj_foreach(properties, index, max, key, child)
    {
        bool is_left = span_is(json_span(key), "template") && is_inner(properties);
        struct value value = value_null();

        err = is_left ? arm_value_from_json(&e->w, child, &value) : arm_eval_json(e, child, &value);
        err = err ? err : arm_members_add(&e->w, &members, json_span(key), value);
        if (err) {
            return trail_in(e->w.trail, err, yyjson_get_str(key));
        }
    }
    return arm_members_end(&e->w, &members, ret);
}

err_t arm_body_value(struct eval *e, const struct row *row, struct value *ret)
{
    struct members members = {0};
    struct value properties = value_null();
    err_t err = arm_eval_members(e, row->json, is_deployment(row) ? not_sent_deployment : not_sent,
                                 &members);

    if (err == ERR_OK && is_deployment(row)) {
        err = deployment_properties(e, json_get(row->json, "properties"), &properties);
        err = err ? trail_in(e->w.trail, err, "properties")
                  : arm_members_set(&e->w, &members, span_str("properties"), properties);
    }
    return err ? err : arm_members_end(&e->w, &members, ret);
}

/* How a member of a deployment's properties is written: null means something in templates, and
 * what was evaluated already must not be evaluated again. */
static unsigned how_written(const struct row *row, struct span name)
{
    if (span_is(name, "template")) {
        return is_inner(json_get(row->json, "properties")) ? 0 : WRITE_ESCAPED;
    }
    return span_is(name, "parameters") ? 0 : WRITE_NO_NULLS;
}

static err_t write_deployment(struct eval *e, const struct row *row, struct value body,
                              yyjson_mut_doc *doc, yyjson_mut_val **ret)
{
    const struct value *properties = arm_value_find(&e->w, body, span_str("properties"));
    yyjson_mut_val *written = yyjson_mut_obj(doc);
    err_t err = arm_value_to_json(&e->w, doc, body, WRITE_NO_NULLS, ret);

    for (uint32_t i = 0; err == ERR_OK && i < properties->n; i++) {
        const struct member *member = &properties->members[i];
        yyjson_mut_val *value = NULL;

        err = arm_value_to_json(&e->w, doc, member->value, how_written(row, member->name), &value);
        if (err == ERR_OK &&
            !yyjson_mut_obj_add(
                written, yyjson_mut_strn(doc, (const char *)member->name.data, member->name.len),
                value)) {
            err = arm_work_memory(&e->w);
        }
    }
    if (err == ERR_OK) {
        yyjson_mut_obj_put(*ret, yyjson_mut_str(doc, "properties"), written);
    }
    return err;
}

err_t template_body(const struct template *t, size_t index, template_reference *reference,
                    void *context, struct arena *arena, yyjson_mut_doc *doc, struct trail *trail,
                    struct template_fault *fault, yyjson_mut_val **ret)
{
    struct template_fault unused_fault = {0};
    struct trail unused_trail = {0};
    const struct row *row = &t->rows[index];
    struct value body = value_null();
    struct eval e;
    err_t err = arm_eval_begin(&e, t, STAGE_RUN, arena, trail != NULL ? trail : &unused_trail,
                               fault != NULL ? fault : &unused_fault);

    if (err) {
        return err;
    }
    e.reference = reference;
    e.context = context;
    e.loops = row->loops;
    err = arm_body_value(&e, row, &body);
    if (err == ERR_OK) {
        err = is_deployment(row) ? write_deployment(&e, row, body, doc, ret)
                                 : arm_value_to_json(&e.w, doc, body, WRITE_NO_NULLS, ret);
    }
    if (err) {
        arm_work_target(&e.w, span_str(row->shown.name));
        (void)trail_in(e.w.trail, err, row->shown.place);
    }
    return arm_eval_end(&e, err);
}
