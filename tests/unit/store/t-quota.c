/*
 * How many records are kept, which go first, and what is never swept away.
 */
#include "unit/store/folder.h"

/* S-7: rejected evidence is kept with its reasons, capped, and proves nothing. */
static void keeps_rejected_evidence_capped(void **state)
{
    struct arena *arena = test_arena();
    struct store *store = open_store();
    struct store_machine m = machine_of(1, 1, "web"), got;
    struct store_attestation a = attestation_of("ak"), *rows;
    char *big = calloc(1, STORE_FACTS_MAX + 2);
    size_t n;

    (void)state;
    memset(big, 'x', STORE_FACTS_MAX + 1);
    assert_ok(store_machine_activate(store, &m, NULL, &got));
    a.verdict = "not-verified";
    a.machine_id = m.id;
    a.token_id = "must not be kept";
    a.advances_clock = a.has_clock = true;
    a.facts = span_str(big);
    a.reasons = span_str(big);
    assert_true(store_attestation_note(store, &a));
    assert_ok(store_sweep(store, NOW, NULL)); /* behind it in the queue */
    assert_ok(store_attestations(store, arena, NULL, 10, NULL, &rows, &n));
    assert_int_equal(n, 1);
    assert_string_equal(rows[0].verdict, "not-verified");
    assert_non_null(strstr((const char *)rows[0].reasons.data, "omitted"));
    assert_null(rows[0].machine_id);
    assert_null(rows[0].token_id);
    assert_non_null(strstr((const char *)rows[0].facts.data, "omitted"));
    assert_false(rows[0].is_proven);
    assert_err(store_clock_get(store, span_str("ak"), NULL, &(struct tpm_clock){0}), ERR_NOT_FOUND);
    free(big);
    store_close(store);
    arena_free(arena);
}

static void keeps_no_more_unproven_records_than_it_says(void **state)
{
    struct arena *arena = test_arena();
    struct store *store = open_store();
    struct store_attestation a = attestation_of("x"), *rows;
    size_t n, noted = 0;

    (void)state;
    a.time = NOW;
    while (noted < STORE_MAX_UNPROVEN + 500) {
        noted += store_attestation_note(store, &a);
    }
    assert_ok(store_sweep(store, NOW, NULL));
    assert_ok(store_attestations(store, arena, NULL, STORE_MAX_UNPROVEN + 1000, NULL, &rows, &n));
    assert_int_equal(n, STORE_MAX_UNPROVEN);
    store_close(store);
    arena_free(arena);
}

/* Who has a copy of one machine's evidence can wrap it anew for every request: it fills nothing and
 * pushes out nothing but more of its kind. */
static void keeps_few_copies_and_all_else(void **state)
{
    struct arena *arena = test_arena();
    struct store *store = open_store();
    struct store_attestation a, *rows;
    size_t n, fresh = 0, others = 0;

    (void)state;
    for (uint64_t i = 1; i <= 5; i++) {
        a = proof_of("ak", NULL, NOW, 1000 * i);
        expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_CLOCK);
    }
    a = proof_of("other", NULL, NOW, 5);
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_CLOCK);
    a = proof_of("other", NULL, NOW, 4);
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_NONE);
    for (int i = 0; i < STORE_MAX_STALE + 40; i++) {
        a = proof_of("ak", NULL, NOW, 5000);
        a.verdict = i % 7 != 3 ? "healthy" : "not-verified";
        a.advances_clock = i % 7 != 3;
        expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_NONE);
    }
    assert_ok(store_attestations(store, arena, NULL, 1000, NULL, &rows, &n));
    assert_int_equal(n, STORE_MAX_STALE + 5 + 2 + 20);
    for (size_t i = 0; i < n; i++) {
        fresh += rows[i].freshness == STORE_FRESHNESS_CLOCK;
        others += span_is(rows[i].ak_name, "other");
    }
    assert_int_equal(fresh, 6);
    assert_int_equal(others, 2);
    store_close(store);
    arena_free(arena);
}

