/*
 * token.h - signed tokens: JWS in compact form, JWT claims, JWK sets (RFC 7515, 7517, 7519, 8725).
 *
 * The algorithm belongs to the key, never to the message: a token's `alg` is only compared with
 * it (rules J-1, J-2). A key is found by `kid` in a set fixed beforehand, or not at all (J-3);
 * jku, x5u, jwk and x5c in a header choose nothing (J-4). There is no HMAC here and no
 * encryption. Keys and key sets are immutable once filled and may be shared between threads.
 * Time is an input. Parsed things live in the arena they were parsed into.
 */
#ifndef TOKEN_TOKEN_H
#define TOKEN_TOKEN_H

#include "base/arena.h"
#include "base/err.h"
#include "crypto/cert.h"
#include "crypto/signkey.h"
#include "json/json.h"

/* RFC 7518, 3.1; without HS* and none. */
enum token_alg {
    TOKEN_RS256,
    TOKEN_RS384,
    TOKEN_RS512,
    TOKEN_PS256,
    TOKEN_PS384,
    TOKEN_PS512,
    TOKEN_ES256,
    TOKEN_ES384,
    TOKEN_ES512,
    TOKEN_ALG_COUNT,
};

enum {
    TOKEN_MAX_BYTES = 64 * 1024,        /* unless the caller allows more */
    TOKEN_MAX_HEADER_BYTES = 32 * 1024, /* an x5c chain, decoded */
    TOKEN_MAX_KID = 256,
    TOKEN_MAX_CHAIN = 8,
    TOKEN_MAX_KEYS = 64,
    TOKEN_MAX_SKEW_S = 300,
    TOKEN_JTI_SIZE = 65,
};

/* "RS256" */
const char *token_alg_name(enum token_alg alg);
/* The algorithm we use with a key: RS256, ES256, ES384, ES512 by its kind. */
enum token_alg token_alg_of(const struct pubkey *key);
/* Can this key make such signatures at all? */
bool token_alg_fits(enum token_alg alg, const struct pubkey *key);

/* ---- key identifiers (attestation API, signing keys) ---- */

/* base64 with padding of SHA-256 over the PEM text of a SubjectPublicKeyInfo and a NUL byte: for
 * self-signed certificates. In the arena. */
err_t token_kid_spki(struct arena *arena, struct span spki, const char **ret) MUST_CHECK;
/* base64url of SHA-1 over the certificate (x5t): for certificates that an authority issued. */
err_t token_kid_x5t(struct arena *arena, struct span cert, const char **ret) MUST_CHECK;
/* The one of the two that fits the certificate. */
err_t token_kid(struct arena *arena, const struct cert *cert, const char **ret) MUST_CHECK;
/* base64url of SHA-256 over the required members of the JWK (RFC 7638). */
err_t token_thumbprint(struct arena *arena, const struct pubkey *key, const char **ret) MUST_CHECK;

/* ---- keys that sign ---- */

struct token_key;

/* chain[0] is the certificate of key, further ones lead to a root. Takes references.
 * ERR_MISMATCH when the first is not of this key, ERR_TOO_MANY past TOKEN_MAX_CHAIN. */
err_t token_key_new(struct signkey *key, struct cert *const *chain, size_t n_chain,
                    struct token_key **ret) MUST_CHECK;
struct token_key *token_key_ref(struct token_key *key);
void token_key_free(struct token_key *key);
DEFINE_CLEANUP(struct token_key *, token_key_free)
const char *token_key_kid(const struct token_key *key);
enum token_alg token_key_alg(const struct token_key *key);
/* Borrowed; n_chain certificates. */
struct cert *const *token_key_chain(const struct token_key *key, size_t *ret_n_chain);

/* ---- keys that verify ---- */

/* One JSON Web Key. Owns its key and chain: jwk_done. */
struct jwk {
    char kid[TOKEN_MAX_KID + 1]; /* "" when there is none */
    enum token_alg alg;
    struct pubkey *key;
    struct cert *chain[TOKEN_MAX_CHAIN];
    size_t n_chain;
};
void jwk_done(struct jwk *jwk);
DEFINE_CLEANUP_DONE(struct jwk, jwk_done)

/*
 * From n and e, crv with x and y, or x5c; where both numbers and x5c are there they must agree
 * (ERR_MISMATCH). `alg` pins the algorithm, else token_alg_of does. Members we do not know are
 * ignored, private ones refused (ERR_VALUE). ERR_UNSUPPORTED for other key types and for `use`
 * other than sig.
 */
err_t jwk_read(struct arena *arena, yyjson_val *value, struct trail *trail,
               struct jwk *ret) MUST_CHECK;
/* The key alone, from its own numbers: what it is for and who certified it does not matter here
 * (keys that a TPM vouches for). Secret members are refused. */
err_t jwk_read_public(struct arena *arena, yyjson_val *value, struct trail *trail,
                      struct pubkey **ret) MUST_CHECK;
/* {"x5c","kid","kty","alg","use","n","e"} (or crv, x, y) without what is not there; chain may be
 * empty, kid NULL. NULL at the arena's limit. */
yyjson_mut_val *jwk_value(struct arena *arena, yyjson_mut_doc *doc, const char *kid,
                          enum token_alg alg, const struct pubkey *key, struct cert *const *chain,
                          size_t n_chain);

