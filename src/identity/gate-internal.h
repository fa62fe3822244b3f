/*
 * gate-internal.h - what the files of the gate share. Not for other rooms.
 */
#ifndef IDENTITY_GATE_INTERNAL_H
#define IDENTITY_GATE_INTERNAL_H

#include "identity/assignments.h"
#include "identity/gate.h"

#include <pthread.h>

enum { GATE_ARENA_BYTES = 16 * 1024 * 1024, GATE_MAX_EXTRA = GATE_MAX_OWNERS + 2 };

struct gate {
    struct arena *arena; /* of the texts below, filled while opening */
    const char *folder, *rules_path, *assignments_path, *principals_path, *authority;
    struct gate_dev dev;
    bool is_dev;
    struct access_assignment extra[GATE_MAX_EXTRA]; /* owners of the configuration, and of --dev */
    size_t n_extra;
    struct idp *provider;
    struct issuers *issuers;
    pthread_mutex_t look;      /* while principals are looked at, read and replaced */
    uint64_t principals_stamp; /* under look */
    const char *subscription;  /* of the built-in provider's tenant; NULL without */
    pthread_mutex_t change;    /* held while rules are made anew; lock is taken under it */
    uint64_t rules_stamp, assignments_stamp; /* under change */
    uint64_t held_up_us;  /* under change: when a command had the lock for too long; 0: never */
    int lock_fd;          /* under change: of files_lock_assignments, while assignments change */
    pthread_mutex_t lock; /* of what follows, as anybody sees it; nothing is locked under it */
    struct access_rules *configured; /* access.json and the owners */
    struct assignments *assignments; /* made while the server runs */
    struct access_rules *rules;      /* both */
};

/* All documents of roles, or what *ret_err says of one that cannot be read: then nothing changes.
 * Logs. */
err_t gate_load_rules(struct gate *gate, struct trail *trail) MUST_CHECK;
bool gate_rules_changed(struct gate *gate);

/* For roles.c. Free the references. */
struct access_rules *gate_configured(struct gate *gate);
struct assignments *gate_assignments(struct gate *gate);
/* In force and on the disk when it returns ERR_OK. ERR_CONFLICT for a name, or for the same role of
 * the same principal at the same scope; ERR_TOO_MANY, ERR_NOT_FOUND. */
err_t gate_assign(struct gate *gate, const struct assignment *one, struct trail *trail) MUST_CHECK;
err_t gate_unassign(struct gate *gate, struct span name, struct trail *trail) MUST_CHECK;

#endif
