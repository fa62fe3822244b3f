#include "identity/issuers.h"

#include "base/file.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "identity/discovery.h"
#include "identity/fetch.h"
#include "identity/files.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { ROUND_ARENA_BYTES = 8 * 1024 * 1024, NEVER_S = 86400 };

struct state {
    struct issuer_config config; /* its texts are in issuers->arena */
    /* Of whoever holds `round`. */
    bool was_tried, is_good;
    int64_t last_try, last_good;
    uint64_t stamp; /* of the file that was read */
    /* Under `lock`. */
    bool is_wished;
    struct access_keys *keys; /* NULL = none, or too old */
};

struct issuers {
    struct arena *arena; /* of what was configured */
    struct access_issuer fixed[ACCESS_MAX_ISSUERS];
    size_t n_fixed;
    struct state states[ISSUERS_MAX];
    size_t n;
    issuers_fetch *fetch;
    void *fetch_context;
    struct metric *refreshes, *known;
    pthread_mutex_t round; /* one fetches at a time; taken before `lock` */
    pthread_mutex_t lock;  /* snapshot, wishes, stopping */
    pthread_cond_t wake;
    struct access_issuers *snapshot;
    bool is_stopping, has_thread;
    pthread_t thread;
};

/* ---- the snapshot ---- */

/* Under `lock`. */
static err_t publish(struct issuers *issuers, struct trail *trail)
{
    struct access_issuer list[ACCESS_MAX_ISSUERS];
    struct access_issuers *fresh = NULL;
    size_t n = issuers->n_fixed;
    err_t err;

    memcpy(list, issuers->fixed, n * sizeof(list[0]));
    for (size_t i = 0; i < issuers->n; i++) {
        const struct state *state = &issuers->states[i];

        list[n] = (struct access_issuer){
            .url = state->config.url, .tenant = state->config.tenant, .keys = state->keys};
        memcpy(list[n].audiences, state->config.audiences, sizeof(list[n].audiences));
        n++;
    }
    err = access_issuers_new(list, n, trail, &fresh);
    if (err == ERR_OK) {
        access_issuers_free(issuers->snapshot);
        issuers->snapshot = fresh;
    }
    return err;
}

/* Takes keys, which may be NULL. Without memory what was stays. */
static void set_keys(struct issuers *issuers, struct state *state, struct access_keys *keys)
{
    struct access_keys *before;
    err_t err;

    pthread_mutex_lock(&issuers->lock);
    before = state->keys;
    state->keys = keys;
    err = publish(issuers, NULL);
    if (err) {
        state->keys = before;
        before = keys;
    }
    pthread_mutex_unlock(&issuers->lock);
    access_keys_free(before);
}

struct access_issuers *issuers_get(struct issuers *issuers)
{
    struct access_issuers *snapshot;

    pthread_mutex_lock(&issuers->lock);
    snapshot = access_issuers_ref(issuers->snapshot);
    pthread_mutex_unlock(&issuers->lock);
    return snapshot;
}

/* ---- one issuer ---- */

static err_t read_keys(struct arena *arena, struct span json, struct trail *trail,
                       struct access_keys **ret, size_t *ret_n)
{
    CLEANUP(token_keys_free) struct token_keys *keys = NULL;
    size_t left_out = 0;
    err_t err = jwks_read(arena, json, trail, &keys, &left_out);

    if (err) {
        return err;
    }
    if (token_keys_count(keys) == 0) {
        return trail_set(trail, ERR_VALUE, "holds no key that could sign tokens (%zu others)",
                         left_out);
    }
    *ret_n = token_keys_count(keys);
    *ret = access_keys_new(keys);
    if (*ret == NULL) {
        return ERR_MEMORY;
    }
    keys = NULL;
    return ERR_OK;
}

static err_t fetch_keys(struct issuers *issuers, const struct state *state, struct arena *arena,
                        struct trail *trail, struct access_keys **ret, size_t *ret_n)
{
    const char *url = discovery_url(arena, state->config.url), *keys_url = NULL;
    struct span body = {0};
    err_t err = url == NULL ? ERR_MEMORY : ERR_OK;

    err = err ? err
              : issuers->fetch(issuers->fetch_context, &state->config, url, DISCOVERY_MAX_BYTES,
                               arena, trail, &body);
    err = err ? err : discovery_read(arena, body, state->config.url, trail, &keys_url);
    err = err ? err
              : issuers->fetch(issuers->fetch_context, &state->config, keys_url,
                               ISSUERS_KEYS_MAX_BYTES, arena, trail, &body);
    return err ? err : read_keys(arena, body, trail, ret, ret_n);
}

