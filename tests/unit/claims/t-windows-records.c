/*
 * Windows' records as policies name them: every shape, names that occur several times, and what is
 * refused.
 */
#include "unit/facts/windows.h"

#include "claims/parts.h"

#include <string.h>

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

static err_t write(struct span data, struct trail *trail, const char **ret)
{
    CLEANUP(text_done) struct text text;
    struct span json = {0};
    err_t err;

    text_begin(&text, arena, CLAIMS_DOCUMENT_MAX);
    err = write_windows_records(&text, data, trail);
    err = err ? err : text_end(&text, &json);
    *ret = (const char *)json.data;
    return err;
}

static const struct {
    uint32_t id;
    const char *payload; /* hexadecimal */
    const char *want;    /* NULL: malformed */
} records[] = {
    {0x00040001, "00", "{\"EVENT_BOOTDEBUGGING\":false}"},
    {0x00040001, "80", "{\"EVENT_BOOTDEBUGGING\":true}"},
    {0x00040001, "0001", "{\"EVENT_BOOTDEBUGGING\":false}"}, /* the first byte counts */
    {0x00040001, "", NULL},
    {0x00050001, "01", "{\"EVENT_OSKERNELDEBUG\":true}"},
    {0x00050002, "01", "{\"EVENT_CODEINTEGRITY\":true}"},
    {0x00050003, "00", "{\"EVENT_TESTSIGNING\":false}"},
    {0x00050005, "00", "{\"EVENT_SAFEMODE\":false}"},
    {0x00050006, "01", "{\"EVENT_WINPE\":true}"},
    {0x00050021, "00", "{\"EVENT_FLIGHTSIGNING\":false}"},
    {0x000a0001, "01", "{\"EVENT_VBS_VSM_REQUIRED\":true}"},
    {0x000a0003, "00", "{\"EVENT_VBS_IOMMU_REQUIRED\":false}"},
    {0x000a0006, "01", "{\"EVENT_VBS_MANDATORY_ENFORCEMENT\":true}"},
    {0x00020002, "0100000000000080", "{\"EVENT_BOOTCOUNTER\":9223372036854775809}"},
    {0x00020002, "01000000", NULL},
    {0x00020003, "01000000", "{\"EVENT_TRANSFER_CONTROL\":{\"Value\":1}}"},
    {0x00020003, "0100", NULL},
    {0x00020005, "00020000", "{\"EVENT_BITLOCKER_UNLOCK\":{\"Value\":512}}"},
    {0x00020009, "05000000", "{\"EVENT_APPLICATION_SVN\":5}"},
    {0x00050004, "0300000000000000", "{\"EVENT_DATAEXECUTIONPREVENTION\":{\"Value\":3}}"},
    {0x00050014, "02", "{\"EVENT_SMT_STATUS\":{\"Value\":2}}"},
    {0x00050014, "0200000000000000", "{\"EVENT_SMT_STATUS\":{\"Value\":2}}"},
    {0x0005000e, "01000000", "{\"EVENT_DRIVER_LOAD_POLICY\":{\"Value\":1,\"String\":\"1\"}}"},
    {0x000a0007, "0100000000000000",
     "{\"EVENT_VBS_HVCI_POLICY\":{\"Value\":1,\"String\":"
     "\"HypervisorEnforcedCodeIntegrityEnable\"}}"},
    {0x000a0007, "0000000000000000", "{\"EVENT_VBS_HVCI_POLICY\":{\"Value\":0,\"String\":\"0\"}}"},
    {0x000a0007, "01000000", NULL},
    {0x00050009, "5c0057000000", "{\"EVENT_SYSTEMROOT\":\"\\\\W\"}"},
    {0x00050009, "5c005700", "{\"EVENT_SYSTEMROOT\":\"\\\\W\"}"},
    {0x00050009, "", "{\"EVENT_SYSTEMROOT\":\"\"}"},
    {0x00050009, "5c00570", NULL},
    {0x00050009, "5c0000005700", NULL}, /* would hide what follows */
    {0x00020001, "fbff", "{\"EVENT_INFORMATION\":{\"RawData\":\"-_8\"}}"},
    {0x00020001, "", "{\"EVENT_INFORMATION\":{\"RawData\":\"\"}}"},
    /* time, length 2, SHA-256, digest */
    {0x00040002, "0102030405060708020000000b00aabb",
     "{\"EVENT_BOOT_REVOCATION_LIST\":{\"RawData\":\"AQIDBAUGBwgCAAAACwCquw\"}}"},
    {0x00040002, "0102030405060708030000000b00aabb", NULL},
    {0x00040002, "0102030405060708ffffffff0b00aabb", NULL},
    {0x00050013, "01020304050607080200", NULL},
    /* version, name of 2, algorithm, digest of 1 */
    {0x0005000f, "010000000000000002000b00010000004100aa",
     "{\"EVENT_SI_POLICY\":[{\"RawData\":\"AQAAAAAAAAACAAsAAQAAAEEAqg\"}]}"},
    {0x0005000f, "010000000000000003000b00010000004100aa", NULL},
    {0x0005000f, "010000000000000002000b00ffffffff4100aa", NULL},
    {0x0005000f, "0100", NULL},
    {0x000b0001, "0b000000010000007f", "{\"EVENT_KSR_SIGNATURE\":{\"RawData\":\"CwAAAAEAAAB_\"}}"},
    {0x000b0001, "0b000000020000007f", NULL},
    /* never true: nobody checks it */
    {0x000c0001, "01", "{\"EVENT_DRTM_STATE_AUTH\":{\"SignatureValid\":false,\"RawData\":\"AQ\"}}"},
    {0x000c0002, "02", "{\"EVENT_DRTM_SMM\":{\"Value\":2}}"},
    {0x00070001, "610062000000", "{\"EVENT_FILEPATH\":\"ab\"}"},
    {0x0007000a, "01", "{\"EVENT_IMAGEVALIDATED\":true}"},
    {0x0007000b, "04000000", "{\"EVENT_MODULE_SVN\":4}"},
    {0x40010001, "", "{\"EVENT_TRUSTBOUNDARY\":{}}"},
    {0x40010002, "", "{\"EVENT_ELAM_AGGREGATION\":[{}]}"},
    {0x40010003, "0a000700010000000107000b", NULL},
    {0x40010003, "0a0007000100000001",
     "{\"EVENT_LOADEDMODULE_AGGREGATION\":[{\"EVENT_IMAGEVALIDATED\":true}]}"},
    {0x40010005, "", "{\"EVENT_KSR_AGGREGATION\":{}}"},
    /* not measured: left out */
    {0xc0010004, "01", "{}"},
    {0x80080001, "01", "{}"},
    /* not known */
    {0x000d0001, "01", "{\"EVENT_0x000D0001\":{\"RawData\":\"AQ\"}}"},
    {0x40010099, "01", "{\"EVENT_0x40010099\":{\"RawData\":\"AQ\"}}"},
};

