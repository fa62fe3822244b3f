/*
 * B-13: a Windows boot is judged by what Windows measured, where nothing but Windows was started;
 * what is not known is never good, and no claim says so.
 */
#include "support/policy.h"
#include "unit/appraise/requoted.h"
#include "unit/facts/windows.h"

static const struct appraise_options now = {.now = NOW};

/* The registers are those of the log: a genuine boot. */
static struct appraisal *judge_log(struct requoted *r, const struct logs_edit *edit)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct eventlog *log;

    r->machine.request.log = logs_bytes(edit);
    log = logs_read(r->machine.arena, r->machine.request.log);
    for (int bank = 0; bank < HASH_COUNT; bank++) {
        struct eventlog_registers registers;

        if (r->pcrs.have[bank] != 0) {
            assert_ok(eventlog_replay(log, (enum hash_alg)bank, hasher, NULL, &registers));
            memcpy(r->pcrs.value[bank], registers.value, sizeof(registers.value));
        }
    }
    return requoted_judge(r, &now);
}

static struct appraisal *judge_boot_of(struct requoted *r, const struct windows_boot *boot)
{
    return judge_log(r, windows_log(r->machine.arena, boot, NULL));
}

static void begin(struct requoted *r, struct windows_boot **ret_boot)
{
    requoted_begin(r, "a-secureboot-healthy");
    *ret_boot = windows_boot(r->machine.arena);
}

static const struct claims *claims_of(struct requoted *r, const struct appraisal *a)
{
    struct claims *claims = claims_new(r->machine.arena);
    struct evidence *evidence = arena_calloc(r->machine.arena, 1, sizeof(*evidence));

    assert_non_null(claims);
    assert_non_null(evidence);
    evidence->form = EVIDENCE_BOOT_FOLDER;
    assert_ok(appraise_azurevm_claims(r->machine.arena, json_new(r->machine.arena), a, evidence,
                                      NULL, claims));
    return claims;
}

static bool claim(const struct claims *claims, const char *name)
{
    const char *type = name;
    char full[96];

    if (strcmp(name, "secureboot") != 0) {
        snprintf(full, sizeof(full), "x-ms-azurevm-%s", name);
        type = full;
    }
    assert_non_null(claims_find(claims, type));
    return claims_find(claims, type)->boolean;
}

/* No claim that any policy could take for good. */
static void expect_no_good_claim(struct requoted *r, const struct appraisal *a)
{
    const struct claims *claims = claims_of(r, a);
    struct policy_result result;

    assert_true(claim(claims, "is-windows"));
    assert_false(claim(claims, "debuggersdisabled"));
    assert_false(claim(claims, "signingdisabled"));
    assert_false(claim(claims, "elam-enabled"));
    assert_true(claim(claims, "bootdebug-enabled"));
    assert_true(claim(claims, "kerneldebug-enabled"));
    assert_true(claim(claims, "hypervisordebug-enabled"));
    assert_true(claim(claims, "testsigning-enabled"));
    assert_true(claim(claims, "flightsigning-enabled"));
    assert_int_equal(claims_find(claims, "x-ms-azurevm-hvci-policy")->integer, 0);
    assert_ok(policy_evaluate(r->machine.arena, test_default_policy(), claims, NULL, &result));
    assert_false(result.is_permitted);
}

static void expect_unknown(struct requoted *r, struct appraisal *a, const char *text)
{
    const struct reason *reason = requoted_reason(a, REASON_WINDOWS_STATE_UNKNOWN);

    assert_int_equal(a->verdict, VERDICT_CANNOT_JUDGE);
    assert_true(a->is_windows);
    if (strstr(reason->text, text) == NULL) {
        fail_msg("no '%s' in: %s", text, reason->text);
    }
    appraisal_done(a);
    requoted_end(r);
}

/* ---- not known ---- */

static void a_windows_boot_whose_state_is_not_quoted_cannot_be_judged_B_13(void **state)
{
    static const uint32_t masks[] = {0xff, 0x7bff & ~(1u << 12), 0x7bff & ~(1u << 13)};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
        struct requoted r;
        struct windows_boot *boot;
        struct appraisal *a;

        begin(&r, &boot);
        for (int bank = 0; bank < HASH_COUNT; bank++) {
            r.pcrs.have[bank] &= masks[i];
        }
        a = judge_boot_of(&r, boot);
        expect_no_good_claim(&r, a);
        expect_unknown(&r, a, "PCRs 12 and 13");
    }
}

