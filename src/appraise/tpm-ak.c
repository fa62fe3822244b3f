/*
 * tpm-ak.c - an attestation key of which only the key itself was sent (/attest/Tpm).
 *
 * The protocol carries no public area, so neither the key's name nor its attributes are there to be
 * read: that it is an attestation key of a TPM is what its certificate says. Where the key has one
 * of the layouts that agents give it, its name follows from the key, and is believed when it is an
 * enrolled name or when the quote's qualified signer confirms it: both are digests over every byte
 * of the public area (AK-1, Q-20).
 */
#include "appraise/internal.h"

#include "base/buf.h"

enum { AREA_MAX = 2048, LAYOUT_BITS = 3, LAYOUTS = 1 << LAYOUT_BITS };

#define LAYOUT_ATTRIBUTES                                                                          \
    (TPM_FIXED_TPM | TPM_FIXED_PARENT | TPM_SENSITIVE_DATA_ORIGIN | TPM_USER_WITH_AUTH |           \
     TPM_RESTRICTED | TPM_SIGN)

/* The attributes that AK-2 leaves free, the commonest layout first. */
static uint32_t layout_attributes(unsigned layout)
{
    return LAYOUT_ATTRIBUTES | ((layout & 1) == 0 ? TPM_NO_DA : 0) |
           ((layout & 2) != 0 ? TPM_ADMIN_WITH_POLICY : 0) | ((layout & 4) != 0 ? TPM_ST_CLEAR : 0);
}

/* Part 2, 11.4.2 (TCG Algorithm Registry, 6.4). */
static uint16_t curve_id(enum pubkey_curve curve)
{
    return curve == CURVE_P256 ? 3 : curve == CURVE_P384 ? 4 : 5;
}

/* TPMT_PUBLIC without a policy, SHA-256 throughout (Part 2, 12.2.4). */
static err_t build_area(struct job *job, const struct pubkey *key, uint32_t attributes,
                        uint16_t scheme, struct tpm_public *ret)
{
    CLEANUP(buf_done) struct buf area = {0};
    bool is_rsa = pubkey_kind(key) == PUBKEY_RSA;
    struct span a = {0};
    struct span b = {0};
    struct span bytes = {0};
    err_t err = pubkey_numbers(key, job->arena, &a, &b);

    buf_init(&area, AREA_MAX);
    buf_u16be(&area, is_rsa ? TPM_RSA : TPM_ECC);
    buf_u16be(&area, TPM_SHA256);
    buf_u32be(&area, attributes);
    buf_tpm2b(&area, (struct span){0});
    buf_u16be(&area, TPM_NULL);
    buf_u16be(&area, scheme);
    buf_u16be(&area, TPM_SHA256);
    if (is_rsa) {
        buf_u16be(&area, (uint16_t)pubkey_bits(key));
        buf_u32be(&area, 0);
        buf_tpm2b(&area, a);
    } else {
        buf_u16be(&area, curve_id(pubkey_curve(key)));
        buf_u16be(&area, TPM_NULL);
        buf_tpm2b(&area, a);
        buf_tpm2b(&area, b);
    }
    err = err ? err : buf_copy(&area, job->arena, &bytes);
    return err ? err : tpm_public_parse(bytes, NULL, ret);
}

static bool is_enrolled_name(const struct job *job, const struct tpm_name *name)
{
    for (size_t i = 0; i < job->trust->n_enrolled_aks; i++) {
        if (span_equal(tpm_name_span(&job->trust->enrolled_aks[i]), tpm_name_span(name))) {
            return true;
        }
    }
    return false;
}

/* "" when the quote's signer is no primary key of this area. */
static err_t find_hierarchy(const struct tpm_public *pub, struct span qualified_signer,
                            const char **ret)
{
    static const struct {
        uint32_t handle;
        const char *text;
    } hierarchies[] = {
        {TPM_RH_ENDORSEMENT, "primary key of the endorsement hierarchy"},
        {TPM_RH_OWNER, "primary key of the owner hierarchy"},
    };

    *ret = "";
    for (size_t i = 0; i < ARRAY_LEN(hierarchies); i++) {
        struct tpm_name qualified;
        err_t err = tpm_qualified_name_primary(pub, hierarchies[i].handle, &qualified);

        if (err) {
            return err;
        }
        if (span_equal(tpm_name_span(&qualified), qualified_signer)) {
            *ret = hierarchies[i].text;
            return ERR_OK;
        }
    }
    return ERR_OK;
}

