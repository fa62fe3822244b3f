/*
 * Who can send these bytes: root of any guest.
 */
#include "facts/facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(256u * 1024 * 1024);
    struct hasher *hasher = crypto_init() == ERR_OK ? hasher_new() : NULL;
    struct eventlog *log = NULL;
    struct readings *readings = NULL;
    struct boot_facts *facts = NULL;

    if (arena != NULL && hasher != NULL &&
        eventlog_read(arena, span_of(data, size), NULL, &log) == ERR_OK &&
        readings_make(arena, log, hasher, &readings) == ERR_OK &&
        boot_facts_make(arena, readings, NULL, hasher, &facts) == ERR_OK) {
        yyjson_mut_doc *doc = json_new(arena);
        yyjson_val *again = NULL;
        struct span text = {0};

        if (doc != NULL) {
            text = json_write(arena, doc, boot_facts_json(arena, doc, facts), false);
        }
        /* What we write we must be able to read, unless it is longer than we read. */
        if (text.data != NULL && json_read(arena, text, NULL, NULL, &again) == ERR_JSON_SYNTAX) {
            __builtin_trap();
        }
    }
    hasher_free(hasher);
    arena_free(arena);
    return 0;
}
