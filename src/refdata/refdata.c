#include "refdata/refdata.h"

#include "base/file.h"

#include <limits.h>
#include <unistd.h>

enum { ARENA_BYTES = 80 * 1024 * 1024 };

static const char share[] = "share/bootwarden/reference";

/* PREFIX/bin/program to PREFIX. */
static bool cut_last(char *path)
{
    char *slash = strrchr(path, '/');

    if (slash == NULL) {
        return false;
    }
    *slash = '\0';
    return true;
}

const char *refdata_folder(struct arena *arena)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

    if (len <= 0 || (size_t)len >= sizeof(path) - 1) {
        return NULL;
    }
    path[len] = '\0';
    for (int i = 0; i < 2; i++) {
        if (!cut_last(path)) {
            return NULL;
        }
    }
    return arena_printf(arena, "%s/%s", path, share);
}

/* Which remedy: data that came with the program is put back, a named folder is named right. */
static err_t explain(err_t err, bool is_named, struct trail *trail)
{
    struct trail more = {0};
    struct trail bare;
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 64];

    if (trail == NULL || err_category(err) == ERR_CAT_INTERNAL) {
        return err;
    }
    bare = *trail;
    bare.where[0] = '\0';
    trail_format(&bare, err, words, sizeof(words));
    trail_set(&more, err, "reference data: %.200s; %s", words,
              is_named ? "name a folder with the whole reference data (--reference), or none"
                       : "install the reference data again, or name its folder (--reference)");
    trail_in(&more, err, trail->where);
    *trail = more;
    return err;
}

static err_t read_files(struct arena *arena, const char *folder, bool is_guarded,
                        struct trail *trail, struct reference_file *files)
{
    err_t err = is_guarded ? file_check_guarded(folder, trail) : ERR_OK;

    for (enum reference_kind kind = 0; err == ERR_OK && kind < REFERENCE_KIND_COUNT; kind++) {
        struct reference_file *file = &files[kind];

        file->name = arena_printf(arena, "%s/%s.json", folder, reference_kind_name(kind));
        if (file->name == NULL) {
            return ERR_MEMORY;
        }
        err =
            is_guarded
                ? file_read_guarded(arena, file->name, REFERENCE_FILE_MAX_BYTES, trail, &file->text)
                : file_read(arena, file->name, REFERENCE_FILE_MAX_BYTES, trail, &file->text);
    }
    return err;
}

err_t refdata_load(const char *folder, bool is_guarded, struct trail *trail, struct reference **ret)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(ARENA_BYTES);
    struct reference_file files[REFERENCE_KIND_COUNT] = {0};
    const char *place = folder;
    struct trail inner = {0};
    err_t err;

    if (arena == NULL) {
        return ERR_MEMORY;
    }
    place = place == NULL ? refdata_folder(arena) : place;
    if (place == NULL) {
        return trail_set(trail, ERR_NOT_FOUND,
                         "reference data: the system does not say where this program lies; name "
                         "its folder (--reference)");
    }
    err = read_files(arena, place, is_guarded, &inner, files);
    err = err ? err : reference_new(files, REFERENCE_KIND_COUNT, &inner, ret);
    if (err && trail != NULL) {
        explain(err, folder != NULL, &inner);
        *trail = inner;
    }
    return err;
}
