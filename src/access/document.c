/*
 * document.c - roles and assignments as JSON (docs/formats/access.md). Who may send these bytes:
 * whoever may write the server's folder.
 */
#include "access/internal.h"

#include "base/text.h"
#include "json/json.h"

enum { READ_ARENA_BYTES = 64 * 1024 * 1024 };

static const char *const root_members[] = {"roleDefinitions", "roleAssignments", NULL};
static const char *const role_members[] = {"id",      "name",       "description",
                                           "actions", "notActions", NULL};
static const char *const assignment_members[] = {"principalId", "tenantId",    "roleDefinitionId",
                                                 "scope",       "description", NULL};

/* A text without NUL: a name that ends early is another name. */
static err_t need_text(yyjson_val *object, const char *name, struct trail *trail, const char **ret)
{
    yyjson_val *value = json_get(object, name);
    const char *text = json_text(value);

    if (text == NULL) {
        err_t err = value == NULL ? ERR_JSON_MISSING : ERR_JSON_TYPE;

        trail_set(trail, err, "%s", value == NULL ? "is missing" : "is not a text");
        return trail_in(trail, err, name);
    }
    *ret = text;
    return ERR_OK;
}

static err_t read_description(yyjson_val *object, struct trail *trail, const char **ret)
{
    static const char name[] = "description";

    return json_get(object, name) == NULL ? ERR_OK : need_text(object, name, trail, ret);
}

static err_t read_texts(struct arena *arena, yyjson_val *object, const char *name,
                        struct trail *trail, const char *const **ret)
{
    yyjson_val *list = json_get(object, name), *item;
    size_t n = list == NULL ? 0 : yyjson_arr_size(list), index, max;
    const char **texts = arena_calloc(arena, n + 1, sizeof(*texts));

    if (texts == NULL) {
        return ERR_MEMORY;
    }
    if (list != NULL && !yyjson_is_arr(list)) {
        trail_set(trail, ERR_JSON_TYPE, "is not an array");
        return trail_in(trail, ERR_JSON_TYPE, name);
    }
    yyjson_arr_foreach(list, index, max, item)
    {
        texts[index] = json_text(item);
        if (texts[index] == NULL) {
            trail_set(trail, ERR_JSON_TYPE, "is not an array of texts");
            return trail_in(trail, ERR_JSON_TYPE, name);
        }
    }
    *ret = texts;
    return ERR_OK;
}

static err_t read_role(struct arena *arena, struct access_rules *rules, yyjson_val *value,
                       struct trail *trail)
{
    struct access_role role = {0};
    err_t err = json_need_only(value, role_members, trail);

    err = err ? err : need_text(value, "id", trail, &role.id);
    err = err ? err : need_text(value, "name", trail, &role.name);
    err = err ? err : read_texts(arena, value, "actions", trail, &role.actions);
    err = err ? err : read_texts(arena, value, "notActions", trail, &role.not_actions);
    err = err ? err : read_description(value, trail, &role.description);
    return err ? err : access_rules_add_role(rules, &role, trail);
}

static err_t read_assignment(struct arena *arena, struct access_rules *rules, yyjson_val *value,
                             struct trail *trail)
{
    struct access_assignment assignment = {0};
    err_t err = json_need_only(value, assignment_members, trail);

    (void)arena;
    err = err ? err : need_text(value, "principalId", trail, &assignment.principal);
    err = err ? err : need_text(value, "tenantId", trail, &assignment.tenant);
    err = err ? err : need_text(value, "roleDefinitionId", trail, &assignment.role);
    err = err ? err : need_text(value, "scope", trail, &assignment.scope);
    err = err ? err : read_description(value, trail, &assignment.description);
    return err ? err : access_rules_add_assignment(rules, &assignment, trail);
}

static err_t read_list(struct arena *arena, struct access_rules *rules, yyjson_val *list,
                       const char *name, struct trail *trail,
                       err_t (*read)(struct arena *, struct access_rules *, yyjson_val *,
                                     struct trail *))
{
    yyjson_val *item;
    size_t index, max;
    char where[48];

