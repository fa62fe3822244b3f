/*
 * scopes.c - places that end: a group, a resource, a member of one. Roles that were given there and
 * below go with them, or whoever makes something of the same name later would find strangers with
 * rights to it.
 *
 * The roles go first. A server that stops in between, or a deletion that comes too late for its
 * If-Match, leaves a place without roles of its own, never roles without their place. While a place
 * ends no role is given anywhere: who had rights there until then could give them once more. And
 * nothing is kept anywhere: a request may take so long that its place is somebody else's when it is
 * done, so its caller is asked about again right before, and that holds until it is kept.
 */
#include "control/internal.h"

#include "base/text.h"
#include "store/joins.h"

void scopes_open(struct control *control)
{
    pthread_rwlockattr_t attributes;

    pthread_rwlockattr_init(&attributes);
#ifdef __GLIBC__
    /* Who changes things all the time must not keep the ends of places waiting. */
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
#endif
    pthread_rwlock_init(&control->scopes_lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
}

void control_hold_scopes(struct control *control)
{
    pthread_rwlock_wrlock(&control->scopes_lock);
}

void control_let_scopes(struct control *control)
{
    pthread_rwlock_unlock(&control->scopes_lock);
}

bool scopes_may_still(struct control_call *call, struct control_answer *ret)
{
    const struct control_target *target = call->target;

    if (target == NULL || target->action == NULL ||
        control_caller_may(call, target->action, target->scope)) {
        return true;
    }
    control_refuse_caller(call, target, ret);
    return false;
}

err_t scope_forget(struct control_call *call, const char *id, struct trail *trail, size_t *n)
{
    const struct control *control = call->control;
    size_t taken = 0;
    err_t err = control->forget_scope == NULL
                    ? ERR_OK
                    : control->forget_scope(control->may_context, id, trail, &taken);

    *n += taken;
    return err ? trail_set(trail, ERR_UNAVAILABLE, "roles that end with '%s' cannot be taken away",
                           id)
               : ERR_OK;
}

const char *scope_note(struct control_call *call, size_t n)
{
    return n == 0 ? NULL : arena_printf(call->arena, "roles=%zu", n);
}

/* ---- is it there? ---- */

#define MONITOR "Bootwarden.Monitor"

/* Guests that joined, or are announced; by name or id. ERR_NOT_FOUND. */
static err_t find_guest(struct control_call *call, struct span named, struct trail *trail)
{
    struct store *store = call->control->store;
    const char *name = (const char *)arena_dup(call->arena, named).data;
    struct store_announced announced;
    struct store_machine machine;
    err_t err = name == NULL ? ERR_MEMORY : store_machine_by_name(store, name, trail, &machine);

    err = err == ERR_NOT_FOUND ? store_machine_by_id(store, name, trail, &machine) : err;
    return err == ERR_NOT_FOUND ? store_announced_by_name(store, name, trail, &announced) : err;
}

bool control_scope_is_there(struct control_call *call, const char *scope,
                            struct control_answer *ret)
{
    struct control_call own = *call;
    struct control_answer answer;
    struct resource_path path;
    struct trail trail = {0};
    err_t err = resource_id_read(call->arena, span_str(scope), &trail, &path);

    if (err == ERR_OK && path.group.data == NULL && path.ns.data == NULL) {
        return true;
    }
    if (err == ERR_OK && resource_path_is_one(&path) && text_span_equal_nocase(path.ns, MONITOR) &&
        text_span_equal_nocase(path.pieces[0], "machines")) {
        err = find_guest(call, path.pieces[1], &trail);
        if (err == ERR_NOT_FOUND) {
            control_not_found(call, scope, ret);
            return false;
        }
    } else if (err == ERR_OK && path.ns.data != NULL && !resource_path_is_one(&path)) {
        control_not_found(call, scope, ret);
        return false;
    } else if (err == ERR_OK) {
        own.is_rule = true; /* who may give a role there need not be one who may read */
        own.part_of = NULL;
        control_do(&own, HTTP_GET, scope, "2024-11-01", NULL, &answer);
        if (answer.code != NULL && (answer.status == 404 || answer.status >= 500)) {
            *ret = answer;
            return false;
        }
    }
    if (err) {
        control_fail(call, err, &trail, ret);
    }
    return err == ERR_OK;
}

/* ---- kept elsewhere ---- */

bool place_is_open(struct control_call *call, struct control_answer *ret)
{
    struct trail trail = {0};
    struct resource group;
    err_t err;

    if (!scopes_may_still(call, ret)) {
        return false;
    }
    if (call->path.group.data == NULL || call->method == HTTP_DELETE) {
        return true;
    }
    err = resource_load(call, call->path.scope, &trail, &group);
    if (err == ERR_NOT_FOUND) {
        return true; /* what is kept elsewhere needs no group */
    }
    if (err) {
        control_fail(call, err, &trail, ret);
        return false;
    }
    return strcmp(group.state, "Deleting") != 0 ||
           resource_refuse_bar(call, &group, STORE_RESOURCE_GOING, "", true, ret);
}

/* A deletion that went well, also of what was gone already: one whose roles could not be taken away
 * is asked for again. */
void scopes_run_elsewhere(struct control_call *call, const struct control_target *target,
                          struct control_answer *ret)
{
    bool is_end = call->method == HTTP_DELETE && target->id != NULL;
    struct trail trail = {0};
    size_t n_roles = 0;
    err_t err = ERR_OK;

    if (!is_end) {
        target->kind->elsewhere(call, target, ret);
        return;
    }
    target->kind->elsewhere(call, target, ret); /* may hold them itself */
    if (ret->code == NULL) {
        control_hold_scopes(call->control);
        err = scope_forget(call, target->id, &trail, &n_roles);
        control_let_scopes(call->control);
    }
    if (err) {
        control_fail(call, err, &trail, ret);
    } else if (n_roles > 0) {
        ret->note = scope_note(call, n_roles);
    }
}

/* ---- members: what is kept in an array of its parent ---- */

/* "Microsoft.Network/virtualNetworks/subnets" of "Microsoft.Network/virtualNetworks". */
static bool is_member_of(const struct kind *kind, const struct kind *parent)
{
    size_t len = strlen(parent->type);

    return kind->member != NULL && strncmp(kind->type, parent->type, len) == 0 &&
           kind->type[len] == '/' && strchr(kind->type + len + 1, '/') == NULL;
}

static bool has_member(yyjson_mut_val *array, const char *name)
{
    yyjson_mut_arr_iter iter;
    yyjson_mut_val *item;

    (void)yyjson_mut_arr_iter_init(array, &iter);
    while ((item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        const char *other = body_text_at(item, "name");

        if (other != NULL && text_equal_nocase(other, name)) {
            return true;
        }
    }
    return false;
}

static err_t forget_members(struct control_call *call, const struct kind *kind,
                            const struct resource *before, const struct resource *after,
                            struct trail *trail, size_t *n)
{
    yyjson_mut_val *left = body_get(body_get(after->body, "properties"), kind->member), *item;
    yyjson_mut_arr_iter iter;
    err_t err = ERR_OK;

    (void)yyjson_mut_arr_iter_init(body_get(body_get(before->body, "properties"), kind->member),
                                   &iter);
    while (err == ERR_OK && (item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        const char *name = body_text_at(item, "name"), *id;

        if (name == NULL || has_member(left, name)) {
            continue;
        }
        id = arena_printf(call->arena, "%s%s/%s", before->id, strrchr(kind->type, '/'), name);
        err = id == NULL ? ERR_MEMORY : scope_forget(call, id, trail, n);
    }
    return err;
}

static err_t forget_left_out(struct control_call *call, const struct resource *before,
                             const struct resource *after, struct trail *trail, size_t *n)
{
    err_t err = ERR_OK;

    for (size_t i = 0; err == ERR_OK && before != NULL && call->control->kinds[i] != NULL; i++) {
        if (is_member_of(call->control->kinds[i], after->kind)) {
            err = forget_members(call, call->control->kinds[i], before, after, trail, n);
        }
    }
    return err;
}

bool resource_replace(struct control_call *call, const struct resource *before,
                      struct resource *after, struct control_answer *ret, bool *ret_is_raced)
{
    struct trail trail = {0};
    size_t n = 0;
    bool is_kept = false;
    err_t err;

    *ret_is_raced = false;
    pthread_rwlock_rdlock(&call->control->scopes_lock);
    if (scopes_may_still(call, ret)) {
        err = forget_left_out(call, before, after, &trail, &n);
        if (err) {
            control_fail(call, err, &trail, ret);
        } else {
            is_kept = resource_write(call, after, ret, ret_is_raced);
        }
    }
    pthread_rwlock_unlock(&call->control->scopes_lock);
    if (is_kept) {
        ret->note = scope_note(call, n);
    }
    return is_kept;
}

bool resource_keep(struct control_call *call, struct resource *resource, const char *action,
                   struct control_answer *ret, bool *ret_is_raced)
{
    (void)action;
    resource->is_owed = true;
    return resource_replace(call, NULL, resource, ret, ret_is_raced);
}

bool resource_keep_in_room(struct control_call *call, struct resource *resource,
                           struct control_answer *ret, bool *ret_is_raced)
{
    resource->is_owed = false;
    return resource_replace(call, NULL, resource, ret, ret_is_raced);
}
