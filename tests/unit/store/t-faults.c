/*
 * What goes wrong below the store: damage, a full disk, a kill, locks of other programs.
 */
#include "unit/store/folder.h"

#include "base/file.h"

#include <signal.h>
#include <sys/wait.h>

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

/* What does not fit any more is an error for its caller; what was acknowledged stays. */
static void says_that_the_disk_is_full_and_keeps_what_was_acknowledged(void **state)
{
    const struct store_options options = {.path = path, .now = NOW, .max_bytes = 300 * 1024};
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

/* ---- other programs ---- */

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(says_that_a_damaged_database_is_damaged),
        WITH_FOLDER(says_soon_that_another_program_has_locked_it),
        WITH_FOLDER(says_that_the_disk_is_full_and_keeps_what_was_acknowledged),
        WITH_FOLDER(keeps_all_that_was_acknowledged_when_killed),
        WITH_FOLDER(can_be_checked_while_another_program_reads),
    };

    return RUN_TESTS(tests);
}
