/*
 * cert-verify.c - paths from a certificate to a pinned anchor (RFC 5280, 6.1; rules ).
 *
 * Who may send the certificates: any guest. The search is depth first over issuers of the same
 * name whose key identifiers agree; a candidate counts only when its key really made the
 * signature, so two authorities of the same name do not hide each other. What bounds it: the
 * length of a path and the number of signatures checked in all.
 *
 * Nothing here knows name constraints or policy mapping: a certificate that carries them is
 * refused rather than half understood.
 */
#include "crypto/cert-internal.h"

#include <stdio.h>

enum { CERT_MAX_SIGNATURES = 32 };

#define EKU_EK "2.23.133.8.1"
#define EKU_AK "2.23.133.8.3"

struct search {
    const struct cert_store *intermediates;
    const struct cert_store *anchors;
    const char *eku; /* NULL: none demanded */
    int64_t now;
    bool ignore_expiry;
    unsigned signatures; /* checked so far */
    const struct cert *path[CERT_MAX_INTERMEDIATES + 2];
    size_t length;
    err_t fault; /* the first one met on the way */
    struct trail words;
};

/* Keeps the first fault: it is the one nearest to the leaf. */
static err_t fault(struct search *search, err_t err, const struct cert *cert, const char *what)
{
    char name[CERT_NAME_TEXT_SIZE];

    if (search->fault == ERR_OK) {
        search->fault = err;
        cert_name_text(cert->subject, name, sizeof(name));
        trail_set(&search->words, err, "certificate '%s' %s", name, what);
    }
    return err;
}

/* RFC 5280 4.1.2.4, 4.2.1.1: who claims to be the issuer, before any signature is checked. */
static bool may_be_issuer(const struct cert *issuer, const struct cert *child)
{
    if (!span_equal(issuer->subject, child->issuer)) {
        return false;
    }
    if (child->aki_key.len > 0 && issuer->ski.len > 0 && !span_equal(child->aki_key, issuer->ski)) {
        return false;
    }
    if (child->aki_serial.len > 0) {
        struct span serial = child->aki_serial;

        serial = serial.len > 1 && serial.data[0] == 0 ? span_cut(serial, 1, serial.len) : serial;
        return span_equal(serial, issuer->serial);
    }
    return true;
}

/* ECDSA-Sig-Value (RFC 3279, 2.2.3) to r || s. */
static err_t ecdsa_raw(struct span der, size_t size, uint8_t out[2 * EC_MAX_BYTES])
{
    struct reader r = reader_on(der);
    struct span body = {0};
    struct span pair[2] = {{0}, {0}};
    err_t err = der_take(&r, DER_SEQUENCE, &body);

    err = err ? err : reader_end(&r);
    r = reader_on(body);
    err = err ? err : der_take_unsigned(&r, &pair[0]);
    err = err ? err : der_take_unsigned(&r, &pair[1]);
    err = err ? err : reader_end(&r);
    memset(out, 0, (size_t)2 * EC_MAX_BYTES);
    for (size_t i = 0; i < 2 && err == ERR_OK; i++) {
        if (pair[i].len > size) {
            return ERR_SIGNATURE;
        }
        memcpy(out + (i + 1) * size - pair[i].len, pair[i].data, pair[i].len);
    }
    return err;
}

static err_t check_signature(const struct cert *issuer, const struct cert *child)
{
    uint8_t raw[2 * EC_MAX_BYTES];
    struct span sig = child->signature;

    if (child->scheme == SIG_ECDSA) {
        size_t size = curve_bytes(issuer->key->curve);
        err_t err = ecdsa_raw(child->signature, size, raw);

        if (err) {
            return ERR_SIGNATURE;
        }
        sig = span_of(raw, 2 * size);
    }
    return pubkey_verify(issuer->key, child->scheme, child->hash, child->tbs, sig);
}

static err_t check_time(struct search *search, const struct cert *cert)
{
    if (search->now < cert->not_before) {
        return fault(search, ERR_EXPIRED, cert, "is not valid yet");
    }
    if (search->now > cert->not_after && !search->ignore_expiry) {
        return fault(search, ERR_EXPIRED, cert, "has expired");
    }
    return ERR_OK;
}

/* X-4, for every certificate of the path. */
static err_t check_extensions(struct search *search, const struct cert *cert)
{
    char oid[64];
    char words[128];

    if (cert->unknown_critical.data != NULL) {
        oid_text(cert->unknown_critical, oid, sizeof(oid));
        snprintf(words, sizeof(words), "has the unknown critical extension %s", oid);
        return fault(search, ERR_UNSUPPORTED, cert, words);
    }
    if (cert->san_is_critical && !cert->san_names_tpm) {
        return fault(search, ERR_UNSUPPORTED, cert,
                     "has a critical subject alternative name that names no TPM");
    }
    if (cert->has_name_constraints) {
        return fault(search, ERR_UNSUPPORTED, cert, "has name constraints");
    }
    return ERR_OK;
}

/* for a certificate that issues. Those between it and the leaf are path[1..]. */
static err_t check_issuer(struct search *search, const struct cert *issuer)
{
    size_t below = 0;
    err_t err;

    if (!issuer->is_ca) {
        return fault(search, ERR_UNTRUSTED, issuer, "issued another one but is no CA");
    }
    if (issuer->has_key_usage && (issuer->key_usage & KEY_USAGE_CERT_SIGN) == 0) {
        return fault(search, ERR_UNTRUSTED, issuer, "may not sign certificates (key usage)");
    }
    for (size_t i = 1; i < search->length; i++) {
        below += cert_is_self_issued(search->path[i]) ? 0 : 1;
    }
    if (issuer->has_path_len && below > issuer->path_len) {
        return fault(search, ERR_UNTRUSTED, issuer, "allows fewer CAs below it (path length)");
    }
    if (search->eku != NULL && issuer->has_eku && !cert_has_eku(issuer, search->eku)) {
        return fault(search, ERR_MISMATCH, issuer, "is a CA for another purpose");
    }
    err = check_extensions(search, issuer);
    return err ? err : check_time(search, issuer);
}

