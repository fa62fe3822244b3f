/*
 * windows-settings.h - the settings that Windows measures of its boot, by id and in words, and the
 * trust point that it writes into the log (tcg-reference 9; Windows SDK wbcl.h).
 */
#ifndef READING_WINDOWS_SETTINGS_H
#define READING_WINDOWS_SETTINGS_H

#include "eventlog/eventlog.h"

/* What value of a flag is bad for the owner; of the others nothing follows. */
enum windows_bad { BAD_NEVER, BAD_IF_YES, BAD_IF_NO };

/* clang-format off */
/* Settings that Windows measures as flags and as numbers: name, id, what is bad, name in JSON. */
#define WINDOWS_FLAG_TABLE(X)                                                                      \
    X(BOOT_DEBUGGING,       0x00040001, BAD_IF_YES, "boot_debugging")                              \
    X(KERNEL_DEBUGGING,     0x00050001, BAD_IF_YES, "kernel_debugging")                            \
    X(HYPERVISOR_DEBUGGING, 0x0005000d, BAD_IF_YES, "hypervisor_debugging")                        \
    X(TEST_SIGNING,         0x00050003, BAD_IF_YES, "test_signing")                                \
    X(FLIGHT_SIGNING,       0x00050021, BAD_IF_YES, "flight_signing")                              \
    X(CODE_INTEGRITY,       0x00050002, BAD_IF_NO,  "code_integrity")                              \
    X(SAFE_MODE,            0x00050005, BAD_IF_YES, "safe_mode")                                   \
    X(WINPE,                0x00050006, BAD_IF_YES, "winpe")                                       \
    X(PAGE_FILE_ENCRYPTION, 0x00050022, BAD_NEVER,  "page_file_encryption")                        \
    X(HIBERNATION_DISABLED, 0x00050024, BAD_NEVER,  "hibernation_disabled")                        \
    X(DUMPS_DISABLED,       0x00050025, BAD_NEVER,  "dumps_disabled")                              \
    X(DUMP_ENCRYPTION,      0x00050026, BAD_NEVER,  "dump_encryption")                             \
    X(VBS_VSM,              0x000a0001, BAD_IF_NO,  "vbs_vsm_required")                            \
    X(VBS_SECURE_BOOT,      0x000a0002, BAD_IF_NO,  "vbs_secure_boot_required")                    \
    X(VBS_IOMMU,            0x000a0003, BAD_IF_NO,  "vbs_iommu_required")                          \
    X(VBS_MMIO_NX,          0x000a0004, BAD_IF_NO,  "vbs_mmio_nx_required")                        \
    X(VBS_MSR_FILTER,       0x000a0005, BAD_IF_NO,  "vbs_msr_filter_required")                     \
    X(VBS_MANDATORY,        0x000a0006, BAD_IF_NO,  "vbs_mandatory")                               \
    X(VBS_BOOT_CHAIN,       0x000a0008, BAD_IF_NO,  "vbs_microsoft_boot_chain_required")           \
    X(VBS_AME_ROOT,         0x000a0009, BAD_NEVER,  "vbs_dump_uses_ame_root")                      \
    X(VBS_NO_SECRETS,       0x000a000a, BAD_NEVER,  "vbs_no_secrets")
#define WINDOWS_NUMBER_TABLE(X)                                                                    \
    X(BOOT_COUNTER,      0x00020002, "boot_counter")                                               \
    X(EVENT_COUNTER,     0x00020006, "event_counter")                                              \
    X(COUNTER_ID,        0x00020007, "counter_id")                                                 \
    X(TRANSFER_CONTROL,  0x00020003, "transfer_control")                                           \
    X(BITLOCKER_UNLOCK,  0x00020005, "bitlocker_unlock")                                           \
    X(MOR_LOCKED,        0x00020008, "mor_not_cancelable")                                         \
    X(MOR_STATUS,        0x0002000b, "mor_status")                                                 \
    X(APPLICATION_SVN,   0x00020009, "application_svn")                                            \
    X(SVN_CHAIN_STATUS,  0x0002000a, "svn_chain_status")                                           \
    X(DEP_POLICY,        0x00050004, "dep_policy")                                                 \
    X(PAE,               0x00050007, "pae")                                                        \
    X(OS_DEVICE,         0x00050008, "os_device_type")                                             \
    X(HYPERVISOR_LAUNCH, 0x0005000a, "hypervisor_launch")                                          \
    X(IOMMU_POLICY,      0x0005000c, "hypervisor_iommu_policy")                                    \
    X(DRIVER_LOAD,       0x0005000e, "driver_load_policy")                                         \
    X(MMIO_NX_POLICY,    0x00050010, "hypervisor_mmio_nx_policy")                                  \
    X(MSR_FILTER_POLICY, 0x00050011, "hypervisor_msr_filter_policy")                               \
    X(VSM_LAUNCH,        0x00050012, "vsm_launch")                                                 \
    X(SMT,               0x00050014, "smt_status")                                                 \
    X(LSA_ISOLATION,     0x00050028, "lsa_isolation")                                              \
    X(DMA_PROTECTION,    0x00050030, "boot_dma_protection")                                        \
    X(HVCI_POLICY,       0x000a0007, "hvci_policy")                                                \
    X(DRTM_SMM_LEVEL,    0x000c0002, "drtm_smm_level")
/* clang-format on */

enum windows_setting {
#define X(name, id, bad, json) WINDOWS_##name,
    WINDOWS_FLAG_TABLE(X)
#undef X
        WINDOWS_FLAG_COUNT,
    WINDOWS_BEFORE_NUMBERS = WINDOWS_FLAG_COUNT - 1,
#define X(name, id, json) WINDOWS_##name,
    WINDOWS_NUMBER_TABLE(X)
#undef X
        WINDOWS_SETTING_COUNT
};

struct windows_setting_info {
    uint32_t id;
    const char *json;
    enum windows_bad bad;
};
extern const struct windows_setting_info windows_settings[WINDOWS_SETTING_COUNT];

/* Bytes that were measured nowhere and that nobody checked: they prove nothing. */
struct windows_trust_point {
    const struct event *event; /* NULL: there is none */
    bool is_malformed;
    struct span quote, signature, aik_digest;
    const char *aik_id; /* escaped; "" */
};

/* Setting of an id, WINDOWS_SETTING_COUNT when it is none. */
enum windows_setting windows_setting_of(uint32_t id);
/* Name in JSON, static. */
const char *windows_setting_name(enum windows_setting setting);
/* "TPM, PIN" for BitLocker's flags, "OS loader" for a transfer of control, else the number. In the
 * arena or static; NULL when the arena is full. */
const char *windows_value_words(struct arena *arena, enum windows_setting setting, uint64_t value);

/* The trust point in the data of an EV_NO_ACTION record. ERR_MEMORY alone; a malformed one says so
 * itself. */
err_t windows_trust_point_read(struct arena *arena, const struct event *event,
                               struct windows_trust_point *ret) MUST_CHECK;

#endif
