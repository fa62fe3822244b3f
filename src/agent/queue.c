#include "agent/queue.h"

#include "base/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 512, LIST_ARENA = 4 * 1024 * 1024 };

static bool path_of(const struct queue *queue, uint64_t number, char path[PATH_BYTES])
{
    int len = snprintf(path, PATH_BYTES, "%s/%020" PRIu64 ".json", queue->folder, number);

    return len > 0 && len < PATH_BYTES;
}

/* Numbers of the reports that are kept: first, last and how many. */
static err_t look(const struct queue *queue, uint64_t *ret_first, uint64_t *ret_last, size_t *ret_n)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(LIST_ARENA);
    const char **names = NULL;
    struct trail ignored = {0};
    err_t err = arena == NULL ? ERR_MEMORY : file_list(arena, queue->folder, &ignored, &names);

    *ret_n = 0;
    for (size_t i = 0; err == ERR_OK && names[i] != NULL; i++) {
        char *end = NULL;
        uint64_t number = strtoull(names[i], &end, 10);

        if (end != names[i] + 20 || !span_is(span_str(end), ".json")) {
            continue;
        }
        *ret_first = *ret_n == 0 ? number : *ret_first;
        *ret_last = number;
        (*ret_n)++;
    }
    return err;
}

err_t queue_open(struct queue *queue, const char *folder, struct trail *trail)
{
    uint64_t first = 0, last = 0;
    size_t n = 0;
    err_t err = file_make_folder(folder, 0700, trail);

    *queue = (struct queue){.folder = folder, .next = 1};
    err = err ? err : look(queue, &first, &last, &n);
    if (err) {
        queue->folder = NULL;
        return err;
    }
    queue->next = n > 0 ? last + 1 : 1;
    return ERR_OK;
}

void queue_remove(struct queue *queue, uint64_t number)
{
    char path[PATH_BYTES];

    if (queue->folder != NULL && path_of(queue, number, path)) {
        unlink(path);
    }
}

void queue_put(struct queue *queue, struct span report)
{
    struct trail ignored = {0};
    char path[PATH_BYTES];
    uint64_t first = 0, last = 0;
    size_t n = 0;

    if (queue->folder == NULL || report.len > QUEUE_REPORT_MAX ||
        look(queue, &first, &last, &n) != ERR_OK) {
        queue->dropped++;
        return;
    }
    if (n >= QUEUE_MAX) {
        queue_remove(queue, first);
        queue->dropped++;
    }
    if (!path_of(queue, queue->next, path) || file_write(path, report, 0600, &ignored) != ERR_OK) {
        queue->dropped++;
        return;
    }
    queue->next++;
}

void queue_clear(struct queue *queue)
{
    uint64_t first = 0, last = 0;
    size_t n = 0;

    for (size_t i = 0; i < QUEUE_MAX && queue->folder != NULL; i++) {
        if (look(queue, &first, &last, &n) != ERR_OK || n == 0) {
            return;
        }
        queue_remove(queue, first);
    }
}

err_t queue_first(struct queue *queue, struct arena *arena, uint64_t *ret_number, int64_t *ret_time,
                  struct span *ret)
{
    struct trail ignored = {0};
    char path[PATH_BYTES];
    uint64_t first = 0, last = 0;
    struct stat st;
    size_t n = 0;
    err_t err = queue->folder == NULL ? ERR_NOT_FOUND : look(queue, &first, &last, &n);

    if (err || n == 0) {
        return ERR_NOT_FOUND;
    }
    if (!path_of(queue, first, path) || stat(path, &st) != 0 ||
        file_read(arena, path, QUEUE_REPORT_MAX, &ignored, ret) != ERR_OK) {
        queue_remove(queue, first); /* cannot be sent by anybody */
        queue->dropped++;
        return ERR_NOT_FOUND;
    }
    *ret_number = first;
    *ret_time = st.st_mtime;
    return ERR_OK;
}
