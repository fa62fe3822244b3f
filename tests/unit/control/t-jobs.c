/* Jobs: each runs once or is dropped, owners take turns, and ends of groups wait for nobody. */
#include "unit/control/manager.h"

#include "control/jobs.h"

#include <semaphore.h>
#include <stdatomic.h>

static atomic_uint n_run, n_dropped;

static void count_run(void *data, struct arena *arena, struct hasher *hasher)
{
    assert_non_null(arena);
    assert_non_null(hasher);
    (*(atomic_uint *)data)++;
}

static void count_drop(void *data)
{
    (void)data;
    n_dropped++;
}

static void wait_for(const atomic_uint *count, unsigned n)
{
    for (int i = 0; i < WAIT_STEPS && *count < n; i++) {
        pause_ms(1);
    }
    assert_int_equal(*count, n);
}

static void they_run_once_or_are_dropped_and_their_number_is_bounded(void **state)
{
    struct jobs *jobs = NULL;
    struct job job = {
        .class = JOB_STEP, .owner = "a", .run = count_run, .drop = count_drop, .data = &n_run};
    err_t err = ERR_OK;
    unsigned n = 0;

    (void)state;
    n_run = n_dropped = 0;
    arena_free(test_arena()); /* crypto_init has run */
    assert_ok(jobs_open(&jobs));
    for (unsigned i = 0; i < 100; i++) {
        job.delay_ms = i % 3;
        assert_ok(jobs_add(jobs, &job));
    }
    wait_for(&n_run, 100);
    job.delay_ms = 3600 * 1000;
    while ((err = jobs_add(jobs, &job)) == ERR_OK) {
        n++;
    }
    assert_err(err, ERR_TOO_MANY);
    assert_int_equal(n, JOBS_OF_ONE_MAX);
    job.owner = "b"; /* one owner's are not all, nor is one class */
    assert_ok(jobs_add(jobs, &job));
    job.owner = "a";
    job.class = JOB_END;
    assert_ok(jobs_add(jobs, &job));
    assert_false(jobs_is_closing(jobs));
    jobs_close(jobs); /* nobody waits an hour */
    assert_int_equal(n_run, 100);
    assert_int_equal(n_dropped, JOBS_OF_ONE_MAX + 2);
}

/* ---- whose turn it is ---- */

static sem_t gate;
static atomic_uint n_held, n_told;
static char told[64];

/* Holds its thread. */
static void hold(void *data, struct arena *arena, struct hasher *hasher)
{
    (void)data;
    (void)arena;
    (void)hasher;
    n_held++;
    sem_wait(&gate);
}

/* Says its letter. With one thread that is free the order is that of the turns. */
static void tell(void *data, struct arena *arena, struct hasher *hasher)
{
    (void)arena;
    (void)hasher;
    told[n_told] = *(const char *)data;
    n_told++;
}

static void add(struct jobs *jobs, enum job_class class, char owner, job_run *run)
{
    static char names[128][2];
    char *name = names[(unsigned char)owner];
    const struct job job = {
        .class = class, .owner = name, .run = run, .drop = count_drop, .data = name};

    name[0] = owner;
    assert_ok(jobs_add(jobs, &job));
}

static void owners_take_turns_and_ends_come_first(void **state)
{
    struct jobs *jobs = NULL;

    (void)state;
    n_held = n_told = 0;
    memset(told, 0, sizeof(told));
    assert_int_equal(sem_init(&gate, 0, 0), 0);
    arena_free(test_arena());
    assert_ok(jobs_open(&jobs));
    for (unsigned i = 0; i < JOBS_THREADS; i++) {
        add(jobs, JOB_STEP, i == 0 ? 'y' : 'z', hold);
    }
    wait_for(&n_held, JOBS_THREADS);
    for (int i = 0; i < 10; i++) {
        add(jobs, JOB_STEP, 'a', tell);
    }
    add(jobs, JOB_STEP, 'b', tell);
    add(jobs, JOB_STEP, 'b', tell);
    add(jobs, JOB_STEP, 'c', tell);
    add(jobs, JOB_END, 'e', tell);
    sem_post(&gate); /* one thread for them all */
    wait_for(&n_told, 14);
    assert_string_equal(told, "eabcabaaaaaaaa");
    for (unsigned i = 1; i < JOBS_THREADS; i++) {
        sem_post(&gate);
    }
    jobs_close(jobs);
    sem_destroy(&gate);
}

static void ends_that_take_long_leave_a_thread_for_steps(void **state)
{
    struct jobs *jobs = NULL;

    (void)state;
    n_held = n_told = 0;
    assert_int_equal(sem_init(&gate, 0, 0), 0);
    arena_free(test_arena());
    assert_ok(jobs_open(&jobs));
    for (unsigned i = 0; i < JOBS_THREADS + 1; i++) {
        add(jobs, JOB_END, 'e', hold);
    }
    add(jobs, JOB_STEP, 'a', tell);
    wait_for(&n_told, 1);
    wait_for(&n_held, JOBS_ENDS_TOGETHER);
    for (unsigned i = 0; i < JOBS_THREADS + 1; i++) {
        sem_post(&gate);
    }
    wait_for(&n_held, JOBS_THREADS + 1); /* those that had to wait came too */
    jobs_close(jobs);
    sem_destroy(&gate);
}

/* Steps and an end of one owner, more than there are threads. */
static void one_owner_leaves_a_thread_to_others(void **state)
{
    struct jobs *jobs = NULL;

    (void)state;
    n_held = n_told = 0;
    memset(told, 0, sizeof(told));
    assert_int_equal(sem_init(&gate, 0, 0), 0);
    arena_free(test_arena());
    assert_ok(jobs_open(&jobs));
    add(jobs, JOB_END, 'z', hold);
    for (unsigned i = 0; i < 2 * JOBS_THREADS; i++) {
        add(jobs, JOB_STEP, 'z', hold);
    }
    wait_for(&n_held, JOBS_OF_ONE_TOGETHER);
    for (int i = 0; i < 3; i++) {
        add(jobs, JOB_STEP, 'a', tell);
    }
    wait_for(&n_told, 3);
    assert_string_equal(told, "aaa");
    assert_int_equal(n_held, JOBS_OF_ONE_TOGETHER);
    for (unsigned i = 0; i < 2 * JOBS_THREADS + 1; i++) {
        sem_post(&gate);
    }
    wait_for(&n_held, 2 * JOBS_THREADS + 1); /* those that had to wait came too */
    jobs_close(jobs);
    sem_destroy(&gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_run_once_or_are_dropped_and_their_number_is_bounded),
        cmocka_unit_test(owners_take_turns_and_ends_come_first),
        cmocka_unit_test(ends_that_take_long_leave_a_thread_for_steps),
        cmocka_unit_test(one_owner_leaves_a_thread_to_others),
    };

    return RUN_TESTS(tests);
}
