/*
 * tpm-boot.c - boot_attestation: the state before a resume from hibernation, proven with the
 * current one (tpm-attest-protocol 3.1; rules ).
 *
 * It is evidence of its own, quoted earlier by the same key without this challenge, and judged by
 * the same rules. What the TPM can say about the two belonging together are its counters: within
 * one TPM reset they do. Hibernation resets the TPM. Then the earlier quote must be of the period
 * right before this one, and the current log must say that the system was resumed: what was resumed
 * is what was hibernated when that period ended. Over more resets nothing ties an old, good boot to
 * what runs now, and it is refused.
 */
#include "appraise/internal.h"

#include "facts/windows.h"

static err_t take_reasons(struct job *job, const struct appraisal *boot)
{
    for (size_t i = 0; i < boot->n_reasons; i++) {
        const struct reason *reason = &boot->reasons[i];
        const char *where = arena_printf(job->arena, "boot_attestation%s%s",
                                         reason->where[0] == '\0' ? "" : ": ", reason->where);

        if (where == NULL) {
            return ERR_MEMORY;
        }
        job_reason_remedy(job, reason->code, reason->rule,
                          strncmp(reason->where, "boot_attestation", 16) == 0 ? reason->where
                                                                              : where,
                          reason->remedy, "%s", reason->text);
    }
    return ERR_OK;
}

err_t judge_boot_attestation(struct job *job)
{
    const struct evidence_tpm *tpm = job->evidence->tpm;
    struct appraisal *a = job->result;
    struct appraise_options options = *job->options;
    err_t err;

    if (tpm == NULL || tpm->boot == NULL) {
        return ERR_OK;
    }
    options.has_nonce = false;
    options.last_clock = NULL;
    options.baseline = NULL;
    options.announced = NULL;
    err = appraise(job->arena, tpm->boot, job->trust, &options, job->hasher, &a->boot);
    if (err) {
        return err;
    }
    if (a->aks[0].key != NULL && a->boot->aks[0].key != NULL &&
        !pubkey_equal(a->aks[0].key, a->boot->aks[0].key)) {
        job_reason(job, REASON_QUOTES_MIXED, "Q-16", "boot_attestation.aik_pub",
                   "the earlier state was attested by another key than the current one");
    }
    return take_reasons(job, a->boot);
}

static bool is_resumed(const struct appraisal *a)
{
    return a->is_log_proven && a->windows != NULL && a->windows->resumed == STATE_YES;
}

void judge_resume(struct job *job)
{
    const struct appraisal *a = job->result;
    const struct appraisal *boot = a->boot;
    uint32_t resets;

    if (boot == NULL || !a->has_clock || !boot->has_clock) {
        return; /* without a verified quote there is a reason already */
    }
    resets = a->clock.reset_count - boot->clock.reset_count; /* modulo 2^32 */
    if (tpm_clock_compare(&boot->clock, &a->clock) == TPM_CLOCK_LATER) {
        job_reason(job, REASON_QUOTES_MIXED, "Q-17", "boot_attestation.quote",
                   "the attestation of the boot is later than the one of the current state");
    } else if (resets > 1) {
        job_reason(job, REASON_QUOTES_MIXED, "Q-19", "boot_attestation.quote",
                   "the TPM was reset %u times since: nothing ties that boot to what runs now",
                   resets);
    } else if (resets == 1 && !is_resumed(a)) {
        job_reason(job, REASON_QUOTES_MIXED, "Q-19", "boot_attestation.quote",
                   "the TPM was reset since, and the current log does not prove a resume from "
                   "hibernation: that is another boot");
    }
}
