#include "guest/kernel-text.h"

#include "support/support.h"

#include <string.h>

static struct arena *arena;

static int start(void **state)
{
    (void)state;
    arena = test_arena();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void numbers_of_no_known_form_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "\n",
        "-1",
        "+1",
        "0x10",
        "1 2",
        "12a",
        "18446744073709551616",
        "99999999999999999999999",
    };
    uint64_t value;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_err(kernel_number(span_str(bad[i]), &value), ERR_MALFORMED);
    }
    assert_ok(kernel_number(span_str("18446744073709551615\n"), &value));
    assert_true(value == UINT64_MAX);
    assert_ok(kernel_number(span_str("0"), &value));
    assert_true(value == 0);
}

static void switches_are_yes_or_no(void **state)
{
    static const char *const bad[] = {"", "y", "Yes", "2", "Y N", "YN"};
    bool is_on;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_err(kernel_yes_no(span_str(bad[i]), &is_on), ERR_MALFORMED);
    }
    assert_ok(kernel_yes_no(span_str("Y\n"), &is_on));
    assert_true(is_on);
    assert_ok(kernel_yes_no(span_str("0"), &is_on));
    assert_false(is_on);
}

static void lockdown_is_the_one_word_in_brackets(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", NULL},
        {"none integrity confidentiality\n", NULL},
        {"[none] [integrity]\n", NULL},
        {"[]", NULL},
        {"none [integrity", NULL},
        {"none [INTEGRITY]", NULL},
        {"none  [integrity]", NULL},
        {"n\x1b [integrity]", NULL},
        {"[none] integrity confidentiality\n", "none"},
        {"none [integrity] confidentiality\n", "integrity"},
        {"none integrity [confidentiality]", "confidentiality"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span mode = {0};
        err_t err = kernel_chosen(span_str(cases[i].text), &mode);

        if (cases[i].want == NULL ? err != ERR_MALFORMED
                                  : err != ERR_OK || !span_is(mode, cases[i].want)) {
            fail_msg("'%s': %s", cases[i].text, err_name(err));
        }
    }
}

static void taints_have_the_names_of_the_kernel(void **state)
{
    static const struct {
        unsigned bit;
        const char *name;
    } known[] = {
        {0, "PROPRIETARY_MODULE"}, {1, "FORCED_MODULE"},    {9, "WARN"},       {10, "CRAP"},
        {12, "OOT_MODULE"},        {13, "UNSIGNED_MODULE"}, {15, "LIVEPATCH"}, {18, "TEST"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        assert_string_equal(kernel_taint_name(known[i].bit), known[i].name);
    }
    assert_null(kernel_taint_name(20));
    assert_null(kernel_taint_name(63));
}

static void modules_of_no_known_form_are_refused(void **state)
{
    static const char *const bad[] = {
        "\n",
        "xfs\n",
        "xfs 1 0 - Live\n",
        "xfs 1 0 - Live 0\n",
        "xfs 1x 0 - Live 0x0\n",
        "xfs -1 0 - Live 0x0\n",
        "xfs 1 0 - Dead 0x0\n",
        " 1 0 - Live 0x0\n",
        "xfs 1 0 - Live 0x0 OE\n",
        "xfs 1 0 - Live 0x0 (oe)\n",
        "xfs 1 0 - Live 0x0 (\n",
        "xfs 1 0 - Live 0x0 (OE) (OE)\n",
        "xfs 1 0 - Live 0x0 (AAAAAAAAAAAAAAAAAAAAAAAAAAA)\n", /* 27 */
        "a_name_of_sixty_four_bytes_is_more_than_the_kernel_has_room_for_ 1 0 - Live 0x0\n",
        "xfs 1 0 - Live 0x0\n\nbtrfs 1 0 - Live 0x0\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct kernel_module *modules = NULL;
        struct trail trail = {0};
        size_t n = 0;
        err_t err = kernel_modules(arena, span_str(bad[i]), &trail, &modules, &n);

        if (err != ERR_MALFORMED || strstr(trail.what, "is no module") == NULL) {
            fail_msg("'%s': %s, %s", bad[i], err_name(err), trail.what);
        }
    }
}

static void modules_are_read_by_name_with_their_taints(void **state)
{
    static const char text[] = "zfs 7000000 3 - Live 0xffffffffc0a00000 (POE)\n"
                               "spl 131072 1 zfs, Live 0x0000000000000000 (OE+)\n"
                               "Ac 16384 0 - Loading 0x0000000000000000 (-)\n"
                               "8021q 45056 - - Live 0x0000000000000000";
    static const struct kernel_module want[] = {
        {"8021q", true, 45056, ""},
        {"Ac", true, 16384, ""},
        {"spl", true, 131072, "OE"},
        {"zfs", true, 7000000, "POE"},
    };
    struct kernel_module *modules = NULL;
    size_t n = 0;

    (void)state;
    assert_ok(kernel_modules(arena, span_str(text), NULL, &modules, &n));
    assert_int_equal(n, ARRAY_LEN(want));
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(modules[i].name, want[i].name);
        assert_string_equal(modules[i].taints, want[i].taints);
        assert_true(modules[i].size == want[i].size);
        assert_true(modules[i].is_plain);
    }
    assert_ok(kernel_modules(arena, (struct span){0}, NULL, &modules, &n));
    assert_int_equal(n, 0);
}

/* Whoever builds a module names it. */
static void names_of_modules_reach_nobody_raw_and_no_path(void **state)
{
    static const char *const odd[] = {"../../etc", "a\x1b[31m", "..", "a/b", "\xff\xfe", "a.b"};
    struct kernel_module *modules = NULL;
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        const char *line = arena_printf(arena, "%s 1 0 - Live 0x0\n", odd[i]);

        assert_ok(kernel_modules(arena, span_str(line), NULL, &modules, &n));
        assert_int_equal(n, 1);
        assert_false(modules[0].is_plain);
        assert_null(strchr(modules[0].name, '\x1b'));
        assert_null(strchr(modules[0].name, '\xff'));
    }
}

static void more_modules_than_a_kernel_has_are_refused(void **state)
{
    static const char line[] = "m 1 0 - Live 0x0\n";
    size_t n = KERNEL_MODULES_LISTED_MAX + 1, got = 0;
    char *text = arena_alloc(arena, n * (sizeof(line) - 1));
    struct kernel_module *modules = NULL;

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < n; i++) {
        memcpy(text + i * (sizeof(line) - 1), line, sizeof(line) - 1);
    }
    assert_err(kernel_modules(arena, span_of(text, n * (sizeof(line) - 1)), NULL, &modules, &got),
               ERR_TOO_MANY);
    assert_ok(
        kernel_modules(arena, span_of(text, (n - 1) * (sizeof(line) - 1)), NULL, &modules, &got));
    assert_int_equal(got, n - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_no_known_form_are_refused),
        cmocka_unit_test(switches_are_yes_or_no),
        cmocka_unit_test(lockdown_is_the_one_word_in_brackets),
        cmocka_unit_test(taints_have_the_names_of_the_kernel),
        cmocka_unit_test(modules_of_no_known_form_are_refused),
        cmocka_unit_test(modules_are_read_by_name_with_their_taints),
        cmocka_unit_test(names_of_modules_reach_nobody_raw_and_no_path),
        cmocka_unit_test(more_modules_than_a_kernel_has_are_refused),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
