/*
 * Paths: recorded certificates, and made and public ones where OpenSSL's own path validation is the
 * referee.
 */
#include "base/file.h"
#include "unit/crypto/families.h"

static const char boot[] = "boots/a-secureboot-healthy";
enum { BOOT_TIME = 1795400000 };

/* The referee: is there a path from the leaf to an anchor? Takes the anchors and the certificates
 * between. */
static bool openssl_accepts(X509_STORE *anchors, X509 *leaf, STACK_OF(X509) * between, int64_t now)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    bool is_ok;

    X509_STORE_CTX_init(ctx, anchors, leaf, between);
    X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
    X509_STORE_CTX_set_time(ctx, 0, (time_t)now);
    is_ok = X509_verify_cert(ctx) == 1;
    X509_STORE_CTX_free(ctx);
    sk_X509_free(between);
    X509_STORE_free(anchors);
    return is_ok;
}

static bool family_pleases_openssl(const struct family *family, int64_t now)
{
    X509_STORE *anchors = X509_STORE_new();
    STACK_OF(X509) *between = sk_X509_new_null();

    X509_STORE_add_cert(anchors, family->root.x);
    sk_X509_push(between, family->middle.x);
    return openssl_accepts(anchors, family->leaf.x, between, now);
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

static bool corpus_pleases_openssl(const struct corpus *corpus, size_t leaf, int64_t now)
{
    X509_STORE *anchors = X509_STORE_new();
    STACK_OF(X509) *between = sk_X509_new_null();

    for (size_t i = 0; i < corpus->count; i++) {
        if (cert_is_self_issued(corpus->certs[i])) {
            X509_STORE_add_cert(anchors, corpus->xs[i]);
        } else {
            sk_X509_push(between, corpus->xs[i]);
        }
    }
    return openssl_accepts(anchors, corpus->xs[leaf], between, now);
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
        bool theirs = corpus_pleases_openssl(&corpus, i, NOW);

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
        cmocka_unit_test(accepts_no_more_than_openssl),
        cmocka_unit_test(accepts_the_recorded_ek_certificates),
        cmocka_unit_test(refuses_the_recorded_foreign_ca),
        cmocka_unit_test(a_flipped_byte_never_verifies),
        cmocka_unit_test(agrees_with_openssl_on_vendor_paths),
        cmocka_unit_test(a_clouds_keys_need_the_clouds_root),
    };

    return RUN_TESTS(tests);
}
