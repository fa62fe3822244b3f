/*
 * Logs made to deceive, each with a genuine quote of the registers that it leads to: what whoever
 * runs code in the guest's kernel can have. None is called healthy (D-2, L-13, ALG-2, ALG-4, SB-1,
 * SB-2, SB-4, SB-8, B-1, L-10).
 */
#include "unit/appraise/requoted.h"
#include "unit/facts/logs.h"

static const struct appraise_options now = {.now = NOW};

/* The registers are those that the edited log leads to. */
static void requote(struct requoted *r, const struct logs_edit *edit)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct arena *arena = r->machine.arena;
    struct eventlog *log;

    r->machine.request.log = logs_bytes(edit);
    log = logs_read(arena, r->machine.request.log);
    for (int bank = 0; bank < HASH_COUNT; bank++) {
        struct eventlog_registers regs;

        if (r->pcrs.have[bank] == 0) {
            continue;
        }
        if (eventlog_bank(log, (enum hash_alg)bank) < 0) {
            r->pcrs.have[bank] = bank == HASH_SHA256 ? r->pcrs.have[bank] : 0;
            continue;
        }
        assert_ok(eventlog_replay(log, (enum hash_alg)bank, hasher, NULL, &regs));
        for (unsigned pcr = 0; pcr < TPM_MAX_PCRS; pcr++) {
            if ((regs.extended & 1u << pcr) != 0) {
                memcpy(r->pcrs.value[bank][pcr], regs.value[pcr], HASH_MAX_BYTES);
            }
        }
    }
}

static void append_set(struct logs_edit *edit, const char *boot, uint32_t pcr)
{
    struct logs_edit *own = logs_edit_boot(edit->arena, boot);

    for (size_t i = 0; i < own->n; i++) {
        if (own->items[i].pcr == pcr) {
            assert_true(edit->n < LOGS_MAX);
            edit->items[edit->n++] = own->items[i];
        }
    }
}

static void relabel(struct logs_edit *edit, uint32_t pcr, uint32_t type)
{
    for (size_t i = 0; i < edit->n; i++) {
        if (edit->items[i].pcr == pcr) {
            edit->items[i].type = type;
        }
    }
}

/* ---- the attacks: from a boot with Secure Boot off, unless they say otherwise ---- */

/* go-attestation's disclosure: genuine events under a type that readers skip, then an own set. */
static void new_policy(struct logs_edit *edit, uint32_t type)
{
    relabel(edit, 7, type);
    append_set(edit, "a-secureboot-healthy", 7);
}

/* The same, and the log's order is the writer's own, but within a register: the new set stands
 * where the firmware would have put it. */
static void new_policy_in_place(struct logs_edit *edit, uint32_t type)
{
    struct logs_edit *own = logs_edit_boot(edit->arena, "a-secureboot-healthy");
    size_t at = logs_find(edit, 4, EV_EFI_BOOT_SERVICES_APPLICATION);

    relabel(edit, 7, type);
    /* What the genuine boot measured of its loaders into PCR 7 comes before all of it. */
    for (size_t from = at; from < edit->n; from++) {
        if (edit->items[from].pcr == 7) {
            logs_copy(edit, from, at);
            logs_drop(edit, from + 1);
            at++;
        }
    }
    for (size_t i = 0; i < own->n; i++) {
        if (own->items[i].pcr == 7) {
            logs_insert(edit, at, 7, own->items[i].type, own->items[i].data);
            edit->items[at++] = own->items[i];
        }
    }
}

/* The same with the genuine data replaced by something that looks harmless. */
static void new_policy_and_data(struct logs_edit *edit, uint32_t type)
{
    for (size_t i = 0; i < edit->n; i++) {
        if (edit->items[i].pcr == 7) {
            edit->items[i].type = type;
            edit->items[i].data = span_of("\0\0\0\0", 4);
        }
    }
    append_set(edit, "a-secureboot-healthy", 7);
}

/* Another loader was started; its record and all others of PCR 4 are hidden behind a genuine set.
 */
