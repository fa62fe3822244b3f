/*
 * Logs of confidential VMs (CCEL): reading, padding and registers (L-1, L-4, L-7, L-9, L-10), and
 * what is left of the rules of Secure Boot in registers that many kinds of events share: SB-1,
 * SB-2, SB-4, SB-5, SB-8, D-1, D-2, B-14. The logs are recorded boots in other registers; real ones
 * are in t-public.c.
 */
#include "unit/facts/logs.h"

#include "base/codec.h"

static struct logs_edit *healthy(struct arena *arena)
{
    return logs_edit_ccel(arena, "a-secureboot-healthy");
}

/* The log and some bytes of `fill` behind it, as the buffer of the firmware holds them. */
static struct span padded_but_last(const struct logs_edit *edit, size_t n, int fill, int last)
{
    struct span bytes = logs_bytes(edit);
    uint8_t *copy = arena_alloc(edit->arena, bytes.len + n);

    assert_non_null(copy);
    memcpy(copy, bytes.data, bytes.len);
    memset(copy + bytes.len, fill, n);
    if (n > 0) {
        copy[bytes.len + n - 1] = (uint8_t)last;
    }
    return span_of(copy, bytes.len + n);
}

static struct span padded(const struct logs_edit *edit, size_t n, int fill)
{
    return padded_but_last(edit, n, fill, fill);
}

/* ---- reading ---- */

static void padding_is_all_zeros_or_all_ones_and_here_alone_L_4(void **state)
{
    static const int fills[] = {0x00, 0xff};
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);
    struct logs_edit *pcrs = logs_edit_boot(arena, "a-secureboot-healthy");
    struct eventlog *log = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fills); i++) {
        for (size_t n = 0; n < 200; n += n < 20 ? 1 : 37) {
            struct trail trail = {0};
            struct span bytes = padded(edit, n, fills[i]);

            log = logs_read(arena, bytes);
            assert_int_equal(log->padding, n);
            assert_int_equal(log->n_events, edit->n + 1);
            if (n == 0) {
                continue;
            }
            assert_err(eventlog_read(arena, padded(pcrs, n, fills[i]), &trail, &log), ERR_TRAILING);
            assert_true(trail.has_offset);
            assert_true(eventlog_read(arena, padded_but_last(edit, n, fills[i], 1), &trail, &log) !=
                        ERR_OK);
            assert_true(trail.has_offset);
        }
    }
    for (size_t n = 1; n < 64; n++) { /* anything else there is a record that was cut */
        assert_true(eventlog_read(arena, padded(edit, n, 0x20), NULL, &log) != ERR_OK);
    }
}

static void its_registers_are_1_to_4_L_10(void **state)
{
    static const struct {
        uint32_t index, type;
        err_t want;
        const char *name;
    } cases[] = {
        {0, EV_NO_ACTION, ERR_OK, "MRTD"}, /* seen: SP800-155 references */
        {0, EV_SEPARATOR, ERR_MALFORMED, "MRTD"},
        {0, EV_EFI_PLATFORM_FIRMWARE_BLOB, ERR_MALFORMED, "MRTD"},
        {1, EV_PLATFORM_CONFIG_FLAGS, ERR_OK, "RTMR0"},
        {2, EV_PLATFORM_CONFIG_FLAGS, ERR_OK, "RTMR1"},
        {3, EV_IPL, ERR_OK, "RTMR2"},
        {4, EV_IPL, ERR_OK, "RTMR3"},
        {5, EV_IPL, ERR_MALFORMED, "register 5"},
        {7, EV_SEPARATOR, ERR_MALFORMED, "register 7"},
        {23, EV_NO_ACTION, ERR_MALFORMED, "register 23"},
        {UINT32_MAX, EV_NO_ACTION, ERR_MALFORMED, "register 4294967295"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = healthy(arena);
        struct eventlog *whole = logs_read(arena, logs_bytes(edit));
        struct eventlog *log = NULL;
        struct trail trail = {0};

        logs_insert(edit, edit->n, cases[i].index, cases[i].type, span_str("x"));
        assert_err(eventlog_read(arena, logs_bytes(edit), &trail, &log), cases[i].want);
        assert_true(trail.has_offset == (cases[i].want != ERR_OK));
        assert_string_equal(eventlog_register_name(arena, whole, cases[i].index), cases[i].name);
    }
}

/* The header says what the registers are; a log of PCRs keeps its rules. */
static void the_header_makes_the_difference_L_1(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "a-secureboot-healthy");
    struct eventlog *log = logs_read(arena, logs_bytes(edit));

    (void)state;
    assert_int_equal(log->kind, EVENTLOG_PCRS);
    for (size_t i = 0; i < log->n_events; i++) {
        assert_int_equal(log->events[i].home, log->events[i].pcr);
    }
    edit->header = 1;
    assert_true(eventlog_read(arena, logs_bytes(edit), NULL, &log) != ERR_OK);
    edit->header = 2;
    assert_err(eventlog_read(arena, logs_bytes(edit), NULL, &log), ERR_MALFORMED);
}

