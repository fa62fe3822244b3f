/* What belongs to somebody else is named by nobody without the right to join it, and who has not
 * that right learns nothing about it. */
#include "unit/kinds/vms.h"

#define NETWORK "/providers/Microsoft.Network/"
#define OTHERS SUB "/resourceGroups/others"
#define OWN_NETWORK GROUP NETWORK
#define OTHER_NETWORK OTHERS NETWORK
#define SUBNET_ID(NET, NAME) "\"subnet\":{\"id\":\"" NET "virtualNetworks/net/subnets/" NAME "\"}"
#define INTERFACE_WITH(CONFIGURATION, MORE)                                                        \
    "{\"location\":\"westus\",\"properties\":{\"ipConfigurations\":[{\"name\":\"c\","              \
    "\"properties\":{" CONFIGURATION "}}]" MORE "}}"
#define NETWORK_WITH(SUBNETS, MORE)                                                                \
    "{\"location\":\"westus\",\"properties\":{\"addressSpace\":{\"addressPrefixes\":["             \
    "\"10.0.0.0/16\"]},\"subnets\":[" SUBNETS "]" MORE "}}"
#define SUBNET(NAME, MORE)                                                                         \
    "{\"name\":\"" NAME "\",\"properties\":{\"addressPrefix\":\"10.0.0.0/24\"" MORE "}}"
#define GROUP_OF(ID) ",\"networkSecurityGroup\":{\"id\":\"" ID "\"}"
#define RULE(NAME, PRIORITY, TO)                                                                   \
    "{\"name\":\"" NAME "\",\"properties\":{\"protocol\":\"*\",\"sourceAddressPrefix\":\"*\","     \
    "\"sourcePortRange\":\"*\",\"destinationPortRange\":\"*\",\"access\":\"Allow\","               \
    "\"priority\":" PRIORITY ",\"direction\":\"Outbound\"," TO "}}"
#define TO_APPLICATION(ID) "\"destinationApplicationSecurityGroups\":[{\"id\":\"" ID "\"}]"
#define RULES(LIST) "{\"location\":\"westus\",\"properties\":{\"securityRules\":[" LIST "]}}"
#define PLAIN "{\"location\":\"westus\",\"properties\":{}}"

static const char *given; /* what the caller may do at what is others'; NULL = nothing */

static bool is_others(const char *scope)
{
    return text_span_equal_nocase(span_cut(span_str(scope), 0, strlen(OTHERS)), OTHERS);
}

static bool may_own(const char *action, const char *scope)
{
    return !is_others(scope) || (given != NULL && strcmp(action, given) == 0);
}

/* Two worlds: the caller's group, and others' with the same names in it. */
static int links_start(void **state)
{
    static const char *const groups[] = {GROUP, OTHERS};
    static const struct {
        const char *name, *body;
    } made[] = {
        {NETWORK "networkSecurityGroups/nsg", PLAIN},
        {NETWORK "applicationSecurityGroups/asg", PLAIN},
        {NETWORK "publicIPAddresses/address", PLAIN},
        {NETWORK "virtualNetworks/net", NETWORK_WITH(SUBNET("one", ""), "")},
        {"/providers/Microsoft.Compute/disks/disk", PLAIN},
        {"/providers/Microsoft.ManagedIdentity/userAssignedIdentities/who", PLAIN},
    };

    vms_start(state);
    put_ok(OTHERS, PLAIN);
    for (size_t i = 0; i < ARRAY_LEN(groups) * ARRAY_LEN(made); i++) {
        char id[512];

        snprintf(id, sizeof(id), "%s%s", groups[i / ARRAY_LEN(made)],
                 made[i % ARRAY_LEN(made)].name);
        put_ok(id, made[i % ARRAY_LEN(made)].body);
    }
    put_ok(OWN_NETWORK "networkInterfaces/nic", INTERFACE_WITH(SUBNET_ID(OWN_NETWORK, "one"), ""));
    put_ok(OTHER_NETWORK "networkInterfaces/nic",
           INTERFACE_WITH(SUBNET_ID(OTHER_NETWORK, "one"), ""));
    given = NULL;
    m.may = may_own;
    return 0;
}

#define WITH_LINKS(test) cmocka_unit_test_setup_teardown(test, links_start, vms_stop)

