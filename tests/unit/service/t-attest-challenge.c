/*
 * Challenges in the attest call: for one proof, of one machine, once.
 */
#include "store/monitor.h"
#include "unit/service/attester.h"

#include <pthread.h>

static bool is_used(struct world *w, struct span context)
{
    struct ticket ticket;
    bool was_used = false;

    assert_ok(ticket_open(w->arena, service_secret(w->service), TICKET_ATTEST, context, &ticket));
    assert_ok(
        store_was_used(w->service->store, span_of(ticket.id, sizeof(ticket.id)), NULL, &was_used));
    return was_used;
}

static struct service_answer attest_with_broken_signature(struct world *w,
                                                          const struct fabricate_request *request)
{
    struct span inner = fabricate_inner(w->arena, machine, request);
    char *at = strstr((char *)(uintptr_t)inner.data, "\"PcrSignature\"");

    assert_non_null(at);
    at = strchr(strchr(at, ':'), '"') + 1;
    memset(at, 'A', 8);
    return attest_body_at(w, fabricate_outer(w->arena, inner), NOW);
}

static void accepts_a_challenge_once(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct store_machine enrolled = enrol(w);
    struct service_answer answer;

    (void)state;
    use_challenge(w, &request, challenge_for(w, enrolled.id, NOW + 300));
    answer = attest(w, &request);
    expect_success(&answer);
    /* again, with all else as good as before. */
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "challenge-reused: ");
    world_free(w);
}

struct runner {
    struct world *w;
    struct span body;
    int successes, reuses;
};

static void *attest_in_a_thread(void *context)
{
    struct runner *runner = context;
    struct arena *arena = arena_new(64u << 20);
    struct hasher *hasher = hasher_new();
    const struct service_call call = {.arena = arena, .hasher = hasher, .now = NOW};
    struct service_answer answer = {0};

    service_attest_azureguest(runner->w->service, runner->w->home, &call, runner->body, &answer);
    runner->successes = answer.status == 200;
    runner->reuses = answer.status == 400 && strstr(answer.message, "challenge-reused: ") != NULL;
    hasher_free(hasher);
    arena_free(arena);
    return NULL;
}

/* the same proof on several connections at once gives one token. */
static void accepts_a_challenge_once_however_many_use_it_at_the_same_time(void **state)
{
    struct world *w = world_new();
    struct store_machine enrolled = enrol(w);

    (void)state;
    for (int round = 0; round < 10; round++) {
        struct fabricate_request request = request_of(w, "a-secureboot-healthy");
        struct runner runners[4];
        pthread_t threads[4];
        int successes = 0, reuses = 0;
        struct span body;

        use_challenge(w, &request, challenge_for(w, enrolled.id, NOW + 300));
        body = fabricate_outer(w->arena, fabricate_inner(w->arena, machine, &request));
        for (size_t i = 0; i < ARRAY_LEN(runners); i++) {
            runners[i] = (struct runner){.w = w, .body = body};
            assert_int_equal(pthread_create(&threads[i], NULL, attest_in_a_thread, &runners[i]), 0);
        }
        for (size_t i = 0; i < ARRAY_LEN(runners); i++) {
            pthread_join(threads[i], NULL);
            successes += runners[i].successes;
            reuses += runners[i].reuses;
        }
        assert_int_equal(successes, 1);
        assert_int_equal(reuses, 3);
    }
    world_free(w);
}

/* used up by the first proof even when that fails. */
static void uses_a_challenge_up_with_a_proof_that_fails(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct store_machine enrolled = enrol(w);
    struct service_answer answer;
    struct span nonce;

    (void)state;
    use_challenge(w, &request, challenge_for(w, enrolled.id, NOW + 300));
    nonce = request.nonce;
    request.nonce = span_str("something else altogether, 32 b.");
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "nonce: ");
    request.nonce = nonce;
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "challenge-reused: ");
    world_free(w);
}

/* after its life, of another machine, of another purpose, of nobody. */
static void refuses_challenges_that_are_not_for_this_proof(void **state)
{
    struct world *w = world_new();
    struct store_machine enrolled = enrol(w);
    struct span session = {0};
    struct {
        struct span context;
        const char *words;
    } cases[4] = {
        {challenge_for(w, enrolled.id, NOW), "challenge-expired: "},
        {challenge_for(w, "99999999-1111-4222-8333-444455556666", NOW + 300), "ak-other-machine: "},
        {span_str("0123456789abcdef0123456789abcdef0123456789abcdef"), "nonce: "},
    };

    (void)state;
    assert_ok(ticket_seal(w->arena, service_secret(w->service), TICKET_SESSION, NOW + 300,
                          span_str(enrolled.id), &session));
    cases[3].context = session;
    cases[3].words = "nonce: ";
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fabricate_request request = request_of(w, "a-secureboot-healthy");
        struct service_answer answer;

        use_challenge(w, &request, cases[i].context);
        answer = attest(w, &request);
        expect_refusal(&answer, 400, "InvalidParameter", cases[i].words);
        assert_string_equal(last_record(w).verdict, "not-verified");
    }
    world_free(w);
}

/* the challenge must be in the quote, and without one the quote must say nothing. */
static void refuses_extra_data_that_is_not_the_challenge(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct store_machine enrolled = enrol(w);
    struct service_answer answer;

    (void)state;
    request.nonce = span_str("unasked");
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "nonce: ");
    use_challenge(w, &request, challenge_for(w, enrolled.id, NOW + 300));
    request.nonce = (struct span){0};
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "nonce: ");
    world_free(w);
}

/* only a live challenge is used up by what proves nothing. One that is spent, has expired or
 * is another machine's makes no garbage a write that is waited for, nor a machine's word. */
