/* Who may send these bytes: who deploys the extension to the machine, and whoever can change what
 * lies in the guest agent's folder. */
#include "crypto/cms.h"

#include "crypto/internal.h"

#include <openssl/cms.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

DEFINE_CLEANUP(BIO *, BIO_free_all)
DEFINE_CLEANUP(X509 *, X509_free)
DEFINE_CLEANUP(CMS_ContentInfo *, CMS_ContentInfo_free)

static BIO *memory_of(struct span bytes)
{
    return BIO_new_mem_buf(bytes.data, (int)bytes.len);
}

static err_t read_pair(struct span cert_pem, struct span key_pem, struct trail *trail,
                       X509 **ret_cert, EVP_PKEY **ret_key)
{
    CLEANUP(BIO_free_all) BIO *cert_in = memory_of(cert_pem);
    CLEANUP(BIO_free_all) BIO *key_in = memory_of(key_pem);
    char no_password[] = ""; /* nobody is asked for one */

    if (cert_in == NULL || key_in == NULL) {
        return openssl_failed(ERR_MEMORY);
    }
    *ret_cert = PEM_read_bio_X509(cert_in, NULL, NULL, no_password);
    if (*ret_cert == NULL) {
        trail_set(trail, ERR_MALFORMED, "the certificate is none in PEM form");
        return openssl_failed(ERR_MALFORMED);
    }
    *ret_key = PEM_read_bio_PrivateKey(key_in, NULL, NULL, no_password);
    if (*ret_key == NULL) {
        trail_set(trail, ERR_MALFORMED, "the private key is none in PEM form without a password");
        return openssl_failed(ERR_MALFORMED);
    }
    return ERR_OK;
}

static err_t read_envelope(struct span der, struct trail *trail, CMS_ContentInfo **ret)
{
    const unsigned char *at = der.data;
    CLEANUP(CMS_ContentInfo_free) CMS_ContentInfo *cms = NULL;

    if (der.len > CMS_MAX_BYTES) {
        return trail_set(trail, ERR_TOO_LARGE, "has more than %d bytes", CMS_MAX_BYTES);
    }
    cms = d2i_CMS_ContentInfo(NULL, &at, (long)der.len);
    if (cms == NULL || at != der.data + der.len) {
        trail_set(trail, ERR_MALFORMED, "is no CMS structure");
        return openssl_failed(ERR_MALFORMED);
    }
    if (OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_enveloped) {
        return trail_set(trail, ERR_UNSUPPORTED, "is CMS, but no enveloped data");
    }
    *ret = TAKE(cms);
    return ERR_OK;
}

err_t cms_open(struct span der, struct span cert_pem, struct span key_pem, struct trail *trail,
               struct buf *plain)
{
    CLEANUP(CMS_ContentInfo_free) CMS_ContentInfo *cms = NULL;
    CLEANUP(X509_free) X509 *cert = NULL;
    CLEANUP(EVP_PKEY_free) EVP_PKEY *key = NULL;
    CLEANUP(BIO_free_all) BIO *out = NULL;
    char *bytes = NULL;
    long len;
    err_t err = read_envelope(der, trail, &cms);

    err = err ? err : read_pair(cert_pem, key_pem, trail, &cert, &key);
    if (err) {
        return err;
    }
    out = BIO_new(BIO_s_secmem()); /* wipes what it held, secure heap or not */
    if (out == NULL) {
        return openssl_failed(ERR_MEMORY);
    }
    /* Without CMS_DEBUG_DECRYPT a wrong key is not told from wrong content. */
    if (CMS_decrypt(cms, key, cert, NULL, out, CMS_BINARY) != 1) {
        trail_set(trail, ERR_MISMATCH,
                  "cannot be decrypted: it was encrypted to another certificate, or altered");
        return openssl_failed(ERR_MISMATCH);
    }
    len = BIO_get_mem_data(out, &bytes);
    buf_add(plain, span_of(bytes, len > 0 ? (size_t)len : 0));
    return buf_err(plain);
}
