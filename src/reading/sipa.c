#include "reading/sipa.h"

#include "base/defs.h"
#include "base/reader.h"

enum { HEADER_BYTES = 8 };

/* wbcl.h, and the ids that later versions of Windows add to it. In order of id. */
static const struct {
    uint32_t id;
    const char *name;
} names[] = {
    {0x00020001, "information"},
    {SIPA_BOOT_COUNTER, "boot counter"},
    {SIPA_TRANSFER_CONTROL, "transfer of control"},
    {0x00020004, "return of an application"},
    {SIPA_BITLOCKER_UNLOCK, "BitLocker unlock"},
    {SIPA_EVENT_COUNTER, "event counter"},
    {SIPA_COUNTER_ID, "counter id"},
    {0x00020008, "memory overwrite request not cancelable"},
    {0x00020009, "security version of the application"},
    {0x0002000a, "status of the security version chain"},
    {0x0002000b, "status of the memory overwrite request"},
    {SIPA_FIRMWARE_FAILURE, "firmware failure"},
    {SIPA_INTERNAL_FAILURE, "internal failure"},
    {0x00040001, "boot debugging"},
    {SIPA_BOOT_REVOCATIONS, "boot revocation list"},
    {0x00050001, "kernel debugging"},
    {0x00050002, "code integrity"},
    {0x00050003, "test signing"},
    {0x00050004, "data execution prevention"},
    {0x00050005, "safe mode"},
    {0x00050006, "Windows PE"},
    {0x00050007, "physical address extension"},
    {0x00050008, "type of the OS device"},
    {SIPA_SYSTEM_ROOT, "system root"},
    {0x0005000a, "hypervisor launch type"},
    {0x0005000b, "hypervisor path"},
    {0x0005000c, "hypervisor IOMMU policy"},
    {0x0005000d, "hypervisor debugging"},
    {0x0005000e, "driver load policy"},
    {0x0005000f, "code integrity policy"},
    {0x00050010, "hypervisor MMIO NX policy"},
    {0x00050011, "hypervisor MSR filter policy"},
    {0x00050012, "VSM launch type"},
    {SIPA_OS_REVOCATIONS, "OS revocation list"},
    {0x00050014, "simultaneous multithreading"},
    {SIPA_VSM_IDENTITY_KEY, "VSM identity key"},
    {0x00050021, "flight signing"},
    {0x00050022, "page file encryption"},
    {SIPA_VSM_SIGNING_KEY, "VSM identity signing key"},
    {0x00050024, "hibernation disabled"},
    {0x00050025, "crash dumps disabled"},
    {0x00050026, "crash dump encryption"},
    {0x00050027, "digest of the crash dump encryption key"},
    {0x00050028, "LSA isolation"},
    {0x00050029, "secure boot configuration policy"},
    {0x00050030, "DMA protection at boot"},
    {0x00050031, "signer of the code integrity policy"},
    {0x00050032, "signer of updates of the code integrity policy"},
    {0x00050033, "ReFS rollback protection"},
    {0x00050034, "ReFS rollback protection"},
    {0x00050035, "ReFS rollback protection"},
    {0x00050036, "ReFS rollback protection"},
    {0x00050037, "ReFS rollback protection"},
    {SIPA_NO_AUTHORITY, "no authority"},
    {SIPA_AUTHORITY_KEY, "public key of an authority"},
    {SIPA_FILE_PATH, "file path"},
    {SIPA_IMAGE_SIZE, "image size"},
    {SIPA_HASH_ALGORITHM, "hash algorithm"},
    {SIPA_AUTHENTICODE_HASH, "Authenticode digest"},
    {SIPA_AUTHORITY_ISSUER, "issuer"},
    {SIPA_AUTHORITY_SERIAL, "serial number"},
    {SIPA_IMAGE_BASE, "image base"},
    {SIPA_AUTHORITY_PUBLISHER, "publisher"},
    {SIPA_AUTHORITY_THUMBPRINT, "thumbprint"},
    {SIPA_IMAGE_VALIDATED, "image validated"},
    {SIPA_MODULE_SVN, "security version of the module"},
    {SIPA_ELAM_NAME, "ELAM driver"},
    {SIPA_ELAM_CONFIGURATION, "ELAM configuration"},
    {SIPA_ELAM_POLICY, "ELAM policy"},
    {SIPA_ELAM_MEASURED, "ELAM measurement"},
    {0x000a0001, "VBS: virtual secure mode required"},
    {0x000a0002, "VBS: Secure Boot required"},
    {0x000a0003, "VBS: IOMMU required"},
    {0x000a0004, "VBS: MMIO NX required"},
    {0x000a0005, "VBS: MSR filter required"},
    {0x000a0006, "VBS: mandatory enforcement"},
    {0x000a0007, "HVCI policy"},
    {0x000a0008, "VBS: Microsoft boot chain required"},
    {0x000a0009, "VBS: dumps use the AME root"},
    {0x000a000a, "VBS: no secrets enforced"},
    {0x000b0001, "KSR signature"},
    {0x000c0001, "DRTM state authority"},
    {0x000c0002, "DRTM SMM level"},
    {0x000c0003, "AMD SMM digest"},
    {0x000c0004, "AMD SMM signer"},
    {SIPA_TRUST_BOUNDARY, "trust boundary"},
    {SIPA_ELAM, "ELAM"},
    {SIPA_MODULE, "loaded module"},
    {0x40010005, "KSR"},
    {0x40010006, "signed measurement of KSR"},
    {SIPA_TPM_FAILURE, "TPM failure"},
    {SIPA_QUOTE, "quote"},
    {SIPA_QUOTE_SIGNATURE, "signature of the quote"},
    {SIPA_AIK_ID, "attestation key id"},
    {SIPA_AIK_DIGEST, "digest of the attestation key"},
    {SIPA_TRUST_POINT, "trust point"},
};

