/* Canonical event logs: bounds and order of fields, numbers, registers, replay, coverage. The one
 * public log is in t-public.c. */
#include "support/support.h"

#include "base/buf.h"
#include "eventlog/cel.h"

#include <string.h>

static void put_field(struct buf *out, uint8_t type, struct span value)
{
    buf_u8(out, type);
    buf_u8(out, (uint8_t)(value.len >> 24));
    buf_u8(out, (uint8_t)(value.len >> 16));
    buf_u8(out, (uint8_t)(value.len >> 8));
    buf_u8(out, (uint8_t)value.len);
    buf_add(out, value);
}

static void put_number(struct buf *out, uint64_t number)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(number >> (56 - 8 * i));
    }
    put_field(out, 0, span_of(bytes, 8));
}

static void put_register(struct buf *out, uint8_t type, uint8_t index)
{
    put_field(out, type, span_of(&index, 1));
}

/* A COS content and digests of all of it. */
static void put_cos(struct buf *out, uint8_t kind, const char *text)
{
    CLEANUP(buf_done) struct buf inner = {0};
    CLEANUP(buf_done) struct buf whole = {0};
    CLEANUP(buf_done) struct buf digests = {0};
    uint8_t digest[HASH_MAX_BYTES];

    buf_init(&inner, 4096);
    buf_init(&whole, 4096);
    buf_init(&digests, 4096);
    put_field(&inner, kind, span_str(text));
    put_field(&whole, CEL_CONTENT_COS, buf_span(&inner));
    assert_ok(hash_once(HASH_SHA256, buf_span(&whole), digest));
    put_field(&digests, 0x0b, span_of(digest, SHA256_BYTES));
    assert_ok(hash_once(HASH_SHA384, buf_span(&whole), digest));
    put_field(&digests, 0x0c, span_of(digest, SHA384_BYTES));
    put_field(out, 3, buf_span(&digests));
    buf_add(out, buf_span(&whole));
}

static void put_record(struct buf *out, uint64_t number, uint8_t type, uint8_t index,
                       const char *text)
{
    put_number(out, number);
    put_register(out, type, index);
    put_cos(out, 5, text);
}

static err_t read(struct arena *arena, const struct buf *log, struct trail *trail, struct cel **ret)
{
    struct span copy = arena_dup(arena, buf_span(log));

    assert_non_null(copy.data);
    return cel_read(arena, copy, trail, ret);
}

static err_t read_only(const struct buf *log)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct trail trail = {0};
    struct cel *cel = NULL;
    err_t err = read(arena, log, &trail, &cel);

    assert_true(err == ERR_OK || (cel == NULL && trail.what[0] != '\0' && trail.has_offset));
    return err;
}

static void nothing_is_no_log(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct cel *cel = NULL;

    (void)state;
    assert_err(cel_read(arena, (struct span){0}, NULL, &cel), ERR_NOT_FOUND);
    assert_null(cel);
}

/* L-4: a part of a record is an error, never the end of the log. */
static void refuses_a_log_cut_at_any_byte(void **state)
{
    CLEANUP(buf_done) struct buf log = {0};
    size_t ends[3];

    (void)state;
    buf_init(&log, 65536);
    for (size_t i = 0; i < 3; i++) {
        put_record(&log, i, 108, 4, "x=y");
        ends[i] = buf_span(&log).len;
    }
    for (size_t len = 1; len <= ends[2]; len++) {
        CLEANUP(arena_free) struct arena *arena = arena_new(1024 * 1024);
        struct cel *cel = NULL;
        struct span cut = arena_dup(arena, span_cut(buf_span(&log), 0, len));
        bool whole = len == ends[0] || len == ends[1] || len == ends[2];

        assert_true((cel_read(arena, cut, NULL, &cel) == ERR_OK) == whole);
    }
}

