#include "agent/options.h"

#include "base/file.h"
#include "tpmdev/tpmdev.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_CHARS = 64, WORD_SHOWN_MAX = 60 };

static const struct {
    const char *name;
    enum agent_command command;
    const char *help;
} commands[] = {
    {"attest", COMMAND_ATTEST, "prove how this machine booted and get a token"},
    {"run", COMMAND_RUN, "prove it now and then, and report: the service in the guest"},
    {"status", COMMAND_STATUS, "what `run` came to last"},
    {"enroll", COMMAND_ENROLL, "only make the keys known to the service"},
    {"check", COMMAND_CHECK, "find out what is in the way, step by step, and what to do"},
    /* NULL: --help has one line for all of them. */
    {"install", COMMAND_INSTALL, NULL},
    {"enable", COMMAND_ENABLE, NULL},
    {"update", COMMAND_UPDATE, NULL},
    {"disable", COMMAND_DISABLE, NULL},
    {"uninstall", COMMAND_UNINSTALL, NULL},
};

enum option_id {
    OPT_SERVER,
    OPT_ATTEST_SERVER,
    OPT_CA,
    OPT_PROXY,
    OPT_NO_PROXY,
    OPT_NAME,
    OPT_JOIN_TOKEN_FILE,
    OPT_CONFIG,
    OPT_STATE,
    OPT_EXTENSION,
    OPT_PERIOD,
    OPT_OUTPUT,
    OPT_TCTI,
    OPT_EVENT_LOG,
    OPT_IMA_LOG,
    OPT_EFIVARS,
    OPT_AZURE,
    OPT_RETRIES,
    OPT_RETRY_WAIT,
    OPT_VERBOSE,
    OPT_HELP,
    OPT_VERSION,
};

static const struct {
    const char *name;
    enum option_id id;
    const char *value; /* NULL: a switch */
    const char *help;
} options[] = {
    {"--server", OPT_SERVER, "URL", "address of the service (else $BOOTWARDEN_ENDPOINT)"},
    {"--attest-server", OPT_ATTEST_SERVER, "URL", "where attestation is, when not at --server"},
    {"--ca", OPT_CA, "FILE", "trust only this CA for the connection (else $BOOTWARDEN_CA)"},
    {"--proxy", OPT_PROXY, "URL", "http://[USER:PASSWORD@]HOST:PORT (else $https_proxy)"},
    {"--no-proxy", OPT_NO_PROXY, "LIST", "hosts that need no proxy (else $no_proxy)"},
    {"--name", OPT_NAME, "NAME", "what people call this machine, given when it joins"},
    {"--join-token-file", OPT_JOIN_TOKEN_FILE, "FILE", "holds the token of who is announced"},
    {"--config", OPT_CONFIG, "FILE", "settings (default: " AGENT_CONFIG ", when it is there)"},
    {"--state", OPT_STATE, "DIR", "where run keeps what it knows (default: " AGENT_STATE ")"},
    {"--extension", OPT_EXTENSION, "DIR", "folder of the extension handler, for run"},
    {"--period", OPT_PERIOD, "MINUTES", "between two proofs of run; 10s for seconds (default: 60)"},
    {"--output", OPT_OUTPUT, "FORM", "text (default), json, or token: the bare JWT"},
    {"--tcti", OPT_TCTI, "TCTI", "which TPM (default: " TPMDEV_DEFAULT_TCTI ")"},
    {"--event-log", OPT_EVENT_LOG, "FILE", "firmware event log (default: the kernel's)"},
    {"--ima-log", OPT_IMA_LOG, "FILE", "IMA log, which explains PCR 10 (default: the kernel's)"},
    {"--efivars", OPT_EFIVARS, "DIR", "UEFI variables that check looks at (default: the kernel's)"},
    {"--azure", OPT_AZURE, NULL, "send what Azure's own client sends: no challenge, PCRs 0-7"},
    {"--retries", OPT_RETRIES, "N", "how often to try again, 0 to 3 (default: 3)"},
    {"--retry-wait", OPT_RETRY_WAIT, "SECONDS",
     "before the first retry, then doubled (default: 5)"},
    {"--verbose", OPT_VERBOSE, NULL, "let the TPM library log to standard error"},
    {"--help", OPT_HELP, NULL, "this text"},
    {"--version", OPT_VERSION, NULL, "the version"},
};

void agent_options_help(FILE *out)
{
    char left[40];

    fprintf(out, "usage: bootwarden-agent COMMAND --server URL [OPTION]...\n\n");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (commands[i].help != NULL) {
            fprintf(out, "  %-24s%s\n", commands[i].name, commands[i].help);
        }
    }
    fprintf(out, "  install, enable, update, disable, uninstall: called by Azure's guest agent\n");
    fprintf(out, "\n");
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        snprintf(left, sizeof(left), "%s%s%s", options[i].name, options[i].value ? " " : "",
                 options[i].value ? options[i].value : "");
        fprintf(out, "  %-24s%s\n", left, options[i].help);
    }
    fprintf(out,
            "\nExit status: 0 token obtained or nothing wrong, 1 the service says no, 2 usage,\n"
            "3 service not reachable or refusing, 4 TPM or internal fault.\n"
            "Manual: bootwarden-agent(8)\n");
}

