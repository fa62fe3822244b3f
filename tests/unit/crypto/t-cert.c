#include "crypto/cert.h"

#include "unit/crypto/maker.h"

static const char ek_rsa[] = "boots/a-secureboot-healthy/ek_rsa_cert.der";
static const char ca_issuer[] = "boots/a-secureboot-healthy/ca_issuer.pem";

/* */
static void refuses_cut_and_longer_certificates(void **state)
{
    struct arena *arena = test_arena();
    struct span der = test_vector(arena, ek_rsa);
    uint8_t *longer = arena_calloc(arena, 1, der.len + 1);
    struct cert *cert = NULL;

    (void)state;
    for (size_t len = 0; len < der.len; len++) {
        assert_true(cert_new_der(span_cut(der, 0, len), NULL, &cert) != ERR_OK);
    }
    memcpy(longer, der.data, der.len);
    assert_true(cert_new_der(span_of(longer, der.len + 1), NULL, &cert) != ERR_OK);
    assert_null(cert);
    arena_free(arena);
}

/* padding of an NV index is cut off by the length in front; nothing is searched for. */
static void cuts_nv_padding_and_searches_nothing(void **state)
{
    static const uint8_t pads[] = {0x00, 0xff};
    struct arena *arena = test_arena();
    struct span der = test_vector(arena, ek_rsa);
    uint8_t *padded = arena_alloc(arena, der.len + 200);
    uint8_t *shifted = arena_calloc(arena, 1, der.len + 7);
    struct cert *cert = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pads); i++) {
        memset(padded, pads[i], der.len + 200);
        memcpy(padded, der.data, der.len);
        assert_ok(cert_new_nv(span_of(padded, der.len + 200), NULL, &cert));
        assert_true(span_equal(cert_der(cert), der));
        cert_free(cert);
        cert = NULL;
    }
    memcpy(shifted + 7, der.data, der.len);
    assert_true(cert_new_nv(span_of(shifted, der.len + 7), NULL, &cert) != ERR_OK);
    assert_true(cert_new_nv((struct span){0}, NULL, &cert) != ERR_OK);
    assert_null(cert);
    arena_free(arena);
}

static void refuses_huge_certificates(void **state)
{
    struct arena *arena = test_arena();
    uint8_t *bytes = arena_calloc(arena, 1, CERT_MAX_BYTES + 1);
    struct cert *cert = NULL;

    (void)state;
    assert_err(cert_new_der(span_of(bytes, CERT_MAX_BYTES + 1), NULL, &cert), ERR_TOO_LARGE);
    assert_null(cert);
    arena_free(arena);
}

static void reads_a_real_certificate(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(cert_free) struct cert *cert = NULL;
    CLEANUP(cert_free) struct cert *ca = NULL;
    int64_t from = 0;
    int64_t to = 0;
    struct span pem = {0};
    struct cert *again = NULL;

    (void)state;
    assert_ok(cert_new_der(test_vector(arena, ek_rsa), NULL, &cert));
    assert_ok(cert_new_pem(test_vector(arena, ca_issuer), NULL, &ca));
    assert_string_equal(cert_subject(cert, arena), "CN=vm-a");
    assert_string_equal(cert_issuer(cert, arena), "CN=swtpm-localca");
    assert_string_equal(cert_issuer(ca, arena), "CN=swtpm-localca-rootca");
    assert_string_equal(cert_common_name(cert, arena), "vm-a");
    cert_validity(cert, &from, &to);
    assert_int_equal(from, 1795305926); /* 2026-11-22T00:05:26Z */
    assert_int_equal(to, 253402300799); /* 9999-12-31T23:59:59Z */
    assert_true(cert_has_eku(cert, "2.23.133.8.1"));
    assert_false(cert_has_eku(cert, "2.23.133.8.3"));
    assert_false(cert_has_eku(cert, "2.23.133.8"));
    assert_false(cert_has_eku(ca, "2.23.133.8.1"));
    assert_int_equal(pubkey_bits(cert_key(cert)), 2048);
    assert_int_equal(pubkey_bits(cert_key(ca)), 3072);
    assert_false(cert_is_self_issued(ca));
    assert_ok(cert_pem(ca, arena, &pem));
    assert_true(span_equal(pem, test_vector(arena, ca_issuer)));
    assert_ok(cert_new_pem(pem, NULL, &again));
    assert_true(span_equal(cert_der(again), cert_der(ca)));
    cert_free(again);
    arena_free(arena);
}

