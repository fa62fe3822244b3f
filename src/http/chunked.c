/* Who may send these bytes: anybody who reaches the port. */
#include "http/message.h"

/* The grammar of RFC 9112, 7.1, one state for each place a byte can stand. */
enum {
    CHUNK_SIZE,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER_START,
    CHUNK_TRAILER,
    CHUNK_TRAILER_LF,
    CHUNK_END_LF,
    CHUNK_DONE,
};

static int digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static err_t in_size_line(struct http_chunked *c, uint8_t byte)
{
    int value = digit(byte);

    if (++c->line_len > HTTP_CHUNK_LINE_MAX) {
        return ERR_MALFORMED;
    }
    if (byte == '\r') {
        c->state = CHUNK_SIZE_LF;
        return c->has_digits ? ERR_OK : ERR_MALFORMED;
    }
    if (c->state == CHUNK_EXTENSION) {
        return byte < ' ' && byte != '\t' ? ERR_MALFORMED : ERR_OK;
    }
    if (value >= 0) {
        if (c->left > (UINT64_MAX >> 5)) {
            return ERR_TOO_LARGE;
        }
        c->left = c->left << 4 | (uint64_t)value;
        c->has_digits = true;
        return ERR_OK;
    }
    if (!c->has_digits || (byte != ';' && byte != ' ' && byte != '\t')) {
        return ERR_MALFORMED;
    }
    c->state = CHUNK_EXTENSION;
    return ERR_OK;
}

static err_t in_trailer(struct http_chunked *c, uint8_t byte)
{
    if (++c->n_trailer_bytes > HTTP_TRAILER_MAX_BYTES || byte == '\n') {
        return ERR_MALFORMED;
    }
    if (byte == '\r') {
        c->state = c->state == CHUNK_TRAILER_START ? CHUNK_END_LF : CHUNK_TRAILER_LF;
    } else {
        c->state = CHUNK_TRAILER;
    }
    return ERR_OK;
}

static err_t expect(struct http_chunked *c, uint8_t byte, uint8_t wanted, int next)
{
    c->state = next;
    return byte == wanted ? ERR_OK : ERR_MALFORMED;
}

static err_t one_byte(struct http_chunked *c, uint8_t byte)
{
    err_t err;

    switch (c->state) {
    case CHUNK_SIZE:
    case CHUNK_EXTENSION:
        return in_size_line(c, byte);
    case CHUNK_SIZE_LF:
        err = expect(c, byte, '\n', c->left == 0 ? CHUNK_TRAILER_START : CHUNK_DATA);
        c->line_len = 0;
        c->has_digits = false;
        return err;
    case CHUNK_DATA_CR:
        return expect(c, byte, '\r', CHUNK_DATA_LF);
    case CHUNK_DATA_LF:
        return expect(c, byte, '\n', CHUNK_SIZE);
    case CHUNK_TRAILER_START:
    case CHUNK_TRAILER:
        return in_trailer(c, byte);
    case CHUNK_TRAILER_LF:
        return expect(c, byte, '\n', CHUNK_TRAILER_START);
    case CHUNK_END_LF:
        return expect(c, byte, '\n', CHUNK_DONE);
    default:
        return ERR_INTERNAL;
    }
}

err_t http_chunked_feed(struct http_chunked *c, struct span bytes, struct buf *out,
                        size_t *ret_used, bool *ret_is_done)
{
    size_t at = 0;
    err_t err = ERR_OK;

    while (err == ERR_OK && at < bytes.len && c->state != CHUNK_DONE) {
        if (c->state == CHUNK_DATA) {
            size_t left = bytes.len - at;
            size_t n = c->left < left ? (size_t)c->left : left;

            buf_add(out, span_of(bytes.data + at, n));
            err = buf_err(out);
            at += n;
            c->left -= n;
            c->state = c->left == 0 ? CHUNK_DATA_CR : CHUNK_DATA;
        } else {
            err = one_byte(c, bytes.data[at]);
            at++;
            /* The announced size counts: the refusal comes before the data. */
            if (err == ERR_OK && c->state == CHUNK_DATA && c->left > out->max - out->len) {
                err = ERR_TOO_LARGE;
            }
        }
    }
    if (err) {
        return err;
    }
    *ret_used = at;
    *ret_is_done = c->state == CHUNK_DONE;
    return ERR_OK;
}
