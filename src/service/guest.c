/*
 * guest.c - the guest API (docs/formats/guest-api.md): a guest proves that its attestation key
 * lives in the TPM of its endorsement key, and gets a certificate, a session and challenges.
 *
 * Who may send these bytes: anybody. Until activation nothing is stored (AK-6).
 */
#include "service/guest.h"

#include "base/codec.h"
#include "base/log.h"
#include "crypto/secret.h"
#include "store/joins.h"

#include <stdio.h>

enum { SECRET_BYTES = 32 };

/* ---- the challenge to a TPM: join and session end in it ---- */

/* Everything that activation needs, sealed: EK, AK, the secret's digest, the name. */
static err_t seal_session(struct service *service, const struct service_call *call,
                          const struct guest_pair *pair, const uint8_t digest[SHA256_BYTES],
                          struct span *ret)
{
    CLEANUP(buf_done) struct buf payload = {0};
    err_t err;

    buf_init(&payload, TICKET_PAYLOAD_MAX);
    buf_add(&payload, span_of(digest, SHA256_BYTES));
    buf_tpm2b(&payload, pair->ek_bytes);
    buf_tpm2b(&payload, pair->ak_bytes);
    buf_tpm2b(&payload, span_str(pair->name));
    buf_tpm2b(&payload, span_cut(span_str(pair->maker), 0, STORE_MAKER_MAX));
    buf_tpm2b(&payload, pair->token_digest);
    buf_tpm2b(&payload, span_str(pair->vm_id));
    err = buf_err(&payload);
    return err ? err
               : ticket_seal(call->arena, service_secret(service), TICKET_JOIN,
                             call->now + SERVICE_JOIN_S, buf_span(&payload), ret);
}

static err_t challenge_tpm(struct service *service, const struct service_call *call,
                           const struct guest_pair *pair, struct trail *trail,
                           struct service_answer *ret)
{
    uint8_t secret[SECRET_BYTES], digest[SHA256_BYTES];
    struct span blob = {0}, wrapped = {0}, session = {0};
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    err_t err = root == NULL ? ERR_MEMORY : random_bytes(secret, sizeof(secret));

    err =
        err ? err : hasher_once(call->hasher, HASH_SHA256, span_of(secret, sizeof(secret)), digest);
    if (err == ERR_OK) {
        err = tpm_make_credential(call->arena, &pair->ek_pub, pair->ek, &pair->ak_name,
                                  span_of(secret, sizeof(secret)), &blob, &wrapped);
        if (err && err_category(err) != ERR_CAT_INTERNAL) {
            trail_set(trail, err, "is not an endorsement key that a credential can be made for");
            trail_in(trail, err, "ekPublic");
        }
    }
    explicit_bzero(secret, sizeof(secret));
    err = err ? err : seal_session(service, call, pair, digest, &session);
    if (err) {
        return err;
    }
    json_add_text(doc, root, "session", base64_dup(call->arena, BASE64_URL, session));
    json_add_text(doc, root, "credentialBlob", base64_dup(call->arena, BASE64_STANDARD, blob));
    json_add_text(doc, root, "encryptedSecret", base64_dup(call->arena, BASE64_STANDARD, wrapped));
    json_add_uint(doc, root, "expiresIn", SERVICE_JOIN_S);
    answer_json(call, ret, doc, root);
    return ERR_OK;
}

