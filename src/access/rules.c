#include "access/internal.h"

#include "base/text.h"

#include <stdlib.h>

enum { UUID_CHARS = 36, RULES_ARENA_BYTES = 64 * 1024 * 1024, ROLE_NAME_MAX = 128 };

/* What everybody who is signed in may do at a shared provider. Attesting is reading it. */
static const char *const shared_actions[] = {ACCESS_ATTESTATION_READ, ACCESS_PROVIDER_READ};

/* ---- the set ---- */

struct access_rules *access_rules_new(size_t n_roles, size_t n_assignments)
{
    struct access_rules *rules = calloc(1, sizeof(*rules));

    if (rules == NULL) {
        return NULL;
    }
    atomic_init(&rules->refs, 1);
    rules->arena = arena_new(RULES_ARENA_BYTES);
    if (rules->arena != NULL) {
        rules->roles = arena_calloc(rules->arena, n_roles + 1, sizeof(*rules->roles));
        rules->assignments =
            arena_calloc(rules->arena, n_assignments + 1, sizeof(*rules->assignments));
    }
    if (rules->roles == NULL || rules->assignments == NULL) {
        access_rules_free(rules);
        return NULL;
    }
    return rules;
}

struct access_rules *access_rules_ref(struct access_rules *rules)
{
    atomic_fetch_add_explicit(&rules->refs, 1, memory_order_relaxed);
    return rules;
}

void access_rules_free(struct access_rules *rules)
{
    if (rules != NULL && atomic_fetch_sub_explicit(&rules->refs, 1, memory_order_acq_rel) == 1) {
        arena_free(rules->arena);
        free(rules);
    }
}

static const char *copy(struct access_rules *rules, const char *text)
{
    return (const char *)arena_dup(rules->arena, span_str(text)).data;
}

static err_t copy_description(struct access_rules *rules, const char *text, struct trail *trail,
                              const char **ret)
{
    if (text == NULL) {
        return ERR_OK;
    }
    if (strlen(text) > ACCESS_DESCRIPTION_MAX) {
        return trail_set(trail, ERR_TOO_LARGE, "a description is longer than %d bytes",
                         ACCESS_DESCRIPTION_MAX);
    }
    *ret = copy(rules, text);
    return *ret == NULL ? ERR_MEMORY : ERR_OK;
}

static bool is_uuid(struct span text)
{
    if (text.len != UUID_CHARS) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        bool is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');

        if (is_dash ? c != '-' : !is_hex) {
            return false;
        }
    }
    return true;
}

/* An object id or a tenant, as access/token.h takes them from a token. */
static bool is_id(const char *text)
{
    size_t len = strlen(text);

    if (len == 0 || len > ACCESS_ID_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~') {
            return false;
        }
    }
    return true;
}

static err_t copy_actions(struct access_rules *rules, const char *const *from, struct trail *trail,
                          const char *const **ret)
{
    const char **list;
    size_t n = 0;

    while (from[n] != NULL) {
        if (!access_action_is(span_str(from[n]), true)) {
            return trail_set(trail, ERR_VALUE, "'%.80s' is no action", from[n]);
        }
        if (n++ == ACCESS_MAX_ACTIONS) {
            return trail_set(trail, ERR_TOO_MANY, "more than %d actions", ACCESS_MAX_ACTIONS);
        }
    }
    list = arena_calloc(rules->arena, n + 1, sizeof(*list));
    for (size_t i = 0; list != NULL && i < n; i++) {
        list[i] = copy(rules, from[i]);
        if (list[i] == NULL) {
            return ERR_MEMORY;
        }
    }
    *ret = list;
    return list == NULL ? ERR_MEMORY : ERR_OK;
}

err_t access_rules_add_role(struct access_rules *rules, const struct access_role *role,
                            struct trail *trail)
{
    struct access_role added = {0};
    size_t name_len = strlen(role->name);
    char *id;
    err_t err;

    if (!is_uuid(span_str(role->id))) {
        return trail_set(trail, ERR_VALUE, "a role's id must be a UUID");
    }
    if (access_rules_role(rules, span_str(role->id)) != NULL) {
        return trail_set(trail, ERR_CONFLICT, "the role id %s is taken", role->id);
    }
    if (name_len == 0 || name_len > ROLE_NAME_MAX || role->actions[0] == NULL) {
        return trail_set(trail, ERR_VALUE, "a role needs a name, and actions");
    }
    err = copy_actions(rules, role->actions, trail, &added.actions);
    err = err ? err : copy_actions(rules, role->not_actions, trail, &added.not_actions);
    err = err ? err : copy_description(rules, role->description, trail, &added.description);
    if (err) {
        return err;
    }
    id = arena_printf(rules->arena, "%s", role->id);
    added.name = copy(rules, role->name);
    if (id == NULL || added.name == NULL) {
        return ERR_MEMORY;
    }
    for (char *c = id; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'F') {
            *c = (char)(*c - 'A' + 'a');
        }
    }
    added.id = id;
    rules->roles[rules->n_roles++] = added;
    return ERR_OK;
}

static bool is_same(const struct access_assignment *a, const struct access_assignment *b)
{
    return text_equal_nocase(a->principal, b->principal) &&
           text_equal_nocase(a->tenant, b->tenant) && text_equal_nocase(a->role, b->role) &&
           text_equal_nocase(a->scope, b->scope);
}

