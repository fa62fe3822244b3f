#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { READ_CHUNK = 64 * 1024 };

static err_t io_error(struct trail *trail, const char *path, const char *doing)
{
    err_t err = errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND
                : errno == EEXIST                   ? ERR_CONFLICT
                : errno == EACCES || errno == EPERM ? ERR_DENIED
                                                    : ERR_IO;

    trail_set(trail, err, "cannot %s: %s", doing, strerror(errno));
    return trail_in(trail, err, path);
}

/* Larger by half at least, or ERR_TOO_LARGE once max_bytes + 1 bytes are there. */
static err_t grow(uint8_t **data, size_t *size, size_t max_bytes, struct trail *trail,
                  const char *path)
{
    size_t want = *size > max_bytes / 2 ? max_bytes + 1 : *size * 2;
    uint8_t *more;

    if (*size > max_bytes) {
        trail_set(trail, ERR_TOO_LARGE, "is larger than %zu bytes", max_bytes);
        return trail_in(trail, ERR_TOO_LARGE, path);
    }
    more = realloc(*data, want);
    if (more == NULL) {
        return ERR_MEMORY;
    }
    *data = more;
    *size = want;
    return ERR_OK;
}

static err_t read_all(int fd, const char *path, size_t max_bytes, struct trail *trail,
                      uint8_t **ret_data, size_t *ret_len)
{
    size_t size = READ_CHUNK <= max_bytes ? READ_CHUNK : max_bytes + 1;
    uint8_t *data = malloc(size);
    size_t len = 0;
    ssize_t got = 1;
    err_t err = data == NULL ? ERR_MEMORY : ERR_OK;

    while (err == ERR_OK && got != 0) {
        if (len == size) {
            err = grow(&data, &size, max_bytes, trail, path);
            continue;
        }
        got = read(fd, data + len, size - len);
        if (got > 0) {
            len += (size_t)got;
        } else if (got < 0 && errno != EINTR) {
            err = io_error(trail, path, "read");
        }
    }
    if (err == ERR_OK) {
        *ret_data = data;
        *ret_len = len;
    } else {
        free(data);
    }
    return err;
}

/* A pipe with a name, which might wait for a writer for ever. One without (a shell's <(command),
 * /dev/stdin) ends when its last writer does. */
static bool is_named_pipe(int fd)
{
    struct stat st;
    struct statfs system;

    return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) &&
           (fstatfs(fd, &system) != 0 || system.f_type != PIPEFS_MAGIC);
}

/* Opening never waits, reading does as usual. */
static err_t open_to_read(const char *path, struct trail *trail, int *ret_fd)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);
    err_t err = ERR_OK;

    if (fd >= 0 && is_named_pipe(fd)) {
        trail_set(trail, ERR_IO,
                  "is a named pipe, which may never be written; copy its bytes into a file first");
        err = trail_in(trail, ERR_IO, path);
    } else if (fd < 0 || flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) != 0) {
        err = io_error(trail, path, "open");
    }
    if (err && fd >= 0) {
        close(fd);
    }
    if (err == ERR_OK) {
        *ret_fd = fd;
    }
    return err;
}

err_t file_read(struct arena *arena, const char *path, size_t max_bytes, struct trail *trail,
                struct span *ret)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = STDIN_FILENO;
    struct span copy = {0};
    uint8_t *data = NULL;
    size_t len = 0;
    err_t err = is_stdin ? ERR_OK : open_to_read(path, trail, &fd);

    if (err) {
        return err;
    }
    err = read_all(fd, is_stdin ? "standard input" : path, max_bytes, trail, &data, &len);
    if (!is_stdin) {
        close(fd);
    }
    if (err == ERR_OK) {
        copy = arena_dup(arena, span_of(data, len));
        err = copy.data == NULL ? ERR_MEMORY : ERR_OK;
        free(data);
    }
    if (err == ERR_OK) {
        *ret = copy;
    }
    return err;
}

err_t file_put(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t put = write(fd, bytes.data, bytes.len);

        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            errno = put == 0 ? EIO : errno;
            return ERR_IO;
        }
        bytes = span_cut(bytes, (size_t)put, bytes.len);
    }
    return ERR_OK;
}

/* A rename is on the disk only when its folder is. */
static bool sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL   ? strdup(".")
                   : slash == path ? strdup("/")
                                   : strndup(path, (size_t)(slash - path));
    int fd = folder == NULL ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0) {
        close(fd);
    }
    free(folder);
    return done;
}

/* A link is made only where there is nothing: no moment between looking and writing. */
static err_t put_in_place(const char *temporary, const char *path, bool replaces,
                          struct trail *trail)
{
    if (replaces) {
        return rename(temporary, path) == 0 ? ERR_OK : io_error(trail, path, "rename into place");
    }
    if (link(temporary, path) == 0) {
        unlink(temporary);
        return ERR_OK;
    }
    if (errno == EEXIST) {
        trail_set(trail, ERR_CONFLICT, "is there already");
        return trail_in(trail, ERR_CONFLICT, path);
    }
    return io_error(trail, path, "link into place");
}

