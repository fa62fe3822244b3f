/*
 * What is no expression, where it stops being one, and in which words that is said.
 */
#include "query.h"

static void refuses_what_is_no_expression_and_says_where(void **state)
{
    static const struct {
        const char *expression;
        uint64_t offset;
        const char *words;
    } cases[] = {
        {"", 0, "the expression ends where an expression is expected"},
        {"  ", 2, "ends where"},
        {"a.", 2, "a name, '*', '[' or '{'"},
        {".a", 0, "'.' stands where an expression is expected"},
        {"a b", 2, "'b' stands where an operator or the end is expected"},
        {"a.1", 2, "'1' stands where a name"},
        {"a.'b'", 2, "stands where a name"},
        {"a.@", 2, "stands where a name"},
        {"a..b", 2, "'.' stands where a name"},
        {"12", 0, "a number is written in backticks"},
        {"E[?P == 12]", 8, "a number is written in backticks"}, /* published text has it */
        {"a = `1`", 2, "equality is '=='"},
        {"a == ", 5, "ends where an expression"},
        {"a ||", 4, "ends where an expression"},
        {"&& a", 0, "'&&' stands where an expression"},
        {"a |", 3, "ends where"},
        {"!", 1, "ends where"},
        {"(a", 2, "ends where ')' is expected"},
        {"a)", 1, "')' stands where an operator or the end"},
        {"()", 1, "')' stands where an expression"},
        {"a[", 2, "an index, a slice or '*'"},
        {"a[b]", 2, "'b' stands where an index"},
        {"a[0", 3, "']' or ':'"},
        {"a[0 1]", 4, "']' or ':'"},
        {"a[*", 3, "']' is expected"},
        {"a[ ]", 3, "an index, a slice or '*'"},
        {"a[::::]", 4, "']' is expected"},
        {"a[0:1:2:3]", 7, "']' is expected"},
        {"a[0:1 2]", 6, "a number, ':' or ']'"},
        {"a[?b", 4, "ends where ']' is expected"},
        {"a[?]", 3, "']' stands where an expression"},
        {"a[-]", 2, "'-' begins nothing"},
        {"*a", 1, "an operator or the end"},
        {"[", 1, "ends where an expression"},
        {"[a,]", 3, "']' stands where an expression"},
        {"[a b]", 3, "',' or ']'"},
        {"a.[]", 2, "'[]' stands where a name"},
        {"a[*][b]", 5, "'b' stands where an index"},
        {"{", 1, "the name of a member"},
        {"{}", 1, "'}' stands where the name of a member"},
        {"{a}", 2, "':' is expected"},
        {"{a:}", 3, "an expression"},
        {"{a:b,}", 5, "the name of a member"},
        {"{a:b c:d}", 5, "',' or '}'"},
        {"{'a':b}", 1, "the name of a member"},
        {"length(", 7, "ends where"},
        {"length(@", 8, "',' or ')'"},
        {"length(@,)", 9, "')' stands where an argument"},
        {"join(',' a)", 9, "',' or ')'"},
        {"\"length\"(@)", 8, "the name of a function has no quotes"},
        {"a.length.(b)", 9, "'(' stands where a name"},
        {"@(a)", 1, "'(' stands where an operator"},
        {"&a", 0, "'&' stands where an expression"},
        {"[&a]", 1, "'&' stands where an expression"},
        {"\"a", 0, "double quotes that begins here has no end"},
        {"'a", 0, "single quotes that begins here has no end"},
        {"'a\\'", 0, "has no end"},
        {"`1", 0, "in backticks that begins here has no end"},
        {"a.`1`", 2, "stands where a name"},
        {"\"\"", 0, "a name cannot be empty"},
        {"\"a\nb\"", 0, "the name in double quotes"},
        {"\"\\x\"", 0, "the name in double quotes"},
        {"a == `{`", 5, "the JSON in backticks"},
        {"``", 0, "the JSON in backticks"},
        {"`foo`", 0, "the JSON in backticks"},
        {"`{\"a\":1,\"a\":2}`", 0, "occurs twice"}, /* two readers could disagree */
        {"a#b", 1, "'#' begins nothing"},
        {"a\xc3\xa4", 1, "'\xc3\xa4' begins nothing"},
        {"a \x1b[31m", 2, "'\\x1b' begins nothing"},
        {"\xff", UINT64_MAX, "not valid UTF-8"},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct jmespath *compiled = NULL;
        struct trail trail = {0};
        err_t err = jmespath_compile(arena, span_str(cases[i].expression), &trail, &compiled);

        if (err != ERR_MALFORMED || strstr(trail.what, cases[i].words) == NULL ||
            trail.has_offset != (cases[i].offset != UINT64_MAX) ||
            (trail.has_offset && trail.offset != cases[i].offset)) {
            fail_msg("%s: %s at %llu: %s", cases[i].expression, err_name(err),
                     (unsigned long long)trail.offset, trail.what);
        }
        assert_null(compiled);
    }
    print_message("%zu cases\n", ARRAY_LEN(cases));
}

