/*
 * what-if.c - what a deployment would change, property by property (arm-templates section 6).
 */
#include "deploy/internal.h"

#include "base/text.h"
#include "resource/join-token.h"

#include <stdio.h>

enum {
    DELTA_DEPTH_MAX = 32,
    PAGE = 500,
    NAMES_BYTES = 4 * DEPLOY_MIB, /* of a page: key, id and subscription of each */
};

/* What only the server says is no difference. */
static bool is_read_only(const char *name)
{
    static const char *const names[] = {
        "provisioningState",   "etag",       "vmId",          "instanceView", "timeCreated",
        "resourceGuid",        "macAddress", "bootIntegrity", "principalId",  "tenantId",
        "resources",           "id",         "type",          "systemData",   "virtualMachine",
        "defaultSecurityRules"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (text_equal_nocase(name, names[i])) {
            return true;
        }
    }
    return false;
}

static void drop_read_only(yyjson_mut_val *value, bool is_top)
{
    yyjson_mut_obj_iter members;
    yyjson_mut_arr_iter items;
    yyjson_mut_val *at;

    if (yyjson_mut_obj_iter_init(value, &members)) {
        while ((at = yyjson_mut_obj_iter_next(&members)) != NULL) {
            /* An id inside is a reference to another resource. */
            bool is_reference = !is_top && strcmp(yyjson_mut_get_str(at), "id") == 0;

            if (is_read_only(yyjson_mut_get_str(at)) && !is_reference &&
                !(strcmp(yyjson_mut_get_str(at), "type") == 0 && !is_top)) {
                (void)yyjson_mut_obj_iter_remove(&members);
            } else {
                drop_read_only(yyjson_mut_obj_iter_get_val(at), false);
            }
        }
    } else if (yyjson_mut_arr_iter_init(value, &items)) {
        while ((at = yyjson_mut_arr_iter_next(&items)) != NULL) {
            drop_read_only(at, false);
            if (body_get(at, "name") != NULL) { /* a child: its id follows from its name */
                body_drop(at, "id");
                body_drop(at, "etag");
            }
        }
    }
}

/* ---- differences ---- */

static yyjson_mut_val *change(struct control_call *call, const char *path, const char *type,
                              yyjson_mut_val *before, yyjson_mut_val *after,
                              yyjson_mut_val *children)
{
    yyjson_mut_doc *doc = call->doc;
    yyjson_mut_val *object = yyjson_mut_obj(doc);

    json_add_text(doc, object, "path", path);
    json_add_text(doc, object, "propertyChangeType", type);
    json_add_value(doc, object, "before",
                   before == NULL ? yyjson_mut_null(doc) : yyjson_mut_val_mut_copy(doc, before));
    json_add_value(doc, object, "after",
                   after == NULL ? yyjson_mut_null(doc) : yyjson_mut_val_mut_copy(doc, after));
    json_add_value(doc, object, "children", children == NULL ? yyjson_mut_null(doc) : children);
    return object;
}

static const char *join(struct control_call *call, const char *path, const char *name)
{
    return path[0] == '\0' ? arena_printf(call->arena, "%s", name)
                           : arena_printf(call->arena, "%s.%s", path, name);
}

static void compare(struct control_call *call, const char *path, yyjson_mut_val *before,
                    yyjson_mut_val *after, yyjson_mut_val *delta, unsigned depth);

static void compare_arrays(struct control_call *call, const char *path, yyjson_mut_val *before,
                           yyjson_mut_val *after, yyjson_mut_val *delta, unsigned depth)
{
    size_t n_before = yyjson_mut_arr_size(before), n_after = yyjson_mut_arr_size(after);
    size_t n = n_before > n_after ? n_before : n_after;
    yyjson_mut_val *children = yyjson_mut_arr(call->doc);

    for (size_t i = 0; i < n; i++) {
        yyjson_mut_val *a = i < n_before ? yyjson_mut_arr_get(before, i) : NULL;
        yyjson_mut_val *b = i < n_after ? yyjson_mut_arr_get(after, i) : NULL;
        const char *index = arena_printf(call->arena, "%zu", i);
        yyjson_mut_val *inner;

        if (body_equal(a, b)) {
            continue;
        }
        if (a == NULL || b == NULL || !yyjson_mut_is_obj(a) || !yyjson_mut_is_obj(b)) {
            (void)yyjson_mut_arr_append(children, change(call, index,
                                                         a == NULL   ? "Create"
                                                         : b == NULL ? "Delete"
                                                                     : "Modify",
                                                         a, b, NULL));
            continue;
        }
        inner = yyjson_mut_arr(call->doc);
        compare(call, "", a, b, inner, depth + 1);
        (void)yyjson_mut_arr_append(children, change(call, index, "Modify", NULL, NULL, inner));
    }
    (void)yyjson_mut_arr_append(delta, change(call, path, "Array", NULL, NULL, children));
}

