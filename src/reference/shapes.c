/*
 * shapes.c - how the entries of each kind are written: docs/formats/reference.md as tables.
 */
#include "reference/internal.h"

#include "base/codec.h"

#include <stdio.h>

#define AUTHORITY(member) offsetof(struct reference_authority, member)
static const struct field authority_fields[] = {
    {"sha256", FIELD_SHA256, true, AUTHORITY(sha256)},
    {"name", FIELD_TEXT, true, AUTHORITY(name)},
    {"owner", FIELD_TEXT, true, AUTHORITY(owner)},
    {"roles", FIELD_ROLES, true, AUTHORITY(roles)},
    {"expires", FIELD_DATE, true, AUTHORITY(expires)},
    {"test_key", FIELD_FLAG, false, AUTHORITY(is_test_key)},
    {"revoked", FIELD_DATE, false, AUTHORITY(revoked)},
    {"remark", FIELD_TEXT, false, AUTHORITY(remark)},
};

/* A revoked image has a date, a known one has a version; else they are alike. */
#define IMAGE(member) offsetof(struct reference_image, member)
static const struct field revoked_fields[] = {
    {"sha256", FIELD_SHA256, true, IMAGE(sha256)},
    {"name", FIELD_TEXT, true, IMAGE(name)},
    {"version", FIELD_TEXT, false, IMAGE(version)},
    {"owner", FIELD_TEXT, false, IMAGE(owner)},
    {"architectures", FIELD_WORDS, true, IMAGE(architectures)},
    {"date", FIELD_DATE, true, IMAGE(date)},
    {"cves", FIELD_WORDS, false, IMAGE(cves)},
    {"remark", FIELD_TEXT, false, IMAGE(remark)},
};
static const struct field known_fields[] = {
    {"sha256", FIELD_SHA256, true, IMAGE(sha256)},
    {"name", FIELD_TEXT, true, IMAGE(name)},
    {"version", FIELD_TEXT, true, IMAGE(version)},
    {"owner", FIELD_TEXT, true, IMAGE(owner)},
    {"architectures", FIELD_WORDS, true, IMAGE(architectures)},
    {"remark", FIELD_TEXT, false, IMAGE(remark)},
};

#define SBAT(member) offsetof(struct reference_sbat, member)
static const struct field sbat_fields[] = {
    {"level", FIELD_TEXT, true, SBAT(level)},    {"date", FIELD_DATE, true, SBAT(date)},
    {"lines", FIELD_WORDS, true, SBAT(lines)},   {"reason", FIELD_TEXT, true, SBAT(reason)},
    {"remark", FIELD_TEXT, false, SBAT(remark)},
};

#define SVN(member) offsetof(struct reference_svn, member)
static const struct field svn_fields[] = {
    {"guid", FIELD_GUID, true, SVN(guid)},       {"name", FIELD_TEXT, true, SVN(name)},
    {"version", FIELD_TEXT, true, SVN(version)}, {"date", FIELD_DATE, true, SVN(date)},
    {"cves", FIELD_WORDS, false, SVN(cves)},     {"remark", FIELD_TEXT, false, SVN(remark)},
};

#define EVENT(member) offsetof(struct reference_event, member)
static const struct field event_fields[] = {
    {"value", FIELD_HEX32, true, EVENT(value)}, {"name", FIELD_TEXT, true, EVENT(name)},
    {"pcrs", FIELD_TEXT, false, EVENT(pcrs)},   {"digest", FIELD_TEXT, false, EVENT(digest)},
    {"data", FIELD_TEXT, false, EVENT(data)},
};

#define REGISTER(member) offsetof(struct reference_register, member)
static const struct field register_fields[] = {
    {"pcr", FIELD_UINT, true, REGISTER(pcr)},
    {"firmware", FIELD_TEXT, false, REGISTER(firmware)},
    {"linux", FIELD_TEXT, false, REGISTER(linux_use)},
    {"windows", FIELD_TEXT, false, REGISTER(windows)},
    {"tdx", FIELD_TEXT, false, REGISTER(tdx)},
};