/* Did issuer issue the last one of the path, and was it allowed to? */
static err_t check_link(struct search *search, const struct cert *issuer)
{
    const struct cert *child = search->path[search->length - 1];
    char oid[64];
    char words[128];
    err_t err;

    if (child->hash == HASH_NONE) {
        oid_text(child->signature_oid, oid, sizeof(oid));
        snprintf(words, sizeof(words), "is signed with algorithm %s, which is not accepted", oid);
        return fault(search, ERR_UNSUPPORTED, child, words);
    }
    if (issuer->key == NULL) {
        return fault(search, ERR_UNSUPPORTED, issuer, "has a key of a kind that is not accepted");
    }
    if (search->signatures == CERT_MAX_SIGNATURES) {
        return fault(search, ERR_TOO_MANY, child, "has too many possible issuers");
    }
    search->signatures++;
    err = check_signature(issuer, child);
    if (err) {
        return err == ERR_SIGNATURE ? ERR_UNTRUSTED : err;
    }
    return check_issuer(search, issuer);
}

static bool is_in_path(const struct search *search, const struct cert *cert)
{
    for (size_t i = 0; i < search->length; i++) {
        if (memcmp(search->path[i]->fingerprint, cert->fingerprint, SHA256_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

/* Recursion is as deep as a path may be long. */
static err_t find_anchor(struct search *search)
{
    const struct cert *child = search->path[search->length - 1];

    for (size_t i = 0; i < cert_store_count(search->anchors); i++) {
        const struct cert *anchor = cert_store_at(search->anchors, i);

        if (may_be_issuer(anchor, child) && check_link(search, anchor) == ERR_OK) {
            return ERR_OK;
        }
    }
    if (search->intermediates == NULL || search->length > CERT_MAX_INTERMEDIATES) {
        return ERR_UNTRUSTED;
    }
    for (size_t i = 0; i < cert_store_count(search->intermediates); i++) {
        const struct cert *issuer = cert_store_at(search->intermediates, i);

        if (!may_be_issuer(issuer, child) || is_in_path(search, issuer) ||
            check_link(search, issuer) != ERR_OK) {
            continue;
        }
        search->path[search->length++] = issuer;
        if (find_anchor(search) == ERR_OK) {
            return ERR_OK;
        }
        search->length--;
    }
    return ERR_UNTRUSTED;
}

static bool is_anchor(const struct cert_store *anchors, const struct cert *cert)
{
    for (size_t i = 0; i < cert_store_count(anchors); i++) {
        if (memcmp(cert_store_at(anchors, i)->fingerprint, cert->fingerprint, SHA256_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static err_t check_leaf(struct search *search, const struct cert *leaf, enum cert_role role)
{
    err_t err = check_extensions(search, leaf);

    if (err) {
        return err;
    }
    if (leaf->key == NULL) {
        return fault(search, ERR_UNSUPPORTED, leaf, "has a key of a kind that is not accepted");
    }
    if (search->eku != NULL && !cert_has_eku(leaf, search->eku)) {
        return fault(search, ERR_MISMATCH, leaf,
                     role == CERT_ROLE_EK ? "is not for an endorsement key (EKU 2.23.133.8.1)"
                                          : "is not for an attestation key (EKU 2.23.133.8.3)");
    }
    if (search->eku != NULL && leaf->is_ca) {
        return fault(search, ERR_MISMATCH, leaf, "is a CA, not a TPM's key");
    }
    if (role == CERT_ROLE_AK && !cert_may_sign(leaf)) {
        return fault(search, ERR_MISMATCH, leaf, "is not for signing (key usage)");
    }
    return check_time(search, leaf);
}

static err_t no_path(struct search *search, struct trail *trail)
{
    const struct cert *leaf = search->path[0];
    char name[CERT_NAME_TEXT_SIZE];
    char issuer[CERT_NAME_TEXT_SIZE];

    if (search->fault != ERR_OK) {
        return trail_set(trail, search->fault, "%s", search->words.what);
    }
    cert_name_text(leaf->subject, name, sizeof(name));
    cert_name_text(leaf->issuer, issuer, sizeof(issuer));
    return trail_set(trail, ERR_UNTRUSTED,
                     "certificate '%.100s', issued by '%.100s', does not lead to a trusted root",
                     name, issuer);
}

err_t cert_verify(const struct cert *leaf, const struct cert_store *intermediates,
                  const struct cert_store *anchors, enum cert_role role, int64_t now,
                  bool ignore_expiry, struct trail *trail)
{
    struct search search = {
        .intermediates = intermediates,
        .anchors = anchors,
        .eku = role == CERT_ROLE_EK   ? EKU_EK
               : role == CERT_ROLE_AK ? EKU_AK
                                      : NULL,
        .now = now,
        .ignore_expiry = ignore_expiry,
        .path = {leaf},
        .length = 1,
    };
    err_t err;

    /* The path first: what a stranger's certificate says about itself is of no interest. */
    if (!is_anchor(anchors, leaf) && find_anchor(&search) != ERR_OK) {
        return no_path(&search, trail);
    }
    search.fault = ERR_OK;
    search.words = (struct trail){0};
    err = check_leaf(&search, leaf, role);
    return err ? trail_set(trail, err, "%s", search.words.what) : ERR_OK;
}
