/*
 * device.h - inside tpmdev: the connection, loaded objects with an end, errors in words.
 */
#ifndef TPMDEV_DEVICE_H
#define TPMDEV_DEVICE_H

#include "tpmdev/tpmdev.h"

#include <tss2/tss2_esys.h>

struct tpmdev {
    TSS2_TCTI_CONTEXT *tcti;
    ESYS_CONTEXT *esys;
};

/* An object or session known to ESYS. Done flushes what is only loaded and forgets what is
 * persistent. {0} is no object: ESYS numbers its own handles from 1000000 up, PCR 0 aside. */
struct tpm_object {
    ESYS_CONTEXT *esys;
    ESYS_TR tr;
    bool is_loaded;
};
void tpm_object_done(struct tpm_object *object);
DEFINE_CLEANUP_DONE(struct tpm_object, tpm_object_done)

/* For pointers that ESYS allocated. */
static inline void esys_free_at(void *pointer)
{
    void *memory;

    memcpy(&memory, pointer, sizeof(memory));
    Esys_Free(memory);
}
#define ESYS_OWNED __attribute__((cleanup(esys_free_at)))

/* The response code without the parts that say which parameter, handle or session it is about;
 * 0 when it is not from a TPM. */
TSS2_RC tpmdev_rc_reason(TSS2_RC rc);
/* "doing: the TPM's words. remedy", and the code for it. rc is not success. */
err_t tpmdev_fail(struct trail *trail, TSS2_RC rc, const char *doing);

/* A handle that exists in the TPM. ERR_NOT_FOUND when it does not. */
err_t tpmdev_object_at(struct tpmdev *dev, uint32_t handle, struct trail *trail,
                       struct tpm_object *ret) MUST_CHECK;
/* TPM2_CreatePrimary, empty authorization. ret_public may be NULL; Esys_Free it. */
err_t tpmdev_create_primary(struct tpmdev *dev, ESYS_TR hierarchy,
                            const TPM2B_PUBLIC *template_area, const char *doing,
                            struct trail *trail, struct tpm_object *ret,
                            TPM2B_PUBLIC **ret_public) MUST_CHECK;
/* A policy session. */
err_t tpmdev_policy_session(struct tpmdev *dev, TPMI_ALG_HASH hash, struct trail *trail,
                            struct tpm_object *ret) MUST_CHECK;
/* Handles that exist, from first on, at most max of them. */
err_t tpmdev_handles(struct tpmdev *dev, uint32_t first, size_t max, struct trail *trail,
                     uint32_t *handles, size_t *ret_count) MUST_CHECK;

/* TPM2B_PUBLIC to bytes and back. */
err_t tpmdev_public_bytes(const TPM2B_PUBLIC *area, struct arena *arena,
                          struct span *ret) MUST_CHECK;
err_t tpmdev_public_read(struct span bytes, TPM2B_PUBLIC *ret) MUST_CHECK;
/* The SHA-256 selection of mask, 3 bytes wide as PC Client TPMs have it. */
TPML_PCR_SELECTION tpmdev_selection(uint32_t mask);
/* TPMS_ATTEST and raw RSASSA bytes out of what ESYS returned. */
err_t tpmdev_attest_bytes(const TPM2B_ATTEST *attest, const TPMT_SIGNATURE *signature,
                          struct arena *arena, struct trail *trail, struct span *ret_attest,
                          struct span *ret_signature) MUST_CHECK;

#endif
