/*
 * baseline-windows.c - two Windows boots compared record by record (docs/baseline.md).
 *
 * Windows measures counters and addresses that differ in every boot, in the same events as its
 * settings. So where both boots were read whole, the events of PCR 12 to 14 are compared by the
 * records in them: all but those few that say nothing but "another boot". What was loaded is
 * compared as a set, for Windows measures it in any order.
 */
#include "appraise/baseline-parts.h"

#include "base/codec.h"
#include "base/show.h"
#include "facts/windows.h"
#include "reading/sipa.h"

#include <stdlib.h>

enum { BEFORE, AFTER, SIDES, SHOWN = 4, WORDS_MAX = 160 };

struct item {
    uint32_t pcr;
    uint32_t id;
    struct span payload;
    bool is_other; /* the other boot has none like it */
};

struct items {
    struct item *list;
    size_t n;
};

/* ---- what is compared here ---- */

static bool is_whole(const struct comparison *c, uint32_t pcr)
{
    const struct windows_facts *old = c->before->windows;
    const struct windows_facts *new = c->after->windows;

    if (old == NULL || new == NULL) {
        return false;
    }
    return pcr == 14 ? old->are_authorities_whole && new->are_authorities_whole
                     : old->is_whole &&new->is_whole;
}

bool baseline_windows_covers(const struct comparison *c, const struct boot_facts *facts,
                             const struct event *event)
{
    return event->pcr >= 12 && event->pcr <= 14 && is_whole(c, event->pcr) &&
           windows_is_measured(facts->windows, event);
}

/* Another value of these is nothing but another boot: counters, the address an image was loaded to,
 * keys that are made for one boot. */
static bool is_of_one_boot(uint32_t id)
{
    return id == SIPA_BOOT_COUNTER || id == SIPA_EVENT_COUNTER || id == SIPA_IMAGE_BASE ||
           id == SIPA_VSM_IDENTITY_KEY || id == SIPA_VSM_SIGNING_KEY;
}

/* Records of modules are compared as modules. */
static bool is_of_module(uint32_t id)
{
    return id >> 16 == 7;
}

/* Counted without room to keep them, then kept. */
static size_t read_items(const struct comparison *c, const struct boot_facts *facts,
                         struct item *list)
{
    size_t n = 0;

    for (size_t i = 0; i < facts->readings->n; i++) {
        const struct event *event = facts->readings->items[i].event;
        struct sipa_iter iter;
        struct sipa_record record;

        if (!baseline_windows_covers(c, facts, event)) {
            continue;
        }
        sipa_begin(&iter, event->data);
        while (sipa_next(&iter, &record) == ERR_OK) {
            if ((record.id & SIPA_CONTAINER) != 0 || is_of_one_boot(record.id) ||
                is_of_module(record.id)) {
                continue;
            }
            if (list != NULL) {
                list[n] =
                    (struct item){.pcr = event->pcr, .id = record.id, .payload = record.payload};
            }
            n++;
        }
    }
    return n;
}

static int compare_items(const void *a, const void *b)
{
    const struct item *x = a;
    const struct item *y = b;
    int order = (x->id > y->id) - (x->id < y->id);

    order = order != 0 ? order : (x->pcr > y->pcr) - (x->pcr < y->pcr);
    order =
        order != 0 ? order : (x->payload.len > y->payload.len) - (x->payload.len < y->payload.len);
    return order != 0 || x->payload.len == 0
               ? order
               : memcmp(x->payload.data, y->payload.data, x->payload.len);
}

static err_t sorted_items(const struct comparison *c, const struct boot_facts *facts,
                          struct items *ret)
{
    ret->n = read_items(c, facts, NULL);
    ret->list = arena_calloc(c->arena, ret->n + 1, sizeof(*ret->list));
    if (ret->list == NULL) {
        return ERR_MEMORY;
    }
    (void)read_items(c, facts, ret->list);
    qsort(ret->list, ret->n, sizeof(*ret->list), compare_items);
    return ERR_OK;
}

static void mark_others(struct items *old, struct items *new)
{
    size_t i = 0;
    size_t j = 0;

    while (i < old->n || j < new->n) {
        int order = i == old->n   ? 1
                    : j == new->n ? -1
                                  : compare_items(&old->list[i], &new->list[j]);

        if (order < 0) {
            old->list[i].is_other = true;
        } else if (order > 0) {
            new->list[j].is_other = true;
        }
        i += order <= 0;
        j += order >= 0;
    }
}

