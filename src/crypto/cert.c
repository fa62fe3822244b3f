#include "crypto/cert.h"

#include "base/text.h"
#include "crypto/cert-internal.h"

#include <openssl/x509.h>
#include <stdlib.h>

#define OID_COMMON_NAME "\x55\x04\x03"

err_t cert_new_der(struct span der, struct trail *trail, struct cert **ret)
{
    CLEANUP(cert_free) struct cert *cert = NULL;
    err_t err;

    if (der.len > CERT_MAX_BYTES) {
        return trail_set(trail, ERR_TOO_LARGE, "certificate is larger than %d bytes",
                         CERT_MAX_BYTES);
    }
    cert = calloc(1, sizeof(*cert) + der.len + 1);
    if (cert == NULL) {
        return ERR_MEMORY;
    }
    atomic_init(&cert->refs, 1);
    if (der.len > 0) {
        memcpy(cert->bytes, der.data, der.len);
    }
    cert->der = span_of(cert->bytes, der.len);
    err = cert_read(cert);
    err = err ? err : hash_once(HASH_SHA256, cert->der, cert->fingerprint);
    if (err) {
        return trail_set(trail, err,
                         err == ERR_UNSUPPORTED ? "certificate is not of X.509 version 3"
                                                : "certificate is not valid DER");
    }
    *ret = TAKE(cert);
    return ERR_OK;
}

err_t cert_new_nv(struct span padded, struct trail *trail, struct cert **ret)
{
    struct reader r = reader_on(padded);
    struct span whole = {0};
    err_t err = der_take_whole(&r, DER_SEQUENCE, &whole);

    if (err) {
        return trail_set_at(trail, err, 0, "NV index does not begin with a certificate");
    }
    return cert_new_der(whole, trail, ret);
}

err_t cert_new_pem(struct span pem, struct trail *trail, struct cert **ret)
{
    uint8_t *der = NULL;
    size_t len = 0;
    size_t from = 0;
    err_t err = pem_next(pem, &from, "CERTIFICATE", &der, &len);

    if (err) {
        return trail_set(trail, err == ERR_NOT_FOUND ? ERR_MALFORMED : err,
                         "holds no certificate in PEM form");
    }
    err = cert_new_der(span_of(der, len), trail, ret);
    OPENSSL_free(der);
    return err;
}

struct cert *cert_ref(struct cert *cert)
{
    atomic_fetch_add_explicit(&cert->refs, 1, memory_order_relaxed);
    return cert;
}

void cert_free(struct cert *cert)
{
    if (cert != NULL && atomic_fetch_sub_explicit(&cert->refs, 1, memory_order_acq_rel) == 1) {
        pubkey_free(cert->key);
        free(cert);
    }
}

struct span cert_der(const struct cert *cert)
{
    return cert->der;
}

const struct pubkey *cert_key(const struct cert *cert)
{
    return cert->key;
}

struct span cert_spki(const struct cert *cert)
{
    return cert->spki;
}

bool cert_is_self_issued(const struct cert *cert)
{
    return span_equal(cert->subject, cert->issuer);
}

bool cert_has_eku(const struct cert *cert, const char *oid)
{
    struct reader r = reader_on(cert->eku);
    struct span item = {0};
    char text[96];

    while (der_take(&r, DER_OID, &item) == ERR_OK) {
        oid_text(item, text, sizeof(text));
        if (strcmp(text, oid) == 0) {
            return true;
        }
    }
    return false;
}

bool cert_may_sign(const struct cert *cert)
{
    return !cert->has_key_usage || (cert->key_usage & KEY_USAGE_DIGITAL_SIGNATURE) != 0;
}

void cert_name_text(struct span name, char *text, size_t size)
{
    const unsigned char *at = name.data;
    X509_NAME *parsed = d2i_X509_NAME(NULL, &at, (long)name.len);
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    long len = 0;

    if (parsed != NULL && bio != NULL &&
        X509_NAME_print_ex(bio, parsed, 0,
                           ASN1_STRFLGS_RFC2253 | XN_FLAG_SEP_CPLUS_SPC | XN_FLAG_DN_REV |
                               XN_FLAG_FN_SN | XN_FLAG_DUMP_UNKNOWN_FIELDS) >= 0) {
        len = BIO_get_mem_data(bio, &data);
    }
    text_escape(len > 0 ? span_of(data, (size_t)len) : span_str("(no name)"), text, size);
    BIO_free(bio);
    X509_NAME_free(parsed);
    (void)openssl_failed(ERR_OK);
}

static const char *name_dup(struct span name, struct arena *arena)
{
    char text[CERT_NAME_TEXT_SIZE];
    struct span copy;

    cert_name_text(name, text, sizeof(text));
    copy = arena_dup(arena, span_str(text));
    return copy.data == NULL ? "" : (const char *)copy.data;
}

const char *cert_subject(const struct cert *cert, struct arena *arena)
{
    return name_dup(cert->subject, arena);
}

const char *cert_issuer(const struct cert *cert, struct arena *arena)
{
    return name_dup(cert->issuer, arena);
}

struct common_name {
    struct span text;
    size_t count;
};

static void note_common_name(void *ctx, struct span type, struct der_item value)
{
    struct common_name *found = ctx;
    bool is_text = value.tag == DER_UTF8_STRING || value.tag == DER_PRINTABLE_STRING ||
                   value.tag == DER_IA5_STRING;

    if (OID_IS(type, OID_COMMON_NAME)) {
        found->count++;
        found->text = is_text ? value.body : (struct span){0};
    }
}

const char *cert_common_name(const struct cert *cert, struct arena *arena)
{
    struct reader r = reader_on(cert->subject);
    struct span body = {0};
    struct common_name found = {0};
    struct span copy;

    if (der_take(&r, DER_SEQUENCE, &body) != ERR_OK ||
        name_each(body, note_common_name, &found) != ERR_OK || found.count != 1 ||
        found.text.len == 0 || memchr(found.text.data, 0, found.text.len) != NULL ||
        !text_is_utf8(found.text)) {
        return "";
    }
    copy = arena_dup(arena, found.text);
    return copy.data == NULL ? "" : (const char *)copy.data;
}

void cert_validity(const struct cert *cert, int64_t *ret_not_before, int64_t *ret_not_after)
{
    *ret_not_before = cert->not_before;
    *ret_not_after = cert->not_after;
}

void cert_fingerprint(const struct cert *cert, uint8_t digest[SHA256_BYTES])
{
    memcpy(digest, cert->fingerprint, SHA256_BYTES);
}

err_t cert_pem(const struct cert *cert, struct arena *arena, struct span *ret)
{
    CLEANUP(buf_done) struct buf text = {0};

    buf_init(&text, (size_t)2 * CERT_MAX_BYTES);
    pem_put(&text, "CERTIFICATE", cert->der);
    return buf_copy(&text, arena, ret);
}
