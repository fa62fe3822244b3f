/*
 * engine.c - what is the same for every type: GET, PUT, PATCH, DELETE, lists.
 */
#include "control/internal.h"

#include "base/codec.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

enum { TAGS_MAX = 50, TAG_NAME_MAX = 512, TAG_VALUE_MAX = 256, LOCATION_MAX = 64 };

/* ---- names, locations, tags ---- */

bool name_is_good(const struct control_call *call, const struct kind *kind, struct span name,
                  struct control_answer *ret)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-()";
    size_t max = kind->name_max != 0 ? kind->name_max : 80;
    bool is_good = name.len > 0 && name.len <= max;

    for (size_t i = 0; is_good && kind->name_is_good == NULL && i < name.len; i++) {
        is_good = memchr(allowed, name.data[i], sizeof(allowed) - 1) != NULL;
    }
    if (!is_good || (kind->name_is_good != NULL && !kind->name_is_good(name))) {
        const char *words =
            kind->name_words != NULL
                ? kind->name_words
                : arena_printf(call->arena,
                               "A name of the type '%s' has 1 to %zu letters, digits, periods, "
                               "underscores, hyphens and parentheses.",
                               kind->type, max);

        control_refuse(call, ret, 400, "InvalidResourceName", "Resource name '%.*s' is invalid. %s",
                       (int)name.len, (const char *)name.data, words == NULL ? "" : words);
        return false;
    }
    return true;
}

/* "West US" and "westus" are one location; kept in its short form. */
static const char *short_location(struct arena *arena, const char *text)
{
    size_t len = strlen(text), n = 0;
    char *location = len > LOCATION_MAX ? NULL : arena_alloc(arena, len + 1);

    for (size_t i = 0; location != NULL && i < len; i++) {
        char c = text[i];

        if (c == ' ') {
            continue;
        }
        c = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) {
            return NULL;
        }
        location[n++] = c;
    }
    if (location != NULL) {
        location[n] = '\0';
    }
    return n == 0 ? NULL : location;
}

static bool take_location(struct control_call *call, yyjson_mut_val *body,
                          const struct resource *before, struct resource *wanted,
                          struct control_answer *ret)
{
    const struct kind *kind = wanted->kind;
    yyjson_mut_val *value = body_get(body, "location");
    const char *text = body_text(value);
    bool has_location = (kind->flags & (KIND_HAS_LOCATION | KIND_OWN_LOCATION)) != 0;

    /* null means absent (arm-templates 3.1) */
    value = yyjson_mut_is_null(value) ? NULL : value;
    body_drop(body, "location");
    wanted->location = before != NULL ? before->location : "";
    if (!has_location ||
        (value == NULL && (before != NULL || (kind->flags & KIND_OWN_LOCATION) != 0))) {
        return true;
    }
    if (value == NULL) {
        control_refuse(call, ret, 400, "LocationRequired",
                       "The location property is required for this definition.");
        return false;
    }
    text = text == NULL ? NULL : short_location(call->arena, text);
    if (text == NULL) {
        control_refuse(call, ret, 400, "InvalidLocation",
                       "The location is not the name of one, such as 'westus'.");
        return false;
    }
    if (before != NULL && before->location[0] != '\0' && strcmp(before->location, text) != 0) {
        control_refuse(
            call, ret, 409, "InvalidResourceLocation",
            "The resource '%s' already exists in location '%s'. A resource with the same "
            "name cannot be created in location '%s'. Please select a new resource name.",
            wanted->name, before->location, text);
        return false;
    }
    wanted->location = text;
    return true;
}

