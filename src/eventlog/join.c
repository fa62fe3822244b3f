/*
 * join.c - several logs of one machine, in the order they were measured, as one.
 *
 * Who may send these bytes: root of any guest.
 */
#include "eventlog/eventlog.h"

/* The banks of the first log that every log has. */
static void common_banks(struct eventlog *const *logs, size_t n, struct eventlog *joined)
{
    joined->n_banks = 0;
    for (size_t i = 0; i < logs[0]->n_banks; i++) {
        const struct eventlog_bank *bank = &logs[0]->banks[i];
        bool is_common = true;

        for (size_t k = 1; k < n; k++) {
            is_common =
                is_common && bank->hash != HASH_NONE && eventlog_bank(logs[k], bank->hash) >= 0;
        }
        if (is_common) {
            joined->banks[joined->n_banks++] = *bank;
        }
    }
}

static void add_events(const struct eventlog *log, struct eventlog *joined)
{
    uint32_t base = (uint32_t)joined->n_events;

    for (size_t i = 0; i < log->n_events; i++) {
        struct event *event = &joined->events[joined->n_events++];

        *event = log->events[i];
        event->index = base + (uint32_t)i;
        for (size_t bank = 0; bank < joined->n_banks; bank++) {
            int at = eventlog_bank(log, joined->banks[bank].hash);

            event->digest[bank] = (struct span){0};
            if (at >= 0) {
                event->digest[bank] = log->events[i].digest[at];
            }
        }
    }
}

err_t eventlog_join(struct arena *arena, struct eventlog *const *logs, size_t n,
                    struct trail *trail, struct eventlog **ret)
{
    struct eventlog *joined = arena_alloc(arena, sizeof(*joined));
    size_t n_events = 0;

    if (joined == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && logs[i]->kind != EVENTLOG_PCRS) {
            return trail_set(trail, ERR_MALFORMED, "a later log is not one of PCRs");
        }
        if (i > 0 && (logs[i]->startup_locality != 0 || logs[i]->has_hcrtm)) {
            return trail_set(trail, ERR_MALFORMED, "a later log says how PCR 0 began (L-7)");
        }
        if (logs[i]->n_events > EVENTLOG_MAX_EVENTS - n_events) {
            return trail_set(trail, ERR_TOO_MANY, "the logs have more than %d events together",
                             EVENTLOG_MAX_EVENTS);
        }
        n_events += logs[i]->n_events;
    }
    *joined = *logs[0];
    joined->events = arena_alloc(arena, n_events * sizeof(*joined->events));
    if (joined->events == NULL) {
        return ERR_MEMORY;
    }
    joined->n_events = 0;
    joined->later_from = n > 1 ? (uint32_t)logs[0]->n_events : 0;
    common_banks(logs, n, joined);
    for (size_t i = 0; i < n; i++) {
        add_events(logs[i], joined);
    }
    *ret = joined;
    return ERR_OK;
}
