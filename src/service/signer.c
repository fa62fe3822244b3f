#include "service/signer.h"

#include "base/file.h"
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

static err_t make_cert(const struct signer_options *options, const struct signkey *key,
                       const char *path, struct trail *trail, struct cert **ret)
{
    const struct cert_request request = {
        .profile = CERT_TOKEN,
        .common_name = subject_of(options),
        .not_before = options->folder->now - DAY,
        .not_after = options->folder->now + (int64_t)CERT_DAYS * DAY,
    };
    CLEANUP(cert_free) struct cert *cert = NULL;
    err_t err = cert_issue(&request, signkey_public(key), NULL, key, &cert);

    err = err ? err : folder_make_cert(options->folder, path, "token-certificate", cert, trail);
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
    return options->folder->now >= not_before &&
           not_after - options->folder->now > (int64_t)CERT_LEFT_DAYS * DAY &&
           strcmp(cert_common_name(cert, arena), subject_of(options)) == 0;
}

/* `stem` is the path without ending. */
static err_t open_key(const struct signer_options *options, const char *stem, struct trail *trail,
                      struct token_key **ret, struct signkey **ret_key)
{
    struct arena *arena = options->folder->arena;
    CLEANUP(signkey_free) struct signkey *key = NULL;
    CLEANUP(cert_free) struct cert *cert = NULL;
    const char *key_path = arena_printf(arena, "%s.key", stem);
    const char *cert_path = arena_printf(arena, "%s.pem", stem);
    err_t err = key_path == NULL || cert_path == NULL ? ERR_MEMORY : ERR_OK;

    err = err ? err : folder_key(options->folder, key_path, options->kind, trail, &key);
    if (err) {
        return err;
    }
    err = folder_cert(options->folder, cert_path, trail, &cert);
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        return err;
    }
    if (cert == NULL || !is_cert_usable(arena, options, key, cert)) {
        cert_free(cert);
        cert = NULL;
        err = make_cert(options, key, cert_path, trail, &cert);
    }
    err = err ? err : token_key_new(key, &cert, 1, ret);
    if (err) {
        return err;
    }
    *ret_key = TAKE(key);
    return ERR_OK;
}

static const char *new_stem(const struct signer_options *options)
{
    const char *suffix = "key";
    time_t seconds = (time_t)options->folder->now;
    struct tm tm;
    char day[32] = "";

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        suffix = kinds[i].kind == options->kind ? kinds[i].suffix : suffix;
    }
    if (gmtime_r(&seconds, &tm) != NULL) {
        strftime(day, sizeof(day), "%Y%m%dT%H%M%SZ", &tm);
    }
    return arena_printf(options->folder->arena, "%s/signing/%s-%s", options->folder->path, day,
                        suffix);
}

static err_t add_key(const struct signer_options *options, const char *stem,
                     struct token_key **signing, struct token_keys *keys, struct trail *trail)
{
    CLEANUP(token_key_free) struct token_key *token_key = NULL;
    CLEANUP(signkey_free) struct signkey *key = NULL;
    err_t err = open_key(options, stem, trail, &token_key, &key);

    err = err ? err : token_keys_add_own(keys, token_key);
    if (err == ERR_OK && is_of_kind(signkey_public(key), options->kind)) {
        token_key_free(*signing);
        *signing = TAKE(token_key);
    }
    return err;
}

static bool has_ending(const char *name, const char *ending)
{
    size_t len = strlen(name), n = strlen(ending);

    return len > n && strcmp(name + len - n, ending) == 0;
}

/* A key that was lost is not passed over: an older one would sign in its place. */
static err_t check_key_of(const char *folder, struct arena *arena, const char *name,
                          struct trail *trail)
{
    const char *key = arena_printf(arena, "%s/%.*s.key", folder, (int)(strlen(name) - 4), name);

    if (key == NULL) {
        return ERR_MEMORY;
    }
    if (file_exists(key)) {
        return ERR_OK;
    }
    trail_set(trail, ERR_NOT_FOUND,
              "is missing, its certificate is there: restore it from a backup; if it is not wanted "
              "any more, remove %s too: tokens that it signed cannot be verified then",
              name);
    return trail_in(trail, ERR_NOT_FOUND, key);
}

static err_t add_keys(const struct signer_options *options, struct token_key **signing,
                      struct token_keys *keys, struct trail *trail)
{
    struct arena *arena = options->folder->arena;
    const char *folder = folder_in(options->folder, "signing"), *stem;
    const char **names = NULL;
    err_t err = folder == NULL ? ERR_MEMORY : file_list_guarded(arena, folder, trail, &names);

    for (size_t i = 0; err == ERR_OK && names[i] != NULL; i++) {
        if (has_ending(names[i], ".pem")) {
            err = check_key_of(folder, arena, names[i], trail);
        }
    }
    for (size_t i = 0; err == ERR_OK && names[i] != NULL; i++) {
        if (has_ending(names[i], ".key")) {
            stem = arena_printf(arena, "%s/%.*s", folder, (int)(strlen(names[i]) - 4), names[i]);
            err = stem == NULL ? ERR_MEMORY : add_key(options, stem, signing, keys, trail);
        }
    }
    if (err == ERR_OK && *signing == NULL) {
        stem = new_stem(options);
        err = stem == NULL ? ERR_MEMORY : add_key(options, stem, signing, keys, trail);
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

err_t signer_open(const struct signer_options *options, struct trail *trail, struct signer **ret)
{
    CLEANUP(token_keys_free) struct token_keys *keys = token_keys_new();
    CLEANUP(token_key_free) struct token_key *signing = NULL;
    struct signer *signer;
    struct span jwks = {0};
    err_t err = keys == NULL ? ERR_MEMORY : ERR_OK;

    err = err ? err : add_keys(options, &signing, keys, trail);
    err = err ? err : jwks_write(options->folder->arena, keys, &jwks);
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
