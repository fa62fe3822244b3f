/*
 * baseline.c - the differences between two boots, by class.
 *
 * The two logs are compared as multisets of (PCR, digests) and then in order, so that every extend
 * of either boot is accounted for: equal, or part of exactly one change. The type of an event is
 * not compared: nothing proves it, and a register does not know it. For the same reason the class
 * of an event of the new boot is partly what its sender says; baseline-explain.c does not rest on
 * it. Rules and what each could be fooled by: docs/baseline.md.
 */
#include "appraise/baseline-parts.h"

#include <stdlib.h>

/* ---- classes ---- */

static enum image_part part_of_image(const struct boot_facts *facts, const struct reading *reading)
{
    for (size_t i = 0; i < facts->n_images; i++) {
        if (facts->images[i].event == reading->event) {
            return facts->images[i].part;
        }
    }
    return IMAGE_UNKNOWN;
}

static bool is_mok_authority(const struct reading *reading)
{
    return strncmp(reading->name, "MokList", 7) == 0;
}

enum reason_code baseline_class_of(const struct boot_facts *facts, const struct reading *reading)
{
    switch (reading->role) {
    case ROLE_FIRMWARE:
    case ROLE_FIRMWARE_CONFIG:
    case ROLE_DRIVER:
        return REASON_CHANGE_FIRMWARE;
    case ROLE_SB_VARIABLE:
    case ROLE_DEBUG_ACTION:
        return REASON_CHANGE_KEYS;
    case ROLE_DBX:
    case ROLE_SBAT_LEVEL:
        return REASON_CHANGE_DBX;
    case ROLE_DBT: /* more in it can mean less revoked */
        return REASON_CHANGE_KEYS;
    case ROLE_AUTHORITY:
        return is_mok_authority(reading) ? REASON_CHANGE_MOK : REASON_CHANGE_KEYS;
    case ROLE_MOK_STATE:
    case ROLE_MOK_LIST:
        return REASON_CHANGE_MOK;
    case ROLE_BOOT_VARIABLE:
    case ROLE_BOOT_ACTION:
    case ROLE_PARTITION_TABLE:
        return REASON_CHANGE_BOOT_PATH;
    case ROLE_IMAGE:
        switch (part_of_image(facts, reading)) {
        case IMAGE_KERNEL:
            return REASON_CHANGE_KERNEL;
        case IMAGE_UKI:
            return REASON_CHANGE_UKI;
        case IMAGE_LOADER:
        case IMAGE_UNKNOWN:
        default:
            return REASON_CHANGE_LOADER;
        }
    case ROLE_KERNEL_FILE:
        return REASON_CHANGE_KERNEL;
    case ROLE_INITRD:
        return REASON_CHANGE_INITRD;
    case ROLE_CMDLINE:
        return REASON_CHANGE_CMDLINE;
    case ROLE_GRUB_COMMAND:
    case ROLE_GRUB_CONFIG:
    case ROLE_GRUB_MODULE:
    case ROLE_BOOT_FILE:
        return REASON_CHANGE_GRUB_CONFIG;
    case ROLE_UKI_SECTION:
        return REASON_CHANGE_UKI;
    case ROLE_CREDENTIALS:
        return REASON_CHANGE_CREDENTIALS;
    case ROLE_SYSEXT:
        return REASON_CHANGE_SYSEXT;
    case ROLE_NONE:
    case ROLE_SEPARATOR:
    case ROLE_WINDOWS:
    case ROLE_OTHER:
    case ROLE_COUNT:
    default:
        return REASON_CHANGE_UNKNOWN;
    }
}

/* ---- differences ---- */

enum { BEFORE, AFTER, SIDES };

/* Banks that both logs have: comparing in all of them costs nothing and trusts no single hash.
 * Both sides are sorted by these alone, or merging them would compare apples with pears. */
