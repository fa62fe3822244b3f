/*
 * principals.h - who can sign in at the built-in identity provider (docs/formats/principals.md).
 *
 * One small document: the tenant, the subscription of --dev, and service principals. A secret is
 * there only as its slow hash. A set is immutable, reference counted, swapped whole.
 */
#ifndef IDENTITY_PRINCIPALS_H
#define IDENTITY_PRINCIPALS_H

#include "crypto/guid.h"
#include "crypto/password.h"

#include "base/arena.h"

enum {
    PRINCIPALS_MAX = 256,
    PRINCIPALS_MAX_BYTES = 256 * 1024,
    PRINCIPAL_NAME_MAX = 64,
    PRINCIPAL_SECRET_SIZE = 44, /* 32 random bytes in base64url and a NUL */
};

struct principal {
    char client_id[GUID_SIZE]; /* what it signs in with */
    char object_id[GUID_SIZE]; /* what roles are given to */
    char name[PRINCIPAL_NAME_MAX + 1];
    char secret[PASSWORD_TEXT_SIZE]; /* hash */
};

struct principals;

/* A tenant and a subscription of their own, nobody in it. */
err_t principals_new(struct principals **ret) MUST_CHECK;
/* ERR_VALUE, ERR_CONFLICT for ids that are there twice; unknown members are refused. */
err_t principals_read(struct span json, struct trail *trail, struct principals **ret) MUST_CHECK;
err_t principals_write(const struct principals *principals, struct arena *arena,
                       struct span *ret) MUST_CHECK;
struct principals *principals_ref(struct principals *principals);
void principals_free(struct principals *principals);
DEFINE_CLEANUP(struct principals *, principals_free)

const char *principals_tenant(const struct principals *principals);
const char *principals_subscription(const struct principals *principals);
size_t principals_count(const struct principals *principals);
const struct principal *principals_at(const struct principals *principals, size_t index);
/* By client id, ignoring case; NULL when there is none. */
const struct principal *principals_find(const struct principals *principals, struct span client_id);

/* A principal of this name with new ids and a random secret, shown once. ERR_VALUE for a name that
 * is empty, long or not printable. */
err_t principal_new(const char *name, struct trail *trail, struct principal *ret,
                    char ret_secret[PRINCIPAL_SECRET_SIZE]) MUST_CHECK;
/* Another secret for it; the old one is none any more. */
err_t principal_renew(struct principal *principal,
                      char ret_secret[PRINCIPAL_SECRET_SIZE]) MUST_CHECK;
/* base with this principal, in place of one with its client id if there is one. */
err_t principals_with(const struct principals *base, const struct principal *principal,
                      struct trail *trail, struct principals **ret) MUST_CHECK;
/* base without it; ERR_NOT_FOUND. */
err_t principals_without(const struct principals *base, struct span client_id,
                         struct principals **ret) MUST_CHECK;

#endif
