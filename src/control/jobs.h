/*
 * jobs.h - work that goes on when its request was answered: groups that are deleted, deployments.
 *
 * A few threads and a bounded queue. What a job needs at the next start lies in the store: a queue
 * in memory is lost with the process.
 */
#ifndef CONTROL_JOBS_H
#define CONTROL_JOBS_H

#include "base/err.h"
#include "crypto/hash.h"

struct arena;

enum {
    JOBS_THREADS = 4,
    JOBS_QUEUED_MAX = 1024,
    JOBS_ARENA_BYTES = 256 * 1024 * 1024, /* a template of 4 MiB and all that it becomes */
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
/* Once run is called, in delay_ms or somewhat later, or, if it never is, drop (free what data
 * holds). ERR_TOO_MANY. */
err_t jobs_add(struct jobs *jobs, unsigned delay_ms, job_run *run, void (*drop)(void *data),
               void *data) MUST_CHECK;

#endif
