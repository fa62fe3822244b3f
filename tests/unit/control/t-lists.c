/* Lists: pages until the end, filters, and lists that are too much for one answer. */
#include "unit/control/engine.h"

#include "control/filter.h"

static void make_many(const char *group, unsigned n, const char *body)
{
    for (unsigned i = 0; i < n; i++) {
        char target[192];

        snprintf(target, sizeof(target),
                 SUB "/resourceGroups/%s/providers/Test.Things/things/t%05u", group, i);
        ask(&m, HTTP_PUT, target, body);
        assert_answer(&m, 201, NULL);
    }
}

static void make_group(const char *name)
{
    char target[160];

    snprintf(target, sizeof(target), SUB "/resourceGroups/%s", name);
    ask(&m, HTTP_PUT, target, PLAIN);
    assert_answer(&m, 201, NULL);
}

/* ---- refusals ---- */

static void a_token_of_another_server_is_refused(void **state)
{
    static const char *const bad[] = {
        "%24skiptoken=%2F",
        "$skiptoken=!!!",
        "$skiptoken=YQ==",
        "$skiptoken=AAAA" /* NULs */,
    };
    char target[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        snprintf(target, sizeof(target), THINGS "?%s", bad[i]);
        ask(&m, HTTP_GET, target, NULL);
        assert_answer(&m, 400, "InvalidParameter");
        snprintf(target, sizeof(target), SUB "/resources?%s", bad[i]);
        ask(&m, HTTP_GET, target, NULL);
        assert_answer(&m, 400, "InvalidParameter");
    }
    ask(&m, HTTP_GET, THINGS "?$skiptoken=", NULL); /* nothing is no token */
    assert_answer(&m, 200, NULL);
    ask(&m, HTTP_GET, THINGS "?$skiptoken=eno", NULL); /* behind everything */
    assert_answer(&m, 200, NULL);
    assert_int_equal(yyjson_arr_size(member(&m, "value")), 0);
}

static void a_filter_that_is_not_understood_is_refused(void **state)
{
    static const char *const bad[] = {
        "name",
        "name%20eq",
        "name%20eq%20'x",
        "name%20is%20'x'",
        "name%20eq%20'x'%20or%20name",
        "name%20eq%20'x'%20and",
        "colour%20eq%20'red'",
        "name%20ge%20'x'",
        "'x'%20eq%20name",
        "substringof('x',%20name)",
        "eq%20eq%20eq%20eq",
    };
    char target[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        snprintf(target, sizeof(target), SUB "/resources?$filter=%s", bad[i]);
        ask(&m, HTTP_GET, target, NULL);
        if (m.answer.status != 400 || strcmp(m.answer.code, "InvalidFilterInQueryString") != 0) {
            fail_msg("%s: %u", bad[i], m.answer.status);
        }
    }
}

/* ---- pages ---- */

static void every_page_is_followed_to_the_last_of_2500(void **state)
{
    size_t pages;

    (void)state;
    make_group("g0");
    make_group("g-b");
    make_many("g0", 3, PLAIN);
    make_many("g-b", 4, PLAIN);
    make_many("g", 2500, PLAIN);
    assert_int_equal(count_pages(&m, THINGS, CONTROL_PAGE_MAX, &pages), 2500);
    assert_int_equal(pages, 3);
    assert_int_equal(count_pages(&m, THINGS "?$top=700", 700, &pages), 2500);
    assert_int_equal(pages, 4);
    assert_int_equal(count_pages(&m, THINGS "?$top=500", 500, &pages), 2500);
    assert_int_equal(pages, 5); /* no empty one behind the last */
    assert_int_equal(count_pages(&m, SUB "/providers/Test.Things/things", 1000, &pages), 2507);
    assert_int_equal(count_pages(&m, SUB "/resources", 1000, &pages), 2507);
    assert_int_equal(count_pages(&m, GROUP "/resources?$top=999", 999, &pages), 2500);
    assert_int_equal(
        count_pages(&m, SUB "/resources?$filter=resourceGroup%20eq%20'G-B'", 1000, &pages), 4);
    assert_int_equal(count_pages(&m, SUB "/resources?$filter=name%20eq%20'T00002'", 1000, &pages),
                     3);
    assert_int_equal(count_pages(&m,
                                 SUB "/resources?$filter=resourceType%20eq%20'Test.Things/boxes'",
                                 1000, &pages),
                     0);
    assert_int_equal(count_pages(&m, SUB "/resourcegroups?$top=2", 2, &pages), 3);
}

/* What is filtered out counts for no page, and what is read for it must not be too much. */
static void large_resources_come_in_more_pages_and_none_is_lost(void **state)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(2 * 1024 * 1024);
    size_t pages, n = 400 * 1024;
    char *body = arena_calloc(arena, 1, n + 64);

    (void)state;
    strcpy(body, "{\"location\":\"westus\",\"properties\":{\"v\":[0");
    for (size_t at = strlen(body); at < n; at += 14) {
        memcpy(body + at, ",\"0123456789\" ", 15);
    }
    strcat(body, "]}}");
    make_many("g", 120, body);
    assert_int_equal(count_pages(&m, THINGS, 1000, &pages), 120);
    assert_true(pages > 1);
    assert_int_equal(count_pages(&m, SUB "/resources", 1000, &pages), 120);
    assert_int_equal(count_pages(&m, SUB "/resources?$filter=name%20eq%20't00119'", 1000, &pages),
                     1);
}

