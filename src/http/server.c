#include "http/worker.h"

#include "base/timestamp.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* ---- workers ---- */

static void on_sweep(evutil_socket_t fd, short what, void *context)
{
    struct worker *worker = context;
    struct http_server *server = worker->server;
    uint64_t now = timestamp_ticks_us();
    struct connection *next;

    (void)fd;
    (void)what;
    worker->is_draining = atomic_load(&server->is_stopping);
    for (struct connection *c = worker->connections; c != NULL; c = next) {
        next = c->next;
        connection_sweep(c, now);
    }
    if (worker->is_draining &&
        (worker->connections == NULL || now >= atomic_load(&server->stop_deadline_us))) {
        event_base_loopbreak(worker->base);
    }
}

/* Connections were given to this worker, or the end has come. */
static void on_wake(evutil_socket_t fd, short what, void *context)
{
    struct worker *worker = context;
    struct arrival *arrival, *next;
    uint64_t count;

    (void)!read(fd, &count, sizeof(count));
    for (arrival = acceptor_take(worker); arrival != NULL; arrival = next) {
        next = arrival->next;
        connection_accept(worker, arrival->fd, (struct sockaddr *)&arrival->address,
                          arrival->roles);
        free(arrival);
    }
    if (atomic_load(&worker->server->is_stopping)) {
        on_sweep(fd, what, context);
    }
}

static void report_start(struct http_server *server, bool is_good)
{
    pthread_mutex_lock(&server->lock);
    server->n_reported++;
    server->n_failed += !is_good;
    pthread_cond_signal(&server->reported);
    pthread_mutex_unlock(&server->lock);
}

static void *run_worker(void *context)
{
    struct worker *worker = context;
    const struct http_options *options = &worker->server->options;
    bool is_good = true;

    if (options->worker_new != NULL) {
        worker->user = options->worker_new(options->context, worker->index);
        is_good = worker->user != NULL;
    }
    report_start(worker->server, is_good);
    if (is_good) {
        event_base_dispatch(worker->base);
    }
    worker->is_draining = true;
    while (worker->connections != NULL) {
        connection_free(worker->connections);
    }
    /* Callbacks that were put off hold references to what was just freed: let them run out. A sweep
     * among them would break the loop before it is through. */
    event_del(worker->sweep);
    event_del(worker->wake);
    event_base_loop(worker->base, EVLOOP_NONBLOCK);
    if (options->worker_free != NULL && worker->user != NULL) {
        options->worker_free(worker->user);
        worker->user = NULL;
    }
    return NULL;
}

static err_t prepare_worker(struct http_server *server, unsigned index)
{
    struct worker *worker = &server->workers[index];
    unsigned ms = server->options.limits.sweep_ms;
    struct timeval every = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
    struct event_config *config = event_config_new();

    worker->server = server;
    worker->index = index;
    worker->arrivals_end = &worker->arrivals;
    worker->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    worker->arena = arena_new(HTTP_WORKER_ARENA_BYTES);
    if (config != NULL) {
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
        worker->base = event_base_new_with_config(config);
        event_config_free(config);
    }
    if (worker->wake_fd < 0 || worker->arena == NULL || worker->base == NULL) {
        return ERR_MEMORY;
    }
    worker->wake = event_new(worker->base, worker->wake_fd, EV_READ | EV_PERSIST, on_wake, worker);
    worker->sweep = event_new(worker->base, -1, EV_PERSIST, on_sweep, worker);
    if (worker->wake == NULL || worker->sweep == NULL || event_add(worker->wake, NULL) != 0 ||
        event_add(worker->sweep, &every) != 0) {
        return ERR_MEMORY;
    }
    return ERR_OK;
}

