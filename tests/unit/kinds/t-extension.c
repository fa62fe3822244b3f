/* Extensions: what they need, one of each handler, and how far one is by what its guest says. */
#include "unit/kinds/vms.h"

#define LINUX "Microsoft.Azure.Security.LinuxAttestation"
#define WINDOWS "Microsoft.Azure.Security.WindowsAttestation"
#define EXTENSION_OF(PUBLISHER, TYPE, VERSION, MORE)                                               \
    "{\"location\":\"westus\",\"properties\":{\"publisher\":\"" PUBLISHER "\",\"type\":\"" TYPE    \
    "\",\"typeHandlerVersion\":\"" VERSION "\"" MORE "}}"

/* ---- refusals ---- */

static void without_the_prerequisites_it_is_refused_with_what_to_do(void **state)
{
    static const struct {
        const char *profile, *missing;
    } cases[] = {
        {"", "TrustedLaunch"},
        {"\"securityProfile\":{\"securityType\":\"Standard\"}", "TrustedLaunch"},
        {"\"securityProfile\":{\"securityType\":\"TrustedLaunch\"}", "vTPM"},
        {"\"securityProfile\":{\"securityType\":\"TrustedLaunch\",\"uefiSettings\":{"
         "\"secureBootEnabled\":true}}",
         "vTPM"},
        {"\"securityProfile\":{\"securityType\":\"TrustedLaunch\",\"uefiSettings\":{"
         "\"vTpmEnabled\":true}}",
         "Secure Boot"},
    };
    char target[192], body[512];

    (void)state;
    refused(HTTP_PUT, EXTENSION, LINUX_EXTENSION, 404, "ParentResourceNotFound");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(target, sizeof(target), COMPUTE "virtualMachines/v%zu", i);
        snprintf(body, sizeof(body), "{\"location\":\"westus\",\"properties\":{%s}}",
                 cases[i].profile);
        put_ok(target, body);
        strcat(target, "/extensions/GuestAttestation");
        refused(HTTP_PUT, target, LINUX_EXTENSION, 409, "OperationNotAllowed");
        assert_says(&m, cases[i].missing);
        assert_says(&m, "az vm update");
        refused(HTTP_GET, target, NULL, 404, "ResourceNotFound");
    }
    /* An administrator may do without Secure Boot, and without nothing else. */
    put_ok(SUB "/providers/Bootwarden.Monitor/settings/default",
           "{\"properties\":{\"requireSecureBoot\":false}}");
    put_ok(COMPUTE "virtualMachines/v4/extensions/GuestAttestation", LINUX_EXTENSION);
    refused(HTTP_PUT, COMPUTE "virtualMachines/v3/extensions/GuestAttestation", LINUX_EXTENSION,
            409, "OperationNotAllowed");
    /* Turned off later, the extension stays. */
    ask(&m, HTTP_PATCH, COMPUTE "virtualMachines/v4",
        "{\"properties\":{\"securityProfile\":{\"uefiSettings\":{\"vTpmEnabled\":false}}}}");
    assert_answer(&m, 200, NULL);
    ask(&m, HTTP_GET, COMPUTE "virtualMachines/v4/extensions/GuestAttestation", NULL);
    assert_answer(&m, 200, NULL);
}

