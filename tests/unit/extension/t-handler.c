/* What the extension reads from Azure's guest agent and from owners, and what it decides alone. */
#include "extension/handler.h"
#include "extension/keeper.h"
#include "extension/region.h"
#include "extension/report.h"
#include "extension/service.h"
#include "extension/settings.h"
#include "extension/words.h"

#include "support/support.h"

#include <string.h>

static struct arena *arena;

static void assert_words(const struct trail *trail, const char *words, const char *what)
{
    char text[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX];

    trail_format(trail, ERR_OK, text, sizeof(text));
    if (strstr(text, words) == NULL) {
        fail_msg("%s: '%s' is not in '%s'", what, words, text);
    }
}

/* ---- HandlerEnvironment.json ---- */

#define FOLDERS "\"logFolder\":\"/l\",\"configFolder\":\"/c\",\"statusFolder\":\"/s\""
#define GOOD_ENVIRONMENT                                                                           \
    "[{\"name\":\"n\",\"version\":1.0,\"handlerEnvironment\":{" FOLDERS ",\"heartbeatFile\":\"/"   \
    "h\""

static const struct {
    const char *text;
    const char *words;
} bad_environments[] = {
    {"", "JSON"},
    {"{}", "array of one object"},
    {"[]", "array of one object"},
    {"[{},{}]", "array of one object"},
    {"[{}]", "handlerEnvironment"},
    {"[{\"handlerEnvironment\":{" FOLDERS "}}]", "heartbeatFile"},
    {"[{\"handlerEnvironment\":{" FOLDERS ",\"heartbeatFile\":\"h\"}}]", "absolute path"},
    {"[{\"handlerEnvironment\":{" FOLDERS ",\"heartbeatFile\":\"/h\\u0000\"}}]", "heartbeatFile"},
    {"[{\"handlerEnvironment\":{" FOLDERS ",\"heartbeatFile\":7}}]", "heartbeatFile"},
    {"[{\"handlerEnvironment\":{" FOLDERS ",\"logFolder\":\"/x\"}}]", "logFolder"},
    {GOOD_ENVIRONMENT ",\"eventsFolder\":\"e\"}}]", "eventsFolder"},
};

static void bad_environments_are_refused_in_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_environments); i++) {
        struct handler_environment got = {.log_folder = "untouched"};
        struct trail trail = {0};
        err_t err =
            handler_environment_parse(arena, span_str(bad_environments[i].text), &trail, &got);

        assert_true(err != ERR_OK);
        assert_string_equal(got.log_folder, "untouched");
        assert_words(&trail, bad_environments[i].words, bad_environments[i].text);
    }
}

static void an_environment_says_where_everything_is(void **state)
{
    struct handler_environment got = {0};

    (void)state;
    assert_ok(handler_environment_parse(
        arena, span_str(GOOD_ENVIRONMENT ",\"eventsFolder_preview\":\"/e\"}}]"), NULL, &got));
    assert_string_equal(got.log_folder, "/l");
    assert_string_equal(got.heartbeat_file, "/h");
    assert_string_equal(got.events_folder, "/e");
    assert_ok(handler_environment_parse(arena, span_str(GOOD_ENVIRONMENT "}}]"), NULL, &got));
    assert_null(got.events_folder);
}

static void sequence_numbers_are_numbers(void **state)
{
    static const char *const bad[] = {"", "-1", "1x", " 1", "2147483648", "99999999999999999999"};
    int64_t got = -5;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(handler_sequence_parse(span_str(bad[i]), &got));
    }
    assert_true(handler_sequence_parse(span_str("2147483647"), &got) && got == 2147483647);
    assert_true(handler_sequence_parse(span_str("0"), &got) && got == 0);
}

/* ---- settings ---- */

