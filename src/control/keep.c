/*
 * keep.c - resources between the store and values that can be changed.
 */
#include "control/internal.h"

#include "base/codec.h"
#include "base/log.h"
#include "base/text.h"

#include <stdio.h>

enum {
    KEEP_DEPTH = 80,
    KEEP_VALUES = 50000,    /* a body that is taken, and what is added to it */
    KEEP_ADDED = 64 * 1024, /* bytes that the server adds at most */
    READ_VALUES = 400000,   /* more were kept once */
};

static err_t read_value(struct control_call *call, struct span json, struct trail *trail,
                        yyjson_mut_val **ret)
{
    static const struct json_limits limits = {.max_depth = KEEP_DEPTH, .max_values = READ_VALUES};
    yyjson_val *root = NULL;
    err_t err = json_read(call->arena, json, &limits, trail, &root);

    *ret = err ? NULL : yyjson_val_mut_copy(call->doc, root);
    return err ? err : *ret == NULL ? ERR_MEMORY : ERR_OK;
}

static err_t take(struct control_call *call, const struct kind *kind,
                  const struct store_resource *row, struct trail *trail, struct resource *ret)
{
    const char *slash = strrchr(row->id, '/');
    err_t err;

    *ret = (struct resource){.kind = kind,
                             .id = row->id,
                             .key = row->key,
                             .name = slash == NULL ? row->id : slash + 1,
                             .location = row->location,
                             .state = row->state,
                             .version = row->version,
                             .created = row->created,
                             .changed = row->changed};
    err = read_value(call, row->tags, trail, &ret->tags);
    return err ? err : read_value(call, row->body, trail, &ret->body);
}

static const struct kind *kind_of_id(struct control_call *call, const char *id)
{
    struct resource_path path;
    const char *type;

    if (resource_id_read(call->arena, span_str(id), NULL, &path) != ERR_OK) {
        return NULL;
    }
    if (path.ns.data == NULL) {
        return &control_group_kind;
    }
    type = resource_path_type(call->arena, &path);
    return type == NULL ? NULL : kind_find(call->control, type);
}

static void log_unreadable(const struct resource *resource, err_t err, const struct trail *trail)
{
    struct log_line line;
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 48];

    trail_format(trail, err, words, sizeof(words));
    log_begin(&line, LOG_ERROR, "resource.unreadable");
    log_text(&line, "resource", resource->key);
    log_text(&line, "cause", words);
    log_text(&line, "effect", "it is left out until it is deleted");
    log_end(&line);
}

/* For its end: what cannot be read goes like one with an empty body. */
static err_t take_ending(struct control_call *call, const struct kind *kind,
                         const struct store_resource *row, struct trail *trail,
                         struct resource *ret)
{
    struct trail why = {0};
    err_t err = take(call, kind, row, &why, ret);

    (void)trail;
    if (err == ERR_OK || err == ERR_MEMORY) {
        return err;
    }
    log_unreadable(ret, err, &why);
    ret->tags = NULL;
    ret->body = yyjson_mut_obj(call->doc);
    return ret->body == NULL ? ERR_MEMORY : ERR_OK;
}

typedef err_t take_row(struct control_call *call, const struct kind *kind,
                       const struct store_resource *row, struct trail *trail, struct resource *ret);

static err_t load_one(struct control_call *call, const char *id, take_row *take_one,
                      struct trail *trail, struct resource *ret)
{
    const char *key = resource_key(call->arena, span_str(id));
    struct store_resource row;
    err_t err = key == NULL
                    ? ERR_MEMORY
                    : store_resource_get(call->control->store, call->arena, key, trail, &row);

    return err ? err : take_one(call, kind_of_id(call, row.id), &row, trail, ret);
}

err_t resource_load(struct control_call *call, const char *id, struct trail *trail,
                    struct resource *ret)
{
    return load_one(call, id, take, trail, ret);
}

err_t resource_load_ending(struct control_call *call, const char *id, struct trail *trail,
                           struct resource *ret)
{
    return load_one(call, id, take_ending, trail, ret);
}

/* ---- pages ---- */

static err_t take_page(struct control_call *call, const struct kind *kind,
                       const struct store_resource *rows, size_t n, take_row *take_one,
                       struct resource_page *page)
{
    for (size_t i = 0; i < n; i++) {
        const struct kind *own = kind != NULL ? kind : kind_of_id(call, rows[i].id);
        struct resource *item = &page->items[page->n];
        struct trail trail = {0};
        err_t err = take_one(call, own, &rows[i], &trail, item);

        if (err == ERR_MEMORY) {
            return err;
        }
        if (err) {
            log_unreadable(item, err, &trail);
        } else {
            page->n++;
        }
    }
    return ERR_OK;
}

