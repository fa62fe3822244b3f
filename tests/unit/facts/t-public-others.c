/*
 * The rest of the public corpus: IMA lists, a canonical log, an ACPI table, databases and updates
 * of Secure Boot (SB-11 to SB-13), and what two other programs print for nine of the logs. One line
 * is printed for each file.
 */
#include "unit/facts/public.h"

#include "base/codec.h"
#include "eventlog/cel.h"
#include "eventlog/file-kind.h"
#include "eventlog/ima.h"
#include "uefi/subject.h"

#include <stdlib.h>

/* Two of these end with one byte of a next record; one is a list for PCR 13. */
static void check_ima(struct arena *arena, struct row *row, struct tally *tally)
{
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
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct span bytes = test_public_file(arena, arena_printf(arena, "eventlogs/%s", row->file));
    struct eventlog *log = NULL;
    struct ima_summary sum = {0};
    struct trail trail = {0};
    size_t i = 0;
    err_t err;

    while (i < ARRAY_LEN(lists) && strcmp(lists[i].file, row->file) != 0) {
        i++;
    }
    assert_true(i < ARRAY_LEN(lists));
    assert_true(eventlog_read(arena, bytes, NULL, &log) != ERR_OK); /* no log of a firmware */
    assert_non_null(strstr(file_kind_words(arena, bytes), "IMA measurement list"));
    assert_err(ima_replay(span_cut(bytes, 0, bytes.len - 1), HASH_SHA1, IMA_EXTEND_HASH, hasher,
                          NULL, &sum),
               lists[i].without_last_byte);
    err = ima_replay(bytes, HASH_SHA1, IMA_EXTEND_HASH, hasher, &trail, &sum);
    assert_err(err, lists[i].whole);
    assert_int_equal(sum.violations, lists[i].violations);
    row->facts += 5;
    if (err) {
        say_refused(row, err, &trail);
        tally->refused++;
        return;
    }
    snprintf(row->outcome, sizeof(row->outcome), "read, %u records, %u violations", sum.records,
             sum.violations);
    tally->read++;
}

static void check_cel(struct arena *arena, struct row *row, struct tally *tally)
{
    static const uint8_t zeros[SHA384_BYTES];
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct span bytes = test_public_file(arena, arena_printf(arena, "eventlogs/%s", row->file));
    struct cel *cel = NULL;
    uint8_t value[HASH_MAX_BYTES];

    assert_true(cel_is_likely(bytes));
    assert_ok(cel_read(arena, bytes, NULL, &cel));
    for (size_t i = 0; i < cel->n; i++) {
        bool covered = false;

        assert_int_equal(cel->records[i].number, i);
        assert_string_equal(cel_register_name(arena, &cel->records[i]), "RTMR3");
        assert_int_equal(cel->records[i].content_type, CEL_CONTENT_COS);
        assert_non_null(cel_cos_name(cel->records[i].inner_type));
        assert_ok(cel_is_covered(&cel->records[i], hasher, &covered));
        assert_true(covered);
        row->facts += 4;
    }
    assert_ok(cel_replay(cel, CEL_CCMR, 4, HASH_SHA384, span_of(zeros, sizeof(zeros)), hasher, NULL,
                         value));
    /* Computed independently from the file. */
    assert_true(span_equal(
        span_of(value, SHA384_BYTES),
        test_hex(arena, "2261f93374ed538b35e7e93c540a1562ccb25d14f6c40a1efea03d329e29a97172d84e15"
                        "2344af4a7188d0c8b9fcabeb")));
    row->registers++;
    assert_true(span_starts(cel->records[0].inner, "us-west1-docker.pkg.dev/"));
    snprintf(row->outcome, sizeof(row->outcome), "read, %zu records of RTMR3, all authentic",
             cel->n);
    tally->read++;
}

