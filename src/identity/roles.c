/*
 * roles.c - role assignments. Who may send bodies, names and filters: whoever is signed in.
 */
#include "identity/roles-internal.h"

#include "base/text.h"
#include "base/timestamp.h"
#include "crypto/hash.h"

#include <stdarg.h>
#include <stdio.h>

enum { MESSAGE_MAX = 2048, SHOWN_MAX = 128 };

/* ---- answers ---- */

void roles_refuse(const struct roles_call *call, struct roles_answer *ret, unsigned status,
                  const char *code, const char *fmt, ...)
{
    char words[MESSAGE_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(words, sizeof(words), fmt, args);
    va_end(args);
    *ret = (struct roles_answer){.status = status, .code = code};
    ret->message = text_escape_dup(call->arena, span_str(words), MESSAGE_MAX);
}

void roles_answer_json(const struct roles_call *call, struct roles_answer *ret, unsigned status,
                       yyjson_mut_doc *doc, yyjson_mut_val *root)
{
    struct span body = json_write(call->arena, doc, root, false);

    if (body.data != NULL) {
        *ret = (struct roles_answer){.status = status, .body = body, .detail = ret->detail};
    }
}

bool roles_read_filter(const struct roles_call *call, struct roles_answer *ret,
                       struct roles_filter *filter)
{
    struct trail trail = {0};
    err_t err = roles_filter_read(call->arena, call->filter, &trail, filter);

    if (err) {
        roles_refuse(call, ret, 400, "UnsupportedQuery", "The filter is not supported: it %s.",
                     trail.what);
    }
    return err == ERR_OK;
}

const char *roles_id(struct arena *arena, struct span scope, const char *kind, const char *name)
{
    return arena_printf(arena, "%.*s" ROLES_PROVIDER "%s/%s",
                        span_is(scope, "/") ? 0 : (int)scope.len, (const char *)scope.data, kind,
                        name);
}

const char *roles_definition_id(struct arena *arena, struct span scope, const char *role)
{
    static const char subscriptions[] = "/subscriptions/";
    size_t len = strlen(subscriptions);
    const uint8_t *end;

    if (scope.len <= len || !text_span_equal_nocase(span_cut(scope, 0, len), subscriptions)) {
        return roles_id(arena, (struct span){0}, "roleDefinitions", role);
    }
    end = memchr(scope.data + len, '/', scope.len - len);
    return roles_id(arena,
                    span_of(scope.data, end == NULL ? scope.len : (size_t)(end - scope.data)),
                    "roleDefinitions", role);
}

static const char *shown(const struct roles_call *call, struct span text)
{
    return text_escape_dup(call->arena, text, SHOWN_MAX);
}

/* ---- one assignment, wherever it comes from ---- */

/* What the operator wrote has no name: one that follows from what it says is always the same. */
static bool name_configured(const struct access_assignment *rule, char name[GUID_SIZE])
{
    CLEANUP(buf_done) struct buf text = {0};
    uint8_t d[SHA256_BYTES];

    buf_init(&text, MESSAGE_MAX);
    buf_addf(&text, "%s %s %s %s", rule->tenant, rule->principal, rule->role, rule->scope);
    for (size_t i = 0; i < text.len; i++) {
        text.data[i] =
            (uint8_t)(text.data[i] >= 'A' && text.data[i] <= 'Z' ? text.data[i] - 'A' + 'a'
                                                                 : text.data[i]);
    }
    if (buf_err(&text) != ERR_OK || hash_once(HASH_SHA256, buf_span(&text), d) != ERR_OK) {
        return false;
    }
    d[6] = (uint8_t)((d[6] & 0x0f) | 0x80); /* RFC 9562, 5.8: version 8, one's own recipe */
    d[8] = (uint8_t)((d[8] & 0x3f) | 0x80);
    snprintf(name, GUID_SIZE,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", d[0], d[1],
             d[2], d[3], d[4], d[5], d[6], d[7], d[8], d[9], d[10], d[11], d[12], d[13], d[14],
             d[15]);
    return true;
}

/* "User", "ServicePrincipal", or NULL for somebody who is not of the built-in provider. */
static const char *type_of(struct gate *gate, struct arena *arena, const char *tenant,
                           struct span object_id)
{
    CLEANUP(principals_free) struct principals *principals = NULL;
    struct principal other = {0};

    if (gate->provider == NULL || !text_equal_nocase(tenant, idp_tenant(gate->provider))) {
        return NULL;
    }
    principals = idp_principals(gate->provider);
    if (principals_user_of(principals, object_id) != NULL) {
        return "User";
    }
    return principals_has_object(principals, object_id) ||
                   idp_find_elsewhere(gate->provider, arena, object_id, &other)
               ? "ServicePrincipal"
               : NULL;
}

static void add_time(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, int64_t time)
{
    char text[TIMESTAMP_SIZE];

    timestamp_format(time, text, sizeof(text));
    json_add_text(doc, object, name, text);
}

static void add_assignment(const struct roles_call *call, const struct assignment *one,
                           yyjson_mut_doc *doc, yyjson_mut_val *object)
{
    const struct access_assignment *rule = &one->rule;
    struct span scope = span_str(rule->scope);
    yyjson_mut_val *properties;

    json_add_text(doc, object, "id", roles_id(call->arena, scope, "roleAssignments", one->name));
    json_add_text(doc, object, "type", "Microsoft.Authorization/roleAssignments");
    json_add_text(doc, object, "name", one->name);
    properties = json_add_object(doc, object, "properties");
    json_add_text(doc, properties, "roleDefinitionId",
                  roles_definition_id(call->arena, call->scope, rule->role));
    json_add_text(doc, properties, "principalId", rule->principal);
    json_add_text(doc, properties, "principalType", one->principal_type);
    json_add_text(doc, properties, "scope", rule->scope);
    json_add_text(doc, properties, "condition", NULL);
    json_add_text(doc, properties, "conditionVersion", NULL);
    if (one->created_on != 0) {
        add_time(doc, properties, "createdOn", one->created_on);
        add_time(doc, properties, "updatedOn", one->created_on);
        json_add_text(doc, properties, "createdBy", one->created_by);
        json_add_text(doc, properties, "updatedBy", one->created_by);
    }
    json_add_text(doc, properties, "delegatedManagedIdentityResourceId", NULL);
    json_add_text(doc, properties, "description", rule->description);
}

static void answer_one(const struct roles_call *call, struct roles_answer *ret, unsigned status,
                       const struct assignment *one)
{
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);

    if (root != NULL) {
        ret->detail =
            arena_printf(call->arena, "principal=%s role=%s", one->rule.principal, one->rule.role);
        add_assignment(call, one, doc, root);
        roles_answer_json(call, ret, status, doc, root);
    }
}

