#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No buffer is larger, so that doubling never overflows. */
#define BUF_MAX_BYTES (SIZE_MAX / 4)

void buf_init(struct buf *buf, size_t max_bytes)
{
    *buf = (struct buf){.max = max_bytes < BUF_MAX_BYTES ? max_bytes : BUF_MAX_BYTES};
}

void buf_init_secret(struct buf *buf, size_t max_bytes)
{
    buf_init(buf, max_bytes);
    buf->secret = true;
}

static void release(struct buf *buf, uint8_t *data, size_t size)
{
    if (data != NULL && buf->secret) {
        explicit_bzero(data, size);
    }
    free(data);
}

void buf_done(struct buf *buf)
{
    release(buf, buf->data, buf->size);
    *buf = (struct buf){0};
}

uint8_t *buf_room(struct buf *buf, size_t len)
{
    size_t want;
    uint8_t *data;

    if (buf->err != ERR_OK) {
        return NULL;
    }
    if (len > buf->max - buf->len) {
        buf->err = ERR_TOO_LARGE;
        return NULL;
    }
    if (buf->data != NULL && len < buf->size - buf->len) {
        return buf->data + buf->len;
    }
    want = buf->size * 2 < 64 ? 64 : buf->size * 2;
    want = want < buf->len + len + 1 ? buf->len + len + 1 : want;
    want = want > buf->max + 1 ? buf->max + 1 : want;
    data = malloc(want); /* not realloc: a secret must be wiped where it was */
    if (data == NULL) {
        buf->err = ERR_MEMORY;
        return NULL;
    }
    if (buf->data != NULL) {
        memcpy(data, buf->data, buf->len);
    }
    release(buf, buf->data, buf->size);
    buf->data = data;
    buf->size = want;
    buf->data[buf->len] = 0;
    return buf->data + buf->len;
}

void buf_grown(struct buf *buf, size_t len)
{
    assert(buf->data != NULL && len < buf->size - buf->len);
    buf->len += len;
    buf->data[buf->len] = 0;
}

void buf_add(struct buf *buf, struct span bytes)
{
    uint8_t *at = buf_room(buf, bytes.len);

    if (at == NULL) {
        return;
    }
    if (bytes.len > 0) {
        memcpy(at, bytes.data, bytes.len);
    }
    buf_grown(buf, bytes.len);
}

void buf_add_str(struct buf *buf, const char *text)
{
    buf_add(buf, span_str(text));
}

void buf_add_char(struct buf *buf, char c)
{
    buf_add(buf, span_of(&c, 1));
}

void buf_addf(struct buf *buf, const char *fmt, ...)
{
    va_list args;
    va_list again;
    int len;
    uint8_t *at = NULL;

    va_start(args, fmt);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, fmt, args);
    if (len >= 0) {
        at = buf_room(buf, (size_t)len);
    } else {
        buf->err = buf->err ? buf->err : ERR_INTERNAL;
    }
    if (at != NULL) {
        vsnprintf((char *)at, (size_t)len + 1, fmt, again);
        buf_grown(buf, (size_t)len);
    }
    va_end(again);
    va_end(args);
}

static void add_be(struct buf *buf, uint64_t value, size_t len)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
    }
    buf_add(buf, span_of(bytes, len));
}

void buf_u8(struct buf *buf, uint8_t value)
{
    add_be(buf, value, 1);
}

void buf_u16be(struct buf *buf, uint16_t value)
{
    add_be(buf, value, 2);
}

void buf_u32be(struct buf *buf, uint32_t value)
{
    add_be(buf, value, 4);
}

void buf_u64be(struct buf *buf, uint64_t value)
{
    add_be(buf, value, 8);
}

void buf_tpm2b(struct buf *buf, struct span bytes)
{
    if (bytes.len > UINT16_MAX) {
        buf->err = buf->err ? buf->err : ERR_TOO_LARGE;
        return;
    }
    buf_u16be(buf, (uint16_t)bytes.len);
    buf_add(buf, bytes);
}

void buf_reset(struct buf *buf)
{
    if (buf->secret && buf->data != NULL) {
        explicit_bzero(buf->data, buf->size);
    }
    buf->len = 0;
    buf->err = ERR_OK;
    if (buf->data != NULL) {
        buf->data[0] = 0;
    }
}

err_t buf_err(const struct buf *buf)
{
    return buf->err;
}

struct span buf_span(const struct buf *buf)
{
    return span_of(buf->data, buf->len);
}

const char *buf_cstr(const struct buf *buf)
{
    return buf->data == NULL ? "" : (const char *)buf->data;
}

err_t buf_copy(const struct buf *buf, struct arena *arena, struct span *ret)
{
    struct span copy;

    if (buf->err) {
        return buf->err;
    }
    copy = arena_dup(arena, buf_span(buf));
    if (copy.data == NULL) {
        return ERR_MEMORY;
    }
    *ret = copy;
    return ERR_OK;
}
