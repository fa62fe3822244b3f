/* Modes, nested deployments, what a deployment would change, and secrets that go through it. */
#include "unit/control/told.h"
#include "unit/deploy/deploying.h"

/* ---- secrets ---- */

#define SECURE                                                                                     \
    "\"parameters\":{\"password\":{\"type\":\"secureString\"},\"size\":{\"type\":\"string\"}},"
#define VALUES                                                                                     \
    "\"parameters\":{\"password\":{\"value\":\"s3cr3t-7\"},\"size\":{\"value\":\"Standard_B1s\"}}" \
    ","
#define VM_WITH_PASSWORD                                                                           \
    RESOURCE("Microsoft.Compute/virtualMachines", "vm",                                            \
             ",\"properties\":{\"hardwareProfile\":{\"vmSize\":\"[parameters('size')]\"},"         \
             "\"osProfile\":{\"adminUsername\":\"me\",\"adminPassword\":"                          \
             "\"[parameters('password')]\",\"customData\":"                                        \
             "\"[base64(concat('password=',parameters('password')))]\"}}")

static void assert_no_secret(void)
{
    /* Also as base64, at all three offsets that it can have. */
    static const char *const forms[] = {"s3cr3t-7", "czNjcjN0LT", "MzY3IzdC0", "zM2NyM3Qt"};

    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (is_in_store(forms[i])) {
            fail_msg("%s is in the store", forms[i]);
        }
    }
}

static void secure_parameters_are_kept_nowhere(void **state)
{
    (void)state;
    deploy(D, BODY_OF(VALUES, SECURE, VM_WITH_PASSWORD), "Succeeded");
    assert_text(&m, "properties.parameters.password.type", "SecureString");
    assert_null(member(&m, "properties.parameters.password.value"));
    assert_text(&m, "properties.parameters.size.value", "Standard_B1s");
    ask(&m, HTTP_POST, D "/exportTemplate", NULL);
    assert_answer(&m, 200, NULL);
    assert_null(strstr((const char *)m.answer.body.data, "s3cr3t"));
    ask(&m, HTTP_POST, D "/whatIf", BODY_OF(VALUES, SECURE, VM_WITH_PASSWORD));
    assert_answer(&m, 200, NULL);
    assert_null(strstr((const char *)m.answer.body.data, "s3cr3t"));
    ask(&m, HTTP_POST, D "/validate", BODY_OF(VALUES, SECURE, VM_WITH_PASSWORD));
    assert_answer(&m, 200, NULL);
    assert_null(strstr((const char *)m.answer.body.data, "s3cr3t"));
    assert_true(is_in_store("Standard_B1s")); /* so the look is no blind one */
    assert_no_secret();
}

static void nor_are_those_of_nested_deployments(void **state)
{
    (void)state;
    deploy(D,
           BODY_OF(VALUES, SECURE,
                   NESTED("inner", "inner",
                          "\"parameters\":{\"password\":{\"value\":\"[parameters('password')]\"},"
                          "\"size\":{\"value\":\"[parameters('size')]\"}},",
                          SECURE "\"resources\":[" VM_WITH_PASSWORD "]")),
           "Succeeded");
    assert_true(is_made(VM));
    ask(&m, HTTP_GET, DEPLOYMENTS "inner", NULL);
    assert_answer(&m, 200, NULL);
    /* Of scope outer its template has the values themselves when it comes. */
    deploy(D,
           BODY_OF(VALUES, SECURE,
                   NESTED("outer", "outer", "", "\"resources\":[" VM_WITH_PASSWORD "]")),
           "Succeeded");
    ask(&m, HTTP_GET, DEPLOYMENTS "outer", NULL);
    assert_answer(&m, 200, NULL);
    assert_no_secret();
}

#define TOKEN "bwj_0123456789abcdefghij"
#define DATA_PARAMETER "\"parameters\":{\"data\":{\"type\":\"string\"}},"
#define DATA_VALUE                                                                                 \
    "\"parameters\":{\"data\":{\"value\":\"#cloud-config\\nbootwarden-join-token: " TOKEN "\"}},"
