/* The Secure Boot state: B-1, D-2, ALG-2, SB-1 to SB-8, each rule broken in turn. */
#include "unit/facts/logs.h"

#include "base/codec.h"

static struct logs_edit *healthy(struct arena *arena)
{
    return logs_edit_boot(arena, "a-secureboot-healthy");
}

static void set_variable(struct logs_edit *edit, const uint8_t guid[16], const char *name,
                         struct span value)
{
    logs_set(edit, logs_find_variable(edit, name), logs_variable(edit->arena, guid, name, value));
}

/* ---- D-2 ---- */

/* The attack of the go-attestation disclosure: genuine events of PCR 7 relabelled as a type that
 * readers skip, and an own set appended. The replay would be right. */
static void relabelled_events_in_pcr_7_are_a_fault_D_2(void **state)
{
    static const uint32_t types[] = {EV_UNUSED,
                                     EV_ACTION,
                                     EV_IPL,
                                     EV_EVENT_TAG,
                                     0x40e,
                                     0x8401,
                                     EV_EFI_VARIABLE_BOOT,
                                     EV_EFI_BOOT_SERVICES_APPLICATION,
                                     EV_COMPACT_HASH};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = logs_edit_boot(arena, "b-secureboot-off");
        const struct boot_facts *facts;
        size_t n = edit->n;

        for (size_t j = 0; j < n; j++) {
            if (edit->items[j].pcr == 7) {
                edit->items[j].type = types[i];
            }
        }
        {
            struct logs_edit *own = healthy(arena);

            for (size_t j = 0; j < own->n; j++) {
                if (own->items[j].pcr == 7) {
                    edit->items[edit->n++] = own->items[j];
                }
            }
        }
        facts = logs_edited_facts(edit);
        logs_expect(facts, FINDING_EVENT_TYPE, WEIGHT_FAULT, "D-2");
        assert_int_equal(facts->secure_boot, STATE_UNKNOWN);
    }
}

static void only_the_allowed_types_stand_in_pcr_4_and_7_D_2(void **state)
{
    static const struct {
        uint32_t pcr, type;
        bool allowed;
    } cases[] = {
        {7, EV_SEPARATOR, true},
        {7, EV_EFI_VARIABLE_DRIVER_CONFIG, true},
        {7, EV_EFI_VARIABLE_AUTHORITY, false}, /* "x" is no variable */
        {7, EV_EFI_ACTION, true},
        {7, EV_EFI_SPDM_DEVICE_POLICY, false}, /* "x" is no device database */
        {7, EV_EFI_SPDM_DEVICE_AUTHORITY, false},
        {7, EV_EFI_SPDM_FIRMWARE_BLOB, false},
        {7, EV_COMPACT_HASH, false},
        {7, EV_NO_ACTION, true},
        {4, EV_SEPARATOR, true},
        {4, EV_EFI_ACTION, true},
        {4, EV_EFI_BOOT_SERVICES_APPLICATION, true},
        {4, EV_EFI_BOOT_SERVICES_DRIVER, true},
        {4, EV_EFI_RUNTIME_SERVICES_DRIVER, true},
        {4, EV_NO_ACTION, true},
        {4, EV_COMPACT_HASH, false}, /* this is no legacy BIOS */
        {4, EV_IPL, false},
        {4, EV_ACTION, false},
        {4, EV_EFI_VARIABLE_AUTHORITY, false},
        {4, EV_EFI_VARIABLE_DRIVER_CONFIG, false},
        {4, EV_EFI_PLATFORM_FIRMWARE_BLOB, false},
        {5, EV_IPL, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = healthy(arena);
        const struct boot_facts *facts;

        logs_insert(edit, edit->n, cases[i].pcr, cases[i].type, span_str("x"));
        facts = logs_edited_facts(edit);
        if ((logs_count(facts, FINDING_EVENT_TYPE, WEIGHT_FAULT) == 0) != cases[i].allowed) {
            fail_msg("type %x in PCR %u", cases[i].type, cases[i].pcr);
        }
    }
}

/* SPDM events are let in for the device database alone, or they would be a place to hide in. */
static void device_events_are_of_the_device_database_D_2_B_11(void **state)
{
    static const uint32_t types[] = {EV_EFI_SPDM_DEVICE_POLICY, EV_EFI_SPDM_DEVICE_AUTHORITY};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = healthy(arena);
        const struct boot_facts *facts;

        logs_insert(edit, 3, 7, types[i],
                    logs_variable(arena, logs_security, "devdb", span_str("list")));
        facts = logs_edited_facts(edit);
        logs_expect_clean(facts);
        assert_int_equal(facts->secure_boot, STATE_YES);
        edit = logs_edit_boot(arena, "m-shim-validation-disabled");
        edit->items[logs_find_variable(edit, "MokSBState")].type = types[i];
        facts = logs_edited_facts(edit);
        logs_expect(facts, FINDING_EVENT_TYPE, WEIGHT_FAULT, "D-2");
        assert_int_equal(facts->secure_boot, STATE_UNKNOWN);
        assert_int_equal(facts->shim_validation, STATE_NO); /* PCR 14 tells it too */
    }
}

