/*
 * request.c - what a client sends to have a template deployed, checked or compared. Who may send
 * these bytes: callers that may write deployments.
 */
#include "control/known.h"
#include "deploy/internal.h"

#include "base/text.h"
#include "base/timestamp.h"
#include "crypto/secret.h"

#include <stdio.h>

const char *deploy_duration(struct arena *arena, int64_t seconds)
{
    return arena_printf(arena, "PT%lldS", (long long)(seconds < 0 ? 0 : seconds));
}

const char *deploy_time(struct arena *arena, int64_t time)
{
    char text[TIMESTAMP_SIZE];

    timestamp_format(time, text, sizeof(text));
    return arena_printf(arena, "%s", text);
}

void deploy_refuse(struct control_call *call, const char *deployment, err_t err,
                   const struct trail *trail, const struct template_fault *fault,
                   struct control_answer *ret)
{
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 48], where[64] = "";
    struct trail said = *trail;

    if (err == ERR_MEMORY || err == ERR_CRYPTO || err == ERR_STORE || err == ERR_INTERNAL) {
        control_fail(call, err, trail, ret);
        return;
    }
    if (fault->line > 0) {
        said.has_offset = false; /* by line and column */
    }
    trail_format(&said, err, words, sizeof(words));
    if (fault->line > 0 && strstr(words, " at line ") == NULL) {
        snprintf(where, sizeof(where), " (line %u, column %u)", fault->line, fault->column);
    }
    if (fault->code != NULL && strcmp(fault->code, "InvalidTemplate") == 0) {
        control_refuse(call, ret, 400, fault->code,
                       "Deployment template validation failed: '%s%s'. Deployment: '%s'.", words,
                       where, deployment);
    } else {
        control_refuse(call, ret, err == ERR_TOO_LARGE ? 413 : 400,
                       fault->code == NULL ? "InvalidRequestContent" : fault->code,
                       "The request content was invalid and could not be deserialized: '%s%s'.",
                       words, where);
    }
    if (fault->target[0] != '\0') {
        ret->target = arena_printf(call->arena, "%s", fault->target);
    }
}

/* ---- the body ---- */

static bool refuse_shape(struct control_call *call, const char *words, struct control_answer *ret)
{
    control_refuse(call, ret, 400, "InvalidRequestContent",
                   "The request content was invalid and could not be deserialized: '%s'.", words);
    return false;
}

static bool read_mode(struct control_call *call, yyjson_val *properties,
                      struct deploy_request *request, struct control_answer *ret)
{
    yyjson_val *mode = NULL;
    const char *text;

    if (json_get_nocase(properties, "mode", NULL, &mode) != ERR_OK) {
        return refuse_shape(call, "properties.mode is there twice", ret);
    }
    text = mode == NULL ? "Incremental" : json_text(mode);
    request->is_complete = text != NULL && text_equal_nocase(text, "Complete");
    if (text == NULL || (!request->is_complete && !text_equal_nocase(text, "Incremental"))) {
        return refuse_shape(call, "properties.mode is Incremental or Complete", ret);
    }
    request->scope.mode = request->is_complete ? "Complete" : "Incremental";
    return true;
}

/* Without what was misspelt the same template would be deployed in another way: with defaults where
 * parameters were sent. */
static const struct known_object property_members = {
    "properties", "DeploymentProperties", KNOWN_SOME,
    KNOWN("template", "templateLink", "parameters", "parametersLink", "mode")};

static bool read_properties(struct control_call *call, struct deploy_request *request,
                            struct control_answer *ret)
{
    yyjson_val *properties = json_get(request->root, "properties");
    yyjson_val *link = json_get(properties, "templateLink");
    const char *format =
        json_text(json_get(json_get(properties, "whatIfSettings"), "resultFormat"));

    if (!known_members_read(call, request->root, &control_top_members, ret) ||
        !known_members_read(call, properties, &property_members, ret)) {
        return false;
    }
    if (!yyjson_is_obj(properties)) {
        return refuse_shape(call, "properties is missing", ret);
    }
    if ((link != NULL && !yyjson_is_null(link)) ||
        yyjson_is_obj(json_get(properties, "parametersLink"))) {
        control_refuse(call, ret, 400, "InvalidContentLink",
                       "Templates and parameters are not fetched from links here: send them in the "
                       "request (az: --template-file instead of --template-uri).");
        return false;
    }
    request->document = json_get(properties, "template");
    request->parameters = json_get(properties, "parameters");
    if (request->document == NULL || yyjson_is_null(request->document)) {
        return refuse_shape(call, "properties.template is missing", ret);
    }
    if (yyjson_is_null(request->parameters)) {
        request->parameters = NULL;
    }
    if (request->parameters != NULL && !yyjson_is_obj(request->parameters)) {
        return refuse_shape(call, "properties.parameters is no object", ret);
    }
    request->is_ids_only = format != NULL && text_equal_nocase(format, "ResourceIdOnly");
    return read_mode(call, properties, request, ret);
}

