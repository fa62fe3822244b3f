/*
 * slow.h - policies that take long are evaluated few at a time, so that the requests of everybody
 * else go on meanwhile.
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
    SLOW_AT_ONCE = 2, /* fewer than the workers there are at the least */
};

/* What is known of one provider; reference counted, as it outlives its changes. */
struct slow {
    _Atomic unsigned refs;
    _Atomic bool is_running;
    _Atomic int64_t until; /* seconds; 0: never was */
};

/* NULL without memory. */
struct slow *slow_new(void);
struct slow *slow_ref(struct slow *slow);
void slow_unref(struct slow *slow);

/* One evaluation. */
struct slow_turn {
    struct slow *slow; /* NULL: it needs no turn */
    _Atomic unsigned *n_running;
};
/* False when as many run as may. After true slow_leave, with the work it took. */
bool slow_enter(struct slow *slow, _Atomic unsigned *n_running, int64_t now,
                struct slow_turn *ret) MUST_CHECK;
void slow_leave(struct slow *slow, const struct slow_turn *turn, unsigned work, int64_t now);

#endif
