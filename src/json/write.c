#include "base/codec.h"
#include "base/text.h"
#include "json/memory.h"

#include <stdlib.h>

/* ---- memory ---- */

static void *arena_for_yyjson(void *ctx, size_t size)
{
    struct json_memory *memory = ctx;
    void *bytes = arena_alloc(memory->arena, size);

    memory->has_failed |= bytes == NULL;
    return bytes;
}

static void *regrow_for_yyjson(void *ctx, void *old, size_t old_size, size_t size)
{
    void *bytes = arena_for_yyjson(ctx, size);

    if (bytes != NULL && old != NULL) {
        memcpy(bytes, old, old_size < size ? old_size : size);
    }
    return bytes;
}

static void free_for_yyjson(void *ctx, void *bytes)
{
    (void)ctx;
    (void)bytes; /* the arena frees all at once */
}

struct json_memory *json_memory_new(struct arena *arena)
{
    struct json_memory *memory = arena_calloc(arena, 1, sizeof(*memory));

    if (memory != NULL) {
        memory->arena = arena;
        memory->alc = (yyjson_alc){arena_for_yyjson, regrow_for_yyjson, free_for_yyjson, memory};
    }
    return memory;
}

struct json_memory *json_memory_of(yyjson_mut_doc *doc)
{
    return doc->alc.ctx;
}

/* ---- documents ---- */

yyjson_mut_doc *json_new(struct arena *arena)
{
    struct json_memory *memory = json_memory_new(arena);

    return memory == NULL ? NULL : yyjson_mut_doc_new(&memory->alc);
}

struct span json_write(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *value, bool pretty)
{
    size_t len = 0;
    char *text;

    (void)arena; /* the document allocates from the arena it was made on */
    if (doc == NULL || value == NULL || json_memory_of(doc)->has_failed) {
        return (struct span){0};
    }
    text = yyjson_mut_val_write_opts(value,
                                     pretty ? YYJSON_WRITE_PRETTY_TWO_SPACES : YYJSON_WRITE_NOFLAG,
                                     &doc->alc, &len, NULL);
    return span_of(text, text == NULL ? 0 : len);
}

struct member {
    yyjson_mut_val *key;
    yyjson_mut_val *value;
};

static int compare_members(const void *a, const void *b)
{
    const struct member *x = a;
    const struct member *y = b;

    size_t lx = yyjson_mut_get_len(x->key);
    size_t ly = yyjson_mut_get_len(y->key);
    /* Names may hold NUL: the order must not stop there, or it would be no order. */
    int order = memcmp(yyjson_mut_get_str(x->key), yyjson_mut_get_str(y->key), lx < ly ? lx : ly);

    return order != 0 ? order : (lx > ly) - (lx < ly);
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

/* ---- building ---- */

static void add(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name,
                yyjson_mut_val *value)
{
    yyjson_mut_val *key = yyjson_mut_strcpy(doc, name);

    if (!yyjson_mut_obj_add(object, key, value)) {
        json_memory_of(doc)->has_failed = true;
    }
}

void json_add_span(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, struct span text)
{
    char escaped[JSON_MAX_ESCAPED];

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
    const char *text = hex_dup(arena, bytes);

    /* hex_dup answers "" at the arena's limit. */
    add(doc, object, name, text[0] == '\0' && bytes.len > 0 ? NULL : yyjson_mut_strcpy(doc, text));
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
