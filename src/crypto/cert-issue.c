#include "crypto/cert-internal.h"
#include "crypto/secret.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum { COMMON_NAME_MAX = 64, SERIAL_BYTES = 16, MAX_NAMES = 64 };

DEFINE_CLEANUP(X509 *, X509_free)

/* extension_text is OpenSSL's configuration form; every word of it here is ours. */
static err_t add_extension(X509 *x, X509V3_CTX *ctx, int nid, const char *extension_text)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, ctx, nid, extension_text);
    err_t err = extension != NULL && X509_add_ext(x, extension, -1) == 1 ? ERR_OK : ERR_CRYPTO;

    X509_EXTENSION_free(extension);
    return err;
}

static err_t add_name(GENERAL_NAMES *names, int type, const char *text)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *value = NULL;
    err_t err = ERR_CRYPTO;

    if (name == NULL) {
        return ERR_MEMORY;
    }
    if (type == GEN_IPADD) {
        value = a2i_IPADDRESS(text);
        err = value == NULL ? ERR_VALUE : ERR_OK;
    } else {
        value = ASN1_IA5STRING_new();
        if (value != NULL && ASN1_STRING_set(value, text, (int)strlen(text)) == 1) {
            err = ERR_OK;
        }
    }
    if (err == ERR_OK) {
        GENERAL_NAME_set0_value(name, type, value);
        value = NULL;
        err = sk_GENERAL_NAME_push(names, name) > 0 ? ERR_OK : ERR_MEMORY;
        name = err ? name : NULL;
    }
    ASN1_STRING_free(value);
    GENERAL_NAME_free(name);
    return err;
}

static err_t add_all(GENERAL_NAMES *names, int type, const char *const *texts)
{
    err_t err = ERR_OK;

    for (size_t i = 0; texts != NULL && texts[i] != NULL && err == ERR_OK; i++) {
        err = i < MAX_NAMES ? add_name(names, type, texts[i]) : ERR_TOO_MANY;
    }
    return err;
}

static err_t add_san(X509 *x, const struct cert_request *request)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    err_t err = names == NULL ? ERR_MEMORY : ERR_OK;

    err = err ? err : add_all(names, GEN_DNS, request->dns_names);
    err = err ? err : add_all(names, GEN_IPADD, request->ip_addresses);
    err = err ? err : add_all(names, GEN_URI, request->uris);
    if (err == ERR_OK && sk_GENERAL_NAME_num(names) > 0 &&
        X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0) != 1) {
        err = ERR_CRYPTO;
    }
    if (err == ERR_OK && sk_GENERAL_NAME_num(names) == 0 && request->profile == CERT_TLS_SERVER) {
        err = ERR_VALUE; /* RFC 6125: clients no longer look at the common name */
    }
    GENERAL_NAMES_free(names);
    return err;
}

static err_t add_extensions(X509 *x, X509 *issuer, const struct cert_request *request)
{
    /* RFC 5280 4.2.1; TCG AK certificates: 2.23.133.8.3. */
    static const struct {
        const char *basic, *key_usage, *eku;
    } profiles[] = {
        [CERT_CA] = {"critical,CA:TRUE", "critical,keyCertSign,cRLSign", NULL},
        [CERT_TLS_SERVER] = {"critical,CA:FALSE", "critical,digitalSignature", "serverAuth"},
        [CERT_AK] = {"critical,CA:FALSE", "critical,digitalSignature", "2.23.133.8.3"},
        [CERT_TOKEN] = {"CA:FALSE", NULL, NULL},
    };
    X509V3_CTX ctx;
    err_t err;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    err = add_extension(x, &ctx, NID_basic_constraints, profiles[request->profile].basic);
    err = err ? err : add_extension(x, &ctx, NID_subject_key_identifier, "hash");
    err = err ? err : add_extension(x, &ctx, NID_authority_key_identifier, "keyid");
    if (err == ERR_OK && profiles[request->profile].key_usage != NULL) {
        err = add_extension(x, &ctx, NID_key_usage, profiles[request->profile].key_usage);
    }
    if (err == ERR_OK && profiles[request->profile].eku != NULL) {
        err = add_extension(x, &ctx, NID_ext_key_usage, profiles[request->profile].eku);
    }
    return err ? err : add_san(x, request);
}

static err_t set_serial(X509 *x)
{
    uint8_t serial[SERIAL_BYTES];
    BIGNUM *number;
    err_t err = random_bytes(serial, sizeof(serial));

    if (err) {
        return err;
    }
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40); /* positive, and always of the same length */
    number = BN_bin2bn(serial, sizeof(serial), NULL);
    if (number == NULL || BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x)) == NULL) {
        err = ERR_CRYPTO;
    }
    BN_free(number);
    return err;
}

static err_t fill(X509 *x, X509 *issuer, const struct cert_request *request,
                  const struct pubkey *key)
{
    const unsigned char *name = (const unsigned char *)request->common_name;
    X509_NAME *subject = X509_NAME_new();
    err_t err = ERR_CRYPTO;

    if (subject != NULL &&
        X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, name, -1, -1, 0) == 1 &&
        X509_set_version(x, X509_VERSION_3) == 1 && X509_set_subject_name(x, subject) == 1 &&
        X509_set_issuer_name(x, issuer == x ? subject : X509_get_subject_name(issuer)) == 1 &&
        ASN1_TIME_set(X509_getm_notBefore(x), request->not_before) != NULL &&
        ASN1_TIME_set(X509_getm_notAfter(x), request->not_after) != NULL &&
        X509_set_pubkey(x, key->pkey) == 1) {
        err = ERR_OK;
    }
    X509_NAME_free(subject);
    err = err ? err : set_serial(x);
    return err ? err : add_extensions(x, issuer, request);
}

