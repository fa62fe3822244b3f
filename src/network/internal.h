/*
 * internal.h - what the files of this room share. Not for other rooms.
 */
#ifndef NETWORK_INTERNAL_H
#define NETWORK_INTERNAL_H

#include "network/address.h"

/* 32 or 128. */
unsigned address_bits(enum address_family family);
/* The bits behind the first `length` all zero, or all one. */
void address_mask(struct address *a, unsigned length, bool is_ones);
/* "0" to "65535" without leading zeros; -1 when it is no port. */
int network_port_read(struct span text);

#endif
