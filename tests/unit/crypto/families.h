/*
 * families.h - for tests: three certificates that issued each other, each as its recipe says.
 */
#ifndef TESTS_CRYPTO_FAMILIES_H
#define TESTS_CRYPTO_FAMILIES_H

#include "unit/crypto/maker.h"

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

static inline struct family make_family(const struct recipe *root, const struct recipe *middle,
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

static inline void family_done(struct family *family)
{
    made_done(&family->root);
    made_done(&family->middle);
    made_done(&family->leaf);
    cert_store_free(family->anchors);
    cert_store_free(family->between);
    cert_free(family->cert);
}

static inline void check_family(const struct recipe *root, const struct recipe *middle,
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

#endif
