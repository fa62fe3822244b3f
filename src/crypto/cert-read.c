/*
 * cert-read.c - reading certificates (RFC 5280, 4.1). Who may send these bytes: any guest (EK and
 * AK certificates), any client (signer certificates), operators (anchors).
 *
 * Read by our own DER reader, not d2i_X509: that one takes BER in places, looks at few of the
 * rules of X-9, and costs 185 us (OpenSSL 3.0 decodes the key through its provider search), as
 * much as all other work of an attestation. Only public-key arithmetic is left to OpenSSL.
 */
#include "crypto/cert-internal.h"
#include "crypto/der.h"

#include <stdio.h>

/* id-ce 2.5.29.n */
#define OID_SKI "\x55\x1d\x0e"
#define OID_KEY_USAGE "\x55\x1d\x0f"
#define OID_SAN "\x55\x1d\x11"
#define OID_BASIC_CONSTRAINTS "\x55\x1d\x13"
#define OID_NAME_CONSTRAINTS "\x55\x1d\x1e"
#define OID_CERT_POLICIES "\x55\x1d\x20"
#define OID_AKI "\x55\x1d\x23"
#define OID_EKU "\x55\x1d\x25"
/* TCG EK Credential Profile: 2.23.133.2.1, .2, .3 */
#define OID_TPM_MANUFACTURER "\x67\x81\x05\x02\x01"
#define OID_TPM_MODEL "\x67\x81\x05\x02\x02"
#define OID_TPM_VERSION "\x67\x81\x05\x02\x03"

/* The allow list of rule X-2. */
static const struct {
    const char *oid;
    size_t len;
    enum sig_scheme scheme;
    enum hash_alg hash;
} signature_algs[] = {
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", 9, SIG_RSASSA, HASH_SHA256},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", 9, SIG_RSASSA, HASH_SHA384},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", 9, SIG_RSASSA, HASH_SHA512},
    {"\x2a\x86\x48\xce\x3d\x04\x03\x02", 8, SIG_ECDSA, HASH_SHA256},
    {"\x2a\x86\x48\xce\x3d\x04\x03\x03", 8, SIG_ECDSA, HASH_SHA384},
    {"\x2a\x86\x48\xce\x3d\x04\x03\x04", 8, SIG_ECDSA, HASH_SHA512},
};

void oid_text(struct span oid, char *text, size_t size)
{
    size_t used = 0;
    uint64_t arc = 0;
    bool is_first = true;

    snprintf(text, size, "?");
    for (size_t i = 0; i < oid.len; i++) {
        int n;

        if (arc > UINT32_MAX) {
            snprintf(text, size, "?");
            return;
        }
        arc = arc << 7 | (oid.data[i] & 0x7f);
        if (oid.data[i] >= 0x80) {
            continue;
        }
        if (is_first) {
            uint64_t top = arc < 80 ? arc / 40 : 2;

            n = snprintf(text, size, "%u.%llu", (unsigned)top,
                         (unsigned long long)(arc - top * 40));
        } else {
            n = snprintf(text + used, size - used, ".%llu", (unsigned long long)arc);
        }
        if (n < 0 || (size_t)n >= size - used) {
            snprintf(text, size, "?");
            return;
        }
        used += (size_t)n;
        arc = 0;
        is_first = false;
    }
}

/* AlgorithmIdentifier: RSA has NULL or absent parameters, ECDSA none (RFC 4055, RFC 5758). */
static err_t read_signature_alg(struct span algorithm, struct cert *cert)
{
    struct reader r = reader_on(algorithm);
    struct span parameters = {0};
    err_t err = der_take(&r, DER_OID, &cert->signature_oid);

    if (err) {
        return err;
    }
    cert->hash = HASH_NONE;
    for (size_t i = 0; i < ARRAY_LEN(signature_algs); i++) {
        if (!span_equal(cert->signature_oid,
                        span_of(signature_algs[i].oid, signature_algs[i].len))) {
            continue;
        }
        if (signature_algs[i].scheme == SIG_RSASSA && reader_left(&r) > 0) {
            err = der_take(&r, DER_NULL, &parameters);
        }
        err = err ? err : reader_end(&r);
        cert->scheme = signature_algs[i].scheme;
        cert->hash = signature_algs[i].hash;
        return err;
    }
    return ERR_OK;
}

