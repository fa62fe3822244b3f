/* Deployments in deployments: how deep, how large, how many at a time, and how they are canceled.
 */
#include "unit/deploy/deploying.h"
#include "unit/deploy/holding.h"

#include "deploy/internal.h"

#define INNER(NAME, RESOURCES) NESTED(NAME, "inner", "", "\"resources\":[" RESOURCES "]")

static size_t n_disks(void)
{
    size_t pages;

    return count_pages(&m, COMPUTE "disks", 1000, &pages);
}

/* ---- how deep ---- */

#define DEEP_3(R) INNER("n3", INNER("n2", INNER("n1", R)))

static void nesting_has_an_end(void **state)
{
    static const char at_most[] =
        BODY(INNER("n5", INNER("n4", DEEP_3(DISK_NAMED("a")))) "," DISK_NAMED("b"));
    static const char too_deep[] =
        BODY(INNER("n6", INNER("n5", INNER("n4", DEEP_3("")))) "," DISK_NAMED("c"));

    (void)state;
    deploy(D, at_most, "Succeeded");
    assert_true(is_made(DISK("a")));
    refused(HTTP_PUT, DEPLOYMENTS "e", too_deep, 400, "InvalidTemplate");
    assert_says(&m, "nested at most 5 levels");
    validate_tells(DEPLOYMENTS "e", too_deep, "InvalidTemplate");
    what_if_tells(DEPLOYMENTS "e", too_deep, "InvalidTemplate");
    refused(HTTP_GET, DEPLOYMENTS "e", NULL, 404, "DeploymentNotFound");
    assert_false(is_made(DISK("c")));
}

/* A template that came as a value shows how deep it is when its turn comes. */
static void a_template_from_a_parameter_is_measured_when_it_is_known(void **state)
{
    (void)state;
    deploy(
        D,
        BODY_OF("\"parameters\":{\"t\":{\"value\":{\"$schema\":\"https://schema.management.azure."
                "com/schemas/2019-04-01/deploymentTemplate.json#\",\"contentVersion\":\"1.0.0.0\","
                "\"resources\":[" INNER("n5", INNER("n4", DEEP_3(""))) "," DISK_NAMED("a") "]}}},",
                "\"parameters\":{\"t\":{\"type\":\"object\"}},",
                "{\"type\":\"Microsoft.Resources/deployments\",\"apiVersion\":\"2021-04-01\","
                "\"name\":\"n6\",\"properties\":{\"mode\":\"Incremental\",\"template\":"
                "\"[parameters('t')]\"}}"),
        "Failed");
    assert_text(&m, "properties.error.details.0.code", "InvalidTemplate");
    assert_non_null(strstr(text_at(&m, "properties.error.details.0.message"), "5 levels"));
    assert_false(is_made(DISK("a")));
}

/* ---- how large ---- */

#define LOOP(COUNT) ",\"copy\":{\"name\":\"l\",\"count\":" COUNT "}"
#define DISKS(COUNT)                                                                               \
    RESOURCE("Microsoft.Compute/disks", "[concat(deployment().name,'-',copyIndex())]",             \
             ",\"properties\":{}" LOOP(COUNT))
#define MANY(OUTER, DISKS_OF_EACH)                                                                 \
    "{\"type\":\"Microsoft.Resources/deployments\",\"apiVersion\":\"2021-04-01\",\"name\":"        \
    "\"[concat('n',copyIndex())]\"" LOOP(                                                          \
        OUTER) ",\"properties\":{\"mode\":\"Incremental\","                                        \
               "\"expressionEvaluationOptions\":{\"scope\":\"inner\"},\"template\":{\"$schema\":"  \
               "\"https://schema.management.azure.com/schemas/2019-04-01/"                         \
               "deploymentTemplate.json#\","                                                       \
               "\"contentVersion\":\"1.0.0.0\",\"parameters\":{\"n\":{\"type\":\"int\","           \
               "\"defaultValue\":"                                                                 \
               "150}},\"resources\":[" DISKS_OF_EACH "]}}}"

