#include "base/err.h"
#include "base/text.h"

#include "support/support.h"

static void codes_outside_the_table_are_internal_faults(void **state)
{
    (void)state;
    assert_string_equal(err_name(ERR_COUNT), "unknown");
    assert_string_equal(err_text((err_t)-1), "unknown error");
    assert_int_equal(err_category((err_t)9999), ERR_CAT_INTERNAL);
}

static void names_are_all_different(void **state)
{
    (void)state;
    for (int a = 0; a < ERR_COUNT; a++) {
        assert_true(strlen(err_name((err_t)a)) > 0 && strlen(err_text((err_t)a)) > 0);
        for (int b = 0; b < a; b++) {
            assert_string_not_equal(err_name((err_t)a), err_name((err_t)b));
        }
    }
    assert_string_equal(err_name(ERR_JSON_DUPLICATE), "json-duplicate");
    assert_int_equal(err_category(ERR_OK), ERR_CAT_NONE);
    assert_int_equal(err_category(ERR_TOO_DEEP), ERR_CAT_LIMIT);
}

static void a_trail_may_be_missing(void **state)
{
    char text[64];

    (void)state;
    assert_err(trail_set(NULL, ERR_VALUE, "%s", "x"), ERR_VALUE);
    assert_err(trail_set_at(NULL, ERR_VALUE, 3, "x"), ERR_VALUE);
    assert_err(trail_in(NULL, ERR_VALUE, "x"), ERR_VALUE);
    trail_format(NULL, ERR_VALUE, text, sizeof(text));
    assert_string_equal(text, "has a value that is not allowed here");
}

static void success_leaves_no_trail(void **state)
{
    static const struct trail empty = {0};
    struct trail trail = {0};

    (void)state;
    assert_ok(trail_set(&trail, ERR_OK, "x"));
    assert_ok(trail_set_at(&trail, ERR_OK, 3, "x"));
    assert_ok(trail_in(&trail, ERR_OK, "x"));
    assert_memory_equal(&trail, &empty, sizeof(trail));
}

static void the_innermost_words_win(void **state)
{
    struct trail trail = {0};
    char text[128];

    (void)state;
    assert_err(trail_set_at(&trail, ERR_SHORT, 17, "ends inside %s", "the digest"), ERR_SHORT);
    trail_set_at(&trail, ERR_SHORT, 4, "cannot be read");
    trail_in(&trail, ERR_SHORT, "[3]");
    trail_in(&trail, ERR_SHORT, "PCRs");
    trail_in(&trail, ERR_SHORT, "TpmInfo");
    trail_set(&trail, ERR_VALUE, "is wrong");
    trail_format(&trail, ERR_SHORT, text, sizeof(text));
    assert_string_equal(text, "TpmInfo.PCRs[3]: ends inside the digest (at byte 17)");
    trail_format(&trail, ERR_SHORT, text, 16);
    assert_string_equal(text, "TpmInfo.PCRs...");
}

static void falls_back_to_the_words_of_the_code(void **state)
{
    struct trail trail = {0};
    char text[128];

    (void)state;
    trail_in(&trail, ERR_MEMORY, "TcgLogs");
    trail_format(&trail, ERR_MEMORY, text, sizeof(text));
    assert_string_equal(text, "TcgLogs: out of memory");
}

/* Member names come from outside (D-5). */
static void hostile_names_are_escaped_and_bounded(void **state)
{
    struct trail trail = {0};
    char name[1000];
    char text[1000];

    (void)state;
    trail_set(&trail, ERR_VALUE, "is '%s'", "a\n\x1b[31m\xe2\x80\xae");
    assert_string_equal(trail.what, "is 'a\\n\\x1b[31m\\u{202e}'");
    for (size_t i = 0; i < sizeof(name) - 3; i += 2) {
        memcpy(name + i, "\xc3\xa4", 3); /* two bytes a letter: cuts must not split it */
    }
    trail_in(&trail, ERR_VALUE, "Digest");
    for (int i = 0; i < 40; i++) {
        trail_in(&trail, ERR_VALUE, name + 2 * (i % 3));
        trail_in(&trail, ERR_VALUE, "x\ny");
        assert_true(text_is_utf8(span_str(trail.where)));
        assert_null(strchr(trail.where, '\n'));
    }
    trail_format(&trail, ERR_VALUE, text, sizeof(text));
    assert_true(text_is_utf8(span_str(text)));
    assert_true(span_starts(span_str(text), "x\\ny.\xc3\xa4"));
}

static void one_long_name_does_not_hide_the_place(void **state)
{
    struct trail trail = {0};
    char name[1000];

    (void)state;
    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    trail_in(&trail, ERR_VALUE, "Digest");
    trail_in(&trail, ERR_VALUE, name);
    trail_in(&trail, ERR_VALUE, "TpmInfo");
    assert_true(span_starts(span_str(trail.where), "TpmInfo.nnnn"));
    assert_non_null(strstr(trail.where, "....Digest"));
}

static void long_words_are_cut(void **state)
{
    struct trail trail = {0};

    (void)state;
    trail_set(&trail, ERR_VALUE, "%2000d", 1);
    assert_int_equal(strlen(trail.what), TRAIL_WHAT_MAX - 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_outside_the_table_are_internal_faults),
        cmocka_unit_test(names_are_all_different),
        cmocka_unit_test(a_trail_may_be_missing),
        cmocka_unit_test(success_leaves_no_trail),
        cmocka_unit_test(the_innermost_words_win),
        cmocka_unit_test(falls_back_to_the_words_of_the_code),
        cmocka_unit_test(hostile_names_are_escaped_and_bounded),
        cmocka_unit_test(one_long_name_does_not_hide_the_place),
        cmocka_unit_test(long_words_are_cut),
    };

    return RUN_TESTS(tests);
}
