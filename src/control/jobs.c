#include "control/jobs.h"

#include "base/arena.h"
#include "base/timestamp.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct waiting {
    struct waiting *next;
    uint64_t due_us;
    struct job job; /* with the owner below */
    char owner[];
};

/* All that waits of one owner; there is none without. */
struct lane {
    struct lane *next;
    struct waiting *first; /* by when they are due */
    size_t n;
    char owner[];
};

struct queue {
    struct lane *lanes; /* the first is next to be served */
    size_t n;           /* that wait, of all */
    unsigned n_running;
};

struct jobs {
    pthread_mutex_t lock; /* of queues; nothing is locked under it */
    pthread_cond_t arrived;
    struct queue queues[JOB_CLASSES];
    const char *running[JOBS_THREADS]; /* whose job each thread has; NULL: none */
    atomic_bool is_closing;
    pthread_t threads[JOBS_THREADS];
    size_t n_threads;
};

/* ---- queues; under the lock ---- */

static bool may_run(const struct jobs *jobs, enum job_class class)
{
    return class != JOB_END || jobs->queues[class].n_running < JOBS_ENDS_TOGETHER;
}

static bool may_run_for(const struct jobs *jobs, const char *owner)
{
    unsigned n = 0;

    for (size_t i = 0; i < JOBS_THREADS; i++) {
        n += jobs->running[i] != NULL && strcmp(jobs->running[i], owner) == 0;
    }
    return n < JOBS_OF_ONE_TOGETHER;
}

static void note_running(struct jobs *jobs, const char *before, const char *after)
{
    size_t i = 0;

    while (jobs->running[i] != before) {
        i++;
    }
    jobs->running[i] = after;
}

/* The first job of the lane at *at, which goes behind the others, or away when it is empty. */
static struct waiting *serve(struct queue *queue, struct lane **at)
{
    struct lane *lane = *at, **end;
    struct waiting *waiting = lane->first;

    lane->first = waiting->next;
    lane->n--;
    queue->n--;
    queue->n_running++;
    *at = lane->next;
    if (lane->first == NULL) {
        free(lane);
        return waiting;
    }
    for (end = &queue->lanes; *end != NULL; end = &(*end)->next) {
    }
    lane->next = NULL;
    *end = lane;
    return waiting;
}

/* NULL: nothing is due before *ret_due_us (UINT64_MAX: nothing waits that may run). */
static struct waiting *take_due(struct jobs *jobs, uint64_t *ret_due_us)
{
    uint64_t now = timestamp_ticks_us();

    *ret_due_us = UINT64_MAX;
    for (enum job_class class = 0; class < JOB_CLASSES; class ++) {
        struct queue *queue = &jobs->queues[class];

        for (struct lane **at = &queue->lanes; may_run(jobs, class) && *at != NULL;
             at = &(*at)->next) {
            uint64_t due = (*at)->first->due_us;

            if (!may_run_for(jobs, (*at)->owner)) {
                continue; /* who ends one of them looks again */
            }
            if (due <= now) {
                struct waiting *waiting = serve(queue, at);

                note_running(jobs, NULL, waiting->owner);
                return waiting;
            }
            *ret_due_us = due < *ret_due_us ? due : *ret_due_us;
        }
    }
    return NULL;
}

static void wait_until(struct jobs *jobs, uint64_t due_us)
{
    uint64_t now = timestamp_ticks_us(), wait = due_us > now ? due_us - now : 0;
    struct timespec until;

    if (due_us == UINT64_MAX) {
        pthread_cond_wait(&jobs->arrived, &jobs->lock);
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(wait / 1000000);
    until.tv_nsec += (long)(wait % 1000000) * 1000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&jobs->arrived, &jobs->lock, &until);
}

/* ---- threads ---- */

/* NULL: it is over. */
static struct waiting *take(struct jobs *jobs)
{
    struct waiting *waiting = NULL;
    uint64_t due_us;

