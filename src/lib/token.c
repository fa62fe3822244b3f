/*
 * token.c - tokens of libbootwarden. Who may send these bytes: whoever wants to be trusted.
 */
#include "lib/internal.h"

#include <stdlib.h>

enum { TOKEN_ARENA_BYTES = 32 * 1024 * 1024 };

_Static_assert((int)BOOTWARDEN_TOKEN_MAX_BYTES == (int)JUDGE_MAX_BYTES, "the header says so");
_Static_assert((int)BOOTWARDEN_JSON_MAX_DEPTH == (int)JSON_MAX_DEPTH, "the header says so");
_Static_assert((int)BOOTWARDEN_SKEW_MAX_S == (int)TOKEN_MAX_SKEW_S, "the header says so");
_Static_assert((int)BOOTWARDEN_CLAIM_NAME_MAX_BYTES == (int)CLAIM_NAME_MAX, "the header says so");

/* A later header has more members: they may be there as long as they demand nothing. */
static const char *read_demands(const struct bootwarden_demands *given, struct judge_options *ret)
{
    if (given == NULL || given->size < sizeof(*given)) {
        return "demands are missing, or their size is not set";
    }
    if (given->size > 4096 ||
        !span_all(span_of((const char *)given + sizeof(*given), given->size - sizeof(*given)), 0)) {
        return "demands that this version of the library does not know";
    }
    if (given->issuer == NULL || given->issuer[0] == '\0') {
        return "demands without an issuer";
    }
    if (given->now <= 0 || given->now > JUDGE_LATEST_TIME) {
        return "demands without a time (now)";
    }
    if (given->skew_s < 0 || given->skew_s > BOOTWARDEN_SKEW_MAX_S) {
        return "skew_s must be 0 to 300 seconds";
    }
    if ((given->nonce != NULL && given->nonce[0] == '\0') ||
        (given->audience != NULL && given->audience[0] == '\0')) {
        return "an empty nonce or audience demands nothing; NULL says that none is wanted";
    }
    *ret = (struct judge_options){.iss = given->issuer,
                                  .aud = given->audience,
                                  .nonce = given->nonce,
                                  .now = given->now,
                                  .skew_s = given->skew_s};
    return NULL;
}

static const char *first_words(const struct judgement *judgement)
{
    for (size_t i = 0; i < judgement->n_findings; i++) {
        if (judgement->findings[i].outcome == JUDGE_NOT_OK) {
            return judgement->findings[i].words;
        }
    }
    return NULL;
}

/* "issuer: is the text ...; wanted is ..." */
static enum bootwarden_status refuse(struct bootwarden_fault *fault, struct arena *arena,
                                     const struct judgement *judgement)
{
    enum bootwarden_status status = lib_refusal(judgement->fault);
    const char *words = first_words(judgement);

    if (words != NULL) {
        words = arena_printf(arena, "%s: %s", bootwarden_status_text(status), words);
    }
    return lib_fail(fault, status, words);
}

enum bootwarden_status bootwarden_token_verify(const struct bootwarden_keys *keys, const char *text,
                                               size_t text_len,
                                               const struct bootwarden_demands *demands,
                                               struct bootwarden_token **ret,
                                               struct bootwarden_fault *fault)
{
    CLEANUP(arena_free) struct arena *arena = NULL;
    struct bootwarden_token *token = NULL;
    struct judge_options options = {0};
    struct judgement judgement = {0};
    const char *misuse = read_demands(demands, &options);
    struct span compact;
    err_t err;

    if (keys == NULL || text == NULL || ret == NULL || misuse != NULL) {
        return lib_fail(fault, BOOTWARDEN_E_USAGE,
                        misuse != NULL ? misuse : "keys, token or a place for it are missing");
    }
    compact = token_trim(span_of(text, text_len));
    if (compact.len > BOOTWARDEN_TOKEN_MAX_BYTES) {
        return lib_fail(fault, BOOTWARDEN_E_LIMIT, "the token is larger than 1048576 bytes");
    }
    options.keys = keys->keys;
    arena = arena_new(TOKEN_ARENA_BYTES);
    err = arena == NULL ? ERR_MEMORY : token_judge(arena, compact, &options, &judgement);
    if (err) {
        return lib_fail(fault, lib_status(err, arena, BOOTWARDEN_E_INTERNAL), NULL);
    }
    if (!judgement.is_valid) {
        return refuse(fault, arena, &judgement);
    }
    token = calloc(1, sizeof(*token));
    if (token == NULL) {
        return lib_fail(fault, BOOTWARDEN_E_MEMORY, NULL);
    }
    token->payload = judgement.payload;
    token->expires_at = judgement.expires_at;
    token->issued_at = judgement.issued_at;
    memcpy(token->kid, judgement.key->kid, sizeof(token->kid));
    token->arena = TAKE(arena);
    *ret = token;
    return BOOTWARDEN_OK;
}

