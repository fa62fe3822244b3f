/*
 * Single rounds against a software TPM and a service that misbehaves as it is told: what is
 * reported, what is kept for later, and which package is fetched.
 */
#include "daemon/round.h"

#include "support/swtpm.h"
#include "unit/agent/stub.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

static const char upgrade_keys[] = "-----BEGIN PUBLIC KEY-----\n"
                                   "MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=\n"
                                   "-----END PUBLIC KEY-----\n";
#define PACKAGE_DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OFFER                                                                                      \
    "{\"extension\":{},\"package\":{\"version\":\"9.9\",\"path\":\"/guest/v1/package/9.9\","       \
    "\"sha256\":\"" PACKAGE_DIGEST "\",\"size\":32}}"

static struct swtpm tpm;
static struct agent_options options;
static struct lifeline line;
static struct upgrade upgrade;
static struct queue queue;
static struct rounds rounds;
static struct arena *arena;
static int supervisor;
static char event_log[SWTPM_PATH_MAX + 16], state_folder[SWTPM_PATH_MAX + 16],
    queue_folder[SWTPM_PATH_MAX + 32], key_file[SWTPM_PATH_MAX + 16];

static int group_start(void **state)
{
    (void)state;
    stub_start();
    swtpm_start(&tpm, true);
    snprintf(event_log, sizeof(event_log), "%s/log", tpm.folder);
    snprintf(key_file, sizeof(key_file), "%s/keys", tpm.folder);
    snprintf(state_folder, sizeof(state_folder), "%s/state", tpm.folder);
    snprintf(queue_folder, sizeof(queue_folder), "%s/queue", state_folder);
    stub_write(event_log, span_str("the event log"), 0600);
    stub_write(key_file, span_str(upgrade_keys), 0600);
    assert_ok(file_make_folder(state_folder, 0700, NULL));
    return 0;
}

static int group_stop(void **state)
{
    (void)state;
    swtpm_stop(&tpm);
    stub_stop();
    return 0;
}

static void forget_calls(void)
{
    stub.joins = stub.sessions = stub.activations = stub.challenges = stub.proofs = 0;
    stub.goals = stub.reports = stub.statuses = stub.packages = 0;
    memset(stub.order, 0, sizeof(stub.order));
    stub.report[0] = '\0';
}

static int open_rounds(void **state)
{
    int ends[2];

    (void)state;
    stub.faults = (struct stub_faults){0};
    forget_calls();
    options = (struct agent_options){.command = COMMAND_RUN,
                                     .server = stub.url,
                                     .ca_file = stub.ca_file,
                                     .tcti = tpm.tcti,
                                     .event_log = event_log,
                                     .state = state_folder,
                                     .upgrade_key = key_file,
                                     .upgrade_after_ms = 1};
    arena = test_arena();
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    supervisor = ends[0];
    line = (struct lifeline){.fd = ends[1]};
    upgrade_open(&upgrade, &options, &line);
    assert_true(upgrade.has_slots);
    assert_ok(queue_open(&queue, queue_folder, NULL));
    queue_clear(&queue);
    rounds = (struct rounds){.options = &options,
                             .queue = &queue,
                             .upgrade = &upgrade,
                             .period_s = 60,
                             .is_wanted = true};
    return 0;
}

static int close_rounds(void **state)
{
    (void)state;
    close(supervisor);
    close(line.fd);
    arena_free(arena);
    return 0;
}

static struct round run(void)
{
    struct round round;

    forget_calls();
    round_run(&rounds, arena, &round);
    return round;
}

static struct round contact(void)
{
    struct round round;

    forget_calls();
    round_contact(&rounds, arena, &round);
    return round;
}

static unsigned queued(void)
{
    struct span report;
    uint64_t number;
    int64_t time;
    struct queue copy;
    unsigned n = 0;

    assert_ok(queue_open(&copy, queue_folder, NULL));
    while (queue_first(&copy, arena, &number, &time, &report) == ERR_OK) {
        queue_remove(&copy, number);
        n++;
    }
    return n;
}

static const struct substatus *sub_of(const struct round *round, const char *name)
{
    for (size_t i = 0; i < round->status.n_subs; i++) {
        if (strcmp(round->status.subs[i].name, name) == 0) {
            return &round->status.subs[i];
        }
    }
    return NULL;
}

static struct substatus need_sub(const struct round *round, const char *name)
{
    const struct substatus *sub = sub_of(round, name);

    if (sub == NULL) {
        fail_msg("no substatus %s", name);
        return (struct substatus){.message = ""};
    }
    return *sub;
}

/* ---- before it has joined: these tests come first ---- */

static void nothing_is_kept_of_a_machine_that_nobody_knows(void **state)
{
    (void)state;
    stub.faults.ends_sessions = true;
    assert_int_equal(run().outcome, ROUND_FAILED);
    assert_int_equal(queued(), 0);
}

