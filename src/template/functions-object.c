/*
 * functions-object.c - functions of objects, and of sets: union and intersection.
 */
#include "template/functions.h"

#include <stdlib.h>

err_t arm_createobject(struct call *call, struct value *ret)
{
    struct members members = {0};
    err_t err = ERR_OK;

    if (call->n % 2 != 0) {
        return arm_call_fail(call, "it takes keys and values in pairs, not %u arguments", call->n);
    }
    for (uint32_t i = 0; err == ERR_OK && i < call->n; i += 2) {
        if (!value_is(call->arguments[i], VALUE_STRING)) {
            return arm_call_fail(call, "argument %u must be a string, it is %s", i + 1,
                                 arm_value_kind_words(call->arguments[i]));
        }
        err = arm_members_set(call->w, &members, call_text(call, i), call->arguments[i + 1]);
    }
    return err ? err : arm_members_end(call->w, &members, ret);
}

static int compare_members(const void *a, const void *b)
{
    struct span x = ((const struct member *)a)->name;
    struct span y = ((const struct member *)b)->name;
    size_t n = x.len < y.len ? x.len : y.len;
    int order = n > 0 ? memcmp(x.data, y.data, n) : 0;

    return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

/* The members sorted by name, copied. */
static err_t sorted(struct call *call, struct value object, struct member **ret)
{
    void *room = NULL;
    uint64_t bytes = 0;
    unsigned levels = 1;
    err_t err;

    /* Each name is compared once for each time that they can be halved. */
    for (uint32_t i = 0; i < object.n; i++) {
        bytes += object.members[i].name.len;
        levels += (1u << levels) < object.n ? 1 : 0;
    }
    err = arm_work_steps(call->w, 1 + levels * (object.n / 4 + bytes / 256));

    err = err ? err : arm_work_room(call->w, (uint64_t)object.n * sizeof(struct member), &room);
    if (err == ERR_OK && object.n > 0) {
        memcpy(room, object.members, object.n * sizeof(struct member));
        qsort(room, object.n, sizeof(struct member), compare_members);
    }
    *ret = room;
    return err;
}

err_t arm_items(struct call *call, struct value *ret)
{
    struct value object = call->arguments[0];
    struct member *members = NULL;
    struct list list = {0};
    err_t err = sorted(call, object, &members);

    for (uint32_t i = 0; err == ERR_OK && i < object.n; i++) {
        struct members pair = {0};
        struct value item = value_null();

        err = arm_members_add(call->w, &pair, span_str("key"), value_string(members[i].name));
        err = err ? err : arm_members_add(call->w, &pair, span_str("value"), members[i].value);
        err = err ? err : arm_members_end(call->w, &pair, &item);
        err = err ? err : arm_list_add(call->w, &list, item);
    }
    return err ? err : arm_list_end(call->w, &list, ret);
}

err_t arm_objectkeys(struct call *call, struct value *ret)
{
    struct value object = call->arguments[0];
    struct member *members = NULL;
    struct list list = {0};
    err_t err = sorted(call, object, &members);

    for (uint32_t i = 0; err == ERR_OK && i < object.n; i++) {
        err = arm_list_add(call->w, &list, value_string(members[i].name));
    }
    return err ? err : arm_list_end(call->w, &list, ret);
}

err_t arm_json(struct call *call, struct value *ret)
{
    struct trail trail = {0};
    yyjson_val *json = NULL;
    err_t err = arm_work_steps(call->w, 1 + call->arguments[0].n / 4);

    err = err ? err : template_read(call->w->arena, call_text(call, 0), &trail, NULL, &json);
    if (err == ERR_MEMORY) {
        return arm_work_memory(call->w);
    }
    if (err && trail.what[0] != '\0') {
        return arm_call_fail(call, "the string is not JSON: %s", trail.what);
    }
    return err ? err : arm_value_from_json(call->w, json, ret);
}

/* ---- sets ---- */

static err_t list_has(struct call *call, const struct list *list, struct value value, bool *ret)
{
    err_t err = ERR_OK;

    *ret = false;
    for (uint32_t i = 0; err == ERR_OK && !*ret && i < list->n; i++) {
        err = arm_value_equal(call->w, list->items[i], value, ret);
    }
    return err;
}

static err_t add_all(struct call *call, struct members *members, struct value object)
{
    err_t err = ERR_OK;

    for (uint32_t i = 0; err == ERR_OK && i < object.n; i++) {
        err = arm_members_set(call->w, members, object.members[i].name, object.members[i].value);
    }
    return err;
}

/* Objects in both are united member by member; of all else the second wins. */
static err_t unite(struct call *call, struct value a, struct value b, struct value *ret)
{
    struct members members = {0};
    err_t err = add_all(call, &members, a);

    for (uint32_t i = 0; err == ERR_OK && i < b.n; i++) {
        const struct member *member = &b.members[i];
        const struct value *other = arm_value_find(call->w, a, member->name);
        struct value value = member->value;

        if (other != NULL && value_is(*other, VALUE_OBJECT) && value_is(value, VALUE_OBJECT)) {
            err = unite(call, *other, value, &value); /* nesting is capped */
        }
        err = err ? err : arm_members_set(call->w, &members, member->name, value);
    }
    return err ? err : arm_members_end(call->w, &members, ret);
}

static err_t union_arrays(struct call *call, struct value *ret)
{
    struct list list = {0};
    bool is_there = false;
    err_t err = ERR_OK;

    for (uint32_t i = 0; err == ERR_OK && i < call->n; i++) {
        struct value array = call->arguments[i];

        for (uint32_t k = 0; err == ERR_OK && k < array.n; k++) {
            err = list_has(call, &list, array.items[k], &is_there);
            if (err == ERR_OK && !is_there) {
                err = arm_list_add(call->w, &list, array.items[k]);
            }
        }
    }
    return err ? err : arm_list_end(call->w, &list, ret);
}

static err_t need_same_kind(struct call *call)
{
    for (uint32_t i = 1; i < call->n; i++) {
        if (call->arguments[i].kind != call->arguments[0].kind) {
            return arm_call_fail(call,
                                 "the arguments must be all arrays or all objects; argument %u "
                                 "is %s",
                                 i + 1, arm_value_kind_words(call->arguments[i]));
        }
    }
    return ERR_OK;
}

err_t arm_union(struct call *call, struct value *ret)
{
    struct value value = call->arguments[0];
    err_t err = need_same_kind(call);

    if (err == ERR_OK && value_is(value, VALUE_ARRAY)) {
        return union_arrays(call, ret);
    }
    for (uint32_t i = 1; err == ERR_OK && i < call->n; i++) {
        err = unite(call, value, call->arguments[i], &value);
    }
    *ret = value;
    return err;
}

err_t arm_shallowmerge(struct call *call, struct value *ret)
{
    struct value array = call->arguments[0];
    struct members members = {0};
    err_t err = ERR_OK;

    for (uint32_t i = 0; err == ERR_OK && i < array.n; i++) {
        if (!value_is(array.items[i], VALUE_OBJECT)) {
            return arm_call_fail(call, "element %u is %s, not an object", i,
                                 arm_value_kind_words(array.items[i]));
        }
        err = add_all(call, &members, array.items[i]);
    }
    return err ? err : arm_members_end(call->w, &members, ret);
}

/* Is it in all arguments but the first? */
static err_t is_in_others(struct call *call, const struct member *member, struct value value,
                          bool *ret)
{
    err_t err = ERR_OK;

    *ret = true;
    for (uint32_t i = 1; err == ERR_OK && *ret && i < call->n; i++) {
        struct value other = call->arguments[i];

        if (member != NULL) {
            const struct value *found = arm_value_find(call->w, other, member->name);

            err = arm_work_steps(call->w, 1);
            *ret = found != NULL;
            err = err || found == NULL ? err : arm_value_equal(call->w, *found, member->value, ret);
        } else {
            bool is_there = false;

            for (uint32_t k = 0; err == ERR_OK && !is_there && k < other.n; k++) {
                err = arm_value_equal(call->w, other.items[k], value, &is_there);
            }
            *ret = is_there;
        }
    }
    return err;
}

err_t arm_intersection(struct call *call, struct value *ret)
{
    struct value first = call->arguments[0];
    struct members members = {0};
    struct list list = {0};
    bool is_in = false;
    bool is_there = false;
    err_t err = need_same_kind(call);

    for (uint32_t i = 0; err == ERR_OK && i < first.n; i++) {
        if (value_is(first, VALUE_OBJECT)) {
            err = is_in_others(call, &first.members[i], value_null(), &is_in);
            if (err == ERR_OK && is_in) {
                err = arm_members_add(call->w, &members, first.members[i].name,
                                      first.members[i].value);
            }
            continue;
        }
        err = is_in_others(call, NULL, first.items[i], &is_in);
        err = err ? err : list_has(call, &list, first.items[i], &is_there);
        if (err == ERR_OK && is_in && !is_there) {
            err = arm_list_add(call->w, &list, first.items[i]);
        }
    }
    if (err) {
        return err;
    }
    return value_is(first, VALUE_OBJECT) ? arm_members_end(call->w, &members, ret)
                                         : arm_list_end(call->w, &list, ret);
}
