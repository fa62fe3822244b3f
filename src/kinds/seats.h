/*
 * seats.h - inside of the kinds room: addresses of a subnet for the IP configurations of one
 * interface: the lowest that is free, or one that it names. What others have is looked up once,
 * however many addresses are asked for.
 */
#ifndef KINDS_SEATS_H
#define KINDS_SEATS_H

#include "kinds/network.h"

enum { SEATS_MAX = 100000 }; /* taken ones, in the subnets of one interface */

struct seat {
    size_t subnet; /* index */
    uint32_t address;
};
struct seats {
    struct control_call *call;
    const struct resource *interface;         /* whose addresses are looked for */
    const char *subnets[PLACE_ADDRESSES_MAX]; /* keys, each once */
    size_t n_subnets;
    struct seat *items; /* that are taken, sorted */
    size_t n, max;
    bool is_loaded;
};

/* For kind_mention: the addresses that it has. */
err_t seats_mention(struct mentions *mentions, const struct resource *interface) MUST_CHECK;
/* Of the interface as it shall be: its subnets, and the addresses that it names itself. */
err_t seats_begin(struct control_call *call, const struct resource *interface,
                  struct seats *ret) MUST_CHECK;
/* Takes the lowest free address of the subnet, one of those above, with this prefix; *ret NULL for
 * what is no prefix of IPv4: the owner says which then. False and refused when none is free. */
bool seats_take(struct seats *seats, const char *subnet_id, const char *prefix,
                const char **ret_address, struct control_answer *ret);
/* One that the interface names itself: is it one of the subnet's, and no other's? False and
 * refused.
 */
bool seats_claim(struct seats *seats, const char *subnet_id, const char *prefix,
                 const char *address, struct control_answer *ret);

#endif
