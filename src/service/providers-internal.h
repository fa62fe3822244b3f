/*
 * providers-internal.h - the list of providers, their keys and how one is changed, for the files
 * providers*.c alone.
 */
#ifndef SERVICE_PROVIDERS_INTERNAL_H
#define SERVICE_PROVIDERS_INTERNAL_H

#include "service/providers.h"

#include <pthread.h>

enum { PROVIDERS_WORK_BYTES = 64 * 1024 * 1024 };

struct provider_list {
    _Atomic unsigned refs;
    size_t n;
    struct provider *items[]; /* by name, case ignored */
};

struct providers {
    struct providers_options options;
    char *folder, *endpoint, *suffix;
    char home[PROVIDER_NAME_MAX + 1];
    /* One change at a time: held while keys are made and the store waits. */
    pthread_mutex_t changing;
    pthread_mutex_t lock; /* list and changers alone; nothing is locked under it */
    /* Subscriptions of the change that is made and of those that wait; NULL: nobody. */
    const char *changers[PROVIDERS_CHANGES_AT_ONCE];
    struct provider_list *list;
};

/* providers.c */
struct provider_list *provider_list_new(size_t n);
int provider_names_compare(const char *a, struct span b);
/* Where the name is, or where it belongs. */
bool provider_list_find(const struct provider_list *list, struct span name, size_t *ret);

/* providers-open.c: the key of a provider, made when it has none; its place is in lower case, as a
 * name is one whatever its case. lost: as signer.h has it. And its default policies. */
const char *provider_key_place(struct arena *arena, const char *name);
err_t provider_open_signer(const struct folder *folder, const struct provider *provider,
                           const char *lost, struct trail *trail, struct signer **ret) MUST_CHECK;
err_t provider_set_defaults(struct provider *provider) MUST_CHECK;

/* ---- one change, providers-change.c ---- */

struct provider_turn {
    struct providers *providers;
    struct arena *arena;        /* for its work */
    struct provider *copy;      /* to be changed */
    struct provider_list *list; /* the one that will be seen */
    size_t place;               /* in changers */
};

/* Waits for its turn, then copies the provider that `expected` is. ERR_UNAVAILABLE when too many
 * wait; ERR_DENIED for a shared one; ERR_NOT_FOUND when it was removed meanwhile, also when another
 * one has its name now: who was allowed to change the one is nobody to the other. After ERR_OK, and
 * only then, turn_end. */
err_t turn_begin(struct providers *providers, const struct provider *expected, int64_t now,
                 struct trail *trail, struct provider_turn *ret) MUST_CHECK;
/* The copy has its last form: may it be so large, and where does it stand? Before it is saved. */
err_t turn_prepare(struct provider_turn *turn, struct trail *trail) MUST_CHECK;
/* Into the store; what the store holds and nobody has seen yet is nothing that can fail. */
err_t turn_save(struct provider_turn *turn, struct trail *trail) MUST_CHECK;
/* With ERR_OK everybody sees it from now on, and *ret, unless NULL, is a reference to it. */
void turn_end(struct provider_turn *turn, err_t err, const char *event, struct provider **ret);

#endif
