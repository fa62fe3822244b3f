/*
 * online.c - requests of the command to a server. Who may send the answers read here: whoever sits
 * at the address that the caller gave, behind a certificate that the caller trusts.
 */
#include "cli/online.h"

#include "base/buf.h"
#include "base/text.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { SHOWN_MAX = 1000, ENCODED_MAX_BYTES = 64 * 1024, SIGNAL_WORDS_MAX = 1400 };

const char *const online_outputs[] = {"text", "json", NULL};

/* ---- interruptions ---- */

/* A signal handler takes no arguments: what it says while a change is on its way. */
static char interrupted[SIGNAL_WORDS_MAX];
static volatile sig_atomic_t is_changing;

static void on_signal(int number)
{
    if (is_changing) {
        (void)!write(STDERR_FILENO, interrupted, strnlen(interrupted, sizeof(interrupted)));
    }
    signal(number, SIG_DFL);
    raise(number);
}

/* Who started us with a signal ignored wants it ignored. */
static void watch_signal(int number)
{
    const struct sigaction action = {.sa_handler = on_signal};
    struct sigaction before = {0};

    if (sigaction(number, NULL, &before) == 0 && before.sa_handler == SIG_DFL) {
        sigaction(number, &action, NULL);
    }
}

static void watch_signals(const struct online *online, const char *look_with)
{
    if (look_with == NULL) {
        return;
    }
    snprintf(
        interrupted, sizeof(interrupted),
        "\nbootwarden %s: interrupted while the change was on its way: '%.1100s' shows whether it "
        "was made\n",
        online->command, look_with);
    is_changing = 1;
    watch_signal(SIGINT);
    watch_signal(SIGTERM);
}

static void unwatch_signals(void)
{
    is_changing = 0;
}

/* ---- words ---- */

const char *online_show(const struct online *online, struct span text)
{
    return text_escape_dup(online->arena, text, SHOWN_MAX);
}

const char *online_sentence(const struct online *online, const char *words)
{
    size_t len = strlen(words);

    while (len > 0 && strchr(". \n", words[len - 1]) != NULL) {
        len--;
    }
    return online_show(online, span_of(words, len));
}

static const char *encode(struct arena *arena, struct span text, const char *kept)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    static const char digits[] = "0123456789ABCDEF";
    char *to, *encoded = text.len > ENCODED_MAX_BYTES ? NULL : arena_alloc(arena, 3 * text.len + 1);

    for (size_t i = 0; encoded != NULL && i < text.len; i++) {
        to = i == 0 ? encoded : to;
        if (text.data[i] != '\0' &&
            (strchr(plain, text.data[i]) != NULL || strchr(kept, text.data[i]) != NULL)) {
            *to++ = (char)text.data[i];
        } else {
            *to++ = '%';
            *to++ = digits[text.data[i] >> 4];
            *to++ = digits[text.data[i] & 15];
        }
        *to = '\0';
    }
    if (encoded != NULL && text.len == 0) {
        encoded[0] = '\0';
    }
    return encoded;
}

const char *online_encode(struct arena *arena, struct span text)
{
    return encode(arena, text, "");
}

const char *online_encode_path(struct arena *arena, struct span path)
{
    return encode(arena, path, "/");
}

int online_out_of_memory(const struct online *online)
{
    cli_complain(online->command, "out of memory");
    return EXIT_INTERNAL;
}

int online_print_json(const struct online *online, yyjson_mut_doc *doc, yyjson_mut_val *root)
{
    struct span text = json_write(online->arena, doc, root, true);

    if (text.data == NULL) {
        return online_out_of_memory(online);
    }
    fwrite(text.data, 1, text.len, stdout);
    putchar('\n');
    return EXIT_YES;
}

/* ---- life ---- */

const char *online_setting(const char *option, const char *variable)
{
    const char *value = option != NULL ? option : getenv(variable);

    return value == NULL || value[0] == '\0' ? NULL : value;
}

static int open_client(const struct online *online, const char *base, struct http_client **ret)
{
    const struct http_client_options options = {
        .base_url = base,
        .ca_file = online->ca,
        .body_max_bytes = ONLINE_ANSWER_MAX_BYTES,
    };
    struct trail trail = {0};
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX];
    err_t err = http_client_new(&options, &trail, ret);

    if (err) {
        trail_format(&trail, err, words, sizeof(words));
        cli_complain(online->command, "%s%s", words,
                     err != ERR_USAGE || strstr(words, "the proxy in ") != NULL ? ""
                     : strstr(words, "CA file") != NULL    ? "; check --ca or BOOTWARDEN_CA"
                     : strcmp(base, online->endpoint) == 0 ? "; check --endpoint or "
                                                             "BOOTWARDEN_ENDPOINT"
                                                           : "");
        return err == ERR_USAGE ? EXIT_USAGE : EXIT_INTERNAL;
    }
    return EXIT_YES;
}

