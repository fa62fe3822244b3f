/*
 * B-13: facts of a Windows boot come from what was measured before Windows' own separators, whole,
 * and absent is never good.
 */
#include "unit/facts/windows.h"

/* No flag has its good value, whatever else is known. */
static void expect_nothing_good(const struct boot_facts *facts)
{
    assert_non_null(facts->windows);
    assert_false(facts->windows->is_whole);
    for (size_t i = 0; i < ARRAY_LEN(windows_needed); i++) {
        assert_int_not_equal(facts->windows->flag[windows_needed[i]],
                             windows_good(windows_needed[i]));
    }
    assert_int_not_equal(windows_hypervisor_debugging(facts->windows), STATE_NO);
}

/* ---- what was not measured, or by whom it is not known ---- */

static void changed_data_takes_every_good_value_away_B_13_D_1(void **state)
{
    static const size_t events[] = {WINDOWS_AT_MANAGER, WINDOWS_AT_MANAGER + 1, WINDOWS_AT_LOADER,
                                    WINDOWS_AT_LOADER + 1};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        size_t first = 0;
        struct logs_edit *edit = windows_log(arena, windows_boot(arena), &first);
        struct span *data = &edit->items[first + events[i]].data;
        struct span copy = arena_dup(arena, *data);

        ((uint8_t *)(uintptr_t)copy.data)[copy.len / 2] ^= 1;
        *data = copy;
        expect_nothing_good(logs_edited_facts(edit));
        logs_expect(logs_edited_facts(edit), FINDING_EVENT_DIGEST, WEIGHT_FAULT, "D-1");
    }
}

/* A boot program said "debugging"; the log calls that event something else. */
static void a_relabelled_event_hides_nothing_B_13_D_2(void **state)
{
    static const uint32_t types[] = {EV_IPL, EV_COMPACT_HASH, EV_UNUSED, EV_SEPARATOR, 0x40e};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct windows_boot *boot = windows_boot(arena);
        struct logs_edit *edit;
        size_t first = 0;

        windows_set(boot, WINDOWS_LOADER, 0x00040001, 1);
        edit = windows_log(arena, boot, &first);
        edit->items[first + WINDOWS_AT_LOADER].type = types[i];
        edit->items[first + WINDOWS_AT_LOADER + 1].type = types[i];
        expect_nothing_good(logs_edited_facts(edit));
        logs_expect(logs_edited_facts(edit), FINDING_EVENT_TYPE, WEIGHT_FAULT, "D-2");
    }
}

/* Without its separator a register is open to the running system. */
static void an_open_register_tells_nothing_good_B_13(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        size_t first = 0;
        struct logs_edit *edit = windows_log(arena, windows_boot(arena), &first);

        logs_drop(edit, first + WINDOWS_AT_CAPS + i);
        expect_nothing_good(logs_edited_facts(edit));
        logs_expect(logs_edited_facts(edit), FINDING_WINDOWS_RECORD, WEIGHT_NOTE, "B-13");
    }
}

/* The events of PCR 12, of 13, or of both are not there: nobody attested them. */
static void a_register_that_is_missing_tells_nothing_good_B_13(void **state)
{
    (void)state;
    for (uint32_t missing = 12; missing <= 13; missing++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = windows_log(arena, windows_boot(arena), NULL);

        for (size_t i = edit->n; i > 0; i--) {
            if (edit->items[i - 1].pcr == missing) {
                logs_drop(edit, i - 1);
            }
        }
        expect_nothing_good(logs_edited_facts(edit));
    }
}