static void new_images(struct logs_edit *edit, uint32_t type)
{
    size_t at = logs_find(edit, 4, EV_EFI_BOOT_SERVICES_APPLICATION);

    logs_measure(edit, at, span_str("another loader"));
    relabel(edit, 4, type);
    append_set(edit, "a-secureboot-healthy", 4);
}

/* Only the one image. */
static void hidden_image(struct logs_edit *edit, uint32_t type)
{
    size_t at = logs_find(edit, 4, EV_EFI_BOOT_SERVICES_APPLICATION);

    logs_insert(edit, at, 4, type, span_str("x"));
    logs_measure(edit, at, span_str("another loader"));
}

static void second_line(struct logs_edit *edit, uint32_t pcr)
{
    logs_insert(edit, edit->n, pcr, EV_SEPARATOR, span_of("\0\0\0\0", 4));
}

static void no_line(struct logs_edit *edit, uint32_t pcr)
{
    logs_drop(edit, logs_find(edit, pcr, EV_SEPARATOR));
}

static void late_variable(struct logs_edit *edit, uint32_t type)
{
    static const uint8_t on[] = {1};

    logs_insert(edit, edit->n, 7, type,
                logs_variable(edit->arena, logs_global, "SecureBoot", span_of(on, 1)));
}

static void late_instead(struct logs_edit *edit, uint32_t type)
{
    logs_drop(edit, logs_find_variable(edit, "SecureBoot"));
    late_variable(edit, type);
}

static void empty_variable(struct logs_edit *edit, uint32_t type)
{
    (void)type;
    logs_set(edit, logs_find_variable(edit, "SecureBoot"),
             logs_variable(edit->arena, logs_global, "SecureBoot", (struct span){0}));
}

static void debug_mode(struct logs_edit *edit, uint32_t type)
{
    logs_insert(edit, logs_find(edit, 7, EV_SEPARATOR), 7, type, span_str("UEFI Debug Mode"));
}

/* TPM Carte Blanche: the firmware measured into SHA-1 alone, the OS fills SHA-256 with the history
 * of a healthy boot. What is data is then not what SHA-1 holds. */
static void filled_bank(struct logs_edit *edit, uint32_t type)
{
    (void)type;
    for (size_t bank = 0; bank < edit->n_banks; bank++) {
        for (size_t i = 0; edit->banks[bank].hash == HASH_SHA1 && i < edit->n; i++) {
            if (edit->items[i].pcr == 7) {
                edit->items[i].digest[bank][0] ^= 1;
            }
        }
    }
}

/* The firmware fills a bank that it cannot hash with a mark. */
static void capped_bank(struct logs_edit *edit, uint32_t type)
{
    (void)type;
    for (size_t bank = 0; bank < edit->n_banks; bank++) {
        for (size_t i = 0; edit->banks[bank].hash == HASH_SHA256 && i < edit->n; i++) {
            memset(edit->items[i].digest[bank], 0, HASH_MAX_BYTES);
            edit->items[i].digest[bank][0] = 1;
        }
    }
}

/* A log that has SHA-1 alone, with a quote of SHA-256. */
static void lacking_bank(struct logs_edit *edit, uint32_t type)
{
    (void)type;
    for (size_t bank = 0; bank < edit->n_banks; bank++) {
        if (edit->banks[bank].hash == HASH_SHA1) {
            for (size_t i = 0; i < edit->n; i++) {
                memcpy(edit->items[i].digest[0], edit->items[i].digest[bank], SHA1_BYTES);
            }
            edit->banks[0] = edit->banks[bank];
        }
    }
    edit->n_banks = 1;
}