static bool check_tags(struct control_call *call, yyjson_mut_val *tags, struct control_answer *ret)
{
    yyjson_mut_obj_iter iter;
    yyjson_mut_val *key;

    if (!yyjson_mut_obj_iter_init(tags, &iter)) {
        control_refuse(call, ret, 400, "InvalidTags", "The tags are not an object of strings.");
        return false;
    }
    if (yyjson_mut_obj_size(tags) > TAGS_MAX) {
        control_refuse(call, ret, 400, "TooManyTags", "A resource has at most %d tags.", TAGS_MAX);
        return false;
    }
    while ((key = yyjson_mut_obj_iter_next(&iter)) != NULL) {
        const char *value = body_text(yyjson_mut_obj_iter_get_val(key));

        if (value == NULL || strlen(value) > TAG_VALUE_MAX || yyjson_mut_get_len(key) == 0 ||
            yyjson_mut_get_len(key) > TAG_NAME_MAX) {
            control_refuse(call, ret, 400, "InvalidTagNameOrValue",
                           "The tag '%.60s' is not good: names have 1 to %d, values at most %d "
                           "characters.",
                           yyjson_mut_get_str(key), TAG_NAME_MAX, TAG_VALUE_MAX);
            return false;
        }
    }
    return true;
}

/* Tags are replaced as a whole, but for a PATCH that takes some away by null: the others stay. */
static yyjson_mut_val *patched_tags(struct control_call *call, const struct resource *before,
                                    yyjson_mut_val *tags)
{
    yyjson_mut_obj_iter iter;
    yyjson_mut_val *key, *merged;
    bool has_null = false;

    (void)yyjson_mut_obj_iter_init(tags, &iter);
    while (!has_null && (key = yyjson_mut_obj_iter_next(&iter)) != NULL) {
        has_null = yyjson_mut_is_null(yyjson_mut_obj_iter_get_val(key));
    }
    if (!has_null || before == NULL) {
        return tags;
    }
    merged = before->tags == NULL ? yyjson_mut_obj(call->doc)
                                  : yyjson_mut_val_mut_copy(call->doc, before->tags);
    body_merge(call->doc, merged, tags);
    body_clean(merged);
    return merged;
}

static bool take_tags(struct control_call *call, yyjson_mut_val *body,
                      const struct resource *before, struct resource *wanted,
                      struct control_answer *ret)
{
    yyjson_mut_val *tags = body_get(body, "tags");

    if (tags == NULL) {
        /* A PUT without tags has none; a PATCH leaves them. */
        wanted->tags = call->method == HTTP_PATCH && before != NULL ? before->tags : NULL;
        return true;
    }
    if (yyjson_mut_is_null(tags)) { /* of a PATCH: away with them */
        wanted->tags = NULL;
        body_drop(body, "tags");
        return true;
    }
    body_drop(body, "tags");
    tags = patched_tags(call, before, tags);
    if (!check_tags(call, tags, ret)) {
        return false;
    }
    wanted->tags = tags;
    return true;
}

/* What only we say. */
static void drop_read_only(yyjson_mut_val *body)
{
    static const char *const names[] = {"id",         "name",      "type",       "etag",
                                        "systemData", "resources", "apiVersion", RESOURCE_PRIVATE};
    yyjson_mut_val *properties = body_get(body, "properties");

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        body_drop(body, names[i]);
    }
    body_drop(properties, "provisioningState");
}

/* ---- conditions ---- */

static bool names_etag(struct span list, const char *etag)
{
    struct span wanted = span_str(etag);

    if (span_is(list, "*")) {
        return true;
    }
    for (size_t i = 0; list.len >= wanted.len && i <= list.len - wanted.len; i++) {
        if (span_equal(span_cut(list, i, wanted.len), wanted)) {
            return true;
        }
    }
    return false;
}

bool condition_holds(const struct control_call *call, const struct resource *before,
                     struct control_answer *ret)
{
    const char *etag = before == NULL ? NULL : resource_etag(call, before);
    bool is_good = true;

    if (call->if_match.data != NULL) {
        is_good = etag != NULL && names_etag(call->if_match, etag);
    }
    if (is_good && call->if_none_match.data != NULL && call->method != HTTP_GET) {
        is_good = etag == NULL || !names_etag(call->if_none_match, etag);
    }
    if (!is_good) {
        control_refuse(call, ret, 412, "PreconditionFailed",
                       "The resource has been modified since it was read, or does not exist as the "
                       "request says (If-Match, If-None-Match). %s%s",
                       etag == NULL ? "There is none." : "Its ETag is ", etag == NULL ? "" : etag);
    }
    return is_good;
}

