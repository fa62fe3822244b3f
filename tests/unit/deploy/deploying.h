/*
 * deploying.h - for tests of deployments: templates as clients send them, and waiting for their
 * end.
 */
#ifndef TESTS_DEPLOY_DEPLOYING_H
#define TESTS_DEPLOY_DEPLOYING_H

#include "unit/kinds/vms.h"

#include "deploy/deploy.h"

#define DEPLOYMENTS GROUP "/providers/Microsoft.Resources/deployments/"
#define D DEPLOYMENTS "d"
#define DISK(N) COMPUTE "disks/" N
/* A body of a PUT around resources, with more members of properties and of the template. */
#define BODY_OF(MORE, TEMPLATE_MORE, RESOURCES)                                                    \
    "{\"properties\":{" MORE "\"template\":{\"$schema\":\"https://schema.management.azure.com/"    \
    "schemas/2019-04-01/deploymentTemplate.json#\",\"contentVersion\":\"1.0.0.0\"," TEMPLATE_MORE  \
    "\"resources\":[" RESOURCES "]}}}"
#define BODY(RESOURCES) BODY_OF("", "", RESOURCES)
#define COMPLETE(RESOURCES) BODY_OF("\"mode\":\"Complete\",", "", RESOURCES)
#define RESOURCE(TYPE, NAME, MORE)                                                                 \
    "{\"type\":\"" TYPE "\",\"apiVersion\":\"2024-11-01\",\"name\":\"" NAME                        \
    "\",\"location\":\"westus\"" MORE "}"
#define DISK_NAMED(NAME) RESOURCE("Microsoft.Compute/disks", NAME, ",\"properties\":{}")
#define DISK_AFTER(NAME, OTHER)                                                                    \
    RESOURCE("Microsoft.Compute/disks", NAME,                                                      \
             ",\"dependsOn\":[\"[resourceId('Microsoft.Compute/disks','" OTHER                     \
             "')]\"],\"properties\":{}")

#define NESTED(NAME, SCOPE, MORE, RESOURCES)                                                       \
    "{\"type\":\"Microsoft.Resources/deployments\",\"apiVersion\":\"2021-04-01\",\"name\":\"" NAME \
    "\",\"properties\":{\"mode\":\"Incremental\",\"expressionEvaluationOptions\":{\"scope\":"      \
    "\"" SCOPE "\"}," MORE "\"template\":{\"$schema\":\"https://schema.management.azure.com/"      \
    "schemas/2019-04-01/deploymentTemplate.json#\",\"contentVersion\":\"1.0.0.0\"," RESOURCES      \
    "}}}"
/* Disks d0, d1, ... of a name and a number, one after the other. */
#define CHAIN_OF(NAME, COUNT)                                                                      \
    "{\"type\":\"Microsoft.Compute/disks\",\"apiVersion\":\"2024-11-01\",\"name\":"                \
    "\"[concat('" NAME "',copyIndex())]\",\"location\":\"westus\",\"copy\":{\"name\":"             \
    "\"loop\",\"count\":" COUNT ",\"mode\":\"serial\"},\"properties\":{}}"
#define CHAIN CHAIN_OF("d", "300")

static inline void start_deployment(const char *target, const char *body)
{
    ask(&m, HTTP_PUT, target, body);
    if (m.answer.status != 201) {
        fail_msg("%u %s: %s", m.answer.status, m.answer.code, m.answer.message);
    }
    assert_text(&m, "properties.provisioningState", "Accepted");
    assert_non_null(m.answer.operation);
}

/* That the template is wrong is a result: its "error" is in m.json. */
static inline void validate_tells(const char *target, const char *body, const char *code)
{
    ask(&m, HTTP_POST, arena_printf(m.arena, "%s/validate", target), body);
    assert_answer(&m, 200, NULL);
    assert_text(&m, "error.code", code);
    assert_null(member(&m, "properties"));
}

/* The same of what-if. */
static inline void what_if_tells(const char *target, const char *body, const char *code)
{
    ask(&m, HTTP_POST, arena_printf(m.arena, "%s/whatIf", target), body);
    assert_answer(&m, 200, NULL);
    assert_text(&m, "status", "Failed");
    assert_text(&m, "error.code", code);
    assert_null(member(&m, "properties"));
}

/* Until it is over: the deployment is in m.json. */
static inline void wait_for_end(const char *target)
{
    for (int i = 0; i < WAIT_STEPS; i++) {
        const char *state;

        ask(&m, HTTP_GET, target, NULL);
        assert_answer(&m, 200, NULL);
        state = text_at(&m, "properties.provisioningState");
        if (strcmp(state, "Accepted") != 0 && strcmp(state, "Running") != 0) {
            return;
        }
        pause_ms(WAIT_STEP_MS);
    }
    fail_msg("%s does not end", target);
}

static inline void deploy(const char *target, const char *body, const char *state)
{
    const char *status;

    start_deployment(target, body);
    status = link_of(m.answer.operation);
    wait_for_end(target);
    if (strcmp(text_at(&m, "properties.provisioningState"), state) != 0) {
        fail_msg("%s", (const char *)m.answer.body.data);
    }
    for (int i = 0; i < WAIT_STEPS; i++) { /* it is told to who waits right after */
        ask(&m, HTTP_GET, status, NULL);
        assert_answer(&m, 200, NULL);
        if (strcmp(text_at(&m, "status"), "Running") != 0) {
            break;
        }
        pause_ms(WAIT_STEP_MS);
    }
    assert_text(&m, "status", state);
    ask(&m, HTTP_GET, target, NULL);
}

static inline bool is_made(const char *target)
{
    ask(&m, HTTP_GET, target, NULL);
    return m.answer.status == 200;
}

/* Of operations of a deployment: the one about a resource of this name, "" = there is none. */
static inline const char *operation_state_of(const char *target, const char *name)
{
    yyjson_val *list;

    ask(&m, HTTP_GET, kept(arena_printf(m.arena, "%s/operations", target)), NULL);
    assert_answer(&m, 200, NULL);
    list = member(&m, "value");
    for (size_t i = 0; i < yyjson_arr_size(list); i++) {
        yyjson_val *item = yyjson_arr_get(list, i);
        const char *got = yyjson_get_str(member_of(item, "properties.targetResource.resourceName"));

        if (got != NULL && strcmp(got, name) == 0) {
            return yyjson_get_str(member_of(item, "properties.provisioningState"));
        }
    }
    return "";
}

#endif