/* The running system appends the answer that is wanted. */
static void what_stands_behind_the_separator_is_not_looked_at_B_13_B_10(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct windows_boot *boot = windows_boot(arena);
    struct windows_boot *lie = windows_boot(arena);
    struct logs_edit *edit;
    const struct boot_facts *facts;
    size_t first = 0;

    (void)state;
    windows_forget(boot, 0x00050001);
    windows_set(boot, WINDOWS_LOADER, 0x00050003, 1);
    edit = windows_log(arena, boot, &first);
    logs_insert(edit, edit->n, 12, EV_EVENT_TAG, windows_stage_bytes(lie, WINDOWS_LOADER, 12));
    logs_insert(edit, edit->n, 13, EV_EVENT_TAG, windows_stage_bytes(lie, WINDOWS_LOADER, 13));
    facts = logs_edited_facts(edit);
    assert_int_equal(facts->windows->flag[WINDOWS_KERNEL_DEBUGGING], STATE_UNKNOWN);
    assert_int_equal(facts->windows->flag[WINDOWS_TEST_SIGNING], STATE_YES);
    assert_int_equal(logs_count(facts, FINDING_WINDOWS_LATE, WEIGHT_NOTE), 2);
    /* And calls the genuine separators something else: their digests tell. */
    for (size_t i = 0; i < 3; i++) {
        edit->items[first + WINDOWS_AT_CAPS + i].type = EV_EVENT_TAG;
        edit->items[first + WINDOWS_AT_CAPS + i].data = span_str("x");
    }
    facts = logs_edited_facts(edit);
    assert_int_equal(facts->windows->flag[WINDOWS_KERNEL_DEBUGGING], STATE_UNKNOWN);
    assert_int_equal(facts->windows->flag[WINDOWS_TEST_SIGNING], STATE_YES);
}

static void what_was_never_extended_is_no_fact_B_13_L_6(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct windows_boot *boot = windows_boot(arena);
    struct logs_edit *edit;
    size_t first = 0;

    (void)state;
    windows_forget(boot, 0x00050001);
    edit = windows_log(arena, boot, &first);
    logs_insert(edit, first + WINDOWS_AT_LOADER, 12, EV_NO_ACTION,
                windows_one(arena, 0x00050001, span_of("", 1)));
    assert_int_equal(logs_edited_facts(edit)->windows->flag[WINDOWS_KERNEL_DEBUGGING],
                     STATE_UNKNOWN);
}

static void a_setting_that_was_not_measured_is_unknown_B_13_S_3(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(windows_needed); i++) {
        static const uint32_t ids[] = {0x00040001, 0x00050001, 0x00050003, 0x00050021,
                                       0x00050002, 0x00050005, 0x00050006};
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct windows_boot *boot = windows_boot(arena);
        const struct boot_facts *facts;

        windows_forget(boot, ids[i]);
        facts = windows_boot_facts(boot);
        assert_true(facts->windows->is_whole);
        for (size_t k = 0; k < ARRAY_LEN(windows_needed); k++) {
            assert_int_equal(facts->windows->flag[windows_needed[k]],
                             k == i ? STATE_UNKNOWN : windows_good(windows_needed[k]));
        }
    }
}

/* ---- bad states ---- */

static void each_bad_state_is_found_B_13(void **state)
{
    static const struct {
        uint32_t id;
        uint64_t value;
        enum windows_setting flag;
        enum finding_code code;
    } cases[] = {
        {0x00040001, 1, WINDOWS_BOOT_DEBUGGING, FINDING_WINDOWS_DEBUGGING},
        {0x00050001, 1, WINDOWS_KERNEL_DEBUGGING, FINDING_WINDOWS_DEBUGGING},
        {0x00050003, 1, WINDOWS_TEST_SIGNING, FINDING_WINDOWS_TEST_SIGNING},
        {0x00050002, 0, WINDOWS_CODE_INTEGRITY, FINDING_WINDOWS_CODE_INTEGRITY},
        {0x00050005, 1, WINDOWS_SAFE_MODE, FINDING_WINDOWS_SAFE_MODE},
        {0x00050006, 1, WINDOWS_WINPE, FINDING_WINDOWS_PE},
        {0x00050006, 0xff, WINDOWS_WINPE, FINDING_WINDOWS_PE}, /* not 1, and not "no" */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct windows_boot *boot = windows_boot(arena);
        const struct boot_facts *facts;

        windows_set(boot, WINDOWS_LOADER, cases[i].id, cases[i].value);
        facts = windows_boot_facts(boot);
        assert_int_not_equal(facts->windows->flag[cases[i].flag], windows_good(cases[i].flag));
        assert_int_not_equal(facts->windows->flag[cases[i].flag], STATE_UNKNOWN);
        assert_int_equal(logs_count(facts, cases[i].code, WEIGHT_BAD), 1);
    }
}

