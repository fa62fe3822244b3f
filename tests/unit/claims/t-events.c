/*
 * The events document: what of a log may be told to a policy, and that nothing else is.
 */
#include "unit/claims/documents.h"

#include "base/codec.h"

/* Written down from the manifests of the boots: SecureBoot as measured in PCR 7, how many entries
 * of boot options, and what authorities are named. */
static const struct {
    const char *boot;
    const char *secure_boot; /* VariableData; NULL: its text is not what was measured */
    const char *authority;   /* one that is decoded; NULL: none is */
} boots[] = {
    {"a-secureboot-healthy", "AQ", "SbatLevel"},
    {"b-secureboot-off", "AA", "SbatLevel"},
    {"b-setup-mode", "AA", "SbatLevel"},
    {"c-cmdline-changed", "AQ", "SbatLevel"},
    {"d-extra-bootloader-sboff", "AA", NULL},
    {"d-initrd-tampered", "AQ", "SbatLevel"},
    {"e-refused-then-fallback", "AQ", "SbatLevel"},
    {"f-kernel-update", "AQ", "SbatLevel"},
    {"g-mok-own-kernel", "AQ", "MokListRT"},
    {"h-dbx-update", "AQ", "SbatLevel"},
    {"j-log-secureboot-text-forged", NULL, "SbatLevel"},
    {"j-log-sha1-digests-forged", "AQ", NULL},
    {"k-uki-healthy", "AQ", "db"},
    {"l-sha256-only-bank", "AQ", "SbatLevel"},
    {"m-shim-validation-disabled", "AQ", "MokSBState"},
    {"n-systemd-boot", "AQ", "db"},
};

static void recorded_boots_tell_their_secure_boot_D_1(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(boots); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct document d;
        yyjson_val *event = NULL;
        size_t n;

        document_make(&d, arena, logs_boot(arena, boots[i].boot));
        assert_int_equal(yyjson_arr_size(d.events), d.appraisal.log->n_events);
        n = document_variables(&d, "SecureBoot", &event);
        if (n != (boots[i].secure_boot == NULL ? 0 : 1)) {
            fail_msg("%s: %zu SecureBoot", boots[i].boot, n);
        }
        if (n == 1) {
            yyjson_val *processed = document_processed(event);

            if (!yyjson_equals_str(json_get(processed, "VariableData"), boots[i].secure_boot)) {
                fail_msg("%s: SecureBoot", boots[i].boot);
            }
            assert_true(yyjson_equals_str(json_get(processed, "VariableGuid"),
                                          "8BE4DF61-93CA-11D2-AA0D-00E098032B8C"));
            assert_int_equal(yyjson_get_uint(json_get(event, "PcrIndex")), 7);
            assert_int_equal(yyjson_get_uint(json_get(event, "EventType")), 0x80000001);
            assert_true(yyjson_equals_str(json_get(event, "EventTypeString"),
                                          "EV_EFI_VARIABLE_DRIVER_CONFIG"));
        }
        if (boots[i].authority != NULL && document_variables(&d, boots[i].authority, &event) == 0) {
            fail_msg("%s: no %s", boots[i].boot, boots[i].authority);
        }
    }
}