/* ---- records ---- */

static enum reason_code class_of(uint32_t id)
{
    switch (id) {
    case SIPA_AUTHORITY_KEY:
    case SIPA_NO_AUTHORITY:
        return REASON_CHANGE_KEYS;
    case SIPA_BOOT_REVOCATIONS:
    case SIPA_OS_REVOCATIONS:
        return REASON_CHANGE_DBX;
    default:
        return sipa_name(id) == NULL ? REASON_CHANGE_UNKNOWN : REASON_CHANGE_OS_SETTINGS;
    }
}

static const char *value_words(const struct comparison *c, const struct item *item)
{
    enum windows_setting setting = windows_setting_of(item->id);
    const char *text;
    uint64_t number = 0;

    if (setting != WINDOWS_SETTING_COUNT && sipa_uint(item->payload, &number)) {
        return windows_value_words(c->arena, setting, number);
    }
    if (show_is_plain_utf16(item->payload)) {
        text = show_utf16(c->arena, item->payload);
        return text == NULL ? NULL : show_cut(c->arena, text, WORDS_MAX);
    }
    text = hex_dup(c->arena, span_cut(item->payload, 0, 256));
    return text == NULL ? NULL : show_cut(c->arena, text, WORDS_MAX / 2);
}

/* The values of one id that the other boot has not; PCR 12 and 13 tell most of them twice. */
static const char *side_words(const struct comparison *c, const struct items *items, uint32_t id)
{
    const char *text = "";
    const struct item *last = NULL;

    for (size_t i = 0; i < items->n && text != NULL && strlen(text) < WORDS_MAX; i++) {
        const struct item *item = &items->list[i];
        const char *words;

        if (!item->is_other || item->id != id ||
            (last != NULL && span_equal(last->payload, item->payload))) {
            continue;
        }
        last = item;
        words = value_words(c, item);
        text = words == NULL
                   ? NULL
                   : arena_printf(c->arena, "%s%s%s", text, text[0] == '\0' ? "" : ", ", words);
    }
    return text != NULL && text[0] == '\0' ? "nothing" : text;
}

/* The next id above `id` that differs in this class; 0 when there is none. */
static uint32_t next_id(const struct items *sides, enum reason_code code, uint32_t id)
{
    uint32_t next = 0;

    for (int side = 0; side < SIDES; side++) {
        for (size_t i = 0; i < sides[side].n; i++) {
            const struct item *item = &sides[side].list[i];

            if (item->is_other && item->id > id && class_of(item->id) == code) {
                next = next == 0 || item->id < next ? item->id : next;
                break;
            }
        }
    }
    return next;
}

static const char *class_words(const struct comparison *c, const struct items *sides,
                               enum reason_code code)
{
    const char *text = "";
    size_t n = 0;
    uint32_t id = next_id(sides, code, 0);

    for (; id != 0 && n < SHOWN && text != NULL; id = next_id(sides, code, id), n++) {
        const char *name = sipa_name(id);
        const char *old = side_words(c, &sides[BEFORE], id);
        const char *new = side_words(c, &sides[AFTER], id);

        if (name == NULL) {
            name = arena_printf(c->arena, "record 0x%08x", id);
        }
        text = name == NULL || old == NULL || new == NULL
                   ? NULL
                   : arena_printf(c->arena, "%s%s%s: %s \xe2\x86\x92 %s", text,
                                  text[0] == '\0' ? "" : "; ", name, old, new);
    }
    return text != NULL && id != 0 ? arena_printf(c->arena, "%s and more", text) : text;
}

static const char *class_explanation(enum reason_code code)
{
    switch (code) {
    case REASON_CHANGE_KEYS:
        return "keys never explain themselves";
    case REASON_CHANGE_DBX:
        return "only the digest of the list is measured: whether it grew is not known";
    case REASON_CHANGE_OS_SETTINGS:
        return "whoever administers the machine can change them: only an approval explains it";
    default:
        return "no rule knows this difference";
    }
}

static err_t add_change(struct comparison *c, struct change *changes, size_t *n,
                        struct change change)
{
    if (change.text == NULL || change.explanation == NULL) {
        return ERR_MEMORY;
    }
    if (*n < APPRAISE_MAX_CHANGES) {
        changes[(*n)++] = change;
    }
    c->pcrs |= change.pcrs;
    return ERR_OK;
}

