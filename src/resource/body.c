#include "resource/body.h"

#include "base/text.h"

static bool is_name(yyjson_mut_val *key, const char *name)
{
    return text_span_equal_nocase(span_of(yyjson_mut_get_str(key), yyjson_mut_get_len(key)), name);
}

yyjson_mut_val *body_get(yyjson_mut_val *object, const char *name)
{
    yyjson_mut_obj_iter iter;
    yyjson_mut_val *key;

    if (!yyjson_mut_obj_iter_init(object, &iter)) {
        return NULL;
    }
    while ((key = yyjson_mut_obj_iter_next(&iter)) != NULL) {
        if (is_name(key, name)) {
            return yyjson_mut_obj_iter_get_val(key);
        }
    }
    return NULL;
}

yyjson_mut_val *body_at(yyjson_mut_val *object, const char *path)
{
    char name[64];

    while (object != NULL && *path != '\0') {
        size_t len = strcspn(path, ".");

        if (len >= sizeof(name)) {
            return NULL;
        }
        memcpy(name, path, len);
        name[len] = '\0';
        object = body_get(object, name);
        path += len + (path[len] == '.');
    }
    return object;
}

const char *body_text(yyjson_mut_val *value)
{
    const char *text = yyjson_mut_get_str(value);

    return text != NULL && strlen(text) == yyjson_mut_get_len(value) ? text : NULL;
}

const char *body_text_at(yyjson_mut_val *object, const char *path)
{
    return body_text(body_at(object, path));
}

bool body_is_true(yyjson_mut_val *value)
{
    const char *text = body_text(value);

    return yyjson_mut_is_true(value) || (text != NULL && text_equal_nocase(text, "true"));
}

void body_drop(yyjson_mut_val *object, const char *name)
{
    yyjson_mut_obj_iter iter;
    yyjson_mut_val *key;

    if (!yyjson_mut_obj_iter_init(object, &iter)) {
        return;
    }
    while ((key = yyjson_mut_obj_iter_next(&iter)) != NULL) {
        if (is_name(key, name)) {
            (void)yyjson_mut_obj_iter_remove(&iter);
        }
    }
}

void body_set(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, yyjson_mut_val *value)
{
    body_drop(object, name);
    json_add_value(doc, object, name, value);
}

void body_set_text(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, const char *text)
{
    body_drop(object, name);
    json_add_text(doc, object, name, text);
}

yyjson_mut_val *body_need_object(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name)
{
    yyjson_mut_val *value = body_get(object, name);

    if (yyjson_mut_is_obj(value)) {
        return value;
    }
    body_drop(object, name);
    return json_add_object(doc, object, name);
}

void body_clean(yyjson_mut_val *value)
{
    yyjson_mut_obj_iter members;
    yyjson_mut_arr_iter items;
    yyjson_mut_val *at;

    if (yyjson_mut_obj_iter_init(value, &members)) {
        while ((at = yyjson_mut_obj_iter_next(&members)) != NULL) {
            yyjson_mut_val *member = yyjson_mut_obj_iter_get_val(at);

            if (yyjson_mut_is_null(member)) {
                (void)yyjson_mut_obj_iter_remove(&members);
            } else {
                body_clean(member);
            }
        }
    } else if (yyjson_mut_arr_iter_init(value, &items)) {
        while ((at = yyjson_mut_arr_iter_next(&items)) != NULL) {
            body_clean(at);
        }
    }
}

/* As a merge into nothing: nulls of objects are gone, those of arrays and below them stay. */
static void clean_objects(yyjson_mut_val *value)
{
    yyjson_mut_obj_iter members;
    yyjson_mut_val *at;

    if (!yyjson_mut_obj_iter_init(value, &members)) {
        return;
    }
    while ((at = yyjson_mut_obj_iter_next(&members)) != NULL) {
        yyjson_mut_val *member = yyjson_mut_obj_iter_get_val(at);

        if (yyjson_mut_is_null(member)) {
            (void)yyjson_mut_obj_iter_remove(&members);
        } else {
            clean_objects(member);
        }
    }
}

void body_merge(yyjson_mut_doc *doc, yyjson_mut_val *object, yyjson_mut_val *patch)
{
    yyjson_mut_obj_iter iter;
    yyjson_mut_val *key;

    if (!yyjson_mut_obj_iter_init(patch, &iter)) {
        return;
    }
    while ((key = yyjson_mut_obj_iter_next(&iter)) != NULL) {
        const char *name = yyjson_mut_get_str(key);
        yyjson_mut_val *value = yyjson_mut_obj_iter_get_val(key);
        yyjson_mut_val *before = body_get(object, name);

        if (yyjson_mut_is_null(value)) {
            body_drop(object, name);
        } else if (yyjson_mut_is_obj(value) && yyjson_mut_is_obj(before)) {
            body_merge(doc, before, value);
        } else {
            value = yyjson_mut_val_mut_copy(doc, value);
            clean_objects(value);
            body_set(doc, object, name, value);
        }
    }
}

