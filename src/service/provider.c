#include "service/provider.h"

#include "service/service.h"

#include <stdlib.h>

enum {
    /* Six policies as they were set, their signers, and the rest. */
    PROVIDER_ARENA_BYTES = 8 * 1024 * 1024,
    CONFIGURE_BYTES = 64 * 1024 * 1024,
};

/* ---- life ---- */

struct provider *provider_new(void)
{
    struct provider *provider = calloc(1, sizeof(*provider));

    if (provider == NULL) {
        return NULL;
    }
    provider->arena = arena_new(PROVIDER_ARENA_BYTES);
    provider->slow = slow_new();
    if (provider->arena == NULL || provider->slow == NULL) {
        arena_free(provider->arena);
        slow_unref(provider->slow);
        free(provider);
        return NULL;
    }
    atomic_init(&provider->refs, 1);
    provider->is_public = true;
    provider->needs_tpm_authentication = true;
    return provider;
}

struct provider *provider_ref(struct provider *provider)
{
    if (provider != NULL) {
        atomic_fetch_add(&provider->refs, 1);
    }
    return provider;
}

void provider_unref(struct provider *provider)
{
    if (provider == NULL || atomic_fetch_sub(&provider->refs, 1) > 1) {
        return;
    }
    for (size_t i = 0; i < ATTEST_TYPE_COUNT; i++) {
        policy_unref(provider->policies[i].policy);
    }
    signers_done(&provider->signers);
    signer_free(provider->signer);
    slow_unref(provider->slow);
    arena_free(provider->arena);
    free(provider);
}

static const char *copy_text(struct arena *arena, const char *text, bool *fits)
{
    const char *copy = text == NULL ? NULL : (const char *)arena_dup(arena, span_str(text)).data;

    *fits = *fits && (text == NULL || copy != NULL);
    return copy;
}

static struct span copy_span(struct arena *arena, struct span bytes, bool *fits)
{
    struct span copy = bytes.data == NULL ? bytes : arena_dup(arena, bytes);

    *fits = *fits && (bytes.data == NULL || copy.data != NULL);
    return copy;
}

static bool copy_policy(struct arena *arena, const struct provider_policy *policy,
                        struct provider_policy *ret)
{
    bool fits = true;

    *ret = *policy;
    ret->jws = copy_span(arena, policy->jws, &fits);
    ret->policy = policy->policy == NULL ? NULL : policy_ref(policy->policy);
    ret->hash = copy_text(arena, policy->hash, &fits);
    ret->signer = copy_span(arena, policy->signer, &fits);
    return fits;
}

err_t provider_copy(const struct provider *provider, struct provider **ret)
{
    CLEANUP(provider_unref) struct provider *copy = provider_new();
    struct arena *arena = copy == NULL ? NULL : copy->arena;
    bool fits = true;

    if (copy == NULL) {
        return ERR_MEMORY;
    }
    copy->name = copy_text(arena, provider->name, &fits);
    copy->uri = copy_text(arena, provider->uri, &fits);
    copy->is_damaged = provider->is_damaged;
    copy->region = provider->region;
    copy->is_shared = provider->is_shared;
    copy->is_isolated = provider->is_isolated;
    copy->is_public = provider->is_public;
    copy->needs_tpm_authentication = provider->needs_tpm_authentication;
    signers_copy(&provider->signers, &copy->signers);
    for (size_t i = 0; i < ATTEST_TYPE_COUNT; i++) {
        fits = copy_policy(arena, &provider->policies[i], &copy->policies[i]) && fits;
    }
    copy->signer = signer_ref(provider->signer);
    slow_unref(copy->slow);
    copy->slow = slow_ref(provider->slow);
    copy->id = copy_text(arena, provider->id, &fits);
    copy->subscription = copy_text(arena, provider->subscription, &fits);
    copy->group = copy_text(arena, provider->group, &fits);
    copy->tags = copy_span(arena, provider->tags, &fits);
    copy->key_kind = provider->key_kind;
    copy->version = provider->version;
    copy->created = provider->created;
    copy->changed = provider->changed;
    if (!fits) {
        return ERR_MEMORY;
    }
    *ret = TAKE(copy);
    return ERR_OK;
}

/* ---- policies ---- */

static err_t keep_signer(struct provider *provider, const struct owner_request *request,
                         struct span *ret)
{
    yyjson_mut_doc *doc = json_new(provider->arena);
    yyjson_mut_val *jwk;

    if (!request->is_signed) {
        *ret = (struct span){0};
        return ERR_OK;
    }
    jwk = doc == NULL ? NULL : owner_request_signer(provider->arena, doc, request);
    if (jwk == NULL) {
        return ERR_MEMORY;
    }
    *ret = json_write(provider->arena, doc, jwk, false);
    return ret->data == NULL ? ERR_MEMORY : ERR_OK;
}

