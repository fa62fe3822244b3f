/* Certificates and templates in NV were written by whoever made the TPM, or by the owner of this
 * machine: they are compared with the key the TPM really has, and never believed. */
#include "crypto/cert.h"
#include "tpmdev/device.h"
#include "tpmdev/template.h"

#include <tss2/tss2_mu.h>

#define PERSISTENT_EK_FIRST 0x81010000u
#define PERSISTENT_EK_LAST 0x8101ffffu
#define CHAIN_FIRST 0x01c00100u /* EK Credential Profile, 2.2.1.5.2 */
#define CHAIN_LAST 0x01c001ffu

enum { HANDLES_MAX = 32 };

static err_t public_key_of(const TPMT_PUBLIC *area, struct pubkey **ret)
{
    const TPM2B_ECC_PARAMETER *x = &area->unique.ecc.x, *y = &area->unique.ecc.y;
    enum pubkey_curve curve;

    if (area->type == TPM2_ALG_RSA) {
        uint32_t e = area->parameters.rsaDetail.exponent;

        return pubkey_new_rsa(span_of(area->unique.rsa.buffer, area->unique.rsa.size),
                              e == 0 ? 65537 : e, ret);
    }
    if (area->type != TPM2_ALG_ECC) {
        return ERR_UNSUPPORTED;
    }
    switch (area->parameters.eccDetail.curveID) {
    case TPM2_ECC_NIST_P256:
        curve = CURVE_P256;
        break;
    case TPM2_ECC_NIST_P384:
        curve = CURVE_P384;
        break;
    case TPM2_ECC_NIST_P521:
        curve = CURVE_P521;
        break;
    default:
        return ERR_UNSUPPORTED;
    }
    return pubkey_new_ec(curve, span_of(x->buffer, x->size), span_of(y->buffer, y->size), ret);
}

static bool is_key_of(const TPM2B_PUBLIC *area, const struct cert *cert)
{
    CLEANUP(pubkey_free) struct pubkey *key = NULL;

    return public_key_of(&area->publicArea, &key) == ERR_OK &&
           (area->publicArea.objectAttributes & TPMA_OBJECT_DECRYPT) != 0 &&
           pubkey_equal(key, cert_key(cert));
}

/* A persistent key that the certificate is for. ERR_NOT_FOUND when there is none. */
static err_t find_persistent(struct tpmdev *dev, const struct cert *cert, struct arena *arena,
                             struct trail *trail, struct tpmdev_ek *ek)
{
    uint32_t handles[HANDLES_MAX];
    size_t n = 0;
    err_t err = tpmdev_handles(dev, PERSISTENT_EK_FIRST, HANDLES_MAX, trail, handles, &n);

    for (size_t i = 0; err == ERR_OK && i < n && handles[i] <= PERSISTENT_EK_LAST; i++) {
        CLEANUP(tpm_object_done) struct tpm_object object = {0};
        ESYS_OWNED TPM2B_PUBLIC *area = NULL;

        if (tpmdev_object_at(dev, handles[i], NULL, &object) != ERR_OK ||
            Esys_ReadPublic(dev->esys, object.tr, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &area,
                            NULL, NULL) != TSS2_RC_SUCCESS ||
            !is_key_of(area, cert)) {
            continue;
        }
        ek->handle = handles[i];
        ek->template_area = (struct span){0};
        return tpmdev_public_bytes(area, arena, &ek->public_area);
    }
    return err ? err : ERR_NOT_FOUND;
}

/* The manufacturer's template and nonce where they exist (EK Credential Profile, 2.2.1.4), else
 * the default template. */