/* A certified key is asked for a quote over a nonce, which everybody may know. */
static err_t challenge_certified(struct service *service, const struct service_call *call,
                                 const struct guest_pair *pair, struct service_answer *ret)
{
    uint8_t nonce[SECRET_BYTES], data[SHA256_BYTES], digest[SHA256_BYTES];
    struct span session = {0};
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    err_t err = root == NULL ? ERR_MEMORY : random_bytes(nonce, sizeof(nonce));

    err = err ? err : guest_quote_data(call, span_of(nonce, sizeof(nonce)), data);
    err = err ? err : hasher_once(call->hasher, HASH_SHA256, span_of(data, sizeof(data)), digest);
    err = err ? err : seal_session(service, call, pair, digest, &session);
    if (err) {
        return err;
    }
    json_add_text(doc, root, "session", base64_dup(call->arena, BASE64_URL, session));
    json_add_text(doc, root, "nonce",
                  base64_dup(call->arena, BASE64_STANDARD, span_of(nonce, sizeof(nonce))));
    json_add_uint(doc, root, "expiresIn", SERVICE_JOIN_S);
    answer_json(call, ret, doc, root);
    return ERR_OK;
}

/* ---- joining ---- */

static err_t join_certified(struct service *service, const struct service_call *call,
                            yyjson_val *root, struct guest_pair *pair, struct trail *trail,
                            const char **ret_note, struct service_answer *ret)
{
    err_t err = guest_need_public(call, root, "akPublic", trail, &pair->ak_bytes);

    err = err ? err : guest_read_ak(pair, trail);
    err = err ? err : guest_check_certificate(service, call, root, pair, trail);
    err = err ? err : guest_check_conflicts(service, call, pair, false, trail, ret_note);
    return err ? err : challenge_certified(service, call, pair, ret);
}

static err_t join(struct service *service, const struct service_call *call, struct span body,
                  struct trail *trail, const char **ret_note, struct service_answer *ret)
{
    CLEANUP(guest_pair_done) struct guest_pair pair = {.name = "", .maker = "", .vm_id = ""};
    yyjson_val *root = NULL;
    err_t err = guest_read_body(call, body, trail, &root);

    err = err ? err : guest_read_name(call, root, trail, &pair.name);
    err = err ? err : guest_read_token(call, root, trail, &pair.token_digest);
    if (err == ERR_OK && json_get(root, "akCertificate") != NULL &&
        json_get(root, "ekPublic") == NULL) {
        return join_certified(service, call, root, &pair, trail, ret_note, ret);
    }
    err = err ? err : guest_need_public(call, root, "ekPublic", trail, &pair.ek_bytes);
    err = err ? err : guest_need_public(call, root, "akPublic", trail, &pair.ak_bytes);
    err = err ? err : guest_read_ek(call, &pair, trail);
    err = err ? err : guest_read_ak(&pair, trail);
    err = err ? err : guest_check_ek(service, call, root, &pair, trail);
    err = err ? err : guest_check_conflicts(service, call, &pair, false, trail, ret_note);
    return err ? err : challenge_tpm(service, call, &pair, trail, ret);
}

void service_guest_join(struct service *service, const struct service_call *call, struct span body,
                        struct service_answer *ret)
{
    struct trail trail = {0};
    const char *note = NULL;
    err_t err = join(service, call, body, &trail, &note, ret);

    if (err == ERR_UNTRUSTED) {
        answer_refuse(call, ret, 403, "Untrusted", "%s", trail.what);
    } else if (err) {
        answer_error(call, ret, err, &trail);
        ret->note = note != NULL ? note : ret->note;
    }
}

static err_t session(struct service *service, const struct service_call *call, struct span body,
                     struct trail *trail, struct service_answer *ret)
{
    CLEANUP(guest_pair_done) struct guest_pair pair = {.name = "", .maker = "", .vm_id = ""};
    struct store_machine machine;
    yyjson_val *root = NULL;
    err_t err = guest_read_body(call, body, trail, &root);