/* Every event in order, and data only where the digest is of it: held against the log itself. */
static void expect_only_matched_data(struct document *d)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    const struct eventlog *log = d->appraisal.log;
    size_t index;
    size_t max;
    yyjson_val *event;

    yyjson_arr_foreach(d->events, index, max, event)
    {
        const struct event *of = &log->events[index];
        yyjson_val *raw = json_get(event, "RawData");
        yyjson_val *digests = json_get(event, "Digests");
        yyjson_val *processed = document_processed(event);
        bool is_of_data = of->type != EV_NO_ACTION;

        assert_int_equal(yyjson_get_uint(json_get(event, "EventSeq")), of->index);
        assert_int_equal(yyjson_get_uint(json_get(event, "PcrIndex")), of->pcr);
        assert_int_equal(yyjson_get_uint(json_get(event, "EventType")), of->type);
        for (size_t bank = 0; bank < log->n_banks && of->type != EV_NO_ACTION; bank++) {
            uint8_t digest[HASH_MAX_BYTES];
            struct span sent = of->digest[bank];

            assert_ok(hasher_once(hasher, log->banks[bank].hash, of->data, digest));
            is_of_data = is_of_data && span_equal(sent, span_of(digest, sent.len));
            if (log->banks[bank].hash == HASH_SHA256) {
                assert_true(
                    yyjson_equals_str(json_get(digests, "SHA256"), hex_dup(d->arena, sent)));
            }
        }
        assert_int_equal(raw != NULL, is_of_data);
        if (is_of_data) {
            assert_true(yyjson_equals_str(raw, base64_dup(d->arena, BASE64_URL, of->data)));
        }
        if (!is_of_data && of->type != EV_EFI_VARIABLE_AUTHORITY) {
            assert_null(json_get(processed, "UnicodeName"));
            assert_null(json_get(processed, "VariableGuid"));
        }
    }
}

static void nothing_is_told_that_no_digest_covers_D_1(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(boots); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct document d;

        document_make(&d, arena, logs_boot(arena, boots[i].boot));
        expect_only_matched_data(&d);
    }
}

/* Each of them is measured for real by root of the guest: only the place gives it away. */
static void secure_boot_is_told_by_pcr_7_alone_D_2(void **state)
{
    static const struct {
        uint32_t pcr, type;
        const char *name;
    } fakes[] = {
        {5, EV_EFI_VARIABLE_DRIVER_CONFIG, "SecureBoot"},
        {12, EV_EFI_VARIABLE_DRIVER_CONFIG, "SecureBoot"},
        {1, EV_EFI_VARIABLE_BOOT, "SecureBoot"},
        {1, EV_EFI_VARIABLE_BOOT2, "SecureBoot"},
        {12, EV_EFI_VARIABLE_DRIVER_CONFIG, "BootOrder"},
        {12, EV_EFI_VARIABLE_AUTHORITY, "SecureBoot"},
        {5, EV_EFI_VARIABLE_AUTHORITY, "db"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fakes); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = logs_edit_boot(arena, "b-secureboot-off");
        struct document d;
        yyjson_val *event = NULL;
        size_t before;

        document_make(&d, arena, logs_boot(arena, "b-secureboot-off"));
        before = document_variables(&d, fakes[i].name, &event);
        logs_insert(edit, edit->n, fakes[i].pcr, fakes[i].type,
                    logs_variable(arena, logs_global, fakes[i].name, span_of("\1", 1)));
        document_make(&d, arena, logs_bytes(edit));
        assert_int_equal(document_variables(&d, fakes[i].name, &event), before);
    }
}

/* "SecureBoot", NUL, "x": another variable, which would be shown by the same name. */
static void a_name_with_a_nul_is_not_told(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "b-secureboot-off");
    struct span fake = logs_variable(arena, logs_global, "SecureBoot_x", span_of("\1", 1));
    uint8_t *bytes = (uint8_t *)(uintptr_t)fake.data;
    struct document d;
    yyjson_val *event = NULL;

    (void)state;
    bytes[32 + 2 * 10] = 0;
    logs_insert(edit, edit->n, 5, EV_EFI_VARIABLE_DRIVER_CONFIG, fake);
    document_make(&d, arena, logs_bytes(edit));
    assert_int_equal(document_variables(&d, "SecureBoot", &event), 1);
    assert_int_equal(yyjson_get_uint(json_get(event, "PcrIndex")), 7);
}