static void choose_template(struct tpmdev *dev, const struct ek_kind *kind, struct arena *arena,
                            TPM2B_PUBLIC *ret)
{
    struct span bytes = {0}, nonce = {0};
    TPM2B_PUBLIC own = {0};
    size_t offset = 0;

    ek_template(kind, ret);
    if (kind->template_index == 0) {
        return;
    }
    if (tpmdev_nv_read(dev, kind->template_index, arena, NULL, &bytes) == ERR_OK &&
        Tss2_MU_TPMT_PUBLIC_Unmarshal(bytes.data, bytes.len, &offset, &own.publicArea) ==
            TSS2_RC_SUCCESS &&
        own.publicArea.type == kind->type) {
        *ret = own;
    }
    if (tpmdev_nv_read(dev, kind->nonce_index, arena, NULL, &nonce) != ERR_OK) {
        return;
    }
    if (kind->type == TPM2_ALG_RSA && nonce.len <= kind->bits / 8u) {
        TPM2B_PUBLIC_KEY_RSA *unique = &ret->publicArea.unique.rsa;

        memset(unique->buffer, 0, sizeof(unique->buffer));
        memcpy(unique->buffer, nonce.data, nonce.len);
        unique->size = kind->bits / 8;
    } else if (kind->type == TPM2_ALG_ECC && nonce.len <= kind->bits / 8u) {
        TPM2B_ECC_PARAMETER *x = &ret->publicArea.unique.ecc.x;

        memset(x->buffer, 0, sizeof(x->buffer));
        memcpy(x->buffer, nonce.data, nonce.len);
        x->size = kind->bits / 8;
    }
}

/* Make the key and see whether the certificate is for it. ERR_MISMATCH when it is not. */
static err_t find_by_template(struct tpmdev *dev, const struct ek_kind *kind,
                              const struct cert *cert, struct arena *arena, struct trail *trail,
                              struct tpmdev_ek *ek)
{
    CLEANUP(tpm_object_done) struct tpm_object object = {0};
    ESYS_OWNED TPM2B_PUBLIC *area = NULL;
    TPM2B_PUBLIC template_area;
    err_t err;

    choose_template(dev, kind, arena, &template_area);
    err = tpmdev_create_primary(dev, ESYS_TR_RH_ENDORSEMENT, &template_area,
                                "making the endorsement key", trail, &object, &area);
    if (err) {
        return err;
    }
    if (!is_key_of(area, cert)) {
        return trail_set(trail, ERR_MISMATCH,
                         "the endorsement key certificate in NV index 0x%08x (%s) is not for a key "
                         "of this TPM: the TPM was cleared with a new seed, or the certificate "
                         "belongs to another",
                         kind->cert_index, kind->name);
    }
    ek->handle = 0;
    err = tpmdev_public_bytes(&template_area, arena, &ek->template_area);
    return err ? err : tpmdev_public_bytes(area, arena, &ek->public_area);
}

static err_t try_kind(struct tpmdev *dev, const struct ek_kind *kind, struct arena *arena,
                      struct trail *trail, struct tpmdev_ek *ek)
{
    CLEANUP(cert_free) struct cert *cert = NULL;
    struct trail inner = {0};
    struct span bytes = {0};
    err_t err = tpmdev_nv_read(dev, kind->cert_index, arena, trail, &bytes);

    if (err) {
        return err;
    }
    err = cert_new_nv(bytes, &inner, &cert);
    if (err || cert_key(cert) == NULL) {
        return trail_set(trail, err ? err : ERR_UNSUPPORTED,
                         "NV index 0x%08x holds no certificate that can be used: %s",
                         kind->cert_index, inner.what[0] != '\0' ? inner.what : "its kind of key");
    }
    ek->cert_index = kind->cert_index;
    ek->certificate = arena_dup(arena, cert_der(cert));
    if (ek->certificate.data == NULL) {
        return ERR_MEMORY;
    }
    err = find_persistent(dev, cert, arena, trail, ek);
    return err == ERR_NOT_FOUND ? find_by_template(dev, kind, cert, arena, trail, ek) : err;
}

/* The certificates between the EK's and the root, one behind the other over the indexes in
 * ascending order, as TPMs with an on-die CA keep them. Best effort: the server says which issuer
 * it misses. */
