#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_EACH_ITS_OWN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_EACH_ITS_OWN 1
#endif
#endif
#ifndef ARENA_EACH_ITS_OWN
#define ARENA_EACH_ITS_OWN 0
#endif

enum { BLOCK_BYTES = 64 * 1024, ALIGN = _Alignof(max_align_t) };
/* No arena is larger, so that rounding up never overflows. */
#define ARENA_MAX_BYTES (SIZE_MAX / 4)

struct block {
    struct block *next;
    size_t size;
    size_t used;
    _Alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct block *blocks; /* newest first */
    size_t max;
    size_t extra; /* on top of max, until the next reset */
    size_t used;
    bool is_exhausted;
};

struct arena *arena_new(size_t max_bytes)
{
    struct arena *arena = calloc(1, sizeof(*arena));

    if (arena != NULL) {
        arena->max = max_bytes < ARENA_MAX_BYTES ? max_bytes : ARENA_MAX_BYTES;
    }
    return arena;
}

static void free_blocks(struct block *block)
{
    while (block != NULL) {
        struct block *next = block->next;

        free(block);
        block = next;
    }
}

void arena_free(struct arena *arena)
{
    if (arena != NULL) {
        free_blocks(arena->blocks);
        free(arena);
    }
}

void arena_reset(struct arena *arena)
{
    struct block *keep = NULL;

    arena->used = 0;
    arena->extra = 0;
    arena->is_exhausted = false;
    if (!ARENA_EACH_ITS_OWN) {
        for (struct block **at = &arena->blocks; *at != NULL; at = &(*at)->next) {
            if ((*at)->size == BLOCK_BYTES) {
                keep = *at;
                *at = keep->next;
                keep->next = NULL;
                keep->used = 0;
                break;
            }
        }
    }
    free_blocks(arena->blocks);
    arena->blocks = keep;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}

bool arena_is_exhausted(const struct arena *arena)
{
    return arena->is_exhausted;
}

void arena_extend(struct arena *arena, size_t bytes)
{
    size_t most = ARENA_MAX_BYTES - arena->max;

    bytes = bytes < most ? bytes : most;
    arena->extra = bytes > arena->extra ? bytes : arena->extra;
}

/* Room for `need` bytes. A large object gets a block of its own behind the newest one, whose
 * room stays in use. */
static struct block *add_block(struct arena *arena, size_t need)
{
    bool is_large = !ARENA_EACH_ITS_OWN && need > BLOCK_BYTES / 4 && arena->blocks != NULL;
    size_t size = ARENA_EACH_ITS_OWN || need > BLOCK_BYTES / 4 ? need : BLOCK_BYTES;
    struct block **at = is_large ? &arena->blocks->next : &arena->blocks;
    struct block *block = malloc(sizeof(*block) + size);

    if (block == NULL) {
        return NULL;
    }
    block->size = size;
    block->used = 0;
    block->next = *at;
    *at = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    struct block *block = arena->blocks;
    size_t need;
    void *result;

    /* What an object really takes, so that many tiny ones are bounded too. */
    if (size > ARENA_MAX_BYTES) {
        arena->is_exhausted = true;
        return NULL;
    }
    need = size == 0 ? ALIGN : (size + ALIGN - 1) / ALIGN * ALIGN;
    if (need > arena->max + arena->extra - arena->used) {
        arena->is_exhausted = true;
        return NULL;
    }
    if (ARENA_EACH_ITS_OWN || block == NULL || need > block->size - block->used) {
        block = add_block(arena, ARENA_EACH_ITS_OWN ? (size == 0 ? 1 : size) : need);
        if (block == NULL) {
            return NULL;
        }
    }
    result = block->bytes + block->used;
    block->used = ARENA_EACH_ITS_OWN ? block->size : block->used + need;
    arena->used += need;
    return result;
}

void *arena_calloc(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;
    void *result;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        arena->is_exhausted = true;
        return NULL;
    }
    result = arena_alloc(arena, bytes);
    if (result != NULL) {
        memset(result, 0, bytes);
    }
    return result;
}

struct span arena_dup(struct arena *arena, struct span bytes)
{
    /* Past the largest arena the length stands for itself, so that adding 1 cannot overflow. */
    uint8_t *copy = arena_alloc(arena, bytes.len > ARENA_MAX_BYTES ? bytes.len : bytes.len + 1);

    if (copy == NULL) {
        return (struct span){0};
    }
    if (bytes.len > 0) {
        memcpy(copy, bytes.data, bytes.len);
    }
    copy[bytes.len] = 0;
    return span_of(copy, bytes.len);
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
    va_list args;
    va_list again;
    int len;
    char *text = NULL;

    va_start(args, fmt);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, fmt, args);
    if (len >= 0) {
        text = arena_alloc(arena, (size_t)len + 1);
    }
    if (text != NULL) {
        vsnprintf(text, (size_t)len + 1, fmt, again);
    }
    va_end(again);
    va_end(args);
    return text;
}
