/*
 * principals-internal.h - what the files about principals share. Not for other rooms.
 */
#ifndef IDENTITY_PRINCIPALS_INTERNAL_H
#define IDENTITY_PRINCIPALS_INTERNAL_H

#include "identity/principals.h"

#include <stdatomic.h>

enum { PRINCIPALS_MAX_CERTS = PRINCIPALS_MAX };

struct principals {
    atomic_uint refs;
    char tenant[GUID_SIZE], subscription[GUID_SIZE];
    size_t n, n_certs, n_users;
    struct principal list[PRINCIPALS_MAX];
    struct principal_cert certs[PRINCIPALS_MAX_CERTS]; /* each a reference */
    struct user users[USERS_MAX];
};

/* Empty; NULL without memory. */
struct principals *principals_make(void);
/* With references of its own. */
struct principals *principals_copy(const struct principals *from);

/* 1 to PRINCIPAL_NAME_MAX printable characters. */
bool principal_name_is(struct span name);
/* 32 random bytes in base64url, no dash in front. */
err_t principal_secret(char ret[PRINCIPAL_SECRET_SIZE]) MUST_CHECK;
/* Lower case, into text; the length is known to fit. */
void principal_lower(struct span from, char *text);

/* Each into a set that nobody else has yet; what principals_with and its kin check. */
err_t principals_add(struct principals *made, const struct principal *principal,
                     struct trail *trail) MUST_CHECK;
err_t principals_add_cert(struct principals *made, const char *client_id, struct cert *cert,
                          struct trail *trail) MUST_CHECK;
err_t principals_add_user(struct principals *made, const struct user *user,
                          struct trail *trail) MUST_CHECK;

#endif
