/*
 * baseline.h - compare two boots and say what changed, what explains it, and what does not.
 *
 * Every event that extends a register is compared, by register and digest. A difference that no
 * rule explains stays unexplained; a difference that fits no class is change-unknown: nothing is
 * skipped. Explanations are those of decisions section 1 and docs/baseline.md.
 */
#ifndef APPRAISE_BASELINE_H
#define APPRAISE_BASELINE_H

#include "appraise/announced.h"
#include "appraise/appraise.h"

/* One side. Its log's replay is the caller's business. */
struct baseline_boot {
    const struct boot_facts *facts;
    uint32_t pcrs; /* whose whole history the log is known to tell: those that were attested */
};

/* What is known beside the two boots. */
struct baseline_known {
    bool is_shape_changed;             /* the machine has another shape now (vCPUs) */
    const struct announced *announced; /* by a trusted boot; NULL */
    /* Two logs and no quote: digests of any bank will do for telling what is different. */
    bool are_logs_alone;
};

/*
 * PCRs of the baseline that `after` has not attested are a change of their own: silence is no
 * proof. Without SHA-256 digests on both sides nothing can be compared, and that is the change.
 * changes has room for APPRAISE_MAX_CHANGES; there are fewer classes.
 */
err_t baseline_compare(struct arena *arena, const struct baseline_boot *before,
                       const struct baseline_boot *after, const struct baseline_known *known,
                       struct change *changes, size_t *ret_n) MUST_CHECK;

#endif