    err = err ? err : guest_need_public(call, root, "akPublic", trail, &pair.ak_bytes);
    err = err ? err : guest_read_ak(&pair, trail);
    if (err) {
        return err;
    }
    err = store_machine_by_ak(service->store, tpm_name_span(&pair.ak_name), trail, &machine);
    if (err == ERR_NOT_FOUND || (err == ERR_OK && !machine.is_active)) {
        return trail_set(trail, ERR_NOT_FOUND,
                         "no active machine has this attestation key: join first");
    }
    if (err) {
        return err;
    }
    pair.ek_bytes = span_of(machine.ek_public, machine.ek_public_len);
    if (pair.ek_bytes.len == 0) {
        return challenge_certified(service, call, &pair, ret);
    }
    err = guest_read_ek(call, &pair, trail);
    return err ? err : challenge_tpm(service, call, &pair, trail, ret);
}

void service_guest_session(struct service *service, const struct service_call *call,
                           struct span body, struct service_answer *ret)
{
    struct trail trail = {0};
    err_t err = session(service, call, body, &trail, ret);

    if (err) {
        answer_error(call, ret, err, &trail);
    }
}

/* ---- activation ---- */

static err_t new_machine_id(char id[STORE_ID_SIZE])
{
    uint8_t r[16];
    err_t err = random_bytes(r, sizeof(r));

    if (err) {
        return err;
    }
    r[6] = (uint8_t)((r[6] & 0x0f) | 0x40); /* RFC 4122, 4.4 */
    r[8] = (uint8_t)((r[8] & 0x3f) | 0x80);
    snprintf(id, STORE_ID_SIZE,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", r[0], r[1],
             r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13], r[14],
             r[15]);
    return ERR_OK;
}

static err_t refuse_activation(struct trail *trail, const char *words)
{
    return trail_set(trail, ERR_DENIED, "%s", words);
}

/* The session is used up before the secret is looked at: one attempt, right or wrong. */
static err_t open_session(struct service *service, const struct service_call *call,
                          yyjson_val *root, struct trail *trail, struct ticket *ret)
{
    struct span sealed = {0};
    bool is_first = false;
    err_t err = json_need_base64(call->arena, root, "session", BASE64_URL_LENIENT, trail, &sealed);

    if (err) {
        return err;
    }
    err = ticket_open(call->arena, service_secret(service), TICKET_JOIN, sealed, ret);
    if (err == ERR_SIGNATURE) {
        return refuse_activation(trail, "the session was not made by this server");
    }
    if (err) {
        return err;
    }
    if (call->now >= ret->expires) {
        return refuse_activation(trail, "the session has expired: begin again with join");
    }
    err = store_use_once(service->store, span_of(ret->id, sizeof(ret->id)), ret->expires, trail,
                         &is_first);
    if (err == ERR_OK && !is_first) {
        return refuse_activation(trail, "the session was used before: begin again with join");
    }
    return err;
}

/* What stands in the ticket, and the digest of the answer that is wanted. */
static err_t read_ticket(const struct service_call *call, const struct ticket *ticket,
                         struct trail *trail, struct guest_pair *pair, struct span *ret_wanted)
{
    struct reader in = reader_on(ticket->payload);
    struct span name = {0}, maker = {0}, vm_id = {0};
    err_t err = reader_take(&in, SHA256_BYTES, ret_wanted);

    err = err ? err : reader_tpm2b(&in, GUEST_PUBLIC_MAX, &pair->ek_bytes);
    err = err ? err : reader_tpm2b(&in, GUEST_PUBLIC_MAX, &pair->ak_bytes);
    err = err ? err : reader_tpm2b(&in, STORE_NAME_MAX, &name);
    err = err ? err : reader_tpm2b(&in, STORE_MAKER_MAX, &maker);
    err = err ? err : reader_tpm2b(&in, SHA256_BYTES, &pair->token_digest);
    err = err ? err : reader_tpm2b(&in, STORE_ID_SIZE, &vm_id);
    if (err) {
        return ERR_INTERNAL; /* it opened, so we wrote it */
    }
    if (pair->token_digest.len == 0) {
        pair->token_digest = (struct span){0};
    }
    pair->name = (const char *)arena_dup(call->arena, name).data;
    pair->maker = (const char *)arena_dup(call->arena, maker).data;
    pair->vm_id = (const char *)arena_dup(call->arena, vm_id).data;
    if (pair->name == NULL || pair->maker == NULL || pair->vm_id == NULL) {
        return ERR_MEMORY;
    }
    err = guest_read_ak(pair, trail);
    if (err == ERR_OK && pair->ek_bytes.len == 0) {
        return guest_certified_digest(call, pair);
    }
    return err ? err : guest_read_ek(call, pair, trail);
}

