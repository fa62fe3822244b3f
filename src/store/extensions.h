/*
 * extensions.h - what an owner wants of the agent on a machine: its goal state.
 *
 * A machine without a row has the default: wanted, version 1.0, no settings, sequence 0.
 */
#ifndef STORE_EXTENSIONS_H
#define STORE_EXTENSIONS_H

#include "store/store.h"

enum { STORE_EXTENSION_VERSION_SIZE = 24, STORE_EXTENSION_SETTINGS_MAX = 64 * 1024 };

struct store_extension {
    bool is_wanted;
    char version[STORE_EXTENSION_VERSION_SIZE]; /* typeHandlerVersion: "1.0" */
    bool upgrades_minor;                        /* autoUpgradeMinorVersion */
    bool upgrades;                              /* enableAutomaticUpgrade */
    struct span settings;                       /* JSON object: public settings */
    int64_t sequence;                           /* rises with each change; given by the store */
    int64_t changed;
};

/* In the arena; the default when nobody set one. */
err_t store_extension_get(struct store *store, struct arena *arena, const char *machine_id,
                          struct trail *trail, struct store_extension *ret) MUST_CHECK;
/* Also before there is such a machine. ERR_TOO_LARGE; *ret_sequence is the new one. */
err_t store_extension_set(struct store *store, const char *machine_id,
                          const struct store_extension *extension, struct trail *trail,
                          int64_t *ret_sequence) MUST_CHECK;

#endif
