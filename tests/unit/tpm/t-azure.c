/*
 * The published evidence of a real Trusted Launch machine: quote, certified key, certificate
 * (Azure guest protocol, 5 and 9).
 */
#include "base/codec.h"
#include "crypto/cert.h"
#include "unit/tpm/helper.h"

#define SAMPLE "attestation/azureguest-trustedlaunch-windows-"

struct sample {
    struct arena *arena;
    struct signer ak;
    struct tpm_public enc_key;
    struct span quote, quote_sig, certify, certify_sig;
    struct tpm_pcrs pcrs;
};

/* {"Digest": "...", "Index": n}: in this file always in this order. */
static void read_pcrs(struct arena *arena, const char *json, struct tpm_pcrs *pcrs)
{
    for (const char *at = strstr(json, "\"Digest\""); at != NULL; at = strstr(at, "\"Digest\"")) {
        char text[64] = "";
        unsigned pcr = 99;
        struct span value = {0};

        assert_int_equal(sscanf(at, "\"Digest\": \"%60[^\"]\", \"Index\": %u", text, &pcr), 2);
        assert_true(pcr < TPM_MAX_PCRS);
        assert_ok(base64_decode(arena, BASE64_STANDARD, span_str(text), &value));
        assert_int_equal(value.len, SHA256_BYTES);
        memcpy(pcrs->value[HASH_SHA256][pcr], value.data, value.len);
        pcrs->have[HASH_SHA256] |= 1u << pcr;
        at++;
    }
}

static void sample_read(struct sample *sample)
{
    struct trail trail = {0};
    struct span json;

    *sample = (struct sample){.arena = test_arena()};
    json = test_public_file(sample->arena, SAMPLE "tpminfo.json");
    assert_ok(tpm2b_public_parse(test_public_file(sample->arena, SAMPLE "ak-pub.tpm2b"), true,
                                 &trail, &sample->ak.pub));
    assert_ok(tpm_public_key(&sample->ak.pub, &trail, &sample->ak.key));
    assert_ok(tpm2b_public_parse(test_public_file(sample->arena, SAMPLE "enckey-pub.tpm2b"), true,
                                 &trail, &sample->enc_key));
    sample->quote = test_public_file(sample->arena, SAMPLE "quote.tpms");
    sample->quote_sig = test_public_file(sample->arena, SAMPLE "quote.sig");
    sample->certify = test_public_file(sample->arena, SAMPLE "enckey-certify.tpms");
    sample->certify_sig = test_public_file(sample->arena, SAMPLE "enckey-certify.sig");
    read_pcrs(sample->arena, (const char *)json.data, &sample->pcrs);
}

static void sample_done(struct sample *sample)
{
    signer_done(&sample->ak);
    arena_free(sample->arena);
}

/* signatures of this client are raw. */
static err_t verify_raw(const struct sample *sample, struct span message, struct span raw)
{
    struct tpm_signature sig;
    err_t err = tpm_signature_raw(&sample->ak.pub, raw, NULL, &sig);

    return err ? err : tpm_signature_verify(&sig, &sample->ak.pub, sample->ak.key, message, NULL);
}

/* */
static void no_changed_byte_of_a_real_quote_verifies(void **state)
{
    test_needs_public_data();

    struct sample sample;

    (void)state;
    sample_read(&sample);
    {
        const struct span pairs[][2] = {{sample.quote, sample.quote_sig},
                                        {sample.certify, sample.certify_sig}};

        for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
            assert_ok(verify_raw(&sample, pairs[i][0], pairs[i][1]));
            for (size_t which = 0; which < 2; which++) {
                for (size_t at = 0; at < pairs[i][which].len; at++) {
                    uint8_t *byte = (uint8_t *)(uintptr_t)pairs[i][which].data + at;

                    *byte ^= (uint8_t)(1u << at % 8);
                    assert_err(verify_raw(&sample, pairs[i][0], pairs[i][1]), ERR_SIGNATURE);
                    *byte ^= (uint8_t)(1u << at % 8);
                }
                for (size_t len = 0; len < pairs[i][which].len; len++) {
                    struct span cut = span_cut(pairs[i][which], 0, len);

                    assert_err(verify_raw(&sample, which == 0 ? cut : pairs[i][0],
                                          which == 1 ? cut : pairs[i][1]),
                               ERR_SIGNATURE);
                }
            }
        }
    }
    sample_done(&sample);
}