static void registers_start_at_zero_whatever_the_log_says_L_7_L_9(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct logs_edit *edit = healthy(arena);
    struct eventlog_registers regs;
    struct eventlog *log;
    uint8_t want[5][32] = {{0}};
    int bank;

    (void)state;
    /* No TPM2_Startup starts these: the words of a PCR log have no meaning here. */
    logs_insert(edit, 0, 1, EV_NO_ACTION, span_of("StartupLocality\0\3", 17));
    log = logs_read(arena, logs_bytes(edit));
    assert_int_equal(log->startup_locality, 0);
    bank = eventlog_bank(log, HASH_SHA256);
    assert_true(bank >= 0);
    for (size_t i = 0; i < edit->n; i++) {
        uint8_t both[64];
        uint32_t at = edit->items[i].pcr;

        if (edit->items[i].type != EV_NO_ACTION) {
            memcpy(both, want[at], 32);
            memcpy(both + 32, edit->items[i].digest[bank], 32);
            assert_ok(hash_once(HASH_SHA256, span_of(both, 64), want[at]));
        }
    }
    assert_ok(eventlog_replay(log, HASH_SHA256, hasher, NULL, &regs));
    assert_int_equal(regs.extended, 1u << 1 | 1u << 2 | 1u << 3);
    for (size_t i = 0; i < 5; i++) {
        assert_memory_equal(regs.value[i], want[i], 32);
    }
}

/* ---- facts ---- */

static void the_same_boot_has_the_same_facts(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *pcrs =
        logs_facts(arena, logs_boot(arena, "a-secureboot-healthy")).facts;
    const struct boot_facts *facts = logs_edited_facts(healthy(arena));

    (void)state;
    logs_expect_clean(facts);
    logs_expect(facts, FINDING_SHARED_REGISTERS, WEIGHT_NOTE, "D-2");
    assert_int_equal(facts->secure_boot, STATE_YES);
    assert_int_equal(facts->n_authorities, pcrs->n_authorities);
    assert_string_equal(facts->sbat_level, pcrs->sbat_level);
    assert_string_equal(facts->boot_software, pcrs->boot_software);
    assert_string_equal(facts->cmdline, pcrs->cmdline);
    assert_int_equal(facts->n_images, pcrs->n_images);
    assert_int_equal(facts->n_files, pcrs->n_files);
    for (size_t i = 0; i < facts->n_images; i++) {
        assert_int_equal(facts->images[i].part, pcrs->images[i].part);
    }
    assert_true(facts->has_exit_boot_services);
    assert_true(span_equal(facts->mok_list, pcrs->mok_list));
}

/* Something may always stand in RTMR2 under another name. */
static void says_no_only_where_that_can_be_known(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *pcrs =
        logs_facts(arena, logs_boot(arena, "a-secureboot-healthy")).facts;
    const struct boot_facts *facts = logs_edited_facts(healthy(arena));

    (void)state;
    assert_int_equal(pcrs->shim_validation, STATE_YES);
    assert_int_equal(facts->shim_validation, STATE_UNKNOWN);
    assert_int_equal(facts->mok_enrolled, STATE_UNKNOWN);
    assert_int_equal(facts->debug_mode, STATE_NO); /* its digest is known and is not there */
}

static void reads_a_unified_kernel_image_in_rtmr2(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *pcrs = logs_facts(arena, logs_boot(arena, "k-uki-creds-sysext")).facts;
    const struct boot_facts *facts = logs_edited_facts(logs_edit_ccel(arena, "k-uki-creds-sysext"));

    (void)state;
    assert_string_equal(facts->boot_software, pcrs->boot_software);
    assert_int_equal(facts->n_uki, pcrs->n_uki);
    logs_expect_clean(facts);
}

/* ---- attacks: whoever runs in the guest's kernel can extend all four registers ---- */

/*
 * The attack of the go-attestation disclosure. Secure Boot was off; the genuine events are called
 * something else, and a whole set that says "on" is extended behind them.
 */
