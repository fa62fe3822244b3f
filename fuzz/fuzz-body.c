/*
 * Who can send these bytes: signed-in callers, as a body and a patch with a NUL between them. What
 * was checked is equal to itself, and a merge leaves what can be written and read again.
 */
#include "resource/body.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

static yyjson_mut_val *read_value(struct arena *arena, yyjson_mut_doc *doc, struct span text)
{
    yyjson_val *root = NULL;
    yyjson_mut_val *value =
        json_read(arena, text, NULL, NULL, &root) == ERR_OK ? yyjson_val_mut_copy(doc, root) : NULL;

    return yyjson_mut_is_obj(value) && body_check(value, NULL) == ERR_OK ? value : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(64u * 1024 * 1024);
    yyjson_mut_doc *doc = json_new(arena);
    const uint8_t *nul = size == 0 ? NULL : memchr(data, '\0', size);
    size_t len = nul == NULL ? size : (size_t)(nul - data);
    yyjson_mut_val *body = read_value(arena, doc, span_of(data, len)), *patch, *copy, *again;

    if (body != NULL) {
        patch = nul == NULL ? NULL : read_value(arena, doc, span_of(nul + 1, size - len - 1));
        copy = yyjson_mut_val_mut_copy(doc, body);
        require(body_equal(body, copy));
        body_merge(doc, body, patch);
        again = read_value(arena, doc, json_write(arena, doc, body, false));
        require(again != NULL && body_equal(body, again));
        body_clean(copy);
        body_set_text(doc, copy, "location", "x");
        require(strcmp(body_text_at(copy, "LOCATION"), "x") == 0);
    }
    arena_free(arena);
    return 0;
}
