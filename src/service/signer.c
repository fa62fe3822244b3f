#include "service/signer.h"

#include "base/file.h"
#include "token/token.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum {
    CERT_DAYS = 5 * 365,
    CERT_LEFT_DAYS = 30,
    DAY = 86400,
    COMMON_NAME_MAX = 64, /* RFC 5280, ub-common-name */
};

/* A key of the wanted kind, and from when on it signs. */
struct signing_key {
    struct token_key *key;
    int64_t from;
    bool is_external; /* held elsewhere: nobody but the operator makes another one */
};

struct signer {
    _Atomic unsigned refs;
    struct signing_key keys[TOKEN_MAX_KEYS]; /* by name: the last one that may sign does */
    size_t n_keys;
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

/* Its time is in its name: "20261122T104725Z-rs256". */
static const char time_form[] = "%Y%m%dT%H%M%SZ";

static const char *new_stem(const struct signer_options *options, int64_t at)
{
    const char *suffix = "key";
    time_t seconds = (time_t)at;
    struct tm tm;
    char day[32] = "";

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        suffix = kinds[i].kind == options->kind ? kinds[i].suffix : suffix;
    }
    if (gmtime_r(&seconds, &tm) != NULL) {
        strftime(day, sizeof(day), time_form, &tm);
    }
    return arena_printf(options->folder->arena, "%s/%s/%s-%s", options->folder->path,
                        options->place, day, suffix);
}

/* A key that others have to hear of first. An operator's own name has no time: it signs at once. */
static int64_t begin_of(const char *stem)
{
    const char *name = strrchr(stem, '/');
    struct tm tm = {0};
    const char *end = strptime(name == NULL ? stem : name + 1, time_form, &tm);

    return end == NULL ? 0 : (int64_t)timegm(&tm) + SIGNER_AHEAD_S;
}

/* Keys of one opening, before it is known which of them are still of use. */
struct found_keys {
    struct signing_key all[TOKEN_MAX_KEYS]; /* owned */
    bool is_wanted[TOKEN_MAX_KEYS];         /* of the kind that signs */
    size_t n;
};

static void found_keys_done(struct found_keys *found)
{
    for (size_t i = 0; i < found->n; i++) {
        token_key_free(found->all[i].key);
    }
}
DEFINE_CLEANUP_DONE(struct found_keys, found_keys_done)

static err_t add_key(const struct signer_options *options, const char *stem,
                     struct found_keys *found, struct trail *trail)
{
    CLEANUP(signkey_free) struct signkey *key = NULL;
    struct token_key *token_key = NULL;
    err_t err;

    if (found->n == TOKEN_MAX_KEYS) {
        trail_set(trail, ERR_TOO_MANY, "more than %d keys: remove the oldest", TOKEN_MAX_KEYS);
        return trail_in(trail, ERR_TOO_MANY, stem);
    }
    err = open_key(options, stem, trail, &token_key, &key);
    if (err) {
        return err;
    }
    found->is_wanted[found->n] = is_of_kind(signkey_public(key), options->kind);
    found->all[found->n++] =
        (struct signing_key){token_key, begin_of(stem), signkey_is_external(key)};
    return ERR_OK;
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

static err_t find_keys(const struct signer_options *options, struct found_keys *found,
                       struct trail *trail)
{
    struct arena *arena = options->folder->arena;
    const char *folder = folder_in(options->folder, options->place), *stem;
    const char **names = NULL;
    bool has_wanted = false;
    err_t err = folder == NULL ? ERR_MEMORY : file_make_folder(folder, 0700, trail);

    err = err ? err : file_list_guarded(arena, folder, trail, &names);
    for (size_t i = 0; err == ERR_OK && names[i] != NULL; i++) {
        if (has_ending(names[i], ".pem")) {
            err = check_key_of(folder, arena, names[i], trail);
        }
    }
    for (size_t i = 0; err == ERR_OK && names[i] != NULL; i++) {
        if (has_ending(names[i], ".key")) {
            stem = arena_printf(arena, "%s/%.*s", folder, (int)(strlen(names[i]) - 4), names[i]);
            err = stem == NULL ? ERR_MEMORY : add_key(options, stem, found, trail);
            has_wanted = has_wanted || (err == ERR_OK && found->is_wanted[found->n - 1]);
        }
    }
    if (err == ERR_OK && !has_wanted) {
        stem = new_stem(options, options->folder->now);
        err = stem == NULL ? ERR_MEMORY : add_key(options, stem, found, trail);
    }
    return err;
}

/* Nothing that it signed is valid any more: a later one took over so long ago. */
static bool is_retired(const struct found_keys *found, size_t index, int64_t now)
{
    for (size_t i = index + 1; i < found->n; i++) {
        if (found->is_wanted[i] && now - SIGNER_TOKEN_MAX_S > found->all[i].from &&
            found->all[i].from > 0) {
            return true;
        }
    }
    return false;
}

static err_t publish(const struct signer_options *options, const struct found_keys *found,
                     struct span *ret)
{
    CLEANUP(token_keys_free) struct token_keys *keys = token_keys_new();
    err_t err = keys == NULL ? ERR_MEMORY : ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < found->n; i++) {
        if (!is_retired(found, i, options->folder->now)) {
            err = token_keys_add_own(keys, found->all[i].key);
        }
    }
    return err ? err : jwks_write(options->folder->arena, keys, ret);
}

