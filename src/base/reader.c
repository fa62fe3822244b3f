#include "base/reader.h"

err_t reader_take(struct reader *r, size_t len, struct span *ret)
{
    if (len > reader_left(r)) {
        return ERR_SHORT;
    }
    /* As a number: NULL plus nothing is no pointer arithmetic in C. */
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): the optimisation lost is none here. */
    *ret = span_of((const uint8_t *)((uintptr_t)r->bytes.data + r->offset), len);
    r->offset += len;
    return ERR_OK;
}

err_t reader_skip(struct reader *r, size_t len)
{
    struct span skipped;

    return reader_take(r, len, &skipped);
}

static err_t take_le(struct reader *r, size_t len, uint64_t *ret)
{
    struct span bytes;
    uint64_t value = 0;
    err_t err = reader_take(r, len, &bytes);

    if (err) {
        return err;
    }
    for (size_t i = len; i > 0; i--) {
        value = value << 8 | bytes.data[i - 1];
    }
    *ret = value;
    return ERR_OK;
}

static err_t take_be(struct reader *r, size_t len, uint64_t *ret)
{
    struct span bytes;
    uint64_t value = 0;
    err_t err = reader_take(r, len, &bytes);

    if (err) {
        return err;
    }
    for (size_t i = 0; i < len; i++) {
        value = value << 8 | bytes.data[i];
    }
    *ret = value;
    return ERR_OK;
}

/* NOLINTBEGIN(bugprone-macro-parentheses): a type cannot stand in parentheses. */
#define READ_INT(name, type, take)                                                                 \
    err_t name(struct reader *r, type *ret)                                                        \
    {                                                                                              \
        uint64_t value = 0;                                                                        \
        err_t err = take(r, sizeof(type), &value);                                                 \
        if (err == ERR_OK) {                                                                       \
            *ret = (type)value;                                                                    \
        }                                                                                          \
        return err;                                                                                \
    }
/* NOLINTEND(bugprone-macro-parentheses) */

READ_INT(reader_u8, uint8_t, take_le)
READ_INT(reader_u16le, uint16_t, take_le)
READ_INT(reader_u32le, uint32_t, take_le)
READ_INT(reader_u64le, uint64_t, take_le)
READ_INT(reader_u16be, uint16_t, take_be)
READ_INT(reader_u32be, uint32_t, take_be)
READ_INT(reader_u64be, uint64_t, take_be)

err_t reader_tpm2b(struct reader *r, size_t max, struct span *ret)
{
    struct reader ahead = *r;
    uint16_t len = 0;
    err_t err = reader_u16be(&ahead, &len);

    if (err) {
        return err;
    }
    if (len > max) {
        return ERR_TOO_LARGE;
    }
    err = reader_take(&ahead, len, ret);
    if (err) {
        return err;
    }
    *r = ahead;
    return ERR_OK;
}

err_t reader_end(const struct reader *r)
{
    return reader_left(r) == 0 ? ERR_OK : ERR_TRAILING;
}
