/*
 * bootwarden-server: the attestation service. Standard output gets one line, "ready URL";
 * everything else is log lines on standard error.
 */
#include "api/api.h"
#include "base/file.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/notify.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "crypto/signkey.h"
#include "deploy/deploy.h"
#include "identity/gate.h"
#include "kinds/kinds.h"
#include "kinds/service-tags.h"
#include "kinds/vm-identity.h"
#include "server/authorities.h"
#include "server/knowledge.h"
#include "server/machine.h"
#include "server/options.h"
#include "server/place.h"
#include "server/principal.h"
#include "server/user.h"
#include "server/vm-principals.h"
#include "service/audit.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ARENA_BYTES = 4 * 1024 * 1024,
    GRACE_MS = 10 * 1000,
    TICK_S = 1,
    CONTROL_TICK_S = 60,
};

struct run {
    struct arena *arena;
    struct server_options options;
    const char *folder; /* absolute */
    int lock_fd;
    struct place place;
    struct metrics *metrics;
    struct knowledge *knowledge;
    struct service *service;
    struct gate *gate;
    struct service_tags_source *service_tags;
    struct control *control;
    int64_t next_control_tick;
    struct audit *audit;
    struct api *api;
    struct http_server *server;
};

/* ---- files for scripts ---- */

/* Fit for `. DIR/dev.env`: in single quotes where sh needs them. */
static void add_variable(struct buf *out, const char *name, const char *value)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/:.,@%+_-";

    if (value[strspn(value, plain)] == '\0') {
        buf_addf(out, "%s=%s\n", name, value);
        return;
    }
    buf_addf(out, "%s='", name);
    for (const char *c = value; *c != '\0'; c++) {
        if (*c == '\'') {
            buf_add_str(out, "'\\''");
        } else {
            buf_add_char(out, *c);
        }
    }
    buf_add_str(out, "'\n");
}

static err_t write_environment(struct run *run, struct trail *trail)
{
    CLEANUP(buf_done) struct buf text = {0};
    const struct gate_dev *dev = gate_dev(run->gate);
    const char *path = arena_printf(run->arena, "%s/dev.env", run->folder);
    const char *ca = arena_printf(run->arena, "%s/tls/ca.pem", run->folder);
    err_t err;

    if (path == NULL || ca == NULL) {
        return ERR_MEMORY;
    }
    buf_init_secret(&text, ARENA_BYTES);
    add_variable(&text, "BOOTWARDEN_ENDPOINT", run->place.endpoint);
    add_variable(&text, "BOOTWARDEN_CA", ca);
    if (dev != NULL) {
        add_variable(&text, "BOOTWARDEN_TENANT", dev->tenant);
        add_variable(&text, "BOOTWARDEN_SUBSCRIPTION", dev->subscription);
        add_variable(&text, "BOOTWARDEN_CLIENT_ID", dev->client_id);
        add_variable(&text, "BOOTWARDEN_CLIENT_SECRET", dev->secret);
        add_variable(&text, "BOOTWARDEN_USER", dev->user);
        add_variable(&text, "BOOTWARDEN_PASSWORD", dev->password);
    }
    err = buf_err(&text);
    return err ? err : file_write(path, buf_span(&text), 0600, trail);
}

/* ---- life ---- */

/* Before the folder is made: without it nothing can be judged. */
static int load_knowledge(struct run *run)
{
    struct trail trail = {0};
    err_t err = server_knowledge_load(&run->options, &trail, &run->knowledge);

    return err ? server_fail(err, &trail) : SERVER_DONE;
}

/* For keys of DIR/signing that are held elsewhere. */
static int load_openssl(struct run *run)
{
    struct trail trail = {0};
    err_t err = ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < run->options.n_openssl_providers; i++) {
        err = crypto_use_provider(run->options.openssl_providers[i], &trail);
    }
    return err ? server_fail(err, &trail) : SERVER_DONE;
}

static int open_folder(struct run *run)
{
    struct trail trail = {0};
    err_t err = service_lock(run->options.data, &trail, &run->lock_fd);
    char *absolute;

    if (err) {
        return server_fail(err, &trail);
    }
    absolute = realpath(run->options.data, NULL);
    run->folder =
        absolute == NULL ? NULL : (const char *)arena_dup(run->arena, span_str(absolute)).data;
    free(absolute);
    err = run->folder == NULL
              ? ERR_MEMORY
              : place_choose_port(run->arena, &run->options, run->folder, &trail, &run->place);
    err = err ? err : place_choose_names(run->arena, &run->options, &run->place);
    return err ? server_fail(err, &trail) : SERVER_DONE;
}

