/*
 * Who can send these bytes: any client; an issuer that an operator configured (key sets).
 */
#include "token/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(8u * 1024 * 1024);
    struct token_keys *keys = NULL;
    struct cert *chain[TOKEN_MAX_CHAIN];
    size_t count = 0;
    struct jws jws;
    struct token token;

    if (arena == NULL || crypto_init() != ERR_OK) {
        arena_free(arena);
        return 0;
    }
    if (jwks_read(arena, span_of(data, size), NULL, &keys, &count) == ERR_OK) {
        const struct token_verify_options options = {.keys = keys, .iss = "i", .now = 1};
        struct span text = {0};

        if (jwks_write(arena, keys, &text) == ERR_OK) {
            (void)(token_verify(arena, text, &options, NULL, &token) == ERR_OK);
        }
        token_keys_free(keys);
    }
    if (jws_read(arena, span_of(data, size), 0, NULL, &jws) == ERR_OK &&
        jws_chain(arena, &jws, NULL, chain, &count) == ERR_OK) {
        while (count > 0) {
            cert_free(chain[--count]);
        }
    }
    arena_free(arena);
    return 0;
}
