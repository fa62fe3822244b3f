#include "unit/tpm/helper.h"

enum {
    AK_ATTRIBUTES = TPM_FIXED_TPM | TPM_FIXED_PARENT | TPM_SENSITIVE_DATA_ORIGIN |
                    TPM_USER_WITH_AUTH | TPM_RESTRICTED | TPM_SIGN,
};

static const char *const areas[] = {"ak_rsa.pub", "ak_ecc.pub", "ek_rsa.pub", "ek_ecc.pub"};

static void refuses_public_areas_of_another_length(void **state)
{
    struct arena *arena = test_arena();
    struct tpm_public pub;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(areas); i++) {
        struct span bytes = boot_file(arena, healthy, areas[i]);
        uint8_t *longer = arena_calloc(arena, 1, bytes.len + 1);

        assert_ok(tpm2b_public_parse(bytes, false, NULL, &pub));
        for (size_t len = 0; len < bytes.len; len++) {
            assert_err(tpm2b_public_parse(span_cut(bytes, 0, len), true, NULL, &pub), ERR_SHORT);
        }
        for (size_t len = 2; len < bytes.len; len++) {
            assert_err(tpm_public_parse(span_cut(bytes, 2, len - 2), NULL, &pub), ERR_SHORT);
        }
        memcpy(longer, bytes.data, bytes.len);
        assert_err(tpm2b_public_parse(span_of(longer, bytes.len + 1), false, NULL, &pub),
                   ERR_TRAILING);
        assert_ok(tpm2b_public_parse(span_of(longer, bytes.len + 1), true, NULL, &pub));
        assert_err(tpm_public_parse(span_of(longer + 2, bytes.len - 1), NULL, &pub), ERR_TRAILING);
    }
    arena_free(arena);
}

static void names_the_place_of_the_fault(void **state)
{
    struct arena *arena = test_arena();
    struct span bytes = boot_file(arena, healthy, "ak_rsa.pub");
    struct trail trail = {0};
    struct tpm_public pub;

    (void)state;
    assert_err(tpm_public_parse(span_cut(bytes, 2, 9), &trail, &pub), ERR_SHORT);
    assert_true(trail.has_offset);
    assert_int_equal(trail.offset, 8); /* authPolicy */
    arena_free(arena);
}

static void refuses_kinds_and_algorithms_it_does_not_know(void **state)
{
    static const struct {
        const char *file;
        size_t at;
        uint16_t value;
        err_t want;
        const char *why;
    } cases[] = {
        {"ak_rsa.pub", 0, TPM_KEYEDHASH, ERR_UNSUPPORTED, "type"},
        {"ak_rsa.pub", 2, TPM_NULL, ERR_UNSUPPORTED, "object without a name"},
        {"ak_rsa.pub", 2, TPM_SM3_256, ERR_UNSUPPORTED, "name algorithm"},
        {"ak_rsa.pub", 8, 33, ERR_VALUE, "policy of another length"},
        {"ak_rsa.pub", 10, 0x000a, ERR_UNSUPPORTED, "symmetric algorithm XOR"},
        {"ak_rsa.pub", 12, TPM_ECDSA, ERR_UNSUPPORTED, "ECC scheme on an RSA key"},
        {"ak_rsa.pub", 12, 0x7777, ERR_UNSUPPORTED, "scheme"},
        {"ak_rsa.pub", 14, TPM_SM3_256, ERR_UNSUPPORTED, "scheme hash"},
        {"ak_ecc.pub", 12, TPM_RSASSA, ERR_UNSUPPORTED, "RSA scheme on an ECC key"},
        {"ak_ecc.pub", 18, 0x7777, ERR_UNSUPPORTED, "key derivation"},
    };
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span bytes = arena_dup(arena, boot_file(arena, healthy, cases[i].file));
        uint8_t *at = (uint8_t *)(uintptr_t)bytes.data + 2 + cases[i].at;
        struct tpm_public pub;
        err_t got;

        at[0] = (uint8_t)(cases[i].value >> 8);
        at[1] = (uint8_t)cases[i].value;
        got = tpm2b_public_parse(bytes, true, NULL, &pub);
        /* A longer policy swallows what follows: any refusal will do there. */
        if (got != cases[i].want && !(cases[i].want == ERR_VALUE && got != ERR_OK)) {
            fail_msg("%s: %s", cases[i].why, err_name(got));
        }
    }
    arena_free(arena);
}

/* AK-1: names are computed here; those on record came from the TPM. */
static void computes_the_names_that_the_tpm_gave(void **state)
{
    static const char *const names[] = {"ak_rsa.name", "ak_ecc.name", "ek_rsa.name", "ek_ecc.name"};
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(areas); i++) {
        struct span bytes = arena_dup(arena, boot_file(arena, healthy, areas[i]));
        struct tpm_public pub;
        struct tpm_name name;
        struct tpm_name other;

        assert_ok(tpm2b_public_parse(bytes, false, NULL, &pub));
        assert_ok(tpm_public_name(&pub, &name));
        assert_true(span_equal(tpm_name_span(&name), boot_file(arena, healthy, names[i])));
        /* Another modulus, another name. */
        ((uint8_t *)(uintptr_t)bytes.data)[bytes.len - 1] ^= 1;
        assert_ok(tpm_public_name(&pub, &other));
        assert_false(span_equal(tpm_name_span(&name), tpm_name_span(&other)));
    }
    arena_free(arena);
}

