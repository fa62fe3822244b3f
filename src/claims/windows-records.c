/*
 * windows-records.c - a tagged event of Windows as an object (policy-language 12.3, rules 6 to 10).
 *
 * Records become members under the names that policies use; a container becomes an object of its
 * own. One name may occur several times: modules and policies are always arrays, of a Boolean with
 * a worse value that one counts, of the rest the first is the member and the others stand beside it
 * under NAME_ALL, so that nothing is hidden.
 *
 * Who may send these bytes: root of any guest. Only data that the event's digest covers gets here.
 * Nesting is capped at SIPA_MAX_DEPTH; every record has a header of its own, so that memory is
 * linear in the data.
 */
#include "claims/parts.h"

#include "reading/sipa.h"

#include "base/reader.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

enum { HEADER_BYTES = 8, REVOCATIONS_HEAD = 14, POLICY_HEAD = 16, SIGNATURE_HEAD = 8 };

#define HVCI_POLICY 0x000a0007u
static const char hvci_on[] = "HypervisorEnforcedCodeIntegrityEnable";

struct record {
    uint32_t id;
    uint32_t order; /* in its container */
    struct span payload;
};

/* Records of one id, in order. */
struct group {
    const struct record *first;
    size_t n;
};

static err_t short_record(struct trail *trail, uint32_t id)
{
    return trail_set(trail, ERR_MALFORMED, "record 0x%08x is shorter than its form needs", id);
}

/* ---- one level of records ---- */

static err_t next_record(struct reader *in, struct record *ret)
{
    uint32_t size = 0;
    err_t err = reader_u32le(in, &ret->id);

    err = err ? err : reader_u32le(in, &size);
    return err ? err : reader_take(in, size, &ret->payload);
}

/* Not measured: no part of what the digest is of, as far as Windows is concerned. */
static bool is_left_out(uint32_t id)
{
    return (id & SIPA_NOT_MEASURED) != 0;
}

static err_t read_level(struct arena *arena, struct span data, struct trail *trail,
                        struct record **ret, size_t *ret_n)
{
    struct record *records = arena_calloc(arena, data.len / HEADER_BYTES + 1, sizeof(*records));
    struct reader in = reader_on(data);
    size_t n = 0;

    if (records == NULL) {
        return ERR_MEMORY;
    }
    while (reader_left(&in) > 0) {
        struct record record = {0};

        if (next_record(&in, &record) != ERR_OK) {
            return trail_set(trail, ERR_MALFORMED,
                             "a record is longer than what it stands in (at byte %zu)", in.offset);
        }
        if (!is_left_out(record.id)) {
            record.order = (uint32_t)n;
            records[n++] = record;
        }
    }
    *ret = records;
    *ret_n = n;
    return ERR_OK;
}

static int by_id(const void *a, const void *b)
{
    const struct record *x = a;
    const struct record *y = b;

    if (x->id != y->id) {
        return x->id < y->id ? -1 : 1;
    }
    return x->order < y->order ? -1 : 1;
}

static int by_order(const void *a, const void *b)
{
    const struct group *x = a;
    const struct group *y = b;

    return x->first->order < y->first->order ? -1 : 1;
}

/* In the order of each id's first record. */
static err_t make_groups(struct arena *arena, struct record *records, size_t n, struct group **ret,
                         size_t *ret_n)
{
    struct group *groups = arena_calloc(arena, n + 1, sizeof(*groups));
    size_t n_groups = 0;

    if (groups == NULL || records == NULL) {
        return ERR_MEMORY;
    }
    qsort(records, n, sizeof(*records), by_id);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || records[i].id != records[i - 1].id) {
            groups[n_groups++].first = &records[i];
        }
        groups[n_groups - 1].n++;
    }
    qsort(groups, n_groups, sizeof(*groups), by_order);
    *ret = groups;
    *ret_n = n_groups;
    return ERR_OK;
}

/* ---- payloads ---- */

static uint32_t le(struct span bytes, size_t at, size_t size)
{
    uint32_t value = 0;

    for (size_t i = size; i > 0; i--) {
        value = value << 8 | bytes.data[at + i - 1];
    }
    return value;
}

/* The lengths that a payload states about itself must fit into it. */
static bool is_inner_whole(enum record_inner inner, struct span payload)
{
    size_t left;

    switch (inner) {
    case INNER_REVOCATIONS: /* i64 time, u32 length, u16 algorithm, digest */
        return payload.len >= REVOCATIONS_HEAD &&
               le(payload, 8, 4) <= payload.len - REVOCATIONS_HEAD;
    case INNER_POLICY: /* u64 version, u16 name, u16 algorithm, u32 digest, name, digest */
        if (payload.len < POLICY_HEAD) {
            return false;
        }
        left = payload.len - POLICY_HEAD;
        return le(payload, 8, 2) <= left && le(payload, 12, 4) <= left - le(payload, 8, 2);
    case INNER_SIGNATURE: /* u32 algorithm, u32 length, bytes */
        return payload.len >= SIGNATURE_HEAD && le(payload, 4, 4) <= payload.len - SIGNATURE_HEAD;
    case INNER_NONE:
    default:
        return true;
    }
}

static uint64_t number_of(struct span payload)
{
    uint64_t value = 0;

    for (size_t i = payload.len < 8 ? payload.len : 8; i > 0; i--) {
        value = value << 8 | payload.data[i - 1];
    }
    return value;
}

static void write_raw(struct text *text, struct span payload, bool is_state)
{
    text_open(text, '{');
    if (is_state) {
        /* Whether it is signed is not checked here, and what is not checked is not true. */
        text_name(text, "SignatureValid");
        text_bool(text, false);
    }
    text_name(text, "RawData");
    text_base64url(text, payload);
    text_close(text, '}');
}

