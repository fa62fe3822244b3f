/*
 * boot-folder.h - evidence from a folder in the layout of the recorded boots
 * (docs/formats/boot-folder.md), and from files with AzureGuest requests.
 */
#ifndef CLI_BOOT_FOLDER_H
#define CLI_BOOT_FOLDER_H

#include "evidence/evidence.h"

/* path is a folder, a file with an AzureGuest document (outer or inner), or "-". */
err_t evidence_load(struct arena *arena, const char *path, struct trail *trail,
                    struct evidence **ret) MUST_CHECK;

/* The event log of an earlier boot: a boot folder, an AzureGuest file, or the log itself. A saved
 * baseline is handed out as it is (appraise/learned.h). */
err_t baseline_load(struct arena *arena, const char *path, struct trail *trail,
                    struct span *ret_log) MUST_CHECK;

#endif
