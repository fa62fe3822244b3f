/*
 * B-13: two Windows boots compared. Counters are no change; everything else that Windows measured
 * is one, and only files replaced under the same keys explain themselves.
 */
#include "unit/appraise/compare.h"
#include "unit/facts/windows.h"

/* The same machine, one boot later. */
static struct windows_boot *next_boot(struct arena *arena)
{
    struct windows_boot *boot = windows_boot(arena);

    windows_set_in(boot, WINDOWS_MANAGER, 12, SIPA_BOOT_COUNTER, 118);
    windows_set_in(boot, WINDOWS_MANAGER, 12, SIPA_EVENT_COUNTER, 3400);
    return boot;
}

static struct compared compare_boots(const struct windows_boot *before,
                                     const struct windows_boot *after)
{
    return compare(before->arena, windows_boot_facts(before), windows_boot_facts(after));
}

static struct compared compare_next(const struct windows_boot *after)
{
    return compare_boots(windows_boot(after->arena), after);
}

static void expect_only(const struct compared *changes, enum reason_code code, const char *text,
                        const char *explanation)
{
    const struct change *change = find(changes, code);

    assert_int_equal(changes->n, 1);
    assert_false(change->is_explained);
    if (strstr(change->text, text) == NULL || strstr(change->explanation, explanation) == NULL) {
        fail_msg("wanted '%s' (%s), got '%s' (%s)", text, explanation, change->text,
                 change->explanation);
    }
}

/* ---- unexplained ---- */

