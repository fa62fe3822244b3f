#include "crypto/signkey.h"

#include "crypto/internal.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>

enum { PRIVATE_KEY_MAX_BYTES = 8 * 1024 };

DEFINE_CLEANUP(PKCS8_PRIV_KEY_INFO *, PKCS8_PRIV_KEY_INFO_free)
DEFINE_CLEANUP(ECDSA_SIG *, ECDSA_SIG_free)

err_t signkey_wrap(EVP_PKEY *pkey, struct signkey **ret)
{
    struct signkey *key = calloc(1, sizeof(*key));
    err_t err;

    if (key == NULL) {
        EVP_PKEY_free(pkey);
        return ERR_MEMORY;
    }
    atomic_init(&key->refs, 1);
    key->pkey = pkey;
    err = pubkey_from_evp(pkey, &key->public_key);
    if (err) {
        signkey_free(key);
        return err;
    }
    *ret = key;
    return ERR_OK;
}

err_t signkey_generate(enum signkey_kind kind, struct signkey **ret)
{
    EVP_PKEY *pkey = NULL;

    switch (kind) {
    case SIGNKEY_RSA2048:
        pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
        break;
    case SIGNKEY_RSA3072:
        pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)3072);
        break;
    case SIGNKEY_P256:
        pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
        break;
    case SIGNKEY_P384:
        pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
        break;
    default:
        return ERR_VALUE;
    }
    return pkey == NULL ? openssl_failed(ERR_CRYPTO) : signkey_wrap(pkey, ret);
}

/* A key whose halves do not belong together would sign what nobody can verify, or leak itself. */
static err_t check_pair(EVP_PKEY *pkey)
{
    CLEANUP(EVP_PKEY_CTX_free)
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

    if (ctx == NULL) {
        return openssl_failed(ERR_CRYPTO);
    }
    return EVP_PKEY_pairwise_check(ctx) == 1 ? ERR_OK : openssl_failed(ERR_VALUE);
}

err_t signkey_new_pem(struct span pem, struct signkey **ret)
{
    CLEANUP(PKCS8_PRIV_KEY_INFO_free) PKCS8_PRIV_KEY_INFO *info = NULL;
    CLEANUP(EVP_PKEY_free) EVP_PKEY *pkey = NULL;
    uint8_t *der = NULL;
    size_t len = 0;
    size_t from = 0;
    const unsigned char *at;
    bool is_whole;
    err_t err = pem_next(pem, &from, "PRIVATE KEY", &der, &len);

    if (err) {
        return err == ERR_NOT_FOUND ? ERR_MALFORMED : err;
    }
    at = der;
    info = len > PRIVATE_KEY_MAX_BYTES ? NULL : d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)len);
    is_whole = at == der + len;
    OPENSSL_clear_free(der, len);
    if (info == NULL || !is_whole) {
        return openssl_failed(ERR_MALFORMED);
    }
    pkey = EVP_PKCS82PKEY(info);
    if (pkey == NULL) {
        return openssl_failed(ERR_MALFORMED);
    }
    if (!EVP_PKEY_is_a(pkey, "RSA") && !EVP_PKEY_is_a(pkey, "EC")) {
        return ERR_VALUE;
    }
    err = check_pair(pkey);
    return err ? err : signkey_wrap(TAKE(pkey), ret);
}

err_t signkey_pem(const struct signkey *key, struct arena *arena, struct span *ret)
{
    CLEANUP(PKCS8_PRIV_KEY_INFO_free)
    PKCS8_PRIV_KEY_INFO *info = key->outside != NULL ? NULL : EVP_PKEY2PKCS8(key->pkey);
    CLEANUP(buf_done) struct buf text = {0};
    unsigned char *der = NULL;
    int len = info == NULL ? -1 : i2d_PKCS8_PRIV_KEY_INFO(info, &der);

    if (key->outside != NULL) {
        return ERR_UNSUPPORTED;
    }
    if (len <= 0) {
        return openssl_failed(ERR_CRYPTO);
    }
    buf_init_secret(&text, (size_t)2 * PRIVATE_KEY_MAX_BYTES);
    pem_put(&text, "PRIVATE KEY", span_of(der, (size_t)len));
    OPENSSL_clear_free(der, (size_t)len);
    return buf_copy(&text, arena, ret);
}

