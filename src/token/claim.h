/*
 * claim.h - what a relying party demands of a token's claims, and whether they are so.
 *
 * A name finds a member of that very name first. Only where there is none, a dot in it leads into
 * an object: "x-ms-runtime.client-payload.nonce". A value equals another of its own kind alone:
 * the text "true" is not the Boolean true. Demands are read once and may be shared between threads.
 */
#ifndef TOKEN_CLAIM_H
#define TOKEN_CLAIM_H

#include "base/arena.h"
#include "base/err.h"
#include "json/json.h"

enum { CLAIM_NAME_MAX = 512, CLAIM_SHOWN_MAX = 160 };

/* The member of that name, or NULL. Where parts of a name hold dots themselves the longest part
 * that is there leads on: in {"a.b":{"c":1}} "a.b.c" is 1. NULL also past CLAIM_NAME_MAX bytes. */
yyjson_val *claim_find(yyjson_val *claims, const char *name);

/* A value in words, escaped and bounded: 'the text "on"', 'the number 5', 'true', 'an object'. In
 * the arena. NULL is "nothing". */
const char *claim_words(struct arena *arena, yyjson_val *value);

/* A claim that is demanded. */
struct claim_demand {
    const char *name;
    yyjson_val *value;
};
/* "NAME=VALUE": VALUE as JSON if it reads as JSON, else the text itself. name is copied, all in the
 * arena. ERR_USAGE without name or "=". */
err_t claim_demand_read(struct arena *arena, const char *text, struct trail *trail,
                        struct claim_demand *ret) MUST_CHECK;
/* ERR_OK when the claim is there and equal, else ERR_MISMATCH; *ret_words says what it is. */
err_t claim_check(struct arena *arena, yyjson_val *claims, const struct claim_demand *demand,
                  const char **ret_words) MUST_CHECK;

/*
 * Does the token carry this nonce? The claim `nonce`, or, where there is none, what the guest put
 * into its client payload, in base64 (azure-guest-protocol, 2.1 and 4): that one is echoed and not
 * covered by the TPM, but the service signed it after the nonce was known. ERR_OK or ERR_MISMATCH;
 * *ret_words says which, or why not.
 */
err_t claim_check_nonce(struct arena *arena, yyjson_val *claims, const char *nonce,
                        const char **ret_words) MUST_CHECK;

#endif
