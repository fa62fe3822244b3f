/*
 * Waves: how many places a group has, and who gets which package.
 */
#include "support/support.h"

#include "monitor/wave.h"

static void a_fifth_of_a_group_and_at_least_one(void **state)
{
    static const struct {
        uint64_t group, places;
    } cases[] = {{0, 1},    {1, 1},    {4, 1},    {5, 1},        {9, 1},
                 {10, 2},   {14, 2},   {15, 3},   {99, 19},      {100, 20},
                 {101, 20}, {104, 20}, {105, 21}, {10000, 2000}, {UINT64_MAX, UINT64_MAX / 5}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t places = wave_places(cases[i].group);

        if (places != cases[i].places || !wave_has_room(cases[i].group, places - 1) ||
            wave_has_room(cases[i].group, places)) {
            fail_msg("%llu: %llu places", (unsigned long long)cases[i].group,
                     (unsigned long long)places);
        }
        /* Never more than 20 %, but for the one. */
        assert_true(places == 1 || places <= cases[i].group / 5);
    }
}

static struct version version(const char *text)
{
    struct version v;

    assert_ok(version_read(span_str(text), &v));
    return v;
}

static void the_latest_that_fits_is_chosen(void **state)
{
    const struct wave_machine machine = {.version = version("1.2.0")};
    const struct wave_machine minor = {.version = version("1.2.0"), .takes_minor = true};
    struct wave_package packages[] = {
        {.version = version("1.1.9"), .is_running = true},
        {.version = version("1.2.0"), .is_running = true},
        {.version = version("1.2.1"), .is_running = true},
        {.version = version("1.2.2"), .is_running = true},
        {.version = version("1.3.0"), .is_running = true},
        {.version = version("2.0.0"), .is_running = true},
    };

    (void)state;
    assert_int_equal(wave_choose(&machine, packages, 0), -1);
    assert_int_equal(wave_choose(&machine, packages, 2), -1);
    assert_int_equal(wave_choose(&machine, packages, ARRAY_LEN(packages)), 3);
    assert_int_equal(wave_choose(&minor, packages, ARRAY_LEN(packages)), 4);
    packages[3].has_failed_there = true;
    packages[4].is_running = false;
    assert_int_equal(wave_choose(&minor, packages, ARRAY_LEN(packages)), 2);
    packages[2].has_minimum = true;
    packages[2].minimum = version("1.2.0");
    assert_int_equal(wave_choose(&minor, packages, ARRAY_LEN(packages)), 2);
    packages[2].minimum = version("1.2.0.1");
    assert_int_equal(wave_choose(&minor, packages, ARRAY_LEN(packages)), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fifth_of_a_group_and_at_least_one),
        cmocka_unit_test(the_latest_that_fits_is_chosen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
