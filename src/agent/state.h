/*
 * state.h - whose the folder of `run` is: one agent's at a time, by a lock that ends with it.
 */
#ifndef AGENT_STATE_H
#define AGENT_STATE_H

#include "agent/options.h"

#define STATE_LOCK_FILE "lock" /* in the folder; of mode 0600, so that nobody else can hold it */

/* The folder of these options. */
const char *state_folder(const struct agent_options *options);
/* Make the folder where it is missing, and hold it until this process ends. ERR_CONFLICT with words
 * when another process does; what else fails is for who writes there to say. */
err_t state_take(const char *folder, struct trail *trail) MUST_CHECK;

enum state_holder { STATE_UNKNOWN, STATE_FREE, STATE_HELD };
/* Does anybody hold it? STATE_UNKNOWN for a user who may not know. */
enum state_holder state_look(const char *folder);

#endif
