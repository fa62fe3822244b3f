/*
 * virtual-machine.c - Microsoft.Compute/virtualMachines (control-plane-api 7). A virtual machine
 * here is what its owner says of it: nothing is started or stopped. What really boots is its guest
 * (kinds/guest.h).
 */
#include "control/known.h"
#include "kinds/vm.h"

#include "base/text.h"
#include "base/timestamp.h"
#include "service/machines.h"

#include <stdio.h>

#define SECURITY "properties.securityProfile"
#define UEFI SECURITY ".uefiSettings"

/* ---- what it is ---- */

bool vm_is_windows(const struct resource *vm)
{
    const char *os = body_text_at(vm->body, "properties.storageProfile.osDisk.osType");

    return os != NULL && text_equal_nocase(os, "Windows");
}

bool vm_has_trusted_launch(const struct resource *vm)
{
    const char *type = body_text_at(vm->body, SECURITY ".securityType");

    return type != NULL &&
           (text_equal_nocase(type, "TrustedLaunch") || text_equal_nocase(type, "ConfidentialVM"));
}

bool vm_has_secure_boot(const struct resource *vm)
{
    return body_is_true(body_at(vm->body, UEFI ".secureBootEnabled"));
}

bool vm_has_vtpm(const struct resource *vm)
{
    return body_is_true(body_at(vm->body, UEFI ".vTpmEnabled"));
}

const char *vm_id_of(const struct resource *vm)
{
    const char *id = body_text_at(body_get(vm->body, RESOURCE_PRIVATE), "vmId");

    return id == NULL ? "" : id;
}

/* ---- security profile ---- */

/* What protects it, and what it is reached by (SDKs of Azure for Microsoft.Compute 2024-11-01). */
static const struct known_object vm_members[] = {
    {"properties", "VirtualMachineProperties", KNOWN_SOME,
     KNOWN("securityProfile", "networkProfile", "userData")},
    {SECURITY, "SecurityProfile", KNOWN_ALL,
     KNOWN("uefiSettings", "securityType", "encryptionAtHost", "encryptionIdentity",
           "proxyAgentSettings")},
    {UEFI, "UefiSettings", KNOWN_ALL, KNOWN("secureBootEnabled", "vTpmEnabled")},
};

static bool is_switch(yyjson_mut_val *value)
{
    const char *text = body_text(value);

    return yyjson_mut_is_bool(value) ||
           (text != NULL && (text_equal_nocase(text, "true") || text_equal_nocase(text, "false")));
}

/* One spelling of each name and value: clients write several. */
static bool normalise_security(struct control_call *call, yyjson_mut_val *profile,
                               struct control_answer *ret)
{
    static const char *const types[] = {"TrustedLaunch", "ConfidentialVM", "Standard"};
    static const char *const switches[] = {"secureBootEnabled", "vTpmEnabled"};
    yyjson_mut_val *uefi = body_get(profile, "uefiSettings");
    const char *type = body_text_at(profile, "securityType");

    if (body_get(profile, "securityType") != NULL) {
        const char *known = NULL;

        for (size_t i = 0; type != NULL && i < ARRAY_LEN(types); i++) {
            known = text_equal_nocase(type, types[i]) ? types[i] : known;
        }
        if (known == NULL) {
            control_refuse(call, ret, 400, "InvalidParameter",
                           "securityProfile.securityType is TrustedLaunch, ConfidentialVM or "
                           "Standard.");
            ret->target = "securityProfile.securityType";
            return false;
        }
        body_set_text(call->doc, profile, "securityType", known);
    }
    for (size_t i = 0; i < ARRAY_LEN(switches); i++) {
        yyjson_mut_val *value = body_get(uefi, switches[i]);

        if (value == NULL) {
            continue;
        }
        if (!is_switch(value)) {
            control_refuse(call, ret, 400, "InvalidParameter",
                           "securityProfile.uefiSettings.%s is true or false.", switches[i]);
            return false;
        }
        body_set(call->doc, uefi, switches[i], yyjson_mut_bool(call->doc, body_is_true(value)));
    }
    return true;
}

static bool is_type(yyjson_mut_val *profile, const char *type)
{
    const char *text = body_text_at(profile, "securityType");

    return text_equal_nocase(text == NULL ? "Standard" : text, type);
}

static bool is_deallocated(const struct resource *vm)
{
    const char *power = body_text_at(body_get(vm->body, RESOURCE_PRIVATE), "power");

    return power != NULL && strcmp(power, "deallocated") == 0;
}

