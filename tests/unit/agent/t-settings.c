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
        {"server = https://a\n#\nserver = https://b\n", ":3: server is set twice, in line 1, too"},
        {"  name = a\n  name = b\n", ":2: name is set twice"},
        {"silence-limit = 4s\n", ":1: silence-limit takes 5 seconds or more, not '4s'"},
        {"[run]\nname = x\n", ":1: there are no sections, but [run]"},
        {"name\n", ":1: is not of the form key = value"},
        {"= x\n", ":1: is not of the form key = value"},
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

static void a_line_may_be_long_and_have_a_remark(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct agent_options options = {0};
    struct trail trail = {0};
    char text[2000], hosts[1200];

    (void)state;
    for (size_t i = 0; i < sizeof(hosts) - 1; i++) {
        hosts[i] = "a.test,"[i % 7];
    }
    hosts[sizeof(hosts) - 1] = '\0';
    snprintf(text, sizeof(text),
             "\xef\xbb\xbf; first\r\nno-proxy = %s\r\n\n name : web ; x\n\tca = a;b", hosts);
    assert_ok(read_settings(arena, text, &options, &trail));
    assert_string_equal(options.no_proxy, hosts);
    assert_string_equal(options.name, "web");
    assert_string_equal(options.ca_file, "a;b");
    assert_int_equal(options.lines.ca, 5);
}

static void an_empty_token_file_is_no_token(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct agent_options options = {.join_token_file = "/dev/null"};
    struct trail trail = {0};

    (void)state;
    assert_ok(read_settings(arena, "name = x\n", &options, &trail));
    assert_null(options.join_token);
}

static const char *token_now(struct arena *arena, const struct agent_options *options)
{
    const char *token = settings_join_token(arena, options);

    return token == NULL ? "" : token;
}

/* An agent that runs gets its token when it waits already. */
static void a_token_file_is_read_at_every_join(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct agent_options options = {.join_token_file = path};
    struct agent_options said = {.join_token_file = path, .join_token = "said"};
    struct trail trail = {0};

    (void)state;
    options.config_file = said.config_file = "/dev/null";
    assert_ok(settings_read(arena, &options, &trail));
    assert_ok(settings_read(arena, &said, &trail));
    assert_string_equal(token_now(arena, &options), "");
    assert_ok(file_write(path, span_str("bwj_new\n"), 0600, &trail));
    assert_string_equal(token_now(arena, &options), "bwj_new");
    assert_string_equal(token_now(arena, &said), "said");
    assert_ok(settings_read(arena, &options, &trail));
    assert_ok(file_write(path, span_str(""), 0600, &trail)); /* it was used */
    assert_string_equal(token_now(arena, &options), "");
    options.join_token_file = "/"; /* unreadable: as it was at the start */
    assert_string_equal(token_now(arena, &options), "bwj_new");
}

static void who_looks_at_the_status_needs_no_token(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct agent_options options = {.command = COMMAND_STATUS};
    struct trail trail = {0};

    (void)state;
    assert_ok(read_settings(arena, "join-token-file = /\n", &options, &trail));
    options = (struct agent_options){.command = COMMAND_RUN};
    assert_err(read_settings(arena, "join-token-file = /\n", &options, &trail), ERR_USAGE);
}

static void run_does_not_begin_with_what_cannot_be(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"server = http://a\n", ":1: 'http://a' must begin with https://"},
        {"\nserver = attest.example\n", ":2: 'attest.example' is not an address"},
        {"server = https://a\nattest-server = x\n", ":2: 'x' is not an address"},
        {"server = https://a\nca = /nonexist\n", ":2: the CA file '/nonexist' does not exist"},
        {"server = https://a\nca = /etc/passwd\n", "'/etc/passwd' holds no certificate"},
        {"server = https://a\nproxy = ://\n", ":2: the proxy in the settings is no address"},
        {"server = https://a\ntcti = nonsense\n", ":2: no TCTI is called 'nonsense'"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct agent_options options = {0};
        struct trail trail = {0};

        assert_ok(read_settings(arena, cases[i].text, &options, &trail));
        assert_err(settings_check(&options, &trail), ERR_USAGE);
        if (strstr(trail.what, cases[i].says) == NULL) {
            fail_msg("'%s' says '%s'", cases[i].text, trail.what);
        }
    }
}

static void run_blames_the_option_that_says_it(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct agent_options options = {.server = "https://a", .ca_file = "/nonexist"};
    struct trail trail = {0};

    (void)state;
    assert_ok(read_settings(arena, "ca = /etc/passwd\n", &options, &trail));
    assert_err(settings_check(&options, &trail), ERR_USAGE);
    assert_non_null(strstr(trail.what, "--ca (or BOOTWARDEN_CA): the CA file '/nonexist'"));
    options.ca_file = NULL;
    options.tcti = "swtpm:path=/nowhere";
    assert_ok(settings_check(&options, &trail));
    options.tcti = "device:/dev/none"; /* it may come */
    assert_ok(settings_check(&options, &trail));
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
        cmocka_unit_test_setup_teardown(a_line_may_be_long_and_have_a_remark, make_file,
                                        remove_file),
        cmocka_unit_test_setup_teardown(an_empty_token_file_is_no_token, make_file, remove_file),
        cmocka_unit_test_setup_teardown(a_token_file_is_read_at_every_join, make_file, remove_file),
        cmocka_unit_test_setup_teardown(who_looks_at_the_status_needs_no_token, make_file,
                                        remove_file),
        cmocka_unit_test_setup_teardown(run_does_not_begin_with_what_cannot_be, make_file,
                                        remove_file),
        cmocka_unit_test_setup_teardown(run_blames_the_option_that_says_it, make_file, remove_file),
        cmocka_unit_test_setup_teardown(the_command_line_wins_over_the_file, make_file,
                                        remove_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
