#include "api/fair.h"

#include "http/server.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct owner {
    char name[FAIR_OWNER_MAX];
    unsigned n_in_work;
    uint64_t debt_us, faded_us; /* what it was, and when */
};

struct work {
    struct owner *owner; /* NULL: free */
    uint64_t began_us;
};

struct fair {
    pthread_mutex_t lock; /* of all below; nothing is locked under it */
    struct owner owners[FAIR_OWNERS];
    size_t n_owners; /* that were ever used */
    struct work works[HTTP_MAX_WORKERS];
};

struct fair *fair_new(void)
{
    struct fair *fair = calloc(1, sizeof(*fair));

    if (fair != NULL) {
        pthread_mutex_init(&fair->lock, NULL);
    }
    return fair;
}

void fair_free(struct fair *fair)
{
    if (fair != NULL) {
        pthread_mutex_destroy(&fair->lock);
        free(fair);
    }
}

/* ---- under the lock ---- */

/* Threads look at the clock before they come here: one may be a little behind. */
static uint64_t passed(uint64_t from, uint64_t now)
{
    return now > from ? now - from : 0;
}

static void fade(struct owner *owner, uint64_t now)
{
    uint64_t faded = passed(owner->faded_us, now) / FAIR_FADE;

    owner->debt_us -= faded < owner->debt_us ? faded : owner->debt_us;
    owner->faded_us += faded * FAIR_FADE;
}

static bool is_watched(const struct owner *owner)
{
    return owner->debt_us >= FAIR_DEBT_US;
}

/* That of the name, or a place for it. At most HTTP_MAX_WORKERS are in work: there is one. */
static struct owner *find(struct fair *fair, const char *name, uint64_t now)
{
    struct owner *least = NULL;

    _Static_assert((int)HTTP_MAX_WORKERS < (int)FAIR_OWNERS, "one is always free");
    for (size_t i = 0; i < fair->n_owners; i++) {
        struct owner *owner = &fair->owners[i];

        fade(owner, now);
        if (strncmp(owner->name, name, FAIR_OWNER_MAX - 1) == 0) {
            return owner;
        }
        if (owner->n_in_work == 0 && (least == NULL || owner->debt_us < least->debt_us)) {
            least = owner;
        }
    }
    if (fair->n_owners < FAIR_OWNERS && (least == NULL || least->debt_us > 0)) {
        least = &fair->owners[fair->n_owners++];
    }
    *least = (struct owner){.faded_us = now};
    snprintf(least->name, sizeof(least->name), "%s", name);
    return least;
}

static bool may_begin(const struct fair *fair, unsigned n_workers, const struct owner *owner,
                      uint64_t now)
{
    unsigned n_own = 0, n_all = 0, half = n_workers / 2;

    for (size_t i = 0; i < HTTP_MAX_WORKERS; i++) {
        const struct work *work = &fair->works[i];

        if (work->owner != NULL &&
            (is_watched(work->owner) || passed(work->began_us, now) >= FAIR_SLOW_US)) {
            n_all++;
            n_own += work->owner == owner;
        }
    }
    if (n_workers <= 1 || n_own >= half) {
        return n_workers <= 1;
    }
    /* Others' slow requests are no reason to refuse whoever sends quick ones. */
    return (n_own == 0 && !is_watched(owner)) || n_all < n_workers - 1;
}

/* ---- requests ---- */

bool fair_begin(struct fair *fair, unsigned n_workers, const char *owner_name, uint64_t now_us,
                unsigned *ret_place)
{
    struct owner *owner;
    unsigned place = 0;
    bool may;

    pthread_mutex_lock(&fair->lock);
    owner = find(fair, owner_name, now_us);
    may = may_begin(fair, n_workers, owner, now_us);
    while (place < HTTP_MAX_WORKERS && fair->works[place].owner != NULL) {
        place++;
    }
    may = may && place < HTTP_MAX_WORKERS; /* each worker has one request at a time */
    if (may) {
        fair->works[place] = (struct work){.owner = owner, .began_us = now_us};
        owner->n_in_work++;
        *ret_place = place;
    }
    pthread_mutex_unlock(&fair->lock);
    return may;
}

void fair_end(struct fair *fair, unsigned place, uint64_t now_us)
{
    struct work *work = &fair->works[place];
    uint64_t took;

    pthread_mutex_lock(&fair->lock);
    took = passed(work->began_us, now_us);
    if (took >= FAIR_SLOW_US) {
        struct owner *owner = work->owner;

        fade(owner, now_us);
        owner->debt_us += took;
        owner->debt_us = owner->debt_us < FAIR_DEBT_MAX_US ? owner->debt_us : FAIR_DEBT_MAX_US;
    }
    work->owner->n_in_work--;
    work->owner = NULL;
    pthread_mutex_unlock(&fair->lock);
}
