/*
 * pubkey.h - public keys and the signatures they check.
 *
 * A pubkey is immutable after it was made and may be used from many threads; it is reference
 * counted. It can never serve as an HMAC secret (verification rule J-2): there is no way from a
 * pubkey to a MAC in this interface.
 */
#ifndef CRYPTO_PUBKEY_H
#define CRYPTO_PUBKEY_H

#include "base/arena.h"
#include "base/err.h"
#include "crypto/hash.h"

enum pubkey_kind { PUBKEY_RSA, PUBKEY_EC };
enum pubkey_curve { CURVE_NONE, CURVE_P256, CURVE_P384, CURVE_P521 };
enum sig_scheme { SIG_RSASSA, SIG_RSAPSS, SIG_ECDSA };

enum {
    RSA_MIN_BITS = 2048,
    RSA_MAX_BITS = 8192,
    RSA_MAX_BYTES = RSA_MAX_BITS / 8,
    EC_MAX_BYTES = 66
};

struct pubkey;

/* Big-endian modulus and exponent; RSA_MIN_BITS..RSA_MAX_BITS, exponent 65537 alone (AK-3). */
err_t pubkey_new_rsa(struct span n, uint32_t e, struct pubkey **ret) MUST_CHECK;
/* A point on the curve (checked), coordinates big-endian, each at most the field's size. */
err_t pubkey_new_ec(enum pubkey_curve curve, struct span x, struct span y,
                    struct pubkey **ret) MUST_CHECK;
/* From DER SubjectPublicKeyInfo, consuming all bytes. Same limits. */
err_t pubkey_new_spki(struct span der, struct pubkey **ret) MUST_CHECK;
/* From PEM "PUBLIC KEY". */
err_t pubkey_new_pem(struct span pem, struct pubkey **ret) MUST_CHECK;
/* Whoever may look at a key may also keep it. */
struct pubkey *pubkey_ref(const struct pubkey *key);
void pubkey_free(struct pubkey *key);
DEFINE_CLEANUP(struct pubkey *, pubkey_free)

enum pubkey_kind pubkey_kind(const struct pubkey *key);
unsigned pubkey_bits(const struct pubkey *key);
enum pubkey_curve pubkey_curve(const struct pubkey *key);
bool pubkey_equal(const struct pubkey *a, const struct pubkey *b);
/* DER SubjectPublicKeyInfo in the arena. */
err_t pubkey_spki(const struct pubkey *key, struct arena *arena, struct span *ret) MUST_CHECK;
/* RSA: n and e without leading zeros; EC: x and y, padded to the field size. In the arena. */
err_t pubkey_numbers(const struct pubkey *key, struct arena *arena, struct span *ret_a,
                     struct span *ret_b) MUST_CHECK;
/* True for moduli with the ROCA fingerprint (CVE-2017-15361, rule AK-4). */
bool pubkey_is_roca(const struct pubkey *key);

/*
 * Verify a signature over msg. RSASSA: full PKCS#1 v1.5 encoding check; RSAPSS: salt length of
 * the hash or the largest that fits (TPMs use either), nothing else; length must equal the
 * modulus. ECDSA: sig is r || s, each the field's size, both in 1..n-1.
 * ERR_SIGNATURE when it does not verify or scheme and key do not fit.
 */
err_t pubkey_verify(const struct pubkey *key, enum sig_scheme scheme, enum hash_alg hash,
                    struct span msg, struct span sig) MUST_CHECK;

/* RSAES-PKCS1-v1_5 and RSAES-OAEP (label includes its final NUL, as TPM 2.0 Part 1 B.4 wants;
 * MGF1 with the same hash), into the arena. */
err_t pubkey_encrypt_pkcs1(const struct pubkey *key, struct arena *arena, struct span plain,
                           struct span *ret) MUST_CHECK;
err_t pubkey_encrypt_oaep(const struct pubkey *key, struct arena *arena, enum hash_alg hash,
                          struct span label, struct span plain, struct span *ret) MUST_CHECK;
/* ECDH with a fresh ephemeral key: the shared x coordinate (field size, secret) and the ephemeral
 * point. In the arena. For TPM credentials under ECC endorsement keys (Part 1, C.6.4). */
err_t pubkey_ecdh_ephemeral(const struct pubkey *key, struct arena *arena,
                            struct span *ret_shared_x, struct span *ret_x,
                            struct span *ret_y) MUST_CHECK;

#endif