/* ---- one ---- */

static void answer_one(struct control_call *call, const struct resource *resource, unsigned status,
                       struct control_answer *ret)
{
    ret->etag = resource_etag(call, resource);
    control_answer_value(call, status, resource_value(call, resource), ret);
}

/* ERR_OK and *ret_is_there; else refused. */
static bool load(struct control_call *call, const struct control_target *target,
                 struct resource *ret_resource, bool *ret_is_there, struct control_answer *ret)
{
    struct trail trail = {0};
    err_t err = call->method == HTTP_DELETE
                    ? resource_load_ending(call, target->id, &trail, ret_resource)
                    : resource_load(call, target->id, &trail, ret_resource);

    *ret_is_there = err == ERR_OK;
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        control_fail(call, err, &trail, ret);
        return false;
    }
    return true;
}

/* A name in a group that is not there is that group's fault. */
static void refuse_missing(struct control_call *call, const char *id, struct control_answer *ret)
{
    struct resource_path path;
    struct store_resource row;
    const char *key;

    if (resource_id_read(call->arena, span_str(id), NULL, &path) == ERR_OK &&
        path.group.data != NULL) {
        key = arena_printf(call->arena, "/subscriptions/%.*s/resourcegroups/%.*s",
                           (int)path.subscription.len, (const char *)path.subscription.data,
                           (int)path.group.len, (const char *)path.group.data);
        key = key == NULL ? NULL : resource_key(call->arena, span_str(key));
        if (key != NULL && store_resource_get(call->control->store, call->arena, key, NULL, &row) ==
                               ERR_NOT_FOUND) {
            control_refuse(call, ret, 404, "ResourceGroupNotFound",
                           "Resource group '%.*s' could not be found.", (int)path.group.len,
                           (const char *)path.group.data);
            return;
        }
    }
    control_not_found(call, id, ret);
}

/* False and refused: it cannot be read, or is not there. */
static bool need(struct control_call *call, const struct control_target *target,
                 struct resource *resource, struct control_answer *ret)
{
    bool is_there;

    if (!load(call, target, resource, &is_there, ret)) {
        return false;
    }
    if (!is_there) {
        refuse_missing(call, target->id, ret);
    }
    return is_there;
}

static void get_one(struct control_call *call, const struct control_target *target,
                    struct control_answer *ret)
{
    struct resource resource;

    if (!need(call, target, &resource, ret)) {
        return;
    }
    if (call->if_none_match.data != NULL &&
        names_etag(call->if_none_match, resource_etag(call, &resource))) {
        ret->status = 304;
        ret->etag = resource_etag(call, &resource);
        return;
    }
    answer_one(call, &resource, 200, ret);
}

/* The whole body that is wanted: of a PATCH what is there, changed by it. */
static yyjson_mut_val *wanted_body(struct control_call *call, const struct resource *before,
                                   yyjson_mut_val *sent)
{
    yyjson_mut_val *body;

    if (call->method != HTTP_PATCH || before == NULL) {
        return sent;
    }
    body = yyjson_mut_val_mut_copy(call->doc, before->body);
    body_merge(call->doc, body, sent);
    body_clean(body);
    return body;
}

/* The body as it came: null in a PATCH takes a member away, and means nothing in a PUT. */
static yyjson_mut_val *read_sent(struct control_call *call, struct control_answer *ret)
{
    yyjson_mut_val *value = control_read_body(call, ret);
    yyjson_val *root = NULL;

    if (value == NULL || call->method != HTTP_PATCH || call->body.len == 0) {
        return value;
    }
    if (json_read(call->arena, call->body, NULL, NULL, &root) != ERR_OK) {
        control_refuse(call, ret, 400, "InvalidRequestContent", "the body cannot be read");
        return NULL;
    }
    return yyjson_val_mut_copy(call->doc, root);
}

