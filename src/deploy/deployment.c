/*
 * deployment.c - Microsoft.Resources/deployments: what can be asked of one (control-plane-api 9).
 */
#include "deploy/run.h"

#include "base/text.h"
#include "resource/join-token.h"

static yyjson_mut_val *whole(struct control_call *call, const struct deploy_request *request,
                             yyjson_mut_val *properties)
{
    yyjson_mut_val *object = yyjson_mut_obj(call->doc);

    json_add_text(call->doc, object, "id", request->id);
    json_add_text(call->doc, object, "name", request->name);
    json_add_text(call->doc, object, "type", DEPLOYMENT_TYPE);
    json_add_value(call->doc, object, "properties", properties);
    return object;
}

/* ---- PUT ---- */

/* A nested template of scope outer comes with the values in it that its parent was given, secrets
 * among them. */
static bool keeps_template(const struct control_call *call, const struct deploy_request *request)
{
    yyjson_val *options =
        json_get(json_get(request->root, "properties"), "expressionEvaluationOptions");

    return call->part_of == NULL ||
           text_span_equal_nocase(json_span(json_get(options, "scope")), "inner");
}

/* What lies beside the record: nothing of an earlier one's, who holds it, the template. */
static err_t keep_parts(struct control_call *call, const struct deploy_request *request,
                        const struct run *run, struct trail *trail)
{
    struct store *store = control_store(call->control);
    yyjson_mut_val *document;
    struct span text;
    err_t err = store_parts_forget(store, request->key, trail);

    err = err ? err
              : store_part_put(store, request->key, NULL, STORE_PART_HOLDER, span_str(run->id),
                               trail);
    if (err || !keeps_template(call, request)) {
        return err;
    }
    document = yyjson_val_mut_copy(call->doc, request->document);
    join_token_strike(call->arena, document);
    text = json_write(call->arena, call->doc, document, false);
    return text.data == NULL
               ? ERR_MEMORY
               : store_part_put(store, request->key, run->id, PART_TEMPLATE, text, trail);
}

static void fail_record(struct control_call *call, const struct run *run,
                        struct control_answer *answer)
{
    const struct deploy_end end = {
        .id = run->request.id, .state = "Failed", .error = control_error_value(call, answer)};

    (void)deploy_keep_end(call, &end, NULL);
}

/* Its record is not there any more, or another's is. */
static void refuse_gone(struct control_call *call, const struct deploy_request *request,
                        struct control_answer *ret)
{
    struct resource group;

    if (resource_load(call, request->group_id, NULL, &group) == ERR_NOT_FOUND) {
        control_not_found(call, request->group_id, ret);
    } else {
        control_refuse(call, ret, 409, "Conflict",
                       "The deployment '%s' was deleted while it began; try again.", request->name);
    }
}

/* Its record, before anything is made. False and refused. */
static bool keep_record(struct control_call *call, const struct deploy_request *request,
                        const struct run *run, yyjson_mut_val *properties,
                        struct control_answer *ret)
{
    struct resource record = {.kind = &kind_deployment,
                              .id = request->id,
                              .key = request->key,
                              .name = request->name,
                              .location = "",
                              .state = "Accepted"};
    struct resource before;
    struct trail trail = {0};
    bool is_raced = false;
    err_t err = resource_load(call, request->id, &trail, &before);

    if (err == ERR_OK && deploy_is_active(&before)) {
        control_refuse(
            call, ret, 409, "DeploymentActive",
            "Unable to edit or replace deployment '%s': previous deployment from '%s' is "
            "still active. Cancel it (az deployment group cancel), or wait for its end.",
            request->name, deploy_time(call->arena, before.changed));
        return false;
    }
    if (err == ERR_OK) {
        record.version = before.version;
        record.created = before.created;
    } else if (err == ERR_NOT_FOUND) {
        err = ERR_OK;
    }
    record.body = yyjson_mut_obj(call->doc);
    if (err) {
        control_fail(call, err, &trail, ret);
        return false;
    }
    json_add_value(call->doc, record.body, "properties", properties);
    if (!resource_keep_in_room(call, &record, ret, &is_raced)) {
        return false;
    }
    err = keep_parts(call, request, run, &trail);
    if (err == ERR_NOT_FOUND) {
        refuse_gone(call, request, ret);
    } else if (err) {
        if (err == ERR_TOO_MANY) {
            deploy_refuse_full(call, request->id, ret);
        } else {
            control_fail(call, err, &trail, ret);
        }
        fail_record(call, run, ret);
    }
    deploy_forget_oldest(call, request->group_id);
    return err == ERR_OK;
}

static bool read_request(struct control_call *call, struct span name, struct deploy_request *ret,
                         struct control_answer *ret_answer)
{
    return deploy_read(call, name, ret, ret_answer) &&
           deploy_nesting_is_good(call, ret, ret_answer);
}

