/*
 * run.h - inside of the deploy room: a deployment that runs, and what is written about it.
 */
#ifndef DEPLOY_RUN_H
#define DEPLOY_RUN_H

#include "deploy/internal.h"

#include <pthread.h>
#include <stdatomic.h>

enum step { STEP_WAITS, STEP_RUNS, STEP_DONE, STEP_FAILED, STEP_LEFT };

#define DEPLOY_NO_PLACE "TooManyRequests" /* of a refusal that ends when another run does */

/* A note of a refusal that ends when runs do that are not above it. */
#define DEPLOY_NO_MEMORY "limit=deployment-memory"

struct run;
struct task {
    struct run *run;
    size_t index;
    enum step step;
    char operation[64]; /* that it waits for; "" = it has not been PUT yet */
    bool is_told;       /* there is a record of it */
    int64_t began;
};

/* One deployment. Everything but the tasks' steps is immutable once it runs. */
struct run {
    struct run *next;   /* in the list of admit.c, under its lock */
    struct run *parent; /* that it is nested in, kept; NULL: it is the root of its tree */
    unsigned depth;     /* 0 = the root */
    size_t n_tree;      /* of a root: resources of its whole tree; under the list's lock */
    size_t bytes;       /* that its arena may hold */
    struct control *control;
    struct arena *arena; /* of the request; not for jobs */
    struct deploy_request request;
    struct access_caller caller;
    char *key;
    const char *id; /* its own; its record is written only while it holds it (STORE_PART_HOLDER) */
    char *owner;    /* of its jobs: its subscription, in lower case */
    char *correlation;
    char *asked_by; /* id of the request */
    char operation[64];
    int64_t began;
    size_t n;
    atomic_bool is_canceled; /* itself; run_is_canceled asks those above too */
    pthread_mutex_t lock;    /* of all below; nothing but jobs_add is called under it */
    struct task *tasks;
    size_t n_running, n_references;
    bool has_failed, has_ended, is_crowded;
    char *failure; /* JSON array of errors */
    struct deploy_pruning pruning;
};

/* ---- which may run (admit.c) ---- */

void run_unref(struct run *run);
/* Was it canceled, or one that it is nested in? */
bool run_is_canceled(const struct run *run);
/* Is there one of this key? */
bool run_is_there(const char *key);
/* Is there a place at this depth in the subscription of this key? */
bool run_has_place(const char *key, unsigned depth);
/* Of one that this one brings about; parent NULL = a client does. */
unsigned run_depth_below(const struct run *parent);
/* Resources so far of the tree that it is in; NULL: 0. */
size_t run_tree_size(struct run *run);
/* 400: too many of them. */
void deploy_refuse_tree(struct control_call *call, struct control_answer *ret);

/* ---- what is written about it (run-record.c) ---- */

/* A call of our own in the name of who deployed. */
struct control_call run_call_of(struct run *run, struct arena *arena, struct hasher *hasher);
/* What became of one resource (arm-templates section 7). status: of its PUT; error NULL = none.
 * False: the subscription is full, and what is not told must not be done. Once there is a record of
 * a resource, there is room for more about it. */
bool run_record(struct control_call *call, const struct task *task, enum step step, unsigned status,
                yyjson_mut_val *error);
/* One more of the errors that the deployment shows. Under the lock, or when nothing runs. */
void run_add_failure(struct control_call *call, struct run *run, yyjson_mut_val *error);

/* ---- its end (run-end.c) ---- */

/* Nothing runs any more. Takes a reference over: leftovers, outputs and how it ended come in a job.
 */
void run_end(struct control_call *call, struct run *run);

#endif