static void a_legacy_bios_may_measure_its_boot_block_D_2(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);
    const struct boot_facts *facts;

    (void)state;
    for (size_t i = edit->n; i > 0; i--) {
        if (edit->items[i - 1].type != EV_SEPARATOR) {
            logs_drop(edit, i - 1);
        }
    }
    logs_insert(edit, edit->n, 4, EV_IPL, span_str("boot block"));
    logs_insert(edit, edit->n, 4, EV_COMPACT_HASH, span_str("x"));
    facts = logs_edited_facts(edit);
    assert_int_equal(logs_count(facts, FINDING_EVENT_TYPE, WEIGHT_FAULT), 0);
    assert_int_equal(facts->secure_boot, STATE_UNKNOWN);
    assert_string_equal(facts->boot_software, "legacy BIOS");
}

static void unknown_types_elsewhere_are_noted(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);

    (void)state;
    logs_insert(edit, 1, 2, 0x8401, span_str("\1"));
    logs_expect(logs_edited_facts(edit), FINDING_UNKNOWN_EVENT_TYPE, WEIGHT_NOTE, "D-2");
    logs_expect_clean(logs_edited_facts(edit));
}

/* ---- separators ---- */

static void each_register_has_one_separator_B_1_SB_1(void **state)
{
    (void)state;
    for (uint32_t pcr = 0; pcr < 8; pcr++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = healthy(arena);
        size_t at = logs_find(edit, pcr, EV_SEPARATOR);
        const char *rule = pcr == 7 ? "SB-1" : "B-1";
        const struct boot_facts *facts;

        logs_copy(edit, at, at);
        facts = logs_edited_facts(edit);
        logs_expect(facts, FINDING_SEPARATOR, WEIGHT_FAULT, rule);
        assert_int_equal(facts->secure_boot, pcr == 7 ? STATE_UNKNOWN : STATE_YES);
        logs_drop(edit, at);
        logs_drop(edit, at);
        facts = logs_edited_facts(edit);
        logs_expect(facts, FINDING_SEPARATOR, WEIGHT_FAULT, rule);
        assert_int_equal(facts->secure_boot, pcr == 7 ? STATE_UNKNOWN : STATE_YES);
    }
}

static void a_separator_is_four_zeros_SB_1_B_1(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        bool is_note; /* in PCR 0 to 6 */
    } cases[] = {
        {"\1\0\0\0", 4, false}, {"\xff\xff\xff\xff", 4, true}, {"\0\0\0", 3, false},
        {"", 0, false},         {"\0\0\0\0\0", 5, false},      {"WBCL", 4, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = healthy(arena);

        logs_set(edit, logs_find(edit, 7, EV_SEPARATOR), span_of(cases[i].bytes, cases[i].len));
        logs_expect(logs_edited_facts(edit), FINDING_SEPARATOR, WEIGHT_FAULT, "SB-1");
        assert_int_equal(logs_edited_facts(edit)->secure_boot, STATE_UNKNOWN);
        edit = healthy(arena);
        logs_set(edit, logs_find(edit, 2, EV_SEPARATOR), span_of(cases[i].bytes, cases[i].len));
        logs_expect(logs_edited_facts(edit), FINDING_SEPARATOR,
                    cases[i].is_note ? WEIGHT_NOTE : WEIGHT_FAULT, "B-1");
    }
}

