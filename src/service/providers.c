#include "service/providers-internal.h"

#include "base/text.h"

#include <stdlib.h>

/* ---- the list ---- */

struct provider_list *provider_list_new(size_t n)
{
    struct provider_list *list = calloc(1, sizeof(*list) + n * sizeof(struct provider *));

    if (list != NULL) {
        atomic_init(&list->refs, 1);
    }
    return list;
}

void provider_list_unref(const struct provider_list *list)
{
    struct provider_list *own;

    if (list == NULL) {
        return;
    }
    memcpy(&own, &list, sizeof(struct provider_list *));
    if (atomic_fetch_sub(&own->refs, 1) > 1) {
        return;
    }
    for (size_t i = 0; i < own->n; i++) {
        provider_unref(own->items[i]);
    }
    free(own);
}

size_t provider_list_count(const struct provider_list *list)
{
    return list->n;
}

const struct provider *provider_list_at(const struct provider_list *list, size_t index)
{
    return list->items[index];
}

int provider_names_compare(const char *a, struct span b)
{
    size_t i = 0;

    for (; i < b.len && a[i] != '\0'; i++) {
        int x = a[i] >= 'A' && a[i] <= 'Z' ? a[i] - 'A' + 'a' : (unsigned char)a[i];
        int y = b.data[i] >= 'A' && b.data[i] <= 'Z' ? b.data[i] - 'A' + 'a' : b.data[i];

        if (x != y) {
            return x - y;
        }
    }
    return a[i] != '\0' ? 1 : i < b.len ? -1 : 0;
}

bool provider_list_find(const struct provider_list *list, struct span name, size_t *ret)
{
    size_t low = 0;
    size_t high = list->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = provider_names_compare(list->items[middle]->name, name);

        if (order == 0) {
            *ret = middle;
            return true;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    *ret = low;
    return false;
}

const struct provider_list *providers_all(struct providers *providers)
{
    struct provider_list *list;

    pthread_mutex_lock(&providers->lock);
    list = providers->list;
    atomic_fetch_add(&list->refs, 1);
    pthread_mutex_unlock(&providers->lock);
    return list;
}

size_t providers_count_damaged(struct providers *providers)
{
    const struct provider_list *list = providers_all(providers);
    size_t n = 0;

    for (size_t i = 0; i < list->n; i++) {
        n += list->items[i]->is_damaged;
        for (size_t type = 0; type < ATTEST_TYPE_COUNT; type++) {
            n += list->items[i]->policies[type].is_damaged;
        }
    }
    provider_list_unref(list);
    return n;
}

/* ---- finding ---- */

struct provider *providers_find(struct providers *providers, struct span name)
{
    struct provider *found = NULL;
    size_t at = 0;

    pthread_mutex_lock(&providers->lock);
    if (provider_list_find(providers->list, name, &at)) {
        found = provider_ref(providers->list->items[at]);
    }
    pthread_mutex_unlock(&providers->lock);
    return found;
}

struct provider *providers_home(struct providers *providers)
{
    return providers_find(providers, span_str(providers->home));
}

struct provider *providers_at_host(struct providers *providers, struct span host)
{
    CLEANUP(provider_unref) struct provider *found = NULL;
    struct span name = {0}, short_name = {0};

    switch (provider_host_read(&providers->options.address, host, &name, &short_name)) {
    case PROVIDER_HOST_HOME:
        return providers_home(providers);
    case PROVIDER_HOST_NAMED:
        found = providers_find(providers, name);
        return found != NULL && text_span_equal_nocase(short_name, found->region->short_name)
                   ? TAKE(found)
                   : NULL;
    case PROVIDER_HOST_UNKNOWN:
    default:
        return NULL;
    }
}

const struct region *providers_region(const struct providers *providers, size_t index)
{
    return providers->options.regions[index];
}

size_t providers_region_count(const struct providers *providers)
{
    return providers->options.n_regions;
}

err_t providers_check(struct providers *providers, int64_t now, struct trail *trail)
{
    const struct provider_list *list = providers_all(providers);
    err_t err = ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < list->n; i++) {
        if (list->items[i]->is_shared) {
            err = signer_check(list->items[i]->signer, now);
        }
    }
    provider_list_unref(list);
    return err == ERR_SIGNING_KEY ? trail_set(trail, err,
                                              "a key that is held outside the server does not "
                                              "sign: the server's log says which (signing.failed)")
                                  : err;
}

enum signkey_kind providers_key_kind(const struct providers *providers)
{
    return providers->options.key_kind;
}
