/* Groups: what is in one goes with it, behind the answer, and at the next start when not before. */
#include "unit/control/engine.h"

#include "control/jobs.h"

#include <pthread.h>
#include <stdatomic.h>

static void make_things(unsigned n, const char *body)
{
    for (unsigned i = 0; i < n; i++) {
        char target[128];

        snprintf(target, sizeof(target), THINGS "/t%u", i);
        ask(&m, HTTP_PUT, target, body);
        assert_answer(&m, 201, NULL);
    }
}

#define STICKY "{\"location\":\"westus\",\"properties\":{\"isSticky\":true}}"

static void what_is_not_there_is_not_deleted(void **state)
{
    (void)state;
    ask(&m, HTTP_DELETE, SUB "/resourceGroups/none", NULL);
    assert_answer(&m, 404, "ResourceGroupNotFound");
    m.may = NULL;
    ask(&m, HTTP_GET, SUB "/operationresults/66666666-6666-6666-6666-666666666666", NULL);
    assert_answer(&m, 404, "OperationNotFound");
}

/* Whoever has no role in a subscription hears that there is none; who has one may make groups. */
static bool may_nothing_else(const char *action, const char *scope)
{
    (void)action;
    return strstr(scope, SUBSCRIPTION) != NULL ||
           strcmp(action, "Microsoft.Resources/subscriptions/resourceGroups/write") == 0;
}

static void a_subscription_that_is_not_here_takes_no_group(void **state)
{
    (void)state;
    m.may = may_nothing_else;
    ask(&m, HTTP_PUT, OTHER_SUB "/resourceGroups/g", PLAIN);
    assert_answer(&m, 404, "SubscriptionNotFound");
    m.may = NULL;
    ask(&m, HTTP_PUT, OTHER_SUB "/resourceGroups/g", PLAIN);
    assert_answer(&m, 201, NULL);
}

static void a_group_goes_with_all_that_is_in_it(void **state)
{
    (void)state;
    make_things(450, PLAIN);
    ask(&m, HTTP_PUT, THINGS "/t1/parts/p", "{}");
    ask(&m, HTTP_PUT, SUB "/resourceGroups/g0", PLAIN);
    ask(&m, HTTP_PUT, SUB "/resourceGroups/g0/providers/Test.Things/things/t", PLAIN);
    ask(&m, HTTP_DELETE, SUB "/RESOURCEGROUPS/G", NULL);
    assert_answer(&m, 202, NULL);
    assert_int_equal(m.answer.body.len, 0);
    assert_null(m.answer.operation);
    assert_true(m.answer.retry_after_s > 0);
    follow_location(&m);
    assert_answer(&m, 200, NULL);
    ask(&m, HTTP_HEAD, GROUP, NULL);
    assert_answer(&m, 404, "ResourceGroupNotFound");
    assert_int_equal(n_gone, 451); /* each was told, its part too */
    ask(&m, HTTP_GET, SUB "/resourceGroups/g0/providers/Test.Things/things/t", NULL);
    assert_answer(&m, 200, NULL);
    ask(&m, HTTP_PUT, GROUP, "{\"location\":\"eastus\"}"); /* the name is free */
    assert_answer(&m, 201, NULL);
    ask(&m, HTTP_GET, THINGS, NULL);
    assert_int_equal(yyjson_arr_size(member(&m, "value")), 0);
}

static void a_name_that_is_refused_says_what_names_are(void **state)
{
    static const char *const bad[] = {"g.", "a..", "g$", "a,b"};
    char target[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        snprintf(target, sizeof(target), SUB "/resourceGroups/%s", bad[i]);
        ask(&m, HTTP_PUT, target, PLAIN);
        assert_answer(&m, 400, "InvalidResourceName");
        assert_says(&m, bad[i]);
        assert_says(&m, "parentheses, and does not end in a period");
    }
    ask(&m, HTTP_PUT, SUB "/resourceGroups/a.b(c)_d-e", PLAIN);
    assert_answer(&m, 201, NULL);
    ask(&m, HTTP_PUT, THINGS "/a$b", PLAIN);
    assert_answer(&m, 400, "InvalidResourceName");
    assert_says(&m, "A name of the type 'Test.Things/things' has 1 to 80 letters, digits, periods, "
                    "underscores, hyphens and parentheses.");
}

