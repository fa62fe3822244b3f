/*
 * Paths of certificates made here: each fault alone.
 */
#include "unit/crypto/families.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static void accepts_a_plain_path(void **state)
{
    (void)state;
    check_family(NULL, NULL, NULL, ERR_OK, NULL);
}

/* */
static void refuses_issuers_that_are_no_ca(void **state)
{
    const struct recipe no_ca = {.subject = "middle",
                                 .extensions = {{"basicConstraints", "critical,CA:FALSE"}}};
    const struct recipe nothing = {.subject = "middle"};
    const struct recipe no_sign = {.subject = "middle",
                                   .extensions = {{"basicConstraints", "critical,CA:TRUE"},
                                                  {"keyUsage", "critical,digitalSignature"}}};
    const struct recipe root_no_ca = {.subject = "root",
                                      .extensions = {{"basicConstraints", "critical,CA:FALSE"}}};

    (void)state;
    check_family(NULL, &no_ca, NULL, ERR_UNTRUSTED, "CN=middle");
    check_family(NULL, &nothing, NULL, ERR_UNTRUSTED, "no CA");
    check_family(NULL, &no_sign, NULL, ERR_UNTRUSTED, "key usage");
    check_family(&root_no_ca, NULL, NULL, ERR_UNTRUSTED, "CN=root");
}

/* */
static void holds_path_lengths(void **state)
{
    const struct recipe zero = {.subject = "root",
                                .extensions = {{"basicConstraints", "critical,CA:TRUE,pathlen:0"}}};
    const struct recipe one = {.subject = "root",
                               .extensions = {{"basicConstraints", "critical,CA:TRUE,pathlen:1"}}};

    (void)state;
    check_family(&zero, NULL, NULL, ERR_UNTRUSTED, "path length");
    check_family(&one, NULL, NULL, ERR_OK, NULL);
}

/* no SHA-1, no MD5 on any link; what signs an anchor itself does not matter. */
static void refuses_weak_digests_on_links(void **state)
{
    const struct recipe sha1_root = {
        .subject = "root", .md = "SHA1", .extensions = {CA_EXTENSIONS}};
    const struct recipe sha1_middle = {
        .subject = "middle", .md = "SHA1", .extensions = {CA_EXTENSIONS}};
    const struct recipe sha1_leaf = {
        .subject = "leaf", .md = "SHA1", .extensions = {EK_EXTENSIONS}};
    const struct recipe rsa_middle = {
        .subject = "middle", .key = "RSA", .extensions = {CA_EXTENSIONS}};
    const struct recipe md5_leaf = {.subject = "leaf", .md = "MD5", .extensions = {EK_EXTENSIONS}};
    const struct recipe sha512_leaf = {
        .subject = "leaf", .md = "SHA512", .extensions = {EK_EXTENSIONS}};

    (void)state;
    check_family(&sha1_root, NULL, NULL, ERR_OK, NULL);
    check_family(NULL, &sha1_middle, NULL, ERR_UNSUPPORTED, "CN=middle");
    check_family(NULL, NULL, &sha1_leaf, ERR_UNSUPPORTED, "CN=leaf");
    check_family(NULL, &rsa_middle, &sha1_leaf, ERR_UNSUPPORTED, "1.2.840.113549.1.1.5");
    check_family(NULL, &rsa_middle, &md5_leaf, ERR_UNSUPPORTED, "CN=leaf");
    check_family(NULL, &rsa_middle, &sha512_leaf, ERR_OK, NULL);
}

/* X-3, AK-10: an EK certificate is none for an attestation key, and the other way round. */
static void holds_the_role_on_leaf_and_path(void **state)
{
    const struct recipe any = {.subject = "leaf",
                               .extensions = {{"extendedKeyUsage", "anyExtendedKeyUsage"}}};
    const struct recipe ak = {.subject = "leaf",
                              .extensions = {{"extendedKeyUsage", "2.23.133.8.3"}}};
    const struct recipe none = {.subject = "leaf"};
    const struct recipe both = {.subject = "leaf",
                                .extensions = {{"extendedKeyUsage", "2.23.133.8.3,2.23.133.8.1"}}};
    const struct recipe tls_middle = {
        .subject = "middle", .extensions = {CA_EXTENSIONS, {"extendedKeyUsage", "serverAuth"}}};
    const struct recipe ek_middle = {
        .subject = "middle", .extensions = {CA_EXTENSIONS, {"extendedKeyUsage", "2.23.133.8.1"}}};
    const struct recipe ca_leaf = {
        .subject = "leaf", .extensions = {CA_EXTENSIONS, {"extendedKeyUsage", "2.23.133.8.1"}}};

    (void)state;
    check_family(NULL, NULL, &any, ERR_MISMATCH, "2.23.133.8.1");
    check_family(NULL, NULL, &ak, ERR_MISMATCH, "2.23.133.8.1");
    check_family(NULL, NULL, &none, ERR_MISMATCH, "2.23.133.8.1");
    check_family(NULL, NULL, &both, ERR_OK, NULL);
    check_family(NULL, &tls_middle, NULL, ERR_MISMATCH, "another purpose");
    check_family(NULL, &ek_middle, NULL, ERR_OK, NULL);
    check_family(NULL, NULL, &ca_leaf, ERR_MISMATCH, "is a CA");
}

