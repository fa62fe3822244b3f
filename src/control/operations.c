/*
 * operations.c - what goes on when a request was answered, and where a client asks for it
 * (control-plane-api 5, asynchronous operations).
 *
 * Who may ask is who may read the resource: an operation's id alone opens nothing.
 */
#include "control/internal.h"

#include "base/text.h"
#include "base/timestamp.h"

#define READ "Microsoft.Resources/subscriptions/operationresults/read"

enum { POLL_S = 1 };

void operation_begin(struct control_call *call, const char *ns, const char *location,
                     const char *resource_key, const char *what, struct control_answer *ret,
                     const char **ret_id)
{
    struct store_operation operation = {.id = control_guid(call->arena),
                                        .resource = resource_key,
                                        .what = what,
                                        .status = "Running",
                                        .started = call->now};
    bool is_done = strcmp(what, OPERATION_DONE) == 0;
    const char *version = arena_printf(call->arena, "?api-version=%.*s", (int)call->api_version.len,
                                       (const char *)call->api_version.data);
    const char *below;
    struct resource_path path = {0};
    struct trail trail = {0};
    err_t err = operation.id == NULL || version == NULL
                    ? ERR_MEMORY
                    : resource_id_read(call->arena, span_str(resource_key), &trail, &path);

    if (is_done) {
        operation.status = "Succeeded";
        operation.ended = call->now;
    }
    operation.subscription = err ? "" : resource_key + strlen("/subscriptions/");
    if (err == ERR_OK) {
        operation.subscription = arena_printf(call->arena, "%.*s", (int)path.subscription.len,
                                              (const char *)path.subscription.data);
        err = operation.subscription == NULL
                  ? ERR_MEMORY
                  : store_operation_put(call->control->store, &operation, &trail);
    }
    if (err) {
        control_fail(call, err, &trail, ret);
        return;
    }
    below = arena_printf(call->arena, "%s/subscriptions/%s", call->base, operation.subscription);
    if (ns != NULL) {
        ret->operation = arena_printf(call->arena, "%s/providers/%s/locations/%s/operations/%s%s",
                                      below, ns, location, operation.id, version);
        /* After a PUT or PATCH some clients take the address for that of the resource. */
        ret->location =
            call->method == HTTP_PUT || call->method == HTTP_PATCH
                ? NULL
                : arena_printf(call->arena, "%s/providers/%s/locations/%s/operationResults/%s%s",
                               below, ns, location, operation.id, version);
    } else {
        ret->location =
            arena_printf(call->arena, "%s/operationresults/%s%s", below, operation.id, version);
    }
    ret->retry_after_s = POLL_S;
    ret->operation_id = is_done ? NULL : operation.id;
    if (ret_id != NULL) {
        *ret_id = operation.id;
    }
}

/* ---- asking: one that the caller may not ask for is none, like those that never were ---- */

static struct span last_of(const struct control_call *call)
{
    for (size_t i = CONTROL_PARAMETERS_MAX; i > 0; i--) {
        if (call->parameters[i - 1].data != NULL) {
            return call->parameters[i - 1];
        }
    }
    return (struct span){0};
}

static void refuse_unknown(struct control_call *call, const char *id, struct control_answer *ret)
{
    control_refuse(call, ret, 404, "OperationNotFound",
                   "There is no operation '%s': it may have ended more than %d day ago.", id,
                   STORE_OPERATION_DAYS);
}

static bool load(struct control_call *call, struct store_operation *ret_operation,
                 struct control_answer *ret)
{
    const char *id = resource_key(call->arena, last_of(call));
    const char *subscription = resource_key(call->arena, call->path.subscription);
    struct trail trail = {0};
    err_t err =
        id == NULL || subscription == NULL
            ? ERR_MEMORY
            : store_operation_get(call->control->store, call->arena, id, &trail, ret_operation);

    if (err == ERR_NOT_FOUND ||
        (err == ERR_OK && strcmp(ret_operation->subscription, subscription) != 0)) {
        refuse_unknown(call, id, ret);
        return false;
    }
    if (err) {
        control_fail(call, err, &trail, ret);
        return false;
    }
    return true;
}

static const char *scope_of(struct control_call *call, struct control_answer *ret)
{
    const struct control_target target = {.action = READ, .scope = call->path.scope};
    struct store_operation operation;

    if (call->caller == NULL) {
        return call->path.scope; /* nothing is looked up for who is not signed in */
    }
    if (!load(call, &operation, ret)) {
        return NULL;
    }
    if (!control_caller_may(call, READ, operation.resource)) {
        refuse_unknown(call, operation.id, ret);
        change_refused(call, &target, operation.resource, ret->status);
        return NULL;
    }
    return operation.resource;
}

static void put_operation(struct control_call *call, const struct store_operation *operation)
{
    struct trail trail = {0};
    err_t err = store_operation_put(call->control->store, operation, &trail);

    control_log_lost("state of an operation", operation->id, err, &trail);
}

