/* Judged by the reference data and by minimums: B-4, SB-13, SB-14, SB-16, on quoted logs. */
#include "unit/appraise/requoted.h"
#include "unit/facts/logs.h"

static const struct appraise_options now = {.now = NOW};

/* A genuine boot in which the firmware and shim measured what the edited log says. */
struct edited {
    struct requoted r;
    struct logs_edit *edit;
};

static void edited_begin(struct edited *e)
{
    requoted_begin(&e->r, "a-secureboot-healthy");
    e->edit = logs_edit_boot(e->r.machine.arena, "a-secureboot-healthy");
}

static struct appraisal *edited_judge(struct edited *e, const struct appraise_options *options)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct arena *arena = e->r.machine.arena;
    struct span bytes = logs_bytes(e->edit);
    struct eventlog *log = logs_read(arena, bytes);

    for (size_t i = 0; i < log->n_banks; i++) {
        enum hash_alg bank = log->banks[i].hash;
        struct eventlog_registers regs;

        assert_ok(eventlog_replay(log, bank, hasher, NULL, &regs));
        for (unsigned pcr = 0; pcr < TPM_MAX_PCRS; pcr++) {
            memcpy(e->r.pcrs.value[bank][pcr], regs.value[pcr], hash_size(bank));
        }
    }
    e->r.machine.request.log = bytes;
    return requoted_judge(&e->r, options);
}

static void set_sbat(struct edited *e, const char *csv)
{
    logs_set(e->edit, logs_find_variable(e->edit, "SbatLevel"),
             logs_variable(e->r.machine.arena, logs_shim, "SbatLevel", span_str(csv)));
}

/* ---- B-4 ---- */

static void a_revoked_loader_is_unhealthy_without_any_dbx_B_4(void **state)
{
    struct edited e;
    struct appraisal *a;
    struct span digest;
    size_t at;

    (void)state;
    edited_begin(&e);
    digest = test_hex(e.r.machine.arena,
                      "41cce0fc467609ca368bedba45c292f2be1b622fb9be0473cf51e7a96ee65652");
    at = logs_find(e.edit, 4, EV_EFI_BOOT_SERVICES_APPLICATION);
    for (size_t bank = 0; bank < e.edit->n_banks; bank++) {
        if (e.edit->banks[bank].hash == HASH_SHA256) {
            memcpy(e.edit->items[at].digest[bank], digest.data, digest.len);
        }
    }
    a = edited_judge(&e, &now);
    assert_int_equal(a->verdict, VERDICT_UNHEALTHY);
    assert_string_equal(requoted_reason(a, REASON_REVOKED_IMAGE)->rule, "B-4");
    appraisal_done(a);
    requoted_end(&e.r);
}

/* Judged without data, the result says so. */
static void no_data_is_never_silent_B_4(void **state)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct machine m;
    struct evidence *evidence = NULL;
    struct appraisal *a = NULL;
    bool noted = false;

    (void)state;
    machine_begin(&m);
    appraisal_done(machine_judge(&m, &now, &evidence));
    assert_ok(appraise(m.arena, evidence, &(struct appraise_trust){.ak = m.ak}, &now, hasher, &a));
    for (size_t i = 0; i < a->n_notes; i++) {
        noted = noted || strcmp(a->notes[i].code, "no-reference") == 0;
    }
    assert_true(noted);
    /* Nothing is known of any key: no claim about keys is made. */
    assert_false(a->is_db_known);
    assert_false(a->are_platform_keys_known);
    appraisal_done(a);
    machine_end(&m);
}

/* ---- SB-16 ---- */