/* Any system can extend these registers: here one that a key of nobody's started. */
static void another_system_cannot_pass_as_windows_B_13(void **state)
{
    struct requoted r;
    struct windows_boot *boot;
    struct logs_edit *edit;
    struct appraisal *a;

    (void)state;
    begin(&r, &boot);
    edit = logs_edit_boot(r.machine.arena, "a-secureboot-healthy");
    (void)windows_append(edit, boot);
    a = judge_log(&r, edit);
    expect_no_good_claim(&r, a);
    assert_null(a->windows);
    expect_unknown(&r, a, "no key of Windows");
}

/* The firmware loads Windows' boot manager, so that its key is in PCR 7, then another system. */
static void windows_beside_another_system_cannot_be_judged_B_13(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct requoted r;
    struct windows_boot *boot;
    struct logs_edit *linux_boot;
    struct logs_edit *edit;
    struct appraisal *a;
    size_t image;
    size_t authority;

    (void)state;
    /* a second image, whose key an option ROM brought into PCR 7 before */
    begin(&r, &boot);
    edit = windows_firmware(r.machine.arena);
    image = logs_find(edit, 4, EV_EFI_BOOT_SERVICES_APPLICATION);
    logs_copy(edit, image, image + 1);
    logs_measure(edit, image + 1, span_str("another image"));
    (void)windows_append(edit, boot);
    a = judge_log(&r, edit);
    expect_no_good_claim(&r, a);
    expect_unknown(&r, a, "something else than Windows");
    /* another key behind Windows' */
    begin(&r, &boot);
    edit = windows_firmware(r.machine.arena);
    linux_boot = logs_edit_boot(arena, "a-secureboot-healthy");
    authority = logs_find(linux_boot, 7, EV_EFI_VARIABLE_AUTHORITY);
    logs_insert(edit, logs_find(edit, 7, EV_EFI_VARIABLE_AUTHORITY) + 1, 7,
                EV_EFI_VARIABLE_AUTHORITY, linux_boot->items[authority].data);
    (void)windows_append(edit, boot);
    a = judge_log(&r, edit);
    expect_no_good_claim(&r, a);
    expect_unknown(&r, a, "another key than Windows'");
    /* one loader under another key, and root appended Windows' */
    begin(&r, &boot);
    edit = windows_firmware(r.machine.arena);
    logs_insert(edit, logs_find(edit, 7, EV_EFI_VARIABLE_AUTHORITY), 7, EV_EFI_VARIABLE_AUTHORITY,
                linux_boot->items[authority].data);
    (void)windows_append(edit, boot);
    a = judge_log(&r, edit);
    expect_no_good_claim(&r, a);
    expect_unknown(&r, a, "another key than Windows'");
}

