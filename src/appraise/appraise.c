/*
 * appraise.c - the order of work (verification-rules, ORD-1) and the keeping of reasons.
 */
#include "appraise/internal.h"

#include "base/show.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

/* A change of many parts is long; a message with all reasons goes through 64 KiB of limits. */
enum { TEXT_MAX = 1400, RAW_MAX = 16 * 1024 };

PRINTF_LIKE(2, 0)
static const char *words(struct arena *arena, const char *fmt, va_list args)
{
    va_list again;
    const char *text = "";
    char *raw = NULL;
    int len;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, fmt, args);
    if (len > 0) {
        raw = arena_alloc(arena, (size_t)len + 1);
    }
    if (raw != NULL) {
        vsnprintf(raw, (size_t)len + 1, fmt, again);
        text = show_cut(arena, text_escape_dup(arena, span_str(raw), RAW_MAX), TEXT_MAX);
    }
    va_end(again);
    return text;
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

/* The one form of a reason: everything else is who asks for it. */
PRINTF_LIKE(6, 0)
static void add_reason(struct appraisal *a, enum reason_code code, const char *rule,
                       const char *where, const char *remedy, const char *fmt, va_list args)
{
    keep_reason(a, (struct reason){.code = code,
                                   .rule = rule,
                                   .where = where == NULL ? "" : where,
                                   .remedy = remedy == NULL ? reason_remedy(code) : remedy,
                                   .text = words(a->arena, fmt, args)});
}

void job_reason(struct job *job, enum reason_code code, const char *rule, const char *where,
                const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    add_reason(job->result, code, rule, where, NULL, fmt, args);
    va_end(args);
}

void job_reason_remedy(struct job *job, enum reason_code code, const char *rule, const char *where,
                       const char *remedy, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    add_reason(job->result, code, rule, where, remedy, fmt, args);
    va_end(args);
}

void appraisal_reword(struct appraisal *appraisal, enum reason_code code, const char *where,
                      const char *text, const char *remedy)
{
    for (size_t i = 0; i < appraisal->n_reasons; i++) {
        struct reason *reason = &appraisal->reasons[i];

        if (reason->code == code && strcmp(reason->where, where) == 0) {
            reason->text = text;
            reason->remedy = remedy;
        }
    }
}

void appraisal_add_reason(struct appraisal *appraisal, enum reason_code code, const char *rule,
                          const char *where, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    add_reason(appraisal, code, rule, where, NULL, fmt, args);
    va_end(args);
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
        unsigned end = pcr;

        if ((mask & 1u << pcr) == 0) {
            continue;
        }
        while (end + 1 < TPM_MAX_PCRS && (mask & 1u << (end + 1)) != 0) {
            end++;
        }
        used +=
            (size_t)snprintf(text + used, sizeof(text) - used, "%s%u", used > 0 ? ", " : "", pcr);
        if (end >= pcr + 2) {
            used += (size_t)snprintf(text + used, sizeof(text) - used, "-%u", end);
            pcr = end;
        }
    }
    return (const char *)arena_dup(arena, span_str(text)).data;
}

const char *pcr_names(struct arena *arena, uint32_t mask)
{
    bool is_one = (mask & (mask - 1)) == 0;

    return arena_printf(arena, "PCR%s %s", is_one ? "" : "s", pcr_list(arena, mask));
}

err_t job_readings(struct job *job, struct readings **ret)
{
    if (job->readings == NULL) {
        err_t err = readings_make(job->arena, job->result->log, job->hasher, &job->readings);

        if (err) {
            return err;
        }
    }
    *ret = job->readings;
    return ERR_OK;
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
    struct job job = {.arena = arena,
                      .evidence = evidence,
                      .trust = trust,
                      .options = options,
                      .hasher = hasher,
                      .result = a,
                      .has_nonce = options->has_nonce,
                      .nonce = options->nonce};
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
    err = judge_request(&job);
    err = err ? err : judge_keys(&job);
    err = err ? err : judge_quotes(&job);
    err = err ? err : judge_enc_key(&job);
    err = err ? err : judge_bound_keys(&job);
    err = err ? err : judge_boot_attestation(&job);
    err = err ? err : judge_registers(&job);
    err = err ? err : judge_boot(&job);
    err = err ? err : judge_changes(&job);
    if (err == ERR_OK) {
        judge_resume(&job);
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
    pubkey_free(appraisal->request_key.key);
    appraisal->request_key.key = NULL;
    for (size_t i = 0; i < appraisal->n_other_keys; i++) {
        pubkey_free(appraisal->other_keys[i].key);
        appraisal->other_keys[i].key = NULL;
    }
    appraisal_done(appraisal->boot);
    appraisal->boot = NULL;
}

bool appraisal_is_proven(const struct appraisal *appraisal)
{
    return appraisal->verdict < VERDICT_CANNOT_JUDGE;
}