static int open_service(struct run *run)
{
    const struct service_options options = {
        .folder = run->folder,
        .issuer = run->place.endpoint,
        .signing = run->options.signing,
        .suffix = run->options.host_suffix,
        .regions = run->options.regions,
        .n_regions = run->options.n_regions,
        .tls_names = run->options.tls_certificate == NULL ? run->place.names : NULL,
        .n_tls_names = run->place.n_names,
        .now = timestamp_now(),
        .metrics = run->metrics,
        .n_workers = run->options.workers,
        .is_issuer_public = run->options.endpoint != NULL,
        .is_join_open = run->options.join == SERVER_JOIN_OPEN ||
                        (run->options.join == SERVER_JOIN_DEFAULT && run->options.is_dev),
        .period_s = run->options.period_minutes * 60,
        .lock_fd = run->lock_fd,
        .knowledge = run->knowledge,
    };
    struct trail trail = {0};
    err_t err = service_open(&options, &trail, &run->service);

    if (err) {
        return server_fail(err, &trail);
    }
    run->lock_fd = -1;
    return SERVER_DONE;
}

static int open_access(struct run *run)
{
    const struct access_options *o = &run->options.access;
    const struct gate_options options = {
        .folder = run->folder,
        .endpoint = run->place.endpoint,
        .has_provider = !o->has_no_provider,
        .is_dev = run->options.is_dev,
        .issuers = o->issuers,
        .n_issuers = o->n_issuers,
        .owners = o->owners,
        .n_owners = o->n_owners,
        .metrics = run->metrics,
        .store = service_store(run->service),
        .elsewhere = vm_principals(service_store(run->service)),
    };
    const char *log = arena_printf(run->arena, "%s/audit.log", run->folder);
    struct trail trail = {0};
    err_t err = log == NULL ? ERR_MEMORY : audit_open(log, run->metrics, &trail, &run->audit);

    err = err ? err : gate_open(&options, &trail, &run->gate);
    err = err ? err
              : service_set_subscription(run->service, run->options.subscription != NULL
                                                           ? run->options.subscription
                                                           : gate_subscription(run->gate));
    if (err == ERR_OK && run->options.is_dev) {
        err = write_environment(run, &trail);
    }
    return err ? server_fail(err, &trail) : SERVER_DONE;
}

static int open_service_tags(struct run *run)
{
    const struct service_tags_options options = {
        .folder = run->folder,
        .store = service_store(run->service),
        .endpoint = run->place.endpoint,
        .suffix = run->options.host_suffix,
        .addresses = run->options.attest_addresses,
        .n_addresses = run->options.n_attest_addresses,
    };
    struct trail trail = {0};
    err_t err = service_tags_open(&options, &trail, &run->service_tags);

    return err ? server_fail(err, &trail) : SERVER_DONE;
}

/* What cannot be swept now stays for the next start: it gives nobody anything. */
static void sweep_identities(struct run *run)
{
    struct log_line line;
    struct trail trail = {0};
    err_t err = vm_identities_sweep(service_store(run->service), &trail);

    if (err) {
        log_begin(&line, LOG_WARN, "identities.sweep");
        log_text(&line, "cause", trail.what[0] != '\0' ? trail.what : err_text(err));
        log_end(&line);
    }
}

static int open_control(struct run *run)
{
    struct control_options options = {
        .store = service_store(run->service),
        .service = run->service,
        .endpoint = run->place.endpoint,
        .tenant = gate_idp(run->gate) != NULL ? idp_tenant(gate_idp(run->gate)) : NULL,
        .subscription = run->options.subscription != NULL ? run->options.subscription
                                                          : gate_subscription(run->gate),
        .may = api_may,
        .may_any = api_may_any,
        .subscriptions = api_subscriptions,
        .forget_scope = api_forget_scope,
        .may_context = run->gate,
        .audit = api_audit,
        .audit_context = run->audit,
        .kinds = kinds_all,
        .more_kinds = api_role_kinds,
        .row_tables = kinds_rows,
        .service_tags = run->service_tags,
    };
    struct trail trail = {0};
    err_t err = server_authorities(run->arena, &run->options, &options.authorities);

    err = err ? err : control_open(&options, &trail, &run->control);
    if (err) {
        return server_fail(err, &trail);
    }
    sweep_identities(run);
    deploy_tick(run->control, timestamp_now());
    return SERVER_DONE;
}

