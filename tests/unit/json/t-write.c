#include "json/json.h"

#include "support/support.h"

/* A claim that found no room must not be missing from a token that is signed all the same. */
static void no_document_comes_out_with_a_member_missing(void **state)
{
    struct arena *large = test_arena();
    uint8_t *bytes = arena_calloc(large, 4000, 1);
    size_t complete = 0;

    (void)state;
    memset(bytes, 'x', 4000);
    for (size_t max = 0; max < 64 * 1024; max += 64) {
        struct arena *arena = arena_new(max);
        yyjson_mut_doc *doc = json_new(arena);
        yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
        struct span text;

        if (root != NULL) {
            json_add_text(doc, root, "first", "1");
            json_add_span(doc, root, "large", span_of(bytes, 4000));
            json_add_hex(arena, doc, root, "hex", span_of(bytes, 1500));
            json_add_bool(doc, json_add_object(doc, root, "inner"), "is_secure", false);
            json_add_text(doc, root, "last", "2");
        }
        text = json_write(arena, doc, root, false);
        if (text.data != NULL) {
            complete++;
            assert_int_equal(text.len, 4000 + 3000 +
                                           strlen("{'first':'1','large':'','hex':'',"
                                                  "'inner':{'is_secure':false},'last':'2'}"));
        }
        arena_free(arena);
    }
    assert_true(complete > 0 && complete < 1024);
    arena_free(large);
}

static void a_value_that_could_not_be_made_spoils_the_document(void **state)
{
    struct arena *arena = test_arena();
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);

    (void)state;
    assert_null(json_write(arena, doc, NULL, false).data);
    assert_null(json_write(arena, NULL, root, false).data);
    assert_non_null(json_write(arena, doc, root, false).data);
    json_add_value(doc, root, "facts", NULL);
    assert_null(json_write(arena, doc, root, false).data);
    doc = json_new(arena);
    json_add_bool(doc, NULL, "member of nothing", true);
    assert_null(json_write(arena, doc, yyjson_mut_obj(doc), false).data);
    arena_free(arena);
}

static void writes_members_in_the_order_they_were_added(void **state)
{
    struct arena *arena = test_arena();
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    struct span text;

    (void)state;
    json_add_text(doc, root, "z", "text");
    json_add_text(doc, root, "nothing", NULL);
    json_add_uint(doc, root, "most", UINT64_MAX);
    json_add_int(doc, root, "least", INT64_MIN);
    json_add_bool(doc, root, "b", true);
    json_add_hex(arena, doc, root, "hex", span_of("\x00\xff", 2));
    json_add_hex(arena, doc, root, "no hex", (struct span){0});
    json_add_span(doc, root, "span", span_of("a\0\"\\\n", 5));
    json_add_span(doc, root, "empty", (struct span){0});
    json_add_bool(doc, json_add_object(doc, root, "o"), "x", false);
    yyjson_mut_arr_add_uint(doc, json_add_array(doc, root, "a"), 1);
    json_add_value(doc, root, "v", yyjson_mut_real(doc, 1.5));
    text = json_write(arena, doc, root, false);
    assert_string_equal(
        (const char *)text.data,
        "{\"z\":\"text\",\"nothing\":null,\"most\":18446744073709551615,"
        "\"least\":-9223372036854775808,\"b\":true,\"hex\":\"00ff\",\"no hex\":\"\","
        "\"span\":\"a\\u0000\\\"\\\\\\n\",\"empty\":\"\",\"o\":{\"x\":false},"
        "\"a\":[1],\"v\":1.5}");
    assert_int_equal(text.len, strlen((const char *)text.data));
    text = json_write(arena, doc, yyjson_mut_obj_get(root, "o"), true);
    assert_string_equal((const char *)text.data, "{\n  \"x\": false\n}");
    arena_free(arena);
}

