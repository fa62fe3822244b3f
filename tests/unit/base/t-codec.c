#include "base/codec.h"

#include "support/support.h"

static void refuses_what_is_not_hexadecimal(void **state)
{
    static const char *const cases[] = {"0",    "000",   "0g",  "g0",       " 00", "00 ",
                                        "0x00", "00:11", "0\n", "\xc0\xb0", "-1",  "@0",
                                        "`0",   "G0",    "/0",  ":0"};
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span out = span_str("untouched");

        assert_err(hex_decode(arena, span_str(cases[i]), &out), ERR_ENCODING);
        assert_true(span_is(out, "untouched"));
    }
    assert_err(hex_decode(arena, span_of("0\0", 2), &(struct span){0}), ERR_ENCODING);
    arena_free(arena);
}

static void fixed_sizes_are_exact(void **state)
{
    uint8_t bytes[3];

    (void)state;
    assert_err(hex_decode_into(span_str("0011"), bytes, 3), ERR_ENCODING);
    assert_err(hex_decode_into(span_str("00112233"), bytes, 3), ERR_ENCODING);
    assert_err(hex_decode_into(span_str("00112"), bytes, 3), ERR_ENCODING);
    assert_err(hex_decode_into(span_str(""), bytes, 3), ERR_ENCODING);
    assert_ok(hex_decode_into(span_str("00fFA1"), bytes, 3));
    assert_memory_equal(bytes, "\x00\xff\xa1", 3);
    assert_ok(hex_decode_into(span_str(""), bytes, 0));
}

static void hexadecimal_comes_back(void **state)
{
    struct arena *arena = test_arena();
    uint8_t all[256];
    char small[5];
    struct span out;

    (void)state;
    for (size_t i = 0; i < sizeof(all); i++) {
        all[i] = (uint8_t)i;
    }
    assert_ok(hex_decode(arena, span_str(hex_dup(arena, span_of(all, sizeof(all)))), &out));
    assert_true(span_equal(out, span_of(all, sizeof(all))));
    assert_string_equal(hex_dup(arena, span_of("\x0a\xfB", 2)), "0afb");
    assert_string_equal(hex_dup(arena, (struct span){0}), "");
    /* Too small a room cuts whole bytes and still ends the text. */
    hex_encode(span_of("\x01\x02\x03", 3), small, sizeof(small));
    assert_string_equal(small, "0102");
    hex_encode(span_of("\x01\x02\x03", 3), small, 4);
    assert_string_equal(small, "01");
    hex_encode(span_of("\x01", 1), small, 1);
    assert_string_equal(small, "");
    arena_free(arena);
}

enum {
    S = 1 << BASE64_STANDARD,
    U = 1 << BASE64_URL,
    L = 1 << BASE64_URL_LENIENT,
    A = 1 << BASE64_ANY
};

/* Which forms take a text, and what it says. */
static const struct {
    const char *text;
    int taken_by;
    const char *bytes;
    size_t len;
} base64_cases[] = {
    /* nobody */
    {"A", 0, NULL, 0},
    {"AAAAA", 0, NULL, 0},
    {"=", 0, NULL, 0},
    {"==", 0, NULL, 0},
    {"===", 0, NULL, 0},
    {"====", 0, NULL, 0},
    {"A===", 0, NULL, 0},
    {"AA=", 0, NULL, 0},
    {"AA===", 0, NULL, 0},
    {"AAA==", 0, NULL, 0},
    {"AAAA=", 0, NULL, 0},
    {"AAAA==", 0, NULL, 0},
    {"AAAA====", 0, NULL, 0},
    {"AA==AAAA", 0, NULL, 0},
    {"AA=A", 0, NULL, 0},
    {"=AAA", 0, NULL, 0},
    {" AAAA", 0, NULL, 0},
    {"AAAA\n", 0, NULL, 0},
    {"AA\nAA", 0, NULL, 0},
    {"AA AA", 0, NULL, 0},
    {"AA.A", 0, NULL, 0},
    {"AA\xc3\xa4", 0, NULL, 0},
    {"+_AA", 0, NULL, 0}, /* two alphabets in one value */
    {"-/AA", 0, NULL, 0},
    {"AB==", 0, NULL, 0}, /* leftover bits: a second spelling of AA== */
    {"AB", 0, NULL, 0},
    {"AP==", 0, NULL, 0},
    {"AAB=", 0, NULL, 0},
    {"AAD", 0, NULL, 0},
    {"QUJDRB==", 0, NULL, 0},
    /* some */
    {"AA==", S | L | A, "\0", 1},
    {"AA", U | L | A, "\0", 1},
    {"AAA=", S | L | A, "\0\0", 2},
    {"AAA", U | L | A, "\0\0", 2},
    {"AAAA", S | U | L | A, "\0\0\0", 3},
    {"+/+/", S | A, "\xfb\xff\xbf", 3},
    {"-_-_", U | L | A, "\xfb\xff\xbf", 3},
    {"+A==", S | A, "\xf8", 1},
    {"-A==", L | A, "\xf8", 1},
    {"-A", U | L | A, "\xf8", 1},
    {"+A", A, "\xf8", 1},
    {"Zm9v", S | U | L | A, "foo", 3},
    {"Zm9vYmE=", S | L | A, "fooba", 5},
    {"Zm9vYg==", S | L | A, "foob", 4},
    {"Zm9vYmFy", S | U | L | A, "foobar", 6},
    {"Zm9vYg", U | L | A, "foob", 4},
    {"", S | U | L | A, "", 0},
};

