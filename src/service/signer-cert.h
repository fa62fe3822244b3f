/*
 * signer-cert.h - the certificate beside a key that signs tokens.
 *
 * One that this server made is made again when it is about to expire, not valid yet, of another
 * issuer or of another key. Any other is the operator's, whoever issued it: it is used as it is,
 * and never written over.
 */
#ifndef SERVICE_SIGNER_CERT_H
#define SERVICE_SIGNER_CERT_H

#include "service/signer.h"

/* The one at `stem`.pem for the key of `stem`.key, made when there is none. ERR_MISMATCH for an
 * operator's one of another key, ERR_SIGNING_KEY when the key cannot sign its own. */
err_t signer_cert_open(const struct signer_options *options, const struct signkey *key,
                       const char *stem, struct trail *trail, struct cert **ret) MUST_CHECK;

#endif
