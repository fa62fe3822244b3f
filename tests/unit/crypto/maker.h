/*
 * maker.h - certificates with any fault one likes, made with OpenSSL so that our reader meets
 * what somebody else wrote.
 */
#ifndef TESTS_CRYPTO_MAKER_H
#define TESTS_CRYPTO_MAKER_H

#include "crypto/cert.h"
#include "support/support.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

enum { MADE_FROM = 1700000000, MADE_TO = 1800000000, MADE_NOW = 1750000000 };

struct made {
    X509 *x;
    EVP_PKEY *key;
};

struct recipe {
    const char *subject;       /* "" = empty name */
    const struct made *issuer; /* NULL = self-signed */
    const char *md;            /* NULL = SHA256 */
    const char *key;           /* NULL = EC P-256; "RSA" */
    int64_t from, to;          /* 0 = MADE_FROM, MADE_TO */
    const char *extensions[8][2];
};

static inline EVP_PKEY *make_key(const char *kind)
{
    EVP_PKEY *key = kind != NULL ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
                                 : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");

    assert_non_null(key);
    assert_ok(crypto_init());
    return key;
}

static inline struct made make_cert(const struct recipe *recipe)
{
    static long serial = 1;
    struct made made = {.x = X509_new(), .key = make_key(recipe->key)};
    X509 *issuer = recipe->issuer == NULL ? made.x : recipe->issuer->x;
    X509_NAME *name = X509_NAME_new();
    X509V3_CTX ctx;

    if (recipe->subject[0] != '\0') {
        assert_int_equal(X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                                    (const unsigned char *)recipe->subject, -1, -1,
                                                    0),
                         1);
    }
    X509_set_version(made.x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.x), serial++);
    X509_set_subject_name(made.x, name);
    X509_set_issuer_name(made.x, X509_get_subject_name(issuer));
    ASN1_TIME_set(X509_getm_notBefore(made.x), recipe->from != 0 ? recipe->from : MADE_FROM);
    ASN1_TIME_set(X509_getm_notAfter(made.x), recipe->to != 0 ? recipe->to : MADE_TO);
    X509_set_pubkey(made.x, made.key);
    X509V3_set_ctx(&ctx, issuer, made.x, NULL, NULL, 0);
    X509V3_set_ctx_nodb(&ctx);
    for (size_t i = 0; i < 8 && recipe->extensions[i][0] != NULL; i++) {
        X509_EXTENSION *extension =
            X509V3_EXT_conf(NULL, &ctx, recipe->extensions[i][0], recipe->extensions[i][1]);

        if (extension == NULL) {
            fail_msg("%s: %s", recipe->extensions[i][0],
                     ERR_error_string(ERR_peek_last_error(), NULL));
        }
        X509_add_ext(made.x, extension, -1);
        X509_EXTENSION_free(extension);
    }
    assert_true(X509_sign(made.x, recipe->issuer == NULL ? made.key : recipe->issuer->key,
                          EVP_get_digestbyname(recipe->md == NULL ? "SHA256" : recipe->md)) > 0);
    X509_NAME_free(name);
    return made;
}

static inline void made_done(struct made *made)
{
    X509_free(made->x);
    EVP_PKEY_free(made->key);
    *made = (struct made){0};
}
DEFINE_CLEANUP_DONE(struct made, made_done)

static inline struct cert *made_cert(const struct made *made)
{
    unsigned char *der = NULL;
    int len = i2d_X509(made->x, &der);
    struct cert *cert = NULL;

    assert_true(len > 0);
    assert_ok(cert_new_der(span_of(der, (size_t)len), NULL, &cert));
    OPENSSL_free(der);
    return cert;
}

static inline void store_made(struct cert_store *store, const struct made *made)
{
    struct cert *cert = made_cert(made);

    assert_ok(cert_store_add(store, cert));
    cert_free(cert);
}

#endif
