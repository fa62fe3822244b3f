/* Who may write the files read here: root. */
#include "extension/report.h"

#include "base/file.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    REPORT_ARENA = 512 * 1024,
    READ_ARENA = 2 * 1024 * 1024,
    PATH_BYTES = HANDLER_PATH_MAX + 64
};

static void put(const char *path, struct span text)
{
    struct trail trail = {0};
    struct log_line line;

    if (text.data != NULL && file_write(path, text, 0600, &trail) == ERR_OK) {
        return;
    }
    log_begin(&line, LOG_WARN, "extension.unwritten");
    log_text(&line, "file", path);
    log_text(&line, "cause", text.data == NULL ? "out of memory" : trail.what);
    log_end(&line);
}

static bool path_in(char path[PATH_BYTES], const char *folder, const char *name)
{
    int n = snprintf(path, PATH_BYTES, "%s/%s", folder, name);

    return n > 0 && n < PATH_BYTES;
}

/* ---- status ---- */

static bool status_path(char path[PATH_BYTES], const struct handler *handler, int64_t sequence)
{
    char name[48];

    snprintf(name, sizeof(name), "%lld.status", (long long)sequence);
    return path_in(path, handler->at.status_folder, name);
}

void handler_status_write(const struct handler *handler, struct arena *arena, int64_t sequence,
                          const struct status *status)
{
    struct trail ignored = {0};
    char path[PATH_BYTES];

    /* A folder that is missing shows when the file cannot be written. */
    (void)!file_make_folder(handler->at.status_folder, 0700, &ignored);
    if (status_path(path, handler, sequence)) {
        put(path, status_text(arena, status));
    }
}

void handler_status_say(const struct handler *handler, int64_t sequence, struct status status)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(REPORT_ARENA);

    status.time = timestamp_now();
    if (arena != NULL) {
        handler_status_write(handler, arena, sequence, &status);
    }
}

enum handler_verdict handler_verdict_parse(struct arena *arena, struct span text)
{
    yyjson_val *root = NULL, *status;
    struct span word;

    if (json_read(arena, text, NULL, NULL, &root) != ERR_OK) {
        return HANDLER_NO_VERDICT;
    }
    status = json_get(yyjson_arr_get_first(root), "status");
    word = json_span(json_get(status, "status"));
    if (word.data == NULL) {
        return HANDLER_NO_VERDICT;
    }
    if (span_is(word, "transitioning")) {
        return HANDLER_TRANSITIONING;
    }
    return span_is(word, "success") && span_is(json_span(json_get(status, "operation")), "Enable")
               ? HANDLER_GOOD
               : HANDLER_BAD;
}

enum handler_verdict handler_status_read(const struct handler *handler, int64_t sequence)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(READ_ARENA);
    struct trail ignored = {0};
    struct span text = {0};
    char path[PATH_BYTES];

    if (arena == NULL || !status_path(path, handler, sequence) ||
        file_read(arena, path, STATUS_FILE_MAX, &ignored, &text) != ERR_OK) {
        return HANDLER_NO_VERDICT;
    }
    return handler_verdict_parse(arena, text);
}

struct handler_mark handler_status_mark(const struct handler *handler, int64_t sequence)
{
    char path[PATH_BYTES];
    struct stat st;

    if (!status_path(path, handler, sequence) || stat(path, &st) != 0) {
        return (struct handler_mark){0};
    }
    return (struct handler_mark){.file = st.st_ino, .written = st.st_mtim};
}

bool handler_mark_equal(const struct handler_mark *a, const struct handler_mark *b)
{
    return a->file == b->file && a->written.tv_sec == b->written.tv_sec &&
           a->written.tv_nsec == b->written.tv_nsec;
}

unsigned handler_status_age_s(const struct handler *handler, int64_t sequence)
{
    char path[PATH_BYTES];
    struct stat st;
    int64_t age = status_path(path, handler, sequence) && stat(path, &st) == 0
                      ? timestamp_now() - st.st_mtime
                      : 0;

    return age > 0 && age < 86400 ? (unsigned)age : 0;
}

/* ---- heartbeat ---- */

static struct span heartbeat_text(struct arena *arena, const char *word, int code,
                                  const char *message)
{
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *list = doc == NULL ? NULL : yyjson_mut_arr(doc);
    yyjson_mut_val *root, *beat, *words;

    if (list == NULL) {
        return (struct span){0};
    }
    root = yyjson_mut_arr_add_obj(doc, list);
    json_add_value(doc, root, "version", yyjson_mut_real(doc, 1.0));
    beat = json_add_object(doc, root, "heartbeat");
    json_add_text(doc, beat, "status", word);
    json_add_int(doc, beat, "code", code);
    words = json_add_object(doc, beat, "formattedMessage");
    json_add_text(doc, words, "lang", "en-US");
    json_add_text(doc, words, "message",
                  text_escape_dup(arena, span_str(message), STATUS_MESSAGE_MAX));
    return json_write(arena, doc, list, false);
}

