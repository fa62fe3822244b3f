/* Who let something start, what is revoked, and shim: SB-9 to SB-16, B-4. */
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

static size_t first_authority(const struct logs_edit *edit)
{
    return logs_find(edit, 7, EV_EFI_VARIABLE_AUTHORITY);
}

static void an_authority_outside_db_is_bad_SB_10(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);
    struct logs_edit *other = logs_edit_boot(arena, "k-uki-healthy");
    struct uefi_variable var;
    const struct boot_facts *facts;

    (void)state;
    /* The snakeoil certificate under the name of db. */
    edit->items[first_authority(edit)] = other->items[first_authority(other)];
    facts = logs_edited_facts(edit);
    logs_expect(facts, FINDING_AUTHORITY_NOT_IN_DB, WEIGHT_BAD, "SB-10");
    /* One byte of the right one. */
    edit = healthy(arena);
    assert_ok(uefi_variable_parse(arena, edit->items[first_authority(edit)].data, &var));
    {
        struct span copy = arena_dup(arena, var.value);

        ((uint8_t *)(uintptr_t)copy.data)[copy.len - 1] ^= 1;
        logs_set(edit, first_authority(edit), logs_variable(arena, logs_security, "db", copy));
        logs_expect(logs_edited_facts(edit), FINDING_AUTHORITY_NOT_IN_DB, WEIGHT_BAD, "SB-10");
        /* Bare, as old shims write it: still a member. */
        logs_set(edit, first_authority(edit),
                 logs_variable(arena, logs_security, "db", span_cut(var.value, 16, var.value.len)));
        logs_expect_clean(logs_edited_facts(edit));
        /* Neither certificate nor digest. */
        logs_set(edit, first_authority(edit),
                 logs_variable(arena, logs_security, "db", span_str("whatever")));
        logs_expect(logs_edited_facts(edit), FINDING_AUTHORITY_NOT_IN_DB, WEIGHT_BAD, "SB-10");
    }
}

static void a_digest_may_be_the_authority_SB_10(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);
    uint8_t entry[48] = {7};
    struct span digest = span_of(entry + 16, 32);
    const struct boot_facts *facts;

    (void)state;
    memset(entry + 16, 0x5a, 32);
    set_variable(edit, logs_security, "db", logs_hash_list(arena, &digest, 1));
    logs_set(edit, first_authority(edit),
             logs_variable(arena, logs_security, "db", span_of(entry, 48)));
    facts = logs_edited_facts(edit);
    assert_int_equal(logs_count(facts, FINDING_AUTHORITY_NOT_IN_DB, WEIGHT_BAD), 0);
    assert_int_equal(facts->authorities[0].digest.len, 32);
    assert_string_equal(facts->authorities[0].subject, "");
    entry[47] ^= 1;
    logs_set(edit, first_authority(edit),
             logs_variable(arena, logs_security, "db", span_of(entry, 48)));
    logs_expect(logs_edited_facts(edit), FINDING_AUTHORITY_NOT_IN_DB, WEIGHT_BAD, "SB-10");
}

static void a_revoked_authority_is_bad_SB_10(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);
    struct uefi_variable db;
    CLEANUP(buf_done) struct buf lists = {0};
    const struct boot_facts *facts;

    (void)state;
    assert_ok(uefi_variable_parse(arena, edit->items[logs_find_variable(edit, "db")].data, &db));
    set_variable(edit, logs_security, "dbx", db.value); /* the same certificates */
    logs_expect(logs_edited_facts(edit), FINDING_AUTHORITY_IN_DBX, WEIGHT_BAD, "SB-10");
    /* By the hash of what is signed, always or from a time on (SB-12). */
    for (int timed = 0; timed < 2; timed++) {
        static const uint8_t x509_sha256[16] = {0x92, 0xa4, 0xd2, 0x3b, 0xc0, 0x96, 0x79, 0x40,
                                                0xb4, 0x20, 0xfc, 0xf9, 0x8e, 0xf1, 0x03, 0xed};
        struct uefi_variable var;
        uint8_t digest[32];
        struct span der;
        size_t tbs_len;

        assert_ok(uefi_variable_parse(arena, edit->items[first_authority(edit)].data, &var));
        der = span_cut(var.value, 16, var.value.len);
        tbs_len = 4 + ((size_t)der.data[6] << 8 | der.data[7]);
        assert_ok(hash_once(HASH_SHA256, span_cut(der, 4, tbs_len), digest));
        buf_init(&lists, 4096);
        buf_add(&lists, span_of(x509_sha256, 16));
        logs_u32(&lists, 28 + 64);
        logs_u32(&lists, 0);
        logs_u32(&lists, 64);
        buf_add(&lists, span_of(logs_security, 16));
        buf_add(&lists, span_of(digest, 32));
        for (int i = 0; i < 16; i++) {
            buf_u8(&lists, (uint8_t)timed);
        }
        set_variable(edit, logs_security, "dbx", arena_dup(arena, buf_span(&lists)));
        facts = logs_edited_facts(edit);
        logs_expect(facts, FINDING_AUTHORITY_IN_DBX, timed ? WEIGHT_NOTE : WEIGHT_BAD, "SB-10");
        buf_done(&lists);
    }
}

