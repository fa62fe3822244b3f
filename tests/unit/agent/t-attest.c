/* Whole runs of the agent against a software TPM and a service that misbehaves as it is told. */
#include "agent/attest.h"

#include "agent/enroll.h"
#include "agent/request.h"
#include "reasons/reasons.h"
#include "stub.h"
#include "support/swtpm.h"

static struct swtpm tpm;
static struct agent agent;
static struct agent_options options;
static struct arena *arena;
static char event_log[SWTPM_PATH_MAX + 16];

static int group_start(void **state)
{
    (void)state;
    stub_start();
    swtpm_start(&tpm, true);
    snprintf(event_log, sizeof(event_log), "%s/log", tpm.folder);
    stub_write(event_log, span_str("the event log"), 0600);
    return 0;
}

static int group_stop(void **state)
{
    (void)state;
    swtpm_stop(&tpm);
    stub_stop();
    return 0;
}

static int open_agent(void **state)
{
    (void)state;
    stub.faults = (struct stub_faults){0};
    stub.joins = stub.sessions = stub.activations = stub.challenges = stub.proofs = 0;
    options = (struct agent_options){.command = COMMAND_ATTEST,
                                     .server = stub.url,
                                     .ca_file = stub.ca_file,
                                     .tcti = tpm.tcti,
                                     .event_log = event_log,
                                     .retries = 3,
                                     .retry_wait_ms = 1};
    arena = test_arena();
    if (agent_open(&options, arena, &agent) != ERR_OK || agent_need_tpm(&agent) != ERR_OK) {
        fail_msg("%s", agent.fault.text);
    }
    return 0;
}

static int close_agent(void **state)
{
    (void)state;
    agent_done(&agent);
    arena_free(arena);
    return 0;
}

static err_t repeat(struct agent *of, void *result)
{
    return attest_round(of, result);
}

static err_t run(struct attest_result *result)
{
    return agent_repeat(&agent, repeat, result);
}

static void assert_token(const struct attest_result *result)
{
    assert_non_null(result->jwt.data);
    assert_false(result->is_refused);
}

static void assert_fault(err_t err, enum agent_exit exit, const char *words)
{
    if (err == ERR_OK || agent.fault.exit != exit || strstr(agent.fault.text, words) == NULL) {
        fail_msg("%s, exit %d: \"%s\" lacks \"%s\"", err_name(err), agent.fault.exit,
                 agent.fault.text, words);
    }
}

/* ---- joining ---- */

static void refused_join_tells_what_the_service_said(void **state)
{
    struct attest_result result = {0};

    (void)state;
    stub.faults.refuses_join = true;
    assert_fault(run(&result), EXIT_SERVICE, "403 Untrusted: no CA in trust/ek");
    assert_int_equal(stub.joins, 1); /* asking again would not change it */
    assert_int_equal(stub.proofs, 0);
}

static void failed_activation_ends_the_run(void **state)
{
    struct attest_result result = {0};

    (void)state;
    stub.faults.ends_sessions = true;
    assert_fault(run(&result), EXIT_SERVICE, "401 ActivationFailed");
}

static void certificate_for_another_key_is_not_stored(void **state)
{
    struct attest_result result = {0};
    struct tpmdev_ak ak;

    (void)state;
    stub.faults.other_certificates = 1;
    assert_fault(run(&result), EXIT_SERVICE, "not for the key of this TPM");
    assert_ok(tpmdev_ak_read(agent.tpm, arena, NULL, &ak));
    assert_int_equal(ak.certificate.len, 0);
}

static void first_run_joins_and_stores_the_certificate(void **state)
{
    struct attest_result result = {0};
    struct tpmdev_ak ak;

    (void)state;
    assert_ok(run(&result));
    assert_token(&result);
    assert_int_equal(stub.joins, 1);
    assert_int_equal(stub.sessions, 0);
    assert_int_equal(stub.proofs, 1);
    assert_ok(tpmdev_ak_read(agent.tpm, arena, NULL, &ak));
    assert_true(ak.certificate.len > 0);
    assert_true(span_equal(stub.evidence->aks[0].certificate.bytes, ak.certificate));
    assert_string_equal(agent.machine_name, "stub-machine");
}

static void later_runs_take_the_short_way_and_keep_the_certificate(void **state)
{
    struct attest_result result = {0};
    struct tpmdev_ak before, after;

    (void)state;
    assert_ok(tpmdev_ak_read(agent.tpm, arena, NULL, &before));
    assert_ok(run(&result));
    assert_token(&result);
    assert_int_equal(stub.joins, 0);
    assert_int_equal(stub.sessions, 1);
    assert_ok(tpmdev_ak_read(agent.tpm, arena, NULL, &after));
    assert_true(span_equal(before.certificate, after.certificate));
}

