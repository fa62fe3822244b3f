#include "service/signer.h"

#include "base/file.h"
#include "service/folder.h"
#include "token/token.h"

#include <stdlib.h>
#include <time.h>

enum {
    CERT_DAYS = 5 * 365,
    CERT_LEFT_DAYS = 30,
    DAY = 86400,
    COMMON_NAME_MAX = 64, /* RFC 5280, ub-common-name */
};

struct signer {
    struct token_key *key; /* the one that signs */
    char *jku;
    uint8_t *jwks;
    size_t jwks_len;
};

static const struct {
    enum signkey_kind kind;
    const char *alg;
    const char *suffix;
} kinds[] = {
    {SIGNKEY_RSA2048, "RS256", "rs256"},
    {SIGNKEY_RSA3072, "RS256", "rs256-3072"},
    {SIGNKEY_P256, "ES256", "es256"},
    {SIGNKEY_P384, "ES384", "es384"},
};

static bool is_of_kind(const struct pubkey *key, enum signkey_kind kind)
{
    switch (kind) {
    case SIGNKEY_RSA2048:
        return pubkey_kind(key) == PUBKEY_RSA && pubkey_bits(key) == 2048;
    case SIGNKEY_RSA3072:
        return pubkey_kind(key) == PUBKEY_RSA && pubkey_bits(key) == 3072;
    case SIGNKEY_P256:
        return pubkey_kind(key) == PUBKEY_EC && pubkey_curve(key) == CURVE_P256;
    case SIGNKEY_P384:
        return pubkey_kind(key) == PUBKEY_EC && pubkey_curve(key) == CURVE_P384;
    }
    return false;
}

/* The subject is the attestUri where that fits. */
static const char *subject_of(const struct signer_options *options)
{
    return strlen(options->issuer) <= COMMON_NAME_MAX ? options->issuer : "Bootwarden attestation";
}

static err_t make_cert(struct arena *arena, const struct signer_options *options,
                       const struct signkey *key, const char *path, struct trail *trail,
                       struct cert **ret)
{
    const struct cert_request request = {
        .profile = CERT_TOKEN,
        .common_name = subject_of(options),
        .not_before = options->now - DAY,
        .not_after = options->now + (int64_t)CERT_DAYS * DAY,
    };
    CLEANUP(cert_free) struct cert *cert = NULL;
    err_t err = cert_issue(&request, signkey_public(key), NULL, key, &cert);

    err = err ? err : folder_write_cert(arena, path, cert, trail);
    if (err) {
        return err;
    }
    *ret = TAKE(cert);
    return ERR_OK;
}

/* A certificate that an authority issued is the operator's: never replaced. */
static bool is_cert_usable(struct arena *arena, const struct signer_options *options,
                           const struct signkey *key, const struct cert *cert)
{
    int64_t not_before = 0, not_after = 0;

    if (cert_key(cert) == NULL || !pubkey_equal(cert_key(cert), signkey_public(key))) {
        return false;
    }
    if (!cert_is_self_issued(cert)) {
        return true;
    }
    cert_validity(cert, &not_before, &not_after);
    return not_after - options->now > (int64_t)CERT_LEFT_DAYS * DAY &&
           strcmp(cert_common_name(cert, arena), subject_of(options)) == 0;
}

/* `stem` is the path without ending. */
static err_t open_key(struct arena *arena, const struct signer_options *options, const char *stem,
                      struct trail *trail, struct token_key **ret, struct signkey **ret_key)
{
    CLEANUP(signkey_free) struct signkey *key = NULL;
    CLEANUP(cert_free) struct cert *cert = NULL;
    const char *key_path = arena_printf(arena, "%s.key", stem);
    const char *cert_path = arena_printf(arena, "%s.pem", stem);
    err_t err = key_path == NULL || cert_path == NULL ? ERR_MEMORY : ERR_OK;

    err = err ? err : folder_key(arena, key_path, options->kind, trail, &key);
    if (err) {
        return err;
    }
    err = folder_cert(arena, cert_path, trail, &cert);
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        return err;
    }
    if (cert == NULL || !is_cert_usable(arena, options, key, cert)) {
        cert_free(cert);
        cert = NULL;
        err = make_cert(arena, options, key, cert_path, trail, &cert);
    }
    err = err ? err : token_key_new(key, &cert, 1, ret);
    if (err) {
        return err;
    }
    *ret_key = TAKE(key);
    return ERR_OK;
}

