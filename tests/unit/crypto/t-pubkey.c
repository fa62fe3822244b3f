#include "crypto/pubkey.h"

#include "base/codec.h"
#include "crypto/signkey.h"
#include "support/support.h"

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>

static struct span rsa_number(struct arena *arena, struct signkey *key)
{
    struct span n = {0};
    struct span e = {0};

    assert_ok(pubkey_numbers(signkey_public(key), arena, &n, &e));
    assert_true(span_equal(e, span_of("\x01\x00\x01", 3)));
    return n;
}

/* AK-3 */
static void refuses_small_and_odd_rsa_keys(void **state)
{
    struct arena *arena = test_arena();
    uint8_t n[RSA_MAX_BYTES + 1];
    struct pubkey *key = NULL;

    (void)state;
    memset(n, 0xff, sizeof(n));
    assert_err(pubkey_new_rsa(span_of(n, 128), 65537, &key), ERR_VALUE);
    assert_err(pubkey_new_rsa(span_of(n, 255), 65537, &key), ERR_VALUE);
    assert_err(pubkey_new_rsa(span_of(n, RSA_MAX_BYTES + 1), 65537, &key), ERR_VALUE);
    assert_err(pubkey_new_rsa(span_of(n, 256), 3, &key), ERR_VALUE);
    assert_err(pubkey_new_rsa(span_of(n, 256), 1, &key), ERR_VALUE);
    assert_err(pubkey_new_rsa(span_of(n, 256), 0, &key), ERR_VALUE);
    assert_err(pubkey_new_rsa((struct span){0}, 65537, &key), ERR_VALUE);
    n[0] = 0x7f; /* 2047 bits */
    assert_err(pubkey_new_rsa(span_of(n, 256), 65537, &key), ERR_VALUE);
    n[0] = 0;
    assert_err(pubkey_new_rsa(span_of(n, 256), 65537, &key), ERR_VALUE);
    n[0] = 0xff;
    n[255] = 0xfe;
    assert_err(pubkey_new_rsa(span_of(n, 256), 65537, &key), ERR_VALUE);
    assert_null(key);
    arena_free(arena);
}

static void refuses_points_off_the_curve(void **state)
{
    static const uint8_t zero[EC_MAX_BYTES] = {0};
    struct arena *arena = test_arena();
    CLEANUP(signkey_free) struct signkey *own = NULL;
    struct pubkey *key = NULL;
    struct span x = {0};
    struct span y = {0};
    uint8_t big[EC_MAX_BYTES + 1];

    (void)state;
    assert_ok(signkey_generate(SIGNKEY_P256, &own));
    assert_ok(pubkey_numbers(signkey_public(own), arena, &x, &y));
    assert_err(pubkey_new_ec(CURVE_P256, y, x, &key), ERR_VALUE);
    assert_err(pubkey_new_ec(CURVE_P384, x, y, &key), ERR_VALUE);
    assert_err(pubkey_new_ec(CURVE_NONE, x, y, &key), ERR_VALUE);
    assert_err(pubkey_new_ec(CURVE_P256, span_of(zero, 32), span_of(zero, 32), &key), ERR_VALUE);
    assert_err(pubkey_new_ec(CURVE_P256, (struct span){0}, (struct span){0}, &key), ERR_VALUE);
    memset(big, 0xff, sizeof(big)); /* not below the field's prime */
    assert_err(pubkey_new_ec(CURVE_P256, span_of(big, 32), y, &key), ERR_VALUE);
    assert_err(pubkey_new_ec(CURVE_P256, span_of(big, 33), y, &key), ERR_VALUE);
    assert_err(pubkey_new_ec(CURVE_P521, span_of(big, EC_MAX_BYTES + 1), y, &key), ERR_VALUE);
    assert_null(key);
    assert_ok(pubkey_new_ec(CURVE_P256, x, y, &key));
    assert_true(pubkey_equal(key, signkey_public(own)));
    pubkey_free(key);
    arena_free(arena);
}

