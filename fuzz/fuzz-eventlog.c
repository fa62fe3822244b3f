/*
 * Who can send these bytes: root of any guest.
 */
#include "eventlog/eventlog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(64u * 1024 * 1024);
    struct hasher *hasher = crypto_init() == ERR_OK ? hasher_new() : NULL;
    struct eventlog *log = NULL;
    struct eventlog_registers regs;

    if (arena != NULL && hasher != NULL &&
        eventlog_read(arena, span_of(data, size), NULL, &log) == ERR_OK) {
        for (size_t i = 0; i < log->n_banks; i++) {
            if (log->banks[i].hash != HASH_NONE &&
                eventlog_replay(log, log->banks[i].hash, hasher, NULL, &regs) == ERR_NOT_FOUND) {
                __builtin_trap(); /* a bank that is listed can be replayed */
            }
        }
    }
    hasher_free(hasher);
    arena_free(arena);
    return 0;
}
