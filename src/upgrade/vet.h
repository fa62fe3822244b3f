/*
 * vet.h - may the program in a slot run? Asked when a package was fetched, and again before each
 * start, of the very bytes that are executed. crypto_init must have run.
 */
#ifndef UPGRADE_VET_H
#define UPGRADE_VET_H

#include "upgrade/slots.h"

struct vetting {
    const char *key_file; /* setting upgrade-key */
    const char *above;    /* the version must be later than this one */
    bool is_upgrade;      /* from `above`: the package's minimum counts */
};

#define VET_KEY_FILE "/etc/bootwarden/upgrade-key.pem"

/* Are there keys at all? The trail says what is wrong with the file. */
err_t vet_keys(struct arena *arena, const char *key_file, struct trail *trail) MUST_CHECK;
/* Signature, platform, versions. ERR_SIGNATURE, ERR_MISMATCH, ERR_DENIED (not later), ... always
 * with words. The package borrows from bytes. */
err_t vet_header(struct arena *arena, struct span bytes, const struct vetting *vetting,
                 struct trail *trail, struct package *ret) MUST_CHECK;
/* Owner, mode, size and digest of an open program. */
err_t vet_program(int fd, const struct package *package, struct trail *trail) MUST_CHECK;
/* Can this machine run any? It may forbid programs that are in memory alone (vm.memfd_noexec). */
bool vet_can_run(void);
/* All of it, of a slot; *ret_fd is for fexecve: a sealed copy in memory. */
err_t vet_slot(struct arena *arena, const struct slots *slots, enum slot slot,
               const struct vetting *vetting, struct trail *trail, int *ret_fd) MUST_CHECK;

#endif
