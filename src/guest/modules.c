/*
 * Who may write these files: root of this machine, or whoever made its packages. libkmod takes them
 * apart; texts that come out of it are escaped and cut.
 */
#include "guest/modules.h"

#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <libkmod.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIGNATURE_MARK "~Module signature appended~\n"

enum { BOOT_ID_SIZE = 65, BUILD_SIZE = 96, SRCVERSION_MAX = 40 };

/* One module as it was read. */
struct known {
    char name[KERNEL_MODULE_NAME_MAX + 1];
    char build[BUILD_SIZE]; /* what tells one build of it from another */
    bool is_there;
    struct module_signature signature;
};

struct modules {
    char boot_id[BOOT_ID_SIZE];
    struct known *known; /* by name */
    size_t n;
};

const char *module_unread_name(enum module_unread unread)
{
    static const char *const names[] = {
        [MODULE_LATER] = "later",
        [MODULE_NO_FILE] = "no-file",
        [MODULE_NO_PERMISSION] = "no-permission",
        [MODULE_OTHER_BUILD] = "other-build",
        [MODULE_TOO_LARGE] = "too-large",
        [MODULE_DAMAGED] = "damaged",
    };

    return names[unread];
}

struct modules *modules_new(void)
{
    return calloc(1, sizeof(struct modules));
}

void modules_free(struct modules *modules)
{
    if (modules != NULL) {
        free(modules->known);
        free(modules);
    }
}

/* ---- one file ---- */

/* All that reading one collection's files needs. */
struct reading {
    struct kmod_ctx *kmod;
    int64_t left_us;
    bool is_limited;
    bool has_read, has_unpacked;
};

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), n = strlen(end);

    return len >= n && strcmp(text + len - n, end) == 0;
}

/* May it be read now? What it costs is taken off. */
static enum module_unread take_cost(struct reading *reading, const char *path)
{
    bool is_plain = ends_with(path, ".ko");
    struct stat st;
    int64_t cost;

    if (stat(path, &st) != 0) {
        return errno == EACCES || errno == EPERM ? MODULE_NO_PERMISSION : MODULE_NO_FILE;
    }
    if (!is_plain && st.st_size > MODULES_FILE_MAX) {
        return MODULE_TOO_LARGE;
    }
    cost = is_plain                  ? MODULES_PLAIN_US
           : ends_with(path, ".zst") ? MODULES_PLAIN_US + st.st_size / MODULES_ZSTD_BYTES_IN_US
                                     : MODULES_PLAIN_US + st.st_size / MODULES_XZ_BYTES_IN_US;
    if (reading->is_limited && reading->has_read && cost > reading->left_us) {
        return MODULE_LATER;
    }
    reading->left_us -= cost;
    reading->has_read = true;
    reading->has_unpacked |= !is_plain;
    return MODULE_READ;
}

/* libkmod tells members of .modinfo and of the signature alike, the latter last. A file without a
 * signature could so name itself a signer; of one that is not packed its end is looked at. */
static bool may_be_signed(const char *path)
{
    const off_t mark = sizeof(SIGNATURE_MARK) - 1;
    char end[sizeof(SIGNATURE_MARK)] = "";
    FILE *file;
    bool is_signed;

    if (!ends_with(path, ".ko")) {
        return true;
    }
    file = fopen(path, "rbe");
    is_signed = file != NULL && fseeko(file, -mark, SEEK_END) == 0 &&
                fread(end, 1, (size_t)mark, file) == (size_t)mark &&
                memcmp(end, SIGNATURE_MARK, (size_t)mark) == 0;
    if (file != NULL) {
        fclose(file);
    }
    return is_signed;
}

