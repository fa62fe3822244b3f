/*
 * handler.h - install, enable, update, disable, uninstall: what Azure's guest agent calls in the
 * folder of the extension (docs/formats/extension.md).
 */
#ifndef EXTENSION_HANDLER_H
#define EXTENSION_HANDLER_H

#include "agent/options.h"
#include "base/arena.h"

/* Azure's codes; 51 and more are the customer's to mend. */
enum handler_exit {
    HANDLER_DONE = 0,
    HANDLER_FAILED = 1,
    HANDLER_UNSUPPORTED_OS = 51,
    HANDLER_MISSING = 52,  /* no vTPM, no permission, a library that is not there */
    HANDLER_SETTINGS = 53, /* missing or invalid */
};

enum {
    HANDLER_KERNEL_MAJOR = 4, /* the first with a resource manager for TPMs: 4.12 */
    HANDLER_KERNEL_MINOR = 12,
    HANDLER_TURN_MS = 120 * 1000, /* how long a command waits for another one */
};

/* One command, in the working directory or options->extension. Returns an exit status. */
int handler_run(const struct agent_options *options);

/* "5.15.0-1051-azure". Pure. */
bool handler_kernel_is_supported(const char *release);
/* The folder of another version beside ours, "/lib/Name-1.0" and "2.0" to "/lib/Name-2.0". NULL
 * when the words are no such names. Pure. */
const char *handler_sibling(struct arena *arena, const char *folder, const char *version);

#endif
