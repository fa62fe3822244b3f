/*
 * enckey.c - the key that the reply is sealed to (azure-guest-protocol sections 3 and 5).
 *
 * AK → certify signature → name of the key → its public area, whose authPolicy binds its use to
 * the attested PCR values. Only then may a token be sealed to it.
 */
#include "appraise/internal.h"

/* fixedTPM, fixedParent, sensitiveDataOrigin, decrypt; userWithAuth would let it be used without
 * the policy, sign and restricted would make it another kind of key. */
enum {
    MUST_HAVE = TPM_FIXED_TPM | TPM_FIXED_PARENT | TPM_SENSITIVE_DATA_ORIGIN | TPM_DECRYPT,
    MUST_NOT_HAVE = TPM_USER_WITH_AUTH | TPM_SIGN | TPM_RESTRICTED,
    SELECT_BYTES = 3, /* 24 PCRs */
    PCR_IMA = 10,
};

static void fault(struct job *job, enum reason_code code, const char *where, err_t err,
                  const struct trail *trail, const char *what)
{
    char text[TRAIL_WHAT_MAX];

    trail_format(trail, err, text, sizeof(text));
    job_reason(job, code, "AK-8", where, "%s: %s", what, text);
}

static err_t check_certify(struct job *job, const struct appraised_ak *ak,
                           const struct tpm_public *key, bool *ret_ok)
{
    const struct evidence_azure *azure = &job->evidence->azure;
    struct trail trail = {0};
    struct tpm_signature sig;
    struct tpm_attest certify;
    struct tpm_name name;
    err_t err = tpm_signature_raw(&ak->pub, azure->enc_key_signature.bytes, &trail, &sig);

    *ret_ok = false;
    err = err ? err
              : tpm_signature_verify(&sig, &ak->pub, ak->key, azure->enc_key_certify.bytes, &trail);
    if (err) {
        fault(job, REASON_ENCKEY_CERTIFY, azure->enc_key_signature.where, err, &trail,
              "the attestation key did not certify the encryption key");
        return err_category(err) == ERR_CAT_INTERNAL ? err : ERR_OK;
    }
    err = tpm_attest_parse(azure->enc_key_certify.bytes, TPM_ATTEST_CERTIFY, &trail, &certify);
    if (err) {
        fault(job, REASON_ENCKEY_CERTIFY, azure->enc_key_certify.where, err, &trail,
              "the certification of the encryption key cannot be read");
        return ERR_OK;
    }
    err = tpm_public_name(key, &name);
    if (err) {
        return err;
    }
    if (!span_equal(tpm_name_span(&name), certify.certified_name)) {
        job_reason(job, REASON_ENCKEY_CERTIFY, "AK-8", azure->enc_key_certify.where,
                   "the certification is for another key than EncKeyPub");
        return ERR_OK;
    }
    *ret_ok = true;
    return ERR_OK;
}

/* The policy covers exactly the quoted PCRs, or those without PCR 10: IMA goes on extending it, so
 * that a key bound to it could not open a reply any more (docs/formats/azureguest.md). */
static err_t check_policy(struct job *job, const struct tpm_public *key, bool *ret_ok)
{
    const struct tpm_pcrs *shown = &job->result->shown;
    uint32_t all = shown->have[HASH_SHA256];
    uint32_t masks[] = {all, all & ~(1u << PCR_IMA)};
    uint8_t digest[SHA256_BYTES];

    *ret_ok = false;
    for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
        err_t err = tpm_policy_pcr_digest(masks[i], SELECT_BYTES, shown, digest);

        if (err) {
            return err;
        }
        if (span_equal(key->auth_policy, span_of(digest, sizeof(digest)))) {
            *ret_ok = true;
            return ERR_OK;
        }
    }
    job_reason(job, REASON_ENCKEY_POLICY, "AK-8", job->evidence->azure.enc_key_public.where,
               "the encryption key is not bound to the attested PCR values");
    return ERR_OK;
}

static bool check_attributes(struct job *job, const struct tpm_public *key)
{
    bool ok = key->type == TPM_RSA && key->name_hash == HASH_SHA256 &&
              (key->attributes & MUST_HAVE) == MUST_HAVE && (key->attributes & MUST_NOT_HAVE) == 0;

    if (!ok) {
        job_reason(job, REASON_ENCKEY_POLICY, "AK-2", job->evidence->azure.enc_key_public.where,
                   "the encryption key's attributes 0x%08x let it be used outside this TPM or "
                   "without its policy",
                   key->attributes);
    }
    return ok;
}

err_t judge_enc_key(struct job *job)
{
    CLEANUP(pubkey_free) struct pubkey *enc_key = NULL;
    const struct evidence *evidence = job->evidence;
    const struct appraised_ak *ak = &job->result->aks[0];
    struct trail trail = {0};
    struct tpm_public key;
    bool certified = false;
    bool bound = false;
    err_t err;

    if (evidence->form != EVIDENCE_AZUREGUEST || !ak->is_parsed || ak->key == NULL) {
        return ERR_OK;
    }
    err = tpm2b_public_parse(evidence->azure.enc_key_public.bytes, false, &trail, &key);
    if (err == ERR_OK) {
        err = tpm_public_key(&key, &trail, &enc_key);
    }
    if (err) {
        fault(job, REASON_ENCKEY_CERTIFY, evidence->azure.enc_key_public.where, err, &trail,
              "the encryption key cannot be used");
        return err_category(err) == ERR_CAT_INTERNAL ? err : ERR_OK;
    }
    err = check_certify(job, ak, &key, &certified);
    if (err || !job->result->quotes[0].is_verified) {
        return err; /* without attested PCRs there is nothing to hold the policy against */
    }
    err = check_policy(job, &key, &bound);
    if (err == ERR_OK && check_attributes(job, &key) && certified && bound) {
        job->result->enc_key = TAKE(enc_key);
    }
    return err;
}
