/* Bodies of resources: members in any case, merge patches, what is refused. */
#include "support/support.h"

#include "resource/body.h"

#include <string.h>

static struct arena *arena;
static yyjson_mut_doc *doc;

static int start(void **state)
{
    (void)state;
    arena = test_arena();
    doc = json_new(arena);
    assert_non_null(doc);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static yyjson_mut_val *value_of(const char *text)
{
    yyjson_val *root = NULL;

    assert_ok(json_read(arena, span_str(text), NULL, NULL, &root));
    return yyjson_val_mut_copy(doc, root);
}

/* As text, with members as they stand. */
static const char *text_of(yyjson_mut_val *value)
{
    return (const char *)json_write(arena, doc, value, false).data;
}

/* ---- what is refused ---- */

/* json_read knows twins that are spelt alike; here they are spelt differently. */
static void a_name_that_is_there_twice_is_refused_however_it_is_spelt(void **state)
{
    static const struct {
        const char *text, *where;
    } cases[] = {
        {"{\"a\":1,\"A\":2}", "A"},
        {"{\"x\":{\"location\":1,\"b\":2,\"LOCATION\":3}}", "x.LOCATION"},
        {"{\"x\":[1,{\"tags\":1,\"Tags\":1}]}", "Tags"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct trail trail = {0};

        assert_err(body_check(value_of(cases[i].text), &trail), ERR_JSON_DUPLICATE);
        assert_non_null(strstr(trail.where, cases[i].where));
    }
    assert_ok(body_check(value_of("{\"a\":{\"b\":1},\"b\":{\"a\":1,\"\":2}}"), NULL));
    assert_ok(body_check(value_of("[]"), NULL));
}

static yyjson_mut_val *object_of(size_t n)
{
    yyjson_mut_val *object = yyjson_mut_obj(doc);

    for (size_t i = 0; i < n; i++) {
        json_add_uint(doc, object, arena_printf(arena, "m%zu", i), i);
    }
    return object;
}

static void too_many_members_are_refused_and_named(void **state)
{
    yyjson_mut_val *outer = yyjson_mut_obj(doc);
    struct trail trail = {0};

    (void)state;
    assert_ok(body_check(object_of(BODY_MAX_MEMBERS), NULL));
    json_add_value(doc, outer, "tags", object_of(BODY_MAX_MEMBERS + 1));
    assert_err(body_check(outer, &trail), ERR_TOO_MANY);
    assert_string_equal(trail.where, "tags");
}

static void a_nul_in_a_name_is_refused(void **state)
{
    (void)state;
    assert_err(body_check(value_of("{\"a\":{\"b\\u0000c\":1}}"), NULL), ERR_VALUE);
}

/* ---- finding ---- */

static void members_are_found_in_any_case(void **state)
{
    yyjson_mut_val *body =
        value_of("{\"Properties\":{\"UEFIsettings\":{\"vTPMEnabled\":\"TRUE\",\"n\":\"a\\u0000b\"},"
                 "\"list\":[{\"a\":1}]}}");

    (void)state;
    assert_true(body_is_true(body_at(body, "properties.uefiSettings.vTpmEnabled")));
    assert_null(body_text_at(body, "properties.uefiSettings.n")); /* what follows a NUL is hidden */
    assert_null(body_at(body, "properties.list.a"));
    assert_null(body_at(body, "properties.none.a"));
    assert_null(body_get(NULL, "a"));
    assert_null(body_get(value_of("[1]"), "a"));
    assert_null(body_text(NULL));
    assert_null(body_text(value_of("1")));
    assert_false(body_is_true(value_of("1")));
    assert_false(body_is_true(value_of("\"truely\"")));
    assert_false(body_is_true(NULL));
    assert_null(body_at(body, "a234567890123456789012345678901234567890123456789012345678901234567"
                              "890.b"));
}

static void every_spelling_of_a_name_is_removed_or_replaced(void **state)
{
    yyjson_mut_val *body = value_of("{\"A\":1,\"b\":2,\"a\":3}");

    (void)state;
    body_drop(body, "a");
    assert_string_equal(text_of(body), "{\"b\":2}");
    body_set_text(doc, body, "B", "x");
    assert_string_equal(text_of(body), "{\"B\":\"x\"}");
    body_drop(NULL, "a");
    body_drop(value_of("[]"), "a");
    assert_true(yyjson_mut_is_obj(body_need_object(doc, body, "b")));
    assert_string_equal(text_of(body), "{\"b\":{}}");
}

/* ---- merging ---- */

/* Those of RFC 7396's appendix that begin with an object, and names in another case. */
static void patches_are_merged(void **state)
{
    static const struct {
        const char *body, *patch, *wanted;
    } cases[] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
        {"{\"a\":1}", "{\"a\":{\"b\":null,\"c\":2}}", "{\"a\":{\"c\":2}}"},
        {"{\"Tags\":{\"A\":\"1\",\"b\":\"2\"}}", "{\"tags\":{\"a\":null,\"B\":\"3\"}}",
         "{\"Tags\":{\"B\":\"3\"}}"},
        {"{\"a\":1}", "{}", "{\"a\":1}"},
        {"{\"a\":1}", "[]", "{\"a\":1}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        yyjson_mut_val *body = value_of(cases[i].body);

        body_merge(doc, body, value_of(cases[i].patch));
        assert_string_equal(text_of(body), cases[i].wanted);
    }
}

static void null_means_absent(void **state)
{
    yyjson_mut_val *body =
        value_of("{\"a\":null,\"b\":{\"c\":null,\"d\":[null,{\"e\":null,\"f\":1}]}}");

    (void)state;
    body_clean(body);
    /* A null in an array has a place: it stays. */
    assert_string_equal(text_of(body), "{\"b\":{\"d\":[null,{\"f\":1}]}}");
    body_clean(NULL);
}

/* ---- comparing ---- */

static void values_are_equal_by_what_they_say(void **state)
{
    static const struct {
        const char *a, *b;
        bool is_equal;
    } cases[] = {
        {"{\"a\":1,\"b\":[1,{\"c\":true}]}", "{\"B\":[1,{\"C\":true}],\"A\":1}", true},
        {"{\"a\":1}", "{\"a\":1,\"b\":1}", false},
        {"{\"a\":1}", "{\"b\":1}", false},
        {"{\"a\":null}", "{\"b\":null}", false},
        {"[1,2]", "[2,1]", false},
        {"[1,2]", "[1]", false},
        {"[]", "{}", false},
        {"1", "1.0", true},
        {"-1", "-1.0", true},
        {"0", "-0.0", true},
        {"1", "1.5", false},
        {"1", "\"1\"", false},
        {"9007199254740993", "9007199254740992.0", false},
        {"18446744073709551615", "-1", false},
        {"\"a\"", "\"A\"", false},
        {"{}", "{}", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (body_equal(value_of(cases[i].a), value_of(cases[i].b)) != cases[i].is_equal ||
            body_equal(value_of(cases[i].b), value_of(cases[i].a)) != cases[i].is_equal) {
            fail_msg("%s and %s", cases[i].a, cases[i].b);
        }
    }
    assert_true(body_equal(NULL, NULL));
    assert_false(body_equal(NULL, value_of("null")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_that_is_there_twice_is_refused_however_it_is_spelt),
        cmocka_unit_test(too_many_members_are_refused_and_named),
        cmocka_unit_test(a_nul_in_a_name_is_refused),
        cmocka_unit_test(members_are_found_in_any_case),
        cmocka_unit_test(every_spelling_of_a_name_is_removed_or_replaced),
        cmocka_unit_test(patches_are_merged),
        cmocka_unit_test(null_means_absent),
        cmocka_unit_test(values_are_equal_by_what_they_say),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
