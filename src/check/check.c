#include "check/check.h"

#include "agent/remote.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "check/steps.h"

#include <stdio.h>
#include <string.h>

static const char metadata_path[] = "/.well-known/openid-configuration";
/* Any answer will do: the way is what is looked at. */
static const char guest_path[] = "/guest/v1/session";

/* Do the two services have one host and port? Addresses that are none are looked at one by one. */
static bool is_one_server(const struct agent_options *options)
{
    struct http_address guest, attest;

    return options->attest_server == NULL ||
           (http_address_read(options->server, NULL, &guest) == ERR_OK &&
            http_address_read(options->attest_server, NULL, &attest) == ERR_OK &&
            text_equal_nocase(guest.text, attest.text));
}

/* A machine that has its certificate from somewhere else needs no guest API. */
static bool needs_guest(const struct agent *agent)
{
    return !agent->options->is_azure || !check_has_certificate(agent);
}

/* Why a step cannot be tried: the first of these that failed. */
static const char *first_failed(struct findings *list, const char *const *ids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (finding_has_failed(list, ids[i])) {
            return ids[i];
        }
    }
    return NULL;
}

/* The step of the way to this endpoint that failed. */
static const char *failed_way(struct findings *list, const char *prefix)
{
    size_t len = strlen(prefix);

    for (size_t i = 0; i < list->n; i++) {
        const char *id = list->items[i].id;

        if (list->items[i].status == FINDING_FAILED && strncmp(id, prefix, len) == 0 &&
            list->items[i].host != NULL) {
            return id;
        }
    }
    return "address";
}

/* What is known when the ways have been walked. */
struct walked {
    bool has_log; /* or there is none, which is for the service to judge */
    bool has_attest, has_guest;
    const char *attest_prefix, *guest_prefix;
};

static const char *why_no_enrolment(struct findings *list, const struct walked *walked)
{
    static const char *const steps[] = {"tpm", "ak-certificate"};
    const char *why = first_failed(list, steps, ARRAY_LEN(steps));

    return why == NULL && !walked->has_guest ? failed_way(list, walked->guest_prefix) : why;
}

static const char *why_no_policy(struct findings *list, const struct walked *walked)
{
    static const char *const steps[] = {"provider", "enrolment"};

    if (!walked->has_log) {
        return "event-log";
    }
    return walked->has_attest ? first_failed(list, steps, ARRAY_LEN(steps))
                              : failed_way(list, walked->attest_prefix);
}

static void walk_enrolment(struct agent *agent, struct findings *list, const struct walked *walked)
{
    const char *why = why_no_enrolment(list, walked);

    if (why != NULL) {
        finding_skip(list, "enrolment", "%s failed", why);
    } else {
        check_enrolment(agent, list);
    }
}

static void walk_policy(struct agent *agent, struct findings *list, const struct walked *walked)
{
    const char *why = why_no_enrolment(list, walked);

    why = why != NULL ? why : why_no_policy(list, walked);
    if (why != NULL) {
        finding_skip(list, "policy", "%s failed", why);
    } else {
        check_policy(agent, list);
        if (!finding_has_failed(list, "policy")) {
            check_monitor(agent, list);
        }
    }
}

/* The same host, port and proxy. */
static void stands_at(struct finding *finding, const struct finding *other)
{
    finding->host = other->host;
    finding->port = other->port;
    finding->proxy = other->proxy;
}

/* The ways to one or both endpoints, and what is at their end. */
static void walk_ways(struct agent *agent, struct findings *list, uint64_t until_us,
                      struct walked *walked)
{
    const struct agent_options *options = agent->options;
    bool is_one = is_one_server(options);
    const struct check_endpoint attest = {.prefix = is_one ? "" : "attestation/",
                                          .is_attest = true,
                                          .url = agent_attest_url(options),
                                          .option = agent_attest_option(options),
                                          .path = metadata_path,
                                          .until_us = until_us};
    const struct check_endpoint guest = {.prefix = "guest/",
                                         .url = options->server,
                                         .option = "--server",
                                         .path = guest_path,
                                         .until_us = until_us};
    struct http_probe probe = {0};

    walked->attest_prefix = attest.prefix;
    walked->guest_prefix = is_one ? attest.prefix : guest.prefix;
    walked->has_attest = walked->has_guest = check_network(list, options, &attest, &probe);
    if (walked->has_attest) {
        check_provider(list, options, &probe.reply);
        stands_at(finding_get(list, "provider"),
                  finding_get(list, is_one ? "http" : "attestation/http"));
    } else {
        finding_skip(list, "provider", "%s failed", failed_way(list, attest.prefix));
    }
    if (!is_one) {
        alive_say(options->alive);
        walked->has_guest = !needs_guest(agent) || check_network(list, options, &guest, &probe);
    }
}

/* As `run` does: attestation is where the service says, unless the settings name it. True when that
 * is somewhere else than was looked at. */
static bool follow_service(struct agent *agent)
{
    struct agent_options *options;
    struct trail trail = {0};
    struct remote remote = {0};
    const char *url = NULL;

    if (agent->options->attest_server == NULL && !agent->options->is_azure &&
        agent->session_token != NULL) {
        url = check_learn_attest(agent);
    }
    options = url == NULL ? NULL : arena_calloc(agent->arena, 1, sizeof(*options));
    if (options == NULL) {
        return false;
    }
    *options = *agent->options;
    options->attest_server = url;
    options->is_attest_learned = true;
    agent->options = options;
    /* An address that is none is for its step to say. */
    if (remote_open(options, agent->arena, &trail, &remote) == ERR_OK) {
        remote_done(&agent->remote);
        agent->remote = remote;
    }
    return true;
}

void check_walk(struct agent *agent, struct findings *ret)
{
    struct walked walked = {0};
    struct finding enrolment;
    size_t n_machine;

    findings_init(ret, agent->arena);
    walked.has_log = check_machine(agent, ret);
    n_machine = ret->n;
    walk_ways(agent, ret, 0, &walked);
    walk_enrolment(agent, ret, &walked);
    if (follow_service(agent)) {
        enrolment = *finding_get(ret, "enrolment");
        ret->n = n_machine;
        walk_ways(agent, ret, 0, &walked);
        *finding_add(ret, "enrolment", FINDING_OK, "%s", "") = enrolment;
    }
    walk_policy(agent, ret, &walked);
}

void check_ways(struct agent *agent, unsigned limit_ms, struct findings *ret)
{
    uint64_t until_us = timestamp_ticks_us() + (uint64_t)limit_ms * 1000;
    struct walked walked = {0};

    findings_init(ret, agent->arena);
    (void)check_machine(agent, ret);
    alive_say(agent->options->alive);
    walk_ways(agent, ret, until_us, &walked);
}

enum agent_exit check_run(struct agent *agent)
{
    struct findings *list = arena_calloc(agent->arena, 1, sizeof(*list));

    if (list == NULL) {
        fputs("bootwarden-agent: out of memory\n", stderr);
        return EXIT_INTERNAL;
    }
    check_walk(agent, list);
    return agent->options->output == OUTPUT_JSON ? check_show_json(list) : check_show_text(list);
}
