/* Values as they stand in a text, byte for byte. */
#include "support/support.h"

#include "json/raw.h"

static const char document[] =
    " { \"a\" : 1 , \"b\\\"}\" : [ {\"x\":\"]\"} , \"\\\\\" , -2.5e3,[],{} ] ,"
    "\"\\u0063\":{ \"d\" : true,\"e\":null },\"f\":\"\\\"\",\"\":\"last\" } ";

static void every_value_is_found_as_it_was_written(void **state)
{
    static const struct {
        const char *name;
        const char *text;
    } members[] = {
        {"a", "1"},
        {"b\"}", "[ {\"x\":\"]\"} , \"\\\\\" , -2.5e3,[],{} ]"},
        {"c", "{ \"d\" : true,\"e\":null }"}, /* named by an escape */
        {"f", "\"\\\"\""},
        {"", "\"last\""},
    };
    static const char *const items[] = {"{\"x\":\"]\"}", "\"\\\\\"", "-2.5e3", "[]", "{}"};
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct span raw = json_raw_root(span_str(document));
    yyjson_val *root = NULL;
    yyjson_val *list;
    struct span list_raw;

    (void)state;
    assert_ok(json_read(arena, span_str(document), NULL, NULL, &root));
    assert_int_equal(raw.len, strlen(document) - 2);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        assert_true(span_is(json_raw_member(root, raw, members[i].name), members[i].text));
    }
    list = json_get(root, "b\"}");
    list_raw = json_raw_member(root, raw, "b\"}");
    for (size_t i = 0; i < ARRAY_LEN(items); i++) {
        assert_true(span_is(json_raw_item(list, list_raw, i), items[i]));
    }
    assert_true(span_is(json_raw_member(json_get(root, "c"), json_raw_member(root, raw, "c"), "e"),
                        "null"));
}

static void what_is_not_there_is_empty(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    yyjson_val *root = NULL;

    (void)state;
    assert_ok(json_read(arena, span_str("[]"), NULL, NULL, &root));
    assert_int_equal(json_raw_item(root, span_str("[]"), 0).len, 0);
    assert_int_equal(json_raw_member(root, span_str("[]"), "a").len, 0);
    assert_ok(json_read(arena, span_str("{\"a\":1}"), NULL, NULL, &root));
    assert_int_equal(json_raw_member(root, span_str("{\"a\":1}"), "b").len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_there_is_empty),
        cmocka_unit_test(every_value_is_found_as_it_was_written),
    };

    return RUN_TESTS(tests);
}
