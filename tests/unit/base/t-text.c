#include "base/text.h"

#include "support/support.h"

#include <stdlib.h>

/* Rule D-5: what a guest sends never reaches a terminal, a log or a page as more than letters. */
static const struct {
    const char *bytes;
    size_t len;
    const char *shown;
} escapes[] = {
    /* controls: CVE-2022-23949 was a log line forged with a newline */
    {"ok\nevent=attest.permit", 22, "ok\\nevent=attest.permit"},
    {"a\tb\rc", 5, "a\\tb\\rc"},
    {"\x1b[2J", 4, "\\x1b[2J"},
    {"\0x\0", 3, "\\x00x\\x00"},
    {"\x7f", 1, "\\x7f"},
    {"\xc2\x85", 2, "\\x85"}, /* C1: next line */
    {"\xc2\x9b"
     "1m",
     4, "\\x9b1m"}, /* C1: control sequence introducer */
    /* what turns text round or hides in it */
    {"\xe2\x80\xae"
     "cod.exe",
     10, "\\u{202e}cod.exe"},
    {"\xe2\x81\xa6", 3, "\\u{2066}"},
    {"\xd8\x9c", 2, "\\u{61c}"},
    {"a\xe2\x80\x8b"
     "b",
     5, "a\\u{200b}b"},
    {"\xc2\xad", 2, "\\xad"},
    {"\xc2\xa0", 2, "\\xa0"}, /* looks like a space, is none */
    {"\xe3\x80\x80", 3, "\\u{3000}"},
    {"\xe2\x80\xa8", 3, "\\u{2028}"},
    {"\xef\xbb\xbf", 3, "\\u{feff}"},
    {"\xef\xbf\xbe", 3, "\\u{fffe}"},
    {"\xef\xbf\xbf", 3, "\\u{ffff}"},
    {"\xef\xb7\x90", 3, "\\u{fdd0}"},
    {"\xe3\x85\xa4", 3, "\\u{3164}"}, /* Hangul filler: an empty letter */
    {"\xee\x80\x80", 3, "\\u{e000}"},
    {"\xf0\x9f\xbf\xbe", 4, "\\u{1fffe}"},
    {"\xf3\xa0\x80\x81", 4, "\\u{e0001}"}, /* tags */
    {"\xf4\x8f\xbf\xbf", 4, "\\u{10ffff}"},
    /* broken bytes, each on its own */
    {"\x80", 1, "\\x80"},
    {"\xff\xfe", 2, "\\xff\\xfe"},
    {"\xc3", 1, "\\xc3"},
    {"\xc3(", 2, "\\xc3("},
    {"\xe2\x82", 2, "\\xe2\\x82"},
    {"\xe2\x82x", 3, "\\xe2\\x82x"},
    {"\xc0\xaf", 2, "\\xc0\\xaf"}, /* overlong '/' */
    {"\xc1\xbf", 2, "\\xc1\\xbf"},
    {"\xe0\x80\xaf", 3, "\\xe0\\x80\\xaf"},
    {"\xf0\x80\x80\xaf", 4, "\\xf0\\x80\\x80\\xaf"},
    {"\xed\xa0\x80", 3, "\\xed\\xa0\\x80"},          /* a surrogate */
    {"\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80"}, /* past U+10FFFF */
    {"\xf5\x80\x80\x80", 4, "\\xf5\\x80\\x80\\x80"},
    {"\xf8\x88\x80\x80\x80", 5, "\\xf8\\x88\\x80\\x80\\x80"},
    /* what stays */
    {"", 0, ""},
    {"plain ~ text", 12, "plain ~ text"},
    {"\\EFI\\debian\\shimx64.efi", 23, "\\EFI\\debian\\shimx64.efi"},
    {"D\xc3\xbcsseldorf", 11, "D\xc3\xbcsseldorf"},
    {"\xd0\xb6\xe4\xb8\xad\xf0\x9f\x94\x91", 9, "\xd0\xb6\xe4\xb8\xad\xf0\x9f\x94\x91"},
    {"\xef\xbf\xbd", 3, "\xef\xbf\xbd"},
};

