#include "base/codec.h"

#include <endian.h>
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

static const char standard_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

enum { NO_DIGIT = 0xff }; /* has bits that no six-bit value has */

/* The one alphabet that this text may be in. */
static const char *alphabet_of(enum base64_form form, struct span text)
{
    switch (form) {
    case BASE64_STANDARD:
        return standard_letters;
    case BASE64_URL:
    case BASE64_URL_LENIENT:
        return url_letters;
    case BASE64_ANY:
    default:
        return memchr(text.data, '+', text.len) != NULL || memchr(text.data, '/', text.len) != NULL
                   ? standard_letters
                   : url_letters;
    }
}

static void digits_of(const char *letters, uint8_t digits[256])
{
    memset(digits, NO_DIGIT, 256);
    for (uint8_t i = 0; i < 64; i++) {
        digits[(uint8_t)letters[i]] = i;
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

err_t base64_decode(struct arena *arena, enum base64_form form, struct span text, struct span *ret)
{
    uint8_t digits[256];
    uint8_t *out;
    size_t n = 0;
    size_t i = 0;
    uint32_t strange = 0; /* collects bits that no six-bit value has */
    uint32_t leftover = 0;

    if (text.len == 0) {
        *ret = (struct span){0};
        return ERR_OK;
    }
    if (!padding_ok(form, &text) || text.len % 4 == 1) {
        return ERR_ENCODING;
    }
    out = arena_alloc(arena, text.len / 4 * 3 + 3);
    if (out == NULL) {
        return ERR_MEMORY;
    }
    digits_of(alphabet_of(form, text), digits);
    for (; text.len - i >= 4; i += 4) {
        uint32_t a = digits[text.data[i]];
        uint32_t b = digits[text.data[i + 1]];
        uint32_t c = digits[text.data[i + 2]];
        uint32_t d = digits[text.data[i + 3]];
        uint32_t three = htobe32(a << 26 | b << 20 | c << 14 | d << 8);

        strange |= a | b | c | d;
        memcpy(out + n, &three, sizeof(three)); /* three bytes, and room for the fourth */
        n += 3;
    }
    if (text.len - i >= 2) {
        uint32_t a = digits[text.data[i]];
        uint32_t b = digits[text.data[i + 1]];
        uint32_t c = text.len - i == 3 ? digits[text.data[i + 2]] : 0;

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
    const char *letters = form == BASE64_STANDARD ? standard_letters : url_letters;
    size_t n = 0;
    size_t i = 0;

    for (; bytes.len - i >= 3; i += 3) {
        uint32_t bits =
            (uint32_t)bytes.data[i] << 16 | (uint32_t)bytes.data[i + 1] << 8 | bytes.data[i + 2];

        out[n++] = letters[bits >> 18];
        out[n++] = letters[bits >> 12 & 63];
        out[n++] = letters[bits >> 6 & 63];
        out[n++] = letters[bits & 63];
    }
    if (i < bytes.len) {
        bool has_two = bytes.len - i == 2;
        uint32_t bits = (uint32_t)bytes.data[i] << 16;

        bits |= has_two ? (uint32_t)bytes.data[i + 1] << 8 : 0;
        out[n++] = letters[bits >> 18];
        out[n++] = letters[bits >> 12 & 63];
        if (has_two) {
            out[n++] = letters[bits >> 6 & 63];
        }
        while (form == BASE64_STANDARD && n % 4 != 0) {
            out[n++] = '=';
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

err_t percent_decode(struct arena *arena, struct span text, bool is_form, struct span *ret)
{
    uint8_t *out = arena_alloc(arena, text.len + 1);
    size_t n = 0;

    if (out == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];

        if (c == '%') {
            int high = text.len - i > 2 ? hex_value(text.data[i + 1]) : -1;
            int low = text.len - i > 2 ? hex_value(text.data[i + 2]) : -1;

            if (high < 0 || low < 0) {
                return ERR_MALFORMED;
            }
            c = (uint8_t)(high << 4 | low);
            i += 2;
        } else if (c == '+' && is_form) {
            c = ' ';
        }
        if (c == '\0') {
            return ERR_MALFORMED;
        }
        out[n++] = c;
    }
    out[n] = '\0';
    *ret = span_of(out, n);
    return ERR_OK;
}

void percent_encode(struct buf *buf, struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.data[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';

        if (is_plain) {
            buf_add_char(buf, (char)c);
        } else {
            buf_addf(buf, "%%%02X", c);
        }
    }
}
