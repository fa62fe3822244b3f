/*
 * Proofs that are good, and make no machine well: kept back for a bad day, judged by whom the guest
 * chose, older than what was said since.
 */
#include "unit/service/proving.h"

#include "unit/service/owner.h"

#include "service/guest.h"

static struct span made(struct world *w, const char *boot, uint32_t mask)
{
    const struct fabricate_request request = next(w, boot, mask);

    return fabricate_outer(w->arena, fabricate_inner(w->arena, machine, &request));
}

static void proofs_made_in_advance_keep_no_machine_well(void **state)
{
    struct store_machine m;
    struct world *w = enrolled(&m);
    struct span hoard[4];
    struct store_monitor row;

    (void)state;
    prove(w, "a-secureboot-healthy", PCRS_OWN);
    for (size_t i = 0; i < ARRAY_LEN(hoard); i++) {
        hoard[i] = made(w, "a-secureboot-healthy", PCRS_OWN);
    }
    for (size_t i = 0; i < ARRAY_LEN(hoard); i++) {
        (void)attest_body_at(w, hoard[i], NOW + 3600 * ((int64_t)i + 1));
        row = row_of(w, &m);
        assert_int_equal(row.proof_time, NOW);
        assert_non_null(strstr(row.doubt, "kept back"));
    }
    for (int64_t now = NOW; now <= NOW + 3 * 3600 + 20; now += 20) {
        state_tick(w->service, now);
    }
    row = row_of(w, &m);
    assert_string_equal(row.state, "silent");
    assert_non_null(strstr(row.why, "did not count: it answers no challenge"));
    world_free(w);
}

/* Unmodified clients of Azure answer none, and are believed while their clock goes with ours. */
static void a_clock_that_goes_with_time_is_believed(void **state)
{
    struct store_machine m;
    struct world *w = enrolled(&m);
    struct fabricate_request request;

    (void)state;
    prove(w, "a-secureboot-healthy", PCRS_OWN);
    for (int64_t hour = 1; hour < 4; hour++) {
        request = next(w, "a-secureboot-healthy", PCRS_OWN);
        request.clock_ms += (uint64_t)hour * 3600 * 1000;
        (void)attest_body_at(
            w, fabricate_outer(w->arena, fabricate_inner(w->arena, machine, &request)),
            NOW + hour * 3600);
        assert_int_equal(row_of(w, &m).proof_time, NOW + hour * 3600);
        assert_string_equal(row_of(w, &m).doubt, "");
    }
    world_free(w);
}

static void a_proof_in_doubt_makes_worse_and_moves_no_baseline(void **state)
{
    struct store_machine m;
    struct world *w = enrolled(&m);
    struct span bad, changed;

    (void)state;
    prove(w, "a-secureboot-healthy", PCRS_OWN);
    changed = made(w, "c-cmdline-changed", PCRS_OWN);
    bad = made(w, "b-secureboot-off", PCRS_OWN);
    (void)attest_body_at(w, changed, NOW + 7200);
    assert_string_equal(row_of(w, &m).state, "changed");
    assert_null(baseline_of(w, &m).candidate.data);
    (void)attest_body_at(w, bad, NOW + 7200);
    assert_string_equal(row_of(w, &m).state, "unhealthy");
    world_free(w);
}

static void deny_secure_boot(struct world *w, const char *name)
{
    struct service_answer answer;

    provider_unref(own_provider(w, name, NULL));
    {
        CLEANUP(provider_unref)
        struct provider *provider = service_provider(w->service, span_str(name));

        answer = set_policy(w, provider, "AzureGuest",
                            policy_by(w, NULL,
                                      "version=1.0; authorizationrules{ [type==\"secureboot\", "
                                      "value==true] => deny(); => permit(); };"));
        expect_success(&answer);
    }
}

static void prove_at(struct world *w, const char *name, const char *boot)
{
    CLEANUP(provider_unref)
    struct provider *provider = service_provider(w->service, span_str(name));
    struct service_answer answer = {0};

    service_attest_azureguest(w->service, provider, &w->call, made(w, boot, PCRS_OWN), &answer);
}

static void a_guest_does_not_choose_a_milder_judge(void **state)
{
    struct store_machine m;
    struct world *w = enrolled(&m);

    (void)state;
    deny_secure_boot(w, "own");
    prove_at(w, "own", "a-secureboot-healthy");
    expect_state(w, &m, "unhealthy");
    prove(w, "a-secureboot-healthy", PCRS_OWN);
    expect_state(w, &m, "unhealthy");
    assert_non_null(strstr(row_of(w, &m).doubt, "another provider judged this very boot worse"));
    world_free(w);
}

