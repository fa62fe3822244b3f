/* One resource: what is refused, what is kept. */
#include "unit/control/engine.h"

/* ---- refusals ---- */

static void a_path_that_leads_nowhere_is_refused_by_what_is_wrong_with_it(void **state)
{
    static const struct {
        enum http_method method;
        const char *target;
        unsigned status;
        const char *code;
    } cases[] = {
        {HTTP_GET, GROUP "/providers/No.Such/things/a", 404, "InvalidResourceNamespace"},
        {HTTP_GET, GROUP "/providers/Test.Things/none/a", 404, "InvalidResourceType"},
        {HTTP_GET, SUB "/nothing", 404, "NotFound"},
        {HTTP_GET, "/nothing", 404, "NotFound"},
        {HTTP_PUT, SUB "/providers/Test.Things/things/a", 404, "InvalidResourceType"},
        {HTTP_GET, "/providers/Test.Things/things/a", 404, "InvalidResourceType"},
        {HTTP_GET, THING, 404, "ResourceNotFound"},
        {HTTP_PATCH, THING, 404, "ResourceNotFound"},
        {HTTP_POST, THING, 405, "MethodNotAllowed"},
        {HTTP_PUT, THINGS, 405, "MethodNotAllowed"},
        {HTTP_DELETE, THINGS, 405, "MethodNotAllowed"},
        {HTTP_GET, THING "/poke", 405, "MethodNotAllowed"},
        {HTTP_POST, THING "/poke", 404, "ResourceNotFound"},
        {HTTP_POST, THING "/prod", 404, "InvalidResourceType"},
        {HTTP_GET, SUB "/resourceGroups/none", 404, "ResourceGroupNotFound"},
        {HTTP_GET, SUB "/resourceGroups/none/providers/Test.Things/things/a", 404,
         "ResourceGroupNotFound"},
        {HTTP_GET, SUB "/resourceGroups/none/providers/Test.Things/things", 404,
         "ResourceGroupNotFound"},
        {HTTP_GET, THING "/parts", 404, "ResourceNotFound"},
        {HTTP_PATCH, BOX "/items/i", 405, "MethodNotAllowed"},
        {HTTP_GET, THING "?api-version=", 400, "MissingApiVersionParameter"},
        {HTTP_GET, THING "?api-version=2024", 400, "InvalidApiVersionParameter"},
        {HTTP_GET, THING "?api-version=2024-11-01;drop", 400, "InvalidApiVersionParameter"},
        {HTTP_GET, THING "?api-version=latest", 400, "InvalidApiVersionParameter"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ask(&m, cases[i].method, cases[i].target, PLAIN);
        if (m.answer.status != cases[i].status || strcmp(m.answer.code, cases[i].code) != 0) {
            fail_msg("%s: %u %s, wanted %u %s", cases[i].target, m.answer.status, m.answer.code,
                     cases[i].status, cases[i].code);
        }
    }
}

/* A right at one resource must not make others below it. */
static void a_type_that_stands_in_groups_stands_below_no_resource(void **state)
{
    (void)state;
    ask(&m, HTTP_PUT, THING, PLAIN);
    ask(&m, HTTP_PUT, THING "/providers/Test.Things/things/b", PLAIN);
    assert_answer(&m, 404, "InvalidResourceType");
    ask(&m, HTTP_GET, THING "/providers/Test.Things/things", NULL);
    assert_answer(&m, 404, "InvalidResourceType");
}

static void a_body_that_cannot_be_kept_is_refused(void **state)
{
    static const struct {
        const char *body;
        const char *code, *words;
    } cases[] = {
        {"", "LocationRequired", "location"},
        {"{}", "LocationRequired", "location"},
        {"{\"location\":null}", "LocationRequired", "location"},
        {"[]", "InvalidRequestContent", "not a JSON object"},
        {"{", "InvalidRequestContent", ""},
        {"{\"location\":\"westus\",\"Location\":\"eastus\"}", "InvalidRequestContent", "Location"},
        {"{\"location\":5}", "InvalidLocation", ""},
        {"{\"location\":\"\"}", "InvalidLocation", ""},
        {"{\"location\":\"west/us\"}", "InvalidLocation", ""},
        {"{\"location\":\"westus\",\"tags\":[]}", "InvalidTags", ""},
        {"{\"location\":\"westus\",\"tags\":\"a\"}", "InvalidTags", ""},
        {"{\"location\":\"westus\",\"tags\":{\"a\":1}}", "InvalidTagNameOrValue", "'a'"},
        {"{\"location\":\"westus\",\"tags\":{\"a\":{}}}", "InvalidTagNameOrValue", "'a'"},
        {"{\"location\":\"westus\",\"tags\":{\"\":\"a\"}}", "InvalidTagNameOrValue", ""},
        {"{\"location\":\"westus\",\"properties\":{\"a\\u0000b\":1}}", "InvalidRequestContent",
         "NUL"},
        {"{\"location\":\"westus\",\"propertie\":{}}", "InvalidRequestContent",
         "'propertie' on object of type 'ResourceDefinition'. Path 'propertie'"},
        {"{\"location\":\"westus\",\"tag\":{}}", "InvalidRequestContent", "mean 'tags'"},
        {"{\"lokation\":\"westus\"}", "InvalidRequestContent", "mean 'location'"},
        {"{\"location\":\"westus\",\"identiy\":{}}", "InvalidRequestContent", "mean 'identity'"},
        {"{\"location\":\"westus\",\"properties\":{\"isBad\":true}}", "ThingIsBad", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ask(&m, HTTP_PUT, THING, cases[i].body);
        if (m.answer.code == NULL || strcmp(m.answer.code, cases[i].code) != 0) {
            fail_msg("%s: %u %s", cases[i].body, m.answer.status, m.answer.code);
        }
        assert_says(&m, cases[i].words);
    }
    ask(&m, HTTP_GET, THING, NULL);
    assert_answer(&m, 404, "ResourceNotFound");
}

static const char *tags_of(char *text, size_t size, unsigned n, unsigned len)
{
    size_t at = (size_t)snprintf(text, size, "{\"location\":\"westus\",\"tags\":{");

    for (unsigned i = 0; i < n; i++) {
        at += (size_t)snprintf(text + at, size - at, "%s\"t%u\":\"%0*d\"", i == 0 ? "" : ",", i,
                               (int)len, 0);
    }
    snprintf(text + at, size - at, "}}");
    return text;
}

static void too_much_is_refused(void **state)
{
    char text[64 * 1024], name[256];
    struct span large = {.len = CONTROL_BODY_MAX + 1};
    CLEANUP(arena_free) struct arena *arena = arena_new(4 * 1024 * 1024);

    (void)state;
    ask(&m, HTTP_PUT, THING, tags_of(text, sizeof(text), 51, 1));
    assert_answer(&m, 400, "TooManyTags");
    ask(&m, HTTP_PUT, THING, tags_of(text, sizeof(text), 50, 257));
    assert_answer(&m, 400, "InvalidTagNameOrValue");
    ask(&m, HTTP_PUT, THING, tags_of(text, sizeof(text), 50, 256));
    assert_answer(&m, 201, NULL);
    large.data = arena_calloc(arena, 1, large.len);
    ask_span(&m, HTTP_PUT, THING, large);
    assert_answer(&m, 413, "RequestTooLarge");
    snprintf(name, sizeof(name), THINGS "/%081d", 0);
    ask(&m, HTTP_PUT, name, PLAIN);
    assert_answer(&m, 400, "InvalidResourceName");
    ask(&m, HTTP_PUT, THINGS "/a:b", PLAIN);
    assert_answer(&m, 400, "InvalidResourceName");
    ask(&m, HTTP_PUT, SUB "/resourceGroups/ends.", PLAIN);
    assert_answer(&m, 400, "InvalidResourceName");
}

static void a_child_needs_its_parent(void **state)
{
    (void)state;
    ask(&m, HTTP_PUT, THING "/parts/p", "{}");
    assert_answer(&m, 404, "ParentResourceNotFound");
    ask(&m, HTTP_PUT, SUB "/resourceGroups/none/providers/Test.Things/things/a", PLAIN);
    assert_answer(&m, 404, "ResourceGroupNotFound");
    /* Also when the parent is called like a word of paths. */
    ask(&m, HTTP_PUT, THINGS "/providers", PLAIN);
    assert_answer(&m, 201, NULL);
    ask(&m, HTTP_PUT, THINGS "/providers/parts/p", "{}");
    assert_answer(&m, 201, NULL);
    assert_text(&m, "location", "parents");
    assert_text(&m, "type", "Test.Things/things/parts");
    ask(&m, HTTP_DELETE, THINGS "/providers", NULL);
    assert_answer(&m, 200, NULL);
    ask(&m, HTTP_GET, THINGS "/providers/parts/p", NULL);
    assert_answer(&m, 404, "ResourceNotFound");
}

/* ---- what is kept ---- */

static void a_put_is_shown_as_it_was_first_written(void **state)
{
    (void)state;
    ask(&m, HTTP_PUT,
        "/SUBSCRIPTIONS/" SUBSCRIPTION "/resourcegroups/G//providers/test.THINGS/THINGS/MixedCase",
        "{\"Location\":\"West US\",\"id\":\"x\",\"name\":\"x\",\"type\":\"x\",\"_\":{\"secret\":"
        "\"mine\"},\"tags\":{\"A\":\"b\"},\"properties\":{\"provisioningState\":\"x\",\"n\":null,"
        "\"v\":1},\"sku\":{\"name\":\"s\"},\"plan\":{\"name\":\"p\"},\"etag\":\"x\",\"zones\":["
        "\"1\"],"
        "\"kind\":\"k\",\"extendedLocation\":{}}");
    assert_answer(&m, 201, NULL);
    assert_text(&m, "name", "MixedCase");
    assert_text(&m, "type", "Test.Things/things");
    assert_text(&m, "location", "westus");
    assert_text(&m, "tags.A", "b");
    assert_text(&m, "sku.name", "s");
    assert_text(&m, "plan.name", "p");
    assert_text(&m, "properties.provisioningState", "Succeeded");
    assert_null(member(&m, "properties.n"));
    assert_null(member(&m, "_"));
    ask(&m, HTTP_GET, THINGS "/MIXEDCASE", NULL);
    assert_answer(&m, 200, NULL);
    assert_text(&m, "name", "MixedCase");
    assert_string_equal(strrchr(text_at(&m, "id"), '/'), "/MixedCase");
    assert_non_null(strstr(text_at(&m, "id"), "/resourceGroups/"));
    assert_non_null(strstr(text_at(&m, "id"), "/providers/Test.Things/things/"));
    assert_null(strstr((const char *)m.answer.body.data, "hidden"));
    assert_null(strstr((const char *)m.answer.body.data, "mine"));
    ask(&m, HTTP_PUT, THINGS "/mixedcase", PLAIN);
    assert_answer(&m, 200, NULL);
    assert_text(&m, "name", "MixedCase");
    assert_null(member(&m, "sku")); /* a PUT replaces the whole */
    assert_int_equal(yyjson_obj_size(member(&m, "tags")), 0);
}

static void a_location_stays_what_it_was(void **state)
{
    (void)state;
    ask(&m, HTTP_PUT, THING, PLAIN);
    ask(&m, HTTP_PUT, THING, "{\"location\":\"eastus\"}");
    assert_answer(&m, 409, "InvalidResourceLocation");
    ask(&m, HTTP_PATCH, THING, "{\"location\":\"eastus\"}");
    assert_answer(&m, 409, "InvalidResourceLocation");
    ask(&m, HTTP_PUT, THING, "{}"); /* what an update does not say stays */
    assert_answer(&m, 200, NULL);
    ask(&m, HTTP_PATCH, THING, "{\"location\":null}");
    assert_answer(&m, 200, NULL);
    ask(&m, HTTP_PUT, THING, "{\"location\":\"WEST US\"}");
    assert_answer(&m, 200, NULL);
    assert_text(&m, "location", "westus");
    ask(&m, HTTP_PUT, GROUP, "{\"location\":\"eastus\"}");
    assert_answer(&m, 409, "InvalidResourceLocation");
}

static void a_patch_changes_what_it_says(void **state)
{
    (void)state;
    ask(&m, HTTP_PUT, THING,
        "{\"location\":\"westus\",\"tags\":{\"a\":\"1\"},\"sku\":{\"name\":\"s\"},"
        "\"properties\":{\"x\":{\"y\":1,\"z\":2},\"list\":[1,2],\"w\":3}}");
    ask(&m, HTTP_PATCH, THING,
        "{\"_\":{\"secret\":\"x\"},\"properties\":{\"X\":{\"y\":null},\"list\":[3],\"new\":{\"a\":"
        "null,\"b\":1}}}");
    assert_answer(&m, 200, NULL);
    assert_text(&m, "tags.a", "1");
    assert_text(&m, "sku.name", "s");
    assert_null(member(&m, "properties.x.y"));
    assert_int_equal(yyjson_get_uint(member(&m, "properties.x.z")), 2);
    assert_int_equal(yyjson_arr_size(member(&m, "properties.list")), 1);
    assert_int_equal(yyjson_get_uint(member(&m, "properties.w")), 3);
    assert_int_equal(yyjson_obj_size(member(&m, "properties.new")), 1);
    ask(&m, HTTP_PATCH, THING, "{\"tags\":{\"b\":\"2\"}}");
    assert_text(&m, "tags.b", "2");
    assert_null(member(&m, "tags.a"));
    ask(&m, HTTP_PATCH, THING, "{\"tags\":{\"c\":\"3\",\"d\":\"4\"}}");
    ask(&m, HTTP_PATCH, THING, "{\"tags\":{\"c\":null,\"none\":null,\"e\":\"5\"}}");
    assert_answer(&m, 200, NULL);
    assert_int_equal(yyjson_obj_size(member(&m, "tags")), 2);
    assert_text(&m, "tags.d", "4");
    assert_text(&m, "tags.e", "5");
    ask(&m, HTTP_PATCH, THING, "{\"tags\":{\"d\":7,\"e\":null}}");
    assert_answer(&m, 400, "InvalidTagNameOrValue");
    ask(&m, HTTP_PATCH, THING, "{\"tags\":null}");
    assert_answer(&m, 200, NULL);
    assert_int_equal(yyjson_obj_size(member(&m, "tags")), 0);
    ask(&m, HTTP_PATCH, THING, "");
    assert_answer(&m, 200, NULL);
    assert_int_equal(yyjson_get_uint(member(&m, "properties.w")), 3);
}

static void a_delete_takes_what_is_below_and_is_done_once(void **state)
{
    (void)state;
    ask(&m, HTTP_DELETE, THING, NULL);
    assert_answer(&m, 204, NULL);
    ask(&m, HTTP_PUT, THING, "{\"location\":\"westus\",\"properties\":{\"isUsed\":true}}");
    ask(&m, HTTP_DELETE, THING, NULL);
    assert_answer(&m, 409, "ThingInUse");
    ask(&m, HTTP_PUT, THING, PLAIN);
    ask(&m, HTTP_PUT, THING "/parts/p", "{}");
    ask(&m, HTTP_PUT, THINGS "/a-b", PLAIN);
    ask(&m, HTTP_DELETE, THING, NULL);
    assert_answer(&m, 200, NULL);
    assert_int_equal(n_gone, 1);
    ask(&m, HTTP_GET, THING "/parts/p", NULL);
    assert_answer(&m, 404, "ResourceNotFound");
    ask(&m, HTTP_GET, THINGS "/a-b", NULL);
    assert_answer(&m, 200, NULL);
    ask(&m, HTTP_DELETE, THING, NULL);
    assert_answer(&m, 204, NULL);
    assert_int_equal(n_gone, 1);
}

static void an_action_sees_the_resource(void **state)
{
    (void)state;
    ask(&m, HTTP_PUT, THING, PLAIN);
    ask(&m, HTTP_POST, THING "/POKE", NULL);
    assert_answer(&m, 200, NULL);
    assert_text(&m, "name", "a");
}

static void head_says_whether_it_is_there(void **state)
{
    (void)state;
    ask(&m, HTTP_HEAD, GROUP, NULL);
    assert_answer(&m, 204, NULL);
    assert_int_equal(m.answer.body.len, 0);
    ask(&m, HTTP_HEAD, SUB "/resourceGroups/none", NULL);
    assert_answer(&m, 404, "ResourceGroupNotFound");
    ask(&m, HTTP_HEAD, THING, NULL);
    assert_answer(&m, 404, "ResourceNotFound");
    ask(&m, HTTP_PUT, THING, PLAIN);
    ask(&m, HTTP_HEAD, THING, NULL);
    assert_answer(&m, 200, NULL);
}

/* ---- conditions ---- */

static void conditions_are_held_to(void **state)
{
    const char *first, *second;

    (void)state;
    m.if_match = "*";
    ask(&m, HTTP_PUT, BOX, PLAIN);
    assert_answer(&m, 412, "PreconditionFailed");
    m.if_none_match = "*";
    ask(&m, HTTP_PUT, BOX, PLAIN);
    assert_answer(&m, 201, NULL);
    first = kept(m.answer.etag);
    assert_text(&m, "etag", first);
    m.if_none_match = "*";
    ask(&m, HTTP_PUT, BOX, PLAIN);
    assert_answer(&m, 412, "PreconditionFailed");
    m.if_match = first;
    ask(&m, HTTP_PUT, BOX, PLAIN);
    assert_answer(&m, 200, NULL);
    second = kept(m.answer.etag);
    assert_string_not_equal(first, second);
    m.if_match = first;
    ask(&m, HTTP_PATCH, BOX, "{}");
    assert_answer(&m, 412, "PreconditionFailed");
    m.if_match = first;
    ask(&m, HTTP_DELETE, BOX, NULL);
    assert_answer(&m, 412, "PreconditionFailed");
    m.if_match = "\"nonsense\", W/\"\", ,,";
    ask(&m, HTTP_PUT, BOX, PLAIN);
    assert_answer(&m, 412, "PreconditionFailed");
    m.if_none_match = second;
    ask(&m, HTTP_GET, BOX, NULL);
    assert_answer(&m, 304, NULL);
    assert_int_equal(m.answer.body.len, 0);
    m.if_none_match = first;
    ask(&m, HTTP_GET, BOX, NULL);
    assert_answer(&m, 200, NULL);
    m.if_match = kept(arena_printf(m.arena, "%s, %s", first, second)); /* one of a list */
    ask(&m, HTTP_DELETE, BOX, NULL);
    assert_answer(&m, 200, NULL);
    m.if_match = second;
    ask(&m, HTTP_DELETE, BOX, NULL);
    assert_answer(&m, 412, "PreconditionFailed");
    ask(&m, HTTP_GET, GROUP, NULL);
    m.if_match = first;
    ask(&m, HTTP_DELETE, GROUP, NULL);
    assert_answer(&m, 412, "PreconditionFailed");
}

/* ---- dry runs ---- */

static void a_dry_run_checks_all_and_keeps_nothing(void **state)
{
    (void)state;
    m.is_dry = true;
    ask(&m, HTTP_PUT, THING, "{\"location\":\"westus\",\"properties\":{\"isBad\":true}}");
    assert_answer(&m, 409, "ThingIsBad");
    m.is_dry = true;
    ask(&m, HTTP_PUT, THING, PLAIN);
    assert_answer(&m, 201, NULL);
    assert_text(&m, "name", "a");
    ask(&m, HTTP_GET, THING, NULL);
    assert_answer(&m, 404, "ResourceNotFound");
    assert_int_equal(n_done, 0);
    ask(&m, HTTP_PUT, BOX, PLAIN);
    m.is_dry = true;
    ask(&m, HTTP_PUT, BOX "/items/i", "{}");
    assert_answer(&m, 201, NULL);
    ask(&m, HTTP_GET, BOX "/items/i", NULL);
    assert_answer(&m, 404, "ResourceNotFound");
}

/* ---- members of others ---- */

static void items_of_a_box_are_resources_of_their_own(void **state)
{
    const char *etag;

    (void)state;
    ask(&m, HTTP_PUT, BOX "/items/i", "{}");
    assert_answer(&m, 404, "ResourceNotFound");
    ask(&m, HTTP_PUT, BOX, PLAIN);
    m.if_none_match = "*";
    ask(&m, HTTP_PUT, BOX "/items/One", "{\"properties\":{\"v\":1}}");
    assert_answer(&m, 201, NULL);
    m.if_none_match = "*";
    ask(&m, HTTP_PUT, BOX "/items/one", "{\"properties\":{\"v\":2}}");
    assert_answer(&m, 412, "PreconditionFailed");
    m.if_match = "*";
    ask(&m, HTTP_PUT, BOX "/items/two", "{}");
    assert_answer(&m, 412, "PreconditionFailed");
    ask(&m, HTTP_PUT, BOX "/items/ONE", "{\"properties\":{\"v\":3}}");
    assert_answer(&m, 200, NULL);
    etag = kept(m.answer.etag);
    ask(&m, HTTP_PUT, BOX "/items/two", "{}");
    ask(&m, HTTP_PUT, BOX "/items/three", "{}");
    assert_answer(&m, 201, NULL);
    ask(&m, HTTP_PUT, BOX "/items/four", "{}");
    assert_answer(&m, 400, "BoxIsFull"); /* the box decides */
    ask(&m, HTTP_GET, BOX "/items", NULL);
    assert_int_equal(yyjson_arr_size(member(&m, "value")), 3);
    ask(&m, HTTP_GET, BOX "/items/one", NULL);
    assert_int_equal(yyjson_get_uint(member(&m, "properties.v")), 3);
    m.if_match = etag;
    ask(&m, HTTP_DELETE, BOX "/items/one", NULL);
    assert_answer(&m, 412, "PreconditionFailed"); /* the box was changed since */
    ask(&m, HTTP_DELETE, BOX "/items/one", NULL);
    assert_answer(&m, 200, NULL);
    ask(&m, HTTP_DELETE, BOX "/items/one", NULL);
    assert_answer(&m, 204, NULL);
    ask(&m, HTTP_GET, BOX, NULL);
    assert_int_equal(yyjson_arr_size(member(&m, "properties.items")), 2);
    ask(&m, HTTP_PUT, BOX, "{\"location\":\"westus\",\"properties\":{\"items\":\"none\"}}");
    ask(&m, HTTP_GET, BOX "/items", NULL);
    assert_true(m.answer.status == 200);
    ask(&m, HTTP_PUT, BOX "/items/new", "{}");
    assert_answer(&m, 201, NULL);
}

/* ---- what it becomes ---- */

/* Each PATCH is small; what is kept of them together has the limit of one. */
static void patches_make_nothing_that_cannot_be_kept(void **state)
{
    enum { PIECE = 100 * 1024, ZEROS = 15000 };
    static char body[PIECE + 256];
    unsigned status = 200;

    (void)state;
    ask(&m, HTTP_PUT, THING, PLAIN);
    for (int i = 0; i < 12 && status == 200; i++) {
        int len = snprintf(body, sizeof(body), "{\"properties\":{\"x%d\":\"", i);

        memset(body + len, 'y', PIECE);
        memcpy(body + len + PIECE, "\"}}", 4);
        ask(&m, HTTP_PATCH, THING, body);
        status = m.answer.status;
    }
    assert_answer(&m, 413, "RequestTooLarge");
    ask(&m, HTTP_GET, THING, NULL);
    assert_answer(&m, 200, NULL);
    ask(&m, HTTP_PUT, THING, PLAIN);
    status = 200;
    for (int i = 0; i < 12 && status == 200; i++) {
        int len = snprintf(body, sizeof(body), "{\"properties\":{\"x%d\":[0", i);

        for (int j = 1; j < ZEROS; j++) {
            memcpy(body + len, ",0", 2);
            len += 2;
        }
        memcpy(body + len, "]}}", 4);
        ask(&m, HTTP_PATCH, THING, body);
        status = m.answer.status;
    }
    assert_answer(&m, 400, "InvalidRequestContent");
    ask(&m, HTTP_GET, THING, NULL);
    assert_answer(&m, 200, NULL);
    ask(&m, HTTP_GET, THINGS, NULL);
    assert_answer(&m, 200, NULL);
    ask(&m, HTTP_PATCH, THING, "{\"properties\":null}"); /* smaller it may become */
    assert_answer(&m, 200, NULL);
}

/* What its kind has begun for it would go on for ever. */
static void what_is_deleted_before_it_is_done_with_ends(void **state)
{
    (void)state;
    ask(&m, HTTP_PUT, THING, "{\"location\":\"westus\",\"properties\":{\"isHunted\":true}}");
    assert_int_equal(n_done, 1);
    assert_int_equal(n_gone, 1);
    ask(&m, HTTP_GET, THING, NULL);
    assert_answer(&m, 404, "ResourceNotFound");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ENGINE(a_path_that_leads_nowhere_is_refused_by_what_is_wrong_with_it),
        WITH_ENGINE(a_type_that_stands_in_groups_stands_below_no_resource),
        WITH_ENGINE(a_body_that_cannot_be_kept_is_refused),
        WITH_ENGINE(too_much_is_refused),
        WITH_ENGINE(a_child_needs_its_parent),
        WITH_ENGINE(a_put_is_shown_as_it_was_first_written),
        WITH_ENGINE(a_location_stays_what_it_was),
        WITH_ENGINE(a_patch_changes_what_it_says),
        WITH_ENGINE(a_delete_takes_what_is_below_and_is_done_once),
        WITH_ENGINE(an_action_sees_the_resource),
        WITH_ENGINE(head_says_whether_it_is_there),
        WITH_ENGINE(conditions_are_held_to),
        WITH_ENGINE(a_dry_run_checks_all_and_keeps_nothing),
        WITH_ENGINE(items_of_a_box_are_resources_of_their_own),
        WITH_ENGINE(patches_make_nothing_that_cannot_be_kept),
        WITH_ENGINE(what_is_deleted_before_it_is_done_with_ends),
    };

    return RUN_TESTS(tests);
}
