/* Virtual machines: what an update keeps, what is refused, what nobody sees again. */
#include "unit/kinds/vms.h"

/* ---- refusals ---- */

static void uefi_settings_need_a_security_type(void **state)
{
    (void)state;
    refused(HTTP_PUT, VM,
            VM_WITH("\"securityProfile\":{\"uefiSettings\":{\"secureBootEnabled\":true}}"), 400,
            "BadRequest");
    assert_says(&m, "Use of UEFI settings is not supported");
    assert_string_equal(m.answer.target, "securityProfile.uefiSettings");
    refused(HTTP_PUT, VM,
            VM_WITH("\"securityProfile\":{\"securityType\":\"Standard\",\"uefiSettings\":{"
                    "\"vTpmEnabled\":false}}"),
            400, "BadRequest");
    refused(HTTP_PUT, VM, VM_WITH("\"securityProfile\":{\"securityType\":\"Trusted\"}"), 400,
            "InvalidParameter");
    refused(HTTP_PUT, VM, VM_WITH("\"securityProfile\":{\"securityType\":1}"), 400,
            "InvalidParameter");
    refused(HTTP_PUT, VM,
            VM_WITH("\"securityProfile\":{\"securityType\":\"TrustedLaunch\",\"uefiSettings\":{"
                    "\"vTpmEnabled\":1}}"),
            400, "InvalidParameter");
    refused(HTTP_GET, VM, NULL, 404, "ResourceNotFound");
}

/* Kept as they came they would protect nothing, and their owner would not know. */
static void a_misspelt_protection_is_refused(void **state)
{
    static const struct {
        const char *properties, *words;
    } cases[] = {
        {"\"securityProfile\":{\"securityType\":\"TrustedLaunch\",\"uefiSetting\":{}}",
         "'Could not find member 'uefiSetting' on object of type 'SecurityProfile'. Path "
         "'properties.securityProfile.uefiSetting'.' Did you mean 'uefiSettings'?"},
        {"\"SecurityProfile\":{\"securityType\":\"TrustedLaunch\",\"UEFISettings\":{"
         "\"SecureBootEnable\":true}}",
         "type 'UefiSettings'. Path 'properties.securityProfile.uefiSettings.SecureBootEnable'.' "
         "Did you mean 'secureBootEnabled'?"},
        {"\"securityProfile\":{\"secure\":true}", "Path 'properties.securityProfile.secure'.'"},
        {"\"securityProfiles\":{}", "Did you mean 'securityProfile'?"},
        {"\"securityProfile\":[]", "properties.securityProfile is not an object"},
        {"\"securityProfile\":{\"securityType\":\"TrustedLaunch\",\"uefiSettings\":true}",
         "uefiSettings is not an object"},
    };
    char body[512];

    (void)state;
    for (int is_there = 0; is_there < 2; is_there++) {
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            snprintf(body, sizeof(body), VM_WITH("%s"), cases[i].properties);
            refused(HTTP_PUT, VM, body, 400, "InvalidRequestContent");
            assert_says(&m, cases[i].words);
            refused(HTTP_PATCH, VM, body, is_there ? 400 : 404,
                    is_there ? "InvalidRequestContent" : "ResourceNotFound");
        }
        put_ok(VM,
               VM_WITH("\"SecurityProfile\":{\"SecurityType\":\"TrustedLaunch\",\"UEFISettings\":{"
                       "\"SECUREBOOTENABLED\":true,\"vTPMEnabled\":\"true\"},"
                       "\"EncryptionAtHost\":true},\"aMemberOfTomorrow\":{}"));
        assert_true(yyjson_is_true(
            member(&m, "properties.securityProfile.uefiSettings.secureBootEnabled")));
        assert_true(
            yyjson_is_true(member(&m, "properties.securityProfile.uefiSettings.vTpmEnabled")));
        assert_true(yyjson_is_true(member(&m, "properties.securityProfile.encryptionAtHost")));
    }
    refused(HTTP_PUT, VM,
            VM_WITH("\"securityProfile\":{\"uefiSettings\":{\"secureBootEnabled\":\"yes\"}}"), 400,
            "InvalidParameter");
}

