#include "base/timestamp.h"

#include "support/support.h"

static void refuses_every_other_spelling(void **state)
{
    static const char *const cases[] = {
        "", " ", "@", "now", "+5", "@+5", " 5", "5 ", "@ 5", "5s", "0x10", "1e3", "--5", "-", "@@5",
        "99999999999999999999", "-99999999999999999999", "2026-11-22 01:24:40Z",
        "2026-11-22T01:24:40", "2026-11-22T01:24:40z", "2026-11-22t01:24:40Z",
        "2026-11-22T01:24:40+00:00", "2026-11-22T01:24:40.5Z", "2026-11-22T01:24Z", "2026-11-22Z",
        "2026-11-22T", "2026-1-2", "2026-11-2", "26-11-22", "12026-11-22", "-026-11-22",
        " 2026-11-22", "2026-11-22 ", "2026/11/22", "2026-11-22T01:24:40ZZ",
        /* what no calendar or clock has */
        "2026-00-10", "2026-13-10", "2026-11-00", "2026-11-31", "2026-02-29", "2026-02-30",
        "2100-02-29", "2026-11-22T24:00:00Z", "2026-11-22T00:60:00Z", "2026-11-22T00:00:60Z",
        "2026-11-22T23:59:61Z", "2026-11-22T23:59:99Z", "2026-99-99T99:99:99Z"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t seconds = 7;

        if (timestamp_parse(cases[i], &seconds) != ERR_VALUE) {
            fail_msg("'%s' was taken as %lld", cases[i], (long long)seconds);
        }
        assert_int_equal(seconds, 7);
    }
}

static void reads_times(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } cases[] = {
        {"2026-11-22T01:24:40Z", 1795310680},
        {"2026-11-22", 1795305600},
        {"1970-01-01T00:00:00Z", 0},
        {"1969-12-31T23:59:59Z", -1},
        {"2024-02-29", 1709164800},
        {"2000-02-29T12:00:00Z", 951825600},
        {"2038-01-19T03:14:08Z", 2147483648},
        {"9999-12-31T23:59:59Z", 253402300799},
        {"0000-01-01T00:00:00Z", -62167219200},
        {"2016-12-31T23:59:60Z", 1483228800}, /* a leap second */
        {"0", 0},
        {"@0", 0},
        {"1795310680", 1795310680},
        {"@1795310680", 1795310680},
        {"-5", -5},
        {"@-5", -5},
        {"2026", 2026}, /* no year: a plain count */
        {"20261122", 20261122},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t seconds = 0;

        assert_ok(timestamp_parse(cases[i].text, &seconds));
        if (seconds != cases[i].seconds) {
            fail_msg("'%s' was taken as %lld", cases[i].text, (long long)seconds);
        }
    }
}

static void what_is_written_is_read_back(void **state)
{
    static const int64_t edges[] = {
        INT64_MIN, INT64_MIN + 1, -62167219201, -62167219200, -62135596801, -1,        0,
        1,         951782400,     4102444800,   253402300799, 253402300800, 1ll << 40, INT64_MAX};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
        char text[TIMESTAMP_SIZE];
        int64_t again = 0;

        timestamp_format(edges[i], text, sizeof(text));
        assert_ok(timestamp_parse(text, &again));
        assert_true(again == edges[i]);
    }
    for (int64_t t = -62167219200; t < 253402300799; t += 86400 * 37 + 12345) {
        char text[TIMESTAMP_SIZE];
        int64_t again = 0;

        timestamp_format(t, text, sizeof(text));
        assert_int_equal(strlen(text), 20);
        assert_ok(timestamp_parse(text, &again));
        assert_true(again == t);
    }
}

static void clocks_run(void **state)
{
    uint64_t before = timestamp_ticks_us();

    (void)state;
    assert_true(timestamp_now() > 1700000000);
    assert_true(timestamp_ticks_us() >= before);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_every_other_spelling),
        cmocka_unit_test(reads_times),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(clocks_run),
    };

    return RUN_TESTS(tests);
}
