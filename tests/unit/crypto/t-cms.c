#include "crypto/cms.h"

#include "crypto/cert.h"
#include "support/support.h"

#include <openssl/cms.h>
#include <string.h>

enum { DAY = 86400 };

static const char text[] = "{\"joinToken\":\"bwj_secret\"}";

struct pair {
    struct signkey *key;
    struct cert *cert;
    struct span key_pem, cert_pem;
};

static struct arena *arena;
static struct pair rsa, ec;

static void make_pair(enum signkey_kind kind, struct pair *pair)
{
    const struct cert_request request = {
        .profile = CERT_CA, .common_name = "LinuxTransport", .not_before = 0, .not_after = DAY};

    assert_ok(signkey_generate(kind, &pair->key));
    assert_ok(cert_issue(&request, signkey_public(pair->key), NULL, pair->key, &pair->cert));
    assert_ok(cert_pem(pair->cert, arena, &pair->cert_pem));
    assert_ok(signkey_pem(pair->key, arena, &pair->key_pem));
}

static int start(void **state)
{
    (void)state;
    arena = test_arena();
    make_pair(SIGNKEY_RSA2048, &rsa);
    make_pair(SIGNKEY_P256, &ec);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    signkey_free(rsa.key);
    signkey_free(ec.key);
    cert_free(rsa.cert);
    cert_free(ec.cert);
    arena_free(arena);
    return 0;
}

static struct span sealed_to(const struct pair *pair, const EVP_CIPHER *cipher)
{
    struct span der = cert_der(pair->cert);
    const unsigned char *at = der.data;
    X509 *x509 = d2i_X509(NULL, &at, (long)der.len);
    STACK_OF(X509) *to = sk_X509_new_null();
    BIO *in = BIO_new_mem_buf(text, sizeof(text) - 1);
    CMS_ContentInfo *cms;
    unsigned char *bytes = NULL;
    struct span copy;
    int len;

    sk_X509_push(to, x509);
    cms = CMS_encrypt(to, in, cipher, CMS_BINARY);
    assert_non_null(cms);
    len = i2d_CMS_ContentInfo(cms, &bytes);
    assert_true(len > 0);
    copy = arena_dup(arena, span_of(bytes, (size_t)len));
    OPENSSL_free(bytes);
    CMS_ContentInfo_free(cms);
    BIO_free(in);
    sk_X509_pop_free(to, X509_free);
    return copy;
}

static void assert_refused(struct span der, struct span cert, struct span key, err_t wanted,
                           const char *words)
{
    CLEANUP(buf_done) struct buf plain = {0};
    struct trail trail = {0};

    buf_init_secret(&plain, 1024);
    assert_err(cms_open(der, cert, key, &trail, &plain), wanted);
    assert_int_equal(plain.len, 0);
    if (strstr(trail.what, words) == NULL) {
        fail_msg("'%s' is not in '%s'", words, trail.what);
    }
}

static void what_is_for_another_or_altered_is_refused(void **state)
{
    struct span der = sealed_to(&rsa, EVP_aes_256_cbc());
    struct pair other = {0};

    (void)state;
    make_pair(SIGNKEY_RSA2048, &other);
    assert_refused(der, other.cert_pem, other.key_pem, ERR_MISMATCH, "another certificate");
    assert_refused(der, ec.cert_pem, ec.key_pem, ERR_MISMATCH, "another certificate");
    assert_refused(der, rsa.cert_pem, other.key_pem, ERR_MISMATCH, "another certificate");
    assert_refused(span_cut(der, 0, der.len - 1), rsa.cert_pem, rsa.key_pem, ERR_MALFORMED,
                   "no CMS");
    assert_refused(span_of("", 0), rsa.cert_pem, rsa.key_pem, ERR_MALFORMED, "no CMS");
    signkey_free(other.key);
    cert_free(other.cert);
}

static void bytes_behind_the_structure_are_refused(void **state)
{
    struct span der = sealed_to(&rsa, EVP_aes_256_cbc());
    uint8_t *longer = arena_alloc(arena, der.len + 1);

    (void)state;
    memcpy(longer, der.data, der.len);
    longer[der.len] = 0;
    assert_refused(span_of(longer, der.len + 1), rsa.cert_pem, rsa.key_pem, ERR_MALFORMED,
                   "no CMS");
}

static void other_kinds_of_cms_are_refused(void **state)
{
    BIO *in = BIO_new_mem_buf(text, sizeof(text) - 1);
    CMS_ContentInfo *cms = CMS_data_create(in, CMS_BINARY);
    unsigned char *bytes = NULL;
    int len = i2d_CMS_ContentInfo(cms, &bytes);

    (void)state;
    assert_refused(span_of(bytes, (size_t)len), rsa.cert_pem, rsa.key_pem, ERR_UNSUPPORTED,
                   "no enveloped data");
    OPENSSL_free(bytes);
    CMS_ContentInfo_free(cms);
    BIO_free(in);
}

static void a_pair_that_is_none_is_refused(void **state)
{
    struct span der = sealed_to(&rsa, EVP_aes_256_cbc());

    (void)state;
    assert_refused(der, span_str("no PEM"), rsa.key_pem, ERR_MALFORMED, "certificate is none");
    assert_refused(der, rsa.cert_pem, span_str(""), ERR_MALFORMED, "private key is none");
}

static void the_buffer_limits_what_comes_out(void **state)
{
    CLEANUP(buf_done) struct buf plain = {0};

    (void)state;
    buf_init_secret(&plain, sizeof(text) - 2);
    assert_err(
        cms_open(sealed_to(&rsa, EVP_aes_256_cbc()), rsa.cert_pem, rsa.key_pem, NULL, &plain),
        ERR_TOO_LARGE);
}

static void what_is_for_us_is_opened(void **state)
{
    const EVP_CIPHER *ciphers[] = {EVP_aes_256_cbc(), EVP_aes_128_cbc(), EVP_des_ede3_cbc()};
    const struct pair *pairs[] = {&rsa, &ec};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ciphers) * ARRAY_LEN(pairs); i++) {
        CLEANUP(buf_done) struct buf plain = {0};
        const struct pair *pair = pairs[i % ARRAY_LEN(pairs)];
        struct trail trail = {0};
        err_t err;

        buf_init_secret(&plain, 1024);
        err = cms_open(sealed_to(pair, ciphers[i / ARRAY_LEN(pairs)]), pair->cert_pem,
                       pair->key_pem, &trail, &plain);
        if (err != ERR_OK || !span_is(buf_span(&plain), text)) {
            fail_msg("case %zu: %s %s", i, err_name(err), trail.what);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_for_another_or_altered_is_refused),
        cmocka_unit_test(bytes_behind_the_structure_are_refused),
        cmocka_unit_test(other_kinds_of_cms_are_refused),
        cmocka_unit_test(a_pair_that_is_none_is_refused),
        cmocka_unit_test(the_buffer_limits_what_comes_out),
        cmocka_unit_test(what_is_for_us_is_opened),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
