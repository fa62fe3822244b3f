/*
 * What operators do to machines: disable, replace, forget the clock, remove.
 */
#include "unit/store/folder.h"

static struct store *open_tool(void)
{
    const struct store_options options = {.path = path, .now = NOW, .is_tool = true};
    struct store *store = NULL;

    assert_ok(store_open(&options, NULL, &store));
    return store;
}

static void expect_conflict(struct store *store, const struct store_machine *wanted,
                            const char *words)
{
    struct store_machine got;
    struct trail trail = {0};

    assert_err(store_machine_activate(store, wanted, &trail, &got), ERR_CONFLICT);
    if (strstr(trail.what, words) == NULL) {
        fail_msg("'%s' does not say '%s'", trail.what, words);
    }
}

static void changes_no_machine_that_is_not_there(void **state)
{
    struct store *store = open_store();
    struct store_machine nobody = {0};
    struct arena *arena = test_arena();
    struct store_audit *audits;
    bool is_new;
    size_t n;

    (void)state;
    for (int what = STORE_DISABLE; what <= STORE_REMOVE; what++) {
        assert_err(store_machine_change(store, "none", (enum store_change)what, "root", NOW, NULL,
                                        &is_new),
                   ERR_NOT_FOUND);
    }
    assert_ok(store_audits(store, arena, &nobody, 10, NULL, &audits, &n));
    assert_int_equal(n, 0);
    store_close(store);
    arena_free(arena);
}

/* AK-7: after an operator's word the TPM joins with a new AK, or another TPM under the name. */
static void lets_a_replaced_machine_join_with_other_keys(void **state)
{
    struct store *store = open_store();
    struct store_machine web = machine_of(1, 1, "web"), db = machine_of(9, 9, "db"), got, wanted;
    struct store_attestation a = proof_of("ak", web.id, NOW, 1);

    (void)state;
    assert_ok(store_machine_activate(store, &web, NULL, &got));
    assert_ok(store_machine_activate(store, &db, NULL, &got));
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_CLOCK);
    change(store, web.id, STORE_REPLACE, true);
    change(store, web.id, STORE_REPLACE, false);
    assert_err(store_machine_by_ak(store, span_of(web.ak_name, 34), NULL, &got), ERR_NOT_FOUND);
    assert_ok(store_machine_by_id(store, web.id, NULL, &got));
    assert_int_equal(got.ak_name_len, 0);

    /* Not with the key of somebody else. */
    wanted = machine_of(1, 9, "web");
    expect_conflict(store, &wanted, "another endorsement key");
    /* The same TPM, whatever name it asks for. */
    wanted = machine_of(1, 2, "vm-other");
    assert_ok(store_machine_activate(store, &wanted, NULL, &got));
    assert_string_equal(got.id, web.id);
    assert_string_equal(got.name, "web");
    assert_int_equal(got.last_seen, 0); /* the new key has proved nothing */
    assert_ok(store_machine_by_ak(store, span_of(wanted.ak_name, 34), NULL, &got));
    wanted = machine_of(1, 3, "web");
    expect_conflict(store, &wanted, "another attestation key"); /* once */

    /* Another TPM under the name; then the first TPM is free for another machine. */
    change(store, web.id, STORE_REPLACE, true);
    wanted = machine_of(5, 5, "WEB");
    assert_ok(store_machine_activate(store, &wanted, NULL, &got));
    assert_string_equal(got.id, web.id);
    wanted = machine_of(1, 1, "old");
    snprintf(wanted.id, sizeof(wanted.id), "11111111-0000-4000-8000-000000000001");
    assert_ok(store_machine_activate(store, &wanted, NULL, &got));
    assert_string_equal(got.name, "old");
    store_close(store);
}

