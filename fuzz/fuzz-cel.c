/*
 * Who can send these bytes: root of any guest.
 */
#include "eventlog/cel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t zeros[HASH_MAX_BYTES];
    struct arena *arena = arena_new(64u * 1024 * 1024);
    struct hasher *hasher = crypto_init() == ERR_OK ? hasher_new() : NULL;
    struct cel *cel = NULL;
    uint8_t value[HASH_MAX_BYTES];
    bool covered = false;

    if (arena != NULL && hasher != NULL &&
        cel_read(arena, span_of(data, size), NULL, &cel) == ERR_OK) {
        for (size_t i = 0; i < cel->n; i++) {
            err_t err = cel_replay(cel, cel->records[i].kind, cel->records[i].index, HASH_SHA384,
                                   span_of(zeros, SHA384_BYTES), hasher, NULL, value);

            if ((err != ERR_OK && err != ERR_NOT_FOUND) ||
                cel_is_covered(&cel->records[i], hasher, &covered) != ERR_OK ||
                (i > 0 && cel->records[i].number <= cel->records[i - 1].number)) {
                __builtin_trap();
            }
            if (i == 16) {
                break; /* a replay for each record would be quadratic */
            }
        }
    }
    hasher_free(hasher);
    arena_free(arena);
    return 0;
}
