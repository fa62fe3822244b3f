#include "tpmdev/template.h"

#include "base/defs.h"

#include <string.h>

const struct ek_kind ek_kinds[EK_KIND_COUNT] = {
    {"RSA-2048", 0x01c00002, 0x01c00003, 0x01c00004, TPM2_ALG_RSA, 2048, 0, TPM2_ALG_SHA256, true},
    {"ECC P-256", 0x01c0000a, 0x01c0000b, 0x01c0000c, TPM2_ALG_ECC, 256, TPM2_ECC_NIST_P256,
     TPM2_ALG_SHA256, true},
    {"RSA-2048", 0x01c00012, 0, 0, TPM2_ALG_RSA, 2048, 0, TPM2_ALG_SHA256, false},
    {"ECC P-256", 0x01c00014, 0, 0, TPM2_ALG_ECC, 256, TPM2_ECC_NIST_P256, TPM2_ALG_SHA256, false},
    {"ECC P-384", 0x01c00016, 0, 0, TPM2_ALG_ECC, 384, TPM2_ECC_NIST_P384, TPM2_ALG_SHA384, false},
    {"RSA-3072", 0x01c0001c, 0, 0, TPM2_ALG_RSA, 3072, 0, TPM2_ALG_SHA384, false},
    {"RSA-4096", 0x01c0001e, 0, 0, TPM2_ALG_RSA, 4096, 0, TPM2_ALG_SHA384, false},
};

enum { POLICY_A, POLICY_B, POLICY_C, POLICY_COUNT };

/* Annex B.6 of the profile; the tests compute them again from the policy commands. */
static const uint8_t policies_sha256[POLICY_COUNT][TPM2_SHA256_DIGEST_SIZE] = {
    {0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc,
     0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52,
     0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa},
    {0xca, 0x3d, 0x0a, 0x99, 0xa2, 0xb9, 0x39, 0x06, 0xf7, 0xa3, 0x34,
     0x24, 0x14, 0xef, 0xcf, 0xb3, 0xa3, 0x85, 0xd4, 0x4c, 0xd1, 0xfd,
     0x45, 0x90, 0x89, 0xd1, 0x9b, 0x50, 0x71, 0xc0, 0xb7, 0xa0},
    {0x37, 0x67, 0xe2, 0xed, 0xd4, 0x3f, 0xf4, 0x5a, 0x3a, 0x7e, 0x1e,
     0xae, 0xfc, 0xef, 0x78, 0x64, 0x3d, 0xca, 0x96, 0x46, 0x32, 0xe7,
     0xaa, 0xd8, 0x2c, 0x67, 0x3a, 0x30, 0xd8, 0x63, 0x3f, 0xde},
};

static const uint8_t policies_sha384[POLICY_COUNT][TPM2_SHA384_DIGEST_SIZE] = {
    {0x8b, 0xbf, 0x22, 0x66, 0x53, 0x7c, 0x17, 0x1c, 0xb5, 0x6e, 0x40, 0x3c,
     0x4d, 0xc1, 0xd4, 0xb6, 0x4f, 0x43, 0x26, 0x11, 0xdc, 0x38, 0x6e, 0x6f,
     0x53, 0x20, 0x50, 0xc3, 0x27, 0x8c, 0x93, 0x0e, 0x14, 0x3e, 0x8b, 0xb1,
     0x13, 0x38, 0x24, 0xcc, 0xb4, 0x31, 0x05, 0x38, 0x71, 0xc6, 0xdb, 0x53},
    {0xb2, 0x6e, 0x7d, 0x28, 0xd1, 0x1a, 0x50, 0xbc, 0x53, 0xd8, 0x82, 0xbc,
     0xf5, 0xfd, 0x3a, 0x1a, 0x07, 0x41, 0x48, 0xbb, 0x35, 0xd3, 0xb4, 0xe4,
     0xcb, 0x1c, 0x0a, 0xd9, 0xbd, 0xe4, 0x19, 0xca, 0xcb, 0x47, 0xba, 0x09,
     0x69, 0x96, 0x46, 0x15, 0x0f, 0x9f, 0xc0, 0x00, 0xf3, 0xf8, 0x0e, 0x12},
    {0xd6, 0x03, 0x2c, 0xe6, 0x1f, 0x2f, 0xb3, 0xc2, 0x40, 0xeb, 0x3c, 0xf6,
     0xa3, 0x32, 0x37, 0xef, 0x2b, 0x6a, 0x16, 0xf4, 0x29, 0x3c, 0x22, 0xb4,
     0x55, 0xe2, 0x61, 0xcf, 0xfd, 0x21, 0x7a, 0xd5, 0xb4, 0x94, 0x7c, 0x2d,
     0x73, 0xe6, 0x30, 0x05, 0xee, 0xd2, 0xdc, 0x2b, 0x35, 0x93, 0xd1, 0x65},
};

