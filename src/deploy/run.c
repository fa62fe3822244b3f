/*
 * run.c - a deployment that runs. Each resource is a job of its own, begun when all that it depends
 * on is there; the job that ends last begins that of the deployment's end (run-end.c). No job waits
 * for another: one whose resource takes its time comes again later.
 *
 * What is being made is in the store before it is made. After the first failure nothing is begun
 * any more, and what runs ends (arm-templates section 4).
 */
#include "deploy/run.h"

#include "base/log.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "control/jobs.h"
#include "resource/join-token.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    POLL_MS = 250,
    WAIT_MAX_S = 2 * 3600,
    /* For memory. Short: two that wait may each hold what the other waits for, and each try reads
     * the template again. */
    MEMORY_POLL_MS = 1000,
    MEMORY_WAIT_MAX_S = 10 * 60,
};

/* ---- which comes next ---- */

static bool is_ready(const struct run *run, const struct task *task)
{
    const struct template_resource *r = template_resource(run->request.template, task->index);

    for (size_t i = 0; i < r->n_depends; i++) {
        if (run->tasks[r->depends[i]].step != STEP_DONE) {
            return false;
        }
    }
    return true;
}

static job_run run_task;
static void drop_task(void *data);

static err_t add_job(struct task *task, unsigned delay_ms)
{
    const struct job job = {.class = JOB_STEP,
                            .owner = task->run->owner,
                            .delay_ms = delay_ms,
                            .run = run_task,
                            .drop = drop_task,
                            .data = task};

    return jobs_add(control_jobs(task->run->control), &job);
}

/* Begin all that can be begun. Under the lock. */
static void begin_ready(struct run *run)
{
    bool has_changed = !run_is_canceled(run);

    while (has_changed) {
        has_changed = false;
        for (size_t i = 0; i < run->n && run->n_running < DEPLOY_TOGETHER_MAX; i++) {
            struct task *task = &run->tasks[i];
            const struct template_resource *r = template_resource(run->request.template, i);

            if (task->step != STEP_WAITS || run->has_failed || !is_ready(run, task)) {
                continue;
            }
            if (r->is_skipped || r->is_existing) {
                task->step = STEP_DONE;
                has_changed = true;
                continue;
            }
            task->began = timestamp_now();
            if (add_job(task, 0) != ERR_OK) {
                run->has_failed = run->is_crowded = true;
                continue;
            }
            task->step = STEP_RUNS;
            run->n_running++;
            run->n_references++;
        }
    }
}

/* A step came to its end; the last one ends the deployment. */
static void finish_task(struct control_call *call, struct task *task, enum step step)
{
    struct run *run = task->run;
    bool is_last;

    pthread_mutex_lock(&run->lock);
    task->step = step;
    run->n_running--;
    run->has_failed = run->has_failed || step == STEP_FAILED;
    begin_ready(run);
    is_last = run->n_running == 0 && !run->has_ended;
    run->has_ended = run->has_ended || is_last;
    pthread_mutex_unlock(&run->lock);
    if (is_last) {
        run_end(call, run);
    } else {
        run_unref(run);
    }
}

/* The server stops: what is left is told at the next start (deploy_resume). */
static void drop_task(void *data)
{
    struct task *task = data;

    run_unref(task->run);
}

/* ---- one resource ---- */

static void fail(struct control_call *call, struct task *task, struct control_answer *answer)
{
    const struct template_resource *r = template_resource(task->run->request.template, task->index);
    yyjson_mut_val *error;

    answer->target = r->id;
    error = control_error_value(call, answer);
    join_token_strike(call->arena, error);
    (void)run_record(call, task, STEP_FAILED, answer->status, error);
    pthread_mutex_lock(&task->run->lock);
    run_add_failure(call, task->run, error);
    pthread_mutex_unlock(&task->run->lock);
    finish_task(call, task, STEP_FAILED);
}

static void come_again(struct control_call *call, struct task *task, unsigned delay_ms)
{
    struct control_answer answer;

    if (add_job(task, delay_ms) != ERR_OK) {
        control_refuse(call, &answer, 503, "ServiceUnavailable",
                       "too much is being done at a time");
        fail(call, task, &answer);
    }
}

/* It was not begun, and is not any more. */
static void leave(struct control_call *call, struct task *task)
{
    if (task->is_told) {
        (void)run_record(call, task, STEP_LEFT, 0, NULL);
    }
    finish_task(call, task, STEP_LEFT);
}

/* Is it a deployment for which there is no place now? */
static bool lacks_place(struct control_call *call, const struct run *run,
                        const struct template_resource *r)
{
    const char *key = text_equal_nocase(r->type, DEPLOYMENT_TYPE)
                          ? resource_key(call->arena, span_str(r->id))
                          : NULL;

    return key != NULL && !run_has_place(key, run_depth_below(run));
}

static bool has_failed(struct run *run)
{
    bool has_failed;

    pthread_mutex_lock(&run->lock);
    has_failed = run->has_failed;
    pthread_mutex_unlock(&run->lock);
    return has_failed;
}

/* Until others end that hold it. */
static void wait_for_memory(struct control_call *call, struct task *task,
                            struct control_answer *answer)
{
    if (has_failed(task->run)) {
        leave(call, task);
    } else if (call->now < task->began + MEMORY_WAIT_MAX_S) {
        come_again(call, task, MEMORY_POLL_MS);
    } else {
        fail(call, task, answer);
    }
}

