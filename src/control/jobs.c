#include "control/jobs.h"

#include "base/arena.h"
#include "base/timestamp.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct job {
    struct job *next;
    uint64_t due_us;
    job_run *run;
    void (*drop)(void *data);
    void *data;
};

struct jobs {
    pthread_mutex_t lock; /* of first, last, n; nothing is locked under it */
    pthread_cond_t arrived;
    struct job *first; /* by when they are due */
    size_t n;
    atomic_bool is_closing;
    pthread_t threads[JOBS_THREADS];
    size_t n_threads;
};

/* Until a job comes, or the first one is due. */
static void wait_for_job(struct jobs *jobs)
{
    uint64_t now = timestamp_ticks_us(), wait;
    struct timespec until;

    if (jobs->first == NULL) {
        pthread_cond_wait(&jobs->arrived, &jobs->lock);
        return;
    }
    wait = jobs->first->due_us > now ? jobs->first->due_us - now : 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(wait / 1000000);
    until.tv_nsec += (long)(wait % 1000000) * 1000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&jobs->arrived, &jobs->lock, &until);
}

static struct job *take(struct jobs *jobs)
{
    struct job *job = NULL;

    pthread_mutex_lock(&jobs->lock);
    while (!jobs->is_closing &&
           (jobs->first == NULL || jobs->first->due_us > timestamp_ticks_us())) {
        wait_for_job(jobs);
    }
    if (!jobs->is_closing) {
        job = jobs->first;
        jobs->first = job->next;
        jobs->n--;
    }
    pthread_mutex_unlock(&jobs->lock);
    return job;
}

static void *work(void *context)
{
    struct jobs *jobs = context;
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct job *job;

    while ((job = take(jobs)) != NULL) {
        /* One that is used up is as large as its largest job: each gets its own. */
        CLEANUP(arena_free) struct arena *arena = arena_new(JOBS_ARENA_BYTES);

        if (arena != NULL && hasher != NULL) {
            job->run(job->data, arena, hasher);
        } else {
            job->drop(job->data);
        }
        free(job);
    }
    return NULL;
}

err_t jobs_open(struct jobs **ret)
{
    CLEANUP(jobs_close) struct jobs *jobs = calloc(1, sizeof(*jobs));
    pthread_condattr_t attributes;

    if (jobs == NULL) {
        return ERR_MEMORY;
    }
    pthread_mutex_init(&jobs->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&jobs->arrived, &attributes);
    pthread_condattr_destroy(&attributes);
    while (jobs->n_threads < JOBS_THREADS) {
        if (pthread_create(&jobs->threads[jobs->n_threads], NULL, work, jobs) != 0) {
            return ERR_MEMORY;
        }
        jobs->n_threads++;
    }
    *ret = TAKE(jobs);
    return ERR_OK;
}

void jobs_close(struct jobs *jobs)
{
    if (jobs == NULL) {
        return;
    }
    pthread_mutex_lock(&jobs->lock);
    jobs->is_closing = true;
    pthread_cond_broadcast(&jobs->arrived);
    pthread_mutex_unlock(&jobs->lock);
    for (size_t i = 0; i < jobs->n_threads; i++) {
        pthread_join(jobs->threads[i], NULL);
    }
    while (jobs->first != NULL) {
        struct job *job = jobs->first;

        jobs->first = job->next;
        job->drop(job->data);
        free(job);
    }
    pthread_mutex_destroy(&jobs->lock);
    pthread_cond_destroy(&jobs->arrived);
    free(jobs);
}

bool jobs_is_closing(const struct jobs *jobs)
{
    return jobs->is_closing;
}

err_t jobs_add(struct jobs *jobs, unsigned delay_ms, job_run *run, void (*drop)(void *data),
               void *data)
{
    struct job *job = calloc(1, sizeof(*job)), **at;
    err_t err = ERR_OK;

    if (job == NULL) {
        return ERR_MEMORY;
    }
    *job = (struct job){.run = run,
                        .drop = drop,
                        .data = data,
                        .due_us = timestamp_ticks_us() + (uint64_t)delay_ms * 1000};
    pthread_mutex_lock(&jobs->lock);
    if (jobs->n == JOBS_QUEUED_MAX) {
        err = ERR_TOO_MANY;
    } else {
        for (at = &jobs->first; *at != NULL && (*at)->due_us <= job->due_us; at = &(*at)->next) {
        }
        job->next = *at;
        *at = job;
        jobs->n++;
        pthread_cond_signal(&jobs->arrived);
    }
    pthread_mutex_unlock(&jobs->lock);
    if (err) {
        free(job);
    }
    return err;
}