/* TPM Carte Blanche: a bank that the firmware did not measure into (ALG-2), or capped (ALG-5). */
static void a_bank_without_separators_is_a_fault_ALG_2_ALG_5(void **state)
{
    static const uint8_t caps[] = {0x00, 0x01, 0xff};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(caps); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = healthy(arena);
        const struct boot_facts *facts;

        for (size_t j = 0; j < edit->n; j++) {
            memset(edit->items[j].digest[2], caps[i], 48);
        }
        facts = logs_edited_facts(edit);
        logs_expect(facts, FINDING_BANK_LACKS_SEPARATOR, WEIGHT_FAULT, "ALG-2");
        assert_int_equal(logs_count(facts, FINDING_BANK_LACKS_SEPARATOR, WEIGHT_FAULT), 1);
        assert_int_equal(facts->secure_boot, STATE_UNKNOWN);
    }
}

/* ---- variables ---- */

static void variables_come_before_the_separator_SB_2(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);
    size_t separator = logs_find(edit, 7, EV_SEPARATOR);
    const struct boot_facts *facts;

    (void)state;
    logs_copy(edit, logs_find_variable(edit, "dbx"), separator + 1);
    logs_drop(edit, logs_find_variable(edit, "dbx"));
    facts = logs_edited_facts(edit);
    logs_expect(facts, FINDING_EVENT_ORDER, WEIGHT_FAULT, "SB-2");
    assert_false(facts->dbx.present);
    assert_int_equal(facts->secure_boot, STATE_UNKNOWN);
}

/* Secure Boot was off; the OS appends "SecureBoot = 1" and extends it for real. */
static void a_second_variable_is_a_fault_SB_2(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    static const char *const names[] = {"SecureBoot", "PK", "KEK", "db", "dbx"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct logs_edit *edit = healthy(arena);
        const struct boot_facts *facts;

        logs_copy(edit, logs_find_variable(edit, names[i]), logs_find(edit, 7, EV_SEPARATOR));
        facts = logs_edited_facts(edit);
        logs_expect(facts, FINDING_EVENT_ORDER, WEIGHT_FAULT, "SB-2");
        assert_int_equal(facts->secure_boot, STATE_UNKNOWN);
    }
    {
        struct logs_edit *edit = logs_edit_boot(arena, "b-secureboot-off");
        const struct boot_facts *facts;

        logs_insert(edit, edit->n, 7, EV_EFI_VARIABLE_DRIVER_CONFIG,
                    logs_variable(arena, logs_global, "SecureBoot", span_of("\1", 1)));
        facts = logs_edited_facts(edit);
        logs_expect(facts, FINDING_EVENT_ORDER, WEIGHT_FAULT, "SB-2");
        assert_int_equal(facts->secure_boot, STATE_NO);
    }
}

static void a_malformed_variable_is_a_fault_SB_2(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);

    (void)state;
    logs_insert(edit, logs_find(edit, 7, EV_SEPARATOR), 7, EV_EFI_VARIABLE_DRIVER_CONFIG,
                span_str("no variable"));
    logs_expect(logs_edited_facts(edit), FINDING_SECURE_BOOT_VALUE, WEIGHT_FAULT, "SB-2");
}

static void a_missing_variable_is_a_fault_SB_3(void **state)
{
    static const char *const names[] = {"SecureBoot", "PK", "KEK", "db", "dbx"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = healthy(arena);
        const struct boot_facts *facts;

        logs_drop(edit, logs_find_variable(edit, names[i]));
        facts = logs_edited_facts(edit);
        logs_expect(facts, FINDING_EVENT_ORDER, WEIGHT_FAULT, "SB-3");
        assert_int_equal(logs_count(facts, FINDING_EVENT_ORDER, WEIGHT_FAULT), 1);
        assert_int_equal(facts->secure_boot, STATE_UNKNOWN);
    }
}

