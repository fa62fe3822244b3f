/* The revocations that a machine must have, from the operator's file (SB-13). */
#include "support/reference.h"
#include "support/support.h"

#include "appraise/dbx-minimum.h"
#include "unit/facts/logs.h"

static struct span list_of(struct arena *arena, const char *const *hex, size_t n)
{
    struct span digests[8];

    for (size_t i = 0; i < n; i++) {
        digests[i] = test_hex(arena, hex[i]);
    }
    return logs_hash_list(arena, digests, n);
}

static size_t missing(struct arena *arena, const struct dbx_minimum *minimum, struct span lists)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct key_contents keys;
    size_t n = SIZE_MAX;

    assert_ok(key_contents_read(arena, lists, NULL, hasher, &keys));
    assert_ok(dbx_minimum_missing(minimum, arena, lists, &keys, &n));
    return n;
}

#define A "80b4d96931bf0d02fd91a61e19d14f1da452e66db2408ca8604d411f92659f0a"
#define B "f52f83a3fa9cfbd6920f722824dbe4034534d25b8507246b3b957dac6e1bce7a"
#define SVN_9_0 "01612b139dd5598843ab1c185c3cb2eb92000009000000000000000000000000"
#define SVN_8_7 "01612b139dd5598843ab1c185c3cb2eb92070008000000000000000000000000"
#define SVN_9_1 "01612b139dd5598843ab1c185c3cb2eb92010009000000000000000000000000"

static void refuses_what_is_no_list_SB_13(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct span list = list_of(arena, (const char *const[]){A, B}, 2);
    struct dbx_minimum minimum = {0};
    struct trail trail = {0};

    (void)state;
    assert_err(dbx_minimum_read(arena, (struct span){0}, &trail, &minimum), ERR_MALFORMED);
    assert_non_null(strstr(trail.what, "DBXUpdate.bin"));
    assert_err(dbx_minimum_read(arena, span_str("-----BEGIN CERTIFICATE-----"), NULL, &minimum),
               ERR_MALFORMED);
    /* A list cut anywhere is no shorter list: a demand must not shrink unseen. */
    for (size_t len = 0; len < list.len; len++) {
        assert_err(dbx_minimum_read(arena, span_cut(list, 0, len), NULL, &minimum), ERR_MALFORMED);
    }
    /* A list of no entry demands nothing, and was hardly meant. */
    assert_err(dbx_minimum_read(arena, list_of(arena, NULL, 0), NULL, &minimum), ERR_MALFORMED);
}

static void what_is_missing_is_counted_by_content_SB_13(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct dbx_minimum minimum = {0};

    (void)state;
    assert_ok(
        dbx_minimum_read(arena, list_of(arena, (const char *const[]){B, A, B}, 3), NULL, &minimum));
    assert_int_equal(minimum.n, 2);
    assert_int_equal(missing(arena, &minimum, (struct span){0}), 2);
    assert_int_equal(missing(arena, &minimum, list_of(arena, (const char *const[]){A}, 1)), 1);
    /* As long as the demanded one, and something else. */
    assert_int_equal(missing(arena, &minimum, list_of(arena, (const char *const[]){A, SVN_9_0}, 2)),
                     1);
    assert_int_equal(missing(arena, &minimum, list_of(arena, (const char *const[]){A, B}, 2)), 0);
    /* Malformed lists contain nothing. */
    assert_int_equal(
        missing(arena, &minimum, span_cut(list_of(arena, (const char *const[]){A, B}, 2), 0, 100)),
        2);
}

static void a_later_security_version_is_enough_SB_13(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct dbx_minimum minimum = {0};

    (void)state;
    assert_ok(
        dbx_minimum_read(arena, list_of(arena, (const char *const[]){SVN_9_0}, 1), NULL, &minimum));
    assert_int_equal(missing(arena, &minimum, list_of(arena, (const char *const[]){SVN_8_7}, 1)),
                     1);
    assert_int_equal(missing(arena, &minimum, list_of(arena, (const char *const[]){SVN_9_0}, 1)),
                     0);
    assert_int_equal(missing(arena, &minimum, list_of(arena, (const char *const[]){SVN_9_1}, 1)),
                     0);
    assert_int_equal(missing(arena, &minimum, list_of(arena, (const char *const[]){A}, 1)), 1);
}

static void reads_lists_behind_attributes_and_signatures_SB_13(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct span list = list_of(arena, (const char *const[]){A, B}, 2);
    CLEANUP(buf_done) struct buf file = {0};
    struct dbx_minimum minimum = {0};

    (void)state;
    buf_init(&file, 4096);
    logs_u32(&file, 0x27);
    buf_add(&file, list);
    assert_ok(dbx_minimum_read(arena, buf_span(&file), NULL, &minimum));
    assert_int_equal(minimum.n, 2);
    buf_reset(&file);
    buf_add(&file, span_of((uint8_t[16]){0xea, 0x07}, 16));
    logs_u32(&file, 24 + 5);
    logs_u16(&file, 0x0200);
    logs_u16(&file, 0x0ef1);
    buf_add(&file, span_of((uint8_t[16 + 5]){0x9d}, 21));
    buf_add(&file, list);
    assert_ok(dbx_minimum_read(arena, buf_span(&file), NULL, &minimum));
    assert_int_equal(minimum.n, 2);
    /* A length that leads behind the end. */
    file.data[16 + 3] = 0xff;
    assert_err(dbx_minimum_read(arena, buf_span(&file), NULL, &minimum), ERR_MALFORMED);
    file.data[16 + 3] = 0;
    file.data[16] = 7;
    assert_err(dbx_minimum_read(arena, buf_span(&file), NULL, &minimum), ERR_MALFORMED);
}

/* The published update, and the reference data about the same images. */
static void the_official_update_is_what_the_data_says_SB_13(void **state)
{
    struct arena *arena;
    struct dbx_minimum minimum = {0};
    size_t n = 0;

    (void)state;
    test_needs_public_data();
    arena = test_arena();
    assert_ok(dbx_minimum_read(
        arena, test_public_file(arena, "eventlogs/secureboot/msft-amd64-DBXUpdate.bin"), NULL,
        &minimum));
    assert_int_equal(minimum.n, 443);
    for (size_t i = 0; i < minimum.n; i++) {
        n += reference_revoked(test_reference(), minimum.entries[i].data) != NULL;
    }
    assert_int_equal(n, 443);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_list_SB_13),
        cmocka_unit_test(what_is_missing_is_counted_by_content_SB_13),
        cmocka_unit_test(a_later_security_version_is_enough_SB_13),
        cmocka_unit_test(reads_lists_behind_attributes_and_signatures_SB_13),
        cmocka_unit_test(the_official_update_is_what_the_data_says_SB_13),
    };

    return RUN_TESTS(tests);
}
