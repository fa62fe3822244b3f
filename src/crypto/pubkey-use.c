/*
 * pubkey-use.c - checking signatures and encrypting to public keys. Who may send the signatures:
 * any guest, any client.
 */
#include "crypto/internal.h"
#include "crypto/pubkey.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>

DEFINE_CLEANUP(ECDSA_SIG *, ECDSA_SIG_free)

err_t sig_setup(EVP_PKEY_CTX *ctx, enum sig_scheme scheme, enum hash_alg hash, int salt_bytes)
{
    const EVP_MD *md = crypto_md(hash);

    if (md == NULL) {
        return ERR_VALUE;
    }
    switch (scheme) {
    case SIG_RSASSA:
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
                       EVP_PKEY_CTX_set_signature_md(ctx, md) == 1
                   ? ERR_OK
                   : ERR_CRYPTO;
    case SIG_RSAPSS:
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
                       EVP_PKEY_CTX_set_signature_md(ctx, md) == 1 &&
                       EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1 &&
                       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, salt_bytes) == 1
                   ? ERR_OK
                   : ERR_CRYPTO;
    case SIG_ECDSA:
    default:
        return ERR_OK; /* takes a digest of any length */
    }
}

/* A context for one verification. Duplicating one that is set up costs 0.2 us, making one 3.5:
 * OpenSSL looks its algorithms up by name again. */