static void log_failure(const struct state *state, err_t err, const struct trail *trail,
                        const char *effect)
{
    struct log_line line;
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 64];

    trail_format(trail, err, words, sizeof(words));
    log_begin(&line, LOG_ERROR, "issuer.failed");
    log_text(&line, "issuer", state->config.url);
    log_text(&line, "cause", words);
    log_text(&line, "effect", effect);
    log_end(&line);
}

static void count(const struct issuers *issuers, const struct state *state, const char *result,
                  uint64_t n_keys)
{
    const char *labels[] = {state->config.url, result};

    metric_add(issuers->refreshes, labels, 1);
    metric_set(issuers->known, labels, n_keys);
}

static void log_keys(const struct state *state, size_t n)
{
    struct log_line line;

    log_begin(&line, LOG_INFO, "issuer.keys");
    log_text(&line, "issuer", state->config.url);
    log_uint(&line, "keys", n);
    log_end(&line);
}

static size_t n_keys_of(const struct state *state)
{
    return state->keys == NULL ? 0 : token_keys_count(access_keys_get(state->keys));
}

/* Under `round`. */
static void refresh(struct issuers *issuers, struct state *state, int64_t now_s)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(ROUND_ARENA_BYTES);
    struct access_keys *keys = NULL;
    struct trail trail = {0};
    size_t n = 0;
    bool is_news = !state->is_good;
    err_t err = arena == NULL ? ERR_MEMORY : fetch_keys(issuers, state, arena, &trail, &keys, &n);

    state->was_tried = true;
    state->last_try = now_s;
    state->is_good = err == ERR_OK;
    if (err == ERR_OK) {
        state->last_good = now_s;
        if (is_news || n != n_keys_of(state)) {
            log_keys(state, n);
        }
        set_keys(issuers, state, keys);
        count(issuers, state, "ok", n);
        return;
    }
    if (state->keys == NULL) {
        log_failure(state, err, &trail, "its keys are not known: its tokens are refused");
    } else if (now_s - state->last_good >= ISSUERS_KEEP_S) {
        log_failure(state, err, &trail, "its keys are too old now: its tokens are refused");
        set_keys(issuers, state, NULL);
    } else {
        log_failure(state, err, &trail, "the keys that were known before stay for now");
    }
    count(issuers, state, "failed", n_keys_of(state));
}

/* When it is to be asked again; wishes are under `lock`. */
static int64_t due_at(const struct state *state, bool is_wished)
{
    int64_t due;

    if (!state->was_tried) {
        return INT64_MIN;
    }
    due = state->last_try + (state->is_good ? ISSUERS_REFRESH_S : ISSUERS_RETRY_S);
    return is_wished && state->last_try + ISSUERS_WISH_S < due ? state->last_try + ISSUERS_WISH_S
                                                               : due;
}

/* A wish is granted by the refresh that follows it, not by one that was under way already. */
static bool take_wish(struct issuers *issuers, struct state *state, int64_t now_s, int64_t *ret_due,
                      bool *ret_is_stopping)
{
    bool is_due;

    pthread_mutex_lock(&issuers->lock);
    *ret_due = due_at(state, state->is_wished);
    is_due = *ret_due <= now_s;
    if (is_due) {
        state->is_wished = false;
    }
    *ret_is_stopping = issuers->is_stopping;
    pthread_mutex_unlock(&issuers->lock);
    return is_due && !*ret_is_stopping;
}

int64_t issuers_run(struct issuers *issuers, int64_t now_s)
{
    int64_t next = now_s + NEVER_S, due = 0;
    bool is_stopping = false;

    pthread_mutex_lock(&issuers->round);
    for (size_t i = 0; i < issuers->n && !is_stopping; i++) {
        struct state *state = &issuers->states[i];

        if (state->config.jwks_file != NULL) {
            continue;
        }
        if (take_wish(issuers, state, now_s, &due, &is_stopping)) {
            refresh(issuers, state, now_s);
            due = due_at(state, false);
        }
        next = due < next ? due : next;
    }
    pthread_mutex_unlock(&issuers->round);
    return next;
}

