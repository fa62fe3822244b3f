/*
 * text.h - JSON text written straight into a bounded buffer.
 *
 * For documents that are long and read by others alone. Errors stick: text_end says the first one.
 * Commas come by themselves.
 */
#ifndef CLAIMS_TEXT_H
#define CLAIMS_TEXT_H

#include "base/arena.h"
#include "base/buf.h"

struct text {
    struct arena *arena;
    struct buf buf;
    bool needs_comma;
};

void text_begin(struct text *text, struct arena *arena, size_t max_bytes);
void text_done(struct text *text);
DEFINE_CLEANUP_DONE(struct text, text_done)
/* A copy in the arena, NUL-terminated. */
err_t text_end(const struct text *text, struct span *ret) MUST_CHECK;

void text_open(struct text *text, char bracket);  /* '{' or '[' */
void text_close(struct text *text, char bracket); /* '}' or ']' */
/* Of a member; must need no escaping. */
void text_name(struct text *text, const char *name);
void text_named(struct text *text, const char *name, const char *suffix);
/* Values. Bytes of a string that are no UTF-8 become visible escapes. */
void text_string(struct text *text, struct span utf8);
void text_hex(struct text *text, struct span bytes);
void text_base64url(struct text *text, struct span bytes);
void text_uint(struct text *text, uint64_t value);
void text_bool(struct text *text, bool value);
/* JSON as it is. */
void text_raw(struct text *text, struct span json);

#endif
