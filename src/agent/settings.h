/*
 * settings.h - /etc/bootwarden/agent.conf: one "key = value" a line, "#" for remarks.
 *
 * What the command line or the environment says wins over the file. An unknown key is an error with
 * its line: a setting that is misspelt must not be a setting that is missing.
 */
#ifndef AGENT_SETTINGS_H
#define AGENT_SETTINGS_H

#include "agent/options.h"
#include "base/arena.h"

enum { SETTINGS_FILE_MAX = 64 * 1024, SETTINGS_TOKEN_MAX = 128 };

/* Fill what options leave open. Texts live in the arena, which must outlive the options. The
 * default file may be missing, one that was named may not. ERR_USAGE with file, line and fault. */
err_t settings_read(struct arena *arena, struct agent_options *options,
                    struct trail *trail) MUST_CHECK;

#endif
