/*
 * run.c - a deployment that runs. Each resource is a job of its own, begun when all that it depends
 * on is there; the job that ends last ends the deployment. No job waits for another: one whose
 * resource takes its time comes again later.
 *
 * What is being made is in the store before it is made. After the first failure nothing is begun
 * any more, and what runs ends (arm-templates section 4).
 */
#include "deploy/run.h"

#include "base/log.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "control/jobs.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    POLL_MS = 250,
    TOGETHER_MAX = 16, /* resources of one deployment at a time */
    WAIT_MAX_S = 2 * 3600,
    RUNS_MAX = 256,
};

/* Those that run, so that they can be canceled. */
static pthread_mutex_t runs_lock = PTHREAD_MUTEX_INITIALIZER;
static struct run *runs;

static void free_run(struct run *run)
{
    struct run **at;

    pthread_mutex_lock(&runs_lock);
    for (at = &runs; *at != NULL && *at != run; at = &(*at)->next) {
    }
    if (*at == run) {
        *at = run->next;
    }
    pthread_mutex_unlock(&runs_lock);
    pthread_mutex_destroy(&run->lock);
    arena_free(run->arena);
    free(run->tasks);
    free(run->failure);
    free(run);
}

static void unref(struct run *run)
{
    bool is_last;

    pthread_mutex_lock(&run->lock);
    is_last = --run->n_references == 0;
    pthread_mutex_unlock(&run->lock);
    if (is_last) {
        free_run(run);
    }
}

bool deploy_cancel(const char *key)
{
    bool is_found = false;

    pthread_mutex_lock(&runs_lock);
    for (struct run *run = runs; run != NULL; run = run->next) {
        if (strcmp(run->request.key, key) == 0) {
            pthread_mutex_lock(&run->lock);
            run->is_canceled = true;
            pthread_mutex_unlock(&run->lock);
            is_found = true;
        }
    }
    pthread_mutex_unlock(&runs_lock);
    return is_found;
}

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