/* ---- where it goes ---- */

static bool name_is_good(struct span name)
{
    static const char marks[] = "-._()";

    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              memchr(marks, c, sizeof(marks) - 1) != NULL)) {
            return false;
        }
    }
    return name.len > 0 && name.len <= DEPLOY_NAME_MAX;
}

static bool read_place(struct control_call *call, struct span name, struct deploy_request *request,
                       struct control_answer *ret)
{
    const struct resource_path *path = &call->path;
    struct trail trail = {0};
    struct resource group;
    struct span tags;
    yyjson_val *root = NULL;
    const char *id =
        arena_printf(call->arena, "/subscriptions/%.*s/resourceGroups/%.*s",
                     (int)path->subscription.len, (const char *)path->subscription.data,
                     (int)path->group.len, (const char *)path->group.data);
    err_t err = id == NULL ? ERR_MEMORY : resource_load(call, id, &trail, &group);

    if (err == ERR_NOT_FOUND) {
        control_not_found(call, id, ret);
        return false;
    }
    if (err) {
        control_fail(call, err, &trail, ret);
        return false;
    }
    request->group_id = group.id;
    request->name = arena_printf(call->arena, "%.*s", (int)name.len, (const char *)name.data);
    request->id =
        arena_printf(call->arena, "%s/providers/" DEPLOYMENT_TYPE "/%s", group.id, request->name);
    request->key = request->id == NULL ? NULL : resource_key(call->arena, span_str(request->id));
    if (group.tags != NULL) {
        tags = json_write(call->arena, call->doc, group.tags, false);
        err = tags.data == NULL ? ERR_MEMORY : json_read(call->arena, tags, NULL, &trail, &root);
    }
    request->scope.tenant_id = control_tenant(call->control);
    request->scope.subscription_id = arena_printf(call->arena, "%.*s", (int)path->subscription.len,
                                                  (const char *)path->subscription.data);
    request->scope.subscription_name = "Bootwarden";
    request->scope.group_name = group.name;
    request->scope.group_location = group.location;
    request->scope.group_tags = root;
    request->scope.deployment_name = request->name;
    request->scope.now = call->now;
    err = err ? err : random_bytes(request->scope.random, sizeof(request->scope.random));
    if (err || request->key == NULL || request->scope.subscription_id == NULL) {
        control_fail(call, err ? err : ERR_MEMORY, &trail, ret);
        return false;
    }
    return true;
}

bool deploy_read(struct control_call *call, struct span name, struct deploy_request *ret,
                 struct control_answer *ret_answer)
{
    struct template_fault fault = {0};
    struct trail trail = {0};
    size_t before = arena_used(call->arena);
    err_t err;

    memset(ret, 0, sizeof(*ret));
    if (!name_is_good(name)) {
        control_refuse(call, ret_answer, 400, "DeploymentNameInvalid",
                       "The deployment name '%.*s' is not good: 1 to %d letters, digits and -._().",
                       (int)name.len, (const char *)name.data, DEPLOY_NAME_MAX);
        return false;
    }
    err = template_read(call->arena, call->body, &trail, &fault, &ret->root);
    if (err) {
        deploy_refuse(call, "", err, &trail, &fault, ret_answer);
        return false;
    }
    if (!read_place(call, name, ret, ret_answer) || !read_properties(call, ret, ret_answer)) {
        return false;
    }
    ret->scope.text = call->body;
    ret->scope.text_root = ret->root;
    err = template_open(call->arena, ret->document, ret->parameters, &ret->scope, &trail, &fault,
                        &ret->template);
    if (err) {
        deploy_refuse(call, ret->name, err, &trail, &fault, ret_answer);
        return false;
    }
    ret->bytes = arena_used(call->arena) - before;
    return true;
}

/* ---- reference() ---- */

