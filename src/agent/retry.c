#include "agent/retry.h"

#include <stddef.h>

bool retry_next(struct retry *retry, uint64_t asked_ms, uint64_t max_ms, uint32_t jitter,
                uint64_t *ret_wait_ms)
{
    uint64_t wait = retry->wait_ms > asked_ms ? retry->wait_ms : asked_ms;

    if (retry->left == 0 || wait > max_ms) {
        return false;
    }
    retry->left--;
    retry->wait_ms *= 2;
    *ret_wait_ms = wait + wait * (jitter % 256) / 1024;
    return true;
}
