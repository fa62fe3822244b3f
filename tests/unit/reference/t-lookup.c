/* The shipped reference data: what must be found in it (B-4, SB-13, SB-14, SB-16). */
#include "support/reference.h"
#include "support/support.h"

static void knows_nothing_without_data(void **state)
{
    uint8_t digest[SHA256_BYTES] = {0};

    (void)state;
    assert_null(reference_authority(NULL, digest));
    assert_null(reference_revoked(NULL, span_of(digest, sizeof(digest))));
    assert_null(reference_known(NULL, span_of(digest, sizeof(digest))));
    assert_null(reference_sbat(NULL, "2024040900"));
    assert_null(reference_event(NULL, 4));
}

/* Every entry is found by its own key, in tables of every size. */
static void finds_every_image_of_the_revocation_list(void **state)
{
    const struct reference *r = test_reference();
    struct arena *arena = test_arena();
    yyjson_mut_doc *doc = json_new(arena);
    size_t n = reference_info(r, REFERENCE_REVOKED_IMAGES).n_entries;

    (void)state;
    /* SB-13: x64 443, ia32 94, arm 110, aarch64 26, of which one is of two architectures. */
    assert_int_equal(n, 672);
    for (size_t i = 0; i < n; i++) {
        yyjson_mut_val *entry = reference_entry_json(arena, doc, r, REFERENCE_REVOKED_IMAGES, i);
        const char *hex = yyjson_mut_get_str(yyjson_mut_obj_get(entry, "sha256"));

        assert_non_null(reference_revoked(r, test_hex(arena, hex)));
        assert_true(reference_entry_is(r, REFERENCE_REVOKED_IMAGES, i, hex));
    }
    arena_free(arena);
}

static const struct {
    const char *sha256;
    unsigned roles;
    bool is_test_key;
    const char *name;
} authorities[] = {
    {"48e99b991f57fc52f76149599bff0a58c47154229b9f8d603ac40d3500248507", REFERENCE_DB, false,
     "Microsoft Corporation UEFI CA 2011"},
    {"e8e95f0733a55e8bad7be0a1413ee23c51fcea64b3c8fa6a786935fddcc71961",
     REFERENCE_DB | REFERENCE_WINDOWS, false, "Microsoft Windows Production PCA 2011"},
    {"079646974bce09b1f04da67bd722d1fb0947ae4c4010bccdbba52d5b23cbf1a2", REFERENCE_SHIM, false,
     "Debian Secure Boot CA"},
    {"282e8130b7070f107aaecc25d3992ca4440270860b09088792a5075fab0d13f8",
     REFERENCE_PK | REFERENCE_KEK | REFERENCE_DB, true, "Debian OVMF snakeoil key"},
    {"f156d24f5d4e775da0e6a9111f074cfce701939d688c64dba093f97753434f2c", 0, false,
     "Debian Secure Boot Signer"},
};

static void knows_authorities_and_test_keys(void **state)
{
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(authorities); i++) {
        const struct reference_authority *found =
            reference_authority(test_reference(), test_hex(arena, authorities[i].sha256).data);

        assert_non_null(found);
        assert_string_equal(found->name, authorities[i].name);
        assert_int_equal(found->roles, authorities[i].roles);
        assert_int_equal(found->is_test_key, authorities[i].is_test_key);
        assert_int_equal(found->revoked != NULL, authorities[i].roles == 0);
    }
    arena_free(arena);
}

/* SB-16 */
static void knows_sbat_levels_by_their_date(void **state)
{
    const struct reference_sbat *level = reference_sbat(test_reference(), "2024040900");

    (void)state;
    assert_non_null(level);
    assert_string_equal(level->date, "2024-04-09");
    assert_string_equal(level->lines[2], "grub.peimage,2");
    assert_null(level->lines[3]);
    assert_null(reference_sbat(test_reference(), "2024040901"));
}

static void knows_security_version_numbers(void **state)
{
    static const uint8_t bootmgr[16] = {0x61, 0x2b, 0x13, 0x9d, 0xd5, 0x59, 0x88, 0x43,
                                        0xab, 0x1c, 0x18, 0x5c, 0x3c, 0xb2, 0xeb, 0x92};
    const struct reference_svn *svn = reference_svn(test_reference(), bootmgr);

    (void)state;
    assert_non_null(svn);
    assert_string_equal(svn->name, "bootmgfw.efi");
    assert_string_equal(svn->version, "9.0");
}

static void knows_words_for_numbers(void **state)
{
    (void)state;
    assert_string_equal(reference_event(test_reference(), 0x80000003)->name,
                        "EV_EFI_BOOT_SERVICES_APPLICATION");
    assert_non_null(reference_event(test_reference(), 0x8401));
    assert_non_null(reference_register(test_reference(), 23));
    assert_null(reference_register(test_reference(), 24));
    assert_string_equal(
        reference_identifier(test_reference(), "c1c41626-504c-4092-aca9-41f936934328")->name,
        "EFI_CERT_SHA256");
}

static size_t matches(enum reference_kind kind, const char *word)
{
    size_t n = 0;

    for (size_t i = 0; i < reference_info(test_reference(), kind).n_entries; i++) {
        n += reference_entry_is(test_reference(), kind, i, word);
    }
    return n;
}

static void finds_entries_by_words_of_people(void **state)
{
    (void)state;
    assert_int_equal(matches(REFERENCE_AUTHORITIES, ""), 0);
    assert_int_equal(matches(REFERENCE_AUTHORITIES, "48e"), 0); /* too short for a digest */
    assert_int_equal(matches(REFERENCE_AUTHORITIES, "48E9"), 1);
    assert_int_equal(matches(REFERENCE_AUTHORITIES, "uefi ca 2023"), 3);
    assert_int_equal(matches(REFERENCE_REVOKED_IMAGES, "CVE-2023-28005"), 4);
    assert_int_equal(matches(REFERENCE_REVOKED_IMAGES, "CVE-2023-2800"), 0);
    assert_int_equal(matches(REFERENCE_EVENT_TYPES, "0x80000003"), 1);
    assert_int_equal(matches(REFERENCE_REGISTERS, "7"), 1);
    assert_int_equal(matches(REFERENCE_SVN, "9d132b61"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_nothing_without_data),
        cmocka_unit_test(finds_every_image_of_the_revocation_list),
        cmocka_unit_test(knows_authorities_and_test_keys),
        cmocka_unit_test(knows_sbat_levels_by_their_date),
        cmocka_unit_test(knows_security_version_numbers),
        cmocka_unit_test(knows_words_for_numbers),
        cmocka_unit_test(finds_entries_by_words_of_people),
    };

    return RUN_TESTS(tests);
}