/* AK-5: the answer is what was challenged. The nonce of a certified key is no secret: its answer is
 * a quote, never the nonce itself. */
static err_t check_answer(const struct service_call *call, yyjson_val *root,
                          const struct guest_pair *pair, struct span wanted, struct trail *trail)
{
    bool is_certified = pair->ek_bytes.len == 0;
    uint8_t digest[SHA256_BYTES];
    struct span answer = {0};
    err_t err = is_certified ? guest_read_quote(call, root, pair, trail, &answer)
                             : json_need_base64(call->arena, root, "secret", BASE64_STANDARD, trail,
                                                &answer);

    err = err ? err : hasher_once(call->hasher, HASH_SHA256, answer, digest);
    if (err) {
        return err;
    }
    if (!secret_equal(span_of(digest, sizeof(digest)), wanted)) {
        return refuse_activation(
            trail, is_certified ? "the quote does not answer the nonce of this session"
                                : "the secret is wrong: the TPM of this endorsement key does not "
                                  "hold this attestation key");
    }
    return ERR_OK;
}

struct joined {
    enum store_join outcome;
    const char *who; /* announced it, for the log; "" for nobody */
    bool is_disputed, is_token_unused;
    struct store_machine machine;
};

static err_t join_store(struct service *service, const struct service_call *call,
                        const struct guest_pair *pair, struct trail *trail, const char **ret_note,
                        struct joined *ret)
{
    struct store_machine wanted = {.created = call->now};
    struct store_joining joining = {.wanted = &wanted,
                                    .wish = pair->name,
                                    .maker = pair->maker,
                                    .token_digest = pair->token_digest,
                                    .is_open = service->is_join_open,
                                    .has_own_id = pair->vm_id[0] != '\0'};
    struct trail inner = {0};
    err_t err = ERR_OK;

    if (pair->vm_id[0] != '\0') {
        snprintf(wanted.id, sizeof(wanted.id), "%s", pair->vm_id);
    } else {
        err = new_machine_id(wanted.id);
    }
    if (err) {
        return err;
    }
    if (pair->name[0] != '\0') {
        snprintf(wanted.name, sizeof(wanted.name), "%s", pair->name);
    } else {
        snprintf(wanted.name, sizeof(wanted.name), "vm-%.8s", wanted.id);
    }
    memcpy(wanted.ek_digest, pair->ek_digest, sizeof(wanted.ek_digest));
    memcpy(wanted.ak_name, pair->ak_name.bytes, pair->ak_name.len);
    wanted.ak_name_len = pair->ak_name.len;
    memcpy(wanted.ek_public, pair->ek_bytes.data, pair->ek_bytes.len);
    wanted.ek_public_len = pair->ek_bytes.len;
    err = store_join(service->store, &joining, &inner, &ret->outcome, &ret->machine);
    if (err == ERR_OK) {
        ret->who = joining.who[0] == '\0' ? "" : log_value_dup(call->arena, span_str(joining.who));
        ret->is_disputed = joining.is_disputed;
        ret->is_token_unused = joining.is_token_unused;
        return ret->who == NULL ? ERR_MEMORY : ERR_OK;
    }
    if (err != ERR_CONFLICT) {
        *trail = inner;
        return err;
    }
    if (joining.kept != STORE_KEPT_NOT) {
        return guest_refuse_kept(call, pair, joining.kept, trail, ret_note);
    }
    /* The store's words name the machine: these do not. */
    err = guest_check_conflicts(service, call, pair, true, trail, ret_note);
    return err ? err
               : trail_set(trail, ERR_CONFLICT,
                           "another machine joined with one of these keys or this name meanwhile");
}

