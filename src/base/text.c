#include "base/text.h"

#include <ctype.h>
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

/* What may change what a person sees: controls, direction marks, invisible joiners, tags. */
static bool is_deceptive(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0xad || code == 0x61c ||
           (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2060 && code <= 0x206f) || code == 0xfeff ||
           (code >= 0xfff0 && code <= 0xfffb) || code >= 0xe0000;
}

static size_t escape_one(struct span in, char *out, size_t out_size)
{
    uint32_t code = 0;
    size_t len = utf8_decode(in, &code);

    if (len == 0) {
        snprintf(out, out_size, "\\x%02x", in.data[0]);
        return 1;
    }
    if (!is_deceptive(code) && code != '\\') {
        memcpy(out, in.data, len);
        out[len] = '\0';
        return len;
    }
    if (code == '\n' || code == '\t' || code == '\r' || code == '\\') {
        snprintf(out, out_size, "\\%c",
                 code == '\n'   ? 'n'
                 : code == '\t' ? 't'
                 : code == '\r' ? 'r'
                                : '\\');
    } else if (code < 0x100) {
        snprintf(out, out_size, "\\x%02x", (unsigned)code);
    } else {
        snprintf(out, out_size, "\\u{%x}", (unsigned)code);
    }
    return len;
}

void text_escape(struct span bytes, char *text, size_t size)
{
    size_t used = 0;
    size_t fits = 0; /* longest prefix that leaves room for "..." */

    text[0] = '\0';
    while (bytes.len > 0) {
        char one[16];
        size_t taken = escape_one(bytes, one, sizeof(one));
        size_t len = strlen(one);

        if (len >= size - used) {
            memcpy(text + fits, "...", 4);
            return;
        }
        memcpy(text + used, one, len + 1);
        used += len;
        if (size - used > 4) {
            fits = used;
        }
        bytes = span_cut(bytes, taken, bytes.len);
    }
}

const char *text_escape_dup(struct arena *arena, struct span bytes, size_t max_chars)
{
    size_t worst = bytes.len > max_chars        ? max_chars
                   : bytes.len * 10 > max_chars ? max_chars
                                                : bytes.len * 10;
    char *text = arena_alloc(arena, worst + 8);

    if (text == NULL) {
        return "";
    }
    text_escape(bytes, text, worst + 8);
    return text;
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

bool text_span_equal_nocase(struct span a, const char *b)
{
    size_t len = strlen(b);

    if (a.len != len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (tolower(a.data[i]) != tolower((unsigned char)b[i])) {
            return false;
        }
    }
    return true;
}

bool text_equal_nocase(const char *a, const char *b)
{
    return text_span_equal_nocase(span_str(a), b);
}

bool text_is_utf8(struct span bytes)
{
    uint32_t code;

    while (bytes.len > 0) {
        size_t len = utf8_decode(bytes, &code);

        if (len == 0) {
            return false;
        }
        bytes = span_cut(bytes, len, bytes.len);
    }
    return true;
}
