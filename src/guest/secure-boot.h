/*
 * secure-boot.h - what the firmware's variables say of Secure Boot, as Linux shows them
 * (efivarfs: four bytes of attributes, then the value).
 *
 * This is the machine's own word: what counts for others is in the event log and the quote.
 */
#ifndef GUEST_SECURE_BOOT_H
#define GUEST_SECURE_BOOT_H

#include "base/arena.h"

#define GUEST_EFIVARS "/sys/firmware/efi/efivars"

enum secure_boot {
    SECURE_BOOT_ON,
    SECURE_BOOT_OFF,
    SECURE_BOOT_SETUP_MODE,  /* the firmware has no platform key */
    SECURE_BOOT_SHIM_OFF,    /* on, but shim was told not to check what it starts */
    SECURE_BOOT_NO_UEFI,     /* legacy BIOS, or another firmware */
    SECURE_BOOT_UNSUPPORTED, /* UEFI without the variable */
    SECURE_BOOT_NOT_SHOWN,   /* the variables are not mounted */
    SECURE_BOOT_UNREADABLE,  /* the variable is there, and is none or cannot be read */
};

/* folder: where the variables are, GUEST_EFIVARS or a copy. */
enum secure_boot secure_boot_read(struct arena *arena, const char *folder);

#endif
