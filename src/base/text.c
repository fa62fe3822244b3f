#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* Decode one code point. Returns its length in bytes, 0 when the bytes are not valid UTF-8. */
static size_t utf8_decode(struct span in, uint32_t *ret)
{
    uint8_t first = in.len > 0 ? in.data[0] : 0;
    size_t len = first < 0x80                    ? 1
                 : first >= 0xc2 && first < 0xe0 ? 2
                 : first >= 0xe0 && first < 0xf0 ? 3
                 : first >= 0xf0 && first < 0xf5 ? 4
                                                 : 0;
    uint32_t code;

    if (len == 0 || len > in.len) {
        return 0;
    }
    code = len == 1 ? first : first & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((in.data[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (in.data[i] & 0x3f);
    }
    if ((len == 3 && code < 0x800) || (len == 4 && (code < 0x10000 || code > 0x10ffff)) ||
        (code >= 0xd800 && code < 0xe000)) {
        return 0;
    }
    *ret = code;
    return len;
}

/* What changes what a person sees, or cannot be seen: controls, direction marks, joiners, fillers,
 * spaces other than the one everybody knows, tags, code points that are no characters. */
static bool is_deceptive(uint32_t code)
{
    static const struct {
        uint32_t from, to;
    } ranges[] = {
        {0x00, 0x1f},     {0x7f, 0xa0},       {0xad, 0xad},       {0x34f, 0x34f},
        {0x61c, 0x61c},   {0x115f, 0x1160},   {0x1680, 0x1680},   {0x17b4, 0x17b5},
        {0x180b, 0x180f}, {0x2000, 0x200f},   {0x2028, 0x202f},   {0x205f, 0x206f},
        {0x2800, 0x2800}, {0x3000, 0x3000},   {0x3164, 0x3164},   {0xe000, 0xf8ff},
        {0xfdd0, 0xfdef}, {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},
        {0xfff0, 0xfffb}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0x10ffff},
    };

    if ((code & 0xfffe) == 0xfffe) {
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(ranges) && code >= ranges[i].from; i++) {
        if (code <= ranges[i].to) {
            return true;
        }
    }
    return false;
}

enum { ESCAPED_ONE_MAX = 16 };

/* The form of the first code point or byte of `in` (not empty), its length without NUL. */
static size_t escape_one(struct span in, char out[ESCAPED_ONE_MAX], size_t *ret_taken)
{
    static const char digits[] = "0123456789abcdef";
    uint32_t code = 0;
    size_t len = utf8_decode(in, &code);
    int written;

    *ret_taken = len == 0 ? 1 : len;
    if (len == 0) {
        code = in.data[0];
    } else if (!is_deceptive(code)) {
        memcpy(out, in.data, len);
        return len;
    }
    out[0] = '\\';
    if (len == 1 && (code == '\n' || code == '\t' || code == '\r')) {
        out[1] = (char)(code == '\n' ? 'n' : code == '\t' ? 't' : 'r');
        return 2;
    }
    if (code < 0x100) {
        out[1] = 'x';
        out[2] = digits[code >> 4];
        out[3] = digits[code & 15];
        return 4;
    }
    written = snprintf(out, ESCAPED_ONE_MAX, "\\u{%x}", (unsigned)code);
    return written < 0 ? 0 : (size_t)written;
}

static size_t plain_prefix(struct span in)
{
    size_t n = 0;

    while (n < in.len && in.data[n] >= 0x20 && in.data[n] < 0x7f) {
        n++;
    }
    return n;
}

void text_escape(struct span bytes, char *text, size_t size)
{
    size_t room = size > 0 ? size - 1 : 0;
    size_t cut = size > 3 ? size - 4 : 0; /* where "..." must begin at the latest */
    size_t used = 0;
    size_t fits = 0; /* the last place up to `cut` that splits nothing */

    while (bytes.len > 0) {
        char one[ESCAPED_ONE_MAX];
        size_t taken = plain_prefix(bytes);
        bool is_plain = taken > 0;
        size_t len = is_plain ? taken : escape_one(bytes, one, &taken);
        size_t copied = len < room - used ? len : room - used;

        memcpy(text + used, is_plain ? (const void *)bytes.data : one, copied);
        if (used + len <= cut) {
            fits = used + len;
        } else if (is_plain && used <= cut) {
            fits = cut;
        }
        used += copied;
        if (copied < len) {
            if (size > 3) {
                memcpy(text + fits, "...", 3);
                used = fits + 3;
            } else {
                used = 0;
            }
            break;
        }
        bytes = span_cut(bytes, taken, bytes.len);
    }
    if (size > 0) {
        text[used] = '\0';
    }
}

/* Bytes of the text that text_escape makes of it, as far as they are not more than the limit. */
static size_t escaped_length(struct span bytes, size_t limit, bool has_lines)
{
    size_t len = 0;

    while (bytes.len > 0 && len <= limit) {
        char one[ESCAPED_ONE_MAX];
        size_t taken = plain_prefix(bytes);

        if (has_lines && bytes.data[0] == '\n') {
            taken = 1;
            len += 1;
        } else {
            len += taken > 0 ? taken : escape_one(bytes, one, &taken);
        }
        bytes = span_cut(bytes, taken, bytes.len);
    }
    return len < limit ? len : limit;
}

const char *text_escape_dup(struct arena *arena, struct span bytes, size_t max_chars)
{
    size_t len = escaped_length(bytes, max_chars < 7 ? 7 : max_chars, false);
    char *text = arena_alloc(arena, len + 1);

    if (text == NULL) {
        return "";
    }
    text_escape(bytes, text, len + 1);
    return text;
}

const char *text_escape_lines_dup(struct arena *arena, struct span bytes, size_t max_chars)
{
    enum { LINE_LEAST = 8 };
    size_t needed = escaped_length(bytes, max_chars, true) + LINE_LEAST;
    size_t size = (needed < max_chars ? needed : max_chars) + 1;
    char *text = size < LINE_LEAST ? NULL : arena_alloc(arena, size);
    size_t used = 0;

    if (text == NULL) {
        return "";
    }
    for (;;) {
        const uint8_t *end = bytes.len == 0 ? NULL : memchr(bytes.data, '\n', bytes.len);
        size_t len = end == NULL ? bytes.len : (size_t)(end - bytes.data);

        text_escape(span_cut(bytes, 0, len), text + used, size - used);
        used += strlen(text + used);
        if (end == NULL || size - used <= LINE_LEAST) {
            return text;
        }
        text[used++] = '\n';
        bytes = span_cut(bytes, len + 1, bytes.len);
    }
}

struct span text_from_utf16le(struct arena *arena, struct span utf16)
{
    size_t units = utf16.len / 2;
    uint8_t *out = arena_alloc(arena, units * 3 + 1);
    size_t n = 0;

    if (out == NULL) {
        return (struct span){0};
    }
    for (size_t i = 0; i < units; i++) {
        uint32_t code = utf16.data[2 * i] | (uint32_t)utf16.data[2 * i + 1] << 8;

        if (code == 0) {
            break;
        }
        if (code >= 0xd800 && code < 0xe000) {
            uint32_t low =
                i + 1 < units ? utf16.data[2 * i + 2] | (uint32_t)utf16.data[2 * i + 3] << 8 : 0;

            if (code < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
                code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                i++;
            } else {
                code = 0xfffd;
            }
        }
        if (code < 0x80) {
            out[n++] = (uint8_t)code;
        } else if (code < 0x800) {
            out[n++] = (uint8_t)(0xc0 | code >> 6);
            out[n++] = (uint8_t)(0x80 | (code & 0x3f));
        } else if (code < 0x10000) {
            out[n++] = (uint8_t)(0xe0 | code >> 12);
            out[n++] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
            out[n++] = (uint8_t)(0x80 | (code & 0x3f));
        } else {
            out[n++] = (uint8_t)(0xf0 | code >> 18);
            out[n++] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
            out[n++] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
            out[n++] = (uint8_t)(0x80 | (code & 0x3f));
        }
    }
    out[n] = 0;
    return span_of(out, n);
}

/* Not tolower(3): a locale must not decide which names are equal. */
static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

bool text_spans_equal_nocase(struct span a, struct span b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.data[i]) != lower(b.data[i])) {
            return false;
        }
    }
    return true;
}

bool text_span_equal_nocase(struct span a, const char *b)
{
    return text_spans_equal_nocase(a, span_str(b));
}

bool text_equal_nocase(const char *a, const char *b)
{
    return text_span_equal_nocase(span_str(a), b);
}

bool text_is_utf8(struct span bytes)
{
    uint32_t code;

    while (bytes.len > 0) {
        size_t len = plain_prefix(bytes);

        len = len > 0 ? len : utf8_decode(bytes, &code);
        if (len == 0) {
            return false;
        }
        bytes = span_cut(bytes, len, bytes.len);
    }
    return true;
}

enum { GUID_CHARS = 36 };

/* RFC 4122, 3. */
bool text_is_guid(struct span text)
{
    if (text.len != GUID_CHARS) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        bool is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');

        if (i == 8 || i == 13 || i == 18 || i == 23 ? c != '-' : !is_hex) {
            return false;
        }
    }
    return true;
}
