/*
 * plain.c - types that are kept and shown, and mean nothing to this server: templates and clients
 * make them beside a virtual machine.
 */
#include "kinds/parts.h"

#define COMPUTE "Microsoft.Compute/"
#define COMPUTE_VERSIONS "2024-11-01 2024-03-01 2022-08-01 2020-06-01"
#define NETWORK "Microsoft.Network/"
#define NETWORK_VERSIONS "2022-07-01 2022-01-01 2025-05-01"

#define PLAIN(TYPE, VERSIONS)                                                                      \
    {                                                                                              \
        .type = (TYPE), .versions = (VERSIONS), .flags = KIND_HAS_LOCATION | KIND_HAS_TAGS         \
    }

const struct kind kind_disk = PLAIN(COMPUTE "disks", COMPUTE_VERSIONS);
const struct kind kind_image = PLAIN(COMPUTE "images", COMPUTE_VERSIONS);
const struct kind kind_snapshot = PLAIN(COMPUTE "snapshots", COMPUTE_VERSIONS);
const struct kind kind_availability_set = PLAIN(COMPUTE "availabilitySets", COMPUTE_VERSIONS);
const struct kind kind_ssh_key = PLAIN(COMPUTE "sshPublicKeys", COMPUTE_VERSIONS);
const struct kind kind_storage_account =
    PLAIN("Microsoft.Storage/storageAccounts", "2023-05-01 2021-04-01 2019-06-01");
const struct kind kind_route_table = PLAIN(NETWORK "routeTables", NETWORK_VERSIONS);
const struct kind kind_security_group_application =
    PLAIN(NETWORK "applicationSecurityGroups", NETWORK_VERSIONS);

/* A principal without a virtual machine: roles can be given to it. */
static bool prepare_identity(struct control_call *call, const struct resource *before,
                             struct resource *wanted, struct control_answer *ret)
{
    (void)before;
    if (own_guid(call, wanted, "principalId") == NULL ||
        own_guid(call, wanted, "clientId") == NULL) {
        control_fail(call, ERR_MEMORY, NULL, ret);
        return false;
    }
    return true;
}

static void show_identity(struct control_call *call, const struct resource *resource,
                          yyjson_mut_val *object)
{
    yyjson_mut_val *own = body_get(resource->body, RESOURCE_PRIVATE);
    yyjson_mut_val *properties = body_need_object(call->doc, object, "properties");

    body_drop(properties, "provisioningState");
    body_set_text(call->doc, properties, "tenantId", control_tenant(call->control));
    body_set_text(call->doc, properties, "principalId", body_text_at(own, "principalId"));
    body_set_text(call->doc, properties, "clientId", body_text_at(own, "clientId"));
}

const struct kind kind_user_identity = {
    .type = "Microsoft.ManagedIdentity/userAssignedIdentities",
    .versions = "2023-01-31 2018-11-30",
    .flags = KIND_HAS_LOCATION | KIND_HAS_TAGS,
    .prepare = prepare_identity,
    .show = show_identity,
};
