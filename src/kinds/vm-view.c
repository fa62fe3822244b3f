/*
 * vm-view.c - the instance view of a virtual machine: what its guest says, in Azure's words
 * (control-plane-api 7), and what can be done to it.
 */
#include "kinds/vm.h"

#include "base/text.h"
#include "base/timestamp.h"

#include <stdio.h>

yyjson_mut_val *status_value(struct control_call *call, const char *code, const char *level,
                             const char *display, const char *message, int64_t time)
{
    yyjson_mut_val *object = yyjson_mut_obj(call->doc);
    char text[TIMESTAMP_SIZE];

    json_add_text(call->doc, object, "code", code);
    json_add_text(call->doc, object, "level", level);
    json_add_text(call->doc, object, "displayStatus", display);
    if (message != NULL && message[0] != '\0') {
        json_add_text(call->doc, object, "message", message);
    }
    if (time != 0) {
        timestamp_format(time, text, sizeof(text));
        json_add_text(call->doc, object, "time", text);
    }
    return object;
}

static void append(yyjson_mut_val *array, yyjson_mut_val *value)
{
    (void)yyjson_mut_arr_append(array, value);
}

/* ---- power ---- */

/* As its owner said; nothing said: it runs. */
static const char *power_of(const struct resource *vm)
{
    const char *power = body_text_at(body_get(vm->body, RESOURCE_PRIVATE), "power");

    return power == NULL ? "running" : power;
}

static void add_power(struct control_call *call, yyjson_mut_val *array, const struct resource *vm)
{
    const char *power = power_of(vm);

    append(array, status_value(call, arena_printf(call->arena, "PowerState/%s", power), "Info",
                               arena_printf(call->arena, "VM %s", power), NULL, 0));
}

/* ---- the view ---- */

static yyjson_mut_val *agent_value(struct control_call *call, const struct vm_guest *guest,
                                   const struct resource *extensions, size_t n,
                                   const struct extension_state *states)
{
    yyjson_mut_val *agent = yyjson_mut_obj(call->doc), *array;
    bool is_heard = guest->is_there && guest->monitor.contact != 0 &&
                    strcmp(guest->monitor.state, "silent") != 0;

    json_add_text(call->doc, agent, "vmAgentVersion",
                  guest->monitor.agent_version[0] == '\0' ? "Unknown"
                                                          : guest->monitor.agent_version);
    array = json_add_array(call->doc, agent, "statuses");
    append(array,
           is_heard
               ? status_value(call, "ProvisioningState/succeeded", "Info", "Ready",
                              "Guest Agent is running", guest->monitor.contact)
               : status_value(call, "ProvisioningState/Unavailable", "Warning", "Not Ready",
                              guest->is_there ? "VM status blob is found but not yet populated: "
                                                "the guest's agent is not heard"
                                              : "No guest has joined as this virtual machine yet",
                              call->now));
    array = json_add_array(call->doc, agent, "extensionHandlers");
    for (size_t i = 0; i < n; i++) {
        yyjson_mut_val *handler = yyjson_mut_obj(call->doc);
        bool is_good = strcmp(states[i].state, "Succeeded") == 0;
        bool is_failed = strcmp(states[i].state, "Failed") == 0;

        json_add_text(call->doc, handler, "type",
                      arena_printf(call->arena, "%s.%s",
                                   body_text_at(extensions[i].body, "properties.publisher"),
                                   body_text_at(extensions[i].body, "properties.type")));
        json_add_text(call->doc, handler, "typeHandlerVersion",
                      body_text_at(extensions[i].body, "properties.typeHandlerVersion"));
        json_add_value(call->doc, handler, "status",
                       status_value(call,
                                    is_good     ? "ProvisioningState/succeeded"
                                    : is_failed ? "ProvisioningState/failed"
                                                : "ProvisioningState/transitioning",
                                    is_failed ? "Error" : "Info", is_good ? "Ready" : "Not Ready",
                                    states[i].message, 0));
        append(array, handler);
    }
    return agent;
}

static void add_disks(struct control_call *call, yyjson_mut_val *view, const struct resource *vm)
{
    yyjson_mut_val *array = json_add_array(call->doc, view, "disks");
    yyjson_mut_val *disk = yyjson_mut_obj(call->doc), *statuses;

    json_add_text(call->doc, disk, "name",
                  body_text_at(vm->body, "properties.storageProfile.osDisk.name"));
    statuses = json_add_array(call->doc, disk, "statuses");
    append(statuses, status_value(call, "ProvisioningState/succeeded", "Info",
                                  "Provisioning succeeded", NULL, vm->created));
    append(array, disk);
}

static void add_extensions(struct control_call *call, yyjson_mut_val *view,
                           const struct resource *extensions, size_t n,
                           const struct extension_state *states, const struct vm_guest *guest)
{
    yyjson_mut_val *array = json_add_array(call->doc, view, "extensions");

    for (size_t i = 0; i < n; i++) {
        append(array, extension_view(call, &extensions[i], &states[i], guest));
    }
}