static void compare_member(struct control_call *call, const char *path, yyjson_mut_val *before,
                           yyjson_mut_val *after, yyjson_mut_val *delta, unsigned depth)
{
    if (body_equal(before, after)) {
        return;
    }
    if (depth < DELTA_DEPTH_MAX && yyjson_mut_is_obj(before) && yyjson_mut_is_obj(after)) {
        compare(call, path, before, after, delta, depth + 1);
    } else if (depth < DELTA_DEPTH_MAX && yyjson_mut_is_arr(before) && yyjson_mut_is_arr(after)) {
        compare_arrays(call, path, before, after, delta, depth);
    } else {
        (void)yyjson_mut_arr_append(delta, change(call, path,
                                                  before == NULL  ? "Create"
                                                  : after == NULL ? "Delete"
                                                                  : "Modify",
                                                  before, after, NULL));
    }
}

static void compare(struct control_call *call, const char *path, yyjson_mut_val *before,
                    yyjson_mut_val *after, yyjson_mut_val *delta, unsigned depth)
{
    yyjson_mut_obj_iter iter;
    yyjson_mut_val *key;

    (void)yyjson_mut_obj_iter_init(after, &iter);
    while ((key = yyjson_mut_obj_iter_next(&iter)) != NULL) {
        const char *name = yyjson_mut_get_str(key);

        compare_member(call, join(call, path, name), body_get(before, name),
                       yyjson_mut_obj_iter_get_val(key), delta, depth);
    }
    (void)yyjson_mut_obj_iter_init(before, &iter);
    while ((key = yyjson_mut_obj_iter_next(&iter)) != NULL) {
        const char *name = yyjson_mut_get_str(key);

        if (body_get(after, name) == NULL) {
            compare_member(call, join(call, path, name), yyjson_mut_obj_iter_get_val(key), NULL,
                           delta, depth);
        }
    }
}

/* ---- resources ---- */

static yyjson_mut_val *read_value(struct control_call *call, struct span body)
{
    yyjson_val *root = NULL;

    return json_read(call->arena, body, NULL, NULL, &root) == ERR_OK
               ? yyjson_val_mut_copy(call->doc, root)
               : NULL;
}

static yyjson_mut_val *current(struct control_call *call, const char *id, const char *version)
{
    struct control_answer answer;

    control_do(call, HTTP_GET, id, version, NULL, &answer);
    return answer.code == NULL && answer.status == 200 ? read_value(call, answer.body) : NULL;
}

/* What it would be: as the server would keep it; when that cannot be known yet, as it was sent. */
static yyjson_mut_val *desired(struct control_call *call, const struct deploy_request *request,
                               size_t index, struct control_answer *ret)
{
    const struct template_resource *r = template_resource(request->template, index);
    struct control_call dry = *call;
    struct template_fault fault = {0};
    struct trail trail = {0};
    struct control_answer answer;
    yyjson_mut_val *body = NULL, *value;
    err_t err = template_body(request->template, index, NULL, NULL, call->arena, call->doc, &trail,
                              &fault, &body);

    if (err) {
        deploy_refuse(call, request->name, err, &trail, &fault, ret);
        return NULL;
    }
    dry.is_dry = true;
    control_do(&dry, HTTP_PUT, r->id, r->api_version, body, &answer);
    value = answer.code == NULL && answer.body.len > 0 ? read_value(call, answer.body) : NULL;
    if (value == NULL) {
        value = body;
        body_set_text(call->doc, value, "name", r->name);
    }
    return value;
}

