/*
 * plain.c - types that are kept and shown, and mean nothing to this server: templates and clients
 * make them beside a virtual machine.
 */
#include "kinds/parts.h"

#define COMPUTE "Microsoft.Compute/"
#define COMPUTE_VERSIONS "2024-11-01 2024-03-01 2022-08-01 2020-06-01"
#define NETWORK "Microsoft.Network/"
#define NETWORK_VERSIONS "2022-07-01 2022-01-01 2025-05-01"

#define PLAIN(TYPE, VERSIONS, MADE)                                                                \
    {                                                                                              \
        .type = (TYPE), .versions = (VERSIONS), .flags = KIND_HAS_LOCATION | KIND_HAS_TAGS,        \
        .made = (MADE)                                                                             \
    }
/* What Azure's clients of a type expect when one was made: of disks and snapshots 200 or 202, of
 * storage accounts the same, of availability sets 200, of all others 200 or 201. */

const struct kind kind_disk = PLAIN(COMPUTE "disks", COMPUTE_VERSIONS, 200);
const struct kind kind_image = PLAIN(COMPUTE "images", COMPUTE_VERSIONS, 201);
const struct kind kind_snapshot = PLAIN(COMPUTE "snapshots", COMPUTE_VERSIONS, 200);
const struct kind kind_availability_set = PLAIN(COMPUTE "availabilitySets", COMPUTE_VERSIONS, 200);
const struct kind kind_ssh_key = PLAIN(COMPUTE "sshPublicKeys", COMPUTE_VERSIONS, 201);
const struct kind kind_storage_account =
    PLAIN("Microsoft.Storage/storageAccounts", "2023-05-01 2021-04-01 2019-06-01", 200);
const struct kind kind_route_table = PLAIN(NETWORK "routeTables", NETWORK_VERSIONS, 201);
const struct kind kind_security_group_application =
    PLAIN(NETWORK "applicationSecurityGroups", NETWORK_VERSIONS, 201);
