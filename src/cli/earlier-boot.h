/*
 * earlier-boot.h - what a boot is compared with, and what is kept to compare with later.
 *
 * Exit codes of cli.h; what went wrong is said already, in the name of `command`, when it is not
 * EXIT_YES.
 */
#ifndef CLI_EARLIER_BOOT_H
#define CLI_EARLIER_BOOT_H

#include "appraise/appraise.h"

struct earlier_boot {
    const struct boot_facts *facts;
    uint32_t pcrs; /* that a saved baseline says were attested; 0: it says nothing about it */
};

/* A boot folder, an AzureGuest file, an event log, or a saved baseline. */
int earlier_boot_load(const char *command, struct arena *arena, const struct reference *reference,
                      struct hasher *hasher, const char *path, struct earlier_boot *ret);
int announced_load(const char *command, struct arena *arena, struct hasher *hasher,
                   const char *path, const struct announced **ret);
/* Written whole or not at all, never over a file that is there. A verdict that is no measure for
 * others is said, and leaves the exit code to the verdict. */
int earlier_boot_save(const char *command, struct arena *arena, const struct appraisal *appraisal,
                      const char *path, bool is_approved, int64_t now);

#endif
