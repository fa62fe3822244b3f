/*
 * run-record.c - what is written about a deployment that runs: its operations, and its end.
 */
#include "deploy/run.h"

#include "base/log.h"
#include "base/timestamp.h"

#include <stdio.h>
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
void run_record(struct control_call *call, const struct task *task, enum step step, unsigned status,
                yyjson_mut_val *error)
{
    const struct run *run = task->run;
    const struct template_resource *r = template_resource(run->request.template, task->index);
    yyjson_mut_doc *doc = call->doc;
    yyjson_mut_val *object = yyjson_mut_obj(doc), *properties, *target, *message;
    const char *id = arena_printf(call->arena, "%016zX", task->index + 1);
    struct span text;

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
    if (text.data != NULL) {
        (void)!store_part_put(control_store(run->control), run->request.key,
                              arena_printf(call->arena, PART_OPERATION "%s", id), text, NULL);
    }
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

/* ---- the end ---- */

static yyjson_mut_val *final_error(struct control_call *call, struct run *run, bool is_canceled)
{
    yyjson_mut_val *error = yyjson_mut_obj(call->doc);
    yyjson_val *details = NULL;

    json_add_text(call->doc, error, "code",
                  is_canceled ? "DeploymentCanceled" : "DeploymentFailed");
    json_add_text(call->doc, error, "target", run->request.id);
    json_add_text(call->doc, error, "message",
                  is_canceled ? "The deployment was canceled. What was made until then is there."
                  : run->is_crowded
                      ? "The server does too much at a time. What was made until then is there; "
                        "deploy it again."
                      : "At least one resource deployment operation failed. Please list deployment "
                        "operations for details. Please see "
                        "https://aka.ms/arm-deployment-operations for usage details.");
    if (run->failure != NULL &&
        json_read(call->arena, span_str(run->failure), NULL, NULL, &details) == ERR_OK) {
        json_add_value(call->doc, error, "details", yyjson_val_mut_copy(call->doc, details));
    }
    return error;
}

static yyjson_mut_val *output_resources(struct control_call *call, const struct run *run)
{
    yyjson_mut_val *array = yyjson_mut_arr(call->doc);

    for (size_t i = 0; i < run->n; i++) {
        if (run->tasks[i].step == STEP_DONE) {
            const struct template_resource *r = template_resource(run->request.template, i);
            yyjson_mut_val *object = yyjson_mut_obj(call->doc);

            if (r->is_skipped || r->is_existing) {
                continue;
            }
            json_add_text(call->doc, object, "id", r->id);
            (void)yyjson_mut_arr_append(array, object);
        }
    }
    return array;
}

/* Outputs may ask what was made, and fail by that. */
static yyjson_mut_val *outputs(struct control_call *call, struct run *run)
{
    struct template_fault fault = {0};
    struct trail trail = {0};
    struct control_answer answer = {0};
    yyjson_mut_val *value = NULL;
    err_t err = template_outputs(run->request.template, deploy_reference, call, call->arena,
                                 call->doc, &trail, &fault, &value);

    if (err == ERR_OK) {
        return value;
    }
    deploy_refuse(call, run->request.name, err, &trail, &fault, &answer);
    run_add_failure(call, run, control_error_value(call, &answer));
    run->has_failed = true;
    return NULL;
}

static void write_end(struct control_call *call, struct run *run, const char *state,
                      yyjson_mut_val *outputs_value, yyjson_mut_val *error)
{
    struct resource record;
    struct control_answer answer = {0};
    yyjson_mut_val *properties;
    bool is_raced = true;

    for (int i = 0; is_raced && i < 8; i++) {
        if (resource_load(call, run->request.id, NULL, &record) != ERR_OK) {
            return; /* it went with its group */
        }
        record.state = state;
        properties = resource_properties(call, &record);
        body_set_text(call->doc, properties, "provisioningState", state);
        body_set_text(call->doc, properties, "timestamp", deploy_time(call->arena, call->now));
        body_set_text(call->doc, properties, "duration",
                      deploy_duration(call->arena, call->now - run->began));
        body_set(call->doc, properties, "outputResources", output_resources(call, run));
        body_set(call->doc, properties, "outputs",
                 outputs_value == NULL ? yyjson_mut_obj(call->doc)
                                       : yyjson_mut_val_mut_copy(call->doc, outputs_value));
        if (error != NULL) {
            body_set(call->doc, properties, "error", yyjson_mut_val_mut_copy(call->doc, error));
        }
        (void)resource_keep(call, &record, "", &answer, &is_raced);
    }
}

void run_end(struct control_call *call, struct run *run)
{
    yyjson_mut_val *value = NULL, *error = NULL;
    struct control_answer pruned = {0};
    struct log_line line;
    const char *state;
    bool is_canceled = run_is_canceled(run);

    if (!run->has_failed && !is_canceled && run->request.is_complete) {
        deploy_prune(call, run->request.template, run->request.group_id, &pruned);
        if (pruned.code != NULL) {
            run_add_failure(call, run, control_error_value(call, &pruned));
            run->has_failed = true;
        }
    }
    if (!run->has_failed && !is_canceled) {
        value = outputs(call, run);
    }
    state = is_canceled ? "Canceled" : run->has_failed ? "Failed" : "Succeeded";
    if (is_canceled || run->has_failed) {
        error = final_error(call, run, is_canceled);
    }
    call->now = timestamp_now();
    write_end(call, run, state, value, error);
    operation_end(call, run->operation, state, error);
    log_begin(&line, LOG_INFO, "deployment.ended");
    log_text(&line, "deployment", run->request.key);
    log_text(&line, "state", state);
    log_end(&line);
}
