/*
 * span.h - borrowed bytes: a pointer and a length, nothing owned.
 *
 * Whoever made the span says how long it stays valid; {0} is the valid empty span.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const uint8_t *data;
    size_t len;
};

static inline struct span span_of(const void *data, size_t len)
{
    return (struct span){.data = data, .len = len};
}

static inline struct span span_str(const char *text)
{
    return (struct span){.data = (const uint8_t *)text, .len = text == NULL ? 0 : strlen(text)};
}

/* Not constant time: for public bytes. Secrets are compared with secret_equal (crypto/secret.h). */
static inline bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool span_is(struct span a, const char *text)
{
    return span_equal(a, span_str(text));
}

static inline bool span_starts(struct span a, const char *text)
{
    size_t n = strlen(text);

    return n == 0 || (a.len >= n && memcmp(a.data, text, n) == 0);
}

/* `n` bytes from `from`, cut to what is there. */
static inline struct span span_cut(struct span a, size_t from, size_t n)
{
    if (from >= a.len) {
        return (struct span){0};
    }
    return span_of(a.data + from, n < a.len - from ? n : a.len - from);
}

/* True when every byte has the value; true for the empty span. */
static inline bool span_all(struct span a, uint8_t value)
{
    for (size_t i = 0; i < a.len; i++) {
        if (a.data[i] != value) {
            return false;
        }
    }
    return true;
}

#endif
