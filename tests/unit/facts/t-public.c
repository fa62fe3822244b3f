/*
 * The public corpus against its table: 55 logs of other projects and real firmware, logs of
 * confidential VMs among them (L-1, L-4, L-10, SB-1). Each is read completely or refused with a
 * place and a reason; every value that the table asserts is compared: registers, images (B-3),
 * command line, authorities (SB-7), drivers (B-5), quirks of vendors (B-12, B-14). One line is
 * printed for each file.
 */
#include "unit/facts/public.h"

#include "json/json.h"

#include <stdlib.h>

static yyjson_val *find_entry(yyjson_val *entries, const char *file)
{
    size_t i, n;
    yyjson_val *entry;

    yyjson_arr_foreach(entries, i, n, entry)
    {
        if (strcmp(json_text(json_get(entry, "file")), file) == 0) {
            return entry;
        }
    }
    fail_msg("no entry for %s", file);
    return NULL;
}

/* ---- registers ---- */

static void check_bank(struct arena *arena, struct row *row, const struct eventlog *log,
                       enum hash_alg bank, yyjson_val *values, bool is_all)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct eventlog_registers regs;
    uint32_t listed = 0;
    size_t i, n;
    yyjson_val *key, *value;

    assert_ok(eventlog_replay(log, bank, hasher, NULL, &regs));
    yyjson_obj_foreach(values, i, n, key, value)
    {
        unsigned at = (unsigned)strtoul(yyjson_get_str(key), NULL, 10);
        struct span want = test_hex(arena, yyjson_get_str(value));

        if (!span_equal(want, span_of(regs.value[at], hash_size(bank)))) {
            fail_msg("%s: %s, register %u", row->file, hash_name(bank), at);
        }
        listed |= 1u << at;
        row->registers++;
    }
    if (is_all) {
        assert_int_equal(listed, regs.extended);
    }
}

static void check_registers(struct arena *arena, struct row *row, const struct eventlog *log)
{
    static const char *const sets[] = {"registers_replayed", "pcrs_asserted"};
    yyjson_val *rtmrs = json_get(row->expect, "rtmrs_asserted");
    size_t i, n;
    yyjson_val *key, *values;

    for (size_t set = 0; set < ARRAY_LEN(sets); set++) {
        yyjson_obj_foreach(json_get(row->expect, sets[set]), i, n, key, values)
        {
            enum hash_alg bank = hash_by_name(yyjson_get_str(key));

            if (bank != HASH_NONE) { /* SM3 */
                check_bank(arena, row, log, bank, values, set == 0);
            }
        }
    }
    if (rtmrs != NULL) {
        assert_int_equal(log->kind, EVENTLOG_RTMRS);
        check_bank(arena, row, log, HASH_SHA384, rtmrs, false);
    }
}

/* ---- the log itself ---- */

static void check_form(struct arena *arena, struct row *row, const struct eventlog *log)
{
    yyjson_val *algs = json_get(row->entry, "algs");
    yyjson_val *padding = json_get(row->entry, "padding_bytes");
    const char *platform = json_text(json_get(row->entry, "platform_kind"));
    bool is_agile = strcmp(json_text(json_get(row->entry, "format")), "crypto-agile") == 0;
    bool is_ccel = strcmp(platform, "tdx-ccel") == 0 || strcmp(platform, "csv-sm3") == 0;
    size_t i, n;
    yyjson_val *alg;

    assert_int_equal(log->n_events, yyjson_get_uint(json_get(row->entry, "events")));
    assert_int_equal(log->format, is_agile ? EVENTLOG_AGILE : EVENTLOG_SHA1);
    assert_int_equal(log->kind, is_ccel ? EVENTLOG_RTMRS : EVENTLOG_PCRS);
    assert_int_equal(log->padding, padding != NULL ? yyjson_get_uint(padding) : 0);
    assert_int_equal(log->n_banks + log->n_unused, yyjson_arr_size(algs));
    yyjson_arr_foreach(algs, i, n, alg)
    {
        bool found = false;

        for (size_t k = 0; k < log->n_banks + log->n_unused; k++) {
            const struct eventlog_bank *bank =
                k < log->n_banks ? &log->banks[k] : &log->unused[k - log->n_banks];

            found = found || strcmp(eventlog_bank_name(arena, bank), json_text(alg)) == 0;
        }
        if (!found) {
            fail_msg("%s: no bank %s", row->file, json_text(alg));
        }
        row->facts++;
    }
    row->facts += 4;
}

