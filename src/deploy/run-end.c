/*
 * run-end.c - the end of a deployment, a job of its own: leftovers go (mode Complete), outputs are
 * made, and its record says how it came out.
 */
#include "deploy/run.h"

#include "base/log.h"
#include "base/timestamp.h"
#include "control/jobs.h"

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

/* Its record and its operation say how it came out. */
static void finish(struct control_call *call, struct run *run)
{
    bool is_canceled = run_is_canceled(run);
    struct deploy_end end = {.id = run->request.id, .holder = run->id};
    struct log_line line;
    const char *state;

    if (!run->has_failed && !is_canceled) {
        end.outputs = outputs(call, run);
    }
    if (end.outputs == NULL) {
        end.outputs = yyjson_mut_obj(call->doc);
    }
    end.state = is_canceled ? "Canceled" : run->has_failed ? "Failed" : "Succeeded";
    if (is_canceled || run->has_failed) {
        end.error = final_error(call, run, is_canceled);
    }
    end.resources = output_resources(call, run);
    call->now = timestamp_now();
    end.duration = deploy_duration(call->arena, call->now - run->began);
    state = deploy_keep_end(call, &end, run->operation);
    log_begin(&line, LOG_INFO, "deployment.ended");
    log_text(&line, "deployment", run->request.key);
    log_text(&line, "state", state == NULL ? end.state : state);
    log_end(&line);
}

/* ---- its job ---- */

static job_run run_end_job;

static void drop_end_job(void *data)
{
    run_unref(data);
}

static err_t add_end_job(struct run *run)
{
    const struct job job = {.class = JOB_STEP,
                            .owner = run->owner,
                            .run = run_end_job,
                            .drop = drop_end_job,
                            .data = run};

    return jobs_add(control_jobs(run->control), &job);
}

static void end_crowded(struct control_call *call, struct run *run)
{
    run->has_failed = run->is_crowded = true;
    finish(call, run);
    run_unref(run);
}

/* What could not be deleted fails the deployment. */
static void judge_pruning(struct control_call *call, struct run *run, err_t err,
                          const struct trail *trail)
{
    struct control_answer failure = {0};
    yyjson_val *refusal = NULL;

    if (err) {
        control_fail(call, err, trail, &failure);
        run_add_failure(call, run, control_error_value(call, &failure));
        run->has_failed = true;
    } else if (run->pruning.left > 0) {
        if (run->pruning.refusal != NULL && json_read(call->arena, span_str(run->pruning.refusal),
                                                      NULL, NULL, &refusal) == ERR_OK) {
            run_add_failure(call, run, yyjson_val_mut_copy(call->doc, refusal));
        }
        run->has_failed = true;
    }
}

/* One slice of what is left over: others have their turns between two. */
static bool has_more_to_prune(struct control_call *call, struct run *run)
{
    struct trail trail = {0};
    bool has_more = false;
    err_t err;

    if (!run->request.is_complete || run->has_failed || run_is_canceled(run)) {
        return false;
    }
    err = deploy_prune(call, &run->request, &run->pruning, &trail, &has_more);
    if (!has_more) {
        judge_pruning(call, run, err, &trail);
    }
    return has_more;
}

static void run_end_job(void *data, struct arena *arena, struct hasher *hasher)
{
    struct run *run = data;
    struct control_call call = run_call_of(run, arena, hasher);
    bool has_more = call.doc != NULL && has_more_to_prune(&call, run);

    if (call.doc != NULL && !has_more) {
        finish(&call, run);
        run_unref(run);
    } else if (call.doc == NULL || jobs_is_closing(control_jobs(run->control))) {
        drop_end_job(run); /* told at the next start (deploy_resume) */
    } else if (add_end_job(run) != ERR_OK) {
        end_crowded(&call, run);
    }
}

void run_end(struct control_call *call, struct run *run)
{
    if (add_end_job(run) != ERR_OK) {
        end_crowded(call, run);
    }
}