static void read_chain(struct tpmdev *dev, struct arena *arena, struct tpmdev_ek *ek)
{
    CLEANUP(buf_done) struct buf all = {0};
    uint32_t handles[HANDLES_MAX];
    struct span rest;
    size_t n = 0;

    buf_init(&all, (size_t)TPMDEV_NV_MAX_BYTES);
    if (tpmdev_handles(dev, CHAIN_FIRST, HANDLES_MAX, NULL, handles, &n) != ERR_OK) {
        return;
    }
    for (size_t i = 0; i < n && handles[i] <= CHAIN_LAST; i++) {
        struct span part = {0};

        if (tpmdev_nv_read(dev, handles[i], arena, NULL, &part) == ERR_OK) {
            buf_add(&all, part);
        }
    }
    rest = buf_span(&all);
    while (all.err == ERR_OK && rest.len > 0 && ek->n_chain < TPMDEV_CHAIN_MAX) {
        CLEANUP(cert_free) struct cert *cert = NULL;
        struct span der;

        if (cert_new_nv(rest, NULL, &cert) != ERR_OK) {
            return;
        }
        der = arena_dup(arena, cert_der(cert));
        if (der.data == NULL) {
            return;
        }
        ek->chain[ek->n_chain++] = der;
        rest = span_cut(rest, der.len, rest.len);
    }
}

err_t tpmdev_ek_find(struct tpmdev *dev, struct arena *arena, struct trail *trail,
                     struct tpmdev_ek *ret)
{
    struct trail worst = {0};
    err_t worst_err = ERR_NOT_FOUND;

    for (size_t i = 0; i < EK_KIND_COUNT; i++) {
        struct tpmdev_ek ek = {0};
        struct trail words = {0};
        err_t err = try_kind(dev, &ek_kinds[i], arena, &words, &ek);

        if (err == ERR_OK) {
            read_chain(dev, arena, &ek);
            *ret = ek;
            return ERR_OK;
        }
        /* A later kind may still fit; otherwise the first real fault is what people must hear. */
        if (err != ERR_NOT_FOUND && worst_err == ERR_NOT_FOUND) {
            worst = words;
            worst_err = err;
        }
    }
    if (worst_err != ERR_NOT_FOUND) {
        return trail_set(trail, worst_err, "%s", worst.what);
    }
    return trail_set(trail, ERR_NOT_FOUND,
                     "this TPM holds no endorsement key certificate (looked in NV indexes "
                     "0x01c00002 to 0x01c0001e): a software TPM gets one with swtpm_setup "
                     "--create-ek-cert");
}

err_t tpmdev_ek_uncertified(struct tpmdev *dev, struct arena *arena, struct trail *trail,
                            struct tpmdev_ek *ret)
{
    CLEANUP(tpm_object_done) struct tpm_object object = {0};
    ESYS_OWNED TPM2B_PUBLIC *area = NULL;
    struct tpmdev_ek ek = {0};
    TPM2B_PUBLIC template_area;
    err_t err;

    choose_template(dev, &ek_kinds[0], arena, &template_area);
    err = tpmdev_create_primary(dev, ESYS_TR_RH_ENDORSEMENT, &template_area,
                                "making the endorsement key", trail, &object, &area);
    err = err ? err : tpmdev_public_bytes(&template_area, arena, &ek.template_area);
    err = err ? err : tpmdev_public_bytes(area, arena, &ek.public_area);
    if (err == ERR_OK) {
        *ret = ek;
    }
    return err;
}

/* ---- using the key ---- */

static err_t load_ek(struct tpmdev *dev, const struct tpmdev_ek *ek, struct trail *trail,
                     struct tpm_object *ret)
{
    TPM2B_PUBLIC template_area;
    err_t err;

    if (ek->handle != 0) {
        return tpmdev_object_at(dev, ek->handle, trail, ret);
    }
    err = tpmdev_public_read(ek->template_area, &template_area);
    return err ? err
               : tpmdev_create_primary(dev, ESYS_TR_RH_ENDORSEMENT, &template_area,
                                       "making the endorsement key", trail, ret, NULL);
}

/* Satisfy PolicyA, and PolicyB through it when that is what the key wants. */
static err_t satisfy_policy(struct tpmdev *dev, const TPMT_PUBLIC *area, ESYS_TR session,
                            struct trail *trail)
{
    TPM2B_DIGEST b = {0};
    TPML_DIGEST either = {.count = 2};
    TSS2_RC rc = Esys_PolicySecret(dev->esys, ESYS_TR_RH_ENDORSEMENT, session, ESYS_TR_PASSWORD,
                                   ESYS_TR_NONE, ESYS_TR_NONE, NULL, NULL, NULL, 0, NULL, NULL);

