/* How deployments end: large ones, those of a group that is made anew, after a stop, Complete ones.
 */
#include "unit/deploy/deploying.h"
#include "unit/deploy/holding.h"

#include "deploy/internal.h"

#include <sqlite3.h>

static const char *key_of(const char *id)
{
    return kept(resource_key(m.arena, span_str(id)));
}

/* A record as a server left it that stopped, or as somebody else's deployment wrote it. */
static void keep_row(const char *id, const char *state, const char *body)
{
    static const char *const none[STORE_RESOURCE_PARENTS] = {0};
    const struct store_resource row = {.key = key_of(id),
                                       .id = id,
                                       .subscription = SUBSCRIPTION,
                                       .type = "microsoft.resources/deployments",
                                       .location = "",
                                       .state = state,
                                       .tags = span_str("{}"),
                                       .body = span_str(body)};
    enum store_resource_bar bar;
    size_t parent;
    int64_t version;

    assert_ok(store_resource_put(store, &row, none, m.now, NULL, &bar, &parent, &version));
    assert_int_equal(bar, STORE_RESOURCE_NO_BAR);
}

static void assert_state(const char *target, const char *state)
{
    ask(&m, HTTP_GET, target, NULL);
    assert_answer(&m, 200, NULL);
    assert_text(&m, "properties.provisioningState", state);
}

static char *text_of(size_t len)
{
    char *text = malloc(len + 1);

    assert_non_null(text);
    memset(text, 'z', len);
    text[len] = '\0';
    return text;
}

/* ---- too long for a record ---- */

#define REPEATS                                                                                    \
    "\"parameters\":{\"p\":{\"type\":\"object\"}},"                                                \
    "\"outputs\":{\"o\":{\"type\":\"object\",\"value\":\"[parameters('p')]\"}},"

static char *body_that_repeats(size_t len)
{
    char *long_text = text_of(len);
    char *body = NULL;

    assert_true(asprintf(&body,
                         BODY_OF("\"parameters\":{\"p\":{\"value\":{\"a\":\"%s\"}}},", REPEATS,
                                 DISK_NAMED("a")),
                         long_text) > 0);
    free(long_text);
    return body;
}

static void outputs_that_are_too_long_fail_the_deployment(void **state)
{
    char *body = body_that_repeats(2100000);

    (void)state;
    deploy(D, body, "Failed");
    assert_text(&m, "properties.error.code", "DeploymentJobSizeExceeded");
    assert_null(member(&m, "properties.parameters"));
    assert_int_equal(yyjson_arr_size(member(&m, "properties.outputResources")), 1);
    assert_true(is_made(DISK("a")));
    deploy(D, BODY(""), "Succeeded"); /* it can be replaced, and deleted */
    ask(&m, HTTP_DELETE, D, NULL);
    assert_answer(&m, 200, NULL);
    free(body);
}

/* ---- a subscription that is full ---- */

