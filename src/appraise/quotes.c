/*
 * quotes.c - signature first, then content, then the PCR values it covers (rules ).
 *
 * The selection inside the signed structure is the only one that counts, and values it
 * does not select are never taken over.
 */
#include "appraise/internal.h"

#include "crypto/secret.h"

static err_t check_signature(struct job *job, const struct evidence_quote *sent,
                             struct appraised_ak *ak, struct tpm_signature *ret_sig, bool *ret_ok)
{
    struct trail trail = {0};
    char text[TRAIL_WHAT_MAX];
    err_t err;

    if (sent->is_framed) {
        err = check_ak_signature(ak, sent->signature.bytes, sent->attest.bytes, &trail, ret_sig);
    } else {
        err = tpm_signature_raw(&ak->pub, sent->signature.bytes, &trail, ret_sig);
        err = err ? err
                  : tpm_signature_verify(ret_sig, &ak->pub, ak->key, sent->attest.bytes, &trail);
    }
    *ret_ok = err == ERR_OK;
    if (err && err_category(err) == ERR_CAT_INTERNAL) {
        return err;
    }
    if (err) {
        trail_format(&trail, err, text, sizeof(text));
        job_reason(job, REASON_SIGNATURE, err == ERR_SIGNATURE ? "Q-3" : "Q-5",
                   sent->signature.where,
                   "the quote's signature does not verify under the attestation key (%s): %s",
                   ak->label, text);
    }
    return ERR_OK;
}

static bool parse_attest(struct job *job, const struct evidence_quote *sent, struct tpm_attest *ret)
{
    struct trail trail = {0};
    char text[TRAIL_WHAT_MAX];
    err_t err = tpm_attest_parse(sent->attest.bytes, TPM_ATTEST_QUOTE, &trail, ret);

    if (err == ERR_OK) {
        return true;
    }
    trail_format(&trail, err, text, sizeof(text));
    if (err == ERR_MAGIC) {
        job_reason(job, REASON_MAGIC, "Q-1", sent->attest.where,
                   "the quote does not begin with TPM_GENERATED: no TPM made this structure");
    } else if (err == ERR_ATTEST_TYPE) {
        job_reason(job, REASON_TYPE, "Q-2", sent->attest.where, "not a quote: %s", text);
    } else {
        job_reason(job, REASON_ATTEST_MALFORMED, "Q-4", sent->attest.where,
                   "the quote cannot be read: %s", text);
    }
    return false;
}

static bool check_selection(struct job *job, const struct evidence_quote *sent,
                            const struct tpm_attest *quote)
{
    uint32_t all = 0;
    bool ok = true;

    for (size_t i = 0; i < quote->n_selections; i++) {
        const struct tpm_selection *selection = &quote->selections[i];

        all |= selection->mask;
        if (selection->mask != 0 && selection->bank == HASH_NONE) {
            job_reason(job, REASON_BANK_UNSUPPORTED, "ALG-6", sent->attest.where,
                       "the quote selects bank 0x%04x, which is not supported", selection->alg);
            ok = false;
        }
        if (job->evidence->has_pcr_set && selection->mask != 0 && selection->bank != HASH_SHA256) {
            job_reason(job, REASON_BANK_UNSUPPORTED, "ALG-1", sent->attest.where,
                       "this protocol carries values of the SHA-256 bank only");
            ok = false;
        }
    }
    if (all == 0) {
        job_reason(job, REASON_PCR_MISSING, "Q-13", sent->attest.where,
                   "the quote selects no PCR at all");
        return false;
    }
    if (job->evidence->has_pcr_set && all != job->evidence->pcr_set) {
        job_reason(job, REASON_PCR_MISSING, "Q-13", "TpmInfo.PcrSet",
                   "PcrSet names PCRs %s, but the signed quote covers %s",
                   pcr_list(job->arena, job->evidence->pcr_set), pcr_list(job->arena, all));
        ok = false;
    }
    return ok;
}

static err_t check_values(struct job *job, const struct evidence_quote *sent,
                          const struct tpm_attest *quote, enum hash_alg scheme_hash, bool *ret_ok)
{
    struct trail trail = {0};
    char text[TRAIL_WHAT_MAX];
    err_t err = tpm_quote_check_pcrs(quote, scheme_hash, &job->evidence->pcrs, &trail);

    *ret_ok = err == ERR_OK;
    if (err && err_category(err) == ERR_CAT_INTERNAL) {
        return err;
    }
    trail_format(&trail, err, text, sizeof(text));
    if (err == ERR_NOT_FOUND) {
        job_reason(job, REASON_PCR_MISSING, "Q-13", job->evidence->pcrs_where,
                   "a quoted PCR value was not sent: %s", text);
    } else if (err) {
        job_reason(job, REASON_PCR_DIGEST, "Q-12", sent->attest.where,
                   "the PCR values sent are not those that were quoted: %s", text);
    }
    return ERR_OK;
}

