/*
 * vm-extension.c - Microsoft.Compute/virtualMachines/extensions (control-plane-api 8): Guest
 * Attestation, which switches boot integrity monitoring on.
 */
#include "control/known.h"
#include "kinds/vm.h"

#include "base/text.h"
#include "provider/attestation-config.h"
#include "service/machines.h"

#include <stdio.h>

enum { EXTENSIONS_MAX = 32 };

#define SETTINGS "properties.settings"
#define CONFIG SETTINGS ".AttestationConfig"

/* What the guest's agent does not know it leaves out: whoever misspelt an endpoint would have the
 * default one (azure-guest-protocol 10). To it "MaaSettings" and "maasettings" are two. */
static const struct known_object extension_members[] = {
    {"properties", "VirtualMachineExtensionProperties", KNOWN_ALL,
     KNOWN("publisher", "type", "typeHandlerVersion", "autoUpgradeMinorVersion",
           "enableAutomaticUpgrade", "settings", "protectedSettings", "forceUpdateTag",
           "suppressFailures", "protectedSettingsFromKeyVault", "provisionAfterExtensions",
           "provisioningState", "instanceView")},
    {SETTINGS, "GuestAttestation", KNOWN_EXACT,
     KNOWN("AttestationConfig", "AttestationEndpointCfg")},
    {CONFIG, "AttestationConfig", KNOWN_EXACT,
     KNOWN("MaaSettings", "AscSettings", "useCustomToken", "disableAlerts")},
    {CONFIG ".MaaSettings", "MaaSettings", KNOWN_EXACT, KNOWN("maaEndpoint", "maaTenantName")},
    {CONFIG ".AscSettings", "AscSettings", KNOWN_EXACT,
     KNOWN("ascReportingEndpoint", "ascReportingFrequency")},
    {SETTINGS ".AttestationEndpointCfg", "AttestationEndpointCfg", KNOWN_EXACT,
     KNOWN("maaEndpoint", "maaTenantName", "ascReportingEndpoint", "ascReportingFrequency",
           "useAlternateToken", "useCustomToken", "disableAlerts")},
};

static const char *member(const struct resource *extension, const char *name)
{
    const char *text = body_text(body_get(body_get(extension->body, "properties"), name));

    return text == NULL ? "" : text;
}

static bool is_guest_attestation(const struct resource *extension)
{
    return text_equal_nocase(member(extension, "type"), EXTENSION_TYPE);
}

err_t vm_extensions(struct control_call *call, const char *vm_key, struct trail *trail,
                    struct resource **ret, size_t *ret_n)
{
    return resources_load(call, &kind_vm_extension, vm_key, "", EXTENSIONS_MAX, trail, ret, ret_n);
}

err_t vm_find_extension(struct control_call *call, const char *vm_key, struct trail *trail,
                        struct resource *ret, bool *ret_is_there)
{
    struct resource *all = NULL;
    size_t n = 0;
    err_t err = vm_extensions(call, vm_key, trail, &all, &n);

    *ret_is_there = false;
    for (size_t i = 0; err == ERR_OK && i < n && !*ret_is_there; i++) {
        if (is_guest_attestation(&all[i])) {
            *ret = all[i];
            *ret_is_there = true;
        }
    }
    return err;
}

/* ---- what may be installed ---- */

/* "1.0" and builds of it, such as "1.0.5.28": what clients have resolved. */
static bool is_known_version(const char *version)
{
    size_t len = sizeof(EXTENSION_VERSION) - 1;

    return strncmp(version, EXTENSION_VERSION, len) == 0 &&
           (version[len] == '\0' || version[len] == '.') &&
           version[strspn(version, "0123456789.")] == '\0' && strlen(version) < 24;
}

static bool check_artifact(struct control_call *call, const struct resource *vm,
                           const struct resource *wanted, struct control_answer *ret)
{
    const char *publisher = member(wanted, "publisher"), *type = member(wanted, "type");
    const char *version = member(wanted, "typeHandlerVersion");
    const char *right = vm_is_windows(vm) ? WINDOWS_PUBLISHER : LINUX_PUBLISHER;
    bool is_other = text_equal_nocase(publisher, LINUX_PUBLISHER) ||
                    text_equal_nocase(publisher, WINDOWS_PUBLISHER);

    if (publisher[0] == '\0' || type[0] == '\0' || version[0] == '\0') {
        control_refuse(call, ret, 400, "InvalidParameter",
                       "An extension needs properties.publisher, type and typeHandlerVersion.");
        return false;
    }
    if (!is_other || !text_equal_nocase(type, EXTENSION_TYPE)) {
        control_refuse(call, ret, 404, "ArtifactNotFound",
                       "The VM extension with publisher '%s' and type '%s' could not be found.",
                       publisher, type);
        return false;
    }
    if (!text_equal_nocase(publisher, right)) {
        control_refuse(call, ret, 409, "OperationNotAllowed",
                       "The extension of publisher '%s' is for another operating system than this "
                       "virtual machine's; take '%s'.",
                       publisher, right);
        return false;
    }
    if (!is_known_version(version)) {
        control_refuse(call, ret, 404, "ArtifactNotFound",
                       "The VM extension with publisher '%s', type '%s' and version '%s' could not "
                       "be found. There is %s.",
                       publisher, type, version, EXTENSION_VERSION);
        return false;
    }
    return true;
}

