/*
 * providers-open.c - the providers there are when a service begins: those of its regions, and those
 * of the store with their policies.
 */
#include "service/providers-internal.h"

#include "base/log.h"
#include "service/marker.h"
#include "store/providers.h"

#include <stdlib.h>

/* Rows as the store has them: PROVIDERS_TOTAL_BYTES of what owners made, in base64. */
enum { LOAD_ARENA_BYTES = 1024 * 1024 * 1024 };

/* ---- keys ---- */

const char *provider_key_place(struct arena *arena, const char *name)
{
    char *place = arena_printf(arena, "signing/%s", name);

    for (char *c = place; c != NULL && *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z') {
            *c = (char)(*c - 'A' + 'a');
        }
    }
    return place;
}

err_t provider_open_signer(const struct folder *folder, const struct provider *provider,
                           const char *lost, struct trail *trail, struct signer **ret)
{
    const struct signer_options options = {
        .folder = folder,
        .place = provider_key_place(folder->arena, provider->name),
        .issuer = provider->uri,
        .kind = provider->key_kind,
        .lost = lost,
    };

    return options.place == NULL ? ERR_MEMORY : signer_open(&options, trail, ret);
}

/* ---- opening ---- */

static const char *keep(struct provider *provider, const char *text)
{
    return (const char *)arena_dup(provider->arena, span_str(text)).data;
}

err_t provider_set_defaults(struct provider *provider)
{
    struct policy_fault fault;
    err_t err = ERR_OK;

    for (int type = 0; err == ERR_OK && type < ATTEST_TYPE_COUNT; type++) {
        err = provider_set_policy(provider, (enum attestation_type)type, NULL, NULL, &fault);
    }
    return err;
}

/* What follows `name` in a resource id, up to the next slash; "" when it is not there. */
static const char *resource_id_part(struct arena *arena, const char *id, const char *name)
{
    const char *at = strstr(id, name);

    at = at == NULL ? "" : at + strlen(name);
    return arena_printf(arena, "%.*s", (int)strcspn(at, "/"), at);
}

/* The key of a further region's provider: made when the region is new here, never again. */
static err_t open_shared_signer(const struct folder *opening, const struct provider *provider,
                                struct trail *trail, struct signer **ret)
{
    const char *place = provider_key_place(opening->arena, provider->name);
    const char *lost =
        place == NULL ? NULL
                      : arena_printf(opening->arena,
                                     "restore it from a backup; or, for a new one, remove the line "
                                     "'%s' from %s/initialised: then tokens that are out cannot be "
                                     "verified any more",
                                     place, opening->path);
    bool was_made = false;
    err_t err = place == NULL || lost == NULL ? ERR_MEMORY
                                              : marker_has_key(opening, place, trail, &was_made);

    return err ? err : provider_open_signer(opening, provider, was_made ? lost : NULL, trail, ret);
}

static err_t open_shared(struct providers *providers, const struct folder *opening,
                         const struct region *region, struct trail *trail, struct provider **ret)
{
    CLEANUP(provider_unref) struct provider *provider = provider_new();
    err_t err;

    if (provider == NULL) {
        return ERR_MEMORY;
    }
    provider->is_shared = true;
    provider->region = region;
    provider->key_kind = providers->options.key_kind;
    provider->name = region_shared_provider(provider->arena, region);
    provider->uri =
        provider->name == NULL
            ? NULL
            : provider_uri(provider->arena, &providers->options.address, provider->name, region);
    provider->id = provider->name == NULL
                       ? NULL
                       : arena_printf(provider->arena,
                                      "/providers/Microsoft.Attestation/attestationProviders/%s",
                                      provider->name);
    provider->tags = span_str("{}");
    if (provider->uri == NULL || provider->id == NULL) {
        return ERR_MEMORY;
    }
    if (strcmp(provider->name, providers->home) == 0) {
        provider->signer = signer_ref(providers->options.home_signer);
        err = ERR_OK;
    } else {
        err = open_shared_signer(opening, provider, trail, &provider->signer);
    }
    err = err ? err : provider_set_defaults(provider);
    if (err) {
        return err;
    }
    *ret = TAKE(provider);
    return ERR_OK;
}

