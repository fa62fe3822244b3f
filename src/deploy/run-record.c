/*
 * run-record.c - what is written about the resources of a deployment that runs: its operations.
 */
#include "deploy/run.h"

#include "base/timestamp.h"

#include <stdlib.h>

struct control_call run_call_of(struct run *run, struct arena *arena, struct hasher *hasher)
{
    return (struct control_call){.control = run->control,
                                 .arena = arena,
                                 .hasher = hasher,
                                 .doc = json_new(arena),
                                 .now = timestamp_now(),
                                 .caller = &run->caller,
                                 .correlation = run->correlation,
                                 .request = run->asked_by,
                                 .base = control_endpoint(run->control),
                                 .method = HTTP_PUT,
                                 .api_version = span_str("2024-11-01"),
                                 .part_of = run};
}

static const char *state_words(enum step step)
{
    static const char *const words[] = {[STEP_WAITS] = "Accepted",
                                        [STEP_RUNS] = "Running",
                                        [STEP_DONE] = "Succeeded",
                                        [STEP_FAILED] = "Failed",
                                        [STEP_LEFT] = "Canceled"};

    return words[step];
}

/* What became of one resource (arm-templates section 7). */
bool run_record(struct control_call *call, const struct task *task, enum step step, unsigned status,
                yyjson_mut_val *error)
{
    const struct run *run = task->run;
    const struct template_resource *r = template_resource(run->request.template, task->index);
    yyjson_mut_doc *doc = call->doc;
    yyjson_mut_val *object = yyjson_mut_obj(doc), *properties, *target, *message;
    const char *id = arena_printf(call->arena, "%016zX", task->index + 1), *part;
    struct trail trail = {0};
    struct span text;
    err_t err;

    json_add_text(doc, object, "id",
                  arena_printf(call->arena, "%s/operations/%s", run->request.id, id));
    json_add_text(doc, object, "operationId", id);
    properties = json_add_object(doc, object, "properties");
    json_add_text(doc, properties, "provisioningOperation", "Create");
    json_add_text(doc, properties, "provisioningState", state_words(step));
    json_add_text(doc, properties, "timestamp", deploy_time(call->arena, call->now));
    json_add_text(doc, properties, "duration",
                  deploy_duration(call->arena, call->now - task->began));
    json_add_text(doc, properties, "trackingId", run->correlation);
    json_add_text(doc, properties, "statusCode",
                  step == STEP_RUNS ? "Accepted"
                  : status == 201   ? "Created"
                  : status == 409   ? "Conflict"
                  : status == 400   ? "BadRequest"
                  : status == 403   ? "Forbidden"
                  : status == 404   ? "NotFound"
                  : error != NULL   ? "Conflict"
                                    : "OK");
    if (error != NULL) {
        message = json_add_object(doc, properties, "statusMessage");
        json_add_text(doc, message, "status", "Failed");
        json_add_value(doc, message, "error", yyjson_mut_val_mut_copy(doc, error));
    }
    target = json_add_object(doc, properties, "targetResource");
    json_add_text(doc, target, "id", r->id);
    json_add_text(doc, target, "resourceType", r->type);
    json_add_text(doc, target, "resourceName", r->name);
    text = json_write(call->arena, doc, object, false);
    part = arena_printf(call->arena, PART_OPERATION "%s", id);
    err = text.data == NULL || part == NULL
              ? ERR_MEMORY
              : store_part_put(control_store(run->control), run->request.key, run->id, part, text,
                               &trail);
    /* It may be gone with its group, and who asked is told when it is full. */
    if (err != ERR_NOT_FOUND && err != ERR_TOO_MANY) {
        control_log_lost("deployment-operation", run->request.id, err, &trail);
    }
    return err != ERR_TOO_MANY;
}

/* The errors of all resources that failed, as the deployment shows them. */
void run_add_failure(struct control_call *call, struct run *run, yyjson_mut_val *error)
{
    yyjson_mut_val *array = yyjson_mut_arr(call->doc);
    yyjson_val *before = NULL;
    struct span text;

    if (run->failure != NULL &&
        json_read(call->arena, span_str(run->failure), NULL, NULL, &before) == ERR_OK) {
        array = yyjson_val_mut_copy(call->doc, before);
    }
    (void)yyjson_mut_arr_append(array, yyjson_mut_val_mut_copy(call->doc, error));
    text = json_write(call->arena, call->doc, array, false);
    if (text.data != NULL) {
        free(run->failure);
        run->failure = strdup((const char *)text.data);
    }
}