static void all_that_is_nested_counts_together(void **state)
{
    (void)state;
    refused(HTTP_PUT, D, BODY(MANY("30", DISKS("30"))), 400, "InvalidTemplate");
    assert_says(&m, "800");
    assert_int_equal(n_disks(), 0);
    /* A count that is known late is counted late: five of these are 755, six are too many. */
    deploy(D, BODY(MANY("8", DISKS("\"[parameters('n')]\""))), "Failed");
    assert_text(&m, "properties.error.details.0.code", "InvalidTemplate");
    assert_non_null(strstr(text_at(&m, "properties.error.details.0.message"), "800"));
    assert_true(n_disks() <= DEPLOY_TREE_MAX);
    deploy(D, BODY(MANY("3", DISKS("20"))), "Succeeded");
}

/* ---- how many at a time ---- */

static const char *numbered(const char *name, int number)
{
    return kept(arena_printf(m.arena, DEPLOYMENTS "%s%d", name, number));
}

/* A place is free a moment after the end is told. */
static void deploy_soon(const char *target, const char *body)
{
    for (int i = 0; i < WAIT_STEPS; i++) {
        ask(&m, HTTP_PUT, target, body);
        if (m.answer.status != 429 && m.answer.status != 503) {
            break;
        }
        pause_ms(WAIT_STEP_MS);
    }
    assert_answer(&m, 201, NULL);
    wait_for_end(target);
    assert_text(&m, "properties.provisioningState", "Succeeded");
}

#define OTHER_D OTHER_SUB "/resourceGroups/g/providers/Microsoft.Resources/deployments/d"

static void a_subscription_has_so_many_at_a_time(void **state)
{
    (void)state;
    hold_all();
    for (int i = 0; i < DEPLOY_RUNS_MAX; i++) {
        start_deployment(numbered("run", i), BODY(DISK_NAMED("a")));
    }
    refused(HTTP_PUT, D, BODY(""), 429, "TooManyRequests");
    assert_true(m.answer.retry_after_s > 0);
    refused(HTTP_GET, D, NULL, 404, "DeploymentNotFound"); /* nothing is written about it */
    /* Others are served. */
    put_ok(OTHER_SUB "/resourceGroups/g", "{\"location\":\"westus\"}");
    start_deployment(OTHER_D, BODY(DISK_NAMED("a")));
    let_go();
    wait_for_end(OTHER_D);
    assert_text(&m, "properties.provisioningState", "Succeeded");
    for (int i = 0; i < DEPLOY_RUNS_MAX; i++) {
        wait_for_end(numbered("run", i));
        assert_text(&m, "properties.provisioningState", "Succeeded");
    }
    deploy_soon(D, BODY(DISK_NAMED("a")));
}

