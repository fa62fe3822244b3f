/*
 * keys.c - which keys signed, and why they may be believed (rules AK-1 to AK-4, AK-10, AK-13, X-*).
 *
 * An AK is proven by enrolment (its name is known) or by a certificate that leads to an anchor of
 * role AK. Without either the signature proves only that somebody holds a key (AK-13).
 */
#include "appraise/internal.h"

#include "base/codec.h"

static bool is_enrolled(const struct job *job, const struct tpm_name *name)
{
    for (size_t i = 0; i < job->trust->n_enrolled_aks; i++) {
        if (span_equal(tpm_name_span(&job->trust->enrolled_aks[i]), tpm_name_span(name))) {
            return true;
        }
    }
    return false;
}

static const struct cert_store *anchors_of(const struct job *job, const struct appraised_ak *ak)
{
    return job->trust->ak_enrolled != NULL && is_enrolled(job, &ak->name) ? job->trust->ak_enrolled
                                                                          : job->trust->ak;
}

static err_t add_intermediates(struct job *job, struct cert_store *store)
{
    err_t err = ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < job->evidence->n_intermediates; i++) {
        const struct evidence_blob *blob = &job->evidence->intermediates[i];
        struct trail trail = {0};

        err = cert_store_add_file(store, blob->bytes, &trail);
        if (err != ERR_OK && err_category(err) != ERR_CAT_INTERNAL) {
            job_note(job, "intermediate-unreadable", "X-9", -1, "%s: %s", blob->where, trail.what);
            err = ERR_OK;
        }
    }
    return err;
}

/* The certificate's path and that it is for this very key (AK-10). ERR_OK or why not, in words. */
static err_t check_ak_certificate(struct job *job, const struct cert_store *intermediates,
                                  struct appraised_ak *ak, const struct evidence_blob *blob,
                                  struct trail *trail)
{
    const struct cert_store *anchors = anchors_of(job, ak);
    err_t err = cert_new_nv(blob->bytes, trail, &ak->certificate);

    if (err) {
        return err;
    }
    if (ak->key == NULL || cert_key(ak->certificate) == NULL ||
        !pubkey_equal(cert_key(ak->certificate), ak->key)) {
        return trail_set(trail, ERR_MISMATCH, "is for another key than the attestation key sent");
    }
    if (anchors == NULL || cert_store_count(anchors) == 0) {
        return trail_set(trail, ERR_UNTRUSTED,
                         "issued by '%s', and no CA for attestation keys is trusted",
                         cert_issuer(ak->certificate, job->arena));
    }
    return cert_verify(ak->certificate, intermediates, anchors, CERT_ROLE_AK, job->options->now,
                       false, trail);
}

err_t prove_ak(struct job *job, const struct cert_store *intermediates, struct appraised_ak *ak,
               const struct evidence_ak *sent)
{
    struct trail trail = {0};
    char text[TRAIL_WHAT_MAX];
    bool enrolled = is_enrolled(job, &ak->name);
    bool is_waived = job->options->waives_ak_certificate;
    const char *remedy = NULL;
    err_t fault;
    err_t err;

    if (enrolled) {
        ak->proof = AK_PROOF_ENROLLED;
    }
    if (sent->certificate.bytes.len == 0) {
        if (is_waived && !enrolled) {
            ak->proof = AK_PROOF_WAIVED;
            job_note(job, "ak-waived", "AK-13", -1,
                     "nothing proves that the attestation key lives in a TPM, and the policy does "
                     "without");
        }
        return ERR_OK;
    }
    err = check_ak_certificate(job, intermediates, ak, &sent->certificate, &trail);
    if (err == ERR_OK) {
        ak->proof = enrolled ? AK_PROOF_ENROLLED : AK_PROOF_CERTIFICATE;
        ak->is_certificate_valid = true;
        return ERR_OK;
    }
    if (err_category(err) == ERR_CAT_INTERNAL) {
        return err;
    }
    trail.where[0] = '\0';
    trail_format(&trail, err, text, sizeof(text));
    /* That an old certificate leads nowhere any more is worth a note beside an enrolled key; that
     * it is none, or another key's, is evidence put together from two places. */
    if ((enrolled || is_waived) && ak->certificate != NULL && err != ERR_MISMATCH) {
        job_note(job, "ak-certificate", "AK-10", -1,
                 "the AK is %s, but its certificate does not hold: %s",
                 enrolled ? "enrolled" : "taken without proof", text);
        ak->proof = enrolled ? AK_PROOF_ENROLLED : AK_PROOF_WAIVED;
    } else {
        fault = err;
        err = chain_remedy(job, ak->certificate, intermediates, anchors_of(job, ak), CERT_ROLE_AK,
                           fault, &remedy);
        job_reason_remedy(job, REASON_AK_UNTRUSTED, fault == ERR_MISMATCH ? "AK-10" : "X-1",
                          sent->certificate.where, remedy,
                          "the attestation key's certificate does not prove it: %s", text);
        return err;
    }
    return ERR_OK;
}

