#include "crypto/cert.h"
#include "tpmdev/device.h"

#include <stdio.h>

#define AK_ATTRIBUTES                                                                              \
    (TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |            \
     TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT)
/* What an AK may or may not have besides (rule AK-2). */
#define AK_ATTRIBUTES_FREE (TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_NODA)

static void ak_template(TPM2B_PUBLIC *ret)
{
    TPM2B_PUBLIC out = {0};
    TPMS_RSA_PARMS *rsa = &out.publicArea.parameters.rsaDetail;

    out.publicArea.type = TPM2_ALG_RSA;
    out.publicArea.nameAlg = TPM2_ALG_SHA256;
    out.publicArea.objectAttributes = AK_ATTRIBUTES | TPMA_OBJECT_NODA;
    rsa->symmetric.algorithm = TPM2_ALG_NULL;
    rsa->scheme.scheme = TPM2_ALG_RSASSA;
    rsa->scheme.details.rsassa.hashAlg = TPM2_ALG_SHA256;
    rsa->keyBits = 2048;
    *ret = out;
}

/* NULL when the key can serve, else why not. The policy is free: Azure's has one. */
static const char *unfit_because(const TPMT_PUBLIC *area)
{
    const TPMS_RSA_PARMS *rsa = &area->parameters.rsaDetail;

    if (area->type != TPM2_ALG_RSA) {
        return "it is no RSA key";
    }
    if (rsa->keyBits < 2048) {
        return "it has fewer than 2048 bits";
    }
    if (area->nameAlg != TPM2_ALG_SHA256) {
        return "its name algorithm is not SHA-256";
    }
    if ((area->objectAttributes & ~(TPMA_OBJECT)AK_ATTRIBUTES_FREE) != AK_ATTRIBUTES) {
        return "its attributes are not those of a restricted signing key made in this TPM";
    }
    if (rsa->scheme.scheme != TPM2_ALG_RSASSA ||
        rsa->scheme.details.rsassa.hashAlg != TPM2_ALG_SHA256) {
        return "its scheme is not RSASSA with SHA-256";
    }
    return NULL;
}

static err_t fill(const TPM2B_PUBLIC *area, const TPM2B_NAME *name, struct arena *arena,
                  struct trail *trail, struct tpmdev_ak *ak)
{
    const char *why = unfit_because(&area->publicArea);

    if (why != NULL) {
        return trail_set(trail, ERR_CONFLICT,
                         "handle 0x%08x, where the attestation key belongs, holds another key: %s; "
                         "if nothing needs it: tpm2_evictcontrol -C o -c 0x%08x",
                         TPMDEV_AK_HANDLE, why, TPMDEV_AK_HANDLE);
    }
    if (name->size > sizeof(ak->name.bytes)) {
        return ERR_INTERNAL;
    }
    memcpy(ak->name.bytes, name->name, name->size);
    ak->name.len = name->size;
    return tpmdev_public_bytes(area, arena, &ak->public_area);
}

static err_t read_certificate(struct tpmdev *dev, struct arena *arena, struct trail *trail,
                              struct tpmdev_ak *ak)
{
    CLEANUP(cert_free) struct cert *cert = NULL;
    struct trail inner = {0};
    struct span bytes = {0};
    err_t err = tpmdev_nv_read(dev, TPMDEV_AK_CERT_INDEX, arena, &inner, &bytes);

    if (err == ERR_NOT_FOUND) {
        return ERR_OK;
    }
    if (err) {
        return trail_set(trail, err, "%s", inner.what);
    }
    if (cert_new_nv(bytes, NULL, &cert) != ERR_OK) {
        return ERR_OK;
    }
    ak->certificate = arena_dup(arena, cert_der(cert));
    return ak->certificate.data == NULL ? ERR_MEMORY : ERR_OK;
}

err_t tpmdev_ak_read(struct tpmdev *dev, struct arena *arena, struct trail *trail,
                     struct tpmdev_ak *ret)
{
    CLEANUP(tpm_object_done) struct tpm_object object = {0};
    ESYS_OWNED TPM2B_PUBLIC *area = NULL;
    ESYS_OWNED TPM2B_NAME *name = NULL;
    struct tpmdev_ak ak = {0};
    TSS2_RC rc;
    err_t err = tpmdev_object_at(dev, TPMDEV_AK_HANDLE, trail, &object);

