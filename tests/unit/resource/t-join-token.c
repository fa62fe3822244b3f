/* Join tokens in what owners write: which are found, and that none stays. */
#include "support/support.h"

#include "base/codec.h"
#include "resource/join-token.h"

#include <string.h>

static void tokens_are_found_in_what_owners_write(void **state)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"", NULL},
        {"bootwarden-join-token", NULL},
        {"bootwarden-join-token:", NULL},
        {"bootwarden-join-token: ", NULL},
        {"bootwarden-join-token:\nabc", NULL},
        {"# bootwarden-join-tokens are secret", NULL},
        {"the bootwarden-join-token is below", NULL},
        {"Bootwarden-Join-Token: abc", NULL},
        {"bootwarden-join-token: abc", "abc"},
        {"bootwarden-join-token=abc\n", "abc"},
        {"bootwarden-join-token = \"abc\"", "abc"},
        {"{\"bootwarden-join-token\": \"a.b_c-d~e+f\"}", "a.b_c-d~e+f"},
        {"#cloud-config\nwrite_files:\n  - content: 'bootwarden-join-token: abc'\n", "abc"},
        {"# bootwarden-join-token of this machine\nbootwarden-join-token: abc", "abc"},
        {"bootwarden-join-token:\nbootwarden-join-token: abc", "abc"},
        {"xbootwarden-join-token:abc;next", "abc"},
        {"bootwarden-join-token: a\xc3\xbc", "a"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span got = join_token_find(span_str(cases[i].text));

        if (cases[i].wanted == NULL ? got.data != NULL
                                    : got.data == NULL || !span_is(got, cases[i].wanted)) {
            fail_msg("%s: '%.*s'", cases[i].text, (int)got.len, (const char *)got.data);
        }
    }
    assert_null(join_token_find((struct span){0}).data);
}

static void a_key_without_a_value_is_told_from_no_key(void **state)
{
    static const struct {
        const char *text;
        bool wanted;
    } cases[] = {
        {"", false},
        {"bootwarden-join-token", false},
        {"the bootwarden-join-token is below", false},
        {"bootwarden-join-token: abc", false},
        {"bootwarden-join-token:\nbootwarden-join-token: abc", false},
        {"bootwarden-join-token: ***", false}, /* as it is shown */
        {"bootwarden-join-token:", true},
        {"bootwarden-join-token: \nnext: abc", true},
        {"#cloud-config\r\nbootwarden-join-token = \"\"\r\n", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (join_token_is_missing(span_str(cases[i].text)) != cases[i].wanted) {
            fail_msg("%s", cases[i].text);
        }
    }
}

#define MADE "bwj_0123456789abcdef-_XYZ"
#define STARS "*************************"

static void no_token_stays_and_nothing_else_goes(void **state)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"", ""},
        {"bwj_short and xbwj_", "bwj_short and xbwj_"},
        {"bootwarden-join-token of this machine", "bootwarden-join-token of this machine"},
        {MADE, STARS},
        {"a " MADE ";" MADE "!", "a " STARS ";" STARS "!"},
        {"bootwarden-join-token: abc\nbootwarden-join-token=d\n" MADE,
         "bootwarden-join-token: ***\nbootwarden-join-token=*\n" STARS},
        {"[base64(concat('x\nbootwarden-join-token: own-word', parameters('a')))]",
         "[base64(concat('x\nbootwarden-join-token: ********', parameters('a')))]"},
        {"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
         "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="},
    };
    struct arena *arena = test_arena();
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *list = json_add_array(doc, root, "list");

    (void)state;
    join_token_strike(arena, NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        (void)yyjson_mut_arr_add_strcpy(doc, list, cases[i].text);
        (void)yyjson_mut_arr_add_strcpy(
            doc, list, base64_dup(arena, BASE64_STANDARD, span_str(cases[i].text)));
    }
    join_token_strike(arena, root);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_string_equal(yyjson_mut_get_str(yyjson_mut_arr_get(list, 2 * i)), cases[i].wanted);
        assert_string_equal(yyjson_mut_get_str(yyjson_mut_arr_get(list, 2 * i + 1)),
                            base64_dup(arena, BASE64_STANDARD, span_str(cases[i].wanted)));
    }
    arena_free(arena);
}

/* In lines, as base64(1) prints it. */
static const char *in_lines(struct arena *arena, const char *text)
{
    const char *code = base64_dup(arena, BASE64_STANDARD, span_str(text));
    size_t len = strlen(code), used = 0;
    char *lines = arena_alloc(arena, 2 * len + 3);

    for (size_t i = 0; i < len; i++) {
        lines[used++] = code[i];
        if (i % 16 == 15) {
            lines[used++] = '\n';
        }
    }
    memcpy(lines + used, "\r\n", 3);
    return lines;
}

static void lines_of_base64_are_looked_through(void **state)
{
    static const char *const kept[] = {"all of this is plain text and in lines", ""};
    static const char *const gone[] = {"#!/bin/sh\necho " MADE "\n",
                                       "x\nbootwarden-join-token: own-word-of-mine\n"};
    struct arena *arena = test_arena();
    yyjson_mut_doc *doc = json_new(arena);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        const char *text = in_lines(arena, kept[i]);
        yyjson_mut_val *value = yyjson_mut_str(doc, text);

        join_token_strike(arena, value);
        assert_string_equal(yyjson_mut_get_str(value), text);
    }
    for (size_t i = 0; i < ARRAY_LEN(gone); i++) {
        yyjson_mut_val *value = yyjson_mut_str(doc, in_lines(arena, gone[i]));
        struct span plain = {0};

        join_token_strike(arena, value);
        assert_ok(
            base64_decode(arena, BASE64_STANDARD, span_str(yyjson_mut_get_str(value)), &plain));
        assert_null(memmem(plain.data, plain.len, "bwj_", 4));
        assert_null(memmem(plain.data, plain.len, "own-word", 8));
        assert_non_null(memmem(plain.data, plain.len, "****", 4));
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_found_in_what_owners_write),
        cmocka_unit_test(a_key_without_a_value_is_told_from_no_key),
        cmocka_unit_test(no_token_stays_and_nothing_else_goes),
        cmocka_unit_test(lines_of_base64_are_looked_through),
    };

    return RUN_TESTS(tests);
}
