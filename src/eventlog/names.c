/*
 * names.c - stable words for numbers: event types, banks, roles, findings.
 */
#include "eventlog/facts.h"

static const struct {
    uint32_t type;
    const char *name;
} types[] = {
    {EV_PREBOOT_CERT, "EV_PREBOOT_CERT"},
    {EV_POST_CODE, "EV_POST_CODE"},
    {EV_UNUSED, "EV_UNUSED"},
    {EV_NO_ACTION, "EV_NO_ACTION"},
    {EV_SEPARATOR, "EV_SEPARATOR"},
    {EV_ACTION, "EV_ACTION"},
    {EV_EVENT_TAG, "EV_EVENT_TAG"},
    {EV_S_CRTM_CONTENTS, "EV_S_CRTM_CONTENTS"},
    {EV_S_CRTM_VERSION, "EV_S_CRTM_VERSION"},
    {EV_CPU_MICROCODE, "EV_CPU_MICROCODE"},
    {EV_PLATFORM_CONFIG_FLAGS, "EV_PLATFORM_CONFIG_FLAGS"},
    {EV_TABLE_OF_DEVICES, "EV_TABLE_OF_DEVICES"},
    {EV_COMPACT_HASH, "EV_COMPACT_HASH"},
    {EV_IPL, "EV_IPL"},
    {EV_IPL_PARTITION_DATA, "EV_IPL_PARTITION_DATA"},
    {EV_NONHOST_CODE, "EV_NONHOST_CODE"},
    {EV_NONHOST_CONFIG, "EV_NONHOST_CONFIG"},
    {EV_NONHOST_INFO, "EV_NONHOST_INFO"},
    {EV_OMIT_BOOT_DEVICE_EVENTS, "EV_OMIT_BOOT_DEVICE_EVENTS"},
    {EV_POST_CODE2, "EV_POST_CODE2"},
    {EV_EFI_VARIABLE_DRIVER_CONFIG, "EV_EFI_VARIABLE_DRIVER_CONFIG"},
    {EV_EFI_VARIABLE_BOOT, "EV_EFI_VARIABLE_BOOT"},
    {EV_EFI_BOOT_SERVICES_APPLICATION, "EV_EFI_BOOT_SERVICES_APPLICATION"},
    {EV_EFI_BOOT_SERVICES_DRIVER, "EV_EFI_BOOT_SERVICES_DRIVER"},
    {EV_EFI_RUNTIME_SERVICES_DRIVER, "EV_EFI_RUNTIME_SERVICES_DRIVER"},
    {EV_EFI_GPT_EVENT, "EV_EFI_GPT_EVENT"},
    {EV_EFI_ACTION, "EV_EFI_ACTION"},
    {EV_EFI_PLATFORM_FIRMWARE_BLOB, "EV_EFI_PLATFORM_FIRMWARE_BLOB"},
    {EV_EFI_HANDOFF_TABLES, "EV_EFI_HANDOFF_TABLES"},
    {EV_EFI_PLATFORM_FIRMWARE_BLOB2, "EV_EFI_PLATFORM_FIRMWARE_BLOB2"},
    {EV_EFI_HANDOFF_TABLES2, "EV_EFI_HANDOFF_TABLES2"},
    {EV_EFI_VARIABLE_BOOT2, "EV_EFI_VARIABLE_BOOT2"},
    {EV_EFI_GPT_EVENT2, "EV_EFI_GPT_EVENT2"},
    {EV_EFI_HCRTM_EVENT, "EV_EFI_HCRTM_EVENT"},
    {EV_EFI_VARIABLE_AUTHORITY, "EV_EFI_VARIABLE_AUTHORITY"},
    {EV_EFI_SPDM_FIRMWARE_BLOB, "EV_EFI_SPDM_FIRMWARE_BLOB"},
    {EV_EFI_SPDM_FIRMWARE_CONFIG, "EV_EFI_SPDM_FIRMWARE_CONFIG"},
    {EV_EFI_SPDM_DEVICE_POLICY, "EV_EFI_SPDM_DEVICE_POLICY"},
    {EV_EFI_SPDM_DEVICE_AUTHORITY, "EV_EFI_SPDM_DEVICE_AUTHORITY"},
};

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

