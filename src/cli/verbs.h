/*
 * verbs.h - a command that has verbs, as a table: help, the verb that was typed, and what to say to
 * one that is none.
 *
 * A verb is one word or two ("list", "policy set"); the first of two names a group.
 */
#ifndef CLI_VERBS_H
#define CLI_VERBS_H

#include "cli/cli.h"

enum { VERBS_MAX = 32 };

struct verb_set {
    const char *command;     /* "vm" */
    const char *description; /* a sentence for help */
    const struct command *verbs;
    size_t n_verbs;    /* at most VERBS_MAX */
    const char *notes; /* printed below the verbs */
};

/* Run the verb that the words name: argv[0] is the command. An exit code. */
int verbs_run(const struct verb_set *set, int argc, char **argv);

#endif
