/*
 * text.h - showing bytes from outside to people, and comparing words.
 *
 * Nothing that comes from a guest reaches a terminal, a log line or a JSON string raw:
 * text_escape leaves printable characters and turns the rest into visible escapes
 * (verification rule D-5, CVE-2022-23949).
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/arena.h"
#include "base/span.h"

/*
 * Valid UTF-8 that is printable stays, a backslash too: paths of EFI programs are full of them.
 * So the result is for display only: it cannot be read back, escaping it again changes nothing,
 * and two different inputs may look the same. Control characters, DEL, bidirectional overrides,
 * everything invisible, spaces other than the plain one, private and non-characters and broken
 * bytes become \n, \t, \r, \xNN or \u{NNNN}. Always terminated; a cut text ends in "..." and is
 * never cut inside a character or an escape. size must be at least 8.
 */
void text_escape(struct span bytes, char *text, size_t size);
/* The same into the arena, at most max_chars bytes long (but 7); "" when the arena is full. */
/* A UUID as text, 8-4-4-4-12, in either case. */
bool text_is_guid(struct span text);
const char *text_escape_dup(struct arena *arena, struct span bytes, size_t max_chars);
/* The same of a text of several lines, whose ends stay '\n': for messages of more than one line. */
const char *text_escape_lines_dup(struct arena *arena, struct span bytes, size_t max_chars);
/* UTF-16LE to UTF-8 (unpaired surrogates become U+FFFD); stops at the first NUL unit. Not yet
 * escaped. data is NULL when the arena is full. */
struct span text_from_utf16le(struct arena *arena, struct span utf16);
/* ASCII only: case-insensitive equality. */
bool text_equal_nocase(const char *a, const char *b);
bool text_span_equal_nocase(struct span a, const char *b);
bool text_spans_equal_nocase(struct span a, struct span b);
/* True when all bytes are valid UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool text_is_utf8(struct span bytes);

#endif
