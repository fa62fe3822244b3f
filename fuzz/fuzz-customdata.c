/*
 * Who can send these bytes: whoever may make a virtual machine, as customData or userData, or a
 * deployment, in a template. A token that is found is a word inside the data, behind its mark; none
 * is left when all are struck, and nothing becomes longer.
 */
#include "resource/join-token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void strike(struct arena *arena, struct span text)
{
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *value =
        yyjson_mut_strncpy(doc, text.data == NULL ? "" : (const char *)text.data, text.len);

    join_token_strike(arena, value);
    if (join_token_find(span_of(yyjson_mut_get_str(value), yyjson_mut_get_len(value))).data !=
            NULL ||
        yyjson_mut_get_len(value) != text.len) {
        __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t mark = sizeof(JOIN_TOKEN_MARK) - 1;
    struct span token = join_token_find(span_of(data, size));
    CLEANUP(arena_free) struct arena *arena = arena_new(16 * size + 1024 * 1024);

    strike(arena, span_of(data, size));
    if (token.data == NULL) {
        return 0;
    }
    /* The mark, at least a colon or an equals sign, and then the word. */
    if (token.len == 0 || token.data <= data + mark || token.data + token.len > data + size) {
        __builtin_trap();
    }
    for (size_t i = 0; i < token.len; i++) {
        if (token.data[i] <= ' ' || token.data[i] > '~') {
            __builtin_trap();
        }
    }
    return 0;
}