struct token_keys;
struct token_keys *token_keys_new(void);
void token_keys_free(struct token_keys *keys);
DEFINE_CLEANUP(struct token_keys *, token_keys_free)
/* Take over the contents of jwk on success. ERR_CONFLICT for a kid that is there already
 * (J-10), ERR_VALUE without kid, ERR_TOO_MANY past TOKEN_MAX_KEYS. */
err_t token_keys_add(struct token_keys *keys, struct jwk *jwk) MUST_CHECK;
/* The public half of a signing key. */
err_t token_keys_add_own(struct token_keys *keys, const struct token_key *key) MUST_CHECK;
size_t token_keys_count(const struct token_keys *keys);
const struct jwk *token_keys_at(const struct token_keys *keys, size_t index);
/* NULL when there is none: no fallback to an only key (J-3). */
const struct jwk *token_keys_find(const struct token_keys *keys, struct span kid);

/* {"keys":[...]} */
err_t jwks_write(struct arena *arena, const struct token_keys *keys, struct span *ret) MUST_CHECK;
/* Keys of kinds that we do not accept, or without kid, are left out (RFC 7517, 5) and counted;
 * ERR_CONFLICT for a kid that is there twice. */
err_t jwks_read(struct arena *arena, struct span json, struct trail *trail, struct token_keys **ret,
                size_t *ret_left_out) MUST_CHECK;

/* ---- JWS without a key set: policies, requests ---- */

struct jws {
    yyjson_val *header;      /* an object; nothing in it is trusted */
    struct span signed_part; /* header and payload as they were signed */
    struct span payload;     /* decoded, may be empty */
    struct span signature;   /* decoded, may be empty */
};
/*
 * Split and decode; the three parts in base64url without padding and with nothing around them.
 * Refused: five parts (J-8), `crit`, `zip`, `enc`, `b64` other than true (J-5), a header that is
 * no object or has a member twice. max_bytes 0 = TOKEN_MAX_BYTES.
 */
err_t jws_read(struct arena *arena, struct span text, size_t max_bytes, struct trail *trail,
               struct jws *ret) MUST_CHECK;
/* Does the header say "none", and is there no signature? */
bool jws_is_unsecured(const struct jws *jws);
/* The header must name this algorithm and the signature be this key's. ERR_SIGNATURE. */
err_t jws_check(const struct jws *jws, const struct pubkey *key, enum token_alg alg,
                struct trail *trail) MUST_CHECK;
/* The certificates of the header's x5c, leaf first, unverified: the caller looks for one that it
 * knows (J-4). ERR_NOT_FOUND without the member. Each is for the caller to free. */
err_t jws_chain(struct arena *arena, const struct jws *jws, struct trail *trail,
                struct cert *ret[TOKEN_MAX_CHAIN], size_t *ret_n) MUST_CHECK;
/* {"alg":"none"}.payload. - for drafts, which say so in their name. */
err_t jws_unsecured(struct arena *arena, struct span payload, struct span *ret) MUST_CHECK;

/* ---- tokens ---- */

/* {"alg":..,"jku":..,"kid":..,"typ":"JWT"}.payload.signature; jku NULL = none. payload_json is
 * serialised already. */
err_t token_sign(const struct token_key *key, struct arena *arena, const char *jku,
                 struct span payload_json, struct span *ret) MUST_CHECK;

struct token_header {
    const char *jku; /* NULL = none */
    const char *typ; /* NULL = "JWT" */
    enum { TOKEN_NO_CERT, TOKEN_X5C, TOKEN_X5T } cert;
};
err_t token_sign_with(const struct token_key *key, struct arena *arena,
                      const struct token_header *header, struct span payload_json,
                      struct span *ret) MUST_CHECK;

/* An object with iss, iat, nbf = iat and exp, to which the caller adds. NULL at the limit. */
yyjson_mut_val *token_claims(yyjson_mut_doc *doc, const char *iss, int64_t iat, int64_t lifetime_s);
/* 64 random lower-case hex characters. */
err_t token_jti(char text[TOKEN_JTI_SIZE]) MUST_CHECK;
/* Sort the claims by name, at every level, and sign them as token_sign does. */
err_t token_issue(const struct token_key *key, struct arena *arena, const char *jku,
                  yyjson_mut_doc *doc, yyjson_mut_val *claims, struct span *ret) MUST_CHECK;

struct token_verify_options {
    const struct token_keys *keys;
    const char *iss; /* must be equal */
    const char *aud; /* must be among the token's; NULL: the token must have none */
    const char *typ; /* NULL = "JWT"; case does not matter */
    bool typ_may_be_absent;
    int64_t now;
    int64_t skew_s;   /* at most TOKEN_MAX_SKEW_S */
    size_t max_bytes; /* 0 = TOKEN_MAX_BYTES */
};
struct token {
    yyjson_val *header;
    yyjson_val *payload;
    const struct jwk *key; /* of the key set */
    int64_t issued_at;     /* 0 when it does not say */
    int64_t expires_at;
};
/*
 * Rules J-1 to J-8. The payload is not even parsed before the signature holds. ERR_UNTRUSTED for
 * an unknown kid, ERR_SIGNATURE for a wrong algorithm or signature, ERR_EXPIRED outside the
 * validity, ERR_MISMATCH for issuer, audience or type; what jws_read refuses with its code.
 */
err_t token_verify(struct arena *arena, struct span text,
                   const struct token_verify_options *options, struct trail *trail,
                   struct token *ret) MUST_CHECK;

#endif
