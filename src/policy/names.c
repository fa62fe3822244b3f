/*
 * names.c - claims and properties that mean something to the service (policy-language 9 and 10).
 */
#include "policy/tree.h"

static const char *const reserved[] = {
    "iss",
    "iat",
    "exp",
    "nbf",
    "jti",
    "aud",
    "sub",
    "cnf",
    "nonce",
    "rp_data",
    "ver",
    "x-ms-ver",
    "x-ms-policy",
    "x-ms-policy-hash",
    "x-ms-policy-signer",
    "x-ms-attestation-type",
    "x-ms-runtime",
    "x-ms-inittime",
};

bool policy_is_reserved(struct span type)
{
    for (size_t i = 0; i < ARRAY_LEN(reserved); i++) {
        if (span_is(type, reserved[i])) {
            return true;
        }
    }
    return false;
}

static const struct {
    const char *name;
    enum policy_section section;
    enum claim_kind kind;
    int64_t least, most; /* CLAIM_INT */
    const char *wanted;
} known[] = {
    {"require_valid_aik_cert", POLICY_CONFIGURATION, CLAIM_BOOL, 0, 0, "a Boolean"},
    {"required_pcr_mask", POLICY_CONFIGURATION, CLAIM_INT, 0, 0xffffff,
     "an Integer from 0 to 0xFFFFFF"},
    {"x-ms-sgx-tcbidentifier", POLICY_CONFIGURATION, CLAIM_STRING, 0, 0, "a String"},
    {"report_validity_in_minutes", POLICY_ISSUANCE, CLAIM_INT, 1, 525600,
     "an Integer from 1 to 525600"},
    {"omit_x5c", POLICY_ISSUANCE, CLAIM_BOOL, 0, 0, "a Boolean"},
};

enum policy_fault_kind policy_property_fault(enum policy_section section, struct span type,
                                             const struct claim *value, const char **ret_wanted)
{
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (known[i].section != section || !span_is(type, known[i].name)) {
            continue;
        }
        *ret_wanted = known[i].wanted;
        if (value->kind != known[i].kind) {
            return POLICY_FAULT_PROPERTY_TYPE;
        }
        if (value->kind == CLAIM_INT &&
            (value->integer < known[i].least || value->integer > known[i].most)) {
            return POLICY_FAULT_PROPERTY_RANGE;
        }
    }
    return POLICY_FAULT_NONE;
}
