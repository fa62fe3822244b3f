/*
 * lists.c - all resources of a kind, or of a subscription or a group whatever they are.
 */
#include "control/internal.h"

#include "base/codec.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "control/filter.h"

enum {
    CHUNK_MAX = 64, /* resources that are read at a time: first one, then twice as many each time */
    PAGE_BYTES = 16 * 1024 * 1024,
};

/* ---- pages ---- */

size_t page_size(const struct control_call *call)
{
    int64_t n = 0;

    if (call->top.data == NULL) {
        return CONTROL_PAGE_MAX;
    }
    for (size_t i = 0; i < call->top.len; i++) {
        uint8_t c = call->top.data[i];

        n = n * 10 + (c - '0');
        if (c < '0' || c > '9' || n > INT32_MAX) {
            return 0;
        }
    }
    return n > CONTROL_PAGE_MAX ? CONTROL_PAGE_MAX : (size_t)n;
}

const char *page_after(struct control_call *call, struct control_answer *ret)
{
    struct span key = {0};

    if (call->skip_token.data == NULL || call->skip_token.len == 0) {
        return "";
    }
    if (base64_decode(call->arena, BASE64_URL, call->skip_token, &key) != ERR_OK ||
        key.len > RESOURCE_ID_MAX || memchr(key.data, '\0', key.len) != NULL) {
        control_refuse(call, ret, 400, "InvalidParameter",
                       "The $skiptoken is none of this server: follow nextLink as it was given.");
        return NULL;
    }
    return (const char *)arena_dup(call->arena, key).data;
}

/* A page is shorter than it could be rather than too much for one request: what comes next takes
 * about as much as all before. */
static bool is_heavy(const struct control_call *call, size_t used_before)
{
    return arena_used(call->arena) - used_before > PAGE_BYTES;
}

static size_t next_chunk(size_t chunk)
{
    return chunk < CHUNK_MAX ? 2 * chunk : CHUNK_MAX;
}

/* ---- filters ---- */

static const char *const known_terms[] = {"resourceGroup",    "resourceType", "name",
                                          "location",         "tagName",      "tagValue",
                                          "provisioningState"};

/* False and refused for what would otherwise be left out of account. */
static bool read_filter(struct control_call *call, struct filter *filter,
                        struct control_answer *ret)
{
    struct trail trail = {0};
    err_t err = filter_read(call->arena, call->filter, &trail, filter);

    for (size_t i = 0; err == ERR_OK && i < filter->n; i++) {
        bool is_known = false;

        for (size_t j = 0; j < ARRAY_LEN(known_terms); j++) {
            is_known = is_known || text_span_equal_nocase(filter->terms[i].name, known_terms[j]);
        }
        if (!is_known || filter->terms[i].operator> FILTER_NE) {
            err = trail_set(&trail, ERR_VALUE,
                            "$filter: resources are found by resourceGroup, resourceType, name, "
                            "location, tagName, tagValue and provisioningState, with eq or ne");
        }
    }
    if (err) {
        control_refuse(call, ret, 400, "InvalidFilterInQueryString", "%s", trail.what);
    }
    return err == ERR_OK;
}

static bool has_tag(const struct resource *resource, struct span name, struct span value)
{
    yyjson_mut_obj_iter iter;
    yyjson_mut_val *key;

    if (!yyjson_mut_obj_iter_init(resource->tags, &iter)) {
        return false;
    }
    while ((key = yyjson_mut_obj_iter_next(&iter)) != NULL) {
        if (text_span_equal_nocase(name, yyjson_mut_get_str(key))) {
            return value.data == NULL ||
                   span_is(value, yyjson_mut_get_str(yyjson_mut_obj_iter_get_val(key)));
        }
    }
    return false;
}

static bool is_in_group(struct control_call *call, const struct resource *resource,
                        struct span group)
{
    struct resource_path path;

    return resource_id_read(call->arena, span_str(resource->id), NULL, &path) == ERR_OK &&
           text_spans_equal_nocase(group, path.group);
}

static bool term_fits(struct control_call *call, const struct filter *filter,
                      const struct filter_term *term, const struct resource *resource)
{
    if (text_span_equal_nocase(term->name, "resourceGroup")) {
        return is_in_group(call, resource, term->value);
    }
    if (text_span_equal_nocase(term->name, "resourceType")) {
        return text_span_equal_nocase(term->value, resource->kind->type);
    }
    if (text_span_equal_nocase(term->name, "name")) {
        return text_span_equal_nocase(term->value, resource->name);
    }
    if (text_span_equal_nocase(term->name, "location")) {
        return text_span_equal_nocase(term->value, resource->location);
    }
    if (text_span_equal_nocase(term->name, "provisioningState")) {
        return text_span_equal_nocase(term->value, resource->state);
    }
    if (text_span_equal_nocase(term->name, "tagName")) {
        return has_tag(resource, term->value, filter_value(filter, "tagValue"));
    }
    return true; /* tagValue, which goes with its name */
}

