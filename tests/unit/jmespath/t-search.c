/*
 * What expressions select. The cases are the project's own; those of the public suites are in
 * t-suites.c.
 */
#include "query.h"

#define EVENTS                                                                                     \
    "{\"Events\":[{\"EventSeq\":0,\"PcrIndex\":7,\"EventTypeString\":\"EV_SEPARATOR\","            \
    "\"ProcessedData\":{}},"                                                                       \
    "{\"EventSeq\":1,\"PcrIndex\":12,\"EventTypeString\":\"EV_EVENT_TAG\",\"ProcessedData\":"      \
    "{\"EVENT_TRUSTBOUNDARY\":{\"EVENT_WINPE\":false,\"EVENT_SI_POLICY\":[{\"RawData\":\"AA\"},"   \
    "{\"RawData\":\"AQ\"}]}}},"                                                                    \
    "{\"EventSeq\":2,\"PcrIndex\":19,\"EventTypeString\":\"EV_EVENT_TAG\",\"ProcessedData\":"      \
    "{\"EVENT_TRUSTBOUNDARY\":{\"EVENT_WINPE\":true}}}]}"

static void selects_nothing_from_values_of_another_kind(void **state)
{
    static const struct query_case cases[] = {
        {"[1]", "a", "null"},          {"\"text\"", "a", "null"},    {"null", "a.b", "null"},
        {"{\"a\":1}", "[0]", "null"},  {"\"text\"", "[0]", "null"},  {"\"text\"", "[0:1]", "null"},
        {"{\"a\":1}", "[*]", "null"},  {"[1]", "*", "null"},         {"{\"a\":1}", "[]", "null"},
        {"{\"a\":1}", "[?a]", "null"}, {"null", "[*].a", "null"},    {"null", "[@]", "null"},
        {"null", "{a:@}", "null"},     {"\"a\"", "@ < 'b'", "null"}, /* only numbers have an order
                                                                      */
        {"1", "@ < `true`", "null"},   {"null", "@ >= `1`", "null"},
    };

    (void)state;
    check_queries(cases, ARRAY_LEN(cases));
}

static void refuses_a_slice_that_never_moves(void **state)
{
    static const struct query_case cases[] = {
        {"[1]", "[::0]", "invalid-value"},
        {"null", "[1:2:0]", "invalid-value"},
    };

    (void)state;
    check_queries(cases, ARRAY_LEN(cases));
}

static void selects_fields_elements_and_slices(void **state)
{
    static const struct query_case cases[] = {
        {"{\"a\":{\"b\":[1,{\"c\":2}]}}", "a.b[1].c", "2"},
        {"{\"a b\":1,\"\xc3\xa4\":2}", "[\"a b\", \"\\u00e4\", \"\xc3\xa4\"]", "[1,2,2]"},
        {"{\"a\":1}", "@", "{\"a\":1}"},
        {"[0,1,2]", "[-1]", "2"},
        {"[0,1,2]", "[-3]", "0"},
        {"[0,1,2]", "[-4]", "null"},
        {"[0,1,2]", "[3]", "null"},
        {"[0,1,2]", "[99999999999999999999]", "null"}, /* past 64 bits */
        {"[0,1,2]", "[-99999999999999999999]", "null"},
        {"[0,1,2,3]", "[1:3]", "[1,2]"},
        {"[0,1,2,3]", "[:2]", "[0,1]"},
        {"[0,1,2,3]", "[2:]", "[2,3]"},
        {"[0,1,2,3]", "[:]", "[0,1,2,3]"},
        {"[0,1,2,3]", "[-2:]", "[2,3]"},
        {"[0,1,2,3]", "[:-1]", "[0,1,2]"},
        {"[0,1,2,3]", "[::2]", "[0,2]"},
        {"[0,1,2,3]", "[::-1]", "[3,2,1,0]"},
        {"[0,1,2,3]", "[::-2]", "[3,1]"},
        {"[0,1,2,3]", "[2:0:-1]", "[2,1]"},
        {"[0,1,2,3]", "[3:1]", "[]"},
        {"[0,1,2,3]", "[10:-10:-1]", "[3,2,1,0]"},
        {"[0,1,2,3]", "[-10:10]", "[0,1,2,3]"},
        {"[0,1,2,3]", "[0:4:9223372036854775807]", "[0]"},
        {"[0,1,2,3]", "[3::-9223372036854775808]", "[3]"},
        {"[0,1,2,3]", "[-9223372036854775808:9223372036854775807:1]", "[0,1,2,3]"},
        {"[]", "[::-1]", "[]"},
        {"[{\"a\":1},{\"a\":2}]", "[:1].a", "[1]"},
        {"[[0,1]]", "[0][1]", "1"},
    };

    (void)state;
    check_queries(cases, ARRAY_LEN(cases));
}

