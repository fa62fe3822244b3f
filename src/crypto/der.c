/*
 * der.c - who may send these bytes: any guest (certificates), any client (certificates in
 * policies), operators (anchors).
 */
#include "crypto/der.h"

/* X.690 8.1.3: the short form, or the long form with as few bytes as possible (10.1). */
static err_t read_length(struct reader *r, size_t *ret)
{
    uint8_t first = 0;
    uint8_t byte = 0;
    size_t len = 0;
    err_t err = reader_u8(r, &first);

    if (err) {
        return err;
    }
    if (first < 0x80) {
        *ret = first;
        return ERR_OK;
    }
    if (first == 0x80 || first > 0x84) {
        return ERR_MALFORMED;
    }
    for (unsigned i = first & 0x7fu; i > 0; i--) {
        err = reader_u8(r, &byte);
        if (err) {
            return err;
        }
        if (len == 0 && byte == 0) {
            return ERR_MALFORMED;
        }
        len = len << 8 | byte;
    }
    if (len < 0x80) {
        return ERR_MALFORMED;
    }
    *ret = len;
    return ERR_OK;
}

err_t der_next(struct reader *r, struct der_item *ret)
{
    struct reader ahead = *r;
    struct der_item item = {0};
    size_t len = 0;
    err_t err = reader_u8(&ahead, &item.tag);

    if (err) {
        return err;
    }
    if ((item.tag & 0x1f) == 0x1f) {
        return ERR_MALFORMED;
    }
    err = read_length(&ahead, &len);
    err = err ? err : reader_take(&ahead, len, &item.body);
    if (err) {
        return err;
    }
    item.whole = span_cut(r->bytes, r->offset, ahead.offset - r->offset);
    *r = ahead;
    *ret = item;
    return ERR_OK;
}

static err_t take_item(struct reader *r, uint8_t tag, struct der_item *ret)
{
    struct reader ahead = *r;
    struct der_item item;
    err_t err = der_next(&ahead, &item);

    if (err) {
        return err;
    }
    if (item.tag != tag) {
        return ERR_MALFORMED;
    }
    *r = ahead;
    *ret = item;
    return ERR_OK;
}

err_t der_take(struct reader *r, uint8_t tag, struct span *ret_body)
{
    struct der_item item;
    err_t err = take_item(r, tag, &item);

    if (err == ERR_OK) {
        *ret_body = item.body;
    }
    return err;
}

err_t der_take_whole(struct reader *r, uint8_t tag, struct span *ret_whole)
{
    struct der_item item;
    err_t err = take_item(r, tag, &item);

    if (err == ERR_OK) {
        *ret_whole = item.whole;
    }
    return err;
}

bool der_is_next(const struct reader *r, uint8_t tag)
{
    return reader_left(r) > 0 && r->bytes.data[r->offset] == tag;
}

/* X.690 8.3.2: not empty, and the first nine bits neither all ones nor all zeros. */
static bool integer_ok(struct span body)
{
    if (body.len == 0) {
        return false;
    }
    if (body.len == 1) {
        return true;
    }
    return !(body.data[0] == 0x00 && body.data[1] < 0x80) &&
           !(body.data[0] == 0xff && body.data[1] >= 0x80);
}

static bool bits_ok(struct span body)
{
    if (body.len == 0 || body.data[0] > 7) {
        return false;
    }
    if (body.len == 1) {
        return body.data[0] == 0;
    }
    return (body.data[body.len - 1] & ((1u << body.data[0]) - 1)) == 0;
}

err_t der_take_unsigned(struct reader *r, struct span *ret)
{
    struct span body = {0};
    err_t err = der_take(r, DER_INTEGER, &body);

    if (err) {
        return err;
    }
    if (!integer_ok(body) || body.data[0] >= 0x80) {
        return ERR_MALFORMED;
    }
    *ret = body.len > 1 && body.data[0] == 0 ? span_cut(body, 1, body.len) : body;
    return ERR_OK;
}

err_t der_take_bits(struct reader *r, struct span *ret)
{
    struct span body = {0};
    err_t err = der_take(r, DER_BIT_STRING, &body);

    if (err) {
        return err;
    }
    if (body.len == 0 || body.data[0] != 0) {
        return ERR_MALFORMED;
    }
    *ret = span_cut(body, 1, body.len);
    return ERR_OK;
}

/* X.690 8.19.2: every arc ends, and none begins with a needless 0x80. */
static bool oid_ok(struct span body)
{
    bool is_start = true;

    for (size_t i = 0; i < body.len; i++) {
        if (is_start && body.data[i] == 0x80) {
            return false;
        }
        is_start = body.data[i] < 0x80;
    }
    return body.len > 0 && is_start;
}

static bool primitive_ok(const struct der_item *item)
{
    switch (item->tag) {
    case DER_BOOLEAN:
        return item->body.len == 1 && (item->body.data[0] == 0 || item->body.data[0] == 0xff);
    case DER_INTEGER:
        return integer_ok(item->body);
    case DER_BIT_STRING:
        return bits_ok(item->body);
    case DER_NULL:
        return item->body.len == 0;
    case DER_OID:
        return oid_ok(item->body);
    default:
        return item->tag != 0; /* end-of-contents belongs to BER */
    }
}

err_t der_check(struct span bytes)
{
    struct reader levels[DER_MAX_DEPTH];
    size_t depth = 0;

    levels[0] = reader_on(bytes);
    while (depth > 0 || reader_left(&levels[0]) > 0) {
        struct der_item item;
        err_t err;

        if (reader_left(&levels[depth]) == 0) {
            depth--;
            continue;
        }
        err = der_next(&levels[depth], &item);
        if (err) {
            return err;
        }
        if ((item.tag & 0x20) == 0) {
            if (!primitive_ok(&item)) {
                return ERR_MALFORMED;
            }
            continue;
        }
        if (depth + 1 == DER_MAX_DEPTH) {
            return ERR_TOO_DEEP;
        }
        levels[++depth] = reader_on(item.body);
    }
    return ERR_OK;
}

void der_put(struct buf *out, uint8_t tag, struct span body)
{
    if (body.len > UINT16_MAX) {
        out->err = out->err ? out->err : ERR_TOO_LARGE; /* nothing of ours is that long */
        return;
    }
    buf_u8(out, tag);
    if (body.len < 0x80) {
        buf_u8(out, (uint8_t)body.len);
    } else if (body.len <= 0xff) {
        buf_u8(out, 0x81);
        buf_u8(out, (uint8_t)body.len);
    } else {
        buf_u8(out, 0x82);
        buf_u16be(out, (uint16_t)body.len);
    }
    buf_add(out, body);
}

void der_put_unsigned(struct buf *out, struct span number)
{
    CLEANUP(buf_done) struct buf body = {0};

    buf_init(&body, number.len + 1);
    while (number.len > 1 && number.data[0] == 0) {
        number = span_cut(number, 1, number.len);
    }
    if (number.len == 0 || number.data[0] >= 0x80) {
        buf_u8(&body, 0);
    }
    buf_add(&body, number);
    if (buf_err(&body) != ERR_OK) {
        out->err = out->err ? out->err : buf_err(&body);
        return;
    }
    der_put(out, DER_INTEGER, buf_span(&body));
}
