#include "tpm/clock.h"

static enum tpm_clock_order compare_counts(uint32_t now, uint32_t last)
{
    uint32_t steps = now - last; /* modulo 2^32 */

    if (steps == 0) {
        return TPM_CLOCK_SAME;
    }
    return steps <= TPM_CLOCK_MAX_STEPS ? TPM_CLOCK_LATER : TPM_CLOCK_OLDER;
}

enum tpm_clock_order tpm_clock_compare(const struct tpm_clock *now, const struct tpm_clock *last)
{
    enum tpm_clock_order order = compare_counts(now->reset_count, last->reset_count);

    if (order == TPM_CLOCK_SAME) {
        order = compare_counts(now->restart_count, last->restart_count);
    }
    if (order != TPM_CLOCK_SAME || now->clock_ms == last->clock_ms) {
        return order;
    }
    return now->clock_ms > last->clock_ms ? TPM_CLOCK_LATER : TPM_CLOCK_OLDER;
}