static void another_order_is_noted_SB_3(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);
    size_t pk = logs_find_variable(edit, "PK");
    size_t kek = logs_find_variable(edit, "KEK");
    struct logs_item item = edit->items[pk];
    const struct boot_facts *facts;

    (void)state;
    edit->items[pk] = edit->items[kek];
    edit->items[kek] = item;
    facts = logs_edited_facts(edit);
    logs_expect(facts, FINDING_EVENT_ORDER, WEIGHT_NOTE, "SB-3");
    assert_int_equal(facts->secure_boot, STATE_YES);
    edit = healthy(arena);
    logs_insert(edit, logs_find(edit, 7, EV_SEPARATOR), 7, EV_EFI_VARIABLE_DRIVER_CONFIG,
                logs_variable(arena, logs_global, "OsRecoveryOrder", span_str("x")));
    facts = logs_edited_facts(edit);
    logs_expect(facts, FINDING_EVENT_ORDER, WEIGHT_NOTE, "SB-3");
    assert_int_equal(facts->secure_boot, STATE_YES);
}

static void the_value_is_one_byte_of_0_or_1_SB_4(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        enum finding_weight weight;
    } cases[] = {
        {"", 0, WEIGHT_NOTE},      {"\2", 1, WEIGHT_FAULT},   {"\xff", 1, WEIGHT_FAULT},
        {"\1\0", 2, WEIGHT_FAULT}, {"\0\1", 2, WEIGHT_FAULT}, {"1", 1, WEIGHT_FAULT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = healthy(arena);
        const struct boot_facts *facts;

        set_variable(edit, logs_global, "SecureBoot", span_of(cases[i].bytes, cases[i].len));
        facts = logs_edited_facts(edit);
        logs_expect(facts, FINDING_SECURE_BOOT_VALUE, cases[i].weight, "SB-4");
        assert_int_equal(facts->secure_boot, STATE_UNKNOWN);
        assert_false(facts->has_secure_boot_variable);
    }
}

static void on_is_said_only_when_nothing_is_missing_SB_5(void **state)
{
    static const struct {
        const uint8_t *guid;
        const char *name;
    } empty[] = {{logs_global, "PK"}, {logs_global, "KEK"}, {logs_security, "db"}};
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);
    const struct boot_facts *facts = logs_edited_facts(edit);

    (void)state;
    assert_int_equal(facts->secure_boot, STATE_YES);
    assert_int_equal(facts->debug_mode, STATE_NO);
    for (size_t i = 0; i < ARRAY_LEN(empty); i++) {
        edit = healthy(arena);
        set_variable(edit, empty[i].guid, empty[i].name, (struct span){0});
        assert_int_equal(logs_edited_facts(edit)->secure_boot, STATE_UNKNOWN);
        /* A list without entries is no better. */
        set_variable(edit, empty[i].guid, empty[i].name, logs_hash_list(arena, NULL, 0));
        assert_int_equal(logs_edited_facts(edit)->secure_boot, STATE_UNKNOWN);
    }
    edit = healthy(arena); /* no authority at all */
    for (size_t i = edit->n; i > 0; i--) {
        if (edit->items[i - 1].type == EV_EFI_VARIABLE_AUTHORITY) {
            logs_drop(edit, i - 1);
        }
    }
    assert_int_equal(logs_edited_facts(edit)->secure_boot, STATE_UNKNOWN);
    edit = healthy(arena); /* an empty dbx takes nothing away */
    set_variable(edit, logs_security, "dbx", (struct span){0});
    facts = logs_edited_facts(edit);
    assert_int_equal(facts->secure_boot, STATE_YES);
    logs_expect(facts, FINDING_OTHER, WEIGHT_NOTE, "SB-13");
}

static void modes_are_facts_of_their_own_SB_6(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);
    size_t at = logs_find(edit, 7, EV_SEPARATOR);
    const struct boot_facts *facts;

    (void)state;
    logs_insert(edit, at, 7, EV_EFI_VARIABLE_DRIVER_CONFIG,
                logs_variable(arena, logs_global, "DeployedMode", span_of("\0", 1)));
    logs_insert(edit, at, 7, EV_EFI_VARIABLE_DRIVER_CONFIG,
                logs_variable(arena, logs_global, "AuditMode", span_of("\1", 1)));
    facts = logs_edited_facts(edit);
    assert_int_equal(facts->audit_mode, STATE_YES);
    assert_int_equal(facts->deployed_mode, STATE_NO);
    assert_int_equal(facts->setup_mode, STATE_NO);
    assert_int_equal(facts->secure_boot, STATE_YES);
    logs_expect_clean(facts);
}