err_t access_rules_add_assignment(struct access_rules *rules,
                                  const struct access_assignment *assignment, struct trail *trail)
{
    const struct access_role *role = access_rules_role(rules, span_str(assignment->role));
    struct access_assignment added = {0};
    err_t err = access_scope_check(span_str(assignment->scope), trail);

    if (err) {
        return err;
    }
    if (access_scope_is_shared(span_str(assignment->scope))) {
        return trail_set(trail, ERR_VALUE, "nobody has a role at a shared provider");
    }
    if (!is_id(assignment->principal) || !is_id(assignment->tenant)) {
        return trail_set(trail, ERR_VALUE, "a principal and its tenant must be ids");
    }
    if (role == NULL) {
        return trail_set(trail, ERR_VALUE, "there is no role '%.60s'", assignment->role);
    }
    for (size_t i = 0; i < rules->n_assignments; i++) {
        if (is_same(&rules->assignments[i], assignment)) {
            return ERR_OK;
        }
    }
    err = copy_description(rules, assignment->description, trail, &added.description);
    if (err) {
        return err;
    }
    added.principal = copy(rules, assignment->principal);
    added.tenant = copy(rules, assignment->tenant);
    added.role = role->id;
    added.scope = copy(rules, assignment->scope);
    if (added.principal == NULL || added.tenant == NULL || added.scope == NULL) {
        return ERR_MEMORY;
    }
    rules->assignments[rules->n_assignments++] = added;
    return ERR_OK;
}

err_t access_rules_with(const struct access_rules *base, const struct access_assignment *more,
                        size_t n_more, struct trail *trail, struct access_rules **ret)
{
    size_t n_roles = base == NULL ? 0 : base->n_roles;
    size_t n_base = base == NULL ? 0 : base->n_assignments;
    CLEANUP(access_rules_free) struct access_rules *rules = NULL;
    err_t err = ERR_OK;

    if (n_more > ACCESS_MAX_ASSIGNMENTS || n_base > ACCESS_MAX_ASSIGNMENTS - n_more) {
        return trail_set(trail, ERR_TOO_MANY, "more than %d assignments", ACCESS_MAX_ASSIGNMENTS);
    }
    rules = access_rules_new(n_roles, n_base + n_more);
    if (rules == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; err == ERR_OK && i < n_roles; i++) {
        err = access_rules_add_role(rules, &base->roles[i], trail);
    }
    for (size_t i = 0; err == ERR_OK && i < n_base; i++) {
        err = access_rules_add_assignment(rules, &base->assignments[i], trail);
    }
    for (size_t i = 0; err == ERR_OK && i < n_more; i++) {
        err = access_rules_add_assignment(rules, &more[i], trail);
    }
    if (err) {
        return err;
    }
    *ret = TAKE(rules);
    return ERR_OK;
}

size_t access_rules_count(const struct access_rules *rules)
{
    return rules->n_assignments;
}

const struct access_assignment *access_rules_at(const struct access_rules *rules, size_t index)
{
    return index < rules->n_assignments ? &rules->assignments[index] : NULL;
}

const struct access_role *access_rules_role(const struct access_rules *rules, struct span id)
{
    for (size_t i = 0; access_role_builtin(i) != NULL; i++) {
        if (text_span_equal_nocase(id, access_role_builtin(i)->id)) {
            return access_role_builtin(i);
        }
    }
    for (size_t i = 0; i < rules->n_roles; i++) {
        if (text_span_equal_nocase(id, rules->roles[i].id)) {
            return &rules->roles[i];
        }
    }
    return NULL;
}

const struct access_role *access_rules_role_at(const struct access_rules *rules, size_t index)
{
    return index < rules->n_roles ? &rules->roles[index] : NULL;
}

/* ---- the question ---- */

static bool is_listed(const char *const *patterns, struct span action)
{
    for (; *patterns != NULL; patterns++) {
        if (access_action_matches(span_str(*patterns), action)) {
            return true;
        }
    }
    return false;
}

bool access_is_of(const struct access_assignment *assignment, const struct access_caller *caller)
{
    return text_equal_nocase(assignment->principal, caller->object_id) &&
           text_equal_nocase(assignment->tenant, caller->tenant);
}

static enum access_reason decide_shared(struct span action)
{
    for (size_t i = 0; i < ARRAY_LEN(shared_actions); i++) {
        if (text_span_equal_nocase(action, shared_actions[i])) {
            return ACCESS_OK;
        }
    }
    return ACCESS_SHARED;
}

enum access_reason access_decide(const struct access_rules *rules,
                                 const struct access_caller *caller, const char *action,
                                 struct span scope)
{
    const struct span asked = span_str(action);

    if (caller->object_id == NULL || caller->tenant == NULL || !access_action_is(asked, false) ||
        access_scope_check(scope, NULL) != ERR_OK) {
        return ACCESS_ROLE;
    }
    if (access_scope_is_shared(scope)) {
        return decide_shared(asked);
    }
    for (size_t i = 0; i < rules->n_assignments; i++) {
        const struct access_assignment *a = &rules->assignments[i];
        const struct access_role *role;

        if (!access_is_of(a, caller) || !access_scope_covers(span_str(a->scope), scope)) {
            continue;
        }
        role = access_rules_role(rules, span_str(a->role));
        if (role != NULL && is_listed(role->actions, asked) &&
            !is_listed(role->not_actions, asked)) {
            return ACCESS_OK;
        }
    }
    return ACCESS_ROLE;
}

bool access_has_role_within(const struct access_rules *rules, const struct access_caller *caller,
                            struct span scope)
{
    for (size_t i = 0; i < rules->n_assignments; i++) {
        const struct access_assignment *a = &rules->assignments[i];

        if (access_is_of(a, caller) && (access_scope_covers(span_str(a->scope), scope) ||
                                        access_scope_covers(scope, span_str(a->scope)))) {
            return true;
        }
    }
    return false;
}

bool access_may(const struct access_rules *rules, const struct access_caller *caller,
                const char *action, struct span scope)
{
    return access_decide(rules, caller, action, scope) == ACCESS_OK;
}