/* Coordinates with leading zeros may come short or padded. */
static void pads_coordinates_to_the_field(void **state)
{
    struct arena *arena = test_arena();
    bool found = false;

    (void)state;
    for (int i = 0; i < 20000 && !found; i++) {
        CLEANUP(signkey_free) struct signkey *own = NULL;
        CLEANUP(pubkey_free) struct pubkey *key = NULL;
        struct span x = {0};
        struct span y = {0};

        arena_reset(arena);
        assert_ok(signkey_generate(SIGNKEY_P256, &own));
        assert_ok(pubkey_numbers(signkey_public(own), arena, &x, &y));
        found = x.data[0] == 0;
        if (found) {
            assert_ok(pubkey_new_ec(CURVE_P256, span_cut(x, 1, 31), y, &key));
            assert_true(pubkey_equal(key, signkey_public(own)));
        }
    }
    assert_true(found);
    arena_free(arena);
}

static void reads_the_der_it_writes(void **state)
{
    static const enum signkey_kind kinds[] = {SIGNKEY_RSA2048, SIGNKEY_RSA3072, SIGNKEY_P256,
                                              SIGNKEY_P384};
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        CLEANUP(signkey_free) struct signkey *own = NULL;
        CLEANUP(pubkey_free) struct pubkey *key = NULL;
        struct span der = {0};

        assert_ok(signkey_generate(kinds[i], &own));
        assert_ok(pubkey_spki(signkey_public(own), arena, &der));
        assert_ok(pubkey_new_spki(der, &key));
        assert_true(pubkey_equal(key, signkey_public(own)));
        for (size_t len = 0; len < der.len; len++) {
            struct pubkey *none = NULL;

            assert_true(pubkey_new_spki(span_cut(der, 0, len), &none) != ERR_OK);
            assert_null(none);
        }
    }
    arena_free(arena);
}

static void refuses_trailing_bytes_and_other_keys(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(signkey_free) struct signkey *own = NULL;
    EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    unsigned char *der = NULL;
    struct pubkey *key = NULL;
    struct span spki = {0};
    uint8_t *longer;
    int len;

    (void)state;
    assert_ok(signkey_generate(SIGNKEY_P256, &own));
    assert_ok(pubkey_spki(signkey_public(own), arena, &spki));
    longer = arena_calloc(arena, 1, spki.len + 1);
    memcpy(longer, spki.data, spki.len);
    assert_err(pubkey_new_spki(span_of(longer, spki.len + 1), &key), ERR_TRAILING);
    len = i2d_PUBKEY(ed, &der);
    assert_true(len > 0);
    assert_err(pubkey_new_spki(span_of(der, (size_t)len), &key), ERR_UNSUPPORTED);
    OPENSSL_free(der);
    EVP_PKEY_free(ed);
    assert_err(pubkey_new_pem(span_str("no key at all"), &key), ERR_MALFORMED);
    assert_null(key);
    arena_free(arena);
}

static void reads_the_pem_of_a_real_key(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(pubkey_free) struct pubkey *rsa = NULL;
    CLEANUP(pubkey_free) struct pubkey *ecc = NULL;

    (void)state;
    assert_ok(pubkey_new_pem(test_vector(arena, "boots/a-secureboot-healthy/ak_rsa.pem"), &rsa));
    assert_int_equal(pubkey_bits(rsa), 2048);
    assert_int_equal(pubkey_kind(rsa), PUBKEY_RSA);
    assert_ok(pubkey_new_pem(test_vector(arena, "boots/a-secureboot-healthy/ak_ecc.pem"), &ecc));
    assert_int_equal(pubkey_curve(ecc), CURVE_P256);
    assert_false(pubkey_equal(rsa, ecc));
    arena_free(arena);
}

