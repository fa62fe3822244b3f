/*
 * Small expressions that would take all memory or all time, and documents that are too deep: each
 * ends at a limit.
 */
#include "query.h"

#include "base/buf.h"
#include "json/json.h"

/* `head`, then `part` n times with `between`, then `tail`. */
static const char *repeat(struct arena *arena, const char *head, const char *part,
                          const char *between, size_t n, const char *tail)
{
    CLEANUP(buf_done) struct buf text;
    struct span copy = {0};

    buf_init(&text, 16 * 1024 * 1024);
    buf_add_str(&text, head);
    for (size_t i = 0; i < n; i++) {
        buf_add_str(&text, i > 0 ? between : "");
        buf_add_str(&text, part);
    }
    buf_add_str(&text, tail);
    assert_ok(buf_copy(&text, arena, &copy));
    return (const char *)copy.data;
}

static err_t compile(struct arena *arena, const char *expression)
{
    struct jmespath *compiled = NULL;
    struct trail trail = {0};
    err_t err = jmespath_compile(arena, span_str(expression), &trail, &compiled);

    assert_true((err == ERR_OK) == (trail.what[0] == '\0'));
    return err;
}

static void refuses_expressions_that_are_nested_too_deep(void **state)
{
    static const struct {
        const char *open, *inner, *close;
        size_t most;
    } cases[] = {
        {"(", "a", ")", JMESPATH_MAX_DEPTH},
        {"[", "a", "]", JMESPATH_MAX_DEPTH},
        {"{a:", "a", "}", JMESPATH_MAX_DEPTH},
        {"a[?", "a", "]", JMESPATH_MAX_DEPTH},
        {"!", "a", "", JMESPATH_MAX_DEPTH},
        {"length(", "a", ")", JMESPATH_MAX_DEPTH},
        {"map(&", "a", ",a)", JMESPATH_MAX_DEPTH},
        {"a[*].", "a", "", JMESPATH_MAX_PROJECTIONS},
        {"*.", "a", "", JMESPATH_MAX_PROJECTIONS},
        {"a[::2].", "a", "", JMESPATH_MAX_PROJECTIONS},
        {"a || b == !(c && ", "a", ")", JMESPATH_MAX_DEPTH / 2},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t extra = 0; extra < 2; extra++) {
            size_t n = cases[i].most + extra;
            const char *head = repeat(arena, "", cases[i].open, "", n, cases[i].inner);
            const char *text = repeat(arena, head, cases[i].close, "", n, "");

            if (compile(arena, text) != (extra == 0 ? ERR_OK : ERR_TOO_DEEP)) {
                fail_msg("%zu times %s", n, cases[i].open);
            }
        }
        /* As deep as a text can be. */
        assert_err(compile(arena, repeat(arena, "", cases[i].open, "",
                                         JMESPATH_MAX_TEXT / strlen(cases[i].open), "")),
                   ERR_TOO_DEEP);
    }
    assert_err(compile(arena, repeat(arena, "`", "[", "", 100, "`")), ERR_TOO_DEEP);
}

static void refuses_texts_that_are_too_long(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const char *pairs = repeat(arena, "{x:a", "\"\\u0061\":b", ",", 3, ",");

    (void)state;
    assert_err(compile(arena, repeat(arena, "", "a", "", JMESPATH_MAX_TEXT, "")), ERR_OK);
    assert_err(compile(arena, repeat(arena, "", "a", "", JMESPATH_MAX_TEXT + 1, "")),
               ERR_TOO_LARGE);
    for (int i = 0; i < JMESPATH_MAX_PAIRS; i++) {
        pairs = arena_printf(arena, "%sm%d:a%s", i > 0 ? pairs : "{", i,
                             i + 1 < JMESPATH_MAX_PAIRS ? "," : "");
    }
    assert_err(compile(arena, arena_printf(arena, "%s}", pairs)), ERR_OK);
    assert_err(compile(arena, arena_printf(arena, "%s,one_more:b}", pairs)), ERR_TOO_MANY);
}

/* What stands in a row is not nested, however long the row is. */
static void evaluates_rows_as_long_as_a_text_can_be(void **state)
{
    static const struct {
        const char *part, *between, *wanted;
    } cases[] = {
        {"a", ".", "null"},       {"a", "|", "null"},   {"a", "||", "null"},
        {"@", "&&", "{\"b\":1}"}, {"b", "==", "false"}, {"b", "<", "null"},
        {"[0]", "", "null"},      {"[]", "", "null"},   {"@", "|", "{\"b\":1}"},
        {"!@", "||", "false"},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t n = JMESPATH_MAX_TEXT / (strlen(cases[i].part) + strlen(cases[i].between));
        struct query_end end;

        assert_string_equal(query(arena, "{\"b\":1}",
                                  repeat(arena, "", cases[i].part, cases[i].between, n, ""), &end),
                            cases[i].wanted);
    }
}

