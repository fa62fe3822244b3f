/*
 * der.h - ASN.1 DER (X.690), strictly: what we accept has exactly one encoding (rule X-9).
 *
 * Items are borrowed from the input. Lengths are definite and minimal, tag numbers below 31;
 * everything else is ERR_MALFORMED. Not for other rooms.
 */
#ifndef CRYPTO_DER_H
#define CRYPTO_DER_H

#include "base/buf.h"
#include "base/err.h"
#include "base/reader.h"

enum der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_UTF8_STRING = 0x0c,
    DER_NUMERIC_STRING = 0x12,
    DER_PRINTABLE_STRING = 0x13,
    DER_TELETEX_STRING = 0x14,
    DER_IA5_STRING = 0x16,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_UNIVERSAL_STRING = 0x1c,
    DER_BMP_STRING = 0x1e,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_CONTEXT = 0x80,             /* | n: implicit primitive */
    DER_CONTEXT_CONSTRUCTED = 0xa0, /* | n */
};

enum { DER_MAX_DEPTH = 24 };

struct der_item {
    uint8_t tag;
    struct span body;
    struct span whole; /* with tag and length */
};

/* The next item. ERR_SHORT when the input ends inside it. */
err_t der_next(struct reader *r, struct der_item *ret) MUST_CHECK;
/* The next item, which must have this tag: its body. */
err_t der_take(struct reader *r, uint8_t tag, struct span *ret_body) MUST_CHECK;
/* The same, with tag and length. */
err_t der_take_whole(struct reader *r, uint8_t tag, struct span *ret_whole) MUST_CHECK;
/* True when the next item has this tag. */
bool der_is_next(const struct reader *r, uint8_t tag);
/* A non-negative INTEGER without its sign byte. */
err_t der_take_unsigned(struct reader *r, struct span *ret) MUST_CHECK;
/* A BIT STRING without unused bits. */
err_t der_take_bits(struct reader *r, struct span *ret) MUST_CHECK;

/*
 * All of `bytes`, down into every constructed item, is DER: minimal INTEGERs, BOOLEANs of 00 or
 * FF, clear padding bits. Strings and octet strings are not looked into. The order of a SET OF is
 * left open: all certificates of one large TPM vendor have names that break it.
 */
err_t der_check(struct span bytes) MUST_CHECK;

/* Writing: a tag, its length, its body. */
void der_put(struct buf *out, uint8_t tag, struct span body);
/* A non-negative INTEGER from big-endian bytes. */
void der_put_unsigned(struct buf *out, struct span number);

#endif
