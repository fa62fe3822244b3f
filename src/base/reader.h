/*
 * reader.h - read bytes from outside without ever leaving them.
 *
 * The reader borrows the bytes and knows what is left. A read that needs more than is left
 * returns ERR_SHORT and moves nothing, so `offset` names the field that failed. Lengths are
 * compared by subtraction: a length from the input is never added to anything.
 */
#ifndef BASE_READER_H
#define BASE_READER_H

#include "base/err.h"
#include "base/span.h"

struct reader {
    struct span bytes;
    size_t offset; /* always <= bytes.len */
};

static inline struct reader reader_on(struct span bytes)
{
    return (struct reader){.bytes = bytes};
}

static inline size_t reader_left(const struct reader *r)
{
    return r->bytes.len - r->offset;
}

/* The next `len` bytes, borrowed. */
err_t reader_take(struct reader *r, size_t len, struct span *ret) MUST_CHECK;
err_t reader_skip(struct reader *r, size_t len) MUST_CHECK;
err_t reader_u8(struct reader *r, uint8_t *ret) MUST_CHECK;
err_t reader_u16le(struct reader *r, uint16_t *ret) MUST_CHECK;
err_t reader_u32le(struct reader *r, uint32_t *ret) MUST_CHECK;
err_t reader_u64le(struct reader *r, uint64_t *ret) MUST_CHECK;
err_t reader_u16be(struct reader *r, uint16_t *ret) MUST_CHECK;
err_t reader_u32be(struct reader *r, uint32_t *ret) MUST_CHECK;
err_t reader_u64be(struct reader *r, uint64_t *ret) MUST_CHECK;
/* A TPM2B: big-endian u16 length, then that many bytes; at most `max`, else ERR_TOO_LARGE. */
err_t reader_tpm2b(struct reader *r, size_t max, struct span *ret) MUST_CHECK;
/* ERR_TRAILING unless everything was read. */
err_t reader_end(const struct reader *r) MUST_CHECK;

#endif
