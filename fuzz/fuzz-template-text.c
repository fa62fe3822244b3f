/*
 * Who can send these bytes: everybody who may deploy, as a request or a file. What was read is
 * valid: written as JSON it reads back, and places of faults and values are inside the text.
 */
#include "template/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(64u * 1024 * 1024);
    struct span text = span_of(data, size);
    struct template_fault fault = {0};
    struct trail trail = {0};
    yyjson_val *root = NULL;
    yyjson_val *again = NULL;
    unsigned line = 0, column = 0;
    err_t err;

    require(arena != NULL);
    err = template_read(arena, text, &trail, &fault, &root);
    require(err == ERR_OK || (fault.code != NULL && trail.what[0] != '\0'));
    require(!trail.has_offset || trail.offset <= size);
    if (err == ERR_OK) {
        yyjson_mut_doc *doc = json_new(arena);
        struct span strict = json_write(arena, doc, yyjson_val_mut_copy(doc, root), false);

        require(strict.data != NULL);
        require(template_read(arena, strict, NULL, NULL, &again) == ERR_OK);
        require(yyjson_equals(root, again));
        require(template_where(text, root, root, &line, &column) && line > 0 && column > 0);
    }
    arena_free(arena);
    return 0;
}