/* Until another deployment at its level ends. */
static void wait_for_place(struct control_call *call, struct task *task)
{
    struct control_answer answer;

    if (has_failed(task->run)) {
        leave(call, task);
    } else if (call->now < task->began + WAIT_MAX_S) {
        come_again(call, task, POLL_MS);
    } else {
        control_refuse(call, &answer, 429, DEPLOY_NO_PLACE,
                       "There was no place for this deployment in %d hours.", WAIT_MAX_S / 3600);
        fail(call, task, &answer);
    }
}

static void put_resource(struct control_call *call, struct task *task)
{
    struct run *run = task->run;
    const struct template_resource *r = template_resource(run->request.template, task->index);
    struct template_fault fault = {0};
    struct trail trail = {0};
    struct control_answer answer = {0};
    yyjson_mut_val *body = NULL;
    err_t err;

    if (lacks_place(call, run, r)) {
        wait_for_place(call, task);
        return;
    }
    if (!run_record(call, task, STEP_RUNS, 0, NULL)) {
        deploy_refuse_full(call, run->request.id, &answer);
        fail(call, task, &answer);
        return;
    }
    task->is_told = true;
    err = template_body(run->request.template, task->index, deploy_reference, call, call->arena,
                        call->doc, &trail, &fault, &body);
    if (err) {
        deploy_refuse(call, run->request.name, err, &trail, &fault, &answer);
        fail(call, task, &answer);
        return;
    }
    control_do(call, HTTP_PUT, r->id, r->api_version, body, &answer);
    if (answer.code != NULL && strcmp(answer.code, DEPLOY_NO_PLACE) == 0) {
        wait_for_place(call, task); /* somebody else was faster */
    } else if (answer.note != NULL && strcmp(answer.note, DEPLOY_NO_MEMORY) == 0) {
        wait_for_memory(call, task, &answer);
    } else if (answer.code != NULL) {
        fail(call, task, &answer);
    } else if (answer.operation_id != NULL) {
        snprintf(task->operation, sizeof(task->operation), "%s", answer.operation_id);
        come_again(call, task, POLL_MS);
    } else {
        (void)run_record(call, task, STEP_DONE, answer.status, NULL);
        finish_task(call, task, STEP_DONE);
    }
}

static const char *error_text(yyjson_mut_val *error, const char *name, const char *otherwise)
{
    const char *text = body_text_at(error, name);

    return text == NULL ? otherwise : text;
}

static void look_again(struct control_call *call, struct task *task)
{
    struct control_answer answer = {0};
    yyjson_mut_val *error = NULL;
    const char *state = operation_state(call, task->operation, &error, &answer);

    if (state == NULL) {
        fail(call, task, &answer);
    } else if (strcmp(state, "Succeeded") == 0) {
        (void)run_record(call, task, STEP_DONE, 200, NULL);
        finish_task(call, task, STEP_DONE);
    } else if (strcmp(state, "Running") == 0 && call->now < task->began + WAIT_MAX_S) {
        come_again(call, task, POLL_MS);
    } else if (strcmp(state, "Running") == 0) {
        control_refuse(call, &answer, 409, "ResourceDeploymentTimeout",
                       "The resource did not come to an end in %d hours.", WAIT_MAX_S / 3600);
        fail(call, task, &answer);
    } else {
        control_refuse(call, &answer, 409, "ResourceDeploymentFailure",
                       "The resource operation completed with terminal provisioning state '%s'.",
                       state);
        if (error != NULL) {
            control_refuse(call, &answer, 409,
                           error_text(error, "code", "ResourceDeploymentFailure"), "%s",
                           error_text(error, "message", ""));
            answer.details = body_get(error, "details");
        }
        fail(call, task, &answer);
    }
}

static void run_task(void *data, struct arena *arena, struct hasher *hasher)
{
    struct task *task = data;
    struct control_call call = run_call_of(task->run, arena, hasher);
    struct control_answer answer;

    if (call.doc == NULL) {
        drop_task(data);
        return;
    }
    if (task->operation[0] != '\0') {
        look_again(&call, task);
    } else if (jobs_is_closing(control_jobs(task->run->control))) {
        control_refuse(&call, &answer, 503, "ServiceUnavailable", "the server is being stopped");
        fail(&call, task, &answer);
    } else if (run_is_canceled(task->run)) {
        leave(&call, task);
    } else {
        put_resource(&call, task);
    }
}

/* ---- the beginning ---- */

static void set_running(struct control_call *call, const struct run *run)
{
    struct control_answer ignored = {0};
    struct resource record;
    bool is_raced;

    if (resource_load(call, run->request.id, NULL, &record) == ERR_OK) {
        record.state = "Running";
        record.holder = run->id;
        body_set_text(call->doc, resource_properties(call, &record), "provisioningState",
                      "Running");
        (void)resource_keep(call, &record, "", &ignored, &is_raced);
    }
}

void deploy_start(struct control_call *call, struct run *run, const char *operation_id)
{
    bool is_empty;

    snprintf(run->operation, sizeof(run->operation), "%s", operation_id);
    set_running(call, run);
    pthread_mutex_lock(&run->lock);
    begin_ready(run);
    is_empty = run->n_running == 0 && !run->has_ended;
    run->has_ended = run->has_ended || is_empty;
    pthread_mutex_unlock(&run->lock);
    if (is_empty) {
        run_end(call, run);
    } else {
        run_unref(run);
    }
}