static const char *const findings[] = {
    [FINDING_EVENT_DIGEST] = "event-digest",
    [FINDING_EVENT_TYPE] = "event-type",
    [FINDING_SEPARATOR] = "separator",
    [FINDING_EVENT_ORDER] = "event-order",
    [FINDING_SECURE_BOOT_VALUE] = "secure-boot-value",
    [FINDING_DEBUG_MODE] = "debug-mode",
    [FINDING_PCR7_ACTION] = "pcr7-action",
    [FINDING_SIGLIST] = "signature-list",
    [FINDING_AUTHORITY_NOT_IN_DB] = "authority-not-in-db",
    [FINDING_AUTHORITY_IN_DBX] = "authority-in-dbx",
    [FINDING_AUTHORITY_UNKNOWN] = "authority-unknown",
    [FINDING_IMAGE_IN_DBX] = "image-in-dbx",
    [FINDING_IMAGE_REVOKED] = "image-revoked",
    [FINDING_AUTHORITY_REVOKED] = "authority-revoked",
    [FINDING_CMDLINE_CONFLICT] = "cmdline-conflict",
    [FINDING_UKI_INCOMPLETE] = "uki-incomplete",
    [FINDING_BANK_LACKS_SEPARATOR] = "bank-lacks-separator",
    [FINDING_UNKNOWN_BANK] = "unknown-bank",
    [FINDING_NO_EXIT_BOOT] = "no-exit-boot-services",
    [FINDING_OLD_SHIM_AUTHORITY] = "old-shim-authority",
    [FINDING_UNKNOWN_EVENT_TYPE] = "unknown-event-type",
    [FINDING_WINDOWS_DEBUGGING] = "windows-debugging",
    [FINDING_WINDOWS_TEST_SIGNING] = "windows-test-signing",
    [FINDING_WINDOWS_CODE_INTEGRITY] = "windows-code-integrity",
    [FINDING_WINDOWS_SAFE_MODE] = "windows-safe-mode",
    [FINDING_WINDOWS_PE] = "windows-pe",
    [FINDING_WINDOWS_FAILURE] = "windows-failure",
    [FINDING_WINDOWS_RECORD] = "windows-record",
    [FINDING_WINDOWS_CONTRADICTION] = "windows-contradiction",
    [FINDING_WINDOWS_MODULE] = "windows-module",
    [FINDING_WINDOWS_LATE] = "windows-late",
    [FINDING_VENDOR_QUIRK] = "vendor-quirk",
    [FINDING_SHARED_REGISTERS] = "shared-registers",
    [FINDING_DEVICE_EVENT] = "device-event",
    [FINDING_PARTITION_TABLE] = "partition-table",
    [FINDING_OTHER] = "other",
};

const char *eventlog_type_known(uint32_t type)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (types[i].type == type) {
            return types[i].name;
        }
    }
    return NULL;
}

const char *eventlog_type_name(struct arena *arena, uint32_t type)
{
    const char *name = eventlog_type_known(type);

    if (name == NULL) {
        name = arena_printf(arena, "0x%08x", type);
    }
    return name != NULL ? name : "";
}

const char *eventlog_bank_name(struct arena *arena, const struct eventlog_bank *bank)
{
    const char *name;

    if (bank->hash != HASH_NONE) {
        return hash_name(bank->hash);
    }
    switch (bank->alg) {
    case TPM_SM3_256:
        return "sm3_256";
    case 0x0027:
        return "sha3_256";
    case 0x0028:
        return "sha3_384";
    case 0x0029:
        return "sha3_512";
    default:
        name = arena_printf(arena, "0x%04x", bank->alg);
        return name != NULL ? name : "";
    }
}

const char *event_role_name(enum event_role role)
{
    return (unsigned)role < ROLE_COUNT ? roles[role] : "other";
}

const char *finding_code_name(enum finding_code code)
{
    return (unsigned)code < ARRAY_LEN(findings) ? findings[code] : "other";
}

const char *finding_weight_name(enum finding_weight weight)
{
    switch (weight) {
    case WEIGHT_FAULT:
        return "fault";
    case WEIGHT_BAD:
        return "bad";
    case WEIGHT_NOTE:
    default:
        return "note";
    }
}

const char *eventlog_register_name(struct arena *arena, const struct eventlog *log, uint32_t index)
{
    static const char *const rtmrs[] = {"MRTD", "RTMR0", "RTMR1", "RTMR2", "RTMR3"};
    static const char *const pcrs[EVENTLOG_REGISTERS] = {
        "PCR 0",  "PCR 1",  "PCR 2",  "PCR 3",  "PCR 4",  "PCR 5",  "PCR 6",  "PCR 7",
        "PCR 8",  "PCR 9",  "PCR 10", "PCR 11", "PCR 12", "PCR 13", "PCR 14", "PCR 15",
        "PCR 16", "PCR 17", "PCR 18", "PCR 19", "PCR 20", "PCR 21", "PCR 22", "PCR 23"};

    if (log->kind == EVENTLOG_RTMRS && index < ARRAY_LEN(rtmrs)) {
        return rtmrs[index];
    }
    if (log->kind == EVENTLOG_PCRS && index < ARRAY_LEN(pcrs)) {
        return pcrs[index];
    }
    return arena_printf(arena, "register %u", index);
}
