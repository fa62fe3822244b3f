#include "agent/goal.h"

#include "httpclient/address.h"
#include "support/support.h"

#include <string.h>

static err_t read_config(struct arena *arena, const char *json, struct trail *trail,
                         struct attestation_config *ret)
{
    yyjson_val *value = NULL;

    *trail = (struct trail){0};
    assert_ok(json_read(arena, span_str(json), NULL, NULL, &value));
    return attestation_config_read(arena, value, trail, ret);
}

#define MAA(url) "{\"AttestationConfig\":{\"MaaSettings\":{\"maaEndpoint\":\"" url "\"}}}"

static const struct {
    const char *json, *where;
} wrong[] = {
    {"[]", "settings"},
    {"{\"AttestationConfig\":1}", "AttestationConfig"},
    {"{\"AttestationConfig\":{\"MaaSettings\":[]}}", "MaaSettings"},
    {"{\"AttestationConfig\":{\"MaaSettings\":{\"maaEndpoint\":7}}}", "maaEndpoint"},
    {"{\"AttestationConfig\":{\"MaaSettings\":{\"maaEndpoint\":\"http://h\"}}}", "maaEndpoint"},
    {MAA("https://"), "maaEndpoint"},
    {MAA("https:///path"), "maaEndpoint"},
    {MAA("https://x/?a=1"), "maaEndpoint"},
    {MAA("https://x?a=1"), "maaEndpoint"},
    {MAA("https://x/#a"), "maaEndpoint"},
    {MAA("https://u@x"), "maaEndpoint"},
    {MAA("https://u:p@x/"), "maaEndpoint"},
    {MAA("https://x "), "maaEndpoint"},
    {MAA(" https://x"), "maaEndpoint"},
    {MAA("https://x/a b"), "maaEndpoint"},
    {MAA("https://x\\n"), "maaEndpoint"},
    {MAA("https://x:"), "maaEndpoint"},
    {MAA("https://x:0"), "maaEndpoint"},
    {MAA("https://x:65536"), "maaEndpoint"},
    {MAA("https://x:443443"), "maaEndpoint"},
    {MAA("https://x:44a"), "maaEndpoint"},
    {MAA("https://[::1"), "maaEndpoint"},
    {MAA("https://[:::]"), "maaEndpoint"},
    {MAA("https://[]"), "maaEndpoint"},
    {MAA("https://[1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111]"), "maaEndpoint"},
    {MAA("https://x\\\\y"), "maaEndpoint"},
    {MAA("https://x/<y>"), "maaEndpoint"},
    {MAA("https://\xc3\xa4"), "maaEndpoint"},
    {"{\"AttestationConfig\":{\"AscSettings\":{\"ascReportingEndpoint\":\"h\"}}}",
     "ascReportingEndpoint"},
    {"{\"AttestationConfig\":{\"AscSettings\":{\"ascReportingFrequency\":\"4\"}}}",
     "ascReportingFrequency"},
    {"{\"AttestationConfig\":{\"AscSettings\":{\"ascReportingFrequency\":\"1441\"}}}",
     "ascReportingFrequency"},
    {"{\"AttestationConfig\":{\"AscSettings\":{\"ascReportingFrequency\":\" 60\"}}}",
     "ascReportingFrequency"},
    {"{\"AttestationConfig\":{\"AscSettings\":{\"ascReportingFrequency\":60}}}",
     "ascReportingFrequency"},
    {"{\"AttestationConfig\":{\"useCustomToken\":\"perhaps\"}}", "useCustomToken"},
    {"{\"AttestationConfig\":{\"disableAlerts\":true}}", "disableAlerts"},
};

static void settings_that_are_wrong_are_named(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct attestation_config config;
        struct trail trail;

        if (read_config(arena, wrong[i].json, &trail, &config) != ERR_VALUE ||
            strcmp(trail.where, wrong[i].where) != 0) {
            fail_msg("%s: %s: %s", wrong[i].json, trail.where, trail.what);
        }
    }
}

/* What is taken here is what the HTTP client takes: nothing that was set can keep it from opening a
 * connection. */