/* "66:F5:4E" becomes "66f54e"; what is nothing of the kind, or too long, nothing. */
static void put_key(const char *text, char key[MODULES_KEY_SIZE])
{
    static const char digits[] = "0123456789abcdefABCDEF", lower[] = "0123456789abcdefabcdef";
    size_t n = 0;

    for (; *text != '\0'; text++) {
        const char *digit = strchr(digits, *text);

        if (*text == ':') {
            continue;
        }
        if (digit == NULL || n == MODULES_KEY_SIZE - 1) {
            n = 0;
            break;
        }
        key[n++] = lower[digit - digits];
    }
    key[n] = '\0';
}

static void take_info(const struct kmod_list *info, const char *srcversion, bool is_signed,
                      struct module_signature *signature)
{
    const struct kmod_list *item;

    kmod_list_foreach(item, info)
    {
        const char *key = kmod_module_info_get_key(item);
        const char *value = kmod_module_info_get_value(item);

        if (key == NULL || value == NULL) {
            continue;
        }
        if (strcmp(key, "srcversion") == 0 && srcversion[0] != '\0' &&
            strcmp(value, srcversion) != 0) {
            *signature = (struct module_signature){.unread = MODULE_OTHER_BUILD};
            return;
        }
        if (is_signed && strcmp(key, "signer") == 0) {
            text_escape(span_str(value), signature->signer, sizeof(signature->signer));
        } else if (is_signed && strcmp(key, "sig_hashalgo") == 0) {
            text_escape(span_str(value), signature->hash, sizeof(signature->hash));
        } else if (is_signed && strcmp(key, "sig_key") == 0) {
            put_key(value, signature->key_id);
        }
    }
}

static err_t read_file(struct reading *reading, const char *name, const char *srcversion,
                       struct module_signature *ret)
{
    struct kmod_module *module = NULL;
    struct kmod_list *info = NULL;
    struct module_signature signature = {.unread = MODULE_NO_FILE};
    const char *path;
    int got = kmod_module_new_from_name(reading->kmod, name, &module);

    if (got < 0) {
        return got == -ENOMEM ? ERR_MEMORY : ERR_OK;
    }
    path = kmod_module_get_path(module);
    signature.unread = path == NULL ? MODULE_NO_FILE : take_cost(reading, path);
    if (path != NULL && signature.unread == MODULE_READ) {
        got = kmod_module_get_info(module, &info);
        signature.unread = got >= 0                          ? MODULE_READ
                           : got == -EACCES || got == -EPERM ? MODULE_NO_PERMISSION
                           : got == -ENOENT                  ? MODULE_NO_FILE
                                                             : MODULE_DAMAGED;
    }
    if (info != NULL) {
        take_info(info, srcversion, may_be_signed(path), &signature);
    }
    kmod_module_info_free_list(info);
    kmod_module_unref(module);
    *ret = signature;
    return got == -ENOMEM ? ERR_MEMORY : ERR_OK;
}

/* libkmod would write to standard error. */
static void say_nothing(void *data, int priority, const char *file, int line, const char *fn,
                        const char *format, va_list args)
{
    (void)data;
    (void)priority;
    (void)file;
    (void)line;
    (void)fn;
    (void)format;
    (void)args;
}

static err_t open_kmod(struct reading *reading, struct arena *arena, const char *root,
                       const char *release)
{
    static const char *const no_configuration[] = {NULL};
    const char *folder = arena_printf(arena, "%s/lib/modules/%s", root, release);

    if (folder == NULL) {
        return ERR_MEMORY;
    }
    reading->kmod = kmod_new(folder, no_configuration);
    if (reading->kmod == NULL) {
        return ERR_MEMORY;
    }
    kmod_set_log_fn(reading->kmod, say_nothing, NULL);
    return ERR_OK;
}

/* ---- all ---- */

static int compare_known(const void *a, const void *b)
{
    const struct known *x = a, *y = b;

    return strcmp(x->name, y->name);
}