static struct signer *signer_new(struct found_keys *found, struct span jwks, const char *issuer)
{
    struct signer *signer = calloc(1, sizeof(*signer));

    if (signer == NULL) {
        return NULL;
    }
    atomic_init(&signer->refs, 1);
    signer->jwks = malloc(jwks.len);
    if (signer->jwks == NULL || asprintf(&signer->jku, "%s/certs", issuer) < 0) {
        free(signer->jwks);
        free(signer);
        return NULL;
    }
    memcpy(signer->jwks, jwks.data, jwks.len);
    signer->jwks_len = jwks.len;
    for (size_t i = 0; i < found->n; i++) {
        if (found->is_wanted[i]) {
            signer->keys[signer->n_keys] = found->all[i];
            signer->keys[signer->n_keys++].key = token_key_ref(found->all[i].key);
        }
    }
    return signer;
}

err_t signer_open(const struct signer_options *options, struct trail *trail, struct signer **ret)
{
    CLEANUP(found_keys_done) struct found_keys found = {0};
    struct span jwks = {0};
    err_t err = find_keys(options, &found, trail);

    err = err ? err : publish(options, &found, &jwks);
    if (err) {
        return err;
    }
    *ret = signer_new(&found, jwks, options->issuer);
    return *ret == NULL ? ERR_MEMORY : ERR_OK;
}

/* One more than can be published, once on disk, would keep the server from opening: an owner who
 * rotates and rotates must not be able to do that. */
static err_t check_room(const struct signer_options *options, struct trail *trail)
{
    const char *folder = folder_in(options->folder, options->place);
    const char **names = NULL;
    size_t n = 0;
    err_t err = folder == NULL ? ERR_MEMORY
                               : file_list_guarded(options->folder->arena, folder, trail, &names);

    if (err) {
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    for (; *names != NULL; names++) {
        n += has_ending(*names, ".key") ? 1 : 0;
    }
    return n < TOKEN_MAX_KEYS
               ? ERR_OK
               : trail_set(trail, ERR_TOO_MANY,
                           "there are %zu signing keys, as many as there can be: the operator of "
                           "the server has to remove those that signed nothing that is still valid",
                           n);
}

err_t signer_add_key(const struct signer_options *options, struct trail *trail)
{
    CLEANUP(found_keys_done) struct found_keys found = {0};
    const char *stem = NULL, *path = NULL;
    int64_t at = options->folder->now;
    err_t err = check_room(options, trail);

    if (err) {
        return err;
    }
    /* Of keys of one second the later ones bear later times, so that their names keep the order. */
    do {
        stem = new_stem(options, at++);
        path = stem == NULL ? NULL : arena_printf(options->folder->arena, "%s.key", stem);
    } while (path != NULL && file_exists(path));
    return path == NULL ? ERR_MEMORY : add_key(options, stem, &found, trail);
}

struct signer *signer_ref(struct signer *signer)
{
    if (signer != NULL) {
        atomic_fetch_add(&signer->refs, 1);
    }
    return signer;
}

void signer_free(struct signer *signer)
{
    if (signer == NULL || atomic_fetch_sub(&signer->refs, 1) > 1) {
        return;
    }
    for (size_t i = 0; i < signer->n_keys; i++) {
        token_key_free(signer->keys[i].key);
    }
    free(signer->jku);
    free(signer->jwks);
    free(signer);
}

/* The last whose time has come; when none has, the first: tokens are signed at all times. */
static const struct token_key *key_at(const struct signer *signer, int64_t now)
{
    size_t chosen = 0;

    for (size_t i = 0; i < signer->n_keys; i++) {
        if (signer->keys[i].from <= now) {
            chosen = i;
        }
    }
    return signer->keys[chosen].key;
}

err_t signer_sign(const struct signer *signer, struct arena *arena, int64_t now,
                  enum signer_form form, struct span claims, struct span *ret_token)
{
    const struct token_header header = {
        .jku = signer->jku,
        .cert = form == SIGNER_X5C   ? TOKEN_X5C
                : form == SIGNER_X5T ? TOKEN_X5T
                                     : TOKEN_NO_CERT,
    };

    return token_sign_with(key_at(signer, now), arena, &header, claims, ret_token);
}

const char *signer_kid(const struct signer *signer, int64_t now, const char **ret_next)
{
    const struct token_key *key = key_at(signer, now);
    const struct token_key *last = signer->keys[signer->n_keys - 1].key;

    *ret_next = last == key ? NULL : token_key_kid(last);
    return token_key_kid(key);
}

bool signer_is_external(const struct signer *signer)
{
    return signer->keys[signer->n_keys - 1].is_external;
}

struct span signer_jwks(const struct signer *signer)
{
    return span_of(signer->jwks, signer->jwks_len);
}

const char *signer_algorithm(const struct signer *signer)
{
    return token_alg_name(token_key_alg(signer->keys[0].key));
}