#define SETTINGS(members) "{\"runtimeSettings\":[{\"handlerSettings\":{" members "}}]}"
#define THUMBPRINT                                                                                 \
    "\"protectedSettingsCertThumbprint\":\"00112233445566778899AABBCCDDEEFF00112233\""

static const struct {
    const char *text;
    const char *words;
} bad_settings[] = {
    {"{", "JSON"},
    {"[]", "runtimeSettings"},
    {"{\"runtimeSettings\":{}}", "runtimeSettings"},
    {"{\"runtimeSettings\":[]}", "one element"},
    {"{\"runtimeSettings\":[{}]}", "handlerSettings"},
    {SETTINGS("\"publicSettings\":\"\""), "publicSettings"},
    {SETTINGS("\"publicSettings\":{\"AttestationConfig\":{\"MaaSettings\":{\"maaEndpoint\":"
              "\"http://h\"}}}"),
     "publicSettings.maaEndpoint: must begin with https://"},
    {SETTINGS("\"protectedSettings\":\"MIIB\""), "protectedSettingsCertThumbprint"},
    {SETTINGS("\"protectedSettings\":\"MIIB\",\"protectedSettingsCertThumbprint\":\"../../x\""),
     "40 hexadecimal digits"},
    {SETTINGS("\"protectedSettings\":\"no base64\"," THUMBPRINT), "base64 of CMS"},
    {SETTINGS("\"protectedSettings\":{}," THUMBPRINT), "base64 of CMS"},
};

static void bad_settings_are_refused_in_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_settings); i++) {
        struct handler_settings_file got = {.thumbprint = "untouched"};
        struct trail trail = {0};

        if (handler_settings_parse(arena, span_str(bad_settings[i].text), &trail, &got) == ERR_OK ||
            strcmp(got.thumbprint, "untouched") != 0) {
            fail_msg("%s", bad_settings[i].text);
        }
        assert_words(&trail, bad_settings[i].words, bad_settings[i].text);
    }
}

static void no_settings_are_all_defaults(void **state)
{
    static const char *const texts[] = {
        "", " \n", SETTINGS(""),
        SETTINGS("\"publicSettings\":null,\"protectedSettings\":null,"
                 "\"protectedSettingsCertThumbprint\":null"),
        SETTINGS("\"publicSettings\":{},\"protectedSettings\":\"\"")};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct handler_settings_file got = {.config.frequency_minutes = 1};

        assert_ok(handler_settings_parse(arena, span_str(texts[i]), NULL, &got));
        assert_null(got.config.attest_url);
        assert_null(got.config.report_url);
        assert_int_equal(got.config.frequency_minutes, 0);
        assert_int_equal(got.envelope.len, 0);
    }
}

static void both_shapes_of_settings_are_read(void **state)
{
    struct handler_settings_file got = {0};

    (void)state;
    assert_ok(handler_settings_parse(
        arena,
        span_str(SETTINGS("\"publicSettings\":{\"AttestationEndpointCfg\":{\"maaEndpoint\":"
                          "\"https://m\",\"ascReportingEndpoint\":\"https://r\"}},"
                          "\"protectedSettings\":\"MI\\nIB\"," THUMBPRINT)),
        NULL, &got));
    assert_string_equal(got.config.attest_url, "https://m");
    assert_string_equal(got.config.report_url, "https://r");
    assert_int_equal(got.envelope.len, 3);
    assert_string_equal(got.thumbprint, "00112233445566778899AABBCCDDEEFF00112233");
}

static void secrets_are_two_and_never_told(void **state)
{
    static const char *const bad[] = {"",
                                      "[\"hush\"]",
                                      "{\"joinToken\":\"hush\",\"joinToken\":\"hush\"}",
                                      "{\"joinToken\":7}",
                                      "{\"joinToken\":\"hu sh\"}",
                                      "{\"proxyUrl\":\"http://u:hush\\r\\nX: y@h\"}",
                                      "{\"proxyURL\":\"hush\"}"};
    struct handler_secrets got = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct trail trail = {0};

        assert_true(handler_secrets_parse(arena, span_str(bad[i]), &trail, &got) != ERR_OK);
        assert_null(strstr(trail.what, "hush"));
    }
    assert_ok(handler_secrets_parse(
        arena, span_str("{\"joinToken\":\"t\",\"proxyUrl\":\"http://u:p@h:1\"}"), NULL, &got));
    assert_string_equal(got.join_token, "t");
    assert_string_equal(got.proxy_url, "http://u:p@h:1");
}

