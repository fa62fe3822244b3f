/*
 * codec.h - hexadecimal and base64 (RFC 4648), percent encoding (RFC 3986, 2.1), strictly.
 *
 * Decoders refuse unknown characters, wrong lengths and non-zero leftover bits, so that one
 * value has one spelling. Results live in the arena.
 */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/* Lower case, 2 * bytes.len characters and a NUL; size must hold them. */
void hex_encode(struct span bytes, char *text, size_t size);
/* The same into the arena; "" at its limit. */
const char *hex_dup(struct arena *arena, struct span bytes);
/* Either case, no separators. ERR_ENCODING otherwise. */
err_t hex_decode(struct arena *arena, struct span text, struct span *ret) MUST_CHECK;
/* Exactly `size` bytes into bytes. */
err_t hex_decode_into(struct span text, uint8_t *bytes, size_t size) MUST_CHECK;

enum base64_form {
    BASE64_STANDARD,    /* section 4: +/ with padding, required */
    BASE64_URL,         /* section 5: -_ without padding (JOSE) */
    BASE64_URL_LENIENT, /* section 5, padding accepted: Azure clients send both */
    BASE64_ANY,         /* either alphabet, padding optional; never mixed in one value */
};

err_t base64_decode(struct arena *arena, enum base64_form form, struct span text,
                    struct span *ret) MUST_CHECK;
/* %XX decoded; with `is_form` a "+" is a space (application/x-www-form-urlencoded). ERR_MALFORMED
 * for a broken escape, and for NUL, which would end a text early. NUL-terminated. */
err_t percent_decode(struct arena *arena, struct span text, bool is_form,
                     struct span *ret) MUST_CHECK;
/* Appends; letters, digits and "-._~" stay as they are. */
void percent_encode(struct buf *buf, struct span bytes);
/* Appends; BASE64_URL without padding, BASE64_STANDARD with. */
void base64_encode(struct buf *buf, enum base64_form form, struct span bytes);
/* Into the arena; NULL at its limit. */
const char *base64_dup(struct arena *arena, enum base64_form form, struct span bytes);

#endif
