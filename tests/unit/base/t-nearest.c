/* "Did you mean": near is a slip of the finger, all else is another word. */
#include "base/nearest.h"

#include "support/support.h"

static void finds_what_was_probably_meant(void **state)
{
    static const char *const known[] = {"uefiSettings", "securityType", "all"};
    static const struct {
        const char *typed, *nearest;
    } cases[] = {
        {"uefiSetting", "uefiSettings"},
        {"UEFISETTINGS", "uefiSettings"},
        {"securtyTipe", "securityType"},
        {"al", "all"},
        {"security", NULL},
        {"", NULL},
        {"uefiSettingsuefiSettingsuefiSettings", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *nearest = nearest_word(cases[i].typed, known, ARRAY_LEN(known));

        if (cases[i].nearest == NULL) {
            assert_null(nearest);
        } else {
            assert_non_null(nearest);
            assert_string_equal(nearest, cases[i].nearest);
        }
    }
    assert_null(nearest_word("all", known, 0));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_probably_meant),
    };

    return RUN_TESTS(tests);
}
