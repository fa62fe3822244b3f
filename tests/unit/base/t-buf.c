#include "base/buf.h"

#include "support/support.h"

static void the_first_failure_sticks(void **state)
{
    CLEANUP(buf_done) struct buf buf = {0};

    (void)state;
    buf_init(&buf, 4);
    buf_add_str(&buf, "abc");
    buf_add_str(&buf, "de");
    assert_err(buf_err(&buf), ERR_TOO_LARGE);
    /* What would fit is ignored too: half a document is no document. */
    buf_add_char(&buf, 'd');
    buf_addf(&buf, "%d", 1);
    buf_u8(&buf, 1);
    assert_null(buf_room(&buf, 0));
    assert_string_equal(buf_cstr(&buf), "abc");
    assert_err(buf_err(&buf), ERR_TOO_LARGE);
    buf_reset(&buf);
    assert_ok(buf_err(&buf));
    buf_add_str(&buf, "wxyz");
    assert_ok(buf_err(&buf));
    assert_string_equal(buf_cstr(&buf), "wxyz");
}

static void never_grows_past_its_limit(void **state)
{
    static const size_t limits[] = {0, 1, 63, 64, 65, 127, 1000};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        CLEANUP(buf_done) struct buf buf = {0};

        buf_init(&buf, limits[i]);
        for (size_t n = 0; n < limits[i]; n++) {
            buf_add_char(&buf, 'x');
        }
        assert_ok(buf_err(&buf));
        assert_int_equal(buf_span(&buf).len, limits[i]);
        assert_true(buf.size <= limits[i] + 1);
        buf_add_char(&buf, 'y');
        assert_err(buf_err(&buf), ERR_TOO_LARGE);
        assert_int_equal(strlen(buf_cstr(&buf)), limits[i]);
    }
}

static void a_buffer_that_is_done_takes_nothing(void **state)
{
    struct buf buf = {0};

    (void)state;
    buf_init(&buf, 100);
    buf_add_str(&buf, "secret");
    buf_done(&buf);
    buf_add_str(&buf, "more");
    assert_err(buf_err(&buf), ERR_TOO_LARGE);
    assert_string_equal(buf_cstr(&buf), "");
    buf_done(&buf);
    buf_done(&buf);
}

static void takes_the_largest_limit_without_overflow(void **state)
{
    CLEANUP(buf_done) struct buf buf = {0};

    (void)state;
    buf_init(&buf, SIZE_MAX);
    buf_add_str(&buf, "abc");
    assert_string_equal(buf_cstr(&buf), "abc");
    assert_null(buf_room(&buf, SIZE_MAX - 3));
    assert_err(buf_err(&buf), ERR_TOO_LARGE);
}

static void a_tpm2b_is_at_most_65535_long(void **state)
{
    static const uint8_t bytes[UINT16_MAX + 1];
    CLEANUP(buf_done) struct buf buf = {0};

    (void)state;
    buf_init(&buf, 1 << 20);
    buf_tpm2b(&buf, span_of(bytes, sizeof(bytes)));
    assert_err(buf_err(&buf), ERR_TOO_LARGE);
    assert_int_equal(buf_span(&buf).len, 0);
    buf_reset(&buf);
    buf_tpm2b(&buf, span_of(bytes, UINT16_MAX));
    assert_ok(buf_err(&buf));
    assert_int_equal(buf_span(&buf).len, 2 + UINT16_MAX);
    assert_memory_equal(buf_span(&buf).data, "\xff\xff", 2);
}

static void writes_numbers_in_their_byte_order(void **state)
{
    static const uint8_t want[] = {0x01, 0x01, 0x02, 0x01, 0x02, 0x03, 0x04, 0x01,
                                   0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x00,
                                   0x03, 'a',  'b',  'c',  0x00, 0x00};
    CLEANUP(buf_done) struct buf buf = {0};

    (void)state;
    buf_init(&buf, 100);
    buf_u8(&buf, 1);
    buf_u16be(&buf, 0x0102);
    buf_u32be(&buf, 0x01020304);
    buf_u64be(&buf, 0x0102030405060708);
    buf_tpm2b(&buf, span_str("abc"));
    buf_tpm2b(&buf, (struct span){0});
    assert_ok(buf_err(&buf));
    assert_true(span_equal(buf_span(&buf), span_of(want, sizeof(want))));
}

static void a_secret_is_wiped_when_emptied(void **state)
{
    CLEANUP(buf_done) struct buf buf = {0};

    (void)state;
    buf_init_secret(&buf, 1000);
    buf_add_str(&buf, "the key of the kingdom");
    for (int i = 0; i < 10; i++) {
        buf_addf(&buf, "%s", ", and more of it that makes it grow");
    }
    assert_ok(buf_err(&buf));
    assert_int_equal(buf_span(&buf).len, 22 + 10 * 35);
    assert_memory_equal(buf_span(&buf).data, "the key of the kingdom, and", 27);
    buf_reset(&buf);
    assert_true(span_all(span_of(buf.data, buf.size), 0));
}

static void room_is_there_to_write_into(void **state)
{
    CLEANUP(buf_done) struct buf buf = {0};
    uint8_t *at;

    (void)state;
    buf_init(&buf, 10);
    assert_string_equal(buf_cstr(&buf), "");
    assert_null(buf_span(&buf).data);
    at = buf_room(&buf, 10);
    assert_non_null(at);
    memcpy(at, "0123456789", 10);
    buf_grown(&buf, 4);
    assert_string_equal(buf_cstr(&buf), "0123");
    assert_null(buf_room(&buf, 7));
    assert_err(buf_err(&buf), ERR_TOO_LARGE);
}

static void a_copy_is_the_contents_or_the_error(void **state)
{
    CLEANUP(buf_done) struct buf buf = {0};
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(arena_free) struct arena *small = arena_new(1024);
    struct span copy = span_str("untouched");

    (void)state;
    buf_init(&buf, 5000);
    buf_room(&buf, 6000);
    assert_err(buf_copy(&buf, arena, &copy), ERR_TOO_LARGE);
    buf_reset(&buf);
    assert_non_null(buf_room(&buf, 4000));
    buf_grown(&buf, 4000);
    assert_err(buf_copy(&buf, small, &copy), ERR_MEMORY);
    assert_true(span_is(copy, "untouched"));
    buf_reset(&buf);
    buf_add_str(&buf, "abc");
    assert_ok(buf_copy(&buf, arena, &copy));
    buf_reset(&buf);
    assert_true(span_is(copy, "abc"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_failure_sticks),
        cmocka_unit_test(never_grows_past_its_limit),
        cmocka_unit_test(a_buffer_that_is_done_takes_nothing),
        cmocka_unit_test(takes_the_largest_limit_without_overflow),
        cmocka_unit_test(a_tpm2b_is_at_most_65535_long),
        cmocka_unit_test(writes_numbers_in_their_byte_order),
        cmocka_unit_test(a_secret_is_wiped_when_emptied),
        cmocka_unit_test(room_is_there_to_write_into),
        cmocka_unit_test(a_copy_is_the_contents_or_the_error),
    };

    return RUN_TESTS(tests);
}
