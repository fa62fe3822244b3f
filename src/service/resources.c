/*
 * resources.c - attestation providers as resources: Microsoft.Attestation (attestation-api section
 * 8).
 *
 * Who may ask is the caller's business. A trust model is chosen once: signers are named when an
 * isolated provider is made, and from then on only they change who signs (policies.c); an owner of
 * the resource cannot, or isolation would mean nothing.
 */
#include "service/resources.h"

#include "base/log.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "service/internal.h"

#include <string.h>

#define NAMESPACE "Microsoft.Attestation"
#define TYPE NAMESPACE "/attestationProviders"

enum {
    GROUP_MAX = 90,
    SUBSCRIPTION_MAX = 64,
    TAGS_MAX = 50,
    TAG_NAME_MAX = 512,
    TAG_VALUE_MAX = 256
};

/* ---- as JSON ---- */

static yyjson_mut_val *system_data(struct arena *arena, yyjson_mut_doc *doc,
                                   const struct provider *provider)
{
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    char text[TIMESTAMP_SIZE];

    (void)arena;
    if (provider->created != 0) {
        timestamp_format(provider->created, text, sizeof(text));
        json_add_text(doc, object, "createdAt", text);
        timestamp_format(provider->changed, text, sizeof(text));
        json_add_text(doc, object, "lastModifiedAt", text);
    }
    return object;
}

static yyjson_mut_val *resource(struct arena *arena, yyjson_mut_doc *doc,
                                const struct provider *provider)
{
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    yyjson_mut_val *properties;
    yyjson_val *tags = NULL;

    if (json_read(arena, provider->tags, NULL, NULL, &tags) != ERR_OK) {
        return NULL;
    }
    json_add_text(doc, object, "id", provider->id);
    json_add_text(doc, object, "name", provider->name);
    json_add_text(doc, object, "type", TYPE);
    json_add_text(doc, object, "location", provider->region->display);
    json_add_value(doc, object, "tags", yyjson_val_mut_copy(doc, tags));
    json_add_value(doc, object, "systemData", system_data(arena, doc, provider));
    properties = json_add_object(doc, object, "properties");
    json_add_text(doc, properties, "attestUri", provider->uri);
    json_add_text(doc, properties, "status", provider->is_damaged ? "Error" : "Ready");
    json_add_text(doc, properties, "trustModel", provider->is_isolated ? "Isolated" : "AAD");
    json_add_text(doc, properties, "publicNetworkAccess",
                  provider->is_public ? "Enabled" : "Disabled");
    json_add_text(doc, properties, "tpmAttestationAuthentication",
                  provider->needs_tpm_authentication ? "Enabled" : "Disabled");
    json_add_array(doc, properties, "privateEndpointConnections");
    return object;
}

static void answer_resource(const struct service_call *call, const struct provider *provider,
                            unsigned status, struct service_answer *ret)
{
    yyjson_mut_doc *doc = json_new(call->arena);

    if (doc == NULL) {
        answer_error(call, ret, ERR_MEMORY, NULL);
        return;
    }
    answer_json(call, ret, doc, resource(call->arena, doc, provider));
    if (ret->code == NULL) {
        ret->status = status;
    }
}

static bool is_in(const struct provider *provider, const struct provider_path *path)
{
    return !provider->is_shared &&
           text_span_equal_nocase(path->subscription, provider->subscription) &&
           (path->group.data == NULL || text_span_equal_nocase(path->group, provider->group));
}

typedef bool is_listed(const struct provider *provider, const struct provider_path *path);

static bool is_default(const struct provider *provider, const struct provider_path *path)
{
    (void)path;
    return provider->is_shared;
}

static void answer_list(struct service *service, const struct service_call *call,
                        const struct provider_path *path, is_listed *shall,
                        struct service_answer *ret)
{
    const struct provider_list *all = providers_all(service->providers);
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    yyjson_mut_val *value = root == NULL ? NULL : json_add_array(doc, root, "value");
    err_t err = value == NULL ? ERR_MEMORY : ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < provider_list_count(all); i++) {
        const struct provider *provider = provider_list_at(all, i);

        if (shall(provider, path) &&
            !yyjson_mut_arr_append(value, resource(call->arena, doc, provider))) {
            err = ERR_MEMORY;
        }
    }
    provider_list_unref(all);
    if (err) {
        answer_error(call, ret, err, NULL);
        return;
    }
    answer_json(call, ret, doc, root);
}

