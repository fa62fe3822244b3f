/* Whole numbers, exactly: what a double rounds must not pass for the number that was written. */
#include "support/support.h"

#include "json/json.h"

static void what_is_not_whole_or_does_not_fit_is_refused(void **state)
{
    static const char *const texts[] = {
        "0.5",
        "-0.5",
        "1e-1",
        "10e-2",
        "0.00025e4",
        "9007199254740993.5",
        "0.99999999999999999999",
        "1.00000000000000000000000000000001",
        "18446744073709551616",
        "-18446744073709551616",
        "1e20",
        "99999999999999999999",
        "1e400",
        "1e-400",
        "1e99999999999999999999",
        "1e-99999999999999999999",
        "123456789012345678901",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        bool is_negative;
        uint64_t magnitude;

        if (json_number_whole(span_str(texts[i]), &is_negative, &magnitude)) {
            fail_msg("%s", texts[i]);
        }
    }
}

static void whole_numbers_are_read_exactly_however_they_are_written(void **state)
{
    static const struct {
        const char *text;
        bool is_negative;
        uint64_t magnitude;
    } cases[] = {
        {"0", false, 0},
        {"-0", false, 0},
        {"-0.000e-5", false, 0},
        {"0e99999999999999999999", false, 0},
        {"7", false, 7},
        {"2.0", false, 2},
        {"2e1", false, 20},
        {"-1.5E+1", true, 15},
        {"100e-2", false, 1},
        {"9007199254740993", false, 9007199254740993},
        {"9007199254740993.0", false, 9007199254740993},
        {"900719925474099300e-2", false, 9007199254740993},
        {"9223372036854775807.0", false, INT64_MAX},
        {"-9223372036854775808", true, (uint64_t)INT64_MAX + 1},
        {"18446744073709551615.000000000000000000000", false, UINT64_MAX},
        {"1844674407370955161.5e1", false, UINT64_MAX},
        {"10000000000000000000", false, 10000000000000000000u},
        {"1e19", false, 10000000000000000000u},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool is_negative = true;
        uint64_t magnitude = 1;

        if (!json_number_whole(span_str(cases[i].text), &is_negative, &magnitude) ||
            is_negative != cases[i].is_negative || magnitude != cases[i].magnitude) {
            fail_msg("%s: %s%llu", cases[i].text, is_negative ? "-" : "",
                     (unsigned long long)magnitude);
        }
    }
}

static void numbers_are_kept_as_text_on_demand(void **state)
{
    static const struct json_limits limits = {
        .max_depth = 2, .max_values = 8, .keeps_numbers = true};
    CLEANUP(arena_free) struct arena *arena = test_arena();
    yyjson_val *root = NULL;

    (void)state;
    assert_err(json_read(arena, span_str("[01]"), &limits, NULL, &root), ERR_JSON_SYNTAX);
    assert_err(json_read(arena, span_str("[1.]"), &limits, NULL, &root), ERR_JSON_SYNTAX);
    assert_ok(json_read(arena, span_str("[1.50]"), &limits, NULL, &root));
    assert_string_equal(yyjson_get_raw(yyjson_arr_get_first(root)), "1.50");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_whole_or_does_not_fit_is_refused),
        cmocka_unit_test(whole_numbers_are_read_exactly_however_they_are_written),
        cmocka_unit_test(numbers_are_kept_as_text_on_demand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