/* Only what the signed selection covers. */
static void take_values(const struct tpm_attest *quote, const struct tpm_pcrs *sent,
                        struct tpm_pcrs *into)
{
    for (size_t i = 0; i < quote->n_selections; i++) {
        enum hash_alg bank = quote->selections[i].bank;

        for (unsigned pcr = 0; bank != HASH_NONE && pcr < TPM_MAX_PCRS; pcr++) {
            if ((quote->selections[i].mask & 1u << pcr) != 0) {
                memcpy(into->value[bank][pcr], sent->value[bank][pcr], hash_size(bank));
                into->have[bank] |= 1u << pcr;
            }
        }
    }
}

static err_t name_parent(struct job *job, struct appraised_ak *ak, const struct tpm_attest *quote)
{
    static const struct {
        uint32_t handle;
        const char *text;
    } hierarchies[] = {
        {TPM_RH_ENDORSEMENT, "primary key of the endorsement hierarchy"},
        {TPM_RH_OWNER, "primary key of the owner hierarchy"},
        {TPM_RH_PLATFORM, "primary key of the platform hierarchy"},
    };
    struct tpm_name qualified;
    err_t err = ERR_OK;

    ak->parent = "unknown";
    if (!ak->has_public_area) {
        return name_bare_ak(job, ak, quote);
    }
    for (size_t i = 0; err == ERR_OK && i < ARRAY_LEN(hierarchies); i++) {
        err = tpm_qualified_name_primary(&ak->pub, hierarchies[i].handle, &qualified);
        if (err == ERR_OK && span_equal(tpm_name_span(&qualified), quote->qualified_signer)) {
            ak->parent = hierarchies[i].text;
            return ERR_OK;
        }
    }
    for (size_t i = 0; err == ERR_OK && i < job->evidence->n_eks; i++) {
        struct tpm_public ek;
        struct tpm_name parent;

        if (tpm2b_public_parse(job->evidence->eks[i].public_area.bytes, false, NULL, &ek) !=
            ERR_OK) {
            continue;
        }
        err = tpm_qualified_name_primary(&ek, TPM_RH_ENDORSEMENT, &parent);
        err = err ? err : tpm_qualified_name_child(&parent, &ak->pub, &qualified);
        if (err == ERR_OK && span_equal(tpm_name_span(&qualified), quote->qualified_signer)) {
            ak->parent = arena_printf(job->arena, "child of the endorsement key (%s)",
                                      job->evidence->eks[i].public_area.where);
            return ERR_OK;
        }
    }
    if (err == ERR_OK && job->evidence->form == EVIDENCE_AZUREGUEST) {
        /* The protocol's AK is a primary key of the endorsement hierarchy; the qualified signer
         * is the one signed field that covers every byte of its public area. */
        job_reason(
            job, REASON_AK_UNPROVEN, "Q-20", ak->label,
            "the quote was signed by a key with another public area or parent than the one sent");
    }
    return err;
}

static err_t judge_quote(struct job *job, const struct evidence_quote *sent,
                         struct appraised_quote *quote)
{
    struct appraisal *a = job->result;
    struct appraised_ak *ak = &a->aks[sent->ak];
    struct tpm_signature sig = {0};
    bool signed_ok = false;
    bool values_ok = false;
    bool selection_ok;
    err_t err;

    quote->where = sent->attest.where;
    if (!ak->is_parsed || ak->key == NULL) {
        return ERR_OK; /* there is a reason on the key already */
    }
    err = check_signature(job, sent, ak, &sig, &signed_ok);
    if (err || !parse_attest(job, sent, &quote->attest) || !signed_ok) {
        return err;
    }
    if (job->has_nonce && !secret_equal(quote->attest.extra_data, job->nonce)) {
        job_reason(job, REASON_NONCE, "Q-8", sent->attest.where,
                   "the quote does not answer the challenge that was issued%s: it has %s",
                   job->evidence->form == EVIDENCE_TPM ? ", as its request key demands" : "",
                   quote->attest.extra_data.len == 0 ? "none" : "another one");
    }
    selection_ok = check_selection(job, sent, &quote->attest);
    err = check_values(job, sent, &quote->attest, sig.hash, &values_ok);
    if (err || !selection_ok || !values_ok) {
        return err;
    }
    quote->is_verified = true;
    quote->counts = ak->proof != AK_PROOF_NONE;
    take_values(&quote->attest, &job->evidence->pcrs, &a->shown);
    if (quote->counts) {
        take_values(&quote->attest, &job->evidence->pcrs, &a->attested);
    }
    return name_parent(job, ak, &quote->attest);
}

/* quotes that are judged together are of one challenge and, under one AK, of one boot. */
static void check_together(struct job *job)
{
    const struct appraisal *a = job->result;

    for (size_t i = 0; i < a->n_quotes; i++) {
        for (size_t j = i + 1; j < a->n_quotes; j++) {
            const struct tpm_attest *x = &a->quotes[i].attest;
            const struct tpm_attest *y = &a->quotes[j].attest;
            bool same_ak = job->evidence->quotes[i].ak == job->evidence->quotes[j].ak;

            if (!a->quotes[i].is_verified || !a->quotes[j].is_verified) {
                continue;
            }
            if (!span_equal(x->extra_data, y->extra_data) ||
                (same_ak &&
                 (x->reset_count != y->reset_count || x->restart_count != y->restart_count))) {
                job_reason(job, REASON_QUOTES_MIXED, "Q-16", a->quotes[j].where,
                           "the quotes %s and %s are not of the same challenge and boot",
                           a->quotes[i].where, a->quotes[j].where);
                return;
            }
        }
    }
}