static err_t judge_ak(struct job *job, const struct cert_store *intermediates,
                      const struct evidence_ak *sent, struct appraised_ak *ak)
{
    struct trail trail = {0};
    char text[TRAIL_WHAT_MAX];
    bool is_sound = true;
    err_t err;

    if (sent->jwk != NULL) {
        return judge_bare_ak(job, intermediates, sent, ak);
    }
    err =
        tpm2b_public_parse(sent->public_area.bytes, sent->public_area_may_trail, &trail, &ak->pub);

    ak->label = sent->public_area.where;
    if (err) {
        trail_format(&trail, err, text, sizeof(text));
        job_reason(job, REASON_ATTEST_MALFORMED, "AK-1", ak->label,
                   "the attestation key's public area cannot be read: %s", text);
        return ERR_OK;
    }
    err = tpm_public_name(&ak->pub, &ak->name);
    if (err) {
        return err;
    }
    ak->is_parsed = true;
    ak->has_public_area = true;
    err = tpm_public_check_ak(&ak->pub, &trail);
    if (err) {
        trail_format(&trail, err, text, sizeof(text));
        job_reason(job, REASON_AK_ATTRIBUTES, "AK-2", ak->label, "not fit to attest: %s", text);
        is_sound = false;
    }
    trail = (struct trail){0};
    err = tpm_public_key(&ak->pub, &trail, &ak->key);
    if (err && err_category(err) == ERR_CAT_INTERNAL) {
        return err;
    }
    if (err) {
        trail_format(&trail, err, text, sizeof(text));
        job_reason(job, REASON_AK_ATTRIBUTES, "AK-3", ak->label, "key is refused: %s", text);
        is_sound = false;
    }
    return is_sound ? prove_ak(job, intermediates, ak, sent) : ERR_OK;
}

static err_t check_ek(struct job *job, const struct cert_store *intermediates,
                      const struct evidence_ek *sent, struct trail *trail, struct cert **ret)
{
    CLEANUP(pubkey_free) struct pubkey *key = NULL;
    struct tpm_public pub;
    err_t err = cert_new_nv(sent->certificate.bytes, trail, ret);

    if (err) {
        return err;
    }
    if (sent->public_area.bytes.len > 0) {
        err = tpm2b_public_parse(sent->public_area.bytes, false, trail, &pub);
        err = err ? err : tpm_public_key(&pub, trail, &key);
        if (err) {
            return err;
        }
        if (cert_key(*ret) == NULL || !pubkey_equal(cert_key(*ret), key)) {
            return trail_set(trail, ERR_MISMATCH, "is for another key than %s",
                             sent->public_area.where);
        }
    }
    if (job->trust->ek == NULL || cert_store_count(job->trust->ek) == 0) {
        return trail_set(trail, ERR_UNTRUSTED,
                         "issued by '%s', and no CA for endorsement keys is trusted",
                         cert_issuer(*ret, job->arena));
    }
    return cert_verify(*ret, intermediates, job->trust->ek, CERT_ROLE_EK, job->options->now, true,
                       trail);
}

