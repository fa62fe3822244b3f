#include "base/log.h"

#include "base/text.h"
#include "base/timestamp.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { PATIENCE_MS = 100 };

static _Atomic int lowest_level = LOG_INFO;
static _Atomic uint64_t n_dropped;
/* Lines go out one after the other; under it: whether the reader is known to be stuck. */
static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;
static bool is_stuck;

void log_set_level(enum log_level level)
{
    atomic_store(&lowest_level, (int)level);
}

/* What does not fit is left out whole: half a field would say something else. */
static void add(struct log_line *line, const char *key, const char *value, bool is_quoted)
{
    size_t room = sizeof(line->text) - 1 - line->len; /* 1 for the line feed */
    int n = snprintf(line->text + line->len, room, is_quoted ? " %s=\"%s\"" : " %s=%s", key, value);

    if (n > 0 && (size_t)n < room) {
        line->len += (size_t)n;
    }
}

void log_begin(struct log_line *line, enum log_level level, const char *event)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    char now[TIMESTAMP_SIZE];

    line->level = level;
    line->len = (size_t)snprintf(line->text, sizeof(line->text), "event=%.64s", event);
    timestamp_format(timestamp_now(), now, sizeof(now));
    add(line, "time", now, false);
    add(line, "level", names[level], false);
}

/* What is between the quotes, when it needs them. */
static bool format_value(struct span value, char text[2 * LOG_VALUE_MAX])
{
    char escaped[LOG_VALUE_MAX];
    size_t n = 0;
    bool is_quoted = value.len == 0;

    text_escape(value, escaped, sizeof(escaped));
    for (const char *c = escaped; *c != '\0'; c++) {
        is_quoted = is_quoted || *c == ' ' || *c == '"' || *c == '=';
        if (*c == '"') {
            text[n++] = '\\';
        }
        text[n++] = *c;
    }
    text[n] = '\0';
    return is_quoted;
}

void log_span(struct log_line *line, const char *key, struct span value)
{
    char text[2 * LOG_VALUE_MAX];
    bool is_quoted = format_value(value, text);

    add(line, key, text, is_quoted);
}

const char *log_value_dup(struct arena *arena, struct span value)
{
    char text[2 * LOG_VALUE_MAX];
    bool is_quoted = format_value(value, text);

    return arena_printf(arena, is_quoted ? "\"%s\"" : "%s", text);
}

void log_text(struct log_line *line, const char *key, const char *value)
{
    log_span(line, key, span_str(value));
}

void log_uint(struct log_line *line, const char *key, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, value);
    add(line, key, text, false);
}

void log_fields(struct log_line *line, const char *fields)
{
    size_t room = sizeof(line->text) - 1 - line->len;
    int n = snprintf(line->text + line->len, room, " %s", fields);

    if (n > 0 && (size_t)n < room) {
        line->len += (size_t)n;
    }
}

/* A log that cannot be written must not stop the service: a pipe whose reader has stopped gets a
 * moment once, and from then on only the lines it has room for. A pipe that can be written takes
 * LOG_LINE_MAX bytes at once (PIPE_BUF, POSIX). */
static void write_line(const struct log_line *line)
{
    struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};

    pthread_mutex_lock(&writing);
    is_stuck = poll(&fd, 1, is_stuck ? 0 : PATIENCE_MS) <= 0;
    if (is_stuck || write(STDERR_FILENO, line->text, line->len) < 0) {
        atomic_fetch_add(&n_dropped, 1);
    }
    pthread_mutex_unlock(&writing);
}

void log_end(struct log_line *line)
{
    if ((int)line->level < atomic_load(&lowest_level)) {
        return;
    }
    line->text[line->len++] = '\n';
    write_line(line);
}

uint64_t log_dropped(void)
{
    return atomic_load(&n_dropped);
}
