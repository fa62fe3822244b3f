/*
 * Who can send these bytes: any guest.
 */
#include "tpm/tpm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct tpm_pcrs pcrs = {.have = {0xffffff, 0xffffff, 0xffffff, 0xffffff}};
    struct tpm_attest attest;

    if (crypto_init() != ERR_OK) {
        return 0;
    }
    if (tpm_attest_parse(span_of(data, size), TPM_ATTEST_QUOTE, NULL, &attest) == ERR_OK) {
        if (attest.n_selections > TPM_MAX_SELECTIONS || attest.bytes.len != size) {
            __builtin_trap();
        }
        (void)(tpm_quote_check_pcrs(&attest, HASH_SHA256, &pcrs, NULL) == ERR_OK);
    }
    (void)(tpm_attest_parse(span_of(data, size), TPM_ATTEST_CERTIFY, NULL, &attest) == ERR_OK);
    return 0;
}
