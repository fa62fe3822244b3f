/*
 * Who can send these bytes: whoever may write the server's folder (the document), and whoever is
 * signed in (filters of lists).
 */
#include "identity/roles-internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(64u * 1024 * 1024);
    const struct span bytes = span_of(data, size);
    struct assignments *read = NULL, *again = NULL;
    struct roles_filter filter = {0};
    struct span text = {0};

    if (arena != NULL && assignments_read(bytes, NULL, &read) == ERR_OK) {
        if (assignments_write(read, arena, &text) != ERR_OK ||
            assignments_read(text, NULL, &again) != ERR_OK ||
            assignments_count(again) != assignments_count(read)) {
            __builtin_trap();
        }
        for (size_t i = 0; i < assignments_count(read); i++) {
            if (access_scope_is_shared(span_str(assignments_at(read, i)->rule.scope))) {
                __builtin_trap();
            }
        }
    }
    if (arena != NULL && roles_filter_read(arena, bytes, NULL, &filter) == ERR_OK &&
        filter.principal != NULL && strlen(filter.principal) > ROLES_FILTER_MAX) {
        __builtin_trap();
    }
    assignments_free(read);
    assignments_free(again);
    arena_free(arena);
    return 0;
}
