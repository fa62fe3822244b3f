/*
 * jobs.h - work that goes on when its request was answered: groups that are deleted, deployments.
 *
 * A few threads and bounded queues. Owners (subscriptions) take turns and none has all threads, so
 * nobody waits for what another one wants done, however long it takes, and ends of groups wait for
 * no deployment. What a job needs at the next start lies in the store: a queue in memory is lost
 * with the process.
 */
#ifndef CONTROL_JOBS_H
#define CONTROL_JOBS_H

#include "base/err.h"
#include "crypto/hash.h"

struct arena;

enum {
    JOBS_THREADS = 4,
    JOBS_ENDS_TOGETHER = JOBS_THREADS - 1,   /* one may take long; steps go on beside them */
    JOBS_OF_ONE_TOGETHER = JOBS_THREADS - 1, /* of one owner; the others' go on beside them */
    JOBS_QUEUED_MAX = 16384,                 /* of each class */
    JOBS_OF_ONE_MAX = 4096,                  /* of these, of one owner */
    JOBS_ARENA_BYTES = 256 * 1024 * 1024,    /* a template of 4 MiB and all that it becomes */
};

struct jobs;

err_t jobs_open(struct jobs **ret) MUST_CHECK;
/* Those that run end first; those that wait are dropped, `drop` is called for them. */
void jobs_close(struct jobs *jobs);
DEFINE_CLEANUP(struct jobs *, jobs_close)
/* Is the end near? Long jobs ask between two steps. */
bool jobs_is_closing(const struct jobs *jobs);

struct control;
/* Those of a control. */
struct jobs *control_jobs(const struct control *control);

typedef void job_run(void *data, struct arena *arena, struct hasher *hasher);

/* What is due of the first class is taken before anything of the next. */
enum job_class {
    JOB_END,  /* of a group */
    JOB_STEP, /* of a deployment */
    JOB_CLASSES,
};

struct job {
    enum job_class class;
    const char *owner; /* whose turn it takes: a subscription, in lower case; copied */
    unsigned delay_ms;
    job_run *run;
    void (*drop)(void *data);
    void *data;
};
/* Once job->run is called, after the delay or somewhat later, or, if it never is, job->drop (free
 * what data holds). ERR_TOO_MANY: of this class, or of this owner. */
err_t jobs_add(struct jobs *jobs, const struct job *job) MUST_CHECK;

#endif
