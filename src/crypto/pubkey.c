/*
 * pubkey.c - public keys from their numbers and from DER. Who may send these bytes: any guest
 * (keys in public areas and certificates), any client (JWK), operators (anchors).
 */
#include "crypto/pubkey.h"

#include "crypto/der.h"
#include "crypto/internal.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *openssl;
    unsigned bits;
    size_t bytes;
    uint8_t oid[8];
    size_t oid_len;
} curves[] = {
    [CURVE_NONE] = {0},
    [CURVE_P256] = {"P-256", 256, 32, {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}, 8},
    [CURVE_P384] = {"P-384", 384, 48, {0x2b, 0x81, 0x04, 0x00, 0x22}, 5},
    [CURVE_P521] = {"P-521", 521, 66, {0x2b, 0x81, 0x04, 0x00, 0x23}, 5},
};

static const uint8_t oid_rsa[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01};
static const uint8_t oid_rsaes_oaep[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x07};
static const uint8_t oid_ec[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};

/* Written by crypto_init alone, before other threads start; only ever duplicated after that. */
static EVP_PKEY *blank_ec[ARRAY_LEN(curves)];

size_t curve_bytes(enum pubkey_curve curve)
{
    return (size_t)curve < ARRAY_LEN(curves) ? curves[curve].bytes : 0;
}

const char *curve_openssl_name(enum pubkey_curve curve)
{
    return curves[curve].openssl;
}

/* A key with a group and no point. */
static err_t make_blank(const char *group, EVP_PKEY **ret)
{
    CLEANUP(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    char name[8] = ""; /* OSSL_PARAM wants to be able to write */
    OSSL_PARAM params[2];

    snprintf(name, sizeof(name), "%s", group);
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name, 0);
    params[1] = OSSL_PARAM_construct_end();
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, ret, EVP_PKEY_KEY_PARAMETERS, params) != 1) {
        return openssl_failed(ERR_CRYPTO);
    }
    return ERR_OK;
}

err_t pubkey_init(void)
{
    err_t err = ERR_OK;

    for (size_t i = CURVE_P256; i < ARRAY_LEN(curves) && err == ERR_OK; i++) {
        if (blank_ec[i] == NULL) {
            err = make_blank(curves[i].openssl, &blank_ec[i]);
        }
    }
    return err;
}

void pubkey_done(void)
{
    for (size_t i = 0; i < ARRAY_LEN(blank_ec); i++) {
        EVP_PKEY_free(blank_ec[i]);
        blank_ec[i] = NULL;
    }
}

/* Takes pkey on success alone. a and b are copied. */
static err_t finish(EVP_PKEY *pkey, enum pubkey_kind kind, enum pubkey_curve curve, unsigned bits,
                    struct span a, struct span b, struct pubkey **ret)
{
    struct pubkey *key = calloc(1, sizeof(*key) + a.len + b.len);
    err_t err = ERR_CRYPTO;

    if (key == NULL) {
        return ERR_MEMORY;
    }
    key->verifier = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    if (key->verifier != NULL && EVP_PKEY_verify_init(key->verifier) == 1) {
        err = sig_setup(key->verifier, kind == PUBKEY_RSA ? SIG_RSASSA : SIG_ECDSA, HASH_SHA256, 0);
    }
    if (err) {
        EVP_PKEY_CTX_free(key->verifier);
        free(key);
        return openssl_failed(err);
    }
    atomic_init(&key->refs, 1);
    key->kind = kind;
    key->curve = curve;
    key->bits = bits;
    key->pkey = pkey;
    memcpy(key->bytes, a.data, a.len);
    memcpy(key->bytes + a.len, b.data, b.len);
    key->a = span_of(key->bytes, a.len);
    key->b = span_of(key->bytes + a.len, b.len);
    *ret = key;
    return ERR_OK;
}

static struct span without_zeros(struct span number)
{
    while (number.len > 0 && number.data[0] == 0) {
        number = span_cut(number, 1, number.len);
    }
    return number;
}

static void put_rsa_numbers(struct buf *out, struct span n, struct span e)
{
    CLEANUP(buf_done) struct buf body = {0};

    buf_init(&body, RSA_MAX_BYTES + 32);
    der_put_unsigned(&body, n);
    der_put_unsigned(&body, e);
    out->err = out->err ? out->err : buf_err(&body);
    der_put(out, DER_SEQUENCE, buf_span(&body));
}

/*
 * d2i_PublicKey on PKCS#1 bytes takes 1 us, EVP_PKEY_fromdata with its fetch 5, d2i_PUBKEY 135
 * (OpenSSL 3.0): a key is made for every request.
 */
