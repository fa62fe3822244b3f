#include "service/audit.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "base/timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* Callers share a purse with others of the same hash: all of them together fill no disk. Who is
 * with whom nobody can tell beforehand. */
enum { CALLER_PURSES = 4096 };

/* Of lines that may be left out: full at first, emptied by one line each, filled by time. */
struct purse {
    int64_t refilled;
    unsigned spent;
};

struct audit {
    char *path;
    struct metric *lines, *failures;
    pthread_mutex_t lock; /* of all below */
    int fd;
    bool is_torn;    /* the last line has no end: the disk was full, or the machine went down */
    bool is_failing; /* logged already */
    struct purse anonymous, callers[CALLER_PURSES], changers[CALLER_PURSES], parts[CALLER_PURSES];
    uint64_t omitted;
    uint64_t seed;
};

/* ---- the file ---- */

/* A line that a crash cut off must not swallow the next one. */
static bool is_cut(int fd)
{
    struct stat st;
    char last = '\n';

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
           pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n';
}

static err_t open_file(const char *path, struct trail *trail, int *ret_fd)
{
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat st;
    err_t err = ERR_OK;

    if (fd < 0) {
        err = errno == EACCES || errno == ELOOP ? ERR_DENIED : ERR_IO;
        trail_set(trail, err, "cannot be appended to: %s", strerror(errno));
        return trail_in(trail, err, path);
    }
    if (fstat(fd, &st) != 0) {
        err = trail_set(trail, ERR_IO, "cannot be examined: %s", strerror(errno));
    } else if (S_ISREG(st.st_mode) &&
               ((st.st_mode & 077) != 0 || (st.st_uid != geteuid() && st.st_uid != 0))) {
        err = trail_set(trail, ERR_DENIED,
                        "can be read or written by others, or belongs to somebody else: chmod 600, "
                        "or rename it");
    } else if (S_ISDIR(st.st_mode) || S_ISFIFO(st.st_mode)) {
        err = trail_set(trail, ERR_DENIED, "is no file");
    }
    if (err) {
        close(fd);
        return trail_in(trail, err, path);
    }
    *ret_fd = fd;
    return ERR_OK;
}

err_t audit_open(const char *path, struct metrics *metrics, struct trail *trail, struct audit **ret)
{
    static const char *const by_event[] = {"event", NULL};
    CLEANUP(audit_close) struct audit *audit = calloc(1, sizeof(*audit));
    err_t err;

    if (audit == NULL) {
        return ERR_MEMORY;
    }
    audit->fd = -1;
    if (getrandom(&audit->seed, sizeof(audit->seed), 0) != (ssize_t)sizeof(audit->seed)) {
        return trail_set(trail, ERR_IO, "the system has no random numbers");
    }
    pthread_mutex_init(&audit->lock, NULL);
    audit->path = strdup(path);
    err = audit->path == NULL ? ERR_MEMORY : open_file(path, trail, &audit->fd);
    if (err) {
        return err;
    }
    audit->is_torn = is_cut(audit->fd);
    if (metrics != NULL) {
        audit->lines =
            metrics_counter(metrics, "bootwarden_audit_lines", "Lines of the audit log.", by_event);
        audit->failures = metrics_counter(metrics, "bootwarden_audit_failures",
                                          "Lines that could not be written to it.", NULL);
    }
    *ret = TAKE(audit);
    return ERR_OK;
}

void audit_close(struct audit *audit)
{
    if (audit == NULL) {
        return;
    }
    if (audit->fd >= 0) {
        close(audit->fd);
    }
    pthread_mutex_destroy(&audit->lock);
    free(audit->path);
    free(audit);
}

err_t audit_reopen(struct audit *audit, struct trail *trail)
{
    int fd = -1, before;
    err_t err = open_file(audit->path, trail, &fd);

    if (err) {
        return err;
    }
    pthread_mutex_lock(&audit->lock);
    before = audit->fd;
    audit->fd = fd;
    audit->is_torn = is_cut(fd);
    pthread_mutex_unlock(&audit->lock);
    /* What was begun there is on the disk already; the rest of it goes there as well. */
    (void)!fdatasync(before);
    close(before);
    return ERR_OK;
}

