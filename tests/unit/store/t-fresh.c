/*
 * What shows that a proof is fresh: challenges that are used once, clocks that go forward, evidence
 * that was not there before.
 */
#include "unit/store/folder.h"

#include <pthread.h>

/* ---- once ---- */

struct racer {
    struct store *store;
    int wins;
};

static void *race(void *context)
{
    struct racer *racer = context;

    for (uint32_t i = 0; i < 50; i++) {
        struct store_attestation a = attestation_of("ak");
        struct store_recorded recorded = {.outcome = STORE_CHALLENGE_USED};

        a.challenge_id = span_of(&i, sizeof(i));
        a.challenge_expires = NOW + 10;
        if (store_attestation_record(racer->store, &a, NULL, &recorded) == ERR_OK) {
            racer->wins += recorded.outcome == STORE_RECORDED;
        }
    }
    return NULL;
}

/* concurrent double use. */
static void lets_one_of_many_use_a_challenge(void **state)
{
    struct arena *arena = test_arena();
    struct store *store = open_store();
    struct racer racers[4] = {{0}};
    pthread_t threads[4];
    struct store_attestation *rows;
    size_t n;
    int wins = 0;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        racers[i].store = store;
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        wins += racers[i].wins;
    }
    assert_int_equal(wins, 50);
    assert_ok(store_attestations(store, arena, NULL, 1000, NULL, &rows, &n));
    assert_int_equal(n, 50);
    store_close(store);
    arena_free(arena);
}

static void forgets_used_things_when_they_have_expired(void **state)
{
    struct store *store = open_store();
    bool is_first = false;

    (void)state;
    assert_ok(store_use_once(store, span_str("a"), NOW + 10, NULL, &is_first));
    assert_true(is_first);
    assert_ok(store_sweep(store, NOW + 10, NULL));
    assert_ok(store_use_once(store, span_str("a"), NOW + 10, NULL, &is_first));
    assert_false(is_first);
    assert_ok(store_sweep(store, NOW + 11, NULL));
    assert_ok(store_was_used(store, span_str("a"), NULL, &is_first));
    assert_false(is_first);
    assert_err(store_use_once(store, span_str(""), NOW, NULL, &is_first), ERR_VALUE);
    store_close(store);
}

/* ---- clocks ---- */

/* only forward, counters modulo 2^32, only for proofs that hold. */
static void moves_clocks_only_forward(void **state)
{
    static const struct {
        struct tpm_clock clock;
        bool advances, moves;
    } steps[] = {
        {{5, 1, 1000}, true, true},
        {{5, 1, 999}, true, false},
        {{5, 1, 1001}, true, true},
        {{4, 9, 9999}, true, false},
        {{5, 2, 9}, false, false},
        {{5, 2, 9}, true, false}, /* shown by a refused one before: perhaps a copy of it */
        {{5, 2, 10}, true, true},
        {{5, 1, 9999}, true, false},
        {{6, 0, 1}, true, true},
        {{7, 0, 1}, false, false},
        {{6 + 0x80000000u, 0, 1}, true, false}, /* impossible */
        {{0x00ffffff, 0, 1}, true, true},
        {{0xfffffffe, 0, 1}, true, false},
    };
    struct store *store = open_store();
    struct tpm_clock now = {0}, got;

    (void)state;
    assert_err(store_clock_get(store, span_str("ak"), NULL, &got), ERR_NOT_FOUND);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct store_attestation a = attestation_of("ak");
        struct store_recorded recorded;

        a.has_clock = true;
        a.clock = steps[i].clock;
        a.advances_clock = steps[i].advances;
        a.verdict = steps[i].advances ? "healthy" : "not-verified";
        now = steps[i].moves ? steps[i].clock : now;
        assert_ok(store_attestation_record(store, &a, NULL, &recorded));
        assert_ok(store_clock_get(store, span_str("ak"), NULL, &got));
        if (got.reset_count != now.reset_count || got.restart_count != now.restart_count ||
            got.clock_ms != now.clock_ms) {
            fail_msg("step %zu", i);
        }
    }
    store_close(store);
}

/* a constant of the key may have put the counters just before the end of 32 bits. */
static void moves_clocks_around_the_end_of_32_bits(void **state)
{
    static const struct {
        uint32_t reset_count;
        uint32_t want;
    } steps[] = {{0xfffffffe, 0xfffffffe}, {0xffffffff, 0xffffffff}, {1, 1}, {0xffffffff, 1}};
    struct store *store = open_store();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct store_attestation a = attestation_of("ak");
        struct store_recorded recorded;
        struct tpm_clock got;

        a.has_clock = a.advances_clock = true;
        a.clock = (struct tpm_clock){steps[i].reset_count, 0, 1000 - i};
        assert_ok(store_attestation_record(store, &a, NULL, &recorded));
        assert_ok(store_clock_get(store, span_str("ak"), NULL, &got));
        assert_int_equal(got.reset_count, steps[i].want);
    }
    store_close(store);
}

/* ---- evidence ---- */

/* the same evidence again is counted where it was recorded first, is no sign of life,
 * and costs no row. */
