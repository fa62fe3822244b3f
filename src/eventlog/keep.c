/*
 * keep.c - the part of a log that somebody attested.
 */
#include "eventlog/eventlog.h"

/* Which banks stay, and where their digests stood. */
static size_t keep_banks(const struct eventlog *whole, unsigned banks, struct eventlog *log,
                         size_t kept[EVENTLOG_MAX_BANKS])
{
    size_t n = 0;

    for (size_t i = 0; i < whole->n_banks; i++) {
        enum hash_alg hash = whole->banks[i].hash;

        if (banks == EVENTLOG_ALL_BANKS || (hash != HASH_NONE && (banks & 1u << hash) != 0)) {
            log->banks[n] = whole->banks[i];
            kept[n++] = i;
        }
    }
    return n;
}

err_t eventlog_keep(struct arena *arena, const struct eventlog *whole, uint32_t pcrs,
                    unsigned banks, struct eventlog **ret)
{
    struct eventlog *log = arena_alloc(arena, sizeof(*log));
    size_t kept[EVENTLOG_MAX_BANKS];
    size_t n = 0;

    if (log == NULL) {
        return ERR_MEMORY;
    }
    *log = *whole;
    log->events = arena_alloc(arena, whole->n_events * sizeof(*log->events));
    if (log->events == NULL) {
        return ERR_MEMORY;
    }
    log->n_banks = keep_banks(whole, banks, log, kept);
    for (size_t i = 0; i < whole->n_events; i++) {
        const struct event *event = &whole->events[i];

        if (event->type != EV_NO_ACTION &&
            (event->pcr >= EVENTLOG_REGISTERS || (pcrs & 1u << event->pcr) == 0)) {
            continue;
        }
        log->events[n] = *event;
        for (size_t bank = 0; bank < log->n_banks; bank++) {
            log->events[n].digest[bank] = event->digest[kept[bank]];
        }
        n++;
    }
    log->n_events = n;
    *ret = log;
    return ERR_OK;
}
