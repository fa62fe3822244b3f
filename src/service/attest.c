/*
 * attest.c - POST /attest/AzureGuest.
 *
 *     bytes → evidence → appraisal → claims → policy → token → sealed reply
 *                            └→ record
 *
 * Who may send these bytes: anybody; the call needs no credential.
 */
#include "service/attest-parts.h"

#include "appraise/appraise.h"
#include "base/codec.h"
#include "base/log.h"
#include "base/text.h"
#include "crypto/secret.h"
#include "evidence/azureguest.h"
#include "policy/policy.h"
#include "token/token.h"

#include <stdio.h>

enum {
    GUID_CHARS = 36,
    LIST_MAX = 1024,
    /* What is recorded is answered: for the words of its reasons, which come after the record. */
    ANSWER_BYTES = 1024 * 1024,
};

/* ---- what we know before judging ---- */

/* AK-1: the name is computed here. One that cannot be read is the appraisal's finding. */
static void find_name(struct attesting *a)
{
    const struct evidence *e = a->evidence;
    struct tpm_public pub;

    a->has_ak_name = e->n_aks > 0 &&
                     tpm2b_public_parse(e->aks[0].public_area.bytes,
                                        e->aks[0].public_area_may_trail, NULL, &pub) == ERR_OK &&
                     tpm_public_name(&pub, &a->ak_name) == ERR_OK;
}

static err_t find_records(struct attesting *a, struct trail *trail)
{
    struct store *store = a->service->store;
    err_t err;

    if (!a->has_ak_name) {
        return ERR_OK;
    }
    err = store_machine_by_ak(store, tpm_name_span(&a->ak_name), trail, &a->machine);
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        return err;
    }
    /* AK-6: only an active record counts. */
    a->has_machine = err == ERR_OK && a->machine.is_active;
    a->is_disabled = err == ERR_OK && !a->machine.is_active;
    err = store_clock_get(store, tpm_name_span(&a->ak_name), trail, &a->last_clock);
    a->has_clock = err == ERR_OK;
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static void fault_challenge(struct attesting *a, enum reason_code code, const char *rule,
                            const char *words)
{
    a->has_challenge_fault = true;
    a->challenge_fault = code;
    a->challenge_rule = rule;
    a->challenge_words = words;
}

/* ours, for this machine, in time, not used before. */
static err_t open_challenge(struct attesting *a, struct trail *trail)
{
    bool was_used = false;
    err_t err = ticket_open(a->call->arena, service_secret(a->service), TICKET_ATTEST,
                            a->evidence->azure.context, &a->challenge);

    if (err == ERR_SIGNATURE) {
        fault_challenge(a, REASON_NONCE, "Q-9",
                        "the challenge was not issued by this server, or for another purpose");
        return ERR_OK;
    }
    if (err) {
        return err;
    }
    a->has_challenge = true;
    err = store_was_used(a->service->store, span_of(a->challenge.id, sizeof(a->challenge.id)),
                         trail, &was_used);
    if (err) {
        return err;
    }
    if (was_used) {
        fault_challenge(a, REASON_CHALLENGE_REUSED, "Q-9",
                        "the challenge was used before: each is good for one proof");
        return ERR_OK;
    }
    if (!a->has_machine || !span_is(a->challenge.payload, a->machine.id)) {
        fault_challenge(a, REASON_AK_OTHER_MACHINE, "Q-9",
                        "the challenge was issued to another machine than the one of this "
                        "attestation key");
        return ERR_OK;
    }
    if (a->call->now >= a->challenge.expires) {
        fault_challenge(a, REASON_CHALLENGE_EXPIRED, "Q-9",
                        "the challenge has expired: it was good for 300 seconds");
    }
    return ERR_OK;
}

/* Without the Bootwarden member extraData must be empty (decisions section 4). */
static err_t find_nonce(struct attesting *a, struct trail *trail)
{
    const struct evidence_azure *azure = &a->evidence->azure;
    err_t err;

    if (!azure->has_bootwarden) {
        return ERR_OK;
    }
    err = open_challenge(a, trail);
    err = err ? err
              : azureguest_expected_nonce(azure->context, azure->guest_facts_canonical, a->nonce);
    a->nonce_len = sizeof(a->nonce);
    return err;
}

/* ---- judging ---- */

static bool is_our_certificate(const struct attesting *a)
{
    const struct appraised_ak *ak = &a->appraisal->aks[a->appraisal->main_ak];

    return a->appraisal->n_aks > 0 && ak->certificate != NULL &&
           guest_ca_is_named(a->service->guest_ca, a->call->arena, ak->certificate);
}

