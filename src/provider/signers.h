/*
 * signers.h - the certificates whose keys may sign policies of an isolated provider.
 *
 * A list of references; who holds one owns it (signers_done). Immutable once filled and shared.
 * As JSON they are a JWK set with x5c (attestation-api sections 7 and 8).
 */
#ifndef PROVIDER_SIGNERS_H
#define PROVIDER_SIGNERS_H

#include "crypto/cert.h"
#include "json/json.h"

enum { SIGNERS_MAX = 16 };

struct signers {
    struct cert *certs[SIGNERS_MAX];
    size_t n;
};

void signers_done(struct signers *signers);
DEFINE_CLEANUP_DONE(struct signers, signers_done)

/* {"keys":[{"kty","x5c":[...]}, ...]}: the first certificate of each key, one of each. ERR_VALUE
 * for a key without x5c, ERR_TOO_MANY past SIGNERS_MAX, ERR_UNSUPPORTED for a kind of key that we
 * do not verify; the trail says which key. */
err_t signers_read(struct arena *arena, yyjson_val *jwks, struct trail *trail,
                   struct signers *ret) MUST_CHECK;
/* One key of such a set, for a certificate that is to be added or removed. For the caller to free.
 */
err_t signers_read_key(struct arena *arena, yyjson_val *jwk, struct trail *trail,
                       struct cert **ret) MUST_CHECK;
/* {"keys":[{"alg","kty","use","x5c"}]}; NULL at the arena's limit. */
yyjson_mut_val *signers_value(struct arena *arena, yyjson_mut_doc *doc,
                              const struct signers *signers);
/* References to the same certificates. */
void signers_copy(const struct signers *signers, struct signers *ret);
bool signers_have(const struct signers *signers, const struct cert *cert);
/* Of a list that has it nothing changes. Takes its own reference. */
err_t signers_add(struct signers *signers, struct cert *cert) MUST_CHECK;
/* ERR_CONFLICT for the last one. Of a list without it nothing changes. */
err_t signers_remove(struct signers *signers, const struct cert *cert) MUST_CHECK;
/* Upper-case hexadecimal of SHA-1 over the certificate; NULL at the arena's limit. */
const char *signers_thumbprint(struct arena *arena, const struct cert *cert);

#endif
