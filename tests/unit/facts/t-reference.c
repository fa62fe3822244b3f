/* Boots held against the reference data: B-4, SB-13, SB-14. */
#include "unit/facts/logs.h"

#include <stdlib.h>

/* shim of Fedora, revoked with BootHole. */
#define REVOKED "41cce0fc467609ca368bedba45c292f2be1b622fb9be0473cf51e7a96ee65652"

static struct logs_edit *healthy(struct arena *arena)
{
    return logs_edit_boot(arena, "a-secureboot-healthy");
}

static size_t first_image(const struct logs_edit *edit)
{
    return logs_find(edit, 4, EV_EFI_BOOT_SERVICES_APPLICATION);
}

static void set_digest(struct logs_edit *edit, size_t at, struct span sha256)
{
    for (size_t bank = 0; bank < edit->n_banks; bank++) {
        if (edit->banks[bank].hash == HASH_SHA256) {
            memcpy(edit->items[at].digest[bank], sha256.data, sha256.len);
        }
    }
}

static struct boot_facts *facts_with(struct arena *arena, struct span bytes,
                                     const struct reference *reference)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct readings *readings = NULL;
    struct boot_facts *facts = NULL;

    assert_ok(readings_make(arena, logs_read(arena, bytes), hasher, &readings));
    assert_ok(boot_facts_make(arena, readings, reference, hasher, &facts));
    return facts;
}

/* The machine's own dbx is empty of it: the official list is enough. */
static void an_image_of_the_revocation_list_is_bad_B_4(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);
    const struct boot_facts *facts;

    (void)state;
    set_digest(edit, first_image(edit), test_hex(arena, REVOKED));
    facts = logs_edited_facts(edit);
    logs_expect(facts, FINDING_IMAGE_REVOKED, WEIGHT_BAD, "B-4");
    assert_int_equal(logs_count(facts, FINDING_IMAGE_IN_DBX, WEIGHT_BAD), 0);
    assert_non_null(facts->images[0].revoked);
    assert_null(facts->images[0].known);
    /* The path is a hint: under another name it is the same image. */
    edit->items[first_image(edit)].data = span_str("");
    logs_expect(logs_edited_facts(edit), FINDING_IMAGE_REVOKED, WEIGHT_BAD, "B-4");
    /* Nobody says so without the data. */
    facts = facts_with(arena, logs_bytes(edit), NULL);
    assert_int_equal(logs_count(facts, FINDING_IMAGE_REVOKED, WEIGHT_BAD), 0);
}

static void every_revoked_image_is_found_wherever_it_stands_B_4(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);
    struct span digest = test_hex(arena, REVOKED);

    (void)state;
    /* A driver before the separator, an application behind all others. */
    logs_insert(edit, logs_find(edit, 2, EV_SEPARATOR), 2, EV_EFI_BOOT_SERVICES_DRIVER,
                (struct span){0});
    set_digest(edit, logs_find(edit, 2, EV_EFI_BOOT_SERVICES_DRIVER), digest);
    logs_insert(edit, edit->n, 4, EV_EFI_BOOT_SERVICES_APPLICATION, (struct span){0});
    set_digest(edit, edit->n - 1, digest);
    assert_int_equal(logs_count(logs_edited_facts(edit), FINDING_IMAGE_REVOKED, WEIGHT_BAD), 2);
}

static void images_and_keys_of_a_real_boot_have_names_B_4(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *facts = logs_edited_facts(healthy(arena));

    (void)state;
    logs_expect_clean(facts);
    assert_string_equal(facts->images[0].known->name, "shim");
    assert_string_equal(facts->images[1].known->name, "GRUB");
    assert_string_equal(facts->images[2].known->name, "Linux");
    assert_string_equal(facts->images[2].known->version, "6.1.0-55-cloud-amd64");
    assert_string_equal(facts->authorities[0].known->name, "Microsoft Corporation UEFI CA 2011");
    assert_string_equal(facts->authorities[1].known->name, "Debian Secure Boot CA");
    assert_int_equal(facts->db.keys.n_certificates, 2);
    assert_int_equal(facts->db.keys.n_certificates, facts->db.keys.n_x509);
    assert_string_equal(facts->db.keys.certificates[0].known->name,
                        "Microsoft Windows Production PCA 2011");
    assert_string_equal(facts->pk.keys.certificates[0].known->owner, "Debian");
    assert_false(facts->has_user_mok);
}

