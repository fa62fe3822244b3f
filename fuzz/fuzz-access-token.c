/*
 * Who can send these bytes: anybody, as a bearer token. None is accepted: nobody has the key.
 */
#include "access/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char jwks[] =
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"alg\":\"ES256\","
        "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
        "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}]}";
    struct arena *arena = arena_new(8u * 1024 * 1024);
    struct access_issuer issuer = {
        .url = "https://i.example", .tenant = "t", .audiences = {{"https://attest.azure.net"}}};
    struct access_issuers *issuers = NULL;
    struct token_keys *keys = NULL;
    struct access_result result;
    size_t left_out = 0;

    if (arena != NULL && crypto_init() == ERR_OK &&
        jwks_read(arena, span_str(jwks), NULL, &keys, &left_out) == ERR_OK) {
        issuer.keys = access_keys_new(keys);
        if (issuer.keys != NULL && access_issuers_new(&issuer, 1, NULL, &issuers) == ERR_OK) {
            access_token_check(arena, issuers, ACCESS_DATA, 1, span_of(data, size), &result);
            if (size > 0 && result.reason == ACCESS_OK) {
                __builtin_trap();
            }
        }
    }
    access_issuers_free(issuers);
    access_keys_free(issuer.keys);
    arena_free(arena);
    return 0;
}
