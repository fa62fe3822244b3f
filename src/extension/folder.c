/* Who may write the files read here: Azure's guest agent, and root. */
#include "extension/folder.h"

#include "base/file.h"
#include "json/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { MRSEQ_MAX = 64, LIST_ARENA = 4 * 1024 * 1024 };

#define SETTINGS_SUFFIX ".settings"

/* ---- HandlerEnvironment.json ---- */

static err_t read_path(struct arena *arena, yyjson_val *object, const char *name, bool is_needed,
                       struct trail *trail, const char **ret)
{
    yyjson_val *value = json_get(object, name);
    const char *text = json_text(value);

    if (!is_needed && (value == NULL || yyjson_is_null(value))) {
        return ERR_OK;
    }
    if (text == NULL || text[0] != '/' || strlen(text) >= HANDLER_PATH_MAX) {
        trail_set(trail, ERR_VALUE, "must be an absolute path of less than %d characters",
                  HANDLER_PATH_MAX);
        return trail_in(trail, ERR_VALUE, name);
    }
    *ret = (const char *)arena_dup(arena, span_str(text)).data;
    return *ret == NULL ? ERR_MEMORY : ERR_OK;
}

static err_t read_members(struct arena *arena, yyjson_val *object, struct trail *trail,
                          struct handler_environment *at)
{
    err_t err = read_path(arena, object, "logFolder", true, trail, &at->log_folder);

    err = err ? err : read_path(arena, object, "configFolder", true, trail, &at->config_folder);
    err = err ? err : read_path(arena, object, "statusFolder", true, trail, &at->status_folder);
    err = err ? err : read_path(arena, object, "heartbeatFile", true, trail, &at->heartbeat_file);
    /* The older name first: when both are there the newer one wins. */
    err = err ? err
              : read_path(arena, object, "eventsFolder_preview", false, trail, &at->events_folder);
    err = err ? err : read_path(arena, object, "eventsFolder", false, trail, &at->events_folder);
    return err;
}

err_t handler_environment_parse(struct arena *arena, struct span text, struct trail *trail,
                                struct handler_environment *ret)
{
    static const struct json_limits limits = {.max_depth = 8, .max_values = 256};
    struct handler_environment at = {0};
    yyjson_val *root = NULL, *object = NULL;
    err_t err = json_read(arena, text, &limits, trail, &root);

    if (err) {
        return err;
    }
    if (!yyjson_is_arr(root) || yyjson_arr_size(root) != 1) {
        return trail_set(trail, ERR_JSON_TYPE, "must be an array of one object");
    }
    err = json_need_object(yyjson_arr_get_first(root), "handlerEnvironment", trail, &object);
    if (err) {
        return err;
    }
    err = read_members(arena, object, trail, &at);
    if (err) {
        return trail_in(trail, err, "handlerEnvironment");
    }
    *ret = at;
    return ERR_OK;
}

/* ---- the folder ---- */

static const char *absolute(struct arena *arena, const char *folder, struct trail *trail)
{
    char *path = realpath(folder, NULL);
    const char *copy = NULL;

    if (path == NULL) {
        trail_set(trail, ERR_NOT_FOUND, "cannot be opened: %s", strerror(errno));
    } else {
        copy = (const char *)arena_dup(arena, span_str(path)).data;
    }
    free(path);
    return copy;
}

err_t handler_open(struct arena *arena, const char *folder, struct trail *trail,
                   struct handler *ret)
{
    const char *root = getenv(HANDLER_ROOT_VARIABLE);
    struct handler handler = {.arena = arena, .root = root == NULL ? "" : root};
    struct span text = {0};
    const char *path;
    err_t err;

