#include "base/codec.h"
#include "json/json.h"

#include "support/support.h"

/* What two readers could read differently, or what no writer of ours sends. */
static const struct {
    const char *text;
    size_t len; /* 0 = as text */
    err_t want;
    const char *where;
} refused[] = {
    {"", 0, ERR_JSON_SYNTAX, ""},
    {" ", 0, ERR_JSON_SYNTAX, ""},
    {"{", 0, ERR_JSON_SYNTAX, ""},
    {"{}x", 0, ERR_JSON_SYNTAX, ""},
    {"{} {}", 0, ERR_JSON_SYNTAX, ""},
    {"[1,]", 0, ERR_JSON_SYNTAX, ""},
    {"{\"a\":1,}", 0, ERR_JSON_SYNTAX, ""},
    {"{a:1}", 0, ERR_JSON_SYNTAX, ""},
    {"{'a':1}", 0, ERR_JSON_SYNTAX, ""},
    {"/* x */ 1", 0, ERR_JSON_SYNTAX, ""},
    {"// x\n1", 0, ERR_JSON_SYNTAX, ""},
    {"NaN", 0, ERR_JSON_SYNTAX, ""},
    {"[Infinity]", 0, ERR_JSON_SYNTAX, ""},
    {"[-inf]", 0, ERR_JSON_SYNTAX, ""},
    {"[1e999]", 0, ERR_JSON_SYNTAX, ""},
    {"[01]", 0, ERR_JSON_SYNTAX, ""},
    {"[+1]", 0, ERR_JSON_SYNTAX, ""},
    {"[.5]", 0, ERR_JSON_SYNTAX, ""},
    {"[1.]", 0, ERR_JSON_SYNTAX, ""},
    {"[0x10]", 0, ERR_JSON_SYNTAX, ""},
    {"\"", 0, ERR_JSON_SYNTAX, ""},
    {"\"\\\"", 0, ERR_JSON_SYNTAX, ""},
    {"\"\\", 0, ERR_JSON_SYNTAX, ""},
    {"\"a\nb\"", 0, ERR_JSON_SYNTAX, ""},
    {"\"\\x41\"", 0, ERR_JSON_SYNTAX, ""},
    {"\"\\ud800\"", 0, ERR_JSON_SYNTAX, ""}, /* half a surrogate pair */
    {"\"\\udc00\\ud800\"", 0, ERR_JSON_SYNTAX, ""},
    {"\"\xff\"", 0, ERR_JSON_SYNTAX, ""},
    {"\"\xc0\xaf\"", 0, ERR_JSON_SYNTAX, ""}, /* overlong */
    {"\"\xed\xa0\x80\"", 0, ERR_JSON_SYNTAX, ""},
    {"\xef\xbb\xbf{}", 0, ERR_JSON_SYNTAX, ""}, /* byte order mark */
    {"{}\0", 3, ERR_JSON_SYNTAX, ""},
    {"\"\0\"", 3, ERR_JSON_SYNTAX, ""},
    {"{\"a\":1,\"a\":1}", 0, ERR_JSON_DUPLICATE, "a"},
    {"{\"a\":1,\"\\u0061\":2}", 0, ERR_JSON_DUPLICATE, "a"}, /* the same name, spelled otherwise */
    {"{\"\":1,\"\":2}", 0, ERR_JSON_DUPLICATE, ""},
    {"{\"a\\u0000b\":1,\"a\\u0000b\":2}", 0, ERR_JSON_DUPLICATE, "a"},
    {"{\"x\":[0,{\"b\":{\"z\":1,\"c\":2,\"a\":3,\"c\":4}}]}", 0, ERR_JSON_DUPLICATE, "x[1].b.c"},
};

static void refuses_what_two_readers_could_read_differently(void **state)
{
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        size_t len = refused[i].len > 0 ? refused[i].len : strlen(refused[i].text);
        struct trail trail = {0};
        yyjson_val *root = NULL;
        err_t err = json_read(arena, span_of(refused[i].text, len), NULL, &trail, &root);

        if (err != refused[i].want) {
            fail_msg("%s: %s", refused[i].text, err_name(err));
        }
        assert_null(root);
        assert_string_equal(trail.where, refused[i].where);
        assert_int_not_equal(trail.what[0], '\0');
    }
    arena_free(arena);
}

