#include "service/wanted.h"

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
    if (err) {
        return trail_set(
            trail, ERR_STORE,
            "the settings of the machine's extension cannot be read (%s: %s): set them "
            "again",
            why.where, why.what);
    }
    ret->longest_s = ret->config.frequency_minutes > 0 ? (int64_t)ret->config.frequency_minutes * 60
                                                       : service->period_s;
    return ERR_OK;
}
