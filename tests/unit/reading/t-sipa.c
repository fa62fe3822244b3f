/*
 * B-13, L-15: records nested in Windows' tagged events, as anybody may send them.
 */
#include "unit/facts/windows.h"

#include <stdlib.h>

/* All records of a heap copy of exactly these bytes, so that reading past the end is seen. */
static err_t walk(struct span bytes, size_t *ret_n, unsigned *ret_depth)
{
    uint8_t *copy = malloc(bytes.len == 0 ? 1 : bytes.len);
    struct sipa_iter iter;
    struct sipa_record record;
    size_t at = 0;
    err_t err;

    assert_non_null(copy);
    if (bytes.len > 0) {
        memcpy(copy, bytes.data, bytes.len);
    }
    *ret_n = 0;
    *ret_depth = 0;
    sipa_begin(&iter, span_of(copy, bytes.len));
    while ((err = sipa_next(&iter, &record)) == ERR_OK) {
        assert_true(*ret_n == 0 || record.offset > at); /* it always moves on */
        at = record.offset;
        assert_true(record.payload.len <= bytes.len - record.offset - 8);
        *ret_depth = record.depth > *ret_depth ? record.depth : *ret_depth;
        (*ret_n)++;
    }
    assert_err(sipa_next(&iter, &record), err);
    free(copy);
    return err;
}

static void a_record_longer_than_its_place_is_refused_L_15(void **state)
{
    static const struct {
        const char *hex;
        err_t err;
        size_t n;
    } cases[] = {
        {"", ERR_END, 0},
        {"01", ERR_SHORT, 0},
        {"01000400010000", ERR_SHORT, 0},
        {"0100040001000000", ERR_SHORT, 0},
        {"010004000100000000", ERR_END, 1},
        {"0100040000000000", ERR_END, 1},
        {"01000400ffffffff00", ERR_SHORT, 0},
        {"01000400ffffff7f00", ERR_SHORT, 0},
        {"0100040001000000000100040001000000", ERR_SHORT, 1},
        /* a container that claims more than there is: go-attestation 490 */
        {"01000140c9030000010004000100000000", ERR_SHORT, 0},
        /* a record inside that is longer than its container, though the bytes are there */
        {"0100014009000000010004000200000000"
         "00",
         ERR_SHORT, 1},
        {"01000140090000000100040001000000000100040001000000"
         "00",
         ERR_END, 3},
        /* a rest in a container that is no record */
        {"0100014003000000010004", ERR_SHORT, 1},
        {"0100014000000000", ERR_END, 1},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t n = 0;
        unsigned depth = 0;

        assert_err(walk(test_hex(arena, cases[i].hex), &n, &depth), cases[i].err);
        assert_int_equal(n, cases[i].n);
    }
}

/* go-attestation 506: ten thousand containers, one inside the other. */
static void ten_thousand_nested_containers_are_refused_at_once_L_15(void **state)
{
    enum { NESTED = 10000 };
    CLEANUP(buf_done) struct buf out = {0};
    size_t n = 0;
    unsigned depth = 0;

    (void)state;
    buf_init(&out, 1024 * 1024);
    for (uint32_t i = NESTED; i > 0; i--) {
        logs_u32(&out, SIPA_TRUST_BOUNDARY);
        logs_u32(&out, 8 * (i - 1));
    }
    assert_ok(buf_err(&out));
    assert_err(walk(buf_span(&out), &n, &depth), ERR_TOO_DEEP);
    assert_int_equal(n, SIPA_MAX_DEPTH);
    /* As many as are allowed, and one more. */
    for (uint32_t deep = SIPA_MAX_DEPTH; deep <= SIPA_MAX_DEPTH + 1; deep++) {
        CLEANUP(buf_done) struct buf few = {0};

        buf_init(&few, 4096);
        for (uint32_t i = deep; i > 0; i--) {
            logs_u32(&few, SIPA_TRUST_BOUNDARY);
            logs_u32(&few, 8 * (i - 1) + 9);
        }
        windows_put_uint(&few, 0x00040001, 1, 0);
        assert_err(walk(buf_span(&few), &n, &depth),
                   deep == SIPA_MAX_DEPTH ? ERR_END : ERR_TOO_DEEP);
        assert_int_equal(n, deep == SIPA_MAX_DEPTH ? SIPA_MAX_DEPTH + 1 : SIPA_MAX_DEPTH);
    }
}

/* Beside each other they may be as many as there is room for. */
static void records_beside_each_other_are_read_in_order(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct windows_boot *boot = windows_boot(arena);
    struct span bytes = windows_stage_bytes(boot, WINDOWS_LOADER, 13);
    size_t n = 0;
    unsigned depth = 0;

    (void)state;
    assert_err(walk(bytes, &n, &depth), ERR_END);
    assert_int_equal(depth, 2);
    assert_int_equal(n, 1 + boot->stage[WINDOWS_LOADER][1].n + 1 + 2 * 9);
}

static void every_cut_is_refused_B_13(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct span bytes = windows_stage_bytes(windows_boot(arena), WINDOWS_LOADER, 13);

    (void)state;
    for (size_t len = 1; len < bytes.len; len++) {
        size_t n = 0;
        unsigned depth = 0;

        assert_err(walk(span_cut(bytes, 0, len), &n, &depth), ERR_SHORT);
        assert_int_equal(n, 0);
    }
}

static void integers_have_the_width_of_their_record(void **state)
{
    static const struct {
        const char *hex;
        bool ok;
        uint64_t value;
    } cases[] = {
        {"", false, 0},
        {"01", true, 1},
        {"0102", true, 0x0201},
        {"010203", false, 0},
        {"01020304", true, 0x04030201},
        {"0102030405", false, 0},
        {"01020304050607", false, 0},
        {"ffffffffffffffff", true, UINT64_MAX},
        {"010203040506070809", false, 0},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t value = 0;

        assert_int_equal(sipa_uint(test_hex(arena, cases[i].hex), &value), cases[i].ok);
        assert_int_equal(value, cases[i].value);
    }
}

static void ids_have_names(void **state)
{
    static const uint32_t known[] = {
        0x00020001, SIPA_BOOT_COUNTER,   0x00050002,      SIPA_TRUST_POINT, SIPA_TPM_FAILURE,
        0x000c0004, SIPA_TRUST_BOUNDARY, SIPA_AIK_DIGEST, 0x000a0007,       0x00050037,
    };
    static const uint32_t unknown[] = {0, 0x00020000, 0x0005ffff, 0x40020001, UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        assert_non_null(sipa_name(known[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
        assert_null(sipa_name(unknown[i]));
    }
    assert_string_equal(sipa_name(0x00040001), "boot debugging");
    assert_string_equal(sipa_hash_name(0x800c), "sha256");
    assert_null(sipa_hash_name(0x800f));
    /* Every setting has its name. */
    for (uint32_t id = 0x00020000; id < 0x000d0000;
         id = (id & 0xff) == 0x3f ? (id | 0xffff) + 1 : id + 1) {
        assert_true(windows_setting_of(id) == WINDOWS_SETTING_COUNT || sipa_name(id) != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_longer_than_its_place_is_refused_L_15),
        cmocka_unit_test(ten_thousand_nested_containers_are_refused_at_once_L_15),
        cmocka_unit_test(records_beside_each_other_are_read_in_order),
        cmocka_unit_test(every_cut_is_refused_B_13),
        cmocka_unit_test(integers_have_the_width_of_their_record),
        cmocka_unit_test(ids_have_names),
    };

    return RUN_TESTS(tests);
}
