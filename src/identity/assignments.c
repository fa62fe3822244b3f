/*
 * assignments.c - the document of role assignments. Who may send these bytes: whoever may write the
 * server's folder; what is in it came from callers who may give roles.
 */
#include "identity/assignments.h"

#include "base/text.h"
#include "base/timestamp.h"
#include "json/json.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { ARENA_BYTES = 64 * 1024 * 1024 };

struct assignments {
    atomic_uint refs;
    struct arena *arena; /* of all texts and the list; not used once the set is shared */
    struct assignment *list;
    size_t n, size;
};

static struct assignments *make(size_t size)
{
    struct assignments *made = calloc(1, sizeof(*made));

    if (made == NULL) {
        return NULL;
    }
    atomic_init(&made->refs, 1);
    made->size = size;
    made->arena = arena_new(ARENA_BYTES);
    made->list =
        made->arena == NULL ? NULL : arena_calloc(made->arena, size + 1, sizeof(*made->list));
    if (made->list == NULL) {
        assignments_free(made);
        return NULL;
    }
    return made;
}

struct assignments *assignments_new(void)
{
    return make(0);
}

struct assignments *assignments_ref(struct assignments *set)
{
    atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
    return set;
}

void assignments_free(struct assignments *set)
{
    if (set != NULL && atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) == 1) {
        arena_free(set->arena);
        free(set);
    }
}

size_t assignments_count(const struct assignments *set)
{
    return set->n;
}

const struct assignment *assignments_at(const struct assignments *set, size_t index)
{
    return index < set->n ? &set->list[index] : NULL;
}

const struct assignment *assignments_find(const struct assignments *set, struct span name)
{
    for (size_t i = 0; i < set->n; i++) {
        if (text_span_equal_nocase(name, set->list[i].name)) {
            return &set->list[i];
        }
    }
    return NULL;
}

static const char *copy(struct assignments *set, const char *text)
{
    return text == NULL ? NULL : (const char *)arena_dup(set->arena, span_str(text)).data;
}

static err_t check(const struct assignment *one, struct trail *trail)
{
    size_t type = strlen(one->principal_type);
    err_t err = access_scope_check(span_str(one->rule.scope), trail);

    if (err) {
        return err;
    }
    if (!text_is_guid(span_str(one->name)) || !text_is_guid(span_str(one->rule.principal)) ||
        !text_is_guid(span_str(one->rule.role))) {
        return trail_set(trail, ERR_VALUE, "name, principal and role must be UUIDs");
    }
    if (type == 0 || type > ASSIGNMENT_TYPE_MAX || strlen(one->rule.tenant) > ACCESS_ID_MAX ||
        strlen(one->created_by) > ACCESS_ID_MAX ||
        (one->rule.description != NULL && strlen(one->rule.description) > ACCESS_DESCRIPTION_MAX)) {
        return trail_set(trail, ERR_TOO_LARGE, "has a text that is empty or too long");
    }
    return access_scope_is_shared(span_str(one->rule.scope))
               ? trail_set(trail, ERR_VALUE, "nobody has a role at a shared provider")
               : ERR_OK;
}

static err_t add(struct assignments *set, const struct assignment *one, struct trail *trail)
{
    struct assignment added = *one;
    char *name;
    err_t err = check(one, trail);

    if (err) {
        return err;
    }
    if (assignments_find(set, span_str(one->name)) != NULL) {
        return trail_set(trail, ERR_CONFLICT, "has the name of another one");
    }
    if (set->n == set->size) {
        return trail_set(trail, ERR_TOO_MANY, "more than %d assignments", ASSIGNMENTS_MAX);
    }
    name = arena_printf(set->arena, "%s", one->name);
    for (char *c = name; c != NULL && *c != '\0'; c++) {
        *c = (char)(*c >= 'A' && *c <= 'F' ? *c - 'A' + 'a' : *c);
    }
    added.name = name;
    added.principal_type = copy(set, one->principal_type);
    added.created_by = copy(set, one->created_by);
    added.rule.principal = copy(set, one->rule.principal);
    added.rule.tenant = copy(set, one->rule.tenant);
    added.rule.role = copy(set, one->rule.role);
    added.rule.scope = copy(set, one->rule.scope);
    added.rule.description = copy(set, one->rule.description);
    if (arena_is_exhausted(set->arena)) {
        return ERR_MEMORY;
    }
    set->list[set->n++] = added;
    return ERR_OK;
}