/* names are shown, never compared; two spellings of one name are no name. */
static void gives_no_common_name_when_in_doubt(void **state)
{
    static const struct {
        const char *text;
        int len;
        int type;
        const char *want;
    } cases[] = {
        {"plain", 5, V_ASN1_UTF8STRING, "plain"},
        {"bad\0good", 8, V_ASN1_UTF8STRING, ""},
        {"\xff\xfe", 2, V_ASN1_UTF8STRING, ""},
        {"\0p\0l", 4, V_ASN1_BMPSTRING, ""},
        {"Pl\xc3\xa4tz", 6, V_ASN1_UTF8STRING, "Pl\xc3\xa4tz"},
    };
    struct arena *arena = test_arena();
    EVP_PKEY *key = make_key(NULL);

    (void)state;
    for (size_t i = 0; i <= ARRAY_LEN(cases); i++) {
        bool is_double = i == ARRAY_LEN(cases);
        X509 *x = X509_new();
        X509_NAME *name = X509_NAME_new();
        struct made made = {.x = x};
        struct cert *cert;

        for (int n = 0; n < (is_double ? 2 : 1); n++) {
            assert_int_equal(
                X509_NAME_add_entry_by_NID(name, NID_commonName, cases[is_double ? 0 : i].type,
                                           (const unsigned char *)cases[is_double ? 0 : i].text,
                                           cases[is_double ? 0 : i].len, -1, 0),
                1);
        }
        X509_set_version(x, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
        X509_set_subject_name(x, name);
        X509_set_issuer_name(x, name);
        ASN1_TIME_set(X509_getm_notBefore(x), MADE_FROM);
        ASN1_TIME_set(X509_getm_notAfter(x), MADE_TO);
        X509_set_pubkey(x, key);
        assert_true(X509_sign(x, key, EVP_sha256()) > 0);
        cert = made_cert(&made);
        assert_string_equal(cert_common_name(cert, arena), is_double ? "" : cases[i].want);
        cert_free(cert);
        X509_NAME_free(name);
        X509_free(x);
    }
    EVP_PKEY_free(key);
    arena_free(arena);
}

static void reads_no_version_1(void **state)
{
    EVP_PKEY *key = make_key(NULL);
    X509 *x = X509_new();
    unsigned char *der = NULL;
    struct cert *cert = NULL;
    int len;

    (void)state;
    ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
    ASN1_TIME_set(X509_getm_notBefore(x), MADE_FROM);
    ASN1_TIME_set(X509_getm_notAfter(x), MADE_TO);
    X509_set_pubkey(x, key);
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    len = i2d_X509(x, &der);
    assert_err(cert_new_der(span_of(der, (size_t)len), NULL, &cert), ERR_UNSUPPORTED);
    assert_null(cert);
    OPENSSL_free(der);
    X509_free(x);
    EVP_PKEY_free(key);
}

/* replaces one DER element of a certificate by another; no signature is looked at here. */
static void refuses_faults_that_ber_readers_let_pass(void **state)
{
    static const struct {
        const char *find, *put, *why;
    } cases[] = {
        {"020900aaaaaaaaaaaaaaaa", "0209ffaaaaaaaaaaaaaaaa", "negative serial number"},
        {"020900aaaaaaaaaaaaaaaa", "02090000aaaaaaaaaaaaaa", "serial number with needless zero"},
        {"0603551d130101ff", "0603551d13010101", "critical spelled 01"},
        {"0603551d130101ff", "0603551d13010100", "critical FALSE spelled out"},
        {"06082a8648ce3d040302", "06082a8648ce3d040303", "inner and outer algorithm differ"},
        {"0603551d0e", "0603551d13", "an extension twice"},
        {"170d323331313134323231333230", "170d323331333134323231333230", "month 13"},
        {"170d323331313134323231333230", "170d323331313134323231333630", "second 60"},
        {"3232313332305a", "3232313332302b", "time without Z"},
    };
    CLEANUP(made_done)
    struct made made = make_cert(&(struct recipe){
        .subject = "x",
        .extensions = {{"basicConstraints", "critical,CA:TRUE"}, {"subjectKeyIdentifier", "hash"}},
    });
    struct arena *arena = test_arena();
    unsigned char *der = NULL;
    struct cert *cert = NULL;
    BIGNUM *serial = NULL;
    int len;

    (void)state;
    BN_hex2bn(&serial, "aaaaaaaaaaaaaaaa");
    BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(made.x));
    BN_free(serial);
    assert_true(X509_sign(made.x, made.key, EVP_sha256()) > 0);
    len = i2d_X509(made.x, &der);
    assert_ok(cert_new_der(span_of(der, (size_t)len), NULL, &cert));
    cert_free(cert);
    cert = NULL;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span find = test_hex(arena, cases[i].find);
        struct span put = test_hex(arena, cases[i].put);
        struct span copy = arena_dup(arena, span_of(der, (size_t)len));
        uint8_t *at = memmem(copy.data, copy.len, find.data, find.len);

        if (at == NULL) {
            fail_msg("%s: not found", cases[i].why);
            continue;
        }
        memcpy(at, put.data, put.len);
        if (cert_new_der(copy, NULL, &cert) == ERR_OK) {
            fail_msg("accepted: %s", cases[i].why);
        }
    }
    assert_null(cert);
    OPENSSL_free(der);
    arena_free(arena);
}