    if (rc != TSS2_RC_SUCCESS) {
        return tpmdev_fail(trail, rc, "authorizing the endorsement key");
    }
    if (!ek_policy_b(area->nameAlg, &b) ||
        !span_equal(span_of(b.buffer, b.size),
                    span_of(area->authPolicy.buffer, area->authPolicy.size))) {
        return ERR_OK;
    }
    ek_policy_a(area->nameAlg, &either.digests[0]);
    ek_policy_c(area->nameAlg, &either.digests[1]);
    rc = Esys_PolicyOR(dev->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &either);
    return rc == TSS2_RC_SUCCESS ? ERR_OK
                                 : tpmdev_fail(trail, rc, "authorizing the endorsement key");
}

static err_t read_credential(struct span blob, struct span encrypted_secret, struct trail *trail,
                             TPM2B_ID_OBJECT *ret_id, TPM2B_ENCRYPTED_SECRET *ret_secret)
{
    size_t id_len = 0, secret_len = 0;

    if (Tss2_MU_TPM2B_ID_OBJECT_Unmarshal(blob.data, blob.len, &id_len, ret_id) !=
            TSS2_RC_SUCCESS ||
        Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(encrypted_secret.data, encrypted_secret.len,
                                                 &secret_len, ret_secret) != TSS2_RC_SUCCESS ||
        id_len != blob.len || secret_len != encrypted_secret.len) {
        return trail_set(trail, ERR_MALFORMED,
                         "the credential is not of the form of "
                         "TPM2_MakeCredential");
    }
    return ERR_OK;
}

err_t tpmdev_ek_activate(struct tpmdev *dev, const struct tpmdev_ek *ek, struct span blob,
                         struct span encrypted_secret, struct trail *trail, struct buf *ret_secret)
{
    CLEANUP(tpm_object_done) struct tpm_object key = {0};
    CLEANUP(tpm_object_done) struct tpm_object ak = {0};
    CLEANUP(tpm_object_done) struct tpm_object session = {0};
    ESYS_OWNED TPM2B_DIGEST *secret = NULL;
    TPM2B_ID_OBJECT id = {0};
    TPM2B_ENCRYPTED_SECRET wrapped = {0};
    TPM2B_PUBLIC area = {0};
    ESYS_TR authority = ESYS_TR_PASSWORD;
    TSS2_RC rc, reason;
    err_t err = read_credential(blob, encrypted_secret, trail, &id, &wrapped);

    err = err ? err : tpmdev_public_read(ek->public_area, &area);
    err = err ? err : load_ek(dev, ek, trail, &key);
    err = err ? err : tpmdev_object_at(dev, TPMDEV_AK_HANDLE, trail, &ak);
    if (err == ERR_OK && (area.publicArea.objectAttributes & TPMA_OBJECT_USERWITHAUTH) == 0) {
        err = tpmdev_policy_session(dev, area.publicArea.nameAlg, trail, &session);
        err = err ? err : satisfy_policy(dev, &area.publicArea, session.tr, trail);
        authority = session.tr;
    }
    if (err) {
        return err;
    }
    rc = Esys_ActivateCredential(dev->esys, ak.tr, key.tr, ESYS_TR_PASSWORD, authority,
                                 ESYS_TR_NONE, &id, &wrapped, &secret);
    reason = tpmdev_rc_reason(rc);
    if (reason == TPM2_RC_INTEGRITY || reason == TPM2_RC_VALUE || reason == TPM2_RC_SIZE) {
        return trail_set(trail, ERR_SIGNATURE,
                         "the credential is not for this endorsement key and attestation key");
    }
    if (rc != TSS2_RC_SUCCESS) {
        return tpmdev_fail(trail, rc, "activating the credential");
    }
    buf_add(ret_secret, span_of(secret->buffer, secret->size));
    explicit_bzero(secret, sizeof(*secret));
    return buf_err(ret_secret);
}