static void what_is_not_there_cannot_be_installed(void **state)
{
    static const struct {
        const char *body;
        unsigned status;
        const char *code;
    } cases[] = {
        {"{}", 400, "InvalidParameter"},
        {EXTENSION_OF("", "GuestAttestation", "1.0", ""), 400, "InvalidParameter"},
        {EXTENSION_OF(LINUX, "GuestAttestation", "", ""), 400, "InvalidParameter"},
        {EXTENSION_OF("Other", "GuestAttestation", "1.0", ""), 404, "ArtifactNotFound"},
        {EXTENSION_OF(LINUX, "Other", "1.0", ""), 404, "ArtifactNotFound"},
        {EXTENSION_OF(LINUX, "GuestAttestation", "2.0", ""), 404, "ArtifactNotFound"},
        {EXTENSION_OF(LINUX, "GuestAttestation", "1.01", ""), 404, "ArtifactNotFound"},
        {EXTENSION_OF(LINUX, "GuestAttestation", "1.0.x", ""), 404, "ArtifactNotFound"},
        {EXTENSION_OF(LINUX, "GuestAttestation", "1.0.11111111111111111111111", ""), 404,
         "ArtifactNotFound"},
        {EXTENSION_OF(WINDOWS, "GuestAttestation", "1.0", ""), 409, "OperationNotAllowed"},
        {EXTENSION_OF(LINUX, "GuestAttestation", "1.0", ",\"settings\":[]"), 400,
         "InvalidParameter"},
        {EXTENSION_OF(LINUX, "GuestAttestation", "1.0", ",\"settings\":\"x\""), 400,
         "InvalidParameter"},
        {EXTENSION_OF(LINUX, "GuestAttestation", "1.0",
                      ",\"settings\":{\"AttestationConfig\":{\"MaaSettings\":{\"maaEndpoint\":"
                      "\"ftp://x\"}}}"),
         400, "InvalidParameter"},
        {EXTENSION_OF(LINUX, "GuestAttestation", "1.0",
                      ",\"settings\":{\"AttestationConfig\":{\"useCustomToken\":\"maybe\"}}"),
         400, "InvalidParameter"},
    };

    (void)state;
    put_ok(VM, VM_WITH(TRUSTED));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ask(&m, HTTP_PUT, EXTENSION, cases[i].body);
        if (m.answer.status != cases[i].status || strcmp(m.answer.code, cases[i].code) != 0) {
            fail_msg("%s: %u %s %s", cases[i].body, m.answer.status, m.answer.code,
                     m.answer.message);
        }
    }
    refused(HTTP_GET, EXTENSION, NULL, 404, "ResourceNotFound");
    put_ok(
        EXTENSION,
        EXTENSION_OF("microsoft.azure.security.LINUXattestation", "guestattestation", "1.0.5.28",
                     ",\"settings\":{\"AttestationConfig\":{\"MaaSettings\":{\"maaEndpoint\":\"\","
                     "\"maaTenantName\":\"GuestAttestation\"},\"useCustomToken\":\"false\","
                     "\"disableAlerts\":\"false\"}}"));
    put_ok(EXTENSION, EXTENSION_OF(LINUX, "GuestAttestation", "1.0", ",\"settings\":{}"));
}

/* The guest's agent would take the default in their place. */
static void misspelt_settings_are_refused(void **state)
{
    static const struct {
        const char *more, *words;
    } cases[] = {
        {",\"setting\":{}", "Did you mean 'settings'?"},
        {",\"settings\":{\"AttestationConfg\":{}}", "Did you mean 'AttestationConfig'?"},
        {",\"settings\":{\"attestationConfig\":{}}", "Did you mean 'AttestationConfig'?"},
        {",\"settings\":{\"AttestationConfig\":{\"MaaSetting\":{}}}",
         "Did you mean 'MaaSettings'?"},
        {",\"settings\":{\"AttestationConfig\":{\"disableAlert\":\"true\"}}",
         "Did you mean 'disableAlerts'?"},
        {",\"settings\":{\"AttestationConfig\":{\"MaaSettings\":{\"maaEndPoint\":"
         "\"https://corp.example\"}}}",
         "Path 'properties.settings.AttestationConfig.MaaSettings.maaEndPoint'.' Did you mean "
         "'maaEndpoint'?"},
        {",\"settings\":{\"AttestationConfig\":{\"AscSettings\":{\"endpoint\":\"\"}}}",
         "on object of type 'AscSettings'"},
        {",\"settings\":{\"AttestationEndpointCfg\":{\"maaEndpont\":\"\"}}",
         "Did you mean 'maaEndpoint'?"},
    };
    char body[1024];

    (void)state;
    put_ok(VM, VM_WITH(TRUSTED));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(body, sizeof(body), EXTENSION_OF(LINUX, "GuestAttestation", "1.0", "%s"),
                 cases[i].more);
        refused(HTTP_PUT, EXTENSION, body, 400, "InvalidRequestContent");
        assert_says(&m, cases[i].words);
    }
    put_ok(EXTENSION, EXTENSION_OF(LINUX, "GuestAttestation", "1.0",
                                   ",\"Settings\":{\"AttestationEndpointCfg\":{"
                                   "\"maaEndpoint\":\"\",\"maaTenantName\":\"\","
                                   "\"ascReportingEndpoint\":\"\",\"useAlternateToken\":"
                                   "\"false\",\"disableAlerts\":\"false\"}}"));
    refused(
        HTTP_PATCH, EXTENSION,
        "{\"properties\":{\"settings\":{\"AttestationConfig\":{\"useCustomTokens\":\"true\"}}}}",
        400, "InvalidRequestContent");
}

