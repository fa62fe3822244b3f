/*
 * keeper.h - the process that keeps the extension's service alive and Azure's agent told.
 *
 * `run --extension DIR` is two processes: the keeper, which holds the lock of the service and does
 * next to nothing, and its child, the worker, which attests. The keeper
 *   - starts the worker again when it ends by itself, later and later up to a minute;
 *   - ends one that has not come round its loop for KEEPER_HANG_S;
 *   - touches the heartbeat while the worker lives;
 *   - writes a final status when the worker has written none after KEEPER_VERDICT_S, so that a
 *     deployment never waits for more than five minutes, whatever the worker does, and that nothing
 *     which was said of an earlier boot is taken for this one.
 * When the keeper is killed, the worker ends too.
 */
#ifndef EXTENSION_KEEPER_H
#define EXTENSION_KEEPER_H

#include "extension/folder.h"

enum {
    KEEPER_VERDICT_S = 240, /* of the service */
    KEEPER_ALL_S = 285,     /* since enabling wrote its status in transition */
    KEEPER_HANG_S = 540,    /* longer than any round; before the heartbeat is ten minutes old */
    KEEPER_TOUCH_S = 60,
    KEEPER_FIRST_PAUSE_MS = 1000, /* before the worker is started again; doubles */
    KEEPER_MAX_PAUSE_MS = 60 * 1000,
    KEEPER_CRASHES_MAX = 3, /* without a verdict: then the status says so */
};

/* Another limit for the verdict, in seconds, for tests. */
#define KEEPER_VERDICT_VARIABLE "BOOTWARDEN_VERDICT_SECONDS"

/* Returns in the worker alone, each time one is started, with a descriptor to write a byte to each
 * time round. lock_fd holds HANDLER_BYTE_KEEPER already. The keeper ends the process: 0 when it was
 * told to end, 1 when it cannot work. */
int keeper_run(const struct handler *handler, int64_t sequence, int lock_fd);

/* How long a verdict may take, when the status in transition is age_s old. Pure. */
unsigned keeper_limit_s(unsigned limit_s, unsigned age_s);
/* How long to wait after n_crashes in a row. Pure. */
unsigned keeper_pause_ms(unsigned n_crashes);

#endif
