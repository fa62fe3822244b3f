/*
 * signkey.h - private keys that sign, and the certificates made for them.
 *
 * Only the signer and the CA of the service hold these. Immutable after creation, reference
 * counted, usable from many threads.
 */
#ifndef CRYPTO_SIGNKEY_H
#define CRYPTO_SIGNKEY_H

#include "crypto/pubkey.h"

struct signkey;

enum signkey_kind { SIGNKEY_RSA2048, SIGNKEY_RSA3072, SIGNKEY_P256, SIGNKEY_P384 };

err_t signkey_generate(enum signkey_kind kind, struct signkey **ret) MUST_CHECK;
/* PKCS#8 PEM, unencrypted: the file's mode protects it (0600; the caller checks). */
err_t signkey_new_pem(struct span pem, struct signkey **ret) MUST_CHECK;
err_t signkey_pem(const struct signkey *key, struct arena *arena, struct span *ret) MUST_CHECK;
struct signkey *signkey_ref(struct signkey *key);
void signkey_free(struct signkey *key);
DEFINE_CLEANUP(struct signkey *, signkey_free)

/* Borrowed; lives as long as key. */
const struct pubkey *signkey_public(const struct signkey *key);

/* RSASSA-PKCS1-v1_5 / RSAPSS (salt = hash size) / ECDSA as r || s (JOSE form), into the arena. */
err_t signkey_sign(const struct signkey *key, struct arena *arena, enum sig_scheme scheme,
                   enum hash_alg hash, struct span msg, struct span *ret) MUST_CHECK;
/* RSAES-PKCS1-v1_5 / OAEP decryption, for tests and tools. ERR_CRYPTO when it does not open. */
err_t signkey_decrypt_pkcs1(const struct signkey *key, struct arena *arena, struct span cipher,
                            struct span *ret) MUST_CHECK;

#endif
