#include "agent/enroll.h"

#include "agent/akcert.h"
#include "agent/settings.h"
#include "agent/show.h"
#include "base/codec.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "crypto/cert.h"
#include "tpm/tpm.h"

#define JOIN_PREFIX "bootwarden join 1:" /* docs/formats/guest-api.md */
enum { JOIN_PCRS = 1 << 7, NONCE_MAX = 64 };
enum { MACHINE_ID_MAX = 64, TOKEN_MAX = 4096, CREDENTIAL_MAX = 1024, CAS_MAX = 8 };

struct activation {
    struct span certificate;
    struct cert_store *authorities;
};

/* NULL when the bytes are no certificate for the AK. */
static struct cert *ak_certificate(const struct agent *agent, struct span der)
{
    return akcert_for_key(der, agent->ak.public_area);
}

bool enroll_has_certificate(const struct agent *agent, int64_t now)
{
    CLEANUP(cert_free) struct cert *cert = ak_certificate(agent, agent->ak.certificate);

    return cert != NULL && akcert_is_valid(cert, now, 0);
}

static err_t no_memory(struct agent *agent)
{
    return fault_set(&agent->fault, EXIT_INTERNAL, ERR_MEMORY, "out of memory");
}

/* An answer of the service that is not what guest-api.md says. */
static err_t bad_answer(struct agent *agent, const struct trail *trail)
{
    return fault_set(&agent->fault, EXIT_SERVICE, ERR_REFUSED,
                     "%s answered something unexpected: %s%s%s",
                     remote_address(&agent->remote, CALL_JOIN), trail->where,
                     trail->where[0] != '\0' ? ": " : "", trail->what);
}

/* As on Azure: the AK has a certificate that is not ours, and the TPM none for its EK. Then the
 * certificate's issuer vouches for the key, and a quote shows that it is here. */
static bool is_certified(const struct agent *agent)
{
    return agent->ek.certificate.len == 0 && !agent->is_certificate_unknown &&
           enroll_has_certificate(agent, timestamp_now());
}

static err_t need_ek(struct agent *agent)
{
    struct trail trail = {0};
    err_t err =
        agent->has_ek ? ERR_OK : tpmdev_ek_find(agent->tpm, agent->arena, &trail, &agent->ek);

    if (err == ERR_NOT_FOUND) {
        /* Nobody vouches for this TPM: an owner has to know its key by the digest. */
        trail = (struct trail){0};
        err = tpmdev_ek_uncertified(agent->tpm, agent->arena, &trail, &agent->ek);
    }
    if (err) {
        return fault_from_tpm(&agent->fault, err, &trail);
    }
    agent->has_ek = true;
    return ERR_OK;
}

static void add_base64(struct agent *agent, yyjson_mut_doc *doc, yyjson_mut_val *object,
                       const char *name, struct span bytes)
{
    json_add_text(doc, object, name, base64_dup(agent->arena, BASE64_STANDARD, bytes));
}

static struct span join_body(struct agent *agent, yyjson_mut_doc *doc)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_val *chain;
    const char *token = settings_join_token(agent->arena, agent->options);

    if (agent->ek.certificate.len > 0) {
        add_base64(agent, doc, root, "ekCertificate", agent->ek.certificate);
    }
    if (token != NULL) {
        json_add_text(doc, root, "joinToken", token);
    }
    if (is_certified(agent)) {
        add_base64(agent, doc, root, "akCertificate", agent->ak.certificate);
    } else {
        add_base64(agent, doc, root, "ekPublic", agent->ek.public_area);
    }
    add_base64(agent, doc, root, "akPublic", agent->ak.public_area);
    if (agent->options->name != NULL) {
        json_add_text(doc, root, "name", agent->options->name);
    }
    if (agent->ek.n_chain > 0) {
        chain = json_add_array(doc, root, "intermediates");
        for (size_t i = 0; i < agent->ek.n_chain; i++) {
            yyjson_mut_arr_append(chain,
                                  yyjson_mut_strcpy(doc, base64_dup(agent->arena, BASE64_STANDARD,
                                                                    agent->ek.chain[i])));
        }
    }
    return json_write(agent->arena, doc, root, false);
}