/* Everything that stands for itself without the rest of the row. */
static err_t fill_named(struct providers *providers, const struct store_provider *row,
                        struct provider *provider)
{
    provider->name = keep(provider, row->name);
    provider->id = keep(provider, row->id);
    provider->version = row->version;
    provider->created = row->created;
    provider->changed = row->changed;
    provider->region = region_find(span_str(row->region));
    provider->tags = span_str("{}");
    provider->subscription = resource_id_part(provider->arena, row->id, "/subscriptions/");
    provider->group = resource_id_part(provider->arena, row->id, "/resourceGroups/");
    if (provider->name == NULL || provider->id == NULL || provider->subscription == NULL ||
        provider->group == NULL) {
        return ERR_MEMORY;
    }
    provider->uri =
        provider_uri(provider->arena, &providers->options.address, provider->name,
                     provider->region != NULL ? provider->region : providers->options.regions[0]);
    return provider->uri == NULL ? ERR_MEMORY : ERR_OK;
}

static err_t fill_rest(const struct folder *opening, const struct store_provider *row,
                       struct trail *trail, struct provider *provider)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(PROVIDERS_WORK_BYTES);
    struct folder folder = *opening;
    err_t err = arena == NULL ? ERR_MEMORY : ERR_OK;

    folder.arena = arena;
    if (provider->region == NULL) {
        return trail_set(trail, ERR_STORE, "the database is damaged: there is no region '%s'",
                         row->region);
    }
    err = err ? err : provider_properties_read(provider, row->properties, trail);
    /* A provider is in the store only after it got its key. */
    return err ? err
               : provider_open_signer(&folder, provider,
                                      "restore it from a backup, or remove the provider", trail,
                                      &provider->signer);
}

static void log_damage(const char *name, const char *what, const char *remedy, err_t err,
                       const struct trail *trail)
{
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX];
    struct log_line line;

    trail_format(trail, err, words, sizeof(words));
    log_begin(&line, LOG_ERROR, "provider.damaged");
    log_text(&line, "name", name);
    log_text(&line, "what", what);
    log_text(&line, "cause", words);
    log_text(&line, "remedy", remedy);
    log_end(&line);
}

/* One that cannot be opened is answered for with 503, and stops none of the others. */
static err_t open_custom(struct providers *providers, const struct folder *opening,
                         const struct store_provider *row, struct provider **ret)
{
    CLEANUP(provider_unref) struct provider *provider = provider_new();
    struct trail trail = {0};
    err_t err = provider == NULL ? ERR_MEMORY : fill_named(providers, row, provider);

    if (err) {
        return err;
    }
    err = fill_rest(opening, row, &trail, provider);
    if (err == ERR_MEMORY) {
        return err;
    }
    if (err) {
        log_damage(provider->name, "provider",
                   "what is missing comes back (a TPM or module that holds its key, or keys and "
                   "database from a backup): start the server again; only what is lost for good is "
                   "removed with 'bootwarden provider delete'",
                   err, &trail);
        provider->is_damaged = true;
        provider->region =
            provider->region != NULL ? provider->region : providers->options.regions[0];
    }
    err = provider_set_defaults(provider);
    if (err == ERR_OK) {
        *ret = TAKE(provider);
    }
    return err;
}

/* It was judged when it was set: a version of this server that reads it otherwise must not pass
 * over it, nor judge by the default. */
static err_t add_policy(struct provider *provider, const struct store_policy *row,
                        enum attestation_type type)
{
    CLEANUP(owner_request_done) struct owner_request request = {0};
    CLEANUP(arena_free) struct arena *arena = arena_new(PROVIDERS_WORK_BYTES);
    struct provider_policy *policy = &provider->policies[type];
    struct policy_fault fault = {0};
    struct trail trail = {0};
    err_t err = arena == NULL ? ERR_MEMORY : owner_request_read(arena, row->jws, &trail, &request);

    err = err ? err : provider_set_policy(provider, type, &request, &trail, &fault);
    if (err == ERR_OK || err == ERR_MEMORY) {
        return err;
    }
    if (fault.kind != POLICY_FAULT_NONE) {
        trail_set(&trail, err, "%s", fault.text);
    }
    log_damage(provider->name, row->type,
               "its owner sets the policy again, or a server that knows it is started", err,
               &trail);
    policy_unref(policy->policy);
    *policy =
        (struct provider_policy){.jws = arena_dup(provider->arena, row->jws), .is_damaged = true};
    return policy->jws.data == NULL ? ERR_MEMORY : ERR_OK;
}

