#include "base/codec.h"
#include "base/text.h"
#include "json/json.h"

#include <stdlib.h>

struct span json_write(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *value, bool pretty)
{
    size_t len = 0;
    char *text;

    (void)arena; /* the document allocates from the arena it was made on */
    text = doc == NULL || value == NULL
               ? NULL
               : yyjson_mut_val_write_opts(
                     value, pretty ? YYJSON_WRITE_PRETTY_TWO_SPACES : YYJSON_WRITE_NOFLAG,
                     &doc->alc, &len, NULL);
    return text == NULL ? (struct span){0} : span_of(text, len);
}

struct member {
    yyjson_mut_val *key;
    yyjson_mut_val *value;
};

static int compare_members(const void *a, const void *b)
{
    const struct member *x = a;
    const struct member *y = b;

    return strcmp(yyjson_mut_get_str(x->key), yyjson_mut_get_str(y->key));
}

static err_t sort_value(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *value,
                        size_t depth)
{
    size_t index;
    size_t max;
    yyjson_mut_val *key;
    yyjson_mut_val *child;
    err_t err = ERR_OK;

    if (depth > JSON_MAX_DEPTH) {
        return ERR_TOO_DEEP;
    }
    if (yyjson_mut_is_arr(value)) {
        yyjson_mut_arr_foreach(value, index, max, child)
        {
            err = err ? err : sort_value(arena, doc, child, depth + 1);
        }
    } else if (yyjson_mut_is_obj(value)) {
        size_t n = yyjson_mut_obj_size(value);
        struct member *members = arena_calloc(arena, n, sizeof(*members));

        if (members == NULL) {
            return ERR_MEMORY;
        }
        yyjson_mut_obj_foreach(value, index, max, key, child)
        {
            members[index] = (struct member){key, child};
            err = err ? err : sort_value(arena, doc, child, depth + 1);
        }
        qsort(members, n, sizeof(*members), compare_members);
        yyjson_mut_obj_clear(value);
        for (size_t i = 0; i < n; i++) {
            yyjson_mut_obj_add(value, members[i].key, members[i].value);
        }
    }
    return err;
}

err_t json_sort(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *value)
{
    return sort_value(arena, doc, value, 0);
}

static void add(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name,
                yyjson_mut_val *value)
{
    yyjson_mut_val *key = yyjson_mut_strcpy(doc, name);

    if (key != NULL && value != NULL) {
        yyjson_mut_obj_add(object, key, value);
    }
}

void json_add_span(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, struct span text)
{
    char escaped[4096];

    if (text.data == NULL && text.len == 0) {
        add(doc, object, name, yyjson_mut_strcpy(doc, ""));
    } else if (text_is_utf8(text)) {
        add(doc, object, name, yyjson_mut_strncpy(doc, (const char *)text.data, text.len));
    } else {
        text_escape(text, escaped, sizeof(escaped));
        add(doc, object, name, yyjson_mut_strcpy(doc, escaped));
    }
}

void json_add_text(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, const char *text)
{
    if (text == NULL) {
        add(doc, object, name, yyjson_mut_null(doc));
    } else {
        json_add_span(doc, object, name, span_str(text));
    }
}

void json_add_hex(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                  const char *name, struct span bytes)
{
    add(doc, object, name, yyjson_mut_strcpy(doc, hex_dup(arena, bytes)));
}

void json_add_uint(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, uint64_t value)
{
    add(doc, object, name, yyjson_mut_uint(doc, value));
}

void json_add_int(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, int64_t value)
{
    add(doc, object, name, yyjson_mut_sint(doc, value));
}

void json_add_bool(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, bool value)
{
    add(doc, object, name, yyjson_mut_bool(doc, value));
}

yyjson_mut_val *json_add_object(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name)
{
    yyjson_mut_val *value = yyjson_mut_obj(doc);

    add(doc, object, name, value);
    return value;
}

yyjson_mut_val *json_add_array(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name)
{
    yyjson_mut_val *value = yyjson_mut_arr(doc);

    add(doc, object, name, value);
    return value;
}

void json_add_value(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name,
                    yyjson_mut_val *value)
{
    add(doc, object, name, value);
}
