#include "http/worker.h"

#include "base/timestamp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

/* ---- sockets ---- */

static err_t bind_error(struct trail *trail, const struct http_listen *listen, const char *doing)
{
    char where[96];
    err_t err = errno == EADDRINUSE ? ERR_CONFLICT : ERR_IO;

    snprintf(where, sizeof(where), strchr(listen->host, ':') != NULL ? "[%.64s]:%u" : "%.64s:%u",
             listen->host, listen->port);
    if (errno == EADDRINUSE) {
        trail_set(trail, err, "the address is in use by another program");
    } else {
        trail_set(trail, err, "cannot %s: %s", doing, strerror(errno));
    }
    return trail_in(trail, err, where);
}

static err_t resolve(const struct http_listen *listen, struct trail *trail,
                     struct sockaddr_storage *ret, socklen_t *ret_len)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found = NULL;
    char port[8];

    snprintf(port, sizeof(port), "%u", listen->port);
    if (getaddrinfo(listen->host, port, &hints, &found) != 0) {
        trail_set(trail, ERR_USAGE, "is not a numeric address");
        return trail_in(trail, ERR_USAGE, listen->host);
    }
    memcpy(ret, found->ai_addr, found->ai_addrlen);
    *ret_len = found->ai_addrlen;
    freeaddrinfo(found);
    return ERR_OK;
}

/* A bound socket; shared = further sockets of ours may bind the same address. */
static int bound_socket(const struct sockaddr_storage *address, socklen_t len, bool is_shared)
{
    const int on = 1;
    int saved;
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -1;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        (!is_shared || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0) &&
        (address->ss_family != AF_INET6 ||
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0) &&
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
        bind(fd, (const struct sockaddr *)address, len) == 0) {
        return fd;
    }
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static uint16_t bound_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } address = {0};
    socklen_t len = sizeof(address);

    if (getsockname(fd, &address.any, &len) != 0) {
        return 0;
    }
    return ntohs(address.any.sa_family == AF_INET6 ? address.in6.sin6_port : address.in.sin_port);
}

/* With SO_REUSEPORT a second server of the same user would bind silently and take half of the
 * connections. A bind without it shows whether somebody is there. */
static err_t check_free(const struct http_listen *listen, struct trail *trail,
                        const struct sockaddr_storage *address, socklen_t len)
{
    int fd;

    if (listen->port == 0) {
        return ERR_OK;
    }
    fd = bound_socket(address, len, false);
    if (fd < 0) {
        return bind_error(trail, listen, "bind");
    }
    close(fd);
    return ERR_OK;
}

static void on_accept(struct evconnlistener *evl, evutil_socket_t fd, struct sockaddr *address,
                      int len, void *context)
{
    struct listener *listener = context;

    (void)evl;
    (void)len;
    connection_accept(listener->worker, fd, address, listener->roles);
}

static void on_accept_error(struct evconnlistener *evl, void *context)
{
    struct listener *listener = context;

    evconnlistener_disable(evl);
    listener->is_paused = true;
}

static err_t add_listener(struct worker *worker, size_t index, const struct http_listen *listen,
                          const struct sockaddr_storage *address, socklen_t len,
                          struct trail *trail)
{
    struct listener *listener = &worker->listeners[index];
    int fd = bound_socket(address, len, true);

    if (fd < 0) {
        return bind_error(trail, listen, "bind");
    }
    listener->worker = worker;
    listener->roles = listen->roles == 0 ? ~0u : listen->roles;
    listener->evl = evconnlistener_new(worker->base, on_accept, listener,
                                       LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG, fd);
    if (listener->evl == NULL) {
        err_t err = bind_error(trail, listen, "listen");

        close(fd);
        return err;
    }
    evconnlistener_set_error_cb(listener->evl, on_accept_error);
    return ERR_OK;
}

