/*
 * internal.h - what the files of this room share. Not for other rooms.
 */
#ifndef NETWORK_INTERNAL_H
#define NETWORK_INTERNAL_H

#include "network/address.h"

struct nsg;
struct rule;

/* 32 or 128. */
unsigned address_bits(enum address_family family);
/* The bits behind the first `length` all zero, or all one. */
void address_mask(struct address *a, unsigned length, bool is_ones);
/* "0" to "65535" without leading zeros; -1 when it is no port. */
int network_port_read(struct span text);
/* What is wrong with a rule of a group, as one sentence: "rule R of the network security group G
 * WORDS", where the trail has the words. */
err_t nsg_fault(const struct nsg *nsg, const struct rule *rule, err_t err, struct trail *trail);

#endif
