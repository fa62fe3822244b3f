#include "crypto/seal.h"

#include "crypto/internal.h"

#include <limits.h>
#include <openssl/hmac.h>

DEFINE_CLEANUP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free)

enum { KDF_LABEL_MAX = 64, KDF_CONTEXT_MAX = 512 };

static const EVP_CIPHER *gcm_cipher(size_t key_bytes)
{
    switch (key_bytes) {
    case 16:
        return EVP_aes_128_gcm();
    case 24:
        return EVP_aes_192_gcm();
    case 32:
        return EVP_aes_256_gcm();
    default:
        return NULL;
    }
}

err_t gcm_seal(struct arena *arena, struct span key, struct span iv, struct span aad,
               struct span plain, struct span *ret_cipher, uint8_t tag[GCM_TAG_BYTES])
{
    CLEANUP(EVP_CIPHER_CTX_free) EVP_CIPHER_CTX *ctx = NULL;
    const EVP_CIPHER *cipher = gcm_cipher(key.len);
    uint8_t *out;
    int len = 0;

    if (cipher == NULL || iv.len != GCM_IV_BYTES || plain.len > INT_MAX || aad.len > INT_MAX) {
        return ERR_VALUE;
    }
    ctx = EVP_CIPHER_CTX_new();
    out = arena_alloc(arena, plain.len + 1);
    if (ctx == NULL || out == NULL) {
        return ERR_MEMORY;
    }
    if (EVP_EncryptInit_ex2(ctx, cipher, key.data, iv.data, NULL) != 1 ||
        (aad.len > 0 && EVP_EncryptUpdate(ctx, NULL, &len, aad.data, (int)aad.len) != 1) ||
        (plain.len > 0 && EVP_EncryptUpdate(ctx, out, &len, plain.data, (int)plain.len) != 1) ||
        EVP_EncryptFinal_ex(ctx, out + plain.len, &len) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_BYTES, tag) != 1) {
        return openssl_failed(ERR_CRYPTO);
    }
    *ret_cipher = span_of(out, plain.len);
    return ERR_OK;
}

err_t gcm_open(struct arena *arena, struct span key, struct span iv, struct span aad,
               struct span cipher, struct span tag, struct span *ret_plain)
{
    CLEANUP(EVP_CIPHER_CTX_free) EVP_CIPHER_CTX *ctx = NULL;
    const EVP_CIPHER *kind = gcm_cipher(key.len);
    uint8_t wanted[GCM_TAG_BYTES];
    uint8_t *out;
    int len = 0;

    if (kind == NULL || iv.len != GCM_IV_BYTES || cipher.len > INT_MAX || aad.len > INT_MAX) {
        return ERR_VALUE;
    }
    if (tag.len != GCM_TAG_BYTES) {
        return ERR_SIGNATURE; /* a shorter tag is easier to guess */
    }
    ctx = EVP_CIPHER_CTX_new();
    out = arena_alloc(arena, cipher.len + 1);
    if (ctx == NULL || out == NULL) {
        return ERR_MEMORY;
    }
    memcpy(wanted, tag.data, sizeof(wanted));
    if (EVP_DecryptInit_ex2(ctx, kind, key.data, iv.data, NULL) != 1 ||
        (aad.len > 0 && EVP_DecryptUpdate(ctx, NULL, &len, aad.data, (int)aad.len) != 1) ||
        (cipher.len > 0 && EVP_DecryptUpdate(ctx, out, &len, cipher.data, (int)cipher.len) != 1) ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_BYTES, wanted) != 1) {
        return openssl_failed(ERR_CRYPTO);
    }
    if (EVP_DecryptFinal_ex(ctx, out + cipher.len, &len) != 1) {
        OPENSSL_cleanse(out, cipher.len);
        return openssl_failed(ERR_SIGNATURE);
    }
    *ret_plain = span_of(out, cipher.len);
    return ERR_OK;
}

