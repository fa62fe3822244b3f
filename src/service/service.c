#include "service/internal.h"

#include "monitor/monitor.h"
#include "service/rollout.h"
#include "service/state.h"

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "service/folder.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN_ARENA_BYTES = 16 * 1024 * 1024 };

/* ---- trust ---- */

static err_t load_trust(struct service *service, struct trail *trail)
{
    struct trust *fresh = NULL, *old;
    uint64_t quick = trust_quick_stamp(service->trust_folder);
    struct log_line line;
    err_t err = trust_load(service->trust_folder, guest_ca_cert(service->guest_ca), trail, &fresh);

    if (err) {
        return err;
    }
    log_begin(&line, LOG_INFO, "trust.loaded");
    log_uint(&line, "ek", cert_store_count(fresh->ek));
    log_uint(&line, "ak", cert_store_count(fresh->ak));
    log_uint(&line, "db", fresh->db.n);
    log_uint(&line, "unreadable", fresh->n_unreadable);
    log_end(&line);
    pthread_mutex_lock(&service->lock);
    old = service->trust;
    service->trust = fresh;
    pthread_mutex_unlock(&service->lock);
    atomic_store(&service->trust_quick, quick);
    atomic_store(&service->trust_failed, 0);
    trust_free(old);
    return ERR_OK;
}

/* The trust there is stays when reading fails: no anchor appears or disappears by an accident. */
static void refresh_trust(struct service *service)
{
    struct trail trail = {0};
    err_t err = load_trust(service, &trail);

    if (err) {
        struct log_line line;

        char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 64];

        trail_format(&trail, err, words, sizeof(words));
        log_begin(&line, LOG_ERROR, "trust.failed");
        log_text(&line, "cause", words);
        log_text(&line, "effect", "what was trusted before stays, nothing new is taken");
        log_end(&line);
        /* Tried again when something changes there, on SIGHUP, and with each sweep. */
        atomic_store(&service->trust_quick, trust_quick_stamp(service->trust_folder));
        atomic_store(&service->trust_failed, trust_stamp(service->trust_folder));
    }
}

struct trust *service_trust(struct service *service)
{
    struct trust *trust;

    if (trust_quick_stamp(service->trust_folder) != atomic_load(&service->trust_quick)) {
        refresh_trust(service);
    }
    pthread_mutex_lock(&service->lock);
    trust = trust_ref(service->trust);
    pthread_mutex_unlock(&service->lock);
    return trust;
}

err_t service_reload(struct service *service, struct trail *trail)
{
    return load_trust(service, trail);
}

/* ---- opening and closing ---- */

err_t service_lock(const char *folder, struct trail *trail, int *ret_lock_fd)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(OPEN_ARENA_BYTES);

    return arena == NULL ? ERR_MEMORY : folder_open(arena, folder, trail, ret_lock_fd);
}

static void register_metrics(struct service *service, struct metrics *metrics)
{
    static const char *const verdict[] = {"verdict", NULL}, *const reason[] = {"reason", NULL};
    static const char *const result[] = {"result", NULL}, *const freshness[] = {"freshness", NULL};
    static const char *const state[] = {"state", NULL};

    if (metrics == NULL) {
        return;
    }
    service->verdicts = metrics_counter(metrics, "bootwarden_attestations",
                                        "Appraised attestation requests by verdict.", verdict);
    service->reasons = metrics_counter(metrics, "bootwarden_attestation_reasons",
                                       "Reasons given in appraisals.", reason);
    service->freshness = metrics_counter(
        metrics, "bootwarden_attestation_freshness",
        "Appraised attestation requests by what shows that they are no copies.", freshness);
    service->joins = metrics_counter(metrics, "bootwarden_guest_activations",
                                     "Finished activations of attestation keys.", result);
    service->dropped =
        metrics_counter(metrics, "bootwarden_records_dropped",
                        "Records of unproven evidence dropped because the queue was full.", NULL);
    service->damaged =
        metrics_gauge(metrics, "bootwarden_providers_damaged",
                      "Providers and policies that are damaged and answer 503.", NULL);
    service->states =
        metrics_gauge(metrics, "bootwarden_machines", "Machines by their state.", state);
}

