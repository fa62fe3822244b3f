/*
 * settings.h - /etc/bootwarden/agent.conf: one "key = value" a line, "#" for remarks.
 *
 * What the command line or the environment says wins over the file. An unknown key is an error with
 * its line, and so is one that is there twice: a line that is not followed must not look as if it
 * were.
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
/* The join token to show now: as its file says now, for an agent that runs for months. Of a file
 * that cannot be read, what was read at the start. In the arena; NULL = none. */
const char *settings_join_token(struct arena *arena, const struct agent_options *options);
/* Why the file that should hold the token gives none, in words: NULL when it gives one, or when no
 * file is named or another setting gives the token. In the arena. */
const char *settings_no_token(struct arena *arena, const struct agent_options *options);
/* What can be known to be wrong before anything is asked of the network or the TPM: addresses, the
 * proxy, the CA file, the name of the TCTI. For `run`, which would go on for ever. ERR_USAGE with
 * the line of the file or the option that says it. */
err_t settings_check(const struct agent_options *options, struct trail *trail) MUST_CHECK;
/* Secrets in files that everybody can read, on standard error. */
void settings_warn(const struct agent_options *options);

#endif