static struct span repeat(struct arena *arena, const char *before, const char *unit, size_t n,
                          const char *after)
{
    CLEANUP(buf_done) struct buf buf = {0};

    buf_init(&buf, 8u * 1024 * 1024);
    buf_add_str(&buf, before);
    for (size_t i = 0; i < n; i++) {
        buf_add_str(&buf, unit);
    }
    buf_add_str(&buf, after);
    assert_ok(buf_err(&buf));
    return arena_dup(arena, buf_span(&buf));
}

/* S-6: JSON depth and size are capped before memory is spent. */
static void refuses_depth_and_number_past_the_limits(void **state)
{
    struct arena *arena = test_arena();
    struct trail trail = {0};
    yyjson_val *root = NULL;
    const struct json_limits tight = {.max_depth = 2, .max_values = 5};

    (void)state;
    assert_err(
        json_read(arena, repeat(arena, "", "[", JSON_MAX_DEPTH + 1, ""), NULL, &trail, &root),
        ERR_TOO_DEEP);
    assert_int_equal(trail.offset, JSON_MAX_DEPTH);
    assert_err(
        json_read(arena, repeat(arena, "", "{\"a\":", JSON_MAX_DEPTH + 1, ""), NULL, NULL, &root),
        ERR_TOO_DEEP);
    assert_err(json_read(arena, repeat(arena, "", "[", 4u * 1024 * 1024, ""), NULL, NULL, &root),
               ERR_TOO_DEEP);
    assert_err(json_read(arena, repeat(arena, "[0", ",0", JSON_MAX_VALUES, "]"), NULL, NULL, &root),
               ERR_TOO_MANY);
    assert_true(arena_used(arena) < 40u * 1024 * 1024);
    assert_null(root);
    assert_err(json_read(arena, span_str("[[[]]]"), &tight, NULL, &root), ERR_TOO_DEEP);
    assert_err(json_read(arena, span_str("[1,2,3,4,5]"), &tight, NULL, &root), ERR_TOO_MANY);
    assert_err(json_read(arena, span_str("{\"a\":1,\"b\":2,\"c\":3}"), &tight, NULL, &root),
               ERR_TOO_MANY);
    /* At the limits. */
    assert_ok(json_read(arena, span_str("{\"a\":[0,1]}"), &tight, NULL, &root));
    assert_ok(json_read(arena,
                        repeat(arena, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "[]", 1,
                               "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"),
                        NULL, NULL, &root));
    arena_free(arena);
}

/* Brackets in strings are no depth, whatever is escaped before them. */
static void strings_are_not_counted(void **state)
{
    static const char *const cases[] = {"\"[[[[[[\"",
                                        "\"\\\"[[[[\"",
                                        "\"\\\\\"",
                                        "[\"\\\\\",\"[[[[\"]",
                                        "\"{,,,,,,,,:::::\"",
                                        "[\"\\\\\\\"[[[[[\"]",
                                        "\"\\u005b\\u005b\\u005b[[[\"",
                                        "\"\\\"\\\"\""};
    struct arena *arena = test_arena();
    const struct json_limits tight = {.max_depth = 1, .max_values = 4};
    yyjson_val *root = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_ok(json_read(arena, span_str(cases[i]), &tight, NULL, &root));
    }
    assert_err(json_read(arena, span_str("[\"\\\\\",[[]]]"), &tight, NULL, &root), ERR_TOO_DEEP);
    assert_err(json_read(arena, span_str("[\"\\\\\\\\\",[[]]]"), &tight, NULL, &root),
               ERR_TOO_DEEP);
    assert_err(json_read(arena, span_str("[\"\\\"\",[[]]]"), &tight, NULL, &root), ERR_TOO_DEEP);
    arena_free(arena);
}

