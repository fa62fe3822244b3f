#include "crypto/password.h"

#include "base/codec.h"
#include "crypto/internal.h"
#include "crypto/secret.h"

#include <openssl/kdf.h>
#include <stdio.h>

enum {
    SALT_BYTES = 16,
    HASH_BYTES = 32,
    COST_N = 16384,
    COST_R = 8,
    COST_P = 1,
    MEMORY_MAX = 32 * 1024 * 1024,
};

static const char prefix[] = "$scrypt$ln=14,r=8,p=1$";

struct parts {
    uint8_t salt[SALT_BYTES];
    uint8_t hash[HASH_BYTES];
};

static err_t derive(struct span secret, const uint8_t salt[SALT_BYTES], uint8_t hash[HASH_BYTES])
{
    if (secret.len > PASSWORD_MAX_BYTES) {
        return ERR_TOO_LARGE;
    }
    return EVP_PBE_scrypt(secret.data == NULL ? "" : (const char *)secret.data, secret.len, salt,
                          SALT_BYTES, COST_N, COST_R, COST_P, MEMORY_MAX, hash, HASH_BYTES) == 1
               ? ERR_OK
               : openssl_failed(ERR_CRYPTO);
}

static bool read_parts(const char *text, struct parts *ret)
{
    const struct span all = span_str(text);
    const size_t salt_at = strlen(prefix), hash_at = salt_at + 2 * (size_t)SALT_BYTES + 1;

    return span_starts(all, prefix) && all.len == hash_at + 2 * (size_t)HASH_BYTES &&
           text[hash_at - 1] == '$' &&
           hex_decode_into(span_cut(all, salt_at, 2 * (size_t)SALT_BYTES), ret->salt, SALT_BYTES) ==
               ERR_OK &&
           hex_decode_into(span_cut(all, hash_at, all.len), ret->hash, HASH_BYTES) == ERR_OK;
}

err_t password_hash(struct span secret, char text[PASSWORD_TEXT_SIZE])
{
    struct parts parts;
    char salt[2 * SALT_BYTES + 1], hash[2 * HASH_BYTES + 1];
    err_t err = random_bytes(parts.salt, sizeof(parts.salt));

    err = err ? err : derive(secret, parts.salt, parts.hash);
    if (err) {
        return err;
    }
    hex_encode(span_of(parts.salt, sizeof(parts.salt)), salt, sizeof(salt));
    hex_encode(span_of(parts.hash, sizeof(parts.hash)), hash, sizeof(hash));
    snprintf(text, PASSWORD_TEXT_SIZE, "%s%s$%s", prefix, salt, hash);
    return ERR_OK;
}

bool password_is_hash(const char *text)
{
    struct parts parts;

    return read_parts(text, &parts);
}

err_t password_check(const char *text, struct span secret)
{
    struct parts parts = {0};
    uint8_t hash[HASH_BYTES];
    bool is_known = text != NULL;
    err_t err;

    if (is_known && !read_parts(text, &parts)) {
        return ERR_VALUE;
    }
    err = derive(secret, parts.salt, hash);
    if (err) {
        return err;
    }
    return secret_equal(span_of(hash, sizeof(hash)), span_of(parts.hash, sizeof(parts.hash))) &&
                   is_known
               ? ERR_OK
               : ERR_DENIED;
}