/* the recorded AKs are children of the EK, a primary of the endorsement hierarchy. */
static void computes_the_qualified_signer_of_a_child(void **state)
{
    static const char *const files[][3] = {{"ek_rsa.pub", "ak_rsa.pub", "quote_rsa.attest"},
                                           {"ek_rsa.pub", "ak_ecc.pub", "quote_ecc.attest"}};
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct tpm_public ek;
        struct tpm_public ak;
        struct tpm_attest quote;
        struct tpm_name parent;
        struct tpm_name elsewhere;
        struct tpm_name name;

        assert_ok(tpm2b_public_parse(boot_file(arena, healthy, files[i][0]), false, NULL, &ek));
        assert_ok(tpm2b_public_parse(boot_file(arena, healthy, files[i][1]), false, NULL, &ak));
        assert_ok(tpm_attest_parse(boot_file(arena, healthy, files[i][2]), TPM_ATTEST_QUOTE, NULL,
                                   &quote));
        assert_ok(tpm_qualified_name_primary(&ek, TPM_RH_ENDORSEMENT, &parent));
        assert_ok(tpm_qualified_name_child(&parent, &ak, &name));
        assert_true(span_equal(tpm_name_span(&name), quote.qualified_signer));
        assert_ok(tpm_qualified_name_primary(&ek, TPM_RH_OWNER, &elsewhere));
        assert_ok(tpm_qualified_name_child(&elsewhere, &ak, &name));
        assert_false(span_equal(tpm_name_span(&name), quote.qualified_signer));
        assert_ok(tpm_qualified_name_primary(&ak, TPM_RH_ENDORSEMENT, &name));
        assert_false(span_equal(tpm_name_span(&name), quote.qualified_signer));
    }
    arena_free(arena);
}

static void reads_the_fields_of_real_keys(void **state)
{
    struct arena *arena = test_arena();
    struct tpm_public pub;
    CLEANUP(signer_done) struct signer ak = boot_signer(arena, healthy, "ak_rsa.pub");
    CLEANUP(pubkey_free) struct pubkey *pem = NULL;

    (void)state;
    assert_int_equal(ak.pub.type, TPM_RSA);
    assert_int_equal(ak.pub.scheme, TPM_RSASSA);
    assert_int_equal(ak.pub.scheme_hash, HASH_SHA256);
    assert_int_equal(ak.pub.exponent, 65537);
    assert_int_equal(ak.pub.key_bits, 2048);
    assert_int_equal(ak.pub.symmetric, TPM_NULL);
    assert_ok(pubkey_new_pem(boot_file(arena, healthy, "ak_rsa.pem"), &pem));
    assert_true(pubkey_equal(pem, ak.key));
    assert_ok(tpm2b_public_parse(boot_file(arena, healthy, "ek_ecc.pub"), false, NULL, &pub));
    assert_int_equal(pub.type, TPM_ECC);
    assert_int_equal(pub.name_hash, HASH_SHA384);
    assert_int_equal(pub.symmetric, TPM_AES);
    assert_int_equal(pub.symmetric_bits, 256);
    assert_int_equal(pub.symmetric_mode, TPM_CFB);
    assert_int_equal(pub.scheme, TPM_NULL);
    assert_int_equal(pub.scheme_hash, HASH_NONE);
    assert_int_equal(pub.curve_id, 4);
    assert_int_equal(pub.attributes & (TPM_RESTRICTED | TPM_DECRYPT | TPM_SIGN),
                     TPM_RESTRICTED | TPM_DECRYPT);
    arena_free(arena);
}

/* AK-2, one bit at a time. */
static void demands_every_attribute_of_an_attestation_key(void **state)
{
    static const struct {
        uint32_t flip;
        err_t want;
    } cases[] = {
        {0, ERR_OK},
        {TPM_FIXED_TPM, ERR_VALUE},
        {TPM_FIXED_PARENT, ERR_VALUE},
        {TPM_SENSITIVE_DATA_ORIGIN, ERR_VALUE},
        {TPM_RESTRICTED, ERR_VALUE},
        {TPM_SIGN, ERR_VALUE},
        {TPM_DECRYPT, ERR_VALUE},
        {TPM_USER_WITH_AUTH, ERR_OK},
        {TPM_ADMIN_WITH_POLICY, ERR_OK},
        {TPM_NO_DA, ERR_OK},
    };
    struct arena *arena = test_arena();
    CLEANUP(signkey_free) struct signkey *key = NULL;

    (void)state;
    assert_ok(signkey_generate(SIGNKEY_P256, &key));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tpm_public pub;

        assert_ok(tpm_public_parse(
            put_public(arena, key, AK_ATTRIBUTES ^ cases[i].flip, TPM_ECDSA, TPM_SHA256), NULL,
            &pub));
        assert_err(tpm_public_check_ak(&pub, NULL), cases[i].want);
    }
    arena_free(arena);
}