static void drivers_and_boot_chain_are_kept_apart_SB_7(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);
    size_t db = 0;
    const struct boot_facts *facts;

    (void)state;
    while (edit->items[db].type != EV_EFI_VARIABLE_AUTHORITY) {
        db++;
    }
    logs_copy(edit, db, logs_find(edit, 7, EV_SEPARATOR));
    facts = logs_edited_facts(edit);
    assert_int_equal(facts->n_authorities, 3);
    assert_true(facts->authorities[0].before_separator);
    assert_false(facts->authorities[1].before_separator);
    /* A driver alone does not make the boot chain verified (SB-5). */
    for (size_t i = edit->n; i > 0; i--) {
        if (edit->items[i - 1].type == EV_EFI_VARIABLE_AUTHORITY && i - 1 > db) {
            logs_drop(edit, i - 1);
        }
    }
    assert_int_equal(logs_edited_facts(edit)->secure_boot, STATE_UNKNOWN);
}

static void actions_in_pcr_7_SB_8(void **state)
{
    static const struct {
        const char *text;
        enum tristate debug, dma, secure_boot;
        bool has_finding;
        enum finding_code code;
    } cases[] = {
        {"UEFI Debug Mode", STATE_YES, STATE_NO, STATE_UNKNOWN, true, FINDING_DEBUG_MODE},
        {"DMA Protection Disabled", STATE_NO, STATE_YES, STATE_YES, false, FINDING_OTHER},
        {"UEFI Debug Mod", STATE_NO, STATE_NO, STATE_UNKNOWN, true, FINDING_PCR7_ACTION},
        {"uefi debug mode", STATE_NO, STATE_NO, STATE_UNKNOWN, true, FINDING_PCR7_ACTION},
        {"Exit Boot Services Invocation", STATE_NO, STATE_NO, STATE_UNKNOWN, true,
         FINDING_PCR7_ACTION},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = healthy(arena);
        const struct boot_facts *facts;

        logs_insert(edit, 3, 7, EV_EFI_ACTION, span_str(cases[i].text));
        facts = logs_edited_facts(edit);
        assert_int_equal(facts->debug_mode, cases[i].debug);
        assert_int_equal(facts->dma_protection_disabled, cases[i].dma);
        assert_int_equal(facts->secure_boot, cases[i].secure_boot);
        if (cases[i].has_finding) {
            logs_expect(facts, cases[i].code, WEIGHT_BAD, "SB-8");
        } else {
            logs_expect_clean(facts);
        }
        /* Its text forged: then it is not known what the action was. */
        edit->items[3].data = span_str("DMA Protection Disabled.");
        facts = logs_edited_facts(edit);
        assert_int_equal(facts->debug_mode, STATE_UNKNOWN);
        assert_int_equal(facts->secure_boot, STATE_UNKNOWN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relabelled_events_in_pcr_7_are_a_fault_D_2),
        cmocka_unit_test(only_the_allowed_types_stand_in_pcr_4_and_7_D_2),
        cmocka_unit_test(device_events_are_of_the_device_database_D_2_B_11),
        cmocka_unit_test(a_legacy_bios_may_measure_its_boot_block_D_2),
        cmocka_unit_test(unknown_types_elsewhere_are_noted),
        cmocka_unit_test(each_register_has_one_separator_B_1_SB_1),
        cmocka_unit_test(a_separator_is_four_zeros_SB_1_B_1),
        cmocka_unit_test(a_bank_without_separators_is_a_fault_ALG_2_ALG_5),
        cmocka_unit_test(variables_come_before_the_separator_SB_2),
        cmocka_unit_test(a_second_variable_is_a_fault_SB_2),
        cmocka_unit_test(a_malformed_variable_is_a_fault_SB_2),
        cmocka_unit_test(a_missing_variable_is_a_fault_SB_3),
        cmocka_unit_test(another_order_is_noted_SB_3),
        cmocka_unit_test(the_value_is_one_byte_of_0_or_1_SB_4),
        cmocka_unit_test(on_is_said_only_when_nothing_is_missing_SB_5),
        cmocka_unit_test(modes_are_facts_of_their_own_SB_6),
        cmocka_unit_test(drivers_and_boot_chain_are_kept_apart_SB_7),
        cmocka_unit_test(actions_in_pcr_7_SB_8),
    };

    return RUN_TESTS(tests);
}
