/* The client against our own server, over TLS, and against what is no server. */
#include "support/support.h"

#include "base/file.h"
#include "crypto/cert.h"
#include "http/server.h"
#include "httpclient/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DAY = 86400 };

static char folder[64], ca_path[96], cert_path[96], key_path[96], other_ca_path[96];
static struct http_server *server;
static struct arena *arena;

static void echo(struct http_request *request, struct http_response *response)
{
    struct span bearer = http_request_bearer(request);

    http_answer_json(
        response, 200,
        span_str(arena_printf(
            request->arena, "{\"got\":\"%.*s\",\"bearer\":\"%.*s\"}", (int)request->body.len,
            request->body.data == NULL ? "" : (const char *)request->body.data, (int)bearer.len,
            bearer.data == NULL ? "" : (const char *)bearer.data)));
}

static void type(struct http_request *request, struct http_response *response)
{
    struct span sent = http_request_header(request, "Content-Type");

    http_answer_json(
        response, 200,
        span_str(arena_printf(request->arena, "%.*s %.*s", (int)sent.len, (const char *)sent.data,
                              (int)request->body.len, (const char *)request->body.data)));
}

static void busy(struct http_request *request, struct http_response *response)
{
    http_answer_error(request->arena, response, 429, "TooManyRequests", "later");
    response->retry_after_s = 7;
}

static void redirect(struct http_request *request, struct http_response *response)
{
    http_answer_error(request->arena, response, 307, "Elsewhere", "over there");
    http_answer_header(response, "Location", "https://localhost/");
}

static void large(struct http_request *request, struct http_response *response)
{
    http_answer_json(response, 200, span_of(arena_calloc(request->arena, 1, 200000), 200000));
}

static void nothing(struct http_request *request, struct http_response *response)
{
    (void)request;
    response->status = 204;
}

static const struct http_route routes[] = {
    {.methods = HTTP_GET | HTTP_POST | HTTP_PUT | HTTP_DELETE,
     .pattern = "/echo",
     .handler = echo,
     .body_max_bytes = 1000},
    {.methods = HTTP_POST, .pattern = "/type", .handler = type, .body_max_bytes = 1000},
    {.methods = HTTP_GET, .pattern = "/busy", .handler = busy},
    {.methods = HTTP_GET, .pattern = "/redirect", .handler = redirect},
    {.methods = HTTP_GET, .pattern = "/large", .handler = large},
    {.methods = HTTP_GET, .pattern = "/nothing", .handler = nothing},
};

static void write_pem(const char *path, struct span pem, unsigned mode)
{
    assert_ok(file_write(path, pem, mode, NULL));
}

static void make_ca(const char *name, const char *path, int64_t now, struct signkey **key,
                    struct cert **cert)
{
    const struct cert_request request = {
        .profile = CERT_CA, .common_name = name, .not_before = now - DAY, .not_after = now + DAY};
    struct span pem = {0};

    assert_ok(signkey_generate(SIGNKEY_P256, key));
    assert_ok(cert_issue(&request, signkey_public(*key), NULL, *key, cert));
    assert_ok(cert_pem(*cert, arena, &pem));
    write_pem(path, pem, 0644);
}

