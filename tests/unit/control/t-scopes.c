/* Whatever way a place ends, roles that were given there are taken away before it is gone. */
#include "unit/control/engine.h"
#include "unit/control/told.h"

#define ITEMS BOX "/items"
#define TWO_ITEMS                                                                                  \
    "{\"location\":\"westus\",\"properties\":{\"items\":[{\"name\":\"one\"},{\"name\":\"two\"}]}}"

static bool may_nothing(const char *action, const char *scope)
{
    (void)action;
    (void)scope;
    return false;
}

static void only_what_is_there_has_roles(void **state)
{
    static const struct {
        const char *scope, *code; /* NULL: it is there */
    } cases[] = {
        {"/", NULL},
        {SUB, NULL},
        {SUB "/RESOURCEGROUPS/G", NULL},
        {THING, NULL},
        {THING "/parts/p", NULL},
        {ITEMS "/one", NULL},
        {SUB "/resourceGroups/none", "ResourceGroupNotFound"},
        {SUB "/resourceGroups/none/providers/Test.Things/things/a", "ResourceGroupNotFound"},
        {THINGS "/none", "ResourceNotFound"},
        {THING "/parts/none", "ResourceNotFound"},
        {ITEMS "/none", "ResourceNotFound"},
        {THINGS, "ResourceNotFound"},
        {GROUP "/providers/Test.Things/nothings/a", "InvalidResourceType"},
        {SUB "/providers/Bootwarden.Monitor/machines/none", "ResourceNotFound"},
    };

    (void)state;
    ask(&m, HTTP_PUT, THING, PLAIN);
    ask(&m, HTTP_PUT, THING "/parts/p", "{}");
    ask(&m, HTTP_PUT, BOX, TWO_ITEMS);
    assert_answer(&m, 201, NULL);
    m.may = may_nothing; /* who gives roles there need not be one who may read */
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = arena_new(MANAGER_ARENA_BYTES);
        struct control_call call = {.control = m.control,
                                    .arena = arena,
                                    .hasher = m.hasher,
                                    .doc = json_new(arena),
                                    .caller = &m.caller,
                                    .base = ENDPOINT,
                                    .method = HTTP_PUT};
        struct control_answer answer = {0};
        bool is_there = control_scope_is_there(&call, cases[i].scope, &answer);

        if (is_there != (cases[i].code == NULL) ||
            (!is_there && strcmp(answer.code, cases[i].code) != 0)) {
            fail_msg("%s: %u %s", cases[i].scope, answer.status, answer.code);
        }
        assert_int_equal(answer.status, is_there ? 0 : 404);
    }
}

static void a_resource_that_is_deleted_takes_its_roles_along(void **state)
{
    (void)state;
    told_listen(&m);
    ask(&m, HTTP_PUT, THING, PLAIN);
    ask(&m, HTTP_PUT, THING "/parts/p", "{}");
    ask(&m, HTTP_DELETE, THINGS "/none", NULL);
    assert_answer(&m, 204, NULL);
    assert_told_nothing();
    ask(&m, HTTP_DELETE, THING, NULL); /* its part is below it */
    assert_answer(&m, 200, NULL);
    assert_string_equal(m.answer.note, "roles=1");
    assert_told("forget " THING);
    assert_told_nothing();
}

static void what_may_not_be_deleted_keeps_them(void **state)
{
    (void)state;
    told_listen(&m);
    ask(&m, HTTP_PUT, THING, "{\"location\":\"westus\",\"properties\":{\"isUsed\":true}}");
    ask(&m, HTTP_DELETE, THING, NULL);
    assert_answer(&m, 409, "ThingInUse");
    m.if_match = "W/\"other\"";
    ask(&m, HTTP_DELETE, THING, NULL);
    assert_answer(&m, 412, "PreconditionFailed");
    assert_told_nothing();
}

static void nothing_is_deleted_whose_roles_would_stay(void **state)
{
    (void)state;
    told_listen(&m);
    ask(&m, HTTP_PUT, THING, PLAIN);
    told_refuses = true;
    ask(&m, HTTP_DELETE, THING, NULL);
    assert_answer(&m, 503, "ServiceUnavailable");
    ask(&m, HTTP_GET, THING, NULL);
    assert_answer(&m, 200, NULL);
    told_refuses = false;
    ask(&m, HTTP_DELETE, THING, NULL);
    assert_answer(&m, 200, NULL);
}

static void a_group_takes_its_roles_along_at_its_end(void **state)
{
    (void)state;
    told_listen(&m);
    ask(&m, HTTP_PUT, THING, PLAIN);
    ask(&m, HTTP_DELETE, SUB "/RESOURCEGROUPS/G", NULL);
    assert_answer(&m, 202, NULL);
    follow_location(&m);
    assert_told("begin DELETE " GROUP " Microsoft.Resources/subscriptions/resourceGroups/delete");
    assert_told("forget " GROUP); /* and with it all below */
    assert_told("finish DELETE " GROUP
                " Microsoft.Resources/subscriptions/resourceGroups/delete ok by "
                "44444444-4444-4444-4444-444444444444 for r7 roles=1");
    assert_told_nothing();
}

