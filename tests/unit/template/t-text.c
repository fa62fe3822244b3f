/*
 * The lenient reader: what it accepts beyond JSON, what it refuses, and the places it names.
 */
#include "expand.h"

static void refuses_what_is_no_template_text(void **state)
{
    static const struct {
        const char *text;
        err_t err;
        unsigned line, column;
    } cases[] = {
        {"", ERR_JSON_SYNTAX, 0, 0},
        {"/* open", ERR_JSON_SYNTAX, 1, 1},
        {"{\n  \"a\": 1,\n  \"b\" 2}", ERR_JSON_SYNTAX, 3, 7},
        {"{a: tru}", ERR_JSON_SYNTAX, 1, 5},
        {"{a: b}", ERR_JSON_SYNTAX, 1, 5},
        {"{\n// x\na: [1,]}", ERR_JSON_SYNTAX, 3, 6},
        {"{1a: 1}", ERR_JSON_SYNTAX, 1, 2},
        {"{a-b: 1}", ERR_JSON_SYNTAX, 1, 2},
        {"{'a': 1}", ERR_JSON_SYNTAX, 1, 2},
        {"{\"a\": \"\x01\"}", ERR_JSON_SYNTAX, 0, 0},
        {"{\"a\": \"\xff\"}", ERR_JSON_SYNTAX, 0, 0},
        {"{\"a\": \"unfinished", ERR_JSON_SYNTAX, 0, 0},
        {"{a: 1, \"a\": 2}", ERR_JSON_DUPLICATE, 0, 0},
        {"1 2", ERR_JSON_SYNTAX, 1, 3},
        {"{a: 1 /x}", ERR_JSON_SYNTAX, 1, 7},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = big_arena();
        struct template_fault fault = {0};
        struct trail trail = {0};
        yyjson_val *root = NULL;
        err_t err = template_read(arena, span_str(cases[i].text), &trail, &fault, &root);

        if (err != cases[i].err || (cases[i].line > 0 && (fault.line != cases[i].line ||
                                                          fault.column != cases[i].column))) {
            fail_msg("%s: got %s at %u:%u (%s)", cases[i].text, err_name(err), fault.line,
                     fault.column, trail.what);
        }
        assert_string_equal(fault.code, "InvalidRequestContent");
        assert_true(trail.what[0] != '\0');
    }
}

static void reads_what_tools_send(void **state)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"{template:{a:1}}", "{\"template\":{\"a\":1}}"},
        {"\xef\xbb\xbf{ $x_1 : null }", "{\"$x_1\":null}"},
        {"{true: true, null /* c */ : false}", "{\"true\":true,\"null\":false}"},
        {"// first\n{ \"a\": 1, /* two\nlines */ \"b\": [2, // end\n3] } // last",
         "{\"a\":1,\"b\":[2,3]}"},
        {"{\"a\": \"x\r\n\ty\"}", "{\"a\":\"x\\r\\n\\ty\"}"},
        {"{\"a\": \"https://x/*y*/ // z\"}", "{\"a\":\"https://x/*y*/ // z\"}"},
        {"{\"a\": \"quote \\\" // \\\\\"}", "{\"a\":\"quote \\\" // \\\\\"}"},
        {"{ä: \"ü\"}", "{\"ä\":\"ü\"}"},
        {"[-1, 2.5e3, \"\\u00e4\"]", "[-1,2500.0,\"ä\"]"},
        {"/**/1", "1"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = big_arena();
        yyjson_mut_doc *doc = json_new(arena);
        struct trail trail = {0};
        yyjson_val *root = NULL;
        struct span text;

        if (template_read(arena, span_str(cases[i].text), &trail, NULL, &root) != ERR_OK) {
            fail_msg("%s: %s", cases[i].text, trail.what);
        }
        text = json_write(arena, doc, yyjson_val_mut_copy(doc, root), false);
        assert_string_equal((const char *)text.data, cases[i].wanted);
    }
}

static void says_where_a_value_begins(void **state)
{
    static const char text[] = "{ // c\n  a: [1, {\"b\": 2}],\n  \"c\": \"ä\", d: \"here\"}";
    CLEANUP(arena_free) struct arena *arena = big_arena();
    yyjson_val *root = NULL;
    unsigned line = 0, column = 0;

    (void)state;
    assert_ok(template_read(arena, span_str(text), NULL, NULL, &root));
    assert_false(template_where(span_str(text), root, NULL, &line, &column));
    assert_true(template_where(span_str(text), root, json_get(root, "d"), &line, &column));
    assert_int_equal(line, 3);
    assert_int_equal(column, 16);
    assert_true(template_where(span_str(text), root,
                               json_get(yyjson_arr_get(json_get(root, "a"), 1), "b"), &line,
                               &column));
    assert_int_equal(line, 2);
    assert_int_equal(column, 16);
}

static void refuses_texts_past_the_limits(void **state)
{
    CLEANUP(arena_free) struct arena *arena = big_arena();
    CLEANUP(buf_done) struct buf text;
    struct template_fault fault = {0};
    yyjson_val *root = NULL;

    (void)state;
    buf_init(&text, 8 * 1024 * 1024);
    for (size_t i = 0; i < 5 * 1024 * 1024; i++) {
        buf_add_char(&text, ' ');
    }
    assert_err(template_read(arena, buf_span(&text), NULL, &fault, &root), ERR_TOO_LARGE);
    assert_string_equal(fault.code, "RequestTooLarge");
    buf_reset(&text);
    for (int i = 0; i < 100000; i++) {
        buf_add_str(&text, "{a:");
    }
    assert_err(template_read(arena, buf_span(&text), NULL, NULL, &root), ERR_TOO_DEEP);
    buf_reset(&text);
    buf_add_str(&text, "[");
    for (int i = 0; i < 300000; i++) {
        buf_add_str(&text, "1,");
    }
    buf_add_str(&text, "1]");
    assert_err(template_read(arena, buf_span(&text), NULL, NULL, &root), ERR_TOO_MANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_template_text),
        cmocka_unit_test(reads_what_tools_send),
        cmocka_unit_test(says_where_a_value_begins),
        cmocka_unit_test(refuses_texts_past_the_limits),
    };

    return RUN_TESTS(tests);
}
