/*
 * manage.c - the HTTP form of the resource manager: one handler for all of it. What a path is, and
 * what its caller has to be allowed, the control says; here it is asked, before anything is
 * answered but who is not signed in.
 */
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

bool api_may_any(void *context, const struct access_caller *caller, const char *subscription)
{
    CLEANUP(access_rules_free) struct access_rules *rules = gate_rules(context);
    char scope[ACCESS_SCOPE_MAX_BYTES];
    int n = snprintf(scope, sizeof(scope), "/subscriptions/%s", subscription);

    return n < (int)sizeof(scope) && access_has_role_within(rules, caller, span_str(scope));
}

err_t api_forget_scope(void *context, const char *scope, struct trail *trail, size_t *ret_n)
{
    return gate_forget_scope(context, span_str(scope), trail, ret_n);
}

/* "/subscriptions/S..." to S in lower case; NULL for "/" and what is no subscription's. */
static const char *subscription_of(struct arena *arena, const char *scope)
{
    static const char prefix[] = "/subscriptions/";
    size_t skip = sizeof(prefix) - 1;

    if (strlen(scope) <= skip || !text_span_equal_nocase(span_of(scope, skip), prefix)) {
        return NULL;
    }
    return resource_key(arena, span_of(scope + skip, strcspn(scope + skip, "/")));
}

static bool is_listed(const char *const *list, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i], text) == 0) {
            return true;
        }
    }
    return false;
}

/* Every subscription that an assignment or this server names, if the caller has a role there. */
err_t api_subscriptions(void *context, const struct access_caller *caller, struct arena *arena,
                        const char ***ret, size_t *ret_n)
{
    CLEANUP(access_rules_free) struct access_rules *rules = gate_rules(context);
    const char *own = gate_subscription(context);
    const char **list = arena_calloc(arena, access_rules_count(rules) + 1, sizeof(*list));
    size_t n = 0;

    if (list == NULL) {
        return ERR_MEMORY;
    }
    if (own != NULL && api_may_any(context, caller, own)) {
        list[n++] = own;
    }
    for (size_t i = 0; i < access_rules_count(rules); i++) {
        const char *id = subscription_of(arena, access_rules_at(rules, i)->scope);

        if (id != NULL && !is_listed(list, n, id) && api_may_any(context, caller, id)) {
            list[n++] = id;
        }
    }
    *ret = list;
    *ret_n = n;
    return ERR_OK;
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
                  const struct control_call *call, const struct control_target *target,
                  struct access_caller *ret)
{
    const struct api *api = request->context;
    const char *action = target->row != NULL && target->action == NULL
                             ? "Microsoft.Resources/subscriptions/read"
                             : target->action;

    if (target->action != NULL) {
        return protect_check(request, response, ACCESS_MANAGEMENT, action, target->scope, ret);
    }
    if (!protect_identify(request, response, ACCESS_MANAGEMENT, ret)) {
        return false;
    }
    if (target->needs_any_role &&
        !api_may_any(api->gate, ret,
                     (const char *)arena_dup(request->arena, call->path.subscription).data)) {
        return protect_check(request, response, ACCESS_MANAGEMENT, action, target->scope, ret);
    }
    return true;
}

/* Is there such a subscription, for anybody? One is there when this server or an assignment names
 * it. */
static bool is_subscription(const struct api *api, struct arena *arena, struct span subscription)
{
    CLEANUP(access_rules_free) struct access_rules *rules = gate_rules(api->gate);
    const char *own = gate_subscription(api->gate);
    const char *key = resource_key(arena, subscription);

    if (key == NULL || (own != NULL && strcmp(own, key) == 0)) {
        return true;
    }
    for (size_t i = 0; i < access_rules_count(rules); i++) {
        const char *id = subscription_of(arena, access_rules_at(rules, i)->scope);

        if (id != NULL && strcmp(id, key) == 0) {
            return true;
        }
    }
    return false;
}

/* What no caller but an owner of everything can have a role in. */
static bool refuse_subscription(struct control_call *call, struct http_request *request,
                                struct http_response *response)
{
    const struct api *api = request->context;
    const struct span *subscription = &call->path.subscription;
    struct access_caller caller = {0};
    struct control_answer answer = {0};
    const char *key;

    if (subscription->data == NULL || is_subscription(api, request->arena, *subscription)) {
        return false;
    }
    if (!protect_identify(request, response, ACCESS_MANAGEMENT, &caller)) {
        return true;
    }
    key = resource_key(request->arena, *subscription);
    if (key == NULL || api_may_any(api->gate, &caller, key)) {
        return false;
    }
    control_refuse(call, &answer, 404, "SubscriptionNotFound",
                   "The subscription '%s' could not be found.", key);
    finish(call, &answer, request, response);
    return true;
}

static void handle(struct http_request *request, struct http_response *response)
{
    struct control_call call = call_of(request);
    struct control_answer answer = {0};
    struct control_target target = {0};
    struct access_caller caller = {0};
    struct protect_change change = {.caller = &caller};

    if (call.doc == NULL || call.correlation == NULL || call.base == NULL) {
        http_answer_error(request->arena, response, 500, "InternalServerError", "out of memory");
        return;
    }
    if (!control_resolve(&call, request->path.segments, request->path.n, &target, &answer)) {
        if (protect_identify(request, response, ACCESS_MANAGEMENT, &caller)) {
            finish(&call, &answer, request, response);
        }
        return;
    }
    if (refuse_subscription(&call, request, response)) {
        return;
    }
    change.action = target.action != NULL ? target.action : "*/read";
    change.scope = target.scope;
    if (!admit(request, response, &call, &target, &caller) ||
        (target.is_change && !protect_begin(request, response, &change))) {
        return;
    }
    call.caller = &caller;
    control_run(&call, &target, &answer);
    finish(&call, &answer, request, response);
    if (target.is_change) {
        protect_finish(request, response, &change);
    }
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
