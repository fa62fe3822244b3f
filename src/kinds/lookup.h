/*
 * lookup.h - inside of the kinds room: one host name into addresses, in a thread of its own that
 * nobody has to wait for. Who may send what comes back: whoever answers for the name.
 */
#ifndef KINDS_LOOKUP_H
#define KINDS_LOOKUP_H

#include "network/address.h"

enum { LOOKUP_HOST_MAX = 253, LOOKUP_ADDRESSES_MAX = 32 };

struct lookup;

err_t lookup_start(const char *host, struct lookup **ret) MUST_CHECK;
bool lookup_is_done(struct lookup *lookup);
/* Of one that is done: addresses, as many as there are, and no more than LOOKUP_ADDRESSES_MAX. n 0:
 * *ret_why says why. */
const struct address *lookup_result(const struct lookup *lookup, size_t *ret_n,
                                    const char **ret_why);
/* Before it is done as well: then the thread ends it. */
void lookup_drop(struct lookup *lookup);

#endif