static void ends_bombs_at_a_limit(void **state)
{
    static const struct {
        const char *head, *part, *between;
        size_t n;
        const char *tail;
        const char *words;
    } cases[] = {
        /* A value of 2^64 parts that shares them: small until it becomes a text. */
        {"", "[@,@]", "|", 64, "", "than"},
        {"", "{a:@,b:@}", "|", 64, "", "than"},
        {"", "[@,@]", "|", 64, "| to_string(@)", "than"},
        {"", "[@,@]", "|", 64, "| to_string(@) | length(@)", "than"},
        {"", "[@,@]", "|", 300, "", "nested deeper than 256 levels"},
        {"", "{a:@}", "|", 300, "", "nested deeper than 256 levels"},
        {"", "to_array([@])", "|", 300, "", "nested deeper than 256 levels"},
        {"", "map(&@,[@])", "|", 300, "", "nested deeper than 256 levels"},
        {"", "[[@,@],[@,@]]", "|", 64, "", "than"},
        /* Looked through, compared, flattened, sorted. */
        {"", "[@,@]", "|", 64,
         "|[*][*][*][*][*][*][*][*][*][*][*][*][*][*][*][*][*][*][*][*][*]"
         "[*][*][*][*][*][*][*][*][*][*][*][*][*][*][*][*][*][*][*][*][*]",
         "more steps than it may"},
        {"", "[@,@]", "|", 64, "|[][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][]",
         "than it may"},
        {"([@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|"
         "[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]) == "
         "(",
         "[@,@]", "|", 28, ")", "more steps than it may"},
        {"", "[@,@][]", "|", 64, "", "than it may"},
        {"", "[@,@][]", "|", 64, "|length(@)", "than it may"},
        {"[@]|", "[@,@][]", "|", 18, "|sort_by(@,&length(to_string(@)))|map(&sort(@.*),@)", ""},
        {"", "join('',[@,@])", "|", 64, "", "longer than 16777216 bytes"},
        {"", "join(@,[@,@,@,@])", "|", 64, "", "longer than 16777216 bytes"},
        {"", "to_string([@,@])", "|", 64, "", "longer than 16777216 bytes"},
        {"", "to_string([@])", "|", 64, "", "longer than 16777216 bytes"}, /* of backslashes */
        {"", "reverse(join('',[@,@]))", "|", 64, "", "longer than 16777216 bytes"},
        {"[@,@][]|", "map(&[@,@],@)[]", "|", 40, "", "than it may"},
        {"", "merge({a:@},{b:@})", "|", 64, "", "than"},
    };
    CLEANUP(arena_free) struct arena *arena = arena_new((size_t)512 * 1024 * 1024);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct query_end end;
        const char *text = repeat(arena, cases[i].head, cases[i].part, cases[i].between, cases[i].n,
                                  cases[i].tail);
        const char *got = query(arena, "\"text\"", text, &end);

        if (cases[i].words[0] == '\0') {
            assert_string_equal(got, "invalid-type");
        } else if (strcmp(got, "limit") != 0 || strstr(end.trail.what, cases[i].words) == NULL) {
            fail_msg("%s: %s: %s", text, got, end.trail.what);
        }
        arena_reset(arena);
    }
}

/* An arena that is full is a limit of the query; nothing comes out with a part missing. */
static void calls_a_full_arena_a_limit(void **state)
{
    enum { MOST = 512 * 1024 };
    static const char *const expressions[] = {
        "[@,@][]|[@,@][]|[@,@][]|[@,@][]|[@,@][]|[@,@][]|[@,@][]|[@,@][]|[@,@][]|[@,@][]",
        "join(@,['a','b']) | [@,@,@,@,@,@,@,@] | join('',@)",
        "[@,@,@,@,@,@,@,@] | sort(@) | sort(@) | sort(@) | sort(@) | sort(@) | sort(@)",
        "to_string([@,@,@,@,@,@,@,@])",
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(expressions); i++) {
        size_t n_refused = 0;

        for (size_t room = 0; room < MOST; room += 64) {
            CLEANUP(arena_free) struct arena *small = arena_new(room);
            struct jmespath_budget budget = {JMESPATH_MAX_STEPS};
            const struct jmespath_value *root = NULL;
            const struct jmespath_value *result = NULL;
            struct jmespath *compiled = NULL;
            struct trail trail = {0};
            err_t err;

            assert_ok(jmespath_read(arena, span_str("\"a rather short text\""), NULL, &root));
            err = jmespath_compile(small, span_str(expressions[i]), &trail, &compiled);
            err = err ? err : jmespath_search(compiled, small, root, &budget, &trail, &result);
            if (err == ERR_OK) {
                break;
            }
            assert_err(err, ERR_TOO_LARGE);
            assert_string_equal(trail.what, "the query needs more memory than it may use");
            n_refused++;
        }
        assert_true(n_refused > 10);
        assert_true(n_refused < MOST / 64);
    }
}