static err_t write_file(const char *path, struct span bytes, unsigned mode, bool replaces,
                        struct trail *trail)
{
    char *temporary = NULL;
    bool is_in_place = false;
    err_t err = ERR_OK;
    int fd = -1;

    if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
        return ERR_MEMORY;
    }
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        err = io_error(trail, path, "create");
        free(temporary);
        return err;
    }
    if (file_put(fd, bytes) != ERR_OK || fchmod(fd, mode) != 0 || fsync(fd) != 0) {
        err = io_error(trail, path, "write");
    }
    if (close(fd) != 0 && err == ERR_OK) {
        err = io_error(trail, path, "write");
    }
    if (err == ERR_OK) {
        err = put_in_place(temporary, path, replaces, trail);
        is_in_place = err == ERR_OK;
    }
    if (is_in_place && !sync_folder_of(path)) {
        err = io_error(trail, path, "write the folder of");
    }
    if (!is_in_place) {
        unlink(temporary);
    }
    free(temporary);
    return err;
}

err_t file_write(const char *path, struct span bytes, unsigned mode, struct trail *trail)
{
    return write_file(path, bytes, mode, true, trail);
}

err_t file_create(const char *path, struct span bytes, unsigned mode, struct trail *trail)
{
    return write_file(path, bytes, mode, false, trail);
}

/* Whom a file or folder may belong to: who could read or write it anyway. */
static bool is_owner_trusted(const struct stat *st)
{
    return st->st_uid == geteuid() || st->st_uid == 0;
}

static err_t check_private(const struct stat *st, const char *path, struct trail *trail)
{
    if ((st->st_mode & 077) != 0) {
        trail_set(trail, ERR_DENIED, "holds a private key but its mode is %04o; run: chmod 600 %s",
                  st->st_mode & 07777, path);
        return trail_in(trail, ERR_DENIED, path);
    }
    if (!is_owner_trusted(st)) {
        trail_set(trail, ERR_DENIED, "holds a private key but belongs to another user (id %lu)",
                  (unsigned long)st->st_uid);
        return trail_in(trail, ERR_DENIED, path);
    }
    return ERR_OK;
}

static err_t check_guarded(const struct stat *st, const char *path, struct trail *trail)
{
    if ((st->st_mode & 022) != 0) {
        trail_set(trail, ERR_DENIED, "can be written by %s (mode %04o); run: chmod go-w %s",
                  (st->st_mode & 02) != 0 ? "everybody" : "its group", st->st_mode & 07777, path);
        return trail_in(trail, ERR_DENIED, path);
    }
    if (!is_owner_trusted(st)) {
        trail_set(
            trail, ERR_DENIED,
            "belongs to another user (id %lu); remove it, or, if it is yours, run: chown %lu %s",
            (unsigned long)st->st_uid, (unsigned long)geteuid(), path);
        return trail_in(trail, ERR_DENIED, path);
    }
    return ERR_OK;
}

err_t file_check_private(const char *path, struct trail *trail)
{
    struct stat st;

    return stat(path, &st) != 0 ? io_error(trail, path, "look at")
                                : check_private(&st, path, trail);
}

err_t file_check_guarded(const char *path, struct trail *trail)
{
    struct stat st;

    return stat(path, &st) != 0 ? io_error(trail, path, "look at")
                                : check_guarded(&st, path, trail);
}

err_t file_check_closed(const char *path, struct trail *trail)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        return io_error(trail, path, "look at");
    }
    if ((st.st_mode & 077) != 0) {
        trail_set(trail, ERR_DENIED,
                  "can be read or written by others (mode %04o); run: chmod 600 %s",
                  st.st_mode & 07777, path);
        return trail_in(trail, ERR_DENIED, path);
    }
    return check_guarded(&st, path, trail);
}

/* A link is as good as who made it: it says which file is meant. */
static err_t check_link(const char *path, struct trail *trail)
{
    struct stat st;

    if (lstat(path, &st) != 0) {
        return io_error(trail, path, "look at");
    }
    if (S_ISLNK(st.st_mode) && !is_owner_trusted(&st)) {
        trail_set(trail, ERR_DENIED, "is a link that belongs to another user (id %lu); remove it",
                  (unsigned long)st.st_uid);
        return trail_in(trail, ERR_DENIED, path);
    }
    return ERR_OK;
}

typedef err_t check_fn(const struct stat *st, const char *path, struct trail *trail);

/* What is checked is what is read: the open file, whatever the path means by then. */
static err_t read_checked(struct arena *arena, const char *path, size_t max_bytes, check_fn *check,
                          struct trail *trail, struct span *ret)
{
    struct span copy = {0};
    struct stat st;
    uint8_t *data = NULL;
    size_t len = 0;
    int fd = -1;
    err_t err = check_link(path, trail);