static void each_form_takes_its_own_spelling_alone(void **state)
{
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(base64_cases); i++) {
        for (int form = BASE64_STANDARD; form <= BASE64_ANY; form++) {
            struct span out = span_str("untouched");
            err_t err =
                base64_decode(arena, (enum base64_form)form, span_str(base64_cases[i].text), &out);
            bool is_taken = (base64_cases[i].taken_by & 1 << form) != 0;

            if (err != (is_taken ? ERR_OK : ERR_ENCODING)) {
                fail_msg("'%s' in form %d: %s", base64_cases[i].text, form, err_name(err));
            }
            if (is_taken) {
                assert_true(span_equal(out, span_of(base64_cases[i].bytes, base64_cases[i].len)));
            } else {
                assert_true(span_is(out, "untouched"));
            }
        }
    }
    arena_free(arena);
}

/* Every byte at every place of a group, in every form. */
static void takes_64_characters_and_no_others(void **state)
{
    struct arena *arena = test_arena();

    (void)state;
    for (int form = BASE64_STANDARD; form <= BASE64_ANY; form++) {
        for (size_t place = 0; place < 8; place++) {
            unsigned taken = 0;

            for (unsigned c = 0; c < 256; c++) {
                uint8_t text[8] = "AAAAAAAA";
                struct span out;

                text[place] = (uint8_t)c;
                taken +=
                    base64_decode(arena, (enum base64_form)form, span_of(text, 8), &out) == ERR_OK;
            }
            /* '=' at the end is padding to all but the strict URL form. */
            assert_int_equal(taken, (form == BASE64_ANY ? 66 : 64) +
                                        (place == 7 && form != BASE64_URL ? 1 : 0));
        }
    }
    arena_free(arena);
}

static void base64_comes_back_at_every_length(void **state)
{
    struct arena *arena = test_arena();
    uint8_t bytes[200];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 151 + 13);
    }
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        for (int form = BASE64_STANDARD; form <= BASE64_ANY; form++) {
            const char *text = base64_dup(arena, (enum base64_form)form, span_of(bytes, len));
            CLEANUP(buf_done) struct buf buf = {0};
            struct span out;

            assert_non_null(text);
            assert_ok(base64_decode(arena, (enum base64_form)form, span_str(text), &out));
            assert_true(span_equal(out, span_of(bytes, len)));
            buf_init(&buf, strlen(text) + 3);
            base64_encode(&buf, (enum base64_form)form, span_of(bytes, len));
            assert_ok(buf_err(&buf));
            assert_string_equal(buf_cstr(&buf), text);
        }
    }
    arena_free(arena);
}

static void percent_encoding_can_be_read_back(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(buf_done) struct buf text = {0};
    uint8_t all[255];
    struct span back = {0};

    (void)state;
    buf_init(&text, 1024);
    percent_encode(&text, span_str("aZ09-._~ +/=\n\xc3"));
    assert_string_equal(buf_cstr(&text), "aZ09-._~%20%2B%2F%3D%0A%C3");
    buf_reset(&text);
    for (size_t i = 0; i < sizeof(all); i++) {
        all[i] = (uint8_t)(i + 1);
    }
    percent_encode(&text, span_of(all, sizeof(all)));
    assert_ok(percent_decode(arena, buf_span(&text), true, &back));
    assert_true(span_equal(back, span_of(all, sizeof(all))));
}

static void percent_encoding_is_whole_and_holds_no_nul(void **state)
{
    static const char *const broken[] = {"%", "%4", "a%4", "%4g", "%g4", "%%41", "%00", "a%00b"};
    struct arena *arena = test_arena();
    struct span out = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        assert_err(percent_decode(arena, span_str(broken[i]), true, &out), ERR_MALFORMED);
    }
    assert_err(percent_decode(arena, span_of("a\0b", 3), false, &out), ERR_MALFORMED);
    assert_null(out.data);
    assert_ok(percent_decode(arena, span_str("%41%7e%C3%a4%2b+%0A"), false, &out));
    assert_true(span_is(out, "A~\xc3\xa4++\n"));
    assert_int_equal(out.data[out.len], 0);
    assert_ok(percent_decode(arena, span_str("a+b%2B"), true, &out));
    assert_true(span_is(out, "a b+"));
    assert_ok(percent_decode(arena, span_str(""), true, &out));
    assert_int_equal(out.len, 0);
    arena_free(arena);
}

static void running_out_of_memory_is_no_bad_encoding(void **state)
{
    struct arena *arena = arena_new(16);
    struct span out;

    (void)state;
    assert_err(
        base64_decode(arena, BASE64_STANDARD, span_str("AAAAAAAAAAAAAAAAAAAAAAAAAAAA"), &out),
        ERR_MEMORY);
    assert_err(hex_decode(arena, span_str("00000000000000000000000000000000000000000000"), &out),
               ERR_MEMORY);
    assert_null(base64_dup(arena, BASE64_URL, span_str("a text that is too long for it")));
    assert_string_equal(hex_dup(arena, span_str("a text that is too long for it")), "");
    arena_free(arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_not_hexadecimal),
        cmocka_unit_test(fixed_sizes_are_exact),
        cmocka_unit_test(each_form_takes_its_own_spelling_alone),
        cmocka_unit_test(takes_64_characters_and_no_others),
        cmocka_unit_test(percent_encoding_can_be_read_back),
        cmocka_unit_test(percent_encoding_is_whole_and_holds_no_nul),
        cmocka_unit_test(running_out_of_memory_is_no_bad_encoding),
        cmocka_unit_test(hexadecimal_comes_back),
        cmocka_unit_test(base64_comes_back_at_every_length),
    };

    return RUN_TESTS(tests);
}
