/*
 * attest-tpm.c - POST /attest/Tpm: a challenge, then a report on what was proven for it.
 *
 *     body → message ─ init ──→ challenge, context (a ticket: nothing is kept)
 *               └─ request → context → appraisal → claims → policy → report
 *
 * Who may send these bytes: whoever may read at the provider, or anybody where it asks for no
 * credential. Judging is the policy's business here: the type has no default, so an owner wrote it.
 */
#include "service/internal.h"

#include "appraise/appraise.h"
#include "base/codec.h"
#include "claims/claims.h"
#include "evidence/tpm-message.h"
#include "token/token.h"

struct reporting {
    struct service *service;
    const struct provider *provider;
    const struct service_call *call;
    struct evidence *evidence;
    struct ticket context;
    struct trust *trust;
    struct knowledge *knowledge; /* NULL: the service has none */
    bool is_own_certificate;     /* says who issued it */
    bool has_record;             /* our certificate names a machine whose record is active */
    struct store_machine machine;
    struct tpm_name ak_name; /* of that record */
    struct appraisal *appraisal;
};

static const struct provider_policy *tpm_policy(const struct reporting *r)
{
    return &r->provider->policies[ATTEST_TPM];
}

/* ---- the first exchange ---- */

/* Whom a context is of: another provider made later under the name is somebody else. */
static const char *context_owner(const struct reporting *r)
{
    return arena_printf(r->call->arena, "%s/%lld", r->provider->name,
                        (long long)r->provider->created);
}

/* The ticket's own random name is the challenge: what the context is for, it names itself. */
static err_t make_challenge(const struct reporting *r, struct span *ret_body)
{
    struct arena *arena = r->call->arena;
    const char *owner = context_owner(r);
    struct span sealed = {0};
    struct ticket ticket = {0};
    err_t err = owner == NULL
                    ? ERR_MEMORY
                    : ticket_seal(arena, service_secret(r->service), TICKET_TPM,
                                  r->call->now + SERVICE_CHALLENGE_S, span_str(owner), &sealed);

    err = err ? err : ticket_open(arena, service_secret(r->service), TICKET_TPM, sealed, &ticket);
    return err ? err
               : tpm_challenge_write(arena, span_of(ticket.id, sizeof(ticket.id)), sealed,
                                     ret_body);
}

/* ---- the second ---- */

enum context_state { CONTEXT_GOOD, CONTEXT_FOREIGN, CONTEXT_EXPIRED, CONTEXT_USED };

/* ours, for this provider, in time, not used before. */
static err_t open_context(struct reporting *r, struct trail *trail, enum context_state *ret)
{
    bool was_used = false;
    const char *owner = context_owner(r);
    err_t err = owner == NULL ? ERR_MEMORY
                              : ticket_open(r->call->arena, service_secret(r->service), TICKET_TPM,
                                            r->evidence->tpm->service_context, &r->context);

    if (err == ERR_SIGNATURE || (err == ERR_OK && !span_is(r->context.payload, owner))) {
        *ret = CONTEXT_FOREIGN;
        return ERR_OK;
    }
    if (err) {
        return err;
    }
    if (r->call->now >= r->context.expires) {
        *ret = CONTEXT_EXPIRED;
        return ERR_OK;
    }
    err = store_was_used(r->service->store, span_of(r->context.id, sizeof(r->context.id)), trail,
                         &was_used);
    *ret = was_used ? CONTEXT_USED : CONTEXT_GOOD;
    return err;
}

static void refuse_context(const struct service_call *call, enum context_state state,
                           struct service_answer *ret)
{
    static const struct {
        const char *code, *words;
    } words[] = {
        [CONTEXT_FOREIGN] = {"nonce", "the service_context was not issued by this provider: begin "
                                      "with {\"type\":\"aikcert\"}"},
        [CONTEXT_EXPIRED] = {"challenge-expired", "the challenge has expired: it was good for 300 "
                                                  "seconds"},
        [CONTEXT_USED] = {"challenge-reused", "the challenge was used before: each is good for one "
                                              "report"},
    };

