/*
 * online.h - what every command that asks a server does: where the server is, who is calling,
 * requests, and refusals in words.
 *
 * Where: options, else the environment (BOOTWARDEN_ENDPOINT, _CA, _SUBSCRIPTION). Who: a client id
 * and its secret from the environment (BOOTWARDEN_TENANT, _CLIENT_ID, _CLIENT_SECRET), which is
 * exchanged at the server for a token of each audience when the first call needs it; or a token
 * that somebody else got (BOOTWARDEN_TOKEN). A secret is never taken from the command line, where
 * every process of the machine can read it. Only https is spoken, so neither ever travels in the
 * clear.
 *
 * What goes wrong is said on standard error when it happens; functions return exit codes. One
 * command of one thread.
 */
#ifndef CLI_ONLINE_H
#define CLI_ONLINE_H

#include "cli/cli.h"
#include "cli/options.h"
#include "httpclient/client.h"
#include "json/json.h"

enum { ONLINE_ANSWER_MAX_BYTES = 16 * 1024 * 1024, ONLINE_ARENA_BYTES = 256 * 1024 * 1024 };

struct online_options {
    const char *endpoint, *ca, *subscription;
    int output; /* 1: JSON */
};

extern const char *const online_outputs[];
/* Rows of an option table; `o` is a struct online_options. */
#define ONLINE_WHERE(o)                                                                            \
    {                                                                                              \
        "endpoint",                                                                                \
        0,                                                                                         \
        OPTION_TEXT,                                                                               \
        "URL",                                                                                     \
        "the server, instead of BOOTWARDEN_ENDPOINT",                                              \
        &(o).endpoint,                                                                             \
        NULL,                                                                                      \
        0},                                                                                        \
        {"ca",                                                                                     \
         0,                                                                                        \
         OPTION_TEXT,                                                                              \
         "FILE",                                                                                   \
         "the CA of its certificate, instead of BOOTWARDEN_CA",                                    \
         &(o).ca,                                                                                  \
         NULL,                                                                                     \
         0},                                                                                       \
    {                                                                                              \
        "subscription", 0, OPTION_TEXT, "ID", "instead of BOOTWARDEN_SUBSCRIPTION",                \
            &(o).subscription, NULL, 0                                                             \
    }
#define ONLINE_OUTPUT(o)                                                                           \
    {                                                                                              \
        "output", 'o', OPTION_CHOICE, "FORM", "form of the result", &(o).output, online_outputs, 0 \
    }

/* Whose token a call carries. */
enum online_audience {
    ONLINE_ANYBODY,     /* none */
    ONLINE_MANAGEMENT,  /* https://management.azure.com */
    ONLINE_ATTESTATION, /* https://attest.azure.net */
    ONLINE_AUDIENCES,
};

struct online {
    struct online_options where; /* targets of the option table */
    struct option_result words;  /* its arguments */
    struct arena *arena;
    const char *command;       /* for messages: "provider list" */
    const char *endpoint, *ca; /* ca may be NULL: the system's */
    const char *subscription;  /* NULL: not said */
    bool is_json;
    struct http_client *client; /* of the endpoint */
    struct http_client *other;  /* of other_base */
    const char *other_base;
    const char *tokens[ONLINE_AUDIENCES]; /* as they were needed */
};

/* Read the words of the command, whose table has ONLINE_WHERE(online->where). False with an exit
 * code when it shall not run: help was printed, or what is wrong. Nothing is connected yet.
 * online_end in any case. */
bool online_begin(const struct option_set *set, int argc, char **argv, struct online *online,
                  int *ret_exit_code);
/* cli_finish. */
int online_finish(const struct online *online, int code);
void online_end(struct online *online);
DEFINE_CLEANUP_DONE(struct online, online_end)

/* What an option says, else the environment; NULL when neither does, or an empty word. */
const char *online_setting(const char *option, const char *variable);

/* For calls that need one: EXIT_USAGE with words when there is none. */
int online_need_subscription(const struct online *online);
/* A token for this audience, signing in where there is none yet; an exit code. In
 * online-signin.c. */
int online_sign_in(struct online *online, enum online_audience audience, const char **ret);
/* The token is somebody else's, from BOOTWARDEN_TOKEN. */
bool online_has_own_token(void);
/* What a token must be for. */
const char *online_audience_name(enum online_audience audience);

struct online_request {
    enum online_audience audience;
    const char *base; /* NULL: the endpoint; else another address, "https://..." */
    const char *method, *path;
    struct span body;
    const char *content_type; /* NULL: JSON */
    /* A change: after an interruption, or a connection that broke, nobody knows whether it was
     * made. What shows that, such as "bootwarden provider show corp"; NULL: no change. */
    const char *look_with;
};
struct online_answer {
    unsigned status;
    unsigned retry_after_s;
    yyjson_val *json; /* NULL: no body */
    struct span body;
    enum online_audience audience;
};
/* EXIT_YES with an answer of any status; else what kept us from it was said. */
int online_call(struct online *online, const struct online_request *request,
                struct online_answer *ret);
/* The same, and a status that is no success is said to be a refusal of `what`: EXIT_SERVICE. */
int online_ask(struct online *online, const struct online_request *request, const char *what,
               struct online_answer *ret);
/* Say that the service refused `what`; `remedy` NULL: what fits the answer. EXIT_SERVICE. */
int online_refused(const struct online *online, const char *what,
                   const struct online_answer *answer, const char *remedy);
/* Lists of the resource manager. An id from an answer is a path of the server that answers; what is
 * none is not asked for. */
bool online_is_path(const char *id);
typedef int online_item_fn(struct online *online, yyjson_val *item, void *context);
/* Each entry of each page, until `each` answers another code than EXIT_YES. A refusal is said to be
 * one of `what`; what NULL: it is no fault, and *ret_status (may be NULL) is other than 200. page:
 * an arena for what is asked, emptied behind each page, for lists that may be long; NULL: it stays
 * in online's. In online-list.c. */
int online_each(struct online *online, const char *path, const char *what, struct arena *page,
                online_item_fn *each, void *context, unsigned *ret_status);
/* "error.code" of an answer; "" when it has none. */
const char *online_error_code(const struct online_answer *answer);
/* The service said something that it must not say: EXIT_SERVICE. */
int online_distrust(const struct online *online, const char *what, err_t err,
                    const struct trail *trail);

/* RFC 3986, 2.1: for a segment of a path, a value of a query or of a form. NULL at the limit. */
const char *online_encode(struct arena *arena, struct span text);
/* The same for a whole path: its slashes stay. */
const char *online_encode_path(struct arena *arena, struct span path);
/* Printable and bounded, in the arena. */
const char *online_show(const struct online *online, struct span text);
/* The same of words that other words follow: without the full stop at their end. */
const char *online_sentence(const struct online *online, const char *words);
/* A document on standard output, indented; an exit code. */
int online_print_json(const struct online *online, yyjson_mut_doc *doc, yyjson_mut_val *root);
int online_out_of_memory(const struct online *online);

#endif