static void check_types(struct row *row, const struct eventlog *log)
{
    size_t i, n;
    yyjson_val *value;

    yyjson_arr_foreach(json_get(row->expect, "event_types"), i, n, value)
    {
        uint32_t type = (uint32_t)strtoul(json_text(value), NULL, 16);
        bool found = false;

        for (size_t k = 0; k < log->n_events; k++) {
            found = found || log->events[k].type == type;
        }
        if (!found) {
            fail_msg("%s: no event of type %x", row->file, type);
        }
        row->facts++;
    }
    yyjson_arr_foreach(json_get(row->expect, "registers_used"), i, n, value)
    {
        bool found = false;

        for (size_t k = 0; k < log->n_events; k++) {
            found = found || log->events[k].pcr == yyjson_get_uint(value);
        }
        assert_true(found);
        row->facts++;
    }
}

/* L-7, L-8: three names for the same value. */
static void check_locality(struct row *row, const struct eventlog *log)
{
    static const char *const names[] = {"pcr0_start_locality", "startup_locality",
                                        "startup_locality_implied"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        yyjson_val *want = json_get(row->expect, names[i]);

        if (want != NULL) {
            assert_int_equal(log->startup_locality, yyjson_get_uint(want));
            row->facts++;
        }
    }
}

/* ---- facts ---- */

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

static void check_secure_boot(struct row *row, const struct boot_facts *facts)
{
    const char *want = wanted_text(row, "secure_boot");

    /* ALG-6: what only SM3 covers is not believed. */
    if (facts->log->n_banks == 1 && facts->log->banks[0].hash == HASH_NONE) {
        logs_expect(facts, FINDING_UNKNOWN_BANK, WEIGHT_NOTE, "ALG-6");
        assert_int_equal(facts->secure_boot, STATE_UNKNOWN);
        assert_string_equal(secure_boot_word(facts), "variable absent");
        row->facts++;
        return;
    }
    if (strcmp(secure_boot_word(facts), want) != 0) {
        fail_msg("%s: Secure Boot is %s, expected %s", row->file, secure_boot_word(facts), want);
    }
    assert_true(facts->has_exit_boot_services ==
                yyjson_get_bool(json_get(row->expect, "exit_boot_services_success_logged")));
    row->facts += 2;
}

/* One entry lists digests of another boot: none is in any event of its log, while the value of PCR
 * 4 asserted beside them agrees with the replay. */
static bool is_of_another_boot(struct arena *arena, const struct row *row,
                               const struct eventlog *log, yyjson_val *list)
{
    size_t i, n;
    yyjson_val *hex;

    if (strcmp(row->file, "logs/go-tpm-tools-gdc-host.bin") != 0) {
        return false;
    }
    yyjson_arr_foreach(list, i, n, hex)
    {
        struct span digest = test_hex(arena, json_text(hex));

        for (size_t k = 1; k < log->n_events; k++) {
            assert_false(span_equal(log->events[k].digest[0], digest));
        }
    }
    return true;
}

/* The digests that other tools' authors found on the disk, in order and with repeats (B-3). */
static void check_images(struct arena *arena, struct row *row, const struct boot_facts *facts)
{
    size_t i, n;
    yyjson_val *key, *list;

    yyjson_obj_foreach(json_get(row->expect, "efi_app_digests_asserted"), i, n, key, list)
    {
        enum hash_alg bank = hash_by_name(yyjson_get_str(key));
        size_t at = 0;

        if (is_of_another_boot(arena, row, facts->log, list)) {
            row->facts++;
            continue;
        }
        for (size_t k = 0; k < facts->n_images; k++) {
            const struct boot_image *image = &facts->images[k];

            if (image->event->type == EV_EFI_BOOT_SERVICES_APPLICATION) {
                const char *hex = json_text(yyjson_arr_get(list, at++));

                assert_non_null(hex);
                if (!span_equal(image->digest[bank], test_hex(arena, hex))) {
                    fail_msg("%s: image %zu is not %s", row->file, k, hex);
                }
                row->facts++;
            }
        }
        assert_int_equal(at, yyjson_arr_size(list));
    }
    if (json_get(row->expect, "efi_app_before_calling_action") != NULL) {
        size_t first_action = SIZE_MAX;

        for (size_t k = 0; k < facts->readings->n; k++) {
            const struct reading *r = &facts->readings->items[k];

            if (first_action == SIZE_MAX && r->role == ROLE_BOOT_ACTION && r->event->pcr == 4) {
                first_action = r->event->index;
            }
        }
        assert_true(facts->n_images > 0 && facts->images[0].event->index < first_action);
        row->facts++;
    }
}

