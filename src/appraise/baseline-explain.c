/*
 * baseline-explain.c - what explains a change, class by class (decisions: docs/baseline.md).
 *
 * The class of an event of the new boot is partly what its sender says: types, names of files and
 * the order between registers are not proven. So an explanation rests on digests, on the registers'
 * number and on authenticated facts, and covers no more events than it can name.
 */
#include "appraise/baseline-parts.h"
#include "appraise/cmdline.h"

#include <stdlib.h>

enum { AUTHORITIES_SHOWN = 4, IMAGES_COMPARED = 64 };

static const char not_signed[] = "not signed: only an announcement or an approval explains it";

/* ---- signed components ---- */

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

const char *baseline_signature_doubt(const struct comparison *c)
{
    if (c->after->secure_boot != STATE_YES) {
        return "Secure Boot was not on, so no signature was demanded";
    }
    if (c->after->has_shim && c->after->shim_validation != STATE_YES) {
        return "shim's validation was off, or nothing rules it out, so no signature was demanded";
    }
    if (has_bad_finding(c->after)) {
        return "the log has faults";
    }
    if (!same_authorities(c->before, c->after)) {
        return "the keys that allowed components to load are not the same as before";
    }
    if (c->after->has_user_mok) {
        return "a machine owner key allowed components to load: whoever holds it, perhaps on this "
               "very machine, can sign anything";
    }
    if (sbat_lowered(c->before->sbat_level, c->after->sbat_level)) {
        return "the SBAT level was lowered";
    }
    return NULL;
}

static const char *authority_words(struct arena *arena, const struct boot_facts *facts)
{
    const char *text = "";
    size_t n = 0;

    for (size_t i = 0; i < facts->n_authorities && text != NULL; i++) {
        const struct authority *authority = &facts->authorities[i];

        if (!authority->before_separator && n++ < AUTHORITIES_SHOWN) {
            text = arena_printf(arena, "%s%s%s: %s", text, text[0] == '\0' ? "" : "; ",
                                authority->source, authority_name(authority));
        }
    }
    return text == NULL || n <= AUTHORITIES_SHOWN
               ? text
               : arena_printf(arena, "%s; and %zu more", text, n - AUTHORITIES_SHOWN);
}

/* The first image behind the firmware's own, and how many there are. */
static size_t chain_of(const struct boot_facts *facts, size_t *ret_n)
{
    size_t first = 0;

    while (first < facts->n_images && facts->images[first].before_separator) {
        first++;
    }
    *ret_n = facts->n_images - first;
    return first;
}

static bool is_same_image(const struct boot_image *a, const struct boot_image *b)
{
    bool has_bank = false;

    for (int hash = 0; hash < HASH_COUNT; hash++) {
        if (a->digest[hash].len > 0 && b->digest[hash].len > 0) {
            has_bank = true;
            if (!span_equal(a->digest[hash], b->digest[hash])) {
                return false;
            }
        }
    }
    return has_bank;
}

static bool runs_in(const struct boot_image *image, const struct boot_facts *facts)
{
    for (size_t i = 0; i < facts->n_images; i++) {
        if (is_same_image(image, &facts->images[i])) {
            return true;
        }
    }
    return false;
}

/*
 * The images of PCR 4 stand in the order in which they were started, which is proven. An update
 * puts another image where one was: as many as before, and where they differ, one that no longer
 * runs anywhere has made way for one that never ran.
 */
static bool is_each_in_its_place(const struct comparison *c)
{
    size_t n_old;
    size_t n_new;
    size_t old = chain_of(c->before, &n_old);
    size_t new = chain_of(c->after, &n_new);

    if (n_old != n_new || n_old > IMAGES_COMPARED) {
        return false;
    }
    for (size_t i = 0; i < n_old; i++) {
        const struct boot_image *was = &c->before->images[old + i];
        const struct boot_image *is = &c->after->images[new + i];

        if (!is_same_image(was, is) && (runs_in(was, c->after) || runs_in(is, c->before))) {
            return false;
        }
    }
    return true;
}

/* A file that GRUB read is believed to be the kernel beside a signed image, one for one: its name
 * is its sender's word, and a further file may be anything. */
static void explain_signed(const struct comparison *c, const struct group *group,
                           struct change *change)
{
    const char *doubt = baseline_signature_doubt(c);

    if (doubt != NULL) {
        change->explanation = doubt;
    } else if (group->n_new_images == 0) {
        change->explanation = "no signed image changed with it";
    } else if (!is_each_in_its_place(c)) {
        change->explanation = "the images were not started in the places of those before: another "
                              "one may have run instead";
    } else if (c->n_new_images > c->n_gone_images) {
        change->explanation = "more images ran than before: an update replaces, it does not add";
    } else if (group->n_files_added != group->n_files_removed) {
        change->explanation = "not as many files were read as before: a file's name proves nothing";
    } else if (group == &c->groups[REASON_CHANGE_KERNEL] &&
               baseline_is_kernel_older(c->before, c->after)) {
        change->explanation =
            "the kernel's name tells an older version than before: signed, but an "
            "update does not go back; approve it when somebody chose it";
    } else {
        change->is_explained = true;
        change->explanation =
            arena_printf(c->arena, "validated under Secure Boot by the same keys as before (%s)",
                         authority_words(c->arena, c->after));
    }
}