/* Standard to TrustedLaunch and back while it is deallocated; ConfidentialVM stays what it is. */
static bool change_is_allowed(struct control_call *call, const struct resource *before,
                              yyjson_mut_val *profile, struct control_answer *ret)
{
    yyjson_mut_val *old = before == NULL ? NULL : body_at(before->body, SECURITY);
    const char *type = body_text_at(profile, "securityType");

    if (before == NULL || is_type(old, type == NULL ? "Standard" : type)) {
        return true;
    }
    if (is_type(old, "ConfidentialVM") || is_type(profile, "ConfidentialVM")) {
        control_refuse(call, ret, 409, "PropertyChangeNotAllowed",
                       "Changing property 'securityProfile.securityType' is not allowed: a virtual "
                       "machine is made confidential, or is not.");
    } else if (!is_deallocated(before)) {
        control_refuse(call, ret, 409, "OperationNotAllowed",
                       "Changing property 'securityProfile.securityType' needs the virtual machine "
                       "to be deallocated: az vm deallocate, then update, then start.");
    } else {
        return true;
    }
    ret->target = "securityProfile.securityType";
    return false;
}

/* The member as it was, when the new one does not say. */
static void keep(struct control_call *call, yyjson_mut_val *old, yyjson_mut_val *wanted,
                 const char *name)
{
    yyjson_mut_val *value = body_get(old, name);

    if (value != NULL && body_get(wanted, name) == NULL) {
        body_set(call->doc, wanted, name, yyjson_mut_val_mut_copy(call->doc, value));
    }
}

/* The object of that name in `wanted`, if there was one; else NULL. */
static yyjson_mut_val *kept_object(struct control_call *call, yyjson_mut_val *old,
                                   yyjson_mut_val *wanted, const char *name)
{
    return yyjson_mut_is_obj(body_get(old, name)) ? body_need_object(call->doc, wanted, name)
                                                  : NULL;
}

static void keep_security(struct control_call *call, yyjson_mut_val *old, yyjson_mut_val *wanted)
{
    yyjson_mut_val *profile = kept_object(call, old, wanted, "securityProfile"), *uefi;

    old = body_get(old, "securityProfile");
    keep(call, old, profile, "securityType");
    if (is_type(profile, "Standard")) {
        return; /* which has no UEFI settings */
    }
    uefi = kept_object(call, old, profile, "uefiSettings");
    keep(call, body_get(old, "uefiSettings"), uefi, "secureBootEnabled");
    keep(call, body_get(old, "uefiSettings"), uefi, "vTpmEnabled");
}

static void keep_storage(struct control_call *call, yyjson_mut_val *old, yyjson_mut_val *wanted)
{
    static const char *const of_disk[] = {"osType", "name", "managedDisk"};
    yyjson_mut_val *storage = kept_object(call, old, wanted, "storageProfile"), *disk;

    old = body_get(old, "storageProfile");
    keep(call, old, storage, "imageReference");
    keep(call, old, storage, "dataDisks");
    disk = kept_object(call, old, storage, "osDisk");
    for (size_t i = 0; i < ARRAY_LEN(of_disk); i++) {
        keep(call, body_get(old, "osDisk"), disk, of_disk[i]);
    }
}

/* What an update does not say stays: clients leave it out, and nothing may be lowered by that
 * (control-plane-api 7). */
static void keep_before(struct control_call *call, const struct resource *before,
                        struct resource *wanted)
{
    static const char *const whole[] = {"osProfile", "hardwareProfile", "networkProfile",
                                        "userData"};
    yyjson_mut_val *properties = resource_properties(call, wanted);
    yyjson_mut_val *old = body_get(before->body, "properties");

    for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
        keep(call, old, properties, whole[i]);
    }
    keep_security(call, old, properties);
    keep_storage(call, old, properties);
    keep(call, before->body, wanted->body, "identity");
}

static bool prepare_security(struct control_call *call, const struct resource *before,
                             struct resource *wanted, struct control_answer *ret)
{
    yyjson_mut_val *profile = body_at(wanted->body, SECURITY);