static void without_data_nothing_has_a_name(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *facts =
        facts_with(arena, logs_boot(arena, "a-secureboot-healthy"), NULL);

    (void)state;
    assert_null(facts->reference);
    assert_null(facts->images[0].known);
    assert_null(facts->authorities[0].known);
    assert_null(facts->db.keys.certificates[0].known);
    /* What needs no data is there. */
    assert_int_equal(facts->secure_boot, STATE_YES);
    assert_non_null(strstr(facts->db.keys.certificates[1].subject, "UEFI CA 2011"));
}

/* ---- data that says something else ---- */

/* Reference data of which only the authorities hold something of interest; a list of revocations is
 * never empty. */
static struct reference *authorities_alone(const char *entry)
{
    static const char revoked[] =
        "{\"sha256\":\"80b4d96931bf0d02fd91a61e19d14f1da452e66db2408ca8604d411f92659f0a\","
        "\"name\":\"x\",\"architectures\":[\"x64\"],\"date\":\"2018-04-01\"}";
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct reference_file files[REFERENCE_KIND_COUNT];
    struct reference *reference = NULL;

    for (enum reference_kind kind = 0; kind < REFERENCE_KIND_COUNT; kind++) {
        const char *text = arena_printf(
            arena,
            "{\"schema\":\"bootwarden-reference/1\",\"kind\":\"%s\",\"version\":\"2026-11-22\","
            "\"source\":\"test\",\"entries\":[%s]}",
            reference_kind_name(kind),
            kind == REFERENCE_AUTHORITIES      ? entry
            : kind == REFERENCE_REVOKED_IMAGES ? revoked
                                               : "");

        files[kind] = (struct reference_file){reference_kind_name(kind), span_str(text)};
    }
    assert_ok(reference_new(files, REFERENCE_KIND_COUNT, NULL, &reference));
    return reference;
}

#define UEFI_CA                                                                                    \
    "{\"sha256\":\"48e99b991f57fc52f76149599bff0a58c47154229b9f8d603ac40d3500248507\","            \
    "\"name\":\"leaked\",\"owner\":\"o\",\"roles\":[\"db\"],\"expires\":\"2026-06-27\","

/* SB-14: a leaked key need not be called one. */
static void a_test_key_is_known_by_its_fingerprint_SB_14(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(reference_free) struct reference *r = authorities_alone(UEFI_CA "\"test_key\":true}");
    const struct boot_facts *facts = facts_with(arena, logs_boot(arena, "a-secureboot-healthy"), r);

    (void)state;
    assert_true(facts->db.has_test_key);
    assert_non_null(strstr(facts->db.test_key, "Microsoft Corporation UEFI CA 2011"));
    assert_false(facts->pk.has_test_key);
}

static void a_revoked_authority_is_bad_B_4(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(reference_free)
    struct reference *r = authorities_alone(UEFI_CA "\"revoked\":\"2026-01-02\"}");
    const struct boot_facts *facts = facts_with(arena, logs_boot(arena, "a-secureboot-healthy"), r);

    (void)state;
    logs_expect(facts, FINDING_AUTHORITY_REVOKED, WEIGHT_BAD, "B-4");
    assert_int_equal(logs_count(facts, FINDING_AUTHORITY_REVOKED, WEIGHT_BAD), 1);
}

/* ---- security version numbers ---- */

