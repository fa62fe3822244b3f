/*
 * boot_attestation: the state before a resume comes with its own proof, and nothing makes an old,
 * good boot speak for another one.
 */
#include "unit/appraise/tpm-requests.h"
#include "unit/facts/windows.h"

struct resumed {
    struct attester t;
    struct tpm_pcrs boot_pcrs;
    struct fabricate_tpm boot;
    struct fabricated *other_machine;
};

/* Registers and log of a Windows boot. */
static void measure(struct attester *t, const struct windows_boot *boot, struct tpm_pcrs *pcrs,
                    struct fabricate_tpm *request)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct span log = logs_bytes(windows_log(t->r.machine.arena, boot, NULL));
    struct eventlog_registers registers;

    assert_ok(
        eventlog_replay(logs_read(t->r.machine.arena, log), HASH_SHA256, hasher, NULL, &registers));
    *pcrs = (struct tpm_pcrs){.have = {[HASH_SHA256] = REQUOTED_PCRS}};
    memcpy(pcrs->value[HASH_SHA256], registers.value, sizeof(registers.value));
    request->pcrs = pcrs;
    request->logs[0] = (struct fabricate_log){"TCG", log};
    request->n_logs = 1;
}

/* A boot, and the resume from hibernation after it: most settings are not measured again. */
static void resumed_begin(struct resumed *r)
{
    struct windows_boot *boot;

    memset(r, 0, sizeof(*r));
    attester_begin(&r->t, "a-secureboot-healthy");
    boot = windows_boot(r->t.r.machine.arena);
    measure(&r->t, boot, &r->boot_pcrs, &r->boot);
    r->boot.reset_count = 7;
    r->boot.extra_data = span_str("an earlier challenge, or none");
    boot = windows_boot(r->t.r.machine.arena);
    windows_set_in(boot, WINDOWS_MANAGER, 12, SIPA_TRANSFER_CONTROL, 2);
    windows_forget(boot, 0x00050005);
    windows_forget(boot, 0x00050006);
    measure(&r->t, boot, &r->t.r.pcrs, &r->t.request);
    r->t.request.reset_count = 8;
    r->t.request.clock_ms = 200000;
    r->t.request.boot = &r->boot;
}

static void resumed_end(struct resumed *r)
{
    fabricated_free(r->other_machine);
    attester_end(&r->t);
}

/* ---- attacks ---- */

static void it_is_missing(struct resumed *r)
{
    r->t.request.boot = NULL;
}

static void two_resets_lie_between(struct resumed *r)
{
    r->boot.reset_count = 6;
}

static void it_is_later(struct resumed *r)
{
    r->boot.reset_count = 9;
}

static void its_clock_is_later(struct resumed *r)
{
    r->boot.reset_count = 8;
    r->boot.clock_ms = 300000;
}

static void the_current_boot_is_no_resume(struct resumed *r)
{
    measure(&r->t, windows_boot(r->t.r.machine.arena), &r->t.r.pcrs, &r->t.request);
}

static void it_is_signed_by_another_machine(struct resumed *r)
{
    r->other_machine = fabricate_machine(r->t.r.machine.arena, NOW);
    assert_ok(cert_store_add(r->t.r.machine.ak, r->other_machine->ca));
    r->t.request.boot_machine = r->other_machine;
}

static void its_key_is_not_trusted(struct resumed *r)
{
    r->other_machine = fabricate_machine(r->t.r.machine.arena, NOW);
    r->t.request.boot_machine = r->other_machine;
}

static void its_signature_is_another_keys(struct resumed *r)
{
    fabricate_tpm_quote(r->t.r.machine.arena, r->t.r.machine.keys, &r->boot, &r->boot.attest,
                        &r->boot.signature);
    r->boot.signature = fabricate_signature(r->t.r.machine.arena, r->t.foreign_key, r->boot.attest);
}

static void its_log_is_of_another_boot(struct resumed *r)
{
    r->boot.logs[0].bytes =
        test_vector(r->t.r.machine.arena, "boots/a-secureboot-healthy/eventlog.bin");
}

static void its_registers_are_too_few(struct resumed *r)
{
    r->boot_pcrs.have[HASH_SHA256] = 0x7f;
}

/* Linux ran between hibernation and resume. */
static void it_is_of_another_system(struct resumed *r)
{
    struct arena *arena = r->t.r.machine.arena;
    struct span values = test_vector(arena, "boots/a-secureboot-healthy/pcrs_sha256.bin");

    r->boot.logs[0].bytes = test_vector(arena, "boots/a-secureboot-healthy/eventlog.bin");
    for (unsigned pcr = 0; pcr < TPM_MAX_PCRS; pcr++) {
        memcpy(r->boot_pcrs.value[HASH_SHA256][pcr], values.data + pcr * SHA256_BYTES,
               SHA256_BYTES);
    }
}