static err_t judge_ek(struct job *job, const struct cert_store *intermediates,
                      const struct evidence_ek *sent)
{
    CLEANUP(cert_free) struct cert *cert = NULL;
    struct trail trail = {0};
    char text[TRAIL_WHAT_MAX];
    const char *remedy = NULL;
    int64_t not_before;
    int64_t not_after;
    err_t fault;
    err_t err = check_ek(job, intermediates, sent, &trail, &cert);

    if (err && err_category(err) == ERR_CAT_INTERNAL) {
        return err;
    }
    if (err) {
        trail.where[0] = '\0';
        trail_format(&trail, err, text, sizeof(text));
        fault = err;
        err = chain_remedy(job, cert, intermediates, job->trust->ek, CERT_ROLE_EK, fault, &remedy);
        job_reason_remedy(
            job, REASON_EK_CHAIN, fault == ERR_MISMATCH ? "AK-10" : "X-1", sent->certificate.where,
            remedy, "the endorsement key's certificate does not prove a TPM of a trusted maker: %s",
            text);
        return err;
    }
    cert_validity(cert, &not_before, &not_after);
    if (job->options->now > not_after) {
        job_note(job, "ek-certificate-expired", "X-8", -1,
                 "%s has expired; EK certificates are not renewed", sent->certificate.where);
    }
    if (job->result->ek_subject == NULL) {
        job->result->ek_subject = cert_subject(cert, job->arena);
    }
    return ERR_OK;
}

static void judge_proofs(struct job *job)
{
    struct appraisal *a = job->result;
    const char *names = "";

    for (size_t i = 0; i < a->n_aks; i++) {
        if (a->aks[i].proof != AK_PROOF_NONE) {
            a->main_ak = i;
            return;
        }
        if (a->aks[i].is_parsed) {
            names = arena_printf(job->arena, "%s%s%s", names, names[0] == '\0' ? "" : ", ",
                                 hex_dup(job->arena, tpm_name_span(&a->aks[i].name)));
        }
    }
    for (size_t i = 0; i < a->n_reasons; i++) {
        if (a->reasons[i].code == REASON_AK_UNTRUSTED ||
            a->reasons[i].code == REASON_AK_ATTRIBUTES) {
            return; /* says more than "unproven" would */
        }
    }
    job_reason(
        job, REASON_AK_UNPROVEN, "AK-13", a->n_aks > 0 ? a->aks[0].label : "",
        "nothing proves that the attestation key lives in a TPM: not enrolled is the name %s",
        names);
}

err_t judge_keys(struct job *job)
{
    CLEANUP(cert_store_free) struct cert_store *intermediates = cert_store_new();
    const struct evidence *evidence = job->evidence;
    struct appraisal *a = job->result;
    err_t err = intermediates == NULL ? ERR_MEMORY : add_intermediates(job, intermediates);

    for (size_t i = 0; err == ERR_OK && i < evidence->n_aks; i++) {
        a->n_aks = i + 1;
        err = judge_ak(job, intermediates, &evidence->aks[i], &a->aks[i]);
    }
    for (size_t i = 0; err == ERR_OK && i < evidence->n_eks; i++) {
        err = judge_ek(job, intermediates, &evidence->eks[i]);
    }
    if (err == ERR_OK && evidence->form == EVIDENCE_BOOT_FOLDER && evidence->n_eks == 0) {
        job_reason_remedy(
            job, REASON_EK_CHAIN, "AK-5", "",
            "Read the certificate from the TPM's NV memory (0x01c00002 for RSA, 0x01c0000a or "
            "0x01c00016 for ECC) and put it beside the evidence as ek_rsa_cert.der or "
            "ek_ecc_cert.der.",
            "there is no endorsement key certificate");
    }
    if (err == ERR_OK) {
        judge_proofs(job);
    }
    return err;
}
