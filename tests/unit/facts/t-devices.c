/* Drivers by source (B-5), partition tables (B-6), devices that speak SPDM (B-11), quirks (B-14).
 */
#include "unit/facts/logs.h"

static struct logs_edit *healthy(struct arena *arena)
{
    return logs_edit_boot(arena, "a-secureboot-healthy");
}

static struct span kept(struct arena *arena, const struct buf *out)
{
    struct span copy = arena_dup(arena, buf_span(out));

    assert_non_null(copy.data);
    return copy;
}

/* ---- B-5 ---- */

static struct span load_event(struct arena *arena, const uint8_t *path, size_t len)
{
    CLEANUP(buf_done) struct buf out = {0};

    buf_init(&out, 4096);
    logs_u64(&out, 0x1000);
    logs_u64(&out, 0x2000);
    logs_u64(&out, 0);
    logs_u64(&out, len);
    buf_add(&out, span_of(path, len));
    return kept(arena, &out);
}

static void a_driver_has_its_source_as_a_hint_B_5(void **state)
{
    static const struct {
        uint8_t path[40];
        size_t len;
        enum image_source want;
    } cases[] = {
        {{1, 1, 6, 0, 0, 3, 4, 8, 6, 0, 9, 9, 0x7f, 0xff, 4, 0}, 16, SOURCE_PCI},
        {{4, 7, 5, 0, 1, 4, 6, 5, 0, 2, 0x7f, 0xff, 4, 0}, 14, SOURCE_FIRMWARE},
        {{4, 8, 6, 0, 1, 1, 0x7f, 0xff, 4, 0}, 10, SOURCE_MEMORY},
        {{1, 1, 6, 0, 0, 3, 4, 1, 5, 0, 1, 4, 4, 6, 0, 'x', 0, 0x7f, 0xff, 4, 0}, 21, SOURCE_DISK},
        {{3, 11, 5, 0, 1, 4, 4, 6, 0, 'x', 0, 0x7f, 0xff, 4, 0}, 15, SOURCE_NETWORK},
        {{0x7f, 0xff, 4, 0}, 4, SOURCE_UNKNOWN},
        {{1, 1, 3, 0}, 4, SOURCE_UNKNOWN},                /* shorter than its header */
        {{1, 1, 200, 0}, 4, SOURCE_UNKNOWN},              /* longer than the path */
        {{2, 1, 4, 0, 1, 1, 5, 0, 7, 9}, 10, SOURCE_PCI}, /* no end */
        {{0}, 0, SOURCE_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = healthy(arena);
        size_t n = logs_edited_facts(edit)->n_drivers;
        const struct boot_facts *facts;

        logs_insert(edit, 0, 2, EV_EFI_BOOT_SERVICES_DRIVER,
                    load_event(arena, cases[i].path, cases[i].len));
        facts = logs_edited_facts(edit);
        assert_int_equal(facts->n_drivers, n + 1);
        assert_int_equal(facts->drivers[0].source, cases[i].want);
        assert_true(
            span_equal(facts->drivers[0].digest[HASH_SHA256],
                       span_of(edit->items[0].digest[eventlog_bank(facts->log, HASH_SHA256)], 32)));
    }
}

static void a_load_event_that_lies_about_its_length_has_no_path_B_5(void **state)
{
    uint8_t data[40] = {0};

    (void)state;
    for (size_t len = 0; len < 32; len++) {
        assert_int_equal(image_load_path(span_of(data, len)).len, 0);
    }
    data[24] = 9; /* where 8 are left */
    assert_int_equal(image_load_path(span_of(data, 40)).len, 0);
    data[31] = 0x80;
    assert_int_equal(image_load_path(span_of(data, 40)).len, 0);
}

/* ---- B-6 ---- */

static struct span gpt(struct arena *arena, unsigned n, uint32_t entry_bytes, uint64_t first,
                       uint64_t last)
{
    CLEANUP(buf_done) struct buf out = {0};

    buf_init(&out, 65536);
    buf_add(&out, span_of("EFI PART\0\0\1\0\\\0\0\0", 16));
    for (size_t i = 0; i < 40; i++) {
        buf_u8(&out, 0);
    }
    for (uint8_t i = 0; i < 16; i++) { /* the disk's own GUID */
        buf_u8(&out, (uint8_t)(0xd0 + i));
    }
    logs_u64(&out, 2);
    logs_u32(&out, 128);
    logs_u32(&out, entry_bytes);
    logs_u32(&out, 0);
    logs_u64(&out, n);
    for (unsigned k = 0; k < n; k++) {
        for (uint8_t i = 0; i < 32; i++) {
            buf_u8(&out, (uint8_t)(k + i));
        }
        logs_u64(&out, first);
        logs_u64(&out, last);
        logs_u64(&out, 0);
        logs_u16(&out, 'p');
        logs_u16(&out, '\n');
        for (uint32_t i = 60; i < entry_bytes; i++) {
            buf_u8(&out, 0);
        }
    }
    return kept(arena, &out);
}

static void partitions_are_facts_where_the_digest_covers_them_B_6_D_1(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);
    size_t n = logs_edited_facts(edit)->n_disks;
    const struct boot_facts *facts;

    (void)state;
    logs_insert(edit, 0, 5, EV_EFI_GPT_EVENT, gpt(arena, 3, 128, 34, 99));
    facts = logs_edited_facts(edit);
    assert_int_equal(facts->n_disks, n + 1);
    assert_int_equal(facts->disks[0].table.n, 3);
    assert_int_equal(facts->disks[0].table.disk[0], 0xd0);
    assert_int_equal(facts->disks[0].table.items[2].type[0], 2);
    assert_int_equal(facts->disks[0].table.items[2].id[0], 18);
    assert_int_equal(facts->disks[0].table.items[2].first, 34);
    assert_int_equal(facts->disks[0].table.items[2].last, 99);
    assert_string_equal(facts->disks[0].table.items[2].name, "p\\n"); /* D-5 */
    edit->items[0].digest[0][0] ^= 1;
    facts = logs_edited_facts(edit);
    assert_int_equal(facts->n_disks, n);
    logs_expect(facts, FINDING_EVENT_DIGEST, WEIGHT_FAULT, "D-1");
}