static void holds_the_role_of_attestation_keys(void **state)
{
    const struct recipe ak = {.subject = "leaf",
                              .extensions = {{"extendedKeyUsage", "2.23.133.8.3"},
                                             {"keyUsage", "critical,digitalSignature"}}};
    const struct recipe no_sign = {.subject = "leaf",
                                   .extensions = {{"extendedKeyUsage", "2.23.133.8.3"},
                                                  {"keyUsage", "critical,keyEncipherment"}}};
    const struct recipe *recipes[] = {&ak, &no_sign, NULL};
    const err_t wanted[] = {ERR_OK, ERR_MISMATCH, ERR_MISMATCH};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(recipes); i++) {
        struct family family = make_family(NULL, NULL, recipes[i]);

        assert_err(cert_verify(family.cert, family.between, family.anchors, CERT_ROLE_AK, MADE_NOW,
                               false, NULL),
                   wanted[i]);
        assert_ok(cert_verify(family.cert, family.between, family.anchors, CERT_ROLE_ANY, MADE_NOW,
                              false, NULL));
        family_done(&family);
    }
}

/* */
static void refuses_unknown_critical_extensions(void **state)
{
    const struct recipe leaf = {.subject = "leaf",
                                .extensions = {EK_EXTENSIONS, {"1.2.3.4.5", "critical,DER:0500"}}};
    const struct recipe harmless = {.subject = "leaf",
                                    .extensions = {EK_EXTENSIONS, {"1.2.3.4.5", "DER:0500"}}};
    const struct recipe middle = {
        .subject = "middle", .extensions = {CA_EXTENSIONS, {"1.2.3.4.5", "critical,DER:0500"}}};
    const struct recipe names = {
        .subject = "middle",
        .extensions = {CA_EXTENSIONS, {"nameConstraints", "critical,permitted;DNS:example.com"}}};
    const struct recipe policies = {
        .subject = "middle",
        .extensions = {CA_EXTENSIONS, {"certificatePolicies", "critical,DER:3007300506032a0304"}}};
    const struct recipe policy_constraints = {
        .subject = "middle",
        .extensions = {CA_EXTENSIONS, {"policyConstraints", "critical,DER:3003800100"}}};

    (void)state;
    check_family(NULL, NULL, &leaf, ERR_UNSUPPORTED, "1.2.3.4.5");
    check_family(NULL, NULL, &harmless, ERR_OK, NULL);
    check_family(NULL, &middle, NULL, ERR_UNSUPPORTED, "CN=middle");
    check_family(NULL, &names, NULL, ERR_UNSUPPORTED, "name constraints");
    check_family(NULL, &policies, NULL, ERR_OK, NULL);
    check_family(NULL, &policy_constraints, NULL, ERR_UNSUPPORTED, "2.5.29.36");
}

/* the one exception is a critical SAN that names a TPM, by all three attributes. */
static void takes_a_critical_san_only_when_it_names_a_tpm(void **state)
{
    /* SEQUENCE { [4] { Name { manufacturer, model, version } } }, then without the version */
    const struct recipe tpm = {
        .subject = "",
        .extensions = {EK_EXTENSIONS,
                       {"2.5.29.17",
                        "critical,DER:"
                        "3041a43f303d31163014060567810502010c0b69643a303030303130313431"
                        "10300e060567810502020c05737774706d3111300f060567810502030c0669"
                        "643a303031"}}};
    const struct recipe partly = {
        .subject = "",
        .extensions = {EK_EXTENSIONS,
                       {"2.5.29.17",
                        "critical,DER:"
                        "302ea42c302a31163014060567810502010c0b69643a303030303130313431"
                        "10300e060567810502020c05737774706d"}}};
    const struct recipe dns = {
        .subject = "leaf",
        .extensions = {EK_EXTENSIONS, {"subjectAltName", "critical,DNS:example.com"}}};

    (void)state;
    check_family(NULL, NULL, &tpm, ERR_OK, NULL);
    check_family(NULL, NULL, &partly, ERR_UNSUPPORTED, "names no TPM");
    check_family(NULL, NULL, &dns, ERR_UNSUPPORTED, "names no TPM");
}