static void keeps_the_place_for_the_endorsement_key_that_was_named(void **state)
{
    struct store *store = open_store();
    struct store_machine web = machine_of(1, 1, "web"), db = machine_of(9, 9, "db"), got;
    struct store_machine named = machine_of(5, 5, "web"), other = machine_of(6, 6, "web");
    struct store_machine again = machine_of(1, 2, "web");
    struct trail trail = {0};
    bool is_new = false;

    (void)state;
    assert_ok(store_machine_activate(store, &web, NULL, &got));
    assert_ok(store_machine_activate(store, &db, NULL, &got));
    assert_err(store_machine_replace(store, web.id, db.ek_digest, "root", NOW, &trail, &is_new),
               ERR_CONFLICT);
    assert_non_null(strstr(trail.what, "belongs to machine db"));
    assert_ok(store_machine_by_id(store, web.id, NULL, &got));
    assert_int_equal(got.ak_name_len, 34); /* nothing changed */

    assert_ok(store_machine_replace(store, web.id, named.ek_digest, "root", NOW, NULL, &is_new));
    assert_true(is_new);
    assert_ok(store_machine_replace(store, web.id, named.ek_digest, "root", NOW, NULL, &is_new));
    assert_false(is_new);
    assert_ok(store_machine_by_id(store, web.id, NULL, &got));
    assert_true(got.has_successor);
    assert_memory_equal(got.successor_ek, named.ek_digest, STORE_DIGEST_BYTES);
    expect_conflict(store, &other, "kept for another endorsement key");
    expect_conflict(store, &again, "kept for another endorsement key"); /* its own TPM, too */
    assert_ok(store_machine_activate(store, &named, NULL, &got));
    assert_string_equal(got.id, web.id);
    assert_false(got.has_successor);

    /* Its own, named; then anybody's, as nobody is named any more. */
    assert_ok(store_machine_replace(store, web.id, named.ek_digest, "root", NOW, NULL, &is_new));
    expect_conflict(store, &other, "kept for another endorsement key");
    change(store, web.id, STORE_REPLACE, true);
    assert_ok(store_machine_activate(store, &other, NULL, &got));
    assert_string_equal(got.id, web.id);
    store_close(store);
}

static void keeps_a_disabled_machine_out_until_it_is_enabled(void **state)
{
    struct store *store = open_store();
    struct store_machine web = machine_of(1, 1, "web"), got, wanted;

    (void)state;
    assert_ok(store_machine_activate(store, &web, NULL, &got));
    change(store, web.id, STORE_DISABLE, true);
    change(store, web.id, STORE_DISABLE, false);
    expect_conflict(store, &web, "disabled");
    /* Replacing does not open a way around it. */
    change(store, web.id, STORE_REPLACE, true);
    expect_conflict(store, &web, "disabled");
    wanted = machine_of(2, 2, "web");
    expect_conflict(store, &wanted, "disabled");
    change(store, web.id, STORE_ENABLE, true);
    change(store, web.id, STORE_ENABLE, false);
    assert_ok(store_machine_activate(store, &wanted, NULL, &got));
    assert_string_equal(got.id, web.id);
    store_close(store);
}

/* after the operator's word an older clock is accepted, and no copy becomes fresh by it. */
static void accepts_an_older_clock_when_told_to_forget(void **state)
{
    struct store *store = open_store();
    struct store_machine web = machine_of(1, 1, "web"), got;
    struct store_attestation first, a;
    struct tpm_clock clock;
    const char *ak = (const char *)memset(calloc(1, 35), 1, 34);

    (void)state;
    assert_ok(store_machine_activate(store, &web, NULL, &got));
    first = proof_of(ak, web.id, NOW, 5000);
    expect_recorded(store, &first, STORE_RECORDED, STORE_FRESHNESS_CLOCK);
    a = proof_of(ak, web.id, NOW + 1, 9000);
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_CLOCK);
    change(store, web.id, STORE_FORGET_CLOCK, true);
    change(store, web.id, STORE_FORGET_CLOCK, false);
    assert_err(store_clock_get(store, span_str(ak), NULL, &clock), ERR_NOT_FOUND);
    expect_recorded(store, &first, STORE_REPEATED, STORE_FRESHNESS_NONE);
    a = proof_of(ak, web.id, NOW + 2, 9000); /* in another wrapping */
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_NONE);
    assert_err(store_clock_get(store, span_str(ak), NULL, &clock), ERR_NOT_FOUND);
    /* A clock before the highest may be a copy's that is on record no more: only the answer to a
     * challenge shows where the clock stands. */
    run_sql("DELETE FROM attestations");
    a = proof_of(ak, web.id, NOW + 3, 6000);
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_NONE);
    assert_err(store_clock_get(store, span_str(ak), NULL, &clock), ERR_NOT_FOUND);
    a = proof_of(ak, web.id, NOW + 3, 6000);
    a.challenge_id = span_str("restored");
    a.challenge_expires = NOW + 300;
    a.answers_challenge = true;
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_CHALLENGE);
    assert_ok(store_clock_get(store, span_str(ak), NULL, &clock));
    assert_int_equal(clock.clock_ms, 6000);
    free((char *)(uintptr_t)ak);
    store_close(store);
}

