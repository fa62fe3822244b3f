#include "daemon/round.h"

#include "agent/attest.h"
#include "agent/enroll.h"
#include "base/timestamp.h"
#include "check/check.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    FLUSH_MAX = 16,             /* queued reports that are sent in one round */
    AGE_MAX_S = 90 * 24 * 3600, /* of a report: docs/formats/guest-api.md */
    DESCRIBE_MS = 60 * 1000,    /* for looking at the way, after a round that failed */
};

/* Levels of docs/formats/agent-package.md: a proof was judged, or none is wanted. */
enum { LEVEL_JUDGED = 2 };

const char *round_outcome_name(enum round_outcome outcome)
{
    static const char *const names[] = {
        [ROUND_ATTESTED] = "attested",       [ROUND_REFUSED] = "refused",
        [ROUND_UNREACHABLE] = "unreachable", [ROUND_WAITS] = "waiting",
        [ROUND_FAILED] = "failed",           [ROUND_IDLE] = "idle",
    };

    return names[outcome];
}

/* ---- what became of it, as a status ---- */

static bool is_network(err_t err)
{
    return err == ERR_NETWORK || err == ERR_TIMEOUT || err == ERR_UNTRUSTED;
}

/* What is in the way, step by step, as `check` would say it: up to the endpoints, for somebody
 * waits for this status. */
static void describe_way(struct agent *agent, struct round *round)
{
    static const enum status_word words[] = {
        [FINDING_OK] = STATUS_SUCCESS,
        [FINDING_WARNING] = STATUS_WARNING,
        [FINDING_FAILED] = STATUS_ERROR,
        [FINDING_SKIPPED] = STATUS_WARNING,
    };
    struct findings *list = arena_calloc(agent->arena, 1, sizeof(*list));
    struct fault kept = agent->fault; /* of the round, which is what people are told */

    if (list == NULL) {
        return;
    }
    check_ways(agent, DESCRIBE_MS, list);
    for (size_t i = 0; i < list->n; i++) {
        const struct finding *finding = &list->items[i];

        status_add(&round->status, finding->id, words[finding->status],
                   finding->status == FINDING_OK ? 0 : (int)finding->exit,
                   finding_text(agent->arena, finding));
    }
    agent->fault = kept;
}

static void describe_fault(struct agent *agent, struct round *round)
{
    const char *text = (const char *)arena_dup(agent->arena, span_str(agent->fault.text)).data;
    const char *long_text = arena_printf(agent->arena, STATUS_FAILED "%s", agent->fault.text);
    struct status *status = &round->status;

    text = text == NULL ? "out of memory" : text;
    status->status = STATUS_ERROR;
    status->message = long_text == NULL ? text : long_text;
    round->retry_after_s = agent->fault.retry_after_s;
    if (agent->is_waiting) {
        round->outcome = ROUND_WAITS;
        status->code = STATUS_NOT_ADMITTED;
        status_add(status, "Enrolment", STATUS_ERROR, STATUS_NOT_ADMITTED, text);
    } else if (is_network(agent->fault.err)) {
        round->outcome = ROUND_UNREACHABLE;
        status->code = STATUS_UNREACHABLE;
        status_add(status, "Connectivity", STATUS_ERROR, STATUS_UNREACHABLE, text);
        describe_way(agent, round);
    } else if (agent->fault.exit == EXIT_INTERNAL) {
        bool is_tpm = agent->fault.is_tpm;
        bool is_missing =
            is_tpm && (agent->fault.err == ERR_NOT_FOUND || agent->fault.err == ERR_DENIED);

        round->outcome = ROUND_FAILED;
        status->code = is_missing ? STATUS_MISSING : STATUS_GENERAL;
        status_add(status, is_tpm ? "Vtpm" : "Machine", STATUS_ERROR, status->code, text);
        describe_way(agent, round);
    } else if (agent->fault.exit == EXIT_USAGE || agent->fault.err == ERR_VALUE) {
        round->outcome = ROUND_FAILED;
        status->code = STATUS_SETTINGS;
        status_add(status, "Settings", STATUS_ERROR, STATUS_SETTINGS, text);
    } else {
        round->outcome = ROUND_FAILED;
        status->code = STATUS_REFUSED;
        status_add(status, "Service", STATUS_ERROR, STATUS_REFUSED, text);
    }
}

