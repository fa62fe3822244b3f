/* Deployments that run: their order, their failures, their ends. */
#include "unit/deploy/deploying.h"

#define VM_RESOURCE(MORE) RESOURCE("Microsoft.Compute/virtualMachines", "vm", MORE)

/* ---- refusals ---- */

static void what_is_no_deployment_is_refused_before_anything_is_made(void **state)
{
    static const struct {
        const char *body;
        unsigned status;
        const char *code, *words;
    } cases[] = {
        {"", 400, "InvalidRequestContent", ""},
        {"{\"a\":}", 400, "InvalidRequestContent", " at line 1, column 6'."}, /* told once */
        {"{}", 400, "InvalidRequestContent", "properties"},
        {"{\"properties\":{}}", 400, "InvalidRequestContent", "template is missing"},
        {"{\"properties\":{\"templateLink\":{\"uri\":\"https://x\"}}}", 400, "InvalidContentLink",
         "not fetched"},
        {BODY_OF("\"parameter\":{\"p\":{\"value\":1}},", "", ""), 400, "InvalidRequestContent",
         "mean 'parameters'"},
        {BODY_OF("\"mod\":\"Complete\",", "", ""), 400, "InvalidRequestContent", "mean 'mode'"},
        {"{\"propertie\":{},\"properties\":{\"template\":{}}}", 400, "InvalidRequestContent",
         "mean 'properties'"},
        {BODY(RESOURCE("Microsoft.Compute/disks", "a", ",\"propertie\":{}")), 400,
         "InvalidTemplateDeployment", ""},
        {BODY_OF("\"mode\":\"Other\",", "", ""), 400, "InvalidRequestContent", "mode"},
        {BODY_OF("\"parameters\":[],", "", ""), 400, "InvalidRequestContent", "parameters"},
        {BODY_OF("", "\"parameters\":{\"p\":{\"type\":\"string\"}},", ""), 400, "InvalidTemplate",
         "'p'"},
        {BODY_OF("\"parameters\":{\"q\":{\"value\":1}},", "", ""), 400, "InvalidTemplate", "q"},
        {BODY(DISK_AFTER("a", "b") "," DISK_AFTER("b", "a")), 400, "InvalidTemplate", "ircular"},
        {BODY(RESOURCE("No.Such/things", "a", "")), 400, "InvalidTemplateDeployment", ""},
        {BODY(DISK_NAMED("a") ",{\"type\":\"Microsoft.Compute/disks\",\"apiVersion\":"
                              "\"2024-11-01\",\"name\":\"no-place\"}"),
         400, "InvalidTemplateDeployment", ""},
        {BODY(VM_RESOURCE(",\"properties\":{\"securityProfile\":{\"securityType\":\"x\"}}")), 400,
         "InvalidTemplateDeployment", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ask(&m, HTTP_PUT, D, cases[i].body);
        if (m.answer.status != cases[i].status || strcmp(m.answer.code, cases[i].code) != 0) {
            fail_msg("%s: %u %s %s", cases[i].body, m.answer.status, m.answer.code,
                     m.answer.message);
        }
        assert_says(&m, cases[i].words);
    }
    refused(HTTP_GET, D, NULL, 404, "DeploymentNotFound");
    assert_false(is_made(DISK("a")));
    refused(HTTP_PUT, DEPLOYMENTS "bad%20name", BODY(""), 400, "InvalidParameter");
    refused(HTTP_PUT, DEPLOYMENTS "a%40b", BODY(""), 400, "DeploymentNameInvalid");
    refused(HTTP_PUT, SUB "/resourceGroups/none/providers/Microsoft.Resources/deployments/d",
            BODY(""), 404, "ResourceGroupNotFound");
    refused(HTTP_POST, D "/cancel", NULL, 404, "DeploymentNotFound");
    refused(HTTP_POST, D "/exportTemplate", NULL, 404, "DeploymentNotFound");
    refused(HTTP_GET, D "/operations", NULL, 404, "DeploymentNotFound");
}

/* A role at one machine is none to deploy beside it. */
static void a_deployment_stands_in_a_group(void **state)
{
    (void)state;
    put_ok(VM, VM_WITH(""));
    refused(HTTP_PUT, VM "/providers/Microsoft.Resources/deployments/d", BODY(DISK_NAMED("a")), 404,
            "InvalidResourceType");
    refused(HTTP_PUT, SUB "/providers/Microsoft.Resources/deployments/d", BODY(DISK_NAMED("a")),
            400, "DeploymentScopeNotSupported");
    assert_says(&m, "az deployment group create");
    refused(HTTP_POST, SUB "/providers/Microsoft.Resources/deployments/d/validate",
            BODY(DISK_NAMED("a")), 400, "DeploymentScopeNotSupported");
    refused(HTTP_POST, SUB "/providers/Microsoft.Resources/deployments/d/whatIf",
            BODY(DISK_NAMED("a")), 400, "DeploymentScopeNotSupported");
    assert_false(is_made(DISK("a")));
}

static bool may_no_disks(const char *action, const char *scope)
{
    (void)scope;
    return strcmp(action, "Microsoft.Compute/disks/write") != 0 &&
           strcmp(action, "Microsoft.Compute/disks/delete") != 0 &&
           strcmp(action, "Microsoft.Compute/virtualMachines/read") != 0;
}

static void nobody_deploys_what_they_may_not_make(void **state)
{
    (void)state;
    m.may = may_no_disks;
    refused(HTTP_PUT, D, BODY(DISK_NAMED("a")), 400, "InvalidTemplateDeployment");
    assert_string_equal(
        yyjson_mut_get_str(body_get(yyjson_mut_arr_get(m.answer.details, 0), "code")),
        "AuthorizationFailed");
    m.may = NULL;
    put_ok(DISK("a"), VM_WITH(""));
    m.may = may_no_disks;
    deploy(D, COMPLETE(""), "Failed"); /* nor deletes what they may not delete */
    assert_text(&m, "properties.error.details.0.code", "AuthorizationFailed");
    assert_true(is_made(DISK("a")));
    /* Nor reads by reference(). */
    m.may = NULL;
    put_ok(VM, VM_WITH(""));
    m.may = may_no_disks;
    deploy(D,
           BODY_OF("",
                   "\"outputs\":{\"o\":{\"type\":\"string\",\"value\":\"[reference(resourceId("
                   "'Microsoft.Compute/virtualMachines','vm'),'2024-11-01').vmId]\"}},",
                   ""),
           "Failed");
    ask(&m, HTTP_POST, D "/whatIf", BODY(""));
    assert_answer(&m, 200, NULL);
    assert_null(strstr((const char *)m.answer.body.data, "vmId"));
}

/* ---- order ---- */

static void resources_are_made_after_what_they_depend_on(void **state)
{
    (void)state;
    deploy(
        D,
        BODY(DISK_AFTER("c", "b") "," DISK_AFTER("b", "a") "," DISK_NAMED("a") "," RESOURCE(
            "Microsoft.Compute/virtualMachines", "vm",
            ",\"properties\":{" TRUSTED "},\"resources\":[{\"type\":\"extensions\",\"apiVersion\":"
            "\"2024-11-01\",\"name\":\"GuestAttestation\",\"location\":\"westus\",\"dependsOn\":["
            "\"[resourceId('Microsoft.Compute/virtualMachines','vm')]\"],\"properties\":{"
            "\"publisher\":\"Microsoft.Azure.Security.LinuxAttestation\",\"type\":"
            "\"GuestAttestation\",\"typeHandlerVersion\":\"1.0\"}}]")),
        "Succeeded");
    assert_int_equal(yyjson_arr_size(member(&m, "properties.outputResources")), 5);
    assert_int_equal(yyjson_arr_size(member(&m, "properties.dependencies")), 3);
    assert_true(is_made(DISK("c")));
    assert_true(is_made(EXTENSION));
    assert_string_equal(operation_state_of(D, "a"), "Succeeded");
    assert_string_equal(operation_state_of(D, "c"), "Succeeded");
    ask(&m, HTTP_GET, SUB "/resourcegroups/g/deployments/d/operations/0000000000000001", NULL);
    assert_answer(&m, 200, NULL);
    assert_text(&m, "properties.targetResource.resourceType", "Microsoft.Compute/disks");
}

static void many_are_made_at_the_same_time(void **state)
{
    size_t pages;

    (void)state;
    deploy(D,
           BODY("{\"type\":\"Microsoft.Compute/disks\",\"apiVersion\":\"2024-11-01\",\"name\":"
                "\"[concat('d',copyIndex())]\",\"location\":\"westus\",\"copy\":{\"name\":\"loop\","
                "\"count\":200},\"properties\":{}}," RESOURCE("Microsoft.Compute/disks", "last",
                                                              ",\"dependsOn\":[\"loop\"]")),
           "Succeeded");
    assert_int_equal(count_pages(&m, COMPUTE "disks", 1000, &pages), 201);
    assert_int_equal(yyjson_arr_size(member(&m, "value")), 201);
}

/* ---- failure ---- */

/* Known only when it is made: an extension for a machine without a vTPM. */
#define BAD_EXTENSION                                                                              \
    RESOURCE("Microsoft.Compute/virtualMachines/extensions", "vm/GuestAttestation",                \
             ",\"dependsOn\":[\"[resourceId('Microsoft.Compute/virtualMachines','vm')]\"],"        \
             "\"properties\":{\"publisher\":\"Microsoft.Azure.Security.LinuxAttestation\","        \
             "\"type\":\"GuestAttestation\",\"typeHandlerVersion\":\"1.0\"}")

static void a_failure_leaves_the_rest_undone_and_is_recorded(void **state)
{
    (void)state;
    deploy(D,
           BODY(VM_RESOURCE(",\"properties\":{}") "," BAD_EXTENSION "," RESOURCE(
               "Microsoft.Compute/disks", "after",
               ",\"dependsOn\":[\"[resourceId('Microsoft.Compute/virtualMachines/extensions','vm',"
               "'GuestAttestation')]\"]")),
           "Failed");
    assert_text(&m, "properties.error.code", "DeploymentFailed");
    assert_text(&m, "properties.error.details.0.code", "OperationNotAllowed");
    assert_true(strstr(text_at(&m, "properties.error.details.0.target"), "GuestAttestation") !=
                NULL);
    assert_int_equal(yyjson_arr_size(member(&m, "properties.outputResources")), 1);
    assert_true(is_made(VM));
    assert_false(is_made(EXTENSION));
    assert_false(is_made(DISK("after")));
    assert_string_equal(operation_state_of(D, "vm"), "Succeeded");
    assert_string_equal(operation_state_of(D, "vm/GuestAttestation"), "Failed");
    assert_string_equal(operation_state_of(D, "after"), ""); /* it was never begun */
    /* Mended and sent again, it goes on from what is there. */
    deploy(D, BODY(VM_RESOURCE(",\"properties\":{}") "," DISK_NAMED("after")), "Succeeded");
    assert_null(member(&m, "properties.error"));
    assert_string_equal(operation_state_of(D, "vm/GuestAttestation"), "");
}

static void an_output_that_cannot_be_made_fails_the_deployment(void **state)
{
    (void)state;
    deploy(D,
           BODY_OF("",
                   "\"outputs\":{\"o\":{\"type\":\"string\",\"value\":\"[reference(resourceId("
                   "'Microsoft.Compute/disks','none'),'2024-11-01').x]\"}},",
                   DISK_NAMED("a")),
           "Failed");
    assert_true(is_made(DISK("a")));
}

/* ---- at the same time ---- */

static void one_that_runs_is_not_replaced_and_can_be_canceled(void **state)
{
    size_t pages, n;

    (void)state;
    start_deployment(D, BODY(CHAIN));
    refused(HTTP_PUT, D, BODY(""), 409, "DeploymentActive");
    refused(HTTP_DELETE, D, NULL, 409, "DeploymentActive");
    ask(&m, HTTP_POST, D "/cancel", NULL);
    assert_answer(&m, 204, NULL);
    wait_for_end(D);
    assert_text(&m, "properties.provisioningState", "Canceled");
    assert_text(&m, "properties.error.code", "DeploymentCanceled");
    n = count_pages(&m, COMPUTE "disks", 1000, &pages);
    assert_true(n < 300);
    refused(HTTP_POST, D "/cancel", NULL, 409, "DeploymentCannotBeCancelled");
    assert_int_equal(count_pages(&m, COMPUTE "disks", 1000, &pages), n); /* and no more came */
    deploy(D, BODY(DISK_NAMED("a")), "Succeeded");
    ask(&m, HTTP_DELETE, D, NULL);
    assert_answer(&m, 200, NULL);
    assert_true(is_made(DISK("a"))); /* what it made stays */
}

static void a_group_that_goes_ends_what_deploys_into_it(void **state)
{
    (void)state;
    start_deployment(D, BODY(CHAIN));
    ask(&m, HTTP_DELETE, GROUP, NULL);
    assert_answer(&m, 202, NULL);
    follow_location(&m);
    assert_answer(&m, 200, NULL);
    ask(&m, HTTP_GET, SUB "/resources", NULL);
    assert_int_equal(yyjson_arr_size(member(&m, "value")), 0);
    put_ok(GROUP, "{\"location\":\"westus\"}");
    for (int i = 0; i < 10; i++) {
        ask(&m, HTTP_GET, SUB "/resources", NULL);
        assert_int_equal(yyjson_arr_size(member(&m, "value")), 0);
        refused(HTTP_GET, D, NULL, 404, "DeploymentNotFound");
        pause_ms(10);
    }
}

static void an_operation_is_asked_for_at_its_own_deployment(void **state)
{
    const char *id;

    (void)state;
    start_deployment(D, BODY(""));
    id = kept(m.answer.operation);
    wait_for_end(D);
    deploy(DEPLOYMENTS "other", BODY(""), "Succeeded");
    ask(&m, HTTP_GET,
        kept(arena_printf(m.arena, DEPLOYMENTS "other/operationStatuses/%.36s",
                          strstr(id, "/operationStatuses/") + strlen("/operationStatuses/"))),
        NULL);
    assert_answer(&m, 404, "OperationNotFound");
}

/* Roles that are taken while it runs count from the next resource on. */
static void who_may_no_more_deploys_no_further(void **state)
{
    size_t pages, n;

    (void)state;
    start_deployment(D, BODY(CHAIN));
    while (!is_made(DISK("d3"))) {
        pause_ms(1);
    }
    m.may = may_no_disks;
    wait_for_end(D);
    assert_text(&m, "properties.provisioningState", "Failed");
    assert_text(&m, "properties.error.details.0.code", "AuthorizationFailed");
    n = count_pages(&m, COMPUTE "disks", 1000, &pages);
    assert_true(n >= 4 && n < 300);
}

/* ---- after a stop ---- */

static void one_that_ran_at_a_stop_says_so_after_the_start(void **state)
{
    const char *status;
    size_t pages, n;
    struct trail trail = {0};

    (void)state;
    start_deployment(D, BODY(CHAIN));
    status = link_of(m.answer.operation);
    manager_stop(&m);
    manager_start(&m);
    assert_ok(deploy_resume(m.control, m.now, &trail));
    ask(&m, HTTP_GET, D, NULL);
    assert_answer(&m, 200, NULL);
    if (strcmp(text_at(&m, "properties.provisioningState"), "Failed") != 0) {
        fail_msg("%s", text_at(&m, "properties.provisioningState"));
    }
    assert_true(text_at(&m, "properties.error.message")[0] != '\0');
    ask(&m, HTTP_GET, status, NULL);
    assert_text(&m, "status", "Failed");
    n = count_pages(&m, COMPUTE "disks", 1000, &pages);
    assert_true(n < 300);
    pause_ms(50);
    assert_int_equal(count_pages(&m, COMPUTE "disks", 1000, &pages), n); /* nothing goes on */
    /* None of its operations says that it still runs. */
    ask(&m, HTTP_GET, D "/operations", NULL);
    for (size_t i = 0; i < yyjson_arr_size(member(&m, "value")); i++) {
        assert_string_not_equal(yyjson_get_str(member_of(yyjson_arr_get(member(&m, "value"), i),
                                                         "properties.provisioningState")),
                                "Running");
    }
    deploy(D, BODY(DISK_NAMED("d0")), "Succeeded");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_VMS(what_is_no_deployment_is_refused_before_anything_is_made),
        WITH_VMS(a_deployment_stands_in_a_group),
        WITH_VMS(nobody_deploys_what_they_may_not_make),
        WITH_VMS(resources_are_made_after_what_they_depend_on),
        WITH_VMS(many_are_made_at_the_same_time),
        WITH_VMS(a_failure_leaves_the_rest_undone_and_is_recorded),
        WITH_VMS(an_output_that_cannot_be_made_fails_the_deployment),
        WITH_VMS(one_that_runs_is_not_replaced_and_can_be_canceled),
        WITH_VMS(a_group_that_goes_ends_what_deploys_into_it),
        WITH_VMS(an_operation_is_asked_for_at_its_own_deployment),
        WITH_VMS(who_may_no_more_deploys_no_further),
        WITH_VMS(one_that_ran_at_a_stop_says_so_after_the_start),
    };

    return RUN_TESTS(tests);
}