struct common_banks {
    size_t n;
    size_t size[HASH_COUNT];
    size_t at[SIDES][HASH_COUNT]; /* index among the digests of an event */
};

struct extend {
    const struct common_banks *banks;
    int side;
    const struct boot_facts *facts;
    const struct reading *reading;
    size_t place; /* in the boot's order */
    bool is_common;
};

static struct common_banks common_banks(const struct boot_facts *before,
                                        const struct boot_facts *after)
{
    struct common_banks banks = {0};

    for (int hash = 0; hash < HASH_COUNT; hash++) {
        int old = eventlog_bank(before->log, (enum hash_alg)hash);
        int new = eventlog_bank(after->log, (enum hash_alg)hash);

        if (old >= 0 && new >= 0) {
            banks.size[banks.n] = hash_size((enum hash_alg)hash);
            banks.at[BEFORE][banks.n] = (size_t)old;
            banks.at[AFTER][banks.n] = (size_t) new;
            banks.n++;
        }
    }
    return banks;
}

static int compare_extends(const struct extend *x, const struct extend *y)
{
    const struct event *a = x->reading->event;
    const struct event *b = y->reading->event;
    int order = (a->pcr > b->pcr) - (a->pcr < b->pcr);

    for (size_t i = 0; order == 0 && i < x->banks->n; i++) {
        order = memcmp(a->digest[x->banks->at[x->side][i]].data,
                       b->digest[y->banks->at[y->side][i]].data, x->banks->size[i]);
    }
    return order;
}

