/*
 * spawn.h - start other programs: one that is waited for, one that lives on by itself.
 */
#ifndef EXTENSION_SPAWN_H
#define EXTENSION_SPAWN_H

#include "base/err.h"

enum { HANDLER_SPAWN_MS = 30 * 1000 };

/* A program of the system, found by PATH, without standard streams and without the libraries of the
 * extension. True when it ended with 0 in HANDLER_SPAWN_MS; past that it is killed. */
bool handler_spawn_wait(const char *const *argv);
/* In a session of its own, nobody's child, without standard streams or any open file, in `folder`.
 * ERR_INTERNAL when it cannot be started. */
err_t handler_spawn_detached(const char *const *argv, const char *folder,
                             struct trail *trail) MUST_CHECK;

#endif
