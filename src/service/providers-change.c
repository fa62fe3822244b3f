/*
 * providers-change.c - what changes providers, one change at a time: in the store first, then for
 * everybody at once. Everything static here runs with `changing` held.
 */
#include "service/providers-internal.h"

#include "base/file.h"
#include "base/log.h"
#include "store/providers.h"

#include <stdlib.h>
#include <unistd.h>

/* Takes list. */
static void show(struct providers *providers, struct provider_list *list)
{
    struct provider_list *before;

    pthread_mutex_lock(&providers->lock);
    before = providers->list;
    providers->list = list;
    pthread_mutex_unlock(&providers->lock);
    provider_list_unref(before);
}

/* The list with `provider` in its place (taken on success), or without the one of its name. Called
 * with `changing` held, so that the list there is stays. */
static err_t list_with(const struct provider_list *before, struct span name,
                       struct provider *provider, struct provider_list **ret)
{
    size_t at = 0;
    bool is_there = provider_list_find(before, name, &at);
    struct provider_list *list = provider_list_new(before->n + 1);

    if (list == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < before->n + 1; i++) {
        if (i == at && provider != NULL) {
            list->items[list->n++] = provider;
        }
        if (i < before->n && !(i == at && is_there)) {
            list->items[list->n++] = provider_ref(before->items[i]);
        }
    }
    *ret = list;
    return ERR_OK;
}

static err_t save(struct providers *providers, struct arena *arena, struct provider *provider,
                  struct trail *trail)
{
    struct store_provider row = {
        .name = provider->name,
        .id = provider->id,
        .region = provider->region->name,
        .version = provider->version,
        .created = provider->created,
        .changed = provider->changed,
    };
    err_t err = provider_properties_write(arena, provider, &row.properties);

    return err ? err
               : store_provider_put(providers->options.store, &row, trail, &provider->version);
}

static void log_change(const char *event, const struct provider *provider)
{
    struct log_line line;

    log_begin(&line, LOG_INFO, event);
    log_text(&line, "name", provider->name);
    log_text(&line, "uri", provider->uri);
    log_end(&line);
}

static bool is_served(const struct providers *providers, const struct region *region)
{
    for (size_t i = 0; i < providers->options.n_regions; i++) {
        if (providers->options.regions[i] == region) {
            return true;
        }
    }
    return false;
}

static err_t add(struct providers *providers, struct provider *fresh, int64_t now,
                 struct arena *arena, struct trail *trail)
{
    const struct folder folder = {.arena = arena, .path = providers->folder, .now = now};
    struct provider_list *list = NULL;
    size_t at = 0;
    err_t err;

    if (provider_list_find(providers->list, span_str(fresh->name), &at)) {
        return trail_set(trail, ERR_CONFLICT, "there is a provider named %s already", fresh->name);
    }
    if (!is_served(providers, fresh->region)) {
        return trail_set(trail, ERR_VALUE, "the region %s is not served here",
                         fresh->region->display);
    }
    fresh->uri =
        provider_uri(fresh->arena, &providers->options.address, fresh->name, fresh->region);
    fresh->created = fresh->changed = now;
    if (fresh->uri == NULL) {
        return ERR_MEMORY;
    }
    err = provider_open_signer(&folder, fresh, trail, &fresh->signer);
    err = err ? err : provider_set_defaults(fresh);
    err = err ? err : list_with(providers->list, span_str(fresh->name), provider_ref(fresh), &list);
    err = err ? err : save(providers, arena, fresh, trail);
    if (err) {
        provider_list_unref(list);
        return err;
    }
    show(providers, list);
    log_change("provider.added", fresh);
    return ERR_OK;
}

err_t providers_add(struct providers *providers, struct provider *fresh, int64_t now,
                    struct trail *trail)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(PROVIDERS_WORK_BYTES);
    err_t err;

    if (arena == NULL) {
        return ERR_MEMORY;
    }
    pthread_mutex_lock(&providers->changing);
    err = add(providers, fresh, now, arena, trail);
    pthread_mutex_unlock(&providers->changing);
    return err;
}

/* A copy to change; ERR_DENIED for a shared one. */
static err_t begin_change(struct providers *providers, const char *name, int64_t now,
                          struct trail *trail, struct provider **ret)
{
    size_t at = 0;
    err_t err;

    if (!provider_list_find(providers->list, span_str(name), &at)) {
        return trail_set(trail, ERR_NOT_FOUND, "there is no provider named %s", name);
    }
    if (providers->list->items[at]->is_shared) {
        return trail_set(trail, ERR_DENIED,
                         "%s is shared: it belongs to the service, and nobody "
                         "changes it",
                         name);
    }
    err = provider_copy(providers->list->items[at], ret);
    if (err == ERR_OK) {
        (*ret)->changed = now;
    }
    return err;
}