static void check_cmdline(struct arena *arena, struct row *row, const struct boot_facts *facts)
{
    const char *want = wanted_text(row, "kernel_cmdline");

    if (want != NULL) { /* written there with its NUL */
        const char *line = arena_printf(arena, "%s %s\\0", facts->kernel_path, facts->cmdline);

        assert_string_equal(line, want);
        row->facts++;
    }
}

/* SB-7, B-5 */
static void check_drivers(struct row *row, const struct boot_facts *facts)
{
    yyjson_val *authorities = json_get(row->expect, "post_separator_authorities");
    yyjson_val *sources = json_get(row->expect, "driver_load_source_hints");
    uint64_t n = 0;

    if (authorities != NULL) {
        for (size_t i = 0; i < facts->n_authorities; i++) {
            n += facts->authorities[i].before_separator ? 0 : 1;
        }
        assert_int_equal(n, yyjson_get_uint(authorities));
        row->facts++;
    }
    if (sources != NULL) {
        assert_int_equal(facts->n_drivers, yyjson_arr_size(sources));
        for (size_t i = 0; i < facts->n_drivers; i++) {
            assert_string_equal(json_text(yyjson_arr_get(sources, i)), "PciMmio");
            assert_int_equal(facts->drivers[i].source, SOURCE_PCI);
            row->facts++;
        }
    }
}

/* A log of a whole UEFI boot must not be called broken, and an edited one must. */
static void check_faults(struct row *row, const struct boot_facts *facts)
{
    static const char *const broken[] = {"edge-case", "rim-fragment", "legacy-bios"};
    const char *platform = json_text(json_get(row->entry, "platform_kind"));
    size_t n_revoked = 0;

    if (wanted_text(row, "boot_state") != NULL) { /* "must fail: duplicate separator" */
        logs_expect(facts, FINDING_SEPARATOR, WEIGHT_FAULT, "SB-1");
        assert_true(facts->secure_boot != STATE_YES);
        row->facts++;
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        if (strcmp(platform, broken[i]) == 0) {
            return;
        }
    }
    for (size_t i = 0; i < facts->n_images; i++) {
        n_revoked += facts->images[i].revoked != NULL;
    }
    assert_int_equal(n_revoked > 0, boots_revoked_image(row->file));
    for (size_t i = 0; i < facts->n_findings; i++) {
        const struct finding *f = &facts->findings[i];
        /* One machine really ran in debug mode. */
        bool debug = f->code == FINDING_DEBUG_MODE &&
                     strcmp(row->file, "logs/fwupd-binary_bios_measurements-v2") == 0;

        if (f->weight != WEIGHT_NOTE && f->code != FINDING_IMAGE_REVOKED && !debug) {
            fail_msg("%s: %s", row->file, f->text);
        }
    }
    row->facts++;
}

/* B-14: vendors' quirks of the corpus, by name. */
static void check_quirks(struct row *row, const struct boot_facts *facts)
{
    static const struct {
        const char *file;
        const char *quirk;
    } known[] = {
        {"rhel8-uefi", "gce-nonhostinfo"},
        {"debian-10", "gce-nonhostinfo"},
        {"ubuntu-2404-amd-sevsnp", "gce-nonhostinfo"},
        {"logs/tpm2-binary_bios", "gce-nonhostinfo"},
        {"fwupd-", "pcr6-compact-hash"},
        {"tcglog-parser", "pcr6-compact-hash"},
        {"keylime-perf", "pcr6-compact-hash"},
        {"binary_bios_measurements20", "pcr6-compact-hash"},
        {"acs-tpm2bios", "openpower-separator"},
        {"CCEL_data_grub", "ovmf-rtmr-separator"},
        {"CCEL_data_ovmf", "ovmf-rtmr-separator"},
        {"trustauthority-client-for-go-CCEL", "ovmf-rtmr-separator"},
    };

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        bool found = false;

        if (strstr(row->file, known[i].file) == NULL || strstr(row->file, "_gke") != NULL) {
            continue;
        }
        for (size_t k = 0; k < facts->n_findings; k++) {
            found = found || (facts->findings[k].code == FINDING_VENDOR_QUIRK &&
                              strstr(facts->findings[k].text, known[i].quirk) != NULL);
        }
        if (!found) {
            fail_msg("%s: no quirk %s", row->file, known[i].quirk);
        }
        row->facts++;
    }
    /* B-12: a server of another maker is not read as one of Google's. */
    if (strstr(row->file, "gdc-host") != NULL) {
        for (size_t k = 0; k < facts->n_findings; k++) {
            assert_null(strstr(facts->findings[k].text, "gce-"));
        }
        row->facts++;
    }
}