static bool get_policy(TPMI_ALG_HASH name_alg, int which, TPM2B_DIGEST *ret)
{
    TPM2B_DIGEST digest = {0};

    switch (name_alg) {
    case TPM2_ALG_SHA256:
        digest.size = TPM2_SHA256_DIGEST_SIZE;
        memcpy(digest.buffer, policies_sha256[which], digest.size);
        break;
    case TPM2_ALG_SHA384:
        digest.size = TPM2_SHA384_DIGEST_SIZE;
        memcpy(digest.buffer, policies_sha384[which], digest.size);
        break;
    default:
        return false;
    }
    *ret = digest;
    return true;
}

bool ek_policy_a(TPMI_ALG_HASH name_alg, TPM2B_DIGEST *ret)
{
    return get_policy(name_alg, POLICY_A, ret);
}

bool ek_policy_b(TPMI_ALG_HASH name_alg, TPM2B_DIGEST *ret)
{
    return get_policy(name_alg, POLICY_B, ret);
}

bool ek_policy_c(TPMI_ALG_HASH name_alg, TPM2B_DIGEST *ret)
{
    return get_policy(name_alg, POLICY_C, ret);
}

void ek_template(const struct ek_kind *kind, TPM2B_PUBLIC *ret)
{
    TPM2B_PUBLIC out = {0};
    TPMT_PUBLIC *area = &out.publicArea;
    TPMT_SYM_DEF_OBJECT symmetric = {.algorithm = TPM2_ALG_AES, .mode = {.aes = TPM2_ALG_CFB}};

    symmetric.keyBits.aes = kind->name_alg == TPM2_ALG_SHA256 ? 128 : 256;
    area->type = kind->type;
    area->nameAlg = kind->name_alg;
    area->objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                             TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_ADMINWITHPOLICY |
                             TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
    if (kind->is_low_range) {
        ek_policy_a(kind->name_alg, &area->authPolicy);
    } else {
        area->objectAttributes |= TPMA_OBJECT_USERWITHAUTH;
        ek_policy_b(kind->name_alg, &area->authPolicy);
    }
    if (kind->type == TPM2_ALG_RSA) {
        area->parameters.rsaDetail.symmetric = symmetric;
        area->parameters.rsaDetail.scheme.scheme = TPM2_ALG_NULL;
        area->parameters.rsaDetail.keyBits = kind->bits;
        area->unique.rsa.size = kind->is_low_range ? kind->bits / 8 : 0;
    } else {
        area->parameters.eccDetail.symmetric = symmetric;
        area->parameters.eccDetail.scheme.scheme = TPM2_ALG_NULL;
        area->parameters.eccDetail.curveID = kind->curve;
        area->parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
        area->unique.ecc.x.size = kind->is_low_range ? kind->bits / 8 : 0;
        area->unique.ecc.y.size = area->unique.ecc.x.size;
    }
    *ret = out;
}