/* All that is in force, as a view: the run-time ones first. */
struct view {
    struct gate *gate;
    struct arena *arena;
    struct access_rules *configured;
    struct assignments *set;
    char name[GUID_SIZE]; /* of the configured one shown last */
};

static void view_done(struct view *view)
{
    access_rules_free(view->configured);
    assignments_free(view->set);
}
DEFINE_CLEANUP_DONE(struct view, view_done)

static bool view_at(struct view *view, size_t index, struct assignment *ret,
                    bool *ret_is_configured)
{
    size_t n = assignments_count(view->set);
    const struct access_assignment *rule;
    const char *type;

    *ret_is_configured = index >= n;
    if (index < n) {
        *ret = *assignments_at(view->set, index);
        return true;
    }
    rule = access_rules_at(view->configured, index - n);
    if (rule == NULL || !name_configured(rule, view->name)) {
        return false;
    }
    type = type_of(view->gate, view->arena, rule->tenant, span_str(rule->principal));
    *ret = (struct assignment){.name = view->name,
                               .rule = *rule,
                               .principal_type = type == NULL ? "Unknown" : type,
                               .created_by = ""};
    return true;
}

static bool find(struct view *view, struct span name, struct assignment *ret,
                 bool *ret_is_configured)
{
    for (size_t i = 0; view_at(view, i, ret, ret_is_configured); i++) {
        if (text_span_equal_nocase(name, ret->name)) {
            return true;
        }
    }
    return false;
}

/* ---- reading ---- */

static void list_assignments(struct view *view, const struct roles_call *call,
                             struct roles_answer *ret)
{
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc), *list;
    struct roles_filter filter = {0};
    struct assignment one = {0};
    bool is_configured = false;

    if (root == NULL || !roles_read_filter(call, ret, &filter)) {
        return;
    }
    list = json_add_array(doc, root, "value");
    for (size_t i = 0; view_at(view, i, &one, &is_configured); i++) {
        struct span scope = span_str(one.rule.scope);

        if ((access_scope_covers(scope, call->scope) ||
             (!filter.is_at_scope && access_scope_covers(call->scope, scope))) &&
            (filter.principal == NULL || text_equal_nocase(filter.principal, one.rule.principal))) {
            add_assignment(call, &one, doc, yyjson_mut_arr_add_obj(doc, list));
        }
    }
    roles_answer_json(call, ret, 200, doc, root);
}