/* decisions section 9 */
/* What clients show beside the words. */
static bool refused(struct control_answer *ret)
{
    ret->target = "vmExtension";
    return false;
}

static bool check_prerequisites(struct control_call *call, const struct resource *vm,
                                struct control_answer *ret)
{
    const char *missing = NULL, *remedy = "";

    if (!vm_has_trusted_launch(vm)) {
        missing = "the security type TrustedLaunch";
        remedy = "az vm update --security-type TrustedLaunch --enable-secure-boot true "
                 "--enable-vtpm true, with the virtual machine deallocated";
    } else if (!vm_has_vtpm(vm)) {
        missing = "its vTPM";
        remedy = "az vm update --enable-vtpm true";
    } else if (!vm_has_secure_boot(vm) && subscription_needs_secure_boot(call, vm)) {
        missing = "Secure Boot";
        remedy = "az vm update --enable-secure-boot true";
    }
    if (missing == NULL) {
        return true;
    }
    control_refuse(
        call, ret, 409, "OperationNotAllowed",
        "Boot integrity monitoring of '%s' needs %s, which is off. Turn it on (%s), then "
        "install the extension again.",
        vm->name, missing, remedy);
    return refused(ret);
}

/* One of each publisher and type on a virtual machine. */
static bool check_other_names(struct control_call *call, const struct resource *vm,
                              const struct resource *wanted, struct control_answer *ret)
{
    struct resource *all = NULL;
    struct trail trail = {0};
    size_t n = 0;
    err_t err = vm_extensions(call, vm->key, &trail, &all, &n);

    if (err) {
        control_fail(call, err, &trail, ret);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (strcmp(all[i].key, wanted->key) != 0 &&
            text_equal_nocase(member(&all[i], "publisher"), member(wanted, "publisher")) &&
            text_equal_nocase(member(&all[i], "type"), member(wanted, "type"))) {
            control_refuse(call, ret, 409, "OperationNotAllowed",
                           "Multiple VMExtensions per handler not supported for OS type '%s'. "
                           "VMExtension '%s' with handler '%s.%s' already added or specified in "
                           "input.",
                           vm_is_windows(vm) ? "Windows" : "Linux", all[i].name,
                           member(&all[i], "publisher"), member(&all[i], "type"));
            return false;
        }
    }
    return true;
}

static bool check_settings(struct control_call *call, const struct resource *wanted,
                           struct control_answer *ret)
{
    yyjson_mut_val *settings = body_at(wanted->body, "properties.settings");
    struct attestation_config config;
    struct trail trail = {0};
    struct span text;
    yyjson_val *root = NULL;
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 48];
    err_t err;

    if (settings == NULL) {
        return true;
    }
    text = json_write(call->arena, call->doc, settings, false);
    err = text.data == NULL ? ERR_MEMORY : json_read(call->arena, text, NULL, &trail, &root);
    if (err == ERR_OK && !yyjson_is_obj(root)) {
        err = trail_set(&trail, ERR_VALUE, "is not an object");
    }
    err = err ? err : attestation_config_read(call->arena, root, &trail, &config);
    if (err == ERR_MEMORY) {
        control_fail(call, err, NULL, ret);
        return false;
    }
    if (err) {
        trail_format(&trail, err, words, sizeof(words));
        control_refuse(call, ret, 400, "InvalidParameter", "properties.settings: %s", words);
        ret->target = "properties.settings";
    }
    return err == ERR_OK;
}

static bool load_vm(struct control_call *call, const struct resource *extension,
                    struct resource *ret_vm, struct control_answer *ret)
{
    const char *id = resource_parent_id(call->arena, extension->id);
    struct trail trail = {0};
    err_t err = id == NULL ? ERR_MEMORY : resource_load(call, id, &trail, ret_vm);

    if (err == ERR_NOT_FOUND) {
        control_refuse(call, ret, 404, "ParentResourceNotFound",
                       "Failed to perform 'write' on resource(s) of type '%s', because the parent "
                       "resource '%s' could not be found.",
                       kind_vm_extension.type, id);
    } else if (err) {
        control_fail(call, err, &trail, ret);
    }
    return err == ERR_OK;
}

