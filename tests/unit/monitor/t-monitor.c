#include "monitor/monitor.h"

#include "support/support.h"

enum { NOW = 1000000, PERIOD = 600 };

static struct monitor_facts healthy(void)
{
    return (struct monitor_facts){.is_active = true,
                                  .has_proof = true,
                                  .proof = MONITOR_HEALTHY,
                                  .proof_time = NOW,
                                  .contact = NOW,
                                  .period_s = PERIOD};
}

static void is_silent_after_three_periods_and_not_before(void **state)
{
    struct monitor_facts facts = healthy();

    (void)state;
    assert_int_equal(monitor_judge(&facts, NOW + 3 * PERIOD - 1), MONITOR_HEALTHY);
    assert_int_equal(monitor_judge(&facts, NOW + 3 * PERIOD), MONITOR_SILENT);
    assert_int_equal(monitor_due(&facts, NOW), NOW + 3 * PERIOD);
    assert_int_equal(monitor_due(&facts, NOW + 3 * PERIOD), 0);
}

static void silence_of_the_server_is_not_the_machines(void **state)
{
    struct monitor_facts facts = healthy();

    (void)state;
    facts.listening_since = NOW + 100 * PERIOD; /* it was down for a while */
    assert_int_equal(monitor_judge(&facts, NOW + 101 * PERIOD), MONITOR_HEALTHY);
    assert_int_equal(monitor_judge(&facts, NOW + 103 * PERIOD), MONITOR_SILENT);
    /* Nor does a start of the server make a silent machine well. */
    facts.was_silent = true;
    assert_int_equal(monitor_judge(&facts, NOW + 101 * PERIOD), MONITOR_SILENT);
}

static void silence_hides_no_earlier_verdict_for_ever(void **state)
{
    struct monitor_facts facts = healthy();

    (void)state;
    facts.proof = MONITOR_UNHEALTHY;
    assert_int_equal(monitor_judge(&facts, NOW + 9 * PERIOD), MONITOR_SILENT);
}

/* Root of the guest can keep the talk up and leave the proofs out. */
static void talk_without_proof_is_silence(void **state)
{
    struct monitor_facts facts = healthy();

    (void)state;
    facts.contact = NOW + 3 * PERIOD;
    assert_int_equal(monitor_judge(&facts, NOW + 3 * PERIOD), MONITOR_SILENT);
}

static void a_blocked_network_is_not_a_bad_boot(void **state)
{
    struct monitor_facts facts = healthy();

    (void)state;
    facts.has_trouble = true;
    facts.trouble = MONITOR_UNREACHABLE;
    facts.trouble_time = NOW + 1;
    assert_int_equal(monitor_judge(&facts, NOW + 1), MONITOR_UNREACHABLE);
    facts.proof_time = NOW + 2; /* it came through again */
    assert_int_equal(monitor_judge(&facts, NOW + 2), MONITOR_HEALTHY);
    facts.has_proof = false;
    assert_int_equal(monitor_judge(&facts, NOW + 2), MONITOR_UNREACHABLE);
}

static void trouble_of_a_clock_that_was_ahead_hides_no_proof(void **state)
{
    struct monitor_facts facts = healthy();

    (void)state;
    facts.has_trouble = true;
    facts.trouble = MONITOR_UNREACHABLE;
    facts.trouble_time = NOW + 86400;
    assert_int_equal(monitor_judge(&facts, NOW + 1), MONITOR_HEALTHY);
}

static void what_never_came_is_not_silent(void **state)
{
    struct monitor_facts facts = {.is_active = true, .period_s = PERIOD};

    (void)state;
    assert_int_equal(monitor_judge(&facts, NOW), MONITOR_NEVER_REPORTED);
    assert_int_equal(monitor_due(&facts, NOW), 0);
    facts.contact = NOW; /* it opened a session and proved nothing */
    assert_int_equal(monitor_judge(&facts, NOW), MONITOR_NEVER_REPORTED);
}

static void a_disabled_machine_is_not_judged(void **state)
{
    struct monitor_facts facts = healthy();

    (void)state;
    facts.is_active = false;
    assert_int_equal(monitor_judge(&facts, NOW), MONITOR_NOT_APPLICABLE);
    assert_int_equal(monitor_judge(&facts, NOW + 9 * PERIOD), MONITOR_NOT_APPLICABLE);
    assert_int_equal(monitor_due(&facts, NOW), 0);
}

static void a_guest_that_says_no_period_has_an_hour(void **state)
{
    struct monitor_facts facts = healthy();

    (void)state;
    facts.period_s = 0;
    assert_int_equal(monitor_due(&facts, NOW), NOW + 3 * 3600);
}

static void every_state_has_a_name_of_its_own(void **state)
{
    enum monitor_state found;

    (void)state;
    for (size_t i = 0; i < MONITOR_STATES; i++) {
        assert_true(
            monitor_state_by_name(span_str(monitor_state_name((enum monitor_state)i)), &found));
        assert_int_equal(found, i);
    }
    assert_false(monitor_state_by_name(span_str("fine"), &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_silent_after_three_periods_and_not_before),
        cmocka_unit_test(silence_of_the_server_is_not_the_machines),
        cmocka_unit_test(silence_hides_no_earlier_verdict_for_ever),
        cmocka_unit_test(talk_without_proof_is_silence),
        cmocka_unit_test(a_blocked_network_is_not_a_bad_boot),
        cmocka_unit_test(trouble_of_a_clock_that_was_ahead_hides_no_proof),
        cmocka_unit_test(what_never_came_is_not_silent),
        cmocka_unit_test(a_disabled_machine_is_not_judged),
        cmocka_unit_test(a_guest_that_says_no_period_has_an_hour),
        cmocka_unit_test(every_state_has_a_name_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