#define DATA_OUTPUTS                                                                               \
    "\"variables\":{\"v\":\"" TOKEN "\"},\"outputs\":{\"o\":{\"type\":\"string\",\"value\":\"["    \
    "parameters('data')]\"},\"b\":{\"type\":"                                                      \
    "\"string\",\"value\":\"[base64(parameters('data'))]\"}},"
#define VM_WITH_TOKEN                                                                              \
    RESOURCE("Microsoft.Compute/virtualMachines", "vm",                                            \
             ",\"properties\":{\"osProfile\":{\"customData\":\"[base64(parameters('data'))]\"}}")
#define VM_OF_TOKEN                                                                                \
    RESOURCE("Microsoft.Compute/virtualMachines", "vm2",                                           \
             ",\"dependsOn\":[\"[resourceId('Microsoft.Compute/virtualMachines','vm')]\"],"        \
             "\"properties\":{\"securityProfile\":{\"securityType\":\"[parameters('data')]\"}}")
#define IN_BASE64 "Ym9vdHdhcmRlbi1qb2luLXRva2VuOiBid2p" /* of "bootwarden-join-token: bwj" */

static void assert_told_no_token(enum http_method method, const char *target, const char *body)
{
    ask(&m, method, target, body);
    assert_true(m.answer.code == NULL);
    assert_non_null(m.answer.body.data);
    assert_null(strstr((const char *)m.answer.body.data, TOKEN));
}

/* A join token that stands in a template or a parameter reaches its guest, and nobody who reads. */
static void join_tokens_are_kept_nowhere(void **state)
{
    static const char body[] = BODY_OF(DATA_VALUE, DATA_PARAMETER DATA_OUTPUTS, VM_WITH_TOKEN);
    static const char nested[] = BODY_OF(
        DATA_VALUE, DATA_PARAMETER,
        NESTED("inner", "inner", "\"parameters\":{\"data\":{\"value\":\"[parameters('data')]\"}},",
               DATA_PARAMETER DATA_OUTPUTS "\"resources\":[" VM_WITH_TOKEN "," VM_OF_TOKEN "]"));
    struct store_announced announced;
    uint8_t digest[HASH_MAX_BYTES];

    (void)state;
    assert_told_no_token(HTTP_POST, D "/validate", body);
    assert_told_no_token(HTTP_POST, D "/whatIf", body);
    assert_told_no_token(HTTP_PUT, D, body);
    wait_for_end(D);
    assert_text(&m, "properties.provisioningState", "Succeeded");
    assert_text(&m, "properties.outputs.o.value",
                "#cloud-config\nbootwarden-join-token: ************************");
    assert_told_no_token(HTTP_GET, D, NULL);
    assert_told_no_token(HTTP_POST, D "/exportTemplate", NULL);
    assert_text(&m, "template.variables.v", "************************");
    assert_ok(store_announced_by_machine(store, vm_id(VM), NULL, &announced));
    assert_ok(hasher_once(m.hasher, HASH_SHA256, span_str(TOKEN), digest));
    assert_memory_equal(announced.token_digest, digest, STORE_DIGEST_BYTES);
    deploy(D, nested, "Failed");
    assert_told_no_token(HTTP_GET, DEPLOYMENTS "inner/operations", NULL);
    assert_false(is_in_store(TOKEN));
    assert_false(is_in_store(IN_BASE64));
}

/* ---- modes ---- */

static void complete_takes_what_is_not_in_the_template(void **state)
{
    (void)state;
    put_ok(VM, VM_WITH(TRUSTED));
    put_ok(EXTENSION, LINUX_EXTENSION);
    put_ok(DISK("old"), VM_WITH(""));
    put_ok(DISK("older"), VM_WITH(""));
    deploy(D, BODY(RESOURCE("Microsoft.Compute/virtualMachines", "vm", ",\"properties\":{}")),
           "Succeeded");
    assert_true(is_made(DISK("old")));
    /* A failure takes nothing. */
    deploy(
        D,
        COMPLETE(
            RESOURCE("Microsoft.Compute/virtualMachines", "vm", ",\"properties\":{}") "," RESOURCE(
                "Microsoft.Compute/virtualMachines/extensions", "vm/second",
                ",\"dependsOn\":[\"[resourceId('Microsoft.Compute/virtualMachines','vm')]\"],"
                "\"properties\":{\"publisher\":\"x\",\"type\":\"y\",\"typeHandlerVersion\":\"1."
                "0\"}")),
        "Failed");
    assert_true(is_made(DISK("old")));
    deploy(D,
           COMPLETE(RESOURCE("microsoft.compute/VIRTUALMACHINES", "VM",
                             ",\"properties\":{}") "," DISK_NAMED("new")),
           "Succeeded");
    assert_false(is_made(DISK("old")));
    assert_false(is_made(DISK("older")));
    assert_true(is_made(DISK("new")));
    assert_true(is_made(VM));
    assert_true(is_made(EXTENSION)); /* a part of what stays */
    deploy(D, COMPLETE(""), "Succeeded");
    assert_false(is_made(VM));
    assert_true(is_made(D));
}

