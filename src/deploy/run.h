/*
 * run.h - inside of the deploy room: a deployment that runs, and what is written about it.
 */
#ifndef DEPLOY_RUN_H
#define DEPLOY_RUN_H

#include "deploy/internal.h"

#include <pthread.h>

enum step { STEP_WAITS, STEP_RUNS, STEP_DONE, STEP_FAILED, STEP_LEFT };

struct run;
struct task {
    struct run *run;
    size_t index;
    enum step step;
    char operation[64]; /* that it waits for; "" = it has not been PUT yet */
    int64_t began;
};

/* One deployment. Everything but the tasks' steps is immutable once it runs. */
struct run {
    struct run *next; /* in the list of those that run */
    struct control *control;
    struct arena *arena; /* of the request; not for jobs */
    struct deploy_request request;
    struct access_caller caller;
    char *correlation, *asked_by, *operation; /* asked_by: id of the request */
    int64_t began;
    size_t n;
    pthread_mutex_t lock; /* of all below; nothing but jobs_add is called under it */
    struct task *tasks;
    size_t n_running, n_references;
    bool has_failed, is_canceled, has_ended, is_crowded;
    char *failure; /* JSON array of errors */
};

/* A call of our own in the name of who deployed. */
struct control_call run_call_of(const struct run *run, struct arena *arena, struct hasher *hasher);
/* What became of one resource (arm-templates section 7). status: of its PUT; error NULL = none. */
void run_record(struct control_call *call, const struct task *task, enum step step, unsigned status,
                yyjson_mut_val *error);
/* One more of the errors that the deployment shows. Under the lock, or when nothing runs. */
void run_add_failure(struct control_call *call, struct run *run, yyjson_mut_val *error);
/* Nothing runs any more: leftovers, outputs, and how it ended. */
void run_end(struct control_call *call, struct run *run);

#endif
