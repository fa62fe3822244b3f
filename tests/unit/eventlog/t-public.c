/*
 * The public corpus: 55 logs of other projects and real firmware against their expected reading,
 * four IMA lists: option ROMs and drivers (B-5), quirks of vendors (B-14). Logs of confidential VMs
 * must be refused cleanly; their registers are not PCRs.
 */
#include "unit/eventlog/logs.h"

#include "base/codec.h"
#include "eventlog/ima.h"
#include "json/json.h"

#include <stdlib.h>

struct tally {
    unsigned logs, refused, no_log, unsupported, registers, secure_boot, clean;
};

static yyjson_val *read_index(struct arena *arena)
{
    struct span text = test_public_file(arena, "eventlogs/index.json");
    yyjson_val *root = NULL;

    assert_ok(json_read(arena, text, NULL, NULL, &root));
    return json_get(root, "entries");
}

static void check_registers(struct arena *arena, const char *file, const struct eventlog *log,
                            yyjson_val *banks, struct tally *tally)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    size_t i, n;
    yyjson_val *key, *values;

    yyjson_obj_foreach(banks, i, n, key, values)
    {
        enum hash_alg bank = hash_by_name(yyjson_get_str(key));
        struct eventlog_registers regs;
        size_t j, m;
        yyjson_val *pcr_key, *value;
        uint32_t listed = 0;

        if (bank == HASH_NONE) {
            continue; /* SM3 */
        }
        assert_ok(eventlog_replay(log, bank, hasher, NULL, &regs));
        yyjson_obj_foreach(values, j, m, pcr_key, value)
        {
            unsigned pcr = (unsigned)strtoul(yyjson_get_str(pcr_key), NULL, 10);
            struct span want = test_hex(arena, yyjson_get_str(value));

            if (!span_equal(want, span_of(regs.value[pcr], hash_size(bank)))) {
                fail_msg("%s: %s PCR %u", file, hash_name(bank), pcr);
            }
            listed |= 1u << pcr;
            tally->registers++;
        }
        assert_int_equal(listed, regs.extended);
    }
}

static const char *secure_boot_word(const struct boot_facts *facts)
{
    if (facts->has_secure_boot_variable) {
        return facts->secure_boot_value == 1 ? "enabled" : "disabled";
    }
    for (size_t i = 0; i < facts->n_findings; i++) {
        if (facts->findings[i].code == FINDING_SECURE_BOOT_VALUE) {
            return "zero-length variable";
        }
    }
    return "variable absent";
}