static void nothing_comes_into_a_group_that_goes(void **state)
{
    const char *link;

    (void)state;
    make_things(20, STICKY);
    ask(&m, HTTP_DELETE, GROUP, NULL);
    assert_answer(&m, 202, NULL);
    link = m.answer.location;
    assert_non_null(link);
    link = link_of(link);
    ask(&m, HTTP_PUT, THING, PLAIN);
    assert_answer(&m, 409, "ResourceGroupBeingDeleted");
    ask(&m, HTTP_PUT, GROUP, PLAIN);
    assert_answer(&m, 409, "ResourceGroupBeingDeleted");
    ask(&m, HTTP_PATCH, GROUP, "{\"tags\":{}}");
    assert_answer(&m, 409, "ResourceGroupBeingDeleted");
    ask(&m, HTTP_GET, GROUP, NULL);
    assert_text(&m, "properties.provisioningState", "Deleting");
    ask(&m, HTTP_GET, link, NULL);
    assert_answer(&m, 202, NULL);
    ask(&m, HTTP_DELETE, GROUP, NULL);
    assert_answer(&m, 202, NULL);
    follow_location(&m);
    assert_answer(&m, 200, NULL);
    follow(&m, link); /* who asked first hears the same */
    assert_answer(&m, 200, NULL);
    assert_int_equal(n_gone, 20);
}

/* Deleted several times, then made anew: what is new stays. */
static void an_end_that_was_asked_for_twice_takes_nothing_that_came_later(void **state)
{
    (void)state;
    for (int round = 0; round < 10; round++) {
        make_things(3, STICKY);
        for (int i = 0; i < 8; i++) {
            ask(&m, HTTP_DELETE, GROUP, NULL);
            assert_answer(&m, 202, NULL);
        }
        wait_until_gone(&m, GROUP);
        ask(&m, HTTP_PUT, GROUP, PLAIN);
        assert_answer(&m, 201, NULL);
        ask(&m, HTTP_PUT, THING, PLAIN);
        assert_answer(&m, 201, NULL);
        for (int i = 0; i < 5; i++) {
            pause_ms(10);
            ask(&m, HTTP_GET, THING, NULL);
            assert_answer(&m, 200, NULL);
        }
    }
}

static void a_group_that_was_going_at_a_stop_is_gone_after_the_start(void **state)
{
    const char *link;

    (void)state;
    make_things(420, PLAIN);
    ask(&m, HTTP_PUT, THINGS "/sticky", STICKY);
    ask(&m, HTTP_DELETE, GROUP, NULL);
    assert_answer(&m, 202, NULL);
    link = link_of(m.answer.location);
    manager_stop(&m);
    manager_start(&m);
    follow(&m, link);
    assert_answer(&m, 200, NULL);
    ask(&m, HTTP_GET, GROUP, NULL);
    assert_answer(&m, 404, "ResourceGroupNotFound");
    ask(&m, HTTP_GET, SUB "/resources", NULL);
    assert_int_equal(yyjson_arr_size(member(&m, "value")), 0);
}

/* Somebody writes into the group while it goes: nothing is left of it, whoever was faster. */
struct intruder {
    pthread_t thread;
    struct manager m;
    unsigned n_made, n_refused, n_wrong;
    atomic_bool *is_over;
};

static void *intrude(void *context)
{
    struct intruder *w = context;

    for (unsigned i = 0; !*w->is_over; i++) {
        char target[128];

        snprintf(target, sizeof(target), THINGS "/n%u", i);
        ask(&w->m, HTTP_PUT, target, PLAIN);
        if (w->m.answer.status == 201 || w->m.answer.status == 200) {
            w->n_made++;
        } else if (w->m.answer.status == 409 || w->m.answer.status == 404) {
            w->n_refused++;
        } else {
            w->n_wrong++;
        }
    }
    return NULL;
}

