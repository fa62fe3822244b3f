/*
 * read.c - reference documents from JSON, strictly, into sorted tables.
 *
 * Who may send these bytes: whoever may write the folder of the reference data, an operator or a
 * package. Trusted to say what is revoked, not to be free of mistakes.
 */
#include "reference/internal.h"

#include "base/codec.h"
#include "base/text.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ARENA_BYTES = 64 * 1024 * 1024,
    SCRATCH_BYTES = 256 * 1024 * 1024,
    JSON_DEPTH = 5,
    JSON_VALUES = 1024 * 1024,
};

static const struct json_limits limits = {.max_depth = JSON_DEPTH, .max_values = JSON_VALUES};

/* ---- values ---- */

static err_t refuse(struct trail *trail, const char *member, const char *what)
{
    trail_set(trail, ERR_VALUE, "%s", what);
    return trail_in(trail, ERR_VALUE, member);
}

/* Printed as it stands, so it must be printable as it stands. */
static err_t read_text(struct arena *arena, yyjson_val *value, const char *member,
                       struct trail *trail, const char **ret)
{
    struct span text = json_span(value);
    char shown[REFERENCE_TEXT_MAX + 8];
    struct span copy;

    if (text.data == NULL || text.len == 0 || text.len > REFERENCE_TEXT_MAX) {
        return refuse(trail, member, "must be a text of 1 to 512 bytes");
    }
    text_escape(text, shown, sizeof(shown));
    if (!span_is(text, shown)) {
        return refuse(trail, member, "holds characters that cannot be printed");
    }
    copy = arena_dup(arena, text);
    if (copy.data == NULL) {
        return ERR_MEMORY;
    }
    *ret = (const char *)copy.data;
    return ERR_OK;
}

static bool is_date(const char *text)
{
    static const char form[] = "dddd-dd-dd";

    for (size_t i = 0; i < sizeof(form); i++) {
        bool is_digit = text[i] >= '0' && text[i] <= '9';

        if (form[i] == 'd' ? !is_digit : text[i] != form[i]) {
            return false;
        }
    }
    return true;
}

static err_t read_words(struct arena *arena, yyjson_val *value, const char *member,
                        struct trail *trail, const char *const **ret)
{
    size_t n = yyjson_arr_size(value);
    const char **words;

    if (!yyjson_is_arr(value) || n > REFERENCE_MAX_WORDS) {
        return refuse(trail, member, "must be an array of at most 32 texts");
    }
    words = arena_calloc(arena, n + 1, sizeof(*words));
    if (words == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        err_t err = read_text(arena, yyjson_arr_get(value, i), member, trail, &words[i]);

        if (err) {
            return err;
        }
    }
    *ret = words;
    return ERR_OK;
}

static err_t read_roles(yyjson_val *value, const char *member, struct trail *trail, unsigned *ret)
{
    unsigned roles = 0;

    if (!yyjson_is_arr(value)) {
        return refuse(trail, member, "must be an array of roles");
    }
    for (size_t i = 0; i < yyjson_arr_size(value); i++) {
        struct span name = json_span(yyjson_arr_get(value, i));
        unsigned role = 0;

        for (size_t k = 0; k < reference_n_roles; k++) {
            role = name.data != NULL && span_is(name, reference_roles[k].name)
                       ? reference_roles[k].role
                       : role;
        }
        if (role == 0 || (roles & role) != 0) {
            return refuse(trail, member,
                          "there are the roles pk, kek, db, shim, windows, "
                          "each at most once");
        }
        roles |= role;
    }
    *ret = roles;
    return ERR_OK;
}

/* "0x80000001": ten characters, lower case, so that a value has one spelling. */
static err_t read_hex32(yyjson_val *value, const char *member, struct trail *trail, uint32_t *ret)
{
    struct span text = json_span(value);
    uint8_t bytes[4];

    if (text.data == NULL || text.len != 10 || !span_starts(text, "0x") ||
        hex_decode_into(span_cut(text, 2, 8), bytes, sizeof(bytes)) != ERR_OK) {
        return refuse(trail, member, "must be of the form 0x80000001");
    }
    *ret = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    return ERR_OK;
}

