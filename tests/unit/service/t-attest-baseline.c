/*
 * Proofs against the machine's own baseline: what is learned, what waits for a person, and what a
 * sender who chooses its registers cannot hide.
 */
#include "unit/service/proving.h"

static void the_first_good_boot_is_learned_and_a_changed_one_waits(void **state)
{
    struct store_machine m;
    struct world *w = enrolled(&m);
    struct service_answer answer;

    (void)state;
    prove(w, "a-secureboot-healthy", PCRS_OWN);
    expect_state(w, &m, "healthy");
    assert_non_null(baseline_of(w, &m).document.data);
    answer = approve(w, span_str("00000000000000000000000000000000"));
    expect_refusal(&answer, 409, "Conflict", "does not wait for approval");
    prove(w, "c-cmdline-changed", PCRS_OWN);
    expect_state(w, &m, "changed");
    assert_non_null(strstr(row_of(w, &m).why, "change-cmdline"));
    assert_non_null(baseline_of(w, &m).candidate.data);
    answer = approve(w, baseline_of(w, &m).candidate_digest);
    expect_success(&answer);
    expect_state(w, &m, "healthy");
    prove(w, "c-cmdline-changed", PCRS_OWN);
    expect_state(w, &m, "healthy");
    /* And now the boot from before is the strange one. */
    prove(w, "a-secureboot-healthy", PCRS_OWN);
    expect_state(w, &m, "changed");
    world_free(w);
}

static void a_boot_that_is_as_before_lets_nothing_wait(void **state)
{
    struct store_machine m;
    struct world *w = enrolled(&m);

    (void)state;
    prove(w, "a-secureboot-healthy", PCRS_OWN);
    prove(w, "c-cmdline-changed", PCRS_OWN);
    assert_non_null(baseline_of(w, &m).candidate.data);
    prove(w, "a-secureboot-healthy", PCRS_OWN);
    expect_state(w, &m, "healthy");
    assert_null(baseline_of(w, &m).candidate.data);
    world_free(w);
}

static void a_bad_boot_is_never_learned(void **state)
{
    struct store_machine m;
    struct world *w = enrolled(&m);

    (void)state;
    prove(w, "b-secureboot-off", PCRS_OWN);
    expect_state(w, &m, "unhealthy");
    assert_null(baseline_of(w, &m).document.data);
    prove(w, "a-secureboot-healthy", PCRS_OWN);
    expect_state(w, &m, "healthy");
    prove(w, "b-secureboot-off", PCRS_OWN);
    expect_state(w, &m, "unhealthy");
    assert_null(baseline_of(w, &m).candidate.data);
    world_free(w);
}

/* The command line is in PCR 8: who leaves it out of the quote has something to hide. */
static void fewer_registers_than_the_baselines_are_a_change(void **state)
{
    struct store_machine m;
    struct world *w = enrolled(&m);

    (void)state;
    prove(w, "a-secureboot-healthy", PCRS_OWN);
    prove(w, "c-cmdline-changed", PCRS_AZURE);
    expect_state(w, &m, "changed");
    assert_non_null(strstr(row_of(w, &m).why, "not attested any more"));
    world_free(w);
}

/* The values that are sent beside the quote are the baseline's; the quote covers less of them. */
static void registers_that_are_only_claimed_do_not_count(void **state)
{
    struct store_machine m;
    struct world *w = enrolled(&m);
    struct fabricate_request request, claimed;
    struct span inner, values;
    struct service_answer answer = {0};
    const char *at, *end;
    char *all, *own;

    (void)state;
    prove(w, "a-secureboot-healthy", PCRS_OWN);
    request = next(w, "a-secureboot-healthy", PCRS_AZURE);
    claimed = next(w, "a-secureboot-healthy", PCRS_OWN);
    inner = fabricate_inner(w->arena, machine, &claimed);
    at = strstr((const char *)inner.data, "\"PCRs\":");
    end = strchr(at, ']') + 1;
    values = span_of((const uint8_t *)at, (size_t)(end - at));
    inner = fabricate_inner(w->arena, machine, &request);
    own = strstr((char *)(uintptr_t)inner.data, "\"PCRs\":");
    all = arena_printf(w->arena, "%.*s%.*s%s", (int)(own - (const char *)inner.data),
                       (const char *)inner.data, (int)values.len, (const char *)values.data,
                       strchr(own, ']') + 1);
    service_attest_azureguest(w->service, w->home, &w->call,
                              fabricate_outer(w->arena, span_str(all)), &answer);
    expect_success(&answer); /* what the quote does not cover is dropped */
    expect_state(w, &m, "changed");
    assert_non_null(strstr(row_of(w, &m).why, "not attested any more"));
    world_free(w);
}

static void copies_of_old_evidence_change_no_state(void **state)
{
    struct store_machine m;
    struct world *w = enrolled(&m);
    struct fabricate_request good = next(w, "a-secureboot-healthy", PCRS_AZURE);
    struct span body = fabricate_outer(w->arena, fabricate_inner(w->arena, machine, &good));

    (void)state;
    (void)attest_body_at(w, body, NOW);
    expect_state(w, &m, "healthy");
    prove(w, "b-secureboot-off", PCRS_AZURE);
    expect_state(w, &m, "unhealthy");
    (void)attest_body_at(w, body, NOW + 1);
    expect_state(w, &m, "unhealthy");
    world_free(w);
}

static void a_baseline_that_cannot_be_read_is_no_reason_to_judge_without(void **state)
{
    struct store_machine m;
    struct world *w = enrolled(&m);
    struct store_monitor_change change;
    struct state_update update = {0};
    struct fabricate_request request;
    struct service_answer answer;

    (void)state;
    state_prepare(w->service, &update, &m, NOW);
    change = update.change;
    change.baseline = span_str("{\"schema\":\"bootwarden-baseline/1\"}");
    change.baseline_digest = span_str("x");
    assert_ok(store_monitor_apply(w->service->store, m.id, &change, NULL));
    request = next(w, "a-secureboot-healthy", PCRS_OWN);
    answer = attest(w, &request);
    assert_int_equal(answer.status, 503);
    expect_state(w, &m, "never-reported");
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_good_boot_is_learned_and_a_changed_one_waits),
        cmocka_unit_test(a_boot_that_is_as_before_lets_nothing_wait),
        cmocka_unit_test(a_bad_boot_is_never_learned),
        cmocka_unit_test(fewer_registers_than_the_baselines_are_a_change),
        cmocka_unit_test(registers_that_are_only_claimed_do_not_count),
        cmocka_unit_test(copies_of_old_evidence_change_no_state),
        cmocka_unit_test(a_baseline_that_cannot_be_read_is_no_reason_to_judge_without),
    };

    return cmocka_run_group_tests(tests, make_machine, free_machine);
}
