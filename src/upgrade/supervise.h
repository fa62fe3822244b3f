/*
 * supervise.h - `bootwarden-agent run`: starts the agent itself as a child, watches it, and changes
 * it for another version and back (docs/formats/agent-package.md).
 *
 * The supervisor is the installed program. It opens no connection, no TPM and no library of either:
 * packages are verified in the child, before it becomes the program. What it decides is on the disk
 * before it happens, so that a loss of power at any moment leaves a version that works.
 */
#ifndef UPGRADE_SUPERVISE_H
#define UPGRADE_SUPERVISE_H

#include "agent/options.h"

enum {
    SUPERVISE_SILENCE_MS = 15 * 60 * 1000, /* without a sign of life; a round may take long */
    SUPERVISE_END_MS = 10 * 1000,          /* from SIGTERM to SIGKILL */
    SUPERVISE_WAIT_MAX_MS = 60 * 1000,     /* before a child that died is started again */
    SUPERVISE_DEATHS_MAX = 5, /* in a row, without a round: then the installed program runs */
};

/* How long to wait after so many deaths in a row: a second, then doubled. Pure. */
unsigned supervise_wait_ms(unsigned n_deaths);

/* Until it is told to end. argv: of this process, for the child. */
enum agent_exit supervise_run(const struct agent_options *options, char **argv);

#endif
