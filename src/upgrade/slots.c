/* Who may write the files read here: the agent's user. */
#include "upgrade/slots.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[SLOT_COUNT] = {"installed", "a", "b"};

const char *slot_name(enum slot slot)
{
    return names[slot];
}

bool slot_by_name(struct span name, enum slot *ret)
{
    for (size_t i = 0; i < SLOT_COUNT; i++) {
        if (span_is(name, names[i])) {
            *ret = (enum slot)i;
            return true;
        }
    }
    return false;
}

/* ---- folders ---- */

err_t slots_open(struct slots *slots, const char *state)
{
    int len = snprintf(slots->folder, sizeof(slots->folder), "%s/slots", state);

    /* Room for "/a/incoming" and what is put behind it for a moment. */
    return len > 0 && len < SLOTS_PATH_MAX - 32 ? ERR_OK : ERR_TOO_LARGE;
}

const char *slots_path(const struct slots *slots, enum slot slot, const char *file,
                       char path[SLOTS_PATH_MAX])
{
    if (slot == SLOT_INSTALLED) {
        snprintf(path, SLOTS_PATH_MAX, "%.480s/%s", slots->folder, file);
    } else {
        snprintf(path, SLOTS_PATH_MAX, "%.480s/%s/%s", slots->folder, names[slot], file);
    }
    return path;
}

err_t slots_make(const struct slots *slots, struct trail *trail)
{
    char path[SLOTS_PATH_MAX];
    err_t err = file_make_folder(slots->folder, 0700, trail);

    err = err ? err : file_check_guarded(slots->folder, trail);
    for (enum slot slot = SLOT_A; err == ERR_OK && slot < SLOT_COUNT; slot++) {
        snprintf(path, sizeof(path), "%.480s/%s", slots->folder, names[slot]);
        err = file_make_folder(path, 0700, trail);
        err = err ? err : file_check_guarded(path, trail);
    }
    return err;
}

/* ---- what runs ---- */

static void copy(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", strlen(text) < size ? text : "");
}

static int on_entry(void *context, const char *section, const char *key, const char *value)
{
    struct slot_current *c = context;

    (void)section;
    if (strcmp(key, "slot") == 0) {
        return slot_by_name(span_str(value), &c->slot);
    }
    if (strcmp(key, "previous") == 0) {
        return slot_by_name(span_str(value), &c->previous);
    }
    if (strcmp(key, "state") == 0) {
        c->is_trial = strcmp(value, "trial") == 0;
    } else if (strcmp(key, "version") == 0) {
        copy(c->version, sizeof(c->version), value);
    } else if (strcmp(key, "previous-version") == 0) {
        copy(c->previous_version, sizeof(c->previous_version), value);
    } else if (strcmp(key, "package") == 0) {
        copy(c->package, sizeof(c->package), value);
    } else if (strcmp(key, "level") == 0) {
        c->level = (unsigned)strtoul(value, NULL, 10);
    } else if (strcmp(key, "cut") == 0) {
        c->cut = (unsigned)strtoul(value, NULL, 10);
    } else if (strcmp(key, "cut-package") == 0) {
        copy(c->cut_package, sizeof(c->cut_package), value);
    }
    return 1; /* a later version may write more */
}

/* Small texts of ours; data NULL when there is none. The caller frees the arena. */
static struct span read_small(const struct slots *slots, struct arena *arena, const char *file)
{
    char path[SLOTS_PATH_MAX];
    struct trail ignored = {0};
    struct span text = {0};

    if (arena == NULL || file_read(arena, slots_path(slots, SLOT_INSTALLED, file, path),
                                   SLOTS_FILE_MAX, &ignored, &text) != ERR_OK) {
        return (struct span){0};
    }
    return text;
}

void slots_current(const struct slots *slots, const char *installed, struct slot_current *ret)
{
    CLEANUP(arena_free) struct arena *arena = arena_new((size_t)2 * SLOTS_FILE_MAX);
    struct slot_current none = {.slot = SLOT_INSTALLED}, current;
    struct span text = read_small(slots, arena, "current");

    copy(none.version, sizeof(none.version), installed);
    copy(none.previous_version, sizeof(none.previous_version), installed);
    current = none;
    if (text.data == NULL || ini_parse_string((const char *)text.data, on_entry, &current) != 0) {
        current = none;
    }
    *ret = current;
}