static void service_that_lost_its_records_is_joined_again(void **state)
{
    struct attest_result result = {0};

    (void)state;
    stub.faults.forgets_ak = true;
    assert_ok(run(&result));
    assert_token(&result);
    assert_int_equal(stub.sessions, 1);
    assert_int_equal(stub.joins, 1);
}

/* decisions, section 5: renewed at 90 days left. */
static void certificate_near_its_end_is_renewed(void **state)
{
    struct attest_result result = {0};
    struct tpmdev_ak before, after;

    (void)state;
    stub.faults.certificate_days = 89;
    assert_ok(tpmdev_ak_store_certificate(agent.tpm, stub_certificate(), NULL));
    stub.faults.certificate_days = 0;
    assert_ok(tpmdev_ak_read(agent.tpm, arena, NULL, &before));
    agent.ak = before;
    assert_ok(run(&result));
    assert_token(&result);
    assert_ok(tpmdev_ak_read(agent.tpm, arena, NULL, &after));
    assert_false(span_equal(before.certificate, after.certificate));
}

static void expired_certificate_means_joining(void **state)
{
    struct attest_result result = {0};
    struct tpmdev_ak ak;

    (void)state;
    stub.faults.certificate_days = -1;
    assert_ok(tpmdev_ak_store_certificate(agent.tpm, stub_certificate(), NULL));
    assert_ok(tpmdev_ak_read(agent.tpm, arena, NULL, &agent.ak));
    assert_false(enroll_has_certificate(&agent, timestamp_now()));
    stub.faults.certificate_days = 0;
    assert_ok(run(&result));
    assert_token(&result);
    assert_int_equal(stub.joins, 1);
    assert_int_equal(stub.sessions, 0);
    assert_ok(tpmdev_ak_read(agent.tpm, arena, NULL, &ak));
    assert_true(span_equal(ak.certificate, agent.ak.certificate));
}

/* ---- what is sent ---- */

static void q_10_quote_covers_the_context_of_the_service(void **state)
{
    struct attest_result result = {0};
    struct tpm_attest quote;
    uint8_t nonce[SHA256_BYTES];

    (void)state;
    assert_ok(run(&result));
    assert_true(
        span_equal(stub.evidence->azure.context, span_of(stub.context, sizeof(stub.context))));
    assert_ok(azureguest_expected_nonce(stub.evidence->azure.context,
                                        stub.evidence->azure.guest_facts_canonical, nonce));
    assert_ok(
        tpm_attest_parse(stub.evidence->quotes[0].attest.bytes, TPM_ATTEST_QUOTE, NULL, &quote));
    assert_true(span_equal(quote.extra_data, span_of(nonce, sizeof(nonce))));
    assert_int_equal(stub.evidence->pcr_set, REQUEST_PCRS_OWN);
    assert_int_equal(quote.selections[0].mask, REQUEST_PCRS_OWN);
    assert_true(span_is(stub.evidence->log.bytes, "the event log"));
    assert_int_equal(stub.evidence->ima.bytes.len, 0);
}

static void ima_log_brings_pcr_10_with_it(void **state)
{
    struct attest_result result = {0};

    (void)state;
    options.ima_log = event_log;
    assert_ok(run(&result));
    assert_int_equal(stub.evidence->pcr_set, REQUEST_PCRS_OWN | REQUEST_PCR_IMA);
    assert_true(span_is(stub.evidence->ima.bytes, "the event log"));
}

static void azure_form_needs_no_session_and_has_no_nonce(void **state)
{
    struct attest_result result = {0};
    struct tpm_attest quote;

    (void)state;
    options.is_azure = true;
    assert_ok(run(&result));
    assert_token(&result);
    assert_int_equal(stub.joins + stub.sessions + stub.challenges, 0);
    assert_false(stub.evidence->azure.has_bootwarden);
    assert_int_equal(stub.evidence->pcr_set, 0xff);
    assert_ok(
        tpm_attest_parse(stub.evidence->quotes[0].attest.bytes, TPM_ATTEST_QUOTE, NULL, &quote));
    assert_int_equal(quote.extra_data.len, 0);
}

/* ---- answers ---- */

