/*
 * resolve.c - from a path to what it is, and to what its caller has to be allowed.
 *
 * Nothing here is answered before the caller was asked who they are: control_resolve says what is
 * wrong with a path, and whoever serves it tells only those who are signed in.
 */
#include "control/internal.h"

#include "base/text.h"

#include <stdio.h>

/* ---- api-version ---- */

/* YYYY-MM-DD[-preview]; which one is nobody's business (control-plane-api 1). */
static bool check_version(struct control_call *call, struct control_answer *ret)
{
    static const char form[] = "dddd-dd-dd";
    struct span version = call->api_version;
    bool is_good = version.len >= sizeof(form) - 1;

    if (version.data == NULL || version.len == 0) {
        control_refuse(call, ret, 400, "MissingApiVersionParameter",
                       "The api-version query parameter (?api-version=) is required for all "
                       "requests.");
        return false;
    }
    for (size_t i = 0; is_good && i < sizeof(form) - 1; i++) {
        is_good = form[i] == 'd' ? version.data[i] >= '0' && version.data[i] <= '9'
                                 : version.data[i] == '-';
    }
    for (size_t i = sizeof(form) - 1; is_good && i < version.len; i++) {
        uint8_t c = version.data[i] | 0x20;

        is_good = (c >= 'a' && c <= 'z') || (i == sizeof(form) - 1 && version.data[i] == '-') ||
                  (version.data[i] >= '0' && version.data[i] <= '9') || version.data[i] == '.';
    }
    if (!is_good || version.len > 40) {
        control_refuse(call, ret, 400, "InvalidApiVersionParameter",
                       "The api-version '%.*s' is invalid. It has the form '2024-11-01', perhaps "
                       "with '-preview' behind it.",
                       (int)(version.len < 40 ? version.len : 40), (const char *)version.data);
        return false;
    }
    return true;
}

/* What would be ignored would be taken for the answer. Larger pages than there are, are none. */
static bool check_top(struct control_call *call, struct control_answer *ret)
{
    if (call->top.data == NULL || page_size(call) > 0) {
        return true;
    }
    control_refuse(call, ret, 400, "InvalidParameter",
                   "The query parameter $top is how many entries a page shall have at most, a "
                   "number from 1 to %d; '%.*s' is none.",
                   INT32_MAX, (int)(call->top.len < 40 ? call->top.len : 40),
                   (const char *)call->top.data);
    return false;
}

/* ---- rows ---- */

static struct span next_word(const char **at)
{
    size_t len = strcspn(*at, "/");
    struct span word = span_of(*at, len);

    *at += len + ((*at)[len] == '/');
    return word;
}

static bool fits(const char *pattern, const struct span *pieces, size_t n,
                 struct span parameters[CONTROL_PARAMETERS_MAX])
{
    size_t i = 0, n_parameters = 0;

    while (*pattern != '\0') {
        struct span word = next_word(&pattern);

        if (i == n) {
            return false;
        }
        if (span_is(word, "{}")) {
            parameters[n_parameters++] = pieces[i];
        } else if (!text_spans_equal_nocase(word, pieces[i])) {
            return false;
        }
        i++;
    }
    return i == n;
}

/* The pieces behind the level, with "providers" and the namespace in front. */
static size_t pieces_of(const struct resource_path *path, struct span pieces[])
{
    size_t n = 0;

    if (path->ns.data != NULL) {
        pieces[n++] = span_str("providers");
        pieces[n++] = path->ns;
    }
    memcpy(pieces + n, path->pieces, path->n * sizeof(*pieces));
    return n + path->n;
}

static enum control_level level_of(const struct resource_path *path)
{
    return path->group.data != NULL          ? CONTROL_GROUP
           : path->subscription.data != NULL ? CONTROL_SUBSCRIPTION
                                             : CONTROL_TENANT;
}