static void bytes_that_are_no_text_are_escaped(void **state)
{
    struct arena *arena = test_arena();
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    uint8_t *bad = arena_alloc(arena, 5000);
    struct span text;
    yyjson_val *again = NULL;

    (void)state;
    memset(bad, 0xff, 5000);
    json_add_span(doc, root, "a", span_of("x\xff\n", 3));
    json_add_span(doc, root, "b", span_of("D\xc3\xbc", 3));
    json_add_span(doc, root, "c", span_of(bad, 5000));
    text = json_write(arena, doc, root, false);
    assert_ok(json_read(arena, text, NULL, NULL, &again));
    assert_true(span_is(json_span(json_get(again, "a")), "x\\xff\\n"));
    assert_true(span_is(json_span(json_get(again, "b")), "D\xc3\xbc"));
    assert_true(json_span(json_get(again, "c")).len < JSON_MAX_ESCAPED);
    arena_free(arena);
}

static const char *sorted(struct arena *arena, const char *json)
{
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_val *root = NULL;
    yyjson_mut_val *copy;

    assert_ok(json_read(arena, span_str(json), NULL, NULL, &root));
    copy = yyjson_val_mut_copy(doc, root);
    assert_ok(json_sort(arena, doc, copy));
    return (const char *)json_write(arena, doc, copy, false).data;
}

static void sorts_by_bytes_at_every_level(void **state)
{
    static const struct {
        const char *json, *want;
    } cases[] = {
        {"{}", "{}"},
        {"[3,1,2]", "[3,1,2]"}, /* arrays have an order of their own */
        {"{\"b\":1,\"a\":{\"d\":[{\"y\":1,\"x\":2}],\"c\":3}}",
         "{\"a\":{\"c\":3,\"d\":[{\"x\":2,\"y\":1}]},\"b\":1}"},
        {"{\"a\":1,\"B\":2,\"_\":3}", "{\"B\":2,\"_\":3,\"a\":1}"},
        {"{\"ab\":1,\"a\":2,\"\":3}", "{\"\":3,\"a\":2,\"ab\":1}"},
        {"{\"\xc3\xa4\":1,\"z\":2}", "{\"z\":2,\"\xc3\xa4\":1}"},
        /* Names that differ behind a NUL have one order too, whatever they came in. */
        {"{\"a\\u0000c\":1,\"a\\u0000b\":2,\"a\":3}", "{\"a\":3,\"a\\u0000b\":2,\"a\\u0000c\":1}"},
        {"{\"a\":3,\"a\\u0000b\":2,\"a\\u0000c\":1}", "{\"a\":3,\"a\\u0000b\":2,\"a\\u0000c\":1}"},
    };
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_string_equal(sorted(arena, cases[i].json), cases[i].want);
        assert_string_equal(sorted(arena, cases[i].want), cases[i].want);
    }
    arena_free(arena);
}

static void sorting_is_bounded_in_depth(void **state)
{
    struct arena *arena = test_arena();
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = yyjson_mut_arr(doc);
    yyjson_mut_val *at = root;

    (void)state;
    for (int i = 0; i < JSON_MAX_DEPTH; i++) {
        at = yyjson_mut_arr_add_arr(doc, at);
    }
    assert_ok(json_sort(arena, doc, root));
    yyjson_mut_arr_add_arr(doc, at);
    assert_err(json_sort(arena, doc, root), ERR_TOO_DEEP);
    arena_free(arena);
}

static void sorting_without_memory_is_an_error(void **state)
{
    struct arena *arena = test_arena();
    struct arena *full = arena_new(16);
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);

    (void)state;
    for (int i = 0; i < 10; i++) {
        json_add_bool(doc, root, arena_printf(arena, "m%d", 9 - i), true);
    }
    assert_err(json_sort(full, doc, root), ERR_MEMORY);
    assert_int_equal(yyjson_mut_obj_size(root), 10);
    arena_free(full);
    arena_free(arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_document_comes_out_with_a_member_missing),
        cmocka_unit_test(a_value_that_could_not_be_made_spoils_the_document),
        cmocka_unit_test(sorting_is_bounded_in_depth),
        cmocka_unit_test(sorting_without_memory_is_an_error),
        cmocka_unit_test(bytes_that_are_no_text_are_escaped),
        cmocka_unit_test(writes_members_in_the_order_they_were_added),
        cmocka_unit_test(sorts_by_bytes_at_every_level),
    };

    return RUN_TESTS(tests);
}
