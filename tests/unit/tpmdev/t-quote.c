#include "room.h"

enum { PCRS = 0x7bff };

static void quoting_without_a_key_says_not_found(void **state)
{
    struct tpmdev_quote quote;

    (void)state;
    assert_err(tpmdev_quote(room.dev, PCRS, (struct span){0}, room.arena, &room.trail, &quote),
               ERR_NOT_FOUND);
}

static void more_extra_data_than_every_tpm_takes_is_refused(void **state)
{
    static const uint8_t bytes[TPMDEV_EXTRA_DATA_MAX + 1];
    struct tpmdev_quote quote;

    (void)state;
    assert_err(tpmdev_quote(room.dev, PCRS, span_of(bytes, sizeof(bytes)), room.arena, &room.trail,
                            &quote),
               ERR_VALUE);
    assert_err(tpmdev_quote(room.dev, 0, (struct span){0}, room.arena, &room.trail, &quote),
               ERR_VALUE);
    assert_err(tpmdev_quote(room.dev, 1u << 24, (struct span){0}, room.arena, &room.trail, &quote),
               ERR_VALUE);
}

/* Everything the verifier will demand of it. */
static void assert_verifies(const struct tpmdev_ak *ak, const struct tpmdev_quote *quote,
                            struct span extra)
{
    CLEANUP(pubkey_free) struct pubkey *key = NULL;
    struct tpm_public area;
    struct tpm_attest attest;
    struct tpm_signature signature;
    struct tpm_name qualified;

    assert_ok(tpm2b_public_parse(ak->public_area, false, &room.trail, &area));
    assert_ok(tpm_public_key(&area, &room.trail, &key));
    assert_ok(tpm_signature_raw(&area, quote->signature, &room.trail, &signature));
    assert_ok(tpm_signature_verify(&signature, &area, key, quote->attest, &room.trail));
    assert_ok(tpm_attest_parse(quote->attest, TPM_ATTEST_QUOTE, &room.trail, &attest));
    assert_true(span_equal(attest.extra_data, extra));
    assert_int_equal(attest.n_selections, 1);
    assert_int_equal(attest.selections[0].mask, quote->pcr_mask);
    assert_int_equal(quote->pcrs.have[HASH_SHA256], quote->pcr_mask);
    assert_ok(tpm_quote_check_pcrs(&attest, HASH_SHA256, &quote->pcrs, &room.trail));
    assert_ok(tpm_qualified_name_primary(&area, TPM_RH_ENDORSEMENT, &qualified));
    assert_true(span_equal(attest.qualified_signer, tpm_name_span(&qualified)));
}

static void quote_satisfies_the_verifier(void **state)
{
    static const uint8_t extra[SHA256_BYTES] = "what was asked for";
    struct tpmdev_quote quote;
    struct tpmdev_ak ak;

    (void)state;
    assert_ok(tpmdev_ak_need(room.dev, room.arena, &room.trail, &ak));
    assert_ok(tpmdev_quote(room.dev, PCRS, span_of(extra, sizeof(extra)), room.arena, &room.trail,
                           &quote));
    assert_verifies(&ak, &quote, span_of(extra, sizeof(extra)));
    assert_ok(tpmdev_quote(room.dev, 0xff, (struct span){0}, room.arena, &room.trail, &quote));
    assert_verifies(&ak, &quote, (struct span){0});
}

/* A TPM returns eight values at a time. */
static void all_24_pcrs_are_read_over_several_calls(void **state)
{
    struct tpm_pcrs pcrs;

    (void)state;
    assert_ok(tpmdev_pcr_read(room.dev, 0xffffff, &room.trail, &pcrs));
    assert_int_equal(pcrs.have[HASH_SHA256], 0xffffff);
    assert_int_equal(pcrs.have[HASH_SHA1], 0);
    assert_true(span_all(tpm_pcr(&pcrs, HASH_SHA256, 0), 0));
    assert_true(span_all(tpm_pcr(&pcrs, HASH_SHA256, 17), 0xff));
    assert_true(span_all(tpm_pcr(&pcrs, HASH_SHA256, 23), 0));
}

