/*
 * proving.h - for tests: the fabricated machine as one of the service, web of `subscription`, and
 * what its proofs make of it.
 */
#ifndef TESTS_SERVICE_PROVING_H
#define TESTS_SERVICE_PROVING_H

#include "unit/service/attester.h"

#include "base/codec.h"
#include "service/machines.h"
#include "service/state.h"

#include <string.h>

enum { PCRS_OWN = 0x7bff, PCRS_AZURE = 0xff };

static const char subscription[] = "11111111-2222-4333-8444-555555555555";
static uint64_t ticks;

static inline struct fabricate_request next(struct world *w, const char *boot, uint32_t mask)
{
    struct fabricate_request request = request_of(w, boot);

    request.pcr_mask = mask;
    request.clock_ms = 100000 + 1000 * ++ticks;
    return request;
}

static inline struct world *enrolled(struct store_machine *m)
{
    struct world *w = world_new();

    assert_ok(service_set_subscription(w->service, subscription));
    *m = enrol(w);
    return w;
}

static inline void prove(struct world *w, const char *boot, uint32_t mask)
{
    const struct fabricate_request request = next(w, boot, mask);

    (void)attest(w, &request);
}

static inline struct store_monitor row_of(struct world *w, const struct store_machine *m)
{
    struct store_monitor row;

    assert_ok(store_monitor_get(w->service->store, m->id, NULL, &row));
    return row;
}

static inline void expect_state(struct world *w, const struct store_machine *m, const char *wanted)
{
    const struct store_monitor row = row_of(w, m);

    assert_string_equal(row.state, wanted);
}

static inline struct store_baseline baseline_of(struct world *w, const struct store_machine *m)
{
    struct store_baseline baseline;

    assert_ok(store_baseline_get(w->service->store, w->arena, m->id, NULL, &baseline));
    return baseline;
}

static inline struct service_answer own(struct world *w, machine_call *call, const char *body)
{
    const struct machine_path path = {
        .subscription = span_str(subscription), .machine = span_str("web"), .who = "owner"};
    struct service_answer answer = {0};

    call(w->service, &w->call, &path, span_str(body), &answer);
    return answer;
}

static inline struct service_answer approve(struct world *w, struct span change)
{
    return own(w, service_machine_approve,
               arena_printf(w->arena, "{\"change\":\"%s\"}", hex_dup(w->arena, change)));
}

#endif
