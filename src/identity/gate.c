#include "identity/gate-internal.h"

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "crypto/secret.h"
#include "identity/files.h"

#include <stdlib.h>

/* ---- principals ---- */

/* Lost principals are not made anew without a word: every client would be locked out, and roles
 * would name nobody. */
static err_t open_principals(struct gate *gate, struct trail *trail, struct principals **ret)
{
    const char *keys = arena_printf(gate->arena, "%s/identity/keys", gate->folder), **names = NULL;
    struct principals *made = NULL;
    err_t err = files_principals(gate->arena, gate->folder, trail, ret);

    if (err != ERR_NOT_FOUND) {
        return err;
    }
    err = keys == NULL ? ERR_MEMORY : file_list(gate->arena, keys, trail, &names);
    if (err) {
        return err;
    }
    if (names[0] != NULL) {
        trail_set(trail, ERR_NOT_FOUND,
                  "is missing, but was here before: restore it from a backup; or, for a new tenant "
                  "without anybody in it, remove %s too",
                  keys);
        return trail_in(trail, ERR_NOT_FOUND, gate->principals_path);
    }
    err = principals_new(&made);
    err = err ? err : files_write_principals(gate->arena, gate->folder, made, trail);
    if (err) {
        principals_free(made);
        return err;
    }
    *ret = made;
    return ERR_OK;
}

static const char dev_name[] = "bootwarden-dev";

static const struct principal *find_dev(const struct principals *principals)
{
    for (size_t i = 0; i < principals_count(principals); i++) {
        if (strcmp(principals_at(principals, i)->name, dev_name) == 0) {
            return principals_at(principals, i);
        }
    }
    return NULL;
}

/* The principal of DIR/dev.env, made once; its secret again when it was lost. */
static err_t ensure_dev(struct gate *gate, struct principals **principals, struct trail *trail)
{
    const struct principal *known = find_dev(*principals);
    char secret[PRINCIPAL_SECRET_SIZE] = "";
    struct principals *more = NULL;
    struct principal dev;
    err_t err = files_dev_secret(gate->arena, gate->folder, trail, &gate->dev.secret);

    if (err || (known != NULL && gate->dev.secret[0] != '\0')) {
        return err;
    }
    if (known != NULL) {
        dev = *known;
        err = principal_renew(&dev, secret);
    } else {
        err = principal_new(dev_name, trail, &dev, secret);
    }
    err = err ? err : principals_with(*principals, &dev, trail, &more);
    if (err) {
        return err;
    }
    principals_free(*principals);
    *principals = more;
    err = files_write_principals(gate->arena, gate->folder, more, trail);
    err = err ? err : files_write_dev_secret(gate->arena, gate->folder, secret, trail);
    gate->dev.secret = arena_printf(gate->arena, "%s", secret);
    secret_wipe(span_of(secret, sizeof(secret)));
    return err ? err : gate->dev.secret == NULL ? ERR_MEMORY : ERR_OK;
}

static const char dev_user[] = "dev@bootwarden.test";

/* The person of DIR/dev.env, in the same way. */
static err_t ensure_dev_user(struct gate *gate, struct principals **principals, struct trail *trail)
{
    const struct user *known = principals_user_find(*principals, span_str(dev_user));
    char password[PRINCIPAL_SECRET_SIZE] = "";
    struct principals *more = NULL;
    struct user dev;
    err_t err = files_dev_password(gate->arena, gate->folder, trail, &gate->dev.password);

    if (err || (known != NULL && gate->dev.password[0] != '\0')) {
        return err;
    }
    if (known != NULL) {
        dev = *known;
    } else {
        err = user_new(dev_user, "Developer", trail, &dev);
    }
    err = err ? err : user_renew(&dev, password);
    err = err ? err : principals_with_user(*principals, &dev, trail, &more);
    if (err) {
        return err;
    }
    principals_free(*principals);
    *principals = more;
    err = files_write_principals(gate->arena, gate->folder, more, trail);
    err = err ? err : files_write_dev_password(gate->arena, gate->folder, password, trail);
    gate->dev.password = arena_printf(gate->arena, "%s", password);
    secret_wipe(span_of(password, sizeof(password)));
    return err ? err : gate->dev.password == NULL ? ERR_MEMORY : ERR_OK;
}