static void notes_what_proves_nothing_whatever_challenge_it_has(void **state)
{
    struct world *w = world_new();
    struct store_machine enrolled = enrol(w);
    struct span spent = challenge_for(w, enrolled.id, NOW + 300);
    struct span foreign = challenge_for(w, "99999999-1111-4222-8333-444455556666", NOW + 300);
    const struct {
        struct span context;
        const char *words;
        bool is_used_up;
    } cases[] = {
        {spent, "challenge-reused: ", true},
        {challenge_for(w, enrolled.id, NOW), "challenge-expired: ", false},
        {foreign, "ak-other-machine: ", false},
        {challenge_for(w, enrolled.id, NOW + 300), "not-verified: ", true},
    };
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct service_answer answer;

    (void)state;
    use_challenge(w, &request, spent);
    answer = attest(w, &request);
    expect_success(&answer);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        use_challenge(w, &request, cases[i].context);
        answer = attest_with_broken_signature(w, &request);
        expect_refusal(&answer, 400, "InvalidParameter", cases[i].words);
        assert_non_null(strstr(answer.note, "freshness=none proven=no machine="));
        assert_int_equal(is_used(w, cases[i].context), cases[i].is_used_up);
        assert_false(last_record(w).is_proven);
        assert_null(last_record(w).machine_id);
    }
    expect_last_verdict(w, &enrolled, "healthy");
    /* With the machine's own proof the other's challenge is spent, and then that is what is said.
     */
    use_challenge(w, &request, foreign);
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "ak-other-machine: ");
    assert_true(is_used(w, foreign));
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "challenge-reused: ");
    world_free(w);
}

/* ---- what the guest says of itself ---- */

#define FACTS "{\"KernelRelease\":\"6.1\",\"Tainted\":0}"

/* use_challenge of a guest that sends facts, covered by its quote. */
static void use_facts(struct world *w, struct fabricate_request *request, struct span context,
                      const char *canonical)
{
    uint8_t *nonce = arena_alloc(w->arena, SHA256_BYTES);

    use_challenge(w, request, context);
    request->guest_facts = canonical;
    assert_ok(azureguest_expected_nonce(context, span_str(canonical), nonce));
    request->nonce = span_of(nonce, SHA256_BYTES);
}

static void expect_facts(struct world *w, const struct store_machine *m, const char *wanted)
{
    struct span status = {0}, facts = {0};

    assert_ok(store_monitor_said(w->service->store, w->arena, m->id, NULL, &status, &facts));
    if (wanted == NULL ? facts.data != NULL : !span_is(facts, wanted)) {
        fail_msg("facts: %.*s", (int)facts.len, (const char *)facts.data);
    }
}

/* whoever cannot have the quote made anew cannot make the machine say something. */
static void facts_that_no_fresh_quote_covers_are_not_the_machines(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct store_machine enrolled = enrol(w);
    struct span spent = challenge_for(w, enrolled.id, NOW + 300);
    struct service_answer answer;

    (void)state;
    use_facts(w, &request, challenge_for(w, enrolled.id, NOW), FACTS);
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "challenge-expired: ");
    use_facts(w, &request, challenge_for(w, "99999999-1111-4222-8333-444455556666", NOW + 300),
              FACTS);
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "ak-other-machine: ");
    use_facts(w, &request, challenge_for(w, enrolled.id, NOW + 300), FACTS);
    answer = attest_with_broken_signature(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "not-verified: ");
    use_facts(w, &request, challenge_for(w, enrolled.id, NOW + 300), FACTS);
    request.guest_facts = "{\"KernelRelease\":\"6.1\",\"Tainted\":1}"; /* changed on the way */
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "nonce: ");
    expect_facts(w, &enrolled, NULL);
    use_facts(w, &request, spent, FACTS);
    answer = attest(w, &request);
    expect_success(&answer);
    use_facts(w, &request, spent, "{\"KernelRelease\":\"6.2\"}");
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "challenge-reused: ");
    expect_facts(w, &enrolled, FACTS);
    world_free(w);
}

static void facts_of_a_fresh_proof_are_kept_with_the_machine(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct store_machine enrolled = enrol(w);
    struct service_answer answer;

    (void)state;
    use_facts(w, &request, challenge_for(w, enrolled.id, NOW + 300), FACTS);
    answer = attest(w, &request);
    expect_success(&answer);
    expect_facts(w, &enrolled, FACTS);
    /* A bad boot says something of itself as well. */
    request = request_of(w, "b-secureboot-off");
    use_facts(w, &request, challenge_for(w, enrolled.id, NOW + 300), "{\"SecureBoot\":false}");
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "PolicyEvaluationError", "secure-boot-off: ");
    expect_facts(w, &enrolled, "{\"SecureBoot\":false}");
    /* Who says nothing takes nothing back. */
    request = request_of(w, "a-secureboot-healthy");
    use_challenge(w, &request, challenge_for(w, enrolled.id, NOW + 300));
    answer = attest(w, &request);
    expect_facts(w, &enrolled, "{\"SecureBoot\":false}");
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uses_a_challenge_up_with_a_proof_that_fails),
        cmocka_unit_test(accepts_a_challenge_once_however_many_use_it_at_the_same_time),
        cmocka_unit_test(refuses_challenges_that_are_not_for_this_proof),
        cmocka_unit_test(refuses_extra_data_that_is_not_the_challenge),
        cmocka_unit_test(notes_what_proves_nothing_whatever_challenge_it_has),
        cmocka_unit_test(facts_that_no_fresh_quote_covers_are_not_the_machines),
        cmocka_unit_test(accepts_a_challenge_once),
        cmocka_unit_test(facts_of_a_fresh_proof_are_kept_with_the_machine),
    };

    return cmocka_run_group_tests(tests, make_machine, free_machine);
}
