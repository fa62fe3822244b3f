#include "support/support.h"

#include "base/file.h"
#include "store/store.h"

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOW = 1800000000 };

static char folder[64];
static char path[96];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/bootwarden-store.XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/data.sqlite", folder);
    return 0;
}

static int remove_folder(void **state)
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

static struct store *open_store(void)
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

static void run_sql(const char *sql)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void expect_refusal(err_t wanted, const char *words)
{
    const struct store_options options = {.path = path, .now = NOW};
    struct store *store = NULL;
    struct trail trail = {0};

    assert_err(store_open(&options, &trail, &store), wanted);
    if (strstr(trail.what, words) == NULL) {
        fail_msg("'%s' does not say '%s'", trail.what, words);
    }
    assert_string_equal(trail.where, path);
}

static struct store_machine machine_of(uint8_t ek, uint8_t ak, const char *name)
{
    struct store_machine m = {.created = NOW, .ak_name_len = 34};

    snprintf(m.id, sizeof(m.id), "00000000-0000-4000-8000-0000000000%02x", ek);
    snprintf(m.name, sizeof(m.name), "%s", name);
    memset(m.ek_digest, ek, sizeof(m.ek_digest));
    memset(m.ak_name, ak, m.ak_name_len);
    return m;
}

/* Evidence that no other test record has. */
static struct store_attestation attestation_of(const char *ak)
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
static struct store_attestation proof_of(const char *ak, const char *machine_id, int64_t time,
                                         uint64_t clock_ms)
{
    struct store_attestation a = attestation_of(ak);

    a.time = time;
    a.machine_id = machine_id;
    a.has_clock = a.advances_clock = true;
    a.clock = (struct tpm_clock){3, 0, clock_ms};
    return a;
}

/* By the key that machine_of() gives a machine. */
static struct store_attestation proof_by(uint8_t ak, const char *machine_id, int64_t time,
                                         uint64_t clock_ms)
{
    static _Thread_local char name[35];
    struct store_attestation a;

    memset(name, ak, 34);
    a = proof_of(name, machine_id, time, clock_ms);
    return a;
}

