/*
 * providers-change.c - what changes providers, one change at a time: in the store first, then for
 * everybody at once.
 */
#include "service/providers-internal.h"

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "store/providers.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- the list ---- */

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

static void log_change(const char *event, const struct provider *provider)
{
    struct log_line line;

    log_begin(&line, LOG_INFO, event);
    log_text(&line, "name", provider->name);
    log_text(&line, "uri", provider->uri);
    log_end(&line);
}

/* ---- limits ---- */

static bool is_of_subscription(const struct provider *a, const struct provider *b)
{
    return !a->is_shared && text_span_equal_nocase(span_str(a->subscription), b->subscription);
}

/* Everything is held in memory, and read again at each start: nobody takes more of it than his
 * share. */
static err_t check_quotas(const struct providers *providers, const struct provider *wanted,
                          struct trail *trail)
{
    const struct provider_list *list = providers->list;
    size_t at = 0, n = 1;
    bool is_known = provider_list_find(list, span_str(wanted->name), &at);
    size_t before = is_known ? provider_weight(list->items[at]) : 0;
    size_t total = provider_weight(wanted), own = total;

    if (is_known && total <= before) {
        return ERR_OK; /* who has too much may always take some away */
    }
    for (size_t i = 0; i < list->n; i++) {
        if (is_known && i == at) {
            continue;
        }
        total += provider_weight(list->items[i]);
        if (is_of_subscription(list->items[i], wanted)) {
            own += provider_weight(list->items[i]);
            n++;
        }
    }
    if (n > PROVIDERS_PER_SUBSCRIPTION) {
        return trail_set(trail, ERR_TOO_MANY,
                         "the subscription has %d attestation providers, as many as it can have",
                         PROVIDERS_PER_SUBSCRIPTION);
    }
    if (own > PROVIDERS_SUBSCRIPTION_BYTES) {
        return trail_set(trail, ERR_TOO_MANY,
                         "the policies, certificates and tags of the subscription's attestation "
                         "providers would take %zu bytes; they may take %d",
                         own, PROVIDERS_SUBSCRIPTION_BYTES);
    }
    return total <= PROVIDERS_TOTAL_BYTES
               ? ERR_OK
               : trail_set(trail, ERR_TOO_MANY,
                           "the policies, certificates and tags of all attestation providers of "
                           "this server would take %zu bytes; they may take %d",
                           total, PROVIDERS_TOTAL_BYTES);
}

/* ---- one change ---- */

/* A place among the changers; false when there is none for this subscription. */
static bool find_place(struct providers *providers, const char *subscription, size_t *ret)
{
    size_t n_own = 0, place = PROVIDERS_CHANGES_AT_ONCE;

    pthread_mutex_lock(&providers->lock);
    for (size_t i = 0; i < PROVIDERS_CHANGES_AT_ONCE; i++) {
        const char *there = providers->changers[i];

        n_own += there != NULL && text_span_equal_nocase(span_str(there), subscription);
        place = there == NULL ? i : place;
    }
    if (n_own >= PROVIDERS_CHANGES_OF_ONE) {
        place = PROVIDERS_CHANGES_AT_ONCE;
    }
    if (place < PROVIDERS_CHANGES_AT_ONCE) {
        providers->changers[place] = subscription;
    }
    pthread_mutex_unlock(&providers->lock);
    *ret = place;
    return place < PROVIDERS_CHANGES_AT_ONCE;
}

/* Who holds the turn makes keys and waits for the disk, and a waiting caller occupies a worker: few
 * of them may, so that attestation goes on meanwhile, and no subscription takes all places. The
 * caller keeps `subscription` until give_turn. */
static err_t take_turn(struct providers *providers, const char *subscription, struct trail *trail,
                       size_t *ret_place)
{
    bool has_worker = workers_take(providers->options.workers);

    if (!has_worker || !find_place(providers, subscription, ret_place)) {
        if (has_worker) {
            workers_give(providers->options.workers);
        }
        return trail_set(trail, ERR_UNAVAILABLE,
                         "too many changes of attestation providers at once; try again");
    }
    pthread_mutex_lock(&providers->changing);
    return ERR_OK;
}

static void give_turn(const struct provider_turn *turn)
{
    struct providers *providers = turn->providers;

    pthread_mutex_unlock(&providers->changing);
    pthread_mutex_lock(&providers->lock);
    providers->changers[turn->place] = NULL;
    pthread_mutex_unlock(&providers->lock);
    workers_give(providers->options.workers);
}

static err_t copy_expected(const struct providers *providers, const struct provider *expected,
                           struct trail *trail, struct provider **ret)
{
    const struct provider *there;
    size_t at = 0;

    if (!provider_list_find(providers->list, span_str(expected->name), &at)) {
        return trail_set(trail, ERR_NOT_FOUND, "there is no provider named %s", expected->name);
    }
    there = providers->list->items[at];
    if (there->is_shared) {
        return trail_set(trail, ERR_DENIED,
                         "%s is shared: it belongs to the service, and nobody changes it",
                         there->name);
    }
    if (expected->is_shared || there->created != expected->created ||
        !text_span_equal_nocase(span_str(there->id), expected->id)) {
        return trail_set(trail, ERR_NOT_FOUND,
                         "the provider %s was removed meanwhile, and another one was made",
                         expected->name);
    }
    return provider_copy(there, ret);
}

