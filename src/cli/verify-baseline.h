/*
 * verify-baseline.h - what `bootwarden verify` compares with, and keeps to compare with later.
 *
 * Exit codes of cli.h; what went wrong is said already when it is not EXIT_YES.
 */
#ifndef CLI_VERIFY_BASELINE_H
#define CLI_VERIFY_BASELINE_H

#include "appraise/appraise.h"

/* A boot folder, an AzureGuest file, an event log, or a saved baseline. */
int verify_read_baseline(struct arena *arena, struct hasher *hasher, const char *path,
                         struct appraise_options *options);
int verify_read_announced(struct arena *arena, struct hasher *hasher, const char *path,
                          struct appraise_options *options);
/* Written whole or not at all, never over a file that is there. A verdict that is no measure for
 * others is said, and leaves the exit code to the verdict. */
int verify_save_baseline(struct arena *arena, const struct appraisal *appraisal, const char *path,
                         bool is_approved, int64_t now);

#endif