static const struct control_row *find_in(struct control_call *call, const struct control_row *table,
                                         unsigned *allowed)
{
    struct span pieces[RESOURCE_MAX_SEGMENTS + 2];
    size_t n = pieces_of(&call->path, pieces);
    enum control_level level = level_of(&call->path);

    if (call->path.is_extension) {
        return NULL;
    }
    for (; table->handler != NULL; table++) {
        struct span parameters[CONTROL_PARAMETERS_MAX] = {0};

        if (table->level != level || !fits(table->pattern, pieces, n, parameters)) {
            continue;
        }
        if ((table->methods & call->method) != 0 ||
            (call->method == HTTP_HEAD && (table->methods & HTTP_GET) != 0)) {
            memcpy(call->parameters, parameters, sizeof(parameters));
            return table;
        }
        *allowed |= table->methods;
    }
    return NULL;
}

static const struct control_row *const own_tables[] = {
    control_subscription_rows, control_group_rows,    control_operation_rows,
    control_list_rows,         control_provider_rows, control_activity_rows,
};

static const struct control_row *find_row(struct control_call *call, unsigned *allowed)
{
    const struct control_row *row = NULL;

    for (size_t i = 0; row == NULL && i < ARRAY_LEN(own_tables); i++) {
        row = find_in(call, own_tables[i], allowed);
    }
    for (size_t i = 0; row == NULL && call->control->tables[i] != NULL; i++) {
        row = find_in(call, call->control->tables[i], allowed);
    }
    return row;
}

static bool use_row(struct control_call *call, const struct control_row *row,
                    struct control_target *ret, struct control_answer *ret_answer)
{
    *ret = (struct control_target){
        .row = row,
        .action = (row->flags & (ROW_ANY_CALLER | ROW_ANY_ROLE)) != 0 ? NULL : row->action,
        .needs_any_role = (row->flags & ROW_ANY_ROLE) != 0,
        .is_change = call->method != HTTP_GET && call->method != HTTP_HEAD,
        .body_max = (row->flags & ROW_TEMPLATE) != 0 ? CONTROL_TEMPLATE_BODY_MAX : CONTROL_BODY_MAX,
    };
    ret->scope =
        row->scope_of != NULL ? row->scope_of(call, ret_answer)
        : row->level == CONTROL_TENANT
            ? "/"
            : arena_printf(
                  call->arena, "/subscriptions/%.*s%s%.*s", (int)call->path.subscription.len,
                  (const char *)call->path.subscription.data,
                  row->level == CONTROL_GROUP ? "/resourceGroups/" : "", (int)call->path.group.len,
                  call->path.group.data == NULL ? "" : (const char *)call->path.group.data);
    if (ret->scope == NULL && ret_answer->status == 0) {
        control_fail(call, ERR_MEMORY, NULL, ret_answer);
    }
    return ret->scope != NULL;
}

/* ---- kinds ---- */

enum {
    ONE_METHODS = HTTP_GET | HTTP_HEAD | HTTP_PUT | HTTP_PATCH | HTTP_DELETE,
    LIST_METHODS = HTTP_GET,
};

static const char *verb_of(enum http_method method)
{
    return method == HTTP_DELETE                        ? "delete"
           : method == HTTP_PUT || method == HTTP_PATCH ? "write"
                                                        : "read";
}

/* The path with the types as the tables write them, and "resourceGroups" likewise. */
static const char *id_of(struct control_call *call, const struct kind *kind, size_t n)
{
    const struct resource_path *path = &call->path;
    const char *type = kind->type;
    const char *id = path->scope;
    struct span word;

    if (!path->is_extension && path->group.data != NULL) {
        id = arena_printf(call->arena, "/subscriptions/%.*s/resourceGroups/%.*s",
                          (int)path->subscription.len, (const char *)path->subscription.data,
                          (int)path->group.len, (const char *)path->group.data);
    } else if (!path->is_extension && path->subscription.data != NULL) {
        id = arena_printf(call->arena, "/subscriptions/%.*s", (int)path->subscription.len,
                          (const char *)path->subscription.data);
    }
    word = next_word(&type);
    if (id != NULL) {
        id = arena_printf(call->arena, "%s/providers/%.*s", id, (int)word.len,
                          (const char *)word.data);
    }
    for (size_t i = 0; id != NULL && i < n; i++) {
        word = i % 2 == 0 ? next_word(&type) : path->pieces[i];
        id = arena_printf(call->arena, "%s/%.*s", id, (int)word.len, (const char *)word.data);
    }
    return id;
}