static bool prepare(struct control_call *call, const struct resource *before,
                    struct resource *wanted, struct control_answer *ret)
{
    yyjson_mut_val *properties = resource_properties(call, wanted);
    struct resource vm;

    if (!load_vm(call, wanted, &vm, ret)) {
        return false;
    }
    if (wanted->location[0] == '\0') {
        wanted->location = vm.location;
    }
    body_drop(properties, "protectedSettings"); /* write only; this extension has none */
    body_drop(properties, "instanceView");
    if (body_get(properties, "autoUpgradeMinorVersion") == NULL) {
        json_add_bool(call->doc, properties, "autoUpgradeMinorVersion", before == NULL);
    }
    wanted->state = before == NULL ? "Creating" : "Updating";
    return check_prerequisites(call, &vm, ret) && check_artifact(call, &vm, wanted, ret) &&
           check_other_names(call, &vm, wanted, ret) && check_settings(call, wanted, ret) &&
           known_members(call, wanted->body, extension_members, ARRAY_LEN(extension_members), ret);
}

/* ---- the guest's side of it ---- */

static bool is_stopped(const struct resource *vm)
{
    const char *power = body_text_at(body_get(vm->body, RESOURCE_PRIVATE), "power");

    return power != NULL && strcmp(power, "running") != 0;
}

/* is_anew: also when nothing else is wanted than before, so that the guest takes up its settings
 * and proves its boot again. */
static bool sync_wanted(struct control_call *call, const struct resource *vm, bool is_anew,
                        struct control_answer *ret)
{
    struct store *store = control_store(call->control);
    struct resource extension;
    struct store_extension before = {0}, wanted = {.version = EXTENSION_VERSION};
    struct trail trail = {0};
    bool is_there = false;
    yyjson_mut_val *properties, *settings;
    err_t err = vm_find_extension(call, vm->key, &trail, &extension, &is_there);
    enum off_reason off = is_there ? OFF_STOPPED : OFF_NO_EXTENSION;

    err = err ? err : store_extension_get(store, call->arena, vm_id_of(vm), &trail, &before);
    wanted.is_wanted = is_there && !is_stopped(vm);
    wanted.settings = span_str("{}");
    if (err == ERR_OK && is_there) {
        properties = body_get(extension.body, "properties");
        settings = body_get(properties, "settings");
        snprintf(wanted.version, sizeof(wanted.version), "%s",
                 member(&extension, "typeHandlerVersion"));
        wanted.upgrades_minor = body_is_true(body_get(properties, "autoUpgradeMinorVersion"));
        wanted.upgrades = body_is_true(body_get(properties, "enableAutomaticUpgrade"));
        if (settings != NULL) {
            wanted.settings = json_write(call->arena, call->doc, settings, false);
            err = wanted.settings.data == NULL ? ERR_MEMORY : ERR_OK;
        }
    }
    if (err == ERR_OK && !is_anew && before.sequence > 0 && before.is_wanted == wanted.is_wanted &&
        before.upgrades == wanted.upgrades && before.upgrades_minor == wanted.upgrades_minor &&
        strcmp(before.version, wanted.version) == 0 &&
        span_equal(before.settings, wanted.settings)) {
        if (!wanted.is_wanted) {
            err = service_want_nothing(control_service(call->control), call->arena, call->now,
                                       vm_id_of(vm), off, &trail);
        }
    } else if (err == ERR_OK) {
        err = service_want(
            control_service(call->control), call->arena, call->now, vm_id_of(vm), &wanted,
            call->caller->name[0] != '\0' ? call->caller->name : call->caller->object_id, off,
            &trail);
    }
    if (err) {
        control_fail(call, err, &trail, ret);
    }
    return err == ERR_OK;
}

bool vm_sync_wanted(struct control_call *call, const struct resource *vm,
                    struct control_answer *ret)
{
    return sync_wanted(call, vm, false, ret);
}

static void done(struct control_call *call, const struct resource *before, struct resource *after,
                 struct control_answer *ret)
{
    struct resource vm;

    (void)before;
    if (!load_vm(call, after, &vm, ret) || !sync_wanted(call, &vm, true, ret)) {
        return;
    }
    operation_begin(call, "Microsoft.Compute", vm.location, after->key, "", ret, NULL);
}

static void gone(struct control_call *call, const struct resource *extension,
                 struct control_answer *ret)
{
    struct control_answer ignored = {0};
    struct resource vm;

    if (!load_vm(call, extension, &vm, &ignored)) {
        return; /* it went with its virtual machine */
    }
    if (vm_sync_wanted(call, &vm, ret)) {
        operation_begin(call, "Microsoft.Compute", vm.location, vm.key, OPERATION_DONE, ret, NULL);
        if (ret->code == NULL) {
            ret->status = 202;
        }
    }
}