struct signkey *signkey_ref(struct signkey *key)
{
    atomic_fetch_add_explicit(&key->refs, 1, memory_order_relaxed);
    return key;
}

void signkey_free(struct signkey *key)
{
    if (key != NULL && atomic_fetch_sub_explicit(&key->refs, 1, memory_order_acq_rel) == 1) {
        pubkey_free(key->public_key);
        EVP_PKEY_free(key->pkey); /* OpenSSL wipes private numbers */
        outside_free(key->outside);
        free(key);
    }
}

bool signkey_is_external(const struct signkey *key)
{
    return key->outside != NULL;
}

const struct pubkey *signkey_public(const struct signkey *key)
{
    return key->public_key;
}

/* RFC 7518, 3.4: r and s, each padded to the size of the field. */
static err_t ecdsa_from_der(const uint8_t *der, size_t len, size_t size, uint8_t *out)
{
    CLEANUP(ECDSA_SIG_free) ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)len);

    if (pair == NULL || BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, (int)size) < 0 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + size, (int)size) < 0) {
        return openssl_failed(ERR_CRYPTO);
    }
    return ERR_OK;
}

err_t sign_job_do(struct sign_job *job, EVP_PKEY *pkey, OSSL_LIB_CTX *context,
                  const char *properties)
{
    CLEANUP(EVP_PKEY_CTX_free)
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(context, pkey, properties);
    size_t len = sizeof(job->sig);

    if (ctx == NULL || EVP_PKEY_sign_init(ctx) != 1 ||
        sig_setup(ctx, job->scheme, job->hash, (int)hash_size(job->hash)) != ERR_OK ||
        /* A TPM asks for it with ECDSA, too, and takes SHA-256 otherwise. */
        EVP_PKEY_CTX_set_signature_md(ctx, crypto_md(job->hash)) != 1 ||
        EVP_PKEY_sign(ctx, job->sig, &len, job->digest, hash_size(job->hash)) != 1) {
        return ERR_CRYPTO;
    }
    job->len = len;
    return ERR_OK;
}

err_t signkey_do(const struct signkey *key, struct sign_job *job)
{
    return key->outside != NULL ? outside_sign(key, job)
                                : openssl_failed(sign_job_do(job, key->pkey, NULL, NULL));
}

err_t signkey_sign(const struct signkey *key, struct arena *arena, enum sig_scheme scheme,
                   enum hash_alg hash, struct span msg, struct span *ret)
{
    bool is_ec = key->public_key->kind == PUBKEY_EC;
    uint8_t digest[HASH_MAX_BYTES];
    struct sign_job job = {.scheme = scheme, .hash = hash, .digest = digest};
    uint8_t *out;
    size_t size = is_ec ? 2 * curve_bytes(key->public_key->curve) : key->public_key->a.len;
    err_t err;

    if (is_ec != (scheme == SIG_ECDSA)) {
        return ERR_VALUE;
    }
    err = hash_once(hash, msg, digest);
    if (err) {
        return err;
    }
    out = arena_alloc(arena, size);
    if (out == NULL) {
        return ERR_MEMORY;
    }
    err = signkey_do(key, &job);
    if (err) {
        return err;
    }
    if (is_ec) {
        err = ecdsa_from_der(job.sig, job.len, size / 2, out);
    } else if (job.len == size) {
        memcpy(out, job.sig, job.len);
    } else {
        err = ERR_CRYPTO;
    }
    if (err == ERR_OK) {
        *ret = span_of(out, size);
    }
    return err;
}

err_t signkey_decrypt_pkcs1(const struct signkey *key, struct arena *arena, struct span cipher,
                            struct span *ret)
{
    CLEANUP(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = NULL;
    uint8_t *out = arena_alloc(arena, RSA_MAX_BYTES);
    size_t len = RSA_MAX_BYTES;

    if (out == NULL) {
        return ERR_MEMORY;
    }
    if (key->public_key->kind != PUBKEY_RSA || key->outside != NULL) {
        return ERR_VALUE;
    }
    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    if (ctx == NULL || EVP_PKEY_decrypt_init(ctx) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1 ||
        EVP_PKEY_decrypt(ctx, out, &len, cipher.data, cipher.len) != 1) {
        return openssl_failed(ERR_CRYPTO);
    }
    *ret = span_of(out, len);
    return ERR_OK;
}
