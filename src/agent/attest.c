#include "agent/attest.h"

#include "agent/enroll.h"
#include "agent/reply.h"
#include "agent/request.h"
#include "agent/show.h"
#include "base/codec.h"
#include "base/timestamp.h"
#include "evidence/azureguest.h"
#include "guest/running.h"

#include <string.h>

static err_t tpm_fault(struct agent *agent, err_t err, const struct trail *trail)
{
    return fault_from_tpm(&agent->fault, err, trail);
}

/* A session when our own form needs one; in Azure's form only a certificate for the AK. */
static err_t prepare(struct agent *agent)
{
    if (agent->options->never_joins && !enroll_has_certificate(agent, timestamp_now())) {
        fault_set(&agent->fault, EXIT_INTERNAL, ERR_NOT_FOUND,
                  "No attestation key certificate: NV index 0x01c101d0 of the TPM. It holds none "
                  "that is valid and for the key at 0x81000003; Azure puts it there. Use a virtual "
                  "machine with Trusted Launch, or restart it.");
        agent->fault.is_tpm = true;
        return ERR_NOT_FOUND;
    }
    if (agent->options->is_azure) {
        return enroll_has_certificate(agent, timestamp_now()) ? ERR_OK
                                                              : enroll_session(agent, true);
    }
    return agent->session_token != NULL ? ERR_OK : enroll_session(agent, false);
}

static err_t get_context(struct agent *agent, struct span *ret)
{
    struct answer answer = {0};
    struct trail trail = {0};
    struct span context = {0};
    err_t err = remote_call(&agent->remote, CALL_CHALLENGE, agent->session_token, span_str("{}"),
                            agent->arena, &agent->fault, &answer);

    if (err) {
        return err;
    }
    if (answer.status != 200) {
        if (answer.status == 401) {
            agent->session_token = NULL; /* expired, or the service restarted: begin again */
        }
        err = remote_refused(&agent->remote, CALL_CHALLENGE, &answer, &agent->fault);
        agent->fault.is_temporary |= answer.status == 401;
        return err;
    }
    err = json_need_base64(agent->arena, answer.body, "context", BASE64_URL_LENIENT, &trail,
                           &context);
    if (err || context.len == 0 || context.len > AZUREGUEST_CONTEXT_MAX) {
        return fault_set(&agent->fault, EXIT_SERVICE, ERR_REFUSED,
                         "%s sent a challenge that is none (1 to %d bytes of base64url)",
                         remote_address(&agent->remote, CALL_CHALLENGE), AZUREGUEST_CONTEXT_MAX);
    }
    *ret = context;
    return ERR_OK;
}

/* What one proof is made of. */
struct proof {
    struct guest_os os;
    struct span facts; /* GuestFacts; empty in Azure's form */
    struct span context;
    struct span event_log;
    struct span ima_log;
    struct tpmdev_quote quote;
    struct tpmdev_enckey enckey;
};

static void proof_done(struct proof *proof)
{
    tpmdev_enckey_done(&proof->enckey);
}
DEFINE_CLEANUP_DONE(struct proof, proof_done)

/* The kernel's IMA log belongs to the kernel's event log; beside a given one it must be given. */
static err_t read_ima(struct agent *agent, struct proof *proof, bool *ret_is_too_large)
{
    const struct agent_options *options = agent->options;
    struct trail trail = {0};
    err_t err = ERR_OK;

    *ret_is_too_large = false;
    proof->ima_log = (struct span){0};
    if (!options->is_azure && (options->ima_log != NULL || options->event_log == NULL)) {
        err = guest_ima_log(agent->arena, options->ima_log, &trail, &proof->ima_log,
                            ret_is_too_large);
    }
    return err ? fault_from(&agent->fault, EXIT_INTERNAL, err, &trail) : ERR_OK;
}

static err_t quote(struct agent *agent, struct proof *proof, uint32_t mask)
{
    uint8_t extra[SHA256_BYTES];
    struct span extra_data = {0};
    struct trail trail = {0};
    err_t err = ERR_OK;

    if (!agent->options->is_azure) {
        err = azureguest_expected_nonce(proof->context, proof->facts, extra);
        extra_data = span_of(extra, sizeof(extra));
    }
    err =
        err ? err : tpmdev_quote(agent->tpm, mask, extra_data, agent->arena, &trail, &proof->quote);
    return err ? tpm_fault(agent, err, &trail) : ERR_OK;
}

/* Quote first, then read the IMA log: what it lists beyond the quote does no harm, what the quote
 * holds beyond the log would. Without a log PCR 10 is not quoted at all. */
static err_t quote_with_ima(struct agent *agent, struct proof *proof)
{
    uint32_t mask = agent->options->is_azure ? REQUEST_PCRS_AZURE : REQUEST_PCRS_OWN;
    bool is_too_large = false;
    err_t err = read_ima(agent, proof, &is_too_large);

    if (err == ERR_OK && proof->ima_log.len > 0) {
        err = quote(agent, proof, mask | REQUEST_PCR_IMA);
        err = err ? err : read_ima(agent, proof, &is_too_large);
        if (err || proof->ima_log.len > 0) {
            return err;
        }
    }
    if (is_too_large) {
        show_warning("the IMA log is larger than %d bytes and stays out, with PCR 10",
                     GUEST_IMA_LOG_MAX);
    }
    return err ? err : quote(agent, proof, mask);
}