    answer_refuse(call, ret, 400, "InvalidParameter", "not-verified: %s: %s", words[state].code,
                  words[state].words);
    ret->note =
        arena_printf(call->arena, "type=Tpm verdict=not-verified reasons=%s", words[state].code);
}

/* The request names no machine but by a certificate of ours. That one may be of an earlier key of
 * the machine: the record is what counts (AK-6), and it counts for its own key alone. */
static err_t find_record(struct reporting *r, struct trail *trail)
{
    CLEANUP(cert_free) struct cert *cert = NULL;
    struct arena *arena = r->call->arena;
    const char *id;
    err_t err;

    if (r->evidence->n_aks == 0 || r->evidence->aks[0].certificate.bytes.len == 0 ||
        cert_new_der(r->evidence->aks[0].certificate.bytes, NULL, &cert) != ERR_OK ||
        !guest_ca_is_named(r->service->guest_ca, arena, cert)) {
        return ERR_OK;
    }
    r->is_own_certificate = true;
    id = cert_common_name(cert, arena);
    id = arena_printf(arena, "%.*s", (int)strcspn(id, "."), id);
    if (id == NULL) {
        return ERR_MEMORY;
    }
    err = store_machine_by_id(r->service->store, id, trail, &r->machine);
    if (err) {
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    r->has_record = r->machine.is_active && r->machine.ak_name_len > 0;
    if (r->has_record) {
        memcpy(r->ak_name.bytes, r->machine.ak_name, r->machine.ak_name_len);
        r->ak_name.len = r->machine.ak_name_len;
    }
    return ERR_OK;
}

/* Was the proof made by the key of the record? */
static bool is_of_machine(const struct reporting *r)
{
    return r->has_record && r->appraisal->n_aks > 0 &&
           r->appraisal->aks[r->appraisal->main_ak].proof == AK_PROOF_ENROLLED;
}

/* AK-7, whoever else vouches for the key. */
static err_t refuse_disabled(struct reporting *r, struct trail *trail)
{
    const struct appraised_ak *ak = &r->appraisal->aks[r->appraisal->main_ak];
    struct store_machine machine = {0};
    bool has_quote = r->appraisal->n_quotes > 0 && r->appraisal->quotes[0].is_verified;
    bool is_disabled = r->is_own_certificate && r->machine.id[0] != '\0' && !r->machine.is_active;
    err_t err = ERR_NOT_FOUND;

    /* What became of a machine is said to who has its key. */
    if (!has_quote || r->appraisal->n_aks == 0) {
        return ERR_OK;
    }
    is_disabled = is_disabled && ak->is_certificate_valid;
    if (ak->name.len > 0) {
        err = store_machine_by_ak(r->service->store, tpm_name_span(&ak->name), trail, &machine);
    }
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        return err;
    }
    if (is_disabled || (err == ERR_OK && !machine.is_active)) {
        appraisal_add_reason(r->appraisal, REASON_AK_UNTRUSTED, "AK-7", ak->label,
                             "the machine of this attestation key was disabled by an operator, who "
                             "lets it in again with: bootwarden vm enable NAME");
    }
    return ERR_OK;
}

static err_t judge(struct reporting *r, struct trail *trail)
{
    const struct appraise_trust trust = {
        .ek = r->trust->ek,
        .ak = r->trust->ak,
        .ak_enrolled = r->trust->ak_own,
        .enrolled_aks = r->has_record ? &r->ak_name : NULL,
        .n_enrolled_aks = r->has_record ? 1 : 0,
        .db_certificates = r->trust->db.der,
        .n_db_certificates = r->trust->db.n,
    };
    struct appraise_options options = {
        .now = r->call->now,
        .has_nonce = true,
        .nonce = span_of(r->context.id, sizeof(r->context.id)),
        .required_pcrs = tpm_policy(r)->required_pcr_mask,
        .has_pcr_mask = true,
        .waives_ak_certificate = tpm_policy(r)->waives_ak_certificate,
    };

    err_t err;

    knowledge_into(r->knowledge, &options);
    err = appraise(r->call->arena, r->evidence, &trust, &options, r->call->hasher, &r->appraisal);
    if (err == ERR_OK && r->is_own_certificate && !is_of_machine(r)) {
        /* Which CA to trust is not the question here. */
        appraisal_reword(r->appraisal, REASON_AK_UNTRUSTED, r->evidence->aks[0].certificate.where,
                         "this server issued the attestation key's certificate, which counts only "
                         "while the machine's record is active and has this key",
                         "See bootwarden-server machine list.");
    }
    return err ? err : refuse_disabled(r, trail);
}