/* A policy that nobody knows the type of: the default must not judge where an owner may have said
 * otherwise. */
static void distrust(struct provider *provider, const char *type)
{
    struct trail trail = {0};

    trail_set(&trail, ERR_STORE, "the database is damaged: there is no type of this name");
    log_damage(provider->name, type,
               "restore the database from a backup and start the server again, or remove the "
               "provider",
               ERR_STORE, &trail);
    provider->is_damaged = true;
}

/* The policy of a provider that is gone is nobody's. */
static err_t add_policies(const struct provider_list *list, const struct store_policy *policies,
                          size_t n)
{
    err_t err = ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < n; i++) {
        enum attestation_type type;
        size_t at = 0;

        if (!provider_list_find(list, span_str(policies[i].provider), &at)) {
            continue;
        }
        if (attestation_type_find(span_str(policies[i].type), &type)) {
            err = add_policy(list->items[at], &policies[i], type);
        } else {
            distrust(list->items[at], policies[i].type);
        }
    }
    return err;
}

static int compare_providers(const void *a, const void *b)
{
    const struct provider *const *x = a;
    const struct provider *const *y = b;

    return provider_names_compare((*x)->name, span_str((*y)->name));
}

static err_t load(struct providers *providers, const struct folder *opening, struct arena *arena,
                  struct trail *trail, struct provider_list **ret)
{
    const struct providers_options *options = &providers->options;
    struct store_provider *rows = NULL;
    struct store_policy *policies = NULL;
    struct provider_list *list = NULL;
    size_t n_rows = 0, n_policies = 0;
    err_t err = store_providers(options->store, arena, trail, &rows, &n_rows);

    err = err ? err : store_policies(options->store, arena, trail, &policies, &n_policies);
    list = err ? NULL : provider_list_new(options->n_regions + n_rows);
    err = err ? err : list == NULL ? ERR_MEMORY : ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < options->n_regions; i++) {
        err = open_shared(providers, opening, options->regions[i], trail, &list->items[list->n]);
        list->n += err == ERR_OK;
    }
    for (size_t i = 0; err == ERR_OK && i < n_rows; i++) {
        err = open_custom(providers, opening, &rows[i], &list->items[list->n]);
        list->n += err == ERR_OK;
    }
    if (err == ERR_OK) {
        qsort(list->items, list->n, sizeof(struct provider *), compare_providers);
        err = add_policies(list, policies, n_policies);
    }
    if (err) {
        provider_list_unref(list);
        return err;
    }
    *ret = list;
    return ERR_OK;
}

err_t providers_open(const struct providers_options *options, const struct folder *opening,
                     struct trail *trail, struct providers **ret)
{
    CLEANUP(providers_close) struct providers *providers = NULL;
    CLEANUP(arena_free) struct arena *arena = arena_new(LOAD_ARENA_BYTES);
    err_t err;

    providers = arena == NULL ? NULL : calloc(1, sizeof(*providers));
    if (providers == NULL) {
        return ERR_MEMORY;
    }
    pthread_mutex_init(&providers->changing, NULL);
    pthread_mutex_init(&providers->lock, NULL);
    providers->options = *options;
    providers->folder = strdup(options->folder);
    providers->endpoint = strdup(options->address.endpoint);
    providers->suffix = options->address.suffix == NULL ? NULL : strdup(options->address.suffix);
    if (providers->folder == NULL || providers->endpoint == NULL ||
        (options->address.suffix != NULL && providers->suffix == NULL)) {
        return ERR_MEMORY;
    }
    snprintf(providers->home, sizeof(providers->home), "shared%s", options->regions[0]->short_name);
    providers->options.folder = providers->folder;
    providers->options.address = (struct provider_address){
        .endpoint = providers->endpoint, .suffix = providers->suffix, .home = providers->home};
    err = load(providers, opening, arena, trail, &providers->list);
    if (err) {
        return err;
    }
    *ret = TAKE(providers);
    return ERR_OK;
}

void providers_close(struct providers *providers)
{
    if (providers == NULL) {
        return;
    }
    provider_list_unref(providers->list);
    pthread_mutex_destroy(&providers->changing);
    pthread_mutex_destroy(&providers->lock);
    free(providers->folder);
    free(providers->endpoint);
    free(providers->suffix);
    free(providers);
}