static err_t describe_dev(struct gate *gate, const struct principals *principals)
{
    const struct principal *dev = find_dev(principals);
    const struct user *user = principals_user_find(principals, span_str(dev_user));
    const char *scope =
        arena_printf(gate->arena, "/subscriptions/%s", principals_subscription(principals));
    const char *user_id = arena_printf(gate->arena, "%s", user->object_id);

    gate->dev.tenant = arena_printf(gate->arena, "%s", principals_tenant(principals));
    gate->dev.subscription = arena_printf(gate->arena, "%s", principals_subscription(principals));
    gate->dev.client_id = arena_printf(gate->arena, "%s", dev->client_id);
    gate->dev.object_id = arena_printf(gate->arena, "%s", dev->object_id);
    gate->dev.user = dev_user;
    gate->dev.user_object_id = user_id;
    if (scope == NULL || user_id == NULL || gate->dev.tenant == NULL ||
        gate->dev.subscription == NULL || gate->dev.client_id == NULL ||
        gate->dev.object_id == NULL) {
        return ERR_MEMORY;
    }
    gate->extra[gate->n_extra++] = (struct access_assignment){gate->dev.object_id, gate->dev.tenant,
                                                              ACCESS_ROLE_OWNER, scope, NULL};
    gate->extra[gate->n_extra++] =
        (struct access_assignment){user_id, gate->dev.tenant, ACCESS_ROLE_OWNER, scope, NULL};
    gate->is_dev = true;
    return ERR_OK;
}

static err_t open_provider(struct gate *gate, const struct gate_options *options,
                           struct trail *trail)
{
    CLEANUP(principals_free) struct principals *principals = NULL;
    struct token_key *keys[IDP_MAX_KEYS];
    struct idp_options provider = {.endpoint = options->endpoint,
                                   .keys = keys,
                                   .store = options->store,
                                   .elsewhere = options->elsewhere};
    err_t err = files_begin(gate->arena, gate->folder, trail);

    err = err ? err : open_principals(gate, trail, &principals);
    if (err == ERR_OK && options->is_dev) {
        err = ensure_dev(gate, &principals, trail);
        err = err ? err : ensure_dev_user(gate, &principals, trail);
        err = err ? err : describe_dev(gate, principals);
    }
    if (err == ERR_OK) {
        gate->subscription = arena_printf(gate->arena, "%s", principals_subscription(principals));
        err = gate->subscription == NULL ? ERR_MEMORY : ERR_OK;
    }
    gate->principals_stamp = files_stamp(gate->principals_path);
    err =
        err ? err
            : files_keys(gate->arena, gate->folder, timestamp_now(), trail, keys, &provider.n_keys);
    if (err) {
        return err;
    }
    provider.principals = principals;
    err = files_refresh_key(gate->arena, gate->folder, trail, &provider.refresh_key);
    err = err ? err : idp_new(&provider, &gate->provider);
    secret_wipe(provider.refresh_key);
    while (provider.n_keys > 0) {
        token_key_free(keys[--provider.n_keys]);
    }
    return err;
}

/* ---- life ---- */

static err_t add_owners(struct gate *gate, const struct gate_options *options, struct trail *trail)
{
    for (size_t i = 0; i < options->n_owners; i++) {
        const char *tenant = options->owners[i].tenant;

        if (tenant == NULL && gate->provider == NULL) {
            return trail_set(trail, ERR_VALUE,
                             "owner '%.60s' needs its tenant: TENANT/OBJECT-ID, since there is no "
                             "built-in identity provider",
                             options->owners[i].object_id);
        }
        tenant = tenant != NULL ? tenant : idp_tenant(gate->provider);
        if (gate->n_extra == GATE_MAX_EXTRA) {
            return trail_set(trail, ERR_TOO_MANY, "more than %d owners", GATE_MAX_OWNERS);
        }
        gate->extra[gate->n_extra++] = (struct access_assignment){
            arena_printf(gate->arena, "%s", options->owners[i].object_id),
            arena_printf(gate->arena, "%s", tenant), ACCESS_ROLE_OWNER, "/", NULL};
    }
    return ERR_OK;
}

static err_t open_issuers(struct gate *gate, const struct gate_options *options,
                          struct trail *trail)
{
    struct access_issuer own[IDP_ISSUERS] = {0};
    struct issuers_options issuers = {
        .fixed = own,
        .configs = options->issuers,
        .n_configs = options->n_issuers,
        .metrics = options->metrics,
    };
    err_t err = ERR_OK;

    if (gate->provider != NULL) {
        err = idp_issuers(gate->provider, own);
        issuers.n_fixed = IDP_ISSUERS;
    }
    err = err ? err : issuers_open(&issuers, trail, &gate->issuers);
    for (size_t i = 0; i < IDP_ISSUERS; i++) {
        access_keys_free(own[i].keys);
    }
    return err;
}

