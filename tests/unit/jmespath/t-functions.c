/*
 * Every function: what it refuses, then what it gives.
 */
#include "query.h"

static void refuses_arguments_of_another_kind(void **state)
{
    static const struct query_case cases[] = {
        {"\"1\"", "abs(@)", "invalid-type"},
        {"null", "avg(@)", "invalid-type"},
        {"[1,\"2\"]", "avg(@)", "invalid-type"},
        {"true", "ceil(@)", "invalid-type"},
        {"{}", "contains(@, 'a')", "invalid-type"},
        {"[\"a\"]", "ends_with(@, 'a')", "invalid-type"},
        {"1", "ends_with('a', @)", "invalid-type"},
        {"null", "floor(@)", "invalid-type"},
        {"[\"a\",1]", "join(',', @)", "invalid-type"},
        {"[\"a\"]", "join(`1`, @)", "invalid-type"},
        {"\"a\"", "join(',', @)", "invalid-type"},
        {"[]", "keys(@)", "invalid-type"},
        {"null", "length(@)", "invalid-type"},
        {"1", "length(@)", "invalid-type"},
        {"{\"a\":1}", "map(&a, @)", "invalid-type"},
        {"[1,\"a\"]", "max(@)", "invalid-type"},
        {"[true]", "max(@)", "invalid-type"},
        {"\"abc\"", "max(@)", "invalid-type"},
        {"[\"a\",1]", "min(@)", "invalid-type"},
        {"[[1]]", "min(@)", "invalid-type"},
        {"[{\"a\":1},{\"a\":\"2\"}]", "max_by(@, &a)", "invalid-type"},
        {"[{\"a\":true}]", "max_by(@, &a)", "invalid-type"},
        {"{}", "max_by(@, &a)", "invalid-type"},
        {"[{\"a\":1},{}]", "min_by(@, &a)", "invalid-type"},
        {"[]", "merge(`{}`, @)", "invalid-type"},
        {"{}", "merge(@, `{}`, `null`)", "invalid-type"},
        {"{}", "reverse(@)", "invalid-type"},
        {"[1,\"a\"]", "sort(@)", "invalid-type"},
        {"[null]", "sort(@)", "invalid-type"},
        {"\"cba\"", "sort(@)", "invalid-type"},
        {"[{\"a\":1},{\"a\":\"2\"}]", "sort_by(@, &a)", "invalid-type"},
        {"[{\"a\":1},{\"b\":2}]", "sort_by(@, &a)", "invalid-type"},
        {"[{\"a\":[]}]", "sort_by(@, &a)", "invalid-type"},
        {"1", "starts_with(@, '1')", "invalid-type"},
        {"[\"1\"]", "sum(@)", "invalid-type"},
        {"1", "sum(@)", "invalid-type"},
        {"[1]", "values(@)", "invalid-type"},
        {"[1.7e308,1.7e308]", "sum(@)", "invalid-value"}, /* no number is that large */
        {"[-1.7e308,-1.7e308]", "avg(@)", "invalid-value"},
    };

    (void)state;
    check_queries(cases, ARRAY_LEN(cases));
}

static void says_which_argument_of_which_function_is_wrong(void **state)
{
    static const struct {
        const char *document, *expression, *words;
        uint64_t offset;
    } cases[] = {
        {"1", "a || length(@)",
         "argument 1 of length() must be a string, an array or an object, not number", 5},
        {"[1,\"x\"]", "sum(@)",
         "argument 1 of sum() must be an array of numbers, not array with string", 0},
        {"[{\"a\":1},{\"a\":\"x\"}]", "sort_by(@,&a)",
         "the expression gives string for an element, where it gave another kind for the first", 0},
        {"[{\"a\":null}]", "sort_by(@,&a)",
         "the expression gives null for an element, where a number or a string is needed", 0},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct query_end end;

        assert_string_equal(query(arena, cases[i].document, cases[i].expression, &end),
                            "invalid-type");
        assert_string_equal(end.trail.what, cases[i].words);
        assert_int_equal(end.trail.offset, cases[i].offset);
    }
}