void issuers_wish(struct issuers *issuers, size_t index)
{
    size_t i = index - issuers->n_fixed;

    if (index < issuers->n_fixed || i >= issuers->n ||
        issuers->states[i].config.jwks_file != NULL) {
        return;
    }
    pthread_mutex_lock(&issuers->lock);
    if (!issuers->states[i].is_wished) {
        issuers->states[i].is_wished = true;
        pthread_cond_signal(&issuers->wake);
    }
    pthread_mutex_unlock(&issuers->lock);
}

/* ---- files ---- */

/* Under `round`. Who can write the file can sign in as anybody, so it must be guarded. */
static err_t load_file(struct issuers *issuers, struct state *state, struct trail *trail)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(ROUND_ARENA_BYTES);
    struct access_keys *keys = NULL;
    struct span json = {0};
    size_t n = 0;
    err_t err = arena == NULL ? ERR_MEMORY : ERR_OK;

    state->stamp = files_stamp(state->config.jwks_file);
    err = err ? err
              : file_read_guarded(arena, state->config.jwks_file, ISSUERS_KEYS_MAX_BYTES, trail,
                                  &json);
    if (err == ERR_OK) {
        err = read_keys(arena, json, trail, &keys, &n);
        err = err ? trail_in(trail, err, state->config.jwks_file) : ERR_OK;
    }
    if (err) {
        return err;
    }
    log_keys(state, n);
    set_keys(issuers, state, keys);
    count(issuers, state, "ok", n);
    return ERR_OK;
}

void issuers_tick(struct issuers *issuers, bool is_forced)
{
    for (size_t i = 0; i < issuers->n; i++) {
        struct state *state = &issuers->states[i];
        struct trail trail = {0};
        err_t err;

        if (state->config.jwks_file == NULL ||
            (!is_forced && files_stamp(state->config.jwks_file) == state->stamp)) {
            continue;
        }
        pthread_mutex_lock(&issuers->round);
        err = load_file(issuers, state, &trail);
        if (err) {
            log_failure(state, err, &trail, "the keys that were known before stay");
            count(issuers, state, "failed", n_keys_of(state));
        }
        pthread_mutex_unlock(&issuers->round);
    }
}

/* ---- life ---- */

static int64_t monotonic_s(void)
{
    return (int64_t)(timestamp_ticks_us() / 1000000);
}

static void *run(void *context)
{
    struct issuers *issuers = context;
    bool is_stopping = false;

    while (!is_stopping) {
        int64_t next = issuers_run(issuers, monotonic_s());
        struct timespec until = {.tv_sec = (time_t)next};

        pthread_mutex_lock(&issuers->lock);
        while (!issuers->is_stopping && monotonic_s() < next) {
            int64_t wished = next;

            for (size_t i = 0; i < issuers->n; i++) {
                int64_t due = issuers->states[i].config.jwks_file != NULL
                                  ? next
                                  : due_at(&issuers->states[i], issuers->states[i].is_wished);

                wished = due < wished ? due : wished;
            }
            next = wished;
            until.tv_sec = (time_t)next;
            if (monotonic_s() < next) {
                pthread_cond_timedwait(&issuers->wake, &issuers->lock, &until);
            }
        }
        is_stopping = issuers->is_stopping;
        pthread_mutex_unlock(&issuers->lock);
    }
    return NULL;
}

static bool keep(struct arena *arena, const char **text)
{
    if (*text != NULL) {
        *text = (const char *)arena_dup(arena, span_str(*text)).data;
        return *text != NULL;
    }
    return true;
}

static err_t copy_configs(struct issuers *issuers, const struct issuers_options *options,
                          struct trail *trail)
{
    bool is_kept = true;

    if (options->n_configs > ISSUERS_MAX || options->n_fixed > ACCESS_MAX_ISSUERS - ISSUERS_MAX) {
        return trail_set(trail, ERR_TOO_MANY, "more than %d issuers", ISSUERS_MAX);
    }
    for (size_t i = 0; i < options->n_fixed; i++) {
        struct access_issuer *fixed = &issuers->fixed[issuers->n_fixed++];

        *fixed = options->fixed[i];
        fixed->keys = access_keys_ref(fixed->keys);
        is_kept =
            is_kept && keep(issuers->arena, &fixed->url) && keep(issuers->arena, &fixed->tenant);
        for (size_t plane = 0; plane < ACCESS_PLANES; plane++) {
            for (size_t a = 0; a < ACCESS_MAX_AUDIENCES; a++) {
                is_kept = is_kept && keep(issuers->arena, &fixed->audiences[plane][a]);
            }
        }
    }
    for (size_t i = 0; i < options->n_configs; i++) {
        struct issuer_config *config = &issuers->states[issuers->n++].config;

        *config = options->configs[i];
        is_kept = is_kept && keep(issuers->arena, &config->url) &&
                  keep(issuers->arena, &config->tenant) &&
                  keep(issuers->arena, &config->jwks_file) &&
                  keep(issuers->arena, &config->ca_file);
        for (size_t plane = 0; plane < ACCESS_PLANES; plane++) {
            for (size_t a = 0; a < ACCESS_MAX_AUDIENCES; a++) {
                is_kept = is_kept && keep(issuers->arena, &config->audiences[plane][a]);
            }
        }
    }
    return is_kept ? ERR_OK : ERR_MEMORY;
}