static void whoever_writes_into_a_group_that_goes_leaves_nothing_behind(void **state)
{
    struct intruder intruders[3] = {0};
    atomic_bool is_over = false;
    size_t n;
    struct store_resource *rows;
    const struct store_resource_query all = {
        .below = SUB, .subscription = "", .type = "", .after = "", .max = 100};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(intruders); i++) {
        intruders[i].m = m;
        intruders[i].m.arena = arena_new(1024);
        intruders[i].m.hasher = hasher_new();
        intruders[i].is_over = &is_over;
        assert_int_equal(pthread_create(&intruders[i].thread, NULL, intrude, &intruders[i]), 0);
    }
    for (int i = 0; i < WAIT_STEPS; i++) { /* until they are at it */
        ask(&m, HTTP_GET, THINGS "/n20", NULL);
        if (m.answer.status == 200) {
            break;
        }
        pause_ms(1);
    }
    ask(&m, HTTP_DELETE, GROUP, NULL);
    assert_answer(&m, 202, NULL);
    follow_location(&m);
    assert_answer(&m, 200, NULL);
    is_over = true;
    for (size_t i = 0; i < ARRAY_LEN(intruders); i++) {
        pthread_join(intruders[i].thread, NULL);
        assert_int_equal(intruders[i].n_wrong, 0);
        assert_true(intruders[i].n_made > 0);
        arena_free(intruders[i].m.arena);
        hasher_free(intruders[i].m.hasher);
    }
    assert_ok(store_resources(store, m.arena, &all, NULL, &rows, &n));
    assert_int_equal(n, 0);
}

/* ---- ends that cannot begin ---- */

static void never(void *data, struct arena *arena, struct hasher *hasher)
{
    (void)data;
    (void)arena;
    (void)hasher;
    fail_msg("nobody waits an hour");
}

static void nothing(void *data)
{
    (void)data;
}

static void an_end_without_a_job_leaves_the_group_as_it_was(void **state)
{
    const struct job job = {.class = JOB_END,
                            .owner = SUBSCRIPTION,
                            .delay_ms = 3600 * 1000,
                            .run = never,
                            .drop = nothing};
    err_t err;

    (void)state;
    ask(&m, HTTP_PUT, THING, PLAIN);
    while ((err = jobs_add(control_jobs(m.control), &job)) == ERR_OK) {
    }
    assert_err(err, ERR_TOO_MANY);
    ask(&m, HTTP_DELETE, GROUP, NULL);
    assert_answer(&m, 429, "TooManyRequests");
    assert_true(m.answer.retry_after_s > 0);
    ask(&m, HTTP_GET, GROUP, NULL);
    assert_text(&m, "properties.provisioningState", "Succeeded");
    ask(&m, HTTP_PUT, THING, PLAIN);
    assert_answer(&m, 200, NULL);
    /* Those of others go. */
    ask(&m, HTTP_PUT, OTHER_SUB "/resourceGroups/other", PLAIN);
    assert_answer(&m, 201, NULL);
    ask(&m, HTTP_DELETE, OTHER_SUB "/resourceGroups/other", NULL);
    assert_answer(&m, 202, NULL);
    wait_until_gone(&m, OTHER_SUB "/resourceGroups/other");
    manager_stop(&m);
    manager_start(&m);
    ask(&m, HTTP_DELETE, GROUP, NULL);
    assert_answer(&m, 202, NULL);
    wait_until_gone(&m, GROUP);
}