static bool two_digits(const uint8_t *at, int *ret)
{
    if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9') {
        return false;
    }
    *ret = (at[0] - '0') * 10 + (at[1] - '0');
    return true;
}

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = y / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* RFC 5280 4.1.2.5: UTCTime to 2049, GeneralizedTime after, both with seconds and Z. */
static err_t read_time(struct reader *r, int64_t *ret)
{
    static const int month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    struct der_item item;
    int part[7] = {0}; /* century, year, month, day, hour, minute, second */
    size_t first;
    int year;
    err_t err = der_next(r, &item);

    if (err) {
        return err;
    }
    first = item.tag == DER_GENERALIZED_TIME ? 0 : 1;
    if ((item.tag != DER_GENERALIZED_TIME && item.tag != DER_UTC_TIME) ||
        item.body.len != 2 * (7 - first) + 1 || item.body.data[item.body.len - 1] != 'Z') {
        return ERR_MALFORMED;
    }
    for (size_t i = first; i < 7; i++) {
        if (!two_digits(item.body.data + 2 * (i - first), &part[i])) {
            return ERR_MALFORMED;
        }
    }
    year = first == 0 ? part[0] * 100 + part[1] : part[1] + (part[1] < 50 ? 2000 : 1900);
    if (year < 1900 || (part[2] == 2 && part[3] == 29 && !is_leap(year)) || part[2] < 1 ||
        part[2] > 12 || part[3] < 1 || part[3] > month_days[part[2] - 1] || part[4] > 23 ||
        part[5] > 59 || part[6] > 59) {
        return ERR_MALFORMED;
    }
    *ret = ((days_from_civil(year, part[2], part[3]) * 24 + part[4]) * 60 + part[5]) * 60 + part[6];
    return ERR_OK;
}

/* DirectoryString (RFC 5280, 4.1.2.4) and the two other types that attributes have. */
static bool is_text(const struct der_item *value)
{
    switch (value->tag) {
    case DER_UTF8_STRING:
    case DER_NUMERIC_STRING:
    case DER_PRINTABLE_STRING:
    case DER_TELETEX_STRING:
    case DER_IA5_STRING:
        return true;
    case DER_UNIVERSAL_STRING:
        return value->body.len % 4 == 0;
    case DER_BMP_STRING:
        return value->body.len % 2 == 0;
    default:
        return false;
    }
}

err_t name_each(struct span name_body, name_seen_fn seen, void *ctx)
{
    struct reader names = reader_on(name_body);

    while (reader_left(&names) > 0) {
        struct span set = {0};
        struct reader attributes;
        err_t err = der_take(&names, DER_SET, &set);

        attributes = reader_on(set);
        if (err == ERR_OK && set.len == 0) {
            err = ERR_MALFORMED;
        }
        while (err == ERR_OK && reader_left(&attributes) > 0) {
            struct span pair = {0};
            struct span type = {0};
            struct der_item value = {0};
            struct reader r;

            err = der_take(&attributes, DER_SEQUENCE, &pair);
            r = reader_on(pair);
            err = err ? err : der_take(&r, DER_OID, &type);
            err = err ? err : der_next(&r, &value);
            err = err ? err : reader_end(&r);
            err = err ? err : is_text(&value) ? ERR_OK : ERR_MALFORMED;
            if (err == ERR_OK) {
                seen(ctx, type, value);
            }
        }
        if (err) {
            return err;
        }
    }
    return ERR_OK;
}

static void ignore_attribute(void *ctx, struct span type, struct der_item value)
{
    (void)ctx;
    (void)type;
    (void)value;
}