static void relabelled_events_and_a_new_set_are_a_fault_D_2_SB_2(void **state)
{
    static const uint32_t types[] = {EV_UNUSED,
                                     EV_POST_CODE,
                                     EV_EVENT_TAG,
                                     EV_PLATFORM_CONFIG_FLAGS,
                                     EV_EFI_HANDOFF_TABLES2,
                                     EV_EFI_PLATFORM_FIRMWARE_BLOB2,
                                     EV_EFI_VARIABLE_BOOT,
                                     EV_EFI_VARIABLE_BOOT2,
                                     EV_NONHOST_CONFIG,
                                     EV_TABLE_OF_DEVICES,
                                     EV_CPU_MICROCODE,
                                     0x40e};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = logs_edit_ccel(arena, "b-secureboot-off");
        struct logs_edit *own = healthy(arena);
        const struct boot_facts *facts;

        assert_int_equal(logs_edited_facts(edit)->secure_boot, STATE_NO);
        for (size_t j = 0; j < edit->n; j++) {
            if (edit->items[j].pcr == 1) {
                edit->items[j].type = types[i];
                edit->items[j].data = span_str("ACPI DATA");
            }
        }
        for (size_t j = 0; j < own->n; j++) {
            if (own->items[j].pcr == 1) {
                edit->items[edit->n++] = own->items[j];
            }
        }
        facts = logs_edited_facts(edit);
        assert_int_equal(facts->secure_boot, STATE_UNKNOWN);
        assert_false(facts->has_secure_boot_variable);
        logs_expect(facts, FINDING_EVENT_ORDER, WEIGHT_FAULT, "SB-2");
        logs_expect(facts, FINDING_EVENT_TYPE, WEIGHT_FAULT, "D-2"); /* the hidden line */
    }
}

/* The same, with the genuine line left as it is and called genuine. */
static void variables_behind_the_first_line_are_late_SB_2(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);
    size_t at = logs_find_variable(edit, "SecureBoot");
    struct logs_item item = edit->items[at];
    const struct boot_facts *facts;

    (void)state;
    logs_drop(edit, at);
    edit->items[edit->n++] = item;
    facts = logs_edited_facts(edit);
    logs_expect(facts, FINDING_EVENT_ORDER, WEIGHT_FAULT, "SB-2");
    assert_int_equal(facts->secure_boot, STATE_UNKNOWN);
    assert_false(facts->has_secure_boot_variable);
}

/* PCR 1 of a TPM takes variables of drivers, after the line too. */
static void other_variables_may_come_late(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);

    (void)state;
    logs_insert(edit, edit->n - 2, 1, EV_EFI_VARIABLE_DRIVER_CONFIG,
                logs_variable(arena, logs_shim, "Setup", span_str("x")));
    logs_expect_clean(logs_edited_facts(edit));
}

static void lines_stand_once_for_each_register_or_pcr_SB_1_B_1(void **state)
{
    static const struct {
        unsigned rtmr0, rtmr1; /* besides the one that each has */
        bool rtmr1_lacks;
        bool is_fault;
    } cases[] = {
        {0, 0, false, false}, {1, 4, false, false}, {2, 4, false, false}, {1, 0, false, true},
        {0, 1, false, true},  {3, 4, false, true},  {1, 0, true, true},   {0, 0, true, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = healthy(arena);
        size_t at = logs_find(edit, 2, EV_SEPARATOR);
        const struct boot_facts *facts;

        for (unsigned k = 0; k < cases[i].rtmr0; k++) {
            logs_insert(edit, at, 1, EV_SEPARATOR, span_of("\0\0\0\0", 4));
        }
        for (unsigned k = 0; k < cases[i].rtmr1; k++) {
            logs_insert(edit, at, 2, EV_SEPARATOR, span_of("\0\0\0\0", 4));
        }
        if (cases[i].rtmr1_lacks) {
            logs_drop(edit, logs_find(edit, 2, EV_SEPARATOR));
        }
        facts = logs_edited_facts(edit);
        assert_true((logs_count(facts, FINDING_SEPARATOR, WEIGHT_FAULT) > 0) == cases[i].is_fault);
        if (cases[i].rtmr0 > 0 && cases[i].is_fault) {
            assert_int_equal(facts->secure_boot, STATE_UNKNOWN);
            logs_expect(facts, FINDING_SEPARATOR, WEIGHT_FAULT, "SB-1");
        }
    }
}

/* OVMF's misplaced line is excused by name, and lets nothing pass as early. */
static void a_misplaced_line_of_ovmf_is_a_quirk_by_name_B_14(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);
    size_t at = logs_find(edit, 2, EV_SEPARATOR);
    const struct boot_facts *facts;

    (void)state;
    edit->items[at].pcr = 1;
    logs_expect(logs_edited_facts(edit), FINDING_SEPARATOR, WEIGHT_FAULT, "SB-1");
    logs_insert(edit, 0, 1, EV_EFI_PLATFORM_FIRMWARE_BLOB2,
                span_str(")Fv(XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX)0123456789abcdef"));
    facts = logs_edited_facts(edit);
    logs_expect_clean(facts);
    logs_expect(facts, FINDING_VENDOR_QUIRK, WEIGHT_NOTE, "B-14");
    assert_int_equal(facts->secure_boot, STATE_YES);
    logs_copy(edit, logs_find_variable(edit, "SecureBoot"), at + 1); /* between the two lines */
    facts = logs_edited_facts(edit);
    logs_expect(facts, FINDING_EVENT_ORDER, WEIGHT_FAULT, "SB-2");
    assert_int_equal(facts->secure_boot, STATE_UNKNOWN);
}