err_t pubkey_new_rsa(struct span n, uint32_t e, struct pubkey **ret)
{
    static const uint8_t exponent[] = {0x01, 0x00, 0x01};
    CLEANUP(EVP_PKEY_free) EVP_PKEY *pkey = NULL;
    CLEANUP(buf_done) struct buf der = {0};
    const unsigned char *at;
    unsigned bits;
    err_t err;

    n = without_zeros(n);
    if (n.len > RSA_MAX_BYTES || n.len < RSA_MIN_BITS / 8 || e != 65537) {
        return ERR_VALUE;
    }
    bits = (unsigned)n.len * 8 - (unsigned)__builtin_clz((unsigned)n.data[0] << 24);
    if (bits < RSA_MIN_BITS || (n.data[n.len - 1] & 1) == 0) {
        return ERR_VALUE; /* an even modulus is no modulus */
    }
    buf_init(&der, RSA_MAX_BYTES + 64);
    put_rsa_numbers(&der, n, span_of(exponent, sizeof(exponent)));
    err = buf_err(&der);
    if (err) {
        return err;
    }
    at = der.data;
    pkey = d2i_PublicKey(EVP_PKEY_RSA, NULL, &at, (long)der.len);
    if (pkey == NULL) {
        return openssl_failed(ERR_CRYPTO);
    }
    err = finish(pkey, PUBKEY_RSA, CURVE_NONE, bits, n, span_of(exponent, sizeof(exponent)), ret);
    if (err == ERR_OK) {
        (void)TAKE(pkey);
    }
    return err;
}

static bool pad_to(struct span number, uint8_t *out, size_t size)
{
    number = without_zeros(number);
    if (number.len > size) {
        return false;
    }
    memset(out, 0, size - number.len);
    if (number.len > 0) {
        memcpy(out + size - number.len, number.data, number.len);
    }
    return true;
}

err_t pubkey_new_ec(enum pubkey_curve curve, struct span x, struct span y, struct pubkey **ret)
{
    CLEANUP(EVP_PKEY_free) EVP_PKEY *pkey = NULL;
    uint8_t point[1 + 2 * EC_MAX_BYTES] = {0x04};
    size_t size = curve_bytes(curve);
    err_t err;

    if (size == 0 || x.len > size || y.len > size || !pad_to(x, point + 1, size) ||
        !pad_to(y, point + 1 + size, size)) {
        return ERR_VALUE;
    }
    pkey = blank_ec[curve] == NULL ? NULL : EVP_PKEY_dup(blank_ec[curve]);
    if (pkey == NULL) {
        return openssl_failed(ERR_CRYPTO);
    }
    /* Refuses coordinates outside the field and points off the curve; the cofactor is 1. */
    if (EVP_PKEY_set1_encoded_public_key(pkey, point, 1 + 2 * size) != 1) {
        return openssl_failed(ERR_VALUE);
    }
    err = finish(pkey, PUBKEY_EC, curve, curves[curve].bits, span_of(point + 1, size),
                 span_of(point + 1 + size, size), ret);
    if (err == ERR_OK) {
        (void)TAKE(pkey);
    }
    return err;
}

static err_t read_rsa_key(struct span bits, struct pubkey **ret)
{
    struct reader r = reader_on(bits);
    struct span body = {0};
    struct span n = {0};
    struct span e = {0};
    err_t err = der_take(&r, DER_SEQUENCE, &body);

    err = err ? err : reader_end(&r);
    r = reader_on(body);
    err = err ? err : der_take_unsigned(&r, &n);
    err = err ? err : der_take_unsigned(&r, &e);
    err = err ? err : reader_end(&r);
    if (err) {
        return err;
    }
    if (e.len != 3 || memcmp(e.data, "\x01\x00\x01", 3) != 0) {
        return ERR_VALUE;
    }
    return pubkey_new_rsa(n, 65537, ret);
}

static err_t read_ec_key(struct span curve_oid, struct span bits, struct pubkey **ret)
{
    for (enum pubkey_curve i = CURVE_P256; i < ARRAY_LEN(curves); i++) {
        size_t size = curves[i].bytes;

        if (!span_equal(curve_oid, span_of(curves[i].oid, curves[i].oid_len))) {
            continue;
        }
        if (bits.len != 1 + 2 * size || bits.data[0] != 0x04) {
            return ERR_UNSUPPORTED; /* compressed points occur in no certificate we know */
        }
        return pubkey_new_ec(i, span_cut(bits, 1, size), span_cut(bits, 1 + size, size), ret);
    }
    return ERR_UNSUPPORTED;
}

/* RFC 5280 4.1.2.7, RFC 3279 2.3.1 and 2.3.5. */
err_t pubkey_from_spki(struct span der, bool allow_oaep, struct pubkey **ret)
{
    struct reader r = reader_on(der);
    struct span body = {0};
    struct span algorithm = {0};
    struct span oid = {0};
    struct span curve = {0};
    struct span bits = {0};
    err_t err = der_take(&r, DER_SEQUENCE, &body);

    err = err ? err : reader_end(&r);
    r = reader_on(body);
    err = err ? err : der_take(&r, DER_SEQUENCE, &algorithm);
    err = err ? err : der_take_bits(&r, &bits);
    err = err ? err : reader_end(&r);
    r = reader_on(algorithm);
    err = err ? err : der_take(&r, DER_OID, &oid);
    if (err) {
        return err;
    }
    if (span_equal(oid, span_of(oid_rsa, sizeof(oid_rsa)))) {
        err = der_take(&r, DER_NULL, &body);
        err = err ? err : body.len == 0 ? ERR_OK : ERR_MALFORMED;
        err = err ? err : reader_end(&r);
        return err ? err : read_rsa_key(bits, ret);
    }
    if (span_equal(oid, span_of(oid_ec, sizeof(oid_ec)))) {
        err = der_take(&r, DER_OID, &curve);
        err = err ? err : reader_end(&r);
        return err ? err : read_ec_key(curve, bits, ret);
    }
    if (allow_oaep && span_equal(oid, span_of(oid_rsaes_oaep, sizeof(oid_rsaes_oaep)))) {
        return read_rsa_key(bits, ret); /* its parameters only say how to encrypt */
    }
    return ERR_UNSUPPORTED;
}