static err_t read_value(struct arena *arena, const struct field *field, yyjson_val *value,
                        struct trail *trail, uint8_t *entry)
{
    void *at = entry + field->offset;
    struct span text = json_span(value);
    err_t err;

    switch (field->type) {
    case FIELD_DATE:
        if (text.data == NULL || text.len != 10 || !is_date((const char *)text.data)) {
            return refuse(trail, field->name, "must be a date such as 2026-11-22");
        }
        return read_text(arena, value, field->name, trail, at);
    case FIELD_WORDS:
        return read_words(arena, value, field->name, trail, at);
    case FIELD_SHA256:
        err = text.data == NULL ? ERR_VALUE : hex_decode_into(text, at, SHA256_BYTES);
        return err ? refuse(trail, field->name, "must be 64 hexadecimal digits") : ERR_OK;
    case FIELD_GUID:
        err = text.data == NULL ? ERR_VALUE : reference_guid_read(text, at);
        return err ? refuse(trail, field->name, "must be a GUID") : ERR_OK;
    case FIELD_HEX32:
        return read_hex32(value, field->name, trail, at);
    case FIELD_UINT:
        if (!yyjson_is_uint(value) || yyjson_get_uint(value) > UINT32_MAX) {
            return refuse(trail, field->name, "must be a number below 4294967296");
        }
        *(uint32_t *)at = (uint32_t)yyjson_get_uint(value);
        return ERR_OK;
    case FIELD_ROLES:
        return read_roles(value, field->name, trail, at);
    case FIELD_FLAG:
        if (!yyjson_is_bool(value)) {
            return refuse(trail, field->name, "must be true or false");
        }
        *(bool *)at = yyjson_get_bool(value);
        return ERR_OK;
    case FIELD_TEXT:
    default:
        return read_text(arena, value, field->name, trail, at);
    }
}

/* ---- entries ---- */

static const struct field *field_of(const struct shape *shape, struct span name)
{
    for (size_t i = 0; i < shape->n_fields; i++) {
        if (span_is(name, shape->fields[i].name)) {
            return &shape->fields[i];
        }
    }
    return NULL;
}

static err_t read_entry(struct arena *arena, const struct shape *shape, yyjson_val *object,
                        struct trail *trail, uint8_t *entry)
{
    yyjson_obj_iter iter;
    yyjson_val *key;

    if (!yyjson_is_obj(object)) {
        return trail_set(trail, ERR_JSON_TYPE, "must be an object");
    }
    for (size_t i = 0; i < shape->n_fields; i++) {
        if (shape->fields[i].is_required && json_get(object, shape->fields[i].name) == NULL) {
            trail_set(trail, ERR_JSON_MISSING, "is missing");
            return trail_in(trail, ERR_JSON_MISSING, shape->fields[i].name);
        }
    }
    yyjson_obj_iter_init(object, &iter);
    while ((key = yyjson_obj_iter_next(&iter)) != NULL) {
        const struct field *field = field_of(shape, json_span(key));
        err_t err;

        if (field == NULL) {
            return trail_set(trail, ERR_VALUE, "there is no member '%.40s' in entries of %s",
                             yyjson_get_str(key), shape->kind);
        }
        err = read_value(arena, field, yyjson_obj_iter_get_val(key), trail, entry);
        if (err) {
            return err;
        }
    }
    return ERR_OK;
}

static int compare_sha256(const void *a, const void *b)
{
    return reference_compare(FIELD_SHA256, a, b);
}

static int compare_guid(const void *a, const void *b)
{
    return reference_compare(FIELD_GUID, a, b);
}

static int compare_u32(const void *a, const void *b)
{
    return reference_compare(FIELD_UINT, a, b);
}

static int compare_text(const void *a, const void *b)
{
    return reference_compare(FIELD_TEXT, a, b);
}

