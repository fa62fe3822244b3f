/* Signature lists: SB-11, SB-12. */
#include "unit/facts/logs.h"

#include "uefi/siglist.h"

static const uint8_t sha256_guid[16] = {0x26, 0x16, 0xc4, 0xc1, 0x4c, 0x50, 0x92, 0x40,
                                        0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28};

static void add_list(struct buf *out, const uint8_t guid[16], uint32_t list, uint32_t header,
                     uint32_t entry, size_t bytes)
{
    buf_add(out, span_of(guid, 16));
    logs_u32(out, list);
    logs_u32(out, header);
    logs_u32(out, entry);
    for (size_t i = 0; i < bytes; i++) {
        buf_u8(out, (uint8_t)(i / 48));
    }
}

static err_t walk(struct span lists, size_t *ret_n)
{
    struct siglist_iter iter;
    struct siglist_entry entry = {0};
    err_t err;

    *ret_n = 0;
    siglist_begin(&iter, lists);
    while ((err = siglist_next(&iter, &entry)) == ERR_OK) {
        (*ret_n)++;
    }
    return err;
}

static void refuses_lengths_that_lie_SB_11(void **state)
{
    static const struct {
        uint32_t list, header, entry;
        size_t bytes;
    } cases[] = {
        {0, 0, 48, 48},           /* smaller than its header */
        {27, 0, 48, 48},          /* one too small */
        {76, 49, 48, 48},         /* vendor header larger than the list */
        {76, 0xffffffff, 48, 48}, /* and with an overflow in mind */
        {76, 0, 0, 48},           /* entries of no size */
        {76, 0, 15, 48},          /* smaller than an owner */
        {76, 0, 16, 48},          /* nothing behind the owner */
        {76, 0, 47, 48},          /* does not divide */
        {76, 0, 24, 48},          /* divides, and is no SHA-256 entry */
        {77, 0, 48, 48},          /* more than is there */
        {0xffffffff, 0, 48, 48},  /* much more */
        {0xffffffff, 0xffffffe3, 48, 48},
        {124, 0, 96, 96}, /* one entry of the size of two */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_done) struct buf out = {0};
        size_t n;
        err_t err;

        buf_init(&out, 4096);
        add_list(&out, sha256_guid, cases[i].list, cases[i].header, cases[i].entry, cases[i].bytes);
        err = walk(buf_span(&out), &n);
        if (err == ERR_END || n > 0) {
            fail_msg("case %zu: %s after %zu entries", i, err_name(err), n);
        }
    }
}

/* GO-2026-5298: bytes of the vendor header are not hashes. */
static void skips_the_vendor_header_SB_11(void **state)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct siglist_iter iter;
    struct siglist_entry entry = {0};

    (void)state;
    buf_init(&out, 4096);
    add_list(&out, sha256_guid, 28 + 48 + 48, 48, 48, 96);
    siglist_begin(&iter, buf_span(&out));
    assert_ok(siglist_next(&iter, &entry));
    assert_int_equal(entry.kind, SIGLIST_SHA256);
    assert_int_equal(entry.data.len, 32);
    assert_true(span_all(entry.data, 1)); /* of the second 48 bytes */
    assert_err(siglist_next(&iter, &entry), ERR_END);
    assert_false(siglist_contains(buf_span(&out), SIGLIST_SHA256, span_of((uint8_t[32]){0}, 32)));
}

static void malformed_lists_contain_nothing_SB_11(void **state)
{
    CLEANUP(buf_done) struct buf out = {0};
    uint8_t zero[32] = {0};

    (void)state;
    buf_init(&out, 4096);
    add_list(&out, sha256_guid, 76, 0, 48, 48);
    assert_true(siglist_contains(buf_span(&out), SIGLIST_SHA256, span_of(zero, 32)));
    assert_false(siglist_contains(buf_span(&out), SIGLIST_SHA1, span_of(zero, 32)));
    assert_false(siglist_contains(buf_span(&out), SIGLIST_SHA256, span_of(zero, 31)));
    buf_u8(&out, 1);
    assert_false(siglist_contains(buf_span(&out), SIGLIST_SHA256, span_of(zero, 32)));
}

static void caps_lists_and_entries_SB_11(void **state)
{
    CLEANUP(buf_done) struct buf out = {0};
    size_t n;

    (void)state;
    buf_init(&out, 4 * 1024 * 1024);
    for (int i = 0; i < SIGLIST_MAX_LISTS; i++) {
        add_list(&out, sha256_guid, 28, 0, 48, 0);
    }
    assert_err(walk(buf_span(&out), &n), ERR_END);
    add_list(&out, sha256_guid, 28, 0, 48, 0);
    assert_err(walk(buf_span(&out), &n), ERR_TOO_MANY);
    buf_reset(&out);
    add_list(&out, sha256_guid, 28 + 48 * (SIGLIST_MAX_ENTRIES + 1), 0, 48,
             48 * (SIGLIST_MAX_ENTRIES + 1));
    assert_ok(buf_err(&out));
    assert_err(walk(buf_span(&out), &n), ERR_TOO_MANY);
    assert_int_equal(n, SIGLIST_MAX_ENTRIES);
}

static void keeps_unknown_kinds_as_they_are_SB_12(void **state)
{
    CLEANUP(buf_done) struct buf out = {0};
    uint8_t guid[16] = {9};
    struct siglist_iter iter;
    struct siglist_entry entry = {0};

    (void)state;
    buf_init(&out, 4096);
    add_list(&out, guid, 28 + 17, 0, 17, 17);
    siglist_begin(&iter, buf_span(&out));
    assert_ok(siglist_next(&iter, &entry));
    assert_int_equal(entry.kind, SIGLIST_OTHER);
    assert_int_equal(entry.data.len, 1);
    assert_int_equal(entry.type_guid[0], 9);
}

static void nothing_is_an_empty_list(void **state)
{
    size_t n;

    (void)state;
    assert_err(walk((struct span){0}, &n), ERR_END);
    assert_false(siglist_contains((struct span){0}, SIGLIST_X509, (struct span){0}));
}

/* Counts as published: the official x64 update has 443 entries (tcg-reference 5). */
static void reads_real_lists_SB_12(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "a-secureboot-healthy");
    static const struct {
        const char *name;
        size_t entries;
        enum siglist_kind kind;
    } cases[] = {
        {"PK", 1, SIGLIST_X509},
        {"KEK", 2, SIGLIST_X509},
        {"db", 2, SIGLIST_X509},
        {"dbx", 1, SIGLIST_SHA256},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct uefi_variable var;
        struct siglist_iter iter;
        struct siglist_entry entry = {0};
        size_t n;

        assert_ok(uefi_variable_parse(
            arena, edit->items[logs_find_variable(edit, cases[i].name)].data, &var));
        assert_err(walk(var.value, &n), ERR_END);
        assert_int_equal(n, cases[i].entries);
        siglist_begin(&iter, var.value);
        assert_ok(siglist_next(&iter, &entry));
        assert_int_equal(entry.kind, cases[i].kind);
        assert_true(siglist_contains(var.value, entry.kind, entry.data));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_lengths_that_lie_SB_11),
        cmocka_unit_test(skips_the_vendor_header_SB_11),
        cmocka_unit_test(malformed_lists_contain_nothing_SB_11),
        cmocka_unit_test(caps_lists_and_entries_SB_11),
        cmocka_unit_test(keeps_unknown_kinds_as_they_are_SB_12),
        cmocka_unit_test(nothing_is_an_empty_list),
        cmocka_unit_test(reads_real_lists_SB_12),
    };

    return RUN_TESTS(tests);
}
