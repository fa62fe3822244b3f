#include "claims/text.h"

#include "base/codec.h"
#include "base/text.h"

void text_begin(struct text *text, struct arena *arena, size_t max_bytes)
{
    *text = (struct text){.arena = arena};
    buf_init(&text->buf, max_bytes);
}

void text_done(struct text *text)
{
    buf_done(&text->buf);
}

err_t text_end(const struct text *text, struct span *ret)
{
    return buf_copy(&text->buf, text->arena, ret);
}

static void separate(struct text *text)
{
    if (text->needs_comma) {
        buf_add_char(&text->buf, ',');
    }
    text->needs_comma = true;
}

void text_open(struct text *text, char bracket)
{
    separate(text);
    buf_add_char(&text->buf, bracket);
    text->needs_comma = false;
}

void text_close(struct text *text, char bracket)
{
    buf_add_char(&text->buf, bracket);
    text->needs_comma = true;
}

void text_named(struct text *text, const char *name, const char *suffix)
{
    separate(text);
    buf_add_char(&text->buf, '"');
    buf_add_str(&text->buf, name);
    buf_add_str(&text->buf, suffix);
    buf_add_str(&text->buf, "\":");
    text->needs_comma = false;
}

void text_name(struct text *text, const char *name)
{
    text_named(text, name, "");
}

/* RFC 8259, 7. */
static void add_escaped(struct buf *buf, struct span utf8)
{
    size_t from = 0;

    for (size_t i = 0; i < utf8.len; i++) {
        uint8_t c = utf8.data[i];

        if (c >= 0x20 && c != '"' && c != '\\') {
            continue;
        }
        buf_add(buf, span_cut(utf8, from, i - from));
        if (c == '"' || c == '\\') {
            buf_add_char(buf, '\\');
            buf_add_char(buf, (char)c);
        } else {
            buf_addf(buf, "\\u%04x", c);
        }
        from = i + 1;
    }
    buf_add(buf, span_cut(utf8, from, utf8.len));
}

void text_string(struct text *text, struct span utf8)
{
    separate(text);
    buf_add_char(&text->buf, '"');
    if (!text_is_utf8(utf8)) {
        utf8 = span_str(text_escape_dup(text->arena, utf8, utf8.len * 8 + 8));
    }
    add_escaped(&text->buf, utf8);
    buf_add_char(&text->buf, '"');
}

void text_hex(struct text *text, struct span bytes)
{
    static const char digits[] = "0123456789abcdef";

    separate(text);
    buf_add_char(&text->buf, '"');
    for (size_t i = 0; i < bytes.len; i++) {
        buf_add_char(&text->buf, digits[bytes.data[i] >> 4]);
        buf_add_char(&text->buf, digits[bytes.data[i] & 15]);
    }
    buf_add_char(&text->buf, '"');
}

void text_base64url(struct text *text, struct span bytes)
{
    separate(text);
    buf_add_char(&text->buf, '"');
    base64_encode(&text->buf, BASE64_URL, bytes);
    buf_add_char(&text->buf, '"');
}

void text_uint(struct text *text, uint64_t value)
{
    separate(text);
    buf_addf(&text->buf, "%llu", (unsigned long long)value);
}

void text_bool(struct text *text, bool value)
{
    separate(text);
    buf_add_str(&text->buf, value ? "true" : "false");
}

void text_raw(struct text *text, struct span json)
{
    separate(text);
    buf_add(&text->buf, json);
}
