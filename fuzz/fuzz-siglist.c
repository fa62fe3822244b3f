/*
 * Who can send these bytes: root of any guest, inside a log.
 */
#include "uefi/siglist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct siglist_iter iter;
    struct siglist_entry entry = {0};
    size_t bytes = 0;

    siglist_begin(&iter, span_of(data, size));
    while (siglist_next(&iter, &entry) == ERR_OK) {
        bytes += entry.data.len;
    }
    /* Entries lie beside each other inside the input. */
    if (bytes > size) {
        __builtin_trap();
    }
    return 0;
}