/* ---- the report ---- */

static err_t write_report(const struct reporting *r, const struct policy_result *decision,
                          struct trail *trail, struct span *ret_body)
{
    struct arena *arena = r->call->arena;
    const struct evidence_tpm *tpm = r->evidence->tpm;
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root =
        doc == NULL ? NULL
                    : token_claims(doc, r->provider->uri, r->call->now,
                                   (int64_t)decision->properties.report_validity_in_minutes * 60);
    char *jti = arena_alloc(arena, TOKEN_JTI_SIZE);
    struct span token = {0};
    err_t err = root == NULL || jti == NULL ? ERR_MEMORY : token_jti(jti);

    if (err) {
        return err;
    }
    json_add_text(doc, root, "jti", jti);
    json_add_text(doc, root, "x-ms-attestation-type", "tpm");
    json_add_text(doc, root, "x-ms-policy-hash", tpm_policy(r)->hash);
    json_add_text(doc, root, "x-ms-ver", "1.0");
    if (tpm->has_rp_data) {
        json_add_text(doc, root, "rp_data", base64_dup(arena, BASE64_URL, tpm->rp_data));
    }
    err = policy_signer_add(arena, doc, root, tpm_policy(r));
    if (err) {
        return err;
    }
    claims_to_json(doc, decision->issued, root);
    err = provider_sign(r->provider, arena, r->call->now,
                        decision->properties.omit_x5c ? SIGNER_X5T : SIGNER_X5C, doc, root, trail,
                        &token);
    return err ? err : tpm_report_write(arena, token, ret_body);
}

/* A policy may ask for so little that nothing is known of the boot: that is no health. */
static const char *shown_verdict(const struct reporting *r)
{
    const struct appraisal *a = r->appraisal;
    bool is_whole =
        (a->attested.have[HASH_SHA256] & APPRAISE_REQUIRED_PCRS) == APPRAISE_REQUIRED_PCRS;

    return verdict_name(a->verdict == VERDICT_HEALTHY && !is_whole ? VERDICT_CANNOT_JUDGE
                                                                   : a->verdict);
}

static const char *note(const struct reporting *r, const char *decision)
{
    return arena_printf(r->call->arena, "type=Tpm provider=%s verdict=%s policy=%s%s%s",
                        r->provider->name, shown_verdict(r), decision,
                        is_of_machine(r) ? " machine=" : "", is_of_machine(r) ? r->machine.id : "");
}

static void count(const struct reporting *r)
{
    const char *verdict[] = {shown_verdict(r)};

    metric_add(r->service->verdicts, verdict, 1);
    for (size_t i = 0; i < r->appraisal->n_reasons; i++) {
        const char *reason[] = {reason_name(r->appraisal->reasons[i].code)};

        metric_add(r->service->reasons, reason, 1);
    }
}

/* the challenge is used up by its first proof, whatever the policy says to it. */
static err_t use_challenge(const struct reporting *r, struct trail *trail, bool *ret_is_first)
{
    return store_use_once(r->service->store, span_of(r->context.id, sizeof(r->context.id)),
                          r->context.expires, trail, ret_is_first);
}

