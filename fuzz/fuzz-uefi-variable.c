/*
 * Who can send these bytes: root of any guest, inside a log.
 */
#include "uefi/subject.h"
#include "uefi/variable.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(16u * 1024 * 1024);
    struct uefi_variable var;
    const char *subject = NULL;
    char guid[37];

    if (arena != NULL && uefi_variable_parse(arena, span_of(data, size), &var) == ERR_OK) {
        uefi_guid_format(var.guid, guid, sizeof(guid));
        if (var.name_utf16.len + var.value.len + 32 != size ||
            (subject_of(arena, span_cut(var.value, 16, size), &subject) == ERR_OK &&
             subject == NULL)) {
            __builtin_trap();
        }
    }
    arena_free(arena);
    return 0;
}
