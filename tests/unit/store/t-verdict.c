/*
 * The verdict that is shown of a machine: the last that says something, whatever copies come.
 */
#include "unit/store/folder.h"

/* A copy of good evidence hides nothing, and a proof that fails is not forgotten. */
static void shows_the_last_verdict_that_says_something(void **state)
{
    static const struct {
        const char *verdict;
        uint64_t clock_ms;
        const char *want;
    } steps[] = {
        {"healthy", 1000, "healthy"},           {"unhealthy", 2000, "unhealthy"},
        {"healthy", 1000, "unhealthy"}, /* a copy in another wrapping */
        {"not-verified", 3000, "not-verified"}, {"healthy", 1000, "not-verified"},
        {"cannot-judge", 4000, "cannot-judge"}, {"not-verified", 3000, "cannot-judge"},
        {"not-verified", 3500, "cannot-judge"}, /* of before, and nobody asked for it */
    };
    struct store *store = open_store();
    struct store_machine web = machine_of(1, 1, "web"), got;
    char verdict[STORE_VERDICT_SIZE];

    (void)state;
    assert_ok(store_machine_activate(store, &web, NULL, &got));
    assert_ok(store_last_verdict(store, web.id, NULL, verdict));
    assert_string_equal(verdict, "");
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct store_attestation a = proof_by(1, web.id, NOW, steps[i].clock_ms);
        struct store_recorded recorded;

        a.verdict = steps[i].verdict;
        a.advances_clock = strcmp(a.verdict, "not-verified") != 0;
        assert_ok(store_attestation_record(store, &a, NULL, &recorded));
        assert_ok(store_last_verdict(store, web.id, NULL, verdict));
        assert_string_equal(verdict, steps[i].want);
    }
    store_close(store);
}

/* One good request that was kept, sent again in more wrappings than there is room for copies after
 * the machine went bad: the bad proof stays, and stays the last word. Q-17: without any challenge;
 * with one. */
static void keeps_a_red_verdict_whatever_copies_come(void **state)
{
    static const char *const verdicts[] = {"not-verified", "unhealthy"};
    struct arena *arena = test_arena();
    struct store *store = open_store();
    struct store_machine web = machine_of(1, 1, "web"), got;
    struct store_attestation a, *rows;
    size_t n;

    (void)state;
    assert_ok(store_machine_activate(store, &web, NULL, &got));
    a = proof_by(1, web.id, NOW, 1000);
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_CLOCK);
    for (unsigned round = 0; round < 4; round++) {
        bool is_refused = round % 2 == 0, is_asked = round >= 2;

        a = proof_by(1, web.id, NOW + 10 + round, 2000 + round);
        a.verdict = verdicts[round % 2];
        a.advances_clock = !is_refused;
        a.challenge_id = is_asked ? span_of(&round, sizeof(round)) : (struct span){0};
        a.challenge_expires = NOW + 300;
        a.answers_challenge = is_asked;
        expect_recorded(store, &a, STORE_RECORDED,
                        is_asked ? STORE_FRESHNESS_CHALLENGE : STORE_FRESHNESS_CLOCK);
        for (int i = 0; i < STORE_MAX_STALE + 1; i++) {
            struct store_attestation copy = proof_by(1, web.id, NOW + 100, 1000);

            expect_recorded(store, &copy, STORE_RECORDED, STORE_FRESHNESS_NONE);
        }
        expect_last_verdict(store, web.id, verdicts[round % 2]);
        assert_int_equal(last_seen(store, web.id), NOW + 10 + round);
    }
    assert_int_equal(count_rows("verdict = 'not-verified'"), 2);
    assert_int_equal(count_rows("verdict = 'unhealthy'"), 2);
    assert_ok(store_proofs(store, arena, web.id, true, 20, NULL, &rows, &n));
    assert_int_equal(n, 5);
    assert_string_equal(rows[0].verdict, "unhealthy");
    assert_ok(store_proofs(store, arena, web.id, false, 20, NULL, &rows, &n));
    assert_int_equal(n, 20);
    assert_int_equal(rows[0].freshness, STORE_FRESHNESS_NONE);
    arena_free(arena);
    assert_int_equal(count_rows("freshness = 'none'"), STORE_MAX_STALE);
    store_close(store);
}

