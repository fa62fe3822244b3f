/* Documents of issuers over https, from our own server: what is not fetched. */
#include "support/support.h"

#include "base/file.h"
#include "crypto/cert.h"
#include "http/server.h"
#include "identity/fetch.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { DAY = 86400, LIMIT = 1000 };

static char folder[64], ca_path[96], cert_path[96], key_path[96];
static struct http_server *server;
static struct arena *arena;
static struct issuer_config config;

static void document(struct http_request *request, struct http_response *response)
{
    /* No credentials of ours go to an issuer. */
    assert_null(http_request_bearer(request).data);
    http_answer_json(response, 200, span_str("{\"issuer\":\"x\"}"));
}

static void elsewhere(struct http_request *request, struct http_response *response)
{
    http_answer_error(request->arena, response, 302, "Elsewhere", "over there");
    http_answer_header(response, "Location", "/document");
}

static void large(struct http_request *request, struct http_response *response)
{
    http_answer_json(response, 200, span_of(arena_calloc(request->arena, 1, LIMIT + 1), LIMIT + 1));
}

static const struct http_route routes[] = {
    {.methods = HTTP_GET, .pattern = "/document", .handler = document},
    {.methods = HTTP_GET, .pattern = "/elsewhere", .handler = elsewhere},
    {.methods = HTTP_GET, .pattern = "/large", .handler = large},
};

static void put(const char *path, struct span pem)
{
    assert_ok(file_write(path, pem, 0600, NULL));
}

static int start(void **state)
{
    const char *const names[] = {"localhost", NULL};
    const int64_t now = time(NULL);
    CLEANUP(signkey_free) struct signkey *ca_key = NULL, *key = NULL;
    CLEANUP(cert_free) struct cert *ca = NULL, *cert = NULL;
    const struct cert_request authority = {
        .profile = CERT_CA, .common_name = "CA", .not_before = now - DAY, .not_after = now + DAY};
    const struct cert_request request = {.profile = CERT_TLS_SERVER,
                                         .common_name = "localhost",
                                         .dns_names = names,
                                         .not_before = now - DAY,
                                         .not_after = now + DAY};
    const struct http_options options = {.listen = {{.host = "127.0.0.1"}},
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
    snprintf(folder, sizeof(folder), "/tmp/bootwarden-fetch.XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(ca_path, sizeof(ca_path), "%s/ca.pem", folder);
    snprintf(cert_path, sizeof(cert_path), "%s/server.pem", folder);
    snprintf(key_path, sizeof(key_path), "%s/server.key", folder);
    assert_ok(signkey_generate(SIGNKEY_P256, &ca_key));
    assert_ok(cert_issue(&authority, signkey_public(ca_key), NULL, ca_key, &ca));
    assert_ok(cert_pem(ca, arena, &pem));
    put(ca_path, pem);
    assert_ok(signkey_generate(SIGNKEY_P256, &key));
    assert_ok(cert_issue(&request, signkey_public(key), ca, ca_key, &cert));
    assert_ok(cert_pem(cert, arena, &pem));
    put(cert_path, pem);
    assert_ok(signkey_pem(key, arena, &pem));
    put(key_path, pem);
    assert_ok(http_server_start(&options, NULL, &server));
    config.ca_file = ca_path;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    http_server_stop(server, 1000);
    http_server_free(server);
    unlink(ca_path);
    unlink(cert_path);
    unlink(key_path);
    rmdir(folder);
    arena_free(arena);
    return 0;
}

static err_t get(const char *scheme, const char *host, const char *path, struct trail *trail,
                 struct span *ret)
{
    const char *url =
        arena_printf(arena, "%s://%s:%u%s", scheme, host, http_server_port(server, 0), path);

    return fetch_https(NULL, &config, url, LIMIT, arena, trail, ret);
}

static void fetches_nothing_that_is_not_what_was_asked_for(void **state)
{
    struct span body = {0};
    struct trail trail = {0};

    (void)state;
    assert_err(get("http", "localhost", "/document", NULL, &body), ERR_VALUE);
    assert_err(get("file", "localhost", "/document", NULL, &body), ERR_VALUE);
    assert_err(get("https", "localhost", "/elsewhere", &trail, &body), ERR_REFUSED);
    assert_non_null(strstr(trail.what, "redirects are not followed"));
    assert_err(get("https", "localhost", "/none", NULL, &body), ERR_REFUSED);
    assert_err(get("https", "localhost", "/large", NULL, &body), ERR_TOO_LARGE);
    assert_err(get("https", "127.0.0.1", "/document", NULL, &body), ERR_UNTRUSTED); /* name */
    config.ca_file = NULL; /* the system's roots do not know our CA */
    assert_err(get("https", "localhost", "/document", NULL, &body), ERR_UNTRUSTED);
    config.ca_file = ca_path;
    assert_null(body.data);
}

static void fetches_a_document(void **state)
{
    struct span body = {0};

    (void)state;
    assert_ok(get("https", "localhost", "/document", NULL, &body));
    assert_true(span_is(body, "{\"issuer\":\"x\"}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fetches_nothing_that_is_not_what_was_asked_for),
        cmocka_unit_test(fetches_a_document),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