static void each_record_has_its_shape(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(records); i++) {
        struct trail trail = {0};
        const char *json = NULL;
        size_t len = strlen(records[i].payload) / 2 * 2; /* an odd one is half a character */
        const char *hex = (const char *)arena_dup(arena, span_of(records[i].payload, len)).data;
        struct span payload = test_hex(arena, hex);
        err_t err;

        if (len != strlen(records[i].payload)) {
            payload.len -= payload.len % 2 == 0 ? 1 : 0;
        }
        err = write(windows_one(arena, records[i].id, payload), &trail, &json);
        if (records[i].want == NULL ? err != ERR_MALFORMED : err != ERR_OK) {
            fail_msg("record %zu (0x%08x): %s", i, records[i].id, err_name(err));
        }
        if (records[i].want != NULL && strcmp(json, records[i].want) != 0) {
            fail_msg("record %zu: %s", i, json);
        }
    }
}

static void put_flag(struct buf *out, uint32_t id, uint8_t value)
{
    windows_put(out, id, span_of(&value, 1));
}

/* Whatever the order: what is worse counts, and of the rest nothing is hidden. */
static void a_name_that_repeats_comes_to_the_worse_value(void **state)
{
    static const struct {
        uint32_t id;
        uint8_t values[3];
        const char *want;
    } cases[] = {
        {0x00040001, {0, 1, 0}, "{\"EVENT_BOOTDEBUGGING\":true}"},
        {0x00050001, {1, 0, 0}, "{\"EVENT_OSKERNELDEBUG\":true}"},
        {0x00050003, {0, 0, 1}, "{\"EVENT_TESTSIGNING\":true}"},
        {0x00050021, {0, 1, 1}, "{\"EVENT_FLIGHTSIGNING\":true}"},
        {0x00050005, {0, 0, 0}, "{\"EVENT_SAFEMODE\":false}"},
        {0x00050006, {0, 1, 0}, "{\"EVENT_WINPE\":true}"},
        {0x00050002, {1, 0, 1}, "{\"EVENT_CODEINTEGRITY\":false}"},
        {0x00050002, {1, 1, 1}, "{\"EVENT_CODEINTEGRITY\":true}"},
        {0x000a0001, {1, 1, 0}, "{\"EVENT_VBS_VSM_REQUIRED\":false}"},
        {0x000a0003, {0, 1, 1}, "{\"EVENT_VBS_IOMMU_REQUIRED\":false}"},
        {0x0007000a, {1, 0, 1}, "{\"EVENT_IMAGEVALIDATED\":false}"},
        {0x00050025,
         {1, 0, 1},
         "{\"EVENT_DUMPS_DISABLED\":true,\"EVENT_DUMPS_DISABLED_ALL\":[false,true]}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_done) struct buf out = {0};
        const char *json = NULL;

        buf_init(&out, 4096);
        for (size_t k = 0; k < 3; k++) {
            put_flag(&out, cases[i].id, cases[i].values[k]);
        }
        assert_ok(write(buf_span(&out), NULL, &json));
        assert_string_equal(json, cases[i].want);
    }
}

static void other_names_that_repeat_keep_all_values(void **state)
{
    CLEANUP(buf_done) struct buf out = {0};
    const char *json = NULL;

    (void)state;
    buf_init(&out, 4096);
    windows_put_uint(&out, SIPA_TRANSFER_CONTROL, 4, 2);
    windows_put_uint(&out, 0x00020009, 4, 5);
    windows_put_uint(&out, SIPA_TRANSFER_CONTROL, 4, 1);
    windows_put(&out, SIPA_MODULE, (struct span){0});
    windows_put_uint(&out, SIPA_TRANSFER_CONTROL, 4, 7);
    windows_put(&out, SIPA_MODULE, windows_one(arena, SIPA_IMAGE_VALIDATED, span_of("\1", 1)));
    windows_put(&out, 0x000d0001, span_of("a", 1));
    windows_put(&out, 0x000d0001, span_of("b", 1));
    assert_ok(write(buf_span(&out), NULL, &json));
    assert_string_equal(
        json,
        "{\"EVENT_TRANSFER_CONTROL\":{\"Value\":2},\"EVENT_TRANSFER_CONTROL_ALL\":[{\"Value\":1},"
        "{\"Value\":7}],\"EVENT_APPLICATION_SVN\":5,\"EVENT_LOADEDMODULE_AGGREGATION\":[{},"
        "{\"EVENT_IMAGEVALIDATED\":true}],\"EVENT_0x000D0001\":{\"RawData\":\"YQ\"},"
        "\"EVENT_0x000D0001_ALL\":[{\"RawData\":\"Yg\"}]}");
}

/* L-15: ten thousand containers inside each other, and a record that reaches over its container. */
static void hostile_nesting_and_sizes_are_refused(void **state)
{
    CLEANUP(buf_done) struct buf out = {0};
    const char *json = NULL;
    struct span nested = {0};

    (void)state;
    for (int i = 0; i < 20; i++) {
        nested = windows_one(arena, SIPA_TRUST_BOUNDARY, nested);
    }
    assert_err(write(nested, NULL, &json), ERR_TOO_DEEP);
    buf_init(&out, 1024);
    logs_u32(&out, SIPA_TRUST_BOUNDARY);
    logs_u32(&out, 9);
    logs_u32(&out, 0x00040001);
    logs_u32(&out, 2);
    buf_u8(&out, 1);
    buf_u8(&out, 1);
    assert_err(write(buf_span(&out), NULL, &json), ERR_MALFORMED);
    assert_err(write(span_of("\1\0\4\0\xff\xff\xff\xff", 8), NULL, &json), ERR_MALFORMED);
    assert_err(write(span_of("\1\0\4", 3), NULL, &json), ERR_MALFORMED);
}

static void a_document_over_its_limit_is_refused(void **state)
{
    CLEANUP(text_done) struct text text;
    CLEANUP(buf_done) struct buf out = {0};
    struct span json;

    (void)state;
    buf_init(&out, 1024 * 1024);
    for (uint32_t i = 0; i < 10000; i++) {
        windows_put_uint(&out, 0x000d0000 + i, 1, 1);
    }
    text_begin(&text, arena, 64 * 1024);
    assert_ok(write_windows_records(&text, buf_span(&out), NULL));
    assert_err(text_end(&text, &json), ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_nesting_and_sizes_are_refused),
        cmocka_unit_test(a_document_over_its_limit_is_refused),
        cmocka_unit_test(each_record_has_its_shape),
        cmocka_unit_test(a_name_that_repeats_comes_to_the_worse_value),
        cmocka_unit_test(other_names_that_repeat_keep_all_values),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
