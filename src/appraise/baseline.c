/*
 * baseline.c - the differences between two boots, by class, and what explains each.
 *
 * The two logs are compared as multisets of (PCR, type, digests) and then in order, so that
 * every extend of either boot is accounted for: equal, or part of exactly one change. Rules and
 * what each could be fooled by: docs/baseline.md.
 */
#include "appraise/baseline.h"

#include "appraise/internal.h"
#include "base/codec.h"

#include <stdlib.h>

/* One class of change while it is collected. */
struct group {
    uint32_t pcrs;
    const struct reading *removed[8]; /* the first few, for words */
    const struct reading *added[8];
    size_t n_removed, n_added;
};

struct comparison {
    struct arena *arena;
    const struct boot_facts *before;
    const struct boot_facts *after;
    bool is_shape_changed;
    struct group groups[REASON_COUNT];
};

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

static enum reason_code class_of(const struct boot_facts *facts, const struct reading *reading)
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
    case ROLE_DBT:
    case ROLE_SBAT_LEVEL:
        return REASON_CHANGE_DBX;
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

/* The banks both logs have; comparing in all of them costs nothing and trusts no single hash. */
static int compare_extends(const struct boot_facts *a, const struct reading *x,
                           const struct boot_facts *b, const struct reading *y)
{
    int order = (x->event->pcr > y->event->pcr) - (x->event->pcr < y->event->pcr);

    order =
        order != 0 ? order : (x->event->type > y->event->type) - (x->event->type < y->event->type);
    for (int hash = HASH_COUNT - 1; order == 0 && hash >= 0; hash--) {
        int at_a = eventlog_bank(a->log, (enum hash_alg)hash);
        int at_b = eventlog_bank(b->log, (enum hash_alg)hash);

        if (at_a >= 0 && at_b >= 0) {
            order = memcmp(x->event->digest[at_a].data, y->event->digest[at_b].data,
                           hash_size((enum hash_alg)hash));
        }
    }
    return order;
}

struct extend {
    const struct boot_facts *facts;
    const struct reading *reading;
};

static int compare_for_sort(const void *a, const void *b)
{
    const struct extend *x = a;
    const struct extend *y = b;
    int order = compare_extends(x->facts, x->reading, y->facts, y->reading);

    /* Equal extends keep their place, so that the words follow the boot. */
    return order != 0 ? order
                      : (x->reading->event->index > y->reading->event->index) -
                            (x->reading->event->index < y->reading->event->index);
}

static struct extend *extends_of(struct arena *arena, const struct boot_facts *facts, size_t *ret_n)
{
    struct extend *list = arena_calloc(arena, facts->readings->n + 1, sizeof(*list));
    size_t n = 0;

    if (list == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < facts->readings->n; i++) {
        if (facts->readings->items[i].role != ROLE_NONE) {
            list[n++] = (struct extend){facts, &facts->readings->items[i]};
        }
    }
    *ret_n = n;
    return list;
}

static void keep(struct group *group, const struct reading *reading, bool is_added)
{
    const struct reading **list = is_added ? group->added : group->removed;
    size_t *n = is_added ? &group->n_added : &group->n_removed;

    if (*n < ARRAY_LEN(group->added)) {
        list[*n] = reading;
    }
    (*n)++;
    group->pcrs |= reading->event->pcr < 32 ? 1u << reading->event->pcr : 0;
}

static void collect(struct comparison *c, struct extend *old, size_t n_old, struct extend *new,
                    size_t n_new)
{
    size_t i = 0;
    size_t j = 0;

    qsort(old, n_old, sizeof(*old), compare_for_sort);
    qsort(new, n_new, sizeof(*new), compare_for_sort);
    while (i < n_old || j < n_new) {
        int order = i == n_old   ? 1
                    : j == n_new ? -1
                                 : compare_extends(old[i].facts, old[i].reading, new[j].facts,
                                                   new[j].reading);

        if (order == 0) {
            i++;
            j++;
        } else if (order < 0) {
            keep(&c->groups[class_of(c->before, old[i].reading)], old[i].reading, false);
            i++;
        } else {
            keep(&c->groups[class_of(c->after, new[j].reading)], new[j].reading, true);
            j++;
        }
    }
}

