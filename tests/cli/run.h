/*
 * run.h - run the bootwarden program and keep what it says.
 */
#ifndef TESTS_CLI_RUN_H
#define TESTS_CLI_RUN_H

#include "support/support.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RUN_MAX = 8 * 1024 * 1024 };

struct run {
    int exit_code;
    const char *out; /* NUL-terminated, in the arena */
    const char *err;
};

static inline const char *run_slurp(struct arena *arena, int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char *text;

    assert_true(size >= 0 && size < RUN_MAX);
    text = arena_calloc(arena, (size_t)size + 1, 1);
    assert_non_null(text);
    assert_int_equal(pread(fd, text, (size_t)size, 0), size);
    close(fd);
    return text;
}

static inline int run_file(void)
{
    char name[] = "/tmp/bootwarden-test-XXXXXX";
    int fd = mkstemp(name);

    assert_true(fd >= 0);
    assert_int_equal(unlink(name), 0);
    return fd;
}

/* args after the program's name, NULL-terminated; input becomes standard input. */
static inline struct run run_program(struct arena *arena, const char *const *args,
                                     struct span input)
{
    extern char **environ;
    const char *argv[32] = {BOOTWARDEN_PROGRAM};
    posix_spawn_file_actions_t actions;
    int in = run_file(), out = run_file(), err = run_file();
    struct run run = {0};
    int status = 0;
    pid_t pid = 0;

    for (size_t i = 0; args[i] != NULL; i++) {
        assert_true(i + 2 < ARRAY_LEN(argv));
        argv[i + 1] = args[i];
    }
    assert_int_equal(write(in, input.data, input.len), (ssize_t)input.len);
    assert_int_equal(lseek(in, 0, SEEK_SET), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, in, 0), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, out, 1), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, err, 2), 0);
    /* posix_spawn does not change the strings. */
    assert_int_equal(
        posix_spawn(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    run.exit_code = WEXITSTATUS(status);
    close(in);
    run.out = run_slurp(arena, out);
    run.err = run_slurp(arena, err);
    return run;
}

#define RUN(arena, ...)                                                                            \
    run_program(arena, (const char *const[]){__VA_ARGS__, NULL}, (struct span){0})

static inline void assert_says(const char *text, const char *words)
{
    if (strstr(text, words) == NULL) {
        fail_msg("'%s' is not in: %.2000s", words, text);
    }
}

#endif
