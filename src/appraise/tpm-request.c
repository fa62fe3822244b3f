/*
 * tpm-request.c - who sent a /attest/Tpm request, for which challenge, and which keys its TPM
 * vouches for (tpm-attest-protocol 3.2; rules, AK-8, J-1).
 *
 * The request is signed by the key it names. What ties that key to the TPM is either the quote,
 * whose extraData is a hash of the key's text and the challenge, or a certification by the
 * attestation key: then the quote answers the bare challenge.
 */
#include "appraise/internal.h"

#include "crypto/secret.h"

/* A key that is in this TPM, was made there and can leave it nowhere. */
enum { RESIDENT = TPM_FIXED_TPM | TPM_FIXED_PARENT | TPM_SENSITIVE_DATA_ORIGIN };

static void fault(struct job *job, enum reason_code code, const char *rule, const char *where,
                  const char *what, err_t err, const struct trail *trail)
{
    char text[TRAIL_WHAT_MAX];

    trail_format(trail, err, text, sizeof(text));
    job_reason(job, code, rule, where, "%s: %s", what, text);
}

/* The key that signs is RSA and signs PS256: the protocol knows no other, and whoever sends the
 * request may not choose (J-1). */
static err_t check_request_signature(struct job *job, const struct evidence_tpm *tpm,
                                     struct appraised_key *key)
{
    struct trail trail = {0};
    err_t err;

    key->sent = &tpm->request_key;
    err = jwk_read_public(job->arena, key->sent->jwk, &trail, &key->key);
    if (err == ERR_OK && pubkey_kind(key->key) != PUBKEY_RSA) {
        err = trail_set(&trail, ERR_UNSUPPORTED, "requests are signed with PS256, an RSA key's");
    }
    if (err && err_category(err) == ERR_CAT_INTERNAL) {
        return err;
    }
    if (err) {
        fault(job, REASON_REQUEST_KEY, "AK-3", "request_key.jwk", "the request key is refused", err,
              &trail);
        return ERR_OK;
    }
    err = jws_check(&tpm->jws, key->key, TOKEN_PS256, &trail);
    if (err && err_category(err) == ERR_CAT_INTERNAL) {
        return err;
    }
    if (err) {
        fault(job, REASON_REQUEST_SIGNATURE, "J-1", "request",
              "the request is not signed by the key that it names", err, &trail);
    }
    return ERR_OK;
}

/* HASH(text of jwk || 00 || challenge): Q-11. The text cannot hold a NUL, so the two cannot run
 * into each other. */
static err_t bound_nonce(struct job *job, const struct evidence_tpm *tpm)
{
    static const uint8_t zero = 0;
    enum hash_alg hash = tpm->request_key.hash;
    err_t err = hasher_begin(job->hasher, hash);

    err = err ? err : hasher_add(job->hasher, tpm->request_key.raw);
    err = err ? err : hasher_add(job->hasher, span_of(&zero, 1));
    err = err ? err : hasher_add(job->hasher, tpm->challenge);
    err = err ? err : hasher_end(job->hasher, job->nonce_bytes);
    job->nonce = span_of(job->nonce_bytes, hash_size(hash));
    return err;
}

err_t judge_request(struct job *job)
{
    const struct evidence_tpm *tpm = job->evidence->tpm;
    err_t err;

    if (tpm == NULL) {
        return ERR_OK;
    }
    if (job->options->has_nonce && !secret_equal(tpm->challenge, job->options->nonce)) {
        job_reason(job, REASON_NONCE, "Q-8", "challenge",
                   "the request answers another challenge than the one that was issued");
    }
    err = check_request_signature(job, tpm, &job->result->request_key);
    if (err) {
        return err;
    }
    /* Whether or not the challenge is the right one: request and quote are of the same. */
    job->has_nonce = true;
    job->nonce = tpm->challenge;
    if (tpm->request_key.binding == KEY_UNBOUND) {
        job_reason(job, REASON_REQUEST_KEY, "Q-11", "request_key",
                   "nothing binds the request key to the TPM: beside a quote it must be bound by "
                   "it or be certified");
    }
    return tpm->request_key.binding == KEY_QUOTED ? bound_nonce(job, tpm) : ERR_OK;
}

/* ---- keys that the TPM certified ---- */

static err_t check_public(const struct evidence_key *sent, const struct pubkey *key,
                          struct trail *trail, struct tpm_public *ret)
{
    CLEANUP(pubkey_free) struct pubkey *certified = NULL;
    err_t err = tpm_public_parse(sent->public_area.bytes, trail, ret);