static void who_is_let_in_proves_itself_at_once(void **state)
{
    (void)state;
    stub.faults.keeps_waiting = true;
    assert_int_equal(run().outcome, ROUND_WAITS);
    assert_false(contact().wants_proof);
    stub.faults.keeps_waiting = false;
    assert_true(contact().wants_proof);
    assert_int_equal(run().outcome, ROUND_ATTESTED);
    assert_false(contact().wants_proof);
}

/* ---- what is reported ---- */

static void a_proof_is_reported(void **state)
{
    (void)state;
    assert_int_equal(run().outcome, ROUND_ATTESTED);
    assert_string_equal(stub.order, "gprs");
    assert_non_null(strstr(stub.report, "\"outcome\":\"attested\""));
}

static void who_is_switched_off_reports_no_failure(void **state)
{
    (void)state;
    queue_put(&queue, span_str("{\"outcome\":\"failed\"}"));
    stub.faults.goal = "{\"extension\":{\"wanted\":false}}";
    assert_int_equal(run().outcome, ROUND_IDLE);
    assert_string_equal(stub.order, "gs");
    (void)contact();
    assert_string_equal(stub.order, "g");
}

static void a_tpm_that_is_gone_is_told_in_the_session_that_is_open(void **state)
{
    (void)state;
    assert_int_equal(run().outcome, ROUND_ATTESTED);
    options.tcti = "swtpm:path=/nonexistent/socket";
    assert_int_equal(run().outcome, ROUND_FAILED);
    assert_string_equal(stub.order, "rs");
    assert_non_null(strstr(stub.report, "\"outcome\":\"failed\""));
    assert_non_null(strstr(stub.report, "no TPM answers"));
    /* And kept, when that is not possible now. */
    stub.faults.unavailable = 100;
    (void)run();
    assert_int_equal(queued(), 1);
}

static void what_waited_is_told_before_the_proof(void **state)
{
    (void)state;
    assert_int_equal(run().outcome, ROUND_ATTESTED);
    queue_put(&queue, span_str("{\"outcome\":\"unreachable\"}"));
    assert_int_equal(run().outcome, ROUND_ATTESTED);
    assert_string_equal(stub.order, "grprs");
    assert_int_equal(queued(), 0);
}

static void a_report_of_long_ago_is_of_ninety_days_ago(void **state)
{
    const struct timespec times[] = {{.tv_sec = 1}, {.tv_sec = 1}};
    char path[sizeof(queue_folder) + 32];

    (void)state;
    assert_int_equal(run().outcome, ROUND_ATTESTED);
    queue_put(&queue, span_str("{\"outcome\":\"unreachable\"}"));
    snprintf(path, sizeof(path), "%s/%020llu.json", queue_folder,
             (unsigned long long)(queue.next - 1));
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    (void)contact();
    assert_non_null(strstr(stub.report, "{\"ageSeconds\":7776000,"));
}

static void answers_that_pass_cost_no_report(void **state)
{
    static const struct {
        unsigned status;
        bool is_kept;
    } cases[] = {{401, true}, {403, true},  {404, true},  {408, true}, {429, true},
                 {503, true}, {400, false}, {413, false}, {422, false}};

    (void)state;
    assert_int_equal(run().outcome, ROUND_ATTESTED);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        queue.dropped = 0;
        queue_put(&queue, span_str("{\"outcome\":\"unreachable\"}"));
        stub.faults.report_status = cases[i].status;
        (void)contact();
        if (queue.dropped != (cases[i].is_kept ? 0 : 1) || queued() != (cases[i].is_kept ? 1 : 0)) {
            fail_msg("status %u", cases[i].status);
        }
        queue.dropped = 0;
        (void)run();
        if (queue.dropped != (cases[i].is_kept ? 0 : 1) || queued() != (cases[i].is_kept ? 1 : 0)) {
            fail_msg("status %u of a round", cases[i].status);
        }
    }
}

static void a_new_enrolment_begins_without_old_reports(void **state)
{
    (void)state;
    queue_put(&queue, span_str("{\"outcome\":\"failed\"}"));
    stub.faults.forgets_ak = true;
    assert_int_equal(run().outcome, ROUND_ATTESTED);
    assert_int_equal(stub.joins, 1);
    assert_string_equal(stub.order, "gprs");
    assert_int_equal(queued(), 0);
}

static void who_has_joined_keeps_what_cannot_be_told(void **state)
{
    (void)state;
    stub.faults.unavailable = 100;
    assert_int_equal(run().outcome, ROUND_FAILED); /* of a process that has just begun */
    assert_int_equal(queued(), 1);
}

/* ---- addresses of the goal state ---- */

