/*
 * internal.h - the tables of the reference room: how each kind is written and kept.
 */
#ifndef REFERENCE_INTERNAL_H
#define REFERENCE_INTERNAL_H

#include "reference/reference.h"

enum field_type {
    FIELD_TEXT,   /* const char * */
    FIELD_DATE,   /* const char *: "2026-11-22" */
    FIELD_WORDS,  /* const char *const *: an array of texts */
    FIELD_SHA256, /* uint8_t[32]: hexadecimal */
    FIELD_GUID,   /* uint8_t[16]: as in memory of UEFI */
    FIELD_HEX32,  /* uint32_t: "0x80000001" */
    FIELD_UINT,   /* uint32_t: a number */
    FIELD_ROLES,  /* unsigned: an array of names */
    FIELD_FLAG,   /* bool: true, or absent */
};

struct field {
    const char *name;
    enum field_type type;
    bool is_required;
    size_t offset;
};

/* The first field is the key and stands first in the entry. */
struct shape {
    const char *kind;
    size_t size;
    const struct field *fields;
    size_t n_fields;
};
const struct shape *reference_shape(enum reference_kind kind);

struct role_name {
    const char *name;
    unsigned role;
};
extern const struct role_name reference_roles[];
extern const size_t reference_n_roles;

struct table {
    uint8_t *items; /* n entries of shape->size, sorted by key */
    size_t n;
    const char *version, *source, *file;
};

struct reference {
    _Atomic unsigned references;
    struct arena *arena;
    struct table tables[REFERENCE_KIND_COUNT];
};

/* Compares two keys of a kind, where they stand in the entries. */
int reference_compare(enum field_type type, const void *a, const void *b);

/* "8be4df61-93ca-11d2-aa0d-00e098032b8c": the first three groups are little endian in memory. */
err_t reference_guid_read(struct span text, uint8_t guid[16]) MUST_CHECK;

static inline const void *entry_at(const struct table *table, const struct shape *shape,
                                   size_t index)
{
    return table->items + index * shape->size;
}

#endif
