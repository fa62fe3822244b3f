/*
 * template.h - inside tpmdev: the endorsement keys of the TCG EK Credential Profile (2.5,
 * section 2.2.1 and annex B): which NV index holds the certificate, which template makes the key.
 */
#ifndef TPMDEV_TEMPLATE_H
#define TPMDEV_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>
#include <tss2/tss2_tpm2_types.h>

struct ek_kind {
    const char *name;
    uint32_t cert_index;
    uint32_t nonce_index, template_index; /* low range only, else 0 */
    TPMI_ALG_PUBLIC type;
    uint16_t bits;        /* of an RSA modulus or an ECC field */
    TPMI_ECC_CURVE curve; /* ECC */
    TPMI_ALG_HASH name_alg;
    bool is_low_range; /* PolicyA and zeros as unique; else PolicyB, userWithAuth, no unique */
};

enum { EK_KIND_COUNT = 7 };
/* In the order in which they are tried: what most TPMs have first. */
extern const struct ek_kind ek_kinds[EK_KIND_COUNT];

void ek_template(const struct ek_kind *kind, TPM2B_PUBLIC *ret);

/* PolicyA = PolicySecret(endorsement), PolicyB = PolicyOR(PolicyA, PolicyC) with PolicyC =
 * PolicyAuthorizeNV. False when the name algorithm has none here. */
bool ek_policy_a(TPMI_ALG_HASH name_alg, TPM2B_DIGEST *ret);
bool ek_policy_b(TPMI_ALG_HASH name_alg, TPM2B_DIGEST *ret);
bool ek_policy_c(TPMI_ALG_HASH name_alg, TPM2B_DIGEST *ret);

#endif
