/*
 * fair.h - requests that take long never hold all workers, and those of one owner half of them.
 *
 * A handler holds its worker until it is done, so whoever sends enough requests that take a second
 * would stop everybody's. What a request will take is not known beforehand. So those count that
 * have been in work for FAIR_SLOW_US; and since many can begin at the same moment, an owner whose
 * slow requests took FAIR_DEBT_US together is watched: then each of its requests counts, from its
 * beginning. The debt fades, a second of it in FAIR_FADE seconds. Who sends many quick requests at
 * once is never told to wait.
 *
 * An owner is a text: a subscription, or a caller. FAIR_OWNERS are remembered, more than can be in
 * work at the same time; beyond, whoever owes least is forgotten. Times are ticks. Any thread.
 */
#ifndef API_FAIR_H
#define API_FAIR_H

#include "base/defs.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    FAIR_SLOW_US = 100 * 1000,
    FAIR_DEBT_US = 1000 * 1000,
    FAIR_DEBT_MAX_US = 60 * 1000 * 1000,
    FAIR_FADE = 4,
    FAIR_OWNERS = 256,
    FAIR_OWNER_MAX = 256, /* of the text; what is longer is cut */
};

struct fair;

/* NULL without memory. */
struct fair *fair_new(void);
void fair_free(struct fair *fair);
DEFINE_CLEANUP(struct fair *, fair_free)

/* False: as many workers as may be are held, come again later. After true fair_end, with what came
 * in *ret_place. One worker alone is never refused. */
bool fair_begin(struct fair *fair, unsigned n_workers, const char *owner, uint64_t now_us,
                unsigned *ret_place) MUST_CHECK;
void fair_end(struct fair *fair, unsigned place, uint64_t now_us);

#endif