static void put(struct control_call *call, const struct control_target *target,
                struct control_answer *ret)
{
    struct control_answer answer = {0};
    struct deploy_request request;
    yyjson_mut_val *properties;
    const char *operation = NULL;
    struct run *run;

    (void)target;
    if (!read_request(call, resource_path_name(&call->path), &request, ret) ||
        !deploy_preflight(call, &request, ret)) {
        return;
    }
    properties = deploy_properties(call, &request, "Accepted", ret);
    if (properties == NULL) {
        return;
    }
    /* Made first: who hears that it is too much must not have it deployed all the same. */
    control_answer_value(
        call, 201, whole(call, &request, yyjson_mut_val_mut_copy(call->doc, properties)), &answer);
    if (answer.code != NULL) {
        *ret = answer;
        return;
    }
    run = deploy_admit(call, &request, ret);
    if (run == NULL) {
        return;
    }
    if (!keep_record(call, &request, run, properties, ret)) {
        run_unref(run);
        return;
    }
    operation_begin(call, NULL, NULL, request.key, RUNNING_OPERATION, ret, &operation);
    if (ret->code != NULL) {
        fail_record(call, run, ret);
        run_unref(run);
        return;
    }
    deploy_start(call, run, operation);
    ret->location = NULL;
    ret->operation = arena_printf(call->arena, "%s/operationStatuses/%s?api-version=%.*s",
                                  control_link(call, request.id), operation,
                                  (int)call->api_version.len, (const char *)call->api_version.data);
    ret->status = answer.status;
    ret->body = answer.body;
}

/* ---- actions: what is asked of one that may not be kept ---- */

static struct span name_in_path(const struct control_call *call)
{
    return call->path.pieces[1];
}

/* What is wrong with the template is what was asked, so it is a result: az 2.74 shows no other (it
 * reads the body of an error twice). Who may not ask, or asks in no form of ours, is refused.
 * status: of the result; NULL: it has none. */
static void tell_what_is_wrong(struct control_call *call, const char *status,
                               struct control_answer *ret)
{
    static const char *const of_templates[] = {"InvalidTemplate", "InvalidTemplateDeployment",
                                               "InvalidContentLink"};
    yyjson_mut_val *result;

    for (size_t i = 0; ret->status == 400 && i < ARRAY_LEN(of_templates); i++) {
        if (strcmp(ret->code, of_templates[i]) == 0) {
            result = yyjson_mut_obj(call->doc);
            if (status != NULL) {
                json_add_text(call->doc, result, "status", status);
            }
            json_add_value(call->doc, result, "error", control_error_value(call, ret));
            *ret = (struct control_answer){.note = ret->note};
            control_answer_value(call, 200, result, ret);
            return;
        }
    }
}

static void validate(struct control_call *call, struct control_answer *ret)
{
    struct deploy_request request;
    yyjson_mut_val *properties, *array;

    if (!read_request(call, name_in_path(call), &request, ret) ||
        !deploy_preflight(call, &request, ret)) {
        tell_what_is_wrong(call, NULL, ret);
        return;
    }
    properties = deploy_properties(call, &request, "Succeeded", ret);
    if (properties == NULL) {
        return;
    }
    array = json_add_array(call->doc, properties, "validatedResources");
    for (size_t i = 0; i < template_n_resources(request.template); i++) {
        const struct template_resource *r = template_resource(request.template, i);

        if (!r->is_skipped && !r->is_existing) {
            yyjson_mut_val *object = yyjson_mut_obj(call->doc);

            json_add_text(call->doc, object, "id", r->id);
            (void)yyjson_mut_arr_append(array, object);
        }
    }
    control_answer_value(call, 200, whole(call, &request, properties), ret);
}

static void what_if(struct control_call *call, struct control_answer *ret)
{
    struct deploy_request request;

    if (read_request(call, name_in_path(call), &request, ret) &&
        deploy_preflight(call, &request, ret)) {
        deploy_what_if(call, &request, ret);
    }
    if (ret->code != NULL) {
        tell_what_is_wrong(call, "Failed", ret);
    }
}

/* az deployment sub create, and its validate and what-if. */
static void refuse_scope(struct control_call *call, struct control_answer *ret)
{
    control_refuse(
        call, ret, 400, "DeploymentScopeNotSupported",
        "Here a deployment is made in a resource group, also of a template for a "
        "subscription: PUT /subscriptions/%.*s/resourceGroups/GROUP/providers/" DEPLOYMENT_TYPE
        "/NAME (az deployment group create).",
        (int)call->path.subscription.len, (const char *)call->path.subscription.data);
}

