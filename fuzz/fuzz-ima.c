/*
 * Who can send these bytes: root of any guest.
 */
#include "eventlog/ima.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hasher *hasher = crypto_init() == ERR_OK ? hasher_new() : NULL;
    struct ima_summary a = {0};
    struct ima_summary b = {0};
    struct span list = span_of(data, size);

    if (hasher != NULL) {
        err_t first = ima_replay(list, HASH_SHA256, IMA_EXTEND_HASH, hasher, NULL, &a);
        err_t second = ima_replay(list, HASH_SHA384, IMA_EXTEND_SHA1_PADDED, hasher, NULL, &b);

        /* One reader: both ways see the same records or the same fault. */
        if (first != second || a.records != b.records || a.violations != b.violations) {
            __builtin_trap();
        }
    }
    hasher_free(hasher);
    return 0;
}