/* As after a fault of the database in the middle. */
static void a_group_that_goes_without_a_job_is_found_while_the_server_runs(void **state)
{
    static const char *const no_parents[STORE_RESOURCE_PARENTS] = {0};
    const char *key = SUB "/resourcegroups/g";
    struct store_resource row;
    enum store_resource_bar bar;
    struct trail trail = {0};
    size_t which;

    (void)state;
    ask(&m, HTTP_PUT, THING, PLAIN);
    assert_ok(store_resource_get(store, m.arena, key, &trail, &row));
    row.state = "Deleting";
    assert_ok(store_resource_put(store, &row, no_parents, timestamp_now(), &trail, &bar, &which,
                                 &row.version));
    assert_int_equal(bar, STORE_RESOURCE_NO_BAR);
    control_tick(m.control, timestamp_now());
    wait_until_gone(&m, GROUP);
    assert_int_equal(n_gone, 1);
}

/* ---- large ones, and those that cannot be read ---- */

/* Into the store, past all that clients are refused for. */
static void put_row(const char *key, const char *id, const char *type, const char *state,
                    struct span body)
{
    static const char *const no_parents[STORE_RESOURCE_PARENTS] = {0};
    const struct store_resource row = {.key = key,
                                       .id = id,
                                       .subscription = SUBSCRIPTION,
                                       .type = type,
                                       .location = "westus",
                                       .state = state,
                                       .tags = span_str("{}"),
                                       .body = body};
    enum store_resource_bar bar = STORE_RESOURCE_FULL;
    int64_t version;
    size_t which;

    assert_ok(
        store_resource_put(store, &row, no_parents, timestamp_now(), NULL, &bar, &which, &version));
    assert_int_equal(bar, STORE_RESOURCE_NO_BAR);
}

static struct span long_body(size_t len)
{
    static char body[3 * 1024 * 1024];

    assert_true(len < sizeof(body));
    memset(body, 'y', len);
    memcpy(body, "{\"x\":\"", 6);
    memcpy(body + len - 2, "\"}", 2);
    return span_of(body, len);
}

static void put_unreadable(const char *name)
{
    char key[256], id[256];

    snprintf(key, sizeof(key), SUB "/resourcegroups/g/providers/test.things/things/%s", name);
    snprintf(id, sizeof(id), THINGS "/%s", name);
    put_row(key, id, "test.things/things", "Succeeded", span_str("{\"x\":"));
}

/* More than any arena holds, each body of a size that was taken once. */
static void large_groups_that_go_keep_no_server_from_its_start(void **state)
{
    enum { GROUPS = 30 };

    (void)state;
    manager_stop(&m);
    for (int i = 0; i < GROUPS; i++) {
        char key[128];

        snprintf(key, sizeof(key), SUB "/resourcegroups/h%d", i);
        put_row(key, key, "microsoft.resources/resourcegroups", "Deleting", long_body(2900 * 1024));
    }
    manager_start(&m);
    for (int i = 0; i < GROUPS; i++) {
        char id[128];

        snprintf(id, sizeof(id), SUB "/resourceGroups/h%d", i);
        wait_until_gone(&m, id);
    }
}

static void a_group_goes_with_what_is_large_and_what_cannot_be_read(void **state)
{
    enum { LARGE = 120 };

    (void)state;
    for (int i = 0; i < LARGE; i++) {
        char key[128], id[128];

        snprintf(key, sizeof(key), SUB "/resourcegroups/g/providers/test.things/things/l%d", i);
        snprintf(id, sizeof(id), THINGS "/l%d", i);
        put_row(key, id, "test.things/things", "Succeeded", long_body(2500 * 1024));
    }
    put_unreadable("bad");
    ask(&m, HTTP_DELETE, GROUP, NULL);
    assert_answer(&m, 202, NULL);
    follow_location(&m);
    assert_answer(&m, 200, NULL);
    wait_until_gone(&m, GROUP);
    assert_int_equal(n_gone, LARGE + 1); /* who keeps something for one hears of it */
}

