/*
 * properties.c - what a deployment shows of itself as it begins: properties (control-plane-api 9).
 */
#include "deploy/internal.h"

#include "base/text.h"
#include "resource/join-token.h"

static void add_provider(struct control_call *call, yyjson_mut_val *providers, const char *type,
                         const char *location)
{
    yyjson_mut_doc *doc = call->doc;
    size_t len = strcspn(type, "/");
    yyjson_mut_arr_iter iter;
    yyjson_mut_val *item, *found = NULL, *types, *entry;

    (void)yyjson_mut_arr_iter_init(providers, &iter);
    while ((item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        const char *ns = body_text_at(item, "namespace");

        if (ns != NULL && text_span_equal_nocase(span_of(type, len), ns)) {
            found = item;
        }
    }
    if (found == NULL) {
        found = yyjson_mut_obj(doc);
        json_add_span(doc, found, "namespace", span_of(type, len));
        json_add_array(doc, found, "resourceTypes");
        (void)yyjson_mut_arr_append(providers, found);
    }
    types = body_get(found, "resourceTypes");
    (void)yyjson_mut_arr_iter_init(types, &iter);
    while ((item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        const char *known = body_text_at(item, "resourceType");

        if (known != NULL && text_equal_nocase(known, type + len + (type[len] == '/'))) {
            return;
        }
    }
    entry = yyjson_mut_obj(doc);
    json_add_text(doc, entry, "resourceType", type + len + (type[len] == '/'));
    (void)yyjson_mut_arr_append(json_add_array(doc, entry, "locations"),
                                yyjson_mut_str(doc, location));
    (void)yyjson_mut_arr_append(types, entry);
}

static yyjson_mut_val *reference_value(struct control_call *call, const struct template_resource *r)
{
    yyjson_mut_val *object = yyjson_mut_obj(call->doc);

    json_add_text(call->doc, object, "id", r->id);
    json_add_text(call->doc, object, "resourceType", r->type);
    json_add_text(call->doc, object, "resourceName", r->name);
    return object;
}

static void add_dependencies(struct control_call *call, yyjson_mut_val *properties,
                             const struct template *t)
{
    yyjson_mut_val *array = json_add_array(call->doc, properties, "dependencies");

    for (size_t i = 0; i < template_n_resources(t); i++) {
        const struct template_resource *r = template_resource(t, i);
        yyjson_mut_val *object, *on;

        if (r->n_depends == 0 || r->is_skipped) {
            continue;
        }
        object = reference_value(call, r);
        on = yyjson_mut_arr(call->doc);
        for (size_t j = 0; j < r->n_depends; j++) {
            (void)yyjson_mut_arr_append(on,
                                        reference_value(call, template_resource(t, r->depends[j])));
        }
        json_add_value(call->doc, object, "dependsOn", on);
        (void)yyjson_mut_arr_append(array, object);
    }
}

yyjson_mut_val *deploy_properties(struct control_call *call, const struct deploy_request *request,
                                  const char *state, struct control_answer *ret)
{
    yyjson_mut_doc *doc = call->doc;
    yyjson_mut_val *properties = yyjson_mut_obj(doc), *parameters = NULL, *providers;
    struct template_fault fault = {0};
    struct trail trail = {0};
    err_t err =
        template_parameters(request->template, call->arena, doc, &trail, &fault, &parameters);

    if (err) {
        deploy_refuse(call, request->name, err, &trail, &fault, ret);
        return NULL;
    }
    join_token_strike(call->arena, parameters);
    json_add_text(doc, properties, "templateHash", template_hash(request->template));
    json_add_value(doc, properties, "parameters", parameters);
    json_add_text(doc, properties, "mode", request->scope.mode);
    json_add_text(doc, properties, "provisioningState", state);
    json_add_text(doc, properties, "timestamp", deploy_time(call->arena, call->now));
    json_add_text(doc, properties, "duration", deploy_duration(call->arena, 0));
    json_add_text(doc, properties, "correlationId", call->correlation);
    providers = json_add_array(doc, properties, "providers");
    for (size_t i = 0; i < template_n_resources(request->template); i++) {
        add_provider(call, providers, template_resource(request->template, i)->type,
                     request->scope.group_location);
    }
    add_dependencies(call, properties, request->template);
    return properties;
}