static void release_worker(struct worker *worker)
{
    struct arrival *arrival, *next;

    for (arrival = worker->arrivals; arrival != NULL; arrival = next) {
        next = arrival->next;
        close(arrival->fd);
        free(arrival);
    }
    if (worker->wake != NULL) {
        event_free(worker->wake);
    }
    if (worker->sweep != NULL) {
        event_free(worker->sweep);
    }
    if (worker->base != NULL) {
        event_base_free(worker->base);
    }
    if (worker->server != NULL && worker->wake_fd >= 0) {
        close(worker->wake_fd);
    }
    arena_free(worker->arena);
}

/* Signals belong to the program's main thread. */
err_t server_thread(pthread_t *ret, void *(*run)(void *), void *context)
{
    sigset_t all, before;
    int failed;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(ret, NULL, run, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed == 0 ? ERR_OK : ERR_UNAVAILABLE;
}

static err_t start_workers(struct http_server *server, struct trail *trail)
{
    unsigned n = 0;
    bool has_failed;

    for (; n < server->n_workers; n++) {
        struct worker *worker = &server->workers[n];
        err_t err = server_thread(&worker->thread, run_worker, worker);

        worker->is_started = err == ERR_OK;
        if (err) {
            return trail_set(trail, err, "cannot start worker thread %u", n);
        }
    }
    pthread_mutex_lock(&server->lock);
    while (server->n_reported < n) {
        pthread_cond_wait(&server->reported, &server->lock);
    }
    has_failed = server->n_failed > 0;
    pthread_mutex_unlock(&server->lock);
    return has_failed ? trail_set(trail, ERR_INTERNAL, "a worker could not set itself up") : ERR_OK;
}

/* ---- the server ---- */

static void fill_limits(struct http_limits *l)
{
    const struct http_limits usual = {
        .max_connections = 2048,
        .max_requests = 1000,
        .max_buffered_bytes = (size_t)256 * 1024 * 1024,
        .handshake_ms = 10 * 1000,
        .idle_ms = 60 * 1000,
        .head_ms = 10 * 1000,
        .body_ms = 30 * 1000,
        .write_ms = 30 * 1000,
        .drain_ms = 5 * 1000,
        .sweep_ms = 250,
    };

    l->max_connections = l->max_connections ? l->max_connections : usual.max_connections;
    l->max_requests = l->max_requests ? l->max_requests : usual.max_requests;
    l->max_buffered_bytes =
        l->max_buffered_bytes ? l->max_buffered_bytes : usual.max_buffered_bytes;
    l->handshake_ms = l->handshake_ms ? l->handshake_ms : usual.handshake_ms;
    l->idle_ms = l->idle_ms ? l->idle_ms : usual.idle_ms;
    l->head_ms = l->head_ms ? l->head_ms : usual.head_ms;
    l->body_ms = l->body_ms ? l->body_ms : usual.body_ms;
    l->write_ms = l->write_ms ? l->write_ms : usual.write_ms;
    l->drain_ms = l->drain_ms ? l->drain_ms : usual.drain_ms;
    l->sweep_ms = l->sweep_ms ? l->sweep_ms : usual.sweep_ms;
}

static err_t copy_text(struct http_server *server, const char **text)
{
    char *copy;

    if (*text == NULL) {
        return ERR_OK;
    }
    copy = strdup(*text);
    if (copy == NULL) {
        return ERR_MEMORY;
    }
    server->copies[server->n_copies++] = copy;
    *text = copy;
    return ERR_OK;
}

static err_t copy_options(struct http_server *server, const struct http_options *options)
{
    struct http_options *own = &server->options;
    err_t err;

    *own = *options;
    fill_limits(&own->limits);
    err = copy_text(server, &own->certificate_file);
    err = err ? err : copy_text(server, &own->key_file);
    err = err ? err : copy_text(server, &own->service_version);
    for (size_t i = 0; err == ERR_OK && i < own->n_listen; i++) {
        err = copy_text(server, &own->listen[i].host);
    }
    return err;
}

err_t http_server_start(const struct http_options *options, struct trail *trail,
                        struct http_server **ret)
{
    CLEANUP(http_server_free) struct http_server *server = NULL;
    err_t err;

    if (options->n_listen == 0 || options->n_listen > HTTP_MAX_LISTEN || options->n_workers == 0 ||
        options->n_workers > HTTP_MAX_WORKERS) {
        return trail_set(trail, ERR_USAGE, "1 to %d addresses and 1 to %d workers are possible",
                         HTTP_MAX_LISTEN, HTTP_MAX_WORKERS);
    }
    server = calloc(1, sizeof(*server));
    if (server == NULL) {
        return ERR_MEMORY;
    }
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->reported, NULL);
    server->n_workers = options->n_workers;
    server->stop_fd = -1;
    err = copy_options(server, options);
    if (err == ERR_OK && options->certificate_file != NULL) {
        err = tls_context_new(options->certificate_file, options->key_file, trail, &server->tls);
    }
    for (unsigned i = 0; err == ERR_OK && i < server->n_workers; i++) {
        err = prepare_worker(server, i);
    }
    err = err ? err : acceptor_open(server, trail);
    err = err ? err : start_workers(server, trail);
    err = err ? err : acceptor_start(server);
    if (err) {
        return err;
    }
    *ret = TAKE(server);
    return ERR_OK;
}

