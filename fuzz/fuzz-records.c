/*
 * Who can send these bytes: root of any guest. Records of a Windows event, and an IMA list, as
 * policies are told of them: what is written must be JSON.
 */
#include "claims/parts.h"

static void check(struct arena *arena, err_t err, struct text *text)
{
    static const struct json_limits limits = {.max_depth = 64, .max_values = 64u * 1024 * 1024};
    yyjson_val *root = NULL;
    struct span json = {0};

    if (err == ERR_OK && text_end(text, &json) == ERR_OK) {
        err = json_read(arena, json, &limits, NULL, &root);
        if (err == ERR_JSON_SYNTAX || err == ERR_JSON_DUPLICATE) {
            __builtin_trap();
        }
    }
    text_done(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(256u * 1024 * 1024);
    struct hasher *hasher = crypto_init() == ERR_OK ? hasher_new() : NULL;
    struct text text;
    err_t err;

    text_begin(&text, arena, CLAIMS_DOCUMENT_MAX);
    check(arena, write_windows_records(&text, span_of(data, size), NULL), &text);
    text_begin(&text, arena, CLAIMS_DOCUMENT_MAX);
    text_open(&text, '[');
    err = write_ima_events(&text, span_of(data, size), 1, 0, hasher, NULL);
    text_close(&text, ']');
    check(arena, err, &text);
    hasher_free(hasher);
    arena_free(arena);
    return 0;
}
