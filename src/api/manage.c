/*
 * manage.c - the HTTP form of the resource manager: one handler for all of it. What a path is, and
 * what its caller has to be allowed, the control says; here it is asked, before anything is
 * answered but who is not signed in.
 */
#include "api/fair.h"
#include "api/internal.h"
#include "api/protect.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "control/control.h"
#include "identity/gate.h"

/* ---- who may ---- */

bool api_may(void *context, const struct access_caller *caller, const char *action,
             const char *scope)
{
    return gate_may(context, caller, action, span_str(scope)) == ACCESS_OK;
}

err_t api_forget_scope(void *context, const char *scope, struct trail *trail, size_t *ret_n)
{
    return gate_forget_scope(context, span_str(scope), trail, ret_n);
}

/* ---- requests ---- */

static struct span query_of(void *context, const char *name)
{
    return http_request_query(context, name);
}

static struct control_call call_of(struct http_request *request)
{
    const struct api *api = request->context;
    const struct api_worker *worker = request->worker;
    struct span correlation = http_request_header(request, "x-ms-correlation-request-id");

    return (struct control_call){
        .control = api->control,
        .arena = request->arena,
        .hasher = worker->hasher,
        .doc = json_new(request->arena),
        .now = timestamp_now(),
        .correlation = text_is_guid(correlation)
                           ? (const char *)arena_dup(request->arena, correlation).data
                           : request->id,
        .request = request->id,
        .base = control_base(api->control, request->arena, request->head->host),
        .method = request->head->method,
        .body = request->body,
        .api_version = http_request_query(request, "api-version"),
        .expand = http_request_query(request, "$expand"),
        .filter = http_request_query(request, "$filter"),
        .top = http_request_query(request, "$top"),
        .skip_token = http_request_query(request, "$skiptoken"),
        .order_by = http_request_query(request, "$orderby"),
        .if_match = http_request_header(request, "if-match"),
        .if_none_match = http_request_header(request, "if-none-match"),
        .query = query_of,
        .query_context = request,
    };
}

static struct span error_body(struct control_call *call, const struct control_answer *answer)
{
    yyjson_mut_val *root = yyjson_mut_obj(call->doc);

    json_add_value(call->doc, root, "error", control_error_value(call, answer));
    return json_write(call->arena, call->doc, root, false);
}

static void finish(struct control_call *call, const struct control_answer *answer,
                   struct http_request *request, struct http_response *response)
{
    const struct {
        const char *name, *value;
    } headers[] = {{"Azure-AsyncOperation", answer->operation},
                   {"Location", answer->location},
                   {"ETag", answer->etag},
                   {"x-ms-correlation-request-id", call->correlation}};

