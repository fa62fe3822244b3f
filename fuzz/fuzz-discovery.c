/*
 * Who can send these bytes: whoever answers at the address of a configured issuer (discovery
 * document, key set), and who may write the server's folder (principals).
 */
#include "crypto/hash.h"
#include "identity/discovery.h"
#include "identity/principals.h"
#include "token/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(8u * 1024 * 1024);
    const struct span bytes = span_of(data, size);
    const char *uri = NULL, *base = NULL, *path = NULL;
    struct principals *principals = NULL;
    struct token_keys *keys = NULL;
    size_t left_out = 0;

    if (arena == NULL || crypto_init() != ERR_OK) {
        arena_free(arena);
        return 0;
    }
    if (discovery_read(arena, bytes, "https://i.example", NULL, &uri) == ERR_OK &&
        (discovery_split(arena, uri, NULL, &base, &path) != ERR_OK || path[0] != '/')) {
        __builtin_trap();
    }
    if (jwks_read(arena, bytes, NULL, &keys, &left_out) == ERR_OK) {
        token_keys_free(keys);
    }
    if (principals_read(bytes, NULL, &principals) == ERR_OK) {
        principals_free(principals);
    }
    arena_free(arena);
    return 0;
}
