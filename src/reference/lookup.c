/*
 * lookup.c - questions to the tables, by key and by hand.
 */
#include "reference/internal.h"

#include "base/codec.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

enum { PREFIX_MIN = 4 };

/* ---- by key ---- */

static const void *find(const struct reference *reference, enum reference_kind kind,
                        const void *key)
{
    const struct shape *shape = reference_shape(kind);
    const struct table *table;
    size_t low = 0;
    size_t high;

    if (reference == NULL) {
        return NULL;
    }
    table = &reference->tables[kind];
    high = table->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const void *entry = entry_at(table, shape, middle);
        int order = reference_compare(shape->fields[0].type, key, entry);

        if (order == 0) {
            return entry;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

const struct reference_authority *reference_authority(const struct reference *reference,
                                                      const uint8_t sha256[SHA256_BYTES])
{
    return find(reference, REFERENCE_AUTHORITIES, sha256);
}

const struct reference_image *reference_revoked(const struct reference *reference,
                                                struct span digest)
{
    return digest.len == SHA256_BYTES ? find(reference, REFERENCE_REVOKED_IMAGES, digest.data)
                                      : NULL;
}

const struct reference_image *reference_known(const struct reference *reference, struct span digest)
{
    return digest.len == SHA256_BYTES ? find(reference, REFERENCE_KNOWN_IMAGES, digest.data) : NULL;
}

const struct reference_sbat *reference_sbat(const struct reference *reference, const char *level)
{
    return find(reference, REFERENCE_SBAT_LEVELS, &level);
}

const struct reference_sbat *reference_sbat_at(const struct reference *reference, size_t index)
{
    const struct table *table;

    if (reference == NULL) {
        return NULL;
    }
    table = &reference->tables[REFERENCE_SBAT_LEVELS];
    return index < table->n ? entry_at(table, reference_shape(REFERENCE_SBAT_LEVELS), index) : NULL;
}

const struct reference_svn *reference_svn(const struct reference *reference, const uint8_t guid[16])
{
    return find(reference, REFERENCE_SVN, guid);
}

const struct reference_event *reference_event(const struct reference *reference, uint32_t value)
{
    return find(reference, REFERENCE_EVENT_TYPES, &value);
}

const struct reference_register *reference_register(const struct reference *reference, uint32_t pcr)
{
    return find(reference, REFERENCE_REGISTERS, &pcr);
}

const struct reference_identifier *reference_identifier(const struct reference *reference,
                                                        const char *id)
{
    return find(reference, REFERENCE_IDENTIFIERS, &id);
}

/* ---- by hand ---- */

struct reference_info reference_info(const struct reference *reference, enum reference_kind kind)
{
    const struct table *table = &reference->tables[kind];

    return (struct reference_info){.version = table->version,
                                   .source = table->source,
                                   .file = table->file,
                                   .n_entries = table->n};
}

static void add_words(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name,
                      const char *const *words)
{
    yyjson_mut_val *array = words == NULL ? NULL : json_add_array(doc, object, name);

    for (; words != NULL && *words != NULL; words++) {
        yyjson_mut_arr_add_strcpy(doc, array, *words);
    }
}

static void add_roles(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, unsigned roles)
{
    yyjson_mut_val *array = json_add_array(doc, object, name);

    for (size_t i = 0; i < reference_n_roles; i++) {
        if ((roles & reference_roles[i].role) != 0) {
            yyjson_mut_arr_add_strcpy(doc, array, reference_roles[i].name);
        }
    }
}

static void add_field(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                      const struct field *field, const uint8_t *entry)
{
    const void *at = entry + field->offset;
    char text[37];

    switch (field->type) {
    case FIELD_WORDS:
        add_words(doc, object, field->name, *(const char *const *const *)at);
        break;
    case FIELD_SHA256:
        json_add_hex(arena, doc, object, field->name, span_of(at, SHA256_BYTES));
        break;
    case FIELD_GUID:
        reference_guid_show(at, text);
        json_add_text(doc, object, field->name, text);
        break;
    case FIELD_HEX32:
        snprintf(text, sizeof(text), "0x%08x", *(const uint32_t *)at);
        json_add_text(doc, object, field->name, text);
        break;
    case FIELD_UINT:
        json_add_uint(doc, object, field->name, *(const uint32_t *)at);
        break;
    case FIELD_ROLES:
        add_roles(doc, object, field->name, *(const unsigned *)at);
        break;
    case FIELD_FLAG:
        if (*(const bool *)at) {
            json_add_bool(doc, object, field->name, true);
        }
        break;
    case FIELD_TEXT:
    case FIELD_DATE:
    default:
        if (*(const char *const *)at != NULL) {
            json_add_text(doc, object, field->name, *(const char *const *)at);
        }
        break;
    }
}

yyjson_mut_val *reference_entry_json(struct arena *arena, yyjson_mut_doc *doc,
                                     const struct reference *reference, enum reference_kind kind,
                                     size_t index)
{
    const struct shape *shape = reference_shape(kind);
    const uint8_t *entry = entry_at(&reference->tables[kind], shape, index);
    yyjson_mut_val *object = yyjson_mut_obj(doc);

    for (size_t i = 0; i < shape->n_fields; i++) {
        add_field(arena, doc, object, &shape->fields[i], entry);
    }
    return object;
}

static bool starts_nocase(const char *text, const char *word)
{
    size_t n = strlen(word);

    return strlen(text) >= n && strncasecmp(text, word, n) == 0;
}

static bool has_word(const char *const *words, const char *word)
{
    for (; words != NULL && *words != NULL; words++) {
        if (text_equal_nocase(*words, word)) {
            return true;
        }
    }
    return false;
}

static bool field_is(const struct field *field, const uint8_t *entry, const char *word)
{
    const void *at = entry + field->offset;
    char text[2 * SHA256_BYTES + 1];

    switch (field->type) {
    case FIELD_SHA256:
        hex_encode(span_of(at, SHA256_BYTES), text, sizeof(text));
        return strlen(word) >= PREFIX_MIN && starts_nocase(text, word);
    case FIELD_GUID:
        reference_guid_show(at, text);
        return strlen(word) >= PREFIX_MIN && starts_nocase(text, word);
    case FIELD_HEX32:
        snprintf(text, sizeof(text), "0x%08x", *(const uint32_t *)at);
        return text_equal_nocase(text, word);
    case FIELD_UINT:
        snprintf(text, sizeof(text), "%u", *(const uint32_t *)at);
        return strcmp(text, word) == 0;
    case FIELD_WORDS:
        return has_word(*(const char *const *const *)at, word);
    case FIELD_TEXT:
        return *(const char *const *)at != NULL && strcmp(field->name, "remark") != 0 &&
               strcasestr(*(const char *const *)at, word) != NULL;
    case FIELD_DATE:
    case FIELD_ROLES:
    case FIELD_FLAG:
    default:
        return false;
    }
}

bool reference_entry_is(const struct reference *reference, enum reference_kind kind, size_t index,
                        const char *word)
{
    const struct shape *shape = reference_shape(kind);
    const uint8_t *entry = entry_at(&reference->tables[kind], shape, index);

    for (size_t i = 0; word[0] != '\0' && i < shape->n_fields; i++) {
        if (field_is(&shape->fields[i], entry, word)) {
            return true;
        }
    }
    return false;
}
