#include "crypto/cert.h"

#include "support/support.h"

#include <openssl/x509v3.h>

enum { FROM = 1750000000, TO = 1781536000, NOW = 1760000000 };

static const char guid_name[] = "01234567-89ab-cdef-0123-456789abcdef.TrustedVM";
static const char *const guid_uri[] = {"urn:uuid:01234567-89ab-cdef-0123-456789abcdef", NULL};

static struct cert_request ca_request(void)
{
    return (struct cert_request){
        .profile = CERT_CA, .common_name = "CA", .not_before = FROM, .not_after = TO};
}

static void refuses_requests_that_make_no_sense(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(signkey_free) struct signkey *key = NULL;
    CLEANUP(signkey_free) struct signkey *other = NULL;
    struct cert *cert = NULL;
    struct cert_request request = ca_request();
    static const char *const bad_ip[] = {"300.1.2.3", NULL};
    char longest[66];

    (void)state;
    assert_ok(signkey_generate(SIGNKEY_P256, &key));
    assert_ok(signkey_generate(SIGNKEY_P256, &other));
    memset(longest, 'x', 65);
    longest[65] = '\0';
    request.common_name = longest;
    assert_err(cert_issue(&request, signkey_public(key), NULL, key, &cert), ERR_VALUE);
    request.common_name = "";
    assert_err(cert_issue(&request, signkey_public(key), NULL, key, &cert), ERR_VALUE);
    request = ca_request();
    request.not_before = TO + 1;
    assert_err(cert_issue(&request, signkey_public(key), NULL, key, &cert), ERR_VALUE);
    request = ca_request();
    assert_err(cert_issue(&request, signkey_public(key), NULL, other, &cert), ERR_MISMATCH);
    request.profile = CERT_TLS_SERVER;
    assert_err(cert_issue(&request, signkey_public(key), NULL, key, &cert), ERR_VALUE);
    request.ip_addresses = bad_ip;
    assert_err(cert_issue(&request, signkey_public(key), NULL, key, &cert), ERR_VALUE);
    assert_null(cert);
    arena_free(arena);
}

static X509 *openssl_view(const struct cert *cert)
{
    const unsigned char *at = cert_der(cert).data;
    X509 *x = d2i_X509(NULL, &at, (long)cert_der(cert).len);

    assert_non_null(x);
    return x;
}

/* Decisions, 5: the attestation key certificate. */
static void issues_attestation_key_certificates(void **state)
{
    static const enum signkey_kind kinds[] = {SIGNKEY_RSA2048, SIGNKEY_P256, SIGNKEY_P384};
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        CLEANUP(signkey_free) struct signkey *ca_key = NULL;
        CLEANUP(signkey_free) struct signkey *ak = NULL;
        CLEANUP(cert_free) struct cert *ca = NULL;
        CLEANUP(cert_free) struct cert *cert = NULL;
        CLEANUP(cert_free) struct cert *second = NULL;
        CLEANUP(cert_store_free) struct cert_store *anchors = cert_store_new();
        struct cert_request request = ca_request();
        X509 *x;

        assert_ok(signkey_generate(kinds[i], &ca_key));
        assert_ok(signkey_generate(SIGNKEY_RSA2048, &ak));
        assert_ok(cert_issue(&request, signkey_public(ca_key), NULL, ca_key, &ca));
        request = (struct cert_request){.profile = CERT_AK,
                                        .common_name = guid_name,
                                        .uris = guid_uri,
                                        .not_before = FROM,
                                        .not_after = TO};
        assert_ok(cert_issue(&request, signkey_public(ak), ca, ca_key, &cert));
        assert_ok(cert_issue(&request, signkey_public(ak), ca, ca_key, &second));
        assert_false(span_equal(cert_der(cert), cert_der(second))); /* serial numbers differ */
        assert_ok(cert_store_add(anchors, ca));
        assert_ok(cert_verify(cert, NULL, anchors, CERT_ROLE_AK, NOW, false, NULL));
        assert_err(cert_verify(cert, NULL, anchors, CERT_ROLE_EK, NOW, false, NULL), ERR_MISMATCH);
        assert_err(cert_verify(cert, NULL, anchors, CERT_ROLE_AK, TO + 1, false, NULL),
                   ERR_EXPIRED);
        assert_string_equal(cert_common_name(cert, arena), guid_name);
        assert_true(pubkey_equal(cert_key(cert), signkey_public(ak)));
        x = openssl_view(cert);
        assert_int_equal(X509_get_key_usage(x), KU_DIGITAL_SIGNATURE);
        assert_int_equal(ASN1_STRING_length(X509_get0_serialNumber(x)), 16);
        X509_free(x);
    }
    arena_free(arena);
}

