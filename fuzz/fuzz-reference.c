/*
 * Who can send these bytes: whoever may write the folder of the reference data. The input is the
 * documents one behind the other, separated by NUL.
 */
#include "reference/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reference_file files[REFERENCE_KIND_COUNT] = {{.name = "input"}};
    struct reference *reference = NULL;
    struct trail trail = {0};
    size_t n = 0;

    for (size_t from = 0; n < REFERENCE_KIND_COUNT && from < size; n++) {
        const uint8_t *end = memchr(data + from, 0, size - from);
        size_t len = end == NULL ? size - from : (size_t)(end - data) - from;

        files[n] = (struct reference_file){.name = "input", .text = span_of(data + from, len)};
        from += len + 1;
    }
    if (reference_new(files, n, &trail, &reference) == ERR_OK) {
        for (enum reference_kind kind = 0; kind < REFERENCE_KIND_COUNT; kind++) {
            for (size_t i = 0; i < reference_info(reference, kind).n_entries; i++) {
                (void)reference_entry_is(reference, kind, i, "CVE-2020-10713");
            }
        }
    } else if (trail.what[0] == '\0') {
        __builtin_trap(); /* a refusal that says nothing */
    }
    reference_free(reference);
    return 0;
}
