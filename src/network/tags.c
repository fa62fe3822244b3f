/*
 * tags.c - service tags. Who may send these bytes: whoever publishes a service tag file, and
 * whoever may import one.
 */
#include "network/tags.h"

#include "network/reading.h"
#include "network/world.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { DECIMAL_DIGITS = 19 };

const struct json_limits tags_json = {.max_depth = 8, .max_values = TAGS_MAX_VALUES};

/* ---- one tag ---- */

static err_t refuse_in(const struct reading *r, const char *name, err_t err)
{
    return name == NULL ? err : trail_in(r->trail, err, name);
}

/* A number, or the text of one. Absent is 0. */
static err_t read_change(const struct reading *r, yyjson_val *object, uint64_t *ret)
{
    yyjson_val *value = json_get(object, "changeNumber");
    const char *text = json_text(value);
    size_t len = text == NULL ? 0 : strlen(text);

    *ret = 0;
    if (value == NULL || yyjson_is_uint(value)) {
        *ret = yyjson_get_uint(value);
        return ERR_OK;
    }
    if (len == 0 || len > DECIMAL_DIGITS || strspn(text, "0123456789") != len) {
        return reading_refuse(r, ERR_VALUE, "InvalidParameter", "changeNumber",
                              "must be a whole number, or the text of one");
    }
    *ret = strtoull(text, NULL, 10);
    return ERR_OK;
}

static err_t read_word(const struct reading *r, yyjson_val *object, const char *member,
                       const char **ret)
{
    yyjson_val *value = json_get(object, member);
    const char *text = value == NULL || yyjson_is_null(value) ? "" : json_text(value);

    if (text == NULL || strlen(text) > TAGS_WORD_MAX) {
        return reading_refuse(r, ERR_VALUE, "InvalidParameter", member,
                              "must be a text of at most %d bytes", TAGS_WORD_MAX);
    }
    *ret = reading_copy(r, span_str(text));
    return *ret == NULL ? ERR_MEMORY : ERR_OK;
}

static err_t set_prefixes(const struct reading *r, const struct span *texts, size_t n,
                          struct service_tag *tag)
{
    struct address_range *ranges = arena_calloc(r->arena, n + 1, sizeof(*ranges));
    const char **copies = arena_calloc(r->arena, n + 1, sizeof(*copies));

    if (ranges == NULL || copies == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        struct trail inner = {0};

        if (address_range_read(texts[i], false, &inner, &ranges[i]) != ERR_OK) {
            return reading_refuse(r, ERR_VALUE, "InvalidParameter", "addressPrefixes", "%s",
                                  inner.what);
        }
        copies[i] = reading_copy(r, texts[i]);
        if (copies[i] == NULL) {
            return ERR_MEMORY;
        }
    }
    tag->prefixes = copies;
    tag->n_prefixes = n;
    return address_set_make(r->arena, ranges, n, &tag->set);
}

static err_t read_prefixes(const struct reading *r, yyjson_val *properties, struct service_tag *tag)
{
    yyjson_val *list = json_get(properties, "addressPrefixes");
    size_t n = yyjson_arr_size(list);
    struct span *texts;

    if (!yyjson_is_arr(list) || n > TAGS_PREFIXES_MAX) {
        return reading_refuse(r, n > TAGS_PREFIXES_MAX ? ERR_TOO_MANY : ERR_JSON_TYPE,
                              "InvalidParameter", "addressPrefixes",
                              "must be an array of at most %d prefixes", TAGS_PREFIXES_MAX);
    }
    texts = arena_calloc(r->arena, n + 1, sizeof(*texts));
    if (texts == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        texts[i] = json_span(yyjson_arr_get(list, i));
    }
    return set_prefixes(r, texts, n, tag);
}

static err_t set_name(const struct reading *r, struct span name, struct service_tag *tag)
{
    if (!rule_tag_name_is(name)) {
        return reading_refuse(r, ERR_VALUE, "InvalidParameter", "name",
                              "must be letters and digits with single dots between, at most %d",
                              RULE_TAG_NAME_MAX);
    }
    if (world_tag_is_reserved(name)) {
        return reading_refuse(r, ERR_VALUE, "InvalidParameter", "name",
                              "is a tag whose addresses follow from the network; leave it out");
    }
    tag->name = reading_copy(r, name);
    return tag->name == NULL ? ERR_MEMORY : ERR_OK;
}