    if (profile == NULL) {
        return true;
    }
    if (!normalise_security(call, profile, ret)) {
        return false;
    }
    if (body_get(profile, "uefiSettings") != NULL && is_type(profile, "Standard")) {
        control_refuse(call, ret, 400, "BadRequest",
                       "Use of UEFI settings is not supported for the request because the "
                       "securityType is not TrustedLaunch or ConfidentialVM.");
        ret->target = "securityProfile.uefiSettings";
        return false;
    }
    return change_is_allowed(call, before, profile, ret);
}

/* ---- disks ---- */

static bool is_windows_image(yyjson_mut_val *image)
{
    const char *publisher = body_text_at(image, "publisher");

    return publisher != NULL &&
           text_span_equal_nocase(span_cut(span_str(publisher), 0, 16), "MicrosoftWindows");
}

/* osType must be there: clients choose the extension's publisher by it. */
static bool prepare_disk(struct control_call *call, struct resource *wanted,
                         struct control_answer *ret)
{
    yyjson_mut_val *properties = resource_properties(call, wanted);
    yyjson_mut_val *storage = body_need_object(call->doc, properties, "storageProfile");
    yyjson_mut_val *disk = body_need_object(call->doc, storage, "osDisk");
    yyjson_mut_val *os = body_get(properties, "osProfile"), *managed;
    const char *type = body_text_at(disk, "osType");
    const char *hex = derived_hex(call, wanted->id, "disk", 32);
    struct resource_path path;

    if (type != NULL && !text_equal_nocase(type, "Linux") && !text_equal_nocase(type, "Windows")) {
        control_refuse(call, ret, 400, "InvalidParameter",
                       "storageProfile.osDisk.osType is Linux or Windows.");
        return false;
    }
    if (type == NULL) {
        bool is_windows = body_get(os, "windowsConfiguration") != NULL ||
                          is_windows_image(body_get(storage, "imageReference"));

        type = is_windows ? "Windows" : "Linux";
    }
    body_set_text(call->doc, disk, "osType",
                  text_equal_nocase(type, "Windows") ? "Windows" : "Linux");
    if (body_text_at(disk, "name") == NULL && hex != NULL) {
        body_set_text(call->doc, disk, "name",
                      arena_printf(call->arena, "%s_OsDisk_1_%s", wanted->name, hex));
    }
    managed = body_need_object(call->doc, disk, "managedDisk");
    if (body_get(managed, "id") == NULL &&
        resource_id_read(call->arena, span_str(wanted->id), NULL, &path) == ERR_OK) {
        body_set_text(call->doc, managed, "id",
                      arena_printf(call->arena, "%s/providers/Microsoft.Compute/disks/%s",
                                   path.scope, body_text_at(disk, "name")));
    }
    if (body_get(disk, "createOption") == NULL) {
        body_set_text(call->doc, disk, "createOption", "FromImage");
    }
    return true;
}