/* Ask for a challenge to the AK, by `join` or `session`. */
static err_t ask(struct agent *agent, enum remote_call call, struct answer *ret)
{
    yyjson_mut_doc *doc = json_new(agent->arena);
    struct span body = {0};

    if (doc != NULL && call == CALL_JOIN) {
        body = join_body(agent, doc);
    } else if (doc != NULL) {
        yyjson_mut_val *root = yyjson_mut_obj(doc);

        add_base64(agent, doc, root, "akPublic", agent->ak.public_area);
        body = json_write(agent->arena, doc, root, false);
    }
    if (body.data == NULL) {
        return no_memory(agent);
    }
    return remote_call(&agent->remote, call, NULL, body, agent->arena, &agent->fault, ret);
}

/* The text member as a C string in the arena. */
static err_t need_word(struct agent *agent, yyjson_val *body, const char *name, size_t max,
                       struct trail *trail, const char **ret)
{
    struct span text = {0};
    err_t err = json_need_string(body, name, trail, &text);

    if (err == ERR_OK && (text.len == 0 || text.len > max)) {
        err = trail_set(trail, ERR_VALUE, "has %zu characters, not 1 to %zu", text.len, max);
        trail_in(trail, err, name);
    }
    if (err) {
        return err;
    }
    *ret = text_escape_dup(agent->arena, text, max);
    return ERR_OK;
}

/* The TPM opens the credential; the service compares. */
static err_t open_credential(struct agent *agent, yyjson_val *challenge, yyjson_mut_doc *doc,
                             yyjson_mut_val *root)
{
    CLEANUP(buf_done) struct buf secret = {0};
    struct span blob = {0}, wrapped = {0};
    struct trail trail = {0};
    err_t err;

    buf_init_secret(&secret, HASH_MAX_BYTES);
    err =
        json_need_base64(agent->arena, challenge, "credentialBlob", BASE64_STANDARD, &trail, &blob);
    err = err ? err
              : json_need_base64(agent->arena, challenge, "encryptedSecret", BASE64_STANDARD,
                                 &trail, &wrapped);
    if (err) {
        return bad_answer(agent, &trail);
    }
    err = tpmdev_ek_activate(agent->tpm, &agent->ek, blob, wrapped, &trail, &secret);
    if (err) {
        return fault_from_tpm(&agent->fault, err, &trail);
    }
    add_base64(agent, doc, root, "secret", buf_span(&secret));
    return ERR_OK;
}

/* A quote over the nonce, which nothing but joining takes. */
static err_t quote_nonce(struct agent *agent, struct span nonce, yyjson_mut_doc *doc,
                         yyjson_mut_val *root)
{
    CLEANUP(buf_done) struct buf bytes = {0};
    struct tpmdev_quote quote = {0};
    struct trail trail = {0};
    uint8_t data[SHA256_BYTES];
    err_t err;

    buf_init(&bytes, sizeof(JOIN_PREFIX) + NONCE_MAX);
    buf_add_str(&bytes, JOIN_PREFIX);
    buf_add(&bytes, nonce);
    err = buf_err(&bytes);
    err = err ? err : hash_once(HASH_SHA256, buf_span(&bytes), data);
    err = err ? err
              : tpmdev_quote(agent->tpm, JOIN_PCRS, span_of(data, sizeof(data)), agent->arena,
                             &trail, &quote);
    if (err) {
        return fault_from_tpm(&agent->fault, err, &trail);
    }
    add_base64(agent, doc, root, "quote", quote.attest);
    add_base64(agent, doc, root, "signature", quote.signature);
    return ERR_OK;
}

