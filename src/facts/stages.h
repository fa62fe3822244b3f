/*
 * stages.h - where in the boot an event belongs, for people: the firmware, its keys, the choice of
 * what to boot, the loaders, GRUB, the kernel.
 *
 * A way of showing, no proof: the order between registers is the log's word, and so is a type.
 */
#ifndef FACTS_STAGES_H
#define FACTS_STAGES_H

#include "facts/facts.h"

enum boot_stage {
    STAGE_FIRMWARE,
    STAGE_SECURE_BOOT,
    STAGE_BOOT_MANAGER,
    STAGE_LOADERS,
    STAGE_GRUB,
    STAGE_KERNEL,
    STAGE_WINDOWS,
    STAGE_HAND_OVER,
    STAGE_OTHER,
    STAGE_UNMEASURED,
    STAGE_COUNT
};

enum boot_stage boot_stage_of(const struct boot_facts *facts, const struct reading *reading);
const char *boot_stage_name(enum boot_stage stage);  /* "boot-manager": static, for JSON */
const char *boot_stage_title(enum boot_stage stage); /* "Choosing what to boot": static */

#endif
