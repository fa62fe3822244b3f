/*
 * cert-internal.h - what a certificate says, as the files of this room see it.
 */
#ifndef CRYPTO_CERT_INTERNAL_H
#define CRYPTO_CERT_INTERNAL_H

#include "crypto/cert.h"
#include "crypto/der.h"
#include "crypto/internal.h"

/* RFC 5280 4.2.1.3, as the bits stand in the first byte. */
enum { KEY_USAGE_DIGITAL_SIGNATURE = 0x80, KEY_USAGE_CERT_SIGN = 0x04 };

enum { CERT_MAX_EXTENSIONS = 32, CERT_SERIAL_MAX_BYTES = 32, CERT_NAME_TEXT_SIZE = 256 };

#define OID_IS(span, bytes) span_equal((span), span_of((bytes), sizeof(bytes) - 1))

/* All spans point into bytes. */
struct cert {
    atomic_uint refs;
    struct span der;
    struct span tbs;
    struct span serial;
    struct span issuer, subject; /* Names, with tag and length */
    int64_t not_before, not_after;
    struct span spki;
    struct pubkey *key; /* NULL for a kind we refuse */

    struct span signature_oid;
    enum sig_scheme scheme;
    enum hash_alg hash; /* HASH_NONE: an algorithm that we do not accept (rule X-2) */
    struct span signature;

    bool is_ca;
    bool has_path_len;
    uint32_t path_len;
    bool has_key_usage;
    uint8_t key_usage; /* the first eight bits */
    bool has_eku;
    struct span eku; /* the OIDs inside */
    struct span ski, aki_key, aki_serial;
    bool san_is_critical;
    bool san_names_tpm; /* manufacturer, model and version of a TPM */
    bool has_name_constraints;
    struct span unknown_critical; /* OID of the first one we do not handle; data NULL: none */
    uint8_t fingerprint[SHA256_BYTES];
    uint8_t bytes[];
};

/* Fill cert from cert->der. */
err_t cert_read(struct cert *cert) MUST_CHECK;

/* Each attribute of a Name, given without its outer tag. */
typedef void (*name_seen_fn)(void *ctx, struct span type, struct der_item value);
err_t name_each(struct span name_body, name_seen_fn seen, void *ctx) MUST_CHECK;
/* For people: RFC 2253 order, escaped. */
void cert_name_text(struct span name, char *text, size_t size);

/* "2.23.133.8.1" of the body of an OID, "?" when it is none or too long. */
void oid_text(struct span oid, char *text, size_t size);

#endif