static const struct {
    enum signkey_kind kind;
    enum sig_scheme scheme;
    enum hash_alg hash;
} schemes[] = {
    {SIGNKEY_RSA2048, SIG_RSASSA, HASH_SHA256}, {SIGNKEY_RSA2048, SIG_RSASSA, HASH_SHA384},
    {SIGNKEY_RSA2048, SIG_RSASSA, HASH_SHA512}, {SIGNKEY_RSA2048, SIG_RSASSA, HASH_SHA1},
    {SIGNKEY_RSA2048, SIG_RSAPSS, HASH_SHA256}, {SIGNKEY_RSA3072, SIG_RSAPSS, HASH_SHA384},
    {SIGNKEY_P256, SIG_ECDSA, HASH_SHA256},     {SIGNKEY_P256, SIG_ECDSA, HASH_SHA384},
    {SIGNKEY_P384, SIG_ECDSA, HASH_SHA384},     {SIGNKEY_P384, SIG_ECDSA, HASH_SHA256},
};

/* */
static void verifies_only_the_signature_that_was_made(void **state)
{
    struct arena *arena = test_arena();
    struct span msg = span_str("what was signed");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        CLEANUP(signkey_free) struct signkey *own = NULL;
        CLEANUP(signkey_free) struct signkey *other = NULL;
        const struct pubkey *key;
        struct span sig = {0};

        assert_ok(signkey_generate(schemes[i].kind, &own));
        assert_ok(signkey_generate(schemes[i].kind, &other));
        key = signkey_public(own);
        assert_ok(signkey_sign(own, arena, schemes[i].scheme, schemes[i].hash, msg, &sig));
        assert_ok(pubkey_verify(key, schemes[i].scheme, schemes[i].hash, msg, sig));
        assert_err(
            pubkey_verify(signkey_public(other), schemes[i].scheme, schemes[i].hash, msg, sig),
            ERR_SIGNATURE);
        assert_err(pubkey_verify(key, schemes[i].scheme, schemes[i].hash, span_str("another"), sig),
                   ERR_SIGNATURE);
        for (enum sig_scheme scheme = SIG_RSASSA; scheme <= SIG_ECDSA; scheme++) {
            for (enum hash_alg hash = HASH_SHA1; hash < HASH_COUNT; hash++) {
                err_t want =
                    scheme == schemes[i].scheme && hash == schemes[i].hash ? ERR_OK : ERR_SIGNATURE;

                assert_err(pubkey_verify(key, scheme, hash, msg, sig), want);
            }
        }
        for (size_t at = 0; at < sig.len; at++) {
            uint8_t *byte = (uint8_t *)(uintptr_t)sig.data + at;

            *byte ^= 0x40;
            assert_err(pubkey_verify(key, schemes[i].scheme, schemes[i].hash, msg, sig),
                       ERR_SIGNATURE);
            *byte ^= 0x40;
        }
        for (size_t len = 0; len < sig.len; len += 7) {
            assert_err(
                pubkey_verify(key, schemes[i].scheme, schemes[i].hash, msg, span_cut(sig, 0, len)),
                ERR_SIGNATURE);
        }
    }
    arena_free(arena);
}

/* Raw RSA with the private key: what a forger with e = 3 would need no key for. */
static struct span raw_rsa(struct arena *arena, EVP_PKEY *pkey, const uint8_t *block, size_t len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    uint8_t *out = arena_alloc(arena, len);
    size_t out_len = len;

    assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
    assert_int_equal(EVP_PKEY_sign(ctx, out, &out_len, block, len), 1);
    EVP_PKEY_CTX_free(ctx);
    return span_of(out, out_len);
}