static void every_setting_that_differs_is_a_change_B_13(void **state)
{
    static const struct {
        uint32_t id;
        uint64_t value;
        const char *text;
    } cases[] = {
        {0x00020005, 0x40, "BitLocker unlock: TPM \xe2\x86\x92 recovery key"},
        {0x00050021, 1, "flight signing: off \xe2\x86\x92 on"},
        {0x00020009, 2, "security version of the application"},
        {0x0002000b, 7, "status of the memory overwrite request: 0 \xe2\x86\x92 7"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct windows_boot *before = windows_boot(arena);
        struct windows_boot *after = next_boot(arena);
        struct compared changes;

        windows_add_both(before, WINDOWS_MANAGER, 0x00020009, 4, 1);
        windows_add_both(after, WINDOWS_MANAGER, 0x00020009, 4, 1);
        windows_set(after, WINDOWS_MANAGER, cases[i].id, cases[i].value);
        changes = compare_boots(before, after);
        expect_only(&changes, REASON_CHANGE_OS_SETTINGS, cases[i].text, "only an approval");
        assert_int_equal(changes.items[0].pcrs, 1u << 12 | 1u << 13);
    }
}

/* Each record of each event, given another value, or left out, or doubled. */
static void no_record_is_skipped_but_those_of_one_boot_B_13(void **state)
{
    CLEANUP(arena_free) struct arena *outer = test_arena();
    struct windows_boot *model = windows_boot(outer);
    size_t n_skipped = 0;

    (void)state;
    for (int stage = 0; stage < WINDOWS_STAGES; stage++) {
        for (int side = 0; side < 2; side++) {
            for (size_t i = 0; i < model->stage[stage][side].n; i++) {
                CLEANUP(arena_free) struct arena *arena = test_arena();
                struct windows_boot *after = next_boot(arena);
                struct windows_stage *at = &after->stage[stage][side];
                struct compared changes;

                at->record[i].value ^= 3;
                changes = compare_next(after);
                if (at->record[i].id == SIPA_BOOT_COUNTER ||
                    at->record[i].id == SIPA_EVENT_COUNTER) {
                    assert_int_equal(changes.n, 0);
                    n_skipped++;
                } else {
                    assert_true(unexplained(&changes) > 0);
                    at->record[i] = at->record[--at->n];
                    changes = compare_next(after);
                    assert_true(unexplained(&changes) > 0);
                }
            }
        }
    }
    assert_int_equal(n_skipped, 2);
}

static void records_of_unknown_meaning_are_compared_B_13(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct windows_boot *after = next_boot(arena);
    struct compared changes;

    (void)state;
    windows_add_both(after, WINDOWS_LOADER, 0x00057777, 4, 0x01020304);
    changes = compare_next(after);
    expect_only(&changes, REASON_CHANGE_UNKNOWN, "record 0x00057777: nothing \xe2\x86\x92 04030201",
                "no rule");
}

static void other_antimalware_is_a_change_B_13(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct windows_boot *after = next_boot(arena);
    struct compared changes;

    (void)state;
    after->elam = "Other";
    changes = compare_next(after);
    expect_only(&changes, REASON_CHANGE_OS_SETTINGS,
                "ELAM driver: Windows Defender \xe2\x86\x92 Other", "only an approval");
    after->elam = NULL;
    changes = compare_next(after);
    expect_only(&changes, REASON_CHANGE_OS_SETTINGS, "Windows Defender \xe2\x86\x92 nothing",
                "only an approval");
}

static void other_keys_never_explain_themselves_B_13(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct windows_boot *after = next_boot(arena);
    struct compared changes;

    (void)state;
    after->authority[WINDOWS_LOADER] = 0x99;
    changes = compare_next(after);
    expect_only(&changes, REASON_CHANGE_KEYS, "public key of an authority: 8181",
                "keys never explain");
    /* nor what they signed */
    after->module_digest[WINDOWS_LOADER][0] = 0x66;
    changes = compare_next(after);
    expect(&changes, REASON_CHANGE_KEYS, false);
    expect(&changes, REASON_CHANGE_KERNEL, false);
}

static void only_replaced_files_explain_themselves_B_13(void **state)
{
    enum {
        ADDED,
        REMOVED,
        RENAMED,
        NOT_VALIDATED,
        UNSIGNED,
        TESTING,
        LOWERED,
        NO_SVN,
        NO_KEYS,
        KINDS
    };
    static const char *const why[KINDS] = {
        [ADDED] = "more was loaded",
        [REMOVED] = "less was loaded",
        [RENAMED] = "other files",
        [NOT_VALIDATED] = "without being validated",
        [UNSIGNED] = "the log has faults",
        [TESTING] = "the log has faults",
        [LOWERED] = "security version",
        [NO_SVN] = "security version",
        [NO_KEYS] = "PCR 14",
    };

    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct windows_boot *after = next_boot(arena);
        struct logs_edit *edit;
        struct compared changes;

        after->module_digest[WINDOWS_LOADER][0] = 0x66;
        switch (kind) {
        case ADDED:
            after->module[WINDOWS_LOADER][2] = "\\WINDOWS\\System32\\drivers\\vulnerable.sys";
            break;
        case REMOVED:
            after->module[WINDOWS_LOADER][1] = NULL;
            break;
        case RENAMED:
            after->module[WINDOWS_LOADER][0] = "\\WINDOWS\\System32\\other.exe";
            break;
        case NOT_VALIDATED:
            after->is_validated = false;
            break;
        case UNSIGNED:
            windows_set(after, WINDOWS_LOADER, 0x00050002, 0);
            break;
        case TESTING:
            windows_set(after, WINDOWS_LOADER, 0x00050003, 1);
            break;
        case LOWERED:
            after->svn = 1;
            break;
        case NO_SVN:
            after->svn = -1;
            break;
        default:
            break;
        }
        edit = windows_log(arena, after, NULL);
        for (size_t i = edit->n; kind == NO_KEYS && i > 0; i--) {
            if (edit->items[i - 1].pcr == 14) {
                logs_drop(edit, i - 1);
            }
        }
        changes = compare(arena, windows_boot_facts(windows_boot(arena)), logs_edited_facts(edit));
        expect(&changes, REASON_CHANGE_KERNEL, false);
        if (strstr(find(&changes, REASON_CHANGE_KERNEL)->explanation, why[kind]) == NULL) {
            fail_msg("wanted '%s', got '%s'", why[kind],
                     find(&changes, REASON_CHANGE_KERNEL)->explanation);
        }
    }
}