/* ---- a line ---- */

/* Printable UTF-8 by text_escape: what JSON still wants escaped is two characters. */
static void add_quoted(struct buf *line, const char *shown)
{
    buf_add_char(line, '"');
    for (const char *c = shown; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            buf_add_char(line, '\\');
        }
        buf_add_char(line, *c);
    }
    buf_add_char(line, '"');
}

static void add_span(struct buf *line, const char *name, struct span value, size_t max)
{
    char shown[AUDIT_PATH_MAX + 1];

    if (value.data == NULL) {
        return;
    }
    text_escape(value, shown, max + 1);
    buf_addf(line, ",\"%s\":", name);
    add_quoted(line, shown);
}

static void add_text(struct buf *line, const char *name, const char *value)
{
    add_span(line, name, span_str(value), AUDIT_FIELD_MAX);
}

static void write_line(struct buf *line, const char *event, const struct audit_entry *entry,
                       uint64_t omitted)
{
    char time[TIMESTAMP_SIZE];

    timestamp_format(entry->time, time, sizeof(time));
    buf_addf(line, "{\"time\":\"%s\",\"event\":\"%s\"", time, event);
    add_text(line, "id", entry->id);
    if (entry->issuer != NULL) {
        add_text(line, "issuer", entry->issuer);
        add_text(line, "oid", entry->object_id);
    }
    add_text(line, "name", entry->name);
    add_text(line, "peer", entry->peer);
    add_text(line, "cause", entry->cause);
    add_text(line, "method", entry->method);
    add_span(line, "path", entry->path, AUDIT_PATH_MAX);
    add_text(line, "action", entry->action);
    add_span(line, "scope", span_str(entry->scope), AUDIT_PATH_MAX);
    if (entry->status != 0) {
        buf_addf(line, ",\"status\":%u", entry->status);
    }
    add_text(line, "reason", entry->reason);
    add_text(line, "detail", entry->detail);
    if (omitted > 0) {
        buf_addf(line, ",\"omitted\":%llu", (unsigned long long)omitted);
    }
    buf_add_str(line, "}\n");
}

/* Only while nothing stands behind it: an operator's command may have appended its own line. */
static bool take_back(int fd, ssize_t written)
{
    off_t end = lseek(fd, 0, SEEK_CUR); /* where our write ended */
    struct stat st;

    return end >= written && fstat(fd, &st) == 0 && st.st_size == end &&
           ftruncate(fd, end - written) == 0;
}

/* Under the lock. All of it or nothing: what came only in part is cut off again, and where that is
 * not possible the next line begins on a line of its own. */
static err_t append(struct audit *audit, struct span line, bool is_synced, struct trail *trail)
{
    const struct span whole = audit->is_torn ? line : span_cut(line, 1, line.len);
    ssize_t written;

    do {
        written = write(audit->fd, whole.data, whole.len);
    } while (written < 0 && errno == EINTR);
    if (written == (ssize_t)whole.len) {
        audit->is_torn = false;
        if (is_synced && fdatasync(audit->fd) != 0 && errno != EINVAL) {
            return trail_set(trail, ERR_IO, "cannot be brought to the disk: %s", strerror(errno));
        }
        return ERR_OK;
    }
    trail_set(trail, ERR_IO, "cannot be written: %s",
              written < 0 ? strerror(errno) : "the disk is full");
    if (written > 0) {
        audit->is_torn = !take_back(audit->fd, written);
    }
    return ERR_IO;
}

static void log_failure(struct audit *audit, err_t err, const struct trail *trail)
{
    struct log_line line;

    log_begin(&line, LOG_ERROR, "audit.failed");
    log_text(&line, "file", audit->path);
    log_text(&line, "cause", trail->what[0] != '\0' ? trail->what : err_text(err));
    log_text(&line, "effect", "nothing is changed until it can be written");
    log_end(&line);
}

static bool spend(struct purse *purse, int64_t now, unsigned burst, unsigned rate)
{
    int64_t passed = now - purse->refilled;
    unsigned filled;

    passed = passed < 0 ? 0 : passed > burst ? burst : passed;
    filled = (unsigned)passed * rate;
    purse->refilled = now;
    purse->spent -= filled < purse->spent ? filled : purse->spent;
    if (purse->spent == burst) {
        return false;
    }
    purse->spent++;
    return true;
}