void bootwarden_token_free(struct bootwarden_token *token)
{
    if (token != NULL) {
        arena_free(token->arena);
        free(token);
    }
}

int64_t bootwarden_token_expires_at(const struct bootwarden_token *token)
{
    return token == NULL ? 0 : token->expires_at;
}

int64_t bootwarden_token_issued_at(const struct bootwarden_token *token)
{
    return token == NULL ? 0 : token->issued_at;
}

const char *bootwarden_token_kid(const struct bootwarden_token *token)
{
    return token == NULL ? "" : token->kid;
}

/* ---- claims ---- */

static enum bootwarden_status find(const struct bootwarden_token *token, const char *name,
                                   const void *place, yyjson_val **ret)
{
    if (token == NULL || name == NULL || place == NULL) {
        return BOOTWARDEN_E_USAGE;
    }
    *ret = claim_find(token->payload, name);
    return *ret == NULL ? BOOTWARDEN_E_NO_CLAIM : BOOTWARDEN_OK;
}

enum bootwarden_status bootwarden_token_boolean(const struct bootwarden_token *token,
                                                const char *name, bool *ret)
{
    yyjson_val *value = NULL;
    enum bootwarden_status status = find(token, name, ret, &value);

    if (status == BOOTWARDEN_OK && !yyjson_is_bool(value)) {
        status = BOOTWARDEN_E_CLAIM_KIND;
    }
    if (status == BOOTWARDEN_OK) {
        *ret = yyjson_get_bool(value);
    }
    return status;
}

enum bootwarden_status bootwarden_token_integer(const struct bootwarden_token *token,
                                                const char *name, int64_t *ret)
{
    yyjson_val *value = NULL;
    enum bootwarden_status status = find(token, name, ret, &value);

    if (status == BOOTWARDEN_OK &&
        (!yyjson_is_int(value) ||
         (yyjson_is_uint(value) && yyjson_get_uint(value) > (uint64_t)INT64_MAX))) {
        status = BOOTWARDEN_E_CLAIM_KIND;
    }
    if (status == BOOTWARDEN_OK) {
        *ret = yyjson_get_sint(value);
    }
    return status;
}

enum bootwarden_status bootwarden_token_text(const struct bootwarden_token *token, const char *name,
                                             const char **ret, size_t *ret_len)
{
    yyjson_val *value = NULL;
    enum bootwarden_status status = find(token, name, ret, &value);

    if (status == BOOTWARDEN_OK &&
        (!yyjson_is_str(value) || (ret_len == NULL && json_text(value) == NULL))) {
        status = BOOTWARDEN_E_CLAIM_KIND;
    }
    if (status == BOOTWARDEN_OK) {
        *ret = yyjson_get_str(value);
        if (ret_len != NULL) {
            *ret_len = yyjson_get_len(value);
        }
    }
    return status;
}

enum bootwarden_status bootwarden_token_json(const struct bootwarden_token *token, const char *name,
                                             char **ret)
{
    yyjson_val *value = NULL;
    enum bootwarden_status status = BOOTWARDEN_OK;
    char *text;

    if (name == NULL && token != NULL && ret != NULL) {
        value = token->payload;
    } else {
        status = find(token, name, ret, &value);
    }
    if (status != BOOTWARDEN_OK) {
        return status;
    }
    /* The token's arena is not for this: others may be reading the same token. */
    text = yyjson_val_write(value, YYJSON_WRITE_NOFLAG, NULL);
    if (text == NULL) {
        return BOOTWARDEN_E_MEMORY;
    }
    *ret = text;
    return BOOTWARDEN_OK;
}

void bootwarden_text_free(char *text)
{
    free(text);
}
