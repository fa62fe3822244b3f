/* Paths of requests and ids in bodies, taken apart. Anybody who reaches the port sends these. */
#include "support/support.h"

#include "resource/path.h"

#include <stdlib.h>
#include <string.h>

/* Split at slashes as the server does it, without decoding. */
static err_t read_path(struct arena *arena, const char *text, struct trail *trail,
                       struct resource_path *ret)
{
    struct span *segments = arena_calloc(arena, strlen(text) + 1, sizeof(*segments));
    size_t n = 0;

    assert_non_null(segments);
    while (*text == '/') {
        size_t len = strcspn(++text, "/");

        segments[n++] = span_of(text, len);
        text += len;
    }
    return resource_path_read(arena, segments, n, trail, ret);
}

static void assert_span(struct span got, const char *wanted)
{
    if (wanted == NULL) {
        assert_null(got.data);
    } else if (!span_is(got, wanted)) {
        fail_msg("got '%.*s', wanted '%s'", (int)got.len, (const char *)got.data, wanted);
    }
}

static void names_that_no_resource_has_are_refused(void **state)
{
    static const char *const bad[] = {
        "/subscriptions/s/resourceGroups/.",     "/subscriptions/s/resourceGroups/..",
        "/subscriptions/s/resourceGroups/a b",   "/subscriptions/s/resourceGroups/a%2Fb",
        "/subscriptions/s/resourceGroups/a?b",   "/subscriptions/s/resourceGroups/a#b",
        "/subscriptions/s/resourceGroups/a&b",   "/subscriptions/s/resourceGroups/a\\b",
        "/subscriptions/s/resourceGroups/<a>",   "/subscriptions/s/resourceGroups/gr\xc3",
        "/subscriptions/s/resourceGroups/a\x7f", "/subscriptions/s/resourceGroups/a\nb",
        "/subscriptions/s/resourceGroups/\"a\"", "/subscriptions/s/resourceGroups/a'b",
        "/subscriptions/s/resourceGroups/a|b",   "/subscriptions/s/resourceGroups/{a}",
        "/subscriptions/s/resourceGroups/a\xff", "/subscriptions/s/resourceGroups/a`b",
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct resource_path path;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct trail trail = {0};

        assert_err(read_path(arena, bad[i], &trail, &path), ERR_VALUE);
        assert_non_null(strstr(trail.what, "is no name"));
        assert_err(resource_id_read(arena, span_str(bad[i]), NULL, &path), ERR_VALUE);
    }
    /* A NUL that was %00, and a slash that was %2F. */
    for (size_t i = 0; i < 2; i++) {
        struct span segments[] = {span_str("subscriptions"),
                                  i == 0 ? span_of("a\0b", 3) : span_of("a/b", 3)};

        assert_err(resource_path_read(arena, segments, 2, NULL, &path), ERR_VALUE);
    }
}

static void what_is_no_id_is_refused(void **state)
{
    static const char *const bad[] = {"", "subscriptions/s", "x", "https://h/subscriptions/s"};
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct resource_path path;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_err(resource_id_read(arena, span_str(bad[i]), NULL, &path), ERR_VALUE);
    }
}

static char *repeated(struct arena *arena, const char *piece, size_t n)
{
    size_t len = strlen(piece);
    char *text = arena_alloc(arena, len * n + 1);

    assert_non_null(text);
    for (size_t i = 0; i < n; i++) {
        memcpy(text + i * len, piece, len);
    }
    text[len * n] = '\0';
    return text;
}

static void too_long_and_too_many_are_refused(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const char *name = repeated(arena, "n", RESOURCE_NAME_MAX);
    struct resource_path path;

    (void)state;
    assert_ok(read_path(arena, arena_printf(arena, "/subscriptions/%s", name), NULL, &path));
    assert_err(read_path(arena, arena_printf(arena, "/subscriptions/%sx", name), NULL, &path),
               ERR_VALUE);
    assert_ok(read_path(arena, repeated(arena, "/a", RESOURCE_MAX_SEGMENTS), NULL, &path));
    assert_err(read_path(arena, repeated(arena, "/a", RESOURCE_MAX_SEGMENTS + 1), NULL, &path),
               ERR_TOO_MANY);
    assert_err(resource_id_read(arena, span_str(repeated(arena, "/a", RESOURCE_MAX_SEGMENTS + 1)),
                                NULL, &path),
               ERR_TOO_MANY);
    /* Each name is allowed, all together are not. */
    assert_err(read_path(arena, repeated(arena, arena_printf(arena, "/%s", name), 8), NULL, &path),
               ERR_TOO_LARGE);
    assert_err(resource_id_read(arena,
                                span_str(repeated(arena, arena_printf(arena, "/%s", name), 8)),
                                NULL, &path),
               ERR_VALUE);
    assert_err(read_path(arena, repeated(arena, "/a", 100000), NULL, &path), ERR_TOO_MANY);
    /* Empty ones count for nothing, however many. */
    assert_ok(read_path(arena, repeated(arena, "/", 100000), NULL, &path));
    assert_int_equal(path.n, 0);
}