/* The digest is of the value alone: whose it is, is not measured. */
static void a_boot_variable_whose_name_is_not_measured_has_none(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "a-secureboot-healthy");
    struct span whole = logs_variable(arena, logs_global, "BootOrder", span_of("\1\0", 2));
    struct document d;
    yyjson_val *event = NULL;

    (void)state;
    document_make(&d, arena, logs_bytes(edit));
    assert_int_equal(document_variables(&d, "BootOrder", &event), 0);
    assert_string_equal(document_text(&d, document_processed(document_event(&d, 10))),
                        "{\"VariableData\":\"AQAAAAIA\"}");
    /* Where the digest is of all of it, the name is told. */
    logs_set(edit, logs_find(edit, 1, EV_EFI_VARIABLE_BOOT), whole);
    document_make(&d, arena, logs_bytes(edit));
    assert_int_equal(document_variables(&d, "BootOrder", &event), 1);
    assert_string_equal(
        document_text(&d, document_processed(event)),
        "{\"VariableGuid\":\"8BE4DF61-93CA-11D2-AA0D-00E098032B8C\",\"UnicodeName\":"
        "\"BootOrder\",\"VariableData\":\"AQA\"}");
}

static void names_and_types_from_outside_are_written_safely(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "a-secureboot-healthy");
    struct document d;
    yyjson_val *event = NULL;

    (void)state;
    logs_insert(edit, edit->n, 1, EV_EFI_VARIABLE_DRIVER_CONFIG,
                logs_variable(arena, logs_global, "a\"\\\n\x1b\xe9", span_of("x", 1)));
    logs_insert(edit, edit->n, 6, 0x40e, span_str("\"}],"));
    document_make(&d, arena, logs_bytes(edit));
    assert_int_equal(document_variables(&d, "a\"\\\n\x1b\xc3\xa9", &event), 1);
    event = document_event(&d, (uint32_t)edit->n);
    assert_true(yyjson_equals_str(json_get(event, "EventTypeString"), "EV_UNKNOWN_0x0000040E"));
    assert_true(yyjson_equals_str(json_get(event, "RawData"), "In1dLA"));
}

static void a_log_that_is_not_proven_has_no_events(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct document d;
    struct span json;

    (void)state;
    document_make(&d, arena, logs_boot(arena, "a-secureboot-healthy"));
    d.appraisal.is_log_proven = false;
    assert_ok(claims_events(arena, hasher, &d.appraisal, &d.evidence, NULL, &json));
    assert_true(span_is(json, "{\"Events\":[]}"));
}

/* The type is a claim: what is no record of Windows' stays what it is. */
static void tagged_events_of_others_are_not_read_as_windows(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "a-secureboot-healthy");
    const struct span boundary = span_of("\1\0\1\x40\0\0\0\0", 8);
    struct document d;

    (void)state;
    logs_insert(edit, edit->n, 9, EV_EVENT_TAG, boundary); /* not a register of Windows' */
    logs_insert(edit, edit->n, 12, EV_EVENT_TAG, span_str("a text, not a record"));
    logs_insert(edit, edit->n, 12, EV_IPL, boundary);
    document_make(&d, arena, logs_bytes(edit));
    for (uint32_t i = 0; i < 3; i++) {
        yyjson_val *event = document_event(&d, (uint32_t)edit->n - i);

        assert_int_equal(yyjson_obj_size(document_processed(event)), 0);
    }
}

/* Real logs of many machines, third-party data, read where they are. */
static void public_logs_become_documents(void **state)
{
    static const char *const files[] = {
        "eventlogs/logs/go-tpm-tools-rhel8-uefi.bin",
        "eventlogs/logs/python3-uefi-eventlog-ideapad1.bin",
        "eventlogs/logs/go-attestation-option_rom_eventlog",
    };

    test_needs_public_data();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct document d;

        document_make(&d, arena, test_public_file(arena, files[i]));
        assert_int_equal(yyjson_arr_size(d.events), d.appraisal.log->n_events);
        expect_only_matched_data(&d);
    }
}

/* ---- real Windows ---- */

struct windows_seen {
    size_t modules, validated, flags_good, flags_bad, separators;
    bool has_boot_counter, has_elam;
};