static void counts_and_rounds(void **state)
{
    static const struct query_case cases[] = {
        {"{}", "[abs(`-1`), abs(`1`), abs(`-1.5`), abs(`0`)]", "[1,1,1.5,0]"},
        {"null", "abs(`-9223372036854775808`)", "9223372036854775808"}, /* fits no int64 */
        {"null", "abs(`18446744073709551615`)", "18446744073709551615"},
        {"{}", "[ceil(`1.2`), ceil(`-1.2`), ceil(`3`), floor(`1.8`), floor(`-1.2`), floor(`3`)]",
         "[2,-1,3,1,-2,3]"},
        {"{}", "[ceil(`-0.5`), ceil(`1e300`), floor(`-1e300`)]", "[0,1e300,-1e300]"},
        {"null", "floor(`18446744073709551615`)", "18446744073709551615"},
        {"[1,2,3]", "[sum(@), avg(@)]", "[6,2]"},
        {"[1,2]", "avg(@)", "1.5"},
        {"[]", "[sum(@), avg(@)]", "[0,null]"},
        {"[0.1,0.2]", "sum(@)", "0.30000000000000004"},
        {"[1,0.5]", "sum(@)", "1.5"},
        {"[18446744073709551615,-18446744073709551615]", "sum(@)", "0"},
        {"[18446744073709551614,1]", "sum(@)", "18446744073709551615"},
        {"[18446744073709551615,1]", "sum(@)", "1.8446744073709552e19"}, /* past 64 bits */
        {"[-9223372036854775808,-1]", "sum(@)", "-9223372036854775808"},
        {"[-9223372036854775808,-9223372036854775808]", "sum(@)", "-1.8446744073709552e19"},
        {"[18446744073709551615,18446744073709551615]", "avg(@)", "18446744073709551615"},
        {"{}", "[to_number('12'), to_number('-0.5e1'), to_number(`7`)]", "[12,-5,7]"},
        {"null", "to_number('18446744073709551615')", "18446744073709551615"},
        {"{}",
         "[to_number(''), to_number(' 1'), to_number('1 '), to_number('01'), "
         "to_number('1.'), to_number('.5'), to_number('+1'), to_number('0x1'), "
         "to_number('1e'), to_number('-'), to_number('nan'), to_number('Infinity'), "
         "to_number('-inf'), to_number('1e999'), to_number(`true`), to_number(`null`), "
         "to_number(`[1]`), to_number(`{}`)]",
         "[null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,"
         "null]"},
        {"\"1\\u0000\"", "to_number(@)", "null"},
        {"[9007199254740993.0, 9007199254740993]", "[@[0], @[0] == @[1]]",
         "[9007199254740993,true]"},
        {"0", "[to_number('9007199254740993.0'), `18446744073709551615.0`]",
         "[9007199254740993,18446744073709551615]"},
        {"null", "to_number('9007199254740993.5')", "null"}, /* no double holds it */
        {"0", "`[1e999]`", "syntax"},
        {"0", "`0.99999999999999999999`", "syntax"},
    };

    (void)state;
    check_queries(cases, ARRAY_LEN(cases));
}

static void reads_and_makes_texts(void **state)
{
    static const struct query_case cases[] = {
        {"\"abc\"", "[contains(@,'b'), contains(@,''), contains(@,'x'), contains(@, `1`)]",
         "[true,true,false,false]"},
        {"[1,\"a\",[2],null]",
         "[contains(@,`1`), contains(@,'a'), contains(@,`[2]`), contains(@,`null`), "
         "contains(@,`2`)]",
         "[true,true,true,true,false]"},
        {"[]", "contains(@, 'a')", "false"},
        {"\"abc\"",
         "[starts_with(@,'ab'), starts_with(@,''), starts_with(@,'b'), "
         "starts_with(@,'abcd')]",
         "[true,true,false,false]"},
        {"\"abc\"", "[ends_with(@,'bc'), ends_with(@,''), ends_with(@,'b'), ends_with(@,'abcd')]",
         "[true,true,false,false]"},
        {"[\"a\",\"b\",\"c\"]", "[join(', ',@), join('',@)]", "[\"a, b, c\",\"abc\"]"},
        {"[]", "join(',',@)", "\"\""},
        {"[\"\"]", "join(',',@)", "\"\""},
        /* Characters, not bytes: two, three and four of them. */
        {"\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x99\x82x\"", "[length(@), reverse(@)]",
         "[4,\"x\xf0\x9f\x99\x82\xe2\x82\xac\xc3\xa4\"]"},
        {"\"\"", "[length(@), reverse(@)]", "[0,\"\"]"},
        {"[1,2]", "[length(@), reverse(@)]", "[2,[2,1]]"},
        {"[]", "reverse(@)", "[]"},
        {"{\"a\":1,\"b\":2}", "length(@)", "2"},
        {"{}",
         "[to_string('a'), to_string(`1`), to_string(`1.5`), to_string(`null`), "
         "to_string(`true`), to_string(`[1, {\"a\": \"b\"}]`)]",
         "[\"a\",\"1\",\"1.5\",\"null\",\"true\",\"[1,{\\\"a\\\":\\\"b\\\"}]\"]"},
        /* The extension of published rules. */
        {"{\"p\":\"\\\\Windows\\\\WDBOOT.SYS\"}", "equals_ignore_case(p, '\\windows\\wdboot.sys')",
         "true"},
        {"{}",
         "[equals_ignore_case('a','A'), equals_ignore_case('a','b'), "
         "equals_ignore_case('a','ab'), equals_ignore_case('','')]",
         "[true,false,false,true]"},
        {"{}",
         "[equals_ignore_case(@,'a'), equals_ignore_case(`1`,`1`), "
         "equals_ignore_case(@,@)]",
         "[false,false,false]"},
        {"{}",
         "[equals_ignore_case('\xc3\x84','\xc3\xa4'), equals_ignore_case('[','{'), "
         "equals_ignore_case('@','`')]",
         "[false,false,false]"}, /* letters of ASCII alone */
    };

    (void)state;
    check_queries(cases, ARRAY_LEN(cases));
}

