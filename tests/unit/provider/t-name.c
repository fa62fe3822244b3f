#include "provider/name.h"
#include "provider/type.h"
#include "support/support.h"

#include <string.h>

static void names_that_fit_no_host_are_refused(void **state)
{
    static const char *const names[] = {"",       "ab",          "a-b-c",
                                        "a.b",    "a/b",         "name ",
                                        "na\tme", "n\xc3\xa4me", "abcdefghijklmnopqrstuvwxy"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct trail trail = {0};

        assert_err(provider_name_check(span_str(names[i]), &trail), ERR_VALUE);
        assert_true(strlen(trail.what) > 0);
    }
    assert_err(provider_name_check(span_of("ab\0", 3), NULL), ERR_VALUE);
    assert_ok(provider_name_check(span_str("abc"), NULL));
    assert_ok(provider_name_check(span_str("Prod1abcdefghijklmnopqrs"), NULL));
}

static void what_begins_with_shared_is_the_services_own(void **state)
{
    (void)state;
    assert_true(provider_name_is_shared(span_str("sharedeus")));
    assert_true(provider_name_is_shared(span_str("SHAREDx")));
    assert_false(provider_name_is_shared(span_str("share")));
    assert_false(provider_name_is_shared(span_str("myshared")));
}

static void hosts_name_their_provider(void **state)
{
    static const struct provider_address address = {
        .endpoint = "https://host:8443", .suffix = "attest.example.net", .home = "sharedeus"};
    static const struct {
        const char *host;
        enum provider_host want;
        const char *name, *short_name;
    } cases[] = {
        {"p1.eus.attest.example.net", PROVIDER_HOST_NAMED, "p1", "eus"},
        {"P1.EUS.ATTEST.example.NET:8443", PROVIDER_HOST_NAMED, "P1", "EUS"},
        {"p1.eus.attest.example.net.", PROVIDER_HOST_NAMED, "p1", "eus"},
        {"localhost:8443", PROVIDER_HOST_HOME, "", ""},
        {"", PROVIDER_HOST_HOME, "", ""},
        {"[::1]:8443", PROVIDER_HOST_HOME, "", ""},
        {"attest.example.net", PROVIDER_HOST_HOME, "", ""},
        {"p1.eus.attest.example.net.evil.org", PROVIDER_HOST_HOME, "", ""},
        {"p1.eusattest.example.net", PROVIDER_HOST_HOME, "", ""},
        {"p1.attest.example.net", PROVIDER_HOST_UNKNOWN, "", ""},
        {".eus.attest.example.net", PROVIDER_HOST_UNKNOWN, "", ""},
        {"p1..attest.example.net", PROVIDER_HOST_UNKNOWN, "", ""},
        {"a.b.eus.attest.example.net", PROVIDER_HOST_UNKNOWN, "", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span name = {0}, short_name = {0};

        if (provider_host_read(&address, span_str(cases[i].host), &name, &short_name) !=
            cases[i].want) {
            fail_msg("%s", cases[i].host);
        }
        if (cases[i].want == PROVIDER_HOST_NAMED) {
            assert_true(span_is(name, cases[i].name));
            assert_true(span_is(short_name, cases[i].short_name));
        }
    }
}

static void addresses_have_the_form_of_the_deployment(void **state)
{
    struct arena *arena = test_arena();
    const struct provider_address path = {"https://localhost:8443", NULL, "sharedeus"};
    const struct provider_address host = {"https://10.0.0.1:8443", "attest.example.net",
                                          "sharedeus"};
    const struct provider_address plain = {"https://[::1]", "attest.example.net", "sharedeus"};
    const struct region *east = region_find(span_str("eastus"));

    (void)state;
    assert_string_equal(provider_uri(arena, &path, "p1", east),
                        "https://localhost:8443/providers/p1");
    assert_string_equal(provider_uri(arena, &path, "sharedeus", east), "https://localhost:8443");
    assert_string_equal(provider_uri(arena, &host, "p1", east),
                        "https://p1.eus.attest.example.net:8443");
    assert_string_equal(provider_uri(arena, &host, "sharedeus", east),
                        "https://sharedeus.eus.attest.example.net:8443");
    assert_string_equal(provider_uri(arena, &plain, "p1", east),
                        "https://p1.eus.attest.example.net");
    arena_free(arena);
}

static void types_are_found_by_the_names_that_tools_use(void **state)
{
    enum attestation_type type;

    (void)state;
    assert_false(attestation_type_find(span_str("Nonsense"), &type));
    assert_false(attestation_type_find(span_str(""), &type));
    assert_true(attestation_type_find(span_str("TPM"), &type));
    assert_int_equal(type, ATTEST_TPM);
    assert_true(attestation_type_find(span_str("vbsenclave"), &type));
    assert_int_equal(type, ATTEST_TPM);
    for (int i = 0; i < ATTEST_TYPE_COUNT; i++) {
        const char *name = attestation_type_name((enum attestation_type)i);

        assert_true(attestation_type_find(span_str(name), &type));
        assert_int_equal(type, i);
    }
    assert_true(attestation_type_is_served(ATTEST_AZUREGUEST));
    assert_false(attestation_type_is_served(ATTEST_SGX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_fit_no_host_are_refused),
        cmocka_unit_test(what_begins_with_shared_is_the_services_own),
        cmocka_unit_test(hosts_name_their_provider),
        cmocka_unit_test(addresses_have_the_form_of_the_deployment),
        cmocka_unit_test(types_are_found_by_the_names_that_tools_use),
    };

    return RUN_TESTS(tests);
}