static void shows_nothing_but_printable_text(void **state)
{
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(escapes); i++) {
        struct span bytes = span_of(escapes[i].bytes, escapes[i].len);
        char shown[64];

        text_escape(bytes, shown, sizeof(shown));
        assert_string_equal(shown, escapes[i].shown);
        assert_string_equal(text_escape_dup(arena, bytes, 100), escapes[i].shown);
        assert_true(text_is_utf8(span_str(shown)));
    }
    arena_free(arena);
}

static void escaping_twice_changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(escapes); i++) {
        char once[64];
        char twice[64];

        text_escape(span_of(escapes[i].bytes, escapes[i].len), once, sizeof(once));
        text_escape(span_str(once), twice, sizeof(twice));
        assert_string_equal(once, twice);
    }
}

static void cuts_between_characters_and_says_so(void **state)
{
    static const struct {
        const char *text;
        size_t size;
        const char *shown;
    } cases[] = {
        {"abcdefg", 8, "abcdefg"},
        {"abcdefgh", 8, "abcd..."},
        {"abcdefgh and more", 9, "abcde..."},
        {"abc\xc3\xa4\xc3\xa4", 8, "abc\xc3\xa4\xc3\xa4"},
        {"abc\xc3\xa4\xc3\xa4g", 8, "abc..."}, /* the letter is two bytes */
        {"ab\n\n\n", 9, "ab\\n\\n\\n"},
        {"ab\n\n\n", 8, "ab\\n..."},
        {"abc\n\nd", 8, "abc..."},
        {"abc\x01\x02", 8, "abc..."},
        {"\x01\x02", 8, "\\x01..."},
        {"\xf4\x8f\xbf\xbf", 11, "\\u{10ffff}"},
        {"\xf4\x8f\xbf\xbf", 10, "..."},
        {"a\xf4\x8f\xbf\xbf", 8, "a..."},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char shown[32];

        memset(shown, '#', sizeof(shown));
        text_escape(span_str(cases[i].text), shown, cases[i].size);
        assert_string_equal(shown, cases[i].shown);
        assert_int_equal(shown[cases[i].size], '#');
    }
}

static void stays_inside_any_room(void **state)
{
    static const uint8_t bytes[] = "ab\xc3\xa4\x01\xe2\x80\xae\xff\xf0\x9f\x94\x91 tail of text\n";

    (void)state;
    for (size_t size = 0; size < 64; size++) {
        for (size_t len = 0; len < sizeof(bytes); len++) {
            char *exact = malloc(size == 0 ? 1 : size); /* AddressSanitizer sees its end */

            assert_non_null(exact);
            text_escape(span_of(bytes, len), exact, size);
            if (size > 0) {
                assert_true(strlen(exact) < size);
                assert_true(text_is_utf8(span_str(exact)));
            }
            free(exact);
        }
    }
}

static void copies_are_bounded(void **state)
{
    struct arena *arena = test_arena();
    struct arena *full = arena_new(4);
    uint8_t bad[300];

    (void)state;
    memset(bad, 0xff, sizeof(bad));
    for (size_t max = 0; max < 300; max++) {
        const char *shown = text_escape_dup(arena, span_of(bad, sizeof(bad)), max);

        assert_true(strlen(shown) <= (max < 7 ? 7 : max));
        assert_string_equal(shown + strlen(shown) - 3, "...");
    }
    assert_int_equal(strlen(text_escape_dup(arena, span_of(bad, 75), 300)), 300);
    assert_string_equal(text_escape_dup(full, span_str("anything"), 100), "");
    arena_free(full);
    arena_free(arena);
}

