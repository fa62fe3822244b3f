/*
 * internal.h - what the files of this room share. Not for other rooms.
 */
#ifndef TOKEN_INTERNAL_H
#define TOKEN_INTERNAL_H

#include "token/token.h"

#include <stdatomic.h>

struct token_key {
    atomic_uint refs;
    struct signkey *key;
    enum token_alg alg;
    char kid[TOKEN_MAX_KID + 1];
    struct cert *chain[TOKEN_MAX_CHAIN];
    size_t n_chain;
};

/* x5c: an array of base64 DER, into jwk->chain. */
err_t jwk_read_chain(struct arena *arena, yyjson_val *list, struct trail *trail,
                     struct jwk *jwk) MUST_CHECK;
/* header.payload.signature */
err_t jws_sign(struct arena *arena, const struct signkey *key, enum token_alg alg,
               struct span header_json, struct span payload, struct span *ret) MUST_CHECK;

/* The checks that token_verify and token_judge have in common. */
err_t token_check_type(yyjson_val *header, const struct token_verify_options *options,
                       struct trail *trail) MUST_CHECK;
err_t token_check_issuer(yyjson_val *payload, const char *wanted, struct trail *trail) MUST_CHECK;
err_t token_check_audience(yyjson_val *payload, const char *wanted, struct trail *trail) MUST_CHECK;
/* Fills in the token's times, those that it has also when they do not hold. */
err_t token_check_times(const struct token_verify_options *options, struct trail *trail,
                        struct token *token) MUST_CHECK;

#endif
