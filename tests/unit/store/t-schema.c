/*
 * Databases of versions before: opened with their rows, and no verdict becomes better by it.
 */
#include "unit/store/folder.h"

/* As the first version made it, word for word. */
static const char schema_1[] =
    "PRAGMA journal_mode = WAL;"
    "CREATE TABLE checks (n INTEGER NOT NULL) STRICT;"
    "INSERT INTO checks VALUES (0);"
    "CREATE TABLE machines (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE,"
    " ek_digest BLOB NOT NULL UNIQUE, ak_name BLOB NOT NULL UNIQUE, is_active INTEGER NOT NULL,"
    " created INTEGER NOT NULL, last_seen INTEGER NOT NULL, ek_public BLOB NOT NULL) STRICT, "
    "WITHOUT ROWID;"
    "CREATE TABLE used (id BLOB NOT NULL PRIMARY KEY, expires INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "CREATE INDEX used_expires ON used (expires);"
    "CREATE TABLE clocks (ak_name BLOB NOT NULL PRIMARY KEY, reset_count INTEGER NOT NULL,"
    " restart_count INTEGER NOT NULL, clock_ms INTEGER NOT NULL, updated INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE attestations (id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL,"
    " machine TEXT REFERENCES machines (id), ak_name BLOB NOT NULL, is_proven INTEGER NOT NULL,"
    " verdict TEXT NOT NULL, reasons TEXT NOT NULL, facts TEXT, evidence_digest BLOB NOT NULL,"
    " token_id TEXT, pcr_digest BLOB, reset_count INTEGER, restart_count INTEGER,"
    " clock_ms INTEGER) STRICT;"
    "CREATE INDEX attestations_machine ON attestations (machine, id);"
    "CREATE INDEX attestations_time ON attestations (time);"
    "CREATE INDEX attestations_unproven ON attestations (id) WHERE is_proven = 0;"
    "PRAGMA application_id = 1113015379; PRAGMA user_version = 1;";

static void fill_schema_1(void)
{
    run_sql(schema_1);
    run_sql(
        "INSERT INTO machines VALUES ('00000000-0000-4000-8000-000000000001', 'web',"
        " zeroblob(32), X'616b', 1, 1799999000, 1799999999, X'0102');"
        "INSERT INTO clocks VALUES (X'616b', 3, 0, 1000, 1799999999);"
        "INSERT INTO used VALUES (X'aa', 1800000300);"
        "INSERT INTO attestations VALUES (7, 1799999999, '00000000-0000-4000-8000-000000000001',"
        " X'616b', 1, 'healthy', '[]', '{}', zeroblob(32), 'jti', X'bb', 3, 0, 1000);"
        "INSERT INTO attestations VALUES (8, 1799999999, NULL, X'', 0, 'not-verified', '[]', NULL,"
        " zeroblob(32), NULL, NULL, NULL, NULL, NULL);");
}

static void opens_a_database_of_the_first_version_and_keeps_its_rows(void **state)
{
    static const char id[] = "00000000-0000-4000-8000-000000000001";
    struct arena *arena = test_arena();
    struct store_attestation *rows, a;
    struct store_machine machine;
    struct store *store;
    bool was_used = false;
    size_t n;

    (void)state;
    fill_schema_1();
    store = open_store();
    assert_ok(store_machine_by_ak(store, span_str("ak"), NULL, &machine));
    assert_string_equal(machine.id, id);
    assert_string_equal(machine.name, "web");
    assert_int_equal(machine.last_seen, 1799999999);
    assert_int_equal(machine.ek_public_len, 2);
    assert_ok(store_was_used(store, span_str("\xaa"), NULL, &was_used));
    assert_true(was_used);
    assert_ok(store_attestations(store, arena, NULL, 10, NULL, &rows, &n));
    assert_int_equal(n, 2);
    assert_int_equal(rows[1].id, 7);
    assert_string_equal(rows[1].machine_id, id);
    assert_string_equal(rows[1].token_id, "jti");
    assert_int_equal(rows[1].clock.clock_ms, 1000);
    assert_int_equal(rows[1].freshness, STORE_FRESHNESS_UNKNOWN);
    assert_int_equal(rows[1].repeats, 0);
    assert_int_equal(rows[0].freshness, STORE_FRESHNESS_NONE);
    /* What was recorded then is known now. */
    a = proof_of("ak", id, NOW, 1000);
    memset(a.evidence_digest, 0, sizeof(a.evidence_digest));
    expect_recorded(store, &a, STORE_REPEATED, STORE_FRESHNESS_NONE);
    a = proof_of("ak", id, NOW, 1001);
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_CLOCK);
    assert_int_equal(last_seen(store, id), NOW);
    store_close(store);
    store_close(open_store()); /* and nothing is left to do */
    arena_free(arena);
}

