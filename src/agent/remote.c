/* Who may send the answers read here: the configured service, or whoever holds its certificate. */
#include "agent/remote.h"

#include "agent/remedy.h"

#include <stdio.h>
#include <string.h>

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

struct http_client_options remote_http_options(const struct agent_options *options, const char *url)
{
    return (struct http_client_options){
        .base_url = url,
        .ca_file = options->ca_file,
        .user_agent = "bootwarden-agent/" BOOTWARDEN_VERSION,
        .proxy = {.proxy = options->proxy, .no_proxy = options->no_proxy},
    };
}

const char *remote_origin(struct arena *arena, const char *url)
{
    const char *host = strstr(url, "://");
    size_t len = host == NULL ? strlen(url) : (size_t)(host + 3 - url);

    len += strcspn(url + len, "/?#");
    return arena_printf(arena, "%.*s", (int)len, url);
}

/* Which option a fault of http_client_new is about. */
static err_t name_option(struct trail *trail, err_t err, const char *option)
{
    static const struct {
        const char *words, *option;
    } known[] = {
        {"the CA file", "--ca (or BOOTWARDEN_CA)"},
        {"the proxy", "--proxy (or https_proxy)"},
    };

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (strncmp(trail->what, known[i].words, strlen(known[i].words)) == 0) {
            option = known[i].option;
        }
    }
    return trail_in(trail, err, err == ERR_USAGE ? option : "the connection");
}

/* The path of a provider, without its last slash. */
static const char *path_of(struct arena *arena, const char *url, const char *origin)
{
    size_t len = strlen(url);

    while (len > strlen(origin) && url[len - 1] == '/') {
        len--;
    }
    return arena_printf(arena, "%.*s", (int)(len - strlen(origin)), url + strlen(origin));
}

/* One connection, and one copy of the trusted CAs, are enough for one host and port. */
static err_t open_attest(const struct agent_options *options, struct trail *trail,
                         const char *origin, struct remote *remote)
{
    const struct http_client_options http = remote_http_options(options, origin);
    err_t err = http_client_new(&http, trail, &remote->attest);

    if (err == ERR_OK &&
        strcmp(http_client_address(remote->attest), http_client_address(remote->guest)) == 0) {
        http_client_free(remote->attest);
        remote->attest = remote->guest;
    }
    return err;
}

err_t remote_open(const struct agent_options *options, struct arena *arena, struct trail *trail,
                  struct remote *ret)
{
    static const char server[] = "--server (or BOOTWARDEN_ENDPOINT)";
    CLEANUP(remote_done)
    struct remote remote = {.attest_option = agent_attest_option(options), .alive = options->alive};
    const char *url = agent_attest_url(options);
    const char *origin = remote_origin(arena, url);
    const struct http_client_options http =
        remote_http_options(options, remote_origin(arena, options->server));
    struct http_address address;
    err_t err;

    if (origin == NULL || http.base_url == NULL) {
        return ERR_MEMORY;
    }
    /* The whole addresses: what must not stand there may stand behind the origin. */
    err = http_address_read(options->server, trail, &address);
    err = err ? err : http_client_new(&http, trail, &remote.guest);
    if (err) {
        return name_option(trail, err, server);
    }
    err = http_address_read(url, trail, &address);
    err = err ? err : open_attest(options, trail, origin, &remote);
    if (err) {
        return name_option(trail, err,
                           options->attest_server != NULL ? remote.attest_option : server);
    }
    remote.attest_path = path_of(arena, url, origin);
    if (remote.attest_path == NULL) {
        return ERR_MEMORY;
    }
    *ret = remote;
    remote = (struct remote){0};
    return ERR_OK;
}

static struct http_client *client_of(const struct remote *remote, enum remote_call call)
{
    return calls[call].is_attest ? remote->attest : remote->guest;
}

const char *remote_address(const struct remote *remote, enum remote_call call)
{
    return http_client_address(client_of(remote, call));
}

err_t remote_open_files(const struct agent_options *options, struct arena *arena, size_t max_bytes,
                        unsigned timeout_ms, struct trail *trail, struct http_client **ret)
{
    struct http_client_options http =
        remote_http_options(options, remote_origin(arena, options->server));

    if (http.base_url == NULL) {
        return ERR_MEMORY;
    }
    http.timeout_ms = timeout_ms;
    http.body_max_bytes = max_bytes;
    return http_client_new(&http, trail, ret);
}

void remote_done(struct remote *remote)
{
    if (remote->attest != remote->guest) {
        http_client_free(remote->attest);
    }
    http_client_free(remote->guest);
    *remote = (struct remote){0};
}

/* Who has the wrong certificate, or forbids the way, does so in five seconds too. */
static bool passes_by_itself(err_t err, const struct http_failure *failure)
{
    return err != ERR_UNTRUSTED && failure->connect_status != 403 && failure->connect_status != 407;
}