static void an_extended_pcr_shows_in_values_and_quote(void **state)
{
    struct tpmdev_quote before, after;
    struct tpmdev_ak ak;

    (void)state;
    assert_ok(tpmdev_ak_need(room.dev, room.arena, &room.trail, &ak));
    assert_ok(tpmdev_quote(room.dev, PCRS, (struct span){0}, room.arena, &room.trail, &before));
    room_extend(4);
    assert_ok(tpmdev_quote(room.dev, PCRS, (struct span){0}, room.arena, &room.trail, &after));
    assert_false(
        span_equal(tpm_pcr(&before.pcrs, HASH_SHA256, 4), tpm_pcr(&after.pcrs, HASH_SHA256, 4)));
    assert_true(
        span_equal(tpm_pcr(&before.pcrs, HASH_SHA256, 5), tpm_pcr(&after.pcrs, HASH_SHA256, 5)));
    assert_verifies(&ak, &after, (struct span){0});
}

static void clock_tells_of_a_reset(void **state)
{
    struct tpmdev_clock before, after;

    (void)state;
    assert_ok(tpmdev_clock_read(room.dev, &room.trail, &before));
    tpmdev_free(room.dev);
    swtpm_restart(&room.tpm);
    assert_ok(tpmdev_open(room.tpm.tcti, false, &room.trail, &room.dev));
    assert_ok(tpmdev_clock_read(room.dev, &room.trail, &after));
    assert_true(after.reset_count > before.reset_count);
}

/* The last test: the TPM has no SHA-256 bank afterwards. */
static void tpm_without_sha256_pcrs_is_refused_in_words(void **state)
{
    TPML_PCR_SELECTION banks = {.count = 2};
    TPMI_YES_NO done = 0;
    UINT32 max, needed, available;
    struct tpmdev_quote quote;
    struct tpm_pcrs pcrs;

    (void)state;
    banks.pcrSelections[0] = (TPMS_PCR_SELECTION){TPM2_ALG_SHA1, 3, {0xff, 0xff, 0xff}};
    banks.pcrSelections[1] = (TPMS_PCR_SELECTION){TPM2_ALG_SHA256, 3, {0, 0, 0}};
    assert_int_equal(Esys_PCR_Allocate(room.dev->esys, ESYS_TR_RH_PLATFORM, ESYS_TR_PASSWORD,
                                       ESYS_TR_NONE, ESYS_TR_NONE, &banks, &done, &max, &needed,
                                       &available),
                     TSS2_RC_SUCCESS);
    assert_int_equal(done, TPM2_YES);
    tpmdev_free(room.dev);
    swtpm_restart(&room.tpm);
    assert_ok(tpmdev_open(room.tpm.tcti, false, &room.trail, &room.dev));
    assert_err(tpmdev_pcr_read(room.dev, PCRS, &room.trail, &pcrs), ERR_UNSUPPORTED);
    assert_non_null(strstr(room.trail.what, "SHA-256"));
    assert_err(tpmdev_quote(room.dev, PCRS, (struct span){0}, room.arena, &room.trail, &quote),
               ERR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOM_TEST(quoting_without_a_key_says_not_found),
        ROOM_TEST(more_extra_data_than_every_tpm_takes_is_refused),
        ROOM_TEST(quote_satisfies_the_verifier),
        ROOM_TEST(all_24_pcrs_are_read_over_several_calls),
        ROOM_TEST(an_extended_pcr_shows_in_values_and_quote),
        ROOM_TEST(clock_tells_of_a_reset),
        ROOM_TEST(tpm_without_sha256_pcrs_is_refused_in_words),
    };

    return cmocka_run_group_tests(tests, room_start, room_stop);
}