/* A string of backslashes took the square of its length once. */
static void long_escaped_strings_are_read_in_one_pass(void **state)
{
    struct arena *arena = test_arena();
    yyjson_val *root = NULL;

    (void)state;
    assert_ok(
        json_read(arena, repeat(arena, "\"", "\\\\", 2u * 1024 * 1024, "\""), NULL, NULL, &root));
    assert_int_equal(json_span(root).len, 2u * 1024 * 1024);
    arena_reset(arena);
    assert_ok(
        json_read(arena, repeat(arena, "\"", "\\\"", 2u * 1024 * 1024, "\""), NULL, NULL, &root));
    assert_int_equal(json_span(root).len, 2u * 1024 * 1024);
    arena_free(arena);
}

static void a_small_arena_is_no_bad_json(void **state)
{
    struct arena *large = test_arena();
    struct span text = repeat(large, "[0", ",[{\"a\":1}]", 500, "]");

    (void)state;
    for (size_t max = 0; max < 64 * 1024; max += 512) {
        struct arena *arena = arena_new(max);
        yyjson_val *root = NULL;
        err_t err = json_read(arena, text, NULL, NULL, &root);

        assert_true(err == ERR_MEMORY || err == ERR_OK);
        assert_int_equal(err == ERR_OK, root != NULL);
        arena_free(arena);
    }
    arena_free(large);
}

static yyjson_val *read_text(struct arena *arena, const char *text)
{
    yyjson_val *root = NULL;

    assert_ok(json_read(arena, span_str(text), NULL, NULL, &root));
    return root;
}

static void members_are_found_by_exact_name(void **state)
{
    struct arena *arena = test_arena();
    yyjson_val *root = read_text(arena, "{\"Name\":1,\"a\\u0000b\":2,\"\":3}");
    yyjson_val *found = NULL;
    struct trail trail = {0};

    (void)state;
    assert_null(json_get(root, "name"));
    assert_null(json_get(root, "a"));
    assert_null(json_get(NULL, "a"));
    assert_null(json_get(read_text(arena, "[1]"), "a"));
    assert_int_equal(yyjson_get_uint(json_get(root, "Name")), 1);
    assert_int_equal(yyjson_get_uint(json_get(root, "")), 3);
    assert_ok(json_get_nocase(root, "nAME", NULL, &found));
    assert_int_equal(yyjson_get_uint(found), 1);
    assert_ok(json_get_nocase(root, "none", NULL, &found));
    assert_null(found);
    found = root;
    assert_err(json_get_nocase(read_text(arena, "{\"a\":1,\"b\":2,\"A\":3}"), "a", &trail, &found),
               ERR_JSON_DUPLICATE);
    assert_string_equal(trail.where, "a");
    assert_ptr_equal(found, root);
    arena_free(arena);
}

static void strings_with_nul_are_bytes_but_no_text(void **state)
{
    struct arena *arena = test_arena();
    yyjson_val *root = read_text(arena, "[\"a\\u0000b\",\"\",1,null,\"text\"]");

    (void)state;
    assert_true(span_equal(json_span(yyjson_arr_get(root, 0)), span_of("a\0b", 3)));
    assert_null(json_text(yyjson_arr_get(root, 0)));
    assert_string_equal(json_text(yyjson_arr_get(root, 1)), "");
    assert_null(json_text(yyjson_arr_get(root, 2)));
    assert_null(json_span(yyjson_arr_get(root, 3)).data);
    assert_null(json_span(NULL).data);
    assert_string_equal(json_text(yyjson_arr_get(root, 4)), "text");
    arena_free(arena);
}