static yyjson_mut_val *result(struct control_call *call, const char *id, const char *type,
                              yyjson_mut_val *before, yyjson_mut_val *after, yyjson_mut_val *delta,
                              bool is_ids_only)
{
    yyjson_mut_doc *doc = call->doc;
    yyjson_mut_val *object = yyjson_mut_obj(doc);

    json_add_text(doc, object, "resourceId", id);
    json_add_text(doc, object, "changeType", type);
    if (is_ids_only) {
        return object;
    }
    if (before != NULL) {
        json_add_value(doc, object, "before", before);
    }
    if (after != NULL) {
        json_add_value(doc, object, "after", after);
    }
    if (delta != NULL) {
        json_add_value(doc, object, "delta", delta);
    }
    join_token_strike(call->arena, object);
    return object;
}

static void add_identity(struct control_call *call, yyjson_mut_val *value,
                         const struct template_resource *r)
{
    body_set_text(call->doc, value, "id", r->id);
    body_set_text(call->doc, value, "type", r->type);
    body_set_text(call->doc, value, "apiVersion", r->api_version);
}

/* NULL and refused. */
static yyjson_mut_val *change_of(struct control_call *call, const struct deploy_request *request,
                                 size_t index, struct control_answer *ret)
{
    const struct template_resource *r = template_resource(request->template, index);
    yyjson_mut_val *before, *after, *delta = NULL;
    const char *type;

    if (text_equal_nocase(r->type, DEPLOYMENT_TYPE)) {
        return result(call, r->id, "Deploy", NULL, NULL, NULL, true);
    }
    before = current(call, r->id, r->api_version);
    after = desired(call, request, index, ret);
    if (after == NULL) {
        return NULL;
    }
    drop_read_only(after, true);
    if (before == NULL) {
        type = "Create";
    } else {
        drop_read_only(before, true);
        delta = yyjson_mut_arr(call->doc);
        compare(call, "", before, after, delta, 0);
        type = yyjson_mut_arr_size(delta) == 0 ? "NoChange" : "Modify";
        add_identity(call, before, r);
    }
    add_identity(call, after, r);
    return result(call, r->id, type, before, after, delta, request->is_ids_only);
}

static void refuse_size(struct control_call *call, const struct deploy_request *request,
                        struct control_answer *ret)
{
    control_refuse(call, ret, 413, "RequestTooLarge",
                   request->is_ids_only
                       ? "The ids of all that the template and the group have take more memory "
                         "than one request may use: split the group."
                       : "All differences, and what the group has beside the template, take more "
                         "memory than one request may use: ask for ResourceIdOnly (az: "
                         "--result-format), or split the template or the group.");
}

/* Each is worked out in the same memory after the other; what is told of it stays. */
static bool add_changes(struct control_call *call, const struct deploy_request *request,
                        struct arena *arena, yyjson_mut_val *changes, struct control_answer *ret)
{
    for (size_t i = 0; i < template_n_resources(request->template); i++) {
        const struct template_resource *r = template_resource(request->template, i);
        struct control_call own = *call;
        struct control_answer answer = {0};
        yyjson_mut_val *value;

        if (r->is_skipped || r->is_existing) {
            continue;
        }
        arena_reset(arena);
        own.arena = arena;
        own.doc = json_new(arena);
        value = own.doc == NULL ? NULL : change_of(&own, request, i, &answer);
        if (value == NULL) {
            control_refuse(call, ret, answer.code == NULL ? 503 : answer.status,
                           answer.code == NULL ? "ServiceUnavailable" : answer.code, "%s",
                           answer.code == NULL ? "there is no memory now" : answer.message);
            return false;
        }
        if (!yyjson_mut_arr_append(changes, yyjson_mut_val_mut_copy(call->doc, value))) {
            refuse_size(call, request, ret);
            return false;
        }
    }
    return true;
}

static bool may_read(struct control_call *call, const struct kind *kind, const char *id)
{
    const char *action = arena_printf(call->arena, "%s/read", kind->type);

    return action != NULL && control_caller_may(call, action, id);
}

