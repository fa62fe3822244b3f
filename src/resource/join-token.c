#include "resource/join-token.h"

#include "base/codec.h"

#include <string.h>

static bool is_token_char(uint8_t c)
{
    static const char marks[] = "._-~+=";

    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           memchr(marks, c, sizeof(marks) - 1) != NULL;
}

/* *ret_is_empty: there is a key with nothing behind it; NULL: nobody asks. */
static struct span find(struct span text, bool *ret_is_empty)
{
    static const char mark[] = JOIN_TOKEN_MARK, between[] = " \t\"':=";
    size_t len = sizeof(mark) - 1;

    for (size_t i = 0; text.len >= len && i <= text.len - len; i++) {
        size_t at = i + len, n = 0;
        bool is_set = false;

        if (memcmp(text.data + i, mark, len) != 0) {
            continue;
        }
        while (at < text.len && memchr(between, text.data[at], sizeof(between) - 1) != NULL) {
            is_set = is_set || text.data[at] == ':' || text.data[at] == '=';
            at++;
        }
        while (is_set && at + n < text.len && is_token_char(text.data[at + n])) {
            n++;
        }
        if (n > 0) {
            return span_of(text.data + at, n);
        }
        if (ret_is_empty != NULL && is_set &&
            (at == text.len || text.data[at] == '\n' || text.data[at] == '\r')) {
            *ret_is_empty = true;
        }
    }
    return (struct span){0};
}

struct span join_token_find(struct span text)
{
    return find(text, NULL);
}

bool join_token_is_missing(struct span text)
{
    bool is_empty = false;

    return find(text, &is_empty).data == NULL && is_empty;
}

/* A token as the server makes them, wherever it stands. */
static struct span find_made(struct span text)
{
    static const char prefix[] = JOIN_TOKEN_PREFIX;
    size_t len = sizeof(prefix) - 1;

    for (size_t i = 0; text.len >= len && i <= text.len - len; i++) {
        size_t n = 0;

        if (memcmp(text.data + i, prefix, len) != 0) {
            continue;
        }
        while (i + n < text.len && is_token_char(text.data[i + n])) {
            n++;
        }
        if (n >= JOIN_TOKEN_MIN) {
            return span_of(text.data + i, n);
        }
    }
    return (struct span){0};
}

/* What is struck is no token any more, so each look finds the next one. */
static void strike_all(uint8_t *bytes, size_t len, struct span (*next)(struct span text))
{
    struct span rest = span_of(bytes, len), token;

    while ((token = next(rest)).data != NULL) {
        size_t end = (size_t)(token.data - bytes) + token.len;

        memset(bytes + end - token.len, '*', token.len);
        rest = span_of(bytes + end, len - end);
    }
}

/* text with stars in the arena; itself when there is nothing to strike. data NULL: no memory. */
static struct span struck(struct arena *arena, struct span text)
{
    uint8_t *bytes;

    if (join_token_find(text).data == NULL && find_made(text).data == NULL) {
        return text;
    }
    bytes = arena_alloc(arena, text.len + 1);
    if (bytes == NULL) {
        return (struct span){0};
    }
    memcpy(bytes, text.data, text.len);
    bytes[text.len] = '\0'; /* yyjson's strings have one */
    strike_all(bytes, text.len, join_token_find);
    strike_all(bytes, text.len, find_made);
    return span_of(bytes, text.len);
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* So that nothing is decoded in vain: templates have many strings. Tools break base64 into lines;
 * *ret_n is how much of it there is without them. */
static bool may_be_base64(struct span text, size_t *ret_n)
{
    static const char others[] = "+/=";
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              is_space(c) || memchr(others, c, sizeof(others) - 1) != NULL)) {
            return false;
        }
        n += is_space(c) ? 0 : 1;
    }
    *ret_n = n;
    return n % 4 == 0 && n >= JOIN_TOKEN_MIN;
}

/* What n characters of base64 among spaces say. ERR_ENCODING: they are none. */
static err_t decode(struct arena *arena, struct span text, size_t n, struct span *ret)
{
    uint8_t *dense = n == text.len ? NULL : arena_alloc(arena, n);
    size_t used = 0;

    if (n == text.len) {
        return base64_decode(arena, BASE64_STANDARD, text, ret);
    }
    if (dense == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!is_space(text.data[i])) {
            dense[used++] = text.data[i];
        }
    }
    return base64_decode(arena, BASE64_STANDARD, span_of(dense, used), ret);
}

static void strike_string(struct arena *arena, yyjson_mut_val *value)
{
    struct span text = span_of(yyjson_mut_get_str(value), yyjson_mut_get_len(value));
    struct span now = struck(arena, text), plain = {0}, inside;
    size_t n = 0;

    if (may_be_base64(text, &n)) {
        err_t err = decode(arena, text, n, &plain);

        inside = err ? plain : struck(arena, plain);
        if (err == ERR_MEMORY || (err == ERR_OK && inside.data == NULL)) {
            now = (struct span){0};
        } else if (inside.data != plain.data) {
            const char *again = base64_dup(arena, BASE64_STANDARD, inside);

            now = (struct span){0};
            if (again != NULL) {
                now = span_str(again);
            }
        }
    }
    if (now.data == NULL) {
        now = span_str("");
    }
    if (now.data != text.data) {
        (void)yyjson_mut_set_strn(value, (const char *)now.data, now.len);
    }
}

void join_token_strike(struct arena *arena, yyjson_mut_val *value)
{
    yyjson_mut_obj_iter members;
    yyjson_mut_arr_iter items;
    yyjson_mut_val *at;

    if (yyjson_mut_is_str(value)) {
        strike_string(arena, value);
    } else if (yyjson_mut_obj_iter_init(value, &members)) {
        while ((at = yyjson_mut_obj_iter_next(&members)) != NULL) {
            join_token_strike(arena, yyjson_mut_obj_iter_get_val(at));
        }
    } else if (yyjson_mut_arr_iter_init(value, &items)) {
        while ((at = yyjson_mut_arr_iter_next(&items)) != NULL) {
            join_token_strike(arena, at);
        }
    }
}