static void an_address_that_is_taken_is_one_to_the_client(void **state)
{
    static const char *const settings[] = {
        MAA("https://attest.example.net"),
        MAA("https://127.0.0.1:8443/providers/p1"),
        MAA("https://[::1]:443/"),
        MAA("https://a_b-c.d./x%20y/~z"),
        MAA("https://X:65535//a/../b;c"),
        MAA("https://1.2.3.4.5"),
        MAA("https://256.1.1.1"),
        MAA("https://a..b/"),
        MAA("https://x/%zz"),
        MAA("https://[::ffff:1.2.3.4]"),
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        struct attestation_config config;
        struct http_address address;
        struct trail trail;

        assert_ok(read_config(arena, settings[i], &trail, &config));
        if (http_address_read(config.attest_url, &trail, &address) != ERR_OK) {
            fail_msg("%s: %s", config.attest_url, trail.what);
        }
    }
}

/* The commonest case of all, and what the templates of Azure send. */
static void nothing_and_empty_leaves_are_defaults(void **state)
{
    static const char *const empty[] = {
        "null", "{}", "{\"AttestationConfig\":{}}",
        "{\"AttestationConfig\":{\"MaaSettings\":{\"maaEndpoint\":\"\",\"maaTenantName\":\"\"},"
        "\"AscSettings\":{\"ascReportingEndpoint\":\"\",\"ascReportingFrequency\":\"\"},"
        "\"useCustomToken\":\"false\",\"disableAlerts\":\"false\"}}"};
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(empty); i++) {
        struct attestation_config config;
        struct trail trail;

        assert_ok(read_config(arena, empty[i], &trail, &config));
        assert_null(config.attest_url);
        assert_null(config.report_url);
        assert_int_equal(config.frequency_minutes, 0);
        assert_false(config.uses_custom_token);
        assert_false(config.disables_alerts);
    }
}

static void both_shapes_of_the_settings_are_read(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct attestation_config config;
    struct trail trail;

    (void)state;
    assert_ok(read_config(
        arena,
        "{\"AttestationConfig\":{\"MaaSettings\":{\"maaEndpoint\":\"https://a.attest\","
        "\"maaTenantName\":\"GuestAttestation\"},\"AscSettings\":{\"ascReportingEndpoint\":"
        "\"https://r\",\"ascReportingFrequency\":\"30\"},\"useCustomToken\":\"True\","
        "\"disableAlerts\":\"true\"}}",
        &trail, &config));
    assert_string_equal(config.attest_url, "https://a.attest");
    assert_string_equal(config.tenant, "GuestAttestation");
    assert_string_equal(config.report_url, "https://r");
    assert_int_equal(config.frequency_minutes, 30);
    assert_true(config.uses_custom_token);
    assert_true(config.disables_alerts);
    assert_ok(read_config(arena,
                          "{\"AttestationEndpointCfg\":{\"maaEndpoint\":\"https://b\","
                          "\"ascReportingEndpoint\":\"https://s\",\"useAlternateToken\":\"true\","
                          "\"disableAlerts\":\"false\"}}",
                          &trail, &config));
    assert_string_equal(config.attest_url, "https://b");
    assert_string_equal(config.report_url, "https://s");
    assert_true(config.uses_custom_token);
}

static err_t read_goal(struct arena *arena, const char *json, struct goal *ret)
{
    struct trail trail = {0};
    yyjson_val *value = NULL;

    assert_ok(json_read(arena, span_str(json), NULL, NULL, &value));
    return goal_read(arena, value, &trail, ret);
}

static void a_goal_without_an_extension_is_none(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct goal goal;

    (void)state;
    assert_true(read_goal(arena, "{}", &goal) != ERR_OK);
    assert_err(read_goal(arena, "{\"extension\":{},\"attestEndpoint\":\"ftp://x\"}", &goal),
               ERR_VALUE);
    assert_ok(read_goal(arena, "{\"extension\":{}}", &goal));
    assert_true(goal.is_wanted);
    assert_false(goal.wants_proof);
    assert_ok(read_goal(arena,
                        "{\"extension\":{\"wanted\":false,\"sequence\":4},\"attestNow\":true,"
                        "\"periodSeconds\":90000,\"attestEndpoint\":\"https://h\"}",
                        &goal));
    assert_false(goal.is_wanted);
    assert_true(goal.wants_proof);
    assert_int_equal(goal.period_s, 0); /* more than a day is none */
    assert_string_equal(goal.attest_url, "https://h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_that_are_wrong_are_named),
        cmocka_unit_test(an_address_that_is_taken_is_one_to_the_client),
        cmocka_unit_test(nothing_and_empty_leaves_are_defaults),
        cmocka_unit_test(both_shapes_of_the_settings_are_read),
        cmocka_unit_test(a_goal_without_an_extension_is_none),
    };

    return RUN_TESTS(tests);
}