/* */
static void judges_at_the_time_it_is_given(void **state)
{
    struct family family = make_family(NULL, NULL, NULL);
    static const struct {
        int64_t now;
        bool ignore_expiry;
        err_t want;
    } cases[] = {
        {MADE_FROM - 1, false, ERR_EXPIRED},
        {MADE_FROM, false, ERR_OK},
        {MADE_TO, false, ERR_OK},
        {MADE_TO + 1, false, ERR_EXPIRED},
        {MADE_TO + 1, true, ERR_OK},
        {MADE_FROM - 1, true, ERR_EXPIRED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_err(cert_verify(family.cert, family.between, family.anchors, CERT_ROLE_EK,
                               cases[i].now, cases[i].ignore_expiry, NULL),
                   cases[i].want);
    }
    family_done(&family);
}

static void judges_the_time_of_every_link(void **state)
{
    const struct recipe old_middle = {
        .subject = "middle", .to = MADE_NOW - 1, .extensions = {CA_EXTENSIONS}};
    const struct recipe old_root = {
        .subject = "root", .to = MADE_NOW - 1, .extensions = {CA_EXTENSIONS}};

    (void)state;
    check_family(NULL, &old_middle, NULL, ERR_EXPIRED, "CN=middle");
    check_family(&old_root, NULL, NULL, ERR_EXPIRED, "CN=root");
}

static void takes_any_certificate_of_the_path_as_anchor(void **state)
{
    struct family family = make_family(NULL, NULL, NULL);
    const struct made *anchors[] = {&family.root, &family.middle, &family.leaf};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(anchors); i++) {
        CLEANUP(cert_store_free) struct cert_store *store = cert_store_new();

        store_made(store, anchors[i]);
        assert_ok(
            cert_verify(family.cert, family.between, store, CERT_ROLE_EK, MADE_NOW, false, NULL));
        /* A pinned leaf still has a role and an end. */
        assert_err(
            cert_verify(family.cert, family.between, store, CERT_ROLE_AK, MADE_NOW, false, NULL),
            ERR_MISMATCH);
        assert_err(
            cert_verify(family.cert, family.between, store, CERT_ROLE_EK, MADE_TO + 1, false, NULL),
            ERR_EXPIRED);
    }
    family_done(&family);
}

/* A pinned leaf must not become an authority. */
static void an_anchor_that_is_no_ca_issues_nothing(void **state)
{
    CLEANUP(made_done)
    struct made leaf =
        make_cert(&(struct recipe){.subject = "leaf", .extensions = {EK_EXTENSIONS}});
    CLEANUP(made_done)
    struct made below = make_cert(
        &(struct recipe){.subject = "below", .issuer = &leaf, .extensions = {EK_EXTENSIONS}});
    CLEANUP(cert_store_free) struct cert_store *anchors = cert_store_new();
    CLEANUP(cert_free) struct cert *cert = made_cert(&below);

    (void)state;
    store_made(anchors, &leaf);
    assert_err(cert_verify(cert, NULL, anchors, CERT_ROLE_EK, MADE_NOW, false, NULL),
               ERR_UNTRUSTED);
}

/* Two authorities of one name must not hide each other, whichever comes first, with key
 * identifiers and without. */
