/* Who may send the answers read here: the configured service, or whoever holds its certificate. */
#include "agent/attest.h"
#include "agent/enroll.h"
#include "agent/goal.h"
#include "agent/received.h"
#include "agent/settings.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "check/steps.h"

#include <string.h>

enum { SHOWN_MAX = 300 };

/* What the last failed call of the agent said. */
static struct finding *fail_by_fault(struct findings *list, const char *id, struct agent *agent)
{
    const struct fault *fault = &agent->fault;
    struct finding *finding = finding_fail(list, id, fault->exit, "%s", "");

    if (fault->remedy_at > 0) {
        finding->message =
            arena_printf(list->arena, "%.*s", (int)fault->remedy_at - 1, fault->text);
        finding->remedy = arena_printf(list->arena, "%s", fault->text + fault->remedy_at);
        list->is_short |= finding->message == NULL || finding->remedy == NULL;
    } else {
        finding_split(list, finding, fault->text,
                      "Run it once more; if it stays, report it with this message.");
    }
    return finding;
}

static void at_client(struct findings *list, struct finding *finding,
                      const struct http_client *client)
{
    const struct http_address *to = http_client_target(client);
    const struct http_proxy *proxy = http_client_proxy(client);

    finding->host = arena_printf(list->arena, "%s", to->host);
    finding->port = to->port;
    if (proxy->kind != HTTP_PROXY_NONE) {
        finding->proxy = arena_printf(list->arena, "%s", proxy->at.text);
    }
}

/* ---- provider ---- */

/* The same host and port, and the same path but for a last slash. */
static bool is_same_address(struct arena *arena, const char *a, const char *b)
{
    struct http_address to_a, to_b;
    const char *origin_a = remote_origin(arena, a), *origin_b = remote_origin(arena, b);
    struct span path_a, path_b;

    if (origin_a == NULL || origin_b == NULL || http_address_read(a, NULL, &to_a) != ERR_OK ||
        http_address_read(b, NULL, &to_b) != ERR_OK || !text_equal_nocase(to_a.text, to_b.text)) {
        return false;
    }
    path_a = span_str(a + strlen(origin_a));
    path_b = span_str(b + strlen(origin_b));
    while (path_a.len > 0 && path_a.data[path_a.len - 1] == '/') {
        path_a.len--;
    }
    while (path_b.len > 0 && path_b.data[path_b.len - 1] == '/') {
        path_b.len--;
    }
    return span_equal(path_a, path_b);
}

static void fail_provider(struct findings *list, const struct agent_options *options,
                          const char *why)
{
    struct finding *finding =
        finding_fail(list, "provider", EXIT_SERVICE, "%s is no attestation provider: %s",
                     agent_attest_url(options), why);

    finding_remedy(
        list, finding,
        "Write the attestation URI of a provider in %s, as `bootwarden provider show` or "
        "the portal gives it: its host, port and path.",
        agent_attest_option(options));
}

void check_provider(struct findings *list, const struct agent_options *options,
                    const struct http_reply *reply)
{
    yyjson_val *root = NULL;
    const char *issuer, *keys, *url = agent_attest_url(options);
    struct finding *finding;

    if (reply->status != 200) {
        fail_provider(list, options,
                      arena_printf(list->arena,
                                   "it answers %u to GET .well-known/openid-configuration",
                                   reply->status));
        return;
    }
    if (json_read(list->arena, reply->body, NULL, NULL, &root) != ERR_OK || !yyjson_is_obj(root)) {
        fail_provider(list, options, ".well-known/openid-configuration is no JSON object");
        return;
    }
    issuer = json_text(json_get(root, "issuer"));
    keys = json_text(json_get(root, "jwks_uri"));
    if (issuer == NULL || keys == NULL) {
        fail_provider(list, options,
                      ".well-known/openid-configuration names no issuer or no jwks_uri");
        return;
    }
    if (!is_same_address(list->arena, issuer, url)) {
        issuer = text_escape_dup(list->arena, span_str(issuer), SHOWN_MAX);
        finding = finding_add(list, "provider", FINDING_WARNING,
                              "%s is an attestation provider that calls itself %s: that is what "
                              "its tokens will say",
                              url, issuer);
        finding_remedy(
            list, finding,
            "Write %s %s, unless the other address is meant; if that one is not meant at "
            "all, the name leads to the wrong service.",
            agent_attest_option(options), issuer);
        return;
    }
    finding_add(list, "provider", FINDING_OK, "%s is an attestation provider", url);
}