static void needed_members_are_there_and_of_their_type(void **state)
{
    struct arena *arena = test_arena();
    yyjson_val *root = read_text(arena, "{\"s\":\"x\",\"n\":5,\"o\":{},\"a\":[],\"neg\":-1,"
                                        "\"real\":5.0,\"big\":18446744073709551616,\"null\":null}");
    yyjson_val *value = NULL;
    struct span text = {0};
    uint64_t number = 7;
    struct trail trail = {0};

    (void)state;
    assert_err(json_need(root, "none", &trail, &value), ERR_JSON_MISSING);
    assert_string_equal(trail.where, "none");
    assert_err(json_need_string(root, "n", NULL, &text), ERR_JSON_TYPE);
    assert_err(json_need_string(root, "null", NULL, &text), ERR_JSON_TYPE);
    assert_err(json_need_object(root, "a", NULL, &value), ERR_JSON_TYPE);
    assert_err(json_need_array(root, "o", NULL, &value), ERR_JSON_TYPE);
    assert_err(json_need_array(root, "none", NULL, &value), ERR_JSON_MISSING);
    assert_err(json_need_uint(root, "s", 10, NULL, &number), ERR_JSON_TYPE);
    assert_err(json_need_uint(root, "neg", 10, NULL, &number), ERR_JSON_TYPE);
    assert_err(json_need_uint(root, "real", 10, NULL, &number), ERR_JSON_TYPE);
    assert_err(json_need_uint(root, "big", UINT64_MAX, NULL, &number), ERR_JSON_TYPE);
    assert_err(json_need_uint(root, "n", 4, NULL, &number), ERR_JSON_TYPE);
    assert_null(value);
    assert_null(text.data);
    assert_int_equal(number, 7);
    assert_ok(json_need_uint(root, "n", 5, NULL, &number));
    assert_int_equal(number, 5);
    assert_ok(json_need_string(root, "s", NULL, &text));
    assert_true(span_is(text, "x"));
    assert_ok(json_need_object(root, "o", NULL, &value));
    assert_ok(json_need_array(root, "a", NULL, &value));
    arena_free(arena);
}

static void other_members_are_refused_by_name(void **state)
{
    static const char *const names[] = {"a", "b", NULL};
    struct arena *arena = test_arena();
    struct trail trail = {0};

    (void)state;
    assert_err(json_need_only(read_text(arena, "[]"), names, NULL), ERR_JSON_TYPE);
    assert_err(json_need_only(read_text(arena, "{\"a\":1,\"c\\n\":2}"), names, &trail), ERR_VALUE);
    assert_string_equal(trail.what, "has the unknown member 'c\\n'");
    assert_err(json_need_only(read_text(arena, "{\"a\\u0000\":1}"), names, NULL), ERR_VALUE);
    assert_ok(json_need_only(read_text(arena, "{\"b\":1}"), names, &trail));
    assert_ok(json_need_only(read_text(arena, "{}"), names, &trail));
    arena_free(arena);
}

static void needed_base64_names_its_member(void **state)
{
    struct arena *arena = test_arena();
    yyjson_val *root =
        read_text(arena, "{\"good\":\"AQI=\",\"bad\":\"AQI\",\"no\":1,\"empty\":\"\"}");
    struct span bytes = {0};
    struct trail trail = {0};

    (void)state;
    assert_err(json_need_base64(arena, root, "bad", BASE64_STANDARD, &trail, &bytes), ERR_ENCODING);
    assert_string_equal(trail.where, "bad");
    assert_string_equal(trail.what, "is not valid base64");
    assert_err(json_need_base64(arena, root, "no", BASE64_STANDARD, NULL, &bytes), ERR_JSON_TYPE);
    assert_err(json_need_base64(arena, root, "none", BASE64_STANDARD, NULL, &bytes),
               ERR_JSON_MISSING);
    assert_null(bytes.data);
    assert_ok(json_need_base64(arena, root, "good", BASE64_STANDARD, NULL, &bytes));
    assert_true(span_equal(bytes, span_of("\x01\x02", 2)));
    assert_ok(json_need_base64(arena, root, "empty", BASE64_STANDARD, NULL, &bytes));
    assert_int_equal(bytes.len, 0);
    arena_free(arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_two_readers_could_read_differently),
        cmocka_unit_test(refuses_depth_and_number_past_the_limits),
        cmocka_unit_test(strings_are_not_counted),
        cmocka_unit_test(long_escaped_strings_are_read_in_one_pass),
        cmocka_unit_test(a_small_arena_is_no_bad_json),
        cmocka_unit_test(members_are_found_by_exact_name),
        cmocka_unit_test(strings_with_nul_are_bytes_but_no_text),
        cmocka_unit_test(needed_members_are_there_and_of_their_type),
        cmocka_unit_test(other_members_are_refused_by_name),
        cmocka_unit_test(needed_base64_names_its_member),
    };

    return RUN_TESTS(tests);
}