static void counts_one_budget_down_over_many_calls(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct jmespath_budget budget = {1000};
    const struct jmespath_value *root = NULL;
    const struct jmespath_value *result = NULL;
    struct jmespath *compiled = NULL;
    struct trail trail = {0};
    size_t calls = 0;
    err_t err;

    (void)state;
    assert_ok(jmespath_read(arena, span_str("[1,2,3,4,5,6,7,8]"), NULL, &root));
    assert_ok(jmespath_compile(arena, span_str("[?@ > `4`]"), NULL, &compiled));
    do {
        err = jmespath_search(compiled, arena, root, &budget, &trail, &result);
        calls++;
    } while (err == ERR_OK);
    assert_err(err, ERR_TOO_MANY);
    assert_string_equal(trail.what, "the query takes more steps than it may");
    assert_int_equal(budget.steps_left, 0);
    assert_in_range(calls, 20, 200);
    assert_err(jmespath_search(compiled, arena, root, &budget, NULL, &result), ERR_TOO_MANY);
}

static const char *array_of(struct arena *arena, size_t n, size_t factor)
{
    CLEANUP(buf_done) struct buf text;
    struct span copy = {0};

    buf_init(&text, 16 * 1024 * 1024);
    buf_add_char(&text, '[');
    for (size_t i = 0; i < n; i++) {
        buf_addf(&text, "%s%zu", i > 0 ? "," : "", i * factor % n);
    }
    buf_add_char(&text, ']');
    assert_ok(buf_copy(&text, arena, &copy));
    return (const char *)copy.data;
}

/* Work as people need it fits: sorting grows with n log n, whatever the order was. */
static void leaves_room_for_large_documents(void **state)
{
    enum { N = 50000 };
    static const size_t factors[] = {1, N - 1, 7919};
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(factors); i++) {
        struct query_end end;

        assert_string_equal(query(arena, array_of(arena, N, factors[i]),
                                  "sort(@) | [[0], [1], [49999], length(@)]", &end),
                            "[0,1,49999,50000]");
        assert_in_range(end.steps, N, 20 * N);
        arena_reset(arena);
    }
}

/* Looking for a member of an object with very many costs more than of one with few. */
static void charges_wide_objects_for_their_width(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const char *members = "";
    struct query_end wide, narrow;

    (void)state;
    for (int i = 0; i < 2000; i++) {
        members = i % 100 == 0 ? arena_printf(arena, "%s\"m%d\":0,", members, i)
                               : arena_printf(arena, "%s\"n%d\":0,", members, i);
    }
    members = arena_printf(arena, "{%s\"last\":[1,1,1,1,1,1,1,1,1,1]}", members);
    assert_string_equal(query(arena, members, "[last, last, last] | length(@)", &wide), "3");
    assert_string_equal(query(arena, "{\"last\":1}", "[last, last, last] | length(@)", &narrow),
                        "3");
    assert_in_range(wide.steps, narrow.steps + 300, narrow.steps + 1000);
    assert_string_equal(query(arena, members, "merge(@, @, @, @) == @", &wide), "true");
    assert_in_range(wide.steps, 3 * 2000, 4 * 2000 * 200);
}

static void refuses_documents_that_are_nested_too_deep(void **state)
{
    static const struct {
        size_t levels;
        err_t err;
    } cases[] = {{JMESPATH_MAX_JSON_DEPTH, ERR_OK},
                 {JMESPATH_MAX_JSON_DEPTH + 1, ERR_TOO_DEEP},
                 {100000, ERR_TOO_DEEP}};
    const struct json_limits wide = {.max_depth = 2 * JMESPATH_MAX_NESTING, .max_values = 10000};
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct jmespath_value *value = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *head = repeat(arena, "", "[", "", cases[i].levels, "");

        assert_err(jmespath_read(arena, span_str(repeat(arena, head, "]", "", cases[i].levels, "")),
                                 NULL, &value),
                   cases[i].err);
    }
    /* From a reader with other limits. */
    for (size_t levels = JMESPATH_MAX_NESTING; levels < JMESPATH_MAX_NESTING + 2; levels++) {
        const char *head = repeat(arena, "", "{\"a\":", "", levels, "1");
        yyjson_val *json = NULL;

        assert_ok(json_read(arena, span_str(repeat(arena, head, "}", "", levels, "")), &wide, NULL,
                            &json));
        assert_err(jmespath_from_json(arena, json, NULL, &value),
                   levels == JMESPATH_MAX_NESTING ? ERR_OK : ERR_TOO_DEEP);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_expressions_that_are_nested_too_deep),
        cmocka_unit_test(refuses_texts_that_are_too_long),
        cmocka_unit_test(evaluates_rows_as_long_as_a_text_can_be),
        cmocka_unit_test(ends_bombs_at_a_limit),
        cmocka_unit_test(calls_a_full_arena_a_limit),
        cmocka_unit_test(counts_one_budget_down_over_many_calls),
        cmocka_unit_test(leaves_room_for_large_documents),
        cmocka_unit_test(charges_wide_objects_for_their_width),
        cmocka_unit_test(refuses_documents_that_are_nested_too_deep),
    };

    return RUN_TESTS(tests);
}