/* ---- reading ---- */

/* NULL, and *ret says so, when there is none of that name in that group. */
static struct provider *find(struct service *service, const struct service_call *call,
                             const struct provider_path *path, struct service_answer *ret)
{
    CLEANUP(provider_unref)
    struct provider *provider = providers_find(service->providers, path->name);

    if (provider != NULL && is_in(provider, path)) {
        return TAKE(provider);
    }
    answer_refuse(call, ret, 404, "ResourceNotFound",
                  "The Resource '" TYPE "/%.*s' under resource group '%.*s' was not found.",
                  (int)path->name.len, (const char *)path->name.data, (int)path->group.len,
                  (const char *)path->group.data);
    return NULL;
}

void service_resource_get(struct service *service, const struct service_call *call,
                          const struct provider_path *path, struct service_answer *ret)
{
    CLEANUP(provider_unref) struct provider *provider = find(service, call, path, ret);

    if (provider != NULL) {
        answer_resource(call, provider, 200, ret);
    }
}

void service_resource_list(struct service *service, const struct service_call *call,
                           const struct provider_path *path, struct service_answer *ret)
{
    answer_list(service, call, path, is_in, ret);
}

void service_resource_defaults(struct service *service, const struct service_call *call,
                               struct service_answer *ret)
{
    answer_list(service, call, NULL, is_default, ret);
}

void service_resource_default(struct service *service, const struct service_call *call,
                              struct span location, struct service_answer *ret)
{
    const struct region *region = region_find(location);
    CLEANUP(provider_unref)
    struct provider *provider =
        region == NULL ? NULL
                       : providers_find(service->providers,
                                        span_str(region_shared_provider(call->arena, region)));

    if (provider == NULL || !provider->is_shared) {
        answer_refuse(call, ret, 404, "NoRegisteredProviderFound",
                      "There is no default attestation provider in the location '%.*s'.",
                      (int)(location.len < 40 ? location.len : 40), (const char *)location.data);
        return;
    }
    answer_resource(call, provider, 200, ret);
}

/* ---- writing ---- */

/* What a body asks for. */
struct wanted {
    const struct region *region; /* NULL: not said */
    bool has_tags, has_public, has_tpm, has_signers, has_model;
    yyjson_val *tags;
    bool is_public, needs_tpm_authentication;
    struct signers signers;
    bool is_isolated; /* trustModel: not chosen but by signers */
};

static err_t fault(struct trail *trail, const char *where, const char *what)
{
    err_t err = trail_set(trail, ERR_VALUE, "%s", what);

    return trail_in(trail, err, where);
}

static err_t read_switch(yyjson_val *properties, const char *name, struct trail *trail,
                         bool *ret_has, bool *ret)
{
    yyjson_val *value = json_get(properties, name);
    struct span text = json_span(value);

    if (value == NULL || yyjson_is_null(value)) {
        return ERR_OK;
    }
    *ret_has = true;
    *ret = text_span_equal_nocase(text, "Enabled");
    return *ret || text_span_equal_nocase(text, "Disabled")
               ? ERR_OK
               : fault(trail, name, "expected Enabled or Disabled");
}

/* Or who asks for isolation would get none of it and hear nothing. */
static err_t read_model(yyjson_val *properties, struct trail *trail, struct wanted *wanted)
{
    yyjson_val *value = json_get(properties, "trustModel");
    struct span text = json_span(value);

    if (value == NULL || yyjson_is_null(value)) {
        return ERR_OK;
    }
    wanted->has_model = true;
    wanted->is_isolated = text_span_equal_nocase(text, "Isolated");
    return wanted->is_isolated || text_span_equal_nocase(text, "AAD")
               ? ERR_OK
               : fault(trail, "trustModel", "expected AAD or Isolated");
}

static err_t read_signers(struct arena *arena, yyjson_val *properties, struct trail *trail,
                          struct wanted *wanted)
{
    yyjson_val *value = json_get(properties, "policySigningCertificates");
    err_t err;

    if (value == NULL || yyjson_is_null(value)) {
        return ERR_OK;
    }
    wanted->has_signers = true;
    /* Templates of Azure send an empty set for none. */
    err = signers_read(arena, value, trail, &wanted->signers);
    return err ? trail_in(trail, err, "policySigningCertificates") : ERR_OK;
}

