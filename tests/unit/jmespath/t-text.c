/*
 * Values from JSON and back to text (policy language, section 7), and looking at them.
 */
#include "query.h"

static const struct jmespath_value *value_of(struct arena *arena, const char *json)
{
    const struct jmespath_value *value = NULL;

    assert_ok(jmespath_read(arena, span_str(json), NULL, &value));
    return value;
}

static struct span text_of(struct arena *arena, const struct jmespath_value *value,
                           enum jmespath_form form)
{
    struct jmespath_budget budget = {JMESPATH_MAX_STEPS};
    struct span text = {0};

    assert_ok(jmespath_to_text(arena, value, form, &budget, NULL, &text));
    return text;
}

static void refuses_what_is_no_document(void **state)
{
    static const struct {
        const char *text;
        err_t err;
    } cases[] = {
        {"", ERR_JSON_SYNTAX},
        {"{oops", ERR_JSON_SYNTAX},
        {"abc", ERR_JSON_SYNTAX},
        {"[1,]", ERR_JSON_SYNTAX},
        {"1 2", ERR_JSON_SYNTAX},
        {"NaN", ERR_JSON_SYNTAX},
        {"[1e999]", ERR_UNSUPPORTED},
        /* As doubles they would be other whole numbers. */
        {"-9223372036854775809", ERR_UNSUPPORTED},
        {"9007199254740993.5", ERR_UNSUPPORTED},
        {"[0.99999999999999999999]", ERR_UNSUPPORTED},
        {"1e-400", ERR_UNSUPPORTED},
        {"\"\xff\"", ERR_JSON_SYNTAX},
        {"{\"a\":1,\"a\":2}", ERR_JSON_DUPLICATE},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct jmespath_value *value = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_err(jmespath_read(arena, span_str(cases[i].text), NULL, &value), cases[i].err);
        assert_null(value);
    }
}

static void says_when_a_text_costs_more_than_is_left(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct jmespath_budget budget = {3};
    struct trail trail = {0};
    struct span text = {0};

    (void)state;
    assert_err(jmespath_to_text(arena, value_of(arena, "[1,2,3]"), JMESPATH_COMPACT, &budget,
                                &trail, &text),
               ERR_TOO_MANY);
    assert_null(text.data);
}

static void writes_the_compact_form(void **state)
{
    static const struct {
        const char *json, *text;
    } cases[] = {
        {" { \"b\" : [ 1 , true , null ] , \"a\" : \"x\" } ", NULL},
        {"[ ]", "[]"},
        {"{ }", "{}"},
        {"[[],{},[{}]]", "[[],{},[{}]]"},
        {"false", "false"},
        /* Integers: no exponent, no fraction. */
        {"0", "0"},
        {"-0", "0"},
        {"-0.0", "0"},
        {"2.0", "2"},
        {"2e1", "20"},
        {"1E+2", "100"},
        {"-1e3", "-1000"},
        {"1e18", "1000000000000000000"},
        {"9007199254740993", "9007199254740993"},
        {"9007199254740993.0", "9007199254740993"},
        {"9223372036854775807.00", "9223372036854775807"},
        {"18446744073709551615", "18446744073709551615"},
        {"-9223372036854775808", "-9223372036854775808"},
        /* What no 64 bits hold, and what is not whole: the shortest that reads back equal. */
        {"18446744073709551616", "1.8446744073709552e19"},
        {"-9223372036854777857", "-9.223372036854778e18"},
        {"1e300", "1e300"},
        {"-1e300", "-1e300"},
        {"0.1", "0.1"},
        {"1.50", "1.5"},
        {"-2.5e-5", "-2.5e-5"},
        {"0.0001", "0.0001"},
        {"1e-7", "1e-7"},
        {"1.25e-10", "1.25e-10"},
        {"123456789.125", "123456789.125"},
        {"0.30000000000000004", "0.30000000000000004"},
        {"1.7976931348623157e308", "1.7976931348623157e308"},
        {"2.2250738585072014e-308", "2.2250738585072014e-308"},
        {"5e-324", "5e-324"},
        {"4.9406564584124654e-324", "5e-324"},
        {"2251799813685248.5", "2251799813685248.5"},
        /* Strings: only what JSON demands. */
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
        {"\"\\u0000\\u0001\\u001f\\u007f\"", "\"\\u0000\\u0001\\u001f\x7f\""},
        {"\"\\u00e4\\u20ac\\ud83d\\ude42\\u202e\"",
         "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x99\x82\xe2\x80\xae\""},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct jmespath_value *value = value_of(arena, cases[i].json);
        struct span text = text_of(arena, value, JMESPATH_COMPACT);
        const char *wanted =
            cases[i].text != NULL ? cases[i].text : "{\"b\":[1,true,null],\"a\":\"x\"}";

        assert_string_equal((const char *)text.data, wanted);
        assert_int_equal(text.len, strlen(wanted));
    }
}

static void writes_the_form_for_people(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    static const char json[] =
        "{\"a\":[1,{\"b\":[]}],\"c\":{},\"\\u202e\":\"\\u001b[31m\\u009b\\u007f"
        "\\u00e4\\u20ac\\ud83d\\ude42\\udb40\\udc41\\u200b\\\"\"}";

    (void)state;
    assert_string_equal(
        (const char *)text_of(arena, value_of(arena, json), JMESPATH_INDENTED).data,
        "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ],\n  \"c\": {},\n"
        "  \"\\u202e\": \"\\u001b[31m\\u009b\\u007f\xc3\xa4\xe2\x82\xac\xf0\x9f\x99\x82"
        "\\udb40\\udc41\\u200b\\\"\"\n}");
}