static void a_malformed_partition_table_is_no_fact_B_6(void **state)
{
    static const struct {
        unsigned n;
        uint32_t entry;
        uint64_t first, last;
        size_t cut;
        bool is_good;
    } cases[] = {
        {3, 128, 34, 99, 0, true},    {0, 128, 0, 0, 0, true},      {128, 128, 1, 1, 0, true},
        {129, 128, 1, 1, 0, false},   {3, 127, 34, 99, 0, false},   {3, 256, 34, 99, 0, true},
        {3, 8192, 1, 1, 0, false},    {3, 128, 34, 33, 0, false},   {3, 128, 34, 99, 1, false},
        {3, 128, 34, 99, 128, false}, {3, 128, 34, 99, 400, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = healthy(arena);
        size_t n = logs_edited_facts(edit)->n_disks;
        struct span table = gpt(arena, cases[i].n, cases[i].entry, cases[i].first, cases[i].last);
        const struct boot_facts *facts;

        logs_insert(edit, 0, 5, EV_EFI_GPT_EVENT, span_cut(table, 0, table.len - cases[i].cut));
        facts = logs_edited_facts(edit);
        assert_int_equal(facts->n_disks, n + (cases[i].is_good ? 1 : 0));
        assert_int_equal(logs_count(facts, FINDING_PARTITION_TABLE, WEIGHT_NOTE),
                         cases[i].is_good ? 0 : 1);
    }
}

/* ---- B-11 ---- */

static struct span spdm2(struct arena *arena, uint32_t sub_type, unsigned n_blocks, int more)
{
    CLEANUP(buf_done) struct buf out = {0};
    size_t block = 4 + 7;
    size_t sub = 8 + (sub_type == 0 ? n_blocks * block : 5);
    size_t path = 4;

    buf_init(&out, 65536);
    buf_add(&out, span_of("SPDM Device Sec2", 16));
    logs_u16(&out, 2);
    logs_u16(&out, 1); /* not authenticated; reserved */
    logs_u32(&out, (uint32_t)(4 + 4 + 4 + 8 + 8 + path + sub + 16) + (uint32_t)more);
    logs_u32(&out, 1); /* PCI */
    logs_u32(&out, sub_type);
    logs_u32(&out, (uint32_t)sub);
    logs_u64(&out, 77);
    logs_u64(&out, path);
    buf_add(&out, span_of("\x7f\xff\4\0", 4));
    logs_u16(&out, 0x0011);
    buf_u8(&out, (uint8_t)n_blocks);
    buf_u8(&out, 0);
    logs_u32(&out, 2);
    for (unsigned i = 0; sub_type == 0 && i < n_blocks; i++) {
        buf_add(&out, span_of("\1\1\7\0abcdefg", 11));
    }
    if (sub_type != 0) {
        buf_add(&out, span_str("chain"));
    }
    buf_add(&out, span_of("\0\0\x10\0\x86\x80\x34\x12\1\0\0\2\0\0\0\0", 16));
    return kept(arena, &out);
}

static struct span spdm1(struct arena *arena, uint16_t block)
{
    CLEANUP(buf_done) struct buf out = {0};

    buf_init(&out, 4096);
    buf_add(&out, span_of("SPDM Device Sec\0", 16));
    logs_u16(&out, 1);
    logs_u16(&out, 28 + 11 + 16);
    logs_u32(&out, 2);
    logs_u32(&out, 1);
    buf_add(&out, span_of("\1\1", 2));
    logs_u16(&out, block);
    buf_add(&out, span_str("abcdefg"));
    buf_add(&out, span_of("\0\0\x10\0\x86\x80\x34\x12\1\0\0\2\0\0\0\0", 16));
    return kept(arena, &out);
}

static void device_events_are_decoded_within_their_bounds_B_11(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct spdm_event event = {0};
    struct span good[] = {spdm1(arena, 7), spdm2(arena, 0, 1, 0), spdm2(arena, 0, 3, 0),
                          spdm2(arena, 1, 0, 0), spdm2(arena, 9, 0, 0)};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_ok(spdm_event_read(good[i], &event));
        assert_int_equal(event.version, i == 0 ? 1 : 2);
        assert_int_equal(event.bus, SPDM_BUS_PCI);
        assert_true(event.has_pci);
        assert_int_equal(event.pci_vendor, 0x8086);
        assert_int_equal(event.pci_device, 0x1234);
        assert_int_equal(event.content, i < 3    ? SPDM_MEASUREMENTS
                                        : i == 3 ? SPDM_CERTIFICATES
                                                 : SPDM_OTHER);
        for (size_t len = 0; len < good[i].len; len++) {
            CLEANUP(arena_free) struct arena *small = arena_new(64 * 1024);

            assert_true(spdm_event_read(arena_dup(small, span_cut(good[i], 0, len)), &event) !=
                        ERR_OK);
        }
    }
    assert_ok(spdm_event_read(good[2], &event));
    assert_int_equal(event.n_blocks, 3);
    assert_int_equal(event.payload.len, 33);
    assert_ok(spdm_event_read(good[0], &event));
    assert_int_equal(event.payload.len, 11);
    assert_true(spdm_event_read(spdm1(arena, 6), &event) != ERR_OK);
    assert_true(spdm_event_read(spdm1(arena, 4000), &event) != ERR_OK);
    assert_err(spdm_event_read(spdm2(arena, 0, 1, 1), &event), ERR_SHORT);
    assert_err(spdm_event_read(spdm2(arena, 0, 1, -1), &event), ERR_TRAILING);
    assert_err(spdm_event_read(span_str("SPDM Device Sec3 and more of it"), &event),
               ERR_UNSUPPORTED);
}