static void a_list_goes_on_when_what_it_stopped_at_is_gone(void **state)
{
    const char *next;
    size_t pages;

    (void)state;
    make_many("g", 20, PLAIN);
    ask(&m, HTTP_GET, THINGS "?$top=10", NULL);
    next = link_of(text_at(&m, "nextLink"));
    ask(&m, HTTP_DELETE, THINGS "/t00009", NULL);
    assert_answer(&m, 200, NULL);
    assert_int_equal(count_pages(&m, next, 10, &pages), 10);
}

static void a_size_that_is_none_is_refused(void **state)
{
    static const char *const bad[] = {"0", "00",  "-1",   "abc",        "1x",
                                      "",  "1.5", "%201", "2147483648", "99999999999999999999999"};
    static const char *const lists[] = {THINGS, SUB "/resources", SUB "/resourcegroups",
                                        BOX "/items"};
    char target[256];
    size_t pages;

    (void)state;
    make_many("g", 20, PLAIN);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        for (size_t j = 0; j < ARRAY_LEN(lists); j++) {
            snprintf(target, sizeof(target), "%s?$top=%s", lists[j], bad[i]);
            ask(&m, HTTP_GET, target, NULL);
            assert_answer(&m, 400, "InvalidParameter");
            assert_says(&m, "$top");
        }
    }
    assert_int_equal(count_pages(&m, THINGS "?$top=2147483647", 1000, &pages), 20);
    assert_int_equal(count_pages(&m, THINGS "?$top=1", 1, &pages), 20);
    assert_int_equal(pages, 20);
}

/* ---- filters ---- */

static void filters_find_by_all_that_they_say(void **state)
{
    static const struct {
        const char *filter;
        size_t n;
    } cases[] = {
        {"resourceGroup%20eq%20'g'", 3},
        {"RESOURCEGROUP%20EQ%20'G'", 3},
        {"resourceGroup%20eq%20'other'", 1},
        {"resourceGroup%20eq%20'none'", 0},
        {"resourceGroup%20eq%20'g/providers'", 0},
        {"resourceType%20eq%20'test.things/THINGS'", 3},
        {"resourceType%20ne%20'test.things/things'", 1},
        {"resourceType%20eq%20'none'", 0},
        {"name%20eq%20'a'%20and%20resourceGroup%20eq%20'g'", 1},
        {"name%20eq%20'a'%20and%20name%20eq%20'b'", 0},
        {"name%20ne%20'a'%20and%20name%20ne%20'b'", 1},
        {"location%20eq%20'eastus'", 1},
        {"tagName%20eq%20'Env'", 2},
        {"tagname%20eq%20'env'%20and%20tagvalue%20eq%20'prod'", 1},
        {"tagName%20eq%20'env'%20and%20tagValue%20eq%20'PROD'", 0},
        {"tagName%20eq%20'env'%20and%20tagValue%20eq%20'it''s'", 1},
        {"tagName%20eq%20'none'", 0},
        {"%20", 4},
    };
    char target[256];
    size_t pages;

    (void)state;
    make_group("other");
    ask(&m, HTTP_PUT, THINGS "/a", "{\"location\":\"westus\",\"tags\":{\"env\":\"prod\"}}");
    ask(&m, HTTP_PUT, THINGS "/b", "{\"location\":\"eastus\",\"tags\":{\"ENV\":\"it's\"}}");
    ask(&m, HTTP_PUT, SUB "/resourceGroups/other/providers/Test.Things/things/a", PLAIN);
    ask(&m, HTTP_PUT, BOX, PLAIN);
    ask(&m, HTTP_PUT, BOX "/items/i", "{}"); /* is no resource of its own here */
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(target, sizeof(target), SUB "/resources?$filter=%s", cases[i].filter);
        if (count_pages(&m, target, 1000, &pages) != cases[i].n) {
            fail_msg("%s", cases[i].filter);
        }
        snprintf(target, sizeof(target), SUB "/resources?$top=1&$filter=%s", cases[i].filter);
        if (count_pages(&m, target, 1, &pages) != cases[i].n) {
            fail_msg("%s, one at a time", cases[i].filter);
        }
    }
}

