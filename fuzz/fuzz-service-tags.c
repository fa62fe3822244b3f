/*
 * Who can send these bytes: whoever publishes a service tag file, and whoever may import one.
 */
#include "network/tags.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Written in either form it reads back with the same names. */
static void check(struct arena *arena, const struct service_tags *tags, bool is_rest)
{
    yyjson_mut_doc *doc = json_new(arena);
    const struct service_tags *again = NULL;
    yyjson_val *json = NULL;
    struct span text = {0};

    if (doc != NULL) {
        text = json_write(arena, doc,
                          is_rest ? tags_write_rest(doc, tags, "/x") : tags_write_file(doc, tags),
                          false);
    }
    if (text.data != NULL && json_read(arena, text, &tags_json, NULL, &json) == ERR_OK &&
        (tags_read(arena, json, NULL, NULL, &again) == ERR_VALUE ||
         (again != NULL && again->n != tags->n))) {
        __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(64u * 1024 * 1024);
    const struct service_tags *tags = NULL;
    yyjson_val *json = NULL;

    if (arena != NULL && json_read(arena, span_of(data, size), &tags_json, NULL, &json) == ERR_OK &&
        tags_read(arena, json, NULL, NULL, &tags) == ERR_OK) {
        check(arena, tags, true);
        check(arena, tags, false);
        for (size_t i = 0; i < tags->n; i++) {
            if (tags_find(tags, span_str(tags->items[i].name)) != &tags->items[i]) {
                __builtin_trap();
            }
        }
    }
    return 0;
}