static err_t read_tag(const struct reading *r, yyjson_val *item, struct service_tag *tag)
{
    yyjson_val *properties = json_get(item, "properties");
    err_t err = set_name(r, json_span(json_get(item, "name")), tag);

    if (err) {
        return err;
    }
    if (!yyjson_is_obj(properties)) {
        return reading_refuse(r, ERR_JSON_TYPE, "InvalidRequestFormat", "properties",
                              "must be an object");
    }
    err = read_change(r, properties, &tag->change_number);
    err = err ? err : read_word(r, properties, "region", &tag->region);
    err = err ? err : read_word(r, properties, "systemService", &tag->system_service);
    return err ? err : read_prefixes(r, properties, tag);
}

/* ---- all of them ---- */

static int compare_tags(const void *a, const void *b)
{
    const struct service_tag *x = a, *y = b;

    return strcasecmp(x->name, y->name);
}

static err_t sort_tags(const struct reading *r, struct service_tag *items, size_t n)
{
    qsort(items, n, sizeof(*items), compare_tags);
    for (size_t i = 1; i < n; i++) {
        if (compare_tags(&items[i - 1], &items[i]) == 0) {
            err_t err = reading_refuse(r, ERR_CONFLICT, "DuplicateResourceName", "name",
                                       "is there twice; names count in any case");

            return trail_in(r->trail, err, items[i].name);
        }
    }
    return ERR_OK;
}

static err_t read_values(const struct reading *r, yyjson_val *list, struct service_tags *tags)
{
    struct service_tag *items;
    size_t n = yyjson_arr_size(list);

    if (!yyjson_is_arr(list) || n > TAGS_MAX) {
        return reading_refuse(r, n > TAGS_MAX ? ERR_TOO_MANY : ERR_JSON_TYPE,
                              "InvalidRequestFormat", "values",
                              "must be an array of at most %d service tags", TAGS_MAX);
    }
    items = arena_calloc(r->arena, n + 1, sizeof(*items));
    if (items == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        err_t err = read_tag(r, yyjson_arr_get(list, i), &items[i]);

        if (err) {
            char place[40];

            snprintf(place, sizeof(place), "values[%zu]", i);
            return trail_in(r->trail, refuse_in(r, items[i].name, err), place);
        }
    }
    tags->items = items;
    tags->n = n;
    return sort_tags(r, items, n);
}

err_t tags_read(struct arena *arena, yyjson_val *document, struct network_fault *fault,
                struct trail *trail, const struct service_tags **ret)
{
    struct reading r = {.arena = arena, .fault = fault, .trail = trail};
    struct service_tags *tags = arena_calloc(arena, 1, sizeof(*tags));
    yyjson_val *next = NULL;
    err_t err;

    if (tags == NULL) {
        return ERR_MEMORY;
    }
    if (!yyjson_is_obj(document)) {
        return reading_refuse(&r, ERR_JSON_TYPE, "InvalidRequestFormat", "",
                              "a list of service tags is an object with cloud and values");
    }
    err = reading_member(&r, document, "nextLink", &next);
    if (!err && next != NULL) {
        err = reading_refuse(&r, ERR_VALUE, "InvalidParameter", "nextLink",
                             "says that this is one page of several; join all pages first");
    }
    err = err ? err : read_change(&r, document, &tags->change_number);
    err = err ? err : read_word(&r, document, "cloud", &tags->cloud);
    err = err ? err : read_values(&r, json_get(document, "values"), tags);
    if (err) {
        return err;
    }
    *ret = tags;
    return ERR_OK;
}

static int compare_name(struct span name, const char *with)
{
    size_t len = strlen(with);
    int order = strncasecmp((const char *)name.data, with, name.len < len ? name.len : len);

    return order != 0 ? order : (name.len > len) - (name.len < len);
}

