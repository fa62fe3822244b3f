/*
 * agent.h - one run of the agent: its TPM, its service, and what it has learned so far.
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "agent/fault.h"
#include "agent/options.h"
#include "agent/remote.h"
#include "guest/guest.h"
#include "guest/modules.h"
#include "tpmdev/tpmdev.h"

enum { AGENT_ARENA_MAX = 64 * 1024 * 1024 };

struct agent {
    const struct agent_options *options;
    struct arena *arena; /* not owned */
    struct tpmdev *tpm;
    struct remote remote;
    struct fault fault; /* of the last failed step */

    struct modules *modules; /* what is known of module files; not owned, NULL = nothing is kept */

    struct tpmdev_ak ak;
    struct tpmdev_ek ek;
    bool has_ek;
    bool is_waiting;             /* it joined, and an owner has to let it in */
    bool is_certificate_unknown; /* the service does not know the issuer of the AK certificate */
    bool has_enrolled;           /* it joined in this life: anew, or for the first time */
    bool has_rejoined; /* once, when the service does not know our AK certificate's issuer */

    int wake_fd; /* readable: do not wait any longer, and do not try again; 0 = none */

    /* From the service, once activated. */
    const char *session_token;
    const char *machine_id;
    const char *machine_name;
};

/* Open the connections. */
err_t agent_open(const struct agent_options *options, struct arena *arena,
                 struct agent *ret) MUST_CHECK;
/* Open the TPM, find or make the AK; once. ERR_UNAVAILABLE while Azure has a stopgap there instead
 * of the AK's certificate. */
err_t agent_need_tpm(struct agent *agent) MUST_CHECK;
void agent_done(struct agent *agent);
DEFINE_CLEANUP_DONE(struct agent, agent_done)

/* Do `round` until it succeeds, fails for good, or the retries are used up; says on standard error
 * what it waits for. The fault of the last round stays in the agent. */
err_t agent_repeat(struct agent *agent, err_t (*round)(struct agent *agent, void *context),
                   void *context) MUST_CHECK;

#endif