static void a_hypervisors_debugger_counts_when_there_is_one_B_13(void **state)
{
    static const struct {
        bool has_record;
        uint64_t debugging, launch;
        enum tristate wanted;
    } cases[] = {
        {false, 0, 0, STATE_NO}, {false, 0, 1, STATE_UNKNOWN}, {true, 0, 1, STATE_NO},
        {true, 1, 1, STATE_YES}, {true, 1, 0, STATE_YES},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct windows_boot *boot = windows_boot(arena);
        const struct boot_facts *facts;

        windows_set(boot, WINDOWS_LOADER, 0x0005000a, cases[i].launch);
        if (cases[i].has_record) {
            windows_add_both(boot, WINDOWS_LOADER, 0x0005000d, 1, cases[i].debugging);
        }
        facts = windows_boot_facts(boot);
        assert_int_equal(windows_hypervisor_debugging(facts->windows), cases[i].wanted);
        assert_int_equal(logs_count(facts, FINDING_WINDOWS_DEBUGGING, WEIGHT_BAD),
                         cases[i].wanted == STATE_YES);
    }
}

static void recorded_failures_are_bad_B_13(void **state)
{
    static const uint32_t ids[] = {SIPA_FIRMWARE_FAILURE, SIPA_TPM_FAILURE, SIPA_INTERNAL_FAILURE};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct windows_boot *boot = windows_boot(arena);
        const struct boot_facts *facts;

        windows_add(boot, WINDOWS_LOADER, 12, ids[i], 4, 0xc0000001);
        facts = windows_boot_facts(boot);
        assert_int_equal(facts->windows->n_failures, 1);
        logs_expect(facts, FINDING_WINDOWS_FAILURE, WEIGHT_BAD, "B-13");
    }
}

static void an_image_that_was_not_validated_is_named_B_13_D_5(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct windows_boot *boot = windows_boot(arena);
    const struct boot_facts *facts;

    (void)state;
    boot->is_validated = false;
    boot->module[WINDOWS_LOADER][0] = "\\evil\x1b[2J\r\n.sys";
    facts = windows_boot_facts(boot);
    assert_int_equal(facts->windows->modules[1].validated, STATE_NO);
    assert_null(strchr(facts->windows->modules[1].path, 0x1b));
    assert_null(strchr(facts->windows->modules[1].path, '\n'));
    logs_expect(facts, FINDING_WINDOWS_MODULE, WEIGHT_NOTE, "B-13");
}

/* ---- contradictions ---- */

static void two_values_of_one_setting_are_found_B_13(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct windows_boot *boot = windows_boot(arena);
    const struct boot_facts *facts;

    (void)state;
    /* in PCR 12 and 13 */
    windows_set_in(boot, WINDOWS_LOADER, 13, 0x00050001, 1);
    facts = windows_boot_facts(boot);
    logs_expect(facts, FINDING_WINDOWS_CONTRADICTION, WEIGHT_FAULT, "B-13");
    assert_int_equal(facts->windows->flag[WINDOWS_KERNEL_DEBUGGING], STATE_YES);
    /* of a number, by which nothing is judged: both are told */
    boot = windows_boot(arena);
    windows_set_in(boot, WINDOWS_LOADER, 13, 0x00020005, 0x40);
    facts = windows_boot_facts(boot);
    assert_int_equal(logs_count(facts, FINDING_WINDOWS_CONTRADICTION, WEIGHT_FAULT), 0);
    logs_expect(facts, FINDING_WINDOWS_CONTRADICTION, WEIGHT_NOTE, "B-13");
    assert_int_equal(facts->windows->value[WINDOWS_BITLOCKER_UNLOCK].n, 2);
    /* in one event */
    boot = windows_boot(arena);
    windows_add_both(boot, WINDOWS_LOADER, 0x00050002, 1, 0);
    facts = windows_boot_facts(boot);
    logs_expect(facts, FINDING_WINDOWS_CONTRADICTION, WEIGHT_FAULT, "B-13");
    assert_int_equal(facts->windows->flag[WINDOWS_CODE_INTEGRITY], STATE_NO);
    /* of two programs: the boot manager has a debugger of its own */
    boot = windows_boot(arena);
    windows_set(boot, WINDOWS_MANAGER, 0x00040001, 1);
    facts = windows_boot_facts(boot);
    assert_int_equal(logs_count(facts, FINDING_WINDOWS_CONTRADICTION, WEIGHT_FAULT), 0);
    logs_expect(facts, FINDING_WINDOWS_CONTRADICTION, WEIGHT_NOTE, "B-13");
    assert_int_equal(facts->windows->flag[WINDOWS_BOOT_DEBUGGING], STATE_YES);
}

