#include "support/support.h"

#include "http/message.h"

#define HOST "Host: a\r\n"

static void refuses_requests_that_two_readers_could_read_differently(void **state)
{
    static const struct {
        const char *text;
        unsigned status;
    } cases[] = {
        /* RFC 9112, 6.1 and 6.3: two lengths, a length and chunks */
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n",
         400},
        {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
        {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n", 501},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1, 1\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 0x10\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999999\r\n\r\n", 413},
        /* 5.1, 5.2: space before the colon, folded lines */
        {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST " A: b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST ": b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST "novalue\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST "A: b\rc\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST "A: b\001\r\n\r\n", 400},
        /* RFC 9112, 3.2: one Host */
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST "Expect: miracles\r\n\r\n", 417},
        /* rule S-6: nothing is unpacked */
        {"POST / HTTP/1.1\r\n" HOST "Content-Encoding: gzip\r\n\r\n", 415},
        /* the request line */
        {"GET /\r\n\r\n", 400},
        {"GET  / HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET / HTTP/1.1 \r\n" HOST "\r\n", 505},
        {"GET / HTTP/2.0\r\n" HOST "\r\n", 505},
        {"GET / HTTP/1.2\r\n" HOST "\r\n", 505},
        {"GET / http/1.1\r\n" HOST "\r\n", 400},
        {"GET x HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET /\x80 HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET /a#b HTTP/1.1\r\n" HOST "\r\n", 400},
        {"G(T / HTTP/1.1\r\n" HOST "\r\n", 400},
        {"BREW / HTTP/1.1\r\n" HOST "\r\n", 501},
        {"get / HTTP/1.1\r\n" HOST "\r\n", 501},
        {"\x16\x03\x01\x02\r\n\r\n", 400},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_head head;
        struct trail trail = {0};
        unsigned status = http_head_parse(span_str(cases[i].text), &trail, &head);

        if (status != cases[i].status || trail.what[0] == '\0') {
            fail_msg("case %zu: status %u, wanted %u, words '%s'", i, status, cases[i].status,
                     trail.what);
        }
    }
}

static void reads_what_clients_send(void **state)
{
    static const char text[] =
        "\r\nPOST /attest/AzureGuest?api-version=2020-10-01 HTTP/1.1\r\nHost: localhost:8443\r\n"
        "Content-Type:application/json\r\nContent-Length: 42\r\nexpect: 100-Continue\r\n"
        "X-Odd: \t two words \t\r\nConnection: upgrade, Close\r\n\r\n";
    struct http_head head;

    (void)state;
    assert_int_equal(http_head_parse(span_str(text), NULL, &head), 0);
    assert_int_equal(head.method, HTTP_POST);
    assert_true(span_is(head.path, "/attest/AzureGuest"));
    assert_true(span_is(head.query, "api-version=2020-10-01"));
    assert_int_equal(head.content_length, 42);
    assert_true(head.expects_continue);
    assert_false(head.keeps_alive);
    assert_true(span_is(http_head_find(&head, "x-odd"), "two words"));
    assert_true(span_is(http_head_find(&head, "CONTENT-TYPE"), "application/json"));
    assert_null(http_head_find(&head, "x-none").data);
}

