/*
 * names.c - stable words for roles.
 */
#include "reading/reading.h"

static const char *const roles[ROLE_COUNT] = {
    [ROLE_NONE] = "none",
    [ROLE_SEPARATOR] = "separator",
    [ROLE_FIRMWARE] = "firmware",
    [ROLE_FIRMWARE_CONFIG] = "firmware configuration",
    [ROLE_DRIVER] = "driver",
    [ROLE_SB_VARIABLE] = "Secure Boot variable",
    [ROLE_DBX] = "revocation list",
    [ROLE_DBT] = "timestamp or recovery keys",
    [ROLE_AUTHORITY] = "authority",
    [ROLE_SBAT_LEVEL] = "SBAT level",
    [ROLE_MOK_STATE] = "MOK state",
    [ROLE_MOK_LIST] = "MOK list",
    [ROLE_BOOT_VARIABLE] = "boot variable",
    [ROLE_BOOT_ACTION] = "boot action",
    [ROLE_DEBUG_ACTION] = "platform action",
    [ROLE_PARTITION_TABLE] = "partition table",
    [ROLE_IMAGE] = "image",
    [ROLE_GRUB_COMMAND] = "GRUB command",
    [ROLE_CMDLINE] = "kernel command line",
    [ROLE_GRUB_CONFIG] = "GRUB configuration",
    [ROLE_GRUB_MODULE] = "GRUB module",
    [ROLE_KERNEL_FILE] = "kernel file",
    [ROLE_INITRD] = "initrd",
    [ROLE_BOOT_FILE] = "boot file",
    [ROLE_UKI_SECTION] = "UKI section",
    [ROLE_CREDENTIALS] = "credentials",
    [ROLE_SYSEXT] = "system extension",
    [ROLE_WINDOWS] = "Windows",
    [ROLE_OTHER] = "other",
};

const char *event_role_name(enum event_role role)
{
    return (unsigned)role < ROLE_COUNT ? roles[role] : "other";
}