static void check_acpi(struct arena *arena, struct row *row, struct tally *tally)
{
    struct span bytes = test_public_file(arena, arena_printf(arena, "eventlogs/%s", row->file));
    struct acpi_ccel ccel = {0};
    struct eventlog *log = NULL;
    struct trail trail = {0};

    assert_ok(acpi_ccel_read(bytes, &ccel));
    assert_string_equal(wanted_text(row, "cc_type"), "TDX");
    assert_int_equal(ccel.type, 2);
    assert_int_equal(ccel.bytes, yyjson_get_uint(json_get(row->expect, "log_len")));
    assert_non_null(strstr(file_kind_words(arena, bytes), "TDX guest has room for 65536 bytes"));
    row->facts += 3;
    say_refused(row, eventlog_read(arena, bytes, &trail, &log), &trail);
    snprintf(row->outcome, sizeof(row->outcome), "a table, not a log: %llu bytes of TDX at 0x%llx",
             (unsigned long long)ccel.bytes, (unsigned long long)ccel.address);
    tally->refused++;
}

static void reads_lists_canonical_logs_and_tables(void **state)
{
    test_needs_public_data();

    CLEANUP(arena_free) struct arena *all = test_arena();
    struct tally tally = {0};
    size_t i, n;
    yyjson_val *entry;

    (void)state;
    yyjson_arr_foreach(read_index(all), i, n, entry)
    {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        const char *kind = json_text(json_get(entry, "kind"));
        struct row row = {.file = json_text(json_get(entry, "file")),
                          .entry = entry,
                          .expect = json_get(entry, "expect")};

        if (strcmp(kind, "ima") == 0) {
            check_ima(arena, &row, &tally);
        } else if (strcmp(kind, "cel") == 0) {
            check_cel(arena, &row, &tally);
        } else if (strcmp(kind, "acpi") == 0) {
            check_acpi(arena, &row, &tally);
        } else {
            continue;
        }
        row_done(&row, &tally);
    }
    assert_int_equal(tally.files, 6);
    assert_int_equal(tally.read + tally.refused, 6);
}

/* ---- Secure Boot: lists as firmware keeps them, and signed updates ---- */

enum { AUTH_TIME = 16, EFIVARS_ATTRIBUTES = 4 };

/* Entries by kind, counted independently from the bytes. */
static const struct {
    const char *file;
    size_t skip; /* attributes of efivarfs; SIZE_MAX: time and signature of an update */
    unsigned x509, sha256;
} lists[] = {
    {"msft-amd64-DBXUpdate.bin", SIZE_MAX, 0, 443},
    {"msft-x86-DBXUpdate.bin", SIZE_MAX, 0, 45},
    {"msft-DBX-DBXUpdate2024.bin", SIZE_MAX, 1, 3},
    {"msft-amd64-DBUpdate2024.bin", SIZE_MAX, 1, 0},
    {"msft-amd64-DBUpdate3P2023.bin", SIZE_MAX, 1, 0},
    {"msft-Dell-KEKUpdate_Dell_PK1.bin", SIZE_MAX, 1, 0},
    {"go-tpm-tools-dbxupdate-2014-08-11.bin", SIZE_MAX, 0, 13},
    {"go-tpm-tools-dbxupdate_x64-2020-10-12.bin", SIZE_MAX, 3, 183},
    {"go-efilib-MS-2016-08-08.bin", SIZE_MAX, 0, 77},
    {"efilib-1.siglist", 0, 1, 0},
    {"efilib-3.siglist", 0, 3, 0},
    {"efilib-4.siglist", 0, 1, 77},
    {"shim-efivars0-db-d719b2cb-3d3a-4596-a3bc-dad00e67656f", EFIVARS_ATTRIBUTES, 6, 5},
    {"shim-efivars0-dbx-d719b2cb-3d3a-4596-a3bc-dad00e67656f", EFIVARS_ATTRIBUTES, 0, 77},
    {"shim-efivars0-dbDefault-8be4df61-93ca-11d2-aa0d-00e098032b8c", EFIVARS_ATTRIBUTES, 5, 5},
    {"shim-efivars0-dbxDefault-8be4df61-93ca-11d2-aa0d-00e098032b8c", EFIVARS_ATTRIBUTES, 0, 77},
};