/* Machines of that time booted what was revoked later (B-4). */
static bool boots_revoked_image(const char *file)
{
    static const char *const old[] = {
        "logs/HIRS-laptop_default_binary_bios_measurements",
        "logs/fwupd-binary_bios_measurements-v2",
        "logs/go-tpm-tools-rhel8-uefi.bin",
        "logs/python3-uefi-eventlog-201123-eventlog.bin",
        "logs/python3-uefi-eventlog-bootlog-5.0.0-rhel-20210423T133156Z_8b0347a.bin",
        "logs/python3-uefi-eventlog-inspur.bin",
        "logs/python3-uefi-eventlog-puiterwijk.bin",
        "logs/tpm2-tools-event-bootorder.bin",
    };

    for (size_t i = 0; i < ARRAY_LEN(old); i++) {
        if (strcmp(file, old[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* A log of a whole UEFI boot must not be called broken. */
static void check_faults(const char *file, const char *platform, const struct boot_facts *facts,
                         struct tally *tally)
{
    static const char *const broken[] = {"edge-case", "rim-fragment", "legacy-bios"};
    size_t n_revoked = 0;

    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        if (strcmp(platform, broken[i]) == 0) {
            return;
        }
    }
    for (size_t i = 0; i < facts->n_images; i++) {
        n_revoked += facts->images[i].revoked != NULL;
    }
    assert_int_equal(n_revoked > 0, boots_revoked_image(file));
    for (size_t i = 0; i < facts->n_findings; i++) {
        const struct finding *f = &facts->findings[i];
        /* One machine really ran in debug mode. */
        bool debug = f->code == FINDING_DEBUG_MODE &&
                     strcmp(file, "logs/fwupd-binary_bios_measurements-v2") == 0;

        if (f->weight != WEIGHT_NOTE && f->code != FINDING_IMAGE_REVOKED && !debug) {
            fail_msg("%s: %s", file, f->text);
        }
    }
    tally->clean++;
}

static void check_log(yyjson_val *entry, struct tally *tally)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const char *file = json_text(json_get(entry, "file"));
    const char *platform = json_text(json_get(entry, "platform_kind"));
    yyjson_val *expect = json_get(entry, "expect");
    const char *parse = json_text(json_get(expect, "parse"));
    struct span bytes = test_public_file(arena, arena_printf(arena, "eventlogs/%s", file));
    struct eventlog *log = NULL;
    struct trail trail = {0};
    err_t err = eventlog_read(arena, bytes, &trail, &log);
    struct logs_made made;

    tally->logs++;
    if (strcmp(platform, "tdx-ccel") == 0 || strcmp(platform, "csv-sm3") == 0) {
        assert_err(err, ERR_UNSUPPORTED);
        tally->unsupported++;
        return;
    }
    if (strcmp(parse, "fail") == 0) {
        assert_true(err != ERR_OK && err != ERR_NOT_FOUND);
        assert_true(trail.has_offset);
        tally->refused++;
        return;
    }
    if (strcmp(parse, "no-log") == 0) {
        assert_err(err, ERR_NOT_FOUND);
        tally->no_log++;
        return;
    }
    if (err) {
        fail_msg("%s: %s", file, trail.what);
    }
    assert_int_equal(log->n_events, yyjson_get_uint(json_get(entry, "events")));
    check_registers(arena, file, log, json_get(expect, "registers_replayed"), tally);
    if (json_get(expect, "pcr0_start_locality") != NULL) {
        assert_int_equal(log->startup_locality,
                         yyjson_get_uint(json_get(expect, "pcr0_start_locality")));
    }
    made = logs_facts(arena, bytes);
    if (strcmp(secure_boot_word(made.facts), json_text(json_get(expect, "secure_boot"))) != 0) {
        fail_msg("%s: Secure Boot is %s, expected %s", file, secure_boot_word(made.facts),
                 json_text(json_get(expect, "secure_boot")));
    }
    tally->secure_boot++;
    assert_true(made.facts->has_exit_boot_services ==
                yyjson_get_bool(json_get(expect, "exit_boot_services_success_logged")));
    check_faults(file, platform, made.facts, tally);
}

static void reads_every_public_log_as_expected_B_14(void **state)
{
    test_needs_public_data();

    CLEANUP(arena_free) struct arena *arena = test_arena();
    yyjson_val *entries = read_index(arena);
    struct tally tally = {0};
    size_t i, n;
    yyjson_val *entry;

    (void)state;
    yyjson_arr_foreach(entries, i, n, entry)
    {
        if (strcmp(json_text(json_get(entry, "kind")), "eventlog") == 0) {
            check_log(entry, &tally);
        }
    }
    print_message("%u logs: %u refused, %u no log, %u not PCRs; %u registers and %u Secure Boot "
                  "variables agree, %u whole boots without a fault\n",
                  tally.logs, tally.refused, tally.no_log, tally.unsupported, tally.registers,
                  tally.secure_boot, tally.clean);
    assert_int_equal(tally.logs, 55);
    assert_int_equal(tally.refused + tally.no_log + tally.unsupported + tally.secure_boot, 55);
}

/* L-14: one register of one log replays only with two events that the log lacks; no quirk is on
 * that would add them. */
static void does_not_invent_missing_events_L_14(void **state)
{
    test_needs_public_data();

    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    yyjson_val *entries = read_index(arena);
    struct span bytes =
        test_public_file(arena, "eventlogs/logs/go-attestation-ebs_event_missing_eventlog");
    struct eventlog_registers regs;
    struct logs_made made = logs_facts(arena, bytes);

    (void)state;
    (void)entries;
    assert_ok(eventlog_replay(made.log, HASH_SHA1, hasher, NULL, &regs));
    assert_false(span_equal(span_of(regs.value[5], 20),
                            test_hex(arena, "31245808d6d35849bc394f6343f2b3ff908ed5e3")));
    logs_expect(made.facts, FINDING_NO_EXIT_BOOT, WEIGHT_NOTE, "B-2");
}

/* Two of these files end with one byte of a next record; one is a list for PCR 13. */
static void a_list_of_ima_is_no_event_log(void **state)
{
    test_needs_public_data();

    static const struct {
        const char *file;
        err_t whole;
        err_t without_last_byte;
        uint32_t violations;
    } lists[] = {
        {"ima/tpm2-tss-sml-ima-sha1.bin", ERR_SHORT, ERR_OK, 0},
        {"ima/tpm2-tss-sml-ima-ng-sha1.bin", ERR_SHORT, ERR_OK, 0},
        {"ima/tpm2-tss-sml-ima-sha1-invalidated.bin", ERR_OK, ERR_SHORT, 1},
        {"ima/tpm2-tss-sml-ima-ng-sha1-invalidated.bin", ERR_MALFORMED, ERR_MALFORMED, 0},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();

    (void)state;
    (void)read_index(arena);
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        struct span bytes =
            test_public_file(arena, arena_printf(arena, "eventlogs/%s", lists[i].file));
        struct eventlog *log = NULL;
        struct ima_summary sum = {0};

        assert_true(eventlog_read(arena, bytes, NULL, &log) != ERR_OK);
        assert_err(ima_replay(bytes, HASH_SHA1, IMA_EXTEND_HASH, hasher, NULL, &sum),
                   lists[i].whole);
        assert_err(ima_replay(span_cut(bytes, 0, bytes.len - 1), HASH_SHA1, IMA_EXTEND_HASH, hasher,
                              NULL, &sum),
                   lists[i].without_last_byte);
        assert_int_equal(sum.violations, lists[i].violations);
        assert_true(sum.records > 0 || lists[i].whole == ERR_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_public_log_as_expected_B_14),
        cmocka_unit_test(does_not_invent_missing_events_L_14),
        cmocka_unit_test(a_list_of_ima_is_no_event_log),
    };

    return RUN_TESTS(tests);
}