/* As if it took all but `left` bytes. */
static void leave_room(int left)
{
    const char *path = arena_printf(m.arena, "%s/data.sqlite", w->folder);
    const char *sql = arena_printf(m.arena, "UPDATE resource_bytes SET bytes = %d",
                                   STORE_RESOURCES_SUBSCRIPTION_BYTES_MAX - left);
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_busy_timeout(db, 5000), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void assert_goes(const char *target)
{
    ask(&m, HTTP_DELETE, target, NULL);
    assert_answer(&m, 200, NULL);
}

static void a_full_subscription_deploys_nothing_and_says_why(void **state)
{
    char *filling = text_of(20000), *body = NULL;

    (void)state;
    assert_true(asprintf(&body, BODY_OF("", "\"variables\":{\"v\":\"%s\"},", DISK_NAMED("a")),
                         filling) > 0);
    leave_room(0);
    refused(HTTP_PUT, D, body, 409, "QuotaExceeded");
    assert_says(&m, "delete deployments");
    refused(HTTP_GET, D, NULL, 404, "DeploymentNotFound");
    refused(HTTP_PUT, DISK("a"), VM_WITH(""), 409, "QuotaExceeded");
    leave_room(10000); /* for a record, not for the template beside it */
    refused(HTTP_PUT, D, body, 409, "QuotaExceeded");
    assert_state(D, "Failed");
    assert_text(&m, "properties.error.code", "QuotaExceeded");
    assert_false(is_made(DISK("a")));
    leave_room(1024 * 1024);
    deploy(D, body, "Succeeded");
    assert_goes(D);
    free(filling);
    free(body);
}

static void what_cannot_be_told_is_not_made(void **state)
{
    (void)state;
    hold_all();
    start_deployment(D, BODY(DISK_NAMED("a")));
    leave_room(0);
    let_go();
    wait_for_end(D);
    assert_text(&m, "properties.provisioningState", "Failed");
    assert_text(&m, "properties.error.code", "DeploymentFailed");
    assert_text(&m, "properties.error.details.0.code", "QuotaExceeded");
    assert_string_equal(operation_state_of(D, "a"), "");
    assert_false(is_made(DISK("a")));
    assert_goes(D);
}

static void what_went_well_needs_no_room_to_say_so(void **state)
{
    (void)state;
    hold_all();
    start_deployment(D, BODY(""));
    leave_room(0);
    let_go();
    wait_for_end(D);
    assert_text(&m, "properties.provisioningState", "Succeeded");
}

static void outputs_without_room_fail_the_deployment(void **state)
{
    char *body = body_that_repeats(100000);

    (void)state;
    hold_all();
    start_deployment(D, body);
    leave_room(50000);
    let_go();
    wait_for_end(D);
    assert_text(&m, "properties.provisioningState", "Failed");
    assert_text(&m, "properties.error.code", "QuotaExceeded");
    assert_null(member(&m, "properties.outputs"));
    assert_string_equal(operation_state_of(D, "a"), "Succeeded");
    assert_true(is_made(DISK("a")));
    assert_goes(D);
    free(body);
}

/* ---- after a stop ---- */

static void all_that_stopped_say_so_however_many_and_large(void **state)
{
    enum { MANY_STOPPED = 450 }; /* more than a page */
    static const char around[] = "{\"properties\":{\"parameters\":\"\"}}";
    char *long_text = text_of(STORE_RESOURCE_BODY_MAX - strlen(around)); /* no room for an error */
    char *body = NULL;
    struct trail trail = {0};

    (void)state;
    for (int i = 0; i < MANY_STOPPED; i++) {
        keep_row(kept(arena_printf(m.arena, DEPLOYMENTS "s%d", i)), i % 2 ? "Running" : "Accepted",
                 "{\"properties\":{}}");
    }
    assert_true(asprintf(&body, "{\"properties\":{\"parameters\":\"%s\"}}", long_text) > 0);
    keep_row(DEPLOYMENTS "large", "Running", body);
    assert_ok(deploy_resume(m.control, m.now, &trail));
    for (int i = 0; i < MANY_STOPPED; i++) {
        assert_state(kept(arena_printf(m.arena, DEPLOYMENTS "s%d", i)), "Failed");
    }
    assert_state(DEPLOYMENTS "large", "Failed");
    assert_text(&m, "properties.error.code", "DeploymentFailed");
    free(body);
    free(long_text);
}

static void what_runs_is_not_taken_for_stopped(void **state)
{
    struct trail trail = {0};

    (void)state;
    hold_all();
    start_deployment(D, BODY(DISK_NAMED("a")));
    assert_ok(deploy_resume(m.control, m.now, &trail));
    assert_state(D, "Running");
    let_go();
    wait_for_end(D);
    assert_text(&m, "properties.provisioningState", "Succeeded");
}

/* ---- a group that is made anew ---- */

static void who_runs_on_writes_nothing_into_the_next_ones_record(void **state)
{
    const char *status;
    enum store_resource_bar bar;
    bool was_there;

    (void)state;
    hold_all();
    start_deployment(D, BODY_OF("", "\"outputs\":{\"o\":{\"type\":\"string\",\"value\":\"mine\"}},",
                                DISK_NAMED("a")));
    status = link_of(m.answer.operation);
    assert_ok(store_resource_remove(store, key_of(D), 0, NULL, &was_there, &bar));
    assert_true(was_there);
    /* Of the same version as the first one's when it ended, and of the same second. */
    keep_row(D, "Failed", "{\"properties\":{\"of\":\"another\"}}");
    assert_ok(store_part_put(store, key_of(D), NULL, STORE_PART_HOLDER, span_str("another"), NULL));
    let_go();
    do {
        ask(&m, HTTP_GET, status, NULL);
        assert_answer(&m, 200, NULL);
    } while (strcmp(text_at(&m, "status"), "Running") == 0);
    assert_true(is_made(DISK("a")));
    assert_state(D, "Failed");
    assert_text(&m, "properties.of", "another");
    assert_null(member(&m, "properties.outputs"));
    assert_string_equal(operation_state_of(D, "a"), "");
}

#define ELSEWHERE                                                                                  \
    "{\"type\":\"Microsoft.Resources/deployments\",\"apiVersion\":\"2021-04-01\",\"name\":"        \
    "\"inner\",\"resourceGroup\":\"other\",\"properties\":{\"mode\":\"Incremental\","              \
    "\"expressionEvaluationOptions\":{\"scope\":\"inner\"},\"template\":{\"$schema\":"             \
    "\"https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#\","         \
    "\"contentVersion\":\"1.0.0.0\",\"resources\":[" CHAIN "]}}}"
#define OTHER_GROUP SUB "/resourceGroups/other"

static void a_group_that_goes_ends_what_its_deployments_do_elsewhere(void **state)
{
    (void)state;
    put_ok(OTHER_GROUP, "{\"location\":\"westus\"}");
    start_deployment(D, BODY(ELSEWHERE));
    while (!is_made(OTHER_GROUP "/providers/Microsoft.Compute/disks/d1")) {
        pause_ms(1);
    }
    ask(&m, HTTP_DELETE, GROUP, NULL);
    assert_answer(&m, 202, NULL);
    wait_for_end(OTHER_GROUP "/providers/Microsoft.Resources/deployments/inner");
    assert_text(&m, "properties.provisioningState", "Canceled");
}

/* Between its template's being read and its place among those that run. */
static void a_group_that_goes_meanwhile_is_not_found(void **state)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(TEMPLATE_ARENA_BYTES);
    struct control_call call = {.control = m.control,
                                .arena = arena,
                                .hasher = m.hasher,
                                .doc = json_new(arena),
                                .now = NOW,
                                .caller = &m.caller,
                                .correlation = "",
                                .request = "",
                                .method = HTTP_PUT,
                                .body = span_str(BODY(DISK_NAMED("a")))};
    struct deploy_request request;
    struct control_answer answer = {0};
    enum store_resource_bar bar;
    bool was_there = false;

    (void)state;
    assert_ok(resource_id_read(arena, span_str(D), NULL, &call.path));
    assert_true(deploy_read(&call, span_str("d"), &request, &answer));
    assert_ok(store_resource_remove(store, key_of(GROUP), 0, NULL, &was_there, &bar));
    assert_true(was_there);
    assert_null(deploy_admit(&call, &request, &answer));
    assert_int_equal(answer.status, 404);
    assert_string_equal(answer.code, "ResourceGroupNotFound");
}