/* The extension works; what was found belongs to the substatus. */
static void describe_result(struct agent *agent, const struct attest_result *result,
                            struct round *round)
{
    struct status *status = &round->status;
    const char *text;

    status->status = STATUS_SUCCESS;
    if (!result->is_refused) {
        round->outcome = ROUND_ATTESTED;
        status->message = "Boot integrity attested";
        status_add(status, "BootIntegrity", STATUS_SUCCESS, STATUS_OK,
                   "the service accepted the proof of this boot and signed a token");
        return;
    }
    round->outcome = ROUND_REFUSED;
    text = arena_printf(agent->arena, "the service refused the proof of this boot: %s",
                        result->refusal.message);
    status->message = "Boot integrity attestation was refused: see BootIntegrity";
    status_add(status, "BootIntegrity", STATUS_ERROR, STATUS_GENERAL,
               text == NULL ? "the service refused the proof of this boot" : text);
}

/* ---- reports ---- */

static struct span report_body(struct agent *agent, const struct rounds *rounds,
                               const struct round *round, struct span token)
{
    yyjson_mut_doc *doc = json_new(agent->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    const char *outcome =
        round->outcome == ROUND_WAITS ? "failed" : round_outcome_name(round->outcome);

    if (root == NULL) {
        return (struct span){0};
    }
    json_add_text(doc, root, "outcome", outcome);
    json_add_text(doc, root, "message", round->status.message);
    json_add_text(doc, root, "agentVersion", BOOTWARDEN_VERSION);
    json_add_text(doc, root, "platform", AGENT_PLATFORM);
    json_add_uint(doc, root, "periodSeconds", rounds->period_s);
    json_add_uint(doc, root, "droppedReports", rounds->queue->dropped);
    if (token.data != NULL) {
        json_add_span(doc, root, "token", token);
    }
    return json_write(agent->arena, doc, root, false);
}

/* Once with a session that is new, should the one at hand have ended. */
static err_t call_in_session(struct agent *agent, enum remote_call call, struct span body,
                             struct answer *ret)
{
    err_t err = agent->session_token == NULL ? enroll_session(agent, false) : ERR_OK;

    err = err ? err
              : remote_call(&agent->remote, call, agent->session_token, body, agent->arena,
                            &agent->fault, ret);
    if (err == ERR_OK && ret->status == 401) {
        agent->session_token = NULL;
        err = enroll_session(agent, false);
        err = err ? err
                  : remote_call(&agent->remote, call, agent->session_token, body, agent->arena,
                                &agent->fault, ret);
    }
    if (err == ERR_OK && ret->status != 200) {
        err = remote_refused(&agent->remote, call, ret, &agent->fault);
    }
    return err;
}

/* With its age put in front: {"ageSeconds":N, and the rest as it was kept. */
static struct span with_age(struct agent *agent, struct span kept, int64_t put)
{
    int64_t age = timestamp_now() - put;
    const char *text;

    age = age < 0 ? 0 : age; /* the clock was set */
    age = age > AGE_MAX_S ? AGE_MAX_S : age;
    if (kept.len < 2 || kept.data[0] != '{') {
        return (struct span){0};
    }
    text = arena_printf(agent->arena, "{\"ageSeconds\":%lld,%.*s", (long long)age,
                        (int)(kept.len - 1), (const char *)kept.data + 1);
    return span_str(text);
}

/* A report that is not wanted now will not be wanted tomorrow. Any other answer passes. */
static bool is_unwanted(const struct answer *answer)
{
    return answer->status == 400 || answer->status == 413 || answer->status == 422;
}

/* Who is not known to the service has nothing to tell it later, either. */
static void keep_report(struct agent *agent, struct rounds *rounds, struct span body)
{
    if (agent->session_token != NULL || rounds->session[0] != '\0' ||
        enroll_has_certificate(agent, timestamp_now())) {
        queue_put(rounds->queue, body);
    }
}

static void flush_queue(struct agent *agent, struct rounds *rounds)
{
    struct fault kept_fault = agent->fault;

    for (size_t i = 0; i < FLUSH_MAX; i++) {
        struct answer answer = {0};
        struct span kept = {0}, body;
        uint64_t number = 0;
        int64_t put = 0;
        bool is_sent, is_lost;

        if (queue_first(rounds->queue, agent->arena, &number, &put, &kept) != ERR_OK) {
            break;
        }
        body = with_age(agent, kept, put);
        is_sent = body.data != NULL && call_in_session(agent, CALL_REPORT, body, &answer) == ERR_OK;
        is_lost = body.data == NULL || is_unwanted(&answer);
        if (!is_sent && !is_lost) {
            break;
        }
        rounds->queue->dropped += is_lost ? 1 : 0;
        queue_remove(rounds->queue, number);
    }
    agent->fault = kept_fault;
}

/* is_cut_off: the service was not reached a moment ago; whoever waits for the status of this round
 * need not wait for it to be not reached again. */
static void report(struct agent *agent, struct rounds *rounds, const struct round *round,
                   struct span token, bool is_cut_off)
{
    struct fault kept = agent->fault; /* of the round, which is what people are told */
    struct span body = report_body(agent, rounds, round, token);
    struct answer answer = {0};

    if (body.data == NULL) {
        return;
    }
    if (is_cut_off) {
        keep_report(agent, rounds, body);
        return;
    }
    if (call_in_session(agent, CALL_REPORT, body, &answer) == ERR_OK) {
        rounds->queue->dropped = 0;
    } else if (is_unwanted(&answer)) {
        rounds->queue->dropped++;
    } else {
        keep_report(agent, rounds, body);
    }
    agent->fault = kept;
}

static void report_status(struct agent *agent, const struct rounds *rounds,
                          const struct round *round)
{
    struct fault kept = agent->fault;
    yyjson_mut_doc *doc = json_new(agent->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : status_value(agent->arena, doc, &round->status);
    struct answer answer = {0};
    struct span body;

    if (root == NULL) {
        return;
    }
    json_add_uint(doc, root, "periodSeconds", rounds->period_s);
    json_add_text(doc, root, "agentVersion", BOOTWARDEN_VERSION);
    json_add_text(doc, root, "platform", AGENT_PLATFORM);
    json_add_int(doc, root, "sequence", rounds->sequence);
    body = json_write(agent->arena, doc, root, false);
    if (body.data != NULL) {
        (void)!call_in_session(agent, CALL_STATUS, body, &answer);
    }
    agent->fault = kept;
}

/* ---- the goal state ---- */

static err_t bad_goal(struct agent *agent, const struct trail *trail)
{
    return fault_set(&agent->fault, EXIT_SERVICE, ERR_VALUE,
                     "The goal state of %s cannot be followed: %s: %s",
                     remote_address(&agent->remote, CALL_GOALSTATE), trail->where, trail->what);
}

static err_t take_goal(struct agent *agent, struct rounds *rounds, yyjson_val *body,
                       struct goal *goal)
{
    const char *url;
    struct trail trail = {0};
    err_t err = goal_read(agent->arena, body, &trail, goal);

    rounds->sequence = goal_sequence(body);
    if (err) {
        return bad_goal(agent, &trail);
    }
    url = goal_attest_url(goal);
    snprintf(rounds->attest_url, sizeof(rounds->attest_url), "%s", url == NULL ? "" : url);
    rounds->is_wanted = goal->is_wanted;
    rounds->goal_period_s =
        goal->config.frequency_minutes > 0 ? goal->config.frequency_minutes * 60 : goal->period_s;
    return ERR_OK;
}

static struct span goal_body(struct agent *agent, const struct rounds *rounds)
{
    yyjson_mut_doc *doc = json_new(agent->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);

    if (root == NULL) {
        return (struct span){0};
    }
    json_add_text(doc, root, "agentVersion", BOOTWARDEN_VERSION);
    json_add_text(doc, root, "platform", AGENT_PLATFORM);
    json_add_uint(doc, root, "periodSeconds", rounds->period_s);
    json_add_int(doc, root, "sequence", rounds->sequence);
    upgrade_describe(rounds->upgrade, agent->arena, doc, root);
    return json_write(agent->arena, doc, root, false);
}

static err_t get_goal(struct agent *agent, struct rounds *rounds, struct goal *goal)
{
    struct span body = goal_body(agent, rounds);
    struct answer answer = {0};
    err_t err =
        body.data == NULL ? ERR_MEMORY : call_in_session(agent, CALL_GOALSTATE, body, &answer);

    if (agent->has_enrolled) {
        queue_clear(rounds->queue); /* of another life, or of nobody */
    }
    if (err == ERR_OK) {
        upgrade_told(rounds->upgrade);
    }
    return err ? err : take_goal(agent, rounds, answer.body, goal);
}

/* ---- rounds ---- */

static void begin(const struct rounds *rounds, struct agent_options *options, struct round *round)
{
    *round = (struct round){.outcome = ROUND_FAILED,
                            .status = {.operation = "Enable", .time = timestamp_now()}};
    *options = *rounds->options;
    options->alive = rounds->alive;
}

/* What the settings name wins over what the service says of itself. An address that it said and
 * that cannot be used keeps nobody from asking again: follow_endpoint tells of it. */
static err_t open_agent(struct rounds *rounds, struct arena *arena, struct agent_options *options,
                        struct agent *agent)
{
    bool is_said = options->attest_server == NULL && rounds->attest_url[0] != '\0';
    err_t err;

    options->attest_server = is_said ? rounds->attest_url : options->attest_server;
    options->is_attest_learned = is_said;
    err = agent_open(options, arena, agent);
    if (err && is_said) {
        options->attest_server = NULL;
        options->is_attest_learned = false;
        err = agent_open(options, arena, agent);
    }
    agent->wake_fd = rounds->wake_fd;
    agent->modules = rounds->modules;
    agent->session_token = rounds->session[0] != '\0' ? rounds->session : NULL;
    return err;
}

static err_t repeat_attest(struct agent *agent, void *context)
{
    return attest_round(agent, context);
}

static void keep_session(struct rounds *rounds, const struct agent *agent)
{
    if (agent->session_token != rounds->session) {
        snprintf(rounds->session, sizeof(rounds->session), "%s",
                 agent->session_token == NULL ? "" : agent->session_token);
    }
    if (agent->machine_name != NULL) {
        snprintf(rounds->name, sizeof(rounds->name), "%s", agent->machine_name);
    }
}

/* The goal state may say another attestation endpoint than the round began with. */
static err_t follow_endpoint(struct agent *agent, struct rounds *rounds,
                             struct agent_options *options)
{
    const char *before = options->attest_server;
    struct remote remote = {0};
    struct trail trail = {0};

    if (rounds->options->attest_server != NULL || rounds->attest_url[0] == '\0' ||
        (options->attest_server != NULL &&
         strcmp(options->attest_server, rounds->attest_url) == 0)) {
        return ERR_OK;
    }
    options->attest_server = rounds->attest_url;
    options->is_attest_learned = true;
    if (remote_open(options, agent->arena, &trail, &remote) != ERR_OK) {
        options->attest_server = before;
        options->is_attest_learned = false;
        return fault_set(&agent->fault, EXIT_SERVICE, ERR_VALUE,
                         "The goal state of %s cannot be followed: its attestation endpoint: %s",
                         remote_address(&agent->remote, CALL_GOALSTATE), trail.what);
    }
    remote_done(&agent->remote);
    agent->remote = remote;
    return ERR_OK;
}

static unsigned level_of(const struct round *round)
{
    bool is_judged = round->outcome == ROUND_ATTESTED || round->outcome == ROUND_REFUSED ||
                     round->outcome == ROUND_IDLE;

    return is_judged ? LEVEL_JUDGED : round->has_goal ? 1 : 0;
}

static void attest_and_report(struct agent *agent, struct rounds *rounds,
                              struct agent_options *options, struct round *round)
{
    bool has_guest_api = !options->is_azure;
    struct attest_result result = {0};
    struct goal goal = {.is_wanted = true};
    err_t err = has_guest_api ? get_goal(agent, rounds, &goal) : ERR_OK;
    bool is_cut_off = is_network(err);

    round->has_goal = has_guest_api && err == ERR_OK;
    if (round->has_goal && goal.is_wanted) {
        flush_queue(agent, rounds); /* before the proof, which is later than they are */
    }
    err = err ? err : follow_endpoint(agent, rounds, options);
    if (err == ERR_OK && !goal.is_wanted) {
        round->outcome = ROUND_IDLE;
        round->status.status = STATUS_SUCCESS;
        round->status.message = "Monitoring is switched off for this machine";
    } else {
        err = err ? err : agent_repeat(agent, repeat_attest, &result);
        if (err) {
            describe_fault(agent, round);
        } else {
            describe_result(agent, &result, round);
        }
    }
    rounds->level = level_of(round);
    renewal_describe(rounds->renewal, timestamp_now(), agent->arena, &round->status);
    if (has_guest_api && !agent->is_waiting) {
        upgrade_status(rounds->upgrade, agent->arena, &goal, &round->status);
        if (round->outcome != ROUND_IDLE) {
            report(agent, rounds, round, result.jwt, is_cut_off);
        }
        if (!is_cut_off) {
            report_status(agent, rounds, round);
        }
    }
    if (round->has_goal) {
        upgrade_follow(rounds->upgrade, agent, &goal, rounds->level, rounds->period_s);
    }
}

/* Without a TPM nobody can prove who this is, but a session that is open says so still. */
static void tell_failure(struct agent *agent, struct rounds *rounds, const struct round *round)
{
    if (agent->remote.guest != NULL && agent->session_token != NULL) {
        report(agent, rounds, round, (struct span){0}, round->outcome == ROUND_UNREACHABLE);
        report_status(agent, rounds, round);
    }
}

void round_run(struct rounds *rounds, struct arena *arena, struct round *ret)
{
    CLEANUP(agent_done) struct agent agent = {0};
    struct agent_options options;
    struct round round;

    begin(rounds, &options, &round);
    if (open_agent(rounds, arena, &options, &agent) != ERR_OK || agent_need_tpm(&agent) != ERR_OK) {
        describe_fault(&agent, &round);
        rounds->level = 0;
        tell_failure(&agent, rounds, &round);
        *ret = round;
        return;
    }
    attest_and_report(&agent, rounds, &options, &round);
    keep_session(rounds, &agent);
    round.ak = agent.ak;
    *ret = round;
}

void round_contact(struct rounds *rounds, struct arena *arena, struct round *ret)
{
    CLEANUP(agent_done) struct agent agent = {0};
    struct goal goal = {.is_wanted = true};
    struct agent_options options;
    struct round round;
    bool was_wanted = rounds->is_wanted, was_known = rounds->session[0] != '\0', is_good;
    int64_t sequence = rounds->sequence;

    begin(rounds, &options, &round);
    round.outcome = ROUND_IDLE;
    if (open_agent(rounds, arena, &options, &agent) == ERR_OK) {
        is_good = get_goal(&agent, rounds, &goal) == ERR_OK;
        /* Settings that cannot be followed are a round, too: it says so. */
        round.wants_proof = (is_good && (goal.wants_proof || !was_known)) ||
                            rounds->sequence != sequence || rounds->is_wanted != was_wanted;
        if (is_good && goal.is_wanted) {
            flush_queue(&agent, rounds);
        }
        /* What was well a moment ago is what a new version is measured by. After a hiccup that
         * would be nothing, which any version comes to. */
        if (is_good && rounds->level == LEVEL_JUDGED) {
            upgrade_follow(rounds->upgrade, &agent, &goal, rounds->level, rounds->period_s);
        }
        keep_session(rounds, &agent);
    }
    *ret = round;
}