/* Not a machine yet. The digest is what an owner compares with what the hypervisor shows. */
static err_t answer_not_joined(const struct service_call *call, const struct guest_pair *pair,
                               const struct joined *joined, struct service_answer *ret)
{
    const enum store_join outcome = joined->outcome;
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    const char *digest = hex_dup(call->arena, span_of(pair->ek_digest, SHA256_BYTES));

    if (root == NULL || digest == NULL) {
        return ERR_MEMORY;
    }
    switch (outcome) {
    case STORE_JOINED:
        return ERR_INTERNAL;
    case STORE_JOIN_WAITS:
        json_add_text(doc, root, "state", "waiting");
        json_add_text(doc, root, "ekDigest", digest);
        json_add_uint(doc, root, "retryAfter", SERVICE_JOIN_RETRY_S);
        answer_json(call, ret, doc, root);
        ret->status = 202;
        ret->retry_after_s = SERVICE_JOIN_RETRY_S;
        break;
    case STORE_JOIN_REJECTED:
        answer_refuse(call, ret, 403, "Rejected",
                      "an owner rejected this endorsement key (%s); to let it in after all: "
                      "bootwarden vm admit %s",
                      digest, digest);
        break;
    case STORE_JOIN_TOKEN:
        answer_refuse(call, ret, 403, "InvalidJoinToken",
                      "the join token is not good: it was used, has expired, was withdrawn or is "
                      "for another endorsement key than %s; get a new one with: bootwarden vm "
                      "token VM -g GROUP, or for a machine that is no resource: bootwarden vm "
                      "announce NAME",
                      digest);
        break;
    case STORE_JOIN_FULL:
        answer_refuse(call, ret, 503, "TooManyWaiting",
                      "too many guests wait for an owner already; announce this one: bootwarden "
                      "vm announce NAME --ek %s",
                      digest);
        ret->retry_after_s = SERVICE_JOIN_RETRY_S;
        break;
    }
    ret->note = arena_printf(call->arena, "join=%s%s ek=%s",
                             outcome == STORE_JOIN_WAITS      ? "waiting"
                             : outcome == STORE_JOIN_REJECTED ? "rejected"
                             : outcome == STORE_JOIN_TOKEN    ? "bad-token"
                                                              : "full",
                             joined->is_disputed ? " why=announced-by-several-owners" : "", digest);
    return ERR_OK;
}

static err_t answer_activated(struct service *service, const struct service_call *call,
                              const struct joined *joined, const struct guest_pair *pair,
                              struct service_answer *ret)
{
    const struct store_machine *machine = &joined->machine;
    CLEANUP(cert_free) struct cert *cert = NULL;
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc), *list;
    const char *token = NULL;
    err_t err = root == NULL ? ERR_MEMORY : ERR_OK;

    /* A key that has a certificate already keeps that one. */
    if (err == ERR_OK && pair->ek_bytes.len > 0) {
        err =
            guest_ca_issue(service->guest_ca, call->arena, machine->id, pair->ak, call->now, &cert);
    }
    err = err ? err
              : guest_session_new(service, call->arena, machine, call->now + SERVICE_SESSION_S,
                                  &token);
    if (err) {
        return err;
    }
    json_add_text(doc, root, "machineId", machine->id);
    json_add_text(doc, root, "name", machine->name);
    if (cert != NULL) {
        json_add_text(doc, root, "akCertificate",
                      base64_dup(call->arena, BASE64_STANDARD, cert_der(cert)));
    }
    list = json_add_array(doc, root, "caCertificates");
    yyjson_mut_arr_add_strcpy(
        doc, list,
        base64_dup(call->arena, BASE64_STANDARD, cert_der(guest_ca_cert(service->guest_ca))));
    json_add_text(doc, root, "sessionToken", token);
    json_add_uint(doc, root, "sessionExpiresIn", SERVICE_SESSION_S);
    if (joined->is_token_unused) {
        json_add_bool(doc, root, "joinTokenUnused", true);
    }
    answer_json(call, ret, doc, root);
    ret->note = arena_printf(call->arena, "machine=%s name=%s%s%s%s", machine->id, machine->name,
                             joined->who[0] != '\0' ? " announced-by=" : "", joined->who,
                             joined->is_token_unused ? " token=unused" : "");
    return ERR_OK;
}