static const char *new_stem(struct arena *arena, const struct signer_options *options)
{
    const char *suffix = "key";
    time_t seconds = (time_t)options->now;
    struct tm tm;
    char day[32] = "";

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        suffix = kinds[i].kind == options->kind ? kinds[i].suffix : suffix;
    }
    if (gmtime_r(&seconds, &tm) != NULL) {
        strftime(day, sizeof(day), "%Y%m%dT%H%M%SZ", &tm);
    }
    return arena_printf(arena, "%s/%s-%s", options->folder, day, suffix);
}

static err_t add_key(struct arena *arena, const struct signer_options *options, const char *stem,
                     struct token_key **signing, struct token_keys *keys, struct trail *trail)
{
    CLEANUP(token_key_free) struct token_key *token_key = NULL;
    CLEANUP(signkey_free) struct signkey *key = NULL;
    err_t err = open_key(arena, options, stem, trail, &token_key, &key);

    err = err ? err : token_keys_add_own(keys, token_key);
    if (err == ERR_OK && is_of_kind(signkey_public(key), options->kind)) {
        token_key_free(*signing);
        *signing = TAKE(token_key);
    }
    return err;
}

static err_t add_keys(struct arena *arena, const struct signer_options *options,
                      struct token_key **signing, struct token_keys *keys, struct trail *trail)
{
    const char **names = NULL;
    err_t err = file_list(arena, options->folder, trail, &names);

    for (size_t i = 0; err == ERR_OK && names[i] != NULL; i++) {
        size_t len = strlen(names[i]);

        if (len > 4 && strcmp(names[i] + len - 4, ".key") == 0) {
            const char *stem =
                arena_printf(arena, "%s/%.*s", options->folder, (int)(len - 4), names[i]);

            err = stem == NULL ? ERR_MEMORY : add_key(arena, options, stem, signing, keys, trail);
        }
    }
    if (err == ERR_OK && *signing == NULL) {
        const char *stem = new_stem(arena, options);

        err = stem == NULL ? ERR_MEMORY : add_key(arena, options, stem, signing, keys, trail);
    }
    return err;
}

/* Takes key on success. */
static struct signer *signer_new(struct token_key *key, struct span jwks, const char *issuer)
{
    struct signer *signer = calloc(1, sizeof(*signer));

    if (signer == NULL) {
        return NULL;
    }
    signer->jwks = malloc(jwks.len);
    if (signer->jwks == NULL || asprintf(&signer->jku, "%s/certs", issuer) < 0) {
        free(signer->jwks);
        free(signer);
        return NULL;
    }
    memcpy(signer->jwks, jwks.data, jwks.len);
    signer->jwks_len = jwks.len;
    signer->key = key;
    return signer;
}

err_t signer_open(struct arena *arena, const struct signer_options *options, struct trail *trail,
                  struct signer **ret)
{
    CLEANUP(token_keys_free) struct token_keys *keys = token_keys_new();
    CLEANUP(token_key_free) struct token_key *signing = NULL;
    struct signer *signer;
    struct span jwks = {0};
    err_t err = keys == NULL ? ERR_MEMORY : ERR_OK;

    err = err ? err : add_keys(arena, options, &signing, keys, trail);
    err = err ? err : jwks_write(arena, keys, &jwks);
    if (err) {
        return err;
    }
    signer = signer_new(signing, jwks, options->issuer);
    if (signer == NULL) {
        return ERR_MEMORY;
    }
    signing = NULL;
    *ret = signer;
    return ERR_OK;
}

void signer_free(struct signer *signer)
{
    if (signer == NULL) {
        return;
    }
    token_key_free(signer->key);
    free(signer->jku);
    free(signer->jwks);
    free(signer);
}

err_t signer_sign(const struct signer *signer, struct arena *arena, struct span claims,
                  struct span *ret_token)
{
    return token_sign(signer->key, arena, signer->jku, claims, ret_token);
}

struct span signer_jwks(const struct signer *signer)
{
    return span_of(signer->jwks, signer->jwks_len);
}

const char *signer_algorithm(const struct signer *signer)
{
    return token_alg_name(token_key_alg(signer->key));
}