err_t deploy_reference(void *context, struct arena *arena, const char *id, const char *api_version,
                       bool is_full, struct trail *trail, yyjson_val **ret)
{
    const struct control_call *call = context;
    struct control_answer answer;
    yyjson_val *root = NULL;
    err_t err;

    control_do(call, HTTP_GET, id, api_version == NULL ? "2024-11-01" : api_version, NULL, &answer);
    if (answer.code != NULL) {
        return trail_set(trail, answer.status == 404 ? ERR_NOT_FOUND : ERR_DENIED,
                         "reference('%s'): %s", id, answer.message);
    }
    err = json_read(arena, answer.body, NULL, trail, &root);
    *ret = err ? NULL : is_full ? root : json_get(root, "properties");
    return err;
}

/* ---- before anything is made ---- */

/* The resource stands in the target and in the words: az shows no targets. */
static void add_detail(struct control_call *call, yyjson_mut_val *details,
                       const struct template_resource *r, struct control_call *own,
                       struct control_answer *answer)
{
    const char *message = arena_printf(own->arena, "%s (%s: %s)", answer->message, r->place, r->id);

    answer->target = r->id;
    answer->message = message == NULL ? answer->message : message;
    (void)yyjson_mut_arr_append(
        details, yyjson_mut_val_mut_copy(call->doc, control_error_value(own, answer)));
}

static bool is_parent_made(struct control_call *call, const struct template *t, const char *id)
{
    const char *parent = resource_parent_id(call->arena, id);

    return parent != NULL && template_find(t, parent) != NULL;
}

/* The first thing that is wrong with one resource; answer->code NULL: nothing is. The call is its
 * own. */
static void check_one(struct control_call *call, const struct deploy_request *request, size_t index,
                      struct control_answer *answer)
{
    const struct template_resource *r = template_resource(request->template, index);
    const struct kind *kind = kind_find(call->control, r->type);
    struct template_fault fault = {0};
    struct trail trail = {0};
    yyjson_mut_val *body = NULL;
    const char *action = arena_printf(call->arena, "%s/write", r->type);
    err_t err;

    *answer = (struct control_answer){0};
    if (kind == NULL) {
        control_refuse(call, answer, 400, "InvalidResourceType",
                       "The resource type '%s' could not be found here.", r->type);
        return;
    }
    if (action == NULL || !control_caller_may(call, action, r->id)) {
        control_refuse(call, answer, 403, "AuthorizationFailed",
                       "The client '%s' with object id '%s' does not have authorization to perform "
                       "action '%s' over scope '%s'.",
                       access_caller_shown(call->caller), call->caller->object_id, action, r->id);
        return;
    }
    if (r->n_depends > 0 || kind == &kind_deployment ||
        is_parent_made(call, request->template, r->id)) {
        return; /* what it needs is yet to be made */
    }
    err = template_body(request->template, index, NULL, NULL, call->arena, call->doc, &trail,
                        &fault, &body);
    if (err) {
        deploy_refuse(call, request->name, err, &trail, &fault, answer);
        return;
    }
    call->is_dry = true;
    control_do(call, HTTP_PUT, r->id, r->api_version, body, answer);
}

/* Each in the same memory after the other: all bodies together may be more than a request has. */
static bool check_all(struct control_call *call, const struct deploy_request *request,
                      struct arena *arena, yyjson_mut_val *details)
{
    struct control_call own;
    struct control_answer answer;

    for (size_t i = 0; i < template_n_resources(request->template); i++) {
        const struct template_resource *r = template_resource(request->template, i);

        if (r->is_skipped || r->is_existing) {
            continue;
        }
        arena_reset(arena);
        own = *call;
        own.arena = arena;
        own.doc = json_new(arena);
        if (own.doc == NULL) {
            return false;
        }
        check_one(&own, request, i, &answer);
        if (answer.code != NULL) {
            add_detail(call, details, r, &own, &answer);
        }
    }
    return true;
}

bool deploy_preflight(struct control_call *call, const struct deploy_request *request,
                      struct control_answer *ret)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(DEPLOY_BODY_ARENA_BYTES);
    yyjson_mut_val *details = yyjson_mut_arr(call->doc);

    if (arena == NULL || details == NULL || !check_all(call, request, arena, details)) {
        control_fail(call, ERR_MEMORY, NULL, ret);
        return false;
    }
    if (yyjson_mut_arr_size(details) == 0) {
        return true;
    }
    control_refuse(
        call, ret, 400, "InvalidTemplateDeployment",
        "The template deployment '%s' is not valid according to the validation procedure. "
        "The tracking id is '%s'. See inner errors for details.",
        request->name, call->correlation);
    ret->details = details;
    return false;
}
