#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_CHUNK = 64 * 1024, FOLDER_MAX_NAMES = 4096 };

static err_t io_error(struct trail *trail, const char *path, const char *doing)
{
    err_t err = errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND
                : errno == EACCES                   ? ERR_DENIED
                                                    : ERR_IO;

    trail_set(trail, err, "cannot %s: %s", doing, strerror(errno));
    return trail_in(trail, err, path);
}

static err_t read_all(struct arena *arena, int fd, const char *path, size_t max_bytes,
                      struct trail *trail, struct span *ret)
{
    size_t size = READ_CHUNK < max_bytes + 1 ? READ_CHUNK : max_bytes + 1;
    uint8_t *data = malloc(size);
    size_t len = 0;
    err_t err = ERR_OK;

    while (data != NULL) {
        ssize_t got;

        if (len == size) {
            uint8_t *more;

            size = size * 2 > max_bytes + 1 ? max_bytes + 1 : size * 2;
            more = realloc(data, size);
            if (more == NULL) {
                break;
            }
            data = more;
        }
        got = read(fd, data + len, size - len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            err = io_error(trail, path, "read");
            break;
        }
        if (got == 0) {
            *ret = arena_dup(arena, span_of(data, len));
            err = ret->data == NULL ? ERR_MEMORY : ERR_OK;
            break;
        }
        len += (size_t)got;
        if (len > max_bytes) {
            trail_set(trail, ERR_TOO_LARGE, "is larger than %zu bytes", max_bytes);
            err = trail_in(trail, ERR_TOO_LARGE, path);
            break;
        }
    }
    if (data == NULL) {
        err = ERR_MEMORY;
    }
    free(data);
    return err;
}

err_t file_read(struct arena *arena, const char *path, size_t max_bytes, struct trail *trail,
                struct span *ret)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    err_t err;

    if (fd < 0) {
        return io_error(trail, path, "open");
    }
    err = read_all(arena, fd, is_stdin ? "standard input" : path, max_bytes, trail, ret);
    if (!is_stdin) {
        close(fd);
    }
    return err;
}

static err_t write_all(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t put = write(fd, bytes.data, bytes.len);

        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return ERR_IO;
        }
        bytes = span_cut(bytes, (size_t)put, bytes.len);
    }
    return ERR_OK;
}

err_t file_write(const char *path, struct span bytes, unsigned mode, struct trail *trail)
{
    char *temporary = NULL;
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
    if (fchmod(fd, mode) != 0 || write_all(fd, bytes) != ERR_OK || fsync(fd) != 0) {
        err = io_error(trail, path, "write");
    }
    if (close(fd) != 0 && err == ERR_OK) {
        err = io_error(trail, path, "write");
    }
    if (err == ERR_OK && rename(temporary, path) != 0) {
        err = io_error(trail, path, "rename into place");
    }
    if (err != ERR_OK) {
        unlink(temporary);
    }
    free(temporary);
    return err;
}

err_t file_check_private(const char *path, struct trail *trail)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        return io_error(trail, path, "look at");
    }
    if ((st.st_mode & 077) != 0) {
        trail_set(trail, ERR_DENIED, "holds a private key but its mode is %04o; run: chmod 600 %s",
                  st.st_mode & 07777, path);
        return trail_in(trail, ERR_DENIED, path);
    }
    return ERR_OK;
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
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
    for (char *at = copy + 1; err == ERR_OK; at++) {
        if (*at == '/' || *at == '\0') {
            char was = *at;

            *at = '\0';
            if (mkdir(copy, mode) != 0 && (errno != EEXIST || !file_is_folder(copy))) {
                err = io_error(trail, copy, "make folder");
            }
            *at = was;
            if (was == '\0') {
                break;
            }
        }
    }
    free(copy);
    return err;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

err_t file_list(struct arena *arena, const char *path, struct trail *trail, const char ***ret)
{
    DIR *dir = opendir(path);
    const char **names;
    size_t n = 0;
    struct dirent *entry;

    if (dir == NULL) {
        return io_error(trail, path, "list");
    }
    names = arena_calloc(arena, FOLDER_MAX_NAMES + 1, sizeof(*names));
    while (names != NULL && n < FOLDER_MAX_NAMES && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            names[n] = (const char *)arena_dup(arena, span_str(entry->d_name)).data;
            n += names[n] != NULL;
        }
    }
    closedir(dir);
    if (names == NULL) {
        return ERR_MEMORY;
    }
    qsort(names, n, sizeof(*names), compare_names);
    *ret = names;
    return ERR_OK;
}
