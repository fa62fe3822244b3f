/*
 * monitor.h - the state of a machine: what follows from its proofs, its own reports and its
 * silence (decisions section 1). Pure: no clock, no store.
 *
 * A proof counts when it is fresh. The states that owners act on in different ways stay apart: a
 * guest that says that the network is in its way is not unhealthy, and one that says nothing is
 * neither.
 */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include "base/err.h"
#include "base/span.h"

enum monitor_state {
    MONITOR_NEVER_REPORTED, /* joined, and has not proven anything yet */
    MONITOR_HEALTHY,
    MONITOR_CHANGED,
    MONITOR_UNHEALTHY,
    MONITOR_NOT_VERIFIED,
    MONITOR_CANNOT_JUDGE,
    MONITOR_UNREACHABLE,    /* the guest says that it does not get through to the attestation */
    MONITOR_SILENT,         /* neither proof nor excuse came for three periods */
    MONITOR_NOT_APPLICABLE, /* an operator disabled it, or its owner switched it off */
    MONITOR_STATES,
};

enum {
    MONITOR_PERIOD_S = 3600, /* of a guest that does not say its own (security-reports 3.2) */
    MONITOR_PERIOD_MIN_S = 1,
    MONITOR_PERIOD_MAX_S = 1440 * 60,
    MONITOR_SILENT_PERIODS = 3,
};

/* "never-reported", ...: stable, static. */
const char *monitor_state_name(enum monitor_state state);
/* False when there is no such state. */
bool monitor_state_by_name(struct span name, enum monitor_state *ret);
/* One sentence for people: what an owner does about it. */
const char *monitor_state_advice(enum monitor_state state);

struct monitor_facts {
    bool is_active;
    /* The verdict of the last fresh proof. */
    bool has_proof;
    enum monitor_state proof; /* HEALTHY to CANNOT_JUDGE */
    int64_t proof_time;
    /* What the guest said kept it from proving: UNREACHABLE or CANNOT_JUDGE. */
    bool has_trouble;
    enum monitor_state trouble;
    int64_t trouble_time;
    int64_t contact;  /* any word of it; 0 = never. No word but a proof makes a machine good, and
                         none keeps it so: an agent that talks and proves nothing is silent */
    int64_t period_s; /* 0 = MONITOR_PERIOD_S */
    /* Since when this server could have heard something: silence before it is its own. */
    int64_t listening_since;
    bool was_silent; /* and nothing has come since */
};

enum monitor_state monitor_judge(const struct monitor_facts *facts, int64_t now);
/* When silence begins; 0 = never, or it has begun. */
int64_t monitor_due(const struct monitor_facts *facts, int64_t now);

#endif
