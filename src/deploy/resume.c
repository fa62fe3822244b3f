/*
 * resume.c - deployments that ran when the server stopped: they say so, and so does each resource
 * that was being made.
 */
#include "deploy/internal.h"

#include "base/log.h"
#include "base/text.h"

enum {
    STOPPED_MAX = 1024, /* of each state */
    OPEN_MAX = 100,     /* operations of one deployment */
    RETRIES = 8,
};

void deploy_fail_record(struct control_call *call, const char *id, yyjson_mut_val *error)
{
    struct control_answer ignored = {0};
    struct resource record;
    bool is_raced = true;

    for (int i = 0; is_raced && i < RETRIES; i++) {
        yyjson_mut_val *properties;

        if (resource_load(call, id, NULL, &record) != ERR_OK) {
            return; /* it went with its group */
        }
        record.state = "Failed";
        properties = resource_properties(call, &record);
        body_set_text(call->doc, properties, "provisioningState", "Failed");
        body_set_text(call->doc, properties, "timestamp", deploy_time(call->arena, call->now));
        body_set(call->doc, properties, "error", yyjson_mut_val_mut_copy(call->doc, error));
        (void)resource_keep(call, &record, "", &ignored, &is_raced);
    }
}

/* Whether it was made, nobody knows who was not asked: its record must not say that it is. */
static void fail_part(struct control_call *call, const char *key, const struct store_part *part,
                      yyjson_mut_val *error)
{
    yyjson_mut_val *value, *properties, *message;
    yyjson_val *root = NULL;
    const char *state;
    struct span text;

    if (json_read(call->arena, part->text, NULL, NULL, &root) != ERR_OK) {
        return;
    }
    value = yyjson_val_mut_copy(call->doc, root);
    properties = body_get(value, "properties");
    state = body_text_at(properties, "provisioningState");
    if (state == NULL || strcmp(state, "Running") != 0) {
        return;
    }
    body_set_text(call->doc, properties, "provisioningState", "Failed");
    body_set_text(call->doc, properties, "statusCode", "InternalServerError");
    message = body_need_object(call->doc, properties, "statusMessage");
    body_set_text(call->doc, message, "status", "Failed");
    body_set(call->doc, message, "error", yyjson_mut_val_mut_copy(call->doc, error));
    text = json_write(call->arena, call->doc, value, false);
    if (text.data != NULL) {
        (void)!store_part_put(control_store(call->control), key, part->name, text, NULL);
    }
}

static void fail_parts(struct control_call *call, const char *key, yyjson_mut_val *error)
{
    struct store_part *parts = NULL;
    size_t n = 0;

    if (store_parts(control_store(call->control), call->arena, key, PART_OPERATION, STORE_PARTS_MAX,
                    NULL, &parts, &n) != ERR_OK) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        fail_part(call, key, &parts[i], error);
    }
}

static void fail_stopped(struct control_call *call, const struct store_resource *row)
{
    struct store_operation *open = NULL;
    struct control_answer answer = {0};
    struct log_line line;
    yyjson_mut_val *error;
    size_t n = 0;

    control_refuse(
        call, &answer, 500, "DeploymentFailed",
        "The server stopped while this deployment ran. What was made until then is listed "
        "in its operations; deploy it again.");
    answer.target = row->id;
    error = control_error_value(call, &answer);
    fail_parts(call, row->key, error);
    deploy_fail_record(call, row->id, error);
    if (store_operations_of(control_store(call->control), call->arena, row->key, RUNNING_OPERATION,
                            OPEN_MAX, NULL, &open, &n) == ERR_OK) {
        for (size_t i = 0; i < n; i++) {
            operation_end(call, open[i].id, "Failed", error);
        }
    }
    log_begin(&line, LOG_WARN, "deployment.stopped");
    log_text(&line, "deployment", row->key);
    log_end(&line);
}

/* Each in an arena of its own: all together may be more than one holds. */
static err_t fail_in_state(struct control *control, struct hasher *hasher, const char *state,
                           int64_t now, struct trail *trail)
{
    static const struct access_caller nobody = {"", "", "", "", "", false};
    CLEANUP(arena_free) struct arena *rows_arena = arena_new(TEMPLATE_ARENA_BYTES);
    CLEANUP(arena_free) struct arena *arena = arena_new(TEMPLATE_ARENA_BYTES);
    struct control_call call = {.control = control,
                                .arena = arena,
                                .hasher = hasher,
                                .now = now,
                                .caller = &nobody,
                                .correlation = "",
                                .base = ""};
    struct store_resource *rows = NULL;
    size_t n = 0;
    err_t err = rows_arena == NULL || arena == NULL
                    ? ERR_MEMORY
                    : store_resources_in_state(control_store(control), rows_arena,
                                               resource_key(rows_arena, span_str(DEPLOYMENT_TYPE)),
                                               state, STOPPED_MAX, trail, &rows, &n);

    for (size_t i = 0; err == ERR_OK && i < n; i++) {
        arena_reset(arena);
        call.doc = json_new(arena);
        if (call.doc == NULL) {
            return ERR_MEMORY;
        }
        fail_stopped(&call, &rows[i]);
    }
    return err;
}

err_t deploy_resume(struct control *control, int64_t now, struct trail *trail)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    err_t err =
        hasher == NULL ? ERR_MEMORY : fail_in_state(control, hasher, "Accepted", now, trail);

    return err ? err : fail_in_state(control, hasher, "Running", now, trail);
}