/* A disk that is attached comes by its id alone, and is detached by its name. */
static void name_data_disks(struct control_call *call, struct resource *wanted)
{
    yyjson_mut_val *item;
    yyjson_mut_arr_iter iter;

    (void)yyjson_mut_arr_iter_init(body_at(wanted->body, "properties.storageProfile.dataDisks"),
                                   &iter);
    while ((item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        const char *id = body_text_at(item, "managedDisk.id");
        const char *slash = id == NULL ? NULL : strrchr(id, '/');

        if (slash != NULL && body_text_at(item, "name") == NULL) {
            body_set_text(call->doc, item, "name", slash + 1);
        }
    }
}

static void drop_secrets(struct resource *wanted)
{
    yyjson_mut_val *os = body_at(wanted->body, "properties.osProfile");

    body_drop(os, "adminPassword");
    body_drop(os, "secrets");
    body_drop(body_get(wanted->body, "properties"), "vmId");
    body_drop(body_get(wanted->body, "properties"), "instanceView");
    body_drop(body_get(wanted->body, "properties"), "timeCreated");
    body_drop(body_get(wanted->body, "properties"), "bootIntegrity");
}

static bool prepare(struct control_call *call, const struct resource *before,
                    struct resource *wanted, struct control_answer *ret)
{
    if (!known_members(call, wanted->body, vm_members, ARRAY_LEN(vm_members), ret)) {
        return false;
    }
    if (before != NULL) {
        keep_before(call, before, wanted);
    }
    if (!prepare_security(call, before, wanted, ret) || !vm_need_links(call, before, wanted, ret) ||
        !prepare_disk(call, wanted, ret) || !vm_identity_prepare(call, wanted, ret) ||
        !guest_prepare(call, before, wanted, ret)) {
        if (ret->code == NULL) {
            control_fail(call, ERR_MEMORY, NULL, ret);
        }
        return false;
    }
    name_data_disks(call, wanted);
    drop_secrets(wanted);
    return true;
}

/* ---- afterwards ---- */

/* The interface is this virtual machine's or, with is_gone, no longer. */
static void link_interface(struct control_call *call, const char *id, const char *vm, bool is_gone)
{
    struct control_answer ignored = {0};
    struct resource interface;
    bool is_raced = true;

    for (int i = 0; is_raced && i < 8; i++) {
        yyjson_mut_val *own;
        const char *user;

        if (resource_load(call, id, NULL, &interface) != ERR_OK) {
            return;
        }
        own = resource_private(call, &interface);
        user = body_text_at(own, "virtualMachine");
        if ((user != NULL && text_equal_nocase(user, vm)) != is_gone) {
            return;
        }
        body_drop(own, "virtualMachine");
        if (!is_gone) {
            body_set_text(call->doc, own, "virtualMachine", vm);
        }
        (void)resource_keep(call, &interface, "", &ignored, &is_raced);
    }
}

static yyjson_mut_val *interfaces_of(const struct resource *vm)
{
    return body_at(vm->body, "properties.networkProfile.networkInterfaces");
}

static bool has_interface(const struct resource *vm, const char *id)
{
    yyjson_mut_arr_iter iter;
    yyjson_mut_val *item;

    (void)yyjson_mut_arr_iter_init(interfaces_of(vm), &iter);
    while ((item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        const char *other = body_text_at(item, "id");

        if (other != NULL && text_equal_nocase(other, id)) {
            return true;
        }
    }
    return false;
}

/* Those of `vm` become its own or, with is_gone, nobody's: those that `still` has left out. */
static void link_interfaces(struct control_call *call, const struct resource *vm, bool is_gone,
                            const struct resource *still)
{
    yyjson_mut_arr_iter iter;
    yyjson_mut_val *item;

    (void)yyjson_mut_arr_iter_init(interfaces_of(vm), &iter);
    while ((item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        const char *id = body_text_at(item, "id");

        if (id != NULL && (still == NULL || !has_interface(still, id))) {
            link_interface(call, id, vm->id, is_gone);
        }
    }
}

/* As it was before: new ones are gone, and so is who they would have been. */
static void undo(struct control_call *call, const struct resource *before,
                 const struct resource *after)
{
    struct control_call own = *call;
    struct control_answer answer = {0};
    enum store_resource_bar bar;
    struct trail trail = {0};
    struct resource old;
    bool was_there, is_raced = false;
    err_t err;

    vm_identity_forget(call, after, before);
    if (before == NULL) {
        err = store_resource_remove(control_store(call->control), after->key, after->version,
                                    &trail, &was_there, &bar);
        control_log_lost("undoing of a virtual machine", after->id, err, &trail);
        return;
    }
    own.is_rule = true; /* also of who may no more since */
    old = *before;
    old.version = after->version;
    if (!resource_keep(&own, &old, "", &answer, &is_raced) && !is_raced) {
        (void)trail_set(&trail, ERR_STORE, "%s", answer.message);
        control_log_lost("undoing of a change", after->id, ERR_STORE, &trail);
    }
}

static void done(struct control_call *call, const struct resource *before, struct resource *after,
                 struct control_answer *ret)
{
    /* Looked at again now that it is kept: of two that named one guest at once, none has it. */
    bool has_other_id = before == NULL || strcmp(vm_id_of(before), vm_id_of(after)) != 0;

    if ((has_other_id && guest_tag(after, TAG_MACHINE) != NULL &&
         !guest_is_nobodys(call, after, vm_id_of(after), ret)) ||
        !vm_identity_enter(call, after, ret) || !guest_announce(call, before, after, ret)) {
        undo(call, before, after);
        return;
    }
    if (!vm_install_by_policy(call, before, after, ret)) {
        if (before == NULL) {
            struct control_answer ignored = {0};

            (void)guest_withdraw(call, after, &ignored);
        }
        undo(call, before, after);
        return;
    }
    link_interfaces(call, after, false, NULL);
    if (before != NULL) {
        link_interfaces(call, before, true, after);
    }
    vm_identity_forget(call, before, after);
    (void)vm_sync_wanted(call, after, ret);
}

static void gone(struct control_call *call, const struct resource *vm, struct control_answer *ret)
{
    link_interfaces(call, vm, true, NULL);
    vm_identity_forget(call, vm, NULL);
    (void)guest_forget(call, vm, ret);
}

/* ---- showing ---- */

static bool expands(const struct control_call *call, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; call->expand.len >= len && i <= call->expand.len - len; i++) {
        if (text_span_equal_nocase(span_cut(call->expand, i, len), name)) {
            return true;
        }
    }
    return false;
}

static void show_extensions(struct control_call *call, const struct resource *vm,
                            yyjson_mut_val *object)
{
    struct resource *extensions = NULL;
    yyjson_mut_val *array;
    size_t n = 0;

    if (vm_extensions(call, vm->key, NULL, &extensions, &n) != ERR_OK || n == 0) {
        return;
    }
    array = json_add_array(call->doc, object, "resources");
    for (size_t i = 0; i < n; i++) {
        (void)yyjson_mut_arr_append(array, resource_value(call, &extensions[i]));
    }
}

/* Monitoring is off because of what the resource says, so what helps is said in its terms. */
static void explain_off(struct control_call *call, const struct resource *vm, yyjson_mut_val *value)
{
    struct resource extension;
    const char *group, *advice;
    struct resource_path path;
    bool is_there = false;

    if (vm_find_extension(call, vm->key, NULL, &extension, &is_there) != ERR_OK ||
        resource_id_read(call->arena, span_str(vm->id), NULL, &path) != ERR_OK) {
        return;
    }
    body_set_text(call->doc, value, "why",
                  is_there ? "its owner says that it is stopped"
                           : "integrity monitoring is not on: the virtual machine has no extension "
                             "GuestAttestation");
    group = arena_printf(call->arena, "%.*s", (int)path.group.len, (const char *)path.group.data);
    advice = is_there ? arena_printf(call->arena, "When it runs: az vm start -g %s -n %s", group,
                                     vm->name)
                      : arena_printf(call->arena,
                                     "Install it: az vm extension set -g %s --vm-name %s "
                                     "--publisher Microsoft.Azure.Security.%sAttestation --name "
                                     "GuestAttestation",
                                     group, vm->name, vm_is_windows(vm) ? "Windows" : "Linux");
    body_set_text(call->doc, value, "advice", advice);
}

static void show_guest(struct control_call *call, const struct resource *vm,
                       yyjson_mut_val *properties)
{
    struct vm_guest guest;
    yyjson_mut_val *value;

    if (guest_load(call, vm_id_of(vm), NULL, &guest) != ERR_OK) {
        return;
    }
    value = guest_value(call, &guest, vm_id_of(vm));
    if (guest.is_there && guest.machine.is_active && guest.monitor.is_off) {
        explain_off(call, vm, value);
    }
    body_set(call->doc, properties, "bootIntegrity", value);
}

/* Clients append to the list of one that has no disks. */
static void show_disks(struct control_call *call, yyjson_mut_val *properties)
{
    yyjson_mut_val *storage = body_need_object(call->doc, properties, "storageProfile");

    if (body_get(storage, "dataDisks") == NULL) {
        (void)json_add_array(call->doc, storage, "dataDisks");
    }
}

static void show(struct control_call *call, const struct resource *vm, yyjson_mut_val *object)
{
    yyjson_mut_val *properties = body_need_object(call->doc, object, "properties");
    char time[TIMESTAMP_SIZE];

    timestamp_format(vm->created, time, sizeof(time));
    body_set_text(call->doc, properties, "vmId", vm_id_of(vm));
    body_set_text(call->doc, properties, "timeCreated", time);
    if (!expands(call, "userData")) {
        body_drop(properties, "userData");
    }
    show_disks(call, properties);
    vm_identity_show(call, vm, object);
    show_guest(call, vm, properties);
    show_extensions(call, vm, object);
    if (expands(call, "instanceView")) {
        body_set(call->doc, properties, "instanceView", vm_instance_view(call, vm));
    }
}

const struct kind kind_virtual_machine = {
    .type = "Microsoft.Compute/virtualMachines",
    .versions = VM_VERSIONS,
    .flags = KIND_HAS_LOCATION | KIND_HAS_TAGS | KIND_CLAIMS,
    .name_max = 64,
    .prepare = prepare,
    .done = done,
    .gone = gone,
    .show = show,
    .mention = guest_mention,
    .actions = vm_actions,
};