    pthread_mutex_lock(&jobs->lock);
    while (!jobs->is_closing && (waiting = take_due(jobs, &due_us)) == NULL) {
        wait_until(jobs, due_us);
    }
    pthread_mutex_unlock(&jobs->lock);
    return waiting;
}

static void leave(struct jobs *jobs, const struct waiting *waiting)
{
    pthread_mutex_lock(&jobs->lock);
    jobs->queues[waiting->job.class].n_running--;
    note_running(jobs, waiting->owner, NULL);
    pthread_cond_signal(&jobs->arrived); /* one of its class may have waited for that */
    pthread_mutex_unlock(&jobs->lock);
}

static void *work(void *context)
{
    struct jobs *jobs = context;
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct waiting *waiting;

    while ((waiting = take(jobs)) != NULL) {
        const struct job *job = &waiting->job;
        /* One that is used up is as large as its largest job: each gets its own. */
        CLEANUP(arena_free) struct arena *arena = arena_new(JOBS_ARENA_BYTES);

        if (arena != NULL && hasher != NULL) {
            job->run(job->data, arena, hasher);
        } else {
            job->drop(job->data);
        }
        leave(jobs, waiting);
        free(waiting);
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

static void drop_lane(struct lane *lane)
{
    while (lane->first != NULL) {
        struct waiting *waiting = lane->first;

        lane->first = waiting->next;
        waiting->job.drop(waiting->job.data);
        free(waiting);
    }
    free(lane);
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
    for (enum job_class class = 0; class < JOB_CLASSES; class ++) {
        while (jobs->queues[class].lanes != NULL) {
            struct lane *lane = jobs->queues[class].lanes;

            jobs->queues[class].lanes = lane->next;
            drop_lane(lane);
        }
    }
    pthread_mutex_destroy(&jobs->lock);
    pthread_cond_destroy(&jobs->arrived);
    free(jobs);
}

bool jobs_is_closing(const struct jobs *jobs)
{
    return jobs->is_closing;
}

/* That of the owner; when there is none, a new one behind the others. Under the lock. */
static struct lane *find_lane(struct queue *queue, const char *owner)
{
    struct lane **at = &queue->lanes;
    size_t size = strlen(owner) + 1;

    while (*at != NULL && strcmp((*at)->owner, owner) != 0) {
        at = &(*at)->next;
    }
    if (*at == NULL) {
        *at = calloc(1, sizeof(**at) + size);
        if (*at != NULL) {
            memcpy((*at)->owner, owner, size);
        }
    }
    return *at;
}

static err_t insert(struct queue *queue, struct waiting *waiting)
{
    struct lane *lane;
    struct waiting **at;

    if (queue->n == JOBS_QUEUED_MAX) {
        return ERR_TOO_MANY;
    }
    lane = find_lane(queue, waiting->job.owner);
    if (lane == NULL) {
        return ERR_MEMORY;
    }
    if (lane->n == JOBS_OF_ONE_MAX) {
        return ERR_TOO_MANY;
    }
    for (at = &lane->first; *at != NULL && (*at)->due_us <= waiting->due_us; at = &(*at)->next) {
    }
    waiting->next = *at;
    *at = waiting;
    lane->n++;
    queue->n++;
    return ERR_OK;
}

err_t jobs_add(struct jobs *jobs, const struct job *job)
{
    size_t size = strlen(job->owner) + 1;
    struct waiting *waiting = calloc(1, sizeof(*waiting) + size);
    err_t err;

    if (waiting == NULL) {
        return ERR_MEMORY;
    }
    waiting->job = *job;
    waiting->job.owner = memcpy(waiting->owner, job->owner, size);
    waiting->due_us = timestamp_ticks_us() + (uint64_t)job->delay_ms * 1000;
    pthread_mutex_lock(&jobs->lock);
    err = insert(&jobs->queues[job->class], waiting);
    if (err == ERR_OK) {
        pthread_cond_signal(&jobs->arrived);
    }
    pthread_mutex_unlock(&jobs->lock);
    if (err) {
        free(waiting);
    }
    return err;
}