/* "@" in the body is the id that is named: `others` or, of nothing, the same with an x behind. */
static const struct {
    const char *target, *body, *named, *link;
    bool must_be_there;
} cases[] = {
    {VM, VM_WITH("\"networkProfile\":{\"networkInterfaces\":[{\"id\":\"@\"}]}"),
     OTHER_NETWORK "networkInterfaces/nic", "Microsoft.Network/networkInterfaces/join/action",
     true},
    {VM, VM_WITH("\"storageProfile\":{\"osDisk\":{\"managedDisk\":{\"id\":\"@\"}}}"),
     OTHERS "/providers/Microsoft.Compute/disks/disk", "Microsoft.Compute/disks/write", false},
    {VM, VM_WITH("\"storageProfile\":{\"dataDisks\":[{\"lun\":0,\"managedDisk\":{\"id\":\"@\"}}]}"),
     OTHERS "/providers/Microsoft.Compute/disks/disk", "Microsoft.Compute/disks/write", false},
    {VM,
     "{\"location\":\"westus\",\"properties\":{},\"identity\":{\"type\":\"UserAssigned\","
     "\"userAssignedIdentities\":{\"@\":{}}}}",
     OTHERS "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/who",
     "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action", false},
    {OWN_NETWORK "networkInterfaces/new", INTERFACE_WITH("\"subnet\":{\"id\":\"@\"}", ""),
     OTHER_NETWORK "virtualNetworks/net/subnets/one",
     "Microsoft.Network/virtualNetworks/subnets/join/action", true},
    {OWN_NETWORK "networkInterfaces/new",
     INTERFACE_WITH(SUBNET_ID(OWN_NETWORK, "one"), GROUP_OF("@")),
     OTHER_NETWORK "networkSecurityGroups/nsg",
     "Microsoft.Network/networkSecurityGroups/join/action", true},
    {OWN_NETWORK "networkInterfaces/new",
     INTERFACE_WITH(SUBNET_ID(OWN_NETWORK, "one") ",\"publicIPAddress\":{\"id\":\"@\"}", ""),
     OTHER_NETWORK "publicIPAddresses/address", "Microsoft.Network/publicIPAddresses/join/action",
     true},
    {OWN_NETWORK "networkInterfaces/new",
     INTERFACE_WITH(SUBNET_ID(OWN_NETWORK, "one") ",\"applicationSecurityGroups\":[{\"id\":\"@\"}]",
                    ""),
     OTHER_NETWORK "applicationSecurityGroups/asg",
     "Microsoft.Network/applicationSecurityGroups/joinIpConfiguration/action", true},
    {OWN_NETWORK "virtualNetworks/new", NETWORK_WITH(SUBNET("one", GROUP_OF("@")), ""),
     OTHER_NETWORK "networkSecurityGroups/nsg",
     "Microsoft.Network/networkSecurityGroups/join/action", true},
    {OWN_NETWORK "virtualNetworks/net/subnets/two",
     "{\"properties\":{\"addressPrefix\":\"10.0.1.0/24\"" GROUP_OF("@") "}}",
     OTHER_NETWORK "networkSecurityGroups/nsg",
     "Microsoft.Network/networkSecurityGroups/join/action", true},
    {OWN_NETWORK "virtualNetworks/new",
     NETWORK_WITH("", ",\"virtualNetworkPeerings\":[{\"name\":\"p\",\"properties\":{"
                      "\"remoteVirtualNetwork\":{\"id\":\"@\"}}}]"),
     OTHER_NETWORK "virtualNetworks/net", "Microsoft.Network/virtualNetworks/peer/action", false},
    {OWN_NETWORK "networkSecurityGroups/new", RULES(RULE("r", "100", TO_APPLICATION("@"))),
     OTHER_NETWORK "applicationSecurityGroups/asg",
     "Microsoft.Network/applicationSecurityGroups/joinNetworkSecurityRule/action", true},
};

static void ask_naming(size_t i, const char *ending)
{
    static char body[4096];
    const char *at = strchr(cases[i].body, '@');

    snprintf(body, sizeof(body), "%.*s%s%s%s", (int)(at - cases[i].body), cases[i].body,
             cases[i].named, ending, at + 1);
    ask(&m, HTTP_PUT, cases[i].target, body);
}

static void what_is_others_is_not_named_without_the_right_to_join_it(void **state)
{
    static const char *const endings[] = {"", "x"}; /* there, and not there: the same answer */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t j = 0; j < ARRAY_LEN(endings); j++) {
            char words[1024];

            ask_naming(i, endings[j]);
            assert_answer(&m, 403, "LinkedAuthorizationFailed");
            snprintf(
                words, sizeof(words),
                "does not have permission to perform action(s) '%s' on "
                "the linked scope(s) '%s%s' (respectively) or the linked scope(s) are invalid.",
                cases[i].link, cases[i].named, endings[j]);
            assert_says(&m, words);
            assert_says(&m, "The client 'tester' with object id "
                            "'44444444-4444-4444-4444-444444444444' has permission to perform "
                            "action 'Microsoft.");
            assert_says(&m, cases[i].target);
        }
    }
}

