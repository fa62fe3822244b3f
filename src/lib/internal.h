/*
 * internal.h - what the files of libbootwarden share. The way in is include/bootwarden.h alone.
 */
#ifndef LIB_INTERNAL_H
#define LIB_INTERNAL_H

#include "bootwarden.h"
#include "token/judge.h"

struct bootwarden_keys {
    struct token_keys *keys;
    size_t left_out;
};

struct bootwarden_token {
    struct arena *arena; /* holds the payload; only read after the token was made */
    yyjson_val *payload;
    int64_t expires_at, issued_at;
    char kid[TOKEN_MAX_KID + 1];
};

/* crypto_init, once for all threads. */
err_t lib_start(void) MUST_CHECK;
/* Fills in fault, which may be NULL, and returns status. words NULL = those of the status. */
enum bootwarden_status lib_fail(struct bootwarden_fault *fault, enum bootwarden_status status,
                                const char *words);
/* What an error of a room becomes; refusal is what the input's own faults are here. */
enum bootwarden_status lib_status(err_t err, const struct arena *arena,
                                  enum bootwarden_status refusal);
enum bootwarden_status lib_refusal(enum judge_fault fault);

#endif
