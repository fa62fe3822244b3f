/*
 * Who can send these bytes: whoever hands a file to a person who then asks what it is.
 */
#include "eventlog/file-kind.h"
#include "uefi/gpt.h"
#include "uefi/spdm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(4u * 1024 * 1024);
    struct partition_table table = {0};
    struct spdm_event event = {0};

    if (arena != NULL) {
        (void)file_kind_words(arena, span_of(data, size));
        if (gpt_read(arena, span_of(data, size), &table) == ERR_OK &&
            table.n > GPT_PARTITIONS_MAX) {
            __builtin_trap();
        }
        if (spdm_event_read(span_of(data, size), &event) == ERR_OK && event.payload.len > size) {
            __builtin_trap();
        }
    }
    arena_free(arena);
    return 0;
}
