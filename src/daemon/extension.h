/*
 * extension.h - `run --extension DIR`: the service as Azure's guest agent sees it. Settings come
 * from the handler's folder, results go to its status file and heartbeat.
 *
 * All functions but the first accept NULL and then do nothing: the service is no extension.
 */
#ifndef DAEMON_EXTENSION_H
#define DAEMON_EXTENSION_H

#include "daemon/round.h"
#include "extension/folder.h"

/* The whole of it: becomes keeper and worker (extension/keeper.h), and runs until told to end.
 * EXIT_INTERNAL when the folder is none or another one runs. */
enum agent_exit extension_run(struct agent_options *options);

struct extension {
    const struct handler *handler;
    struct agent_options *options; /* where the endpoint goes, once the region is known */
    int64_t sequence;              /* of the settings */
    int64_t applied;               /* when they were taken up */
    int beat_fd;
    bool has_round; /* there was one, and it ended so: */
    enum round_outcome last;
    char region_url[GOAL_URL_MAX + 1];
};

/* Before a round. False when it cannot begin; then *ret is what came of it. */
bool extension_prepare(struct extension *extension, struct arena *arena, struct round *ret);
/* After it: tell Azure's agent. */
void extension_report(struct extension *extension, struct arena *arena, const struct round *round);
/* Each time round the loop, while nothing else is to do. */
void extension_beat(struct extension *extension);

/* The status that a round comes to, with a substatus for each check that it got to. Pure. */
void extension_status(struct arena *arena, const struct round *round, bool is_azure,
                      struct status *ret);
#endif