static void a_device_that_speaks_nonsense_is_noted_B_11(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);
    const struct boot_facts *facts;

    (void)state;
    logs_insert(edit, 0, 2, EV_EFI_SPDM_FIRMWARE_BLOB, spdm2(arena, 0, 1, 0));
    logs_insert(edit, 1, 3, EV_EFI_SPDM_FIRMWARE_CONFIG, spdm1(arena, 7));
    logs_insert(edit, 2, 2, EV_EFI_SPDM_FIRMWARE_BLOB, span_str("nonsense"));
    facts = logs_edited_facts(edit);
    logs_expect_clean(facts);
    assert_int_equal(facts->n_devices, 2);
    assert_false(facts->devices[0].is_config);
    assert_true(facts->devices[1].is_config);
    assert_int_equal(logs_count(facts, FINDING_DEVICE_EVENT, WEIGHT_NOTE), 1);
    assert_string_equal(facts->readings->items[1].text, "firmware of a device, by its own word");
    assert_string_equal(facts->readings->items[3].text, "event of a device, malformed");
}

/* ---- B-14 ---- */

static void quirks_are_noted_by_name_B_14(void **state)
{
    static const struct {
        const char *name;
        uint32_t pcr, type;
        const char *data;
        bool genuine;
        bool expected;
    } cases[] = {
        {"quirk gce-nonhostinfo: ", 0, EV_NONHOST_INFO, "GCE NonHostInfo", true, true},
        {"quirk gce-nonhostinfo: ", 0, EV_NONHOST_INFO, "GCE NonHostInfo", false, false},
        {"quirk gce-nonhostinfo: ", 0, EV_NONHOST_INFO, "another", true, false},
        {"quirk intel-csme: ", 0, EV_NONHOST_INFO, "IntelCSxEEvent000", false, true},
        {"quirk intel-csme: ", 0, EV_NO_ACTION, "IntelCSxEEvent000", false, true},
        {"quirk intel-tme: ", 1, EV_PLATFORM_CONFIG_FLAGS, "TME ENABLED", true, true},
        {"quirk pcr6-compact-hash: ", 6, EV_COMPACT_HASH, "Dell Configuration Information 1", false,
         true},
        {"quirk pcr6-compact-hash: ", 6, EV_COMPACT_HASH, "what was measured", true, false},
        {"quirk openpower-separator: ", 0, EV_SEPARATOR, "Skiboot Boot", false, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = healthy(arena);
        const struct boot_facts *facts;
        bool found = false;

        logs_insert(edit, 0, cases[i].pcr, cases[i].type, span_str(cases[i].data));
        if (!cases[i].genuine) {
            logs_measure(edit, 0, span_str("something else"));
        }
        facts = logs_edited_facts(edit);
        for (size_t k = 0; k < facts->n_findings; k++) {
            const struct finding *finding = &facts->findings[k];

            if (finding->code == FINDING_VENDOR_QUIRK) {
                assert_int_equal(finding->weight, WEIGHT_NOTE);
                found = found || strncmp(finding->text, cases[i].name, strlen(cases[i].name)) == 0;
            }
        }
        if (found != cases[i].expected) {
            fail_msg("%s, case %zu", cases[i].name, i);
        }
    }
}

/* L-14: a name excuses nothing. */
static void a_quirk_takes_no_fault_away_B_14_L_14(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);

    (void)state;
    logs_insert(edit, 0, 0, EV_SEPARATOR, span_str("Skiboot Boot"));
    logs_measure(edit, 0, span_str("something else"));
    logs_expect(logs_edited_facts(edit), FINDING_EVENT_DIGEST, WEIGHT_FAULT, "D-1");
    logs_expect(logs_edited_facts(edit), FINDING_SEPARATOR, WEIGHT_FAULT, "B-1");
}

