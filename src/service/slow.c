#include "service/slow.h"

#include <stdlib.h>

bool workers_take(struct workers *workers)
{
    unsigned n = workers->n == 0 ? SLOW_USUAL_WORKERS : workers->n;
    unsigned max = n > 1 ? n - 1 : 1;

    if (atomic_fetch_add(&workers->n_busy, 1) >= max) {
        atomic_fetch_sub(&workers->n_busy, 1);
        return false;
    }
    return true;
}

void workers_give(struct workers *workers)
{
    atomic_fetch_sub(&workers->n_busy, 1);
}

struct slow *slow_new(void)
{
    struct slow *slow = calloc(1, sizeof(*slow));

    if (slow != NULL) {
        atomic_init(&slow->refs, 1);
    }
    return slow;
}

struct slow *slow_ref(struct slow *slow)
{
    if (slow != NULL) {
        atomic_fetch_add(&slow->refs, 1);
    }
    return slow;
}

void slow_unref(struct slow *slow)
{
    if (slow != NULL && atomic_fetch_sub(&slow->refs, 1) == 1) {
        free(slow);
    }
}

bool slow_enter(struct slow *slow, struct workers *workers, int64_t now, struct slow_turn *ret)
{
    bool is_slow = now < atomic_load(&slow->until);

    if (!workers_take(workers)) {
        return false;
    }
    if (is_slow && atomic_exchange(&slow->is_running, true)) {
        workers_give(workers);
        return false;
    }
    if (is_slow && atomic_fetch_add(&workers->n_slow, 1) >= SLOW_AT_ONCE) {
        atomic_fetch_sub(&workers->n_slow, 1);
        atomic_store(&slow->is_running, false);
        workers_give(workers);
        return false;
    }
    *ret = (struct slow_turn){.workers = workers, .is_slow = is_slow};
    return true;
}

void slow_leave(struct slow *slow, const struct slow_turn *turn, unsigned work, int64_t now)
{
    if (work >= SLOW_WORK) {
        atomic_store(&slow->until, now + SLOW_FOR_S);
    }
    if (turn->is_slow) {
        atomic_fetch_sub(&turn->workers->n_slow, 1);
        atomic_store(&slow->is_running, false);
    }
    workers_give(turn->workers);
}