static int (*comparator(enum field_type type))(const void *, const void *)
{
    return type == FIELD_SHA256                        ? compare_sha256
           : type == FIELD_GUID                        ? compare_guid
           : type == FIELD_HEX32 || type == FIELD_UINT ? compare_u32
                                                       : compare_text;
}

/* For people who look for it: most kinds have a name. */
static const char *entry_name(const struct shape *shape, const uint8_t *entry)
{
    for (size_t i = 0; i < shape->n_fields; i++) {
        if (strcmp(shape->fields[i].name, "name") == 0) {
            const void *at = entry + shape->fields[i].offset;

            return *(const char *const *)at;
        }
    }
    return shape->kind;
}

static err_t sort_entries(struct table *table, const struct shape *shape, struct trail *trail)
{
    enum field_type type = shape->fields[0].type;

    if (table->n > 1) {
        qsort(table->items, table->n, shape->size, comparator(type));
    }
    for (size_t i = 1; i < table->n; i++) {
        const uint8_t *entry = entry_at(table, shape, i);

        if (reference_compare(type, entry_at(table, shape, i - 1), entry) == 0) {
            trail_set(trail, ERR_CONFLICT, "two entries have the same %s; one is of '%s'",
                      shape->fields[0].name, entry_name(shape, entry));
            return trail_in(trail, ERR_CONFLICT, "entries");
        }
    }
    return ERR_OK;
}

static err_t read_entries(struct arena *arena, const struct shape *shape, yyjson_val *array,
                          struct table *table, struct trail *trail)
{
    yyjson_arr_iter iter;
    yyjson_val *value;
    size_t n = yyjson_arr_size(array);

    if (n > REFERENCE_MAX_ENTRIES) {
        return trail_set(trail, ERR_TOO_MANY, "more than %d entries", REFERENCE_MAX_ENTRIES);
    }
    /* That would say "nothing is revoked", and mean that somebody emptied it. */
    if (n == 0 && shape == reference_shape(REFERENCE_REVOKED_IMAGES)) {
        trail_set(trail, ERR_VALUE, "is empty: nothing would be known to be revoked");
        return trail_in(trail, ERR_VALUE, "entries");
    }
    table->items = arena_calloc(arena, n + 1, shape->size);
    if (table->items == NULL) {
        return ERR_MEMORY;
    }
    yyjson_arr_iter_init(array, &iter);
    while ((value = yyjson_arr_iter_next(&iter)) != NULL) {
        err_t err = read_entry(arena, shape, value, trail, table->items + table->n * shape->size);

        if (err) {
            char where[32];

            snprintf(where, sizeof(where), "entries[%zu]", table->n);
            return trail_in(trail, err, where);
        }
        table->n++;
    }
    return sort_entries(table, shape, trail);
}

/* ---- documents ---- */

static err_t check_members(yyjson_val *root, struct trail *trail)
{
    static const char *const names[] = {"schema", "kind", "version", "source", "entries"};
    yyjson_obj_iter iter;
    yyjson_val *key;

    if (!yyjson_is_obj(root)) {
        return trail_set(trail, ERR_JSON_TYPE, "must be an object");
    }
    yyjson_obj_iter_init(root, &iter);
    while ((key = yyjson_obj_iter_next(&iter)) != NULL) {
        bool is_known = false;

        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            is_known = is_known || span_is(json_span(key), names[i]);
        }
        if (!is_known) {
            return trail_set(trail, ERR_VALUE, "there is no member '%.40s' in this schema",
                             yyjson_get_str(key));
        }
    }
    return ERR_OK;
}

static err_t read_head(struct reference *reference, yyjson_val *root, struct trail *trail,
                       enum reference_kind *ret_kind, yyjson_val **ret_entries)
{
    struct span schema = {0};
    struct span kind = {0};
    yyjson_val *version = NULL;
    yyjson_val *source = NULL;
    struct table *table;
    err_t err = check_members(root, trail);