#define IDENTIFIER(member) offsetof(struct reference_identifier, member)
static const struct field identifier_fields[] = {
    {"id", FIELD_TEXT, true, IDENTIFIER(id)},
    {"type", FIELD_TEXT, true, IDENTIFIER(type)},
    {"name", FIELD_TEXT, true, IDENTIFIER(name)},
};

#define SHAPE(kind, type, fields)                                                                  \
    {                                                                                              \
        kind, sizeof(type), fields, ARRAY_LEN(fields)                                              \
    }
static const struct shape shapes[REFERENCE_KIND_COUNT] = {
    [REFERENCE_AUTHORITIES] = SHAPE("authorities", struct reference_authority, authority_fields),
    [REFERENCE_REVOKED_IMAGES] = SHAPE("revoked-images", struct reference_image, revoked_fields),
    [REFERENCE_KNOWN_IMAGES] = SHAPE("known-images", struct reference_image, known_fields),
    [REFERENCE_SBAT_LEVELS] = SHAPE("sbat-levels", struct reference_sbat, sbat_fields),
    [REFERENCE_SVN] = SHAPE("svn", struct reference_svn, svn_fields),
    [REFERENCE_EVENT_TYPES] = SHAPE("event-types", struct reference_event, event_fields),
    [REFERENCE_REGISTERS] = SHAPE("registers", struct reference_register, register_fields),
    [REFERENCE_IDENTIFIERS] = SHAPE("identifiers", struct reference_identifier, identifier_fields),
};

const struct role_name reference_roles[] = {{"pk", REFERENCE_PK},
                                            {"kek", REFERENCE_KEK},
                                            {"db", REFERENCE_DB},
                                            {"shim", REFERENCE_SHIM},
                                            {"windows", REFERENCE_WINDOWS}};
const size_t reference_n_roles = ARRAY_LEN(reference_roles);

const struct shape *reference_shape(enum reference_kind kind)
{
    return &shapes[kind];
}

const char *reference_kind_name(enum reference_kind kind)
{
    return shapes[kind].kind;
}

enum reference_kind reference_kind_by_name(const char *name)
{
    enum reference_kind kind = 0;

    while (kind < REFERENCE_KIND_COUNT && strcmp(shapes[kind].kind, name) != 0) {
        kind++;
    }
    return kind;
}

int reference_compare(enum field_type type, const void *a, const void *b)
{
    switch (type) {
    case FIELD_SHA256:
        return memcmp(a, b, SHA256_BYTES);
    case FIELD_GUID:
        return memcmp(a, b, 16);
    case FIELD_HEX32:
    case FIELD_UINT: {
        const uint32_t *left = a;
        const uint32_t *right = b;

        return *left == *right ? 0 : *left < *right ? -1 : 1;
    }
    case FIELD_TEXT:
    case FIELD_DATE:
    case FIELD_WORDS:
    case FIELD_ROLES:
    case FIELD_FLAG:
    default:
        return strcmp(*(const char *const *)a, *(const char *const *)b);
    }
}

/* ---- GUIDs ---- */

/* Where in memory the digits of the text go, pair by pair (UEFI 2.10, appendix A). */
static const uint8_t guid_order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

err_t reference_guid_read(struct span text, uint8_t guid[16])
{
    size_t at = 0;

    if (text.len != 36) {
        return ERR_VALUE;
    }
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            if (text.data[at++] != '-') {
                return ERR_VALUE;
            }
        }
        if (hex_decode_into(span_cut(text, at, 2), &guid[guid_order[i]], 1) != ERR_OK) {
            return ERR_VALUE;
        }
        at += 2;
    }
    return ERR_OK;
}

void reference_guid_show(const uint8_t guid[16], char text[37])
{
    size_t at = 0;

    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            text[at++] = '-';
        }
        snprintf(text + at, 3, "%02x", guid[guid_order[i]]);
        at += 2;
    }
}