/* after Bleichenbacher's signatures of 2006, which left the rest of the block free. */
static void checks_the_whole_pkcs1_block(void **state)
{
    static const uint8_t info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                   0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
    struct arena *arena = test_arena();
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    unsigned char *der = NULL;
    CLEANUP(pubkey_free) struct pubkey *key = NULL;
    struct span msg = span_str("message");
    uint8_t digest[SHA256_BYTES];
    uint8_t block[256];
    int len = i2d_PUBKEY(pkey, &der);

    (void)state;
    assert_ok(pubkey_new_spki(span_of(der, (size_t)len), &key));
    OPENSSL_free(der);
    assert_ok(hash_once(HASH_SHA256, msg, digest));
    /* The right block verifies. */
    memset(block, 0xff, sizeof(block));
    block[0] = 0x00;
    block[1] = 0x01;
    block[256 - 32 - sizeof(info) - 1] = 0x00;
    memcpy(block + 256 - 32 - sizeof(info), info, sizeof(info));
    memcpy(block + 256 - 32, digest, 32);
    assert_ok(pubkey_verify(key, SIG_RSASSA, HASH_SHA256, msg, raw_rsa(arena, pkey, block, 256)));
    /* Short padding, digest in front, garbage behind. */
    memset(block, 0xa5, sizeof(block));
    memset(block, 0xff, 11);
    block[0] = 0x00;
    block[1] = 0x01;
    block[10] = 0x00;
    memcpy(block + 11, info, sizeof(info));
    memcpy(block + 11 + sizeof(info), digest, 32);
    assert_err(pubkey_verify(key, SIG_RSASSA, HASH_SHA256, msg, raw_rsa(arena, pkey, block, 256)),
               ERR_SIGNATURE);
    /* No DigestInfo at all. */
    memset(block, 0xff, sizeof(block));
    block[0] = 0x00;
    block[1] = 0x01;
    block[256 - 33] = 0x00;
    memcpy(block + 256 - 32, digest, 32);
    assert_err(pubkey_verify(key, SIG_RSASSA, HASH_SHA256, msg, raw_rsa(arena, pkey, block, 256)),
               ERR_SIGNATURE);
    EVP_PKEY_free(pkey);
    arena_free(arena);
}

/* the digest's length and all that fits; nothing between. */
static void takes_two_salt_lengths_and_no_third(void **state)
{
    static const struct {
        int salt;
        err_t want;
    } cases[] = {{32, ERR_OK},        {256 - 32 - 2, ERR_OK}, {0, ERR_SIGNATURE},
                 {20, ERR_SIGNATURE}, {33, ERR_SIGNATURE},    {100, ERR_SIGNATURE}};
    struct arena *arena = test_arena();
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    unsigned char *der = NULL;
    CLEANUP(pubkey_free) struct pubkey *key = NULL;
    uint8_t digest[SHA256_BYTES];
    int len = i2d_PUBKEY(pkey, &der);

    (void)state;
    assert_ok(pubkey_new_spki(span_of(der, (size_t)len), &key));
    OPENSSL_free(der);
    assert_ok(hash_once(HASH_SHA256, span_str("m"), digest));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
        uint8_t sig[256];
        size_t sig_len = sizeof(sig);

        assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, cases[i].salt), 1);
        assert_int_equal(EVP_PKEY_sign(ctx, sig, &sig_len, digest, sizeof(digest)), 1);
        EVP_PKEY_CTX_free(ctx);
        assert_err(
            pubkey_verify(key, SIG_RSAPSS, HASH_SHA256, span_str("m"), span_of(sig, sig_len)),
            cases[i].want);
    }
    EVP_PKEY_free(pkey);
    arena_free(arena);
}

/* Q-6, J-6: CVE-2022-21449 took r = s = 0 for a signature of anything. */
static void refuses_ecdsa_numbers_outside_the_group(void **state)
{
    static const char order[] = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    struct arena *arena = test_arena();
    CLEANUP(signkey_free) struct signkey *own = NULL;
    struct span msg = span_str("message");
    struct span n = test_hex(arena, order);
    struct span sig = {0};
    uint8_t forged[64] = {0};

    (void)state;
    assert_ok(signkey_generate(SIGNKEY_P256, &own));
    assert_ok(signkey_sign(own, arena, SIG_ECDSA, HASH_SHA256, msg, &sig));
    for (unsigned r_kind = 0; r_kind < 4; r_kind++) {
        for (unsigned s_kind = 0; s_kind < 4; s_kind++) {
            for (unsigned half = 0; half < 2; half++) {
                unsigned kind = half == 0 ? r_kind : s_kind;
                uint8_t *at = forged + 32 * half;

                memset(at, 0, 32);
                if (kind == 1) {
                    memcpy(at, n.data, 32);
                } else if (kind == 2) {
                    memset(at, 0xff, 32);
                } else if (kind == 3) {
                    memcpy(at, sig.data + 32 * half, 32);
                }
            }
            assert_err(pubkey_verify(signkey_public(own), SIG_ECDSA, HASH_SHA256, msg,
                                     span_of(forged, sizeof(forged))),
                       r_kind == 3 && s_kind == 3 ? ERR_OK : ERR_SIGNATURE);
        }
    }
    arena_free(arena);
}

