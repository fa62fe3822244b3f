/*
 * The listening sockets, and the thread that takes connections from them. A handler holds its
 * worker until it is done, and a connection that waited on that worker would wait with it: so each
 * goes to the worker with the fewest connections among those that no handler holds.
 */
#include "http/worker.h"

#include "base/timestamp.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 4096,
    AT_ONCE = 64,        /* connections of one socket before the others are looked at */
    HELD_US = 10 * 1000, /* a handler that runs for longer may run for seconds */
};

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

static int bound_socket(const struct sockaddr_storage *address, socklen_t len)
{
    const int on = 1;
    int saved;
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -1;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
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

static err_t open_listener(struct http_server *server, size_t index, struct trail *trail)
{
    struct http_listen *listen_at = &server->options.listen[index];
    struct sockaddr_storage address = {0};
    socklen_t len = 0;
    err_t err = resolve(listen_at, trail, &address, &len);
    int fd;

    if (err) {
        return err;
    }
    fd = bound_socket(&address, len);
    if (fd < 0) {
        return bind_error(trail, listen_at, "bind");
    }
    if (listen(fd, BACKLOG) != 0) {
        err = bind_error(trail, listen_at, "listen");
        close(fd);
        return err;
    }
    listen_at->port = bound_port(fd);
    server->ports[index] = listen_at->port;
    server->listening[server->n_listening++] = (struct listener){
        .fd = fd,
        .roles = listen_at->roles == 0 ? ~0u : listen_at->roles,
    };
    return ERR_OK;
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
    fd = bound_socket(&address, len);
    if (fd < 0) {
        return errno == EADDRNOTAVAIL;
    }
    close(fd);
    return false;
}

static err_t open_all(struct http_server *server, struct trail *trail)
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

/* ---- the thread ---- */

static bool is_held(const struct worker *worker, uint64_t now)
{
    uint64_t since = atomic_load_explicit(&worker->handling_since_us, memory_order_relaxed);

    return since != 0 && now > since + HELD_US;
}

static struct worker *choose(struct http_server *server)
{
    uint64_t now = timestamp_ticks_us();
    struct worker *best = NULL;
    bool is_best_held = false;

    server->turn++;
    for (unsigned i = 0; i < server->n_workers; i++) {
        struct worker *worker = &server->workers[(server->turn + i) % server->n_workers];
        bool is_this_held = is_held(worker, now);

        if (best == NULL || (is_best_held && !is_this_held) ||
            (is_best_held == is_this_held && worker->n_given < best->n_given)) {
            best = worker;
            is_best_held = is_this_held;
        }
    }
    return best;
}

static void give(struct http_server *server, const struct arrival *arrival)
{
    struct worker *worker = choose(server);
    unsigned max = server->options.limits.max_connections;
    struct arrival *copy = NULL;
    const uint64_t one = 1;

    atomic_fetch_add_explicit(&server->accepted, 1, memory_order_relaxed);
    if (worker->n_given < max + max / 4 + 1) {
        copy = malloc(sizeof(*copy));
    }
    if (copy == NULL) {
        atomic_fetch_add_explicit(&server->refused, 1, memory_order_relaxed);
        close(arrival->fd);
        return;
    }
    *copy = *arrival;
    atomic_fetch_add(&worker->n_given, 1);
    pthread_mutex_lock(&server->lock);
    *worker->arrivals_end = copy;
    worker->arrivals_end = &copy->next;
    pthread_mutex_unlock(&server->lock);
    (void)!write(worker->wake_fd, &one, sizeof(one));
}

struct arrival *acceptor_take(struct worker *worker)
{
    struct arrival *first;

    pthread_mutex_lock(&worker->server->lock);
    first = worker->arrivals;
    worker->arrivals = NULL;
    worker->arrivals_end = &worker->arrivals;
    pthread_mutex_unlock(&worker->server->lock);
    return first;
}

/* False: no more can be taken for now, as for want of file descriptors. */
static bool accept_some(struct http_server *server, const struct listener *listener)
{
    for (int i = 0; i < AT_ONCE; i++) {
        struct arrival arrival = {.roles = listener->roles};
        socklen_t len = sizeof(arrival.address);

        arrival.fd = accept4(listener->fd, (struct sockaddr *)&arrival.address, &len,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (arrival.fd >= 0) {
            give(server, &arrival);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return errno == EAGAIN;
        }
    }
    return true;
}

static void *run_acceptor(void *context)
{
    struct http_server *server = context;
    struct pollfd fds[1 + HTTP_MAX_LISTEN] = {{.fd = server->stop_fd, .events = POLLIN}};
    bool is_paused = false;

    for (size_t i = 0; i < server->n_listening; i++) {
        fds[1 + i] = (struct pollfd){.fd = server->listening[i].fd, .events = POLLIN};
    }
    while (!atomic_load(&server->is_stopping)) {
        nfds_t n = is_paused ? 1 : 1 + (nfds_t)server->n_listening;
        int n_ready = poll(fds, n, is_paused ? (int)server->options.limits.sweep_ms : -1);

        is_paused = n_ready < 0 && errno != EINTR;
        for (size_t i = 1; n_ready > 0 && i < n; i++) {
            if (fds[i].revents != 0 && !accept_some(server, &server->listening[i - 1])) {
                is_paused = true;
            }
        }
    }
    return NULL;
}

err_t acceptor_open(struct http_server *server, struct trail *trail)
{
    server->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return server->stop_fd < 0 ? ERR_MEMORY : open_all(server, trail);
}

err_t acceptor_start(struct http_server *server)
{
    err_t err = server_thread(&server->acceptor, run_acceptor, server);

    server->has_acceptor = err == ERR_OK;
    return err;
}

void acceptor_stop(struct http_server *server)
{
    const uint64_t one = 1;

    if (server->has_acceptor) {
        (void)!write(server->stop_fd, &one, sizeof(one));
        pthread_join(server->acceptor, NULL);
        server->has_acceptor = false;
    }
    while (server->n_listening > 0) {
        close(server->listening[--server->n_listening].fd);
    }
}