void handler_heartbeat(const struct handler *handler, enum handler_health health, int code,
                       const char *message)
{
    static const char *const words[] = {[HANDLER_READY] = "Ready",
                                        [HANDLER_NOT_READY] = "NotReady",
                                        [HANDLER_INSTALLING] = "Installing",
                                        [HANDLER_UNRESPONSIVE] = "Unresponsive"};
    CLEANUP(arena_free) struct arena *arena = arena_new(REPORT_ARENA);

    if (arena != NULL) {
        put(handler->at.heartbeat_file, heartbeat_text(arena, words[health], code, message));
    }
}

void handler_heartbeat_touch(const struct handler *handler)
{
    (void)!utimensat(AT_FDCWD, handler->at.heartbeat_file, NULL, 0);
}

/* ---- events ---- */

static struct span event_text(struct arena *arena, const char *level, const char *task,
                              const char *message)
{
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    char now[TIMESTAMP_SIZE], pid[24];
    struct span text;

    if (root == NULL) {
        return (struct span){0};
    }
    timestamp_format(timestamp_now(), now, sizeof(now));
    snprintf(pid, sizeof(pid), "%ld", (long)getpid());
    json_add_text(doc, root, "Version", BOOTWARDEN_VERSION);
    json_add_text(doc, root, "Timestamp", now);
    json_add_text(doc, root, "TaskName", task);
    json_add_text(doc, root, "EventLevel", level);
    json_add_text(doc, root, "Message",
                  text_escape_dup(arena, span_str(message), HANDLER_EVENT_TEXT_MAX));
    json_add_text(doc, root, "EventPid", pid);
    json_add_text(doc, root, "EventTid", pid);
    json_add_text(doc, root, "OperationId", "");
    text = json_write(arena, doc, root, false);
    return text.len <= HANDLER_EVENT_MAX ? text : (struct span){0};
}

/* The guest agent deletes what it has taken; one that does not must not fill the disk. */
static bool has_room(struct arena *arena, const char *folder)
{
    const char **names = NULL;
    struct trail ignored = {0};
    size_t n = 0;

    if (file_list(arena, folder, &ignored, &names) != ERR_OK) {
        return false;
    }
    while (names[n] != NULL) {
        n++;
    }
    return n < HANDLER_EVENTS_MAX;
}

void handler_event(const struct handler *handler, enum handler_level level, const char *task,
                   const char *message)
{
    static const char *const levels[] = {[HANDLER_INFORMATIONAL] = "Informational",
                                         [HANDLER_WARNING] = "Warning",
                                         [HANDLER_ERROR] = "Error"};
    CLEANUP(arena_free) struct arena *arena = arena_new(READ_ARENA);
    struct timespec now = {0};
    char path[PATH_BYTES], name[48];

    if (arena == NULL || handler->at.events_folder == NULL ||
        !has_room(arena, handler->at.events_folder)) {
        return;
    }
    /* Nothing but a number: the guest agent takes no other names. */
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(name, sizeof(name), "%lld%09ld.json", (long long)now.tv_sec, now.tv_nsec);
    if (path_in(path, handler->at.events_folder, name)) {
        put(path, event_text(arena, levels[level], task, message));
    }
}

/* ---- log ---- */

static int open_log(const struct handler *handler)
{
    struct trail ignored = {0};
    char path[PATH_BYTES];

    if (!path_in(path, handler->at.log_folder, HANDLER_LOG_FILE)) {
        return -1;
    }
    (void)!file_make_folder(handler->at.log_folder, 0755, &ignored);
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
}

/* Of two files one is full and one is not: no more is kept. */
static void rotate(const struct handler *handler, int fd)
{
    char path[PATH_BYTES], older[PATH_BYTES];
    struct stat st;

    if (fstat(fd, &st) == 0 && st.st_size >= HANDLER_LOG_MAX &&
        path_in(path, handler->at.log_folder, HANDLER_LOG_FILE) &&
        path_in(older, handler->at.log_folder, HANDLER_LOG_FILE ".1")) {
        (void)!rename(path, older);
    }
}

bool handler_log_open(const struct handler *handler)
{
    int fd = open_log(handler);
    bool is_good = fd >= 0 && dup2(fd, STDERR_FILENO) >= 0;

    if (fd >= 0) {
        close(fd);
    }
    return is_good;
}

void handler_log_rotate(const struct handler *handler)
{
    struct stat ours, named;
    char path[PATH_BYTES];

    if (fstat(STDERR_FILENO, &ours) != 0 ||
        !path_in(path, handler->at.log_folder, HANDLER_LOG_FILE)) {
        return;
    }
    /* A command may have done it already, or somebody removed the file. */
    if (stat(path, &named) == 0 && named.st_ino == ours.st_ino && named.st_dev == ours.st_dev) {
        if (ours.st_size < HANDLER_LOG_MAX) {
            return;
        }
        rotate(handler, STDERR_FILENO);
    }
    (void)!handler_log_open(handler);
}

void handler_log_line(const struct handler *handler, struct log_line *line)
{
    int fd = open_log(handler);

    if (fd >= 0) {
        rotate(handler, fd);
        line->text[line->len] = '\n'; /* the room that log_end needs as well */
        (void)!write(fd, line->text, line->len + 1);
        close(fd);
    }
}