static void encrypts_what_the_private_key_opens(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(signkey_free) struct signkey *own = NULL;
    CLEANUP(signkey_free) struct signkey *ec = NULL;
    struct span plain = span_str("0123456789abcdef0123456789abcdef");
    struct span cipher = {0};
    struct span again = {0};
    struct span back = {0};

    (void)state;
    assert_ok(signkey_generate(SIGNKEY_RSA2048, &own));
    assert_ok(signkey_generate(SIGNKEY_P256, &ec));
    assert_ok(pubkey_encrypt_pkcs1(signkey_public(own), arena, plain, &cipher));
    assert_ok(pubkey_encrypt_pkcs1(signkey_public(own), arena, plain, &again));
    assert_false(span_equal(cipher, again));
    assert_ok(signkey_decrypt_pkcs1(own, arena, cipher, &back));
    assert_true(span_equal(back, plain));
    assert_err(pubkey_encrypt_pkcs1(signkey_public(ec), arena, plain, &cipher), ERR_VALUE);
    assert_err(pubkey_encrypt_pkcs1(signkey_public(own), arena, rsa_number(arena, own), &cipher),
               ERR_VALUE);
    assert_err(
        pubkey_encrypt_oaep(signkey_public(ec), arena, HASH_SHA256, span_str("x"), plain, &cipher),
        ERR_VALUE);
    arena_free(arena);
}

static void agrees_with_openssl_on_shared_secrets(void **state)
{
    struct arena *arena = test_arena();
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
    EVP_PKEY *peer = EVP_PKEY_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    CLEANUP(pubkey_free) struct pubkey *key = NULL;
    struct span shared = {0};
    struct span x = {0};
    struct span y = {0};
    uint8_t point[97] = {4};
    uint8_t secret[48];
    size_t secret_len = sizeof(secret);
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(pkey, &der);

    (void)state;
    assert_ok(pubkey_new_spki(span_of(der, (size_t)len), &key));
    OPENSSL_free(der);
    assert_ok(pubkey_ecdh_ephemeral(key, arena, &shared, &x, &y));
    memcpy(point + 1, x.data, 48);
    memcpy(point + 49, y.data, 48);
    assert_int_equal(EVP_PKEY_copy_parameters(peer, pkey), 1);
    assert_int_equal(EVP_PKEY_set1_encoded_public_key(peer, point, sizeof(point)), 1);
    assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
    assert_int_equal(EVP_PKEY_derive_set_peer(ctx, peer), 1);
    assert_int_equal(EVP_PKEY_derive(ctx, secret, &secret_len), 1);
    assert_true(span_equal(shared, span_of(secret, secret_len)));
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    EVP_PKEY_free(pkey);
    arena_free(arena);
}

struct work {
    const struct pubkey *key;
    enum sig_scheme scheme;
    struct span msg, sig;
    int failed;
};

static void *verify_many(void *arg)
{
    struct work *work = arg;

    for (int i = 0; i < 300; i++) {
        work->failed +=
            pubkey_verify(work->key, work->scheme, HASH_SHA256, work->msg, work->sig) != ERR_OK;
    }
    return NULL;
}

