/*
 * Copies and clocks in the attest call: old evidence is recorded as what it is, says nothing about
 * now and moves no clock.
 */
#include "unit/service/attester.h"

static int64_t machine_last_seen(struct world *w, const struct store_machine *m)
{
    struct store_machine seen;

    assert_ok(store_machine_by_id(w->service->store, m->id, NULL, &seen));
    return seen.last_seen;
}

/* Azure's client has no challenge, so a copy of its request is answered, with a reply
 * that only the machine's TPM opens. The records say that it was a copy, and nobody was seen. */
static void answers_a_copied_request_and_records_that_it_was_one(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct store_machine enrolled = enrol(w);
    struct span inner = fabricate_inner(w->arena, machine, &request);
    struct span body = fabricate_outer(w->arena, inner);
    const char *wrapped = arena_printf(w->arena, " %s\n", (const char *)body.data);
    struct service_answer answer = attest_body_at(w, body, NOW);
    struct store_attestation row;

    (void)state;
    expect_success(&answer);
    assert_non_null(strstr(answer.note, "verdict=healthy freshness=clock "));
    assert_int_equal(last_record(w).freshness, STORE_FRESHNESS_CLOCK);
    for (int i = 1; i <= 3; i++) {
        answer = attest_body_at(w, body, NOW + 1000 * i);
        expect_success(&answer);
        assert_non_null(strstr(answer.note, "freshness=none repeat=yes proven=yes "));
    }
    row = last_record(w);
    assert_int_equal(row.time, NOW);
    assert_int_equal(row.repeats, 3);
    assert_int_equal(row.last_repeat, NOW + 3000);
    assert_int_equal(machine_last_seen(w, &enrolled), NOW);
    /* In another wrapping it is another request with the same quote. */
    answer = attest_body_at(w, span_str(wrapped), NOW + 4000);
    expect_success(&answer);
    assert_non_null(strstr(answer.note, "freshness=none proven=yes machine="));
    row = last_record(w);
    assert_int_equal(row.time, NOW + 4000);
    assert_int_equal(row.freshness, STORE_FRESHNESS_NONE);
    assert_int_equal(machine_last_seen(w, &enrolled), NOW);
    world_free(w);
}

/* the whole attack: a good request is kept, the machine goes bad, the request comes again in
 * as many wrappings as it takes to fill the room for copies. */
static void no_copy_of_good_evidence_hides_a_red_verdict(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct fabricate_request bad = request_of(w, "a-secureboot-healthy");
    struct store_machine enrolled = enrol(w);
    struct span kept;
    struct service_answer answer;

    (void)state;
    request.clock_ms = 100000;
    kept = fabricate_outer(w->arena, fabricate_inner(w->arena, machine, &request));
    answer = attest_body_at(w, kept, NOW);
    expect_success(&answer);
    bad.clock_ms = 101000; /* within what may overtake: the copies are accepted */
    bad.log = request_of(w, "f-kernel-update").log;
    answer = attest(w, &bad);
    expect_refusal(&answer, 400, "InvalidParameter", "log-replay: ");
    assert_non_null(strstr(answer.note, "verdict=not-verified freshness=clock proven=yes "));
    for (int i = 1; i <= STORE_MAX_STALE + 1; i++) {
        const char *wrapped = arena_printf(w->arena, "%s%*s", (const char *)kept.data, i, "");
        CLEANUP(arena_free) struct arena *arena = arena_new(64u << 20);
        struct service_call call = w->call;

        call.arena = arena;
        call.now = NOW + i;
        service_attest_azureguest(w->service, w->home, &call, span_str(wrapped), &answer);
        expect_success(&answer);
    }
    expect_last_verdict(w, &enrolled, "not-verified");
    assert_int_equal(machine_last_seen(w, &enrolled), NOW);
    world_free(w);
}

