/*
 * D-5: a change in words: whole items, the rest counted, nothing cut inside a character or an
 * escape.
 */
#include "unit/appraise/compare.h"

#include "base/text.h"

#include <stdlib.h>

/* A boot whose GRUB ran this many commands more, each of this text. */
static const struct boot_facts *with_commands(struct arena *arena, const char *text, size_t n)
{
    struct logs_edit *edit = logs_edit_boot(arena, HEALTHY);
    size_t at = find_text(edit, 8, "kernel_cmdline: ");

    for (size_t i = 0; i < n; i++) {
        char *command = arena_printf(arena, "grub_cmd: %zu %s", i, text);

        assert_non_null(command);
        logs_insert(edit, at, 8, EV_IPL, span_of((const uint8_t *)command, strlen(command) + 1));
        logs_measure(edit, at, span_str(command + 10));
    }
    return logs_edited_facts(edit);
}

static const char *words(struct arena *arena, const char *text, size_t n)
{
    struct compared changes = compare(arena, boot(arena, HEALTHY), with_commands(arena, text, n));

    return find(&changes, REASON_CHANGE_GRUB_CONFIG)->text;
}

static size_t count_of(const char *text, const char *part)
{
    size_t n = 0;

    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        n++;
    }
    return n;
}

static void long_items_are_cut_behind_a_word(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    char text[400];
    const char *got;

    (void)state;
    for (size_t i = 0; i + 1 < sizeof(text); i++) {
        text[i] = i % 10 == 9 ? ' ' : (char)('a' + i % 10);
    }
    text[sizeof(text) - 1] = '\0';
    got = words(arena, text, 2);
    assert_int_equal(count_of(got, "..."), 2);
    assert_int_equal(count_of(got, "abcdefghi..."), 2);
    got = words(arena, text, 1); /* alone it has room */
    assert_int_equal(count_of(got, "..."), 0);
    assert_non_null(strstr(got, text));
}

static void what_is_not_shown_is_counted(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    assert_null(strstr(words(arena, "x", 3), "more"));
    assert_non_null(strstr(words(arena, "x", 4), " and 1 more"));
    assert_non_null(strstr(words(arena, "x", 100), " and 97 more"));
}

/* Every length up to the limits and past them. */
static void no_character_and_no_escape_is_split(void **state)
{
    (void)state;
    for (size_t pad = 0; pad < 12; pad++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        char text[700] = "";
        size_t len = 0;
        const char *got;

        memset(text, 'p', pad);
        for (len = pad; len + 8 < sizeof(text);) {
            const char *part = len % 2 == 0 ? "\xe2\x82\xac\x1bq" : "\xc3\xa4\xe2\x80\xaeqq";

            memcpy(text + len, part, strlen(part));
            len += strlen(part);
        }
        text[len] = '\0';
        for (size_t n = 1; n <= 2; n++) {
            got = words(arena, text, n);
            assert_true(text_is_utf8(span_str(got)));
            assert_int_equal(count_of(got, "\\x"), count_of(got, "\\x1b"));
            assert_int_equal(count_of(got, "\\u"), count_of(got, "\\u{202e}"));
            assert_int_equal(count_of(got, "..."), n);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_items_are_cut_behind_a_word),
        cmocka_unit_test(what_is_not_shown_is_counted),
        cmocka_unit_test(no_character_and_no_escape_is_split),
    };

    return RUN_TESTS(tests);
}