static void a_machine_has_one_of_each_handler(void **state)
{
    (void)state;
    put_ok(VM, VM_WITH(TRUSTED));
    put_ok(VM2, VM_WITH(TRUSTED));
    put_ok(EXTENSION, LINUX_EXTENSION);
    refused(HTTP_PUT, VM "/extensions/second", LINUX_EXTENSION, 409, "OperationNotAllowed");
    assert_says(&m, "Multiple VMExtensions per handler not supported");
    assert_says(&m, "GuestAttestation");
    put_ok(VM "/extensions/GUESTattestation", LINUX_EXTENSION); /* the same one */
    put_ok(VM2 "/extensions/second", LINUX_EXTENSION);          /* another machine's */
    ask(&m, HTTP_DELETE, EXTENSION, NULL);
    assert_answer(&m, 202, NULL);
    put_ok(VM "/extensions/second", LINUX_EXTENSION);
}

static void protected_settings_are_neither_shown_nor_kept(void **state)
{
    (void)state;
    put_ok(VM, VM_WITH(TRUSTED));
    put_ok(EXTENSION, EXTENSION_OF(LINUX, "GuestAttestation", "1.0",
                                   ",\"ProtectedSettings\":{\"key\":\"s3cr3t-9\"}"));
    assert_null(strstr((const char *)m.answer.body.data, "s3cr3t"));
    ask(&m, HTTP_GET, VM, NULL);
    assert_text(&m, "resources.0.name", "GuestAttestation");
    assert_null(strstr((const char *)m.answer.body.data, "s3cr3t"));
    assert_false(is_in_store("s3cr3t"));
}

/* ---- how far it is ---- */

#define TOKEN "a-token-that-nobody-can-guess-1"
/* bootwarden-join-token: and the token, in base64 */
#define USER_DATA "Ym9vdHdhcmRlbi1qb2luLXRva2VuOiBhLXRva2VuLXRoYXQtbm9ib2R5LWNhbi1ndWVzcy0x"

static void expect_state(const char *wanted, const char *words)
{
    ask(&m, HTTP_GET, EXTENSION "?$expand=instanceView", NULL);
    assert_answer(&m, 200, NULL);
    assert_text(&m, "properties.provisioningState", wanted);
    if (words[0] != '\0' &&
        strstr(text_at(&m, "properties.instanceView.statuses.0.message"), words) == NULL) {
        fail_msg("'%s' does not say '%s'",
                 text_at(&m, "properties.instanceView.statuses.0.message"), words);
    }
}

/* What a client hears that waits for the operation. */
static void expect_operation(const char *link, const char *status, const char *code)
{
    ask(&m, HTTP_GET, link, NULL);
    assert_answer(&m, 200, NULL);
    assert_text(&m, "status", status);
    assert_text(&m, "error.code", code);
}

static void install(void)
{
    put_ok(VM, VM_WITH(TRUSTED));
    put_ok(EXTENSION, LINUX_EXTENSION);
    assert_answer(&m, 201, NULL);
    assert_text(&m, "properties.provisioningState", "Creating");
}

static void while_no_guest_joined_it_waits_and_then_fails(void **state)
{
    const char *link;

    (void)state;
    install();
    link = link_of(m.answer.operation);
    expect_state("Creating", "Waiting for a guest");
    expect_operation(link, "Succeeded", ""); /* nobody waits for a machine that is yet to start */
    m.now = NOW + EXTENSION_WAIT_S;
    expect_state("Failed", "no guest has ever reported. No guest is announced");
    ask(&m, HTTP_POST, VM "/createJoinToken", NULL);
    assert_answer(&m, 200, NULL);
    expect_state("Failed", "One was announced and has not joined");
    m.now = NOW;
    expect_state("Creating", "Waiting for the guest to join");
}

static void without_a_vtpm_it_waits_for_nobody(void **state)
{
    (void)state;
    install();
    ask(&m, HTTP_PATCH, VM,
        "{\"properties\":{\"securityProfile\":{\"uefiSettings\":{\"vTpmEnabled\":false}}}}");
    assert_answer(&m, 200, NULL);
    expect_state("Failed", "has no vTPM");
    expect_state("Failed", "az vm update -g g -n vm --enable-vtpm true");
    ask(&m, HTTP_PATCH, VM,
        "{\"properties\":{\"securityProfile\":{\"uefiSettings\":{\"vTpmEnabled\":true}}}}");
    assert_answer(&m, 200, NULL);
    expect_state("Creating", "Waiting for a guest");
}

