/*
 * roles-definitions.c - what the roles are, what a caller may do, and the filters of lists. Who may
 * send filters: whoever is signed in.
 */
#include "identity/roles-internal.h"

#include "base/text.h"

/* ---- filters ---- */

static bool cut_word(struct span *text, const char *word)
{
    size_t len = strlen(word);

    if (text->len < len || !text_span_equal_nocase(span_cut(*text, 0, len), word)) {
        return false;
    }
    *text = span_cut(*text, len, text->len);
    return true;
}

static void cut_blanks(struct span *text)
{
    while (text->len > 0 && text->data[0] == ' ') {
        *text = span_cut(*text, 1, text->len);
    }
}

/* 'text', in which '' stands for one quote. */
static err_t cut_quoted(struct arena *arena, struct span *text, const char **ret)
{
    char *value = arena_alloc(arena, text->len + 1);
    size_t n = 0, at = 1;

    if (value == NULL) {
        return ERR_MEMORY;
    }
    if (text->len < 2 || text->data[0] != '\'') {
        return ERR_VALUE;
    }
    for (; at < text->len; at++) {
        if (text->data[at] == '\'') {
            if (at + 1 == text->len || text->data[at + 1] != '\'') {
                break;
            }
            at++;
        }
        if (text->data[at] < ' ') {
            return ERR_VALUE;
        }
        value[n++] = (char)text->data[at];
    }
    if (at == text->len) {
        return ERR_VALUE; /* no end */
    }
    value[n] = '\0';
    *text = span_cut(*text, at + 1, text->len);
    *ret = value;
    return ERR_OK;
}

static err_t cut_term(struct arena *arena, struct span *text, struct roles_filter *filter)
{
    const struct {
        const char *name;
        const char **value;
    } equals[] = {{"principalId", &filter->principal},
                  {"roleName", &filter->role_name},
                  {"type", &filter->type}};
    err_t err;

    if (cut_word(text, "atScopeAndBelow()")) {
        return ERR_OK; /* as without */
    }
    if (cut_word(text, "atScope()")) {
        filter->is_at_scope = true;
        return ERR_OK;
    }
    if (cut_word(text, "assignedTo(")) {
        err = cut_quoted(arena, text, &filter->principal);
        return err ? err : cut_word(text, ")") ? ERR_OK : ERR_VALUE;
    }
    for (size_t i = 0; i < ARRAY_LEN(equals); i++) {
        if (cut_word(text, equals[i].name)) {
            cut_blanks(text);
            if (!cut_word(text, "eq ")) {
                return ERR_VALUE;
            }
            cut_blanks(text);
            return cut_quoted(arena, text, equals[i].value);
        }
    }
    return ERR_VALUE;
}

err_t roles_filter_read(struct arena *arena, struct span text, struct trail *trail,
                        struct roles_filter *ret)
{
    struct roles_filter filter = {0};
    err_t err = ERR_OK;

    if (text.len > ROLES_FILTER_MAX) {
        return trail_set(trail, ERR_TOO_LARGE, "is longer than %d bytes", ROLES_FILTER_MAX);
    }
    cut_blanks(&text);
    while (text.len > 0) {
        err = cut_term(arena, &text, &filter);
        cut_blanks(&text);
        if (err == ERR_OK && text.len > 0) {
            err = cut_word(&text, "and ") ? ERR_OK : ERR_VALUE;
            cut_blanks(&text);
            err = text.len == 0 ? ERR_VALUE : err; /* "and" and then nothing */
        }
        if (err) {
            return trail_set(trail, err,
                             "knows atScope(), assignedTo('ID'), principalId eq 'ID', "
                             "roleName eq 'NAME' and type eq 'TYPE', joined by and");
        }
    }
    *ret = filter;
    return ERR_OK;
}

/* ---- definitions ---- */

static void add_texts(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name,
                      const char *const *texts)
{
    yyjson_mut_val *list = json_add_array(doc, object, name);

    for (; texts != NULL && *texts != NULL; texts++) {
        yyjson_mut_arr_add_strcpy(doc, list, *texts);
    }
}

static void add_permission(yyjson_mut_doc *doc, yyjson_mut_val *object,
                           const struct access_role *role)
{
    add_texts(doc, object, "actions", role->actions);
    add_texts(doc, object, "notActions", role->not_actions);
    add_texts(doc, object, "dataActions", NULL);
    add_texts(doc, object, "notDataActions", NULL);
}