/* ---- ALG-5 ---- */

/* One event of one bank is enough; the separators may all be there. */
static void a_mark_instead_of_a_digest_is_a_fault_ALG_5(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);
    size_t at = logs_find(edit, 4, EV_EFI_BOOT_SERVICES_APPLICATION);

    (void)state;
    memset(edit->items[at].digest[0], 0, HASH_MAX_BYTES);
    logs_expect_clean(logs_edited_facts(edit)); /* an image nobody knows */
    edit->items[at].digest[0][0] = 1;
    logs_expect(logs_edited_facts(edit), FINDING_BANK_LACKS_SEPARATOR, WEIGHT_FAULT, "ALG-5");
}

static void drivers_devices_and_disks_have_their_json(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);
    yyjson_mut_doc *doc = json_new(arena);
    struct span text;
    yyjson_val *root = NULL;
    yyjson_val *disk;

    (void)state;
    logs_insert(edit, 0, 2, EV_EFI_SPDM_FIRMWARE_BLOB, spdm2(arena, 0, 2, 0));
    logs_insert(edit, 1, 5, EV_EFI_GPT_EVENT, gpt(arena, 1, 128, 34, 99));
    text = json_write(arena, doc, boot_facts_json(arena, doc, logs_edited_facts(edit)), false);
    assert_ok(json_read(arena, text, NULL, NULL, &root));
    assert_string_equal(
        json_text(json_get(yyjson_arr_get(json_get(root, "devices"), 0), "pci_hint")), "8086:1234");
    disk = yyjson_arr_get(json_get(root, "disks"), 0);
    assert_string_equal(json_text(json_get(disk, "id")), "d3d2d1d0-d5d4-d7d6-d8d9-dadbdcdddedf");
    assert_int_equal(yyjson_arr_size(json_get(disk, "partitions")), 1);
    assert_true(yyjson_is_arr(json_get(root, "drivers")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_driver_has_its_source_as_a_hint_B_5),
        cmocka_unit_test(a_load_event_that_lies_about_its_length_has_no_path_B_5),
        cmocka_unit_test(partitions_are_facts_where_the_digest_covers_them_B_6_D_1),
        cmocka_unit_test(a_malformed_partition_table_is_no_fact_B_6),
        cmocka_unit_test(device_events_are_decoded_within_their_bounds_B_11),
        cmocka_unit_test(a_device_that_speaks_nonsense_is_noted_B_11),
        cmocka_unit_test(quirks_are_noted_by_name_B_14),
        cmocka_unit_test(a_quirk_takes_no_fault_away_B_14_L_14),
        cmocka_unit_test(a_mark_instead_of_a_digest_is_a_fault_ALG_5),
        cmocka_unit_test(drivers_devices_and_disks_have_their_json),
    };

    return RUN_TESTS(tests);
}