static void issues_server_certificates_that_openssl_accepts(void **state)
{
    static const char *const dns[] = {"localhost", "b.eus.attest.localhost", NULL};
    static const char *const ips[] = {"127.0.0.1", "::1", NULL};
    CLEANUP(signkey_free) struct signkey *key = NULL;
    CLEANUP(cert_free) struct cert *cert = NULL;
    struct arena *arena = test_arena();
    const struct cert_request request = {.profile = CERT_TLS_SERVER,
                                         .common_name = "localhost",
                                         .dns_names = dns,
                                         .ip_addresses = ips,
                                         .not_before = FROM,
                                         .not_after = TO};
    X509 *x;

    (void)state;
    assert_ok(signkey_generate(SIGNKEY_P256, &key));
    assert_ok(cert_issue(&request, signkey_public(key), NULL, key, &cert));
    x = openssl_view(cert);
    assert_int_equal(X509_check_host(x, "b.eus.attest.localhost", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(x, "c.eus.attest.localhost", 0, 0, NULL), 0);
    assert_int_equal(X509_check_ip_asc(x, "127.0.0.1", 0), 1);
    assert_int_equal(X509_check_ip_asc(x, "::1", 0), 1);
    assert_int_equal(X509_check_ip_asc(x, "127.0.0.2", 0), 0);
    assert_int_equal(X509_get_extended_key_usage(x), XKU_SSL_SERVER);
    X509_free(x);
    arena_free(arena);
}

/* Attestation API, signing keys: subject = issuer, CA:FALSE as an empty sequence, SKI, AKI. */
static void issues_token_certificates_as_the_service_has_them(void **state)
{
    CLEANUP(signkey_free) struct signkey *key = NULL;
    CLEANUP(cert_free) struct cert *cert = NULL;
    struct arena *arena = test_arena();
    const struct cert_request request = {.profile = CERT_TOKEN,
                                         .common_name = "https://localhost:8443",
                                         .not_before = FROM,
                                         .not_after = TO};
    static const uint8_t empty_basic[] = {0x06, 0x03, 0x55, 0x1d, 0x13, 0x04, 0x02, 0x30, 0x00};
    X509 *x;

    (void)state;
    assert_ok(signkey_generate(SIGNKEY_RSA2048, &key));
    assert_ok(cert_issue(&request, signkey_public(key), NULL, key, &cert));
    assert_true(cert_is_self_issued(cert));
    assert_string_equal(cert_subject(cert, arena), "CN=https://localhost:8443");
    assert_non_null(
        memmem(cert_der(cert).data, cert_der(cert).len, empty_basic, sizeof(empty_basic)));
    x = openssl_view(cert);
    assert_int_equal(X509_get_ext_count(x), 3);
    assert_true(X509_get_ext_by_NID(x, NID_subject_key_identifier, -1) >= 0);
    assert_true(X509_get_ext_by_NID(x, NID_authority_key_identifier, -1) >= 0);
    assert_int_equal(X509_verify(x, X509_get0_pubkey(x)), 1);
    X509_free(x);
    arena_free(arena);
}

/* What is not surely ours is never made anew over its owner's head. */
static void tells_its_own_from_those_of_other_programs(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(signkey_free) struct signkey *key = NULL;
    CLEANUP(cert_free) struct cert *ca = NULL;
    CLEANUP(cert_free) struct cert *own = NULL;
    CLEANUP(cert_free) struct cert *issued = NULL;
    CLEANUP(cert_free) struct cert *foreign = NULL;
    struct cert_request request = ca_request();
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    X509 *x;
    unsigned char *der = NULL;
    int len;

    (void)state;
    assert_ok(signkey_generate(SIGNKEY_P256, &key));
    assert_ok(cert_issue(&request, signkey_public(key), NULL, key, &ca));
    assert_false(cert_is_made_here(ca)); /* a CA is not a token key's */
    request.profile = CERT_TOKEN;
    request.common_name = "another";
    assert_ok(cert_issue(&request, signkey_public(key), ca, key, &issued));
    assert_false(cert_is_made_here(issued));
    assert_ok(cert_issue(&request, signkey_public(key), NULL, key, &own));
    assert_true(cert_is_made_here(own));
    /* The same in every word, but with the serial number and key of another program. */
    x = openssl_view(own);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x), 4711), 1);
    assert_int_equal(X509_set_pubkey(x, pkey), 1);
    assert_true(X509_sign(x, pkey, EVP_sha256()) > 0);
    len = i2d_X509(x, &der);
    assert_true(len > 0);
    assert_ok(cert_new_der(span_of(der, (size_t)len), NULL, &foreign));
    assert_false(cert_is_made_here(foreign));
    OPENSSL_free(der);
    X509_free(x);
    EVP_PKEY_free(pkey);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_requests_that_make_no_sense),
        cmocka_unit_test(issues_attestation_key_certificates),
        cmocka_unit_test(issues_server_certificates_that_openssl_accepts),
        cmocka_unit_test(issues_token_certificates_as_the_service_has_them),
        cmocka_unit_test(tells_its_own_from_those_of_other_programs),
    };

    return RUN_TESTS(tests);
}
