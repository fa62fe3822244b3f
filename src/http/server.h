/*
 * server.h - the HTTPS server: worker threads, limits, deadlines, drain.
 *
 * One thread takes connections and gives each to a worker that is free (http/acceptor.c). Each
 * worker has its own event base: a connection lives there until its end, and handlers run to
 * completion there. libevent
 * carries sockets and TLS (bufferevent_openssl); HTTP/1.1 itself is read by http/message.h,
 * because evhttp of libevent 2.1 answers faults with pages of its own, shows a request only after
 * all of its body has come, and lets a slow client start its time anew with every byte.
 *
 * Every refusal is the JSON error shape. A refused body is read on for a bounded while, so that
 * the client gets to see the answer. Deadlines are totals, not pauses: a request that is not
 * complete in time is answered 408, however busily its bytes trickle (Slowloris).
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "http/route.h"

enum {
    HTTP_MAX_LISTEN = 8,
    HTTP_MAX_WORKERS = 64,
    HTTP_WORKER_ARENA_BYTES = 64 * 1024 * 1024,
    HTTP_DRAIN_MAX_BYTES = 16 * 1024 * 1024, /* of a refused body */
};

struct http_listen {
    const char *host; /* numeric address */
    uint16_t port;    /* 0 = any: the first listener's choice holds for all others with 0 */
    unsigned roles;   /* which routes it serves; 0 = all */
    bool is_optional; /* skipped when the address family does not exist here */
};

/* 0 stands for the value in the comment. */
struct http_limits {
    unsigned max_connections;  /* per worker, 2048: past it 503; past 5/4 of it no TLS at all */
    unsigned max_requests;     /* per connection, 1000 */
    size_t max_buffered_bytes; /* bodies being read, per worker, 256 MiB: past it 503 */
    unsigned handshake_ms;     /* 10 s */
    unsigned idle_ms;          /* between requests, 60 s */
    unsigned head_ms;          /* first byte to end of head, 10 s */
    unsigned body_ms;          /* end of head to end of body, 30 s */
    unsigned write_ms;         /* until the client has taken the answer, 30 s */
    unsigned drain_ms;         /* reading on behind a refusal, 5 s */
    unsigned sweep_ms;         /* how often deadlines are looked at, 250 ms */
};

/* One finished request, for log and metrics. Valid during the call. */
struct http_done {
    const char *method; /* "POST"; "" when the head was not readable */
    const char *route;  /* pattern; "" when none fits */
    struct span path;   /* raw: escape before showing */
    unsigned flags;     /* of the route */
    unsigned status;
    const char *error_code; /* "" */
    uint64_t duration_us;   /* first byte to answer */
    size_t body_bytes, answer_bytes;
    const char *peer, *id, *note;
};

struct http_options {
    struct http_listen listen[HTTP_MAX_LISTEN];
    size_t n_listen;
    unsigned n_workers;
    const char *certificate_file; /* chain, PEM; NULL = plain HTTP: tests, or behind a TLS proxy */
    const char *key_file;         /* PEM, mode 0600 or tighter */
    struct http_limits limits;
    struct http_routes routes;
    const char *service_version; /* x-ms-maa-service-version of every answer; NULL = none */
    void *context;
    /* Per worker, called on its thread; both may be NULL. NULL from worker_new stops the start. */
    void *(*worker_new)(void *context, unsigned index);
    void (*worker_free)(void *worker);
    /* Called on the worker's thread behind every answer; may be NULL. */
    void (*done)(void *context, void *worker, const struct http_done *done);
};

struct http_server;

/* Bind, then start the workers. Copies options, except routes. ERR_CONFLICT when an address is in
 * use (also by another server of ours), ERR_DENIED for a loose key, ERR_IO otherwise; the trail
 * names the address or the file. */
err_t http_server_start(const struct http_options *options, struct trail *trail,
                        struct http_server **ret) MUST_CHECK;
/* The port of listener `index`. */
uint16_t http_server_port(const struct http_server *server, size_t index);
/* Read certificate and key again, for connections from now on. The old pair stays on error. From
 * any thread. */
err_t http_server_reload_tls(struct http_server *server, struct trail *trail) MUST_CHECK;
/* Stop accepting, finish running requests for at most grace_ms, end the workers. Call once. */
void http_server_stop(struct http_server *server, unsigned grace_ms);
/* After stop, or instead of it (then without grace). */
void http_server_free(struct http_server *server);
DEFINE_CLEANUP(struct http_server *, http_server_free)

/* Since the start; any thread. */
struct http_stats {
    uint64_t accepted, refused, handshakes_failed, timed_out;
    uint64_t open; /* now */
};
void http_server_stats(const struct http_server *server, struct http_stats *ret);

#endif