static size_t count_files(const struct boot_facts *facts, uint32_t type)
{
    size_t n = 0;

    for (size_t i = 0; i < facts->n_files; i++) {
        n += facts->files[i].event->pcr == 9 && facts->files[i].event->type == type ? 1 : 0;
    }
    return n;
}

static bool has_event(const struct eventlog *log, const char *text, const char *sha1,
                      struct arena *arena)
{
    for (size_t i = 0; i < log->n_events; i++) {
        const struct event *event = &log->events[i];
        int bank = eventlog_bank(log, HASH_SHA1);

        if ((text != NULL && span_starts(event->data, text)) ||
            (sha1 != NULL && bank >= 0 && span_equal(event->digest[bank], test_hex(arena, sha1)))) {
            return true;
        }
    }
    return false;
}

/* What the authors of the logs say of them in words ("origin_asserts"). */
static void check_origin(struct arena *arena, struct row *row, const struct boot_facts *facts)
{
    if (json_get(row->expect, "origin_asserts") == NULL) {
        return;
    }
    if (strstr(row->file, "cos-93") != NULL) { /* two files by GRUB, and its command line */
        assert_int_equal(count_files(facts, EV_IPL), 2);
        assert_non_null(facts->cmdline);
    } else if (strstr(row->file, "ubuntu-2404") != NULL) { /* tagged events are no files of GRUB */
        for (size_t i = 0; i < facts->n_files; i++) {
            assert_true(facts->files[i].event->type != EV_EVENT_TAG ||
                        facts->files[i].role == ROLE_INITRD);
        }
    } else if (strstr(row->file, "no-dbx") != NULL) { /* SB-13; SB-9: SbatLevel is text */
        assert_true(facts->dbx.keys.n_hashes + facts->dbx.keys.n_x509 == 0);
        assert_non_null(facts->sbat_level);
    } else if (strstr(row->file, "debian-10") != NULL) {
        logs_expect(facts, FINDING_NO_EXIT_BOOT, WEIGHT_NOTE, "B-2");
    } else if (strstr(row->file, "fwupd-") != NULL) {
        assert_true(has_event(facts->log, NULL, "19ce8e1347a709d2b485d519695e3ce10b939485", arena));
        assert_true(has_event(facts->log, NULL, "9069ca78e7450a285173431b3e52c5c25299e473", arena));
        assert_true(has_event(facts->log, "Boot Guard Measured", NULL, arena));
    }
    row->facts++;
}

/* Registers of an edited log against the values of the original. */
static void check_altered(struct arena *arena, struct row *row, yyjson_val *entries,
                          const struct eventlog *log)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    yyjson_val *list = json_get(row->expect, "mismatching_pcrs_vs_original");
    yyjson_val *original;
    struct eventlog_registers regs;
    uint32_t wanted = 0;
    uint32_t differing = 0;
    size_t i, n;
    yyjson_val *key, *value;

    if (list == NULL) {
        return;
    }
    yyjson_arr_foreach(list, i, n, value)
    {
        wanted |= 1u << yyjson_get_uint(value);
    }
    original = json_get(
        json_get(json_get(find_entry(entries, "logs/HIRS-TpmLog.bin"), "expect"), "pcrs_asserted"),
        "sha256");
    assert_ok(eventlog_replay(log, HASH_SHA256, hasher, NULL, &regs));
    yyjson_obj_foreach(original, i, n, key, value)
    {
        unsigned at = (unsigned)strtoul(yyjson_get_str(key), NULL, 10);

        if (!span_equal(test_hex(arena, yyjson_get_str(value)),
                        span_of(regs.value[at], SHA256_BYTES))) {
            differing |= 1u << at;
        }
        row->registers++;
    }
    assert_int_equal(differing, wanted);
}

