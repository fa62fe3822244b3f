#include "support/support.h"
#include "token/claim.h"

static yyjson_val *read(struct arena *arena, const char *json)
{
    yyjson_val *value = NULL;

    assert_ok(json_read(arena, span_str(json), NULL, NULL, &value));
    return value;
}

static void compares_by_kind_and_never_converts(void **state)
{
    static const struct {
        const char *claims;
        const char *demand;
        err_t want;
    } cases[] = {
        {"{\"a\":\"true\"}", "a=true", ERR_MISMATCH},
        {"{\"a\":true}", "a=\"true\"", ERR_MISMATCH},
        {"{\"a\":1}", "a=true", ERR_MISMATCH},
        {"{\"a\":\"1\"}", "a=1", ERR_MISMATCH},
        {"{\"a\":1}", "a=1.0", ERR_MISMATCH},
        {"{\"a\":null}", "a=", ERR_MISMATCH},
        {"{\"a\":null}", "a=false", ERR_MISMATCH},
        {"{}", "a=null", ERR_MISMATCH}, /* absent is not null */
        {"{\"a\":[1,2]}", "a=[2,1]", ERR_MISMATCH},
        {"{\"a\":[1,2]}", "a=[1]", ERR_MISMATCH},
        {"{\"A\":true}", "a=true", ERR_MISMATCH}, /* names have case */
        {"{\"a\":\"x\\u0000y\"}", "a=x", ERR_MISMATCH},
        {"{\"a\":\"on\"}", "a=On", ERR_MISMATCH},
        {"{\"a\":true}", "a=tru", ERR_MISMATCH}, /* no JSON, so a text */
        {"{\"a\":true}", "a=true", ERR_OK},
        {"{\"a\":\"true\"}", "a=\"true\"", ERR_OK},
        {"{\"a\":\"Ubuntu\"}", "a=Ubuntu", ERR_OK},
        {"{\"a\":\"\"}", "a=", ERR_OK},
        {"{\"a\":\"x=y\"}", "a=x=y", ERR_OK},
        {"{\"a\":-5}", "a=-5", ERR_OK},
        {"{\"a\":1.0}", "a=1.0", ERR_OK},
        {"{\"a\":null}", "a=null", ERR_OK},
        {"{\"a\":18446744073709551615}", "a=18446744073709551615", ERR_OK},
        {"{\"a\":{\"x\":1,\"y\":[true]}}", "a={\"y\":[true],\"x\":1}", ERR_OK},
        {"{\"a\":\"{\"}", "a={", ERR_OK},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct claim_demand demand = {0};
        const char *words = NULL;

        assert_ok(claim_demand_read(arena, cases[i].demand, NULL, &demand));
        if (claim_check(arena, read(arena, cases[i].claims), &demand, &words) != cases[i].want) {
            fail_msg("%s against %s: %s", cases[i].demand, cases[i].claims, words);
        }
        assert_non_null(words);
    }
}

static void says_when_only_the_kind_differs(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct claim_demand demand = {0};
    const char *words = NULL;

    (void)state;
    assert_ok(claim_demand_read(arena, "x-ms-ver=1.0", NULL, &demand));
    assert_err(claim_check(arena, read(arena, "{\"x-ms-ver\":\"1.0\"}"), &demand, &words),
               ERR_MISMATCH);
    assert_string_equal(words,
                        "is the text \"1.0\"; wanted is the fraction 1, which is of another kind");
}

static void refuses_demands_that_are_none(void **state)
{
    static const char *const cases[] = {"", "a", "=", "=1", "a:1"};
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct claim_demand demand = {0};
    char *name = arena_printf(arena, "%0*d=1", CLAIM_NAME_MAX + 1, 1);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_err(claim_demand_read(arena, cases[i], NULL, &demand), ERR_USAGE);
    }
    assert_err(claim_demand_read(arena, name, NULL, &demand), ERR_USAGE);
    /* No text of JSON. */
    assert_err(claim_demand_read(arena, "a=\xff\xfe", NULL, &demand), ERR_VALUE);
}

static void finds_a_literal_name_before_a_path(void **state)
{
    static const struct {
        const char *claims;
        const char *name;
        int64_t want; /* -1: nothing */
    } cases[] = {
        {"{\"a.b\":1,\"a\":{\"b\":2}}", "a.b", 1},
        {"{\"a\":{\"b\":2}}", "a.b", 2},
        {"{\"a\":{\"b.c\":3,\"b\":{\"c\":4}}}", "a.b.c", 3},
        {"{\"a.b\":{\"c\":5},\"a\":{\"b.c\":6}}", "a.b.c", 5},
        {"{\"a\":{\"b\":{\"c\":7}}}", "a.b.c", 7},
        {"{\"x-ms-policy\":{\"edge.cvm\":8}}", "x-ms-policy.edge.cvm", 8},
        {"{\"a\":{\"b\":2}}", "a.", -1},
        {"{\"a\":{\"b\":2}}", ".b", -1},
        {"{\"a\":{\"b\":2}}", "a..b", -1},
        {"{\"a\":{\"b\":2}}", "a.b.c", -1},
        {"{\"a\":[2]}", "a.0", -1},
        {"{\"a\":2}", "", -1},
        {"{\"\":9}", "", 9},
        {"{\"\":{\"b\":10}}", ".b", -1}, /* an empty name leads nowhere */
        {"[1]", "0", -1},
        /* No way back: a longer part that is there is the one that leads on. */
        {"{\"a.b\":{},\"a\":{\"b\":{\"c\":1}}}", "a.b.c", -1},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        yyjson_val *found = claim_find(read(arena, cases[i].claims), cases[i].name);
        int64_t got = found == NULL ? -1 : yyjson_get_sint(found);

        if (got != cases[i].want) {
            fail_msg("%s in %s: %lld", cases[i].name, cases[i].claims, (long long)got);
        }
    }
    assert_null(claim_find(NULL, "a"));
}

