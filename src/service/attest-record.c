/*
 * attest-record.c - what is kept of a proof: the record, the challenge that it uses up, and what it
 * makes of its machine.
 */
#include "service/attest-parts.h"

#include "service/wanted.h"

#include "crypto/secret.h"

/* A quote that verifies under a proven AK: no one without that TPM can cause this. */
const struct appraised_quote *attest_counted_quote(const struct appraisal *appraisal)
{
    for (size_t i = 0; i < appraisal->n_quotes; i++) {
        if (appraisal->quotes[i].counts && appraisal->quotes[i].is_verified) {
            return &appraisal->quotes[i];
        }
    }
    return NULL;
}

/* A counted quote has the challenge in it. That is asked apart from the verdict: a machine that is
 * bad in another way has answered all the same. */
static bool answers_challenge(const struct attesting *a)
{
    const struct appraisal *appraisal = a->appraisal;
    bool is_answered = false;

    for (size_t i = 0; i < appraisal->n_quotes; i++) {
        const struct appraised_quote *quote = &appraisal->quotes[i];

        is_answered = is_answered ||
                      (quote->counts && quote->is_verified && a->nonce_len > 0 &&
                       secret_equal(quote->attest.extra_data, span_of(a->nonce, a->nonce_len)));
    }
    return is_answered;
}

/* What is used up with the record. One that has expired or is another machine's was refused; for
 * that, nobody without a TPM makes the server write. */
static void fill_challenge(const struct attesting *a, struct store_attestation *record)
{
    bool is_live = a->has_challenge && !a->has_challenge_fault;
    bool is_other = a->has_challenge_fault && a->challenge_fault == REASON_AK_OTHER_MACHINE &&
                    a->call->now < a->challenge.expires;

    if (!is_live && !(a->has_challenge && is_other && record->is_proven)) {
        return;
    }
    record->challenge_id = span_of(a->challenge.id, sizeof(a->challenge.id));
    record->challenge_expires = a->challenge.expires;
    record->answers_challenge = is_live && record->is_proven && answers_challenge(a);
}

static err_t fill_record(const struct attesting *a, struct span body, struct store_attestation *ret)
{
    const struct appraisal *appraisal = a->appraisal;
    const struct appraised_quote *quote = attest_counted_quote(appraisal);
    yyjson_mut_doc *doc = json_new(a->call->arena);
    struct store_attestation record = {
        .time = a->call->now,
        .machine_id = a->has_machine && quote != NULL ? a->machine.id : NULL,
        .ak_name = a->has_ak_name ? tpm_name_span(&a->ak_name) : (struct span){0},
        .is_proven = quote != NULL,
        .verdict = verdict_name(appraisal->verdict),
        .token_id = a->token_id,
    };
    err_t err = doc == NULL ? ERR_MEMORY : ERR_OK;

    err = err ? err : hasher_once(a->call->hasher, HASH_SHA256, body, record.evidence_digest);
    if (err) {
        return err;
    }
    record.reasons = json_write(a->call->arena, doc, appraisal_reasons_json(doc, appraisal), false);
    if (quote != NULL) {
        record.pcr_digest = quote->attest.pcr_digest;
        record.facts = json_write(
            a->call->arena, doc,
            appraisal_json(a->call->arena, doc, appraisal, a->claims.n > 0 ? &a->claims : NULL),
            false);
        record.has_clock = appraisal->has_clock;
        record.clock = appraisal->clock;
        record.advances_clock = appraisal->verdict != VERDICT_NOT_VERIFIED;
    }
    if (record.reasons.data == NULL) {
        return ERR_MEMORY;
    }
    *ret = record;
    return ERR_OK;
}

/* What proves nothing and uses nothing up waits for no disk: anybody can send it. */
static err_t write_record(struct attesting *a, const struct store_attestation *row,
                          struct trail *trail)
{
    a->recorded = (struct store_recorded){STORE_RECORDED, STORE_FRESHNESS_NONE};
    if (row->is_proven || row->challenge_id.len > 0) {
        return store_attestation_record(a->service->store, row, trail, &a->recorded);
    }
    if (!store_attestation_note(a->service->store, row)) {
        metric_add(a->service->dropped, NULL, 1);
    }
    return ERR_OK;
}

/* What the machine says of itself, when its quote of just now covers that: the challenge it answers
 * has the facts in it. */
static void take_facts(struct attesting *a, const struct store_attestation *row)
{
    if (row->answers_challenge && a->evidence->azure.guest_facts != NULL) {
        a->state.change.facts = a->evidence->azure.guest_facts_canonical;
    }
}

/* a challenge is used up by its first proof, good or bad. When another request was faster,
 * this one becomes a rejected one, and is recorded as that. */
err_t attest_record(struct attesting *a, struct span body, struct trail *trail)
{
    struct store_attestation row;
    err_t err = fill_record(a, body, &row);

    if (err) {
        return err;
    }
    fill_challenge(a, &row);
    if (row.machine_id != NULL) {
        struct wanted wanted = {0};

        err = wanted_of(a->service, a->call, a->machine.id, trail, &wanted);
        a->state = (struct state_update){.provider = a->provider->name, .wanted = wanted.provider};
        err = err ? err
                  : state_of_proof(a->service, a->call, &a->machine, a->appraisal, &a->baseline,
                                   trail, &a->state);
        take_facts(a, &row);
        row.monitor = &a->state.change;
    }
    if (err == ERR_OK && arena_is_exhausted(a->call->arena)) {
        err = ERR_MEMORY; /* nothing is written that lacks a part */
    }
    err = err ? err : write_record(a, &row, trail);
    if (err == ERR_OK && a->state.change.before[0] != '\0') {
        state_log(&a->state);
    }
    if (err || a->recorded.outcome != STORE_CHALLENGE_USED) {
        return err;
    }
    appraisal_add_reason(a->appraisal, REASON_CHALLENGE_REUSED, "Q-9", "Bootwarden.Context",
                         "the challenge was used by another request at the same time");
    a->token_id = NULL;
    err = fill_record(a, body, &row);
    return err ? err : write_record(a, &row, trail);
}