static EVP_PKEY_CTX *verifier(const struct pubkey *key, enum sig_scheme scheme, enum hash_alg hash,
                              int salt_bytes)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_dup(key->verifier);
    bool is_ready = scheme == SIG_ECDSA || (scheme == SIG_RSASSA && hash == HASH_SHA256);

    if (ctx != NULL && !is_ready && sig_setup(ctx, scheme, hash, salt_bytes) != ERR_OK) {
        EVP_PKEY_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

static err_t verify_digest(const struct pubkey *key, enum sig_scheme scheme, enum hash_alg hash,
                           int salt_bytes, const uint8_t *digest, struct span sig)
{
    CLEANUP(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = verifier(key, scheme, hash, salt_bytes);

    if (ctx == NULL) {
        return openssl_failed(ERR_CRYPTO);
    }
    if (EVP_PKEY_verify(ctx, sig.data, sig.len, digest, hash_size(hash)) != 1) {
        return openssl_failed(ERR_SIGNATURE);
    }
    return ERR_OK;
}

/* RFC 8017, 8.1.2: a TPM salts with the digest's length or with all that fits (Part 1, B.7);
 * both are accepted, other lengths are not. */
static err_t verify_pss(const struct pubkey *key, enum hash_alg hash, const uint8_t *digest,
                        struct span sig)
{
    size_t encoded = (key->bits - 1 + 7) / 8;
    size_t size = hash_size(hash);
    err_t err;

    if (encoded < 2 * size + 2) {
        return ERR_SIGNATURE;
    }
    err = verify_digest(key, SIG_RSAPSS, hash, (int)size, digest, sig);
    if (err != ERR_SIGNATURE) {
        return err;
    }
    return verify_digest(key, SIG_RSAPSS, hash, (int)(encoded - size - 2), digest, sig);
}

/* OpenSSL takes ECDSA signatures as DER and refuses r and s outside 1..n-1 itself; zero is
 * refused here too, because a library that forgets is not imaginary (rule J-6). */
static err_t verify_ecdsa(const struct pubkey *key, enum hash_alg hash, const uint8_t *digest,
                          struct span sig)
{
    CLEANUP(ECDSA_SIG_free) ECDSA_SIG *pair = NULL;
    uint8_t der[2 * EC_MAX_BYTES + 16];
    uint8_t *at = der;
    size_t size = curve_bytes(key->curve);
    BIGNUM *r;
    BIGNUM *s;
    int len;

    if (sig.len != 2 * size || span_all(span_cut(sig, 0, size), 0) ||
        span_all(span_cut(sig, size, size), 0)) {
        return ERR_SIGNATURE;
    }
    pair = ECDSA_SIG_new();
    r = BN_bin2bn(sig.data, (int)size, NULL);
    s = BN_bin2bn(sig.data + size, (int)size, NULL);
    if (pair == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(pair, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return ERR_MEMORY;
    }
    len = i2d_ECDSA_SIG(pair, NULL);
    if (len <= 0 || (size_t)len > sizeof(der)) {
        return openssl_failed(ERR_CRYPTO);
    }
    len = i2d_ECDSA_SIG(pair, &at);
    return verify_digest(key, SIG_ECDSA, hash, 0, digest, span_of(der, (size_t)len));
}

err_t pubkey_verify(const struct pubkey *key, enum sig_scheme scheme, enum hash_alg hash,
                    struct span msg, struct span sig)
{
    uint8_t digest[HASH_MAX_BYTES];
    err_t err;

    if ((key->kind == PUBKEY_EC) != (scheme == SIG_ECDSA) || hash_size(hash) == 0) {
        return ERR_SIGNATURE;
    }
    if (key->kind == PUBKEY_RSA && sig.len != key->a.len) {
        return ERR_SIGNATURE;
    }
    err = hash_once(hash, msg, digest);
    if (err) {
        return err;
    }
    switch (scheme) {
    case SIG_RSASSA:
        return verify_digest(key, scheme, hash, 0, digest, sig);
    case SIG_RSAPSS:
        return verify_pss(key, hash, digest, sig);
    case SIG_ECDSA:
    default:
        return verify_ecdsa(key, hash, digest, sig);
    }
}

static err_t encrypt(EVP_PKEY_CTX *ctx, struct arena *arena, struct span plain, size_t size,
                     struct span *ret)
{
    uint8_t *out = arena_alloc(arena, size);
    size_t len = size;

    if (out == NULL) {
        return ERR_MEMORY;
    }
    if (EVP_PKEY_encrypt(ctx, out, &len, plain.data, plain.len) != 1) {
        return openssl_failed(ERR_CRYPTO);
    }
    *ret = span_of(out, len);
    return ERR_OK;
}

err_t pubkey_encrypt_pkcs1(const struct pubkey *key, struct arena *arena, struct span plain,
                           struct span *ret)
{
    CLEANUP(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = NULL;

    if (key->kind != PUBKEY_RSA || plain.len + 11 > key->a.len) {
        return ERR_VALUE;
    }
    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    if (ctx == NULL || EVP_PKEY_encrypt_init(ctx) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1) {
        return openssl_failed(ERR_CRYPTO);
    }
    return encrypt(ctx, arena, plain, key->a.len, ret);
}

err_t pubkey_encrypt_oaep(const struct pubkey *key, struct arena *arena, enum hash_alg hash,
                          struct span label, struct span plain, struct span *ret)
{
    CLEANUP(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = NULL;
    const EVP_MD *md = crypto_md(hash);
    void *copy;

    if (key->kind != PUBKEY_RSA || md == NULL || label.len > 64 ||
        plain.len + 2 * hash_size(hash) + 2 > key->a.len) {
        return ERR_VALUE;
    }
    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    if (ctx == NULL || EVP_PKEY_encrypt_init(ctx) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) != 1 ||
        EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md) != 1 || EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) != 1) {
        return openssl_failed(ERR_CRYPTO);
    }
    if (label.len > 0) {
        copy = OPENSSL_memdup(label.data, label.len);
        if (copy == NULL) {
            return ERR_MEMORY;
        }
        if (EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, copy, (int)label.len) != 1) {
            OPENSSL_free(copy);
            return openssl_failed(ERR_CRYPTO);
        }
    }
    return encrypt(ctx, arena, plain, key->a.len, ret);
}

err_t pubkey_ecdh_ephemeral(const struct pubkey *key, struct arena *arena,
                            struct span *ret_shared_x, struct span *ret_x, struct span *ret_y)
{
    CLEANUP(EVP_PKEY_free) EVP_PKEY *own = NULL;
    CLEANUP(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = NULL;
    size_t size = curve_bytes(key->curve);
    uint8_t *point = arena_alloc(arena, 1 + 2 * EC_MAX_BYTES);
    uint8_t *shared = arena_calloc(arena, 1, EC_MAX_BYTES);
    size_t point_len = 0;
    size_t len = EC_MAX_BYTES;

    if (key->kind != PUBKEY_EC) {
        return ERR_VALUE;
    }
    if (point == NULL || shared == NULL) {
        return ERR_MEMORY;
    }
    own = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve_openssl_name(key->curve));
    if (own == NULL ||
        EVP_PKEY_get_octet_string_param(own, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * EC_MAX_BYTES,
                                        &point_len) != 1 ||
        point_len != 1 + 2 * size || point[0] != 0x04) {
        return openssl_failed(ERR_CRYPTO);
    }
    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    if (ctx == NULL || EVP_PKEY_derive_init(ctx) != 1 ||
        EVP_PKEY_derive_set_peer(ctx, key->pkey) != 1 || EVP_PKEY_derive(ctx, shared, &len) != 1 ||
        len != size) {
        return openssl_failed(ERR_CRYPTO);
    }
    *ret_shared_x = span_of(shared, size);
    *ret_x = span_of(point + 1, size);
    *ret_y = span_of(point + 1 + size, size);
    return ERR_OK;
}