static const char *action_of(struct control_call *call, const struct kind *kind, const char *verb)
{
    return arena_printf(call->arena, "%s/%s", kind->type, verb);
}

static bool complete(struct control_call *call, struct control_target *target,
                     struct control_answer *ret_answer)
{
    target->is_change = call->method != HTTP_GET && call->method != HTTP_HEAD;
    target->body_max = target->kind->body_max != 0 ? target->kind->body_max : CONTROL_BODY_MAX;
    if (target->action == NULL || target->scope == NULL) {
        control_fail(call, ERR_MEMORY, NULL, ret_answer);
        return false;
    }
    return true;
}

static bool refuse_method(struct control_call *call, unsigned allowed,
                          struct control_answer *ret_answer)
{
    char methods[64];

    http_methods_text(allowed, methods, sizeof(methods));
    control_refuse(call, ret_answer, 405, "MethodNotAllowed", "%s is not possible here; %s are",
                   http_method_name(call->method), methods);
    return false;
}

static unsigned methods_of(const struct kind *kind)
{
    return (unsigned)ONE_METHODS & ~(unsigned)((kind->flags & KIND_NO_PATCH) != 0 ? HTTP_PATCH : 0);
}

static bool use_one(struct control_call *call, const struct kind *kind, struct control_target *ret,
                    struct control_answer *ret_answer)
{
    unsigned methods = methods_of(kind);

    if ((methods & call->method) == 0) {
        return refuse_method(call, methods, ret_answer);
    }
    *ret = (struct control_target){.kind = kind,
                                   .action = action_of(call, kind, verb_of(call->method)),
                                   .id = id_of(call, kind, call->path.n)};
    ret->scope = ret->id;
    return complete(call, ret, ret_answer);
}

static bool use_list(struct control_call *call, const struct kind *kind, struct control_target *ret,
                     struct control_answer *ret_answer)
{
    if ((LIST_METHODS & call->method) == 0) {
        return refuse_method(call, LIST_METHODS, ret_answer);
    }
    *ret = (struct control_target){.kind = kind, .action = action_of(call, kind, "read")};
    /* Of a parent, a group or a subscription: whoever may read there. */
    ret->scope = call->path.n > 1              ? id_of(call, kind, call->path.n - 1)
                 : call->path.scope[0] == '\0' ? "/"
                                               : call->path.scope;
    return complete(call, ret, ret_answer);
}

static bool use_action(struct control_call *call, const struct kind *kind,
                       const struct kind_action *action, struct control_target *ret,
                       struct control_answer *ret_answer)
{
    *ret = (struct control_target){.kind = kind,
                                   .kind_action = action,
                                   .action = action_of(call, kind, action->action),
                                   .id = id_of(call, kind, call->path.n - 1)};
    ret->scope = ret->id;
    return complete(call, ret, ret_answer);
}

/* ".../virtualMachines/vm/start": the last piece is no type, but something that can be done. */
static const struct kind *find_action(struct control_call *call, const struct kind_action **ret,
                                      unsigned *allowed)
{
    struct resource_path parent = call->path;
    const struct kind *kind;
    const char *type;

    if (parent.n < 3) {
        return NULL;
    }
    parent.n--;
    type = resource_path_type(call->arena, &parent);
    kind = type == NULL ? NULL : kind_find(call->control, type);
    if (kind == NULL || kind->actions == NULL) {
        return NULL;
    }
    for (const struct kind_action *a = kind->actions; a->name != NULL; a++) {
        if (!text_span_equal_nocase(call->path.pieces[call->path.n - 1], a->name)) {
            continue;
        }
        if ((a->methods & call->method) != 0) {
            *ret = a;
            return kind;
        }
        *allowed |= a->methods;
    }
    return NULL;
}

static bool level_is_right(struct control_call *call, const struct kind *kind, bool is_one,
                           struct control_answer *ret_answer)
{
    enum control_level level = level_of(&call->path);
    bool is_at_subscription = (kind->flags & KIND_AT_SUBSCRIPTION) != 0;

