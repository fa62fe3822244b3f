/*
 * vm-identity.h - the principal that a virtual machine or a user-assigned identity is, for those
 * who ask about principals: roles are given to it, and guests get tokens of it
 * (docs/formats/virtual-machines.md).
 *
 * It is there exactly as long as its virtual machine says identity.type SystemAssigned, or as the
 * user-assigned identity is there: nothing about it is kept elsewhere that could outlive that. Any
 * thread.
 */
#ifndef KINDS_VM_IDENTITY_H
#define KINDS_VM_IDENTITY_H

#include "crypto/guid.h"
#include "crypto/hash.h"
#include "store/store.h"

enum { VM_IDENTITY_NAME_SIZE = 65, VM_IDENTITY_HOME_SIZE = 128 };

struct vm_identity {
    char principal_id[GUID_SIZE], client_id[GUID_SIZE];
    char name[VM_IDENTITY_NAME_SIZE]; /* of the resource, cut */
    char home[VM_IDENTITY_HOME_SIZE]; /* its subscription, in lower case, cut */
};

/* ERR_NOT_FOUND also for one whose resource is gone, or has another identity or none. */
err_t vm_identity_find(struct store *store, struct arena *arena, struct span principal_id,
                       struct vm_identity *ret) MUST_CHECK;

/* The address of a virtual machine, by the GUID that it begins with: the SHA-256 of its secret, in
 * hexadecimal. ERR_NOT_FOUND: there is none, or none any more. */
err_t vm_address_find(struct store *store, struct arena *arena, struct span address_id,
                      char ret_digest[2 * SHA256_BYTES + 1]) MUST_CHECK;
/* Whose tokens its guest gets there, as the virtual machine says it now, in the arena: its own
 * identity first, then those that it names and that are still who they were. For who has shown the
 * secret: reads the whole virtual machine. */
struct vm_held {
    struct vm_identity identity;
    const char *resource; /* key of a user-assigned one; "" = its own */
};
err_t vm_address_held(struct store *store, struct arena *arena, struct span address_id,
                      struct vm_held **ret, size_t *ret_n) MUST_CHECK;

/* Rows of identities that are there no more, left by a server that stopped in between, go: before
 * the server takes requests. */
err_t vm_identities_sweep(struct store *store, struct trail *trail) MUST_CHECK;

#endif
