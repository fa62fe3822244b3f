/* What goes on behind an answer, what was done to whom, and requests in a caller's name. */
#include "unit/control/engine.h"

static bool may_all_but_things(const char *action, const char *scope)
{
    (void)scope;
    return strstr(action, "Test.Things") == NULL &&
           strcmp(action, "Microsoft.Resources/subscriptions/operationresults/read") != 0;
}

static void an_operation_opens_nothing_to_who_may_not_read_its_resource(void **state)
{
    const char *link;

    (void)state;
    ask(&m, HTTP_PUT, THING, "{\"location\":\"westus\",\"properties\":{\"isSlow\":true}}");
    assert_answer(&m, 201, NULL);
    link = link_of(m.answer.operation);
    m.may = may_all_but_things;
    ask(&m, HTTP_GET, link, NULL);
    assert_answer(&m, 404, "OperationNotFound"); /* as one that never was */
    m.may = NULL;
    ask(&m, HTTP_GET, link, NULL);
    assert_answer(&m, 200, NULL);
    /* The same id in another subscription is none. */
    ask(&m, HTTP_GET,
        kept(arena_printf(m.arena, OTHER_SUB "%s", strstr(link, "/providers/Test.Things"))), NULL);
    assert_answer(&m, 404, "OperationNotFound");
    ask(&m, HTTP_GET, SUB "/providers/Test.Things/locations/westus/operations/nonsense", NULL);
    assert_answer(&m, 404, "OperationNotFound");
}

/* Where a client asks for the result of what it asks about at this place. */
static const char *result_of(const char *link)
{
    const char *at = strstr(link, "/operations/");
    char text[1024];

    assert_non_null(at);
    snprintf(text, sizeof(text), "%.*s/operationResults/%s", (int)(at - link), link,
             at + strlen("/operations/"));
    return kept(text);
}

static void an_operation_says_how_far_it_is_and_stays_what_it_came_to(void **state)
{
    const char *link, *result;

    (void)state;
    ask(&m, HTTP_PUT, THING, "{\"location\":\"westus\",\"properties\":{\"isSlow\":true}}");
    assert_true(m.answer.retry_after_s > 0);
    link = link_of(m.answer.operation);
    assert_null(m.answer.location); /* after a PUT some take it for the resource's */
    result = result_of(link);
    ask(&m, HTTP_GET, link, NULL);
    assert_answer(&m, 200, NULL);
    assert_text(&m, "status", "InProgress");
    assert_null(member(&m, "endTime"));
    assert_true(m.answer.retry_after_s > 0);
    ask(&m, HTTP_GET, result, NULL);
    assert_answer(&m, 202, NULL);
    assert_non_null(m.answer.location);
    ask(&m, HTTP_PATCH, THING, "{\"properties\":{\"phase\":\"Failed\",\"isSlow\":false}}");
    ask(&m, HTTP_GET, link, NULL);
    assert_text(&m, "status", "Failed");
    assert_text(&m, "error.code", "ThingBroke");
    assert_non_null(member(&m, "endTime"));
    ask(&m, HTTP_PATCH, THING, "{\"properties\":{\"phase\":\"Succeeded\"}}");
    ask(&m, HTTP_GET, link, NULL); /* that was another one */
    assert_text(&m, "status", "Failed");
    ask(&m, HTTP_GET, result, NULL);
    assert_answer(&m, 409, NULL);
    assert_text(&m, "error.message", "it broke");
    manager_stop(&m);
    manager_start(&m);
    ask(&m, HTTP_GET, link, NULL);
    assert_text(&m, "status", "Failed");
}

/* ---- the activity log ---- */

#define EVENTS SUB "/providers/Microsoft.Insights/eventtypes/management/values"

static void what_is_done_is_recorded_and_what_is_read_is_not(void **state)
{
    size_t pages;

    (void)state;
    ask(&m, HTTP_PUT, THING, PLAIN);
    ask(&m, HTTP_GET, THING, NULL);
    ask(&m, HTTP_PUT, THING, "{\"location\":\"eastus\"}");
    assert_answer(&m, 409, "InvalidResourceLocation");
    m.is_dry = true;
    ask(&m, HTTP_PUT, THING, PLAIN);
    ask(&m, HTTP_DELETE, THING, NULL);
    ask(&m, HTTP_GET, EVENTS, NULL);
    assert_answer(&m, 200, NULL);
    assert_int_equal(yyjson_arr_size(member(&m, "value")), 4); /* and the group */
    assert_text(&m, "value.0.operationName.value", "Test.Things/things/delete");
    assert_text(&m, "value.0.caller", "tester");
    assert_text(&m, "value.0.resourceGroupName", "g");
    assert_text(&m, "value.1.status.value", "Failed");
    assert_text(&m, "value.1.level", "Error");
    assert_text(&m, "value.1.properties.code", "InvalidResourceLocation");
    assert_text(&m, "value.2.status.value", "Succeeded");
    assert_text(&m, "value.2.operationName.value", "Test.Things/things/write");
    assert_int_equal(count_pages(&m, EVENTS "?$filter=resourceGroupName%20eq%20'G'", 200, &pages),
                     4);
    assert_int_equal(
        count_pages(&m, EVENTS "?$filter=resourceGroupName%20eq%20'other'", 200, &pages), 0);
    assert_int_equal(count_pages(&m, EVENTS "?$filter=resourceUri%20eq%20'" THING "'", 200, &pages),
                     3);
    assert_int_equal(count_pages(&m, EVENTS "?$filter=eventTimestamp%20ge%20'2020-01-01T00:00:00Z'",
                                 200, &pages),
                     4);
    assert_int_equal(count_pages(&m, EVENTS "?$filter=eventTimestamp%20le%20'2020-01-01T00:00:00Z'",
                                 200, &pages),
                     0);
    ask(&m, HTTP_GET, EVENTS "?$filter=eventTimestamp%20ge%20'yesterday'", NULL);
    assert_answer(&m, 400, "BadRequest");
    for (int i = 0; i < 450; i++) {
        ask(&m, HTTP_PUT, THING, PLAIN);
    }
    assert_int_equal(count_pages(&m, EVENTS, 200, &pages), 454);
    assert_int_equal(pages, 3);
}