/* L-14: PCR 5 of one machine replays only with two events that its log lacks. Nothing adds them
 * here; that they explain the value is the maker's word, which holds. */
static void check_workaround(struct arena *arena, struct row *row, const struct eventlog *log)
{
    static const char *const missing[] = {"Exit Boot Services Invocation",
                                          "Exit Boot Services Returned with Success"};
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    yyjson_val *asserted = json_get(json_get(row->expect, "pcr5_asserted"), "sha1");
    struct eventlog_registers regs;
    struct span want;
    uint8_t both[2 * SHA1_BYTES];

    if (asserted == NULL) {
        return;
    }
    want = test_hex(arena, json_text(asserted));
    assert_ok(eventlog_replay(log, HASH_SHA1, hasher, NULL, &regs));
    assert_false(span_equal(want, span_of(regs.value[5], SHA1_BYTES)));
    memcpy(both, regs.value[5], SHA1_BYTES);
    for (size_t i = 0; i < ARRAY_LEN(missing); i++) {
        assert_ok(hash_once(HASH_SHA1, span_str(missing[i]), both + SHA1_BYTES));
        assert_ok(hash_once(HASH_SHA1, span_of(both, sizeof(both)), both));
    }
    assert_true(span_equal(want, span_of(both, SHA1_BYTES)) ==
                yyjson_get_bool(json_get(row->expect, "workaround_confirmed")));
    row->registers++;
}

static void check_log(struct arena *arena, struct row *row, yyjson_val *entries,
                      struct tally *tally)
{
    const char *parse = wanted_text(row, "parse");
    struct span bytes = test_public_file(arena, arena_printf(arena, "eventlogs/%s", row->file));
    struct eventlog *log = NULL;
    struct trail trail = {0};
    err_t err = eventlog_read(arena, bytes, &trail, &log);
    struct logs_made made;

    if (strcmp(parse, "fail") == 0) {
        say_refused(row, err, &trail);
        tally->refused++;
        return;
    }
    if (strcmp(parse, "no-log") == 0) {
        assert_err(err, ERR_NOT_FOUND);
        snprintf(row->outcome, sizeof(row->outcome), "%s", trail.what);
        tally->no_log++;
        return;
    }
    if (err) {
        fail_msg("%s: %s", row->file, trail.what);
    }
    made = logs_facts(arena, bytes);
    check_form(arena, row, log);
    check_registers(arena, row, log);
    check_types(row, log);
    check_locality(row, log);
    check_secure_boot(row, made.facts);
    check_images(arena, row, made.facts);
    check_cmdline(arena, row, made.facts);
    check_drivers(row, made.facts);
    check_faults(row, made.facts);
    check_quirks(row, made.facts);
    check_origin(arena, row, made.facts);
    check_altered(arena, row, entries, log);
    check_workaround(arena, row, log);
    snprintf(row->outcome, sizeof(row->outcome), "read, %zu events, Secure Boot %s%s",
             log->n_events, secure_boot_word(made.facts),
             log->kind == EVENTLOG_RTMRS ? ", RTMRs" : "");
    tally->read++;
}

static void reads_every_public_log_as_expected_B_14(void **state)
{
    test_needs_public_data();

    CLEANUP(arena_free) struct arena *all = test_arena();
    yyjson_val *entries = read_index(all);
    struct tally tally = {0};
    size_t i, n;
    yyjson_val *entry;

    (void)state;
    yyjson_arr_foreach(entries, i, n, entry)
    {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct row row = {.file = json_text(json_get(entry, "file")),
                          .entry = entry,
                          .expect = json_get(entry, "expect")};

        if (strcmp(json_text(json_get(entry, "kind")), "eventlog") == 0) {
            check_log(arena, &row, entries, &tally);
            row_done(&row, &tally);
        }
    }
    print_message("%u logs: %u read, %u refused, %u no log; %u register values and %u facts "
                  "agree\n",
                  tally.files, tally.read, tally.refused, tally.no_log, tally.registers,
                  tally.facts);
    assert_int_equal(tally.files, 55);
    assert_int_equal(tally.read + tally.refused + tally.no_log, 55);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_public_log_as_expected_B_14),
        cmocka_unit_test(does_not_invent_missing_events_L_14),
    };

    return RUN_TESTS(tests);
}