/* What the second and the third version added, word for word. */
static const char schema_3[] =
    "ALTER TABLE attestations ADD COLUMN freshness TEXT NOT NULL DEFAULT 'unknown';"
    "ALTER TABLE attestations ADD COLUMN repeats INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE attestations ADD COLUMN last_repeat INTEGER NOT NULL DEFAULT 0;"
    "UPDATE attestations SET freshness = 'none' WHERE is_proven = 0;"
    "CREATE INDEX attestations_shown ON attestations (ak_name, clock_ms) WHERE is_proven = 1;"
    "CREATE INDEX attestations_stale ON attestations (ak_name, id)"
    " WHERE is_proven = 1 AND freshness = 'none';"
    "CREATE TABLE machines_new (id TEXT NOT NULL PRIMARY KEY,"
    " name TEXT NOT NULL UNIQUE COLLATE NOCASE, ek_digest BLOB NOT NULL UNIQUE,"
    " ak_name BLOB UNIQUE, is_active INTEGER NOT NULL, created INTEGER NOT NULL,"
    " last_seen INTEGER NOT NULL, ek_public BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "INSERT INTO machines_new SELECT id, name, ek_digest, ak_name, is_active, created, last_seen,"
    " ek_public FROM machines;"
    "DROP TABLE machines;"
    "ALTER TABLE machines_new RENAME TO machines;"
    "CREATE TABLE audit (id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL,"
    " who TEXT NOT NULL, what TEXT NOT NULL, machine TEXT NOT NULL,"
    " name TEXT NOT NULL COLLATE NOCASE) STRICT;"
    "CREATE INDEX audit_machine ON audit (machine);"
    "CREATE INDEX audit_name ON audit (name);"
    "PRAGMA user_version = 3;";

/* The third version recorded no freshness of a refused proof, and took up machines with the
 * last_seen of another key: no red machine turns green by the new schema, and no silent one seen.
 */
static void opens_a_database_of_the_third_version_and_turns_nothing_green(void **state)
{
    static const char id[] = "00000000-0000-4000-8000-000000000001";
    struct store_attestation a;
    struct tpm_clock clock;
    struct store *store;

    (void)state;
    fill_schema_1();
    run_sql(schema_3);
    run_sql("UPDATE attestations SET freshness = 'clock' WHERE id = 7;"
            "INSERT INTO attestations VALUES (9, 1799999999,"
            " '00000000-0000-4000-8000-000000000001', X'616b', 1, 'not-verified', '[]', '{}',"
            " zeroblob(32), NULL, NULL, 3, 0, 3000, 'none', 0, 0);"
            "INSERT INTO attestations VALUES (10, 1799999999,"
            " '00000000-0000-4000-8000-000000000001', X'616b', 1, 'healthy', '[]', '{}',"
            " zeroblob(32), NULL, NULL, 3, 0, 1000, 'none', 0, 0);"
            "INSERT INTO machines VALUES ('00000000-0000-4000-8000-000000000002', 'db',"
            " randomblob(32), X'616c', 1, 1799999000, 1799999999, X'0102');"
            "INSERT INTO audit (time, who, what, machine, name) VALUES (1799999999, 'root',"
            " 'replace', '00000000-0000-4000-8000-000000000002', 'db');");
    store = open_store();
    expect_last_verdict(store, id, "not-verified");
    assert_int_equal(last_seen(store, id), 1799999999);
    assert_int_equal(last_seen(store, "00000000-0000-4000-8000-000000000002"), 0);
    assert_int_equal(count_rows("kind = 4"), 2);
    assert_int_equal(count_rows("kind = 1"), 1);
    assert_int_equal(count_rows("kind = 0"), 1);
    /* What was shown is known: by a refused proof, too. */
    a = proof_of("ak", id, NOW, 3000);
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_NONE);
    a = proof_of("ak", id, NOW, 3001);
    expect_recorded(store, &a, STORE_RECORDED, STORE_FRESHNESS_CLOCK);
    assert_ok(store_clock_get(store, span_str("ak"), NULL, &clock));
    assert_int_equal(clock.clock_ms, 3001);
    expect_last_verdict(store, id, "healthy");
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(opens_a_database_of_the_first_version_and_keeps_its_rows),
        WITH_FOLDER(opens_a_database_of_the_third_version_and_turns_nothing_green),
    };

    return RUN_TESTS(tests);
}
