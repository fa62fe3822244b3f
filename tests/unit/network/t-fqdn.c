/*
 * Host names in rules: the vectors of tests/vectors/network/fqdn-vectors.json, and what lies beside
 * them.
 */
#include "unit/network/support.h"

#include "network/fqdn.h"

static void refuses_what_is_no_rule(void **state)
{
    static const char *const rules[] = {
        "",
        ".",
        "*.",
        "**",
        "*.*.x",
        "a..b",
        ".a",
        "*..a",
        "https://a.example",
        "a.example:443",
        "a.example/",
        "a b",
        "a\nb",
        "-\"x",
        "a.example..",
        "*.a..",
    };
    char longest[FQDN_MAX + 2];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        struct trail trail = {0};

        if (fqdn_rule_check(span_str(rules[i]), &trail) != ERR_VALUE || trail.what[0] == '\0' ||
            fqdn_matches(span_str(rules[i]), span_str("a.example"))) {
            fail_msg("'%s'", rules[i]);
        }
    }
    memset(longest, 'a', sizeof(longest));
    for (size_t i = 50; i < sizeof(longest); i += 51) {
        longest[i] = '.';
    }
    assert_ok(fqdn_rule_check(span_of(longest, FQDN_MAX), NULL));
    assert_err(fqdn_rule_check(span_of(longest, FQDN_MAX + 1), NULL), ERR_VALUE);
    memset(longest, 'a', FQDN_LABEL_MAX + 1);
    assert_err(fqdn_rule_check(span_of(longest, FQDN_LABEL_MAX + 1), NULL), ERR_VALUE);
}

static void a_host_that_is_no_name_matches_nothing(void **state)
{
    static const char *const hosts[] = {
        "",    ".",         "a..example",    ".example",     "a.example..",
        "a b", "*.example", "a.example:443", "a\x01.example"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        assert_false(fqdn_matches(span_str("*"), span_str(hosts[i])));
        assert_false(fqdn_matches(span_str("*.example"), span_str(hosts[i])));
    }
    assert_false(fqdn_matches(span_str("*.example"), span_of("a\0.example", 10)));
}

static void every_vector_ends_as_expected(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    yyjson_val *root = network_json(arena, test_vector(arena, "network/fqdn-vectors.json"));
    yyjson_val *vectors = json_get(root, "vectors");

    (void)state;
    assert_int_equal(yyjson_arr_size(vectors), 15);
    for (size_t i = 0; i < yyjson_arr_size(vectors); i++) {
        yyjson_val *vector = yyjson_arr_get(vectors, i);
        struct span rule = json_span(json_get(vector, "rule"));
        struct span host = json_span(json_get(vector, "host"));

        if (host.data == NULL) {
            assert_err(fqdn_rule_check(rule, NULL), ERR_VALUE);
            continue;
        }
        assert_ok(fqdn_rule_check(rule, NULL));
        if (fqdn_matches(rule, host) != yyjson_is_true(json_get(vector, "match"))) {
            fail_msg("%s on %s", rule.data, host.data);
        }
    }
}

static void wide_rules_are_known_as_risky(void **state)
{
    (void)state;
    assert_true(fqdn_rule_is_risky(span_str("*")));
    assert_true(fqdn_rule_is_risky(span_str("*example.net")));
    assert_false(fqdn_rule_is_risky(span_str("*.example.net")));
    assert_false(fqdn_rule_is_risky(span_str("www.example.net")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_rule),
        cmocka_unit_test(a_host_that_is_no_name_matches_nothing),
        cmocka_unit_test(every_vector_ends_as_expected),
        cmocka_unit_test(wide_rules_are_known_as_risky),
    };

    return RUN_TESTS(tests);
}