/* What helps against an address that cannot be served on. */
static void explain_address(const struct run *run, err_t err, struct trail *trail)
{
    const char *how = run->options.is_dev ? "with --listen" : "as listen in the configuration";
    struct trail more = {0};

    if (err == ERR_CONFLICT) {
        trail_set(&more, err, "%s; choose another %s", trail->what, how);
    } else if (err == ERR_IO && strstr(trail->what, strerror(EADDRNOTAVAIL)) != NULL) {
        trail_set(&more, err,
                  "%s; this machine has no such address (ip address shows those it has): "
                  "give another %s",
                  trail->what, how);
    } else if (err == ERR_IO && strstr(trail->what, strerror(EACCES)) != NULL) {
        trail_set(&more, err,
                  "%s; ports below 1024 need CAP_NET_BIND_SERVICE: run with it, or give "
                  "another %s",
                  trail->what, how);
    } else {
        return;
    }
    trail_in(&more, err, trail->where);
    *trail = more;
}

static int start_server(struct run *run)
{
    const struct server_options *o = &run->options;
    struct http_options options = {
        .n_listen = o->n_listen,
        .n_workers = o->workers,
        .certificate_file = o->tls_certificate != NULL
                                ? o->tls_certificate
                                : arena_printf(run->arena, "%s/tls/server.pem", run->folder),
        .key_file = o->tls_key != NULL ? o->tls_key
                                       : arena_printf(run->arena, "%s/tls/server.key", run->folder),
        /* Four fields, as Azure's; the version whose behaviour this one has. */
        .service_version = "1.10.0.0",
    };
    struct trail trail = {0};
    err_t err;

    run->api = api_new(run->service, run->metrics);
    if (run->api == NULL || options.certificate_file == NULL || options.key_file == NULL) {
        return server_fail(ERR_MEMORY, NULL);
    }
    memcpy(options.listen, o->listen, sizeof(options.listen));
    api_set_access(run->api, run->gate, run->audit);
    api_set_control(run->api, run->control);
    api_install(run->api, &options);
    err = http_server_start(&options, &trail, &run->server);
    if (err) {
        bool is_file = strcmp(trail.where, options.certificate_file) == 0 ||
                       strcmp(trail.where, options.key_file) == 0;

        if (!is_file) {
            explain_address(run, err, &trail);
        }
        return is_file || err == ERR_MEMORY ? server_fail(err, &trail)
                                            : server_fail_with(SERVER_ADDRESS, err, &trail);
    }
    api_set_server(run->api, run->server);
    return SERVER_DONE;
}

static void log_ready(const struct run *run)
{
    struct log_line line;

    log_begin(&line, LOG_INFO, "server.ready");
    log_text(&line, "endpoint", run->place.endpoint);
    log_text(&line, "data", run->folder);
    log_uint(&line, "workers", run->options.workers);
    log_text(&line, "version", BOOTWARDEN_VERSION);
    log_end(&line);
    /* Whoever started the server may have gone: that is no reason not to serve. */
    if (printf("ready %s\n", run->place.endpoint) < 0 || fflush(stdout) != 0) {
        log_begin(&line, LOG_WARN, "server.ready.unread");
        log_text(&line, "cause", "standard output does not take the ready line");
        log_end(&line);
    }
    notify("READY=1\nSTATUS=Serving %s", run->place.endpoint);
}

static void log_reload(const char *what, err_t err, const struct trail *trail)
{
    struct log_line line;
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 48];

    log_begin(&line, err ? LOG_ERROR : LOG_INFO, "server.reload");
    log_text(&line, "what", what);
    if (err) {
        trail_format(trail, err, words, sizeof(words));
        log_text(&line, "cause", words);
    }
    log_end(&line);
}