static void look_into(yyjson_val *boundary, const char *elam, uint64_t boot_counter,
                      struct windows_seen *seen)
{
    static const struct {
        const char *name;
        bool good;
    } flags[] = {{"EVENT_BOOTDEBUGGING", false}, {"EVENT_OSKERNELDEBUG", false},
                 {"EVENT_TESTSIGNING", false},   {"EVENT_SAFEMODE", false},
                 {"EVENT_WINPE", false},         {"EVENT_CODEINTEGRITY", true}};
    yyjson_val *modules = json_get(boundary, "EVENT_LOADEDMODULE_AGGREGATION");
    yyjson_val *drivers = json_get(boundary, "EVENT_ELAM_AGGREGATION");
    yyjson_val *item;
    size_t index;
    size_t max;

    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        yyjson_val *value = json_get(boundary, flags[i].name);

        if (value != NULL) {
            assert_true(yyjson_is_bool(value));
            seen->flags_good += yyjson_get_bool(value) == flags[i].good ? 1 : 0;
            seen->flags_bad += yyjson_get_bool(value) != flags[i].good ? 1 : 0;
        }
    }
    yyjson_arr_foreach(modules, index, max, item)
    {
        const char *path = yyjson_get_str(json_get(item, "EVENT_FILEPATH"));

        seen->modules += path != NULL && path[0] == '\\' ? 1 : 0;
        seen->validated += yyjson_is_true(json_get(item, "EVENT_IMAGEVALIDATED")) ? 1 : 0;
    }
    yyjson_arr_foreach(drivers, index, max, item)
    {
        seen->has_elam =
            seen->has_elam || yyjson_equals_str(json_get(item, "EVENT_ELAM_KEYNAME"), elam);
    }
    item = json_get(boundary, "EVENT_BOOTCOUNTER");
    seen->has_boot_counter =
        seen->has_boot_counter || (item != NULL && yyjson_get_uint(item) == boot_counter);
}

/* B-13: what was read from these two logs by other programs. Third-party data. */
static void real_windows_boots_are_told_B_13(void **state)
{
    static const struct {
        const char *file;
        size_t modules;
        const char *elam;
        uint64_t boot_counter;
    } machines[] = {
        {"eventlogs/logs/python3-uefi-eventlog-ideapad1.bin", 92, "Symantec", 117},
        {"eventlogs/logs/go-attestation-option_rom_eventlog", 109, "Windows Defender", 0},
    };

    test_needs_public_data();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct windows_seen seen = {0};
        struct document d;
        size_t index;
        size_t max;
        yyjson_val *event;

        document_make(&d, arena, test_public_file(arena, machines[i].file));
        yyjson_arr_foreach(d.events, index, max, event)
        {
            uint64_t pcr = yyjson_get_uint(json_get(event, "PcrIndex"));

            look_into(json_get(document_processed(event), "EVENT_TRUSTBOUNDARY"), machines[i].elam,
                      machines[i].boot_counter, &seen);
            seen.separators +=
                pcr >= 12 && pcr <= 14 && yyjson_equals_str(json_get(event, "RawData"), "V0JDTA")
                    ? 1
                    : 0; /* WBCL */
        }
        assert_int_equal(seen.modules, machines[i].modules);
        assert_int_equal(seen.validated, machines[i].modules);
        assert_int_equal(seen.flags_bad, 0);
        assert_true(seen.flags_good >= 6);
        assert_int_equal(seen.separators, 3);
        assert_true(seen.has_boot_counter);
        assert_true(seen.has_elam);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secure_boot_is_told_by_pcr_7_alone_D_2),
        cmocka_unit_test(a_name_with_a_nul_is_not_told),
        cmocka_unit_test(a_boot_variable_whose_name_is_not_measured_has_none),
        cmocka_unit_test(names_and_types_from_outside_are_written_safely),
        cmocka_unit_test(a_log_that_is_not_proven_has_no_events),
        cmocka_unit_test(tagged_events_of_others_are_not_read_as_windows),
        cmocka_unit_test(nothing_is_told_that_no_digest_covers_D_1),
        cmocka_unit_test(recorded_boots_tell_their_secure_boot_D_1),
        cmocka_unit_test(public_logs_become_documents),
        cmocka_unit_test(real_windows_boots_are_told_B_13),
    };

    return RUN_TESTS(tests);
}
