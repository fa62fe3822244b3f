/*
 * enroll.h - making this machine's keys known: join, activation, the AK certificate
 * (docs/formats/guest-api.md).
 */
#ifndef AGENT_ENROLL_H
#define AGENT_ENROLL_H

#include "agent/agent.h"

/* True when the AK has a certificate that is for it and valid at `now`. */
bool enroll_has_certificate(const struct agent *agent, int64_t now);

/* A session token, by the shortest way: `session` when the AK has its certificate and the service
 * knows it, else `join`. Stores a new certificate when the one in the TPM is missing, of another
 * key, of another CA than the service's, or has less than 90 days left. must_join takes the long
 * way. */
err_t enroll_session(struct agent *agent, bool must_join) MUST_CHECK;

/* The command: join, then print what the machine is called. */
enum agent_exit enroll_run(struct agent *agent);

#endif
