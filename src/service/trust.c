#include "service/trust.h"

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "uefi/siglist.h"

#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { ARENA_BYTES = 64 * 1024 * 1024 };

static const char *const roles[] = {"ek", "ak", "db"};

/* FNV-1a: tells changes apart, protects nothing. */
static uint64_t mix(uint64_t hash, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ at[i]) * 0x100000001b3u;
    }
    return hash;
}

static uint64_t mix_file(uint64_t hash, const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        return mix(hash, "absent", 6);
    }
    hash = mix(hash, &st.st_mtim, sizeof(st.st_mtim));
    hash = mix(hash, &st.st_size, sizeof(st.st_size));
    hash = mix(hash, &st.st_mode, sizeof(st.st_mode));
    hash = mix(hash, &st.st_uid, sizeof(st.st_uid));
    return mix(hash, &st.st_ino, sizeof(st.st_ino));
}

/* Who can write there, and no more: the server itself writes into DIR. */
static uint64_t mix_guard(uint64_t hash, const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        return mix(hash, "absent", 6);
    }
    hash = mix(hash, &st.st_mode, sizeof(st.st_mode));
    return mix(hash, &st.st_uid, sizeof(st.st_uid));
}

uint64_t trust_quick_stamp(const char *folder)
{
    uint64_t hash = 0xcbf29ce484222325u;
    char path[4200];

    snprintf(path, sizeof(path), "%s/..", folder);
    hash = mix_guard(mix_guard(hash, path), folder);
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, roles[i]);
        hash = mix_file(hash, path);
    }
    return hash;
}

uint64_t trust_stamp(const char *folder)
{
    uint64_t hash = trust_quick_stamp(folder), sum = 0;
    struct dirent *entry;
    char path[4200];

    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        DIR *dir;

        snprintf(path, sizeof(path), "%s/%s", folder, roles[i]);
        dir = opendir(path);
        while (dir != NULL && (entry = readdir(dir)) != NULL) {
            if (entry->d_name[0] != '.') {
                snprintf(path, sizeof(path), "%s/%s/%s", folder, roles[i], entry->d_name);
                /* A sum, because the order of a folder means nothing. */
                sum += mix_file(mix(hash, entry->d_name, strlen(entry->d_name)), path);
            }
        }
        if (dir != NULL) {
            closedir(dir);
        }
    }
    return hash + sum;
}

static bool has_ending(const char *name, const char *const *endings)
{
    size_t len = strlen(name);

    for (; *endings != NULL; endings++) {
        size_t n = strlen(*endings);

        if (len > n && text_equal_nocase(name + len - n, *endings)) {
            return true;
        }
    }
    return false;
}

static void log_unreadable(struct trust *trust, const char *role, const char *name, err_t err,
                           const struct trail *trail)
{
    struct log_line line;
    char words[TRAIL_WHAT_MAX];

    trail_format(trail, err, words, sizeof(words));
    log_begin(&line, LOG_WARN, "trust.unreadable");
    log_text(&line, "role", role);
    log_text(&line, "file", name);
    log_text(&line, "cause", words);
    log_end(&line);
    trust->n_unreadable++;
}

static bool is_list_name(const char *name)
{
    static const char *const lists[] = {".esl", NULL};

    /* "db-<guid>" is how efivarfs names the variable itself. */
    return has_ending(name, lists) || strncmp(name, "db-", 3) == 0;
}

static bool is_certificate_name(const char *name)
{
    static const char *const certificates[] = {".pem", ".crt", ".der", ".cer", NULL};

    return has_ending(name, certificates);
}

static err_t check_role(struct arena *scratch, const char *folder, const char *role,
                        struct trail *trail)
{
    const char *path = arena_printf(scratch, "%s/%s", folder, role);
    const char **names = NULL;
    err_t err = path == NULL ? ERR_MEMORY : file_list(scratch, path, trail, &names);

    for (size_t i = 0; err == ERR_OK && names[i] != NULL; i++) {
        const char *file = arena_printf(scratch, "%s/%s", path, names[i]);

        if (is_list_name(names[i]) || is_certificate_name(names[i])) {
            err = file == NULL ? ERR_MEMORY : file_check_guarded(file, trail);
            err = err == ERR_NOT_FOUND ? ERR_OK : err; /* a link that leads nowhere */
        }
    }
    return err;
}

err_t trust_check(const char *folder, struct trail *trail)
{
    CLEANUP(arena_free) struct arena *scratch = arena_new(ARENA_BYTES);
    err_t err = scratch == NULL ? ERR_MEMORY : ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < ARRAY_LEN(roles); i++) {
        err = check_role(scratch, folder, roles[i], trail);
    }
    return err;
}

