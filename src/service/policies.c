/*
 * policies.c - what owners ask of a provider: policies and who may sign them (attestation-api
 * sections 6 and 7). Who may ask is the caller's business; an isolated provider asks for signatures
 * besides.
 */
#include "service/internal.h"

#include "base/codec.h"
#include "provider/request.h"
#include "service/providers.h"
#include "token/token.h"

enum { RESULT_TOKEN_S = 3600 };

/* ---- answers ---- */

/* {"token": ...} around claims, signed by the provider. */
static void answer_token(const struct service_call *call, const struct provider *provider,
                         yyjson_mut_doc *doc, yyjson_mut_val *claims, struct service_answer *ret)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    struct span text = {0}, token = {0};
    err_t err = root == NULL ? ERR_MEMORY : json_sort(call->arena, doc, claims);

    if (err == ERR_OK) {
        text = json_write(call->arena, doc, claims, false);
        err = text.data == NULL ? ERR_MEMORY
                                : signer_sign(provider->signer, call->arena, call->now,
                                              SIGNER_PLAIN, text, &token);
    }
    if (err) {
        answer_error(call, ret, err, NULL);
        return;
    }
    json_add_span(doc, root, "token", token);
    answer_json(call, ret, doc, root);
}

/* The same after a change: it is made, whatever becomes of the answer. note: what changed, for the
 * log and the audit log. */
static void answer_changed(const struct service_call *call, const struct provider *provider,
                           yyjson_mut_doc *doc, yyjson_mut_val *claims, const char *note,
                           struct service_answer *ret)
{
    answer_token(call, provider, doc, claims, ret);
    if (ret->status != 200 && ret->message != NULL) {
        ret->message =
            arena_printf(call->arena, "the change was made, but not its result: %s", ret->message);
    }
    ret->note = note;
}

static yyjson_mut_val *result_claims(const struct service_call *call,
                                     const struct provider *provider, yyjson_mut_doc *doc)
{
    return doc == NULL ? NULL : token_claims(doc, provider->uri, call->now, RESULT_TOKEN_S);
}

/* What the change said of itself; a machine's own failure is told like any other. */
static void refuse_change(const struct service_call *call, err_t err, const struct trail *trail,
                          const struct owner_fault *fault, struct service_answer *ret)
{
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX];

    trail_format(trail, err, words, sizeof(words));
    if (err == ERR_DENIED) {
        answer_refuse(call, ret, 401, "Unauthorized", "%s", words);
    } else if (fault->policy.kind != POLICY_FAULT_NONE) {
        answer_refuse(call, ret, 400, fault->code, "%s",
                      policy_fault_message(call->arena, &fault->policy));
    } else if (fault->code == NULL && err == ERR_TOO_MANY) {
        answer_refuse(call, ret, 409, "QuotaExceeded", "%s", words);
    } else if (fault->code != NULL && err_category(err) != ERR_CAT_INTERNAL) {
        answer_refuse(call, ret, 400, fault->code, "%s", words);
    } else {
        answer_error(call, ret, err, trail);
    }
}

static bool find_type(const struct service_call *call, struct span name,
                      enum attestation_type *ret_type, struct service_answer *ret)
{
    if (attestation_type_find(name, ret_type)) {
        return true;
    }
    answer_refuse(call, ret, 400, "InvalidParameter",
                  "there is no attestation type '%.*s'; there are AzureGuest, Tpm, SgxEnclave, "
                  "OpenEnclave, SevSnpVm and TdxVm",
                  (int)(name.len < 40 ? name.len : 40), (const char *)name.data);
    return false;
}

/* Everything about its form is the sender's doing. */
static bool read_request(const struct service_call *call, struct span body,
                         struct owner_request *request, struct service_answer *ret)
{
    struct trail trail = {0};
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX];
    err_t err = owner_request_read(call->arena, body, &trail, request);

    if (err == ERR_OK) {
        return true;
    }
    if (err == ERR_MEMORY || err_category(err) == ERR_CAT_INTERNAL) {
        answer_error(call, ret, err, &trail);
        return false;
    }
    trail_format(&trail, err, words, sizeof(words));
    answer_refuse(call, ret, 400, "InvalidOperation", "the request's JWS is not accepted: %s",
                  words);
    return false;
}

/* ---- policies ---- */

/* A default is shown as if somebody had set it, without a signature; none at all as an empty one.
 */
static err_t shown_policy(const struct service_call *call, const struct provider_policy *policy,
                          struct span *ret)
{
    if (policy->jws.data != NULL) {
        *ret = policy->jws;
        return ERR_OK;
    }
    if (policy->policy != NULL) {
        return owner_request_of_policy(call->arena, policy_source(policy->policy), ret);
    }
    *ret = span_str(owner_request_empty);
    return ERR_OK;
}

void service_policy_get(struct service *service, const struct provider *provider,
                        const struct service_call *call, struct span type_name,
                        struct service_answer *ret)
{
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *claims = result_claims(call, provider, doc);
    enum attestation_type type;
    struct span shown = {0};
    err_t err;

    (void)service;
    if (!find_type(call, type_name, &type, ret)) {
        return;
    }
    err = claims == NULL ? ERR_MEMORY : shown_policy(call, &provider->policies[type], &shown);
    if (err) {
        answer_error(call, ret, err, NULL);
        return;
    }
    json_add_span(doc, claims, "x-ms-policy", shown);
    answer_token(call, provider, doc, claims, ret);
}