/* In its place, for everybody. `saved`: what writes it down, which comes last before that. */
static err_t finish_change(struct providers *providers, struct provider *copy,
                           struct provider_list **list)
{
    return list_with(providers->list, span_str(copy->name), provider_ref(copy), list);
}

err_t providers_change(struct providers *providers, const char *name, provider_change *change,
                       void *data, int64_t now, struct trail *trail, struct provider **ret)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(PROVIDERS_WORK_BYTES);
    CLEANUP(provider_unref) struct provider *copy = NULL;
    struct provider_list *list = NULL;
    err_t err;

    if (arena == NULL) {
        return ERR_MEMORY;
    }
    pthread_mutex_lock(&providers->changing);
    err = begin_change(providers, name, now, trail, &copy);
    err = err ? err : change(copy, data, trail);
    err = err ? err : finish_change(providers, copy, &list);
    err = err ? err : save(providers, arena, copy, trail);
    if (err) {
        provider_list_unref(list);
    } else {
        show(providers, list);
        log_change("provider.changed", copy);
        *ret = TAKE(copy);
    }
    pthread_mutex_unlock(&providers->changing);
    return err;
}

static err_t save_policy(struct providers *providers, const struct provider *copy,
                         enum attestation_type type, struct trail *trail)
{
    const struct store_policy row = {copy->name, attestation_type_name(type),
                                     copy->policies[type].jws, copy->changed};

    return row.jws.data != NULL
               ? store_policy_put(providers->options.store, &row, trail)
               : store_policy_remove(providers->options.store, copy->name, row.type, trail);
}

static err_t authorize(const struct provider *copy, const struct owner_request *request,
                       int64_t now, struct trail *trail, struct owner_fault *fault)
{
    err_t err;

    if (!copy->is_isolated) {
        return ERR_OK;
    }
    err = owner_request_authorize(copy->arena, request, &copy->signers, now, trail);
    fault->code = err == ERR_OK         ? NULL
                  : !request->is_signed ? "InvalidOperation"
                                        : "InvalidParameter";
    return err;
}

static err_t apply_policy(struct provider *copy, enum attestation_type type,
                          const struct owner_request *request, struct trail *trail,
                          struct owner_fault *fault)
{
    bool is_reset = request->payload == NULL;
    err_t err = provider_set_policy(copy, type, is_reset ? NULL : request, trail, &fault->policy);

    if (err) {
        fault->code = fault->policy.kind != POLICY_FAULT_NONE ? policy_fault_code(&fault->policy)
                                                              : "InvalidOperation";
    }
    return err;
}

err_t providers_set_policy(struct providers *providers, const char *name,
                           enum attestation_type type, const struct owner_request *request,
                           int64_t now, struct trail *trail, struct owner_fault *fault,
                           struct provider **ret)
{
    CLEANUP(provider_unref) struct provider *copy = NULL;
    struct provider_list *list = NULL;
    err_t err;

    *fault = (struct owner_fault){0};
    pthread_mutex_lock(&providers->changing);
    err = begin_change(providers, name, now, trail, &copy);
    err = err ? err : authorize(copy, request, now, trail, fault);
    err = err ? err : apply_policy(copy, type, request, trail, fault);
    err = err ? err : finish_change(providers, copy, &list);
    err = err ? err : save_policy(providers, copy, type, trail);
    if (err) {
        provider_list_unref(list);
    } else {
        show(providers, list);
        log_change(request->payload != NULL ? "policy.set" : "policy.reset", copy);
        *ret = TAKE(copy);
    }
    pthread_mutex_unlock(&providers->changing);
    return err;
}

static err_t apply_signer(struct provider *copy, bool is_added, struct cert *cert,
                          struct trail *trail, struct owner_fault *fault)
{
    err_t err;

    if (!copy->is_isolated) {
        fault->code = "InvalidOperation";
        return trail_set(trail, ERR_VALUE,
                         "this provider has the trust model AAD: it has no policy signing "
                         "certificates");
    }
    err = is_added ? signers_add(&copy->signers, cert) : signers_remove(&copy->signers, cert);
    if (err) {
        fault->code = "InvalidOperation";
        trail_set(trail, err,
                  err == ERR_CONFLICT
                      ? "the last policy signing certificate cannot be removed: nobody could "
                        "change this provider any more"
                      : "there are as many policy signing certificates as there can be");
    }
    return err;
}

