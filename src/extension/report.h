/*
 * report.h - what the extension leaves for Azure's guest agent and for people: status file,
 * heartbeat, events, and the log (docs/formats/extension.md).
 *
 * Nothing here fails a caller who has more important work: what cannot be written is said on
 * standard error. Files are replaced whole, so that nobody reads half of one.
 */
#ifndef EXTENSION_REPORT_H
#define EXTENSION_REPORT_H

#include "agent/status.h"
#include "base/log.h"
#include "extension/folder.h"

#include <time.h>

enum {
    HANDLER_LOG_MAX = 1024 * 1024, /* bytes of extension.log; then it becomes extension.log.1 */
    HANDLER_EVENTS_MAX = 100,      /* files that wait for the guest agent; it takes 300 at once */
    HANDLER_EVENT_MAX = 6 * 1024,  /* bytes, as the guest agent limits it */
    HANDLER_EVENT_TEXT_MAX = 3000,
};

#define HANDLER_LOG_FILE "extension.log"

/* ---- status/<sequence>.status ---- */

enum handler_verdict {
    HANDLER_NO_VERDICT, /* no file, or a damaged one */
    HANDLER_TRANSITIONING,
    HANDLER_GOOD, /* of enabling: success */
    HANDLER_BAD,  /* error or warning, or of another operation */
};

void handler_status_write(const struct handler *handler, struct arena *arena, int64_t sequence,
                          const struct status *status);
/* Of now, with memory of its own. */
void handler_status_say(const struct handler *handler, int64_t sequence, struct status status);
/* What the file says, read from its bytes. */
enum handler_verdict handler_verdict_parse(struct arena *arena, struct span text);
enum handler_verdict handler_status_read(const struct handler *handler, int64_t sequence);
/* Which file it is: another one each time it is written. {0}: there is none. */
struct handler_mark {
    uint64_t file;
    struct timespec written;
};
struct handler_mark handler_status_mark(const struct handler *handler, int64_t sequence);
bool handler_mark_equal(const struct handler_mark *a, const struct handler_mark *b);
/* Seconds since the file was written; 0 when there is none, or the clock was set. */
unsigned handler_status_age_s(const struct handler *handler, int64_t sequence);

/* ---- heartbeat ---- */

enum handler_health { HANDLER_READY, HANDLER_NOT_READY, HANDLER_INSTALLING, HANDLER_UNRESPONSIVE };
void handler_heartbeat(const struct handler *handler, enum handler_health health, int code,
                       const char *message);
/* Only its time: the guest agent believes a heartbeat for ten minutes. */
void handler_heartbeat_touch(const struct handler *handler);

/* ---- events and log ---- */

enum handler_level { HANDLER_INFORMATIONAL, HANDLER_WARNING, HANDLER_ERROR };
/* task: the operation, such as "Enable". Dropped when HANDLER_EVENTS_MAX wait already. */
void handler_event(const struct handler *handler, enum handler_level level, const char *task,
                   const char *message);
/* Standard error becomes the log file, for good. False when there is none to be had. */
bool handler_log_open(const struct handler *handler);
/* Begin a new file when this one is full; after handler_log_open. */
void handler_log_rotate(const struct handler *handler);
/* One line into the log file, beside standard error. */
void handler_log_line(const struct handler *handler, struct log_line *line);

#endif
