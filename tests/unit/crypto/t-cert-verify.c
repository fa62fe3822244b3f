/*
 * Paths: made faults first, then recorded certificates, then public vendor authorities, where
 * OpenSSL's own path validation is the referee.
 */
#include "base/file.h"
#include "unit/crypto/maker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static const char boot[] = "boots/a-secureboot-healthy";
enum { BOOT_TIME = 1795400000 };

#define CA_EXTENSIONS                                                                              \
    {"basicConstraints", "critical,CA:TRUE"}, {"keyUsage", "critical,keyCertSign"},                \
    {                                                                                              \
        "subjectKeyIdentifier", "hash"                                                             \
    }
#define EK_EXTENSIONS                                                                              \
    {"basicConstraints", "critical,CA:FALSE"}, {"extendedKeyUsage", "2.23.133.8.1"},               \
    {                                                                                              \
        "keyUsage", "critical,keyEncipherment"                                                     \
    }

/* root -> middle -> leaf, each as its recipe says. */
struct family {
    struct made root, middle, leaf;
    struct cert_store *anchors, *between;
    struct cert *cert;
};

static struct family make_family(const struct recipe *root, const struct recipe *middle,
                                 const struct recipe *leaf)
{
    static const struct recipe plain_root = {.subject = "root", .extensions = {CA_EXTENSIONS}};
    static const struct recipe plain_middle = {.subject = "middle", .extensions = {CA_EXTENSIONS}};
    static const struct recipe plain_leaf = {.subject = "leaf", .extensions = {EK_EXTENSIONS}};
    struct family family = {0};
    struct recipe copy = root == NULL ? plain_root : *root;

    family.root = make_cert(&copy);
    copy = middle == NULL ? plain_middle : *middle;
    copy.issuer = &family.root;
    family.middle = make_cert(&copy);
    copy = leaf == NULL ? plain_leaf : *leaf;
    copy.issuer = &family.middle;
    family.leaf = make_cert(&copy);
    family.anchors = cert_store_new();
    family.between = cert_store_new();
    store_made(family.anchors, &family.root);
    store_made(family.between, &family.middle);
    family.cert = made_cert(&family.leaf);
    return family;
}

static void family_done(struct family *family)
{
    made_done(&family->root);
    made_done(&family->middle);
    made_done(&family->leaf);
    cert_store_free(family->anchors);
    cert_store_free(family->between);
    cert_free(family->cert);
}

static void check_family(const struct recipe *root, const struct recipe *middle,
                         const struct recipe *leaf, err_t want, const char *words)
{
    struct family family = make_family(root, middle, leaf);
    struct trail trail = {0};
    err_t got = cert_verify(family.cert, family.between, family.anchors, CERT_ROLE_EK, MADE_NOW,
                            false, &trail);

    if (got != want || (words != NULL && strstr(trail.what, words) == NULL)) {
        fail_msg("got %s '%s', wanted %s '%s'", err_name(got), trail.what, err_name(want),
                 words == NULL ? "" : words);
    }
    family_done(&family);
}

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

static bool family_pleases_openssl(const struct family *family, int64_t now)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *between = sk_X509_new_null();
    bool is_ok;

    X509_STORE_add_cert(store, family->root.x);
    sk_X509_push(between, family->middle.x);
    X509_STORE_CTX_init(ctx, store, family->leaf.x, between);
    X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
    X509_STORE_CTX_set_time(ctx, 0, (time_t)now);
    is_ok = X509_verify_cert(ctx) == 1;
    sk_X509_free(between);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return is_ok;
}

