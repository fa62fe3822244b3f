/*
 * renewal.h - the certificate that a cloud gave the attestation key is renewed before it ends, at
 * the platform's metadata service (agent/renew-plan.h).
 *
 * Beside the rounds, never in one: after a round the certificate is looked at; calls are made piece
 * by piece while the daemon waits, so that nothing waits for them. A failure is a line in the log
 * and, when the end is near, a substatus. The old certificate stays until a new one for the same
 * key is there, and is put back when that cannot be written.
 */
#ifndef DAEMON_RENEWAL_H
#define DAEMON_RENEWAL_H

#include "agent/options.h"
#include "agent/renew-plan.h"
#include "agent/status.h"
#include "crypto/cert.h"
#include "tpmdev/tpmdev.h"

enum { RENEWAL_WHY_MAX = 512 };

/* {0} with options is one that has done nothing yet. */
struct renewal {
    const struct agent_options *options;
    struct renew_plan plan;
    /* Of the sequence that is under way. */
    struct arena *arena;
    struct cert *old;
    struct span public_area; /* of the key */
    struct metadata_call *call;
    /* What was seen last. */
    int64_t not_after; /* of a cloud's certificate; 0 = there is none */
    err_t err;         /* of the last sequence, and */
    char why[RENEWAL_WHY_MAX];
};

void renewal_done(struct renewal *renewal);
/* After a round: begin when the certificate has 90 days or less, and it is time to try again. */
void renewal_look(struct renewal *renewal, const struct tpmdev_ak *ak, uint64_t now_ms);
/* When something is to be done that nobody wakes us for; UINT64_MAX = nothing. */
uint64_t renewal_due_ms(const struct renewal *renewal);
/* poll(2) that also ends when a call can go on. */
int renewal_poll(struct renewal *renewal, struct pollfd *fds, size_t n_fds, int timeout_ms);
/* Do what can be done without waiting. True when a new certificate is in the TPM. */
bool renewal_go_on(struct renewal *renewal, uint64_t now_ms);
/* "AkCertificate" into the status: a warning when it was not renewed and fewer than 30 days are
 * left, an error when it ended. Pure. renewal may be NULL. */
void renewal_describe(const struct renewal *renewal, int64_t now, struct arena *arena,
                      struct status *status);

#endif
