#include "deploy/deploy.h"
#include "kinds/parts.h"
#include "kinds/settings.h"

const struct kind *const kinds_all[] = {
    &kind_virtual_machine,
    &kind_vm_extension,
    &kind_disk,
    &kind_snapshot,
    &kind_image,
    &kind_availability_set,
    &kind_ssh_key,
    &kind_virtual_network,
    &kind_subnet,
    &kind_network_interface,
    &kind_public_address,
    &kind_security_group,
    &kind_security_rule,
    &kind_network_watcher,
    &kind_route_table,
    &kind_security_group_application,
    &kind_storage_account,
    &kind_user_identity,
    &kind_settings,
    &kind_deployment,
    &kind_attestation_provider,
    &kind_assessment,
    NULL,
};

const struct control_row *const kinds_rows[] = {image_rows,          network_rows, tag_rows,
                                                network_export_rows, deploy_rows,  attestation_rows,
                                                security_rows,       NULL};