static bool filter_fits(struct control_call *call, const struct filter *filter,
                        const struct resource *resource)
{
    for (size_t i = 0; i < filter->n; i++) {
        const struct filter_term *term = &filter->terms[i];

        if (term_fits(call, filter, term, resource) != (term->operator== FILTER_EQ)) {
            return false;
        }
    }
    return true;
}

/* ---- one kind ---- */

/* A page of one kind as it grows. */
struct page {
    yyjson_mut_val *array;
    size_t max;
    const char *after; /* the last key that was looked at */
    bool is_full, is_end;
};

static err_t add_chunk(struct control_call *call, const struct control_target *target,
                       const struct filter *filter, size_t chunk, struct trail *trail,
                       struct page *page)
{
    struct resource_page some = {0};
    err_t err = resources_page(call, target->kind, target->scope, page->after, chunk, trail, &some);

    page->is_end = some.is_end;
    for (size_t i = 0; err == ERR_OK && i < some.n; i++) {
        page->is_full = yyjson_mut_arr_size(page->array) == page->max;
        if (page->is_full) {
            return ERR_OK;
        }
        page->after = some.items[i].key;
        if (filter_fits(call, filter, &some.items[i]) &&
            !yyjson_mut_arr_append(page->array, resource_value(call, &some.items[i]))) {
            err = ERR_MEMORY;
        }
    }
    page->after = err ? page->after : some.last;
    return err;
}

/* Children of children have the same beginning and another type, so `below` is all that is asked.
 */
void list_kind(struct control_call *call, const struct control_target *target,
               struct control_answer *ret)
{
    struct page page = {.array = yyjson_mut_arr(call->doc), .max = page_size(call)};
    size_t chunk = 1, used = arena_used(call->arena);
    struct trail trail = {0};
    struct filter filter = {0};
    err_t err = ERR_OK;

    page.after = page_after(call, ret);
    if (page.after == NULL || !read_filter(call, &filter, ret)) {
        return;
    }
    while (err == ERR_OK && !page.is_full && !page.is_end) {
        err = add_chunk(call, target, &filter, chunk, &trail, &page);
        page.is_full = page.is_full || (!page.is_end && is_heavy(call, used));
        chunk = next_chunk(chunk);
    }
    if (err) {
        control_fail(call, err, &trail, ret);
        return;
    }
    control_answer_list(call, page.array, page.is_full ? page.after : NULL, ret);
}

/* ---- all kinds ---- */

static bool expands(const struct control_call *call, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; call->expand.len >= len && i <= call->expand.len - len; i++) {
        if (text_span_equal_nocase(span_cut(call->expand, i, len), name)) {
            return true;
        }
    }
    return false;
}

static yyjson_mut_val *short_value(struct control_call *call, const struct resource *resource)
{
    static const char *const members[] = {"kind", "sku", "plan", "identity", "managedBy", "zones"};
    yyjson_mut_doc *doc = call->doc;
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    char time[TIMESTAMP_SIZE];

    json_add_text(doc, object, "id", resource->id);
    json_add_text(doc, object, "name", resource->name);
    json_add_text(doc, object, "type", resource->kind->type);
    if (resource->location[0] != '\0') {
        json_add_text(doc, object, "location", resource->location);
    }
    json_add_value(doc, object, "tags",
                   resource->tags == NULL ? yyjson_mut_obj(doc)
                                          : yyjson_mut_val_mut_copy(doc, resource->tags));
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        yyjson_mut_val *value = body_get(resource->body, members[i]);

        if (value != NULL) {
            json_add_value(doc, object, members[i], yyjson_mut_val_mut_copy(doc, value));
        }
    }
    if (expands(call, "provisioningState")) {
        json_add_text(doc, object, "provisioningState", resource->state);
    }
    timestamp_format(resource->created, time, sizeof(time));
    if (expands(call, "createdTime")) {
        json_add_text(doc, object, "createdTime", time);
    }
    timestamp_format(resource->changed, time, sizeof(time));
    if (expands(call, "changedTime")) {
        json_add_text(doc, object, "changedTime", time);
    }
    return object;
}

