/*
 * embedded.c - resources that are kept in an array of their parent: rules of a network security
 * group, subnets of a network. A change of one is a change of its parent, with all that the
 * parent's kind checks.
 */
#include "control/internal.h"

#include "base/text.h"

struct member {
    struct resource parent;
    yyjson_mut_val *array; /* of the parent */
    yyjson_mut_val *item;  /* NULL: not there */
    size_t index;
};

static bool find(struct control_call *call, const struct control_target *target, struct member *ret,
                 struct control_answer *ret_answer)
{
    const char *id =
        target->id != NULL ? resource_parent_id(call->arena, target->id) : target->scope;
    struct span name = resource_path_name(&call->path);
    struct trail trail = {0};
    yyjson_mut_arr_iter iter;
    yyjson_mut_val *item;
    err_t err = id == NULL ? ERR_MEMORY : resource_load(call, id, &trail, &ret->parent);

    if (err == ERR_NOT_FOUND) {
        control_not_found(call, id, ret_answer);
        return false;
    }
    if (err) {
        control_fail(call, err, &trail, ret_answer);
        return false;
    }
    ret->array = body_get(resource_properties(call, &ret->parent), target->kind->member);
    ret->item = NULL;
    if (target->id == NULL || !yyjson_mut_arr_iter_init(ret->array, &iter)) {
        return true;
    }
    for (size_t i = 0; (item = yyjson_mut_arr_iter_next(&iter)) != NULL; i++) {
        const char *text = body_text_at(item, "name");

        if (text != NULL && text_span_equal_nocase(name, text)) {
            ret->item = item;
            ret->index = i;
        }
    }
    return true;
}

/* As it stands in the parent when that is shown, which is complete. */
static yyjson_mut_val *shown(struct control_call *call, const struct control_target *target,
                             const struct member *member)
{
    yyjson_mut_val *array = body_get(body_get(resource_value(call, &member->parent), "properties"),
                                     target->kind->member);

    return target->id == NULL ? array : yyjson_mut_arr_get(array, member->index);
}

static void answer_item(struct control_call *call, const struct control_target *target,
                        const struct member *member, unsigned status, struct control_answer *ret)
{
    ret->etag = resource_etag(call, &member->parent);
    control_answer_value(call, status,
                         yyjson_mut_val_mut_copy(call->doc, shown(call, target, member)), ret);
}

static void list(struct control_call *call, const struct control_target *target,
                 const struct member *member, struct control_answer *ret)
{
    yyjson_mut_val *array = shown(call, target, member);

    if (call->filter.data != NULL) {
        control_refuse(call, ret, 400, "InvalidFilterInQueryString",
                       "$filter: what is a part of '%s' is listed whole", member->parent.name);
        return;
    }
    control_answer_list(
        call, array == NULL ? yyjson_mut_arr(call->doc) : yyjson_mut_val_mut_copy(call->doc, array),
        NULL, ret);
}

/* The parent with its array changed, checked by the parent's kind and kept. */
static bool keep_parent(struct control_call *call, struct member *member,
                        struct control_answer *ret, bool *ret_is_raced)
{
    struct resource before = member->parent;
    struct trail trail = {0};
    const struct kind *kind = member->parent.kind;
    err_t err = resource_load(call, member->parent.id, &trail, &before);

    *ret_is_raced = false;
    if (err) {
        control_fail(call, err, &trail, ret);
        return false;
    }
    if (before.version != member->parent.version) {
        *ret_is_raced = true;
        return false;
    }
    if (kind->prepare != NULL && !kind->prepare(call, &before, &member->parent, ret)) {
        return false;
    }
    if (!resource_is_keepable(call, &member->parent, ret)) {
        return false;
    }
    if (call->is_dry) {
        return true;
    }
    if (!resource_replace(call, &before, &member->parent, ret, ret_is_raced)) {
        return false;
    }
    if (kind->done != NULL) {
        kind->done(call, &before, &member->parent, ret);
    }
    return ret->code == NULL;
}

static bool put(struct control_call *call, const struct control_target *target,
                struct control_answer *ret, bool *ret_is_raced)
{
    struct member member;
    struct span name = resource_path_name(&call->path);
    yyjson_mut_val *sent = control_read_body(call, ret), *properties;
    bool is_new;

    *ret_is_raced = false;
    if (sent == NULL || !name_is_good(call, target->kind, name, ret) ||
        !find(call, target, &member, ret) ||
        !condition_holds(call, member.item == NULL ? NULL : &member.parent, ret)) {
        return false;
    }
    is_new = member.item == NULL;
    body_set_text(call->doc, sent, "name",
                  arena_printf(call->arena, "%.*s", (int)name.len, (const char *)name.data));
    if (is_new) {
        properties = resource_properties(call, &member.parent);
        if (!yyjson_mut_is_arr(member.array)) {
            body_drop(properties, target->kind->member);
            member.array = json_add_array(call->doc, properties, target->kind->member);
        }
        member.index = yyjson_mut_arr_size(member.array);
        (void)yyjson_mut_arr_append(member.array, sent);
    } else {
        (void)yyjson_mut_arr_replace(member.array, member.index, sent);
    }
    if (!keep_parent(call, &member, ret, ret_is_raced)) {
        return false;
    }
    answer_item(call, target, &member, is_new ? 201 : 200, ret);
    return true;
}

static bool remove_item(struct control_call *call, const struct control_target *target,
                        struct control_answer *ret, bool *ret_is_raced)
{
    struct member member;

    *ret_is_raced = false;
    if (!find(call, target, &member, ret) ||
        !condition_holds(call, member.item == NULL ? NULL : &member.parent, ret)) {
        return false;
    }
    if (member.item == NULL) {
        ret->status = 204;
        return true;
    }
    if (target->kind->may_go != NULL) {
        struct resource item = {.kind = target->kind,
                                .id = target->id,
                                .key = resource_key(call->arena, span_str(target->id)),
                                .name = strrchr(target->id, '/') + 1,
                                .location = "",
                                .state = "Succeeded",
                                .body = member.item};

        if (!target->kind->may_go(call, &item, ret)) {
            return false;
        }
    }
    (void)yyjson_mut_arr_remove(member.array, member.index);
    if (!keep_parent(call, &member, ret, ret_is_raced)) {
        return false;
    }
    ret->status = 200;
    return true;
}

void embedded_run(struct control_call *call, const struct control_target *target,
                  struct control_answer *ret)
{
    struct member member;
    bool is_raced = true;

    if (call->method == HTTP_PUT || call->method == HTTP_DELETE) {
        for (int i = 0; is_raced && i < CONTROL_RETRIES; i++) {
            *ret = (struct control_answer){0};
            (void)(call->method == HTTP_PUT ? put(call, target, ret, &is_raced)
                                            : remove_item(call, target, ret, &is_raced));
        }
        if (is_raced) {
            control_refuse(call, ret, 409, "Conflict",
                           "Others changed the same resource all the time; try again.");
        }
        return;
    }
    if (!find(call, target, &member, ret)) {
        return;
    }
    if (target->id == NULL) {
        list(call, target, &member, ret);
    } else if (member.item == NULL) {
        control_not_found(call, target->id, ret);
    } else {
        answer_item(call, target, &member, 200, ret);
    }
}
