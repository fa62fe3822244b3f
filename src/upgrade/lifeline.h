/*
 * lifeline.h - words between the supervisor and the agent that it started
 * (docs/formats/agent-package.md, "Supervisor and agent"): a socket of whole messages, each a text
 * whose first word says what it is.
 */
#ifndef UPGRADE_LIFELINE_H
#define UPGRADE_LIFELINE_H

#include "base/defs.h"

#include <stdbool.h>

#define LIFELINE_FD "BOOTWARDEN_SUPERVISED"
#define LIFELINE_TRIAL "BOOTWARDEN_TRIAL"

enum { LIFELINE_MAX = 1024 };

/* The child's end. */
struct lifeline {
    int fd; /* -1: nobody supervises */
    bool is_trial;
};

/* Was this process started by a supervisor? */
bool lifeline_is_there(void);
/* From the environment, which forgets it: children of ours are not meant. */
void lifeline_open(struct lifeline *ret);
/* Without a supervisor, or when it is gone, nothing happens. Never waits. */
void lifeline_say(int fd, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The next message that has come; false when there is none. *ret_is_closed: and none will. */
bool lifeline_hear(int fd, char text[LIFELINE_MAX], bool *ret_is_closed);

#endif
