/*
 * vm-principals.h - virtual machines as principals of the built-in identity provider: what the one
 * room knows, in the words of the other.
 */
#ifndef SERVER_VM_PRINCIPALS_H
#define SERVER_VM_PRINCIPALS_H

#include "identity/idp.h"

/* The store outlives it. */
struct idp_elsewhere vm_principals(struct store *store);

#endif
