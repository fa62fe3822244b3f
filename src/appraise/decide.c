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

static const struct {
    enum reason_code code;
    const char *claim; /* which is false then */
} told[] = {
    {REASON_SECURE_BOOT_OFF, "secureboot"},
    {REASON_SECURE_BOOT_UNKNOWN, "secureboot"},
    {REASON_SECURE_BOOT_KEYS_MISSING, "secureboot"},
    {REASON_TEST_KEYS, "x-ms-azurevm-default-securebootkeysvalidated"},
    {REASON_OS_DEBUGGING, "x-ms-azurevm-debuggersdisabled"},
    {REASON_TEST_SIGNING, "x-ms-azurevm-signingdisabled"},
};

static bool is_told(enum reason_code code, const struct claims *claims)
{
    for (size_t i = 0; i < ARRAY_LEN(told); i++) {
        const struct claim *claim =
            told[i].code == code ? claims_find(claims, told[i].claim) : NULL;

        if (claim != NULL && claim->issuer == CLAIM_SERVICE && claim->kind == CLAIM_BOOL &&
            !claim->boolean) {
            return true;
        }
    }
    return false;
}

bool appraisal_is_told(const struct appraisal *appraisal, const struct claims *claims)
{
    for (size_t i = 0; i < appraisal->n_reasons; i++) {
        enum reason_code code = appraisal->reasons[i].code;

        if (reason_verdict(code) >= VERDICT_UNHEALTHY && !is_told(code, claims)) {
            return false;
        }
    }
    return true;
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
        bool has_failed = ret->decision == POLICY_ERROR;
        const char *key = key_words(appraisal);

        /* A policy that breaks off says nothing of the machine. */
        appraisal_add_reason(appraisal, has_failed ? REASON_POLICY_FAILED : REASON_POLICY_DENIED,
                             "S-1", "policy",
                             has_failed ? "the policy cannot be evaluated on this boot: %s%s%s%s"
                                        : "the policy denies this boot: %s%s%s%s",
                             ret->rule, key[0] != '\0' ? " (" : "", key,
                             key[0] != '\0' ? "; name it as a db anchor if it is yours)" : "");
    }
    return ERR_OK;
}
