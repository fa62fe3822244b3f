/*
 * ed25519.h - signatures of packages: Ed25519 (RFC 8032), the pure form.
 */
#ifndef CRYPTO_ED25519_H
#define CRYPTO_ED25519_H

#include "base/err.h"
#include "base/span.h"

enum {
    ED25519_PUBLIC_BYTES = 32,
    ED25519_SIGNATURE_BYTES = 64,
    ED25519_KEYS_MAX = 8,
    ED25519_PEM_MAX = 16 * 1024, /* of a file of keys */
};

struct ed25519_keys {
    uint8_t items[ED25519_KEYS_MAX][ED25519_PUBLIC_BYTES];
    size_t n;
};

/* All "PUBLIC KEY" blocks of the text: each must be an Ed25519 key. ERR_NOT_FOUND when there is
 * none, ERR_TOO_MANY, ERR_UNSUPPORTED for a key of another kind. */
err_t ed25519_keys_read(struct span pem, struct trail *trail, struct ed25519_keys *ret) MUST_CHECK;
/* By one of the keys; ERR_SIGNATURE. */
err_t ed25519_verify(const struct ed25519_keys *keys, struct span message,
                     struct span signature) MUST_CHECK;
/* With a private key in PEM (PKCS#8, not encrypted). *ret_key is its public half. */
err_t ed25519_sign(struct span private_pem, struct span message, struct trail *trail,
                   uint8_t ret[ED25519_SIGNATURE_BYTES], struct ed25519_keys *ret_key) MUST_CHECK;

#endif
