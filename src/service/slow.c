#include "service/slow.h"

#include <stdlib.h>

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

bool slow_enter(struct slow *slow, _Atomic unsigned *n_running, int64_t now, struct slow_turn *ret)
{
    *ret = (struct slow_turn){0};
    if (now >= atomic_load(&slow->until)) {
        return true;
    }
    if (atomic_fetch_add(n_running, 1) >= SLOW_AT_ONCE) {
        atomic_fetch_sub(n_running, 1);
        return false;
    }
    if (atomic_exchange(&slow->is_running, true)) {
        atomic_fetch_sub(n_running, 1);
        return false;
    }
    *ret = (struct slow_turn){.slow = slow, .n_running = n_running};
    return true;
}

void slow_leave(struct slow *slow, const struct slow_turn *turn, unsigned work, int64_t now)
{
    if (work >= SLOW_WORK) {
        atomic_store(&slow->until, now + SLOW_FOR_S);
    }
    if (turn->slow != NULL) {
        atomic_store(&turn->slow->is_running, false);
        atomic_fetch_sub(turn->n_running, 1);
    }
}