static const char *type_of(bool is_builtin)
{
    return is_builtin ? "BuiltInRole" : "CustomRole";
}

static void add_definition(const struct roles_call *call, const struct access_role *role,
                           bool is_builtin, yyjson_mut_doc *doc, yyjson_mut_val *object)
{
    static const char *const everywhere[] = {"/", NULL};
    yyjson_mut_val *properties, *list;

    json_add_text(doc, object, "id", roles_definition_id(call->arena, call->scope, role->id));
    json_add_text(doc, object, "type", "Microsoft.Authorization/roleDefinitions");
    json_add_text(doc, object, "name", role->id);
    properties = json_add_object(doc, object, "properties");
    json_add_text(doc, properties, "roleName", role->name);
    json_add_text(doc, properties, "type", type_of(is_builtin));
    json_add_text(doc, properties, "description",
                  role->description == NULL ? "" : role->description);
    add_texts(doc, properties, "assignableScopes", everywhere);
    list = json_add_array(doc, properties, "permissions");
    add_permission(doc, yyjson_mut_arr_add_obj(doc, list), role);
}

static const struct access_role *role_at(const struct access_rules *rules, size_t index,
                                         bool *ret_is_builtin)
{
    size_t n = 0;

    while (access_role_builtin(n) != NULL) {
        n++;
    }
    *ret_is_builtin = index < n;
    return index < n ? access_role_builtin(index) : access_rules_role_at(rules, index - n);
}

static void list_definitions(const struct access_rules *rules, const struct roles_call *call,
                             struct roles_answer *ret)
{
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc), *list;
    struct roles_filter filter = {0};
    const struct access_role *role;
    bool is_builtin = false;

    if (root == NULL || !roles_read_filter(call, ret, &filter)) {
        return;
    }
    list = json_add_array(doc, root, "value");
    for (size_t i = 0; (role = role_at(rules, i, &is_builtin)) != NULL; i++) {
        if ((filter.role_name == NULL || text_equal_nocase(filter.role_name, role->name)) &&
            (filter.type == NULL || text_equal_nocase(filter.type, type_of(is_builtin)))) {
            add_definition(call, role, is_builtin, doc, yyjson_mut_arr_add_obj(doc, list));
        }
    }
    roles_answer_json(call, ret, 200, doc, root);
}

void roles_definitions(struct gate *gate, const struct roles_call *call, struct roles_answer *ret)
{
    CLEANUP(access_rules_free) struct access_rules *rules = gate_rules(gate);
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    const struct access_role *role;
    bool is_builtin = false;

    if (call->method != ROLES_GET) {
        roles_refuse(call, ret, 405, "HttpMethodNotSupported",
                     "roles of one's own are written by the operator of this server, in "
                     "access.json (docs/formats/access.md)");
        return;
    }
    if (call->name.data == NULL) {
        list_definitions(rules, call, ret);
        return;
    }
    for (size_t i = 0; (role = role_at(rules, i, &is_builtin)) != NULL; i++) {
        if (root != NULL && text_span_equal_nocase(call->name, role->id)) {
            add_definition(call, role, is_builtin, doc, root);
            roles_answer_json(call, ret, 200, doc, root);
            return;
        }
    }
    roles_refuse(call, ret, 404, "RoleDefinitionDoesNotExist",
                 "The specified role definition with ID '%s' does not exist.",
                 text_escape_dup(call->arena, call->name, 64));
}

/* ---- what the caller may do ---- */

void roles_permissions(struct gate *gate, const struct roles_call *call, struct roles_answer *ret)
{
    CLEANUP(access_rules_free) struct access_rules *rules = gate_rules(gate);
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc), *list;

    if (root == NULL) {
        return;
    }
    list = json_add_array(doc, root, "value");
    for (size_t i = 0; i < access_rules_count(rules); i++) {
        const struct access_assignment *one = access_rules_at(rules, i);
        const struct access_role *role = access_rules_role(rules, span_str(one->role));

        if (role != NULL && text_equal_nocase(one->principal, call->caller->object_id) &&
            text_equal_nocase(one->tenant, call->caller->tenant) &&
            access_scope_covers(span_str(one->scope), call->scope)) {
            add_permission(doc, yyjson_mut_arr_add_obj(doc, list), role);
        }
    }
    roles_answer_json(call, ret, 200, doc, root);
}