/* ---- nested ---- */

static void a_nested_deployment_ends_before_what_depends_on_it(void **state)
{
    (void)state;
    deploy(D,
           BODY(NESTED("inner", "outer", "",
                       "\"resources\":[" DISK_NAMED("a") "],\"outputs\":{\"o\":{"
                                                         "\"type\":\"string\",\"value\":\"hello\"}"
                                                         "}") "," RESOURCE("Microsoft.Compute/"
                                                                           "disks",
                                                                           "b",
                                                                           ",\"dependsOn\":["
                                                                           "\"inner\"],\"tags\":{"
                                                                           "\"o\":\"[reference('"
                                                                           "inner').outputs.o."
                                                                           "value]\"}")),
           "Succeeded");
    assert_true(is_made(DISK("a")));
    ask(&m, HTTP_GET, DISK("b"), NULL);
    assert_text(&m, "tags.o", "hello");
    ask(&m, HTTP_GET, DEPLOYMENTS "inner", NULL);
    assert_text(&m, "properties.provisioningState", "Succeeded");
}

static void a_nested_failure_is_the_outer_ones_too(void **state)
{
    (void)state;
    deploy(
        D,
        BODY(NESTED("inner", "outer", "",
                    "\"resources\":[" RESOURCE("No.Such/things", "x",
                                               "") "]") "," RESOURCE("Microsoft.Compute/disks", "b",
                                                                     ",\"dependsOn\":[\"inner\"]")),
        "Failed");
    assert_text(&m, "properties.error.details.0.code", "InvalidTemplateDeployment");
    assert_false(is_made(DISK("b")));
}

/* ---- what it would change ---- */

/* Of changes: the type of the one about this id. */
static yyjson_val *change_of(const char *id)
{
    yyjson_val *list = member(&m, "properties.changes");

    for (size_t i = 0; i < yyjson_arr_size(list); i++) {
        const char *got = yyjson_get_str(member_of(yyjson_arr_get(list, i), "resourceId"));

        if (got != NULL && text_equal_nocase(got, id)) {
            return yyjson_arr_get(list, i);
        }
    }
    return NULL;
}

static void assert_change(const char *id, const char *type)
{
    const char *got = yyjson_get_str(member_of(change_of(id), "changeType"));

    assert_string_equal(got == NULL ? "" : got, type);
}

#define ADDRESS(PROPERTIES)                                                                        \
    RESOURCE("Microsoft.Network/publicIPAddresses", "ip", ",\"properties\":{" PROPERTIES "}")
#define IP GROUP "/providers/Microsoft.Network/publicIPAddresses/ip"