static void boot_counters_only_grow_B_13(void **state)
{
    static const struct {
        uint64_t first, second;
        bool is_fault;
    } cases[] = {{117, 118, false}, {0, 1, false}, {117, 117, true}, {118, 117, true}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct windows_boot *boot = windows_boot(arena);
        const struct boot_facts *facts;

        windows_set_in(boot, WINDOWS_MANAGER, 12, SIPA_BOOT_COUNTER, cases[i].first);
        windows_add(boot, WINDOWS_LOADER, 12, SIPA_BOOT_COUNTER, 8, cases[i].second);
        facts = windows_boot_facts(boot);
        assert_int_equal(logs_count(facts, FINDING_EVENT_ORDER, WEIGHT_FAULT), cases[i].is_fault);
    }
}

static void a_resume_from_hibernation_is_told_B_13(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct windows_boot *boot = windows_boot(arena);

    (void)state;
    assert_int_equal(windows_boot_facts(boot)->windows->resumed, STATE_NO);
    windows_set_in(boot, WINDOWS_MANAGER, 12, SIPA_TRANSFER_CONTROL, 2);
    assert_int_equal(windows_boot_facts(boot)->windows->resumed, STATE_YES);
    windows_forget(boot, SIPA_TRANSFER_CONTROL);
    assert_int_equal(windows_boot_facts(boot)->windows->resumed, STATE_UNKNOWN);
}

/* ---- malformed, and many ---- */

/* Measured by somebody, and not to be read: go-attestation 490, 506. */
static void a_malformed_event_tells_nothing_good_B_13_L_15(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(buf_done) struct buf nested = {0};
    size_t first = 0;
    struct logs_edit *edit = windows_log(arena, windows_boot(arena), &first);
    struct span genuine = edit->items[first + WINDOWS_AT_LOADER].data;
    struct span cases[4];

    (void)state;
    buf_init(&nested, 1024 * 1024);
    for (uint32_t i = 10000; i > 0; i--) {
        logs_u32(&nested, SIPA_TRUST_BOUNDARY);
        logs_u32(&nested, 8 * (i - 1));
    }
    cases[0] = buf_span(&nested);
    cases[1] = test_hex(arena, "01000140c90300000100040001000000"
                               "00");
    cases[2] = span_cut(genuine, 0, genuine.len - 1);
    cases[3] = windows_one(arena, 0x00050001, span_of("\0\0\0", 3)); /* no integer */
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        logs_set(edit, first + WINDOWS_AT_LOADER, cases[i]);
        expect_nothing_good(logs_edited_facts(edit));
        logs_expect(logs_edited_facts(edit), FINDING_WINDOWS_RECORD, WEIGHT_FAULT, "B-13");
    }
}

static void every_cut_of_an_event_tells_nothing_good_B_13(void **state)
{
    CLEANUP(arena_free) struct arena *outer = test_arena();
    size_t first = 0;
    struct logs_edit *edit = windows_log(outer, windows_boot(outer), &first);
    struct span genuine = edit->items[first + WINDOWS_AT_MANAGER + 1].data;

    (void)state;
    for (size_t len = 0; len < genuine.len; len++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();

        edit->arena = arena;
        logs_set(edit, first + WINDOWS_AT_MANAGER + 1, span_cut(genuine, 0, len));
        /* With nothing in it at all it is whole, and the loader's event still tells. */
        if (len > 0) {
            expect_nothing_good(logs_edited_facts(edit));
        }
    }
}