static err_t read_name(struct reader *r, struct span *ret_whole)
{
    struct reader ahead = *r;
    struct span body = {0};
    err_t err = der_take(&ahead, DER_SEQUENCE, &body);

    err = err ? err : name_each(body, ignore_attribute, NULL);
    return err ? err : der_take_whole(r, DER_SEQUENCE, ret_whole);
}

static void note_tpm_attribute(void *ctx, struct span type, struct der_item value)
{
    unsigned *found = ctx;

    (void)value;
    *found |= OID_IS(type, OID_TPM_MANUFACTURER) ? 1 : 0;
    *found |= OID_IS(type, OID_TPM_MODEL) ? 2 : 0;
    *found |= OID_IS(type, OID_TPM_VERSION) ? 4 : 0;
}

/* GeneralNames with a directoryName that names the TPM (EK Credential Profile 2.x, 3.2.9). */
static err_t read_san(struct span value, struct cert *cert)
{
    struct reader r = reader_on(value);
    struct span names = {0};
    err_t err = der_take(&r, DER_SEQUENCE, &names);

    err = err ? err : reader_end(&r);
    r = reader_on(names);
    while (err == ERR_OK && reader_left(&r) > 0) {
        struct der_item item = {0};
        struct reader directory;
        struct span name = {0};
        unsigned found = 0;

        err = der_next(&r, &item);
        if (err || item.tag != (DER_CONTEXT_CONSTRUCTED | 4)) {
            continue;
        }
        directory = reader_on(item.body);
        err = der_take(&directory, DER_SEQUENCE, &name);
        err = err ? err : reader_end(&directory);
        err = err ? err : name_each(name, note_tpm_attribute, &found);
        cert->san_names_tpm = cert->san_names_tpm || found == 7;
    }
    return err;
}

static err_t read_basic_constraints(struct span value, struct cert *cert)
{
    struct reader r = reader_on(value);
    struct span body = {0};
    struct span number = {0};
    err_t err = der_take(&r, DER_SEQUENCE, &body);

    err = err ? err : reader_end(&r);
    r = reader_on(body);
    if (err == ERR_OK && der_is_next(&r, DER_BOOLEAN)) {
        err = der_take(&r, DER_BOOLEAN, &body);
        if (err == ERR_OK && (body.len != 1 || (body.data[0] != 0 && body.data[0] != 0xff))) {
            err = ERR_MALFORMED;
        }
        cert->is_ca = err == ERR_OK && body.data[0] == 0xff;
    }
    if (err == ERR_OK && reader_left(&r) > 0) {
        err = der_take_unsigned(&r, &number);
        err = err ? err : number.len == 1 && cert->is_ca ? ERR_OK : ERR_MALFORMED;
        cert->has_path_len = err == ERR_OK;
        cert->path_len = err == ERR_OK ? number.data[0] : 0;
    }
    return err ? err : reader_end(&r);
}

static err_t read_key_usage(struct span value, struct cert *cert)
{
    struct reader r = reader_on(value);
    struct span bits = {0};
    err_t err = der_take(&r, DER_BIT_STRING, &bits);

    err = err ? err : reader_end(&r);
    if (err) {
        return err;
    }
    if (bits.len < 1 || bits.len > 3 || der_check(value) != ERR_OK) {
        return ERR_MALFORMED;
    }
    cert->has_key_usage = true;
    cert->key_usage = bits.len > 1 ? bits.data[1] : 0;
    return ERR_OK;
}

static err_t read_eku(struct span value, struct cert *cert)
{
    struct reader r = reader_on(value);
    struct span oid = {0};
    err_t err = der_take(&r, DER_SEQUENCE, &cert->eku);

    err = err ? err : reader_end(&r);
    r = reader_on(cert->eku);
    if (err == ERR_OK && reader_left(&r) == 0) {
        err = ERR_MALFORMED;
    }
    while (err == ERR_OK && reader_left(&r) > 0) {
        err = der_take(&r, DER_OID, &oid);
    }
    cert->has_eku = err == ERR_OK;
    return err;
}

