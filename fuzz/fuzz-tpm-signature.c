/*
 * Who can send these bytes: any guest.
 */
#include "tpm/tpm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The generator of P-256, as good a public key as any. */
static const uint8_t point[] = "\x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2"
                               "\x77\x03\x7d\x81\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8\x98\xc2\x96"
                               "\x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f\x9e\x16"
                               "\x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf\x51\xf5";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tpm_public signer = {.type = TPM_ECC, .scheme = TPM_ECDSA, .scheme_hash = HASH_SHA256};
    struct tpm_signature sig;
    struct pubkey *key = NULL;

    if (tpm_signature_parse(span_of(data, size), NULL, &sig) != ERR_OK || crypto_init() != ERR_OK ||
        pubkey_new_ec(CURVE_P256, span_of(point, 32), span_of(point + 32, 32), &key) != ERR_OK) {
        return 0;
    }
    (void)(tpm_signature_verify(&sig, &signer, key, span_str("m"), NULL) == ERR_OK);
    pubkey_free(key);
    return 0;
}