static void what_it_refers_to_must_be_there(void **state)
{
    (void)state;
    refused(HTTP_PUT, VM, VM_WITH("\"networkProfile\":{\"networkInterfaces\":[{}]}"), 400,
            "InvalidParameter");
    refused(HTTP_PUT, VM,
            VM_WITH("\"networkProfile\":{\"networkInterfaces\":[{\"id\":\"" GROUP
                    "/providers/Microsoft.Network/networkInterfaces/none\"}]}"),
            400, "InvalidResourceReference");
    refused(HTTP_PUT, VM,
            VM_WITH("\"networkProfile\":{\"networkInterfaces\":[{\"id\":\"" GROUP "\"}]}"), 400,
            "InvalidResourceReference"); /* a group is no interface */
    refused(HTTP_PUT, VM, VM_WITH("\"storageProfile\":{\"osDisk\":{\"osType\":\"OS/2\"}}"), 400,
            "InvalidParameter");
    refused(HTTP_PUT, VM, "{\"location\":\"westus\",\"identity\":{},\"properties\":{}}", 400,
            "InvalidIdentityType");
    /* Whatever stands where an object should be. */
    ask(&m, HTTP_PUT, VM,
        VM_WITH("\"securityProfile\":[],\"storageProfile\":1,\"osProfile\":\"x\","
                "\"networkProfile\":true"));
    assert_true(m.answer.status == 201 || m.answer.status == 400);
    ask(&m, HTTP_PUT, VM, "{\"location\":\"westus\",\"properties\":\"x\"}");
    assert_true(m.answer.status < 500);
}

static void the_security_type_changes_only_while_it_is_deallocated(void **state)
{
    (void)state;
    put_ok(VM, VM_WITH(""));
    refused(HTTP_PATCH, VM, "{\"properties\":{" TRUSTED "}}", 409, "OperationNotAllowed");
    assert_says(&m, "deallocate");
    ask(&m, HTTP_POST, VM "/powerOff", NULL);
    assert_answer(&m, 202, NULL);
    refused(HTTP_PATCH, VM, "{\"properties\":{" TRUSTED "}}", 409, "OperationNotAllowed");
    ask(&m, HTTP_POST, VM "/deallocate", NULL);
    assert_answer(&m, 202, NULL);
    refused(HTTP_PATCH, VM,
            "{\"properties\":{\"securityProfile\":{\"securityType\":\"ConfidentialVM\"}}}", 409,
            "PropertyChangeNotAllowed");
    ask(&m, HTTP_PATCH, VM, "{\"properties\":{" TRUSTED "}}");
    assert_answer(&m, 200, NULL);
    put_ok(VM, VM_WITH("\"securityProfile\":{\"securityType\":\"Standard\"}")); /* and back */
    assert_text(&m, "properties.securityProfile.securityType", "Standard");
    assert_null(member(&m, "properties.securityProfile.uefiSettings"));
    ask(&m, HTTP_PATCH, VM, "{\"properties\":{" TRUSTED "}}");
    assert_answer(&m, 200, NULL);
    ask(&m, HTTP_POST, VM "/start", NULL);
    refused(HTTP_PUT, VM, VM_WITH("\"securityProfile\":{\"securityType\":\"Standard\"}"), 409,
            "OperationNotAllowed");
    put_ok(VM2, VM_WITH("\"securityProfile\":{\"securityType\":\"confidentialvm\"}"));
    assert_text(&m, "properties.securityProfile.securityType", "ConfidentialVM");
    ask(&m, HTTP_POST, VM2 "/deallocate", NULL);
    refused(HTTP_PUT, VM2, VM_WITH(TRUSTED), 409, "PropertyChangeNotAllowed");
}

/* ---- what an update keeps ---- */