static err_t activate(struct service *service, const struct service_call *call, struct span body,
                      struct trail *trail, const char **ret_note, struct service_answer *ret)
{
    CLEANUP(guest_pair_done) struct guest_pair pair = {.name = "", .maker = "", .vm_id = ""};
    struct joined joined = {.outcome = STORE_JOINED, .who = ""};
    struct ticket ticket;
    struct span wanted = {0};
    yyjson_val *root = NULL;
    err_t err = guest_read_body(call, body, trail, &root);

    err = err ? err : open_session(service, call, root, trail, &ticket);
    err = err ? err : read_ticket(call, &ticket, trail, &pair, &wanted);
    err = err ? err : check_answer(call, root, &pair, wanted, trail);
    err = err ? err : join_store(service, call, &pair, trail, ret_note, &joined);
    if (err == ERR_OK && joined.outcome != STORE_JOINED) {
        return answer_not_joined(call, &pair, &joined, ret);
    }
    return err ? err : answer_activated(service, call, &joined, &pair, ret);
}

void service_guest_activate(struct service *service, const struct service_call *call,
                            struct span body, struct service_answer *ret)
{
    struct trail trail = {0};
    const char *note = NULL;
    err_t err = activate(service, call, body, &trail, &note, ret);
    const char *result[] = {err == ERR_DENIED                    ? "denied"
                            : err != ERR_OK || ret->code != NULL ? "refused"
                            : ret->status == 202                 ? "waiting"
                                                                 : "activated"};

    metric_add(service->joins, result, 1);
    if (err == ERR_DENIED) {
        answer_refuse(call, ret, 401, "ActivationFailed", "%s", trail.what);
    } else if (err) {
        answer_error(call, ret, err, &trail);
        ret->note = note != NULL ? note : ret->note;
    }
}

/* ---- challenges for proofs ---- */

static err_t challenge(struct service *service, const struct service_call *call, struct span bearer,
                       struct span body, struct trail *trail, struct service_answer *ret)
{
    struct store_machine machine;
    struct span context = {0};
    yyjson_val *ignored = NULL;
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    err_t err = root == NULL ? ERR_MEMORY : guest_session(service, call, bearer, trail, &machine);

    err = err ? err : guest_read_body(call, body, trail, &ignored);
    err = err ? err
              : ticket_seal(call->arena, service_secret(service), TICKET_ATTEST,
                            call->now + SERVICE_CHALLENGE_S, span_str(machine.id), &context);
    if (err) {
        return err;
    }
    json_add_text(doc, root, "context", base64_dup(call->arena, BASE64_URL, context));
    json_add_uint(doc, root, "expiresIn", SERVICE_CHALLENGE_S);
    answer_json(call, ret, doc, root);
    ret->note = arena_printf(call->arena, "machine=%s", machine.id);
    return ERR_OK;
}

void service_guest_challenge(struct service *service, const struct service_call *call,
                             struct span bearer, struct span body, struct service_answer *ret)
{
    struct trail trail = {0};
    err_t err = challenge(service, call, bearer, body, &trail, ret);

    if (err == ERR_DENIED) {
        answer_refuse(call, ret, 401, "Unauthorized", "%s", trail.what);
    } else if (err) {
        answer_error(call, ret, err, &trail);
    }
}
