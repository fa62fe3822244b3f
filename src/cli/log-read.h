/*
 * log-read.h - read an event log, and say of another file what it is.
 */
#ifndef CLI_LOG_READ_H
#define CLI_LOG_READ_H

#include "eventlog/eventlog.h"

/* eventlog_read. Of a file that is known to be something else the trail says what it is, and where
 * reading it as a log came to its end. */
err_t log_read(struct arena *arena, struct span bytes, struct trail *trail,
               struct eventlog **ret) MUST_CHECK;

#endif