/* What is on its way out comes back to nobody. */
static bool is_not_going(const struct control_call *call, const struct resource *before,
                         struct control_answer *ret)
{
    if (strcmp(before->state, "Deleting") != 0) {
        return true;
    }
    control_refuse(
        call, ret, 409,
        before->kind == &control_group_kind ? "ResourceGroupBeingDeleted" : "ResourceBeingDeleted",
        "'%s' is in deprovisioning state and cannot perform this operation.", before->name);
    return false;
}

/* Deleted before it was done with: what that has begun for it ends like it. */
static void end_if_gone(struct control_call *call, const struct resource *resource)
{
    struct control_answer ignored = {0};
    struct store_resource row;

    if (resource->kind->gone != NULL &&
        store_resource_get(call->control->store, call->arena, resource->key, NULL, &row) ==
            ERR_NOT_FOUND) {
        resource->kind->gone(call, resource, &ignored);
    }
}

static unsigned written_status(const struct kind *kind, bool was_there)
{
    return was_there ? 200 : kind->made != 0 ? kind->made : 201;
}

/* One try. *ret_is_raced: somebody else was faster, and nothing was written. */
static bool write_one(struct control_call *call, const struct control_target *target,
                      struct control_answer *ret, bool *ret_is_raced)
{
    struct resource before = {0}, wanted;
    bool is_there;
    yyjson_mut_val *sent;

    *ret_is_raced = false;
    *ret = (struct control_answer){0};
    if (!load(call, target, &before, &is_there, ret)) {
        return false;
    }
    if (call->method == HTTP_PATCH && !is_there) {
        refuse_missing(call, target->id, ret);
        return false;
    }
    if (is_there && !is_not_going(call, &before, ret)) {
        return false;
    }
    sent = read_sent(call, ret);
    if (sent == NULL || !condition_holds(call, is_there ? &before : NULL, ret)) {
        return false;
    }
    wanted = is_there ? before : (struct resource){.kind = target->kind, .id = target->id};
    if (!is_there) {
        wanted.key = resource_key(call->arena, span_str(target->id));
        wanted.name = strrchr(target->id, '/') + 1;
    }
    wanted.state = "Succeeded";
    drop_read_only(sent);
    if (!take_location(call, sent, is_there ? &before : NULL, &wanted, ret) ||
        !take_tags(call, sent, is_there ? &before : NULL, &wanted, ret)) {
        return false;
    }
    wanted.body = wanted_body(call, is_there ? &before : NULL, sent);
    if (is_there && body_get(before.body, RESOURCE_PRIVATE) != NULL) {
        body_set(call->doc, wanted.body, RESOURCE_PRIVATE,
                 yyjson_mut_val_mut_copy(call->doc, body_get(before.body, RESOURCE_PRIVATE)));
    }
    if (wanted.key == NULL || wanted.body == NULL) {
        control_fail(call, ERR_MEMORY, NULL, ret);
        return false;
    }
    if (target->kind->prepare != NULL &&
        !target->kind->prepare(call, is_there ? &before : NULL, &wanted, ret)) {
        return false;
    }
    if (!resource_is_keepable(call, &wanted, ret)) {
        return false;
    }
    if (call->is_dry) {
        answer_one(call, &wanted, written_status(target->kind, is_there), ret);
        return true;
    }
    if (!resource_replace(call, is_there ? &before : NULL, &wanted, ret, ret_is_raced)) {
        return false;
    }
    if (target->kind->done != NULL) {
        target->kind->done(call, is_there ? &before : NULL, &wanted, ret);
        end_if_gone(call, &wanted);
    }
    if (ret->code == NULL) {
        answer_one(call, &wanted, written_status(target->kind, is_there), ret);
    }
    return true;
}

static void put_one(struct control_call *call, const struct control_target *target,
                    struct control_answer *ret)
{
    struct span name = resource_path_name(&call->path);
    bool is_raced = true;

    if (!name_is_good(call, target->kind, name, ret)) {
        return;
    }
    for (int i = 0; is_raced && i < CONTROL_RETRIES; i++) {
        (void)write_one(call, target, ret, &is_raced); /* If-Match is looked at again each time */
    }
}

/* With all that lies below it, and the roles at these, as it was loaded: who may go was asked about
 * that, and is told. False and refused, or is_raced. */