static void refusal_is_a_result_with_its_reasons(void **state)
{
    struct attest_result result = {0};

    (void)state;
    stub.faults.verdict = "not-verified: log-replay: PCR 4 (4; 5) is not: explained; nonce: is "
                          "another (TpmInfo.PcrQuote)";
    assert_ok(run(&result));
    assert_true(result.is_refused);
    assert_null(result.jwt.data);
    assert_int_equal(stub.proofs, 1);
    assert_string_equal(result.refusal.code, "InvalidParameter");
    assert_string_equal(result.refusal.verdict, "not-verified");
    assert_int_equal(result.refusal.n_reasons, 2);
    assert_string_equal(result.refusal.reasons[0].code, "log-replay");
    assert_string_equal(result.refusal.reasons[0].text, "PCR 4 (4; 5) is not: explained");
    assert_string_equal(result.refusal.reasons[0].remedy, reason_remedy(REASON_LOG_REPLAY));
    assert_string_equal(result.refusal.reasons[1].code, "nonce");
    assert_string_equal(result.refusal.reasons[1].text, "is another (TpmInfo.PcrQuote)");
    assert_string_equal(result.refusal.reasons[1].remedy, reason_remedy(REASON_NONCE));
}

static void refusal_in_other_words_is_shown_whole(void **state)
{
    struct attest_result result = {0};

    (void)state;
    stub.faults.verdict = "AttestationInfo: \\EFI\\BOOT is missing; try again";
    assert_ok(run(&result));
    assert_true(result.is_refused);
    assert_string_equal(result.refusal.verdict, "");
    assert_int_equal(result.refusal.n_reasons, 1);
    assert_string_equal(result.refusal.reasons[0].code, "");
    assert_string_equal(result.refusal.reasons[0].text, stub.faults.verdict);
    assert_non_null(strstr(result.refusal.reasons[0].remedy, "same version"));
}

/* A newer service has codes that this agent has never heard of. */
static void reason_that_is_not_known_here_is_shown_with_where_to_look(void **state)
{
    struct attest_result result = {0};

    (void)state;
    stub.faults.verdict = "unhealthy: moon-phase: it was full";
    assert_ok(run(&result));
    assert_int_equal(result.refusal.n_reasons, 1);
    assert_string_equal(result.refusal.reasons[0].code, "moon-phase");
    assert_string_equal(result.refusal.reasons[0].text, "it was full");
    assert_non_null(strstr(result.refusal.reasons[0].remedy, "does not know the code"));
}

static void unknown_ca_of_the_ak_certificate_means_joining_once(void **state)
{
    struct attest_result result = {0};

    (void)state;
    stub.faults.untrusted = 1;
    assert_ok(run(&result));
    assert_token(&result);
    assert_int_equal(stub.joins, 1);
    assert_int_equal(stub.proofs, 2);

    agent.has_rejoined = false;
    stub.faults.untrusted = 5;
    stub.joins = stub.proofs = 0;
    assert_ok(run(&result));
    assert_true(result.is_refused);
    assert_int_equal(stub.joins, 1);
    assert_int_equal(stub.proofs, 2);
}

static void nonsense_instead_of_a_sealed_token_is_named(void **state)
{
    struct attest_result result = {0};

    (void)state;
    stub.faults.talks_nonsense = true;
    assert_fault(run(&result), EXIT_SERVICE, "sealed token that is none");
    assert_int_equal(stub.proofs, 1);
}

static void altered_reply_is_never_opened_but_asked_for_again(void **state)
{
    struct attest_result result = {0};

    (void)state;
    stub.faults.bent_replies = 1;
    assert_ok(run(&result));
    assert_token(&result);
    assert_int_equal(stub.proofs, 2);

    stub.faults.bent_replies = 9;
    stub.proofs = 0;
    result = (struct attest_result){0};
    assert_fault(run(&result), EXIT_SERVICE, "does not open");
    assert_null(result.jwt.data);
    assert_int_equal(stub.proofs, 4); /* the first and three more */
}

/* ---- trouble that passes ---- */

static void busy_service_is_asked_again_with_a_new_challenge(void **state)
{
    struct attest_result result = {0};

    (void)state;
    stub.faults.unavailable = 3;
    assert_ok(run(&result));
    assert_token(&result);

    agent.session_token = NULL;
    stub.faults.unavailable = 4;
    assert_fault(run(&result), EXIT_SERVICE, "503 ServiceUnavailable: out for lunch");
    assert_true(agent.fault.is_temporary);
}

static void retry_after_is_heard(void **state)
{
    struct attest_result result = {0};

    (void)state;
    options.retries = 0;
    stub.faults.busy_challenges = 1;
    assert_fault(run(&result), EXIT_SERVICE, "429 TooManyRequests");
    assert_int_equal(agent.fault.retry_after_s, 1);
}

static void count(void *context)
{
    ++*(unsigned *)context;
}

static void who_waits_for_a_busy_service_says_that_it_lives(void **state)
{
    struct attest_result result = {0};
    unsigned times = 0;
    const struct alive alive = {count, &times, 10};

    (void)state;
    options.alive = agent.remote.alive = &alive;
    assert_ok(run(&result));
    assert_true(times >= 3); /* before each call */
    times = 0;
    stub.faults.busy_challenges = 1; /* for a second */
    assert_ok(run(&result));
    assert_true(times > 50);
}