/* "/subscriptions/S" of a scope; empty for what is in none. */
static struct span subscription_of(struct span scope)
{
    static const char prefix[] = "/subscriptions/";
    size_t len = sizeof(prefix) - 1;

    if (scope.len <= len || !text_span_equal_nocase(span_cut(scope, 0, len), prefix)) {
        return (struct span){0};
    }
    while (len < scope.len && scope.data[len] != '/') {
        len++;
    }
    return span_cut(scope, 0, len);
}

static err_t check_room(const struct assignments *base, const struct assignment *more,
                        struct trail *trail)
{
    struct span subscription = subscription_of(span_str(more->rule.scope));
    size_t n = 0;

    for (size_t i = 0; subscription.len > 0 && i < base->n; i++) {
        n += access_scope_covers(subscription, span_str(base->list[i].rule.scope));
    }
    return n >= ASSIGNMENTS_SUBSCRIPTION_MAX
               ? trail_set(trail, ERR_TOO_MANY, "this subscription has the %d that one may have",
                           ASSIGNMENTS_SUBSCRIPTION_MAX)
               : ERR_OK;
}

err_t assignments_with(const struct assignments *base, const struct assignment *more,
                       struct trail *trail, struct assignments **ret)
{
    CLEANUP(assignments_free)
    struct assignments *made = base->n < ASSIGNMENTS_MAX ? make(base->n + 1) : make(base->n);
    err_t err = made == NULL ? ERR_MEMORY : check_room(base, more, trail);

    for (size_t i = 0; err == ERR_OK && i < base->n; i++) {
        err = add(made, &base->list[i], trail);
    }
    err = err ? err : add(made, more, trail);
    if (err) {
        return err;
    }
    *ret = TAKE(made);
    return ERR_OK;
}

err_t assignments_without(const struct assignments *base, struct span name,
                          struct assignments **ret)
{
    const struct assignment *gone = assignments_find(base, name);
    CLEANUP(assignments_free) struct assignments *made = gone == NULL ? NULL : make(base->n);
    err_t err = gone == NULL ? ERR_NOT_FOUND : made == NULL ? ERR_MEMORY : ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < base->n; i++) {
        if (&base->list[i] != gone) {
            err = add(made, &base->list[i], NULL);
        }
    }
    if (err) {
        return err;
    }
    *ret = TAKE(made);
    return ERR_OK;
}

err_t assignments_without_scope(const struct assignments *base, struct span scope,
                                struct assignments **ret)
{
    CLEANUP(assignments_free) struct assignments *made = NULL;
    size_t n_left = 0;
    err_t err;

    for (size_t i = 0; i < base->n; i++) {
        n_left += !access_scope_covers(scope, span_str(base->list[i].rule.scope));
    }
    *ret = NULL;
    if (n_left == base->n) {
        return ERR_OK;
    }
    made = make(n_left);
    err = made == NULL ? ERR_MEMORY : ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < base->n; i++) {
        if (!access_scope_covers(scope, span_str(base->list[i].rule.scope))) {
            err = add(made, &base->list[i], NULL);
        }
    }
    if (err) {
        return err;
    }
    *ret = TAKE(made);
    return ERR_OK;
}

/* ---- the document ---- */

static const char *const root_members[] = {"roleAssignments", NULL};
static const char *const members[] = {
    "name",      "principalId", "principalType", "tenantId", "scope", "roleDefinitionId",
    "createdOn", "createdBy",   "description",   NULL};

/* A text without NUL: a name that ends early is another name. */
static err_t need_text(yyjson_val *object, const char *name, struct trail *trail, const char **ret)
{
    const char *text = json_text(json_get(object, name));

    if (text == NULL) {
        trail_set(trail, ERR_JSON_TYPE, "is missing, or not a text");
        return trail_in(trail, ERR_JSON_TYPE, name);
    }
    *ret = text;
    return ERR_OK;
}