    if (call->path.is_extension && (kind->flags & KIND_EXTENDS) == 0) {
        control_refuse(call, ret_answer, 404, "InvalidResourceType",
                       "Resources of the type '%s' stand in a subscription or a group, not below "
                       "another resource.",
                       kind->type);
        return false;
    }
    if (call->path.is_extension || kind->elsewhere != NULL) {
        return true;
    }
    if (is_at_subscription ? level == CONTROL_SUBSCRIPTION
                           : level == CONTROL_GROUP ||
                                 (!is_one && call->path.n == 1 && level == CONTROL_SUBSCRIPTION)) {
        return true;
    }
    control_refuse(call, ret_answer, 404, "InvalidResourceType",
                   "Resources of the type '%s' are not at this level: their ids begin with "
                   "/subscriptions/{}%s/providers/.",
                   kind->type, is_at_subscription ? "" : "/resourceGroups/{}");
    return false;
}

static bool has_namespace(const struct control *control, struct span ns)
{
    for (size_t i = 0; control->kinds[i] != NULL; i++) {
        const char *type = control->kinds[i]->type;

        if (text_spans_equal_nocase(ns, span_of(type, strcspn(type, "/")))) {
            return true;
        }
    }
    return false;
}

static bool refuse_unknown(struct control_call *call, const char *type,
                           struct control_answer *ret_answer)
{
    const struct resource_path *path = &call->path;

    if (path->ns.data == NULL) {
        control_refuse(call, ret_answer, 404, "NotFound", "there is nothing at this path");
    } else if (!has_namespace(call->control, path->ns)) {
        control_refuse(call, ret_answer, 404, "InvalidResourceNamespace",
                       "The resource namespace '%.*s' is invalid.", (int)path->ns.len,
                       (const char *)path->ns.data);
    } else {
        control_refuse(call, ret_answer, 404, "InvalidResourceType",
                       "The resource type '%s' could not be found in the namespace '%.*s'.",
                       type == NULL ? "" : type + path->ns.len + (type[path->ns.len] == '/'),
                       (int)path->ns.len, (const char *)path->ns.data);
    }
    return false;
}

static bool use_kind(struct control_call *call, unsigned allowed, struct control_target *ret,
                     struct control_answer *ret_answer)
{
    const char *type = resource_path_type(call->arena, &call->path);
    const struct kind_action *action = NULL;
    const struct kind *kind =
        type == NULL || call->path.n == 0 ? NULL : kind_find(call->control, type);
    bool is_one = resource_path_is_one(&call->path);

    if (kind == NULL && call->path.n % 2 == 1) {
        kind = find_action(call, &action, &allowed);
    }
    if (kind == NULL) {
        return allowed != 0 ? refuse_method(call, allowed, ret_answer)
                            : refuse_unknown(call, type, ret_answer);
    }
    if (!level_is_right(call, kind, is_one || action != NULL, ret_answer)) {
        return false;
    }
    return action != NULL ? use_action(call, kind, action, ret, ret_answer)
           : is_one       ? use_one(call, kind, ret, ret_answer)
                          : use_list(call, kind, ret, ret_answer);
}

/* ---- both ---- */

/* A name with a slash in it comes as %2F; who wrote it meant a path (control-plane-api 1). */
bool control_resolve(struct control_call *call, const struct span *segments, size_t n,
                     struct control_target *ret, struct control_answer *ret_answer)
{
    struct trail trail = {0};
    unsigned allowed = 0;
    const struct control_row *row;
    err_t err = resource_path_read(call->arena, segments, n, &trail, &call->path);

    *ret_answer = (struct control_answer){0};
    if (err) {
        char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 48];

        trail_format(&trail, err, words, sizeof(words));
        control_refuse(call, ret_answer, 400, "InvalidParameter", "%s", words);
        return false;
    }
    row = find_row(call, &allowed);
    return row != NULL ? use_row(call, row, ret, ret_answer)
                       : use_kind(call, allowed, ret, ret_answer);
}

void control_run(struct control_call *call, const struct control_target *target,
                 struct control_answer *ret)
{
    pthread_mutex_t *claims;

