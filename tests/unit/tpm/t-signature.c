#include "unit/tpm/helper.h"

/* Public key, attestation, signature of the recorded healthy boot. */
static const char *const recorded[][3] = {
    {"ak_rsa.pub", "quote_rsa.attest", "quote_rsa.sig"},
    {"ak_ecc.pub", "quote_ecc.attest", "quote_ecc.sig"},
    {"ak_rsa.pub", "quote_rsa_allbanks.attest", "quote_rsa_allbanks.sig"},
};

/* no cut and no flipped byte of attestation or signature ever verifies. */
static void no_changed_quote_verifies(void **state)
{
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(recorded); i++) {
        CLEANUP(signer_done) struct signer ak = boot_signer(arena, healthy, recorded[i][0]);
        struct span attest = arena_dup(arena, boot_file(arena, healthy, recorded[i][1]));
        struct span sig = arena_dup(arena, boot_file(arena, healthy, recorded[i][2]));
        const struct span both[] = {attest, sig};
        struct tpm_attest parsed;

        assert_ok(check_quote(&ak, attest, sig, NULL, &parsed));
        for (size_t len = 0; len < attest.len; len++) {
            assert_true(check_quote(&ak, span_cut(attest, 0, len), sig, NULL, &parsed) != ERR_OK);
        }
        for (size_t len = 0; len < sig.len; len++) {
            assert_err(check_quote(&ak, attest, span_cut(sig, 0, len), NULL, &parsed), ERR_SHORT);
        }
        for (size_t which = 0; which < 2; which++) {
            for (size_t at = 0; at < both[which].len; at++) {
                uint8_t *byte = (uint8_t *)(uintptr_t)both[which].data + at;
                uint8_t was = *byte;

                for (unsigned k = 0; k < 3; k++) {
                    *byte = (uint8_t)(was ^ (k == 0 ? 1u << at % 8 : k == 1 ? 0xffu : 0x55u));
                    if (check_quote(&ak, attest, sig, NULL, &parsed) == ERR_OK) {
                        fail_msg("%s: byte %zu of part %zu", recorded[i][1], at, which);
                    }
                }
                *byte = was;
            }
        }
        assert_ok(check_quote(&ak, attest, sig, NULL, &parsed));
    }
    arena_free(arena);
}

static void refuses_the_quote_of_another_key(void **state)
{
    static const char boot[] = "j-quote-from-other-ak";
    static const char *const files[][3] = {{"ak_rsa.pub", "quote_rsa.attest", "quote_rsa.sig"},
                                           {"ak_ecc.pub", "quote_ecc.attest", "quote_ecc.sig"}};
    struct arena *arena = test_arena();
    struct tpm_attest parsed;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        CLEANUP(signer_done) struct signer ak = boot_signer(arena, boot, files[i][0]);
        struct trail trail = {0};

        assert_err(check_quote(&ak, boot_file(arena, boot, files[i][1]),
                               boot_file(arena, boot, files[i][2]), &trail, &parsed),
                   ERR_SIGNATURE);
        assert_string_equal(trail.what, "signature does not verify");
    }
    arena_free(arena);
}

/* AK-13: a software key's quote is cryptographically fine; only its origin is not. */
static void a_software_key_can_sign_too(void **state)
{
    static const char boot[] = "j-software-ak";
    struct arena *arena = test_arena();
    CLEANUP(signer_done) struct signer ak = boot_signer(arena, boot, "ak_rsa.pub");
    struct tpm_attest parsed;

    (void)state;
    assert_ok(check_quote(&ak, boot_file(arena, boot, "quote_rsa.attest"),
                          boot_file(arena, boot, "quote_rsa.sig"), NULL, &parsed));
    assert_ok(tpm_public_check_ak(&ak.pub, NULL));
    arena_free(arena);
}

