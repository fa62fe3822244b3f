#include "identity/idp-internal.h"

#include "base/text.h"
#include "base/timestamp.h"
#include "crypto/secret.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { OPEN_ARENA_BYTES = 1024 * 1024, DESCRIPTION_MAX = 1024 };

/* ---- opening ---- */

static err_t publish(struct idp *provider, const struct idp_options *options)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(OPEN_ARENA_BYTES);
    CLEANUP(token_keys_free) struct token_keys *keys = token_keys_new();
    struct span jwks = {0};
    err_t err = arena == NULL || keys == NULL ? ERR_MEMORY : ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < options->n_keys; i++) {
        err = token_keys_add_own(keys, options->keys[i]);
    }
    err = err ? err : jwks_write(arena, keys, &jwks);
    if (err) {
        return err;
    }
    provider->jwks = malloc(jwks.len);
    if (provider->jwks == NULL) {
        return ERR_MEMORY;
    }
    memcpy(provider->jwks, jwks.data, jwks.len);
    provider->jwks_len = jwks.len;
    provider->keys = access_keys_new(keys);
    if (provider->keys == NULL) {
        return ERR_MEMORY;
    }
    keys = NULL;
    return ERR_OK;
}

static bool name_all(struct idp *provider, const char *endpoint)
{
    const char *tenant = provider->tenant;

    provider->endpoint = strdup(endpoint);
    return provider->endpoint != NULL &&
           asprintf(&provider->endpoint_slash, "%s/", endpoint) >= 0 &&
           asprintf(&provider->authority, "%s/%s", endpoint, tenant) >= 0 &&
           asprintf(&provider->issuer_v1, "%s/%s/", endpoint, tenant) >= 0 &&
           asprintf(&provider->issuer_v2, "%s/%s/v2.0", endpoint, tenant) >= 0;
}

err_t idp_new(const struct idp_options *options, struct idp **ret)
{
    CLEANUP(idp_free) struct idp *provider = NULL;
    err_t err;

    if (options->n_keys == 0 || options->n_keys > IDP_MAX_KEYS ||
        (options->refresh_key.data != NULL && options->refresh_key.len != IDP_REFRESH_KEY_BYTES)) {
        return ERR_VALUE;
    }
    provider = calloc(1, sizeof(*provider));
    if (provider == NULL) {
        return ERR_MEMORY;
    }
    pthread_mutex_init(&provider->lock, NULL);
    provider->signing = token_key_ref(options->keys[options->n_keys - 1]);
    provider->principals = principals_ref(options->principals);
    provider->store = options->store;
    provider->elsewhere = options->elsewhere;
    snprintf(provider->tenant, sizeof(provider->tenant), "%s",
             principals_tenant(options->principals));
    err = name_all(provider, options->endpoint) ? publish(provider, options) : ERR_MEMORY;
    err = err ? err : random_bytes(provider->digest_key, sizeof(provider->digest_key));
    if (err == ERR_OK && options->refresh_key.data != NULL) {
        memcpy(provider->refresh_key, options->refresh_key.data, sizeof(provider->refresh_key));
    } else {
        err = err ? err : random_bytes(provider->refresh_key, sizeof(provider->refresh_key));
    }
    if (err) {
        return err;
    }
    *ret = TAKE(provider);
    return ERR_OK;
}

void idp_free(struct idp *provider)
{
    if (provider == NULL) {
        return;
    }
    token_key_free(provider->signing);
    access_keys_free(provider->keys);
    principals_free(provider->principals);
    pthread_mutex_destroy(&provider->lock);
    free(provider->endpoint);
    free(provider->endpoint_slash);
    free(provider->authority);
    free(provider->issuer_v1);
    free(provider->issuer_v2);
    free(provider->jwks);
    secret_wipe(span_of(provider->digest_key, sizeof(provider->digest_key)));
    secret_wipe(span_of(provider->refresh_key, sizeof(provider->refresh_key)));
    free(provider);
}

void idp_set_principals(struct idp *provider, struct principals *principals)
{
    struct principals *before;

    pthread_mutex_lock(&provider->lock);
    before = provider->principals;
    provider->principals = principals_ref(principals);
    pthread_mutex_unlock(&provider->lock);
    principals_free(before);
}