static const struct {
    const char *name;
    const char *boot;
    void (*make)(struct logs_edit *edit, uint32_t argument);
    uint32_t argument;
    enum verdict best; /* the least bad that is right */
} attacks[] = {
    {"relabelled, new policy", "b-secureboot-off", new_policy, EV_UNUSED, VERDICT_NOT_VERIFIED},
    {"relabelled, new policy", "b-secureboot-off", new_policy, EV_EVENT_TAG, VERDICT_NOT_VERIFIED},
    {"relabelled, new policy", "b-secureboot-off", new_policy, EV_IPL, VERDICT_NOT_VERIFIED},
    {"relabelled, new policy", "b-secureboot-off", new_policy, 0x8401, VERDICT_NOT_VERIFIED},
    {"relabelled, new policy", "b-secureboot-off", new_policy, EV_EFI_VARIABLE_AUTHORITY,
     VERDICT_NOT_VERIFIED},
    {"relabelled, new policy", "b-secureboot-off", new_policy, EV_EFI_ACTION, VERDICT_NOT_VERIFIED},
    {"relabelled, new policy", "b-secureboot-off", new_policy, EV_EFI_SPDM_DEVICE_POLICY,
     VERDICT_NOT_VERIFIED},
    {"relabelled in place", "b-secureboot-off", new_policy_in_place, EV_EFI_VARIABLE_AUTHORITY,
     VERDICT_NOT_VERIFIED},
    {"relabelled in place", "b-secureboot-off", new_policy_in_place, EV_EFI_ACTION,
     VERDICT_NOT_VERIFIED},
    {"relabelled in place", "b-secureboot-off", new_policy_in_place, EV_EFI_SPDM_DEVICE_AUTHORITY,
     VERDICT_NOT_VERIFIED},
    {"relabelled in place", "b-secureboot-off", new_policy_in_place, EV_SEPARATOR,
     VERDICT_NOT_VERIFIED},
    {"relabelled with zeros", "b-secureboot-off", new_policy_and_data, EV_SEPARATOR,
     VERDICT_NOT_VERIFIED},
    {"relabelled with zeros", "b-secureboot-off", new_policy_and_data,
     EV_EFI_VARIABLE_DRIVER_CONFIG, VERDICT_NOT_VERIFIED},
    {"relabelled, new images", "a-secureboot-healthy", new_images, EV_UNUSED, VERDICT_NOT_VERIFIED},
    {"relabelled, new images", "a-secureboot-healthy", new_images, EV_EFI_ACTION,
     VERDICT_NOT_VERIFIED},
    {"relabelled, new images", "a-secureboot-healthy", new_images, EV_SEPARATOR,
     VERDICT_NOT_VERIFIED},
    {"relabelled, new images", "a-secureboot-healthy", new_images, EV_OMIT_BOOT_DEVICE_EVENTS,
     VERDICT_NOT_VERIFIED},
    {"hidden image", "a-secureboot-healthy", hidden_image, EV_PLATFORM_CONFIG_FLAGS,
     VERDICT_NOT_VERIFIED},
    {"hidden image", "a-secureboot-healthy", hidden_image, EV_COMPACT_HASH, VERDICT_NOT_VERIFIED},
    {"hidden image", "a-secureboot-healthy", hidden_image, EV_EFI_ACTION, VERDICT_NOT_VERIFIED},
    {"second line", "a-secureboot-healthy", second_line, 7, VERDICT_NOT_VERIFIED},
    {"second line", "a-secureboot-healthy", second_line, 4, VERDICT_NOT_VERIFIED},
    {"second line", "a-secureboot-healthy", second_line, 0, VERDICT_NOT_VERIFIED},
    {"no line", "a-secureboot-healthy", no_line, 7, VERDICT_NOT_VERIFIED},
    {"no line", "a-secureboot-healthy", no_line, 4, VERDICT_NOT_VERIFIED},
    {"late SecureBoot", "b-secureboot-off", late_variable, EV_EFI_VARIABLE_DRIVER_CONFIG,
     VERDICT_NOT_VERIFIED},
    {"late SecureBoot", "b-secureboot-off", late_instead, EV_EFI_VARIABLE_DRIVER_CONFIG,
     VERDICT_NOT_VERIFIED},
    {"late SecureBoot", "b-secureboot-off", late_instead, EV_EFI_VARIABLE_AUTHORITY,
     VERDICT_NOT_VERIFIED},
    {"empty SecureBoot", "a-secureboot-healthy", empty_variable, 0, VERDICT_UNHEALTHY},
    {"debug mode", "a-secureboot-healthy", debug_mode, EV_EFI_ACTION, VERDICT_UNHEALTHY},
    {"debug mode", "a-secureboot-healthy", debug_mode, EV_EVENT_TAG, VERDICT_NOT_VERIFIED},
    {"filled bank", "a-secureboot-healthy", filled_bank, 0, VERDICT_NOT_VERIFIED},
    {"capped bank", "a-secureboot-healthy", capped_bank, 0, VERDICT_NOT_VERIFIED},
    {"lacking bank", "a-secureboot-healthy", lacking_bank, 0, VERDICT_NOT_VERIFIED},
};

