/* D-5: texts that are too long are cut where a reader can bear it: whole characters, whole escapes,
 * whole words. */
#include "support/support.h"

#include "base/show.h"
#include "base/text.h"

#include <string.h>

#define UMLAUTS_AND_A_PENGUIN                                                                      \
    "\xc3\xa4\xc3\xb6\xc3\xbc\xe2\x82\xac\xf0\x9f\x90\xa7\xc3\xa4\xc3\xb6\xc3\xbc\xe2\x82\xac"

static const char *const texts[] = {
    "plain words of some length, one behind the other, until it is too long",
    "oneverylongwordwithoutanyspaceinit-oneverylongwordwithoutanyspaceinit",
    UMLAUTS_AND_A_PENGUIN,
    "\\x1b[31m \\u{202e} \\n\\t\\r \\u{10ffff}\\x00\\x01\\x02 \\u{200b}\\xff",
    "\\EFI\\debian\\grubx64.efi \\EFI\\xylophone\\u{not closed \\EFI\\n",
    "\\",
    "\\x",
    "\\u{",
    "",
    "a",
};

static bool is_escape_start(const char *from, size_t left)
{
    size_t hex = left > 2 ? strspn(from + 2, "0123456789abcdef") : 0;

    if (from[0] != '\\' || left < 2) {
        return false;
    }
    if (from[1] == 'x' && hex >= 2) {
        return left < 4;
    }
    if (from[1] == 'u' && left > 2 && from[2] == '{') {
        return memchr(from, '}', left) == NULL;
    }
    return false;
}

static void a_cut_splits_no_character_and_no_escape(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        size_t len = strlen(texts[i]);

        for (size_t max = 3; max <= len + 1; max++) {
            const char *cut = show_cut(arena, texts[i], max);
            size_t kept = strlen(cut) - 3;

            if (len <= max) {
                assert_string_equal(cut, texts[i]);
                continue;
            }
            assert_true(strlen(cut) <= max);
            assert_string_equal(cut + kept, "...");
            assert_memory_equal(cut, texts[i], kept);
            assert_true(text_is_utf8(span_str(cut)));
            /* What was an escape in the whole text is one, or is not there. */
            for (size_t at = kept > 10 ? kept - 10 : 0; at < kept; at++) {
                if (is_escape_start(texts[i] + at, kept - at) && texts[i][at + 1] != 'u') {
                    fail_msg("'%s' cut to %zu: '%s'", texts[i], max, cut);
                }
            }
        }
    }
}

static void known_cuts(void **state)
{
    static const struct {
        const char *text;
        size_t max;
        const char *want;
    } cases[] = {
        {"one two three four", 12, "one two..."},
        {"one two three four", 13, "one two..."},
        {"one two three four", 16, "one two three..."},
        {"a veryveryverylongword", 12, "a veryver..."}, /* the word is most of it */
        {"ab\\x1bcd", 7, "ab..."},
        {"ab\\x1bcdef", 9, "ab\\x1b..."},
        {"ab\\u{202e}cdefgh", 12, "ab..."},
        {"ab\\u{202e}cdefgh", 14, "ab\\u{202e}c..."},
        {"a\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac", 8, "a\xe2\x82\xac..."},
        {"abcdef", 0, "..."},
        {"ab", 0, "ab"},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_string_equal(show_cut(arena, cases[i].text, cases[i].max), cases[i].want);
    }
}

static void a_full_arena_leaves_the_dots(void **state)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(1);

    (void)state;
    assert_non_null(arena);
    assert_string_equal(show_cut(arena, "some text", 6), "...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_splits_no_character_and_no_escape),
        cmocka_unit_test(known_cuts),
        cmocka_unit_test(a_full_arena_leaves_the_dots),
    };

    return RUN_TESTS(tests);
}
