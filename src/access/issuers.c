#include "access/token.h"

#include <stdatomic.h>
#include <stdlib.h>

struct access_keys {
    atomic_uint refs;
    struct token_keys *keys;
};

struct access_issuers {
    atomic_uint refs;
    size_t n;
    struct access_issuer list[ACCESS_MAX_ISSUERS];
};

struct access_keys *access_keys_new(struct token_keys *keys)
{
    struct access_keys *made = calloc(1, sizeof(*made));

    if (made != NULL) {
        atomic_init(&made->refs, 1);
        made->keys = keys;
    }
    return made;
}

struct access_keys *access_keys_ref(struct access_keys *keys)
{
    if (keys != NULL) {
        atomic_fetch_add_explicit(&keys->refs, 1, memory_order_relaxed);
    }
    return keys;
}

void access_keys_free(struct access_keys *keys)
{
    if (keys != NULL && atomic_fetch_sub_explicit(&keys->refs, 1, memory_order_acq_rel) == 1) {
        token_keys_free(keys->keys);
        free(keys);
    }
}

const struct token_keys *access_keys_get(const struct access_keys *keys)
{
    return keys->keys;
}

/* The copies are the set's own; const only towards its readers. */
static void drop(const char *text)
{
    union {
        const char *lent;
        char *own;
    } both = {.lent = text};

    free(both.own);
}

static void issuer_done(struct access_issuer *issuer)
{
    drop(issuer->url);
    drop(issuer->tenant);
    for (size_t plane = 0; plane < ACCESS_PLANES; plane++) {
        for (size_t i = 0; i < ACCESS_MAX_AUDIENCES; i++) {
            drop(issuer->audiences[plane][i]);
        }
    }
    access_keys_free(issuer->keys);
}

static bool is_text(const char *text, size_t max)
{
    size_t len = text == NULL ? 0 : strlen(text);

    if (len == 0 || len > max) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~' || text[i] == '"' || text[i] == '\\') {
            return false;
        }
    }
    return true;
}

static err_t check(const struct access_issuer *list, size_t index, struct trail *trail)
{
    const struct access_issuer *issuer = &list[index];

    if (!is_text(issuer->url, ACCESS_URL_MAX) || !is_text(issuer->tenant, ACCESS_ID_MAX)) {
        return trail_set(trail, ERR_VALUE, "an issuer needs an address and a tenant, both short");
    }
    if (issuer->audiences[ACCESS_DATA][0] == NULL &&
        issuer->audiences[ACCESS_MANAGEMENT][0] == NULL) {
        return trail_set(trail, ERR_VALUE, "issuer %s has no audience", issuer->url);
    }
    for (size_t plane = 0; plane < ACCESS_PLANES; plane++) {
        for (size_t i = 0; issuer->audiences[plane][i] != NULL; i++) {
            if (i == ACCESS_MAX_AUDIENCES) {
                return trail_set(trail, ERR_TOO_MANY, "issuer %s has more than %d audiences",
                                 issuer->url, ACCESS_MAX_AUDIENCES);
            }
            if (!is_text(issuer->audiences[plane][i], ACCESS_URL_MAX)) {
                return trail_set(trail, ERR_VALUE, "issuer %s has an audience that is none",
                                 issuer->url);
            }
        }
    }
    for (size_t i = 0; i < index; i++) {
        if (strcmp(list[i].url, issuer->url) == 0) {
            return trail_set(trail, ERR_CONFLICT, "issuer %s is there twice", issuer->url);
        }
    }
    return ERR_OK;
}

static err_t copy(const struct access_issuer *from, struct access_issuer *to)
{
    to->keys = access_keys_ref(from->keys);
    to->url = strdup(from->url);
    to->tenant = strdup(from->tenant);
    if (to->url == NULL || to->tenant == NULL) {
        return ERR_MEMORY;
    }
    for (size_t plane = 0; plane < ACCESS_PLANES; plane++) {
        for (size_t i = 0; from->audiences[plane][i] != NULL; i++) {
            to->audiences[plane][i] = strdup(from->audiences[plane][i]);
            if (to->audiences[plane][i] == NULL) {
                return ERR_MEMORY;
            }
        }
    }
    return ERR_OK;
}

err_t access_issuers_new(const struct access_issuer *list, size_t n, struct trail *trail,
                         struct access_issuers **ret)
{
    CLEANUP(access_issuers_free) struct access_issuers *made = NULL;
    err_t err = ERR_OK;

    if (n > ACCESS_MAX_ISSUERS) {
        return trail_set(trail, ERR_TOO_MANY, "more than %d issuers", ACCESS_MAX_ISSUERS);
    }
    made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return ERR_MEMORY;
    }
    atomic_init(&made->refs, 1);
    for (size_t i = 0; err == ERR_OK && i < n; i++) {
        err = check(list, i, trail);
        if (err == ERR_OK) {
            made->n = i + 1;
            err = copy(&list[i], &made->list[i]);
        }
    }
    if (err) {
        return err;
    }
    *ret = TAKE(made);
    return ERR_OK;
}

struct access_issuers *access_issuers_ref(struct access_issuers *issuers)
{
    atomic_fetch_add_explicit(&issuers->refs, 1, memory_order_relaxed);
    return issuers;
}

void access_issuers_free(struct access_issuers *issuers)
{
    if (issuers != NULL &&
        atomic_fetch_sub_explicit(&issuers->refs, 1, memory_order_acq_rel) == 1) {
        for (size_t i = 0; i < issuers->n; i++) {
            issuer_done(&issuers->list[i]);
        }
        free(issuers);
    }
}

size_t access_issuers_count(const struct access_issuers *issuers)
{
    return issuers->n;
}

const struct access_issuer *access_issuers_at(const struct access_issuers *issuers, size_t index)
{
    return index < issuers->n ? &issuers->list[index] : NULL;
}
