/*
 * One connection: reads a request, lets its handler answer, writes, begins again.
 *
 * Who may send these bytes: anybody who reaches the port.
 */
#include "http/worker.h"

#include "base/text.h"
#include "base/timestamp.h"
#include "http/answer.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INPUT_MAX_BYTES = 64 * 1024 };

static const struct http_limits *limits_of(const struct connection *c)
{
    return &c->worker->server->options.limits;
}

static void set_state(struct connection *c, enum connection_state state, unsigned within_ms)
{
    c->state = state;
    c->deadline_us = timestamp_ticks_us() + (uint64_t)within_ms * 1000;
}

static void forget_body(struct connection *c)
{
    c->worker->buffered_bytes -= c->accounted;
    c->accounted = 0;
    buf_done(&c->body);
}

static void close_now(struct connection *c)
{
    c->state = CONNECTION_CLOSED;
}

void connection_free(struct connection *c)
{
    *c->link = c->next;
    if (c->next != NULL) {
        c->next->link = c->link;
    }
    c->worker->n_connections--;
    atomic_fetch_sub(&c->worker->n_given, 1);
    atomic_fetch_sub_explicit(&c->worker->server->open, 1, memory_order_relaxed);
    forget_body(c);
    buf_done(&c->head_bytes);
    if (c->ssl != NULL && SSL_is_init_finished(c->ssl)) {
        /* close_notify: without it the client cannot tell an end from a cut (RFC 8446, 6.1). */
        SSL_shutdown(c->ssl);
        ERR_clear_error();
    }
    bufferevent_free(c->bev);
    free(c);
}

/* ---- answering ---- */

/* Everything for the closing log line and the counters. */
static void report_done(struct connection *c, const struct http_request *request,
                        const struct http_response *response, size_t answer_bytes)
{
    const struct http_options *options = &c->worker->server->options;
    const struct http_route *route = request->route;
    struct http_done done = {
        .method = c->has_head ? http_method_name(c->head.method) : "",
        .route = route != NULL ? route->pattern : "",
        .path = c->has_head ? c->head.path : (struct span){0},
        .flags = route != NULL ? route->flags : 0,
        .status = response->status,
        .error_code = response->error_code != NULL ? response->error_code : "",
        .duration_us = timestamp_ticks_us() - c->started_us,
        .body_bytes = c->body.len,
        .answer_bytes = answer_bytes,
        .peer = c->peer,
        .id = c->id,
        .note = response->note,
    };

    if (options->done != NULL) {
        options->done(options->context, c->worker->user, &done);
    }
}

/* Serialise and send; the arena is free for the next request afterwards. */
static void send_answer(struct connection *c, struct http_request *request,
                        struct http_response *response)
{
    struct worker *worker = c->worker;
    CLEANUP(buf_done) struct buf wire = {0};
    bool is_head = c->has_head && c->head.method == HTTP_HEAD;

    c->n_requests++;
    c->closes = c->closes || response->closes || worker->is_draining || !c->has_head ||
                !c->head.keeps_alive || c->n_requests >= limits_of(c)->max_requests;
    answer_write(&wire,
                 &(struct answer_context){
                     .head = c->has_head ? &c->head : NULL,
                     .route = request->route,
                     .id = c->id,
                     .date = worker->date,
                     .service_version = worker->server->options.service_version,
                     .closes = c->closes,
                     .omits_body = is_head,
                 },
                 response);
    report_done(c, request, response, wire.len);
    arena_reset(worker->arena);
    forget_body(c);
    set_state(c, CONNECTION_WRITING, limits_of(c)->write_ms);
    bufferevent_disable(c->bev, EV_READ);
    if (buf_err(&wire) != ERR_OK || bufferevent_write(c->bev, wire.data, wire.len) != 0) {
        close_now(c);
    }
}