static void write_value(struct text *text, uint32_t id, uint64_t value, bool has_word)
{
    char decimal[24];
    bool is_hvci = id == HVCI_POLICY && value == 1;

    text_open(text, '{');
    text_name(text, "Value");
    text_uint(text, value);
    if (has_word) {
        snprintf(decimal, sizeof(decimal), "%llu", (unsigned long long)value);
        text_name(text, "String");
        text_string(text, span_str(is_hvci ? hvci_on : decimal));
    }
    text_close(text, '}');
}

/* UTF-16 without the NULs at its end. One inside would hide what follows. */
static err_t write_utf16(struct text *text, uint32_t id, struct span utf16, struct trail *trail)
{
    struct span utf8;

    if (utf16.len % 2 != 0) {
        return short_record(trail, id);
    }
    while (utf16.len > 0 && utf16.data[utf16.len - 1] == 0 && utf16.data[utf16.len - 2] == 0) {
        utf16.len -= 2;
    }
    for (size_t i = 0; i < utf16.len; i += 2) {
        if (utf16.data[i] == 0 && utf16.data[i + 1] == 0) {
            return trail_set(trail, ERR_MALFORMED, "text of record 0x%08x holds a NUL", id);
        }
    }
    utf8 = text_from_utf16le(text->arena, utf16);
    if (utf8.data == NULL && utf16.len > 0) {
        return ERR_MEMORY;
    }
    text_string(text, utf8);
    return ERR_OK;
}

static err_t write_container(struct text *text, struct span data, unsigned depth,
                             struct trail *trail);

static err_t write_payload(struct text *text, const struct record_form *form,
                           const struct record *record, unsigned depth, struct trail *trail)
{
    enum record_shape shape = form == NULL ? SHAPE_RAW : form->shape;
    struct span payload = record->payload;

    if (form != NULL &&
        (payload.len < form->bytes || !is_inner_whole(form->inner, record->payload))) {
        return short_record(trail, record->id);
    }
    switch (shape) {
    case SHAPE_BOOLEAN:
        text_bool(text, payload.data[0] != 0);
        return ERR_OK;
    case SHAPE_NUMBER:
        text_uint(text, number_of(payload));
        return ERR_OK;
    case SHAPE_VALUE:
    case SHAPE_WORD:
        write_value(text, record->id, number_of(payload), shape == SHAPE_WORD);
        return ERR_OK;
    case SHAPE_TEXT:
        return write_utf16(text, record->id, payload, trail);
    case SHAPE_CONTAINER:
    case SHAPE_ARRAY:
        return write_container(text, payload, depth + 1, trail);
    case SHAPE_RAW:
    case SHAPE_LIST:
    case SHAPE_STATE:
    default:
        write_raw(text, payload, shape == SHAPE_STATE);
        return ERR_OK;
    }
}

/* ---- groups ---- */

/* false for WORSE_FALSE when one of them is, true for WORSE_TRUE when one of them is. */
static bool worse_of(const struct group *group, enum record_worse worse)
{
    bool bad = worse == WORSE_TRUE;

    for (size_t i = 0; i < group->n; i++) {
        if ((group->first[i].payload.data[0] != 0) == bad) {
            return bad;
        }
    }
    return !bad;
}

static err_t write_rest(struct text *text, const struct record_form *form,
                        const struct group *group, size_t from, unsigned depth, struct trail *trail)
{
    err_t err = ERR_OK;

    text_open(text, '[');
    for (size_t i = from; err == ERR_OK && i < group->n; i++) {
        err = write_payload(text, form, &group->first[i], depth, trail);
    }
    text_close(text, ']');
    return err;
}

static err_t write_group(struct text *text, const struct group *group, unsigned depth,
                         struct trail *trail)
{
    const struct record_form *form = record_form(group->first->id);
    char unknown[32];
    const char *name = unknown;
    err_t err;

    if (form != NULL) {
        name = form->name;
    } else {
        snprintf(unknown, sizeof(unknown), "EVENT_0x%08X", group->first->id);
    }
    text_name(text, name);
    if (form != NULL && (form->shape == SHAPE_ARRAY || form->shape == SHAPE_LIST)) {
        return write_rest(text, form, group, 0, depth, trail);
    }
    if (form != NULL && form->worse != WORSE_NONE && group->n > 1) {
        for (size_t i = 0; i < group->n; i++) {
            if (group->first[i].payload.len == 0) {
                return short_record(trail, group->first->id);
            }
        }
        text_bool(text, worse_of(group, form->worse));
        return ERR_OK;
    }
    err = write_payload(text, form, group->first, depth, trail);
    if (err == ERR_OK && group->n > 1) {
        text_named(text, name, "_ALL");
        err = write_rest(text, form, group, 1, depth, trail);
    }
    return err;
}

static err_t write_container(struct text *text, struct span data, unsigned depth,
                             struct trail *trail)
{
    struct record *records = NULL;
    struct group *groups = NULL;
    size_t n = 0;
    size_t n_groups = 0;
    err_t err;

    if (depth > SIPA_MAX_DEPTH) {
        return trail_set(trail, ERR_TOO_DEEP, "records are nested deeper than %d levels",
                         SIPA_MAX_DEPTH);
    }
    err = read_level(text->arena, data, trail, &records, &n);
    err = err ? err : make_groups(text->arena, records, n, &groups, &n_groups);
    if (err) {
        return err;
    }
    text_open(text, '{');
    for (size_t i = 0; err == ERR_OK && i < n_groups; i++) {
        err = write_group(text, &groups[i], depth, trail);
    }
    text_close(text, '}');
    return err;
}

err_t write_windows_records(struct text *text, struct span data, struct trail *trail)
{
    return write_container(text, data, 0, trail);
}
