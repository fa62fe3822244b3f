#include "base/reader.h"

#include "support/support.h"

/* Each way of reading, on one byte less than it needs. */
static void a_short_read_fails_and_moves_nothing(void **state)
{
    static const uint8_t bytes[8];

    (void)state;
    for (size_t len = 0; len < sizeof(bytes); len++) {
        struct reader r = reader_on(span_of(bytes, len));
        struct span taken = span_str("untouched");
        uint8_t u8 = 7;
        uint16_t u16 = 7;
        uint32_t u32 = 7;
        uint64_t u64 = 7;

        assert_err(reader_u64le(&r, &u64), ERR_SHORT);
        assert_err(reader_u64be(&r, &u64), ERR_SHORT);
        assert_err(reader_take(&r, len + 1, &taken), ERR_SHORT);
        assert_err(reader_take(&r, SIZE_MAX, &taken), ERR_SHORT);
        assert_err(reader_skip(&r, SIZE_MAX), ERR_SHORT);
        if (len < 4) {
            assert_err(reader_u32le(&r, &u32), ERR_SHORT);
            assert_err(reader_u32be(&r, &u32), ERR_SHORT);
        }
        if (len < 2) {
            assert_err(reader_u16le(&r, &u16), ERR_SHORT);
            assert_err(reader_u16be(&r, &u16), ERR_SHORT);
            assert_err(reader_tpm2b(&r, 100, &taken), ERR_SHORT);
        }
        if (len < 1) {
            assert_err(reader_u8(&r, &u8), ERR_SHORT);
        }
        assert_int_equal(r.offset, 0);
        assert_true(u8 == 7 && u16 == 7 && u32 == 7 && u64 == 7);
        assert_true(span_is(taken, "untouched"));
        assert_err(reader_end(&r), len == 0 ? ERR_OK : ERR_TRAILING);
    }
}

static void a_tpm2b_is_taken_whole_or_not_at_all(void **state)
{
    static const struct {
        const char *bytes;
        size_t len, max;
        err_t want;
        size_t offset;
    } cases[] = {
        {"\x00\x03"
         "ab",
         4, 100, ERR_SHORT, 0},
        {"\xff\xff"
         "ab",
         4, UINT16_MAX, ERR_SHORT, 0},
        {"\x00\x03"
         "abc",
         5, 2, ERR_TOO_LARGE, 0},
        {"\x00\x03"
         "abc",
         5, 3, ERR_OK, 5},
        {"\x00\x00", 2, 0, ERR_OK, 2},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct reader r = reader_on(span_of(cases[i].bytes, cases[i].len));
        struct span taken = span_str("untouched");

        assert_err(reader_tpm2b(&r, cases[i].max, &taken), cases[i].want);
        assert_int_equal(r.offset, cases[i].offset);
        assert_int_equal(span_is(taken, "untouched"), cases[i].want != ERR_OK);
    }
}

static void reads_numbers_in_their_byte_order(void **state)
{
    static const uint8_t bytes[] = {1, 1, 2, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8,
                                    1, 2, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8};
    struct reader r = reader_on(span_of(bytes, sizeof(bytes)));
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;

    (void)state;
    assert_ok(reader_u8(&r, &u8));
    assert_int_equal(u8, 1);
    assert_ok(reader_u16be(&r, &u16));
    assert_int_equal(u16, 0x0102);
    assert_ok(reader_u32be(&r, &u32));
    assert_int_equal(u32, 0x01020304);
    assert_ok(reader_u64be(&r, &u64));
    assert_int_equal(u64, 0x0102030405060708);
    assert_ok(reader_u16le(&r, &u16));
    assert_int_equal(u16, 0x0201);
    assert_err(reader_end(&r), ERR_TRAILING);
    assert_ok(reader_u32le(&r, &u32));
    assert_int_equal(u32, 0x04030201);
    assert_ok(reader_u64le(&r, &u64));
    assert_int_equal(u64, 0x0807060504030201);
    assert_ok(reader_end(&r));
}

static void nothing_can_be_read_from_nothing(void **state)
{
    struct reader r = reader_on((struct span){0});
    struct span taken = span_str("x");

    (void)state;
    assert_ok(reader_take(&r, 0, &taken));
    assert_int_equal(taken.len, 0);
    assert_ok(reader_skip(&r, 0));
    assert_err(reader_skip(&r, 1), ERR_SHORT);
    assert_ok(reader_end(&r));
}

static void cutting_a_span_stays_inside(void **state)
{
    struct span text = span_str("abcdef");

    (void)state;
    assert_true(span_is(span_cut(text, 2, 3), "cde"));
    assert_true(span_is(span_cut(text, 2, SIZE_MAX), "cdef"));
    assert_int_equal(span_cut(text, 6, 1).len, 0);
    assert_int_equal(span_cut(text, SIZE_MAX, SIZE_MAX).len, 0);
    assert_int_equal(span_cut((struct span){0}, 0, 5).len, 0);
    assert_true(span_equal((struct span){0}, span_str("")));
    assert_true(span_equal(span_str(NULL), span_str("")));
    assert_false(span_equal(span_str("a"), span_str("ab")));
    assert_true(span_starts(text, "abc") && span_starts(text, ""));
    assert_false(span_starts(text, "abcdefg"));
    assert_false(span_starts((struct span){0}, "a"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_read_fails_and_moves_nothing),
        cmocka_unit_test(a_tpm2b_is_taken_whole_or_not_at_all),
        cmocka_unit_test(reads_numbers_in_their_byte_order),
        cmocka_unit_test(nothing_can_be_read_from_nothing),
        cmocka_unit_test(cutting_a_span_stays_inside),
    };

    return RUN_TESTS(tests);
}