static err_t configure(struct policy_fault *fault, struct provider_policy *ret)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(CONFIGURE_BYTES);
    struct policy_properties properties;
    err_t err =
        arena == NULL ? ERR_MEMORY : policy_configure(arena, ret->policy, &properties, fault);

    if (err) {
        return err;
    }
    ret->waives_ak_certificate = !properties.require_valid_aik_cert;
    ret->required_pcr_mask = properties.required_pcr_mask;
    return ERR_OK;
}

static err_t compile(struct provider *provider, struct span text, struct policy_fault *fault,
                     struct provider_policy *ret)
{
    err_t err = policy_compile(text, fault, &ret->policy);

    err = err ? err : configure(fault, ret);
    return err ? err : policy_hash(provider->arena, text, &ret->hash);
}

/* The default: for AzureGuest one is built in, for the others there is none (policy-language
 * section 16). */
static err_t set_default(struct provider *provider, enum attestation_type type,
                         struct policy_fault *fault)
{
    struct provider_policy fresh = {0};
    err_t err = type == ATTEST_AZUREGUEST
                    ? compile(provider, policy_default_azureguest_text(), fault, &fresh)
                    : ERR_OK;

    if (err) {
        policy_unref(fresh.policy);
        return err;
    }
    policy_unref(provider->policies[type].policy);
    provider->policies[type] = fresh;
    return ERR_OK;
}

err_t provider_set_policy(struct provider *provider, enum attestation_type type,
                          const struct owner_request *request, struct trail *trail,
                          struct policy_fault *fault)
{
    struct provider_policy fresh = {0};
    struct span text = {0};
    err_t err;

    *fault = (struct policy_fault){0};
    if (request == NULL) {
        return set_default(provider, type, fault);
    }
    err = owner_request_policy(provider->arena, request, trail, &text);
    err = err ? err : compile(provider, text, fault, &fresh);
    err = err ? err : keep_signer(provider, request, &fresh.signer);
    if (err == ERR_OK) {
        fresh.jws = arena_dup(provider->arena, request->jws);
        err = fresh.jws.data == NULL ? ERR_MEMORY : ERR_OK;
    }
    if (err) {
        policy_unref(fresh.policy);
        return err;
    }
    policy_unref(provider->policies[type].policy);
    provider->policies[type] = fresh;
    return ERR_OK;
}

err_t provider_take_policy(struct provider *provider, enum attestation_type type,
                           const struct provider *from)
{
    struct provider_policy fresh;

    if (!copy_policy(provider->arena, &from->policies[type], &fresh)) {
        policy_unref(fresh.policy);
        return ERR_MEMORY;
    }
    policy_unref(provider->policies[type].policy);
    provider->policies[type] = fresh;
    return ERR_OK;
}

size_t provider_weight(const struct provider *provider)
{
    size_t weight = provider->tags.len;

    for (size_t i = 0; i < ATTEST_TYPE_COUNT; i++) {
        weight += provider->policies[i].jws.len;
    }
    for (size_t i = 0; i < provider->signers.n; i++) {
        weight += cert_der(provider->signers.certs[i]).len;
    }
    return weight;
}

err_t policy_signer_add(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *claims,
                        const struct provider_policy *policy)
{
    yyjson_val *signer = NULL;
    err_t err;

    if (policy->signer.data == NULL) {
        return ERR_OK;
    }
    err = json_read(arena, policy->signer, NULL, NULL, &signer);
    if (err == ERR_OK) {
        json_add_value(doc, claims, "x-ms-policy-signer", yyjson_val_mut_copy(doc, signer));
    }
    return err;
}

err_t provider_sign(const struct provider *provider, struct arena *arena, int64_t now,
                    enum signer_form form, yyjson_mut_doc *doc, yyjson_mut_val *claims,
                    struct trail *trail, struct span *ret_token)
{
    struct span text;
    err_t err = json_sort(arena, doc, claims);

    if (err) {
        return err;
    }
    text = json_write(arena, doc, claims, false);
    if (text.data == NULL) {
        return ERR_MEMORY;
    }
    if (text.len > SERVICE_TOKEN_MAX_BYTES) {
        return trail_set(
            trail, ERR_TOO_LARGE,
            "the token's claims take %zu bytes, and a token has at most %d: issue less, "
            "or send less to be issued",
            text.len, SERVICE_TOKEN_MAX_BYTES);
    }
    return signer_sign(provider->signer, arena, now, form, text, ret_token);
}

/* ---- what is stored ---- */

static const struct {
    enum signkey_kind kind;
    const char *name;
} key_kinds[] = {{SIGNKEY_RSA2048, "RS256"}, {SIGNKEY_P256, "ES256"}, {SIGNKEY_P384, "ES384"}};

