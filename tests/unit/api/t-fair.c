/* Who may have a worker while slow requests hold others; the clock is made. */
#include "support/support.h"

#include "api/fair.h"

#include <pthread.h>
#include <stdatomic.h>

enum { WORKERS = 4, MS = 1000, S = 1000 * MS };

static unsigned begin(struct fair *fair, const char *owner, uint64_t now)
{
    unsigned place = 0;

    assert_true(fair_begin(fair, WORKERS, owner, now, &place));
    return place;
}

static void refused(struct fair *fair, const char *owner, uint64_t now)
{
    unsigned place;

    assert_false(fair_begin(fair, WORKERS, owner, now, &place));
}

/* One request of this length, alone. */
static uint64_t run(struct fair *fair, const char *owner, uint64_t now, uint64_t length)
{
    fair_end(fair, begin(fair, owner, now), now + length);
    return now + length;
}

static void quick_requests_are_never_refused(void **state)
{
    CLEANUP(fair_free) struct fair *fair = fair_new();
    uint64_t now = 1;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        unsigned places[WORKERS];

        for (size_t k = 0; k < WORKERS; k++) {
            places[k] = begin(fair, "a", now);
        }
        now += FAIR_SLOW_US - 1;
        for (size_t k = 0; k < WORKERS; k++) {
            fair_end(fair, places[k], now);
        }
    }
}

static void slow_ones_of_one_owner_hold_half(void **state)
{
    CLEANUP(fair_free) struct fair *fair = fair_new();
    unsigned first = begin(fair, "a", 0), second = begin(fair, "a", 0);

    (void)state;
    fair_end(fair, begin(fair, "a", FAIR_SLOW_US - 1), FAIR_SLOW_US - 1); /* none is slow yet */
    refused(fair, "a", FAIR_SLOW_US);
    fair_end(fair, begin(fair, "b", FAIR_SLOW_US), FAIR_SLOW_US);
    fair_end(fair, first, 200 * MS);
    first = begin(fair, "a", 200 * MS);
    fair_end(fair, first, 201 * MS);
    fair_end(fair, second, 202 * MS);
}

/* All of them began before one was slow: that goes once, not again when they have ended. */
static void who_was_slow_is_watched_until_that_has_faded(void **state)
{
    CLEANUP(fair_free) struct fair *fair = fair_new();
    unsigned places[WORKERS];
    uint64_t now = S, due;

    (void)state;
    for (size_t k = 0; k < WORKERS; k++) {
        places[k] = begin(fair, "a", now);
    }
    now += S;
    for (size_t k = 0; k < WORKERS; k++) {
        fair_end(fair, places[k], now);
    }
    places[0] = begin(fair, "a", now);
    places[1] = begin(fair, "a", now);
    refused(fair, "a", now);
    fair_end(fair, places[0], now + MS);
    fair_end(fair, begin(fair, "a", now + MS), now + MS); /* one ended */
    fair_end(fair, places[1], now + MS);
    due = now + (uint64_t)FAIR_FADE * (WORKERS * S - FAIR_DEBT_US);
    for (; now < due + S; now += S) {
        places[0] = begin(fair, "a", now);
        places[1] = begin(fair, "a", now);
        if (now <= due) {
            refused(fair, "a", now);
        } else {
            fair_end(fair, begin(fair, "a", now), now);
        }
        fair_end(fair, places[0], now);
        fair_end(fair, places[1], now);
    }
}

static void those_of_all_owners_leave_one_worker(void **state)
{
    CLEANUP(fair_free) struct fair *fair = fair_new();
    uint64_t now = run(fair, "a", 0, 10 * S);

    (void)state;
    now = run(fair, "b", now, 10 * S);
    (void)begin(fair, "a", now);
    (void)begin(fair, "a", now);
    (void)begin(fair, "b", now);
    refused(fair, "b", now);
    fair_end(fair, begin(fair, "c", now), now + MS); /* whom nobody knows to be slow */
}

static void one_worker_alone_serves_everybody(void **state)
{
    CLEANUP(fair_free) struct fair *fair = fair_new();
    unsigned place;

    (void)state;
    for (uint64_t now = 0; now < 100 * (uint64_t)S; now += 10 * (uint64_t)S) {
        assert_true(fair_begin(fair, 1, "a", now, &place));
        fair_end(fair, place, now + 10 * (uint64_t)S);
    }
}

/* However many come: who owes stays remembered. */
static void owners_are_bounded_and_those_who_owe_least_are_forgotten(void **state)
{
    CLEANUP(fair_free) struct fair *fair = fair_new();
    uint64_t now = run(fair, "a", 0, 60 * (uint64_t)S);
    char name[2 * FAIR_OWNER_MAX];
    unsigned held;

    (void)state;
    for (int i = 0; i < 3 * FAIR_OWNERS; i++) {
        snprintf(name, sizeof(name), "%0*d", i % 2 == 0 ? 10 : FAIR_OWNER_MAX + 10, i);
        fair_end(fair, begin(fair, name, now), now + FAIR_SLOW_US);
    }
    held = begin(fair, "a", now);
    (void)begin(fair, "a", now);
    refused(fair, "a", now);
    fair_end(fair, held, now);
}

struct hammer {
    struct fair *fair;
    const char *owner;
    atomic_uint *n_in_work;
};

static void *hammer(void *context)
{
    const struct hammer *h = context;

    for (uint64_t i = 0; i < 2000; i++) {
        unsigned place;

        if (fair_begin(h->fair, WORKERS, h->owner, i, &place)) {
            assert_true(atomic_fetch_add(h->n_in_work, 1) < WORKERS / 2);
            atomic_fetch_sub(h->n_in_work, 1);
            fair_end(h->fair, place, i);
        }
    }
    return NULL;
}

/* Both have been slow: however their threads meet, each has two workers at most. */
static void threads_meet(void **state)
{
    static const char *const owners[] = {"a", "b"};
    CLEANUP(fair_free) struct fair *fair = fair_new();
    atomic_uint n_in_work[ARRAY_LEN(owners)] = {0};
    struct hammer hammers[2 * WORKERS];
    pthread_t threads[2 * WORKERS];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(owners); i++) {
        (void)run(fair, owners[i], 0, 60 * (uint64_t)S);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        hammers[i] = (struct hammer){fair, owners[i % 2], &n_in_work[i % 2]};
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, &hammers[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quick_requests_are_never_refused),
        cmocka_unit_test(slow_ones_of_one_owner_hold_half),
        cmocka_unit_test(who_was_slow_is_watched_until_that_has_faded),
        cmocka_unit_test(those_of_all_owners_leave_one_worker),
        cmocka_unit_test(one_worker_alone_serves_everybody),
        cmocka_unit_test(owners_are_bounded_and_those_who_owe_least_are_forgotten),
        cmocka_unit_test(threads_meet),
    };

    return RUN_TESTS(tests);
}