struct principals *idp_principals(struct idp *provider)
{
    struct principals *principals;

    pthread_mutex_lock(&provider->lock);
    principals = principals_ref(provider->principals);
    pthread_mutex_unlock(&provider->lock);
    return principals;
}

const char *idp_tenant(const struct idp *provider)
{
    return provider->tenant;
}

const char *idp_authority(const struct idp *provider)
{
    return provider->authority;
}

err_t idp_issuers(const struct idp *provider, struct access_issuer ret[IDP_ISSUERS])
{
    const char *const urls[IDP_ISSUERS] = {provider->issuer_v1, provider->issuer_v2};

    for (size_t i = 0; i < IDP_ISSUERS; i++) {
        ret[i] = (struct access_issuer){
            .url = urls[i],
            .tenant = provider->tenant,
            .audiences = {{"https://attest.azure.net", "https://attest.azure.net/"},
                          {"https://management.azure.com", "https://management.azure.com/",
                           "https://management.core.windows.net",
                           "https://management.core.windows.net/", provider->endpoint,
                           provider->endpoint_slash}},
            .keys = access_keys_ref(provider->keys),
        };
    }
    return ERR_OK;
}

/* ---- answers ---- */

bool idp_is_tenant(struct idp *provider, struct span tenant)
{
    CLEANUP(principals_free) struct principals *principals = NULL;

    if (text_span_equal_nocase(tenant, provider->tenant) ||
        text_span_equal_nocase(tenant, "adfs")) { /* what az calls a cloud of one tenant */
        return true;
    }
    principals = idp_principals(provider);
    return principals_has_domain(principals, tenant);
}

void idp_answer_json(struct arena *arena, struct idp_answer *ret, yyjson_mut_doc *doc,
                     yyjson_mut_val *root)
{
    ret->body = json_write(arena, doc, root, false);
    if (ret->body.data == NULL) {
        ret->status = 500;
    }
}

static void add_ids(const struct idp_call *call, yyjson_mut_doc *doc, yyjson_mut_val *root)
{
    char time[TIMESTAMP_SIZE], trace[GUID_SIZE] = "", correlation[GUID_SIZE] = "";

    timestamp_format(call->now, time, sizeof(time));
    if (strlen(time) == 20) { /* Entra writes a space for the T, and one before the Z */
        json_add_text(doc, root, "timestamp",
                      arena_printf(call->arena, "%.10s %.8sZ", time, time + 11));
    }
    /* Names for log lines: without entropy they are missing, which no client minds. */
    (void)!guid_new(trace);
    if (text_is_guid(call->correlation_id)) {
        snprintf(correlation, sizeof(correlation), "%.*s", (int)call->correlation_id.len,
                 (const char *)call->correlation_id.data);
    } else {
        (void)!guid_new(correlation);
    }
    json_add_text(doc, root, "trace_id", trace);
    json_add_text(doc, root, "correlation_id", correlation);
}

void idp_refuse(const struct idp_call *call, struct idp_answer *ret, unsigned status,
                const char *error, unsigned number, const char *reason, const char *fmt, ...)
{
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc), *codes;
    char words[DESCRIPTION_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(words, sizeof(words), fmt, args);
    va_end(args);
    ret->status = status;
    ret->reason = reason;
    if (root == NULL) {
        ret->status = 500;
        return;
    }
    json_add_text(doc, root, "error", error);
    json_add_text(doc, root, "error_description",
                  arena_printf(call->arena, "AADSTS%u: %s", number,
                               text_escape_dup(call->arena, span_str(words), DESCRIPTION_MAX)));
    codes = json_add_array(doc, root, "error_codes");
    yyjson_mut_arr_add_uint(doc, codes, number);
    add_ids(call, doc, root);
    idp_answer_json(call->arena, ret, doc, root);
}

void idp_fault(const struct idp_call *call, struct idp_answer *ret)
{
    idp_refuse(call, ret, 500, "server_error", 90033, "fault",
               "A transient error has occurred. Please try again.");
}