static bool load(struct control_call *call, struct resource *ret_deployment,
                 struct control_answer *ret)
{
    const char *id =
        arena_printf(call->arena, "%s/providers/" DEPLOYMENT_TYPE "/%.*s", call->path.scope,
                     (int)name_in_path(call).len, (const char *)name_in_path(call).data);
    struct trail trail = {0};
    err_t err = id == NULL ? ERR_MEMORY : resource_load(call, id, &trail, ret_deployment);

    if (err == ERR_NOT_FOUND) {
        control_refuse(call, ret, 404, "DeploymentNotFound",
                       "Deployment '%.*s' could not be found.", (int)name_in_path(call).len,
                       (const char *)name_in_path(call).data);
    } else if (err) {
        control_fail(call, err, &trail, ret);
    }
    return err == ERR_OK;
}

static void cancel(struct control_call *call, struct control_answer *ret)
{
    struct resource deployment;

    if (!load(call, &deployment, ret)) {
        return;
    }
    if (!deploy_is_active(&deployment) || !deploy_cancel(deployment.key)) {
        control_refuse(call, ret, 409, "DeploymentCannotBeCancelled",
                       "The deployment '%s' is not running: it is %s.", deployment.name,
                       deployment.state);
        return;
    }
    ret->status = 204;
}

static void export_template(struct control_call *call, struct control_answer *ret)
{
    yyjson_mut_val *object = yyjson_mut_obj(call->doc);
    struct resource deployment;
    struct span text = {0};
    struct trail trail = {0};
    yyjson_val *root = NULL;
    err_t err;

    static const struct json_limits limits = {.max_depth = TEMPLATE_MAX_DEPTH,
                                              .max_values = TEMPLATE_MAX_VALUES};

    if (!load(call, &deployment, ret)) {
        return;
    }
    err = store_part_get(control_store(call->control), call->arena, deployment.key, PART_TEMPLATE,
                         &trail, &text);
    if (err == ERR_NOT_FOUND) {
        control_refuse(call, ret, 404, "NotFound",
                       "The template of the deployment '%s' is not kept: it is a part of another "
                       "deployment's, with values in it.",
                       deployment.name);
        return;
    }
    err = err ? err : json_read(call->arena, text, &limits, &trail, &root);
    if (err) {
        control_fail(call, err, &trail, ret);
        return;
    }
    json_add_value(call->doc, object, "template", yyjson_val_mut_copy(call->doc, root));
    control_answer_value(call, 200, object, ret);
}

/* ---- operations ---- */

static void answer_operations(struct control_call *call, const struct resource *deployment,
                              struct control_answer *ret)
{
    yyjson_mut_val *array = yyjson_mut_arr(call->doc);
    struct store_part *parts = NULL;
    struct trail trail = {0};
    size_t n = 0;
    err_t err = store_parts(control_store(call->control), call->arena, deployment->key,
                            PART_OPERATION, STORE_PARTS_MAX, &trail, &parts, &n);

    for (size_t i = 0; err == ERR_OK && i < n; i++) {
        yyjson_val *root = NULL;

        err = json_read(call->arena, parts[i].text, NULL, &trail, &root);
        if (err == ERR_OK && !yyjson_mut_arr_append(array, yyjson_val_mut_copy(call->doc, root))) {
            err = ERR_MEMORY;
        }
    }
    if (err) {
        control_fail(call, err, &trail, ret);
        return;
    }
    control_answer_list(call, array, NULL, ret);
}

/* az asks without "providers/Microsoft.Resources". */
static void handle_operations(struct control_call *call, struct control_answer *ret)
{
    struct resource deployment;

    call->path.pieces[1] = call->parameters[0];
    if (load(call, &deployment, ret)) {
        answer_operations(call, &deployment, ret);
    }
}

static void handle_operation(struct control_call *call, struct control_answer *ret)
{
    struct resource deployment;
    struct span id = call->parameters[1];
    struct span text = {0};
    struct trail trail = {0};
    err_t err;

    call->path.pieces[1] = call->parameters[0];
    if (!load(call, &deployment, ret)) {
        return;
    }
    err = store_part_get(
        control_store(call->control), call->arena, deployment.key,
        arena_printf(call->arena, PART_OPERATION "%.*s", (int)id.len, (const char *)id.data),
        &trail, &text);
    if (err == ERR_NOT_FOUND) {
        control_refuse(call, ret, 404, "DeploymentOperationNotFound",
                       "Deployment operation '%.*s' could not be found.", (int)id.len,
                       (const char *)id.data);
    } else if (err) {
        control_fail(call, err, &trail, ret);
    } else {
        ret->status = 200;
        ret->body = text;
    }
}

/* Who may read this deployment may not read of other resources. */
static bool is_operation_of(struct control_call *call, const char *id,
                            const struct resource *deployment)
{
    struct store_operation operation;

    return store_operation_get(control_store(call->control), call->arena, id, NULL, &operation) ==
               ERR_OK &&
           strcmp(operation.resource, deployment->key) == 0;
}