/* Makes the log, quotes it, judges it: the same machine every time, keys are slow to make. */
static void check_attack(struct requoted *r, const struct tpm_pcrs *pcrs, size_t i)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, attacks[i].boot);
    struct appraisal *a;

    r->pcrs = *pcrs;
    attacks[i].make(edit, attacks[i].argument);
    requote(r, edit);
    a = requoted_judge(r, &now);
    if (a->verdict == VERDICT_HEALTHY || a->verdict == VERDICT_CHANGED ||
        a->verdict < attacks[i].best) {
        print_reasons(a);
        fail_msg("%s, %x: %s", attacks[i].name, attacks[i].argument, verdict_name(a->verdict));
    }
    /* Nor does what is shown of it say so. */
    if (attacks[i].best == VERDICT_NOT_VERIFIED &&
        strcmp(attacks[i].boot, "b-secureboot-off") == 0 && a->facts != NULL) {
        assert_int_not_equal(a->facts->secure_boot, STATE_YES);
    }
    appraisal_done(a);
}

static void no_log_made_to_deceive_is_healthy_D_2_L_13_ALG_2_ALG_4_ALG_5(void **state)
{
    static const char *const boots[] = {"a-secureboot-healthy", "b-secureboot-off"};
    size_t checked = 0;

    (void)state;
    for (size_t boot = 0; boot < ARRAY_LEN(boots); boot++) {
        struct requoted r;
        struct tpm_pcrs pcrs;

        requoted_begin(&r, boots[boot]);
        pcrs = r.pcrs;
        for (size_t i = 0; i < ARRAY_LEN(attacks); i++) {
            if (strcmp(attacks[i].boot, boots[boot]) == 0) {
                check_attack(&r, &pcrs, i);
                checked++;
            }
        }
        requoted_end(&r);
    }
    assert_int_equal(checked, ARRAY_LEN(attacks));
}

/* The same way without an attack: what was said above is not said of everything. */
static void the_same_boot_unchanged_is_healthy(void **state)
{
    struct requoted r;
    struct logs_edit *edit;
    struct appraisal *a;

    (void)state;
    requoted_begin(&r, "a-secureboot-healthy");
    edit = logs_edit_boot(r.machine.arena, "a-secureboot-healthy");
    requote(&r, edit);
    a = requoted_judge(&r, &now);
    if (a->verdict != VERDICT_HEALTHY) {
        print_reasons(a);
    }
    assert_int_equal(a->verdict, VERDICT_HEALTHY);
    appraisal_done(a);
    requoted_end(&r);
}

/* A quote of PCRs cannot speak for RTMRs, however well the log of a confidential VM reads. */
static void the_log_of_a_confidential_vm_is_not_judged_L_10(void **state)
{
    static const char *const boots[] = {"a-secureboot-healthy", "b-secureboot-off"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(boots); i++) {
        struct requoted r;
        struct appraisal *a;

        requoted_begin(&r, boots[i]);
        r.machine.request.log = logs_bytes(logs_edit_ccel(r.machine.arena, boots[i]));
        a = requoted_judge(&r, &now);
        assert_int_equal(a->verdict, VERDICT_CANNOT_JUDGE);
        assert_non_null(strstr(requoted_reason(a, REASON_LOG_UNSUPPORTED)->text, "RTMRs"));
        assert_null(a->facts);
        assert_false(a->is_log_proven);
        appraisal_done(a);
        requoted_end(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_log_made_to_deceive_is_healthy_D_2_L_13_ALG_2_ALG_4_ALG_5),
        cmocka_unit_test(the_same_boot_unchanged_is_healthy),
        cmocka_unit_test(the_log_of_a_confidential_vm_is_not_judged_L_10),
    };

    return RUN_TESTS(tests);
}