static void a_group_stays_while_its_roles_would(void **state)
{
    (void)state;
    told_listen(&m);
    told_refuses = true;
    ask(&m, HTTP_DELETE, GROUP, NULL);
    assert_answer(&m, 202, NULL);
    follow_location(&m);
    ask(&m, HTTP_GET, GROUP, NULL);
    assert_answer(&m, 200, NULL);
    assert_text(&m, "properties.provisioningState", "Deleting");
    told_refuses = false;
    ask(&m, HTTP_DELETE, GROUP, NULL);
    follow_location(&m);
    ask(&m, HTTP_GET, GROUP, NULL);
    assert_answer(&m, 404, "ResourceGroupNotFound");
}

/* Subnets and rules: deleted one by one, or left out of what their parent becomes. */
static void members_take_their_roles_along(void **state)
{
    (void)state;
    told_listen(&m);
    ask(&m, HTTP_PUT, BOX, TWO_ITEMS);
    ask(&m, HTTP_PUT, BOX, TWO_ITEMS);
    assert_answer(&m, 200, NULL);
    assert_told_nothing();
    ask(&m, HTTP_DELETE, ITEMS "/ONE", NULL);
    assert_answer(&m, 200, NULL);
    assert_told("forget " ITEMS "/one");
    assert_told_nothing();
    ask(&m, HTTP_PUT, BOX, PLAIN);
    assert_answer(&m, 200, NULL);
    assert_told("forget " ITEMS "/two");
    assert_told_nothing();
    ask(&m, HTTP_PUT, BOX, TWO_ITEMS);
    told_refuses = true;
    ask(&m, HTTP_PUT, BOX, PLAIN);
    assert_answer(&m, 503, "ServiceUnavailable");
    ask(&m, HTTP_GET, ITEMS "/one", NULL);
    assert_answer(&m, 200, NULL);
}

/* ---- who may no more when it comes to it ---- */

static unsigned n_asked;

static bool may_once(const char *action, const char *scope)
{
    (void)action;
    (void)scope;
    return n_asked++ == 0;
}

static bool is_there(const char *target)
{
    m.may = NULL;
    ask(&m, HTTP_GET, target, NULL);
    return m.answer.status == 200;
}

/* As when the place has ended while a request took its time, and is somebody else's now. */
static void who_may_no_more_changes_nothing(void **state)
{
    static const struct {
        enum http_method method;
        const char *target, *body;
    } cases[] = {
        {HTTP_PUT, THINGS "/new", PLAIN},
        {HTTP_PUT, THING, "{\"location\":\"westus\",\"properties\":{\"isChanged\":true}}"},
        {HTTP_PATCH, THING, "{\"properties\":{\"isChanged\":true}}"},
        {HTTP_DELETE, THING, NULL},
        {HTTP_POST, THING "/poke", NULL},
        {HTTP_PUT, BOX "/items/new", "{}"},
        {HTTP_DELETE, BOX "/items/one", NULL},
        {HTTP_PUT, SUB "/resourceGroups/new", PLAIN},
        {HTTP_PATCH, GROUP, "{\"tags\":{}}"},
        {HTTP_DELETE, GROUP, NULL},
    };
    const char *etag;

    (void)state;
    told_listen(&m);
    ask(&m, HTTP_PUT, THING, PLAIN);
    etag = kept(m.answer.etag);
    ask(&m, HTTP_PUT, BOX, TWO_ITEMS);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        n_asked = 0;
        m.may = may_once;
        ask(&m, cases[i].method, cases[i].target, cases[i].body);
        assert_answer(&m, 403, "AuthorizationFailed");
    }
    assert_told_nothing();
    assert_int_equal(n_gone, 0);
    assert_false(is_there(THINGS "/new"));
    assert_false(is_there(BOX "/items/new"));
    assert_false(is_there(SUB "/resourceGroups/new"));
    assert_true(is_there(BOX "/items/one"));
    assert_true(is_there(THING));
    assert_string_equal(m.answer.etag, etag);
    ask(&m, HTTP_GET, GROUP, NULL);
    assert_text(&m, "properties.provisioningState", "Succeeded");
}

static void who_may_not_hears_nothing_about_the_request(void **state)
{
    static const char *const targets[] = {THING "?api-version=", THING "?api-version=latest",
                                          THINGS "?$top=none", GROUP "?api-version=latest"};

    (void)state;
    ask(&m, HTTP_PUT, THING, PLAIN);
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        m.may = may_nothing;
        ask(&m, HTTP_GET, targets[i], NULL);
        assert_answer(&m, 403, "AuthorizationFailed");
        m.may = NULL;
        ask(&m, HTTP_GET, targets[i], NULL);
        assert_int_equal(m.answer.status, 400);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ENGINE(only_what_is_there_has_roles),
        WITH_ENGINE(a_resource_that_is_deleted_takes_its_roles_along),
        WITH_ENGINE(what_may_not_be_deleted_keeps_them),
        WITH_ENGINE(nothing_is_deleted_whose_roles_would_stay),
        WITH_ENGINE(a_group_takes_its_roles_along_at_its_end),
        WITH_ENGINE(a_group_stays_while_its_roles_would),
        WITH_ENGINE(members_take_their_roles_along),
        WITH_ENGINE(who_may_no_more_changes_nothing),
        WITH_ENGINE(who_may_not_hears_nothing_about_the_request),
    };

    return RUN_TESTS(tests);
}