/* go-attestation 513: memory is bounded by what is in the log, and by a number of each kind. */
static void records_are_read_up_to_a_limit_L_15(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(buf_done) struct buf out = {0};
    size_t first = 0;
    struct logs_edit *edit = windows_log(arena, windows_boot(arena), &first);
    const struct boot_facts *facts;
    size_t before;

    (void)state;
    buf_init(&out, 1024 * 1024);
    for (size_t i = 0; i < 100000; i++) {
        windows_put(&out, SIPA_MODULE, (struct span){0});
    }
    logs_set(edit, first + WINDOWS_AT_LOADER + 1,
             windows_one(arena, SIPA_TRUST_BOUNDARY, buf_span(&out)));
    (void)logs_bytes(edit);
    before = arena_used(arena);
    facts = logs_edited_facts(edit);
    assert_true(arena_used(arena) - before < 4u * 1024 * 1024);
    assert_true(facts->windows->n_modules <= WINDOWS_MODULES + 3);
    expect_nothing_good(facts);
    logs_expect(facts, FINDING_WINDOWS_RECORD, WEIGHT_FAULT, "L-15");
}

static void a_record_of_unknown_meaning_is_counted_B_13(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct windows_boot *boot = windows_boot(arena);
    const struct boot_facts *facts;

    (void)state;
    windows_add_both(boot, WINDOWS_LOADER, 0x00057777, 3, 1);
    facts = windows_boot_facts(boot);
    assert_true(facts->windows->is_whole);
    assert_int_equal(facts->windows->n_unknown, 2);
    logs_expect(facts, FINDING_WINDOWS_RECORD, WEIGHT_NOTE, "B-13");
}

/* ---- a good one ---- */

static void a_good_boot_is_told_B_13(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *facts = windows_boot_facts(windows_boot(arena));
    const struct windows_facts *w = facts->windows;

    (void)state;
    logs_expect_clean(facts);
    assert_int_equal(facts->secure_boot, STATE_YES);
    assert_true(facts->is_windows && w->is_whole && w->are_authorities_whole);
    for (size_t i = 0; i < ARRAY_LEN(windows_needed); i++) {
        assert_int_equal(w->flag[windows_needed[i]], windows_good(windows_needed[i]));
    }
    assert_int_equal(w->value[WINDOWS_BOOT_COUNTER].value[0], 117);
    assert_string_equal(w->system_root, "\\WINDOWS");
    assert_int_equal(w->n_modules, 3);
    assert_string_equal(w->modules[0].path, "\\WINDOWS\\system32\\winload.efi");
    assert_string_equal(w->modules[0].algorithm, "sha256");
    assert_non_null(w->modules[2].loaded);
    assert_int_equal(w->n_authorities, 2);
    assert_int_equal(w->n_elam, 1);
    assert_string_equal(w->elam[0].name, "Windows Defender");
    assert_int_equal(w->elam[0].measured.len, 20);
}

/* A digest of PCR 12 without a description in PCR 13 is not lost, whatever its order. */
static void an_image_without_a_description_is_told_B_13(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct windows_boot *boot = windows_boot(arena);
    size_t first = 0;
    struct logs_edit *edit = windows_log(arena, boot, &first);
    const struct windows_facts *w;

    (void)state;
    boot->module_digest[WINDOWS_LOADER][0] = 0x77;
    logs_set(edit, first + WINDOWS_AT_LOADER, windows_stage_bytes(boot, WINDOWS_LOADER, 12));
    w = logs_edited_facts(edit)->windows;
    assert_int_equal(w->n_modules, 4);
    assert_null(w->modules[1].loaded); /* described, but not among the digests */
    assert_null(w->modules[3].path);
    assert_null(w->modules[3].event);
    assert_int_equal(w->modules[3].digest.data[0], 0x77);
}

