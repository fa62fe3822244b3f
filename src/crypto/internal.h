/*
 * internal.h - what the files of this room share. Not for other rooms: OpenSSL's types stop here.
 */
#ifndef CRYPTO_INTERNAL_H
#define CRYPTO_INTERNAL_H

#include "base/buf.h"
#include "crypto/pubkey.h"

#include <openssl/evp.h>
#include <stdatomic.h>

/* The digest fetched by crypto_init; NULL for an unknown one. */
const EVP_MD *crypto_md(enum hash_alg alg);

/* Empties this thread's OpenSSL error queue and returns err: what is left there would be taken
 * for a fault of the next TLS connection on the thread. */
err_t openssl_failed(err_t err);

/* Parts of crypto_init and of its counterpart at exit: a key without a point for each curve, from
 * which pubkey_new_ec copies the group instead of building it again. */
err_t pubkey_init(void) MUST_CHECK;
void pubkey_done(void);

/* a and b: RSA modulus and exponent without leading zeros; EC x and y, padded to the field. */
struct pubkey {
    atomic_uint refs;
    enum pubkey_kind kind;
    enum pubkey_curve curve;
    unsigned bits;
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *verifier; /* set up for RSASSA with SHA-256, or ECDSA; only ever duplicated */
    struct span a, b;
    uint8_t bytes[];
};

struct outside; /* signkey-store.c */

struct signkey {
    atomic_uint refs;
    EVP_PKEY *pkey; /* of a key that is held elsewhere: NULL */
    struct pubkey *public_key;
    struct outside *outside; /* where it is held; NULL: the key is in pkey */
};

/* Takes pkey in any case. */
err_t signkey_wrap(EVP_PKEY *pkey, struct signkey **ret) MUST_CHECK;

/* A digest to be signed, and the signature as OpenSSL gives it: DER of r and s for ECDSA. */
struct sign_job {
    enum sig_scheme scheme;
    enum hash_alg hash;
    const uint8_t *digest;
    uint8_t sig[RSA_MAX_BYTES];
    size_t len; /* of sig */
};

/* With any key; ERR_SIGNING_KEY for one that is held elsewhere and cannot be used now. */
err_t signkey_do(const struct signkey *key, struct sign_job *job) MUST_CHECK;
/* With this one; context and properties (NULL: the defaults) are where its algorithms are. Leaves
 * OpenSSL's words. */
err_t sign_job_do(struct sign_job *job, EVP_PKEY *pkey, OSSL_LIB_CTX *context,
                  const char *properties) MUST_CHECK;

/* signkey-store.c: one use of a key that is held elsewhere, and the end of it. */
err_t outside_sign(const struct signkey *key, struct sign_job *job) MUST_CHECK;
void outside_free(struct outside *outside);

DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free)
DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free)

size_t curve_bytes(enum pubkey_curve curve);
const char *curve_openssl_name(enum pubkey_curve curve);

/* Scheme and hash on a context that was initialised to sign or verify. salt_bytes: RSAPSS only. */
err_t sig_setup(EVP_PKEY_CTX *ctx, enum sig_scheme scheme, enum hash_alg hash,
                int salt_bytes) MUST_CHECK;
/* The public half of any key we accept; ERR_VALUE for the others. */
err_t pubkey_from_evp(EVP_PKEY *pkey, struct pubkey **ret) MUST_CHECK;
/* SubjectPublicKeyInfo as it stands in certificates: also the RSAES-OAEP identifier, which older
 * EK certificates use (TCG EK Credential Profile 2.0, 3.5.2 allows it). */
err_t pubkey_from_spki(struct span der, bool allow_oaep, struct pubkey **ret) MUST_CHECK;
void pubkey_put_spki(const struct pubkey *key, struct buf *out);

/* The body of the first PEM block of this name, base64 decoded; *ret is allocated with
 * OPENSSL_malloc. ERR_NOT_FOUND when there is none. `from` moves behind the block. */
err_t pem_next(struct span pem, size_t *from, const char *name, uint8_t **ret,
               size_t *ret_len) MUST_CHECK;
void pem_put(struct buf *out, const char *name, struct span der);

#endif