    err = err ? err : tpm_public_key(ret, trail, &certified);
    if (err == ERR_OK && !pubkey_equal(certified, key)) {
        err = trail_set(trail, ERR_MISMATCH, "the public area is of another key than jwk");
    }
    return err;
}

static err_t check_certification(struct job *job, const struct evidence_key *sent,
                                 const struct tpm_public *pub, struct trail *trail)
{
    const struct appraised_ak *ak = &job->result->aks[0];
    struct tpm_signature sig;
    struct tpm_attest certify;
    struct tpm_name name;
    err_t err =
        check_ak_signature(ak, sent->signature.bytes, sent->certification.bytes, trail, &sig);

    err = err ? err
              : tpm_attest_parse(sent->certification.bytes, TPM_ATTEST_CERTIFY, trail, &certify);
    if (err == ERR_OK && !secret_equal(certify.extra_data, job->evidence->tpm->challenge)) {
        err = trail_set(trail, ERR_MISMATCH, "the certification answers another challenge");
    }
    err = err ? err : tpm_public_name(pub, &name);
    if (err == ERR_OK && !span_equal(tpm_name_span(&name), certify.certified_name)) {
        err = trail_set(trail, ERR_MISMATCH, "the certification is for another key");
    }
    return err;
}

static err_t judge_certified(struct job *job, struct appraised_key *key)
{
    const struct appraised_ak *ak = &job->result->aks[0];
    struct trail trail = {0};
    err_t err =
        ak->key == NULL ? ERR_SIGNATURE : check_public(key->sent, key->key, &trail, &key->pub);

    err = err ? err : check_certification(job, key->sent, &key->pub, &trail);
    if (err && err_category(err) == ERR_CAT_INTERNAL) {
        return err;
    }
    if (err) {
        fault(job, REASON_KEY_CERTIFY, "AK-8", key->sent->where,
              "the attestation key did not certify this key", err, &trail);
        return ERR_OK;
    }
    key->is_bound = ak->proof != AK_PROOF_NONE;
    return ERR_OK;
}

static err_t judge_other_key(struct job *job, const struct evidence_key *sent,
                             struct appraised_key *key)
{
    struct trail trail = {0};
    err_t err;

    key->sent = sent;
    err = jwk_read_public(job->arena, sent->jwk, &trail, &key->key);
    if (err && err_category(err) == ERR_CAT_INTERNAL) {
        return err;
    }
    if (err) {
        fault(job, REASON_KEY_CERTIFY, "AK-3", sent->where, "the key is refused", err, &trail);
        return ERR_OK;
    }
    if (sent->binding == KEY_UNBOUND) {
        job_note(job, "key-unbound", "AK-8", -1,
                 "%s is a key that the request names and nothing binds to the TPM", sent->where);
        return ERR_OK;
    }
    return judge_certified(job, key);
}

static bool has_nonce_reason(const struct appraisal *a)
{
    for (size_t i = 0; i < a->n_reasons; i++) {
        if (a->reasons[i].code == REASON_NONCE) {
            return true;
        }
    }
    return false;
}

err_t judge_bound_keys(struct job *job)
{
    const struct evidence_tpm *tpm = job->evidence->tpm;
    struct appraisal *a = job->result;
    struct appraised_key *request = &a->request_key;
    err_t err = ERR_OK;

    if (tpm == NULL) {
        return ERR_OK;
    }
    if (request->key != NULL && tpm->request_key.binding == KEY_QUOTED) {
        request->is_bound = a->quotes[0].counts && !has_nonce_reason(a);
    } else if (request->key != NULL && tpm->request_key.binding == KEY_CERTIFIED) {
        err = judge_certified(job, request);
        if (err == ERR_OK && request->is_bound &&
            (request->pub.attributes & RESIDENT) != RESIDENT) {
            job_reason(job, REASON_REQUEST_KEY, "AK-2", "request_key",
                       "the request key is certified, but its attributes 0x%08x do not keep it in "
                       "this TPM",
                       request->pub.attributes);
            request->is_bound = false;
        }
    }
    for (size_t i = 0; err == ERR_OK && i < tpm->n_other_keys; i++) {
        a->n_other_keys = i + 1;
        err = judge_other_key(job, &tpm->other_keys[i], &a->other_keys[i]);
    }
    return err;
}