/* Tries the layouts until one is confirmed: by the quote when there is one, else by enrolment. */
static err_t find_layout(struct job *job, struct appraised_ak *ak, const struct tpm_attest *quote)
{
    static const uint16_t rsa[] = {TPM_RSASSA, TPM_RSAPSS};
    static const uint16_t ec[] = {TPM_ECDSA};
    bool is_rsa = pubkey_kind(ak->key) == PUBKEY_RSA;
    size_t n_schemes = is_rsa ? ARRAY_LEN(rsa) : ARRAY_LEN(ec);

    for (size_t i = 0; i < n_schemes * LAYOUTS; i++) {
        struct tpm_public pub;
        struct tpm_name name;
        const char *parent = "";
        bool is_confirmed = false;
        err_t err = build_area(job, ak->key, layout_attributes((unsigned)(i % LAYOUTS)),
                               is_rsa ? rsa[i / LAYOUTS] : ec[i / LAYOUTS], &pub);

        err = err ? err : tpm_public_name(&pub, &name);
        if (err == ERR_OK && quote != NULL) {
            err = find_hierarchy(&pub, quote->qualified_signer, &parent);
            is_confirmed = parent[0] != '\0';
        } else if (err == ERR_OK) {
            is_confirmed = is_enrolled_name(job, &name);
        }
        if (err) {
            return err == ERR_VALUE ? ERR_OK : err; /* a size that no TPM key has */
        }
        if (is_confirmed) {
            ak->pub = pub;
            ak->name = name;
            ak->has_public_area = true;
            ak->parent = parent[0] != '\0' ? parent : ak->parent;
            return ERR_OK;
        }
    }
    return ERR_OK;
}

err_t name_bare_ak(struct job *job, struct appraised_ak *ak, const struct tpm_attest *quote)
{
    return find_layout(job, ak, quote);
}

err_t judge_bare_ak(struct job *job, const struct cert_store *intermediates,
                    const struct evidence_ak *sent, struct appraised_ak *ak)
{
    struct trail trail = {0};
    char text[TRAIL_WHAT_MAX];
    err_t err = jwk_read_public(job->arena, sent->jwk, &trail, &ak->key);

    ak->label = sent->jwk_where;
    ak->parent = "unknown";
    if (err && err_category(err) == ERR_CAT_INTERNAL) {
        return err;
    }
    if (err) {
        trail_format(&trail, err, text, sizeof(text));
        job_reason(job, REASON_AK_ATTRIBUTES, "AK-3", ak->label, "key is refused: %s", text);
        return ERR_OK;
    }
    ak->is_parsed = true;
    if (pubkey_is_roca(ak->key)) {
        job_reason(job, REASON_AK_ATTRIBUTES, "AK-4", ak->label,
                   "key is refused: it was made by a faulty generator (CVE-2017-15361)");
        return ERR_OK;
    }
    err = job->trust->n_enrolled_aks > 0 ? find_layout(job, ak, NULL) : ERR_OK;
    return err ? err : prove_ak(job, intermediates, ak, sent);
}

err_t check_ak_signature(const struct appraised_ak *ak, struct span signature, struct span message,
                         struct trail *trail, struct tpm_signature *ret)
{
    struct tpm_signature sig;
    err_t err = tpm_signature_parse(signature, trail, &sig);

    if (err) {
        return err;
    }
    err = ak->has_public_area ? tpm_signature_verify(&sig, &ak->pub, ak->key, message, trail)
                              : tpm_signature_verify_bare(&sig, ak->key, message, trail);
    if (err == ERR_OK) {
        *ret = sig;
    }
    return err;
}
