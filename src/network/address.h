/*
 * address.h - addresses of IPv4 and IPv6, ranges of them, and sets.
 *
 * Text is read strictly: one spelling of inet_pton, prefix lengths without leading zeros, no bits
 * behind the prefix, no IPv4 in the clothes of IPv6. A set is sorted, its ranges neither overlap
 * nor touch: two sets of the same addresses are equal byte for byte.
 */
#ifndef NETWORK_ADDRESS_H
#define NETWORK_ADDRESS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

enum {
    ADDRESS_TEXT_MAX = 48,        /* room for any address and its NUL */
    ADDRESS_RANGE_TEXT_MAX = 100, /* and for two of them */
    ADDRESS_CIDRS_MAX = 262144,   /* what one set may be written as */
};

enum address_family { ADDRESS_NONE, ADDRESS_V4, ADDRESS_V6 };

struct address {
    enum address_family family;
    uint8_t bytes[16]; /* of IPv4 the first four, the others zero */
};
/* Both of one family, first not behind last. */
struct address_range {
    struct address first, last;
};
/* IPv4 first. {0} is the empty set. */
struct address_set {
    const struct address_range *items;
    size_t n;
};

/* ERR_VALUE with words when it is no address. */
err_t address_read(struct span text, struct trail *trail, struct address *ret) MUST_CHECK;
/* An address or a prefix (10.0.0.0/8); with may_have_dash also 10.0.0.1-10.0.0.9. */
err_t address_range_read(struct span text, bool may_have_dash, struct trail *trail,
                         struct address_range *ret) MUST_CHECK;
/* "10.0.0.1" or "10.0.0.1:443", "[2001:db8::1]:443"; *ret_port is -1 when there is none. */
err_t address_port_read(struct span text, struct trail *trail, struct address *ret,
                        int *ret_port) MUST_CHECK;

/* Negative, zero, positive: by family, then by number. */
int address_compare(const struct address *a, const struct address *b);
/* Canonical text, terminated. */
void address_text(const struct address *address, char text[static ADDRESS_TEXT_MAX]);
/* As an address, a prefix, or first-last when it is neither. */
void address_range_text(const struct address_range *range,
                        char text[static ADDRESS_RANGE_TEXT_MAX]);

/* Sorted and merged into the arena; the ranges are not kept. */
err_t address_set_make(struct arena *arena, const struct address_range *ranges, size_t n,
                       struct address_set *ret) MUST_CHECK;
bool address_set_has(const struct address_set *set, const struct address *address);
/* The part of one family, borrowed. */
struct address_set address_set_of(const struct address_set *set, enum address_family family);
/* Is it every address of that family? */
bool address_set_is_whole(const struct address_set *set, enum address_family family);
/* How many addresses of the family, roughly: to compare sets by size. */
double address_set_size(const struct address_set *set, enum address_family family);
/* Every address of both families that the set does not have. */
err_t address_set_complement(struct arena *arena, const struct address_set *set,
                             struct address_set *ret) MUST_CHECK;
/* The set as prefixes ("10.0.0.0/8", "10.9.0.1/32"), as few as possible. ERR_TOO_MANY past
 * ADDRESS_CIDRS_MAX. */
err_t address_set_cidrs(struct arena *arena, const struct address_set *set, const char *const **ret,
                        size_t *ret_n) MUST_CHECK;

#endif
