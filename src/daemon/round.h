/*
 * round.h - one round of `run`: session, goal state, proof, report. Each opens the TPM and the
 * connections anew and gives them back: what was away at one time may be there at the next.
 */
#ifndef DAEMON_ROUND_H
#define DAEMON_ROUND_H

#include "agent/agent.h"
#include "agent/goal.h"
#include "agent/queue.h"
#include "agent/status.h"
#include "daemon/renewal.h"
#include "upgrade/upgrade.h"

enum round_outcome {
    ROUND_ATTESTED,    /* token in hand */
    ROUND_REFUSED,     /* proven, and refused with reasons */
    ROUND_UNREACHABLE, /* an endpoint was not reached */
    ROUND_WAITS,       /* an owner has to let the machine in */
    ROUND_FAILED,      /* TPM, service or agent */
    ROUND_IDLE,        /* nothing is wanted of this machine */
};
const char *round_outcome_name(enum round_outcome outcome); /* static */

/* What lasts from round to round. */
struct rounds {
    const struct agent_options *options;
    struct queue *queue;
    struct upgrade *upgrade;
    const struct alive *alive; /* borrowed; NULL */
    int wake_fd;
    struct modules *modules;       /* whose signatures were looked into; borrowed */
    const struct renewal *renewal; /* what its last try came to; borrowed */
    unsigned period_s;             /* as reported */
    /* Learned from the service; "" = nothing yet. */
    char attest_url[GOAL_URL_MAX + 1];
    char name[128];
    bool is_wanted;
    unsigned goal_period_s; /* 0 = it names none */
    int64_t sequence;
    unsigned level; /* what the last round came to: docs/formats/agent-package.md */
    /* The session token of the last round, while it may be good. */
    char session[4096];
};

struct round {
    enum round_outcome outcome;
    bool is_attest_endpoint; /* which one was not reached */
    bool has_goal;           /* the service was reached, and said what it wants */
    bool wants_proof;        /* of a contact: the service asks for one */
    struct status status;    /* texts live in the arena */
    unsigned retry_after_s;
    struct tpmdev_ak ak; /* as it was at the end; {0} = not known. In the arena */
};

/* All of it. Never fails: what went wrong is the outcome. */
void round_run(struct rounds *rounds, struct arena *arena, struct round *ret);
/* Only the goal state: has anything changed? */
void round_contact(struct rounds *rounds, struct arena *arena, struct round *ret);

#endif