static struct span list_in(struct arena *arena, size_t at)
{
    struct span bytes =
        test_public_file(arena, arena_printf(arena, "eventlogs/secureboot/%s", lists[at].file));
    size_t skip = lists[at].skip;

    assert_true(bytes.len > AUTH_TIME + 4);
    if (skip == SIZE_MAX) {
        skip = AUTH_TIME + (bytes.data[16] | (size_t)bytes.data[17] << 8);
        assert_non_null(strstr(file_kind_words(arena, bytes), "signed update"));
    } else {
        assert_non_null(strstr(file_kind_words(arena, bytes), "signature database"));
    }
    assert_true(skip < bytes.len);
    return span_cut(bytes, skip, bytes.len);
}

static void reads_databases_and_updates_SB_11_SB_12(void **state)
{
    test_needs_public_data();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct siglist_iter iter;
        struct siglist_entry entry = {0};
        unsigned x509 = 0;
        unsigned sha256 = 0;
        err_t err;

        siglist_begin(&iter, list_in(arena, i));
        while ((err = siglist_next(&iter, &entry)) == ERR_OK) {
            if (entry.kind == SIGLIST_X509) {
                const char *subject = NULL;

                assert_ok(subject_of(arena, entry.data, &subject));
                assert_true(subject[0] != '\0');
                x509++;
            } else {
                assert_int_equal(entry.kind, SIGLIST_SHA256);
                sha256++;
            }
        }
        assert_err(err, ERR_END);
        assert_int_equal(x509, lists[i].x509);
        assert_int_equal(sha256, lists[i].sha256);
        print_message("%-62s %u certificates, %u digests\n", lists[i].file, x509, sha256);
    }
}

/* SB-13: the official list, as the vendor publishes it in words, is what the update holds. */
static void the_update_holds_the_published_digests_SB_13(void **state)
{
    test_needs_public_data();

    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct span dbx = list_in(arena, 0);
    struct span text =
        test_public_file(arena, "eventlogs/secureboot/msft-DBX-dbx_info_msft_latest.json");
    yyjson_val *root = NULL;
    yyjson_val *images;
    yyjson_val *image;
    unsigned found = 0;
    size_t i, n;

    (void)state;
    assert_ok(json_read(arena, text, NULL, NULL, &root));
    images = json_get(json_get(root, "images"), "x64");
    yyjson_arr_foreach(images, i, n, image)
    {
        const char *hex = json_text(json_get(image, "authenticodeHash"));

        assert_non_null(hex);
        found += siglist_contains(dbx, SIGLIST_SHA256, test_hex(arena, hex)) ? 1 : 0;
    }
    assert_int_equal(n, 443);
    assert_int_equal(found, 443);
}

/* ---- what other programs print ---- */