#define FULL                                                                                       \
    "{\"location\":\"westus\",\"identity\":{\"type\":\"SystemAssigned\"},\"properties\":{" TRUSTED \
    ",\"hardwareProfile\":{\"vmSize\":\"Standard_B1s\"},\"storageProfile\":{\"imageReference\":{"  \
    "\"publisher\":\"x\",\"offer\":\"o\"},\"osDisk\":{\"osType\":\"Windows\",\"name\":\"d\"}},"    \
    "\"osProfile\":{\"computerName\":\"c\"}}}"

static void assert_full(const char *principal)
{
    assert_text(&m, "properties.securityProfile.securityType", "TrustedLaunch");
    assert_true(
        yyjson_get_bool(member(&m, "properties.securityProfile.uefiSettings.secureBootEnabled")));
    assert_true(yyjson_get_bool(member(&m, "properties.securityProfile.uefiSettings.vTpmEnabled")));
    assert_text(&m, "properties.storageProfile.imageReference.offer", "o");
    assert_text(&m, "properties.storageProfile.osDisk.osType", "Windows");
    assert_text(&m, "properties.storageProfile.osDisk.name", "d");
    assert_text(&m, "properties.osProfile.computerName", "c");
    assert_text(&m, "identity.type", "SystemAssigned");
    assert_text(&m, "identity.principalId", principal);
}

static void an_update_that_does_not_say_lowers_nothing(void **state)
{
    static const char *const updates[] = {
        "{}",
        "{\"properties\":{}}",
        "{\"location\":\"westus\",\"properties\":{\"securityProfile\":{}}}",
        "{\"properties\":{\"securityProfile\":{\"uefiSettings\":{}}}}",
        "{\"properties\":{\"securityProfile\":{\"uefiSettings\":{\"secureBootEnabled\":true}}}}",
        "{\"properties\":{\"securityProfile\":{\"uefiSettings\":{\"VTPMENABLED\":\"True\"}}}}",
        "{\"properties\":{\"securityProfile\":{\"encryptionAtHost\":true}}}",
        "{\"properties\":{\"securityProfile\":null,\"storageProfile\":null,\"osProfile\":null}}",
        "{\"properties\":{\"storageProfile\":{}}}",
        "{\"properties\":{\"storageProfile\":{\"osDisk\":{}}}}",
        "{\"properties\":{\"storageProfile\":{\"osDisk\":{\"caching\":\"None\"}}}}",
    };
    const char *principal, *id;

    (void)state;
    put_ok(VM, FULL);
    principal = kept(text_at(&m, "identity.principalId"));
    assert_true(text_is_guid(span_str(principal)));
    id = vm_id(VM);
    for (size_t i = 0; i < ARRAY_LEN(updates); i++) {
        put_ok(VM, updates[i]);
        assert_full(principal);
        ask(&m, HTTP_PATCH, VM, updates[i]);
        assert_answer(&m, 200, NULL);
        assert_full(principal);
        ask(&m, HTTP_GET, VM, NULL);
        assert_full(principal);
        assert_text(&m, "properties.vmId", id);
    }
    /* What is said counts. */
    put_ok(VM,
           "{\"properties\":{\"securityProfile\":{\"uefiSettings\":{\"secureBootEnabled\":false}"
           "}}}");
    assert_false(
        yyjson_get_bool(member(&m, "properties.securityProfile.uefiSettings.secureBootEnabled")));
    assert_true(yyjson_get_bool(member(&m, "properties.securityProfile.uefiSettings.vTpmEnabled")));
    put_ok(VM, "{\"identity\":{\"type\":\"None\"}}");
    assert_null(member(&m, "identity"));
    /* What only the server says is not taken from a client. */
    put_ok(VM, "{\"properties\":{\"vmId\":\"x\",\"timeCreated\":\"x\",\"bootIntegrity\":{\"state\":"
               "\"healthy\"},\"instanceView\":{}}}");
    assert_text(&m, "properties.vmId", id);
    assert_text(&m, "properties.bootIntegrity.binding", "None");
    assert_null(member(&m, "properties.instanceView"));
}

