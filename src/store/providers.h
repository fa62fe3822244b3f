/*
 * providers.h - attestation providers and their policies, as the store keeps them.
 *
 * The service holds all of them in memory; these are read at the start and written with each
 * change. What a provider is beyond its name is a JSON document of the service's.
 */
#ifndef STORE_PROVIDERS_H
#define STORE_PROVIDERS_H

#include "store/store.h"

enum {
    STORE_PROVIDERS_MAX = 10000,
    STORE_PROVIDER_PROPERTIES_MAX = 512 * 1024, /* policy signing certificates among them */
    STORE_POLICY_MAX = 1024 * 1024,             /* as it came: a signed JWS */
};

struct store_provider {
    const char *name; /* unique, case does not matter */
    const char *id;   /* resource id, likewise */
    const char *region;
    struct span properties; /* JSON */
    int64_t version;        /* rises with each change; 0 = is not there yet */
    int64_t created, changed;
};

/* Every one, by name, in the arena. */
err_t store_providers(struct store *store, struct arena *arena, struct trail *trail,
                      struct store_provider **ret, size_t *ret_n) MUST_CHECK;
/* With version 0 it is added, else the one of that version is replaced; *ret_version is the new
 * one. ERR_CONFLICT when the name or the id is taken, or it was changed meanwhile; ERR_TOO_MANY
 * past STORE_PROVIDERS_MAX, ERR_TOO_LARGE for its properties. */
err_t store_provider_put(struct store *store, const struct store_provider *provider,
                         struct trail *trail, int64_t *ret_version) MUST_CHECK;
/* With its policies. ERR_NOT_FOUND when there is none. */
err_t store_provider_remove(struct store *store, const char *name, struct trail *trail) MUST_CHECK;

struct store_policy {
    const char *provider; /* also of a shared one, which has no record of its own */
    const char *type;     /* "Tpm" */
    struct span jws;
    int64_t changed;
};
err_t store_policies(struct store *store, struct arena *arena, struct trail *trail,
                     struct store_policy **ret, size_t *ret_n) MUST_CHECK;
/* Replaces the one that was there. */
err_t store_policy_put(struct store *store, const struct store_policy *policy,
                       struct trail *trail) MUST_CHECK;
/* None there: nothing happens. */
err_t store_policy_remove(struct store *store, const char *provider, const char *type,
                          struct trail *trail) MUST_CHECK;

#endif
