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

/* Six-bit values by character; 64 = none. '+' and '-', '/' and '_' share values: the alphabet is
 * checked once per text, not per character. */
static uint8_t base64_values[256];

__attribute__((constructor)) static void base64_table(void)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    memset(base64_values, 64, sizeof(base64_values));
    for (uint8_t i = 0; i < 62; i++) {
        base64_values[(uint8_t)letters[i]] = i;
    }
    base64_values['+'] = base64_values['-'] = 62;
    base64_values['/'] = base64_values['_'] = 63;
}

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

err_t base64_decode(struct arena *arena, enum base64_form form, struct span text, struct span *ret)
{
    uint8_t *out;
    size_t n = 0;
    uint32_t bits = 0;
    uint8_t bad = 0;

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
    for (size_t i = 0; i < text.len; i++) {
        uint8_t value = base64_values[text.data[i]];

        bad |= value & 64;
        bits = bits << 6 | (value & 63);
        if (i % 4 == 3) {
            out[n++] = (uint8_t)(bits >> 16);
            out[n++] = (uint8_t)(bits >> 8);
            out[n++] = (uint8_t)bits;
        }
    }
    if (text.len % 4 == 2) {
        out[n++] = (uint8_t)(bits >> 4);
        bad |= bits & 0x0f;
    } else if (text.len % 4 == 3) {
        out[n++] = (uint8_t)(bits >> 10);
        out[n++] = (uint8_t)(bits >> 2);
        bad |= bits & 0x03;
    }
    if (bad != 0) {
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