static void records_what_shows_that_a_proof_is_fresh(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct store_machine enrolled = enrol(w);
    CLEANUP(buf_done) struct buf text = {0};
    struct service_answer answer;

    (void)state;
    request.clock_ms = 100000;
    answer = attest(w, &request);
    expect_success(&answer);
    request.clock_ms = 100001;
    answer = attest(w, &request);
    expect_success(&answer);
    assert_int_equal(last_record(w).freshness, STORE_FRESHNESS_CLOCK);
    request.clock_ms = 90000; /* overtaken: accepted, and not fresh */
    answer = attest(w, &request);
    expect_success(&answer);
    assert_int_equal(last_record(w).freshness, STORE_FRESHNESS_NONE);
    use_challenge(w, &request, challenge_for(w, enrolled.id, NOW + 300));
    answer = attest(w, &request);
    expect_success(&answer);
    assert_non_null(strstr(answer.note, "freshness=challenge "));
    assert_int_equal(last_record(w).freshness, STORE_FRESHNESS_CHALLENGE);
    answer = attest(w, &request); /* with a challenge that is used up */
    expect_refusal(&answer, 400, "InvalidParameter", "challenge-reused: ");
    assert_int_equal(last_record(w).freshness, STORE_FRESHNESS_NONE);
    buf_init(&text, 1u << 20);
    metrics_write(w->metrics, &text);
    assert_non_null(
        strstr(buf_cstr(&text), "bootwarden_attestation_freshness_total{freshness=\"clock\"} 2\n"));
    assert_non_null(strstr(buf_cstr(&text),
                           "bootwarden_attestation_freshness_total{freshness=\"challenge\"} 1\n"));
    assert_non_null(
        strstr(buf_cstr(&text), "bootwarden_attestation_freshness_total{freshness=\"none\"} 2\n"));
    world_free(w);
}

/* ---- clocks ---- */

/* counters and clock never go back; requests that overtook each other by seconds may. */
static void refuses_evidence_from_before_the_last_proof(void **state)
{
    static const struct {
        uint32_t reset_count;
        uint64_t clock_ms;
        bool is_refused;
    } steps[] = {
        {3, 100000, false}, {3, 90000, false}, /* 10 s back */
        {3, 69999, true},                      /* more than 30 s */
        {3, 200000, false}, {2, 900000, true}, {4, 1000, false}, {3, 300000, true},
    };
    struct world *w = world_new();

    (void)state;
    enrol(w);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct fabricate_request request = request_of(w, "a-secureboot-healthy");
        struct service_answer answer;

        request.reset_count = steps[i].reset_count;
        request.clock_ms = steps[i].clock_ms;
        answer = attest(w, &request);
        if (steps[i].is_refused) {
            expect_refusal(&answer, 400, "InvalidParameter", "clock-went-back: ");
        } else {
            expect_success(&answer);
        }
    }
    world_free(w);
}

/* a snapshot that was restored on purpose. */
static void accepts_a_clock_that_went_back_when_an_operator_says_so(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct store_machine enrolled = enrol(w);
    struct service_answer answer;

    (void)state;
    request.clock_ms = 900000;
    answer = attest(w, &request);
    expect_success(&answer);
    /* Anybody who kept a request may send it: no command is offered for that. */
    request.clock_ms = 400000;
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "may be a copy of old evidence");
    assert_null(strstr(answer.message, "forget-clock"));
    expect_last_verdict(w, &enrolled, "healthy");
    request.clock_ms = 500000;
    use_challenge(w, &request, challenge_for(w, enrolled.id, NOW + 300));
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "bootwarden-server machine forget-clock NAME");
    assert_int_equal(last_record(w).freshness, STORE_FRESHNESS_CHALLENGE);
    expect_last_verdict(w, &enrolled, "not-verified");
    operate(w, &enrolled, STORE_FORGET_CLOCK);
    request.clock_ms = 500100;
    use_challenge(w, &request, challenge_for(w, enrolled.id, NOW + 300));
    answer = attest(w, &request);
    expect_success(&answer);
    assert_int_equal(last_record(w).freshness, STORE_FRESHNESS_CHALLENGE);
    request.has_bootwarden = false; /* from where the clock stands now */
    request.nonce = (struct span){0};
    request.clock_ms = 400001;
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "clock-went-back: ");
    expect_last_verdict(w, &enrolled, "healthy");
    world_free(w);
}

/* A refused proof, or one by a stranger with the same name, must not move the clock: it would
 * lock the machine out. */
static void does_not_move_the_clock_for_a_refused_proof(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct service_answer answer;

    (void)state;
    enrol(w);
    request.reset_count = 1000;
    request.nonce = span_str("unasked");
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "nonce: ");
    request.reset_count = 3;
    request.nonce = (struct span){0};
    answer = attest(w, &request);
    expect_success(&answer);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_a_copied_request_and_records_that_it_was_one),
        cmocka_unit_test(no_copy_of_good_evidence_hides_a_red_verdict),
        cmocka_unit_test(records_what_shows_that_a_proof_is_fresh),
        cmocka_unit_test(refuses_evidence_from_before_the_last_proof),
        cmocka_unit_test(accepts_a_clock_that_went_back_when_an_operator_says_so),
        cmocka_unit_test(does_not_move_the_clock_for_a_refused_proof),
    };

    return cmocka_run_group_tests(tests, make_machine, free_machine);
}