/* PCRs whose extends are the same but come in another order: the register differs, and nothing
 * else would say so. */
static uint32_t reordered_pcrs(const struct comparison *c, const struct extend *old, size_t n_old,
                               const struct extend *new, size_t n_new)
{
    uint32_t touched = 0;
    uint32_t reordered = 0;

    for (int code = 0; code < REASON_COUNT; code++) {
        touched |= c->groups[code].pcrs;
    }
    for (uint32_t pcr = 0; pcr < EVENTLOG_REGISTERS; pcr++) {
        size_t i = 0;
        size_t j = 0;

        if ((touched & 1u << pcr) != 0) {
            continue;
        }
        for (;;) {
            while (i < n_old && old[i].reading->event->pcr != pcr) {
                i++;
            }
            while (j < n_new && new[j].reading->event->pcr != pcr) {
                j++;
            }
            if (i == n_old || j == n_new) {
                break;
            }
            if (compare_extends(old[i].facts, old[i].reading, new[j].facts, new[j].reading) != 0) {
                reordered |= 1u << pcr;
                break;
            }
            i++;
            j++;
        }
    }
    return reordered;
}

/* ---- explanations ---- */

static bool same_authorities(const struct boot_facts *a, const struct boot_facts *b)
{
    if (a->n_authorities != b->n_authorities) {
        return false;
    }
    for (size_t i = 0; i < a->n_authorities; i++) {
        if (strcmp(a->authorities[i].source, b->authorities[i].source) != 0 ||
            !span_equal(a->authorities[i].certificate, b->authorities[i].certificate) ||
            !span_equal(a->authorities[i].digest, b->authorities[i].digest)) {
            return false;
        }
    }
    return true;
}

static bool has_bad_finding(const struct boot_facts *facts)
{
    for (size_t i = 0; i < facts->n_findings; i++) {
        if (facts->findings[i].weight != WEIGHT_NOTE) {
            return true;
        }
    }
    return false;
}

/* The value of a component's generation in SbatLevel text, -1 when it has no line. */
static long sbat_generation(const char *csv, const char *name, size_t name_len)
{
    while (csv != NULL && *csv != '\0') {
        if (strncmp(csv, name, name_len) == 0 && csv[name_len] == ',') {
            return strtol(csv + name_len + 1, NULL, 10);
        }
        csv = strchr(csv, '\n');
        csv = csv == NULL ? NULL : csv + 1;
    }
    return -1;
}