static void an_authority_from_nowhere_known_is_bad_SB_9_SB_10(void **state)
{
    static const struct {
        const uint8_t *guid;
        const char *name;
        bool known;
    } cases[] = {
        {logs_shim, "Shim", true},      {logs_shim, "MokList", true},
        {logs_shim, "MokListRT", true}, {logs_security, "vendor_db", true},
        {logs_shim, "db", false},       {logs_global, "db", false},
        {logs_security, "db2", false},  {logs_security, "dbx", false},
        {logs_global, "Shim", false},   {logs_shim, "MokListX", false},
        {logs_shim, "Anything", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = healthy(arena);
        struct uefi_variable var;
        const struct boot_facts *facts;

        assert_ok(uefi_variable_parse(arena, edit->items[first_authority(edit)].data, &var));
        logs_insert(edit, edit->n, 7, EV_EFI_VARIABLE_AUTHORITY,
                    logs_variable(arena, cases[i].guid, cases[i].name, var.value));
        facts = logs_edited_facts(edit);
        /* dbx names no entry of its own: what calls itself one is the variable (D-2). */
        if ((logs_count(facts, FINDING_AUTHORITY_UNKNOWN, WEIGHT_BAD) +
                 logs_count(facts, FINDING_EVENT_TYPE, WEIGHT_FAULT) ==
             0) != cases[i].known) {
            fail_msg("%s", cases[i].name);
        }
    }
}

static void malformed_databases_are_a_fault_SB_11(void **state)
{
    static const struct {
        const uint8_t *guid;
        const char *name;
    } cases[] = {
        {logs_global, "PK"}, {logs_global, "KEK"}, {logs_security, "db"}, {logs_security, "dbx"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = healthy(arena);
        struct uefi_variable var;
        const struct boot_facts *facts;

        assert_ok(uefi_variable_parse(
            arena, edit->items[logs_find_variable(edit, cases[i].name)].data, &var));
        set_variable(edit, cases[i].guid, cases[i].name, span_cut(var.value, 0, var.value.len - 1));
        facts = logs_edited_facts(edit);
        logs_expect(facts, FINDING_SIGLIST, WEIGHT_FAULT, "SB-11");
        assert_int_equal(facts->secure_boot, STATE_UNKNOWN);
        assert_true(i != 0 || facts->setup_mode == STATE_UNKNOWN);
    }
}

static void unknown_entries_are_reported_SB_12(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);
    CLEANUP(buf_done) struct buf lists = {0};
    const struct boot_facts *facts;

    (void)state;
    buf_init(&lists, 4096);
    buf_add(&lists, span_of(logs_shim, 16)); /* no type of a signature */
    logs_u32(&lists, 28 + 20);
    logs_u32(&lists, 0);
    logs_u32(&lists, 20);
    buf_add(&lists, span_of((uint8_t[20]){1}, 20));
    set_variable(edit, logs_security, "dbx", buf_span(&lists));
    facts = logs_edited_facts(edit);
    logs_expect(facts, FINDING_SIGLIST, WEIGHT_NOTE, "SB-12");
    assert_int_equal(facts->dbx.keys.n_other, 1);
    assert_int_equal(facts->secure_boot, STATE_YES);
}

static void a_revoked_image_is_bad_B_4(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);
    struct span digests[3];
    const struct boot_facts *facts;

    (void)state;
    digests[0] = span_of((uint8_t[32]){1}, 32);
    digests[1] = logs_facts(arena, logs_bytes(edit)).facts->images[2].digest[HASH_SHA256];
    digests[2] = span_of((uint8_t[32]){2}, 32);
    set_variable(edit, logs_security, "dbx", logs_hash_list(arena, digests, 3));
    facts = logs_edited_facts(edit);
    /* The kernel, which stands there twice. */
    assert_int_equal(logs_count(facts, FINDING_IMAGE_IN_DBX, WEIGHT_BAD), 2);
}

/* L-15: as many images as a log takes against as many revocations. No time is asserted; with a
 * comparison of each with each this would not end in the time that a test has. */
static void long_lists_stay_cheap_L_15(void **state)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(512u * 1024 * 1024);
    struct logs_edit *edit = healthy(arena);
    static uint8_t bytes[12000][32];
    static struct span digests[12000];
    size_t images = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(digests); i++) {
        memcpy(bytes[i], &i, sizeof(i));
        digests[i] = span_of(bytes[i], 32);
    }
    set_variable(edit, logs_security, "dbx", logs_hash_list(arena, digests, ARRAY_LEN(digests)));
    for (size_t i = 0; edit->n < LOGS_MAX; i++) {
        logs_insert(edit, edit->n, 4, EV_EFI_BOOT_SERVICES_APPLICATION, (struct span){0});
        memcpy(edit->items[edit->n - 1].digest[1], bytes[i], 32);
        images++;
    }
    assert_int_equal(logs_count(logs_edited_facts(edit), FINDING_IMAGE_IN_DBX, WEIGHT_BAD), images);
}