err_t providers_set_signer(struct providers *providers, const char *name, bool is_added,
                           const struct owner_request *request, int64_t now, struct trail *trail,
                           struct owner_fault *fault, struct cert **ret_cert)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(PROVIDERS_WORK_BYTES);
    CLEANUP(provider_unref) struct provider *copy = NULL;
    CLEANUP(cert_free) struct cert *cert = NULL;
    struct provider_list *list = NULL;
    err_t err = arena == NULL ? ERR_MEMORY : ERR_OK;

    *fault = (struct owner_fault){0};
    pthread_mutex_lock(&providers->changing);
    err = err ? err : begin_change(providers, name, now, trail, &copy);
    err = err ? err : authorize(copy, request, now, trail, fault);
    if (err == ERR_OK) {
        err = owner_request_certificate(arena, request, trail, &cert);
        fault->code = err ? "InvalidOperation" : NULL;
    }
    err = err ? err : apply_signer(copy, is_added, cert, trail, fault);
    err = err ? err : finish_change(providers, copy, &list);
    err = err ? err : save(providers, arena, copy, trail);
    if (err) {
        provider_list_unref(list);
    } else {
        show(providers, list);
        log_change(is_added ? "signer.added" : "signer.removed", copy);
        *ret_cert = TAKE(cert);
    }
    pthread_mutex_unlock(&providers->changing);
    return err;
}

/* One that is published and does not sign yet would never do so: and who may rotate could fill the
 * list of keys in no time. */
static err_t refuse_second_key(const struct provider *provider, int64_t now, struct trail *trail)
{
    const char *next = NULL;

    (void)signer_kid(provider->signer, now, &next);
    return next == NULL
               ? ERR_OK
               : trail_set(
                     trail, ERR_CONFLICT,
                     "a new key is published already and signs within %d seconds: wait for it",
                     SIGNER_AHEAD_S);
}

err_t providers_rotate(struct providers *providers, const char *name, int64_t now,
                       struct trail *trail, struct provider **ret)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(PROVIDERS_WORK_BYTES);
    CLEANUP(provider_unref) struct provider *copy = NULL;
    const struct folder folder = {.arena = arena, .path = providers->folder, .now = now};
    struct signer_options options = {.folder = &folder};
    struct provider_list *list = NULL;
    err_t err;

    if (arena == NULL) {
        return ERR_MEMORY;
    }
    pthread_mutex_lock(&providers->changing);
    err = begin_change(providers, name, now, trail, &copy);
    if (err == ERR_OK) {
        options.place = provider_key_place(arena, copy->name);
        options.issuer = copy->uri;
        options.kind = copy->key_kind;
        err = options.place == NULL ? ERR_MEMORY : refuse_second_key(copy, now, trail);
    }
    err = err ? err : signer_add_key(&options, trail);
    if (err == ERR_OK) {
        signer_free(copy->signer);
        copy->signer = NULL;
        err = signer_open(&options, trail, &copy->signer);
    }
    err = err ? err : finish_change(providers, copy, &list);
    if (err == ERR_OK) {
        show(providers, list);
        log_change("provider.key.added", copy);
        *ret = TAKE(copy);
    }
    pthread_mutex_unlock(&providers->changing);
    return err;
}

/* Its keys go, so that a provider of that name made later is another one. */
static void forget_keys(struct providers *providers, struct arena *arena,
                        const struct provider *provider)
{
    const char *place = provider_key_place(arena, provider->name);
    const char *folder = arena_printf(arena, "%s/%s", providers->folder, place);
    const char **names = NULL;

    if (place == NULL || folder == NULL || file_list(arena, folder, NULL, &names) != ERR_OK) {
        return;
    }
    for (; *names != NULL; names++) {
        const char *file = arena_printf(arena, "%s/%s", folder, *names);

        if (file != NULL) {
            unlink(file);
        }
    }
    rmdir(folder);
}

err_t providers_remove(struct providers *providers, const char *name, struct trail *trail)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(PROVIDERS_WORK_BYTES);
    CLEANUP(provider_unref) struct provider *copy = NULL;
    struct provider_list *list = NULL;
    err_t err;

    if (arena == NULL) {
        return ERR_MEMORY;
    }
    pthread_mutex_lock(&providers->changing);
    err = begin_change(providers, name, 0, trail, &copy);
    err = err ? err : list_with(providers->list, span_str(copy->name), NULL, &list);
    err = err ? err : store_provider_remove(providers->options.store, copy->name, trail);
    if (err) {
        provider_list_unref(list);
    } else {
        show(providers, list);
        log_change("provider.removed", copy);
        forget_keys(providers, arena, copy);
    }
    pthread_mutex_unlock(&providers->changing);
    return err;
}
