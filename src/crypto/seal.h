/*
 * seal.h - authenticated encryption with AES-GCM, HMAC, and the TPM's key derivation.
 */
#ifndef CRYPTO_SEAL_H
#define CRYPTO_SEAL_H

#include "base/arena.h"
#include "base/err.h"
#include "crypto/hash.h"

enum { GCM_IV_BYTES = 12, GCM_TAG_BYTES = 16 };

/* AES-GCM; the key's length (16, 24, 32) selects the cipher. cipher has the length of plain. */
err_t gcm_seal(struct arena *arena, struct span key, struct span iv, struct span aad,
               struct span plain, struct span *ret_cipher, uint8_t tag[GCM_TAG_BYTES]) MUST_CHECK;
/* ERR_SIGNATURE when the tag does not fit: nothing of the plain text is handed out then. */
err_t gcm_open(struct arena *arena, struct span key, struct span iv, struct span aad,
               struct span cipher, struct span tag, struct span *ret_plain) MUST_CHECK;

err_t hmac_once(enum hash_alg alg, struct span key, struct span msg, uint8_t *mac) MUST_CHECK;
/* KDFa (TPM 2.0 Part 1, 11.4.10.2). label without NUL; bits a multiple of 8. */
err_t kdfa(enum hash_alg alg, struct span key, const char *label, struct span context_u,
           struct span context_v, unsigned bits, uint8_t *out) MUST_CHECK;
/* KDFe (TPM 2.0 Part 1, 11.4.10.3). */
err_t kdfe(enum hash_alg alg, struct span z, const char *use, struct span party_u,
           struct span party_v, unsigned bits, uint8_t *out) MUST_CHECK;
/* AES-CFB with a zero IV, as TPM credentials use it. out has the length of in and may be in.data.
 */
err_t aes_cfb_encrypt(struct span key, struct span in, uint8_t *out) MUST_CHECK;

#endif