/* ---- shim ---- */

static void insert_authority(struct logs_edit *edit, const char *name, struct span value)
{
    logs_insert(edit, first_authority(edit) + 1, 7, EV_EFI_VARIABLE_AUTHORITY,
                logs_variable(edit->arena, logs_shim, name, value));
}

static void validation_is_off_when_mok_says_so_SB_15(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        enum tristate want;
    } cases[] = {
        {"\1", 1, STATE_NO}, {"\0", 1, STATE_YES},  {"\2", 1, STATE_NO},
        {"", 0, STATE_NO},   {"\0\0", 2, STATE_NO},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);

    (void)state;
    assert_int_equal(logs_edited_facts(edit)->shim_validation, STATE_YES);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        edit = healthy(arena);
        insert_authority(edit, "MokSBState", span_of(cases[i].bytes, cases[i].len));
        assert_int_equal(logs_edited_facts(edit)->shim_validation, cases[i].want);
    }
}

/* In PCR 14 the name is only a hint: calling MokSBState by another name must not turn it on. */
static void a_renamed_switch_is_not_on_SB_15(void **state)
{
    static const struct {
        const char *name;
        const char *content;
        enum tristate want;
    } cases[] = {
        {"MokSBState", "\1", STATE_NO},          {"MokSBState", "x", STATE_UNKNOWN},
        {"MokListTrusted", "\1", STATE_UNKNOWN}, {"Harmless", "\1", STATE_UNKNOWN},
        {"MokList", "\1", STATE_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = healthy(arena);

        logs_insert(edit, edit->n, 14, EV_IPL, span_str(cases[i].name));
        logs_measure(edit, edit->n - 1, span_str(cases[i].content));
        if (logs_edited_facts(edit)->shim_validation != cases[i].want) {
            fail_msg("%s", cases[i].name);
        }
    }
}

static void the_sbat_level_is_csv_said_once_SB_9_SB_16(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);
    size_t at = logs_find_variable(edit, "SbatLevel");
    const struct boot_facts *facts;

    (void)state;
    logs_copy(edit, at, at); /* shim may run twice */
    assert_string_equal(logs_edited_facts(edit)->sbat_level, "sbat,1,2025021800\nshim,4\ngrub,5\n");
    logs_set(edit, at, logs_variable(arena, logs_shim, "SbatLevel", span_str("sbat,1,2021\n")));
    facts = logs_edited_facts(edit);
    assert_null(facts->sbat_level);
    logs_expect(facts, FINDING_OTHER, WEIGHT_NOTE, "SB-16");
    logs_drop(edit, at);
    logs_set(edit, at, logs_variable(arena, logs_shim, "SbatLevel", span_of("sbat,1\0x", 8)));
    facts = logs_edited_facts(edit);
    assert_null(facts->sbat_level);
    logs_expect(facts, FINDING_OTHER, WEIGHT_NOTE, "SB-9");
    logs_drop(edit, at);
    facts = logs_edited_facts(edit);
    assert_null(facts->sbat_level);
    assert_true(facts->has_shim);
    logs_expect(facts, FINDING_OTHER, WEIGHT_NOTE, "SB-16");
}

/* A MOK that signs everything itself: the only certificate seen, and not shim's own. */
static void a_lone_owners_key_counts_as_the_owners_SB_15(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "g-mok-own-kernel");
    size_t first = 0;
    const struct boot_facts *facts;

    (void)state;
    first = logs_find_variable(edit, "MokListRT"); /* Debian's; then the owner's */
    logs_drop(edit, first);
    facts = logs_edited_facts(edit);
    assert_int_equal(facts->n_authorities, 2);
    assert_true(facts->has_user_mok);
    assert_int_equal(facts->mok_enrolled, STATE_YES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_authority_outside_db_is_bad_SB_10),
        cmocka_unit_test(a_digest_may_be_the_authority_SB_10),
        cmocka_unit_test(a_revoked_authority_is_bad_SB_10),
        cmocka_unit_test(an_authority_from_nowhere_known_is_bad_SB_9_SB_10),
        cmocka_unit_test(malformed_databases_are_a_fault_SB_11),
        cmocka_unit_test(unknown_entries_are_reported_SB_12),
        cmocka_unit_test(a_revoked_image_is_bad_B_4),
        cmocka_unit_test(long_lists_stay_cheap_L_15),
        cmocka_unit_test(validation_is_off_when_mok_says_so_SB_15),
        cmocka_unit_test(a_renamed_switch_is_not_on_SB_15),
        cmocka_unit_test(the_sbat_level_is_csv_said_once_SB_9_SB_16),
        cmocka_unit_test(a_lone_owners_key_counts_as_the_owners_SB_15),
    };

    return RUN_TESTS(tests);
}