/* What was not read whole is compared event by event. */
static void a_boot_that_is_not_whole_is_a_change_of_unknown_B_13(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    size_t first = 0;
    struct logs_edit *edit = windows_log(arena, next_boot(arena), &first);
    struct compared changes;

    (void)state;
    logs_drop(edit, first + WINDOWS_AT_CAPS);
    changes = compare(arena, windows_boot_facts(windows_boot(arena)), logs_edited_facts(edit));
    expect(&changes, REASON_CHANGE_UNKNOWN, false);
}

/* What the running system appends is a difference of the register. */
static void events_behind_the_separators_are_a_change_B_13(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = windows_log(arena, next_boot(arena), NULL);
    struct compared changes;

    (void)state;
    logs_insert(edit, edit->n, 12, EV_EVENT_TAG, windows_one(arena, 0x00040001, span_of("", 1)));
    changes = compare(arena, windows_boot_facts(windows_boot(arena)), logs_edited_facts(edit));
    expect(&changes, REASON_CHANGE_UNKNOWN, false);
    assert_int_equal(changes.n, 1);
}

/* PCR 0 follows the shape alone only when nothing else changed. */
static void a_change_of_windows_is_no_change_of_shape_B_13(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct windows_boot *after = next_boot(arena);
    struct logs_edit *edit;
    struct compared changes;

    (void)state;
    windows_set(after, WINDOWS_LOADER, 0x00050021, 1);
    edit = windows_log(arena, after, NULL);
    logs_measure(edit, logs_find(edit, 0, EV_EFI_PLATFORM_FIRMWARE_BLOB), span_str("other"));
    changes = compare_with(arena, windows_boot_facts(windows_boot(arena)), logs_edited_facts(edit),
                           ALL_PCRS, true);
    expect(&changes, REASON_CHANGE_FIRMWARE, false);
    expect(&changes, REASON_CHANGE_OS_SETTINGS, false);
}

/* ---- explained ---- */

static void counters_are_no_change_B_13(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct compared changes = compare_next(next_boot(arena));

    (void)state;
    assert_int_equal(changes.n, 0);
}

static void a_file_replaced_under_the_same_keys_is_explained_B_13(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct windows_boot *after = next_boot(arena);
    struct compared changes;

    (void)state;
    after->module_digest[WINDOWS_LOADER][0] = 0x66;
    after->module_digest[WINDOWS_MANAGER][0] = 0x67;
    after->module[WINDOWS_LOADER][0] = "\\Windows\\system32\\NTOSKRNL.exe"; /* the same file */
    after->svn = 3;
    changes = compare_next(after);
    assert_int_equal(changes.n, 1);
    expect(&changes, REASON_CHANGE_KERNEL, true);
    assert_non_null(strstr(changes.items[0].text, "ntoskrnl.exe 202020202020"));
    assert_non_null(strstr(changes.items[0].text, "NTOSKRNL.exe 666666666666"));
}

static void the_same_real_boot_is_no_change_B_13(void **state)
{
    test_needs_public_data();

    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct span bytes =
        test_public_file(arena, "eventlogs/logs/python3-uefi-eventlog-ideapad1.bin");
    struct compared changes =
        compare(arena, logs_facts(arena, bytes).facts, logs_facts(arena, bytes).facts);

    (void)state;
    assert_int_equal(changes.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_setting_that_differs_is_a_change_B_13),
        cmocka_unit_test(no_record_is_skipped_but_those_of_one_boot_B_13),
        cmocka_unit_test(records_of_unknown_meaning_are_compared_B_13),
        cmocka_unit_test(other_antimalware_is_a_change_B_13),
        cmocka_unit_test(other_keys_never_explain_themselves_B_13),
        cmocka_unit_test(only_replaced_files_explain_themselves_B_13),
        cmocka_unit_test(a_boot_that_is_not_whole_is_a_change_of_unknown_B_13),
        cmocka_unit_test(events_behind_the_separators_are_a_change_B_13),
        cmocka_unit_test(a_change_of_windows_is_no_change_of_shape_B_13),
        cmocka_unit_test(counters_are_no_change_B_13),
        cmocka_unit_test(a_file_replaced_under_the_same_keys_is_explained_B_13),
        cmocka_unit_test(the_same_real_boot_is_no_change_B_13),
    };

    return RUN_TESTS(tests);
}
