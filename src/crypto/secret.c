#include "crypto/secret.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

err_t random_bytes(void *bytes, size_t len)
{
    return len <= INT_MAX && RAND_bytes(bytes, (int)len) == 1 ? ERR_OK : ERR_CRYPTO;
}

void secret_wipe(struct span bytes)
{
    union {
        const uint8_t *in;
        uint8_t *out;
    } same = {.in = bytes.data};

    OPENSSL_cleanse(same.out, bytes.len);
}

bool secret_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.data, b.data, a.len) == 0);
}