/* A machine that joined with its token: its id. */
static struct store_machine install_joined(void)
{
    struct store_machine machine;

    put_ok(VM, VM_WITH(TRUSTED ",\"userData\":\"" USER_DATA "\""));
    put_ok(EXTENSION, LINUX_EXTENSION);
    assert_int_equal(guest_joins(1, TOKEN, &machine), STORE_JOINED);
    assert_string_equal(machine.id, vm_id(VM));
    return machine;
}

static void a_guest_that_says_nothing_fails_it_in_time(void **state)
{
    (void)state;
    (void)install_joined();
    m.now = NOW + 1;
    expect_state("Creating", "Waiting for the guest's agent");
    m.now = NOW + EXTENSION_WAIT_S + 1;
    expect_state("Failed", "has timed out: the guest joined");
}

static void what_the_guest_says_decides(void **state)
{
    static const char success[] =
        "{\"status\":{\"status\":\"success\",\"formattedMessage\":{\"message\":\"all is well\"},"
        "\"substatus\":[{\"name\":\"Collect\",\"status\":\"warning\",\"formattedMessage\":{"
        "\"message\":\"slow\"}},{\"name\":\"BootIntegrity\",\"status\":\"success\"}]}}";
    static const char error[] = "{\"status\":{\"status\":\"error\",\"formattedMessage\":{"
                                "\"message\":\"no tpm\\u001b[31m\"}}}";
    static const char transitioning[] = "{\"status\":{\"status\":\"transitioning\"}}";
    struct store_machine machine = install_joined();
    const char *link;

    (void)state;
    m.now = NOW + 10;
    put_ok(EXTENSION, LINUX_EXTENSION);
    link = link_of(m.answer.operation);
    m.now = NOW + 20;
    /* What was said before the change is about what was before. */
    guest_says(machine.id, (struct heard){.state = "healthy", .contact = NOW + 10}, success);
    expect_state("Updating", "Waiting for the guest's agent");
    expect_operation(link, "InProgress", "");
    guest_says(machine.id, (struct heard){.state = "never-reported", .contact = NOW + 15},
               transitioning);
    expect_state("Updating", "Waiting");
    /* Whatever it says: before there is a proof nothing has succeeded, nor does an old one count.
     */
    guest_says(machine.id, (struct heard){.state = "never-reported", .contact = NOW + 15}, success);
    expect_state("Updating", "Waiting for the guest's agent to prove its boot");
    ask(&m, HTTP_GET, VM "/instanceView", NULL);
    assert_text(&m, "vmAgent.extensionHandlers.0.status.code", "ProvisioningState/transitioning");
    assert_text(&m, "vmAgent.extensionHandlers.0.status.displayStatus", "Not Ready");
    guest_says(machine.id,
               (struct heard){.state = "healthy", .contact = NOW + 15, .proof = NOW + 9}, success);
    expect_state("Updating", "Waiting for the guest's agent to prove its boot");
    m.now = NOW + 10 + EXTENSION_WAIT_S;
    expect_state("Failed", "has proven no boot since");
    expect_state("Failed", "Run bootwarden-agent check in the guest");
    m.now = NOW + 20;
    guest_says(machine.id, (struct heard){.state = "never-reported", .contact = NOW + 16}, error);
    expect_state("Failed",
                 "VM has reported a failure when processing extension 'GuestAttestation'");
    expect_state("Failed", "no tpm");
    assert_null(strchr(text_at(&m, "properties.instanceView.statuses.0.message"), '\x1b'));
    expect_operation(link, "Failed", "VMExtensionProvisioningError");
    guest_says(machine.id,
               (struct heard){.state = "healthy", .contact = NOW + 18, .proof = NOW + 18}, success);
    expect_state("Succeeded", "all is well");
    assert_text(&m, "properties.instanceView.substatuses.0.code",
                "ComponentStatus/BootIntegrity/succeeded");
    assert_text(&m, "properties.instanceView.substatuses.1.code",
                "ComponentStatus/Collect/warning");
    assert_null(member(&m, "properties.instanceView.substatuses.2"));
    expect_operation(link, "Failed", "VMExtensionProvisioningError"); /* that one had ended */
    /* A bad boot is no fault of the extension. */
    guest_says(machine.id,
               (struct heard){.state = "unhealthy", .contact = NOW + 19, .proof = NOW + 19},
               success);
    expect_state("Succeeded", "");
    assert_text(&m, "properties.instanceView.substatuses.0.level", "Error");
    guest_says(machine.id,
               (struct heard){.state = "unreachable",
                              .contact = NOW + 20,
                              .trouble = "10.0.2.2:8443. Connection timed out."},
               success);
    expect_state("Failed", "Attestation endpoint unreachable: 10.0.2.2:8443");
    ask(&m, HTTP_GET, VM "/instanceView", NULL);
    assert_text(&m, "extensions.0.statuses.0.code", "ProvisioningState/failed");
    assert_text(&m, "vmAgent.extensionHandlers.0.status.level", "Error");
    assert_text(&m, "vmAgent.statuses.0.displayStatus", "Ready");
    /* Whatever stands in a status file. */
    guest_says(machine.id, (struct heard){.state = "healthy", .contact = NOW + 21},
               "{\"status\":[]}");
    expect_state("Updating", "");
    guest_says(machine.id, (struct heard){.state = "healthy", .contact = NOW + 21},
               "{\"status\":{\"status\":5,\"substatus\":{\"a\":[]}}}");
    expect_state("Updating", "");
}