static void an_empty_secure_boot_variable_is_neither_SB_4(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);
    const struct boot_facts *facts;

    (void)state;
    logs_set(edit, logs_find_variable(edit, "SecureBoot"),
             logs_variable(arena, logs_global, "SecureBoot", (struct span){0}));
    facts = logs_edited_facts(edit);
    logs_expect(facts, FINDING_SECURE_BOOT_VALUE, WEIGHT_NOTE, "SB-4");
    assert_int_equal(facts->secure_boot, STATE_UNKNOWN);
}

static void a_changed_text_is_a_fault_D_1(void **state)
{
    static const char *const names[] = {"SecureBoot", "db", "dbx"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = healthy(arena);
        struct logs_item *item = &edit->items[logs_find_variable(edit, names[i])];
        uint8_t *copy = arena_alloc(arena, item->data.len);

        assert_non_null(copy);
        memcpy(copy, item->data.data, item->data.len);
        copy[item->data.len - 1] ^= 1;
        item->data = span_of(copy, item->data.len); /* the digest stays */
        logs_expect(logs_edited_facts(edit), FINDING_EVENT_DIGEST, WEIGHT_FAULT, "D-1");
        assert_int_equal(logs_edited_facts(edit)->secure_boot, STATE_UNKNOWN);
    }
}

/* SB-8: "UEFI Debug Mode" is known by its digest, whatever it is called. */
static void debug_mode_does_not_hide_under_another_type_SB_8_D_2(void **state)
{
    static const uint32_t types[] = {EV_EFI_ACTION, EV_PLATFORM_CONFIG_FLAGS,
                                     EV_EFI_PLATFORM_FIRMWARE_BLOB2};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = healthy(arena);
        const struct boot_facts *facts;

        logs_insert(edit, 0, 1, types[i], span_str("UEFI Debug Mode"));
        if (types[i] != EV_EFI_ACTION) {
            edit->items[0].data = span_str("ACPI DATA");
        }
        facts = logs_edited_facts(edit);
        assert_int_equal(facts->debug_mode, STATE_YES);
        assert_true(facts->secure_boot != STATE_YES);
        assert_true(logs_count(facts, FINDING_DEBUG_MODE, WEIGHT_BAD) +
                        logs_count(facts, FINDING_EVENT_TYPE, WEIGHT_FAULT) >
                    0);
    }
}

static void types_of_other_registers_are_a_fault_D_2(void **state)
{
    static const struct {
        uint32_t index, type;
        bool allowed;
    } cases[] = {
        {1, EV_IPL, false},
        {1, EV_EFI_GPT_EVENT2, false},
        {1, EV_COMPACT_HASH, false},
        {1, EV_EFI_BOOT_SERVICES_DRIVER, false},
        {1, EV_PREBOOT_CERT, false},
        {1, EV_UNUSED, false},
        {1, 0x8401, false},
        {1, EV_CPU_MICROCODE, true},
        {2, EV_IPL, false},
        {2, EV_EFI_VARIABLE_AUTHORITY, false},
        {2, EV_EFI_HANDOFF_TABLES2, false},
        {2, EV_UNUSED, false},
        {2, 0x40e, false},
        {2, EV_EVENT_TAG, true}, /* systemd-boot's loader.conf */
        {3, EV_EFI_VARIABLE_DRIVER_CONFIG, false},
        {3, EV_SEPARATOR, false},
        {3, EV_IPL, true},
        {3, EV_EVENT_TAG, true},
        {4, EV_IPL, true},
        {4, 0x1234, true}, /* the owner's register */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = healthy(arena);
        size_t n;

        logs_insert(edit, 0, cases[i].index, cases[i].type, span_str("x"));
        n = logs_count(logs_edited_facts(edit), FINDING_EVENT_TYPE, WEIGHT_FAULT);
        if ((n == 0) != cases[i].allowed) {
            fail_msg("type %x in register %u: %zu faults", cases[i].type, cases[i].index, n);
        }
        /* What is wrong in RTMR0 is wrong where Secure Boot stands. */
        assert_true(cases[i].allowed || cases[i].index != 1 ||
                    logs_edited_facts(edit)->secure_boot == STATE_UNKNOWN);
    }
}

