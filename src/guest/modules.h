/*
 * modules.h - whose signature the loaded modules of the kernel carry, as their files say.
 *
 * The kernel judged each when it loaded it: letter E among its taints says that it found no good
 * signature, whatever the file claims. A file only tells whose signature it is.
 *
 * Looking into files costs time, most of all into xz-compressed ones. So what was found is kept: a
 * later collection reads new modules only, and one that would take too long leaves the rest to the
 * next. One belongs to one thread.
 */
#ifndef GUEST_MODULES_H
#define GUEST_MODULES_H

#include "guest/kernel-text.h"

enum {
    MODULES_SIGNER_SIZE = 97,
    MODULES_HASH_SIZE = 17,
    MODULES_KEY_SIZE = 65,
    MODULES_FILE_MAX = 8 * 1024 * 1024, /* of a compressed file; others are only mapped */
    /* What one collection may cost, estimated from sizes on a common machine. One file is read in
     * any case, so that the list gets complete. */
    MODULES_BUDGET_US = 70 * 1000,
    MODULES_PLAIN_US = 90,
    MODULES_ZSTD_BYTES_IN_US = 100,
    MODULES_XZ_BYTES_IN_US = 10,
};

enum module_unread {
    MODULE_READ,
    MODULE_LATER,         /* not yet: see above */
    MODULE_NO_FILE,       /* none of this name belongs to the running kernel */
    MODULE_NO_PERMISSION, /* there is one that this user cannot read */
    MODULE_OTHER_BUILD,   /* the file is another build than what is loaded */
    MODULE_TOO_LARGE,
    MODULE_DAMAGED, /* the file is no module */
};
/* "no-file"; NULL for MODULE_READ. */
const char *module_unread_name(enum module_unread unread);

/* Printable, cut to their room; "" = the file has no signature, or was not read. */
struct module_signature {
    enum module_unread unread;
    char signer[MODULES_SIGNER_SIZE];
    char hash[MODULES_HASH_SIZE];
    char key_id[MODULES_KEY_SIZE]; /* hexadecimal */
};

struct modules;
/* NULL when out of memory. */
struct modules *modules_new(void);
void modules_free(struct modules *modules);
DEFINE_CLEANUP(struct modules *, modules_free)

/* Of each in list, which is by name, in the arena. Files are those under root/lib/modules/release;
 * what is known of another boot is forgotten. modules NULL: nothing is kept, so all are read,
 * whatever it costs. *ret_is_complete: none is MODULE_LATER. */
err_t modules_signatures(struct modules *modules, struct arena *arena, const char *root,
                         const char *boot_id, const char *release, const struct kernel_module *list,
                         size_t n, bool *ret_is_complete, struct module_signature **ret) MUST_CHECK;

#endif
