/*
 * roles.c - Microsoft.Authorization as types of resources: who may do what, at any scope. What is
 * asked is the identity room's business (identity/roles.h).
 */
#include "identity/roles.h"
#include "api/internal.h"
#include "control/kind.h"

static void answer(struct control_call *call, enum roles_kind kind, struct control_answer *ret)
{
    const char *scope = call->path.scope;
    struct roles_answer answer = {0};
    bool is_there = true;
    struct roles_call roles = {
        .arena = call->arena,
        .now = call->now,
        .caller = call->caller,
        .kind = kind,
        .method = call->method == HTTP_PUT      ? ROLES_PUT
                  : call->method == HTTP_DELETE ? ROLES_DELETE
                                                : ROLES_GET,
        .scope = span_str(scope[0] == '\0' ? "/" : scope),
        .name = resource_path_name(&call->path), /* of a list none */
        .filter = call->filter,
        .body = call->body,
    };

    if (roles.method == ROLES_PUT) {
        control_hold_scopes(call->control);
        is_there = kind != ROLES_ASSIGNMENTS || control_scope_is_there(call, scope, ret);
    }
    if (is_there) {
        roles_call(control_may_context(call->control), &roles, &answer);
    }
    if (roles.method == ROLES_PUT) {
        control_let_scopes(call->control);
    }
    if (!is_there) {
        return;
    }
    if (answer.code != NULL) {
        control_refuse(call, ret, answer.status, answer.code, "%s", answer.message);
        ret->retry_after_s = (int)answer.retry_after_s;
        return;
    }
    ret->status = answer.status;
    ret->body = answer.body;
    ret->note = answer.detail;
}

static void run_assignments(struct control_call *call, const struct control_target *target,
                            struct control_answer *ret)
{
    (void)target; /* the path says it */
    answer(call, ROLES_ASSIGNMENTS, ret);
}

static void run_definitions(struct control_call *call, const struct control_target *target,
                            struct control_answer *ret)
{
    (void)target; /* the path says it */
    answer(call, ROLES_DEFINITIONS, ret);
}

static void run_permissions(struct control_call *call, const struct control_target *target,
                            struct control_answer *ret)
{
    (void)target; /* the path says it */
    answer(call, ROLES_PERMISSIONS, ret);
}

#define VERSIONS "2022-04-01 2020-04-01-preview 2018-01-01-preview 2015-07-01"

static const struct kind assignments = {.type = "Microsoft.Authorization/roleAssignments",
                                        .versions = VERSIONS,
                                        .flags =
                                            KIND_AT_SUBSCRIPTION | KIND_NO_PATCH | KIND_EXTENDS,
                                        .elsewhere = run_assignments,
                                        .body_max = ROLES_BODY_MAX};
static const struct kind definitions = {.type = "Microsoft.Authorization/roleDefinitions",
                                        .versions = VERSIONS,
                                        .flags =
                                            KIND_AT_SUBSCRIPTION | KIND_NO_PATCH | KIND_EXTENDS,
                                        .elsewhere = run_definitions,
                                        .body_max = ROLES_BODY_MAX};
static const struct kind permissions = {.type = "Microsoft.Authorization/permissions",
                                        .versions = VERSIONS,
                                        .flags =
                                            KIND_AT_SUBSCRIPTION | KIND_NO_PATCH | KIND_EXTENDS,
                                        .elsewhere = run_permissions,
                                        .body_max = ROLES_BODY_MAX};

const struct kind *const api_role_kinds[] = {&assignments, &definitions, &permissions, NULL};