static err_t name_files(struct gate *gate, const struct gate_options *options)
{
    gate->folder = arena_printf(gate->arena, "%s", options->folder);
    gate->rules_path = arena_printf(gate->arena, "%s/access.json", options->folder);
    gate->assignments_path =
        arena_printf(gate->arena, "%s/identity/assignments.json", options->folder);
    gate->principals_path = files_principals_path(gate->arena, options->folder);
    /* Without a provider of our own the first configured issuer is where to sign in. */
    gate->authority = arena_printf(
        gate->arena, "%s", options->n_issuers > 0 ? options->issuers[0].url : options->endpoint);
    return gate->folder == NULL || gate->rules_path == NULL || gate->assignments_path == NULL ||
                   gate->principals_path == NULL || gate->authority == NULL
               ? ERR_MEMORY
               : ERR_OK;
}

err_t gate_open(const struct gate_options *options, struct trail *trail, struct gate **ret)
{
    CLEANUP(gate_close) struct gate *gate = calloc(1, sizeof(*gate));
    err_t err;

    if (gate == NULL) {
        return ERR_MEMORY;
    }
    gate->lock_fd = -1;
    pthread_mutex_init(&gate->change, NULL);
    pthread_mutex_init(&gate->lock, NULL);
    pthread_mutex_init(&gate->look, NULL);
    gate->arena = arena_new(GATE_ARENA_BYTES);
    if (gate->arena == NULL) {
        return ERR_MEMORY;
    }
    err = name_files(gate, options);
    if (err == ERR_OK && options->has_provider) {
        err = open_provider(gate, options, trail);
    }
    err = err ? err : add_owners(gate, options, trail);
    err = err ? err : gate_load_rules(gate, trail);
    err = err ? err : open_issuers(gate, options, trail);
    if (err) {
        return err;
    }
    *ret = TAKE(gate);
    return ERR_OK;
}

void gate_close(struct gate *gate)
{
    if (gate == NULL) {
        return;
    }
    issuers_close(gate->issuers);
    idp_free(gate->provider);
    access_rules_free(gate->configured);
    access_rules_free(gate->rules);
    assignments_free(gate->assignments);
    if (gate->dev.secret != NULL) {
        secret_wipe(span_str(gate->dev.secret));
    }
    if (gate->dev.password != NULL) {
        secret_wipe(span_str(gate->dev.password));
    }
    pthread_mutex_destroy(&gate->change);
    pthread_mutex_destroy(&gate->lock);
    pthread_mutex_destroy(&gate->look);
    arena_free(gate->arena);
    free(gate);
}

static void log_failure(err_t err, const struct trail *trail)
{
    struct log_line line;
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 64];

    trail_format(trail, err, words, sizeof(words));
    log_begin(&line, LOG_ERROR, "access.failed");
    log_text(&line, "cause", words);
    log_text(&line, "effect", "what was in force before stays");
    log_end(&line);
}

static err_t reload_principals(struct gate *gate, struct trail *trail)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(GATE_ARENA_BYTES);
    CLEANUP(principals_free) struct principals *principals = NULL;
    err_t err;

    gate->principals_stamp = files_stamp(gate->principals_path);
    err = arena == NULL ? ERR_MEMORY : files_principals(arena, gate->folder, trail, &principals);
    if (err) {
        trail_set(trail, err, "is missing");
        return err == ERR_NOT_FOUND ? trail_in(trail, err, gate->principals_path) : err;
    }
    if (strcmp(principals_tenant(principals), idp_tenant(gate->provider)) != 0) {
        trail_set(trail, ERR_CONFLICT, "is of another tenant: start the server again");
        return trail_in(trail, ERR_CONFLICT, gate->principals_path);
    }
    idp_set_principals(gate->provider, principals);
    return ERR_OK;
}

static void look_at_principals(struct gate *gate, bool is_forced)
{
    struct trail trail = {0};
    err_t err = ERR_OK;

    if (gate->provider == NULL) {
        return;
    }
    pthread_mutex_lock(&gate->look);
    if (is_forced || files_stamp(gate->principals_path) != gate->principals_stamp) {
        err = reload_principals(gate, &trail);
    }
    pthread_mutex_unlock(&gate->look);
    if (err) {
        log_failure(err, &trail);
    }
}