static void add_outside_reasons(struct attesting *a)
{
    if (a->has_challenge_fault) {
        appraisal_add_reason(a->appraisal, a->challenge_fault, a->challenge_rule,
                             "Bootwarden.Context", "%s", a->challenge_words);
    }
    if (!a->has_machine && is_our_certificate(a)) {
        /* AK-6. Which CA to trust is not the question here. */
        appraisal_reword(a->appraisal, REASON_AK_UNTRUSTED, "TpmInfo.AikCert",
                         "this server issued the attestation key's certificate, which counts only "
                         "while the machine's record is active",
                         "See bootwarden-server machine list.");
    }
    if (!a->has_machine && !a->is_disabled && is_our_certificate(a)) {
        appraisal_add_reason(a->appraisal, REASON_AK_UNPROVEN, "AK-6", "TpmInfo.AikCert",
                             "the certificate is this server's, but no active machine has this "
                             "attestation key: join again");
    }
    if (a->is_disabled) {
        appraisal_add_reason(a->appraisal, REASON_AK_UNTRUSTED, "AK-7", "TpmInfo.AikPub",
                             "the machine of this attestation key was disabled by an operator, who "
                             "lets it in again with: bootwarden vm enable NAME");
    }
}

/* What was claimed looked like the baseline; what is attested may be less. */
static err_t confirm(struct attesting *a, const struct appraise_trust *trust,
                     struct appraise_options *options, struct trail *trail)
{
    bool is_confirmed = false;
    err_t err = state_confirms(a->call, a->appraisal, &a->baseline, &is_confirmed);

    if (err || is_confirmed) {
        return err;
    }
    appraisal_done(a->appraisal);
    a->appraisal = NULL;
    err = state_baseline_into(a->service, a->call, &a->machine, options->reference, trail,
                              &a->baseline, options);
    return err ? err
               : appraise(a->call->arena, a->evidence, trust, options, a->call->hasher,
                          &a->appraisal);
}

static err_t judge(struct attesting *a, struct trail *trail)
{
    const struct appraise_trust trust = {
        .ek = a->trust->ek,
        .ak = a->trust->ak,
        /* AK-6: a certificate of our own CA counts only while its machine's record is active. */
        .ak_enrolled = a->trust->ak_own,
        .enrolled_aks = a->has_machine ? &a->ak_name : NULL,
        .n_enrolled_aks = a->has_machine ? 1 : 0,
        .db_certificates = a->trust->db.der,
        .n_db_certificates = a->trust->db.n,
    };
    struct appraise_options options = {
        .now = a->call->now,
        .has_nonce = true,
        .nonce = span_of(a->nonce, a->nonce_len),
        .last_clock = a->has_clock ? &a->last_clock : NULL,
    };
    bool is_alike = false;
    err_t err = ERR_OK;

    knowledge_into(a->knowledge, &options);
    if (a->has_machine) {
        err = state_looks_alike(a->service, a->call, &a->machine, &a->evidence->pcrs, trail,
                                &a->baseline, &is_alike);
        if (err == ERR_OK && !is_alike) {
            err = state_baseline_into(a->service, a->call, &a->machine, options.reference, trail,
                                      &a->baseline, &options);
        }
    }
    err = err ? err
              : appraise(a->call->arena, a->evidence, &trust, &options, a->call->hasher,
                         &a->appraisal);
    if (err == ERR_OK && is_alike && appraisal_is_proven(a->appraisal)) {
        err = confirm(a, &trust, &options, trail);
    }

    if (err == ERR_OK) {
        add_outside_reasons(a);
    }
    return err;
}

/* From our record, or from the certificate of an external issuer that was verified (decisions
 * section 3): upper case, as Azure writes it. NULL when neither says. */
static const char *vm_id(const struct attesting *a)
{
    const struct appraised_ak *ak = &a->appraisal->aks[a->appraisal->main_ak];
    const char *id = NULL;
    char *upper;

    if (a->has_machine) {
        id = a->machine.id;
    } else if (ak->proof == AK_PROOF_CERTIFICATE && ak->certificate != NULL) {
        id = cert_common_name(ak->certificate, a->call->arena);
    }
    if (id == NULL || !text_is_guid(span_cut(span_str(id), 0, GUID_CHARS)) ||
        (id[GUID_CHARS] != '\0' && id[GUID_CHARS] != '.')) {
        return NULL;
    }
    upper = arena_printf(a->call->arena, "%.*s", GUID_CHARS, id);
    for (char *c = upper; c != NULL && *c != '\0'; c++) {
        if (*c >= 'a' && *c <= 'f') {
            *c = (char)(*c - 'a' + 'A');
        }
    }
    return upper;
}

/* ---- the token ---- */

static const struct provider_policy *azure_policy(const struct attesting *a)
{
    return &a->provider->policies[ATTEST_AZUREGUEST];
}

