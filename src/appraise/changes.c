/*
 * changes.c - hold a boot against an earlier one and turn what nothing explains into reasons.
 */
#include "appraise/baseline.h"
#include "appraise/internal.h"

err_t judge_changes(struct job *job)
{
    struct appraisal *a = job->result;
    uint32_t pcrs = job->options->baseline_pcrs;
    const struct baseline_boot before = {job->options->baseline,
                                         pcrs == 0 ? APPRAISE_BASELINE_PCRS : pcrs};
    const struct baseline_boot after = {a->facts, a->shown.have[HASH_SHA256]};
    const struct baseline_known known = {.is_shape_changed = job->options->is_shape_changed,
                                         .announced = job->options->announced};
    err_t err;

    if (job->options->baseline == NULL || a->facts == NULL) {
        return ERR_OK;
    }
    a->has_baseline = true;
    err = baseline_compare(job->arena, &before, &after, &known, a->changes, &a->n_changes);
    if (err) {
        return err;
    }
    for (size_t i = 0; i < a->n_changes; i++) {
        const struct change *change = &a->changes[i];

        /* Evidence that does not verify shows no change of the machine: listed, but no reason, so
         * that nobody is told to approve a forgery. */
        if (!change->is_explained && a->verdict != VERDICT_NOT_VERIFIED) {
            job_reason(job, change->code, "baseline", pcr_names(job->arena, change->pcrs),
                       "%s (%s)", change->text, change->explanation);
        }
    }
    return ERR_OK;
}
