/*
 * builtin.c - the roles that Azure has everywhere, with Azure's names, ids and actions. What is
 * about services that are not here is left out.
 */
#include "access/rules.h"

static const char *const nothing[] = {NULL};
static const char *const everything[] = {"*", NULL};
static const char *const all_read[] = {"*/read", NULL};

/* Contributor: all but giving access, and what would give it in a roundabout way. */
static const char *const no_access[] = {
    "Microsoft.Authorization/*/Delete",
    "Microsoft.Authorization/*/Write",
    "Microsoft.Authorization/elevateAccess/Action",
    "Microsoft.Blueprint/blueprintAssignments/write",
    "Microsoft.Blueprint/blueprintAssignments/delete",
    "Microsoft.Compute/galleries/share/action",
    "Microsoft.Purview/consents/write",
    "Microsoft.Purview/consents/delete",
    "Microsoft.Resources/deploymentStacks/manageDenySetting/action",
    "Microsoft.Subscription/cancel/action",
    "Microsoft.Subscription/enable/action",
    NULL,
};

static const char *const attestation_read[] = {ACCESS_ATTESTATION_READ, NULL};
static const char *const attestation_all[] = {ACCESS_ATTESTATION_READ, ACCESS_ATTESTATION_WRITE,
                                              ACCESS_ATTESTATION_DELETE, NULL};

static const char *const give_access[] = {"*/read", "Microsoft.Authorization/*",
                                          "Microsoft.Support/*", NULL};
static const char *const give_roles[] = {ACCESS_ASSIGNMENT_WRITE, ACCESS_ASSIGNMENT_DELETE,
                                         "*/read", "Microsoft.Support/*", NULL};

static const char *const machines[] = {
    "Microsoft.Authorization/*/read",
    "Microsoft.Compute/availabilitySets/*",
    "Microsoft.Compute/locations/*",
    "Microsoft.Compute/virtualMachines/*",
    "Microsoft.Compute/virtualMachineScaleSets/*",
    "Microsoft.Compute/cloudServices/*",
    "Microsoft.Compute/disks/write",
    "Microsoft.Compute/disks/read",
    "Microsoft.Compute/disks/delete",
    "Microsoft.Insights/alertRules/*",
    "Microsoft.Network/applicationGateways/backendAddressPools/join/action",
    "Microsoft.Network/loadBalancers/backendAddressPools/join/action",
    "Microsoft.Network/loadBalancers/inboundNatPools/join/action",
    "Microsoft.Network/loadBalancers/inboundNatRules/join/action",
    "Microsoft.Network/loadBalancers/probes/join/action",
    "Microsoft.Network/loadBalancers/read",
    "Microsoft.Network/locations/*",
    "Microsoft.Network/networkInterfaces/*",
    "Microsoft.Network/networkSecurityGroups/join/action",
    "Microsoft.Network/networkSecurityGroups/read",
    "Microsoft.Network/publicIPAddresses/join/action",
    "Microsoft.Network/publicIPAddresses/read",
    "Microsoft.Network/virtualNetworks/read",
    "Microsoft.Network/virtualNetworks/subnets/join/action",
    "Microsoft.ResourceHealth/availabilityStatuses/read",
    "Microsoft.Resources/deployments/*",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.SerialConsole/serialPorts/connect/action",
    "Microsoft.Storage/storageAccounts/listKeys/action",
    "Microsoft.Storage/storageAccounts/read",
    "Microsoft.Support/*",
    NULL,
};

static const char *const networks[] = {
    "Microsoft.Authorization/*/read",
    "Microsoft.Insights/alertRules/*",
    "Microsoft.Network/*",
    "Microsoft.ResourceHealth/availabilityStatuses/read",
    "Microsoft.Resources/deployments/*",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Support/*",
    NULL,
};

static const char *const security_read[] = {
    "Microsoft.Authorization/*/read",
    "Microsoft.Insights/alertRules/read",
    "Microsoft.operationalInsights/workspaces/*/read",
    "Microsoft.Resources/deployments/*/read",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Security/*/read",
    "Microsoft.Support/*/read",
    "Microsoft.Management/managementGroups/read",
    NULL,
};

static const char *const security_all[] = {
    "Microsoft.Authorization/*/read",
    "Microsoft.Authorization/policyAssignments/*",
    "Microsoft.Authorization/policyDefinitions/*",
    "Microsoft.Authorization/policyExemptions/*",
    "Microsoft.Authorization/policySetDefinitions/*",
    "Microsoft.Insights/alertRules/*",
    "Microsoft.Management/managementGroups/read",
    "Microsoft.operationalInsights/workspaces/*/read",
    "Microsoft.Resources/deployments/*",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Security/*",
    "Microsoft.Support/*",
    NULL,
};

/* clang-format off */
static const struct access_role builtin[] = {
    {ACCESS_ROLE_OWNER, "Owner", everything, nothing,
     "Manages everything, and may give others access."},
    {ACCESS_ROLE_CONTRIBUTOR, "Contributor", everything, no_access,
     "Manages everything, but gives nobody access."},
    {ACCESS_ROLE_READER, "Reader", all_read, nothing,
     "Sees everything and changes nothing."},
    {ACCESS_ROLE_ACCESS_ADMINISTRATOR, "User Access Administrator", give_access, nothing,
     "Gives others access, and sees everything."},
    {ACCESS_ROLE_RBAC_ADMINISTRATOR, "Role Based Access Control Administrator", give_roles, nothing,
     "Gives others roles, and sees everything."},
    {ACCESS_ROLE_VM_CONTRIBUTOR, "Virtual Machine Contributor", machines, nothing,
     "Manages virtual machines, but not what they are connected to."},
    {ACCESS_ROLE_NETWORK_CONTRIBUTOR, "Network Contributor", networks, nothing,
     "Manages networks."},
    {ACCESS_ROLE_SECURITY_READER, "Security Reader", security_read, nothing,
     "Sees what is known about security."},
    {ACCESS_ROLE_SECURITY_ADMIN, "Security Admin", security_all, nothing,
     "Sees what is known about security, and dismisses it."},
    {ACCESS_ROLE_ATTESTATION_READER, "Attestation Reader", attestation_read, nothing,
     "Reads the policies of attestation providers."},
    {ACCESS_ROLE_ATTESTATION_CONTRIBUTOR, "Attestation Contributor", attestation_all, nothing,
     "Reads and writes the policies of attestation providers."},
};
/* clang-format on */

const struct access_role *access_role_builtin(size_t index)
{
    return index < sizeof(builtin) / sizeof(builtin[0]) ? &builtin[index] : NULL;
}
