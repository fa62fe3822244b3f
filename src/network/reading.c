#include "network/reading.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

err_t reading_refuse(const struct reading *r, err_t err, const char *code, const char *member,
                     const char *fmt, ...)
{
    char words[TRAIL_WHAT_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(words, sizeof(words), fmt, args);
    va_end(args);
    trail_set(r->trail, err, "%s", words);
    if (member[0] != '\0') {
        trail_in(r->trail, err, member);
    }
    if (r->fault != NULL) {
        r->fault->code = code;
        text_escape(span_str(member), r->fault->target, sizeof(r->fault->target));
    }
    return err;
}

err_t reading_failed(const struct reading *r, err_t err, const char *member)
{
    if (r->fault != NULL && err_category(err) != ERR_CAT_INTERNAL) {
        r->fault->code = "InvalidRequestFormat";
        text_escape(span_str(member), r->fault->target, sizeof(r->fault->target));
    }
    return err;
}

err_t reading_member(const struct reading *r, yyjson_val *object, const char *name,
                     yyjson_val **ret)
{
    yyjson_val *value = NULL;
    err_t err = json_get_nocase(object, name, r->trail, &value);

    if (err) {
        return reading_failed(r, err, name);
    }
    if (yyjson_is_null(value) || (yyjson_is_str(value) && yyjson_get_len(value) == 0) ||
        (yyjson_is_arr(value) && yyjson_arr_size(value) == 0)) {
        value = NULL;
    }
    *ret = value;
    return ERR_OK;
}

static bool is_one_of(struct span name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (text_span_equal_nocase(name, names[i])) {
            return true;
        }
    }
    return false;
}

err_t reading_only(const struct reading *r, yyjson_val *object, const char *const *names, size_t n)
{
    size_t index, max;
    yyjson_val *key, *value;

    yyjson_obj_foreach(object, index, max, key, value)
    {
        struct span name = json_span(key);
        char shown[TRAIL_WHERE_MAX / 2];

        if (!is_one_of(name, names, n)) {
            text_escape(name, shown, sizeof(shown));
            return reading_refuse(r, ERR_VALUE, "InvalidRequestFormat", shown,
                                  "is no member that is known here; check its spelling");
        }
    }
    return ERR_OK;
}

const char *reading_copy(const struct reading *r, struct span text)
{
    return (const char *)arena_dup(r->arena, text).data;
}