/* Equal extends keep their place, so that the words follow the boot. */
static int compare_for_sort(const void *a, const void *b)
{
    const struct extend *x = a;
    const struct extend *y = b;
    int order = compare_extends(x, y);

    return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

static int compare_places(const void *a, const void *b)
{
    const struct extend *x = a;
    const struct extend *y = b;

    return (x->place > y->place) - (x->place < y->place);
}

static struct extend *extends_of(const struct comparison *c, const struct boot_facts *facts,
                                 const struct common_banks *banks, int side, size_t *ret_n)
{
    struct extend *list = arena_calloc(c->arena, facts->readings->n + 1, sizeof(*list));
    size_t n = 0;

    if (list == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < facts->readings->n; i++) {
        if (facts->readings->items[i].role != ROLE_NONE &&
            !baseline_windows_covers(c, facts, facts->readings->items[i].event)) {
            list[n] = (struct extend){banks, side, facts, &facts->readings->items[i], n, false};
            n++;
        }
    }
    qsort(list, n, sizeof(*list), compare_for_sort);
    *ret_n = n;
    return list;
}

static void keep(struct comparison *c, const struct extend *extend, bool is_added)
{
    const struct reading *reading = extend->reading;
    struct group *group = &c->groups[baseline_class_of(extend->facts, reading)];
    const struct reading **list = is_added ? group->added : group->removed;
    size_t *n = is_added ? &group->n_added : &group->n_removed;
    size_t *n_files = is_added ? &group->n_files_added : &group->n_files_removed;

    if (*n < GROUP_SHOWN) {
        list[*n] = reading;
    }
    (*n)++;
    *n_files += reading->event->home == 9;
    if (is_added && !announced_has(c->announced, baseline_class_of(extend->facts, reading),
                                   extend->facts->log, reading)) {
        group->n_unannounced++;
        group->n_unannounced_files += reading->event->home == 9;
    }
    group->pcrs |= reading->event->pcr < 32 ? 1u << reading->event->pcr : 0;
    c->pcrs |= group->pcrs;
}

/* A run of equal extends that only one boot has. */
static void count_run(struct comparison *c, const struct extend *extend, bool is_added)
{
    struct group *group = &c->groups[baseline_class_of(extend->facts, extend->reading)];
    bool is_image = extend->reading->role == ROLE_IMAGE;

    group->n_new += is_added;
    group->n_gone += !is_added;
    group->n_new_images += is_added && is_image;
    c->n_new_images += is_added && is_image;
    c->n_gone_images += !is_added && is_image;
}

/* How many equal ones stand at the front of a sorted list. */
static size_t run_of(const struct extend *list, size_t n)
{
    size_t run = 1;

    while (run < n && compare_extends(&list[0], &list[run]) == 0) {
        run++;
    }
    return run;
}

/* Marks what both have, and counts the rest. Of several equal ones the first are the common ones.
 */
static void mark_common(struct comparison *c, struct extend *old, size_t n_old, struct extend *new,
                        size_t n_new)
{
    size_t i = 0;
    size_t j = 0;

    while (i < n_old || j < n_new) {
        int order = i == n_old ? 1 : j == n_new ? -1 : compare_extends(&old[i], &new[j]);
        size_t n_i = order <= 0 ? run_of(&old[i], n_old - i) : 0;
        size_t n_j = order >= 0 ? run_of(&new[j], n_new - j) : 0;
        size_t common = n_i < n_j ? n_i : n_j;

        if (common == 0) {
            count_run(c, order < 0 ? &old[i] : &new[j], order > 0);
        }
        for (size_t k = 0; k < n_i; k++) {
            old[i + k].is_common = k < common;
        }
        for (size_t k = 0; k < n_j; k++) {
            new[j + k].is_common = k < common;
        }
        i += n_i;
        j += n_j;
    }
}

/* What only one boot has goes into its class, in the order in which it was measured. */
static void collect(struct comparison *c, struct extend *list, size_t n, bool is_added)
{
    qsort(list, n, sizeof(*list), compare_places);
    for (size_t i = 0; i < n; i++) {
        if (!list[i].is_common) {
            keep(c, &list[i], is_added);
        }
    }
}

static size_t next_common(const struct extend *list, size_t n, size_t from, uint32_t pcr)
{
    while (from < n && (!list[from].is_common || list[from].reading->event->pcr != pcr)) {
        from++;
    }
    return from;
}

/* PCRs in which what both boots have comes in another order: the register differs, and nothing
 * else would say so. Also where something else changed: an explained change hides no other. Both
 * lists stand in the order of their boots. */
static uint32_t reordered_pcrs(const struct extend *old, size_t n_old, const struct extend *new,
                               size_t n_new)
{
    uint32_t reordered = 0;

    for (uint32_t pcr = 0; pcr < EVENTLOG_REGISTERS; pcr++) {
        size_t i = next_common(old, n_old, 0, pcr);
        size_t j = next_common(new, n_new, 0, pcr);

        while (i < n_old && j < n_new) {
            if (compare_extends(&old[i], &new[j]) != 0) {
                reordered |= 1u << pcr;
                break;
            }
            i = next_common(old, n_old, i + 1, pcr);
            j = next_common(new, n_new, j + 1, pcr);
        }
    }
    return reordered;
}

/* ---- changes ---- */

static void add_unknown(struct change *changes, size_t *n, uint32_t pcrs, const char *text,
                        const char *explanation)
{
    if (*n < APPRAISE_MAX_CHANGES && pcrs != 0) {
        changes[(*n)++] = (struct change){
            .code = REASON_CHANGE_UNKNOWN, .pcrs = pcrs, .text = text, .explanation = explanation};
    }
}

static err_t add_groups(const struct comparison *c, struct change *changes, size_t *n)
{
    for (int code = REASON_CHANGE_FIRMWARE; code < REASON_COUNT; code++) {
        const struct group *group = &c->groups[code];
        struct change *change = &changes[*n];
        err_t err;

        if (group->n_added + group->n_removed == 0 || *n == APPRAISE_MAX_CHANGES) {
            continue; /* there are fewer classes than room */
        }
        *change = (struct change){.code = (enum reason_code)code,
                                  .pcrs = group->pcrs,
                                  .text = baseline_words(c, (enum reason_code)code)};
        err = baseline_explain(c, (enum reason_code)code, change);
        if (err || change->text == NULL || change->explanation == NULL) {
            return err ? err : ERR_MEMORY;
        }
        (*n)++;
    }
    return ERR_OK;
}

static bool have_both(const struct boot_facts *a, const struct boot_facts *b, enum hash_alg bank)
{
    return eventlog_bank(a->log, bank) >= 0 && eventlog_bank(b->log, bank) >= 0;
}

bool baseline_has_strong_bank(const struct boot_facts *a, const struct boot_facts *b)
{
    return have_both(a, b, HASH_SHA256) || have_both(a, b, HASH_SHA384) ||
           have_both(a, b, HASH_SHA512);
}

const char *baseline_incomparable(const struct boot_facts *a, const struct boot_facts *b,
                                  bool are_logs_alone)
{
    /* Confidential VMs measure in SHA-384 alone. */
    enum hash_alg bank = a->log->kind == EVENTLOG_PCRS ? HASH_SHA256 : HASH_SHA384;

    if (a->log->kind != b->log->kind) {
        return "one log is of PCRs and the other of a confidential VM's registers";
    }
    if (are_logs_alone) {
        return baseline_has_strong_bank(a, b) || have_both(a, b, HASH_SHA1)
                   ? NULL
                   : "the two logs have no bank in common whose digests are known here";
    }
    if (!have_both(a, b, bank)) {
        return bank == HASH_SHA256 ? "the two logs have no SHA-256 digests in common"
                                   : "the two logs have no SHA-384 digests in common";
    }
    return NULL;
}

err_t baseline_compare(struct arena *arena, const struct baseline_boot *before,
                       const struct baseline_boot *after, const struct baseline_known *known,
                       struct change *changes, size_t *ret_n)
{
    struct comparison *c = arena_calloc(arena, 1, sizeof(*c));
    uint32_t unproven = before->pcrs & ~after->pcrs;
    size_t n_old = 0;
    size_t n_new = 0;
    size_t n = 0;
    const struct common_banks banks = common_banks(before->facts, after->facts);
    struct extend *old;
    struct extend *new;
    uint32_t reordered;
    const char *incomparable =
        baseline_incomparable(before->facts, after->facts, known->are_logs_alone);
    err_t err;

    if (c == NULL) {
        return ERR_MEMORY;
    }
    if (incomparable != NULL) {
        add_unknown(changes, &n, before->pcrs | after->pcrs, incomparable,
                    "nothing can be compared");
        *ret_n = n;
        return ERR_OK;
    }
    c->arena = arena;
    c->before = before->facts;
    c->after = after->facts;
    c->after_pcrs = after->pcrs;
    c->is_shape_changed = known->is_shape_changed;
    c->announced = known->announced;
    old = extends_of(c, before->facts, &banks, BEFORE, &n_old);
    new = extends_of(c, after->facts, &banks, AFTER, &n_new);
    if (old == NULL || new == NULL) {
        return ERR_MEMORY;
    }
    mark_common(c, old, n_old, new, n_new);
    collect(c, old, n_old, false);
    collect(c, new, n_new, true);
    err = baseline_windows(c, changes, &n); /* first: no change of shape beside it explains PCR 0 */
    err = err ? err : add_groups(c, changes, &n);
    if (err) {
        return err;
    }
    reordered = reordered_pcrs(old, n_old, new, n_new);
    add_unknown(
        changes, &n, reordered,
        arena_printf(arena, "the same events in another order in %s", pcr_names(arena, reordered)),
        "no rule explains another order");
    add_unknown(changes, &n, unproven,
                arena_printf(arena, "not attested any more: %s", pcr_names(arena, unproven)),
                "what was measured there cannot be compared");
    for (size_t i = 0; i < n; i++) {
        if (changes[i].text == NULL) {
            return ERR_MEMORY;
        }
    }
    *ret_n = n;
    return ERR_OK;
}
