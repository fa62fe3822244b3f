/*
 * Who can send these bytes: the kernel, and whoever named a module that root loaded.
 */
#include "base/text.h"
#include "guest/guest.h"
#include "guest/kernel-text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(32u * 1024 * 1024);
    struct span text = span_of(data, size), mode = {0};
    struct kernel_module *modules = NULL;
    struct guest_os os;
    uint64_t number = 0;
    bool is_on = false;
    size_t n = 0;

    (void)!kernel_number(text, &number);
    (void)!kernel_yes_no(text, &is_on);
    guest_os_parse(arena, text, &os);
    if (kernel_chosen(text, &mode) == ERR_OK &&
        (mode.len == 0 || memchr(mode.data, ']', mode.len))) {
        __builtin_trap();
    }
    if (kernel_modules(arena, text, NULL, &modules, &n) == ERR_OK) {
        for (size_t i = 0; i < n; i++) {
            if (!text_is_utf8(span_str(modules[i].name)) ||
                strpbrk(modules[i].name, "\n\x1b") != NULL ||
                (modules[i].is_plain && strpbrk(modules[i].name, "/. ") != NULL)) {
                __builtin_trap();
            }
        }
    }
    arena_free(arena);
    return 0;
}