bool online_begin(const struct option_set *set, int argc, char **argv, struct online *online,
                  int *ret_exit_code)
{
    const struct online_options *where = &online->where;

    if (!options_parse(set, argc, argv, &online->words, ret_exit_code)) {
        return false;
    }
    online->arena = arena_new(ONLINE_ARENA_BYTES);
    online->command = set->command;
    online->endpoint = online_setting(where->endpoint, "BOOTWARDEN_ENDPOINT");
    online->ca = online_setting(where->ca, "BOOTWARDEN_CA");
    online->subscription = online_setting(where->subscription, "BOOTWARDEN_SUBSCRIPTION");
    online->is_json = where->output == 1;
    if (online->arena == NULL) {
        *ret_exit_code = online_out_of_memory(online);
    } else if (online->endpoint == NULL) {
        cli_complain(set->command,
                     "no server is named; set BOOTWARDEN_ENDPOINT or write --endpoint "
                     "https://HOST:PORT (bootwarden-server --dev writes all that is needed "
                     "into DIR/dev.env)");
        *ret_exit_code = EXIT_USAGE;
    } else {
        *ret_exit_code = open_client(online, online->endpoint, &online->client);
    }
    return *ret_exit_code == EXIT_YES;
}

int online_finish(const struct online *online, int code)
{
    return cli_finish(online->command, online->arena, code);
}

void online_end(struct online *online)
{
    unwatch_signals();
    http_client_free(online->client);
    http_client_free(online->other);
    arena_free(online->arena);
    *online = (struct online){0};
}

int online_need_subscription(const struct online *online)
{
    if (online->subscription != NULL) {
        return EXIT_YES;
    }
    cli_complain(
        online->command,
        "no subscription is named; set BOOTWARDEN_SUBSCRIPTION or write --subscription ID");
    return EXIT_USAGE;
}

/* ---- calls ---- */

/* Kept for the next call: one command has at most one address beside the endpoint. */
static int client_for(struct online *online, const char *base, struct http_client **ret)
{
    int code = EXIT_YES;

    if (base == NULL || strcmp(base, online->endpoint) == 0) {
        *ret = online->client;
        return EXIT_YES;
    }
    if (online->other == NULL || strcmp(base, online->other_base) != 0) {
        http_client_free(online->other);
        online->other = NULL;
        online->other_base = base;
        code = open_client(online, base, &online->other);
    }
    *ret = online->other;
    return code;
}

static int unreachable(const struct online *online, const struct online_request *request, err_t err,
                       const struct trail *trail)
{
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX];
    const char *remedy = "";
    enum err_category category = err_category(err);

    trail_format(trail, err, words, sizeof(words));
    if (err == ERR_UNTRUSTED) {
        remedy = online->ca == NULL ? "; name the CA of the server with --ca or BOOTWARDEN_CA"
                                    : "; is --ca or BOOTWARDEN_CA the CA of this server?";
    } else if (request->look_with != NULL && (err == ERR_TIMEOUT || err == ERR_NETWORK) &&
               strstr(words, "Connection refused") == NULL) {
        remedy = arena_printf(online->arena, "; '%s' shows whether the change was made",
                              request->look_with);
    } else if (err == ERR_NETWORK || err == ERR_TIMEOUT) {
        remedy = "; does the server run, and is the address right (--endpoint, "
                 "BOOTWARDEN_ENDPOINT)?";
    } else if (err == ERR_VALUE) {
        remedy = "; check BOOTWARDEN_TOKEN";
    }
    cli_complain(online->command, "%s%s", words, remedy == NULL ? "" : remedy);
    return err == ERR_USAGE || err == ERR_VALUE ? EXIT_USAGE
           : category == ERR_CAT_INTERNAL       ? EXIT_INTERNAL
                                                : EXIT_SERVICE;
}