static err_t load_page(struct control_call *call, const struct kind *kind, const char *below,
                       const char *after, size_t max, take_row *take_one, struct trail *trail,
                       struct resource_page *ret)
{
    struct store_resource_query query = {
        .below = resource_key(call->arena, span_str(below)),
        .subscription = "",
        .type = "",
        .after = after,
        .max = max,
        .bytes_max = RESOURCE_PAGE_BYTES,
    };
    struct store_resource *rows = NULL;
    struct resource_path path;
    size_t n = 0, bytes = 0;
    err_t err = query.below == NULL ? ERR_MEMORY
                                    : resource_id_read(call->arena, span_str(below), trail, &path);

    if (err == ERR_OK && kind != NULL) {
        query.subscription = resource_key(call->arena, path.subscription);
        query.type = resource_key(call->arena, span_str(kind->type));
        err = query.subscription == NULL || query.type == NULL ? ERR_MEMORY : ERR_OK;
    }
    err = err ? err : store_resources(call->control->store, call->arena, &query, trail, &rows, &n);
    if (err) {
        return err;
    }
    for (size_t i = 0; i < n; i++) {
        bytes += rows[i].tags.len + rows[i].body.len;
    }
    *ret = (struct resource_page){.items = arena_calloc(call->arena, n + 1, sizeof(*ret->items)),
                                  .last = n == 0 ? after : rows[n - 1].key,
                                  .is_end = n < max && bytes < RESOURCE_PAGE_BYTES};
    return ret->items == NULL ? ERR_MEMORY : take_page(call, kind, rows, n, take_one, ret);
}

err_t resources_page(struct control_call *call, const struct kind *kind, const char *below,
                     const char *after, size_t max, struct trail *trail, struct resource_page *ret)
{
    return load_page(call, kind, below, after, max, take, trail, ret);
}

err_t resources_page_ending(struct control_call *call, const char *below, size_t max,
                            struct trail *trail, struct resource_page *ret)
{
    return load_page(call, NULL, below, "", max, take_ending, trail, ret);
}

err_t resources_load(struct control_call *call, const struct kind *kind, const char *below,
                     const char *after, size_t max, struct trail *trail, struct resource **ret,
                     size_t *ret_n)
{
    struct resource *all = arena_calloc(call->arena, max + 1, sizeof(*all));
    struct resource_page page = {.last = after};
    size_t n = 0;
    err_t err = all == NULL ? ERR_MEMORY : ERR_OK;

    while (err == ERR_OK && n < max && !page.is_end) {
        err = resources_page(call, kind, below, page.last, max - n, trail, &page);
        if (err == ERR_OK && page.n > 0) {
            memcpy(all + n, page.items, page.n * sizeof(*all));
            n += page.n;
        }
    }
    *ret = all;
    *ret_n = n;
    return err;
}

/* ---- ids ---- */

/* Where the word begins that ends at `end` or, when that begins one, the word before. */
static size_t word_before(const char *id, size_t end)
{
    while (end > 0 && id[end - 1] == '/') {
        end--;
    }
    while (end > 0 && id[end - 1] != '/') {
        end--;
    }
    return end;
}

const char *resource_parent_id(struct arena *arena, const char *id)
{
    static const char word[] = "providers";
    size_t len = strlen(id), slashes = 0, before;

    /* Name and type are cut off; of a resource in a group "/providers/NS" too. */
    while (len > 0 && slashes < 2) {
        slashes += id[--len] == '/';
    }
    before = word_before(id, word_before(id, len));
    if (before + sizeof(word) <= len && id[before + sizeof(word) - 1] == '/' &&
        text_span_equal_nocase(span_of(id + before, sizeof(word) - 1), word)) {
        len = before > 0 ? before - 1 : 0;
    }
    return arena_printf(arena, "%.*s", (int)len, id);
}

/* "/subscriptions/s/resourcegroups/g" of a key; "" for one that is in no group. */
static const char *group_key(struct arena *arena, const char *key)
{
    struct resource_path path;

    if (resource_id_read(arena, span_str(key), NULL, &path) != ERR_OK || path.group.data == NULL) {
        return "";
    }
    return arena_printf(arena, "/subscriptions/%.*s/resourcegroups/%.*s",
                        (int)path.subscription.len, (const char *)path.subscription.data,
                        (int)path.group.len, (const char *)path.group.data);
}

/* ---- writing ---- */

bool resource_refuse_bar(struct control_call *call, const struct resource *resource,
                         enum store_resource_bar bar, const char *parent, bool is_group,
                         struct control_answer *ret)
{
    struct resource_path path = {0};