/* Nothing is changed. */
static void drop(struct provider_turn *turn)
{
    give_turn(turn);
    provider_list_unref(turn->list);
    provider_unref(turn->copy);
    arena_free(turn->arena);
}

static err_t begin(struct providers *providers, const struct provider *expected, bool is_removal,
                   int64_t now, struct trail *trail, struct provider_turn *ret)
{
    struct provider_turn turn = {.providers = providers, .arena = arena_new(PROVIDERS_WORK_BYTES)};
    err_t err =
        turn.arena == NULL
            ? ERR_MEMORY
            : take_turn(providers, expected->subscription == NULL ? "" : expected->subscription,
                        trail, &turn.place);

    if (err) {
        arena_free(turn.arena);
        return err;
    }
    err = copy_expected(providers, expected, trail, &turn.copy);
    if (err == ERR_OK && turn.copy->is_damaged && !is_removal) {
        err =
            trail_set(trail, ERR_CONFLICT,
                      "the provider %s is damaged, as the server's log says: nothing of it can be "
                      "changed until its operator has restored it",
                      expected->name);
    }
    if (err) {
        drop(&turn);
        return err;
    }
    turn.copy->changed = now;
    *ret = turn;
    return ERR_OK;
}

err_t turn_begin(struct providers *providers, const struct provider *expected, int64_t now,
                 struct trail *trail, struct provider_turn *ret)
{
    return begin(providers, expected, false, now, trail, ret);
}

err_t turn_prepare(struct provider_turn *turn, struct trail *trail)
{
    struct providers *providers = turn->providers;
    struct provider *copy = turn->copy;
    err_t err = check_quotas(providers, copy, trail);

    err = err ? err
              : list_with(providers->list, span_str(copy->name), provider_ref(copy), &turn->list);
    return err;
}

err_t turn_save(struct provider_turn *turn, struct trail *trail)
{
    struct provider *copy = turn->copy;
    struct store_provider row = {
        .name = copy->name,
        .id = copy->id,
        .region = copy->region->name,
        .version = copy->version,
        .created = copy->created,
        .changed = copy->changed,
    };
    err_t err = provider_properties_write(turn->arena, copy, &row.properties);

    return err ? err
               : store_provider_put(turn->providers->options.store, &row, trail, &copy->version);
}

void turn_end(struct provider_turn *turn, err_t err, const char *event, struct provider **ret)
{
    if (err) {
        drop(turn);
        return;
    }
    show(turn->providers, turn->list);
    log_change(event, turn->copy);
    if (ret != NULL) {
        *ret = provider_ref(turn->copy);
    }
    give_turn(turn);
    provider_unref(turn->copy);
    arena_free(turn->arena);
}

/* ---- keys ---- */

/* Callers do not hear where on the server its keys lie: that is for its log. */
static err_t key_failed(const struct provider *provider, err_t err, struct trail *trail)
{
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX];
    struct log_line line;

    if (err == ERR_OK || err == ERR_MEMORY) {
        return err;
    }
    trail_format(trail, err, words, sizeof(words));
    log_begin(&line, LOG_ERROR, "provider.key.failed");
    log_text(&line, "name", provider->name);
    log_text(&line, "cause", words);
    log_end(&line);
    *trail = (struct trail){0};
    return ERR_INTERNAL;
}

/* What lies at the place of its keys goes, so that a provider of that name made later is another
 * one. */
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

/* Keys at its place are of one that was removed, by a server that stopped before they were: they
 * are never taken over. */
static err_t make_key(struct providers *providers, struct arena *arena, struct provider *fresh,
                      int64_t now, struct trail *trail)
{
    const struct folder folder = {.arena = arena, .path = providers->folder, .now = now};
    const char *place = provider_key_place(arena, fresh->name);
    const char *path =
        place == NULL ? NULL : arena_printf(arena, "%s/%s", providers->folder, place);

    if (path == NULL) {
        return ERR_MEMORY;
    }
    forget_keys(providers, arena, fresh);
    if (file_exists(path)) {
        return key_failed(fresh,
                          trail_in(trail,
                                   trail_set(trail, ERR_CONFLICT,
                                             "holds what is not of this provider: remove it"),
                                   path),
                          trail);
    }
    return key_failed(fresh, provider_open_signer(&folder, fresh, NULL, trail, &fresh->signer),
                      trail);
}

/* ---- changes ---- */

static bool is_served(const struct providers *providers, const struct region *region)
{
    for (size_t i = 0; i < providers->options.n_regions; i++) {
        if (providers->options.regions[i] == region) {
            return true;
        }
    }
    return false;
}

static err_t check_new(const struct providers *providers, const struct provider *fresh,
                       struct trail *trail)
{
    size_t at = 0;

