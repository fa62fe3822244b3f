/* Packages of the agent: header and manifest, and versions. */
#include "package/package.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(4 * 1024 * 1024);
    struct package package;
    struct span head;
    struct trail trail = {0};
    struct version version;

    if (arena == NULL) {
        return 0;
    }
    (void)!version_read(span_of(data, size), &version);
    if (package_read(arena, span_of(data, size), &trail, &package) == ERR_OK &&
        package_write(arena, &package, &trail, &head) != ERR_OK) {
        __builtin_trap(); /* what was read can be written */
    }
    return 0;
}
