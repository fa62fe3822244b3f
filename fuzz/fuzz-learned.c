/*
 * Who can send these bytes: whoever can write where an operator keeps baselines.
 */
#include "appraise/learned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(256u * 1024 * 1024);
    struct hasher *hasher = crypto_init() == ERR_OK ? hasher_new() : NULL;
    struct learned learned = {0};

    if (arena != NULL && hasher != NULL &&
        learned_read(arena, span_of(data, size), NULL, hasher, NULL, &learned) == ERR_OK &&
        (learned.facts == NULL || learned.ak_name == NULL)) {
        __builtin_trap();
    }
    hasher_free(hasher);
    arena_free(arena);
    return 0;
}
