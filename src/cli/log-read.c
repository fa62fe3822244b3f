#include "cli/log-read.h"

#include "eventlog/file-kind.h"

err_t log_read(struct arena *arena, struct span bytes, struct trail *trail, struct eventlog **ret)
{
    struct trail fault = {0};
    char stopped[TRAIL_WHAT_MAX];
    const char *words = NULL;
    err_t err = eventlog_read(arena, bytes, &fault, ret);

    if (err == ERR_OK) {
        return ERR_OK;
    }
    if (err_category(err) != ERR_CAT_INTERNAL) {
        words = file_kind_words(arena, bytes);
    }
    if (words == NULL) {
        *trail = fault;
        return err;
    }
    trail_format(&fault, err, stopped, sizeof(stopped));
    return trail_set(trail, err, "%s (as an event log: %s)", words, stopped);
}
