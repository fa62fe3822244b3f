/*
 * keys.c - key sets of libbootwarden. Who may send these bytes: the issuer that the program trusts.
 */
#include "lib/internal.h"

#include "crypto/hash.h"

#include <pthread.h>
#include <stdlib.h>

enum { KEYS_ARENA_BYTES = 32 * 1024 * 1024 };

_Static_assert((int)BOOTWARDEN_KEYS_MAX == (int)TOKEN_MAX_KEYS, "the header says so");

static pthread_once_t once = PTHREAD_ONCE_INIT;
static err_t started = ERR_CRYPTO;

static void start(void)
{
    started = crypto_init();
}

err_t lib_start(void)
{
    return pthread_once(&once, start) == 0 ? started : ERR_CRYPTO;
}

enum bootwarden_status bootwarden_keys_new(const char *jwks, size_t jwks_len,
                                           struct bootwarden_keys **ret,
                                           struct bootwarden_fault *fault)
{
    CLEANUP(arena_free) struct arena *arena = NULL;
    struct bootwarden_keys *keys;
    struct trail trail = {0};
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 64];
    err_t err;

    if (jwks == NULL || ret == NULL) {
        return lib_fail(fault, BOOTWARDEN_E_USAGE,
                        "key set without text, or without a place for it");
    }
    if (jwks_len > BOOTWARDEN_KEY_SET_MAX_BYTES) {
        return lib_fail(fault, BOOTWARDEN_E_LIMIT, "the key set is larger than 1048576 bytes");
    }
    if (lib_start() != ERR_OK) {
        return lib_fail(fault, BOOTWARDEN_E_INTERNAL, NULL);
    }
    arena = arena_new(KEYS_ARENA_BYTES);
    keys = calloc(1, sizeof(*keys));
    err = arena == NULL || keys == NULL ? ERR_MEMORY : ERR_OK;
    err =
        err ? err : jwks_read(arena, span_of(jwks, jwks_len), &trail, &keys->keys, &keys->left_out);
    if (err) {
        free(keys);
        trail_format(&trail, err, words, sizeof(words));
        return lib_fail(fault, lib_status(err, arena, BOOTWARDEN_E_KEYS), words);
    }
    *ret = keys;
    return BOOTWARDEN_OK;
}

void bootwarden_keys_free(struct bootwarden_keys *keys)
{
    if (keys != NULL) {
        token_keys_free(keys->keys);
        free(keys);
    }
}

size_t bootwarden_keys_count(const struct bootwarden_keys *keys)
{
    return keys == NULL ? 0 : token_keys_count(keys->keys);
}

size_t bootwarden_keys_left_out(const struct bootwarden_keys *keys)
{
    return keys == NULL ? 0 : keys->left_out;
}