/* Eight hours, as Azure has it, unless the policy asks for something else. */
static int64_t lifetime(const struct attesting *a)
{
    const struct policy_properties *properties = &a->decision.properties;

    return properties->has_report_validity_in_minutes
               ? (int64_t)properties->report_validity_in_minutes * 60
               : SERVICE_TOKEN_S;
}

/* What the service writes comes first, and wins over what the policy issued. */
static err_t issue(struct attesting *a, yyjson_mut_doc *doc, const struct claims *issued,
                   struct trail *trail, struct span *ret_token)
{
    struct arena *arena = a->call->arena;
    const struct provider_policy *policy = azure_policy(a);
    yyjson_mut_val *root = token_claims(doc, a->provider->uri, a->call->now, lifetime(a));
    char *jti = arena_alloc(arena, TOKEN_JTI_SIZE);
    err_t err = root == NULL || jti == NULL ? ERR_MEMORY : token_jti(jti);

    if (err) {
        return err;
    }
    claims_to_json(doc, &a->claims, root);
    json_add_text(doc, root, "jti", jti);
    json_add_text(doc, root, "x-ms-attestation-type", "azurevm");
    json_add_text(doc, root, "x-ms-policy-hash", policy->hash);
    json_add_text(doc, root, "x-ms-ver", "1.0");
    err = policy_signer_add(arena, doc, root, policy);
    if (err) {
        return err;
    }
    claims_to_json(doc, issued, root);
    err =
        provider_sign(a->provider, arena, a->call->now, SIGNER_PLAIN, doc, root, trail, ret_token);
    if (err == ERR_OK) {
        a->token_id = jti;
    }
    return err;
}

/*
 * What is proven gets a token when it is good, which is what the default policy asks for. A policy
 * that an owner set may permit more, but only what the token's claims show to who relies on it:
 * nobody permits a revoked loader by a policy that could not see it. The verdict that is recorded
 * stays as it is.
 */
static bool is_accepted(const struct attesting *a)
{
    enum verdict verdict = a->appraisal->verdict;
    bool is_owners = azure_policy(a)->jws.data != NULL;

    return verdict == VERDICT_HEALTHY || verdict == VERDICT_CHANGED ||
           (verdict == VERDICT_UNHEALTHY && is_owners && a->decision.is_permitted &&
            appraisal_is_told(a->appraisal, &a->claims));
}

/* ---- the answer ---- */

static void count(const struct attesting *a)
{
    const char *verdict[] = {verdict_name(a->appraisal->verdict)};
    const char *freshness[] = {store_freshness_name(a->recorded.freshness)};

    metric_add(a->service->verdicts, verdict, 1);
    metric_add(a->service->freshness, freshness, 1);
    for (size_t i = 0; i < a->appraisal->n_reasons; i++) {
        const char *reason[] = {reason_name(a->appraisal->reasons[i].code)};

        metric_add(a->service->reasons, reason, 1);
    }
}

/* "verdict=unhealthy freshness=clock proven=yes machine=... ak=... reasons=a,b": all of our own
 * making. machine is the one of the key that was sent, which only proven=yes makes its word. */
static const char *note(const struct attesting *a)
{
    const struct appraisal *appraisal = a->appraisal;
    char reasons[LIST_MAX] = "";
    size_t len = 0;

    for (size_t i = 0; i < appraisal->n_reasons && len < sizeof(reasons); i++) {
        len += (size_t)snprintf(reasons + len, sizeof(reasons) - len, "%s%s", i > 0 ? "," : "",
                                reason_name(appraisal->reasons[i].code));
    }
    return arena_printf(
        a->call->arena, "verdict=%s freshness=%s%s proven=%s%s%s%s%s%s%s",
        verdict_name(appraisal->verdict), store_freshness_name(a->recorded.freshness),
        a->recorded.outcome == STORE_REPEATED ? " repeat=yes" : "",
        attest_counted_quote(appraisal) != NULL ? "yes" : "no",
        a->has_machine || a->is_disabled ? " machine=" : "",
        a->has_machine || a->is_disabled ? a->machine.id : "", a->has_ak_name ? " ak=" : "",
        a->has_ak_name ? hex_dup(a->call->arena, span_cut(tpm_name_span(&a->ak_name), 2, 8)) : "",
        appraisal->n_reasons > 0 ? " reasons=" : "", reasons);
}

/* What an operator of this server can do about a reason; judging knows no server. A clock of the
 * past is mostly a copy's: whoever sends one gets no command to pass on. */
static const char *operator_words(const void *context, const struct reason *reason)
{
    const struct attesting *a = context;

    if (reason->code != REASON_CLOCK_WENT_BACK || !a->has_machine) {
        return "";
    }
    return a->recorded.freshness == STORE_FRESHNESS_CHALLENGE
               ? "; after a deliberate restore an operator accepts this clock with: "
                 "bootwarden-server machine forget-clock NAME"
               : "; without the answer to a challenge this may be a copy of old evidence";
}

