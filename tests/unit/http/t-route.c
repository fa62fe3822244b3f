#include "support/support.h"

#include "http/route.h"

static void nothing(struct http_request *request, struct http_response *response)
{
    (void)request;
    (void)response;
}

enum { ROLE_GUEST = 1, ROLE_METRICS = 2 };

static const struct http_route items[] = {
    {.methods = HTTP_POST, .pattern = "/attest/AzureGuest", .handler = nothing},
    {.methods = HTTP_POST, .pattern = "/attest/{type}", .handler = nothing},
    {.methods = HTTP_POST, .pattern = "/policies/{type}:reset", .handler = nothing},
    {.methods = HTTP_GET, .pattern = "/policies/{type}", .handler = nothing},
    {.methods = HTTP_PUT | HTTP_DELETE, .pattern = "/policies/{type}", .handler = nothing},
    {.methods = HTTP_GET, .pattern = "/", .handler = nothing},
    {.methods = HTTP_GET, .pattern = "/metrics", .handler = nothing, .roles = ROLE_METRICS},
    {.methods = HTTP_GET, .pattern = "/files/*", .handler = nothing},
};
static const struct http_routes routes = {.items = items, .n = ARRAY_LEN(items)};

static enum http_match match(struct arena *arena, enum http_method method, const char *path,
                             struct http_request *request, unsigned *allowed)
{
    *request = (struct http_request){0};
    assert_ok(http_path_parse(arena, span_str(path), &request->path));
    return http_routes_match(&routes, ROLE_GUEST, method, request, allowed);
}

static void finds_no_route_for_paths_that_merely_resemble_one(void **state)
{
    static const char *const paths[] = {
        "/attest",     "/attest/",
        "/attest//",   "//attest/AzureGuest",
        "/attest/a/b", "/attest/AzureGuest/",
        "/files",      "/x",
        "/policies",   "/metrics", /* of another listener */
    };
    struct arena *arena = test_arena();
    struct http_request request;
    unsigned allowed;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        if (match(arena, HTTP_POST, paths[i], &request, &allowed) != HTTP_MATCH_NO_PATH) {
            fail_msg("%s", paths[i]);
        }
        assert_null(request.route);
    }
    arena_free(arena);
}

static void names_the_methods_that_a_path_has(void **state)
{
    struct arena *arena = test_arena();
    struct http_request request;
    unsigned allowed = 0;
    char text[64];

    (void)state;
    assert_int_equal(match(arena, HTTP_POST, "/policies/Tpm", &request, &allowed),
                     HTTP_MATCH_NO_METHOD);
    http_methods_text(allowed, text, sizeof(text));
    assert_string_equal(text, "GET, HEAD, PUT, DELETE");
    assert_int_equal(match(arena, HTTP_GET, "/policies/Tpm:reset", &request, &allowed),
                     HTTP_MATCH_NO_METHOD);
    http_methods_text(allowed, text, sizeof(text));
    assert_string_equal(text, "POST");
    arena_free(arena);
}

/* What is no operation is part of the name; the operation alone names nothing. */
static void knows_an_operation_behind_a_name(void **state)
{
    struct arena *arena = test_arena();
    struct http_request request;
    unsigned allowed;

    (void)state;
    assert_int_equal(match(arena, HTTP_POST, "/policies/:reset", &request, &allowed),
                     HTTP_MATCH_NO_METHOD);
    assert_int_equal(match(arena, HTTP_POST, "/policies/Tpm:rest", &request, &allowed),
                     HTTP_MATCH_NO_METHOD);
    assert_int_equal(match(arena, HTTP_GET, "/policies/Tpm:rest", &request, &allowed),
                     HTTP_MATCH_FOUND);
    assert_true(span_is(request.parameters[0], "Tpm:rest"));
    assert_int_equal(match(arena, HTTP_POST, "/policies/Tpm:RESET", &request, &allowed),
                     HTTP_MATCH_FOUND);
    assert_int_equal(request.n_parameters, 1);
    assert_true(span_is(request.parameters[0], "Tpm"));
    arena_free(arena);
}

static void matches_without_regard_to_case_and_keeps_parameters(void **state)
{
    struct arena *arena = test_arena();
    struct http_request request;
    unsigned allowed;

    (void)state;
    assert_int_equal(match(arena, HTTP_POST, "/ATTEST/azureguest", &request, &allowed),
                     HTTP_MATCH_FOUND);
    assert_ptr_equal(request.route, &items[0]);
    assert_int_equal(match(arena, HTTP_POST, "/attest/SgxEnclave", &request, &allowed),
                     HTTP_MATCH_FOUND);
    assert_ptr_equal(request.route, &items[1]);
    assert_int_equal(request.n_parameters, 1);
    assert_true(span_is(request.parameters[0], "SgxEnclave"));
    assert_int_equal(match(arena, HTTP_DELETE, "/policies/x", &request, &allowed),
                     HTTP_MATCH_FOUND);
    assert_ptr_equal(request.route, &items[4]);
    assert_int_equal(match(arena, HTTP_GET, "/files/a/b/c", &request, &allowed), HTTP_MATCH_FOUND);
    arena_free(arena);
}

static void shows_head_as_get(void **state)
{
    struct arena *arena = test_arena();
    struct http_request request;
    unsigned allowed;

    (void)state;
    assert_int_equal(match(arena, HTTP_HEAD, "/", &request, &allowed), HTTP_MATCH_FOUND);
    assert_int_equal(request.method, HTTP_GET);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_no_route_for_paths_that_merely_resemble_one),
        cmocka_unit_test(names_the_methods_that_a_path_has),
        cmocka_unit_test(knows_an_operation_behind_a_name),
        cmocka_unit_test(matches_without_regard_to_case_and_keeps_parameters),
        cmocka_unit_test(shows_head_as_get),
    };

    return RUN_TESTS(tests);
}