static void the_operating_system_is_always_said(void **state)
{
    static const struct {
        const char *body, *wanted;
    } cases[] = {
        {VM_WITH(""), "Linux"},
        {VM_WITH("\"osProfile\":{\"windowsConfiguration\":{}}"), "Windows"},
        {VM_WITH("\"osProfile\":{\"linuxConfiguration\":{}}"), "Linux"},
        {VM_WITH("\"storageProfile\":{\"imageReference\":{\"publisher\":"
                 "\"MicrosoftWindowsServer\"}}"),
         "Windows"},
        {VM_WITH("\"storageProfile\":{\"osDisk\":{\"osType\":\"windows\"}}"), "Windows"},
        {VM_WITH("\"storageProfile\":{\"osDisk\":{\"osType\":7,\"name\":7}}"), "Linux"},
    };
    char target[160];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(target, sizeof(target), COMPUTE "virtualMachines/os%zu", i);
        put_ok(target, cases[i].body);
        assert_text(&m, "properties.storageProfile.osDisk.osType", cases[i].wanted);
        assert_true(text_at(&m, "properties.storageProfile.osDisk.name")[0] != '\0');
    }
}

/* ---- what clients rely on ---- */

static void a_machine_without_data_disks_shows_an_empty_list(void **state)
{
    (void)state;
    put_ok(VM, VM_WITH(""));
    assert_true(yyjson_is_arr(member(&m, "properties.storageProfile.dataDisks")));
    put_ok(COMPUTE "disks/d1", VM_WITH(""));
    put_ok(
        VM,
        VM_WITH("\"storageProfile\":{\"dataDisks\":[{\"lun\":3,\"managedDisk\":{\"id\":\"" COMPUTE
                "disks/d1\"}}]}"));
    ask(&m, HTTP_GET, VM, NULL);
    assert_int_equal(yyjson_arr_size(member(&m, "properties.storageProfile.dataDisks")), 1);
    assert_text(&m, "properties.storageProfile.dataDisks.0.name", "d1");
}

/* Azure's clients take each other answer for a failure. */
static void what_is_made_is_answered_as_its_clients_expect_it(void **state)
{
    static const struct {
        const char *target;
        unsigned status;
    } cases[] = {
        {COMPUTE "disks/a", 200},
        {COMPUTE "snapshots/a", 200},
        {COMPUTE "availabilitySets/a", 200},
        {GROUP "/providers/Microsoft.Storage/storageAccounts/a", 200},
        {COMPUTE "images/a", 201},
        {COMPUTE "sshPublicKeys/a", 201},
        {GROUP "/providers/Microsoft.Network/routeTables/a", 201},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ask(&m, HTTP_PUT, cases[i].target, VM_WITH(""));
        assert_answer(&m, cases[i].status, NULL);
        ask(&m, HTTP_PUT, cases[i].target, VM_WITH(""));
        assert_answer(&m, 200, NULL);
    }
}

/* ---- what nobody sees again ---- */

static void secrets_are_neither_shown_nor_kept(void **state)
{
    /* "hush-hush" and a token, in base64 */
    static const char custom[] = "aHVzaC1odXNo";

    (void)state;
    put_ok(VM, VM_WITH("\"osProfile\":{\"adminUsername\":\"me\",\"AdminPassword\":\"s3cr3t-1\","
                       "\"customDATA\":\"aHVzaC1odXNo\",\"secrets\":[{\"x\":\"s3cr3t-2\"}]},"
                       "\"userData\":\"dXNlci1kYXRh\""));
    assert_null(strstr((const char *)m.answer.body.data, "s3cr3t"));
    assert_null(strstr((const char *)m.answer.body.data, custom));
    assert_text(&m, "properties.osProfile.adminUsername", "me");
    ask(&m, HTTP_PATCH, VM, "{\"properties\":{\"osProfile\":{\"adminPassword\":\"s3cr3t-3\"}}}");
    assert_null(strstr((const char *)m.answer.body.data, "s3cr3t"));
    ask(&m, HTTP_GET, VM "?$expand=instanceView", NULL);
    assert_null(strstr((const char *)m.answer.body.data, "s3cr3t"));
    assert_null(member(&m, "properties.userData"));
    ask(&m, HTTP_GET, VM "?$expand=userData", NULL);
    assert_text(&m, "properties.userData", "dXNlci1kYXRh"); /* that one may be read again */
    assert_false(is_in_store("s3cr3t"));
    assert_false(is_in_store(custom));
    assert_true(is_in_store("dXNlci1kYXRh"));
}

