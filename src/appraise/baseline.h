/*
 * baseline.h - compare two boots and say what changed, what explains it, and what does not.
 *
 * Every event that extends a register is compared, by role and digest. A difference that no rule
 * explains stays unexplained; a difference that fits no class is change-unknown: nothing is
 * skipped. Explanations are those of decisions section 1 and docs/baseline.md.
 */
#ifndef APPRAISE_BASELINE_H
#define APPRAISE_BASELINE_H

#include "appraise/appraise.h"

/* Both facts come from logs whose replay is the caller's business. Writes at most
 * APPRAISE_MAX_CHANGES changes; what does not fit is folded into a last change-unknown. */
err_t baseline_compare(struct arena *arena, const struct boot_facts *before,
                       const struct boot_facts *after, bool is_shape_changed,
                       struct change *changes, size_t *ret_n) MUST_CHECK;

#endif