/* GET .../deployments/N/operationStatuses/ID */
static void handle_status(struct control_call *call, struct control_answer *ret)
{
    yyjson_mut_val *object = yyjson_mut_obj(call->doc), *error = NULL;
    struct resource deployment;
    const char *id, *state;

    call->path.pieces[1] = call->parameters[0];
    if (!load(call, &deployment, ret)) {
        return;
    }
    id = resource_key(call->arena, call->parameters[1]);
    if (id == NULL || !is_operation_of(call, id, &deployment)) {
        control_refuse(call, ret, 404, "OperationNotFound",
                       "There is no such operation of the deployment '%s'.", deployment.name);
        return;
    }
    state = operation_state(call, id, &error, ret);
    if (state == NULL) {
        return;
    }
    json_add_text(call->doc, object, "name", id);
    json_add_text(call->doc, object, "status", state);
    json_add_text(call->doc, object, "startTime", deploy_time(call->arena, deployment.created));
    if (strcmp(state, "Running") != 0) {
        json_add_text(call->doc, object, "endTime", deploy_time(call->arena, deployment.changed));
    } else {
        ret->retry_after_s = 1;
    }
    if (error != NULL) {
        json_add_value(call->doc, object, "error", error);
    }
    control_answer_value(call, 200, object, ret);
}

/* ---- the tables ---- */

static bool may_go(struct control_call *call, const struct resource *deployment,
                   struct control_answer *ret)
{
    if (!deploy_is_active(deployment)) {
        return true;
    }
    control_refuse(call, ret, 409, "DeploymentActive",
                   "The deployment '%s' is running: cancel it, or wait for its end.",
                   deployment->name);
    return false;
}

static void run(struct control_call *call, const struct control_target *target,
                struct control_answer *ret)
{
    if (call->method == HTTP_PUT && target->id != NULL) {
        if (call->path.group.data == NULL) {
            refuse_scope(call, ret);
        } else {
            put(call, target, ret);
        }
        return;
    }
    resource_run(call, target, ret);
    if (ret->status == 404 && target->id != NULL && ret->code != NULL &&
        strcmp(ret->code, "ResourceNotFound") == 0) {
        struct resource deployment;

        (void)load(call, &deployment, ret);
    }
}

const struct kind kind_deployment = {
    .type = DEPLOYMENT_TYPE,
    .versions = "2025-04-01 2024-11-01 2021-04-01 2019-10-01",
    .flags = KIND_NO_PATCH,
    .name_max = DEPLOY_NAME_MAX,
    .may_go = may_go,
    .elsewhere = run,
    .group_gone = deploy_cancel_group,
    .body_max = CONTROL_TEMPLATE_BODY_MAX,
};

#define TYPE "Microsoft.Resources/deployments/"
#define BELOW "providers/Microsoft.Resources/deployments/{}/"

/* A deployment that is asked about may not be there yet, so these are no actions of the kind. */
/* clang-format off */
const struct control_row deploy_rows[] = {
    {HTTP_POST, CONTROL_GROUP, BELOW "validate", TYPE "validate/action", validate, ROW_TEMPLATE, NULL},
    {HTTP_POST, CONTROL_GROUP, BELOW "whatIf", TYPE "whatIf/action", what_if, ROW_TEMPLATE, NULL},
    {HTTP_POST, CONTROL_SUBSCRIPTION, BELOW "validate", TYPE "validate/action", refuse_scope, ROW_TEMPLATE, NULL},
    {HTTP_POST, CONTROL_SUBSCRIPTION, BELOW "whatIf", TYPE "whatIf/action", refuse_scope, ROW_TEMPLATE, NULL},
    {HTTP_POST, CONTROL_GROUP, BELOW "cancel", TYPE "cancel/action", cancel, 0, NULL},
    {HTTP_POST, CONTROL_GROUP, BELOW "exportTemplate", TYPE "exportTemplate/action", export_template, 0, NULL},
    {HTTP_GET, CONTROL_GROUP, BELOW "operations", TYPE "operations/read", handle_operations, 0, NULL},
    {HTTP_GET, CONTROL_GROUP, BELOW "operations/{}", TYPE "operations/read", handle_operation, 0, NULL},
    {HTTP_GET, CONTROL_GROUP, "deployments/{}/operations", TYPE "operations/read", handle_operations, 0, NULL},
    {HTTP_GET, CONTROL_GROUP, "deployments/{}/operations/{}", TYPE "operations/read", handle_operation, 0, NULL},
    {HTTP_GET, CONTROL_GROUP, BELOW "operationStatuses/{}", TYPE "operationstatuses/read", handle_status, 0, NULL},
    {0, CONTROL_TENANT, "", NULL, NULL, 0, NULL},
};
/* clang-format on */
