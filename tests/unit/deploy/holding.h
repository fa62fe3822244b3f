/*
 * holding.h - for tests of what happens while jobs wait.
 */
#ifndef TESTS_DEPLOY_HOLDING_H
#define TESTS_DEPLOY_HOLDING_H

#include "unit/kinds/vms.h"

#include "control/jobs.h"

#include <semaphore.h>

static sem_t held, gate;

static inline void hold(void *data, struct arena *arena, struct hasher *hasher)
{
    (void)data;
    (void)arena;
    (void)hasher;
    sem_post(&held);
    sem_wait(&gate);
}

static inline void nothing(void *data)
{
    (void)data;
}

/* No deployment gets any further. */
static inline void hold_all(void)
{
    struct job job = {.class = JOB_STEP, .run = hold, .drop = nothing};

    assert_int_equal(sem_init(&held, 0, 0), 0);
    assert_int_equal(sem_init(&gate, 0, 0), 0);
    for (int i = 0; i < JOBS_THREADS; i++) {
        job.owner = i < JOBS_OF_ONE_TOGETHER ? "test" : "another"; /* one has not all of them */
        assert_ok(jobs_add(control_jobs(m.control), &job));
    }
    for (int i = 0; i < JOBS_THREADS; i++) {
        sem_wait(&held);
    }
}

static inline void let_go(void)
{
    for (int i = 0; i < JOBS_THREADS; i++) {
        sem_post(&gate);
    }
}

#endif