/* One key, many threads: the thread sanitizer watches. */
static void one_key_serves_many_threads(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(signkey_free) struct signkey *rsa = NULL;
    CLEANUP(signkey_free) struct signkey *ec = NULL;
    struct work works[4];
    pthread_t threads[4];
    struct span msg = span_str("message");

    (void)state;
    assert_ok(signkey_generate(SIGNKEY_RSA2048, &rsa));
    assert_ok(signkey_generate(SIGNKEY_P256, &ec));
    for (size_t i = 0; i < 4; i++) {
        struct signkey *own = i % 2 == 0 ? rsa : ec;

        works[i] = (struct work){
            .key = signkey_public(own), .scheme = i % 2 == 0 ? SIG_RSASSA : SIG_ECDSA, .msg = msg};
        assert_ok(signkey_sign(own, arena, works[i].scheme, HASH_SHA256, msg, &works[i].sig));
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, verify_many, &works[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(works[i].failed, 0);
    }
    arena_free(arena);
}

/* A prime of the faulty generator's form: k * M + (65537^a mod M). */
static BIGNUM *roca_prime(BN_CTX *ctx, unsigned bits)
{
    BIGNUM *m = BN_new();
    BIGNUM *k = BN_new();
    BIGNUM *a = BN_new();
    BIGNUM *g = BN_new();
    BIGNUM *p = BN_new();
    unsigned count = 0;

    BN_one(m);
    for (unsigned n = 2; count < 126; n++) {
        bool is_prime = true;

        for (unsigned d = 2; d * d <= n; d++) {
            is_prime = is_prime && n % d != 0;
        }
        if (is_prime) {
            BN_mul_word(m, n);
            count++;
        }
    }
    BN_set_word(g, 65537);
    do {
        BN_rand(a, 64, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY);
        BN_mod_exp(p, g, a, m, ctx);
        BN_rand(k, (int)(bits - (unsigned)BN_num_bits(m)), BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ANY);
        BN_mul(k, k, m, ctx);
        BN_add(p, p, k);
    } while (BN_num_bits(p) != (int)bits || BN_check_prime(p, ctx, NULL) != 1);
    BN_free(m);
    BN_free(k);
    BN_free(a);
    BN_free(g);
    return p;
}

/* AK-4 */
static void finds_the_faulty_prime_generator(void **state)
{
    struct arena *arena = test_arena();
    BN_CTX *ctx = BN_CTX_new();
    CLEANUP(pubkey_free) struct pubkey *key = NULL;
    uint8_t bytes[256];
    BIGNUM *n = BN_new();

    (void)state;
    do {
        BIGNUM *p = roca_prime(ctx, 1024);
        BIGNUM *q = roca_prime(ctx, 1024);

        BN_mul(n, p, q, ctx);
        BN_free(p);
        BN_free(q);
    } while (BN_num_bits(n) != 2048);
    assert_int_equal(BN_bn2bin(n, bytes), 256);
    assert_ok(pubkey_new_rsa(span_of(bytes, sizeof(bytes)), 65537, &key));
    assert_true(pubkey_is_roca(key));
    BN_free(n);
    BN_CTX_free(ctx);
    arena_free(arena);
}

/* AK-4: the other way round, on a real key and on ours. */
static void leaves_good_keys_alone(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(pubkey_free) struct pubkey *real = NULL;

    (void)state;
    assert_ok(pubkey_new_pem(test_vector(arena, "boots/a-secureboot-healthy/ak_rsa.pem"), &real));
    assert_false(pubkey_is_roca(real));
    for (int i = 0; i < 5; i++) {
        CLEANUP(signkey_free) struct signkey *own = NULL;

        assert_ok(signkey_generate(SIGNKEY_RSA2048, &own));
        assert_false(pubkey_is_roca(signkey_public(own)));
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_small_and_odd_rsa_keys),
        cmocka_unit_test(refuses_points_off_the_curve),
        cmocka_unit_test(pads_coordinates_to_the_field),
        cmocka_unit_test(reads_the_der_it_writes),
        cmocka_unit_test(refuses_trailing_bytes_and_other_keys),
        cmocka_unit_test(reads_the_pem_of_a_real_key),
        cmocka_unit_test(verifies_only_the_signature_that_was_made),
        cmocka_unit_test(checks_the_whole_pkcs1_block),
        cmocka_unit_test(takes_two_salt_lengths_and_no_third),
        cmocka_unit_test(refuses_ecdsa_numbers_outside_the_group),
        cmocka_unit_test(encrypts_what_the_private_key_opens),
        cmocka_unit_test(agrees_with_openssl_on_shared_secrets),
        cmocka_unit_test(one_key_serves_many_threads),
        cmocka_unit_test(finds_the_faulty_prime_generator),
        cmocka_unit_test(leaves_good_keys_alone),
    };

    return RUN_TESTS(tests);
}
