/* Who may send the answers read here: the configured service, or whoever holds its certificate. */
#include "agent/remote.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum { CODE_MAX = 64, MESSAGE_MAX = 16 * 1024, REASON_MAX = 1024, ORIGIN_MAX = 512 };

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

/* Words of the service for people: control characters become visible, but a backslash stays one,
 * for the service has escaped what it quotes. */
static const char *show_words(struct arena *arena, struct span words, size_t max)
{
    struct span text = span_str(text_escape_dup(arena, words, max));
    char *out = arena_alloc(arena, text.len + 1);
    size_t n = 0;

    if (out == NULL) {
        return "";
    }
    for (size_t i = 0; i < text.len; i++) {
        out[n++] = (char)text.data[i];
        i += text.data[i] == '\\' && i + 1 < text.len && text.data[i + 1] == '\\' ? 1 : 0;
    }
    out[n] = '\0';
    return out;
}

/* Length of "word: " at the beginning, a word being lower-case letters, digits and hyphens as in
 * verdicts and reason codes; 0 without one. */
static size_t word_length(struct span text)
{
    size_t n = 0;

    while (n < text.len && ((text.data[n] >= 'a' && text.data[n] <= 'z') ||
                            (text.data[n] >= '0' && text.data[n] <= '9') || text.data[n] == '-')) {
        n++;
    }
    return n > 0 && n + 1 < text.len && text.data[n] == ':' && text.data[n + 1] == ' ' ? n + 2 : 0;
}

/* Where the next "; reason-code: " begins, else the end. */
static size_t reason_length(struct span text)
{
    for (size_t i = 0; i + 2 < text.len; i++) {
        if (text.data[i] == ';' && text.data[i + 1] == ' ' &&
            word_length(span_cut(text, i + 2, text.len)) > 0) {
            return i;
        }
    }
    return text.len;
}

/* "verdict: code: words; code: words". A message of another form is one reason, whole. */
static void read_reasons(struct arena *arena, struct span message, struct remote_answer *answer)
{
    size_t verdict = word_length(message);

    if (verdict > 0 && word_length(span_cut(message, verdict, message.len)) > 0) {
        answer->verdict = text_escape_dup(arena, span_cut(message, 0, verdict - 2), CODE_MAX);
        message = span_cut(message, verdict, message.len);
    }
    while (message.len > 0 && answer->n_reasons < REMOTE_MAX_REASONS) {
        size_t len = reason_length(message);

        answer->reasons[answer->n_reasons++] =
            show_words(arena, span_cut(message, 0, len), REASON_MAX);
        message = span_cut(message, len + 2, message.len);
    }
}

/* {"error":{"code","message"}} */
static void read_error(struct arena *arena, struct remote_answer *answer)
{
    yyjson_val *root = NULL;
    yyjson_val *error;
    struct span message;

    answer->code = "";
    answer->message = "";
    answer->verdict = "";
    if (json_read(arena, answer->bytes, NULL, NULL, &root) != ERR_OK) {
        return;
    }
    error = json_get(root, "error");
    message = json_span(json_get(error, "message"));
    answer->code = text_escape_dup(arena, json_span(json_get(error, "code")), CODE_MAX);
    answer->message = show_words(arena, message, MESSAGE_MAX);
    read_reasons(arena, message, answer);
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
                  struct span body, struct arena *arena, struct fault *fault,
                  struct remote_answer *ret)
{
    struct http_client *client = calls[call].is_attest ? remote->attest : remote->guest;
    struct remote_answer answer = {0};
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
        read_error(arena, &answer);
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
static const char *refused_remedy(const struct remote_answer *answer)
{
    if (answer->message[0] != '\0') {
        return "";
    }
    return answer->status >= 500 || answer->status == 429
               ? " Try again later."
               : " Is --server the address of a Bootwarden service?";
}

err_t remote_refused(const struct remote *remote, enum remote_call call,
                     const struct remote_answer *answer, struct fault *fault)
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
