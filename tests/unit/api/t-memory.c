/* Requests that reach the limit of their memory: a refusal with all its words, on every call that
 * takes bytes from guests, and never a fault of the server. */
#include "unit/service/world.h"

#include "api/api.h"
#include "http/message.h"

struct face {
    struct world *world;
    struct api *api;
    struct http_options options;
    void *worker;
};

static void face_begin(struct face *f)
{
    *f = (struct face){.world = world_new()};
    f->api = api_new(f->world->service, f->world->metrics);
    assert_non_null(f->api);
    api_install(f->api, &f->options);
    f->worker = f->options.worker_new(f->options.context, 0);
    assert_non_null(f->worker);
}

static void face_end(struct face *f)
{
    f->options.worker_free(f->worker);
    api_free(f->api);
    world_free(f->world);
}

static struct http_response post(struct face *f, struct arena *arena, const char *path,
                                 struct span body)
{
    struct http_head head = {.query = span_str("api-version=2020-10-01")};
    struct http_request request = {.head = &head,
                                   .method = HTTP_POST,
                                   .body = body,
                                   .arena = arena,
                                   .context = f->options.context,
                                   .worker = f->worker};
    struct http_response response = {0};
    unsigned allowed = 0;

    assert_ok(http_path_parse(f->world->arena, span_str(path), &request.path));
    assert_int_equal(http_routes_match(&f->options.routes, UINT_MAX, HTTP_POST, &request, &allowed),
                     HTTP_MATCH_FOUND);
    request.route->handler(&request, &response);
    return response;
}

/* The answer with memory enough, and 413 in whole below it. */
static void expect_413_below(struct face *f, const char *path, struct span body, unsigned status)
{
    size_t n_refused = 0, n_others = 0;

    for (size_t bytes = 16 * 1024; n_others < 3; bytes += bytes / 8) {
        struct arena *arena = arena_new(bytes);
        struct http_response response = post(f, arena, path, body);
        yyjson_val *root = NULL;

        assert_non_null(response.body.data);
        assert_ok(json_read(f->world->arena, response.body, NULL, NULL, &root));
        if (response.status == 413) {
            struct span message = json_span(json_get(json_get(root, "error"), "message"));

            assert_string_equal(response.error_code, "RequestTooLarge");
            assert_non_null(
                strstr((const char *)message.data, "takes more memory than one request"));
            assert_string_equal(response.note, "limit=request-memory");
            n_refused++;
        } else {
            if (response.status != status) {
                fail_msg("%u: %s", response.status, (const char *)response.body.data);
            }
            n_others++;
        }
        arena_free(arena);
    }
    assert_true(n_refused > 0);
}

static void evidence_that_takes_too_much_is_refused_as_too_large(void **state)
{
    struct face f;
    struct fabricated *machine;
    struct fabricate_request request = {0};
    struct span body;

    (void)state;
    face_begin(&f);
    machine = fabricate_machine(f.world->arena, NOW);
    request.pcrs_sha256 = test_vector(f.world->arena, "boots/a-secureboot-healthy/pcrs_sha256.bin");
    request.log = test_vector(f.world->arena, "boots/a-secureboot-healthy/eventlog.bin");
    body = fabricate_outer(f.world->arena, fabricate_inner(f.world->arena, machine, &request));
    expect_413_below(&f, "/attest/AzureGuest", body, 400);
    fabricated_free(machine);
    face_end(&f);
}

/* A long value: read, decoded, and refused for what it is when there is room for that. */
static void a_join_that_takes_too_much_is_refused_as_too_large(void **state)
{
    struct face f;
    CLEANUP(buf_done) struct buf body = {0};

    (void)state;
    face_begin(&f);
    buf_init(&body, 64 * 1024);
    buf_add_str(&body, "{\"ekPublic\":\"");
    for (int i = 0; i < 60000; i++) {
        buf_add_char(&body, 'A');
    }
    buf_add_str(&body, "\"}");
    assert_ok(buf_err(&body));
    expect_413_below(&f, "/guest/v1/join", buf_span(&body), 400);
    face_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evidence_that_takes_too_much_is_refused_as_too_large),
        cmocka_unit_test(a_join_that_takes_too_much_is_refused_as_too_large),
    };

    return RUN_TESTS(tests);
}