/* ---- how many are kept ---- */

static bool may_delete_no_deployment(const char *action, const char *scope)
{
    (void)scope;
    return strcmp(action, "Microsoft.Resources/deployments/delete") != 0;
}

static size_t deployments_in(const char *list)
{
    size_t pages;

    return count_pages(&m, list, 1000, &pages);
}

static void the_one_that_ended_longest_ago_goes_when_there_are_many(void **state)
{
    static const char old[] = "{\"properties\":{}}";

    (void)state;
    put_ok(OTHER_GROUP, "{\"location\":\"westus\"}");
    keep_row(OTHER_GROUP "/providers/Microsoft.Resources/deployments/elsewhere", "Failed", old);
    for (int i = 0; i < DEPLOY_KEPT_MAX - 1; i++) {
        keep_row(kept(arena_printf(m.arena, DEPLOYMENTS "s%d", i)), i == 0 ? "Running" : "Failed",
                 old);
    }
    deploy(DEPLOYMENTS "s1", BODY(""), "Succeeded"); /* now it is the youngest */
    deploy(D, BODY(""), "Succeeded");
    assert_int_equal(deployments_in(GROUP "/providers/Microsoft.Resources/deployments"),
                     DEPLOY_KEPT_MAX);
    m.may = may_delete_no_deployment; /* who deploys need not be one who may delete */
    deploy(DEPLOYMENTS "another", BODY(""), "Succeeded");
    m.may = NULL;
    assert_int_equal(deployments_in(GROUP "/providers/Microsoft.Resources/deployments"),
                     DEPLOY_KEPT_MAX);
    assert_true(is_made(DEPLOYMENTS "another"));
    assert_true(is_made(D));
    assert_state(DEPLOYMENTS "s0", "Running");
    assert_state(DEPLOYMENTS "s1", "Succeeded");
    refused(HTTP_GET, DEPLOYMENTS "s2", NULL, 404, "DeploymentNotFound");
    assert_true(is_made(DEPLOYMENTS "s3"));
    assert_true(is_made(OTHER_GROUP "/providers/Microsoft.Resources/deployments/elsewhere"));
}

/* ---- mode Complete ---- */

static void leftovers_go_behind_the_answer_however_many(void **state)
{
    enum { LEFT = 120 }; /* more than a slice */
    size_t pages;

    (void)state;
    for (int i = 0; i < LEFT; i++) {
        put_ok(kept(arena_printf(m.arena, COMPUTE "disks/old%d", i)), VM_WITH(""));
    }
    hold_all();
    start_deployment(D, COMPLETE(""));
    assert_int_equal(count_pages(&m, COMPUTE "disks", 1000, &pages), LEFT);
    assert_state(D, "Running");
    let_go();
    wait_for_end(D);
    assert_text(&m, "properties.provisioningState", "Succeeded");
    assert_int_equal(count_pages(&m, COMPUTE "disks", 1000, &pages), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_VMS(outputs_that_are_too_long_fail_the_deployment),
        WITH_VMS(a_full_subscription_deploys_nothing_and_says_why),
        WITH_VMS(what_cannot_be_told_is_not_made),
        WITH_VMS(what_went_well_needs_no_room_to_say_so),
        WITH_VMS(outputs_without_room_fail_the_deployment),
        WITH_VMS(all_that_stopped_say_so_however_many_and_large),
        WITH_VMS(what_runs_is_not_taken_for_stopped),
        WITH_VMS(who_runs_on_writes_nothing_into_the_next_ones_record),
        WITH_VMS(a_group_that_goes_ends_what_its_deployments_do_elsewhere),
        WITH_VMS(a_group_that_goes_meanwhile_is_not_found),
        WITH_VMS(the_one_that_ended_longest_ago_goes_when_there_are_many),
        WITH_VMS(leftovers_go_behind_the_answer_however_many),
    };

    return RUN_TESTS(tests);
}
