/*
 * logs.h - for tests: recorded boots by name, and logs edited event by event.
 *
 * An edited event is "genuine" when its digests are made anew (the firmware really measured that)
 * and "forged" when they are kept (somebody changed the text afterwards).
 */
#ifndef TESTS_EVENTLOG_LOGS_H
#define TESTS_EVENTLOG_LOGS_H

#include "support/reference.h"
#include "support/support.h"

#include "base/buf.h"
#include "base/file.h"
#include "facts/facts.h"
#include "uefi/variable.h"

enum { LOGS_MAX = 512 };

struct logs_item {
    uint32_t pcr;
    uint32_t type;
    uint8_t digest[EVENTLOG_MAX_BANKS][HASH_MAX_BYTES];
    struct span data;
};

/* A crypto-agile log in pieces, without its header. */
struct logs_edit {
    struct arena *arena;
    struct eventlog_bank banks[EVENTLOG_MAX_BANKS];
    size_t n_banks;
    uint32_t header; /* register of the first record: 1 makes it the log of a confidential VM */
    struct logs_item items[LOGS_MAX];
    size_t n;
};

struct logs_made {
    struct eventlog *log;
    struct readings *readings;
    struct boot_facts *facts;
};

static inline void logs_u16(struct buf *out, unsigned value)
{
    buf_u8(out, (uint8_t)value);
    buf_u8(out, (uint8_t)(value >> 8));
}

static inline void logs_u32(struct buf *out, uint32_t value)
{
    logs_u16(out, value & 0xffff);
    logs_u16(out, value >> 16);
}

static inline void logs_u64(struct buf *out, uint64_t value)
{
    logs_u32(out, (uint32_t)value);
    logs_u32(out, (uint32_t)(value >> 32));
}

static inline struct span logs_boot(struct arena *arena, const char *name)
{
    return test_vector(arena, arena_printf(arena, "boots/%s/eventlog.bin", name));
}

/* Five of the recorded boots left no log. */
static inline bool logs_has_boot(struct arena *arena, const char *name)
{
    return file_exists(test_vector_path(arena, arena_printf(arena, "boots/%s/eventlog.bin", name)));
}

static inline struct eventlog *logs_read(struct arena *arena, struct span bytes)
{
    struct eventlog *log = NULL;
    struct trail trail = {0};
    err_t err = eventlog_read(arena, bytes, &trail, &log);

    if (err) {
        fail_msg("log: %s: %s", err_name(err), trail.what);
    }
    return log;
}

static inline struct logs_made logs_facts(struct arena *arena, struct span bytes)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct logs_made made = {.log = logs_read(arena, bytes)};

    assert_non_null(hasher);
    assert_ok(readings_make(arena, made.log, hasher, &made.readings));
    assert_ok(boot_facts_make(arena, made.readings, test_reference(), hasher, &made.facts));
    return made;
}

/* ---- editing ---- */

static inline struct logs_edit *logs_edit_boot(struct arena *arena, const char *name)
{
    struct logs_edit *edit = arena_calloc(arena, 1, sizeof(*edit));
    struct eventlog *log = logs_read(arena, logs_boot(arena, name));

    assert_non_null(edit);
    assert_true(log->n_events <= LOGS_MAX);
    edit->arena = arena;
    edit->n_banks = log->n_banks;
    memcpy(edit->banks, log->banks, sizeof(edit->banks));
    for (size_t i = 1; i < log->n_events; i++) {
        struct logs_item *item = &edit->items[edit->n++];

        item->pcr = log->events[i].pcr;
        item->type = log->events[i].type;
        item->data = log->events[i].data;
        for (size_t bank = 0; bank < log->n_banks; bank++) {
            memcpy(item->digest[bank], log->events[i].digest[bank].data, log->banks[bank].size);
        }
    }
    return edit;
}

/*
 * A boot as a confidential VM would log it (rtmr.h): the same events in registers 1 to 3, with one
 * line in each of the first two.
 */
