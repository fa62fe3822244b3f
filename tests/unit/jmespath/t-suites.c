/*
 * The public compliance suites of JMESPath, read from where they lie: every case with a result or
 * an error, and those for timing as cases that must compile.
 */
#include "support/support.h"

#include "base/file.h"
#include "jmespath/jmespath.h"
#include "json/json.h"

#include <string.h>

static const char *const suites[] = {
    "basic",   "benchmarks", "boolean",     "current", "escape",   "extension-equals_ignore_case",
    "filters", "functions",  "identifiers", "indices", "literal",  "multiselect",
    "pipe",    "slice",      "syntax",      "unicode", "wildcard",
};

struct tally {
    size_t cases, errors, timed, faults;
};

/* Compile and search; what came out, or the fault. */
static err_t run(struct arena *arena, struct span expression, yyjson_val *given,
                 struct trail *trail, const struct jmespath_value **ret)
{
    struct jmespath_budget budget = {JMESPATH_MAX_STEPS};
    const struct jmespath_value *root = NULL;
    struct jmespath *query = NULL;
    err_t err = jmespath_compile(arena, expression, trail, &query);

    assert_ok(jmespath_from_json(arena, given, NULL, &root));
    return err ? err : jmespath_search(query, arena, root, &budget, trail, ret);
}

static bool is_wanted(struct arena *arena, const struct jmespath_value *got, yyjson_val *wanted)
{
    struct jmespath_budget budget = {JMESPATH_MAX_STEPS};
    const struct jmespath_value *value = NULL;
    bool is_equal = false;

    assert_ok(jmespath_from_json(arena, wanted, NULL, &value));
    assert_ok(jmespath_equal(got, value, &budget, NULL, &is_equal));
    return is_equal;
}

static const char *as_text(struct arena *arena, const struct jmespath_value *value)
{
    struct jmespath_budget budget = {JMESPATH_MAX_STEPS};
    struct span text = {0};

    assert_ok(jmespath_to_text(arena, value, JMESPATH_COMPACT, &budget, NULL, &text));
    return (const char *)text.data;
}

static void check_case(struct arena *arena, const char *suite, yyjson_val *given, yyjson_val *item,
                       struct tally *tally)
{
    struct span expression = json_span(json_get(item, "expression"));
    yyjson_val *result = json_get(item, "result");
    const char *error = json_text(json_get(item, "error"));
    const struct jmespath_value *got = NULL;
    struct trail trail = {0};
    err_t err = run(arena, expression, given, &trail, &got);
    const char *fault = jmespath_fault_name(jmespath_fault(err));
    bool is_good = err == ERR_OK;

    tally->cases++;
    if (error != NULL) {
        tally->errors++;
        is_good = strcmp(error, fault) == 0 && trail.what[0] != '\0' && trail.has_offset &&
                  trail.offset <= expression.len;
    } else if (result == NULL) {
        tally->timed++;
        assert_non_null(json_get(item, "bench"));
    } else if (is_good) {
        is_good = is_wanted(arena, got, result);
    }
    if (!is_good) {
        tally->faults++;
        print_error("%s: %.*s: %s %s\n", suite, (int)expression.len, (const char *)expression.data,
                    err ? fault : as_text(arena, got), trail.what);
    }
}

static void check_suite(const char *name, struct tally *tally)
{
    static const struct json_limits limits = {.max_depth = 64, .max_values = 100000};
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const char *path = arena_printf(arena, "policy/jmespath/%s.json", name);
    yyjson_val *root = NULL;
    yyjson_val *group;
    yyjson_val *item;
    size_t i, j, n, m;

    assert_ok(json_read(arena, test_public_file(arena, path), &limits, NULL, &root));
    yyjson_arr_foreach(root, i, n, group)
    {
        yyjson_arr_foreach(json_get(group, "cases"), j, m, item)
        {
            check_case(arena, name, json_get(group, "given"), item, tally);
        }
    }
}

/* A suite that is there and not named above would be counted nowhere. */
static size_t suites_there(void)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const char **names = NULL;
    size_t n = 0;

    assert_ok(file_list(arena, arena_printf(arena, "%s/policy/jmespath", test_public_data()), NULL,
                        &names));
    for (size_t i = 0; names[i] != NULL; i++) {
        n += strstr(names[i], ".json") != NULL ? 1 : 0;
    }
    return n;
}

static void gives_what_the_public_suites_want(void **state)
{
    struct tally tally = {0};

    (void)state;
    test_needs_public_data();
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        check_suite(suites[i], &tally);
    }
    print_message("figure: jmespath: %zu of %zu cases of %zu suites as wanted (%zu of errors, %zu "
                  "of timing)\n",
                  tally.cases - tally.faults, tally.cases, ARRAY_LEN(suites), tally.errors,
                  tally.timed);
    assert_int_equal(tally.faults, 0);
    assert_int_equal(suites_there(), ARRAY_LEN(suites));
    assert_int_equal(tally.cases, 908 + 11);
    assert_int_equal(tally.timed, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_what_the_public_suites_want),
    };

    return RUN_TESTS(tests);
}