/* ---- what was said before ---- */

static void only_a_good_enabling_is_a_good_verdict(void **state)
{
    static const struct {
        const char *text;
        enum handler_verdict want;
    } cases[] = {
        {"", HANDLER_NO_VERDICT},
        {"[]", HANDLER_NO_VERDICT},
        {"[{\"status\":{\"status\":7}}]", HANDLER_NO_VERDICT},
        {"[{\"status\":{\"status\":\"transitioning\",\"operation\":\"Enable\"}}]",
         HANDLER_TRANSITIONING},
        {"[{\"status\":{\"status\":\"error\",\"operation\":\"Enable\"}}]", HANDLER_BAD},
        {"[{\"status\":{\"status\":\"success\",\"operation\":\"Disable\"}}]", HANDLER_BAD},
        {"[{\"status\":{\"status\":\"success\",\"operation\":\"Enable\"}}]", HANDLER_GOOD},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(handler_verdict_parse(arena, span_str(cases[i].text)), cases[i].want);
    }
}

/* ---- decisions ---- */

static void kernels_before_4_12_are_too_old(void **state)
{
    (void)state;
    assert_false(handler_kernel_is_supported("3.10.0-1160.el7.x86_64"));
    assert_false(handler_kernel_is_supported("4.4.0-31-generic"));
    assert_false(handler_kernel_is_supported("4.11.12"));
    assert_false(handler_kernel_is_supported(""));
    assert_true(handler_kernel_is_supported("4.12.14-122-azure"));
    assert_true(handler_kernel_is_supported("4.18.0-553.el8_10.x86_64"));
    assert_true(handler_kernel_is_supported("6.1"));
}

static void a_sibling_is_the_same_folder_of_another_version(void **state)
{
    (void)state;
    assert_string_equal(handler_sibling(arena, "/lib/A.B-1.0.0.2", "1.0.0.1"), "/lib/A.B-1.0.0.1");
    assert_null(handler_sibling(arena, "/lib/A.B-1.0", "../x"));
    assert_null(handler_sibling(arena, "/lib/A.B-1.0", ""));
    assert_null(handler_sibling(arena, "/lib/A.B-1.0", NULL));
    assert_null(handler_sibling(arena, "/lib-a/AB", "1.0"));
}

static void a_unit_holds_no_name_that_systemd_reads_otherwise(void **state)
{
    (void)state;
    assert_null(handler_unit_text(arena, "/lib/with space"));
    assert_null(handler_unit_text(arena, "/lib/100%"));
    assert_null(handler_unit_text(arena, "/lib/a\nExecStart=/bin/false"));
    assert_non_null(strstr(handler_unit_text(arena, "/lib/A.B-1.0"),
                           "\nExecStart=/lib/A.B-1.0/bin/handler run --extension /lib/A.B-1.0\n"));
}

static void a_worker_that_falls_again_waits_longer(void **state)
{
    (void)state;
    assert_int_equal(keeper_pause_ms(1), 1000);
    assert_int_equal(keeper_pause_ms(2), 2000);
    assert_int_equal(keeper_pause_ms(6), 32000);
    assert_int_equal(keeper_pause_ms(7), KEEPER_MAX_PAUSE_MS);
    assert_int_equal(keeper_pause_ms(4000000000u), KEEPER_MAX_PAUSE_MS);
}

