/*
 * Who can send these bytes: any guest that enrols or attests.
 */
#include "tpm/tpm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tpm_public pub;
    struct pubkey *key = NULL;
    struct tpm_name name;

    if (crypto_init() != ERR_OK ||
        tpm2b_public_parse(span_of(data, size), true, NULL, &pub) != ERR_OK) {
        return 0;
    }
    /* What was read has a name, and the area stands as it was in the input. */
    if (tpm_public_name(&pub, &name) != ERR_OK || pub.area.data != data + 2) {
        __builtin_trap();
    }
    (void)(tpm_public_check_ak(&pub, NULL) == ERR_OK);
    if (tpm_public_key(&pub, NULL, &key) == ERR_OK) {
        pubkey_free(key);
    }
    return 0;
}
