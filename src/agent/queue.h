/*
 * queue.h - reports that could not be sent: kept on the disk, at most QUEUE_MAX, oldest dropped and
 * counted. A full disk loses reports and nothing else.
 */
#ifndef AGENT_QUEUE_H
#define AGENT_QUEUE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

enum { QUEUE_MAX = 64, QUEUE_REPORT_MAX = 60 * 1024 };

struct queue {
    const char *folder; /* borrowed; NULL = nothing is kept */
    uint64_t next;      /* number of the next report */
    uint64_t dropped;   /* since the last that was sent said so */
};

/* Looks at what an earlier run left. A folder that cannot be used is said in the trail, and the
 * queue keeps nothing. */
err_t queue_open(struct queue *queue, const char *folder, struct trail *trail) MUST_CHECK;
/* Keep a report. One that finds no place counts as dropped. */
void queue_put(struct queue *queue, struct span report);
/* The oldest report and when it was put (seconds since 1970, by the file); ERR_NOT_FOUND when there
 * is none. */
err_t queue_first(struct queue *queue, struct arena *arena, uint64_t *ret_number, int64_t *ret_time,
                  struct span *ret) MUST_CHECK;
void queue_remove(struct queue *queue, uint64_t number);
/* What waits is not wanted any more; nothing is counted. */
void queue_clear(struct queue *queue);

#endif
