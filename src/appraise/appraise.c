/*
 * appraise.c - the order of work (verification-rules, ORD-1) and the keeping of reasons.
 */
#include "appraise/internal.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

enum { TEXT_MAX = 1400 };

PRINTF_LIKE(2, 0)
static const char *words(struct arena *arena, const char *fmt, va_list args)
{
    char raw[TEXT_MAX];

    vsnprintf(raw, sizeof(raw), fmt, args);
    return text_escape_dup(arena, span_str(raw), TEXT_MAX);
}

static void decide(struct appraisal *a)
{
    a->verdict = VERDICT_HEALTHY;
    for (size_t i = 0; i < a->n_reasons; i++) {
        enum verdict verdict = reason_verdict(a->reasons[i].code);

        a->verdict = verdict > a->verdict ? verdict : a->verdict;
    }
}

static void keep_reason(struct appraisal *a, struct reason reason)
{
    if (a->n_reasons == APPRAISE_MAX_REASONS) {
        struct reason *last = &a->reasons[APPRAISE_MAX_REASONS - 1];

        /* Never lose the worst: it makes the verdict. */
        if (reason_verdict(reason.code) > reason_verdict(last->code)) {
            *last = reason;
        }
    } else {
        a->reasons[a->n_reasons++] = reason;
    }
    decide(a);
}

void job_reason(struct job *job, enum reason_code code, const char *rule, const char *where,
                const char *fmt, ...)
{
    struct reason reason = {.code = code, .rule = rule, .where = where == NULL ? "" : where};
    va_list args;

    va_start(args, fmt);
    reason.text = words(job->arena, fmt, args);
    va_end(args);
    keep_reason(job->result, reason);
}

void appraisal_add_reason(struct appraisal *appraisal, enum reason_code code, const char *rule,
                          const char *where, const char *fmt, ...)
{
    struct reason reason = {.code = code, .rule = rule, .where = where == NULL ? "" : where};
    va_list args;

    va_start(args, fmt);
    reason.text = words(appraisal->arena, fmt, args);
    va_end(args);
    keep_reason(appraisal, reason);
}

void job_note(struct job *job, const char *code, const char *rule, int64_t event, const char *fmt,
              ...)
{
    struct appraisal *a = job->result;
    va_list args;

    if (a->n_notes == APPRAISE_MAX_NOTES) {
        a->notes[APPRAISE_MAX_NOTES - 1].text = "more notes than can be kept";
        return;
    }
    va_start(args, fmt);
    a->notes[a->n_notes++] = (struct note){
        .code = code, .rule = rule, .event = event, .text = words(job->arena, fmt, args)};
    va_end(args);
}

const char *pcr_list(struct arena *arena, uint32_t mask)
{
    char text[TPM_MAX_PCRS * 4 + 1] = "";
    size_t used = 0;

    for (unsigned pcr = 0; pcr < TPM_MAX_PCRS; pcr++) {
        if ((mask & 1u << pcr) != 0) {
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u", used > 0 ? ", " : "",
                                     pcr);
        }
    }
    return (const char *)arena_dup(arena, span_str(text)).data;
}

static bool has_evidence(const struct evidence *evidence)
{
    return evidence->n_quotes > 0 || evidence->n_aks > 0 || evidence->log.bytes.len > 0;
}

err_t appraise(struct arena *arena, const struct evidence *evidence,
               const struct appraise_trust *trust, const struct appraise_options *options,
               struct hasher *hasher, struct appraisal **ret)
{
    CLEANUP(appraisal_done) struct appraisal *a = arena_calloc(arena, 1, sizeof(*a));
    struct job job = {arena, evidence, trust, options, hasher, a};
    err_t err = ERR_OK;

    if (a == NULL) {
        return ERR_MEMORY;
    }
    a->arena = arena;
    if (!has_evidence(evidence)) {
        job_reason(&job, REASON_NO_EVIDENCE, "S-4", "",
                   "there is no quote, no key and no log to judge: the machine sent none, or this "
                   "is not the place where its evidence lies");
        *ret = TAKE(a);
        return ERR_OK;
    }
    err = judge_keys(&job);
    err = err ? err : judge_quotes(&job);
    err = err ? err : judge_enc_key(&job);
    err = err ? err : judge_registers(&job);
    err = err ? err : judge_boot(&job);
    err = err ? err : judge_changes(&job);
    if (err == ERR_OK) {
        *ret = TAKE(a);
    }
    return err;
}

void appraisal_done(struct appraisal *appraisal)
{
    if (appraisal == NULL) {
        return;
    }
    for (size_t i = 0; i < appraisal->n_aks; i++) {
        pubkey_free(appraisal->aks[i].key);
        cert_free(appraisal->aks[i].certificate);
        appraisal->aks[i].key = NULL;
        appraisal->aks[i].certificate = NULL;
    }
    pubkey_free(appraisal->enc_key);
    appraisal->enc_key = NULL;
}
