/*
 * attest.h - proving this boot: challenge, quote, request, and opening the sealed reply.
 */
#ifndef AGENT_ATTEST_H
#define AGENT_ATTEST_H

#include "agent/agent.h"

struct attest_result {
    struct span jwt; /* compact; data NULL without one */
    bool is_refused;
    struct answer refusal;
    bool is_log_missing; /* this kernel has no firmware event log */
};

/* One proof, from challenge to token. A refusal is a result and not an error. */
err_t attest_round(struct agent *agent, struct attest_result *result) MUST_CHECK;

/* The command. */
enum agent_exit attest_run(struct agent *agent);

#endif