static void projects_what_stands_behind_until_something_weaker(void **state)
{
    static const struct query_case cases[] = {
        {"[{\"a\":1},{\"b\":2},{\"a\":3}]", "[*].a", "[1,3]"},
        {"[1,null,2]", "[*]", "[1,2]"}, /* null is dropped */
        {"{\"x\":{\"a\":1},\"y\":{\"a\":2},\"z\":3}", "*.a", "[1,2]"},
        {"[{\"a\":[{\"b\":1},{\"b\":2}]},{\"a\":[]}]", "[*].a[*].b", "[[1,2],[]]"},
        {"[{\"a\":[{\"b\":1},{\"b\":2}]},{\"a\":[]}]", "[].a[].b", "[1,2]"},
        {"[{\"a\":[1,2]},{\"a\":[3]}]", "[*].a[0]", "[1,3]"},
        {"[{\"a\":[1,2]},{\"a\":[3]}]", "[*].a | [0]", "[1,2]"},
        {"[{\"a\":[1,2]},{\"a\":[3]}]", "([*].a)[0]", "[1,2]"},
        {"[[1,[2]],[[[3]]],4]", "[]", "[1,[2],[[3]],4]"},
        {"[[1,[2]],[[[3]]],4]", "[][]", "[1,2,[3],4]"},
        {"[[1],[2]]", "[] | [0]", "1"},
        {"[{\"a\":1,\"b\":2}]", "[*].[a,b]", "[[1,2]]"},
        {"[{\"a\":1}]", "[*].{x:a,y:b}", "[{\"x\":1,\"y\":null}]"},
        {"[{\"a\":1},{\"a\":2}]", "[?a > `1`]", "[{\"a\":2}]"},
        {"[{\"a\":1},{\"a\":2}]", "[?a > `1`].a", "[2]"},
        {"[3,1,2]", "[?@ >= `2`]", "[3,2]"},
        {"[[{\"a\":1}]]", "[*][?a]", "[[{\"a\":1}]]"},
        {"[\"ab\",\"c\"]", "[*].length(@)", "[2,1]"},
        {"[1]", "[*] == `[1]`", "true"},
        {"[0]", "[*] && 'x'", "\"x\""},
        {"[]", "[*] || 'x'", "\"x\""},
        /* Where implementations differ, as jmespath.h says. */
        {"{\"a\":{\"x\":{\"b\":{\"c\":1}}}}", "a.*.b.c", "[1]"},
        {"{\"a\":{\"x\":{\"b\":{\"c\":1}}}}", "a.*.b.*", "[[1]]"},
        {"[{\"a\":[{\"b\":1},{\"b\":2}]}]", "[?a].a[?b == `2`].b", "[[2]]"},
        {"[{\"a\":1}]", "[*].[a][0]", "[1]"},
        {"[{\"a\":1}]", "[*].{x:a}.x", "[1]"},
        {"{\"a\":{\"b\":false}}", "!a.b", "true"},
        {"{\"a\":[]}", "!a[]", "true"},
        {"{\"a\":1}", "!a == `false`", "true"},
    };

    (void)state;
    check_queries(cases, ARRAY_LEN(cases));
}

static void combines_and_compares(void **state)
{
    static const struct query_case cases[] = {
        {"{\"a\":0,\"b\":\"\"}", "[!a, !b, !`[]`, !`{}`, !`null`, !'x', !`{\"a\":1}`]",
         "[false,true,true,true,true,false,false]"},
        {"{\"a\":1}", "a || b", "1"},
        {"{\"a\":1}", "b || a", "1"},
        {"{\"a\":1}", "b || c", "null"},
        {"{\"a\":\"\"}", "b && a", "null"},
        {"{\"a\":\"\"}", "a && b", "\"\""},
        {"{\"a\":1}", "a && b || 'x'", "\"x\""},
        {"{\"a\":1}", "a || b && `false`", "1"},
        {"{\"a\":1}", "(a || b) && `false`", "false"},
        {"{\"a\":[]}", "a || length(b)", "invalid-type"}, /* the right side is evaluated */
        {"{\"a\":[1]}", "a || length(b)", "[1]"},         /* and here it is not */
        {"{}", "a && length(b)", "null"},
        {"null", "`1` == `1.0`", "true"},
        {"null", "`1` == '1'", "false"},
        {"null", "`true` == 'true'", "false"},
        {"null", "`0` == `false`", "false"},
        {"null", "`0` == `-0.0`", "true"},
        {"{\"a\":[1,{\"b\":[]}]}", "a == `[1,{\"b\":[]}]`", "true"},
        {"null", "`{\"a\":1,\"b\":2}` == `{\"b\":2,\"a\":1}`", "true"},
        {"null", "`{\"a\":1,\"b\":2}` == `{\"b\":2,\"c\":1}`", "false"},
        {"null", "`{\"a\":1}` == `[\"a\",1]`", "false"},
        {"null", "`[1,2]` == `[2,1]`", "false"},
        {"null", "`[]` == `{}`", "false"},
        {"null", "`1` < `2` == `true`", "true"}, /* from left to right */
        {"null", "`true` == `1` < `2`", "null"},
        {"null", "`18446744073709551615` > `9223372036854775807`", "true"},
        {"null", "`-9223372036854775808` < `-9223372036854775807`", "true"},
        {"null", "`9007199254740993` > `9007199254740992.0`", "true"}, /* no doubles in between */
        {"null", "`9007199254740993` == `9007199254740992`", "false"},
        {"null", "`18446744073709551615` == `18446744073709551616`", "false"},
        {"null", "`18446744073709551615` < `18446744073709551616`", "true"},
        /* No integer of 64 bits, and as a double it would be -2^63: another number. */
        {"null", "`-9223372036854775809` == `-9223372036854775808`", "syntax"},
        {"null", "`1.5` > `1`", "true"},
        {"null", "`-1.5` < `-1`", "true"},
        {"{}", "[`1` <= `1`, `1` >= `1`, `1` != `1`, `2` <= `1`, `1` >= `2`]",
         "[true,true,false,false,false]"},
    };

    (void)state;
    check_queries(cases, ARRAY_LEN(cases));
}

