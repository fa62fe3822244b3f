/*
 * The published Trusted Launch evidence verifies, and no flipped byte of it does. Third-party data,
 * read where it is.
 */
#include "support/published.h"
#include "unit/appraise/machines.h"

#include <stdlib.h>

static struct evidence *published_evidence(struct arena *arena)
{
    struct evidence *evidence = NULL;

    assert_ok(azureguest_parse_inner(arena, published_inner(arena), NULL, &evidence));
    return evidence;
}

/* Everything about it holds but the issuer, which is not public, and the log, which was not
 * published. */
static void published_evidence_verifies(void **state)
{
    test_needs_public_data();

    struct arena *arena = test_arena();
    struct evidence *evidence = published_evidence(arena);
    struct appraisal *a =
        judge(arena, evidence, NULL, &(struct appraise_options){.now = 1720000000});

    (void)state;
    print_reasons(a);
    assert_int_equal(a->verdict, VERDICT_NOT_VERIFIED);
    assert_int_equal(a->n_reasons, 2);
    assert_true(has_reason(a, REASON_AK_UNTRUSTED, "X-1"));
    assert_true(has_reason(a, REASON_NO_LOG, "L-5"));
    assert_true(a->quotes[0].is_verified);
    assert_false(a->quotes[0].counts);
    assert_string_equal(a->aks[0].parent, "primary key of the endorsement hierarchy"); /* */
    assert_non_null(a->enc_key);
    assert_int_equal(a->shown.have[HASH_SHA256], 0x78ff);
    assert_int_equal(a->attested.have[HASH_SHA256],
                     0); /* nothing is attested by an unproven key */
    appraisal_done(a);
    arena_free(arena);
}

/* Time is an input: the certificate is judged at the time that is given. */
static void published_evidence_is_proven_by_enrolment_at_any_time(void **state)
{
    test_needs_public_data();

    struct arena *arena = test_arena();
    struct evidence *evidence = published_evidence(arena);
    struct appraisal *first =
        judge(arena, evidence, NULL, &(struct appraise_options){.now = 1720000000});
    struct appraise_trust trust = {.enrolled_aks = &first->aks[0].name, .n_enrolled_aks = 1};
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct appraisal *a = NULL;

    (void)state;
    assert_ok(appraise(arena, evidence, &trust, &(struct appraise_options){.now = 4000000000},
                       hasher, &a));
    assert_int_equal(a->verdict, VERDICT_CANNOT_JUDGE);
    assert_int_equal(a->n_reasons, 1);
    assert_true(has_reason(a, REASON_NO_LOG, NULL));
    assert_int_equal(a->attested.have[HASH_SHA256], 0x78ff);
    appraisal_done(a);
    appraisal_done(first);
    arena_free(arena);
}

/* One flipped byte anywhere in a part: something must be wrong that was not wrong before. */
static void assert_every_flip_is_found(struct arena *arena, struct evidence *evidence,
                                       struct span *part, const char *what)
{
    struct span genuine = *part;
    uint8_t *bytes = malloc(genuine.len);
    size_t accepted = 0;

    memcpy(bytes, genuine.data, genuine.len);
    *part = span_of(bytes, genuine.len);
    for (size_t i = 0; i < genuine.len; i++) {
        struct arena *scratch = arena_new(4u * 1024 * 1024);
        struct appraisal *a;
        bool found;

        bytes[i] ^= (uint8_t)(1u << (i % 8));
        a = judge(scratch, evidence, NULL, &(struct appraise_options){.now = 1720000000});
        /* Beside the two reasons of the genuine one, or the certificate is no longer for this key.
         */
        found = a->n_reasons > 2 || !has_reason(a, REASON_AK_UNTRUSTED, "X-1");
        if (!found || a->verdict != VERDICT_NOT_VERIFIED) {
            print_message("%s: flip of byte %zu is not found\n", what, i);
            accepted++;
        }
        appraisal_done(a);
        arena_free(scratch);
        bytes[i] = genuine.data[i];
    }
    *part = genuine;
    free(bytes);
    print_message("figure: %s: %zu bytes flipped one by one, %zu accepted\n", what, genuine.len,
                  accepted);
    assert_int_equal(accepted, 0);
    (void)arena;
}

