/*
 * machine-extension.c - what owners want of a machine's agent: settings, version, upgrades, and
 * whether it is to be monitored at all.
 */
#include "service/machines-internal.h"

#include "provider/attestation-config.h"
#include "service/state.h"
#include "store/extensions.h"

#include <stdio.h>

static err_t answer_extension(struct service *service, const struct service_call *call,
                              const struct store_machine *machine, struct trail *trail,
                              struct service_answer *ret)
{
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    struct store_extension extension;
    err_t err = root == NULL ? ERR_MEMORY
                             : store_extension_get(service->store, call->arena, machine->id, trail,
                                                   &extension);

    if (err) {
        return err;
    }
    json_add_bool(doc, root, "wanted", extension.is_wanted);
    json_add_text(doc, root, "typeHandlerVersion", extension.version);
    json_add_bool(doc, root, "autoUpgradeMinorVersion", extension.upgrades_minor);
    json_add_bool(doc, root, "enableAutomaticUpgrade", extension.upgrades);
    json_add_int(doc, root, "sequence", extension.sequence);
    machines_add_time(call->arena, doc, root, "changed", extension.changed);
    machines_add_json(call, doc, root, "settings", extension.settings);
    answer_json(call, ret, doc, root);
    return ERR_OK;
}

void service_extension_get(struct service *service, const struct service_call *call,
                           const struct machine_path *path, struct span body,
                           struct service_answer *ret)
{
    struct store_machine machine;
    struct trail trail = {0};
    err_t err = machines_find(service, call, path, &trail, &machine);

    (void)body;
    err = err ? err : answer_extension(service, call, &machine, &trail, ret);
    if (err) {
        machines_fail(call, err, &trail, ret);
    }
}

static err_t read_bool(yyjson_val *root, const char *name, struct trail *trail, bool *ret)
{
    yyjson_val *value = json_get(root, name);

    if (value == NULL) {
        return ERR_OK;
    }
    if (!yyjson_is_bool(value)) {
        trail_set(trail, ERR_VALUE, "must be true or false");
        return trail_in(trail, ERR_VALUE, name);
    }
    *ret = yyjson_get_bool(value);
    return ERR_OK;
}

/* "1.0": two or more numbers with dots. */
static err_t read_version(yyjson_val *root, struct trail *trail, struct store_extension *ret)
{
    yyjson_val *value = json_get(root, "typeHandlerVersion");
    const char *text = value == NULL ? NULL : json_text(value);

    if (value == NULL) {
        return ERR_OK;
    }
    if (text == NULL || strlen(text) >= sizeof(ret->version) ||
        text[strspn(text, "0123456789.")] != '\0' || strchr(text, '.') == NULL) {
        trail_set(trail, ERR_VALUE, "must be a version such as 1.0");
        return trail_in(trail, ERR_VALUE, "typeHandlerVersion");
    }
    snprintf(ret->version, sizeof(ret->version), "%s", text);
    return ERR_OK;
}

/* What the body does not name stays as it is. */
static err_t read_extension(const struct service_call *call, struct span body, struct trail *trail,
                            struct store_extension *ret)
{
    struct attestation_config config;
    yyjson_val *root = NULL, *settings;
    yyjson_mut_doc *doc = json_new(call->arena);
    err_t err = doc == NULL ? ERR_MEMORY : json_read(call->arena, body, NULL, trail, &root);

    if (err == ERR_OK && !yyjson_is_obj(root)) {
        err = trail_set(trail, ERR_JSON_TYPE, "the body is not a JSON object");
    }
    err = err ? err : read_bool(root, "wanted", trail, &ret->is_wanted);
    err = err ? err : read_bool(root, "autoUpgradeMinorVersion", trail, &ret->upgrades_minor);
    err = err ? err : read_bool(root, "enableAutomaticUpgrade", trail, &ret->upgrades);
    err = err ? err : read_version(root, trail, ret);
    settings = err ? NULL : json_get(root, "settings");
    if (settings != NULL && !yyjson_is_obj(settings)) {
        trail_set(trail, ERR_VALUE, "must be an object");
        return trail_in(trail, ERR_VALUE, "settings");
    }
    if (settings != NULL) {
        err = attestation_config_read(call->arena, settings, trail, &config);
        if (err) {
            return err;
        }
        ret->settings = json_write(call->arena, doc, yyjson_val_mut_copy(doc, settings), false);
        err = ret->settings.data == NULL ? ERR_MEMORY : ERR_OK;
    }
    return err;
}

/* Nobody is told of a machine that its owner does not want to be monitored. */
static err_t set_wanted(struct service *service, struct arena *arena, int64_t now, const char *who,
                        const struct store_machine *machine, bool is_wanted, enum off_reason off,
                        struct trail *trail)
{
    struct state_update update = {.sets_off = true, .is_off = !is_wanted, .off = off};

    update.words = arena_printf(arena, "%s switched monitoring on: it has to prove its boot", who);
    if (update.words == NULL) {
        return ERR_MEMORY;
    }
    state_prepare(service, &update, machine, now);
    return state_apply(service, &update, trail);
}

err_t service_want(struct service *service, struct arena *arena, int64_t now,
                   const char *machine_id, struct store_extension *extension, const char *who,
                   enum off_reason off, struct trail *trail)
{
    struct store_machine machine;
    err_t err;

    extension->changed = now;
    err = store_extension_set(service->store, machine_id, extension, trail, &extension->sequence);
    if (err) {
        return err;
    }
    err = store_machine_by_id(service->store, machine_id, trail, &machine);
    return err == ERR_NOT_FOUND ? ERR_OK
           : err                ? err
                 : set_wanted(service, arena, now, who, &machine, extension->is_wanted, off, trail);
}

err_t service_want_nothing(struct service *service, struct arena *arena, int64_t now,
                           const char *machine_id, enum off_reason off, struct trail *trail)
{
    struct store_machine machine;
    struct store_monitor row;
    err_t err = store_machine_by_id(service->store, machine_id, trail, &machine);

    if (err == ERR_NOT_FOUND) {
        return ERR_OK;
    }
    err = err ? err : store_monitor_get(service->store, machine_id, trail, &row);
    if (err || !machine.is_active || strcmp(row.why, off_why(off)) == 0) {
        return err;
    }
    return set_wanted(service, arena, now, "", &machine, false, off, trail);
}

void service_extension_put(struct service *service, const struct service_call *call,
                           const struct machine_path *path, struct span body,
                           struct service_answer *ret)
{
    struct store_extension extension;
    struct store_machine machine;
    struct trail trail = {0};
    err_t err = machines_find(service, call, path, &trail, &machine);

    err = err ? err
              : store_extension_get(service->store, call->arena, machine.id, &trail, &extension);
    err = err ? err : read_extension(call, body, &trail, &extension);
    err = err ? err
              : service_want(service, call->arena, call->now, machine.id, &extension, path->who,
                             OFF_SWITCHED, &trail);
    err = err ? err : answer_extension(service, call, &machine, &trail, ret);
    if (err) {
        machines_fail(call, err, &trail, ret);
    }
}
