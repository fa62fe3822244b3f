#include "agent/agent.h"

#include "agent/akcert.h"
#include "agent/retry.h"
#include "base/timestamp.h"
#include "crypto/secret.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>

err_t agent_open(const struct agent_options *options, struct arena *arena, struct agent *ret)
{
    struct trail trail = {0};
    err_t err;

    *ret = (struct agent){.options = options, .arena = arena};
    err = remote_open(options, arena, &trail, &ret->remote);
    if (err) {
        return fault_from(&ret->fault, EXIT_INTERNAL, err, &trail);
    }
    return ERR_OK;
}

/* A machine that is new at Azure: neither it nor anybody else can do anything with that. */
static err_t refuse_stopgap(struct agent *agent)
{
    CLEANUP(cert_free) struct cert *cert = NULL;

    if (agent->ak.certificate.len == 0 ||
        cert_new_der(agent->ak.certificate, NULL, &cert) != ERR_OK ||
        !akcert_is_provisional(cert, agent->arena)) {
        return ERR_OK;
    }
    agent->ak = (struct tpmdev_ak){0}; /* read it again next time */
    fault_set(&agent->fault, EXIT_INTERNAL, ERR_UNAVAILABLE, AKCERT_NOT_PROVISIONED ". %s",
              AKCERT_STOPGAP_REMEDY);
    agent->fault.is_temporary = true;
    agent->fault.is_tpm = true;
    return ERR_UNAVAILABLE;
}

err_t agent_need_tpm(struct agent *agent)
{
    const struct agent_options *options = agent->options;
    struct trail trail = {0};
    err_t err;

    if (agent->tpm != NULL && agent->ak.public_area.len > 0) {
        return ERR_OK;
    }
    err = agent->tpm != NULL ? ERR_OK
                             : tpmdev_open(options->tcti, options->is_verbose, &trail, &agent->tpm);
    err = err ? err : tpmdev_ak_need(agent->tpm, agent->arena, &trail, &agent->ak);
    return err ? fault_from_tpm(&agent->fault, err, &trail) : refuse_stopgap(agent);
}

void agent_done(struct agent *agent)
{
    tpmdev_free(agent->tpm);
    remote_done(&agent->remote);
    agent->tpm = NULL;
}

/* False when somebody wants the agent to stop waiting. */
static bool sleep_piece(const struct agent *agent, uint64_t ms)
{
    struct timespec left = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    struct pollfd wake = {.fd = agent->wake_fd, .events = POLLIN};

    if (agent->wake_fd > 0) {
        return ppoll(&wake, 1, &left, NULL) == 0;
    }
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
    return true;
}

static bool sleep_ms(const struct agent *agent, uint64_t ms)
{
    const struct alive *alive = agent->options->alive;
    bool goes_on = true;

    while (goes_on && ms > 0) {
        uint64_t piece = alive != NULL && alive->every_ms < ms ? alive->every_ms : ms;

        alive_say(alive);
        goes_on = sleep_piece(agent, piece);
        ms -= piece;
    }
    return goes_on;
}

err_t agent_repeat(struct agent *agent, err_t (*round)(struct agent *agent, void *context),
                   void *context)
{
    struct retry retry = {.left = agent->options->retries,
                          .wait_ms = agent->options->retry_wait_ms};
    uint64_t total_ms = agent->options->retry_total_ms;
    uint64_t began_us = timestamp_ticks_us();

    for (;;) {
        uint32_t jitter = 0;
        uint64_t wait_ms = 0;
        err_t err = round(agent, context);

        if (err == ERR_OK || !agent->fault.is_temporary ||
            random_bytes(&jitter, sizeof(jitter)) != ERR_OK ||
            !retry_next(&retry, (uint64_t)agent->fault.retry_after_s * 1000, AGENT_MAX_WAIT_MS,
                        jitter, &wait_ms)) {
            return err;
        }
        if (total_ms > 0 && (timestamp_ticks_us() - began_us) / 1000 + wait_ms > total_ms) {
            return err; /* somebody waits for an answer, be it a bad one */
        }
        fprintf(stderr, "bootwarden-agent: %s\nbootwarden-agent: trying again in %.1f s\n",
                agent->fault.text, (double)wait_ms / 1000);
        if (!sleep_ms(agent, wait_ms)) {
            return err;
        }
    }
}