/* Three times 20 want to run, 32 may: none fails for that. */
static void nested_ones_wait_for_a_place(void **state)
{
    static const char *const bodies[] = {
        BODY(MANY("20", DISKS("3"))),
        BODY(MANY("20", DISKS("2"))),
        BODY(MANY("20", DISKS("1"))),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        const char *group = kept(arena_printf(m.arena, SUB "/resourceGroups/g%zu", i));

        put_ok(group, "{\"location\":\"westus\"}");
        start_deployment(
            kept(arena_printf(m.arena, "%s/providers/Microsoft.Resources/deployments/d", group)),
            bodies[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        wait_for_end(kept(arena_printf(
            m.arena, SUB "/resourceGroups/g%zu/providers/Microsoft.Resources/deployments/d", i)));
        assert_text(&m, "properties.provisioningState", "Succeeded");
    }
}

/* ---- how much memory ---- */

/* A variable of 40 megabytes that is needed to read it. */
#define LARGE                                                                                      \
    BODY_OF("",                                                                                    \
            "\"variables\":{\"copy\":[{\"name\":\"v\",\"count\":40,\"input\":"                     \
            "\"[padLeft(string(copyIndex('v')),1000000)]\"}]},",                                   \
            DISK_NAMED("[concat('x',length(variables('v')))]"))

static void what_runs_has_so_much_memory(void **state)
{
    int n = 0;

    (void)state;
    put_ok(OTHER_SUB "/resourceGroups/g", "{\"location\":\"westus\"}");
    hold_all();
    do {
        ask(&m, HTTP_PUT, numbered("run", n), LARGE);
    } while (m.answer.status == 201 && ++n < DEPLOY_RUNS_MAX);
    assert_answer(&m, 503, "ServiceUnavailable");
    assert_true(m.answer.retry_after_s > 0);
    assert_says(&m, "memory");
    assert_in_range(n, 2, DEPLOY_RUNS_MAX - 1);
    refused(HTTP_GET, numbered("run", n), NULL, 404, "DeploymentNotFound");
    start_deployment(D, BODY(DISK_NAMED("a"))); /* small ones go on, and others' */
    start_deployment(OTHER_D, LARGE);
    let_go();
    wait_for_end(OTHER_D);
    assert_text(&m, "properties.provisioningState", "Succeeded");
    wait_for_end(D);
    assert_text(&m, "properties.provisioningState", "Succeeded");
    for (int i = 0; i < n; i++) {
        wait_for_end(numbered("run", i));
        assert_text(&m, "properties.provisioningState", "Succeeded");
    }
    deploy_soon(numbered("run", n), LARGE);
}

#define LARGE_INNER                                                                                \
    NESTED("inner", "inner", "",                                                                   \
           "\"variables\":{\"copy\":[{\"name\":\"v\",\"count\":40,\"input\":"                      \
           "\"[padLeft(string(copyIndex('v')),1000000)]\"}]},\"resources\":[" DISK_NAMED(          \
               "[concat('x',length(variables('v')))]") "]")

/* Holds its memory for longer than it takes to read another. */
#define LARGE_AND_LONG                                                                             \
    BODY_OF("",                                                                                    \
            "\"variables\":{\"copy\":[{\"name\":\"v\",\"count\":40,\"input\":"                     \
            "\"[padLeft(string(copyIndex('v')),1000000)]\"}]},",                                   \
            DISK_NAMED("[concat('x',length(variables('v')))]") "," CHAIN_OF("f", "200"))

static void nested_ones_wait_for_memory(void **state)
{
    int n = 0;

    (void)state;
    hold_all();
    start_deployment(D, BODY(LARGE_INNER));
    do {
        ask(&m, HTTP_PUT, numbered("run", n), LARGE_AND_LONG);
    } while (m.answer.status == 201 && ++n < DEPLOY_RUNS_MAX);
    assert_answer(&m, 503, "ServiceUnavailable");
    let_go();
    wait_for_end(D);
    assert_text(&m, "properties.provisioningState", "Succeeded");
}

/* ---- how they are canceled ---- */

static void canceling_one_cancels_what_is_nested_in_it(void **state)
{
    size_t n;

    (void)state;
    start_deployment(D, BODY(INNER("outer", INNER("inner", CHAIN))));
    while (!is_made(DISK("d1"))) {
        pause_ms(1);
    }
    ask(&m, HTTP_POST, D "/cancel", NULL);
    assert_answer(&m, 204, NULL);
    wait_for_end(DEPLOYMENTS "inner");
    assert_text(&m, "properties.provisioningState", "Canceled");
    wait_for_end(DEPLOYMENTS "outer");
    assert_text(&m, "properties.provisioningState", "Canceled");
    wait_for_end(D);
    assert_text(&m, "properties.provisioningState", "Canceled");
    n = n_disks();
    assert_true(n < 300);
    pause_ms(50);
    assert_int_equal(n_disks(), n); /* and no more came */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_VMS(nesting_has_an_end),
        WITH_VMS(a_template_from_a_parameter_is_measured_when_it_is_known),
        WITH_VMS(all_that_is_nested_counts_together),
        WITH_VMS(a_subscription_has_so_many_at_a_time),
        WITH_VMS(nested_ones_wait_for_a_place),
        WITH_VMS(what_runs_has_so_much_memory),
        WITH_VMS(nested_ones_wait_for_memory),
        WITH_VMS(canceling_one_cancels_what_is_nested_in_it),
    };

    return RUN_TESTS(tests);
}
