/*
 * baseline-words.c - a change in words, before and after.
 */
#include "appraise/baseline-parts.h"

#include "base/codec.h"
#include "eventlog/show.h"

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

/* Whole items, the rest counted. A single one has room for a command line, whose difference often
 * stands at its end. */
static const char *side_words(const struct comparison *c, const struct boot_facts *facts,
                              const struct reading *const *list, size_t n)
{
    const char *text = n == 0 ? "nothing" : "";

    for (size_t i = 0; i < n && i < ITEMS_SHOWN && text != NULL; i++) {
        const char *item = item_words(c, facts, list[i]);

        text = item == NULL
                   ? NULL
                   : arena_printf(c->arena, "%s%s%s", text, i > 0 ? ", " : "",
                                  show_cut(c->arena, item, n == 1 ? ITEM_ALONE_MAX : ITEM_MAX));
    }
    return n > ITEMS_SHOWN && text != NULL
               ? arena_printf(c->arena, "%s and %zu more", text, n - ITEMS_SHOWN)
               : text;
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

const char *baseline_words(const struct comparison *c, enum reason_code code)
{
    const struct group *group = &c->groups[code];
    const char *before = side_words(c, c->before, group->removed, group->n_removed);
    const char *after = side_words(c, c->after, group->added, group->n_added);

    return before == NULL || after == NULL
               ? NULL
               : arena_printf(c->arena, "%s: %s \xe2\x86\x92 %s", class_words(code), before, after);
}
