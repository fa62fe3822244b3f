/*
 * names.c - stable words for numbers: event types, banks, registers.
 */
#include "eventlog/eventlog.h"

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
