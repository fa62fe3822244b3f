/*
 * worker.h - inside of the http room: one worker thread and its connections.
 *
 * Everything in a worker and its connections belongs to the worker's thread; what threads share
 * is in struct http_server and says how.
 */
#ifndef HTTP_WORKER_H
#define HTTP_WORKER_H

#include "http/server.h"

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

struct worker;

enum connection_state {
    CONNECTION_HANDSHAKE,
    CONNECTION_IDLE, /* no byte of the next request yet */
    CONNECTION_HEAD,
    CONNECTION_BODY,
    CONNECTION_WRITING,
    CONNECTION_DRAINING, /* answered, reading on so that the client sees the answer */
    CONNECTION_CLOSED,   /* the callback that is running frees it */
};

struct connection {
    struct connection *next, **link; /* of the worker's list */
    struct worker *worker;
    struct bufferevent *bev;
    SSL *ssl; /* borrowed from bev; NULL without TLS */
    enum connection_state state;
    uint64_t deadline_us;
    uint64_t started_us; /* first byte of the request */
    unsigned roles;
    unsigned n_requests;
    bool is_excess; /* over max_connections: answered 503 */
    bool closes;    /* behind the answer */
    bool drains;    /* before closing */
    size_t n_drained;

    struct buf head_bytes;
    size_t head_scanned;
    struct http_head head; /* borrows from head_bytes */
    bool has_head;
    struct buf body;
    size_t accounted; /* bytes of body in worker->buffered_bytes */
    struct http_chunked chunked;
    char id[HTTP_ID_MAX];
    char peer[HTTP_PEER_MAX];
};

/* Takes fd. */
void connection_accept(struct worker *worker, evutil_socket_t fd, const struct sockaddr *address,
                       unsigned roles);
/* Deadlines; called every sweep_ms. */
void connection_sweep(struct connection *connection, uint64_t now_us);
void connection_free(struct connection *connection);

/* A connection on its way to the worker that was chosen for it. */
struct arrival {
    struct arrival *next;
    int fd;
    struct sockaddr_storage address;
    unsigned roles;
};

struct worker {
    struct http_server *server;
    unsigned index;
    pthread_t thread;
    bool is_started;
    struct event_base *base;
    struct event *wake, *sweep;
    int wake_fd;
    struct arrival *arrivals, **arrivals_end; /* under the server's lock */
    _Atomic unsigned n_given;                 /* connections, with those that are on their way */
    _Atomic uint64_t handling_since_us;       /* 0: no handler runs */
    struct connection *connections;
    unsigned n_connections;
    size_t buffered_bytes;
    bool is_draining;
    struct arena *arena;
    void *user; /* worker_new's */
    int64_t date_second;
    char date[40];
};

struct listener {
    int fd;
    unsigned roles;
};

struct http_server {
    struct http_options options; /* immutable once started; its strings are in copies */
    char *copies[3 + HTTP_MAX_LISTEN];
    size_t n_copies;
    struct worker workers[HTTP_MAX_WORKERS];
    unsigned n_workers;
    uint16_t ports[HTTP_MAX_LISTEN];
    struct listener listening[HTTP_MAX_LISTEN];
    size_t n_listening;
    pthread_t acceptor;
    bool has_acceptor;
    int stop_fd;   /* wakes the acceptor */
    unsigned turn; /* the acceptor's: among workers that are alike */
    /* tls, n_reported, n_failed, arrivals; innermost, nothing is locked under it */
    pthread_mutex_t lock;
    pthread_cond_t reported;
    SSL_CTX *tls;
    unsigned n_reported, n_failed;
    _Atomic bool is_stopping;
    _Atomic uint64_t stop_deadline_us;
    _Atomic uint64_t accepted, refused, handshakes_failed, timed_out, open;
};

/* A thread that gets no signals. */
err_t server_thread(pthread_t *ret, void *(*run)(void *), void *context) MUST_CHECK;
/* Bind and listen; start to take connections; stop that, and close the sockets. */
err_t acceptor_open(struct http_server *server, struct trail *trail) MUST_CHECK;
err_t acceptor_start(struct http_server *server) MUST_CHECK;
void acceptor_stop(struct http_server *server);
/* What was given to a worker, in the order in which it came: to be freed, the descriptors too. */
struct arrival *acceptor_take(struct worker *worker);

/* For a new connection; NULL when out of memory. */
SSL *server_tls_session(struct http_server *server);
/* The context for certificate and key files. */
err_t tls_context_new(const char *certificate_file, const char *key_file, struct trail *trail,
                      SSL_CTX **ret) MUST_CHECK;

#endif