/* tpm2_eventlog: types in order, and the values of the registers. */
static void agrees_with_tpm2_eventlog(void **state)
{
    test_needs_public_data();

    static const char *const files[] = {
        "tpm2-tools-event-bootorder.bin", "tpm2-tools-event-moklisttrusted.bin",
        "tpm2-tools-event-uefi-sha1-log.bin", "tpm2-tools-event-uefiaction.bin",
        "tpm2-tools-event-uefivar.bin"};

    (void)state;
    for (size_t f = 0; f < ARRAY_LEN(files); f++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
        struct span text =
            test_public_file(arena, arena_printf(arena, "eventlogs/expected/%s.yaml", files[f]));
        struct eventlog *log = logs_read(
            arena, test_public_file(arena, arena_printf(arena, "eventlogs/logs/%s", files[f])));
        char *copy = (char *)arena_alloc(arena, text.len + 1);
        struct eventlog_registers regs = {.bank = HASH_NONE};
        bool in_registers = false;
        size_t event = 0;
        unsigned registers = 0;
        char *rest = copy;
        char *line;

        assert_non_null(copy);
        memcpy(copy, text.data, text.len);
        copy[text.len] = '\0';
        while ((line = strsep(&rest, "\n")) != NULL) {
            const char *type = strstr(line, "  EventType: ");
            char *value = strstr(line, ": 0x");

            if (strcmp(line, "pcrs:") == 0) {
                in_registers = true;
            } else if (!in_registers && type == line) {
                assert_true(event < log->n_events);
                assert_string_equal(type + 13,
                                    eventlog_type_name(arena, log->events[event++].type));
            } else if (in_registers && value == NULL && line[0] == ' ') {
                char *colon = strchr(line, ':');

                assert_non_null(colon);
                *colon = '\0';
                assert_ok(eventlog_replay(log, hash_by_name(line + 2), hasher, NULL, &regs));
            } else if (in_registers && value != NULL) {
                unsigned at = (unsigned)strtoul(line, NULL, 10);
                struct span want = test_hex(arena, value + 4);

                assert_true(span_equal(want, span_of(regs.value[at], hash_size(regs.bank))));
                registers++;
            }
        }
        assert_int_equal(event, log->n_events);
        print_message("%-44s %zu events and %u registers agree with tpm2_eventlog\n", files[f],
                      event, registers);
    }
}

/* trustee: register, type and digest of each event; where it says that the digest is of the event's
 * data, so do we. */
static void agrees_with_trustee_on_logs_of_confidential_vms(void **state)
{
    test_needs_public_data();

    static const char *const files[] = {"trustee-CCEL_data_ovmf", "trustee-CCEL_data_grub",
                                        "trustee-CCEL_data_grub_gke", "trustee-CCEL_data_csv"};

    (void)state;
    for (size_t f = 0; f < ARRAY_LEN(files); f++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_made made = logs_facts(
            arena, test_public_file(arena, arena_printf(arena, "eventlogs/logs/%s", files[f])));
        yyjson_val *root = NULL;
        yyjson_val *events;
        yyjson_val *want;
        unsigned matching = 0;
        size_t i, n;

        assert_ok(
            json_read(arena,
                      test_public_file(
                          arena, arena_printf(arena, "eventlogs/expected/%s_out.json", files[f])),
                      NULL, NULL, &root));
        events = json_get(root, "uefi_event_logs");
        assert_int_equal(yyjson_arr_size(events), made.log->n_events - 1); /* without the header */
        yyjson_arr_foreach(events, i, n, want)
        {
            const struct reading *r = &made.readings->items[i + 1];
            yyjson_val *digest = yyjson_arr_get(json_get(want, "digests"), 0);

            assert_int_equal(yyjson_get_uint(json_get(want, "index")), r->event->pcr);
            assert_string_equal(json_text(json_get(want, "type_name")),
                                eventlog_type_name(arena, r->event->type));
            assert_true(span_equal(test_hex(arena, json_text(json_get(digest, "digest"))),
                                   r->event->digest[0]));
            if (yyjson_get_bool(json_get(want, "digest_matches_event")) &&
                made.log->banks[0].hash != HASH_NONE) {
                assert_int_equal(r->match, READING_MATCHES);
                matching++;
            }
        }
        print_message("%-44s %zu events agree with trustee, %u of them authentic\n", files[f], n,
                      matching);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_lists_canonical_logs_and_tables),
        cmocka_unit_test(reads_databases_and_updates_SB_11_SB_12),
        cmocka_unit_test(the_update_holds_the_published_digests_SB_13),
        cmocka_unit_test(agrees_with_tpm2_eventlog),
        cmocka_unit_test(agrees_with_trustee_on_logs_of_confidential_vms),
    };

    return RUN_TESTS(tests);
}
