/*
 * Who can send these bytes: a guest whose last boot was judged good, or an operator.
 */
#include "appraise/announced.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(64u * 1024 * 1024);
    struct hasher *hasher = crypto_init() == ERR_OK ? hasher_new() : NULL;
    struct announced *announced = NULL;

    if (arena != NULL && hasher != NULL &&
        announced_read(arena, span_of(data, size), hasher, NULL, &announced) == ERR_OK) {
        for (size_t i = 0; i < announced->n; i++) {
            if (announced->items[i].n_digests == 0 ||
                announced->items[i].n_digests > ANNOUNCED_FORMS) {
                __builtin_trap();
            }
        }
    }
    hasher_free(hasher);
    arena_free(arena);
    return 0;
}