static err_t check_request(const struct cert_request *request)
{
    size_t len = request->common_name == NULL ? 0 : strlen(request->common_name);

    if (len == 0 || len > COMMON_NAME_MAX || request->not_before > request->not_after ||
        (int)request->profile < 0 || request->profile > CERT_TOKEN) {
        return ERR_VALUE;
    }
    return ERR_OK;
}

/* The algorithm of a signature, into x. RFC 4055, 5: parameters NULL for RSA. RFC 5758, 3.2: none
 * for ECDSA. */
static err_t name_algorithm(X509 *x, bool is_ec, enum hash_alg hash)
{
    /* OpenSSL lends it read-only, but has no other way to a certificate that it does not sign. */
    union {
        const X509_ALGOR *lent;
        X509_ALGOR *own;
    } algorithm = {.lent = X509_get0_tbs_sigalg(x)};
    int nid = !is_ec                ? NID_sha256WithRSAEncryption
              : hash == HASH_SHA384 ? NID_ecdsa_with_SHA384
                                    : NID_ecdsa_with_SHA256;

    return X509_ALGOR_set0(algorithm.own, OBJ_nid2obj(nid), is_ec ? V_ASN1_UNDEF : V_ASN1_NULL,
                           NULL) == 1
               ? ERR_OK
               : ERR_CRYPTO;
}

/* RFC 5280, 4.1: what is signed, by which algorithm, the signature. */
static err_t put_signed(X509 *x, struct span tbs, struct span signature, struct buf *out)
{
    CLEANUP(buf_done) struct buf body = {0};
    CLEANUP(buf_done) struct buf bits = {0};
    unsigned char *algorithm = NULL;
    int len = i2d_X509_ALGOR(X509_get0_tbs_sigalg(x), &algorithm);
    err_t err;

    if (len <= 0) {
        return ERR_CRYPTO;
    }
    buf_init(&body, CERT_MAX_BYTES);
    buf_init(&bits, RSA_MAX_BYTES + 1);
    buf_u8(&bits, 0); /* no bit of the last byte is unused */
    buf_add(&bits, signature);
    buf_add(&body, tbs);
    buf_add(&body, span_of(algorithm, (size_t)len));
    der_put(&body, DER_BIT_STRING, buf_span(&bits));
    OPENSSL_free(algorithm);
    err = buf_err(&bits) ? buf_err(&bits) : buf_err(&body);
    if (err == ERR_OK) {
        der_put(out, DER_SEQUENCE, buf_span(&body));
    }
    return err ? err : buf_err(out);
}

/* Not X509_sign: what names the algorithm would come from the provider that holds the key, and that
 * of a TPM names ECDSA with a parameter, which no careful reader takes. */
static err_t sign_cert(X509 *x, const struct signkey *key, struct buf *out)
{
    bool is_ec = signkey_public(key)->kind == PUBKEY_EC;
    enum hash_alg hash = signkey_public(key)->curve == CURVE_P384 ? HASH_SHA384 : HASH_SHA256;
    uint8_t digest[HASH_MAX_BYTES];
    struct sign_job job = {
        .scheme = is_ec ? SIG_ECDSA : SIG_RSASSA, .hash = hash, .digest = digest};
    unsigned char *tbs = NULL;
    int len;
    err_t err = name_algorithm(x, is_ec, hash);

    if (err) {
        return err;
    }
    len = i2d_re_X509_tbs(x, &tbs);
    if (len <= 0) {
        return ERR_CRYPTO;
    }
    err = hash_once(hash, span_of(tbs, (size_t)len), digest);
    err = err ? err : signkey_do(key, &job);
    err = err ? err : put_signed(x, span_of(tbs, (size_t)len), span_of(job.sig, job.len), out);
    OPENSSL_free(tbs);
    return err;
}

bool cert_is_made_here(const struct cert *cert)
{
    return cert_is_self_issued(cert) && cert->serial.len == SERIAL_BYTES &&
           (cert->serial.data[0] & 0xc0) == 0x40 && !cert->is_ca && !cert->has_key_usage &&
           !cert->has_eku && cert->ski.len > 0;
}

err_t cert_issue(const struct cert_request *request, const struct pubkey *key,
                 const struct cert *issuer, const struct signkey *issuer_key, struct cert **ret)
{
    CLEANUP(X509_free) X509 *x = NULL;
    CLEANUP(X509_free) X509 *parent = NULL;
    CLEANUP(buf_done) struct buf der = {0};
    const unsigned char *at;
    err_t err = check_request(request);

    if (err) {
        return err;
    }
    if (issuer != NULL && issuer->key == NULL) {
        return ERR_VALUE;
    }
    if (!pubkey_equal(issuer == NULL ? key : issuer->key, signkey_public(issuer_key))) {
        return ERR_MISMATCH; /* the name of one CA over the signature of another */
    }
    x = X509_new();
    if (issuer != NULL) {
        at = issuer->der.data;
        parent = d2i_X509(NULL, &at, (long)issuer->der.len);
    }
    if (x == NULL || (issuer != NULL && parent == NULL)) {
        return openssl_failed(ERR_MEMORY);
    }
    err = fill(x, parent == NULL ? x : parent, request, key);
    buf_init(&der, CERT_MAX_BYTES);
    err = err ? err : sign_cert(x, issuer_key, &der);
    return err ? openssl_failed(err) : cert_new_der(buf_span(&der), NULL, ret);
}