static err_t report(struct reporting *r, struct trail *trail, struct service_answer *ret)
{
    struct arena *arena = r->call->arena;
    struct claims *claims = claims_new(arena);
    struct policy_result decision = {0};
    struct slow_turn turn;
    bool is_first = false;
    err_t err = claims == NULL ? ERR_MEMORY : find_record(r, trail);

    err = err ? err : judge(r, trail);
    if (err) {
        return err;
    }
    if (appraisal_is_proven(r->appraisal)) {
        err = claims_tpm(arena, r->call->hasher, r->appraisal, r->evidence, trail, claims);
        if (err != ERR_OK && err != ERR_DENIED) {
            return err;
        }
    }
    if (!appraisal_is_proven(r->appraisal)) {
        count(r);
        answer_reasons(r->call, r->appraisal, "InvalidParameter", NULL, NULL, ret);
        ret->note = note(r, "not-asked");
        return ERR_OK;
    }
    if (!slow_enter(r->provider->slow, &r->service->workers, r->call->now, &turn)) {
        /* The challenge is good still. */
        answer_busy_policy(r->call, r->provider, ret);
        return ERR_OK;
    }
    err = policy_evaluate(arena, tpm_policy(r)->policy, claims, NULL, &decision);
    slow_leave(r->provider->slow, &turn, decision.work, r->call->now);
    if (err == ERR_OK && decision.is_permitted) {
        err = write_report(r, &decision, trail, &ret->body);
    }
    if (err == ERR_OK && arena_is_exhausted(arena)) {
        err = ERR_MEMORY;
    }
    err = err ? err : use_challenge(r, trail, &is_first);
    if (err) {
        return err;
    }
    count(r);
    if (!is_first) {
        ret->body = (struct span){0};
        refuse_context(r->call, CONTEXT_USED, ret);
    } else if (decision.is_permitted) {
        ret->status = 200;
        ret->note = note(r, "permits");
    } else {
        answer_refuse(r->call, ret, 400, "PolicyEvaluationError", "%s",
                      policy_result_message(arena, &decision));
        ret->note = note(r, decision.decision == POLICY_ERROR ? "fails" : "denies");
    }
    return ERR_OK;
}

static err_t answer_request(struct reporting *r, struct span request, struct trail *trail,
                            struct service_answer *ret)
{
    enum context_state state = CONTEXT_GOOD;
    err_t err = tpm_request_parse(r->call->arena, request, trail, &r->evidence);

    err = err ? err : open_context(r, trail, &state);
    if (err) {
        return err;
    }
    if (state != CONTEXT_GOOD) {
        refuse_context(r->call, state, ret);
        return ERR_OK;
    }
    r->trust = service_trust(r->service);
    r->knowledge = service_knowledge(r->service);
    err = report(r, trail, ret);
    appraisal_done(r->appraisal);
    trust_free(r->trust);
    knowledge_free(r->knowledge);
    return err;
}

void service_attest_tpm(struct service *service, const struct provider *provider,
                        const struct service_call *call, struct span body,
                        struct service_answer *ret)
{
    struct reporting *r = arena_calloc(call->arena, 1, sizeof(*r));
    struct tpm_message message = {0};
    struct trail trail = {0};
    struct service_answer answer = {0};
    err_t err;

    if (r == NULL) {
        answer_error(call, ret, ERR_MEMORY, NULL);
        return;
    }
    *r = (struct reporting){.service = service, .provider = provider, .call = call};
    if (answer_damaged_policy(call, provider, ATTEST_TPM, ret)) {
        return;
    }
    if (tpm_policy(r)->policy == NULL) {
        /* The service's own words and code: clients look for them. */
        answer_refuse(call, ret, 400, "Bad request",
                      "A VBS attestation policy has not been set on the attestation provider.");
        return;
    }
    err = tpm_message_parse(call->arena, body, &trail, &message);
    if (err == ERR_OK && message.kind == TPM_MESSAGE_INIT) {
        err = make_challenge(r, &answer.body);
        answer.status = 200;
    } else if (err == ERR_OK) {
        err = answer_request(r, message.request, &trail, &answer);
    }
    if (err) {
        answer = (struct service_answer){0};
        answer_error(call, &answer, err, &trail);
    }
    *ret = answer;
}