static void reads_absolute_targets_and_http_1_0(void **state)
{
    struct http_head head;

    (void)state;
    assert_int_equal(
        http_head_parse(span_str("GET https://a/certs?a HTTP/1.1\r\n" HOST "\r\n"), NULL, &head),
        0);
    assert_true(span_is(head.path, "/certs"));
    assert_int_equal(
        http_head_parse(span_str("GET http://a HTTP/1.1\r\n" HOST "\r\n"), NULL, &head), 0);
    assert_true(span_is(head.path, "/"));
    assert_int_equal(http_head_parse(span_str("GET http://a?b HTTP/1.0\r\n\r\n"), NULL, &head), 0);
    assert_true(span_is(head.path, "/") && span_is(head.query, "b"));
    assert_int_equal(http_head_parse(span_str("GET /? HTTP/1.0\r\n\r\n"), NULL, &head), 0);
    assert_false(head.keeps_alive);
    assert_non_null(head.query.data);
    assert_int_equal(
        http_head_parse(span_str("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), NULL, &head),
        0);
    assert_true(head.keeps_alive);
}

static void refuses_hosts_that_are_none(void **state)
{
    static const char *const hosts[] = {
        "p1.eus.attest.test..",
        "..",
        ".",
        ".p1.eus.attest.test",
        "p1..attest.test",
        "p1.eus.attest.test@evil",
        "x@p1.eus.attest.test",
        "p1.eus.attest.test:x@y",
        "p1.eus.attest.test/x",
        "[p1.eus.attest.test]",
        "p1.eus.attest.test:8443:9",
        "p1.eus.attest.test evil",
        "p1%2eeus.attest.test",
        "p1.eus.attest.test:84430",
        "p1.eus.attest.test:99999",
        "p1.eus.attest.test:+1",
        "p1.eus.attest.test?",
        ":8443",
        "[::1",
        "[]",
        "[::1]x",
        "[::1]8443",
        "[::1]:x",
        "[1]",
        "::1",
        "h\xc3\xa4.test",
        "a,b",
        "[fe80::1%]",
        "[fe80::1%a b]",
        "[%25eth0]",
    };
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct http_head head;
        struct trail trail = {0};

        if (http_head_parse(
                span_str(arena_printf(arena, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", hosts[i])),
                &trail, &head) != 400) {
            fail_msg("Host: %s", hosts[i]);
        }
        assert_non_null(strstr(trail.what, "Host header '"));
        /* "https://a/b" is a host and a path. */
        if (strpbrk(hosts[i], "/?") == NULL &&
            http_head_parse(
                span_str(arena_printf(arena, "GET https://%s/ HTTP/1.0\r\n\r\n", hosts[i])), &trail,
                &head) != 400) {
            fail_msg("https://%s/", hosts[i]);
        }
    }
    arena_free(arena);
}

/* RFC 9112, 3.2.2: who routed the request by the one must not be answered by the other. */
static void refuses_targets_of_another_host(void **state)
{
    static const char *const texts[] = {
        "GET https://p2.eus.attest.test/certs HTTP/1.1\r\nHost: p1.eus.attest.test\r\n\r\n",
        "GET https://p1.eus.attest.test:1/certs HTTP/1.1\r\nHost: p1.eus.attest.test\r\n\r\n",
        "GET https://p1.eus.attest.test/certs HTTP/1.1\r\nHost:\r\n\r\n",
        "GET HTTPS://p2.eus.attest.test HTTP/1.0\r\nHost: p1.eus.attest.test\r\n\r\n",
        "GET https://user@p1.eus.attest.test/ HTTP/1.1\r\nHost: p1.eus.attest.test\r\n\r\n",
        "GET https:///certs HTTP/1.1\r\nHost:\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct http_head head;

        if (http_head_parse(span_str(texts[i]), NULL, &head) != 400) {
            fail_msg("%s", texts[i]);
        }
    }
}

static void tells_whom_a_request_is_for(void **state)
{
    static const struct {
        const char *text, *host;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: P1.eus.attest.test.:8443\r\n\r\n", "P1.eus.attest.test.:8443"},
        {"GET / HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n", "[::1]:8443"},
        {"GET / HTTP/1.1\r\nHost: [::ffff:10.0.0.1]\r\n\r\n", "[::ffff:10.0.0.1]"},
        {"GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]:8443\r\n\r\n", "[fe80::1%25eth0]:8443"},
        {"GET / HTTP/1.1\r\nHost: [fe80::1%eth0]\r\n\r\n", "[fe80::1%eth0]"},
        {"GET https://p1.test:443/a HTTP/1.1\r\nHost: p1.test\r\n\r\n", "p1.test:443"},
        {"GET https://p1.test/a HTTP/1.1\r\nHost: p1.test:443\r\n\r\n", "p1.test"},
        {"GET / HTTP/1.1\r\nHost: 10.0.0.1:\r\n\r\n", "10.0.0.1:"},
        {"GET / HTTP/1.1\r\nHost: my_host-1\t\r\n\r\n", "my_host-1"},
        {"GET / HTTP/1.1\r\nHost:\r\n\r\n", ""},
        {"GET / HTTP/1.0\r\n\r\n", ""},
        {"GET HTTPS://p1.test:1?a HTTP/1.0\r\n\r\n", "p1.test:1"},
        {"GET https://p1.test/a HTTP/1.1\r\nHost: P1.test\r\n\r\n", "p1.test"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_head head;

        if (http_head_parse(span_str(cases[i].text), NULL, &head) != 0 ||
            !span_is(head.host, cases[i].host)) {
            fail_msg("%s", cases[i].text);
        }
    }
}

static void refuses_the_65th_header(void **state)
{
    CLEANUP(buf_done) struct buf text = {0};
    struct http_head head;

    (void)state;
    buf_init(&text, HTTP_HEAD_MAX_BYTES);
    buf_add_str(&text, "GET / HTTP/1.1\r\n" HOST);
    for (int i = 0; i < HTTP_MAX_HEADERS - 1; i++) {
        buf_addf(&text, "h%d: x\r\n", i);
    }
    buf_add_str(&text, "\r\n");
    assert_int_equal(http_head_parse(buf_span(&text), NULL, &head), 0);
    text.len -= 2;
    buf_add_str(&text, "one: more\r\n\r\n");
    assert_int_equal(http_head_parse(buf_span(&text), NULL, &head), 431);
}

static void finds_the_end_of_a_head_however_it_is_cut(void **state)
{
    static const char text[] = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nbody";
    const size_t end = strlen(text) - 4;

    (void)state;
    for (size_t cut = 1; cut < sizeof(text) - 1; cut++) {
        size_t scanned = 0, len = 99;

        assert_ok(http_head_end(span_of(text, cut), &scanned, &len));
        assert_int_equal(len, cut < end ? 0 : end);
        if (len == 0) {
            assert_ok(http_head_end(span_str(text), &scanned, &len));
            assert_int_equal(len, end);
        }
    }
}

static void refuses_bare_line_feeds_endless_heads_and_endless_emptiness(void **state)
{
    uint8_t *big = test_malloc(HTTP_HEAD_MAX_BYTES);
    size_t scanned = 0, len = 7;

    (void)state;
    assert_err(http_head_end(span_str("GET / HTTP/1.1\nHost: a\n\n"), &scanned, &len),
               ERR_MALFORMED);
    memset(big, 'a', HTTP_HEAD_MAX_BYTES);
    scanned = 0;
    assert_err(http_head_end(span_of(big, HTTP_HEAD_MAX_BYTES), &scanned, &len), ERR_TOO_LARGE);
    for (size_t i = 0; i < HTTP_HEAD_MAX_BYTES; i++) {
        big[i] = i % 2 == 0 ? '\r' : '\n';
    }
    scanned = 0;
    assert_err(http_head_end(span_of(big, 2000), &scanned, &len), ERR_MALFORMED);
    assert_int_equal(len, 7);
    test_free(big);
}

static void cuts_and_decodes_paths(void **state)
{
    static const struct {
        const char *path;
        err_t err;
        size_t n;
        const char *last;
    } cases[] = {
        {"/a%2fb", ERR_MALFORMED, 0, NULL}, /* another path to another reader */
        {"/a%2Fb", ERR_MALFORMED, 0, NULL},
        {"/a%00", ERR_MALFORMED, 0, NULL},
        {"/a%0d%0a", ERR_MALFORMED, 0, NULL},
        {"/a%", ERR_MALFORMED, 0, NULL},
        {"/a%1", ERR_MALFORMED, 0, NULL},
        {"/a%zz", ERR_MALFORMED, 0, NULL},
        {"/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25/26/27", ERR_TOO_MANY,
         0, NULL},
        {"/", ERR_OK, 0, NULL},
        {"/a", ERR_OK, 1, "a"},
        {"/a/", ERR_OK, 2, ""},
        {"//a", ERR_OK, 2, "a"},
        {"/a%20b/%C3%A9", ERR_OK, 2, "\xc3\xa9"},
        {"/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25/26", ERR_OK, 26, "26"},
    };
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_path path = {0};

        assert_err(http_path_parse(arena, span_str(cases[i].path), &path), cases[i].err);
        assert_int_equal(path.n, cases[i].n);
        if (cases[i].last != NULL) {
            assert_true(span_is(path.segments[path.n - 1], cases[i].last));
        }
    }
    arena_free(arena);
}

static const struct {
    const char *wire;
    err_t err;
    const char *body;
    bool is_done;
} chunked_cases[] = {
    {"\r\n", ERR_MALFORMED, "", false},
    {"g\r\n", ERR_MALFORMED, "", false},
    {"-1\r\n", ERR_MALFORMED, "", false},
    {" 1\r\nx\r\n", ERR_MALFORMED, "", false},
    {"1\nx\r\n", ERR_MALFORMED, "", false},
    {"1\r\nxx\r\n", ERR_MALFORMED, "", false},
    {"1\r\nx\n", ERR_MALFORMED, "", false},
    {"0\r\n\n", ERR_MALFORMED, "", false},
    {"0\r\na: b\n\r\n", ERR_MALFORMED, "", false},
    {"fffffffffffffffff\r\n", ERR_TOO_LARGE, "", false},
    {"7fffffffffffffff\r\nx", ERR_TOO_LARGE, "", false},
    {"41\r\nx", ERR_TOO_LARGE, "", false}, /* announced: 65 of at most 64 */
    {"3\r\nabc\r\n", ERR_OK, "abc", false},
    {"0\r\n\r\n", ERR_OK, "", true},
    {"3\r\nabc\r\n0\r\n\r\n", ERR_OK, "abc", true},
    {"0003 ; name=\"v\"\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n", ERR_OK, "abcde", true},
    {"A\r\n0123456789\r\n0\r\n\r\n", ERR_OK, "0123456789", true},
};

static void reads_chunked_bodies_in_one_piece_and_byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(chunked_cases); i++) {
        for (size_t step = 1; step <= 64; step += 63) {
            CLEANUP(buf_done) struct buf body = {0};
            struct http_chunked chunked = {0};
            struct span rest = span_str(chunked_cases[i].wire);
            bool is_done = false;
            err_t err = ERR_OK;

            buf_init(&body, 64);
            while (err == ERR_OK && rest.len > 0 && !is_done) {
                size_t used = 0;
                struct span piece = span_cut(rest, 0, step);

                err = http_chunked_feed(&chunked, piece, &body, &used, &is_done);
                rest = span_cut(rest, used, rest.len);
            }
            if (err != chunked_cases[i].err || is_done != chunked_cases[i].is_done ||
                (err == ERR_OK && strcmp(buf_cstr(&body), chunked_cases[i].body) != 0)) {
                fail_msg("case %zu step %zu: %s", i, step, err_name(err));
            }
        }
    }
}

static void bounds_chunk_lines_and_trailers(void **state)
{
    CLEANUP(buf_done) struct buf wire = {0}, body = {0};
    struct http_chunked chunked = {0};
    bool is_done;
    size_t used;

    (void)state;
    buf_init(&wire, 1u << 20);
    buf_init(&body, 64);
    buf_add_str(&wire, "1;");
    for (int i = 0; i < HTTP_CHUNK_LINE_MAX; i++) {
        buf_add_char(&wire, 'x');
    }
    assert_err(http_chunked_feed(&chunked, buf_span(&wire), &body, &used, &is_done), ERR_MALFORMED);
    buf_reset(&wire);
    buf_add_str(&wire, "0\r\n");
    for (int i = 0; i < HTTP_TRAILER_MAX_BYTES; i++) {
        buf_add_str(&wire, "a: b\r\n");
    }
    chunked = (struct http_chunked){0};
    assert_err(http_chunked_feed(&chunked, buf_span(&wire), &body, &used, &is_done), ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_requests_that_two_readers_could_read_differently),
        cmocka_unit_test(refuses_bare_line_feeds_endless_heads_and_endless_emptiness),
        cmocka_unit_test(refuses_hosts_that_are_none),
        cmocka_unit_test(refuses_targets_of_another_host),
        cmocka_unit_test(tells_whom_a_request_is_for),
        cmocka_unit_test(refuses_the_65th_header),
        cmocka_unit_test(finds_the_end_of_a_head_however_it_is_cut),
        cmocka_unit_test(reads_what_clients_send),
        cmocka_unit_test(reads_absolute_targets_and_http_1_0),
        cmocka_unit_test(cuts_and_decodes_paths),
        cmocka_unit_test(reads_chunked_bodies_in_one_piece_and_byte_by_byte),
        cmocka_unit_test(bounds_chunk_lines_and_trailers),
    };

    return RUN_TESTS(tests);
}