static void expect_recorded(struct store *store, const struct store_attestation *a,
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

static int64_t last_seen(struct store *store, const char *id)
{
    struct store_machine machine;

    assert_ok(store_machine_by_id(store, id, NULL, &machine));
    return machine.last_seen;
}

/* ---- opening ---- */

static void refuses_a_schema_of_a_newer_version(void **state)
{
    (void)state;
    store_close(open_store());
    run_sql("PRAGMA user_version = 99");
    expect_refusal(ERR_UNSUPPORTED, "newer version (schema 99");
}

static void refuses_databases_of_other_programs_and_files_that_are_none(void **state)
{
    (void)state;
    run_sql("CREATE TABLE letters (text TEXT)");
    expect_refusal(ERR_UNSUPPORTED, "another program");
    assert_ok(file_write(path,
                         span_str("this is a text file, longer than one hundred bytes so "
                                  "that it could be the head of a database, which it is not "
                                  "at all and never was"),
                         0600, NULL));
    expect_refusal(ERR_STORE, "no database");
}

static void says_that_a_damaged_database_is_damaged(void **state)
{
    struct arena *arena = test_arena();
    struct store *store = open_store();
    struct span bytes;
    struct trail trail = {0};
    struct store_attestation *rows;
    size_t n;

    (void)state;
    for (int i = 0; i < 50; i++) {
        struct store_attestation a = attestation_of("ak");
        struct store_recorded recorded;

        assert_ok(store_attestation_record(store, &a, NULL, &recorded));
    }
    store_close(store);
    assert_ok(file_read(arena, path, 1u << 24, NULL, &bytes));
    assert_true(bytes.len > 8192);
    memset((uint8_t *)(uintptr_t)bytes.data + 4096, 0xa5, bytes.len - 4096);
    assert_ok(file_write(path, bytes, 0600, NULL));
    store = NULL;
    /* Either the first sweep meets the damage, or the first reader does. */
    if (store_open(&(struct store_options){.path = path, .now = NOW}, &trail, &store) == ERR_OK) {
        assert_err(store_attestations(store, arena, NULL, 100, &trail, &rows, &n), ERR_STORE);
    }
    assert_non_null(strstr(trail.what, "damaged"));
    store_close(store);
    arena_free(arena);
}

static void says_that_a_folder_cannot_be_written(void **state)
{
    const struct store_options options = {.path = "/nonexistent/data.sqlite", .now = NOW};
    struct store *store = NULL;
    struct trail trail = {0};

    (void)state;
    assert_err(store_open(&options, &trail, &store), ERR_STORE);
    assert_non_null(strstr(trail.what, "cannot be opened"));
}

static void makes_its_file_private(void **state)
{
    struct stat st;

    (void)state;
    store_close(open_store());
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

/* What does not fit any more is an error for its caller; what was acknowledged stays. */
static void says_that_the_disk_is_full_and_keeps_what_was_acknowledged(void **state)
{
    const struct store_options options = {.path = path, .now = NOW, .max_bytes = 200 * 1024};
    struct arena *arena = test_arena();
    struct store *store = NULL;
    struct trail trail = {0};
    struct store_attestation *rows;
    char *big = calloc(1, 20001);
    size_t acknowledged = 0, n = 0;
    err_t err = ERR_OK;

    (void)state;
    memset(big, 'x', 20000);
    assert_ok(store_open(&options, NULL, &store));
    for (int i = 0; i < 100 && err == ERR_OK; i++) {
        struct store_attestation a = attestation_of("ak");
        struct store_recorded recorded;

        a.facts = span_str(big);
        err = store_attestation_record(store, &a, &trail, &recorded);
        acknowledged += err == ERR_OK;
    }
    assert_int_equal(err, ERR_STORE);
    assert_non_null(strstr(trail.what, "disk is full"));
    assert_true(acknowledged > 0);
    assert_ok(store_attestations(store, arena, NULL, 200, NULL, &rows, &n));
    assert_int_equal(n, acknowledged);
    store_close(store);
    free(big);
    arena_free(arena);
}

/* ---- crash ---- */

static void child_writes_until_killed(int to_parent)
{
    struct store *store = open_store();

    for (uint32_t i = 0;; i++) {
        struct store_attestation a = attestation_of("ak");
        struct store_recorded recorded;

        a.challenge_id = span_of(&i, sizeof(i));
        a.challenge_expires = NOW + 1000;
        if (store_attestation_record(store, &a, NULL, &recorded) != ERR_OK ||
            recorded.outcome != STORE_RECORDED || write(to_parent, &i, sizeof(i)) != sizeof(i)) {
            _exit(1);
        }
    }
}

static void keeps_all_that_was_acknowledged_when_killed(void **state)
{
    struct arena *arena = test_arena();
    int pipes[2], status;
    uint32_t last = 0, number;
    struct store_attestation *rows;
    struct store *store;
    size_t n;
    pid_t child;

    (void)state;
    assert_int_equal(pipe(pipes), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(pipes[0]);
        child_writes_until_killed(pipes[1]);
    }
    close(pipes[1]);
    while (read(pipes[0], &number, sizeof(number)) == sizeof(number)) {
        last = number;
        if (number == 40) {
            kill(child, SIGKILL);
        }
    }
    close(pipes[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_true(last >= 40);

    store = open_store();
    assert_ok(store_attestations(store, arena, NULL, 100000, NULL, &rows, &n));
    /* At most the one that was committed and not yet reported is more. */
    assert_true(n == last + 1 || n == last + 2);
    for (uint32_t i = 0; i <= last; i++) {
        bool is_first = true;

        assert_ok(store_use_once(store, span_of(&i, sizeof(i)), NOW + 1000, NULL, &is_first));
        assert_false(is_first);
    }
    store_close(store);
    arena_free(arena);
}

/* ---- machines ---- */

/* AK-7: the same EK with another AK, another EK with the same AK or name. */
static void never_overwrites_a_machine(void **state)
{
    struct store *store = open_store();
    struct store_machine first = machine_of(1, 1, "web"), got, again;
    const struct {
        struct store_machine machine;
        const char *words;
    } intruders[] = {
        {machine_of(1, 2, "web"), "another attestation key"},
        {machine_of(2, 1, "db"), "another endorsement key"},
        {machine_of(2, 2, "WEB"), "the name 'WEB' belongs"},
    };

    (void)state;
    assert_ok(store_machine_activate(store, &first, NULL, &got));
    for (size_t i = 0; i < ARRAY_LEN(intruders); i++) {
        struct trail trail = {0};

        assert_err(store_machine_activate(store, &intruders[i].machine, &trail, &got),
                   ERR_CONFLICT);
        assert_non_null(strstr(trail.what, intruders[i].words));
    }
    /* The same keys again: the same machine, whatever id and name were wished for. */
    again = machine_of(1, 1, "other");
    snprintf(again.id, sizeof(again.id), "11111111-0000-4000-8000-000000000001");
    assert_ok(store_machine_activate(store, &again, NULL, &got));
    assert_string_equal(got.id, first.id);
    assert_string_equal(got.name, "web");
    store_close(store);
}

struct rival {
    struct store *store;
    uint8_t ak;
    int wins;
};

static void *register_machines(void *context)
{
    struct rival *rival = context;

    for (uint8_t ek = 1; ek <= 50; ek++) {
        char name[16];
        struct store_machine m, got;

        snprintf(name, sizeof(name), "vm-%u", ek);
        m = machine_of(ek, (uint8_t)(rival->ak + ek), name);
        if (store_machine_activate(rival->store, &m, NULL, &got) == ERR_OK) {
            rival->wins++;
        }
    }
    return NULL;
}

/* AK-6: two registrations of one EK at the same time, with different AKs. */
static void lets_one_of_two_rivals_have_a_machine(void **state)
{
    struct arena *arena = test_arena();
    struct store *store = open_store();
    struct rival rivals[2] = {{store, 60, 0}, {store, 150, 0}};
    struct store_machine *all;
    pthread_t threads[2];
    size_t n;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, register_machines, &rivals[i]), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(rivals[0].wins + rivals[1].wins, 50);
    assert_ok(store_machines(store, arena, "", 200, NULL, &all, &n));
    assert_int_equal(n, 50);
    store_close(store);
    arena_free(arena);
}

static void finds_machines_by_each_of_their_names(void **state)
{
    struct arena *arena = test_arena();
    struct store *store = open_store();
    struct store_machine m = machine_of(1, 1, "web"), got, *all;
    size_t n;

    (void)state;
    assert_err(store_machine_by_ak(store, span_of(m.ak_name, 34), NULL, &got), ERR_NOT_FOUND);
    assert_ok(store_machine_activate(store, &m, NULL, &got));
    assert_ok(store_machine_by_ak(store, span_of(m.ak_name, 34), NULL, &got));
    assert_true(got.is_active);
    assert_ok(store_machine_by_ek(store, m.ek_digest, NULL, &got));
    assert_ok(store_machine_by_id(store, m.id, NULL, &got));
    assert_ok(store_machine_by_name(store, "Web", NULL, &got));
    assert_string_equal(got.id, m.id);
    assert_err(store_machine_by_ak(store, span_of(m.ak_name, 33), NULL, &got), ERR_NOT_FOUND);
    assert_ok(store_machines(store, arena, "", 10, NULL, &all, &n));
    assert_int_equal(n, 1);
    store_close(store);
    arena_free(arena);
}

/* ---- what operators do ---- */

static struct store *open_tool(void)
{
    const struct store_options options = {.path = path, .now = NOW, .is_tool = true};
    struct store *store = NULL;

    assert_ok(store_open(&options, NULL, &store));
    return store;
}

static void change(struct store *store, const char *id, enum store_change what, bool is_new)
{
    bool got = !is_new;

    assert_ok(store_machine_change(store, id, what, "root", NOW + 5, NULL, &got));
    assert_int_equal(got, is_new);
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

static void a_tool_makes_no_database_and_changes_no_schema(void **state)
{
    const struct store_options options = {.path = path, .now = NOW, .is_tool = true};
    struct store *store = NULL;
    struct trail trail = {0};

    (void)state;
    assert_err(store_open(&options, &trail, &store), ERR_NOT_FOUND);
    assert_non_null(strstr(trail.what, "no database here"));
    assert_false(file_exists(path));
    store_close(open_store());
    run_sql("PRAGMA user_version = 99");
    trail = (struct trail){0};
    assert_err(store_open(&options, &trail, &store), ERR_UNSUPPORTED);
    assert_non_null(strstr(trail.what, "newer version"));
    run_sql("PRAGMA user_version = 1");
    trail = (struct trail){0};
    assert_err(store_open(&options, &trail, &store), ERR_UNSUPPORTED);
    assert_non_null(strstr(trail.what, "older version"));
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

static void expect_last_verdict(struct store *store, const char *id, const char *wanted)
{
    char verdict[STORE_VERDICT_SIZE];

    assert_ok(store_last_verdict(store, id, NULL, verdict));
    assert_string_equal(verdict, wanted);
}

static size_t count_rows(const char *where)
{
    char sql[256];
    sqlite3 *db = NULL;
    sqlite3_stmt *row = NULL;
    size_t n;

    snprintf(sql, sizeof(sql), "SELECT count(*) FROM attestations WHERE %s", where);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &row, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    n = (size_t)sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    sqlite3_close(db);
    return n;
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

static void lists_machines_page_by_page(void **state)
{
    static const char *const names[] = {"a", "B", "c", "D", "e"};
    struct arena *arena = test_arena();
    struct store *store = open_store();
    const char *after = "";
    size_t seen = 0, n = 2;

    (void)state;
    for (uint8_t i = 0; i < ARRAY_LEN(names); i++) {
        struct store_machine m = machine_of((uint8_t)(i + 1), (uint8_t)(i + 1), names[i]), got;

        assert_ok(store_machine_activate(store, &m, NULL, &got));
    }
    while (n == 2) {
        struct store_machine *page = NULL;

        assert_ok(store_machines(store, arena, after, 2, NULL, &page, &n));
        for (size_t i = 0; i < n; i++) {
            assert_string_equal(page[i].name, names[seen++]);
            after = page[i].name;
        }
    }
    assert_int_equal(seen, 5);
    store_close(store);
    arena_free(arena);
}

/* ---- once, clocks ---- */

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

/* ---- freshness ---- */

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

/* ---- schemas of versions before ---- */

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

/* ---- attestations ---- */

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

/* A probe does not wait for the lock, and says why it is not ready. */
static void says_soon_that_another_program_has_locked_it(void **state)
{
    struct store *store = open_store();
    sqlite3 *db = NULL;
    struct trail trail = {0}, again = {0};

    (void)state;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    while (store_check(store, &trail) == ERR_OK) { /* the last commit counts for a second */
    }
    assert_non_null(strstr(trail.what, "locked by another program"));
    assert_err(store_check(store, &again), ERR_STORE);
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(db);
    assert_ok(store_sweep(store, NOW, NULL)); /* behind the check */
    assert_ok(store_check(store, NULL));
    store_close(store);
}

static void can_be_checked_while_another_program_reads(void **state)
{
    struct store *store = open_store();
    sqlite3 *db = NULL;

    (void)state;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN; SELECT * FROM machines", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_ok(store_check(store, NULL));
    sqlite3_close(db);
    store_close(store);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(refuses_a_schema_of_a_newer_version),
        WITH_FOLDER(refuses_databases_of_other_programs_and_files_that_are_none),
        WITH_FOLDER(says_that_a_damaged_database_is_damaged),
        WITH_FOLDER(says_that_a_folder_cannot_be_written),
        WITH_FOLDER(says_soon_that_another_program_has_locked_it),
        WITH_FOLDER(says_that_the_disk_is_full_and_keeps_what_was_acknowledged),
        WITH_FOLDER(keeps_all_that_was_acknowledged_when_killed),
        WITH_FOLDER(never_overwrites_a_machine),
        WITH_FOLDER(lets_one_of_two_rivals_have_a_machine),
        WITH_FOLDER(a_tool_makes_no_database_and_changes_no_schema),
        WITH_FOLDER(changes_no_machine_that_is_not_there),
        WITH_FOLDER(lets_a_replaced_machine_join_with_other_keys),
        WITH_FOLDER(keeps_a_disabled_machine_out_until_it_is_enabled),
        WITH_FOLDER(accepts_an_older_clock_when_told_to_forget),
        WITH_FOLDER(keeps_records_and_audit_of_a_machine_that_was_removed),
        WITH_FOLDER(sees_at_once_what_another_program_changed),
        WITH_FOLDER(shows_the_last_verdict_that_says_something),
        WITH_FOLDER(keeps_a_red_verdict_whatever_copies_come),
        WITH_FOLDER(no_refused_copy_turns_a_machine_red),
        WITH_FOLDER(shows_of_a_replaced_machine_what_its_own_key_proved),
        WITH_FOLDER(keeps_the_place_for_the_endorsement_key_that_was_named),
        WITH_FOLDER(bounds_the_rows_of_a_machine_and_keeps_what_matters),
        WITH_FOLDER(lists_machines_page_by_page),
        WITH_FOLDER(lets_one_of_many_use_a_challenge),
        WITH_FOLDER(forgets_used_things_when_they_have_expired),
        WITH_FOLDER(moves_clocks_only_forward),
        WITH_FOLDER(moves_clocks_around_the_end_of_32_bits),
        WITH_FOLDER(counts_evidence_that_is_repeated),
        WITH_FOLDER(moves_last_seen_only_for_fresh_proofs),
        WITH_FOLDER(keeps_few_copies_and_all_else),
        WITH_FOLDER(takes_one_of_many_equal_proofs_for_fresh),
        WITH_FOLDER(opens_a_database_of_the_first_version_and_keeps_its_rows),
        WITH_FOLDER(opens_a_database_of_the_third_version_and_turns_nothing_green),
        WITH_FOLDER(keeps_rejected_evidence_capped),
        WITH_FOLDER(keeps_no_more_unproven_records_than_it_says),
        WITH_FOLDER(keeps_the_last_record_of_a_machine_past_its_retention),
        WITH_FOLDER(makes_its_file_private),
        WITH_FOLDER(finds_machines_by_each_of_their_names),
        WITH_FOLDER(can_be_checked_while_another_program_reads),
    };

    return RUN_TESTS(tests);
}
