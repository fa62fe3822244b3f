/*
 * Who can send these bytes: signed-in callers, as $filter. Terms and their values are inside the
 * text, or copies that are no longer.
 */
#include "control/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(1024u * 1024);
    struct filter filter;
    struct trail trail = {0};
    err_t err = filter_read(arena, span_of(data, size), &trail, &filter);

    if (err ? trail.what[0] == '\0' && err != ERR_MEMORY : filter.n > FILTER_MAX_TERMS) {
        __builtin_trap();
    }
    for (size_t i = 0; err == ERR_OK && i < filter.n; i++) {
        const struct filter_term *term = &filter.terms[i];

        if (term->name.len == 0 || term->name.len > size || term->value.len > size ||
            term->operator> FILTER_LT) {
            __builtin_trap();
        }
    }
    (void)filter_value(&filter, "resourceGroup");
    arena_free(arena);
    return 0;
}
