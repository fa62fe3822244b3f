/*
 * primitives.c - OpenSSL's own speed: keys made, algorithms fetched and contexts set up before the
 * clock starts, so that nothing can be done with less.
 */
#include "bench.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "bench: OpenSSL: %s failed\n", what);
        ERR_print_errors_fp(stderr);
        exit(4);
    }
}

/* ---- digests ---- */

struct digest_run {
    EVP_MD *md;
    EVP_MD_CTX *ctx;
    struct span one;
    const struct span *spans;
    size_t n;
};

static void run_digest(void *arg)
{
    struct digest_run *d = arg;
    uint8_t out[EVP_MAX_MD_SIZE];

    for (size_t i = 0; i < d->n; i++) {
        EVP_DigestInit_ex2(d->ctx, d->md, NULL);
        EVP_DigestUpdate(d->ctx, d->spans[i].data, d->spans[i].len);
        EVP_DigestFinal_ex(d->ctx, out, NULL);
    }
}

static struct cost digest(enum hash_alg bank, const struct span *spans, size_t n)
{
    static const char *const names[HASH_COUNT] = {"SHA1", "SHA2-256", "SHA2-384", "SHA2-512"};
    struct digest_run d = {EVP_MD_fetch(NULL, names[bank], NULL), EVP_MD_CTX_new(), {0}, spans, n};
    struct cost cost;

    must(d.md != NULL && d.ctx != NULL, names[bank]);
    cost = bench_cpu(run_digest, &d);
    EVP_MD_CTX_free(d.ctx);
    EVP_MD_free(d.md);
    return cost;
}

double primitive_hash_us(enum hash_alg bank, const struct span *spans, size_t n)
{
    return n == 0 ? 0 : digest(bank, spans, n).median_us;
}

/* ---- public keys ---- */

struct key_run {
    EVP_PKEY *key;
    EVP_PKEY_CTX *ctx;
    uint8_t digest[32];
    uint8_t out[512];
    size_t len;
};

static void run_verify(void *arg)
{
    struct key_run *k = arg;

    must(EVP_PKEY_verify(k->ctx, k->out, k->len, k->digest, sizeof(k->digest)) == 1, "verify");
}

static void run_sign(void *arg)
{
    struct key_run *k = arg;

    k->len = sizeof(k->out);
    must(EVP_PKEY_sign(k->ctx, k->out, &k->len, k->digest, sizeof(k->digest)) == 1, "sign");
}

static void run_encrypt(void *arg)
{
    struct key_run *k = arg;

    k->len = sizeof(k->out);
    must(EVP_PKEY_encrypt(k->ctx, k->out, &k->len, k->digest, sizeof(k->digest)) == 1, "encrypt");
}

static EVP_PKEY *make_key(int rsa_bits)
{
    EVP_PKEY *key = rsa_bits > 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)rsa_bits)
                                 : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");

    must(key != NULL, "key generation");
    return key;
}

static void use_pkcs1(EVP_PKEY_CTX *ctx, bool is_signature)
{
    must(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1, "padding");
    must(!is_signature || EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1, "digest");
}

static struct cost sign(int rsa_bits)
{
    struct key_run k = {.key = make_key(rsa_bits)};
    struct cost cost;

    k.ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k.key, NULL);
    must(EVP_PKEY_sign_init(k.ctx) == 1, "sign");
    if (rsa_bits > 0) {
        use_pkcs1(k.ctx, true);
    }
    cost = bench_cpu(run_sign, &k);
    EVP_PKEY_CTX_free(k.ctx);
    EVP_PKEY_free(k.key);
    return cost;
}

static struct cost verify(int rsa_bits)
{
    struct key_run k = {.key = make_key(rsa_bits)};
    struct cost cost;

    k.ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k.key, NULL);
    must(EVP_PKEY_sign_init(k.ctx) == 1, "sign");
    use_pkcs1(k.ctx, true);
    run_sign(&k);
    must(EVP_PKEY_verify_init(k.ctx) == 1, "verify");
    use_pkcs1(k.ctx, true);
    cost = bench_cpu(run_verify, &k);
    EVP_PKEY_CTX_free(k.ctx);
    EVP_PKEY_free(k.key);
    return cost;
}

static struct cost encrypt(void)
{
    struct key_run k = {.key = make_key(2048)};
    struct cost cost;

    k.ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k.key, NULL);
    must(EVP_PKEY_encrypt_init(k.ctx) == 1, "encrypt");
    use_pkcs1(k.ctx, false);
    cost = bench_cpu(run_encrypt, &k);
    EVP_PKEY_CTX_free(k.ctx);
    EVP_PKEY_free(k.key);
    return cost;
}

/* ---- AES-GCM ---- */

struct gcm_run {
    EVP_CIPHER *cipher;
    EVP_CIPHER_CTX *ctx;
    uint8_t in[4096], out[4096];
};

static void run_gcm(void *arg)
{
    static const uint8_t key[32];
    static const uint8_t iv[12];
    struct gcm_run *g = arg;
    uint8_t tag[16];
    int len = 0;

    must(EVP_EncryptInit_ex2(g->ctx, g->cipher, key, iv, NULL) == 1 &&
             EVP_EncryptUpdate(g->ctx, g->out, &len, g->in, sizeof(g->in)) == 1 &&
             EVP_EncryptFinal_ex(g->ctx, g->out + len, &len) == 1 &&
             EVP_CIPHER_CTX_ctrl(g->ctx, EVP_CTRL_AEAD_GET_TAG, sizeof(tag), tag) == 1,
         "AES-GCM");
}