static void keeps_names_and_literals_as_they_are_written(void **state)
{
    static const struct query_case cases[] = {
        {"{\"a\":1,\"b\":2}", "{z:b,y:a}", "{\"z\":2,\"y\":1}"},
        {"{\"a\":1,\"b\":2}", "{\"z z\":b}", "{\"z z\":2}"},
        {"{\"a\":1,\"b\":2}", "{x:a,y:a,x:b}", "{\"x\":2,\"y\":1}"}, /* never twice */
        {"{\"a\":1,\"b\":2}", "[b,a,@.a]", "[2,1,1]"},
        {"null", "'it\\'s'", "\"it's\""},
        {"null", "'a\\b\\\\c'", "\"a\\\\b\\\\\\\\c\""}, /* backslashes are kept */
        {"null", "'\\windows\\system32'", "\"\\\\windows\\\\system32\""},
        {"null", "''", "\"\""},
        {"null", "'a\nb'", "\"a\\nb\""},
        {"null", "`\"a\\`b\"`", "\"a`b\""},
        {"null", "` [1, {\"a\": null}] `", "[1,{\"a\":null}]"},
        {"null", "`\"\\\\\"`", "\"\\\\\""},
        {"null", "\ta . b\r\n| @ ", "null"},
        {"false", "@.{a:a}", "{\"a\":null}"}, /* published DRTM rules depend on it */
        {"false", "@ | @.{a:a}", "{\"a\":null}"},
        {"{\"a\\u0000b\":1}", "\"a\\u0000b\"", "1"},
    };

    (void)state;
    check_queries(cases, ARRAY_LEN(cases));
}

/* Queries as policies for Windows and Linux have them. */
static void answers_the_queries_of_published_rules(void **state)
{
    static const struct query_case cases[] = {
        {EVENTS,
         "Events[? EventTypeString == 'EV_EVENT_TAG' && (PcrIndex == `12` || PcrIndex == `19`)]"
         ".ProcessedData.EVENT_TRUSTBOUNDARY | [*].EVENT_WINPE",
         "[false,true]"},
        {EVENTS, "Events[? EventTypeString == 'EV_SEPARATOR'] | @[0].EventSeq", "0"},
        {EVENTS, "Events[? EventTypeString == 'EV_EVENT_TAG'] | @[-1].EventSeq", "2"},
        {EVENTS,
         "Events[? PcrIndex == `12`].ProcessedData.EVENT_TRUSTBOUNDARY.EVENT_SI_POLICY[].RawData",
         "[\"AA\",\"AQ\"]"},
        {EVENTS, "Events[? PcrIndex == `99`] | @[0].EventSeq", "null"},
        {EVENTS, "Events[? PcrIndex == '12']", "[]"}, /* text never equals a number */
        {EVENTS, "Events[? ProcessedData.EVENT_TRUSTBOUNDARY.EVENT_WINPE == true].EventSeq",
         "[0]"}, /* without backticks `true` is a field that nobody has */
        {EVENTS, "events[*].EventSeq", "null"},
        {EVENTS,
         "Events[? ProcessedData.EVENT_TRUSTBOUNDARY.EVENT_WINPE] | length(@) == `1` && "
         "@[0] | @.{EventSeq:EventSeq}",
         "{\"EventSeq\":2}"},
    };

    (void)state;
    check_queries(cases, ARRAY_LEN(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selects_nothing_from_values_of_another_kind),
        cmocka_unit_test(refuses_a_slice_that_never_moves),
        cmocka_unit_test(selects_fields_elements_and_slices),
        cmocka_unit_test(projects_what_stands_behind_until_something_weaker),
        cmocka_unit_test(combines_and_compares),
        cmocka_unit_test(keeps_names_and_literals_as_they_are_written),
        cmocka_unit_test(answers_the_queries_of_published_rules),
    };

    return RUN_TESTS(tests);
}