    yyjson_arr_foreach(list, index, max, item)
    {
        err_t err = read(arena, rules, item, trail);

        if (err) {
            snprintf(where, sizeof(where), "%s[%zu]", name, index);
            return trail_in(trail, err, where);
        }
    }
    return ERR_OK;
}

static err_t check_list(yyjson_val *list, const char *name, size_t max, struct trail *trail)
{
    err_t err = ERR_OK;

    if (list != NULL && !yyjson_is_arr(list)) {
        err = trail_set(trail, ERR_JSON_TYPE, "is not an array");
    } else if (yyjson_arr_size(list) > max) {
        err = trail_set(trail, ERR_TOO_MANY, "has more than %zu items", max);
    }
    return err ? trail_in(trail, err, name) : ERR_OK;
}

err_t access_rules_read(struct span json, struct trail *trail, struct access_rules **ret)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(READ_ARENA_BYTES);
    CLEANUP(access_rules_free) struct access_rules *rules = NULL;
    yyjson_val *root = NULL, *roles, *assignments;
    err_t err = arena == NULL ? ERR_MEMORY : ERR_OK;

    if (json.len > ACCESS_RULES_MAX_BYTES) {
        return trail_set(trail, ERR_TOO_LARGE, "is larger than %d bytes", ACCESS_RULES_MAX_BYTES);
    }
    err = err ? err : json_read(arena, json, NULL, trail, &root);
    err = err ? err : json_need_only(root, root_members, trail);
    if (err) {
        return err;
    }
    roles = json_get(root, root_members[0]);
    assignments = json_get(root, root_members[1]);
    err = check_list(roles, root_members[0], ACCESS_MAX_ROLES, trail);
    err = err ? err : check_list(assignments, root_members[1], ACCESS_MAX_ASSIGNMENTS, trail);
    if (err) {
        return err;
    }
    rules = access_rules_new(yyjson_arr_size(roles), yyjson_arr_size(assignments));
    err = rules == NULL ? ERR_MEMORY : ERR_OK;
    err = err ? err : read_list(arena, rules, roles, root_members[0], trail, read_role);
    err = err ? err : read_list(arena, rules, assignments, root_members[1], trail, read_assignment);
    if (err) {
        return err;
    }
    *ret = TAKE(rules);
    return ERR_OK;
}

static void add_description(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *text)
{
    if (text != NULL) {
        json_add_text(doc, object, "description", text);
    }
}

static void add_texts(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name,
                      const char *const *texts)
{
    yyjson_mut_val *list = json_add_array(doc, object, name);

    for (; *texts != NULL; texts++) {
        yyjson_mut_arr_add_strcpy(doc, list, *texts);
    }
}

err_t access_rules_write(const struct access_rules *rules, struct arena *arena, struct span *ret)
{
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc), *list;
    struct span text;

    if (root == NULL) {
        return ERR_MEMORY;
    }
    list = json_add_array(doc, root, root_members[0]);
    for (size_t i = 0; i < rules->n_roles; i++) {
        yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list);

        json_add_text(doc, item, "id", rules->roles[i].id);
        json_add_text(doc, item, "name", rules->roles[i].name);
        add_description(doc, item, rules->roles[i].description);
        add_texts(doc, item, "actions", rules->roles[i].actions);
        add_texts(doc, item, "notActions", rules->roles[i].not_actions);
    }
    list = json_add_array(doc, root, root_members[1]);
    for (size_t i = 0; i < rules->n_assignments; i++) {
        yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list);

        json_add_text(doc, item, "principalId", rules->assignments[i].principal);
        json_add_text(doc, item, "tenantId", rules->assignments[i].tenant);
        json_add_text(doc, item, "roleDefinitionId", rules->assignments[i].role);
        json_add_text(doc, item, "scope", rules->assignments[i].scope);
        add_description(doc, item, rules->assignments[i].description);
    }
    text = json_write(arena, doc, root, true);
    if (text.data == NULL) {
        return ERR_MEMORY;
    }
    *ret = text;
    return ERR_OK;
}