/* ---- interfaces ---- */

#define NETWORK GROUP "/providers/Microsoft.Network/"
#define SUBNET_ID NETWORK "virtualNetworks/net/subnets/sub"
#define NIC(N) NETWORK "networkInterfaces/nic" N
#define NIC_BODY                                                                                   \
    "{\"location\":\"westus\",\"properties\":{\"ipConfigurations\":[{\"name\":\"c\","              \
    "\"properties\":{\"subnet\":{\"id\":\"" NETWORK "virtualNetworks/net/subnets/sub\"}}}]}}"
#define VM_ON(N) VM_WITH("\"networkProfile\":{\"networkInterfaces\":[{\"id\":\"" NIC(N) "\"}]}")

static void make_network(void)
{
    put_ok(NETWORK "virtualNetworks/net",
           VM_WITH("\"addressSpace\":{\"addressPrefixes\":[\"10.0.0.0/24\"]},\"subnets\":[{"
                   "\"name\":\"sub\",\"properties\":{\"addressPrefix\":\"10.0.0.0/29\"}}]"));
    put_ok(NIC("1"), NIC_BODY);
    put_ok(NIC("2"), NIC_BODY);
}

static const char *user_of(const char *nic)
{
    ask(&m, HTTP_GET, nic, NULL);
    assert_answer(&m, 200, NULL);
    return text_at(&m, "properties.virtualMachine.id");
}

static void an_interface_is_one_machines_until_that_lets_it_go(void **state)
{
    (void)state;
    make_network();
    put_ok(VM, VM_ON("1"));
    assert_string_equal(user_of(NIC("1")), VM);
    refused(HTTP_PUT, VM2, VM_ON("1"), 400, "NetworkInterfaceInUse");
    refused(HTTP_DELETE, NIC("1"), NULL, 400, "NicInUse");
    put_ok(NIC("1"), NIC_BODY); /* changing it does not take it away */
    assert_string_equal(user_of(NIC("1")), VM);
    put_ok(VM, VM_ON("2"));
    assert_string_equal(user_of(NIC("2")), VM);
    assert_string_equal(user_of(NIC("1")), "");
    put_ok(VM2, VM_ON("1"));
    ask(&m, HTTP_DELETE, VM2, NULL);
    assert_answer(&m, 200, NULL);
    assert_string_equal(user_of(NIC("1")), "");
    ask(&m, HTTP_DELETE, NIC("1"), NULL);
    assert_answer(&m, 200, NULL);
}

/* Its rules would not hold, and all would be open. */
static void a_misspelt_security_group_is_refused(void **state)
{
    static const char network[] =
        VM_WITH("\"addressSpace\":{\"addressPrefixes\":[\"10.0.0.0/24\"]},\"subnets\":[{"
                "\"name\":\"sub\",\"properties\":{\"addressPrefix\":\"10.0.0.0/29\",%s}}]");
    static const char interface[] =
        "{\"location\":\"westus\",\"properties\":{%s,\"ipConfigurations\":[{\"name\":\"c\","
        "\"properties\":{\"subnet\":{\"id\":\"" SUBNET_ID "\"}}}]}}";
    static const char *const bad[] = {"\"networkSecurityGroups\":{\"id\":\"/x\"}",
                                      "\"networkSecurityGroup\":\"/x\""};
    char body[1024];

    (void)state;
    make_network();
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        snprintf(body, sizeof(body), network, bad[i]);
        refused(HTTP_PUT, NETWORK "virtualNetworks/net", body, 400, "InvalidRequestContent");
        snprintf(body, sizeof(body), "{\"properties\":{\"addressPrefix\":\"10.0.0.8/29\",%s}}",
                 bad[i]);
        refused(HTTP_PUT, NETWORK "virtualNetworks/net/subnets/new", body, 400,
                "InvalidRequestContent");
        snprintf(body, sizeof(body), interface, bad[i]);
        refused(HTTP_PUT, NIC("1"), body, 400, "InvalidRequestContent");
        assert_says(&m, "networkSecurityGroup");
    }
    refused(HTTP_PUT, NIC("1"),
            "{\"location\":\"westus\",\"properties\":{\"ipConfigurations\":[{\"name\":\"c\","
            "\"properties\":{\"applicationSecurityGroup\":[],\"subnet\":{\"id\":\"" SUBNET_ID
            "\"}}}]}}",
            400, "InvalidRequestContent");
    assert_says(&m, "Did you mean 'applicationSecurityGroups'?");
}