static void the_right_to_join_is_enough(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        given = cases[i].link;
        ask_naming(i, "x");
        if (cases[i].must_be_there) {
            assert_answer(&m, 400, "InvalidResourceReference");
        }
        ask_naming(i, "");
        if (m.answer.status != 200 && m.answer.status != 201) {
            fail_msg("%s: %u %s", cases[i].link, m.answer.status, m.answer.message);
        }
        m.may = NULL;
        ask(&m, HTTP_DELETE, cases[i].target, NULL); /* free for the next */
        m.may = may_own;
    }
}

static void an_id_of_another_type_is_no_way_around(void **state)
{
    static const char *const bad[] = {
        OWN_NETWORK "publicIPAddresses/address",
        OTHER_NETWORK "networkSecurityGroups/nsg/securityRules/nic",
        GROUP "/../others" NETWORK "networkInterfaces/nic",
        OTHER_NETWORK "networkInterfaces/nic/",
        OTHERS "/" NETWORK "networkInterfaces/nic",
        "nic",
        "",
    };
    char body[1024];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        snprintf(body, sizeof(body),
                 VM_WITH("\"networkProfile\":{\"networkInterfaces\":[{\"id\":\"%s\"}]}"), bad[i]);
        refused(HTTP_PUT, VM, body, 400, "InvalidResourceReference");
    }
}

/* ---- what was joined before ---- */

static void a_change_of_something_else_asks_nobody_again(void **state)
{
    static const char vm[] =
        "{\"location\":\"westus\",\"properties\":{\"networkProfile\":{\"networkInterfaces\":["
        "{\"id\":\"" OTHER_NETWORK "networkInterfaces/nic\"}]},\"storageProfile\":{\"dataDisks\":["
        "{\"lun\":0,\"managedDisk\":{\"id\":\"" OTHERS "/providers/Microsoft.Compute/disks/disk"
        "\"}}]}},\"identity\":{\"type\":\"UserAssigned\",\"userAssignedIdentities\":{\"" OTHERS
        "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/who\":{}}}}";

    (void)state;
    m.may = NULL;
    put_ok(VM, vm);
    put_ok(OWN_NETWORK "networkInterfaces/new",
           INTERFACE_WITH(SUBNET_ID(OTHER_NETWORK, "one"), ""));
    put_ok(OWN_NETWORK "virtualNetworks/net",
           NETWORK_WITH(SUBNET("one", GROUP_OF(OTHER_NETWORK "networkSecurityGroups/nsg")), ""));
    put_ok(OWN_NETWORK "networkSecurityGroups/nsg",
           RULES(RULE("r", "100", TO_APPLICATION(OTHER_NETWORK "applicationSecurityGroups/asg"))));
    m.may = may_own;
    put_ok(VM, vm);
    put_ok(VM, PLAIN);
    ask(&m, HTTP_PATCH, OWN_NETWORK "networkInterfaces/new", "{\"tags\":{\"a\":\"b\"}}");
    assert_answer(&m, 200, NULL);
    put_ok(OWN_NETWORK "virtualNetworks/net/subnets/two",
           "{\"properties\":{\"addressPrefix\":\"10.0.2.0/24\"}}");
    put_ok(OWN_NETWORK "networkSecurityGroups/nsg/securityRules/s",
           RULE("s", "101", "\"destinationAddressPrefix\":\"*\""));
}

