/*
 * Who can send these bytes: anybody who reaches the port, as a path; signed-in callers, as ids in
 * bodies. What was read is inside the id, and its scope reads back as the same scope.
 */
#include "control/kind.h"
#include "resource/path.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(4u * 1024 * 1024);
    struct resource_path path = {0}, again = {0};
    struct trail trail = {0};
    const char *id;

    if (resource_id_read(arena, span_of(data, size), &trail, &path) == ERR_OK) {
        require(path.n <= RESOURCE_MAX_SEGMENTS && strlen(path.scope) <= size);
        require((resource_path_type(arena, &path) == NULL) == (path.ns.data == NULL));
        require((resource_path_name(&path).data != NULL) == resource_path_is_one(&path));
        if (path.scope[0] != '\0') {
            require(resource_id_read(arena, span_str(path.scope), NULL, &again) == ERR_OK);
            require(strlen(again.scope) <= strlen(path.scope));
        }
        id = resource_key(arena, span_of(data, size));
        require(id != NULL && strlen(resource_parent_id(arena, id)) <= strlen(id));
    } else {
        require(trail.what[0] != '\0');
    }
    arena_free(arena);
    return 0;
}