static void log_missing(const char *path)
{
    struct log_line line;

    log_begin(&line, LOG_WARN, "trust.missing");
    log_text(&line, "folder", path);
    log_text(&line, "cause", "the folder was removed: nothing is trusted in its place");
    log_end(&line);
}

static err_t load_role(struct trust *trust, struct arena *scratch, const char *folder,
                       const char *role, struct cert_store *store, struct trail *trail)
{
    const char *path = arena_printf(scratch, "%s/%s", folder, role);
    const char **names = NULL;
    struct trail inner = {0};
    err_t err = path == NULL ? ERR_MEMORY : file_list_guarded(scratch, path, &inner, &names);

    if (err == ERR_NOT_FOUND) {
        log_missing(path);
        return ERR_OK; /* a folder that was removed trusts nobody */
    }
    if (err) {
        trail_set(trail, err, "%s", inner.what);
        return trail_in(trail, err, inner.where);
    }
    for (size_t i = 0; names[i] != NULL; i++) {
        const char *file = arena_printf(scratch, "%s/%s", path, names[i]);
        bool is_list = store == NULL && is_list_name(names[i]);
        struct trail why = {0};
        struct span bytes = {0};

        if (!is_list && !is_certificate_name(names[i])) {
            continue;
        }
        err = file == NULL ? ERR_MEMORY
                           : file_read_guarded(scratch, file, TRUST_FILE_MAX_BYTES, &why, &bytes);
        if (err == ERR_OK) {
            err = store != NULL ? cert_store_add_file(store, bytes, &why)
                                : db_anchors_add(&trust->db, trust->arena, bytes, &why);
        }
        if (err) {
            log_unreadable(trust, role, names[i], err, &why);
        }
    }
    return ERR_OK;
}

static struct trust *trust_new(void)
{
    struct trust *trust = calloc(1, sizeof(*trust));

    if (trust == NULL) {
        return NULL;
    }
    atomic_init(&trust->references, 1);
    trust->arena = arena_new(ARENA_BYTES);
    trust->ek = cert_store_new();
    trust->ak = cert_store_new();
    trust->ak_own = cert_store_new();
    if (trust->arena == NULL || trust->ek == NULL || trust->ak == NULL || trust->ak_own == NULL) {
        trust_free(trust);
        return NULL;
    }
    return trust;
}

/* Who can write above a folder can put another one in its place. */
static err_t check_above(struct arena *scratch, const char *folder, struct trail *trail)
{
    const char *slash = strrchr(folder, '/');
    const char *above =
        slash == NULL ? "." : arena_printf(scratch, "%.*s", (int)(slash - folder), folder);
    struct trail inner = {0};
    err_t err = above == NULL ? ERR_MEMORY : file_check_guarded(above, &inner);

    err = err ? err : file_check_guarded(folder, &inner);
    if (err == ERR_OK || err == ERR_NOT_FOUND) {
        return ERR_OK; /* its folders are missing then, each by itself */
    }
    trail_set(trail, err, "%s", inner.what);
    return trail_in(trail, err, inner.where);
}

err_t trust_load(const char *folder, struct cert *guest_ca, struct trail *trail, struct trust **ret)
{
    CLEANUP(arena_free) struct arena *scratch = arena_new(ARENA_BYTES);
    CLEANUP(trust_free) struct trust *trust = scratch == NULL ? NULL : trust_new();
    err_t err;

    if (trust == NULL) {
        return ERR_MEMORY;
    }
    trust->stamp = trust_stamp(folder); /* before reading: a change meanwhile is seen next time */
    err = check_above(scratch, folder, trail);
    err = err ? err : load_role(trust, scratch, folder, "ek", trust->ek, trail);
    err = err ? err : load_role(trust, scratch, folder, "ak", trust->ak, trail);
    err = err ? err : load_role(trust, scratch, folder, "db", NULL, trail);
    for (size_t i = 0; err == ERR_OK && i < cert_store_count(trust->ak); i++) {
        CLEANUP(cert_free) struct cert *copy = NULL;

        err = cert_new_der(cert_der(cert_store_at(trust->ak, i)), trail, &copy);
        err = err ? err : cert_store_add(trust->ak_own, copy);
    }
    err = err ? err : cert_store_add(trust->ak_own, guest_ca);
    if (err) {
        return err;
    }
    *ret = TAKE(trust);
    return ERR_OK;
}

struct trust *trust_ref(struct trust *trust)
{
    atomic_fetch_add_explicit(&trust->references, 1, memory_order_relaxed);
    return trust;
}

void trust_free(struct trust *trust)
{
    if (trust == NULL || atomic_fetch_sub(&trust->references, 1) > 1) {
        return;
    }
    arena_free(trust->arena);
    cert_store_free(trust->ek);
    cert_store_free(trust->ak);
    cert_store_free(trust->ak_own);
    free(trust);
}