/* Families put together at random: what we accept, OpenSSL accepts, and most of the rest too. */
static void accepts_no_more_than_openssl(void **state)
{
    static const char *const extensions[][2] = {
        {"basicConstraints", "critical,CA:TRUE"},
        {"basicConstraints", "critical,CA:FALSE"},
        {"basicConstraints", "CA:TRUE,pathlen:0"},
        {"keyUsage", "critical,keyCertSign"},
        {"keyUsage", "digitalSignature"},
        {"subjectKeyIdentifier", "hash"},
        {"subjectKeyIdentifier", "00112233"},
        {"authorityKeyIdentifier", "keyid"},
        {"authorityKeyIdentifier", "issuer"},
        {"authorityKeyIdentifier", "keyid,issuer"},
        {"nameConstraints", "permitted;DNS:example.com"},
        {"1.2.3.4", "critical,DER:0500"},
        {"1.2.3.5", "DER:0500"},
        {"extendedKeyUsage", "2.23.133.8.1"},
    };
    static const char *const names[] = {"root", "middle", "leaf"};
    uint32_t random = 20261122;
    size_t ours = 0;
    size_t theirs = 0;

    (void)state;
    for (int round = 0; round < 600; round++) {
        struct recipe recipes[3] = {{0}};
        struct family family;

        for (size_t i = 0; i < 3; i++) {
            size_t count = 0;

            recipes[i].subject = names[i];
            random = random * 1664525 + 1013904223;
            recipes[i].to = random >> 28 == 0 ? MADE_NOW - 1 : MADE_TO;
            recipes[i].md = random >> 24 == 3 ? "SHA1" : "SHA256";
            if (i < 2 && (random >> 20 & 15) != 0) {
                recipes[i].extensions[0][0] = extensions[0][0];
                recipes[i].extensions[0][1] = extensions[0][1];
                count = 1;
            }
            for (unsigned k = 0; k < 3; k++) {
                size_t pick;
                bool is_there = false;

                random = random * 1664525 + 1013904223;
                pick = (random >> 16) % (2 * ARRAY_LEN(extensions));
                if (pick >= ARRAY_LEN(extensions) ||
                    (i == 0 && strcmp(extensions[pick][0], "authorityKeyIdentifier") == 0)) {
                    continue;
                }
                for (size_t e = 0; e < count; e++) {
                    is_there =
                        is_there || strcmp(recipes[i].extensions[e][0], extensions[pick][0]) == 0;
                }
                /* keyid needs an issuer that has one */
                if (!is_there && strncmp(extensions[pick][1], "keyid", 5) != 0) {
                    recipes[i].extensions[count][0] = extensions[pick][0];
                    recipes[i].extensions[count++][1] = extensions[pick][1];
                }
            }
        }
        family = make_family(&recipes[0], &recipes[1], &recipes[2]);
        {
            bool mine = cert_verify(family.cert, family.between, family.anchors, CERT_ROLE_ANY,
                                    MADE_NOW, false, NULL) == ERR_OK;
            bool other = family_pleases_openssl(&family, MADE_NOW);

            assert_false(mine && !other);
            ours += mine;
            theirs += other;
        }
        family_done(&family);
    }
    printf("accepted here %zu, by OpenSSL %zu of 600\n", ours, theirs);
    assert_true(ours > 50);
}

static struct cert_store *pem_store(struct arena *arena, const char *folder, const char *name)
{
    struct cert_store *store = cert_store_new();

    assert_ok(cert_store_add_file(
        store, test_vector(arena, arena_printf(arena, "%s/%s", folder, name)), NULL));
    return store;
}

static void accepts_the_recorded_ek_certificates(void **state)
{
    static const char *const names[] = {"ek_rsa_cert.der", "ek_ecc_cert.der"};
    struct arena *arena = test_arena();
    CLEANUP(cert_store_free) struct cert_store *root = pem_store(arena, boot, "ca_root.pem");
    CLEANUP(cert_store_free) struct cert_store *issuer = pem_store(arena, boot, "ca_issuer.pem");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP(cert_free) struct cert *cert = NULL;

        assert_ok(cert_new_nv(test_vector(arena, arena_printf(arena, "%s/%s", boot, names[i])),
                              NULL, &cert));
        assert_ok(cert_verify(cert, issuer, root, CERT_ROLE_EK, BOOT_TIME, false, NULL));
        assert_ok(cert_verify(cert, NULL, issuer, CERT_ROLE_EK, BOOT_TIME, false, NULL));
        assert_err(cert_verify(cert, NULL, root, CERT_ROLE_EK, BOOT_TIME, false, NULL),
                   ERR_UNTRUSTED);
        assert_err(cert_verify(cert, issuer, root, CERT_ROLE_AK, BOOT_TIME, false, NULL),
                   ERR_MISMATCH);
        assert_err(cert_verify(cert, issuer, root, CERT_ROLE_EK, 1600000000, false, NULL),
                   ERR_EXPIRED);
    }
    arena_free(arena);
}

