/* Against a host that answers one thing, whatever it is asked. */
#include "httpclient/metadata.h"

#include "support/support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct arena *arena;
static char asked[2048];
static const char *answer;
static int listener;
static pthread_t host;

static void *serve(void *context)
{
    int peer = accept(listener, NULL, NULL);
    ssize_t n = recv(peer, asked, sizeof(asked) - 1, 0);

    (void)context;
    asked[n > 0 ? n : 0] = '\0';
    (void)!send(peer, answer, strlen(answer), MSG_NOSIGNAL);
    close(peer);
    return NULL;
}

static const char *start_host(const char *words)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);

    answer = words;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
    assert_int_equal(pthread_create(&host, NULL, serve, NULL), 0);
    return arena_printf(arena, "http://127.0.0.1:%u/metadata?a=b", ntohs(at.sin_port));
}

static void stop_host(void)
{
    pthread_join(host, NULL);
    close(listener);
}

static void assert_fails(const char *words, err_t wanted, const char *part)
{
    const char *url = start_host(words);
    struct trail trail = {0};
    struct span body = {0};

    assert_err(metadata_get(url, arena, &trail, &body), wanted);
    stop_host();
    assert_memory_equal(trail.where, "127.0.0.1:", 10);
    if (strstr(trail.what, part) == NULL) {
        fail_msg("'%s' is not in '%s'", part, trail.what);
    }
}

static void other_schemes_and_words_are_wrong_use(void **state)
{
    static const char *const urls[] = {"https://127.0.0.1/", "file:///etc/passwd", "127.0.0.1", ""};
    struct trail trail = {0};
    struct span body = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        assert_err(metadata_get(urls[i], arena, &trail, &body), ERR_USAGE);
    }
}

static void answers_that_are_none_are_errors(void **state)
{
    (void)state;
    assert_fails("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", ERR_REFUSED, "404");
    assert_fails("HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
                 ERR_REFUSED, "302");
    assert_fails("", ERR_NETWORK, "");
}

static void a_long_answer_is_cut_off(void **state)
{
    char *text = arena_calloc(arena, 1, METADATA_MAX_BYTES + 200);
    int n = snprintf(text, 100, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");

    (void)state;
    memset(text + n, 'x', METADATA_MAX_BYTES + 1);
    assert_fails(text, ERR_TOO_LARGE, "larger than 65536");
}

static void nobody_there_is_named(void **state)
{
    struct trail trail = {0};
    struct span body = {0};

    (void)state;
    assert_err(metadata_get("http://127.0.0.1:1/", arena, &trail, &body), ERR_NETWORK);
    assert_string_equal(trail.where, "127.0.0.1:1");
    assert_string_equal(trail.what, "Connection refused");
}

static void no_proxy_is_ever_asked(void **state)
{
    const char *url = start_host("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    struct trail trail = {0};
    struct span body = {0};

    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    assert_ok(metadata_get(url, arena, &trail, &body));
    stop_host();
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    assert_true(span_is(body, "{}"));
    assert_memory_equal(asked, "GET /metadata?a=b HTTP/1.1\r\n", 28);
    assert_non_null(strstr(asked, "\r\nMetadata: true\r\n"));
}

static struct metadata_reply call(const struct metadata_request *request)
{
    CLEANUP(metadata_free) struct metadata_call *begun = NULL;
    struct metadata_reply reply = {0};
    struct trail trail = {0};

    assert_ok(metadata_begin(request, &trail, &begun));
    while (!metadata_is_over(begun)) {
        assert_int_equal(metadata_poll(begun, NULL, 0, METADATA_TIMEOUT_MS), 0);
    }
    assert_ok(metadata_end(begun, arena, &trail, &reply));
    return reply;
}

static void a_form_is_posted_and_any_status_comes_back(void **state)
{
    static const unsigned statuses[] = {200, 302, 404, 429, 503};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        const char *words = arena_printf(
            arena, "HTTP/1.1 %u X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 3\r\n\r\nabc",
            statuses[i]);
        const struct metadata_request request = {.url = start_host(words),
                                                 .form = span_str("a%2Bb")};
        struct metadata_reply reply = call(&request);

        stop_host();
        assert_int_equal(reply.status, statuses[i]);
        assert_true(span_is(reply.body, "abc"));
        assert_memory_equal(asked, "POST /metadata?a=b HTTP/1.1\r\n", 29);
        assert_non_null(strstr(asked, "\r\nMetadata: true\r\n"));
        assert_non_null(strstr(asked, "\r\nContent-Type: application/x-www-form-urlencoded\r\n"));
        assert_non_null(strstr(asked, "\r\n\r\na%2Bb"));
    }
}

static void a_call_that_takes_too_long_ends(void **state)
{
    CLEANUP(metadata_free) struct metadata_call *begun = NULL;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct metadata_request request = {.timeout_ms = 200};
    struct metadata_reply reply;
    struct trail trail = {0};

    (void)state;
    assert_int_equal(bind(silent, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(silent, 1), 0);
    assert_int_equal(getsockname(silent, (struct sockaddr *)&at, &size), 0);
    request.url = arena_printf(arena, "http://127.0.0.1:%u/", ntohs(at.sin_port));
    assert_ok(metadata_begin(&request, &trail, &begun));
    while (!metadata_is_over(begun)) {
        (void)metadata_poll(begun, NULL, 0, METADATA_TIMEOUT_MS);
    }
    assert_err(metadata_end(begun, arena, &trail, &reply), ERR_TIMEOUT);
    assert_string_equal(trail.where, metadata_place(begun));
    close(silent);
}

/* Whoever waits for a call may wait for other things at the same time. */
static void others_that_are_ready_end_the_wait(void **state)
{
    CLEANUP(metadata_free) struct metadata_call *begun = NULL;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), pipe_fds[2], tries = 0;
    struct metadata_request request = {.timeout_ms = 60000};
    struct pollfd fds[2] = {{.fd = -1, .events = POLLIN}};

    (void)state;
    assert_int_equal(bind(silent, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(silent, 1), 0);
    assert_int_equal(getsockname(silent, (struct sockaddr *)&at, &size), 0);
    assert_int_equal(pipe(pipe_fds), 0);
    assert_int_equal(write(pipe_fds[1], "x", 1), 1);
    fds[1] = (struct pollfd){.fd = pipe_fds[0], .events = POLLIN};
    request.url = arena_printf(arena, "http://127.0.0.1:%u/", ntohs(at.sin_port));
    assert_ok(metadata_begin(&request, NULL, &begun));
    while (metadata_poll(begun, fds, ARRAY_LEN(fds), 60000) == 0 && tries++ < 100) {
        assert_false(metadata_is_over(begun));
    }
    assert_int_equal(fds[0].revents, 0);
    assert_int_equal(fds[1].revents, POLLIN);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    close(silent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_schemes_and_words_are_wrong_use),
        cmocka_unit_test(answers_that_are_none_are_errors),
        cmocka_unit_test(a_long_answer_is_cut_off),
        cmocka_unit_test(nobody_there_is_named),
        cmocka_unit_test(no_proxy_is_ever_asked),
        cmocka_unit_test(a_form_is_posted_and_any_status_comes_back),
        cmocka_unit_test(a_call_that_takes_too_long_ends),
        cmocka_unit_test(others_that_are_ready_end_the_wait),
    };
    int failed;

    arena = test_arena();
    failed = RUN_TESTS(tests);
    arena_free(arena);
    return failed;
}
