/*
 * signer.h - "sign these claims for this provider", and nothing else.
 *
 * The token keys stay behind this interface: text goes in, a token comes out. It takes serialised
 * claims and not a document, because the signer is to become a process of its own (design section
 * 8): no guest byte is parsed where a private key is in reach. Immutable after opening, reference
 * counted, any thread. A key that is held elsewhere and does not sign is logged here.
 *
 * Rotation leaves no gap. A new key is published at once and signs SIGNER_AHEAD_S later, when
 * whoever keeps a copy of the key set has fetched it anew; the one before stays published until the
 * last token that it can have signed has expired.
 */
#ifndef SERVICE_SIGNER_H
#define SERVICE_SIGNER_H

#include "base/arena.h"
#include "base/err.h"
#include "crypto/signkey.h"
#include "service/folder.h"

enum {
    SIGNER_AHEAD_S = 600,
    SIGNER_TOKEN_MAX_S = 525600 * 60, /* the longest that a policy can ask for */
};

struct signer;

struct signer_options {
    const struct folder *folder;
    const char *place;      /* in DIR: "signing", "signing/NAME"; made when it is missing */
    const char *issuer;     /* attestUri: subject of new certificates, origin of jku */
    enum signkey_kind kind; /* of keys that are made; others sign if they are of its algorithm */
    /* A key was made there before: what to do when there is none any more. NULL: one is made. */
    const char *lost;
};

/* Every NAME.key (a key, or the URI of one that is held elsewhere) with its NAME.pem
 * (signer-cert.h); the last by name of the wanted algorithm signs, from the time in its name on
 * (one without a time: at once); all that may have signed what is valid still are published. Makes
 * a key when there is none of that algorithm. ERR_NOT_FOUND for a NAME.pem whose NAME.key is
 * missing, and with `lost` when there is no key; ERR_MISMATCH where keys are held elsewhere and
 * none is of the algorithm. */
err_t signer_open(const struct signer_options *options, struct trail *trail,
                  struct signer **ret) MUST_CHECK;
/* A new key beside those that are there: to be opened then. ERR_TOO_MANY when there are
 * TOKEN_MAX_KEYS. */
err_t signer_add_key(const struct signer_options *options, struct trail *trail) MUST_CHECK;
struct signer *signer_ref(struct signer *signer);
void signer_free(struct signer *signer); /* the last reference */
DEFINE_CLEANUP(struct signer *, signer_free)

enum signer_form {
    SIGNER_PLAIN, /* alg, jku, kid, typ */
    SIGNER_X5C,   /* and the certificates */
    SIGNER_X5T,   /* or their leaf's thumbprint */
};
/* claims: JSON text of an object. The provider's issuer is the one of the options. ERR_SIGNING_KEY
 * when the key is held elsewhere and cannot be used now. */
err_t signer_sign(const struct signer *signer, struct arena *arena, int64_t now,
                  enum signer_form form, struct span claims, struct span *ret_token) MUST_CHECK;
/* Did the key of now make the last signature that it was asked for? If not, it is asked for another
 * one. ERR_SIGNING_KEY. */
err_t signer_check(const struct signer *signer, int64_t now) MUST_CHECK;
/* {"keys":[...]}; borrowed. */
struct span signer_jwks(const struct signer *signer);
/* Is the last key held outside the server (signkey_new_uri)? Then only the operator makes another.
 */
bool signer_is_external(const struct signer *signer);
/* "RS256" */
const char *signer_algorithm(const struct signer *signer);
/* The kid of the key that signs at `now`, and of the one that will when it is another, else NULL:
 * for operators. */
const char *signer_kid(const struct signer *signer, int64_t now, const char **ret_next);

#endif