    err = err ? err : open_to_read(path, trail, &fd);
    if (err) {
        return err;
    }
    err = fstat(fd, &st) != 0 ? io_error(trail, path, "look at") : check(&st, path, trail);
    err = err ? err : read_all(fd, path, max_bytes, trail, &data, &len);
    close(fd);
    if (err) {
        return err;
    }
    copy = arena_dup(arena, span_of(data, len));
    explicit_bzero(data, len);
    free(data);
    if (copy.data == NULL) {
        return ERR_MEMORY;
    }
    *ret = copy;
    return ERR_OK;
}

err_t file_read_private(struct arena *arena, const char *path, size_t max_bytes,
                        struct trail *trail, struct span *ret)
{
    return read_checked(arena, path, max_bytes, check_private, trail, ret);
}

err_t file_read_guarded(struct arena *arena, const char *path, size_t max_bytes,
                        struct trail *trail, struct span *ret)
{
    return read_checked(arena, path, max_bytes, check_guarded, trail, ret);
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool file_is_regular(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool file_is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

err_t file_make_folder(const char *path, unsigned mode, struct trail *trail)
{
    char *copy = strdup(path);
    err_t err = ERR_OK;

    if (copy == NULL) {
        return ERR_MEMORY;
    }
    for (size_t from = 0; err == ERR_OK;) {
        size_t to = from + strspn(copy + from, "/");
        char was;

        to += strcspn(copy + to, "/");
        was = copy[to];
        copy[to] = '\0';
        if (mkdir(copy, mode) != 0 && !(errno == EEXIST && file_is_folder(copy))) {
            if (errno == EEXIST) {
                trail_set(trail, ERR_CONFLICT,
                          "is a file where a folder must be; move it away, or name another folder");
                err = trail_in(trail, ERR_CONFLICT, copy);
            } else {
                err = io_error(trail, copy, "make folder");
            }
        }
        copy[to] = was;
        from = to;
        if (was == '\0') {
            break;
        }
    }
    free(copy);
    return err;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* One more name, which the list takes. */
static err_t add_name(char ***names, size_t *n, size_t *size, char *name)
{
    if (name == NULL) {
        return ERR_MEMORY;
    }
    if (*n == *size) {
        size_t more = *size == 0 ? 64 : *size * 2;
        char **grown = realloc(*names, more * sizeof(*grown));

        if (grown == NULL) {
            free(name);
            return ERR_MEMORY;
        }
        *names = grown;
        *size = more;
    }
    (*names)[(*n)++] = name;
    return ERR_OK;
}

static err_t read_names(DIR *dir, const char *path, struct trail *trail, char ***ret_names,
                        size_t *ret_n)
{
    size_t size = 0;
    err_t err = ERR_OK;

    while (err == ERR_OK) {
        struct dirent *entry;

        errno = 0;
        entry = readdir(dir);
        if (entry == NULL) {
            return errno == 0 ? ERR_OK : io_error(trail, path, "list");
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        if (*ret_n == FILE_MAX_NAMES) {
            trail_set(trail, ERR_TOO_MANY, "holds more than %d files", FILE_MAX_NAMES);
            return trail_in(trail, ERR_TOO_MANY, path);
        }
        err = add_name(ret_names, ret_n, &size, strdup(entry->d_name));
    }
    return err;
}

static err_t list(struct arena *arena, const char *path, bool is_guarded, struct trail *trail,
                  const char ***ret)
{
    DIR *dir = opendir(path);
    struct stat st;
    char **names = NULL;
    const char **sorted = NULL;
    size_t n = 0;
    err_t err = ERR_OK;

    if (dir == NULL) {
        return io_error(trail, path, "list");
    }
    if (is_guarded) {
        err = fstat(dirfd(dir), &st) != 0 ? io_error(trail, path, "look at")
                                          : check_guarded(&st, path, trail);
    }
    err = err ? err : read_names(dir, path, trail, &names, &n);
    closedir(dir);
    if (err == ERR_OK) {
        if (n > 0) {
            qsort(names, n, sizeof(*names), compare_names);
        }
        sorted = arena_calloc(arena, n + 1, sizeof(*sorted));
        err = sorted == NULL ? ERR_MEMORY : ERR_OK;
    }
    for (size_t i = 0; i < n; i++) {
        if (err == ERR_OK) {
            sorted[i] = (const char *)arena_dup(arena, span_str(names[i])).data;
            err = sorted[i] == NULL ? ERR_MEMORY : ERR_OK;
        }
        free(names[i]);
    }
    free(names);
    if (err == ERR_OK) {
        *ret = sorted;
    }
    return err;
}

err_t file_list(struct arena *arena, const char *path, struct trail *trail, const char ***ret)
{
    return list(arena, path, false, trail, ret);
}

err_t file_list_guarded(struct arena *arena, const char *path, struct trail *trail,
                        const char ***ret)
{
    return list(arena, path, true, trail, ret);
}