static void numbers_begin_at_0_and_increase(void **state)
{
    static const struct {
        uint64_t number[3];
        err_t want;
    } cases[] = {
        {{0, 1, 2}, ERR_OK},        {{0, 5, 9}, ERR_OK}, /* a log may be filtered by register */
        {{1, 2, 3}, ERR_MALFORMED}, {{0, 0, 1}, ERR_MALFORMED},
        {{0, 2, 1}, ERR_MALFORMED}, {{0, UINT64_MAX, 1}, ERR_MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_done) struct buf log = {0};

        buf_init(&log, 65536);
        for (size_t k = 0; k < 3; k++) {
            put_record(&log, cases[i].number[k], 1, 8, "x");
        }
        assert_err(read_only(&log), cases[i].want);
    }
}

static void registers_have_their_ranges_L_10(void **state)
{
    static const struct {
        uint8_t type, index;
        err_t want;
    } cases[] = {
        {1, 0, ERR_OK},          {1, 23, ERR_OK},
        {1, 24, ERR_MALFORMED},  {108, 0, ERR_MALFORMED} /* MRTD */,
        {108, 1, ERR_OK},        {108, 4, ERR_OK},
        {108, 5, ERR_MALFORMED}, {2, 200, ERR_OK},
        {4, 1, ERR_MALFORMED},   {0, 1, ERR_MALFORMED},
        {80, 1, ERR_MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_done) struct buf log = {0};

        buf_init(&log, 65536);
        put_record(&log, 0, cases[i].type, cases[i].index, "x");
        assert_err(read_only(&log), cases[i].want);
    }
}

/* Each field in its place, once, with a sensible length. */
static void fields_stand_in_order(void **state)
{
    static const uint8_t digest[64] = {1};
    CLEANUP(buf_done) struct buf good = {0};

    (void)state;
    buf_init(&good, 1024);
    put_field(&good, 0x0b, span_of(digest, 32));
    for (int broken = 0; broken < 12; broken++) {
        CLEANUP(buf_done) struct buf log = {0};
        CLEANUP(buf_done) struct buf digests = {0};

        buf_init(&log, 65536);
        buf_init(&digests, 65536);
        put_field(&digests, 0x0b, span_of(digest, broken == 1 ? 31 : 32));
        if (broken == 2) { /* an algorithm twice */
            put_field(&digests, 0x0b, span_of(digest, 32));
        }
        for (uint8_t i = 0; broken == 3 && i < CEL_MAX_DIGESTS; i++) {
            put_field(&digests, (uint8_t)(0x40 + i), span_of(digest, 16));
        }
        if (broken == 4) {
            put_field(&log, 0, span_of(digest, 4)); /* a number of 4 bytes */
        } else {
            put_number(&log, 0);
        }
        if (broken == 5) {
            put_number(&log, 1);
        }
        if (broken == 6) {
            put_field(&log, 1, span_of(digest, 5));
        } else {
            put_field(&log, 1, span_of(digest, 1));
        }
        put_field(&log, broken == 7 ? 5 : 3, broken == 8 ? (struct span){0} : buf_span(&digests));
        put_field(&log, broken == 9 ? 3 : broken == 10 ? CEL_CONTENT_COS : 5, span_str("x"));
        if (broken == 11) {
            buf_u8(&log, 0);
        }
        if (broken == 0) {
            assert_ok(read_only(&log));
        } else {
            assert_true(read_only(&log) != ERR_OK);
        }
    }
}

static void limits_hold_L_15(void **state)
{
    CLEANUP(buf_done) struct buf log = {0};
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct cel *cel = NULL;
    uint8_t *large = arena_calloc(arena, 1, CEL_MAX_BYTES + 1);

    (void)state;
    assert_err(cel_read(arena, span_of(large, CEL_MAX_BYTES + 1), NULL, &cel), ERR_TOO_LARGE);
    buf_init(&log, 2 * CEL_MAX_BYTES);
    for (uint64_t i = 0; i <= CEL_MAX_RECORDS; i++) {
        static const uint8_t digest[20] = {0};
        CLEANUP(buf_done) struct buf digests = {0};

        buf_init(&digests, 64);
        put_field(&digests, 4, span_of(digest, 20));
        put_number(&log, i);
        put_register(&log, 1, 8);
        put_field(&log, 3, buf_span(&digests));
        put_field(&log, 5, (struct span){0});
        if (i == CEL_MAX_RECORDS - 1) {
            assert_ok(read_only(&log));
        }
    }
    assert_err(read_only(&log), ERR_TOO_MANY);
}