static err_t add_records(struct comparison *c, const struct items *sides, struct change *changes,
                         size_t *n)
{
    static const enum reason_code classes[] = {REASON_CHANGE_KEYS, REASON_CHANGE_DBX,
                                               REASON_CHANGE_OS_SETTINGS, REASON_CHANGE_UNKNOWN};
    err_t err = ERR_OK;

    for (size_t k = 0; k < ARRAY_LEN(classes) && err == ERR_OK; k++) {
        uint32_t pcrs = 0;

        for (int side = 0; side < SIDES; side++) {
            for (size_t i = 0; i < sides[side].n; i++) {
                const struct item *item = &sides[side].list[i];

                if (item->is_other && class_of(item->id) == classes[k]) {
                    pcrs |= 1u << item->pcr;
                }
            }
        }
        if (pcrs != 0) {
            err = add_change(c, changes, n,
                             (struct change){.code = classes[k],
                                             .pcrs = pcrs,
                                             .text = class_words(c, sides, classes[k]),
                                             .explanation = class_explanation(classes[k])});
        }
    }
    return err;
}

/* ---- what was loaded ---- */

static int compare_texts(const char *a, const char *b)
{
    return strcasecmp(a == NULL ? "" : a, b == NULL ? "" : b);
}

static int compare_spans(struct span a, struct span b)
{
    int order = (a.len > b.len) - (a.len < b.len);

    return order != 0 || a.len == 0 ? order : memcmp(a.data, b.data, a.len);
}

/* By path, then by all else that was measured of it. */
static int compare_modules(const void *a, const void *b)
{
    const struct windows_module *x = *(const struct windows_module *const *)a;
    const struct windows_module *y = *(const struct windows_module *const *)b;
    int order = compare_texts(x->path, y->path);

    order = order != 0 ? order : compare_spans(x->digest, y->digest);
    order = order != 0 ? order : (x->validated > y->validated) - (x->validated < y->validated);
    order = order != 0 ? order : (x->svn > y->svn) - (x->svn < y->svn);
    order = order != 0 ? order : x->has_svn - y->has_svn;
    order = order != 0 ? order : (x->image_size > y->image_size) - (x->image_size < y->image_size);
    order = order != 0 ? order : (x->loaded != NULL) - (y->loaded != NULL);
    order = order != 0 ? order : (x->event != NULL) - (y->event != NULL);
    order = order != 0 ? order : compare_texts(x->issuer, y->issuer);
    order = order != 0 ? order : compare_texts(x->publisher, y->publisher);
    order = order != 0 ? order : compare_spans(x->serial, y->serial);
    return order != 0 ? order : compare_spans(x->thumbprint, y->thumbprint);
}

static const struct windows_module **sorted_modules(const struct comparison *c,
                                                    const struct windows_facts *windows)
{
    const struct windows_module **list =
        arena_calloc(c->arena, windows->n_modules + 1, sizeof(const struct windows_module *));

    for (size_t i = 0; list != NULL && i < windows->n_modules; i++) {
        list[i] = &windows->modules[i];
    }
    if (list != NULL) {
        qsort(list, windows->n_modules, sizeof(const struct windows_module *), compare_modules);
    }
    return list;
}

/* What only one of two sorted lists has, in their order. */
static void keep_others(const struct windows_module **old, size_t *n_old,
                        const struct windows_module **new, size_t *n_new)
{
    size_t kept_old = 0;
    size_t kept_new = 0;
    size_t i = 0;
    size_t j = 0;

    while (i < *n_old || j < *n_new) {
        int order = i == *n_old ? 1 : j == *n_new ? -1 : compare_modules(&old[i], &new[j]);

        if (order < 0) {
            old[kept_old++] = old[i];
        } else if (order > 0) {
            new[kept_new++] = new[j];
        }
        i += order <= 0;
        j += order >= 0;
    }
    *n_old = kept_old;
    *n_new = kept_new;
}

