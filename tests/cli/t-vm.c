/*
 * The words of `bootwarden vm` and its neighbours where no server is asked: verbs and options that
 * are none.
 */
#include "cli/run.h"

static const struct {
    const char *args[8];
    const char *words;
} refused[] = {
    /* verbs, of one word and of two */
    {{"vm", "lst"}, "vm: there is no 'lst'; did you mean 'list'?"},
    {{"vm", "frobnicate"}, "there is no 'frobnicate'; see 'bootwarden vm --help'"},
    {{"vm", "extention"}, "there is no 'extention'; did you mean 'extension'?"},
    {{"vm", "extension"}, "extension needs a verb: show, set; see 'bootwarden vm --help'"},
    {{"vm", "extension", "sho"}, "there is no 'extension sho'; did you mean 'extension show'?"},
    {{"provider", "policy", "sett"}, "there is no 'policy sett'; did you mean 'policy set'?"},
    {{"provider", "signer"}, "signer needs a verb: list, add, remove; see"},
    {{"package", "sing\033[31m"}, "there is no 'sing\\x1b[31m'; see"},
    {{"package", "sing"}, "did you mean 'sign'?"},
    /* a state that is none is no state in which no machine is */
    {{"vm", "list", "--state", "unhealty"},
     "option --state: 'unhealty' is not one of never-reported, healthy, changed, unhealthy, "
     "not-verified, cannot-judge, unreachable, silent, not-applicable; did you mean 'unhealthy'?"},
    {{"vm", "list", "--state", "Healthy "}, "'Healthy ' is not one of"},
    {{"vm", "list", "extra"}, "one argument too many: 'extra'; takes none, see"},
    {{"vm", "show", "one", "two"}, "one argument too many: 'two'; takes one NAME, see"},
    {{"vm", "announce", "--valid-days", "400"}, "'400' is not a number from 1 to 366"},
    {{"vm", "announce", "--valid-days", "0"}, "'0' is not a number from 1 to 366"},
    {{"vm", "announce", "--uses", "0"}, "'0' is not a number from 1 to 10000"},
    {{"vm", "extension", "set", "web", "--wanted", "as-it-is"}, "'as-it-is' is not one of on, off"},
    {{"vm", "extension", "set", "web", "--endpoint", "https://h"}, "nothing to change: give"},
};

static void refuses_what_is_none_in_one_line(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    assert_int_equal(setenv("BOOTWARDEN_SUBSCRIPTION", "s", 1), 0);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct run run = run_program(arena, refused[i].args, (struct span){0});

        assert_says(run.err, refused[i].words);
        assert_int_equal(run.exit_code, 2);
        assert_string_equal(run.out, "");
        assert_ptr_equal(strchr(run.err, '\n'), run.err + strlen(run.err) - 1);
    }
}

static void help_fits_its_lines_and_names_every_verb(void **state)
{
    static const char *const commands[] = {"vm", "provider", "package"};
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct run run = RUN(arena, "vm", "list", "--help");

    (void)state;
    assert_int_equal(run.exit_code, 0);
    assert_says(run.out, "not-applicable)");
    for (const char *line = run.out; line != NULL; line = strchr(line + 1, '\n')) {
        assert_in_range(strcspn(line + 1, "\n"), 0, 100);
    }
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        run = RUN(arena, commands[i], "-h");
        assert_int_equal(run.exit_code, 0);
        assert_says(run.out, "Verbs:\n");
        run = RUN(arena, commands[i]);
        assert_int_equal(run.exit_code, 2);
        assert_says(run.err, "Verbs:\n");
    }
    assert_says(RUN(arena, "vm", "extension", "--help").out, "  extension set ");
    assert_says(RUN(arena, "provider", "policy", "-h").out, "  policy reset ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_none_in_one_line),
        cmocka_unit_test(help_fits_its_lines_and_names_every_verb),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
