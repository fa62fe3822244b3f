/*
 * type.h - attestation types: kinds of evidence, each with a policy of its own.
 */
#ifndef PROVIDER_TYPE_H
#define PROVIDER_TYPE_H

#include "base/span.h"

enum attestation_type {
    ATTEST_AZUREGUEST,
    ATTEST_TPM,
    /* Known by name alone: policies are kept, evidence is refused. */
    ATTEST_SGX,
    ATTEST_OPENENCLAVE,
    ATTEST_SEVSNP,
    ATTEST_TDX,
    ATTEST_TYPE_COUNT,
};

/* "AzureGuest", "Tpm", "SgxEnclave", "OpenEnclave", "SevSnpVm", "TdxVm" */
const char *attestation_type_name(enum attestation_type type);
/* ASCII case does not matter; also "VbsEnclave", as older tools call "Tpm". */
bool attestation_type_find(struct span name, enum attestation_type *ret);
/* Does this project judge such evidence? */
bool attestation_type_is_served(enum attestation_type type);

#endif