uint16_t http_server_port(const struct http_server *server, size_t index)
{
    return index < HTTP_MAX_LISTEN ? server->ports[index] : 0;
}

SSL *server_tls_session(struct http_server *server)
{
    SSL *ssl;

    pthread_mutex_lock(&server->lock);
    ssl = SSL_new(server->tls); /* takes its own reference */
    pthread_mutex_unlock(&server->lock);
    return ssl;
}

err_t http_server_reload_tls(struct http_server *server, struct trail *trail)
{
    const struct http_options *options = &server->options;
    SSL_CTX *fresh = NULL, *old;
    err_t err;

    if (options->certificate_file == NULL) {
        return ERR_OK;
    }
    err = tls_context_new(options->certificate_file, options->key_file, trail, &fresh);
    if (err) {
        return err;
    }
    pthread_mutex_lock(&server->lock);
    old = server->tls;
    server->tls = fresh;
    pthread_mutex_unlock(&server->lock);
    SSL_CTX_free(old);
    return ERR_OK;
}

void http_server_stop(struct http_server *server, unsigned grace_ms)
{
    const uint64_t one = 1;

    atomic_store(&server->stop_deadline_us, timestamp_ticks_us() + (uint64_t)grace_ms * 1000);
    atomic_store(&server->is_stopping, true);
    acceptor_stop(server);
    for (unsigned i = 0; i < server->n_workers; i++) {
        struct worker *worker = &server->workers[i];

        if (worker->is_started) {
            (void)!write(worker->wake_fd, &one, sizeof(one));
            pthread_join(worker->thread, NULL);
            worker->is_started = false;
        }
    }
}

void http_server_free(struct http_server *server)
{
    if (server == NULL) {
        return;
    }
    http_server_stop(server, 0);
    for (unsigned i = 0; i < server->n_workers; i++) {
        release_worker(&server->workers[i]);
    }
    if (server->stop_fd >= 0) {
        close(server->stop_fd);
    }
    SSL_CTX_free(server->tls);
    for (size_t i = 0; i < server->n_copies; i++) {
        free(server->copies[i]);
    }
    pthread_cond_destroy(&server->reported);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

void http_server_stats(const struct http_server *server, struct http_stats *ret)
{
    *ret = (struct http_stats){
        .accepted = atomic_load_explicit(&server->accepted, memory_order_relaxed),
        .refused = atomic_load_explicit(&server->refused, memory_order_relaxed),
        .handshakes_failed = atomic_load_explicit(&server->handshakes_failed, memory_order_relaxed),
        .timed_out = atomic_load_explicit(&server->timed_out, memory_order_relaxed),
        .open = atomic_load_explicit(&server->open, memory_order_relaxed),
    };
}
