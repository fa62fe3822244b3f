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
    struct http_client_options http = {.base_url = options->server,
                                       .ca_file = options->ca_file,
                                       .user_agent = "bootwarden-agent/" BOOTWARDEN_VERSION};
    err_t err = http_client_new(&http, trail, &remote.attest);

    http.base_url = origin_of(options->server, origin, sizeof(origin));
    err = err ? err : http_client_new(&http, trail, &remote.guest);
    if (err) {
        remote_done(&remote);
        return err;
    }
    remote.address = http_client_address(remote.guest);
    *ret = remote;
    return ERR_OK;
}

void remote_done(struct remote *remote)
{
    http_client_free(remote->guest);
    http_client_free(remote->attest);
    *remote = (struct remote){0};
}

static const char *unreachable_remedy(err_t err, const char *why)
{
    if (strstr(why, "resolved") != NULL) {
        return "Check the name in --server and the DNS of this machine.";
    }
    if (strstr(why, "certificate") != NULL || strstr(why, "CA file") != NULL) {
        return "Name the service's CA with --ca, and check that --server is the name in its "
               "certificate.";
    }
    if (err == ERR_TIMEOUT) {
        return "Allow this machine outbound TCP to that port in firewalls and network rules.";
    }
    return "Check that the service runs and that firewalls and network rules let this machine "
           "reach that port.";
}

static err_t unreachable(enum remote_call call, err_t err, const struct trail *trail,
                         struct fault *fault)
{
    fault_set(fault, EXIT_SERVICE, err, "%s endpoint unreachable: %s. %s. %s",
              calls[call].is_attest ? "Attestation" : "Guest", trail->where, trail->what,
              unreachable_remedy(err, trail->what));
    fault->is_temporary = true;
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

    if (err == ERR_NETWORK || err == ERR_TIMEOUT) {
        return unreachable(call, err, &trail, fault);
    }
    if (err) {
        return fault_from(fault, EXIT_SERVICE, err, &trail);
    }
    answer.status = reply.status;
    answer.retry_after_s = reply.retry_after_s;
    answer.bytes = reply.body;
    if (reply.status != 200) {
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

/* The service's own words say what to do; these are for answers without any. */
static const char *refused_remedy(const struct answer *answer)
{
    if (answer->message[0] != '\0') {
        return "";
    }
    return answer->status >= 500 || answer->status == 429
               ? " Try again later."
               : " Is --server the address of a Bootwarden service?";
}

err_t remote_refused(const struct remote *remote, enum remote_call call,
                     const struct answer *answer, struct fault *fault)
{
    bool is_temporary = answer->status == 408 || answer->status == 429 || answer->status >= 500;
    err_t err = is_temporary ? ERR_UNAVAILABLE : ERR_REFUSED;

    fault_set(fault, EXIT_SERVICE, err, "%s refused: %s said %u%s%s%s%s%s", calls[call].what,
              remote->address, answer->status, answer->code[0] != '\0' ? " " : "", answer->code,
              answer->message[0] != '\0' ? ": " : ".", answer->message, refused_remedy(answer));
    fault->is_temporary = is_temporary;
    fault->retry_after_s = answer->retry_after_s;
    return err;
}