/* An update replaces a file by a newer one; it does not add one, and takes none away. */
static const char *replacement_doubt(const struct windows_module *const *old, size_t n_old,
                                     const struct windows_module *const *new, size_t n_new)
{
    if (n_new > n_old) {
        return "more was loaded than before: an update replaces, it does not add";
    }
    if (n_new < n_old) {
        return "less was loaded than before: an update replaces, it does not take away";
    }
    for (size_t i = 0; i < n_new; i++) {
        if (new[i]->path == NULL || old[i]->path == NULL || new[i]->loaded == NULL) {
            return "what was loaded and what is described are not the same";
        }
        if (compare_texts(old[i]->path, new[i]->path) != 0) {
            return "other files were loaded than before";
        }
        if (compare_texts(old[i]->issuer, new[i]->issuer) != 0 ||
            compare_texts(old[i]->publisher, new[i]->publisher) != 0) {
            return "a file is signed by somebody else than before";
        }
        if (new[i]->validated != STATE_YES) {
            return "a file was loaded without being validated";
        }
        if (old[i]->has_svn && (!new[i]->has_svn || new[i]->svn < old[i]->svn)) {
            return "the security version of a file was lowered";
        }
    }
    return NULL;
}

static bool has_key_change(const struct items *sides)
{
    return next_id(sides, REASON_CHANGE_KEYS, 0) != 0;
}

static const char *module_doubt(const struct comparison *c, const struct items *sides)
{
    const struct windows_facts *new = c->after->windows;
    const char *doubt = baseline_signature_doubt(c);

    if (doubt != NULL) {
        return doubt;
    }
    if (new->flag[WINDOWS_CODE_INTEGRITY] != STATE_YES ||
        new->flag[WINDOWS_TEST_SIGNING] != STATE_NO) {
        return "Windows demanded no signatures, or took those for tests";
    }
    if (!is_whole(c, 14)) {
        return "the keys that signed it (PCR 14) are not attested";
    }
    return has_key_change(sides) ? "the keys that signed what was loaded are not the same as before"
                                 : NULL;
}

static const char *module_words(const struct comparison *c,
                                const struct windows_module *const *list, size_t n)
{
    const char *text = n == 0 ? "nothing" : "";

    for (size_t i = 0; i < n && i < SHOWN && text != NULL; i++) {
        const char *hex = hex_dup(c->arena, span_cut(list[i]->digest, 0, 6));

        text = hex == NULL ? NULL
                           : arena_printf(c->arena, "%s%s%s %s", text, i > 0 ? ", " : "",
                                          list[i]->path == NULL
                                              ? "an image without a name"
                                              : show_cut(c->arena, list[i]->path, WORDS_MAX),
                                          hex);
    }
    return n > SHOWN && text != NULL ? arena_printf(c->arena, "%s and %zu more", text, n - SHOWN)
                                     : text;
}

static err_t add_modules(struct comparison *c, const struct items *sides, struct change *changes,
                         size_t *n)
{
    size_t n_old = c->before->windows->n_modules;
    size_t n_new = c->after->windows->n_modules;
    const struct windows_module **old = sorted_modules(c, c->before->windows);
    const struct windows_module **new = sorted_modules(c, c->after->windows);
    struct change change = {.code = REASON_CHANGE_KERNEL, .pcrs = 1u << 12 | 1u << 13};
    const char *before;
    const char *after;
    const char *doubt;

    if (old == NULL || new == NULL) {
        return ERR_MEMORY;
    }
    keep_others(old, &n_old, new, &n_new);
    if (n_old + n_new == 0) {
        return ERR_OK;
    }
    before = module_words(c, old, n_old);
    after = module_words(c, new, n_new);
    doubt = module_doubt(c, sides);
    doubt = doubt != NULL ? doubt : replacement_doubt(old, n_old, new, n_new);
    if (before != NULL && after != NULL) {
        change.text =
            arena_printf(c->arena, "loaded by Windows: %s \xe2\x86\x92 %s", before, after);
    }
    change.is_explained = doubt == NULL;
    change.explanation = doubt != NULL
                             ? doubt
                             : "the same files, validated by Windows under Secure Boot by "
                               "the same keys as before";
    return add_change(c, changes, n, change);
}

err_t baseline_windows(struct comparison *c, struct change *changes, size_t *n)
{
    struct items sides[SIDES] = {0};
    err_t err;

    if (!is_whole(c, 12) && !is_whole(c, 14)) {
        return ERR_OK; /* compared event by event, like everything else */
    }
    err = sorted_items(c, c->before, &sides[BEFORE]);
    err = err ? err : sorted_items(c, c->after, &sides[AFTER]);
    if (err) {
        return err;
    }
    mark_others(&sides[BEFORE], &sides[AFTER]);
    err = add_records(c, sides, changes, n);
    return err || !is_whole(c, 12) ? err : add_modules(c, sides, changes, n);
}
