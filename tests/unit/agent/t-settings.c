/*
 * The settings file: what is wrong in it is said with its line, and the command line wins over it.
 */
#include "agent/settings.h"

#include "base/file.h"
#include "support/support.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[64];

static int make_file(void **state)
{
    int fd;

    (void)state;
    strcpy(path, "/tmp/bootwarden-settings.XXXXXX");
    fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static err_t read_settings(struct arena *arena, const char *text, struct agent_options *options,
                           struct trail *trail)
{
    assert_ok(file_write(path, span_str(text), 0600, trail));
    options->config_file = path;
    return settings_read(arena, options, trail);
}

static void what_is_wrong_is_said_with_its_line(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"retries = 4\n", ":1: retries takes a number from 0 to 3, not '4'"},
        {"\nretries = -1\n", ":2: retries takes a number from 0 to 3"},
        {"retries =\n", ":1: retries has no value"},
        {"retry-wait = soon\n", ":1: retry-wait takes 0 to 300 seconds, not 'soon'"},
        {"retry-wait = 301\n", ":1: retry-wait takes 0 to 300 seconds"},
        {"retry = 1\n", ":1: there is no setting 'retry'"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct agent_options options = {.retries = 3};
        struct trail trail = {0};

        assert_err(read_settings(arena, cases[i].text, &options, &trail), ERR_USAGE);
        if (strstr(trail.what, cases[i].says) == NULL) {
            fail_msg("'%s' says '%s'", cases[i].text, trail.what);
        }
        assert_int_equal(options.retries, 3);
    }
}

static void the_file_says_how_often_to_try_again(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct agent_options options = {.retries = 3, .retry_wait_ms = 5000};
    struct trail trail = {0};

    (void)state;
    assert_ok(read_settings(arena, "retries = 0\nretry-wait = 0.5\n", &options, &trail));
    assert_int_equal(options.retries, 0);
    assert_int_equal(options.retry_wait_ms, 500);
}

static void the_command_line_wins_over_the_file(void **state)
{
    static const char *const words[] = {"bootwarden-agent", "run", "--retries", "2",
                                        "--retry-wait",     "1"};
    char *argv[ARRAY_LEN(words)];
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct agent_options options = {0};
    struct trail trail = {0};

    (void)state;
    memcpy((void *)argv, (const void *)words, sizeof(words));
    assert_ok(agent_options_parse(ARRAY_LEN(argv), argv, &trail, &options));
    assert_ok(read_settings(arena, "retries = 0\nretry-wait = 9\n", &options, &trail));
    assert_int_equal(options.retries, 2);
    assert_int_equal(options.retry_wait_ms, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_wrong_is_said_with_its_line, make_file,
                                        remove_file),
        cmocka_unit_test_setup_teardown(the_file_says_how_often_to_try_again, make_file,
                                        remove_file),
        cmocka_unit_test_setup_teardown(the_command_line_wins_over_the_file, make_file,
                                        remove_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