static void counts_evidence_that_is_repeated(void **state)
{
    struct arena *arena = test_arena();
    struct store *store = open_store();
    struct store_machine m = machine_of(1, 1, "web"), got;
    struct store_attestation a = proof_of("ak", m.id, NOW, 1000), other, *rows;
    size_t n;

    (void)state;
    assert_ok(store_machine_activate(store, &m, NULL, &got));
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_CLOCK);
    for (int i = 1; i <= 3; i++) {
        a.time = NOW + 100 * i;
        expect_recorded(store, &a, STORE_REPEATED, STORE_FRESHNESS_NONE);
    }
    a.time = NOW + 50; /* the clock of a request that waited */
    expect_recorded(store, &a, STORE_REPEATED, STORE_FRESHNESS_NONE);
    /* Another verdict, another machine or another key is another record. */
    other = a;
    other.verdict = "not-verified";
    other.advances_clock = false;
    expect_recorded(store, &other, STORE_RECORDED, STORE_FRESHNESS_NONE);
    other = a;
    other.machine_id = NULL;
    expect_recorded(store, &other, STORE_RECORDED, STORE_FRESHNESS_NONE);
    other = a;
    other.ak_name = span_str("another");
    expect_recorded(store, &other, STORE_RECORDED, STORE_FRESHNESS_CLOCK);

    assert_ok(store_sweep(store, NOW, NULL)); /* behind what is queued */
    assert_ok(store_attestations(store, arena, NULL, 10, NULL, &rows, &n));
    assert_int_equal(n, 4);
    assert_int_equal(rows[3].repeats, 4);
    assert_int_equal(rows[3].last_repeat, NOW + 300);
    assert_int_equal(rows[3].freshness, STORE_FRESHNESS_CLOCK);
    assert_int_equal(rows[2].repeats, 0);
    assert_int_equal(rows[2].freshness, STORE_FRESHNESS_NONE);
    store_close(store);
    arena_free(arena);
}

static void moves_last_seen_only_for_fresh_proofs(void **state)
{
    struct store *store = open_store();
    struct store_machine m = machine_of(1, 1, "web"), got;
    struct store_attestation a;

    (void)state;
    assert_ok(store_machine_activate(store, &m, NULL, &got));
    a = proof_of("ak", m.id, NOW, 1000);
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_CLOCK);
    assert_int_equal(last_seen(store, m.id), NOW);
    /* The same quote in another wrapping, and one that was overtaken. */
    a = proof_of("ak", m.id, NOW + 10, 1000);
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_NONE);
    a = proof_of("ak", m.id, NOW + 20, 999);
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_NONE);
    /* A later clock; that the proof fails makes it no copy. */
    a = proof_of("ak", m.id, NOW + 30, 2000);
    a.verdict = "not-verified";
    a.advances_clock = false;
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_CLOCK);
    assert_int_equal(last_seen(store, m.id), NOW + 30);
    /* Used up is not answered. */
    a = proof_of("ak", m.id, NOW + 35, 999);
    a.challenge_id = span_str("not answered");
    a.challenge_expires = NOW + 300;
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_NONE);
    assert_int_equal(last_seen(store, m.id), NOW + 30);
    /* An unused challenge is fresh whatever the clock says. */
    a = proof_of("ak", m.id, NOW + 40, 999);
    a.challenge_id = span_str("one");
    a.challenge_expires = NOW + 300;
    a.answers_challenge = true;
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_CHALLENGE);
    assert_int_equal(last_seen(store, m.id), NOW + 40);
    expect_recorded(store, &a, STORE_CHALLENGE_USED, STORE_FRESHNESS_NONE);
    a = proof_of("ak", m.id, NOW + 50, 2001);
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_CLOCK);
    assert_int_equal(last_seen(store, m.id), NOW + 50);
    store_close(store);
}

struct repeater {
    struct store *store;
    struct store_attestation a;
    int fresh;
};

static void *repeat_in_a_thread(void *context)
{
    struct repeater *r = context;

    for (int i = 0; i < 20; i++) {
        struct store_recorded recorded = {0};

        if (store_attestation_record(r->store, &r->a, NULL, &recorded) == ERR_OK) {
            r->fresh += recorded.freshness == STORE_FRESHNESS_CLOCK;
        }
    }
    return NULL;
}

static void takes_one_of_many_equal_proofs_for_fresh(void **state)
{
    struct arena *arena = test_arena();
    struct store *store = open_store();
    struct repeater repeaters[4];
    pthread_t threads[4];
    struct store_attestation a = proof_of("ak", NULL, NOW, 1000), *rows;
    size_t n;
    int fresh = 0;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        repeaters[i] = (struct repeater){store, a, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, repeat_in_a_thread, &repeaters[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        fresh += repeaters[i].fresh;
    }
    assert_int_equal(fresh, 1);
    assert_ok(store_sweep(store, NOW, NULL));
    assert_ok(store_attestations(store, arena, NULL, 100, NULL, &rows, &n));
    assert_int_equal(n, 1);
    assert_int_equal(rows[0].repeats, 79);
    store_close(store);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(lets_one_of_many_use_a_challenge),
        WITH_FOLDER(forgets_used_things_when_they_have_expired),
        WITH_FOLDER(moves_clocks_only_forward),
        WITH_FOLDER(moves_clocks_around_the_end_of_32_bits),
        WITH_FOLDER(counts_evidence_that_is_repeated),
        WITH_FOLDER(moves_last_seen_only_for_fresh_proofs),
        WITH_FOLDER(takes_one_of_many_equal_proofs_for_fresh),
    };

    return RUN_TESTS(tests);
}
