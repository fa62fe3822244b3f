/*
 * options.h - the command line of bootwarden-agent: one table of commands, one of options, from
 * which --help is made.
 */
#ifndef AGENT_OPTIONS_H
#define AGENT_OPTIONS_H

#include "base/err.h"

#include <stdio.h>

/* What is trusted when nobody names a CA, and it is there. */
#define AGENT_CA_FILE "/etc/bootwarden/ca.pem"

/* Who says where attestation is, when nobody on this machine does. */
#define AGENT_LEARNED_OPTION                                                                       \
    "maaEndpoint of the owner's settings (when it is not there, --endpoint of the service)"

/* What the programs of Bootwarden exit with. */
enum agent_exit {
    EXIT_TOKEN = 0,   /* proven, a token was obtained; or joined */
    EXIT_NO = 1,      /* the service's answer is no */
    EXIT_USAGE = 2,   /* command line, or a file it names */
    EXIT_SERVICE = 3, /* not reachable, or refusing for another reason than the evidence */
    EXIT_INTERNAL = 4 /* our fault, the machine's or its TPM's */
};

enum agent_command {
    COMMAND_HELP,
    COMMAND_VERSION,
    COMMAND_ATTEST,
    COMMAND_ENROLL,
    COMMAND_RUN,
    COMMAND_STATUS,
    COMMAND_CHECK,
    /* Of Azure's guest agent (handler.h). */
    COMMAND_INSTALL,
    COMMAND_ENABLE,
    COMMAND_UPDATE,
    COMMAND_DISABLE,
    COMMAND_UNINSTALL,
};
enum agent_output { OUTPUT_TEXT, OUTPUT_JSON, OUTPUT_TOKEN };

#define AGENT_PLATFORM "linux-" AGENT_ARCH
#define AGENT_CONFIG "/etc/bootwarden/agent.conf"
#define AGENT_STATE "/var/lib/bootwarden-agent"

enum {
    AGENT_PERIOD_MS = 60 * 60 * 1000,
    AGENT_CONTACT_MS = 5 * 60 * 1000,
    AGENT_MIN_PERIOD_MS = 1000,
    AGENT_MAX_PERIOD_MS = 1440 * 60 * 1000,
    AGENT_MIN_SILENCE_MS = 5 * 1000, /* for tests: one call alone may take half a minute */
};

enum { AGENT_MAX_RETRIES = 3, AGENT_RETRY_WAIT_MS = 5000, AGENT_MAX_WAIT_MS = 300 * 1000 };

/* Lines of the settings file; 0 = it was not said there. */
struct setting_lines {
    unsigned server, attest_server, ca, proxy, tcti, join_token;
};

struct alive;

struct agent_options {
    enum agent_command command;
    const char *server;        /* --server or BOOTWARDEN_ENDPOINT */
    const char *attest_server; /* where attestation is, when elsewhere; NULL = server */
    const char *ca_file;       /* --ca or BOOTWARDEN_CA; NULL = the system's roots */
    const char *proxy;         /* NULL = as the environment says (httpclient/proxy.h) */
    const char *no_proxy;      /* the same */
    const char *tcti;
    const char *event_log; /* NULL = the kernel's */
    const char *ima_log;   /* NULL = the kernel's, or none beside a given event log */
    const char *efivars;   /* NULL = the kernel's */
    const char *name;
    const char *join_token;       /* for who is announced; NULL = none */
    const char *join_token_file;  /* read into join_token by settings_read, and at every join */
    bool has_token_of_file;       /* by settings_read: no setting gives the token itself */
    const char *config_file;      /* NULL = AGENT_CONFIG, when it is there */
    const char *state;            /* folder of `run`; NULL = AGENT_STATE */
    const char *extension;        /* handler folder (extension/folder.h); NULL = no extension */
    unsigned period_ms;           /* between two proofs; 0 = as the service says, else an hour */
    unsigned contact_ms;          /* between two looks at the goal state; 0 = AGENT_CONTACT_MS */
    const char *upgrade_key;      /* keys that packages are signed with; NULL = VET_KEY_FILE */
    unsigned upgrade_after_ms;    /* of a boot; 0 = UPGRADE_AFTER_MS */
    unsigned upgrade_deadline_ms; /* for a round of a new version; 0 = UPGRADE_DEADLINE_MS */
    unsigned silence_ms;          /* an agent without a sign of life is started anew; 0 = default */
    struct setting_lines lines;   /* by settings_read */
    enum agent_output output;
    bool is_attest_learned; /* attest_server is from the goal state, and no option */
    bool is_azure;          /* what Azure's own client sends */
    bool never_joins;       /* with is_azure: the service is Azure's, where nobody can */
    bool is_verbose;
    unsigned retries;
    bool has_retries, has_retry_wait; /* the command line named them */
    unsigned retry_wait_ms;           /* before the first retry; doubles */
    unsigned retry_total_ms;          /* no retry begins later than this; 0 = no limit */
    const struct alive *alive;        /* who hears that the agent lives (alive.h); NULL */
};

/* Do they say enough for the command? After the settings were read. */
err_t agent_options_check(const struct agent_options *out, struct trail *trail) MUST_CHECK;
/* "60" minutes, "90s": into milliseconds. what: the option or key, for the words. */
err_t agent_period_parse(const char *value, const char *what, struct trail *trail,
                         unsigned *ret_ms) MUST_CHECK;
/* How often, and seconds into milliseconds; in the same way. */
err_t agent_retries_parse(const char *value, const char *what, struct trail *trail,
                          unsigned *ret) MUST_CHECK;
err_t agent_retry_wait_parse(const char *value, const char *what, struct trail *trail,
                             unsigned *ret_ms) MUST_CHECK;
/* Texts borrow from argv and the environment. ERR_USAGE with the fault in words. */
err_t agent_options_parse(int argc, char **argv, struct trail *trail,
                          struct agent_options *ret) MUST_CHECK;
/* Take the CA file at path (AGENT_CA_FILE) when none was named and there is one. */
void agent_options_default_ca(struct agent_options *o, const char *path);
/* Where attestation requests go, and who says so: an option, or AGENT_LEARNED_OPTION. */
const char *agent_attest_url(const struct agent_options *o);
const char *agent_attest_option(const struct agent_options *o);
void agent_options_help(FILE *out);

#endif