    (void)!resource_id_read(call->arena, span_str(resource->id), NULL, &path);
    switch (bar) {
    case STORE_RESOURCE_NO_PARENT:
        if (is_group) {
            control_refuse(call, ret, 404, "ResourceGroupNotFound",
                           "Resource group '%.*s' could not be found.", (int)path.group.len,
                           (const char *)path.group.data);
        } else {
            control_refuse(call, ret, 404, "ParentResourceNotFound",
                           "Failed to perform 'write' on resource(s) of type '%s', because the "
                           "parent resource '%s' could not be found.",
                           resource->kind == NULL ? "" : resource->kind->type, parent);
        }
        return false;
    case STORE_RESOURCE_GOING:
        control_refuse(call, ret, 409,
                       is_group ? "ResourceGroupBeingDeleted" : "ResourceBeingDeleted",
                       is_group ? "The resource group '%.*s' is in deprovisioning state and cannot "
                                  "perform this operation."
                                : "A resource above it in resource group '%.*s' is being deleted.",
                       (int)path.group.len, (const char *)path.group.data);
        return false;
    case STORE_RESOURCE_FULL:
        control_refuse(call, ret, 409, CONTROL_QUOTA,
                       "There are %d resources here already, and no more are kept.",
                       STORE_RESOURCES_MAX);
        return false;
    case STORE_RESOURCE_SUBSCRIPTION_FULL:
        control_refuse(call, ret, 409, CONTROL_QUOTA,
                       "The subscription '%.*s' has %d resources already, and no more are kept: "
                       "delete what is not needed.",
                       (int)path.subscription.len, (const char *)path.subscription.data,
                       STORE_RESOURCES_SUBSCRIPTION_MAX);
        return false;
    case STORE_RESOURCE_SUBSCRIPTION_BYTES_FULL:
        control_refuse(call, ret, 409, CONTROL_QUOTA,
                       "The resources of the subscription '%.*s', with what is kept of its "
                       "deployments, take %d MiB, and no more is kept: delete deployments and "
                       "resources that are not needed.",
                       (int)path.subscription.len, (const char *)path.subscription.data,
                       STORE_RESOURCES_SUBSCRIPTION_BYTES_MAX / (1024 * 1024));
        return false;
    case STORE_RESOURCE_CHANGED:
        control_refuse(call, ret, 409, "Conflict",
                       "Somebody else changed '%s' at the same time; try again.", resource->id);
        return false;
    case STORE_RESOURCE_NO_BAR:
    default:
        return true;
    }
}

static err_t to_row(struct control_call *call, const struct resource *resource,
                    struct store_resource *ret)
{
    struct resource_path path;
    const char *type;
    err_t err = resource_id_read(call->arena, span_str(resource->key), NULL, &path);

    if (err) {
        return err;
    }
    type = path.ns.data == NULL ? GROUP_TYPE : resource_path_type(call->arena, &path);
    *ret = (struct store_resource){
        .key = resource->key,
        .id = resource->id,
        .subscription = resource_key(call->arena, path.subscription),
        .type = type,
        .location = resource->location,
        .state = resource->state,
        .tags = resource->tags == NULL ? span_str("{}")
                                       : json_write(call->arena, call->doc, resource->tags, false),
        .body = json_write(call->arena, call->doc, resource->body, false),
        .version = resource->version,
        .holder = resource->holder,
        .is_owed = resource->is_owed,
    };
    return ret->subscription == NULL || ret->type == NULL || ret->tags.data == NULL ||
                   ret->body.data == NULL
               ? ERR_MEMORY
               : mentions_of(call, resource, &ret->mentions);
}

bool resource_is_keepable(struct control_call *call, const struct resource *resource,
                          struct control_answer *ret)
{
    static const struct json_limits limits = {.max_depth = KEEP_DEPTH, .max_values = KEEP_VALUES};
    const struct kind *kind = resource->kind;
    size_t max = kind != NULL && kind->body_max != 0 ? kind->body_max : CONTROL_BODY_MAX;
    struct span json = json_write(call->arena, call->doc, resource->body, false);
    struct trail trail = {0};
    yyjson_val *ignored = NULL;
    err_t err = json.data == NULL ? ERR_MEMORY : ERR_OK;

    if (err == ERR_OK && json.len > max + KEEP_ADDED) {
        control_refuse(call, ret, 413, "RequestTooLarge",
                       "'%s' would have %zu bytes with this change; at most %zu are kept.",
                       resource->name, json.len, max);
        return false;
    }
    err = err ? err : json_read(call->arena, json, &limits, &trail, &ignored);
    if (err && err != ERR_MEMORY) {
        control_refuse(call, ret, 400, "InvalidRequestContent",
                       "'%s' could not be read with this change: %s", resource->name, trail.what);
        return false;
    }
    if (err) {
        control_fail(call, err, &trail, ret);
    }
    return err == ERR_OK;
}