static void get_assignment(struct view *view, const struct roles_call *call,
                           struct roles_answer *ret)
{
    struct assignment one = {0};
    bool is_configured = false;

    if (find(view, call->name, &one, &is_configured) &&
        access_scope_covers(span_str(one.rule.scope), call->scope)) {
        answer_one(call, ret, 200, &one);
        return;
    }
    roles_refuse(call, ret, 404, "RoleAssignmentNotFound", "The role assignment '%s' is not found.",
                 shown(call, call->name));
}

/* ---- giving ---- */

/* .../providers/Microsoft.Authorization/roleDefinitions/ID to its role; false when refused. */
static bool read_role(const struct access_rules *rules, const struct roles_call *call,
                      struct span id, struct roles_answer *ret, const char **ret_role)
{
    static const char kind[] = ROLES_PROVIDER "roleDefinitions/";
    const size_t guid = GUID_SIZE - 1, len = strlen(kind);
    struct span name = span_cut(id, id.len < guid ? id.len : id.len - guid, guid);
    const struct access_role *role = access_rules_role(rules, name);

    if (!text_is_guid(name) || id.len < len + guid ||
        !text_span_equal_nocase(span_cut(id, id.len - guid - len, len), kind)) {
        roles_refuse(call, ret, 400, "InvalidRoleDefinitionId",
                     "The role definition ID '%s' is not valid: it ends in %sGUID.",
                     shown(call, id), kind);
        return false;
    }
    if (role == NULL) {
        roles_refuse(call, ret, 404, "RoleDefinitionDoesNotExist",
                     "The specified role definition with ID '%s' does not exist.",
                     shown(call, name));
        return false;
    }
    *ret_role = role->id;
    return true;
}

/* Who it is: known here, or named with its kind. */
static bool read_principal(struct gate *gate, const struct roles_call *call, yyjson_val *properties,
                           struct roles_answer *ret, struct assignment *one)
{
    struct span id = json_span(json_get(properties, "principalId"));
    const char *asked = json_text(json_get(properties, "principalType")), *known;

    if (!text_is_guid(id)) {
        roles_refuse(call, ret, 400, "InvalidPrincipalId",
                     "The principal ID '%s' is not valid. Principal ID must be a GUID.",
                     shown(call, id));
        return false;
    }
    one->rule.tenant = gate->provider != NULL ? idp_tenant(gate->provider) : call->caller->tenant;
    known = type_of(gate, call->arena, one->rule.tenant, id);
    if (known != NULL && asked != NULL && !text_equal_nocase(asked, known)) {
        roles_refuse(call, ret, 400, "UnmatchedPrincipalType",
                     "The PrincipalId '%s' has type '%s', which is different from specified "
                     "PrincipalType '%s'.",
                     shown(call, id), known, shown(call, span_str(asked)));
        return false;
    }
    if (known == NULL &&
        (asked == NULL || strlen(asked) == 0 || strlen(asked) > ASSIGNMENT_TYPE_MAX)) {
        roles_refuse(call, ret, 400, "PrincipalNotFound",
                     "Principal %s does not exist in the directory %s. If it was made just now, or "
                     "is of another directory, say what it is: principalType.",
                     shown(call, id), one->rule.tenant);
        return false;
    }
    one->rule.principal = (const char *)arena_dup(call->arena, id).data;
    one->principal_type = known != NULL ? known : asked;
    return one->rule.principal != NULL;
}

static bool read_body(struct gate *gate, const struct access_rules *rules,
                      const struct roles_call *call, struct roles_answer *ret,
                      struct assignment *one)
{
    yyjson_val *root = NULL, *properties = NULL, *condition;
    struct trail trail = {0};
    struct span role = {0};
    err_t err = call->body.len > ROLES_BODY_MAX
                    ? trail_set(&trail, ERR_TOO_LARGE, "is larger than %d bytes", ROLES_BODY_MAX)
                    : json_read(call->arena, call->body, NULL, &trail, &root);

