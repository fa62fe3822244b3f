/*
 * clock.h - where a TPM's clock stands, and which of two readings is the later one.
 *
 * Readings of one attestation key only: for a key outside the endorsement and platform
 * hierarchies the TPM adds a constant of that key to both counters, modulo 2^32 (TPM 2.0 Part 1,
 * 36.7; rule Q-18). A difference modulo 2^32 is free of it; the numbers themselves mean nothing.
 */
#ifndef TPM_CLOCK_H
#define TPM_CLOCK_H

#include <stdint.h>

struct tpm_clock {
    uint32_t reset_count;   /* TPM resets: boots */
    uint32_t restart_count; /* TPM restarts and resumes since the reset */
    uint64_t clock_ms;
};

/* Counters move forward by this much at most between two proofs: a boot a second for half a year.
 * A longer step is taken for one backwards, so that no two steps lead around to where evidence
 * recorded earlier is new again. */
#define TPM_CLOCK_MAX_STEPS (1u << 24)

enum tpm_clock_order { TPM_CLOCK_OLDER, TPM_CLOCK_SAME, TPM_CLOCK_LATER };

/* What `now` is, seen from `last`. A later boot is later whatever its clock says: the clock
 * goes on from what was saved, which may be a little less than what was shown (safe = 0). */
enum tpm_clock_order tpm_clock_compare(const struct tpm_clock *now, const struct tpm_clock *last);

#endif