/* Scripts look for the verdict by its code. */
static void no_finding_of_the_guest_looks_like_the_verdict(void **state)
{
    static const char said[] =
        "{\"status\":{\"status\":\"success\",\"substatus\":["
        "{\"name\":\"bootIntegrity\",\"status\":\"success\"},"
        "{\"name\":\"BootIntegrity/succeeded\",\"status\":\"success\"},"
        "{\"name\":\"BOOTINTEGRITY\",\"status\":\"error\"},{\"name\":\"\",\"status\":\"error\"},"
        "{\"name\":\"attestation/tcp\",\"status\":\"error\"}]}}";
    struct store_machine machine = install_joined();

    (void)state;
    m.now = NOW + 20;
    guest_says(machine.id, (struct heard){.state = "never-reported", .contact = NOW + 15}, said);
    expect_state("Creating", "");
    assert_text(&m, "properties.instanceView.substatuses.0.code",
                "ComponentStatus/BootIntegrity/warning");
    assert_text(&m, "properties.instanceView.substatuses.1.code",
                "ComponentStatus/attestation-tcp/error");
    assert_null(member(&m, "properties.instanceView.substatuses.2"));
}

/* ---- what is wanted of the guest ---- */

static bool is_wanted(const char *machine)
{
    struct store_extension extension;

    assert_ok(store_extension_get(store, m.arena, machine, NULL, &extension));
    return extension.is_wanted;
}

static void monitoring_follows_extension_and_power(void **state)
{
    const char *id;

    (void)state;
    put_ok(VM, VM_WITH(TRUSTED));
    id = vm_id(VM);
    assert_false(is_wanted(id));
    put_ok(EXTENSION, LINUX_EXTENSION);
    assert_true(is_wanted(id));
    ask(&m, HTTP_POST, VM "/deallocate", NULL);
    assert_false(is_wanted(id));
    ask(&m, HTTP_GET, VM "/instanceView", NULL);
    assert_text(&m, "statuses.1.code", "PowerState/deallocated");
    ask(&m, HTTP_POST, VM "/start", NULL);
    assert_true(is_wanted(id));
    ask(&m, HTTP_DELETE, EXTENSION, NULL);
    assert_answer(&m, 202, NULL);
    assert_false(is_wanted(id));
    ask(&m, HTTP_DELETE, EXTENSION, NULL);
    assert_answer(&m, 204, NULL);
}

static void assert_why(const char *id, const char *words)
{
    struct store_monitor row;

    assert_ok(store_monitor_get(store, id, NULL, &row));
    assert_string_equal(row.why, words);
}

