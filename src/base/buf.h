/*
 * buf.h - a growing buffer that cannot be made without a maximum.
 *
 * Errors stick: after the first failed append everything is ignored and buf_err says why, so a
 * writer checks once at the end. The contents always have a NUL behind them. A secret buffer
 * is wiped when it grows and when it is done with.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/arena.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

struct buf {
    uint8_t *data;
    size_t len;
    size_t size;
    size_t max;
    err_t err;
    bool secret;
};

void buf_init(struct buf *buf, size_t max_bytes);
void buf_init_secret(struct buf *buf, size_t max_bytes);
void buf_done(struct buf *buf);
DEFINE_CLEANUP_DONE(struct buf, buf_done)

void buf_add(struct buf *buf, struct span bytes);
void buf_add_str(struct buf *buf, const char *text);
void buf_add_char(struct buf *buf, char c);
void buf_addf(struct buf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_u8(struct buf *buf, uint8_t value);
void buf_u16be(struct buf *buf, uint16_t value);
void buf_u32be(struct buf *buf, uint32_t value);
void buf_u64be(struct buf *buf, uint64_t value);
/* u16 big-endian length, then the bytes; ERR_TOO_LARGE past 65535. */
void buf_tpm2b(struct buf *buf, struct span bytes);
/* Room for `len` more bytes to write into directly; NULL when that failed. Follow with buf_grown.
 */
uint8_t *buf_room(struct buf *buf, size_t len);
void buf_grown(struct buf *buf, size_t len);
/* Empty again, limit and memory kept, error cleared. */
void buf_reset(struct buf *buf);

err_t buf_err(const struct buf *buf) MUST_CHECK;
/* Borrowed until the next change. */
struct span buf_span(const struct buf *buf);
const char *buf_cstr(const struct buf *buf);
/* The end of a writer: its error, or a copy of the contents in the arena. */
err_t buf_copy(const struct buf *buf, struct arena *arena, struct span *ret) MUST_CHECK;

#endif
