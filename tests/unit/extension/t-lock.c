/* Locks that another process holds, and files that are written for others. */
#include "extension/lock.h"
#include "extension/report.h"
#include "extension/spawn.h"

#include "base/file.h"
#include "support/support.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct arena *arena;
static char folder[64], lock_path[96];

static int open_lock(void)
{
    int fd = -1;

    assert_ok(handler_lock_open(lock_path, NULL, &fd));
    return fd;
}

/* A process that holds the byte when this returns. */
static pid_t hold(enum handler_byte byte, bool is_deaf)
{
    int ends[2];
    char ready = 0;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        int fd = -1;

        signal(SIGTERM, is_deaf ? SIG_IGN : SIG_DFL);
        if (handler_lock_open(lock_path, NULL, &fd) != ERR_OK ||
            handler_lock_take(fd, byte, 0) != ERR_OK || write(ends[1], "", 1) != 1) {
            _exit(1);
        }
        for (;;) {
            pause();
        }
    }
    assert_true(child > 0);
    close(ends[1]);
    assert_int_equal(read(ends[0], &ready, 1), 1);
    close(ends[0]);
    return child;
}

static void end(pid_t child)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void a_lock_is_not_taken_from_its_holder(void **state)
{
    int fd = open_lock();
    pid_t other = hold(HANDLER_BYTE_KEEPER, false);

    (void)state;
    assert_err(handler_lock_take(fd, HANDLER_BYTE_KEEPER, 0), ERR_TIMEOUT);
    assert_int_equal(handler_lock_holder(fd, HANDLER_BYTE_KEEPER), other);
    assert_int_equal(handler_lock_holder(fd, HANDLER_BYTE_WORKER), 0);
    end(other);
    assert_ok(handler_lock_take(fd, HANDLER_BYTE_KEEPER, 0));
    assert_int_equal(handler_lock_holder(fd, HANDLER_BYTE_KEEPER), 0);
    close(fd);
}

static void a_holder_is_asked_to_end_and_then_made_to(void **state)
{
    int fd = open_lock();
    int status = 0;
    pid_t other = hold(HANDLER_BYTE_WORKER, false);

    (void)state;
    assert_ok(handler_lock_end_holder(fd, HANDLER_BYTE_WORKER, 10000));
    assert_int_equal(waitpid(other, &status, 0), other);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    other = hold(HANDLER_BYTE_WORKER, true);
    assert_ok(handler_lock_end_holder(fd, HANDLER_BYTE_WORKER, 50));
    assert_int_equal(waitpid(other, &status, 0), other);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_ok(handler_lock_end_holder(fd, HANDLER_BYTE_WORKER, 0));
    close(fd);
}

static void a_link_is_no_lock(void **state)
{
    char path[96];
    struct trail trail = {0};
    int fd = -1;

    (void)state;
    snprintf(path, sizeof(path), "%s/link", folder);
    assert_int_equal(symlink("/dev/null", path), 0);
    assert_err(handler_lock_open(path, &trail, &fd), ERR_IO);
    unlink(path);
}

static void programs_are_waited_for_and_judged(void **state)
{
    const char *const good[] = {"true", NULL};
    const char *const bad[] = {"false", NULL};
    const char *const none[] = {"/nonexistent/program", NULL};

    (void)state;
    assert_true(handler_spawn_wait(good));
    assert_false(handler_spawn_wait(bad));
    assert_false(handler_spawn_wait(none));
}

static void a_detached_program_is_nobodys_child(void **state)
{
    char path[96], script[400];
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    struct span text = {0};

    (void)state;
    snprintf(path, sizeof(path), "%s/said", folder);
    snprintf(script, sizeof(script), "(pwd; [ -t 0 ] || echo dark) >%s.new; mv %s.new %s", path,
             path, path);
    assert_ok(handler_spawn_detached(argv, folder, NULL));
    for (int i = 0; i < 500 && !file_exists(path); i++) {
        usleep(20000);
    }
    assert_ok(file_read(arena, path, 1000, NULL, &text));
    assert_true(span_starts(text, folder));
    assert_non_null(strstr((const char *)text.data, "\ndark\n"));
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    unlink(path);
}

static size_t count(const char *path)
{
    const char **names = NULL;
    size_t n = 0;

    assert_ok(file_list(arena, path, NULL, &names));
    while (names[n] != NULL) {
        n++;
    }
    return n;
}

static void events_do_not_fill_the_disk(void **state)
{
    struct handler handler = {.arena = arena, .root = "", .folder = folder};
    char long_text[20000];

    (void)state;
    handler.at.events_folder = arena_printf(arena, "%s/events", folder);
    assert_ok(file_make_folder(handler.at.events_folder, 0700, NULL));
    memset(long_text, 0x01, sizeof(long_text) - 1); /* each becomes four characters */
    long_text[sizeof(long_text) - 1] = '\0';
    for (size_t i = 0; i < HANDLER_EVENTS_MAX + 20; i++) {
        handler_event(&handler, HANDLER_ERROR, "Enable", i == 0 ? long_text : "again");
    }
    assert_int_equal(count(handler.at.events_folder), HANDLER_EVENTS_MAX);
}

static void the_log_begins_anew_when_it_is_full(void **state)
{
    struct handler handler = {.arena = arena, .root = "", .folder = folder};
    char log[128], older[128];
    int stderr_kept = dup(STDERR_FILENO);
    struct stat st;

    (void)state;
    handler.at.log_folder = arena_printf(arena, "%s/log", folder);
    snprintf(log, sizeof(log), "%s/log/extension.log", folder);
    snprintf(older, sizeof(older), "%s/log/extension.log.1", folder);
    assert_true(handler_log_open(&handler));
    handler_log_rotate(&handler);
    assert_false(file_exists(older));
    assert_int_equal(ftruncate(STDERR_FILENO, HANDLER_LOG_MAX), 0);
    handler_log_rotate(&handler);
    assert_int_equal(stat(older, &st), 0);
    assert_int_equal(st.st_size, HANDLER_LOG_MAX);
    assert_int_equal(stat(log, &st), 0);
    assert_int_equal(st.st_size, 0);
    /* Somebody removed it: it is there again, and the older one stays. */
    assert_int_equal(unlink(log), 0);
    handler_log_rotate(&handler);
    assert_true(file_exists(log) && file_exists(older));
    dup2(stderr_kept, STDERR_FILENO);
    close(stderr_kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lock_is_not_taken_from_its_holder),
        cmocka_unit_test(a_holder_is_asked_to_end_and_then_made_to),
        cmocka_unit_test(a_link_is_no_lock),
        cmocka_unit_test(programs_are_waited_for_and_judged),
        cmocka_unit_test(a_detached_program_is_nobodys_child),
        cmocka_unit_test(events_do_not_fill_the_disk),
        cmocka_unit_test(the_log_begins_anew_when_it_is_full),
    };
    const char *const rm[] = {"rm", "-r", folder, NULL};
    int failed;

    arena = test_arena();
    snprintf(folder, sizeof(folder), "/tmp/bootwarden-handler.XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    snprintf(lock_path, sizeof(lock_path), "%s/run/lock", folder);
    failed = RUN_TESTS(tests);
    (void)handler_spawn_wait(rm);
    arena_free(arena);
    return failed;
}
