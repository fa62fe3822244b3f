#include "control/known.h"

#include "base/nearest.h"
#include "base/text.h"

enum { SHOWN_MAX = 64 };

static size_t count(const char *const *names)
{
    size_t n = 0;

    while (names[n] != NULL) {
        n++;
    }
    return n;
}

/* As it is spelt here; NULL: it is not known. */
static const char *known_name(const struct known_object *object, const char *name)
{
    for (size_t i = 0; object->names[i] != NULL; i++) {
        if (object->how == KNOWN_EXACT ? strcmp(object->names[i], name) == 0
                                       : text_equal_nocase(object->names[i], name)) {
            return object->names[i];
        }
    }
    return NULL;
}

/* The words of Azure's own reader, and what was probably meant. */
static bool refuse_unknown(const struct control_call *call, const struct known_object *object,
                           const char *name, const char *nearest, struct control_answer *ret)
{
    const char *shown = text_escape_dup(call->arena, span_str(name), SHOWN_MAX);
    const char *dot = object->path[0] == '\0' ? "" : ".";

    control_refuse(call, ret, 400, "InvalidRequestContent",
                   "The request content was invalid and could not be deserialized: 'Could not find "
                   "member '%s' on object of type '%s'. Path '%s%s%s'.'%s%s%s",
                   shown, object->type, object->path, dot, shown,
                   nearest == NULL ? "" : " Did you mean '", nearest == NULL ? "" : nearest,
                   nearest == NULL ? "" : "'?");
    ret->target = arena_printf(call->arena, "%s%s%s", object->path, dot, shown);
    return false;
}

/* *ret_known: as it is spelt here; NULL: it is not known, and may stay. */
static bool check_name(const struct control_call *call, const struct known_object *object,
                       const char *name, const char **ret_known, struct control_answer *ret)
{
    const char *nearest;

    *ret_known = known_name(object, name);
    if (*ret_known != NULL) {
        return true;
    }
    nearest = nearest_word(name, object->names, count(object->names));
    return (object->how == KNOWN_SOME && nearest == NULL) ||
           refuse_unknown(call, object, name, nearest, ret);
}

static bool check(const struct control_call *call, yyjson_mut_val *value,
                  const struct known_object *object, struct control_answer *ret)
{
    yyjson_mut_obj_iter iter;
    yyjson_mut_val *key;

    if (!yyjson_mut_obj_iter_init(value, &iter)) {
        control_refuse(call, ret, 400, "InvalidRequestContent", "%s is not an object.",
                       object->path);
        ret->target = object->path;
        return false;
    }
    while ((key = yyjson_mut_obj_iter_next(&iter)) != NULL) {
        const char *known;

        if (!check_name(call, object, yyjson_mut_get_str(key), &known, ret)) {
            return false;
        }
        if (known != NULL) {
            (void)yyjson_mut_set_str(key, known);
        }
    }
    return true;
}

bool known_members(const struct control_call *call, yyjson_mut_val *body,
                   const struct known_object *objects, size_t n, struct control_answer *ret)
{
    for (size_t i = 0; i < n; i++) {
        yyjson_mut_val *value = objects[i].path[0] == '\0' ? body : body_at(body, objects[i].path);

        if (value != NULL && !check(call, value, &objects[i], ret)) {
            return false;
        }
    }
    return true;
}

bool known_members_read(const struct control_call *call, yyjson_val *value,
                        const struct known_object *object, struct control_answer *ret)
{
    yyjson_val *key, *item;
    const char *known;
    size_t i, n;

    yyjson_obj_foreach(value, i, n, key, item)
    {
        if (!check_name(call, object, yyjson_get_str(key), &known, ret)) {
            return false;
        }
    }
    return true;
}
