/*
 * baseline-words.c - a change in words, before and after.
 */
#include "appraise/baseline-parts.h"

#include "appraise/summary.h"
#include "base/codec.h"
#include "base/show.h"

#include <string.h>

enum { ITEMS_SHOWN = 3, ITEM_MAX = 160, ITEM_ALONE_MAX = 480 };

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

static const char *short_digest(const struct comparison *c, const struct boot_facts *facts,
                                const struct reading *reading)
{
    int bank = eventlog_bank(facts->log, HASH_SHA256);

    bank = bank < 0 ? 0 : bank;
    return arena_printf(c->arena, "%.12s", hex_dup(c->arena, reading->event->digest[bank]));
}

static const char *named_authority(const struct comparison *c, const struct boot_facts *facts,
                                   const struct reading *reading)
{
    for (size_t i = 0; i < facts->n_authorities; i++) {
        const struct authority *authority = &facts->authorities[i];

        if (authority->event == reading->event) {
            return arena_printf(c->arena, "%s: %s", reading->text, authority_name(authority));
        }
    }
    return reading->text;
}

/* "SecureBoot = 01" says more than its digest. */
static bool is_short_variable(const struct reading *reading)
{
    return reading->role == ROLE_SB_VARIABLE && reading->match == READING_MATCHES &&
           reading->content.len == 1;
}

/* "UKI section .linux", "Windows boot": a name that says what it is names it alone. */
static const char *kind_and_name(struct arena *arena, const struct reading *reading)
{
    const char *kind = event_role_name(reading->role);

    if (reading->name[0] == '\0') {
        return reading->role == ROLE_OTHER ? "an event without a name" : kind;
    }
    if (reading->role == ROLE_OTHER || reading->role == ROLE_MOK_LIST ||
        strcasestr(reading->name, kind) != NULL) {
        return reading->name;
    }
    return arena_printf(arena, "%s %s", kind, reading->name);
}

static const char *item_words(const struct comparison *c, const struct boot_facts *facts,
                              const struct reading *reading)
{
    if (is_short_variable(reading)) {
        return reading->text;
    }
    switch (reading->role) {
    case ROLE_CMDLINE:
    case ROLE_GRUB_COMMAND:
    case ROLE_BOOT_ACTION:
    case ROLE_SBAT_LEVEL:
    case ROLE_MOK_STATE:
        return reading->text;
    case ROLE_AUTHORITY:
        return named_authority(c, facts, reading);
    case ROLE_FIRMWARE:
    case ROLE_FIRMWARE_CONFIG:
    case ROLE_DRIVER:
        return arena_printf(c->arena, "%s %s in PCR %u", kind_and_name(c->arena, reading),
                            short_digest(c, facts, reading), reading->event->pcr);
    case ROLE_IMAGE:
        return arena_printf(c->arena, "image %s%s%s%s", short_digest(c, facts, reading),
                            reading->name[0] ? " (" : "", reading->name,
                            reading->name[0] ? ")" : "");
    case ROLE_DBX:
        return arena_printf(c->arena, "dbx with %zu entr%s", count_entries(facts->dbx.lists),
                            count_entries(facts->dbx.lists) == 1 ? "y" : "ies");
    case ROLE_NONE:
    case ROLE_SEPARATOR:
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
        return arena_printf(c->arena, "%s %s", kind_and_name(c->arena, reading),
                            short_digest(c, facts, reading));
    }
}

/* Measured before into the same register, as an image is that two loaders measure on its way? */
static bool is_repeated(const struct reading *const *list, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (list[k]->event->pcr == list[i]->event->pcr && list[k]->role == list[i]->role &&
            list[i]->event->digest[0].len > 0 &&
            span_equal(list[k]->event->digest[0], list[i]->event->digest[0])) {
            return true;
        }
    }
    return false;
}

/* Whole items, the rest counted. A single one has room for a command line, whose difference often
 * stands at its end. */
static const char *side_words(const struct comparison *c, const struct boot_facts *facts,
                              const struct reading *const *list, size_t n)
{
    const char *text = n == 0 ? "nothing" : "";
    size_t n_shown = 0;
    size_t i;

    for (i = 0; i < n && i < GROUP_SHOWN && text != NULL; i++) {
        const char *item;

        if (is_repeated(list, i)) {
            continue;
        }
        if (n_shown == ITEMS_SHOWN) {
            break;
        }
        item = item_words(c, facts, list[i]);
        text = item == NULL
                   ? NULL
                   : arena_printf(c->arena, "%s%s%s", text, n_shown > 0 ? ", " : "",
                                  show_cut(c->arena, item, n == 1 ? ITEM_ALONE_MAX : ITEM_MAX));
        n_shown++;
    }
    return i < n && text != NULL ? arena_printf(c->arena, "%s and %zu more", text, n - i) : text;
}

