/*
 * assertion.h - inside of the identity room: what a client says of itself in a signed assertion
 * (RFC 7523, 3; the certificate is named by x5t or x5t#S256 of RFC 7515).
 *
 * Who may send these bytes: anybody. What is read here selects a certificate and is believed only
 * once that certificate's key has signed it.
 */
#ifndef IDENTITY_ASSERTION_H
#define IDENTITY_ASSERTION_H

#include "token/token.h"

enum {
    ASSERTION_MAX_BYTES = 16 * 1024,
    ASSERTION_MAX_JTI = 256,
    ASSERTION_MAX_S = 3600, /* it may live: what was used is remembered for so long */
    ASSERTION_SKEW_S = 60,
};

struct assertion {
    struct jws jws;
    enum token_alg alg; /* RS256 or PS256 */
    struct span digest; /* of the certificate: 20 bytes of SHA-1 or 32 of SHA-256 */
    struct span issuer, sub, audience;
    struct span jti;         /* data NULL when it has none */
    int64_t expires, starts; /* starts 0 when it does not say */
};

/* Form and types alone. ERR_UNSUPPORTED for another algorithm, ERR_JSON_MISSING for a claim or a
 * thumbprint that is not there. In the arena. */
err_t assertion_read(struct arena *arena, struct span text, struct trail *trail,
                     struct assertion *ret) MUST_CHECK;

#endif