static void no_flipped_byte_of_the_published_evidence_verifies(void **state)
{
    test_needs_public_data();

    struct arena *arena = test_arena();
    struct evidence *evidence = published_evidence(arena);
    struct evidence_azure *azure = &evidence->azure;

    (void)state;
    assert_every_flip_is_found(arena, evidence, &evidence->quotes[0].attest.bytes, "PcrQuote");
    assert_every_flip_is_found(arena, evidence, &evidence->quotes[0].signature.bytes,
                               "PcrSignature");
    assert_every_flip_is_found(arena, evidence, &evidence->aks[0].public_area.bytes, "AikPub");
    assert_every_flip_is_found(arena, evidence, &azure->enc_key_public.bytes, "EncKeyPub");
    assert_every_flip_is_found(arena, evidence, &azure->enc_key_certify.bytes, "EncKeyCertifyInfo");
    assert_every_flip_is_found(arena, evidence, &azure->enc_key_signature.bytes,
                               "EncKeyCertifyInfoSignature");
    arena_free(arena);
}

static void no_flipped_byte_of_a_published_pcr_value_verifies(void **state)
{
    test_needs_public_data();

    struct arena *arena = test_arena();
    struct evidence *evidence = published_evidence(arena);
    size_t flips = 0;

    (void)state;
    for (unsigned pcr = 0; pcr < TPM_MAX_PCRS; pcr++) {
        for (size_t i = 0; i < SHA256_BYTES && (evidence->pcr_set & 1u << pcr) != 0; i++) {
            struct arena *scratch = arena_new(4u * 1024 * 1024);
            struct appraisal *a;

            evidence->pcrs.value[HASH_SHA256][pcr][i] ^= 0x10;
            a = judge(scratch, evidence, NULL, &(struct appraise_options){.now = 1720000000});
            assert_true(has_reason(a, REASON_PCR_DIGEST, "Q-12"));
            assert_null(a->enc_key);
            evidence->pcrs.value[HASH_SHA256][pcr][i] ^= 0x10;
            appraisal_done(a);
            arena_free(scratch);
            flips++;
        }
    }
    print_message("figure: PCR digests: %zu bytes flipped one by one, 0 accepted\n", flips);
    arena_free(arena);
}

/* The modulus inside AikCert: found by its bytes in the certificate. */
static void no_flipped_byte_of_the_key_in_the_certificate_verifies(void **state)
{
    test_needs_public_data();

    struct arena *arena = test_arena();
    struct evidence *evidence = published_evidence(arena);
    struct span *cert = &evidence->aks[0].certificate.bytes;
    struct span genuine = *cert;
    struct tpm_public pub;
    uint8_t *bytes = malloc(genuine.len);
    size_t at = 0;

    (void)state;
    assert_ok(tpm2b_public_parse(evidence->aks[0].public_area.bytes, true, NULL, &pub));
    while (memcmp(genuine.data + at, pub.a.data, pub.a.len) != 0) {
        at++;
        assert_true(at + pub.a.len <= genuine.len);
    }
    memcpy(bytes, genuine.data, genuine.len);
    *cert = span_of(bytes, genuine.len);
    for (size_t i = 0; i < pub.a.len; i++) {
        struct arena *scratch = arena_new(4u * 1024 * 1024);
        struct appraisal *a;

        bytes[at + i] ^= 0x04;
        a = judge(scratch, evidence, NULL, &(struct appraise_options){.now = 1720000000});
        assert_true(has_reason(a, REASON_AK_UNTRUSTED, NULL));
        assert_false(has_reason(a, REASON_AK_UNTRUSTED,
                                "X-1")); /* not "untrusted issuer": another key (AK-10) */
        bytes[at + i] = genuine.data[at + i];
        appraisal_done(a);
        arena_free(scratch);
    }
    print_message("figure: key inside AikCert: %zu bytes flipped one by one, 0 accepted\n",
                  pub.a.len);
    *cert = genuine;
    free(bytes);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_flipped_byte_of_the_published_evidence_verifies),
        cmocka_unit_test(no_flipped_byte_of_a_published_pcr_value_verifies),
        cmocka_unit_test(no_flipped_byte_of_the_key_in_the_certificate_verifies),
        cmocka_unit_test(published_evidence_verifies),
        cmocka_unit_test(published_evidence_is_proven_by_enrolment_at_any_time),
    };

    return RUN_TESTS(tests);
}
