/*
 * decide.c - the policy's word on an appraisal.
 */
#include "appraise/appraise.h"

#include <string.h>

/* Which key the policy's claims about key databases stumbled over; "" when that is not it. */
static const char *key_words(const struct appraisal *appraisal)
{
    for (size_t i = 0; i < appraisal->n_notes; i++) {
        const char *code = appraisal->notes[i].code;

        if (strcmp(code, "db-key-unknown") == 0 || strcmp(code, "platform-key-unknown") == 0) {
            return appraisal->notes[i].text;
        }
    }
    return "";
}

err_t appraise_decide(struct arena *arena, yyjson_mut_doc *doc, struct appraisal *appraisal,
                      const struct evidence *evidence, const struct policy *policy,
                      const char *vmid, struct claims *incoming, struct policy_result *ret)
{
    err_t err = appraise_azurevm_claims(arena, doc, appraisal, evidence, vmid, incoming);

    err = err ? err : policy_evaluate(arena, policy, incoming, NULL, ret);
    if (err) {
        return err;
    }
    /* A worse verdict already says more than the policy can; its reasons are what to act on. */
    if (!ret->is_permitted && appraisal->verdict < VERDICT_UNHEALTHY) {
        const char *key = key_words(appraisal);

        appraisal_add_reason(appraisal, REASON_POLICY_DENIED, "S-1", "policy",
                             ret->decision == POLICY_ERROR
                                 ? "the policy cannot be evaluated on this boot: %s%s%s%s"
                                 : "the policy denies this boot: %s%s%s%s",
                             ret->rule, key[0] != '\0' ? " (" : "", key,
                             key[0] != '\0' ? "; name it as a db anchor if it is yours)" : "");
    }
    return ERR_OK;
}
