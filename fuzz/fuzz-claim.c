/*
 * Who can send these bytes: whoever brings a token; an issuer, and anybody it signs claims for; a
 * script that passes demands on. The first line is a demand, the rest a token or its claims.
 */
#include "token/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(16u * 1024 * 1024);
    struct token_keys *keys = token_keys_new(); /* none: nothing can be valid */
    const uint8_t *end = size == 0 ? NULL : memchr(data, '\n', size);
    size_t first = end == NULL ? 0 : (size_t)(end - data);
    struct span rest = span_cut(span_of(data, size), first, size);
    struct span line = arena_dup(arena, span_of(data, first));
    struct judge_options o = {.keys = keys, .iss = "i", .nonce = "n", .now = 1};
    struct claim_demand demand = {0};
    struct judgement judgement = {0};
    yyjson_val *claims = NULL;
    const char *words = "";

    if (line.data != NULL && crypto_init() == ERR_OK &&
        claim_demand_read(arena, (const char *)line.data, NULL, &demand) == ERR_OK) {
        o.claims = &demand;
        o.n_claims = 1;
        if (token_judge(arena, span_cut(rest, 1, size), &o, &judgement) == ERR_OK &&
            judgement.is_valid) {
            __builtin_trap();
        }
        if (json_read(arena, rest, NULL, NULL, &claims) == ERR_OK &&
            claim_check_nonce(arena, claims, "n", &words) != ERR_MEMORY) {
            (void)(claim_check(arena, claims, &demand, &words) == ERR_OK);
        }
    }
    token_keys_free(keys);
    arena_free(arena);
    return 0;
}