static void as_bad_elsewhere_takes_no_judgement_over(void **state)
{
    struct store_machine m;
    struct world *w = enrolled(&m);
    struct fabricate_request request;

    (void)state;
    deny_secure_boot(w, "own");
    prove_at(w, "own", "a-secureboot-healthy");
    request = next(w, "a-secureboot-healthy", PCRS_OWN);
    request.log = (struct span){0};
    (void)attest(w, &request);
    expect_state(w, &m, "cannot-judge");
    prove(w, "a-secureboot-healthy", PCRS_OWN);
    expect_state(w, &m, "cannot-judge");
    assert_non_null(strstr(row_of(w, &m).doubt, "another provider judged this very boot worse"));
    world_free(w);
}

static void a_provider_that_is_not_there_is_nobody_elses_turn(void **state)
{
    struct store_machine m;
    struct world *w = enrolled(&m);
    struct service_answer answer =
        own(w, service_extension_put,
            "{\"settings\":{\"AttestationConfig\":{\"MaaSettings\":{\"maaEndpoint\":"
            "\"https://host:8443/providers/typo\"}}}}");

    (void)state;
    expect_success(&answer);
    prove(w, "a-secureboot-healthy", PCRS_OWN);
    expect_state(w, &m, "never-reported");
    assert_non_null(strstr(row_of(w, &m).why, "another provider than maaEndpoint"));
    world_free(w);
}

static void only_the_provider_that_the_owner_set_counts(void **state)
{
    struct store_machine m;
    struct world *w = enrolled(&m);
    struct service_answer answer;

    (void)state;
    deny_secure_boot(w, "own");
    answer = own(w, service_extension_put,
                 "{\"settings\":{\"AttestationConfig\":{\"MaaSettings\":{\"maaEndpoint\":"
                 "\"https://host:8443/providers/own\"}}}}");
    expect_success(&answer);
    prove(w, "a-secureboot-healthy", PCRS_OWN);
    expect_state(w, &m, "never-reported");
    assert_non_null(strstr(row_of(w, &m).why, "another provider than maaEndpoint"));
    prove_at(w, "own", "a-secureboot-healthy");
    expect_state(w, &m, "unhealthy");
    assert_string_equal(row_of(w, &m).provider, "own");
    world_free(w);
}

static void what_was_shown_is_what_is_approved(void **state)
{
    struct store_machine m;
    struct world *w = enrolled(&m);
    struct service_answer answer;
    struct span shown;

    (void)state;
    prove(w, "a-secureboot-healthy", PCRS_OWN);
    prove(w, "c-cmdline-changed", PCRS_OWN);
    shown = baseline_of(w, &m).candidate_digest;
    prove(w, "d-initrd-tampered", PCRS_OWN);
    answer = approve(w, shown);
    expect_refusal(&answer, 409, "Conflict", "changed once more since you looked");
    expect_state(w, &m, "changed");
    /* Nor is anything approved while the last boot was bad. */
    prove(w, "c-cmdline-changed", PCRS_OWN);
    prove(w, "b-secureboot-off", PCRS_OWN);
    answer = approve(w, shown);
    expect_refusal(&answer, 409, "Conflict", "not in the state changed");
    answer = own(w, service_machine_approve, "{}");
    expect_refusal(&answer, 400, "InvalidParameter", "change");
    answer = own(w, service_machine_approve, "{\"change\":\"abc\"}");
    expect_refusal(&answer, 400, "InvalidParameter", "64 hexadecimal digits");
    world_free(w);
}

static struct span session_for(struct world *w, const struct store_machine *m)
{
    const char *token = NULL;

    assert_ok(guest_session_new(w->service, w->arena, m, NOW + 3600, &token));
    return span_str(token);
}

static struct service_answer say(struct world *w, const struct store_machine *m, const char *body)
{
    struct service_answer answer = {0};

    service_guest_report(w->service, &w->call, session_for(w, m), span_str(body), &answer);
    return answer;
}

static void a_guest_takes_back_nothing_that_it_said(void **state)
{
    struct store_machine m;
    struct world *w = enrolled(&m);

    (void)state;
    prove(w, "a-secureboot-healthy", PCRS_OWN);
    w->call.now = NOW + 100;
    (void)say(w, &m, "{\"outcome\":\"attested\",\"token\":\"eyJ.eyJ.x\"}");
    expect_state(w, &m, "not-verified");
    (void)say(w, &m, "{\"outcome\":\"failed\",\"ageSeconds\":7776000}");
    expect_state(w, &m, "not-verified");
    w->call.now = NOW + 101;
    (void)say(w, &m, "{\"outcome\":\"unreachable\"}");
    expect_state(w, &m, "not-verified");
    prove(w, "a-secureboot-healthy", PCRS_OWN);
    expect_state(w, &m, "healthy");
    world_free(w);
}