static void unlocks_are_told_in_words(void **state)
{
    static const struct {
        uint64_t value;
        const char *words;
    } cases[] = {
        {0, "nothing"},
        {4, "TPM"},
        {0x14, "TPM, PIN"},
        {0x40, "recovery key"},
        {0x1f7, "cached key, media, TPM, PIN, external key, recovery key, passphrase, network"},
        {0x208, "0x208"},
        {0x204, "TPM, 0x200"},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_string_equal(windows_value_words(arena, WINDOWS_BITLOCKER_UNLOCK, cases[i].value),
                            cases[i].words);
    }
    assert_string_equal(windows_value_words(arena, WINDOWS_TRANSFER_CONTROL, 2), "resume loader");
    assert_string_equal(windows_value_words(arena, WINDOWS_TRANSFER_CONTROL, 5), "5");
    assert_string_equal(windows_value_words(arena, WINDOWS_TEST_SIGNING, 0), "off");
}

static void events_have_texts(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct windows_boot *boot = windows_boot(arena);
    size_t first = 0;
    struct logs_edit *edit = windows_log(arena, boot, &first);
    struct logs_made made;
    size_t at = first + 1; /* the header is no item */

    (void)state;
    logs_insert(edit, first + WINDOWS_AT_CLOSED, 12, EV_EVENT_TAG,
                windows_one(arena, 0x00040001, span_of("", 1)));
    logs_insert(edit, first + WINDOWS_AT_CLOSED + 1, 13, EV_EVENT_TAG,
                windows_one(arena, SIPA_MODULE, windows_module_bytes(boot, 1, 0, 13)));
    made = logs_facts(arena, logs_bytes(edit));
    assert_string_equal(made.readings->items[at].text, "BitLocker: keys may be had from here on");
    assert_string_equal(made.readings->items[at + WINDOWS_AT_CLOSED].text, "boot debugging: off");
    assert_string_equal(made.readings->items[at + WINDOWS_AT_CLOSED + 1].text,
                        "loaded module \\WINDOWS\\System32\\ntoskrnl.exe, sha256 202020202020...");
    assert_string_equal(made.readings->items[at + WINDOWS_AT_CLOSED + 2].text,
                        "BitLocker: no key may be had any more");
    assert_non_null(
        strstr(made.readings->items[at + WINDOWS_AT_MANAGER].text, "boot counter: 117"));
    assert_non_null(
        strstr(made.readings->items[at + WINDOWS_AT_MANAGER].text, "BitLocker unlock: TPM"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changed_data_takes_every_good_value_away_B_13_D_1),
        cmocka_unit_test(a_relabelled_event_hides_nothing_B_13_D_2),
        cmocka_unit_test(an_open_register_tells_nothing_good_B_13),
        cmocka_unit_test(a_register_that_is_missing_tells_nothing_good_B_13),
        cmocka_unit_test(what_stands_behind_the_separator_is_not_looked_at_B_13_B_10),
        cmocka_unit_test(what_was_never_extended_is_no_fact_B_13_L_6),
        cmocka_unit_test(a_setting_that_was_not_measured_is_unknown_B_13_S_3),
        cmocka_unit_test(each_bad_state_is_found_B_13),
        cmocka_unit_test(a_hypervisors_debugger_counts_when_there_is_one_B_13),
        cmocka_unit_test(recorded_failures_are_bad_B_13),
        cmocka_unit_test(an_image_that_was_not_validated_is_named_B_13_D_5),
        cmocka_unit_test(two_values_of_one_setting_are_found_B_13),
        cmocka_unit_test(boot_counters_only_grow_B_13),
        cmocka_unit_test(a_resume_from_hibernation_is_told_B_13),
        cmocka_unit_test(a_malformed_event_tells_nothing_good_B_13_L_15),
        cmocka_unit_test(every_cut_of_an_event_tells_nothing_good_B_13),
        cmocka_unit_test(records_are_read_up_to_a_limit_L_15),
        cmocka_unit_test(a_record_of_unknown_meaning_is_counted_B_13),
        cmocka_unit_test(a_good_boot_is_told_B_13),
        cmocka_unit_test(an_image_without_a_description_is_told_B_13),
        cmocka_unit_test(unlocks_are_told_in_words),
        cmocka_unit_test(events_have_texts),
    };

    return RUN_TESTS(tests);
}