typedef void (*attack_fn)(struct resumed *r);
static const struct {
    const char *name;
    attack_fn attack;
    enum reason_code code;
    const char *rule;
} attacks[] = {
    {"it_is_missing", it_is_missing, REASON_WINDOWS_STATE_UNKNOWN, "B-13"},
    {"two_resets_lie_between", two_resets_lie_between, REASON_QUOTES_MIXED, "Q-19"},
    {"it_is_later", it_is_later, REASON_QUOTES_MIXED, "Q-17"},
    {"its_clock_is_later", its_clock_is_later, REASON_QUOTES_MIXED, "Q-17"},
    {"the_current_boot_is_no_resume", the_current_boot_is_no_resume, REASON_QUOTES_MIXED, "Q-19"},
    {"it_is_signed_by_another_machine", it_is_signed_by_another_machine, REASON_QUOTES_MIXED,
     "Q-16"},
    {"its_key_is_not_trusted", its_key_is_not_trusted, REASON_AK_UNTRUSTED, "X-1"},
    {"its_signature_is_another_keys", its_signature_is_another_keys, REASON_SIGNATURE, "Q-3"},
    {"its_log_is_of_another_boot", its_log_is_of_another_boot, REASON_LOG_REPLAY, NULL},
    {"it_is_of_another_system", it_is_of_another_system, REASON_WINDOWS_STATE_UNKNOWN, "B-13"},
    {"its_registers_are_too_few", its_registers_are_too_few, REASON_PCR_MISSING, "Q-13"},
};

static void another_boot_speaks_for_nobody(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(attacks); i++) {
        struct resumed r;
        struct appraisal *a;

        resumed_begin(&r);
        attacks[i].attack(&r);
        a = attester_judge(&r.t);
        if (!has_reason(a, attacks[i].code, attacks[i].rule) || appraisal_is_proven(a)) {
            print_reasons(a);
            fail_msg("%s", attacks[i].name);
        }
        appraisal_done(a);
        resumed_end(&r);
    }
}

static void reasons_of_the_boot_say_where_they_are_from(void **state)
{
    struct resumed r;
    struct appraisal *a;
    bool is_named = false;

    (void)state;
    resumed_begin(&r);
    its_log_is_of_another_boot(&r);
    a = attester_judge(&r.t);
    for (size_t i = 0; i < a->n_reasons; i++) {
        is_named = is_named || strncmp(a->reasons[i].where, "boot_attestation", 16) == 0;
    }
    assert_true(is_named);
    appraisal_done(a);
    resumed_end(&r);
}

/* ---- what is good ---- */

static void a_resume_right_after_the_boot_is_healthy_Q_19(void **state)
{
    struct resumed r;
    struct appraisal *a;

    (void)state;
    resumed_begin(&r);
    a = attester_judge(&r.t);
    print_reasons(a);
    assert_int_equal(a->verdict, VERDICT_HEALTHY);
    assert_non_null(a->boot);
    assert_int_equal(a->windows->resumed, STATE_YES);
    assert_int_equal(a->boot->windows->resumed, STATE_NO);
    appraisal_done(a);
    resumed_end(&r);
}

/* Within one reset of the TPM no log has to say so: sleep keeps the registers. */
static void a_state_of_the_same_reset_is_taken(void **state)
{
    struct attester t;
    struct fabricate_tpm boot;
    struct appraisal *a;

    (void)state;
    attester_begin(&t, "a-secureboot-healthy");
    boot = t.request;
    boot.extra_data = span_str("none of this challenge");
    t.request.restart_count = 1;
    t.request.clock_ms = 200000;
    t.request.boot = &boot;
    a = attester_judge(&t);
    assert_int_equal(a->verdict, VERDICT_HEALTHY);
    appraisal_done(a);
    attester_end(&t);
}

/* A bad boot before a good resume is a bad boot. */
static void a_bad_boot_is_not_slept_off(void **state)
{
    struct resumed r;
    struct windows_boot *boot;
    struct appraisal *a;

    (void)state;
    resumed_begin(&r);
    boot = windows_boot(r.t.r.machine.arena);
    windows_set(boot, WINDOWS_LOADER, 0x00050003, 1);
    measure(&r.t, boot, &r.boot_pcrs, &r.boot);
    a = attester_judge(&r.t);
    assert_int_equal(a->verdict, VERDICT_UNHEALTHY);
    assert_true(has_reason(a, REASON_TEST_SIGNING, NULL));
    appraisal_done(a);
    resumed_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_boot_speaks_for_nobody),
        cmocka_unit_test(reasons_of_the_boot_say_where_they_are_from),
        cmocka_unit_test(a_bad_boot_is_not_slept_off),
        cmocka_unit_test(a_resume_right_after_the_boot_is_healthy_Q_19),
        cmocka_unit_test(a_state_of_the_same_reset_is_taken),
    };

    return RUN_TESTS(tests);
}
