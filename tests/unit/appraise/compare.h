/*
 * compare.h - for tests: two boots compared, and a change looked for among what was found.
 */
#ifndef TESTS_APPRAISE_COMPARE_H
#define TESTS_APPRAISE_COMPARE_H

#include "unit/facts/logs.h"

#include "appraise/baseline.h"

#define HEALTHY "a-secureboot-healthy"
#define UPDATED "f-kernel-update"
#define UKI "k-uki-healthy"
#define UKI_UPDATED "k-uki-update"

enum { ALL_PCRS = 0xffffff, LINE_MAX_BYTES = 12000 };

struct compared {
    struct change items[APPRAISE_MAX_CHANGES];
    size_t n;
};

static inline struct compared compare_with(struct arena *arena, const struct boot_facts *before,
                                           const struct boot_facts *after, uint32_t after_pcrs,
                                           bool is_shape_changed)
{
    const struct baseline_boot old = {before, ALL_PCRS};
    const struct baseline_boot new = {after, after_pcrs};
    const struct baseline_known known = {.is_shape_changed = is_shape_changed};
    struct compared changes = {0};

    assert_ok(baseline_compare(arena, &old, &new, &known, changes.items, &changes.n));
    assert_true(changes.n <= APPRAISE_MAX_CHANGES);
    for (size_t i = 0; i < changes.n; i++) {
        assert_int_not_equal(changes.items[i].text[0], '\0');
        assert_int_not_equal(changes.items[i].explanation[0], '\0');
        assert_int_not_equal(changes.items[i].pcrs, 0);
    }
    return changes;
}

static inline struct compared compare(struct arena *arena, const struct boot_facts *before,
                                      const struct boot_facts *after)
{
    return compare_with(arena, before, after, ALL_PCRS, false);
}

static inline const struct boot_facts *boot(struct arena *arena, const char *name)
{
    return logs_facts(arena, logs_boot(arena, name)).facts;
}

/* The change of this class; the test fails when there is none. */
static const struct change *find(const struct compared *changes, enum reason_code code)
{
    for (size_t i = 0; i < changes->n; i++) {
        if (changes->items[i].code == code) {
            return &changes->items[i];
        }
    }
    fail_msg("no %s among %zu changes", reason_name(code), changes->n);
    return &changes->items[0];
}

static inline void expect(const struct compared *changes, enum reason_code code, bool is_explained)
{
    const struct change *change = find(changes, code);

    if (change->is_explained != is_explained) {
        fail_msg("%s is%s explained: %s", reason_name(code), is_explained ? " not" : "",
                 change->explanation);
    }
}

static inline size_t unexplained(const struct compared *changes)
{
    size_t n = 0;

    for (size_t i = 0; i < changes->n; i++) {
        n += !changes->items[i].is_explained;
    }
    return n;
}

static inline size_t find_text(const struct logs_edit *edit, uint32_t pcr, const char *text)
{
    for (size_t i = 0; i < edit->n; i++) {
        if (edit->items[i].pcr == pcr && span_starts(edit->items[i].data, text)) {
            return i;
        }
    }
    fail_msg("no event '%s' in PCR %u", text, pcr);
    return 0;
}

static inline size_t find_last(const struct logs_edit *edit, uint32_t pcr, uint32_t type)
{
    for (size_t i = edit->n; i > 0; i--) {
        if (edit->items[i - 1].pcr == pcr && edit->items[i - 1].type == type) {
            return i - 1;
        }
    }
    fail_msg("no event of type %x in PCR %u", type, pcr);
    return 0;
}

#endif