err_t slots_set_current(const struct slots *slots, const struct slot_current *current,
                        struct trail *trail)
{
    char path[SLOTS_PATH_MAX];
    CLEANUP(buf_done) struct buf text = {0};
    err_t err;

    buf_init(&text, SLOTS_FILE_MAX);
    buf_addf(&text, "slot = %s\nstate = %s\nversion = %s\nprevious = %s\nprevious-version = %s\n",
             names[current->slot], current->is_trial ? "trial" : "good", current->version,
             names[current->previous], current->previous_version);
    if (current->package[0] != '\0') {
        buf_addf(&text, "package = %s\n", current->package);
    }
    buf_addf(&text, "level = %u\n", current->level);
    if (current->cut > 0) {
        buf_addf(&text, "cut = %u\ncut-package = %s\n", current->cut, current->cut_package);
    }
    err = buf_err(&text);
    return err ? err
               : file_write(slots_path(slots, SLOT_INSTALLED, "current", path), buf_span(&text),
                            0600, trail);
}

/* ---- what did not hold ---- */

/* "DIGEST new VERSION WHY" */
static bool read_bad(char *line, struct slot_bad *ret)
{
    char *rest = line;
    const char *digest = strsep(&rest, " ");
    const char *told = rest == NULL ? NULL : strsep(&rest, " ");
    const char *version = rest == NULL ? NULL : strsep(&rest, " ");

    if (rest == NULL || strlen(digest) != SLOTS_DIGEST_SIZE - 1 || told == NULL ||
        version == NULL) {
        return false;
    }
    copy(ret->package, sizeof(ret->package), digest);
    ret->is_told = strcmp(told, "told") == 0;
    copy(ret->version, sizeof(ret->version), version);
    snprintf(ret->why, sizeof(ret->why), "%s", rest);
    return true;
}

void slots_bads(const struct slots *slots, struct slot_bads *ret)
{
    CLEANUP(arena_free) struct arena *arena = arena_new((size_t)2 * SLOTS_FILE_MAX);
    struct span text = read_small(slots, arena, "bad");
    char *rest = text.data == NULL ? NULL : arena_printf(arena, "%s", (const char *)text.data);
    char *line;

    ret->n = 0;
    while (rest != NULL && ret->n < SLOTS_BAD_MAX && (line = strsep(&rest, "\n")) != NULL) {
        if (read_bad(line, &ret->items[ret->n])) {
            ret->n++;
        }
    }
}

bool slots_is_bad(const struct slot_bads *bads, const char *package)
{
    for (size_t i = 0; i < bads->n; i++) {
        if (strcmp(bads->items[i].package, package) == 0) {
            return true;
        }
    }
    return false;
}

err_t slots_set_bad(const struct slots *slots, const struct slot_bad *bad, struct trail *trail)
{
    char path[SLOTS_PATH_MAX], why[SLOTS_WHY_SIZE];
    CLEANUP(buf_done) struct buf text = {0};
    struct slot_bads bads;
    err_t err;

    slots_bads(slots, &bads);
    buf_init(&text, SLOTS_FILE_MAX);
    /* The one that is written anew goes to the end; without it there is room for it. */
    for (size_t i = bads.n < SLOTS_BAD_MAX || slots_is_bad(&bads, bad->package) ? 0 : 1; i < bads.n;
         i++) {
        const struct slot_bad *b = &bads.items[i];

        if (strcmp(b->package, bad->package) != 0) {
            buf_addf(&text, "%s %s %s %s\n", b->package, b->is_told ? "told" : "new", b->version,
                     b->why);
        }
    }
    text_escape(span_str(bad->why), why, sizeof(why));
    buf_addf(&text, "%s %s %s %s\n", bad->package, bad->is_told ? "told" : "new", bad->version,
             why);
    err = buf_err(&text);
    return err ? err
               : file_write(slots_path(slots, SLOT_INSTALLED, "bad", path), buf_span(&text), 0600,
                            trail);
}
