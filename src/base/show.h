/*
 * show.h - short escaped texts for readings and facts, cheap when nothing needs escaping.
 *
 * For this room and those above it that make sentences of its texts. Results live in the arena;
 * NULL at its limit, so that a fact is never silently empty.
 */
#ifndef BASE_SHOW_H
#define BASE_SHOW_H

#include "base/arena.h"
#include "base/span.h"

enum { SHOW_MAX = 8192 }; /* longest text shown of one event */

/* All bytes as UTF-8 text, escaped, NULs too. */
const char *show_bytes(struct arena *arena, struct span bytes);
/* Bytes as UTF-8 text up to the first NUL, escaped. */
const char *show_text(struct arena *arena, struct span bytes);
/* UTF-16LE up to the first NUL unit, escaped. */
const char *show_utf16(struct arena *arena, struct span utf16);
/* a, b and c one behind the other; the parts are escaped already. */
const char *show_join(struct arena *arena, const char *a, const char *b, const char *c);

/* A text that is escaped already, cut to at most max bytes (but 3) with "..." at its end: behind a
 * word when there is one not far back, never inside a character or an escape. The text itself when
 * it fits. Never NULL: when the arena is full, "..." is all that is left. */
const char *show_cut(struct arena *arena, const char *text, size_t max);

/* Up to the first NUL byte. */
struct span show_until_nul(struct span bytes);
/* True when UTF-16LE text up to its NUL is not empty and all printable ASCII. */
bool show_is_plain_utf16(struct span utf16);

#endif