/* "" when the kernel tells none. */
static const char *srcversion_of(struct arena *arena, const char *root,
                                 const struct kernel_module *module)
{
    const char *path = arena_printf(arena, "%s/sys/module/%s/srcversion", root, module->name);
    struct span text = {0};

    if (path == NULL || file_read(arena, path, SRCVERSION_MAX, NULL, &text) != ERR_OK) {
        return "";
    }
    return text_escape_dup(arena, kernel_text_trim(text), SRCVERSION_MAX);
}

/* What it takes to know it again. */
static void describe(const struct kernel_module *module, const char *srcversion, struct known *ret)
{
    snprintf(ret->name, sizeof(ret->name), "%s", module->name);
    snprintf(ret->build, sizeof(ret->build), "%.40s %llu %s", srcversion,
             (unsigned long long)module->size, module->taints);
}

static bool recall(const struct modules *modules, struct known *known)
{
    const struct known *found =
        modules->n == 0 ? NULL
                        : bsearch(known, modules->known, modules->n, sizeof(*known), compare_known);

    if (found == NULL || !found->is_there || strcmp(found->build, known->build) != 0) {
        return false;
    }
    known->signature = found->signature;
    return true;
}

/* Looking for a file again is cheap, and it may have come meanwhile. */
static bool is_worth_keeping(enum module_unread unread)
{
    return unread == MODULE_READ || unread == MODULE_OTHER_BUILD || unread == MODULE_DAMAGED;
}

static err_t find_one(const struct modules *modules, struct reading *reading, struct arena *arena,
                      const char *root, const char *release, const struct kernel_module *module,
                      struct known *known)
{
    /* Other names do not go into paths; depmod takes no such files either. */
    const char *srcversion = module->is_plain ? srcversion_of(arena, root, module) : "";
    err_t err = ERR_OK;

    describe(module, srcversion, known);
    known->signature.unread = MODULE_NO_FILE;
    if (module->is_plain && !recall(modules, known)) {
        err = reading->kmod == NULL ? open_kmod(reading, arena, root, release) : ERR_OK;
        err = err ? err : read_file(reading, module->name, srcversion, &known->signature);
    }
    known->is_there = is_worth_keeping(known->signature.unread);
    return err;
}

/* Another boot is another kernel. */
static void forget_other_boot(struct modules *modules, const char *boot_id)
{
    char now[BOOT_ID_SIZE];

    snprintf(now, sizeof(now), "%.*s", BOOT_ID_SIZE - 1, boot_id);
    if (strcmp(now, modules->boot_id) != 0) {
        free(modules->known);
        *modules = (struct modules){0};
        memcpy(modules->boot_id, now, sizeof(now));
    }
}

err_t modules_signatures(struct modules *modules, struct arena *arena, const char *root,
                         const char *boot_id, const char *release, const struct kernel_module *list,
                         size_t n, bool *ret_is_complete, struct module_signature **ret)
{
    struct modules nothing = {0};
    struct modules *memory = modules != NULL ? modules : &nothing;
    struct reading reading = {.left_us = MODULES_BUDGET_US, .is_limited = modules != NULL};
    struct module_signature *found = arena_calloc(arena, n + 1, sizeof(*found));
    struct known *now = calloc(n + 1, sizeof(*now));
    bool is_complete = true;
    err_t err = found == NULL || now == NULL ? ERR_MEMORY : ERR_OK;

    forget_other_boot(memory, boot_id);
    for (size_t i = 0; err == ERR_OK && i < n; i++) {
        err = find_one(memory, &reading, arena, root, release, &list[i], &now[i]);
        found[i] = now[i].signature;
        is_complete = is_complete && found[i].unread != MODULE_LATER;
    }
    kmod_unref(reading.kmod);
    if (err == ERR_OK) {
        free(memory->known);
        memory->known = TAKE(now);
        memory->n = n;
        *ret = found;
        *ret_is_complete = is_complete;
    }
    free(now);
    free(nothing.known);
    if (reading.has_unpacked) {
        malloc_trim(0); /* an unpacked module is larger than all the rest of the agent */
    }
    return err;
}