    if (provider_list_find(providers->list, span_str(fresh->name), &at)) {
        return trail_set(trail, ERR_CONFLICT, "there is a provider named %s already", fresh->name);
    }
    return is_served(providers, fresh->region)
               ? ERR_OK
               : trail_set(trail, ERR_VALUE, "the region %s is not served here",
                           fresh->region->display);
}

static err_t add(struct provider_turn *turn, int64_t now, struct trail *trail)
{
    struct providers *providers = turn->providers;
    struct provider *fresh = turn->copy;
    err_t err = check_new(providers, fresh, trail);

    if (err) {
        return err;
    }
    fresh->uri =
        provider_uri(fresh->arena, &providers->options.address, fresh->name, fresh->region);
    fresh->created = fresh->changed = now;
    err = fresh->uri == NULL ? ERR_MEMORY : provider_set_defaults(fresh);
    err = err ? err : turn_prepare(turn, trail);
    if (err) {
        return err;
    }
    err = make_key(providers, turn->arena, fresh, now, trail);
    err = err ? err : turn_save(turn, trail);
    if (err) {
        forget_keys(providers, turn->arena, fresh);
    }
    return err;
}

err_t providers_add(struct providers *providers, struct provider *fresh, int64_t now,
                    struct trail *trail)
{
    struct provider_turn turn = {.providers = providers, .arena = arena_new(PROVIDERS_WORK_BYTES)};
    err_t err = turn.arena == NULL ? ERR_MEMORY
                                   : take_turn(providers, fresh->subscription, trail, &turn.place);

    if (err) {
        arena_free(turn.arena);
        return err;
    }
    turn.copy = provider_ref(fresh);
    err = add(&turn, now, trail);
    turn_end(&turn, err, "provider.added", NULL);
    return err;
}

err_t providers_change(struct providers *providers, const struct provider *expected,
                       provider_change *apply, void *data, int64_t now, struct trail *trail,
                       struct provider **ret)
{
    struct provider_turn turn;
    err_t err = turn_begin(providers, expected, now, trail, &turn);

    if (err) {
        return err;
    }
    err = apply(turn.copy, data, trail);
    err = err ? err : turn_prepare(&turn, trail);
    err = err ? err : turn_save(&turn, trail);
    turn_end(&turn, err, "provider.changed", ret);
    return err;
}

/* One that is published and does not sign yet would never do so: and who may rotate could fill the
 * list of keys in no time. */
static err_t refuse_second_key(const struct provider *provider, int64_t now, struct trail *trail)
{
    const char *next = NULL;

    if (signer_is_external(provider->signer)) {
        return trail_set(trail, ERR_CONFLICT,
                         "the key is held outside the server: its operator makes the next one "
                         "there, and names it in the folder of the provider's keys");
    }
    (void)signer_kid(provider->signer, now, &next);
    return next == NULL
               ? ERR_OK
               : trail_set(
                     trail, ERR_CONFLICT,
                     "a new key is published already and signs within %d seconds: wait for it",
                     SIGNER_AHEAD_S);
}

static err_t rotate(struct provider_turn *turn, int64_t now, struct trail *trail)
{
    struct provider *copy = turn->copy;
    const struct folder folder = {
        .arena = turn->arena, .path = turn->providers->folder, .now = now};
    const struct signer_options options = {
        .folder = &folder,
        .place = provider_key_place(turn->arena, copy->name),
        .issuer = copy->uri,
        .kind = copy->key_kind,
    };
    struct signer *signer = NULL;
    err_t err = options.place == NULL ? ERR_MEMORY : refuse_second_key(copy, now, trail);

    if (err) {
        return err;
    }
    err = signer_add_key(&options, trail);
    if (err == ERR_CONFLICT || err == ERR_TOO_MANY) {
        trail->where[0] = '\0';
        return err;
    }
    err = err ? err : signer_open(&options, trail, &signer);
    if (err) {
        return key_failed(copy, err, trail);
    }
    signer_free(copy->signer);
    copy->signer = signer;
    return ERR_OK;
}

err_t providers_rotate(struct providers *providers, const struct provider *expected, int64_t now,
                       struct trail *trail, struct provider **ret)
{
    struct provider_turn turn;
    err_t err = turn_begin(providers, expected, now, trail, &turn);

    if (err) {
        return err;
    }
    err = rotate(&turn, now, trail);
    err = err ? err : turn_prepare(&turn, trail);
    turn_end(&turn, err, "provider.key.added", ret);
    return err;
}

err_t providers_remove(struct providers *providers, const struct provider *expected,
                       struct trail *trail)
{
    struct provider_turn turn;
    err_t err = begin(providers, expected, true, 0, trail, &turn);

    if (err) {
        return err;
    }
    err = list_with(providers->list, span_str(turn.copy->name), NULL, &turn.list);
    err = err ? err : store_provider_remove(providers->options.store, turn.copy->name, trail);
    if (err == ERR_OK) {
        forget_keys(providers, turn.arena, turn.copy);
    }
    turn_end(&turn, err, "provider.removed", NULL);
    return err;
}