static err_t read_tags(yyjson_val *root, struct trail *trail, struct wanted *wanted)
{
    yyjson_val *tags = json_get(root, "tags"), *key, *value;
    size_t i, n;

    if (tags == NULL || yyjson_is_null(tags)) {
        return ERR_OK;
    }
    if (!yyjson_is_obj(tags) || yyjson_obj_size(tags) > TAGS_MAX) {
        return fault(trail, "tags", "expected an object with at most 50 strings");
    }
    yyjson_obj_foreach(tags, i, n, key, value)
    {
        if (!yyjson_is_str(value) || yyjson_get_len(key) > TAG_NAME_MAX ||
            yyjson_get_len(value) > TAG_VALUE_MAX) {
            return fault(trail, "tags",
                         "a tag has a name of at most 512 and a text of at most 256 "
                         "bytes");
        }
    }
    wanted->has_tags = true;
    wanted->tags = tags;
    return ERR_OK;
}

static err_t read_location(yyjson_val *root, struct trail *trail, struct wanted *wanted)
{
    struct span location = json_span(json_get(root, "location"));

    if (json_get(root, "location") == NULL) {
        return ERR_OK;
    }
    wanted->region = region_find(location);
    return wanted->region != NULL
               ? ERR_OK
               : fault(trail, "location", "there is no such region; see GET /providers");
}

static err_t read_wanted(struct arena *arena, struct span body, struct trail *trail,
                         struct wanted *wanted)
{
    yyjson_val *root = NULL, *properties;
    err_t err = json_read(arena, body, NULL, trail, &root);

    if (err == ERR_OK && !yyjson_is_obj(root)) {
        err = trail_set(trail, ERR_VALUE, "expected a JSON object");
    }
    if (err) {
        return err;
    }
    properties = json_get(root, "properties");
    if (properties != NULL && !yyjson_is_null(properties) && !yyjson_is_obj(properties)) {
        return fault(trail, "properties", "expected an object");
    }
    err = read_location(root, trail, wanted);
    err = err ? err : read_tags(root, trail, wanted);
    err = err ? err
              : read_switch(properties, "publicNetworkAccess", trail, &wanted->has_public,
                            &wanted->is_public);
    err = err ? err
              : read_switch(properties, "tpmAttestationAuthentication", trail, &wanted->has_tpm,
                            &wanted->needs_tpm_authentication);
    err = err ? err : read_model(properties, trail, wanted);
    return err ? err : read_signers(arena, properties, trail, wanted);
}

static const char *keep_span(struct provider *provider, struct span text)
{
    return (const char *)arena_dup(provider->arena, text).data;
}

static const char *model_name(bool is_isolated)
{
    return is_isolated ? "Isolated" : "AAD";
}

static err_t keep_tags(struct provider *provider, const struct wanted *wanted)
{
    yyjson_mut_doc *doc = json_new(provider->arena);

    if (wanted->tags == NULL) {
        provider->tags = span_str("{}");
        return ERR_OK;
    }
    if (doc == NULL) {
        return ERR_MEMORY;
    }
    provider->tags =
        json_write(provider->arena, doc, yyjson_val_mut_copy(doc, wanted->tags), false);
    return provider->tags.data == NULL ? ERR_MEMORY : ERR_OK;
}

static err_t apply(struct provider *provider, void *data, struct trail *trail)
{
    const struct wanted *wanted = data;

    (void)trail;
    provider->is_public = wanted->has_public ? wanted->is_public : provider->is_public;
    provider->needs_tpm_authentication =
        wanted->has_tpm ? wanted->needs_tpm_authentication : provider->needs_tpm_authentication;
    return wanted->has_tags ? keep_tags(provider, wanted) : ERR_OK;
}

/* What a PUT does not say is as at the beginning: it replaces. Who may sign is no part of that, and
 * stays. */
static void want_defaults(struct wanted *wanted)
{
    if (!wanted->has_public) {
        wanted->has_public = wanted->is_public = true;
    }
    if (!wanted->has_tpm) {
        wanted->has_tpm = wanted->needs_tpm_authentication = true;
    }
    wanted->has_tags = true; /* NULL: none */
}

static bool are_same_signers(const struct signers *a, const struct signers *b)
{
    for (size_t i = 0; i < a->n; i++) {
        if (!signers_have(b, a->certs[i])) {
            return false;
        }
    }
    return a->n == b->n;
}

