/* A list of findings: what it says as a whole, and that it never says more than it knows. */
#include "check/finding.h"

#include "support/support.h"

#include <string.h>

static struct arena *arena;
static struct findings list;

static int begin(void **state)
{
    (void)state;
    arena = test_arena();
    findings_init(&list, arena);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void first_failed_step_decides_how_it_ends(void **state)
{
    (void)state;
    finding_add(&list, "a", FINDING_OK, "well");
    finding_add(&list, "b", FINDING_WARNING, "nearly");
    finding_skip(&list, "c", "%s failed", "nothing");
    assert_true(findings_are_ok(&list));
    assert_int_equal(findings_exit(&list), EXIT_TOKEN);
    finding_fail(&list, "d", EXIT_SERVICE, "no");
    finding_fail(&list, "e", EXIT_INTERNAL, "no");
    assert_false(findings_are_ok(&list));
    assert_int_equal(findings_exit(&list), EXIT_SERVICE);
    assert_string_equal(finding_get(&list, "c")->message, "because nothing failed");
    assert_true(finding_has_failed(&list, "e"));
    assert_false(finding_has_failed(&list, "b"));
    assert_null(finding_get(&list, "f"));
}

static void list_without_memory_is_not_ok(void **state)
{
    struct arena *small = arena_new(64);
    struct findings short_list;

    (void)state;
    findings_init(&short_list, small);
    finding_add(&short_list, "a", FINDING_OK, "%s",
                "words that are longer than the arena, so that they cannot be kept in it at all");
    assert_false(findings_are_ok(&short_list));
    assert_int_equal(findings_exit(&short_list), EXIT_INTERNAL);
    arena_free(small);
}

static void message_and_remedy_are_two_sentences(void **state)
{
    struct finding *finding = finding_fail(&list, "a", EXIT_NO, "Connection refused.");

    (void)state;
    assert_string_equal(finding_text(arena, finding), "Connection refused.");
    finding_remedy(&list, finding, "Check it.");
    assert_string_equal(finding_text(arena, finding), "Connection refused. Check it.");
    finding->message = "no TPM";
    assert_string_equal(finding_text(arena, finding), "no TPM. Check it.");
}

static void too_many_findings_are_not_ok(void **state)
{
    (void)state;
    for (int i = 0; i <= FINDINGS_MAX; i++) {
        finding_add(&list, "a", FINDING_OK, "well");
    }
    assert_int_equal(list.n, FINDINGS_MAX);
    assert_false(findings_are_ok(&list));
}

static void words_from_outside_are_shown_escaped(void **state)
{
    (void)state;
    finding_fail(&list, "a", EXIT_SERVICE, "it says '%s'", "\x1b[31mall is well\n");
    finding_remedy(&list, &list.items[0], "%s", "\a");
    assert_null(strpbrk(list.items[0].message, "\x1b\n"));
    assert_null(strpbrk(list.items[0].remedy, "\a"));
}

static void words_are_split_into_what_is_wrong_and_what_to_do(void **state)
{
    static const struct {
        const char *words, *message, *remedy;
    } cases[] = {
        {"it is broken; mend it", "it is broken", "Mend it."},
        {"it is broken; mend it; or not.", "it is broken", "Mend it; or not."},
        {"it is broken", "it is broken", "Otherwise."},
        {"it is broken; ", "it is broken", "Otherwise."},
        {"", "", "Otherwise."},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct finding *finding = finding_fail(&list, "a", EXIT_NO, "x");

        finding_split(&list, finding, cases[i].words, "Otherwise.");
        assert_string_equal(finding->message, cases[i].message);
        assert_string_equal(finding->remedy, cases[i].remedy);
    }
}

#define LIST_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIST_TEST(first_failed_step_decides_how_it_ends),
        LIST_TEST(list_without_memory_is_not_ok),
        LIST_TEST(message_and_remedy_are_two_sentences),
        LIST_TEST(too_many_findings_are_not_ok),
        LIST_TEST(words_from_outside_are_shown_escaped),
        LIST_TEST(words_are_split_into_what_is_wrong_and_what_to_do),
    };

    return RUN_TESTS(tests);
}
