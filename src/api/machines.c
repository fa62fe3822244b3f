/*
 * machines.c - machines for their owners: paths of Bootwarden.Monitor (docs/formats/machines.md).
 */
#include "api/internal.h"
#include "api/protect.h"
#include "base/text.h"
#include "identity/gate.h"

#include <string.h>

#define BELOW API_MONITOR
#define READ "Bootwarden.Monitor/machines/read"
#define WRITE "Bootwarden.Monitor/machines/write"
#define REMOVE "Bootwarden.Monitor/machines/delete"

/* Who waits, and what is announced, is no machine yet, and its name is the guest's word: who
 * decides about those may do so in the subscription. */
static const char *scope_of(const struct http_request *request, const char *kind, struct span name)
{
    const struct span *p = request->parameters;

    return kind == NULL || name.len == 0
               ? arena_printf(request->arena, "/subscriptions/%.*s", (int)p[0].len, p[0].data)
               : arena_printf(request->arena,
                              "/subscriptions/%.*s/providers/Bootwarden.Monitor/%s/%.*s",
                              (int)p[0].len, p[0].data, kind, (int)name.len, name.data);
}

void api_owner_run(struct http_request *request, struct http_response *response, const char *kind,
                   const char *action, machine_call *run_call)
{
    struct machine_path path = {.subscription = request->parameters[0]};
    struct service_call call = api_call(request);
    struct service_answer answer = {0};
    struct access_caller caller = {0};
    struct protect_change change = {.caller = &caller, .action = action};
    enum access_reason reason;
    bool is_change = strcmp(action + strlen(action) - 5, "/read") != 0;

    if (request->n_parameters > 1) {
        path.machine = request->parameters[1];
    }
    change.scope = scope_of(request, kind, path.machine);
    if (change.scope == NULL) {
        http_answer_error(request->arena, response, 500, "InternalError", "out of memory");
        return;
    }
    reason = protect_caller(request, ACCESS_MANAGEMENT, &caller);
    if (reason != ACCESS_OK) {
        protect_refuse(request, response, ACCESS_MANAGEMENT, reason, NULL, action, change.scope);
        return;
    }
    if (api_refuse_subscription(request, response, &caller, path.subscription) ||
        !protect_may(request, response, ACCESS_MANAGEMENT, &caller, action, change.scope) ||
        (is_change && !protect_begin(request, response, &change))) {
        return;
    }
    path.who = caller.name[0] != '\0' ? caller.name : caller.object_id;
    run_call(api_of(request)->service, &call, &path, request->body, &answer);
    api_finish(request, &answer, response);
    if (is_change) {
        protect_finish(request, response, &change);
    }
}

static void run(struct http_request *request, struct http_response *response, const char *action,
                machine_call *run_call)
{
    api_owner_run(request, response, "machines", action, run_call);
}

static void run_join(struct http_request *request, struct http_response *response,
                     const char *action, machine_call *run_call)
{
    api_owner_run(request, response, NULL, action, run_call);
}

static void handle_list(struct http_request *request, struct http_response *response)
{
    if (http_request_query(request, "$filter").data != NULL ||
        http_request_query(request, "$top").data != NULL) {
        struct access_caller caller = {0};

        if (protect_check(request, response, ACCESS_MANAGEMENT, READ,
                          scope_of(request, "machines", (struct span){0}), &caller)) {
            http_answer_error(request->arena, response, 400, "InvalidParameter",
                              "machines are listed as they come, 500 at a time: $filter and $top "
                              "are not known here, ?after=NAME goes on behind a machine");
        }
        return;
    }
    request->body = http_request_query(request, "after"); /* a GET has none of its own */
    run(request, response, READ, service_machine_list);
}

#define HANDLER_BY(RUN, NAME, ACTION, CALL)                                                        \
    static void handle_##NAME(struct http_request *request, struct http_response *response)        \
    {                                                                                              \
        RUN(request, response, ACTION, CALL);                                                      \
    }
#define HANDLER(NAME, ACTION, CALL) HANDLER_BY(run, NAME, ACTION, CALL)
#define JOIN_HANDLER(NAME, ACTION, CALL) HANDLER_BY(run_join, NAME, ACTION, CALL)

HANDLER(get, READ, service_machine_get)
HANDLER(approve, WRITE, service_machine_approve)
HANDLER(relearn, WRITE, service_machine_relearn)
HANDLER(attest, WRITE, service_machine_attest)
HANDLER(disable, WRITE, service_machine_disable)
HANDLER(enable, WRITE, service_machine_enable)
HANDLER(extension_get, READ, service_extension_get)
HANDLER(extension_put, WRITE, service_extension_put)
JOIN_HANDLER(joins, READ, service_join_list)
JOIN_HANDLER(announce, WRITE, service_join_announce)
JOIN_HANDLER(admit, WRITE, service_join_admit)
JOIN_HANDLER(reject, WRITE, service_join_reject)
JOIN_HANDLER(withdraw, WRITE, service_join_withdraw)

/* Roles at a machine end with it, by whichever of its two names they were given; the answer of a
 * removal says both. */
static void handle_remove(struct http_request *request, struct http_response *response)
{
    static const char *const names[] = {"name", "id"};
    struct trail trail = {0};
    yyjson_val *root = NULL;
    err_t err;
    size_t n;

    run(request, response, REMOVE, service_machine_remove);
    if (response->status != 200) {
        return;
    }
    err = json_read(request->arena, response->body, NULL, &trail, &root);
    for (size_t i = 0; err == ERR_OK && i < ARRAY_LEN(names); i++) {
        const char *scope = scope_of(request, "machines", json_span(json_get(root, names[i])));

        err = scope == NULL ? ERR_MEMORY
                            : gate_forget_scope(api_of(request)->gate, span_str(scope), &trail, &n);
    }
    if (err) {
        http_answer_error(request->arena, response, 503, "ServiceUnavailable",
                          "the machine is removed, but roles that were given at it are not: take "
                          "them away one by one");
    }
}

/* clang-format off */
static const struct http_route routes[] = {
    {HTTP_GET, BELOW "/machines", handle_list, 0, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_POST, BELOW "/machines/{name}:approve", handle_approve, API_OTHER_BODY_MAX, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_POST, BELOW "/machines/{name}:relearn", handle_relearn, API_OTHER_BODY_MAX, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_POST, BELOW "/machines/{name}:attest", handle_attest, API_OTHER_BODY_MAX, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_POST, BELOW "/machines/{name}:disable", handle_disable, API_OTHER_BODY_MAX, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_POST, BELOW "/machines/{name}:enable", handle_enable, API_OTHER_BODY_MAX, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_GET, BELOW "/machines/{name}", handle_get, 0, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_DELETE, BELOW "/machines/{name}", handle_remove, 0, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_GET, BELOW "/machines/{name}/extension", handle_extension_get, 0, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_PUT, BELOW "/machines/{name}/extension", handle_extension_put, API_OTHER_BODY_MAX, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_GET, BELOW "/joins", handle_joins, 0, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_POST, BELOW "/joins:announce", handle_announce, API_OTHER_BODY_MAX, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_POST, BELOW "/joins/{name}:admit", handle_admit, API_OTHER_BODY_MAX, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_POST, BELOW "/joins/{name}:reject", handle_reject, API_OTHER_BODY_MAX, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_DELETE, BELOW "/joins/{name}", handle_withdraw, 0, HTTP_NO_STORE, API_ROLE_MANAGE},
};
/* clang-format on */

struct http_routes api_machine_routes(void)
{
    return (struct http_routes){.items = routes, .n = ARRAY_LEN(routes)};
}