static inline struct logs_edit *logs_edit_ccel(struct arena *arena, const char *name)
{
    struct logs_edit *edit = logs_edit_boot(arena, name);
    size_t n = 0;

    edit->header = 1;
    for (size_t i = 0; i < edit->n; i++) {
        struct logs_item item = edit->items[i];
        uint32_t pcr = item.pcr;

        if (pcr == 0 || (item.type == EV_SEPARATOR && pcr != 7 && pcr != 4)) {
            continue; /* what MRTD stands for, and lines that these registers do not have */
        }
        item.pcr = pcr == 1 || pcr == 7 ? 1 : pcr < 7 ? 2 : 3;
        edit->items[n++] = item;
    }
    edit->n = n;
    return edit;
}

/* As if the firmware had hashed `content`. */
static inline void logs_measure(struct logs_edit *edit, size_t at, struct span content)
{
    for (size_t bank = 0; bank < edit->n_banks; bank++) {
        assert_ok(hash_once(edit->banks[bank].hash, content, edit->items[at].digest[bank]));
    }
}

static inline void logs_drop(struct logs_edit *edit, size_t at)
{
    memmove(&edit->items[at], &edit->items[at + 1], (edit->n - at - 1) * sizeof(edit->items[0]));
    edit->n--;
}

/* A genuine event before `at`, with H(data). */
static inline void logs_insert(struct logs_edit *edit, size_t at, uint32_t pcr, uint32_t type,
                               struct span data)
{
    assert_true(edit->n < LOGS_MAX);
    memmove(&edit->items[at + 1], &edit->items[at], (edit->n - at) * sizeof(edit->items[0]));
    edit->n++;
    edit->items[at].pcr = pcr;
    edit->items[at].type = type;
    edit->items[at].data = data;
    logs_measure(edit, at, data);
}

static inline void logs_copy(struct logs_edit *edit, size_t from, size_t to)
{
    struct logs_item item = edit->items[from];

    logs_insert(edit, to, item.pcr, item.type, item.data);
    edit->items[to] = item;
}

/* Genuine: new data, new digests. */
static inline void logs_set(struct logs_edit *edit, size_t at, struct span data)
{
    edit->items[at].data = data;
    logs_measure(edit, at, data);
}

/* UEFI_VARIABLE_DATA. */
static inline struct span logs_variable(struct arena *arena, const uint8_t guid[16],
                                        const char *name, struct span value)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct span copy;

    buf_init(&out, 1024 * 1024);
    buf_add(&out, span_of(guid, 16));
    logs_u64(&out, strlen(name));
    logs_u64(&out, value.len);
    for (const char *c = name; *c != '\0'; c++) {
        logs_u16(&out, (unsigned char)*c);
    }
    buf_add(&out, value);
    assert_ok(buf_err(&out));
    copy = arena_dup(arena, buf_span(&out));
    assert_non_null(copy.data);
    return copy;
}

static const uint8_t logs_global[16] = {0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11,
                                        0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c};
static const uint8_t logs_security[16] = {0xcb, 0xb2, 0x19, 0xd7, 0x3a, 0x3d, 0x96, 0x45,
                                          0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f};
static const uint8_t logs_shim[16] = {0x50, 0xab, 0x5d, 0x60, 0x46, 0xe0, 0x00, 0x43,
                                      0xab, 0xb6, 0x3d, 0xd8, 0x10, 0xdd, 0x8b, 0x23};

/* An EFI_SIGNATURE_LIST of SHA-256 digests, each 32 bytes long. */
static inline struct span logs_hash_list(struct arena *arena, const struct span *digests, size_t n)
{
    static const uint8_t type[16] = {0x26, 0x16, 0xc4, 0xc1, 0x4c, 0x50, 0x92, 0x40,
                                     0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28};
    CLEANUP(buf_done) struct buf out = {0};
    struct span copy;

    buf_init(&out, 1024 * 1024);
    buf_add(&out, span_of(type, 16));
    logs_u32(&out, (uint32_t)(28 + n * 48));
    logs_u32(&out, 0);
    logs_u32(&out, 48);
    for (size_t i = 0; i < n; i++) {
        buf_add(&out, span_of(logs_global, 16));
        buf_add(&out, digests[i]);
    }
    assert_ok(buf_err(&out));
    copy = arena_dup(arena, buf_span(&out));
    assert_non_null(copy.data);
    return copy;
}