void gate_tick(struct gate *gate, bool is_forced)
{
    struct trail rules = {0};
    err_t err = ERR_OK;

    if (is_forced || gate_rules_changed(gate)) {
        err = gate_load_rules(gate, &rules);
        if (err) {
            log_failure(err, &rules);
        }
    }
    look_at_principals(gate, is_forced);
    issuers_tick(gate->issuers, is_forced);
}

void gate_look(struct gate *gate)
{
    look_at_principals(gate, false);
}

/* ---- the questions ---- */

struct idp *gate_idp(struct gate *gate)
{
    return gate->provider;
}

const char *gate_authority(const struct gate *gate)
{
    return gate->provider != NULL ? idp_authority(gate->provider) : gate->authority;
}

const struct gate_dev *gate_dev(const struct gate *gate)
{
    return gate->is_dev ? &gate->dev : NULL;
}

/* Is this one of the built-in provider? Others' principals come and go without our knowing. */
static bool is_ours(const struct gate *gate, const struct access_caller *caller)
{
    const char *own = gate->provider == NULL ? NULL : idp_authority(gate->provider);

    return own != NULL && caller->issuer != NULL &&
           strncmp(caller->issuer, own, strlen(own)) == 0 && caller->issuer[strlen(own)] == '/';
}

enum { ELSEWHERE_BYTES = 256 * 1024 };

static bool is_elsewhere(struct gate *gate, const struct access_caller *caller,
                         struct principal *ret)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(ELSEWHERE_BYTES);

    return arena != NULL &&
           idp_find_elsewhere(gate->provider, arena, span_str(caller->object_id), ret) &&
           text_equal_nocase(ret->client_id, caller->client_id);
}

/* A token of our own lives for an hour; who is removed or disabled is gone at once, and so is what
 * people let an application do that is removed. ret is filled for one that is kept elsewhere. */
static bool is_still_there(struct gate *gate, const struct access_caller *caller,
                           struct principal *ret)
{
    CLEANUP(principals_free) struct principals *principals = idp_principals(gate->provider);

    return (principals_has_object(principals, span_str(caller->object_id)) &&
            idp_is_client(principals, span_str(caller->client_id))) ||
           is_elsewhere(gate, caller, ret);
}

enum access_reason gate_caller(struct gate *gate, struct arena *arena, enum access_plane plane,
                               int64_t now, struct span bearer, struct access_caller *ret)
{
    CLEANUP(access_issuers_free) struct access_issuers *issuers = issuers_get(gate->issuers);
    struct principal elsewhere = {0};
    struct access_result result;

    access_token_check(arena, issuers, plane, now, bearer, &result);
    if (result.has_issuer && (result.reason == ACCESS_KEY || result.reason == ACCESS_NO_KEYS)) {
        issuers_wish(gate->issuers, result.issuer);
    }
    if (result.reason != ACCESS_OK) {
        return result.reason;
    }
    if (gate->provider != NULL && result.issuer < IDP_ISSUERS &&
        !is_still_there(gate, &result.caller, &elsewhere)) {
        return ACCESS_PRINCIPAL;
    }
    if (elsewhere.home[0] != '\0') {
        result.caller.home = arena_printf(arena, "%s", elsewhere.home);
        if (result.caller.home == NULL) {
            return ACCESS_FAULT;
        }
    }
    *ret = result.caller;
    return ACCESS_OK;
}

const char *gate_subscription(const struct gate *gate)
{
    return gate->subscription;
}

enum access_reason gate_may(struct gate *gate, const struct access_caller *caller,
                            const char *action, struct span scope)
{
    CLEANUP(access_rules_free) struct access_rules *rules = gate_rules(gate);
    struct principal elsewhere = {0};

    /* What was begun in somebody's name asks again while it goes on: a deployment, step by step. */
    if (is_ours(gate, caller) && !is_still_there(gate, caller, &elsewhere)) {
        return ACCESS_PRINCIPAL;
    }
    return access_decide(rules, caller, action, scope);
}

bool gate_knows_subscription(struct gate *gate, const struct access_caller *caller,
                             struct span subscription)
{
    CLEANUP(access_rules_free) struct access_rules *rules = gate_rules(gate);
    char scope[ACCESS_SCOPE_MAX_BYTES];

    if (subscription.len == 0 || subscription.len > ACCESS_ID_MAX ||
        memchr(subscription.data, '/', subscription.len)) {
        return false;
    }
    snprintf(scope, sizeof(scope), "/subscriptions/%.*s", (int)subscription.len,
             (const char *)subscription.data);
    return access_has_role_within(rules, caller, span_str(scope));
}
