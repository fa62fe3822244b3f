#include "server/machine.h"

#include "base/file.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "identity/assignments.h"
#include "identity/files.h"

#include <string.h>
#include <unistd.h>

static const char machines[] = "/providers/Bootwarden.Monitor/machines/";

/* Up to its machine's name, when it is one of `names`; else empty. Names are the whole server's, so
 * the subscription does not matter. */
static struct span scope_of_machine(const char *scope, const char *const names[2])
{
    size_t len = strlen(scope), skip = sizeof(machines) - 1;

    for (size_t at = 0; at + skip < len; at++) {
        size_t name_len = strcspn(scope + at + skip, "/");
        struct span name = span_of(scope + at + skip, name_len);

        if (text_span_equal_nocase(span_of(scope + at, skip), machines) &&
            (text_span_equal_nocase(name, names[0]) || text_span_equal_nocase(name, names[1]))) {
            return span_of(scope, at + skip + name_len);
        }
    }
    return (struct span){0};
}

/* Without all that begin there; one after the other, since each may have several. */
static err_t strike(struct assignments **set, const char *const names[2])
{
    size_t i = 0;

    while (i < assignments_count(*set)) {
        struct span scope = scope_of_machine(assignments_at(*set, i)->rule.scope, names);
        struct assignments *left = NULL;
        err_t err = scope.len == 0 ? ERR_OK : assignments_without_scope(*set, scope, &left);

        if (err) {
            return err;
        }
        if (left == NULL) {
            i++;
            continue;
        }
        assignments_free(*set);
        *set = left;
        i = 0;
    }
    return ERR_OK;
}

/* Under the lock. */
static err_t forget_roles(struct arena *arena, const char *path, const char *const names[2],
                          struct trail *trail, size_t *ret_n)
{
    CLEANUP(assignments_free) struct assignments *set = NULL;
    struct span json = {0};
    size_t n_before;
    err_t err;

    if (!file_exists(path)) {
        return ERR_OK;
    }
    err = file_read_private(arena, path, ASSIGNMENTS_MAX_BYTES, trail, &json);
    err = err ? err : assignments_read(json, trail, &set);
    if (err) {
        return trail_in(trail, err, path);
    }
    n_before = assignments_count(set);
    err = strike(&set, names);
    *ret_n = n_before - assignments_count(set);
    if (err || *ret_n == 0) {
        return err;
    }
    err = assignments_write(set, arena, &json);
    return err ? err : file_write(path, json, 0600, trail);
}

err_t machine_forget_roles(struct arena *arena, const char *folder,
                           const struct store_machine *machine, struct trail *trail, size_t *ret_n)
{
    const char *const names[2] = {machine->name, machine->id};
    const char *path = arena_printf(arena, "%s/identity/assignments.json", folder);
    int fd = -1;
    err_t err =
        path == NULL
            ? ERR_MEMORY
            : files_lock_assignments(folder, timestamp_ticks_us() + FILES_LOCK_WAIT_US, trail, &fd);

    *ret_n = 0;
    err = err ? err : forget_roles(arena, path, names, trail, ret_n);
    if (fd >= 0) {
        close(fd);
    }
    return err;
}