/* ---- requests in a caller's name ---- */

static struct control_answer done_answer;

static void do_it(const char *id, enum http_method method)
{
    static char code[64];
    struct control_answer answer;
    struct control_call like = {.control = m.control,
                                .arena = m.arena,
                                .hasher = m.hasher,
                                .doc = json_new(m.arena),
                                .now = 1,
                                .caller = &m.caller,
                                .correlation = ""};

    control_do(&like, method, id, "2024-11-01", NULL, &answer);
    snprintf(code, sizeof(code), "%s", answer.code == NULL ? "" : answer.code);
    done_answer = answer;
    done_answer.code = code;
}

static bool may_own(const char *action, const char *scope)
{
    (void)action;
    return strstr(scope, SUBSCRIPTION) != NULL;
}

static void a_request_in_a_callers_name_is_refused_where_they_would_be(void **state)
{
    char id[512] = SUB;

    (void)state;
    m.may = may_own;
    do_it(SUB, HTTP_GET);
    assert_int_equal(done_answer.status, 200);
    do_it(OTHER_SUB, HTTP_GET); /* this one takes a role, and no action */
    assert_int_equal(done_answer.status, 403);
    do_it(OTHER_SUB "/locations", HTTP_GET);
    assert_int_equal(done_answer.status, 403);
    do_it(OTHER_SUB "/resourceGroups/g", HTTP_GET);
    assert_int_equal(done_answer.status, 403);
    /* What is too long is not cut to something shorter. */
    snprintf(id, sizeof(id), THING);
    for (int i = 0; i < 30; i++) {
        strcat(id, "/p/q");
    }
    do_it(id, HTTP_GET);
    assert_int_equal(done_answer.status, 400);
    do_it("", HTTP_GET);
    assert_int_equal(done_answer.status, 404);
    do_it("nonsense", HTTP_GET);
    assert_int_equal(done_answer.status, 404);
}

/* ---- the table ---- */

static void everything_that_can_be_asked_for_is_listed(void **state)
{
    bool has_action = false, has_item = false, has_group = false;
    struct control_listed listed;
    size_t n = 0;

    (void)state;
    while (control_list(m.control, m.arena, n, &listed)) {
        assert_non_null(listed.pattern);
        assert_true(listed.methods != 0);
        has_action = has_action || strstr(listed.pattern, "/things/{}/poke") != NULL;
        has_item = has_item || strstr(listed.pattern, "/boxes/{}/items/{}") != NULL;
        has_group = has_group || strcmp(listed.pattern, "/subscriptions/{}/resourceGroups/{}") == 0;
        n++;
    }
    assert_true(n > 30 && has_action && has_item && has_group);
}

static void subscriptions_locations_and_providers_are_told(void **state)
{
    (void)state;
    ask(&m, HTTP_GET, "/subscriptions", NULL);
    assert_text(&m, "value.0.subscriptionId", SUBSCRIPTION);
    ask(&m, HTTP_GET, SUB, NULL);
    assert_text(&m, "state", "Enabled");
    ask(&m, HTTP_GET, SUB "/locations", NULL);
    assert_true(yyjson_arr_size(member(&m, "value")) > 10);
    ask(&m, HTTP_GET, SUB "/providers/test.things", NULL);
    assert_text(&m, "namespace", "Test.Things");
    assert_int_equal(yyjson_arr_size(member(&m, "resourceTypes")), 4);
    assert_text(&m, "resourceTypes.1.resourceType", "things/parts");
    ask(&m, HTTP_GET, SUB "/providers/none", NULL);
    assert_answer(&m, 404, "InvalidResourceNamespace");
    ask(&m, HTTP_GET, SUB "/providers", NULL);
    assert_int_equal(yyjson_arr_size(member(&m, "value")), 1);
    ask(&m, HTTP_POST, SUB "/providers/Test.Things/register", NULL);
    assert_answer(&m, 200, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ENGINE(an_operation_opens_nothing_to_who_may_not_read_its_resource),
        WITH_ENGINE(an_operation_says_how_far_it_is_and_stays_what_it_came_to),
        WITH_ENGINE(what_is_done_is_recorded_and_what_is_read_is_not),
        WITH_ENGINE(a_request_in_a_callers_name_is_refused_where_they_would_be),
        WITH_ENGINE(everything_that_can_be_asked_for_is_listed),
        WITH_ENGINE(subscriptions_locations_and_providers_are_told),
    };

    return RUN_TESTS(tests);
}
