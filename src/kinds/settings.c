/*
 * settings.c - Bootwarden.Monitor/settings/default: what an administrator set for a subscription.
 */
#include "kinds/settings.h"

#include "base/text.h"

static bool is_default(struct span name)
{
    return text_span_equal_nocase(name, "default");
}

static bool prepare(struct control_call *call, const struct resource *before,
                    struct resource *wanted, struct control_answer *ret)
{
    static const char *const names[] = {"installGuestAttestation", "requireSecureBoot"};
    yyjson_mut_val *properties = resource_properties(call, wanted), *key;
    yyjson_mut_obj_iter iter;

    (void)before;
    (void)yyjson_mut_obj_iter_init(properties, &iter);
    while ((key = yyjson_mut_obj_iter_next(&iter)) != NULL) {
        const char *name = yyjson_mut_get_str(key);
        bool is_known = false;

        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            is_known = is_known || text_equal_nocase(name, names[i]);
        }
        if (!is_known || !yyjson_mut_is_bool(yyjson_mut_obj_iter_get_val(key))) {
            control_refuse(call, ret, 400, "InvalidParameter",
                           "properties.%s: the settings are installGuestAttestation and "
                           "requireSecureBoot, each true or false.",
                           name);
            return false;
        }
    }
    return true;
}

const struct kind kind_settings = {
    .type = "Bootwarden.Monitor/settings",
    .versions = "2026-11-01",
    .flags = KIND_AT_SUBSCRIPTION,
    .name_is_good = is_default,
    .name_words = "The settings of a subscription are called 'default'.",
    .prepare = prepare,
};

static yyjson_mut_val *setting(struct control_call *call, const struct resource *resource,
                               const char *name)
{
    struct resource_path path;
    struct resource settings;
    const char *id = NULL;

    if (resource_id_read(call->arena, span_str(resource->id), NULL, &path) == ERR_OK) {
        id = arena_printf(call->arena, "/subscriptions/%.*s/providers/%s/default",
                          (int)path.subscription.len, (const char *)path.subscription.data,
                          kind_settings.type);
    }
    return id == NULL || resource_load(call, id, NULL, &settings) != ERR_OK
               ? NULL
               : body_get(body_get(settings.body, "properties"), name);
}

bool subscription_installs_extension(struct control_call *call, const struct resource *resource)
{
    return yyjson_mut_is_true(setting(call, resource, "installGuestAttestation"));
}

/* What cannot be read is as strict as it can be. */
bool subscription_needs_secure_boot(struct control_call *call, const struct resource *resource)
{
    return !yyjson_mut_is_false(setting(call, resource, "requireSecureBoot"));
}