yyjson_mut_val *vm_instance_view(struct control_call *call, const struct resource *vm)
{
    yyjson_mut_doc *doc = call->doc;
    yyjson_mut_val *view = yyjson_mut_obj(doc), *statuses;
    struct resource *extensions = NULL;
    struct extension_state *states;
    struct vm_guest guest = {0};
    size_t n = 0;

    if (guest_load(call, vm_id_of(vm), NULL, &guest) != ERR_OK ||
        vm_extensions(call, vm->key, NULL, &extensions, &n) != ERR_OK) {
        n = 0;
    }
    states = arena_calloc(call->arena, n + 1, sizeof(*states));
    for (size_t i = 0; states != NULL && i < n; i++) {
        extension_judge(call, vm, &extensions[i], &guest, false, &states[i]);
    }
    if (states == NULL) {
        n = 0;
    }
    json_add_text(doc, view, "computerName",
                  body_text_at(vm->body, "properties.osProfile.computerName"));
    json_add_text(doc, view, "osName", vm_is_windows(vm) ? "Windows" : "Linux");
    json_add_text(doc, view, "osVersion", "");
    json_add_text(doc, view, "hyperVGeneration", "V2");
    json_add_value(doc, view, "vmAgent", agent_value(call, &guest, extensions, n, states));
    add_disks(call, view, vm);
    add_extensions(call, view, extensions, n, states, &guest);
    json_add_object(doc, view, "bootDiagnostics");
    statuses = json_add_array(doc, view, "statuses");
    append(statuses, status_value(call, "ProvisioningState/succeeded", "Info",
                                  "Provisioning succeeded", NULL, vm->changed));
    add_power(call, statuses, vm);
    return view;
}

static void act_view(struct control_call *call, struct resource *vm, struct control_answer *ret)
{
    control_answer_value(call, 200, vm_instance_view(call, vm), ret);
}

/* ---- actions ---- */

/* What the owner says of its power is kept. A machine that was stopped is not missed. */
static void set_power(struct control_call *call, struct resource *vm, const char *power,
                      struct control_answer *ret)
{
    bool is_raced = true;

    for (int i = 0; is_raced && i < 8; i++) {
        struct trail trail = {0};
        err_t err = resource_load(call, vm->id, &trail, vm);

        *ret = (struct control_answer){0};
        if (err) {
            control_fail(call, err, &trail, ret);
            return;
        }
        body_set_text(call->doc, resource_private(call, vm), "power", power);
        if (resource_keep(call, vm, "", ret, &is_raced)) {
            break;
        }
    }
    if (ret->code == NULL && vm_sync_wanted(call, vm, ret)) {
        operation_begin(call, "Microsoft.Compute", vm->location, vm->key, OPERATION_DONE, ret,
                        NULL);
        if (ret->code == NULL) {
            ret->status = 202;
        }
    }
}

#define POWER(NAME, POWER_STATE)                                                                   \
    static void act_##NAME(struct control_call *call, struct resource *vm,                         \
                           struct control_answer *ret)                                             \
    {                                                                                              \
        set_power(call, vm, POWER_STATE, ret);                                                     \
    }

POWER(start, "running")
POWER(restart, "running")
POWER(reapply, "running")
POWER(stop, "stopped")
POWER(deallocate, "deallocated")

/* POST .../createJoinToken: the guest joins with it (docs/formats/virtual-machines.md). */
static void act_token(struct control_call *call, struct resource *vm, struct control_answer *ret)
{
    yyjson_mut_val *object = yyjson_mut_obj(call->doc);
    const char *name = NULL, *token = guest_new_token(call, vm, ret, &name);

    if (token == NULL || !vm_sync_wanted(call, vm, ret)) {
        return;
    }
    json_add_text(call->doc, object, "token", token);
    json_add_text(call->doc, object, "name", name);
    json_add_uint(call->doc, object, "validDays", GUEST_VALID_DAYS);
    control_answer_value(call, 200, object, ret);
}

const struct kind_action vm_actions[] = {
    {HTTP_GET, "instanceView", "instanceView/read", act_view},
    {HTTP_POST, "start", "start/action", act_start},
    {HTTP_POST, "powerOff", "powerOff/action", act_stop},
    {HTTP_POST, "restart", "restart/action", act_restart},
    {HTTP_POST, "deallocate", "deallocate/action", act_deallocate},
    {HTTP_POST, "redeploy", "redeploy/action", act_restart},
    {HTTP_POST, "reapply", "reapply/action", act_reapply},
    {HTTP_POST, "testNetwork", "testNetwork/action", vm_test_network},
    {HTTP_POST, "createJoinToken", "createJoinToken/action", act_token},
    {HTTP_POST, "createIdentityAddress", "createIdentityAddress/action", vm_identity_address},
    {0, NULL, NULL, NULL},
};