/* What cannot be read changes nothing: better known for certain than new and in part. */
static err_t reload_knowledge(struct run *run, struct trail *trail)
{
    struct knowledge *knowledge = NULL;
    err_t err = server_knowledge_load(&run->options, trail, &knowledge);

    if (err) {
        return err;
    }
    knowledge_free(run->knowledge);
    run->knowledge = knowledge;
    service_set_knowledge(run->service, knowledge);
    return ERR_OK;
}

static void reload(struct run *run)
{
    struct trail tls = {0}, trust = {0}, reference = {0}, audit = {0};

    notify("RELOADING=1");
    log_reload("tls", http_server_reload_tls(run->server, &tls), &tls);
    log_reload("trust", service_reload(run->service, &trust), &trust);
    log_reload("reference", reload_knowledge(run, &reference), &reference);
    log_reload("audit", audit_reopen(run->audit, &audit), &audit);
    gate_tick(run->gate, true); /* which logs for itself */
    notify("READY=1");
}

static void serve(struct run *run, const sigset_t *signals)
{
    const struct timespec tick = {.tv_sec = TICK_S};

    for (;;) {
        int signal = sigtimedwait(signals, NULL, &tick);
        struct log_line line;

        if (signal == SIGHUP) {
            reload(run);
        } else if (signal == SIGTERM || signal == SIGINT) {
            log_begin(&line, LOG_INFO, "server.stopping");
            log_text(&line, "signal", signal == SIGTERM ? "TERM" : "INT");
            log_end(&line);
            notify("STOPPING=1");
            return;
        }
        service_tick(run->service, timestamp_now());
        gate_tick(run->gate, false);
        service_tags_tick(run->service_tags, timestamp_now());
        if (timestamp_now() >= run->next_control_tick) {
            control_tick(run->control, timestamp_now());
            deploy_tick(run->control, timestamp_now());
            run->next_control_tick = timestamp_now() + CONTROL_TICK_S;
        }
    }
}

static void block_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int run_server(struct run *run)
{
    struct log_line line;
    sigset_t signals;
    int code;

    block_signals(&signals);
    code = load_knowledge(run);
    code = code != SERVER_DONE ? code : load_openssl(run);
    code = code != SERVER_DONE ? code : open_folder(run);
    code = code != SERVER_DONE ? code : open_service(run);
    code = code != SERVER_DONE ? code : open_access(run);
    code = code != SERVER_DONE ? code : open_service_tags(run);
    code = code != SERVER_DONE ? code : open_control(run);
    code = code != SERVER_DONE ? code : start_server(run);
    if (code != SERVER_DONE) {
        return code;
    }
    log_ready(run);
    serve(run, &signals);
    http_server_stop(run->server, GRACE_MS);
    log_begin(&line, LOG_INFO, "server.stopped");
    log_end(&line);
    return SERVER_DONE;
}

int main(int argc, char **argv)
{
    const struct rlimit no_core = {0, 0};
    struct run run = {.lock_fd = -1};
    int code = SERVER_FAILED;

    umask(077);
    if (argc > 1 && strcmp(argv[1], "machine") == 0) {
        return machine_command(argc - 1, argv + 1);
    }
    if (argc > 1 && strcmp(argv[1], "principal") == 0) {
        return principal_command(argc - 1, argv + 1);
    }
    if (argc > 1 && strcmp(argv[1], "user") == 0) {
        return user_command(argc - 1, argv + 1);
    }
    /* A core file would hold the keys (S-8). */
    setrlimit(RLIMIT_CORE, &no_core);
    run.arena = arena_new(ARENA_BYTES);
    run.metrics = metrics_new();
    if (run.arena == NULL || run.metrics == NULL || crypto_init() != ERR_OK) {
        fputs("bootwarden-server: cannot start: out of memory, or libcrypto fails\n", stderr);
    } else if (server_options_read(run.arena, argc, argv, &run.options, &code)) {
        code = run_server(&run);
    }
    http_server_free(run.server);
    api_free(run.api);
    control_close(run.control);
    service_tags_close(run.service_tags);
    gate_close(run.gate);
    audit_close(run.audit);
    service_close(run.service);
    crypto_drop_providers();
    knowledge_free(run.knowledge);
    if (run.lock_fd >= 0) {
        close(run.lock_fd);
    }
    metrics_free(run.metrics);
    arena_free(run.arena);
    return code;
}