    *ret = (struct control_answer){0};
    call->target = target;
    if (!check_version(call, ret) || !check_top(call, ret)) {
        return;
    }
    if (call->body.len > target->body_max) {
        control_refuse(call, ret, 413, "RequestTooLarge",
                       "The request has %zu bytes; at most %zu are taken here.", call->body.len,
                       target->body_max);
        return;
    }
    claims = claims_hold(call, target);
    if (target->row != NULL) {
        target->row->handler(call, ret);
    } else if (target->kind->elsewhere != NULL && call->is_dry) {
        ret->status = 200; /* kept elsewhere, by who knows no dry runs */
        ret->body = call->body;
    } else if (target->kind->elsewhere != NULL) {
        scopes_run_elsewhere(call, target, ret);
    } else if (target->kind->member != NULL) {
        embedded_run(call, target, ret);
    } else {
        resource_run(call, target, ret);
    }
    claims_let(claims);
    if (target->is_change && !call->is_dry) {
        activity_record(call, target, ret);
    }
}

/* ---- what there is ---- */

static const char *row_pattern(struct arena *arena, const struct control_row *row)
{
    static const char *const levels[] = {
        [CONTROL_TENANT] = "",
        [CONTROL_SUBSCRIPTION] = "/subscriptions/{}",
        [CONTROL_GROUP] = "/subscriptions/{}/resourceGroups/{}",
    };

    return arena_printf(arena, "%s%s%s", levels[row->level], row->pattern[0] != '\0' ? "/" : "",
                        row->pattern);
}

static bool list_row(const struct control_row *table, struct arena *arena, size_t *index,
                     struct control_listed *ret)
{
    for (; table->handler != NULL; table++) {
        if ((*index)-- == 0) {
            *ret = (struct control_listed){
                .methods = table->methods,
                .pattern = row_pattern(arena, table),
                .action = (table->flags & ROW_ANY_CALLER) != 0 ? NULL : table->action};
            return true;
        }
    }
    return false;
}

static const char *kind_pattern(struct arena *arena, const struct kind *kind)
{
    const char *type = kind->type;
    struct span word = next_word(&type);
    const char *pattern =
        arena_printf(arena, "/subscriptions/{}%s/providers/%.*s",
                     (kind->flags & KIND_AT_SUBSCRIPTION) != 0 ? "" : "/resourceGroups/{}",
                     (int)word.len, (const char *)word.data);

    while (pattern != NULL && *type != '\0') {
        word = next_word(&type);
        pattern =
            arena_printf(arena, "%s/%.*s/{}", pattern, (int)word.len, (const char *)word.data);
    }
    return pattern;
}

/* One, its list, its actions. */
static bool list_of_kind(const struct kind *kind, struct arena *arena, size_t *index,
                         struct control_listed *ret)
{
    const char *pattern = kind_pattern(arena, kind);

    if (pattern == NULL) {
        return false;
    }
    if (*index < 3) {
        static const struct {
            unsigned methods;
            const char *verb;
        } verbs[] = {{HTTP_GET | HTTP_HEAD, "read"},
                     {HTTP_PUT | HTTP_PATCH, "write"},
                     {HTTP_DELETE, "delete"}};

        *ret =
            (struct control_listed){verbs[*index].methods & methods_of(kind), pattern,
                                    arena_printf(arena, "%s/%s", kind->type, verbs[*index].verb)};
        return true;
    }
    if (*index == 3) {
        *ret = (struct control_listed){
            HTTP_GET, arena_printf(arena, "%.*s", (int)strlen(pattern) - 3, pattern),
            arena_printf(arena, "%s/read", kind->type)};
        return true;
    }
    *index -= 4;
    for (const struct kind_action *a = kind->actions; a != NULL && a->name != NULL; a++) {
        if ((*index)-- == 0) {
            *ret =
                (struct control_listed){a->methods, arena_printf(arena, "%s/%s", pattern, a->name),
                                        arena_printf(arena, "%s/%s", kind->type, a->action)};
            return true;
        }
    }
    return false;
}

bool control_list(const struct control *control, struct arena *arena, size_t index,
                  struct control_listed *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(own_tables); i++) {
        if (list_row(own_tables[i], arena, &index, ret)) {
            return true;
        }
    }
    for (size_t i = 0; control->tables[i] != NULL; i++) {
        if (list_row(control->tables[i], arena, &index, ret)) {
            return true;
        }
    }
    for (size_t i = 0; control->kinds[i] != NULL; i++) {
        if (list_of_kind(control->kinds[i], arena, &index, ret)) {
            return true;
        }
    }
    return false;
}
