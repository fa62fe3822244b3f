#include "guest/running.h"

#include "base/file.h"
#include "base/text.h"

#include <stdio.h>

#define EFIVARS "/sys/firmware/efi/efivars"
#define GLOBAL_VARIABLE "8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define SHIM_VARIABLE "605dab50-e046-4300-abb6-3dd810dd8b23"

enum { ATTRIBUTES_BYTES = 4 }; /* before the data, in efivarfs */

/* One collection. */
struct collecting {
    struct arena *arena;
    const char *root;
    struct running *into;
    bool is_out_of_memory;
};

const char *running_mok_name(enum running_mok which)
{
    static const char *const names[] = {
        [RUNNING_MOK_LIST] = "MokListRT",
        [RUNNING_MOK_LIST_X] = "MokListXRT",
        [RUNNING_MOK_LIST_TRUSTED] = "MokListTrustedRT",
        [RUNNING_SBAT_LEVEL] = "SbatLevelRT",
        [RUNNING_MOK_SB_STATE] = "MokSBStateRT",
    };

    return names[which];
}

/* Why a fact is missing; that there is no such file says itself. */
static void note_unread(struct collecting *c, const char *fact, err_t err)
{
    struct running *into = c->into;
    const char *why = err == ERR_DENIED                           ? "no-permission"
                      : err_category(err) == ERR_CAT_LIMIT        ? "too-large"
                      : err == ERR_NOT_FOUND || err == ERR_MEMORY ? NULL
                      : err_category(err) == ERR_CAT_INPUT        ? "malformed"
                                                                  : "unreadable";

    c->is_out_of_memory |= err == ERR_MEMORY;
    if (err && why != NULL && into->n_unread < RUNNING_UNREAD_MAX) {
        into->unread[into->n_unread++] = (struct running_unread){fact, why};
    }
}

static err_t read_file(struct collecting *c, const char *path, size_t max, struct span *ret)
{
    const char *whole = arena_printf(c->arena, "%s%s", c->root, path);

    return whole == NULL ? ERR_MEMORY : file_read(c->arena, whole, max, NULL, ret);
}

static enum running_answer answer(bool is_so)
{
    return is_so ? RUNNING_YES : RUNNING_NO;
}

/* ---- UEFI variables ---- */

static err_t read_variable(struct collecting *c, const char *name, const char *vendor,
                           struct span *ret_data)
{
    const char *path = arena_printf(c->arena, EFIVARS "/%s-%s", name, vendor);
    struct span bytes = {0};
    err_t err = path == NULL ? ERR_MEMORY
                             : read_file(c, path, ATTRIBUTES_BYTES + RUNNING_VARIABLE_MAX, &bytes);

    if (err == ERR_OK && bytes.len < ATTRIBUTES_BYTES) {
        err = ERR_SHORT;
    }
    if (err == ERR_OK) {
        *ret_data = span_cut(bytes, ATTRIBUTES_BYTES, bytes.len);
    }
    return err;
}

/* One byte, 0 or 1 (UEFI 2.10, 3.3). */
static err_t read_flag(struct collecting *c, const char *name, enum running_answer *ret)
{
    struct span data = {0};
    err_t err = read_variable(c, name, GLOBAL_VARIABLE, &data);

    if (err == ERR_OK && (data.len != 1 || data.data[0] > 1)) {
        err = ERR_MALFORMED;
    }
    if (err == ERR_OK) {
        *ret = answer(data.data[0] == 1);
    }
    note_unread(c, name, err);
    return err;
}

static void read_mok(struct collecting *c, enum running_mok which)
{
    struct running_variable *variable = &c->into->mok[which];
    struct span data = {0};
    err_t err = read_variable(c, running_mok_name(which), SHIM_VARIABLE, &data);

    variable->is_there = err == ERR_NOT_FOUND ? RUNNING_NO : RUNNING_UNKNOWN;
    err = err ? err : hash_once(HASH_SHA256, data, variable->sha256);
    if (err == ERR_OK) {
        variable->is_there = RUNNING_YES;
        variable->size = data.len;
    }
    if (err == ERR_OK && which == RUNNING_SBAT_LEVEL) {
        while (data.len > 0 && data.data[data.len - 1] == '\0') {
            data.len--; /* some loaders write the end of the C string */
        }
        c->into->sbat_level =
            text_escape_lines_dup(c->arena, kernel_text_trim(data), RUNNING_SBAT_MAX);
    }
    note_unread(c, running_mok_name(which), err);
}