struct span baseline_kernel_version(const struct boot_facts *facts)
{
    const char *name = facts->kernel_path == NULL ? "" : facts->kernel_path;
    const char *slash = strrchr(name, '/');
    const char *dash = strchr(slash == NULL ? name : slash, '-');

    return span_str(dash == NULL ? "" : dash + 1);
}

/* The next number of a version, which must begin with it. Numbers longer than any version's are all
 * the same. */
static bool next_number(struct span *version, uint64_t *ret)
{
    size_t len = 0;

    *ret = 0;
    while (len < version->len && version->data[len] >= '0' && version->data[len] <= '9') {
        *ret = len < 18 ? *ret * 10 + (version->data[len] - '0') : UINT64_MAX;
        len++;
    }
    if (len == 0) {
        return false;
    }
    *version = span_cut(*version, len, version->len);
    return true;
}

/* A mark between two numbers. */
static void skip_mark(struct span *version)
{
    if (version->len > 0 && strchr(".-_+~", version->data[0]) != NULL) {
        *version = span_cut(*version, 1, version->len);
    }
}

bool baseline_is_kernel_older(const struct boot_facts *before, const struct boot_facts *after)
{
    struct span old = baseline_kernel_version(before);
    struct span new = baseline_kernel_version(after);
    uint64_t was;
    uint64_t is;

    while (next_number(&old, &was) && next_number(&new, &is)) {
        if (was != is) {
            return is < was;
        }
        skip_mark(&old);
        skip_mark(&new);
    }
    return false;
}

static bool span_begins(struct span text, struct span with)
{
    return text.len >= with.len && span_equal(span_cut(text, 0, with.len), with);
}

/* The same texts when each `old` in one stands where `new` stands in the other. */
static bool same_but_for(struct span a, struct span b, struct span old, struct span new)
{
    while (a.len > 0 && b.len > 0) {
        bool is_version = span_begins(a, old) && span_begins(b, new);

        if (!is_version && a.data[0] != b.data[0]) {
            return false;
        }
        a = span_cut(a, is_version ? old.len : 1, a.len);
        b = span_cut(b, is_version ? new.len : 1, b.len);
    }
    return a.len == 0 && b.len == 0;
}

/* Each text of one side has such a partner on the other. A file's digest says nothing of how it
 * differs: it needs none. */
static bool have_partners(const struct reading *const *texts, const struct reading *const *others,
                          size_t n, struct span old, struct span new, size_t *ret_n_texts)
{
    for (size_t i = 0; i < n; i++) {
        bool found = texts[i]->match != READING_MATCHES;

        *ret_n_texts += !found;
        for (size_t k = 0; k < n && !found; k++) {
            found = others[k]->match == READING_MATCHES && others[k]->role == texts[i]->role &&
                    same_but_for(texts[i]->content, others[k]->content, old, new);
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

const char *baseline_version_words(const struct comparison *c, const struct group *group)
{
    struct span old = baseline_kernel_version(c->before);
    struct span new = baseline_kernel_version(c->after);
    size_t n_texts = 0;

    if (old.len == 0 || new.len == 0 || span_equal(old, new) || group->n_added > GROUP_SHOWN ||
        group->n_added != group->n_removed) {
        return NULL;
    }
    if (!have_partners(group->removed, group->added, group->n_added, old, new, &n_texts) ||
        !have_partners(group->added, group->removed, group->n_added, new, old, &n_texts)) {
        return NULL;
    }
    return n_texts == 0 ? NULL
                        : arena_printf(c->arena, "%s \xe2\x86\x92 %s",
                                       show_cut(c->arena, (const char *)old.data, ITEM_MAX / 2),
                                       show_cut(c->arena, (const char *)new.data, ITEM_MAX / 2));
}

const char *baseline_words(const struct comparison *c, enum reason_code code)
{
    const struct group *group = &c->groups[code];
    const char *before = side_words(c, c->before, group->removed, group->n_removed);
    const char *after = side_words(c, c->after, group->added, group->n_added);

    return before == NULL || after == NULL ? NULL
                                           : arena_printf(c->arena, "%s: %s \xe2\x86\x92 %s",
                                                          change_class_words(code), before, after);
}
