#include "tpmdev/device.h"

#include <stdio.h>

/* azure-guest-protocol, section 1: chunks of at most 1024 bytes, which every TPM takes. */
enum { NV_CHUNK = 1024 };

/* Owner authorization where the index allows it, else the index's own; both empty. */
static ESYS_TR reading_authority(const TPMS_NV_PUBLIC *area, ESYS_TR index)
{
    return (area->attributes & TPMA_NV_OWNERREAD) != 0 ? ESYS_TR_RH_OWNER : index;
}

static TSS2_RC read_chunk(struct tpmdev *dev, ESYS_TR authority, ESYS_TR index, size_t offset,
                          size_t len, struct buf *out)
{
    ESYS_OWNED TPM2B_MAX_NV_BUFFER *data = NULL;
    TSS2_RC rc = Esys_NV_Read(dev->esys, authority, index, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                              ESYS_TR_NONE, (UINT16)len, (UINT16)offset, &data);

    if (rc == TSS2_RC_SUCCESS) {
        buf_add(out, span_of(data->buffer, data->size));
    }
    return rc;
}

static TSS2_RC read_all(struct tpmdev *dev, ESYS_TR authority, ESYS_TR index, size_t size,
                        struct buf *out)
{
    TSS2_RC rc = TSS2_RC_SUCCESS;

    buf_reset(out);
    while (rc == TSS2_RC_SUCCESS && out->err == ERR_OK && out->len < size) {
        size_t left = size - out->len;
        size_t before = out->len;

        rc = read_chunk(dev, authority, index, before, left < NV_CHUNK ? left : NV_CHUNK, out);
        if (rc == TSS2_RC_SUCCESS && out->err == ERR_OK && out->len == before) {
            return TSS2_ESYS_RC_MALFORMED_RESPONSE; /* no progress: do not ask for ever */
        }
    }
    return rc;
}

err_t tpmdev_nv_read(struct tpmdev *dev, uint32_t index, struct arena *arena, struct trail *trail,
                     struct span *ret)
{
    CLEANUP(tpm_object_done) struct tpm_object nv = {0};
    CLEANUP(buf_done) struct buf bytes = {0};
    ESYS_OWNED TPM2B_NV_PUBLIC *area = NULL;
    char doing[48];
    ESYS_TR authority;
    TSS2_RC rc;
    err_t err = tpmdev_object_at(dev, index, trail, &nv);

    if (err) {
        return err;
    }
    snprintf(doing, sizeof(doing), "reading NV index 0x%08x", index);
    rc =
        Esys_NV_ReadPublic(dev->esys, nv.tr, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &area, NULL);
    if (rc != TSS2_RC_SUCCESS) {
        return tpmdev_fail(trail, rc, doing);
    }
    if ((area->nvPublic.attributes & TPMA_NV_WRITTEN) == 0) {
        return trail_set(trail, ERR_NOT_FOUND, "NV index 0x%08x was never written", index);
    }
    if (area->nvPublic.dataSize > TPMDEV_NV_MAX_BYTES) {
        return trail_set(trail, ERR_TOO_LARGE, "NV index 0x%08x has %u bytes, more than %d", index,
                         area->nvPublic.dataSize, (int)TPMDEV_NV_MAX_BYTES);
    }
    buf_init(&bytes, TPMDEV_NV_MAX_BYTES);
    authority = reading_authority(&area->nvPublic, nv.tr);
    rc = read_all(dev, authority, nv.tr, area->nvPublic.dataSize, &bytes);
    if (rc != TSS2_RC_SUCCESS && authority == ESYS_TR_RH_OWNER &&
        (area->nvPublic.attributes & TPMA_NV_AUTHREAD) != 0) {
        /* An owner password is set: the index may still be open to everybody. */
        rc = read_all(dev, nv.tr, nv.tr, area->nvPublic.dataSize, &bytes);
    }
    if (rc != TSS2_RC_SUCCESS) {
        return tpmdev_fail(trail, rc, doing);
    }
    return buf_copy(&bytes, arena, ret);
}

static err_t remove_index(struct tpmdev *dev, uint32_t index, struct trail *trail)
{
    struct trail unneeded = {0};
    struct tpm_object nv = {0};
    char doing[48];
    TSS2_RC rc;
    err_t err = tpmdev_object_at(dev, index, &unneeded, &nv);

    if (err == ERR_NOT_FOUND) {
        return ERR_OK;
    }
    if (err) {
        return trail_set(trail, err, "%s", unneeded.what);
    }
    rc = Esys_NV_UndefineSpace(dev->esys, ESYS_TR_RH_OWNER, nv.tr, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                               ESYS_TR_NONE);
    if (rc != TSS2_RC_SUCCESS) {
        tpm_object_done(&nv);
        snprintf(doing, sizeof(doing), "removing NV index 0x%08x", index);
        return tpmdev_fail(trail, rc, doing);
    }
    return ERR_OK; /* ESYS closed the handle with the index */
}

static err_t define_index(struct tpmdev *dev, uint32_t index, size_t size, struct trail *trail,
                          struct tpm_object *ret)
{
    static const TPM2B_AUTH no_password = {0};
    TPM2B_NV_PUBLIC area = {.nvPublic = {.nvIndex = index,
                                         .nameAlg = TPM2_ALG_SHA256,
                                         .attributes = TPMA_NV_OWNERREAD | TPMA_NV_OWNERWRITE |
                                                       TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE,
                                         .dataSize = (UINT16)size}};
    ESYS_TR tr = ESYS_TR_NONE;
    char doing[48];
    TSS2_RC rc = Esys_NV_DefineSpace(dev->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                     ESYS_TR_NONE, &no_password, &area, &tr);

    if (rc != TSS2_RC_SUCCESS) {
        snprintf(doing, sizeof(doing), "defining NV index 0x%08x", index);
        return tpmdev_fail(trail, rc, doing);
    }
    *ret = (struct tpm_object){.esys = dev->esys, .tr = tr};
    return ERR_OK;
}

err_t tpmdev_nv_replace(struct tpmdev *dev, uint32_t index, struct span bytes, struct trail *trail)
{
    CLEANUP(tpm_object_done) struct tpm_object nv = {0};
    TPM2B_MAX_NV_BUFFER chunk;
    char doing[48];
    err_t err;

    if (bytes.len == 0 || bytes.len > TPMDEV_NV_MAX_BYTES) {
        return trail_set(trail, ERR_TOO_LARGE, "%zu bytes do not fit into an NV index", bytes.len);
    }
    err = remove_index(dev, index, trail);
    err = err ? err : define_index(dev, index, bytes.len, trail, &nv);
    if (err) {
        return err;
    }
    for (size_t offset = 0; offset < bytes.len; offset += chunk.size) {
        struct span part = span_cut(bytes, offset, NV_CHUNK);
        TSS2_RC rc;

        chunk.size = (UINT16)part.len;
        memcpy(chunk.buffer, part.data, part.len);
        rc = Esys_NV_Write(dev->esys, ESYS_TR_RH_OWNER, nv.tr, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                           ESYS_TR_NONE, &chunk, (UINT16)offset);
        if (rc != TSS2_RC_SUCCESS) {
            snprintf(doing, sizeof(doing), "writing NV index 0x%08x", index);
            return tpmdev_fail(trail, rc, doing);
        }
    }
    return ERR_OK;
}