bool resource_write(struct control_call *call, struct resource *resource,
                    struct control_answer *ret, bool *ret_is_raced)
{
    const char *group = group_key(call->arena, resource->key);
    const char *parent = resource_parent_id(call->arena, resource->key);
    const char *parents[STORE_RESOURCE_PARENTS] = {0};
    enum store_resource_bar bar = STORE_RESOURCE_NO_BAR;
    struct store_resource row;
    struct trail trail = {0};
    size_t n = 0, which = 0;
    err_t err = group == NULL || parent == NULL ? ERR_MEMORY : to_row(call, resource, &row);

    *ret_is_raced = false;
    if (err == ERR_OK && group[0] != '\0' && strcmp(group, resource->key) != 0) {
        parents[n++] = group;
        if (strcmp(parent, group) != 0) {
            parents[n++] = parent;
        }
    }
    err = err ? err
              : store_resource_put(call->control->store, &row, parents, call->now, &trail, &bar,
                                   &which, &resource->version);
    if (err) {
        control_fail(call, err, &trail, ret);
        return false;
    }
    *ret_is_raced = bar == STORE_RESOURCE_CHANGED;
    resource->changed = call->now;
    if (resource->created == 0) {
        resource->created = call->now;
    }
    return resource_refuse_bar(call, resource, bar, n > which ? parents[which] : "", which == 0,
                               ret);
}

/* ---- showing ---- */

const char *resource_etag(const struct control_call *call, const struct resource *resource)
{
    uint8_t digest[HASH_MAX_BYTES];
    const char *text = arena_printf(call->arena, "%s %lld %lld", resource->key,
                                    (long long)resource->version, (long long)resource->created);
    const char *hex;

    if (text == NULL || hasher_once(call->hasher, HASH_SHA256, span_str(text), digest) != ERR_OK) {
        return "";
    }
    hex = hex_dup(call->arena, span_of(digest, 16));
    text = hex == NULL ? NULL
                       : arena_printf(call->arena, "W/\"%.8s-%.4s-%.4s-%.4s-%.12s\"", hex, hex + 8,
                                      hex + 12, hex + 16, hex + 20);
    return text == NULL ? "" : text;
}

yyjson_mut_val *resource_private(const struct control_call *call, struct resource *resource)
{
    return body_need_object(call->doc, resource->body, RESOURCE_PRIVATE);
}

yyjson_mut_val *resource_properties(const struct control_call *call, struct resource *resource)
{
    return body_need_object(call->doc, resource->body, "properties");
}

yyjson_mut_val *resource_value(struct control_call *call, const struct resource *resource)
{
    yyjson_mut_doc *doc = call->doc;
    yyjson_mut_val *object = yyjson_mut_obj(doc), *properties;
    yyjson_mut_obj_iter iter;
    yyjson_mut_val *key;
    const struct kind *kind = resource->kind;

    json_add_text(doc, object, "id", resource->id);
    json_add_text(doc, object, "name", resource->name);
    json_add_text(doc, object, "type", kind == NULL ? "" : kind->type);
    if (resource->location[0] != '\0') {
        json_add_text(doc, object, "location", resource->location);
    }
    if (kind != NULL && (kind->flags & KIND_HAS_TAGS) != 0) {
        json_add_value(doc, object, "tags",
                       resource->tags == NULL ? yyjson_mut_obj(doc)
                                              : yyjson_mut_val_mut_copy(doc, resource->tags));
    }
    (void)yyjson_mut_obj_iter_init(resource->body, &iter);
    while ((key = yyjson_mut_obj_iter_next(&iter)) != NULL) {
        if (strcmp(yyjson_mut_get_str(key), RESOURCE_PRIVATE) == 0) {
            continue;
        }
        json_add_value(doc, object, yyjson_mut_get_str(key),
                       yyjson_mut_val_mut_copy(doc, yyjson_mut_obj_iter_get_val(key)));
    }
    properties = body_need_object(doc, object, "properties");
    body_set_text(doc, properties, "provisioningState", resource->state);
    if (kind != NULL && (kind->flags & KIND_SHOWS_ETAG) != 0) {
        json_add_text(doc, object, "etag", resource_etag(call, resource));
    }
    if (kind != NULL && kind->show != NULL) {
        kind->show(call, resource, object);
    }
    return object;
}