err_t provider_properties_write(struct arena *arena, const struct provider *provider,
                                struct span *ret)
{
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    yyjson_val *tags = NULL;
    err_t err = root == NULL ? ERR_MEMORY : json_read(arena, provider->tags, NULL, NULL, &tags);

    if (err) {
        return err;
    }
    json_add_text(doc, root, "subscription", provider->subscription);
    json_add_text(doc, root, "resourceGroup", provider->group);
    json_add_text(doc, root, "trustModel", provider->is_isolated ? "Isolated" : "AAD");
    json_add_bool(doc, root, "publicNetworkAccess", provider->is_public);
    json_add_bool(doc, root, "tpmAttestationAuthentication", provider->needs_tpm_authentication);
    for (size_t i = 0; i < ARRAY_LEN(key_kinds); i++) {
        if (key_kinds[i].kind == provider->key_kind) {
            json_add_text(doc, root, "signingAlgorithm", key_kinds[i].name);
        }
    }
    json_add_value(doc, root, "policySigningCertificates",
                   signers_value(arena, doc, &provider->signers));
    json_add_value(doc, root, "tags", yyjson_val_mut_copy(doc, tags));
    *ret = json_write(arena, doc, root, false);
    return ret->data == NULL ? ERR_MEMORY : ERR_OK;
}

static err_t need_bool(yyjson_val *root, const char *name, struct trail *trail, bool *ret)
{
    yyjson_val *value = NULL;
    err_t err = json_need(root, name, trail, &value);

    if (err == ERR_OK && !yyjson_is_bool(value)) {
        err = trail_in(trail, trail_set(trail, ERR_VALUE, "expected true or false"), name);
    }
    if (err == ERR_OK) {
        *ret = yyjson_get_bool(value);
    }
    return err;
}

static err_t keep_string(struct provider *provider, yyjson_val *root, const char *name,
                         struct trail *trail, const char **ret)
{
    struct span text = {0};
    err_t err = json_need_string(root, name, trail, &text);

    if (err) {
        return err;
    }
    *ret = (const char *)arena_dup(provider->arena, text).data;
    return *ret == NULL ? ERR_MEMORY : ERR_OK;
}

/* Nothing is guessed: whoever reads a model wrongly opens what was closed. */
static err_t damaged(struct trail *trail, const char *name, const char *what)
{
    return trail_in(trail, trail_set(trail, ERR_STORE, "%s", what), name);
}

static bool find_key_kind(struct span name, enum signkey_kind *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(key_kinds); i++) {
        if (span_is(name, key_kinds[i].name)) {
            *ret = key_kinds[i].kind;
            return true;
        }
    }
    return false;
}

static err_t read_members(struct provider *provider, struct arena *arena, yyjson_val *root,
                          struct trail *trail)
{
    struct span model = {0}, algorithm = {0};
    yyjson_val *signers = NULL, *tags = NULL;
    yyjson_mut_doc *doc = json_new(provider->arena);
    err_t err = doc == NULL ? ERR_MEMORY : ERR_OK;

    err = err ? err : keep_string(provider, root, "subscription", trail, &provider->subscription);
    err = err ? err : keep_string(provider, root, "resourceGroup", trail, &provider->group);
    err = err ? err : json_need_string(root, "trustModel", trail, &model);
    err = err ? err : json_need_string(root, "signingAlgorithm", trail, &algorithm);
    err = err ? err : need_bool(root, "publicNetworkAccess", trail, &provider->is_public);
    err = err ? err
              : need_bool(root, "tpmAttestationAuthentication", trail,
                          &provider->needs_tpm_authentication);
    err = err ? err : json_need_object(root, "policySigningCertificates", trail, &signers);
    err = err ? err : signers_read(arena, signers, trail, &provider->signers);
    err = err ? err : json_need_object(root, "tags", trail, &tags);
    if (err) {
        return err;
    }
    provider->is_isolated = span_is(model, "Isolated");
    if (!provider->is_isolated && !span_is(model, "AAD")) {
        return damaged(trail, "trustModel", "expected AAD or Isolated");
    }
    if (provider->is_isolated != (provider->signers.n > 0)) {
        return damaged(trail, "policySigningCertificates", "does not agree with trustModel");
    }
    if (!find_key_kind(algorithm, &provider->key_kind)) {
        return damaged(trail, "signingAlgorithm", "is unknown");
    }
    provider->tags = json_write(provider->arena, doc, yyjson_val_mut_copy(doc, tags), false);
    return provider->tags.data == NULL ? ERR_MEMORY : ERR_OK;
}

err_t provider_properties_read(struct provider *provider, struct span json, struct trail *trail)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(PROVIDER_ARENA_BYTES);
    yyjson_val *root = NULL;
    err_t err = arena == NULL ? ERR_MEMORY : json_read(arena, json, NULL, trail, &root);

    return err ? err : read_members(provider, arena, root, trail);
}