static void what_if_tells_each_difference_and_changes_nothing(void **state)
{
    yyjson_val *delta;

    (void)state;
    put_ok(DISK("same"), VM_WITH(""));
    put_ok(DISK("other"), VM_WITH(""));
    put_ok(IP, VM_WITH("\"a\":1,\"b\":{\"c\":\"x\"},\"list\":[1,2],\"gone\":true"));
    ask(&m, HTTP_POST, D "/whatIf",
        BODY(DISK_NAMED("same") "," DISK_NAMED("new") "," ADDRESS(
            "\"A\":1.0,\"b\":{\"c\":\"y\"},\"list\":[1,2,3],\"more\":{}") "," NESTED("inner",
                                                                                     "outer", "",
                                                                                     "\"resources\""
                                                                                     ":[]")));
    assert_answer(&m, 200, NULL);
    assert_text(&m, "status", "Succeeded");
    assert_change(DISK("same"), "NoChange");
    assert_change(DISK("new"), "Create");
    assert_change(DISK("other"), "Ignore");
    assert_change(DEPLOYMENTS "inner", "Deploy");
    assert_change(IP, "Modify");
    delta = member_of(change_of(IP), "delta");
    assert_int_equal(yyjson_arr_size(delta), 4); /* 1 and 1.0 are the same */
    assert_string_equal(yyjson_get_str(member_of(delta, "0.path")), "properties.b.c");
    assert_string_equal(yyjson_get_str(member_of(delta, "0.propertyChangeType")), "Modify");
    assert_string_equal(yyjson_get_str(member_of(delta, "0.before")), "x");
    assert_string_equal(yyjson_get_str(member_of(delta, "0.after")), "y");
    assert_string_equal(yyjson_get_str(member_of(delta, "1.propertyChangeType")), "Array");
    assert_string_equal(yyjson_get_str(member_of(delta, "1.children.0.path")), "2");
    assert_string_equal(yyjson_get_str(member_of(delta, "2.propertyChangeType")), "Create");
    assert_string_equal(yyjson_get_str(member_of(delta, "3.path")), "properties.gone");
    assert_string_equal(yyjson_get_str(member_of(delta, "3.propertyChangeType")), "Delete");
    refused(HTTP_GET, D, NULL, 404, "DeploymentNotFound");
    assert_false(is_made(DISK("new")));
    ask(&m, HTTP_POST, D "/whatIf",
        BODY_OF("\"mode\":\"Complete\",\"whatIfSettings\":{\"resultFormat\":\"ResourceIdOnly\"},",
                "", DISK_NAMED("same")));
    assert_answer(&m, 200, NULL);
    assert_change(DISK("other"), "Delete");
    assert_change(IP, "Delete");
    assert_null(member_of(change_of(IP), "before"));
    assert_true(is_made(IP));
}

/* What is beside the template is told as far as an answer can hold it, whatever its bodies take. */
static void what_if_of_a_large_group_is_told_or_refused_in_words(void **state)
{
    enum { LARGE = 60, FEW = 5, BYTES = 500000 };
    char *body = NULL, *filling = malloc(BYTES + 1);

    (void)state;
    assert_non_null(filling);
    memset(filling, 'x', BYTES);
    filling[BYTES] = '\0';
    assert_true(asprintf(&body, VM_WITH("\"a\":\"%s\""), filling) > 0);
    for (int i = 0; i < LARGE; i++) {
        if (i == FEW) {
            ask(&m, HTTP_POST, D "/whatIf", COMPLETE(DISK_NAMED("new")));
            assert_answer(&m, 200, NULL);
            assert_int_equal(yyjson_arr_size(member(&m, "properties.changes")), FEW + 1);
            assert_int_equal(
                yyjson_get_len(member_of(change_of(DISK("large4")), "before.properties.a")), BYTES);
        }
        put_ok(kept(arena_printf(m.arena, COMPUTE "disks/large%d", i)), body);
    }
    ask(&m, HTTP_POST, D "/whatIf",
        BODY_OF("\"mode\":\"Complete\",\"whatIfSettings\":{\"resultFormat\":\"ResourceIdOnly\"},",
                "", DISK_NAMED("new")));
    assert_answer(&m, 200, NULL);
    assert_int_equal(yyjson_arr_size(member(&m, "properties.changes")), LARGE + 1);
    assert_change(DISK("large59"), "Delete");
    refused(HTTP_POST, D "/whatIf", COMPLETE(DISK_NAMED("new")), 413, "RequestTooLarge");
    assert_says(&m, "what the group has beside the template");
    free(filling);
    free(body);
}

/* What was made by a template, the same template leaves as it is. */
static void what_was_deployed_is_no_change(void **state)
{
    static const char body[] = BODY(RESOURCE(
        "Microsoft.Compute/virtualMachines", "vm",
        ",\"properties\":{" TRUSTED
        "}") "," RESOURCE("Microsoft.Network/virtualNetworks", "net",
                          ",\"properties\":{\"addressSpace\":{\"addressPrefixes\":[\"10.0.0.0/"
                          "16\"]},"
                          "\"subnets\":[{\"name\":\"sub\",\"properties\":{\"addressPrefix\":"
                          "\"10.0.0.0/24\"}}]}"));

    (void)state;
    deploy(D, body, "Succeeded");
    ask(&m, HTTP_POST, D "/whatIf", body);
    assert_answer(&m, 200, NULL);
    assert_change(VM, "NoChange");
    assert_change(GROUP "/providers/Microsoft.Network/virtualNetworks/net", "NoChange");
}

