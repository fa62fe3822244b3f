#include "service/signer.h"

#include "base/file.h"
#include "base/log.h"
#include "service/signer-cert.h"
#include "token/token.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { LOG_EVERY_S = 60, CHECK_ARENA_BYTES = 256 * 1024 };

/* Whether a key signs. Beside the key, not in it: a signer is immutable. */
struct key_health {
    _Atomic int64_t logged; /* when it was last logged that it does not; 0: it does */
};

/* A key of the wanted kind, and from when on it signs. */
struct signing_key {
    struct token_key *key;
    int64_t from;
    bool is_external; /* held elsewhere: nobody but the operator makes another one */
    struct signkey *signkey;
    struct key_health *health;
    char *file;
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

static const char *alg_of_kind(enum signkey_kind kind)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (kinds[i].kind == kind) {
            return kinds[i].alg;
        }
    }
    return "";
}

static const char *alg_of_key(const struct signkey *key)
{
    return token_alg_name(token_alg_of(signkey_public(key)));
}

/* The algorithm decides, not the size: an operator may bring a larger key than is made here. */
static bool is_wanted(const struct signer_options *options, const struct signkey *key)
{
    return strcmp(alg_of_key(key), alg_of_kind(options->kind)) == 0;
}

/* `stem` is the path without ending. */
static err_t open_key(const struct signer_options *options, const char *stem, struct trail *trail,
                      struct token_key **ret, struct signkey **ret_key)
{
    CLEANUP(signkey_free) struct signkey *key = NULL;
    CLEANUP(cert_free) struct cert *cert = NULL;
    const char *key_path = arena_printf(options->folder->arena, "%s.key", stem);
    err_t err = key_path == NULL ? ERR_MEMORY : ERR_OK;

    err = err ? err : folder_key(options->folder, key_path, options->kind, trail, &key);
    err = err ? err : signer_cert_open(options, key, stem, trail, &cert);
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

static void key_done(struct signing_key *key)
{
    token_key_free(key->key);
    signkey_free(key->signkey);
    free(key->health);
    free(key->file);
}

/* Keys of one opening, before it is known which of them are still of use. */
struct found_keys {
    struct signing_key all[TOKEN_MAX_KEYS]; /* owned */
    bool is_wanted[TOKEN_MAX_KEYS];         /* of the algorithm that signs */
    size_t n;
};

static void found_keys_done(struct found_keys *found)
{
    for (size_t i = 0; i < found->n; i++) {
        key_done(&found->all[i]);
    }
}
DEFINE_CLEANUP_DONE(struct found_keys, found_keys_done)

static err_t add_key(const struct signer_options *options, const char *stem,
                     struct found_keys *found, struct trail *trail)
{
    struct signing_key *at = &found->all[found->n];
    err_t err;

    if (found->n == TOKEN_MAX_KEYS) {
        trail_set(trail, ERR_TOO_MANY, "more than %d keys: remove the oldest", TOKEN_MAX_KEYS);
        return trail_in(trail, ERR_TOO_MANY, stem);
    }
    found->n++; /* so that what there is of it is freed */
    err = open_key(options, stem, trail, &at->key, &at->signkey);
    if (err) {
        return err;
    }
    at->health = calloc(1, sizeof(*at->health));
    if (at->health == NULL || asprintf(&at->file, "%s.key", stem) < 0) {
        at->file = NULL;
        return ERR_MEMORY;
    }
    at->from = begin_of(stem);
    at->is_external = signkey_is_external(at->signkey);
    found->is_wanted[found->n - 1] = is_wanted(options, at->signkey);
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

/* An operator who keeps a key outside the disk has not asked for one on it. */
static err_t check_external(const struct signer_options *options, const struct found_keys *found,
                            struct trail *trail)
{
    const char *wanted = alg_of_kind(options->kind), *has;

    for (size_t i = 0; i < found->n; i++) {
        if (found->all[i].is_external) {
            has = alg_of_key(found->all[i].signkey);
            trail_set(trail, ERR_MISMATCH,
                      "names a key that signs %s, but the algorithm here is %s, and no key of it "
                      "is there: add the URI of one in a file beside this one, or set the "
                      "algorithm to %s",
                      has, wanted, has);
            return trail_in(trail, ERR_MISMATCH, found->all[i].file);
        }
    }
    return ERR_OK;
}

static err_t refuse_lost(const struct signer_options *options, const char *folder,
                         struct trail *trail)
{
    trail_set(trail, ERR_NOT_FOUND, "%s, but a key was made there before: %s",
              file_is_folder(folder) ? "holds no key any more" : "is missing", options->lost);
    return trail_in(trail, ERR_NOT_FOUND, folder);
}

static err_t open_all(const struct signer_options *options, const char *folder, const char **names,
                      struct found_keys *found, struct trail *trail)
{
    struct arena *arena = options->folder->arena;
    const char *stem;
    err_t err = ERR_OK;