/* a genuine EK under a CA that has the right name and the wrong key. */
static void refuses_the_recorded_foreign_ca(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(cert_store_free) struct cert_store *root = pem_store(arena, boot, "ca_root.pem");
    CLEANUP(cert_store_free) struct cert_store *issuer = pem_store(arena, boot, "ca_issuer.pem");
    CLEANUP(cert_store_free)
    struct cert_store *sent = pem_store(arena, "boots/j-ek-foreign-ca", "ca_issuer.pem");
    CLEANUP(cert_free) struct cert *cert = NULL;
    struct trail trail = {0};

    (void)state;
    assert_ok(
        cert_new_der(test_vector(arena, "boots/j-ek-foreign-ca/ek_rsa_cert.der"), NULL, &cert));
    assert_err(cert_verify(cert, sent, root, CERT_ROLE_EK, BOOT_TIME, false, &trail),
               ERR_UNTRUSTED);
    assert_non_null(strstr(trail.what, "CN=swtpm-localca"));
    assert_err(cert_verify(cert, NULL, issuer, CERT_ROLE_EK, BOOT_TIME, false, NULL),
               ERR_UNTRUSTED);
    arena_free(arena);
}

/* No certificate with one byte changed is ever accepted. */
static void a_flipped_byte_never_verifies(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(cert_store_free) struct cert_store *issuer = pem_store(arena, boot, "ca_issuer.pem");
    struct family family = make_family(NULL, NULL, NULL);
    CLEANUP(cert_store_free) struct cert_store *middle = cert_store_new();
    struct span real =
        arena_dup(arena, test_vector(arena, "boots/a-secureboot-healthy/ek_ecc_cert.der"));
    struct span made = arena_dup(arena, cert_der(family.cert));

    (void)state;
    store_made(middle, &family.middle);
    for (int which = 0; which < 2; which++) {
        struct span der = which == 0 ? real : made;

        for (size_t at = 0; at < der.len; at++) {
            uint8_t *byte = (uint8_t *)(uintptr_t)der.data + at;
            CLEANUP(cert_free) struct cert *cert = NULL;

            *byte ^= (uint8_t)(1u << at % 8);
            if (cert_new_der(der, NULL, &cert) == ERR_OK) {
                assert_true(cert_verify(cert, NULL, which == 0 ? issuer : middle, CERT_ROLE_EK,
                                        which == 0 ? BOOT_TIME : MADE_NOW, false, NULL) != ERR_OK);
            }
            *byte ^= (uint8_t)(1u << at % 8);
        }
    }
    family_done(&family);
    arena_free(arena);
}

/* ---- public vendor certificates; OpenSSL is the referee ---- */

struct corpus {
    struct arena *arena;
    const char **names;
    struct cert *certs[64];
    X509 *xs[64];
    size_t count;
};

static void corpus_read(struct corpus *corpus)
{
    const char *folder = test_public_data();

    corpus->arena = test_arena();
    assert_ok(file_list(corpus->arena, arena_printf(corpus->arena, "%s/eventlogs/certs", folder),
                        NULL, &corpus->names));
    for (size_t i = 0; corpus->names[i] != NULL && corpus->count < 64; i++) {
        struct span bytes = test_public_file(
            corpus->arena, arena_printf(corpus->arena, "eventlogs/certs/%s", corpus->names[i]));
        struct cert *cert = NULL;
        bool is_pem = memmem(bytes.data, bytes.len, "-----BEGIN", 10) != NULL;
        struct trail trail = {0};
        err_t err = is_pem ? cert_new_pem(bytes, &trail, &cert) : cert_new_nv(bytes, &trail, &cert);

        if (err) {
            /* Attribute certificates and one without its first bytes are no X.509 certificates. */
            printf("%-55s not read: %s\n", corpus->names[i], trail.what);
            assert_false(span_starts(span_str(corpus->names[i]), "ca-"));
            continue;
        }
        {
            const unsigned char *at = cert_der(cert).data;

            corpus->xs[corpus->count] = d2i_X509(NULL, &at, (long)cert_der(cert).len);
            assert_non_null(corpus->xs[corpus->count]);
        }
        corpus->names[corpus->count] = corpus->names[i];
        corpus->certs[corpus->count++] = cert;
    }
}

static void corpus_done(struct corpus *corpus)
{
    for (size_t i = 0; i < corpus->count; i++) {
        cert_free(corpus->certs[i]);
        X509_free(corpus->xs[i]);
    }
    arena_free(corpus->arena);
}