/* Groups are no resources of their subscription, and what has no place of its own is none either.
 */
static bool is_shown(const struct resource *resource)
{
    return resource->kind != NULL && resource->kind != &control_group_kind &&
           (resource->kind->flags & (KIND_HAS_LOCATION | KIND_OWN_LOCATION)) != 0;
}

/* Where to look: a filter that names group or type saves reading all others. */
struct place {
    const char *below;
    const struct kind *kind;
};

static struct place place_of(struct control_call *call, const struct filter *filter)
{
    struct place place = {.below = call->path.scope};
    struct span group = filter_value(filter, "resourceGroup");
    struct span type = filter_value(filter, "resourceType");

    if (call->path.group.data == NULL && resource_name_is_possible(group)) {
        place.below = arena_printf(call->arena, "%s/resourceGroups/%.*s", call->path.scope,
                                   (int)group.len, (const char *)group.data);
    }
    for (size_t i = 0; type.data != NULL && call->control->kinds[i] != NULL; i++) {
        if (text_span_equal_nocase(type, call->control->kinds[i]->type)) {
            place.kind = call->control->kinds[i];
        }
    }
    return place;
}

static err_t add_page(struct control_call *call, const struct place *place,
                      const struct filter *filter, size_t chunk, const char **after,
                      yyjson_mut_val *array, size_t max, struct trail *trail, bool *ret_is_last)
{
    struct resource_page page = {0};
    err_t err = place->below == NULL
                    ? ERR_MEMORY
                    : resources_page(call, place->kind, place->below, *after, chunk, trail, &page);

    *ret_is_last = err || page.is_end;
    for (size_t i = 0; err == ERR_OK && i < page.n; i++) {
        const struct resource *one = &page.items[i];

        if (is_shown(one) && filter_fits(call, filter, one)) {
            if (yyjson_mut_arr_size(array) >= max) {
                *ret_is_last = false;
                return ERR_OK;
            }
            err = yyjson_mut_arr_append(array, short_value(call, one)) ? ERR_OK : ERR_MEMORY;
        }
        *after = one->key;
    }
    *after = err ? *after : page.last;
    return err;
}

static err_t add_elsewhere(struct control_call *call, const struct filter *filter,
                           yyjson_mut_val *array, struct trail *trail)
{
    struct resource *resources = NULL;
    size_t n = 0;
    err_t err = ERR_OK;

    for (size_t i = 0; err == ERR_OK && call->control->kinds[i] != NULL; i++) {
        const struct kind *kind = call->control->kinds[i];

        if (kind->enlist == NULL) {
            continue;
        }
        n = 0;
        err = kind->enlist(call, trail, &resources, &n);
        for (size_t j = 0; err == ERR_OK && j < n; j++) {
            resources[j].kind = kind;
            if (filter_fits(call, filter, &resources[j]) &&
                !yyjson_mut_arr_append(array, short_value(call, &resources[j]))) {
                err = ERR_MEMORY;
            }
        }
    }
    return err;
}

static void handle_list(struct control_call *call, struct control_answer *ret)
{
    yyjson_mut_val *array = yyjson_mut_arr(call->doc);
    size_t max = page_size(call), used = arena_used(call->arena), chunk = 1;
    struct filter filter;
    struct trail trail = {0};
    struct place place;
    const char *after = page_after(call, ret);
    bool is_last = false;
    err_t err = ERR_OK;

    if (after == NULL || !read_filter(call, &filter, ret)) {
        return;
    }
    place = place_of(call, &filter);
    if (after[0] == '\0') {
        err = add_elsewhere(call, &filter, array, &trail);
        after = "/"; /* in front of all keys: these are not told again */
    }
    while (err == ERR_OK && !is_last && yyjson_mut_arr_size(array) < max && !is_heavy(call, used)) {
        err = add_page(call, &place, &filter, chunk, &after, array, max, &trail, &is_last);
        chunk = next_chunk(chunk);
    }
    if (err) {
        control_fail(call, err, &trail, ret);
        return;
    }
    control_answer_list(call, array, is_last ? NULL : after, ret);
}

#define READ "Microsoft.Resources/subscriptions/resources/read"

const struct control_row control_list_rows[] = {
    {HTTP_GET, CONTROL_SUBSCRIPTION, "resources", READ, handle_list, 0, NULL},
    {HTTP_GET, CONTROL_GROUP, "resources", READ, handle_list, 0, NULL},
    {0, CONTROL_TENANT, "", NULL, NULL, 0, NULL},
};