    for (size_t i = 0; err == ERR_OK && names[i] != NULL; i++) {
        if (has_ending(names[i], ".pem")) {
            err = check_key_of(folder, arena, names[i], trail);
        }
    }
    for (size_t i = 0; err == ERR_OK && names[i] != NULL; i++) {
        if (has_ending(names[i], ".key")) {
            stem = arena_printf(arena, "%s/%.*s", folder, (int)(strlen(names[i]) - 4), names[i]);
            err = stem == NULL ? ERR_MEMORY : add_key(options, stem, found, trail);
        }
    }
    return err;
}

static err_t find_keys(const struct signer_options *options, struct found_keys *found,
                       struct trail *trail)
{
    const char *folder = folder_in(options->folder, options->place), *stem;
    const char **names = NULL;
    bool has_wanted = false;
    err_t err = folder == NULL ? ERR_MEMORY : ERR_OK;

    if (err == ERR_OK && options->lost != NULL && !file_is_folder(folder)) {
        return refuse_lost(options, folder, trail);
    }
    err = err ? err : file_make_folder(folder, 0700, trail);
    err = err ? err : file_list_guarded(options->folder->arena, folder, trail, &names);
    err = err ? err : open_all(options, folder, names, found, trail);
    for (size_t i = 0; err == ERR_OK && i < found->n; i++) {
        has_wanted = has_wanted || found->is_wanted[i];
    }
    if (err || has_wanted) {
        return err;
    }
    if (found->n == 0 && options->lost != NULL) {
        return refuse_lost(options, folder, trail);
    }
    err = check_external(options, found, trail);
    if (err) {
        return err;
    }
    stem = new_stem(options, options->folder->now);
    return stem == NULL ? ERR_MEMORY : add_key(options, stem, found, trail);
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

/* Takes the keys that sign. */
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
            signer->keys[signer->n_keys++] = found->all[i];
            found->all[i] = (struct signing_key){0};
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
        key_done(&signer->keys[i]);
    }
    free(signer->jku);
    free(signer->jwks);
    free(signer);
}

/* The last whose time has come; when none has, the first: tokens are signed at all times. */
static const struct signing_key *key_at(const struct signer *signer, int64_t now)
{
    size_t chosen = 0;

    for (size_t i = 0; i < signer->n_keys; i++) {
        if (signer->keys[i].from <= now) {
            chosen = i;
        }
    }
    return &signer->keys[chosen];
}

static void log_failing(const struct signing_key *key)
{
    char cause[SIGNKEY_CAUSE_SIZE];
    struct log_line line;

    signkey_cause(key->signkey, cause);
    log_begin(&line, LOG_ERROR, "signing.failed");
    log_text(&line, "file", key->file);
    log_text(&line, "cause", cause);
    log_text(&line, "effect", "what needs a token of this key is answered with 503");
    log_text(&line, "advice",
             "see that the TPM or module that the file names is there and has the key; it is tried "
             "again with the next request, no restart is needed");
    log_end(&line);
}

/* At the first failure and every minute of them, and when it signs again. */
static void note_health(const struct signing_key *key, int64_t now, err_t err)
{
    int64_t logged = atomic_load_explicit(&key->health->logged, memory_order_relaxed);
    struct log_line line;

    if (err == ERR_SIGNING_KEY) {
        if ((logged == 0 || now - logged >= LOG_EVERY_S || now < logged) &&
            atomic_compare_exchange_strong(&key->health->logged, &logged, now)) {
            log_failing(key);
        }
    } else if (err == ERR_OK && logged != 0 && atomic_exchange(&key->health->logged, 0) != 0) {
        log_begin(&line, LOG_INFO, "signing.restored");
        log_text(&line, "file", key->file);
        log_end(&line);
    }
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
    const struct signing_key *key = key_at(signer, now);
    err_t err = token_sign_with(key->key, arena, &header, claims, ret_token);

    note_health(key, now, err);
    return err;
}

err_t signer_check(const struct signer *signer, int64_t now)
{
    CLEANUP(arena_free) struct arena *arena = NULL;
    struct span token = {0};

    if (atomic_load(&key_at(signer, now)->health->logged) == 0) {
        return ERR_OK;
    }
    /* Whether it signs again, only a signature tells. It is for nobody: it claims nothing. */
    arena = arena_new(CHECK_ARENA_BYTES);
    return arena == NULL ? ERR_MEMORY
                         : signer_sign(signer, arena, now, SIGNER_PLAIN, span_str("{}"), &token);
}

const char *signer_kid(const struct signer *signer, int64_t now, const char **ret_next)
{
    const struct token_key *key = key_at(signer, now)->key;
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