static void why_it_is_off_is_said_in_the_owners_terms(void **state)
{
    struct store_machine machine = install_joined();
    const char *id = machine.id;

    (void)state;
    ask(&m, HTTP_POST, VM "/deallocate", NULL);
    assert_why(id, "its owner says that its virtual machine is stopped");
    ask(&m, HTTP_DELETE, EXTENSION, NULL);
    assert_why(id, "its virtual machine has no extension GuestAttestation");
    ask(&m, HTTP_POST, VM "/start", NULL);
    assert_why(id, "its virtual machine has no extension GuestAttestation");
    ask(&m, HTTP_GET, VM, NULL);
    assert_text(&m, "properties.bootIntegrity.state", "not-applicable");
    assert_non_null(strstr(text_at(&m, "properties.bootIntegrity.why"), "GuestAttestation"));
    assert_non_null(
        strstr(text_at(&m, "properties.bootIntegrity.advice"), "az vm extension set -g"));
    put_ok(EXTENSION, LINUX_EXTENSION);
    ask(&m, HTTP_POST, VM "/deallocate", NULL);
    ask(&m, HTTP_GET, VM, NULL);
    assert_text(&m, "properties.bootIntegrity.why", "its owner says that it is stopped");
    ask(&m, HTTP_POST, VM "/start", NULL);
    ask(&m, HTTP_GET, VM, NULL);
    assert_text(&m, "properties.bootIntegrity.state", "never-reported");
}

static void the_subscriptions_rule_installs_it(void **state)
{
    (void)state;
    put_ok(SUB "/providers/Bootwarden.Monitor/settings/default",
           "{\"properties\":{\"installGuestAttestation\":true}}");
    put_ok(VM, VM_WITH(TRUSTED));
    ask(&m, HTTP_GET, EXTENSION, NULL);
    assert_answer(&m, 200, NULL);
    put_ok(VM2, VM_WITH(""));
    refused(HTTP_GET, VM2 "/extensions/GuestAttestation", NULL, 404, "ResourceNotFound");
    refused(HTTP_PUT, SUB "/providers/Bootwarden.Monitor/settings/default",
            "{\"properties\":{\"requireSecureBoot\":\"no\"}}", 400, "InvalidParameter");
    refused(HTTP_PUT, SUB "/providers/Bootwarden.Monitor/settings/other", "{}", 400,
            "InvalidResourceName");
}

static bool may_all_but_extensions(const char *action, const char *scope)
{
    (void)scope;
    return strcmp(action, "Microsoft.Compute/virtualMachines/extensions/write") != 0;
}

/* It is the administrator's rule: whenever a machine fulfils it, whoever did that. */
static void the_rule_holds_for_machines_that_change(void **state)
{
    (void)state;
    put_ok(SUB "/providers/Bootwarden.Monitor/settings/default",
           "{\"properties\":{\"installGuestAttestation\":true}}");
    put_ok(VM, VM_WITH("\"securityProfile\":{\"securityType\":\"TrustedLaunch\",\"uefiSettings\":{"
                       "\"secureBootEnabled\":false,\"vTpmEnabled\":true}}"));
    refused(HTTP_GET, EXTENSION, NULL, 404, "ResourceNotFound");
    m.may = may_all_but_extensions;
    ask(&m, HTTP_PATCH, VM, "{\"properties\":{" TRUSTED "}}");
    assert_answer(&m, 200, NULL);
    m.may = NULL;
    ask(&m, HTTP_GET, EXTENSION, NULL);
    assert_answer(&m, 200, NULL);
    /* Whoever may takes it away again: another change of the machine does not bring it back. */
    ask(&m, HTTP_DELETE, EXTENSION, NULL);
    assert_answer(&m, 202, NULL);
    ask(&m, HTTP_PATCH, VM, "{\"tags\":{\"a\":\"b\"}}");
    assert_answer(&m, 200, NULL);
    refused(HTTP_GET, EXTENSION, NULL, 404, "ResourceNotFound");
}