static err_t parse_name(const char *value, struct trail *trail, struct agent_options *out)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t len = strlen(value);

    if (len == 0 || len > NAME_MAX_CHARS || strspn(value, allowed) != len) {
        return trail_set(trail, ERR_USAGE, "--name takes 1 to 64 of A-Z a-z 0-9 . _ -, not '%.80s'",
                         value);
    }
    out->name = value;
    return ERR_OK;
}

err_t agent_period_parse(const char *value, const char *what, struct trail *trail, unsigned *ret_ms)
{
    char *end = NULL;
    double number = strtod(value, &end);
    bool is_seconds = end != value && strcmp(end, "s") == 0;
    double ms = number * (is_seconds ? 1000 : 60000);

    if (end == value || (*end != '\0' && !is_seconds) ||
        !(ms >= AGENT_MIN_PERIOD_MS && ms <= AGENT_MAX_PERIOD_MS)) {
        return trail_set(trail, ERR_USAGE,
                         "%s takes 1 to 1440 minutes, or seconds as in 90s, not "
                         "'%.40s'",
                         what, value);
    }
    *ret_ms = (unsigned)ms;
    return ERR_OK;
}

static err_t parse_output(const char *value, struct trail *trail, struct agent_options *out)
{
    static const char *const forms[] = {
        [OUTPUT_TEXT] = "text", [OUTPUT_JSON] = "json", [OUTPUT_TOKEN] = "token"};

    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (strcmp(value, forms[i]) == 0) {
            out->output = (enum agent_output)i;
            return ERR_OK;
        }
    }
    return trail_set(trail, ERR_USAGE, "--output takes text, json or token, not '%.40s'", value);
}

err_t agent_retries_parse(const char *value, const char *what, struct trail *trail, unsigned *ret)
{
    if (value[0] < '0' || value[0] > '0' + AGENT_MAX_RETRIES || value[1] != '\0') {
        return trail_set(trail, ERR_USAGE, "%s takes a number from 0 to %d, not '%.40s'", what,
                         AGENT_MAX_RETRIES, value);
    }
    *ret = (unsigned)(value[0] - '0');
    return ERR_OK;
}

err_t agent_retry_wait_parse(const char *value, const char *what, struct trail *trail,
                             unsigned *ret_ms)
{
    char *end = NULL;
    double seconds = strtod(value, &end);

    if (end == value || *end != '\0' || !(seconds >= 0 && seconds <= AGENT_MAX_WAIT_MS / 1000.0)) {
        return trail_set(trail, ERR_USAGE, "%s takes 0 to %d seconds, not '%.40s'", what,
                         AGENT_MAX_WAIT_MS / 1000, value);
    }
    *ret_ms = (unsigned)(seconds * 1000);
    return ERR_OK;
}

static err_t apply(enum option_id id, const char *value, struct trail *trail,
                   struct agent_options *out)
{
    switch (id) {
    case OPT_SERVER:
        out->server = value;
        break;
    case OPT_ATTEST_SERVER:
        out->attest_server = value;
        break;
    case OPT_CA:
        out->ca_file = value;
        break;
    case OPT_PROXY:
        out->proxy = value;
        break;
    case OPT_NO_PROXY:
        out->no_proxy = value;
        break;
    case OPT_NAME:
        return parse_name(value, trail, out);
    case OPT_JOIN_TOKEN_FILE:
        out->join_token_file = value;
        break;
    case OPT_CONFIG:
        out->config_file = value;
        break;
    case OPT_STATE:
        out->state = value;
        break;
    case OPT_EXTENSION:
        out->extension = value;
        break;
    case OPT_PERIOD:
        return agent_period_parse(value, "--period", trail, &out->period_ms);
    case OPT_OUTPUT:
        return parse_output(value, trail, out);
    case OPT_TCTI:
        out->tcti = value;
        break;
    case OPT_EVENT_LOG:
        out->event_log = value;
        break;
    case OPT_IMA_LOG:
        out->ima_log = value;
        break;
    case OPT_EFIVARS:
        out->efivars = value;
        break;
    case OPT_AZURE:
        out->is_azure = true;
        break;
    case OPT_RETRIES:
        out->has_retries = true;
        return agent_retries_parse(value, "--retries", trail, &out->retries);
    case OPT_RETRY_WAIT:
        out->has_retry_wait = true;
        return agent_retry_wait_parse(value, "--retry-wait", trail, &out->retry_wait_ms);
    case OPT_VERBOSE:
        out->is_verbose = true;
        break;
    case OPT_HELP:
        out->command = COMMAND_HELP;
        break;
    case OPT_VERSION:
        out->command = COMMAND_VERSION;
        break;
    }
    return ERR_OK;
}