static int start(void **state)
{
    const char *const names[] = {"localhost", NULL};
    const int64_t now = time(NULL);
    CLEANUP(signkey_free) struct signkey *ca_key = NULL, *other_key = NULL, *key = NULL;
    CLEANUP(cert_free) struct cert *ca = NULL, *other = NULL, *cert = NULL;
    const struct cert_request request = {.profile = CERT_TLS_SERVER,
                                         .common_name = "localhost",
                                         .dns_names = names,
                                         .not_before = now - DAY,
                                         .not_after = now + DAY};
    struct http_options options = {.listen = {{.host = "127.0.0.1"}},
                                   .n_listen = 1,
                                   .n_workers = 1,
                                   .certificate_file = cert_path,
                                   .key_file = key_path,
                                   .routes = {.items = routes, .n = ARRAY_LEN(routes)}};
    struct span pem = {0};

    (void)state;
    unsetenv("https_proxy");
    unsetenv("HTTPS_PROXY");
    unsetenv("all_proxy");
    unsetenv("ALL_PROXY");
    arena = test_arena();
    snprintf(folder, sizeof(folder), "/tmp/bootwarden-client.XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(ca_path, sizeof(ca_path), "%s/ca.pem", folder);
    snprintf(other_ca_path, sizeof(other_ca_path), "%s/other.pem", folder);
    snprintf(cert_path, sizeof(cert_path), "%s/server.pem", folder);
    snprintf(key_path, sizeof(key_path), "%s/server.key", folder);
    make_ca("Test CA", ca_path, now, &ca_key, &ca);
    make_ca("Other CA", other_ca_path, now, &other_key, &other);
    assert_ok(signkey_generate(SIGNKEY_P256, &key));
    assert_ok(cert_issue(&request, signkey_public(key), ca, ca_key, &cert));
    assert_ok(cert_pem(cert, arena, &pem));
    write_pem(cert_path, pem, 0644);
    assert_ok(signkey_pem(key, arena, &pem));
    write_pem(key_path, pem, 0600);
    assert_ok(http_server_start(&options, NULL, &server));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    http_server_stop(server, 1000);
    http_server_free(server);
    unlink(ca_path);
    unlink(other_ca_path);
    unlink(cert_path);
    unlink(key_path);
    rmdir(folder);
    arena_free(arena);
    return 0;
}

static struct http_client *client_for(const char *host, uint16_t port, const char *ca,
                                      size_t body_max)
{
    struct http_client_options options = {
        .base_url = arena_printf(arena, "https://%s:%u/", host, port),
        .ca_file = ca,
        .timeout_ms = 5000,
        .body_max_bytes = body_max,
    };
    struct http_client *client = NULL;

    assert_ok(http_client_new(&options, NULL, &client));
    return client;
}

static void expect_failure(struct http_client *client, err_t wanted, const char *words)
{
    struct http_reply reply = {0};
    struct trail trail = {0};

    assert_err(
        http_client_call(client, "GET", "/echo", NULL, (struct span){0}, arena, &trail, &reply),
        wanted);
    if (strstr(trail.what, words) == NULL) {
        fail_msg("'%s' does not say '%s'", trail.what, words);
    }
    assert_string_equal(trail.where, http_client_address(client));
    assert_int_equal(reply.status, 0);
    http_client_free(client);
}

static void refuses_addresses_that_are_not_https(void **state)
{
    static const char *const urls[] = {
        "http://localhost:1", "localhost:1", "", "ftp://a", "https://", "https://u:p@h/",
        "https://h/?q",       "https://h/#f"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct http_client_options options = {.base_url = urls[i]};
        struct http_client *client = NULL;
        struct trail trail = {0};

        assert_err(http_client_new(&options, &trail, &client), ERR_USAGE);
        assert_true(trail.what[0] != '\0');
    }
    {
        struct http_client_options options = {.base_url = "https://h", .ca_file = "/nonexistent"};
        struct http_client *client = NULL;
        struct trail trail = {0};

        assert_err(http_client_new(&options, &trail, &client), ERR_USAGE);
        assert_non_null(strstr(trail.what, "'/nonexistent' does not exist"));
        trail = (struct trail){0};
        options.ca_file = "/tmp";
        assert_err(http_client_new(&options, &trail, &client), ERR_USAGE);
        assert_non_null(strstr(trail.what, "is no file"));
    }
}

static void says_that_nobody_listens(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound, not listening: refused */

    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    expect_failure(client_for("127.0.0.1", ntohs(address.sin_port), ca_path, 0), ERR_NETWORK,
                   "Connection refused");
    close(fd);
}

/* Accepts, and never says a word. */
static void says_that_the_answer_did_not_come_in_time(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct http_client_options options = {.ca_file = ca_path, .timeout_ms = 100};
    struct http_client *client = NULL;

    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    options.base_url = arena_printf(arena, "https://127.0.0.1:%u", ntohs(address.sin_port));
    assert_ok(http_client_new(&options, NULL, &client));
    expect_failure(client, ERR_TIMEOUT, "timed out");
    close(fd);
}

static void says_which_certificate_problem_there_is(void **state)
{
    const uint16_t port = http_server_port(server, 0);

    (void)state;
    expect_failure(client_for("localhost", port, other_ca_path, 0), ERR_UNTRUSTED,
                   "unable to get local issuer certificate");
    /* The system's roots do not help: nor do they know this CA. */
    expect_failure(client_for("localhost", port, NULL, 0), ERR_UNTRUSTED,
                   "the server's certificate is refused");
    expect_failure(client_for("127.0.0.1", port, ca_path, 0), ERR_UNTRUSTED, "127.0.0.1");
    /* A file that is no CA file: the key's. */
    expect_failure(client_for("localhost", port, key_path, 0), ERR_USAGE, "holds no certificate");
}

static void refuses_an_answer_over_its_limit(void **state)
{
    struct http_client *client =
        client_for("localhost", http_server_port(server, 0), ca_path, 100000);
    struct http_reply reply = {0};
    struct trail trail = {0};

    (void)state;
    assert_err(
        http_client_call(client, "GET", "/large", NULL, (struct span){0}, arena, &trail, &reply),
        ERR_TOO_LARGE);
    assert_non_null(strstr(trail.what, "100000"));
    http_client_free(client);
}

struct drain {
    size_t len, most;
};

static bool take(void *context, struct span piece)
{
    struct drain *drain = context;

    drain->len += piece.len;
    return drain->len <= drain->most;
}

/* For files: what comes goes on at once, and is in no memory. Refusals are answers as always. */
static void gives_a_body_on_piece_by_piece(void **state)
{
    static const struct {
        const char *path;
        size_t body_max, most;
        err_t want;
        unsigned status;
        size_t sunk;
    } cases[] = {
        {"/large", 200000, 200000, ERR_OK, 200, 200000},
        {"/large", 199999, 200000, ERR_TOO_LARGE, 0, 0},
        {"/large", 300000, 1000, ERR_IO, 0, 0},
        {"/busy", 300000, 300000, ERR_OK, 429, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_client *client =
            client_for("localhost", http_server_port(server, 0), ca_path, cases[i].body_max);
        struct drain drain = {.most = cases[i].most};
        const struct http_client_request request = {
            .method = "GET", .path = cases[i].path, .sink = take, .sink_context = &drain};
        struct http_reply reply = {0};

        assert_err(http_client_send(client, &request, arena, NULL, &reply), cases[i].want);
        assert_int_equal(reply.status, cases[i].status);
        if (cases[i].want == ERR_OK) {
            assert_int_equal(drain.len, cases[i].sunk);
            assert_int_equal(reply.body.len > 0, cases[i].sunk == 0);
        }
        http_client_free(client);
    }
}

/* The token would go to whoever the redirect names. */
static void does_not_follow_redirects(void **state)
{
    struct http_client *client = client_for("localhost", http_server_port(server, 0), ca_path, 0);
    struct http_reply reply = {0};

    (void)state;
    assert_ok(http_client_call(client, "GET", "/redirect", "secret", (struct span){0}, arena, NULL,
                               &reply));
    assert_int_equal(reply.status, 307);
    http_client_free(client);
}

static void refuses_a_bearer_that_would_write_headers(void **state)
{
    struct http_client *client = client_for("localhost", http_server_port(server, 0), ca_path, 0);
    struct http_reply reply = {0};

    (void)state;
    assert_err(http_client_call(client, "GET", "/echo", "a\r\nX: y", (struct span){0}, arena, NULL,
                                &reply),
               ERR_VALUE);
    http_client_free(client);
}

static void calls_again_and_again_with_and_without_bodies(void **state)
{
    struct http_client *client = client_for("localhost", http_server_port(server, 0), ca_path, 0);
    struct http_reply reply = {0};

    (void)state;
    assert_ok(
        http_client_call(client, "POST", "/echo", "t0ken", span_str("abc"), arena, NULL, &reply));
    assert_int_equal(reply.status, 200);
    assert_true(span_is(reply.body, "{\"got\":\"abc\",\"bearer\":\"t0ken\"}"));
    assert_ok(
        http_client_call(client, "GET", "/echo", NULL, (struct span){0}, arena, NULL, &reply));
    assert_true(span_is(reply.body, "{\"got\":\"\",\"bearer\":\"\"}"));
    assert_ok(http_client_call(client, "PUT", "/echo", NULL, span_str("def"), arena, NULL, &reply));
    assert_true(span_is(reply.body, "{\"got\":\"def\",\"bearer\":\"\"}"));
    assert_ok(http_client_call(client, "POST", "/echo", NULL, span_str(""), arena, NULL, &reply));
    assert_int_equal(reply.status, 200);
    assert_ok(
        http_client_call(client, "DELETE", "/echo", NULL, (struct span){0}, arena, NULL, &reply));
    assert_int_equal(reply.status, 200);
    assert_ok(
        http_client_call(client, "HEAD", "/echo", NULL, (struct span){0}, arena, NULL, &reply));
    assert_int_equal(reply.body.len, 0);
    assert_ok(
        http_client_call(client, "GET", "/nothing", NULL, (struct span){0}, arena, NULL, &reply));
    assert_int_equal(reply.status, 204);
    assert_ok(
        http_client_call(client, "GET", "/busy", NULL, (struct span){0}, arena, NULL, &reply));
    assert_int_equal(reply.status, 429);
    assert_int_equal(reply.retry_after_s, 7);
    http_client_free(client);
}

static void sends_bodies_of_any_type_and_paths_as_they_are(void **state)
{
    struct http_client *client = client_for("localhost", http_server_port(server, 0), ca_path, 0);
    struct http_client_request request = {.method = "POST",
                                          .path = "/type",
                                          .body = span_str("a=b"),
                                          .content_type = "application/x-www-form-urlencoded"};
    struct http_reply reply = {0};

    (void)state;
    assert_ok(http_client_send(client, &request, arena, NULL, &reply));
    assert_string_equal((const char *)reply.body.data, "application/x-www-form-urlencoded a=b");
    request.content_type = NULL;
    assert_ok(http_client_send(client, &request, arena, NULL, &reply));
    assert_string_equal((const char *)reply.body.data, "application/json a=b");
    request.path = "/other/../type";
    assert_ok(http_client_send(client, &request, arena, NULL, &reply));
    assert_int_not_equal(reply.status, 200);
    http_client_free(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_addresses_that_are_not_https),
        cmocka_unit_test(says_that_nobody_listens),
        cmocka_unit_test(says_that_the_answer_did_not_come_in_time),
        cmocka_unit_test(says_which_certificate_problem_there_is),
        cmocka_unit_test(refuses_an_answer_over_its_limit),
        cmocka_unit_test(gives_a_body_on_piece_by_piece),
        cmocka_unit_test(does_not_follow_redirects),
        cmocka_unit_test(refuses_a_bearer_that_would_write_headers),
        cmocka_unit_test(calls_again_and_again_with_and_without_bodies),
        cmocka_unit_test(sends_bodies_of_any_type_and_paths_as_they_are),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