static void addresses_are_given_out_once(void **state)
{
    (void)state;
    make_network(); /* a /29 has eight addresses, five of them the network's own */
    ask(&m, HTTP_GET, NIC("1"), NULL);
    assert_text(&m, "properties.ipConfigurations.0.properties.privateIPAddress", "10.0.0.4");
    ask(&m, HTTP_GET, NIC("2"), NULL);
    assert_text(&m, "properties.ipConfigurations.0.properties.privateIPAddress", "10.0.0.5");
    put_ok(NIC("1"), NIC_BODY);
    assert_text(&m, "properties.ipConfigurations.0.properties.privateIPAddress", "10.0.0.4");
    put_ok(NIC("3"), NIC_BODY);
    refused(HTTP_PUT, NIC("4"), NIC_BODY, 400, "SubnetIsFull");
    ask(&m, HTTP_DELETE, NIC("1"), NULL);
    put_ok(NIC("4"), NIC_BODY);
    assert_text(&m, "properties.ipConfigurations.0.properties.privateIPAddress", "10.0.0.4");
}

static const char *with_address(const char *address)
{
    static char body[512];

    snprintf(body, sizeof(body),
             "{\"location\":\"westus\",\"properties\":{\"ipConfigurations\":[{\"name\":\"c\","
             "\"properties\":{\"privateIPAddress\":\"%s\",\"subnet\":{\"id\":\"" SUBNET_ID
             "\"}}}]}}",
             address);
    return body;
}

static void an_address_that_an_owner_names_is_a_free_one_of_the_subnet(void **state)
{
    static const struct {
        const char *address, *code;
    } cases[] = {
        {"10.0.0.4", "PrivateIPAddressInUse"},
        {"10.0.0.3", "PrivateIPAddressInReservedRange"},
        {"10.0.0.7", "PrivateIPAddressInReservedRange"},
        {"10.0.0.8", "PrivateIPAddressNotInSubnet"},
        {"9.255.255.255", "PrivateIPAddressNotInSubnet"},
    };

    (void)state;
    make_network(); /* 1 and 2 have 10.0.0.4 and 10.0.0.5 */
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        refused(HTTP_PUT, NIC("3"), with_address(cases[i].address), 400, cases[i].code);
        assert_says(&m, cases[i].address);
    }
    put_ok(NIC("3"), with_address("10.0.0.6"));
    put_ok(NIC("3"), with_address("10.0.0.6"));
    refused(HTTP_PUT, NIC("3"), with_address("10.0.0.5"), 400, "PrivateIPAddressInUse");
    ask(&m, HTTP_DELETE, NIC("2"), NULL);
    put_ok(NIC("3"), with_address("10.0.0.5"));
}

static const char *with_configurations(const char *first, size_t from, size_t to)
{
    static char body[128 * 1024];
    size_t at = (size_t)snprintf(body, sizeof(body),
                                 "{\"location\":\"westus\",\"properties\":{"
                                 "\"ipConfigurations\":[%s",
                                 first);

    for (size_t i = from; i < to; i++) {
        at += (size_t)snprintf(
            body + at, sizeof(body) - at,
            "%s{\"name\":\"c%zu\",\"properties\":{\"subnet\":{\"id\":\"" SUBNET_ID "\"}}}",
            i == from && first[0] == '\0' ? "" : ",", i);
    }
    snprintf(body + at, sizeof(body) - at, "]}}");
    return body;
}

