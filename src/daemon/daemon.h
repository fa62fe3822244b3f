/*
 * daemon.h - the agent that `bootwarden-agent run` supervises: rounds at boot and every period,
 * until it is told to end, or its supervisor is gone.
 *
 * One process, one thread, no listening socket. Timers count the time that the machine was
 * suspended (CLOCK_BOOTTIME), so a round that was due during suspend comes right after it, and no
 * jump of the wall clock moves any. SIGTERM and SIGINT end it, SIGHUP and SIGUSR1 begin a round.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include "daemon/extension.h"

enum {
    DAEMON_FIRST_RETRY_MS = 30 * 1000, /* after a round that failed; doubles up to the period */
    DAEMON_JITTER = 10,                /* percent, either way (security-reports 3.2) */
};

/* When the next round begins, in milliseconds from now: the period with its jitter; after
 * n_failures rounds that failed sooner, unless asked_s asks for later; never later than the period.
 * Pure. */
uint64_t daemon_wait_ms(uint64_t period_ms, unsigned n_failures, unsigned asked_s, uint32_t random);

/* extension: NULL, or whom to tell (extension.h). */
enum agent_exit daemon_run(const struct agent_options *options, struct extension *extension);

#endif
