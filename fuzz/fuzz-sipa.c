/*
 * Who can send these bytes: root of any guest, inside a log.
 */
#include "facts/windows.h"
#include "reading/sipa.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct event event = {.data = span_of(data, size)};
    struct arena *arena = arena_new(64u * 1024 * 1024);
    struct windows_trust_point point;
    struct sipa_iter iter;
    struct sipa_record record;
    size_t n = 0;
    size_t leaves = 0;

    sipa_begin(&iter, event.data);
    while (sipa_next(&iter, &record) == ERR_OK) {
        uint64_t number;

        n++;
        leaves += (record.id & SIPA_CONTAINER) == 0 ? record.payload.len : 0;
        (void)!sipa_uint(record.payload, &number);
    }
    /* Each record has a header of its own, and what is in it lies beside the others'. */
    if (n > size / 8 || leaves > size - 8 * n) {
        __builtin_trap();
    }
    if (arena != NULL && windows_trust_point_read(arena, &event, &point) != ERR_OK) {
        __builtin_trap();
    }
    arena_free(arena);
    return 0;
}