/* ---- enrolment ---- */

/* Connections, AK: what agent_open would have made. */
static err_t open_rest(struct agent *agent)
{
    struct trail trail = {0};
    err_t err = agent->remote.guest != NULL
                    ? ERR_OK
                    : remote_open(agent->options, agent->arena, &trail, &agent->remote);

    err = err ? err : tpmdev_ak_need(agent->tpm, agent->arena, &trail, &agent->ak);
    return err ? fault_from(&agent->fault, EXIT_INTERNAL, err, &trail) : ERR_OK;
}

/* Joining without the token would make another machine, which the token is no good for any more. */
static void fail_by_token(struct findings *list, const char *why)
{
    struct finding *finding =
        finding_fail(list, "enrolment", EXIT_SERVICE,
                     "this machine has not joined, and its join token is missing: %s", why);

    finding_remedy(list, finding,
                   "Write the token that the owner gave into that file (bootwarden vm token VM -g "
                   "GROUP makes one), or leave join-token-file out to join without.");
}

void check_enrolment(struct agent *agent, struct findings *list)
{
    const struct span before = agent->ak.certificate;
    const char *no_token = settings_no_token(agent->arena, agent->options);
    struct finding *finding;
    bool is_new;
    err_t err = open_rest(agent);

    if (err == ERR_OK && agent->options->is_azure && check_has_certificate(agent)) {
        finding_skip(list, "enrolment",
                     "--azure needs none: the attestation key has its certificate");
        return;
    }
    if (err == ERR_OK && no_token != NULL && agent->ak.certificate.len == 0) {
        fail_by_token(list, no_token);
        return;
    }
    err = err ? err : enroll_session(agent, agent->options->is_azure);
    if (err) {
        finding = fail_by_fault(list, "enrolment", agent);
        if (agent->is_waiting) {
            finding->exit = EXIT_SERVICE; /* no session: the boot is not what was judged */
        }
    } else {
        is_new = !span_equal(before, agent->ak.certificate);
        finding =
            finding_add(list, "enrolment", FINDING_OK, "this machine is %s there (%s)%s",
                        agent->machine_name, agent->machine_id,
                        is_new ? "; a new certificate for its attestation key was stored" : "");
    }
    if (agent->remote.guest != NULL) {
        at_client(list, finding, agent->remote.guest);
    }
}

/* What the service wants of this machine, and how it sees it; false when it does not say. */
static bool ask_goal(struct agent *agent, struct goal *ret)
{
    struct fault kept = agent->fault;
    struct answer answer = {0};
    struct trail trail = {0};
    err_t err = remote_call(&agent->remote, CALL_GOALSTATE, agent->session_token, span_str("{}"),
                            agent->arena, &agent->fault, &answer);

    agent->fault = kept;
    return err == ERR_OK && answer.status == 200 &&
           goal_read(agent->arena, answer.body, &trail, ret) == ERR_OK;
}

const char *check_learn_attest(struct agent *agent)
{
    struct goal goal;
    const char *url = ask_goal(agent, &goal) ? goal_attest_url(&goal) : NULL;

    return url != NULL && !is_same_address(agent->arena, url, agent->options->server) ? url : NULL;
}

/* ---- policy ---- */