static bool sbat_lowered(const char *before, const char *after)
{
    const char *line = before;

    if (before == NULL) {
        return false;
    }
    while (line != NULL && *line != '\0') {
        size_t len = strcspn(line, ",\n");

        /* "sbat,1,DATE" is the format's own version; components follow. */
        if (len > 0 && (after == NULL ||
                        sbat_generation(after, line, len) < sbat_generation(before, line, len))) {
            return true;
        }
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    return false;
}

/* Why a signed component cannot be believed on its signature, NULL when it can (decisions section
 * 1). */
static const char *signature_doubt(const struct comparison *c)
{
    if (c->after->secure_boot != STATE_YES) {
        return "Secure Boot was not on, so no signature was demanded";
    }
    if (c->after->shim_validation == STATE_NO) {
        return "shim's validation was off, so no signature was demanded";
    }
    if (has_bad_finding(c->after)) {
        return "the log has faults";
    }
    if (!same_authorities(c->before, c->after)) {
        return "the keys that allowed components to load are not the same as before";
    }
    if (sbat_lowered(c->before->sbat_level, c->after->sbat_level)) {
        return "the SBAT level was lowered";
    }
    return NULL;
}

static const char *authority_words(struct arena *arena, const struct boot_facts *facts)
{
    const char *text = "";

    for (size_t i = 0; i < facts->n_authorities; i++) {
        const struct authority *authority = &facts->authorities[i];

        if (!authority->before_separator) {
            text = arena_printf(arena, "%s%s%s: %s", text, text[0] == '\0' ? "" : "; ",
                                authority->source,
                                authority->subject[0] == '\0' ? "a digest" : authority->subject);
        }
    }
    return text;
}

static void explain_signed(const struct comparison *c, bool has_image, struct change *change)
{
    const char *doubt = signature_doubt(c);

    if (doubt == NULL && has_image) {
        change->is_explained = true;
        change->explanation =
            arena_printf(c->arena, "validated under Secure Boot by the same keys as before (%s)",
                         authority_words(c->arena, c->after));
    } else {
        change->explanation = doubt != NULL ? doubt : "no signed image changed with it";
    }
}

static size_t count_missing(struct span old, struct span new)
{
    struct siglist_iter iter;
    struct siglist_entry entry;
    size_t missing = 0;
    err_t err;

    siglist_begin(&iter, old);
    while ((err = siglist_next(&iter, &entry)) == ERR_OK) {
        missing += !siglist_contains(new, entry.kind, entry.data);
    }
    return err == ERR_END ? missing : SIZE_MAX;
}

static size_t count_entries(struct span lists)
{
    struct siglist_iter iter;
    struct siglist_entry entry;
    size_t n = 0;

    siglist_begin(&iter, lists);
    while (siglist_next(&iter, &entry) == ERR_OK) {
        n++;
    }
    return n;
}

static void explain_dbx(const struct comparison *c, struct change *change)
{
    size_t gone;

    if (!c->before->dbx.present || !c->after->dbx.present) {
        change->explanation = "the revocation list is missing in one of the boots";
        return;
    }
    if (sbat_lowered(c->before->sbat_level, c->after->sbat_level)) {
        change->explanation = "the SBAT level was lowered";
        return;
    }
    gone = count_missing(c->before->dbx.lists, c->after->dbx.lists);
    if (gone > 0) {
        change->explanation = "entries left the revocation list: revoked software could run again";
        return;
    }
    change->is_explained = true;
    change->explanation = "revocations only grew: nothing that was revoked is allowed again";
}

/* A UKI carries its own command line and initrd: with nothing measured beside it (PCR 12, 13), what
 * the kernel's stub reports in PCR 9 came out of the signed image. */
static bool is_from_signed_uki(const struct comparison *c)
{
    if (c->after->n_uki == 0 || c->before->n_uki == 0 ||
        c->groups[REASON_CHANGE_UKI].n_added == 0) {
        return false;
    }
    for (size_t i = 0; i < c->after->readings->n; i++) {
        const struct reading *reading = &c->after->readings->items[i];

        if (reading->role != ROLE_NONE &&
            (reading->event->pcr == 12 || reading->event->pcr == 13)) {
            return false;
        }
    }
    return true;
}

static bool has_image(const struct group *group)
{
    for (size_t i = 0; i < group->n_added && i < ARRAY_LEN(group->added); i++) {
        if (group->added[i]->role == ROLE_IMAGE) {
            return true;
        }
    }
    return false;
}

static void explain_unsigned(const struct comparison *c, struct change *change)
{
    if (is_from_signed_uki(c) && signature_doubt(c) == NULL) {
        change->is_explained = true;
        change->explanation =
            "part of the signed unified kernel image; nothing was added beside it";
        return;
    }
    change->explanation = "not signed: only an announcement or an approval explains it";
}

/* GRUB measures the kernel's file name in front of its parameters; a new kernel has a new name. */
static bool has_same_parameters(const struct comparison *c)
{
    return c->before->cmdline != NULL && c->after->cmdline != NULL &&
           strcmp(c->before->cmdline, c->after->cmdline) == 0 &&
           c->groups[REASON_CHANGE_CMDLINE].n_added == 1 &&
           c->groups[REASON_CHANGE_CMDLINE].n_removed == 1;
}

static void explain_cmdline(const struct comparison *c, struct change *change)
{
    if (has_same_parameters(c)) {
        change->is_explained = true;
        change->explanation =
            "the parameters are the same; only the kernel's file name in front of them differs";
    } else {
        explain_unsigned(c, change);
    }
}

static void explain(const struct comparison *c, enum reason_code code, struct change *change)
{
    const struct group *group = &c->groups[code];

    switch (code) {
    case REASON_CHANGE_LOADER:
    case REASON_CHANGE_KERNEL:
    case REASON_CHANGE_UKI:
        explain_signed(c, has_image(group), change);
        break;
    case REASON_CHANGE_DBX:
        explain_dbx(c, change);
        break;
    case REASON_CHANGE_INITRD:
        explain_unsigned(c, change);
        break;
    case REASON_CHANGE_CMDLINE:
        explain_cmdline(c, change);
        break;
    case REASON_CHANGE_GRUB_CONFIG:
    case REASON_CHANGE_CREDENTIALS:
    case REASON_CHANGE_SYSEXT:
        change->explanation = "not signed: only an announcement or an approval explains it";
        break;
    case REASON_CHANGE_FIRMWARE:
        if (c->is_shape_changed && group->pcrs == 1u) {
            change->code = REASON_CHANGE_SHAPE;
            change->is_explained = true;
            change->explanation =
                "the machine is known to have another shape now, and only PCR 0 follows it";
        } else {
            change->explanation =
                "firmware or the machine's shape changed: nothing in the log says which";
        }
        break;
    case REASON_CHANGE_KEYS:
    case REASON_CHANGE_MOK:
        change->explanation = "keys never explain themselves";
        break;
    case REASON_CHANGE_BOOT_PATH:
        change->explanation = "another boot path never explains itself";
        break;
    default:
        change->explanation = "no rule knows this difference";
        break;
    }
}

/* ---- words ---- */

static const char *short_digest(const struct comparison *c, const struct boot_facts *facts,
                                const struct reading *reading)
{
    int bank = eventlog_bank(facts->log, HASH_SHA256);

    bank = bank < 0 ? 0 : bank;
    return arena_printf(c->arena, "%.12s", hex_dup(c->arena, reading->event->digest[bank]));
}

static const char *item_words(const struct comparison *c, const struct boot_facts *facts,
                              const struct reading *reading)
{
    switch (reading->role) {
    case ROLE_CMDLINE:
    case ROLE_GRUB_COMMAND:
    case ROLE_BOOT_ACTION:
    case ROLE_SBAT_LEVEL:
    case ROLE_AUTHORITY:
    case ROLE_MOK_STATE:
        return reading->text;
    case ROLE_IMAGE:
        return arena_printf(c->arena, "image %s%s%s%s", short_digest(c, facts, reading),
                            reading->name[0] ? " (" : "", reading->name,
                            reading->name[0] ? ")" : "");
    case ROLE_DBX:
        return arena_printf(c->arena, "dbx with %zu entries", count_entries(facts->dbx.lists));
    case ROLE_NONE:
    case ROLE_SEPARATOR:
    case ROLE_FIRMWARE:
    case ROLE_FIRMWARE_CONFIG:
    case ROLE_DRIVER:
    case ROLE_SB_VARIABLE:
    case ROLE_DBT:
    case ROLE_MOK_LIST:
    case ROLE_BOOT_VARIABLE:
    case ROLE_DEBUG_ACTION:
    case ROLE_PARTITION_TABLE:
    case ROLE_GRUB_CONFIG:
    case ROLE_GRUB_MODULE:
    case ROLE_KERNEL_FILE:
    case ROLE_INITRD:
    case ROLE_BOOT_FILE:
    case ROLE_UKI_SECTION:
    case ROLE_CREDENTIALS:
    case ROLE_SYSEXT:
    case ROLE_WINDOWS:
    case ROLE_OTHER:
    case ROLE_COUNT:
    default:
        return arena_printf(c->arena, "%s%s%s %s", event_role_name(reading->role),
                            reading->name[0] ? " " : "", reading->name,
                            short_digest(c, facts, reading));
    }
}

static const char *side_words(const struct comparison *c, const struct boot_facts *facts,
                              const struct reading *const *list, size_t n)
{
    const char *text = n == 0 ? "nothing" : "";

    for (size_t i = 0; i < n && i < 3; i++) {
        text = arena_printf(c->arena, "%s%s%.160s", text, i > 0 ? ", " : "",
                            item_words(c, facts, list[i]));
    }
    return n > 3 ? arena_printf(c->arena, "%s and %zu more", text, n - 3) : text;
}

static const char *class_words(enum reason_code code)
{
    switch (code) {
    case REASON_CHANGE_FIRMWARE:
        return "firmware";
    case REASON_CHANGE_KEYS:
        return "Secure Boot keys";
    case REASON_CHANGE_DBX:
        return "revocations";
    case REASON_CHANGE_LOADER:
        return "boot loader";
    case REASON_CHANGE_KERNEL:
        return "kernel";
    case REASON_CHANGE_INITRD:
        return "initramfs";
    case REASON_CHANGE_CMDLINE:
        return "kernel command line";
    case REASON_CHANGE_GRUB_CONFIG:
        return "GRUB configuration";
    case REASON_CHANGE_MOK:
        return "machine owner keys";
    case REASON_CHANGE_UKI:
        return "unified kernel image";
    case REASON_CHANGE_CREDENTIALS:
        return "credentials beside the kernel image";
    case REASON_CHANGE_SYSEXT:
        return "system extensions beside the kernel image";
    case REASON_CHANGE_BOOT_PATH:
        return "boot path";
    default:
        return "something unknown";
    }
}

static void add_change(const struct comparison *c, enum reason_code code, struct change *changes,
                       size_t *n)
{
    const struct group *group = &c->groups[code];
    struct change *change;

    if (group->n_added + group->n_removed == 0) {
        return;
    }
    if (*n == APPRAISE_MAX_CHANGES) {
        return; /* cannot be: there are fewer classes than room */
    }
    change = &changes[(*n)++];
    *change = (struct change){.code = code, .pcrs = group->pcrs};
    explain(c, code, change);
    change->text = arena_printf(c->arena, "%s: %s \xe2\x86\x92 %s", class_words(code),
                                side_words(c, c->before, group->removed, group->n_removed),
                                side_words(c, c->after, group->added, group->n_added));
}

err_t baseline_compare(struct arena *arena, const struct boot_facts *before,
                       const struct boot_facts *after, bool is_shape_changed,
                       struct change *changes, size_t *ret_n)
{
    struct comparison *c = arena_calloc(arena, 1, sizeof(*c));
    size_t n_old = 0;
    size_t n_new = 0;
    size_t n = 0;
    struct extend *old = extends_of(arena, before, &n_old);
    struct extend *new = extends_of(arena, after, &n_new);
    struct extend *old_in_order = extends_of(arena, before, &n_old);
    struct extend *new_in_order = extends_of(arena, after, &n_new);
    uint32_t reordered;

    if (c == NULL || old == NULL || new == NULL || old_in_order == NULL || new_in_order == NULL) {
        return ERR_MEMORY;
    }
    c->arena = arena;
    c->before = before;
    c->after = after;
    c->is_shape_changed = is_shape_changed;
    collect(c, old, n_old, new, n_new);
    reordered = reordered_pcrs(c, old_in_order, n_old, new_in_order, n_new);
    for (int code = REASON_CHANGE_FIRMWARE; code < REASON_COUNT; code++) {
        add_change(c, (enum reason_code)code, changes, &n);
    }
    if (reordered != 0 && n < APPRAISE_MAX_CHANGES) {
        changes[n++] = (struct change){
            .code = REASON_CHANGE_UNKNOWN,
            .pcrs = reordered,
            .text = arena_printf(arena, "the same events in another order in PCR %s",
                                 pcr_list(arena, reordered)),
            .explanation = "no rule explains another order"};
    }
    *ret_n = n;
    return ERR_OK;
}
