/*
 * service.h - start and stop the one long-running process of the extension on this machine:
 * `bootwarden-agent run --extension DIR`.
 *
 * Under systemd it is the unit guestattestation.service, written to /run, so that nothing of it
 * outlasts a reboot or the extension: Azure's agent enables again at every boot. Elsewhere, and
 * when systemd does not get it up, it is a detached process of a session of its own. Either way
 * it holds a lock in /run (lock.h) while it lives, and that alone says whether it runs.
 */
#ifndef EXTENSION_SERVICE_H
#define EXTENSION_SERVICE_H

#include "extension/folder.h"
#include "extension/lock.h"

#define HANDLER_RUN_FOLDER "/run/bootwarden-extension"
#define HANDLER_SERVICE_LOCK HANDLER_RUN_FOLDER "/service.lock"
#define HANDLER_COMMAND_LOCK HANDLER_RUN_FOLDER "/command.lock"
#define HANDLER_UNIT "guestattestation.service"

enum {
    HANDLER_UP_MS = 15 * 1000,    /* until a service that was started holds its lock */
    HANDLER_GRACE_MS = 15 * 1000, /* from SIGTERM to SIGKILL */
};

struct handler_service {
    const struct handler *handler;
    int fd; /* of the lock */
};

err_t handler_service_open(const struct handler *handler, struct trail *trail,
                           struct handler_service *ret) MUST_CHECK;
void handler_service_done(struct handler_service *service);
DEFINE_CLEANUP_DONE(struct handler_service, handler_service_done)

/* The process that runs for this folder; 0 = none. *ret_sequence: the settings it runs with. */
pid_t handler_service_pid(const struct handler_service *service, int64_t *ret_sequence);
/* End what runs, whichever version's it is. ERR_TIMEOUT. */
err_t handler_service_clear(const struct handler_service *service, struct trail *trail) MUST_CHECK;
/* After handler_service_clear. Returns when the new one holds the lock. ERR_TIMEOUT and
 * ERR_INTERNAL with what was tried. */
err_t handler_service_start(const struct handler_service *service, struct trail *trail) MUST_CHECK;
/* Only a process of this folder's. */
err_t handler_service_stop(const struct handler_service *service, struct trail *trail) MUST_CHECK;
/* Remove the unit, when it is of this folder. */
void handler_service_forget(const struct handler_service *service);

/* Of the process itself: write who holds the lock, for people and for the functions above. */
err_t handler_service_sign(int fd, const struct handler *handler, int64_t sequence) MUST_CHECK;

/* The unit's text; NULL when the folder's name cannot stand in one. */
const char *handler_unit_text(struct arena *arena, const char *folder);

#endif