static err_t read_ski(struct span value, struct cert *cert)
{
    struct reader r = reader_on(value);
    err_t err = der_take(&r, DER_OCTET_STRING, &cert->ski);

    return err ? err : reader_end(&r);
}

/* keyIdentifier [0], authorityCertIssuer [1], authorityCertSerialNumber [2]. */
static err_t read_aki(struct span value, struct cert *cert)
{
    struct reader r = reader_on(value);
    struct span body = {0};
    struct span skipped = {0};
    err_t err = der_take(&r, DER_SEQUENCE, &body);

    err = err ? err : reader_end(&r);
    r = reader_on(body);
    if (err == ERR_OK && der_is_next(&r, DER_CONTEXT | 0)) {
        err = der_take(&r, DER_CONTEXT | 0, &cert->aki_key);
    }
    if (err == ERR_OK && der_is_next(&r, DER_CONTEXT_CONSTRUCTED | 1)) {
        err = der_take(&r, DER_CONTEXT_CONSTRUCTED | 1, &skipped);
    }
    if (err == ERR_OK && der_is_next(&r, DER_CONTEXT | 2)) {
        err = der_take(&r, DER_CONTEXT | 2, &cert->aki_serial);
    }
    return err ? err : reader_end(&r);
}

static err_t read_extension(struct span oid, bool is_critical, struct span value, struct cert *cert)
{
    if (OID_IS(oid, OID_BASIC_CONSTRAINTS)) {
        return read_basic_constraints(value, cert);
    }
    if (OID_IS(oid, OID_KEY_USAGE)) {
        return read_key_usage(value, cert);
    }
    if (OID_IS(oid, OID_EKU)) {
        return read_eku(value, cert);
    }
    if (OID_IS(oid, OID_SKI)) {
        return read_ski(value, cert);
    }
    if (OID_IS(oid, OID_AKI)) {
        return read_aki(value, cert);
    }
    if (OID_IS(oid, OID_SAN)) {
        cert->san_is_critical = is_critical;
        return read_san(value, cert);
    }
    if (OID_IS(oid, OID_NAME_CONSTRAINTS)) {
        cert->has_name_constraints = true;
        return ERR_OK;
    }
    /* No policy is asked for, so whatever a certificate lists is acceptable (RFC 5280, 6.1.1). */
    if (!OID_IS(oid, OID_CERT_POLICIES) && is_critical && cert->unknown_critical.data == NULL) {
        cert->unknown_critical = oid;
    }
    return ERR_OK;
}

static err_t read_extensions(struct span list, struct cert *cert)
{
    struct reader r = reader_on(list);
    struct span seen[CERT_MAX_EXTENSIONS];
    size_t count = 0;

    while (reader_left(&r) > 0) {
        struct span body = {0};
        struct span oid = {0};
        struct span flag = {0};
        struct span value = {0};
        struct reader in;
        err_t err = der_take(&r, DER_SEQUENCE, &body);

        in = reader_on(body);
        err = err ? err : der_take(&in, DER_OID, &oid);
        if (err == ERR_OK && der_is_next(&in, DER_BOOLEAN)) {
            /* FALSE is the default and DER does not write defaults (X.690, 11.5). */
            err = der_take(&in, DER_BOOLEAN, &flag);
            err = err ? err : flag.len == 1 && flag.data[0] == 0xff ? ERR_OK : ERR_MALFORMED;
        }
        err = err ? err : der_take(&in, DER_OCTET_STRING, &value);
        err = err ? err : reader_end(&in);
        if (err) {
            return err;
        }
        if (count == CERT_MAX_EXTENSIONS) {
            return ERR_TOO_MANY;
        }
        for (size_t i = 0; i < count; i++) {
            if (span_equal(seen[i], oid)) {
                return ERR_MALFORMED; /* RFC 5280 4.2: at most once */
            }
        }
        seen[count++] = oid;
        err = read_extension(oid, flag.len == 1, value, cert);
        if (err) {
            return err;
        }
    }
    return ERR_OK;
}