/* A thousand machines behind one bad rule are a thousand verdicts. */
static void in_a_list_the_rules_of_the_first_are_named(void **state)
{
    enum { MACHINES = NETWORK_WORDS_MAX / 2 + 5 };
    static const char network[] = GROUP "/providers/Microsoft.Network/";
    char target[256], body[1024];
    yyjson_val *list;
    size_t n_named = 0;

    (void)state;
    snprintf(target, sizeof(target), "%snetworkSecurityGroups/nsg", network);
    put_ok(target,
           "{\"location\":\"westus\",\"properties\":{\"securityRules\":[{\"name\":\"DenyAll\","
           "\"properties\":{\"protocol\":\"*\",\"sourceAddressPrefix\":\"*\","
           "\"sourcePortRange\":\"*\",\"destinationAddressPrefix\":\"*\","
           "\"destinationPortRange\":\"*\",\"access\":\"Deny\",\"priority\":100,"
           "\"direction\":\"Outbound\"}}]}}");
    snprintf(target, sizeof(target), "%svirtualNetworks/net", network);
    put_ok(target,
           VM_WITH("\"addressSpace\":{\"addressPrefixes\":[\"10.0.0.0/16\"]},\"subnets\":[{"
                   "\"name\":\"sub\",\"properties\":{\"addressPrefix\":\"10.0.0.0/24\"}}]"));
    for (unsigned i = 0; i < MACHINES; i++) {
        snprintf(target, sizeof(target), "%snetworkInterfaces/nic%u", network, i);
        snprintf(body, sizeof(body),
                 VM_WITH("\"networkSecurityGroup\":{\"id\":\"%snetworkSecurityGroups/nsg\"},"
                         "\"ipConfigurations\":[{\"name\":\"c\",\"properties\":{\"subnet\":{\"id\":"
                         "\"%svirtualNetworks/net/subnets/sub\"}}}]"),
                 network, network);
        put_ok(target, body);
        snprintf(body, sizeof(body),
                 VM_WITH(TRUSTED ",\"networkProfile\":{\"networkInterfaces\":[{\"id\":\"%s\"}]}"),
                 target);
        snprintf(target, sizeof(target), COMPUTE "virtualMachines/vm%u", i);
        put_ok(target, body);
        snprintf(target, sizeof(target), COMPUTE "virtualMachines/vm%u/extensions/GuestAttestation",
                 i);
        put_ok(
            target,
            "{\"location\":\"westus\",\"properties\":{\"publisher\":"
            "\"Microsoft.Azure.Security.LinuxAttestation\",\"type\":\"GuestAttestation\","
            "\"typeHandlerVersion\":\"1.0\",\"settings\":{\"AttestationConfig\":{\"MaaSettings\":{"
            "\"maaEndpoint\":\"https://192.0.2.1\"}}}}}");
    }
    m.now = NOW + EXTENSION_WAIT_S + 1;
    ask(&m, HTTP_GET, COMPUTE "virtualMachines?$expand=instanceView", NULL);
    assert_answer(&m, 200, NULL);
    list = member(&m, "value");
    assert_int_equal(yyjson_arr_size(list), MACHINES);
    for (size_t i = 0; i < MACHINES; i++) {
        yyjson_val *words = member_of(yyjson_arr_get(list, i),
                                      "properties.instanceView.extensions.0.statuses.0.message");

        assert_non_null(yyjson_get_str(words));
        n_named += strstr(yyjson_get_str(words), "Network rule DenyAll") != NULL;
    }
    assert_int_equal(n_named, NETWORK_WORDS_MAX / 2);
    /* Who asks for the last alone is told. */
    snprintf(target, sizeof(target), COMPUTE "virtualMachines/vm%u/instanceView", MACHINES - 1);
    ask(&m, HTTP_GET, target, NULL);
    assert_non_null(strstr(text_at(&m, "extensions.0.statuses.0.message"), "Network rule DenyAll"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_VMS(without_the_prerequisites_it_is_refused_with_what_to_do),
        WITH_VMS(what_is_not_there_cannot_be_installed),
        WITH_VMS(misspelt_settings_are_refused),
        WITH_VMS(a_machine_has_one_of_each_handler),
        WITH_VMS(protected_settings_are_neither_shown_nor_kept),
        WITH_VMS(while_no_guest_joined_it_waits_and_then_fails),
        WITH_VMS(without_a_vtpm_it_waits_for_nobody),
        WITH_VMS(a_guest_that_says_nothing_fails_it_in_time),
        WITH_VMS(what_the_guest_says_decides),
        WITH_VMS(no_finding_of_the_guest_looks_like_the_verdict),
        WITH_VMS(monitoring_follows_extension_and_power),
        WITH_VMS(why_it_is_off_is_said_in_the_owners_terms),
        WITH_VMS(the_subscriptions_rule_installs_it),
        WITH_VMS(the_rule_holds_for_machines_that_change),
        WITH_VMS(in_a_list_the_rules_of_the_first_are_named),
    };

    return RUN_TESTS(tests);
}
