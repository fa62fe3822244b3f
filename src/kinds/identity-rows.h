/*
 * identity-rows.h - inside of the kinds room: the rows by which identities are found.
 *
 * "/identities/GUID" says which resource that is, and counts as a resource of its subscription.
 * What the principal is stands in the resource's private part and goes with it. The row repeats
 * it, with the version of the resource that it was read from: who asks looks at the version alone,
 * and not at a resource that may be long. No two resources ever have the same version, so a row
 * that is older than its resource, or left over from one that is gone, says nothing.
 */
#ifndef KINDS_IDENTITY_ROWS_H
#define KINDS_IDENTITY_ROWS_H

#include "kinds/parts.h"

/* Members of RESOURCE_PRIVATE. */
#define IDENTITY_PRINCIPAL "principalId"
#define IDENTITY_CLIENT "clientId"
#define IDENTITY_ADDRESS "addressId"     /* a GUID, what its address begins with */
#define IDENTITY_SECRET "identitySecret" /* SHA-256 of the secret in its address */

/* What a resource says of its identity, in the arena. */
struct identity_facts {
    const char *resource;           /* its key */
    const char *name;               /* of the resource */
    const char *principal, *client; /* NULL = none */
    const char *address;            /* what its address begins with; NULL = none */
    const char *secret_digest;      /* "" = none */
};

/* As the resource says it now. ERR_NOT_FOUND: there is no row of this GUID, or its resource is
 * gone. Whether the GUID is what the resource says of itself is the caller's to ask. */
err_t identity_row_find(struct store *store, struct arena *arena, struct span guid,
                        struct identity_facts *ret) MUST_CHECK;
/* The resource itself, and its private part, NULL when it has none. ERR_NOT_FOUND. */
err_t identity_resource_read(struct store *store, struct arena *arena, const char *key,
                             struct store_resource *ret, yyjson_val **ret_private) MUST_CHECK;
/* For that: the longest one that was ever kept, as text and as values. */
enum { IDENTITY_RESOURCE_BYTES = 32 * 1024 * 1024 };
/* What is at this place of a private part, as an identity. Borrowed. */
void identity_facts_read(yyjson_val *object, struct identity_facts *facts);

/* There is one from now on. False and refused. */
bool identity_row_add(struct control_call *call, const struct resource *resource, const char *guid,
                      struct control_answer *ret);
/* One that cannot be removed says nothing, and goes at the next start. */
void identity_row_remove(struct control_call *call, const char *guid);

#endif
