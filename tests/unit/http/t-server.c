/* The server over loopback, without TLS: what goes over the wire, in both directions. TLS is
 * shown by tests/functional. */
#include "support/support.h"

#include "base/buf.h"
#include "http/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SMALL_BODY = 1000, BIG_BODY = 1024 * 1024 };

static _Atomic int n_done;
static _Atomic int n_workers_made;

static void echo(struct http_request *request, struct http_response *response)
{
    response->status = 200;
    response->content_type = "application/octet-stream";
    response->body = arena_dup(request->arena, request->body);
}

static void hello(struct http_request *request, struct http_response *response)
{
    struct span who = http_request_query(request, "who");

    http_answer_json(response, 200,
                     span_str(arena_printf(request->arena, "{\"hello\":\"%.*s\"}", (int)who.len,
                                           who.data == NULL ? "" : (const char *)who.data)));
}

static void teapot(struct http_request *request, struct http_response *response)
{
    http_answer_error(request->arena, response, 409, "Conflict", "no \"tea\" \001 here");
}

static sem_t holding, let_go;

static void hold(struct http_request *request, struct http_response *response)
{
    (void)request;
    sem_post(&holding);
    sem_wait(&let_go);
    http_answer_json(response, 200, span_str("{}"));
}

static const struct http_route items[] = {
    {.methods = HTTP_GET, .pattern = "/hold", .handler = hold},
    {.methods = HTTP_POST, .pattern = "/echo", .handler = echo, .body_max_bytes = SMALL_BODY},
    {.methods = HTTP_POST, .pattern = "/big", .handler = echo, .body_max_bytes = BIG_BODY},
    {.methods = HTTP_GET, .pattern = "/hello", .handler = hello, .flags = HTTP_NO_STORE},
    {.methods = HTTP_GET | HTTP_POST, .pattern = "/teapot", .handler = teapot},
};

static void count_done(void *context, void *worker, const struct http_done *done)
{
    (void)context;
    (void)worker;
    (void)done;
    atomic_fetch_add(&n_done, 1);
}

static void *make_worker(void *context, unsigned index)
{
    (void)context;
    (void)index;
    atomic_fetch_add(&n_workers_made, 1);
    return &n_workers_made;
}

static struct http_server *start(const struct http_limits *limits)
{
    struct http_options options = {
        .listen = {{.host = "127.0.0.1"}, {.host = "::1", .is_optional = true}},
        .n_listen = 2,
        .n_workers = 2,
        .routes = {.items = items, .n = ARRAY_LEN(items)},
        .service_version = "1.2.3.4",
        .worker_new = make_worker,
        .done = count_done,
    };
    struct http_server *server = NULL;
    struct trail trail = {0};
    err_t err;

    if (limits != NULL) {
        options.limits = *limits;
    }
    err = http_server_start(&options, &trail, &server);
    if (err) {
        fail_msg("%s: %s", trail.where, trail.what);
    }
    return server;
}

static int dial(struct http_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(http_server_port(server, 0)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void push(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t n = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL);

        if (n <= 0) {
            return; /* the server closed early: what it answered is what counts */
        }
        bytes = span_cut(bytes, (size_t)n, bytes.len);
    }
}

/* All until the end of the connection. */
static void pull(int fd, struct buf *answer)
{
    char piece[4096];
    ssize_t n;

    buf_init(answer, 8u << 20);
    while ((n = recv(fd, piece, sizeof(piece), 0)) > 0) {
        buf_add(answer, span_of(piece, (size_t)n));
    }
    assert_int_equal(n, 0); /* an end, not a reset */
    close(fd);
}

static void exchange(struct http_server *server, struct span request, struct buf *answer)
{
    int fd = dial(server);

    push(fd, request);
    pull(fd, answer);
}

static void expect_text(const struct buf *answer, const char *text)
{
    if (answer->data == NULL || strstr(buf_cstr(answer), text) == NULL) {
        fail_msg("no '%s' in: %.600s", text, answer->data == NULL ? "" : buf_cstr(answer));
    }
}