const char *sipa_name(uint32_t id)
{
    size_t low = 0;
    size_t high = ARRAY_LEN(names);

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (names[middle].id == id) {
            return names[middle].name;
        }
        if (names[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

/* ALG_ID of the Windows SDK (wincrypt.h). */
const char *sipa_hash_name(uint64_t algorithm)
{
    switch (algorithm) {
    case 0x8004:
        return "sha1";
    case 0x800c:
        return "sha256";
    case 0x800d:
        return "sha384";
    case 0x800e:
        return "sha512";
    default:
        return NULL;
    }
}

void sipa_begin(struct sipa_iter *iter, struct span bytes)
{
    *iter = (struct sipa_iter){.bytes = bytes};
    iter->end[0] = bytes.len;
}

static uint32_t u32le(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

err_t sipa_next(struct sipa_iter *iter, struct sipa_record *ret)
{
    struct reader in;
    struct sipa_record record = {0};
    struct span header = {0};
    err_t err;

    while (iter->depth > 0 && iter->offset == iter->end[iter->depth]) {
        iter->depth--;
    }
    if (iter->offset == iter->bytes.len) {
        return ERR_END;
    }
    /* Up to the end of the container alone: nothing in it may reach over it. */
    in = reader_on(span_cut(iter->bytes, iter->offset, iter->end[iter->depth] - iter->offset));
    record.depth = iter->depth;
    record.offset = iter->offset;
    err = reader_take(&in, HEADER_BYTES, &header);
    err = err ? err : reader_take(&in, u32le(header.data + 4), &record.payload);
    if (err) {
        return err;
    }
    record.id = u32le(header.data);
    if ((record.id & SIPA_CONTAINER) == 0) {
        iter->offset += in.offset;
    } else if (iter->depth == SIPA_MAX_DEPTH) {
        return ERR_TOO_DEEP;
    } else {
        iter->offset += HEADER_BYTES;
        iter->depth++;
        iter->end[iter->depth] = iter->offset + record.payload.len;
    }
    *ret = record;
    return ERR_OK;
}

bool sipa_uint(struct span payload, uint64_t *ret)
{
    uint64_t value = 0;

    if (payload.len != 1 && payload.len != 2 && payload.len != 4 && payload.len != 8) {
        return false;
    }
    for (size_t i = payload.len; i > 0; i--) {
        value = value << 8 | payload.data[i - 1];
    }
    *ret = value;
    return true;
}