    if (err) {
        return err;
    }
    rc = Esys_ReadPublic(dev->esys, object.tr, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &area,
                         &name, NULL);
    if (rc != TSS2_RC_SUCCESS) {
        return tpmdev_fail(trail, rc, "reading the attestation key");
    }
    err = fill(area, name, arena, trail, &ak);
    err = err ? err : read_certificate(dev, arena, trail, &ak);
    if (err == ERR_OK) {
        *ret = ak;
    }
    return err;
}

static err_t make_ak(struct tpmdev *dev, struct trail *trail)
{
    CLEANUP(tpm_object_done) struct tpm_object made = {0};
    CLEANUP(tpm_object_done) struct tpm_object kept = {0};
    TPM2B_PUBLIC template_area;
    ESYS_TR tr = ESYS_TR_NONE;
    TSS2_RC rc;
    err_t err;

    ak_template(&template_area);
    err = tpmdev_create_primary(dev, ESYS_TR_RH_ENDORSEMENT, &template_area,
                                "making the attestation key", trail, &made, NULL);
    if (err) {
        return err;
    }
    rc = Esys_EvictControl(dev->esys, ESYS_TR_RH_OWNER, made.tr, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                           ESYS_TR_NONE, TPMDEV_AK_HANDLE, &tr);
    if (rc != TSS2_RC_SUCCESS) {
        return tpmdev_fail(trail, rc, "keeping the attestation key");
    }
    kept = (struct tpm_object){.esys = dev->esys, .tr = tr};
    (void)kept; /* its handle is closed when the scope ends; the key stays in the TPM */
    return ERR_OK;
}

err_t tpmdev_ak_need(struct tpmdev *dev, struct arena *arena, struct trail *trail,
                     struct tpmdev_ak *ret)
{
    struct trail missing = {0};
    err_t err = tpmdev_ak_read(dev, arena, &missing, ret);

    if (err != ERR_NOT_FOUND) {
        return err ? trail_set(trail, err, "%s", missing.what) : ERR_OK;
    }
    err = make_ak(dev, trail);
    return err ? err : tpmdev_ak_read(dev, arena, trail, ret);
}

static err_t write_index(struct tpmdev *dev, struct span bytes, struct arena *arena,
                         struct trail *trail)
{
    struct span written = {0};
    err_t err = tpmdev_nv_replace(dev, TPMDEV_AK_CERT_INDEX, bytes, trail);

    err = err ? err : tpmdev_nv_read(dev, TPMDEV_AK_CERT_INDEX, arena, trail, &written);
    if (err == ERR_OK && !span_equal(written, bytes)) {
        err = trail_set(trail, ERR_TPM, "NV index 0x%08x holds something else than was written",
                        TPMDEV_AK_CERT_INDEX);
    }
    return err;
}

/* Whatever became of the write: what was there before is there afterwards. */
static err_t put_back(struct tpmdev *dev, struct span bytes, struct arena *arena)
{
    struct span left = {0};

    if (tpmdev_nv_read(dev, TPMDEV_AK_CERT_INDEX, arena, NULL, &left) == ERR_OK &&
        span_equal(left, bytes)) {
        return ERR_OK;
    }
    return write_index(dev, bytes, arena, NULL);
}

err_t tpmdev_ak_store_certificate(struct tpmdev *dev, struct span der, struct trail *trail)
{
    CLEANUP(arena_free) struct arena *arena = arena_new((size_t)8 * TPMDEV_NV_MAX_BYTES);
    struct trail inner = {0};
    struct span before = {0};
    err_t err;

    if (arena == NULL) {
        return ERR_MEMORY;
    }
    err = tpmdev_nv_read(dev, TPMDEV_AK_CERT_INDEX, arena, &inner, &before);
    if (err && err != ERR_NOT_FOUND) {
        return trail_set(trail, err, "%s", inner.what);
    }
    inner = (struct trail){0};
    err = write_index(dev, der, arena, &inner);
    if (err && before.len > 0 && put_back(dev, before, arena) != ERR_OK) {
        return trail_set(trail, err, "%s; and the certificate from before is lost", inner.what);
    }
    return err ? trail_set(trail, err, "%s", inner.what) : ERR_OK;
}
