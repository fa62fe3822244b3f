/*
 * providers-internal.h - the list of providers and their keys, for the files providers*.c alone.
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
    pthread_mutex_t
        changing;         /* one change at a time; held while keys are made and the store waits */
    pthread_mutex_t lock; /* list alone; nothing is locked under it */
    struct provider_list *list;
};

/* providers.c */
struct provider_list *provider_list_new(size_t n);
int provider_names_compare(const char *a, struct span b);
/* Where the name is, or where it belongs. */
bool provider_list_find(const struct provider_list *list, struct span name, size_t *ret);

/* providers-open.c: the key of a provider, made when it has none; its place is in lower case, as a
 * name is one whatever its case. And its default policies. */
const char *provider_key_place(struct arena *arena, const char *name);
err_t provider_open_signer(const struct folder *folder, const struct provider *provider,
                           struct trail *trail, struct signer **ret) MUST_CHECK;
err_t provider_set_defaults(struct provider *provider) MUST_CHECK;

#endif
