/* Who may send the answers read here: the configured service, or whoever holds its certificate. */
#include "agent/remote.h"

#include <stdio.h>
#include <string.h>

enum { ORIGIN_MAX = 512 };

static const struct {
    bool is_attest; /* else the guest API */
    const char *method;
    const char *path;
    const char *what;
} calls[] = {
    [CALL_JOIN] = {false, "POST", "/guest/v1/join", "Joining"},
    [CALL_SESSION] = {false, "POST", "/guest/v1/session", "Opening a session"},
    [CALL_ACTIVATE] = {false, "POST", "/guest/v1/activate", "Proving the attestation key"},
    [CALL_CHALLENGE] = {false, "POST", "/guest/v1/challenge", "Getting a challenge"},
    [CALL_GOALSTATE] = {false, "POST", "/guest/v1/goalstate", "Asking for the goal state"},
    [CALL_REPORT] = {false, "POST", "/guest/v1/report", "Reporting"},
    [CALL_STATUS] = {false, "POST", "/guest/v1/status", "Reporting the status"},
    [CALL_ATTEST] = {true, "POST", "/attest/AzureGuest?api-version=2025-06-01", "Attestation"},
    [CALL_CERTS] = {true, "GET", "/certs", "Getting the token keys"},
};

/* "https://host:port/path" to "https://host:port". */
static const char *origin_of(const char *url, char *origin, size_t size)
{
    const char *host = strstr(url, "://");
    size_t len = host == NULL ? strlen(url) : (size_t)(host + 3 - url);

    len += strcspn(url + len, "/?#");
    snprintf(origin, size, "%.*s", (int)(len < size ? len : size - 1), url);
    return origin;
}

err_t remote_open(const struct agent_options *options, struct trail *trail, struct remote *ret)
{
    char origin[ORIGIN_MAX];
    struct remote remote = {0};
    struct http_client_options http = {
        .base_url = options->attest_server != NULL ? options->attest_server : options->server,
        .ca_file = options->ca_file,
        .user_agent = "bootwarden-agent/" BOOTWARDEN_VERSION};
    err_t err = http_client_new(&http, trail, &remote.attest);

    http.base_url = origin_of(options->server, origin, sizeof(origin));
    err = err ? err : http_client_new(&http, trail, &remote.guest);
    if (err) {
        remote_done(&remote);
        return trail_in(trail, err,
                        span_starts(span_str(trail->what), "the CA file")
                            ? "--ca (or BOOTWARDEN_CA)"
                        : err == ERR_USAGE ? "--server (or BOOTWARDEN_ENDPOINT)"
                                           : "the connection");
    }
    remote.address = http_client_address(remote.guest);
    *ret = remote;
    return ERR_OK;
}

err_t remote_open_files(const struct agent_options *options, size_t max_bytes, unsigned timeout_ms,
                        struct trail *trail, struct http_client **ret)
{
    char origin[ORIGIN_MAX];
    const struct http_client_options http = {.base_url =
                                                 origin_of(options->server, origin, sizeof(origin)),
                                             .ca_file = options->ca_file,
                                             .user_agent = "bootwarden-agent/" BOOTWARDEN_VERSION,
                                             .timeout_ms = timeout_ms,
                                             .body_max_bytes = max_bytes};

    return http_client_new(&http, trail, ret);
}

void remote_done(struct remote *remote)
{
    http_client_free(remote->guest);
    http_client_free(remote->attest);
    *remote = (struct remote){0};
}

static const char *unreachable_remedy(err_t err, const char *why)
{
    if (strstr(why, "proxy") != NULL) {
        return "Check https_proxy, or leave the proxy out with no_proxy.";
    }
    if (strstr(why, "resolved") != NULL) {
        return "Check the name in --server and the DNS of this machine.";
    }
    if (strstr(why, "TLS failed") != NULL) {
        return "Check that an https service listens on that port, and that nothing on the way "
               "breaks TLS.";
    }
    if (err == ERR_TIMEOUT) {
        return "Allow this machine outbound TCP to that port in firewalls and network rules.";
    }
    return "Check that the service runs and that firewalls and network rules let this machine "
           "reach that port.";
}

/* Words of OpenSSL and curl in `why`. */
static const char *untrusted_remedy(const char *why)
{
    if (strstr(why, "expired") != NULL || strstr(why, "not yet valid") != NULL) {
        return "Check the clock of this machine; when it is right, the service's operator renews "
               "the certificate.";
    }
    if (strstr(why, "name") != NULL) {
        return "Write --server with a name that stands in the service's certificate.";
    }
    return "Name the CA of the service with --ca; a bootwarden-server keeps it in DIR/tls/ca.pem.";
}