static void sorts_and_finds_extremes(void **state)
{
    static const struct query_case cases[] = {
        {"[3,1,2]", "[sort(@), max(@), min(@)]", "[[1,2,3],3,1]"},
        {"[\"b\",\"\xf0\x9f\x99\x82\",\"a\",\"\xef\xbf\xbd\",\"aa\",\"\"]", "sort(@)",
         "[\"\",\"a\",\"aa\",\"b\",\"\xef\xbf\xbd\",\"\xf0\x9f\x99\x82\"]"}, /* by code point */
        {"[]", "[sort(@), max(@), min(@)]", "[[],null,null]"},
        {"[7]", "[sort(@), max(@), min(@)]", "[[7],7,7]"},
        {"[1.5,18446744073709551615,-9223372036854775808,1,-0.5,1e300,-1e300]", "sort(@)",
         "[-1e300,-9223372036854775808,-0.5,1,1.5,18446744073709551615,1e300]"},
        {"[\"b\",\"a\",\"c\"]", "[max(@), min(@)]", "[\"c\",\"a\"]"},
        {"[{\"k\":2,\"n\":0},{\"k\":1,\"n\":1},{\"k\":2,\"n\":2},{\"k\":1,\"n\":3},{\"k\":0,\"n\":"
         "4}]",
         "sort_by(@, &k)[*].n", "[4,1,3,0,2]"}, /* equals keep their order */
        {"[{\"k\":\"b\"},{\"k\":\"a\"}]", "sort_by(@, &k)", "[{\"k\":\"a\"},{\"k\":\"b\"}]"},
        {"[{\"k\":1,\"n\":0},{\"k\":2,\"n\":1},{\"k\":2,\"n\":2},{\"k\":1,\"n\":3}]",
         "[max_by(@,&k).n, min_by(@,&k).n]", "[1,0]"}, /* the first of equals */
        {"[]", "[sort_by(@,&k), max_by(@,&k), min_by(@,&k)]", "[[],null,null]"},
        {"[\"aaa\",\"b\",\"cc\"]", "sort_by(@, &length(@))", "[\"b\",\"cc\",\"aaa\"]"},
        {"[[3,1],[2]]", "sort_by(@, &sort(@)[0])", "[[3,1],[2]]"},
    };

    (void)state;
    check_queries(cases, ARRAY_LEN(cases));
}

static void takes_apart_and_puts_together(void **state)
{
    static const struct query_case cases[] = {
        {"{\"b\":1,\"a\":[2]}", "[keys(@), values(@)]", "[[\"b\",\"a\"],[1,[2]]]"},
        {"{}", "[keys(@), values(@)]", "[[],[]]"},
        {"[{\"a\":1},{},{\"a\":null}]", "map(&a, @)", "[1,null,null]"}, /* null is kept */
        {"[]", "map(&a, @)", "[]"},
        {"[[1],[2,3]]", "map(&[], @)", "[[1],[2,3]]"},
        {"null", "merge(`{\"a\":1,\"b\":2}`, `{\"b\":3,\"c\":4}`, `{\"a\":5}`)",
         "{\"a\":5,\"b\":3,\"c\":4}"},
        {"{\"a\":1}", "merge(@)", "{\"a\":1}"},
        {"null", "merge(`{}`, `{}`)", "{}"},
        {"{\"a\":null,\"b\":2}", "[not_null(a, b), not_null(a), not_null(a, `false`, b)]",
         "[2,null,false]"},
        {"{}", "[to_array(`[1]`), to_array('a'), to_array(`null`), to_array(`{}`)]",
         "[[1],[\"a\"],[null],[{}]]"},
        {"{}",
         "[type(`1`), type(`1.5`), type('a'), type(`true`), type(`[]`), type(`{}`), type(`null`)]",
         "[\"number\",\"number\",\"string\",\"boolean\",\"array\",\"object\",\"null\"]"},
        {"{\"a\":[{\"b\":1}]}", "a[0].map(&b, [@, @])", "[1,1]"}, /* a call as a step */
        {"[[1,2],[3]]", "map(&sum(map(&@, @)), @)", "[3,3]"},
    };

    (void)state;
    check_queries(cases, ARRAY_LEN(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_arguments_of_another_kind),
        cmocka_unit_test(says_which_argument_of_which_function_is_wrong),
        cmocka_unit_test(counts_and_rounds),
        cmocka_unit_test(reads_and_makes_texts),
        cmocka_unit_test(sorts_and_finds_extremes),
        cmocka_unit_test(takes_apart_and_puts_together),
    };

    return RUN_TESTS(tests);
}