static void answers_faults_in_the_error_shape_and_closes_cleanly(void **state)
{
    static const struct {
        const char *request;
        const char *status, *code;
    } cases[] = {
        {"garbage\r\n\r\n", "400 ", "\"code\":\"InvalidParameter\""},
        {"GET / HTTP/1.1\nHost: a\n\n", "400 ", "\"code\":\"InvalidParameter\""},
        {"GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "404 ", "\"NotFound\""},
        {"GET /%2f HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "400 ", "InvalidParameter"},
        {"GET //hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "404 ", "\"NotFound\""},
        {"DELETE /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "405 ",
         "Allow: GET, HEAD\r\n"},
        {"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "404 ", "\"NotFound\""},
        {"POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "404 ", "NotFound"},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", "413 ",
         "\"RequestTooLarge\""},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\nExpect: "
         "100-continue\r\n\r\n",
         "413 ", "x-ms-error-code: RequestTooLarge\r\n"},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n", "413 ",
         "\"RequestTooLarge\""},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "400 ",
         "\"InvalidParameter\""},
        {"GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "413 ",
         "\"RequestTooLarge\""},
        {"GET /teapot HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "409 ", "no \\\"tea\\\" "},
    };
    struct http_server *server = start(NULL);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_done) struct buf answer = {0};
        char first[64];

        exchange(server, span_str(cases[i].request), &answer);
        snprintf(first, sizeof(first), "HTTP/1.1 %s", cases[i].status);
        expect_text(&answer, first);
        expect_text(&answer, cases[i].code);
        expect_text(&answer, "{\"error\":{\"code\":\"");
        expect_text(&answer, "Content-Type: application/json; charset=utf-8\r\n");
        expect_text(&answer, "Connection: close\r\n");
        expect_text(&answer, "x-ms-request-id: ");
        expect_text(&answer, "x-ms-maa-service-version: 1.2.3.4\r\n");
    }
    http_server_free(server);
}

/* The client writes all of it before it reads: without reading on it would see a reset. */
static void shows_413_to_a_client_that_sends_ten_megabytes_first(void **state)
{
    static const char head[] = "POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 10485760\r\n\r\n";
    struct http_server *server = start(NULL);
    CLEANUP(buf_done) struct buf answer = {0};
    uint8_t *body = calloc(1, 10485760);
    int fd = dial(server);

    (void)state;
    assert_non_null(body);
    push(fd, span_str(head));
    push(fd, span_of(body, 10485760));
    pull(fd, &answer);
    expect_text(&answer, "HTTP/1.1 413 ");
    free(body);
    http_server_free(server);
}

static void refuses_a_head_over_its_limit(void **state)
{
    struct http_server *server = start(NULL);
    CLEANUP(buf_done) struct buf answer = {0}, request = {0};

    (void)state;
    buf_init(&request, 100000);
    buf_add_str(&request, "GET /hello HTTP/1.1\r\nHost: a\r\nX-Long: ");
    while (request.len < 40000) {
        buf_add_char(&request, 'x');
    }
    exchange(server, buf_span(&request), &answer);
    expect_text(&answer, "HTTP/1.1 431 ");
    expect_text(&answer, "\"RequestHeadersTooLarge\"");
    http_server_free(server);
}

/* Total deadlines: a byte now and then does not buy time. */
static void answers_408_to_slow_clients(void **state)
{
    const struct http_limits limits = {.head_ms = 60, .body_ms = 60, .sweep_ms = 10};
    struct http_server *server = start(&limits);
    static const char *const starts[] = {
        "GET /hello HT",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
    };
    struct http_stats stats;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        CLEANUP(buf_done) struct buf answer = {0};

        exchange(server, span_str(starts[i]), &answer);
        expect_text(&answer, "HTTP/1.1 408 ");
        expect_text(&answer, "\"RequestTimeout\"");
    }
    http_server_stats(server, &stats);
    assert_int_equal(stats.timed_out, ARRAY_LEN(starts));
    http_server_free(server);
}

static void closes_connections_that_never_speak(void **state)
{
    const struct http_limits limits = {.head_ms = 30, .sweep_ms = 10};
    struct http_server *server = start(&limits);
    CLEANUP(buf_done) struct buf answer = {0};

    (void)state;
    exchange(server, (struct span){0}, &answer);
    assert_int_equal(answer.len, 0);
    http_server_free(server);
}

