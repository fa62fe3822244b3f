/*
 * attester.h - for tests: a fabricated machine that attests to the service of a world, over
 * recorded boots. make_machine and free_machine are the group's setup and teardown.
 */
#ifndef TESTS_SERVICE_ATTESTER_H
#define TESTS_SERVICE_ATTESTER_H

#include "unit/service/world.h"

#include "base/buf.h"
#include "evidence/azureguest.h"

static struct fabricated *machine; /* made once: keys are slow under sanitizers */
static struct arena *machine_arena;

static inline int make_machine(void **state)
{
    (void)state;
    machine_arena = test_arena();
    machine = fabricate_machine(machine_arena, NOW);
    return 0;
}

static inline int free_machine(void **state)
{
    (void)state;
    fabricated_free(machine);
    arena_free(machine_arena);
    return 0;
}

static inline struct fabricate_request request_of(struct world *w, const char *boot)
{
    return (struct fabricate_request){
        .pcrs_sha256 =
            test_vector(w->arena, arena_printf(w->arena, "boots/%s/pcrs_sha256.bin", boot)),
        .log = test_vector(w->arena, arena_printf(w->arena, "boots/%s/eventlog.bin", boot)),
    };
}

static inline struct service_answer attest(struct world *w, const struct fabricate_request *request)
{
    struct service_answer answer = {0};
    struct span inner = fabricate_inner(w->arena, machine, request);

    service_attest_azureguest(w->service, w->home, &w->call, fabricate_outer(w->arena, inner),
                              &answer);
    return answer;
}

static inline struct service_answer attest_body_at(struct world *w, struct span body, int64_t now)
{
    struct service_answer answer = {0};
    struct service_call call = w->call;

    call.now = now;
    service_attest_azureguest(w->service, w->home, &call, body, &answer);
    return answer;
}

/* The CA of the fabricated machine as an external issuer of AK certificates. */
static inline void trust_issuer(struct world *w)
{
    struct span pem = {0};

    assert_ok(cert_pem(machine->ca, w->arena, &pem));
    world_trust(w, "ak/issuer.pem", pem);
}

/* The fabricated AK as if it had been activated. */
static inline struct store_machine enrol(struct world *w)
{
    struct store_machine wanted = {.created = NOW}, got;

    snprintf(wanted.id, sizeof(wanted.id), "0b5f2c7a-1111-4222-8333-444455556666");
    snprintf(wanted.name, sizeof(wanted.name), "web");
    memset(wanted.ek_digest, 7, sizeof(wanted.ek_digest));
    memcpy(wanted.ak_name, machine->ak_name.bytes, machine->ak_name.len);
    wanted.ak_name_len = machine->ak_name.len;
    assert_ok(store_machine_activate(w->service->store, &wanted, NULL, &got));
    return got;
}

static inline void operate(struct world *w, const struct store_machine *m, enum store_change what)
{
    bool is_new = false;

    assert_ok(store_machine_change(w->service->store, m->id, what, "root", NOW, NULL, &is_new));
    assert_true(is_new);
}

static inline struct span challenge_for(struct world *w, const char *machine_id, int64_t expires)
{
    struct span context = {0};

    assert_ok(ticket_seal(w->arena, service_secret(w->service), TICKET_ATTEST, expires,
                          span_str(machine_id), &context));
    return context;
}

/* A request of our own agent: context in the member, its hash in extraData. */
static inline void use_challenge(struct world *w, struct fabricate_request *request,
                                 struct span context)
{
    uint8_t *nonce = arena_alloc(w->arena, SHA256_BYTES);

    request->has_bootwarden = true;
    request->context = context;
    assert_ok(azureguest_expected_nonce(context, (struct span){0}, nonce));
    request->nonce = span_of(nonce, SHA256_BYTES);
}

static inline struct store_attestation last_record(struct world *w)
{
    struct store_attestation *rows;
    size_t n;

    assert_ok(store_sweep(w->service->store, NOW, NULL)); /* behind what is queued */
    assert_ok(store_attestations(w->service->store, w->arena, NULL, 1, NULL, &rows, &n));
    assert_int_equal(n, 1);
    return rows[0];
}

static inline void expect_last_verdict(struct world *w, const struct store_machine *m,
                                       const char *wanted)
{
    char verdict[STORE_VERDICT_SIZE];

    assert_ok(store_last_verdict(w->service->store, m->id, NULL, verdict));
    assert_string_equal(verdict, wanted);
}

#endif
