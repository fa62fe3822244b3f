#include "provider/type.h"

#include "base/text.h"

static const char *const names[ATTEST_TYPE_COUNT] = {
    [ATTEST_AZUREGUEST] = "AzureGuest",   [ATTEST_TPM] = "Tpm",         [ATTEST_SGX] = "SgxEnclave",
    [ATTEST_OPENENCLAVE] = "OpenEnclave", [ATTEST_SEVSNP] = "SevSnpVm", [ATTEST_TDX] = "TdxVm",
};

const char *attestation_type_name(enum attestation_type type)
{
    return names[type];
}

bool attestation_type_find(struct span name, enum attestation_type *ret)
{
    for (int type = 0; type < ATTEST_TYPE_COUNT; type++) {
        if (text_span_equal_nocase(name, names[type])) {
            *ret = (enum attestation_type)type;
            return true;
        }
    }
    if (text_span_equal_nocase(name, "VbsEnclave")) {
        *ret = ATTEST_TPM;
        return true;
    }
    return false;
}

bool attestation_type_is_served(enum attestation_type type)
{
    return type == ATTEST_AZUREGUEST || type == ATTEST_TPM;
}