static void answers_503_past_the_limit_of_connections(void **state)
{
    const struct http_limits limits = {.max_connections = 1};
    struct http_server *server = start(&limits);
    int held[8];
    bool was_refused = false;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(held); i++) {
        held[i] = dial(server);
    }
    for (size_t i = 0; i < ARRAY_LEN(held); i++) {
        static const char request[] = "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        char piece[2048] = "";

        push(held[i], span_str(request));
        if (recv(held[i], piece, sizeof(piece) - 1, 0) > 0 && strstr(piece, " 503 ") != NULL) {
            assert_non_null(strstr(piece, "Retry-After: 1\r\n"));
            was_refused = true;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(held); i++) {
        close(held[i]);
    }
    assert_true(was_refused);
    http_server_free(server);
}

/* Every worker takes as many as it may before one of them refuses. */
static void spreads_connections_over_its_workers(void **state)
{
    enum { EACH = 4, ALL = 2 * EACH };
    static const char request[] = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
    const struct http_limits limits = {.max_connections = EACH};
    struct http_server *server = start(&limits);
    char piece[2048] = "";
    int held[ALL + 1];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(held); i++) {
        held[i] = dial(server);
        push(held[i], span_str(request));
        memset(piece, 0, sizeof(piece));
        assert_true(recv(held[i], piece, sizeof(piece) - 1, 0) > 0);
        assert_non_null(strstr(piece, i < ALL ? " 200 OK" : " 503 "));
    }
    for (size_t i = 0; i < ARRAY_LEN(held); i++) {
        close(held[i]);
    }
    http_server_free(server);
}

/* One of two workers is in a handler: nobody who comes now waits for its end. */
static void gives_connections_to_workers_that_are_free(void **state)
{
    static const char request[] = "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    const struct timeval wait = {.tv_sec = 30};
    struct http_server *server = start(NULL);
    CLEANUP(buf_done) struct buf late = {0};
    int busy = dial(server);

    (void)state;
    assert_int_equal(sem_init(&holding, 0, 0), 0);
    assert_int_equal(sem_init(&let_go, 0, 0), 0);
    push(busy, span_str("GET /hold HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    sem_wait(&holding);
    /* A worker counts as held once its handler has run for 10 ms: at least that must pass. */
    usleep(50 * 1000);
    for (int i = 0; i < 32; i++) {
        CLEANUP(buf_done) struct buf answer = {0};
        int fd = dial(server);

        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)), 0);
        push(fd, span_str(request));
        pull(fd, &answer);
        expect_text(&answer, " 200 OK");
    }
    sem_post(&let_go);
    pull(busy, &late);
    expect_text(&late, " 200 OK");
    http_server_free(server);
    sem_destroy(&holding);
    sem_destroy(&let_go);
}

static void serves_requests_sent_all_at_once_in_order(void **state)
{
    static const char requests[] =
        "GET /hello?who=a%20b HTTP/1.1\r\nHost: a\r\n\r\n"
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nxyz"
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nuv\r\n0\r\n\r\n"
        "HEAD /hello?x&who=q HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    struct http_server *server = start(NULL);
    CLEANUP(buf_done) struct buf answer = {0};
    const char *at;
    int before = atomic_load(&n_done);

    (void)state;
    exchange(server, span_str(requests), &answer);
    at = strstr(buf_cstr(&answer), "{\"hello\":\"a b\"}HTTP/1.1 200 OK");
    assert_non_null(at);
    at = strstr(at, "\r\n\r\nxyzHTTP/1.1 200 OK");
    assert_non_null(at);
    at = strstr(at, "\r\n\r\nuvHTTP/1.1 200 OK");
    assert_non_null(at);
    assert_non_null(strstr(at, "Content-Length: 13\r\n"));
    assert_null(strstr(at, "hello\":"));
    assert_non_null(strstr(at, "Cache-Control: no-store\r\n"));
    http_server_stop(server, 1000);
    assert_int_equal(atomic_load(&n_done) - before, 4);
    http_server_free(server);
}

static void sends_100_continue_before_a_body_that_waits_for_it(void **state)
{
    static const char head[] =
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n"
        "Connection: close\r\n\r\n";
    struct http_server *server = start(NULL);
    CLEANUP(buf_done) struct buf answer = {0};
    int fd = dial(server);
    char go_on[64] = "";

    (void)state;
    push(fd, span_str(head));
    assert_true(recv(fd, go_on, sizeof(go_on) - 1, 0) > 0);
    assert_string_equal(go_on, "HTTP/1.1 100 Continue\r\n\r\n");
    push(fd, span_str("wxyz"));
    pull(fd, &answer);
    expect_text(&answer, "HTTP/1.1 200 OK");
    expect_text(&answer, "\r\n\r\nwxyz");
    http_server_free(server);
}