/* The hash is over the request as it came, the signer as its header shows. */
static err_t add_policy_result(const struct service_call *call, yyjson_mut_doc *doc,
                               yyjson_mut_val *claims, const struct owner_request *request)
{
    uint8_t digest[HASH_MAX_BYTES];
    err_t err;

    json_add_text(doc, claims, "x-ms-policy-result",
                  request->payload != NULL ? "Updated" : "Removed");
    if (request->payload != NULL) {
        err = hasher_once(call->hasher, HASH_SHA256, request->jws, digest);
        if (err) {
            return err;
        }
        json_add_text(doc, claims, "x-ms-policy-token-hash",
                      base64_dup(call->arena, BASE64_URL, span_of(digest, SHA256_BYTES)));
    }
    if (request->is_signed) {
        json_add_value(doc, claims, "x-ms-policy-signer",
                       owner_request_signer(call->arena, doc, request));
    }
    return ERR_OK;
}

static void change_policy(struct service *service, const struct provider *provider,
                          const struct service_call *call, struct span type_name, struct span body,
                          bool is_reset, struct service_answer *ret)
{
    CLEANUP(owner_request_done) struct owner_request request = {0};
    CLEANUP(provider_unref) struct provider *changed = NULL;
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *claims = result_claims(call, provider, doc);
    struct owner_fault fault = {0};
    struct trail trail = {0};
    enum attestation_type type;
    err_t err;

    if (!find_type(call, type_name, &type, ret) || !read_request(call, body, &request, ret)) {
        return;
    }
    if (is_reset != (request.payload == NULL)) {
        answer_refuse(call, ret, 400, "InvalidOperation",
                      is_reset ? "a reset carries a JWS without a payload"
                               : "the JWS has no payload; to go back to the default, POST to "
                                 "/policies/TYPE:reset");
        return;
    }
    err = claims == NULL ? ERR_MEMORY
                         : providers_set_policy(service->providers, provider, type, &request,
                                                call->now, &trail, &fault, &changed);
    if (err) {
        refuse_change(call, err, &trail, &fault, ret);
        return;
    }
    err = add_policy_result(call, doc, claims, &request);
    if (err) {
        answer_error(call, ret, err, NULL);
        return;
    }
    answer_changed(call, changed, doc, claims,
                   changed->policies[type].hash == NULL
                       ? "policy=none"
                       : arena_printf(call->arena, "type=%s policy=%s", attestation_type_name(type),
                                      changed->policies[type].hash),
                   ret);
}

void service_policy_set(struct service *service, const struct provider *provider,
                        const struct service_call *call, struct span type, struct span body,
                        struct service_answer *ret)
{
    change_policy(service, provider, call, type, body, false, ret);
}

void service_policy_reset(struct service *service, const struct provider *provider,
                          const struct service_call *call, struct span type, struct span body,
                          struct service_answer *ret)
{
    change_policy(service, provider, call, type, body, true, ret);
}

/* ---- signers ---- */

void service_signers_get(struct service *service, const struct provider *provider,
                         const struct service_call *call, struct service_answer *ret)
{
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *claims = result_claims(call, provider, doc);

    (void)service;
    if (claims == NULL) {
        answer_error(call, ret, ERR_MEMORY, NULL);
        return;
    }
    json_add_value(doc, claims, "x-ms-policy-certificates",
                   signers_value(call->arena, doc, &provider->signers));
    answer_token(call, provider, doc, claims, ret);
}

static void change_signer(struct service *service, const struct provider *provider,
                          const struct service_call *call, struct span body, bool is_added,
                          struct service_answer *ret)
{
    CLEANUP(owner_request_done) struct owner_request request = {0};
    CLEANUP(cert_free) struct cert *cert = NULL;
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *claims = result_claims(call, provider, doc);
    const char *state = is_added ? "IsPresent" : "IsAbsent";
    const char *thumbprint;
    struct owner_fault fault = {0};
    struct trail trail = {0};
    err_t err;

    if (!read_request(call, body, &request, ret)) {
        return;
    }
    err = claims == NULL ? ERR_MEMORY
                         : providers_set_signer(service->providers, provider, is_added, &request,
                                                call->now, &trail, &fault, &cert);
    if (err) {
        refuse_change(call, err, &trail, &fault, ret);
        return;
    }
    thumbprint = signers_thumbprint(call->arena, cert);
    if (thumbprint == NULL) {
        answer_error(call, ret, ERR_MEMORY, NULL);
        return;
    }
    json_add_text(doc, claims, "x-ms-certificate-thumbprint", thumbprint);
    json_add_text(doc, claims, "x-ms-policycertificates-result", state);
    json_add_text(doc, claims, "x-ms-certificate-result", state);
    answer_changed(
        call, provider, doc, claims,
        arena_printf(call->arena, "signer=%s %s", thumbprint, is_added ? "added" : "removed"), ret);
}

void service_signers_add(struct service *service, const struct provider *provider,
                         const struct service_call *call, struct span body,
                         struct service_answer *ret)
{
    change_signer(service, provider, call, body, true, ret);
}

void service_signers_remove(struct service *service, const struct provider *provider,
                            const struct service_call *call, struct span body,
                            struct service_answer *ret)
{
    change_signer(service, provider, call, body, false, ret);
}