/* AK-2: attributes of real attestation keys. */
static void accepts_attributes_seen_in_the_field(void **state)
{
    static const uint32_t real[] = {0x00050072, 0x00050472, 0x00050076};
    struct arena *arena = test_arena();
    CLEANUP(signer_done) struct signer ak = boot_signer(arena, healthy, "ak_rsa.pub");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(real); i++) {
        ak.pub.attributes = real[i];
        assert_ok(tpm_public_check_ak(&ak.pub, NULL));
    }
    arena_free(arena);
}

/* AK-3: a scheme of the key's own, and no SHA-1. */
static void demands_a_signing_scheme_of_an_attestation_key(void **state)
{
    static const struct {
        enum signkey_kind kind;
        uint16_t scheme, hash;
        err_t want;
    } cases[] = {
        {SIGNKEY_RSA2048, TPM_RSASSA, TPM_SHA256, ERR_OK},
        {SIGNKEY_RSA2048, TPM_RSAPSS, TPM_SHA384, ERR_OK},
        {SIGNKEY_RSA2048, TPM_RSASSA, TPM_SHA1, ERR_VALUE},
        {SIGNKEY_RSA2048, TPM_NULL, 0, ERR_VALUE},
        {SIGNKEY_RSA2048, TPM_OAEP, TPM_SHA256, ERR_VALUE},
        {SIGNKEY_P256, TPM_ECDSA, TPM_SHA256, ERR_OK},
        {SIGNKEY_P256, TPM_ECDSA, TPM_SHA1, ERR_VALUE},
        {SIGNKEY_P256, TPM_NULL, 0, ERR_VALUE},
    };
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(signkey_free) struct signkey *key = NULL;
        struct tpm_public pub;
        struct trail trail = {0};

        assert_ok(signkey_generate(cases[i].kind, &key));
        assert_ok(tpm_public_parse(
            put_public(arena, key, AK_ATTRIBUTES, cases[i].scheme, cases[i].hash), NULL, &pub));
        assert_err(tpm_public_check_ak(&pub, &trail), cases[i].want);
        assert_int_equal(trail.what[0] == '\0', cases[i].want == ERR_OK);
    }
    arena_free(arena);
}

/* AK-3: e = 3, RSA-1024, BN-P256, secp192r1, points off the curve; AK-4 is in t-pubkey.c. */
static void refuses_weak_key_material(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(signer_done) struct signer rsa = boot_signer(arena, healthy, "ak_rsa.pub");
    CLEANUP(signer_done) struct signer ecc = boot_signer(arena, healthy, "ak_ecc.pub");
    static const uint16_t curve_ids[] = {0, 1, 2, 4, 5, 0x10, 0x20, 0xffff};
    struct pubkey *key = NULL;
    struct tpm_public pub = rsa.pub;
    uint8_t small[128];

    (void)state;
    pub.exponent = 3;
    assert_err(tpm_public_key(&pub, NULL, &key), ERR_VALUE);
    pub.exponent = 65536;
    assert_err(tpm_public_key(&pub, NULL, &key), ERR_VALUE);
    pub = rsa.pub;
    memset(small, 0xff, sizeof(small));
    pub.key_bits = 1024;
    pub.a = span_of(small, sizeof(small));
    assert_err(tpm_public_key(&pub, NULL, &key), ERR_VALUE);
    pub = rsa.pub;
    pub.key_bits = 3072; /* not what the modulus is */
    assert_err(tpm_public_key(&pub, NULL, &key), ERR_VALUE);
    for (size_t i = 0; i < ARRAY_LEN(curve_ids); i++) {
        pub = ecc.pub;
        pub.curve_id = curve_ids[i];
        assert_err(tpm_public_key(&pub, NULL, &key), ERR_VALUE);
    }
    pub = ecc.pub;
    pub.a = ecc.pub.b;
    assert_err(tpm_public_key(&pub, NULL, &key), ERR_VALUE);
    pub.a = (struct span){0};
    pub.b = (struct span){0};
    assert_err(tpm_public_key(&pub, NULL, &key), ERR_VALUE);
    assert_null(key);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_public_areas_of_another_length),
        cmocka_unit_test(names_the_place_of_the_fault),
        cmocka_unit_test(refuses_kinds_and_algorithms_it_does_not_know),
        cmocka_unit_test(computes_the_names_that_the_tpm_gave),
        cmocka_unit_test(computes_the_qualified_signer_of_a_child),
        cmocka_unit_test(reads_the_fields_of_real_keys),
        cmocka_unit_test(demands_every_attribute_of_an_attestation_key),
        cmocka_unit_test(accepts_attributes_seen_in_the_field),
        cmocka_unit_test(demands_a_signing_scheme_of_an_attestation_key),
        cmocka_unit_test(refuses_weak_key_material),
    };

    return RUN_TESTS(tests);
}