static err_t read_one(struct assignments *set, yyjson_val *value, struct trail *trail)
{
    struct assignment one = {0};
    const char *time = NULL;
    err_t err = json_need_only(value, members, trail);

    err = err ? err : need_text(value, "name", trail, &one.name);
    err = err ? err : need_text(value, "principalId", trail, &one.rule.principal);
    err = err ? err : need_text(value, "principalType", trail, &one.principal_type);
    err = err ? err : need_text(value, "tenantId", trail, &one.rule.tenant);
    err = err ? err : need_text(value, "roleDefinitionId", trail, &one.rule.role);
    err = err ? err : need_text(value, "scope", trail, &one.rule.scope);
    err = err ? err : need_text(value, "createdBy", trail, &one.created_by);
    err = err ? err : need_text(value, "createdOn", trail, &time);
    if (err == ERR_OK && json_get(value, "description") != NULL) {
        err = need_text(value, "description", trail, &one.rule.description);
    }
    if (err == ERR_OK && timestamp_parse(time, &one.created_on) != ERR_OK) {
        trail_set(trail, ERR_VALUE, "is no time");
        err = trail_in(trail, ERR_VALUE, "createdOn");
    }
    return err ? err : add(set, &one, trail);
}

err_t assignments_read(struct span json, struct trail *trail, struct assignments **ret)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(ARENA_BYTES);
    CLEANUP(assignments_free) struct assignments *made = NULL;
    yyjson_val *root = NULL, *list = NULL, *item;
    size_t index, max;
    char where[40];
    err_t err = arena == NULL ? ERR_MEMORY : ERR_OK;

    if (json.len > ASSIGNMENTS_MAX_BYTES) {
        return trail_set(trail, ERR_TOO_LARGE, "is larger than %d bytes", ASSIGNMENTS_MAX_BYTES);
    }
    err = err ? err : json_read(arena, json, NULL, trail, &root);
    err = err ? err : json_need_only(root, root_members, trail);
    err = err ? err : json_need_array(root, root_members[0], trail, &list);
    if (err == ERR_OK) {
        size_t n = yyjson_arr_size(list);

        made = make(n < ASSIGNMENTS_MAX ? n : ASSIGNMENTS_MAX);
        err = made == NULL ? ERR_MEMORY : ERR_OK;
    }
    yyjson_arr_foreach(list, index, max, item)
    {
        err = err ? err : read_one(made, item, trail);
        if (err) {
            snprintf(where, sizeof(where), "%s[%zu]", root_members[0], index);
            return trail_in(trail, err, where);
        }
    }
    if (err) {
        return err;
    }
    *ret = TAKE(made);
    return ERR_OK;
}

err_t assignments_write(const struct assignments *set, struct arena *arena, struct span *ret)
{
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc), *list;
    char time[TIMESTAMP_SIZE];
    struct span text;

    if (root == NULL) {
        return ERR_MEMORY;
    }
    list = json_add_array(doc, root, root_members[0]);
    for (size_t i = 0; i < set->n; i++) {
        const struct assignment *one = &set->list[i];
        yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list);

        timestamp_format(one->created_on, time, sizeof(time));
        json_add_text(doc, item, "name", one->name);
        json_add_text(doc, item, "principalId", one->rule.principal);
        json_add_text(doc, item, "principalType", one->principal_type);
        json_add_text(doc, item, "tenantId", one->rule.tenant);
        json_add_text(doc, item, "roleDefinitionId", one->rule.role);
        json_add_text(doc, item, "scope", one->rule.scope);
        json_add_text(doc, item, "createdOn", time);
        json_add_text(doc, item, "createdBy", one->created_by);
        if (one->rule.description != NULL) {
            json_add_text(doc, item, "description", one->rule.description);
        }
    }
    text = json_write(arena, doc, root, true);
    if (text.data == NULL) {
        return ERR_MEMORY;
    }
    *ret = text;
    return ERR_OK;
}