static void a_bad_address_is_told_and_can_be_corrected(void **state)
{
    static const char *const urls[] = {"https://x/?a=1", "https://u@x", "https://", "https://x "};
    struct round round;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        stub.faults.goal =
            arena_printf(arena,
                         "{\"extension\":{\"settings\":{\"AttestationConfig\":{\"MaaSettings\":{"
                         "\"maaEndpoint\":\"%s\"}}}}}",
                         urls[i]);
        round = run();
        assert_int_equal(round.outcome, ROUND_FAILED);
        assert_non_null(strstr(need_sub(&round, "Settings").message, "maaEndpoint"));
        assert_string_equal(stub.order, "grs");
        assert_non_null(strstr(stub.report, "maaEndpoint"));
        stub.faults.goal = NULL;
        assert_int_equal(run().outcome, ROUND_ATTESTED);
    }
}

static void an_address_from_before_that_cannot_be_used_blocks_nothing(void **state)
{
    (void)state;
    strcpy(rounds.attest_url, "https://x/?a=1");
    assert_int_equal(run().outcome, ROUND_ATTESTED);
    strcpy(rounds.attest_url, "https://x/?a=1");
    (void)contact();
    assert_string_equal(stub.order, "g");
}

static void the_way_is_described_without_another_proof(void **state)
{
    struct round round;

    (void)state;
    assert_int_equal(run().outcome, ROUND_ATTESTED);
    stub.faults.goal = "{\"extension\":{},\"attestEndpoint\":\"https://127.0.0.1:1\"}";
    round = run();
    assert_int_equal(round.outcome, ROUND_UNREACHABLE);
    assert_int_equal(need_sub(&round, "attestation/tcp").status, STATUS_ERROR);
    assert_int_equal(need_sub(&round, "guest/http").status, STATUS_SUCCESS);
    assert_null(sub_of(&round, "enrolment"));
    assert_null(sub_of(&round, "policy"));
    assert_int_equal(stub.joins + stub.sessions + stub.proofs, 0);
}

/* ---- packages ---- */

static void no_package_is_fetched_after_a_hiccup(void **state)
{
    (void)state;
    assert_int_equal(run().outcome, ROUND_ATTESTED);
    stub.faults.goal = OFFER;
    for (unsigned level = 0; level < 2; level++) {
        rounds.level = level;
        (void)contact();
        assert_int_equal(stub.goals, 1);
        assert_int_equal(stub.packages, 0);
    }
}

static void what_the_disk_does_not_hold_is_no_fault_of_the_package(void **state)
{
    struct rlimit none = {.rlim_cur = 16, .rlim_max = RLIM_INFINITY}, before;
    struct slot_bads bads;

    (void)state;
    assert_int_equal(run().outcome, ROUND_ATTESTED);
    stub.faults.goal = OFFER;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    none.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    (void)contact();
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(stub.packages, 0); /* nor is it counted as fetched */
    assert_non_null(strstr(upgrade.trouble, "no room"));
    slots_bads(&upgrade.slots, &bads);
    assert_int_equal(bads.n, 0);
    (void)contact();
    assert_int_equal(stub.packages, 0); /* a period later */
    upgrade.not_before_ms = 0;
    (void)contact();
    assert_int_equal(stub.packages, 1);
    slots_bads(&upgrade.slots, &bads);
    assert_int_equal(bads.n, 1); /* it is another one than was announced */
    assert_string_equal(bads.items[0].package, PACKAGE_DIGEST);
}

#define ROUND_TEST(name) cmocka_unit_test_setup_teardown(name, open_rounds, close_rounds)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROUND_TEST(nothing_is_kept_of_a_machine_that_nobody_knows),
        ROUND_TEST(who_is_let_in_proves_itself_at_once),
        ROUND_TEST(a_proof_is_reported),
        ROUND_TEST(who_is_switched_off_reports_no_failure),
        ROUND_TEST(a_tpm_that_is_gone_is_told_in_the_session_that_is_open),
        ROUND_TEST(what_waited_is_told_before_the_proof),
        ROUND_TEST(a_report_of_long_ago_is_of_ninety_days_ago),
        ROUND_TEST(answers_that_pass_cost_no_report),
        ROUND_TEST(a_new_enrolment_begins_without_old_reports),
        ROUND_TEST(who_has_joined_keeps_what_cannot_be_told),
        ROUND_TEST(a_bad_address_is_told_and_can_be_corrected),
        ROUND_TEST(an_address_from_before_that_cannot_be_used_blocks_nothing),
        ROUND_TEST(the_way_is_described_without_another_proof),
        ROUND_TEST(no_package_is_fetched_after_a_hiccup),
        ROUND_TEST(what_the_disk_does_not_hold_is_no_fault_of_the_package),
    };

    return cmocka_run_group_tests(tests, group_start, group_stop);
}
