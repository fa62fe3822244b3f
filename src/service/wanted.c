#include "service/wanted.h"

#include <string.h>

#define PROVIDERS_PATH "/providers/"

/* https://NAME.REGION.SUFFIX or https://HOST/providers/NAME. */
static const char *provider_at(struct service *service, const struct service_call *call,
                               const char *url)
{
    const char *host = url + strlen("https://"), *end = host + strcspn(host, "/:");
    const char *path = host + strcspn(host, "/");
    CLEANUP(provider_unref) struct provider *provider = NULL;

    if (strncmp(path, PROVIDERS_PATH, strlen(PROVIDERS_PATH)) == 0) {
        const char *name = path + strlen(PROVIDERS_PATH);

        provider = providers_find(service->providers, span_of(name, strcspn(name, "/")));
    } else {
        provider = providers_at_host(service->providers, span_of(host, (size_t)(end - host)));
    }
    /* It was named: when there is no such one, no other one counts. */
    return provider == NULL ? ""
                            : (const char *)arena_dup(call->arena, span_str(provider->name)).data;
}

err_t wanted_of(struct service *service, const struct service_call *call, const char *machine_id,
                struct trail *trail, struct wanted *ret)
{
    yyjson_val *settings = NULL;
    struct trail why = {0};
    err_t err =
        store_extension_get(service->store, call->arena, machine_id, trail, &ret->extension);

    if (err) {
        return err;
    }
    err = json_read(call->arena, ret->extension.settings, NULL, &why, &settings);
    err = err ? err : attestation_config_read(call->arena, settings, &why, &ret->config);
    if (err == ERR_MEMORY || arena_is_exhausted(call->arena)) {
        return ERR_MEMORY;
    }
    if (err) {
        return trail_set(
            trail, ERR_STORE,
            "the settings of the machine's extension cannot be read (%s: %s): set them "
            "again",
            why.where, why.what);
    }
    ret->longest_s = ret->config.frequency_minutes > 0 ? (int64_t)ret->config.frequency_minutes * 60
                                                       : service->period_s;
    ret->provider =
        ret->config.attest_url == NULL ? NULL : provider_at(service, call, ret->config.attest_url);
    return ERR_OK;
}