/* relabelled schemes and hashes. */
static void believes_the_key_about_its_scheme(void **state)
{
    static const uint16_t schemes[] = {TPM_RSASSA, TPM_RSAPSS, TPM_ECDSA};
    static const enum hash_alg hashes[] = {HASH_SHA1, HASH_SHA256, HASH_SHA384, HASH_SHA512};
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        CLEANUP(signer_done) struct signer ak = boot_signer(arena, healthy, recorded[i][0]);
        struct span attest = boot_file(arena, healthy, recorded[i][1]);
        struct tpm_signature sig;

        assert_ok(tpm_signature_parse(boot_file(arena, healthy, recorded[i][2]), NULL, &sig));
        for (size_t s = 0; s < ARRAY_LEN(schemes); s++) {
            for (size_t h = 0; h < ARRAY_LEN(hashes); h++) {
                struct tpm_signature relabelled = sig;
                bool is_own = schemes[s] == sig.scheme && hashes[h] == sig.hash;

                relabelled.scheme = schemes[s];
                relabelled.hash = hashes[h];
                assert_err(tpm_signature_verify(&relabelled, &ak.pub, ak.key, attest, NULL),
                           is_own ? ERR_OK : ERR_SIGNATURE);
            }
        }
        /* A key without a scheme of its own would sign under any name. */
        ak.pub.scheme = TPM_NULL;
        assert_err(tpm_signature_verify(&sig, &ak.pub, ak.key, attest, NULL), ERR_SIGNATURE);
    }
    arena_free(arena);
}

/* SHA-1, even where the key says so itself. */
static void refuses_sha1_signatures(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(signkey_free) struct signkey *key = NULL;
    struct signer signer = {0};
    struct span raw = {0};
    struct tpm_signature sig = {.scheme = TPM_RSASSA, .hash = HASH_SHA1};

    (void)state;
    assert_ok(signkey_generate(SIGNKEY_RSA2048, &key));
    assert_ok(
        tpm_public_parse(put_public(arena, key, 0x50072, TPM_RSASSA, TPM_SHA1), NULL, &signer.pub));
    assert_ok(signkey_sign(key, arena, SIG_RSASSA, HASH_SHA1, span_str("m"), &raw));
    sig.a = raw;
    assert_err(tpm_signature_verify(&sig, &signer.pub, signkey_public(key), span_str("m"), NULL),
               ERR_SIGNATURE);
    arena_free(arena);
}

/* both salt lengths that TPMs use. */
static void verifies_rsapss(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(signkey_free) struct signkey *key = NULL;
    struct tpm_public pub;
    struct span raw = {0};
    struct tpm_signature sig = {.scheme = TPM_RSAPSS, .hash = HASH_SHA256};

    (void)state;
    assert_ok(signkey_generate(SIGNKEY_RSA2048, &key));
    assert_ok(
        tpm_public_parse(put_public(arena, key, 0x50072, TPM_RSAPSS, TPM_SHA256), NULL, &pub));
    assert_ok(signkey_sign(key, arena, SIG_RSAPSS, HASH_SHA256, span_str("m"), &raw));
    sig.a = raw;
    assert_ok(tpm_signature_verify(&sig, &pub, signkey_public(key), span_str("m"), NULL));
    assert_err(tpm_signature_verify(&sig, &pub, signkey_public(key), span_str("n"), NULL),
               ERR_SIGNATURE);
    arena_free(arena);
}

/* r and s may lack leading zeros, must not be longer than the field, not be empty. */
static void pads_short_ecdsa_numbers(void **state)
{
    static const uint8_t zeros[32] = {0};
    struct arena *arena = test_arena();
    CLEANUP(signer_done) struct signer ak = boot_signer(arena, healthy, "ak_ecc.pub");
    struct span attest = boot_file(arena, healthy, "quote_ecc.attest");
    struct tpm_signature sig;
    struct tpm_signature changed;
    uint8_t longer[33] = {0};

    (void)state;
    assert_ok(tpm_signature_parse(boot_file(arena, healthy, "quote_ecc.sig"), NULL, &sig));
    changed = sig;
    memcpy(longer + 1, sig.a.data, sig.a.len);
    changed.a = span_of(longer, sig.a.len + 1);
    assert_err(tpm_signature_verify(&changed, &ak.pub, ak.key, attest, NULL), ERR_SIGNATURE);
    changed = sig;
    changed.b = (struct span){0};
    assert_err(tpm_signature_verify(&changed, &ak.pub, ak.key, attest, NULL), ERR_SIGNATURE);
    changed = sig;
    changed.a = span_of(zeros, 32);
    changed.b = span_of(zeros, 32);
    assert_err(tpm_signature_verify(&changed, &ak.pub, ak.key, attest, NULL), ERR_SIGNATURE);
    {
        CLEANUP(signkey_free) struct signkey *key = NULL;
        bool found = false;

        assert_ok(signkey_generate(SIGNKEY_P256, &key));
        for (int i = 0; i < 20000 && !found; i++) {
            struct span raw = {0};

            arena_reset(arena);
            assert_ok(signkey_sign(key, arena, SIG_ECDSA, HASH_SHA256, span_str("m"), &raw));
            found = raw.data[0] == 0;
            if (found) {
                struct tpm_public pub;

                assert_ok(tpm_public_parse(put_public(arena, key, 0x50072, TPM_ECDSA, TPM_SHA256),
                                           NULL, &pub));
                sig = (struct tpm_signature){.scheme = TPM_ECDSA,
                                             .hash = HASH_SHA256,
                                             .a = span_cut(raw, 1, 31),
                                             .b = span_cut(raw, 32, 32)};
                assert_ok(
                    tpm_signature_verify(&sig, &pub, signkey_public(key), span_str("m"), NULL));
            }
        }
        assert_true(found);
    }
    arena_free(arena);
}