/* Many fresh proofs of one key, as a guest that attests every minute makes them. */
static void bounds_the_rows_of_a_machine_and_keeps_what_matters(void **state)
{
    static const char many[] =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
        "INSERT INTO attestations (time, machine, ak_name, is_proven, verdict, reasons,"
        " evidence_digest, freshness, kind) SELECT 1800000000,"
        " '00000000-0000-4000-8000-000000000001', CAST(replace(printf('%34s', ''), ' ', char(1))"
        " AS BLOB), 1, CASE WHEN i BETWEEN 101 AND 110 THEN 'not-verified' ELSE 'healthy' END,"
        " '[]', zeroblob(32), 'clock', CASE WHEN i IN (1, 101, 111) THEN 4 ELSE 3 END FROM n";
    struct store *store = open_store();
    struct store_machine web = machine_of(1, 1, "web"), got;
    struct store_attestation a = proof_by(1, web.id, NOW, 1000);

    (void)state;
    assert_ok(store_machine_activate(store, &web, NULL, &got));
    run_sql(many);
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_CLOCK);
    /* The changes, and the newest refused one. */
    assert_int_equal(count_rows("kind = 4"), 3);
    assert_int_equal(count_rows("verdict = 'not-verified'"), 2);
    assert_int_equal(count_rows("kind = 3"), STORE_MAX_ROWS_PER_MACHINE + 1);
    assert_int_equal(count_rows("id = 110"), 1);
    assert_int_equal(count_rows("id IN (1, 101, 111)"), 3);
    store_close(store);
}

static void keeps_the_last_record_of_a_machine_past_its_retention(void **state)
{
    struct arena *arena = test_arena();
    struct store *store = open_store();
    struct store_machine m = machine_of(1, 1, "web"), got;
    struct store_attestation a, *rows;
    const int64_t later = NOW + (int64_t)(STORE_RETENTION_DAYS + 1) * 86400;
    size_t n;

    (void)state;
    assert_ok(store_machine_activate(store, &m, NULL, &got));
    a = proof_of("ak", m.id, NOW, 1);
    a.token_id = "first";
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_CLOCK);
    for (int i = 0; i < 2; i++) {
        a = proof_of("ak", m.id, NOW, 1);
        a.verdict = "not-verified";
        a.advances_clock = false;
        expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_NONE);
    }
    a = proof_of("ak", m.id, NOW, 2);
    a.token_id = "second";
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_CLOCK);
    assert_int_equal(last_seen(store, m.id), NOW);
    /* A copy that comes later does not take its place. */
    a = proof_of("ak", m.id, NOW + 1, 1);
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_NONE);
    /* A clock that jumps ahead takes nothing away, neither now nor after a restart under it ... */
    assert_ok(store_sweep(store, later, NULL));
    assert_true(store_is_sweep_held(store));
    a = attestation_of("of the jump");
    a.time = later;
    assert_true(store_attestation_note(store, &a));
    store_close(store);
    assert_ok(store_open(&(struct store_options){.path = path, .now = later}, NULL, &store));
    assert_true(store_is_sweep_held(store));
    assert_ok(store_attestations(store, arena, m.id, 10, NULL, &rows, &n));
    assert_int_equal(n, 5);
    /* ... until records of other days show that time has passed. */
    a.time = later - 2 * 86400;
    assert_true(store_attestation_note(store, &a));
    assert_ok(store_sweep(store, later, NULL));
    assert_false(store_is_sweep_held(store));
    assert_ok(store_attestations(store, arena, m.id, 10, NULL, &rows, &n));
    assert_int_equal(n, 2);
    assert_string_equal(rows[1].verdict, "not-verified"); /* the last that was refused stays too */
    assert_string_equal(rows[0].token_id, "second");
    store_close(store);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(bounds_the_rows_of_a_machine_and_keeps_what_matters),
        WITH_FOLDER(keeps_few_copies_and_all_else),
        WITH_FOLDER(keeps_rejected_evidence_capped),
        WITH_FOLDER(keeps_no_more_unproven_records_than_it_says),
        WITH_FOLDER(keeps_the_last_record_of_a_machine_past_its_retention),
    };

    return RUN_TESTS(tests);
}