static void fail_by_refusal(struct findings *list, const struct answer *answer)
{
    const char *verdict = answer->verdict[0] != '\0' ? answer->verdict : answer->code;
    const char *reasons = "", *remedies = "";
    struct finding_detail *details =
        arena_calloc(list->arena, answer->n_reasons + 1, sizeof(*details));
    struct finding *finding;

    for (size_t i = 0; i < answer->n_reasons && reasons != NULL && remedies != NULL; i++) {
        const struct answer_reason *reason = &answer->reasons[i];

        const char *text = arena_printf(list->arena, "%s%s%s", reason->code,
                                        reason->code[0] != '\0' ? ": " : "", reason->text);

        text = text == NULL ? "" : text;
        if (details != NULL) {
            details[i] = (struct finding_detail){text, reason->remedy};
        }
        reasons = arena_printf(list->arena, "%s%s%s", reasons, i > 0 ? "; " : "", text);
        if (remedies != NULL && strstr(remedies, reason->remedy) == NULL) {
            remedies = arena_printf(list->arena, "%s%s%s", remedies, remedies[0] != '\0' ? " " : "",
                                    reason->remedy);
        }
    }
    list->is_short |= reasons == NULL || remedies == NULL;
    finding = finding_fail(list, "policy", EXIT_NO, "the answer is no: verdict %s: %s", verdict,
                           reasons == NULL ? "" : reasons);
    finding_remedy(list, finding, "%s", remedies == NULL ? "" : remedies);
    if (details != NULL && answer->n_reasons > 0) {
        finding->head = arena_printf(list->arena, "the answer is no: verdict %s", verdict);
        finding->details = details;
        finding->n_details = finding->head == NULL ? 0 : answer->n_reasons;
    }
}

/* The policy is satisfied; so is its owner with a boot without Secure Boot. */
static void accept_secure_boot(struct findings *list)
{
    struct finding *finding = finding_get(list, "secure-boot");

    if (finding != NULL && finding->status == FINDING_FAILED) {
        finding->status = FINDING_WARNING;
        finding->message = arena_printf(list->arena, "%s; the policy of the service accepts that",
                                        finding->message);
        list->is_short |= finding->message == NULL;
    }
}

static void tell_token(struct agent *agent, struct findings *list, struct span jwt)
{
    struct received received = {0};
    char until[TIMESTAMP_SIZE];
    struct finding *finding;

    received_check(agent, jwt, &received);
    if (received_is_bad(&received)) {
        finding = finding_fail(list, "policy", EXIT_SERVICE,
                               "a token came, but it does not hold: %s", received.words);
        finding_remedy(list, finding,
                       "Check the clock of this machine; when it is right, the service's operator "
                       "looks at its signing keys.");
        return;
    }
    if (received.err != ERR_OK) {
        finding =
            finding_add(list, "policy", FINDING_WARNING,
                        "a token came, but the keys to check it with did not: %s", received.words);
        finding_remedy(list, finding,
                       "Run it once more; if it stays, the service's operator looks "
                       "at GET /certs.");
    } else {
        timestamp_format(received.expires_at, until, sizeof(until));
        finding_add(list, "policy", FINDING_OK,
                    "the boot is proven, and the policy accepts it: a token until %s", until);
    }
    accept_secure_boot(list);
}

void check_policy(struct agent *agent, struct findings *list)
{
    struct attest_result result = {0};
    err_t err = attest_round(agent, &result);
    struct finding *finding;

    if (err) {
        fail_by_fault(list, "policy", agent);
    } else if (result.is_refused) {
        fail_by_refusal(list, &result.refusal);
    } else {
        tell_token(agent, list, result.jwt);
    }
    finding = finding_get(list, "policy");
    if (finding != NULL) {
        at_client(list, finding, agent->remote.attest);
    }
}

/* ---- monitor ---- */

void check_monitor(struct agent *agent, struct findings *list)
{
    const char *name = agent->machine_name == NULL ? "NAME" : agent->machine_name;
    struct finding *finding;
    struct goal goal;

    if (agent->options->is_azure || agent->session_token == NULL || !ask_goal(agent, &goal) ||
        strcmp(goal.state, "changed") != 0) {
        return;
    }
    finding = finding_add(list, "monitor", FINDING_WARNING,
                          "the policy is satisfied, but the service sees this machine as changed: "
                          "it booted something else than before");
    finding_remedy(list, finding,
                   "Its owner looks at what changed, and approves it when it was meant: bootwarden "
                   "vm show %s, bootwarden vm approve %s.",
                   name, name);
    at_client(list, finding, agent->remote.guest);
}
