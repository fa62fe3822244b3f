/*
 * retry.h - how long to wait before trying again (decisions, section 10): 5, 10, 20 seconds, or
 * what the service asked for when that is more, plus up to a quarter so that a fleet that was
 * refused together does not come back together. Pure; sleeping and randomness are the caller's.
 */
#ifndef AGENT_RETRY_H
#define AGENT_RETRY_H

#include <stdbool.h>
#include <stdint.h>

struct retry {
    unsigned left;
    uint64_t wait_ms; /* before the next one */
};

/* False when all retries are used up, or when the service asks for more than max_ms: then nothing
 * is gained by waiting here. jitter is any random number. */
bool retry_next(struct retry *retry, uint64_t asked_ms, uint64_t max_ms, uint32_t jitter,
                uint64_t *ret_wait_ms);

#endif
