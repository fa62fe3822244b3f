/* Machines and joins for their owners: at which scope a caller is asked for a role. */
#include "support/support.h"

#include "api/internal.h"
#include "base/file.h"
#include "identity/gate.h"
#include "service/audit.h"
#include "json/json.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OWN "/subscriptions/11111111-2222-4333-8444-555555555555"

static char folder[64], path[96];
static struct arena *arena;
static struct gate *gate;
static struct audit *audit;
static struct api api;

static int start(void **state)
{
    struct gate_options options = {
        .endpoint = "https://localhost:8443", .has_provider = true, .is_dev = true};

    (void)state;
    arena = test_arena();
    snprintf(folder, sizeof(folder), "/tmp/bootwarden-machines-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/audit.log", folder);
    options.folder = folder;
    assert_ok(gate_open(&options, NULL, &gate));
    assert_ok(audit_open(path, NULL, NULL, &audit));
    api.gate = gate;
    api.audit = audit;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    gate_close(gate);
    audit_close(audit);
    if (fork() == 0) {
        execlp("rm", "rm", "-rf", folder, NULL);
        _exit(1);
    }
    arena_free(arena);
    return 0;
}

/* What the audit log says of the last line. */
static const char *last_scope(void)
{
    struct span text = {0};
    yyjson_val *line = NULL;
    size_t from;

    assert_ok(file_read(arena, path, 1024 * 1024, NULL, &text));
    assert_true(text.len > 1);
    for (from = text.len - 1; from > 0 && text.data[from - 1] != '\n'; from--) {
    }
    assert_ok(json_read(arena, span_cut(text, from, text.len - from - 1), NULL, NULL, &line));
    return json_text(json_get(line, "scope"));
}

/* A call without a token is refused at the scope that a role would be needed at. */
static const char *scope_of(const struct http_route *route)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct api_worker worker = {.hasher = hasher};
    struct http_head head = {0};
    struct http_response response = {0};
    struct http_request request = {.head = &head,
                                   .arena = arena,
                                   .peer = "127.0.0.1:5",
                                   .id = "r1",
                                   .context = &api,
                                   .worker = &worker};

    assert_int_equal(http_head_parse(span_str("POST /x HTTP/1.1\r\nHost: x\r\n\r\n"), NULL, &head),
                     0);
    request.parameters[request.n_parameters++] =
        span_cut(span_str(OWN), strlen("/subscriptions/"), strlen(OWN));
    if (strstr(route->pattern, "{name}") != NULL) {
        request.parameters[request.n_parameters++] = span_str("web");
    }
    route->handler(&request, &response);
    assert_int_equal(response.status, 401);
    return last_scope();
}

static const struct http_route *route_of(unsigned method, const char *end)
{
    struct http_routes routes = api_machine_routes();

    for (size_t i = 0; i < routes.n; i++) {
        size_t len = strlen(routes.items[i].pattern);

        if (routes.items[i].methods == method && len > strlen(end) &&
            strcmp(routes.items[i].pattern + len - strlen(end), end) == 0) {
            return &routes.items[i];
        }
    }
    fail_msg("no route %s", end);
    return NULL;
}

/* Who waits chose its name: who may change the machine `web` may not let in whoever calls itself
 * that. */
static void joins_are_the_subscriptions_whatever_name_they_have(void **state)
{
    (void)state;
    assert_string_equal(scope_of(route_of(HTTP_POST, "/joins/{name}:admit")), OWN);
    assert_string_equal(scope_of(route_of(HTTP_POST, "/joins/{name}:reject")), OWN);
    assert_string_equal(scope_of(route_of(HTTP_DELETE, "/joins/{name}")), OWN);
    assert_string_equal(scope_of(route_of(HTTP_POST, "/joins:announce")), OWN);
    assert_string_equal(scope_of(route_of(HTTP_GET, "/joins")), OWN);
}

static void a_machine_has_a_scope_of_its_own(void **state)
{
    static const char web[] = OWN "/providers/Bootwarden.Monitor/machines/web";

    (void)state;
    assert_string_equal(scope_of(route_of(HTTP_POST, "/machines/{name}:approve")), web);
    assert_string_equal(scope_of(route_of(HTTP_DELETE, "/machines/{name}")), web);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_are_the_subscriptions_whatever_name_they_have),
        cmocka_unit_test(a_machine_has_a_scope_of_its_own),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