/* */
static void raw_signatures_are_another_input(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(signer_done) struct signer rsa = boot_signer(arena, healthy, "ak_rsa.pub");
    CLEANUP(signer_done) struct signer ecc = boot_signer(arena, healthy, "ak_ecc.pub");
    struct span attest = boot_file(arena, healthy, "quote_rsa.attest");
    struct span framed = boot_file(arena, healthy, "quote_rsa.sig");
    struct span raw = span_cut(framed, 6, 256);
    struct tpm_signature sig;

    (void)state;
    assert_true(tpm_signature_parse(raw, NULL, &sig) != ERR_OK);
    assert_err(tpm_signature_raw(&rsa.pub, framed, NULL, &sig), ERR_SIGNATURE);
    assert_err(tpm_signature_raw(&rsa.pub, span_cut(raw, 0, 255), NULL, &sig), ERR_SIGNATURE);
    assert_err(tpm_signature_raw(&ecc.pub, raw, NULL, &sig), ERR_SIGNATURE);
    assert_ok(tpm_signature_raw(&rsa.pub, raw, NULL, &sig));
    assert_ok(tpm_signature_verify(&sig, &rsa.pub, rsa.key, attest, NULL));
    rsa.pub.scheme = TPM_RSAPSS;
    assert_err(tpm_signature_raw(&rsa.pub, raw, NULL, &sig), ERR_SIGNATURE);
    arena_free(arena);
}

static void refuses_other_framings(void **state)
{
    static const struct {
        const char *hex;
        err_t want;
    } cases[] = {
        {"", ERR_SHORT},
        {"0010", ERR_UNSUPPORTED},                   /* TPM_ALG_NULL: not signed */
        {"0005000b0000", ERR_UNSUPPORTED},           /* HMAC */
        {"001a000b00010100010100", ERR_UNSUPPORTED}, /* ECDAA */
        {"00140012000101", ERR_UNSUPPORTED},         /* SM3 */
        {"0014000b0002ab", ERR_SHORT},
        {"0014000b0001abcd", ERR_TRAILING},
        {"0018000b0001ab0001cdef", ERR_TRAILING},
        {"0018000b0043", ERR_TOO_LARGE}, /* r past any field */
        {"0014000b0401", ERR_TOO_LARGE},
    };
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tpm_signature sig;
        err_t got = tpm_signature_parse(test_hex(arena, cases[i].hex), NULL, &sig);

        if (got != cases[i].want) {
            fail_msg("'%s': got %s", cases[i].hex, err_name(got));
        }
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_changed_quote_verifies),
        cmocka_unit_test(refuses_the_quote_of_another_key),
        cmocka_unit_test(a_software_key_can_sign_too),
        cmocka_unit_test(believes_the_key_about_its_scheme),
        cmocka_unit_test(refuses_sha1_signatures),
        cmocka_unit_test(verifies_rsapss),
        cmocka_unit_test(pads_short_ecdsa_numbers),
        cmocka_unit_test(raw_signatures_are_another_input),
        cmocka_unit_test(refuses_other_framings),
    };

    return RUN_TESTS(tests);
}
