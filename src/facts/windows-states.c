/*
 * facts/windows-states.c - what follows from all that Windows measured: states, modules, findings.
 *
 * Who may send these bytes: root of any guest.
 */
#include "facts/windows-parts.h"

#include <stdlib.h>

static int compare_digests(const void *a, const void *b)
{
    const struct windows_module *x = a;
    const struct windows_module *y = b;
    int order = (x->digest.len > y->digest.len) - (x->digest.len < y->digest.len);

    return order != 0 || x->digest.len == 0 ? order
                                            : memcmp(x->digest.data, y->digest.data, x->digest.len);
}

/* The digests of PCR 12 beside the descriptions of PCR 13; those without one stand behind. */
static void join_modules(struct windows_walk *w)
{
    struct windows_facts *facts = w->facts;
    size_t n = facts->n_modules;
    struct windows_module *sorted = facts_alloc(w->ctx, n + 1, sizeof(*sorted));

    if (w->n_loaded_kept == 0 || sorted == NULL) {
        return;
    }
    qsort(w->loaded, w->n_loaded_kept, sizeof(*w->loaded), compare_digests);
    for (size_t i = 0; i < n; i++) {
        const struct windows_module *found = bsearch(
            &facts->modules[i], w->loaded, w->n_loaded_kept, sizeof(*w->loaded), compare_digests);

        facts->modules[i].loaded = found == NULL ? NULL : found->loaded;
        sorted[i] = facts->modules[i];
    }
    qsort(sorted, n, sizeof(*sorted), compare_digests);
    for (size_t i = 0; i < w->n_loaded_kept; i++) {
        if (bsearch(&w->loaded[i], sorted, n, sizeof(*sorted), compare_digests) == NULL) {
            facts->modules[facts->n_modules++] = w->loaded[i];
        }
    }
}

const char *windows_register_doubt(const struct windows_side *side)
{
    return side->is_broken       ? "it holds something that was not read"
           : side->n_events == 0 ? "it holds no record of Windows"
           : !side->is_closed ? "Windows' separator is missing, so the system may have extended it"
                              : NULL;
}

static bool same_values(const struct windows_value *a, const struct windows_value *b)
{
    bool same = a->n == b->n && a->has_more == b->has_more;

    for (size_t i = 0; same && i < a->n; i++) {
        same = windows_has_value(b, a->value[i]);
    }
    return same;
}

static void merge_values(struct windows_walk *w)
{
    const struct windows_side *sides = w->side;

    for (int i = 0; i < WINDOWS_SETTING_COUNT; i++) {
        const struct windows_value *one = &sides[0].value[i];
        const struct windows_value *other = &sides[1].value[i];
        struct windows_value *all = &w->facts->value[i];

        *all = *one;
        for (size_t k = 0; k < other->n; k++) {
            windows_add_value(all, other->value[k]);
        }
        all->has_more = all->has_more || other->has_more;
        for (size_t k = 0; k < other->n_events; k++) {
            windows_add_value_event(all, other->event[k]);
        }
        /* The same program measures it into both. Of what decides nothing, it is worth showing. */
        if (one->n > 0 && other->n > 0 && !same_values(one, other)) {
            facts_find(w->ctx, FINDING_WINDOWS_CONTRADICTION,
                       windows_settings[i].bad == BAD_NEVER ? WEIGHT_NOTE : WEIGHT_FAULT, "B-13",
                       NULL, "PCR 12 and 13 tell different values of: %s",
                       sipa_name(windows_settings[i].id));
        }
    }
    if (w->root[0] != NULL && w->root[1] != NULL && strcmp(w->root[0], w->root[1]) != 0) {
        facts_find(w->ctx, FINDING_WINDOWS_CONTRADICTION, WEIGHT_NOTE, "B-13", NULL,
                   "PCR 12 and 13 tell different system roots");
    }
    w->facts->system_root = w->root[0] != NULL ? w->root[0] : w->root[1];
}

/* Any bad value counts, whichever program measured it. The good one only when nothing was missed.
 */
static enum tristate flag_state(const struct windows_facts *facts, int setting)
{
    const struct windows_value *value = &facts->value[setting];
    bool has_no = windows_has_value(value, 0);
    bool has_yes = value->n > (has_no ? 1u : 0u) || value->has_more;
    bool is_mixed = has_no && has_yes;

