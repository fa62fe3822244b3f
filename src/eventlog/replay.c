/*
 * replay.c - the registers that a log leads to, one bank at a time (L-6 to L-11).
 */
#include "eventlog/eventlog.h"

enum { DRTM_FIRST = 17, DRTM_LAST = 22 };

static void set_start(const struct eventlog *log, size_t size, struct eventlog_registers *regs)
{
    memset(regs->value, 0, sizeof(regs->value));
    /* L-7, L-8: the locality of TPM2_Startup is PCR 0's last byte. */
    regs->value[0][size - 1] = log->startup_locality;
    if (log->kind == EVENTLOG_RTMRS) {
        return;
    }
    for (size_t pcr = DRTM_FIRST; pcr <= DRTM_LAST; pcr++) {
        memset(regs->value[pcr], 0xff, size);
    }
}

static bool is_dynamic(uint32_t pcr)
{
    return pcr >= DRTM_FIRST && pcr <= DRTM_LAST;
}

/* L-9: they leave all-ones only through a dynamic launch, which firmware does not log. */
static bool begin_dynamic(const struct eventlog *log, const struct event *event, size_t size,
                          struct eventlog_registers *regs)
{
    if (log->later_from == 0 || event->index < log->later_from) {
        return false;
    }
    if ((regs->extended & 1u << event->pcr) == 0) {
        memset(regs->value[event->pcr], 0, size);
    }
    return true;
}

err_t eventlog_replay(const struct eventlog *log, enum hash_alg bank, struct hasher *hasher,
                      struct trail *trail, struct eventlog_registers *ret)
{
    struct eventlog_registers regs = {.bank = bank};
    int at = eventlog_bank(log, bank);
    size_t size = hash_size(bank);

    if (at < 0) {
        return trail_set(trail, ERR_NOT_FOUND, "the log has no %s bank", hash_name(bank));
    }
    set_start(log, size, &regs);
    for (size_t i = 0; i < log->n_events; i++) {
        const struct event *event = &log->events[i];
        err_t err;

        /* L-6: whatever its digest field holds. */
        if (event->type == EV_NO_ACTION) {
            continue;
        }
        if (is_dynamic(event->pcr) && !begin_dynamic(log, event, size, &regs)) {
            return trail_set_at(trail, ERR_VALUE, event->offset,
                                "event %u: a firmware log cannot extend PCR %u", event->index,
                                event->pcr);
        }
        err = hasher_extend(hasher, bank, span_of(regs.value[event->pcr], size), event->digest[at],
                            regs.value[event->pcr]);
        if (err) {
            return trail_set(trail, err, "hashing failed");
        }
        regs.extended |= 1u << event->pcr;
    }
    *ret = regs;
    return ERR_OK;
}

err_t eventlog_reach(const struct eventlog *log, enum hash_alg bank, unsigned pcr,
                     struct span wanted, struct hasher *hasher, struct eventlog_reach *ret)
{
    struct eventlog_registers regs = {.bank = bank};
    struct eventlog_reach reach = {0};
    int at = eventlog_bank(log, bank);
    size_t size = hash_size(bank);
    bool is_reached;

    if (at < 0 || pcr >= EVENTLOG_REGISTERS) {
        return ERR_NOT_FOUND;
    }
    set_start(log, size, &regs);
    is_reached = span_equal(span_of(regs.value[pcr], size), wanted);
    for (size_t i = 0; i < log->n_events; i++) {
        const struct event *event = &log->events[i];
        err_t err;

        if (event->type == EV_NO_ACTION || event->pcr != pcr) {
            continue;
        }
        if (is_reached) {
            reach.first_left = reach.n_left == 0 ? event->index : reach.first_left;
            reach.n_left++;
            continue;
        }
        if (is_dynamic(pcr) && !begin_dynamic(log, event, size, &regs)) {
            return ERR_VALUE;
        }
        err = hasher_extend(hasher, bank, span_of(regs.value[pcr], size), event->digest[at],
                            regs.value[pcr]);
        if (err) {
            return err;
        }
        regs.extended |= 1u << pcr;
        reach.n_covered++;
        is_reached = span_equal(span_of(regs.value[pcr], size), wanted);
    }
    if (!is_reached) {
        return ERR_END;
    }
    *ret = reach;
    return ERR_OK;
}