static bool equal_objects(yyjson_mut_val *a, yyjson_mut_val *b)
{
    yyjson_mut_obj_iter iter;
    yyjson_mut_val *key;

    if (yyjson_mut_obj_size(a) != yyjson_mut_obj_size(b) || !yyjson_mut_obj_iter_init(a, &iter)) {
        return yyjson_mut_obj_size(a) == yyjson_mut_obj_size(b);
    }
    while ((key = yyjson_mut_obj_iter_next(&iter)) != NULL) {
        yyjson_mut_val *other = body_get(b, yyjson_mut_get_str(key));

        if (other == NULL || !body_equal(yyjson_mut_obj_iter_get_val(key), other)) {
            return false;
        }
    }
    return true;
}

#define TWO_63 9223372036854775808.0
#define TWO_64 18446744073709551616.0

/* Neither is rounded: a real is compared as the whole number that it is. */
static bool equals_real(yyjson_mut_val *whole, double real)
{
    if (yyjson_mut_is_uint(whole)) {
        return real >= 0 && real < TWO_64 && real == (double)(uint64_t)real &&
               (uint64_t)real == yyjson_mut_get_uint(whole);
    }
    return real >= -TWO_63 && real < TWO_63 && real == (double)(int64_t)real &&
           (int64_t)real == yyjson_mut_get_sint(whole);
}

static bool equal_numbers(yyjson_mut_val *a, yyjson_mut_val *b)
{
    if (yyjson_mut_is_real(a) == yyjson_mut_is_real(b)) {
        return yyjson_mut_is_real(a) ? yyjson_mut_get_real(a) == yyjson_mut_get_real(b)
                                     : yyjson_mut_equals(a, b);
    }
    return yyjson_mut_is_real(a) ? equals_real(b, yyjson_mut_get_real(a))
                                 : equals_real(a, yyjson_mut_get_real(b));
}

bool body_equal(yyjson_mut_val *a, yyjson_mut_val *b)
{
    yyjson_mut_arr_iter at_a, at_b;
    yyjson_mut_val *item;

    if (a == NULL || b == NULL) {
        return a == b;
    }
    if (yyjson_mut_is_obj(a) && yyjson_mut_is_obj(b)) {
        return equal_objects(a, b);
    }
    if (yyjson_mut_is_num(a) && yyjson_mut_is_num(b)) {
        return equal_numbers(a, b);
    }
    if (!yyjson_mut_is_arr(a) || !yyjson_mut_is_arr(b)) {
        return yyjson_mut_equals(a, b);
    }
    if (yyjson_mut_arr_size(a) != yyjson_mut_arr_size(b)) {
        return false;
    }
    (void)yyjson_mut_arr_iter_init(a, &at_a);
    (void)yyjson_mut_arr_iter_init(b, &at_b);
    while ((item = yyjson_mut_arr_iter_next(&at_a)) != NULL) {
        if (!body_equal(item, yyjson_mut_arr_iter_next(&at_b))) {
            return false;
        }
    }
    return true;
}

static err_t check_object(yyjson_mut_val *object, struct trail *trail)
{
    yyjson_mut_obj_iter iter;
    yyjson_mut_val *key;

    if (yyjson_mut_obj_size(object) > BODY_MAX_MEMBERS) { /* what follows is quadratic */
        return trail_set(trail, ERR_TOO_MANY, "has more than %d members", BODY_MAX_MEMBERS);
    }
    (void)yyjson_mut_obj_iter_init(object, &iter);
    while ((key = yyjson_mut_obj_iter_next(&iter)) != NULL) {
        yyjson_mut_val *value = yyjson_mut_obj_iter_get_val(key);
        const char *name = body_text(key);
        err_t err = name == NULL ? trail_set(trail, ERR_VALUE, "has a NUL in a member's name")
                    : body_get(object, name) != value ? ERR_JSON_DUPLICATE
                                                      : body_check(value, trail);

        if (err) {
            return name == NULL ? err : trail_in(trail, err, name);
        }
    }
    return ERR_OK;
}

err_t body_check(yyjson_mut_val *value, struct trail *trail)
{
    yyjson_mut_arr_iter items;
    yyjson_mut_val *item;
    err_t err = ERR_OK;

    if (yyjson_mut_is_obj(value)) {
        return check_object(value, trail);
    }
    if (yyjson_mut_arr_iter_init(value, &items)) {
        while (err == ERR_OK && (item = yyjson_mut_arr_iter_next(&items)) != NULL) {
            err = body_check(item, trail);
        }
    }
    return err;
}