static void tells_authorities_of_the_same_name_apart(void **state)
{
    (void)state;
    for (int with_ids = 0; with_ids < 2; with_ids++) {
        struct recipe ca = {.subject = "CA",
                            .extensions = {{"basicConstraints", "critical,CA:TRUE"}}};
        struct made one;
        struct made two;
        struct made leaf;

        if (with_ids) {
            ca.extensions[1][0] = "subjectKeyIdentifier";
            ca.extensions[1][1] = "hash";
        }
        one = make_cert(&ca);
        two = make_cert(&ca);
        leaf = make_cert(&(struct recipe){
            .subject = "leaf",
            .issuer = &two,
            .extensions = {EK_EXTENSIONS,
                           {"authorityKeyIdentifier", with_ids ? "keyid" : "issuer"}}});
        for (int order = 0; order < 3; order++) {
            CLEANUP(cert_store_free) struct cert_store *anchors = cert_store_new();
            CLEANUP(cert_free) struct cert *cert = made_cert(&leaf);

            store_made(anchors, order == 0 ? &one : &two);
            if (order < 2) {
                store_made(anchors, order == 0 ? &two : &one);
            }
            assert_ok(cert_verify(cert, NULL, anchors, CERT_ROLE_EK, MADE_NOW, false, NULL));
        }
        {
            CLEANUP(cert_store_free) struct cert_store *anchors = cert_store_new();
            CLEANUP(cert_free) struct cert *cert = made_cert(&leaf);

            store_made(anchors, &one);
            assert_err(cert_verify(cert, NULL, anchors, CERT_ROLE_EK, MADE_NOW, false, NULL),
                       ERR_UNTRUSTED);
        }
        made_done(&one);
        made_done(&two);
        made_done(&leaf);
    }
}

/* An expired cross certificate beside a good one of the same authority. */
static void goes_round_a_dead_end(void **state)
{
    CLEANUP(made_done)
    struct made root =
        make_cert(&(struct recipe){.subject = "root", .extensions = {CA_EXTENSIONS}});
    CLEANUP(made_done)
    struct made old = make_cert(&(struct recipe){
        .subject = "middle", .issuer = &root, .to = MADE_NOW - 1, .extensions = {CA_EXTENSIONS}});
    struct made fresh = {.x = X509_dup(old.x), .key = old.key};
    CLEANUP(made_done)
    struct made leaf = make_cert(
        &(struct recipe){.subject = "leaf", .issuer = &old, .extensions = {EK_EXTENSIONS}});
    CLEANUP(cert_store_free) struct cert_store *anchors = cert_store_new();
    CLEANUP(cert_store_free) struct cert_store *between = cert_store_new();
    CLEANUP(cert_free) struct cert *cert = made_cert(&leaf);

    (void)state;
    ASN1_TIME_set(X509_getm_notAfter(fresh.x), MADE_TO);
    assert_true(X509_sign(fresh.x, root.key, EVP_sha256()) > 0);
    store_made(anchors, &root);
    store_made(between, &old);
    assert_err(cert_verify(cert, between, anchors, CERT_ROLE_EK, MADE_NOW, false, NULL),
               ERR_EXPIRED);
    store_made(between, &fresh);
    assert_ok(cert_verify(cert, between, anchors, CERT_ROLE_EK, MADE_NOW, false, NULL));
    X509_free(fresh.x);
}

/* */
static void loops_and_long_paths_end(void **state)
{
    enum { LENGTH = CERT_MAX_INTERMEDIATES + 2 };
    struct made chain[LENGTH + 1];
    CLEANUP(cert_store_free) struct cert_store *anchors = cert_store_new();
    CLEANUP(cert_store_free) struct cert_store *between = cert_store_new();
    struct cert *cert;

    (void)state;
    for (size_t i = 0; i <= LENGTH; i++) {
        char name[16];

        snprintf(name, sizeof(name), "ca %zu", i);
        chain[i] = make_cert(&(struct recipe){.subject = name,
                                              .issuer = i == 0 ? NULL : &chain[i - 1],
                                              .extensions = {CA_EXTENSIONS}});
        if (i > 0) {
            store_made(between, &chain[i]);
        }
    }
    store_made(anchors, &chain[0]);
    /* As many intermediates as allowed, then one more. */
    cert = made_cert(&chain[CERT_MAX_INTERMEDIATES + 1]);
    assert_ok(cert_verify(cert, between, anchors, CERT_ROLE_ANY, MADE_NOW, false, NULL));
    cert_free(cert);
    cert = made_cert(&chain[CERT_MAX_INTERMEDIATES + 2]);
    assert_err(cert_verify(cert, between, anchors, CERT_ROLE_ANY, MADE_NOW, false, NULL),
               ERR_UNTRUSTED);
    cert_free(cert);
    for (size_t i = 0; i <= LENGTH; i++) {
        made_done(&chain[i]);
    }
}

