/* Who may send these bytes: signatures come from whoever serves packages; keys from root. */
#include "crypto/ed25519.h"

#include "crypto/internal.h"

/* RFC 8410, 4: SubjectPublicKeyInfo of an Ed25519 key up to the key itself. There is one form. */
static const uint8_t spki_head[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                    0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

static err_t read_key(const uint8_t *der, size_t len, struct trail *trail, struct ed25519_keys *to)
{
    struct span head = span_cut(span_of(der, len), 0, sizeof(spki_head));

    if (len != sizeof(spki_head) + ED25519_PUBLIC_BYTES ||
        !span_equal(head, span_of(spki_head, sizeof(spki_head)))) {
        return trail_set(trail, ERR_UNSUPPORTED, "holds a public key that is no Ed25519 key");
    }
    if (to->n == ED25519_KEYS_MAX) {
        return trail_set(trail, ERR_TOO_MANY, "holds more than %d keys", ED25519_KEYS_MAX);
    }
    memcpy(to->items[to->n++], der + sizeof(spki_head), ED25519_PUBLIC_BYTES);
    return ERR_OK;
}

err_t ed25519_keys_read(struct span pem, struct trail *trail, struct ed25519_keys *ret)
{
    struct ed25519_keys keys = {.n = 0};
    size_t from = 0;
    err_t err = ERR_OK;

    while (err == ERR_OK) {
        uint8_t *der = NULL;
        size_t len = 0;

        err = pem_next(pem, &from, "PUBLIC KEY", &der, &len);
        if (err == ERR_OK) {
            err = read_key(der, len, trail, &keys);
            OPENSSL_free(der);
        }
    }
    if (err != ERR_NOT_FOUND) {
        return trail_set(trail, err, "holds no keys in PEM");
    }
    if (keys.n == 0) {
        return trail_set(trail, ERR_NOT_FOUND, "holds no Ed25519 public key in PEM");
    }
    *ret = keys;
    return ERR_OK;
}

static err_t verify_one(const uint8_t *key, struct span message, struct span signature)
{
    CLEANUP(EVP_PKEY_free)
    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, ED25519_PUBLIC_BYTES);
    CLEANUP(EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (pkey == NULL || ctx == NULL || EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) != 1) {
        return openssl_failed(ERR_CRYPTO);
    }
    return EVP_DigestVerify(ctx, signature.data, signature.len, message.data, message.len) == 1
               ? ERR_OK
               : openssl_failed(ERR_SIGNATURE);
}

err_t ed25519_verify(const struct ed25519_keys *keys, struct span message, struct span signature)
{
    err_t err = ERR_SIGNATURE;

    if (signature.len != ED25519_SIGNATURE_BYTES) {
        return ERR_SIGNATURE;
    }
    for (size_t i = 0; i < keys->n && err != ERR_OK; i++) {
        err = verify_one(keys->items[i], message, signature);
    }
    return err;
}

err_t ed25519_sign(struct span private_pem, struct span message, struct trail *trail,
                   uint8_t ret[ED25519_SIGNATURE_BYTES], struct ed25519_keys *ret_key)
{
    CLEANUP(EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    CLEANUP(EVP_PKEY_free) EVP_PKEY *pkey = NULL;
    const unsigned char *at;
    uint8_t *der = NULL;
    size_t len = 0, from = 0, size = ED25519_SIGNATURE_BYTES, public_size = ED25519_PUBLIC_BYTES;
    err_t err = pem_next(private_pem, &from, "PRIVATE KEY", &der, &len);

    if (err) {
        return trail_set(trail, err,
                         "holds no private key in PEM (PKCS#8, not encrypted); make one with: "
                         "openssl genpkey -algorithm ed25519");
    }
    at = der;
    pkey = d2i_AutoPrivateKey(NULL, &at, (long)len);
    OPENSSL_clear_free(der, len);
    if (pkey == NULL || EVP_PKEY_get_base_id(pkey) != EVP_PKEY_ED25519) {
        (void)openssl_failed(ERR_VALUE);
        return trail_set(trail, ERR_UNSUPPORTED, "is no Ed25519 key");
    }
    if (ctx == NULL || EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) != 1 ||
        EVP_DigestSign(ctx, ret, &size, message.data, message.len) != 1 ||
        EVP_PKEY_get_raw_public_key(pkey, ret_key->items[0], &public_size) != 1) {
        return openssl_failed(ERR_CRYPTO);
    }
    ret_key->n = 1;
    return ERR_OK;
}