/* AK-7: what another key proved is history, and no proof of the one that took its place. */
static void the_proofs_of_a_replaced_machine_are_its_new_keys(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct store *store = open_store();
    const struct store_machine web = machine_of(1, 1, "web"), successor = machine_of(2, 2, "web");
    struct store_attestation a, *rows;
    struct store_machine got;
    size_t n;

    (void)state;
    assert_ok(store_machine_activate(store, &web, NULL, &got));
    a = proof_by(1, web.id, NOW, 1000);
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_CLOCK);
    change(store, web.id, STORE_REPLACE, true);
    assert_ok(store_proofs(store, arena, web.id, true, 20, NULL, &rows, &n));
    assert_int_equal(n, 0);
    assert_ok(store_machine_activate(store, &successor, NULL, &got));
    assert_ok(store_proofs(store, arena, web.id, true, 20, NULL, &rows, &n));
    assert_int_equal(n, 0);
    a = proof_by(2, web.id, NOW + 1, 1000);
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_CLOCK);
    assert_ok(store_proofs(store, arena, web.id, true, 20, NULL, &rows, &n));
    assert_int_equal(n, 1);
    assert_int_equal(rows[0].time, NOW + 1);
    assert_ok(store_proofs_ever(store, arena, web.id, 20, NULL, &rows, &n));
    assert_int_equal(n, 2);
    store_close(store);
}

/* a request from before a reboot is refused whoever sends it, and says nothing about now. */
static void no_refused_copy_turns_a_machine_red(void **state)
{
    struct store *store = open_store();
    struct store_machine web = machine_of(1, 1, "web"), got;
    struct store_attestation a, old = proof_by(1, web.id, NOW, 1000);
    struct span ak = span_of(web.ak_name, web.ak_name_len);
    uint64_t n = 9;
    int64_t last = 9;

    (void)state;
    assert_ok(store_machine_activate(store, &web, NULL, &got));
    assert_ok(store_refused_copies(store, ak, NULL, &n, &last));
    assert_int_equal(n, 0);
    assert_int_equal(last, 0);
    a = proof_by(1, web.id, NOW, 5000);
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_CLOCK);
    old.verdict = "not-verified";
    old.advances_clock = false;
    old.time = NOW + 20;
    expect_recorded(store, &old, STORE_RECORDED, STORE_FRESHNESS_NONE);
    old.time = NOW + 30;
    expect_recorded(store, &old, STORE_REPEATED, STORE_FRESHNESS_NONE);
    assert_ok(store_sweep(store, NOW, NULL)); /* behind what is queued */
    expect_last_verdict(store, web.id, "healthy");
    assert_int_equal(last_seen(store, web.id), NOW);
    assert_ok(store_refused_copies(store, ak, NULL, &n, &last));
    assert_int_equal(n, 2);
    assert_int_equal(last, NOW + 30);
    /* More than there is room for push out each other, not the fresh one; the number goes on. */
    for (int i = 0; i < STORE_MAX_REFUSED_STALE + 5; i++) {
        a = proof_by(1, web.id, NOW + 40, 1000);
        a.verdict = "not-verified";
        a.advances_clock = false;
        expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_NONE);
    }
    assert_int_equal(count_rows("freshness = 'none'"), STORE_MAX_REFUSED_STALE);
    expect_last_verdict(store, web.id, "healthy");
    assert_ok(store_refused_copies(store, ak, NULL, &n, &last));
    assert_int_equal(n, STORE_MAX_REFUSED_STALE + 7);
    store_close(store);
}

/* AK-7: another TPM that joined under the name has proved nothing yet. */
static void shows_of_a_replaced_machine_what_its_own_key_proved(void **state)
{
    struct store *store = open_store();
    struct store_machine web = machine_of(1, 1, "web"), got, wanted = machine_of(5, 5, "web");
    struct store_attestation a = proof_by(1, web.id, NOW, 1000);

    (void)state;
    assert_ok(store_machine_activate(store, &web, NULL, &got));
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_CLOCK);
    change(store, web.id, STORE_REPLACE, true);
    expect_last_verdict(store, web.id, "");
    assert_int_equal(last_seen(store, web.id), 0);
    assert_ok(store_machine_activate(store, &wanted, NULL, &got));
    assert_string_equal(got.id, web.id);
    assert_int_equal(got.last_seen, 0);
    expect_last_verdict(store, web.id, "");
    assert_int_equal(last_seen(store, web.id), 0);
    a = proof_by(5, web.id, NOW + 5, 10);
    a.verdict = "unhealthy";
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_CLOCK);
    expect_last_verdict(store, web.id, "unhealthy");
    /* The first TPM again, with the key it had: what that key proved is its own. */
    change(store, web.id, STORE_REPLACE, true);
    assert_ok(store_machine_activate(store, &web, NULL, &got));
    assert_int_equal(got.last_seen, NOW);
    expect_last_verdict(store, web.id, "healthy");
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(the_proofs_of_a_replaced_machine_are_its_new_keys),
        WITH_FOLDER(shows_the_last_verdict_that_says_something),
        WITH_FOLDER(keeps_a_red_verdict_whatever_copies_come),
        WITH_FOLDER(no_refused_copy_turns_a_machine_red),
        WITH_FOLDER(shows_of_a_replaced_machine_what_its_own_key_proved),
    };

    return RUN_TESTS(tests);
}
