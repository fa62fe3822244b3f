/*
 * IMA's records as events: what the kernel measured, and nothing behind the attested register.
 */
#include "unit/facts/logs.h"

#include "claims/parts.h"
#include "crypto/cert.h"
#include "eventlog/ima.h"

static struct arena *arena;

static int begin(void **state)
{
    (void)state;
    arena = test_arena();
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void add_record(struct buf *list, const char *template, struct span data, bool is_violation)
{
    uint8_t digest[SHA1_BYTES] = {0};

    if (!is_violation) {
        assert_ok(hash_once(HASH_SHA1, data, digest));
    }
    logs_u32(list, 10);
    buf_add(list, span_of(digest, sizeof(digest)));
    logs_u32(list, (uint32_t)strlen(template));
    buf_add_str(list, template);
    logs_u32(list, (uint32_t)data.len);
    buf_add(list, data);
}

static void field(struct buf *out, struct span bytes)
{
    logs_u32(out, (uint32_t)bytes.len);
    buf_add(out, bytes);
}

/* Digest, name with its NUL, and a third field where data is not NULL. */
static struct span fields(const char *name, struct span third)
{
    static const char digest[] = "sha256:\0\1\2\xff";
    CLEANUP(buf_done) struct buf out = {0};
    struct span copy;

    buf_init(&out, 16384);
    field(&out, span_of(digest, sizeof(digest) - 1));
    field(&out, span_of(name, strlen(name) + 1));
    if (third.data != NULL) {
        field(&out, third);
    }
    assert_ok(buf_copy(&out, arena, &copy));
    return copy;
}

/* The events of the first n records. */
static yyjson_val *events(struct span list, uint32_t n)
{
    CLEANUP(text_done) struct text text;
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    yyjson_val *root = NULL;
    struct span json;

    text_begin(&text, arena, CLAIMS_DOCUMENT_MAX);
    text_open(&text, '[');
    assert_ok(write_ima_events(&text, list, n, 7, hasher, NULL));
    text_close(&text, ']');
    assert_ok(text_end(&text, &json));
    assert_ok(json_read(arena, json, NULL, NULL, &root));
    return root;
}

static const char *processed(yyjson_val *event)
{
    yyjson_mut_doc *doc = json_new(arena);

    return (const char *)json_write(
               arena, doc, yyjson_val_mut_copy(doc, json_get(event, "ProcessedData")), false)
        .data;
}

static struct span certificate(void)
{
    CLEANUP(signkey_free) struct signkey *key = NULL;
    CLEANUP(cert_free) struct cert *cert = NULL;
    struct cert_request request = {.profile = CERT_CA,
                                   .common_name = "Build \"key\"",
                                   .not_before = 1700000000,
                                   .not_after = 1900000000};

    assert_ok(signkey_generate(SIGNKEY_P256, &key));
    assert_ok(cert_issue(&request, signkey_public(key), NULL, key, &cert));
    return arena_dup(arena, cert_der(cert));
}

static void each_kind_of_record_is_told_by_its_members(void **state)
{
    static const char *const wanted[] = {
        "{\"TemplateName\":\"ima-ng\",\"Digest\":\"sha256:0102ff\",\"FilePath\":\"/bin/\\\"sh\"}",
        "{\"TemplateName\":\"ima-sig\",\"Digest\":\"sha256:0102ff\",\"FilePath\":\"/sbin/init\"}",
        "{\"TemplateName\":\"ima-buf\",\"Digest\":\"sha256:0102ff\",\"KernelVersion\":\"6.1.0-55\","
        "\"EventName\":\"kernel_version\"}",
        "{\"TemplateName\":\"ima-buf\",\"Digest\":\"sha256:0102ff\",\"EventName\":\"kexec-"
        "cmdline\","
        "\"RawData\":\"cm8\"}",
        "{\"TemplateName\":\"ima-buf\",\"Digest\":\"sha256:0102ff\",\"Keyring\":"
        "\".builtin_trusted_keys\",\"CertificateSubject\":\"CN=Build \\\\\\\"key\\\\\\\"\","
        "\"EventName\":\".builtin_trusted_keys\"}",
        /* no certificate: then it is just a buffer */
        "{\"TemplateName\":\"ima-buf\",\"Digest\":\"sha256:0102ff\",\"EventName\":\".ima\","
        "\"RawData\":\"eA\"}",
        /* a file of that name is no buffer */
        "{\"TemplateName\":\"ima-ng\",\"Digest\":\"sha256:0102ff\",\"FilePath\":\"kernel_"
        "version\"}",
        "{}", /* a violation covers nothing */
        "{}", /* not of the form that its template has */
    };
    CLEANUP(buf_done) struct buf list = {0};
    yyjson_val *made;

    (void)state;
    buf_init(&list, 64 * 1024);
    add_record(&list, "ima-ng", fields("/bin/\"sh", (struct span){0}), false);
    add_record(&list, "ima-sig", fields("/sbin/init", span_str("signature")), false);
    add_record(&list, "ima-buf", fields("kernel_version", span_str("6.1.0-55")), false);
    add_record(&list, "ima-buf", fields("kexec-cmdline", span_str("ro")), false);
    add_record(&list, "ima-buf", fields(".builtin_trusted_keys", certificate()), false);
    add_record(&list, "ima-buf", fields(".ima", span_str("x")), false);
    add_record(&list, "ima-ng", fields("kernel_version", (struct span){0}), false);
    add_record(&list, "ima-buf", fields("kernel_version", span_str("9.9")), true);
    add_record(&list, "ima-ng", span_str("\xff\xff\xff\xff"), false);
    made = events(buf_span(&list), ARRAY_LEN(wanted));
    assert_int_equal(yyjson_arr_size(made), ARRAY_LEN(wanted));
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        yyjson_val *event = yyjson_arr_get(made, i);

        assert_string_equal(processed(event), wanted[i]);
        assert_int_equal(yyjson_get_uint(json_get(event, "EventSeq")), 7 + i);
        assert_int_equal(yyjson_get_uint(json_get(event, "PcrIndex")), 10);
        assert_true(yyjson_equals_str(json_get(event, "EventTypeString"), "IMA_MEASUREMENT_EVENT"));
    }
}

