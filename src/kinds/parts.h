/*
 * parts.h - what the files of this room share. Not for other rooms.
 */
#ifndef KINDS_PARTS_H
#define KINDS_PARTS_H

#include "kinds/kinds.h"

#include "store/resources.h"

/* Microsoft.Compute */
extern const struct kind kind_virtual_machine;
extern const struct kind kind_vm_extension;
extern const struct control_row image_rows[];
extern const struct control_row size_rows[];
/* Microsoft.Network */
extern const struct kind kind_virtual_network;
extern const struct kind kind_subnet;
extern const struct kind kind_network_interface;
extern const struct kind kind_public_address;
extern const struct kind kind_security_group;
extern const struct kind kind_security_rule;
/* Microsoft.Security */
extern const struct kind kind_assessment;
extern const struct control_row security_rows[];
extern const struct kind kind_network_watcher;
extern const struct control_row network_rows[], tag_rows[], network_export_rows[];
/* Microsoft.Attestation */
extern const struct kind kind_attestation_provider;
extern const struct control_row attestation_rows[];
/* Types that are kept and shown, and mean nothing here: disks, storage accounts, ... */
extern const struct kind kind_disk, kind_image, kind_snapshot, kind_availability_set, kind_ssh_key,
    kind_storage_account, kind_user_identity, kind_route_table, kind_security_group_application;

/* What is asked of the caller at a resource that another one refers to. */
#define LINK_INTERFACE "Microsoft.Network/networkInterfaces/join/action"
#define LINK_SUBNET "Microsoft.Network/virtualNetworks/subnets/join/action"
#define LINK_PEER "Microsoft.Network/virtualNetworks/peer/action"
#define LINK_PUBLIC_ADDRESS "Microsoft.Network/publicIPAddresses/join/action"
#define LINK_GROUP "Microsoft.Network/networkSecurityGroups/join/action"
#define LINK_APPLICATION_BY_ADDRESS                                                                \
    "Microsoft.Network/applicationSecurityGroups/joinIpConfiguration/action"
#define LINK_APPLICATION_BY_RULE                                                                   \
    "Microsoft.Network/applicationSecurityGroups/joinNetworkSecurityRule/action"
#define LINK_DISK "Microsoft.Compute/disks/write"
#define LINK_IDENTITY "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"

/* May the caller do `link` at `id`, beside what the call is about? False and 403
 * LinkedAuthorizationFailed, the same whether there is such a resource or not. more: a sentence
 * behind it; "" = none. */
bool may_link(struct control_call *call, const char *link, const char *id, const char *more,
              struct control_answer *ret);
/* The same at the id of a resource of this kind, which need not be there; 400
 * InvalidResourceReference for what is no such id. link NULL: it was asked before. */
bool need_link(struct control_call *call, const char *id, const struct kind *kind, const char *link,
               const struct resource *from, struct control_answer *ret);
/* Is the resource of this id there, of this kind and of the same subscription, and may the caller
 * do `link` there? False and refused as above, as the resource `from` refers to it; who may not is
 * not told whether it is there. Fills *ret_target unless NULL. */
bool need_reference(struct control_call *call, const char *id, const struct kind *kind,
                    const char *link, const struct resource *from, struct resource *ret_target,
                    struct control_answer *ret);
/* 400 InvalidParameter: "MEMBER WORDS.", with the member, which is static, as target. False. */
bool refuse_member(struct control_call *call, const char *member, const char *words,
                   struct control_answer *ret);
/* "id" of an object member of properties, such as subnet; NULL when there is none. */
const char *reference_id(yyjson_mut_val *object, const char *member);

/* Members of an array of properties, such as subnets: each has a name that is no other's, and gets
 * its id, "provisioningState" and, with etag, the parent's. False and refused for a bad one. */
bool members_prepare(struct control_call *call, struct resource *wanted, const char *member,
                     struct control_answer *ret);
void members_show(struct control_call *call, const struct resource *resource,
                  yyjson_mut_val *object, const char *member, const struct kind *kind);

/* A value of this many hexadecimal digits that follows from the resource's id, and from salt. */
const char *derived_hex(struct control_call *call, const char *id, const char *salt, size_t digits);
/* The same as a GUID. */
const char *derived_guid(struct control_call *call, const char *id);
/* A GUID of the resource's own, made once and kept in its private part under this name. */
const char *own_guid(struct control_call *call, struct resource *resource, const char *name);

#endif
