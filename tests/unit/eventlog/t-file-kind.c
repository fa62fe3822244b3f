/* What a file is that is no firmware log: words for people, and the ACPI table CCEL. */
#include "support/support.h"

#include "eventlog/file-kind.h"

#include <string.h>

static const uint8_t table[56] = {
    'C', 'C', 'E', 'L', 56,  0, 0, 0, 1, 0,   'O', 'E',  'M', 'I', 'D', ' ', 'T', 'A', 'B',
    'L', 'E', ' ', ' ', ' ', 1, 0, 0, 0, 'C', 'R', 'T',  'R', 1,   0,   0,   0,   2,   0,
    0,   0,   0,   0,   1,   0, 0, 0, 0, 0,   0,   0x90, 0,   0,   0,   0,   0,   0};

/* With its checksum made right. */
static struct span summed(uint8_t copy[56])
{
    uint8_t sum = 0;

    copy[9] = 0;
    for (size_t i = 0; i < 56; i++) {
        sum = (uint8_t)(sum + copy[i]);
    }
    copy[9] = (uint8_t)-sum;
    return span_of(copy, 56);
}

static void reads_where_the_log_of_a_confidential_vm_is(void **state)
{
    struct acpi_ccel ccel = {0};
    uint8_t copy[60] = {0};

    (void)state;
    memcpy(copy, table, sizeof(table));
    assert_ok(acpi_ccel_read(summed(copy), &ccel));
    assert_int_equal(ccel.type, 2);
    assert_int_equal(ccel.bytes, 65536);
    assert_int_equal(ccel.address, 0x9000);
    for (size_t i = 0; i < 56; i++) {
        copy[i] ^= 1;
        assert_true(acpi_ccel_read(span_of(copy, 56), &ccel) != ERR_OK);
        copy[i] ^= 1;
        assert_true(acpi_ccel_read(span_of(copy, i), &ccel) != ERR_OK);
    }
    assert_true(acpi_ccel_read(span_of(copy, 57), &ccel) != ERR_OK);
}

static void says_what_a_file_is(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *words; /* NULL: not known */
    } cases[] = {
        {"", 0, NULL},
        {"\1\2\3\4", 4, NULL},
        {"\xff\xff\xff\xff", 4, "nothing but bytes of FF"},
        {"{\"a\":1}", 7, "JSON"},
        {"\n [1]", 5, "JSON"},
        {"hello\n", 6, "this is text"},
        {"-----BEGIN CERTIFICATE-----\n", 28, "a certificate (PEM)"},
        {"-----BEGIN PUBLIC KEY-----\n", 27, "in PEM"},
        {"---\nversion: 1\n", 15, "tpm2_eventlog prints"},
        {"\xff"
         "TCG\x80\x18"
         "rest",
         10, "a quote"},
        {"\0\x20\xff"
         "TCG\x80\x17"
         "rest",
         12, "attested by a TPM"},
        {"\0\0\0\0\10\0\0\0\0\0\0\0\0\154\0\0\0\1\4\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 36,
         "canonical event log"},
        {"\12\0\0\0aaaaaaaaaaaaaaaaaaaa\6\0\0\0ima-ng....", 38, "IMA measurement list"},
        {"\12\0\0\0aaaaaaaaaaaaaaaaaaaa\6\0\0\0imango....", 38, NULL},
        {"\12\0\0\0aaaaaaaaaaaaaaaaaaaa\x60\0\0\0ima-ng....", 38, NULL},
        {"CCEL8\0\0\0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 40, "CCEL, damaged"},
        {"\0\1\0\13aaaaaaaaaaaaaa\1\2", 20, "public area"},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *words = file_kind_words(arena, span_of(cases[i].bytes, cases[i].len));

        if (cases[i].words == NULL) {
            assert_null(words);
        } else if (words == NULL || strstr(words, cases[i].words) == NULL) {
            fail_msg("case %zu: %s", i, words != NULL ? words : "unknown");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_where_the_log_of_a_confidential_vm_is),
        cmocka_unit_test(says_what_a_file_is),
    };

    return RUN_TESTS(tests);
}
