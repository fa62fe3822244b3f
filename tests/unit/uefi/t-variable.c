/* UEFI_VARIABLE_DATA, GUIDs, and subjects of certificates. */
#include "unit/facts/logs.h"

#include "uefi/subject.h"

#include <openssl/x509.h>

static void refuses_variables_whose_lengths_lie(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct span good = logs_variable(arena, logs_global, "SecureBoot", span_of("\1", 1));
    static const struct {
        size_t at;
        uint8_t value;
        err_t want;
    } edits[] = {
        {16, 11, ERR_SHORT},   /* name one unit longer: the value is too short */
        {16, 12, ERR_SHORT},   /* name longer than what is left */
        {16, 9, ERR_TRAILING}, /* name shorter */
        {23, 0x80, ERR_SHORT}, /* 2^63 units: times two is zero */
        {22, 1, ERR_SHORT},    {24, 2, ERR_SHORT}, /* value longer */
        {24, 0, ERR_TRAILING},                     /* value shorter */
        {31, 0xff, ERR_SHORT},
    };
    struct uefi_variable var;

    (void)state;
    assert_ok(uefi_variable_parse(arena, good, &var));
    for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
        uint8_t copy[64];

        memcpy(copy, good.data, good.len);
        copy[edits[i].at] = edits[i].value;
        assert_err(uefi_variable_parse(arena, span_of(copy, good.len), &var), edits[i].want);
    }
    for (size_t len = 0; len < good.len; len++) {
        assert_err(uefi_variable_parse(arena, span_cut(good, 0, len), &var), ERR_SHORT);
    }
}

static void reads_a_variable(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct uefi_variable var;
    char guid[40];

    (void)state;
    assert_ok(uefi_variable_parse(
        arena, logs_variable(arena, logs_shim, "SbatLevel", span_str("sbat,1\n")), &var));
    assert_string_equal(var.name, "SbatLevel");
    assert_true(span_is(var.value, "sbat,1\n"));
    uefi_guid_format(var.guid, guid, sizeof(guid));
    assert_string_equal(guid, "605dab50-e046-4300-abb6-3dd810dd8b23");
    uefi_guid_format(logs_global, guid, sizeof(guid));
    assert_string_equal(guid, "8be4df61-93ca-11d2-aa0d-00e098032b8c");
}

static void names_are_escaped_D_5(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct uefi_variable var;

    (void)state;
    assert_ok(uefi_variable_parse(
        arena, logs_variable(arena, logs_global, "Boot\033[2J\n", span_str("x")), &var));
    assert_string_equal(var.name, "Boot\\x1b[2J\\n");
}

/* ---- subjects ---- */

static const char *openssl_subject(struct arena *arena, struct span der)
{
    const unsigned char *p = der.data;
    X509 *cert = d2i_X509(NULL, &p, (long)der.len);
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    long len;
    const char *copy;

    assert_non_null(cert);
    assert_non_null(bio);
    /* Reverse order, ", ", short names, UTF-8 as it is. */
    X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0,
                       XN_FLAG_DN_REV | XN_FLAG_SEP_CPLUS_SPC | XN_FLAG_FN_SN |
                           ASN1_STRFLGS_UTF8_CONVERT);
    len = BIO_get_mem_data(bio, &text);
    copy = (const char *)arena_dup(arena, span_of(text, (size_t)len)).data;
    BIO_free(bio);
    X509_free(cert);
    return copy;
}

/* All certificates of all key databases of the recorded boots, against OpenSSL's reading. */
static void subjects_are_those_that_openssl_reads(void **state)
{
    static const char *const boots[] = {"a-secureboot-healthy", "k-uki-healthy",
                                        "g-mok-own-kernel"};
    static const char *const names[] = {"PK", "KEK", "db"};
    unsigned n = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(boots) * ARRAY_LEN(names); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = logs_edit_boot(arena, boots[i / ARRAY_LEN(names)]);
        struct span data = edit->items[logs_find_variable(edit, names[i % ARRAY_LEN(names)])].data;
        struct uefi_variable var;
        struct siglist_iter iter;
        struct siglist_entry entry = {0};

        assert_ok(uefi_variable_parse(arena, data, &var));
        siglist_begin(&iter, var.value);
        while (siglist_next(&iter, &entry) == ERR_OK) {
            const char *subject = NULL;

            assert_ok(subject_of(arena, entry.data, &subject));
            assert_string_equal(subject, openssl_subject(arena, entry.data));
            assert_true(subject_is_sequence(entry.data));
            n++;
        }
    }
    assert_int_equal(n, 13);
}

static void what_is_no_certificate_has_no_subject(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "k-uki-healthy");
    struct uefi_variable var;
    struct siglist_iter iter;
    struct siglist_entry entry = {0};
    const char *subject = NULL;

    (void)state;
    assert_ok(uefi_variable_parse(arena, edit->items[logs_find_variable(edit, "db")].data, &var));
    siglist_begin(&iter, var.value);
    assert_ok(siglist_next(&iter, &entry));
    for (size_t len = 0; len < entry.data.len; len++) {
        uint8_t *cut = arena_alloc(arena, len == 0 ? 1 : len);

        memcpy(cut, entry.data.data, len);
        assert_true(subject_of(arena, span_of(cut, len), &subject) != ERR_OK);
        assert_false(subject_is_sequence(span_of(cut, len)));
    }
    assert_err(subject_of(arena, span_str("\x30\x80\x30\x80"), &subject), ERR_MALFORMED);
    assert_err(subject_of(arena, span_of("\x30\x84\xff\xff\xff\xff", 6), &subject), ERR_MALFORMED);
    assert_null(subject);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_variables_whose_lengths_lie),
        cmocka_unit_test(reads_a_variable),
        cmocka_unit_test(names_are_escaped_D_5),
        cmocka_unit_test(subjects_are_those_that_openssl_reads),
        cmocka_unit_test(what_is_no_certificate_has_no_subject),
    };

    return RUN_TESTS(tests);
}