static void update_date(struct worker *worker)
{
    int64_t now = timestamp_now();
    time_t seconds = (time_t)now;
    struct tm tm;

    if (now != worker->date_second && gmtime_r(&seconds, &tm) != NULL) {
        worker->date_second = now;
        strftime(worker->date, sizeof(worker->date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
    }
}

static void begin_answer(struct connection *c, struct http_request *request, struct trail *trail)
{
    struct worker *worker = c->worker;

    update_date(worker);
    answer_request_id(c->has_head ? &c->head : NULL, c->id, sizeof(c->id));
    *request = (struct http_request){
        .head = &c->head,
        .body = buf_span(&c->body),
        .arena = worker->arena,
        .trail = trail,
        .peer = c->peer,
        .id = c->id,
        .context = worker->server->options.context,
        .worker = worker->user,
    };
}

/* Refuse a request that has not been read to its end: the connection cannot go on. */
static void refuse(struct connection *c, unsigned status, const char *code, const char *words)
{
    struct http_request request;
    struct http_response response = {0};
    struct trail trail = {0};

    begin_answer(c, &request, &trail);
    if (c->has_head && http_path_parse(request.arena, c->head.path, &request.path) == ERR_OK) {
        unsigned allowed;

        (void)http_routes_match(&c->worker->server->options.routes, c->roles, c->head.method,
                                &request, &allowed);
    }
    http_answer_error(request.arena, &response, status, code, "%s", words);
    response.closes = true;
    response.retry_after_s = status == 503 ? 1 : 0;
    c->drains = true;
    if (status == 408) {
        atomic_fetch_add_explicit(&c->worker->server->timed_out, 1, memory_order_relaxed);
    }
    send_answer(c, &request, &response);
}

static const char *code_of(unsigned status)
{
    switch (status) {
    case 413:
        return "RequestTooLarge";
    case 415:
        return "UnsupportedMediaType";
    case 417:
        return "ExpectationFailed";
    case 431:
        return "RequestHeadersTooLarge";
    case 501:
        return "NotImplemented";
    case 505:
        return "HttpVersionNotSupported";
    default:
        return "InvalidParameter";
    }
}

/* The route, or an answer and false. Called when the head is there, and again with the body. */
static bool find_route(struct connection *c, struct http_request *request,
                       struct http_response *response)
{
    const struct http_routes *routes = &c->worker->server->options.routes;
    unsigned allowed = 0;
    char methods[64];

    if (!span_is(c->head.path, "*") &&
        http_path_parse(request->arena, c->head.path, &request->path) != ERR_OK) {
        http_answer_error(request->arena, response, 400, "InvalidParameter",
                          "the path holds an escape that is broken or not allowed, or too many "
                          "segments");
        return false;
    }
    switch (http_routes_match(routes, c->roles, c->head.method, request, &allowed)) {
    case HTTP_MATCH_FOUND:
        return true;
    case HTTP_MATCH_NO_METHOD:
        http_methods_text(allowed, methods, sizeof(methods));
        http_answer_error(request->arena, response, 405, "MethodNotAllowed",
                          "%s is not possible here; possible: %s", http_method_name(c->head.method),
                          methods);
        http_answer_header(response, "Allow",
                           (const char *)arena_dup(request->arena, span_str(methods)).data);
        return false;
    case HTTP_MATCH_NO_PATH:
    default:
        http_answer_error(request->arena, response, 404, "NotFound", "there is nothing at %s",
                          text_escape_dup(request->arena, c->head.path, 200));
        return false;
    }
}

static void run_request(struct connection *c)
{
    struct http_request request;
    struct http_response response = {0};
    struct trail trail = {0};

    begin_answer(c, &request, &trail);
    if (find_route(c, &request, &response)) {
        atomic_store(&c->worker->handling_since_us, timestamp_ticks_us());
        request.route->handler(&request, &response);
        atomic_store(&c->worker->handling_since_us, 0);
        if (response.status == 0) {
            http_answer_error(request.arena, &response, 500, "InternalError", "no answer");
        }
    }
    send_answer(c, &request, &response);
}

/* ---- reading ---- */

static void refuse_body_size(struct connection *c, size_t limit)
{
    char words[120];

    snprintf(words, sizeof(words), "the body is larger than %zu bytes, the limit of this call",
             limit);
    refuse(c, 413, "RequestTooLarge", words);
}

/* The head is complete: decide whether its body is wanted. */
static void begin_body(struct connection *c)
{
    struct http_request request;
    struct http_response response = {0};
    struct trail trail = {0};
    bool has_body = c->head.is_chunked || c->head.content_length > 0;

    if (c->is_excess ||
        (has_body && c->worker->buffered_bytes > limits_of(c)->max_buffered_bytes)) {
        atomic_fetch_add_explicit(&c->worker->server->refused, 1, memory_order_relaxed);
        refuse(c, 503, "ServiceUnavailable", "the server is busy; try again in a second");
        return;
    }
    if (!has_body) {
        run_request(c);
        return;
    }
    begin_answer(c, &request, &trail);
    if (!find_route(c, &request, &response)) {
        response.closes = true;
        c->drains = true;
        send_answer(c, &request, &response);
        return;
    }
    if (c->head.content_length > request.route->body_max_bytes) {
        refuse_body_size(c, request.route->body_max_bytes);
        return;
    }
    buf_init(&c->body, request.route->body_max_bytes);
    c->chunked = (struct http_chunked){0};
    arena_reset(c->worker->arena);
    set_state(c, CONNECTION_BODY, limits_of(c)->body_ms);
    if (c->head.expects_continue && evbuffer_get_length(bufferevent_get_input(c->bev)) == 0) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

        if (bufferevent_write(c->bev, go_on, strlen(go_on)) != 0) {
            close_now(c);
        }
    }
}

/* The next bytes that lie in one piece. */
static struct span input_piece(struct evbuffer *input)
{
    size_t len = evbuffer_get_contiguous_space(input);

    return span_of(evbuffer_pullup(input, (ev_ssize_t)len), len);
}

static void read_head(struct connection *c, struct evbuffer *input)
{
    struct span piece = input_piece(input);
    size_t before = c->head_bytes.len, room = HTTP_HEAD_MAX_BYTES - before, len = 0;
    struct trail trail = {0};
    unsigned status;
    err_t err;

    if (c->state == CONNECTION_IDLE) {
        set_state(c, CONNECTION_HEAD, limits_of(c)->head_ms);
        c->started_us = timestamp_ticks_us();
    }
    piece = span_cut(piece, 0, room);
    buf_add(&c->head_bytes, piece);
    if (buf_err(&c->head_bytes) != ERR_OK) {
        close_now(c);
        return;
    }
    err = http_head_end(buf_span(&c->head_bytes), &c->head_scanned, &len);
    if (err == ERR_TOO_LARGE) {
        refuse(c, 431, code_of(431), "the request line and headers are larger than 16384 bytes");
        return;
    }
    if (err) {
        refuse(c, 400, code_of(400), "a line of the request does not end in CR LF");
        return;
    }
    evbuffer_drain(input, len == 0 ? piece.len : len - before);
    if (len == 0) {
        return;
    }
    c->head_bytes.len = len;
    status = http_head_parse(buf_span(&c->head_bytes), &trail, &c->head);
    if (status != 0) {
        refuse(c, status, code_of(status), trail.what);
        return;
    }
    c->has_head = true;
    begin_body(c);
}

static void read_body(struct connection *c, struct evbuffer *input)
{
    struct span piece = input_piece(input);
    bool is_done = false;
    size_t used = 0;
    err_t err;

    if (c->head.is_chunked) {
        err = http_chunked_feed(&c->chunked, piece, &c->body, &used, &is_done);
    } else {
        used = piece.len < c->head.content_length - c->body.len
                   ? piece.len
                   : (size_t)(c->head.content_length - c->body.len);
        buf_add(&c->body, span_cut(piece, 0, used));
        err = buf_err(&c->body);
        is_done = c->body.len == c->head.content_length;
    }
    if (err == ERR_TOO_LARGE) {
        refuse_body_size(c, c->body.max);
        return;
    }
    if (err == ERR_MALFORMED) {
        refuse(c, 400, code_of(400), "the chunked body is malformed");
        return;
    }
    if (err) {
        close_now(c);
        return;
    }
    evbuffer_drain(input, used);
    c->worker->buffered_bytes += c->body.len - c->accounted;
    c->accounted = c->body.len;
    if (is_done) {
        run_request(c);
    }
}

static void drain(struct connection *c, struct evbuffer *input)
{
    size_t len = evbuffer_get_length(input);

    evbuffer_drain(input, len);
    c->n_drained += len;
    if (c->n_drained > HTTP_DRAIN_MAX_BYTES) {
        close_now(c);
    }
}

/* Work off what has been read, up to an answer that has to go out first. */
static void advance(struct connection *c)
{
    struct evbuffer *input = bufferevent_get_input(c->bev);

    while (evbuffer_get_length(input) > 0) {
        switch (c->state) {
        case CONNECTION_IDLE:
        case CONNECTION_HEAD:
            read_head(c, input);
            break;
        case CONNECTION_BODY:
            read_body(c, input);
            break;
        case CONNECTION_DRAINING:
            drain(c, input);
            break;
        case CONNECTION_HANDSHAKE:
        case CONNECTION_WRITING:
        case CONNECTION_CLOSED:
            return;
        }
    }
}

static void begin_request(struct connection *c)
{
    buf_reset(&c->head_bytes);
    c->head_scanned = 0;
    c->has_head = false;
    c->drains = false;
    /* A connection must earn the long pause with a request. */
    set_state(c, CONNECTION_IDLE,
              c->n_requests > 0 ? limits_of(c)->idle_ms : limits_of(c)->head_ms);
    bufferevent_enable(c->bev, EV_READ);
}

static void begin_draining(struct connection *c)
{
    set_state(c, CONNECTION_DRAINING, limits_of(c)->drain_ms);
    if (c->ssl != NULL) {
        SSL_shutdown(c->ssl);
        ERR_clear_error();
    }
    shutdown(bufferevent_getfd(c->bev), SHUT_WR);
    bufferevent_enable(c->bev, EV_READ);
}

/* ---- events ---- */

static void on_read(struct bufferevent *bev, void *context)
{
    struct connection *c = context;

    (void)bev;
    advance(c);
    if (c->state == CONNECTION_CLOSED) {
        connection_free(c);
    }
}

/* All written. */
static void on_write(struct bufferevent *bev, void *context)
{
    struct connection *c = context;

    if (c->state != CONNECTION_WRITING || evbuffer_get_length(bufferevent_get_output(bev)) > 0) {
        return;
    }
    if (!c->closes) {
        begin_request(c);
    } else if (c->drains) {
        begin_draining(c);
    } else {
        close_now(c);
    }
    /* What came meanwhile: pipelined requests, or more to throw away. */
    advance(c);
    if (c->state == CONNECTION_CLOSED) {
        connection_free(c);
    }
}

/* A browser or curl that says http:// to this port deserves to be told. */
static void answer_plain_http(struct connection *c)
{
    static const char answer[] =
        "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json; charset=utf-8\r\n"
        "Connection: close\r\n\r\n"
        "{\"error\":{\"code\":\"InvalidParameter\",\"message\":\"this port speaks HTTPS, not plain "
        "HTTP\"}}";
    evutil_socket_t fd = bufferevent_getfd(c->bev);
    char rest[4096];

    (void)!send(fd, answer, strlen(answer), MSG_DONTWAIT | MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    /* Unread bytes would turn the close into a reset that overtakes the answer. */
    for (int i = 0; i < 16 && recv(fd, rest, sizeof(rest), MSG_DONTWAIT) > 0; i++) {
    }
}

static void on_event(struct bufferevent *bev, short what, void *context)
{
    struct connection *c = context;

    if ((what & BEV_EVENT_CONNECTED) != 0) {
        begin_request(c);
        return;
    }
    if (c->state == CONNECTION_HANDSHAKE) {
        unsigned long code = bufferevent_get_openssl_error(bev);

        atomic_fetch_add_explicit(&c->worker->server->handshakes_failed, 1, memory_order_relaxed);
        if (ERR_GET_REASON(code) == SSL_R_HTTP_REQUEST) {
            answer_plain_http(c);
        }
    }
    if (c->ssl != NULL && (what & BEV_EVENT_ERROR) != 0) {
        /* After a fatal error OpenSSL must not be asked to say good-bye. */
        c->ssl = NULL;
    }
    /* A half-closed plain connection still gets the answer that is being written. */
    if ((what & BEV_EVENT_EOF) != 0 && c->ssl == NULL && c->state == CONNECTION_WRITING) {
        c->closes = true;
        c->drains = false;
        return;
    }
    connection_free(c);
}

void connection_sweep(struct connection *c, uint64_t now_us)
{
    if (c->worker->is_draining && c->state <= CONNECTION_IDLE) {
        connection_free(c);
        return;
    }
    if (now_us < c->deadline_us) {
        return;
    }
    if (c->state == CONNECTION_HEAD || c->state == CONNECTION_BODY) {
        refuse(c, 408, "RequestTimeout",
               c->state == CONNECTION_HEAD ? "the request's headers did not come in time"
                                           : "the request's body did not come in time");
    } else {
        close_now(c);
    }
    if (c->state == CONNECTION_CLOSED) {
        connection_free(c);
    }
}

static void format_peer(const struct sockaddr *address, char *text, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "?";

    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)address;

        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        snprintf(text, size, "%s:%u", host, ntohs(in->sin_port));
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)address;

        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        snprintf(text, size, "[%s]:%u", host, ntohs(in6->sin6_port));
    }
}