static const struct {
    const char *measured;
    const char *minimum;
    bool is_below;
} levels[] = {
    {"sbat,1,2021030218\n", "2022052400", true},
    {"sbat,1,2022052400\ngrub,2\n", "2022052400", false},
    {"sbat,1,2022052400\ngrub,2\n", "2022111500", true},
    {"sbat,1,2022111500\nshim,2\ngrub,3\n", "2023012900", true}, /* grub.debian is one of its own */
    {"sbat,1,2024010900\nshim,4\ngrub,3\ngrub.debian,4\n", "2023012900", false},
    /* Later, and leaves out what it made superfluous. */
    {"sbat,1,2024040900\nshim,4\ngrub,4\ngrub.peimage,2\n", "2024010900", false},
    {"sbat,1,2025021800\nshim,4\ngrub,5\n", "2024040900", false},
    {"sbat,1,2025021800\nshim,4\ngrub,5\n", "2025021800", false},
    {"sbat,1,2025021800\nshim,4\ngrub,5\n", "2025051000", true},
    /* A later date alone does not help. */
    {"sbat,1,2030010100\nshim,4\ngrub,3\n", "2024040900", true},
    /* Generations are numbers. */
    {"sbat,1,2030010100\nshim,10\ngrub,10\ngrub.proxmox,10\n", "2025051000", false},
    /* A lower generation of a component in a level that is later by its date. */
    {"sbat,1,2024010900\nshim,4\ngrub,3\ngrub.debian,4\n", "2023091900", true},
    /* Said twice: the lower counts. */
    {"sbat,1,2025021800\nshim,4\ngrub,5\ngrub,1\n", "2025021800", true},
    {"sbat,1,2025021800\nshim,4\ngrub,99999999999999999999\n", "2025021800", true},
    {"sbat,1,2025021800\nshim,4\ngrub,5x\n", "2025021800", true},
    {"sbat,1,2025021800\nshim,4\ngrub\n", "2025021800", true},
    {"sbat,1,2025021800\nshim,4\ngrub,5,extra\n", "2025021800", false},
    {"sbat,1,1\n", "2021030218", false},
};

static void sbat_levels_below_the_minimum_are_unhealthy_SB_16(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        struct appraise_options options = now;
        struct edited e;
        struct appraisal *a;

        options.sbat_minimum = reference_sbat(test_reference(), levels[i].minimum);
        assert_non_null(options.sbat_minimum);
        edited_begin(&e);
        set_sbat(&e, levels[i].measured);
        a = edited_judge(&e, &options);
        if (has_reason(a, REASON_SBAT_BELOW_MINIMUM, "SB-16") != levels[i].is_below ||
            a->verdict != (levels[i].is_below ? VERDICT_UNHEALTHY : VERDICT_HEALTHY)) {
            print_reasons(a);
            fail_msg("case %zu: %s against %s", i, levels[i].measured, levels[i].minimum);
        }
        appraisal_done(a);
        requoted_end(&e.r);
    }
}

static void a_shim_without_level_is_below_any_minimum_SB_16(void **state)
{
    struct appraise_options options = now;
    struct edited e;
    struct appraisal *a;

    (void)state;
    options.sbat_minimum = reference_sbat(test_reference(), "2022052400");
    edited_begin(&e);
    logs_drop(e.edit, logs_find_variable(e.edit, "SbatLevel"));
    a = edited_judge(&e, &options);
    assert_true(has_reason(a, REASON_SBAT_BELOW_MINIMUM, "SB-16"));
    appraisal_done(a);
    /* Nobody asked: no reason, as before. */
    a = edited_judge(&e, &now);
    assert_false(has_reason(a, REASON_SBAT_BELOW_MINIMUM, NULL));
    appraisal_done(a);
    requoted_end(&e.r);
}

/* ---- SB-13 ---- */

static void a_dbx_below_the_minimum_denies_the_claim_SB_13(void **state)
{
    struct appraise_options options = now;
    struct dbx_minimum minimum = {0};
    struct edited e;
    struct appraisal *a;
    struct span digests[2];
    struct span list;

    (void)state;
    edited_begin(&e);
    digests[0] = span_of((uint8_t[32]){1}, 32);
    digests[1] = span_of((uint8_t[32]){2}, 32);
    list = logs_hash_list(e.r.machine.arena, digests, 2);
    assert_ok(dbx_minimum_read(e.r.machine.arena, list, NULL, &minimum));
    options.dbx_minimum = &minimum;
    a = edited_judge(&e, &options);
    assert_false(a->is_dbx_sufficient);
    assert_int_equal(a->verdict, VERDICT_HEALTHY); /* the policy decides (decisions section 3) */
    appraisal_done(a);
    logs_set(e.edit, logs_find_variable(e.edit, "dbx"),
             logs_variable(e.r.machine.arena, logs_security, "dbx", list));
    a = edited_judge(&e, &options);
    assert_true(a->is_dbx_sufficient);
    appraisal_done(a);
    requoted_end(&e.r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_revoked_loader_is_unhealthy_without_any_dbx_B_4),
        cmocka_unit_test(no_data_is_never_silent_B_4),
        cmocka_unit_test(sbat_levels_below_the_minimum_are_unhealthy_SB_16),
        cmocka_unit_test(a_shim_without_level_is_below_any_minimum_SB_16),
        cmocka_unit_test(a_dbx_below_the_minimum_denies_the_claim_SB_13),
    };

    return RUN_TESTS(tests);
}
