#include "monitor/monitor.h"

static const struct {
    const char *name;
    const char *advice;
} states[MONITOR_STATES] = {
    [MONITOR_NEVER_REPORTED] = {"never-reported",
                                "Start the agent on it: bootwarden-agent check says what is in the "
                                "way."},
    [MONITOR_HEALTHY] = {"healthy", ""},
    [MONITOR_CHANGED] = {"changed", "Look at what changed, then: bootwarden vm approve NAME, or "
                                    "find out who did it."},
    [MONITOR_UNHEALTHY] = {"unhealthy", "Do not trust what runs on it until the reasons are gone."},
    [MONITOR_NOT_VERIFIED] = {"not-verified", "Its proof does not hold: find out who sent it."},
    [MONITOR_CANNOT_JUDGE] = {"cannot-judge", "There is nothing to judge by: run bootwarden-agent "
                                              "check on it."},
    [MONITOR_UNREACHABLE] = {"unreachable", "The network is in the way, not the boot: open what "
                                            "the guest names."},
    [MONITOR_SILENT] = {"silent", "Is it running, and its agent? Nothing is known of it now."},
    [MONITOR_NOT_APPLICABLE] = {"not-applicable", "An operator disabled it; to let it in "
                                                  "again: bootwarden vm enable NAME"},
};

const char *monitor_state_name(enum monitor_state state)
{
    return states[state].name;
}

const char *monitor_state_advice(enum monitor_state state)
{
    return states[state].advice;
}

bool monitor_state_by_name(struct span name, enum monitor_state *ret)
{
    for (size_t i = 0; i < MONITOR_STATES; i++) {
        if (span_is(name, states[i].name)) {
            *ret = (enum monitor_state)i;
            return true;
        }
    }
    return false;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static bool was_heard(const struct monitor_facts *facts)
{
    return facts->has_proof || facts->has_trouble;
}

/* A time after now is of a clock that was wrong: nothing is known of when that was. */
static int64_t heard_at(bool is_there, int64_t time, int64_t now)
{
    return is_there && time <= now ? time : 0;
}

/* The moment from which on nothing was to be heard any more. */
static int64_t silent_from(const struct monitor_facts *facts, int64_t now)
{
    int64_t period = facts->period_s > 0 ? facts->period_s : MONITOR_PERIOD_S;
    int64_t since = later(heard_at(facts->has_proof, facts->proof_time, now),
                          heard_at(facts->has_trouble, facts->trouble_time, now));

    return later(since, facts->listening_since) + MONITOR_SILENT_PERIODS * period;
}

enum monitor_state monitor_judge(const struct monitor_facts *facts, int64_t now)
{
    if (!facts->is_active) {
        return MONITOR_NOT_APPLICABLE;
    }
    if (!was_heard(facts)) {
        return MONITOR_NEVER_REPORTED;
    }
    if (facts->was_silent || now >= silent_from(facts, now)) {
        return MONITOR_SILENT;
    }
    /* A proof of the same second came after the trouble: the guest reports trouble first. */
    if (facts->has_trouble && (!facts->has_proof || heard_at(true, facts->trouble_time, now) >
                                                        heard_at(true, facts->proof_time, now))) {
        return facts->trouble;
    }
    return facts->proof;
}

int64_t monitor_due(const struct monitor_facts *facts, int64_t now)
{
    int64_t due = silent_from(facts, now);

    return !facts->is_active || !was_heard(facts) || facts->was_silent || now >= due ? 0 : due;
}