err_t pubkey_new_spki(struct span der, struct pubkey **ret)
{
    return pubkey_from_spki(der, false, ret);
}

err_t pubkey_new_pem(struct span pem, struct pubkey **ret)
{
    uint8_t *der = NULL;
    size_t len = 0;
    size_t from = 0;
    err_t err = pem_next(pem, &from, "PUBLIC KEY", &der, &len);

    if (err) {
        return err == ERR_NOT_FOUND ? ERR_MALFORMED : err;
    }
    err = pubkey_new_spki(span_of(der, len), ret);
    OPENSSL_free(der);
    return err;
}

err_t pubkey_from_evp(EVP_PKEY *pkey, struct pubkey **ret)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(pkey, &der);
    err_t err;

    if (len <= 0) {
        return openssl_failed(ERR_CRYPTO);
    }
    err = pubkey_new_spki(span_of(der, (size_t)len), ret);
    OPENSSL_free(der);
    return err == ERR_UNSUPPORTED ? ERR_VALUE : err;
}

struct pubkey *pubkey_ref(const struct pubkey *key)
{
    /* Only the count is written, and that is atomic. */
    union {
        const struct pubkey *in;
        struct pubkey *out;
    } same = {.in = key};

    atomic_fetch_add_explicit(&same.out->refs, 1, memory_order_relaxed);
    return same.out;
}

void pubkey_free(struct pubkey *key)
{
    if (key != NULL && atomic_fetch_sub_explicit(&key->refs, 1, memory_order_acq_rel) == 1) {
        EVP_PKEY_CTX_free(key->verifier);
        EVP_PKEY_free(key->pkey);
        free(key);
    }
}

enum pubkey_kind pubkey_kind(const struct pubkey *key)
{
    return key->kind;
}

unsigned pubkey_bits(const struct pubkey *key)
{
    return key->bits;
}

enum pubkey_curve pubkey_curve(const struct pubkey *key)
{
    return key->curve;
}

bool pubkey_equal(const struct pubkey *a, const struct pubkey *b)
{
    return a->kind == b->kind && a->curve == b->curve && span_equal(a->a, b->a) &&
           span_equal(a->b, b->b);
}

void pubkey_put_spki(const struct pubkey *key, struct buf *out)
{
    CLEANUP(buf_done) struct buf algorithm = {0};
    CLEANUP(buf_done) struct buf bits = {0};
    CLEANUP(buf_done) struct buf body = {0};

    buf_init(&algorithm, 64);
    buf_init(&bits, RSA_MAX_BYTES + 64);
    buf_init(&body, RSA_MAX_BYTES + 128);
    buf_u8(&bits, 0);
    if (key->kind == PUBKEY_RSA) {
        der_put(&algorithm, DER_OID, span_of(oid_rsa, sizeof(oid_rsa)));
        der_put(&algorithm, DER_NULL, (struct span){0});
        put_rsa_numbers(&bits, key->a, key->b);
    } else {
        der_put(&algorithm, DER_OID, span_of(oid_ec, sizeof(oid_ec)));
        der_put(&algorithm, DER_OID, span_of(curves[key->curve].oid, curves[key->curve].oid_len));
        buf_u8(&bits, 0x04);
        buf_add(&bits, key->a);
        buf_add(&bits, key->b);
    }
    out->err = out->err ? out->err : buf_err(&algorithm);
    out->err = out->err ? out->err : buf_err(&bits);
    der_put(&body, DER_SEQUENCE, buf_span(&algorithm));
    der_put(&body, DER_BIT_STRING, buf_span(&bits));
    out->err = out->err ? out->err : buf_err(&body);
    der_put(out, DER_SEQUENCE, buf_span(&body));
}

err_t pubkey_spki(const struct pubkey *key, struct arena *arena, struct span *ret)
{
    CLEANUP(buf_done) struct buf out = {0};

    buf_init(&out, RSA_MAX_BYTES + 160);
    pubkey_put_spki(key, &out);
    return buf_copy(&out, arena, ret);
}

err_t pubkey_numbers(const struct pubkey *key, struct arena *arena, struct span *ret_a,
                     struct span *ret_b)
{
    struct span a = arena_dup(arena, key->a);
    struct span b = arena_dup(arena, key->b);

    if (a.data == NULL || b.data == NULL) {
        return ERR_MEMORY;
    }
    *ret_a = a;
    *ret_b = b;
    return ERR_OK;
}
