/*
 * facts/banks.c - banks that the firmware did not measure into but marked (ALG-5;
 * PFP 1.06, 3.3.2.2, bank capping). A separator alone in such a bank is found by facts.c; here the
 * digest that is no digest: 01 and then zeros.
 *
 * Who may send these bytes: root of any guest.
 */
#include "facts/parts.h"

static bool is_cap(struct span digest)
{
    return digest.len > 1 && digest.data[0] == 1 && span_all(span_cut(digest, 1, digest.len), 0);
}

void facts_banks(struct facts_ctx *ctx)
{
    bool seen[EVENTLOG_MAX_BANKS] = {false};

    for (size_t i = 0; i < ctx->log->n_events; i++) {
        const struct event *event = &ctx->log->events[i];

        for (size_t bank = 0; event->type != EV_NO_ACTION && bank < ctx->log->n_banks; bank++) {
            if (!seen[bank] && is_cap(event->digest[bank])) {
                seen[bank] = true;
                facts_find(ctx, FINDING_BANK_LACKS_SEPARATOR, WEIGHT_FAULT, "ALG-5", event,
                           "event %u: bank %s holds a mark instead of a digest: the firmware could "
                           "not measure into it",
                           event->index, eventlog_bank_name(ctx->arena, &ctx->log->banks[bank]));
            }
        }
    }
}
