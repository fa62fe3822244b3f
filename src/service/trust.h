/*
 * trust.h - the anchors in DIR/trust, read whole, replaced whole.
 *
 * A snapshot is immutable and reference counted: a request keeps the one it began with. Anchors
 * of one role never serve another (rule X-1).
 */
#ifndef SERVICE_TRUST_H
#define SERVICE_TRUST_H

#include "appraise/db-anchors.h"
#include "base/arena.h"
#include "crypto/cert.h"

enum { TRUST_FILE_MAX_BYTES = 1024 * 1024 };

struct trust {
    _Atomic unsigned references;
    struct arena *arena; /* db certificates */
    struct cert_store *ek;
    struct cert_store *ak;     /* external issuers alone */
    struct cert_store *ak_own; /* those, and the guest CA of this server */
    struct db_anchors db;
    size_t n_unreadable; /* files left out; each was logged */
    uint64_t stamp;
};

/* What the folders hold now: changes when a file comes, goes, grows or is written. */
uint64_t trust_stamp(const char *folder);
/* The same for the folders themselves: cheap enough for every request, and does not see a file
 * that was changed in place. */
uint64_t trust_quick_stamp(const char *folder);
/* ERR_DENIED names a file that others can write or that somebody else owns. For the start: later it
 * is left out. */
err_t trust_check(const char *folder, struct trail *trail) MUST_CHECK;
/* Files that cannot be read, that others can write or that somebody else owns are logged and left
 * out. ERR_DENIED when others can write DIR, DIR/trust or one of its folders: nothing in there is
 * known to be the operator's, so the caller keeps what it has. folder is DIR/trust. */
err_t trust_load(const char *folder, struct cert *guest_ca, struct trail *trail,
                 struct trust **ret) MUST_CHECK;
struct trust *trust_ref(struct trust *trust);
void trust_free(struct trust *trust);
DEFINE_CLEANUP(struct trust *, trust_free)

#endif