/* Begin all that can be begun. Under the lock. */
static void begin_ready(struct run *run)
{
    bool has_changed = true;

    while (has_changed) {
        has_changed = false;
        for (size_t i = 0; i < run->n && run->n_running < TOGETHER_MAX; i++) {
            struct task *task = &run->tasks[i];
            const struct template_resource *r = template_resource(run->request.template, i);

            if (task->step != STEP_WAITS || run->has_failed || run->is_canceled ||
                !is_ready(run, task)) {
                continue;
            }
            if (r->is_skipped || r->is_existing) {
                task->step = STEP_DONE;
                has_changed = true;
                continue;
            }
            task->began = timestamp_now();
            if (jobs_add(control_jobs(run->control), 0, run_task, drop_task, task) != ERR_OK) {
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
    }
    unref(run);
}

/* The server stops: what is left is told at the next start (deploy_resume). */
static void drop_task(void *data)
{
    struct task *task = data;

    unref(task->run);
}

/* ---- one resource ---- */

static void fail(struct control_call *call, struct task *task, struct control_answer *answer)
{
    const struct template_resource *r = template_resource(task->run->request.template, task->index);
    yyjson_mut_val *error;

    answer->target = r->id;
    error = control_error_value(call, answer);
    run_record(call, task, STEP_FAILED, answer->status, error);
    pthread_mutex_lock(&task->run->lock);
    run_add_failure(call, task->run, error);
    pthread_mutex_unlock(&task->run->lock);
    finish_task(call, task, STEP_FAILED);
}

static void come_again(struct control_call *call, struct task *task)
{
    struct control_answer answer;

    if (jobs_add(control_jobs(task->run->control), POLL_MS, run_task, drop_task, task) != ERR_OK) {
        control_refuse(call, &answer, 503, "ServiceUnavailable",
                       "too much is being done at a time");
        fail(call, task, &answer);
    }
}

static void put_resource(struct control_call *call, struct task *task)
{
    const struct run *run = task->run;
    const struct template_resource *r = template_resource(run->request.template, task->index);
    struct template_fault fault = {0};
    struct trail trail = {0};
    struct control_answer answer = {0};
    yyjson_mut_val *body = NULL;
    err_t err;

    run_record(call, task, STEP_RUNS, 0, NULL);
    err = template_body(run->request.template, task->index, deploy_reference, call, call->arena,
                        call->doc, &trail, &fault, &body);
    if (err) {
        deploy_refuse(call, run->request.name, err, &trail, &fault, &answer);
        fail(call, task, &answer);
        return;
    }
    control_do(call, HTTP_PUT, r->id, r->api_version, body, &answer);
    if (answer.code != NULL) {
        fail(call, task, &answer);
    } else if (answer.operation_id != NULL) {
        snprintf(task->operation, sizeof(task->operation), "%s", answer.operation_id);
        come_again(call, task);
    } else {
        run_record(call, task, STEP_DONE, answer.status, NULL);
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
        run_record(call, task, STEP_DONE, 200, NULL);
        finish_task(call, task, STEP_DONE);
    } else if (strcmp(state, "Running") == 0 && call->now < task->began + WAIT_MAX_S) {
        come_again(call, task);
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
    } else {
        put_resource(&call, task);
    }
}

/* ---- the beginning ---- */

static char *dup(struct arena *arena, const char *text)
{
    return arena_printf(arena, "%s", text == NULL ? "" : text);
}

/* The template anew in an arena of the run's own: what it borrows from must live as long. */
static err_t copy_request(struct control_call *call, const struct deploy_request *request,
                          struct run *run)
{
    struct control_call own = *call;
    struct control_answer ignored = {0};

    own.arena = run->arena;
    own.doc = json_new(run->arena);
    own.body = arena_dup(run->arena, call->body);
    own.caller = &run->caller;
    if (own.doc == NULL || own.body.data == NULL) {
        return ERR_MEMORY;
    }
    if (!deploy_read(&own, span_str(request->name), &run->request, &ignored)) {
        return ERR_INTERNAL; /* it was read a moment ago */
    }
    return ERR_OK;
}

static err_t copy_caller(const struct control_call *call, struct run *run)
{
    run->caller = (struct access_caller){.issuer = dup(run->arena, call->caller->issuer),
                                         .tenant = dup(run->arena, call->caller->tenant),
                                         .object_id = dup(run->arena, call->caller->object_id),
                                         .name = dup(run->arena, call->caller->name),
                                         .client_id = dup(run->arena, call->caller->client_id),
                                         .is_application = call->caller->is_application};
    return run->caller.issuer == NULL || run->caller.tenant == NULL ||
                   run->caller.object_id == NULL || run->caller.name == NULL ||
                   run->caller.client_id == NULL
               ? ERR_MEMORY
               : ERR_OK;
}

static err_t make_run(struct control_call *call, const struct deploy_request *request,
                      const char *operation_id, struct run **ret)
{
    struct run *run = calloc(1, sizeof(*run));
    err_t err;

    if (run == NULL) {
        return ERR_MEMORY;
    }
    pthread_mutex_init(&run->lock, NULL);
    run->control = call->control;
    run->n_references = 1;
    run->began = call->now;
    run->arena = arena_new(TEMPLATE_ARENA_BYTES);
    if (run->arena == NULL) {
        free_run(run);
        return ERR_MEMORY;
    }
    run->correlation = dup(run->arena, call->correlation);
    run->asked_by = dup(run->arena, call->request);
    run->operation = dup(run->arena, operation_id);
    err = run->correlation == NULL || run->asked_by == NULL || run->operation == NULL
              ? ERR_MEMORY
              : copy_caller(call, run);
    err = err ? err : copy_request(call, request, run);
    if (err == ERR_OK) {
        run->n = template_n_resources(run->request.template);
        run->tasks = calloc(run->n + 1, sizeof(*run->tasks));
        err = run->tasks == NULL ? ERR_MEMORY : ERR_OK;
    }
    for (size_t i = 0; err == ERR_OK && i < run->n; i++) {
        run->tasks[i] = (struct task){.run = run, .index = i};
    }
    if (err) {
        free_run(run);
        return err;
    }
    *ret = run;
    return ERR_OK;
}

static void set_running(struct control_call *call, const struct run *run)
{
    struct control_answer ignored = {0};
    struct resource record;
    bool is_raced;

    if (resource_load(call, run->request.id, NULL, &record) == ERR_OK) {
        record.state = "Running";
        body_set_text(call->doc, resource_properties(call, &record), "provisioningState",
                      "Running");
        (void)resource_keep(call, &record, "", &ignored, &is_raced);
    }
}

static bool is_room(void)
{
    size_t n = 0;

    pthread_mutex_lock(&runs_lock);
    for (const struct run *run = runs; run != NULL; run = run->next) {
        n++;
    }
    pthread_mutex_unlock(&runs_lock);
    return n < RUNS_MAX;
}

bool deploy_start(struct control_call *call, const struct deploy_request *request,
                  const char *operation_id, struct control_answer *ret)
{
    struct run *run = NULL;
    bool is_empty;
    err_t err = is_room() ? make_run(call, request, operation_id, &run) : ERR_TOO_MANY;

    if (err) {
        struct control_call own = *call;

        control_refuse(call, ret, err == ERR_TOO_MANY ? 429 : 500,
                       err == ERR_TOO_MANY ? "TooManyRequests" : "InternalServerError",
                       err == ERR_TOO_MANY ? "too many deployments run at the same time; try again"
                                           : "out of memory");
        operation_end(&own, operation_id, "Failed", control_error_value(call, ret));
        return false;
    }
    set_running(call, run);
    pthread_mutex_lock(&runs_lock);
    run->next = runs;
    runs = run;
    pthread_mutex_unlock(&runs_lock);
    pthread_mutex_lock(&run->lock);
    begin_ready(run);
    is_empty = run->n_running == 0 && !run->has_ended;
    run->has_ended = run->has_ended || is_empty;
    pthread_mutex_unlock(&run->lock);
    if (is_empty) {
        run_end(call, run);
    }
    unref(run);
    return true;
}