static void refuse(const struct attesting *a, struct service_answer *ret)
{
    bool is_policys = a->appraisal->verdict == VERDICT_UNHEALTHY ||
                      (a->appraisal->verdict == VERDICT_CANNOT_JUDGE && a->decision.rule != NULL &&
                       a->decision.decision == POLICY_ERROR);

    answer_reasons(a->call, a->appraisal, is_policys ? "PolicyEvaluationError" : "InvalidParameter",
                   operator_words, a, ret);
}

/* By the policy. Only what is proven comes here, so that nobody else keeps an owner's policy busy.
 */
static err_t decide(struct attesting *a, yyjson_mut_doc *doc, bool *ret_is_busy)
{
    bool is_owners = azure_policy(a)->jws.data != NULL;
    struct slow *slow = a->provider->slow;
    struct slow_turn turn;
    err_t err;

    if (is_owners && !slow_enter(slow, &a->service->workers, a->call->now, &turn)) {
        *ret_is_busy = true;
        return ERR_OK;
    }
    err = appraise_decide(a->call->arena, doc, a->appraisal, a->evidence, azure_policy(a)->policy,
                          vm_id(a), &a->claims, &a->decision);
    if (is_owners) {
        slow_leave(slow, &turn, a->decision.work, a->call->now);
    }
    return err;
}

static err_t attest(struct attesting *a, struct span body, struct trail *trail,
                    struct service_answer *ret)
{
    yyjson_mut_doc *doc = json_new(a->call->arena);
    struct span token = {0}, sealed = {0};
    bool is_busy = false;
    err_t err = doc == NULL ? ERR_MEMORY : ERR_OK;

    find_name(a);
    err = err ? err : find_records(a, trail);
    err = err ? err : find_nonce(a, trail);
    err = err ? err : judge(a, trail);
    if (err == ERR_OK && a->appraisal->verdict <= VERDICT_UNHEALTHY) {
        err = decide(a, doc, &is_busy);
    }
    if (is_busy) {
        /* Nothing was decided: the same evidence may come again. */
        answer_busy_policy(a->call, a->provider, ret);
        return ERR_OK;
    }
    if (err == ERR_OK && is_accepted(a)) {
        /* Accepted evidence has a certified key: without one the verdict would be another. */
        err = a->appraisal->enc_key == NULL || a->decision.issued == NULL
                  ? ERR_INTERNAL
                  : issue(a, doc, a->decision.issued, trail, &token);
        err = err ? err
                  : azureguest_seal_reply(a->call->arena, token, a->appraisal->enc_key, &sealed);
    }
    /* What found no room is missing somewhere: nothing is recorded or answered from the rest. */
    if (err == ERR_OK && arena_is_exhausted(a->call->arena)) {
        err = ERR_MEMORY;
    }
    err = err ? err : attest_record(a, body, trail);
    if (err) {
        return err;
    }
    arena_extend(a->call->arena, ANSWER_BYTES);
    count(a);
    ret->note = note(a);
    if (!is_accepted(a)) {
        refuse(a, ret);
        return ERR_OK;
    }
    ret->body = sealed;
    ret->status = 200;
    return ERR_OK;
}

/* From the bytes to the answer. */
static err_t answer_request(struct attesting *a, struct span body, struct trail *trail,
                            struct service_answer *ret)
{
    err_t err = azureguest_parse(a->call->arena, body, trail, &a->evidence);

    if (err) {
        return err;
    }
    a->trust = service_trust(a->service);
    a->knowledge = service_knowledge(a->service);
    err = attest(a, body, trail, ret);
    appraisal_done(a->appraisal);
    trust_free(a->trust);
    knowledge_free(a->knowledge);
    return err;
}

void service_attest_azureguest(struct service *service, const struct provider *provider,
                               const struct service_call *call, struct span body,
                               struct service_answer *ret)
{
    struct attesting *a = arena_calloc(call->arena, 1, sizeof(*a));
    struct trail trail = {0};
    struct service_answer answer = {0};
    err_t err;

    if (a == NULL) {
        answer_error(call, ret, ERR_MEMORY, NULL);
        return;
    }
    if (answer_damaged_policy(call, provider, ATTEST_AZUREGUEST, ret)) {
        return;
    }
    a->service = service;
    a->provider = provider;
    a->call = call;
    claims_init(&a->claims, call->arena);
    err = answer_request(a, body, &trail, &answer);
    if (err) {
        answer = (struct service_answer){0};
        answer_error(call, &answer, err, &trail);
    }
    *ret = answer;
}
