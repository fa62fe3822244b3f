/*
 * Who can send these bytes: anybody, to the token endpoint of the built-in identity provider.
 */
#include "identity/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(1024 * 1024);
    struct form form = {0};

    if (arena != NULL && form_read(arena, span_of(data, size), NULL, &form) == ERR_OK) {
        for (size_t i = 0; i < form.n; i++) {
            for (size_t j = 0; j < i; j++) {
                if (span_equal(form.fields[i].name, form.fields[j].name)) {
                    __builtin_trap();
                }
            }
        }
        form_wipe(&form);
    }
    arena_free(arena);
    return 0;
}