static void one_interface_gets_no_address_twice(void **state)
{
    (void)state;
    make_network();
    ask(&m, HTTP_DELETE, NIC("1"), NULL);
    ask(&m, HTTP_DELETE, NIC("2"), NULL);
    put_ok(NIC("3"), with_configurations("", 1, 3));
    assert_text(&m, "properties.ipConfigurations.0.properties.privateIPAddress", "10.0.0.4");
    assert_text(&m, "properties.ipConfigurations.1.properties.privateIPAddress", "10.0.0.5");
    /* A new one in front takes none that is kept. */
    put_ok(NIC("3"),
           with_configurations(
               "{\"name\":\"new\",\"properties\":{\"subnet\":{\"id\":\"" SUBNET_ID "\"}}}", 1, 3));
    assert_text(&m, "properties.ipConfigurations.0.properties.privateIPAddress", "10.0.0.6");
    assert_text(&m, "properties.ipConfigurations.1.properties.privateIPAddress", "10.0.0.4");
    assert_text(&m, "properties.ipConfigurations.2.properties.privateIPAddress", "10.0.0.5");
    refused(HTTP_PUT, NIC("3"), with_configurations("", 1, 5), 400, "SubnetIsFull");
    refused(HTTP_PUT, NIC("3"), with_configurations("", 0, 257), 400, "TooManyItems");
    assert_says(&m, "1 to 256");
}

/* ---- assessments ---- */

#define ASSESSMENT VM "/providers/Microsoft.Security/assessments/"

static void nobody_says_what_the_server_says_of_a_boot(void **state)
{
    static const char healthy[] = "{\"properties\":{\"status\":{\"code\":\"Healthy\"}}}";

    (void)state;
    put_ok(VM, VM_WITH(TRUSTED));
    put_ok(ASSESSMENT "00000000-0000-0000-0000-000000000001", healthy);
    ask(&m, HTTP_PUT, ASSESSMENT "b7604066-ed76-45f9-a5c1-c97e4812dc55", healthy);
    assert_answer(&m, 409, "OperationNotAllowed");
    ask(&m, HTTP_PUT, ASSESSMENT "AD50B498-F90C-451F-886F-D0A169CC5002", healthy);
    assert_answer(&m, 409, "OperationNotAllowed");
    ask(&m, HTTP_PUT,
        GROUP "/providers/Microsoft.Security/assessments/861bbc73-0a55-8d1d-efc6-e92d9e1176e0",
        healthy);
    assert_answer(&m, 409, "OperationNotAllowed");
    ask(&m, HTTP_GET, ASSESSMENT "b7604066-ed76-45f9-a5c1-c97e4812dc55", NULL);
    assert_answer(&m, 404, "ResourceNotFound");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_VMS(uefi_settings_need_a_security_type),
        WITH_VMS(a_misspelt_protection_is_refused),
        WITH_VMS(what_it_refers_to_must_be_there),
        WITH_VMS(the_security_type_changes_only_while_it_is_deallocated),
        WITH_VMS(an_update_that_does_not_say_lowers_nothing),
        WITH_VMS(the_operating_system_is_always_said),
        WITH_VMS(a_machine_without_data_disks_shows_an_empty_list),
        WITH_VMS(what_is_made_is_answered_as_its_clients_expect_it),
        WITH_VMS(secrets_are_neither_shown_nor_kept),
        WITH_VMS(an_interface_is_one_machines_until_that_lets_it_go),
        WITH_VMS(a_misspelt_security_group_is_refused),
        WITH_VMS(addresses_are_given_out_once),
        WITH_VMS(an_address_that_an_owner_names_is_a_free_one_of_the_subnet),
        WITH_VMS(one_interface_gets_no_address_twice),
        WITH_VMS(nobody_says_what_the_server_says_of_a_boot),
    };

    return RUN_TESTS(tests);
}
