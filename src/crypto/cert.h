/*
 * cert.h - X.509 certificates: reading strictly, building paths to pinned roots by role, issuing.
 *
 * Roots are pinned per role and never mixed: TLS roots do not validate TPM keys, EK roots do not
 * validate attestation keys (verification rules ). Nothing is fetched from addresses
 * inside certificates. Time is an input. cert and cert_store are immutable once filled and may
 * be shared between threads.
 */
#ifndef CRYPTO_CERT_H
#define CRYPTO_CERT_H

#include "crypto/pubkey.h"
#include "crypto/signkey.h"

enum { CERT_MAX_BYTES = 16 * 1024, CERT_MAX_INTERMEDIATES = 8, CERT_STORE_MAX = 1024 };

enum cert_role {
    CERT_ROLE_EK,  /* EKU 2.23.133.8.1 (TCG EK Credential Profile) */
    CERT_ROLE_AK,  /* EKU 2.23.133.8.3 */
    CERT_ROLE_ANY, /* path only: no EKU demanded (e.g. comparing a CA) */
};

struct cert;

/* Strict DER: everything consumed, one encoding. X.509 version 3 alone. */
err_t cert_new_der(struct span der, struct trail *trail, struct cert **ret) MUST_CHECK;
/* As read from an NV index: the outer SEQUENCE's length cuts padding off, nothing is searched. */
err_t cert_new_nv(struct span padded, struct trail *trail, struct cert **ret) MUST_CHECK;
/* The first certificate of a PEM text. */
err_t cert_new_pem(struct span pem, struct trail *trail, struct cert **ret) MUST_CHECK;
struct cert *cert_ref(struct cert *cert);
void cert_free(struct cert *cert);
DEFINE_CLEANUP(struct cert *, cert_free)

struct span cert_der(const struct cert *cert); /* borrowed */
const struct pubkey *cert_key(
    const struct cert *cert); /* borrowed; NULL when of a kind we refuse */
/* DER SubjectPublicKeyInfo as it stands in the certificate; borrowed. */
struct span cert_spki(const struct cert *cert);
/* Subject and issuer are the same name. Says nothing about who signed. */
bool cert_is_self_issued(const struct cert *cert);
bool cert_has_eku(const struct cert *cert, const char *oid);
/* Without a keyUsage, or with one that has digitalSignature (RFC 5280, 4.2.1.3). */
bool cert_may_sign(const struct cert *cert);
/* Subject / issuer as "CN=..., O=..." (RFC 2253 order, escaped); in the arena. For display only
 * (X-10). */
const char *cert_subject(const struct cert *cert, struct arena *arena);
const char *cert_issuer(const struct cert *cert, struct arena *arena);
/* The single CN of the subject, "" when there is none, more than one, or one with a NUL. */
const char *cert_common_name(const struct cert *cert, struct arena *arena);
void cert_validity(const struct cert *cert, int64_t *ret_not_before, int64_t *ret_not_after);
void cert_fingerprint(const struct cert *cert, uint8_t digest[SHA256_BYTES]);

/* A set of certificates: anchors of one role, or untrusted intermediates. */
struct cert_store;
struct cert_store *cert_store_new(void);
void cert_store_free(struct cert_store *store);
DEFINE_CLEANUP(struct cert_store *, cert_store_free)
/* Takes its own reference. ERR_TOO_MANY past CERT_STORE_MAX; a duplicate is ignored. */
err_t cert_store_add(struct cert_store *store, struct cert *cert) MUST_CHECK;
/* Every certificate of a PEM bundle, or one DER certificate. */
err_t cert_store_add_file(struct cert_store *store, struct span bytes,
                          struct trail *trail) MUST_CHECK;
size_t cert_store_count(const struct cert_store *store);
const struct cert *cert_store_at(const struct cert_store *store, size_t index);

/*
 * Build and check a path from leaf over intermediates to an anchor, at `now`: signatures with
 * allow-listed algorithms (RSASSA and ECDSA over SHA-2; an anchor's own signature is not looked
 * at), CA flag, pathLen, keyCertSign, name chaining, AKI, validity, role EKU on the leaf
 * (anyExtendedKeyUsage does not satisfy) and, where present, along the path. A leaf for a role is
 * no CA. Unknown critical extensions and name constraints fail; a critical subjectAltName passes
 * when it has the three TPM attributes of the EK profile. An anchor may be the issuing CA itself
 * (partial chain) or the leaf. Search is bounded: CERT_MAX_INTERMEDIATES between leaf and anchor,
 * 32 signatures in all. Nothing is fetched, revocation is not checked (rules ).
 * ERR_UNTRUSTED, ERR_EXPIRED, ERR_MISMATCH (role), ERR_UNSUPPORTED (extension, algorithm, key),
 * ERR_TOO_MANY (namesakes), with the subject in the trail's words. ignore_expiry: the end of
 * validity does not matter, on the whole path; its beginning does (EK certificates are not
 * renewed; the caller reports it).
 */
err_t cert_verify(const struct cert *leaf, const struct cert_store *intermediates,
                  const struct cert_store *anchors, enum cert_role role, int64_t now,
                  bool ignore_expiry, struct trail *trail) MUST_CHECK;

/* What a certificate of ours shall say. Serial numbers are random, 16 bytes. */
enum cert_profile {
    CERT_CA,         /* basicConstraints critical CA:TRUE, keyUsage critical keyCertSign+cRLSign */
    CERT_TLS_SERVER, /* EKU serverAuth, SANs required */
    CERT_AK,         /* EKU 2.23.133.8.3, keyUsage critical digitalSignature */
    CERT_TOKEN,      /* self-signed token key: basicConstraints CA:FALSE */
};
struct cert_request {
    enum cert_profile profile;
    const char *common_name;      /* at most 64 characters (RFC 5280 ub-common-name) */
    const char *const *dns_names; /* NULL-terminated, may be NULL */
    const char *const *ip_addresses;
    const char *const *uris;
    int64_t not_before, not_after;
};
/* Certificate for key, signed by issuer_key (issuer NULL = self-signed). */
err_t cert_issue(const struct cert_request *request, const struct pubkey *key,
                 const struct cert *issuer, const struct signkey *issuer_key,
                 struct cert **ret) MUST_CHECK;
/* Is it of the form that cert_issue gives a self-signed CERT_TOKEN, down to the serial number?
 * Those of other programs are not, so that no such one is taken for ours and made anew. */
bool cert_is_made_here(const struct cert *cert);
/* PEM text in the arena. */
err_t cert_pem(const struct cert *cert, struct arena *arena, struct span *ret) MUST_CHECK;

#endif