static void another_address_or_place_is_asked_about_again(void **state)
{
    (void)state;
    m.may = NULL;
    put_ok(OWN_NETWORK "networkInterfaces/new",
           INTERFACE_WITH(SUBNET_ID(OTHER_NETWORK, "one"), ""));
    put_ok(OWN_NETWORK "virtualNetworks/net",
           NETWORK_WITH(SUBNET("one", GROUP_OF(OTHER_NETWORK "networkSecurityGroups/nsg")), ""));
    put_ok(OWN_NETWORK "networkSecurityGroups/nsg",
           RULES(RULE("r", "100", TO_APPLICATION(OTHER_NETWORK "applicationSecurityGroups/asg"))));
    put_ok(VM, VM_WITH("\"networkProfile\":{\"networkInterfaces\":[{\"id\":\"" OTHER_NETWORK
                       "networkInterfaces/nic\"}]}"));
    m.may = may_own;
    refused(
        HTTP_PUT, OWN_NETWORK "networkInterfaces/new",
        INTERFACE_WITH("\"privateIPAddress\":\"10.0.0.99\"," SUBNET_ID(OTHER_NETWORK, "one"), ""),
        403, "LinkedAuthorizationFailed");
    refused(HTTP_PUT, OWN_NETWORK "virtualNetworks/net/subnets/two",
            "{\"properties\":{\"addressPrefix\":\"10.0.2.0/24\"" GROUP_OF(
                OTHER_NETWORK "networkSecurityGroups/nsg") "}}",
            403, "LinkedAuthorizationFailed");
    refused(HTTP_PUT, OWN_NETWORK "networkSecurityGroups/nsg/securityRules/s",
            RULE("s", "101", TO_APPLICATION(OTHER_NETWORK "applicationSecurityGroups/asg")), 403,
            "LinkedAuthorizationFailed");
    /* The interface is another machine's now: that it was this one's does not count. */
    refused(HTTP_PUT, VM2,
            VM_WITH("\"networkProfile\":{\"networkInterfaces\":[{\"id\":\"" OTHER_NETWORK
                    "networkInterfaces/nic\"}]}"),
            403, "LinkedAuthorizationFailed");
}

static void lists_that_are_asked_about_are_bounded(void **state)
{
    char body[32 * 1024] = "{\"location\":\"westus\",\"properties\":{\"networkProfile\":{"
                           "\"networkInterfaces\":[{\"id\":\"x\"}";

    (void)state;
    for (size_t i = 0; i < 32; i++) {
        strcat(body, ",{\"id\":\"x\"}");
    }
    strcat(body, "]}}}");
    refused(HTTP_PUT, VM, body, 400, "TooManyItems");
    assert_says(&m, "33 items; 32 are allowed");
}

#define TAG(NAME) "{\"tags\":{\"bootwarden-interface\":\"" NAME "\"}}"

/* One name on two interfaces spoils the export of the subscription for everybody. */
static void the_name_of_a_hosts_interface_is_one_interfaces(void **state)
{
    static const char own[] = OWN_NETWORK "networkInterfaces/nic";
    static const char others[] = OTHER_NETWORK "networkInterfaces/nic";
    static const char second[] = OWN_NETWORK "networkInterfaces/second";

    (void)state;
    m.may = NULL;
    ask(&m, HTTP_PATCH, others, TAG("vnet0"));
    assert_answer(&m, 200, NULL);
    m.may = may_own;
    refused(HTTP_PATCH, own, TAG("vnet0"), 409, "Conflict");
    assert_says(&m, "bootwarden-interface");
    assert_null(strstr(m.answer.message, "/resourceGroups/others"));
    given = "Microsoft.Network/networkInterfaces/read"; /* who may see it hears where */
    refused(HTTP_PATCH, own, TAG("vnet0"), 409, "Conflict");
    assert_says(&m, others);
    given = "Microsoft.Network/networkInterfaces/write"; /* two hosts of one owner */
    ask(&m, HTTP_PATCH, own, TAG("vnet0"));
    assert_answer(&m, 200, NULL);
    given = NULL;
    ask(&m, HTTP_PATCH, own, TAG("vnet0")); /* what was there stays */
    assert_answer(&m, 200, NULL);
    /* In one group it is one host. */
    put_ok(second, INTERFACE_WITH(SUBNET_ID(OWN_NETWORK, "one"), ""));
    given = "Microsoft.Network/networkInterfaces/write";
    refused(HTTP_PATCH, second, TAG("vnet0"), 409, "Conflict");
    ask(&m, HTTP_PATCH, second, TAG("vnet1"));
    assert_answer(&m, 200, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LINKS(what_is_others_is_not_named_without_the_right_to_join_it),
        WITH_LINKS(the_right_to_join_is_enough),
        WITH_LINKS(an_id_of_another_type_is_no_way_around),
        WITH_LINKS(a_change_of_something_else_asks_nobody_again),
        WITH_LINKS(another_address_or_place_is_asked_about_again),
        WITH_LINKS(lists_that_are_asked_about_are_bounded),
        WITH_LINKS(the_name_of_a_hosts_interface_is_one_interfaces),
    };

    return RUN_TESTS(tests);
}
