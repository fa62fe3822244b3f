/*
 * swtpm.h - a software TPM for tests: made in a new folder, with certified endorsement keys,
 * started as a child of the test, ended with it.
 */
#ifndef TESTS_SWTPM_H
#define TESTS_SWTPM_H

#include "base/span.h"

#include <sys/types.h>

enum { SWTPM_PATH_MAX = 64 };

struct swtpm {
    char folder[SWTPM_PATH_MAX];
    char tcti[SWTPM_PATH_MAX + 32];
    pid_t pid;
};

/* Fails the test on any trouble. with_certificates: EK certificates by a CA of its own. */
void swtpm_start(struct swtpm *tpm, bool with_certificates);
/* Ends the process and starts it again on the same state: a TPM reset. */
void swtpm_restart(struct swtpm *tpm);
/* Ends the process and removes the folder. Fine on a zeroed one. */
void swtpm_stop(struct swtpm *tpm);
/* Run a program to its end without a shell; the test fails unless it exits with 0. Its output goes
 * to a file in the folder of tpm. */
void swtpm_run(const struct swtpm *tpm, const char *const *argv);

#endif