    response->status = answer->status;
    response->error_code = answer->code;
    response->body = answer->body;
    response->content_type = answer->code == NULL ? answer->content_type : NULL;
    response->note = answer->note;
    response->retry_after_s = (unsigned)answer->retry_after_s;
    if (answer->code != NULL) {
        struct span body = error_body(call, answer);

        if (body.data == NULL) {
            http_answer_error(request->arena, response, answer->status, answer->code, "%s",
                              answer->message);
        } else {
            response->body = body;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        if (headers[i].value != NULL) {
            http_answer_header(response, headers[i].name, headers[i].value);
        }
    }
    http_answer_header(response, "Cache-Control", "no-cache");
}

/* May the caller do what the target takes? Else answered. */
static bool admit(struct http_request *request, struct http_response *response,
                  const struct control_call *call, const struct control_target *target)
{
    const struct api *api = request->context;
    const char *action =
        target->action == NULL ? "Microsoft.Resources/subscriptions/read" : target->action;

    if (target->action == NULL &&
        (!target->needs_any_role ||
         gate_knows_subscription(api->gate, call->caller, call->path.subscription))) {
        return true;
    }
    return protect_may(request, response, ACCESS_MANAGEMENT, call->caller, action, target->scope);
}

/* Whose request holds a worker: the subscription's, or, of what lies in none, the caller's. */
static const char *owner_of(const struct control_call *call)
{
    const struct access_caller *caller = call->caller;

    return call->path.subscription.data != NULL
               ? resource_key(call->arena, call->path.subscription)
               : arena_printf(call->arena, "%s %s", caller->object_id, caller->issuer);
}

/* Does its owner leave workers to others? Else answered. After true fair_end. */
static bool is_fair(struct http_request *request, struct http_response *response,
                    const struct control_call *call, unsigned *ret_place)
{
    const struct api *api = request->context;
    const char *owner = owner_of(call);

    if (owner == NULL) {
        http_answer_error(request->arena, response, 500, "InternalServerError", "out of memory");
        return false;
    }
    if (fair_begin(api->fair, api->n_workers, owner, timestamp_ticks_us(), ret_place)) {
        return true;
    }
    http_answer_error(request->arena, response, 429, "TooManyRequests",
                      "Too many requests that take long are being answered at the same moment. "
                      "Send fewer of them together; wait a second, and try again.");
    response->retry_after_s = 1;
    response->note = "limit=workers";
    return false;
}

/* The caller is known before anything is looked up for the path: to others no path says what is
 * there. Without one it is only read, so that the audit log can tell what was wanted. */
static void handle(struct http_request *request, struct http_response *response)
{
    struct control_call call = call_of(request);
    struct control_answer answer = {0};
    struct control_target target = {0};
    struct access_caller caller = {0};
    struct protect_change change = {.caller = &caller};
    const struct api *api = request->context;
    enum access_reason reason;
    bool is_resolved;
    unsigned place;

    if (call.doc == NULL || call.correlation == NULL || call.base == NULL) {
        http_answer_error(request->arena, response, 500, "InternalServerError", "out of memory");
        return;
    }
    reason = protect_caller(request, ACCESS_MANAGEMENT, &caller);
    call.caller = reason == ACCESS_OK ? &caller : NULL;
    is_resolved = control_resolve(&call, request->path.segments, request->path.n, &target, &answer);
    if (reason != ACCESS_OK) {
        protect_refuse(request, response, ACCESS_MANAGEMENT, reason, NULL, target.action,
                       target.scope);
        return;
    }
    if (!is_resolved) {
        finish(&call, &answer, request, response);
        return;
    }
    if (call.path.subscription.data != NULL &&
        api_refuse_subscription(request, response, &caller, call.path.subscription)) {
        return;
    }
    change.action = target.action != NULL ? target.action : "*/read";
    change.scope = target.scope;
    if (!admit(request, response, &call, &target) || !is_fair(request, response, &call, &place)) {
        return;
    }
    if (!target.is_change || protect_begin(request, response, &change)) {
        control_run(&call, &target, &answer);
        finish(&call, &answer, request, response);
        if (target.is_change) {
            protect_finish(request, response, &change);
        }
    }
    fair_end(api->fair, place, timestamp_ticks_us());
}

enum {
    METHODS = HTTP_GET | HTTP_HEAD | HTTP_POST | HTTP_PUT | HTTP_PATCH | HTTP_DELETE,
};

/* clang-format off */
static const struct http_route routes[] = {
    {METHODS, "/subscriptions", handle, 0, 0, API_ROLE_MANAGE},
    {METHODS, "/subscriptions/*", handle, CONTROL_TEMPLATE_BODY_MAX, 0, API_ROLE_MANAGE},
    {METHODS, "/providers", handle, 0, 0, API_ROLE_MANAGE},
    {METHODS, "/providers/*", handle, CONTROL_BODY_MAX, 0, API_ROLE_MANAGE},
};
/* clang-format on */

struct http_routes api_manage_routes(void)
{
    return (struct http_routes){.items = routes, .n = ARRAY_LEN(routes)};
}