static void what_cannot_be_read_is_left_out_and_can_be_deleted(void **state)
{
    (void)state;
    ask(&m, HTTP_PUT, THINGS "/a", PLAIN);
    ask(&m, HTTP_PUT, THINGS "/z", PLAIN);
    put_unreadable("bad");
    put_unreadable("zz"); /* the last of all */
    ask(&m, HTTP_GET, THINGS, NULL);
    assert_answer(&m, 200, NULL);
    assert_int_equal(yyjson_arr_size(member(&m, "value")), 2);
    assert_null(member(&m, "nextLink"));
    ask(&m, HTTP_GET, SUB "/resources", NULL);
    assert_answer(&m, 200, NULL);
    assert_int_equal(yyjson_arr_size(member(&m, "value")), 2);
    ask(&m, HTTP_GET, THINGS "?$top=1", NULL);
    assert_answer(&m, 200, NULL);
    assert_int_equal(yyjson_arr_size(member(&m, "value")), 1);
    ask(&m, HTTP_DELETE, THINGS "/bad", NULL);
    assert_answer(&m, 200, NULL);
    ask(&m, HTTP_DELETE, THINGS "/bad", NULL);
    assert_answer(&m, 204, NULL);
}

/* What others want goes between two pages of it. */
static void ends_of_groups_take_turns(void **state)
{
    (void)state;
    for (unsigned g = 0; g < JOBS_ENDS_TOGETHER + 1; g++) {
        char id[128];

        snprintf(id, sizeof(id), SUB "/resourceGroups/large%u", g);
        ask(&m, HTTP_PUT, id, PLAIN);
        for (unsigned i = 0; i < 600; i++) {
            char thing[256], key[256];

            snprintf(thing, sizeof(thing), "%s/providers/Test.Things/things/t%u", id, i);
            snprintf(key, sizeof(key),
                     SUB "/resourcegroups/large%u/providers/test.things/things/t%u", g, i);
            put_row(key, thing, "test.things/things", "Succeeded",
                    span_str(i % 4 == 0 ? "{\"properties\":{\"isSticky\":true}}" : "{}"));
        }
    }
    ask(&m, HTTP_PUT, OTHER_SUB "/resourceGroups/other", PLAIN);
    assert_answer(&m, 201, NULL);
    for (unsigned g = 0; g < JOBS_ENDS_TOGETHER + 1; g++) {
        char id[128];

        snprintf(id, sizeof(id), SUB "/resourceGroups/large%u", g);
        ask(&m, HTTP_DELETE, id, NULL);
        assert_answer(&m, 202, NULL);
    }
    ask(&m, HTTP_DELETE, OTHER_SUB "/resourceGroups/other", NULL);
    assert_answer(&m, 202, NULL);
    wait_until_gone(&m, OTHER_SUB "/resourceGroups/other");
    for (unsigned g = 0; g < JOBS_ENDS_TOGETHER + 1; g++) { /* nobody else's is done yet */
        char id[128];

        snprintf(id, sizeof(id), SUB "/resourceGroups/large%u", g);
        ask(&m, HTTP_GET, id, NULL);
        assert_answer(&m, 200, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ENGINE(what_is_not_there_is_not_deleted),
        WITH_ENGINE(a_subscription_that_is_not_here_takes_no_group),
        WITH_ENGINE(a_group_goes_with_all_that_is_in_it),
        WITH_ENGINE(a_name_that_is_refused_says_what_names_are),
        WITH_ENGINE(nothing_comes_into_a_group_that_goes),
        WITH_ENGINE(an_end_that_was_asked_for_twice_takes_nothing_that_came_later),
        WITH_ENGINE(a_group_that_was_going_at_a_stop_is_gone_after_the_start),
        WITH_ENGINE(whoever_writes_into_a_group_that_goes_leaves_nothing_behind),
        WITH_ENGINE(an_end_without_a_job_leaves_the_group_as_it_was),
        WITH_ENGINE(a_group_that_goes_without_a_job_is_found_while_the_server_runs),
        WITH_ENGINE(large_groups_that_go_keep_no_server_from_its_start),
        WITH_ENGINE(a_group_goes_with_what_is_large_and_what_cannot_be_read),
        WITH_ENGINE(what_cannot_be_read_is_left_out_and_can_be_deleted),
        WITH_ENGINE(ends_of_groups_take_turns),
    };

    return RUN_TESTS(tests);
}
