/*
 * signer.h - for tests of those who rely on tokens: an issuer with one key, and tokens of it.
 */
#ifndef TESTS_UNIT_TOKEN_SIGNER_H
#define TESTS_UNIT_TOKEN_SIGNER_H

#include "base/codec.h"
#include "support/support.h"
#include "token/token.h"

enum { NOW = 1760000000, EIGHT_HOURS = 28800 };
#define ISSUER "https://localhost:8443"

struct issuer {
    struct arena *arena;
    struct signkey *secret;
    struct token_key *key;
    struct token_keys *keys;
};

static inline struct issuer issuer_of(enum signkey_kind kind)
{
    struct issuer w = {.arena = test_arena(), .keys = token_keys_new()};
    const struct cert_request request = {.profile = CERT_TOKEN,
                                         .common_name = ISSUER,
                                         .not_before = NOW - 100,
                                         .not_after = NOW + 100000};
    struct cert *cert = NULL;

    assert_ok(signkey_generate(kind, &w.secret));
    assert_ok(cert_issue(&request, signkey_public(w.secret), NULL, w.secret, &cert));
    assert_ok(token_key_new(w.secret, &cert, 1, &w.key));
    assert_ok(token_keys_add_own(w.keys, w.key));
    cert_free(cert);
    return w;
}

static inline void issuer_done(struct issuer *w)
{
    token_keys_free(w->keys);
    token_key_free(w->key);
    signkey_free(w->secret);
    arena_free(w->arena);
}
DEFINE_CLEANUP_DONE(struct issuer, issuer_done)

/* Claims with good times and issuer, and `more` (",\"a\":1") behind them. */
static inline struct span claims_with(struct issuer *w, const char *more)
{
    return span_str(arena_printf(w->arena,
                                 "{\"exp\":%d,\"iat\":%d,\"iss\":\"" ISSUER "\",\"nbf\":%d%s}",
                                 NOW + EIGHT_HOURS, NOW, NOW, more));
}

/* Signed as the issuer does. */
static inline struct span token_of(struct issuer *w, struct span claims)
{
    struct span text = {0};

    assert_ok(token_sign(w->key, w->arena, NULL, claims, &text));
    return text;
}

/* Any header over any payload, with any signature. */
static inline struct span forged(struct issuer *w, const char *header, struct span payload,
                                 const char *signature)
{
    return span_str(arena_printf(w->arena, "%s.%s.%s",
                                 base64_dup(w->arena, BASE64_URL, span_str(header)),
                                 base64_dup(w->arena, BASE64_URL, payload), signature));
}

/* Any header over any payload, signed with the real key: what only the issuer can do. */
static inline struct span signed_as(struct issuer *w, const char *header, struct span payload)
{
    char *part = arena_printf(w->arena, "%s.%s", base64_dup(w->arena, BASE64_URL, span_str(header)),
                              base64_dup(w->arena, BASE64_URL, payload));
    struct span sig = {0};

    assert_ok(signkey_sign(
        w->secret, w->arena, token_key_alg(w->key) == TOKEN_RS256 ? SIG_RSASSA : SIG_ECDSA,
        token_key_alg(w->key) == TOKEN_ES384 ? HASH_SHA384 : HASH_SHA256, span_str(part), &sig));
    return span_str(arena_printf(w->arena, "%s.%s", part, base64_dup(w->arena, BASE64_URL, sig)));
}

#endif