const struct service_tag *tags_find(const struct service_tags *tags, struct span name)
{
    size_t low = 0, high = tags == NULL || name.len == 0 ? 0 : tags->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_name(name, tags->items[middle].name);

        if (order == 0) {
            return &tags->items[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

/* ---- our own ---- */

static bool same_set(const struct address_set *a, const struct address_set *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->items, b->items, a->n * sizeof(*a->items)) == 0);
}

static err_t make_tag(const struct reading *r, const struct tag_source *source,
                      const struct service_tags *before, struct service_tag *tag)
{
    const struct service_tag *old = tags_find(before, span_str(source->name));
    struct span *texts = arena_calloc(r->arena, source->n_prefixes + 1, sizeof(*texts));
    err_t err = texts == NULL ? ERR_MEMORY : set_name(r, span_str(source->name), tag);

    if (!err && source->n_prefixes > TAGS_PREFIXES_MAX) {
        err = reading_refuse(r, ERR_TOO_MANY, "InvalidParameter", "addressPrefixes",
                             "has more than %d prefixes", TAGS_PREFIXES_MAX);
    }
    for (size_t i = 0; i < source->n_prefixes && !err; i++) {
        texts[i] = span_str(source->prefixes[i]);
    }
    err = err ? err : set_prefixes(r, texts, source->n_prefixes, tag);
    err = err ? err : address_set_cidrs(r->arena, &tag->set, &tag->prefixes, &tag->n_prefixes);
    if (err) {
        return err;
    }
    tag->region = "";
    tag->system_service = tag->name;
    tag->change_number = old == NULL                      ? 1
                         : same_set(&old->set, &tag->set) ? old->change_number
                                                          : old->change_number + 1;
    return ERR_OK;
}

static bool same_tags(const struct service_tags *a, const struct service_tags *b)
{
    if (a->n != b->n) {
        return false;
    }
    for (size_t i = 0; i < a->n; i++) {
        if (strcmp(a->items[i].name, b->items[i].name) != 0 ||
            a->items[i].change_number != b->items[i].change_number) {
            return false;
        }
    }
    return true;
}

err_t tags_make(struct arena *arena, const struct tag_source *sources, size_t n,
                const struct service_tags *before, struct network_fault *fault, struct trail *trail,
                const struct service_tags **ret)
{
    struct reading r = {.arena = arena, .fault = fault, .trail = trail};
    struct service_tags *tags = arena_calloc(arena, 1, sizeof(*tags));
    struct service_tag *items = arena_calloc(arena, n + 1, sizeof(*items));
    err_t err = tags == NULL || items == NULL ? ERR_MEMORY : ERR_OK;

    if (!err && n > TAGS_MAX) {
        err = reading_refuse(&r, ERR_TOO_MANY, "InvalidParameter", "values",
                             "has more than %d service tags", TAGS_MAX);
    }
    for (size_t i = 0; i < n && !err; i++) {
        err = make_tag(&r, &sources[i], before, &items[i]);
        err = err ? refuse_in(&r, sources[i].name, err) : ERR_OK;
    }
    err = err ? err : sort_tags(&r, items, n);
    if (err) {
        return err;
    }
    *tags = (struct service_tags){.cloud = TAGS_CLOUD_OWN, .items = items, .n = n};
    tags->change_number = before == NULL            ? 1
                          : same_tags(before, tags) ? before->change_number
                                                    : before->change_number + 1;
    *ret = tags;
    return ERR_OK;
}

err_t tags_join(struct arena *arena, const struct service_tags *own,
                const struct service_tags *others, const struct service_tags **ret)
{
    const size_t n_own = own == NULL ? 0 : own->n, n_others = others == NULL ? 0 : others->n;
    struct service_tags *tags = arena_calloc(arena, 1, sizeof(*tags));
    struct service_tag *items = arena_calloc(arena, n_own + n_others + 1, sizeof(*items));
    size_t n = 0;

    if (tags == NULL || items == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < n_own; i++) {
        items[n++] = own->items[i];
    }
    for (size_t i = 0; i < n_others; i++) {
        if (tags_find(own, span_str(others->items[i].name)) == NULL) {
            items[n++] = others->items[i];
        }
    }
    qsort(items, n, sizeof(*items), compare_tags);
    *tags = (struct service_tags){
        .cloud = own != NULL      ? own->cloud
                 : others != NULL ? others->cloud
                                  : TAGS_CLOUD_OWN,
        .change_number =
            (own == NULL ? 0 : own->change_number) + (others == NULL ? 0 : others->change_number),
        .items = items,
        .n = n,
    };
    *ret = tags;
    return ERR_OK;
}

/* ---- a change and the rules ---- */

static err_t check_side(const struct reading *r, const struct service_tags *before,
                        const struct service_tags *after, const struct nsg *nsg,
                        const struct rule *rule, const struct rule_side *side)
{
    const struct service_tag *old, *new;
    struct span name;

    if (side->kind != RULE_SIDE_TAG) {
        return ERR_OK;
    }
    name = span_str(side->texts[0]);
    old = tags_find(before, name);
    new = tags_find(after, name);
    if (old == NULL || old->set.n == 0 || (new != NULL &&new->set.n > 0)) {
        return ERR_OK;
    }
    return reading_refuse(r, ERR_CONFLICT, "ServiceTagInUse", old->name,
                          "would have no address any more, and rule %s of group %s names it; "
                          "change the rule first, or force it",
                          rule->name, nsg->name);
}

err_t tags_check_change(const struct service_tags *before, const struct service_tags *after,
                        const struct nsg *const *groups, size_t n_groups,
                        struct network_fault *fault, struct trail *trail)
{
    struct reading r = {.fault = fault, .trail = trail};

    for (size_t g = 0; g < n_groups; g++) {
        for (size_t i = 0; i < groups[g]->n_rules; i++) {
            const struct rule *rule = &groups[g]->rules[i];
            err_t err = check_side(&r, before, after, groups[g], rule, &rule->source);

            err = err ? err : check_side(&r, before, after, groups[g], rule, &rule->destination);
            if (err) {
                return err;
            }
        }
    }
    return ERR_OK;
}

/* ---- writing ---- */

/* A number in the download, a text in REST. */
static void write_change(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name,
                         uint64_t number, bool is_text)
{
    char text[24];

    if (!is_text) {
        json_add_uint(doc, object, name, number);
        return;
    }
    snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    json_add_text(doc, object, name, text);
}

static void write_tag(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct service_tags *tags,
                      const struct service_tag *tag, bool is_rest)
{
    yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, list), *properties, *prefixes;

    json_add_text(doc, object, "name", tag->name);
    json_add_text(doc, object, "id", tag->name);
    if (is_rest) {
        write_change(doc, object, "serviceTagChangeNumber", tags->change_number, true);
    }
    properties = json_add_object(doc, object, "properties");
    write_change(doc, properties, "changeNumber", tag->change_number, is_rest);
    json_add_text(doc, properties, "region", tag->region);
    if (!is_rest) {
        json_add_uint(doc, properties, "regionId", 0);
        json_add_text(doc, properties, "platform", "Azure");
    }
    json_add_text(doc, properties, "systemService", tag->system_service);
    prefixes = json_add_array(doc, properties, "addressPrefixes");
    for (size_t i = 0; i < tag->n_prefixes; i++) {
        yyjson_mut_arr_add_strcpy(doc, prefixes, tag->prefixes[i]);
    }
    if (is_rest) {
        json_add_text(doc, properties, "state", "GA");
    } else {
        yyjson_mut_val *features = json_add_array(doc, properties, "networkFeatures");

        yyjson_mut_arr_add_str(doc, features, "API");
        yyjson_mut_arr_add_str(doc, features, "NSG");
    }
}

yyjson_mut_val *tags_write_rest(yyjson_mut_doc *doc, const struct service_tags *tags,
                                const char *id)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc), *list;

    json_add_text(doc, root, "name", tags->cloud);
    json_add_text(doc, root, "id", id);
    json_add_text(doc, root, "type", "Microsoft.Network/serviceTags");
    write_change(doc, root, "changeNumber", tags->change_number, true);
    json_add_text(doc, root, "cloud", tags->cloud);
    list = json_add_array(doc, root, "values");
    for (size_t i = 0; i < tags->n; i++) {
        write_tag(doc, list, tags, &tags->items[i], true);
    }
    return root;
}

yyjson_mut_val *tags_write_file(yyjson_mut_doc *doc, const struct service_tags *tags)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc), *list;

    json_add_uint(doc, root, "changeNumber", tags->change_number);
    json_add_text(doc, root, "cloud", tags->cloud);
    list = json_add_array(doc, root, "values");
    for (size_t i = 0; i < tags->n; i++) {
        write_tag(doc, list, tags, &tags->items[i], false);
    }
    return root;
}