    switch (windows_settings[setting].bad) {
    case BAD_IF_YES:
        return has_yes ? STATE_YES : has_no && facts->is_whole ? STATE_NO : STATE_UNKNOWN;
    case BAD_IF_NO:
        return has_no ? STATE_NO : has_yes && facts->is_whole ? STATE_YES : STATE_UNKNOWN;
    case BAD_NEVER:
    default:
        return !facts->is_whole || is_mixed ? STATE_UNKNOWN
               : has_yes                    ? STATE_YES
               : has_no                     ? STATE_NO
                                            : STATE_UNKNOWN;
    }
}

static void set_states(struct windows_walk *w)
{
    struct windows_facts *facts = w->facts;
    const struct windows_value *transfer = &facts->value[WINDOWS_TRANSFER_CONTROL];

    for (int i = 0; i < WINDOWS_FLAG_COUNT; i++) {
        facts->flag[i] = flag_state(facts, i);
        /* Programs of one boot may differ in it: the boot manager has its own debugger. */
        if (windows_has_value(&facts->value[i], 0) && facts->value[i].n > 1) {
            facts_find(w->ctx, FINDING_WINDOWS_CONTRADICTION, WEIGHT_NOTE, "B-13", NULL,
                       "Windows' boot programs measured different values of: %s",
                       sipa_name(windows_settings[i].id));
        }
    }
    facts->resumed = windows_has_value(transfer, 2)           ? STATE_YES
                     : transfer->n > 0 && !transfer->has_more ? STATE_NO
                                                              : STATE_UNKNOWN;
    for (int i = WINDOWS_FLAG_COUNT; !facts->is_whole && i < WINDOWS_SETTING_COUNT; i++) {
        facts->value[i] = (struct windows_value){0};
    }
}

static void find_bad(struct facts_ctx *ctx, const struct windows_facts *facts,
                     enum windows_setting setting, enum finding_code code, const char *text)
{
    if (facts->flag[setting] ==
        (windows_settings[setting].bad == BAD_IF_YES ? STATE_YES : STATE_NO)) {
        size_t event = facts->value[setting].event[0];
        const struct event *at = NULL;

        for (size_t i = 0; at == NULL && i < ctx->log->n_events; i++) {
            at = ctx->log->events[i].index == event ? &ctx->log->events[i] : NULL;
        }
        facts_find(ctx, code, WEIGHT_BAD, "B-13", at, "%s", text);
    }
}

static void find_states(struct facts_ctx *ctx, const struct windows_facts *facts)
{
    find_bad(ctx, facts, WINDOWS_BOOT_DEBUGGING, FINDING_WINDOWS_DEBUGGING,
             "Windows' boot programs ran with a debugger allowed");
    find_bad(ctx, facts, WINDOWS_KERNEL_DEBUGGING, FINDING_WINDOWS_DEBUGGING,
             "Windows' kernel ran with a debugger allowed");
    find_bad(ctx, facts, WINDOWS_HYPERVISOR_DEBUGGING, FINDING_WINDOWS_DEBUGGING,
             "Windows' hypervisor ran with a debugger allowed");
    find_bad(ctx, facts, WINDOWS_TEST_SIGNING, FINDING_WINDOWS_TEST_SIGNING,
             "Windows allowed drivers that anybody signed for tests");
    find_bad(ctx, facts, WINDOWS_CODE_INTEGRITY, FINDING_WINDOWS_CODE_INTEGRITY,
             "Windows' code integrity was off: drivers needed no signature");
    find_bad(ctx, facts, WINDOWS_SAFE_MODE, FINDING_WINDOWS_SAFE_MODE,
             "Windows was started in safe mode");
    find_bad(ctx, facts, WINDOWS_WINPE, FINDING_WINDOWS_PE,
             "Windows PE was started, for installation or recovery, not the installed system");
    if (facts->n_unknown > 0) {
        facts_find(ctx, FINDING_WINDOWS_RECORD, WEIGHT_NOTE, "B-13", NULL,
                   "%u records of Windows' boot are of unknown meaning", facts->n_unknown);
    }
}

void windows_conclude(struct windows_walk *w)
{
    merge_values(w);
    set_states(w);
    join_modules(w);
    find_states(w->ctx, w->facts);
}
