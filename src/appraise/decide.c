/*
 * decide.c - the policy's word on an appraisal.
 */
#include "appraise/appraise.h"

err_t appraise_decide(struct arena *arena, yyjson_mut_doc *doc, struct appraisal *appraisal,
                      const struct evidence *evidence, const struct policy *policy,
                      const char *vmid, struct claims *incoming, struct policy_result *ret)
{
    err_t err = appraise_azurevm_claims(arena, doc, appraisal, evidence, vmid, incoming);

    err = err ? err : policy_evaluate(arena, policy, incoming, ret);
    if (err) {
        return err;
    }
    /* A worse verdict already says more than the policy can; its reasons are what to act on. */
    if (!ret->is_permitted && appraisal->verdict < VERDICT_UNHEALTHY) {
        appraisal_add_reason(appraisal, REASON_POLICY_DENIED, "S-1", "policy",
                             "the policy denies this boot: %s", ret->rule);
    }
    return ERR_OK;
}
