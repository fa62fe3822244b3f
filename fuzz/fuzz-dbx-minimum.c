/*
 * Who can send these bytes: the operator (the minimum), root of any guest (the lists it is held
 * against). The input is both, the same.
 */
#include "appraise/dbx-minimum.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(64u * 1024 * 1024);
    struct hasher *hasher = crypto_init() == ERR_OK ? hasher_new() : NULL;
    struct span bytes = span_of(data, size);
    struct dbx_minimum minimum = {0};
    struct key_contents keys;
    size_t missing = 0;

    if (arena != NULL && hasher != NULL &&
        dbx_minimum_read(arena, bytes, NULL, &minimum) == ERR_OK &&
        key_contents_read(arena, bytes, NULL, hasher, &keys) == ERR_OK &&
        dbx_minimum_missing(&minimum, arena, bytes, &keys, &missing) == ERR_OK) {
        /* Lists that are whole hold all that they demand. */
        if (missing > minimum.n || (!keys.is_malformed && missing != 0)) {
            __builtin_trap();
        }
    }
    hasher_free(hasher);
    arena_free(arena);
    return 0;
}