/* One of the group that the template does not name: it stays, or in mode Complete it goes. NULL:
 * nothing is told of it. */
static yyjson_mut_val *other_of(struct control_call *call, const struct deploy_request *request,
                                const char *id)
{
    bool goes = false;
    const struct kind *kind = deploy_leftover(call, request->template, id, &goes);
    yyjson_mut_val *before = NULL;
    struct resource resource;

    if (kind == NULL || !may_read(call, kind, id)) {
        return NULL;
    }
    if (!request->is_ids_only) {
        /* One that cannot be read goes or stays like the others. */
        err_t err = resource_load(call, id, NULL, &resource);

        if (err == ERR_NOT_FOUND) {
            return NULL;
        }
        before = err ? NULL : resource_value(call, &resource);
    }
    return result(call, id, request->is_complete && goes ? "Delete" : "Ignore", before, NULL, NULL,
                  request->is_ids_only);
}

/* Of a page of rows. Each in the same memory after the other, as add_changes does it. */
static bool add_page(struct control_call *call, const struct deploy_request *request,
                     struct arena *arena, const struct store_resource *rows, size_t n,
                     yyjson_mut_val *changes, struct control_answer *ret)
{
    for (size_t i = 0; i < n; i++) {
        struct control_call own = *call;
        yyjson_mut_val *value;

        arena_reset(arena);
        own.arena = arena;
        own.doc = json_new(arena);
        value = own.doc == NULL ? NULL : other_of(&own, request, rows[i].id);
        if (arena_is_exhausted(arena) ||
            (value != NULL &&
             !yyjson_mut_arr_append(changes, yyjson_mut_val_mut_copy(call->doc, value)))) {
            refuse_size(call, request, ret);
            return false;
        }
    }
    return true;
}

/* What is in the group beside the template. It may be very much: what is known at a time is a page
 * of names and one body. */
static bool add_others(struct control_call *call, const struct deploy_request *request,
                       struct arena *arena, yyjson_mut_val *changes, struct control_answer *ret)
{
    CLEANUP(arena_free) struct arena *names = arena_new(NAMES_BYTES);
    char after[STORE_RESOURCE_KEY_MAX + 1] = "";
    struct store_resource_query query = {.below =
                                             resource_key(call->arena, span_str(request->group_id)),
                                         .subscription = "",
                                         .type = "",
                                         .after = after,
                                         .max = PAGE,
                                         .is_short = true};
    struct trail trail = {0};
    size_t n = PAGE;
    err_t err = names == NULL || query.below == NULL ? ERR_MEMORY : ERR_OK;

    while (err == ERR_OK && n == PAGE) {
        struct store_resource *rows = NULL;

        arena_reset(names);
        err = store_resources(control_store(call->control), names, &query, &trail, &rows, &n);
        if (err == ERR_OK && !add_page(call, request, arena, rows, n, changes, ret)) {
            return false;
        }
        if (err == ERR_OK && n > 0) {
            snprintf(after, sizeof(after), "%s", rows[n - 1].key);
        }
    }
    if (err) {
        control_fail(call, err, &trail, ret);
    }
    return err == ERR_OK;
}

void deploy_what_if(struct control_call *call, const struct deploy_request *request,
                    struct control_answer *ret)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(DEPLOY_BODY_ARENA_BYTES);
    yyjson_mut_doc *doc = call->doc;
    yyjson_mut_val *root = yyjson_mut_obj(doc), *properties, *changes;

    if (arena == NULL) {
        control_fail(call, ERR_MEMORY, NULL, ret);
        return;
    }

    json_add_text(doc, root, "status", "Succeeded");
    properties = json_add_object(doc, root, "properties");
    json_add_text(doc, properties, "correlationId", call->correlation);
    changes = json_add_array(doc, properties, "changes");
    if (!add_changes(call, request, arena, changes, ret) ||
        !add_others(call, request, arena, changes, ret)) {
        return;
    }
    control_answer_value(call, 200, root, ret);
    if (ret->status == 413) {
        refuse_size(call, request, ret);
    }
}