    err = err ? err : json_need_string(root, "schema", trail, &schema);
    if (err == ERR_OK && !span_is(schema, REFERENCE_SCHEMA)) {
        return refuse(trail, "schema", "must be " REFERENCE_SCHEMA);
    }
    err = err ? err : json_need_string(root, "kind", trail, &kind);
    err = err ? err : json_need(root, "version", trail, &version);
    err = err ? err : json_need(root, "source", trail, &source);
    err = err ? err : json_need_array(root, "entries", trail, ret_entries);
    if (err) {
        return err;
    }
    *ret_kind = json_text(json_get(root, "kind")) == NULL
                    ? REFERENCE_KIND_COUNT
                    : reference_kind_by_name((const char *)kind.data);
    if (*ret_kind == REFERENCE_KIND_COUNT) {
        return refuse(trail, "kind", "is none that is known here");
    }
    table = &reference->tables[*ret_kind];
    if (table->items != NULL) {
        trail_set(trail, ERR_CONFLICT, "another file is of the same kind");
        return trail_in(trail, ERR_CONFLICT, "kind");
    }
    err = read_text(reference->arena, version, "version", trail, &table->version);
    if (err == ERR_OK && !is_date(table->version)) {
        err = refuse(trail, "version", "must be a date such as 2026-11-22");
    }
    return err ? err : read_text(reference->arena, source, "source", trail, &table->source);
}

static err_t read_document(struct reference *reference, struct arena *scratch,
                           const struct reference_file *file, struct trail *trail)
{
    yyjson_val *root = NULL;
    yyjson_val *entries = NULL;
    enum reference_kind kind = REFERENCE_KIND_COUNT;
    struct table *table;
    err_t err = ERR_OK;

    if (file->text.len > REFERENCE_FILE_MAX_BYTES) {
        return trail_set(trail, ERR_TOO_LARGE, "is larger than %d bytes", REFERENCE_FILE_MAX_BYTES);
    }
    err = json_read(scratch, file->text, &limits, trail, &root);
    err = err ? err : read_head(reference, root, trail, &kind, &entries);
    if (err) {
        return err;
    }
    table = &reference->tables[kind];
    table->file = (const char *)arena_dup(reference->arena, span_str(file->name)).data;
    if (table->file == NULL) {
        return ERR_MEMORY;
    }
    return read_entries(reference->arena, reference_shape(kind), entries, table, trail);
}

static struct reference *reference_alloc(void)
{
    struct reference *reference = calloc(1, sizeof(*reference));

    if (reference == NULL) {
        return NULL;
    }
    atomic_init(&reference->references, 1);
    reference->arena = arena_new(ARENA_BYTES);
    if (reference->arena == NULL) {
        free(reference);
        return NULL;
    }
    return reference;
}

err_t reference_new(const struct reference_file *files, size_t n, struct trail *trail,
                    struct reference **ret)
{
    CLEANUP(arena_free) struct arena *scratch = arena_new(SCRATCH_BYTES);
    CLEANUP(reference_free) struct reference *reference = reference_alloc();

    if (scratch == NULL || reference == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        err_t err = read_document(reference, scratch, &files[i], trail);

        if (err) {
            return trail_in(trail, err, files[i].name);
        }
        arena_reset(scratch);
    }
    for (enum reference_kind kind = 0; kind < REFERENCE_KIND_COUNT; kind++) {
        if (reference->tables[kind].items == NULL) {
            return trail_set(trail, ERR_NOT_FOUND, "there is no document of the kind %s",
                             reference_kind_name(kind));
        }
    }
    *ret = TAKE(reference);
    return ERR_OK;
}

struct reference *reference_ref(struct reference *reference)
{
    if (reference != NULL) {
        atomic_fetch_add_explicit(&reference->references, 1, memory_order_relaxed);
    }
    return reference;
}

void reference_free(struct reference *reference)
{
    if (reference != NULL &&
        atomic_fetch_sub_explicit(&reference->references, 1, memory_order_acq_rel) == 1) {
        arena_free(reference->arena);
        free(reference);
    }
}
