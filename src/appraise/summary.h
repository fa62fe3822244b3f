/*
 * summary.h - a comparison of two boots in one sentence, and what stayed as it was.
 */
#ifndef APPRAISE_SUMMARY_H
#define APPRAISE_SUMMARY_H

#include "appraise/baseline.h"

struct summary {
    /* "kernel 6.1.0-54 → 6.1.0-55, both validated by Debian Secure Boot CA through shim; command
     * line unchanged; initramfs changed": escaped */
    const char *sentence;
    const char
        *unchanged[REASON_COUNT]; /* "firmware", "boot loader": static; what both boots have */
    size_t n_unchanged;
    size_t n_unexplained;
    /* What the new boot is, should its log be true: the worst of its changes and its findings. */
    enum verdict state;
    const char *why; /* escaped */
};

/* ERR_MEMORY only. changes as baseline_compare made them of these two boots, of their logs alone.
 * Of `trust`, the Secure Boot keys that the operator names. */
err_t baseline_summary(struct arena *arena, const struct boot_facts *before,
                       const struct boot_facts *after, const struct change *changes, size_t n,
                       const struct appraise_trust *trust, struct summary *ret) MUST_CHECK;

/* "kernel", "boot loader" for REASON_CHANGE_*; static. */
const char *change_class_words(enum reason_code code);

#endif
