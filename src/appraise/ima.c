/*
 * ima.c - the IMA list against PCR 10 (rules L-12, L-14).
 */
#include "appraise/internal.h"

#include "base/codec.h"
#include "eventlog/ima.h"

enum { PCR_IMA = 10 };

/* Over all banks: one reason each, however many banks have it. */
struct ima_outcome {
    bool sha256_matches;
    bool is_unreadable;
    const char *differing; /* "sha256, sha1" */
    const char *listless;
    struct ima_summary first; /* of the first bank that differs */
    enum hash_alg first_bank;
};

static const char *add_bank(struct job *job, const char *list, enum hash_alg bank)
{
    return arena_printf(job->arena, "%s%s%s", list, list[0] == '\0' ? "" : ", ", hash_name(bank));
}

static err_t compare(struct job *job, enum hash_alg bank, enum ima_extend how,
                     struct ima_outcome *outcome, bool *ret_match, struct ima_summary *ret)
{
    struct trail trail = {0};
    char text[TRAIL_WHAT_MAX];
    struct span wanted = tpm_pcr(&job->result->shown, bank, PCR_IMA);
    err_t err =
        ima_replay_until(job->evidence->ima.bytes, bank, how, wanted, job->hasher, &trail, ret);

    *ret_match = err == ERR_OK;
    if (err == ERR_OK || err == ERR_END || err_category(err) == ERR_CAT_INTERNAL) {
        return err == ERR_END ? ERR_OK : err;
    }
    outcome->is_unreadable = true;
    trail_format(&trail, err, text, sizeof(text));
    job_reason(job, REASON_IMA_REPLAY, "L-12", job->evidence->ima.where,
               "the IMA list cannot be read: %s", text);
    return ERR_OK;
}

static err_t judge_bank(struct job *job, enum hash_alg bank, struct ima_outcome *outcome)
{
    struct ima_summary summary = {0};
    bool match = false;
    err_t err = compare(job, bank, IMA_EXTEND_HASH, outcome, &match, &summary);

    /* Decisions section 4: kernels before 6.12 pad SHA-1 in banks they cannot hash yet. Believed
     * only beside a SHA-256 bank that replays, and recorded (L-14). */
    if (err == ERR_OK && !match && !outcome->is_unreadable && bank != HASH_SHA1 &&
        bank != HASH_SHA256 && outcome->sha256_matches) {
        err = compare(job, bank, IMA_EXTEND_SHA1_PADDED, outcome, &match, &summary);
        if (err == ERR_OK && match) {
            job_note(
                job, "ima-sha1-padded", "L-14", -1,
                "%s PCR 10 holds SHA-1 digests padded with zeros (a quirk of kernels before 6.12)",
                hash_name(bank));
        }
    }
    if (err || outcome->is_unreadable) {
        return err;
    }
    /* Said once: the records are the same in every bank. */
    if (match && bank == HASH_SHA256 && summary.violations > 0) {
        job_note(
            job, "ima-violations", "L-12", -1,
            "%u of %u attested records of the IMA list are violations: files that were written "
            "while they were measured, for which IMA vouches for nothing",
            summary.violations, summary.records);
    }
    outcome->sha256_matches = outcome->sha256_matches || (match && bank == HASH_SHA256);
    job->result->n_ima_records =
        match && bank == HASH_SHA256 ? summary.records : job->result->n_ima_records;
    if (!match) {
        if (outcome->differing[0] == '\0') {
            outcome->first = summary;
            outcome->first_bank = bank;
        }
        outcome->differing = add_bank(job, outcome->differing, bank);
    }
    return outcome->differing == NULL ? ERR_MEMORY : ERR_OK;
}

static void report(struct job *job, const struct ima_outcome *outcome)
{
    enum hash_alg bank = outcome->first_bank;

    if (outcome->listless[0] != '\0') {
        job_reason_remedy(job, REASON_LOG_UNEXPLAINED_PCR, "L-12", "PCR 10",
                          "Send the kernel's list (binary_runtime_measurements of IMA), read after "
                          "the quote, or leave PCR 10 out of the quote.",
                          "PCR 10 (%s) was extended, but there is no IMA list to explain it",
                          outcome->listless);
    }
    if (outcome->differing[0] != '\0') {
        job_reason(job, REASON_IMA_REPLAY, "L-12", job->evidence->ima.where,
                   "none of the %u records of the IMA list leads to the attested PCR 10 (%s): the "
                   "whole list leads to %.16s... (%s), the quote attests %.16s...",
                   outcome->first.records, outcome->differing,
                   hex_dup(job->arena, span_of(outcome->first.value, hash_size(bank))),
                   hash_name(bank),
                   hex_dup(job->arena, tpm_pcr(&job->result->shown, bank, PCR_IMA)));
    }
}

err_t judge_ima(struct job *job)
{
    const struct tpm_pcrs *shown = &job->result->shown;
    bool has_list = job->evidence->ima.bytes.len > 0;
    struct ima_outcome outcome = {.differing = "", .listless = ""};
    /* SHA-256 first: the others may lean on it. */
    static const enum hash_alg order[] = {HASH_SHA256, HASH_SHA1, HASH_SHA384, HASH_SHA512};

    for (size_t i = 0; i < ARRAY_LEN(order) && !outcome.is_unreadable; i++) {
        enum hash_alg bank = order[i];
        err_t err = ERR_OK;

        if ((shown->have[bank] & 1u << PCR_IMA) == 0 ||
            span_all(tpm_pcr(shown, bank, PCR_IMA), 0)) {
            continue;
        }
        if (has_list) {
            err = judge_bank(job, bank, &outcome);
        } else {
            outcome.listless = add_bank(job, outcome.listless, bank);
            err = outcome.listless == NULL ? ERR_MEMORY : ERR_OK;
        }
        if (err) {
            return err;
        }
    }
    report(job, &outcome);
    if (has_list && (shown->have[HASH_SHA256] & 1u << PCR_IMA) == 0) {
        job_note(job, "ima-not-attested", "L-12", -1,
                 "an IMA list was sent, but the quote does not cover PCR 10");
    }
    return ERR_OK;
}