/* One of 40 that is wrong: which, and where it stands, in the words that az shows too. */
static void assert_detail(size_t index, const char *place, const char *id)
{
    yyjson_val *detail =
        member_of(member(&m, "error.details"), arena_printf(m.arena, "%zu", index));

    assert_string_equal(json_text(member_of(detail, "target")), id);
    assert_non_null(strstr(json_text(member_of(detail, "message")),
                           arena_printf(m.arena, "(%s: %s)", place, id)));
}

#define UNKNOWN RESOURCE("No.Such/things", "a", "")
#define WRONG_VM                                                                                   \
    RESOURCE("Microsoft.Compute/virtualMachines", "vm",                                            \
             ",\"properties\":{\"securityProfile\":{\"securityType\":\"x\"}}")
#define WRONG_DISKS                                                                                \
    RESOURCE("Microsoft.Compute/disks", "[concat('d',copyIndex())]",                               \
             ",\"tags\":7,\"copy\":{\"name\":\"l\",\"count\":2}")
#define FOUR_WRONG UNKNOWN "," DISK_NAMED("b") "," WRONG_VM "," WRONG_DISKS

#define OF_NO_VM                                                                                   \
    RESOURCE("Microsoft.Compute/virtualMachines/extensions", "nope/GuestAttestation",              \
             ",\"properties\":{\"publisher\":\"Microsoft.Azure.Security.LinuxAttestation\","       \
             "\"type\":\"GuestAttestation\",\"typeHandlerVersion\":\"1.0\"}")

static void what_if_refuses_what_cannot_be_deployed(void **state)
{
    (void)state;
    validate_tells(D, BODY(OF_NO_VM), "InvalidTemplateDeployment");
    assert_text(&m, "error.details.0.code", "ParentResourceNotFound");
    what_if_tells(D, BODY(OF_NO_VM), "InvalidTemplateDeployment");
    assert_text(&m, "error.details.0.code", "ParentResourceNotFound");
}

/* Loops in loops: a few hundred bytes that become tens of megabytes. */
#define FAN_OF(OUTER, COUNT)                                                                       \
    BODY("{\"type\":\"Microsoft.Compute/disks\",\"apiVersion\":\"2024-11-01\",\"name\":"           \
         "\"[concat('p',copyIndex())]\",\"location\":\"westus\",\"copy\":{\"name\":\"c\","         \
         "\"count\":" OUTER "},\"properties\":{\"copy\":[{\"name\":\"z\",\"count\":" COUNT         \
         ",\"input\":"                                                                             \
         "\"[concat('xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',copyIndex('z'))]\"}]}}")

static void bodies_that_are_much_together_are_checked_one_by_one(void **state)
{
    (void)state;
    ask(&m, HTTP_POST, D "/validate", FAN_OF("300", "800"));
    assert_answer(&m, 200, NULL);
    assert_null(member(&m, "error"));
    ask(&m, HTTP_POST, D "/whatIf", FAN_OF("300", "50"));
    assert_answer(&m, 200, NULL);
    refused(HTTP_POST, D "/whatIf", FAN_OF("700", "800"), 413, "RequestTooLarge");
    assert_says(&m, "ResourceIdOnly");
    deploy(D, FAN_OF("100", "300"), "Succeeded");
}

static void validate_says_what_is_wrong_and_makes_nothing(void **state)
{
    (void)state;
    ask(&m, HTTP_POST, D "/validate", BODY(DISK_NAMED("a")));
    assert_answer(&m, 200, NULL);
    assert_text(&m, "properties.provisioningState", "Succeeded");
    assert_text(&m, "properties.validatedResources.0.id", DISK("a"));
    assert_null(member(&m, "error"));
    validate_tells(D, BODY(FOUR_WRONG), "InvalidTemplateDeployment");
    assert_int_equal(yyjson_arr_size(member(&m, "error.details")), 4);
    assert_detail(0, "resources[0]", GROUP "/providers/No.Such/things/a");
    assert_detail(1, "resources[2]", VM);
    assert_detail(2, "resources[3][copy 0]", DISK("d0"));
    assert_detail(3, "resources[3][copy 1]", DISK("d1"));
    assert_false(is_made(DISK("a")));
    refused(HTTP_GET, D, NULL, 404, "DeploymentNotFound");
    refused(HTTP_PUT, D, BODY(FOUR_WRONG), 400, "InvalidTemplateDeployment");
}