/* One address on every worker. */
static err_t open_listener(struct http_server *server, size_t index, struct trail *trail)
{
    struct http_listen *listen = &server->options.listen[index];
    struct sockaddr_storage address = {0};
    socklen_t len = 0;
    err_t err = resolve(listen, trail, &address, &len);

    err = err ? err : check_free(listen, trail, &address, len);
    for (unsigned i = 0; err == ERR_OK && i < server->n_workers; i++) {
        err = add_listener(&server->workers[i], index, listen, &address, len, trail);
        if (err == ERR_OK && listen->port == 0) {
            listen->port =
                bound_port(evconnlistener_get_fd(server->workers[i].listeners[index].evl));
            err = resolve(listen, trail, &address, &len);
        }
    }
    server->ports[index] = err == ERR_OK ? listen->port : 0;
    return err;
}

static bool is_family_missing(const struct http_listen *listen)
{
    int fd = socket(strchr(listen->host, ':') != NULL ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
    struct sockaddr_storage address = {0};
    socklen_t len = 0;

    if (fd < 0) {
        return true;
    }
    close(fd);
    /* IPv6 compiled in, but no ::1 on this machine: bind says so. */
    if (resolve(listen, NULL, &address, &len) != ERR_OK) {
        return false;
    }
    fd = bound_socket(&address, len, true);
    if (fd < 0) {
        return errno == EADDRNOTAVAIL;
    }
    close(fd);
    return false;
}

static err_t open_listeners(struct http_server *server, struct trail *trail)
{
    uint16_t chosen = 0;

    for (size_t i = 0; i < server->options.n_listen; i++) {
        struct http_listen *listen = &server->options.listen[i];
        err_t err;

        if (listen->is_optional && is_family_missing(listen)) {
            continue;
        }
        if (listen->port == 0) {
            listen->port = chosen;
        }
        err = open_listener(server, i, trail);
        if (err) {
            return err;
        }
        chosen = chosen != 0 ? chosen : server->ports[i];
    }
    return ERR_OK;
}

/* ---- workers ---- */

static void begin_drain(struct worker *worker)
{
    worker->is_draining = true;
    for (size_t i = 0; i < HTTP_MAX_LISTEN; i++) {
        if (worker->listeners[i].evl != NULL) {
            evconnlistener_free(worker->listeners[i].evl);
            worker->listeners[i].evl = NULL;
        }
    }
}

static void on_sweep(evutil_socket_t fd, short what, void *context)
{
    struct worker *worker = context;
    struct http_server *server = worker->server;
    uint64_t now = timestamp_ticks_us();
    struct connection *next;

    (void)fd;
    (void)what;
    if (atomic_load(&server->is_stopping) && !worker->is_draining) {
        begin_drain(worker);
    }
    for (struct connection *c = worker->connections; c != NULL; c = next) {
        next = c->next;
        connection_sweep(c, now);
    }
    for (size_t i = 0; i < HTTP_MAX_LISTEN; i++) {
        if (worker->listeners[i].is_paused && worker->listeners[i].evl != NULL) {
            worker->listeners[i].is_paused = false;
            evconnlistener_enable(worker->listeners[i].evl);
        }
    }
    if (worker->is_draining &&
        (worker->connections == NULL || now >= atomic_load(&server->stop_deadline_us))) {
        event_base_loopbreak(worker->base);
    }
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
    uint64_t count;

    (void)!read(fd, &count, sizeof(count));
    on_sweep(fd, what, context);
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
    begin_drain(worker);
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
    begin_drain(worker);
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
static err_t start_thread(struct worker *worker)
{
    sigset_t all, before;
    int failed;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&worker->thread, NULL, run_worker, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    worker->is_started = failed == 0;
    return failed == 0 ? ERR_OK : ERR_UNAVAILABLE;
}

static err_t start_workers(struct http_server *server, struct trail *trail)
{
    unsigned n = 0;
    bool has_failed;

    for (; n < server->n_workers; n++) {
        err_t err = start_thread(&server->workers[n]);

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
    err = copy_options(server, options);
    if (err == ERR_OK && options->certificate_file != NULL) {
        err = tls_context_new(options->certificate_file, options->key_file, trail, &server->tls);
    }
    for (unsigned i = 0; err == ERR_OK && i < server->n_workers; i++) {
        err = prepare_worker(server, i);
    }
    err = err ? err : open_listeners(server, trail);
    err = err ? err : start_workers(server, trail);
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