/* Older by more than what requests in flight may overtake each other by. */
static bool clock_went_back(const struct tpm_clock *now, const struct tpm_clock *last)
{
    bool is_same_boot =
        now->reset_count == last->reset_count && now->restart_count == last->restart_count;

    return tpm_clock_compare(now, last) == TPM_CLOCK_OLDER &&
           !(is_same_boot && last->clock_ms - now->clock_ms <= APPRAISE_CLOCK_TOLERANCE_MS);
}

static void check_clock(struct job *job)
{
    struct appraisal *a = job->result;

    for (size_t i = 0; i < a->n_quotes; i++) {
        const struct tpm_attest *quote = &a->quotes[i].attest;

        if (!a->quotes[i].is_verified || job->evidence->quotes[i].ak != a->main_ak ||
            (a->has_clock && quote->clock_ms < a->clock.clock_ms)) {
            continue;
        }
        a->has_clock = true;
        a->extra_data = quote->extra_data;
        a->clock = (struct tpm_clock){quote->reset_count, quote->restart_count, quote->clock_ms};
        if (!quote->clock_safe) {
            job_note(job, "clock-unsafe", "Q-17", -1,
                     "the TPM's clock may have been rolled back (safe = 0)");
        }
    }
    if (a->has_clock && job->options->last_clock != NULL &&
        clock_went_back(&a->clock, job->options->last_clock)) {
        job_reason(job, REASON_CLOCK_WENT_BACK, "Q-17", "",
                   "this TPM was already at reset %u, restart %u, clock %llu ms; the evidence is "
                   "from reset %u, "
                   "restart %u, clock %llu ms",
                   job->options->last_clock->reset_count, job->options->last_clock->restart_count,
                   (unsigned long long)job->options->last_clock->clock_ms, a->clock.reset_count,
                   a->clock.restart_count, (unsigned long long)a->clock.clock_ms);
    }
}

/* An empty nonce demands only that the guest was given none (has_nonce of a plain AzureGuest
 * request): that is no challenge. An equal clock may be a copy's, and so may one that is older
 * within the tolerance, which only keeps it from being refused. */
static void note_freshness(struct job *job)
{
    struct appraisal *a = job->result;
    bool has_challenge = job->options->has_nonce && job->options->nonce.len > 0;
    bool any_verified = false;

    for (size_t i = 0; i < a->n_quotes; i++) {
        any_verified = any_verified || a->quotes[i].is_verified;
    }
    for (size_t i = 0; i < a->n_reasons; i++) {
        if (a->reasons[i].code == REASON_NONCE || a->reasons[i].code == REASON_CLOCK_WENT_BACK) {
            a->freshness = FRESHNESS_FAILED;
            return;
        }
    }
    if (any_verified && has_challenge) {
        a->freshness = FRESHNESS_NONCE;
    } else if (a->has_clock && job->options->last_clock != NULL &&
               tpm_clock_compare(&a->clock, job->options->last_clock) == TPM_CLOCK_LATER) {
        a->freshness = FRESHNESS_CLOCK;
    }
}

static void check_coverage(struct job *job)
{
    const struct appraisal *a = job->result;
    uint32_t required = job->options->required_pcrs == 0 && !job->options->has_pcr_mask
                            ? APPRAISE_REQUIRED_PCRS
                            : job->options->required_pcrs;
    bool any_counts = false;
    bool any_verified = false;
    uint32_t missing;

    for (size_t i = 0; i < a->n_quotes; i++) {
        any_counts = any_counts || a->quotes[i].counts;
        any_verified = any_verified || a->quotes[i].is_verified;
    }
    if (!any_verified) {
        if (job->evidence->n_quotes == 0) {
            job_reason(job, REASON_PCR_MISSING, "Q-13", "", "there is no quote");
        }
        return; /* else each quote has its own reason */
    }
    missing = required & ~(any_counts ? a->attested : a->shown).have[HASH_SHA256];
    if (missing != 0) {
        job_reason(job, REASON_PCR_MISSING, "Q-13", "",
                   "the quote does not cover SHA-256 %s, which must be attested",
                   pcr_names(job->arena, missing));
    }
}

err_t judge_quotes(struct job *job)
{
    struct appraisal *a = job->result;
    err_t err = ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < job->evidence->n_quotes; i++) {
        a->n_quotes = i + 1;
        err = judge_quote(job, &job->evidence->quotes[i], &a->quotes[i]);
    }
    if (err) {
        return err;
    }
    /* Once a key is proven, what other keys have signed counts for nothing (AK-13): it may not
     * explain a register, carry a fact or bind a key. */
    for (size_t i = 0; i < a->n_quotes; i++) {
        if (a->quotes[i].counts) {
            a->shown = a->attested;
        }
    }
    check_together(job);
    check_clock(job);
    note_freshness(job);
    check_coverage(job);
    return ERR_OK;
}
