#include "crypto/hash.h"

#include "crypto/internal.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>

static const struct {
    const char *name;
    const char *fetch;
    size_t size;
    uint16_t tpm_id;
} algs[HASH_COUNT] = {
    [HASH_SHA1] = {"sha1", "SHA1", SHA1_BYTES, 0x0004},
    [HASH_SHA256] = {"sha256", "SHA2-256", SHA256_BYTES, 0x000b},
    [HASH_SHA384] = {"sha384", "SHA2-384", SHA384_BYTES, 0x000c},
    [HASH_SHA512] = {"sha512", "SHA2-512", SHA512_BYTES, 0x000d},
};

/* Written by crypto_init alone, before other threads start. */
static EVP_MD *fetched[HASH_COUNT];

struct hasher {
    EVP_MD_CTX *ctx;
};

err_t crypto_init(void)
{
    for (int i = 0; i < HASH_COUNT; i++) {
        if (fetched[i] == NULL) {
            fetched[i] = EVP_MD_fetch(NULL, algs[i].fetch, NULL);
        }
        if (fetched[i] == NULL) {
            return ERR_CRYPTO;
        }
    }
    return pubkey_init();
}

__attribute__((destructor)) static void crypto_done(void)
{
    pubkey_done();
    for (int i = 0; i < HASH_COUNT; i++) {
        EVP_MD_free(fetched[i]);
        fetched[i] = NULL;
    }
}

err_t openssl_failed(err_t err)
{
    ERR_clear_error();
    return err;
}

static bool is_known(enum hash_alg alg)
{
    return (int)alg >= 0 && alg < HASH_COUNT;
}

const EVP_MD *crypto_md(enum hash_alg alg)
{
    return is_known(alg) ? fetched[alg] : NULL;
}

size_t hash_size(enum hash_alg alg)
{
    return is_known(alg) ? algs[alg].size : 0;
}

const char *hash_name(enum hash_alg alg)
{
    return is_known(alg) ? algs[alg].name : "none";
}

enum hash_alg hash_by_name(const char *name)
{
    for (int i = 0; i < HASH_COUNT; i++) {
        if (strcmp(algs[i].name, name) == 0) {
            return (enum hash_alg)i;
        }
    }
    return HASH_NONE;
}

enum hash_alg hash_by_tpm_id(uint16_t id)
{
    for (int i = 0; i < HASH_COUNT; i++) {
        if (algs[i].tpm_id == id) {
            return (enum hash_alg)i;
        }
    }
    return HASH_NONE;
}

uint16_t hash_tpm_id(enum hash_alg alg)
{
    return is_known(alg) ? algs[alg].tpm_id : 0;
}

struct hasher *hasher_new(void)
{
    struct hasher *h = calloc(1, sizeof(*h));

    if (h != NULL) {
        h->ctx = EVP_MD_CTX_new();
        if (h->ctx == NULL) {
            free(h);
            return NULL;
        }
    }
    return h;
}

void hasher_free(struct hasher *h)
{
    if (h != NULL) {
        EVP_MD_CTX_free(h->ctx);
        free(h);
    }
}

err_t hasher_begin(struct hasher *h, enum hash_alg alg)
{
    return is_known(alg) && EVP_DigestInit_ex2(h->ctx, fetched[alg], NULL) == 1 ? ERR_OK
                                                                                : ERR_CRYPTO;
}

err_t hasher_add(struct hasher *h, struct span bytes)
{
    return EVP_DigestUpdate(h->ctx, bytes.data, bytes.len) == 1 ? ERR_OK : ERR_CRYPTO;
}

err_t hasher_end(struct hasher *h, uint8_t *digest)
{
    return EVP_DigestFinal_ex(h->ctx, digest, NULL) == 1 ? ERR_OK : ERR_CRYPTO;
}

err_t hasher_once(struct hasher *h, enum hash_alg alg, struct span bytes, uint8_t *digest)
{
    err_t err = hasher_begin(h, alg);

    err = err ? err : hasher_add(h, bytes);
    return err ? err : hasher_end(h, digest);
}

err_t hasher_extend(struct hasher *h, enum hash_alg alg, struct span a, struct span b,
                    uint8_t *digest)
{
    err_t err = hasher_begin(h, alg);

    err = err ? err : hasher_add(h, a);
    err = err ? err : hasher_add(h, b);
    return err ? err : hasher_end(h, digest);
}

err_t hash_once(enum hash_alg alg, struct span bytes, uint8_t *digest)
{
    return is_known(alg) && EVP_Digest(bytes.data, bytes.len, digest, NULL, fetched[alg], NULL) == 1
               ? ERR_OK
               : ERR_CRYPTO;
}