    err = err ? err : json_need_object(root, "properties", &trail, &properties);
    err = err ? err : json_need_string(properties, "roleDefinitionId", &trail, &role);
    if (err) {
        roles_refuse(call, ret, 400, "InvalidRequestContent",
                     "The request content was invalid: %s%s%s.", trail.where,
                     trail.where[0] != '\0' ? " " : "",
                     trail.what[0] != '\0' ? trail.what : err_text(err));
        return false;
    }
    condition = json_get(properties, "condition");
    if (condition != NULL && !yyjson_is_null(condition) && json_span(condition).len > 0) {
        /* Without it the role would allow more than was meant. */
        roles_refuse(call, ret, 400, "ConditionNotSupported",
                     "Role assignments with a condition are not supported by this server.");
        return false;
    }
    one->rule.description = json_text(json_get(properties, "description"));
    if (one->rule.description != NULL && strlen(one->rule.description) > ACCESS_DESCRIPTION_MAX) {
        roles_refuse(call, ret, 400, "InvalidRequestContent",
                     "The description is longer than %d bytes.", ACCESS_DESCRIPTION_MAX);
        return false;
    }
    return read_principal(gate, call, properties, ret, one) &&
           read_role(rules, call, role, ret, &one->rule.role);
}

static bool is_same(const struct assignment *a, const struct assignment *b)
{
    return text_equal_nocase(a->rule.principal, b->rule.principal) &&
           text_equal_nocase(a->rule.tenant, b->rule.tenant) &&
           text_equal_nocase(a->rule.role, b->rule.role) &&
           access_scope_covers(span_str(a->rule.scope), span_str(b->rule.scope)) &&
           access_scope_covers(span_str(b->rule.scope), span_str(a->rule.scope));
}

static void refuse_assign(const struct roles_call *call, struct roles_answer *ret, err_t err,
                          const struct trail *trail)
{
    if (err == ERR_CONFLICT) {
        roles_refuse(call, ret, 409, "RoleAssignmentExists", "The role assignment already exists.");
    } else if (err == ERR_TOO_MANY) {
        roles_refuse(call, ret, 409, "QuotaExceeded", "No more role assignments can be made: %s.",
                     trail->what[0] != '\0' ? trail->what : err_text(err));
    } else if (err_category(err) == ERR_CAT_INPUT) {
        roles_refuse(call, ret, 400, "InvalidRequestContent", "The role assignment %s.",
                     trail->what);
    } else {
        roles_refuse(call, ret, 503, "ServiceUnavailable",
                     "The role assignment cannot be kept now, so nothing changed; try again later");
        ret->retry_after_s = ROLES_RETRY_S;
    }
}

static void put_assignment(struct gate *gate, struct view *view, const struct roles_call *call,
                           struct roles_answer *ret)
{
    CLEANUP(access_rules_free) struct access_rules *rules = gate_rules(gate);
    struct assignment one = {.created_on = call->now, .created_by = call->caller->object_id};
    struct assignment there = {0};
    struct trail trail = {0};
    bool is_configured = false;
    err_t err;

    one.name =
        arena_printf(call->arena, "%.*s", (int)call->name.len, (const char *)call->name.data);
    one.rule.scope = (const char *)arena_dup(call->arena, call->scope).data;
    if (one.name == NULL || one.rule.scope == NULL || !read_body(gate, rules, call, ret, &one)) {
        return;
    }
    if (find(view, call->name, &there, &is_configured)) {
        if (is_same(&there, &one)) {
            answer_one(call, ret, 200, &there);
        } else {
            roles_refuse(call, ret, 409, "RoleAssignmentUpdateNotPermitted",
                         "Tenant ID, application ID, principal ID, and scope are not allowed to be "
                         "updated: take another name.");
        }
        return;
    }
    err = gate_assign(gate, &one, &trail);
    if (err) {
        refuse_assign(call, ret, err, &trail);
        return;
    }
    answer_one(call, ret, 201, &one);
}

/* ---- taking away ---- */

static void delete_assignment(struct gate *gate, struct view *view, const struct roles_call *call,
                              struct roles_answer *ret)
{
    struct assignment one = {0};
    struct trail trail = {0};
    bool is_configured = false;
    err_t err;

