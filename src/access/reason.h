/*
 * reason.h - why a caller is refused: stable words for the audit log, and what the wire may say.
 *
 * The words are for those who run the service. Who was refused at the data plane learns only that a
 * valid token is needed (attestation-api section 4), never which check failed: that would help with
 * the next try. The one exception is a shared provider, where no next try can help (api/protect.h).
 * The management plane tells who holds a token that an issuer signed what to put right.
 */
#ifndef ACCESS_REASON_H
#define ACCESS_REASON_H

#include "base/arena.h"
#include "base/span.h"

/* clang-format off */
#define ACCESS_REASONS(X)                                                                          \
    X(OK,              "ok",                   "the caller is known")                              \
    X(NO_TOKEN,        "no-token",             "no bearer token was sent")                         \
    X(TOO_LARGE,       "token-too-large",      "the token is larger than ACCESS_TOKEN_MAX_BYTES")  \
    X(MALFORMED,       "token-malformed",      "it is no signed token")                            \
    X(ISSUER,          "issuer-unknown",       "no configured issuer is the token's iss")          \
    X(NO_KEYS,         "issuer-keys-missing",  "the issuer's keys are not known now")              \
    X(KEY,             "key-unknown",          "the issuer has no key of the token's kid")         \
    X(SIGNATURE,       "token-signature",      "signature or algorithm is not the key's")          \
    X(EXPIRED,         "token-expired",        "its time is over")                                 \
    X(EARLY,           "token-early",          "its time has not come")                            \
    X(AUDIENCE,        "token-audience",       "it is for another service")                        \
    X(TYPE,            "token-type",           "it is a token of another kind")                    \
    X(CLAIMS,          "token-claims",         "it does not say whose it is, or when it ends")     \
    X(TENANT,          "token-tenant",         "it is of another tenant than its issuer")          \
    X(PRINCIPAL,       "principal-removed",    "the principal was removed since it signed in")     \
    X(ROLE,            "role-missing",         "no role of the caller allows the action there")    \
    X(SHARED,          "shared-provider",      "a shared provider is changed by nobody")           \
    X(FAULT,           "fault",                "the check itself failed, for want of memory")
/* clang-format on */

enum access_reason {
#define X(code, word, text) ACCESS_##code,
    ACCESS_REASONS(X)
#undef X
        ACCESS_REASON_COUNT
};

/* "token-expired" and its sentence. Never NULL. */
const char *access_reason_name(enum access_reason reason);
const char *access_reason_text(enum access_reason reason);
/* The same token may be taken later: 503 and Retry-After, not 401, which clients take for final. */
bool access_reason_is_temporary(enum access_reason reason);

/* "Access to PATH requires a valid JWT bearer token", the words of the real service; PATH escaped
 * and cut. In the arena; "" at its limit. */
const char *access_message(struct arena *arena, struct span path);
/* The value of WWW-Authenticate: where to sign in (authority, an address of ours), and unless no
 * token was sent at all that the one that was is not good (RFC 6750, 3.1). NULL at the limit. */
const char *access_challenge(struct arena *arena, const char *authority, enum access_reason reason);

#endif
