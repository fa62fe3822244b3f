#include "base/codec.h"

#include <string.h>

void hex_encode(struct span bytes, char *text, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    size_t n = size == 0 ? 0 : (size - 1) / 2;

    n = bytes.len < n ? bytes.len : n;
    for (size_t i = 0; i < n; i++) {
        text[2 * i] = digits[bytes.data[i] >> 4];
        text[2 * i + 1] = digits[bytes.data[i] & 15];
    }
    if (size > 0) {
        text[2 * n] = '\0';
    }
}

const char *hex_dup(struct arena *arena, struct span bytes)
{
    char *text = arena_alloc(arena, 2 * bytes.len + 1);

    if (text == NULL) {
        return "";
    }
    hex_encode(bytes, text, 2 * bytes.len + 1);
    return text;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

err_t hex_decode_into(struct span text, uint8_t *bytes, size_t size)
{
    if (text.len % 2 != 0 || text.len / 2 != size) {
        return ERR_ENCODING;
    }
    for (size_t i = 0; i < size; i++) {
        int high = hex_value(text.data[2 * i]);
        int low = hex_value(text.data[2 * i + 1]);

        if (high < 0 || low < 0) {
            return ERR_ENCODING;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return ERR_OK;
}

err_t hex_decode(struct arena *arena, struct span text, struct span *ret)
{
    uint8_t *bytes = arena_alloc(arena, text.len / 2 + 1);
    err_t err;

    if (bytes == NULL) {
        return ERR_MEMORY;
    }
    err = hex_decode_into(text, bytes, text.len / 2);
    if (err == ERR_OK) {
        *ret = span_of(bytes, text.len / 2);
    }
    return err;
}

/* Six-bit values by character plus one; 0 = none. '+' and '-', '/' and '_' share values: the
 * alphabet is checked once per text, not per character. */
static const uint8_t base64_values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['-'] = 63,
    ['/'] = 64, ['_'] = 64,
};

static bool alphabet_ok(enum base64_form form, struct span text)
{
    bool standard = memchr(text.data, '+', text.len) || memchr(text.data, '/', text.len);
    bool url = memchr(text.data, '-', text.len) || memchr(text.data, '_', text.len);

    switch (form) {
    case BASE64_STANDARD:
        return !url;
    case BASE64_URL:
    case BASE64_URL_LENIENT:
        return !standard;
    case BASE64_ANY:
    default:
        return !(standard && url);
    }
}

/* Removes padding and says whether the form allows what was there. */
static bool padding_ok(enum base64_form form, struct span *text)
{
    size_t padded = text->len;
    size_t pads = 0;

    while (pads < 2 && text->len > 0 && text->data[text->len - 1] == '=') {
        text->len--;
        pads++;
    }
    if (form == BASE64_STANDARD || (pads > 0 && form != BASE64_URL)) {
        return padded % 4 == 0;
    }
    return pads == 0;
}

/* The six bits of a character; anything else sets bits above. */
static uint32_t six_bits(uint8_t c)
{
    return (uint32_t)base64_values[c] - 1;
}

err_t base64_decode(struct arena *arena, enum base64_form form, struct span text, struct span *ret)
{
    uint8_t *out;
    size_t n = 0;
    size_t i = 0;
    uint32_t strange = 0; /* collects bits that no six-bit value has */
    uint32_t leftover = 0;

    if (text.len == 0) {
        *ret = (struct span){0};
        return ERR_OK;
    }
    if (!alphabet_ok(form, text) || !padding_ok(form, &text) || text.len % 4 == 1) {
        return ERR_ENCODING;
    }
    out = arena_alloc(arena, text.len / 4 * 3 + 3);
    if (out == NULL) {
        return ERR_MEMORY;
    }
    for (; text.len - i >= 4; i += 4) {
        uint32_t a = six_bits(text.data[i]);
        uint32_t b = six_bits(text.data[i + 1]);
        uint32_t c = six_bits(text.data[i + 2]);
        uint32_t d = six_bits(text.data[i + 3]);

        strange |= a | b | c | d;
        out[n++] = (uint8_t)(a << 2 | b >> 4);
        out[n++] = (uint8_t)(b << 4 | c >> 2);
        out[n++] = (uint8_t)(c << 6 | d);
    }
    if (text.len - i >= 2) {
        uint32_t a = six_bits(text.data[i]);
        uint32_t b = six_bits(text.data[i + 1]);
        uint32_t c = text.len - i == 3 ? six_bits(text.data[i + 2]) : 0;

        strange |= a | b | c;
        out[n++] = (uint8_t)(a << 2 | b >> 4);
        leftover = b & 15;
        if (text.len - i == 3) {
            out[n++] = (uint8_t)(b << 4 | c >> 2);
            leftover = c & 3;
        }
    }
    if ((strange & ~63u) != 0 || leftover != 0) {
        return ERR_ENCODING;
    }
    *ret = span_of(out, n);
    return ERR_OK;
}

static size_t encode_into(enum base64_form form, struct span bytes, char *out)
{
    static const char standard[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *letters = form == BASE64_STANDARD ? standard : url;
    size_t n = 0;

    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t bits = (uint32_t)bytes.data[i] << 16;

        bits |= left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0;
        bits |= left > 2 ? bytes.data[i + 2] : 0;
        out[n++] = letters[bits >> 18 & 63];
        out[n++] = letters[bits >> 12 & 63];
        if (left > 1 || form == BASE64_STANDARD) {
            out[n++] = left > 1 ? letters[bits >> 6 & 63] : '=';
        }
        if (left > 2 || form == BASE64_STANDARD) {
            out[n++] = left > 2 ? letters[bits & 63] : '=';
        }
    }
    return n;
}

void base64_encode(struct buf *buf, enum base64_form form, struct span bytes)
{
    uint8_t *at = buf_room(buf, (bytes.len + 2) / 3 * 4);

    if (at != NULL) {
        buf_grown(buf, encode_into(form, bytes, (char *)at));
    }
}

const char *base64_dup(struct arena *arena, enum base64_form form, struct span bytes)
{
    char *text = arena_alloc(arena, (bytes.len + 2) / 3 * 4 + 1);

    if (text != NULL) {
        text[encode_into(form, bytes, text)] = '\0';
    }
    return text;
}