static bool remove_one(struct control_call *call, const struct resource *resource,
                       struct control_answer *ret, bool *ret_is_raced)
{
    enum store_resource_bar bar = STORE_RESOURCE_NO_BAR;
    struct trail trail = {0};
    bool was_there = false, may_still;
    size_t n_roles = 0;
    err_t err = ERR_OK;

    control_hold_scopes(call->control);
    may_still = scopes_may_still(call, ret);
    if (may_still) {
        err = scope_forget(call, resource->id, &trail, &n_roles);
        err = err ? err
                  : store_resource_remove(call->control->store, resource->key, resource->version,
                                          &trail, &was_there, &bar);
    }
    control_let_scopes(call->control);
    if (err) {
        control_fail(call, err, &trail, ret);
    }
    *ret_is_raced = bar == STORE_RESOURCE_CHANGED;
    if (!may_still || err || *ret_is_raced) {
        return false;
    }
    ret->status = was_there ? 200 : 204;
    ret->note = scope_note(call, n_roles);
    return was_there;
}

/* One try. *ret_is_raced: it was changed meanwhile, and is still there. */
static void try_delete(struct control_call *call, const struct control_target *target,
                       struct control_answer *ret, bool *ret_is_raced)
{
    struct resource resource;
    bool is_there;

    *ret_is_raced = false;
    *ret = (struct control_answer){0};
    if (!load(call, target, &resource, &is_there, ret)) {
        return;
    }
    if (!condition_holds(call, is_there ? &resource : NULL, ret)) {
        return;
    }
    if (!is_there) {
        ret->status = 204;
        return;
    }
    if (target->kind->may_go != NULL && !target->kind->may_go(call, &resource, ret)) {
        return;
    }
    if (remove_one(call, &resource, ret, ret_is_raced) && target->kind->gone != NULL) {
        target->kind->gone(call, &resource, ret);
    }
}

static void delete_one(struct control_call *call, const struct control_target *target,
                       struct control_answer *ret)
{
    bool is_raced = true;

    for (int i = 0; is_raced && i < CONTROL_RETRIES; i++) {
        try_delete(call, target, ret, &is_raced); /* If-Match is looked at again each time */
    }
    if (is_raced) {
        control_refuse(call, ret, 409, "Conflict",
                       "Others changed the same resource all the time; try again.");
    }
}

static void act(struct control_call *call, const struct control_target *target,
                struct control_answer *ret)
{
    struct resource resource;

    if (!need(call, target, &resource, ret)) {
        return;
    }
    if (scopes_may_still(call, ret)) { /* of what was loaded, whoever's it is by now */
        target->kind_action->act(call, &resource, ret);
    }
}

/* ---- lists ---- */

/* A list of a parent that is not there is no empty list. */
static bool scope_is_there(struct control_call *call, const struct control_target *target,
                           struct control_answer *ret)
{
    const char *key = resource_key(call->arena, span_str(target->scope));
    struct store_resource row;
    struct trail trail = {0};
    err_t err;

    if (call->path.group.data == NULL) {
        return true;
    }
    err = key == NULL ? ERR_MEMORY
                      : store_resource_get(call->control->store, call->arena, key, &trail, &row);
    if (err == ERR_NOT_FOUND) {
        refuse_missing(call, target->scope, ret);
    } else if (err) {
        control_fail(call, err, &trail, ret);
    }
    return err == ERR_OK;
}

void resource_run(struct control_call *call, const struct control_target *target,
                  struct control_answer *ret)
{
    if (target->kind_action != NULL) {
        act(call, target, ret);
        return;
    }
    if (target->id == NULL) {
        if (scope_is_there(call, target, ret)) {
            list_kind(call, target, ret);
        }
        return;
    }
    switch (call->method) {
    case HTTP_PUT:
    case HTTP_PATCH:
        put_one(call, target, ret);
        break;
    case HTTP_DELETE:
        delete_one(call, target, ret);
        break;
    case HTTP_GET:
    case HTTP_HEAD:
    case HTTP_POST:
    case HTTP_OPTIONS:
    default:
        get_one(call, target, ret);
        break;
    }
}