/* One option at argv[*at], "--name value" or "--name=value"; *at moves past what it used. */
static err_t parse_option(int argc, char **argv, int *at, struct trail *trail,
                          struct agent_options *out)
{
    const char *arg = argv[*at];
    const char *equals = strchr(arg, '=');
    size_t len = equals != NULL ? (size_t)(equals - arg) : strlen(arg);

    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        const char *value = "";

        if (strlen(options[i].name) != len || strncmp(options[i].name, arg, len) != 0) {
            continue;
        }
        if (options[i].value == NULL && equals != NULL) {
            return trail_set(trail, ERR_USAGE, "%s takes no value", options[i].name);
        }
        if (options[i].value != NULL) {
            value = equals != NULL ? equals + 1 : *at + 1 < argc ? argv[++*at] : NULL;
            if (value == NULL || *value == '\0') {
                return trail_set(trail, ERR_USAGE, "%s needs a value: %s", options[i].name,
                                 options[i].value);
            }
        }
        ++*at;
        return apply(options[i].id, value, trail, out);
    }
    /* Without its value, which may hold a password. */
    return trail_set(trail, ERR_USAGE, "unknown option '%.*s'; see bootwarden-agent --help",
                     (int)(len < WORD_SHOWN_MAX ? len : WORD_SHOWN_MAX), arg);
}

static err_t parse_command(const char *word, struct trail *trail, struct agent_options *out)
{
    /* Azure's precursor of the extension was called with -install, -enable, ... */
    word += word[0] == '-' ? 1 : 0;
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(word, commands[i].name) == 0) {
            out->command = commands[i].command;
            return ERR_OK;
        }
    }
    return trail_set(trail, ERR_USAGE,
                     "unknown command '%.60s'; it is run, attest, enroll, check or status", word);
}

err_t agent_options_check(const struct agent_options *out, struct trail *trail)
{
    if (out->command == COMMAND_STATUS) {
        return ERR_OK;
    }
    if (out->server == NULL) {
        return trail_set(trail, ERR_USAGE,
                         "which service? --server https://host:port, BOOTWARDEN_ENDPOINT, or "
                         "server = https://host:port in " AGENT_CONFIG);
    }
    if (out->output == OUTPUT_TOKEN && out->command != COMMAND_ATTEST) {
        return trail_set(trail, ERR_USAGE, "--output token goes with attest");
    }
    if (out->efivars != NULL && out->command != COMMAND_CHECK) {
        return trail_set(trail, ERR_USAGE, "--efivars goes with check");
    }
    if (out->is_azure && out->ima_log != NULL) {
        return trail_set(trail, ERR_USAGE,
                         "--ima-log does not go with --azure, which quotes PCRs "
                         "0-7 alone");
    }
    return ERR_OK;
}

static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

err_t agent_options_parse(int argc, char **argv, struct trail *trail, struct agent_options *ret)
{
    struct agent_options out = {.command = COMMAND_HELP,
                                .server = environment("BOOTWARDEN_ENDPOINT"),
                                .ca_file = environment("BOOTWARDEN_CA"),
                                .retries = AGENT_MAX_RETRIES,
                                .retry_wait_ms = AGENT_RETRY_WAIT_MS};
    bool has_command = false;
    int at = 1;
    err_t err = ERR_OK;

    while (at < argc && err == ERR_OK) {
        if (argv[at][0] == '-' && argv[at][1] == '-') {
            enum agent_command before = out.command;

            err = parse_option(argc, argv, &at, trail, &out);
            if (err == ERR_OK && (out.command != before || strcmp(argv[at - 1], "--help") == 0)) {
                *ret = out; /* --help and --version win over everything behind them */
                return ERR_OK;
            }
        } else if (has_command) {
            err = strchr(argv[at], '@') != NULL /* a proxy with its password, perhaps */
                      ? trail_set(trail, ERR_USAGE, "there is one word too many")
                      : trail_set(trail, ERR_USAGE, "'%.60s' is one word too many", argv[at]);
        } else {
            err = parse_command(argv[at++], trail, &out);
            has_command = true;
        }
    }
    if (err == ERR_OK && !has_command) {
        err = trail_set(trail, ERR_USAGE, "no command; see bootwarden-agent --help");
    }
    if (err == ERR_OK) {
        *ret = out;
    }
    return err;
}

void agent_options_default_ca(struct agent_options *o, const char *path)
{
    if (o->ca_file == NULL && file_exists(path)) {
        o->ca_file = path;
    }
}

const char *agent_attest_url(const struct agent_options *o)
{
    return o->attest_server != NULL ? o->attest_server : o->server;
}

const char *agent_attest_option(const struct agent_options *o)
{
    if (o->attest_server == NULL) {
        return "--server";
    }
    return o->is_attest_learned ? AGENT_LEARNED_OPTION : "--attest-server";
}