static void reads_utf16(void **state)
{
    static const struct {
        const char *units;
        size_t len;
        const char *text;
    } cases[] = {
        {"\x00\xd8", 2, "\xef\xbf\xbd"}, /* high half alone */
        {"\x00\xdc", 2, "\xef\xbf\xbd"}, /* low half alone */
        {"\x00\xd8"
         "a\0",
         4,
         "\xef\xbf\xbd"
         "a"},
        {"\x00\xd8\x00\xd8\x00\xdc", 6, "\xef\xbf\xbd\xf0\x90\x80\x80"},
        {"\x00\xdc\x00\xd8", 4, "\xef\xbf\xbd\xef\xbf\xbd"},
        {"a\0b", 3, "a"}, /* half a unit is none */
        {"a", 1, ""},
        {"", 0, ""},
        {"a\0\0\0b\0", 6, "a"},
        {"D\0\xfc\0", 4, "D\xc3\xbc"},
        {"\x2d\x4e", 2, "\xe4\xb8\xad"},
        {"\x3d\xd8\x11\xdd", 4, "\xf0\x9f\x94\x91"},
        {"\xff\xdb\xff\xdf", 4, "\xf4\x8f\xbf\xbf"},
        {"\x0a\0", 2, "\n"}, /* not yet escaped */
    };
    struct arena *arena = test_arena();
    struct arena *full = arena_new(4);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span text = text_from_utf16le(arena, span_of(cases[i].units, cases[i].len));

        assert_true(span_is(text, cases[i].text));
        assert_true(text_is_utf8(text));
        assert_int_equal(text.data[text.len], 0);
    }
    assert_null(text_from_utf16le(full, span_of("a\0b\0c\0d\0e\0f\0", 12)).data);
    arena_free(full);
    arena_free(arena);
}

static void compares_words_without_their_case(void **state)
{
    (void)state;
    assert_false(text_equal_nocase("a", "b"));
    assert_false(text_equal_nocase("abc", "ab"));
    assert_false(text_equal_nocase("@", "`")); /* differ in the bit that case is */
    assert_false(text_equal_nocase("[", "{"));
    assert_false(text_span_equal_nocase(span_of("a\0b", 3), "a"));
    assert_false(text_equal_nocase("\xc4", "\xe4")); /* ASCII only, whatever the locale */
    assert_true(text_equal_nocase("SecureBoot", "sEcureboOT"));
    assert_true(text_equal_nocase("", ""));
    assert_true(text_span_equal_nocase(span_of("Xyz", 2), "xY"));
}

static void lines_of_a_message_stay_lines(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(arena_free) struct arena *full = arena_new(16);

    (void)state;
    assert_string_equal(text_escape_lines_dup(arena, span_str("a\n\tb\r\n\n"), 100),
                        "a\n\\tb\\r\n\n");
    assert_string_equal(text_escape_lines_dup(arena, (struct span){0}, 100), "");
    assert_string_equal(text_escape_lines_dup(arena, span_str("a"), 3), "");
    assert_string_equal(text_escape_lines_dup(full, span_str("anything"), 100), "");
    for (size_t max = 7; max < 40; max++) {
        const char *shown =
            text_escape_lines_dup(arena, span_str("one\ntwo\x01\x02\nthree and four\nfive"), max);

        assert_true(strlen(shown) <= max);
    }
}

/* What shows many texts in one arena needs as much as they are long, not as they may be. */
static void lines_take_the_room_that_they_need(void **state)
{
    CLEANUP(arena_free) struct arena *small = arena_new(64);
    static const char lines[] = "one\x01\n\n\xff\n"
                                "a\n";

    (void)state;
    assert_string_equal(text_escape_lines_dup(small, span_str(lines), 1000 * 1000),
                        "one\\x01\n\n\\xff\na\n");
    assert_false(arena_is_exhausted(small));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_nothing_but_printable_text),
        cmocka_unit_test(escaping_twice_changes_nothing),
        cmocka_unit_test(cuts_between_characters_and_says_so),
        cmocka_unit_test(stays_inside_any_room),
        cmocka_unit_test(copies_are_bounded),
        cmocka_unit_test(reads_utf16),
        cmocka_unit_test(lines_of_a_message_stay_lines),
        cmocka_unit_test(lines_take_the_room_that_they_need),
        cmocka_unit_test(compares_words_without_their_case),
    };

    return RUN_TESTS(tests);
}