static char *join(const char *folder, const char *name)
{
    char *path = NULL;

    return asprintf(&path, "%s%s", folder, name) < 0 ? NULL : path;
}

static err_t open_keys(struct service *service, const struct folder *folder,
                       const struct service_options *options, struct trail *trail)
{
    const char *secret_path = folder_in(folder, "secret.key");
    const struct signer_options signing = {
        .folder = folder,
        .place = "signing",
        .issuer = options->issuer,
        .kind = options->signing,
    };
    err_t err = secret_path == NULL ? ERR_MEMORY
                                    : folder_secret(folder, secret_path, trail, service->secret,
                                                    sizeof(service->secret));

    err = err ? err : signer_open(&signing, trail, &service->signer);
    err = err ? err : guest_ca_open(folder, trail, &service->guest_ca);
    if (err == ERR_OK && folder->makes_tls) {
        err = folder_tls(folder, options->tls_names, options->n_tls_names, trail);
    }
    return err;
}

/* SQLite's files hold who attested when. */
static err_t check_data(const struct folder *folder, struct trail *trail)
{
    static const char *const names[] = {"data.sqlite", "data.sqlite-wal", "data.sqlite-shm"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *path = folder_in(folder, names[i]);
        err_t err = path == NULL        ? ERR_MEMORY
                    : file_exists(path) ? file_check_closed(path, trail)
                                        : ERR_OK;

        if (err) {
            return err;
        }
    }
    return ERR_OK;
}

/* The store's words say what it is; these, which file and what helps. */
static err_t explain_store(const char *path, err_t err, const struct trail *inner,
                           struct trail *trail)
{
    static const struct {
        const char *words, *remedy;
    } remedies[] = {
        {"locked", "; end that program (fuser names it), then start again"},
        {"disk is full", "; make room there, then start again"},
        {"disk failed", "; look at the system's log, and restore the file from a backup"},
        {"is no database", "; restore it from a backup"},
        {"another program", "; name another folder, or move the file away"},
    };
    const char *remedy = "";

    for (size_t i = 0; i < ARRAY_LEN(remedies) && remedy[0] == '\0'; i++) {
        remedy = strstr(inner->what, remedies[i].words) != NULL ? remedies[i].remedy : "";
    }
    if (err == ERR_MEMORY || inner->what[0] == '\0') {
        return err;
    }
    trail_set(trail, err, "%s%s", inner->what, remedy);
    return trail_in(trail, err, inner->where[0] != '\0' ? inner->where : path);
}

static void log_held_sweep(void)
{
    struct log_line line;

    log_begin(&line, LOG_WARN, "store.sweep.held");
    log_text(
        &line, "cause",
        "the newest records are far older than the clock says: is the clock right? Old records "
        "stay until the server has run for a day");
    log_end(&line);
}

static err_t open_store(struct service *service, const struct folder *folder, struct trail *trail)
{
    struct store_options data = {.path = service->data_path, .now = folder->now};
    struct trail inner = {0};
    struct stat st;
    err_t err = check_data(folder, trail);

    if (err) {
        return err;
    }
    err = store_open(&data, &inner, &service->store);
    if (err) {
        return explain_store(data.path, err, &inner, trail);
    }
    if (stat(data.path, &st) != 0) {
        trail_set(trail, ERR_IO, "was removed while the server started");
        return trail_in(trail, ERR_IO, data.path);
    }
    service->data_device = st.st_dev;
    service->data_inode = st.st_ino;
    service->is_sweep_held = store_is_sweep_held(service->store);
    if (service->is_sweep_held) {
        log_held_sweep();
    }
    return ERR_OK;
}

static err_t open_providers(struct service *service, const struct folder *folder,
                            const struct service_options *options, struct trail *trail)
{
    struct providers_options providers = {
        .folder = service->folder,
        .store = service->store,
        .address = {.endpoint = service->issuer, .suffix = options->suffix},
        .n_regions = options->n_regions,
        .key_kind = options->signing,
        .home_signer = service->signer,
        .workers = &service->workers,
    };

    for (size_t i = 0; i < options->n_regions; i++) {
        providers.regions[i] = options->regions[i];
    }
    if (options->n_regions == 0) {
        providers.regions[providers.n_regions++] = region_find(span_str(SERVICE_HOME_REGION));
    }
    return providers_open(&providers, folder, trail, &service->providers);
}