/* Before anything is asked of the service: a file that was named wrongly is told at once. */
static err_t read_logs(struct agent *agent, struct proof *proof)
{
    struct trail trail = {0};
    bool is_too_large;
    err_t err = guest_event_log(agent->arena, agent->options->event_log, &trail, &proof->event_log);

    if (err) {
        return fault_from(&agent->fault, EXIT_INTERNAL, err, &trail);
    }
    return read_ima(agent, proof, &is_too_large);
}

/* What this machine says of itself. Azure's form has no place for most of it. */
static err_t read_guest(struct agent *agent, struct proof *proof)
{
    struct guest_facts facts = {0};
    err_t err = ERR_OK;

    guest_os_read(agent->arena, &proof->os);
    if (!agent->options->is_azure) {
        err = guest_facts_read(agent->arena, &facts);
        err = err ? err
                  : running_facts(agent->arena, &proof->os, &facts, agent->modules, &proof->facts);
    }
    return err ? fault_set(&agent->fault, EXIT_INTERNAL, err,
                           "collecting facts of this machine: %s", err_text(err))
               : ERR_OK;
}

static err_t collect(struct agent *agent, struct proof *proof)
{
    struct trail trail = {0};
    err_t err = read_guest(agent, proof);

    if (err == ERR_OK && !agent->options->is_azure) {
        err = get_context(agent, &proof->context);
    }
    err = err ? err : quote_with_ima(agent, proof);
    if (err) {
        return err;
    }
    err = tpmdev_enckey_make(agent->tpm, &proof->quote, agent->arena, &trail, &proof->enckey);
    return err ? tpm_fault(agent, err, &trail) : ERR_OK;
}

static err_t send(struct agent *agent, const struct proof *proof, struct answer *ret)
{
    struct request request = {.ak = &agent->ak,
                              .quote = &proof->quote,
                              .enckey = &proof->enckey,
                              .os = &proof->os,
                              .event_log = proof->event_log,
                              .facts = proof->facts,
                              .context = proof->context,
                              .ima_log = proof->ima_log};
    struct span body = {0};
    err_t err = request_build(agent->arena, &request, &body);

    if (err) {
        return fault_set(&agent->fault, EXIT_INTERNAL, err, "building the request: %s",
                         err_text(err));
    }
    return remote_call(&agent->remote, CALL_ATTEST, NULL, body, agent->arena, &agent->fault, ret);
}

static err_t open_reply(struct agent *agent, struct proof *proof, struct span body,
                        struct span *ret_jwt)
{
    struct trail trail = {0};
    err_t err = reply_open(&proof->enckey, agent->arena, body, &trail, ret_jwt);

    if (err && err_category(err) == ERR_CAT_INPUT) {
        char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 64];

        trail_format(&trail, err, words, sizeof(words));
        return fault_set(&agent->fault, EXIT_SERVICE, ERR_REFUSED,
                         "%s answered with a sealed token that is none: %s",
                         remote_address(&agent->remote, CALL_ATTEST), words);
    }
    if (err) {
        /* What was sealed to another key, or altered, is the service's doing, or of whoever stands
         * between; the TPM is well. */
        if (err == ERR_SIGNATURE) {
            fault_from(&agent->fault, EXIT_SERVICE, err, &trail);
        } else {
            tpm_fault(agent, err, &trail);
        }
        /* Azure's client begins again for any of these: the PCRs may just have changed. */
        agent->fault.is_temporary |= err == ERR_MISMATCH || err == ERR_SIGNATURE;
    }
    return err;
}

static err_t attest_once(struct agent *agent, struct attest_result *result)
{
    CLEANUP(proof_done) struct proof proof = {0};
    struct answer answer = {0};
    err_t err = read_logs(agent, &proof);

    err = err ? err : agent_need_tpm(agent);
    err = err ? err : prepare(agent);
    err = err ? err : collect(agent, &proof);
    err = err ? err : send(agent, &proof, &answer);
    if (err) {
        return err;
    }
    result->is_log_missing = proof.event_log.len == 0;
    if (answer.status == 400) {
        result->is_refused = true;
        result->refusal = answer;
        return ERR_OK;
    }
    if (answer.status != 200) {
        return remote_refused(&agent->remote, CALL_ATTEST, &answer, &agent->fault);
    }
    return open_reply(agent, &proof, answer.bytes, &result->jwt);
}

err_t attest_round(struct agent *agent, struct attest_result *result)
{
    err_t err;

    *result = (struct attest_result){0};
    err = attest_once(agent, result);
    if (err == ERR_OK && result->is_refused && !agent->has_rejoined && !agent->options->is_azure &&
        strstr(result->refusal.message, "ak-untrusted") != NULL) {
        /* The certificate in the TPM is by a CA that this service does not know. */
        agent->has_rejoined = true;
        err = enroll_session(agent, true);
        *result = (struct attest_result){0};
        err = err ? err : attest_once(agent, result);
    }
    return err;
}

static err_t repeat_round(struct agent *agent, void *context)
{
    return attest_round(agent, context);
}

enum agent_exit attest_run(struct agent *agent)
{
    struct attest_result result = {0};
    err_t err = agent_repeat(agent, repeat_round, &result);

    if (err) {
        return show_fault(agent);
    }
    return result.is_refused ? show_refusal(agent, &result) : show_token(agent, &result);
}