static void a_boot_does_not_announce_itself(void **state)
{
    struct store_machine m;
    struct world *w = enrolled(&m);
    struct service_answer answer;

    (void)state;
    prove(w, "a-secureboot-healthy", PCRS_OWN);
    answer = say(w, &m, "{\"outcome\":\"attested\",\"announcement\":{}}");
    expect_refusal(&answer, 400, "InvalidParameter", "announcement");
    world_free(w);
}

static void a_machine_that_is_let_in_again_proves_itself(void **state)
{
    struct store_machine m;
    struct world *w = enrolled(&m);
    struct service_answer answer;

    (void)state;
    prove(w, "a-secureboot-healthy", PCRS_OWN);
    answer = own(w, service_machine_disable, "{}");
    expect_success(&answer);
    expect_state(w, &m, "not-applicable");
    answer = own(w, service_machine_enable, "{}");
    expect_success(&answer);
    expect_state(w, &m, "never-reported");
    assert_non_null(strstr(row_of(w, &m).why, "owner enabled it"));
    assert_true(row_of(w, &m).wants_proof);
    prove(w, "a-secureboot-healthy", PCRS_OWN);
    expect_state(w, &m, "healthy");
    world_free(w);
}

static void letting_in_again_forgets_no_boot(void **state)
{
    struct store_machine m;
    struct world *w = enrolled(&m);
    struct service_answer answer;
    struct span kept;
    bool is_new;

    (void)state;
    prove(w, "a-secureboot-healthy", PCRS_OWN);
    kept = made(w, "a-secureboot-healthy", PCRS_OWN);
    answer = own(w, service_machine_disable, "{}");
    expect_success(&answer);
    /* As `bootwarden-server machine enable` does it, beside the service. */
    assert_ok(
        store_machine_change(w->service->store, m.id, STORE_ENABLE, "me", NOW, NULL, &is_new));
    state_tick(w->service, NOW + 1);
    expect_state(w, &m, "never-reported");
    (void)attest_body_at(w, kept, NOW + 7200);
    expect_state(w, &m, "never-reported");
    assert_non_null(strstr(row_of(w, &m).why, "kept back"));
    world_free(w);
}

static void who_is_not_monitored_is_not_silent(void **state)
{
    struct store_machine m;
    struct world *w = enrolled(&m);
    struct service_answer answer;

    (void)state;
    prove(w, "a-secureboot-healthy", PCRS_OWN);
    answer = own(w, service_extension_put, "{\"wanted\":false}");
    expect_success(&answer);
    for (int64_t now = NOW; now < NOW + 4 * 3600; now += 20) {
        state_tick(w->service, now);
    }
    expect_state(w, &m, "not-applicable");
    assert_string_equal(row_of(w, &m).why, "its owner switched monitoring off");
    answer = own(w, service_extension_put, "{\"wanted\":true}");
    expect_success(&answer);
    expect_state(w, &m, "never-reported");
    world_free(w);
}

static void a_clock_that_was_ahead_keeps_nobody_well(void **state)
{
    struct store_machine m;
    struct world *w = enrolled(&m);
    const int64_t ahead = NOW + (int64_t)20 * 86400;

    (void)state;
    state_tick(w->service, ahead);
    (void)attest_body_at(w, made(w, "a-secureboot-healthy", PCRS_OWN), ahead);
    expect_state(w, &m, "healthy");
    for (int64_t now = NOW; now < NOW + 4 * 3600; now += 20) {
        state_tick(w->service, now);
    }
    expect_state(w, &m, "silent");
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proofs_made_in_advance_keep_no_machine_well),
        cmocka_unit_test(a_clock_that_goes_with_time_is_believed),
        cmocka_unit_test(a_proof_in_doubt_makes_worse_and_moves_no_baseline),
        cmocka_unit_test(a_guest_does_not_choose_a_milder_judge),
        cmocka_unit_test(as_bad_elsewhere_takes_no_judgement_over),
        cmocka_unit_test(a_provider_that_is_not_there_is_nobody_elses_turn),
        cmocka_unit_test(only_the_provider_that_the_owner_set_counts),
        cmocka_unit_test(what_was_shown_is_what_is_approved),
        cmocka_unit_test(a_guest_takes_back_nothing_that_it_said),
        cmocka_unit_test(a_boot_does_not_announce_itself),
        cmocka_unit_test(a_machine_that_is_let_in_again_proves_itself),
        cmocka_unit_test(letting_in_again_forgets_no_boot),
        cmocka_unit_test(who_is_not_monitored_is_not_silent),
        cmocka_unit_test(a_clock_that_was_ahead_keeps_nobody_well),
    };

    return cmocka_run_group_tests(tests, make_machine, free_machine);
}