/* ---- installed by the subscription's rule ---- */

static bool is_protected(const struct resource *vm)
{
    return vm_has_trusted_launch(vm) && vm_has_vtpm(vm) && vm_has_secure_boot(vm);
}

bool vm_install_by_policy(struct control_call *call, const struct resource *before,
                          const struct resource *vm, struct control_answer *ret)
{
    yyjson_mut_doc *doc = call->doc;
    yyjson_mut_val *body, *properties;
    struct control_call own = *call;
    struct control_answer answer = {0};
    struct resource extension;
    struct trail trail = {0};
    bool is_there = false;
    err_t err;

    if (!is_protected(vm) || (before != NULL && is_protected(before)) ||
        !subscription_installs_extension(call, vm)) {
        return true;
    }
    err = vm_find_extension(call, vm->key, &trail, &extension, &is_there);
    if (err) {
        control_fail(call, err, &trail, ret);
    }
    if (err || is_there) {
        return err == ERR_OK;
    }
    body = yyjson_mut_obj(doc);
    json_add_text(doc, body, "location", vm->location);
    properties = json_add_object(doc, body, "properties");
    json_add_text(doc, properties, "publisher",
                  vm_is_windows(vm) ? WINDOWS_PUBLISHER : LINUX_PUBLISHER);
    json_add_text(doc, properties, "type", EXTENSION_TYPE);
    json_add_text(doc, properties, "typeHandlerVersion", EXTENSION_VERSION);
    json_add_bool(doc, properties, "autoUpgradeMinorVersion", true);
    json_add_bool(doc, properties, "enableAutomaticUpgrade", true);
    own.is_rule = true;
    control_do(&own, HTTP_PUT, arena_printf(call->arena, "%s/extensions/" EXTENSION_TYPE, vm->id),
               "2024-11-01", body, &answer);
    if (answer.code != NULL) {
        *ret = answer;
        return false;
    }
    return true;
}

/* ---- showing ---- */

static void judge(struct control_call *call, const struct resource *extension, bool is_brief,
                  struct extension_state *ret_state, struct vm_guest *ret_guest)
{
    struct control_answer ignored = {0};
    struct resource vm;

    *ret_state = (struct extension_state){.state = extension->state};
    memset(ret_guest, 0, sizeof(*ret_guest));
    if (load_vm(call, extension, &vm, &ignored) &&
        guest_load(call, vm_id_of(&vm), NULL, ret_guest) == ERR_OK) {
        extension_judge(call, &vm, extension, ret_guest, is_brief, ret_state);
    }
}

static bool wants_view(const struct control_call *call)
{
    static const char word[] = "instanceView";

    for (size_t i = 0;
         call->expand.len >= sizeof(word) - 1 && i <= call->expand.len - (sizeof(word) - 1); i++) {
        if (text_span_equal_nocase(span_cut(call->expand, i, sizeof(word) - 1), word)) {
            return true;
        }
    }
    return false;
}

static void show(struct control_call *call, const struct resource *extension,
                 yyjson_mut_val *object)
{
    yyjson_mut_val *properties = body_need_object(call->doc, object, "properties");
    struct extension_state state;
    struct vm_guest guest;

    judge(call, extension, !wants_view(call), &state, &guest);
    body_set_text(call->doc, properties, "provisioningState", state.state);
    if (wants_view(call)) {
        body_set(call->doc, properties, "instanceView",
                 extension_view(call, extension, &state, &guest));
    }
}

/* An extension whose guest has not joined is accepted, and nobody waits for it: whoever made the
 * virtual machine may have to start its guest first. */
static const char *progress(struct control_call *call, const struct resource *extension,
                            yyjson_mut_val **ret_error)
{
    struct extension_state state;
    struct vm_guest guest;

    judge(call, extension, false, &state, &guest);
    if (strcmp(state.state, "Failed") == 0) {
        yyjson_mut_val *error = yyjson_mut_obj(call->doc);

        json_add_text(call->doc, error, "code", state.code);
        json_add_text(call->doc, error, "message", state.message);
        *ret_error = error;
        return "Failed";
    }
    return strcmp(state.state, "Succeeded") == 0 || state.is_waiting ? "Succeeded" : "Running";
}

const struct kind kind_vm_extension = {
    .type = "Microsoft.Compute/virtualMachines/extensions",
    .versions = VM_VERSIONS,
    .flags = KIND_OWN_LOCATION | KIND_HAS_TAGS | KIND_CLAIMS,
    .prepare = prepare,
    .done = done,
    .gone = gone,
    .show = show,
    .progress = progress,
};
