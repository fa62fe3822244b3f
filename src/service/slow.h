/*
 * slow.h - what owners make a server do takes some of its workers and never all of them: changes of
 * providers, which make keys and wait for the disk, and evaluations of their policies.
 *
 * A provider is slow for a minute after an evaluation that took a part of its limits worth
 * counting: then it has one evaluation at a time, and all slow ones together SLOW_AT_ONCE. From any
 * thread.
 */
#ifndef SERVICE_SLOW_H
#define SERVICE_SLOW_H

#include "base/defs.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    SLOW_WORK = 20, /* policy_result.work: some milliseconds */
    SLOW_FOR_S = 60,
    SLOW_AT_ONCE = 2,
    SLOW_USUAL_WORKERS = 4, /* of a server that does not say how many it has */
};

/* ---- of a server ---- */

struct workers {
    unsigned n;              /* 0: SLOW_USUAL_WORKERS */
    _Atomic unsigned n_busy; /* with what owners asked for */
    _Atomic unsigned n_slow; /* of these, with slow providers */
};
/* False when all but one are busy; else workers_give. One alone is never refused. */
bool workers_take(struct workers *workers) MUST_CHECK;
void workers_give(struct workers *workers);

/* ---- of a provider ---- */

/* Reference counted, as it outlives changes of the provider. */
struct slow {
    _Atomic unsigned refs;
    _Atomic bool is_running;
    _Atomic int64_t until; /* seconds; 0: never was */
};

/* NULL without memory. */
struct slow *slow_new(void);
struct slow *slow_ref(struct slow *slow);
void slow_unref(struct slow *slow);

/* One evaluation of an owner's policy. */
struct slow_turn {
    struct workers *workers;
    bool is_slow;
};
/* False when as many run as may. After true slow_leave, with the work it took. */
bool slow_enter(struct slow *slow, struct workers *workers, int64_t now,
                struct slow_turn *ret) MUST_CHECK;
void slow_leave(struct slow *slow, const struct slow_turn *turn, unsigned work, int64_t now);

#endif
