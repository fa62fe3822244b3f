/*
 * log.h - one event, one line: `event=attest.denied time=... machine=... reason=pcr7-mismatch`.
 *
 * Only programs and the rooms service and above log. A line is a name and fields, never a sentence
 * and never a secret; values are escaped, quoted where they hold spaces, and cut. Lines go to
 * standard error in one write each, so lines of several threads do not mix. When nobody reads the
 * pipe behind it, lines are dropped and counted: no caller waits for a reader. A log_line belongs
 * to one thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/arena.h"
#include "base/span.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

enum { LOG_LINE_MAX = 2048, LOG_VALUE_MAX = 512 };

struct log_line {
    enum log_level level;
    size_t len;
    char text[LOG_LINE_MAX];
};

/* Lines below the level are not written; LOG_INFO at first. */
void log_set_level(enum log_level level);
/* event is a literal like "server.ready". */
void log_begin(struct log_line *line, enum log_level level, const char *event);
void log_text(struct log_line *line, const char *key, const char *value);
void log_span(struct log_line *line, const char *key, struct span value);
/* The value as log_span writes it, for fields that are put together elsewhere. */
const char *log_value_dup(struct arena *arena, struct span value);
void log_uint(struct log_line *line, const char *key, uint64_t value);
/* Fields that log_* wrote elsewhere ("verdict=healthy machine=..."): taken as they are. */
void log_fields(struct log_line *line, const char *fields);
void log_end(struct log_line *line);
/* Lines that could not be written since the program began. Any thread. */
uint64_t log_dropped(void);

#endif