/* cross-signed in a circle, and a crowd of namesakes. */
static void circles_and_crowds_end(void **state)
{
    struct made crowd[60];
    CLEANUP(cert_store_free) struct cert_store *anchors = cert_store_new();
    CLEANUP(cert_store_free) struct cert_store *between = cert_store_new();
    CLEANUP(made_done)
    struct made stranger =
        make_cert(&(struct recipe){.subject = "same", .extensions = {CA_EXTENSIONS}});
    CLEANUP(made_done)
    struct made leaf = make_cert(
        &(struct recipe){.subject = "leaf", .issuer = &stranger, .extensions = {EK_EXTENSIONS}});
    CLEANUP(cert_free) struct cert *cert = made_cert(&leaf);
    struct trail trail = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(crowd); i++) {
        crowd[i] =
            make_cert(&(struct recipe){.subject = "same",
                                       .issuer = i == 0 ? NULL : &crowd[i - 1],
                                       .extensions = {{"basicConstraints", "critical,CA:TRUE"}}});
        store_made(between, &crowd[i]);
    }
    assert_err(cert_verify(cert, between, anchors, CERT_ROLE_EK, MADE_NOW, false, &trail),
               ERR_TOO_MANY);
    cert_store_free(between);
    between = cert_store_new();
    store_made(between, &crowd[0]);
    store_made(between, &crowd[1]);
    {
        CLEANUP(cert_free) struct cert *circular = made_cert(&crowd[2]);

        assert_err(cert_verify(circular, between, anchors, CERT_ROLE_ANY, MADE_NOW, false, NULL),
                   ERR_UNTRUSTED);
    }
    for (size_t i = 0; i < ARRAY_LEN(crowd); i++) {
        made_done(&crowd[i]);
    }
}

static void nothing_is_trusted_by_an_empty_store(void **state)
{
    struct family family = make_family(NULL, NULL, NULL);
    CLEANUP(cert_store_free) struct cert_store *empty = cert_store_new();
    struct trail trail = {0};

    (void)state;
    assert_err(
        cert_verify(family.cert, family.between, empty, CERT_ROLE_EK, MADE_NOW, false, &trail),
        ERR_UNTRUSTED);
    assert_non_null(strstr(trail.what, "CN=leaf"));
    family_done(&family);
}

/* an address inside a certificate is not visited, not even for a missing issuer. */
static void visits_no_address_of_a_certificate(void **state)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    char aia[64];
    char crl[64];
    struct recipe leaf = {.subject = "leaf", .extensions = {EK_EXTENSIONS}};
    CLEANUP(cert_store_free) struct cert_store *empty = cert_store_new();
    struct family family;

    (void)state;
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 4), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    snprintf(aia, sizeof(aia), "caIssuers;URI:http://127.0.0.1:%u/ca",
             (unsigned)ntohs(address.sin_port));
    snprintf(crl, sizeof(crl), "URI:http://127.0.0.1:%u/crl", (unsigned)ntohs(address.sin_port));
    leaf.extensions[3][0] = "authorityInfoAccess";
    leaf.extensions[3][1] = aia;
    leaf.extensions[4][0] = "crlDistributionPoints";
    leaf.extensions[4][1] = crl;
    family = make_family(NULL, NULL, &leaf);
    assert_err(cert_verify(family.cert, empty, family.anchors, CERT_ROLE_EK, MADE_NOW, false, NULL),
               ERR_UNTRUSTED);
    assert_ok(cert_verify(family.cert, family.between, family.anchors, CERT_ROLE_EK, MADE_NOW,
                          false, NULL));
    assert_int_equal(accept(listener, NULL, NULL), -1);
    assert_int_equal(errno, EAGAIN);
    family_done(&family);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_a_plain_path),
        cmocka_unit_test(refuses_issuers_that_are_no_ca),
        cmocka_unit_test(holds_path_lengths),
        cmocka_unit_test(refuses_weak_digests_on_links),
        cmocka_unit_test(holds_the_role_on_leaf_and_path),
        cmocka_unit_test(holds_the_role_of_attestation_keys),
        cmocka_unit_test(refuses_unknown_critical_extensions),
        cmocka_unit_test(takes_a_critical_san_only_when_it_names_a_tpm),
        cmocka_unit_test(judges_at_the_time_it_is_given),
        cmocka_unit_test(judges_the_time_of_every_link),
        cmocka_unit_test(takes_any_certificate_of_the_path_as_anchor),
        cmocka_unit_test(an_anchor_that_is_no_ca_issues_nothing),
        cmocka_unit_test(tells_authorities_of_the_same_name_apart),
        cmocka_unit_test(goes_round_a_dead_end),
        cmocka_unit_test(loops_and_long_paths_end),
        cmocka_unit_test(circles_and_crowds_end),
        cmocka_unit_test(nothing_is_trusted_by_an_empty_store),
        cmocka_unit_test(visits_no_address_of_a_certificate),
    };

    return RUN_TESTS(tests);
}