/* FNV-1a, of another beginning in each process. No caller's issuer is empty. */
static unsigned purse_of(const struct audit *audit, const struct audit_entry *entry)
{
    const bool has_home = entry->home != NULL;
    const char *const texts[] = {has_home ? "" : entry->issuer, "\n",
                                 has_home ? entry->home : entry->object_id};
    uint64_t hash = audit->seed;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        for (const char *c = texts[i]; c != NULL && *c != '\0'; c++) {
            hash = (hash ^ (uint8_t)*c) * 1099511628211u;
        }
    }
    return (unsigned)((hash ^ hash >> 32) % CALLER_PURSES);
}

/* Under the lock: may the line of a refusal be written? */
static bool is_allowed(struct audit *audit, const struct audit_entry *entry)
{
    bool is_left =
        entry->issuer == NULL
            ? spend(&audit->anonymous, entry->time, AUDIT_ANONYMOUS_BURST, AUDIT_ANONYMOUS_RATE)
            : spend(&audit->callers[purse_of(audit, entry)], entry->time, AUDIT_CALLER_BURST,
                    AUDIT_CALLER_RATE);

    audit->omitted += !is_left;
    return is_left;
}

static err_t put(struct audit *audit, const char *event, const struct audit_entry *entry,
                 bool is_synced, struct trail *trail)
{
    CLEANUP(buf_done) struct buf line = {0};
    bool is_limited = strcmp(event, "refused") == 0, is_news;
    struct trail inner = {0};
    uint64_t omitted;
    err_t err;

    pthread_mutex_lock(&audit->lock);
    if (is_limited && !is_allowed(audit, entry)) {
        pthread_mutex_unlock(&audit->lock);
        return ERR_OK;
    }
    omitted = audit->omitted;
    buf_init(&line, AUDIT_LINE_MAX_BYTES);
    buf_add_char(&line, '\n'); /* for a line before this one that has no end */
    write_line(&line, event, entry, omitted);
    err = buf_err(&line);
    err = err ? err : append(audit, buf_span(&line), is_synced, &inner);
    if (err == ERR_OK) {
        audit->omitted -= omitted;
    }
    is_news = err != ERR_OK && !audit->is_failing;
    audit->is_failing = err != ERR_OK;
    pthread_mutex_unlock(&audit->lock);
    if (err == ERR_OK) {
        metric_add(audit->lines, &event, 1);
        return ERR_OK;
    }
    metric_add(audit->failures, NULL, 1);
    if (is_news) {
        log_failure(audit, err, &inner);
    }
    trail_set(trail, err, "%s", inner.what[0] != '\0' ? inner.what : err_text(err));
    return trail_in(trail, err, audit->path);
}

/* Changes of the command line have no issuer and are whoever runs the server's. */
static bool may_change(struct audit *audit, const struct audit_entry *entry)
{
    bool may;

    if (entry->issuer == NULL) {
        return true;
    }
    pthread_mutex_lock(&audit->lock);
    may = entry->cause != NULL ? spend(&audit->parts[purse_of(audit, entry)], entry->time,
                                       AUDIT_PART_BURST, AUDIT_PART_RATE)
                               : spend(&audit->changers[purse_of(audit, entry)], entry->time,
                                       AUDIT_CHANGE_BURST, AUDIT_CHANGE_RATE);
    pthread_mutex_unlock(&audit->lock);
    return may;
}

err_t audit_begin(struct audit *audit, const struct audit_entry *entry, struct trail *trail)
{
    if (!may_change(audit, entry)) {
        return trail_set(trail, ERR_TOO_MANY, "too many changes by one caller");
    }
    return put(audit, "begin", entry, true, trail);
}

void audit_finish(struct audit *audit, const struct audit_entry *entry)
{
    (void)!put(audit, "finish", entry, false, NULL);
}

void audit_refuse(struct audit *audit, const struct audit_entry *entry)
{
    (void)!put(audit, "refused", entry, false, NULL);
}