static err_t read_version(struct reader *r)
{
    struct span wrapped = {0};
    struct span version = {0};
    struct reader in;
    err_t err;

    if (!der_is_next(r, DER_CONTEXT_CONSTRUCTED | 0)) {
        return ERR_UNSUPPORTED; /* version 1 cannot say who is a CA */
    }
    err = der_take(r, DER_CONTEXT_CONSTRUCTED | 0, &wrapped);
    in = reader_on(wrapped);
    err = err ? err : der_take_unsigned(&in, &version);
    err = err ? err : reader_end(&in);
    if (err) {
        return err;
    }
    return version.len == 1 && version.data[0] == 2 ? ERR_OK : ERR_UNSUPPORTED;
}

static err_t read_tbs(struct span tbs, struct span outer_algorithm, struct cert *cert)
{
    struct reader r = reader_on(tbs);
    struct reader in;
    struct span algorithm = {0};
    struct span validity = {0};
    struct span wrapped = {0};
    struct span list = {0};
    err_t err = read_version(&r);

    err = err ? err : der_take_unsigned(&r, &cert->serial);
    err = err ? err : der_take_whole(&r, DER_SEQUENCE, &algorithm);
    err = err ? err : read_name(&r, &cert->issuer);
    err = err ? err : der_take(&r, DER_SEQUENCE, &validity);
    in = reader_on(validity);
    err = err ? err : read_time(&in, &cert->not_before);
    err = err ? err : read_time(&in, &cert->not_after);
    err = err ? err : reader_end(&in);
    err = err ? err : read_name(&r, &cert->subject);
    err = err ? err : der_take_whole(&r, DER_SEQUENCE, &cert->spki);
    if (err == ERR_OK && reader_left(&r) > 0) {
        err = der_take(&r, DER_CONTEXT_CONSTRUCTED | 3, &wrapped);
        in = reader_on(wrapped);
        err = err ? err : der_take(&in, DER_SEQUENCE, &list);
        err = err ? err : reader_end(&in);
        err = err ? err : read_extensions(list, cert);
    }
    err = err ? err : reader_end(&r);
    if (err) {
        return err;
    }
    /* RFC 5280 4.1.1.2: said twice, and only one of them is signed. */
    if (!span_equal(algorithm, outer_algorithm) || cert->serial.len > CERT_SERIAL_MAX_BYTES) {
        return ERR_MALFORMED;
    }
    err = pubkey_from_spki(cert->spki, true, &cert->key);
    /* A key of another kind, or too weak, is no fault of the certificate: it just has none. */
    return err == ERR_UNSUPPORTED || err == ERR_VALUE ? ERR_OK : err;
}

err_t cert_read(struct cert *cert)
{
    struct reader r = reader_on(cert->der);
    struct reader in;
    struct span body = {0};
    struct span tbs_body = {0};
    struct span algorithm = {0};
    struct span algorithm_body = {0};
    err_t err = der_check(cert->der);

    err = err ? err : der_take(&r, DER_SEQUENCE, &body);
    err = err ? err : reader_end(&r);
    r = reader_on(body);
    err = err ? err : der_take_whole(&r, DER_SEQUENCE, &cert->tbs);
    err = err ? err : der_take_whole(&r, DER_SEQUENCE, &algorithm);
    err = err ? err : der_take_bits(&r, &cert->signature);
    err = err ? err : reader_end(&r);
    in = reader_on(algorithm);
    err = err ? err : der_take(&in, DER_SEQUENCE, &algorithm_body);
    err = err ? err : read_signature_alg(algorithm_body, cert);
    in = reader_on(cert->tbs);
    err = err ? err : der_take(&in, DER_SEQUENCE, &tbs_body);
    return err ? err : read_tbs(tbs_body, algorithm, cert);
}
