/*
 * Who can send these bytes: a request, anybody who reaches the server's port, without credentials;
 * a reply, whoever stands between a guest and its server.
 */
#include "evidence/azureguest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[32]; /* with which the seed of a reply is sealed */
    struct arena *arena = arena_new(32u * 1024 * 1024);
    struct evidence *evidence = NULL;
    struct azureguest_sealed sealed = {0};
    struct trail trail = {0};
    uint8_t nonce[SHA256_BYTES];
    struct span jwt;
    err_t err = crypto_init();

    err = err ? err : azureguest_parse_any(arena, span_of(data, size), &trail, &evidence);
    if ((err == ERR_OK) != (evidence != NULL) ||
        (err == ERR_OK &&
         azureguest_expected_nonce(evidence->azure.context, evidence->azure.guest_facts_canonical,
                                   nonce) != ERR_OK)) {
        __builtin_trap();
    }
    if (azureguest_parse_reply(arena, span_of(data, size), &trail, &sealed) == ERR_OK &&
        azureguest_open_reply(arena, &sealed, span_of(key, sizeof(key)), &jwt) == ERR_OK &&
        jwt.len != sealed.jwt_cipher.len) {
        __builtin_trap();
    }
    arena_free(arena);
    return 0;
}