static bool openssl_accepts(const struct corpus *corpus, size_t leaf, int64_t now)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *between = sk_X509_new_null();
    bool is_ok;

    for (size_t i = 0; i < corpus->count; i++) {
        if (cert_is_self_issued(corpus->certs[i])) {
            X509_STORE_add_cert(store, corpus->xs[i]);
        } else {
            sk_X509_push(between, corpus->xs[i]);
        }
    }
    X509_STORE_CTX_init(ctx, store, corpus->xs[leaf], between);
    X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
    X509_STORE_CTX_set_time(ctx, 0, (time_t)now);
    is_ok = X509_verify_cert(ctx) == 1;
    sk_X509_free(between);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return is_ok;
}

static void agrees_with_openssl_on_vendor_paths(void **state)
{
    test_needs_public_data();

    enum { NOW = 1672000000 }; /* December 2022: most are valid */
    struct corpus corpus = {0};
    CLEANUP(cert_store_free) struct cert_store *anchors = cert_store_new();
    CLEANUP(cert_store_free) struct cert_store *between = cert_store_new();
    size_t accepted = 0;

    (void)state;
    corpus_read(&corpus);
    for (size_t i = 0; i < corpus.count; i++) {
        assert_ok(cert_store_add(cert_is_self_issued(corpus.certs[i]) ? anchors : between,
                                 corpus.certs[i]));
    }
    for (size_t i = 0; i < corpus.count; i++) {
        struct trail trail = {0};
        err_t err =
            cert_verify(corpus.certs[i], between, anchors, CERT_ROLE_ANY, NOW, false, &trail);
        bool theirs = openssl_accepts(&corpus, i, NOW);

        if (err == ERR_OK && !theirs) {
            fail_msg("%s: accepted here, not by OpenSSL", corpus.names[i]);
        }
        /* What we refuse and OpenSSL does not, we refuse for a reason of our own. */
        if (err != ERR_OK && theirs && err != ERR_UNSUPPORTED) {
            fail_msg("%s: %s", corpus.names[i], trail.what);
        }
        if (err != ERR_OK) {
            printf("%-55s %s\n", corpus.names[i], trail.what);
        }
        accepted += err == ERR_OK;
    }
    printf("%zu of %zu vendor certificates lead to a root\n", accepted, corpus.count);
    assert_true(accepted >= 30);
    corpus_done(&corpus);
}

/* roots of vendors validate no keys of a cloud. */
static void a_clouds_keys_need_the_clouds_root(void **state)
{
    test_needs_public_data();

    enum { NOW = 1672000000 };
    struct corpus corpus = {0};
    CLEANUP(cert_store_free) struct cert_store *vendors = cert_store_new();
    CLEANUP(cert_store_free) struct cert_store *cloud = cert_store_new();
    CLEANUP(cert_store_free) struct cert_store *between = cert_store_new();
    const struct cert *leaf = NULL;

    (void)state;
    corpus_read(&corpus);
    for (size_t i = 0; i < corpus.count; i++) {
        struct span name = span_str(corpus.names[i]);

        if (span_is(name, "go-tpm-tools-uca_tpm_rsa_enc_cert.pem")) {
            leaf = corpus.certs[i];
        } else if (span_starts(name, "ca-")) {
            assert_ok(cert_store_add(vendors, corpus.certs[i]));
        } else if (span_is(name, "go-tpm-tools-tpm_ek_root_1.cer")) {
            assert_ok(cert_store_add(cloud, corpus.certs[i]));
        } else if (span_starts(name, "go-tpm-tools-tpm_ek_intermediate")) {
            assert_ok(cert_store_add(between, corpus.certs[i]));
        }
    }
    assert_non_null(leaf);
    assert_ok(cert_verify(leaf, between, cloud, CERT_ROLE_EK, NOW, false, NULL));
    assert_err(cert_verify(leaf, between, vendors, CERT_ROLE_EK, NOW, false, NULL), ERR_UNTRUSTED);
    assert_err(cert_verify(leaf, between, cloud, CERT_ROLE_AK, NOW, false, NULL), ERR_MISMATCH);
    corpus_done(&corpus);
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
        cmocka_unit_test(accepts_no_more_than_openssl),
        cmocka_unit_test(accepts_the_recorded_ek_certificates),
        cmocka_unit_test(refuses_the_recorded_foreign_ca),
        cmocka_unit_test(a_flipped_byte_never_verifies),
        cmocka_unit_test(agrees_with_openssl_on_vendor_paths),
        cmocka_unit_test(a_clouds_keys_need_the_clouds_root),
    };

    return RUN_TESTS(tests);
}
