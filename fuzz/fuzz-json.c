/*
 * Who can send these bytes: anybody who reaches the server's port.
 */
#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(32u * 1024 * 1024);
    struct trail trail = {0};
    yyjson_val *root = NULL;

    if (arena != NULL && json_read(arena, span_of(data, size), NULL, &trail, &root) == ERR_OK) {
        yyjson_mut_doc *doc = json_new(arena);
        yyjson_mut_val *copy = doc == NULL ? NULL : yyjson_val_mut_copy(doc, root);

        if (copy != NULL && json_sort(arena, doc, copy) == ERR_OK) {
            struct span text = json_write(arena, doc, copy, false);
            yyjson_val *again = NULL;

            /* What we write we must be able to read. */
            if (text.data != NULL && json_read(arena, text, NULL, NULL, &again) != ERR_OK) {
                __builtin_trap();
            }
        }
    }
    arena_free(arena);
    return 0;
}
