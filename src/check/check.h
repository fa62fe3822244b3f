/*
 * check.h - walks the whole chain of guest attestation, from the TPM to the policy of the service,
 * and says of each step whether it is well, or what is wrong and what to do about it.
 *
 * The walk ends with what `attest` does: a machine that has not joined joins, and its attestation
 * key is made when there is none. It tries everything once and waits for nothing but time limits.
 * When the goal state names another attestation endpoint, the ways are walked anew, to where `run`
 * goes.
 */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include "agent/agent.h"
#include "check/finding.h"

/*
 * All steps into *ret, in the arena of the agent, of which only options and arena need to be set:
 * a TPM and connections that are open are used, others are opened and stay in the agent for
 * agent_done. Whatever is wrong is a finding.
 */
void check_walk(struct agent *agent, struct findings *ret);

/* The part of it that asks nobody for a session or a proof: the machine and the ways, for limit_ms
 * at most and the time that one name takes. */
void check_ways(struct agent *agent, unsigned limit_ms, struct findings *ret);

/* The command: walk, print, and the exit status of the first step that failed. */
enum agent_exit check_run(struct agent *agent);

#endif
