/*
 * Who can send these bytes: root of any guest; names, paths and command lines are shown to people.
 */
#include "base/text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Inside its room, UTF-8 without control characters, and the same when escaped again. */
static void require_printable(struct arena *arena, const char *text, size_t size)
{
    struct span shown = span_of(text, strnlen(text, size));
    bool is_good = shown.len < size && text_is_utf8(shown);

    for (size_t i = 0; i < shown.len; i++) {
        is_good = is_good && shown.data[i] >= 0x20 && shown.data[i] != 0x7f;
    }
    if (!is_good || strcmp(text_escape_dup(arena, shown, shown.len), text) != 0) {
        __builtin_trap();
    }
}

/* Each of its lines is printable, and all of them fit. */
static void require_lines(struct arena *arena, struct span bytes, size_t max)
{
    const char *text = text_escape_lines_dup(arena, bytes, max);
    size_t len = strlen(text);

    if (len > max) {
        __builtin_trap();
    }
    for (size_t from = 0; from < len;) {
        size_t line = strcspn(text + from, "\n");
        const char *one = (const char *)arena_dup(arena, span_of(text + from, line)).data;

        require_printable(arena, one == NULL ? "" : one, line + 1);
        from += line + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(16u * 1024 * 1024);
    size_t room = size == 0 ? 8 : 8 + data[0];
    char *text = malloc(room); /* exactly, so that AddressSanitizer sees its end */
    struct span utf8 = text_from_utf16le(arena, span_of(data, size));

    text_escape(span_of(data, size), text, room);
    require_printable(arena, text, room);
    require_printable(arena, text_escape_dup(arena, utf8, 64), 65);
    require_lines(arena, span_of(data, size), room);
    if (!text_is_utf8(utf8)) {
        __builtin_trap();
    }
    free(text);
    arena_free(arena);
    return 0;
}