/* L-12: what stands behind the attested value is anybody's text. */
static void records_that_are_not_attested_are_left_out(void **state)
{
    CLEANUP(buf_done) struct buf list = {0};

    (void)state;
    buf_init(&list, 64 * 1024);
    add_record(&list, "ima-buf", fields("kernel_version", span_str("6.1")), false);
    add_record(&list, "ima-buf", fields("kernel_version", span_str("9.9")), false);
    assert_int_equal(yyjson_arr_size(events(buf_span(&list), 1)), 1);
    assert_int_equal(yyjson_arr_size(events(buf_span(&list), 0)), 0);
}

static void a_recorded_list_is_told(void **state)
{
    struct span list = test_vector(arena, "boots/a-secureboot-healthy/ima.bin");
    yyjson_val *first = yyjson_arr_get(events(list, 2), 0);

    (void)state;
    assert_string_equal(
        processed(first),
        "{\"TemplateName\":\"ima-sig\",\"Digest\":\"sha256:"
        "d392dbb9d6a0e5e924e98a8774abf743e980578785d1da9053afd6b4424ab81c\",\"FilePath\":"
        "\"boot_aggregate\"}");
    assert_true(yyjson_equals_str(json_get(json_get(first, "Digests"), "SHA1"),
                                  "7a25f4816d419e24301afe5be2c33429aa18dbd1"));
}

/* The first template of all, third-party data, read where it is. */
static void the_first_template_is_told(void **state)
{
    test_needs_public_data();

    (void)state;
    struct span list = test_public_file(arena, "eventlogs/ima/tpm2-tss-sml-ima-sha1.bin");
    yyjson_val *first = yyjson_arr_get(events(list, 1), 0);
    yyjson_val *told = json_get(first, "ProcessedData");

    assert_true(yyjson_equals_str(json_get(told, "TemplateName"), "ima"));
    assert_true(yyjson_equals_str(json_get(told, "FilePath"), "boot_aggregate"));
    assert_int_equal(yyjson_get_len(json_get(told, "Digest")), 2 * SHA1_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_that_are_not_attested_are_left_out),
        cmocka_unit_test(each_kind_of_record_is_told_by_its_members),
        cmocka_unit_test(a_recorded_list_is_told),
        cmocka_unit_test(the_first_template_is_told),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