static void what_was_only_accepted_is_no_success(void **state)
{
    struct attest_result result = {0};

    (void)state;
    assert_ok(run(&result));
    stub.faults.accepts_all = true;
    assert_fault(run(&result), EXIT_SERVICE, "said 202");
    agent.session_token = NULL;
    assert_fault(run(&result), EXIT_SERVICE, "said 202");
    assert_fault(enroll_session(&agent, true), EXIT_SERVICE, "Joining refused");
}

static void expired_session_is_renewed(void **state)
{
    struct attest_result result = {0};

    (void)state;
    stub.faults.expired_sessions = 1;
    assert_ok(run(&result));
    assert_token(&result);
    assert_int_equal(stub.sessions, 2);
}

static void unreachable_service_is_named_with_host_port_and_remedy(void **state)
{
    struct attest_result result = {0};
    struct agent lost = {0};

    (void)state;
    agent_done(&agent); /* swtpm talks to one at a time */
    options.server = "https://127.0.0.1:1";
    options.retries = 1;
    assert_ok(agent_open(&options, arena, &lost));
    assert_true(agent_repeat(&lost, repeat, &result) != ERR_OK);
    assert_int_equal(lost.fault.exit, EXIT_SERVICE);
    assert_non_null(strstr(lost.fault.text, "Guest endpoint unreachable: 127.0.0.1:1. "));
    assert_non_null(strstr(lost.fault.text, "firewalls"));
    agent_done(&lost);
}

static void foreign_certificate_of_the_service_is_named(void **state)
{
    struct attest_result result = {0};
    struct agent lost = {0};
    char other_ca[SWTPM_PATH_MAX + 16];
    struct span text;

    (void)state;
    agent_done(&agent);
    snprintf(other_ca, sizeof(other_ca), "%s/other.pem", tpm.folder);
    assert_ok(cert_pem(stub.ca, arena, &text));
    stub_write(other_ca, text, 0600);
    options.ca_file = other_ca;
    assert_ok(agent_open(&options, arena, &lost));
    assert_err(agent_repeat(&lost, repeat, &result), ERR_UNTRUSTED);
    assert_false(lost.fault.is_temporary); /* so nothing was tried again */
    assert_int_equal(lost.fault.exit, EXIT_SERVICE);
    assert_non_null(strstr(lost.fault.text, "Guest endpoint not trusted: "));
    assert_non_null(strstr(lost.fault.text, "--ca"));
    assert_int_equal(stub.joins + stub.sessions, 0);
    agent_done(&lost);
}

#define AGENT_TEST(name) cmocka_unit_test_setup_teardown(name, open_agent, close_agent)

int main(void)
{
    const struct CMUnitTest tests[] = {
        AGENT_TEST(refused_join_tells_what_the_service_said),
        AGENT_TEST(failed_activation_ends_the_run),
        AGENT_TEST(certificate_for_another_key_is_not_stored),
        AGENT_TEST(first_run_joins_and_stores_the_certificate),
        AGENT_TEST(later_runs_take_the_short_way_and_keep_the_certificate),
        AGENT_TEST(service_that_lost_its_records_is_joined_again),
        AGENT_TEST(certificate_near_its_end_is_renewed),
        AGENT_TEST(expired_certificate_means_joining),
        AGENT_TEST(q_10_quote_covers_the_context_of_the_service),
        AGENT_TEST(ima_log_brings_pcr_10_with_it),
        AGENT_TEST(azure_form_needs_no_session_and_has_no_nonce),
        AGENT_TEST(refusal_is_a_result_with_its_reasons),
        AGENT_TEST(refusal_in_other_words_is_shown_whole),
        AGENT_TEST(reason_that_is_not_known_here_is_shown_with_where_to_look),
        AGENT_TEST(unknown_ca_of_the_ak_certificate_means_joining_once),
        AGENT_TEST(nonsense_instead_of_a_sealed_token_is_named),
        AGENT_TEST(altered_reply_is_never_opened_but_asked_for_again),
        AGENT_TEST(busy_service_is_asked_again_with_a_new_challenge),
        AGENT_TEST(retry_after_is_heard),
        AGENT_TEST(who_waits_for_a_busy_service_says_that_it_lives),
        AGENT_TEST(what_was_only_accepted_is_no_success),
        AGENT_TEST(expired_session_is_renewed),
        AGENT_TEST(unreachable_service_is_named_with_host_port_and_remedy),
        AGENT_TEST(foreign_certificate_of_the_service_is_named),
    };

    return cmocka_run_group_tests(tests, group_start, group_stop);
}