static struct cost gcm(void)
{
    static struct gcm_run g;
    struct cost cost;

    g.cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    g.ctx = EVP_CIPHER_CTX_new();
    cost = bench_cpu(run_gcm, &g);
    EVP_CIPHER_CTX_free(g.ctx);
    EVP_CIPHER_free(g.cipher);
    return cost;
}

/* ---- TLS ---- */

static X509 *self_signed(EVP_PKEY *key)
{
    X509 *cert = X509_new();

    must(cert != NULL && X509_set_version(cert, 2) == 1 && X509_set_pubkey(cert, key) == 1 &&
             X509_gmtime_adj(X509_getm_notBefore(cert), 0) != NULL &&
             X509_gmtime_adj(X509_getm_notAfter(cert), 86400) != NULL &&
             X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                                        (const unsigned char *)"localhost", -1, -1, 0) == 1 &&
             X509_set_issuer_name(cert, X509_get_subject_name(cert)) == 1 &&
             X509_sign(cert, key, EVP_sha256()) > 0,
         "certificate");
    return cert;
}

/* One full handshake in memory; the CPU time of the server's half. */
static double handshake(SSL_CTX *server_ctx, SSL_CTX *client_ctx)
{
    SSL *server = SSL_new(server_ctx);
    SSL *client = SSL_new(client_ctx);
    BIO *a = NULL;
    BIO *b = NULL;
    double spent = 0;
    double from;

    must(server != NULL && client != NULL && BIO_new_bio_pair(&a, 0, &b, 0) == 1, "TLS");
    SSL_set_bio(server, a, a);
    SSL_set_bio(client, b, b);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    for (int i = 0; i < 10 && !(SSL_is_init_finished(server) && SSL_is_init_finished(client));
         i++) {
        SSL_do_handshake(client);
        from = bench_thread_us();
        SSL_do_handshake(server);
        spent += bench_thread_us() - from;
    }
    must(SSL_is_init_finished(server) && SSL_is_init_finished(client), "TLS handshake");
    SSL_free(server);
    SSL_free(client);
    return spent;
}

static struct cost handshakes(void)
{
    static double samples[BENCH_MIN_RUNS];
    EVP_PKEY *key = make_key(0);
    X509 *cert = self_signed(key);
    SSL_CTX *server = SSL_CTX_new(TLS_server_method());
    SSL_CTX *client = SSL_CTX_new(TLS_client_method());

    must(server != NULL && client != NULL && SSL_CTX_use_certificate(server, cert) == 1 &&
             SSL_CTX_use_PrivateKey(server, key) == 1 &&
             SSL_CTX_set_min_proto_version(server, TLS1_3_VERSION) == 1,
         "TLS");
    for (int i = -50; i < BENCH_MIN_RUNS; i++) {
        samples[i < 0 ? 0 : i] = handshake(server, client);
    }
    SSL_CTX_free(server);
    SSL_CTX_free(client);
    X509_free(cert);
    EVP_PKEY_free(key);
    return bench_summary(samples, BENCH_MIN_RUNS);
}

const char *primitive_name(enum primitive primitive)
{
    static const char *const names[PRIMITIVE_COUNT] = {
        [PRIMITIVE_SHA256_64] = "SHA-256 of 64 B",
        [PRIMITIVE_SHA256_16K] = "SHA-256 of 16 KiB",
        [PRIMITIVE_RSA2048_VERIFY] = "RSA-2048 verify",
        [PRIMITIVE_RSA3072_VERIFY] = "RSA-3072 verify",
        [PRIMITIVE_RSA2048_SIGN] = "RSA-2048 sign",
        [PRIMITIVE_P256_SIGN] = "P-256 sign",
        [PRIMITIVE_RSA2048_ENCRYPT] = "RSA-2048 PKCS#1 encrypt",
        [PRIMITIVE_AES_GCM_4K] = "AES-256-GCM of 4 KiB",
        [PRIMITIVE_TLS_HANDSHAKE] = "TLS 1.3 handshake (server)",
    };

    return names[primitive];
}

struct cost primitive_measure(enum primitive primitive)
{
    static uint8_t bytes[16 * 1024];
    struct span small = span_of(bytes, 64);
    struct span large = span_of(bytes, sizeof(bytes));

    switch (primitive) {
    case PRIMITIVE_SHA256_64:
        return digest(HASH_SHA256, &small, 1);
    case PRIMITIVE_SHA256_16K:
        return digest(HASH_SHA256, &large, 1);
    case PRIMITIVE_RSA2048_VERIFY:
        return verify(2048);
    case PRIMITIVE_RSA3072_VERIFY:
        return verify(3072);
    case PRIMITIVE_RSA2048_SIGN:
        return sign(2048);
    case PRIMITIVE_P256_SIGN:
        return sign(0);
    case PRIMITIVE_RSA2048_ENCRYPT:
        return encrypt();
    case PRIMITIVE_AES_GCM_4K:
        return gcm();
    case PRIMITIVE_TLS_HANDSHAKE:
        return handshakes();
    case PRIMITIVE_COUNT:
    default:
        return (struct cost){0};
    }
}
