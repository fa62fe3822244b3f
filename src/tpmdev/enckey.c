#include "tpmdev/device.h"

#include "tpm/tpm.h"

enum { ENCKEY_BITS = 2048, SELECT_BYTES = 3, PCR_IMA = 10 };

/* azure-guest-protocol, 3.3: attributes 0x00020432. Without userWithAuth only the policy opens it.
 */
static void enckey_template(const uint8_t policy[SHA256_BYTES], TPM2B_PUBLIC *ret)
{
    TPM2B_PUBLIC out = {0};
    TPMS_RSA_PARMS *rsa = &out.publicArea.parameters.rsaDetail;

    out.publicArea.type = TPM2_ALG_RSA;
    out.publicArea.nameAlg = TPM2_ALG_SHA256;
    out.publicArea.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                      TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_NODA |
                                      TPMA_OBJECT_DECRYPT;
    out.publicArea.authPolicy.size = SHA256_BYTES;
    memcpy(out.publicArea.authPolicy.buffer, policy, SHA256_BYTES);
    rsa->symmetric.algorithm = TPM2_ALG_NULL;
    rsa->scheme.scheme = TPM2_ALG_NULL;
    rsa->keyBits = ENCKEY_BITS;
    out.publicArea.unique.rsa.size = ENCKEY_BITS / 8;
    *ret = out;
}

static err_t certify(struct tpmdev *dev, ESYS_TR object, struct arena *arena, struct trail *trail,
                     struct tpmdev_enckey *key)
{
    static const TPMT_SIG_SCHEME own_scheme = {.scheme = TPM2_ALG_NULL};
    static const TPM2B_DATA nothing = {0};
    CLEANUP(tpm_object_done) struct tpm_object ak = {0};
    ESYS_OWNED TPM2B_ATTEST *attest = NULL;
    ESYS_OWNED TPMT_SIGNATURE *signature = NULL;
    TSS2_RC rc;
    err_t err = tpmdev_object_at(dev, TPMDEV_AK_HANDLE, trail, &ak);

    if (err) {
        return err;
    }
    rc = Esys_Certify(dev->esys, object, ak.tr, ESYS_TR_PASSWORD, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                      &nothing, &own_scheme, &attest, &signature);
    if (rc != TSS2_RC_SUCCESS) {
        return tpmdev_fail(trail, rc, "certifying the encryption key");
    }
    return tpmdev_attest_bytes(attest, signature, arena, trail, &key->certify,
                               &key->certify_signature);
}

err_t tpmdev_enckey_make(struct tpmdev *dev, const struct tpmdev_quote *quote, struct arena *arena,
                         struct trail *trail, struct tpmdev_enckey *ret)
{
    CLEANUP(tpm_object_done) struct tpm_object object = {0};
    ESYS_OWNED TPM2B_PUBLIC *area = NULL;
    /* IMA goes on extending PCR 10: a key bound to it could soon not open any reply. */
    struct tpmdev_enckey key = {.dev = dev, .pcr_mask = quote->pcr_mask & ~(1u << PCR_IMA)};
    uint8_t policy[SHA256_BYTES];
    TPM2B_PUBLIC template_area;
    err_t err = tpm_policy_pcr_digest(key.pcr_mask, SELECT_BYTES, &quote->pcrs, policy);

    if (err) {
        return err;
    }
    enckey_template(policy, &template_area);
    err = tpmdev_create_primary(dev, ESYS_TR_RH_NULL, &template_area, "making the encryption key",
                                trail, &object, &area);
    err = err ? err : tpmdev_public_bytes(area, arena, &key.public_area);
    err = err ? err : certify(dev, object.tr, arena, trail, &key);
    if (err) {
        return err;
    }
    key.object = object.tr;
    object = (struct tpm_object){0}; /* now the caller's */
    *ret = key;
    return ERR_OK;
}

void tpmdev_enckey_done(struct tpmdev_enckey *key)
{
    if (key->dev != NULL) {
        Esys_FlushContext(key->dev->esys, key->object);
        key->dev = NULL;
    }
}

static err_t decrypt_error(struct trail *trail, TSS2_RC rc)
{
    switch (tpmdev_rc_reason(rc)) {
    case TPM2_RC_POLICY_FAIL:
    case TPM2_RC_PCR_CHANGED:
        return trail_set(trail, ERR_MISMATCH, "the PCRs have changed since they were quoted");
    case TPM2_RC_VALUE:
    case TPM2_RC_SIZE:
    case TPM2_RC_FAILURE: /* libtpms, for padding that does not fit */
        return trail_set(trail, ERR_SIGNATURE, "the reply was not encrypted to this TPM's key");
    default:
        return tpmdev_fail(trail, rc, "decrypting the reply");
    }
}

err_t tpmdev_enckey_decrypt(struct tpmdev_enckey *key, struct span cipher, struct trail *trail,
                            struct buf *ret_plain)
{
    static const TPMT_RSA_DECRYPT scheme = {.scheme = TPM2_ALG_RSAES};
    static const TPM2B_DATA no_label = {0};
    static const TPM2B_DIGEST current = {0};
    CLEANUP(tpm_object_done) struct tpm_object session = {0};
    ESYS_OWNED TPM2B_PUBLIC_KEY_RSA *plain = NULL;
    TPML_PCR_SELECTION selection = tpmdev_selection(key->pcr_mask);
    TPM2B_PUBLIC_KEY_RSA in = {0};
    struct tpmdev *dev = key->dev;
    TSS2_RC rc;
    err_t err;

    if (cipher.len != ENCKEY_BITS / 8) {
        return trail_set(trail, ERR_SIGNATURE, "the wrapped key has %zu bytes, not %d", cipher.len,
                         ENCKEY_BITS / 8);
    }
    in.size = (UINT16)cipher.len;
    memcpy(in.buffer, cipher.data, cipher.len);
    err = tpmdev_policy_session(dev, TPM2_ALG_SHA256, trail, &session);
    if (err) {
        return err;
    }
    rc = Esys_PolicyPCR(dev->esys, session.tr, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &current,
                        &selection);
    if (rc != TSS2_RC_SUCCESS) {
        return tpmdev_fail(trail, rc, "stating the PCRs");
    }
    rc = Esys_RSA_Decrypt(dev->esys, key->object, session.tr, ESYS_TR_NONE, ESYS_TR_NONE, &in,
                          &scheme, &no_label, &plain);
    if (rc != TSS2_RC_SUCCESS) {
        return decrypt_error(trail, rc);
    }
    buf_add(ret_plain, span_of(plain->buffer, plain->size));
    explicit_bzero(plain, sizeof(*plain));
    return buf_err(ret_plain);
}
