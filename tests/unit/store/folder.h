/*
 * folder.h - for tests: a store in a folder of its own, and machines and records to put into it.
 *
 * WITH_FOLDER(test) makes the folder before a test and removes it after. `path` is where the
 * database goes: for tests that look into it, or change it, behind the store's back.
 */
#ifndef TESTS_STORE_FOLDER_H
#define TESTS_STORE_FOLDER_H

#include "support/support.h"

#include "store/store.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NOW = 1800000000 };

static char folder[64];
static char path[96];

static inline int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/bootwarden-store.XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/data.sqlite", folder);
    return 0;
}

static inline int remove_folder(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char name[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        unlink(name);
    }
    return rmdir(folder);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

static inline struct store *open_store(void)
{
    const struct store_options options = {.path = path, .now = NOW};
    struct store *store = NULL;
    struct trail trail = {0};
    err_t err = store_open(&options, &trail, &store);

    if (err) {
        fail_msg("%s: %s", trail.where, trail.what);
    }
    return store;
}

static inline void run_sql(const char *sql)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* Of a table, perhaps with a WHERE behind its name. */
static inline size_t count_of(const char *table)
{
    char sql[512];
    sqlite3 *db = NULL;
    sqlite3_stmt *row = NULL;
    size_t n;

    snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &row, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    n = (size_t)sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    sqlite3_close(db);
    return n;
}

static inline size_t count_rows(const char *where)
{
    char table[384];

    snprintf(table, sizeof(table), "attestations WHERE %s", where);
    return count_of(table);
}

static inline struct store_machine machine_of(uint8_t ek, uint8_t ak, const char *name)
{
    struct store_machine m = {.created = NOW, .ak_name_len = 34};

    snprintf(m.id, sizeof(m.id), "00000000-0000-4000-8000-0000000000%02x", ek);
    snprintf(m.name, sizeof(m.name), "%s", name);
    memset(m.ek_digest, ek, sizeof(m.ek_digest));
    memset(m.ak_name, ak, m.ak_name_len);
    return m;
}

/* Evidence that no other test record has. */
static inline struct store_attestation attestation_of(const char *ak)
{
    static _Atomic uint32_t last;
    uint32_t number = ++last;
    struct store_attestation a = {
        .time = NOW,
        .ak_name = span_str(ak),
        .is_proven = true,
        .verdict = "healthy",
        .reasons = span_str("[]"),
    };

    memcpy(a.evidence_digest, &number, sizeof(number));
    return a;
}

/* A proof that holds, at a time of the TPM's clock. */
static inline struct store_attestation proof_of(const char *ak, const char *machine_id,
                                                int64_t time, uint64_t clock_ms)
{
    struct store_attestation a = attestation_of(ak);

    a.time = time;
    a.machine_id = machine_id;
    a.has_clock = a.advances_clock = true;
    a.clock = (struct tpm_clock){3, 0, clock_ms};
    return a;
}

/* By the key that machine_of() gives a machine. */
static inline struct store_attestation proof_by(uint8_t ak, const char *machine_id, int64_t time,
                                                uint64_t clock_ms)
{
    static _Thread_local char name[35];
    struct store_attestation a;

    memset(name, ak, 34);
    a = proof_of(name, machine_id, time, clock_ms);
    return a;
}

static inline void expect_recorded(struct store *store, const struct store_attestation *a,
                                   enum store_outcome outcome, enum store_freshness freshness)
{
    struct store_recorded recorded;

    assert_ok(store_attestation_record(store, a, NULL, &recorded));
    if (recorded.outcome != outcome || recorded.freshness != freshness) {
        fail_msg("outcome %d, freshness %s; wanted %d, %s", recorded.outcome,
                 store_freshness_name(recorded.freshness), outcome,
                 store_freshness_name(freshness));
    }
}

static inline void expect_last_verdict(struct store *store, const char *id, const char *wanted)
{
    char verdict[STORE_VERDICT_SIZE];

    assert_ok(store_last_verdict(store, id, NULL, verdict));
    assert_string_equal(verdict, wanted);
}

static inline int64_t last_seen(struct store *store, const char *id)
{
    struct store_machine machine;

    assert_ok(store_machine_by_id(store, id, NULL, &machine));
    return machine.last_seen;
}

static inline void change(struct store *store, const char *id, enum store_change what, bool is_new)
{
    bool got = !is_new;

    assert_ok(store_machine_change(store, id, what, "root", NOW + 5, NULL, &got));
    assert_int_equal(got, is_new);
}

#endif