/* ---- revocations ---- */

static int compare_entries(const void *a, const void *b)
{
    const struct siglist_entry *x = a;
    const struct siglist_entry *y = b;
    size_t len = x->data.len < y->data.len ? x->data.len : y->data.len;
    int order = memcmp(x->type_guid, y->type_guid, sizeof(x->type_guid));

    order = order != 0 || len == 0 ? order : memcmp(x->data.data, y->data.data, len);
    return order != 0 ? order : (x->data.len > y->data.len) - (x->data.len < y->data.len);
}

/* Sorted: lists of thousands are compared with lists of thousands. */
static err_t entries_of(struct arena *arena, struct span lists, struct siglist_entry **ret,
                        size_t *ret_n)
{
    struct siglist_entry *entries;
    struct siglist_entry entry;
    struct siglist_iter iter;
    size_t size = 0;
    size_t n = 0;
    err_t err;

    siglist_begin(&iter, lists);
    while ((err = siglist_next(&iter, &entry)) == ERR_OK) {
        size++;
    }
    entries = arena_calloc(arena, size + 1, sizeof(*entries));
    if (entries == NULL) {
        return ERR_MEMORY;
    }
    siglist_begin(&iter, lists);
    while (n < size && siglist_next(&iter, &entries[n]) == ERR_OK) {
        n++;
    }
    qsort(entries, n, sizeof(*entries), compare_entries);
    *ret = entries;
    *ret_n = n;
    return err == ERR_END ? ERR_OK : err;
}

/* Every old entry is still there, whoever owns it now. */
static err_t is_only_grown(struct arena *arena, struct span before, struct span after, bool *ret)
{
    struct siglist_entry *old = NULL;
    struct siglist_entry *new = NULL;
    size_t n_old = 0;
    size_t n_new = 0;
    err_t err = entries_of(arena, before, &old, &n_old);

    err = err ? err : entries_of(arena, after, &new, &n_new);
    *ret = err == ERR_OK;
    for (size_t i = 0; *ret && i < n_old; i++) {
        *ret = bsearch(&old[i], new, n_new, sizeof(*new), compare_entries) != NULL;
    }
    return err_category(err) == ERR_CAT_INTERNAL ? err : ERR_OK;
}

static err_t explain_dbx(const struct comparison *c, const struct group *group,
                         struct change *change)
{
    bool is_grown = false;
    err_t err;

    if (has_bad_finding(c->after)) {
        change->explanation = "the log has faults";
        return ERR_OK;
    }
    if (group->n_new == 0 && group->n_gone == 0) {
        change->explanation = "the same was measured another number of times";
        return ERR_OK;
    }
    if (!c->before->dbx.present || !c->after->dbx.present) {
        change->explanation = "the revocation list is missing in one of the boots";
        return ERR_OK;
    }
    if (sbat_lowered(c->before->sbat_level, c->after->sbat_level)) {
        change->explanation = "the SBAT level was lowered";
        return ERR_OK;
    }
    err = is_only_grown(c->arena, c->before->dbx.lists, c->after->dbx.lists, &is_grown);
    if (err) {
        return err;
    }
    change->is_explained = is_grown;
    change->explanation =
        is_grown ? "revocations only grew: nothing that was revoked is allowed again"
                 : "entries left the revocation list: revoked software could run again";
    return ERR_OK;
}

/* ---- unsigned components ---- */

/*
 * A unified kernel image is signed as a whole, and what its stub hands to the kernel came out of
 * it. But that a stub ran is told by PCR 11 alone, and a system that was started otherwise - from a
 * bare kernel under the same key, with an initrd of somebody's choice - can extend PCR 11 to look
 * like it.
 */
static void explain_unsigned(const struct comparison *c, const struct group *group,
                             struct change *change)
{
    bool may_be_of_uki = c->after->n_uki > 0 && group->pcrs == 1u << 9 &&
                         c->groups[REASON_CHANGE_UKI].n_new_images > 0;

    change->explanation =
        may_be_of_uki
            ? "perhaps part of the new unified kernel image, but only PCR 11 says that one was "
              "started, which any system can extend: an announcement or an approval explains it"
            : not_signed;
}

/* GRUB measures the kernel's file name in front of its parameters; a new kernel has a new name.
 * The measured bytes are compared, not their words for people. */
static bool has_same_parameters(const struct group *group)
{
    const struct reading *old = group->removed[0];
    const struct reading *new = group->added[0];
    struct span old_rest;
    struct span new_rest;

    return group->n_added == 1 && group->n_removed == 1 && group->pcrs == 1u << 8 &&
           old->match == READING_MATCHES &&
           new->match == READING_MATCHES &&cmdline_split(old->content, &old_rest) &&
           cmdline_split(new->content, &new_rest) && span_equal(old_rest, new_rest);
}