static err_t fill(struct service *service, const struct service_call *call,
                  const struct provider_path *path, struct wanted *wanted, struct provider *fresh)
{
    fresh->name = keep_span(fresh, path->name);
    fresh->subscription = keep_span(fresh, path->subscription);
    fresh->group = keep_span(fresh, path->group);
    fresh->region = wanted->region;
    fresh->key_kind = providers_key_kind(service->providers);
    fresh->tags = span_str("{}");
    fresh->is_isolated = wanted->signers.n > 0;
    signers_copy(&wanted->signers, &fresh->signers);
    (void)call;
    if (fresh->name == NULL || fresh->subscription == NULL || fresh->group == NULL) {
        return ERR_MEMORY;
    }
    fresh->id =
        arena_printf(fresh->arena, "/subscriptions/%s/resourceGroups/%s/providers/" TYPE "/%s",
                     fresh->subscription, fresh->group, fresh->name);
    return fresh->id == NULL ? ERR_MEMORY : apply(fresh, wanted, NULL);
}

static void refuse(const struct service_call *call, err_t err, const struct trail *trail,
                   const char *code, struct service_answer *ret)
{
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX];

    trail_format(trail, err, words, sizeof(words));
    if (err_category(err) == ERR_CAT_INTERNAL || err_category(err) == ERR_CAT_UNAVAILABLE) {
        answer_error(call, ret, err, trail);
    } else if (err == ERR_TOO_MANY) {
        answer_refuse(call, ret, 409, "QuotaExceeded", "%s", words);
    } else if (err == ERR_NOT_FOUND) {
        answer_refuse(call, ret, 404, "ResourceNotFound", "%s", words);
    } else {
        answer_refuse(call, ret,
                      err == ERR_CONFLICT ? 409
                      : err == ERR_DENIED ? 401
                                          : 400,
                      code, "%s", words);
    }
}

static void create(struct service *service, const struct service_call *call,
                   const struct provider_path *path, struct wanted *wanted,
                   struct service_answer *ret)
{
    CLEANUP(provider_unref) struct provider *fresh = NULL;
    struct trail trail = {0};
    err_t err = provider_name_check(path->name, &trail);

    if (err == ERR_OK && provider_name_is_shared(path->name)) {
        err = trail_set(&trail, ERR_VALUE, "names that begin with 'shared' are the service's own");
    }
    if (err) {
        refuse(call, err, &trail, "InvalidResourceName", ret);
        return;
    }
    if (path->group.len > GROUP_MAX || path->subscription.len > SUBSCRIPTION_MAX) {
        answer_refuse(call, ret, 400, "InvalidParameter",
                      "the subscription's or the resource group's name is too long");
        return;
    }
    if (wanted->region == NULL) {
        answer_refuse(call, ret, 400, "LocationRequired",
                      "The location property is required for this definition.");
        return;
    }
    if (wanted->has_model && wanted->is_isolated != (wanted->signers.n > 0)) {
        answer_refuse(call, ret, 400, "InvalidOperation",
                      "a provider is Isolated when policySigningCertificates names a certificate, "
                      "and AAD when it names none; trustModel %s does not agree with that",
                      model_name(wanted->is_isolated));
        return;
    }
    fresh = provider_new();
    err = fresh == NULL ? ERR_MEMORY : fill(service, call, path, wanted, fresh);
    err = err ? err : providers_add(service->providers, fresh, call->now, &trail);
    if (err) {
        refuse(call, err, &trail,
               err == ERR_CONFLICT ? "NameAlreadyExists" : "LocationNotAvailableForResourceType",
               ret);
        return;
    }
    answer_resource(call, fresh, 201, ret);
}

static void update(struct service *service, const struct service_call *call,
                   const struct provider *provider, struct wanted *wanted,
                   struct service_answer *ret)
{
    CLEANUP(provider_unref) struct provider *changed = NULL;
    struct trail trail = {0};
    err_t err;

