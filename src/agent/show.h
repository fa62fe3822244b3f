/*
 * show.h - what the agent tells: results on standard output in one of three forms, everything
 * else on standard error. Each function that ends a run returns its exit status.
 */
#ifndef AGENT_SHOW_H
#define AGENT_SHOW_H

#include "agent/attest.h"

/* "bootwarden-agent: ..." on standard error. */
void show_warning(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Flushes standard output: EXIT_INTERNAL with words when it cannot be written, else `exit`. */
enum agent_exit show_delivered(enum agent_exit exit);
enum agent_exit show_fault(const struct agent *agent);
enum agent_exit show_enrolled(struct agent *agent);
enum agent_exit show_refusal(struct agent *agent, const struct attest_result *result);
/* In text and JSON the token's signature is checked against the service's published keys; one that
 * does not verify is no success. */
enum agent_exit show_token(struct agent *agent, const struct attest_result *result);

#endif
