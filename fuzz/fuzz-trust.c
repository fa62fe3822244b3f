/*
 * Who can send these bytes: whoever gives the operator a file of anchors. PEM and DER certificates,
 * bundles, EFI signature lists, public keys.
 */
#include "appraise/db-anchors.h"
#include "crypto/cert.h"
#include "crypto/pubkey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct span bytes = span_of(data, size);
    struct arena *arena = arena_new(16u * 1024 * 1024);
    struct cert_store *store = cert_store_new();
    struct db_anchors anchors = {0};
    struct pubkey *key = NULL;

    if (arena != NULL && store != NULL && crypto_init() == ERR_OK) {
        if (cert_store_add_file(store, bytes, NULL) == ERR_OK && cert_store_count(store) == 0) {
            __builtin_trap();
        }
        (void)(db_anchors_add(&anchors, arena, bytes, NULL) == ERR_OK);
        (void)(pubkey_new_pem(bytes, &key) == ERR_OK);
    }
    pubkey_free(key);
    cert_store_free(store);
    arena_free(arena);
    return 0;
}