static void a_name_of_dots_alone_ends(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    char name[CLAIM_NAME_MAX + 2];

    (void)state;
    memset(name, '.', sizeof(name));
    name[CLAIM_NAME_MAX] = '\0';
    assert_null(claim_find(read(arena, "{\"\":{\"\":{\"\":{}}}}"), name));
    name[CLAIM_NAME_MAX] = '.';
    name[CLAIM_NAME_MAX + 1] = '\0';
    assert_null(claim_find(read(arena, "{\"\":1}"), name));
}

/* azure-guest-protocol, 2.1: values of the client payload are base64 of the caller's text. */
static void takes_a_nonce_from_its_two_places_alone(void **state)
{
#define PAYLOAD(value) "{\"x-ms-runtime\":{\"client-payload\":{\"nonce\":" value "}}}"
    static const struct {
        const char *claims;
        const char *nonce;
        err_t want;
    } cases[] = {
        {"{}", "abcd", ERR_MISMATCH},
        {"{\"nonce\":\"abce\"}", "abcd", ERR_MISMATCH},
        {"{\"nonce\":1234}", "1234", ERR_MISMATCH},
        {"{\"nonce\":null}", "null", ERR_MISMATCH},
        {"{\"nonce\":\"abcd\\u0000\"}", "abcd", ERR_MISMATCH},
        {"{\"nonce\":\"YWJjZA==\"}", "abcd", ERR_MISMATCH},
        {PAYLOAD("\"abcd\""), "abcd", ERR_MISMATCH},   /* not encoded */
        {PAYLOAD("\"YWJjZA\""), "abcd", ERR_MISMATCH}, /* another alphabet: no padding */
        {PAYLOAD("\"YWJjZQ==\""), "abcd", ERR_MISMATCH},
        {PAYLOAD("\"YWJjZA==\""), "ABCD", ERR_MISMATCH},
        {PAYLOAD("[\"YWJjZA==\"]"), "abcd", ERR_MISMATCH},
        {"{\"client-payload\":{\"nonce\":\"YWJjZA==\"}}", "abcd", ERR_MISMATCH},
        /* The service's claim says no: what the guest sent along does not help. */
        {"{\"nonce\":\"other\",\"x-ms-runtime\":{\"client-payload\":{\"nonce\":\"YWJjZA==\"}}}",
         "abcd", ERR_MISMATCH},
        {"{\"nonce\":\"abcd\"}", "abcd", ERR_OK},
        {PAYLOAD("\"YWJjZA==\""), "abcd", ERR_OK},
        {"{\"nonce\":\"abcd\",\"x-ms-runtime\":{\"client-payload\":{\"nonce\":\"b3RoZXI=\"}}}",
         "abcd", ERR_OK},
    };
#undef PAYLOAD
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *words = NULL;

        if (claim_check_nonce(arena, read(arena, cases[i].claims), cases[i].nonce, &words) !=
            cases[i].want) {
            fail_msg("%s in %s: %s", cases[i].nonce, cases[i].claims, words);
        }
        assert_non_null(words);
    }
}

static void words_of_a_claim_are_escaped_and_bounded(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    char *longer = arena_printf(arena, "\"%0*d\"", 5000, 0);

    (void)state;
    assert_string_equal(claim_words(arena, read(arena, "\"a\\u001b[31m\\n\"")),
                        "the text \"a\\x1b[31m\\n\"");
    assert_true(strlen(claim_words(arena, read(arena, longer))) < CLAIM_SHOWN_MAX + 20);
    assert_string_equal(claim_words(arena, NULL), "nothing");
    assert_string_equal(claim_words(arena, read(arena, "[1,2]")), "a list of 2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_by_kind_and_never_converts),
        cmocka_unit_test(says_when_only_the_kind_differs),
        cmocka_unit_test(refuses_demands_that_are_none),
        cmocka_unit_test(finds_a_literal_name_before_a_path),
        cmocka_unit_test(a_name_of_dots_alone_ends),
        cmocka_unit_test(takes_a_nonce_from_its_two_places_alone),
        cmocka_unit_test(words_of_a_claim_are_escaped_and_bounded),
    };

    return RUN_TESTS(tests);
}
