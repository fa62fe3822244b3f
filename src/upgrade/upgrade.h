/*
 * upgrade.h - the running agent's part of an upgrade: say what it may be offered, fetch and verify
 * what it was, and ask the supervisor for the change. Nothing that was fetched runs in here.
 */
#ifndef UPGRADE_UPGRADE_H
#define UPGRADE_UPGRADE_H

#include "agent/agent.h"
#include "agent/goal.h"
#include "agent/status.h"
#include "upgrade/lifeline.h"
#include "upgrade/slots.h"

enum {
    UPGRADE_AFTER_MS = 10 * 60 * 1000,   /* of a boot: before that nothing changes */
    UPGRADE_DEADLINE_MS = 5 * 60 * 1000, /* for a round of the new version */
    UPGRADE_FETCH_MS = 10 * 60 * 1000,   /* for a package to come */
};

struct upgrade {
    const struct agent_options *options;
    struct lifeline *line;
    struct slots slots;
    bool has_slots;
    bool has_asked;                  /* the supervisor for a change: it ends this agent soon */
    uint64_t not_before_ms;          /* of CLOCK_BOOTTIME: nothing is fetched; 0 = at any time */
    char trouble[SLOTS_WHY_SIZE];    /* why not, in words */
    char telling[SLOTS_DIGEST_SIZE]; /* of the package that upgrade_describe called failed; "" */
};

void upgrade_open(struct upgrade *upgrade, const struct agent_options *options,
                  struct lifeline *line);
/* Members of a goal state's request. */
void upgrade_describe(struct upgrade *upgrade, struct arena *arena, yyjson_mut_doc *doc,
                      yyjson_mut_val *root);
/* The service has heard what upgrade_describe said. */
void upgrade_told(struct upgrade *upgrade);
/* Fetch what is offered, if it may be. level: what the last round came to. A machine that cannot
 * keep it (a full disk) tries again when a period has passed; the package is none the worse. */
void upgrade_follow(struct upgrade *upgrade, struct agent *agent, const struct goal *goal,
                    unsigned level, unsigned period_s);
/* For people: how upgrades stand. */
void upgrade_status(struct upgrade *upgrade, struct arena *arena, const struct goal *goal,
                    struct status *status);

#endif
