/*
 * arena.h - memory for one piece of work: allocate freely, reset once.
 *
 * An arena cannot be made without a maximum. Objects live until arena_reset or arena_free.
 * Running out is an ordinary NULL; arena_is_exhausted tells the limit, which who sent the work can
 * reach, from a machine without memory. Under AddressSanitizer every object is its own malloc, so
 * that overruns are still found. One arena belongs to one thread.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

struct arena;

/* max_bytes bounds everything handed out between two resets, each object rounded up to its
 * alignment. NULL when out of memory. */
struct arena *arena_new(size_t max_bytes);
void arena_free(struct arena *arena);
DEFINE_CLEANUP(struct arena *, arena_free)
/* Forget all objects; one block is kept for the next piece of work. */
void arena_reset(struct arena *arena);
/* Bytes handed out since the last reset, counted as for the limit. */
size_t arena_used(const struct arena *arena);

/* Was something refused since the last reset because of the limit? What was built from then on may
 * lack parts. */
bool arena_is_exhausted(const struct arena *arena);
/* Until the next reset the limit is higher by `bytes` (not adding up): for the answer that says
 * that the limit was reached. */
void arena_extend(struct arena *arena, size_t bytes);

/* `size` bytes aligned for any type, not cleared. NULL at the limit. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((malloc, alloc_size(2)));
/* count * size bytes, cleared; NULL on overflow or at the limit. */
void *arena_calloc(struct arena *arena, size_t count, size_t size);
/* A copy with a terminating NUL behind it (not counted). data is NULL at the limit. */
struct span arena_dup(struct arena *arena, struct span bytes);
char *arena_printf(struct arena *arena, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
