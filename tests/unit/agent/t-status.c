/*
 * The command `status`: what it says first, its exit status, and when what was written once counts
 * for nothing. Who holds the folder is another process, as in life.
 */
#include "agent/status.h"

#include "agent/state.h"
#include "base/file.h"
#include "base/timestamp.h"
#include "support/support.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SAID_MAX = 4096, PERIOD_S = 60 };

static char folder[64], file[96];
static pid_t holder = -1;
static int end_fd = -1;

/* Another process takes the folder, and holds it until release(). */
static void hold(void)
{
    int ready[2], end[2];
    char c = 0;

    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(end), 0);
    holder = fork();
    assert_true(holder >= 0);
    if (holder == 0) {
        close(end[1]);
        c = state_take(folder, NULL) == ERR_OK ? 'y' : 'n';
        (void)!write(ready[1], &c, 1);
        (void)!read(end[0], &c, 1);
        _exit(0);
    }
    close(end[0]);
    close(ready[1]);
    end_fd = end[1];
    assert_int_equal(read(ready[0], &c, 1), 1);
    close(ready[0]);
    assert_int_equal(c, 'y');
}

static void release(void)
{
    if (holder > 0) {
        close(end_fd);
        waitpid(holder, NULL, 0);
        holder = -1;
    }
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/bootwarden-status.XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(file, sizeof(file), "%s/" STATUS_FILE, folder);
    return 0;
}

static int remove_folder(void **state)
{
    char path[96];

    (void)state;
    release();
    snprintf(path, sizeof(path), "%s/" STATE_LOCK_FILE, folder);
    unlink(path);
    unlink(file);
    return rmdir(folder);
}

static void keep(const char *outcome, int64_t time)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct status status = {.operation = "Enable", .status = STATUS_SUCCESS, .message = "m"};
    const struct status_origin origin = {.outcome = outcome, .period_s = PERIOD_S};

    status.time = time;
    assert_ok(status_keep(file, arena, &status, &origin, NULL));
}

/* Its exit status, and what went to standard output. */
static int show(char said[SAID_MAX])
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct agent_options options = {.state = folder};
    int kept = dup(STDOUT_FILENO), exit;
    FILE *out = tmpfile();
    size_t len;

    assert_non_null(out);
    fflush(stdout);
    dup2(fileno(out), STDOUT_FILENO);
    exit = (int)status_show(&options, arena);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    rewind(out);
    len = fread(said, 1, SAID_MAX - 1, out);
    said[len] = '\0';
    fclose(out);
    return exit;
}

static void only_what_is_well_ends_with_0(void **state)
{
    static const struct {
        const char *outcome;
        int exit;
    } cases[] = {
        {"refused", EXIT_NO}, {"unreachable", EXIT_NO}, {"waiting", EXIT_NO},
        {"failed", EXIT_NO},  {"attested", EXIT_TOKEN}, {"idle", EXIT_TOKEN},
    };
    char said[SAID_MAX];

    (void)state;
    hold();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        keep(cases[i].outcome, timestamp_now());
        assert_int_equal(show(said), cases[i].exit);
        assert_memory_equal(said, cases[i].outcome, strlen(cases[i].outcome));
    }
}

static void what_nobody_keeps_true_is_stale(void **state)
{
    char said[SAID_MAX];

    (void)state;
    keep("attested", timestamp_now());
    assert_int_equal(show(said), EXIT_NO);
    assert_non_null(strstr(said, "stale ("));
    assert_non_null(strstr(said, "bootwarden-agent run does not run"));
    hold();
    assert_int_equal(show(said), EXIT_TOKEN);
    release(); /* as by a kill */
    assert_int_equal(show(said), EXIT_NO);
}

static void what_is_older_than_three_periods_is_stale(void **state)
{
    char said[SAID_MAX];

    (void)state;
    hold();
    keep("attested", timestamp_now() - (STATUS_PERIODS_MAX * PERIOD_S) - 5);
    assert_int_equal(show(said), EXIT_NO);
    assert_non_null(strstr(said, "older than three periods"));
    assert_non_null(strstr(said, "what it came to then: attested"));
    keep("attested", timestamp_now() - (2 * PERIOD_S));
    assert_int_equal(show(said), EXIT_TOKEN);
}

static void what_another_boot_or_version_wrote_is_stale(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"[{\"status\":{\"status\":\"success\"},\"outcome\":\"attested\"}]", "another version"},
        {"[{\"status\":{\"status\":\"success\"},\"outcome\":\"attested\",\"periodSeconds\":60,"
         "\"bootId\":\"x\",\"timestampUTC\":\"2099-01-01T00:00:00Z\"}]",
         "this machine has booted since"},
    };
    char said[SAID_MAX];

    (void)state;
    hold();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_ok(file_write(file, span_str(cases[i].text), 0644, NULL));
        assert_int_equal(show(said), EXIT_NO);
        assert_non_null(strstr(said, cases[i].says));
    }
    assert_ok(file_write(file, span_str("[]"), 0644, NULL));
    assert_int_equal(show(said), EXIT_USAGE);
}

static void a_folder_is_one_agents(void **state)
{
    struct trail trail = {0};
    char words[64];

    (void)state;
    assert_int_equal(state_look(folder), STATE_FREE);
    hold();
    assert_int_equal(state_look(folder), STATE_HELD);
    assert_err(state_take(folder, &trail), ERR_CONFLICT);
    snprintf(words, sizeof(words), "(process %d)", (int)holder);
    assert_non_null(strstr(trail.what, words));
    release();
    assert_ok(state_take(folder, &trail));
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(only_what_is_well_ends_with_0),
        WITH_FOLDER(what_nobody_keeps_true_is_stale),
        WITH_FOLDER(what_is_older_than_three_periods_is_stale),
        WITH_FOLDER(what_another_boot_or_version_wrote_is_stale),
        WITH_FOLDER(a_folder_is_one_agents),
    };

    return RUN_TESTS(tests);
}
