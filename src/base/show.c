#include "base/show.h"

#include "base/text.h"

/* Printable ASCII needs no escaping. */
static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x7f;
}

struct span show_until_nul(struct span bytes)
{
    const uint8_t *nul = bytes.len > 0 ? memchr(bytes.data, 0, bytes.len) : NULL;

    return nul != NULL ? span_of(bytes.data, (size_t)(nul - bytes.data)) : bytes;
}

static const char *copy_plain(struct arena *arena, struct span bytes)
{
    struct span copy = arena_dup(arena, bytes);

    return (const char *)copy.data;
}

/* text_escape_dup answers "" when the arena is full; bytes never escape to nothing. */
static const char *escape(struct arena *arena, struct span bytes)
{
    const char *text = text_escape_dup(arena, bytes, SHOW_MAX);

    return bytes.len > 0 && text[0] == '\0' ? NULL : text;
}

/* Plain text with line ends and tabs, as in GRUB's menus: what text_escape does, in one pass. */
static const char *escape_lines(struct arena *arena, struct span bytes, size_t n_escapes)
{
    char *text = arena_alloc(arena, bytes.len + n_escapes + 1);
    size_t n = 0;

    if (text == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.data[i];

        if (!is_plain(c)) {
            text[n++] = '\\';
            c = c == '\n' ? 'n' : 't';
        }
        text[n++] = (char)c;
    }
    text[n] = '\0';
    return text;
}

const char *show_bytes(struct arena *arena, struct span bytes)
{
    size_t n_escapes = 0;

    if (bytes.len == 0) {
        return "";
    }
    if (bytes.len > SHOW_MAX / 2) {
        return escape(arena, bytes);
    }
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.data[i];

        if (!is_plain(c)) {
            if (c != '\n' && c != '\t') {
                return escape(arena, bytes);
            }
            n_escapes++;
        }
    }
    return n_escapes == 0 ? copy_plain(arena, bytes) : escape_lines(arena, bytes, n_escapes);
}

const char *show_text(struct arena *arena, struct span bytes)
{
    return show_bytes(arena, show_until_nul(bytes));
}

/* Units of UTF-16LE up to the first NUL, and whether they are all plain ASCII. */
static size_t utf16_units(struct span utf16, bool *ret_plain)
{
    size_t units = utf16.len / 2;
    size_t n = 0;

    *ret_plain = true;
    while (n < units && (utf16.data[2 * n] != 0 || utf16.data[2 * n + 1] != 0)) {
        if (utf16.data[2 * n + 1] != 0 || !is_plain(utf16.data[2 * n])) {
            *ret_plain = false;
        }
        n++;
    }
    return n;
}

bool show_is_plain_utf16(struct span utf16)
{
    bool plain = false;

    return utf16_units(utf16, &plain) > 0 && plain;
}

const char *show_utf16(struct arena *arena, struct span utf16)
{
    bool plain = false;
    size_t n = utf16_units(utf16, &plain);
    char *text;

    if (n == 0) {
        return "";
    }
    if (!plain || n > SHOW_MAX / 2) {
        struct span utf8 = text_from_utf16le(arena, span_cut(utf16, 0, 2 * n));

        return utf8.data != NULL ? escape(arena, utf8) : NULL;
    }
    text = arena_alloc(arena, n + 1);
    if (text == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        text[i] = (char)utf16.data[2 * i];
    }
    text[n] = '\0';
    return text;
}

const char *show_join(struct arena *arena, const char *a, const char *b, const char *c)
{
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);
    size_t c_len = strlen(c);
    char *text = arena_alloc(arena, a_len + b_len + c_len + 1);

    if (text == NULL) {
        return NULL;
    }
    *(char *)mempcpy(mempcpy(mempcpy(text, a, a_len), b, b_len), c, c_len) = '\0';
    return text;
}

/* Bytes of the character or escape that begins here. An escaped text does not say whether a
 * backslash was one from the beginning: what may be an escape is kept whole. */
static size_t unit_length(const char *text)
{
    static const char hex[] = "0123456789abcdef";
    size_t n = 1;

    if (text[0] != '\\') {
        while (((uint8_t)text[n] & 0xc0) == 0x80) {
            n++;
        }
        return n;
    }
    if (text[1] == 'x') {
        n = 2 + strspn(text + 2, hex);
        return n > 4 ? 4 : n;
    }
    if (text[1] == 'u' && text[2] == '{') {
        n = 3 + strspn(text + 3, hex);
        n = n > 9 ? 9 : n;
        return text[n] == '}' ? n + 1 : n;
    }
    return text[1] == 'n' || text[1] == 't' || text[1] == 'r' ? 2 : 1;
}

const char *show_cut(struct arena *arena, const char *text, size_t max)
{
    size_t len = strlen(text);
    size_t at = 0;
    size_t word = 0;
    const char *cut;

    max = max < 3 ? 3 : max;
    if (len <= max) {
        return text;
    }
    for (;;) {
        size_t n = unit_length(text + at);

        if (at + n > max - 3) {
            break;
        }
        at += n;
        word = text[at] == ' ' ? at : word;
    }
    /* A word as long as half of the text is not given up for its beginning. */
    cut = arena_printf(arena, "%.*s...", (int)(word > at / 2 ? word : at), text);
    return cut == NULL ? "..." : cut;
}
