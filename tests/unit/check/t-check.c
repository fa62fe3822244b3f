/* What the steps say of every place at which a call can stop: one is at fault, none behind it is
 * green, and all say where and what to do. */
#include "check/steps.h"

#include "base/timestamp.h"
#include "crypto/cert.h"
#include "support/support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct arena *arena;
static struct findings list;

static int begin(void **state)
{
    (void)state;
    arena = test_arena();
    findings_init(&list, arena);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static const struct check_endpoint attest = {.prefix = "attestation/",
                                             .is_attest = true,
                                             .url = "https://attest.example:8443",
                                             .option = "--attest-server",
                                             .path = "/x"};
static const struct check_endpoint guest = {
    .prefix = "guest/", .url = "https://guest.example", .option = "--server", .path = "/x"};

static struct check_way way_to(const struct check_endpoint *endpoint, enum http_proxy_kind kind)
{
    struct check_way way = {.endpoint = endpoint, .proxy = {.kind = kind}};

    assert_ok(http_address_read(endpoint->url, NULL, &way.to));
    if (kind != HTTP_PROXY_NONE) {
        way.proxy.from = "https_proxy";
        assert_ok(http_address_read("https://10.0.0.1:3128", NULL, &way.proxy.at));
    }
    return way;
}

static const char *const steps[] = {"proxy", "tcp", "tls", "http"};

/* Exactly one failed step, before it only well ones, behind it only skipped ones. */
static const char *failed_step(const struct check_way *way)
{
    const char *failed = NULL;

    assert_int_equal(list.n, ARRAY_LEN(steps));
    assert_false(list.is_short);
    for (size_t i = 0; i < list.n; i++) {
        const struct finding *f = &list.items[i];

        assert_int_equal(strncmp(f->id, way->endpoint->prefix, strlen(way->endpoint->prefix)), 0);
        assert_string_equal(f->id + strlen(way->endpoint->prefix), steps[i]);
        assert_string_equal(f->host, way->to.host);
        assert_int_equal(f->port, way->to.port);
        if (failed == NULL && f->status == FINDING_FAILED) {
            failed = steps[i];
            assert_non_null(strstr(f->message, way->to.text));
            assert_true(f->remedy != NULL && f->remedy[0] != '\0');
            assert_int_equal(f->remedy[strlen(f->remedy) - 1], '.');
            assert_int_equal(f->exit, EXIT_SERVICE);
        } else {
            assert_int_equal(f->status, failed == NULL ? FINDING_OK : FINDING_SKIPPED);
        }
    }
    return failed;
}

static const char *walk(const struct check_way *way, const struct http_failure *failure)
{
    struct http_probe probe = {.failure = *failure,
                               .words = "some words",
                               .addresses = {"192.0.2.1"},
                               .n_addresses = 1,
                               .certificate_names = "",
                               .reply = {.status = 200}};

    findings_init(&list, arena);
    check_read_probe(&list, way, &probe);
    return failed_step(way);
}

static void no_step_behind_the_one_that_failed_is_green(void **state)
{
    static const unsigned answers[] = {0, 200, 400, 403, 407, 502, 503};
    static const char *const want[] = {
        [HTTP_STOP_PROXY_NAME] = "proxy", [HTTP_STOP_PROXY_TCP] = "proxy",
        [HTTP_STOP_PROXY_TLS] = "proxy",  [HTTP_STOP_PROXY_ANSWER] = "proxy",
        [HTTP_STOP_NAME] = "tcp",         [HTTP_STOP_TCP] = "tcp",
        [HTTP_STOP_TLS] = "tls",          [HTTP_STOP_CERTIFICATE] = "tls",
        [HTTP_STOP_ANSWER] = "http",      [HTTP_STOP_OWN] = "http",
    };

    (void)state;
    for (int stop = HTTP_STOP_PROXY_NAME; stop <= HTTP_STOP_OWN; stop++) {
        for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
            for (int kind = HTTP_PROXY_NONE; kind <= HTTP_PROXY_SOCKS; kind++) {
                const struct check_way way =
                    way_to(i % 2 == 0 ? &attest : &guest, (enum http_proxy_kind)kind);
                struct http_failure failure = {.stop = (enum http_stop)stop,
                                               .is_timeout = i % 2 == 0,
                                               .connect_status = answers[i]};
                const char *expected =
                    stop <= HTTP_STOP_PROXY_ANSWER && answers[i] >= 500 ? "tcp" : want[stop];
                const char *failed;

                failure.certificate =
                    stop == HTTP_STOP_CERTIFICATE ? HTTP_CERTIFICATE_ISSUER : HTTP_CERTIFICATE_GOOD;
                if (kind == HTTP_PROXY_NONE && stop <= HTTP_STOP_PROXY_ANSWER) {
                    continue; /* there is none that could */
                }
                failed = walk(&way, &failure);
                if (failed == NULL || strcmp(failed, expected) != 0) {
                    fail_msg("stop %d, CONNECT %u, proxy %d: %s", stop, answers[i], kind,
                             failed == NULL ? "none" : failed);
                }
            }
        }
    }
}