static void paths_are_taken_apart(void **state)
{
    static const struct {
        const char *text, *subscription, *group, *scope, *type, *name;
        bool is_extension;
        size_t n;
    } cases[] = {
        {"", NULL, NULL, "", NULL, NULL, false, 0},
        {"/subscriptions", NULL, NULL, "", NULL, NULL, false, 1},
        {"/subscriptions/s", "s", NULL, "/subscriptions/s", NULL, NULL, false, 0},
        {"/subscriptions/s/", "s", NULL, "/subscriptions/s", NULL, NULL, false, 0},
        {"//subscriptions//s///resourcegroups", "s", NULL, "/subscriptions/s", NULL, NULL, false,
         1},
        {"/SUBSCRIPTIONS/s/RESOURCEGROUPS/G", "s", "G", "/SUBSCRIPTIONS/s/RESOURCEGROUPS/G", NULL,
         NULL, false, 0},
        {"/subscriptions/s/resourceGroups/g/providers/N.C//types/a", "s", "g",
         "/subscriptions/s/resourceGroups/g", "N.C/types", "a", false, 2},
        {"/subscriptions/s/resourceGroups/g/PROVIDERS/N.C/types", "s", "g",
         "/subscriptions/s/resourceGroups/g", "N.C/types", NULL, false, 1},
        {"/subscriptions/s/providers/N.C/types/a/kids/b", "s", NULL, "/subscriptions/s",
         "N.C/types/kids", "b", false, 4},
        {"/subscriptions/s/providers", "s", NULL, "/subscriptions/s", NULL, NULL, false, 1},
        {"/providers/N.C", NULL, NULL, "", "N.C", NULL, false, 0},
        /* resources, groups and subscriptions that are called so */
        {"/subscriptions/s/resourceGroups/g/providers/N.C/types/providers", "s", "g",
         "/subscriptions/s/resourceGroups/g", "N.C/types", "providers", false, 2},
        {"/subscriptions/s/resourceGroups/g/providers/N.C/types/providers/kids/providers", "s", "g",
         "/subscriptions/s/resourceGroups/g", "N.C/types/kids", "providers", false, 4},
        {"/subscriptions/s/resourceGroups/providers/providers/N.C/types/a", "s", "providers",
         "/subscriptions/s/resourceGroups/providers", "N.C/types", "a", false, 2},
        /* extension resources */
        {"/subscriptions/s/resourceGroups/g/providers/N.C/types/a/providers/X.Y/locks/l", "s", "g",
         "/subscriptions/s/resourceGroups/g/providers/N.C/types/a", "X.Y/locks", "l", true, 2},
        {"/subscriptions/s/resourceGroups/g/providers/N.C/types/providers/providers/X.Y/locks/l",
         "s", "g", "/subscriptions/s/resourceGroups/g/providers/N.C/types/providers", "X.Y/locks",
         "l", true, 2},
        {"/subscriptions/s/providers/A.B/c/d/providers/E.F/g/h/providers/I.J/k/l", "s", NULL,
         "/subscriptions/s/providers/A.B/c/d/providers/E.F/g/h", "I.J/k", "l", true, 2},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct resource_path path, same;
        const char *type;

        assert_ok(read_path(arena, cases[i].text, NULL, &path));
        assert_span(path.subscription, cases[i].subscription);
        assert_span(path.group, cases[i].group);
        assert_string_equal(path.scope, cases[i].scope);
        assert_int_equal(path.is_extension, cases[i].is_extension);
        assert_int_equal(path.n, cases[i].n);
        assert_span(resource_path_name(&path), cases[i].name);
        assert_int_equal(resource_path_is_one(&path), cases[i].name != NULL);
        type = resource_path_type(arena, &path);
        if (cases[i].type == NULL) {
            assert_null(type);
        } else {
            assert_string_equal(type, cases[i].type);
        }
        if (cases[i].text[0] != '\0') { /* an id is read the same way */
            assert_ok(resource_id_read(arena, span_str(cases[i].text), NULL, &same));
            assert_string_equal(same.scope, path.scope);
            assert_int_equal(same.n, path.n);
        }
    }
}

static void keys_are_ids_in_lower_case(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    assert_string_equal(resource_key(arena, span_str("/Subscriptions/AZ[\\]^_`az{")),
                        "/subscriptions/az[\\]^_`az{");
    assert_string_equal(resource_key(arena, (struct span){0}), "");
}

static void a_full_arena_is_said(void **state)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(64);
    struct resource_path path;

    (void)state;
    assert_err(resource_id_read(arena,
                                span_str("/subscriptions/12345678901234567890123456789012345678901"
                                         "2345678901234567890123456789012345678901234567890"),
                                NULL, &path),
               ERR_MEMORY);
    assert_null(resource_key(arena, span_str("0123456789012345678901234567890123456789012345678901"
                                             "0123456789012345678901234567890123456789")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_no_resource_has_are_refused),
        cmocka_unit_test(what_is_no_id_is_refused),
        cmocka_unit_test(too_long_and_too_many_are_refused),
        cmocka_unit_test(paths_are_taken_apart),
        cmocka_unit_test(keys_are_ids_in_lower_case),
        cmocka_unit_test(a_full_arena_is_said),
    };

    return RUN_TESTS(tests);
}
