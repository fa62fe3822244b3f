/*
 * Who can send these bytes: anybody who reaches the server's port; base64 and hexadecimal stand in
 * every request, token and file.
 */
#include "base/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(16u * 1024 * 1024);
    struct span in = span_of(data, size);
    struct span out;

    require(arena != NULL);
    for (enum base64_form form = BASE64_STANDARD; form <= BASE64_ANY; form++) {
        const char *text = base64_dup(arena, form, in);

        require(base64_decode(arena, form, span_str(text), &out) == ERR_OK && span_equal(out, in));
        if (form <= BASE64_URL && base64_decode(arena, form, in, &out) == ERR_OK) {
            require(span_is(in, base64_dup(arena, form, out))); /* one value, one spelling */
        }
    }
    require(hex_decode(arena, span_str(hex_dup(arena, in)), &out) == ERR_OK);
    require(span_equal(out, in));
    require(hex_decode(arena, in, &out) != ERR_OK || out.len * 2 == size);
    arena_free(arena);
    return 0;
}