err_t service_open(const struct service_options *options, struct trail *trail, struct service **ret)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(OPEN_ARENA_BYTES);
    CLEANUP(service_close) struct service *service = NULL;
    struct folder folder = {
        .arena = arena,
        .path = options->folder,
        .now = options->now,
        .makes_tls = options->tls_names != NULL,
    };
    err_t err;

    if (arena == NULL) {
        return ERR_MEMORY;
    }
    service = calloc(1, sizeof(*service));
    if (service == NULL) {
        return ERR_MEMORY;
    }
    service->lock_fd = -1;
    pthread_mutex_init(&service->lock, NULL);
    service->folder = strdup(options->folder);
    service->issuer = strdup(options->issuer);
    service->trust_folder = join(options->folder, "/trust");
    service->data_path = join(options->folder, "/data.sqlite");
    if (service->folder == NULL || service->issuer == NULL || service->trust_folder == NULL ||
        service->data_path == NULL) {
        return ERR_MEMORY;
    }
    err = folder_begin(&folder, trail);
    err = err ? err : open_keys(service, &folder, options, trail);
    err = err ? err : trust_check(service->trust_folder, trail);
    err = err ? err : load_trust(service, trail);
    err = err ? err : open_store(service, &folder, trail);
    err = err ? err : open_providers(service, &folder, options, trail);
    err = err ? err : folder_finish(&folder, trail);
    if (err) {
        return err;
    }
    register_metrics(service, options->metrics);
    packages_sweep(service);
    atomic_store(&service->next_sweep, options->now + SERVICE_SWEEP_EVERY_S);
    service->is_join_open = options->is_join_open;
    service->period_s = options->period_s > 0 ? options->period_s : MONITOR_PERIOD_S;
    service->is_issuer_public = options->is_issuer_public;
    atomic_store(&service->listening_since, options->now);
    atomic_store(&service->last_tick, options->now);
    service->lock_fd = options->lock_fd;
    service->knowledge = knowledge_ref(options->knowledge);
    *ret = TAKE(service);
    return ERR_OK;
}

void service_close(struct service *service)
{
    if (service == NULL) {
        return;
    }
    providers_close(service->providers);
    store_close(service->store);
    signer_free(service->signer);
    guest_ca_free(service->guest_ca);
    trust_free(service->trust);
    knowledge_free(service->knowledge);
    explicit_bzero(service->secret, sizeof(service->secret));
    if (service->lock_fd >= 0) {
        close(service->lock_fd);
    }
    pthread_mutex_destroy(&service->lock);
    free(service->trust_folder);
    free(service->data_path);
    free(service->folder);
    free(service->issuer);
    free(service->subscription);
    free(service);
}

struct knowledge *service_knowledge(struct service *service)
{
    struct knowledge *knowledge;

    pthread_mutex_lock(&service->lock);
    knowledge = knowledge_ref(service->knowledge);
    pthread_mutex_unlock(&service->lock);
    return knowledge;
}

err_t service_set_subscription(struct service *service, const char *subscription)
{
    service->subscription = subscription == NULL ? NULL : strdup(subscription);
    return subscription != NULL && service->subscription == NULL ? ERR_MEMORY : ERR_OK;
}

void service_set_knowledge(struct service *service, struct knowledge *knowledge)
{
    struct knowledge *before;

    pthread_mutex_lock(&service->lock);
    before = service->knowledge;
    service->knowledge = knowledge_ref(knowledge);
    pthread_mutex_unlock(&service->lock);
    knowledge_free(before);
}

static void log_store(const char *words)
{
    struct log_line line;

    log_begin(&line, LOG_ERROR, "store.failed");
    log_text(&line, "cause", words);
    log_end(&line);
}