/* Only what is wrong with a template is a result: all else is the request's own fault. */
static void validate_refuses_what_asks_for_no_template(void **state)
{
    (void)state;
    validate_tells(D, BODY("7"), "InvalidTemplate");
    validate_tells(D, "{\"properties\":{\"templateLink\":{\"uri\":\"https://x.example\"}}}",
                   "InvalidContentLink");
    refused(HTTP_POST, D "/validate", "{", 400, "InvalidRequestContent");
    refused(HTTP_POST, D "/validate", "{\"properties\":{\"mode\":\"Incremental\"}}", 400,
            "InvalidRequestContent");
    refused(HTTP_POST, DEPLOYMENTS "a*b/validate", BODY(""), 400, "DeploymentNameInvalid");
}

#define BY " by 44444444-4444-4444-4444-444444444444 for r7"
#define WRITE " Microsoft.Compute/disks/write"

static bool may_not_write_b(const char *action, const char *scope)
{
    return strcmp(action, "Microsoft.Compute/disks/delete") != 0 || strstr(scope, "/b") == NULL;
}

/* Who deploys changes what the deployment changes, also what mode Complete deletes. */
static void each_step_is_told_to_the_audit_log(void **state)
{
    (void)state;
    told_listen(&m);
    deploy(D, BODY(DISK_NAMED("a") "," DISK_NAMED("b")), "Succeeded");
    assert_told("begin PUT " DISK("a") WRITE " " BY);
    assert_told("finish PUT " DISK("a") WRITE " ok" BY);
    assert_told("begin PUT " DISK("b") WRITE);
    assert_told("finish PUT " DISK("b") WRITE " ok" BY);
    assert_told_nothing(); /* nor what was only checked */
    deploy(D, COMPLETE(DISK_NAMED("b")), "Succeeded");
    assert_told("begin PUT " DISK("b"));
    assert_told("finish PUT " DISK("b"));
    assert_told("begin DELETE " DISK("a") " Microsoft.Compute/disks/delete");
    assert_told("forget " DISK("a"));
    assert_told("finish DELETE " DISK("a") " Microsoft.Compute/disks/delete ok" BY " roles=1");
    assert_told_nothing();
    m.may = may_not_write_b;
    deploy(D, COMPLETE(DISK_NAMED("c")), "Failed");
    assert_told("refused DELETE " DISK("b") " Microsoft.Compute/disks/delete role-missing" BY);
    told_refuses = true;
    m.may = NULL;
    deploy(D, BODY(DISK_NAMED("d")), "Failed");
    assert_text(&m, "properties.error.details.0.code", "ServiceUnavailable");
    assert_false(is_made(DISK("d")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_VMS(secure_parameters_are_kept_nowhere),
        WITH_VMS(nor_are_those_of_nested_deployments),
        WITH_VMS(join_tokens_are_kept_nowhere),
        WITH_VMS(complete_takes_what_is_not_in_the_template),
        WITH_VMS(a_nested_deployment_ends_before_what_depends_on_it),
        WITH_VMS(a_nested_failure_is_the_outer_ones_too),
        WITH_VMS(what_if_tells_each_difference_and_changes_nothing),
        WITH_VMS(what_if_of_a_large_group_is_told_or_refused_in_words),
        WITH_VMS(what_was_deployed_is_no_change),
        WITH_VMS(what_if_refuses_what_cannot_be_deployed),
        WITH_VMS(bodies_that_are_much_together_are_checked_one_by_one),
        WITH_VMS(validate_says_what_is_wrong_and_makes_nothing),
        WITH_VMS(validate_refuses_what_asks_for_no_template),
        WITH_VMS(each_step_is_told_to_the_audit_log),
    };

    return RUN_TESTS(tests);
}
