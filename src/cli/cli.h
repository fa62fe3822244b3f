/*
 * cli.h - the frame of the bootwarden command: exit codes, the command table, messages.
 *
 * Results go to standard output, everything else to standard error. Every text from outside is
 * escaped before it is printed (rule D-5).
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/arena.h"
#include "base/err.h"

#include <stdio.h>

enum exit_code {
    EXIT_YES = 0,     /* done, or the answer is yes */
    EXIT_NO = 1,      /* the answer is no */
    EXIT_USAGE = 2,   /* wrong use, or input that cannot be read */
    EXIT_SERVICE = 3, /* the service cannot be reached or refuses */
    EXIT_INTERNAL = 4,
};

/* A command: `argv[0]` is its name. Returns an exit code. */
typedef int command_fn(int argc, char **argv);

struct command {
    const char *name;
    const char *help; /* one line */
    command_fn *run;
};

/* The commands; each lives in the file of its name. */
command_fn cmd_eventlog;
command_fn cmd_jmespath;
command_fn cmd_network;
command_fn cmd_package;
command_fn cmd_policy;
command_fn cmd_provider;
command_fn cmd_reference;
command_fn cmd_template;
command_fn cmd_token;
command_fn cmd_verify;
command_fn cmd_vm;

/* "bootwarden NAME: message" and a line end, to standard error. */
void cli_complain(const char *command, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The trail's words, or the error's, after `what` (a file name); the exit code that fits. */
int cli_fail(const char *command, const char *what, err_t err, const struct trail *trail);
/* Flush standard output. EXIT_INTERNAL with a message when it cannot be written, or when the texts
 * made in this arena (or NULL) reached its limit and may lack parts; else `code`. */
int cli_finish(const char *command, const struct arena *arena, int code);

#endif