/* What is written into a file without a name is gone with this process. */
static err_t check_data_file(const struct service *service, struct trail *trail)
{
    struct stat st;

    if (stat(service->data_path, &st) != 0) {
        return trail_set(
            trail, ERR_STORE,
            "data.sqlite was removed or cannot be reached (%s): what is recorded now is "
            "lost; end the server, restore the file from a backup, start again",
            strerror(errno));
    }
    if (st.st_dev != service->data_device || st.st_ino != service->data_inode) {
        return trail_set(trail, ERR_STORE,
                         "data.sqlite was replaced by another file: what is recorded now is lost; "
                         "start the server again");
    }
    return ERR_OK;
}

static void sweep(struct service *service, int64_t now)
{
    struct trail trail = {0};
    bool was_held = service->is_sweep_held;

    if (check_data_file(service, &trail) != ERR_OK ||
        store_sweep(service->store, now, &trail) != ERR_OK) {
        log_store(trail.what);
    }
    service->is_sweep_held = store_is_sweep_held(service->store);
    if (service->is_sweep_held && !was_held) {
        log_held_sweep();
    }
}

void service_tick(struct service *service, int64_t now)
{
    struct trust *trust = service_trust(service);
    uint64_t stamp = trust_stamp(service->trust_folder);
    bool is_stale = stamp != trust->stamp;
    int64_t next = atomic_load(&service->next_sweep);
    bool is_due = now >= next || next - now > SERVICE_SWEEP_EVERY_S; /* the clock was set back */

    trust_free(trust);
    metric_set(service->damaged, NULL, providers_count_damaged(service->providers));
    if (is_stale && (is_due || stamp != atomic_load(&service->trust_failed))) {
        refresh_trust(service);
    }
    if (is_due) {
        atomic_store(&service->next_sweep, now + SERVICE_SWEEP_EVERY_S);
        sweep(service, now);
    }
    state_tick(service, now);
    rollout_tick(service, now);
}

struct store *service_store(struct service *service)
{
    return service->store;
}

err_t service_check(struct service *service, int64_t now, struct trail *trail)
{
    err_t err = check_data_file(service, trail);

    err = err ? err : store_check(service->store, trail);
    return err ? err : providers_check(service->providers, now, trail);
}

/* ---- providers ---- */

struct provider *service_provider(struct service *service, struct span name)
{
    return providers_find(service->providers, name);
}

struct provider *service_provider_at(struct service *service, struct span host)
{
    return providers_at_host(service->providers, host);
}

/* ---- what relying parties read ---- */

void service_jwks(struct service *service, const struct provider *provider,
                  const struct service_call *call, struct service_answer *ret)
{
    (void)service;
    ret->status = 200;
    ret->body = arena_dup(call->arena, signer_jwks(provider->signer));
    if (ret->body.data == NULL) {
        answer_error(call, ret, ERR_MEMORY, NULL);
    }
}

static void add_list(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name,
                     const char *const *items)
{
    yyjson_mut_val *list = json_add_array(doc, object, name);

    for (; *items != NULL; items++) {
        yyjson_mut_arr_add_strcpy(doc, list, *items);
    }
}

void service_openid(struct service *service, const struct provider *provider,
                    const struct service_call *call, struct service_answer *ret)
{
    static const char *const response_types[] = {"token", "none", NULL};
    static const char *const claims[] = {"iss",
                                         "iat",
                                         "nbf",
                                         "exp",
                                         "jti",
                                         "secureboot",
                                         "x-ms-attestation-type",
                                         "x-ms-azurevm-attested-pcrs",
                                         "x-ms-azurevm-vmid",
                                         "x-ms-policy-hash",
                                         "x-ms-runtime",
                                         "x-ms-ver",
                                         NULL};
    const char *const algorithms[] = {signer_algorithm(provider->signer), NULL};
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);

    (void)service;
    if (root == NULL) {
        answer_error(call, ret, ERR_MEMORY, NULL);
        return;
    }
    json_add_text(doc, root, "issuer", provider->uri);
    json_add_text(doc, root, "jwks_uri", arena_printf(call->arena, "%s/certs", provider->uri));
    add_list(doc, root, "response_types_supported", response_types);
    add_list(doc, root, "id_token_signing_alg_values_supported", algorithms);
    json_add_text(doc, root, "revocation_endpoint",
                  arena_printf(call->arena, "%s/revoke", provider->uri));
    add_list(doc, root, "claims_supported", claims);
    answer_json(call, ret, doc, root);
}