static void answers_of_trouble_are_not_green(void **state)
{
    static const struct {
        unsigned status;
        bool is_well;
    } cases[] = {{500, false}, {503, false}, {599, false}, {429, false}, {408, false},
                 {200, true},  {301, true},  {404, true},  {405, true}};
    const struct check_way way = way_to(&attest, HTTP_PROXY_NONE);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_probe probe = {
            .words = "", .certificate_names = "", .reply = {.status = cases[i].status}};
        const char *failed;

        findings_init(&list, arena);
        check_read_probe(&list, &way, &probe);
        failed = failed_step(&way);
        assert_int_equal(failed == NULL, cases[i].is_well);
    }
}

/* decisions, section 10. */
static void timeout_names_service_tag_and_real_port(void **state)
{
    const struct check_way way = way_to(&attest, HTTP_PROXY_NONE);
    const struct http_failure failure = {.stop = HTTP_STOP_TCP, .is_timeout = true};

    (void)state;
    assert_string_equal(walk(&way, &failure), "tcp");
    assert_string_equal(
        list.items[1].message,
        "Attestation endpoint unreachable: attest.example:8443. some words; tried 192.0.2.1 "
        "(IPv4).");
    assert_string_equal(list.items[1].remedy,
                        "Allow outbound 8443 to service tag AzureAttestation, or to attest.example "
                        "(TCP), in network security groups and firewalls.");
}

static void remedies_fit_what_the_system_says(void **state)
{
    static const struct {
        struct http_failure failure;
        const char *words;
    } cases[] = {
        {{.stop = HTTP_STOP_TCP, .os_error = ECONNREFUSED}, "Check that the service runs"},
        {{.stop = HTTP_STOP_TCP, .os_error = ENETUNREACH}, "no route to guest.example"},
        {{.stop = HTTP_STOP_TCP, .os_error = EHOSTUNREACH}, "allow outbound 443 to it"},
        {{.stop = HTTP_STOP_TCP, .os_error = EPERM}, "A firewall of this machine itself"},
        {{.stop = HTTP_STOP_TCP, .is_timeout = true}, "Allow outbound 443 to guest.example (TCP)"},
        {{.stop = HTTP_STOP_NAME}, "Check the name in --server and the DNS"},
        {{.stop = HTTP_STOP_TLS}, "application rule that allows https to guest.example:443"},
        {{.stop = HTTP_STOP_CERTIFICATE, .certificate = HTTP_CERTIFICATE_NAME},
         "Write --server with a name"},
        {{.stop = HTTP_STOP_CERTIFICATE, .certificate = HTTP_CERTIFICATE_EARLY}, "clock"},
        {{.stop = HTTP_STOP_ANSWER}, "operator"},
    };
    const struct check_way way = way_to(&guest, HTTP_PROXY_NONE);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct finding *failed;

        walk(&way, &cases[i].failure);
        failed = finding_get(&list, "guest/tcp");
        failed = failed->status == FINDING_FAILED ? failed : finding_get(&list, "guest/tls");
        failed = failed->status == FINDING_FAILED ? failed : finding_get(&list, "guest/http");
        if (strstr(failed->remedy, cases[i].words) == NULL) {
            fail_msg("case %zu: %s", i, failed->remedy);
        }
    }
}