/* A boot attempt that calls itself an image is known by its digest too. */
static void an_action_is_no_image_D_2(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);
    size_t at = logs_find(edit, 2, EV_EFI_ACTION);

    (void)state;
    edit->items[at].type = EV_EFI_BOOT_SERVICES_APPLICATION;
    logs_expect(logs_edited_facts(edit), FINDING_EVENT_TYPE, WEIGHT_FAULT, "D-2");
}

/* Userspace measures the phases of systemd; no firmware log holds them, under whatever name (B-9).
 */
static void phase_words_in_rtmr2_are_a_fault_B_9(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_ccel(arena, "k-uki-creds-sysext");

    (void)state;
    logs_insert(edit, edit->n, 3, EV_IPL, span_str("enter-initrd"));
    edit->items[edit->n - 1].data = span_str("/a/file");
    logs_expect(logs_edited_facts(edit), FINDING_EVENT_ORDER, WEIGHT_FAULT, "B-9");
}

/* A bank that we cannot compute proves nothing, and nothing is called on or off (ALG-6, ALG-7). */
static void an_unknown_bank_proves_nothing_ALG_6_ALG_7(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);
    const struct boot_facts *facts;
    struct logs_edit *sm3 = arena_calloc(arena, 1, sizeof(*sm3));

    (void)state;
    assert_non_null(sm3);
    *sm3 = *edit;
    for (size_t i = 0; i < edit->n_banks; i++) {
        if (edit->banks[i].hash == HASH_SHA256) {
            sm3->banks[0] = (struct eventlog_bank){TPM_SM3_256, 32, HASH_NONE};
            for (size_t j = 0; j < edit->n; j++) {
                memcpy(sm3->items[j].digest[0], edit->items[j].digest[i], 32);
            }
        }
    }
    sm3->n_banks = 1;
    facts = logs_edited_facts(sm3);
    logs_expect(facts, FINDING_UNKNOWN_BANK, WEIGHT_NOTE, "ALG-6");
    assert_int_equal(facts->secure_boot, STATE_UNKNOWN);
    assert_false(facts->has_secure_boot_variable);
    assert_null(facts->cmdline);
    for (size_t i = 0; i < facts->n_images; i++) {
        assert_false(facts->images[i].is_repeat); /* nothing tells two apart */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(padding_is_all_zeros_or_all_ones_and_here_alone_L_4),
        cmocka_unit_test(its_registers_are_1_to_4_L_10),
        cmocka_unit_test(the_header_makes_the_difference_L_1),
        cmocka_unit_test(registers_start_at_zero_whatever_the_log_says_L_7_L_9),
        cmocka_unit_test(the_same_boot_has_the_same_facts),
        cmocka_unit_test(says_no_only_where_that_can_be_known),
        cmocka_unit_test(reads_a_unified_kernel_image_in_rtmr2),
        cmocka_unit_test(relabelled_events_and_a_new_set_are_a_fault_D_2_SB_2),
        cmocka_unit_test(variables_behind_the_first_line_are_late_SB_2),
        cmocka_unit_test(other_variables_may_come_late),
        cmocka_unit_test(lines_stand_once_for_each_register_or_pcr_SB_1_B_1),
        cmocka_unit_test(a_misplaced_line_of_ovmf_is_a_quirk_by_name_B_14),
        cmocka_unit_test(an_empty_secure_boot_variable_is_neither_SB_4),
        cmocka_unit_test(a_changed_text_is_a_fault_D_1),
        cmocka_unit_test(debug_mode_does_not_hide_under_another_type_SB_8_D_2),
        cmocka_unit_test(types_of_other_registers_are_a_fault_D_2),
        cmocka_unit_test(an_action_is_no_image_D_2),
        cmocka_unit_test(phase_words_in_rtmr2_are_a_fault_B_9),
        cmocka_unit_test(an_unknown_bank_proves_nothing_ALG_6_ALG_7),
    };

    return RUN_TESTS(tests);
}