static void returns_ids_that_the_client_asked_for_and_no_others(void **state)
{
    static const char trace[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    struct http_server *server = start(NULL);
    CLEANUP(buf_done) struct buf with = {0}, without = {0}, request = {0};

    (void)state;
    buf_init(&request, 4096);
    buf_addf(&request,
             "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\ntraceparent: %s\r\n"
             "x-ms-client-request-id: abc\r\nx-ms-return-client-request-id: true\r\n\r\n",
             trace);
    exchange(server, buf_span(&request), &with);
    expect_text(&with, "x-ms-client-request-id: abc\r\n");
    expect_text(&with, "x-ms-request-id: 00-0af7651916cd43dd8448eb211c80319c-");
    exchange(server,
             span_str("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\ntraceparent: x\r\n"
                      "x-ms-client-request-id: abc\r\n\r\n"),
             &without);
    assert_null(strstr(buf_cstr(&without), "client-request-id"));
    assert_null(strstr(buf_cstr(&without), "x-ms-request-id: x\r\n"));
    http_server_free(server);
}

static void refuses_an_address_that_another_server_has(void **state)
{
    struct http_server *server = start(NULL);
    struct http_options options = {
        .listen = {{.host = "127.0.0.1", .port = http_server_port(server, 0)}},
        .n_listen = 1,
        .n_workers = 1,
        .routes = {.items = items, .n = ARRAY_LEN(items)},
    };
    struct http_server *second = NULL;
    struct trail trail = {0};

    (void)state;
    assert_err(http_server_start(&options, &trail, &second), ERR_CONFLICT);
    assert_non_null(strstr(trail.where, "127.0.0.1:"));
    assert_null(second);
    http_server_free(server);
}

static void *hammer(void *context)
{
    struct http_server *server = context;

    for (int i = 0; i < 50; i++) {
        CLEANUP(buf_done) struct buf answer = {0};

        exchange(server,
                 span_str("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
                          "Connection: close\r\n\r\nhi"),
                 &answer);
        expect_text(&answer, "\r\n\r\nhi");
    }
    return NULL;
}

static void serves_many_clients_and_finishes_their_requests_when_stopped(void **state)
{
    struct http_server *server = start(NULL);
    pthread_t threads[4];
    struct http_stats stats;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, server), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    http_server_stats(server, &stats);
    assert_int_equal(stats.accepted, 200);
    http_server_stop(server, 1000);
    http_server_stats(server, &stats);
    assert_int_equal(stats.open, 0);
    http_server_free(server);
}

/* What it leaks is told at the end of the program. */
static void leaves_nothing_behind_when_stopped_in_the_middle(void **state)
{
    const struct http_limits limits = {.sweep_ms = 1};

    (void)state;
    for (int round = 0; round < 100; round++) {
        struct http_server *server = start(&limits);
        int clients[16];

        for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
            clients[i] = dial(server);
            push(clients[i], span_str("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"));
        }
        http_server_stop(server, 0);
        for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
            close(clients[i]);
        }
        http_server_free(server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_faults_in_the_error_shape_and_closes_cleanly),
        cmocka_unit_test(shows_413_to_a_client_that_sends_ten_megabytes_first),
        cmocka_unit_test(refuses_a_head_over_its_limit),
        cmocka_unit_test(answers_408_to_slow_clients),
        cmocka_unit_test(closes_connections_that_never_speak),
        cmocka_unit_test(answers_503_past_the_limit_of_connections),
        cmocka_unit_test(spreads_connections_over_its_workers),
        cmocka_unit_test(gives_connections_to_workers_that_are_free),
        cmocka_unit_test(refuses_an_address_that_another_server_has),
        cmocka_unit_test(serves_requests_sent_all_at_once_in_order),
        cmocka_unit_test(sends_100_continue_before_a_body_that_waits_for_it),
        cmocka_unit_test(returns_ids_that_the_client_asked_for_and_no_others),
        cmocka_unit_test(serves_many_clients_and_finishes_their_requests_when_stopped),
        cmocka_unit_test(leaves_nothing_behind_when_stopped_in_the_middle),
    };

    return RUN_TESTS(tests);
}