static void says_what_is_wrong(void **state)
{
    struct cert *cert = NULL;
    struct trail trail = {0};

    (void)state;
    assert_err(cert_new_pem(span_str("hello"), &trail, &cert), ERR_MALFORMED);
    assert_string_equal(trail.what, "holds no certificate in PEM form");
}

static void stores_bundles_without_duplicates(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(cert_store_free) struct cert_store *store = cert_store_new();
    struct span issuer = test_vector(arena, ca_issuer);
    struct span root = test_vector(arena, "boots/a-secureboot-healthy/ca_root.pem");
    struct trail trail = {0};
    char *bundle = arena_printf(arena, "issuer:\n%.*s\nroot:\n%.*s\nand again\n%.*s",
                                (int)issuer.len, (const char *)issuer.data, (int)root.len,
                                (const char *)root.data, (int)root.len, (const char *)root.data);
    char *broken = arena_printf(arena,
                                "%.*s-----BEGIN CERTIFICATE-----\nMAA=\n"
                                "-----END CERTIFICATE-----\n",
                                (int)issuer.len, (const char *)issuer.data);

    (void)state;
    assert_ok(cert_store_add_file(store, span_str(bundle), &trail));
    assert_int_equal(cert_store_count(store), 2);
    assert_ok(cert_store_add_file(store, test_vector(arena, ek_rsa), &trail));
    assert_int_equal(cert_store_count(store), 3);
    assert_non_null(cert_store_at(store, 2));
    assert_null(cert_store_at(store, 3));
    assert_err(cert_store_add_file(store, span_str("nothing"), &trail), ERR_MALFORMED);
    assert_ok(cert_store_add_file(
        store, span_str(arena_printf(arena, "0 certificates\n%s", bundle)), NULL));
    assert_int_equal(cert_store_count(store), 3);
    trail = (struct trail){0};
    assert_true(cert_store_add_file(store, span_str(broken), &trail) != ERR_OK);
    assert_string_equal(trail.where, "certificate[1]");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_cut_and_longer_certificates),
        cmocka_unit_test(cuts_nv_padding_and_searches_nothing),
        cmocka_unit_test(refuses_huge_certificates),
        cmocka_unit_test(reads_a_real_certificate),
        cmocka_unit_test(gives_no_common_name_when_in_doubt),
        cmocka_unit_test(reads_no_version_1),
        cmocka_unit_test(refuses_faults_that_ber_readers_let_pass),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(stores_bundles_without_duplicates),
    };

    return RUN_TESTS(tests);
}