static void groups_are_found_by_their_tags(void **state)
{
    size_t pages;

    (void)state;
    ask(&m, HTTP_PUT, SUB "/resourceGroups/x", "{\"location\":\"westus\",\"tags\":{\"a\":\"1\"}}");
    ask(&m, HTTP_PUT, SUB "/resourceGroups/y", "{\"location\":\"westus\",\"tags\":{\"a\":\"2\"}}");
    assert_int_equal(count_pages(&m, SUB "/resourcegroups", 1000, &pages), 3);
    assert_int_equal(
        count_pages(&m, SUB "/resourcegroups?$filter=tagName%20eq%20'a'", 1000, &pages), 2);
    assert_int_equal(
        count_pages(&m,
                    SUB "/resourcegroups?$filter=tagName%20eq%20'A'%20and%20tagValue%20eq%20'2'",
                    1000, &pages),
        1);
    ask(&m, HTTP_GET, SUB "/resourcegroups?$filter=nonsense", NULL);
    assert_answer(&m, 400, "InvalidFilterInQueryString");
}

/* Of one type as of all: what is not understood is never left out of account. */
static void lists_of_one_type_are_filtered_too(void **state)
{
    size_t pages;

    (void)state;
    ask(&m, HTTP_PUT, THING, PLAIN);
    ask(&m, HTTP_PUT, THINGS "/b", "{\"location\":\"eastus\"}");
    ask(&m, HTTP_PUT, BOX, PLAIN);
    assert_int_equal(count_pages(&m, THINGS "?$filter=location%20eq%20'eastus'", 1000, &pages), 1);
    assert_int_equal(
        count_pages(&m, THINGS "?$filter=provisioningState%20eq%20'succeeded'", 1000, &pages), 2);
    assert_int_equal(count_pages(&m, SUB "/resources?$filter=provisioningState%20ne%20'Succeeded'",
                                 1000, &pages),
                     0);
    ask(&m, HTTP_GET, THINGS "?$filter=colour%20eq%20'red'", NULL);
    assert_answer(&m, 400, "InvalidFilterInQueryString");
    ask(&m, HTTP_GET, THINGS "?$filter=nonsense", NULL);
    assert_answer(&m, 400, "InvalidFilterInQueryString");
    ask(&m, HTTP_GET, BOX "/items?$filter=name%20eq%20'x'", NULL);
    assert_answer(&m, 400, "InvalidFilterInQueryString");
}

static void what_is_asked_for_beside_is_shown(void **state)
{
    (void)state;
    ask(&m, HTTP_PUT, THING,
        "{\"location\":\"westus\",\"sku\":{\"name\":\"s\"},\"properties\":{"
        "\"x\":1}}");
    ask(&m, HTTP_GET, SUB "/resources", NULL);
    assert_text(&m, "value.0.sku.name", "s");
    assert_null(member(&m, "value.0.properties"));
    assert_null(member(&m, "value.0.createdTime"));
    ask(&m, HTTP_GET, SUB "/resources?%24expand=createdTime,changedTime,provisioningState", NULL);
    assert_text(&m, "value.0.provisioningState", "Succeeded");
    assert_non_null(member(&m, "value.0.createdTime"));
    assert_non_null(member(&m, "value.0.changedTime"));
}

/* ---- the reader of filters ---- */

static void filters_have_a_bound(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    char text[1024] = "a eq 1";
    struct filter filter;
    struct trail trail = {0};

    (void)state;
    for (int i = 1; i < FILTER_MAX_TERMS; i++) {
        strcat(text, " and a eq 1");
    }
    assert_ok(filter_read(arena, span_str(text), NULL, &filter));
    assert_int_equal(filter.n, FILTER_MAX_TERMS);
    strcat(text, " and a eq 1");
    assert_err(filter_read(arena, span_str(text), &trail, &filter), ERR_TOO_MANY);
    assert_ok(filter_read(arena, (struct span){0}, NULL, &filter));
    assert_int_equal(filter.n, 0);
    assert_null(filter_value(&filter, "a").data);
    assert_ok(filter_read(arena, span_str("t ge 2026-01-01T00:00:00Z and t le '2027' and n eq ''"),
                          NULL, &filter));
    assert_int_equal(filter.terms[0].operator, FILTER_GE);
    assert_true(span_is(filter.terms[0].value, "2026-01-01T00:00:00Z"));
    assert_true(span_is(filter.terms[1].value, "2027"));
    assert_non_null(filter_value(&filter, "n").data);
    assert_int_equal(filter_value(&filter, "n").len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ENGINE(a_token_of_another_server_is_refused),
        WITH_ENGINE(a_filter_that_is_not_understood_is_refused),
        WITH_ENGINE(every_page_is_followed_to_the_last_of_2500),
        WITH_ENGINE(large_resources_come_in_more_pages_and_none_is_lost),
        WITH_ENGINE(a_list_goes_on_when_what_it_stopped_at_is_gone),
        WITH_ENGINE(a_size_that_is_none_is_refused),
        WITH_ENGINE(filters_find_by_all_that_they_say),
        WITH_ENGINE(groups_are_found_by_their_tags),
        WITH_ENGINE(lists_of_one_type_are_filtered_too),
        WITH_ENGINE(what_is_asked_for_beside_is_shown),
        cmocka_unit_test(filters_have_a_bound),
    };

    return RUN_TESTS(tests);
}
