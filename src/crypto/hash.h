/*
 * hash.h - the digests of the TPM world, fetched from OpenSSL once.
 *
 * crypto_init must have run (each program calls it first). After that everything here may be
 * used from any thread; a `struct hasher` belongs to one thread at a time.
 */
#ifndef CRYPTO_HASH_H
#define CRYPTO_HASH_H

#include "base/err.h"
#include "base/span.h"

enum hash_alg { HASH_SHA1, HASH_SHA256, HASH_SHA384, HASH_SHA512, HASH_COUNT, HASH_NONE = -1 };

enum {
    HASH_MAX_BYTES = 64,
    SHA1_BYTES = 20,
    SHA256_BYTES = 32,
    SHA384_BYTES = 48,
    SHA512_BYTES = 64
};

/* Fetch algorithms. May be called more than once; not concurrently with itself. */
err_t crypto_init(void) MUST_CHECK;

size_t hash_size(enum hash_alg alg);
/* "sha256" */
const char *hash_name(enum hash_alg alg);
/* From "sha256"; HASH_NONE when unknown. */
enum hash_alg hash_by_name(const char *name);
/* TPM_ALG_ID (TPM 2.0 Part 2, 6.3) to and from; HASH_NONE / 0 when there is none. */
enum hash_alg hash_by_tpm_id(uint16_t id);
uint16_t hash_tpm_id(enum hash_alg alg);

/* Reusable state; no allocation after hasher_new. NULL when out of memory. */
struct hasher;
struct hasher *hasher_new(void);
void hasher_free(struct hasher *h);
DEFINE_CLEANUP(struct hasher *, hasher_free)

err_t hasher_begin(struct hasher *h, enum hash_alg alg) MUST_CHECK;
err_t hasher_add(struct hasher *h, struct span bytes) MUST_CHECK;
/* hash_size(alg) bytes into digest. */
err_t hasher_end(struct hasher *h, uint8_t *digest) MUST_CHECK;
/* All three at once. */
err_t hasher_once(struct hasher *h, enum hash_alg alg, struct span bytes,
                  uint8_t *digest) MUST_CHECK;
/* H(a || b), the TPM's extend operation. digest may be a. */
err_t hasher_extend(struct hasher *h, enum hash_alg alg, struct span a, struct span b,
                    uint8_t *digest) MUST_CHECK;

/* For single digests away from hot paths. */
err_t hash_once(enum hash_alg alg, struct span bytes, uint8_t *digest) MUST_CHECK;

#endif
