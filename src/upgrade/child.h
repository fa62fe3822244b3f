/*
 * child.h - starting a program of the agent: the installed one, or that of a slot once it was
 * verified.
 */
#ifndef UPGRADE_CHILD_H
#define UPGRADE_CHILD_H

#include "agent/options.h"
#include "upgrade/slots.h"

#include <sys/types.h>

enum { CHILD_REFUSED = 5 }; /* exit code: the program was not started; it has said why */

struct child_start {
    const struct agent_options *options;
    char **argv;
    const struct slots *slots;
    enum slot slot;
    bool is_trial;
    const char *above; /* a slot's version must be later than this one */
};

/* *ret_line: our end of its lifeline. ERR_INTERNAL when there are no processes or sockets left. */
err_t child_start(const struct child_start *start, pid_t *ret_pid, int *ret_line) MUST_CHECK;

#endif