static void a_verdict_comes_in_five_minutes_however_long_enabling_took(void **state)
{
    (void)state;
    assert_int_equal(keeper_limit_s(KEEPER_VERDICT_S, 0), KEEPER_VERDICT_S);
    assert_int_equal(keeper_limit_s(KEEPER_VERDICT_S, 3), KEEPER_VERDICT_S);
    assert_int_equal(keeper_limit_s(KEEPER_VERDICT_S, 185), 100);
    assert_int_equal(keeper_limit_s(KEEPER_VERDICT_S, 4000), 0);
    assert_int_equal(keeper_limit_s(3, 0), 3);
}

static void a_region_says_which_provider(void **state)
{
    static const struct {
        const char *body;
        const char *url; /* NULL: refused */
    } cases[] = {
        {"{\"location\":\"eastus\",\"azEnvironment\":\"AzurePublicCloud\"}",
         "https://sharedeus.eus.attest.azure.net"},
        {"{\"location\":\"usgovvirginia\",\"azEnvironment\":\"AzureUSGovernmentCloud\"}",
         "https://sharedugv.ugv.attest.azure.us"},
        {"{\"location\":\"usgovvirginia\",\"azEnvironment\":\"AzurePublicCloud\"}", NULL},
        {"{\"location\":\"eastus\",\"azEnvironment\":\"AzureChinaCloud\"}", NULL},
        {"{\"location\":\"evil.example/\",\"azEnvironment\":\"AzurePublicCloud\"}", NULL},
        {"{\"location\":\"\",\"azEnvironment\":\"AzurePublicCloud\"}", NULL},
        {"{\"location\":\"eastus\"}", NULL},
        {"[]", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *url = NULL;
        struct trail trail = {0};
        err_t err = region_endpoint_parse(arena, span_str(cases[i].body), &trail, &url);

        if ((cases[i].url == NULL) != (err != ERR_OK) ||
            (url != NULL && strcmp(url, cases[i].url) != 0)) {
            fail_msg("%s: %s", cases[i].body, url == NULL ? trail.what : url);
        }
    }
}

/* ---- words ---- */

static void words_of_the_command_line_become_settings(void **state)
{
    (void)state;
    assert_string_equal(extension_words(arena, "Check the name in --server.", false),
                        "Check the name in ascReportingEndpoint.");
    assert_string_equal(extension_words(arena, "Check the name in --server.", true),
                        "Check the name in maaEndpoint.");
    assert_string_equal(extension_words(arena, "--ca (or BOOTWARDEN_CA): x; --tcti", false),
                        "ca in /etc/bootwarden/agent.conf: x; tcti in /etc/bootwarden/agent.conf");
    assert_string_equal(extension_words(arena, "", false), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_environments_are_refused_in_words),
        cmocka_unit_test(an_environment_says_where_everything_is),
        cmocka_unit_test(sequence_numbers_are_numbers),
        cmocka_unit_test(bad_settings_are_refused_in_words),
        cmocka_unit_test(no_settings_are_all_defaults),
        cmocka_unit_test(both_shapes_of_settings_are_read),
        cmocka_unit_test(secrets_are_two_and_never_told),
        cmocka_unit_test(only_a_good_enabling_is_a_good_verdict),
        cmocka_unit_test(kernels_before_4_12_are_too_old),
        cmocka_unit_test(a_sibling_is_the_same_folder_of_another_version),
        cmocka_unit_test(a_unit_holds_no_name_that_systemd_reads_otherwise),
        cmocka_unit_test(a_worker_that_falls_again_waits_longer),
        cmocka_unit_test(a_verdict_comes_in_five_minutes_however_long_enabling_took),
        cmocka_unit_test(a_region_says_which_provider),
        cmocka_unit_test(words_of_the_command_line_become_settings),
    };
    int failed;

    arena = test_arena();
    failed = RUN_TESTS(tests);
    arena_free(arena);
    return failed;
}