/* Replay goes on where the log before stopped, each bank and register by itself. */
static void replay_goes_on_from_the_value_that_was_left(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    CLEANUP(buf_done) struct buf log = {0};
    struct cel *cel = NULL;
    uint8_t start[SHA384_BYTES];
    uint8_t want[2 * SHA384_BYTES];
    uint8_t got[HASH_MAX_BYTES];

    (void)state;
    buf_init(&log, 65536);
    put_record(&log, 0, 108, 4, "one");
    put_record(&log, 1, 1, 8, "not of this register");
    put_record(&log, 2, 108, 4, "two");
    assert_ok(read(arena, &log, NULL, &cel));
    assert_int_equal(cel->n, 3);
    memset(start, 0x5a, sizeof(start));
    memcpy(want, start, sizeof(start));
    for (size_t i = 0; i < 3; i += 2) {
        memcpy(want + SHA384_BYTES, cel->records[i].digest[1].bytes.data, SHA384_BYTES);
        assert_ok(hash_once(HASH_SHA384, span_of(want, sizeof(want)), want));
    }
    assert_ok(cel_replay(cel, CEL_CCMR, 4, HASH_SHA384, span_of(start, sizeof(start)), hasher, NULL,
                         got));
    assert_memory_equal(got, want, SHA384_BYTES);
    assert_ok(cel_replay(cel, CEL_CCMR, 3, HASH_SHA384, span_of(start, sizeof(start)), hasher, NULL,
                         got));
    assert_memory_equal(got, start, SHA384_BYTES); /* nothing was extended there */
    assert_err(cel_replay(cel, CEL_CCMR, 4, HASH_SHA384, span_of(start, 32), hasher, NULL, got),
               ERR_VALUE);
    assert_err(
        cel_replay(cel, CEL_CCMR, 4, HASH_SHA1, span_of(start, SHA1_BYTES), hasher, NULL, got),
        ERR_NOT_FOUND);
}

/* D-1 */
static void a_content_is_believed_where_its_digest_covers_it_D_1(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    CLEANUP(buf_done) struct buf log = {0};
    struct cel *cel = NULL;
    struct span bytes;
    bool covered = false;

    (void)state;
    buf_init(&log, 65536);
    put_record(&log, 0, 108, 4, "x=y");
    bytes = buf_span(&log);
    assert_ok(read(arena, &log, NULL, &cel));
    assert_true(span_is(cel->records[0].inner, "x=y"));
    assert_string_equal(cel_cos_name(cel->records[0].inner_type), "environment");
    assert_string_equal(cel_register_name(arena, &cel->records[0]), "RTMR3");
    assert_ok(cel_is_covered(&cel->records[0], hasher, &covered));
    assert_true(covered);
    log.data[bytes.len - 1] ^= 1; /* the text alone */
    assert_ok(read(arena, &log, NULL, &cel));
    assert_ok(cel_is_covered(&cel->records[0], hasher, &covered));
    assert_false(covered);
    log.data[bytes.len - 1] ^= 1;
    log.data[bytes.len - 8] = 9; /* the same text of another kind */
    assert_ok(read(arena, &log, NULL, &cel));
    assert_int_equal(cel->records[0].inner_type, 9);
    assert_ok(cel_is_covered(&cel->records[0], hasher, &covered));
    assert_false(covered);
    assert_null(cel_cos_name(11));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_no_log),
        cmocka_unit_test(refuses_a_log_cut_at_any_byte),
        cmocka_unit_test(numbers_begin_at_0_and_increase),
        cmocka_unit_test(registers_have_their_ranges_L_10),
        cmocka_unit_test(fields_stand_in_order),
        cmocka_unit_test(limits_hold_L_15),
        cmocka_unit_test(replay_goes_on_from_the_value_that_was_left),
        cmocka_unit_test(a_content_is_believed_where_its_digest_covers_it_D_1),
    };

    return RUN_TESTS(tests);
}
