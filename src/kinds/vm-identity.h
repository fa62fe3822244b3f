/*
 * vm-identity.h - the principal that a virtual machine is, for those who ask about principals:
 * roles are given to it, and its guest gets tokens of it (docs/formats/virtual-machines.md).
 *
 * It is there exactly as long as its virtual machine says identity.type SystemAssigned: nothing
 * about it is kept elsewhere that could outlive that. Any thread.
 */
#ifndef KINDS_VM_IDENTITY_H
#define KINDS_VM_IDENTITY_H

#include "crypto/guid.h"
#include "crypto/hash.h"
#include "store/store.h"

enum { VM_IDENTITY_NAME_SIZE = 65 };

struct vm_identity {
    char principal_id[GUID_SIZE], client_id[GUID_SIZE];
    char name[VM_IDENTITY_NAME_SIZE];         /* of the virtual machine */
    char secret_digest[2 * SHA256_BYTES + 1]; /* SHA-256 of the secret in its address; "" = none */
};

/* ERR_NOT_FOUND also for one whose virtual machine is gone, or has another identity or none. */
err_t vm_identity_find(struct store *store, struct arena *arena, struct span principal_id,
                       struct vm_identity *ret) MUST_CHECK;

/* Rows of identities that are there no more, left by a server that stopped in between, go: before
 * the server takes requests. */
err_t vm_identities_sweep(struct store *store, struct trail *trail) MUST_CHECK;

#endif