static void explain_cmdline(const struct comparison *c, const struct group *group,
                            struct change *change)
{
    if (has_same_parameters(group)) {
        change->is_explained = true;
        change->explanation =
            "the parameters are the same; only the kernel's file name in front of them differs";
    } else {
        explain_unsigned(c, group, change);
    }
}

/* Never explained, but a kernel update rewrites the boot menu each time, and who must decide wants
 * to know that it did nothing else. */
static void explain_grub(const struct comparison *c, const struct group *group,
                         struct change *change)
{
    const char *versions = baseline_version_words(c, group);

    change->explanation =
        versions == NULL
            ? not_signed
            : arena_printf(c->arena,
                           "%s; every command that changed is the same as before but for the "
                           "kernel's version (%s), as after a kernel update%s",
                           not_signed, versions,
                           (group->pcrs & 1u << 9) == 0
                               ? ""
                               : "; how the files differ, their digests do not say");
}

/* ---- firmware ---- */

/* Another shape of the machine makes other contents of the same regions: as many events, none of
 * them the firmware's version, and no other register follows. */
static bool is_shape_alone(const struct comparison *c, const struct group *group)
{
    if (!c->is_shape_changed || c->pcrs != 1u || group->n_added != group->n_removed) {
        return false;
    }
    for (size_t i = 0; i < group->n_added; i++) {
        if (i == GROUP_SHOWN || group->added[i]->event->type == EV_S_CRTM_VERSION ||
            group->removed[i]->event->type == EV_S_CRTM_VERSION) {
            return false;
        }
    }
    return true;
}

static void explain_firmware(const struct comparison *c, const struct group *group,
                             struct change *change)
{
    if (is_shape_alone(c, group)) {
        change->code = REASON_CHANGE_SHAPE;
        change->is_explained = true;
        change->explanation =
            "the machine is known to have another shape now, and only PCR 0 follows it";
    } else {
        change->explanation =
            "firmware or the machine's shape changed: nothing in the log says which";
    }
}

/* ---- announced changes ---- */

static const char announced_words[] = "announced by a trusted boot, digest by digest";

/* Each new measurement of the class was announced for it, and no more is gone than came: an
 * announcement says what will be there, not what will be missing. */
static bool is_announced(const struct group *group)
{
    return group->n_new > 0 && group->n_unannounced == 0 && group->n_gone <= group->n_new;
}

/*
 * GRUB's commands change with each kernel and cannot be foretold by who only writes its files.
 * Where the initramfs is as announced, the kernel as well or signed as before, each file that GRUB
 * read and that is new was announced, and every command is the same as before but for the version
 * in the kernel's file name, they are those of the announced update. A single file that was not
 * announced could be the initramfs that was really loaded: the running system can extend PCR 9 with
 * the announced one afterwards.
 */
static bool is_of_announced_update(const struct comparison *c, const struct group *group)
{
    const struct group *kernel = &c->groups[REASON_CHANGE_KERNEL];
    struct change signed_kernel = {0};

    explain_signed(c, kernel, &signed_kernel);
    return (signed_kernel.is_explained || is_announced(kernel)) &&
           is_announced(&c->groups[REASON_CHANGE_INITRD]) && group->n_unannounced_files == 0 &&
           group->n_files_added <= group->n_files_removed &&
           (group->pcrs & ~(1u << 8 | 1u << 9)) == 0 && baseline_version_words(c, group) != NULL;
}

static err_t explain_by_rule(const struct comparison *c, enum reason_code code,
                             struct change *change)
{
    const struct group *group = &c->groups[code];

    switch (code) {
    case REASON_CHANGE_LOADER:
    case REASON_CHANGE_KERNEL:
    case REASON_CHANGE_UKI:
        explain_signed(c, group, change);
        break;
    case REASON_CHANGE_DBX:
        return explain_dbx(c, group, change);
    case REASON_CHANGE_INITRD:
        explain_unsigned(c, group, change);
        break;
    case REASON_CHANGE_CMDLINE:
        explain_cmdline(c, group, change);
        break;
    case REASON_CHANGE_GRUB_CONFIG:
        explain_grub(c, group, change);
        break;
    case REASON_CHANGE_CREDENTIALS:
    case REASON_CHANGE_SYSEXT:
        change->explanation = not_signed;
        break;
    case REASON_CHANGE_FIRMWARE:
        explain_firmware(c, group, change);
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
    return ERR_OK;
}

err_t baseline_explain(const struct comparison *c, enum reason_code code, struct change *change)
{
    const struct group *group = &c->groups[code];
    err_t err = explain_by_rule(c, code, change);

    if (err || change->is_explained || c->announced == NULL) {
        return err;
    }
    if (is_announced(group)) {
        change->is_explained = true;
        change->explanation = announced_words;
    } else if (code == REASON_CHANGE_GRUB_CONFIG && is_of_announced_update(c, group)) {
        change->is_explained = true;
        change->explanation = "all files are as a trusted boot announced, or signed as before, and "
                              "every command is the same as before but for their version";
    }
    return ERR_OK;
}
