#include "agent/options.h"

#include "support/support.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 12 };

static err_t parse(const char *line, struct trail *trail, struct agent_options *options)
{
    static char copy[512];
    char *argv[WORDS_MAX + 2] = {(char[]){"bootwarden-agent"}};
    char *save = NULL;
    struct agent_options read = {0};
    int argc = 1;
    err_t err;

    snprintf(copy, sizeof(copy), "%s", line);
    for (char *word = strtok_r(copy, " ", &save); word != NULL && argc <= WORDS_MAX;
         word = strtok_r(NULL, " ", &save)) {
        argv[argc++] = word;
    }
    *trail = (struct trail){0};
    err = agent_options_parse(argc, argv, trail, &read);
    if (err == ERR_OK && read.command != COMMAND_HELP && read.command != COMMAND_VERSION) {
        err = agent_options_check(&read, trail);
    }
    if (err == ERR_OK) {
        *options = read;
    }
    return err;
}

static const struct {
    const char *line;
    const char *words; /* of the error */
} wrong[] = {
    {"", "no command"},
    {"prove --server https://h", "unknown command 'prove'"},
    {"attest", "--server"},
    {"run --server https://h --period 0", "1 to 1440 minutes"},
    {"run --server https://h --period 10m", "1 to 1440 minutes"},
    {"run --server https://h --period 99999", "1 to 1440 minutes"},
    {"attest --server", "needs a value: URL"},
    {"attest --server=", "needs a value: URL"},
    {"attest --server https://h extra", "one word too many"},
    {"attest --server https://h --frob", "unknown option '--frob'"},
    {"attest --server https://h --serve", "unknown option '--serve'"},
    {"attest --server https://h --azure=yes", "takes no value"},
    {"attest --server https://h --output yaml", "text, json or token"},
    {"enroll --server https://h --output token", "goes with attest"},
    {"attest --server https://h --name a/b", "--name takes"},
    {"attest --server https://h --retries 4", "0 to 3"},
    {"attest --server https://h --retries -1", "0 to 3"},
    {"attest --server https://h --retry-wait 301", "0 to 300"},
    {"attest --server https://h --retry-wait nan", "0 to 300"},
    {"attest --server https://h --retry-wait 1x", "0 to 300"},
    {"attest --server https://h --azure --ima-log /x", "--ima-log"},
    {"attest --server https://h --efivars /x", "goes with check"},
    {"check --server https://h --output token", "goes with attest"},
    {"attest --server https://h --proxy", "needs a value: URL"},
    {"attest --server https://h --no-proxy=", "needs a value: LIST"},
    {"attest --server https://h --prxy=http://u:s3cret@p", "unknown option '--prxy';"},
    {"attest --server https://h http://u:s3cret@p", "one word too many"},
};

static void wrong_lines_are_refused_in_words(void **state)
{
    (void)state;
    unsetenv("BOOTWARDEN_ENDPOINT");
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct agent_options options = {.server = "untouched"};
        struct trail trail;

        if (parse(wrong[i].line, &trail, &options) != ERR_USAGE ||
            strstr(trail.what, wrong[i].words) == NULL ||
            strcmp(options.server, "untouched") != 0 || strstr(trail.what, "s3cret") != NULL) {
            fail_msg("\"%s\": \"%s\"", wrong[i].line, trail.what);
        }
    }
}

static void options_are_read_in_both_spellings(void **state)
{
    struct agent_options options;
    struct trail trail;

    (void)state;
    assert_ok(parse("--server=https://h:1/p attest --ca /ca --name web-1 --output json "
                    "--retries=0 --retry-wait 0.25",
                    &trail, &options));
    assert_int_equal(options.command, COMMAND_ATTEST);
    assert_string_equal(options.server, "https://h:1/p");
    assert_string_equal(options.ca_file, "/ca");
    assert_string_equal(options.name, "web-1");
    assert_int_equal(options.output, OUTPUT_JSON);
    assert_int_equal(options.retries, 0);
    assert_int_equal(options.retry_wait_ms, 250);
    assert_false(options.is_azure);
}

static void environment_names_the_service_unless_the_line_does(void **state)
{
    struct agent_options options;
    struct trail trail;

    (void)state;
    setenv("BOOTWARDEN_ENDPOINT", "https://from-environment", 1);
    setenv("BOOTWARDEN_CA", "/ca-from-environment", 1);
    assert_ok(parse("enroll", &trail, &options));
    assert_string_equal(options.server, "https://from-environment");
    assert_string_equal(options.ca_file, "/ca-from-environment");
    assert_ok(parse("enroll --server https://given", &trail, &options));
    assert_string_equal(options.server, "https://given");
    unsetenv("BOOTWARDEN_ENDPOINT");
    unsetenv("BOOTWARDEN_CA");
}

static void addresses_and_proxies_are_taken_as_they_are(void **state)
{
    struct agent_options options;
    struct trail trail;

    (void)state;
    unsetenv("BOOTWARDEN_CA");
    assert_ok(parse("check --server https://g --proxy http://p:1 --no-proxy a,b --efivars /e",
                    &trail, &options));
    assert_int_equal(options.command, COMMAND_CHECK);
    assert_string_equal(options.proxy, "http://p:1");
    assert_string_equal(options.no_proxy, "a,b");
    assert_string_equal(options.efivars, "/e");
    assert_string_equal(agent_attest_url(&options), "https://g");
    assert_string_equal(agent_attest_option(&options), "--server");
    assert_ok(parse("attest --server https://g --attest-server https://a/p", &trail, &options));
    assert_string_equal(agent_attest_url(&options), "https://a/p");
    assert_string_equal(agent_attest_option(&options), "--attest-server");
}

static void ca_of_this_machine_is_taken_when_nobody_names_one(void **state)
{
    struct agent_options options = {.ca_file = "/named"};

    (void)state;
    agent_options_default_ca(&options, "/etc/passwd");
    assert_string_equal(options.ca_file, "/named");
    options.ca_file = NULL;
    agent_options_default_ca(&options, "/nonexistent");
    assert_null(options.ca_file);
    agent_options_default_ca(&options, "/etc/passwd");
    assert_string_equal(options.ca_file, "/etc/passwd");
}

static void help_and_version_need_nothing_else(void **state)
{
    struct agent_options options;
    struct trail trail;

    (void)state;
    assert_ok(parse("--help", &trail, &options));
    assert_int_equal(options.command, COMMAND_HELP);
    assert_ok(parse("attest --help", &trail, &options));
    assert_int_equal(options.command, COMMAND_HELP);
    assert_ok(parse("--version", &trail, &options));
    assert_int_equal(options.command, COMMAND_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_lines_are_refused_in_words),
        cmocka_unit_test(options_are_read_in_both_spellings),
        cmocka_unit_test(environment_names_the_service_unless_the_line_does),
        cmocka_unit_test(addresses_and_proxies_are_taken_as_they_are),
        cmocka_unit_test(ca_of_this_machine_is_taken_when_nobody_names_one),
        cmocka_unit_test(help_and_version_need_nothing_else),
    };

    return RUN_TESTS(tests);
}