/* A kind knows better than the record how far its resource is; what has ended is recorded. */
static void ask_kind(struct control_call *call, struct store_operation *operation,
                     yyjson_mut_val **ret_error)
{
    struct resource resource;
    const char *status;

    *ret_error = NULL;
    if (operation->ended != 0 || operation->what[0] != '\0' ||
        resource_load(call, operation->resource, NULL, &resource) != ERR_OK ||
        resource.kind == NULL || resource.kind->progress == NULL) {
        return;
    }
    status = resource.kind->progress(call, &resource, ret_error);
    if (status == NULL || strcmp(status, "Running") == 0) {
        return;
    }
    operation->status = status;
    operation->ended = call->now;
    if (*ret_error != NULL) {
        operation->error = json_write(call->arena, call->doc, *ret_error, false);
    }
    put_operation(call, operation);
}

static void add_time(struct control_call *call, yyjson_mut_val *object, const char *name,
                     int64_t time)
{
    char text[TIMESTAMP_SIZE];

    timestamp_format(time, text, sizeof(text));
    json_add_text(call->doc, object, name, text);
}

static yyjson_mut_val *read_json(struct control_call *call, struct span json)
{
    yyjson_val *root = NULL;

    return json.len > 0 && json_read(call->arena, json, NULL, NULL, &root) == ERR_OK
               ? yyjson_val_mut_copy(call->doc, root)
               : NULL;
}

const char *operation_state(struct control_call *call, const char *id, yyjson_mut_val **ret_error,
                            struct control_answer *ret)
{
    struct store_operation operation;
    struct trail trail = {0};
    err_t err = store_operation_get(call->control->store, call->arena, id, &trail, &operation);

    if (err) {
        control_fail(call, err, &trail, ret);
        return NULL;
    }
    ask_kind(call, &operation, ret_error);
    if (*ret_error == NULL) {
        *ret_error = read_json(call, operation.error);
    }
    return operation.status;
}

void operation_end(struct control_call *call, const char *id, const char *status,
                   yyjson_mut_val *error)
{
    struct store_operation operation;

    if (store_operation_get(call->control->store, call->arena, id, NULL, &operation) != ERR_OK) {
        return;
    }
    operation.status = status;
    operation.ended = call->now;
    if (error != NULL) {
        operation.error = json_write(call->arena, call->doc, error, false);
    }
    put_operation(call, &operation);
}

static bool is_running(const struct store_operation *operation)
{
    return strcmp(operation->status, "Running") == 0;
}

/* GET .../operations/ID: the operation itself. */
static void handle_status(struct control_call *call, struct control_answer *ret)
{
    yyjson_mut_val *object = yyjson_mut_obj(call->doc), *error;
    struct store_operation operation;

    if (!load(call, &operation, ret)) {
        return;
    }
    ask_kind(call, &operation, &error);
    error = error != NULL ? error : read_json(call, operation.error);
    json_add_text(call->doc, object, "name", operation.id);
    json_add_text(call->doc, object, "status",
                  is_running(&operation) ? "InProgress" : operation.status);
    add_time(call, object, "startTime", operation.started);
    if (!is_running(&operation)) {
        add_time(call, object, "endTime", operation.ended);
    } else {
        ret->retry_after_s = POLL_S;
    }
    if (error != NULL) {
        json_add_value(call->doc, object, "error", error);
    }
    control_answer_value(call, 200, object, ret);
}

/* GET .../operationresults/ID: 202 while it goes on, then what it came to. */
static void handle_result(struct control_call *call, struct control_answer *ret)
{
    struct store_operation operation;
    yyjson_mut_val *error, *root;

    if (!load(call, &operation, ret)) {
        return;
    }
    ask_kind(call, &operation, &error);
    if (is_running(&operation)) {
        ret->status = 202;
        ret->location =
            arena_printf(call->arena, "%s/operationresults/%s?api-version=%.*s",
                         control_link(call, call->path.scope), operation.id,
                         (int)call->api_version.len, (const char *)call->api_version.data);
        ret->retry_after_s = POLL_S;
        return;
    }
    error = error != NULL ? error : read_json(call, operation.error);
    if (error != NULL) {
        root = yyjson_mut_obj(call->doc);
        json_add_value(call->doc, root, "error", error);
        control_answer_value(call, 409, root, ret);
    } else if (operation.output.len > 0) {
        ret->status = 200;
        ret->body = operation.output;
    } else {
        ret->status = 200; /* some clients take no 204 for it */
    }
}

const struct control_row control_operation_rows[] = {
    {HTTP_GET, CONTROL_SUBSCRIPTION, "operationresults/{}", READ, handle_result, 0, scope_of},
    {HTTP_GET, CONTROL_SUBSCRIPTION, "providers/{}/locations/{}/operations/{}", READ, handle_status,
     0, scope_of},
    {HTTP_GET, CONTROL_SUBSCRIPTION, "providers/{}/locations/{}/operationResults/{}", READ,
     handle_result, 0, scope_of},
    {0, CONTROL_TENANT, "", NULL, NULL, 0, NULL},
};