static err_t unreachable(const struct remote *remote, enum remote_call call, err_t err,
                         const struct trail *trail, struct fault *fault)
{
    const struct http_client *client = client_of(remote, call);
    const struct http_failure *failure = http_client_failure(client);
    const struct remedy_way way = {.is_attest = calls[call].is_attest,
                                   .option =
                                       calls[call].is_attest ? remote->attest_option : "--server",
                                   .to = http_client_target(client),
                                   .proxy = http_client_proxy(client),
                                   .failure = failure};
    char remedy[REMEDY_MAX];

    fault_set(fault, EXIT_SERVICE, err, "%s endpoint %s: %s. %s",
              calls[call].is_attest ? "Attestation" : "Guest",
              err == ERR_UNTRUSTED ? "not trusted" : "unreachable", trail->where, trail->what);
    remedy_write(&way, remedy);
    fault_add_remedy(fault, remedy);
    fault->is_temporary = passes_by_itself(err, failure);
    return err;
}

/* 202: proven, and an owner has to let it in. */
static bool is_success(enum remote_call call, unsigned status)
{
    return status == 200 || (status == 202 && call == CALL_ACTIVATE);
}

err_t remote_call(struct remote *remote, enum remote_call call, const char *bearer,
                  struct span body, struct arena *arena, struct fault *fault, struct answer *ret)
{
    struct answer answer = {.code = "", .message = "", .verdict = ""};
    struct http_reply reply = {0};
    struct trail trail = {0};
    const char *path = arena_printf(arena, "%s%s", calls[call].is_attest ? remote->attest_path : "",
                                    calls[call].path);
    err_t err;

    alive_say(remote->alive);
    err = path == NULL ? ERR_MEMORY
                       : http_client_call(client_of(remote, call), calls[call].method, path, bearer,
                                          body, arena, &trail, &reply);
    if (err == ERR_NETWORK || err == ERR_TIMEOUT || err == ERR_UNTRUSTED) {
        return unreachable(remote, call, err, &trail, fault);
    }
    if (err) {
        return fault_from(fault, EXIT_SERVICE, err, &trail);
    }
    answer.status = reply.status;
    answer.retry_after_s = reply.retry_after_s;
    answer.bytes = reply.body;
    if (!is_success(call, reply.status)) {
        answer_read_error(arena, &answer);
        *ret = answer;
        return ERR_OK;
    }
    err = json_read(arena, reply.body, NULL, NULL, &answer.body);
    if (err || !yyjson_is_obj(answer.body)) {
        fault_set(fault, EXIT_SERVICE, ERR_REFUSED,
                  "%s failed: %s answered %u with something that is no JSON object.",
                  calls[call].what, remote_address(remote, call), reply.status);
        fault_add_remedy(fault, "Is --server the address of a Bootwarden service?");
        return ERR_REFUSED;
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
        {"InvalidJoinToken",
         "Check the token for typing errors, or have the owner make another: "
         "bootwarden vm token VM -g GROUP, or for a machine that is no resource "
         "bootwarden vm announce NAME. Tokens end, and most are good once."},
        {"Rejected", "The owner lets it in after all: bootwarden vm admit NAME."},
        {"ActivationFailed", "Run it once more; if it stays, the TPM does not hold the endorsement "
                             "key of its certificate."},
        {"Unauthorized", "Run it once more, which opens a new session."},
        {"RequestTooLarge", "Leave the IMA log out (--ima-log /dev/null)."},
        {"InvalidParameter", "Update the agent to the version of the service."},
    };

    if (answer->status >= 500 || answer->status == 429 || answer->status == 408) {
        return "Try again later; if it lasts, the service's operator finds the cause in its log.";
    }
    /* docs/formats/guest-api.md, kinds of conflict: those that somebody can end. */
    if (strcmp(answer->code, "Conflict") == 0 && strncmp(answer->message, "this name ", 10) == 0) {
        return "Give another --name, or the join token of the machine that was announced.";
    }
    if (strcmp(answer->code, "Conflict") == 0 && strncmp(answer->message, "the name '", 10) == 0) {
        return "Give another --name, or ask the service's operator to replace the machine.";
    }
    if (strcmp(answer->code, "Conflict") == 0 &&
        strncmp(answer->message, "this machine was disabled", 25) == 0) {
        return "Its owner lets it in again: bootwarden vm enable NAME.";
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

    fault_set(fault, EXIT_SERVICE, err, "%s refused: %s said %u%s%s%s%s", calls[call].what,
              remote_address(remote, call), answer->status, answer->code[0] != '\0' ? " " : "",
              answer->code, answer->message[0] != '\0' ? ": " : "", answer->message);
    fault_add_remedy(fault, refused_remedy(answer));
    fault->is_temporary = is_temporary;
    fault->retry_after_s = answer->retry_after_s;
    return err;
}
