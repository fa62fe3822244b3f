/*
 * assignments.h - role assignments that were made while the server runs:
 * DIR/identity/assignments.json (docs/formats/access.md). The server writes it, and
 * bootwarden-server machine remove, with what was given at that machine.
 *
 * A set is immutable, reference counted, swapped whole.
 */
#ifndef IDENTITY_ASSIGNMENTS_H
#define IDENTITY_ASSIGNMENTS_H

#include "access/rules.h"
#include "crypto/guid.h"

enum {
    ASSIGNMENTS_MAX = 2048,
    ASSIGNMENTS_SUBSCRIPTION_MAX = 500, /* at it and below it, so that no other finds all given */
    ASSIGNMENTS_MAX_BYTES = 4 * 1024 * 1024,
    ASSIGNMENT_TYPE_MAX = 32,
};

struct assignment {
    const char *name; /* a UUID in lower case */
    struct access_assignment rule;
    const char *principal_type; /* "User" */
    int64_t created_on;
    const char *created_by; /* object id; "" when not known */
};

struct assignments;

/* Nothing. NULL without memory. */
struct assignments *assignments_new(void);
/* ERR_VALUE for what is none, ERR_CONFLICT for a name that is there twice. Whether there is such a
 * role is not looked at: it may be one of the operator's. */
err_t assignments_read(struct span json, struct trail *trail, struct assignments **ret) MUST_CHECK;
err_t assignments_write(const struct assignments *set, struct arena *arena,
                        struct span *ret) MUST_CHECK;
struct assignments *assignments_ref(struct assignments *set);
void assignments_free(struct assignments *set);
DEFINE_CLEANUP(struct assignments *, assignments_free)

size_t assignments_count(const struct assignments *set);
const struct assignment *assignments_at(const struct assignments *set, size_t index);
/* By name, ignoring case; NULL. */
const struct assignment *assignments_find(const struct assignments *set, struct span name);
/* base and one more, ERR_TOO_MANY also past ASSIGNMENTS_SUBSCRIPTION_MAX, which one that was read
 * may be; base without one. ERR_CONFLICT, ERR_NOT_FOUND. */
err_t assignments_with(const struct assignments *base, const struct assignment *more,
                       struct trail *trail, struct assignments **ret) MUST_CHECK;
err_t assignments_without(const struct assignments *base, struct span name,
                          struct assignments **ret) MUST_CHECK;
/* base without those at this scope and below it; NULL when there are none. */
err_t assignments_without_scope(const struct assignments *base, struct span scope,
                                struct assignments **ret) MUST_CHECK;

#endif