static err_t answer_challenge(struct agent *agent, yyjson_val *challenge, struct answer *ret)
{
    struct span session = {0}, nonce = {0}, body;
    struct trail trail = {0};
    yyjson_mut_doc *doc = json_new(agent->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    bool has_nonce = json_get(challenge, "nonce") != NULL;
    err_t err = json_need_string(challenge, "session", &trail, &session);

    if (err == ERR_OK && has_nonce) {
        err = json_need_base64(agent->arena, challenge, "nonce", BASE64_STANDARD, &trail, &nonce);
    }
    if (err == ERR_OK && nonce.len > NONCE_MAX) {
        err = trail_set(&trail, ERR_TOO_LARGE, "the nonce is too long");
    }
    if (err) {
        return bad_answer(agent, &trail);
    }
    if (root == NULL) {
        return no_memory(agent);
    }
    json_add_span(doc, root, "session", session);
    err = has_nonce ? quote_nonce(agent, nonce, doc, root)
                    : open_credential(agent, challenge, doc, root);
    if (err) {
        return err;
    }
    body = json_write(agent->arena, doc, root, false);
    return body.data == NULL ? no_memory(agent)
                             : remote_call(&agent->remote, CALL_ACTIVATE, NULL, body, agent->arena,
                                           &agent->fault, ret);
}

static err_t read_authorities(struct agent *agent, yyjson_val *body, struct trail *trail,
                              struct cert_store *store)
{
    yyjson_val *list = NULL, *item;
    size_t i, max;
    err_t err = json_need_array(body, "caCertificates", trail, &list);

    if (err == ERR_OK && yyjson_arr_size(list) > CAS_MAX) {
        err = trail_set(trail, ERR_TOO_MANY, "more than %d caCertificates", CAS_MAX);
    }
    if (err) {
        return err;
    }
    yyjson_arr_foreach(list, i, max, item)
    {
        CLEANUP(cert_free) struct cert *cert = NULL;
        struct span der = {0};

        err = base64_decode(agent->arena, BASE64_STANDARD, json_span(item), &der);
        err = err ? err : cert_new_der(der, trail, &cert);
        err = err ? err : cert_store_add(store, cert);
        if (err) {
            return trail_in(trail, err, "caCertificates");
        }
    }
    return ERR_OK;
}

/* Whether what the TPM holds serves on, or the new certificate must replace it. */
static bool keeps_certificate(struct agent *agent, const struct cert_store *authorities)
{
    CLEANUP(cert_free) struct cert *held = ak_certificate(agent, agent->ak.certificate);
    int64_t now = timestamp_now();

    return held != NULL && akcert_is_valid(held, now, AKCERT_RENEW_BEFORE_S) &&
           cert_verify(held, NULL, authorities, CERT_ROLE_AK, now, false, NULL) == ERR_OK;
}

static err_t store_certificate(struct agent *agent, struct span der)
{
    CLEANUP(cert_free) struct cert *cert = ak_certificate(agent, der);
    struct trail trail = {0};
    err_t err;

    if (cert == NULL) {
        return fault_set(&agent->fault, EXIT_SERVICE, ERR_MISMATCH,
                         "%s sent an AK certificate that is not for the key of this TPM",
                         remote_address(&agent->remote, CALL_JOIN));
    }
    err = tpmdev_ak_store_certificate(agent->tpm, der, &trail);
    if (err) {
        return fault_from_tpm(&agent->fault, err, &trail);
    }
    agent->ak.certificate = der;
    return ERR_OK;
}

static err_t take_activation(struct agent *agent, yyjson_val *body)
{
    CLEANUP(cert_store_free) struct cert_store *authorities = cert_store_new();
    struct trail trail = {0};
    struct span der = {0};
    err_t err;

    if (authorities == NULL) {
        return no_memory(agent);
    }
    err = need_word(agent, body, "machineId", MACHINE_ID_MAX, &trail, &agent->machine_id);
    err = err ? err : need_word(agent, body, "name", MACHINE_ID_MAX, &trail, &agent->machine_name);
    err = err ? err
              : need_word(agent, body, "sessionToken", TOKEN_MAX, &trail, &agent->session_token);
    if (err == ERR_OK && yyjson_is_true(json_get(body, "joinTokenUnused"))) {
        show_warning("the join token was not used: this TPM is the machine '%s' already, and the "
                     "token is for another one. When this is the guest that it was made for, its "
                     "owner runs: bootwarden vm remove %s; then it joins with the token",
                     agent->machine_name, agent->machine_name);
    }
    if (err == ERR_OK && json_get(body, "akCertificate") == NULL) {
        return ERR_OK; /* it has one already, of somebody else's */
    }
    err =
        err ? err
            : json_need_base64(agent->arena, body, "akCertificate", BASE64_STANDARD, &trail, &der);
    err = err ? err : read_authorities(agent, body, &trail, authorities);
    if (err) {
        agent->session_token = NULL;
        return bad_answer(agent, &trail);
    }
    return keeps_certificate(agent, authorities) ? ERR_OK : store_certificate(agent, der);
}

/* Behind a refusal: a token that was not there to be sent may be all that is missing. */
static void say_no_token(struct agent *agent)
{
    const char *why = settings_no_token(agent->arena, agent->options);
    const char *words =
        why == NULL ? NULL : arena_printf(agent->arena, "No join token was sent: %.192s", why);

    if (words != NULL) {
        fault_add_remedy(&agent->fault, words);
    }
}

static err_t refused(struct agent *agent, enum remote_call call, enum remote_call began_with,
                     const struct answer *answer)
{
    err_t err = remote_refused(&agent->remote, call, answer, &agent->fault);

    if (began_with == CALL_JOIN && !agent->fault.is_temporary) {
        say_no_token(agent);
    }
    return err;
}

/* Proven, and no machine yet: an owner decides. */
static err_t waits(struct agent *agent, const struct answer *activated)
{
    struct trail trail = {0};
    const char *digest = NULL;
    char remedy[256];
    err_t err =
        need_word(agent, activated->body, "ekDigest", (size_t)2 * HASH_MAX_BYTES, &trail, &digest);

    if (err) {
        return bad_answer(agent, &trail);
    }
    agent->is_waiting = true;
    fault_set(&agent->fault, EXIT_NO, ERR_REFUSED,
              "This machine waits for an owner: %s knows its TPM and has not been told to let it "
              "in. Endorsement key %s",
              remote_address(&agent->remote, CALL_ACTIVATE), digest);
    snprintf(remedy, sizeof(remedy), "The owner runs: bootwarden vm admit %s%s", digest,
             agent->ek.certificate.len > 0
                 ? ""
                 : " (nobody vouches for this TPM: compare the digest with the hypervisor's)");
    fault_add_remedy(&agent->fault, remedy);
    say_no_token(agent);
    agent->fault.retry_after_s = activated->retry_after_s;
    return ERR_REFUSED;
}

/* Who is a machine already shows its token all the same: whether that is good for another one is
 * said then, and an owner who gave it hears why nothing came of it. It changes nothing else, so a
 * refusal does not count. */
static bool is_token_taken(struct agent *agent, struct answer *challenge)
{
    struct answer answer = {0};

    if (settings_join_token(agent->arena, agent->options) == NULL ||
        ask(agent, CALL_JOIN, &answer) != ERR_OK || answer.status != 200) {
        agent->fault = (struct fault){0};
        return false;
    }
    *challenge = answer;
    return true;
}

err_t enroll_session(struct agent *agent, bool must_join)
{
    struct answer challenge = {0}, activated = {0};
    enum remote_call call = CALL_JOIN;
    err_t err = agent_need_tpm(agent);
    bool is_machine, has_asked;

    err = err ? err : need_ek(agent);
    is_machine = err == ERR_OK && !must_join && enroll_has_certificate(agent, timestamp_now());
    has_asked = is_machine && is_token_taken(agent, &challenge);
    if (is_machine && !has_asked) {
        call = CALL_SESSION;
        err = ask(agent, call, &challenge);
        if (err == ERR_OK && challenge.status == 404) {
            call = CALL_JOIN; /* the service has lost its records, or this is another one */
        }
    }
    if (err == ERR_OK && call == CALL_JOIN && !has_asked) {
        bool is_by_certificate = is_certified(agent);

        err = ask(agent, call, &challenge);
        if (err == ERR_OK && challenge.status == 403 && is_by_certificate) {
            agent->is_certificate_unknown = true; /* of a service from before, perhaps */
            err = ask(agent, call, &challenge);
        }
    }
    if (err) {
        return err;
    }
    if (challenge.status != 200) {
        return refused(agent, call, call, &challenge);
    }
    err = answer_challenge(agent, challenge.body, &activated);
    if (err) {
        return err;
    }
    if (activated.status == 202) {
        return waits(agent, &activated);
    }
    if (activated.status != 200) {
        return refused(agent, CALL_ACTIVATE, call, &activated);
    }
    err = take_activation(agent, activated.body);
    agent->has_enrolled |= err == ERR_OK && call == CALL_JOIN;
    return err;
}

static err_t enroll_round(struct agent *agent, void *context)
{
    (void)context;
    return enroll_session(agent, true);
}

enum agent_exit enroll_run(struct agent *agent)
{
    err_t err = agent_repeat(agent, enroll_round, NULL);

    if (err) {
        return show_fault(agent);
    }
    return show_enrolled(agent);
}
