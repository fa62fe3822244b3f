/* What Azure's agent is told of a round. */
#include "daemon/extension.h"

#include "support/support.h"

#include <string.h>

static struct arena *arena;

static struct round round_of(enum round_outcome outcome, const char *sub, enum status_word word)
{
    struct round round = {.outcome = outcome,
                          .status = {.operation = "Enable", .status = word, .message = "m"}};

    status_add(&round.status, sub, word, word == STATUS_SUCCESS ? 0 : 1, "s");
    return round;
}

static void each_check_that_was_passed_has_its_substatus(void **state)
{
    static const struct {
        enum round_outcome outcome;
        const char *sub;
        enum status_word word;
        const char *names;
    } cases[] = {
        {ROUND_ATTESTED, "BootIntegrity", STATUS_SUCCESS, "Vtpm+ Connectivity+ BootIntegrity+ "},
        {ROUND_REFUSED, "BootIntegrity", STATUS_ERROR, "Vtpm+ Connectivity+ BootIntegrity- "},
        {ROUND_UNREACHABLE, "Connectivity", STATUS_ERROR, "Vtpm+ Connectivity- "},
        {ROUND_WAITS, "Enrolment", STATUS_ERROR, "Vtpm+ Connectivity+ Enrolment- "},
        {ROUND_FAILED, "Service", STATUS_ERROR, "Vtpm+ Connectivity+ Service- "},
        {ROUND_FAILED, "Vtpm", STATUS_ERROR, "Vtpm- "},
        {ROUND_FAILED, "Machine", STATUS_ERROR, "Machine- "},
        {ROUND_FAILED, "Settings", STATUS_ERROR, "Settings- "},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct round round = round_of(cases[i].outcome, cases[i].sub, cases[i].word);
        struct status status;
        char names[128] = "";

        extension_status(arena, &round, false, &status);
        for (size_t k = 0; k < status.n_subs; k++) {
            size_t len = strlen(names);

            snprintf(names + len, sizeof(names) - len, "%s%c ", status.subs[k].name,
                     status.subs[k].status == STATUS_SUCCESS ? '+' : '-');
        }
        assert_string_equal(names, cases[i].names);
        assert_string_equal(status.message, "m");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_check_that_was_passed_has_its_substatus),
    };
    int failed;

    arena = test_arena();
    failed = RUN_TESTS(tests);
    arena_free(arena);
    return failed;
}
