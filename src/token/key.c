/*
 * key.c - keys that sign tokens, sets of keys that verify them, and what keys are called.
 */
#include "base/codec.h"
#include "token/internal.h"

#include <stdio.h>
#include <stdlib.h>

enum { PEM_TEXT_MAX = 4096 };

struct token_keys {
    struct jwk keys[TOKEN_MAX_KEYS];
    size_t count;
};

static err_t digest_text(struct arena *arena, enum base64_form form, struct span digest,
                         const char **ret)
{
    const char *text = base64_dup(arena, form, digest);

    if (text == NULL) {
        return ERR_MEMORY;
    }
    *ret = text;
    return ERR_OK;
}

err_t token_kid_spki(struct arena *arena, struct span spki, const char **ret)
{
    CLEANUP(buf_done) struct buf pem = {0};
    uint8_t digest[SHA256_BYTES];
    err_t err;

    buf_init(&pem, PEM_TEXT_MAX);
    buf_add_str(&pem, "-----BEGIN PUBLIC KEY-----\n");
    for (size_t at = 0; at < spki.len; at += 48) {
        base64_encode(&pem, BASE64_STANDARD, span_cut(spki, at, 48));
        buf_add_char(&pem, '\n');
    }
    buf_add_str(&pem, "-----END PUBLIC KEY-----\n");
    buf_u8(&pem, 0);
    err = buf_err(&pem);
    err = err ? err : hash_once(HASH_SHA256, buf_span(&pem), digest);
    return err ? err : digest_text(arena, BASE64_STANDARD, span_of(digest, sizeof(digest)), ret);
}

err_t token_kid_x5t(struct arena *arena, struct span cert, const char **ret)
{
    uint8_t digest[SHA1_BYTES];
    err_t err = hash_once(HASH_SHA1, cert, digest);

    return err ? err : digest_text(arena, BASE64_URL, span_of(digest, sizeof(digest)), ret);
}

err_t token_kid(struct arena *arena, const struct cert *cert, const char **ret)
{
    return cert_is_self_issued(cert) ? token_kid_spki(arena, cert_spki(cert), ret)
                                     : token_kid_x5t(arena, cert_der(cert), ret);
}

err_t token_thumbprint(struct arena *arena, const struct pubkey *key, const char **ret)
{
    static const char *const curve_names[] = {
        [CURVE_NONE] = "", [CURVE_P256] = "P-256", [CURVE_P384] = "P-384", [CURVE_P521] = "P-521"};
    struct span a = {0};
    struct span b = {0};
    uint8_t digest[SHA256_BYTES];
    const char *first;
    const char *second;
    const char *json;
    err_t err = pubkey_numbers(key, arena, &a, &b);

    if (err) {
        return err;
    }
    first = base64_dup(arena, BASE64_URL, a);
    second = base64_dup(arena, BASE64_URL, b);
    if (first == NULL || second == NULL) {
        return ERR_MEMORY;
    }
    json = pubkey_kind(key) == PUBKEY_RSA
               ? arena_printf(arena, "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}", second, first)
               : arena_printf(arena, "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}",
                              curve_names[pubkey_curve(key)], first, second);
    if (json == NULL) {
        return ERR_MEMORY;
    }
    err = hash_once(HASH_SHA256, span_str(json), digest);
    return err ? err : digest_text(arena, BASE64_URL, span_of(digest, sizeof(digest)), ret);
}

static err_t name_key(struct token_key *key)
{
    CLEANUP(arena_free) struct arena *arena = arena_new((size_t)64 * 1024);
    const char *kid = NULL;
    err_t err = arena == NULL ? ERR_MEMORY : token_kid(arena, key->chain[0], &kid);

    if (err == ERR_OK) {
        snprintf(key->kid, sizeof(key->kid), "%s", kid);
    }
    return err;
}

err_t token_key_new(struct signkey *key, struct cert *const *chain, size_t n_chain,
                    struct token_key **ret)
{
    CLEANUP(token_key_free) struct token_key *made = NULL;
    err_t err;

    if (n_chain == 0) {
        return ERR_VALUE;
    }
    if (n_chain > TOKEN_MAX_CHAIN) {
        return ERR_TOO_MANY;
    }
    if (cert_key(chain[0]) == NULL || !pubkey_equal(cert_key(chain[0]), signkey_public(key))) {
        return ERR_MISMATCH;
    }
    made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return ERR_MEMORY;
    }
    atomic_init(&made->refs, 1);
    made->key = signkey_ref(key);
    made->alg = token_alg_of(signkey_public(key));
    for (size_t i = 0; i < n_chain; i++) {
        made->chain[made->n_chain++] = cert_ref(chain[i]);
    }
    err = name_key(made);
    if (err) {
        return err;
    }
    *ret = TAKE(made);
    return ERR_OK;
}

struct token_key *token_key_ref(struct token_key *key)
{
    atomic_fetch_add_explicit(&key->refs, 1, memory_order_relaxed);
    return key;
}

void token_key_free(struct token_key *key)
{
    if (key != NULL && atomic_fetch_sub_explicit(&key->refs, 1, memory_order_acq_rel) == 1) {
        signkey_free(key->key);
        for (size_t i = 0; i < key->n_chain; i++) {
            cert_free(key->chain[i]);
        }
        free(key);
    }
}

const char *token_key_kid(const struct token_key *key)
{
    return key->kid;
}

enum token_alg token_key_alg(const struct token_key *key)
{
    return key->alg;
}

struct cert *const *token_key_chain(const struct token_key *key, size_t *ret_n_chain)
{
    *ret_n_chain = key->n_chain;
    return key->chain;
}

struct token_keys *token_keys_new(void)
{
    return calloc(1, sizeof(struct token_keys));
}

void token_keys_free(struct token_keys *keys)
{
    if (keys != NULL) {
        for (size_t i = 0; i < keys->count; i++) {
            jwk_done(&keys->keys[i]);
        }
        free(keys);
    }
}

err_t token_keys_add(struct token_keys *keys, struct jwk *jwk)
{
    if (jwk->kid[0] == '\0') {
        return ERR_VALUE;
    }
    if (token_keys_find(keys, span_str(jwk->kid)) != NULL) {
        return ERR_CONFLICT;
    }
    if (keys->count == TOKEN_MAX_KEYS) {
        return ERR_TOO_MANY;
    }
    keys->keys[keys->count++] = *jwk;
    *jwk = (struct jwk){0};
    return ERR_OK;
}

size_t token_keys_count(const struct token_keys *keys)
{
    return keys->count;
}

const struct jwk *token_keys_at(const struct token_keys *keys, size_t index)
{
    return index < keys->count ? &keys->keys[index] : NULL;
}

const struct jwk *token_keys_find(const struct token_keys *keys, struct span kid)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (kid.len > 0 && span_is(kid, keys->keys[i].kid)) {
            return &keys->keys[i];
        }
    }
    return NULL;
}

err_t token_keys_add_own(struct token_keys *keys, const struct token_key *key)
{
    CLEANUP(jwk_done) struct jwk jwk = {.alg = key->alg};

    snprintf(jwk.kid, sizeof(jwk.kid), "%s", key->kid);
    jwk.key = pubkey_ref(signkey_public(key->key));
    for (size_t i = 0; i < key->n_chain; i++) {
        jwk.chain[jwk.n_chain++] = cert_ref(key->chain[i]);
    }
    return token_keys_add(keys, &jwk);
}