    handler.folder = absolute(arena, folder, trail);
    if (handler.folder == NULL) {
        return trail_in(trail, ERR_NOT_FOUND, folder);
    }
    path = handler_path(&handler, HANDLER_ENVIRONMENT_FILE);
    if (path == NULL) {
        return ERR_MEMORY;
    }
    err = file_read(arena, path, HANDLER_ENVIRONMENT_MAX, trail, &text);
    if (err) {
        return err;
    }
    err = handler_environment_parse(arena, text, trail, &handler.at);
    if (err) {
        return trail_in(trail, err, HANDLER_ENVIRONMENT_FILE);
    }
    *ret = handler;
    return ERR_OK;
}

const char *handler_path(const struct handler *handler, const char *name)
{
    return arena_printf(handler->arena, "%s/%s", handler->folder, name);
}

const char *handler_system_path(const struct handler *handler, const char *path)
{
    return arena_printf(handler->arena, "%s%s", handler->root, path);
}

/* ---- sequence numbers ---- */

bool handler_sequence_parse(struct span text, int64_t *ret)
{
    int64_t number = 0;

    if (text.len == 0) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        number = number * 10 + (text.data[i] - '0');
        if (number > HANDLER_SEQUENCE_MAX) {
            return false;
        }
    }
    *ret = number;
    return true;
}

static bool is_settings_name(const char *name, int64_t *ret_sequence)
{
    size_t len = strlen(name), suffix = strlen(SETTINGS_SUFFIX);

    return len > suffix && strcmp(name + len - suffix, SETTINGS_SUFFIX) == 0 &&
           handler_sequence_parse(span_of(name, len - suffix), ret_sequence);
}

static bool is_later(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* The file that was modified last; of two at the same moment the higher number. */
static err_t newest_settings(const struct handler *handler, struct trail *trail, int64_t *ret)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(LIST_ARENA);
    const char **names = NULL;
    struct timespec best = {0};
    int64_t found = -1;
    err_t err =
        arena == NULL ? ERR_MEMORY : file_list(arena, handler->at.config_folder, trail, &names);

    for (size_t i = 0; err == ERR_OK && names[i] != NULL; i++) {
        const char *path = arena_printf(arena, "%s/%s", handler->at.config_folder, names[i]);
        int64_t sequence = 0;
        struct stat st;

        if (path == NULL || !is_settings_name(names[i], &sequence) || stat(path, &st) != 0) {
            continue;
        }
        if (found < 0 || is_later(&st.st_mtim, &best) ||
            (!is_later(&best, &st.st_mtim) && sequence > found)) {
            found = sequence;
            best = st.st_mtim;
        }
    }
    if (err == ERR_OK || err == ERR_NOT_FOUND) {
        *ret = found < 0 ? 0 : found;
        return ERR_OK;
    }
    return err;
}

err_t handler_wanted_sequence(const struct handler *handler, const char *said, struct trail *trail,
                              int64_t *ret)
{
    if (said == NULL || said[0] == '\0') {
        return newest_settings(handler, trail, ret);
    }
    return handler_sequence_parse(span_str(said), ret)
               ? ERR_OK
               : trail_set(trail, ERR_VALUE, "ConfigSequenceNumber is no number: '%.40s'", said);
}

int64_t handler_taken_sequence(const struct handler *handler)
{
    const char *path = handler_path(handler, "mrseq");
    struct trail ignored = {0};
    struct span text = {0};
    int64_t sequence = -1;

    if (path == NULL || file_read(handler->arena, path, MRSEQ_MAX, &ignored, &text) != ERR_OK) {
        return -1;
    }
    while (text.len > 0 && text.data[text.len - 1] <= ' ') {
        text.len--;
    }
    return handler_sequence_parse(text, &sequence) ? sequence : -1;
}

err_t handler_take_sequence(const struct handler *handler, int64_t sequence, struct trail *trail)
{
    const char *path = handler_path(handler, "mrseq");
    const char *text = arena_printf(handler->arena, "%lld", (long long)sequence);

    return path == NULL || text == NULL ? ERR_MEMORY
                                        : file_write(path, span_str(text), 0600, trail);
}