static void each_setting_that_was_not_measured_is_named_B_13_S_3(void **state)
{
    static const struct {
        uint32_t id;
        const char *words, *claim;
        bool value;
    } cases[] = {
        {0x00040001, "boot debugging", "debuggersdisabled", false},
        {0x00050001, "kernel debugging", "debuggersdisabled", false},
        {0x0005000a, "hypervisor debugging", "debuggersdisabled", false},
        {0x00050003, "test signing", "signingdisabled", false},
        {0x00050002, "code integrity", NULL, false},
        {0x00050005, "safe mode", NULL, false},
        {0x00050006, "Windows PE", NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct requoted r;
        struct windows_boot *boot;
        struct appraisal *a;

        begin(&r, &boot);
        windows_forget(boot, cases[i].id);
        a = judge_boot_of(&r, boot);
        if (cases[i].claim != NULL) {
            assert_int_equal(claim(claims_of(&r, a), cases[i].claim), cases[i].value);
        }
        expect_unknown(&r, a, cases[i].words);
    }
}

static void a_resumed_windows_cannot_be_judged_B_13(void **state)
{
    struct requoted r;
    struct windows_boot *boot;

    (void)state;
    begin(&r, &boot);
    windows_set_in(boot, WINDOWS_MANAGER, 12, SIPA_TRANSFER_CONTROL, 2);
    windows_forget(boot, 0x00050001);
    expect_unknown(&r, judge_boot_of(&r, boot), "resumed from hibernation");
}

/* ---- not proven ---- */

static void altered_records_are_not_verified_B_13_D_1_D_2(void **state)
{
    struct requoted r;
    struct windows_boot *boot;
    struct logs_edit *edit;
    struct appraisal *a;
    size_t first = 0;
    struct span honest;

    (void)state;
    begin(&r, &boot);
    honest = windows_stage_bytes(boot, WINDOWS_LOADER, 12);
    windows_set(boot, WINDOWS_LOADER, 0x00050003, 1);
    edit = windows_log(r.machine.arena, boot, &first);
    edit->items[first + WINDOWS_AT_LOADER].data = honest;
    a = judge_log(&r, edit);
    assert_int_equal(a->verdict, VERDICT_NOT_VERIFIED);
    assert_true(has_reason(a, REASON_EVENT_DIGEST, "D-1"));
    expect_no_good_claim(&r, a);
    appraisal_done(a);
    requoted_end(&r);

    begin(&r, &boot);
    edit = windows_log(r.machine.arena, boot, &first);
    edit->items[first + WINDOWS_AT_LOADER].type = EV_IPL;
    a = judge_log(&r, edit);
    assert_int_equal(a->verdict, VERDICT_NOT_VERIFIED);
    assert_true(has_reason(a, REASON_EVENT_TYPE, "D-2"));
    appraisal_done(a);
    requoted_end(&r);
}

static void records_that_contradict_are_not_verified_B_13(void **state)
{
    struct requoted r;
    struct windows_boot *boot;
    struct appraisal *a;

    (void)state;
    begin(&r, &boot);
    windows_set_in(boot, WINDOWS_LOADER, 13, 0x00050003, 1);
    a = judge_boot_of(&r, boot);
    assert_int_equal(a->verdict, VERDICT_NOT_VERIFIED);
    assert_true(has_reason(a, REASON_EVENT_ORDER, "B-13"));
    assert_true(has_reason(a, REASON_TEST_SIGNING, "B-13"));
    appraisal_done(a);
    requoted_end(&r);

    begin(&r, &boot);
    windows_add_both(boot, WINDOWS_LOADER, 0x00050001, 3, 0); /* an integer of three bytes */
    a = judge_boot_of(&r, boot);
    assert_int_equal(a->verdict, VERDICT_NOT_VERIFIED);
    assert_true(has_reason(a, REASON_LOG_MALFORMED, "B-13"));
    appraisal_done(a);
    requoted_end(&r);
}

/* ---- bad ---- */

static void each_bad_state_is_unhealthy_and_claimed_B_13(void **state)
{
    static const struct {
        uint32_t id;
        uint64_t value;
        enum reason_code code;
        const char *claim, *aggregate;
    } cases[] = {
        {0x00040001, 1, REASON_OS_DEBUGGING, "bootdebug-enabled", "debuggersdisabled"},
        {0x00050001, 1, REASON_OS_DEBUGGING, "kerneldebug-enabled", "debuggersdisabled"},
        {0x0005000d, 1, REASON_OS_DEBUGGING, "hypervisordebug-enabled", "debuggersdisabled"},
        {0x00050003, 1, REASON_TEST_SIGNING, "testsigning-enabled", "signingdisabled"},
        {0x00050002, 0, REASON_CODE_INTEGRITY_OFF, NULL, NULL},
        {0x00050005, 1, REASON_SAFE_MODE, NULL, NULL},
        {0x00050006, 1, REASON_WINPE, NULL, NULL},
        {SIPA_INTERNAL_FAILURE, 1, REASON_BOOT_FAILURE, NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct requoted r;
        struct windows_boot *boot;
        struct appraisal *a;

        begin(&r, &boot);
        if (cases[i].id == 0x0005000d || cases[i].id == SIPA_INTERNAL_FAILURE) {
            windows_add_both(boot, WINDOWS_LOADER, cases[i].id, 1, cases[i].value);
        } else {
            windows_set(boot, WINDOWS_LOADER, cases[i].id, cases[i].value);
        }
        a = judge_boot_of(&r, boot);
        assert_int_equal(a->verdict, VERDICT_UNHEALTHY);
        assert_true(has_reason(a, cases[i].code, "B-13"));
        assert_false(has_reason(a, REASON_WINDOWS_STATE_UNKNOWN, NULL));
        if (cases[i].claim != NULL) {
            assert_true(claim(claims_of(&r, a), cases[i].claim));
            assert_false(claim(claims_of(&r, a), cases[i].aggregate));
        }
        appraisal_done(a);
        requoted_end(&r);
    }
}

/* No reason of its own: builds for testers are signed so. The default policy denies it. */
static void flight_signing_is_the_policys_business_B_13(void **state)
{
    struct requoted r;
    struct windows_boot *boot;
    struct policy_result result;
    struct appraisal *a;

    (void)state;
    begin(&r, &boot);
    windows_set(boot, WINDOWS_MANAGER, 0x00050021, 1);
    a = judge_boot_of(&r, boot);
    assert_int_equal(a->verdict, VERDICT_HEALTHY);
    assert_true(claim(claims_of(&r, a), "flightsigning-enabled"));
    assert_false(claim(claims_of(&r, a), "signingdisabled"));
    assert_ok(
        policy_evaluate(r.machine.arena, test_default_policy(), claims_of(&r, a), NULL, &result));
    assert_false(result.is_permitted);
    appraisal_done(a);
    requoted_end(&r);
}

/* Without Secure Boot nothing stands behind the records, however good they look. */
static void windows_without_secure_boot_is_unhealthy_B_13(void **state)
{
    static const uint8_t off[] = {0};
    struct requoted r;
    struct windows_boot *boot;
    struct logs_edit *edit;
    struct appraisal *a;

    (void)state;
    begin(&r, &boot);
    edit = windows_log(r.machine.arena, boot, NULL);
    logs_set(edit, logs_find_variable(edit, "SecureBoot"),
             logs_variable(r.machine.arena, logs_global, "SecureBoot", span_of(off, 1)));
    logs_drop(edit, logs_find(edit, 7, EV_EFI_VARIABLE_AUTHORITY));
    a = judge_log(&r, edit);
    assert_int_equal(a->verdict, VERDICT_UNHEALTHY);
    assert_true(has_reason(a, REASON_SECURE_BOOT_OFF, "SB-5"));
    assert_null(a->windows);
    expect_no_good_claim(&r, a);
    appraisal_done(a);
    requoted_end(&r);
}

/* ---- good ---- */

static void a_good_windows_boot_is_healthy_B_13(void **state)
{
    struct requoted r;
    struct windows_boot *boot;
    const struct claims *claims;
    struct policy_result result;
    struct appraisal *a;

    (void)state;
    begin(&r, &boot);
    windows_add_both(boot, WINDOWS_LOADER, 0x000a0007, 4, 1);
    a = judge_boot_of(&r, boot);
    print_reasons(a);
    assert_int_equal(a->verdict, VERDICT_HEALTHY);
    claims = claims_of(&r, a);
    assert_true(claim(claims, "secureboot"));
    assert_true(claim(claims, "is-windows"));
    assert_true(claim(claims, "debuggersdisabled"));
    assert_true(claim(claims, "signingdisabled"));
    assert_true(claim(claims, "elam-enabled"));
    assert_false(claim(claims, "bootdebug-enabled"));
    assert_false(claim(claims, "kerneldebug-enabled"));
    assert_false(claim(claims, "hypervisordebug-enabled"));
    assert_false(claim(claims, "testsigning-enabled"));
    assert_false(claim(claims, "flightsigning-enabled"));
    assert_int_equal(claims_find(claims, "x-ms-azurevm-hvci-policy")->integer, 1);
    assert_ok(policy_evaluate(r.machine.arena, test_default_policy(), claims, NULL, &result));
    assert_true(result.is_permitted);
    appraisal_done(a);
    requoted_end(&r);
}

/* A real machine, quoted by a key made here. */
static void a_real_windows_boot_is_healthy_B_13(void **state)
{
    test_needs_public_data();

    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct requoted r;
    struct eventlog_registers registers;
    const struct claims *claims;
    struct appraisal *a;

    (void)state;
    requoted_begin(&r, "a-secureboot-healthy");
    r.machine.request.log =
        test_public_file(r.machine.arena, "eventlogs/logs/python3-uefi-eventlog-ideapad1.bin");
    r.pcrs.have[HASH_SHA1] = r.pcrs.have[HASH_SHA384] = 0;
    assert_ok(eventlog_replay(logs_read(r.machine.arena, r.machine.request.log), HASH_SHA256,
                              hasher, NULL, &registers));
    memcpy(r.pcrs.value[HASH_SHA256], registers.value, sizeof(registers.value));
    a = requoted_judge(&r, &now);
    print_reasons(a);
    assert_int_equal(a->verdict, VERDICT_HEALTHY);
    assert_non_null(a->windows);
    claims = claims_of(&r, a);
    assert_true(claim(claims, "secureboot") && claim(claims, "is-windows"));
    assert_true(claim(claims, "debuggersdisabled") && claim(claims, "signingdisabled"));
    assert_true(claim(claims, "elam-enabled"));
    appraisal_done(a);
    requoted_end(&r);
}

/* PCR 14 is not in all that Windows' clients quote; no claim rests on it. */
static void the_registers_that_azures_tokens_name_suffice_B_13(void **state)
{
    struct requoted r;
    struct windows_boot *boot;
    struct appraisal *a;

    (void)state;
    begin(&r, &boot);
    for (int bank = 0; bank < HASH_COUNT; bank++) {
        r.pcrs.have[bank] &= 0x38ff; /* 0-7, 11-13 */
    }
    a = judge_boot_of(&r, boot);
    assert_int_equal(a->verdict, VERDICT_HEALTHY);
    appraisal_done(a);
    requoted_end(&r);
}

static void no_antimalware_is_no_fault_and_no_claim_B_13(void **state)
{
    struct requoted r;
    struct windows_boot *boot;
    struct appraisal *a;

    (void)state;
    begin(&r, &boot);
    boot->elam = NULL;
    a = judge_boot_of(&r, boot);
    assert_int_equal(a->verdict, VERDICT_HEALTHY);
    assert_false(claim(claims_of(&r, a), "elam-enabled"));
    appraisal_done(a);
    requoted_end(&r);
}

/* The running system may go on measuring; it changes nothing of what is known. */
static void records_behind_the_separators_change_nothing_B_13_B_10(void **state)
{
    struct requoted r;
    struct windows_boot *boot;
    struct logs_edit *edit;
    struct appraisal *a;

    (void)state;
    begin(&r, &boot);
    edit = windows_log(r.machine.arena, boot, NULL);
    logs_insert(edit, edit->n, 12, EV_EVENT_TAG,
                windows_one(r.machine.arena, 0x00050003, span_of("\1", 1)));
    a = judge_log(&r, edit);
    assert_int_equal(a->verdict, VERDICT_HEALTHY);
    appraisal_done(a);
    requoted_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_windows_boot_whose_state_is_not_quoted_cannot_be_judged_B_13),
        cmocka_unit_test(another_system_cannot_pass_as_windows_B_13),
        cmocka_unit_test(windows_beside_another_system_cannot_be_judged_B_13),
        cmocka_unit_test(each_setting_that_was_not_measured_is_named_B_13_S_3),
        cmocka_unit_test(a_resumed_windows_cannot_be_judged_B_13),
        cmocka_unit_test(altered_records_are_not_verified_B_13_D_1_D_2),
        cmocka_unit_test(records_that_contradict_are_not_verified_B_13),
        cmocka_unit_test(each_bad_state_is_unhealthy_and_claimed_B_13),
        cmocka_unit_test(flight_signing_is_the_policys_business_B_13),
        cmocka_unit_test(windows_without_secure_boot_is_unhealthy_B_13),
        cmocka_unit_test(a_good_windows_boot_is_healthy_B_13),
        cmocka_unit_test(a_real_windows_boot_is_healthy_B_13),
        cmocka_unit_test(the_registers_that_azures_tokens_name_suffice_B_13),
        cmocka_unit_test(no_antimalware_is_no_fault_and_no_claim_B_13),
        cmocka_unit_test(records_behind_the_separators_change_nothing_B_13_B_10),
    };

    return RUN_TESTS(tests);
}