/* ---- tls ---- */

enum { DAY = 24 * 3600 };

static struct span certificate_by(const char *issuer, int64_t days)
{
    CLEANUP(signkey_free) struct signkey *key = NULL;
    CLEANUP(cert_free) struct cert *ca = NULL, *cert = NULL;
    const char *const names[] = {"a", NULL};
    const int64_t now = timestamp_now();
    struct cert_request request = {.profile = CERT_CA,
                                   .common_name = issuer,
                                   .not_before = now - 400 * DAY,
                                   .not_after = now + 400 * DAY};
    struct span pem = {0};

    assert_ok(signkey_generate(SIGNKEY_P256, &key));
    assert_ok(cert_issue(&request, signkey_public(key), NULL, key, &ca));
    request.profile = CERT_TLS_SERVER;
    request.common_name = "a";
    request.dns_names = names;
    request.not_after = now + days * DAY + 60;
    assert_ok(cert_issue(&request, signkey_public(key), ca, key, &cert));
    assert_ok(cert_pem(cert, arena, &pem));
    return pem;
}

/* A CA of the system's may still be that of a proxy which looks into everything. */
static void trusted_certificates_may_deserve_a_warning(void **state)
{
    static const struct {
        const char *host, *issuer;
        int64_t days;
        enum finding_status want;
        const char *words;
    } cases[] = {
        {"sharedeus.eus.attest.azure.net", "Corp Inspection CA", 100, FINDING_WARNING,
         "issued by 'CN=Corp Inspection CA', not by Microsoft: a proxy or firewall seems to"},
        {"p.usgv.ATTEST.AZURE.US", "Corp Inspection CA", 100, FINDING_WARNING, "not by Microsoft"},
        {"p.eus.attest.azure.net", "Microsoft Azure RSA TLS Issuing CA 07", 100, FINDING_OK,
         "is trusted: for "},
        {"attest.azure.net.example", "Corp CA", 100, FINDING_OK, "is trusted: for "},
        {"attest.example", "Corp CA", 13, FINDING_WARNING, "(13 days left)"},
        {"attest.example", "Corp CA", 15, FINDING_OK, "(15 days left)"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct check_way way = {.endpoint = &attest, .to = {.port = 443}};
        const struct http_probe probe = {.words = "",
                                         .certificate_names = "",
                                         .certificate =
                                             certificate_by(cases[i].issuer, cases[i].days)};

        snprintf(way.to.host, sizeof(way.to.host), "%s", cases[i].host);
        findings_init(&list, arena);
        check_read_tls(&list, &way, &probe);
        assert_int_equal(list.n, 1);
        if (list.items[0].status != cases[i].want ||
            strstr(list.items[0].message, cases[i].words) == NULL) {
            fail_msg("case %zu: %d %s", i, list.items[0].status, list.items[0].message);
        }
        assert_int_equal(list.items[0].remedy != NULL, cases[i].want == FINDING_WARNING);
    }
}

/* ---- provider ---- */

static void only_metadata_of_a_provider_is_believed(void **state)
{
    static const struct {
        unsigned status;
        const char *body, *words;
        enum finding_status want;
    } cases[] = {
        {404, "{}", "answers 404", FINDING_FAILED},
        {302, "{}", "answers 302", FINDING_FAILED},
        {204, "", "answers 204", FINDING_FAILED},
        {200, "", "is no JSON object", FINDING_FAILED},
        {200, "<html>", "is no JSON object", FINDING_FAILED},
        {200, "[]", "is no JSON object", FINDING_FAILED},
        {200, "{}", "names no issuer", FINDING_FAILED},
        {200, "{\"issuer\":\"https://attest.example:8443\"}", "names no issuer", FINDING_FAILED},
        {200, "{\"issuer\":1,\"jwks_uri\":\"x\"}", "names no issuer", FINDING_FAILED},
        {200, "{\"issuer\":\"https://attest.example\",\"jwks_uri\":\"x\"}",
         "calls itself https://attest.example:", FINDING_WARNING},
        {200, "{\"issuer\":\"https://attest.example:8443/providers/p\",\"jwks_uri\":\"x\"}",
         "calls itself", FINDING_WARNING},
        {200, "{\"issuer\":\"http://attest.example:8443\",\"jwks_uri\":\"x\"}", "calls itself",
         FINDING_WARNING},
        {200, "{\"issuer\":\"\\u001b[2J\",\"jwks_uri\":\"x\"}", "calls itself", FINDING_WARNING},
        {200, "{\"issuer\":\"https://ATTEST.example:8443/\",\"jwks_uri\":\"x\"}",
         "is an attestation provider", FINDING_OK},
    };
    const struct agent_options options = {.server = "https://guest.example",
                                          .attest_server = "https://attest.example:8443"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct http_reply reply = {.status = cases[i].status,
                                         .body = arena_dup(arena, span_str(cases[i].body))};

        findings_init(&list, arena);
        check_provider(&list, &options, &reply);
        assert_int_equal(list.n, 1);
        if (list.items[0].status != cases[i].want ||
            strstr(list.items[0].message, cases[i].words) == NULL) {
            fail_msg("case %zu: %d %s", i, list.items[0].status, list.items[0].message);
        }
        assert_null(strchr(list.items[0].message, '\x1b'));
        assert_int_equal(list.items[0].remedy != NULL, cases[i].want != FINDING_OK);
    }
}

/* Of somebody who takes the connection and says nothing. */
static void a_way_has_its_time_and_no_more(void **state)
{
    int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(at);
    const struct agent_options options = {0};
    struct http_probe probe = {0};
    struct check_endpoint silent = attest;
    uint64_t began_us = timestamp_ticks_us();

    (void)state;
    assert_int_equal(bind(sock, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(sock, 1), 0);
    assert_int_equal(getsockname(sock, (struct sockaddr *)&at, &size), 0);
    silent.url = arena_printf(arena, "https://127.0.0.1:%u", ntohs(at.sin_port));
    silent.until_us = began_us + 500 * 1000;
    assert_false(check_network(&list, &options, &silent, &probe));
    assert_true(timestamp_ticks_us() - began_us < 5000 * 1000);
    assert_true(finding_has_failed(&list, "attestation/tls"));
    findings_init(&list, arena);
    assert_false(check_network(&list, &options, &silent, &probe)); /* too late for anything */
    assert_int_equal(finding_get(&list, "attestation/address")->status, FINDING_OK);
    for (size_t i = 1; i < list.n; i++) {
        assert_int_equal(list.items[i].status, FINDING_SKIPPED);
    }
    assert_int_equal(list.n, 6);
    close(sock);
}

#define CHECK_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK_TEST(no_step_behind_the_one_that_failed_is_green),
        CHECK_TEST(answers_of_trouble_are_not_green),
        CHECK_TEST(timeout_names_service_tag_and_real_port),
        CHECK_TEST(remedies_fit_what_the_system_says),
        CHECK_TEST(trusted_certificates_may_deserve_a_warning),
        CHECK_TEST(only_metadata_of_a_provider_is_believed),
        CHECK_TEST(a_way_has_its_time_and_no_more),
    };

    return RUN_TESTS(tests);
}
