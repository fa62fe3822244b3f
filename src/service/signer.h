/*
 * signer.h - "sign these claims for this provider", and nothing else.
 *
 * The token keys stay behind this interface: text goes in, a token comes out. It takes serialised
 * claims and not a document, because the signer is to become a process of its own (design section
 * 8): no guest byte is parsed where a private key is in reach. Immutable after opening, any thread.
 */
#ifndef SERVICE_SIGNER_H
#define SERVICE_SIGNER_H

#include "base/arena.h"
#include "base/err.h"
#include "crypto/signkey.h"
#include "service/folder.h"

struct signer;

struct signer_options {
    const struct folder *folder; /* its keys are in DIR/signing */
    const char *issuer;          /* attestUri: subject of new certificates, origin of jku */
    enum signkey_kind kind;
};

/* Every NAME.key with its NAME.pem; the last by name of the wanted kind signs, all are published.
 * Makes a key when there is none of that kind, and a certificate where it is missing, about to
 * expire, not valid yet or for another issuer. ERR_NOT_FOUND for a NAME.pem whose NAME.key is
 * missing. */
err_t signer_open(const struct signer_options *options, struct trail *trail,
                  struct signer **ret) MUST_CHECK;
void signer_free(struct signer *signer);
DEFINE_CLEANUP(struct signer *, signer_free)

/* claims: JSON text of an object. The provider's issuer is the one of the options. */
err_t signer_sign(const struct signer *signer, struct arena *arena, struct span claims,
                  struct span *ret_token) MUST_CHECK;
/* {"keys":[...]}; borrowed. */
struct span signer_jwks(const struct signer *signer);
/* "RS256" */
const char *signer_algorithm(const struct signer *signer);

#endif