static void finds_wrong_calls_before_anything_is_evaluated(void **state)
{
    static const struct {
        const char *expression;
        err_t err;
        uint64_t offset;
        const char *words;
    } cases[] = {
        {"`false` && lenght(@)", ERR_UNSUPPORTED, 11, "there is no function lenght()"},
        {"LENGTH(@)", ERR_UNSUPPORTED, 0, "LENGTH"},
        {"a.foo(@)", ERR_UNSUPPORTED, 2, "foo"},
        {"length()", ERR_USAGE, 0, "length() takes 1 argument, not 0"},
        {"[length(a, b)]", ERR_USAGE, 1, "length() takes 1 argument, not 2"},
        {"join(@)", ERR_USAGE, 0, "join() takes 2 arguments, not 1"},
        {"not_null()", ERR_USAGE, 0, "not_null() takes at least 1 argument, not 0"},
        {"merge()", ERR_USAGE, 0, "at least 1"},
        {"length(&a)", ERR_JSON_TYPE, 7, "not an expression with &"},
        {"map(a, b)", ERR_JSON_TYPE, 4, "argument 1 of map() must be an expression with &"},
        {"map(a, &b)", ERR_JSON_TYPE, 4, "argument 1"},
        {"sort_by(a, b)", ERR_JSON_TYPE, 11, "argument 2 of sort_by()"},
        {"type(&a)", ERR_JSON_TYPE, 5, "must be a value, not"},
        {"not_null(a, &b)", ERR_JSON_TYPE, 12, "argument 2"},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct jmespath *compiled = NULL;
        struct trail trail = {0};
        err_t err = jmespath_compile(arena, span_str(cases[i].expression), &trail, &compiled);

        if (err != cases[i].err || trail.offset != cases[i].offset ||
            strstr(trail.what, cases[i].words) == NULL) {
            fail_msg("%s: %s at %llu: %s", cases[i].expression, err_name(err),
                     (unsigned long long)trail.offset, trail.what);
        }
    }
}

static void names_each_fault_as_the_language_does(void **state)
{
    static const struct {
        err_t err;
        const char *name;
    } cases[] = {
        {ERR_OK, "ok"},
        {ERR_MALFORMED, "syntax"},
        {ERR_JSON_TYPE, "invalid-type"},
        {ERR_VALUE, "invalid-value"},
        {ERR_USAGE, "invalid-arity"},
        {ERR_UNSUPPORTED, "unknown-function"},
        {ERR_TOO_MANY, "limit"},
        {ERR_TOO_LARGE, "limit"},
        {ERR_TOO_DEEP, "limit"},
        {ERR_MEMORY, "other"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_string_equal(jmespath_fault_name(jmespath_fault(cases[i].err)), cases[i].name);
    }
    assert_string_equal(jmespath_fault_name((enum jmespath_fault)99), "other");
}

static void lists_its_functions_sorted(void **state)
{
    size_t n = 0;
    const char *const *names = jmespath_functions(&n);

    (void)state;
    assert_int_equal(n, 27);
    for (size_t i = 1; i < n; i++) {
        assert_true(strcmp(names[i - 1], names[i]) < 0);
    }
}

/* The text may go away after compiling, and the query answers as often as it is asked. */
static void keeps_its_own_copy_of_the_text(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    char text[] = "a.\"b c\" == 'x'";
    struct jmespath_budget budget = {JMESPATH_MAX_STEPS};
    const struct jmespath_value *root = NULL;
    const struct jmespath_value *result = NULL;
    struct jmespath *compiled = NULL;

    (void)state;
    assert_ok(jmespath_compile(arena, span_str(text), NULL, &compiled));
    memset(text, '!', sizeof(text));
    assert_ok(jmespath_read(arena, span_str("{\"a\":{\"b c\":\"x\"}}"), NULL, &root));
    for (int i = 0; i < 3; i++) {
        assert_ok(jmespath_search(compiled, arena, root, &budget, NULL, &result));
        assert_int_equal(jmespath_kind(result), JMESPATH_BOOLEAN);
        assert_true(jmespath_is_true(result));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_expression_and_says_where),
        cmocka_unit_test(finds_wrong_calls_before_anything_is_evaluated),
        cmocka_unit_test(names_each_fault_as_the_language_does),
        cmocka_unit_test(lists_its_functions_sorted),
        cmocka_unit_test(keeps_its_own_copy_of_the_text),
    };

    return RUN_TESTS(tests);
}