    if (wanted->region != NULL && wanted->region != provider->region) {
        answer_refuse(call, ret, 409, "InvalidResourceLocation",
                      "The resource '%s' already exists in location '%s': a provider does not "
                      "move.",
                      provider->name, provider->region->name);
        return;
    }
    if (wanted->has_model && wanted->is_isolated != provider->is_isolated) {
        answer_refuse(call, ret, 400, "InvalidOperation",
                      "the trust model is chosen when a provider is made: '%s' is %s, and stays so",
                      provider->name, model_name(provider->is_isolated));
        return;
    }
    if (wanted->has_signers && !are_same_signers(&wanted->signers, &provider->signers)) {
        answer_refuse(call, ret, 400, "InvalidOperation",
                      "policySigningCertificates are chosen when a provider is made; change them "
                      "with /certificates:add and :remove, signed by one of them");
        return;
    }
    err =
        providers_change(service->providers, provider, apply, wanted, call->now, &trail, &changed);
    if (err) {
        refuse(call, err, &trail, err == ERR_CONFLICT ? "Conflict" : "InvalidParameter", ret);
        return;
    }
    answer_resource(call, changed, 200, ret);
}

static bool read_body(const struct service_call *call, struct span body, struct wanted *wanted,
                      struct service_answer *ret)
{
    struct trail trail = {0};
    err_t err = read_wanted(call->arena, body, &trail, wanted);

    if (err) {
        /* What is too many here is the body's doing, and no quota. */
        refuse(call, err == ERR_TOO_MANY ? ERR_VALUE : err, &trail, "InvalidRequestContent", ret);
    }
    return err == ERR_OK;
}

void service_resource_put(struct service *service, const struct service_call *call,
                          const struct provider_path *path, struct span body,
                          struct service_answer *ret)
{
    CLEANUP(provider_unref)
    struct provider *provider = providers_find(service->providers, path->name);
    struct wanted wanted = {0};

    if (!read_body(call, body, &wanted, ret)) {
        signers_done(&wanted.signers);
        return;
    }
    if (provider != NULL && is_in(provider, path)) {
        want_defaults(&wanted);
        update(service, call, provider, &wanted, ret);
    } else {
        create(service, call, path, &wanted, ret);
    }
    signers_done(&wanted.signers);
}

void service_resource_patch(struct service *service, const struct service_call *call,
                            const struct provider_path *path, struct span body,
                            struct service_answer *ret)
{
    CLEANUP(provider_unref) struct provider *provider = find(service, call, path, ret);
    struct wanted wanted = {0};

    if (provider != NULL && read_body(call, body, &wanted, ret)) {
        update(service, call, provider, &wanted, ret);
    }
    signers_done(&wanted.signers);
}

/* One that is not there is gone: 204, as resource managers have it. */
void service_resource_delete(struct service *service, const struct service_call *call,
                             const struct provider_path *path, struct service_answer *ret)
{
    CLEANUP(provider_unref)
    struct provider *provider = providers_find(service->providers, path->name);
    struct trail trail = {0};
    err_t err;

    if (provider_name_is_shared(path->name)) {
        answer_refuse(call, ret, 400, "InvalidResourceName",
                      "names that begin with 'shared' are the service's own: nobody removes it");
        return;
    }
    ret->status = 204;
    ret->body = span_str("");
    if (provider == NULL || !is_in(provider, path)) {
        return;
    }
    err = providers_remove(service->providers, provider, &trail);
    if (err == ERR_NOT_FOUND) {
        return;
    }
    if (err) {
        refuse(call, err, &trail, "InvalidOperation", ret);
        return;
    }
    ret->status = 200;
}

void service_resource_rotate(struct service *service, const struct service_call *call,
                             const struct provider_path *path, struct service_answer *ret)
{
    CLEANUP(provider_unref) struct provider *provider = find(service, call, path, ret);
    CLEANUP(provider_unref) struct provider *changed = NULL;
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    struct trail trail = {0};
    const char *kid, *next = NULL;
    err_t err;

    if (provider == NULL) {
        return;
    }
    err = root == NULL
              ? ERR_MEMORY
              : providers_rotate(service->providers, provider, call->now, &trail, &changed);
    if (err) {
        refuse(call, err == ERR_TOO_MANY ? ERR_CONFLICT : err, &trail, "Conflict", ret);
        return;
    }
    kid = signer_kid(changed->signer, call->now, &next);
    json_add_text(doc, root, "signingKeyId", kid);
    json_add_text(doc, root, "nextSigningKeyId", next);
    json_add_uint(doc, root, "signsInSeconds", next == NULL ? 0 : SIGNER_AHEAD_S);
    answer_json(call, ret, doc, root);
}