/* Index of the item whose variable has this name, in PCR 7 (RTMR0 of a confidential VM). */
static inline size_t logs_find_variable(const struct logs_edit *edit, const char *name)
{
    for (size_t i = 0; i < edit->n; i++) {
        const struct logs_item *item = &edit->items[i];
        size_t len = strlen(name);
        bool same = item->pcr == (edit->header == 1 ? 1 : 7) && item->type != EV_SEPARATOR &&
                    item->data.len >= 32 + 2 * len && item->data.data[16] == len;

        for (size_t j = 0; same && j < len; j++) {
            same = item->data.data[32 + 2 * j] == (uint8_t)name[j];
        }
        if (same) {
            return i;
        }
    }
    fail_msg("no variable %s", name);
    return 0;
}

static inline size_t logs_find(const struct logs_edit *edit, uint32_t pcr, uint32_t type)
{
    for (size_t i = 0; i < edit->n; i++) {
        if (edit->items[i].pcr == pcr && edit->items[i].type == type) {
            return i;
        }
    }
    fail_msg("no event of type %x in PCR %u", type, pcr);
    return 0;
}

/* The bytes of the edited log, in the arena. */
static inline struct span logs_bytes(const struct logs_edit *edit)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct span copy;

    buf_init(&out, 4 * 1024 * 1024);
    logs_u32(&out, edit->header);
    logs_u32(&out, EV_NO_ACTION);
    buf_add(&out, span_of((uint8_t[20]){0}, 20));
    logs_u32(&out, (uint32_t)(29 + 4 * edit->n_banks));
    buf_add(&out, span_of("Spec ID Event03\0\0\0\0\0\0\2\0\2", 24));
    logs_u32(&out, (uint32_t)edit->n_banks);
    for (size_t i = 0; i < edit->n_banks; i++) {
        logs_u16(&out, edit->banks[i].alg);
        logs_u16(&out, edit->banks[i].size);
    }
    buf_u8(&out, 0);
    for (size_t i = 0; i < edit->n; i++) {
        const struct logs_item *item = &edit->items[i];

        logs_u32(&out, item->pcr);
        logs_u32(&out, item->type);
        logs_u32(&out, (uint32_t)edit->n_banks);
        for (size_t bank = 0; bank < edit->n_banks; bank++) {
            logs_u16(&out, edit->banks[bank].alg);
            buf_add(&out, span_of(item->digest[bank], edit->banks[bank].size));
        }
        logs_u32(&out, (uint32_t)item->data.len);
        buf_add(&out, item->data);
    }
    assert_ok(buf_err(&out));
    copy = arena_dup(edit->arena, buf_span(&out));
    assert_non_null(copy.data);
    return copy;
}

static inline const struct boot_facts *logs_edited_facts(const struct logs_edit *edit)
{
    return logs_facts(edit->arena, logs_bytes(edit)).facts;
}

static inline size_t logs_count(const struct boot_facts *facts, enum finding_code code,
                                enum finding_weight weight)
{
    size_t n = 0;

    for (size_t i = 0; i < facts->n_findings; i++) {
        n += facts->findings[i].code == code && facts->findings[i].weight == weight ? 1 : 0;
    }
    return n;
}

/* At least one finding of this code, weight and rule. */
static inline void logs_expect(const struct boot_facts *facts, enum finding_code code,
                               enum finding_weight weight, const char *rule)
{
    for (size_t i = 0; i < facts->n_findings; i++) {
        const struct finding *f = &facts->findings[i];

        if (f->code == code && f->weight == weight && strcmp(f->rule, rule) == 0) {
            return;
        }
    }
    fail_msg("no %s %s of %s among %zu findings", finding_weight_name(weight),
             finding_code_name(code), rule, facts->n_findings);
}

static inline void logs_expect_clean(const struct boot_facts *facts)
{
    for (size_t i = 0; i < facts->n_findings; i++) {
        if (facts->findings[i].weight != WEIGHT_NOTE) {
            fail_msg("unexpected: %s", facts->findings[i].text);
        }
    }
}

#endif