static void security_version_numbers_in_dbx_are_data_SB_13(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = healthy(arena);
    struct span digests[3];
    const struct boot_facts *facts;
    const struct key_contents *dbx;

    (void)state;
    digests[0] =
        test_hex(arena, "01612b139dd5598843ab1c185c3cb2eb92000009000000000000000000000000");
    digests[1] =
        test_hex(arena, "01112b139dd5598843ab1c185c3cb2eb92010200000000000000000000000000");
    digests[2] =
        test_hex(arena, "01612b139dd5598843ab1c185c3cb2eb92000009000000000000000000000001");
    logs_set(edit, logs_find_variable(edit, "dbx"),
             logs_variable(arena, logs_security, "dbx", logs_hash_list(arena, digests, 3)));
    facts = logs_edited_facts(edit);
    dbx = &facts->dbx.keys;
    assert_int_equal(dbx->n_hashes, 3);
    assert_int_equal(dbx->n_svns, 2); /* the third is a digest */
    assert_string_equal(dbx->svns[0].known->name, "bootmgfw.efi");
    assert_int_equal(dbx->svns[0].major, 9);
    assert_int_equal(dbx->svns[0].minor, 0);
    assert_null(dbx->svns[1].known);
    assert_int_equal(dbx->svns[1].minor, 0x0201);
    assert_int_equal(dbx->svns[1].major, 0);
}

/* SB-11, L-15: more than is listed is counted, and no list of certificates takes the memory. */
static void long_key_databases_are_listed_in_part_SB_12(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    static const uint8_t type[16] = {0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a,
                                     0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72};
    CLEANUP(buf_done) struct buf lists = {0};
    struct key_contents keys;
    enum { N = 2000 };

    (void)state;
    buf_init(&lists, 1024 * 1024);
    buf_add(&lists, span_of(type, sizeof(type)));
    logs_u32(&lists, 28 + N * 17);
    logs_u32(&lists, 0);
    logs_u32(&lists, 17);
    for (size_t i = 0; i < (size_t)N * 17; i++) {
        buf_u8(&lists, 0);
    }
    assert_ok(key_contents_read(arena, buf_span(&lists), test_reference(), hasher, &keys));
    assert_false(keys.is_malformed);
    assert_int_equal(keys.n_x509, N);
    assert_int_equal(keys.n_certificates, KEY_CERTIFICATES_MAX);
    assert_int_equal(keys.n_unreadable, KEY_CERTIFICATES_MAX);
}

/* ---- words for numbers ---- */

/* What the log reader knows and what the data says of event types is the same. */
static void event_types_have_one_name(void **state)
{
    size_t n = reference_info(test_reference(), REFERENCE_EVENT_TYPES).n_entries;
    CLEANUP(arena_free) struct arena *arena = test_arena();
    yyjson_mut_doc *doc = json_new(arena);
    size_t same = 0;

    (void)state;
    for (size_t i = 0; i < n; i++) {
        yyjson_mut_val *entry =
            reference_entry_json(arena, doc, test_reference(), REFERENCE_EVENT_TYPES, i);
        const char *value = yyjson_mut_get_str(yyjson_mut_obj_get(entry, "value"));
        const char *name = yyjson_mut_get_str(yyjson_mut_obj_get(entry, "name"));
        const char *known = eventlog_type_known((uint32_t)strtoul(value, NULL, 16));

        if (known != NULL) {
            assert_string_equal(known, name);
            same++;
        } else {
            assert_true(strncmp(name, "vendor", 6) == 0 || strcmp(name, "EV_EFI_EVENT_BASE") == 0);
        }
    }
    assert_true(same >= 39);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_of_the_revocation_list_is_bad_B_4),
        cmocka_unit_test(every_revoked_image_is_found_wherever_it_stands_B_4),
        cmocka_unit_test(a_revoked_authority_is_bad_B_4),
        cmocka_unit_test(a_test_key_is_known_by_its_fingerprint_SB_14),
        cmocka_unit_test(images_and_keys_of_a_real_boot_have_names_B_4),
        cmocka_unit_test(without_data_nothing_has_a_name),
        cmocka_unit_test(security_version_numbers_in_dbx_are_data_SB_13),
        cmocka_unit_test(long_key_databases_are_listed_in_part_SB_12),
        cmocka_unit_test(event_types_have_one_name),
    };

    return RUN_TESTS(tests);
}