    if (!find(view, call->name, &one, &is_configured) ||
        !access_scope_covers(span_str(one.rule.scope), call->scope)) {
        *ret = (struct roles_answer){.status = 204};
        return;
    }
    if (!access_scope_covers(call->scope, span_str(one.rule.scope))) {
        roles_refuse(call, ret, 400, "InheritedRoleAssignment",
                     "The role assignment '%s' is inherited from '%s': delete it there.", one.name,
                     one.rule.scope);
        return;
    }
    if (is_configured) {
        roles_refuse(call, ret, 409, "OperationNotAllowed",
                     "The role assignment '%s' is of the server's configuration (access.json, or "
                     "an owner that it names) and is taken away there.",
                     one.name);
        return;
    }
    err = gate_unassign(gate, call->name, &trail);
    if (err == ERR_NOT_FOUND) { /* by somebody else, just now */
        *ret = (struct roles_answer){.status = 204};
    } else if (err) {
        refuse_assign(call, ret, err, &trail);
    } else {
        answer_one(call, ret, 200, &one);
    }
}

/* ---- the call ---- */

bool roles_changes(const struct roles_call *call)
{
    return call->method != ROLES_GET;
}

const char *roles_action(const struct roles_call *call)
{
    if (call->kind == ROLES_PERMISSIONS) {
        return "Microsoft.Authorization/permissions/read";
    }
    if (call->kind == ROLES_DEFINITIONS) {
        return call->method == ROLES_GET   ? ACCESS_DEFINITION_READ
               : call->method == ROLES_PUT ? "Microsoft.Authorization/roleDefinitions/write"
                                           : "Microsoft.Authorization/roleDefinitions/delete";
    }
    return call->method == ROLES_GET   ? ACCESS_ASSIGNMENT_READ
           : call->method == ROLES_PUT ? ACCESS_ASSIGNMENT_WRITE
                                       : ACCESS_ASSIGNMENT_DELETE;
}

/* What somebody may do is theirs to know; all else needs a role there. */
static bool check_caller(struct gate *gate, const struct roles_call *call, struct roles_answer *ret)
{
    const struct access_caller *caller = call->caller;

    if (call->kind == ROLES_PERMISSIONS && call->method == ROLES_GET) {
        return true;
    }
    if (gate_may(gate, caller, roles_action(call), call->scope) == ACCESS_OK &&
        !access_scope_is_shared(call->scope)) {
        return true;
    }
    roles_refuse(call, ret, 403, "AuthorizationFailed",
                 "The client '%s' with object id '%s' does not have authorization to perform "
                 "action '%s' over scope '%s'.",
                 access_caller_shown(caller), caller->object_id, roles_action(call),
                 shown(call, call->scope));
    return false;
}

static void call_assignments(struct gate *gate, const struct roles_call *call,
                             struct roles_answer *ret)
{
    CLEANUP(view_done)
    struct view view = {.gate = gate,
                        .arena = call->arena,
                        .configured = gate_configured(gate),
                        .set = gate_assignments(gate)};

    if (call->name.data == NULL) {
        if (call->method == ROLES_GET) {
            list_assignments(&view, call, ret);
        } else {
            roles_refuse(call, ret, 405, "HttpMethodNotSupported",
                         "role assignments are made and deleted one by one, by name");
        }
        return;
    }
    if (!text_is_guid(call->name)) {
        roles_refuse(call, ret, 400, "InvalidRoleAssignmentId",
                     "The role assignment ID '%s' is not valid. The role assignment ID must be a "
                     "GUID.",
                     shown(call, call->name));
        return;
    }
    switch (call->method) {
    case ROLES_PUT:
        put_assignment(gate, &view, call, ret);
        return;
    case ROLES_DELETE:
        delete_assignment(gate, &view, call, ret);
        return;
    case ROLES_GET:
    default:
        get_assignment(&view, call, ret);
        return;
    }
}

void roles_call(struct gate *gate, const struct roles_call *call, struct roles_answer *ret)
{
    *ret =
        (struct roles_answer){.status = 500, .code = "InternalError", .message = "out of memory"};
    gate_look(gate);
    if (!check_caller(gate, call, ret)) {
        return;
    }
    switch (call->kind) {
    case ROLES_ASSIGNMENTS:
        call_assignments(gate, call, ret);
        return;
    case ROLES_DEFINITIONS:
        roles_definitions(gate, call, ret);
        return;
    case ROLES_PERMISSIONS:
    default:
        if (call->method == ROLES_GET) {
            roles_permissions(gate, call, ret);
        } else {
            roles_refuse(call, ret, 405, "HttpMethodNotSupported", "permissions are only read");
        }
        return;
    }
}
