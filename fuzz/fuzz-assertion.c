/*
 * Who can send these bytes: anybody, as client_assertion at the token endpoint. What is handed out
 * is of the lengths and the kinds that its reader relies on.
 */
#include "identity/assertion.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(4 * 1024 * 1024);
    struct assertion assertion = {0};
    struct trail trail = {0};

    if (arena != NULL && assertion_read(arena, span_of(data, size), &trail, &assertion) == ERR_OK &&
        ((assertion.digest.len != SHA1_BYTES && assertion.digest.len != SHA256_BYTES) ||
         (assertion.alg != TOKEN_RS256 && assertion.alg != TOKEN_PS256) ||
         assertion.issuer.data == NULL || assertion.expires < 0 || assertion.starts < 0 ||
         assertion.jti.len > ASSERTION_MAX_JTI)) {
        __builtin_trap();
    }
    arena_free(arena);
    return 0;
}
