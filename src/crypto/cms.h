/*
 * cms.h - open what was encrypted to a certificate: CMS enveloped data (RFC 5652, section 6).
 */
#ifndef CRYPTO_CMS_H
#define CRYPTO_CMS_H

#include "base/buf.h"
#include "base/err.h"

enum { CMS_MAX_BYTES = 128 * 1024 };

/* der: EnvelopedData and nothing behind it. cert_pem names which recipient we are, key_pem is its
 * private key, without a password. The content goes into *plain, which the caller made with
 * buf_init_secret. ERR_TOO_LARGE past CMS_MAX_BYTES or the buffer's limit, ERR_MALFORMED,
 * ERR_UNSUPPORTED for other kinds of CMS, ERR_MISMATCH when it was not encrypted to this
 * certificate, or altered. */
err_t cms_open(struct span der, struct span cert_pem, struct span key_pem, struct trail *trail,
               struct buf *plain) MUST_CHECK;

#endif