static err_t unreachable(enum remote_call call, err_t err, const struct trail *trail,
                         struct fault *fault)
{
    bool is_untrusted = err == ERR_UNTRUSTED;

    fault_set(fault, EXIT_SERVICE, err, "%s endpoint %s: %s. %s. %s",
              calls[call].is_attest ? "Attestation" : "Guest",
              is_untrusted ? "not trusted" : "unreachable", trail->where, trail->what,
              is_untrusted ? untrusted_remedy(trail->what) : unreachable_remedy(err, trail->what));
    /* Who has the wrong certificate has it in five seconds too. */
    fault->is_temporary = !is_untrusted;
    return err;
}

err_t remote_call(struct remote *remote, enum remote_call call, const char *bearer,
                  struct span body, struct arena *arena, struct fault *fault, struct answer *ret)
{
    struct http_client *client = calls[call].is_attest ? remote->attest : remote->guest;
    struct answer answer = {0};
    struct http_reply reply = {0};
    struct trail trail = {0};
    err_t err = http_client_call(client, calls[call].method, calls[call].path, bearer, body, arena,
                                 &trail, &reply);

    if (err == ERR_NETWORK || err == ERR_TIMEOUT || err == ERR_UNTRUSTED) {
        return unreachable(call, err, &trail, fault);
    }
    if (err) {
        return fault_from(fault, EXIT_SERVICE, err, &trail);
    }
    answer.status = reply.status;
    answer.retry_after_s = reply.retry_after_s;
    answer.bytes = reply.body;
    if (reply.status != 200 && reply.status != 202) {
        answer_read_error(arena, &answer);
        *ret = answer;
        return ERR_OK;
    }
    err = json_read(arena, reply.body, NULL, NULL, &answer.body);
    if (err || !yyjson_is_obj(answer.body)) {
        return fault_set(fault, EXIT_SERVICE, ERR_REFUSED,
                         "%s failed: %s answered 200 with something that is no JSON object. Is "
                         "--server the address of a Bootwarden service?",
                         calls[call].what, remote->address);
    }
    *ret = answer;
    return ERR_OK;
}

/* What the user of the agent can do; the service's own words are for whoever looks after it. */
static const char *refused_remedy(const struct answer *answer)
{
    static const struct {
        const char *code; /* docs/formats/guest-api.md */
        const char *remedy;
    } known[] = {
        {"Untrusted", "The service's operator puts the CA of this kind of TPM into trust/ek."},
        {"Conflict", "Only the service's operator can do that."},
        {"ActivationFailed", "Run it once more; if it stays, the TPM does not hold the endorsement "
                             "key of its certificate."},
        {"Unauthorized", "Run it once more, which opens a new session."},
        {"RequestTooLarge", "Leave the IMA log out (--ima-log /dev/null)."},
        {"InvalidParameter", "Update the agent to the version of the service."},
    };

    if (answer->status >= 500 || answer->status == 429 || answer->status == 408) {
        return "Try again later; if it lasts, the service's operator finds the cause in its log.";
    }
    /* docs/formats/guest-api.md, kinds of conflict: the one that a guest can do something about. */
    if (strcmp(answer->code, "Conflict") == 0 && strncmp(answer->message, "the name '", 10) == 0) {
        return "Give another --name, or ask the service's operator to replace the machine.";
    }
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (strcmp(answer->code, known[i].code) == 0) {
            return known[i].remedy;
        }
    }
    return "Check that --server is the address of a Bootwarden service.";
}

err_t remote_refused(const struct remote *remote, enum remote_call call,
                     const struct answer *answer, struct fault *fault)
{
    bool is_temporary = answer->status == 408 || answer->status == 429 || answer->status >= 500;
    err_t err = is_temporary ? ERR_UNAVAILABLE : ERR_REFUSED;
    size_t len = strlen(answer->message);
    bool has_stop = len > 0 && answer->message[len - 1] == '.';

    fault_set(fault, EXIT_SERVICE, err, "%s refused: %s said %u%s%s%s%s%s %s", calls[call].what,
              remote->address, answer->status, answer->code[0] != '\0' ? " " : "", answer->code,
              len > 0 ? ": " : "", answer->message, has_stop ? "" : ".", refused_remedy(answer));
    fault->is_temporary = is_temporary;
    fault->retry_after_s = answer->retry_after_s;
    return err;
}