static int read_answer(const struct online *online, const struct online_request *request,
                       const struct http_reply *reply, struct online_answer *ret)
{
    err_t err;

    *ret = (struct online_answer){.status = reply->status,
                                  .retry_after_s = reply->retry_after_s,
                                  .body = reply->body,
                                  .audience = request->audience};
    if (reply->body.len == 0) {
        return EXIT_YES;
    }
    err = json_read(online->arena, reply->body, NULL, NULL, &ret->json);
    if (err == ERR_MEMORY) {
        return online_out_of_memory(online);
    }
    if (err != ERR_OK) {
        cli_complain(online->command,
                     "%s answers with %u and something that is not this service's; is the address "
                     "right (--endpoint, BOOTWARDEN_ENDPOINT)?",
                     request->base != NULL ? request->base : online->endpoint, reply->status);
        return EXIT_SERVICE;
    }
    return EXIT_YES;
}

int online_call(struct online *online, const struct online_request *request,
                struct online_answer *ret)
{
    struct http_client_request call = {
        .method = request->method,
        .path = request->path,
        .body = request->body,
        .content_type = request->content_type,
    };
    struct http_client *client = NULL;
    struct http_reply reply = {0};
    struct trail trail = {0};
    err_t err;
    int code;

    if (request->path == NULL) {
        return online_out_of_memory(online);
    }
    code = online_sign_in(online, request->audience, &call.bearer);
    code = code == EXIT_YES ? client_for(online, request->base, &client) : code;
    if (code != EXIT_YES) {
        return code;
    }
    watch_signals(online, request->look_with);
    err = http_client_send(client, &call, online->arena, &trail, &reply);
    unwatch_signals();
    return err ? unreachable(online, request, err, &trail)
               : read_answer(online, request, &reply, ret);
}

/* ---- refusals ---- */

const char *online_error_code(const struct online_answer *answer)
{
    const char *code = json_text(json_get(json_get(answer->json, "error"), "code"));

    return code == NULL ? "" : code;
}

static const char *remedy_for(const struct online *online, const struct online_answer *answer)
{
    const char *code = online_error_code(answer);

    if (answer->retry_after_s > 0) {
        return arena_printf(online->arena, "try again in %u s", answer->retry_after_s);
    }
    if (answer->status >= 500) {
        return "the server's log says more";
    }
    if (answer->status == 401 && online_has_own_token()) {
        return arena_printf(online->arena,
                            "the token in BOOTWARDEN_TOKEN must be valid, for %s, and of somebody "
                            "who has a role here",
                            online_audience_name(answer->audience));
    }
    if (strcmp(code, "AuthorizationFailed") == 0) {
        return "ask an owner for a role: Reader to look, Contributor to change";
    }
    if (answer->status == 401 && answer->audience == ONLINE_ATTESTATION) {
        return "ask an owner for a role: Attestation Reader to look, Attestation Contributor to "
               "change (shared providers are changed by nobody)";
    }
    if (strcmp(code, "PublicNetworkAccessDisabled") == 0) {
        return "'bootwarden provider update NAME --public-access enabled' opens it";
    }
    return NULL;
}

int online_refused(const struct online *online, const char *what,
                   const struct online_answer *answer, const char *remedy)
{
    const char *words = json_text(json_get(json_get(answer->json, "error"), "message"));
    const char *code = online_show(online, span_str(online_error_code(answer)));

    remedy = remedy == NULL ? remedy_for(online, answer) : remedy;
    cli_complain(online->command, "%s: refused with %u%s%s%s%s%s%s", what, answer->status,
                 code[0] == '\0' ? "" : " ", code, words == NULL ? "" : ": ",
                 words == NULL ? "" : online_sentence(online, words), remedy == NULL ? "" : "; ",
                 remedy == NULL ? "" : remedy);
    return EXIT_SERVICE;
}

int online_ask(struct online *online, const struct online_request *request, const char *what,
               struct online_answer *ret)
{
    int code = online_call(online, request, ret);

    if (code == EXIT_YES && (ret->status < 200 || ret->status > 299)) {
        return online_refused(online, what, ret, NULL);
    }
    return code;
}

int online_distrust(const struct online *online, const char *what, err_t err,
                    const struct trail *trail)
{
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX];

    if (err_category(err) == ERR_CAT_INTERNAL) {
        trail_format(trail, err, words, sizeof(words));
        cli_complain(online->command, "%s: %s", what, words);
        return EXIT_INTERNAL;
    }
    if (err) {
        trail_format(trail, err, words, sizeof(words));
    }
    cli_complain(online->command,
                 "%s%s%s; the answer is not believed: is %s the right server, and this machine's "
                 "clock right?",
                 what, err ? ": " : "", err ? words : "", online->endpoint);
    return EXIT_SERVICE;
}