static void read_firmware(struct collecting *c)
{
    err_t err = read_flag(c, "SecureBoot", &c->into->secure_boot);
    err_t other = read_flag(c, "SetupMode", &c->into->setup_mode);

    if (err == ERR_NOT_FOUND && other == ERR_NOT_FOUND) {
        return; /* no UEFI, or its variables are not mounted: nothing says that one does not exist
                 */
    }
    for (size_t i = 0; i < RUNNING_MOK_COUNT; i++) {
        read_mok(c, (enum running_mok)i);
    }
}

/* ---- the kernel ---- */

static void read_lockdown(struct collecting *c)
{
    struct span text = {0}, mode = {0};
    err_t err = read_file(c, "/sys/kernel/security/lockdown", RUNNING_SMALL_FILE_MAX, &text);

    err = err ? err : kernel_chosen(text, &mode);
    if (err == ERR_OK) {
        c->into->lockdown = text_escape_dup(c->arena, mode, RUNNING_WORD_MAX);
    }
    note_unread(c, "Lockdown", err);
}

static void read_enforcement(struct collecting *c)
{
    struct span text = {0};
    bool is_on = false;
    err_t err =
        read_file(c, "/sys/module/module/parameters/sig_enforce", RUNNING_SMALL_FILE_MAX, &text);

    err = err ? err : kernel_yes_no(text, &is_on);
    if (err == ERR_OK) {
        c->into->enforces_signatures = answer(is_on);
    }
    note_unread(c, "ModuleSignaturesEnforced", err);
}

static void read_taints(struct collecting *c)
{
    struct span text = {0};
    err_t err = read_file(c, "/proc/sys/kernel/tainted", RUNNING_SMALL_FILE_MAX, &text);

    err = err ? err : kernel_number(text, &c->into->taints);
    c->into->has_taints = err == ERR_OK;
    note_unread(c, "Tainted", err);
}

/* At most `max`, still by name: those that are tainted before others. */
static size_t choose(struct kernel_module *modules, size_t n, size_t max)
{
    size_t tainted = 0, clean = 0, kept = 0;

    for (size_t i = 0; i < n; i++) {
        tainted += modules[i].taints[0] != '\0' ? 1 : 0;
    }
    tainted = tainted < max ? tainted : max;
    clean = max - tainted;
    for (size_t i = 0; i < n; i++) {
        size_t *left = modules[i].taints[0] != '\0' ? &tainted : &clean;

        if (*left > 0) {
            (*left)--;
            modules[kept++] = modules[i];
        }
    }
    return kept;
}

static void read_modules(struct collecting *c, const struct guest_facts *facts,
                         struct modules *memory)
{
    struct running *into = c->into;
    struct span text = {0};
    err_t err = read_file(c, "/proc/modules", RUNNING_MODULES_FILE_MAX, &text);

    err = err ? err : kernel_modules(c->arena, text, NULL, &into->modules, &into->n_loaded);
    if (err == ERR_OK) {
        into->n_modules = choose(into->modules, into->n_loaded, RUNNING_MODULES_MAX);
        err = modules_signatures(memory, c->arena, c->root, facts->boot_id, facts->kernel_release,
                                 into->modules, into->n_modules, &into->is_complete,
                                 &into->signatures);
    }
    into->has_modules = err == ERR_OK;
    note_unread(c, "Modules", err);
}

err_t running_read(struct arena *arena, const char *root, const struct guest_facts *facts,
                   struct modules *memory, struct running *ret)
{
    struct collecting c = {.arena = arena, .root = root, .into = ret};

    *ret = (struct running){0};
    read_firmware(&c);
    read_lockdown(&c);
    read_enforcement(&c);
    read_taints(&c);
    read_modules(&c, facts, memory);
    return c.is_out_of_memory || arena_is_exhausted(arena) ? ERR_MEMORY : ERR_OK;
}

err_t running_facts(struct arena *arena, const struct guest_os *os, const struct guest_facts *facts,
                    struct modules *memory, struct span *ret)
{
    CLEANUP(arena_free) struct arena *own = arena_new(RUNNING_ARENA_MAX);
    struct running *running = own == NULL ? NULL : arena_calloc(own, 1, sizeof(*running));
    struct span text = {0}, copy;
    err_t err = running == NULL ? ERR_MEMORY : running_read(own, "", facts, memory, running);

    err = err ? err : running_document(own, os, facts, running, &text);
    if (err) {
        return err;
    }
    copy = arena_dup(arena, text);
    if (copy.data == NULL) {
        return ERR_MEMORY;
    }
    *ret = copy;
    return ERR_OK;
}
