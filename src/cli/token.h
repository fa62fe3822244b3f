/*
 * token.h - what the files of `bootwarden token` share: where tokens and keys come from, and how
 * they are shown.
 */
#ifndef CLI_TOKEN_H
#define CLI_TOKEN_H

#include "token/judge.h"

#include <stdio.h>

enum { TOKEN_FILE_MAX_BYTES = 2 * JUDGE_MAX_BYTES, TOKEN_SET_MAX_BYTES = 1024 * 1024 };

/* The compact token that an argument means: a file, "-", or the token itself; of a JSON object the
 * member "token". Without the blanks around it. Says what is wrong; an exit code. */
int token_source_read(const char *command, struct arena *arena, const char *argument,
                      struct span *ret);

struct token_source_keys {
    struct token_keys *keys; /* the caller frees them */
    size_t left_out;         /* of kinds that are not accepted, or without kid */
};
/* A key set from a file, or "-". */
int token_keys_load(const char *command, struct arena *arena, const char *path,
                    struct token_source_keys *ret);
/* The key set that an endpoint names in its OpenID metadata. ca NULL = the system's roots. Refused
 * unless the endpoint calls itself what it was called here, and its keys lie with it. */
int token_keys_fetch(const char *command, struct arena *arena, const char *endpoint, const char *ca,
                     struct token_source_keys *ret);

/* The token as it describes itself. */
int token_show_inspected(struct arena *arena, const struct jws *jws, yyjson_val *payload,
                         int64_t now, bool is_json);

struct token_shown {
    const struct judge_options *options;
    const struct judgement *judgement;
    size_t left_out;
    bool is_fetched; /* the keys, just now */
};
int token_show_judged(struct arena *arena, const struct token_shown *shown, bool is_json);

#endif