/* A bufferevent over fd, with TLS if the server has it. */
static bool open_bufferevent(struct connection *c, evutil_socket_t fd)
{
    const int flags = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS;
    struct event_base *base = c->worker->base;

    if (c->worker->server->options.certificate_file == NULL) {
        c->bev = bufferevent_socket_new(base, fd, flags);
        return c->bev != NULL;
    }
    c->ssl = server_tls_session(c->worker->server);
    if (c->ssl == NULL) {
        return false;
    }
    c->bev = bufferevent_openssl_socket_new(base, fd, c->ssl, BUFFEREVENT_SSL_ACCEPTING, flags);
    if (c->bev == NULL) {
        SSL_free(c->ssl);
        return false;
    }
    bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
    return true;
}

void connection_accept(struct worker *worker, evutil_socket_t fd, const struct sockaddr *address,
                       unsigned roles)
{
    struct http_server *server = worker->server;
    unsigned max = server->options.limits.max_connections;
    struct connection *c = calloc(1, sizeof(*c));

    if (c != NULL) {
        c->worker = worker;
        if (!open_bufferevent(c, fd)) {
            free(c);
            c = NULL;
        }
    }
    if (c == NULL) {
        atomic_fetch_add_explicit(&server->refused, 1, memory_order_relaxed);
        atomic_fetch_sub(&worker->n_given, 1);
        evutil_closesocket(fd);
        return;
    }
    c->roles = roles;
    c->is_excess = worker->n_connections >= max;
    c->next = worker->connections;
    c->link = &worker->connections;
    if (c->next != NULL) {
        c->next->link = &c->next;
    }
    worker->connections = c;
    worker->n_connections++;
    atomic_fetch_add_explicit(&server->open, 1, memory_order_relaxed);
    buf_init(&c->head_bytes, HTTP_HEAD_MAX_BYTES);
    format_peer(address, c->peer, sizeof(c->peer));
    bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
    bufferevent_setwatermark(c->bev, EV_READ, 0, INPUT_MAX_BYTES);
    if (c->ssl != NULL) {
        set_state(c, CONNECTION_HANDSHAKE, server->options.limits.handshake_ms);
        bufferevent_enable(c->bev, EV_READ | EV_WRITE);
    } else {
        bufferevent_enable(c->bev, EV_WRITE);
        begin_request(c);
    }
}