err_t hmac_once(enum hash_alg alg, struct span key, struct span msg, uint8_t *mac)
{
    const EVP_MD *md = crypto_md(alg);
    unsigned len = 0;

    if (md == NULL || key.len > INT_MAX) {
        return ERR_VALUE;
    }
    /* A NULL key would mean "the key of last time". */
    if (HMAC(md, key.data == NULL ? (const void *)"" : key.data, (int)key.len, msg.data, msg.len,
             mac, &len) == NULL) {
        return openssl_failed(ERR_CRYPTO);
    }
    return ERR_OK;
}

/* Both key derivations of TPM 2.0 Part 1 (11.4.10.2 and 11.4.10.3) are the first `bits` of
 * block(1) || block(2) || ..., a block being over counter, z, label, u and v. KDFa has no z, an
 * HMAC for its hash and the bits at the end; KDFe has no key. */
struct kdf {
    enum hash_alg alg;
    const struct span *hmac_key; /* KDFa's; NULL in KDFe */
    struct span z;
    const char *label;
    struct span u, v;
    unsigned bits;
};

static err_t kdf_block(const struct kdf *kdf, uint32_t counter, struct buf *msg, uint8_t *block)
{
    err_t err;

    buf_reset(msg);
    buf_u32be(msg, counter);
    buf_add(msg, kdf->z);
    buf_add_str(msg, kdf->label);
    buf_u8(msg, 0);
    buf_add(msg, kdf->u);
    buf_add(msg, kdf->v);
    if (kdf->hmac_key != NULL) {
        buf_u32be(msg, kdf->bits);
    }
    err = buf_err(msg);
    if (err) {
        return err;
    }
    return kdf->hmac_key != NULL ? hmac_once(kdf->alg, *kdf->hmac_key, buf_span(msg), block)
                                 : hash_once(kdf->alg, buf_span(msg), block);
}

static err_t kdf_run(const struct kdf *kdf, uint8_t *out)
{
    CLEANUP(buf_done) struct buf msg = {0};
    uint8_t block[HASH_MAX_BYTES];
    size_t size = hash_size(kdf->alg);
    size_t len = kdf->bits / 8;
    err_t err = ERR_OK;

    if (size == 0 || kdf->bits == 0 || kdf->bits % 8 != 0) {
        return ERR_VALUE;
    }
    buf_init_secret(&msg, KDF_LABEL_MAX + 2 * KDF_CONTEXT_MAX);
    for (size_t at = 0, i = 1; at < len && err == ERR_OK; at += size, i++) {
        err = kdf_block(kdf, (uint32_t)i, &msg, block);
        if (err == ERR_OK) {
            memcpy(out + at, block, size < len - at ? size : len - at);
        }
    }
    OPENSSL_cleanse(block, sizeof(block));
    return err;
}

err_t kdfa(enum hash_alg alg, struct span key, const char *label, struct span context_u,
           struct span context_v, unsigned bits, uint8_t *out)
{
    const struct kdf kdf = {
        .alg = alg, .hmac_key = &key, .label = label, .u = context_u, .v = context_v, .bits = bits};

    return kdf_run(&kdf, out);
}

err_t kdfe(enum hash_alg alg, struct span z, const char *use, struct span party_u,
           struct span party_v, unsigned bits, uint8_t *out)
{
    const struct kdf kdf = {
        .alg = alg, .z = z, .label = use, .u = party_u, .v = party_v, .bits = bits};

    return kdf_run(&kdf, out);
}

err_t aes_cfb_encrypt(struct span key, struct span in, uint8_t *out)
{
    static const uint8_t zero_iv[16] = {0};
    CLEANUP(EVP_CIPHER_CTX_free) EVP_CIPHER_CTX *ctx = NULL;
    const EVP_CIPHER *cipher = key.len == 16   ? EVP_aes_128_cfb128()
                               : key.len == 24 ? EVP_aes_192_cfb128()
                               : key.len == 32 ? EVP_aes_256_cfb128()
                                               : NULL;
    int len = 0;

    if (cipher == NULL || in.len > INT_MAX) {
        return ERR_VALUE;
    }
    ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL || EVP_EncryptInit_ex2(ctx, cipher, key.data, zero_iv, NULL) != 1 ||
        EVP_EncryptUpdate(ctx, out, &len, in.data, (int)in.len) != 1 || (size_t)len != in.len) {
        return openssl_failed(ERR_CRYPTO);
    }
    return ERR_OK;
}