static void writes_one_line_for_people(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct jmespath_value *value = value_of(arena, "[\"\\u202e\\u0085\\u00e4\", {\"a\": 1}]");

    (void)state;
    assert_string_equal((const char *)text_of(arena, value, JMESPATH_LINE).data,
                        "[\"\\u202e\\u0085\xc3\xa4\",{\"a\":1}]");
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Both forms, for numbers of all sizes: what is written reads back equal, and as the same text. */
static void reads_back_what_it_writes(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    uint64_t random = 88172645463325252u;
    size_t n = 0;

    (void)state;
    while (n < 20000) {
        uint64_t bits = next_random(&random);
        struct jmespath_budget budget = {JMESPATH_MAX_STEPS};
        const struct jmespath_value *value, *again;
        struct span text;
        bool is_equal = false;
        double real;
        char json[40];

        bits = n % 4 == 0 ? bits & ~0x7ff0000000000000u : bits; /* the smallest there are */
        memcpy(&real, &bits, sizeof(real));
        snprintf(json, sizeof(json), "%.17g", real);
        if (strpbrk(json, "ni") != NULL) {
            continue; /* no number */
        }
        value = value_of(arena, json);
        text = text_of(arena, value, n % 2 == 0 ? JMESPATH_COMPACT : JMESPATH_INDENTED);
        assert_in_range(text.len, 1, 24);
        again = value_of(arena, (const char *)text.data);
        assert_ok(jmespath_equal(value, again, &budget, NULL, &is_equal));
        assert_true(is_equal);
        n++;
        if (n % 1000 == 0) {
            arena_reset(arena);
        }
    }
}

static void gives_out_kinds_and_parts(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct jmespath_value *v =
        value_of(arena, "{\"n\":null,\"t\":true,\"i\":-7,\"f\":1.5,\"big\":9223372036854775808,"
                        "\"w\":3.0,\"s\":\"\",\"a\":[1,2]}");
    int64_t integer = 0;

    (void)state;
    assert_int_equal(jmespath_kind(v), JMESPATH_OBJECT);
    assert_int_equal(jmespath_count(v), 8);
    assert_true(span_is(jmespath_name(v, 1), "t"));
    assert_null(jmespath_name(v, 8).data);
    assert_null(jmespath_item(v, 8));
    assert_null(jmespath_string(v).data);
    assert_int_equal(jmespath_kind(jmespath_item(v, 0)), JMESPATH_NULL);
    assert_int_equal(jmespath_kind(jmespath_item(v, 1)), JMESPATH_BOOLEAN);
    assert_true(jmespath_is_true(jmespath_item(v, 1)));
    assert_false(jmespath_is_true(jmespath_item(v, 0)));
    assert_true(jmespath_integer(jmespath_item(v, 2), &integer));
    assert_int_equal(integer, -7);
    assert_false(jmespath_integer(jmespath_item(v, 3), &integer));
    assert_false(jmespath_integer(jmespath_item(v, 4), &integer)); /* a number, but too large */
    assert_int_equal(jmespath_kind(jmespath_item(v, 4)), JMESPATH_NUMBER);
    assert_true(jmespath_integer(jmespath_item(v, 5), &integer));
    assert_int_equal(integer, 3);
    assert_false(jmespath_integer(jmespath_item(v, 1), &integer));
    assert_non_null(jmespath_string(jmespath_item(v, 6)).data);
    assert_int_equal(jmespath_string(jmespath_item(v, 6)).len, 0);
    assert_false(jmespath_is_true(jmespath_item(v, 6)));
    assert_int_equal(jmespath_count(jmespath_item(v, 7)), 2);
    assert_null(jmespath_name(jmespath_item(v, 7), 0).data);
    assert_int_equal(jmespath_count(jmespath_item(v, 6)), 0);
}

/* What was there is not copied: a result is a look at the document. */
static void borrows_results_from_the_document(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct jmespath_value *root = value_of(arena, "{\"a\":{\"b\":[1,2,3]}}");
    struct jmespath_budget budget = {JMESPATH_MAX_STEPS};
    const struct jmespath_value *result = NULL;
    struct jmespath *compiled = NULL;
    size_t before;

    (void)state;
    assert_ok(jmespath_compile(arena, span_str("a.b"), NULL, &compiled));
    before = arena_used(arena);
    assert_ok(jmespath_search(compiled, arena, root, &budget, NULL, &result));
    assert_in_range(arena_used(arena) - before, 0, 16);
    assert_ptr_equal(jmespath_item(result, 0),
                     jmespath_item(jmespath_item(jmespath_item(root, 0), 0), 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_document),
        cmocka_unit_test(says_when_a_text_costs_more_than_is_left),
        cmocka_unit_test(writes_the_compact_form),
        cmocka_unit_test(writes_the_form_for_people),
        cmocka_unit_test(writes_one_line_for_people),
        cmocka_unit_test(reads_back_what_it_writes),
        cmocka_unit_test(gives_out_kinds_and_parts),
        cmocka_unit_test(borrows_results_from_the_document),
    };

    return RUN_TESTS(tests);
}