/* Told now, and not with every fetch. */
static err_t check_ca_file(const char *path, struct trail *trail)
{
    if (path == NULL || file_is_regular(path)) {
        return ERR_OK;
    }
    trail_set(trail, ERR_NOT_FOUND, "%s",
              file_exists(path) ? "is no file but something else" : "does not exist");
    return trail_in(trail, ERR_NOT_FOUND, path);
}

static err_t start(struct issuers *issuers, const struct issuers_options *options,
                   struct trail *trail)
{
    bool needs_thread = false;
    err_t err = publish(issuers, trail);

    for (size_t i = 0; err == ERR_OK && i < issuers->n; i++) {
        err = check_ca_file(issuers->states[i].config.ca_file, trail);
        if (err) {
            return err;
        }
        if (issuers->states[i].config.jwks_file != NULL) {
            err = load_file(issuers, &issuers->states[i], trail);
        } else {
            needs_thread = true;
        }
    }
    if (err || !needs_thread || options->has_no_thread) {
        return err;
    }
    if (pthread_create(&issuers->thread, NULL, run, issuers) != 0) {
        return trail_set(trail, ERR_INTERNAL, "no thread to fetch keys with");
    }
    issuers->has_thread = true;
    return ERR_OK;
}

err_t issuers_open(const struct issuers_options *options, struct trail *trail, struct issuers **ret)
{
    static const char *const by_result[] = {"issuer", "result", NULL};
    static const char *const by_issuer[] = {"issuer", NULL};
    CLEANUP(issuers_close) struct issuers *issuers = calloc(1, sizeof(*issuers));
    pthread_condattr_t attributes;
    err_t err;

    if (issuers == NULL) {
        return ERR_MEMORY;
    }
    pthread_mutex_init(&issuers->round, NULL);
    pthread_mutex_init(&issuers->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&issuers->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    issuers->fetch = options->fetch != NULL ? options->fetch : fetch_https;
    issuers->fetch_context = options->fetch_context;
    issuers->arena = arena_new(ROUND_ARENA_BYTES);
    if (issuers->arena == NULL) {
        return ERR_MEMORY;
    }
    if (options->metrics != NULL) {
        issuers->refreshes =
            metrics_counter(options->metrics, "bootwarden_issuer_refreshes",
                            "Fetches of the keys of a configured issuer.", by_result);
        issuers->known = metrics_gauge(options->metrics, "bootwarden_issuer_keys",
                                       "Keys of a configured issuer that are known.", by_issuer);
    }
    err = copy_configs(issuers, options, trail);
    err = err ? err : start(issuers, options, trail);
    if (err) {
        return err;
    }
    *ret = TAKE(issuers);
    return ERR_OK;
}

void issuers_close(struct issuers *issuers)
{
    if (issuers == NULL) {
        return;
    }
    pthread_mutex_lock(&issuers->lock);
    issuers->is_stopping = true;
    pthread_cond_signal(&issuers->wake);
    pthread_mutex_unlock(&issuers->lock);
    if (issuers->has_thread) {
        pthread_join(issuers->thread, NULL);
    }
    access_issuers_free(issuers->snapshot);
    for (size_t i = 0; i < issuers->n_fixed; i++) {
        access_keys_free(issuers->fixed[i].keys);
    }
    for (size_t i = 0; i < issuers->n; i++) {
        access_keys_free(issuers->states[i].keys);
    }
    pthread_cond_destroy(&issuers->wake);
    pthread_mutex_destroy(&issuers->lock);
    pthread_mutex_destroy(&issuers->round);
    arena_free(issuers->arena);
    free(issuers);
}
