/*
 * Reason codes are a promise to users: each has a name of its own, a remedy, and its line in
 * docs/reason-codes.md under the heading of its verdict.
 */
#include "reasons/reasons.h"

#include "base/file.h"
#include "support/support.h"

static const char *section(const char *doc, enum verdict verdict, const char **ret_end)
{
    char heading[32];
    const char *at;

    snprintf(heading, sizeof(heading), "\n## %s\n", verdict_name(verdict));
    at = strstr(doc, heading);
    assert_non_null(at);
    *ret_end = strstr(at + 4, "\n## ");
    return at;
}

static void every_reason_is_documented_under_its_verdict(void **state)
{
    struct arena *arena = test_arena();
    struct span doc = {0};

    (void)state;
    assert_ok(file_read(arena, test_vector_path(arena, "../../docs/reason-codes.md"), 1 << 20, NULL,
                        &doc));
    for (int code = 0; code < REASON_COUNT; code++) {
        const char *end = NULL;
        const char *from =
            section((const char *)doc.data, reason_verdict((enum reason_code)code), &end);
        char line[64];
        const char *at;

        snprintf(line, sizeof(line), "\n| `%s` |", reason_name((enum reason_code)code));
        at = strstr(from, line);
        if (at == NULL || (end != NULL && at > end)) {
            fail_msg("%s is not documented under %s", reason_name((enum reason_code)code),
                     verdict_name(reason_verdict((enum reason_code)code)));
        }
    }
    arena_free(arena);
}

static void every_reason_has_a_name_and_a_remedy(void **state)
{
    (void)state;
    for (int code = 0; code < REASON_COUNT; code++) {
        assert_non_null(reason_remedy((enum reason_code)code));
        for (int other = 0; other < code; other++) {
            assert_string_not_equal(reason_name((enum reason_code)code),
                                    reason_name((enum reason_code)other));
        }
    }
}

static void names_lead_back_to_their_codes(void **state)
{
    enum reason_code code = REASON_COUNT;

    (void)state;
    assert_false(reason_by_name(span_str("no-such-reason"), &code));
    assert_false(reason_by_name(span_str(""), &code));
    assert_false(reason_by_name(span_str("nonc"), &code));
    assert_int_equal(code, REASON_COUNT);
    for (int each = 0; each < REASON_COUNT; each++) {
        assert_true(reason_by_name(span_str(reason_name((enum reason_code)each)), &code));
        assert_int_equal(code, each);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_is_documented_under_its_verdict),
        cmocka_unit_test(every_reason_has_a_name_and_a_remedy),
        cmocka_unit_test(names_lead_back_to_their_codes),
    };

    return RUN_TESTS(tests);
}
