#include "facts/stages.h"

static const struct {
    const char *name, *title;
} stages[STAGE_COUNT] = {
    [STAGE_FIRMWARE] = {"firmware", "Firmware"},
    [STAGE_SECURE_BOOT] = {"secure-boot", "Secure Boot policy and keys"},
    [STAGE_BOOT_MANAGER] = {"boot-manager", "Choosing what to boot"},
    [STAGE_LOADERS] = {"loaders", "Boot loaders"},
    [STAGE_GRUB] = {"grub", "GRUB"},
    [STAGE_KERNEL] = {"kernel", "Kernel"},
    [STAGE_WINDOWS] = {"windows", "Windows"},
    [STAGE_HAND_OVER] = {"hand-over", "Hand-over to the operating system"},
    [STAGE_OTHER] = {"other", "Other measurements"},
    [STAGE_UNMEASURED] = {"not-measured", "In the log, but not measured"},
};

static enum boot_stage stage_of_image(const struct boot_facts *facts, const struct reading *reading)
{
    for (size_t i = 0; i < facts->n_images; i++) {
        const struct boot_image *image = &facts->images[i];

        if (image->event == reading->event) {
            return image->before_separator                                   ? STAGE_FIRMWARE
                   : image->part == IMAGE_KERNEL || image->part == IMAGE_UKI ? STAGE_KERNEL
                                                                             : STAGE_LOADERS;
        }
    }
    return STAGE_LOADERS;
}

static enum boot_stage stage_of_authority(const struct boot_facts *facts,
                                          const struct reading *reading)
{
    for (size_t i = 0; i < facts->n_authorities; i++) {
        if (facts->authorities[i].event == reading->event) {
            return facts->authorities[i].before_separator ? STAGE_FIRMWARE : STAGE_LOADERS;
        }
    }
    return STAGE_LOADERS;
}

enum boot_stage boot_stage_of(const struct boot_facts *facts, const struct reading *reading)
{
    switch (reading->role) {
    case ROLE_NONE:
        return STAGE_UNMEASURED;
    case ROLE_SEPARATOR: /* Windows closes its registers, too */
        return reading->event->home >= 11 ? STAGE_WINDOWS : STAGE_FIRMWARE;
    case ROLE_FIRMWARE:
    case ROLE_FIRMWARE_CONFIG:
    case ROLE_DRIVER:
        return STAGE_FIRMWARE;
    case ROLE_SB_VARIABLE:
    case ROLE_DBX:
    case ROLE_DBT:
    case ROLE_DEBUG_ACTION:
        return STAGE_SECURE_BOOT;
    case ROLE_BOOT_VARIABLE:
    case ROLE_PARTITION_TABLE:
        return STAGE_BOOT_MANAGER;
    case ROLE_BOOT_ACTION:
        return reading->event->home == 5 ? STAGE_HAND_OVER : STAGE_BOOT_MANAGER;
    case ROLE_AUTHORITY:
        return stage_of_authority(facts, reading);
    case ROLE_SBAT_LEVEL:
    case ROLE_MOK_STATE:
    case ROLE_MOK_LIST:
        return STAGE_LOADERS;
    case ROLE_IMAGE:
        return stage_of_image(facts, reading);
    case ROLE_GRUB_COMMAND:
    case ROLE_GRUB_CONFIG:
    case ROLE_GRUB_MODULE:
    case ROLE_BOOT_FILE:
        return STAGE_GRUB;
    case ROLE_CMDLINE:
    case ROLE_KERNEL_FILE:
    case ROLE_INITRD:
    case ROLE_UKI_SECTION:
    case ROLE_CREDENTIALS:
    case ROLE_SYSEXT:
        return STAGE_KERNEL;
    case ROLE_WINDOWS:
        return STAGE_WINDOWS;
    case ROLE_OTHER:
    case ROLE_COUNT:
    default:
        return STAGE_OTHER;
    }
}

const char *boot_stage_name(enum boot_stage stage)
{
    return stages[stage].name;
}

const char *boot_stage_title(enum boot_stage stage)
{
    return stages[stage].title;
}