static void keeps_records_and_audit_of_a_machine_that_was_removed(void **state)
{
    struct arena *arena = test_arena();
    struct store *store = open_store();
    struct store_machine web = machine_of(1, 1, "web"), again = machine_of(2, 2, "WEB"), got;
    struct store_attestation a = proof_of("ak", web.id, NOW, 1), *rows;
    struct store_audit *audits;
    size_t n;

    (void)state;
    assert_ok(store_machine_activate(store, &web, NULL, &got));
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_CLOCK);
    change(store, web.id, STORE_REMOVE, true);
    assert_err(store_machine_by_id(store, web.id, NULL, &got), ERR_NOT_FOUND);
    assert_ok(store_attestations(store, arena, NULL, 10, NULL, &rows, &n));
    assert_int_equal(n, 1);
    assert_null(rows[0].machine_id);
    assert_ok(store_machine_activate(store, &again, NULL, &got));
    change(store, again.id, STORE_DISABLE, true);
    /* The next machine of the name shows what became of the one before. */
    assert_ok(store_audits(store, arena, &again, 10, NULL, &audits, &n));
    assert_int_equal(n, 2);
    assert_string_equal(audits[0].what, "disable");
    assert_string_equal(audits[0].who, "root");
    assert_int_equal(audits[0].time, NOW + 5);
    assert_string_equal(audits[1].what, "remove");
    assert_string_equal(audits[1].machine_id, web.id);
    store_close(store);
    arena_free(arena);
}

static void sees_at_once_what_another_program_changed(void **state)
{
    struct store *server = open_store(), *tool;
    struct store_machine web = machine_of(1, 1, "web"), got;

    (void)state;
    assert_ok(store_machine_activate(server, &web, NULL, &got));
    assert_ok(store_machine_by_ak(server, span_of(web.ak_name, 34), NULL, &got));
    tool = open_tool();
    change(tool, web.id, STORE_DISABLE, true);
    assert_ok(store_machine_by_ak(server, span_of(web.ak_name, 34), NULL, &got));
    assert_false(got.is_active);
    change(tool, web.id, STORE_REMOVE, true);
    assert_err(store_machine_by_ak(server, span_of(web.ak_name, 34), NULL, &got), ERR_NOT_FOUND);
    store_close(tool);
    assert_ok(store_machine_activate(server, &web, NULL, &got));
    store_close(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(changes_no_machine_that_is_not_there),
        WITH_FOLDER(lets_a_replaced_machine_join_with_other_keys),
        WITH_FOLDER(keeps_a_disabled_machine_out_until_it_is_enabled),
        WITH_FOLDER(accepts_an_older_clock_when_told_to_forget),
        WITH_FOLDER(keeps_records_and_audit_of_a_machine_that_was_removed),
        WITH_FOLDER(sees_at_once_what_another_program_changed),
        WITH_FOLDER(keeps_the_place_for_the_endorsement_key_that_was_named),
    };

    return RUN_TESTS(tests);
}