static void the_real_quote_covers_the_real_values(void **state)
{
    test_needs_public_data();

    struct sample sample;
    struct tpm_attest quote;
    struct tpm_name name;

    (void)state;
    sample_read(&sample);
    assert_ok(tpm_public_check_ak(&sample.ak.pub, NULL)); /* AK-2 */
    assert_int_equal(sample.ak.pub.attributes, 0x00050472);
    assert_ok(tpm_attest_parse(sample.quote, TPM_ATTEST_QUOTE, NULL, &quote));
    assert_int_equal(quote.extra_data.len, 0);
    assert_int_equal(quote.clock_ms, 0x5ace698c);
    assert_int_equal(quote.reset_count, 3); /* exact, for an endorsement key */
    assert_int_equal(quote.restart_count, 0);
    assert_int_equal(quote.firmware_version, 0x2020031200120003);
    assert_int_equal(quote.selections[0].mask, 0x0078ff);
    assert_int_equal(quote.selections[0].mask, sample.pcrs.have[HASH_SHA256]);
    assert_ok(tpm_quote_check_pcrs(&quote, HASH_SHA256, &sample.pcrs, NULL)); /* */
    sample.pcrs.value[HASH_SHA256][7][31] ^= 1;
    assert_err(tpm_quote_check_pcrs(&quote, HASH_SHA256, &sample.pcrs, NULL), ERR_MISMATCH);
    /* a primary key of the endorsement hierarchy. */
    assert_ok(tpm_qualified_name_primary(&sample.ak.pub, TPM_RH_ENDORSEMENT, &name));
    assert_true(span_equal(tpm_name_span(&name), quote.qualified_signer));
    assert_ok(tpm_qualified_name_primary(&sample.ak.pub, TPM_RH_OWNER, &name));
    assert_false(span_equal(tpm_name_span(&name), quote.qualified_signer));
    sample_done(&sample);
}

/* AK-8 */
static void the_real_encryption_key_is_certified_and_bound(void **state)
{
    test_needs_public_data();

    struct sample sample;
    struct tpm_attest certify;
    struct tpm_name name;
    uint8_t policy[SHA256_BYTES];

    (void)state;
    sample_read(&sample);
    assert_err(tpm_attest_parse(sample.certify, TPM_ATTEST_QUOTE, NULL, &certify), ERR_ATTEST_TYPE);
    assert_ok(tpm_attest_parse(sample.certify, TPM_ATTEST_CERTIFY, NULL, &certify));
    assert_ok(tpm_public_name(&sample.enc_key, &name));
    assert_true(span_equal(tpm_name_span(&name), certify.certified_name));
    assert_int_equal(sample.enc_key.attributes, 0x00020432);
    assert_ok(tpm_policy_pcr_digest(sample.pcrs.have[HASH_SHA256], 3, &sample.pcrs, policy));
    assert_true(span_equal(span_of(policy, sizeof(policy)), sample.enc_key.auth_policy));
    assert_ok(tpm_qualified_name_primary(&sample.enc_key, TPM_RH_NULL, &name));
    assert_true(span_equal(tpm_name_span(&name), certify.certified_qualified_name));
    assert_err(tpm_public_check_ak(&sample.enc_key, NULL), ERR_VALUE);
    sample_done(&sample);
}

/* AK-10 */
static void the_real_certificate_is_of_this_key(void **state)
{
    test_needs_public_data();

    struct sample sample;
    CLEANUP(cert_free) struct cert *cert = NULL;

    (void)state;
    sample_read(&sample);
    assert_ok(cert_new_nv(test_public_file(sample.arena, SAMPLE "ak-cert.der"), NULL, &cert));
    assert_true(pubkey_equal(cert_key(cert), sample.ak.key));
    assert_true(cert_has_eku(cert, "2.23.133.8.3"));
    assert_false(cert_has_eku(cert, "2.23.133.8.1"));
    assert_string_equal(cert_issuer(cert, sample.arena), "CN=Global Virtual TPM CA - 01");
    assert_string_equal(cert_common_name(cert, sample.arena),
                        "2098098a126b.TrustedVM.Azure.Microsoft");
    sample_done(&sample);
}

/* A quote that another project recorded, with its own framing. */
static void verifies_a_quote_of_another_project(void **state)
{
    test_needs_public_data();

    struct arena *arena = test_arena();
    struct span quote = test_public_file(arena, "eventlogs/quotes/keylime-quoteset-quote.out");
    struct span sig = test_public_file(arena, "eventlogs/quotes/keylime-quoteset-quotesig.out");
    struct span pub = test_public_file(arena, "eventlogs/quotes/keylime-quoteset-ak.pub");
    struct signer signer = {0};
    struct tpm_attest attest;
    struct tpm_name name;

    (void)state;
    assert_ok(tpm2b_public_parse(pub, false, NULL, &signer.pub));
    assert_ok(tpm_public_key(&signer.pub, NULL, &signer.key));
    assert_ok(check_quote(&signer, quote, sig, NULL, &attest));
    assert_int_equal(attest.selections[0].mask, 1u << 15 | 1u << 16 | 1u << 22);
    assert_ok(tpm_public_name(&signer.pub, &name));
    assert_true(span_equal(tpm_name_span(&name),
                           test_public_file(arena, "eventlogs/quotes/keylime-quoteset-ak.name")));
    signer_done(&signer);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_changed_byte_of_a_real_quote_verifies),
        cmocka_unit_test(the_real_quote_covers_the_real_values),
        cmocka_unit_test(the_real_encryption_key_is_certified_and_bound),
        cmocka_unit_test(the_real_certificate_is_of_this_key),
        cmocka_unit_test(verifies_a_quote_of_another_project),
    };

    return RUN_TESTS(tests);
}
